"""format=flowed (RFC 3676)."""

from __future__ import annotations

from email.message import Message as Part


def unflowed(part: Part, text: str) -> str:
    """RFC 3676 4: join the lines that end in a soft break, at one depth of quoting."""
    if str(part.get_param("format") or "").lower() != "flowed":
        return text
    delsp = str(part.get_param("delsp") or "").lower() == "yes"
    out: list[list[str]] = []
    open_depth: int | None = None
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:].removeprefix(" ")
        soft = content.endswith(" ") and content != "-- "
        if soft and delsp:
            content = content[:-1]
        if open_depth == depth and content != "-- ":
            out[-1].append(content)
        else:
            out.append([">" * depth + (" " if depth and content else ""), content])
        open_depth = depth if soft else None
    return "\n".join("".join(pieces) for pieces in out)
