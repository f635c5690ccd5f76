"""Every word that a reader would see stands in the note, once: over the whole corpus."""

from __future__ import annotations

import os
import re
from collections import Counter
from html import unescape as without_entities
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from mailbot.mail.mail import Mail
from mailbot.mail.message import Message, Text
from mailbot.mail.mime.parse import parse
from mailbot.mail.text.split import split
from mailbot.vault.email_body import body_markdown
from mailbot.vault.stand_ins import unescape, visible
from tests.conftest import ROOT
from tests.vault.seen_text import seen_text

CORPUS = Path(os.environ.get("MAILBOT_CORPUS", ROOT.parent / "shared" / "corpus"))


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.replace("_", " ")))


def seen(message: Message) -> str:
    """What a reader is shown of a mail: its plain text, or its HTML less what is hidden."""
    parts = []
    for part in message.body:
        if isinstance(part, Message):
            parts.append(seen(part))
        elif part.html:
            parts.append(seen_text(part.content))
        else:
            parts.append(visible(part.content))
    return "\n".join(parts)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus is not at {CORPUS}; set MAILBOT_CORPUS")
def test_every_word_of_the_corpus_stands_in_its_note() -> None:
    missing: dict[str, list[str]] = {}
    total = 0
    for path in sorted(CORPUS.glob("mime/**/*.eml")):
        message = parse(path.read_bytes())
        if not any(isinstance(b, (Text, Message)) for b in message.body):
            continue
        total += 1
        note = unescape(body_markdown(Mail(message, split(message)))[1])
        # Words that markup parts without a space ("Sale<b>now</b>") may stand together in one and apart in the other.
        lost = words(seen(message)) - words(note)
        if lost and "".join(sorted(lost)) and not all(word in re.sub(r"\W", "", note) for word in lost):
            missing[path.name] = sorted(lost)[:5]
    assert total > 3000
    assert missing == {}


FRAME = re.compile(
    r"^(?:> ?)*> ?\[!(?:info|warning)\] .*\n> .*$|^(?:> ?)*> ?\[![a-z]+\][-+]? .*$|^(?:> ?)+\*\*(?:Subject|From|To|Cc|Date):\*\* .*$",
    re.MULTILINE,
)
"""What a note adds of its own: notices, the titles of callouts, and the header of a forwarded mail."""
ATTRIBUTE = re.compile(
    r"(?:href|alt|title|src)\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE | re.DOTALL
)


def linked(message: Message) -> str:
    """What a note shows beside the words that are seen: where links lead, and what pictures are said to show."""
    parts = []
    for part in message.body:
        if isinstance(part, Message):
            parts.append(linked(part))
        elif part.html:
            parts += ATTRIBUTE.findall(part.content)
    return " ".join(parts)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus is not at {CORPUS}; set MAILBOT_CORPUS")
def test_no_word_of_the_corpus_stands_in_its_note_twice() -> None:
    """No word of the mail is in the note more often than a reader sees it, the numbers of ordered lists aside."""
    doubled: dict[str, list[str]] = {}
    total = 0
    for path in sorted(CORPUS.glob("mime/**/*.eml")):
        message = parse(path.read_bytes())
        text = seen(message)
        if not text.strip():
            continue
        total += 1
        said = words(text)
        urls = without_entities(linked(message))
        may = said + words(" ".join((urls, unquote(urls), quote(urls))))
        noted = words(unescape(FRAME.sub("", body_markdown(Mail(message, split(message)))[1])))
        extra = [w for w, count in noted.items() if w in said and count > may[w] and not w.isdigit()]
        if extra:
            doubled[path.name] = extra[:5]
    assert total > 3000
    assert doubled == {}
