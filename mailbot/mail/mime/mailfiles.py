"""Mail that lies in files: .eml, mbox (RFC 4155), Maildir, and the mbox files of a Thunderbird profile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mailbot.errors import BadData
from mailbot.mail.mime.tree import without_envelope
from mailbot.regular_file import MAX_FILE, read_file

_MAIL_ENDINGS = {".eml", ".emlx", ".mbox", ".mbx"}
_FROM_LINE = re.compile(rb"^From .{0,200}\d", re.DOTALL)
_QUOTED_FROM = re.compile(rb"^>(?=>*From )", re.MULTILINE)
_ADDED_HEADERS = re.compile(
    rb"^(?:X-Mozilla-(?:Status2?|Keys)|X-GM-THRID|X-Gmail-Labels):.*\r?\n(?:[ \t].*\r?\n)*", re.MULTILINE
)
"""What Thunderbird and Google's Takeout write in front of a mail, and no server has."""


@dataclass(frozen=True, slots=True)
class MailFile:
    """One mail in a file: `name` says where, for messages (`inbox.mbox, mail 17`). Its lines end in CRLF, as they did on
    the way here, and no "From " line of an mbox stands before its header: so it is the same mail, byte for byte, that an IMAP
    server has. Where such a line was cut, `stored` is the mail with it: a server that has it so serves it so."""

    name: str
    raw: bytes
    problem: str = ""
    """Why there is no mail here, in words; empty where there is one."""
    stored: bytes = field(default=b"", repr=False)


def mail_in(paths: list[Path]) -> Iterator[MailFile]:
    """Every mail in files and folders, in order, one at a time: an mbox is never held whole.

    A folder may hold .eml files, mbox files, Maildirs (`cur`, `new`) and Thunderbird's `*.msf` beside their mbox, in any
    mixture. What cannot be read is named, and does not stop the others.
    """
    for path in paths:
        for file in _files(path):
            try:
                if file.suffix.lower() in (".eml", ".emlx") or file.parent.name in ("cur", "new"):
                    raw = read_file(file)
                    yield _one(str(file), _emlx(raw) if file.suffix.lower() == ".emlx" else raw)
                else:
                    yield from mbox(file)
            except BadData as error:
                yield MailFile(str(file), b"", str(error).removeprefix(f"{file}: "))
            except OSError as error:
                yield MailFile(str(file), b"", f"cannot be read ({error.strerror})")


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        if not file.is_file() or file.name.startswith("."):
            continue
        maildir = file.parent.name in ("cur", "new") and (file.parent.parent / "cur").is_dir()
        thunderbird = not file.suffix and file.with_name(f"{file.name}.msf").exists()
        if (
            maildir
            or thunderbird
            or file.suffix.lower() in _MAIL_ENDINGS
            or (not file.suffix and _is_mbox(file))
        ):
            yield file


def _is_mbox(file: Path) -> bool:
    with file.open("rb") as opened:
        return bool(_FROM_LINE.match(opened.read(300)))


def mbox(path: Path) -> Iterator[MailFile]:
    """The mails of an mbox, in order. A mail begins at a `From ` line after a blank one; `>From ` is unquoted."""
    lines: list[bytes] = []
    number, blank = 0, True
    if not path.is_file():
        raise BadData(f"{path}: is no regular file")
    octets = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_FILE):
            if blank and line.startswith(b"From ") and _FROM_LINE.match(line):
                if number:
                    yield _mail(path, number, lines, octets)
                number, lines, octets = number + 1, [], 0
            elif number:
                octets += len(line)
                if octets <= MAX_FILE:
                    lines.append(line)
            blank = line in (b"\n", b"\r\n")
    if number:
        yield _mail(path, number, lines, octets)


def _mail(path: Path, number: int, lines: list[bytes], octets: int) -> MailFile:
    if octets > MAX_FILE:
        return MailFile(f"{path}, mail {number}", b"", f"is larger than {MAX_FILE // 1_000_000} MB")
    if lines and lines[-1] in (b"\n", b"\r\n"):
        lines = lines[:-1]
    head, blank, body = _QUOTED_FROM.sub(b"", b"".join(lines)).partition(b"\n\n")
    head = _ADDED_HEADERS.sub(b"", head + b"\n").removesuffix(b"\n")
    return _one(f"{path}, mail {number}", head + blank + body)


def _one(name: str, raw: bytes) -> MailFile:
    stored = _crlf(raw)
    mail = without_envelope(stored)
    return MailFile(name, mail, stored=b"" if mail == stored else stored)


def _crlf(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _emlx(raw: bytes) -> bytes:
    """Apple Mail's .emlx: a line with the mail's length, the mail, a property list."""
    first, _, rest = raw.partition(b"\n")
    return rest[: int(first)] if first.strip().isdigit() else raw
