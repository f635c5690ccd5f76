"""Rows of docs/providers.md that only a certain server plays, on a server that answers as it does."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mailbot.errors import AuthenticationFailed, ServerUnavailable, TryAgain
from mailbot.mail.message import MessageId
from mailbot.mail.server import messages
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Listing
from mailbot.mail.server.login import Login
from mailbot.mail.server.outbox import Outbox
from tests.servers.scripted_imap import Script, ScriptedImap, Session, fetched

MINE = MessageId("<mine@example.com>")


@contextmanager
def account(
    script: Script, capabilities: str = "IMAP4rev1 UIDPLUS SPECIAL-USE", listed: list[str] | None = None
) -> Iterator[tuple[ImapAccount, ScriptedImap]]:
    with ScriptedImap(script, capabilities) as server:
        if listed is not None:
            server.listed = listed
        box = ImapAccount(
            Login("work", "127.0.0.1", server.port, "none", "jo", lambda: "secret", timeout=2.0)
        )
        try:
            yield box, server
        finally:
            box.close()


def quiet(*_: object) -> None:
    return None


def test_drafts_is_found_by_its_mark_whatever_the_server_says_it_can() -> None:
    """Cyrus writes `\\drafts`; some mark it and do not say SPECIAL-USE."""
    with account(quiet, "IMAP4rev1", ['* LIST () "/" INBOX', '* LIST (\\drafts) "/" Kladder']) as (box, _):
        assert box.find("drafts") == "Kladder"


def test_a_server_that_wants_its_prefix() -> None:
    """Courier refuses a name without the prefix of NAMESPACE."""

    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if line == "NAMESPACE":
            session.send('* NAMESPACE (("INBOX." ".")) NIL NIL\r\n')
            return session.ok(tag)
        named = re.match(r'(?:CREATE|APPEND|EXAMINE|SUBSCRIBE) "?([^" ]+)', line)
        if named and not named[1].startswith("INBOX"):
            return session.no(tag, "Invalid mailbox name")
        return None

    with account(
        script, "IMAP4rev1 UIDPLUS NAMESPACE", ['* LIST () "." INBOX', '* LIST () "." INBOX.Drafts']
    ) as (box, server):
        assert box.find("drafts") == "INBOX.Drafts"
        assert box.create("Notes") == "INBOX.Notes"
        box.examine(box.find("drafts"))
    assert any(c.startswith("CREATE") and "INBOX.Notes" in c for c in server.commands)


def test_a_name_that_is_no_modified_utf_7_is_kept_as_it_is() -> None:
    with account(quiet, listed=['* LIST () "/" "R&D projects"', '* LIST (\\Drafts) "/" Drafts']) as (
        box,
        server,
    ):
        assert [m.name for m in box.mailboxes()] == ["R&D projects", "Drafts"]
        box.examine("R&D projects")
    assert not any("R&-D" in c for c in server.commands)
    assert any(c.startswith("EXAMINE") and "R&D projects" in c for c in server.commands)


def test_flags_that_nobody_asked_for_are_of_no_mail() -> None:
    """They are keyed by sequence numbers, which may be another mail's UID."""

    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if line.startswith("UID FETCH"):
            session.send("* 2 FETCH (FLAGS (\\Answered))\r\n")
            session.send(fetched(1, 1, b"Message-ID: <a@x>\r\n\r\n", item="BODY[HEADER.FIELDS (MESSAGE-ID)]"))
            session.send("* 1 FETCH (FLAGS (\\Seen))\r\n")
            return session.ok(tag)
        return None

    with account(script) as (box, _):
        box.examine("INBOX")
        found = box.listings([1, 2])
    assert [(m.uid, m.message_id) for m in found] == [(1, "<a@x>")]
    assert "\\Answered" not in found[0].flags


def test_no_fetch_names_more_than_some_megabytes() -> None:
    with account(quiet) as (box, server):
        box.examine("INBOX")
        list(box.bodies([Listing(n, 900_000, frozenset(), None, None) for n in range(1, 8)]))
    asked = [c.split()[2] for c in server.commands if c.startswith("UID FETCH") and "," in c.split()[2]]
    assert asked and all(len(each.split(",")) * 900_000 <= messages.BATCH_OCTETS for each in asked), asked


