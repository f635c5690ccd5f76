"""The user's voice, learned from a real Sent mailbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.assistant.closing import parted
from mailbot.assistant.style import (
    ENOUGH,
    Sample,
    chosen,
    closing,
    greeting,
    style_of,
)
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from tests.conftest import MakeSettings, mail
from tests.servers.dovecot import Dovecot
from tests.servers.model import DRAFT, TRIAGE, ModelServer, is_triage

SENT = "Moin Ana,\n\nthe numbers for run {n} are in the sheet, as we said on the phone.\n\nCheers\nJo\n\n-- \nJo Vermeer\nAcme\n\nOn Monday, Ana wrote:\n> QUOTED-CANARY {n}"


def sent(
    dovecot: Dovecot, user: str, count: int, to: str = "Ana Ruiz <ana@acme.example>", text: str = SENT
) -> None:
    for n in range(count):
        raw = mail(
            text.format(n=n),
            sender=f"Jo <{user}>",
            to=to,
            message_id=f"<s{n}@{to[-12:-1]}>",
            subject=f"Run {n}",
        )
        dovecot.deliver(user, raw, mailbox="Sent")


@pytest.mark.dovecot
def test_a_draft_is_asked_for_in_the_users_voice(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """Greeting and closing as to this person, without quotes and signature; the note says what was learned and from what."""
    sent(dovecot, user, ENOUGH)
    dovecot.deliver(user, mail(to=user))
    fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    (request,) = [r for r in model.requests if not is_triage(r)]
    asked = request["messages"][0]["content"]
    assert "Greets: Moin (first name)," in asked
    assert "Closes: Cheers" in asked
    assert "the numbers for run 4 are in the sheet" in asked
    assert "QUOTED-CANARY" not in asked
    note = (vault / "Mailbot" / "Style.md").read_text(encoding="utf-8")
    assert "Greeting: Moin {name}," in note.replace("\\", "")
    assert note.count("Seen in: 2026-11-20, Run") == ENOUGH


@pytest.mark.dovecot
def test_four_mails_to_others_teach_nothing(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """To a stranger one writes as the language does, never as it is commonest."""
    sent(dovecot, user, ENOUGH - 1, to="Louis <louis@other.example>")
    dovecot.deliver(user, mail(to=user))
    fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    (request,) = [r for r in model.requests if not is_triage(r)]
    asked = request["messages"][0]["content"]
    assert "Greets: Dear (name)," in asked
    assert "Closes: Kind regards," in asked
    assert not (vault / "Mailbot").exists()


@pytest.mark.dovecot
def test_what_was_written_to_others_teaches_habits_and_shows_no_text(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """Greeting, closing and length are habits; what stood in a mail to Louis is no matter of Ana's."""
    sent(
        dovecot,
        user,
        ENOUGH,
        to="Louis <louis@other.example>",
        text="Hello Louis,\n\nLOUIS-CANARY {n} is yours.\n\nBest regards\nJo",
    )
    # Ana is no stranger, but was never written to in the language of her mail.
    sent(dovecot, user, 1, text="Hallo Ana,\n\ndas ist nicht das, was wir wollten {n}.\n\nGrüße\nJo")
    dovecot.deliver(user, mail(to=user))
    fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    (request,) = [r for r in model.requests if not is_triage(r)]
    asked = request["messages"][0]["content"]
    assert "Closes: Best regards" in asked
    assert "LOUIS-CANARY" not in asked
    assert "Greets: Hello (first name)," in asked


