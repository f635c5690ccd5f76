"""Unread mail -> durable notes: note, then journal, then cursor. Nothing on the server changes.

`look` asks a mailbox and plans, `arrivals` reads what is planned and decides, `keep` acts. A dry run does the first two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailbot.assistant.steering import attempts
from mailbot.errors import BadData, MailbotError, ServerUnavailable
from mailbot.mail.mail import Mail, read_mail
from mailbot.mail.message import Message
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Listing, Opened
from mailbot.sync.decide.correspondent import why_no_person
from mailbot.sync.decide.disposition import Circumstances, disposition
from mailbot.sync.decide.mailbox import (
    Action,
    Fetch,
    ForgetFailure,
    ForgetRenumbered,
    Found,
    KeepHeader,
    MoveCursor,
    Quarantine,
    Remembered,
    Wish,
    plan,
    search_for,
    wanted,
    worth_a_search,
)
from mailbot.sync.decide.retry import backoff
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import Cursor, Location, MailRow, Stage
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.report import Progress, Report, log
from mailbot.sync.steps.circumstances import KnowledgeOf
from mailbot.sync.steps.reading import Mails
from mailbot.vault.email_note import Filing, stem, to_note
from mailbot.vault.files import content_hash
from mailbot.vault.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Look:
    """A mailbox that was asked, and what is to be done with it."""

    opened: Opened
    actions: Sequence[Action]

    @property
    def has_mail(self) -> bool:
        return any(isinstance(a, Fetch | KeepHeader) for a in self.actions)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that was read. `known` is its row where it is kept already; else `verdict` says what becomes of it, and `twins`
    are the notes of other mails with its Message-ID. `raw` is empty where only the header was read."""

    listing: Listing
    mail: Mail
    raw: bytes
    moves: bool
    verdict: Verdict
    known: MailRow | None = None
    twins: tuple[str, ...] = ()

    @property
    def stage(self) -> Stage:
        """What the mail waits for."""
        if not self.verdict.disposition:
            return "triage"
        return "draft" if self.verdict.disposition == "reply" else "done"


