"""The display name of an address (RFC 5322 3.4) as a person's name."""

from __future__ import annotations

import re

from mailbot.mail.message import Address


def full_name(address: Address) -> str:
    """A person's name as it is said, `Ana Ruiz`: from the display name, or from an address like ana.ruiz@; else empty."""
    name = re.sub(r"\s+", " ", address.name[:200]).strip(" \"'")
    name = re.sub(r"\s*[(\[].*?[)\]]\s*", " ", name).strip()
    if "@" in name:
        name = ""
    if match := re.fullmatch(r"([^,]+), ?([^,]+)", name):
        name = f"{match[2]} {match[1]}"
    if name:
        return (
            name
            if re.search(r"[^\W\d_]", name) and len(name) <= 60 and not re.search(r"[<>|{}\[\]/\\#^]", name)
            else ""
        )
    local = address.email.rpartition("@")[0]
    parts = re.split(r"[._-]", local)
    plain = len(parts) > 1 and all(re.fullmatch(r"[^\W\d_]{2,20}", part) for part in parts)
    return " ".join(part.capitalize() for part in parts) if plain else ""
