"""What the user did with a draft, row by row, on a real Dovecot: noticed, said in the note, and nothing lost."""

from __future__ import annotations

import pytest

from tests.conftest import mail
from tests.e2e.life.desk import SOURCE, Desk
from tests.servers.mail_clients import Aerc, AppleMail, Claws, MailClient, Neomutt, Roundcube, Thunderbird

pytestmark = pytest.mark.dovecot

CLIENTS = [Roundcube, Thunderbird, AppleMail, Claws, Neomutt, Aerc]
THREAD = f"In-Reply-To: {SOURCE}\nReferences: {SOURCE}\n"


def add_line(text: str) -> str:
    return f"It was 8+3 in every run.\n\n{text}"


def settled(desk: Desk) -> None:
    """A further sync changes nothing, anywhere."""
    before = desk.everything()
    desk.sync()
    assert desk.everything() == before


def test_nothing_was_done_and_nothing_is_done(desk: Desk) -> None:
    note = desk.drafted()
    before = desk.everything()
    report = desk.sync()
    assert (desk.everything(), report.noticed, desk.status(note)) == (before, [], "draft")


@pytest.mark.parametrize("kind", CLIENTS)
def test_an_edit_in_a_client_becomes_the_notes_text_and_the_draft_is_theirs(
    desk: Desk, kind: type[MailClient]
) -> None:
    note = desk.drafted()
    client = desk.client(kind)
    client.save(add_line, To="ana@acme.example, Bo <bo@acme.example>")
    theirs = desk.drafts()
    desk.sync()
    read = desk.read(note)
    assert read.status == "edited"
    assert read.reply.startswith("It was 8+3 in every run.")
    assert (read.to, read.cc) == (("ana@acme.example",), ("Bo <bo@acme.example>",))
    assert "**To:** ana@acme.example, Bo \\<bo@acme.example>" in desk.text(note)
    assert desk.drafts() == theirs
    assert "You edited it in your mail client" in read.history[-1]
    settled(desk)


@pytest.mark.parametrize("kind", CLIENTS)
def test_the_signature_and_the_quote_do_not_become_part_of_the_reply(
    desk: Desk, kind: type[MailClient]
) -> None:
    note = desk.drafted()
    before = desk.read(note).reply
    desk.client(kind).save(add_line)
    desk.sync()
    assert " ".join(desk.read(note).reply.split()) == " ".join(
        f"It was 8+3 in every run.\n\n{before}".split()
    )


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_save_without_an_edit_is_none(desk: Desk, kind: type[MailClient]) -> None:
    note = desk.drafted()
    text = desk.text(note)
    desk.client(kind).save()
    desk.sync()
    assert desk.status(note) == "draft"
    if not kind.new_id:
        assert desk.text(note) == text
    settled(desk)


def test_an_edit_in_the_note_replaces_the_draft_on_the_server(desk: Desk) -> None:
    note = desk.drafted()
    desk.edit(note, "Best regards", "It was 8+3.\n\nBest regards")
    desk.sync()
    ((_, raw),) = desk.drafts().items()
    assert b"It was 8+3." in raw
    assert b"> which erasure coding did you use?" in raw
    assert f"In-Reply-To: {SOURCE}".encode() in raw
    assert desk.status(note) == "edited"
    assert "You edited it in the note." in desk.read(note).history[-1]
    settled(desk)


def test_recipients_and_subject_of_the_note_are_obeyed(desk: Desk) -> None:
    note = desk.drafted()
    desk.set(
        note, to="bo@acme.example", to_name="Bo", cc=["Ana <ana@acme.example>"], subject="Erasure coding"
    )
    desk.sync()
    ((_, raw),) = desk.drafts().items()
    assert b"To: Bo <bo@acme.example>" in raw
    assert b"Cc: Ana <ana@acme.example>" in raw
    assert b"Subject: Erasure coding" in raw
    settled(desk)


def test_a_recipient_that_is_none_is_named_and_nothing_is_stored(desk: Desk) -> None:
    from mailbot.sync import pipeline
    from mailbot.sync.session.report import Options

    note = desk.drafted()
    before = desk.drafts()
    desk.set(note, to="Ana without address")
    (report,) = pipeline.sync_all(desk.settings, Options())
    assert any(note in failure and "is not an address" in failure for failure in report.failed)
    assert desk.drafts() == before


