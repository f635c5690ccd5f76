"""Scenarios with rubrics: a user, a vault, earlier mail and an inbox, and what each answer must and must not say. Read, and checked
for consistency; the format is in evals/README.md."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailbot.errors import BadData
from mailbot.mail.mail import Mail, read_mail


@dataclass(frozen=True)
class Fact:
    """A fact, where it stands, and the words by which it is recognised."""

    fact: str
    note: str
    words: tuple[str, ...]
    why: str = ""

    def stands_in(self, text: str) -> bool:
        """Whether a folded text has it."""
        return all(folded(w) in text for w in self.words)


@dataclass(frozen=True)
class Answer:
    """What a model might answer, and whether a careful user would send it as it is."""

    reply: str
    sendable: bool
    why: str
    claims: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unknowns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """A mail of an inbox and its rubric."""

    name: str
    raw: bytes = field(repr=False)
    mail: Mail = field(repr=False)
    disposition: str = "reply"
    readers: str = ""
    language: str = ""
    closing: str = ""
    blanks: tuple[str, ...] = ()
    needed: tuple[Fact, ...] = ()
    forbidden: tuple[Fact, ...] = ()
    answer: Answer | None = None
    asks: tuple[dict[str, Any], ...] = ()
    """What a model found that the mail asks, with searches for it; written from the mail alone."""


@dataclass(frozen=True)
class World:
    """A user, a vault, earlier mail, and an inbox."""

    name: str
    user: dict[str, Any]
    folder: Path
    sent: tuple[bytes, ...] = field(repr=False, default=())
    received: tuple[bytes, ...] = field(repr=False, default=())
    cases: tuple[Case, ...] = ()

    @property
    def vault(self) -> Path:
        return self.folder / "vault"


def folded(text: str) -> str:
    """Text without regard to case and white space, and with plain apostrophes."""
    return " ".join(text.casefold().replace("’", "'").replace("\u00a0", " ").replace("\u202f", " ").split())


def worlds(folder: Path) -> list[World]:
    """Every world of a folder, or the one that the folder is. Raises BadData if there is none, or one cannot be read."""
    found = (
        [folder]
        if (folder / "world.toml").is_file()
        else [p.parent for p in sorted(folder.glob("*/world.toml"))]
    )
    if not found:
        raise BadData(
            f"{folder}: there is no world.toml in it; evals/README.md says what a scenario looks like"
        )
    try:
        return [read(each) for each in found]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise BadData(
            f"{folder}: a scenario in it cannot be read ({type(error).__name__}: {error})"
        ) from error


def read(folder: Path) -> World:
    """One world from its folder."""
    user = tomllib.loads((folder / "world.toml").read_text("utf-8"))
    own = {a.casefold() for a in (user["address"], *user.get("aliases", ()))}
    sent: list[bytes] = []
    received: list[bytes] = []
    for path in sorted((folder / "archive").glob("*.eml")):
        raw = path.read_bytes()
        sender = read_mail(raw).message.sender
        (sent if sender and sender.key in own else received).append(raw)
    cases = tuple(_case(folder, path) for path in sorted((folder / "inbox").glob("*.eml")))
    return World(folder.name, user, folder, tuple(sent), tuple(received), cases)


def _case(folder: Path, path: Path) -> Case:
    raw = path.read_bytes()
    rubric = tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))
    triaged = folder / "triage" / f"{path.stem}.toml"
    given = folder / "answers" / f"{path.stem}.toml"
    return Case(
        path.stem,
        raw,
        read_mail(raw),
        rubric["disposition"],
        rubric.get("readers", ""),
        rubric.get("language", ""),
        rubric.get("closing", ""),
        tuple(rubric.get("blanks", ())),
        _facts(rubric.get("needed", ())),
        _facts(rubric.get("forbidden", ())),
        _answer(tomllib.loads(given.read_text("utf-8"))) if given.exists() else None,
        tuple(tomllib.loads(triaged.read_text("utf-8"))["asks"]) if triaged.exists() else (),
    )


def _facts(rows: Any) -> tuple[Fact, ...]:
    return tuple(Fact(r["fact"], r["note"], tuple(r["words"]), r.get("why", "")) for r in rows)


def _answer(given: dict[str, Any]) -> Answer:
    claims = tuple((c["text"], tuple(c["notes"])) for c in given.get("claims", ()))
    return Answer(
        given["reply"].strip("\n"), given["sendable"], given["why"], claims, tuple(given.get("unknowns", ()))
    )


def faults(world: World) -> Iterator[str]:
    """What is not consistent: words that do not stand where a rubric says, or that stand in the mail itself."""
    for case in world.cases:
        mail = folded(f"{case.mail.message.subject} {case.mail.text.plain('newest')}")
        for fact in (*case.needed, *case.forbidden):
            base = world.folder if fact.note.startswith("archive/") else world.vault
            path = base / fact.note
            if not path.exists():
                yield f"{world.name}/{case.name}: {fact.note} does not exist"
            elif not fact.stands_in(folded(_text(path))):
                yield f"{world.name}/{case.name}: {fact.words} do not stand in {fact.note}"
            if fact.stands_in(mail):
                yield f"{world.name}/{case.name}: {fact.words} stand in the mail itself"


def _text(path: Path) -> str:
    if path.suffix == ".eml":
        return read_mail(path.read_bytes()).text.plain("newest", "quoted", "forwarded", "signature")
    return path.read_text("utf-8")
