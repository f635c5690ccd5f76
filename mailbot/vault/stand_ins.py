"""Stand-ins for the characters of a stranger's text that could mean something to whatever renders or queries the vault.

Every such character is first swapped for one that no tool knows; only when the Markdown is complete do the stand-ins become
escaped characters, so nothing in between can be misread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# --- characters ----------------------------------------------------------------------------------------------------

_SPECIAL = "\\`*_{}[]<>#+-.!|~=:%$^&()"
_BASE = 0x10F800  # in Supplementary Private Use Area B: no font, no tool and no honest mail uses it
PLAIN_CHARS = [chr(_BASE + i) for i in range(len(_SPECIAL))]
_STAND_INS = f"{chr(_BASE)}-{chr(_BASE + len(_SPECIAL) - 1)}"

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U0010f800-\U0010ffff]"
)
_EMOJI_JOINER = re.compile(
    "(?<=[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f])\u200d(?=[\U0001f000-\U0001faff\u2600-\u27bf])"
)
_NON_JOINER = re.compile("(?<=[\u0600-\u06ff\u0900-\u0dff])\u200c(?=[\u0600-\u06ff\u0900-\u0dff])")
"""A zero-width non-joiner that spells a word, as in Persian and Indic scripts."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


def visible(text: str) -> str:
    """Text without hidden, zero-width, bidirectional and control characters; line ends are `\\n`.

    The joiner inside an emoji stays: it is seen. (CVE-2021-42574 for the bidirectional ones.)
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = text.replace("\u2028", "\n").replace("\u2029", "\n").replace("\x85", "\n")
    if not (_CONTROL.search(text) or (not text.isascii() and _INVISIBLE.search(text))):
        return text
    text = _EMOJI_JOINER.sub("\ue000", text.replace("\ue000", "").replace("\ue001", ""))
    text = _NON_JOINER.sub("\ue001", text)
    return _CONTROL.sub("", _INVISIBLE.sub("", text)).replace("\ue000", "\u200d").replace("\ue001", "\u200c")


def guard(text: str) -> str:
    """Swap every character that Markdown or a plugin could read for its stand-in."""
    return swapped(visible(text))


def swapped(text: str) -> str:
    """The same for text that is visible already. (`str.translate` is five times slower, since the stand-ins are not ASCII.)"""
    for character, stand_in in zip(_SPECIAL, PLAIN_CHARS, strict=True):
        if character in text:
            text = text.replace(character, stand_in)
    return text


def _plain(markdown: str) -> str:
    """Every stand-in as the character that it stands for."""
    for character, stand_in in zip(_SPECIAL, PLAIN_CHARS, strict=True):
        if stand_in in markdown:
            markdown = markdown.replace(stand_in, character)
    return markdown


_STAND_IN = re.compile(f"[{_STAND_INS}]")


def release(markdown: str) -> str:
    """Turn stand-ins into text: escaped where the character could mean something there, bare where it cannot."""
    lines = zip(markdown.split("\n"), _plain(markdown).split("\n"), strict=True)
    return "\n".join([plain if line == plain else _released(line, plain) for line, plain in lines])


_OPENING = re.compile(r"[ \t>\u00a0]*(?:(?:[-*+]|\d{1,9}[.)])[ \t>\u00a0]+)*")


def _released(line: str, plain: str) -> str:
    """One line. Block syntax (headings, lists, tasks, quotes, fences) is looked for behind any quote and list marks."""
    marks = _OPENING.match(plain)
    opening = marks.end() if marks else 0
    number = opening
    while plain[number : number + 1].isdigit():
        number += 1
    place = _Line(plain, opening, _next_closing(plain) if "[" in plain else [], number)
    out: list[str] = []
    end = 0
    for at in _places(line, place.opening):
        if plain[at] == "<" and _TAG.match(plain, at) and not _ADDRESS.match(plain, at):
            # To the older dialects of Markdown a backslash is no escape, and the tag behind it alive.
            out += (plain[end:at], "&lt;")
        elif _means(place, at):
            out += (plain[end:at], "\\", plain[at])
        else:
            continue
        end = at + 1
    return "".join((*out, plain[end:]))


def _places(line: str, opening: int) -> Iterator[int]:
    """Where in a line a stranger's character could mean something: all up to its opening, and further on only those whose
    neighbours do not rule it out at once."""
    for at in range(min(opening + 1, len(line))):
        if line[at] >= PLAIN_CHARS[0]:
            yield at
    for match in _MAY_MEAN.finditer(line, opening + 1):
        yield match.start()


def _stand_ins(characters: str) -> str:
    return "".join(PLAIN_CHARS[_SPECIAL.index(c)] for c in characters)


_COLON, _OPEN, _CLOSE = (f"[\\{c}{_stand_ins(c)}]" for c in ":[]")
_MAY_MEAN = re.compile(
    "|".join(
        (
            f"[{_stand_ins('`*_{}[<>#|~=%$^&') + _stand_ins(chr(92))}]",
            f"(?<=\\d)[{_stand_ins('.)')}]",
            f"{_stand_ins('!')}(?={_OPEN})",
            f"{_stand_ins(':')}(?!\\s|$)",
            f"(?<={_COLON}){_stand_ins(':')}",
            f"(?<={_CLOSE}){_stand_ins('(')}",
        )
    )
)
"""What `_means` may say yes to behind the opening of a line."""


_TAG = re.compile(r"<[A-Za-z/!?]")
_ADDRESS = re.compile(r"<[^<>\s@]{1,64}@[^<>\s]{1,255}>")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of Markdown in plain characters; `opening` is where its quote and list marks end; `closing` has for each
    position the next `]`, -1 for none."""

    plain: str
    opening: int
    closing: list[int]
    number: int
    """Where the digits behind the opening end."""