def test_files_of_the_vault_are_attached(desk: Desk) -> None:
    note = desk.drafted()
    desk.set(note, attach=["Projects/Storage Evaluation.md"])
    desk.sync()
    ((_, raw),) = desk.drafts().items()
    assert b'filename="Storage Evaluation.md"' in raw
    settled(desk)


@pytest.mark.parametrize("kind", [Roundcube, Thunderbird])
@pytest.mark.parametrize("choice", ["server", "note"])
def test_an_edit_on_both_sides_is_the_users_to_decide(
    desk: Desk, kind: type[MailClient], choice: str
) -> None:
    note = desk.drafted()
    desk.client(kind).save(lambda text: f"From the client.\n\n{text}")
    theirs = desk.drafts()
    desk.edit(note, "Best regards", "From the note.\n\nBest regards")
    desk.sync()
    text = desk.text(note)
    assert desk.status(note) == "conflict"
    assert "From the note." in text and "From the client." in text and desk.drafts() == theirs
    settled(desk)
    desk.set(note, resolve=choice)
    desk.sync()
    ((_, raw),) = desk.drafts().items()
    read = desk.read(note)
    assert read.status == "edited"
    assert ("From the client." if choice == "server" else "From the note.") in read.reply
    assert ("From the client." if choice == "server" else "From the note.").encode() in raw
    assert "## In Drafts" not in desk.text(note)
    assert "From the note." in desk.text(note)  # kept as an earlier revision where it gave way
    settled(desk)


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("edited", [False, True])
def test_what_was_sent_from_a_client_is_kept_in_the_note(
    desk: Desk, kind: type[MailClient], edited: bool
) -> None:
    note = desk.drafted()
    desk.client(kind).send(add_line if edited else lambda text: text)
    desk.sync()
    read = desk.read(note)
    assert read.status == "sent"
    assert ("It was 8+3 in every run." in read.reply) == edited
    assert desk.property(note, "sent_message_id")
    likeness = desk.property(note, "likeness")
    assert likeness < 1 if edited else likeness == 1
    assert "You sent it from your mail client" in read.history[-1]
    settled(desk)


def test_sent_with_a_copy_still_in_drafts_is_sent(desk: Desk) -> None:
    note = desk.drafted()
    (raw,) = desk.drafts().values()
    desk.dovecot.deliver(desk.user, raw, mailbox="Sent")
    desk.sync()
    assert (desk.status(note), desk.drafts()) == ("sent", {})
    settled(desk)


def test_an_answer_in_other_words_takes_our_draft_away(desk: Desk) -> None:
    note = desk.drafted()
    answer = mail(
        "Call me.", sender=f"Jo <{desk.user}>", to="ana@acme.example", message_id="<own@jo>", headers=THREAD
    )
    desk.dovecot.deliver(desk.user, answer.replace(b"20 Nov 2026", b"20 Nov 2036"), mailbox="Sent")
    desk.sync()
    assert (desk.status(note), desk.drafts()) == ("answered", {})
    assert "Call me." in desk.text(note)
    settled(desk)


def test_a_forward_to_somebody_else_is_no_answer(desk: Desk) -> None:
    note = desk.drafted()
    forward = mail(
        "FYI", sender=f"Jo <{desk.user}>", to="boss@example.com", message_id="<own@jo>", headers=THREAD
    )
    desk.dovecot.deliver(desk.user, forward.replace(b"20 Nov 2026", b"20 Nov 2036"), mailbox="Sent")
    desk.sync()
    assert (desk.status(note), len(desk.drafts())) == ("draft", 1)


@pytest.mark.parametrize("kind", [Roundcube, Thunderbird, Claws])
def test_a_draft_that_was_deleted_is_never_made_again_by_itself(desk: Desk, kind: type[MailClient]) -> None:
    note = desk.drafted()
    client = desk.client(kind)
    client.delete()
    desk.sync()
    assert desk.status(note) == "discarded"
    settled(desk)
    desk.fetch()
    assert desk.drafts() == {}
    client.undelete()
    desk.sync()
    assert desk.status(note) == "draft"


