"""The outline's pointers into the vault: each note once, with the sentence that may answer."""

from __future__ import annotations

from datetime import datetime

import pytest

from mailbot.assistant.leads import LONGEST, leads, spoken
from mailbot.assistant.outline import outline
from mailbot.assistant.request import DraftRequest
from mailbot.mail.mail import read_mail
from mailbot.vault.draft_note import DraftNote, render
from mailbot.vault.source import Context, Source
from mailbot.vault.verdict import Ask, Verdict
from tests.conftest import mail

CODING = Ask("question", "Which erasure coding did you use in the October benchmark?")
BIRCH = Ask("question", "Until when is the Birch offer valid?")
PROJECT = """The benchmark of October ran on the 12-node cluster.

| store | 1 MB reads | 1 MB writes |
| --- | --- | --- |
| Alder | 9.1 GB/s | 4.0 GB/s |

Which erasure coding was used in the October benchmark?
**Erasure coding** was [[Coding|8+3]] in every run. Encryption was on.
The Birch offer is valid until 31 December 2026."""


def source(text: str, *asks: Ask, note: str = "Projects/Storage.md", email: bool = False) -> Source:
    return Source(
        "S1",
        note,
        "Storage",
        f"## Benchmark\n\n{text}",
        "found",
        asks=tuple(a.text for a in asks),
        email=email,
    )


def shown(*sources: Source) -> str:
    request = DraftRequest(read_mail(mail()), (CODING, BIRCH), Context(sources), "Jo", datetime(2026, 11, 20))
    draft = outline(request)
    note = DraftNote(
        "o.md", datetime(2026, 11, 20), "a@b.c", "Ana", "Re: Storage", "> x", draft, Verdict(), Context()
    )
    return render(note).body.partition("**Notes that may answer**\n\n")[2].partition("\n\n## Action Items")[0]


def test_a_note_stands_once_with_its_questions_and_the_sentence_for_each() -> None:
    assert shown(source(PROJECT, CODING, BIRCH), source("Nothing of it.", BIRCH, note="Home.md")) == (
        "- [[Projects/Storage]]\n"
        "    - “Which erasure coding did you use in the October benchmark?” — Erasure coding was 8+3 in every run.\n"
        "    - “Until when is the Birch offer valid?” — The Birch offer is valid until 31 December 2026.\n"
        "- [[Home]]\n"
        "    - “Until when is the Birch offer valid?”"
    )


def test_questions_with_one_answer_stand_together() -> None:
    text = "Erasure coding in the benchmark was 8+3, and the Birch offer is valid until December."
    assert shown(source(text, CODING, BIRCH)).count(text) == 1


def test_a_row_of_a_table_is_a_sentence() -> None:
    ask = Ask("request", "Could you send me the numbers for 1 MB writes?")
    (lead,) = leads([ask], [source(PROJECT, ask)])
    assert lead.answers == (((ask.text,), "store: Alder, 1 MB reads: 9.1 GB/s, 1 MB writes: 4.0 GB/s"),)


def test_a_long_sentence_is_cut_round_the_words_of_the_question() -> None:
    text = f"{'far and wide ' * 60}the Birch offer is valid until December {'and so on ' * 60}."
    ((_, sentence),) = leads([BIRCH], [source(text, BIRCH)])[0].answers
    assert "Birch offer is valid until December" in sentence
    assert len(sentence) <= LONGEST


@pytest.mark.parametrize("email", [True, False])
def test_what_is_shown_of_a_note_is_inert(email: bool) -> None:
    """Invariant 11: a mail's words as well as the user's own queries and tasks."""
    text = "- [ ] Birch offer valid until `= this.secret` #tag ![[Diary]] <% tp.x %> <script>x</script> [x](javascript:y) %% hid"
    body = (
        shown(source(text, BIRCH, email=email))
        .replace("\\#", "")
        .replace("\\[", "")
        .replace("\\`", "")
        .replace("\\<", "")
    )
    for live in ("#tag", "![[", "[[Diary", "<%", "<script", "`=", "- [ ]", "](", "%%"):
        assert live not in body, live


def test_marks_of_markdown_are_no_words() -> None:
    assert (
        spoken("> ## A *b* __c__ `d`\n- [x] e_f [[g|h]] [i](j)\n```py\nk\n```") == "A b c d\ne_f h i\n\nk\n"
    )
