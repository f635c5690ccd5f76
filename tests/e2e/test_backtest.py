"""Drafts for mails that were answered already, beside the answers; nothing of later reaches the prompt."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.assistant.asks import asks
from mailbot.assistant.comparison import compare
from mailbot.errors import BadData
from mailbot.sync.commands.backtest import backtest
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from mailbot.vault import note as notes
from tests.conftest import MakeSettings, mail, tree
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer

pytestmark = pytest.mark.dovecot
CAME = datetime(2026, 11, 20, 8, 15, tzinfo=UTC)


def put(vault: Path, path: str, text: str, changed: datetime) -> None:
    target = vault / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    os.utime(target, (changed.timestamp(), changed.timestamp()))


def answered(dovecot: Dovecot, user: str) -> None:
    """A question of Ana's, an earlier exchange with her, and the user's answer."""
    earlier = mail(
        "Hello", sender=f"Jo <{user}>", to="ana@acme.example", message_id="<0@jo>", subject="Hello"
    )
    earlier = earlier.replace(b"20 Nov 2026", b"01 Nov 2026")
    answer = mail(
        "Hi Ana,\n\nit was 8+3 in every run, which you may quote.\n\nJo", sender=f"Jo <{user}>", to="ana@acme.example",
        message_id="<a@jo>", subject="Re: Storage", headers="In-Reply-To: <m1@acme.example>\n",
    ).replace(b"09:15:00", b"11:15:00")  # fmt: skip
    dovecot.deliver(user, mail(to=user))
    dovecot.deliver(user, earlier, answer, mailbox="Sent")


def test_a_draft_stands_beside_the_answer_and_nothing_is_stored(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    answered(dovecot, user)
    flags = dovecot.flags(user)
    settings = make_settings(
        dovecot.port, user, llm=model.url, model={"prices": {"scripted": {"input": 1, "output": 2}}}
    )
    done = backtest(settings, last=5)
    (result,) = done.results
    assert result.comparison is not None
    assert result.comparison.recipients_right
    assert result.comparison.taken_up == ("which erasure coding did you use?",)
    assert result.comparison.agreement > 0.4
    assert dict(done.summary)["questions that both you and the draft answered, by their words"] == "1 of 1"
    report = (vault / done.note).read_text(encoding="utf-8")
    assert "it was 8+3 in every run, which you may quote." in report
    assert "we used 8+3 in every run." in report
    assert notes.read(report).properties["model"] == "scripted"
    assert done.cost == pytest.approx((1000 * 1 + 200 * 2) / 1_000_000)
    assert dovecot.messages(user, "Drafts") == {}
    assert dovecot.flags(user) == flags
    assert [p for p in tree(vault) if p.startswith("Email")] == []


def test_nothing_of_later_reaches_the_prompt(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """A note changed after the mail came, a mail dated after it, and what the user answered: none is there yet. A note of
    before is."""
    answered(dovecot, user)
    before, after = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)
    put(vault, "Old.md", "# Erasure coding\n\nOLD-CANARY: erasure coding is planned as 8+3.\n", before)
    put(
        vault,
        "New.md",
        "---\ndate: 2026-01-01\n---\n# Erasure coding\n\nNEW-CANARY: erasure coding was changed to 9+4.\n",
        after,
    )
    head = "type: email\ntitle: Storage\nthread: '<m1@acme.example>'\nfrom: Ana Ruiz <ana@acme.example>\nto: [jo@example.com]"
    put(
        vault,
        "Email/2026/11/late.md",
        f"---\n{head}\ndate: '2026-11-20T10:00:00+00:00'\n---\nLATE-CANARY erasure coding\n",
        before,
    )
    put(
        vault,
        "Email/2026/11/early.md",
        f"---\n{head}\ndate: '2026-11-19T10:00:00+00:00'\n---\nEARLY-CANARY erasure coding\n",
        before,
    )
    backtest(make_settings(dovecot.port, user, llm=model.url), last=5)
    (request,) = model.requests
    prompt = json.dumps(request)
    assert "OLD-CANARY" in prompt
    assert "EARLY-CANARY" in prompt
    assert "NEW-CANARY" not in prompt
    assert "LATE-CANARY" not in prompt
    assert "which you may quote" not in prompt
    assert "It is Friday, 2026-11-20" in prompt


def test_the_report_is_no_source_for_later_drafts(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    answered(dovecot, user)
    settings = make_settings(dovecot.port, user, llm=model.url)
    backtest(settings, last=5)
    dovecot.deliver(
        user,
        mail("Which erasure coding was it, and may I quote it?", to=user, message_id="<m9@acme.example>"),
    )
    model.requests.clear()
    fetch_all(settings, Options())
    assert "Backtest" not in json.dumps(model.requests)


def test_what_was_left_out_or_invented_is_named() -> None:
    wanted = asks("Which rack did you use? When does the workshop in Gent begin?")
    answer = "We used the rack 42. The workshop in Gent begins at 9."
    given = ["Which rack did you use? When does the workshop in Gent begin?"]
    found = compare(
        "We used the rack 43, says Louis Meyer.", answer, wanted, given, ["a@b.c"], ["a@b.c", "d@e.f"]
    )
    assert found.left_out == ("When does the workshop in Gent begin?",)
    assert set(found.invented) == {"43", "Louis", "Meyer"}
    assert not found.recipients_right


def test_a_senders_wrong_clock_shows_no_answer(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """A mail dated after the answer to it: the answer is still no sample of style, and the day is the answer's."""
    for n in range(6):
        old = mail(
            f"Hi Ana,\n\nnumber {n} it was, and you know it.\n\nJo",
            sender=f"Jo <{user}>",
            to="ana@acme.example",
            message_id=f"<{n}@jo>",
        )
        dovecot.deliver(user, old.replace(b"20 Nov 2026", b"01 Nov 2026"), mailbox="Sent")
    answer = mail(
        "Hi Ana,\n\nit is THE-REAL-ANSWER.\n\nJo",
        sender=f"Jo <{user}>",
        to="ana@acme.example",
        message_id="<a@jo>",
        headers="In-Reply-To: <m1@acme.example>\n",
    )
    dovecot.deliver(user, answer, mailbox="Sent")
    dovecot.deliver(user, mail(to=user).replace(b"20 Nov 2026 09:15", b"21 Nov 2026 12:15"))
    backtest(make_settings(dovecot.port, user, llm=model.url), last=5)
    prompt = json.dumps(model.requests)
    assert "number 5 it was" in prompt
    assert "THE-REAL-ANSWER" not in prompt


