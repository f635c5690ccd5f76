"""Note <-> text: YAML properties in front, Markdown below. The only importer of python-frontmatter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

from mailbot import yaml_bounds
from mailbot.errors import BadData
from mailbot.vault.stand_ins import visible

Properties = dict[str, Any]
_FRONT = re.compile(r"\A---[ \t]*\n((?:.*?\n)??)---[ \t]*(?:\n|\Z)", re.DOTALL)
_RAW_FRONT = re.compile(r"---[ \t]*\r?\n((?:.*?\n)??)---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_ALIAS = re.compile(r"(?:^|[\s\[{,:-])\*[^\s,\]}]", re.MULTILINE)
_MAX_FRONT = 256 * 1024
_HANDLER = YAMLHandler()


@dataclass(frozen=True, slots=True)
class Note:
    """A note: its properties in order, and its body with line ends as `\\n`."""

    properties: Properties = field(default_factory=dict)
    body: str = ""


if TYPE_CHECKING:
    from yaml import SafeDumper as _SafeDumper
else:  # libyaml's where PyYAML was built with it: ten times faster
    _SafeDumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):
    """Properties as Obsidian writes them: text in double quotes, lists on one line, one key a line."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
    plain = re.fullmatch(r"[a-z][a-z0-9_-]*", data) and data not in (
        "y",
        "n",
        "yes",
        "no",
        "on",
        "off",
        "true",
        "false",
        "null",
    )
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=None if plain else '"')


def _list(dumper: yaml.SafeDumper, data: list[Any] | tuple[Any, ...]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)


def _moment(dumper: yaml.SafeDumper, data: datetime) -> yaml.ScalarNode:
    """As Obsidian writes a date and time."""
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", data.isoformat(timespec="seconds"))


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(datetime, _moment)
_Dumper.add_representer(tuple, _list)


def read(text: str, name: str = "note") -> Note:
    """Text -> Note. A note without properties has none.

    Raises BadData, naming `name`, if the properties are no YAML mapping.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    front = _FRONT.match(text)
    if not front:
        return Note({}, text)
    if len(front[1]) > _MAX_FRONT:
        raise BadData(f"{name}: its properties are larger than {_MAX_FRONT // 1024} KB")
    try:
        if "*" in front[1] and _ALIAS.search(front[1]):  # only aliases can stand for more than is written
            yaml_bounds.check(front[1])
        properties = _HANDLER.load(front[1])
    except Exception as error:  # PyYAML raises KeyError, IndexError and more on odd tags
        raise BadData(
            f"{name}: its properties are not valid YAML ({_where(error)}); correct them in the note"
        ) from error
    if _too_long(properties):
        raise BadData(f"{name}: its properties hold a number that is too long; put it in quotes")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        raise BadData(
            f"{name}: its properties are not a list of `name: value` lines; correct them in the note"
        )
    return Note({str(k): v for k, v in properties.items()}, text[front.end() :])


def _too_long(value: object) -> bool:
    """Whether there is a number in it that Python does not write as text (YAML reads `1:1:1` as one, in base 60)."""
    if isinstance(value, dict):
        return any(_too_long(v) for pair in value.items() for v in pair)
    if isinstance(value, list):
        return any(map(_too_long, value))
    return isinstance(value, int) and value.bit_length() > 1024


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or type(error).__name__
    return f"line {mark.line + 2}: {problem}" if mark else str(problem)


def write(note: Note) -> str:
    """Note -> text; `read` of it gives the note back."""
    return front(note.properties) + note.body


def front(properties: Mapping[str, Any]) -> str:
    """Properties as they stand in front of a note's body; empty for none."""
    if not properties:
        return ""
    post = frontmatter.Post("")
    post.metadata.update(properties)
    written = frontmatter.dumps(
        post,
        handler=_HANDLER,
        Dumper=_Dumper,
        sort_keys=False,
        width=10**9,
        allow_unicode=True,
        default_flow_style=False,
    )
    return f"{written}\n"


