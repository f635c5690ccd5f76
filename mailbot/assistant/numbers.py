"""The numbers and times of a text, with their units, in the ways in which countries write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailbot.language.phrases import lowered

_SPACE = "[ \u00a0\u2009\u202f'’]"
_NUMBER = re.compile(
    rf"(?<![\w.,])(?:\d{{1,3}}(?:{_SPACE}\d{{3}})+|\d+)(?:[.,]\d+)*(?:/\d+)?(?!\d)|(?<=[A-Za-z_+×x])\d+(?:[.,]\d+)*"
)
_MINUTES = r"(?:(?P<s>[:.]|\s?h\s?)(?P<m>[0-5]\d))?"
_MARK = r"(?P<x>a\.?m\.?|p\.?m\.?|uhr|heures?|hrs?|h)?"
_TIME = re.compile(rf"(?<![\d.,:/])(?P<h>[01]?\d|2[0-4]){_MINUTES}\s?{_MARK}(?![\w:]|[.,]\d)", re.IGNORECASE)
_AT = re.compile(r"(?:\b(?:at|um|à|a las|om|kl\.?|alle|o|von|from|de|till?|until|bis)\s)$", re.IGNORECASE)
_RATE = re.compile(r"\s?(?:[€$£%]|eur|per\b|each|an?\b|pro\b|je\b|par\b)", re.IGNORECASE)
_UNITS = (
    ("%", r"%|per ?cent|prozent|pour ?cent|por ?ciento|per ?cento|procent|proc\b"),
    ("€", r"€|eur\b|euros?\b"),
    ("$", r"\$|usd\b|dollars?\b"),
    ("£", r"£|gbp\b|pounds?\b|quid\b"),
    ("Fr", r"chf\b|fr\.\b|franken\b|francs?\b"),
)
_AFTER = re.compile(r"\s?(?:" + "|".join(f"({p})" for _, p in _UNITS) + ")", re.IGNORECASE)
_BEFORE = re.compile(r"(?:([€])|([$])|([£]))\s?$")
_TIMES = re.compile(
    r"\s?(?:(million|millionen|millions|mio\.?|millones|milioni|miljoen)|(thousand|tausend|mille|mil|duizend)|(k)\b)",
    re.IGNORECASE,
)
_VERSION = re.compile(r"(?:\bv|version|release|build)\.?\s?$", re.IGNORECASE)

_ONES = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn zwanzig",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf vingt",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve veinte",
    "nl": "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien twintig",
    "it": "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove venti",
}  # fmt: skip
_TENS = {
    "en": "thirty forty fifty sixty seventy eighty ninety", "de": "dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "fr": "trente quarante cinquante soixante soixante-dix quatre-vingts quatre-vingt-dix", "es": "treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "nl": "dertig veertig vijftig zestig zeventig tachtig negentig", "it": "trenta quaranta cinquanta sessanta settanta ottanta novanta",
}  # fmt: skip
_SCALES = {
    "hundred": 100, "hundert": 100, "cent": 100, "cents": 100, "cien": 100, "honderd": 100, "cento": 100,
    "thousand": 1000, "tausend": 1000, "mille": 1000, "mil": 1000, "duizend": 1000, "mila": 1000,
}  # fmt: skip
_WORDS = {
    **{word: n for words in _ONES.values() for n, word in enumerate(words.split())},
    **{word: 10 * n for words in _TENS.values() for n, word in enumerate(words.split(), 3)},
}
_STEMS = sorted((w for w in (*_WORDS, *_SCALES) if len(w) > 2), key=len, reverse=True)
_COMPOUND = re.compile(rf"(?:{'|'.join(_STEMS)}|und|ein)+$")
_SPELLED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Number:
    """A number: every value that it may mean, its unit (`%`, `€`, ... or empty), and as it was written."""

    values: frozenset[str]
    unit: str
    shown: str
    spelled: bool = False


def times_in(text: str) -> Iterator[tuple[str, str, int, int]]:
    """(`HH:MM`, as written, start, end) of each time of day."""
    for m in _TIME.finditer(text):
        mark = (m["x"] or "").lower().replace(".", "")
        sure = (
            mark in ("am", "pm", "uhr", "heure", "heures")
            or (m["m"] and m["s"] == ":")
            or (m["m"] and "h" in (m["s"] or ""))
        )
        if not sure and not (
            m["m"] and _AT.search(text[max(0, m.start() - 8) : m.start()]) and not _RATE.match(text, m.end())
        ):
            continue
        hour = int(m["h"]) % 12 + (12 if mark == "pm" else 0) if mark in ("am", "pm") else int(m["h"])
        yield f"{hour:02}:{m['m'] or '00'}", m[0].strip(), m.start(), m.end()


def numbers_in(text: str) -> Iterator[Number]:
    """Every number of a text that is no time of day; spelled ones too."""
    for _, _, start, end in times_in(text):
        text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    for m in _NUMBER.finditer(text):
        before, end = text[max(0, m.start() - 10) : m.start()], m.end()
        if _VERSION.search(before):
            yield Number(frozenset({m[0]}), "", m[0])
            continue
        factor = 1
        if times := _TIMES.match(text, end):
            factor, end = (1_000_000 if times[1] else 1000), times.end()
        unit = _unit(before, text, end)
        yield Number(
            frozenset(_scaled(v, factor) for v in _values(m[0], money=unit not in ("", "%"))),
            unit,
            text[m.start() : end],
        )
    yield from _spelled(text)


def _unit(before: str, text: str, end: int) -> str:
    if found := _AFTER.match(text, end):
        return _UNITS[next(n for n, g in enumerate(found.groups()) if g)][0]
    if found := _BEFORE.search(before):
        return str(found[0].strip())
    return ""


def _values(written: str, *, money: bool) -> set[str]:
    """What a number may mean: `1.200` is 1200 in one country and 1.2 in another, but money has no three decimals."""
    plain = re.sub(_SPACE, "", written)
    if "/" in plain:
        return {plain}
    parts = re.split(r"[.,]", plain)
    if len(parts) == 1:
        return {plain.lstrip("0") or "0"}
    found = set()
    grouped = all(len(p) == 3 for p in parts[1:]) and len(parts[0]) <= 3 and parts[0] != "0"
    if grouped:
        found.add("".join(parts).lstrip("0") or "0")
    if len(parts) == 2 and not (grouped and money):
        found.add(_decimal(parts[0], parts[1]))
    if (
        len(parts) > 2
        and all(len(p) == 3 for p in parts[1:-1])
        and len(parts[-1]) != 3
        and plain[-len(parts[-1]) - 1] != plain[len(parts[0])]
    ):
        found.add(_decimal("".join(parts[:-1]), parts[-1]))
    return found or {plain}  # a version, an address


def _decimal(whole: str, fraction: str) -> str:
    fraction = fraction.rstrip("0")
    return f"{whole.lstrip('0') or '0'}.{fraction}" if fraction else whole.lstrip("0") or "0"


def _scaled(value: str, factor: int) -> str:
    if factor == 1:
        return value
    try:
        scaled = float(value) * factor
    except ValueError:
        return value
    return str(int(scaled)) if scaled == int(scaled) else str(scaled)


def _spelled(text: str) -> Iterator[Number]:
    """Numbers in words: `fifteen percent`, `twenty thousand`, `zwanzigtausend`."""
    said = lowered(text)
    run: list[tuple[int, int, int]] = []
    """(value, start, end) of the words that are one number together."""
    for m in (*_SPELLED.finditer(said), None):
        value = _value(m[0]) if m else None
        beside = m is not None and bool(run) and not said[run[-1][2] : m.start()].strip(" -")
        if run and (value is None or not beside):
            yield _joined(run, text)
            run = []
        if m and value is not None:
            run.append((value, m.start(), m.end()))


def _value(word: str) -> int | None:
    if word in _WORDS:
        return _WORDS[word]
    if word in _SCALES:
        return _SCALES[word] if word not in ("cent", "cents", "mil") else None
    if len(word) > 6 and _COMPOUND.match(word.replace("-", "")):
        parts = re.findall("|".join(_STEMS), word.replace("-", ""))
        return _sum([_WORDS.get(p, _SCALES.get(p, 0)) for p in parts])
    return None


def _sum(values: list[int]) -> int:
    total = part = 0
    for value in values:
        if value in (100, 1000):
            part = max(1, part) * value
            if value == 1000:
                total, part = total + part, 0
        else:
            part += value
    return total + part


def _joined(run: list[tuple[int, int, int]], text: str) -> Number:
    start, end = run[0][1], run[-1][2]
    value = _sum([v for v, _, _ in run])
    return Number(frozenset({str(value)}), _unit("", text, end), text[start:end], spelled=True)
