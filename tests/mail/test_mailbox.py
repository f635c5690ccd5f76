"""What one provider does (provider-quirks.md), played by the scripted server."""

from __future__ import annotations

import re

import pytest

from mailbot.errors import AppendUnknown, AuthenticationFailed, ServerUnavailable, TryAgain
from mailbot.mail.message import MessageId
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.listing import Listing
from mailbot.mail.server.login import Login
from tests.conftest import mail
from tests.servers.scripted_imap import ScriptedImap, Session, fetched

ID = MessageId("<m1@acme.example>")


def login(server: ScriptedImap, **more: object) -> Login:
    return Login("work", "127.0.0.1", server.port, "none", "jo", lambda: "secret", timeout=3.0, **more)  # type: ignore[arg-type]


def test_only_examine_and_peek_are_ever_sent() -> None:
    with ScriptedImap() as server, ImapAccount(login(server)) as box:
        box.examine("INBOX")
        box.search(["UNSEEN"])
        box.listings([1])
        list(box.bodies([Listing(1, 10, frozenset(), None, None)]))
    assert not [c for c in server.commands if re.match(r"SELECT|UID STORE|STORE|EXPUNGE|UID (COPY|MOVE)", c)]
    assert all("PEEK" in c for c in server.commands if "BODY" in c)


