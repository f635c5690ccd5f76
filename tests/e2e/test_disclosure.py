"""What a draft may say to whom: each rule, on the prompt that is really sent, with a canary in what it withholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from tests.conftest import MakeSettings, mail
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer, is_triage

pytestmark = pytest.mark.dovecot

ASKED = "Hi Jo,\n\nwhich erasure coding did you use for the storage benchmark?\n\nAna"
FACT = "Erasure coding for the storage benchmark was 8+3."


def note(vault: Path, path: str, properties: str, text: str) -> None:
    target = vault / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"---\n{properties}\n---\n{text}\n", encoding="utf-8")


def drafted(
    dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path, *,
    text: str = ASKED, known: bool = True, sender: str = "Ana Ruiz <ana@acme.example>", headers: str = "", **more: Any,
) -> tuple[str, str]:  # fmt: skip
    """(the prompt as it was sent, the draft note), for one mail of a sender whom the user has written to before or not."""
    if known:
        earlier = mail(
            "Hi Ana", sender=f"Jo <{user}>", to="ana@acme.example", message_id="<old@jo>", subject="Hello"
        )
        dovecot.deliver(user, earlier, mailbox="Sent")
    dovecot.deliver(user, mail(text, sender=sender, to=user, headers=headers))
    (report,) = fetch_all(make_settings(dovecot.port, user, llm=model.url, **more), Options())
    assert (report.error, report.failed, len(report.drafts)) == ("", [], 1)
    (request,) = [r for r in model.requests if not is_triage(r)]
    return request["messages"][1]["content"], (vault / report.drafts[0]).read_text(encoding="utf-8")


Made = tuple[Dovecot, str, ModelServer, MakeSettings, Path]


@pytest.fixture
def made(dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path) -> Made:
    return dovecot, user, model, make_settings, vault


def test_what_is_known_reaches_the_prompt(made: Made) -> None:
    """The control: without a rule against it the note is there, with its reason, and nothing is withheld."""
    note(made[4], "Projects/Coding.md", "title: Coding", f"CANARY-7. {FACT}")
    prompt, draft = drafted(*made)
    assert "CANARY-7" in prompt
    assert "found in the vault" in prompt
    assert "Withheld by your rules" not in draft


@pytest.mark.parametrize(
    ("path", "properties", "rules", "reason"),
    [
        ("Projects/Coding.md", "private: true", {}, "it is private"),
        ("Projects/Coding.md", "tags: [secret]", {"private_tags": ["#secret"]}, "its tag secret is private"),
        ("Vaulted/Coding.md", "title: Coding", {"private_folders": ["Vaulted"]}, "its folder Vaulted is private"),
        ("Projects/Coding.md", "audience: internal", {"internal_domains": ["example.com"]}, "it is internal, and ana@acme.example is outside your internal domains"),
        ("People/Louis/README.md", "type: people\ntitle: Louis Meyer\nemail: louis@other.example", {}, "it names Louis Meyer, who is not of ana@acme.example"),
        ("Notes/1-1.md", "person: '[[Louis Meyer]]'", {}, "it names Louis Meyer, who is not of ana@acme.example"),
        ("Projects/Coding.md", "tags: [broken", {}, "its properties cannot be read"),
    ],
)  # fmt: skip
def test_a_rule_withholds_and_is_named(
    made: Made, path: str, properties: str, rules: dict[str, Any], reason: str
) -> None:
    """The text reaches neither the prompt nor the draft note; the name and the rule stand in the note."""
    note(made[4], path, properties, f"CANARY-7. {FACT}")
    prompt, draft = drafted(*made, disclosure=rules)
    assert "CANARY-7" not in prompt
    assert "CANARY-7" not in draft
    withheld = draft[draft.index("### Withheld by your rules") :]
    assert path.removesuffix(".md") in withheld
    assert reason in withheld.replace("\\", "")


def test_an_internal_note_is_for_colleagues(made: Made) -> None:
    note(made[4], "Projects/Coding.md", "audience: internal", f"CANARY-7. {FACT}")
    prompt, _ = drafted(*made, disclosure={"internal_domains": ["acme.example"]})
    assert "CANARY-7" in prompt


def test_one_reader_from_outside_makes_an_internal_note_withheld(made: Made) -> None:
    """A mixed thread: the answer goes to all, and one of them is not internal."""
    note(made[4], "Projects/Coding.md", "audience: internal", f"CANARY-7. {FACT}")
    prompt, draft = drafted(
        *made, headers="Cc: Pat <pat@outside.example>\n", disclosure={"internal_domains": ["acme.example"]}
    )
    assert "CANARY-7" not in prompt
    assert "it is internal, and pat@outside.example is outside your internal domains" in draft.replace(
        "\\", ""
    )


def test_a_stranger_gets_their_own_thread_and_nothing_else(made: Made) -> None:
    note(made[4], "Projects/Coding.md", "title: Coding", f"CANARY-7. {FACT}")
    prompt, draft = drafted(*made, known=False)
    assert "CANARY-7" not in prompt
    assert "ana@acme.example would read it, and you have never written to them" in draft.replace("\\", "")


def test_the_user_may_say_otherwise_of_strangers(made: Made) -> None:
    note(made[4], "Projects/Coding.md", "title: Coding", f"CANARY-7. {FACT}")
    prompt, _ = drafted(*made, known=False, disclosure={"strangers": "vault"})
    assert "CANARY-7" in prompt


def test_a_person_note_of_the_users_making_makes_nobody_a_stranger(made: Made) -> None:
    note(made[4], "Projects/Coding.md", "title: Coding", f"CANARY-7. {FACT}")
    note(
        made[4],
        "People/Ana.md",
        "type: people\ntitle: Ana Ruiz\nemail: ana@acme.example",
        "Runs the storage team.",
    )
    prompt, _ = drafted(*made, known=False)
    assert "CANARY-7" in prompt
    assert "Runs the storage team." in prompt


@pytest.mark.parametrize(("where", "spoken_of"), [("acme.example", True), ("other.example", False)])
def test_of_a_colleague_of_the_readers_may_be_spoken_and_of_another_outsider_never(
    made: Made, where: str, spoken_of: bool
) -> None:
    """That the mail names somebody opens nothing about them."""
    properties = f"type: people\ntitle: Louis Meyer\nemail: louis@{where}"
    note(made[4], "People/Louis/README.md", properties, f"CANARY-7. {FACT}")
    prompt, _ = drafted(*made, text=ASKED + "\n\nPS: Louis Meyer said that you would know?")
    assert ("CANARY-7" in prompt) is spoken_of


def test_a_mail_with_somebody_else_is_withheld(made: Made) -> None:
    """What Louis wrote to the user is no matter of Ana's."""
    note(
        made[4], "Email/2026/10/louis.md", "type: email\ntitle: Erasure coding\nfrom: Louis <louis@other.example>\nto: [jo@example.com]\ndate: '2026-10-01T10:00:00+00:00'",
        f"# Erasure coding\n\nCANARY-7. {FACT}",
    )  # fmt: skip
    prompt, draft = drafted(*made)
    assert "CANARY-7" not in prompt
    assert "ana@acme.example was not on this mail" in draft.replace("\\", "")


