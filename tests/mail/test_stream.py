"""The bounds of a connection: however a server drips, floods or lies, a command has a time and an answer a size."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from mailbot import stopping
from mailbot.errors import MailbotError, ServerUnavailable, TryAgain
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Listing
from mailbot.mail.server.login import Login
from tests.servers.scripted_imap import ScriptedImap, Session, fetched

Trouble = Callable[[Session, str, str], bool | None]


def login(port: int, timeout: float = 1.0, ends: float = float("inf")) -> Login:
    return Login(
        "work", "127.0.0.1", port, "none", "jo", lambda: "hunter2hunter2", timeout=timeout, ends=ends
    )


def drip(session: Session, octets: bytes = b"* OK still here\r\n") -> None:
    """For ever, a few octets at a time."""
    try:
        while True:
            session.send(octets)
            time.sleep(0.2)
    except OSError:
        return


@contextmanager
def account(trouble: Trouble, **more: float) -> Iterator[ImapAccount]:
    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        return trouble(session, tag, line)

    with ScriptedImap(script) as server:
        box = ImapAccount(login(server.port, **more))
        try:
            yield box
        finally:
            box.close()


def when(start: str, act: Callable[[Session], object]) -> Trouble:
    def trouble(session: Session, tag: str, line: str) -> bool | None:
        if line.startswith(start):
            act(session)
            return session.ok(tag)
        return None

    return trouble


ENDLESS: dict[str, Callable[[Session], object]] = {
    "untagged lines that drip": drip,
    "octets of a line that drip": lambda session: drip(session, b"x"),
    "octets of a literal that drip": lambda s: (s.send("* 1 FETCH (UID 1 BODY[] {900}\r\n"), drip(s, b"x")),
    "a flood of untagged lines": lambda s: [s.send(b"* OK x\r\n" * 10_000) for _ in range(100)],
    "a line without an end": lambda s: [s.send(b"x" * 100_000) for _ in range(1000)],
    "a literal of a terabyte": lambda s: s.send("* 1 FETCH (UID 1 BODY[] {1000000000000}\r\nx"),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_command_ends_whatever_comes(what: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with account(when("UID FETCH", ENDLESS[what])) as box:
        box.examine("INBOX")
        began = time.monotonic()
        assert list(box.bodies([Listing(1, 800, frozenset(), None, None)])) == []
        assert time.monotonic() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


@pytest.mark.parametrize(
    "first", [b"", b"* OK", b"x"], ids=["nothing", "a greeting that drips", "no greeting"]
)
def test_a_greeting_has_a_time(first: bytes) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            for _ in range(100):
                connection.sendall(first)
                time.sleep(0.1)

    threading.Thread(target=serve, daemon=True).start()
    began = time.monotonic()
    with pytest.raises(ServerUnavailable, match="could not connect"):
        ImapAccount(login(listener.getsockname()[1])).connect()
    assert time.monotonic() - began < 10
    listener.close()


def test_a_slow_server_that_sends_enough_is_waited_for() -> None:
    """A large mail over a thin line takes longer than the time of a silent server."""
    raw = b"Subject: x\r\n\r\n" + b"y" * 40_000

    def slowly(session: Session) -> None:
        whole = fetched(1, 1, raw)
        for at in range(0, len(whole), 2000):
            session.send(whole[at : at + 2000])
            time.sleep(0.1)

    with account(when("UID FETCH", slowly)) as box:
        box.examine("INBOX")
        began = time.monotonic()
        assert [r for _, r in box.bodies([Listing(1, len(raw), frozenset(), None, None)])] == [raw]
        assert time.monotonic() - began > 1.5


def test_a_mail_larger_than_its_estimate_comes_all_the_same() -> None:
    """RFC822.SIZE is an estimate on Exchange; what is far beyond it is refused before it is read."""
    raw = b"Subject: x\r\n\r\n" + b"y" * 500_000
    with account(when("UID FETCH", lambda s: s.send(fetched(1, 1, raw)))) as box:
        box.examine("INBOX")
        assert len(list(box.bodies([Listing(1, 300_000, frozenset(), None, None)]))) == 1
    raw += b"y" * 3_000_000
    with account(when("UID FETCH", lambda s: s.send(fetched(1, 1, raw)))) as box:
        box.examine("INBOX")
        assert list(box.bodies([Listing(1, 300_000, frozenset(), None, None)])) == []


def test_the_time_of_an_account_ends_every_command() -> None:
    with account(when("UID SEARCH", drip), timeout=30, ends=time.monotonic() + 1) as box:
        box.examine("INBOX")
        with pytest.raises(TryAgain, match="`time_limit` is over"):
            box.search(["ALL"])


def test_a_run_that_is_to_end_waits_for_no_server() -> None:
    with account(when("UID SEARCH", lambda _: time.sleep(5)), timeout=30) as box:
        box.examine("INBOX")
        threading.Timer(0.3, stopping.ask).start()
        began = time.monotonic()
        with pytest.raises(stopping.Stopped):
            box.search(["ALL"])
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "answer",
    [
        "* SEARCH 1 2 99999999999999999999 -4\r\n",
        "* SEARCH " + "9" * 5000 + " 2\r\n",
        "* SEARCH (((((1\r\n",
        "* SEARCH x y\r\n",
    ],
    ids=["out of range", "5,000 digits", "nested", "words"],
)
def test_numbers_out_of_this_world_are_no_uids(answer: str) -> None:
    with account(when("UID SEARCH", lambda s: s.send(answer))) as box:
        box.examine("INBOX")
        try:
            assert set(box.search(["ALL"])) <= {1, 2}
        except MailbotError as error:
            assert "bug" not in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 1 RFC822.SIZE -5 FLAGS () BODY[HEADER.FIELDS (MESSAGE-ID)] {0}\r\n)\r\n",
        b"* 1 FETCH (UID 1 RFC822.SIZE 99999999999999999999 FLAGS () BODY[HEADER.FIELDS (MESSAGE-ID)] NIL)\r\n",
        b"* 1 FETCH (UID 1 RFC822.SIZE (1 2) FLAGS () BODY[HEADER.FIELDS (MESSAGE-ID)] 7)\r\n",
        b"* 1 FETCH (UID 1 RFC822.SIZE 5 INTERNALDATE \"99-Foo-0000 99:99:99 +9999\" FLAGS () BODY[HEADER.FIELDS (MESSAGE-ID)] NIL)\r\n",
        b"* 1 FETCH " + b"(" * 20_000 + b"\r\n",
        b"* 1 FETCH (UID x)\r\n",
        b"* 1 FETCH (UID 1 RFC822.SIZE 5 FLAGS 7 BODY[HEADER.FIELDS (MESSAGE-ID)] {0}\r\n)\r\n",
        b"* 1 FETCH (UID 1 RFC822.SIZE 5 FLAGS ((1 2) 3) BODY[HEADER.FIELDS (MESSAGE-ID)] {0}\r\n)\r\n",
    ],
)  # fmt: skip
def test_a_strange_description_costs_only_itself(answer: bytes) -> None:
    with account(when("UID FETCH", lambda s: s.send(answer))) as box:
        box.examine("INBOX")
        assert all(0 <= m.size < 2**32 for m in box.listings([1]))


def test_no_octet_of_a_mail_stands_in_an_error() -> None:
    """A literal that is shorter than its announcement leaves mail text where an answer should begin."""
    with account(when("UID SEARCH", lambda s: s.send(b"Dear Jo, the merger closes on Friday\r\n"))) as box:
        box.examine("INBOX")
        with pytest.raises(ServerUnavailable) as caught:
            box.search(["ALL"])
    assert "merger" not in str(caught.value)
    assert "its answer makes no sense" in str(caught.value)


def test_no_mail_can_ask_for_patience() -> None:
    """Where an answer makes no sense the words in it may be a stranger's: they pause no account."""
    said = b"* 1 Suggested Backoff Time: 99999999 seconds, rate limit, too many connections\r\nthrottled\r\n"
    with account(when("UID SEARCH", lambda s: s.send(said))) as box:
        box.examine("INBOX")
        with pytest.raises(ServerUnavailable):
            box.search(["ALL"])


