"""What a second hard review broke in noticing what became of a draft, and what must stay mended."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

import pytest

from mailbot.sync import pipeline
from mailbot.sync.session.report import Options
from tests.conftest import MakeSettings, mail
from tests.e2e.life.desk import Desk, sending
from tests.e2e.life.test_newer_mail import follow_up, mail_note
from tests.e2e.life.test_notice import THREAD, add_line, settled
from tests.e2e.life.test_send import answered
from tests.servers.mail_clients import AppleMail, Neomutt, Roundcube, Thunderbird
from tests.servers.model import DRAFT, TRIAGE, ModelServer, is_triage
from tests.servers.smtp import SmtpServer


def show(desk: Desk, note: str) -> str:
    return desk.text(note)


pytestmark = pytest.mark.dovecot
BEGIN, END = "%% mailbot: reply begins %%", "%% mailbot: reply ends %%"


def quiet(desk: Desk):
    (report,) = pipeline.sync_all(desk.settings, Options())
    return report


def replied(desk: Desk, note: str, reply: str) -> None:
    text = desk.text(note)
    desk.write(note, f"{text[: text.index(BEGIN)]}{BEGIN}\n\n{reply}\n\n{text[text.index(END) :]}")


def test_a_sent_while_the_properties_were_broken_is_said_once_they_are_mended(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    good = desk.text(note)
    desk.write(note, good.replace("\nto_name:", '\nto_name: "Ana" "Ruiz"\nx:', 1))
    quiet(desk)
    desk.client(Thunderbird).send(add_line)
    quiet(desk)
    desk.write(note, good)
    quiet(desk)
    quiet(desk)
    assert desk.status(note) == "sent", show(desk, note)


def test_b_edited_in_client_while_the_properties_were_broken(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    good = desk.text(note)
    desk.write(note, good.replace("\nto_name:", '\nto_name: "Ana" "Ruiz"\nx:', 1))
    desk.client(Thunderbird).save(add_line)
    quiet(desk)
    desk.write(note, good)
    quiet(desk)
    quiet(desk)
    assert "in every run" in desk.text(note), show(desk, note)
    assert desk.status(note) in ("edited", "conflict")


def test_c_approved_text_is_what_is_sent_after_marks_were_missing(
    desk: Desk, make_settings: MakeSettings
) -> None:
    with sending(desk, make_settings, SmtpServer()) as server:
        note = answered(desk)
        desk.sync()
        desk.text(note)
        desk.edit(note, END, "")
        desk.client(Thunderbird).save(lambda t: f"I take everything back, the price is 900.\n\n{t}")
        quiet(desk)
        print("AFTER BROKEN", desk.text(note))
        if END not in desk.text(note):
            desk.edit(note, "Jo Vermeer\n\n", f"Jo Vermeer\n\n{END}\n\n")
        quiet(desk)
        assert "900" in desk.read(note).reply or desk.status(note) == "conflict", show(desk, note)
        desk.set(note, status="approved")
        quiet(desk)
        if server.mails:
            sent = bytes(server.mails[0].original_content or b"").decode()
            assert "900" not in sent or "900" in desk.read(note).reply, sent


def test_e_broken_note_and_a_forward_to_the_boss(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    good = desk.text(note)
    desk.write(note, good.replace("\nto_name:", '\nto_name: "Ana" "Ruiz"\nx:', 1))
    forward = mail(
        "FYI", sender=f"Jo <{desk.user}>", to="boss@example.com", message_id="<own@jo>", headers=THREAD
    )
    desk.dovecot.deliver(desk.user, forward.replace(b"20 Nov 2026", b"20 Nov 2036"), mailbox="Sent")
    quiet(desk)
    desk.write(note, good)
    quiet(desk)
    assert len(desk.drafts()) == 1 and desk.rows()[-1].status in ("draft", "edited"), show(desk, note)


def test_f_not_utf8(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    good = (desk.vault / note).read_bytes()
    (desk.vault / note).write_bytes(
        good.replace(b"## AI Reasoning", b"## AI Reasoning\n\nM\xfcller said so.\n", 1)
    )
    desk.client(Thunderbird).save(add_line)
    quiet(desk)
    (desk.vault / note).write_bytes(good)
    quiet(desk)
    quiet(desk)
    assert "in every run" in desk.text(note), show(desk, note)


def test_g_subject_changed_in_both(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.set(note, subject="Erasure coding")
    desk.client(Thunderbird).save(Subject="Disks")
    quiet(desk)
    text = desk.text(note)
    assert desk.status(note) == "conflict" or "Erasure coding" in text, show(desk, note)


def test_h_attach_in_note_and_subject_in_client(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.set(note, attach=["Projects/Storage Evaluation.md"])
    desk.client(Thunderbird).save(Subject="Disks")
    quiet(desk)
    assert desk.status(note) == "conflict" or "Storage Evaluation.md" in str(desk.property(note, "attach")), (
        show(desk, note)
    )


def test_i_note_to_cc_and_client_to_differ(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.set(note, to="bo@acme.example", to_name="Bo")
    desk.client(Roundcube).save(To="cy@acme.example")
    quiet(desk)
    assert desk.status(note) == "conflict"
    assert "cy@acme.example" in desk.text(note), show(desk, note)
    settled(desk)


def test_j_recipient_replaced_in_thunderbird(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(To="Bo <bo@other.example>")
    desk.sync()
    assert desk.status(note) == "edited"


def test_k_sent_to_another_in_thunderbird(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).send(To="Bo <bo@other.example>")
    desk.sync()
    assert desk.status(note) == "sent", show(desk, note)


def test_l_sent_with_new_id_and_our_copy_still_in_drafts(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    client = desk.client(Thunderbird)
    _, raw = client.only_draft()
    client.imap.append("Sent", client.rewritten(raw, lambda t: t, {}), flags=(b"\\Seen",))
    desk.sync()
    assert desk.status(note) == "sent"
    assert "other words" not in desk.text(note)


def test_m_apple_autosaves_stay_and_one_is_sent(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    client = desk.client(AppleMail)
    uid, raw = client.only_draft()
    client.imap.append("Drafts", client.rewritten(raw, lambda t: f"Well,\n\n{t}", {}), flags=client.flags)
    client._expunge(uid)
    client.imap.append("Sent", client.rewritten(raw, lambda t: f"Well, yes.\n\n{t}", {}), flags=(b"\\Seen",))
    desk.sync()
    assert desk.status(note) == "sent"
    settled(desk)


def test_n_an_earlier_revision_is_sent_from_roundcube(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    client = desk.client(Roundcube)
    _, raw = client.only_draft()
    desk.edit(note, "it was 8+3.", "it was 8+3, I am sure.")
    desk.sync()
    client.imap.append("Sent", client.rewritten(raw, lambda t: t, {}), flags=(b"\\Seen",))
    desk.sync()
    assert desk.status(note) == "sent"


def test_o_a_not_makes_it_changed(desk: Desk) -> None:
    note = desk.drafted()
    replied(
        desk,
        note,
        "Hi Ana,\n\n" + " ".join(f"word{n}" for n in range(400)) + "\n\nwe agree to the price.\n\nJo Vermeer",
    )
    desk.sync()
    desk.client(Roundcube).send(lambda t: t.replace("agree", "do not agree"))
    desk.sync()
    assert "as it was" not in desk.read(note).history[-1]


def test_p_change_after_a_thousand_words(desk: Desk) -> None:
    note = desk.drafted()
    replied(
        desk,
        note,
        "Hi Ana,\n\n" + " ".join(f"word{n}" for n in range(1100)) + "\n\nThe price is 100.\n\nJo Vermeer",
    )
    desk.sync()
    desk.client(Roundcube).send(
        lambda t: t.replace(
            "The price is 100.", "No. We will not sell at all, sorry for the long silence on this matter."
        )
    )
    desk.sync()
    print(desk.read(note).history, desk.property(note, "likeness"))
    assert desk.property(note, "likeness") < 1


def test_q_a_question_to_the_colleague_in_cc_is_no_answer(desk: Desk) -> None:
    desk.mail(headers="Cc: Bo <bo@example.com>\n")
    (note,) = desk.fetch().drafts
    print(desk.read(note).to, desk.read(note).cc)
    ask = mail(
        "Bo, what do you think?",
        sender=f"Jo <{desk.user}>",
        to="bo@example.com",
        message_id="<own@jo>",
        headers=THREAD,
    )
    desk.dovecot.deliver(
        desk.user,
        ask.replace(b"20 Nov 2026", b"20 Nov 2036").replace(b"Subject: Storage", b"Subject: Fwd: Storage"),
        mailbox="Sent",
    )
    desk.sync()
    assert (desk.status(note), len(desk.drafts())) == ("draft", 1), show(desk, note)


def test_r_ours_deleted_beside_an_own_draft(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    client = desk.client(Thunderbird)
    uid, _ = client.only_draft()
    client.imap.copy([uid], "Trash")
    client._expunge(uid)
    own = mail(
        "Please call me, that is too much for a mail and I would rather explain the matter to you in person.",
        sender=f"Jo <{desk.user}>",
        to="ana@acme.example",
        message_id="<own@jo>",
        headers=THREAD,
    )
    desk.dovecot.deliver(desk.user, own, mailbox="Drafts")
    desk.sync()
    assert desk.status(note) == "discarded"


def test_s_own_text_cleared_only_the_quote_stays(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Roundcube).save(lambda t: t[t.index("On Fri") :])
    desk.sync()
    assert "which erasure coding" not in desk.read(note).reply
    settled(desk)


@pytest.mark.parametrize("status", ["draft", "approved", "edited", "Approved"])
def test_u_status_set_on_a_discarded_draft(desk: Desk, status: str) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Roundcube).delete()
    desk.sync()
    assert desk.status(note) == "discarded"
    desk.set(note, status=status)
    report = quiet(desk)
    assert desk.status(note) == "discarded" or desk.drafts() or report.failed


@pytest.mark.parametrize("status", ["draft", "approved"])
def test_v_status_set_on_one_the_user_discarded(desk: Desk, status: str) -> None:
    note = answered(desk)
    desk.sync()
    desk.set(note, status="discarded")
    desk.sync()
    desk.set(note, status=status)
    report = quiet(desk)
    assert desk.status(note) == "discarded" or desk.drafts() or report.failed, show(desk, note)


@pytest.mark.parametrize("status", ["draft", "approved"])
def test_w_status_set_on_a_sent_one(desk: Desk, status: str) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Roundcube).send()
    desk.sync()
    desk.set(note, status=status)
    report = quiet(desk)
    assert desk.status(note) == "sent" or report.failed, show(desk, note)


@pytest.mark.parametrize("status", ["sent", "aproved", "discard", "", "edited", "superseded"])
def test_x_odd_status_on_an_open_draft(desk: Desk, status: str) -> None:
    note = answered(desk)
    desk.sync()
    before = desk.status(note)
    desk.set(note, status=status)
    report = quiet(desk)
    print(desk.status(note), report)
    assert desk.status(note) == before or report.failed, (desk.status(note), before)


@pytest.mark.parametrize("status", ["draft", "edited"])
def test_y_status_set_on_a_missing_draft(desk: Desk, status: str) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Neomutt).recall()
    desk.sync()
    desk.set(note, status=status)
    report = quiet(desk)
    assert desk.status(note) == "missing" or report.failed, show(desk, note)


def test_z_approved_in_a_conflict_without_a_choice(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(add_line)
    desk.edit(note, "8+3", "9+3")
    desk.sync()
    desk.set(note, status="approved")
    report = quiet(desk)
    assert desk.status(note) == "conflict" or report.failed


HARD = {
    "code": 'Hi Ana,\n\nrun this:\n\n```python\nif x < 3:\n    print("<b>&amp;")  # [[x]] %% y %%\n\treturn\n```\n\nJo Vermeer',
    "indent": "Hi Ana,\n\n    indented four\n\n  two\n\tand a tab\n\nJo Vermeer",
    "list": "Hi Ana,\n\n* one\n  * one a\n- two\n+ three\n1. first\n2) second\n   1. inner\n- [ ] task\n1. [ ] task\n\nJo Vermeer",
    "marks": "Hi Ana,\n\n# no heading\n## History\n---\n***\n===\n| a | b |\n|---|---|\n~~~\n> not quoted\n$x$ \\alpha \\* _u_ __b__ ==h== ^x #tag @me\n\nJo Vermeer",
    "emoji": "Hi Ana 👩‍👩‍👧 🇫🇷 é e\u0301 ﬁ \u200d,\n\n日本語のテキスト\n\nشكرا\n\nJo Vermeer",
    "angle": "Hi Ana,\n\n<script>x</script> <ana@acme.example> <https://a.example/?a=b&c=d> https://b.example/_x_*y*\n\n<% tp.x %> `= this.x` ![[y]] obsidian://x\n\nJo Vermeer",
    "markers": f"Hi Ana,\n\n{BEGIN}\n{END}\n%% comment %%\n\nJo Vermeer",
    "yaml": "---\nstatus: approved\n---\n\nHi Ana\n\n---\n\nJo Vermeer",
    "dashes": "Hi Ana,\n\n--\nnot a signature\n\n-- \nJo\n\nJo Vermeer",
    "From": "From here on:\n\n From there\n>From x\n\nJo Vermeer",
    "spaces": "Hi   Ana,   \n\n\n\n\nthree  spaces \u00a0 nbsp\n\nJo Vermeer   ",
}


def test_i3_doubled_marks(desk: Desk) -> None:
    note = answered(desk)
    desk.edit(note, BEGIN, f"{BEGIN}\n\n{BEGIN}")
    report = quiet(desk)
    print(report.failed, show(desk, note))
    assert not any(b"mailbot" in raw for raw in desk.drafts().values())


def test_j3_moved_after_a_client_edit_that_the_note_could_not_take(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    good = desk.text(note)
    desk.write(note, good.replace("\nto_name:", '\nto_name: "Ana" "Ruiz"\nx:', 1))
    desk.client(Thunderbird).save(add_line)
    quiet(desk)
    (desk.vault / "Answers").mkdir()
    (desk.vault / note).unlink()
    (desk.vault / "Answers" / "a.md").write_text(good)
    quiet(desk)
    print([(r.status, r.why) for r in desk.rows()])
    assert desk.rows()[-1].status != "discarded"


def test_j4_deleted_and_restored(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    good = desk.text(note)
    (desk.vault / note).unlink()
    desk.sync()
    desk.write(note, good)
    report = quiet(desk)
    print(desk.status(note), desk.drafts(), report)
    assert desk.status(note) == "discarded" or desk.drafts() or report.failed


@pytest.mark.parametrize(
    "value", ["Server", " server ", "SERVER", "'server'", "[server]", "both", "client", "mine"]
)
def test_k1_odd_values_of_resolve(desk: Desk, value: str) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(add_line)
    desk.edit(note, "8+3", "9+3")
    desk.sync()
    desk.edit(note, "status: conflict", f"status: conflict\nresolve: {value}")
    report = quiet(desk)
    print(desk.status(note), report.failed, report.remarks)
    if value in ("both", "client", "mine"):
        assert (
            report.failed
            or report.remarks
            or ("resolve" in str(desk.read(note).history[-1:]) and value in str(desk.read(note).history[-1:]))
        )
    else:
        assert desk.status(note) == "edited"


def test_k2_conflict_then_open_in_neomutt_with_the_choice_made(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(lambda t: f"From the client.\n\n{t}")
    desk.edit(note, "8+3", "9+3")
    desk.sync()
    client = desk.client(Neomutt)
    raw = client.recall()
    desk.set(note, resolve="server")
    quiet(desk)
    print(desk.status(note), desk.property(note, "resolve"))
    client.put_back(raw)
    quiet(desk)
    quiet(desk)
    assert desk.status(note) == "edited"
    assert "From the client" in desk.read(note).reply


def test_k6_approved_in_the_note_after_an_edit_in_the_client(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(add_line)
    desk.set(note, status="approved")
    report = quiet(desk)
    assert smtp.mails == []
    assert report.failed or "pprove" in desk.read(note).history[-1]


def test_l1_several_and_both_are_deleted(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    client = desk.client(Thunderbird)
    raw = next(iter(desk.drafts().values()))
    client.save(add_line)
    desk.dovecot.deliver(
        desk.user, client.rewritten(raw, lambda t: f"Another one.\n\n{t}", {}), mailbox="Drafts"
    )
    desk.sync()
    assert desk.status(note) == "unknown"
    client.delete()
    client.delete()
    for _ in range(4):
        desk.sync()
    desk.hours_pass(7)
    desk.sync()
    desk.sync()
    assert desk.status(note) == "discarded"


def test_l3_several_and_one_is_sent(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    client = desk.client(Thunderbird)
    raw = next(iter(desk.drafts().values()))
    client.save(add_line)
    desk.dovecot.deliver(
        desk.user, client.rewritten(raw, lambda t: f"Another one.\n\n{t}", {}), mailbox="Drafts"
    )
    desk.sync()
    client.send()
    desk.sync()
    assert desk.status(note) == "sent"
    settled(desk)


def test_l4_several_approved(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.sync()
    client = desk.client(Thunderbird)
    raw = next(iter(desk.drafts().values()))
    client.save(add_line)
    desk.dovecot.deliver(
        desk.user, client.rewritten(raw, lambda t: f"Another one.\n\n{t}", {}), mailbox="Drafts"
    )
    desk.sync()
    desk.set(note, status="approved")
    report = quiet(desk)
    assert smtp.mails == [] and (desk.status(note) == "unknown" or report.failed)


@pytest.mark.parametrize("kind", [Thunderbird, Roundcube])
def test_o1_saved_without_an_edit_then_a_newer_mail(desk: Desk, kind) -> None:
    old = desk.drafted()
    desk.client(kind).save()
    desk.sync()
    assert desk.status(old) == "draft"
    follow_up(desk)
    report = desk.sync()
    print(report.drafts, show(desk, old))
    newer = mail_note(desk, "which disks")
    print(desk.property(newer, "reason"), desk.property(newer, "draft"))
    superseded = desk.status(old) == "superseded" and len(report.drafts) == 1
    more = "there may be more to answer" in desk.text(old) and desk.property(newer, "draft")
    assert superseded or more


def test_o3_a_newer_mail_while_several_drafts(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    client = desk.client(Thunderbird)
    raw = next(iter(desk.drafts().values()))
    client.save(add_line)
    desk.dovecot.deliver(
        desk.user, client.rewritten(raw, lambda t: f"Another one.\n\n{t}", {}), mailbox="Drafts"
    )
    desk.sync()
    follow_up(desk)
    report = desk.sync()
    print(report.drafts, show(desk, note))
    assert report.drafts == []
    assert "there may be more to answer" in desk.text(note)


def test_o6_without_uidplus(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailbot.mail.server.account import ImapAccount

    old = desk.drafted()
    monkeypatch.setattr(ImapAccount, "can_remove", lambda self: False)
    follow_up(desk)
    desk.sync()
    settled(desk)
    assert desk.status(old) in ("superseded", "unknown")


def test_o10_colleague_answered_a_draft_saved_without_edit(modelled: Desk, model: ModelServer) -> None:
    old = modelled.drafted()
    modelled.client(Roundcube).save()
    modelled.sync()
    assert modelled.status(old) == "draft"
    model.answer = lambda r: (
        {**TRIAGE, "disposition": "read", "reason": "An answer", "asks": [], "settles": True}
        if is_triage(r)
        else DRAFT
    )
    follow_up(modelled, "Hi Ana, it was 8+3 in every run.", sender="Bo <bo@example.com>")
    modelled.sync()
    assert modelled.status(old) == "superseded" or "newer mail" in modelled.text(old)


def test_p13_discarded_in_the_note_while_a_client_saved_it(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(add_line)
    desk.set(note, status="discarded")
    desk.sync()
    assert len(desk.drafts()) == 1
    assert "still in Drafts" in desk.read(note).history[-1]


def test_p14_discarded_in_the_note_after_a_save_without_an_edit(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Roundcube).save()
    desk.set(note, status="discarded")
    desk.sync()
    assert desk.drafts() == {} or "still in Drafts" in desk.read(note).history[-1]


@pytest.mark.parametrize(
    "subject",
    [
        'Re: "Storage": 50% #1 [x] {y}',
        "Re: 📦 Störage — [[x]] %% y",
        "",
        "Re: Storage: a: b",
        "'quoted'",
        "- dash",
        "null",
        "Re: " + "long " * 60,
    ],
)
def test_p16_subjects(desk: Desk, subject: str) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(Subject=subject)
    desk.sync()
    assert desk.status(note) == "edited"
    settled(desk)
    desk.edit(note, "8+3", "9+3")
    desk.sync()
    assert desk.status(note) == "conflict"
    desk.set(note, resolve="note")
    desk.sync()
    (raw,) = desk.drafts().values()
    got = str(email.message_from_bytes(raw, policy=email.policy.default)["Subject"] or "")
    if subject:
        assert got.split() == subject.split()
    settled(desk)


@pytest.mark.parametrize(
    "cc",
    [
        '"Ruiz, Ana @ Acme" <ana2@acme.example>',
        'Bo <bo@acme.example>, "O\'Neil; x" <cy@acme.example>',
        "=?utf-8?q?J=C3=B6rg?= <j@acme.example>",
        '"a\\"b" <q@acme.example>',
        "Team: bo@acme.example, cy@acme.example;",
    ],
)
def test_p17_names(desk: Desk, cc: str) -> None:
    note = answered(desk)
    desk.sync()
    client = desk.client(Roundcube)
    uid, raw = client.only_draft()
    made = client.rewritten(raw, lambda t: t, {}).replace(
        b"Subject:", b"Cc: " + cc.encode() + b"\r\nSubject:", 1
    )
    client.imap.append("Drafts", made, flags=client.flags)
    client._expunge(uid)
    desk.sync()
    settled(desk)
    desk.edit(note, "8+3", "9+3")
    desk.sync()
    assert desk.status(note) == "conflict"
    desk.set(note, resolve="note")
    desk.sync()
    (after,) = desk.drafts().values()
    got = email.message_from_bytes(after, policy=email.policy.default)["Cc"]
    want = email.message_from_bytes(made, policy=email.policy.default)["Cc"]
    assert sorted((a.display_name, a.addr_spec) for a in got.addresses) == sorted(
        (a.display_name, a.addr_spec) for a in want.addresses
    )
    settled(desk)


def test_p22_conflict_in_recipients_shows_what_differs(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.set(note, subject="Erasure coding")
    desk.client(Thunderbird).save(lambda t: t, To="ana@acme.example, cy@acme.example")
    quiet(desk)
    assert "cy@acme.example" in desk.text(note)


@pytest.mark.parametrize("subject", ["[[PROJ-12]] Storage", "<b>Storage</b>", "![x](y) `a` #tag"])
def test_q1_the_subject_of_a_reply_is_the_mails(desk: Desk, subject: str) -> None:
    desk.mail(subject=subject)
    (_note,) = desk.fetch().drafts
    (raw,) = desk.drafts().values()
    got = str(email.message_from_bytes(raw, policy=email.policy.default)["Subject"])
    assert got == f"Re: {subject}"


@pytest.mark.parametrize("line", ["--", "-- ", "---", "__", "—"])
def test_q2_a_line_of_dashes_between_two_options(desk: Desk, line: str) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(AppleMail).save(
        lambda t: t.replace(
            "it was 8+3.",
            f"the first option is 8+3.\n\n{line}\n\nThe second option is 9+3, which costs 900 more.",
        )
    )
    desk.sync()
    assert "costs 900 more" in desk.read(note).reply


def test_q2b_and_that_text_is_lost_when_the_note_is_chosen(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(AppleMail).save(
        lambda t: "Hi Ana,\n\n--\nThe second option costs 900 more.\n\n-- \nJo\n\n" + t[t.index("On Fri") :]
    )
    desk.sync()
    desk.edit(note, "Hi Ana,", "Dear Ana,")
    desk.sync()
    desk.set(note, resolve="note")
    desk.sync()
    everywhere = desk.text(note) + "".join(r.decode() for r in desk.drafts().values())
    assert "costs 900 more" in everywhere


@pytest.fixture
def two(desk: Desk, dovecot, tmp_path: Path):
    import uuid

    import yaml

    from mailbot.config import load

    path = tmp_path / "accounts.yaml"
    data = yaml.safe_load(path.read_text())
    other = f"jo2-{uuid.uuid4().hex[:8]}@example.com"
    data["accounts"].append({**data["accounts"][0], "name": "home", "address": other})
    path.write_text(yaml.safe_dump(data))
    desk.settings = load(path)
    return desk, other


def both(desk: Desk):
    reports = pipeline.sync_all(desk.settings, Options())
    for r in reports:
        assert (r.error, r.failed) == ("", []), r
    return reports


def test_q19_a_second_draft_of_the_user_beside_a_broken_note(desk: Desk) -> None:
    """A broken note, ours open in neomutt, and a forward of the same mail to the boss in Drafts."""
    note = answered(desk)
    desk.sync()
    good = desk.text(note)
    desk.write(note, good.replace("\nto_name:", '\nto_name: "Ana" "Ruiz"\nx:', 1))
    desk.client(Neomutt).recall()
    forward = mail(
        "FYI, boss", sender=f"Jo <{desk.user}>", to="boss@example.com", message_id="<own@jo>", headers=THREAD
    )
    desk.dovecot.deliver(desk.user, forward, mailbox="Drafts")
    quiet(desk)
    rows = desk.rows()
    print([(r.status, r.message_id) for r in rows])
    assert rows[-1].status == "missing"


def test_r1_a_cc_with_comma_and_at_in_its_name_gets_its_draft(desk: Desk) -> None:
    desk.mail(headers='Cc: "Ruiz, Bo @ Acme" <bo@acme.example>\n')
    (report,) = pipeline.fetch_all(desk.settings, Options())
    print(report.failed)
    assert report.failed == [] and len(desk.drafts()) == 1


def test_r2_redirected_in_thunderbird_and_six_hours_later(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Thunderbird).save(To="Bo <bo@other.example>")
    for _ in range(4):
        desk.sync()
    desk.hours_pass(7)
    desk.sync()
    assert desk.status(note) != "discarded"


def test_r3_only_the_quote_is_left_and_it_is_approved(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(Roundcube).save(lambda t: t[t.index("On Fri") :])
    desk.sync()
    desk.set(note, status="approved")
    quiet(desk)
    quiet(desk)
    assert smtp.mails == []


@pytest.mark.parametrize("line", ["--", "—"])
def test_r4_text_below_a_dash_survives_the_choice_of_the_note(desk: Desk, line: str) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(AppleMail).save(
        lambda t: t.replace(
            "it was 8+3.",
            f"the first option is 8+3.\n\n{line}\n\nThe second option is 9+3, which costs 900 more.",
        )
    )
    desk.sync()
    desk.edit(note, "Hi Ana,", "Dear Ana,")
    desk.sync()
    desk.set(note, resolve="note")
    desk.sync()
    everywhere = desk.text(note) + "".join(r.decode() for r in desk.drafts().values())
    assert "costs 900 more" in everywhere


def test_r5_what_is_approved_in_the_note_is_what_goes_out_below_a_dash(desk: Desk, smtp: SmtpServer) -> None:
    note = answered(desk)
    desk.sync()
    desk.client(AppleMail).save(
        lambda t: t.replace(
            "it was 8+3.", "the first option is 8+3.\n\n--\n\nThe second option is 9+3, which costs 900 more."
        )
    )
    desk.sync()
    desk.set(note, status="approved")
    quiet(desk)
    quiet(desk)
    sent = b"".join(bytes(m.original_content or b"") for m in smtp.mails)
    assert b"costs 900 more" not in sent or "costs 900 more" in desk.text(note)


def test_r8_fetch_alone_after_a_forward_beside_a_broken_note(desk: Desk) -> None:
    note = answered(desk)
    desk.sync()
    desk.edit(note, END, "")
    forward = mail(
        "FYI", sender=f"Jo <{desk.user}>", to="boss@example.com", message_id="<own@jo>", headers=THREAD
    )
    desk.dovecot.deliver(desk.user, forward.replace(b"20 Nov 2026", b"20 Nov 2036"), mailbox="Sent")
    quiet(desk)
    assert len(desk.drafts()) == 1


def test_r9_a_seven_bit_subject_edit_in_the_note_only(desk: Desk) -> None:
    """A subject with a bracket, and an edit of the text only: the subject stays that of the mail."""
    desk.mail(subject="[[PROJ-12]] Storage")
    (note,) = desk.fetch().drafts
    print(desk.property(note, "subject"), [r.decode()[:300] for r in desk.drafts().values()])
    desk.client(Thunderbird).save(add_line, Subject="Re: [[PROJ-12]] Storage")
    desk.sync()
    desk.edit(note, "Best regards", "Best")
    desk.sync()
    desk.set(note, resolve="note")
    desk.sync()
    (raw,) = desk.drafts().values()
    assert b"Subject: Re: [[PROJ-12]] Storage" in raw
