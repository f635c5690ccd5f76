"""YAML that would blow up: nesting without end, anchors that name themselves, aliases of aliases of aliases."""

from __future__ import annotations

import yaml

DEPTH = 50
NODES = 20_000
"""Values, each alias counted as all that it stands for."""


def check(text: str) -> None:
    """Raises ValueError, in words, for YAML that is no settings or properties of anybody's; yaml.YAMLError for what is none. Takes
    time and memory by the length of the text, whatever it stands for."""
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []
    """(anchor, values so far) of the lists and mappings that are open."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, 1))
            if len(open_) > DEPTH:
                raise ValueError(f"line {_line(event)}: it is nested more than {DEPTH} deep")
            continue
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_):
                raise ValueError(f"line {_line(event)}: *{event.anchor} stands inside of itself")
            anchor, size = None, sizes.get(event.anchor or "", 1)
        elif isinstance(event, yaml.ScalarEvent):
            anchor, size = event.anchor, 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_.pop()
        else:
            continue
        if anchor:
            sizes[anchor] = size
        if size > NODES:
            raise ValueError(f"line {_line(event)}: it stands for more than {NODES:,} values")
        if open_:
            outer, count = open_[-1]
            open_[-1] = outer, count + size


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
