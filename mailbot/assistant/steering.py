"""Whether a mail speaks to a language model in the place of its reader: what attempts to steer one look like.

The words are those of `mailbot/language`, table `steering`. The patterns are dear and almost never match, so that each is
tried only where a text has the words that it needs, and only on the lines around them: see `Sign`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property

from mailbot.language.lists import codes
from mailbot.language.phrases import Phrases
from mailbot.mail.message import Message, Text
from mailbot.mail.text.markup import all_text
from mailbot.vault.markdown import visible

LOOKED_AT = 100_000
"""Characters of a text."""
MARGIN = 8
"""Lines before and after a word that a pattern needs: more than any pattern spans."""
NEAR = 90
"""Characters before and after such a word in which what belongs to it must stand."""
KEY = 5
"""Letters by which words are looked up: forms of a word have the same first ones."""
_EN = ("en",)
_OTHERS = tuple(code for code in codes() if code != "en")
_QUOTED = re.compile(r"[\"“„«‘'`](?=\S)[^\"”“»’'`\n]{3,300}?[\"”“»’'`](?!\w)")
"""Words that are spoken of, not spoken: an article on attacks cites them."""
_TAGS = re.compile("[\U000e0020-\U000e007f]{4,}")
_WORDS = re.compile(r"\w+")
_ASCII_WORDS = {
    n: None if n < 32 and chr(n) not in "\t\n\r" or n == 127 else "_" if n == 95 else " "
    for n in range(128)
    if not chr(n).isalnum()
}
"""Parts the words of ASCII text, and leaves out the control characters that `visible` leaves out."""
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
_LOOK_AROUND = re.compile(r"\(\?<?!(?:[^()]|\([^()]*\))*\)")
_STRING = re.compile(r"[<>#@]|\\\.|\]$")
"""In what is no word."""
_HEAD = re.compile(r"([^\\\[(.?*+{|$^]*)(.?)", re.DOTALL)
"""What stands at the head of an entry without look-arounds, and the marks behind it."""


def keys(entry: str) -> frozenset[str]:
    """The first letters, KEY or fewer, of a word that every form of an entry has; of two words where its last letter may
    be missing. Raises ValueError where nothing tells."""
    head = _HEAD.match(_LOOK_AROUND.sub("", _folded(entry)))
    literal, mark = (head[1], head[2]) if head else ("", "")
    words = _WORDS.findall(literal)
    open_ended = bool(mark and words) and literal[-1:] != " "
    if open_ended and mark == "?" and len(words) == 1 and len(words[0]) <= KEY:
        return frozenset({words[0][:-1], words[0]})
    if open_ended:
        last = words.pop()
        words += [last[: -1 if mark in "?*{" else None]] if len(last) > KEY else []
        words += [last] if mark not in "?*{" and len(last) == KEY else []
    if not words:
        raise ValueError(f"{entry}: nothing tells how it begins")
    return frozenset({max(words, key=len)[:KEY]})


def _folded(text: str) -> str:
    """Lower case as `re.IGNORECASE` compares, the same length."""
    text = text.lower()
    return text if text.isascii() else text.replace("i\u0307", "i").replace("ı", "i").replace("ς", "σ")


class Words:
    """The words of one text, each by its first letters, and the text itself for what is no word."""

    def __init__(self, text: str) -> None:
        self.folded = _folded(text)
        if text.isascii():
            every = set(self.folded.translate(_ASCII_WORDS).split())
        else:
            every = set(_WORDS.findall(self.folded))
        self.keys = {word[:KEY] for word in every}


class Need:
    """Entries of which a text must have one: words by their first letters, other strings as they are."""

    def __init__(self, entries: Iterable[str]) -> None:
        words: set[str] = set()
        strings: list[str] = []
        for entry in entries:
            if unspaced := _UNSPACED.findall(entry):
                strings.append(max(unspaced, key=len))
            elif _STRING.search(_LOOK_AROUND.sub("", entry)):
                strings.append(entry.replace("\\", ""))
            else:
                words |= keys(entry)
        self.words, self.strings = frozenset(words), tuple(strings)

    def met(self, words: Words) -> bool:
        return not self.words.isdisjoint(words.keys) or any(string in words.folded for string in self.strings)

    def places(self, words: Words) -> list[int]:
        """Where in the text what meets the need stands, in order; one place too many does no harm."""
        found: list[int] = []
        for part in (*(self.words & words.keys), *self.strings):
            at = words.folded.find(part)
            while at >= 0:
                found.append(at)
                at = words.folded.find(part, at + 1)
        return sorted(found)


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
        self.near = Phrases(near, re.IGNORECASE, codes) if near else None

    @cached_property
    def needs(self) -> tuple[Need, ...]:
        return tuple(
            Need(self.pattern.entries(f"steering.{need}") if isinstance(need, str) else need)
            for need in self._needs
        )

    def may_be_in(self, words: Words) -> bool:
        return all(need.met(words) for need in self.needs)

    def places(self, words: Words) -> list[int]:
        found = self.needs[0].places(words)
        if self.near is None:
            return found
        near = self.near.compiled
        return [at for at in found if near.search(words.folded, max(0, at - NEAR), at + NEAR)]


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
    Sign(_SPEAKS, r"\byou are (?:now |no longer )?(?:(?:an?|the|in|my) )?{{steering.changed}}", "changed_word"),
    Sign(_SPEAKS, r"\bas an? {{steering.machine}},? (?:you|your)\b", "machine_word", near=_MACHINE),
    Sign(
        _SPEAKS,
        r"\bmessage (?:from me,? [^.\n]{0,40})?,? ?to you,? (?:the )?{{steering.machine}}",
        "machine_word", ("message",), near=_MACHINE,
    ),
    Sign(
        _SPEAKS,
        r"{{steering.machine}} {{steering.must}} (?:(?:also|now|always|immediately) )?{{steering.act}}",
        "machine_word", "must_word", "act", near="{{steering.machine}} {{steering.must}}",
    ),
    Sign(
        _PROMPT,
        r"{{steering.reveal}} (?:me |us )?(?:all (?:of )?)?(?:your|the) (?:{{steering.kind}} )*{{steering.secret}} {{steering.prompt}}"
        r"(?=\s*(?:[.?!,;:\n]|and|verbatim|in|to|as|here|$))",
        "prompt", "secret", "reveal_word", near="{{steering.secret}} {{steering.prompt}}",
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
    Sign(_MARKS, r"^\s*{{steering.role}}\s*:\s*{{steering.order}}", "role", "order", near=r"{{steering.role}}\s?:"),
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
        "owner_word", "hide_word", near="{{steering.hide_act}} (?:the |your |this to (?:the )?)?{{steering.owner}}",
    ),
    Sign(
        _ANSWER,
        r"{{steering.place}} (?:your|the) {{steering.answer}}\b[^.\n]{0,60}{{steering.write}}\b[^.\n]{0,40}"
        r"(?:https?:|www\.|the following|exactly|verbatim|\bthis {{steering.piece}}|:)",
        "answer", "write", near="(?:your|the) {{steering.answer}}",
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
    if text.isascii():
        found, plain = [], text
    else:
        found = _tagged(text)
        plain = unicodedata.normalize("NFKC", visible(text))[:LOOKED_AT]
    words = Words(plain)
    signs = [sign for sign in SIGNS if sign.may_be_in(words)]
    if not signs:
        return found
    plain = _closed(visible(plain)[:LOOKED_AT])
    words = Words(plain)
    blocks: dict[tuple[int, ...], list[str]] = {}
    for sign in signs:
        if sign.why in found or not (places := tuple(sign.places(words))):
            continue
        if places not in blocks:
            blocks[places] = [_QUOTED.sub(" ", block) for block in _around(plain, places)]
        if any(sign.pattern.search(block) for block in blocks[places]):
            found.append(sign.why)
    return found


def plainly(text: str) -> list[str]:
    """Why a text looks like an attempt, with every pattern tried on the whole of it: the standard for `_quickly`."""
    plain = _closed(unicodedata.normalize("NFKC", visible(text))[:LOOKED_AT])
    unquoted = _QUOTED.sub(" ", plain)
    found = [sign.why for sign in SIGNS if sign.pattern.search(unquoted)]
    return list(dict.fromkeys([*_tagged(text), *found]))


def _tagged(text: str) -> list[str]:
    return ["it has text in invisible tag characters"] if _TAGS.search(text) else []


def _closed(text: str) -> str:
    """Runs of white space closed, empty lines left out: every pattern may then look for one character of it."""
    return "\n".join(line for line in (" ".join(line.split()) for line in text.split("\n")) if line)


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
    for _ in range(MARGIN):
        last = plain.find("\n", last + 1)
        if last < 0:
            break
    return first + 1, len(plain) if last < 0 else last


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
