"""The mailboxes of an account: LIST, NAMESPACE, EXAMINE, SEARCH. Where a line looks strange, a server is the reason: see
docs/providers.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mailbot.effect import Effect
from mailbot.errors import NoSuchMailbox, ServerUnavailable
from mailbot.mail.server.answer import encoded, mailbox_name, shown
from mailbot.mail.server.connection import Connection
from mailbot.mail.server.listing import HIGHEST, Opened, number
from mailbot.mail.server.special_use import Listed, SpecialUse, special_use

SEARCH_WINDOW = 50_000
"""Messages asked about in one SEARCH, so that no answer names more."""
WINDOWS = 100
"""Of that many; the last one has no end. No mailbox holds five million messages."""


class Mailboxes(Connection):
    """Finds mailboxes, opens them read-only, and searches the one that is open."""

    _listed: list[Listed] | None = None
    _raw: Mapping[str, bytes] = MappingProxyType({})
    """Names as LIST has sent them."""
    _last_open: str | None = None

    def mailboxes(self) -> list[Listed]:
        """What LIST shows, asked once."""
        if self._listed is None:
            with self._errors("LIST failed"):
                listed = self._imap.list_folders()
            self._raw = {mailbox_name(name): name for *_, name in listed if isinstance(name, bytes)}
            self._listed = [
                Listed(mailbox_name(name), ascii_text(delimiter or b""), tuple(ascii_text(f) for f in flags))
                for flags, delimiter, name in listed
            ]
        return self._listed

    def _sent_as(self, name: str) -> bytes:
        """A mailbox's name as the server itself has sent it, which may be no modified UTF-7; else in that."""
        return self._raw.get(name) or encoded(name)

    def personal_namespace(self) -> str:
        """The prefix of the user's own mailboxes (RFC 2342); empty if the server has no NAMESPACE, or
        answers without sense."""
        try:
            with self._errors("NAMESPACE failed"):
                if not self._imap.has_capability("NAMESPACE"):
                    return ""
                personal = self._imap.namespace().personal
                return mailbox_name(personal[0][0]) if personal else ""
        except ServerUnavailable:  # an answer without sense: the names that are listed must do
            self._reopen()
            return ""

    def find(self, use: SpecialUse, configured: str = "auto") -> str:
        """The mailbox for a use. Raises NoSuchMailbox with the names that are there, where none is found, and ServerUnavailable where
        that could not be asked."""
        name = special_use(use, self.mailboxes(), configured, self.personal_namespace())
        if name is None:
            wanted = (
                f"no mailbox {configured!r}"
                if configured != "auto"
                else f"no {use.title()} mailbox was recognised"
            )
            raise NoSuchMailbox(
                f"{self._where}: {wanted}; set `{use}_mailbox` in accounts.yaml to one of: {self.names()}"
            )
        return name

    def names(self) -> str:
        """The first mailboxes that can be opened, for a message."""
        return ", ".join(sorted(shown(m.name) for m in self.mailboxes() if m.selectable)[:20])

    def create(self, name: str) -> str:
        """CREATE a mailbox below the personal namespace and say its full name."""
        full = self.personal_namespace() + name
        with self._errors(f"could not create {shown(full)}"), Effect.MAILBOX_MADE:
            self._imap.create_folder(self._sent_as(full))
        self._listed = None
        return full

    def examine(self, name: str) -> Opened:
        """EXAMINE: read-only, by the protocol's own promise (RFC 3501 6.3.2)."""
        with self._errors(f"could not open the mailbox {shown(name)}"):
            answer = self._imap.select_folder(self._sent_as(name), readonly=True)
            self._open = self._last_open = name
            uidnext = number(answer.get(b"UIDNEXT"))
            if not uidnext:
                status = self._imap.folder_status(self._sent_as(name), ["UIDNEXT"])
                uidnext = number(status.get(b"UIDNEXT"))
            # A number that cannot be says at least that the mailbox must be asked.
            exists = number(answer.get(b"EXISTS")) or (0 if self._imap.says_empty() else 1)
            return Opened(name, number(answer.get(b"UIDVALIDITY")), uidnext, exists)

    def _reopen(self) -> None:
        """After a failure: a connection that answers, with the mailbox open as it was."""
        self.ensure()
        if self._open is None and self._last_open is not None:
            self.examine(self._last_open)

    def search(
        self, criteria: Sequence[Any], *, first: int = 1, last: int = HIGHEST, exists: int = 0
    ) -> list[int]:
        """The UIDs from `first` to `last` that match, ascending. Where the mailbox has more messages (`exists`) than one answer
        should name, it is asked in windows, one after another.

        `UID n:*` answers with the last message where n lies beyond it (RFC 3501 6.4.8): such UIDs are dropped.
        """
        found: set[int] = set()
        for window in self._windows(first, last, exists):
            with self._errors("SEARCH failed"):
                found.update(map(number, self._imap.search(["UID", window, *criteria], charset=None)))
        return sorted(uid for uid in found if first <= uid <= last)

    def _windows(self, first: int, last: int, exists: int) -> Iterator[str]:
        """UID ranges that hold a window's messages each. They follow the messages that are there: UIDs may have any gaps."""
        end = "*" if last == HIGHEST else str(last)
        for position in range(SEARCH_WINDOW, min(exists, WINDOWS * SEARCH_WINDOW), SEARCH_WINDOW):
            uid = max(self.uids_at(position, position), default=0)
            if not uid or uid >= last:
                break
            if uid >= first:
                yield f"{first}:{uid}"
                first = uid + 1
        yield f"{first}:{end}"

    def uids_at(self, first: int, last: int) -> list[int]:
        """The UIDs of the messages from one sequence number of the open mailbox to another, ascending; none if the server does
        not say."""
        try:
            with self._errors("FETCH failed"):
                lines = self._imap.fetch_lines(f"{first}:{last}", "(UID)")
        except ServerUnavailable:
            self._reopen()
            return []
        found = {number(uid) for line in lines for uid in re.findall(rb"\bUID (\d{1,10})\b", line)}
        return sorted(found - {0})


def ascii_text(value: bytes) -> str:
    """A protocol word as text."""
    return value.decode("ascii", "replace")
