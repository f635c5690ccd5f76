"""Which tables of a mail hold data: most only lay it out."""

from __future__ import annotations

from selectolax.lexbor import LexborNode

LONGEST = 300
"""Characters of a cell of data."""
ROWS = 2000


def holds_data(table: LexborNode) -> bool:
    """Whether a table has rows of about equal length, two cells or more each, no table inside, and short cells."""
    if len(table.css("table")) > 1:  # it finds itself too
        return False
    rows: list[int] = []
    headed = False
    for row in table.css("tr")[:ROWS]:
        cells = [c for c in row.iter() if c.tag in ("td", "th")]
        if any(len(cell.text().strip()) > LONGEST for cell in cells):
            return False
        headed = headed or any(c.tag == "th" for c in cells)
        if cells:
            rows.append(len(cells))
    regular = len(rows) > 1 and min(rows) > 1 and max(rows) - min(rows) <= 1
    return regular or (headed and bool(rows) and max(rows) > 1)
