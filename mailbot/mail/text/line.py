"""A line of a mail as a reader sees it: its words, how they are dressed, and what marks the client has set on it."""

from __future__ import annotations

from typing import NamedTuple


class Run(NamedTuple):
    """Words of one dress. A run may have no words: then it is only where a link leads, or a picture."""

    text: str = ""
    bold: bool = False
    italic: bool = False
    struck: bool = False
    target: str = ""
    """Where the link leads whose label ends here."""
    image: str = ""
    """The Content-ID of a picture that stands here; `text` is what it shows in words."""
    cell: bool = False
    """Whether a cell of a table begins with it."""


class Block(NamedTuple):
    """Where a line of HTML stands."""

    quotes: int = 0
    """Blockquotes around it."""
    level: int = 0
    """Lists around it."""
    marker: str = ""
    """`-` or `1.` where a list item begins."""
    heading: int = 0
    table: int = 0
    """The number of the table of data that it is a row of; 0 for none."""
    rule: bool = False
    """A line drawn across, without words."""


PLAIN = Block()


class Line(NamedTuple):
    """A line as shown. `quoted` says that the client marked it as history; `edge` that history begins here and runs to the end;
    `signature` that the client marked it as one."""

    text: str
    start: int = 0
    """The offset in the text that it comes from; a line of HTML has none."""
    quoted: bool = False
    edge: bool = False
    signature: bool = False
    cite: bool = False
    """In a blockquote without any mark: history where an attribution stands above it."""
    ends: bool = False
    """Whether a paragraph or heading ends with it: a blank line follows."""
    pre: bool = False
    """Whether it stands in preformatted text."""
    runs: tuple[Run, ...] = ()
    """The same words with their dress, for a line of HTML."""
    block: Block = PLAIN
