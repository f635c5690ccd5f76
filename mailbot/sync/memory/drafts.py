"""The drafts: intended, stored, and what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from mailbot.errors import LONGEST_WAIT
from mailbot.sync.memory.database import Database, from_text, optional_moment, optional_text, to_text
from mailbot.sync.memory.rows import OPEN, DraftRow, DraftStatus


class Drafts(Protocol):
    """A draft is known by the Message-ID that was chosen for it. Lists are sorted by id, the oldest first."""

    def add(self, draft: DraftRow) -> DraftRow:
        """Write down a draft, before anything is done for it. Its `id` is chosen here."""
        ...

    def save(self, draft: DraftRow) -> None:
        """All that is known of a draft, in the place of what was."""
        ...

    def stored(self, draft_id: int, uidvalidity: int, uid: int) -> None:
        """The server has it, at this UID (0 if it did not say): its status is what it was to become."""
        ...

    def mark(self, draft_id: int, status: DraftStatus, why: str) -> None:
        """What became of it, and why, in words."""
        ...

    def redirect(self, draft_id: int, mailbox: str) -> None:
        """The mailbox of an intended draft is no more: it goes to another."""
        ...

    def leave(self, draft_id: int, leaving: bool) -> None:
        """Its message is about to be taken out of Drafts, or is no more."""
        ...

    def leaving(self, draft_id: int) -> bool:
        """Whether its message was about to be taken out of Drafts when a run was killed: a mark as deleted is ours then."""
        ...

    def approve(self, draft_id: int, approved: str, at: datetime) -> bool:
        """The user has approved what has this hash. False, and nothing done, if the draft is no longer one that can be."""
        ...

    def get(self, draft_id: int) -> DraftRow:
        """The draft of an id. Raises LookupError if there is none."""
        ...

    def of(self, mail_id: int) -> list[DraftRow]:
        """The drafts of a mail."""
        ...

    def of_account(self, account: str) -> list[DraftRow]:
        """Every draft of an account, earlier revisions too."""
        ...

    def of_note(self, note: str) -> DraftRow | None:
        """The newest draft whose note lies at this path."""
        ...

    def due_intents(self, account: str, at: datetime) -> list[DraftRow]:
        """The drafts whose APPEND was begun, whose result is not known, and whose mail may be tried at that time."""
        ...

    def watched(self, account: str, since: datetime) -> list[DraftRow]:
        """The newest draft of each mail, where more is to come of it: it is open, or it was made since then and a mail client has
        ended it, which the user may take back."""
        ...

    def ended(self, account: str, since: datetime) -> list[DraftRow]:
        """The newest draft of each mail that was made since then, where nothing more is to come of it, and nothing is left to do."""
        ...

    def replaced(self, account: str) -> list[DraftRow]:
        """The drafts of ours that are still open though a newer one of the same mail is stored: a run was killed between."""
        ...

    def unfinished(self, account: str) -> list[DraftRow]:
        """The drafts that were sent, and after which something is left to do."""
        ...

    def sent_between(self, account: str, since: datetime, until: datetime) -> int:
        """How many drafts mailbot has sent from then to then."""
        ...

    def known(self, message_id: str) -> bool:
        """Whether a draft of this Message-ID is one of these."""
        ...

    def untouched(self, message_id: str, mailbox: str, uid: int) -> bool:
        """Whether what lies there under this Message-ID is ours, as far as is known, and nobody has changed or approved it."""
        ...

    def intended(self, account: str) -> set[str]:
        """The Message-IDs of the drafts whose bytes the spool still holds for a reason: their APPEND was begun and its result is
        not known, they are on their way out, or they lie nowhere else."""
        ...

    def counts(self, account: str) -> dict[str, int]:
        """How many mails have a draft of each status: earlier revisions are not counted."""
        ...


_NAMES = (
    "id mail_id message_id status why note note_hash mailbox uidvalidity uid sha256 created ours quote_lines server_base note_base"
    " becomes ended_by since looks approved approved_at sent_at todo attempts next_try sent_mark thread_note"
).split()
_TIMES = [_NAMES.index(n) for n in ("since", "approved_at", "sent_at", "next_try")]
_CREATED, _OURS = _NAMES.index("created"), _NAMES.index("ours")
_COLUMNS = ", ".join(f"d.{name}" for name in _NAMES)
_OPEN = ",".join(f"'{status}'" for status in OPEN)
_NEWEST = "NOT EXISTS (SELECT 1 FROM draft n WHERE n.mail_id = d.mail_id AND n.id > d.id)"


class SqliteDrafts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, draft: DraftRow) -> DraftRow:
        names = _NAMES[1:]
        sql = f"INSERT INTO draft ({', '.join(names)}) VALUES ({','.join('?' * len(names))}) RETURNING id"
        draft_id = self._database.all(sql, *_values(draft)[1:])[0][0]
        return self.get(draft_id)

    def save(self, draft: DraftRow) -> None:
        sql = f"UPDATE draft SET {', '.join(f'{name} = ?' for name in _NAMES[1:])} WHERE id = ?"
        self._database.run(sql, *_values(draft)[1:], draft.id)

    def stored(self, draft_id: int, uidvalidity: int, uid: int) -> None:
        sql = "UPDATE draft SET status = becomes, why = '', uidvalidity = ?, uid = ? WHERE id = ?"
        self._database.run(sql, uidvalidity, uid, draft_id)

    def mark(self, draft_id: int, status: DraftStatus, why: str) -> None:
        self._database.run("UPDATE draft SET status = ?, why = ? WHERE id = ?", status, why, draft_id)

    def redirect(self, draft_id: int, mailbox: str) -> None:
        self._database.run("UPDATE draft SET mailbox = ? WHERE id = ?", mailbox, draft_id)

    def leave(self, draft_id: int, leaving: bool) -> None:
        self._database.run("UPDATE draft SET leaving = ? WHERE id = ?", int(leaving), draft_id)

    def leaving(self, draft_id: int) -> bool:
        return self._database.one("SELECT leaving FROM draft WHERE id = ?", draft_id) == (1,)

    def approve(self, draft_id: int, approved: str, at: datetime) -> bool:
        sql = (
            "UPDATE draft SET becomes = CASE status WHEN 'approved' THEN becomes ELSE status END, status = 'approved',"
            " why = '', approved = ?, approved_at = ?, attempts = 0, next_try = NULL WHERE id = ? AND sent_at IS NULL AND"
            " status IN ('draft','edited','approved','missing') RETURNING id"
        )
        return bool(self._database.all(sql, approved, to_text(at), draft_id))

    def get(self, draft_id: int) -> DraftRow:
        found = self._where("d.id = ?", draft_id)
        if not found:
            raise LookupError(f"there is no draft {draft_id}")
        return found[0]

    def of(self, mail_id: int) -> list[DraftRow]:
        return self._where("d.mail_id = ?", mail_id)

    def of_account(self, account: str) -> list[DraftRow]:
        return self._where("m.account = ?", account)

    def of_note(self, note: str) -> DraftRow | None:
        return next(reversed(self._where("d.note = ?", note)), None)

    def due_intents(self, account: str, at: datetime) -> list[DraftRow]:
        where = "d.status = 'intent' AND m.account = ? AND (m.next_try IS NULL OR m.next_try <= ? OR m.next_try > ?)"
        return self._where(where, account, to_text(at), to_text(at + LONGEST_WAIT))

    def watched(self, account: str, since: datetime) -> list[DraftRow]:
        ended = "d.status = 'discarded' AND d.ended_by = 'client' AND d.created >= ?"
        where = f"m.account = ? AND (d.status IN ({_OPEN}) OR ({ended})) AND {_NEWEST}"
        return self._where(where, account, to_text(since))

    def ended(self, account: str, since: datetime) -> list[DraftRow]:
        over = (
            f"d.status NOT IN ('intent',{_OPEN}) AND NOT (d.status = 'discarded' AND d.ended_by = 'client')"
        )
        where = f"m.account = ? AND {over} AND d.todo = '' AND d.created >= ? AND {_NEWEST}"
        return self._where(where, account, to_text(since))

    def replaced(self, account: str) -> list[DraftRow]:
        newer = "EXISTS (SELECT 1 FROM draft n WHERE n.mail_id = d.mail_id AND n.id > d.id AND n.status <> 'intent')"
        mine = "d.status IN ('draft','edited','approved','conflict') AND d.ours = 1"
        return self._where(f"m.account = ? AND {mine} AND {newer}", account)

    def unfinished(self, account: str) -> list[DraftRow]:
        return self._where("m.account = ? AND d.status = 'sent' AND d.todo <> ''", account)

    def sent_between(self, account: str, since: datetime, until: datetime) -> int:
        sql = (
            "SELECT count(*) FROM draft d JOIN mail m ON m.id = d.mail_id WHERE m.account = ?"
            " AND d.sent_at >= ? AND d.sent_at <= ?"
        )
        row = self._database.one(sql, account, to_text(since), to_text(until))
        return int(row[0]) if row else 0

    def known(self, message_id: str) -> bool:
        return bool(self._where("d.message_id = ?", message_id))

    def untouched(self, message_id: str, mailbox: str, uid: int) -> bool:
        where = "d.message_id = ? AND d.status IN ('draft','intent','superseded') AND d.ours = 1 AND d.mailbox = ? AND d.uid IN (0, ?)"
        return bool(self._where(where, message_id, mailbox, uid))

    def intended(self, account: str) -> set[str]:
        kept = (
            f"d.status IN ('intent','sending') OR d.todo <> '' OR (d.mailbox = '' AND d.status IN ({_OPEN}))"
        )
        return {row.message_id for row in self._where(f"m.account = ? AND ({kept})", account)}

    def counts(self, account: str) -> dict[str, int]:
        sql = (
            "SELECT d.status, count(*) FROM draft d JOIN mail m ON m.id = d.mail_id WHERE m.account = ?"
            f" AND {_NEWEST} GROUP BY d.status"
        )
        return dict(self._database.all(sql, account))

    def _where(self, where: str, *values: object) -> list[DraftRow]:
        sql = f"SELECT {_COLUMNS} FROM draft d JOIN mail m ON m.id = d.mail_id WHERE {where} ORDER BY d.id"
        return [_row(row) for row in self._database.all(sql, *values)]


def _values(draft: DraftRow) -> list[object]:
    values: list[Any] = [getattr(draft, name) for name in _NAMES]
    for at in _TIMES:
        values[at] = optional_text(values[at])
    values[_CREATED], values[_OURS] = to_text(values[_CREATED]), int(values[_OURS])
    return values


def _row(values: tuple[Any, ...]) -> DraftRow:
    columns = list(values)
    for at in _TIMES:
        columns[at] = optional_moment(columns[at])
    columns[_CREATED], columns[_OURS] = from_text(columns[_CREATED]), bool(columns[_OURS])
    return DraftRow(*columns)
