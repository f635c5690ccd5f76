"""Every moment at which a run can be killed is tried: before and after each of its acts, whatever the command. The same command run
again completes the work, nothing is lost, doubled or sent twice, and a further run changes nothing.

`make torture` tries every moment; CI each kind of moment, and some more all over each run.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path

import pytest
import yaml

from mailbot.config import load
from mailbot.effect import Effect
from mailbot.oauth.tokens import Tokens
from mailbot.sync.session.login import access_of
from mailbot.sync.session.state import State
from mailbot.vault import note as notes
from tests.conftest import mail
from tests.e2e.life.desk import Desk
from tests.e2e.test_broken_wire import properties, time_passes
from tests.servers import mortal
from tests.servers.authorization import AuthorizationServer
from tests.servers.dovecot import Dovecot
from tests.servers.mail_clients import Roundcube
from tests.servers.model import ModelServer
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot

EVERY = "MAILBOT_TORTURE" in os.environ


def chosen(moments: Sequence[tuple[Effect, bool]]) -> list[int]:
    """The numbers of the moments to be killed at: all of them, or the first of each kind, before it or after it in turn, and some more
    all over the run."""
    if EVERY:
        return list(range(1, len(moments) + 1))
    first = {moment: number for number, moment in reversed(list(enumerate(moments, 1)))}
    kinds = sorted({kind for kind, _ in first}, key=lambda kind: kind.value)
    turns = [first.get((kind, bool(n % 2)), first.get((kind, not n % 2), 1)) for n, kind in enumerate(kinds)]
    return sorted({*turns, *range(7, len(moments) + 1, 60)})


@dataclass
class World:
    """A user's whole world, which can be put back to where it was."""

    folder: Path
    dovecot: Dovecot
    model: ModelServer
    smtp: SmtpServer
    oauth: AuthorizationServer | None = None
    user: str = "jo-killed@example.com"
    lives: int = 0
    kept: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.user = f"{self.folder.parent.name}-{self.folder.name}@example.com"
        self.vault = self.folder / "vault"
        self.maildir = self.dovecot.base / "mail" / self.user
        people = self.vault / "People" / "Ana Ruiz"
        people.mkdir(parents=True)
        (people / "README.md").write_text(
            "---\ntitle: Ana Ruiz\ntype: people\nemail: ana@acme.example\n---\n# Ana Ruiz\n"
        )
        (self.vault / "Storage.md").write_text(
            "---\ntitle: Storage\n---\n# Storage\n\nErasure coding was 8+3 in every run.\n"
        )
        self.settle()

    def settle(self, **more: object) -> None:
        login: dict[str, object] = {"password": {"env": "MAIL_PASSWORD"}}
        if self.oauth:
            login = {"oauth": self.oauth.settings}
        account = {
            "name": "work", "address": self.user, "display_name": "Jo Vermeer", **login,
            "imap": {"host": "127.0.0.1", "port": self.dovecot.port, "security": "none"},
            "smtp": {"host": "127.0.0.1", "port": self.smtp.port, "security": "none"},
        }  # fmt: skip
        llm = {"base_url": self.model.url, "model": "scripted", "retries": 0}
        send = {"allow": True, "after": "0s"}
        self.path = self.folder / "accounts.yaml"
        self.path.write_text(
            yaml.safe_dump(
                {"vault": str(self.vault), "accounts": [account], "llm": llm, "send": send, **more}
            )
        )
        self.desk = Desk(self.dovecot, self.user, load(self.path), self.vault)

    def run(self, *argv: str, at: int = 0, fate: mortal.Fate = mortal.KILLED) -> mortal.Ended:
        return mortal.run(
            *argv, at=at, fate=fate, record=self.folder / "run", env={"MAILBOT_CONFIG": str(self.path)}
        )

    def must(self, *argv: str) -> mortal.Ended:
        ended = self.run(*argv)
        assert ended.code == 0, (argv, ended)
        return ended

    def mail(self, n: int, text: str = "") -> None:
        text = text or f"Hi Jo,\n\nwhich disk has number {n}?\n\nAna"
        self.dovecot.deliver(
            self.user, mail(text, to=self.user, message_id=f"<{n}@acme.example>", subject=f"Storage {n}")
        )

    def drafts(self) -> list[Path]:
        return [path for path, _ in properties(self.vault, "email-draft")]

    def set(self, path: Path, **changes: object) -> None:
        path.write_text(notes.with_properties(path.read_text(), changes))

    def keep(self) -> None:
        """What the world is put back to from now on."""
        for name, place in self._places():
            shutil.rmtree(self.folder / "kept" / name, ignore_errors=True)
            if place.exists():
                shutil.copytree(place, self.folder / "kept" / name)

    def back(self) -> None:
        for name, place in self._places():
            shutil.rmtree(place, ignore_errors=True)
            if (self.folder / "kept" / name).exists():
                shutil.copytree(self.folder / "kept" / name, place)
                if name == "mail" and os.geteuid() == 0:
                    self._owned(place)
        self.smtp.mails.clear()

    def _places(self) -> list[tuple[str, Path]]:
        return [("vault", self.vault), ("state", Path(os.environ["MAILBOT_STATE"])), ("mail", self.maildir)]

    def _owned(self, place: Path) -> None:
        of = self.maildir.parent.stat()
        for each in (place, *place.rglob("*")):
            os.chown(each, of.st_uid, of.st_gid)


