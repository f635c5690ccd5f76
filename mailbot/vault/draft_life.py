"""A draft note on its way: what mailbot changes in it after it was written. All else stays, byte for byte."""

from __future__ import annotations

import re

from mailbot.errors import BadData
from mailbot.vault.draft_note import BEGIN, END, HISTORY, REVISIONS, after_reply, reply_to_markdown, revision
from mailbot.vault.markdown import inline

RIVAL = "## In Drafts"
"""Where the text of Drafts stands while it and the note disagree."""
_LINE = r"[ \t]*\r?\n"


def with_reply(text: str, name: str, reply: str) -> str:
    """A draft note with another reply between its marks. Raises BadData, naming the note, if the marks are gone."""
    found = re.search(rf"{re.escape(BEGIN)}{_LINE}(.*?){re.escape(END)}", text, re.DOTALL)
    if not found:
        raise BadData(f"{name}: the lines {BEGIN!r} and {END!r} around the reply are missing")
    written = _as_in(text, f"\n{reply_to_markdown(reply)}\n\n")
    return text[: found.start(1)] + written + text[found.end(1) :]


def with_head(text: str, to: str, cc: str, subject: str) -> str:
    """A draft note whose lines above the reply say who gets it, as its properties do now. Lines that the user has taken away stay
    away."""
    begin = text.find(BEGIN)
    head, rest = (text[:begin], text[begin:]) if begin >= 0 else (text, "")
    for name, value in (("To", to), ("Cc", cc), ("Subject", subject)):
        head = _with_line(head, name, inline(value) or "-")
    return head + rest


def _with_line(head: str, name: str, value: str) -> str:
    """The head of a note with another value in one of its lines. A Cc that was not there comes below To."""
    line = re.compile(rf"^\*\*{name}:\*\* .*?(?=(?:  )?\r?$)", re.MULTILINE)
    if line.search(head):
        return line.sub(lambda _: f"**{name}:** {value}", head, count=1)
    if name != "Cc" or value == "-":
        return head
    return re.sub(
        r"^\*\*To:\*\* .*$", lambda to: f"{to[0]}\n**Cc:** {value}  ", head, count=1, flags=re.MULTILINE
    )


def with_history(text: str, at: str, what: str, link: str = "") -> str:
    """A draft note with one more line in its history, which may end in a link to another note. One that stands there already is not
    said twice in a row."""
    said = inline(what) + (f" [[{link.removesuffix('.md')}]]" if link else "")
    line = f"{at} {said}"
    _, end, section = _section(text, HISTORY)
    if end < 0:
        return text.rstrip("\r\n") + _as_in(text, f"\n\n{HISTORY}\n\n- {line}\n")
    last = section.rstrip().rpartition("\n")[2].strip()
    if re.sub(r"^- \S+ \S+ ", "", last) == said:
        return text
    kept = len(text[:end].rstrip("\r\n"))
    return text[:kept] + _as_in(text, f"\n- {line}") + (text[kept:] or "\n")


def with_revision(text: str, when: str, reply: str) -> str:
    """A draft note that keeps a reply which it showed until now, above the older ones."""
    folded = revision(when, reply)
    if folded.partition("\n")[2] in _section(text, REVISIONS)[2].replace("\r\n", "\n"):
        return text  # a run that was killed has kept it already
    if (start := _section(text, REVISIONS)[0]) >= 0:
        return text[:start] + _as_in(text, f"\n{folded}\n") + text[start:]
    new = f"{REVISIONS}\n\n{folded}\n"
    begin = _heading(text, HISTORY)
    if begin < 0:
        return text.rstrip("\r\n") + _as_in(text, f"\n\n{new}")
    return text[:begin] + _as_in(text, f"{new}\n") + text[begin:]


def with_rival(text: str, when: str, reply: str) -> str:
    """A draft note that shows the text of Drafts beside its own."""
    text = without_rival(text)
    begin = next((at for h in (REVISIONS, HISTORY) if (at := _heading(text, h)) >= 0), len(text))
    head = text[:begin].rstrip("\r\n")
    return head + _as_in(text, f"\n\n{RIVAL}\n\n{revision(when, reply)}\n\n") + text[begin:]


def without_rival(text: str) -> str:
    """A draft note in which only one text stands. What the user has written below it stays."""
    begin = _heading(text, RIVAL)
    if begin < 0:
        return text
    found = re.compile(
        rf"{re.escape(RIVAL)}[ \t]*\r?\n(?:[ \t]*\r?\n)*(?:>.*(?:\r?\n|\Z))*(?:[ \t]*\r?\n)*"
    ).match(text, begin)
    return text[:begin] + text[found.end() :] if found else text


def _heading(text: str, heading: str) -> int:
    """Where the last heading of these words begins that is mailbot's, -1 for none: the user may write the same words into the
    reply."""
    found = list(
        re.compile(rf"^{re.escape(heading)}[ \t]*\r?$", re.MULTILINE).finditer(text, after_reply(text))
    )
    return found[-1].start() if found else -1


def _section(text: str, heading: str) -> tuple[int, int, str]:
    """(where the lines under a heading begin, where they end, these lines); -1 for both where there is no such heading."""
    begin = _heading(text, heading)
    if begin < 0:
        return -1, -1, ""
    start = text.find("\n", begin) + 1 or len(text)
    following = re.compile(r"^## ", re.MULTILINE).search(text, start)
    end = following.start() if following else len(text)
    return start, end, text[start:end]


def _as_in(text: str, added: str) -> str:
    """What is added, with the line ends of the note."""
    return added.replace("\n", "\r\n") if "\r\n" in text[:2000] else added
