"""The mailboxes of an account: LIST, NAMESPACE, EXAMINE, SEARCH. Where a line looks strange, a server is the reason: see
docs/providers.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mailbot.errors import ServerUnavailable
from mailbot.mail.server.connection import Connection, encoded, mailbox_name
from mailbot.mail.server.listing import Opened
from mailbot.mail.server.special_use import Listed, SpecialUse, special_use

SEARCH_WINDOW = 50_000
"""UIDs asked about in one SEARCH: imaplib refuses a line of more than 1,000,000 octets."""


class Mailboxes(Connection):
    """Finds mailboxes, opens them read-only, and searches the one that is open."""

    _listed: list[Listed] | None = None
    _last_open: str | None = None

    def mailboxes(self) -> list[Listed]:
        """What LIST shows, asked once."""
        if self._listed is None:
            with self._errors("LIST failed"):
                self._listed = [
                    Listed(
                        mailbox_name(name), ascii_text(delimiter or b""), tuple(ascii_text(f) for f in flags)
                    )
                    for flags, delimiter, name in self._imap.list_folders()
                ]
        return self._listed

    def personal_namespace(self) -> str:
        """The prefix of the user's own mailboxes (RFC 2342); empty if the server has no NAMESPACE."""
        with self._errors("NAMESPACE failed"):
            if not self._imap.has_capability("NAMESPACE"):
                return ""
            personal = self._imap.namespace().personal
            return str(personal[0][0]) if personal else ""

    def find(self, use: SpecialUse, configured: str = "auto") -> str:
        """The mailbox for a use. Raises ServerUnavailable with the names that are there, where none is found."""
        name = special_use(use, self.mailboxes(), configured, self.personal_namespace())
        if name is None:
            there = ", ".join(sorted(m.name for m in self.mailboxes())[:20])
            wanted = (
                f"no mailbox {configured!r}"
                if configured != "auto"
                else f"no {use.title()} mailbox was recognised"
            )
            raise ServerUnavailable(
                f"{self._where}: {wanted}; set `{use}_mailbox` in accounts.yaml to one of: {there}"
            )
        return name

    def create(self, name: str) -> str:
        """CREATE a mailbox below the personal namespace and say its full name."""
        full = self.personal_namespace() + name
        with self._errors(f"could not create {full}"):
            self._imap.create_folder(encoded(full))
        self._listed = None
        return full

    def examine(self, name: str) -> Opened:
        """EXAMINE: read-only, by the protocol's own promise (RFC 3501 6.3.2)."""
        with self._errors(f"could not open the mailbox {name}"):
            answer = self._imap.select_folder(encoded(name), readonly=True)
            self._open = self._last_open = name
            uidnext = int(answer.get(b"UIDNEXT") or 0)
            if not uidnext:
                status = self._imap.folder_status(encoded(name), ["UIDNEXT"])
                uidnext = int(status.get(b"UIDNEXT") or 0)
            return Opened(
                name, int(answer.get(b"UIDVALIDITY") or 0), uidnext, int(answer.get(b"EXISTS") or 0)
            )

    def _reopen(self) -> None:
        """After a failure: a connection that answers, with the mailbox open as it was."""
        self.ensure()
        if self._open is None and self._last_open is not None:
            self.examine(self._last_open)

    def search(
        self, criteria: Sequence[Any], *, first: int = 1, last: int = 0, exists: int | None = None
    ) -> list[int]:
        """The UIDs from `first` to `last` (0: to the end) that match, ascending; asked in windows where the mailbox
        has more messages (`exists`) than one answer should name.

        `UID n:*` answers with the last message where n lies beyond it (RFC 3501 6.4.8): such UIDs are dropped.
        """
        found: set[int] = set()
        windows = [f"{first}:*"]
        if last and (exists is None or exists > SEARCH_WINDOW):
            starts = range(first, last + 1, SEARCH_WINDOW)
            windows = [f"{start}:{min(start + SEARCH_WINDOW - 1, last)}" for start in starts]
        for window in windows:
            with self._errors("SEARCH failed"):
                found.update(self._imap.search(["UID", window, *criteria], charset=None))
        return sorted(uid for uid in found if uid >= first and (not last or uid <= last))


def ascii_text(value: bytes) -> str:
    """A protocol word as text."""
    return value.decode("ascii", "replace")
