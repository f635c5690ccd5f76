"""Entries of the system keyring (the `keyring` package, if it is installed).

Each is read and written in a process of its own with a time limit: an unlock prompt would hang there and not here. What is written
goes through a pipe, so that no list of processes shows it.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys

from mailbot import extras
from mailbot.effect import Effect
from mailbot.errors import AuthenticationFailed

TIMEOUT = 30.0
"""Seconds: under cron nobody answers a prompt."""
_READ = "import keyring, sys; sys.stdout.write(keyring.get_password(sys.argv[1], sys.argv[2]) or '')"
_WRITE = "import keyring, sys; keyring.set_password(sys.argv[1], sys.argv[2], sys.stdin.read())"
_REMOVE = (
    "import keyring, sys\n"
    "if keyring.get_password(sys.argv[1], sys.argv[2]) is not None: keyring.delete_password(sys.argv[1], sys.argv[2])"
)


def installed() -> bool:
    """Whether the `keyring` package is there."""
    return importlib.util.find_spec("keyring") is not None


def read(service: str, name: str, whose: str) -> str:
    """The entry, empty if there is none. Raises AuthenticationFailed if the keyring cannot be used just now; `whose` goes into the
    message."""
    return _run(_READ, service, name, whose)


def write(service: str, name: str, value: str, whose: str) -> None:
    """Store an entry. Raises what `read` raises."""
    with Effect.TOKEN_WRITTEN:
        _run(_WRITE, service, name, whose, value)


def remove(service: str, name: str, whose: str) -> None:
    """Take an entry away, if it is there. Raises what `read` raises."""
    with Effect.TOKEN_WRITTEN:
        _run(_REMOVE, service, name, whose)


def _run(code: str, service: str, name: str, whose: str, given: str = "") -> str:
    if not installed():
        raise AuthenticationFailed(
            f"{whose}: the keyring cannot be used without its package: {extras.install('keyring')}"
        )
    try:
        done = subprocess.run(
            # -P: no file of the folder that we are in is taken for `keyring`.
            [sys.executable, "-P", "-c", code, service, name],
            input=given.encode(),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AuthenticationFailed(
            f"{whose}: the keyring gave no answer within {TIMEOUT:.0f} s; does it wait to be unlocked?"
        ) from error
    except OSError as error:
        raise AuthenticationFailed(f"{whose}: the keyring could not be asked ({error.strerror})") from error
    if done.returncode:
        raise AuthenticationFailed(
            f"{whose}: the keyring refused; is it unlocked? `python -m keyring get {service} {name}` says more"
        )
    return done.stdout.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
