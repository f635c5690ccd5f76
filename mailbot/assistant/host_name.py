"""Which dotted words are host names. Mail clients make a link of what they take for one, without a scheme or a `www`.

In doubt a word is one. A client links the endings that it knows, and new ones come after any list was written.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise, takewhile

from mailbot.assistant.top_level_domain import is_top_level_domain

_UNSPACED = "\u0e00-\u0eff\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
"""Letters of scripts whose words stand beside a Latin word without a space."""
_SPACED = (
    r"[^\s\x00-,./:-@\[-^`{-\xbf\u2000-\u206f\u2190-\u21ff\u2500-\u25ff\u3000-\u303f\uff00-\uff0f"
    + _UNSPACED
    + "]"
)
"""Any other character that a client may read as part of a host name, also marks and emoji."""
LABEL = f"(?:{_SPACED}+|[{_UNSPACED}]+)"
HOST = (
    rf"(?:(?<!{_SPACED}){_SPACED}+|(?<![{_UNSPACED}])[{_UNSPACED}]+)"
    rf"(?:\.{LABEL}|(?<={_SPACED})\u3002{_SPACED}+)+"
)
"""A dotted word. An ideographic full stop ends a sentence, and is a dot only between Latin letters."""
PATH = r"(?:\.?(?::\d{1,5}(?!\w))?(?:[/?#\\][^\s<>\"'`\])}]*)?)"
"""What may follow it: a port, a path."""

_DOT = re.compile(r"[.\u3002]")

_ABBREVIATIONS = frozenset("b.sc m.sc m.in".split())
"""Abbreviations that are written as a host name is."""
_FILES = frozenset(
    "avi bak bin bmp cfg cpp css csv dat db dmg doc docm docx dotx eml epub exe flac gif gz heic htm html ical ics"
    " ini ipynb iso jar jpeg jpg js json jsx lock log mbox mkv mpeg mpg msg odp ods odt ogg otf"
    " pages pdf pem png ppt pptm pptx psd rar rtf sql sqlite svg tar tex tgz tif tiff toml ts tsv tsx ttf txt vcf wav webm"
    " webp wmv xls xlsb xlsm xlsx xml xsd xz yaml yml".split()
)
"""Endings of files in letters, as far as they are no top-level domains too. Those (`zip`, `md`, `py`) are asked for first."""


def host_in(word: str, path: str = "") -> str:
    """The host name, with its path, that a client may read in a word of the pattern `HOST`: most often all of it. None: "".

    With a path behind it no word counts as an abbreviation or a file.
    """
    clipped = _clipped(word)
    if clipped == word and _is_host(word, any(c in path for c in "/?#\\")):
        return word + path
    if clipped != word and _is_host(clipped):
        return clipped
    dots = [m.start() for m in _DOT.finditer(clipped)]
    for before, end in reversed([*pairwise(dots)]):  # `acme.com` of `acme.com.Thanks`
        if is_top_level_domain(clipped[before + 1 : end]) and clipped[:end].lower() not in _ABBREVIATIONS:
            return clipped[:end]
    return ""


def _clipped(word: str) -> str:
    """A word without what is no part of its ending: `acme.com` of `acme.com-based`."""
    ending = _DOT.split(word)[-1]
    head = word[: -len(ending)]
    if ending.lower().startswith("xn--"):
        return word
    letters = "".join(takewhile(lambda c: unicodedata.category(c)[0] in "LMN", ending))
    if re.match(f"[{_UNSPACED}]", letters):
        known = (n for n in range(len(letters), 1, -1) if is_top_level_domain(letters[:n]))
        letters = letters[: next(known, len(letters))]
    return head + letters if letters else word


def _is_host(word: str, path: bool = False) -> bool:
    *before, ending = _DOT.split(unicodedata.normalize("NFC", word))
    if "www" in (label.lower() for label in before):
        return True
    if is_top_level_domain(ending):
        return path or word.lower() not in _ABBREVIATIONS
    if len(ending) < 2 or not ending.isalpha() or "\u3002" in word:  # `1.2`, `z.B`, `v1.2rc3`
        return False
    if path:
        return True
    if ending.lower() == ending.upper() or ending == ending[0].upper() + ending[1:].lower():
        return False  # prose without a space: `tomorrow.The`, and scripts that have no case
    if ending.lower() in _FILES:
        return False
    return len(ending) > 3 or any(len(label) > 1 for label in before)  # `p.ej`, `t.ex`
