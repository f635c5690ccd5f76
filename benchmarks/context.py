"""Of the facts that answers need, how many reach the prompt; of those that readers must not learn, how many do.

    python -m benchmarks.context [--local] [--check] [--show WORLD/CASE] [--missing]

The worlds of `evals/`, each through `mailbot fetch` itself: a real Dovecot, a model server that says of each mail what its rubric
says and records every prompt. No model is needed. `--local` adds the vectors of a local model. `--missing` names each fact that
is not as it should be, `--show` prints a prompt, `--check` only looks whether the worlds are consistent. The lanes are those of
the answers in `evals/`, which were written by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.table import Ratio, show
from mailbot.config import load
from mailbot.mail.mail import read_mail
from mailbot.settings import Settings
from mailbot.sync.commands.import_mail import import_mail
from mailbot.sync.commands.scenario import Case, Fact, World, faults, folded, worlds
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from mailbot.vault import note as notes
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.model import ModelServer, is_triage

EVALS = Path(__file__).resolve().parent.parent / "evals"
NEEDED = {"words": 0.90, "words and lookups": 0.90, "vectors and lookups": 0.95}
WAYS = (("words", False, False), ("words and lookups", False, True), ("vectors and lookups", True, True))
LETTERS_A_TOKEN = 4


@dataclass
class Prompted:
    """A case, the prompt of its draft (empty for none), and what its draft note says."""

    case: Case
    prompt: str = field(repr=False)
    lane: str = ""
    reasons: tuple[str, ...] = ()
    reply: str = ""

    @property
    def tokens(self) -> int:
        return len(self.prompt) // LETTERS_A_TOKEN

    def has(self, fact: Fact) -> bool:
        return bool(self.prompt) and fact.stands_in(folded(self.prompt))


def run(world: World, *, local: bool = False, lookups: bool = False) -> list[Prompted]:
    """Every mail of a world that should be answered, with the prompt that was sent for it."""
    server = Dovecot().start()
    plays = Playing(world, lookups=lookups)
    try:
        with tempfile.TemporaryDirectory() as temporary, ModelServer(plays.answer) as model:
            folder = Path(temporary)
            shutil.copytree(world.vault, folder / "vault")
            os.environ |= {"MAILBOT_STATE": str(folder / "state"), "MAIL_PASSWORD": PASSWORD}
            settings = _settings(world, folder, server.port, model.url, local=local)
            server.deliver(world.user["address"], *world.sent, mailbox="Sent")
            archive = folder / "archive"
            archive.mkdir()
            for number, raw in enumerate(world.received):
                (archive / f"{number:03}.eml").write_bytes(raw)
            import_mail(settings, "scenario", [archive])
            server.deliver(world.user["address"], *(c.raw for c in world.cases))
            (report,) = fetch_all(settings, Options())
            if report.error or report.failed:
                sys.exit(f"{world.name}: {report.error} {report.failed}")
            return plays.prompted(folder / "vault")
    finally:
        server.stop()


def _settings(world: World, folder: Path, port: int, url: str, *, local: bool) -> Settings:
    user = world.user
    written = {
        "vault": str(folder / "vault"),
        "llm": {"base_url": url, "model": "scripted", "concurrency": 1},
        "drafts": {"max_per_run": 100, "newer_than": "3650d"},
        "disclosure": user.get("disclosure", {}),
        "accounts": [
            {
                "name": "scenario", "address": user["address"], "aliases": user.get("aliases", []), "display_name": user["name"],
                "imap": {"host": "127.0.0.1", "port": port, "security": "none"}, "password": {"env": "MAIL_PASSWORD"},
                "signature": user.get("signature", ""),
            }
        ],
    }  # fmt: skip
    if local:
        written["embeddings"] = {"local": True}
    path = folder / "accounts.yaml"
    path.write_text(yaml.safe_dump(written), encoding="utf-8")
    return load(path)


class Playing:
    """Plays the model: says of each mail what its rubric says, answers with the answer that was written for it, and remembers
    each prompt."""

    def __init__(self, world: World, *, lookups: bool) -> None:
        self._world = world
        self._lookups = lookups
        self._prompts: dict[str, str] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        prompt = request["messages"][1]["content"]
        case = self._case(prompt)
        if is_triage(request):
            said = {"disposition": case.disposition if case else "read", "reason": "As its rubric says"}
            return {**said, "asks": list(case.asks)} if case and self._lookups else said
        if case:
            self._prompts[case.name] = prompt
        return self._drafted(case, prompt)

    def _case(self, prompt: str) -> Case | None:
        """The mail that a prompt is about, by its text: the one of which most stands there, the last of those of a thread."""
        shown = folded(prompt)
        found = [c for c in self._world.cases if folded(c.mail.text.newest)[:300] in shown]
        named = [c for c in found if folded(c.mail.message.subject) in shown]
        at = [(shown.rfind(folded(c.mail.text.newest)[:300]), c) for c in named or found]
        quoted = shown.rfind("what it quotes")
        before = [(n, c) for n, c in at if n < quoted or quoted < 0] or at
        return max(before, key=lambda pair: pair[0])[1] if before else None

    def _drafted(self, case: Case | None, prompt: str) -> dict[str, Any]:
        given = case.answer if case else None
        if given is None:
            return {
                "reply": "I do not know yet.",
                "reasoning": "Nothing is known.",
                "unknowns": ["the answer"],
            }
        ids = dict.fromkeys(re.findall(r"^id: (S\d+)\nnote: (.*) \(", prompt, re.MULTILINE))
        titled: dict[str, list[str]] = {}
        for id_, title in ids:
            titled.setdefault(title, []).append(id_)
        claims = [
            {"text": text, "sources": [i for note in of for i in (["mail"] if note == "mail" else titled.get(self._title(note), []))]}
            for text, of in given.claims
        ]  # fmt: skip
        return {
            "reply": given.reply,
            "reasoning": given.why,
            "claims": claims,
            "unknowns": list(given.unknowns),
        }

    def _title(self, note: str) -> str:
        if note.startswith("archive/"):
            message = read_mail((self._world.folder / note).read_bytes()).message
            own = message.sender and message.sender.key == self._world.user["address"].casefold()
            return f"Your mail of {message.date:%Y-%m-%d}: {message.subject}" if own else message.subject
        path = self._world.vault / note
        if not path.exists():
            return note
        title = str(notes.read(path.read_text("utf-8"), note).properties.get("title") or "")
        in_folder = path.stem.casefold() in ("readme", "index")
        return title or (path.parent.name if in_folder else path.stem)

    def prompted(self, vault: Path) -> list[Prompted]:
        drafts = {}
        for path in (vault / "Email" / "Drafts").glob("*.md"):
            read = notes.read(path.read_text("utf-8"), path.name)
            drafts[str(read.properties["message_id"])] = read
        found = []
        for case in self._world.cases:
            if case.disposition != "reply":
                continue
            prompt = self._prompts.get(case.name) or self._merged(case)
            note = drafts.get(str(case.mail.message.message_id))
            lane, body = (str(note.properties["lane"]), note.body) if note else ("", "")
            why = re.search(r"\*\*Why `\w+`\*\*\n\n((?:- .*\n)+)", body)
            reasons = tuple(line[2:] for line in why[1].splitlines()) if why else ()
            reply = re.search(r"reply begins %%\n\n(.*?)\n\n%%", body, re.DOTALL)
            found.append(Prompted(case, prompt, lane, reasons, reply[1] if reply else ""))
        return found

    def _merged(self, case: Case) -> str:
        """The prompt of a later mail of the same author and thread, which answers both."""
        message = case.mail.message
        return next(
            (
                self._prompts[c.name]
                for c in self._world.cases
                if c.name in self._prompts
                and c.mail.message.thread == message.thread
                and c.mail.message.sender == message.sender
            ),
            "",
        )


def ratios(name: str, by: str, found: list[Prompted]) -> list[Ratio]:
    """The figures of a world: shares of needed and of forbidden facts, and what they cost."""
    needed = [(p, f) for p in found for f in p.case.needed]
    forbidden = [(p, f) for p in found for f in p.case.forbidden]
    there = sum(p.has(f) for p, f in needed)
    tokens = sum(p.tokens for p in found)
    return [
        Ratio(f"{name}, by {by}: needed facts in the prompt", float(there), float(len(needed)), "all", NEEDED[by], "", more=True),
        Ratio(f"{name}, by {by}: forbidden facts in the prompt", float(sum(p.has(f) for p, f in forbidden)), float(len(forbidden)), "all", 0.0, ""),
        Ratio(f"{name}, by {by}: tokens a prompt", tokens / max(1, len(found)), 1.0, "", None, ""),
        Ratio(f"{name}, by {by}: tokens a needed fact", tokens / max(1, there), 1.0, "", None, ""),
    ]  # fmt: skip


def lanes(found: list[Prompted]) -> Counter[tuple[str, bool]]:
    """(lane, whether a careful user would send it) of the answers that were written by hand."""
    return Counter((p.lane, p.case.answer.sendable) for p in found if p.case.answer and p.lane)


def missing(world: str, found: list[Prompted]) -> Iterator[str]:
    """What is not as it should be."""
    for each in found:
        if not each.prompt:
            yield f"{world}/{each.case.name}: no prompt"
        for fact in each.case.needed:
            if not each.has(fact):
                yield f"{world}/{each.case.name} ({each.case.readers}): lacks {fact.words} of {fact.note}"
        for fact in each.case.forbidden:
            if each.has(fact):
                yield f"{world}/{each.case.name} ({each.case.readers}): HAS {fact.words} of {fact.note}: {fact.why}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("--show", default="")
    parser.add_argument("--json", default="")
    parser.add_argument("--worlds", default=EVALS, type=Path)
    arguments = parser.parse_args()
    every = worlds(arguments.worlds)
    if wrong := [fault for world in every for fault in faults(world)]:
        sys.exit("\n".join(wrong))
    if arguments.check:
        print(f"{len(every)} worlds, {sum(len(w.cases) for w in every)} mails: consistent")
        return
    table: Counter[tuple[str, bool]] = Counter()
    everything: dict[str, list[Prompted]] = {}
    for by, local, lookups in WAYS[: 2 + arguments.local]:
        for world in every:
            found = run(world, local=local, lookups=lookups)
            everything[f"{world.name}, {by}"] = found
            show(world.name, ratios(world.name, by, found))
            if arguments.missing:
                print("\n".join(missing(world.name, found)))
            for each in found:
                if arguments.show == f"{world.name}/{each.case.name}":
                    print(each.prompt)
            if by == "words and lookups":
                table += lanes(found)
        show("all", ratios("all", by, [p for k, v in everything.items() if k.endswith(f", {by}") for p in v]))
    print("\nlanes of the answers written by hand       would be sent   would not")
    for lane in ("ready", "check", "needs_you"):
        print(f"    {lane:38} {table[lane, True]:10} {table[lane, False]:11}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({k: [{"case": p.case.name, "prompt": p.prompt, "lane": p.lane, "reasons": p.reasons, "reply": p.reply, "sendable": p.case.answer.sendable if p.case.answer else None} for p in v] for k, v in everything.items()}, ensure_ascii=False), "utf-8")  # fmt: skip


if __name__ == "__main__":
    main()
