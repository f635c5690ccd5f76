"""Where stored drafts are now: Drafts, Sent and Trash, looked at in one pass. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from mailbot.assistant.lane import BLANK
from mailbot.errors import AuthenticationFailed, NoSuchMailbox, ServerUnavailable, TryAgain
from mailbot.mail.mail import Mail, read_mail
from mailbot.mail.message import MessageId
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Opened
from mailbot.mail.server.sent_header import SentHeader
from mailbot.settings import Account
from mailbot.sync.decide.content import content_of, folded, likeness, reply_in
from mailbot.sync.decide.life import SAME
from mailbot.sync.decide.noted import Noted, agrees
from mailbot.sync.decide.seen import Found, OnServer, Place
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import DraftRow, Location, SentRow
from mailbot.sync.memory.spool import Spool
from mailbot.sync.steps.deliver import MOST
from mailbot.vault.files import content_hash

MAILBOXES = 50
"""How many other mailboxes are looked at for a Drafts that was renamed."""
RECENT = 500
"""UIDs that are looked at for drafts that were deleted before the mailbox was renumbered."""
FEW = 8
"""Words of its own that a draft must have to be compared: an outline has hardly any."""
CLOCKS = timedelta(minutes=10)
"""How far two clocks may be apart: a mail in Sent that is older than a draft is no answer that came of it."""


@dataclass(frozen=True, slots=True)
class _Box:
    """A mailbox that was looked at, and the headers of what lies there."""

    opened: Opened
    headers: Mapping[int, SentHeader]


@dataclass(slots=True)
class Sightings:
    """Looks for the drafts of an account. Every call may raise MailbotError if the server as a whole fails."""

    account: Account
    server: ImapAccount
    journal: Journal
    spool: Spool
    _mails: dict[Location, tuple[bytes, Mail] | None] = field(default_factory=dict)

    def of(
        self, drafts: Sequence[DraftRow], notes: Mapping[int, Noted | None], authors: Mapping[int, str]
    ) -> dict[int, OnServer]:
        """What the server holds of each draft, by its id. `notes` are what their notes say, None where one cannot be read; `authors` who
        wrote the mails that they answer (addresses, case-folded)."""
        boxes = self._boxes([d for d in drafts if d.mailbox])
        placed = {(b.opened.name, uid) for b in boxes for uid in b.headers} & {
            (d.mailbox, d.uid) for d in drafts
        }
        return {d.id: self._one(d, notes.get(d.id), authors.get(d.id, ""), boxes, placed) for d in drafts}

    def _boxes(self, drafts: Sequence[DraftRow]) -> list[_Box]:
        """Drafts, and where drafts lay before Drafts was moved: what is there since the oldest of these drafts."""
        if not drafts:
            return []
        there = {m.name for m in self.server.mailboxes() if m.selectable}
        names = [n for n in dict.fromkeys(d.mailbox for d in drafts) if n in there]
        try:
            names = list(dict.fromkeys([*names, self.server.find("drafts", self.account.drafts_mailbox)]))
        except NoSuchMailbox:
            if not names:
                raise
        boxes = [self._box(name, drafts) for name in names]
        seen = {(b.opened.name, b.opened.uidvalidity) for b in boxes}
        open_ = [d for d in drafts if d.status not in ("missing", "discarded")]
        lost = {d.uidvalidity for d in open_ if (d.mailbox, d.uidvalidity) not in seen}
        if lost:  # perhaps Drafts was given another name: a mailbox keeps its UIDVALIDITY then
            for name in sorted(there - set(names))[:MAILBOXES]:
                if self.server.examine(name).uidvalidity in lost:
                    boxes.append(self._box(name, drafts))
        return boxes

    def _box(self, name: str, drafts: Sequence[DraftRow]) -> _Box:
        opened = self.server.examine(name)
        known = [d.uid for d in drafts if (d.mailbox, d.uidvalidity) == (name, opened.uidvalidity) and d.uid]
        open_ = [d for d in drafts if d.status != "discarded" and (d.uid or d.status != "unknown")]
        first = min(known, default=max(1, opened.uidnext - RECENT))
        if any((d.mailbox, d.uidvalidity) != (name, opened.uidvalidity) or not d.uid for d in open_):
            first = 1  # it may lie anywhere
        uids = self.server.search(["ALL"], first=first, exists=opened.exists) if opened.exists else []
        return _Box(opened, dict(self.server.headers(uids)))

    def _one(
        self,
        draft: DraftRow,
        note: Noted | None,
        author: str,
        boxes: Sequence[_Box],
        placed: set[tuple[str, int]],
    ) -> OnServer:
        source = self.journal.mails.get(draft.mail_id).message_id
        # Where neither note nor author can be told, nobody counts as a reader: then only the Message-ID tells.
        readers = ({a.key for a in (*note.to, *note.cc)} if note else set()) | ({author} - {""}) or {""}
        first = ({a.key for a in note.to} if note else set()) | ({author} - {""}) or {""}
        sent = self._sent(draft, source, note, first)
        if not draft.mailbox:
            return OnServer(placed=self.spool.draft(MessageId(draft.message_id)) is not None, sent=sent)
        place = draft.mailbox, draft.uidvalidity
        home = next((b for b in boxes if (b.opened.name, b.opened.uidvalidity) == place), None)
        mine = home.headers.get(draft.uid) if home and draft.uid else None
        leaving = self.journal.drafts.leaving(draft.id)
        if leaving and mine is not None and not _deleted(mine):  # a run was killed before it had marked it
            self.journal.drafts.leave(draft.id, False)
        lies = mine is not None and (not _deleted(mine) or leaving)
        copies = []
        earlier = {d.message_id: d for d in self.journal.drafts.of(draft.mail_id) if d.id != draft.id}
        for box in boxes:
            for uid, header in box.headers.items():
                if _deleted(header) or (box is home and uid <= draft.uid):
                    continue  # what is older than the draft did not come from it
                mine_once = earlier.get(header.message_id)
                by_id = mine_once is not None or header.message_id == draft.message_id
                answers = not lies and bool(source) and header.parent == source
                # A mail without a Message-ID cannot be answered by name: then readers and text must tell.
                orphan = not lies and not source and not header.parent and bool(readers)
                if not by_id and not (answers or (orphan and _same_readers(header, readers))):
                    continue
                if not by_id and ((box.opened.name, uid) in placed or self._elsewhere(header, draft)):
                    continue
                at = Location(box.opened.name, box.opened.uidvalidity, uid)
                found = self._found("drafts", at, header.message_id, by_id, draft, note)
                # One to others is the draft only where it says the same: the user has redirected it.
                if not by_id and not _same_readers(header, readers) and not self._says_the_same(at, note):
                    continue
                if mine_once and found.content == mine_once.server_base:
                    continue  # an earlier revision that is back, and says nothing new
                if by_id or answers or found.likeness >= MIRROR:
                    copies.append(replace(found, stale=mine_once is not None))
        trash = None
        if (
            not lies
            and not any(c.by_id for c in copies)
            and not sent
            and draft.status not in ("discarded", "unknown")
        ):
            trash = self._trash(draft, source, note, readers)
        return OnServer(lies, mine is not None and not lies, tuple(copies), sent, trash)

    def _says_the_same(self, at: Location, note: Noted | None) -> bool:
        """Whether a message has the very words of a note, as far as these are more than a few."""
        read = self.mail(at)
        if read is None or note is None or BLANK.search(note.text):
            return False
        written = reply_in(read[1].text, self.account.signature)
        enough = len(note.text.split()) >= FEW and likeness(note.text, written) >= SAME
        return enough or (bool(note.text) and folded(note.text) == folded(written))

    def _elsewhere(self, header: SentHeader, draft: DraftRow) -> bool:
        """Whether a message is another draft of ours."""
        return header.message_id != draft.message_id and self.journal.drafts.known(header.message_id)

    def _sent(self, draft: DraftRow, source: str, note: Noted | None, readers: set[str]) -> Found | None:
        """The mail in Sent that is the draft, or that answers the same mail since the draft was made."""
        for revision in reversed(self.journal.drafts.of(draft.mail_id)):
            own = self.journal.sent.with_id(self.account.name, revision.message_id)
            # An earlier revision counts where it went out since this one was made: a client had that one open.
            if own and (revision.id == draft.id or own[-1].id > draft.sent_mark):
                return self._of_sent(own[-1], draft, note, by_id=True)
        for row, to in (
            self.journal.sent.answering(self.account.name, source, draft.sent_mark) if source else ()
        ):
            if row.date is not None and row.date < draft.created - CLOCKS:
                continue
            found = self._of_sent(row, draft, note, by_id=False)
            if not readers.isdisjoint(to) or self._says_the_same(row.location, note):
                return found
        return None

    def _of_sent(self, row: SentRow, draft: DraftRow, note: Noted | None, *, by_id: bool) -> Found:
        found = self._found("sent", row.location, row.message_id, by_id, draft, note)
        return found if found.content or by_id else replace(found, likeness=0.0)

    def _trash(self, draft: DraftRow, source: str, note: Noted | None, readers: set[str]) -> Found | None:
        try:
            name = self.server.find("trash")
            parent = MessageId(source) if source else None
            uids = self.server.copies(name, MessageId(draft.message_id), parent=parent)
        except (TryAgain, AuthenticationFailed):
            raise
        except ServerUnavailable:
            self.server.ensure()
            return None
        opened = self.server.examine(name)
        found = []
        for uid, header in self.server.headers(uids):
            by_id = header.message_id == draft.message_id
            if not by_id and (self._elsewhere(header, draft) or not _same_readers(header, readers)):
                continue
            at = Location(name, opened.uidvalidity, uid)
            each = self._found("trash", at, header.message_id, by_id, draft, note)
            if by_id or each.likeness > MIRROR:
                found.append(each)
        return max(found, key=lambda f: (f.by_id, f.likeness), default=None)

    def _found(
        self, place: Place, at: Location, message_id: str, by_id: bool, draft: DraftRow, note: Noted | None
    ) -> Found:
        read = self.mail(at)
        if read is None:
            return Found(place, at, message_id, by_id)
        raw, mail = read
        said, sha256 = content_of(mail), content_hash(raw)
        written = reply_in(mail.text, self.account.signature)
        return Found(
            place,
            at,
            message_id,
            by_id,
            same=said.hash == draft.server_base,
            ours=draft.ours and sha256 == draft.sha256,
            likeness=_alike(note.text, written) if note else 1.0,
            strict=likeness(note.text, written) if note else 0.0,
            as_noted=note is not None and agrees(note, mail, self.account.signature),
            content=said.hash,
            sha256=sha256,
        )

    def mail(self, at: Location) -> tuple[bytes, Mail] | None:
        """A message (its bytes, and read), None if it is not there any more, or too large to have been a draft."""
        if at not in self._mails:
            raw = None
            if self.server.examine(at.mailbox).uidvalidity == at.uidvalidity:
                raw = self.server.message(at.mailbox, at.uid, MOST)
            self._mails[at] = (raw, read_mail(raw)) if raw else None
        return self._mails[at]


MIRROR = 0.6
"""The likeness from which a mail in Trash that answers the same mail is taken for the draft."""


def _alike(drafted: str, written: str) -> float:
    """How alike a draft and what became of it are. One that is mostly blanks and quoted questions was there to be rewritten."""
    own = "\n".join(line for line in BLANK.sub(" ", drafted).split("\n") if not line.startswith(">"))
    outline = BLANK.search(drafted) is not None and len(own.split()) < FEW
    return 1.0 if outline else round(likeness(own, written), 2)


def _same_readers(header: SentHeader, readers: set[str]) -> bool:
    """Whether a message goes to one of these, as far as they are known: what is forwarded to others is no answer."""
    return not readers.isdisjoint(header.to)


def _deleted(header: SentHeader) -> bool:
    return "\\deleted" in {flag.casefold() for flag in header.flags}
