"""A reader of Obsidian's Bases, after the documented format (help.obsidian.md: Bases syntax, Formulas, Functions, Views). It checks a
`.base` file, and shows what a view of it would list for the notes of a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from mailbot.vault import note as notes

TOP = {"filters", "formulas", "properties", "summaries", "views"}
VIEW = {"type", "name", "limit", "filters", "groupBy", "order", "sort", "summaries", "columnSize"}
TYPES = {"table", "cards", "list", "map"}
FILE_PROPERTIES = {
    "backlinks",
    "ctime",
    "embeds",
    "ext",
    "file",
    "folder",
    "links",
    "mtime",
    "name",
    "path",
    "properties",
    "size",
    "tags",
}
METHODS = {
    "file": {"asLink", "hasLink", "hasProperty", "hasTag", "inFolder"},
    "any": {"isTruthy", "isType", "toString"},
    "date": {"date", "format", "time", "relative", "isEmpty"},
    "string": {
        "contains",
        "containsAll",
        "containsAny",
        "startsWith",
        "endsWith",
        "isEmpty",
        "lower",
        "replace",
        "slice",
        "split",
        "title",
        "trim",
    },
    "list": {
        "contains",
        "containsAll",
        "containsAny",
        "filter",
        "flat",
        "isEmpty",
        "join",
        "map",
        "reverse",
        "slice",
        "sort",
        "unique",
    },
}
GLOBALS = {
    "date",
    "duration",
    "file",
    "icon",
    "if",
    "image",
    "link",
    "list",
    "max",
    "min",
    "now",
    "number",
    "today",
}
_TOKEN = re.compile(
    r"\s*(?:(\"(?:[^\"\\]|\\.)*\"|'[^']*')|([A-Za-z_]\w*)|(\d+(?:\.\d+)?)|(==|!=|>=|<=|&&|\|\||[.()\[\],!<>+*/%-]))"
)


class BadBase(AssertionError):
    """The file is not of the documented format."""


def check(text: str) -> dict[str, Any]:
    """The base, if Obsidian would take it as it is meant. Raises BadBase."""
    base = yaml.safe_load(text)
    _require(isinstance(base, dict) and set(base) <= TOP, f"unknown keys: {set(base) - TOP}")
    formulas = base.get("formulas", {})
    for name, expression in formulas.items():
        _require(isinstance(expression, str), f"the formula {name} is no text")
        _expression(expression, formulas)
    for name, settings in base.get("properties", {}).items():
        _property(name, formulas)
        _require(set(settings) <= {"displayName"}, f"{name}: {settings}")
    _filters(base.get("filters"), formulas)
    _require(bool(base.get("filters")), "a base without a filter lists the whole vault")
    views = base.get("views")
    _require(isinstance(views, list) and views, "there is no view")
    names = [view.get("name") for view in views]
    _require(len(set(names)) == len(names), "two views have one name")
    for view in views:
        _require(set(view) <= VIEW, f"unknown keys in a view: {set(view) - VIEW}")
        _require(view.get("type") in TYPES and isinstance(view.get("name"), str), "type or name of a view")
        _filters(view.get("filters"), formulas)
        for name in view.get("order", []):
            _property(name, formulas)
        for each in [*view.get("sort", []), *([view["groupBy"]] if "groupBy" in view else [])]:
            _require(
                set(each) == {"property", "direction"} and each["direction"] in ("ASC", "DESC"), str(each)
            )
            _property(each["property"], formulas)
    return dict(base)


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise BadBase(why)


def _property(name: str, formulas: dict[str, str]) -> None:
    kind, _, rest = name.partition(".")
    if kind == "formula":
        _require(rest in formulas, f"{name}: there is no such formula")
    elif kind == "file":
        _require(rest in FILE_PROPERTIES, f"{name}: no property of files")
    else:
        _require(bool(re.fullmatch(r"(note\.)?[A-Za-z_][\w-]*", name)), f"{name}: no property")


def _filters(value: Any, formulas: dict[str, str]) -> None:
    if value is None:
        return
    if isinstance(value, str):
        _expression(value, formulas)
        return
    _require(
        isinstance(value, dict) and len(value) == 1 and set(value) <= {"and", "or", "not"},
        f"a filter: {value}",
    )
    for inner in next(iter(value.values())):
        _filters(inner, formulas)


@dataclass
class Seen:
    """What an expression is evaluated for: a note, and the note that embeds the base."""

    path: str
    properties: dict[str, Any]
    links: set[str]
    this: str = ""


class Undefined:
    """What a property that is not there is."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = Undefined()


