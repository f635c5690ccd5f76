"""The tokens of an account, and where they are kept: a file that is its owner's alone, or the system keyring."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from mailbot import private, system_keyring
from mailbot.effect import Effect
from mailbot.errors import AuthenticationFailed, BadData
from mailbot.hearsay import confidence
from mailbot.regular_file import read_file

LARGEST = 100_000
"""Octets."""
SERVICE = "mailbot-oauth"
"""The service of the keyring's entries."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an authorization server has given. `expires` is a time in seconds since 1970 and `lasts` the whole
    life of the access token, both 0 where it did not say. `dead` says why no
    new access token can be had, `told` whether the user knows."""

    access: str
    refresh: str = ""
    expires: float = 0.0
    lasts: float = 0.0
    dead: str = ""
    told: bool = False


class TokenStore(Protocol):
    """Keeps the tokens of one account."""

    def read(self) -> Tokens | None:
        """None if there are none. Raises AuthenticationFailed if they cannot be read."""

    def write(self, tokens: Tokens) -> None:
        """Replaces what was there, whole or not at all. Raises OSError or AuthenticationFailed."""

    def remove(self) -> None:
        """No tokens are there any more."""

    def check(self) -> None:
        """Raises what `write` would raise, and changes nothing."""


def name_of(account: str, address: str, client_id: str, token_url: str) -> str:
    """What an account's tokens are called. Another address, client or server has other tokens: none is sent to a server that did not
    give it."""
    of = f"{address.casefold()} {client_id} {token_url}"
    return f"{account}-{hashlib.sha256(of.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class FileStore:
    """A file that nobody else can read."""

    path: Path
    whose: str

    def read(self) -> Tokens | None:
        try:
            if self.path.stat().st_mode & 0o077:
                raise AuthenticationFailed(
                    f"{self.whose}: {self.path} can be read by others; run `chmod 600 {self.path}`, and log in anew if"
                    " somebody may have read it"
                )
            return _parsed(read_file(self.path, LARGEST).decode("utf-8", "replace"), self.whose)
        except FileNotFoundError:
            return None
        except BadData as error:
            raise AuthenticationFailed(f"{self.whose}: {error}") from error

    def write(self, tokens: Tokens) -> None:
        with Effect.TOKEN_WRITTEN:
            private.write(self.path, _text(tokens).encode())

    def remove(self) -> None:
        private.remove(self.path)

    def check(self) -> None:
        test = self.path.with_name(f"{self.path.name}.check")
        private.write(test, b" " * 4096)
        private.remove(test)


@dataclass(frozen=True, slots=True)
class KeyringStore:
    """An entry of the system keyring."""

    name: str
    whose: str

    def read(self) -> Tokens | None:
        text = system_keyring.read(SERVICE, self.name, self.whose)
        return _parsed(text, self.whose) if text else None

    def write(self, tokens: Tokens) -> None:
        system_keyring.write(SERVICE, self.name, _text(tokens), self.whose)

    def remove(self) -> None:
        system_keyring.remove(SERVICE, self.name, self.whose)

    def check(self) -> None:
        system_keyring.write(SERVICE, f"{self.name}-check", "-", self.whose)
        system_keyring.remove(SERVICE, f"{self.name}-check", self.whose)


@dataclass(slots=True)
class MemoryStore:
    """For a set-up that is not finished: nothing is written."""

    tokens: Tokens | None = None

    def read(self) -> Tokens | None:
        return self.tokens

    def write(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def remove(self) -> None:
        self.tokens = None

    def check(self) -> None:
        """Memory can always be written."""


def _text(tokens: Tokens) -> str:
    return json.dumps(asdict(tokens))


def _parsed(text: str, whose: str) -> Tokens:
    try:
        said = json.loads(text)
        tokens = Tokens(
            str(said["access"]),
            str(said.get("refresh", "")),
            float(said.get("expires", 0)),
            float(said.get("lasts", 0)),
            str(said.get("dead", "")),
            bool(said.get("told", False)),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise AuthenticationFailed(f"{whose}: its tokens cannot be read; log in anew") from error
    for secret in (tokens.access, tokens.refresh):
        confidence.secret(secret)
    return tokens
