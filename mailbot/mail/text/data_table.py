"""Which tables of a mail hold data: most only lay it out."""

from __future__ import annotations

from selectolax.lexbor import LexborNode

LONGEST = 300
"""Characters of a cell of data."""
COLUMNS = 30
"""Columns of a table of data: each row is filled up to the widest."""


def holds_data(table: LexborNode) -> bool:
    """Whether a table has rows of about equal length, two cells or more each, no table inside, and short cells. One with a head
    may have cells that span columns."""
    if len(table.css("table")) > 1:  # it finds itself too
        return False
    rows: list[int] = []
    widths: list[int] = []
    headed = False
    for row in table.css("tr"):
        cells = [c for c in row.iter() if c.tag in ("td", "th")]
        if len(cells) > COLUMNS or any(len(cell.text().strip()) > LONGEST for cell in cells):
            return False
        headed = headed or any(c.tag == "th" for c in cells)
        if cells:
            rows.append(len(cells))
            widths.append(sum(map(_span, cells)))
    if headed and rows and max(rows) > 1:
        return max(widths) - min(widths) <= 1
    return len(rows) > 1 and min(rows) > 1 and max(rows) - min(rows) <= 1


def _span(cell: LexborNode) -> int:
    """How many columns a cell takes."""
    span = (cell.attributes.get("colspan") or "").strip()
    return max(1, int(span)) if span.isascii() and span.isdigit() and len(span) < 4 else 1
