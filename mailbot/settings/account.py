"""An account: its servers, where its secret is kept, which mail is fetched."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from mailbot.settings.kinds import Duration, Frozen, Strings, Words, home


class Secret(Frozen):
    """Where a secret is kept; exactly one way. The secret itself never stands in accounts.yaml."""

    command: Words | None = None
    """A program and its arguments, run without a shell; what it prints is the secret."""
    token_command: Words | None = None
    """The same, but it prints an OAuth access token, used with XOAUTH2."""
    env: str | None = None
    file: Path | None = None
    """Readable by its owner only (chmod 600)."""
    credential: str | None = None
    """The name of a systemd credential (LoadCredential=)."""
    keyring: str | None = None
    """service/name in the system keyring."""

    @model_validator(mode="before")
    @classmethod
    def _not_bare(cls, value: object) -> object:
        if isinstance(value, (str, int)):
            raise ValueError(
                "a secret does not belong in this file; write {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}"
            )
        return value

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if len(self.model_fields_set) != 1 or not any(getattr(self, name) for name in self.model_fields_set):
            raise ValueError("name exactly one of command, token_command, env, file, credential, keyring")
        if self.file is not None:
            path = home(self.file)
            if not path.exists():
                raise ValueError(
                    f"the file {path} does not exist; create it with the secret in it and `chmod 600 {path}`"
                )
            if path.stat().st_mode & 0o077:
                raise ValueError(f"the file {path} can be read by others; run `chmod 600 {path}`")
        return self


class OAuth(Frozen):
    """A login by browser or device (OAuth 2), in the place of a password: which authorization server, and as which client."""

    provider: Literal["google", "microsoft", "other"] = "other"
    """Two whose addresses are known; any other is named by its own, below."""
    client_id: str = Field(min_length=1)
    """The user's own: see docs/oauth.md."""
    client_secret: Secret | None = None
    tenant: str = Field(default="common", pattern=r"^[A-Za-z0-9.-]+$")
    """Microsoft's name for the organisation."""
    authorize_url: str = ""
    token_url: str = ""
    device_url: str = ""
    revoke_url: str = ""
    scopes: Strings = ()
    tokens: Literal["file", "keyring"] = "file"
    """Where the tokens are kept: a file in the state folder that nobody else can read, or the system keyring."""

    @model_validator(mode="after")
    def _reachable(self) -> OAuth:
        if self.provider == "other" and not (self.token_url and (self.authorize_url or self.device_url)):
            raise ValueError(
                "write `provider: google` or `provider: microsoft`, or name `token_url` and `authorize_url` (or `device_url`)"
            )
        return self


class Server(Frozen):
    """A mail server. `none` is for this machine only: the password would cross the network in the open."""

    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "tls"
    ca_file: Path | None = None
    """The certificate of a local bridge (Proton), pinned."""
    timeout: float = Field(default=60, gt=0, le=3600)
    """Seconds that the server may be silent; an answer that drips has them for the whole, one that comes line by line five times
    as long."""

    @field_validator("ca_file")
    @classmethod
    def _there(cls, value: Path | None) -> Path | None:
        if value is not None and not home(value).is_file():
            raise ValueError(f"the file {value} does not exist")
        return value

    @model_validator(mode="after")
    def _loopback(self) -> Server:
        if self.security == "none" and not re.fullmatch(r"localhost|127(\.\d+){3}|\[?::1\]?", self.host):
            raise ValueError("`security: none` is only for this machine (127.0.0.1); write tls or starttls")
        return self


class Account(Frozen):
    """One mail account."""

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$")
    address: str = Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    display_name: str = ""
    aliases: Strings = ()
    imap: Server
    smtp: Server | None = None
    username: str = ""
    """For the login; the address where it is not set."""
    password: Secret | None = None
    oauth: OAuth | None = None
    """Exactly one of the two."""
    mailboxes: Strings = ("INBOX",)
    fetch: Literal["unseen", "new"] = "unseen"
    """unseen: unread mail; new: everything that came since the last run, read or not."""
    since: date | None = None
    """Mail that arrived before this day is left alone."""
    drafts_mailbox: str = "auto"
    create_drafts_mailbox: bool = False
    sent_mailbox: str = "auto"
    signature: str = ""
    time_limit: Duration = timedelta(hours=1)
    """How long a run may work on this account; the next run goes on where it stopped."""

    @model_validator(mode="after")
    def _one_login(self) -> Account:
        if (self.password is None) == (self.oauth is None):
            raise ValueError(
                "write either `password:` or `oauth:`, and exactly one of them (accounts.example.yaml shows how)"
            )
        return self

    @property
    def login_name(self) -> str:
        return self.username or self.address

    @property
    def own_addresses(self) -> tuple[str, ...]:
        return (self.address, *self.aliases)
