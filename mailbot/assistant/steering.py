"""Whether a mail speaks to a language model in the place of its reader: what attempts to steer one look like.

The words are those of `mailbot/language`, table `steering`. The patterns are dear and almost never match, so that each is
tried only where a text has the words that it needs, and only on the lines around them: see `Sign`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, cached_property

from mailbot.language import lists
from mailbot.language.phrases import Phrases
from mailbot.mail.message import Message, Text
from mailbot.mail.text.markup import all_text
from mailbot.vault.markdown import visible

LOOKED_AT = 100_000
"""Characters of a text."""
MARGIN = 8
"""Lines before and after a word that a pattern needs: more than any pattern spans."""
KEY = 5
"""Letters by which words are looked up: forms of a word have the same first ones."""
_EN = ("en",)
_OTHERS = tuple(code for code in lists.codes() if code != "en")
_QUOTED = re.compile(r"[\"“„«‘'`](?=\S)[^\"”“»’'`\n]{3,300}?[\"”“»’'`](?!\w)")
"""Words that are spoken of, not spoken: an article on attacks cites them."""
_TAGS = re.compile("[\U000e0020-\U000e007f]{4,}")
_WORDS = re.compile(r"\w+")
_NO_CONTROL = {n: None for n in (*range(32), 127) if chr(n) not in "\t\n"}
"""The control characters of ASCII text, as `visible` leaves them out, only faster."""
_PARTED = {n: " " for n in range(128) if not chr(n).isalnum() and chr(n) != "_"}
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
_LOOK_AROUND = re.compile(r"\(\?<?!(?:[^()]|\([^()]*\))*\)")
_STRING = re.compile(r"[<>#@]|\\\.|\]$")
"""In what is no word."""
_SHORT = re.compile(r"\w{1,2}-\w+")
"""`e-mail`: its first letters alone stand everywhere."""
_HEAD = re.compile(r"(\w*)([ '-]?)(.?)", re.DOTALL)
"""The word at the head of an entry without look-arounds, what ends it, and the mark behind it."""


def keys(entry: str) -> frozenset[str]:
    """The first letters, KEY or fewer, of the word that every form of an entry begins with; of two words where its last
    letter may be missing. Raises ValueError where nothing tells."""
    head = _HEAD.match(_LOOK_AROUND.sub("", _folded(entry)))
    word, end, mark = (head[1], head[2], head[3]) if head else ("", "", "")
    if end or not mark:  # the word is whole
        found = {word}
    elif mark in "?*{":
        found = {word, word[:-1]} if len(word) <= KEY and mark == "?" else {word[:-1]}
    else:
        found = {word}
    if not word or (not end and mark and mark != "?" and len(min(found)) < KEY):
        raise ValueError(f"{entry}: nothing tells how it begins")
    return frozenset(w[:KEY] for w in found)


def _folded(text: str) -> str:
    """Lower case as `re.IGNORECASE` compares, the same length."""
    text = text.lower()
    return text if text.isascii() else text.replace("i\u0307", "i").replace("ı", "i").replace("ς", "σ")


class Words:
    """The words of one text, each by its first letters, and the text itself for what is no word."""

    def __init__(self, text: str) -> None:
        self.folded = _folded(text)
        if text.isascii():
            every = set(self.folded.translate(_PARTED).split())
        else:
            every = set(_WORDS.findall(self.folded))
        self.keys = {word[:KEY] for word in every}
        self._met: dict[Need, bool] = {}

    def meet(self, need: Need) -> bool:
        if need not in self._met:
            text = self.folded
            self._met[need] = not need.words.isdisjoint(self.keys) or any(
                string[-1] in text and string in text for string in need.strings
            )
        return self._met[need]


class Need:
    """Entries of which a text must have one: words by their first letters, other strings as they are."""

    def __init__(self, entries: Iterable[str]) -> None:
        words: set[str] = set()
        strings: list[str] = []
        for entry in entries:
            if unspaced := _UNSPACED.findall(entry):
                strings.append(max(unspaced, key=len))
            elif short := _SHORT.match(entry):
                strings.append(_folded(short[0]))
            elif _STRING.search(_LOOK_AROUND.sub("", entry)):
                strings.append(entry.replace("\\", ""))
            else:
                words |= keys(entry)
        self.words, self.strings = frozenset(words), tuple(strings)

    def places(self, words: Words, near: re.Pattern[str] | None) -> list[int]:
        """Where in the text what meets the need stands, in order: words where `near` is, too."""
        text = words.folded
        found = []
        for part in (*(self.words & words.keys), *self.strings):
            if part[-1] in text:
                begins = None if _UNSPACED.match(part) else near  # what is cut out of the middle begins nothing
                found += [at for at in _all(part, text) if begins is None or begins.match(text, at)]
        return sorted(found)


def _all(part: str, text: str) -> list[int]:
    found, at = [], text.find(part)
    while at >= 0:
        found.append(at)
        at = text.find(part, at + 1)
    return found


@cache
def _need(entries: str | tuple[str, ...], codes: tuple[str, ...]) -> Need:
    if isinstance(entries, tuple):
        return Need(entries)
    return Need(entry for code in codes for entry in lists.entries(f"steering.{entries}", code))


class Sign:
    """A pattern that tells of an attempt, and what it needs: of each of `needs` (a list's name, or strings) one must be in a
    text. The pattern is tried on the lines around what is found of the first, where `near` is found around it."""

    def __init__(
        self,
        why: str,
        template: str,
        *needs: str | tuple[str, ...],
        near: str = "",
        codes: tuple[str, ...] = _EN,
    ) -> None:
        self.why, self._needs = why, needs
        self.pattern = Phrases(template, re.IGNORECASE | re.MULTILINE, codes)
        self._near = Phrases(near or f"{{{{steering.{needs[0]}}}}}", codes=codes)

    @cached_property
    def needs(self) -> tuple[Need, ...]:
        return tuple(_need(need, self.pattern.codes) for need in self._needs)

    def may_be_in(self, words: Words) -> bool:
        return all(map(words.meet, self.needs))

    @cached_property
    def looks_for(self) -> tuple[object, ...]:
        """The same for signs whose `places` are the same."""
        return self._needs[0], self._near.template, self.pattern.codes

    @cached_property
    def near(self) -> re.Pattern[str] | None:
        """What must stand where the first need is met, with any number of spaces for one."""
        if not isinstance(self._needs[0], str):
            return None
        pattern = re.sub(r"\(\?<!\w+ \)", "", self._near.compiled.pattern.replace("ı", "i").replace("ς", "σ"))
        return re.compile(re.sub(r" ([?*]?)", lambda m: " *" if m[1] else " +", pattern))

    def places(self, words: Words) -> list[int]:
        return self.needs[0].places(words, self.near)


_IGNORE = "it tells a model to ignore its instructions"
_SPEAKS = "it speaks to a model"
_PROMPT = "it asks for the prompt or for secrets of the system"
_MARKS = "it has the control marks of a model's prompt"
_ANSWER = "it tells whoever drafts the answer what to put in it, unseen by the user"
_MACHINE = "{{steering.machine}}"
_POLITE = r"\s*[,:!\-–—]+\s*(?:please |you |do |your |now )?\w+"
SIGNS = (
    Sign(
        _IGNORE,
        r"{{steering.ignore}}[^.\n]{0,40}{{steering.earlier}}[^.,\n]{0,30}{{steering.instructions}}",
        "ignore", "instructions",
    ),
    Sign(_IGNORE, r"{{steering.ignore}}[^.,\n]{0,40}{{steering.instruction}}", "ignore", "instruction"),
    Sign(
        _IGNORE,
        r"{{steering.ignore}}[^.。\n]{0,40}{{steering.instructions}}",
        "ignore", "instructions", codes=_OTHERS,
    ),
    Sign(
        _IGNORE,
        r"{{steering.instructions}}[^.。\n]{0,40}{{steering.ignore}}",
        "ignore", "instructions", codes=_OTHERS,
    ),
    Sign(_SPEAKS, rf"(?:^|[.!?:\n]\s*){{{{steering.machine}}}}(?: reading this)?{_POLITE}", "machine_word", near=_MACHINE),
    Sign(
        _SPEAKS,
        r"{{steering.address}} (?:(?:the|any|all|my|your) )?{{steering.machine}}(?: reading this)?" + _POLITE,
        "machine_word", near=_MACHINE,
    ),
    Sign(_SPEAKS, r"(?:^|[.!?:。！？\n]\s*){{steering.machine}}\s*[,:!，：！–—-]+\s*\w+", "machine", codes=_OTHERS),
    Sign(_SPEAKS, r"\bif you are (?:an?|the) {{steering.machine}}", "machine_word", near=_MACHINE),
    Sign(_SPEAKS, r"\byou are (?:now |no longer )?(?:(?:an?|the|in|my) )?{{steering.machine}}", "machine_word", near=_MACHINE),
    Sign(_SPEAKS, r"\byou are (?:now |no longer )?(?:(?:an?|the|in|my) )?{{steering.changed}}", "changed_word", near="{{steering.changed}}"),
    Sign(_SPEAKS, r"\bas an? {{steering.machine}},? (?:you|your)\b", "machine_word", near=_MACHINE),
    Sign(
        _SPEAKS,
        r"\bmessage (?:from me,? [^.\n]{0,40})?,? ?to you,? (?:the )?{{steering.machine}}",
        "machine_word", ("message",), near=_MACHINE,
    ),
    Sign(
        _SPEAKS,
        r"{{steering.machine}} {{steering.must}} (?:(?:also|now|always|immediately) )?{{steering.act}}",
        "machine_word", "must_word", "act", near=_MACHINE,
    ),
    Sign(
        _PROMPT,
        r"{{steering.reveal}} (?:me |us )?(?:all (?:of )?)?(?:your|the) (?:{{steering.kind}} )*{{steering.secret}} {{steering.prompt}}"
        r"(?=\s*(?:[.?!,;:\n]|and|verbatim|in|to|as|here|$))",
        "secret", "prompt", "reveal_word", near="{{steering.secret}} {{steering.prompt}}",
    ),
    Sign(
        _PROMPT,
        r"{{steering.repeat}}\b[^.\n]{0,30}{{steering.everything}}\b[^.\n]{0,15}\babove\b",
        ("above",), "everything_word", "repeat",
    ),
    Sign(_PROMPT, r"{{steering.reveal}}[^.。\n]{0,30}{{steering.prompt}}", "prompt", codes=_OTHERS),
    Sign(_PROMPT, r"{{steering.prompt}}[^.。\n]{0,30}{{steering.reveal}}", "prompt", codes=_OTHERS),
    Sign(
        _MARKS,
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)\|?>",
        ("<|",),
    ),
    Sign(
        _MARKS,
        r"\[/?inst\]|<</?sys>>|<<<\w+-[0-9a-f]{8,}|(?<![0-9a-f])[0-9a-f]{8,64}>>>",
        ("inst]", "sys>>", "<<<", ">>>"),
    ),
    Sign(
        _MARKS,
        r"</?(?:system|instructions?|information|important)>",
        ("system>", "instruction>", "instructions>", "information>", "important>"),
    ),
    Sign(
        _MARKS,
        r"^\s*#{2,}\s*(?:system|(?:new )?instructions?)\s*:?\s*#*\s*$",
        ("##",), ("system", "instruction", "instructions", "new"),
    ),
    Sign(_MARKS, r"^\s*{{steering.role}}\s*:\s*{{steering.order}}", "role", "order", near=r"{{steering.role}}\s*:"),
    Sign(
        _MARKS,
        r"(?:^|[.!?]\s+){{steering.new}} (?:system )?{{steering.instruction}}\s*:",
        "instruction", "new",
    ),
    Sign(
        _MARKS,
        r"\b(?:begin|start|end) (?:of )?(?:system|hidden|secret) (?:prompt|instructions?)\b",
        ("system", "hidden", "secret"), ("prompt", "instruction", "instructions"), ("begin", "start", "end"),
    ),
    Sign(
        _ANSWER,
        r"{{steering.hide}} (?:the |your |this to (?:the )?)?{{steering.owner}}"
        r"(?=\s*(?:[.,;!:\n]|about|of|that|anything|this|know|what|$))",
        "hide_act", "owner_word", "hide_word", near="{{steering.hide_act}} (?:the |your |this to (?:the )?)?{{steering.owner}}",
    ),
    Sign(
        _ANSWER,
        r"{{steering.place}} (?:your|the) {{steering.answer}}\b[^.\n]{0,60}{{steering.write}}\b[^.\n]{0,40}"
        r"(?:https?:|www\.|the following|exactly|verbatim|\bthis {{steering.piece}}|:)",
        "answer", "write",
    ),
    Sign(
        _ANSWER,
        r"{{steering.put}} {{steering.that_text}} {{steering.piece}}[^.\n]{0,60}\b(?:in|to|at|into) "
        r"(?:your|the|every|each|all) {{steering.answers}}",
        "put", "answers_word", near="{{steering.put}} {{steering.that_text}} {{steering.piece}}",
    ),
    Sign(
        _ANSWER,
        r"{{steering.pass_on}} {{steering.copies}}[^.\n]{0,60}{{steering.mails}}\b[^.\n]{0,40}\bto\b[^.\n]{0,20}\S+@\S+",
        "pass_on", "mails_word", ("@",), near="{{steering.pass_on}} {{steering.copies}}",
    ),
)  # fmt: skip


def attempts(message: Message) -> tuple[str, ...]:
    """Why a mail looks like an attempt to steer a model, wherever in it: text shown or hidden, subject, names, calendar.
    Empty for almost every mail; words in quotation marks are spoken of and do not count."""
    found: dict[str, None] = {}
    for text in _texts(message):
        found.update(dict.fromkeys(_quickly(text)))
    return tuple(found)


def _quickly(text: str) -> list[str]:
    """What `plainly` finds in a text, with the patterns tried only where their words are."""
    if not text:
        return []
    found = [] if text.isascii() else _tagged(text)
    plain = _plain(text)
    words = Words(plain)
    blocks: dict[tuple[object, ...], list[str]] = {}
    for sign in SIGNS:
        if sign.why in found or not sign.may_be_in(words):
            continue
        if (looked := sign.looks_for) not in blocks:
            blocks[looked] = [
                _QUOTED.sub(" ", _closed(block)) for block in _around(plain, sign.places(words))
            ]
        if any(sign.pattern.search(block) for block in blocks[looked]):
            found.append(sign.why)
    return found


def plainly(text: str) -> list[str]:
    """Why a text looks like an attempt, with every pattern tried on the whole of it: the standard for `_quickly`."""
    unquoted = _QUOTED.sub(" ", _closed(_plain(text)))
    found = [sign.why for sign in SIGNS if sign.pattern.search(unquoted)]
    return list(dict.fromkeys([*_tagged(text), *found]))


def _tagged(text: str) -> list[str]:
    return ["it has text in invisible tag characters"] if _TAGS.search(text) else []


def _plain(text: str) -> str:
    """Text as it is read, without control characters and tabs."""
    if text.isascii():
        text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_NO_CONTROL)[:LOOKED_AT]
    else:
        text = unicodedata.normalize("NFKC", visible(text))[:LOOKED_AT]
    return text.replace("\t", " ")


def _closed(text: str) -> str:
    """Text with runs of white space closed and empty lines left out: every pattern may look for one character of it."""
    for run, one in (("  ", " "), (" \n", "\n"), ("\n ", "\n"), ("\n\n", "\n")):
        while run in text:
            text = text.replace(run, one)
    return text


def _around(plain: str, places: Iterable[int]) -> Iterator[str]:
    """The lines around each place; those that overlap as one."""
    begin, end = 0, -1
    for place in places:
        first, last = _margin(plain, place)
        if end >= 0 and first > end:
            yield plain[begin:end]
        if end < 0 or first > end:
            begin = first
        end = max(end, last)
    if end >= 0:
        yield plain[begin:end]


def _margin(plain: str, place: int) -> tuple[int, int]:
    first = last = place
    for _ in range(MARGIN):
        first = plain.rfind("\n", 0, first)
        if first < 0:
            break
        while first and plain[first - 1].isspace():  # empty lines do not count
            first -= 1
    for _ in range(MARGIN):
        last = plain.find("\n", last + 1)
        if last < 0:
            break
        while last + 1 < len(plain) and plain[last + 1].isspace():
            last += 1
    return max(first, 0), len(plain) if last < 0 else last + 1


def _texts(message: Message) -> Iterator[str]:
    yield message.subject
    yield from (a.name for a in message.authors)
    yield from (re.sub(r"[_\-.]+", " ", a.name) for a in message.attachments)
    yield from (re.sub(r"\r?\n[ \t]", "", c.content).replace("\\n", "\n") for c in message.calendars)
    yield from _bodies(message.body)


def _bodies(body: Iterable[Text | Message]) -> Iterator[str]:
    for part in body:
        if isinstance(part, Message):
            yield part.subject
            yield from _bodies(part.body)
        else:
            yield all_text(part.content) if part.html else part.content