@dataclass(frozen=True)
class Story:
    """A command, what stands before it, and what must be true once it was run to its end."""

    command: tuple[str, ...]
    before: Callable[[World], None]
    holds: Callable[[World], None]
    then: tuple[str, ...] = ()
    """The command that goes on where it was killed, if that is another one."""


def three_mails(world: World) -> None:
    world.dovecot.deliver(
        world.user,
        mail("Hi Ana,\n\nwe used 8+3.\n\nJo", sender=world.user, to="ana@acme.example", message_id="<s@jo>"),
        mailbox="Sent",
    )
    for n in range(2):
        world.mail(n)
    with_file = mail(to=world.user, message_id="<2@acme.example>").replace(
        b"Content-Type: text/plain; charset=utf-8\r\n",
        b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n',
    )
    head, _, text = with_file.partition(b"\r\n\r\n")
    parts = (
        b"--x\r\nContent-Type: text/plain\r\n\r\n"
        + text
        + b'\r\n--x\r\nContent-Type: text/csv; name="a.csv"\r\nContent-Disposition: attachment; filename="a.csv"\r\n\r\n1,2\r\n--x--\r\n'
    )
    world.dovecot.deliver(world.user, head + b"\r\n\r\n" + parts)


def each_once(world: World, mails: int = 3, drafts: int = 3) -> None:
    """Each mail is one note, each draft one note and one message; no flag of the inbox has changed."""
    kept = sorted(found["message_id"].strip("<>") for _, found in properties(world.vault, "email"))
    assert kept == [f"{n}@acme.example" for n in range(mails)], kept
    stored = sorted(str(message_from_bytes(raw)["In-Reply-To"]) for raw in world.desk.drafts().values())
    assert stored == [f"<{n}@acme.example>" for n in range(drafts)], stored
    assert len(world.drafts()) == drafts
    assert set(world.dovecot.flags(world.user).values()) <= {()}
    assert not [p for p in world.vault.rglob("*") if p.name.endswith(".tmp") or ".mailbot" in p.name]


def drafted(world: World) -> None:
    three_mails(world)
    world.must("fetch")


def touched(world: World) -> None:
    """What the user has done since: a draft edited in a client, one deleted there, one edited in its note."""
    drafted(world)
    with world.dovecot.client(world.user) as imap:
        Roundcube(imap).save(lambda text: f"Edited in a client.\n\n{text}")
    uid = min(world.desk.drafts())
    with world.dovecot.client(world.user) as imap:
        imap.select_folder("Drafts")
        deleted = str(message_from_bytes(imap.fetch([uid], ["BODY[]"])[uid][b"BODY[]"])["In-Reply-To"])
        imap.copy([uid], "Trash")
        imap.delete_messages([uid])
        imap.expunge([uid])
    edited = sorted(str(message_from_bytes(raw)["In-Reply-To"]) for u, raw in world.desk.drafts().items())[0]
    world.kept = {"deleted": int(deleted[1]), "noted": int(edited[1])}
    for path in world.drafts():
        if f"Storage {world.kept['noted']}" in path.read_text():
            path.write_text(path.read_text().replace("8+3 in every run.", "8+3 and nothing else.", 1))
    world.mail(3)


