"""What a second hard review broke in approving and sending, and what must stay mended."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailbot.cli import console
from mailbot.cli.main import mailbot
from mailbot.mail.server import outbox, submission
from mailbot.sync import pipeline
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from mailbot.sync.steps import after_sending
from tests.conftest import MakeSettings, mail
from tests.e2e.life.desk import NOW, SOURCE, Desk, sending
from tests.e2e.life.test_notice import add_line
from tests.e2e.life.test_send import answered, run, sync
from tests.servers.mail_clients import AppleMail, Roundcube, Thunderbird
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot
BEGIN, END = "%% mailbot: reply begins %%", "%% mailbot: reply ends %%"


def filled(desk: Desk, note: str, reply: str = "Hi Ana,\n\nit was 8+3.\n\nJo Vermeer") -> str:
    text = desk.text(note)
    desk.write(note, f"{text[: text.index(BEGIN)]}{BEGIN}\n\n{reply}\n\n{text[text.index(END) :]}")
    return note


def second(desk: Desk, message_id: str = "<n1@acme.example>", subject: str = "Disks") -> str:
    desk.mail("Which disks did you use?", message_id=message_id, subject=subject)
    (note,) = desk.fetch().drafts
    return filled(desk, note, "All of them.")


def raw_of(server: SmtpServer, n: int = -1) -> bytes:
    return bytes(server.mails[n].original_content or b"")


class Scripted:
    """An SMTP server that says what it is told: `says` maps a verb (GREET, EHLO, AUTH, MAIL, RCPT, DATA, DOT, HELO) to an answer, or a
    function of the line."""

    def __init__(
        self,
        says: dict[str, Any] | None = None,
        ehlo: str = "250-test\r\n250-8BITMIME\r\n250 SIZE 99999999\r\n",
    ) -> None:
        self.says, self.ehlo = says or {}, ehlo
        self.lines: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0

    def __enter__(self) -> Scripted:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._loop, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def _loop(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _answer(self, verb: str, line: str, default: str) -> str:
        said = self.says.get(verb, default)
        return said(line) if callable(said) else said

    def _serve(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rb") as file:

            def tell(text: str) -> None:
                if text == "DROP":
                    raise OSError("drop")
                if not text.endswith("\r\n"):
                    text += "\r\n"
                sock.sendall(text.encode())

            try:
                tell(self._answer("GREET", "", "220 test ESMTP"))
                while raw := file.readline():
                    line = raw.decode("utf-8", "replace").rstrip("\r\n")
                    self.lines.append(line)
                    verb = line.split(" ")[0].upper()
                    if verb == "EHLO":
                        tell(self._answer("EHLO", line, self.ehlo))
                    elif verb == "DATA":
                        answer = self._answer("DATA", line, "354 go on")
                        tell(answer)
                        if answer.startswith("354"):
                            body = b""
                            while (got := file.readline()) and got != b".\r\n":
                                body += got
                            self.bodies.append(body)
                            tell(self._answer("DOT", "", "250 2.0.0 queued"))
                    elif verb == "QUIT":
                        tell("221 bye")
                        return
                    else:
                        tell(self._answer(verb, line, "235 ok" if verb == "AUTH" else "250 ok"))
            except OSError:
                sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def scripted(
    desk: Desk, make: MakeSettings, server: Scripted, timeout: float = 1, **send: Any
) -> Iterator[Scripted]:
    with server:
        smtp = {"host": "127.0.0.1", "port": server.port, "security": "none", "timeout": timeout}
        desk.settings = make(desk.dovecot.port, desk.user, account={"smtp": smtp}, send=send or NOW)
        yield server


def journal(desk: Desk, sql: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(State(desk.settings.vault).journal)) as db, db:
        return db.execute(sql, values).fetchall()


# --- approval taken back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["draft", "discarded"])
def test_taking_the_approval_back_during_a_run_is_not_overwritten(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    """The user takes it back while `sync` fetches and drafts (which may take minutes with a model)."""
    from mailbot.sync import pipeline as line

    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        desk.set(note, status="approved")
        desk.sync()
        desk.hours_pass(1)
        real = line._told

        def told(session: Any, options: Any, **more: Any) -> None:
            real(session, options, **more)
            desk.set(note, status=to)

        with monkeypatch.context() as patch:
            patch.setattr(line, "_told", told)
            sync(desk)
        after = desk.status(note)
        sync(desk)
        assert after in (to, "edited") and server.mails == [], (after, desk.read(note).history)


def test_taken_back_between_two_mails_stays_taken_back(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, while the first of two mails is handed over (a slow SMTP server)."""
    from mailbot.mail.server.outbox import Outbox

    with sending(desk, make_settings, SmtpServer()) as server:
        one, two = answered(desk), second(desk)
        real = Outbox.submit

        def submit(self: Outbox, wire: Any) -> Any:
            for note in (one, two):
                if wire.message_id not in desk.text(note) and desk.status(note) == "approved":
                    desk.set(note, status="draft")
            return real(self, wire)

        monkeypatch.setattr(Outbox, "submit", submit)
        desk.set(one, status="approved")
        desk.set(two, status="approved")
        sync(desk)
        assert len(server.mails) == 1
        sync(desk)
        sync(desk)
        assert len(server.mails) == 1