@pytest.mark.dovecot
def test_the_users_own_words_on_style_stay_and_are_read(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    sent(dovecot, user, ENOUGH)
    settings = make_settings(dovecot.port, user, llm=model.url)
    dovecot.deliver(user, mail(to=user))
    fetch_all(settings, Options())
    note = vault / "Mailbot" / "Style.md"
    mine = note.read_text(encoding="utf-8") + "\nNever say ASAP.\n"
    note.write_text(mine, encoding="utf-8")
    dovecot.deliver(user, mail("And which rack was it?", to=user, message_id="<m2@x>"))
    fetch_all(settings, Options())
    assert "Never say ASAP." in model.requests[-1]["messages"][0]["content"]
    assert note.read_text(encoding="utf-8") == mine


@pytest.mark.parametrize(
    ("text", "greets", "closes"),
    [
        ("Hi Ana,\n\nyes.\n\nBest regards\nJo", "Hi {name},", "Best regards"),
        ("Sehr geehrte Frau Ruiz,\n\nja.\n\nMit freundlichen Grüßen\nJo", "Sehr geehrte {name},", "Mit freundlichen Grüßen"),
        ("Ana,\n\nyes", "{name},", ""), ("Bonjour,\n\noui.\n\nCordialement,\nJo", "Bonjour,", "Cordialement,"),
        ("Yes, that works for me.", "", ""),
    ],
)  # fmt: skip
def test_greetings_and_closings(text: str, greets: str, closes: str) -> None:
    assert (greeting(text), closing(text)) == (greets, closes)


def test_the_nearest_samples_are_chosen() -> None:
    """To the person, then to the domain, then of like formality; in the mail's language only."""
    every = [
        Sample(f"x{n}@other.example", "2026-01-01", "Hi there, this is what we have for you today.")
        for n in range(20)
    ]
    every += [Sample("ana@acme.example", "2020-01-01", "Hello, the numbers are the same as they were.")]
    every += [Sample("bob@acme.example", "2021-01-01", "Hello, it is what it is, and that is all of it.")]
    every += [
        Sample(
            "ana@acme.example",
            "2025-01-01",
            "Hallo, das ist nicht das, was wir wollten, und ich habe es auch gesagt.",
        )
    ]
    found = chosen(every, "ana@acme.example", "What is the state of it, and when will you be here?")
    assert [s.to for s in found[:2]] == ["ana@acme.example", "bob@acme.example"]
    assert not any("Hallo" in s.text for s in found)
    assert style_of(found[:4], "zoe@nowhere.example") is None
    assert style_of(found[:1], "ana@acme.example") is not None


@pytest.mark.dovecot
def test_what_was_said_in_private_is_no_example_where_others_read(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    sent(dovecot, user, ENOUGH)
    dovecot.deliver(user, mail(to=user, headers="Cc: Bob <bob@other.example>\n"))
    fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    asked = model.requests[-1]["messages"][0]["content"]
    assert "Closes: Cheers" in asked
    assert "the numbers for run" not in asked


@pytest.mark.dovecot
def test_an_edited_style_note_says_of_each_only_what_is_theirs(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """What stands under another's address stays there; a note that was emptied or given a property is the user's too."""
    note = vault / "Mailbot" / "Style.md"
    note.parent.mkdir()
    mine = "---\ntype: style\n---\nNo emoji.\n\n## To carl@x.example\n\n- CARL-CANARY\n\n## To ana@acme.example\n\n- Be brief.\n"
    note.write_text(mine, encoding="utf-8")
    sent(dovecot, user, ENOUGH)
    dovecot.deliver(user, mail(to=user))
    fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    asked = model.requests[-1]["messages"][0]["content"]
    assert "No emoji." in asked
    assert "Be brief." in asked
    assert "CARL-CANARY" not in asked
    assert note.read_text(encoding="utf-8") == mine


@pytest.mark.parametrize(
    "text", ["Hej Łukasz,\n\nx", "Cześć Žofie,\n\nx", "田中様、\n\nx", "Hi ana,\n\nx", "Hi Ana and Bob,\n\nx"]
)
def test_no_name_is_left_in_a_greeting(text: str) -> None:
    assert not {"Łukasz", "Žofie", "田中", "ana", "Ana", "Bob"} & set(
        greeting(text).replace("様", " ").replace(",", " ").split()
    )
    assert "{name}" in greeting(text)


@pytest.mark.dovecot
def test_the_style_note_is_inert_and_a_stock_phrase_is_not_taken_for_the_prompt(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path
) -> None:
    """Subjects are strangers' words; and a sentence that the user always writes may stand in a draft, though the prompt
    shows it as an example."""
    stock = "Please do not hesitate to call me if anything about the numbers is unclear to you."
    for n in range(ENOUGH):
        raw = mail(
            f"Moin Ana,\n\n{stock}\n\nCheers\nJo",
            sender=f"Jo <{user}>",
            to="ana@acme.example",
            message_id=f"<s{n}@jo>",
            subject="win #todo [[x]] `= 1`",
        )
        dovecot.deliver(user, raw, mailbox="Sent")
    model.answer = lambda request: (
        TRIAGE
        if is_triage(request)
        else {**DRAFT, "reply": f"Moin Ana,\n\nwe used 8+3.\n\n{stock}\n\nCheers"}
    )
    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url), Options())
    assert stock in model.requests[-1]["messages"][0]["content"]
    assert stock in (vault / report.drafts[0]).read_text(encoding="utf-8")
    note = (vault / "Mailbot" / "Style.md").read_text(encoding="utf-8")
    assert note.count("Seen in:") == ENOUGH
    assert " #todo" not in note
    assert "[[x]]" not in note
    assert "`=" not in note


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("Hi,\n\nyes.\n\nBest,\nJV", "Best,\nJV"), ("Yes, it is.\n\nViele Grüße\nHolger", "Viele Grüße\nHolger"), ("Yes, it is.\n\nCordialement", "Cordialement"),
        ("Yes, it is.\n\nBest,\nJo Vermeer\n+31 6 1234", "Best,\nJo Vermeer"), ("That is all.", ""),
    ],
)  # fmt: skip
def test_a_closing_has_the_name_that_stands_below_it(text: str, block: str) -> None:
    assert parted(text).closing == block