def test_a_forged_reference_opens_no_thread(made: Made) -> None:
    """A mail that claims to belong to a thread which its sender was never on is not shown that thread."""
    note(
        made[4], "Email/2026/10/louis.md", "type: email\ntitle: Plans\nthread: '<root@other>'\nmessage_id: '<root@other>'\nfrom: Louis <louis@other.example>\nto: [jo@example.com]\ndate: '2026-10-01T10:00:00+00:00'",
        "# Plans\n\nCANARY-7: the takeover is on Monday.",
    )  # fmt: skip
    prompt, draft = drafted(*made, headers="References: <root@other>\nIn-Reply-To: <root@other>\n")
    assert "CANARY-7" not in prompt
    assert "ana@acme.example was not on this mail" in draft.replace("\\", "")


OWN = "type: email\ntitle: Plans\nthread: '<root@acme>'\nfrom: Ana Ruiz <ana@acme.example>\nto: [jo@example.com]\ndate: '2026-10-01T10:00:00+00:00'"


def test_who_reads_the_answer_counts_not_who_wrote(made: Made) -> None:
    """A Reply-To leads the answer to somebody else: to that reader neither Ana's thread nor the vault is shown."""
    note(made[4], "Email/2026/10/ana.md", OWN, "# Plans\n\nCANARY-7: the takeover is on Monday.")
    note(made[4], "Projects/Coding.md", "title: Coding", f"CANARY-8. {FACT}")
    headers = "References: <root@acme>\nReply-To: evil@elsewhere.example\n"
    prompt, draft = drafted(*made, headers=headers)
    assert "CANARY" not in prompt
    assert "evil@elsewhere.example would read it, and you have never written to them" in draft.replace(
        "\\", ""
    )


