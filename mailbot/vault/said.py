"""What an email note says in its mail's own words."""

from __future__ import annotations

import re


def said(body: str) -> str:
    """The newest text of an email note: without its title and header lines, and without the folded callouts."""
    lines = []
    for line in body.split("\n"):
        if line.startswith(("> ", ">")) or re.match(r"#+ |\*\*(?:From|To|Cc|Date):\*\*|- \[\[", line):
            continue
        lines.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