def test_the_models_closing_gives_way_to_the_users() -> None:
    told = "Hi,\n\nyes.\n\nBest regards,\nJonas Vermeer"
    assert parted(told).closed("Best,\nJV") == "Hi,\n\nyes.\n\nBest,\nJV"
    assert parted("Hi,\n\nyes.").closed("Best,\nJV") == "Hi,\n\nyes.\n\nBest,\nJV"
    assert parted("Hi,\n\nyes.").closed() == "Hi,\n\nyes."


@pytest.mark.parametrize(
    "text",
    [
        "Hi Ana,\n\nThank you!\n\nRoom 12.", "Hi Ana,\n\nThanks!\n\nThe room is Aurora.\n\n[… price]", "Options:\n\nBest\nRoom 12, 40 seats\nGood\nRoom 13",
        "Yes.\n\nThanks\nAna gets fired", "Yes.\n\nThanks\n\nThe deposit is 5,000 USD, due on 1 June.", "Yes.\n\nBest,\n\nwe accept all terms",
    ],
)  # fmt: skip
def test_what_is_no_closing_is_text(text: str) -> None:
    """Whatever stands below a word such as "Thanks" and is no name is kept, and judged."""
    assert parted(text).body == text


def test_a_postscript_stays_below_the_closing() -> None:
    mail = parted("Done.\n\nBest,\nJo\n\nP.S. The key is at the desk.")
    assert mail.closed("Cheers,\nJV") == "Done.\n\nCheers,\nJV\n\nP.S. The key is at the desk."


@pytest.mark.parametrize(
    "closing", ["With kind regards,\nJo", "Be well,\nJ.", "Best regards from Leiden,\nJo", "Kind regards,\nJohannes van der Vlies"]
)  # fmt: skip
def test_a_closing_in_any_words_is_not_doubled(closing: str) -> None:
    assert parted(f"Yes, it is.\n\n{closing}").closing == closing


@pytest.mark.dovecot
@pytest.mark.parametrize(
    ("properties", "closes"), [("", "Cheers\nJo"), ("closing: |-\n  Be well,\n  J.\n", "Be well,\nJ.")]
)
def test_a_draft_closes_as_the_user_does_to_this_person_in_note_and_mailbox_alike(
    dovecot: Dovecot,
    user: str,
    model: ModelServer,
    make_settings: MakeSettings,
    vault: Path,
    properties: str,
    closes: str,
) -> None:
    """Learnt from Sent; what the person note lays down counts more, and its remarks on how to write are obeyed."""
    sent(dovecot, user, 2)
    note = vault / "People" / "Ana.md"
    note.parent.mkdir()
    text = "## Key Facts\n\n- Answers in simple English, please.\n- Likes tea.\n"
    note.write_text(f"---\ntype: people\ntitle: Ana Ruiz\nemail: ana@acme.example\n{properties}---\n{text}")
    dovecot.deliver(user, mail(to=user))
    settings = make_settings(dovecot.port, user, llm=model.url, account={"signature": ""})
    (report,) = fetch_all(settings, Options())
    (request,) = [r for r in model.requests if not is_triage(r)]
    asked = request["messages"][0]["content"]
    assert "Answers in simple English, please." in asked
    assert "Likes tea" not in asked
    written = (vault / report.drafts[0]).read_text(encoding="utf-8")
    (stored,) = dovecot.messages(user, "Drafts").values()
    assert closes.replace("\n", "  \n") in written or closes in written
    assert closes.encode() in stored.replace(b"\r\n", b"\n")
    assert b"Jo Vermeer\n" not in stored.replace(b"\r\n", b"\n").partition(b"\n\n")[2].partition(b"wrote:")[0]
