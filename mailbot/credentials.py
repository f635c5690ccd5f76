"""Secrets, from where the user keeps them: a command, an environment variable, a file, systemd or the keyring."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Protocol

from mailbot.errors import AuthenticationFailed, ConfigError
from mailbot.hearsay import confidence

TIMEOUT = 30.0
"""Seconds that a command or the keyring may take: under cron nobody answers a prompt."""


class SecretSource(Protocol):
    """One of the ways in `accounts.yaml`; exactly one attribute is set."""

    @property
    def command(self) -> tuple[str, ...] | None: ...
    @property
    def token_command(self) -> tuple[str, ...] | None: ...
    @property
    def env(self) -> str | None: ...
    @property
    def file(self) -> Path | None: ...
    @property
    def credential(self) -> str | None: ...
    @property
    def keyring(self) -> str | None: ...


def secret(source: SecretSource, whose: str) -> str:
    """The secret that `source` names; `whose` ("account work") goes into messages. From here on nothing that others say
    repeats it.

    Raises AuthenticationFailed if there is none just now, ConfigError if its file is open to others.
    """
    return confidence.secret(_secret(source, whose))


def _secret(source: SecretSource, whose: str) -> str:
    argv = source.command or source.token_command
    if argv:
        return _run(list(argv), f"{whose}: the command {argv[0]!r} for its secret")
    if source.env is not None:
        value = os.environ.get(source.env)
        if not value:
            raise AuthenticationFailed(
                f"{whose}: the environment variable {source.env} is not set; set it, or choose another way in accounts.yaml"
            )
        return value
    if source.file is not None:
        return _file(source.file.expanduser(), whose)
    if source.credential is not None:
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise AuthenticationFailed(
                f"{whose}: systemd did not pass any credentials; set LoadCredential={source.credential} in the unit"
            )
        return _file(Path(folder) / source.credential, whose, private=False)
    if source.keyring is not None:
        from mailbot import system_keyring

        service, _, name = source.keyring.partition("/")
        value = system_keyring.read(service, name or service, whose)
        if not value:
            raise AuthenticationFailed(
                f"{whose}: the keyring has no entry {source.keyring!r}; add it with `keyring set {service} {name}`"
            )
        return value
    raise ConfigError(f"{whose}: accounts.yaml does not say where its secret is")


def _file(path: Path, whose: str, *, private: bool = True) -> str:
    try:
        if private and path.stat().st_mode & 0o077:
            raise ConfigError(f"{whose}: {path} can be read by others; run `chmod 600 {path}`")
        return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise AuthenticationFailed(
            f"{whose}: the secret file {path} cannot be read ({error.strerror})"
        ) from error


def _run(argv: list[str], what: str) -> str:
    try:
        done = subprocess.run(
            argv, capture_output=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise AuthenticationFailed(f"{what} was not found; install it or give its full path") from error
    except subprocess.TimeoutExpired as error:
        raise AuthenticationFailed(
            f"{what} gave no answer within {TIMEOUT:.0f} s; does it wait for a prompt?"
        ) from error
    except OSError as error:
        raise AuthenticationFailed(f"{what} could not be run ({error.strerror})") from error
    if done.returncode:
        # What it printed is not shown: it may be the secret, and we do not know that secret.
        raise AuthenticationFailed(
            f"{what} ended with {done.returncode}; run it in a terminal to see what it says"
        )
    return done.stdout.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
