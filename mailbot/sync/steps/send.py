"""An approved draft -> sent, once: looked at, journalled before the server is asked, and whatever comes after it done by this run or a
later one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailbot import stopping
from mailbot.errors import LONGEST_WAIT, BadData, MailbotError, TryAgain
from mailbot.mail.mail import Mail, read_mail
from mailbot.mail.message import Address, MessageId
from mailbot.mail.mime.wire import Wire, for_wire
from mailbot.mail.server.outbox import Accepted, Later, Lost, Outbox, Refused
from mailbot.sync.decide.content import content_of
from mailbot.sync.decide.noted import checked, chosen_recipients, chosen_subject, noted
from mailbot.sync.decide.retry import backoff
from mailbot.sync.decide.sendable import LOST, Going, doubts, hindrance, lacking
from mailbot.sync.memory.rows import DraftRow
from mailbot.sync.session.report import log
from mailbot.sync.steps.after_sending import ALL, NOTE, AfterSending
from mailbot.sync.steps.compose import attached, with_files
from mailbot.sync.steps.telling import Meanwhile, Telling
from mailbot.vault import read_draft

HOUR = timedelta(hours=1)
AGAIN = "it may have been sent already: nobody knows"
MONTH = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would go out: the user sees it before it does. `hindrance` says why it must not, `doubts` what to think of first."""

    draft: DraftRow
    sender: str
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    subject: str
    text: str
    files: tuple[tuple[str, int], ...]
    """Name and octets of each."""
    noted: str
    """The hash of what its note says."""
    hindrance: str = ""
    doubts: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    """What came into the thread after the mail that it answers."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends the approved drafts of an account. `newer` names the notes of mails that came into the thread of a draft after it."""

    telling: Telling
    after: AfterSending
    outbox: Callable[[], Outbox]
    newer: Callable[[DraftRow], Sequence[str]]
    noticed: Callable[[DraftRow], DraftRow]
    """What became of a draft up to this moment: the newest revision of it."""

    def send_due(self) -> None:
        """Finish what was sent, and, where the settings allow it, send what was approved long enough ago."""
        self.after.finish_all()
        rules, now, account = self.telling.settings.send, self.telling.clock(), self.telling.delivery.account
        if not rules.allow:
            return
        most = rules.per_hour - self.telling.journal.drafts.sent_between(account.name, now - HOUR, now)
        for draft in self.due(now):
            if most <= 0:
                many = "1 mail" if rules.per_hour == 1 else f"{rules.per_hour} mails"
                self.telling.report.remark(
                    f"account {account.name}: {many} an hour may go out (send.per_hour); the rest waits"
                )
                return
            draft = self.noticed(
                draft
            )  # the user may have answered, edited or taken it back since the run began
            if draft.status != "approved":
                continue
            try:
                preview = self.preview(draft)
            except BadData as error:
                if draft.why != str(error):  # else it was said
                    self.telling.report.failed.append(f"{draft.note}: not sent: {error}")
                continue
            if why := "; ".join(filter(None, (preview.hindrance, *preview.doubts))):
                self._hold(draft, why, anyway=not preview.hindrance)
                continue
            try:
                most -= self.send(draft)
            except BadData as error:
                self.telling.report.failed.append(str(error))

    def due(self, now: datetime, *, keep: bool = True) -> list[DraftRow]:
        """The drafts that were approved long enough ago, and whose next try is due. What a clock that was ahead has written counts from
        now, which is written down if `keep`; and no try waits for longer than a day."""
        drafts, due = self.telling.journal.drafts, []
        for draft in self.approved():
            if draft.approved_at is None or draft.approved_at > now:
                if keep:
                    drafts.save(replace(draft, approved_at=now))
            elif draft.approved_at <= now - self.telling.settings.send.after and (
                draft.next_try is None or not now < draft.next_try <= now + LONGEST_WAIT
            ):
                due.append(draft)
        return due

    def _hold(self, draft: DraftRow, why: str, *, anyway: bool) -> None:
        """An approved draft is not sent now: its note says why, and the user is told once."""
        if draft.why == why:
            return
        try:
            self.telling.tell(
                draft, "approved", f"Not sent yet: {why}.", expects="approved", lenient=True, why=why
            )
        except Meanwhile:
            return  # the user has taken it back
        tail = f"; `mailbot send {draft.note}` sends it anyway" if anyway else ""
        self.telling.report.failed.append(f"{draft.note}: not sent: {why}{tail}")

    def approved(self) -> list[DraftRow]:
        """The drafts that are approved."""
        every = self.telling.journal.drafts.watched(
            self.telling.delivery.account.name, self.telling.clock() - MONTH
        )
        return [d for d in every if d.status == "approved"]

    def preview(self, draft: DraftRow, *, again: bool = False) -> Preview:
        """What would go out of a draft; `again` says that the user has decided on one whose fate is unknown. Raises BadData if its note
        cannot be read."""
        raw = self.telling.delivery.bytes_of(draft)
        mail = read_mail(raw) if raw else None
        read = read_draft.parse(self.telling.files.must_read(draft.note)[0], draft.note)
        said = with_files(noted(read), self.telling.settings.vault)
        whole = (
            mail is not None and content_of(mail).hash == draft.server_base and said.hash == draft.note_base
        )
        files = tuple((a.name, a.size) for a in mail.message.attachments) if mail else ()
        status = "approved" if again else read.status
        going = Going(said.text, len(files), said.hash, whole, status, tuple(self.newer(draft)), again)
        return Preview(
            draft,
            str(mail.message.sender or "") if mail else "",
            mail.message.to if mail else said.to,
            mail.message.cc if mail else said.cc,
            _hidden(raw, mail, self.telling.clock()) if mail and raw else (),
            mail.message.subject if mail else said.subject,
            "\n\n".join(s.plain for s in mail.text.segments) if mail else said.text,
            files,
            said.hash,
            hindrance(draft, going),
            ((AGAIN, *doubts(going)) if again else doubts(going)),
            going.newer,
        )

    def foreseen(self, draft: DraftRow) -> Preview:
        """What would go out once a run has read the note, which says `approved`. Raises BadData if the note cannot be read."""
        shown = self.preview(draft, again=True)
        read = read_draft.parse(self.telling.files.must_read(draft.note)[0], draft.note)
        said = checked(with_files(noted(read), self.telling.settings.vault), draft.note)
        to, cc = chosen_recipients(said, shown.to, shown.cc)
        named = attached(self.telling.settings.vault, draft.note, said.attach)
        files = tuple((a.name, a.size) for a in named)
        going = Going(said.text, len(files), said.hash, whole=True, newer=tuple(self.newer(draft)))
        return replace(
            shown, to=to, cc=cc, subject=chosen_subject(said, shown.subject), text=said.text, files=files,
            hindrance=lacking(said.text), doubts=doubts(going),
        )  # fmt: skip

    def send(self, draft: DraftRow) -> bool:
        """Send one draft that nothing hinders; says whether it went out, or may have. Raises MailbotError if the server cannot be
        reached or refuses the login: then it was not sent."""
        raw = self.telling.delivery.bytes_of(draft)
        if raw is None:
            raise BadData(f"{draft.note}: the draft was changed in this very moment; run `mailbot sync`")
        wire = _with_id(for_wire(raw, self.telling.clock()), draft.message_id)
        if not wire.sender or not wire.recipients:
            raise BadData(
                f"{draft.note}: the draft names {'no recipient' if wire.sender else 'no sender'}; correct it"
            )
        outbox = self.outbox()
        self.telling.delivery.spool.keep_draft(MessageId(draft.message_id), wire.raw)
        going = replace(draft, status="sending", sent_at=self.telling.clock(), why="")
        self.telling.journal.drafts.save(going)
        try:
            outcome = outbox.submit(wire)
        except (stopping.Stopped, KeyboardInterrupt):
            if not outbox.handed_over:
                self.telling.journal.drafts.save(replace(draft, why="the run was stopped before it was sent"))
            raise
        except MailbotError as error:
            if draft.mailbox:
                self.telling.delivery.spool.drop_draft(MessageId(draft.message_id))
            if isinstance(error, TryAgain):
                self._wait(going, str(error), told=True)
            else:  # the account's login or server: nothing of the draft's, and tried at the next run
                self.telling.journal.drafts.save(replace(draft, why=""))
            error.args = (f"{draft.note}: not sent: {error}",)
            raise
        if draft.mailbox and not isinstance(outcome, Accepted):
            self.telling.delivery.spool.drop_draft(
                MessageId(draft.message_id)
            )  # the draft itself lies in Drafts
        match outcome:
            case Accepted(refused):
                self._accepted(going, wire, refused)
                return True
            case Refused(why):
                self._refused(going, why)
            case Later(why):
                self._wait(going, why)
            case Lost(why):
                self._lost(going, why)
                return True
        return False

    def _accepted(self, draft: DraftRow, wire: Wire, refused: dict[str, str]) -> None:
        log.info("account %s: draft %d was sent", self.telling.delivery.account.name, draft.id)
        took = [a.email for a in wire.recipients if a.email not in refused]
        row = replace(draft, status="sent", todo=f"{NOTE} {' '.join(ALL)}", approved="", next_try=None)
        self.telling.journal.drafts.save(row)
        line = f"Sent to {', '.join(took)}."
        if refused:
            named = "; ".join(f"{who} ({why})" for who, why in refused.items())
            line += f" Not accepted for {named}: send it to them yourself, at another address or later."
            self.telling.report.failed.append(
                f"{draft.note}: sent, but not accepted for {named}; send it to them yourself, at another address or later"
            )
        self.telling.report.sent.append(
            {"note": draft.note, "to": took, "refused": refused, "message_id": wire.message_id}
        )
        properties = {"sent_message_id": str(wire.message_id or "")}
        self.telling.tell(row, "sent", line, properties=properties, lenient=True, todo=" ".join(ALL))
        self.after.finish(self.telling.journal.drafts.get(draft.id))

    def _refused(self, draft: DraftRow, why: str) -> None:
        status = draft.becomes if draft.becomes in ("draft", "edited") else "edited"
        line = f"Not sent: {why}. Correct the draft, and approve it again."
        row = replace(draft, status=status, approved="", approved_at=None, sent_at=None, next_try=None)
        try:
            self.telling.tell(row, status, line, expects="approved", lenient=True)
        except Meanwhile:  # the user has discarded it, or taken the approval back, in the meantime
            self.telling.journal.drafts.save(row)
        self.telling.report.failed.append(
            f"{draft.note}: not sent: {why}; correct the draft, and approve it again"
        )

    def _wait(self, draft: DraftRow, why: str, *, told: bool = False) -> None:
        attempts = draft.attempts + 1
        later = self.telling.clock() + backoff(attempts)
        row = replace(draft, status="approved", sent_at=None, attempts=attempts, next_try=later, why=why)
        self.telling.journal.drafts.save(row)
        if not told:
            when = (
                f"it is tried again from {later:%Y-%m-%d %H:%M} on"
                if self.telling.settings.send.allow
                else "run `mailbot send` again"
            )
            self.telling.report.failed.append(f"{draft.note}: not sent yet: {why}; {when}")

    def _lost(self, draft: DraftRow, why: str) -> None:
        line = f"It may have been sent or not: {why}. Ask whether it arrived: {LOST}."
        self.telling.tell(draft, "unknown", line, lenient=True, why=why)
        self.telling.report.failed.append(
            f"{draft.note}: it may have been sent or not: {why}; it is looked for in Sent, and not sent again by itself"
        )


def _with_id(wire: Wire, message_id: str) -> Wire:
    """A mail that has a Message-ID, so that it can be found again."""
    if wire.message_id:
        return wire
    return replace(
        wire, raw=f"Message-ID: {message_id}\r\n".encode() + wire.raw, message_id=MessageId(message_id)
    )


def _hidden(raw: bytes, mail: Mail, now: datetime) -> tuple[Address, ...]:
    shown = {a.key for a in (*mail.message.to, *mail.message.cc)}
    return tuple(a for a in for_wire(raw, now).recipients if a.key not in shown)
