"""A draft note, read back as the user may have left it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailbot.errors import BadData
from mailbot.vault import note as notes
from mailbot.vault.draft_note import BEGIN, END, HISTORY, REVISIONS, after_reply
from mailbot.vault.stand_ins import unescape


@dataclass(frozen=True, slots=True)
class ReadDraft:
    """What a draft note says now, after the user may have edited it. `reply` is plain text again; `to`, `cc` and `attach` are as
    they are written, `resolve` is which text the user has chosen in a conflict."""

    status: str
    original: str
    draft_message_id: str
    reply: str
    to: tuple[str, ...] = ()
    to_name: str = ""
    cc: tuple[str, ...] = ()
    subject: str = ""
    attach: tuple[str, ...] = ()
    resolve: str = ""
    model: str = ""
    earlier: tuple[tuple[str, str], ...] = ()
    lane_reasons: tuple[str, ...] = ()
    history: tuple[str, ...] = ()


_LANE = re.compile(r"^\*\*Why `\w+`\*\*\n\n((?:.+\n)+)", re.MULTILINE)
_REVISION = re.compile(r"^> \[!quote\]- (.*)\n((?:>.*\n?)*)", re.MULTILINE)


def parse(text: str, name: str) -> ReadDraft:
    """Read a draft note back.

    Raises BadData, naming the note, if its properties are broken or the marks round the reply are gone.
    """
    note = notes.read(text, name)
    said = note.properties
    found = re.search(rf"{re.escape(BEGIN)}\n(.*?)\n?{re.escape(END)}", note.body, re.DOTALL)
    if not found:
        raise BadData(
            f"{name}: the lines {BEGIN!r} and {END!r} around the reply are missing; put them back around your text"
        )
    return ReadDraft(
        status=one_text(said.get("status")).casefold(),
        original=_text(said.get("original")),
        draft_message_id=_text(said.get("draft_message_id")),
        reply=unescape(_unmarked(found[1]).strip("\n")),
        to=_texts(said.get("to")),
        to_name=_text(said.get("to_name")),
        cc=_texts(said.get("cc")),
        subject=_text(said.get("subject")),
        attach=_texts(said.get("attach")),
        resolve=one_text(said.get("resolve")).casefold(),
        model=_text(said.get("model")),
        earlier=_read_revisions(note.body),
        lane_reasons=_read_reasons(note.body),
        history=history_in(note.body),
    )


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _unmarked(reply: str) -> str:
    """A reply without a mark that stands in it twice: no reader is to see it."""
    return "\n".join(line for line in reply.split("\n") if line.strip() not in (BEGIN, END))


def one_text(value: object) -> str:
    """A property as a text, also where Obsidian has made a list of it."""
    return _text(value[0] if isinstance(value, list) and len(value) == 1 else value)


def _texts(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    # A link without quotes is a list in a list to YAML.
    values = [f"[[{each[0]}]]" if isinstance(each, list) and len(each) == 1 else each for each in values]
    values = [f"[[{values[0][0]}]]"] if len(values) == 1 and isinstance(values[0], list) else values
    return tuple(text for each in values if (text := _text(each)))


def history_in(body: str) -> tuple[str, ...]:
    """The lines of a draft note's history."""
    _, heading, section = body[after_reply(body) :].rpartition(f"\n{HISTORY}\n")
    section = re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0] if heading else ""
    return tuple(line[2:] for line in section.splitlines() if line.startswith("- "))


def _read_reasons(body: str) -> tuple[str, ...]:
    found = _LANE.search(body)
    return tuple(unescape(line).removeprefix("- ") for line in found[1].splitlines()) if found else ()


def _read_revisions(body: str) -> tuple[tuple[str, str], ...]:
    _, heading, section = body[after_reply(body) :].rpartition(f"\n{REVISIONS}\n")
    if not heading:
        return ()
    section = section.partition(f"\n{HISTORY}\n")[0]
    revisions = []
    for match in _REVISION.finditer(section):
        text = "\n".join(
            line[2:] if line.startswith("> ") else line[1:] for line in match[2].rstrip("\n").split("\n")
        )
        revisions.append((unescape(match[1]), unescape(text)))
    return tuple(revisions)