def test_a_draft_that_is_nowhere_is_missing_and_taken_back(desk: Desk) -> None:
    note = desk.drafted()
    client = desk.client(Neomutt)
    raw = client.recall()
    for _ in range(4):
        desk.sync()
        assert desk.status(note) == "missing"
    settled(desk)
    desk.hours_pass(7)
    desk.sync()
    assert desk.status(note) == "discarded"
    settled(desk)
    client.put_back(raw, add_line)
    desk.sync()
    assert (desk.status(note), "8+3" in desk.read(note).reply) == ("edited", True)


def test_a_draft_that_is_marked_as_deleted_is_discarded(desk: Desk) -> None:
    note = desk.drafted()
    desk.client(Neomutt).mark()
    desk.sync()
    assert desk.status(note) == "discarded"
    settled(desk)


def test_a_deleted_note_takes_the_draft_with_it(desk: Desk) -> None:
    note = desk.drafted()
    (desk.vault / note).unlink()
    desk.sync()
    assert desk.drafts() == {}
    settled(desk)
    assert not (desk.vault / note).exists()


def test_a_moved_note_is_followed(desk: Desk) -> None:
    note = desk.drafted()
    (desk.vault / "Answers").mkdir()
    (desk.vault / note).rename(desk.vault / "Answers" / "to Ana.md")
    desk.sync()
    assert len(desk.drafts()) == 1
    desk.edit("Answers/to Ana.md", "Best regards", "It was 8+3.\n\nBest regards")
    desk.sync()
    ((_, raw),) = desk.drafts().items()
    assert b"It was 8+3." in raw
    settled(desk)


def test_a_vault_without_its_mail_folder_says_nothing(desk: Desk) -> None:
    desk.drafted()
    (desk.vault / "Email").rename(desk.vault.parent / "away")
    desk.sync()
    assert len(desk.drafts()) == 1


def test_a_draft_that_the_note_discards_is_taken_away(desk: Desk) -> None:
    note = desk.drafted()
    desk.set(note, status="discarded")
    desk.sync()
    assert (desk.status(note), desk.drafts()) == ("discarded", {})
    settled(desk)


def test_what_the_user_has_edited_stays_when_its_note_is_discarded(desk: Desk) -> None:
    note = desk.drafted()
    desk.client(Thunderbird).save(add_line)
    desk.sync()
    theirs = desk.drafts()
    desk.set(note, status="discarded")
    desk.sync()
    assert (desk.status(note), desk.drafts()) == ("discarded", theirs)
    settled(desk)


def test_two_drafts_of_one_id_while_aerc_asks(desk: Desk) -> None:
    note = desk.drafted()
    client = desk.client(Aerc)
    client.save(add_line)
    desk.sync()
    assert desk.status(note) == "edited"
    settled(desk)
    client.answer_dialog()
    settled(desk)


def test_a_renumbered_drafts_is_found_again(desk: Desk) -> None:
    note = desk.drafted()
    desk.dovecot.adm("mailbox", "update", "-u", desk.user, "--uid-validity", "4242", "Drafts")
    desk.sync()
    settled(desk)
    desk.edit(note, "Best regards", "It was 8+3.\n\nBest regards")
    desk.sync()
    ((_, raw),) = desk.drafts().items()
    assert b"It was 8+3." in raw


def test_several_drafts_that_answer_the_same_mail_are_not_guessed_at(desk: Desk) -> None:
    note = desk.drafted()
    client = desk.client(Thunderbird)
    raw = next(iter(desk.drafts().values()))
    client.save(add_line)
    desk.dovecot.deliver(
        desk.user, client.rewritten(raw, lambda t: f"Another one.\n\n{t}", {}), mailbox="Drafts"
    )
    before = desk.drafts()
    desk.sync()
    assert (desk.status(note), desk.drafts()) == ("unknown", before)
    assert "several drafts" in desk.read(note).history[-1]
    settled(desk)


def test_an_own_draft_beside_ours_is_the_users_and_ours_stays(desk: Desk) -> None:
    note = desk.drafted()
    own = mail(
        "Quite other.",
        sender=f"Jo <{desk.user}>",
        to="ana@acme.example",
        message_id="<own@jo>",
        headers=THREAD,
    )
    desk.dovecot.deliver(desk.user, own, mailbox="Drafts")
    desk.sync()
    assert (desk.status(note), len(desk.drafts())) == ("draft", 2)
    settled(desk)
