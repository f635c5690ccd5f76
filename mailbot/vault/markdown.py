"""A stranger's text -> inert Markdown that says the same words.

Inert means: whatever renders or queries the vault (Obsidian, Dataview, Templater, Tasks) finds nothing in it to run,
load, link, tag or list (see `stand_ins`).
"""

from __future__ import annotations

import re

from mailbot.vault.stand_ins import release, swapped, visible

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
        lines.append(("> " * depth + no_block(body)).rstrip())
        depth_before = depth
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


_COLON, _DASH = swapped(":"), swapped("-")
_MARKERS = re.compile(f"[ {swapped('>')}]*(?:(?:[{swapped('-*+')}]|\\d{{1,9}}[{swapped('.)')}])(?: +|$))+")


def no_block(ready: str) -> str:
    """A line of stand-ins that makes neither code of its words, as five spaces behind the marker of an item would, nor the
    head of a table of the line above it, as a lone `:-` would."""
    if "     " in ready and (markers := _MARKERS.match(ready)):
        held = re.sub(r"(?<=[^ ] ) {4,}", lambda m: "\u00a0" * len(m[0]), markers[0])
        ready = held + ready[markers.end() :]
    if ready.startswith(_COLON) and _DASH in ready and not ready.strip(f"{_COLON}{_DASH} "):
        return f"\\{ready}"
    return ready


def _guarded_line(line: str) -> str:
    """One line with URLs as autolinks, all else swapped for stand-ins, and its indentation kept from being code."""
    indent = len(line) - len(line.lstrip(" "))
    out = ["\u00a0" * indent if indent > 3 else ""]
    end = indent if indent > 3 else 0
    for match in _URL.finditer(line):
        url = match[0].rstrip(".,;:!?*_~'")
        spare = url.count(")") - url.count("(")
        if spare > 0:
            url = url[: len(url) - min(spare, len(url) - len(url.rstrip(")")))]
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
