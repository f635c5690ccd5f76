"""A stranger's text -> inert Markdown that says the same words.

Inert means: whatever renders or queries the vault (Obsidian, Dataview, Templater, Tasks) finds nothing in it to run,
load, link, tag or list. Every character with a meaning is first swapped for a stand-in that no tool knows; only when
the Markdown is complete do the stand-ins become escaped characters, so nothing in between can be misread.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# --- characters ----------------------------------------------------------------------------------------------------

_SPECIAL = "\\`*_{}[]<>#+-.!|~=:%$^&()"
_BASE = 0x10F800  # in Supplementary Private Use Area B: no font, no tool and no honest mail uses it
GUARD = {ord(c): _BASE + i for i, c in enumerate(_SPECIAL)}
PLAIN = {stand_in: chr(c) for c, stand_in in GUARD.items()}
_STAND_INS = f"{chr(_BASE)}-{chr(_BASE + len(_SPECIAL) - 1)}"

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U0010f800-\U0010ffff]"
)
_EMOJI_JOINER = re.compile(
    "(?<=[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f])\u200d(?=[\U0001f000-\U0001faff\u2600-\u27bf])"
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


def visible(text: str) -> str:
    """Text without hidden, zero-width, bidirectional and control characters; line ends are `\\n`.

    The joiner inside an emoji stays: it is seen. (CVE-2021-42574 for the bidirectional ones.)
    """
    text = (
        text.replace("\r\n", "\n")
        .replace("\r", "\n")
        .replace("\u2028", "\n")
        .replace("\u2029", "\n")
        .replace("\x85", "\n")
    )
    if text.isascii() and not _CONTROL.search(text):
        return text
    text = _EMOJI_JOINER.sub("\ue000", text.replace("\ue000", ""))
    return _CONTROL.sub("", _INVISIBLE.sub("", text)).replace("\ue000", "\u200d")


def guard(text: str) -> str:
    """Swap every character that Markdown or a plugin could read for its stand-in."""
    return visible(text).translate(GUARD)


_STAND_IN = re.compile(f"[{_STAND_INS}]")


def release(markdown: str) -> str:
    """Turn stand-ins into text: escaped where the character could mean something there, bare where it cannot."""

    def plain(index: int) -> str:
        return PLAIN.get(ord(markdown[index]), markdown[index]) if 0 <= index < len(markdown) else "\n"

    def escape(match: re.Match[str]) -> str:
        at = match.start()
        char = PLAIN[ord(match[0])]
        return "\\" + char if _means(char, at, plain, markdown) else char

    return _STAND_IN.sub(escape, markdown)


def _means(char: str, at: int, plain: Callable[[int], str], markdown: str) -> bool:
    """Whether `char`, a stranger's, could mean something at this place."""
    before, after = plain(at - 1), plain(at + 1)
    if char in "`*~<$^|":
        return True
    if char == "[":
        return _opens_bracket(markdown, at, before, after)
    if char == "\\":
        return not after.isalnum() and after not in " \t"
    if char == "_":
        return not (before.isalnum() and after.isalnum())
    if char == "#":
        return not after.isspace() or _opens_line(markdown, at)
    if char == "%":
        return before in "<%{" or after in ">}"
    if char in "{}":
        return before == char or after == char or (char == "{" and after == "%")
    if char == ">":
        return before == "%" or _opens_line(markdown, at)
    if char == ":":
        return before == ":" or after == ":"
    if char == "=":
        return after == "=" or before == "=" or _opens_line(markdown, at)
    if char == "&":
        return after == "#" or after.isalpha()
    if char in "-+":
        return after != " " and _opens_line(markdown, at)  # a list item is harmless and reads well
    if char in ".)":
        return before.isdigit() and bool(
            re.search(r"(?:^|\n)[ \t>]*\d{1,9}$", markdown[max(0, at - 24) : at])
        )
    if char == "!":
        return after == "["
    if char == "(":
        return before == "]"
    return False


def _opens_bracket(markdown: str, at: int, before: str, after: str) -> bool:
    """Whether a `[` could open a link, an embed, a wikilink, a footnote, a definition or the box of a task."""
    if before in "![]\\" or after in "[^!":
        return True
    line_start = markdown.rfind("\n", 0, at) + 1
    line_end = markdown.find("\n", at)
    line = "".join(
        PLAIN.get(ord(c), c) for c in markdown[line_start : line_end if line_end >= 0 else len(markdown)]
    )
    here = at - line_start
    if re.fullmatch(r"[ \t>\u00a0]*(?:(?:[-*+]|\d+[.)])[ \t]+)+", line[:here]):
        return True
    close = line.find("]", here)
    return close < 0 or line[close + 1 : close + 2] in ("(", "[", ":")


