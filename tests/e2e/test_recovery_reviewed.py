"""What a hard review of `verify`, `rebuild` and the doors of the vault found: each was a defect once."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from imapclient import IMAPClient

from mailbot.cli.main import mailbot
from mailbot.config import load
from mailbot.effect import Effect, watch
from mailbot.mail.server.account import ImapAccount
from mailbot.sync import pipeline
from mailbot.sync.session.report import Options
from mailbot.sync.session.state import State
from mailbot.vault.beneath import read_beneath
from mailbot.vault.draft_note import BEGIN
from tests.conftest import MakeSettings, mail
from tests.e2e.life.desk import Desk, sending
from tests.e2e.test_rebuild import lost, rebuild
from tests.e2e.test_verify import journal_of, verify
from tests.servers.dovecot import Dovecot
from tests.servers.mail_clients import Roundcube, Thunderbird
from tests.servers.model import ModelServer
from tests.servers.smtp import SmtpServer

pytestmark = pytest.mark.dovecot


@pytest.fixture
def desk(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, model: ModelServer
) -> Iterator[Desk]:
    made = Desk(dovecot, user, make_settings(dovecot.port, user, llm=model.url), vault)
    yield made
    made.close()


class Kill(BaseException):
    """The run ends here."""


@contextmanager
def killed_at(act: Effect, *, done: bool = False) -> Iterator[None]:
    def seen(passed: Effect, after: bool) -> None:
        if passed is act and after == done:
            raise Kill

    end = watch(seen)
    try:
        yield
    except Kill:
        pass
    finally:
        end()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(mailbot, list(arguments))


def settle(desk: Desk) -> None:
    for _ in range(2):
        desk.sync()


def configure(desk: Desk, change: Callable[[dict], None]) -> None:  # type: ignore[type-arg]
    path = desk.vault.parent / "accounts.yaml"
    data = yaml.safe_load(path.read_text())
    change(data)
    path.write_text(yaml.safe_dump(data))
    desk.settings = load(path)


# --- repair touches nothing of the user's --------------------------------------------------------------------------


@pytest.mark.parametrize("state", [lambda _: None, lost], ids=["known", "rebuilt"])
def test_a_draft_that_was_edited_in_a_client_and_replaced_stays(
    desk: Desk, state: Callable[[Desk], None]
) -> None:
    note = desk.drafted()
    desk.client(Roundcube).save(lambda text: f"My own words.\n\n{text}")
    desk.sync()
    assert run("draft", note).exit_code == 0
    state(desk)
    if state is lost:
        rebuild()
    verify("--repair")
    settle(desk)
    verify("--repair")
    assert any(b"My own words." in raw for raw in desk.drafts().values())


def test_a_draft_of_mine_stays_that_was_answered_from_another_client(desk: Desk) -> None:
    note = desk.drafted()
    ((_, raw),) = desk.drafts().items()
    desk.client(Roundcube).save(lambda text: f"My own words.\n\n{text}")
    desk.sync()
    desk.dovecot.deliver(desk.user, raw.replace(b"Hi Ana", b"Hello Ana, shorter"), mailbox="Sent")
    desk.sync()
    verify("--repair")
    assert desk.status(note) == "sent" and any(b"My own words." in raw for raw in desk.drafts().values())


@pytest.mark.parametrize(
    "act", [Effect.FILES_EXCHANGED, Effect.DRAFT_APPENDED], ids=["its note is new", "it is not stored"]
)
def test_a_draft_whose_replacement_a_killed_run_has_begun_stays(desk: Desk, act: Effect) -> None:
    note = desk.drafted()
    desk.edit(note, BEGIN, f"{BEGIN}\n\nFrom the note.\n")
    with killed_at(act, done=act is Effect.FILES_EXCHANGED):
        desk.sync()
    _, off = verify()
    assert all(each["level"] == "warning" for each in off.get("drafts", [])), off
    verify("--repair")
    assert len(desk.drafts()) == 1
    settle(desk)
    ((_, raw),) = desk.drafts().items()
    assert b"From the note." in raw and desk.status(note) == "edited"
    assert verify()[1] == {}


def test_an_old_copy_of_a_draft_note_is_called_one_and_never_followed(desk: Desk) -> None:
    note = desk.drafted()
    old = desk.text(note)
    desk.client(Thunderbird).save(lambda text: f"From a client.\n\n{text}")
    desk.sync()
    (desk.vault / "Email" / "Drafts" / "copy.draft.md").write_text(old)
    verify("--repair")
    settle(desk)
    assert any(b"From a client." in raw for raw in desk.drafts().values())
    desk.edit(note, BEGIN, f"{BEGIN}\n\nFrom the note.\n")
    settle(desk)
    assert "From the note." in desk.text(note) and "From a client." in desk.text(note) + str(desk.drafts())
    assert len(desk.rows()) <= 2


def test_an_approval_of_a_copy_names_the_note_that_counts(desk: Desk) -> None:
    note = desk.drafted()
    (desk.vault / "Email" / "Drafts" / "mine.draft.md").write_text(desk.text(note))
    done = run("approve", "Email/Drafts/mine.draft.md")
    assert done.exit_code == 65 and f"it is a copy of {note}" in done.output
    done = run("approve", note)
    assert done.exit_code == 0 and "no account has `smtp`" in done.output


def test_a_repair_does_not_take_an_edit_for_the_draft(desk: Desk) -> None:
    note = desk.drafted()
    ((uid, raw),) = desk.drafts().items()
    desk.dovecot.deliver(desk.user, raw.replace(b"Hi Ana", b"Dear Ana, my own words"), mailbox="Drafts")
    desk.dovecot.deliver(desk.user, raw, mailbox="Drafts")
    with desk.dovecot.client(desk.user) as client:
        client.select_folder("Drafts")
        client.delete_messages([uid])
        client.expunge()
    verify("--repair")
    assert any(b"my own words" in each for each in desk.drafts().values())
    settle(desk)
    assert "my own words" in desk.text(note) or any(
        b"my own words" in each for each in desk.drafts().values()
    )
    rows = desk.rows()
    assert not rows[-1].ours or b"my own words" not in desk.drafts().get(rows[-1].uid, b"")


def test_a_repair_that_was_killed_does_not_hide_a_deletion_of_the_users(desk: Desk) -> None:
    note = desk.drafted()
    ((_, raw),) = desk.drafts().items()
    desk.dovecot.deliver(desk.user, raw, mailbox="Drafts")
    with killed_at(Effect.FLAG_STORED):
        run("verify", "--repair")
    with desk.dovecot.client(desk.user) as client:
        client.select_folder("Drafts")
        client.add_flags(client.search(["ALL"]), [b"\\Deleted"])
    settle(desk)
    assert desk.status(note) == "discarded"


def test_without_uidplus_no_rival_is_marked_as_deleted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = IMAPClient.has_capability
    monkeypatch.setattr(
        IMAPClient, "has_capability", lambda self, name: name.upper() != "UIDPLUS" and real(self, name)
    )
    other = b"From: a@x\r\nTo: ana@acme.example\r\nMessage-ID: <mine@x>\r\nIn-Reply-To: <m1@acme.example>\r\n\r\nanother machine"

    def seen(act: Effect, done: bool) -> None:
        if act is Effect.DRAFT_APPENDED and not done:
            desk.dovecot.deliver(desk.user, other, mailbox="Drafts")

    end = watch(seen)
    try:
        desk.mail()
        (report,) = pipeline.fetch_all(desk.settings, Options())
    finally:
        end()
    assert (report.failed, len(desk.drafts())) == ([], 2)
    assert all(b"\\Deleted" not in flags for flags in desk.dovecot.flags(desk.user, "Drafts").values())


# --- a rebuilt journal knows every draft ------------------------------------------------------------------------------


def without_id(desk: Desk) -> str:
    raw = mail(to=desk.user)
    desk.dovecot.deliver(
        desk.user, b"\n".join(line for line in raw.split(b"\n") if not line.lower().startswith(b"message-id"))
    )
    return desk.fetch().drafts[0]


def a_twin(desk: Desk) -> str:
    note = desk.drafted()
    desk.mail("Quite another text with the same id, and a question?")
    desk.fetch()
    return note


def odd(message_id: str) -> Callable[[Desk], str]:
    def made(desk: Desk) -> str:
        desk.mail(message_id=message_id)
        return desk.fetch().drafts[0]

    return made


@pytest.mark.parametrize("how", ["rebuild", "sync"])
@pytest.mark.parametrize(
    "made", [without_id, a_twin, odd("<o'brien.1@acme.example>"), odd("<a%%b{{1@acme.example>"), odd("<[1]]x@acme.example>")],
    ids=["no id", "twins", "an apostrophe", "braces", "brackets"],
)  # fmt: skip
def test_a_draft_of_any_mail_lives_on(desk: Desk, made: Callable[[Desk], str], how: str) -> None:
    note = made(desk)
    lost(desk)
    if how == "rebuild":
        rebuild()
    settle(desk)
    desk.edit(note, BEGIN, f"{BEGIN}\n\nFrom the note.\n")
    settle(desk)
    ((_, raw),) = desk.drafts().items()
    assert b"From the note." in raw and desk.status(note) == "edited"
    assert verify()[1].get("drafts") is None


def test_drafts_that_are_notes_alone_stay_what_they_are_with_the_state_gone(desk: Desk) -> None:
    configure(desk, lambda data: data.update(drafts={"to_server": False}))
    desk.mail()
    (note,) = desk.fetch().drafts
    shutil.rmtree(State(desk.settings.vault).folder)
    rebuild()
    for _ in range(4):
        desk.sync()
        desk.hours_pass(7)
    assert desk.status(note) == "draft" and desk.drafts() == {}


def test_a_draft_that_was_about_to_be_stored_is_stored(desk: Desk) -> None:
    desk.mail()
    with killed_at(Effect.DRAFT_APPENDED):
        desk.fetch()
    lost(desk)
    rebuild()
    settle(desk)
    assert len(desk.drafts()) == 1 and verify()[1] == {}


def test_mail_from_before_the_accounts_first_day_stays_out(desk: Desk) -> None:
    with desk.dovecot.client(desk.user) as client:
        for n in range(5):
            client.append(
                "INBOX",
                mail(f"Old {n}?", to=desk.user, message_id=f"<old{n}@x>"),
                (),
                datetime(2020, 1, 1 + n),
            )
    configure(desk, lambda data: data["accounts"][0].update(since=date(2024, 1, 1), fetch="new"))
    desk.mail()
    assert len(desk.fetch().notes) == 1
    lost(desk)
    rebuild()
    assert desk.fetch().notes == [] and verify()[1] == {}


def test_one_note_that_cannot_be_changed_stops_no_rebuild(desk: Desk) -> None:
    note = desk.drafted()
    desk.set(note, status="approved")
    path = desk.vault / note
    path.write_bytes(path.read_bytes().replace(BEGIN.encode(), BEGIN.encode() + b"\n\ncaf\xe9"))
    lost(desk)
    told = rebuild().output
    assert "1 mails" in told and "its approval is taken back, which it cannot say" in told


def test_an_unmounted_vault_is_not_rebuilt_from_and_no_backup_is_written_over(desk: Desk) -> None:
    desk.drafted()
    rebuild()
    time.sleep(1.1)
    rebuild()
    folder = State(desk.settings.vault).folder
    assert len(list(folder.glob("journal.sqlite.before-rebuild-*"))) == 2
    desk.vault.rename(desk.vault.with_name("away"))
    desk.vault.mkdir()
    assert "mounted" in rebuild(code=78).output
    with closing(sqlite3.connect(journal_of(desk))) as database:
        assert database.execute("SELECT count(*) FROM mail").fetchone() == (1,)


def test_a_journal_of_a_newer_mailbot_is_not_rebuilt_by_an_older_one(desk: Desk) -> None:
    desk.drafted()
    with closing(sqlite3.connect(journal_of(desk))) as database:
        database.execute("PRAGMA user_version = 9999")
    before = journal_of(desk).read_bytes()
    assert "update mailbot" in rebuild(code=65).output
    assert journal_of(desk).read_bytes() == before


def test_a_mailbox_that_is_gone_is_asked_for_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(6):
        desk.mail(f"Question {n}?", message_id=f"<{n}@acme.example>", subject=f"S {n}")
    desk.fetch()
    for path in desk.vault.glob("Email/2026/*/*.md"):
        path.write_text(path.read_text().replace('mailbox: "INBOX"', 'mailbox: "Old Folder"'))
    asked: list[str] = []
    real = ImapAccount.examine
    monkeypatch.setattr(ImapAccount, "examine", lambda self, name: (asked.append(name), real(self, name))[1])
    lost(desk)
    rebuild()
    assert asked.count("Old Folder") == 1


# --- what an ordinary sync makes of a lost journal ---------------------------------------------------------------------


@pytest.mark.parametrize("broken", [False, True], ids=["lost", "and its approval"])
def test_a_sync_without_its_journal_keeps_drafts_alive_and_approvals_back(
    desk: Desk,
    make_settings: MakeSettings,
    broken: bool,
) -> None:
    note = desk.drafted()
    with sending(desk, make_settings, SmtpServer()) as smtp:
        if broken:
            assert run("approve", note).exit_code == 0
        lost(desk)
        report = desk.sync()
        assert (report.adopted, report.drafts) == (1, [])
        settle(desk)
        assert smtp.mails == [] and desk.status(note) == ("edited" if broken else "draft")
        desk.edit(note, BEGIN, f"{BEGIN}\n\nFrom the note.\n")
        settle(desk)
        ((_, raw),) = desk.drafts().items()
        assert b"From the note." in raw
        assert run("approve", note).exit_code == 0
        desk.sync()
        assert len(smtp.mails) == 1 and desk.status(note) == "sent"
    assert run("verify").exit_code in (0, 1)


def test_a_lost_journal_is_called_lost(desk: Desk) -> None:
    desk.drafted()
    lost(desk)
    code, off = verify()
    assert (
        code == 1
        and "lost" in off["journal"][0]["found"]
        and "mailbot rebuild" in off["journal"][0]["advice"]
    )


# --- verify -----------------------------------------------------------------------------------------------------------


def test_a_note_that_is_gone_is_noticed_though_another_account_has_the_mail(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path
) -> None:
    for each in (user, f"other-{user}"):
        dovecot.deliver(each, mail(to=user))
    world = Desk(dovecot, user, make_settings(dovecot.port, user), vault)
    configure(
        world,
        lambda data: data["accounts"].append(
            {**data["accounts"][0], "name": "home", "address": f"other-{user}"}
        ),
    )
    pipeline.fetch_all(world.settings, Options())
    note = next(p for p in vault.glob("Email/2026/*/*.md") if "account: home" in p.read_text())
    note.unlink()
    _, off = verify()
    assert [each["about"] for each in off["notes"]] == ["home"]
    assert verify("--accept")[1] == {}
    assert verify()[1] == {}


def test_the_usual_life_of_notes_and_drafts_is_no_alarm(desk: Desk) -> None:
    note = desk.drafted()
    assert run("draft", note).exit_code == 0
    assert verify()[1] == {}
    desk.sync()
    desk.set(note, status="discarded")
    desk.sync()
    assert verify()[1] == {}
    (desk.vault / note).unlink()
    desk.sync()
    assert verify()[1] == {}
    path = next(desk.vault.glob("Email/2026/*/*.md"))
    (desk.vault / "Else").mkdir()
    path.rename(desk.vault / "Else" / "x.md")
    assert verify()[1] == {}


def test_two_accounts_on_one_mailbox_are_no_alarm(
    dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path, model: ModelServer
) -> None:
    world = Desk(dovecot, user, make_settings(dovecot.port, user, llm=model.url), vault)
    configure(world, lambda data: data["accounts"].append({**data["accounts"][0], "name": "home"}))
    world.mail()
    for _ in range(2):
        pipeline.sync_all(world.settings, Options())
    before = world.drafts()
    _, off = verify()
    assert not [each for found in off.values() for each in found if each["level"] == "wrong"], off
    lost(world)
    rebuild()
    pipeline.sync_all(world.settings, Options())
    assert world.drafts() == before


# --- files ------------------------------------------------------------------------------------------------------------


def test_many_attachments_do_not_use_up_the_descriptors(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    for n in range(64):
        made = EmailMessage()
        made["From"], made["To"], made["Subject"], made["Message-ID"] = (
            "a@x.example",
            "b@x.example",
            f"pictures {n}",
            f"<{n}@x.example>",
        )
        made["Date"] = "Thu, 20 Nov 2026 08:15:00 +0000"
        made.set_content("see")
        for part in range(8):
            made.add_attachment(
                f"x{n}{part}".encode(), maintype="image", subtype="png", filename=f"p{part}.png"
            )
        (folder / f"{n}.eml").write_bytes(made.as_bytes())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        done = run("import", str(folder), "--account", "work")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert done.exit_code == 0, done.output
    assert len(list(desk.vault.glob("Email/2026/*/*.md"))) == 64
    assert len(list(desk.vault.rglob("*.png"))) == 64 * 8


def test_a_link_is_read_while_folders_elsewhere_are_renamed(tmp_path: Path) -> None:
    """openat2 says EAGAIN for a `..` while anything at all is being renamed."""
    vault, other = tmp_path / "v", tmp_path / "o"
    for name in ("v/a", "v/b", "o/d"):
        (tmp_path / name).mkdir(parents=True)
    (vault / "a" / "x.md").write_text("hi")
    (vault / "b" / "l.md").symlink_to("../a/x.md")
    code = f"import os\nwhile True:\n os.rename({str(other / 'd')!r}, {str(other / 'e')!r})\n os.rename({str(other / 'e')!r}, {str(other / 'd')!r})"
    busy = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        assert all(read_beneath(vault, "b/l.md") == b"hi" for _ in range(8000))
    finally:
        busy.kill()
        busy.wait()
