"""Every email note and every draft note of a vault, wherever it lies, as the index knows them."""

from __future__ import annotations

from mailbot.vault.index import Index


def every_mail(index: Index) -> list[tuple[str, str, str]]:
    """(path, hash, Message-ID) of every email note, by path; the hash is empty where the user has taken it out."""
    sql = "SELECT path, sha256, message_id FROM note WHERE sha256 <> '' OR type = 'email' ORDER BY path"
    return index.database.execute(sql).fetchall()


def every_draft(index: Index) -> list[str]:
    """The paths of every draft note."""
    sql = "SELECT path FROM note WHERE type = 'email-draft' ORDER BY path"
    return [path for (path,) in index.database.execute(sql)]
