"""What of the user's data may stand in a bug report: shapes, numbers, times and states; no address, no name, no word of a mail or note.

Whatever is not known to be harmless is masked. A mask is the same for the same value in one report, so that one can follow a mail
through it, and tells nothing outside of it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

_KEPT_COLUMNS = frozenset(
    "account stage disposition status becomes ended_by purpose kind model at date next_try created since kept moved until approved_at"
    " sent_at".split()
)
"""Texts of the journal that say nothing of a mail: states, times, the user's word for an account."""
_KEPT_SETTINGS = frozenset(
    "name host security provider fetch reply_all strangers model triage_model base_url tokens to_server".split()
)
_KEPT_MAILBOXES = frozenset(("inbox", "drafts", "sent", "trash", "auto"))
_SECRETS = frozenset(("password", "api_key", "client_secret"))
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'|=]+@[^\s<>()\[\],;:\"'|]+")
_PATH = re.compile(r"(?:[\w .()&+-]+/)+[^/\n]*?\.(?:md|eml|yaml|sqlite|secret)\b|/[^\s:,;'\"]+")
_QUOTED = re.compile(r"[“\"'`](?!mailbot )[^”\"'`\n]{1,300}[”\"'`]")
"""What mailbot quotes, but for its own commands."""


def is_usual(mailbox: str) -> bool:
    """Whether the name of a mailbox tells nothing: half of the world has one that is called so."""
    return mailbox.casefold() in _KEPT_MAILBOXES


@dataclass(frozen=True, slots=True)
class Redaction:
    """Masks values with a key that is thrown away with it.

    names: what is masked wherever it stands, such as the host of the user's own mail server or a mailbox.
    """

    key: bytes
    names: frozenset[str] = frozenset()

    def mask(self, value: object) -> str:
        """The same mask for the same value; empty for nothing."""
        text = str(value)
        return f"#{hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()[:10]}" if text else ""

    def words(self, text: str) -> str:
        """A message or a line of the log, without names, addresses, paths and whatever is quoted in it."""
        text = self._without_names(text)
        for pattern in (_QUOTED, _ADDRESS, _PATH):
            text = pattern.sub(lambda m: self.mask(m[0]), text)
        return text

    def _without_names(self, text: str) -> str:
        for name in sorted(self.names, key=len, reverse=True):
            text = re.sub(
                rf"(?<!\w){re.escape(name)}(?!\w)",
                lambda m: self.mask(m[0].casefold()),
                text,
                flags=re.IGNORECASE,
            )
        return text

    def row(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """A row of the journal."""
        return {name: self._column(name, value) for name, value in columns.items()}

    def _column(self, name: str, value: Any) -> Any:
        if value is None or isinstance(value, (int, float)) or name in _KEPT_COLUMNS:
            return value
        if name in ("error", "why", "reason"):
            return self.words(str(value))
        if name == "mailbox":
            return value if is_usual(value) else self.mask(value.casefold())
        return self.mask(value)

    def settings(self, value: Any, name: str = "") -> Any:
        """The settings: their shape, numbers and choices. Of a secret only the way in which it is kept."""
        if isinstance(value, Mapping):
            if name in _SECRETS:
                return {str(kind): "(left out)" for kind in value}
            if name in ("folders", "prices"):  # the names in front are the user's own
                return {self.mask(key): self.settings(each, str(key)) for key, each in value.items()}
            return {str(key): self.settings(each, str(key)) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.settings(each, name) for each in value]
        if value is None or isinstance(value, (bool, int, float, date, datetime)):
            return str(value) if isinstance(value, (date, datetime)) else value
        text = str(value)
        if name in _KEPT_SETTINGS and "@" not in text:
            return self._without_names(text)
        return text if re.fullmatch(r"\d+[smhdw]", text) or is_usual(text) else self.mask(text)
