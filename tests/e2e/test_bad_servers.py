"""What bad servers, bad mails and a meddling world do to a run: nothing is lost, nothing is doubled, the rest goes on."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from mailbot.sync.commands.redraft import redraft
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options, exit_code
from mailbot.sync.session.state import State
from mailbot.vault import note as notes
from tests.conftest import MakeSettings, mail
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer
from tests.servers.scripted_imap import ScriptedImap, Session, fetched


class Account:
    """A small account on the scripted server: an inbox, a Drafts, a Sent, and switches for what goes wrong."""

    def __init__(self, *inbox: bytes) -> None:
        self.boxes: dict[str, dict[int, bytes]] = {
            "INBOX": dict(enumerate(inbox, 1)),
            "Drafts": {},
            "Sent": {},
        }
        self.uidvalidity = 7
        self.open = "INBOX"
        self.seen: set[int] = set()
        self.trouble: Callable[[Session, str, str, bytes], bool | None] = lambda *_: None

    def __call__(self, session: Session, tag: str, line: str, literal: bytes) -> bool | None:
        if self.trouble(session, tag, line, literal):
            return True
        upper = line.upper()
        if upper.startswith("LIST"):
            session.send(
                '* LIST () "/" INBOX\r\n* LIST (\\Drafts) "/" Drafts\r\n* LIST (\\Sent) "/" Sent\r\n'
            )
            return session.ok(tag)
        if upper.startswith("EXAMINE"):
            name = line.split()[1].strip('"')
            if name not in self.boxes:
                return session.no(tag, "no such mailbox")
            self.open, box = name, self.boxes[name]
            session.send(
                f"* {len(box)} EXISTS\r\n* OK [UIDVALIDITY {self.uidvalidity}] x\r\n* OK [UIDNEXT {max(box, default=0) + 1}] x\r\n"
            )
            return session.ok(tag)
        box = self.boxes[self.open]
        if upper.startswith("APPEND"):
            target = self.boxes[line.split()[1].strip('"')]
            target[max(target, default=0) + 1] = literal
            return session.ok(tag)
        if upper.startswith("UID SEARCH"):
            first, last = re.search(r"UID (\d+):(\d+|\*)", line[4:]).groups()  # type: ignore[union-attr]
            top = max(box, default=0) if last == "*" else int(last)
            uids = [u for u in box if int(first) <= u <= top]
            if "HEADER" in upper:
                wanted = line.split()[-1].strip('"').encode()
                uids = [u for u in uids if wanted in box[u]]
            if "UNSEEN" in upper:
                uids = [u for u in uids if u not in self.seen]
            session.send("* SEARCH" + "".join(f" {u}" for u in uids) + "\r\n")
            return session.ok(tag)
        if upper.startswith("UID FETCH"):
            for part in line.split()[2].split(","):
                first, _, last = part.partition(":")
                for uid in range(int(first), int(last or first) + 1):
                    if uid in box:
                        item = re.search(r"BODY\.PEEK(\[[^\]]*\])", line)[1]  # type: ignore[index]
                        data = box[uid] if item == "[]" else box[uid].split(b"\r\n\r\n")[0] + b"\r\n\r\n"
                        session.send(fetched(uid, uid, data, item=f"BODY{item}"))
            return session.ok(tag)
        return None


def email_notes(vault: Path) -> list[Path]:
    return sorted(p for p in (vault / "Email").rglob("*.md") if "Drafts" not in p.parts)


def test_a_refused_draft_stops_neither_fetch_nor_the_other_drafts(
    make_settings: MakeSettings, vault: Path, model: ModelServer
) -> None:
    account = Account(*(mail(message_id=f"<m{n}@x>") for n in range(3)))
    refused: list[str] = []

    def trouble(session: Session, tag: str, line: str, literal: bytes) -> bool | None:
        if line.startswith("APPEND") and b"<m1@x>" in literal and len(refused) < 2:
            refused.append(line)
            return session.no(tag, "[CANNOT] too strange")
        return None

    account.trouble = trouble
    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com", llm=model.url)
        (report,) = fetch_all(settings, Options())
        assert (report.error, len(report.drafts), len(account.boxes["Drafts"])) == ("", 2, 2)
        assert exit_code([report]) == 1
        asked = len(model.requests)
        account.boxes["INBOX"][9] = mail(message_id="<m9@x>", text="Thanks.")
        (report,) = fetch_all(settings, Options())
        assert len(report.notes) == 1
        with sqlite3.connect(State(vault).folder / "journal.sqlite") as journal:
            journal.execute("UPDATE mail SET next_try = ''")
        journal.close()
        fetch_all(settings, Options())
    assert len(account.boxes["Drafts"]) == 4
    assert len(model.requests) == asked + 2, "only the new mail was asked about; no draft was made twice"


def test_one_mail_that_cannot_be_fetched_costs_only_itself(make_settings: MakeSettings, vault: Path) -> None:
    account = Account(*(mail(message_id=f"<m{n}@x>") for n in range(3)))

    def trouble(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if line.startswith("UID FETCH") and "PEEK[]" in line and re.search(r"\b2\b|1:3", line.split()[2]):
            return session.no(tag, "[SERVERBUG] cannot read it")
        return None

    account.trouble = trouble
    with ScriptedImap(account) as server:
        (report,) = fetch_all(make_settings(server.port, "jo@example.com"), Options())
        assert (report.error, len(report.notes), len(report.failed)) == ("", 2, 1)
        assert "UID 2" in report.failed[0]
        account.trouble = lambda *_: None
        (report,) = fetch_all(make_settings(server.port, "jo@example.com"), Options())
    assert len(report.notes) == 1


def test_a_mail_that_the_server_does_not_describe_is_fetched_later(make_settings: MakeSettings) -> None:
    """`fetch: new`: the cursor never passes a mail that is neither a note nor a recorded failure."""
    account = Account()
    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com", account={"fetch": "new"})
        fetch_all(settings, Options())
        account.boxes["INBOX"] = {n: mail(message_id=f"<m{n}@x>") for n in (1, 2, 3)}

        def trouble(session: Session, tag: str, line: str, _: bytes) -> bool | None:
            if line.startswith("UID FETCH") and "RFC822.SIZE" in line:
                for uid in (1, 3):
                    session.send(
                        fetched(uid, uid, b"Message-ID: <x>\r\n\r\n", item="BODY[HEADER.FIELDS (MESSAGE-ID)]")
                    )
                return session.ok(tag)
            return None

        account.trouble = trouble
        assert len(fetch_all(settings, Options())[0].notes) == 2
        account.trouble = lambda *_: None
        assert len(fetch_all(settings, Options())[0].notes) == 1


@pytest.mark.parametrize(
    "bad",
    [
        mail(message_id="<bad@x>").replace(
            b"Fri, 20 Nov 2026 09:15:00 +0100", b"Fri, 31 Dec 9999 23:59:59 -1200"
        ),
        b"From: a@b.c\r\nSubject: =?utf-7?q?+2AA-?=\r\nContent-Type: text/plain; charset=utf-7\r\n\r\nwhat? +2AA-\xff\r\n",
        b"From: <=?utf-8?q?mallory=40evil=2Eexample=2Cana?=@acme.example>\r\nSubject: x\r\n\r\nCan you answer?\r\n",
        b"From: a@b.c\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Disposition: attachment; filename*=utf-7''%2B2AA-x.pdf\r\n\r\nx\r\n--x--\r\n",
    ],
    ids=["date-9999", "utf-7-surrogates", "encoded-address", "attachment-name"],
)
def test_no_mail_stops_the_others(
    bad: bytes, make_settings: MakeSettings, vault: Path, model: ModelServer
) -> None:
    account = Account(bad, mail())
    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com", llm=model.url)
        (report,) = fetch_all(settings, Options())
        assert report.error == ""
        assert len(email_notes(vault)) == 2, report.failed
        assert any(b"<m1@acme.example>" in raw for raw in account.boxes["Drafts"].values())
        assert not any(
            b"evil.example" in raw.split(b"\r\n\r\n")[0] for raw in account.boxes["Drafts"].values()
        )


def test_since_never_moves_the_cursor_past_older_mail(make_settings: MakeSettings) -> None:
    account = Account()
    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com", account={"fetch": "new"})
        fetch_all(settings, Options())
        account.boxes["INBOX"] = {1: mail(message_id="<1@x>"), 2: mail(message_id="<2@x>")}

        def trouble(session: Session, tag: str, line: str, _: bytes) -> bool | None:
            if "SINCE" in line and "SEARCH" in line and account.open == "INBOX":
                session.send("* SEARCH 2\r\n")
                return session.ok(tag)
            return None

        account.trouble = trouble
        from datetime import date

        assert len(fetch_all(settings, Options(since=date(2026, 11, 20)))[0].notes) == 1
        assert len(fetch_all(settings, Options())[0].notes) == 1


@pytest.mark.parametrize("state", ["stored", "search-broken", "other-id", "sent", "nowhere"])
def test_a_lost_answer_never_makes_a_second_draft(
    state: str, make_settings: MakeSettings, model: ModelServer
) -> None:
    """APPEND is not idempotent: look first; not to be able to look is not the same as not to be there."""
    account = Account(mail())

    def lost(session: Session, tag: str, line: str, literal: bytes) -> bool | None:
        if line.startswith("APPEND"):
            if state == "sent":
                account.boxes["Sent"][1] = literal.replace(b"X-Mailbot-Id", b"X-Old-Id").replace(
                    b"Message-ID: <", b"Message-ID: <sent-"
                )
            elif state == "other-id":
                account.boxes["Drafts"][1] = literal.replace(b"Message-ID: <", b"Message-ID: <new-")
            elif state != "nowhere":
                account.boxes["Drafts"][1] = literal
            return session.drop()
        return None

    def broken(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if "SEARCH" in line and account.open == "Drafts":
            return session.no(tag, "[SERVERBUG] SEARCH Server error")
        if "FETCH" in line and account.open == "Drafts":
            return session.no(tag, "[SERVERBUG] FETCH Server error")
        return None

    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com", llm=model.url)
        account.trouble = lost
        fetch_all(settings, Options())
        account.trouble = broken if state == "search-broken" else lambda *_: None
        fetch_all(settings, Options())
        asked = len(model.requests)
        account.trouble = lambda *_: None
        fetch_all(settings, Options())
    assert len(account.boxes["Drafts"]) == (0 if state == "sent" else 1)
    assert len(model.requests) == asked == 2


def test_a_draft_whose_mailbox_is_gone_goes_to_the_one_that_is_there(
    make_settings: MakeSettings, model: ModelServer, vault: Path
) -> None:
    account = Account(mail())
    account.trouble = lambda session, tag, line, _literal: (
        session.no(tag, "full") if line.startswith("APPEND") else None
    )
    with ScriptedImap(account) as server:
        settings = make_settings(server.port, "jo@example.com", llm=model.url)
        fetch_all(settings, Options())
        with sqlite3.connect(State(vault).folder / "journal.sqlite") as journal:
            journal.execute("UPDATE draft SET mailbox = 'Gone'")
        journal.close()
        account.trouble = lambda *_: None
        (report,) = fetch_all(settings, Options())
    assert (report.error, report.failed, len(account.boxes["Drafts"])) == ("", [], 1)


def test_a_mailbox_that_is_not_there_does_not_stop_the_others(make_settings: MakeSettings) -> None:
    with ScriptedImap(Account(mail())) as server:
        (report,) = fetch_all(
            make_settings(server.port, "jo@example.com", account={"mailboxes": ["Old", "INBOX"]}), Options()
        )
    assert (report.error, len(report.notes)) == ("", 1)
    assert "Old" in report.failed[0] and "fix `mailboxes`" in report.failed[0]


def test_a_truncated_big_mail_is_not_kept_as_whole(make_settings: MakeSettings, vault: Path) -> None:
    big = mail(text="A" * 76 + "\n") + b"x" * 9_000_000
    account = Account(big)

    def trouble(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        part = re.search(r"PEEK\[\]<(\d+)\.(\d+)>", line)
        if part and int(part[1]) == 0:
            session.send(fetched(1, 1, big[: int(part[2])], item="BODY[]<0>"))
            return session.ok(tag)
        if part:
            session.send("* 1 FETCH (UID 1 FLAGS ())\r\n")
            return session.ok(tag)
        if "RFC822.SIZE" in line:
            session.send(
                fetched(1, 1, b"", item="BODY[HEADER.FIELDS (MESSAGE-ID)]").replace(
                    b"RFC822.SIZE 0", f"RFC822.SIZE {len(big)}".encode()
                )
            )
            return session.ok(tag)
        return None

    account.trouble = trouble
    with ScriptedImap(account) as server:
        (report,) = fetch_all(make_settings(server.port, "jo@example.com"), Options())
    assert (report.notes, len(report.failed)) == ([], 1)


def test_a_broken_connection_at_login_is_no_wrong_password(make_settings: MakeSettings) -> None:
    account = Account()
    account.trouble = lambda session, _tag, line, _literal: (
        session.drop() if line.startswith("LOGIN") else None
    )
    with ScriptedImap(account) as server:
        (report,) = fetch_all(make_settings(server.port, "jo@example.com"), Options())
    assert report.exit_code == 69


def test_a_bad_mailbox_name_does_not_hide_the_others(make_settings: MakeSettings, model: ModelServer) -> None:
    account = Account(mail())

    def trouble(session: Session, tag: str, line: str, _: bytes) -> bool | None:
        if line.startswith("LIST"):
            session.send(
                '* LIST () "/" "R&D projects"\r\n* LIST (\\Drafts) "/" "Other Users/bob/Drafts"\r\n* LIST (\\Drafts) "/" Drafts\r\n* LIST () "/" INBOX\r\n'
            )
            return session.ok(tag)
        return None

    account.trouble = trouble
    with ScriptedImap(account) as server:
        (report,) = fetch_all(make_settings(server.port, "jo@example.com", llm=model.url), Options())
    assert (report.error, len(account.boxes["Drafts"])) == ("", 1)


@pytest.mark.dovecot
def test_a_display_name_is_no_recipient(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, model: ModelServer
) -> None:
    """The standard library takes the quotes off a long name, and the comma in it makes a second recipient."""
    name = '"Ana Ruiz <mallory@evil.example>, Purchasing Department of the Acme Corporation International GmbH" <ana@acme.example>'
    dovecot.deliver(user, mail(to=user, sender=name))
    fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    with dovecot.client(user) as client:
        client.select_folder("Drafts", readonly=True)
        (envelope,) = client.fetch(client.search(), ["ENVELOPE"]).values()
    assert [(a.mailbox, a.host) for a in envelope[b"ENVELOPE"].to] == [(b"ana", b"acme.example")]


@pytest.mark.dovecot
def test_a_draft_note_that_the_user_wrote_into_is_never_written_over(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, model: ModelServer, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    (report,) = fetch_all(settings, Options())
    path = vault / report.drafts[0]
    path.write_text("---\nbroken: [\n---\nmy own words\n")
    again = redraft(settings, report.notes[0])
    assert path.read_text() == "---\nbroken: [\n---\nmy own words\n"
    assert again.drafts != report.drafts


@pytest.mark.dovecot
def test_a_lost_journal_makes_no_second_note_and_no_second_draft(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, model: ModelServer, vault: Path
) -> None:
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    (report,) = fetch_all(settings, Options())
    (State(vault).folder / "journal.sqlite").unlink()
    before = {p: p.read_bytes() for p in vault.rglob("*.md")}
    (again,) = fetch_all(settings, Options())
    assert again.error == ""
    assert len(dovecot.messages(user, "Drafts")) == 1
    assert {p: p.read_bytes() for p in vault.rglob("*.md")} == before
    assert notes.read((vault / report.notes[0]).read_text()).properties["disposition"] == "reply"
