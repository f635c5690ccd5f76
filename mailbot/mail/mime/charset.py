"""Bytes of a declared charset -> text, as mail clients do it."""

from __future__ import annotations

import base64
import codecs
import re

# What senders declare, and what they mean (WHATWG Encoding Standard: a label names the superset that is in use).
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
}
_ALIASES = {
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "windows-31j": "cp932",
    "x-sjis": "cp932",
    "x-gbk": "gb18030",
    "x-euc-jp": "euc_jp",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-2-0-utf-7": "utf-7",
    "x-unicode-1-1-utf-7": "utf-7",
    "x-unicode-2-0-utf-7": "utf-7",
    "csunicode11utf7": "utf-7",
    "csutf7": "utf-7",
    "unicode": "utf-16",
    "x-unknown": "",
    "unknown-8bit": "",
    "x-user-defined": "",
    "8bit": "",
    "7bit": "",
    "binary": "",
    "none": "",
    "": "",
}
# Codecs that are no charsets: Python would run them on a stranger's word.
_NO_CHARSET = {
    "base64", "bz2", "hex", "quopri", "rot13", "uu", "zlib", "idna", "punycode", "raw-unicode-escape",
    "unicode-escape", "undefined", "mbcs", "oem",
}  # fmt: skip


_SURROGATE = re.compile("[\ud800-\udfff]")


def decode(data: bytes, charset: str | None) -> tuple[str, str]:
    """Decode `data`, declared as `charset` (None: nothing was declared).

    Returns the text and a defect in words, empty if the declaration held. Never raises and never loses a
    byte silently: what no charset explains becomes U+FFFD and is named in the defect.
    """
    label = re.sub(r"[^\w.:+-]", "", (charset or "").strip().lower())
    label = _ALIASES.get(label, label)
    unknown = ""
    name = ""
    if label:
        try:
            name = codecs.lookup(label).name
        except (LookupError, ValueError):
            unknown = f"unknown charset {charset!r}"
        if name in _NO_CHARSET or name.replace("_", "-") in _NO_CHARSET:
            name, unknown = "", f"unknown charset {charset!r}"
    if name == "utf-7":
        return _utf7(data)
    if data.isascii() and not (name.startswith(("iso2022", "utf-16", "utf-32", "hz"))):
        return data.decode("ascii"), unknown
    for candidate in _candidates(name):
        try:
            text = data.decode(candidate)
        except (UnicodeError, LookupError):
            continue
        if _SURROGATE.search(text):
            continue
        held = candidate in (name, _MEANT.get(name))
        guess = f"8-bit text decoded as {candidate}"
        declared = f", not as declared ({charset})" if name else ""
        return text, unknown if held or (not label and candidate == "utf-8") else unknown or guess + declared
    text = data.decode(_MEANT.get(name, name) or "utf-8", "replace")
    text = text.encode("utf-8", "replace").decode()
    return text, unknown or f"bytes that are not {charset or 'utf-8'}"


_SHIFTED = re.compile(r"\+([A-Za-z0-9+/]*)-?")


def _utf7(data: bytes) -> tuple[str, str]:
    """UTF-7 (RFC 2152) -> text and a defect. A `+` that begins no encoded characters, as in `1 + 1` or `a+b@example.com`, is
    one: it must not cost the rest of the text."""
    wrong = False

    def shifted(found: re.Match[str]) -> str:
        nonlocal wrong
        if found[0] == "+-":
            return "+"
        bits = len(found[1]) * 6
        packed = base64.b64decode(found[1] + "A" * (-len(found[1]) % 4))
        units, rest = packed[: bits // 16 * 2], packed[bits // 16 * 2 :]
        try:
            if units and bits % 16 < 6 and not any(rest):
                return units.decode("utf-16-be")
        except UnicodeDecodeError:
            pass  # half of a pair
        wrong = True
        return found[0]

    text = _SHIFTED.sub(shifted, decode(data, None)[0])
    return text, "bytes that are not utf-7" if wrong or not data.isascii() else ""


def _candidates(name: str) -> list[str]:
    """The codecs to try, in order: what was meant, then UTF-8 (it rarely fits by chance), then Windows."""
    meant = _MEANT.get(name, name)
    if name == "ascii":
        return ["utf-8", "cp1252", "latin-1"]
    order = [meant, name, "utf-8"] if name else ["utf-8"]
    # A multi-byte charset that does not fit is damaged, not Windows text: better some U+FFFD than mojibake.
    if not name or meant.startswith("cp125") or name.startswith("iso8859"):
        order += ["cp1252", "latin-1"]
    return [c for c in dict.fromkeys(order) if c]
