"""The settings: what stands in accounts.yaml, frozen, each value checked by itself. `config.py` reads the file."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _words(value: object) -> object:
    return tuple(str(v) for v in value) if isinstance(value, list) else value


def _duration(value: object) -> object:
    match = re.fullmatch(r"\s*(\d+)\s*([hdw])\s*", str(value))
    if not match:
        raise ValueError("write a number and h, d or w, such as 7d")
    length = int(match[1][:9]) * {"h": 1, "d": 24, "w": 168}[match[2]]
    if length > 876_000:
        raise ValueError("write at most 36500d")
    return timedelta(hours=length)


def _list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"there is no such user: {path.parts[0]}") from error


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Strings = Annotated[tuple[str, ...], BeforeValidator(_list)]


class Secret(_Settings):
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
            path = _home(self.file)
            if not path.exists():
                raise ValueError(
                    f"the file {path} does not exist; create it with the secret in it and `chmod 600 {path}`"
                )
            if path.stat().st_mode & 0o077:
                raise ValueError(f"the file {path} can be read by others; run `chmod 600 {path}`")
        return self


class Server(_Settings):
    """A mail server. `none` is for this machine only: the password would cross the network in the open."""

    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "tls"
    ca_file: Path | None = None
    """The certificate of a local bridge (Proton), pinned."""

    @field_validator("ca_file")
    @classmethod
    def _there(cls, value: Path | None) -> Path | None:
        if value is not None and not _home(value).is_file():
            raise ValueError(f"the file {value} does not exist")
        return value

    @model_validator(mode="after")
    def _loopback(self) -> Server:
        if self.security == "none" and not re.fullmatch(r"localhost|127(\.\d+){3}|\[?::1\]?", self.host):
            raise ValueError("`security: none` is only for this machine (127.0.0.1); write tls or starttls")
        return self


class Account(_Settings):
    """One mail account."""

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$")
    address: str = Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    display_name: str = ""
    aliases: Strings = ()
    imap: Server
    smtp: Server | None = None
    username: str = ""
    """For the login; the address where it is not set."""
    password: Secret
    mailboxes: Strings = ("INBOX",)
    fetch: Literal["unseen", "new"] = "unseen"
    """unseen: unread mail; new: everything that came since the last run, read or not."""
    drafts_mailbox: str = "auto"
    create_drafts_mailbox: bool = False
    sent_mailbox: str = "auto"
    signature: str = ""

    @property
    def login_name(self) -> str:
        return self.username or self.address

    @property
    def own_addresses(self) -> tuple[str, ...]:
        return (self.address, *self.aliases)


class Limit(_Settings):
    """The most that may be spent; what is not set has no limit."""

    tokens: int | None = Field(default=None, ge=0)
    money: float | None = Field(default=None, ge=0)
    """In the currency of `llm.prices`."""


class Budget(_Settings):
    """When it is spent no model is asked any more; notes are kept all the same."""

    per_run: Limit = Limit()
    per_day: Limit = Limit()


class Price(_Settings):
    """What a million tokens of a model cost."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class Fallback(_Settings):
    """A server to be asked where the ones before it do not answer."""

    base_url: str = Field(pattern=r"^https?://[^\s/]+")
    model: str = Field(min_length=1)
    triage_model: str = ""
    api_key: Secret | None = None


class Llm(_Settings):
    """The model. Any server that speaks OpenAI's chat completions, a local one too."""

    base_url: str = "https://api.openai.com/v1"
    model: str = Field(min_length=1)
    triage_model: str = ""
    """For the decision whether a mail wants an answer; the model above where it is not set."""
    api_key: Secret | None = None
    timeout: float = Field(default=120, gt=0)
    """Seconds for one answer."""
    concurrency: int = Field(default=4, ge=1, le=32)
    max_output_tokens: int = Field(default=2000, ge=100)
    context_tokens: int = Field(default=3000, ge=0)
    """How much of the vault a prompt may carry."""
    retries: int = Field(default=2, ge=0, le=10)
    fallbacks: tuple[Fallback, ...] = ()
    budget: Budget = Budget()
    prices: dict[str, Price] = {}
    """By the name of the model."""

    @field_validator("base_url")
    @classmethod
    def _url(cls, value: str) -> str:
        if not re.match(r"https?://[^\s/]+", value):
            raise ValueError("write a URL such as https://api.openai.com/v1 or http://127.0.0.1:11434/v1")
        return value.rstrip("/")