def test_a_bad_draft_fails() -> None:
    """Neither a blank below the question nor an answer to something else takes it up."""
    mail_text = "Do you have the photos from the last fair?"
    answer = "Yes, the photos from the fair are on the share, in the folder Ghent."
    for draft in (
        "Hi,\n\n> Do you have the photos from the last fair?\n\n[…: your answer]\n\nBest",
        "Here is the salary list: Mira 71k.",
    ):
        found = compare(draft, answer, asks(mail_text), [mail_text], [], [])
        assert found.taken_up == ()
        assert found.agreement == 0.0
    good = compare("The photos of the fair are on the share.", answer, asks(mail_text), [mail_text], [], [])
    assert good.left_out == ()
    assert good.agreement > 0


def test_a_mail_that_was_filed_away_is_found(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """Who answers a mail often files it: it is looked for in every mailbox, after those of the settings."""
    client = dovecot.client(user)
    client.create_folder("Archive/2026")
    client.logout()
    answered(dovecot, user)
    client = dovecot.client(user)
    client.select_folder("INBOX")
    client.move(client.search(), "Archive/2026")
    client.logout()
    assert len(backtest(make_settings(dovecot.port, user, llm=model.url), last=5).results) == 1


def test_where_nothing_was_answered_that_is_said_and_nothing_written(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    with pytest.raises(BadData, match="account work: none of your 0 answers in Sent"):
        backtest(make_settings(dovecot.port, user, llm=model.url), last=5)
    assert not (vault / "Mailbot").exists()
