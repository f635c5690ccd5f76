"""multipart/alternative (RFC 2046 5.1.4): which of the forms of one text is shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from mailbot.mail.message import Message, Text
from mailbot.mail.text.markup import all_text

Body = Sequence[Text | Message]


def shown_of(forms: Sequence[Body]) -> Iterator[Text | Message]:
    """The form that is shown: the plain text where it says all that the HTML says, since it quotes and diffs best; else the
    HTML. Where no form has words, all of them."""
    shown = [body for body in forms if any(_wordy(b) for b in body)]
    if not shown:
        yield from (b for body in forms for b in body)
        return
    html = [body for body in shown if any(isinstance(b, Text) and b.html for b in body)]
    plain = [body for body in shown if all(isinstance(b, Text) and not b.html for b in body)]
    if html and plain:
        said = _words(" ".join(b.content for b in plain[0] if isinstance(b, Text)))
        asked = _words(" ".join(all_text(b.content) for b in html[-1] if isinstance(b, Text)))
        whole = asked <= said and not any(isinstance(b, Message) for b in html[-1])
        yield from plain[0] if whole else html[-1]
    else:
        yield from (html or [shown[-1]])[-1]


def _wordy(shown: Text | Message) -> bool:
    if isinstance(shown, Message):
        return True
    return bool((all_text(shown.content) if shown.html else shown.content).strip()) or "<img" in shown.content


def _words(text: str) -> set[str]:
    """The words of a text, and its signs that are no punctuation: emoji, currencies, arrows."""
    found = set(re.findall(r"\w+", text.casefold()))
    return (
        found
        if text.isascii()
        else found | {c for c in text if unicodedata.category(c) in ("So", "Sc", "Sm")}
    )
