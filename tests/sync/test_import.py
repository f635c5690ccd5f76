"""Mail from files: every format, the same identity, resumable, never a draft."""

from __future__ import annotations

import json
import mailbox
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailbot.cli.main import mailbot
from mailbot.mail.mime.mailfiles import mail_in
from mailbot.sync.commands.import_mail import import_mail
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from mailbot.vault import note as notes
from tests.conftest import MakeSettings, mail, tree
from tests.servers.dovecot import Dovecot


def one(number: int) -> bytes:
    text = "Hi,\n\nFrom here on: which one?\n"
    return mail(text, message_id=f"<m{number}@x>", subject=f"Mail {number}")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a mail in each format, written by the standard library as other programs would."""
    folder = tmp_path / "mail"
    folder.mkdir()
    (folder / "one.eml").write_bytes(one(1))
    box = mailbox.mbox(folder / "old.mbox")
    for number in (2, 3):
        box.add(one(number).replace(b"\r\n", b"\n"))
    box.close()
    maildir = mailbox.Maildir(folder / "Maildir")
    maildir.add(one(4).replace(b"\r\n", b"\n"))
    maildir.close()
    profile = folder / "abc.default" / "Mail" / "Local Folders"
    profile.mkdir(parents=True)
    stored = one(5).replace(b"\r\n", b"\n")
    (profile / "Archive").write_bytes(
        b"From - Fri Nov 20 09:15:00 2026\nX-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\n"
        b"X-GM-THRID: 1849\nX-Gmail-Labels: =?UTF-8?Q?Inbox?=,\n Work\n" + stored + b"\n"
    )
    (profile / "Archive.msf").write_bytes(b"// index")
    (profile / "prefs").write_bytes(b"From nothing")
    return folder


def test_every_format_gives_the_mail_as_the_server_had_it(files: Path) -> None:
    found = sorted(m.raw for m in mail_in([files]))
    assert found == sorted(one(n) for n in range(1, 6))


def test_an_import_is_kept_once_and_drafts_nothing(
    files: Path, make_settings: MakeSettings, vault: Path
) -> None:
    settings = make_settings(1, "jo@example.com")
    report = import_mail(settings, "work", [files])
    assert (len(report.notes), report.failed) == (5, [])
    assert not (vault / "Email" / "Drafts").exists()
    properties = notes.read((vault / report.notes[0]).read_text()).properties
    assert (properties["account"], properties["disposition"], properties["reason"]) == (
        "work",
        "read",
        "Imported: no draft is made for it",
    )
    before = tree(vault)
    again = import_mail(settings, "work", [files, files / "one.eml"])
    assert (again.notes, again.recognised) == ([], 6)
    assert tree(vault) == before


def test_a_stopped_import_goes_on(
    files: Path, make_settings: MakeSettings, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailbot.sync.commands.import_mail.BATCH", 2)

    def stop(what: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    settings = make_settings(1, "jo@example.com")
    with pytest.raises(KeyboardInterrupt):
        import_mail(settings, "work", [files], stop)
    report = import_mail(settings, "work", [files])
    assert (len(report.notes), report.recognised) == (3, 2)


def test_the_command(files: Path, make_settings: MakeSettings) -> None:
    make_settings(1, "jo@example.com")
    result = CliRunner().invoke(mailbot, ["import", str(files), "--account", "work", "--json"])
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["notes"]) == 5
    wrong = CliRunner().invoke(mailbot, ["import", str(files), "--account", "nope"])
    assert (wrong.exit_code, "the accounts are: work" in wrong.stderr) == (78, True)


def test_a_mail_that_nothing_dates_lies_apart_in_every_run(
    tmp_path: Path, make_settings: MakeSettings, vault: Path
) -> None:
    """A file's own time says when it was copied: it dates no mail. The note has the same path in every run."""
    file = tmp_path / "old.eml"
    file.write_bytes(re.sub(rb"Date: [^\n]*\n", b"", one(1)))
    settings = make_settings(1, "jo@example.com")
    (path,) = import_mail(settings, "work", [file]).notes
    assert re.fullmatch(r"Email/undated/[0-9a-f]{8}_Mail-1\.md", path)
    assert notes.read((vault / path).read_text()).properties["date"] == ""
    os.utime(file, (0, 0))
    State(vault).journal.unlink()
    (vault / path).unlink()
    assert import_mail(settings, "work", [file]).notes == [path]


@pytest.mark.parametrize(
    "line", [b"From ana@acme.example Fri Nov 20 09:15:00 2026\n", b">From ana@acme.example\n"]
)
def test_a_from_line_before_the_header_is_no_part_of_the_mail(tmp_path: Path, line: bytes) -> None:
    """In every kind of file: the identity is that of the mail an IMAP server has."""
    stored = line + one(1).replace(b"\r\n", b"\n")
    folder = tmp_path / "mail"
    (folder / "Maildir" / "cur").mkdir(parents=True)
    (folder / "one.eml").write_bytes(stored)
    (folder / "crlf.eml").write_bytes(stored.replace(b"\n", b"\r\n"))
    (folder / "one.emlx").write_bytes(b"%d\n" % len(stored) + stored + b"<plist/>")
    (folder / "Maildir" / "cur" / "1.x:2,S").write_bytes(stored)
    (folder / "all.mbox").write_bytes(b"From - Fri Nov 20 09:15:00 2026\n>" + stored + b"\n")
    assert [m.raw for m in mail_in([folder])] == [one(1)] * 5


@pytest.mark.dovecot
def test_a_mail_that_the_server_has_with_a_from_line_is_recognised(
    dovecot: Dovecot, user: str, tmp_path: Path, make_settings: MakeSettings, vault: Path
) -> None:
    """A Maildir file that begins with such a line is served with it. Imported from the file it makes no second note."""
    stored = b"From ana@acme.example Fri Nov 20 09:15:00 2026\r\n" + one(1)
    dovecot.deliver(user, stored)
    settings = make_settings(dovecot.port, user)
    (fetched,) = fetch_all(settings, Options())
    assert [notes.read((vault / n).read_text()).properties["title"] for n in fetched.notes] == ["Mail 1"]
    (tmp_path / "one.eml").write_bytes(stored)
    report = import_mail(settings, "work", [tmp_path / "one.eml"])
    assert (report.notes, report.recognised) == ([], 1)
