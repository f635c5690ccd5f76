"""The texts that have mailbot run by itself. Plain values; nothing is installed."""

from __future__ import annotations

import plistlib
import subprocess
from dataclasses import replace

import pytest

from mailbot.sync.decide.schedule import (
    MARK,
    Job,
    agent,
    configs_in,
    cron_times,
    crontab_with,
    crontab_without,
    names,
    units,
)

JOB = Job(
    ("/opt/my tools/mailbot",),
    "/home/jo/50% off/accounts.yaml",
    {"PATH": "/usr/bin:/bin", "MAILBOT_STATE": "/s t"},
    15,
)


@pytest.mark.parametrize(
    ("minutes", "times"),
    [(1, "* * * * *"), (10, "*/10 * * * *"), (60, "0 * * * *"), (120, "0 */2 * * *"), (1440, "0 0 * * *")],
)
def test_cron_has_five_fields(minutes: int, times: str) -> None:
    assert cron_times(minutes) == times


@pytest.mark.parametrize("minutes", [7, 90, 300, 2880])
def test_what_cron_cannot_keep_is_refused(minutes: int) -> None:
    with pytest.raises(ValueError, match="divide"):
        cron_times(minutes)


def test_a_crontab_keeps_its_other_lines_and_has_ours_once() -> None:
    before = "# mine\n0 5 * * * backup\n"
    once = crontab_with(before, JOB)
    assert crontab_with(once, replace(JOB, minutes=30)).count(MARK) == 1
    assert once.startswith(before)
    assert crontab_without(once, JOB.config) == before
    assert crontab_without(before, JOB.config) == before


@pytest.mark.parametrize(
    "before",
    [
        "# caf\udce9: no UTF-8\n",
        "# a page\x0cand a line\u2028of others\r\n@daily x\n",
        "# no line end",
        f"{MARK}\n0 5 * * * backup # what the user wrote below our mark\n",
    ],
)
def test_what_others_wrote_into_a_crontab_stays_as_it_is(before: str) -> None:
    once = crontab_with(before, JOB)
    assert once.startswith(before) and once.count(" sync\n") == 1
    assert crontab_with(once, JOB) == once
    assert crontab_without(once, JOB.config) in (before, f"{before}\n")


def test_other_settings_keep_their_line() -> None:
    both = crontab_with(crontab_with("", JOB), replace(JOB, config="/home/jo/work.yaml"))
    assert configs_in(both) == [JOB.config, "/home/jo/work.yaml"]
    assert crontab_without(both, "/home/jo/work.yaml") == crontab_with("", JOB)


def test_a_unit_and_an_agent_say_whose_settings_they_use() -> None:
    odd = replace(JOB, config="/home/jo/$5 & 50%/accounts.yaml")
    for job in (JOB, odd):
        for text in (units(job, "m")["m.service"].encode(), agent(job, "m")):
            assert [names(text, each.config) for each in (JOB, odd)] == [job is JOB, job is odd]
    assert not names(b"<?xml nonsense", JOB.config)


@pytest.mark.parametrize("word", ["/home/jo/a\nb.yaml", "/home/jo/a\rb.yaml"])
def test_a_line_break_in_a_path_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        replace(JOB, config=word)


def test_a_shell_reads_the_crontab_line_as_it_was_meant() -> None:
    line = crontab_with("", JOB).splitlines()[1]
    command = line.split(" ", 5)[5].replace("\\%", "%")  # as cron does
    shown = command.replace(" '/opt/my tools/mailbot'", " printf '%s|'")
    done = subprocess.run(["/bin/sh", "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout == "--config|/home/jo/50% off/accounts.yaml|sync|"
    assert "MAILBOT_STATE='/s t'" in line and "%" not in line.replace("\\%", "")


def test_the_units_quote_what_systemd_would_read_otherwise() -> None:
    made = units(JOB, "mailbot")
    assert set(made) == {"mailbot.service", "mailbot.timer"}
    assert (
        'ExecStart="/opt/my tools/mailbot" --config "/home/jo/50%% off/accounts.yaml" sync\n'
        in made["mailbot.service"]
    )
    assert 'Environment="MAILBOT_STATE=/s t"\n' in made["mailbot.service"]
    paid = units(replace(JOB, config="/a$b", environment={"A": "x$y"}), "mailbot")["mailbot.service"]
    assert "--config /a$$b sync\n" in paid and "Environment=A=x$y\n" in paid
    assert "SuccessExitStatus=75\n" in made["mailbot.service"]
    assert "OnUnitActiveSec=15min\n" in made["mailbot.timer"]
    (service,) = units(replace(JOB, watch=True), "mailbot").values()
    assert (
        "Type=notify\n" in service
        and service.rstrip().endswith("WantedBy=default.target")
        and " watch\n" in service
    )


def test_the_agent_is_a_property_list() -> None:
    read = plistlib.loads(agent(JOB, "mailbot"))
    assert read["ProgramArguments"] == [
        "/opt/my tools/mailbot",
        "--config",
        "/home/jo/50% off/accounts.yaml",
        "sync",
    ]
    assert read["StartInterval"] == 900 and read["EnvironmentVariables"]["PATH"] == "/usr/bin:/bin"
    assert plistlib.loads(agent(replace(JOB, watch=True), "mailbot"))["KeepAlive"] is True
