"""A stranger's text -> inert Markdown that says the same words.

Inert means: whatever renders or queries the vault (Obsidian, Dataview, Templater, Tasks) finds nothing in it to run,
load, link, tag or list. Every character with a meaning is first swapped for a stand-in that no tool knows; only when
the Markdown is complete do the stand-ins become escaped characters, so nothing in between can be misread.
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
    opening = _OPENING.match(plain)
    place = _Line(plain, opening.end() if opening else 0, _next_closing(plain) if "[" in plain else [])
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
            or (after == "/" and not plain[:at].casefold().endswith(("http", "https")))
            or (not after.isspace() and plain[max(0, at - 10) : at].casefold().endswith(_SCHEMES))
        )
    if char == "=":
        return after == "=" or before == "=" or opens
    if char == "&":
        return after == "#" or after.isalpha()
    if char in "-+":
        return opens and after != " "  # a list item is harmless and reads well
    if char in ".)":
        return before.isdigit() and (at < place.opening or plain[place.opening : at].isdigit())
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


# --- links ---------------------------------------------------------------------------------------------------------

_URL = re.compile(r"https?://[^\s<>\"'`{}|\\^\[\]\x00-\x20\u00a0]+", re.IGNORECASE)


def inert_url(url: str) -> str:
    """A URL that can stand between `<` and `>`, where none of its characters means anything else."""
    url = visible(url).strip()
    url = re.sub(r"[\s<>\"'`{}|\\^\[\]()]", lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), url)
    url = re.sub(r"%(?=%)", "%25", url)
    return re.sub(r":(?=:)", "%3A", url)


# --- plain text ----------------------------------------------------------------------------------------------------


MAX_DEPTH = 20
"""Quote marks that are kept as such."""
_QUOTE_MARK = re.compile(r"(?: ?>)*")


def text_to_markdown(text: str) -> str:
    """Plain text -> inert Markdown with the same words and lines; `>` quoting becomes block quotes."""
    return release(_guarded_text(text))


def _guarded_text(text: str) -> str:
    lines: list[str] = []
    depth_before = 0
    text = visible(text).expandtabs(8)
    for line, ready in zip(text.split("\n"), swapped(text).split("\n"), strict=True):
        mark = _QUOTE_MARK.match(line) if ">" in line[:2] else None
        depth = min(mark[0].count(">"), MAX_DEPTH) if mark else 0
        start = 0
        if mark and depth:
            start = mark.end() + line.startswith(" ", mark.end())
        body = (
            _guarded_line(line[start:])
            if "://" in line or line[start : start + 4] == "    "
            else ready[start:]
        )
        if depth < depth_before and body.strip():
            # Without it Markdown would carry the block quote on into this line (CommonMark 5.1, laziness).
            lines.append("> " * depth if depth else "")
        lines.append(("> " * depth + body).rstrip())
        depth_before = depth
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _guarded_line(line: str) -> str:
    """One line with URLs as autolinks, all else swapped for stand-ins, and its indentation kept from being code."""
    indent = len(line) - len(line.lstrip(" "))
    out = ["\u00a0" * indent if indent > 3 else ""]
    end = indent if indent > 3 else 0
    for match in _URL.finditer(line):
        url = match[0].rstrip(".,;:!?*_~'")
        spare = url.count(")") - url.count("(")
        while spare > 0 and url.endswith(")"):
            url, spare = url[:-1], spare - 1
        if len(url) < 9 or url != re.sub(r"[()%:]{2,}|%%", "", url):
            continue
        out += [swapped(line[end : match.start()]), f"<{url}>"]
        end = match.start() + len(url)
    out.append(swapped(line[end:]))
    return "".join(out)


# --- putting things into a note ------------------------------------------------------------------------------------


def callout(kind: str, title: str, markdown: str, *, folded: bool = True) -> str:
    """An Obsidian callout round inert Markdown; folded ones are shut until they are clicked."""
    head = f"> [!{kind}]{'-' if folded else ''} {title}"
    return f"{head}\n{block_quote(markdown)}"


def block_quote(markdown: str) -> str:
    """Markdown as a block quote; two spaces at the end of a line stay, they break it."""
    return "\n".join(f"> {line}" if line.strip() else ">" for line in markdown.split("\n"))


def inline(text: str) -> str:
    """A stranger's words for one line of a note (a subject, a name): inert, and never a new line."""
    return text_to_markdown(re.sub(r"\s+", " ", text).strip()).replace("\n", " ")


_MARKS = r"(?P<marks>[ \t]*(?:(?:>|[-*+]|\d{1,9}[.)])[ \t]*)*)"
_FENCE = re.compile(rf"^{_MARKS}(?P<fence>`{{3,}}|~{{3,}})(?P<info>[^\n]*)$")
_TASK = re.compile(r"^([ \t]*(?:(?:>|[-*+]|\d{1,9}[.)])[ \t]+)*(?:[-*+]|\d{1,9}[.)])[ \t]+)\[(.)\](?=\s)")


def quote_note(markdown: str) -> str:
    """A passage of the user's own notes, to stand inside another note: it reads the same, and nothing in it acts twice.

    Queries and scripts become plain code, embeds become links, tasks and tags no longer count, headings no longer
    head, and every fence is closed, with a mark longer than any inside.
    """
    out: list[str] = []
    opened = ""
    longest = max((len(m["fence"]) for line in markdown.split("\n") if (m := _FENCE.match(line))), default=2)
    for line in markdown.split("\n"):
        fence = _FENCE.match(line)
        if fence and not opened:
            opened = fence["fence"]
            info = fence["info"].strip().split(" ")[0].lower()
            safe = info if re.fullmatch(r"[a-z0-9+#-]{1,20}", info) and info not in _LIVE else "text"
            out.append(opened[0] * longest + safe)
        elif fence and fence["fence"].startswith(opened) and not fence["info"].strip():
            out.append(opened[0] * longest)
            opened = ""
        elif opened:
            out.append(line.replace("<%", "<\u200a%"))
        else:
            out.append(_quote_line(line))
    if opened:
        out.append(opened[0] * longest)
    return "\n".join(out).strip("\n")


_LIVE = {"dataview", "dataviewjs", "tasks", "query", "templater", "button", "meta-bind", "meta-bind-button", "js", "run-js",
         "mermaid", "base", "embed", "tracker", "kanban", "ad-note", "leaflet", "chart", "html", "excalidraw"}  # fmt: skip


def _quote_line(line: str) -> str:
    line = re.sub(r"!+(?=\[)", "", line)
    line = _TASK.sub(lambda m: m[1] + ("☑" if m[2] in "xX" else "☐"), line)
    if heading := re.match(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*$", line):
        line = f"**{heading[1]}**" if heading[1] else ""
    if re.match(r"^\s{0,3}(?:-{3,}|={3,}|\*{3,}|_{3,})\s*$", line):
        line = "\\" + line.strip()
    line = re.sub(r"(?<![\w&/])#(?=[^\s#])", r"\\#", line)
    line = re.sub(r"`+(\s*\$?=[^`]*)`+", r"'\1'", line)
    line = re.sub(r"\]\(\s*<?(?!https?:|mailto:|[^():]*\))", r"]\\(", line)
    line = re.sub(r"<(?=%)|%(?=[%>])|:(?=:)", lambda m: m[0] + "\\", line)
    return re.sub(r"<(?=[A-Za-z/!?])(?!https?:|mailto:)", r"\\<", line)
