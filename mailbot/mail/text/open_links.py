"""The links that are open while HTML is read: what their labels say, and where it is told where they lead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mailbot.mail.text.embedded import place
from mailbot.mail.text.line import Line, Run

_LINKED = re.compile(r"(?:https?://|mailto:)\S", re.IGNORECASE)


LONGEST = 4000
"""Characters of a label that are compared with its target: links may be nested by tables, and each label holds those in it."""


@dataclass(slots=True)
class _Link:
    target: str
    above: int
    """How many lines there were when it began: none of those is its label."""
    label: list[str] = field(default_factory=list)
    said: int = 0


@dataclass(slots=True)
class OpenLinks:
    """The links around what is read, the innermost last."""

    _open: list[_Link] = field(default_factory=list)

    def begin(self, attributes: Mapping[str, str | None], above: int) -> bool:
        """A link begins under so many lines; False for an anchor that leads nowhere."""
        target = (attributes.get("href") or "").strip()
        if not _LINKED.match(target):
            return False
        self._open.append(_Link(target, above))
        return True

    def say(self, text: str) -> None:
        """Text of the innermost label, as far as it can be where a link leads."""
        if self._open and (link := self._open[-1]).said < LONGEST:
            link.label.append(text[:LONGEST])
            link.said += len(text)

    def end(self, found: list[Line], runs: list[Run]) -> bool:
        """The innermost link ends: where it leads stands behind its label, unless the label says it. True if the target stands
        in a line of its own, since the label was a block without words."""
        link = self._open.pop()
        label = " ".join("".join(link.label).split())
        self.say(label)
        if place(label) == place(link.target):
            return False
        target = Run(target=link.target)
        if runs or not label:
            runs.append(target)
            return False
        for at in range(len(found) - 1, link.above - 1, -1):  # the label was a block
            if found[at].runs:
                found[at] = found[at]._replace(runs=(*found[at].runs, target))
                return False
        runs.append(target)
        return True