def test_a_refusal_of_megabytes_is_short_at_once() -> None:
    """A pattern that looks far ahead held the whole process, the other accounts and Ctrl-C with it."""
    with account(
        lambda s, tag, line: s.no(tag, "(1.1 + " * 300_000) if line.startswith("UID SEARCH") else None
    ) as box:
        box.examine("INBOX")
        began = time.monotonic()
        with pytest.raises(ServerUnavailable) as caught:
            box.search(["ALL"])
        assert time.monotonic() - began < 5
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("exists", ["-1", "1" + "0" * 30])
def test_a_count_that_cannot_be_hides_no_mail(exists: str) -> None:
    def trouble(session: Session, tag: str, line: str) -> bool | None:
        if line.startswith("EXAMINE"):
            session.send(f"* {exists} EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 9] x\r\n")
            return session.ok(tag)
        return None

    with account(trouble) as box:
        try:
            assert box.examine("INBOX").exists > 0
        except ServerUnavailable as error:
            assert "makes no sense" in str(error)


def test_a_mailbox_of_four_billion_messages_is_asked_in_few_windows() -> None:
    asked: list[str] = []

    def trouble(session: Session, tag: str, line: str) -> bool | None:
        asked.append(line)
        if line.startswith("FETCH"):
            position = int(line.split()[1].partition(":")[0])
            session.send(f"* {position} FETCH (UID {position})\r\n")
            return session.ok(tag)
        return None

    with account(trouble) as box:
        box.examine("INBOX")
        assert box.search(["ALL"], exists=4_294_967_295) == []
    assert len(asked) < 250


def test_a_long_search_that_says_so_is_waited_for() -> None:
    """Dovecot says every few seconds that it is still at it."""

    def slowly(session: Session) -> None:
        for _ in range(8):
            session.send("* OK Still here\r\n")
            time.sleep(0.25)
        session.send("* SEARCH 3\r\n")

    with account(when("UID SEARCH", slowly)) as box:
        box.examine("INBOX")
        assert box.search(["ALL"]) == [3]


def test_nor_one_that_the_server_quotes() -> None:
    """A backoff in quotation marks is a subject or a text; the server's own word is obeyed."""
    quoted = 'message "Your rate limit: Suggested Backoff Time: 86400 seconds" is damaged'
    with account(lambda s, tag, line: s.no(tag, quoted) if line.startswith("UID SEARCH") else None) as box:
        box.examine("INBOX")
        with pytest.raises(ServerUnavailable):
            box.search(["ALL"])
    with account(
        lambda s, tag, line: s.no(tag, "rate limit") if line.startswith("UID SEARCH") else None
    ) as box:
        box.examine("INBOX")
        with pytest.raises(TryAgain):
            box.search(["ALL"])