def test_a_mail_between_two_is_not_for_a_third(made: Made) -> None:
    """Ana brings in Bob, whom the user knows: what the two wrote before is not put into an answer that Bob reads."""
    dovecot, user = made[:2]
    bob = mail("Hi", sender=f"Jo <{user}>", to="bob@acme.example", message_id="<b@jo>", subject="Hello")
    dovecot.deliver(user, bob, mailbox="Sent")
    note(made[4], "Email/2026/10/ana.md", OWN, "# Plans\n\nCANARY-7: Bob will be let go.")
    prompt, _ = drafted(*made, headers="References: <root@acme>\nCc: Bob <bob@acme.example>\n")
    assert "CANARY-7" not in prompt


def test_a_name_alone_makes_nobody_known(made: Made) -> None:
    """Somebody who carries the name of a person of the user's, from an address never seen, is a stranger, and changes nothing
    in that person's note."""
    note(
        made[4],
        "People/Louis.md",
        "type: people\ntitle: Louis Martin",
        "CANARY-7: storage benchmark of Louis.",
    )
    before = (made[4] / "People" / "Louis.md").read_bytes()
    text = ASKED + "\n\n-- \nLouis Martin\nDirector\nTel: +44 20 7946 0958"
    prompt, _ = drafted(*made, known=False, sender="Louis Martin <evil@evil.example>", text=text)
    assert "CANARY-7" not in prompt
    assert (made[4] / "People" / "Louis.md").read_bytes() == before


@pytest.mark.parametrize(
    "properties",
    ["audience: [internal]", "private: 1", "private: [true]", "person: 'Ruiz, Louis'", "a: !!int ''"],
)
def test_a_mark_that_is_written_otherwise_still_holds(made: Made, properties: str) -> None:
    note(made[4], "Projects/Coding.md", properties, f"CANARY-7. {FACT}")
    prompt, _ = drafted(*made)
    assert "CANARY-7" not in prompt


def test_properties_that_never_end_and_tags_in_the_text_hold_too(made: Made) -> None:
    (made[4] / "Open.md").write_text(f"---\nprivate: true\n\nCANARY-7. {FACT}\n", encoding="utf-8")
    note(made[4], "Tagged.md", "title: Coding", f"CANARY-8. {FACT} #secret/family")
    note(made[4], "People/Louis/README.md", "type: people\ntitle: Louis Meyer", "x")
    note(made[4], "People/Louis/Meetings/one.md", "type: meeting", f"CANARY-9. {FACT}")
    prompt, _ = drafted(*made, disclosure={"private_tags": ["secret"]})
    assert "CANARY" not in prompt
