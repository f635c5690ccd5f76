"""Which lines of a mail are its signature or the footer of a mailing list."""

from __future__ import annotations

import re
from functools import lru_cache

from mailbot.language.pattern import Pattern
from mailbot.mail.text.line import Line
from mailbot.mail.text.quote_marks import DELIMITER, LIST_FOOTER, RULE, mobile


def footers(read: list[Line], history: list[bool]) -> list[bool]:
    """Signatures and list footers: from their delimiter to the next quoted line or the end."""
    footer = [line.signature and not history[i] for i, line in enumerate(read)]
    ends = [len(read)] * (len(read) + 1)
    for i in range(len(read) - 1, -1, -1):
        ends[i] = i if history[i] else ends[i + 1]
    i = 0
    while i < len(read):
        text = read[i].text
        if not history[i] and not footer[i] and text.strip():
            end = ends[i]
            begins = text.lstrip()[0] in "-—_=~*"
            dashes, drawn = begins and DELIMITER.match(text), begins and RULE.match(text)
            if dashes or drawn:
                postscript = (j for j in range(i + 1, min(end, i + 41)) if _is_postscript(read[j].text))
                end = next(postscript, end)
            delimited = dashes and (
                (text == "-- " and end - i <= 40)
                or (i > 0 and end - i <= 41 and _like_a_signature(read[i + 1 : end]))
            )
            rule = drawn and _list_footer([line.text for line in read[i + 1 : min(i + 14, end)]])
            if delimited or rule:
                footer[i:end] = [True] * (end - i)
            elif mobile(text):
                footer[i] = True
        i += 1
    return footer


_SENTENCE = re.compile(r"\w+(?:[ ,;]+\S+){4,}[.!:]$")


@lru_cache(maxsize=512)
def _is_postscript(text: str) -> bool:
    return bool(_POSTSCRIPT.match(text))


@lru_cache(maxsize=512)
def _is_of_a_list(text: str) -> bool:
    return bool(LIST_FOOTER.match(text))


_POSTSCRIPT = Pattern(r"^\W{0,3}{{reply.postscript}}(?!\w)\.?\W")
"""What somebody writes below their signature because they forgot it above."""


def _like_a_signature(rest: list[Line]) -> bool:
    """Whether what follows could be a signature without the space that marks one: a few short lines, no question and at most
    one sentence among them, such as people are fond of."""
    texts = [line.text.strip() for line in rest if line.text.strip()]
    return (
        len(texts) <= 8
        and not any(len(t) > 80 or "?" in t for t in texts)
        and sum(bool(_SENTENCE.search(t)) for t in texts) < 2
    )


def _list_footer(below: list[str]) -> bool:
    """Whether the lines below a rule are those that a mailing list adds: its words, with an address or URL beside them."""
    near = [n for n, line in enumerate(below) if _is_of_a_list(line)]
    return any(re.search(r"https?://|\S@\S", " ".join(below[max(0, n - 1) : n + 4])) for n in near)
