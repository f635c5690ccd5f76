"""What mailbot remembers between runs: cursors, mails, drafts, failures and tokens. A memory: the vault is the truth.

SQLite with a rollback journal and full syncs: a returned call is durable, and opening the file changes no byte of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from mailbot.errors import BadData, TryAgain
from mailbot.sync.correspondence import Correspondence

VERSION = 3
Stage = Literal["triage", "draft", "done"]
DraftStatus = Literal[
    "intent",
    "draft",
    "edited",
    "approved",
    "sending",
    "sent",
    "discarded",
    "superseded",
    "conflict",
    "unknown",
]

_SCHEMA = """
CREATE TABLE mailbox (account TEXT NOT NULL, mailbox TEXT NOT NULL, uidvalidity INTEGER NOT NULL, cursor INTEGER NOT NULL,
  moved TEXT NOT NULL, PRIMARY KEY (account, mailbox)) WITHOUT ROWID;
CREATE TABLE mail (id INTEGER PRIMARY KEY, account TEXT NOT NULL, message_id TEXT NOT NULL, sha256 TEXT NOT NULL,
  note TEXT NOT NULL, note_hash TEXT NOT NULL, date TEXT NOT NULL, stage TEXT NOT NULL, disposition TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, next_try TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '', UNIQUE (account, sha256));
CREATE INDEX mail_message ON mail (message_id);
CREATE INDEX mail_stage ON mail (account, stage) WHERE stage <> 'done';
CREATE TABLE location (account TEXT NOT NULL, mailbox TEXT NOT NULL, uidvalidity INTEGER NOT NULL, uid INTEGER NOT NULL,
  mail_id INTEGER NOT NULL REFERENCES mail (id), PRIMARY KEY (account, mailbox, uidvalidity, uid)) WITHOUT ROWID;
CREATE TABLE failure (account TEXT NOT NULL, mailbox TEXT NOT NULL, uidvalidity INTEGER NOT NULL, uid INTEGER NOT NULL,
  error TEXT NOT NULL, attempts INTEGER NOT NULL, next_try TEXT NOT NULL, PRIMARY KEY (account, mailbox, uidvalidity, uid)) WITHOUT ROWID;
CREATE TABLE draft (id INTEGER PRIMARY KEY, mail_id INTEGER NOT NULL REFERENCES mail (id), message_id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL, note TEXT NOT NULL, note_hash TEXT NOT NULL, mailbox TEXT NOT NULL, uidvalidity INTEGER NOT NULL DEFAULT 0,
  uid INTEGER NOT NULL DEFAULT 0, sha256 TEXT NOT NULL, created TEXT NOT NULL);
CREATE INDEX draft_mail ON draft (mail_id);
CREATE TABLE call (id INTEGER PRIMARY KEY, at TEXT NOT NULL, account TEXT NOT NULL, purpose TEXT NOT NULL, model TEXT NOT NULL,
  tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL);