def settled(world: World) -> None:
    stored = list(world.desk.drafts().values())
    answers = sorted(str(message_from_bytes(raw)["In-Reply-To"])[1] for raw in stored)
    assert answers == sorted(str(n) for n in range(4) if n != world.kept["deleted"]), answers
    assert sum(b"Edited in a client" in raw for raw in stored) == 1
    assert sum(b"nothing else" in raw for raw in stored) == 1
    found = sorted(str(p["status"]) for _, p in properties(world.vault, "email-draft"))
    assert found == ["discarded", "draft", "edited", "edited"], found
    assert len(properties(world.vault, "email")) == 4


def approved(world: World) -> None:
    world.mail(0)
    world.must("fetch")
    (path,) = world.drafts()
    world.must("approve", str(path.relative_to(world.vault)))


def sent(world: World) -> None:
    (path,) = world.drafts()
    status = notes.read(path.read_text()).properties["status"]
    out, filed = len(world.smtp.mails), len(world.desk.dovecot.messages(world.user, "Sent"))
    assert (status, out, filed) in {("sent", 1, 1), ("unknown", 1, 0), ("unknown", 0, 0)}, (
        status,
        out,
        filed,
    )
    flags = [f for f in world.dovecot.flags(world.user).values() if f]
    assert flags == ([(b"\\Answered",)] if status == "sent" else []), flags
    assert len(world.desk.drafts()) == (0 if status == "sent" else 1)


def a_file_of_mails(world: World) -> None:
    raw = [
        mail(message_id=f"<{n}@acme.example>", text=f"Letter {n}.").replace(b"\r\n", b"\n") for n in range(3)
    ]
    (world.folder / "old.mbox").write_bytes(
        b"".join(b"From x Thu Jan  1 00:00:00 2026\n" + r + b"\n" for r in raw)
    )


def imported(world: World) -> None:
    each_once(world, drafts=0)


def nothing(world: World) -> None:
    pass


def indexed(world: World) -> None:
    found = world.must("search", "erasure coding").printed
    assert "Storage" in found, found


def two_of_one(world: World) -> None:
    other = world.vault / "People" / "Ana R"
    other.mkdir()
    (other / "README.md").write_text(
        "---\ntitle: Ana R\ntype: people\nemail: ana@home.example\n---\n# Ana R\n\n## Key Facts\n\n- Likes green tea.\n"
    )


def merged(world: World) -> None:
    text = (world.vault / "People" / "Ana Ruiz" / "README.md").read_text()
    assert text.count("green tea") == 1 and "ana@home.example" in text, text
    assert "[[" in (world.vault / "People" / "Ana R" / "README.md").read_text()


def one_draft(world: World) -> None:
    world.mail(0)
    world.must("fetch")


def answered_elsewhere(world: World) -> None:
    one_draft(world)
    answer = mail("Call me.", sender=world.user, to="ana@acme.example", message_id="<own@jo>",
                  headers="In-Reply-To: <0@acme.example>\nReferences: <0@acme.example>\n")  # fmt: skip
    world.dovecot.deliver(world.user, answer.replace(b"20 Nov 2026", b"20 Nov 2036"), mailbox="Sent")


def answered(world: World) -> None:
    (path,) = world.drafts()
    assert notes.read(path.read_text()).properties["status"] == "answered"
    assert not world.desk.drafts()


def discard_wished(world: World) -> None:
    one_draft(world)
    (path,) = world.drafts()
    world.set(path, status="discarded")


def redrafted(world: World) -> None:
    each_once(world, 1, 1)


def discarded(world: World) -> None:
    (path,) = world.drafts()
    assert notes.read(path.read_text()).properties["status"] == "discarded"
    assert not world.desk.drafts()


def an_expired_token(world: World) -> None:
    """The account logs in by OAuth, its access token is over, and a refresh token is good once."""
    assert world.oauth
    world.mail(0)
    token = world.oauth.issue(world.user)
    (account,) = world.desk.settings.accounts
    access_of(account).store.write(Tokens(token.access, token.refresh, 1.0))


