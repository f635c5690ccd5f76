"""`mailbot schedule`, with a crontab of the test's own in the place of the machine's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailbot.cli.main import mailbot
from tests.conftest import MakeSettings

CRONTAB = """#!/bin/sh
case "$1" in
-l) cat "$HOME/crontab" 2>/dev/null || { echo "no crontab for jo" >&2; exit 1; } ;;
-) cat > "$HOME/crontab" ;;
esac
"""


@pytest.fixture
def home(own_home: Path, monkeypatch: pytest.MonkeyPatch, make_settings: MakeSettings) -> Path:
    make_settings(1, "jo@example.com")
    programs = own_home / "bin"
    programs.mkdir()
    for name, text in (
        ("crontab", CRONTAB),
        ("systemctl", "#!/bin/sh\nexit 1\n"),
        ("launchctl", "#!/bin/sh\nexit 1\n"),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return own_home


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(mailbot, ["schedule", *arguments])
    return done.exit_code, done.output


def test_a_crontab_line_is_written_shown_and_removed(home: Path) -> None:
    (home / "crontab").write_text("0 5 * * * backup\n")
    assert run() == (0, "nothing is scheduled; `mailbot schedule cron`, `systemd` or `launchd` does it\n")
    code, said = run("cron", "--every", "30m")
    assert code == 0 and "*/30 * * * * " in said
    assert "does not see the environment variable MAIL_PASSWORD" in said
    written = (home / "crontab").read_text()
    assert (
        written.startswith("0 5 * * * backup\n")
        and " sync\n" in written
        and str(Path("accounts.yaml").resolve()) in written
    )
    assert "cron: */30" in run()[1]
    assert run("cron", "--every", "30m")[0] == 0 and (home / "crontab").read_text() == written
    assert run("cron", "--remove") == (0, "removed: crontab\n")
    assert (home / "crontab").read_text() == "0 5 * * * backup\n"
    assert run("cron", "--remove") == (0, "there is no mailbot in cron\n")


def test_a_user_without_a_crontab_gets_one(home: Path) -> None:
    assert run("cron")[0] == 0
    assert "*/10 * * * * " in (home / "crontab").read_text()


@pytest.mark.parametrize(
    ("keeper", "folder"), [("systemd", ".config/systemd/user"), ("launchd", "Library/LaunchAgents")]
)
def test_units_and_agents_are_written_shown_and_removed(home: Path, keeper: str, folder: str) -> None:
    code, said = run(keeper, "--watch", "--dry-run")
    assert code == 0 and not (home / folder).exists() and "watch" in said
    code, said = run(keeper, "--every", "5m")
    assert code == 0 and "start it with" in said
    files = sorted(p.name for p in (home / folder).iterdir())
    assert files == (["mailbot.service", "mailbot.timer"] if keeper == "systemd" else ["mailbot.plist"])
    assert keeper in run()[1]
    assert run(keeper, "--remove")[0] == 0
    assert list((home / folder).iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("cron", "--every", "7m"), 78, "divide an hour"),
        (("cron", "--watch"), 78, "use systemd or launchd"),
        (("cron", "--every", "30s"), 2, "whole minutes"),
        (("cron", "--every", "soon"), 2, "write a number"),
    ],
)
def test_what_cannot_be_scheduled_says_what_to_do(
    home: Path, arguments: tuple[str, ...], code: int, word: str
) -> None:
    ended, said = run(*arguments)
    assert ended == code and word in said
    assert not (home / "crontab").exists()


def test_without_cron_another_way_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home))
    code, said = run("cron")
    assert code == 75 and "choose systemd or launchd" in said


def test_two_settings_files_run_beside_each_other(home: Path) -> None:
    other = Path("other.yaml")
    other.write_text(Path("accounts.yaml").read_text())

    def run_other(*arguments: str) -> str:
        return CliRunner().invoke(mailbot, ["--config", str(other), "schedule", *arguments]).output

    for keeper in ("cron", "systemd", "launchd"):
        assert run(keeper)[0] == 0
        run_other(keeper)
        assert len([line for line in run()[1].splitlines() if line.startswith(keeper)]) == (
            4 if keeper == "systemd" else 2
        )
        other.unlink()
        assert run_other(keeper, "--remove").startswith("removed: ")
        assert "with other settings" in run_other(keeper, "--remove")
        other.write_text(Path("accounts.yaml").read_text())
        assert run(keeper, "--remove")[1].startswith("removed: ")
    assert "nothing is scheduled" in run()[1]


def test_without_settings_all_of_ours_goes(home: Path) -> None:
    run("cron")
    Path("accounts.yaml").unlink()
    assert run("cron", "--remove") == (0, "removed: crontab\n")
    assert (home / "crontab").read_text() == ""


def test_a_watch_takes_the_place_of_a_timer(home: Path) -> None:
    run("systemd")
    run("systemd", "--watch")
    assert sorted(p.name for p in (home / ".config/systemd/user").iterdir()) == ["mailbot-watch.service"]
    assert "systemd runs it with these settings too" in run("cron")[1]


@pytest.mark.parametrize("options", [[], ["--watch"]])
def test_systemd_takes_the_units(home: Path, options: list[str]) -> None:
    program = home / "bin" / "mailbot"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    run("systemd", *options)
    units = [str(p) for p in (home / ".config/systemd/user").iterdir()]
    analyze = shutil.which("systemd-analyze", path="/usr/bin:/bin")
    if analyze is None:
        pytest.skip("no systemd here")
    done = subprocess.run(
        [analyze, "--user", "verify", *units],
        env={"XDG_RUNTIME_DIR": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "mailbot" in line]) == (0, [])


@pytest.mark.parametrize("keeper", ["cron", "systemd", "launchd"])
def test_a_dry_run_of_remove_removes_nothing(home: Path, keeper: str) -> None:
    run(keeper)
    before = run()[1]
    assert run(keeper, "--remove", "--dry-run")[1].startswith("would be removed: ")
    assert run()[1] == before
    assert run(keeper, "--remove")[0] == 0
    assert run(keeper, "--remove", "--dry-run") == (0, f"there is no mailbot in {keeper}\n")


@pytest.mark.parametrize("options", [["--remove"], ["--every", "5m"], ["--watch"]])
def test_options_without_a_name_are_not_ignored(home: Path, options: list[str]) -> None:
    code, said = run(*options)
    assert code == 2 and "say which" in said


def test_a_crontab_that_is_refused_is_said_in_crons_words(home: Path) -> None:
    program = home / "bin" / "crontab"
    program.write_text('#!/bin/sh\n[ "$1" = -l ] && exit 0\necho "command too long" >&2\nexit 1\n')
    code, said = run("cron")
    assert code == 75 and "(command too long); the old one stands" in said


def test_the_environment_that_cron_lacks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("XDG_STATE_HOME", "/home/jo@corp/state"), ("MAILBOT_STATE", "state"), ("TZ", "UTC")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HTTPS_PROXY", "http://jo:secret@proxy:3128")
    _, said = run("cron")
    written = (home / "crontab").read_text()
    assert "XDG_STATE_HOME=/home/jo@corp/state" in written and "TZ=UTC" in written
    assert f"MAILBOT_STATE={Path('state').absolute()}" in written
    assert "secret" not in written and "HTTPS_PROXY has a password in it" in said
    monkeypatch.setenv(
        "PATH", f"{home / 'bin'}:/usr/bin:/bin:" + ":".join(f"/opt/{n}/a/long/folder" for n in range(100))
    )
    run("cron")
    assert max(map(len, (home / "crontab").read_text().splitlines())) < 998
