"""Attributions: the line or lines ("On ..., X wrote:") that a client sets above what it quotes."""

from __future__ import annotations

import re

from mailbot.mail.html_lines import Line
from mailbot.mail.quote_marks import (
    DATED,
    OTHER_ATTRIBUTION,
    QUOTED,
    SAID,
    SCHRIEB_MIDDLE,
    STARTS,
    WROTE,
    WROTE_END,
)


def attribution(read: list[Line], i: int) -> int:
    """How many lines an attribution ("On ..., X wrote:") takes that starts at line `i`; 0 for none."""
    joined = ""
    for length in range(1, 5):
        if i + length > len(read):
            return 0
        text = read[i + length - 1].text.strip()
        if not text or (length > 1 and QUOTED.match(text) and text not in (">:", "> wrote:")):
            return 0
        joined = f"{joined} {text}".strip()
        if len(joined) > 400:
            return 0
        if text.endswith((":", "：", ">", "*", "_", "-", "wrote")):
            if _says_who_wrote(joined):
                # Only the attribution itself, not the line of the author's that may stand right above it.
                shorter = [read[k : i + length] for k in range(i + 1, i + length)]
                told = [part for part in shorter if _says_who_wrote(" ".join(x.text.strip() for x in part))]
                if any(STARTS.match(part[0].text) for part in told) or (
                    told and not STARTS.match(read[i].text)
                ):
                    return 0
                return length
            if length == 1 and len(joined) < 120 and _quoted_next(read, i + 1):
                candidate = joined.strip("*_ ")
                if WROTE_END.search(candidate) or SAID.search(candidate):
                    return 1
    return 0


def _quoted_next(read: list[Line], i: int) -> bool:
    """Whether the next line with text is marked as quoted. (A bare blockquote is not enough: people quote Goethe.)"""
    return next((line.quoted for line in read[i : i + 4] if line.text.strip()), False)


def _says_who_wrote(text: str) -> bool:
    candidate = text.strip("*_ ")
    if len(candidate) > 320 or not DATED.search(candidate):
        return False
    return bool(
        WROTE_END.search(candidate) or SCHRIEB_MIDDLE.match(candidate) or OTHER_ATTRIBUTION.match(candidate)
    )


def certain(read: list[Line], i: int, length: int) -> bool:
    """Whether an attribution with no quote mark below it still ends what the author wrote: only where it is written as
    a client writes it, with a time and an address, or a time, a date and a word for writing."""
    text = " ".join(line.text.strip() for line in read[i : i + length]).strip("*_ ")
    if re.search(r"\w{3,}[.!?]\s+[A-ZÀ-ÞА-Я]", text) or re.search(r"\bas\s+\w", text):
        return False  # that is prose
    time = re.search(
        r"(?<![\d.])\d{1,2}[:.h]\d\d(?![\d.]*\d\.)", re.sub(r"\d{1,2}\.\d{1,2}\.\d{2,4}", "", text)
    )
    dated = re.search(r"\b(?:19|20)\d\d\b|\d年|\d{1,2}[./]\d{1,2}", text)
    address = re.search(r"<[^<>\s]+@[^<>\s]+\s*>|\([^()\s]+@[^()\s]+\)", text)
    wrote = re.search(rf"\b(?:{WROTE})\b|写道|寫道|書きました|작성", text, re.IGNORECASE)
    ends = text.endswith((":", "：")) or bool(wrote)
    return bool(ends and ((address and (time or (wrote and dated))) or (wrote and time and dated)))
