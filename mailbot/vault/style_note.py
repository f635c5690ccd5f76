"""Mailbot/Style.md: what was learned of the user's style, for the user to read and to change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailbot.errors import BadData
from mailbot.vault import note as notes
from mailbot.vault.entry import says_no
from mailbot.vault.files import content_hash
from mailbot.vault.markdown import inline
from mailbot.vault.note import Note

PATH = "Mailbot/Style.md"


@dataclass(frozen=True, slots=True)
class Habit:
    """How the user writes to one address: with what greeting and closing, how long, and in which mails that is seen."""

    to: str
    greeting: str
    closing: str
    words: int
    seen_in: Sequence[str]


def render(habits: Sequence[Habit], before: str = "") -> str:
    """The note's text; what `before`, the last one that mailbot wrote, says of others is kept. Its property `written` is the
    hash of its body: an edit of the user's shows."""
    parts = [
        "# How you write",
        "This is what mailbot has learned from your Sent mailbox. Edit it as you like. Once you do, mailbot still"
        " reads it for every draft, but never changes it again.",
    ]
    sections = _sections(before)
    for habit in habits:
        lines = [f"## To {inline(habit.to)}", ""]
        if habit.greeting:
            lines.append(f"- Greeting: {inline(habit.greeting)}")
        if habit.closing:
            lines.append(f"- Closing: {inline(habit.closing)}")
        lines.append(f"- Usual length: {habit.words} words")
        lines += [f"- Seen in: {source}" for source in habit.seen_in]
        sections[inline(habit.to)] = "\n".join(lines)
    parts += [sections[to] for to in sorted(sections)]
    body = "\n\n".join(parts) + "\n"
    return notes.write(Note({"type": "style", "written": content_hash(body.encode())}, body))


def users_own(text: str, to: str) -> str | None:
    """What the user's edited note says of a draft to an address: all that stands under no address, and the section of that
    one. None if the note is still as mailbot wrote it."""
    try:
        found = notes.read(text, PATH)
    except BadData:
        return ""
    if not says_no(found.properties.get("private")):
        return ""
    untouched = set(found.properties) == {"type", "written"} and found.properties["written"] == content_hash(
        found.body.encode()
    )
    if untouched:
        return None
    general = re.split(r"(?m)^## To ", found.body)[0]
    return f"{general.strip()}\n\n{_sections(found.body).get(inline(to), '')}".strip()


def _sections(text: str) -> dict[str, str]:
    """Address -> section of the note."""
    parts = re.split(r"(?m)^## To ", text)[1:]
    return {part.split("\n", 1)[0].strip(): f"## To {part.strip()}" for part in parts}
