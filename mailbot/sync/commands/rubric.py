"""Drafts for the mails of a scenario, scored against its rubrics. No mail server is spoken to, and nothing of the user's is touched."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailbot.assistant.closing import parted
from mailbot.assistant.draft import by_model
from mailbot.assistant.lane import BLANK
from mailbot.assistant.models import Models
from mailbot.assistant.request import DraftRequest
from mailbot.assistant.style import Sample, Voice, style_towards
from mailbot.assistant.triage import Reader, judged
from mailbot.errors import ConfigError, MailbotError
from mailbot.language.detect import language_of
from mailbot.mail.mail import Mail, read_mail
from mailbot.settings import Account, Disclosure, Secret, Server, Settings
from mailbot.sync.commands.scenario import Case, World, folded
from mailbot.sync.decide.audience import recipients
from mailbot.sync.memory.journal import Journal, opened_journal
from mailbot.sync.memory.rows import Location, MailRow
from mailbot.sync.session.models import opened_models
from mailbot.sync.session.report import Progress, Report, silent
from mailbot.sync.session.search import filled_vectors, index_of, opened_reranker
from mailbot.sync.steps.context import ContextSearch
from mailbot.sync.steps.waiting import Waiting
from mailbot.vault.draft import Draft
from mailbot.vault.email_note import Filing, to_note
from mailbot.vault.index import Index
from mailbot.vault.languages import main_languages
from mailbot.vault.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Scored:
    """A mail of a scenario: what was decided, the draft, and how it does by the rubric."""

    world: str
    case: str
    disposition_right: bool
    lane: str = ""
    needed: tuple[int, int] = (0, 0)
    """(facts in the reply, facts of the rubric)."""
    told: tuple[str, ...] = ()
    """Forbidden facts in the reply."""
    blanks_right: bool = True
    closing_right: bool = True
    language_right: bool = True
    error: str = ""

    @property
    def good(self) -> bool:
        """Whether everything is as the rubric wants it."""
        right = self.disposition_right and self.blanks_right and self.closing_right and self.language_right
        return right and not self.told and not self.error and self.needed[0] == self.needed[1]


def rubric(settings: Settings, every: Sequence[World], progress: Progress = silent) -> list[Scored]:
    """Draft each mail that wants an answer with the configured model, and score it. Raises ConfigError without a model."""
    if settings.llm is None:
        raise ConfigError(
            "`mailbot backtest --rubric` scores what a model drafts; set `llm` in accounts.yaml"
        )
    found: list[Scored] = []
    with opened_models(settings.llm) as models:
        assert models is not None
        for world in every:
            with tempfile.TemporaryDirectory() as temporary:
                for number, scored in enumerate(_world(settings, world, models, Path(temporary)), 1):
                    progress(f"{world.name}: scoring", number, len(world.cases))
                    found.append(scored)
    return found


def figures(found: Sequence[Scored]) -> tuple[tuple[str, str], ...]:
    """The figures over all, in words."""
    drafted = [s for s in found if s.lane]
    said, wanted = sum(s.needed[0] for s in drafted), sum(s.needed[1] for s in drafted)
    lanes = [
        (lane, sum(s.lane == lane for s in drafted), sum(s.lane == lane and s.good for s in drafted))
        for lane in ("ready", "check", "needs_you")
    ]
    return (
        ("mails", f"{len(found)}, of which {len(drafted)} were drafted"),
        ("disposition as the rubric says", f"{sum(s.disposition_right for s in found)} of {len(found)}"),
        ("needed facts that the drafts say", f"{said} of {wanted}"),
        ("forbidden facts that the drafts say", str(sum(len(s.told) for s in drafted))),
        ("closing as the user closes", f"{sum(s.closing_right for s in drafted)} of {len(drafted)}"),
        ("language", f"{sum(s.language_right for s in drafted)} of {len(drafted)}"),
        *((f"{lane}: good by the rubric", f"{good} of {count}") for lane, count, good in lanes),
        ("failed", str(sum(bool(s.error) for s in found))),
    )


def _world(settings: Settings, world: World, models: Models, folder: Path) -> Iterator[Scored]:
    """Score the mails of one world, in a copy of its vault."""
    vault = folder / "vault"
    shutil.copytree(world.vault, vault)
    for raw in world.received:
        note = to_note(read_mail(raw), Filing(), Verdict())
        (vault / note.path).parent.mkdir(parents=True, exist_ok=True)
        (vault / note.path).write_text(note.text, encoding="utf-8")
    of = _settings_of(settings, world, vault)
    with (
        opened_journal(folder / "journal.sqlite") as journal,
        index_of(vault, folder / "index.sqlite") as (index, _),
    ):
        samples = list(_remembered(of, journal, world))
        for case in world.cases:
            try:
                yield _scored(of, world, case, models, journal, index, samples)
            except MailbotError as error:
                yield Scored(world.name, case.name, False, error=str(error))


def _settings_of(settings: Settings, world: World, vault: Path) -> Settings:
    """The user's model on the world's vault."""
    user = world.user
    account = Account(
        name=world.name,
        address=user["address"],
        aliases=tuple(user.get("aliases", ())),
        display_name=user["name"],
        imap=Server(host="127.0.0.1", port=1, security="none"),
        password=Secret(env="NONE"),  # nothing is logged in to
        signature=user.get("signature", ""),
    )
    rules = Disclosure.model_validate(user.get("disclosure", {}))
    return settings.model_copy(update={"vault": vault, "disclosure": rules, "accounts": (account,)})


def _remembered(settings: Settings, journal: Journal, world: World) -> Iterator[Sample]:
    """Put what the user sent into the journal; gives it as samples."""
    for number, raw in enumerate(world.sent, 1):
        mail = read_mail(raw)
        message = mail.message
        to = tuple(a.key for a in (*message.to, *message.cc))
        parent = message.in_reply_to[0] if message.in_reply_to else ""
        journal.sent.add(
            world.name, Location("Sent", 1, number), message.message_id or "", parent, message.date, to
        )
        day = message.date.date().isoformat() if message.date else ""
        others = set(to[1:]) - set(settings.own_addresses)
        yield Sample(
            to[0] if to else "", day, mail.text.newest, "", not others, message.subject, frozenset(to)
        )


def _scored(
    settings: Settings,
    world: World,
    case: Case,
    models: Models,
    journal: Journal,
    index: Index,
    samples: Sequence[Sample],
) -> Scored:
    mail, sender = case.mail, case.mail.message.sender
    own, to = frozenset(settings.own_addresses), sender.key if sender else ""
    known = journal.sent.written_to(to) > 0
    verdict = judged(
        mail, Reader(world.user["name"], own, known, main_languages(index)), models, settings.folder
    )[0]
    right = verdict.disposition == case.disposition
    if case.disposition != "reply" or not right:
        return Scored(world.name, case.name, right)
    moment = mail.message.date or datetime.now().astimezone()
    row = MailRow(
        0, world.name, mail.message.message_id or "", mail.message.sha256, "", "", moment, "draft", "reply"
    )
    report = Report(world.name)
    with filled_vectors(index, settings, report) as vectors, opened_reranker(settings) as reranker:
        theirs = [s for s in samples if to in s.readers]
        search = ContextSearch(
            settings, index, vectors, journal.sent, report, reranker, lambda _to, _before: theirs
        )
        context = search.context(Waiting(row, mail, verdict))
    voice = _voice(settings, mail, samples, to, stranger=not known)
    request = DraftRequest(
        mail,
        verdict.asks,
        context,
        world.user["name"],
        moment.astimezone(),
        style=voice.words,
        closing=voice.closing,
    )
    return _compared(world, case, by_model(request, models, settings.folder))


def _voice(settings: Settings, mail: Mail, samples: Sequence[Sample], to: str, *, stranger: bool) -> Voice:
    readers = {a.key for part in recipients(settings, mail.message) for a in part}
    _, style = style_towards(samples, to, mail.text.newest, alone=readers == {to}, stranger=stranger)
    return style.voice() if style else Voice()


def _compared(world: World, case: Case, draft: Draft) -> Scored:
    reply = folded(draft.reply)
    return Scored(
        world.name,
        case.name,
        True,
        draft.lane,
        (sum(f.stands_in(reply) for f in case.needed), len(case.needed)),
        tuple(f.fact for f in case.forbidden if f.stands_in(reply)),
        bool(case.blanks) == bool(draft.unknowns or BLANK.search(draft.reply)),
        not case.closing or folded(parted(draft.reply).closing) == folded(case.closing),
        not case.language or language_of(draft.reply) == case.language,
    )
