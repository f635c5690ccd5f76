"""Reading a file that somebody else has put there: it may be a pipe that never ends, or larger than the memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from mailbot.errors import BadData

MAX_FILE = 200_000_000
"""Octets of a file that is read at once."""


def read_file(path: Path, most: int = MAX_FILE, *, head: bool = False) -> bytes:
    """The content of a regular file, or with `head` no more than its first octets. Raises FileNotFoundError, BadData for
    anything else that stands there (a folder, a pipe, a device), for a file that may not be read, and for one of more than
    `most` octets."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(error.errno, error.strerror, str(path)) from error
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror})") from error
    return read_descriptor(descriptor, path, most, head=head)


def read_descriptor(descriptor: int, path: Path, most: int = MAX_FILE, *, head: bool = False) -> bytes:
    """The same of a file that is open, and is closed by it; `path` is what messages call it."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadData(f"{path}: is a folder or a device, and no file")
    with os.fdopen(descriptor, "rb") as file:
        try:
            data = file.read(most if head else most + 1)
        except OSError as error:
            raise BadData(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) > most:
        raise BadData(f"{path}: is larger than {most // 1_000_000} MB")
    return data