def _next_closing(plain: str) -> list[int]:
    found, last = [-1] * (len(plain) + 1), -1
    for at in range(len(plain) - 1, -1, -1):
        last = at if plain[at] == "]" else last
        found[at] = last
    return found


def _means(place: _Line, at: int) -> bool:
    """Whether the character, a stranger's, could mean something at this place."""
    plain, char = place.plain, place.plain[at]
    before = plain[at - 1] if at else "\n"
    after = plain[at + 1] if at + 1 < len(plain) else "\n"
    opens = at <= place.opening
    if char in "`*~<$^|":
        return True
    if char == "[":
        return _opens_bracket(place, at, before, after)
    if char == "\\":
        return not after.isalnum() and after not in " \t"
    if char == "_":
        return not (before.isalnum() and after.isalnum())
    if char == "#":
        return opens or not after.isspace()
    if char == "%":
        return before in "<%{" or after in ">}%"
    if char in "{}":
        return before == char or after == char or (char == "{" and after == "%")
    if char == ">":
        return before == "%" or opens
    if char == ":":
        return (
            before == ":"
            or after == ":"
            or (after == "/" and not plain[max(0, at - 5) : at].casefold().endswith(("http", "https")))
            or (not after.isspace() and plain[max(0, at - 10) : at].casefold().endswith(_SCHEMES))
        )
    if char == "=":
        return after == "=" or before == "=" or opens
    if char == "&":
        return after == "#" or after.isalpha()
    if char in "-+":
        return opens and after != " "  # a list item is harmless and reads well
    if char in ".)":
        return before.isdigit() and (at < place.opening or at == place.number)
    if char == "!":
        return after == "["
    if char == "(":
        return before == "]"
    return False


_SCHEMES = ("javascript", "vbscript", "data", "obsidian", "file")


def _opens_bracket(place: _Line, at: int, before: str, after: str) -> bool:
    """Whether a `[` could open a link, an embed, a wikilink, a footnote, a definition or the box of a task."""
    if before in "![]\\" or after in "[^!":
        return True
    if 0 < at <= place.opening and re.search(r"[-*+.)][ \t\u00a0]+$", place.plain[:at]):
        return True
    close = place.closing[at]
    return close < 0 or place.plain[close + 1 : close + 2] in ("(", "[", ":")


_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|&lt;")
_AUTOLINK = re.compile(r"<((?:https?|mailto):[^<>\s]+)>")


def unescape(markdown: str) -> str:
    """The text that inert Markdown made by `text_to_markdown` stands for; other text is left as it is."""
    plain = _ESCAPED.sub(lambda m: m[1] or "<", _AUTOLINK.sub(r"\1", markdown))
    return plain.replace("\u00a0", " ")