@pytest.mark.parametrize(
    "answer", [b"* 1 FETCH (UID 1 BODY[] NIL)\r\n", b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n", b""]
)
def test_an_answer_without_a_body_is_no_mail(answer: bytes) -> None:
    """NIL, or a flag update in its place, arrives without an error."""

    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if "BODY.PEEK[]" in line:
            session.send(answer)
            return session.ok(tag)
        return None

    with ScriptedImap(script) as server, ImapAccount(login(server)) as box:
        box.examine("INBOX")
        assert list(box.bodies([Listing(1, 10, frozenset(), None, None)])) == []


def test_uids_beyond_the_end_are_dropped() -> None:
    """`UID 8:*` answers with the last message, whatever its UID."""

    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if line.startswith("UID SEARCH"):
            session.send("* SEARCH 5\r\n")
            return session.ok(tag)
        return None

    with ScriptedImap(script) as server, ImapAccount(login(server)) as box:
        assert box.search(["ALL"], first=8) == []


def test_search_is_asked_in_windows_and_fetch_in_batches() -> None:
    """The windows hold so many messages each, wherever their UIDs lie: UIDNEXT 4294967295 is legal."""

    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if at := re.match(r"FETCH (\d+):", line):
            session.send(f"* {at[1]} FETCH (UID {int(at[1]) * 30_000})\r\n")
            return session.ok(tag)
        return None

    with ScriptedImap(script) as server, ImapAccount(login(server)) as box:
        box.examine("INBOX")
        box.search(["UNSEEN"], exists=120_000)
        box.listings(range(1, 251))
    windows = [c for c in server.commands if c.startswith("UID SEARCH")]
    assert [re.search(r"UID (\d+:[\d*]+)", c[4:])[1] for c in windows] == [  # type: ignore[index]
        "1:1500000000",
        "1500000001:3000000000",
        "3000000001:*",
    ]
    assert len([c for c in server.commands if c.startswith("UID FETCH")]) == 3


def test_a_big_mail_comes_in_chunks() -> None:
    from mailbot.mail.server import messages

    whole = b"x" * (messages.CHUNK * 2 + 100)

    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if part := re.search(r"BODY\.PEEK\[\]<(\d+)\.(\d+)>", line):
            start = int(part[1])
            session.send(fetched(1, 1, whole[start : start + int(part[2])], item=f"BODY[]<{start}>"))
            return session.ok(tag)
        return None

    with ScriptedImap(script) as server, ImapAccount(login(server)) as box:
        box.examine("INBOX")
        ((uid, raw),) = box.bodies([Listing(1, len(whole) + messages.BATCH_OCTETS, frozenset(), None, None)])
    assert (uid, raw) == (1, whole)


class Drafts:
    """A Drafts mailbox that stores what is appended and answers APPEND and SEARCH as told."""

    def __init__(self, append: str = "OK [APPENDUID 7 1] done", search: str = "real") -> None:
        self.append, self.search, self.stored = append, search, []  # type: ignore[var-annotated]

    def __call__(self, session: Session, tag: str, line: str, literal: bytes) -> bool | None:
        upper = line.upper()
        if upper.startswith("APPEND"):
            if self.append == "lost":
                self.stored.append(literal)
                return session.drop()
            if self.append.startswith("OK"):
                self.stored.append(literal)
            session.send(f"{tag} {self.append}\r\n")
            return True
        if upper.startswith("EXAMINE"):
            session.send(
                f"* {len(self.stored)} EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT {len(self.stored) + 1}] ok\r\n"
            )
            return session.ok(tag)
        if upper.startswith("UID SEARCH") and "HEADER" in upper:
            if self.search == "bug":
                return session.no(tag, "[SERVERBUG] SEARCH Server error")
            session.send("* SEARCH" + (" 1" if self.search == "wrong" and self.stored else "") + "\r\n")
            return session.ok(tag)
        if upper.startswith("UID SEARCH"):
            session.send("* SEARCH " + " ".join(str(n + 1) for n in range(len(self.stored))) + "\r\n")
            return session.ok(tag)
        if upper.startswith("UID FETCH"):
            for number, raw in enumerate(self.stored, 1):
                item = "BODY[HEADER]" if "PEEK[HEADER]" in upper else "BODY[HEADER.FIELDS (MESSAGE-ID)]"
                session.send(fetched(number, number, raw.split(b"\r\n\r\n")[0] + b"\r\n\r\n", item=item))
            return session.ok(tag)
        return None


@pytest.mark.parametrize(
    "append", ["OK [APPENDUID 7 1] done", "OK done", "OK [APPENDUID 7 99] done", "OK [APPENDUID 1 7] done"]
)
@pytest.mark.parametrize("search", ["none", "bug", "wrong"])
def test_the_uid_of_an_append_is_confirmed_whatever_the_server_claims(append: str, search: str) -> None:
    """APPENDUID absent, wrong or reversed; SEARCH that finds nothing, fails or lies: the header is read."""
    drafts = Drafts(append, search)
    with ScriptedImap(drafts) as server, ImapAccount(login(server)) as box:
        assert box.append_draft("Drafts", mail(), ID) == 1
    assert len(drafts.stored) == 1
    assert any(c.startswith('APPEND "Drafts" (\\Draft \\Seen)') for c in server.commands)


def test_a_lost_answer_is_unknown_and_found_on_a_new_connection() -> None:
    drafts = Drafts("lost")
    with ScriptedImap(drafts) as server, ImapAccount(login(server)) as box:
        with pytest.raises(AppendUnknown, match=r"account work .*Drafts"):
            box.append_draft("Drafts", mail(), ID)
        assert box.copies("Drafts", ID) == [1]
    assert len([c for c in server.commands if c.startswith("LOGIN")]) == 2


def test_a_refused_append_is_known_not_to_be_there_and_reconnects() -> None:
    with ScriptedImap(Drafts("NO [OVERQUOTA] full")) as server, ImapAccount(login(server)) as box:
        with pytest.raises(ServerUnavailable, match="full") as caught:
            box.append_draft("Drafts", mail(), ID)
        assert not isinstance(caught.value, AppendUnknown)
        box.examine("INBOX")
    assert len([c for c in server.commands if c.startswith("LOGIN")]) == 2


def test_throttling_is_no_wrong_password() -> None:
    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        return (
            session.no(tag, "Request is throttled. Suggested Backoff Time: 299980 milliseconds")
            if line.startswith("LOGIN")
            else None
        )

    with ScriptedImap(script) as server, pytest.raises(TryAgain) as caught:
        ImapAccount(login(server)).connect()
    assert caught.value.retry_after == pytest.approx(299.98)


def test_a_refused_login_names_account_and_server() -> None:
    def script(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        return session.no(tag, "[AUTHENTICATIONFAILED] nope") if line.startswith("LOGIN") else None

    with (
        ScriptedImap(script) as server,
        pytest.raises(AuthenticationFailed, match=r"account work \(127\.0\.0\.1:\d+\).*app password"),
    ):
        ImapAccount(login(server)).connect()


def test_id_is_sent_where_it_is_asked_for() -> None:
    with ScriptedImap(capabilities="IMAP4rev1 ID") as server, ImapAccount(login(server)):
        pass
    assert any(c.startswith('ID ("name" "mailbot"') for c in server.commands)


def test_xoauth2_sends_the_token() -> None:
    with (
        ScriptedImap(capabilities="IMAP4rev1 AUTH=XOAUTH2 SASL-IR") as server,
        ImapAccount(login(server, token=True)),
    ):
        pass
    assert any(c.startswith("AUTHENTICATE XOAUTH2") for c in server.commands)


def test_starttls_is_never_left_out() -> None:
    """A server, or someone in between, that offers no STARTTLS gets no password."""
    with ScriptedImap() as server:
        starttls = Login("work", "127.0.0.1", server.port, "starttls", "jo", lambda: "secret", timeout=3.0)
        with pytest.raises(ServerUnavailable, match="does not offer STARTTLS"):
            ImapAccount(starttls).connect()
    assert not any("LOGIN" in c for c in server.commands)


def test_no_drafts_mailbox_names_what_is_there() -> None:
    with ScriptedImap() as server, ImapAccount(login(server)) as box:
        server.listed = ['* LIST () "/" INBOX', '* LIST () "/" "Old/Drafts"']
        with pytest.raises(ServerUnavailable, match=r"drafts_mailbox.*INBOX, Old/Drafts"):
            box.find("drafts")
