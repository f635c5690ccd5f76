"""Person notes: who an address or a name is, as far as the vault says so without a doubt."""

from __future__ import annotations

from mailbot.vault.index import Index, NoteRow


def person(index: Index, email: str, name: str = "") -> NoteRow | None:
    """The person note of an address; else the one note whose title or alias is `name` in full.

    Two people of one name are never taken for each other: an ambiguous name, or one whose note carries other
    addresses only at other domains, is nobody.
    """
    by_address = index.with_address(email) if email else []
    if len(by_address) == 1:
        return by_address[0]
    if by_address or not name or " " not in name.strip():
        return by_address[0] if len(by_address) == 1 else None
    by_name = index.with_name(name.strip())
    return by_name[0] if len(by_name) == 1 else None