def test_a_big_mail_whose_pieces_never_end_is_refused() -> None:
    sent = 0

    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        nonlocal sent
        if part := re.search(r"BODY\.PEEK\[\]<(\d+)\.(\d+)>", line):
            sent += int(part[2])
            session.send(fetched(1, 1, b"x" * int(part[2]), item=f"BODY[]<{part[1]}>"))
            return session.ok(tag)
        return None

    size = messages.BATCH_OCTETS + 1000
    with account(script) as (box, _):
        box.examine("INBOX")
        assert list(box.bodies([Listing(1, size, frozenset(), None, None)])) == []
    assert sent < 4 * size + 3 * messages.CHUNK


def test_search_that_names_another_message_is_not_believed() -> None:
    """Exchange matches parts of an id: each hit is looked at."""
    there = {1: b"Message-ID: <not-mine@example.com>\r\n\r\n", 2: b"Message-ID: <mine@example.com>\r\n\r\n"}

    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if line.startswith("EXAMINE"):
            session.send("* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 3] ok\r\n")
            return session.ok(tag)
        if line.startswith("UID SEARCH"):
            session.send("* SEARCH 1\r\n" if "HEADER" in line else "* SEARCH 1 2\r\n")
            return session.ok(tag)
        if line.startswith("UID FETCH"):
            for uid in map(int, line.split()[2].split(",")):
                session.send(
                    fetched(
                        uid, uid, there[uid], item="BODY[HEADER.FIELDS (MESSAGE-ID IN-REPLY-TO REFERENCES)]"
                    )
                )
            return session.ok(tag)
        return None

    with account(script) as (box, _):
        assert box.copies("Drafts", MINE) == [2]


