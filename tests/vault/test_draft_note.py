"""The draft note: the user's own format, and the reply read back exactly."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.errors import BadData
from mailbot.vault import note as notes
from mailbot.vault.draft import ActionItem, Draft
from mailbot.vault.draft_note import BEGIN, DraftNote, render
from mailbot.vault.read_draft import parse
from mailbot.vault.source import Context, Source, Withheld
from mailbot.vault.stand_ins import visible
from mailbot.vault.verdict import Verdict


def draft(reply: str = "Hi Ana,\n\n8+3.", context: Context | None = None, **more: object) -> DraftNote:
    return DraftNote(
        original="2026-11-20_091500_7_Storage.md",
        created=datetime(2026, 11, 20, 21, 5, 40, 918549),
        to="ana@acme.example",
        to_name="Ana Ruiz",
        subject="Re: Storage",
        original_quoted="> whole",
        draft=Draft(reply, **more),  # type: ignore[arg-type]
        verdict=Verdict("reply", "model", "Contains question"),
        context=context or Context(),
    )


def test_every_key_and_heading_of_the_users_format_is_there() -> None:
    note = render(
        draft(action_items=(ActionItem("Send it.", "them"), ActionItem("Call Louis", "me", "2025-12-22")))
    )
    keys = [
        "status",
        "type",
        "original",
        "created",
        "to",
        "to_name",
        "subject",
        "reason",
        "topics",
        "people_mentioned",
        "vault_context_used",
        "recipient_type",
        "urgency",
        "stakes",
    ]
    assert [k for k in note.properties if k in keys] == keys
    for heading in ("# Draft Reply: Re: Storage", "**To:** Ana Ruiz", "**Subject:** Re: Storage", "**Context:**", "**Classification:**", "## AI Reasoning",
                    "## Action Items (Extracted)", "## Original Email", "## Vault Context Used", "- [ ] Send it. @them", "- [ ] Call Louis @me 📅 2025-12-22"):  # fmt: skip
        assert heading in note.body
    lines = note.body.split("\n")
    rules = [i for i, line in enumerate(lines) if line == "---"]
    assert len(rules) == 4
    assert all(not lines[i - 1] and not lines[i + 1] for i in rules)


def test_the_context_cannot_swallow_the_rest() -> None:
    source = Source(
        "S1",
        "People/Ana/README.md",
        "Ana",
        "## Key Facts\n\n```\ncut off inside a fence\n</details>",
        "about a person",
        person=True,
    )
    body = render(draft(context=Context((source,)))).body
    assert body.count("```") == 2
    assert body.rstrip().endswith("</details>")
    assert "## People Context\n\n### Ana\n\n*Path: People/Ana/README.md* — [[People/Ana/README]]" in body
    assert "**Key Facts**" in body


@given(st.text(max_size=200))
def test_the_reply_is_read_back_as_it_was(text: str) -> None:
    reply = "\n".join(
        line.rstrip(" ")
        for line in visible(text).expandtabs(8).replace("\u00a0", " ").split("\n")
        if not line.lstrip().startswith(">")
    )
    import re

    reply = re.sub(r"\n{3,}", "\n\n", reply).strip()
    assert parse(notes.write(render(draft(reply=reply))), "d.md").reply == reply


def test_a_number_stands_as_it_was_written() -> None:
    text = "1. one\n2) two\n1.5 x\n\n1. [ ] a task"
    body = render(draft(reply=text)).body
    assert "1. one\n2) two\n1.5 x\n\n1\\. " in body
    assert parse(notes.write(render(draft(reply=text))), "d.md").reply == text


def test_a_draft_without_its_marks_says_what_to_do() -> None:
    text = notes.write(render(draft()))
    with pytest.raises(BadData, match=r"d\.md: the lines"):
        parse(text.replace(BEGIN, ""), "d.md")


def test_five_notes_that_were_withheld_are_named_and_the_rest_is_counted() -> None:
    def said(count: int) -> list[str]:
        withheld = tuple(Withheld(f"News {n}.md", "it is private", "take it away") for n in range(count))
        return (
            render(draft(context=Context(withheld=withheld)))
            .body.rpartition("### Withheld by your rules\n\n")[2]
            .split("\n")[:-1]
        )

    rows = [f"- [[News {n}]]: it is private — to open it: take it away" for n in range(5)]
    assert said(17) == [*rows, "- and 12 more"]
    assert said(5) == rows