def look(server: ImapAccount, account: str, mailbox: str, journal: Journal, wish: Wish) -> Look:
    """Ask a mailbox for what is wanted, and plan. Raises ServerUnavailable where it cannot be opened."""
    opened = server.examine(mailbox)
    uidvalidity = opened.uidvalidity
    memory = Remembered(
        journal.cursors.get(account, mailbox),
        frozenset(journal.locations.known_uids(account, mailbox, uidvalidity)),
        journal.failures.due(account, mailbox, uidvalidity),
    )
    search = search_for(wish, memory.cursor, uidvalidity)
    found: list[int] = []
    if worth_a_search(search, opened):
        last = max(opened.uidnext - 1, 0)
        found = server.search(search.criteria, first=search.first, last=last, exists=opened.exists)
    uids = wanted(found, memory, datetime.now(UTC), wish.limit, newest=not search.moves)
    listings = server.listings(uids)
    described = {m.uid for m in listings}
    silent = [uid for uid in uids if uid not in described]
    there = frozenset(uid for uid in silent if server.search(["ALL"], first=uid, last=uid, exists=0))
    seen = Found(opened, search, found, uids, listings, there)
    return Look(opened, plan(seen, memory, wish))


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Reads the mails of a plan and decides what becomes of each. Changes nothing.

    `knows` gives the circumstances of a mail that its headers do not settle; `at_once` are those that hold for every mail.
    """

    account: str
    server: ImapAccount
    journal: Journal
    at_once: Circumstances
    knows: KnowledgeOf
    now: datetime

    def read(self, look: Look) -> Iterator[tuple[Fetch | KeepHeader, Arrival | MailbotError]]:
        """Each mail that is to be kept, in order, or why it cannot be; a bad mail never stops a mailbox. Raises MailbotError
        where the server as a whole fails, OSError where the disk does."""
        if self.server.examine(look.opened.name).uidvalidity != look.opened.uidvalidity:
            raise ServerUnavailable(
                f"account {self.account}: the server renumbered {look.opened.name} meanwhile; run mailbot again"
            )
        mails = [a for a in look.actions if isinstance(a, Fetch | KeepHeader)]
        for action, raw in self._bodies(mails):
            try:
                yield action, self._arrival(action, raw)
            except OSError:
                raise  # the disk: no mail would fare better
            except MailbotError as error:
                yield action, error
            except Exception as error:  # noqa: BLE001 - a bad mail never stops a mailbox
                log.exception("account %s: %s uid %d", self.account, look.opened.name, action.listing.uid)
                yield action, bug(error)

    def _bodies(
        self, mails: Sequence[Fetch | KeepHeader]
    ) -> Iterator[tuple[Fetch | KeepHeader, bytes | None]]:
        """Each with its bytes, in order; None where the server sent none, or where only the header is wanted."""
        fetched = self.server.bodies(a.listing for a in mails if isinstance(a, Fetch))
        waiting = next(fetched, None)
        for action in mails:
            if waiting and isinstance(action, Fetch) and waiting[0] == action.listing.uid:
                yield action, waiting[1]
                waiting = next(fetched, None)
            else:
                yield action, None

    def _arrival(self, action: Fetch | KeepHeader, raw: bytes | None) -> Arrival:
        listing = action.listing
        if isinstance(action, KeepHeader):
            mail = _header_only(self.server.header(listing.uid), listing)
        elif raw:
            mail = read_mail(raw)
        else:
            raise BadData("the server listed the mail but sent no body")
        message = mail.message
        if known := self.journal.mails.by_content(self.account, message.sha256):
            return Arrival(listing, mail, raw or b"", action.moves, Verdict(), known)
        twins = tuple(m.note for m in self.journal.mails.by_message_id(message.message_id or ""))
        verdict = self._verdict(mail, listing, twin=bool(twins), too_large=isinstance(action, KeepHeader))
        return Arrival(listing, mail, raw or b"", action.moves, verdict, None, twins)

    def _verdict(self, mail: Mail, listing: Listing, *, twin: bool, too_large: bool) -> Verdict:
        """What the mail and its arrival settle; only where they do not, what is known beside."""
        arrived = listing.internal_date or mail.message.date
        here = replace(
            self.at_once,
            answered=any(f.casefold() == "\\answered" for f in listing.flags),
            twin=twin,
            too_large=too_large,
            age=self.now - arrived.astimezone() if arrived else None,
            model=True,
        )
        settled = disposition(mail, here)
        if settled.disposition:
            return settled
        # Of the circumstances of its arrival none has settled it.
        return disposition(mail, self.knows(mail.message))


def _header_only(header: bytes, listing: Listing) -> Mail:
    """What is kept of a mail that is too large: its header, under an identity that counts size and UID as well."""
    if not header.strip():
        raise BadData("the server listed the mail but sent no header")
    mail = read_mail(header)
    size = f"{listing.size / 1_000_000:.0f} MB"
    message = replace(
        mail.message,
        sha256=content_hash(header + f"{listing.size} {listing.uid}".encode()),
        size=listing.size,
        body=(),
        defects=(
            *mail.message.defects,
            f"its body ({size}) is above max_mail_size and was left on the server",
        ),
    )
    return Mail(message, mail.text)


def bug(error: Exception) -> MailbotError:
    """An error that nobody foresaw, as the user is told of it."""
    return MailbotError(f"a bug of mailbot ({type(error).__name__}); its log has the details")


@dataclass(frozen=True, slots=True)
class Keeper:
    """Makes a plan true: notes first, then the journal, then the cursor."""

    account: str
    journal: Journal
    notes: NoteFiles
    spool: Spool
    mails: Mails
    folder: str
    """Of the vault, for mail."""
    own: frozenset[str]
    report: Report
    progress: Progress

    def run(self, look: Look, arrivals: Iterable[tuple[Fetch | KeepHeader, Arrival | MailbotError]]) -> None:
        """Do every action of a plan, the mails as they arrive. Raises OSError where the disk fails."""
        opened = look.opened
        for first in look.actions:
            match first:
                case ForgetRenumbered(before):
                    self.report.remark(
                        f"{opened.name}: the server renumbered its mails (UIDVALIDITY {before} became {opened.uidvalidity});"
                        " those that are known are recognised"
                    )
                    self.journal.failures.forget_renumbered(self.account, opened.name, opened.uidvalidity)
                case ForgetFailure(uid):
                    self.journal.failures.forget(self.account, _at(opened, uid))
                case Quarantine(uid, reason, moves):
                    self._failed(opened, uid, reason, moves)
        total = sum(isinstance(a, Fetch | KeepHeader) for a in look.actions)
        for done, (action, arrival) in enumerate(arrivals, 1):
            self._keep_or_record(opened, action, arrival)
            self.progress(f"{self.account}: {opened.name}", done, total)
        for last in look.actions:
            if isinstance(last, MoveCursor):
                reached = Cursor(opened.uidvalidity, last.uid)
                self.journal.cursors.move(self.account, opened.name, reached)

    def _keep_or_record(
        self, opened: Opened, action: Fetch | KeepHeader, arrival: Arrival | MailbotError
    ) -> None:
        uid = action.listing.uid
        if isinstance(arrival, MailbotError):
            self._failed(opened, uid, str(arrival), action.moves)
            return
        try:
            self._keep(opened, arrival)
        except OSError:
            raise
        except MailbotError as error:
            self._failed(opened, uid, str(error), action.moves)
        except Exception as error:  # noqa: BLE001 - a bad mail never stops a mailbox
            log.exception("account %s: %s uid %d", self.account, opened.name, uid)
            self._failed(opened, uid, str(bug(error)), action.moves)

    def _failed(self, opened: Opened, uid: int, reason: str, moves: bool) -> None:
        self.report.failed.append(f"{opened.name}, UID {uid}: {reason}; it is tried again later")
        at = _at(opened, uid)
        attempts = self.journal.failures.attempts(self.account, at) + 1
        with self.journal.together():
            self.journal.failures.record(
                self.account, at, reason, attempts, datetime.now(UTC) + backoff(attempts)
            )
            if moves:
                self.journal.cursors.move(self.account, opened.name, Cursor(opened.uidvalidity, uid))

    def _keep(self, opened: Opened, arrival: Arrival) -> None:
        uid = arrival.listing.uid
        if arrival.known:
            self.report.recognised += 1
            with self.journal.together():
                self._located(arrival.known.id, opened, uid, arrival.moves)
            return
        message, verdict = arrival.mail.message, arrival.verdict
        filing = Filing(self.account, opened.name, uid, opened.uidvalidity)
        path, note_hash = write_email_note(
            self.notes, arrival.mail, filing, verdict, self.folder, arrival.twins
        )
        if arrival.stage != "done":
            self.spool.keep_mail(message.sha256, arrival.raw)
            self.mails.hold(arrival.mail)
        date = message.date or arrival.listing.internal_date or datetime.now(UTC)
        with self.journal.together():
            mail_id = self.journal.mails.add(
                self.account,
                message.message_id or "",
                message.sha256,
                path,
                note_hash,
                date,
                arrival.stage,
                verdict.disposition,
            )
            if verdict.asks:
                self.journal.mails.set_asks(mail_id, verdict.asks)
            self._remember_stranger(mail_id, message)
            self._located(mail_id, opened, uid, arrival.moves)
        self.report.notes.append(path)
        if verdict.disposition:
            self.report.count(verdict.disposition)
        log.info("account %s: %s uid %d kept as mail %d", self.account, opened.name, uid, mail_id)

    def _located(self, mail_id: int, opened: Opened, uid: int, moves: bool) -> None:
        """The mail lies there, and its failure there, if there was one, is over."""
        at = _at(opened, uid)
        self.journal.locations.add(mail_id, self.account, at)
        self.journal.failures.forget(self.account, at)
        if moves:
            self.journal.cursors.move(self.account, opened.name, Cursor(opened.uidvalidity, uid))

    def _remember_stranger(self, mail_id: int, message: Message) -> None:
        sender = message.sender
        if sender and sender.key not in self.own and not why_no_person(message):
            parents = (*message.in_reply_to, *message.references)
            self.journal.strangers.add(mail_id, self.account, datetime.now(UTC), sender.key, parents)


def _at(opened: Opened, uid: int) -> Location:
    return Location(opened.name, opened.uidvalidity, uid)


def write_email_note(
    notes: NoteFiles, mail: Mail, filing: Filing, verdict: Verdict, folder: str, twins: Sequence[str] = ()
) -> tuple[str, str]:
    """(path, hash) of the mail's note, made durable; under another name where another mail's note has the usual one."""
    number, name = 1, ""
    suspicious = attempts(mail.message)
    while True:
        email = to_note(mail, filing, verdict, folder=folder, name=name, suspicious=suspicious, twins=twins)
        if written := notes.keep(email, mail.message.sha256):
            return email.path, written
        number += 1
        name = f"{stem(mail.message, filing.uid)}_{number}"