CREATE TABLE pause (account TEXT PRIMARY KEY, until TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;
"""
_SINCE_1 = """
CREATE TABLE sent (id INTEGER PRIMARY KEY, account TEXT NOT NULL, mailbox TEXT NOT NULL, uidvalidity INTEGER NOT NULL, uid INTEGER NOT NULL,
  message_id TEXT NOT NULL, parent TEXT NOT NULL, date TEXT NOT NULL, UNIQUE (account, mailbox, uidvalidity, uid));
CREATE INDEX sent_message ON sent (message_id) WHERE message_id <> '';
CREATE INDEX sent_parent ON sent (parent) WHERE parent <> '';
CREATE TABLE sent_to (address TEXT NOT NULL, sent_id INTEGER NOT NULL REFERENCES sent (id), PRIMARY KEY (address, sent_id)) WITHOUT ROWID;
CREATE TABLE correction (mail_id INTEGER PRIMARY KEY REFERENCES mail (id), address TEXT NOT NULL, disposition TEXT NOT NULL, at TEXT NOT NULL);
CREATE INDEX correction_address ON correction (address);
ALTER TABLE call ADD COLUMN cost REAL NOT NULL DEFAULT 0;
CREATE TABLE unmet (mail_id INTEGER PRIMARY KEY REFERENCES mail (id), account TEXT NOT NULL, since TEXT NOT NULL, address TEXT NOT NULL, parents TEXT NOT NULL);
"""
_SINCE_2 = """
CREATE TABLE ask (mail_id INTEGER NOT NULL REFERENCES mail (id), number INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (mail_id, number)) WITHOUT ROWID;
"""
_BACKOFF = (
    timedelta(0),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=8),
    timedelta(days=1),
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to which UID of a mailbox everything wanted is durable or its failure recorded."""

    uidvalidity: int
    uid: int
    moved: datetime | None = field(default=None, compare=False)
    """When it last moved."""


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail as journalled. `note` is relative to the vault; `note_hash` is of the bytes we last wrote there."""

    id: int
    account: str
    message_id: str
    sha256: str
    note: str
    note_hash: str
    date: str
    stage: Stage
    disposition: str
    attempts: int
    next_try: str
    error: str


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft as journalled; `uid` is 0 until the server's was confirmed; `sha256` is of the bytes appended."""

    id: int
    mail_id: int
    message_id: str
    status: DraftStatus
    note: str
    note_hash: str
    mailbox: str
    uidvalidity: int
    uid: int
    sha256: str
    created: str


def now() -> datetime:
    return datetime.now(UTC)


def backoff(attempts: int) -> timedelta:
    """How long to wait after the n-th failure (from 1): after the first, the next run tries at once."""
    return _BACKOFF[min(max(attempts, 1), len(_BACKOFF)) - 1]


class Journal:
    """The journal of one vault. Each method that writes is one durable transaction; several in one go with `together`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._database = sqlite3.connect(path, timeout=30, isolation_level=None)
        try:
            if self._version() < VERSION:
                with self.together():  # another process may be making it at this moment
                    for made, schema in ((1, _SCHEMA), (2, _SINCE_1), (3, _SINCE_2)):
                        if self._version() < made:
                            for statement in schema.split(";"):
                                self._database.execute(statement)
                            self._database.execute(f"PRAGMA user_version = {made}")
            if self._version() != VERSION:
                raise BadData(
                    f"{path}: made by another version of mailbot ({self._version()}); run the mailbot that made it"
                )
            self._database.execute("PRAGMA synchronous = FULL")
            self.correspondence = Correspondence(self._database)
        except sqlite3.OperationalError as error:
            self._database.close()
            raise TryAgain(
                f"{path}: the journal cannot be used just now ({error}); is another program at it?"
            ) from error
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise BadData(
                f"{path}: the journal cannot be read ({error}); move it away, the vault is not touched by that"
            ) from error
        except BaseException:
            self._database.close()
            raise

    def _version(self) -> int:
        return int(self._database.execute("PRAGMA user_version").fetchone()[0])

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """All writes inside become durable at once, or none."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    # --- cursors and locations -------------------------------------------------------------------------------------

    def cursor(self, account: str, mailbox: str) -> Cursor | None:
        sql = "SELECT uidvalidity, cursor, moved FROM mailbox WHERE account = ? AND mailbox = ?"
        row = self._database.execute(sql, (account, mailbox)).fetchone()
        return Cursor(row[0], row[1], datetime.fromisoformat(row[2])) if row else None

    def move_cursor(self, account: str, mailbox: str, cursor: Cursor) -> None:
        """Move forward; within one UIDVALIDITY a cursor never goes back."""
        at = self.cursor(account, mailbox)
        if at and at.uidvalidity == cursor.uidvalidity and at.uid >= cursor.uid:
            return
        sql = "INSERT OR REPLACE INTO mailbox VALUES (?,?,?,?,?)"
        self._database.execute(sql, (account, mailbox, cursor.uidvalidity, cursor.uid, now().isoformat()))

    def known_uids(self, account: str, mailbox: str, uidvalidity: int) -> set[int]:
        rows = self._database.execute(
            "SELECT uid FROM location WHERE account = ? AND mailbox = ? AND uidvalidity = ?",
            (account, mailbox, uidvalidity),
        )
        return {uid for (uid,) in rows}

    def locate(self, mail_id: int, account: str, mailbox: str, uidvalidity: int, uid: int) -> None:
        """Remember where a mail lies; its failure there, if there was one, is over."""
        self._database.execute(
            "INSERT OR REPLACE INTO location VALUES (?,?,?,?,?)",
            (account, mailbox, uidvalidity, uid, mail_id),
        )
        self._database.execute(
            "DELETE FROM failure WHERE account = ? AND mailbox = ? AND uidvalidity = ? AND uid = ?",
            (account, mailbox, uidvalidity, uid),
        )

    def locations(self, mail_id: int) -> list[tuple[str, int, int]]:
        """(mailbox, uidvalidity, uid) of a mail, the newest first."""
        sql = "SELECT mailbox, uidvalidity, uid FROM location WHERE mail_id = ? ORDER BY uid DESC"
        return list(self._database.execute(sql, (mail_id,)))

    # --- asks ------------------------------------------------------------------------------------------------------

    def remember_asks(self, mail_id: int, asks: Iterable[tuple[str, str]]) -> None:
        """What a mail wants, as (kind, text): a model that was asked once is not asked again for it."""
        self._database.execute("DELETE FROM ask WHERE mail_id = ?", (mail_id,))
        rows = [(mail_id, number, kind, text) for number, (kind, text) in enumerate(asks)]
        self._database.executemany("INSERT INTO ask VALUES (?,?,?,?)", rows)

    def asks(self, mail_id: int) -> list[tuple[str, str]]:
        """The (kind, text) of what a mail wants, in its order; none where nobody looked."""
        sql = "SELECT kind, text FROM ask WHERE mail_id = ? ORDER BY number"
        return list(self._database.execute(sql, (mail_id,)))

    # --- mails -----------------------------------------------------------------------------------------------------

    def add_mail(
        self,
        account: str,
        message_id: str,
        sha256: str,
        note: str,
        note_hash: str,
        date: str,
        stage: Stage,
        disposition: str,
    ) -> int:
        cursor = self._database.execute(
            "INSERT INTO mail (account, message_id, sha256, note, note_hash, date, stage, disposition) VALUES (?,?,?,?,?,?,?,?)",
            (account, message_id, sha256, note, note_hash, date, stage, disposition),
        )
        return int(cursor.lastrowid or 0)

    def update_mail(self, mail_id: int, *, stage: Stage, disposition: str, note_hash: str) -> None:
        """A step of a mail is done: its failure, if there was one, is over."""
        self._database.execute(
            "UPDATE mail SET stage = ?, disposition = ?, note_hash = ?, attempts = 0, next_try = '', error = '' WHERE id = ?",
            (stage, disposition, note_hash, mail_id),
        )

    def mail(self, mail_id: int) -> MailRow:
        return next(self._mails("id = ?", mail_id))

    def by_content(self, account: str, sha256: str) -> MailRow | None:
        return next(self._mails("account = ? AND sha256 = ?", account, sha256), None)

    def by_message_id(self, message_id: str) -> list[MailRow]:
        return list(self._mails("message_id = ? AND message_id <> ''", message_id))

    def by_note(self, note: str) -> MailRow | None:
        return next(self._mails("note = ?", note), None)

    def named(self, name: str) -> MailRow | None:
        """The mail whose note has this file name, where there is only one."""
        rows = list(self._mails("note = ? OR substr(note, -length(?) - 1) = '/' || ?", name, name, name))
        return rows[0] if len(rows) == 1 else None

    def waiting(self, account: str, at: datetime) -> list[MailRow]:
        """The mails that want triage or a draft and whose time has come, oldest first; those whose draft is only to be
        stored are not among them (see `due_intents`)."""
        where = (
            "account = ? AND stage <> 'done' AND next_try <= ?"
            " AND id NOT IN (SELECT mail_id FROM draft WHERE status = 'intent')"
        )
        return list(self._mails(where, account, at.isoformat()))

    def done_since(self, account: str, since: datetime) -> list[MailRow]:
        """The mails of a date since then that nothing more was wanted of."""
        return list(self._mails("account = ? AND stage = 'done' AND date >= ?", account, since.isoformat()))

    def mail_failed(self, mail_id: int, error: str, at: datetime, wait: timedelta | None = None) -> None:
        attempts = self.mail(mail_id).attempts + 1
        until = (at + (wait if wait is not None else backoff(attempts))).isoformat()
        self._database.execute(
            "UPDATE mail SET attempts = ?, next_try = ?, error = ? WHERE id = ?",
            (attempts, until, error, mail_id),
        )

    def failing_mails(self, account: str) -> list[MailRow]:
        return list(self._mails("account = ? AND error <> ''", account))

    def _mails(self, where: str, *values: object) -> Iterator[MailRow]:
        columns = "id, account, message_id, sha256, note, note_hash, date, stage, disposition, attempts, next_try, error"
        for row in self._database.execute(
            f"SELECT {columns} FROM mail WHERE {where} ORDER BY date, id", values
        ):
            yield MailRow(*row)

    # --- failures before there is a note ---------------------------------------------------------------------------

    def fetch_failed(
        self, account: str, mailbox: str, uidvalidity: int, uid: int, error: str, at: datetime
    ) -> None:
        """Quarantine a message that could not become a note; it is tried again later."""
        row = self._database.execute(
            "SELECT attempts FROM failure WHERE account = ? AND mailbox = ? AND uidvalidity = ? AND uid = ?",
            (account, mailbox, uidvalidity, uid),
        ).fetchone()
        attempts = (row[0] if row else 0) + 1
        until = (at + backoff(attempts)).isoformat()
        self._database.execute(
            "INSERT OR REPLACE INTO failure VALUES (?,?,?,?,?,?,?)",
            (account, mailbox, uidvalidity, uid, error, attempts, until),
        )

    def forget_failure(self, account: str, mailbox: str, uidvalidity: int, uid: int) -> None:
        """The message is gone from the server: nothing is left to try."""
        sql = "DELETE FROM failure WHERE account = ? AND mailbox = ? AND uidvalidity = ? AND uid = ?"
        self._database.execute(sql, (account, mailbox, uidvalidity, uid))

    def forget_failures(self, account: str, mailbox: str, uidvalidity: int) -> None:
        """The server has renumbered the mailbox: failures under other numbers say nothing any more."""
        sql = "DELETE FROM failure WHERE account = ? AND mailbox = ? AND uidvalidity <> ?"
        self._database.execute(sql, (account, mailbox, uidvalidity))

    def failures(self, account: str, mailbox: str, uidvalidity: int) -> dict[int, str]:
        """uid -> when it may be tried again (ISO, UTC)."""
        sql = "SELECT uid, next_try FROM failure WHERE account = ? AND mailbox = ? AND uidvalidity = ?"
        return dict(self._database.execute(sql, (account, mailbox, uidvalidity)))

    def quarantined(self, account: str) -> list[tuple[str, int, str, int, str]]:
        """(mailbox, uid, error, attempts, next try)."""
        return list(
            self._database.execute(
                "SELECT mailbox, uid, error, attempts, next_try FROM failure WHERE account = ? ORDER BY mailbox, uid",
                (account,),
            )
        )

    # --- drafts ----------------------------------------------------------------------------------------------------

    def intend_draft(
        self,
        mail_id: int,
        message_id: str,
        note: str,
        note_hash: str,
        mailbox: str,
        sha256: str,
        at: datetime,
    ) -> int:
        """Write down, before APPEND, which draft is about to be stored where."""
        cursor = self._database.execute(
            "INSERT INTO draft (mail_id, message_id, status, note, note_hash, mailbox, sha256, created) VALUES (?,?,'intent',?,?,?,?,?)",
            (mail_id, message_id, note, note_hash, mailbox, sha256, at.isoformat()),
        )
        return int(cursor.lastrowid or 0)

    def draft_stored(self, draft_id: int, uidvalidity: int, uid: int) -> None:
        self._database.execute(
            "UPDATE draft SET status = 'draft', uidvalidity = ?, uid = ? WHERE id = ?",
            (uidvalidity, uid, draft_id),
        )

    def draft_status(self, draft_id: int, status: DraftStatus) -> None:
        self._database.execute("UPDATE draft SET status = ? WHERE id = ?", (status, draft_id))

    def drafts(self, mail_id: int) -> list[DraftRow]:
        """The drafts of a mail, oldest first."""
        return list(self._drafts("mail_id = ?", mail_id))

    def due_intents(self, account: str, at: datetime) -> list[DraftRow]:
        """The intents whose mail may be tried now."""
        return [d for d in self.intents(account) if self.mail(d.mail_id).next_try <= at.isoformat()]

    def redirect(self, draft_id: int, mailbox: str) -> None:
        """The mailbox of an intended draft is no more: it goes to another."""
        self._database.execute("UPDATE draft SET mailbox = ? WHERE id = ?", (mailbox, draft_id))

    def intents(self, account: str) -> list[DraftRow]:
        """The drafts whose APPEND was begun and whose result is not known."""
        return list(
            self._drafts("status = 'intent' AND mail_id IN (SELECT id FROM mail WHERE account = ?)", account)
        )

    def _drafts(self, where: str, *values: object) -> Iterator[DraftRow]:
        columns = (
            "id, mail_id, message_id, status, note, note_hash, mailbox, uidvalidity, uid, sha256, created"
        )
        for row in self._database.execute(f"SELECT {columns} FROM draft WHERE {where} ORDER BY id", values):
            yield DraftRow(*row)

    # --- tokens and pauses -----------------------------------------------------------------------------------------

    def spent(
        self,
        account: str,
        purpose: str,
        model: str,
        tokens_in: int,
        tokens_out: int,
        at: datetime,
        cost: float = 0.0,
    ) -> None:
        self._database.execute(
            "INSERT INTO call (at, account, purpose, model, tokens_in, tokens_out, cost) VALUES (?,?,?,?,?,?,?)",
            (at.isoformat(), account, purpose, model, tokens_in, tokens_out, cost),
        )

    def spent_since(self, since: datetime) -> tuple[int, float]:
        """(tokens, money) since a time, for all accounts."""
        sql = (
            "SELECT coalesce(sum(tokens_in + tokens_out), 0), coalesce(sum(cost), 0) FROM call WHERE at >= ?"
        )
        tokens, money = self._database.execute(sql, (since.astimezone(UTC).isoformat(),)).fetchone()
        return int(tokens), float(money)

    def spending(self, account: str, since: datetime) -> list[tuple[str, str, int, int, int]]:
        """(purpose, model, calls, tokens in, tokens out) since a time."""
        sql = (
            "SELECT purpose, model, count(*), sum(tokens_in), sum(tokens_out) FROM call WHERE account = ? AND at >= ?"
            " GROUP BY purpose, model ORDER BY purpose, model"
        )
        return list(self._database.execute(sql, (account, since.isoformat())))

    # --- pauses ----------------------------------------------------------------------------------------------------

    def pause(self, account: str, until: datetime, reason: str) -> None:
        """Leave an account alone until then: its server asked for it."""
        self._database.execute(
            "INSERT OR REPLACE INTO pause VALUES (?,?,?)", (account, until.isoformat(), reason)
        )

    def paused(self, account: str, at: datetime) -> tuple[str, str] | None:
        """(until, reason) where the account is to be left alone."""
        row = self._database.execute(
            "SELECT until, reason FROM pause WHERE account = ? AND until > ?", (account, at.isoformat())
        ).fetchone()
        return (row[0], row[1]) if row else None

    def counts(self, account: str) -> dict[str, int]:
        """How many mails, notes by disposition, drafts by status."""
        found: dict[str, int] = {}
        for disposition, count in self._database.execute(
            "SELECT disposition, count(*) FROM mail WHERE account = ? GROUP BY disposition", (account,)
        ):
            found[f"mail.{disposition or 'undecided'}"] = count
        sql = "SELECT status, count(*) FROM draft WHERE mail_id IN (SELECT id FROM mail WHERE account = ?) GROUP BY status"
        for status, count in self._database.execute(sql, (account,)):
            found[f"draft.{status}"] = count
        return found
