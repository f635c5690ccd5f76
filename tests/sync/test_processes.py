"""Work that is spread over processes: in order, and no item costs another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailbot import stopping
from mailbot.errors import BadData, MailbotError
from mailbot.sync.steps import processes, worker
from mailbot.sync.steps.processes import Processes, free, give_back, in_parts
from tests.conftest import ROOT


@dataclass(frozen=True)
class Item:
    raw: bytes


def work(item: Item) -> tuple[bytes, int]:
    """What a mail may do to the process that reads it."""
    if item.raw == b"dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if item.raw == b"hangs":
        time.sleep(60)
    if item.raw == b"raises":
        raise ValueError("secret text of a mail")
    return item.raw.upper(), os.getpid()


def done(
    items: list[bytes], count: int = 2, part: int = 3
) -> list[tuple[int, tuple[bytes, int] | MailbotError]]:
    tagged = ((n, Item(raw)) for n, raw in enumerate(items))
    with Processes(work, count) as pool:
        return [(tag, found) for tag, _, found in pool.in_order(in_parts(tagged, part, 1000))]


def test_the_results_come_in_order_and_from_other_processes() -> None:
    found = done([b"%d" % n for n in range(50)])
    assert [tag for tag, _ in found] == list(range(50))
    words = [result for _, result in found if isinstance(result, tuple)]
    assert [word for word, _ in words] == [b"%d" % n for n in range(50)]
    assert os.getpid() not in {pid for _, pid in words}
    assert len({pid for _, pid in words}) <= 2


def test_without_processes_the_work_is_done_here() -> None:
    assert done([b"a", b"b"], count=0) == [(0, (b"A", os.getpid())), (1, (b"B", os.getpid()))]


def test_what_weighs_much_is_not_sent_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LARGE", 10)
    found = done([b"a", b"b" * 11, b"c"], part=1)
    pids = [result[1] for _, result in found if isinstance(result, tuple)]
    assert pids[1] == os.getpid() and pids[0] != os.getpid() != pids[2]


def test_an_item_that_ends_its_process_costs_only_itself() -> None:
    found = dict(done([b"a", b"dies", b"b", b"c", b"dies", b"d"]))
    assert [n for n, result in found.items() if isinstance(result, BadData)] == [1, 4]
    assert "ended the process that read it" in str(found[1])
    assert [found[n][0] for n in (0, 2, 3, 5) if isinstance(found[n], tuple)] == [b"A", b"B", b"C", b"D"]  # type: ignore[index]


def test_an_item_that_takes_for_ever_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LIMIT", 1.0)
    found = dict(done([b"a", b"hangs", b"b"]))
    assert isinstance(found[1], BadData)
    assert isinstance(found[0], tuple) and isinstance(found[2], tuple)


def test_an_exception_is_told_by_its_kind_alone(caplog: pytest.LogCaptureFixture) -> None:
    found = dict(done([b"a", b"raises", b"b"]))
    assert isinstance(found[1], MailbotError) and "ValueError" in str(found[1])
    assert "secret" not in str(found[1]) + caplog.text
    assert "test_processes.py" in caplog.text


def test_parts_are_taken_no_faster_than_they_are_done() -> None:
    taken = 0

    def items() -> Iterator[tuple[int, Item]]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number, Item(b"x")

    with Processes(work, 1) as pool:
        results = pool.in_order(in_parts(items(), 1, 1000))
        next(results)
        assert taken <= processes.AHEAD + 2
        results.close()


def test_a_run_that_is_stopped_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a process that hangs is stopped at once, and the process is ended."""
    monkeypatch.setattr(stopping, "asked", lambda: True)

    def check() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stopping, "check", check)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        done([b"hangs"])
    assert time.monotonic() - start < 30


def test_all_accounts_share_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_processors", lambda: 8)
    first = free(100)
    assert 1 <= first <= processes.MOST
    assert free(100) == 0
    give_back(first)
    monkeypatch.setattr(processes, "_processors", lambda: 1)
    assert free(100) == 0


def test_where_no_process_can_be_had_the_work_is_done_here(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def context(_module: str) -> object:
        raise OSError("no more processes")

    monkeypatch.setattr(worker, "_context", context)
    found = done([b"%d" % n for n in range(20)])
    assert [result for _, result in found] == [(b"%d" % n, os.getpid()) for n in range(20)]
    assert "no other can be had" in caplog.text


def test_where_no_process_can_be_started_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a second part waits for the one that never began."""
    monkeypatch.setattr("multiprocessing.context.ForkServerProcess.start", broken)
    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", broken)
    assert {pid for _, (_, pid) in done([b"%d" % n for n in range(20)])} == {os.getpid()}  # type: ignore[misc]


def broken(*_: object) -> None:
    raise FileNotFoundError("the folder is gone")


def test_where_no_thread_can_be_started_fewer_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        if self.name == "convert-1":
            raise RuntimeError("can't start new thread")
        real(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    assert len(done([b"%d" % n for n in range(20)])) == 20
    monkeypatch.setattr(threading.Thread, "start", broken_thread)
    assert len(done([b"%d" % n for n in range(20)])) == 20


def broken_thread(_self: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_what_was_taken_before_a_failure_is_given_before_it() -> None:
    def items() -> Iterator[tuple[int, Item]]:
        for number in range(10):
            yield number, Item(b"x")
        raise BadData("the server is gone")

    given = []
    with Processes(work, 2) as pool, pytest.raises(BadData, match="gone"):
        given += [tag for tag, _, _ in pool.in_order(in_parts(items(), 3, 1000))]
    assert given == []  # a list is made whole or not at all
    with Processes(work, 2) as pool, pytest.raises(BadData, match="gone"):
        for tag, _, _ in pool.in_order(in_parts(items(), 3, 1000)):
            given.append(tag)
    assert given == list(range(10))


def test_nobody_is_left_behind_where_a_run_is_killed(tmp_path: Path) -> None:
    program = f"""
        import sys, time
        sys.path.insert(0, {str(ROOT)!r})
        from tests.sync.test_processes import Item, work
        from mailbot.sync.steps.processes import Processes, in_parts
        if __name__ == "__main__":
            with Processes(work, 1) as pool:
                found = pool.in_order(in_parts([(0, Item(b"a")), (1, Item(b"hangs"))], 1, 1000))
                print(next(found)[2][1], flush=True)
                next(found)
    """
    (tmp_path / "run.py").write_text(textwrap.dedent(program))
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "run.py")], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout
        worker_pid = int(run.stdout.readline())
        time.sleep(0.3)
        run.kill()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{worker_pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker_pid}").exists()