def _opens_line(markdown: str, at: int) -> bool:
    start = markdown.rfind("\n", 0, at) + 1
    return not markdown[start:at].strip(" \t>")


_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_AUTOLINK = re.compile(r"<((?:https?|mailto):[^<>\s]+)>")


def unescape(markdown: str) -> str:
    """The text that inert Markdown made by `text_to_markdown` stands for; other text is left as it is."""
    return _ESCAPED.sub(r"\1", _AUTOLINK.sub(r"\1", markdown)).replace("\u00a0", " ")


# --- links ---------------------------------------------------------------------------------------------------------

_URL = re.compile(r"https?://[^\s<>\"'`{}|\\^\[\]\x00-\x20\u00a0]+", re.IGNORECASE)


def inert_url(url: str) -> str:
    """A URL that can stand between `<` and `>`, where none of its characters means anything else."""
    url = visible(url).strip()
    url = re.sub(r"[\s<>\"'`{}|\\^\[\]()]", lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), url)
    url = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", url)
    return re.sub(r"(?<!^http)(?<!^https)(?<!^mailto)::", ":%3A", url).replace("%%", "%25%")


# --- plain text ----------------------------------------------------------------------------------------------------


def text_to_markdown(text: str) -> str:
    """Plain text -> inert Markdown with the same words and lines; `>` quoting becomes block quotes."""
    return release(_guarded_text(text))


def _guarded_text(text: str) -> str:
    lines: list[str] = []
    depth_before = 0
    for line in visible(text).expandtabs(8).split("\n"):
        content, depth = line, 0
        while match := re.match(r" ?>", content):
            content, depth = content[match.end() :], depth + 1
        if depth:
            content = content.removeprefix(" ")
        body = _guarded_line(content)
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
        while url.endswith(")") and url.count(")") > url.count("("):
            url = url[:-1]
        if len(url) < 9 or url != re.sub(r"[()%:]{2,}|%%", "", url):
            continue
        out += [line[end : match.start()].translate(GUARD), f"<{url}>"]
        end = match.start() + len(url)
    out.append(line[end:].translate(GUARD))
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


_FENCE = re.compile(r"^(?P<indent> {0,3})(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)$")


def quote_note(markdown: str) -> str:
    """A passage of the user's own notes, to stand inside another note: it reads the same, and nothing in it acts twice.

    Queries and scripts become plain code, embeds become links, tasks and tags no longer count, headings no longer
    head, and every fence is closed, with a mark longer than any inside.
    """
    out: list[str] = []
    open_mark = ""
    longest = max((len(m["mark"]) for line in markdown.split("\n") if (m := _FENCE.match(line))), default=2)
    for line in markdown.split("\n"):
        fence = _FENCE.match(line)
        if fence and not open_mark:
            open_mark = fence["mark"]
            info = fence["info"].strip().split(" ")[0].lower()
            safe = info if re.fullmatch(r"[a-z0-9+#-]{1,20}", info) and info not in _LIVE else "text"
            out.append(fence["mark"][0] * longest + safe)
        elif (
            fence
            and fence["mark"][0] == open_mark[0]
            and len(fence["mark"]) >= len(open_mark)
            and not fence["info"].strip()
        ):
            out.append(open_mark[0] * longest)
            open_mark = ""
        elif open_mark:
            out.append(line.replace("<%", "<\u200a%"))
        else:
            out.append(_quote_line(line))
    if open_mark:
        out.append(open_mark[0] * longest)
    return "\n".join(out).strip("\n")


_LIVE = {"dataview", "dataviewjs", "tasks", "query", "templater", "button", "meta-bind", "meta-bind-button", "js", "run-js",
         "mermaid", "base", "embed", "tracker", "kanban", "ad-note", "leaflet", "chart", "html", "excalidraw"}  # fmt: skip


def _quote_line(line: str) -> str:
    line = re.sub(r"!(?=\[)", "", line)
    line = re.sub(
        r"^(\s*(?:>\s*)*(?:[-*+]|\d+[.)])\s+)\[(.)\](?=\s)",
        lambda m: m[1] + ("☑" if m[2] in "xX" else "☐"),
        line,
    )
    if heading := re.match(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*$", line):
        line = f"**{heading[1]}**" if heading[1] else ""
    if re.match(r"^\s{0,3}(?:-{3,}|={3,}|\*{3,}|_{3,})\s*$", line):
        line = "\\" + line.strip()
    line = re.sub(r"(?<![\w&/])#(?=[\w/])", r"\\#", line)
    line = re.sub(r"`(\s*\$?=)", r"` \1", line)
    line = line.replace("<%", "<\\%").replace("%%", "%\\%").replace("::", ":\\:")
    return re.sub(r"<(?=[A-Za-z/!?])(?!https?:|mailto:)", r"\\<", line)
