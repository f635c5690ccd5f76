"""Each rule of who may know what, by the forms in which notes are written: what is named, marked, and by whom read."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.assistant.context.gather import gather
from mailbot.assistant.scope import Scope
from mailbot.mail.mail import read_mail
from mailbot.mail.message import Address
from mailbot.settings import Disclosure
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from mailbot.vault.source import Context
from mailbot.vault.verdict import Ask
from tests.conftest import mail

P = "the storage benchmark price is 0.04 CANARY"
BASE = {
    "Customers/Globex.md": "---\ntype: customer\n---\n# Globex\n", "Customers/Harbour Foods.md": "---\ntype: customer\n---\n# H\n",
    "Customers/Müller.md": "---\ntype: customer\ntitle: Müller & Söhne GmbH\n---\n# M\n", "Customers/Initrode.md": "---\ntype: customer\n---\n# I\n",
    "Customers/Lumen.md": "---\ntype: customer\ndomain: lumen.example\n---\n# Lumen\n",
    "People/Marcus Feld.md": "---\ntype: people\nemail: m@globex.example\ncompany: Globex\n---\n# M\n",
    "People/Ana Ruiz.md": "---\ntype: people\nemail: ana@lumen.example\ncompany: '[[Lumen]]'\n---\n# A\n",
    "People/Rob Lee.md": "---\ntype: people\nemail: rob@own.example\n---\n# R\n",
}  # fmt: skip


def shown(
    tmp_path: Path, notes: dict[str, str], *readers: str, strangers: bool = False, **rules: object
) -> Context:
    vault = tmp_path / "vault"
    for path, text in {**BASE, **notes}.items():
        (vault / path).parent.mkdir(parents=True, exist_ok=True)
        (vault / path).write_text(text, encoding="utf-8")
    to = readers or ("ana@lumen.example",)
    asked = read_mail(
        mail(
            "Hi Jo,\n\nwhat is the storage benchmark price?\n\nA", sender=f"A <{to[0]}>", to="jo@own.example"
        )
    )
    scope = Scope(
        own=frozenset({"jo@own.example"}),
        own_names=("Jo Vermeer",),
        internal_domains=("own.example",),
        readers=tuple(Address("", r) for r in to),
        strangers=frozenset(to) if strangers else frozenset(),
        rules=Disclosure.model_validate(rules),
    )
    with Index(tmp_path / "i.sqlite", vault) as index:
        refresh(index)
        return gather(
            index, asked, [Ask("question", "What is the storage benchmark price?")], scope, budget=9000
        )


def has(context: Context) -> bool:
    return any("CANARY" in s.text for s in context.sources)


NAMED = [
    f"- Globex: {P}", f"- Globex\n  - {P}", f"**Globex**\n\n- {P}", f"**Globex**\n- {P}", f"Globex wants storage.\n\n- {P}",
    f"Prices of Globex\n\n| k | v |\n|---|---|\n| x | {P} |", f"> [!info] Globex\n> - {P}", f"> ## Globex\n> - {P}", f"Globex\n------\n\n- {P}",
    f"<h2>Globex</h2>\n\n- {P}", f"<details><summary>Globex</summary>\n\n- {P}", f"- Call with Globex\n- They want {P}", f"- Globex called\n\n{P}",
    f"| who | what |\n|---|---|\n| Globex | a |\n| | {P} |", f"> {P}\n>\n> — Marcus Feld", f"- Prix d’Initrode: {P}", f"- l'Initrode {P}", f"- Globex's {P}",
    f"- [[Customers/Globex|them]] {P}", f"- m@globex.example {P}", f"- #globex {P}", f"- Muller und Sohne {P}", f"- Mueller & Soehne: {P}", f"- MÜLLER {P}",
    f"- Harbour wants {P}", f"- #HarbourFoods {P}", f"- Mr Feld: {P}", f"- Marcus: {P}", f"- Zentrix Ltd: {P}", f"| customer | p |\n|---|---|\n| Unheard | {P} |",
    f"- as in [[Kickoff]]: {P}",
]  # fmt: skip


@pytest.mark.parametrize("body", NAMED)
def test_a_piece_is_about_whom_it_names_or_stands_under(tmp_path: Path, body: str) -> None:
    kickoff = {"Meetings/Kickoff.md": "---\ncustomer: Globex\n---\nx\n"}
    context = shown(tmp_path, {"Notes/Prices.md": f"# Prices\n\n{body}\n", **kickoff})
    assert not has(context)
    assert any(w.note == "Notes/Prices.md" and w.opens for w in context.withheld)


@pytest.mark.parametrize(
    "name", ["Ben", "Al", "Les", "Mark", "Will", "Rose", "Jan", "Max", "Di", "Del", "Hans"]
)
def test_a_first_name_that_is_a_word_somewhere_is_a_name(tmp_path: Path, name: str) -> None:
    person = {
        f"People/{name} Okoro.md": "---\ntype: person\nemail: x@globex.example\ncompany: Globex\n---\n# X\n"
    }
    for body in (f"- Paid by {name}'s people: {P}", f"- {name} says {P}"):
        assert not has(shown(tmp_path, {"Notes/Prices.md": f"# Prices\n\n{body}\n", **person}))


@pytest.mark.parametrize("name", ["Priya Das", "Minh Le", "Wei Du", "Thi Do", "Anna Den"])
def test_a_last_name_that_is_a_word_somewhere_is_a_name(tmp_path: Path, name: str) -> None:
    person = {f"People/{name}.md": "---\ntype: person\nemail: x@globex.example\ncompany: Globex\n---\n# X\n"}
    body = f"- As Ms {name.split()[1]} wrote: {P}"
    assert not has(shown(tmp_path, {"Notes/Prices.md": f"# Prices\n\n{body}\n", **person}))


def test_what_stands_before_a_last_name_is_none(tmp_path: Path) -> None:
    person = {"People/Le Bris.md": "---\ntype: person\nemail: x@globex.example\ncompany: Globex\n---\n# X\n"}
    assert has(shown(tmp_path, {"Notes/Prices.md": f"# Prices\n\n- Le tarif: {P}\n", **person}))


@pytest.mark.parametrize(
    ("path", "front"),
    [
        ("Notes/x.md", "customer: Globex"), ("Notes/x.md", "tags: [globex]"), ("Notes/x.md", "tags: [customer/globex]"), ("Notes/x.md", "about: '[[Globex]]'"),
        ("Notes/x.md", "project: Globex rollout"), ("Notes/x.md", "attendees: [Jo, Marcus Feld]"), ("Notes/x.md", "company: [[Globex]]"),
        ("Notes/Globex call.md", "a: b"), ("Projects/Globex/x.md", "a: b"), ("Customers/Globex/Calls/x.md", "a: b"), ("Customers/Unheard/x.md", "a: b"),
        ("Contacts/Lena Brandt.md", "a: b"), ("Notes/Lena Brandt.md", "type: contact"), ("Notes/Lena.md", "email: lena@elsewhere.example"),
        ("Daily/2026-11-18.md", "a: b"), ("2026/11/18.md", "a: b"), ("Notes/May 12th, 2026.md", "a: b"), ("Bullet Journal/x.md", "a: b"),
        ("Notes/x.md", "audience: internal"), ("Notes/x.md", "audience: '[[Globex]]'"), ("Notes/x.md", "tags: [internal/price]"), ("Notes/x.md", "internal: true"),
        ("Notes/x.md", "visibility: internal"), ("Intern/x.md", "a: b"), ("Notes/Storage (internal).md", "a: b"), ("Notes/x.md", "audience: nobody"),
    ],
)  # fmt: skip
def test_a_note_says_itself_whom_it_is_about_and_for(tmp_path: Path, path: str, front: str) -> None:
    assert not has(shown(tmp_path, {path: f"---\n{front}\n---\n- {P}\n"}))


@pytest.mark.parametrize(
    "body",
    [
        f"- Internal: {P}", f"- intern: {P}", f"- **Internal** {P}", f"- (intern) {P}", f"- INTERN - {P}", f"- nur intern: {P}", f"- {P} (confidential)",
        f"- vertraulich: {P}", f"- do not share: {P}", f"- nicht an Kunden geben: {P}", f"- pas pour le client: {P}", f"## Interne Notizen\n\n- {P}",
        f"## Private notes\n\n- {P}", f"> [!internal]\n> {P}", f"> [!internal-note] x\n> {P}", f"%% {P} %%", f"%%\n{P}\n%%", f"<!-- {P} -->", f"- {P} #internal",
        f"- {P} #internal-only", f"Nur intern\n\n- {P}", f"**Internal**\n\n- {P}", f"- audience:: internal {P}", f"| Internal | {P} |\n|---|---|\n| Internal | {P} |",
        f"- 社外秘 {P}", f"- конфиденциально: {P}",
    ],
)  # fmt: skip
def test_what_says_itself_that_it_is_internal_reaches_no_outsider(tmp_path: Path, body: str) -> None:
    assert not has(shown(tmp_path, {"Notes/Prices.md": f"# Prices\n\n{body}\n"}))


@pytest.mark.parametrize(
    ("body", "use"),
    [
        (f"- {P}", "say"), (f"- Lumen: {P}", "know"), (f"- Ana: {P}", "know"), (f"- Lumen: {P} audience:: [[Lumen]]", "say"), (f"- Rob Lee installs: {P}", "say"),
        (f"| who | what |\n|---|---|\n| Globex | x |\n| Lumen | {P} |", "know"), (f"- Globex: x\n- Lumen: {P}", "know"), (f"> [!customers]\n> - {P}", "say"),
        (f"The harbour is deep. {P}", "say"), (f"## Prices\n\nGlobex asked.\n\n## Storage\n\n{P}", "say"),
    ],
)  # fmt: skip
def test_what_the_readers_may_know_passes_and_its_use_is_told(tmp_path: Path, body: str, use: str) -> None:
    context = shown(tmp_path, {"Notes/Prices.md": f"# Prices\n\n{body}\n"})
    assert [s.use for s in context.sources if "CANARY" in s.text] == [use]
    assert not any("Globex" in s.text and "x |" in s.text for s in context.sources)


MAIL = "type: email\nfrom: Ana <ana@lumen.example>\nto: [jo@own.example]\ndate: '2026-11-01T10:00:00+00:00'"


@pytest.mark.parametrize("more", [f"## My notes\n\n- Globex: {P}", f"%% {P} %%", f"Internal: {P}"])
def test_what_the_user_wrote_below_a_mail_is_a_note_like_any(tmp_path: Path, more: str) -> None:
    assert not has(shown(tmp_path, {"Email/1.md": f"---\n{MAIL}\n---\n# Storage\n\nHello.\n\n{more}\n"}))


def test_a_fact_that_a_mail_with_them_has_may_be_told(tmp_path: Path) -> None:
    notes = {
        "Email/1.md": f"---\n{MAIL}\n---\n# Storage\n\nSo the storage benchmark price for us is 1,250 as agreed.\n",
        "Notes/L.md": "- Lumen: storage benchmark price 1,250 agreed\n- Lumen: would pay a storage price of 1,900\n",
    }
    uses = {s.use: s.text for s in shown(tmp_path, notes).sources if s.note == "Notes/L.md"}
    assert "1,250" in uses["say"]
    assert "1,900" in uses["know"]


@pytest.mark.parametrize(
    ("front", "body", "seen"),
    [
        ("audience: public", f"- {P}", True), ("tags: [public]", f"- {P}", True), ("audience: customers", f"- {P}", False), ("a: b", f"- {P}", False),
        ("a: b", f"- posted in #public on Slack\n- {P}", False), ("audience: public", f"- Globex: {P}", False),
    ],
)  # fmt: skip
def test_a_stranger_gets_what_is_public_and_nothing_else(
    tmp_path: Path, front: str, body: str, seen: bool
) -> None:
    context = shown(
        tmp_path, {"Notes/x.md": f"---\n{front}\n---\n{body}\n"}, "who@nowhere.example", strangers=True
    )
    assert has(context) is seen


def test_a_colleague_of_somebody_known_is_known_with_them_and_a_stranger_beside_them_is_not(
    tmp_path: Path,
) -> None:
    notes = {"Notes/x.md": f"- Lumen: {P}\n"}
    both = ("ana@lumen.example", "new@lumen.example")
    assert has(shown(tmp_path, notes, *both, strangers=False))
    (tmp_path / "two").mkdir()
    assert not has(shown(tmp_path / "two", notes, "ana@lumen.example", "who@nowhere.example"))


@pytest.mark.parametrize(
    "line",
    [f"Rob Lee is on parental leave: {P}", f"Rob earns 64000, {P}", f"Rob: {P}, had surgery", f"Rob wants to leave, {P}", f"Marcus Feld's divorce, {P}"],
)  # fmt: skip
def test_a_third_persons_private_side_reaches_no_colleague(tmp_path: Path, line: str) -> None:
    assert not has(shown(tmp_path, {"Notes/x.md": f"- {line}\n"}, "tess@own.example"))


def test_colleagues_see_customers_and_the_contact_of_others_and_nothing_private(tmp_path: Path) -> None:
    rob = f"---\ntype: people\nemail: rob@own.example\n---\n## Contact\n\n- {P} ONE\n\n## Key Facts\n\n- {P} TWO\n"
    notes = {
        "Notes/x.md": f"- Globex: {P} THREE\n",
        "People/Rob Lee.md": rob,
        "Notes/p.md": f"---\nprivate: true\n---\n{P} FOUR\n",
    }
    text = " ".join(s.text for s in shown(tmp_path, notes, "tess@own.example").sources)
    assert [word for word in ("ONE", "TWO", "THREE", "FOUR") if word in text] == ["ONE", "THREE"]


def test_a_folder_has_an_audience_and_a_note_in_it_may_have_another(tmp_path: Path) -> None:
    notes = {"Ref/a.md": f"- Lumen: {P} ONE\n", "Ref/b.md": f"---\naudience: internal\n---\n{P} TWO\n"}
    context = shown(tmp_path, notes, folders={"Ref": "customers"})
    (source,) = [s for s in context.sources if s.note.startswith("Ref/")]
    assert ("ONE" in source.text, source.use) == (True, "say")