class Embeddings(_Settings):
    """Vectors for the search, beside its words: from a model on this machine, or from a server's /embeddings."""

    local: bool | Path = False
    """true: the model of an installed package that is known; or a folder with model.onnx and tokenizer.json in it."""
    model: str = ""
    """The name of the server's embedding model, in the place of a local one."""
    base_url: str = ""
    """Where it is served; `llm.base_url` where it is not set."""
    api_key: Secret | None = None
    query_prefix: str = ""
    """What the model wants in front of a question, such as "query: "."""
    passage_prefix: str = ""
    """What it wants in front of a passage."""

    @model_validator(mode="after")
    def _one(self) -> Embeddings:
        if bool(self.local) == bool(self.model):
            raise ValueError("write either `local: true` (or a folder) or `model: NAME`")
        if isinstance(self.local, Path) and not _home(self.local).is_dir():
            raise ValueError(f"{self.local} is not a folder with model.onnx and tokenizer.json in it")
        return self


class Drafts(_Settings):
    """Which mails are answered, and how many a run."""

    newer_than: Duration = timedelta(days=7)
    max_per_run: int = Field(default=20, ge=0)
    reply_all: Literal["auto", "always", "never"] = "auto"
    """auto: to all where the mail went to others beside the user."""
    to_server: bool = True
    """Whether drafts are also put into the account's Drafts."""


class TriageRules(_Settings):
    """Whose mail never gets a draft, and whose always does, by address or domain; your notes may say so too."""

    never: Strings = ()
    always: Strings = ()

    def word_on(self, email: str) -> str:
        """`never`, `always` or empty for a sender; an address stands above its domain."""
        domain = email.casefold().rpartition("@")[2]
        for key in (email.casefold(), domain, *(domain[n + 1 :] for n, c in enumerate(domain) if c == ".")):
            for word in ("never", "always"):
                if key in (v.casefold().lstrip("@") for v in getattr(self, word)):
                    return word
        return ""


class Disclosure(_Settings):
    """What of the vault may stand in a draft to whom. Notes with `private: true` never do."""

    internal_domains: Strings = ()
    """Notes with `audience: internal` are used only where everybody who gets the answer is at one of these."""
    private_folders: Strings = ()
    """Folders whose notes are found by a search of yours, and never put into a prompt."""
    private_tags: Strings = ()
    strangers: Literal["thread", "vault"] = "thread"
    """Whom you never wrote with: their own thread and nothing else, or what anybody would get."""


class Settings(_Settings):
    """accounts.yaml, whole."""

    vault: Path
    email_folder: str = "Email"
    people_folder: str = "People"
    exclude: Strings = ()
    """Folders or notes of the vault that mailbot does not read."""
    llm: Llm | None = None
    embeddings: Embeddings | None = None
    drafts: Drafts = Drafts()
    triage: TriageRules = TriageRules()
    disclosure: Disclosure = Disclosure()
    max_mail_size: int = Field(default=100, ge=1)
    """Megabytes; of a larger mail only the header is kept."""
    accounts: tuple[Account, ...] = Field(min_length=1)

    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        """Where accounts.yaml lies."""
        return self._folder

    @field_validator("vault")
    @classmethod
    def _expanded(cls, value: Path) -> Path:
        return _home(value)

    @field_validator("email_folder", "people_folder")
    @classmethod
    def _relative(cls, value: str) -> str:
        value = value.strip("/")
        if not value or ".." in value.split("/") or "\\" in value:
            raise ValueError("write a folder inside the vault, such as Email")
        return value

    @model_validator(mode="after")
    def _distinct(self) -> Settings:
        names = [a.name for a in self.accounts]
        if twice := next((n for n in names if names.count(n) > 1), None):
            raise ValueError(f"two accounts are called {twice!r}; give each a name of its own")
        return self

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """Every address of the user, over all accounts."""
        return tuple(dict.fromkeys(a.casefold() for account in self.accounts for a in account.own_addresses))