def each_drafted_and_logged_in(world: World) -> None:
    each_once(world, 1, 1)


def a_lost_journal(world: World) -> None:
    """Three drafts, one of them approved and never sent, and a journal that is broken."""
    drafted(world)
    world.must("approve", str(world.drafts()[0].relative_to(world.vault)))
    State(world.vault).journal.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)


def as_it_was(world: World) -> None:
    if world.run("status").code == 65:  # it was killed before it was done: the user runs it again
        world.must("rebuild", "--yes")
        world.must("sync")
    each_once(world)
    assert world.smtp.mails == []


def forgotten(world: World) -> None:
    """A draft that the journal does not know, one that lies in Drafts twice, and a file of a killed run."""
    drafted(world)
    with closing(sqlite3.connect(State(world.vault).journal)) as database, database:
        database.execute("DELETE FROM draft WHERE id = (SELECT min(id) FROM draft)")
    world.dovecot.deliver(world.user, max(world.desk.drafts().items())[1], mailbox="Drafts")
    (world.vault / ".mailbot").mkdir()
    (world.vault / ".mailbot" / ".mailbot-999999999-0123456789ab.tmp").write_bytes(b"half")


def well(world: World) -> None:
    world.run("sync")
    each_once(world)
    assert "drafts" not in [
        f["name"]
        for f in json.loads(world.run("verify", "--json").printed)["findings"]
        if f["level"] == "wrong"
    ]


STORIES = {
    "fetch": Story(("fetch",), three_mails, each_once),
    "sync": Story(("sync",), touched, settled),
    "send": Story(("send", "--yes"), approved, sent, ("sync",)),
    "import": Story(("import", "--account", "work", "old.mbox"), a_file_of_mails, imported),
    "index": Story(("index",), nothing, indexed),
    "people": Story(("people", "--merge", "Ana Ruiz", "Ana R"), two_of_one, merged),
    "draft": Story(("draft", "<0@acme.example>", "--instruct", "shorter"), one_draft, redrafted, ("sync",)),
    "answered": Story(("sync",), answered_elsewhere, answered),
    "token": Story(("fetch",), an_expired_token, each_drafted_and_logged_in),
    "rebuild": Story(("rebuild", "--yes"), a_lost_journal, as_it_was, ("sync",)),
    "verify": Story(("verify", "--repair"), forgotten, well),
    "discard": Story(("sync",), discard_wished, discarded),
}


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def world(
    tmp_path: Path, dovecot: Dovecot, model: ModelServer, smtp: SmtpServer, request: pytest.FixtureRequest
) -> Iterator[World]:
    if "token" not in request.node.name:
        yield World(tmp_path, dovecot, model, smtp)
        return
    # Where a refresh token is good once, a kill between the server's answer and the write ends the login: no program can help it.
    with AuthorizationServer(rotates=False) as authorization:
        checking = Dovecot(introspection=f"{authorization.url}/introspect").start()
        yield World(tmp_path, checking, model, smtp, authorization)
        checking.stop()


@pytest.mark.parametrize("name", STORIES)
def test_killed_at_every_moment(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    story = STORIES[name]
    story.before(world)
    world.keep()
    whole = world.run(*story.command)
    assert whole.code in (0, 1), (
        whole
    )  # `verify` ends with 1: the password of these tests is in the environment
    story.holds(world)
    tried = chosen(whole.moments)
    print(
        f"{name}: {len(tried)} of {len(whole.moments)} moments; {dict(Counter(a for a, done in whole.moments if done))}"
    )
    for at in tried:
        world.back()
        killed = world.run(*story.command, at=at)
        told = (name, at, killed.moments[-1:], killed.printed)
        assert killed.code == -9, told
        again = story.then or story.command
        for _ in range(2):
            with suppress(FileNotFoundError, sqlite3.DatabaseError):
                time_passes(world.desk.settings)
            world.run(*again)
        try:
            story.holds(world)
        except AssertionError as error:
            raise AssertionError(f"killed at {told}: {error}") from error
        before = world.desk.everything()
        world.run(*again)
        assert world.desk.everything() == before, told
