"""What an email note says, read back. It is the user's word: they may have changed any of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailbot.mail.message import Address
from mailbot.vault.note import Properties
from mailbot.vault.stand_ins import unescape
from mailbot.vault.verdict import Disposition, disposition_of
from mailbot.vault.wikilink import unlinked

SIGNATURE = "Signature"
"""The title of the callout that folds a signature."""

_FOLDED_SIGNATURE = re.compile(rf"^> \[!info\]- {SIGNATURE}\n((?:>.*\n?)+)", re.MULTILINE)
_IDENTITY = re.compile(
    r"^(sha256|message_id|account|draft):[ \t]*(?:\"([^\"\n]*)\"|'((?:[^'\n]|'')*)'|([^\"'\n][^\n]*?|))[ \t]*(?: #.*)?\r?$",
    re.MULTILINE,
)
"""A property and its value: between double quotes, between single ones (where two stand for one), or bare."""
_DISPOSITION = re.compile(rb"^disposition:[ \t]*[\"']?(\w+)", re.MULTILINE)


def newest_text(body: str, *, headings: bool = False) -> str:
    """The newest text of an email note: without its title and header lines, and without the folded callouts. With `headings` the
    further headings stay: what stands under one may be the user's own."""
    lines = []
    titled = False
    for line in body.split("\n"):
        if line.startswith(("> ", ">")) or re.match(r"\*\*(?:From|To|Cc|Date):\*\*|- \[\[", line):
            continue
        if re.match(r"#+ ", line) and not (headings and titled):
            titled = True
            continue
        lines.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def signature_in(text: str) -> str:
    """The signature that stands in an email note, as plain text; empty for none."""
    found = _FOLDED_SIGNATURE.search(text)
    return unescape("\n".join(line[2:] for line in found[1].split("\n"))) if found else ""


def sender_in(properties: Properties) -> Address:
    """The sender of an email note, with empty texts where it names none."""
    return Address(*party(str(properties.get("from") or "")))


def date_in(properties: Properties) -> str:
    """The moment of an email note as text: the exact one, with its zone, where it stands there. Notes of earlier versions have that
    in `date`."""
    return str(properties.get("date_exact") or properties.get("date") or "")


def party(line: str) -> tuple[str, str]:
    """(name, address) of one party as an email note writes it: the address stands last, whatever the name claims to be."""
    line = unlinked(line)
    name, bracket, rest = line.rpartition("<")
    return (name.strip(), rest.rstrip("> ").strip()) if bracket else ("", line.strip())


@dataclass(frozen=True, slots=True)
class Identity:
    """Which mail an email note is of; empty texts for what it does not say."""

    sha256: str = ""
    message_id: str = ""
    account: str = ""
    draft: str = ""
    """The draft note that it names."""


def identity_in(text: str) -> Identity:
    """The identity that stands in a note's properties. No YAML is parsed: a user's slip there must not make a second note."""
    text = text.removeprefix("\ufeff")
    front = text[: max(0, text.find("\n---", 3)) + 1] if text.startswith("---") else ""
    found = {
        str(key): str(double or single.replace("''", "'") or bare)
        for key, double, single, bare in _IDENTITY.findall(front)
    }
    return Identity(**found)


def disposition_in(head: bytes) -> Disposition | None:
    """The disposition in the first octets of an email note, None if they hold none. Cheap: no YAML is parsed."""
    if head[:3] != b"---":
        return None
    found = _DISPOSITION.search(head[: max(0, head.find(b"\n---", 3)) + 1])
    return disposition_of(found[1].decode()) if found else None
