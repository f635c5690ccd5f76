"""No passage about somebody reaches a reader who is not of them, whichever path it takes: random vaults, random readers."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from mailbot.assistant.context.gather import gather
from mailbot.assistant.scope import Scope
from mailbot.assistant.style import Sample, style_of
from mailbot.mail.mail import read_mail
from mailbot.mail.message import Address
from mailbot.settings import Disclosure
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from mailbot.vault.verdict import Ask
from tests.conftest import mail

FIRMS = [
    "Globex",
    "Initrode",
    "Harbour Foods",
    "Nordwind",
    "Vandelay Industries",
    "Anchor",
    "Müller & Söhne",
    "山田製作所",
]
PEOPLE = [
    "Marcus Feld",
    "Nina Okafor",
    "Priya Raman",
    "Tomás Vega",
    "Ewa Nowak",
    "Lars Holm",
    "Marcus Bloom",
    "Inés Duarte",
]
PATHS = (
    "bullet", "child", "row", "heading", "title", "property", "folder", "link", "alias", "possessive", "paragraph after", "daily", "person note",
    "firm note", "mail", "thread", "quoted", "merged", "linked note", "comment", "internal", "sent", "address", "head of table",
)  # fmt: skip
"""The ways in which a canary is put into the vault."""
SAID: Counter[str] = Counter()
USER, OWN = "jo@own.example", frozenset({"jo@own.example"})


@dataclass
class World:
    """A vault in the making: the organisations with their domains and people, the canaries, and of whom each is."""

    folder: Path
    of: dict[str, int | None]
    """Person -> the organisation that they are of, by number; None for nobody's."""
    canaries: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """canary -> (path, kind, whom it is about)."""
    sent: list[Sample] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def address(self, person: str) -> str:
        firm = self.of[person]
        name = f"p{PEOPLE.index(person)}"
        return f"{name}@firm{firm}.example" if firm is not None else f"{name}@gmail.com"

    def canary(self, path: str, about: str) -> str:
        word = f"CANARY{next(self.numbers)}X"
        self.canaries[word] = (path, "firm" if about in FIRMS else "person", about)
        return word

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


TOPIC = "the storage benchmark and its price"


def put(world: World, path: str, about: str, n: int) -> None:
    """Put a canary about somebody into the vault, on one of the paths."""
    said = f"{world.canary(path, about)} on {TOPIC}"
    firm = about in FIRMS
    # The names of files tell nothing: what a link leads to counts.
    place = f"Customers/C{FIRMS.index(about)}" if firm else f"People/P{PEOPLE.index(about)}/README"
    email = world.address(about) if not firm else f"office@firm{FIRMS.index(about)}.example"
    head = f"# Note {n}\n\nAll of {TOPIC}.\n\n"
    head_of_mail = f"type: email\ntitle: Storage\nfrom: {about} <{email}>\nto: [jo@own.example]\ndate: '2026-11-01T10:00:00+00:00'"
    body = {
        "bullet": f"{head}- {about}: {said}\n", "child": f"{head}- {about}\n  - {said}\n", "row": f"{head}| who | what |\n|---|---|\n| {about} | {said} |\n",
        "heading": f"{head}## {about}\n\n{said}\n", "link": f"{head}- [[{place}|them]]: {said}\n", "alias": f"{head}- Alias{FIRMS.index(about) if firm else 50 + PEOPLE.index(about)} has {said}\n",
        "possessive": f"{head}{about}'s price is {said}.\n", "paragraph after": f"{head}{about} called.\n\nThey want {said}.\n", "comment": f"{head}%% {said} %%\n",
        "internal": f"{head}- Internal: {said}\n", "address": f"{head}- ask {email} about {said}\n", "head of table": f"{head}| what | {about} |\n|---|---|\n| price | {said} |\n",
    }.get(path)  # fmt: skip
    if body is not None:
        return world.write(f"Notes/Note {n}.md", body)
    if path == "title":
        return world.write(f"Meetings/{n} {about} meeting.md", f"Agreed: {said}.\n")
    if path == "property":
        key = "customer" if firm else "person"
        return world.write(f"Meetings/{n}.md", f"---\n{key}: '[[{place}]]'\n---\nAgreed: {said}.\n")
    if path == "folder":
        return world.write(f"{place.removesuffix('/README')}/Sub/Note {n}.md", f"Agreed: {said}.\n")
    if path == "daily":
        return world.write(f"Daily/2026-11-{n % 28 + 1:02}.md", f"- Agreed: {said}\n")
    if path in ("person note", "firm note"):
        return world.write(
            f"{place}.md", (world.folder / f"{place}.md").read_text("utf-8") + f"\n## Key Facts\n\n- {said}\n"
        )
    if path == "mail":
        return world.write(f"Email/{n}.md", f"---\n{head_of_mail}\n---\n# Storage\n\n{said}\n")
    if path == "thread":
        return world.write(
            f"Email/{n}.md", f"---\n{head_of_mail}\nthread: '<root@own>'\n---\n# Storage\n\n{said}\n"
        )
    if path == "quoted":
        own = head_of_mail.replace(f"{about} <{email}>", "Ana <ana@reader.example>")
        return world.write(
            f"Email/{n}.md",
            f"---\n{own}\n---\n# S\n\nHi.\n\n> [!quote]- Earlier in this thread\n> {about}: {said}\n",
        )
    if path == "merged":
        world.write(f"Old/{n}/README.md", f"---\ntitle: Old {n}\nmerged_into: '[[{place}]]'\n---\nMerged.\n")
        return world.write(f"Old/{n}/Meetings.md", f"Agreed: {said}.\n")
    if path == "linked note":
        world.write(f"Notes/From {n}.md", f"{head}See [[To {n}]] for {TOPIC}.\n")
        return world.write(f"Notes/To {n}.md", f"{about}: {said}\n")
    assert path == "sent"
    world.sent.append(Sample(email, "2026-11-02", f"{said}", subject="Storage", readers=frozenset({email})))
    return None