def test_edited_while_the_question_is_open(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Send it?` stands there, the user corrects the note in Obsidian, then says y."""
    import click

    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        note = answered(desk)
        run("approve", note)
        monkeypatch.setattr(console, "answers", lambda: True)

        def confirm(*_: Any, **__: Any) -> bool:
            desk.edit(note, "it was 8+3", "it was 9+3")
            return True

        monkeypatch.setattr(click, "confirm", confirm)
        run("send", note)
        went = b"8+3" in raw_of(server) if server.mails else None
        # Changed after: not sent. Or at least the note of a mail that is called `sent` says what was sent.
        assert not server.mails or "9+3" not in desk.read(note).reply, (
            went,
            desk.read(note).reply,
            desk.status(note),
        )


def test_taken_back_while_the_question_is_open(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        one, two = answered(desk), second(desk)
        run("approve", one, two)
        monkeypatch.setattr(console, "answers", lambda: True)

        def confirm(*_: Any, **__: Any) -> bool:
            desk.set(one, status="draft")
            return True

        monkeypatch.setattr(click, "confirm", confirm)
        run("send")
        assert b"8+3" not in b"".join(raw_of(server, n) for n in range(len(server.mails)))


# --- odd spellings, and statuses that cannot be approved ------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["[approved]", "approve", "aproved", "send"])
def test_a_status_that_mailbot_does_not_know_is_said(desk: Desk, smtp: SmtpServer, spelling: str) -> None:
    note = answered(desk)
    text = desk.text(note)
    desk.write(note, re.sub(r"^status: .*$", f"status: {spelling}", text, count=1, flags=re.M))
    report = sync(desk)
    assert smtp.mails or any(note in each for each in (*report.failed, *report.remarks)), report


@pytest.mark.parametrize("how", ["superseded", "sent", "conflict"])
def test_approving_in_obsidian_what_cannot_be_approved_is_answered(
    desk: Desk, smtp: SmtpServer, how: str
) -> None:
    """The status of a draft note is the truth that Obsidian shows: `approved` stays there, and nothing is ever sent nor said."""
    note = answered(desk)
    desk.sync()
    if how == "superseded":
        with closing(sqlite3.connect(State(desk.settings.vault).journal)) as db, db:
            db.execute("UPDATE draft SET status = 'superseded'")
        desk.set(note, status="superseded")
    elif how == "discarded":
        run("discard", note)
    elif how == "sent":
        desk.client(Thunderbird).send()
        desk.sync()
    else:
        desk.client(Thunderbird).save(add_line)
        desk.edit(note, "8+3", "9+3")
        desk.sync()
    assert desk.status(note) == how
    desk.set(note, status="approved")
    report = sync(desk)
    assert desk.status(note) == how or any(note in each for each in (*report.failed, *report.remarks)), (
        desk.status(note),
        report,
    )


def test_approve_of_an_unknown_draft_changes_nothing_and_says_why(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.sync()
    client = desk.client(AppleMail)
    uid, raw = client.only_draft()
    for n in (1, 2):
        made = client.rewritten(raw, lambda text, n=n: f"Version {n}\n{text}", {})
        client.imap.append("Drafts", made, flags=client.flags)
    client._expunge(uid)
    sync(desk)
    assert desk.status(note) == "unknown"
    code, said = run("approve", note)
    assert code != 0
    assert "changed in this very moment" not in said, said
    assert desk.status(note) == "unknown", desk.read(note).history


# --- dry run, json, terminal ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False])
def test_a_dry_run_shows_what_a_run_would_send(desk: Desk, make_settings: MakeSettings, named: bool) -> None:
    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        note = answered(desk)
        desk.sync()
        desk.set(note, status="approved")
        before = desk.everything()
        _code, said = run("send", *([note] if named else []), "--dry-run")
        after = desk.everything()
        changed = [k for k in {**before, **after} if before.get(k) != after.get(k)]
        assert server.mails == []
        real = run("send", *([note] if named else []), "--yes")
        assert (real[0], len(server.mails)) == (0, 1)
        assert "it was 8+3" in said, said
        assert not [k for k in changed if not k.endswith(".log")], changed


def test_the_question_says_that_there_is_no_newer_mail(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(), after="0s"):
        note = answered(desk)
        run("approve", note)
        desk.sync()
        _, said = run("send", note, "--dry-run")
        assert re.search(r"newer", said), said


# --- newer mail -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", ["In-Reply-To", "root"])
def test_a_newer_mail_only_on_the_server_is_seen(
    desk: Desk, make_settings: MakeSettings, headers: str
) -> None:
    """One that has In-Reply-To alone; and one that answers the same root as the mail that the draft answers."""
    with sending(desk, make_settings, SmtpServer(), after="0s"):
        if headers == "root":
            desk.mail(headers="In-Reply-To: <root@example.com>\nReferences: <root@example.com>\n")
            (note,) = desk.fetch().drafts
            filled(desk, note)
            more = "In-Reply-To: <root@example.com>\nReferences: <root@example.com>\n"
        else:
            note = answered(desk)
            more = f"In-Reply-To: {SOURCE}\n"
        run("approve", note)
        desk.sync()
        desk.dovecot.deliver(
            desk.user,
            mail(
                "Never mind.",
                to=desk.user,
                message_id="<m2@acme.example>",
                headers=more,
                subject="Re: Storage",
            ).replace(b"20 Nov", b"21 Nov"),
        )
        _, said = run("send", "--dry-run")
        assert "newer mail" in said, said


def test_a_newer_mail_of_a_sender_whose_clock_is_behind(desk: Desk, make_settings: MakeSettings) -> None:
    """It answers the very mail; its Date is an hour before."""
    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        run("approve", note)
        newer = mail("Never mind!", to=desk.user, sender="Bo <bo@acme.example>", message_id="<m2@acme.example>",
                     headers=f"In-Reply-To: {SOURCE}\nReferences: {SOURCE}\n")  # fmt: skip
        desk.dovecot.deliver(desk.user, newer.replace(b"09:15:00 +0100", b"08:10:00 +0100"))
        desk.sync()
        desk.hours_pass(1)
        report = sync(desk)
        assert server.mails == [], report


# --- files ----------------------------------------------------------------------------------------------------------


SIGNED = (
    "From: Ana Ruiz <ana@acme.example>\r\nTo: {user}\r\nSubject: Storage\r\nMessage-ID: <m1@acme.example>\r\n"
    "Date: Fri, 20 Nov 2026 09:15:00 +0100\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha256; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHi Jo,\r\n\r\nwhich erasure coding did you use?\r\n\r\nAna\r\n"
    '--b\r\nContent-Type: application/pgp-signature; name="s.asc"\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\nx\r\n-----END PGP SIGNATURE-----\r\n--b--\r\n'
)


def names_of(raw: bytes) -> list[str]:
    parts = email.message_from_bytes(raw, policy=email.policy.default)
    return [str(a.get_filename()) for a in parts.iter_attachments()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("signed", [True, False])
def test_a_file_that_is_taken_out_of_attach_does_not_go_out(
    desk: Desk, make_settings: MakeSettings, signed: bool
) -> None:
    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        (desk.vault / "Secret.txt").write_text("internal prices")
        (desk.vault / "Offer.txt").write_text("100 euros")
        if signed:
            desk.dovecot.deliver(desk.user, SIGNED.format(user=desk.user).encode())
            (note,) = desk.fetch().drafts
            filled(desk, note)
        else:
            note = answered(desk)
        desk.set(note, attach=["Secret.txt"])
        desk.sync()
        desk.set(note, attach=["Offer.txt"])
        desk.sync()
        code, said = run("approve", note)
        assert code == 0, said
        code, said = run("send", note, "--yes")
        assert code == 0, said
        assert names_of(raw_of(server)) == ["Offer.txt"], said


@pytest.mark.parametrize(
    "form",
    [
        '["[[Angebot für Zoë 日本.pdf]]"]',
        '"[[Angebot für Zoë 日本.pdf]]"',
        "[[Angebot für Zoë 日本.pdf]]",
        '"Angebot für Zoë 日本.pdf"',
        '\n  - "[[Angebot für Zoë 日本.pdf|the offer]]"',
    ],
)
def test_forms_in_which_a_file_is_named(desk: Desk, smtp: SmtpServer, form: str) -> None:
    (desk.vault / "Angebot für Zoë 日本.pdf").write_bytes(b"%PDF\0\r\n")
    note = answered(desk)
    text = desk.text(note)
    desk.write(note, text.replace("status: ", f"attach: {form}\nstatus: ", 1))
    desk.set(note, status="approved")
    report = sync(desk)
    assert len(smtp.mails) == 1, report.failed
    assert names_of(raw_of(smtp)) == ["Angebot für Zoë 日本.pdf"]


def test_a_packed_file_is_called_what_it_is(desk: Desk, smtp: SmtpServer) -> None:
    import gzip

    (desk.vault / "prices.csv.gz").write_bytes(gzip.compress(b"a,b\n"))
    note = answered(desk)
    desk.set(note, attach=["prices.csv.gz"], status="approved")
    desk.sync()
    (part,) = email.message_from_bytes(raw_of(smtp), policy=email.policy.default).iter_attachments()  # type: ignore[attr-defined]
    assert part.get_content_type() not in ("text/csv",), part.get_content_type()


# --- recipients and subject -----------------------------------------------------------------------------------------


def test_a_correspondent_with_a_local_part_beyond_ascii_is_answered(
    desk: Desk, make_settings: MakeSettings
) -> None:
    """SMTPUTF8 where offered."""
    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        desk.dovecot.deliver(desk.user, mail(sender="Jörg <jörg@acme.example>", to=desk.user))
        (_report,) = pipeline.fetch_all(desk.settings, Options())
        (found,) = desk.vault.rglob("*.draft.md")
        note = filled(desk, str(found.relative_to(desk.vault)))
        _code, said = run("approve", note)
        run("send", note, "--yes")
        assert len(server.mails) == 1 and server.mails[0].rcpt_tos == ["jörg@acme.example"], said


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (["ana@acme.example", "Bo <bo@acme.example>"], ["ana@acme.example", "bo@acme.example"]),
        ("ana@acme.example, bo@acme.example", ["ana@acme.example", "bo@acme.example"]),
        ("ana@acme.example; bo@acme.example", ["ana@acme.example", "bo@acme.example"]),
        (["ana@acme.example", "ANA@acme.example"], ["ana@acme.example"]),
        ('"Ruiz, Ana" <ana@acme.example>', ["ana@acme.example"]),
        ("ana@müller.example", ["ana@xn--mller-kva.example"]),
        ("ana@acme.example,", ["ana@acme.example"]),
    ],
)
def test_forms_of_to(desk: Desk, smtp: SmtpServer, value: Any, wanted: list[str]) -> None:
    note = answered(desk)
    desk.set(note, to=value, status="approved")
    report = sync(desk)
    assert smtp.mails, report.failed
    assert smtp.mails[0].rcpt_tos == wanted


@pytest.mark.parametrize(
    "value",
    [
        "",
        [],
        "ana",
        "ana@",
        "@acme.example",
        "ana@acme.example\nBcc: eve@evil.example",
        "ana@acme..example",
        "ana@.example",
        "a b@acme.example",
        "ana@acme.example eve@evil.example",
    ],
)
def test_to_that_is_none(desk: Desk, smtp: SmtpServer, value: Any) -> None:
    note = answered(desk)
    desk.set(note, to=value)
    code, _said = run("approve", note)
    desk.set(note, status="approved")
    report = sync(desk)
    assert smtp.mails == [] and report.failed and code == 1, [m.rcpt_tos for m in smtp.mails]


# --- the server says no, not now, or nothing ------------------------------------------------------------------------

FULL = "250-test\r\n250-AUTH PLAIN LOGIN\r\n250-8BITMIME\r\n250 SIZE 99999999\r\n"
STEPS: dict[str, tuple[dict[str, Any], str]] = {
    "greeting 421": ({"GREET": "421 4.3.2 too many connections"}, ""),
    "greeting 554": ({"GREET": "554 5.7.1 go away"}, ""),
    "ehlo 421": ({"EHLO": "421 4.3.2 busy", "HELO": "421 4.3.2 busy"}, ""),
    "ehlo 550": ({"EHLO": "550 5.7.1 no", "HELO": "550 5.7.1 no"}, ""),
    "auth 454": ({"AUTH": "454 4.7.0 temporary failure"}, FULL),
    "auth 421": ({"AUTH": "421 4.7.0 try later"}, FULL),
    "auth 535": ({"AUTH": "535 5.7.8 bad credentials"}, FULL),
    "auth 534": ({"AUTH": "534 5.7.9 application-specific password required"}, FULL),
    "mail 451": ({"MAIL": "451 4.3.0 later"}, ""),
    "mail 421": ({"MAIL": "421 4.3.0 later"}, ""),
    "mail 550": ({"MAIL": "550 5.7.1 sender not allowed"}, ""),
    "rcpt 421": ({"RCPT": "421 4.3.0 later"}, ""),
    "rcpt 550": ({"RCPT": "550 5.1.1 no such user"}, ""),
    "rcpt 450": ({"RCPT": "450-4.2.1 first line\r\n450 4.2.1 second line"}, ""),
    "data 421": ({"DATA": "421 4.3.0 later"}, ""),
    "data 554": ({"DATA": "554 5.5.1 no valid recipients"}, ""),
    "dot 421": ({"DOT": "421 4.3.0 later"}, ""),
    "dot 452": ({"DOT": "452 4.2.2 full"}, ""),
    "dot 552": ({"DOT": "552 5.3.4 too big"}, ""),
    "dot garbage": ({"DOT": "what?"}, ""),
    "dot drop": ({"DOT": "DROP"}, ""),
    "data drop": ({"DATA": "DROP"}, ""),
    "mail drop": ({"MAIL": "DROP"}, ""),
    "rcpt drop": ({"RCPT": "DROP"}, ""),
    "ehlo drop": ({"EHLO": "DROP"}, ""),
    "greeting drop": ({"GREET": "DROP"}, ""),
}


@pytest.mark.parametrize("step", STEPS)
def test_each_step(
    desk: Desk, make_settings: MakeSettings, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    says, ehlo = STEPS[step]
    monkeypatch.setattr(submission, "PATIENCE", 1)
    monkeypatch.setattr(outbox, "AFTER_DOT", 1)
    server = Scripted(says, ehlo) if ehlo else Scripted(says)
    with scripted(desk, make_settings, server):
        note = answered(desk)
        run("approve", note)
        code, said = run("send", note, "--yes")
        told = said.strip().splitlines()[-1]
        [d.status for d in desk.rows()][-1:]
        assert "bug" not in said and "Traceback" not in said
        assert "b'" not in told and "(4" not in told and "(5" not in told, told
        assert note in told, "the message does not name the draft"
        permanent = re.search(r" 5\d\d", step) and not step.startswith(("greeting", "ehlo", "auth"))
        lost = step in ("dot garbage", "dot drop")
        assert desk.status(note) == ("unknown" if lost else "edited" if permanent else "approved")
        if permanent or lost:
            return
        server.says.clear()
        code, said = run("send", note, "--yes")
        assert code == 0 and len(server.bodies) + (0) >= 1 and desk.status(note) == "sent", said


def test_a_temporary_refusal_of_one_recipient(desk: Desk, make_settings: MakeSettings) -> None:
    server = Scripted({"RCPT": lambda line: "450 4.2.0 greylisted" if "bo@" in line else "250 ok"})
    with scripted(desk, make_settings, server):
        note = answered(desk)
        desk.set(note, cc=["bo@acme.example"], status="approved")
        report = sync(desk)
        (said,) = report.failed
        assert "but Not" not in said
        assert re.search(r"tried again|send it to|write to|forward", said), said


def test_no_login_offered_is_no_fault_of_the_draft(desk: Desk, make_settings: MakeSettings) -> None:
    """A password is set, the server offers no login (a wrong port), and says 530: the settings are wrong, not the draft."""
    with scripted(desk, make_settings, Scripted({"MAIL": "530 5.7.0 Authentication required"})):
        note = answered(desk)
        run("approve", note)
        _, said = run("send", note, "--yes")
        assert desk.status(note) == "approved", said


def test_after_a_wrong_password_was_corrected_sync_sends(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cron has tried three times with the wrong password. The user corrects it and runs `mailbot sync`: it sends, or says that it waits."""
    bad = True
    server = Scripted({"AUTH": lambda _: "535 5.7.8 bad credentials" if bad else "235 ok"}, FULL)
    with scripted(desk, make_settings, server):
        note = answered(desk)
        desk.set(note, status="approved")
        for _ in range(3):
            (report,) = pipeline.sync_all(desk.settings, Options())
        (report,) = pipeline.sync_all(desk.settings, Options())
        print("SAID4", report.error, report.failed, report.remarks)
        bad = False
        code, said = run("sync")
        print("SAID5", code, said, desk.rows()[-1].next_try)
        assert server.bodies or "wait" in said or "again" in said, (code, said)


def test_a_server_that_is_away_does_not_keep_the_others_silent(
    desk: Desk, make_settings: MakeSettings
) -> None:
    """Two drafts are named; the server cannot be reached: both are named in what is said."""
    with scripted(desk, make_settings, Scripted({"GREET": "421 busy"})):
        one, two = answered(desk), second(desk)
        run("approve", one, two)
        _code, said = run("send", one, two, "--yes")
        assert one in said and two in said and "not sent" in said


def test_next_try_of_a_wrong_clock(desk: Desk, make_settings: MakeSettings) -> None:
    """The clock was a year ahead when the server said 451: elsewhere mailbot waits for no more than a day (LONGEST_WAIT)."""
    server = SmtpServer(mode="4xx")
    with sending(desk, make_settings, server):
        note = answered(desk)
        desk.set(note, status="approved")
        sync(desk)
        journal(
            desk,
            "UPDATE draft SET next_try = ? WHERE status = 'approved'",
            (datetime.now(UTC) + timedelta(days=365)).isoformat(timespec="microseconds"),
        )
        server.mode = "ok"
        report = sync(desk)
        assert server.mails or report.failed, "never sent, and nothing said"


@pytest.mark.parametrize("days", [2, 400])
def test_approved_by_a_clock_that_was_ahead(desk: Desk, make_settings: MakeSettings, days: int) -> None:
    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        desk.set(note, status="approved")
        desk.sync()
        journal(
            desk,
            "UPDATE draft SET approved_at = ? WHERE status = 'approved'",
            (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="microseconds"),
        )
        report = sync(desk)
        _code, said = run("send", "--yes")
        assert server.mails or note in said or report.failed, ("never sent by sync, and", said)


def test_sent_by_a_clock_that_was_ahead_counts_no_more(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(), allow=True, after="0s", per_hour=1) as server:
        one = answered(desk)
        desk.set(one, status="approved")
        desk.sync()
        journal(
            desk,
            "UPDATE draft SET sent_at = ? WHERE status = 'sent'",
            (datetime.now(UTC) + timedelta(days=365)).isoformat(timespec="microseconds"),
        )
        two = second(desk)
        desk.set(two, status="approved")
        report = sync(desk)
        assert len(server.mails) == 2, report.remarks


# --- lost answers ---------------------------------------------------------------------------------------------------


def lost(desk: Desk, make: MakeSettings, monkeypatch: pytest.MonkeyPatch, server: Any) -> str:
    monkeypatch.setattr(outbox, "AFTER_DOT", 0.5)
    note = answered(desk)
    desk.set(note, status="approved")
    sync(desk)
    assert desk.status(note) == "unknown"
    return note


def test_a_lost_answer_is_found_in_sent_under_another_id(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outlook rewrites the Message-ID of what it files: it was sent as it was, not answered in other words."""
    with sending(desk, make_settings, SmtpServer(mode="drop")) as server:
        note = lost(desk, make_settings, monkeypatch, server)
        raw = re.sub(rb"Message-ID: <[^>]*>", b"Message-ID: <AM0PR@outlook.example>", raw_of(server))
        desk.dovecot.deliver(desk.user, raw, mailbox="Sent")
        sync(desk)
        assert desk.status(note) == "sent", desk.read(note).history


def test_a_lost_mail_that_arrived_can_be_called_sent(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user has asked: it arrived. Nothing that mailbot offers may tell them to send it twice."""
    with sending(desk, make_settings, SmtpServer(mode="drop")) as server:
        note = lost(desk, make_settings, monkeypatch, server)
        code, said = run("discard", note)
        desk.set(note, status="sent")
        sync(desk)
        assert desk.rows()[-1].status == "sent" or code == 0 or "if it did not arrive" in said


def test_again_shows_the_doubts_and_the_state(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sending(desk, make_settings, SmtpServer(mode="drop")) as server:
        note = lost(desk, make_settings, monkeypatch, server)
        _code, said = run("send", note, "--again", "--dry-run")
        assert re.search(r"may have been sent|already", said), said


# --- what is on the wire, and afterwards ----------------------------------------------------------------------------


def test_the_name_of_this_machine_is_not_looked_up(
    desk: Desk, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN 7.12: nothing goes to a host that the settings do not name; a resolver that is away costs a minute here."""
    asked: list[Any] = []
    real = socket.getfqdn
    monkeypatch.setattr(socket, "getfqdn", lambda *a: asked.append(a) or real(*a))
    note = answered(desk)
    desk.set(note, status="approved")
    desk.sync()
    assert not asked


def test_the_source_that_was_moved_is_flagged_or_said(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    with desk.dovecot.client(desk.user) as client:
        client.create_folder("Archive")
        client.select_folder("INBOX")
        client.move([1], "Archive")
    desk.set(note, status="approved")
    report = sync(desk)
    flags = desk.dovecot.flags(desk.user, "Archive")
    assert any(b"\\Answered" in f for f in flags.values()) or report.remarks, (flags, report.remarks)


def test_a_note_that_was_moved_can_be_approved(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.sync()
    (desk.vault / "Answers").mkdir()
    (desk.vault / note).rename(desk.vault / "Answers" / "to Ana.md")
    _code, said = run("approve", "Answers/to Ana.md")
    assert "copy" not in said, said


def test_the_users_own_mail_in_the_inbox_is_no_newer_mail(desk: Desk, make_settings: MakeSettings) -> None:
    with sending(desk, make_settings, SmtpServer(), after="0s"):
        note = answered(desk)
        run("approve", note)
        desk.sync()
        desk.dovecot.deliver(
            desk.user,
            mail(
                "I shall look it up.",
                sender=f"Jo <{desk.user}>",
                to="ana@acme.example",
                message_id="<own@example.com>",
                headers=f"References: {SOURCE}\n",
            ),
        )
        _, said = run("send", "--dry-run")
        assert "there is a newer mail" not in said, said


def test_approved_in_obsidian_and_edited_in_a_client_is_said(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.sync()
    desk.set(note, status="approved")
    desk.client(Thunderbird).save(add_line)
    report = sync(desk)
    assert smtp.mails == [] and (report.failed or "pprove" in desk.read(note).history[-1])


def test_a_text_with_brackets_of_the_users_own_can_be_sent(desk: Desk, smtp: SmtpServer) -> None:
    note = desk.drafted()
    filled(desk, note, 'Hi Ana,\n\nyou wrote "we took 8+3 [...] in every run"; that is right.\n\nJo')
    code, said = run("approve", note)
    assert code == 0, said


# --- third round ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("to", ["draft", "discarded"])
def test_taken_back_while_the_server_is_looked_at(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, edited: bool, to: str
) -> None:
    """The note said approved when `sync` read it; while it looks at Drafts, Sent and Trash (seconds on a slow server), the user takes
    that back. The note must not be set to approved again."""
    from mailbot.sync.steps.sightings import Sightings

    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        desk.sync()
        if edited:
            desk.edit(note, "8+3", "9+3")
        desk.set(note, status="approved")
        real = Sightings.of

        def of(self: Sightings, *arguments: Any) -> Any:
            found = real(self, *arguments)
            desk.set(note, status=to)
            return found

        with monkeypatch.context() as patch:
            patch.setattr(Sightings, "of", of)
            sync(desk)
        after = desk.status(note)
        desk.hours_pass(1)
        sync(desk)
        assert (after, len(server.mails)) == (to, 0), desk.read(note).history


def test_a_refusal_does_not_undo_a_discard(desk: Desk, make_settings: MakeSettings) -> None:
    """The user discards it while the server is slow; then the server refuses it."""
    server = Scripted()
    with scripted(desk, make_settings, server):
        note = answered(desk)
        desk.set(note, status="approved")
        server.says["DOT"] = lambda _: (desk.set(note, status="discarded"), "554 5.7.1 spam")[1]
        sync(desk)
        assert desk.status(note) == "discarded", desk.read(note).history


@pytest.mark.parametrize("why", ["after", "doubt", "hour", "not noticed"])
def test_sync_dry_run_says_what_sync_would_do(desk: Desk, make_settings: MakeSettings, why: str) -> None:
    with sending(
        desk, make_settings, SmtpServer(), allow=True, after="10m" if why == "after" else "1s", per_hour=1
    ) as server:
        note = answered(desk)
        if why == "doubt":
            desk.edit(note, "it was 8+3", "the table is attached")
        desk.sync()
        if why == "hour":
            two = second(desk)
            desk.sync()
            run("approve", two)
        if why == "not noticed":
            desk.set(note, status="approved")
        else:
            run("approve", note)
        time.sleep(1.1)
        done = CliRunner().invoke(mailbot, ["sync", "--dry-run", "--json"])
        said = json.loads(done.stdout)
        acts = [w for a in said["accounts"] for w in a["would"] if w["action"] == "send"]
        sync(desk)
        assert len(acts) == len(server.mails), acts


def test_the_imap_line_dies_while_the_question_is_open(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        note = answered(desk)
        run("approve", note)
        monkeypatch.setattr(console, "answers", lambda: True)

        def confirm(*_: Any, **__: Any) -> bool:
            desk.dovecot.adm("kick", desk.user)
            time.sleep(0.3)
            return True

        monkeypatch.setattr(click, "confirm", confirm)
        _code, said = run("send", note)
        assert len(server.mails) == 1, said


def test_an_alias_answers_under_its_own_domain_alone(desk: Desk, make_settings: MakeSettings) -> None:
    with SmtpServer() as server:
        smtp = {"host": "127.0.0.1", "port": server.port, "security": "none", "timeout": 1}
        desk.settings = make_settings(
            desk.dovecot.port,
            desk.user,
            account={"smtp": smtp, "aliases": ["jo@work.example"], "signature": ""},
            send=NOW,
        )
        desk.mail(to="jo@work.example")
        (note,) = desk.fetch().drafts
        filled(desk, note)
        desk.set(note, status="approved")
        desk.sync()
        raw = raw_of(server)
        assert server.mails[0].mail_from == "jo@work.example" and b"From: Jo Vermeer <jo@work.example>" in raw
        assert desk.user.partition("@")[2].encode() not in raw, raw[:600]


def test_newer_mail_cannot_be_told_is_said(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Yahoo answers SEARCH HEADER with SERVERBUG: not to have looked is not the same as none."""
    from mailbot.errors import ServerUnavailable
    from mailbot.mail.server.account import ImapAccount

    with sending(desk, make_settings, SmtpServer(), after="0s"):
        note = answered(desk)
        run("approve", note)
        desk.sync()
        desk.dovecot.deliver(
            desk.user,
            mail(
                "Never mind.",
                to=desk.user,
                message_id="<m2@acme.example>",
                headers=f"In-Reply-To: {SOURCE}\nReferences: {SOURCE}\n",
            ),
        )
        real = ImapAccount.search

        def search(self: ImapAccount, criteria: Any, **more: Any) -> Any:
            if "HEADER" in criteria:
                raise ServerUnavailable("SERVERBUG")
            return real(self, criteria, **more)

        monkeypatch.setattr(ImapAccount, "search", search)
        _code, said = run("send", note, "--yes")
        assert "newer" in said, said


@pytest.mark.parametrize("to", ["jörg@acme.example"])
def test_an_address_that_the_client_has_written_can_be_approved(
    desk: Desk, make_settings: MakeSettings, to: str
) -> None:
    """A draft that you edited in a mail client goes out as your client wrote it (docs/drafts.md)."""
    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        note = answered(desk)
        desk.sync()
        client = desk.client(Roundcube)
        uid, raw = client.only_draft()
        client.imap.append(
            "Drafts", re.sub(rb"(?m)^To: .*\r\n", f"To: {to}\r\n".encode(), raw, count=1), flags=(b"\\Seen",)
        )
        client.end_save(uid)
        desk.sync()
        _code, said = run("approve", note)
        run("send", note, "--yes")
        assert [m.rcpt_tos for m in server.mails] == [[to]], said


def test_a_copy_that_can_never_be_filed_is_not_told_at_each_run(
    desk: Desk, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailbot.errors import ServerUnavailable
    from mailbot.mail.server.account import ImapAccount

    def full(*_: Any) -> None:
        raise ServerUnavailable("account work: could not append to Sent: over quota")

    note = answered(desk)
    desk.set(note, status="approved")
    monkeypatch.setattr(ImapAccount, "file", full)
    said = [sync(desk).failed for _ in range(3)]
    assert sum(map(bool, said)) == 1


# --- fourth round ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("Ana Ruiz ana@acme.example", "ana@acme.example"),
        ("ana ruiz@acme.example", ""),
        ("ana@acme .example", "ana@acme.example"),
        ("ana@@acme.example", ""),
        ("ana@acme,example", ""),
        ("ana@acme.example.", ""),
        ("mailto:ana@acme.example", "ana@acme.example"),
        ("[ana@acme.example](mailto:ana@acme.example)", "ana@acme.example"),
        ("<ana@acme.example", "ana@acme.example"),
        ("ana@acme.example/bo@acme.example", ""),
        ("ana\uff20acme.example", ""),
        ("ana@acme.example (was bo@old.example)", "ana@acme.example"),
        ("bo@old.example <ana@acme.example>", "ana@acme.example"),
        ("ana\u200b@acme.example", ""),
        ("ana.@acme.example", ""),
        ("o'brien@acme.example", "o'brien@acme.example"),
        ("ana@acme.example <bo@acme.example>, cy@acme.example", "bo@acme.example cy@acme.example"),
        ("ana+x@acme.example", "ana+x@acme.example"),
        ("ana-@-acme.example", ""),
    ],
)
def test_a_recipient_is_the_one_that_is_written_or_none(
    desk: Desk, smtp: SmtpServer, value: str, wanted: str
) -> None:
    note = answered(desk)
    desk.set(note, to=value, status="approved")
    sync(desk)
    got = " ".join(smtp.mails[0].rcpt_tos) if smtp.mails else ""
    assert got in ("", wanted)


def test_sent_without_again_of_an_unknown_draft_says_what_to_do(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sending(desk, make_settings, SmtpServer(mode="drop")) as server:
        note = lost(desk, make_settings, monkeypatch, server)
        _, said = run("send", note, "--yes")
        assert "--again" in said and "run `mailbot approve` first" not in said


def test_a_provider_that_files_a_second_later_gets_no_second_copy(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quirks sheet: a Sent search by Message-ID, with a retry, before APPEND."""
    monkeypatch.setattr(after_sending, "FILED_WITHIN", 1.5)
    server = Scripted()
    with scripted(desk, make_settings, server):
        note = answered(desk)
        desk.set(note, status="approved")

        def later() -> None:
            time.sleep(0.6)
            desk.dovecot.deliver(desk.user, server.bodies[0], mailbox="Sent")

        server.says["DOT"] = lambda _: (threading.Thread(target=later).start(), "250 ok")[1]
        desk.sync()
        time.sleep(1.2)
        assert len(desk.dovecot.messages(desk.user, "Sent")) == 1


@pytest.mark.parametrize("by", ["sync", "send"])
def test_a_newer_mail_is_seen_without_the_index(desk: Desk, make_settings: MakeSettings, by: str) -> None:
    """DESIGN 6: deleting the index loses nothing."""
    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        run("approve", note)
        newer = mail("And the price?", to=desk.user, sender="Bo <bo@acme.example>", message_id="<m2@acme.example>",
                     headers=f"In-Reply-To: {SOURCE}\nReferences: {SOURCE}\n")  # fmt: skip
        desk.dovecot.deliver(desk.user, newer.replace(b"20 Nov", b"21 Nov"))
        desk.sync()
        State(desk.settings.vault).index.unlink()
        for name in ("-wal", "-shm"):
            Path(f"{State(desk.settings.vault).index}{name}").unlink(missing_ok=True)
        if by == "sync":
            desk.hours_pass(1)
            report = sync(desk)
            assert server.mails == [], report
        else:
            _, said = run("send", note, "--dry-run")
            assert "newer mail" in said, said


@pytest.mark.parametrize("what", [{"attach": ["gone.txt"]}, {"to": "ana"}])
def test_what_keeps_a_draft_from_being_approved_is_told_once(
    desk: Desk, smtp: SmtpServer, what: dict[str, Any]
) -> None:
    note = answered(desk)
    desk.set(note, status="approved", **what)
    said = [sync(desk).failed for _ in range(3)]
    assert sum(map(bool, said)) == 1 and smtp.mails == []


def test_removing_the_only_file_of_a_signed_mails_answer(desk: Desk, smtp: SmtpServer) -> None:
    """By sync alone, without a word: the file that the note no longer names goes out."""
    (desk.vault / "Secret.txt").write_text("internal prices")
    desk.dovecot.deliver(desk.user, SIGNED.format(user=desk.user).encode())
    (note,) = desk.fetch().drafts
    filled(desk, note)
    desk.set(note, attach=["Secret.txt"])
    desk.sync()
    desk.set(note, attach=[])
    desk.sync()
    desk.set(note, status="approved")
    sync(desk)
    assert smtp.mails and names_of(raw_of(smtp)) == []


# --- fifth round ----------------------------------------------------------------------------------------------------


def answer(desk: Desk) -> bytes:
    raw = mail(
        "It was 9+3, see you on Monday.",
        sender=f"Jo <{desk.user}>",
        to="Ana Ruiz <ana@acme.example>",
        subject="Re: Storage",
        message_id="<phone@example.com>",
        headers=f"In-Reply-To: {SOURCE}\nReferences: {SOURCE}\n",
    )
    return raw.replace(
        b"Fri, 20 Nov 2026 09:15:00 +0100", datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").encode()
    )


def test_answered_from_the_phone_during_the_run(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at Sent, at the begin of `sync`, and the sending at its end lie all drafts of the run (minutes with a model)."""
    from mailbot.sync import pipeline as line

    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        desk.set(note, status="approved")
        desk.sync()
        desk.hours_pass(1)
        real = line._told

        def told(session: Any, options: Any, **more: Any) -> None:
            real(session, options, **more)
            desk.dovecot.deliver(desk.user, answer(desk), mailbox="Sent")

        with monkeypatch.context() as patch:
            patch.setattr(line, "_told", told)
            sync(desk)
        assert server.mails == []


def test_sent_from_a_client_while_the_question_is_open(
    desk: Desk, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user answers on the phone while `Send it?` stands there; the draft still lies in Drafts."""
    import click

    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        note = answered(desk)
        run("approve", note)
        monkeypatch.setattr(console, "answers", lambda: True)
        monkeypatch.setattr(
            click,
            "confirm",
            lambda *_, **__: (desk.dovecot.deliver(desk.user, answer(desk), mailbox="Sent"), True)[1],
        )
        _code, _said = run("send", note)
        assert server.mails == []


def test_a_server_that_says_552_in_the_middle_of_the_mail(desk: Desk, make_settings: MakeSettings) -> None:
    """5xx comes back to the user, with the server's words; it is not tried for ever."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock, sock.makefile("rb") as file:
                sock.sendall(b"220 hello\r\n")
                while raw := file.readline():
                    if raw.startswith(b"DATA"):
                        sock.sendall(b"354 go on\r\n")
                        file.read(100_000)
                        sock.sendall(b"552 5.3.4 message too big\r\n")
                        sock.shutdown(socket.SHUT_WR)
                        time.sleep(0.3)
                        break
                    sock.sendall(b"250 ok\r\n")

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        smtp = {"host": "127.0.0.1", "port": listener.getsockname()[1], "security": "none", "timeout": 2}
        desk.settings = make_settings(desk.dovecot.port, desk.user, account={"smtp": smtp}, send=NOW)
        note = answered(desk)
        (desk.vault / "big.bin").write_bytes(os.urandom(12_000_000))
        desk.set(note, attach=["big.bin"], status="approved")
        report = sync(desk)
        assert any("552" in f for f in report.failed) and desk.status(note) == "edited"


@pytest.mark.parametrize("how", ["discarded", "answered", "superseded"])
def test_send_of_what_has_ended_says_what_to_do(desk: Desk, make_settings: MakeSettings, how: str) -> None:
    with sending(desk, make_settings, SmtpServer(), after="0s") as server:
        note = answered(desk)
        desk.sync()
        if how == "discarded":
            run("discard", note)
        elif how == "answered":
            desk.dovecot.deliver(desk.user, answer(desk), mailbox="Sent")
            desk.sync()
        else:
            journal(desk, "UPDATE draft SET status = 'superseded'")
            desk.set(note, status="superseded")
        assert desk.status(note) == how
        _, said = run("send", note, "--yes")
        assert server.mails == [] and "run `mailbot approve` first" not in said


def test_an_approved_draft_in_a_renumbered_drafts_is_held(desk: Desk, make_settings: MakeSettings) -> None:
    """Quirks sheet: UIDVALIDITY changes: recognise, and hold sends."""
    with sending(desk, make_settings, SmtpServer(), allow=True, after="10m") as server:
        note = answered(desk)
        desk.set(note, status="approved")
        desk.sync()
        desk.hours_pass(1)
        desk.dovecot.adm("mailbox", "update", "-u", desk.user, "--uid-validity", "424242", "Drafts")
        sync(desk)
        assert server.mails == []


# --- sixth round ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", ["%% margin is 30 %, do not tell %%", "<!-- margin is 30 % -->"])
def test_a_comment_that_obsidian_hides_is_not_sent_unasked(desk: Desk, smtp: SmtpServer, hidden: str) -> None:
    """In the reading view the user does not see it; a wikilink is doubted, a comment is not."""
    note = desk.drafted()
    filled(desk, note, f"Hi Ana,\n\nit was 8+3.\n\n{hidden}\n\nJo")
    desk.set(note, status="approved")
    report = sync(desk)
    assert not smtp.mails or b"margin" not in raw_of(smtp), report.failed


def test_the_whole_reply_is_shown(desk: Desk, make_settings: MakeSettings) -> None:
    """What the user has written between quoted lines, and quoted lines of the reply itself, go out: they are shown before."""
    with sending(desk, make_settings, SmtpServer(), after="0s"):
        note = desk.drafted()
        filled(desk, note, "Hi Ana,\n\n> our price is 5 euros\n\nYes, that holds.\n\nJo")
        run("approve", note)
        desk.sync()
        _, said = run("send", note, "--dry-run")
        assert "our price is 5 euros" in said