def _expression(text: str, formulas: dict[str, str], seen: Seen | None = None) -> Any:
    """Parse, and where there is something to see, evaluate. Precedence: || below && below comparison below + -."""
    tokens = _tokens(text)
    parser = _Parser(tokens, formulas, seen, text)
    value = parser.either()
    _require(parser.at == len(tokens), f"{text}: what is {tokens[parser.at :]}?")
    return value


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        _require(match is not None, f"{text}: at {text[at:]!r}")
        assert match
        found.append(match[0].strip())
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str], formulas: dict[str, str], seen: Seen | None, text: str) -> None:
        self.tokens, self.formulas, self.seen, self.text, self.at = tokens, formulas, seen, text, 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        _require(
            bool(token) and wanted in ("", token), f"{self.text}: expected {wanted or 'more'}, got {token!r}"
        )
        self.at += 1
        return token

    def either(self) -> Any:
        value = self.both()
        while self.peek() == "||":
            self.take()
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        value = self.compared()
        while self.peek() == "&&":
            self.take()
            other = self.compared()
            value = value and other
        return value

    def compared(self) -> Any:
        value = self.unary()
        if self.peek() in ("==", "!="):
            operator, other = self.take(), self.unary()
            return (value == other) == (operator == "==")
        return value

    def unary(self) -> Any:
        if self.peek() == "!":
            self.take()
            return not self.unary()
        return self.member()

    def member(self) -> Any:
        value, kind = self.atom()
        while self.peek() == ".":
            self.take()
            name = self.take()
            if self.peek() == "(":
                _require(
                    any(name in methods for methods in METHODS.values()), f"{self.text}: no function {name}"
                )
                value, kind = self.called(value, kind, name, self.arguments()), "value"
            else:
                value, kind = self.property(value, kind, name)
        return value

    def arguments(self) -> list[Any]:
        self.take("(")
        found = []
        while self.peek() != ")":
            found.append(self.either())
            if self.peek() == ",":
                self.take()
        self.take(")")
        return found

    def atom(self) -> tuple[Any, str]:
        token = self.take()
        if token == "(":
            value = self.either()
            self.take(")")
            return value, "value"
        if token[0] in "\"'":
            return token[1:-1], "value"
        if token[0].isdigit():
            return float(token), "value"
        if token in ("file", "note", "formula", "this"):
            return (self.seen.this if self.seen and token == "this" else None), token
        if token in ("true", "false"):
            return token == "true", "value"
        if self.peek() == "(":
            _require(token in GLOBALS, f"{self.text}: no function {token}")
            return self.arguments()[0], "value"
        return self.property(None, "note", token)

    def property(self, value: Any, kind: str, name: str) -> tuple[Any, str]:
        if kind == "note":
            return (self.seen.properties.get(name, UNDEFINED) if self.seen else UNDEFINED), "value"
        if kind == "formula":
            _require(name in self.formulas, f"{self.text}: there is no formula {name}")
            return _expression(self.formulas[name], self.formulas, self.seen), "value"
        if kind == "this":
            _require(name == "file", f"{self.text}: this.{name}")
            return value, "value"
        _require(kind == "file" and name in FILE_PROPERTIES, f"{self.text}: no property {name}")
        path = PurePosixPath(self.seen.path) if self.seen else PurePosixPath("x.md")
        return {"name": path.name, "path": str(path), "ext": path.suffix[1:], "folder": str(path.parent)}.get(
            name
        ), "value"

    def called(self, value: Any, kind: str, name: str, arguments: list[Any]) -> Any:
        if kind == "file":
            _require(name in METHODS["file"], f"{self.text}: file.{name}")
            if self.seen is None:
                return None
            if name == "inFolder":
                return self.seen.path.startswith(f"{arguments[0]}/")
            if name == "hasLink":
                return arguments[0] in self.seen.links
            return f"[[{self.seen.path}|{arguments[0] if arguments else ''}]]"
        _require(name not in METHODS["file"], f"{self.text}: {name} is a function of files")
        if name == "relative":
            _require(
                self.seen is None or isinstance(value, (date, datetime)) or _is_moment(value),
                f"{self.text}: {value!r} is no date",
            )
            return str(value)
        return value


def _is_moment(value: object) -> bool:
    return isinstance(value, str) and bool(
        re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?)?", value)
    )


def rows(base: dict[str, Any], view: str, vault: Path, this: str = "") -> list[dict[str, Any]]:
    """What a view lists: the values of its columns for each note that passes the filters, sorted as it says. `this` is the path of the
    note that embeds it."""
    (shown,) = [v for v in base["views"] if v["name"] == view]
    formulas = base.get("formulas", {})
    found = []
    for seen in _notes(vault, this):
        if all(_passes(f, formulas, seen) for f in (base.get("filters"), shown.get("filters"))):
            found.append((seen, {name: _expression(name, formulas, seen) for name in shown["order"]}))
    for each in reversed(shown.get("sort", [])):
        found.sort(
            key=lambda pair: str(_expression(each["property"], formulas, pair[0])),
            reverse=each["direction"] == "DESC",
        )
    return [row for _, row in found]


def _notes(vault: Path, this: str) -> Iterator[Seen]:
    for path in sorted(vault.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        read = notes.read(text)
        links = {m.split("|")[0].removesuffix(".md") for m in re.findall(r"\[\[([^\[\]]+)\]\]", text)}
        yield Seen(str(path.relative_to(vault)), read.properties, links, this.removesuffix(".md"))


def _passes(value: Any, formulas: dict[str, str], seen: Seen) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        return bool(_expression(value, formulas, seen))
    ((how, inner),) = value.items()
    passed = [_passes(each, formulas, seen) for each in inner]
    return all(passed) if how == "and" else any(passed) if how == "or" else not any(passed)
