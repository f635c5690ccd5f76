"""The elements of HTML by what they do to the text in them."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.mail.text.line import PLAIN, Block

BLOCKS = frozenset(
    "address article aside blockquote center dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6"
    " header hr legend li main nav ol p pre section summary table caption tr ul".split()
)
APART = frozenset("button label optgroup option select textarea".split())
"""Parts of a form: they stand in a line, and apart from what is beside them."""
PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 table ul ol dl".split())
BOLD, ITALIC, STRUCK = (
    frozenset(("b", "strong", "th")),
    frozenset(("i", "em")),
    frozenset(("s", "del", "strike")),
)
SETS = frozenset("a blockquote caption h1 h2 h3 h4 h5 h6 li ol pre table ul".split()) | BOLD | ITALIC | STRUCK
"""Elements that say something of the text in them."""


@dataclass(slots=True)
class Element:
    """An open element, and what it says of the text in it."""

    mark: str = ""
    tiny: bool = False
    bold: bool = False
    italic: bool = False
    struck: bool = False
    block: Block = PLAIN
    """With the marker of an item until its first line has taken it."""
    data: bool = False
    """Whether it stands in a table of data."""
    link: bool = False
    """Whether it is itself a link."""
    number: int | None = None
    """The next number of an ordered list."""
