"""The schema of the journal, version by version. A version that was released is never changed; a new one is added.

Each version is a list of statements, run in one transaction. `utc(text)` is a function of ours: a time in any offset, in UTC.
"""

from __future__ import annotations

_FIRST = """
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

_PEOPLE = """
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

_ASKS = """
CREATE TABLE ask (mail_id INTEGER NOT NULL REFERENCES mail (id), number INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (mail_id, number)) WITHOUT ROWID;
"""

# Times in UTC, no time is NULL, references that hold, a reason for each draft's status, and a purpose for each cursor. Until
# here `edited` stood for several things, so that nothing can be learned from it: it becomes `unknown`.
_TYPED = """
CREATE TABLE cursor (account TEXT NOT NULL, purpose TEXT NOT NULL, mailbox TEXT NOT NULL, uidvalidity INTEGER NOT NULL,
  uid INTEGER NOT NULL, moved TEXT NOT NULL, PRIMARY KEY (account, purpose, mailbox));
INSERT INTO cursor SELECT account, CASE WHEN substr(mailbox, 1, 5) = 'sent:' THEN 'sent' ELSE 'inbox' END,
  CASE WHEN substr(mailbox, 1, 5) = 'sent:' THEN substr(mailbox, 6) ELSE mailbox END, uidvalidity, cursor,
  coalesce(utc(moved), '1970-01-01T00:00:00.000000+00:00') FROM mailbox;
DROP TABLE mailbox;

CREATE TABLE mail_4 (id INTEGER PRIMARY KEY, account TEXT NOT NULL, message_id TEXT NOT NULL, sha256 TEXT NOT NULL,
  note TEXT NOT NULL, note_hash TEXT NOT NULL, date TEXT NOT NULL, stage TEXT NOT NULL, disposition TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, next_try TEXT, error TEXT NOT NULL DEFAULT '', UNIQUE (account, sha256));
INSERT INTO mail_4 SELECT id, account, message_id, sha256, note, note_hash, coalesce(utc(date), '1970-01-01T00:00:00.000000+00:00'),
  stage, disposition, attempts, utc(next_try), error FROM mail;
DROP TABLE mail;
ALTER TABLE mail_4 RENAME TO mail;
CREATE INDEX mail_message ON mail (message_id);
CREATE INDEX mail_note ON mail (note);
CREATE INDEX mail_stage ON mail (account, stage) WHERE stage <> 'done';
CREATE INDEX mail_date ON mail (account, date);

CREATE TABLE location_4 (account TEXT NOT NULL, mailbox TEXT NOT NULL, uidvalidity INTEGER NOT NULL, uid INTEGER NOT NULL,
  mail_id INTEGER NOT NULL REFERENCES mail (id) ON DELETE CASCADE, PRIMARY KEY (account, mailbox, uidvalidity, uid));
INSERT INTO location_4 SELECT * FROM location WHERE mail_id IN (SELECT id FROM mail);
DROP TABLE location;
ALTER TABLE location_4 RENAME TO location;
CREATE INDEX location_mail ON location (mail_id);

CREATE TABLE ask_4 (mail_id INTEGER NOT NULL REFERENCES mail (id) ON DELETE CASCADE, number INTEGER NOT NULL, kind TEXT NOT NULL,
  text TEXT NOT NULL, PRIMARY KEY (mail_id, number));
INSERT INTO ask_4 SELECT * FROM ask WHERE mail_id IN (SELECT id FROM mail);
DROP TABLE ask;
ALTER TABLE ask_4 RENAME TO ask;

UPDATE failure SET next_try = coalesce(utc(next_try), '1970-01-01T00:00:00.000000+00:00');

CREATE TABLE draft_4 (id INTEGER PRIMARY KEY, mail_id INTEGER NOT NULL REFERENCES mail (id) ON DELETE CASCADE,
  message_id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, why TEXT NOT NULL DEFAULT '', note TEXT NOT NULL, note_hash TEXT NOT NULL,
  mailbox TEXT NOT NULL, uidvalidity INTEGER NOT NULL DEFAULT 0, uid INTEGER NOT NULL DEFAULT 0, sha256 TEXT NOT NULL, created TEXT NOT NULL);
INSERT INTO draft_4 SELECT id, mail_id, message_id, CASE status WHEN 'edited' THEN 'unknown' ELSE status END,
  CASE status WHEN 'edited' THEN 'an earlier mailbot left it and did not say why' ELSE '' END,
  note, note_hash, mailbox, uidvalidity, uid, sha256, coalesce(utc(created), '1970-01-01T00:00:00.000000+00:00')
  FROM draft WHERE mail_id IN (SELECT id FROM mail);
DROP TABLE draft;
ALTER TABLE draft_4 RENAME TO draft;
CREATE INDEX draft_mail ON draft (mail_id);
CREATE INDEX draft_intent ON draft (mail_id) WHERE status = 'intent';

CREATE TABLE sent_4 (id INTEGER PRIMARY KEY, account TEXT NOT NULL, mailbox TEXT NOT NULL, uidvalidity INTEGER NOT NULL,
  uid INTEGER NOT NULL, message_id TEXT NOT NULL, parent TEXT NOT NULL, date TEXT, UNIQUE (account, mailbox, uidvalidity, uid));
INSERT INTO sent_4 SELECT id, account, mailbox, uidvalidity, uid, message_id, parent, utc(date) FROM sent;
DROP TABLE sent;
ALTER TABLE sent_4 RENAME TO sent;
CREATE INDEX sent_message ON sent (message_id) WHERE message_id <> '';
CREATE INDEX sent_parent ON sent (parent) WHERE parent <> '';

CREATE TABLE sent_to_4 (address TEXT NOT NULL, sent_id INTEGER NOT NULL REFERENCES sent (id) ON DELETE CASCADE,
  PRIMARY KEY (address, sent_id));
INSERT INTO sent_to_4 SELECT * FROM sent_to WHERE sent_id IN (SELECT id FROM sent);
DROP TABLE sent_to;
ALTER TABLE sent_to_4 RENAME TO sent_to;
CREATE INDEX sent_to_sent ON sent_to (sent_id);

CREATE TABLE correction_4 (mail_id INTEGER PRIMARY KEY REFERENCES mail (id) ON DELETE CASCADE, address TEXT NOT NULL,
  disposition TEXT NOT NULL, at TEXT NOT NULL);
INSERT INTO correction_4 SELECT mail_id, address, disposition, coalesce(utc(at), '1970-01-01T00:00:00.000000+00:00')
  FROM correction WHERE mail_id IN (SELECT id FROM mail);
DROP TABLE correction;
ALTER TABLE correction_4 RENAME TO correction;
CREATE INDEX correction_address ON correction (address);

CREATE TABLE stranger (mail_id INTEGER PRIMARY KEY REFERENCES mail (id) ON DELETE CASCADE, account TEXT NOT NULL,
  since TEXT NOT NULL, address TEXT NOT NULL, parents TEXT NOT NULL);
INSERT INTO stranger SELECT mail_id, account, coalesce(utc(since), '1970-01-01T00:00:00.000000+00:00'), address, parents
  FROM unmet WHERE mail_id IN (SELECT id FROM mail);
DROP TABLE unmet;

UPDATE call SET at = coalesce(utc(at), '1970-01-01T00:00:00.000000+00:00');
UPDATE pause SET until = coalesce(utc(until), '1970-01-01T00:00:00.000000+00:00');
"""

