"""A user, mail clients, a server and crashes play at random between runs of mailbot; after every step what must never happen has not
happened. In memory by the thousand, against a real Dovecot by the hundred."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import pytest
import yaml
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mailbot.config import load
from mailbot.mail.mail import read_mail
from mailbot.mail.mime.compose import new_message_id
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.outbox import Accepted, Later, Lost, Outbox, Refused
from mailbot.sync import pipeline
from mailbot.sync.decide.noted import as_noted, noted
from mailbot.sync.decide.outgoing import outgoing
from mailbot.sync.memory.drafts import SqliteDrafts
from mailbot.sync.memory.rows import Location
from mailbot.sync.memory.spool import Spool
from mailbot.sync.session.note_files import NoteFiles
from mailbot.sync.session.opening import Session
from mailbot.sync.session.report import Options, Report
from mailbot.sync.steps import draft_wiring, wiring
from mailbot.sync.steps.compose import ready
from mailbot.vault import draft_note, read_draft
from mailbot.vault import note as notes
from mailbot.vault.draft import Draft
from mailbot.vault.draft_note import BEGIN, END, DraftNote
from mailbot.vault.source import Context
from mailbot.vault.verdict import Verdict
from tests.conftest import mail
from tests.e2e.life.desk import SOURCE, Desk
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.mail_clients import Aerc, AppleMail, Claws, MailClient, Neomutt, Roundcube, Thunderbird
from tests.servers.memory_imap import MemoryAccount, MemoryConnection, Store
from tests.servers.smtp import SmtpServer
from tests.sync.memory.double import MemoryDrafts, memory_journal

CLIENTS = [Roundcube, Thunderbird, AppleMail, Neomutt, Claws, Aerc]
STATUSES = {
    "draft",
    "edited",
    "approved",
    "sent",
    "answered",
    "discarded",
    "missing",
    "superseded",
    "conflict",
    "unknown",
}
NOTE = "Email/Drafts/D.draft.md"
WORDS = itertools.count()
REACHED: dict[str, int] = {}
"""How often each status was seen in the note, over all runs: what the machine came to."""


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def dying(effects: Sequence[tuple[type, str]], at: int, after: bool) -> Iterator[None]:
    """Ends the run before or after its effect number `at`."""
    count = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal count
            count += 1
            if count == at and not after:
                raise Killed
            done = real(*arguments, **more)
            if count == at and after:
                raise Killed
            return done

        return call

    patches = [patch.object(owner, name, counted(getattr(owner, name))) for owner, name in effects]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


class World(ABC):
    """What the machine plays in. `smtp` says how the server for sending behaves."""

    vault: Path
    appended: list[bytes]
    removed: list[bytes]
    smtp = "ok"

    @property
    @abstractmethod
    def taken(self) -> list[bytes]:
        """What the server for sending took."""

    @abstractmethod
    def everything(self) -> Any: ...

    @abstractmethod
    def sync(self) -> None: ...

    @abstractmethod
    def connection(self) -> Any: ...

    @abstractmethod
    def hours_pass(self) -> None: ...

    @abstractmethod
    def renumber(self) -> None: ...

    @abstractmethod
    def mailbox(self, name: str) -> list[bytes]: ...

    @abstractmethod
    def inbox_flags(self) -> Any: ...

    effects: ClassVar[list[tuple[type, str]]] = []

    @abstractmethod
    def close(self) -> None: ...


class MemoryWorld(World):
    effects: ClassVar = [
        (MemoryDrafts, "add"), (MemoryDrafts, "save"), (MemoryDrafts, "stored"), (MemoryDrafts, "mark"), (NoteFiles, "edit"),
        (MemoryAccount, "append_draft"), (MemoryAccount, "take_away"), (MemoryAccount, "file"), (MemoryAccount, "set_answered"),
    ]  # fmt: skip

    def __init__(self) -> None:
        self._taken: list[bytes] = []
        self.base = Path(
            tempfile.mkdtemp(prefix="mailbot-life-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        )
        self.vault = self.base / "vault"
        (self.vault / "Email" / "Drafts").mkdir(parents=True)
        account = {"name": "work", "address": "jo@example.com", "display_name": "Jo Vermeer", "signature": "Jo Vermeer\nAcme",
                   "imap": {"host": "127.0.0.1", "port": 1, "security": "none"}, "password": {"env": "X"}}  # fmt: skip
        path = self.base / "accounts.yaml"
        path.write_text(
            yaml.safe_dump(
                {"vault": str(self.vault), "accounts": [account], "send": {"allow": True, "after": "0s"}}
            )
        )
        self.store, self.journal, self.now = Store(), memory_journal(), datetime.now(UTC)
        self.account = MemoryAccount(self.store)
        self.appended, self.removed = self.account.appended, self.account.removed
        loaded = load(path)
        spool = Spool(self.base / "spool")
        self.session = Session(loaded, loaded.accounts[0], self.journal, NoteFiles(self.vault), spool, self.account,  # type: ignore[arg-type]
                               Report("work"), self.base / "index", clock=lambda: self.now)  # fmt: skip
        self._draft()

    def _draft(self) -> None:
        raw = mail(to="jo@example.com")
        source, session = read_mail(raw), self.session
        uid = self.store.add("INBOX", raw)
        files = session.notes
        email_hash = files.create(
            "Email/M.md", notes.write(notes.Note({"type": "email", "message_id": SOURCE}, "Hi\n"))
        )
        row = self.journal.mails.add(
            "work", SOURCE, source.message.sha256, "Email/M.md", email_hash, self.now, "done", "reply"
        )
        self.journal.locations.add(row, "work", Location("INBOX", self.store.boxes["INBOX"].uidvalidity, uid))
        reply = outgoing(
            session.settings,
            session.account,
            source,
            "Hi Ana,\n\nit was 8+3.",
            new_message_id("jo@example.com"),
            self.now,
        )
        people = as_noted(reply.to, reply.cc)
        written = DraftNote("M.md", self.now, str(people["to"]), str(people["to_name"]), reply.subject, "> q", Draft("Hi Ana,\n\nit was 8+3."),
                            Verdict("reply"), Context(), account="work", message_id=SOURCE, draft_message_id=reply.message_id)  # fmt: skip
        text = notes.write(draft_note.render(written))
        note_hash = files.create(NOTE, text)
        said = noted(read_draft.parse(text, NOTE))
        draft_wiring.delivery(session).store(ready(row, NOTE, note_hash, reply, said))

    @property
    def taken(self) -> list[bytes]:
        return self._taken

    def submit(self, wire: Any) -> Any:
        if self.smtp in ("ok", "lost"):
            self._taken.append(wire.raw)
        said = {"ok": Accepted(), "lost": Lost("gone"), "later": Later("busy"), "refused": Refused("no")}
        return said[self.smtp]

    def sync(self) -> None:
        session = self.session
        session.report.failed.clear()
        with (
            patch.object(Outbox, "submit", lambda _, wire: self.submit(wire)),
            patch("mailbot.sync.session.login.smtp_login", lambda *_: None),
            patch.object(draft_wiring, "moved_note", lambda _, draft: self._moved()),
            patch.object(draft_wiring, "newer_mails", lambda *_: []),
        ):
            wiring.sweep(session)
            pipeline.put_in_order(session)
            draft_wiring.reconciler(session).notice()
            draft_wiring.sender(session).send_due()

    def _moved(self) -> str:
        return next((str(p.relative_to(self.vault)) for p in self.vault.rglob("*.draft.md")), "")

    def everything(self) -> Any:
        files = {str(p): p.read_bytes() for p in self.vault.rglob("*.md")}
        return files, self.store.everything(), [repr(self.journal.drafts.of(1))]

    def connection(self) -> Any:
        return MemoryConnection(self.store)

    def hours_pass(self) -> None:
        self.now += timedelta(hours=7)

    def renumber(self) -> None:
        self.store.renumber("Drafts")

    def mailbox(self, name: str) -> list[bytes]:
        return [raw for raw, _ in self.store.boxes[name].messages.values()]

    def inbox_flags(self) -> Any:
        return [frozenset(flags) for _, flags in self.store.boxes["INBOX"].messages.values()]

    def close(self) -> None:
        shutil.rmtree(self.base, ignore_errors=True)


class DovecotWorld(World):
    effects: ClassVar = [
        (SqliteDrafts, "add"), (SqliteDrafts, "save"), (SqliteDrafts, "stored"), (SqliteDrafts, "mark"), (NoteFiles, "edit"),
        (ImapAccount, "append_draft"), (ImapAccount, "take_away"), (ImapAccount, "file"), (ImapAccount, "set_answered"),
    ]  # fmt: skip
    server: ClassVar[Dovecot]
    submission: ClassVar[SmtpServer]
    number: ClassVar = itertools.count()

    def __init__(self) -> None:
        self.submission.mails.clear()
        self.base = Path(tempfile.mkdtemp(prefix="mailbot-life-"))
        self.vault = self.base / "vault"
        self.vault.mkdir()
        os.environ["MAILBOT_STATE"], os.environ["MAIL_PASSWORD"] = str(self.base / "state"), PASSWORD
        user = f"life-{os.getpid()}-{next(self.number)}@example.com"
        account = {"name": "work", "address": user, "display_name": "Jo Vermeer", "signature": "Jo Vermeer\nAcme",
                   "imap": {"host": "127.0.0.1", "port": self.server.port, "security": "none"}, "password": {"env": "MAIL_PASSWORD"},
                   "smtp": {"host": "127.0.0.1", "port": self.submission.port, "security": "none"}}  # fmt: skip
        path = self.base / "accounts.yaml"
        path.write_text(
            yaml.safe_dump(
                {"vault": str(self.vault), "accounts": [account], "send": {"allow": True, "after": "0s"}}
            )
        )
        self.desk = Desk(self.server, user, load(path), self.vault)
        self.appended, self.removed = [], []
        self._recorded()
        note = self.desk.drafted()
        text = self.desk.text(note)
        begin, end = text.index(BEGIN), text.index(END)
        self.desk.write(note, f"{text[:begin]}{BEGIN}\n\nHi Ana,\n\nit was 8+3.\n\n{text[end:]}")
        self.sync()

    def _recorded(self) -> None:
        append, take = ImapAccount.append_draft, ImapAccount.take_away
        appended, removed = self.appended, self.removed

        def appending(account: ImapAccount, name: str, raw: bytes, message_id: Any) -> Any:
            appended.append(raw)
            return append(account, name, raw, message_id)

        def taking(
            account: ImapAccount, name: str, validity: int, uid: int, sha256: str, **more: bool
        ) -> bool:
            raw = account.message(name, uid, 10**8)
            done = take(account, name, validity, uid, sha256, **more)
            if done and raw:
                removed.append(raw)
            return done

        self.patches = [
            patch.object(ImapAccount, "append_draft", appending),
            patch.object(ImapAccount, "take_away", taking),
        ]
        for each in self.patches:
            each.start()

    @property
    def taken(self) -> list[bytes]:
        return [bytes(each.original_content or b"") for each in self.submission.mails]

    def sync(self) -> None:
        self.submission.mode = {"later": "4xx", "refused": "5xx", "lost": "drop"}.get(self.smtp, "ok")
        (report,) = pipeline.sync_all(self.desk.settings, Options())
        assert report.error == "", report.error

    def everything(self) -> Any:
        return self.desk.everything()

    def connection(self) -> Any:
        self.desk.connections.append(self.server.client(self.desk.user))
        return self.desk.connections[-1]

    def hours_pass(self) -> None:
        self.desk.hours_pass(7)

    def renumber(self) -> None:
        validity = next(self.number) + 5000
        self.server.adm("mailbox", "update", "-u", self.desk.user, "--uid-validity", str(validity), "Drafts")

    def mailbox(self, name: str) -> list[bytes]:
        return list(self.server.messages(self.desk.user, name).values())

    def inbox_flags(self) -> Any:
        return [frozenset(flags) for flags in self.server.flags(self.desk.user).values()]

    def close(self) -> None:
        for each in self.patches:
            each.stop()
        self.desk.close()
        shutil.rmtree(self.base, ignore_errors=True)


class Life(RuleBasedStateMachine):
    """One draft, from its first storing to its end."""

    world_of: ClassVar[type[World]]

    @initialize()
    def begin(self) -> None:
        self.world = self.world_of()
        self.typed: list[str] = []
        """Words that the user has typed anywhere and not taken back."""
        self.recalled: bytes | None = None
        self.approved = False
        self.gave_way = False
        """The user has said that the text of Drafts may go."""
        self.dialog = False
        """Aerc has left its old copy, and asks whether to delete it."""
        self.settled = True

    # --- what is there -------------------------------------------------------------------------------------------

    @property
    def note(self) -> Path | None:
        return next(self.world.vault.rglob("*.draft.md"), None)

    def text(self) -> str:
        return self.note.read_text(encoding="utf-8") if self.note else ""

    def status(self) -> str:
        return str(notes.read(self.text()).properties.get("status")) if self.note else "gone"

    def client(self, kind: type[MailClient]) -> MailClient:
        return kind(self.world.connection())

    def word(self) -> str:
        word = f"word{next(WORDS)}x"
        self.typed.append(word)
        return word

    def has_draft(self) -> bool:
        return bool(self.world.mailbox("Drafts"))

    # --- what the user does --------------------------------------------------------------------------------------

    @precondition(lambda self: self.has_draft())
    @rule(kind=st.sampled_from(CLIENTS), edits=st.booleans())
    def saves_in_a_client(self, kind: type[MailClient], edits: bool) -> None:
        word = self.word() if edits else ""
        self.client(kind).save(lambda text: f"{word}\n\n{text}" if word else text)
        self.dialog |= kind is Aerc
        self.settled = False

    @precondition(lambda self: self.has_draft())
    @rule(kind=st.sampled_from(CLIENTS), edits=st.booleans())
    def sends_from_a_client(self, kind: type[MailClient], edits: bool) -> None:
        word = self.word() if edits else ""
        self.client(kind).send(lambda text: f"{word}\n\n{text}" if word else text)
        self.settled = False

    @rule()
    def answers_in_other_words(self) -> None:
        answer = mail(
            f"Call me about {self.word()}.", sender="Jo <jo@example.com>", to="ana@acme.example", message_id=f"<own{next(WORDS)}@jo>",
            headers=f"In-Reply-To: {SOURCE}\nReferences: {SOURCE}\n",
        )  # fmt: skip
        answer = answer.replace(b"20 Nov 2026", b"20 Nov 2036")
        self.world.connection().append("Sent", answer, flags=(b"\\Seen",))
        self.settled = False

    @precondition(lambda self: self.has_draft())
    @rule(kind=st.sampled_from([Roundcube, Thunderbird, AppleMail, Claws]))
    def deletes_in_a_client(self, kind: type[MailClient]) -> None:
        self.client(kind).delete()
        self.settled = False

    @precondition(lambda self: bool(self.world.mailbox("Trash")))
    @rule()
    def undeletes(self) -> None:
        self.client(Roundcube).undelete()
        self.dialog = True  # what the user puts back stays, whatever became of the draft
        self.settled = False

    @precondition(lambda self: self.has_draft() and self.recalled is None)
    @rule()
    def opens_it_in_neomutt(self) -> None:
        client = self.client(Neomutt)
        assert isinstance(client, Neomutt)
        self.recalled = client.recall()
        self.settled = False

    @precondition(lambda self: self.recalled is not None)
    @rule(edits=st.booleans())
    def saves_it_in_neomutt(self, edits: bool) -> None:
        client, word = self.client(Neomutt), self.word() if edits else ""
        assert isinstance(client, Neomutt) and self.recalled
        client.put_back(self.recalled, lambda text: f"{word}\n\n{text}" if word else text)
        self.recalled = None
        self.settled = False

    @precondition(lambda self: BEGIN in self.text())
    @rule()
    def edits_the_note(self) -> None:
        assert self.note
        text = self.text()
        self.note.write_text(text.replace(BEGIN, f"{BEGIN}\n\n{self.word()}", 1), encoding="utf-8")
        self.settled = False

    @precondition(lambda self: self.note is not None)
    @rule(status=st.sampled_from(["approved", "approved", "draft", "discarded", "nonsense"]))
    def sets_the_status(self, status: str) -> None:
        assert self.note
        self.note.write_text(notes.with_properties(self.text(), {"status": status}), encoding="utf-8")
        self.approved = status == "approved"
        self.settled = False

    @precondition(lambda self: self.status() == "conflict")
    @rule(choice=st.sampled_from(["server", "note"]))
    def decides_the_conflict(self, choice: str) -> None:
        assert self.note
        self.note.write_text(notes.with_properties(self.text(), {"resolve": choice}), encoding="utf-8")
        self.gave_way |= choice == "note"
        self.settled = False

    @precondition(lambda self: self.note is not None)
    @rule()
    def moves_the_note(self) -> None:
        assert self.note
        target = self.world.vault / "Email" / "Drafts" / f"moved{next(WORDS)}.draft.md"
        self.note.rename(target)
        self.settled = False

    @precondition(lambda self: self.note is not None and not self.typed)
    @rule()
    def deletes_the_note(self) -> None:
        assert self.note
        self.note.unlink()
        self.settled = False

    @rule()
    def hours_pass(self) -> None:
        self.world.hours_pass()
        self.settled = False

    @rule()
    def the_server_renumbers(self) -> None:
        self.world.renumber()
        self.settled = False

    @rule(how=st.sampled_from(["ok", "ok", "lost", "later", "refused"]))
    def the_mail_server_is(self, how: str) -> None:
        self.world.smtp = how

    # --- mailbot -------------------------------------------------------------------------------------------------

    @rule()
    def mailbot_runs(self) -> None:
        self.world.sync()
        self.settled = True

    @rule(at=st.integers(1, 12), after=st.booleans())
    def mailbot_is_killed(self, at: int, after: bool) -> None:
        try:
            with dying(self.world.effects, at, after):
                self.world.sync()
        except Killed:
            self.settled = False

    # --- what must never happen ----------------------------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        status = self.status()
        REACHED[status] = REACHED.get(status, 0) + 1
        places = [each for name in ("Drafts", "Sent", "Trash") for each in world.mailbox(name)]
        places += [each.read_bytes() for each in world.vault.rglob("*.md")]
        places += [self.recalled or b""]
        for word in self.typed:  # nothing that the user has typed is lost
            assert any(word.encode() in place for place in places), f"{word} is lost"
        ours = set(world.appended)
        gone_out = set(map(_text_of, world.taken))
        for raw in world.removed:  # what is not ours byte for byte was sent, or the user has let it go
            assert raw in ours or self.gave_way or _text_of(raw) in gone_out, (
                "mailbot removed what a client wrote"
            )
        for flags in world.inbox_flags():
            assert flags <= {b"\\Answered"} and (not flags or world.taken)
        if self.settled:
            self._settled(status)

    def _settled(self, status: str) -> None:
        world = self.world
        if self.note:
            assert status in STATUSES | {"nonsense"}, status
        mine = [raw for raw in world.mailbox("Drafts") if raw in set(world.appended)]
        assert len(mine) == len(set(mine)) or self.dialog, "one draft twice"
        if status in ("sent", "answered", "superseded") and not self.dialog:
            assert not mine or self.recalled or world.mailbox("Trash") or status == "answered", (
                "a draft of ours is left"
            )
        self._quiet(status, runs=1)

    def _quiet(self, status: str, runs: int) -> None:
        """After at most so many runs a further one changes nothing; and nothing went out twice. Runs are counted while a draft is
        missing, and a mail that waits is tried again."""
        world = self.world
        for _ in range(max(runs, 3 if status == "missing" or world.smtp == "later" else 1)):
            before = world.everything()
            world.sync()
            if world.everything() == before:
                break
        assert world.everything() == before, "a further run changed something"
        assert len(world.taken) == len(set(map(_id_of, world.taken))), "sent twice"
        for raw in world.taken:
            assert b"ailbot" not in raw.partition(b"\r\n\r\n")[0]

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.close()


def _text_of(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2].strip()


def _id_of(raw: bytes) -> bytes:
    found = re.search(rb"(?mi)^Message-ID: *(\S+)", raw)
    return found[1] if found else raw


class InMemory(Life):
    world_of = MemoryWorld


class OnDovecot(Life):
    world_of = DovecotWorld


EXAMPLES = int(os.environ.get("MAILBOT_LIVES", "60"))
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def play(machine: type[Life], lives: int, steps: int) -> None:
    """So many lives; prints how often each status was seen."""
    REACHED.clear()
    quiet = settings(
        max_examples=lives, stateful_step_count=steps, deadline=None, suppress_health_check=QUIET
    )
    run_state_machine_as_test(machine, settings=quiet)
    print(
        f"{machine.__name__}, {lives} lives of up to {steps} steps: looks at the note by its status: {dict(sorted(REACHED.items()))}"
    )


@pytest.fixture
def on_dovecot(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The servers that `DovecotWorld` plays on."""
    monkeypatch.setenv("MAILBOT_STATE", "")
    with SmtpServer() as submission:
        monkeypatch.setattr(DovecotWorld, "server", dovecot, raising=False)
        monkeypatch.setattr(DovecotWorld, "submission", submission, raising=False)
        yield


def test_lives_in_memory() -> None:
    play(InMemory, EXAMPLES, 20)


@pytest.mark.dovecot
def test_lives_on_dovecot(on_dovecot: None) -> None:
    play(OnDovecot, max(3, EXAMPLES // 10), 15)
