"""What a draft note says that counts: recipients, subject, text and files, as the user may have changed them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from mailbot.errors import BadData
from mailbot.mail.mail import Mail
from mailbot.mail.message import Address
from mailbot.mail.mime.compose import mailbox
from mailbot.mail.mime.header import addresses
from mailbot.sync.decide.content import content_of, folded, reply_in, tidy
from mailbot.vault.note import property_text
from mailbot.vault.read_draft import ReadDraft
from mailbot.vault.wikilink import unlinked

_PARTED = re.compile(r"[,;](?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)")


@dataclass(frozen=True, slots=True)
class Noted:
    """`attach` are paths in the vault. Two notes of one hash send the same mail."""

    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    subject: str
    text: str
    attach: tuple[str, ...] = ()
    to_name: str = ""
    digests: tuple[str, ...] = ()
    """The hash of each attached file's content."""

    @property
    def hash(self) -> str:
        """What two notes that send the same mail have in common: a SHA-256 in hex."""
        people = (",".join(sorted(a.key for a in some)) for some in (self.to, self.cc))
        parts = (*people, folded(self.subject), self.text, *self.attach, *self.digests)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def noted(read: ReadDraft) -> Noted:
    """What a note says. An entry that is no address is kept as it is written, without one."""
    to = _addresses(read.to)
    attach = tuple(dict.fromkeys(map(_path, read.attach)))
    return Noted(to, _addresses(read.cc), read.subject, tidy(read.reply), attach, read.to_name)


def agrees(note: Noted, mail: Mail, signature: str) -> bool:
    """Whether a draft says what its note says, to the same people, however a mail client has wrapped it."""
    said = content_of(mail)
    same = folded(note.text) == folded(reply_in(mail.text, signature))
    about = folded(note.subject) in (said.subject, folded(property_text(mail.message.subject)))
    files = {path.rpartition("/")[2] for path in note.attach} == {a.name for a in mail.message.attachments}
    return same and about and files and {a.key for a in (*note.to, *note.cc)} == said.to | said.cc


def checked(note: Noted, name: str) -> Noted:
    """The same. Raises BadData, naming the note, where its recipients are none that a mail can go to."""
    for field, people in (("to", note.to), ("cc", note.cc)):
        for each in people:
            if not mailbox(each):
                raise BadData(
                    f"{name}: {each.email or each.name!r} in `{field}` is not an address; correct it in the note"
                )
    if not note.to:
        raise BadData(f"{name}: `to` names nobody; write the address there")
    return note


def as_noted(to: tuple[Address, ...], cc: tuple[Address, ...]) -> dict[str, object]:
    """The properties of a draft note that say who gets it."""
    first = to[0] if to else Address("", "")
    return {
        "to": property_text(first.email),
        "to_name": property_text(first.name),
        "cc": [property_text(quoted(a)) for a in (*to[1:], *cc)],
    }


def quoted(address: Address) -> str:
    """An address as a note has it: a name with a special (RFC 5322 3.2.3) stands in quotes, or it would be read as several."""
    if not re.search(r"[,;:@<>()\"\\]", address.name):
        return str(address)
    name = address.name.replace("\\", "").replace('"', "'")
    return f'"{name}" <{address.email}>'


def chosen_subject(note: Noted, planned: str) -> str:
    """The subject of a draft: the planned one, letter for letter, where the note has it (made inert) or none, else the note's."""
    return planned if note.subject in ("", planned, property_text(planned)) else note.subject


def chosen_recipients(
    note: Noted, to: tuple[Address, ...], cc: tuple[Address, ...]
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """(To, Cc) of a draft: those planned, where the note names the same people, else the note's. (A note has one `to`; a mail may
    have several.) A name goes with its address: the `to_name` of the one who was planned counts for nobody else."""
    planned = {a.key: a for a in (*to, *cc)}
    first = to[0].key if to else ""
    if {a.key for a in (*note.to, *note.cc)} == set(planned) and [a.key for a in note.to] == [first]:
        return to, cc

    first_name = property_text(to[0].name) if to else ""
    if len(note.to) == 1 and not note.to[0].name and note.to_name != first_name:
        note = replace(note, to=(Address(note.to_name, note.to[0].email),))

    def named(people: tuple[Address, ...]) -> tuple[Address, ...]:
        return tuple(a if a.name else planned.get(a.key, a) for a in people)

    return named(note.to), named(note.cc)


def _path(written: str) -> str:
    """The path of a file, also where it is written as a link or an embed."""
    link = re.fullmatch(r"!?\[\[([^\]|#]+)[^\]]*\]\]", written.strip())
    return (link[1] if link else written).strip()


def _addresses(lines: tuple[str, ...]) -> tuple[Address, ...]:
    found: list[Address] = []
    for line in map(unlinked, lines):
        alone = re.fullmatch(r"[^<>]*<[^<>@]*@[^<>]*>", line) and not re.search(
            r"\S@\S", line.partition("<")[0]
        )
        for entry in [line] if alone else _PARTED.split(line):
            if entry.strip():
                found.append(_address(entry.strip()))
    return tuple({each.key or each.name: each for each in reversed(found)}.values())[::-1]


def _address(entry: str) -> Address:
    """One address as a user writes it. One that cannot be read whole is none: half of it may be somebody else's."""
    link = re.fullmatch(r"\[[^\]]*\]\((?:mailto:)?([^()\s]+)\)", entry)
    bracketed = re.fullmatch(r"([^<>]*)<([^<>]*)>", entry)
    name, bare = (bracketed[1], bracketed[2]) if bracketed else ("", link[1] if link else entry)
    bare = re.sub(r"\s*\([^()]*\)$", "", bare.strip()).removeprefix("mailto:")
    read = [a for a in addresses(entry if bracketed else bare)[0] if a.email]
    if len(read) == 1 and read[0].email.casefold() == bare.casefold():
        return read[0]
    plain = addresses(bare)[0] if bracketed else ()  # a name that no parser takes
    if len(plain) == 1 and plain[0].email.casefold() == bare.casefold():
        return Address(name.strip().strip('"'), plain[0].email)
    return Address(entry, "")
