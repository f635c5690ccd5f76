"""What is found for an answer, and how it is put into a prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.assistant.context.find import Find
from mailbot.assistant.context.gather import gather
from mailbot.assistant.context.packing import packed
from mailbot.assistant.context.remarks import Told
from mailbot.assistant.context.selection import Shown
from mailbot.assistant.scope import Scope
from mailbot.assistant.style import Sample
from mailbot.mail.mail import read_mail
from mailbot.mail.message import Address
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from mailbot.vault.languages import main_languages
from mailbot.vault.source import Context
from mailbot.vault.verdict import Ask
from tests.conftest import mail

ANA = "ana@lumen.example"
FILLER = "\n\n".join(
    f"Paragraph {n} is about gardens, hedges and the weather of last spring. " * 5 for n in range(14)
)


def found(
    tmp_path: Path, notes: dict[str, str], *lookups: str, ask: str = "What does a site survey cost?", sent: tuple[Sample, ...] = (),
    to: tuple[str, ...] = (ANA,), budget: int = 6000
) -> Context:  # fmt: skip
    vault = tmp_path / "vault"
    every = {"Customers/Lumen.md": "---\ntype: customer\ndomain: lumen.example\n---\nMakes lamps.\n", **notes}
    for path, text in every.items():
        (vault / path).parent.mkdir(parents=True, exist_ok=True)
        (vault / path).write_text(text, encoding="utf-8")
    asked = read_mail(
        mail(f"Hi Jo,\n\n{ask}\n\nA", sender=f"A <{to[0]}>", to="jo@own.example", subject="Question")
    )
    scope = Scope(
        own=frozenset({"jo@own.example"}),
        internal_domains=("own.example",),
        readers=tuple(Address("", t) for t in to),
    )
    with Index(tmp_path / "i.sqlite", vault) as index:
        refresh(index)
        return gather(index, asked, [Ask("question", ask, lookups)], scope, budget=budget, sent=sent)


def text_of(context: Context, note: str) -> str:
    return "\n".join(s.text for s in context.sources if s.note == note)


def test_a_short_note_is_given_whole_and_of_a_long_one_its_best_passages(tmp_path: Path) -> None:
    said = "## Costs\n\nA site survey costs 400.\n\n## More\n\nBring boots."
    short = found(tmp_path, {"Short.md": said})
    assert "Bring boots" in text_of(short, "Short.md")
    (tmp_path / "b").mkdir()
    shown = text_of(found(tmp_path / "b", {"Long.md": f"{FILLER}\n\n{said}\n\n{FILLER}"}), "Long.md")
    assert "A site survey costs 400." in shown
    assert "# Costs" in shown
    assert len(shown) < 2500


def test_a_row_is_given_with_the_head_of_its_table(tmp_path: Path) -> None:
    rows = "\n".join(f"| thing {n} | {n} |" for n in range(200))
    note = f"| what | price |\n| --- | --- |\n{rows}\n| site survey | 400 |\n{rows}"
    shown = text_of(found(tmp_path, {"Prices.md": note}), "Prices.md")
    assert shown.startswith("| what | price |\n| --- | --- |\n")
    assert "| site survey | 400 |" in shown


def test_links_are_followed_from_what_was_found(tmp_path: Path) -> None:
    """One hop, and further for no link: the target has none of the words."""
    notes = {
        "Survey.md": "A site survey has a cost; the sums are in [[Tariff 7]].",
        "Tariff 7.md": "Four hundred. See [[Beyond]].",
        "Beyond.md": "Nothing.",
    }
    context = found(tmp_path, notes)
    assert "Four hundred" in text_of(context, "Tariff 7.md")
    assert text_of(context, "Beyond.md") == ""


@pytest.mark.parametrize(
    "how", ["---\nreplaced_by: '[[New]]'\n---\n", "Replaced by [[New]].\n\n", "Ersetzt durch [[New]].\n\n"]
)
def test_what_was_replaced_ranks_below_its_replacement(tmp_path: Path, how: str) -> None:
    notes = {
        "Old.md": f"{how}A site survey costs 300. A site survey costs 300.",
        "New.md": "The sum for visits is 400.",
    }
    context = found(tmp_path, notes)
    ranked = [s.note for s in context.sources]
    assert ranked.index("New.md") < ranked.index("Old.md")
    assert next(s for s in context.sources if s.note == "Old.md").replaced_by == "new"


def test_each_source_has_its_date_and_knows_what_is_newer(tmp_path: Path) -> None:
    body = "A site survey of one day costs {} euros with travel and report."
    notes = {
        "Prices 2025.md": f"---\ndate: 2025-01-01\n---\n{body.format(300)}",
        "Prices 2026.md": f"---\ndate: 2026-01-01\n---\n{body.format(400)}",
    }
    old, new = (next(s for s in found(tmp_path, notes).sources if s.note == n) for n in notes)
    assert (old.date, new.date) == ("2025-01-01", "2026-01-01")
    assert (old.newer, new.newer) == ((new.id,), ())


def test_the_note_of_the_senders_organisation_is_there_though_no_word_finds_it(tmp_path: Path) -> None:
    context = found(tmp_path, {"Survey.md": "A site survey costs 400."})
    assert "Makes lamps." in text_of(context, "Customers/Lumen.md")


def test_lookups_find_what_is_said_in_other_words(tmp_path: Path) -> None:
    notes = {
        "Spesen.md": "Kilometergeld: 0,58 je Kilometer.",
        **{f"n{n}.md": "Other things entirely." for n in range(5)},
    }
    assert text_of(found(tmp_path, notes, ask="What do you take for the drive?"), "Spesen.md") == ""
    assert "0,58" in text_of(
        found(tmp_path, notes, "Kilometergeld", ask="What do you take for the drive?"), "Spesen.md"
    )


def test_what_is_far_below_the_best_is_left_out(tmp_path: Path) -> None:
    notes = {
        "Survey.md": "A site survey costs 400.",
        **{f"n{n}.md": f"The cost of {n} apples, pears and plums in a market." for n in range(30)},
    }
    context = found(tmp_path, notes, "site survey price", "site survey cost")
    assert len([s for s in context.sources if s.note.startswith("n")]) <= 2


@pytest.mark.parametrize(
    ("asks", "worth", "looked_up", "searched", "there"),
    [
        (1, 0.7, True, True, True), (2, 0.7, True, True, False), (2, 0.85, True, True, True), (3, 0.85, True, True, False),
        (9, 0.96, True, True, True), (3, 0.85, False, True, True), (3, 0.6, True, False, True), (0, 0.6, True, True, True),
        (1, 0.4, True, True, False), (0, 0.4, True, False, False),
    ],
)  # fmt: skip
def test_what_turns_up_for_several_asks_must_be_good_for_one(
    tmp_path: Path, asks: int, worth: float, looked_up: bool, searched: bool, there: bool
) -> None:
    """It may have but the words that the asks share. The two best of an ask stay."""
    wanted = [f"ask {n}" for n in range(9)]
    with Index(tmp_path / "i.sqlite", tmp_path) as index:
        for name in "abc":
            (tmp_path / f"{name}.md").write_text(f"Text of {name}.", encoding="utf-8")
        refresh(index)
        best, second, note = (index.at(f"{name}.md") for name in "abc")
    assert best and second and note
    finds = [Find(best, 1.0, "x", wanted, searched=True), Find(second, 0.97, "x", wanted, searched=True)]
    finds.append(Find(note, worth, "x", wanted[:asks], searched=searched))
    shown = [(find, Shown({"say": find.note.body})) for find in finds]
    context = packed(shown, (), 6000, Told((), {}), looked_up=looked_up)
    assert any(s.note == "c.md" for s in context.sources) is there


def test_a_budget_is_never_passed(tmp_path: Path) -> None:
    notes = {f"n{n}.md": f"A site survey costs {n}. " * 20 for n in range(30)}
    context = found(tmp_path, notes, budget=500)
    assert 0 < sum(len(s.text) // 4 for s in context.sources) <= 500


def test_a_mail_of_the_users_is_shown_to_those_who_were_sent_it_and_to_nobody_else(tmp_path: Path) -> None:
    sent = (
        Sample(ANA, "2026-11-01", "The site survey costs 400 ONE.", subject="Survey", readers=frozenset({ANA})),
        Sample("x@globex.example", "2026-11-01", "The site survey costs 900 TWO.", subject="S", readers=frozenset({"x@globex.example"})),
    )  # fmt: skip
    (letter,) = [s for s in found(tmp_path, {}, sent=sent).sources if not s.note]
    assert ("ONE" in letter.text, letter.use, letter.wikilink) == (
        True,
        "say",
        "Your mail of 2026-11-01: Survey",
    )
    two = found(tmp_path, {}, sent=sent, to=(ANA, "bob@lumen.example"))
    assert not [s for s in two.sources if not s.note]


def test_the_languages_of_a_vault_are_those_of_the_users_own_notes(tmp_path: Path) -> None:
    german, english = (
        "Das ist nicht das, was wir wollten, und ich habe es auch gesagt. ",
        "This is not what we wanted, and I have said so. ",
    )
    for n in range(8):
        (tmp_path / f"{n}.md").write_text((german if n < 6 else english) * 4)
    (tmp_path / "mail.md").write_text(
        "---\ntype: email\n---\n" + "Ce n'est pas ce que nous voulions, et je l'ai dit. " * 4
    )
    with Index(tmp_path / "i.sqlite", tmp_path) as index:
        refresh(index)
        assert main_languages(index) == ("German", "English")
