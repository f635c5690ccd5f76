"""The words that mail clients write around a reply, in every language that there is: each file's examples against the
functions that read mail, and the form of the files themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.language import lists
from mailbot.language.detect import language_of
from mailbot.mail.message import Address, Text
from mailbot.mail.mime.reply_body import quoted
from mailbot.mail.text.attribution import attribution
from mailbot.mail.text.html_lines import Line
from mailbot.mail.text.printed_header import header_block
from mailbot.mail.text.quote_marks import may_say_wrote, mobile, separator
from mailbot.mail.text.split import MailText, split_text
from tests.conftest import ROOT

CORE = (
    "attribution", "wrote", "said", "original_message", "forwarded", "from", "sent", "sent_by_mail", "to", "cc", "subject",
    "phone", "my", "get_app", "sent_from", "list_footer", "role", "telephone", "automatic",
)  # fmt: skip
KNOWN = {
    "words": {"stop", "letters", "months", "months_short", "days", "days_short", "half_day"},
    "reply": {
        *CORE, "wrote_suffix", "has", "written", "written_by", "starts", "by", "quoting", "in_message", "determiner", "pronoun",
        "device", "owned", "sent_after", "forwarded_by", "on", "above_fields", "postscript", "snip", "company", "company_joined", "at", "fax",
    },
}  # fmt: skip


def examples(kind: str) -> list[object]:
    return [
        pytest.param(text, id=f"{code}-{text.strip()[:40]}")
        for code in lists.codes()
        for text in lists.of(code)["examples"][kind]
    ]


def read(text: str) -> list[Line]:
    return [Line(line, 0) for line in text.split("\n")]


def of(text: str) -> MailText:
    return split_text(Text(text, html=False))


@pytest.mark.parametrize("text", examples("attribution"))
def test_an_attribution_is_known_and_parts_the_reply(text: str) -> None:
    assert attribution(read(text), 0) == 1
    assert of(f"My answer.\n\n{text}\n> Their question?\n").newest == "My answer."


@pytest.mark.parametrize("code", lists.codes())
def test_the_attribution_that_we_write_is_known(code: str) -> None:
    quote = quoted(
        "When?", Address("Ana Ruiz", "ana@acme.example"), datetime(2026, 11, 20, 9, 15, tzinfo=UTC), code
    )
    assert "Ana Ruiz" in quote
    assert attribution(read(quote), 0) == 1
    assert of(f"My answer.\n\n{quote}\n").newest == "My answer."


@pytest.mark.parametrize("text", examples("header"))
def test_a_printed_header_is_known_and_begins_history(text: str) -> None:
    assert header_block(read(text.strip("\n")), 0)
    assert of(f"My answer.\n\n{text.strip()}\n\nTheir question?\n").newest == "My answer."


@pytest.mark.parametrize("text", examples("separator"))
def test_a_separator_is_known_and_begins_history(text: str) -> None:
    assert separator(text)
    assert (
        of(f"My answer.\n\n{text}\nFrom: Ana <ana@acme.example>\n\nTheir question?\n").newest == "My answer."
    )


@pytest.mark.parametrize("text", examples("signature_mobile"))
def test_what_a_phone_writes_is_no_part_of_the_reply(text: str) -> None:
    assert mobile(text)
    assert of(f"My answer.\n\n{text}\n").newest == "My answer."


@pytest.mark.parametrize("text", examples("prose"))
def test_words_of_the_authors_that_look_like_a_mark_stay(text: str) -> None:
    """The worst error: losing what the author just wrote."""
    assert of(text).newest == text
    assert of(f"{text}\n\nThe rest of it.\n").newest == f"{text}\n\nThe rest of it."


@pytest.mark.parametrize(
    ("code", "text"), [(c, t) for c in lists.codes() for t in lists.of(c)["examples"]["detect"]]
)
def test_the_language_of_a_sentence_is_found(code: str, text: str) -> None:
    assert language_of(text) == code


@pytest.mark.parametrize(
    "text", ["", "12:30", "ok", "Acme Corp", "https://acme.example/über-uns", "jo@exämple.de", "Thanks!"]
)
def test_where_nothing_tells_a_text_is_english(text: str) -> None:
    assert language_of(text) == "en"


@pytest.mark.parametrize("code", lists.codes())
def test_a_file_has_known_lists_of_short_entries_that_compile(code: str) -> None:
    file = lists.of(code)
    assert set(file) <= {"name", "examples", *lists.TABLES}
    for table, known in KNOWN.items():
        assert set(file[table]) <= known
        for key in file[table]:
            for entry in lists.entries(f"{table}.{key}", code):
                assert entry.strip() and len(entry) <= 100
                if key != "attribution":  # that is a format, not an expression
                    re.compile(entry)


def test_every_word_for_writing_is_one_that_is_looked_for_first() -> None:
    """The quick look must not pass over what the patterns would find."""
    for entry in lists.every("reply.wrote"):
        assert may_say_wrote(f"Ana {entry.replace(chr(92), '')}:"), entry


@pytest.mark.parametrize("key", CORE)
def test_at_least_fifteen_languages_have_every_list_of_the_core(key: str) -> None:
    assert sum(bool(lists.entries(f"reply.{key}", code)) for code in lists.codes()) >= 15


def expressions(file: Path) -> Iterator[tuple[int, str]]:
    """The parts of a program's regular expressions, with their line: texts that re.compile, re.search or Pattern is given."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).split(".")[0] in ("re", "Pattern", "Phrases")
            and node.args
        ):
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value


@pytest.mark.parametrize(
    "file",
    [pytest.param(f, id=str(f.relative_to(ROOT))) for f in sorted((ROOT / "mailbot").rglob("*.py"))],
)
def test_no_regular_expression_is_longer_than_a_line(file: Path) -> None:
    """Words are data: a long expression is a list that belongs into the files of languages."""
    assert [(n, len(text)) for n, text in expressions(file) if len(text) > 120] == []


def test_patterns_are_compiled_when_first_used() -> None:
    """A run that meets no mail compiles no word list."""
    import subprocess
    import sys

    program = (
        "import gc, mailbot.cli, mailbot.mail.text.split, mailbot.mail.text.signature\n"
        "from mailbot.language.pattern import Pattern\n"
        "print(sum('compiled' in vars(p) for p in gc.get_objects() if isinstance(p, Pattern)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "0"
