"""Reply headers and MIME bytes (RFC 5322 3.6, RFC 3676)."""

from __future__ import annotations

import email
from datetime import UTC, datetime
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mail.message import Address, MessageId
from mailbot.mail.mime import compose, reply_body, reply_header
from mailbot.mail.mime.parse import parse
from tests.conftest import mail

OWN = ["jo@example.com", "jv@example.org"]


def emails(addresses: tuple[Address, ...]) -> list[str]:
    return [a.email for a in addresses]


def test_a_reply_goes_to_reply_to_else_to_the_author() -> None:
    assert emails(reply_header.recipients(parse(mail()), OWN, False)[0]) == ["ana@acme.example"]
    m = parse(mail(headers="Reply-To: desk@acme.example\nSender: evil@x.example\n"))
    assert emails(reply_header.recipients(m, OWN, False)[0]) == ["desk@acme.example"]


def test_reply_all_leaves_out_the_user_and_names_each_once() -> None:
    m = parse(
        mail(
            to="Jo@Example.com, b@x.example, ana@acme.example",
            headers="Cc: B@X.example, c@x.example, jv@example.org\nBcc: s@x.example\n",
        )
    )
    to, cc = reply_header.recipients(m, OWN, True)
    assert (emails(to), emails(cc)) == (["ana@acme.example"], ["b@x.example", "c@x.example"])


def test_mail_followup_to_counts_on_reply_all_only() -> None:
    m = parse(mail(headers="Mail-Followup-To: list@x.example, jo@example.com\n"))
    assert emails(reply_header.recipients(m, OWN, True)[0]) == ["list@x.example"]
    assert emails(reply_header.recipients(m, OWN, False)[0]) == ["ana@acme.example"]


def test_the_alias_that_got_the_mail_answers() -> None:
    own = tuple(Address("Jo", o) for o in OWN)
    assert (
        reply_header.sender_alias(parse(mail(headers="Delivered-To: jv@example.org\n")), own).email
        == "jv@example.org"
    )
    assert reply_header.sender_alias(parse(mail(to="else@x.example")), own).email == "jo@example.com"


@pytest.mark.parametrize(
    ("subject", "reply"),
    [("Storage", "Re: Storage"), ("Re: AW: RE[2]: Storage", "Re: Storage"), ("SV: Antw: x", "Re: x"), ("回复：你好", "Re: 你好"), ("Report: x", "Re: Report: x"), ("", "Re:")],
)  # fmt: skip
def test_one_re_in_front(subject: str, reply: str) -> None:
    assert reply_header.reply_subject(subject) == reply


def test_threading_follows_rfc_5322() -> None:
    parent = parse(mail(headers="References: <a@x> <b@x>\nIn-Reply-To: <b@x>\n"))
    assert reply_header.threading(parent) == ("<m1@acme.example>", ("<a@x>", "<b@x>", "<m1@acme.example>"))
    only = parse(mail(headers="In-Reply-To: <b@x>\n"))
    assert reply_header.threading(only)[1] == ("<b@x>", "<m1@acme.example>")
    two = parse(mail(headers="In-Reply-To: <b@x> <c@x>\n"))
    assert reply_header.threading(two)[1] == ("<m1@acme.example>",)
    assert reply_header.threading(parse(b"From: a@b.c\n\nx")) == (None, ())


def test_long_references_keep_the_root_and_the_newest() -> None:
    ids = " ".join(f"<{n}@x>" for n in range(100))
    chain = reply_header.threading(parse(mail(headers=f"References: {ids}\n")))[1]
    assert len(chain) == reply_header.MAX_REFERENCES
    assert (chain[0], chain[-2:]) == ("<0@x>", ("<99@x>", "<m1@acme.example>"))


def reply(**more: object) -> compose.Reply:
    values: dict[str, object] = {
        "message_id": MessageId("<new@example.com>"), "date": datetime(2026, 11, 20, tzinfo=UTC), "sender": Address("Jo", "jo@example.com"),
        "to": (Address("Ana", "ana@acme.example"),), "cc": (), "subject": "Re: x", "in_reply_to": MessageId("<m1@x>"), "references": (MessageId("<m1@x>"),),
        "body": "Grüße\n", **more,
    }  # fmt: skip
    return compose.Reply(**values)  # type: ignore[arg-type]


def test_long_ids_are_folded_between_ids_and_never_encoded() -> None:
    """The library's own policy RFC 2047-encodes an id of 78 characters or more, and the thread is lost."""
    ids = tuple(MessageId(f"<{c * 120}@x>") for c in "abc")
    raw = compose.compose(reply(in_reply_to=ids[-1], references=ids))
    assert b"=?" not in raw.split(b"\r\n\r\n")[0]
    assert parse(raw).references == ids


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=60))
def test_no_value_adds_a_header(subject: str, name: str, text: str) -> None:
    raw = compose.compose(reply(subject=subject, to=(Address(name, "ana@acme.example"),), body=text))
    message = email.message_from_bytes(raw, policy=default)
    assert set(message.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert message["Content-Transfer-Encoding"] == "quoted-printable"


def test_the_quote_stands_under_its_attribution() -> None:
    text = reply_body.quoted(
        "a [cid:x@y]\n> b\n\nc", Address("Ana", "a@b.c"), datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
    )
    assert text == "On Fri, 20 Nov 2026 at 09:15, Ana wrote:\n> a\n>> b\n>\n> c"
    assert reply_body.body("Hi", text, "Jo\nAcme") == f"Hi\n\nJo\nAcme\n\n{text}\n"