def with_properties(text: str, changes: Mapping[str, Any]) -> str:
    """`text` with some properties set and nothing else touched: other properties, their order, comments and the
    body stay as the user left them, byte for byte. Raises BadData if that cannot be done."""
    bom = "\ufeff" if text.startswith("\ufeff") else ""
    front = _RAW_FRONT.match(text, len(bom))
    if not front:
        return bom + write(Note(dict(changes), "")) + text[len(bom) :]
    newline = "\r\n" if front[0].split("\n", 1)[0].endswith("\r") else "\n"
    lines = front[1].replace("\r\n", "\n").removesuffix("\n").split("\n") if front[1] else []
    for key, value in changes.items():
        start, end, comment, style = _place_of(key, lines)
        rendered = _rendered(key, value, style)
        if comment and len(rendered) == 1:
            rendered = [f"{rendered[0]}  {comment}"]
        lines[start:end] = rendered
    changed = bom + newline.join(["---", *lines, "---"]) + newline + text[front.end() :]
    if _names(text) - _names(changed):
        raise BadData("its properties are written in a way that mailbot cannot change without losing some")
    return changed


def _names(text: str) -> set[str]:
    """The names of a note's properties; none if they cannot be read."""
    try:
        return set(read(text).properties)
    except BadData:
        return set()


def _rendered(key: str, value: Any, style: str) -> list[str]:
    """The lines of a property, written as the user writes it: `'` or `"` around text, `plain` text or dates without quotes, `block`
    for a list with a line for each item, empty for our own way."""
    ours = write(Note({key: value}, ""))[4:].rpartition("\n---")[0].split("\n")
    if style == "block" and isinstance(value, (list, tuple)) and value:
        items = [write(Note({"x": item}, ""))[4:].rpartition("\n---")[0][3:] for item in value]
        return [f"{key}:", *(f"  - {item}" for item in items)]
    if style in ("'", "plain") and isinstance(value, str) and value and len(ours) == 1:
        bare = value if style == "plain" else "'" + value.replace("'", "''") + "'"
        line = f"{ours[0].partition(':')[0]}: {bare}"
        try:  # a date without quotes stays one; text that YAML would take for something else keeps them
            (read,) = yaml.load(line, Loader=_Loader).values()  # noqa: S506 - the safe one, as libyaml has it
        except (yaml.YAMLError, ValueError, AttributeError):
            return ours
        if read == value or (isinstance(read, date) and str(read)[: len(value)] == value):
            return [line]
    return ours


def _style(node: yaml.Node) -> str:
    """How a value is written."""
    if isinstance(node, yaml.SequenceNode):
        return "" if node.flow_style else "block"
    if not isinstance(node, yaml.ScalarNode) or not node.value:
        return ""
    return node.style or "plain"


def _place_of(key: str, lines: list[str]) -> tuple[int, int, str, str]:
    """(first line of a property, the line after its value, the comment behind it, the style of its value); the end where there is
    none. YAML itself says how far a value goes."""
    try:
        tree = yaml.compose("\n".join(lines), Loader=_Loader)
    except yaml.YAMLError:
        tree = None
    for name, value in tree.value if isinstance(tree, yaml.MappingNode) else ():
        if name.value != key:
            continue
        start, end = name.start_mark.line, value.end_mark.line + (value.end_mark.column > 0)
        end = max(end, start + 1)
        while end - 1 > start and re.match(r"\s*(#|$)", lines[end - 1]):
            end -= 1  # blank lines and comments behind a list belong to what follows
        last = lines[value.end_mark.line][value.end_mark.column :] if value.end_mark.line < len(lines) else ""
        comment = last.strip() if value.end_mark.line == end - 1 and last.lstrip().startswith("#") else ""
        return start, end, comment, _style(value)
    return len(lines), len(lines), "", ""


def front_matter(text: str) -> str:
    """The properties of a note as they stand in its file, fences, byte order mark and line ends included; empty for none."""
    bom = 1 if text.startswith("\ufeff") else 0
    front = _RAW_FRONT.match(text, bom)
    return text[: front.end()] if front else text[:bom]


def property_text(text: str) -> str:
    """A stranger's words as the value of a property: one line, nothing hidden, and nothing for a table of Dataview to
    render: no wikilink, link, image, markup, template, query, field or tag."""
    line = re.sub(r"\s+", " ", visible(text)).strip().replace("`", "'")
    line = re.sub(r"([\[\]{}:%])(?=\1)|\](?=\()|([<{])(?=%)|%(?=[>}])|!(?=\[)", lambda m: m[0] + " ", line)
    line = re.sub(r"<(?=[A-Za-z/!?])(?![^<>\s]*@[^<>\s]*>)", "‹", line)
    line = re.sub(
        r"\b(?!https?:)([A-Za-z][A-Za-z0-9+.-]{1,20}):(?=//)|\b(javascript|vbscript|data|obsidian|file):",
        r"\1\2: ",
        line,
        flags=re.I,
    )
    return re.sub(r"^#(?=\S)", "# ", line)
