"""What stands beside a mail in its thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Place = tuple[str, str]
"""(the moment of a mail as sortable text, the path of its note)."""


def neighbours(places: Iterable[Place]) -> Mapping[str, tuple[str, str]]:
    """The path of each mail's note -> (that of the mail before it in time, that of the one after); empty texts at the ends. A mail
    that nothing dates stands beside none."""
    ordered = [path for _, path in sorted({place for place in places if place[0]})]
    before, after = ["", *ordered[:-1]], [*ordered[1:], ""]
    return {path: (b, a) for path, b, a in zip(ordered, before, after, strict=True)}