# When each mail was kept, by the clock of that day: a clock that was wrong is found out by it.
_KEPT = """
ALTER TABLE mail ADD COLUMN kept TEXT;
CREATE INDEX mail_kept ON mail (account, kept);
"""

# What triage says of each ask: how a note may put it, and whether it is the user's to decide.
_LOOKUPS = """
ALTER TABLE ask ADD COLUMN lookups TEXT NOT NULL DEFAULT '';
ALTER TABLE ask ADD COLUMN decides INTEGER NOT NULL DEFAULT 0;
"""

# The life of a draft after it was stored: what Drafts and the note last agreed on, what the user approved, what was sent.
_LIFE = """
ALTER TABLE draft ADD COLUMN ours INTEGER NOT NULL DEFAULT 1;
ALTER TABLE draft ADD COLUMN quote_lines INTEGER NOT NULL DEFAULT 0;
ALTER TABLE draft ADD COLUMN server_base TEXT NOT NULL DEFAULT '';
ALTER TABLE draft ADD COLUMN note_base TEXT NOT NULL DEFAULT '';
ALTER TABLE draft ADD COLUMN becomes TEXT NOT NULL DEFAULT 'draft';
ALTER TABLE draft ADD COLUMN ended_by TEXT NOT NULL DEFAULT '';
ALTER TABLE draft ADD COLUMN since TEXT;
ALTER TABLE draft ADD COLUMN looks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE draft ADD COLUMN approved TEXT NOT NULL DEFAULT '';
ALTER TABLE draft ADD COLUMN approved_at TEXT;
ALTER TABLE draft ADD COLUMN sent_at TEXT;
ALTER TABLE draft ADD COLUMN todo TEXT NOT NULL DEFAULT '';
ALTER TABLE draft ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE draft ADD COLUMN next_try TEXT;
ALTER TABLE draft ADD COLUMN sent_mark INTEGER NOT NULL DEFAULT 0;
ALTER TABLE draft ADD COLUMN thread_note TEXT NOT NULL DEFAULT '';
UPDATE draft SET ours = 0 WHERE status <> 'draft';
UPDATE draft SET sent_mark = (SELECT coalesce(max(id), 0) FROM sent);
CREATE INDEX draft_note ON draft (note);
CREATE INDEX draft_status ON draft (status)
"""

# The user may give a mail up that cannot become a note.
_GIVEN_UP = """
ALTER TABLE failure ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0
"""

# A draft that is being taken out of Drafts: marking and removing are two commands, and a run may be killed between.
_LEAVING = """
ALTER TABLE draft ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0
"""


def _statements(script: str) -> tuple[str, ...]:
    return tuple(s.strip() for s in script.split(";") if s.strip())


MIGRATIONS: tuple[tuple[str, ...], ...] = tuple(
    map(_statements, (_FIRST, _PEOPLE, _ASKS, _TYPED, _KEPT, _LOOKUPS, _LIFE, _GIVEN_UP, _LEAVING))
)
