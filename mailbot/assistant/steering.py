"""Whether a mail speaks to a language model in the place of its reader: what attempts to steer one look like."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from mailbot.mail.message import Message, Text
from mailbot.mail.text.markup import all_text
from mailbot.vault.markdown import visible

_QUOTED = re.compile(r"[\"“„«‘'`](?=\S)[^\"”“»’'`\n]{3,300}?[\"”“»’'`](?!\w)")
"""Words that are spoken of, not spoken: an article on attacks cites them."""
_MACHINE = r"(?:(?:large |ai )*language model|ai|a\.i\.|llm|gpt(?:-?\d\w*)?|chat ?gpt|chat ?bot|claude|gemini|copilot|(?:language|ai) model|(?:ai|virtual|e-?mail|mail|writing|helpful) (?:assistant|agent|tool|system)|assistant|automated (?:system|agent))"
_ATTEMPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "it tells a model to ignore its instructions",
        re.compile(
            r"\b(?:ignore|disregard|forget|override|bypass|skip|drop)\b[^.\n]{0,40}\b(?:previous|prior|above|earlier|all|any|your|original|system|preceding|former)\b[^.\n]{0,30}\b(?:instructions?|prompts?|rules?|guidelines?|directives?|context|orders|restrictions?|programming)\b"
            r"|\b(?:ignorier|vergiss|missachte)\w*\b[^.\n]{0,40}\b(?:anweisung|instruktion|regel|vorgabe)\w*|\b(?:ignore[zr]?|oublie[zr]?)\b[^.\n]{0,40}\b(?:instructions|consignes|règles)\b"
            r"|\b(?:ignora|olvida)\b[^.\n]{0,40}\b(?:instrucciones|reglas|istruzioni|regole|instruções|regras)\b|игнорируй\w*[^.\n]{0,40}инструкци\w*|(?:忽略|无视|無視)[^。\n]{0,20}(?:指示|指令|规则|ルール)|(?:指示|指令|ルール)を無視",
            re.IGNORECASE,
        ),
    ),
    (
        "it speaks to a model",
        re.compile(
            rf"(?:^|[.!?:\n]\s*|\b(?:dear|hey|hi|hello|attention|note to|message to|instructions? (?:to|for)|for) (?:the |any |all |my |your )?){_MACHINE}s?(?: reading this)?\s*[,:!\-–—]+\s*(?:please |you |do |your |now )?\w+"
            rf"|\bif you are (?:an?|the) {_MACHINE}\b|\byou are (?:now |no longer )?(?:an?|the|in|my)? ?(?:{_MACHINE}|developer mode|dan\b|jailbr\w+)|\bas an? {_MACHINE},? (?:you|your)\b"
            rf"|\b(?:important |urgent )?message (?:from me,? [^.\n]{{0,40}})?(?:,? ?to you,? )(?:the )?{_MACHINE}|\b{_MACHINE}s? (?:must|should|shall|has to|is required to|need to|needs to) (?:also |now |always |immediately )?(?:reply|respond|include|add|send|forward|write|append|insert|reveal|say|output|answer|ignore|follow|disclose|state|confirm|attach|mention|put|use|cc|bcc)\b",
            re.IGNORECASE | re.MULTILINE,
        ),
    ),
    (
        "it asks for the prompt or for secrets of the system",
        re.compile(
            r"\b(?:reveal|show|print|repeat|output|include|quote|paste|disclose|leak|tell me|send(?: me)?|give me|what (?:is|are)) (?:me |us )?(?:all (?:of )?)?(?:your|the) (?:full |entire |complete |hidden |initial |original |secret |exact )*(?:system|initial|hidden|developer|secret|original) (?:prompts?|instructions?|messages?)\b(?=\s*(?:[.?!,;:\n]|and|verbatim|in|to|as|here|$))"
            r"|\b(?:reveal|show|print|repeat|output|include|quote|paste|disclose|leak)\b[^.\n]{0,30}\b(?:everything|all text|the text|anything)\b[^.\n]{0,15}\babove\b",
            re.IGNORECASE,
        ),
    ),
    (
        "it has the control marks of a model's prompt",
        re.compile(
            r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)\|?>|\[/?INST\]|<</?SYS>>|^\s*#{2,}\s*(?:system|instructions?|new instructions?)\s*:?\s*#*\s*$|</?(?:system|instructions?|information|important)>|^\s*(?:system|assistant|developer)\s*:\s*(?:you|ignore|forward|send|reply|respond|from now|the user|always|never|new|please|do|add|include)\b"
            r"|(?:^|[.!?]\s+)(?:new|updated|additional|real|actual) (?:system )?instructions?\s*:|\b(?:begin|start|end) (?:of )?(?:system|hidden|secret) (?:prompt|instructions?)\b|<<<\w+-[0-9a-f]{8,}|(?<![0-9a-f])[0-9a-f]{8,64}>>>",
            re.IGNORECASE | re.MULTILINE,
        ),
    ),
    (
        "it tells whoever drafts the answer what to put in it, unseen by the user",
        re.compile(
            r"\b(?:do not|don'?t|never|without) (?:tell(?:ing)?|inform(?:ing)?|alert(?:ing)?|notify(?:ing)?|mention(?:ing)?(?: this)? to|show(?:ing)?|let(?:ting)?) (?:the |your |this to (?:the )?)?(?:user|owner|recipient|human|account holder)\b(?=\s*(?:[.,;!:\n]|about|of|that|anything|this|know|what|$))"
            r"|\b(?:in|at the (?:end|start|beginning|top|bottom) of|into|to) (?:your|the) (?:reply|response|answer|draft|summary)\b[^.\n]{0,60}\b(?:include|add|insert|append|put|write|say|click)\b[^.\n]{0,40}(?:https?:|www\.|the following|exactly|verbatim|\bthis (?:link|text|sentence|line|url|phrase|image)|:)"
            r"|\b(?:include|add|insert|append|put) (?:the following|this|these) (?:text|link|sentence|line|url|image|address|phrase|code|words?)\b[^.\n]{0,60}\b(?:in|to|at|into) (?:your|the|every|each|all) (?:reply|replies|response|answer|draft|e-?mail|end)"
            r"|\b(?:forward|send|exfiltrate|bcc|cc) (?:all|every|any|the last|the latest|this|these|copies of|a copy of)[^.\n]{0,60}\b(?:e-?mails?|messages|notes|conversations?|drafts?|contacts|passwords?|thread|inbox)\b[^.\n]{0,40}\bto\b[^.\n]{0,20}\S+@\S+",
            re.IGNORECASE,
        ),
    ),
)
_SPACES = re.compile(r"\s{2,}")
"""Runs of white space are closed first: every pattern below may then look for one character of it."""
_TAGS = re.compile("[\U000e0020-\U000e007f]{4,}")


def attempts(message: Message) -> tuple[str, ...]:
    """Why a mail looks like an attempt to steer a model, wherever in it: text shown or hidden, subject, names, calendar.
    Empty for almost every mail; words in quotation marks are spoken of and do not count."""
    found: dict[str, None] = {}
    for text in _texts(message):
        if _TAGS.search(text):
            found["it has text in invisible tag characters"] = None
        plain = unicodedata.normalize("NFKC", visible(text))[:100_000]
        plain = _SPACES.sub(lambda m: "\n" if "\n" in m[0] else " ", plain)
        plain = _QUOTED.sub(" ", plain)
        for why, pattern in _ATTEMPTS:
            if pattern.search(plain):
                found[why] = None
    return tuple(found)


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