def written(folder: Path, of: dict[str, int | None], put_in: list[tuple[str, str]]) -> World:
    world = World(folder, of)
    for n, firm in enumerate(FIRMS):
        world.write(
            f"Customers/C{n}.md",
            f"---\ntype: customer\ntitle: {firm}\naliases: [Alias{n}]\ndomain: firm{n}.example\n---\n# {firm}\n",
        )
    for n, person in enumerate(PEOPLE):
        firm = of[person]
        company = f"company: '{FIRMS[firm]}'\n" if firm is not None else ""
        front = f"type: people\ntitle: {person}\naliases: [Alias{50 + n}]\nemail: {world.address(person)}\n{company}"
        world.write(
            f"People/P{n}/README.md",
            f"---\n{front}---\n# {person}\n\n## Profile\n\n- Writes on {TOPIC}.\n",
        )
    for n, (path, about) in enumerate(put_in):
        put(world, path, about, n)
    return world


def may_know(world: World, path: str, kind: str, about: str, readers: list[str]) -> bool:
    """Whether each reader is of whom a canary is about, as the world was made."""
    if path in ("comment", "internal", "daily"):
        return False
    if path in ("mail", "thread", "sent", "quoted"):  # a mail is for those who were on it
        email = world.address(about) if kind == "person" else f"office@firm{FIRMS.index(about)}.example"
        return readers == [email]
    for reader in readers:
        domain = reader.partition("@")[2]
        firm = int(domain[4:].partition(".")[0]) if domain.startswith("firm") else None
        if kind == "firm" and firm != FIRMS.index(about):
            return False
        if kind == "person" and reader != world.address(about) and (firm is None or world.of[about] != firm):
            return False
    return True


worlds = st.tuples(
    st.fixed_dictionaries({p: st.none() | st.integers(0, len(FIRMS) - 1) for p in PEOPLE}),
    st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from([*FIRMS, *PEOPLE])), min_size=4, max_size=14),
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True),
)


def shown_to(world: World, readers: list[str]) -> str:
    """All that a prompt for an answer to these readers would hold of the vault, of Sent, and of the user's style."""
    text = f"Hi Jo,\n\nwhat of {TOPIC}, CANARY and all?\n\nA"
    asked = mail(
        text, sender=f"A <{readers[0]}>", to=USER, headers="References: <root@own>\nIn-Reply-To: <root@own>\n"
    )
    scope = Scope(
        own=OWN,
        own_names=("Jo Vermeer",),
        internal_domains=("own.example",),
        readers=tuple(Address("", r) for r in readers),
        written_to=frozenset(r.partition("@")[2] for r in readers),
        rules=Disclosure(),
    )
    words = " ".join(f"canary{n}x" for n in range(len(world.canaries)))
    asks = [Ask("question", f"What of {TOPIC}?", (words, "price agreed"))]
    # Everything that the rules let through is shown, not only what is worth most.
    with (
        pytest.MonkeyPatch.context() as all_of_it,
        Index(world.folder.parent / "i.sqlite", world.folder) as index,
    ):
        for name, value in (
            ("packing.MOST", 1000),
            ("packing.FAR_BELOW", 0),
            ("gather.HITS", 1000),
            ("letters.LEAST", 0),
            ("letters.MOST", 100),
        ):
            all_of_it.setattr(f"mailbot.assistant.context.{name}", value)
        refresh(index)
        context = gather(index, read_mail(asked), asks, scope, budget=50_000, sent=world.sent)
    style = style_of(world.sent, readers[0], alone=len(readers) == 1)
    return "\n".join(
        (*(s.text for s in context.sources), *context.remarks, style.in_words() if style else "")
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds)
def test_no_passage_about_somebody_reaches_a_reader_who_is_not_of_them(
    made: tuple[dict[str, int | None], list[tuple[str, str]], list[str]],
) -> None:
    of, put_in, readers = made
    put_in = [
        (path, about)
        for path, about in put_in
        if (path == "firm note") <= (about in FIRMS) and (path == "person note") <= (about in PEOPLE)
    ]
    with tempfile.TemporaryDirectory() as folder:
        vault = Path(folder) / "vault"
        vault.mkdir()
        world = written(vault, of, put_in)
        addresses = [world.address(r) for r in readers]
        shown = shown_to(world, addresses)
    for canary, (path, kind, about) in world.canaries.items():
        if may_know(world, path, kind, about, addresses):
            SAID[f"{path}: {'shown' if canary in shown else 'kept back all the same'}"] += 1
            event(f"{path}: may be known, {'shown' if canary in shown else 'kept back'}")
        else:
            event(f"{path}: must not be known")
            SAID[f"{path}: withheld"] += 1
            assert canary not in shown, (path, about, addresses, of)


def test_the_reader_of_an_organisation_is_shown_what_is_theirs() -> None:
    """The control: on each path something reaches those who may know it, so that the test above can fail."""
    of: dict[str, int | None] = dict.fromkeys(PEOPLE, 0)
    firm_paths = ("bullet", "child", "row", "heading", "title", "property", "folder", "link", "alias", "possessive", "paragraph after", "firm note",
                  "linked note", "address", "head of table")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        vault = Path(folder) / "vault"
        vault.mkdir()
        world = written(vault, of, [(path, FIRMS[0]) for path in firm_paths])
        shown = shown_to(world, [world.address(PEOPLE[0])])
    assert {path for canary, (path, _, _) in world.canaries.items() if canary not in shown} == set()
