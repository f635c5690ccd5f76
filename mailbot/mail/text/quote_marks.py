"""What mail clients mark history, forwards and signatures with. The words stand in the files of `mailbot.language`; here is
the form they stand in. How the marks are used is said where they are."""

from __future__ import annotations

import re
from functools import cache

from mailbot.language.lists import every
from mailbot.language.pattern import Pattern

QUOTED = re.compile(r"^[ \t]{0,3}>")
INITIALS = re.compile(r"^[ \t]{0,8}([A-Z][A-Za-z]{0,2})>")
DELIMITER = re.compile(r"^\s{0,1}(?:-- ?|—|--\s*)$")
RULE = re.compile(r"^\s*[_=~*-]{4,}\s*>?\s*$")
DATED = re.compile(r"\d{1,4}[./:-]\d|\b(?:19|20)\d\d\b|@|\d年")
CLOCK = re.compile(r"\d{1,2}\W{0,2}[:.]\W{0,2}\d\d")
ADDRESSED = re.compile(r"<[^<>\s]*@[^<>\s]*>|\[mailto:|^\s*\"?[^\s\"<>()]+@[^\s<>()]+\"?\s*$")

WROTE = r"(?:\b{{reply.wrote}}(?!\w)|{{reply.wrote_suffix}})"
WROTE_END = Pattern(rf"{WROTE}[^\w\n]{{0,40}}[:：]\s*$")
SAID = Pattern(r"(?:\b{{reply.said}})\W*[:：]$")
"""Attributions too weak to count without a quoted line right below."""
_BEGINS = r"(?:{{reply.starts}}\b|{{words.days_short}}\b|\w{2,3}[.,]|\d)"
SCHRIEB_MIDDLE = Pattern(rf"^\W*{_BEGINS}.{{0,200}}\b{{{{reply.wrote}}}}(?!\w).{{0,160}}[:：]\s*$", re.DOTALL)

_ADDRESS = r"<[^<>\s]+@[^<>\s]+\s*>"
_DAY = r"\d{1,2}[./]\d{1,2}[./]\d{2,4}"
_TIME = r"\d{1,2}:\d\d"
_CJK_DAY = r"\d{4}年\d{1,2}月\d{1,2}日"
_CJK_WEEKDAY = r"(?:[(（].{1,4}[)）]|[周週星曜]\S{1,2})?[\s,，]*"
_WITH_WORD = (
    rf"[^<>]{{1,80}}{_ADDRESS}\s*{{{{reply.wrote}}}}(?!\w).{{4,80}}\d.{{0,20}}[:：]",
    r"{{reply.starts}}\s.{6,80}\b{{reply.has}}\s.{2,120}\b{{reply.written}}\s*[:：]",
    # Open-Xchange
    rf"[^\n<>]{{1,60}}{_ADDRESS}\s+{{{{reply.has}}}} {{{{reply.starts}}}}\s.{{6,40}}\b{{{{reply.written}}}}\s*[:：]",
    rf"[^\n<>:]{{1,60}}\b{{{{reply.wrote}}}}(?: {{{{reply.starts}}}})?\s{_DAY}\s.{{0,20}}\d{{1,2}}[:.]\d\d.{{0,6}}[:：]",
    # Zoho, Notes
    r"-{2,}\s*{{reply.starts}}\s.{6,200}\b{{reply.wrote}}\s*-{2,}",
    rf"-{{3,}}\s*\"?[^\"\n]{{1,80}}\"?\s{_ADDRESS}\s{{{{reply.wrote}}}}\s?[:：]\s*-{{3,}}",
    rf"-*\s*{{{{reply.starts}}}}\s(?=.*(?<![\d.])\d{{1,2}}[:.]\d\d).{{6,220}}{_ADDRESS}\s*{{{{reply.wrote}}}}\W*",
)
_WITHOUT_WORD = (
    rf"{_TIME}(?:\s?{{{{words.half_day}}}})?,?\s+[^\W\d]{{3,12}}\s\d{{1,2}},?\s\d{{4}}.{{0,120}}{_ADDRESS}\s*[:：]",
    # GroupWise, Horde
    rf">>>\s[^\n<>]{{1,60}}{_ADDRESS}\s{_DAY}\s{_TIME}.{{0,6}}>>>",
    r"{{reply.quoting}}\s.{3,120}[:：]",
    r"{{reply.written_by}}\s.{4,160}\d.{0,30}[:：]",
    # No word for writing: what stands there begins with a date, after a weekday at most, or with a name and an address.
    rf"(?:[^\W\d]{{1,12}}[.,]{{0,2}}\s+){{0,2}}\d{{1,4}}(?:[./年-]\s?\d|\.?\s+[^\W\d]{{2,}}).{{0,200}}{_ADDRESS}\s*[:：]",
    rf"{_CJK_DAY}\s*{_CJK_WEEKDAY}{{{{words.half_day}}}}?\s*\d{{1,2}}\s*[:：時时点點].{{0,120}}(?:[:：]|>)",
    rf"{_CJK_DAY}.{{0,80}}{_ADDRESS}.{{0,12}}[:：]?",
    rf"\d{{4}}[./-]\d{{1,2}}[./-]\d{{1,2}}.{{0,80}}{_ADDRESS}\s*[:：]?",
    r"{{reply.starts}}\s(?:[^\W\d]{1,12}['’׳]?[.,،]{0,2}\s+){0,3}(?:\w-)?\d{1,4}\b(?![:.]\d\d\b(?!\.))"
    rf".{{0,150}}{_ADDRESS}\s*[:：]",
    rf"{_DAY},?[\s\d:.]{{0,12}}(?:{{{{words.half_day}}}}|[^\W\d]\.)?,?\s*\b{{{{reply.by}}}}\b.{{0,120}}[:：]",
    rf"[^\n]{{1,60}}{_ADDRESS}\s*(?:,\s*)?\d{{1,2}}[ ./-].{{4,60}}[:：]",
    r">?-*\s*{{reply.in_message}}\s.{5,120}[:：]",
)
WITH_WORD = Pattern(rf"^\W*(?:{'|'.join(_WITH_WORD)})\s*$", re.DOTALL)
WITHOUT_WORD = Pattern(rf"^\W*(?:{'|'.join(_WITHOUT_WORD)})\s*$", re.DOTALL)
STARTS = Pattern(r"^\W{0,3}(?:{{reply.starts}}\s.*\d|\d|\w{2,12}[.,]{0,2}\s*(?:[^\W\d]{2,3} )?\d)")


