"""The journal in memory: what tests of steps use, and what the contract suite holds to the same promises as SQLite."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from mailbot.errors import LONGEST_WAIT
from mailbot.sync.memory.journal import Journal
from mailbot.sync.memory.rows import (
    OPEN,
    Cursor,
    DraftRow,
    DraftStatus,
    Failure,
    Location,
    MailRow,
    Pause,
    Purpose,
    SentRow,
    Stage,
    Stranger,
    Usage,
)
from mailbot.vault.verdict import Ask


@dataclass
class Tables:
    cursors: dict[tuple[str, Purpose, str], Cursor] = field(default_factory=dict)
    locations: dict[tuple[str, Location], int] = field(default_factory=dict)
    failures: dict[tuple[str, Location], Failure] = field(default_factory=dict)
    mails: dict[int, MailRow] = field(default_factory=dict)
    kept: dict[int, datetime] = field(default_factory=dict)
    asks: dict[int, tuple[Ask, ...]] = field(default_factory=dict)
    drafts: dict[int, DraftRow] = field(default_factory=dict)
    sent: dict[int, tuple[str, SentRow, frozenset[str]]] = field(default_factory=dict)
    corrections: dict[int, tuple[str, str, datetime]] = field(default_factory=dict)
    strangers: dict[int, tuple[str, datetime, Stranger]] = field(default_factory=dict)
    costs: list[tuple[str, str, str, int, int, datetime, float]] = field(default_factory=list)
    pauses: dict[str, Pause] = field(default_factory=dict)
    leaving: set[int] = field(default_factory=set)

    @contextmanager
    def together(self) -> Iterator[None]:
        before = {name: copy.copy(value) for name, value in vars(self).items()}
        try:
            yield
        except BaseException:
            vars(self).update(before)
            raise


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


class MemoryCursors:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, account: str, mailbox: str, purpose: Purpose = "inbox") -> Cursor | None:
        return self._tables.cursors.get((account, purpose, mailbox))

    def move(self, account: str, mailbox: str, cursor: Cursor, purpose: Purpose = "inbox") -> None:
        at = self.get(account, mailbox, purpose)
        if at and at.uidvalidity == cursor.uidvalidity and at.uid >= cursor.uid:
            return
        moved = utc(cursor.moved or datetime.now(UTC))
        self._tables.cursors[account, purpose, mailbox] = replace(cursor, moved=moved)

    def any(self, account: str, purpose: Purpose) -> bool:
        return any((a, p) == (account, purpose) for a, p, _ in self._tables.cursors)


class MemoryLocations:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, mail_id: int, account: str, location: Location) -> None:
        if mail_id not in self._tables.mails:
            raise ValueError("no such mail")
        self._tables.locations[account, location] = mail_id

    def known_uids(self, account: str, mailbox: str, uidvalidity: int) -> set[int]:
        wanted = account, mailbox, uidvalidity
        return {at.uid for a, at in self._tables.locations if (a, at.mailbox, at.uidvalidity) == wanted}

    def of(self, mail_id: int) -> list[Location]:
        found = [at for (_, at), id_ in self._tables.locations.items() if id_ == mail_id]
        return sorted(found, key=lambda at: (-at.uid, at.mailbox))


class MemoryFailures:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def record(self, account: str, location: Location, error: str, attempts: int, next_try: datetime) -> None:
        self._tables.failures[account, location] = Failure(location, error, attempts, utc(next_try))

    def attempts(self, account: str, location: Location) -> int:
        found = self._tables.failures.get((account, location))
        return found.attempts if found else 0

    def due(self, account: str, mailbox: str, uidvalidity: int) -> dict[int, datetime]:
        wanted = account, mailbox, uidvalidity
        return {
            at.uid: found.next_try
            for (a, at), found in self._tables.failures.items()
            if (a, at.mailbox, at.uidvalidity) == wanted and not found.given_up
        }

    def given_up(self, account: str, mailbox: str, uidvalidity: int) -> set[int]:
        wanted = account, mailbox, uidvalidity
        return {
            at.uid
            for (a, at), found in self._tables.failures.items()
            if (a, at.mailbox, at.uidvalidity) == wanted and found.given_up
        }

    def give_up(self, account: str, location: Location, given_up: bool) -> None:
        if found := self._tables.failures.get((account, location)):
            self._tables.failures[account, location] = replace(found, given_up=given_up)

    def forget(self, account: str, location: Location) -> None:
        self._tables.failures.pop((account, location), None)

    def forget_renumbered(self, account: str, mailbox: str, uidvalidity: int) -> None:
        for a, at in list(self._tables.failures):
            if (a, at.mailbox) == (account, mailbox) and at.uidvalidity != uidvalidity:
                del self._tables.failures[a, at]

    def all(self, account: str) -> list[Failure]:
        found = [f for (a, _), f in self._tables.failures.items() if a == account]
        return sorted(found, key=lambda f: (f.location.mailbox, f.location.uid, f.location.uidvalidity))


class MemoryMails:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(
        self,
        account: str,
        message_id: str,
        sha256: str,
        note: str,
        note_hash: str,
        date: datetime,
        stage: Stage,
        disposition: str,
        kept: datetime | None = None,
    ) -> int:
        id_ = max(self._tables.mails, default=0) + 1
        row = MailRow(id_, account, message_id, sha256, note, note_hash, utc(date), stage, disposition)
        self._tables.mails[id_] = row
        if kept:
            self._tables.kept[id_] = utc(kept)
        return id_

    def kept_after(self, account: str, at: datetime) -> list[MailRow]:
        return [
            m
            for m in self._all()
            if m.account == account and m.id in self._tables.kept and self._tables.kept[m.id] > at
        ]

    def kept_now(self, mail_id: int, at: datetime) -> None:
        self._tables.kept[mail_id] = utc(at)

    def update(self, mail_id: int, *, stage: Stage, disposition: str, note_hash: str) -> None:
        self._change(
            mail_id,
            stage=stage,
            disposition=disposition,
            note_hash=note_hash,
            attempts=0,
            next_try=None,
            error="",
        )

    def failed(self, mail_id: int, error: str, attempts: int, next_try: datetime) -> None:
        self._change(mail_id, error=error, attempts=attempts, next_try=utc(next_try))

    def _change(self, mail_id: int, **changes: Any) -> None:
        self._tables.mails[mail_id] = replace(self._tables.mails[mail_id], **changes)

    def get(self, mail_id: int) -> MailRow:
        return self._tables.mails[mail_id]

    def _all(self) -> list[MailRow]:
        return sorted(self._tables.mails.values(), key=lambda m: (m.date, m.id))

    def by_content(self, account: str, sha256: str) -> MailRow | None:
        return next((m for m in self._all() if (m.account, m.sha256) == (account, sha256)), None)

    def by_message_id(self, message_id: str) -> list[MailRow]:
        return [m for m in self._all() if message_id and m.message_id == message_id]

    def by_note(self, note: str) -> MailRow | None:
        return next((m for m in self._all() if m.note == note), None)

    def named(self, name: str) -> MailRow | None:
        found = [m for m in self._all() if m.note == name or m.note.endswith(f"/{name}")]
        return found[0] if len(found) == 1 else None

    def of_account(self, account: str) -> list[MailRow]:
        return [m for m in self._all() if m.account == account]

    def known(self) -> dict[str, int]:
        return dict(Counter(m.sha256 for m in self._tables.mails.values()))

    def waiting(self, account: str, at: datetime) -> list[MailRow]:
        intended = {d.mail_id for d in self._tables.drafts.values() if d.status == "intent"}
        return [
            m
            for m in self._all()
            if m.account == account and m.stage != "done" and is_due(m, at) and m.id not in intended
        ]

    def unfinished(self, account: str) -> set[str]:
        return {m.sha256 for m in self._all() if m.account == account and m.stage != "done"}

    def done_since(self, account: str, since: datetime) -> list[MailRow]:
        return [m for m in self._all() if m.account == account and m.stage == "done" and m.date >= since]

    def failing(self, account: str) -> list[MailRow]:
        return [m for m in self._all() if m.account == account and m.error]

    def counts(self, account: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for m in self._all():
            if m.account == account:
                found[m.disposition] = found.get(m.disposition, 0) + 1
        return found

    def set_asks(self, mail_id: int, asks: Iterable[Ask]) -> None:
        self._tables.asks[mail_id] = tuple(asks)

    def asks(self, mail_id: int) -> tuple[Ask, ...]:
        return self._tables.asks.get(mail_id, ())


def is_due(mail: MailRow, at: datetime) -> bool:
    return mail.next_try is None or mail.next_try <= at or mail.next_try > at + LONGEST_WAIT


class MemoryDrafts:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, draft: DraftRow) -> DraftRow:
        id_ = max(self._tables.drafts, default=0) + 1
        self._tables.drafts[id_] = replace(draft, id=id_, created=utc(draft.created))
        return self._tables.drafts[id_]

    def save(self, draft: DraftRow) -> None:
        moments = {
            name: utc(at)
            for name in ("since", "approved_at", "sent_at", "next_try")
            if (at := getattr(draft, name))
        }
        self._tables.drafts[draft.id] = replace(draft, **moments)

    def get(self, draft_id: int) -> DraftRow:
        if draft_id not in self._tables.drafts:
            raise LookupError(draft_id)
        return self._tables.drafts[draft_id]

    def approve(self, draft_id: int, approved: str, at: datetime) -> bool:
        row = self._tables.drafts[draft_id]
        if row.sent_at or row.status not in ("draft", "edited", "approved", "missing"):
            return False
        becomes = row.becomes if row.status == "approved" else row.status
        self._change(
            draft_id, status="approved", becomes=becomes, why="", approved=approved, approved_at=utc(at)
        )
        self._change(draft_id, attempts=0, next_try=None)
        return True

    def of_note(self, note: str) -> DraftRow | None:
        return next((d for d in reversed(self._tables.drafts.values()) if d.note == note), None)

    def of_account(self, account: str) -> list[DraftRow]:
        return self._of(account)

    def _of(self, account: str) -> list[DraftRow]:
        return [d for d in self._tables.drafts.values() if self._tables.mails[d.mail_id].account == account]

    def _newer(self, draft: DraftRow) -> list[DraftRow]:
        return [d for d in self._tables.drafts.values() if d.mail_id == draft.mail_id and d.id > draft.id]

    def watched(self, account: str, since: datetime) -> list[DraftRow]:
        return [
            d
            for d in self._of(account)
            if not self._newer(d)
            and (
                d.status in OPEN
                or (d.status == "discarded" and d.ended_by == "client" and d.created >= since)
            )
        ]

    def ended(self, account: str, since: datetime) -> list[DraftRow]:
        watched = {d.id for d in self.watched(account, since)}
        return [
            d
            for d in self._of(account)
            if not self._newer(d)
            and d.id not in watched
            and d.status != "intent"
            and not d.todo
            and d.created >= since
        ]

    def replaced(self, account: str) -> list[DraftRow]:
        live = ("draft", "edited", "approved", "conflict")
        mine = [d for d in self._of(account) if d.status in live and d.ours]
        return [d for d in mine if any(n.status != "intent" for n in self._newer(d))]

    def unfinished(self, account: str) -> list[DraftRow]:
        return [d for d in self._of(account) if d.status == "sent" and d.todo]

    def sent_between(self, account: str, since: datetime, until: datetime) -> int:
        return sum(1 for d in self._of(account) if d.sent_at is not None and since <= d.sent_at <= until)

    def untouched(self, message_id: str, mailbox: str, uid: int) -> bool:
        return any(
            d.message_id == message_id
            and d.status in ("draft", "intent", "superseded")
            and d.ours
            and d.mailbox == mailbox
            and d.uid in (0, uid)
            for d in self._tables.drafts.values()
        )

    def _change(self, draft_id: int, **changes: Any) -> None:
        self._tables.drafts[draft_id] = replace(self._tables.drafts[draft_id], **changes)

    def stored(self, draft_id: int, uidvalidity: int, uid: int) -> None:
        becomes = self._tables.drafts[draft_id].becomes
        self._change(draft_id, status=becomes, why="", uidvalidity=uidvalidity, uid=uid)

    def mark(self, draft_id: int, status: DraftStatus, why: str) -> None:
        self._change(draft_id, status=status, why=why)

    def leave(self, draft_id: int, leaving: bool) -> None:
        (self._tables.leaving.add if leaving else self._tables.leaving.discard)(draft_id)

    def leaving(self, draft_id: int) -> bool:
        return draft_id in self._tables.leaving

    def redirect(self, draft_id: int, mailbox: str) -> None:
        self._change(draft_id, mailbox=mailbox)

    def of(self, mail_id: int) -> list[DraftRow]:
        return [d for d in self._tables.drafts.values() if d.mail_id == mail_id]

    def due_intents(self, account: str, at: datetime) -> list[DraftRow]:
        mails = self._tables.mails
        intents = [d for d in self._tables.drafts.values() if d.status == "intent"]
        return [d for d in intents if mails[d.mail_id].account == account and is_due(mails[d.mail_id], at)]

    def known(self, message_id: str) -> bool:
        return any(d.message_id == message_id for d in self._tables.drafts.values())

    def intended(self, account: str) -> set[str]:
        return {
            d.message_id
            for d in self._of(account)
            if d.status in ("intent", "sending") or d.todo or (not d.mailbox and d.status in OPEN)
        }

    def counts(self, account: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for d in self._tables.drafts.values():
            if self._tables.mails[d.mail_id].account == account and not self._newer(d):
                found[d.status] = found.get(d.status, 0) + 1
        return found


class MemorySentMails:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(
        self,
        account: str,
        location: Location,
        message_id: str,
        parent: str,
        date: datetime | None,
        to: Iterable[str],
    ) -> None:
        if any((a, row.location) == (account, location) for a, row, _ in self._tables.sent.values()):
            return
        id_ = max(self._tables.sent, default=0) + 1
        row = SentRow(id_, location, message_id, parent, utc(date) if date else None)
        self._tables.sent[id_] = (account, row, frozenset(a.casefold() for a in to))

    def forget(self, account: str, mailbox: str) -> None:
        for id_, (a, row, _) in list(self._tables.sent.items()):
            if (a, row.location.mailbox) == (account, mailbox):
                del self._tables.sent[id_]

    def _before(self, before: datetime | None) -> list[tuple[str, SentRow, frozenset[str]]]:
        return [
            (a, row, to)
            for a, row, to in self._tables.sent.values()
            if before is None or (row.date and row.date < before)
        ]

    def lying(self, account: str, mailbox: str) -> set[tuple[int, str]]:
        rows = [row for of, row, _ in self._tables.sent.values() if of == account]
        return {(r.location.uid, r.message_id) for r in rows if r.location.mailbox == mailbox}

    def written_to(self, address: str, before: datetime | None = None) -> int:
        return sum(address.casefold() in to for _, _, to in self._before(before))

    def domains(self, before: datetime | None = None) -> frozenset[str]:
        return frozenset(a.rpartition("@")[2] for _, _, to in self._before(before) for a in to if "@" in a)

    def wrote_to_domain(
        self, message_ids: Iterable[str], domain: str, before: datetime | None = None
    ) -> bool:
        ids = set(message_ids) - {""}
        return any(
            row.message_id in ids and any(a.partition("@")[2] == domain.casefold() for a in to)
            for _, row, to in self._before(before)
        )

    def answered(self, message_id: str) -> bool:
        return any(row.parent and row.parent == message_id for _, row, _ in self._tables.sent.values())

    def with_id(self, account: str, message_id: str) -> list[SentRow]:
        rows = [row for a, row, _ in self._tables.sent.values() if a == account]
        return [row for row in rows if message_id and row.message_id == message_id]

    def answering(self, account: str, parent: str, after: int) -> list[tuple[SentRow, frozenset[str]]]:
        rows = [(row, to) for a, row, to in self._tables.sent.values() if a == account and row.id > after]
        return [(row, to) for row, to in rows if parent and row.parent == parent]

    def newest_id(self) -> int:
        return max(self._tables.sent, default=0)

    def newest(
        self, account: str, address: str = "", limit: int = 50, before: datetime | None = None
    ) -> list[SentRow]:
        oldest = datetime.min.replace(tzinfo=UTC)
        found = [
            row
            for a, row, to in self._before(before)
            if a == account and (not address or address.casefold() in to)
        ]
        return sorted(found, key=lambda r: (r.date or oldest, r.id), reverse=True)[:limit]


class MemoryCorrections:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, mail_id: int, address: str, disposition: str, at: datetime) -> None:
        self._tables.corrections[mail_id] = (address.casefold(), disposition, utc(at))

    def last(self, address: str, limit: int) -> list[str]:
        found = [
            (at, id_, d) for id_, (a, d, at) in self._tables.corrections.items() if a == address.casefold()
        ]
        return [d for _, _, d in sorted(found, reverse=True)][:limit]


class MemoryStrangers:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, mail_id: int, account: str, at: datetime, address: str, parents: Iterable[str]) -> None:
        stranger = Stranger(mail_id, address.casefold(), tuple(parents))
        self._tables.strangers.setdefault(mail_id, (account, utc(at), stranger))

    def all(self, account: str) -> list[Stranger]:
        found = [s for a, _, s in self._tables.strangers.values() if a == account]
        return sorted(found, key=lambda s: s.mail_id)

    def met(self, mail_ids: Iterable[int]) -> None:
        for id_ in mail_ids:
            self._tables.strangers.pop(id_, None)

    def forget_before(self, moment: datetime) -> None:
        for id_, (_, since, _) in list(self._tables.strangers.items()):
            if since < moment:
                del self._tables.strangers[id_]


class MemoryCosts:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(
        self,
        account: str,
        purpose: str,
        model: str,
        tokens_in: int,
        tokens_out: int,
        at: datetime,
        cost: float = 0.0,
    ) -> None:
        self._tables.costs.append((account, purpose, model, tokens_in, tokens_out, utc(at), cost))

    def since(self, moment: datetime) -> tuple[int, float]:
        found = [c for c in self._tables.costs if c[5] >= moment]
        return sum(c[3] + c[4] for c in found), float(sum(c[6] for c in found))

    def usage(self, account: str, since: datetime) -> list[Usage]:
        found = [c for c in self._tables.costs if c[0] == account and c[5] >= since]
        kinds = sorted({(c[1], c[2]) for c in found})
        groups = [(kind, [c for c in found if (c[1], c[2]) == kind]) for kind in kinds]
        return [Usage(*kind, len(g), sum(c[3] for c in g), sum(c[4] for c in g)) for kind, g in groups]


class MemoryPauses:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def set(self, account: str, until: datetime, reason: str) -> None:
        self._tables.pauses[account] = Pause(utc(until), reason)

    def active(self, account: str, at: datetime) -> Pause | None:
        found = self._tables.pauses.get(account)
        return found if found and at < found.until <= at + LONGEST_WAIT else None


def memory_journal() -> Journal:
    """An empty journal in memory."""
    tables = Tables()
    return Journal(
        MemoryCursors(tables),
        MemoryLocations(tables),
        MemoryFailures(tables),
        MemoryMails(tables),
        MemoryDrafts(tables),
        MemorySentMails(tables),
        MemoryCorrections(tables),
        MemoryStrangers(tables),
        MemoryCosts(tables),
        MemoryPauses(tables),
        tables.together,
    )
