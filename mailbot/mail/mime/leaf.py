"""One leaf of a MIME tree: its octets, its text, its file name."""

from __future__ import annotations

import binascii
import re
from email.message import Message as Part

from mailbot.mail.mime import header
from mailbot.mail.mime.charset import decode
from mailbot.mail.mime.set_aside import SetAside

_NAMES = {
    "message/rfc822": "message.eml",
    "application/pgp-signature": "signature.asc",
    "application/pgp-encrypted": "version.txt",
    "application/pkcs7-signature": "smime.p7s",
    "application/pkcs7-mime": "smime.p7m",
    "text/html": "part.html",
    "text/calendar": "invite.ics",
}


def octets(part: Part, aside: SetAside | None = None) -> tuple[bytes, list[str]]:
    """(the decoded octets of a leaf, RFC 2045 6, as far as they decode; its defects). `aside` has what was set aside of a
    large mail."""
    defects: list[str] = []
    data: object
    try:
        if part.is_multipart():
            data = b"".join(child.as_bytes() for child in part.get_payload() if isinstance(child, Part))
        else:
            data = part.get_payload(decode=True)
    except Exception as error:  # noqa: BLE001 - a broken encoding must not lose the rest of the mail
        defects.append(f"{part.get_content_type()}: could not be decoded ({type(error).__name__})")
        data = str(part.get_payload()).encode("utf-8", "surrogateescape")
    if not isinstance(data, bytes):
        return b"", defects
    try:
        return (aside.octets(data) if aside else data), defects
    except (binascii.Error, ValueError):
        return b"", [*defects, f"{part.get_content_type()}: base64 that cannot be decoded"]


def text(part: Part, aside: SetAside | None = None) -> tuple[str, list[str]]:
    """(the text of a leaf with line ends as LF, its defects): decoded by its charset, by the one its HTML declares, or by what
    its octets look like."""
    data, defects = octets(part, aside)
    charset = part.get_content_charset() if part.get("content-type") else None
    if part.get_content_type() == "text/html" and not charset:
        charset = _meta_charset(data)
    decoded, defect = decode(data, charset)
    if defect:
        defects.append(f"{part.get_content_type()}: {defect}")
    return decoded.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").lstrip("\ufeff"), defects


def _meta_charset(data: bytes) -> str | None:
    found = re.search(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w.:-]+)", data[:4096], re.IGNORECASE)
    return found[1].decode("ascii") if found else None


def disposition(part: Part) -> str:
    """`inline`, `attachment` (RFC 2183), or what else stands there, in lower case."""
    return str(part.get("content-disposition") or "").split(";")[0].strip().lower()


def file_name(part: Part) -> str:
    """The file name of RFC 2183 or, as many still send it, of Content-Type; RFC 2231 and RFC 2047 decoded. Empty for none."""
    for name, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        raw = next((str(v) for k, v in part.raw_items() if k.lower() == name), "")
        holder = part
        if not raw.isascii():  # the library would replace raw 8-bit characters before we see them
            holder = Part()
            holder[name] = header.unfold(raw)
        try:
            every = [v for k, v in holder.get_params([], header=name) if k.casefold() == parameter]
            value = next(
                (v for v in every if isinstance(v, tuple)), every[0] if every else None
            )  # RFC 6266 4.3
        except Exception:  # noqa: BLE001, S112 - `name*` without a value raises IndexError in the standard library
            continue
        if isinstance(value, tuple):
            # (charset, language, text whose characters are the octets): decoded here, since Python would run any codec
            value = decode(str(value[2]).encode("latin-1", "replace"), value[0] or "utf-8")[0]
        if value:
            return header.text(str(value))
    return ""


def stand_in_name(part: Part, number: int) -> str:
    """A name for a file that came without one, `number` among its mail's."""
    subtype = re.sub(r"[^a-z0-9]", "", part.get_content_subtype().lower())[:10]
    ending = "txt" if subtype == "plain" else subtype or "bin"
    return _NAMES.get(part.get_content_type(), f"part-{number}.{ending}")