class OneDraft:
    """A Drafts that holds one draft, on a server that can what it says."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.there, self.flags = raw, True, ""

    def __call__(self, session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if line.startswith(("EXAMINE", "SELECT")):
            session.send(f"* {int(self.there)} EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 6] ok\r\n")
        elif line.startswith("UID FETCH") and self.there:
            item = "BODY[]" if "PEEK[]" in line else "BODY[HEADER.FIELDS (MESSAGE-ID)]"
            session.send(fetched(1, 5, self.raw, item=item, flags=self.flags))
        elif line.startswith("UID STORE"):
            self.flags = "\\Deleted"
        elif line.startswith(("UID EXPUNGE", "UID MOVE")):
            self.there = False
        else:
            return None
        return session.ok(tag)


def test_gmail_moves_a_draft_to_trash_since_its_expunge_archives() -> None:
    import hashlib

    raw = b"Message-ID: <mine@example.com>\r\n\r\nHi\r\n"
    listed = ['* LIST (\\Drafts) "/" "[Gmail]/Drafts"', '* LIST (\\Trash) "/" "[Gmail]/Bin"']
    with account(OneDraft(raw), "IMAP4rev1 UIDPLUS MOVE X-GM-EXT-1", listed) as (box, server):
        assert box.can_remove() and box.take_away("[Gmail]/Drafts", 7, 5, hashlib.sha256(raw).hexdigest())
    assert [c for c in server.commands if c.startswith("UID MOVE")] == ['UID MOVE 5 "[Gmail]/Bin"']
    assert not [c for c in server.commands if "EXPUNGE" in c or "STORE" in c]


def test_without_uidplus_nothing_can_be_removed_alone() -> None:
    with account(OneDraft(b"x"), "IMAP4rev1") as (box, server):
        assert not box.can_remove()
    assert not [c for c in server.commands if "EXPUNGE" in c]


def test_an_appenduid_of_several_is_a_hint_that_is_looked_at() -> None:
    """OfflineIMAP once stored one mail a hundred times because of it."""
    raw = b"Message-ID: <mine@example.com>\r\n\r\nHi\r\n"
    inner = OneDraft(raw)

    def script(session: Session, tag: str, line: str, sent: bytes) -> bool | None:
        if line.startswith("APPEND"):
            return session.ok(tag, "[APPENDUID 7 9:5] done")
        if line.startswith("UID SEARCH"):
            session.send("* SEARCH 5\r\n")
            return session.ok(tag)
        if line.startswith("UID FETCH 9"):
            return session.ok(tag)
        return inner(session, tag, line, sent)

    with account(script) as (box, _):
        assert box.append_draft("Drafts", raw, MINE) == 5


def test_a_server_that_wants_to_know_who_asks_is_told_after_the_login() -> None:
    """163.com: `Unsafe Login` for every mailbox until ID came."""
    told = False

    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        nonlocal told
        if line.startswith("ID "):
            told = True
            session.send("* ID NIL\r\n")
            return session.ok(tag)
        if line.startswith("EXAMINE") and not told:
            return session.no(tag, "Unsafe Login. Please contact kefu@188.com for help")
        return None

    with account(script, "IMAP4rev1 ID") as (box, server):
        box.examine("INBOX")
    commands = [c.split()[0] for c in server.commands]
    assert commands.index("LOGIN") < commands.index("ID") < commands.index("EXAMINE")
    with account(quiet, "IMAP4rev1") as (box, server):
        box.examine("INBOX")
    assert "ID" not in [c.split()[0] for c in server.commands]


def test_a_server_that_hung_up_meanwhile_is_logged_in_to_again() -> None:
    """Office 365 and most NATs end a line after minutes of silence: the draft that took so long is stored all the same."""
    sessions: list[Session] = []
    raw = b"Message-ID: <mine@example.com>\r\n\r\nHi\r\n"
    inner = OneDraft(raw)

    def script(session: Session, tag: str, line: str, sent: bytes) -> bool | None:
        if session not in sessions:
            sessions.append(session)
        return (
            session.ok(tag, "[APPENDUID 7 5] done")
            if line.startswith("APPEND")
            else inner(session, tag, line, sent)
        )

    with account(script) as (box, server):
        box.connect()
        sessions[0].send("* BYE idle for too long\r\n")
        sessions[0].connection.shutdown(socket.SHUT_RDWR)
        box.ensure()
        assert box.append_draft("Drafts", raw, MINE) == 5
    assert len([c for c in server.commands if c.startswith("LOGIN")]) == 2


def test_smtp_logins_that_are_switched_off_name_who_can_switch_them_on() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = listener.accept()
        with line, line.makefile("rb") as said:
            line.sendall(b"220 hello\r\n")
            said.readline()
            line.sendall(b"250-test\r\n250 AUTH PLAIN LOGIN\r\n")
            said.readline()
            line.sendall(
                b"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.\r\n"
            )
            said.read()

    threading.Thread(target=serve, daemon=True).start()
    box = Outbox(
        Login("work", "127.0.0.1", listener.getsockname()[1], "none", "jo", lambda: "secret", timeout=2.0)
    )
    with (
        listener,
        pytest.raises(AuthenticationFailed, match="administrator has switched sending by SMTP off"),
    ):
        box.check()


REFUSALS: dict[str, Callable[[ImapAccount], Any]] = {
    "SEARCH": lambda box: box.search(["ALL"]),
    "FETCH": lambda box: list(box.bodies([Listing(1, 10, frozenset(), None, None)])),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_command_that_is_refused_for_its_length_is_a_failure_with_the_servers_words(what: str) -> None:
    """Yahoo says MESSAGELIMIT, Outlook cuts the line: what was asked stays within both, and what is refused all the same is said."""

    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        return session.no(tag, "[LIMIT] too many messages named") if line.startswith(f"UID {what}") else None

    with account(script) as (box, _):
        box.examine("INBOX")
        try:
            assert REFUSALS[what](box) == []  # the mail is left out, and tried again later
        except (ServerUnavailable, TryAgain) as error:
            assert "too many messages" in str(error)
