"""Every act of mailbot on the world stands in a point of `mailbot/effect.py`: found in the source, and watched in whole runs."""

from __future__ import annotations

import ast
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mailbot import effect
from mailbot.effect import Effect
from mailbot.sync import pipeline
from mailbot.sync.session.report import Options
from tests.conftest import ROOT, MakeSettings, mail
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer

ON_PATHS = {
    "unlink", "rename", "hardlink_to", "symlink_to", "mkdir", "rmdir", "touch", "write_text", "write_bytes", "chmod", "fchmod", "rmtree",
    "makedirs", "removedirs", "truncate", "copyfile", "copytree", "backup", "renameat2",
}  # fmt: skip
ON_SERVERS = {
    "uid_expunge", "expunge", "mark_deleted", "add_flags", "remove_flags", "set_flags", "create_folder", "delete_folder", "rename_folder",
    "subscribe_folder", "sendmail", "send_message", "delete_messages",
}  # fmt: skip
ON_IMAP = {"append", "move", "copy"}
SQL = ("COMMIT", "INSERT", "UPDATE", "DELETE")

EXCUSED = {
    # A file of Python's own, which its child processes leave.
    ("mailbot/__main__.py", "rmtree"),
    # The log: read by people alone, and a line of it may be lost.
    ("mailbot/cli/logfile.py", "mkdir"),
    # A folder for the demo, and the notes of a scenario in a temporary folder: nothing of the user's.
    ("mailbot/cli/demo.py", "mkdir"),
    ("mailbot/sync/commands/demo.py", "copytree"),
    ("mailbot/sync/commands/rubric.py", "copytree"),
    ("mailbot/sync/commands/rubric.py", "mkdir"),
    ("mailbot/sync/commands/rubric.py", "write_text"),
    # Where these two are called they stand in a point.
    ("mailbot/vault/rename.py", "renameat2"),
    ("mailbot/vault/rename.py", "rename"),
    ("mailbot/vault/rename.py", "hardlink_to"),
    ("mailbot/vault/durable.py", "fchmod"),
    ("mailbot/vault/durable.py", "fdopen"),
    ("mailbot/private.py", "fdopen"),
    ("mailbot/vault/unfinished.py", "O_CREAT"),
    ("mailbot/private.py", "O_CREAT"),
    # A mark that goes before an expunge; `mark_deleted` itself has the point.
    ("mailbot/mail/server/account.py", "mark_deleted"),
    # A transaction of reading, and one that `together` ends.
    ("mailbot/vault/index_file.py", "COMMIT"),
}


def acts(path: Path) -> Iterator[tuple[str, int]]:
    """(name, line) of each call that changes something and stands in no point."""

    def walk(node: ast.AST, inside: bool) -> Iterator[tuple[str, int]]:
        if isinstance(node, ast.With):
            inside = inside or any("Effect." in ast.unparse(i.context_expr) for i in node.items)
        if isinstance(node, ast.Call) and not inside and (name := changes(node)):
            yield name, node.lineno
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), False)


def changes(call: ast.Call) -> str:
    """What a call changes, empty where nothing."""
    function, source = call.func, ast.unparse(call)
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    if name in ON_PATHS | ON_SERVERS:
        return name
    if (
        name == "replace" and owner and len(call.args) == 1 and not call.keywords
    ):  # Path.replace; a text's has two
        return name
    if name in ON_IMAP and "imap" in owner:
        return name
    if name in ("open", "fdopen") and any(
        mode in source for mode in ("'w", "'a", "'x", "+'", "O_CREAT", "O_WRONLY")
    ):
        return "O_CREAT" if "O_" in source else name if "devnull" not in source else ""
    if name in ("execute", "executescript") and "COMMIT" in source:
        return "COMMIT"
    return ""


def test_every_act_stands_in_a_point() -> None:
    found = {
        (str(path.relative_to(ROOT)), name): line
        for path in sorted((ROOT / "mailbot").rglob("*.py"))
        for name, line in acts(path)
    }
    forgotten = {each: line for each, line in found.items() if each not in EXCUSED}
    assert not forgotten, f"put them into a point of mailbot/effect.py: {forgotten}"
    assert set(EXCUSED) <= set(found), f"no longer there: {set(EXCUSED) - set(found)}"


def test_every_point_is_used() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "mailbot").rglob("*.py"))
    assert [e for e in Effect if f"Effect.{e.name}" not in source] == []


def test_a_point_tells_its_watchers_before_and_after_and_not_where_the_act_failed() -> None:
    told: list[tuple[Effect, bool]] = []
    end = effect.watch(lambda act, done: told.append((act, done)))
    with Effect.FILE_WRITTEN:
        assert told == [(Effect.FILE_WRITTEN, False)]
    with suppress(OSError), Effect.FILE_NAMED:
        raise OSError
    end()
    with Effect.FILE_REMOVED:
        pass
    assert told == [(Effect.FILE_WRITTEN, False), (Effect.FILE_WRITTEN, True), (Effect.FILE_NAMED, False)]


WRITING = {
    "os.remove",
    "os.rename",
    "os.link",
    "os.symlink",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.truncate",
}


class Watch:
    """What Python's own audit events (PEP 578) say of this process while it is on: acts below a folder that stand in no point."""

    def __init__(self) -> None:
        self.below, self.on = "", False
        self.outside: list[str] = []
        self.depth = threading.local()
        sys.addaudithook(self._event)  # it cannot be taken away again, only be made to say nothing

    def passing(self, _: Effect, done: bool) -> None:
        self.depth.now = getattr(self.depth, "now", 0) + (-1 if done else 1)

    def _event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or getattr(self.depth, "now", 0) > 0:
            return
        writes = event in WRITING or (
            event == "open"
            and isinstance(arguments[2], int)
            and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        path = str(arguments[0]) if writes else ""
        if not writes or (event == "os.mkdir" and Path(path).is_dir()):  # filelock asks for what is there
            return
        if path.startswith(self.below) and not path.endswith((".lock", ".log")):
            self.outside.append(f"{event} {path.removeprefix(self.below)}")


@pytest.fixture(scope="module")
def auditing() -> Watch:
    return Watch()


@pytest.mark.dovecot
def test_a_whole_run_changes_nothing_outside_of_a_point(
    auditing: Watch,
    dovecot: Dovecot,
    model: ModelServer,
    user: str,
    make_settings: MakeSettings,
    tmp_path: Path,
) -> None:
    """By Python's own account of what is opened, renamed and removed, in a fetch and a sync with an edit."""
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url)
    end = effect.watch(auditing.passing)
    auditing.below, auditing.on = str(tmp_path), True
    try:
        (report,) = pipeline.fetch_all(settings, Options())
        auditing.on = False
        note = settings.vault / report.drafts[0]
        note.write_text(note.read_text(encoding="utf-8").replace("8+3", "8+2"), encoding="utf-8")
        auditing.on = True
        pipeline.sync_all(settings, Options())
    finally:
        auditing.on = False
        end()
    assert auditing.outside == []