@cache
def _words_for_writing() -> frozenset[str]:
    entries = (*every("reply.wrote"), *every("reply.written"))
    return frozenset(max(re.findall(r"\w+", entry), key=len).casefold() for entry in entries)


def may_say_wrote(text: str) -> bool:
    """Whether a word for writing may stand in a text: quick, where the patterns that look for one are not."""
    return not text.isascii() or not _words_for_writing().isdisjoint(re.findall(r"\w+", text.casefold()))


_SEPARATOR = re.compile(
    r"^[ \t]*(?:>\s*)*(?P<rule>[-_=*~+#]{2,}\s*)?(?P<words>[^\W_](?:.{2,60}\w)?)\s*(?P<end>[:：]?)\s*[-_=*~+#]*\s*$"
)
_DRAWN = frozenset("-_=*~+#>:：")


@cache
def names(*lists: str) -> frozenset[str]:
    """The entries of these lists in all languages, in lower case, to look a name up in."""
    return frozenset(entry.casefold() for each in lists for entry in every(each))


def plain(text: str) -> str:
    """A word as the lists have it: in lower case, its apostrophe straight."""
    return text.replace("İ", "i").casefold().replace("’", "'")


def separator(text: str) -> str:
    """ "original" or "forwarded" where a line of nothing else says so of what stands below it; empty for any other line."""
    around = text.strip()
    if not around or (around[0] not in _DRAWN and around[-1] not in _DRAWN):
        return ""
    match = _SEPARATOR.match(text)
    if not match or not (match["rule"] or match["end"]):
        return ""
    words = plain(match["words"])
    if words in names("reply.forwarded"):
        return "forwarded"
    return "original" if words in names("reply.original_message") else ""


FIELD = re.compile(r"^\W{0,6}(?P<name>[^\W\d_][^:：*_<>@]{0,30}?)\s*[*_]*\s*[:：][*_]*")
SUBJECT_FIELD = Pattern(r"(?:^|\s)\W{0,6}{{reply.subject}}\s*[*_]*\s*[:：]")


_PHONE = r"(?:{{reply.device}}|{{reply.phone}})"
_MINE = r"{{reply.my}}\s+(?:\S+\s+){0,3}?(?:{{reply.phone}}|{{reply.owned}})(?!\w)"
MOBILE = (
    # Sent from my iPhone
    Pattern(
        rf"^\W{{0,4}}{{{{reply.sent_from}}}}(?:.{{0,40}}{{{{reply.device}}}}|\s*{_MINE}|\s+{{{{reply.phone}}}}\W*$)"
    ),
    # Von meinem iPhone gesendet
    Pattern(
        rf"^\W{{0,4}}{{{{reply.by}}}}\s{{{{reply.my}}}}.{{0,30}}?{_PHONE}.{{0,20}}?\s?{{{{reply.sent_after}}}}\W*$"
    ),
    # iPhoneから送信
    Pattern(r"^\W{0,4}(?:{{reply.my}}\s?)?{{reply.device}}\S{0,20}?\s?{{reply.sent_after}}\W*$"),
    # Get Outlook for iOS
    Pattern(
        r"^\W{0,4}{{reply.get_app}}\W*(?:(?:\w+\s){0,3}(?:ios|android|mac\w*|windows)\b\W*(?:\S{1,60}\W*)?)?$"
    ),
)


@cache
def _openings() -> frozenset[str]:
    firsts = (entry[:4].casefold() for each in ("reply.sent_from", "reply.get_app") for entry in every(each))
    return frozenset(first if first.replace(" ", "").isalpha() else first[:2] for first in firsts)


@cache
def _endings() -> tuple[str, ...]:
    return every("reply.sent_after")


_BESIDE = " \t\xa0\u200e\u200f\u202a\u202b\u202c-–—_*>.!()[]|•·\"'"


def mobile(text: str) -> bool:
    """Whether a line is what a phone sets below a mail ("Sent from my iPhone"), and nothing else. Few lines begin or end as
    such a line does; only for those the patterns are worth their time."""
    if len(text) > 80:
        return False
    bare = text.strip(_BESIDE).casefold()
    opens = bare[:4] in _openings() or bare[:2] in _openings()
    if not (opens or bare.endswith(_endings())) or re.search(r"[.!?]\s+\w|\?", text):
        return False
    return any(pattern.match(text) for pattern in MOBILE)


LIST_FOOTER = Pattern(r"^\W*(?:{{reply.list_footer}}|https?://\S+/(?:listinfo|mailman))")
