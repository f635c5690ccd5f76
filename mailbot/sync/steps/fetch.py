"""A plan -> arrivals: the mails of a mailbox are read and decided.

Nothing changes here, on the server or elsewhere: `keep.py` makes the plan true, a dry run prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from mailbot.errors import BadData, MailbotError
from mailbot.hearsay import confidence
from mailbot.mail.mail import Mail, read_mail
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Listing, Opened
from mailbot.sync.decide.disposition import Circumstances, disposition
from mailbot.sync.decide.mailbox import Fetch, KeepHeader
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import MailRow, Stage
from mailbot.sync.session.report import bug, log
from mailbot.sync.steps.circumstances import KnowledgeOf
from mailbot.sync.steps.convert import Converted, RawMail, by_rules, convert, converted, whole
from mailbot.sync.steps.look import Look
from mailbot.sync.steps.processes import MOST, Processes, free, give_back, in_parts
from mailbot.vault.email_note import EmailNote, Filing
from mailbot.vault.entry import Entry, entry_of
from mailbot.vault.files import content_hash
from mailbot.vault.verdict import Verdict

BATCH = 64
"""Mails that become durable together: what a run that is killed may have to look at again."""
BATCH_OCTETS = 1_500_000
MANY = 40
"""Mails from which on processes are worth their start."""
PART, PART_OCTETS = 12, 250_000
"""How much is sent to a process at a time, in mails and octets."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that was read. `known` is its row where it is kept already; else `verdict` says what becomes of it, and `note` is the
    note that it gets. `given` is what it was read from; without bytes where only the header was."""

    listing: Listing
    mail: Mail
    given: RawMail
    moves: bool
    verdict: Verdict
    note: EmailNote
    entry: Entry
    known: MailRow | None = None

    @property
    def stage(self) -> Stage:
        """What the mail waits for."""
        if not self.verdict.disposition:
            return "triage"
        return "draft" if self.verdict.disposition == "reply" else "done"


Step = tuple[Fetch | KeepHeader, Arrival | MailbotError]
"""A mail that is to be kept, read, or why it cannot be."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Reads the mails of a plan and decides what becomes of each. Changes nothing.

    `at_once` are the circumstances that hold for every mail. `knows` gives those of a mail that they do not settle; without it
    such a mail stays undecided.
    """

    account: str
    server: ImapAccount
    journal: Journal
    at_once: Circumstances
    knows: KnowledgeOf | None
    folder: str
    """For email notes, relative to the vault."""
    now: datetime

    def read(self, look: Look) -> Iterator[list[Step]]:
        """The mails of the mailbox that is open that are to be kept, in order, in batches: what a batch says of the journal holds
        once the batches before are in it. A bad mail never stops a mailbox. Raises MailbotError if the server as a whole fails,
        OSError if the disk does."""
        mails = [a for a in look.actions if isinstance(a, Fetch | KeepHeader)]
        batch: list[Step] = []
        weight = 0
        seen: set[str] = set()
        converted = self._converted(mails, look.opened)
        while True:
            try:
                action, found = next(converted)
            except StopIteration:
                break
            except Exception:  # the server, or the disk: what was read before is kept
                if batch:
                    yield batch
                raise
            names = frozenset() if isinstance(found, MailbotError) else found[1].names
            if len(batch) >= BATCH or weight >= BATCH_OCTETS or not seen.isdisjoint(names):
                yield batch
                batch, weight, seen = [], 0, set()
            batch.append((action, self._decided(action, found, look.opened)))
            weight += action.listing.size
            seen |= names
        if batch:
            yield batch

    def _converted(
        self, mails: Sequence[Fetch | KeepHeader], opened: Opened
    ) -> Iterator[tuple[Fetch | KeepHeader, _Found]]:
        """Each mail, read, in order; read in other processes where there are many."""
        bodies = self._bodies(mails)
        processes = free(MOST) if len(mails) >= MANY else 0
        if not processes:
            for action, raw in bodies:
                yield action, self._here(action, raw, opened)
            return
        try:
            with Processes(convert, processes) as pool:
                for came, group in groupby(bodies, key=lambda body: bool(body[1])):
                    if not came:
                        for action, raw in group:
                            yield action, self._here(action, raw, opened)
                        continue
                    given = ((a, self._given(raw or b"", a.listing, opened)) for a, raw in group)
                    for action, mail, found in pool.in_order(in_parts(given, PART, PART_OCTETS)):
                        yield action, found if isinstance(found, MailbotError) else (mail, found)
        finally:
            give_back(processes)

    def _here(self, action: Fetch | KeepHeader, raw: bytes | None, opened: Opened) -> _Found:
        """A mail, read in this process."""
        listing = action.listing
        try:
            if isinstance(action, KeepHeader):
                given = self._given(b"", listing, opened, too_large=True)
                return given, converted(_header_only(self.server.header(listing.uid), listing), given)
            if not raw:
                return BadData("the server listed the mail but sent no body")
            given = self._given(raw, listing, opened)
            return given, convert(given)
        except MailbotError as error:
            return error
        except OSError:
            raise  # the disk, or the server: no mail would fare better
        except Exception as error:  # noqa: BLE001 - a bad mail never stops a mailbox
            log.exception("account %s: %s uid %d", self.account, opened.name, listing.uid)
            return bug(error)

    def _given(self, raw: bytes, listing: Listing, opened: Opened, *, too_large: bool = False) -> RawMail:
        known = replace(
            self.at_once,
            answered=any(f.casefold() == "\\answered" for f in listing.flags),
            too_large=too_large,
            model=True,
        )
        filing = Filing(self.account, opened.name, listing.uid, opened.uidvalidity)
        return RawMail(raw, filing, known, self.folder, listing.internal_date, self.now)

    def _bodies(
        self, mails: Sequence[Fetch | KeepHeader]
    ) -> Iterator[tuple[Fetch | KeepHeader, bytes | None]]:
        """Each with its bytes, in order; None if the server sent none, or where only the header is wanted."""
        fetched = self.server.bodies(a.listing for a in mails if isinstance(a, Fetch))
        waiting = next(fetched, None)
        for action in mails:
            if waiting and isinstance(action, Fetch) and waiting[0] == action.listing.uid:
                yield action, waiting[1]
                waiting = next(fetched, None)
            else:
                yield action, None

    def _decided(self, action: Fetch | KeepHeader, found: _Found, opened: Opened) -> Arrival | MailbotError:
        if isinstance(found, MailbotError):
            return found
        given, read = found
        mail, message = read.mail, read.mail.message
        confidence.text(message.subject, mail.text.plain("newest", "quoted", "forwarded"))
        arrival = Arrival(action.listing, mail, given, action.moves, read.verdict, read.note, read.entry)
        try:
            if known := self.journal.mails.by_content(self.account, message.sha256):
                return replace(arrival, known=known)
            twins = [m.note for m in self.journal.mails.by_message_id(message.message_id or "")]
            verdict = self._verdict(read, given, action.listing.uid, twin=bool(twins))
        except MailbotError:
            raise  # the journal
        except Exception as error:  # noqa: BLE001 - a bad mail never stops a mailbox
            log.exception("account %s: %s uid %d", self.account, opened.name, action.listing.uid)
            return bug(error)
        if verdict == read.verdict and not twins:
            return arrival
        note = read.note.decided(verdict, twins)
        return replace(arrival, verdict=verdict, note=note, entry=entry_of(note.path, note.note))

    def _verdict(self, read: Converted, given: RawMail, uid: int, *, twin: bool) -> Verdict:
        """What the mail and its arrival alone decide stands. Look up more only if they do not."""
        settled = read.verdict
        if twin:
            settled = by_rules(whole(read.mail, given), replace(given, known=replace(given.known, twin=True)))
        if settled.disposition or self.knows is None:
            return settled
        try:
            return disposition(read.mail, self.knows(read.mail.message))
        except Exception:  # noqa: BLE001 - what is known beside a mail may fail, and the mail is kept: triage decides
            log.exception("account %s: what is known beside uid %d", self.account, uid)
            return settled


_Found = tuple[RawMail, Converted] | MailbotError
"""What a mail was read from and what it is, or why it cannot be read."""


def _header_only(header: bytes, listing: Listing) -> Mail:
    """What is kept of a mail that is too large: its header, under an identity that counts its size as well."""
    if not header.strip():
        raise BadData("the server listed the mail but sent no header")
    mail = read_mail(header)
    size = f"{listing.size / 1_000_000:.0f} MB"
    message = replace(
        mail.message,
        sha256=content_hash(header + f"{listing.size}".encode()),
        size=listing.size,
        body=(),
        defects=(
            *mail.message.defects,
            f"its body ({size}) is above max_mail_size and was left on the server",
        ),
    )
    return Mail(message, mail.text)
