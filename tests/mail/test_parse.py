"""RFC 5322 bytes -> Message, whatever the bytes."""

from __future__ import annotations

import base64
import hashlib
import os
import quopri
import struct
from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailbot.mail.mail import Mail
from mailbot.mail.message import Address, Message, Text, message_ids
from mailbot.mail.mime.parse import parse
from mailbot.mail.text.split import split
from mailbot.vault import note as notes
from mailbot.vault.email_note import Filing, to_note
from mailbot.vault.verdict import Verdict


def body(message: Message) -> str:
    return "\n".join(b.content for b in message.body if isinstance(b, Text))


def test_a_plain_mail() -> None:
    raw = (
        b"From: =?utf-8?q?J=C3=B6rg?= <J@X.example>\nTo: a@b.c, Group: d@e.f, g@h.i;\nSubject: =?utf-8?b?w6k=?=\n =?utf-8?b?w6g=?=\n"
        b"Message-ID: <1@x>\nIn-Reply-To: <0@x>\nReferences: <r@x>\n\t<0@x>\nDate: Fri, 20 Nov 2026 09:15:00 +0100\n\nhello\n"
    )
    m = parse(raw)
    assert m.sender == Address("Jörg", "J@X.example")
    assert [a.email for a in m.to] == ["a@b.c", "d@e.f", "g@h.i"]
    assert m.subject == "éè"
    assert (m.message_id, m.in_reply_to, m.references) == ("<1@x>", ("<0@x>",), ("<r@x>", "<0@x>"))
    assert m.date is not None and m.date.isoformat() == "2026-11-20T09:15:00+01:00"
    assert m.thread == "<r@x>"
    assert m.defects == ()
    assert m.size == len(raw)


@pytest.mark.parametrize(
    ("header", "name", "email"),
    [
        (b"From: <[x====@microsoft.com]>", None, None),
        (b'From: "Last, First" <a@b.c>', "Last, First", "a@b.c"),
        (b"From: caf\xc3\xa9 <a@b.c>", "café", "a@b.c"),
        (b"From: caf\xe9 <a@b.c>", "café", "a@b.c"),
        (b"From: a@b.c (Comment)", "Comment", "a@b.c"),
        (b"From: Ana", "Ana", ""),
    ],
)
def test_senders_in_the_wild(header: bytes, name: str | None, email: str | None) -> None:
    sender = parse(header + b"\nTo: (c):\n\nx").sender
    if name is not None:
        assert sender == Address(name, email or "")


def test_raw_8_bit_subjects_are_read_in_any_charset() -> None:
    assert parse(b"Subject: Gr\xc3\xbc\xc3\x9fe\n\nx").subject == "Grüße"
    assert parse(b"Subject: Gr\xfc\xdfe\n\nx").subject == "Grüße"


def test_control_characters_of_a_decoded_subject_do_not_break_lines() -> None:
    assert parse(b"Subject: =?utf-8?q?a=0D=0ABcc:_x=00b?=\n\nx").subject == "a Bcc: x b"


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("utf-8", "Grüße".encode(), "Grüße"),
        ("iso-8859-1", b"\x93quoted\x94", "“quoted”"),
        ("us-ascii", "Grüße".encode(), "Grüße"),
        ("gb2312", "你好镕".encode("gb18030"), "你好镕"),
        ("no-such-charset", "Grüße".encode(), "Grüße"),
        ("ks_c_5601-1987", "안녕".encode("cp949"), "안녕"),
        ("rot13", b"plain", "plain"),
    ],
)
def test_bodies_in_declared_and_misdeclared_charsets(charset: str, data: bytes, text: str) -> None:
    assert body(parse(b"Content-Type: text/plain; charset=" + charset.encode() + b"\n\n" + data)) == text


def test_flowed_text_is_joined_at_its_depth() -> None:
    raw = b"Content-Type: text/plain; format=flowed\n\none \ntwo\n>quoted \n>more\n-- \nsig"
    assert body(parse(raw)) == "one two\n> quoted more\n-- \nsig"


MULTI = """Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain

Hello there
--c
Content-Type: text/html

<p>Hello <b>there</b></p>
--c--
--b
Content-Type: application/pdf; name="a.pdf"
Content-Disposition: attachment; filename*=utf-8''%C3%A9.pdf
Content-Transfer-Encoding: base64

JVBERg==
--b--
"""


def test_the_plain_alternative_is_shown_where_it_says_everything() -> None:
    m = parse(MULTI.encode())
    assert [b.html for b in m.body if isinstance(b, Text)] == [False]
    assert [(a.name, a.content, a.size) for a in m.attachments] == [("é.pdf", b"%PDF", 4)]


def test_the_html_is_shown_where_the_plain_text_says_less() -> None:
    m = parse(MULTI.replace("Hello there", "Get a better client").encode())
    assert [b.html for b in m.body if isinstance(b, Text)] == [True]


def test_a_forwarded_mail_keeps_its_own_header() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nlook\n--b\nContent-Type: message/rfc822\n\nFrom: a@b.c\nSubject: inner\n\nwords\n--b--\n"
    m = parse(raw)
    inner = next(b for b in m.body if isinstance(b, Message))
    assert (inner.subject, inner.sender, body(inner).strip()) == ("inner", Address("", "a@b.c"), "words")


def test_a_delivery_status_is_shown() -> None:
    raw = b"Content-Type: multipart/report; boundary=b\n\n--b\n\nfailed\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; n@x\nAction: failed\n--b--\n"
    assert "Final-Recipient: rfc822; n@x" in body(parse(raw))


def test_deep_nesting_and_endless_headers_are_bounded() -> None:
    deep = (
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000))
        + b"\nwords"
    )
    assert any("nested" in d for d in parse(deep).defects)
    long = b"Content-Type: text/plain; " + b"x=y; " * 200_000 + b"\nSubject: s\n\nwords"
    m = parse(long)
    assert (m.subject, body(m)) == ("s", "words")
    assert any("cut short" in d for d in m.defects)


def _tnef(*attributes: tuple[int, int, bytes]) -> bytes:
    """A TNEF stream (MS-OXTNEF 2.1.3): signature, key, then (level, id, data) attributes with their checksums."""
    out = struct.pack("<IH", 0x223E9F78, 1)
    for level, id_, data in attributes:
        out += struct.pack("<BII", level, id_, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)
    return out


def test_a_winmail_dat_is_opened_and_a_broken_one_is_kept() -> None:
    rendering = struct.pack("<HIHHI", 1, 0, 0, 0, 0)
    stream = _tnef((2, 0x00069002, rendering), (2, 0x00018010, b"plan.txt\x00"), (2, 0x0006800F, b"the plan"))
    head = b"From: a@b.c\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
    m = parse(head + base64.encodebytes(stream))
    assert [(a.name, a.content) for a in m.attachments] == [("plan.txt", b"the plan")]
    broken = parse(head + base64.encodebytes(stream[:20]))
    assert [a.name for a in broken.attachments] == ["winmail.dat"]
    junk = parse(head + base64.encodebytes(b"not TNEF at all"))
    assert [a.name for a in junk.attachments] == ["winmail.dat"]
    assert any("winmail.dat could not be opened" in d for d in junk.defects)


# --- trees, built and damaged ----------------------------------------------------------------------------------------

_WORDS = st.lists(
    st.sampled_from(
        [
            "hello",
            "größe",
            "日本",
            "which?",
            "> quoted",
            "On Fri, 20 Nov 2026 at 09:15, X <x@y> wrote:",
            "-- ",
            "#tag",
            "[[x]]",
            "<b>b</b>",
        ]
    ),
    max_size=8,
).map("\n".join)
_HEADERS = st.lists(
    st.sampled_from(
        [
            "Subject: =?utf-8?q?x?=",
            "From: A <a@b.c>",
            "To: (c):",
            "Date: 99",
            "Message-ID: <a@b>",
            "References: <a@b>\n\t<c@d>",
            "Content-Disposition: attachment; filename*=''x",
            "X: " + "y" * 300,
        ]
    ),
    max_size=5,
).map("\n".join)


def _leaf(draw: st.DrawFn) -> bytes:
    text = draw(_WORDS)
    kind = draw(
        st.sampled_from(
            [
                "text/plain",
                "text/html",
                "text/plain; format=flowed; delsp=yes",
                "text/calendar; method=REQUEST",
                "application/ms-tnef",
                "image/png",
                "message/delivery-status",
                "",
            ]
        )
    )
    charset = draw(st.sampled_from(["utf-8", "us-ascii", "iso-2022-jp", "utf-7", "nonsense"]))
    encoding = draw(st.sampled_from(["8bit", "base64", "quoted-printable", "x-uuencode", "wrong"]))
    data = text.encode(charset if charset in ("utf-8",) else "utf-8")
    data = (
        base64.encodebytes(data)
        if encoding == "base64"
        else quopri.encodestring(data)
        if encoding == "quoted-printable"
        else data
    )
    return (
        f"Content-Type: {kind}; charset={charset}\nContent-Transfer-Encoding: {encoding}\n".encode()
        + draw(_HEADERS).encode()
        + b"\n\n"
        + data
        + b"\n"
    )


@st.composite
def mime_trees(draw: st.DrawFn, depth: int = 4) -> bytes:
    """A mail of nested parts; then some bytes of it are lost, doubled or changed."""
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        return _leaf(draw)
    kind = draw(
        st.sampled_from(
            ["mixed", "alternative", "related", "signed", "encrypted", "report", "digest", "nonsense"]
        )
    )
    if draw(st.integers(0, 5)) == 0:
        return b"Content-Type: message/rfc822\n\n" + draw(mime_trees(depth - 1))
    boundary = draw(st.sampled_from(["a", "b", "=_x", ""]))
    parts = draw(st.lists(mime_trees(depth - 1), max_size=3))
    body = b"".join(f"--{boundary}\n".encode() + p for p in parts)
    return (
        f'Content-Type: multipart/{kind}; boundary="{boundary}"\n'.encode()
        + draw(_HEADERS).encode()
        + b"\n\n"
        + body
        + f"--{boundary}--\n".encode()
    )


@given(
    mime_trees(),
    st.lists(st.tuples(st.integers(0, 5000), st.sampled_from(["cut", "double", "change"])), max_size=6),
)
@settings(
    max_examples=int(os.environ.get("MAILBOT_FUZZ_EXAMPLES", "1500")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_tree_however_damaged_becomes_a_note(raw: bytes, damage: list[tuple[int, str]]) -> None:
    """No crash, nothing that is not UTF-8, a note that can be read back, no file outside the vault."""
    for at, how in damage:
        at %= len(raw) + 1
        raw = {
            "cut": raw[:at] + raw[at + 7 :],
            "double": raw[:at] + raw[at : at + 40] + raw[at:],
            "change": raw[:at] + b"\xff\x00" + raw[at + 2 :],
        }[how]
    message = parse(raw)
    email = to_note(Mail(message, split(message)), Filing(), Verdict())
    text = notes.write(email.note)
    text.encode()
    assert notes.read(text) == email.note
    assert all(".." not in path.split("/") for path in email.files)


def test_a_large_attachment_is_decoded_apart_and_whole() -> None:
    content = bytes(range(256)) * 8000
    encoded = base64.encodebytes(content)
    raw = MULTI.encode().replace(b"JVBERg==\n", encoded)
    assert len(raw) > 2_000_000
    m = parse(raw)
    assert m.attachments[0].content == content
    assert body(m).strip() == "Hello there"
    assert len(parse(raw.replace(b"--b--", b"")).attachments[0].content) >= len(content)


def test_a_mail_without_a_body_says_so() -> None:
    assert "the mail has no body" in parse(b"From: a@b.c\n\n").defects


def test_a_date_is_taken_from_received_where_there_is_none() -> None:
    m = parse(b"Received: from x by y; Fri, 20 Nov 2026 09:15:00 +0000\nFrom: a@b.c\n\nx")
    assert m.date is not None and m.date.year == 2026


def test_message_ids_are_found_in_any_dress() -> None:
    assert message_ids("a phrase <a@b> <c\r\n d@e> <a@b>") == ("<a@b>", "<cd@e>")


@given(st.binary(max_size=3000))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_mail(raw: bytes) -> None:
    """parse never raises, and its text can be written as UTF-8."""
    m = parse(raw)
    (m.subject + body(m)).encode()
    assert len(m.sha256) == 64


_PIECES = st.sampled_from(
    [b"Content-Type: ", b"multipart/mixed; boundary=x", b"multipart/alternative; boundary=\"x\"", b"text/html; charset=", b"utf-8", b"\n", b"\n\n", b"\r\n",
     b"--x\n", b"--x--\n", b"Content-Transfer-Encoding: base64\n", b"Subject: =?", b"?=", b"utf-7?B?", b"<p>", b"\xff\xfe", b"\x00", b"From: ", b"<", b">", b"@",
     b",", b";", b"name*=", b"message/rfc822", b"Date: ", b"Mon, 99", b"To: (c):", b"=3D", b"QUJD", b"begin 644 x\n", b"format=flowed"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=60).map(b"".join))
@settings(max_examples=400, deadline=None)
def test_damaged_mime_is_a_mail(raw: bytes) -> None:
    (body(parse(raw)) + parse(raw).subject).encode()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Bob <bob@x.example>; Eva <eva@x.example>; Tom <tom@x.example>", ["Bob", "Eva", "Tom"]),
        ('"Ruiz; Ana" <ana@x.example>', ["Ruiz; Ana"]),
        ("=?utf-8?Q?Ruiz,_Ana?= <ana@x.example>, Bo <bo@x.example>", ["Ruiz, Ana", "Bo"]),
        ("team: Ana <a@x.example>, Bo <b@x.example>;", ["Ana", "Bo"]),
    ],
)
def test_address_lists_as_they_are_written(line: str, shown: list[str]) -> None:
    assert [a.name for a in parse(f"To: {line}\n\nx".encode()).to] == shown


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("Sat, 03 May 2025 11:00:00 GMT+0200", "2025-05-03T09:00:00"), ("Sat, 03 May 2025 11:00:00 +02:00", "2025-05-03T09:00:00"),
        ("Sat, 03 May 2025 11:00:00 CEST", "2025-05-03T09:00:00"), ("Sat, 03 May 2025 10:00:00 PM +0000", "2025-05-03T22:00:00"),
        ("2025-05-03T10:00:00Z", "2025-05-03T10:00:00"), ("Sat, 03 May 2025 11:00:00 -0700 (PDT)", "2025-05-03T18:00:00"),
    ],
)  # fmt: skip
def test_dates_as_they_are_written(written: str, utc: str) -> None:
    date = parse(f"Date: {written}\n\nx".encode()).date
    assert date is not None
    assert date.astimezone(UTC).isoformat() == f"{utc}+00:00"


def test_an_encoded_word_with_a_bare_question_mark() -> None:
    assert parse(b"Subject: =?UTF-8?Q?Wie geht's??=\n\nx").subject == "Wie geht's?"


HEAD = "From: a@b.example\nTo: c@d.example\nSubject: x\nDate: Fri, 20 Nov 2026 09:15:00 +0100\nMIME-Version: 1.0\n"


def read(text: str) -> tuple[str, list[str], str]:
    """(newest reply, names of the attachments, body of the note) of a mail without its common headers."""
    message = parse((HEAD + text).encode())
    reply = split(message)
    return (
        reply.newest,
        [a.name for a in message.attachments],
        to_note(Mail(message, reply), Filing(), Verdict()).note.body,
    )


def test_a_first_text_with_a_name_is_shown_and_a_second_is_a_file() -> None:
    assert read('Content-Type: text/plain; name="m.txt"\n\nCan you come?\n')[:2] == ("Can you come?", [])
    parts = (
        "--x\nContent-Type: text/plain\n\nshort\n--x\nContent-Type: text/{0}; name=n.{0}\n\nthe rest\n--x--\n"
    )
    assert read(f"Content-Type: multipart/alternative; boundary=x\n\n{parts.format('html')}")[:2] == (
        "the rest",
        [],
    )
    assert read(f"Content-Type: multipart/mixed; boundary=x\n\n{parts.format('csv')}")[:2] == (
        "short",
        ["n.csv"],
    )


def test_an_invitation_says_its_description_and_one_that_cannot_be_read_is_a_file() -> None:
    ics = "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Talk\nSEQUENCE:2\nDESCRIPTION:Bring the plan.\nDTSTART:{}\nEND:VEVENT\nEND:VCALENDAR\n"
    _, files, body = read(ics.format("20261201T100000Z"))
    assert files == []
    assert "Changed invitation: Talk" in body
    assert "> Bring the plan." in body
    _, files, body = read(ics.format("2026-12-01 10:00"))
    assert files == ["invite.ics"]
    inner = f"--x\nContent-Type: text/plain\n\nsee\n--x\nContent-Type: message/rfc822\n\nFrom: e@f.example\n{ics.format('20261201T100000Z')}\n--x--\n"
    assert read(f"Content-Type: multipart/mixed; boundary=x\n\n{inner}")[1] == ["invite.ics"]


def test_an_encoded_mail_inside_a_mail_is_read() -> None:
    packed = base64.encodebytes(b"From: e@f.example\nSubject: inner\n\nhello inner\n").decode()
    inner = f"--x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{packed}\n--x--\n"
    assert "hello inner" in read(f"Content-Type: multipart/mixed; boundary=x\n\n{inner}")[2]


def test_signs_count_as_words() -> None:
    parts = "Content-Type: multipart/alternative; boundary=x\n\n--x\nContent-Type: text/plain; charset=utf-8\n\n{}\n--x\nContent-Type: text/html; charset=utf-8\n\n<div>{}</div>\n--x--\n"
    assert read(parts.format("👍", "👍"))[0] == "👍"
    assert read(parts.format("ok", "ok 👍 €"))[0] == "ok 👍 €"


def test_the_better_of_two_file_names_counts() -> None:
    names = "filename=\"resume_.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf"
    assert read(f"Content-Type: application/pdf\nContent-Disposition: attachment; {names}\n\nx\n")[1] == [
        "résumé.pdf"
    ]


def test_preformatted_text_is_cut_where_its_history_begins() -> None:
    _, _, body = read(
        "Content-Type: text/html\n\n<pre>Yes, let us.\n\nOn 2025-05-03 10:00, Bob wrote:\n&gt; Do you?</pre>"
    )
    assert "\nYes, let us.\n\n> [!quote]" in body
    assert "> On 2025-05-03 10:00, Bob wrote:\n" in body


def test_a_date_that_no_clock_shows_and_a_bomb_inside_a_mail_are_survived() -> None:
    assert parse(b"Date: 0001-01-01T00:00:00+14:00\n\nx").date is None
    bomb = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(3000))
    packed = base64.encodebytes(f"From: e@f.example\n{bomb}\n\nx".encode()).decode()
    inner = f"--x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{packed}\n--x--\n"
    message = parse(f"{HEAD}Content-Type: multipart/mixed; boundary=x\n\n{inner}".encode())
    assert "parts are nested too deeply to be opened" in " ".join(message.defects)


def test_a_large_encoded_mail_inside_a_mail_is_read() -> None:
    text = "hello inner " * 200_000
    packed = base64.encodebytes(f"From: e@f.example\nSubject: inner\n\n{text}\n".encode()).decode()
    inner = f"--x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{packed}\n--x--\n"
    assert read(f"Content-Type: multipart/mixed; boundary=x\n\n{inner}")[2].count("hello inner") == 200_000


@pytest.mark.parametrize(
    "word",
    [
        b"=?iso-8859-1?Q?Fr\xf6sche?=",
        b"=?ISO-8859-1*de?q?Fr\xf6sche?=",
        b"=?utf-8?Q?Fr\xc3\xb6sche?=",
        b"=?utf-8?Q?Fr\xf6sche?=",
        b"=?iso-8859-1?Q?Fr\xc3\xb6sche?=",
        b"=?us-ascii?Q?Fr\xf6sche?=",
        b"=?koi8-r?Q?Fr?= =?windows-1252?Q?\xf6sche?=",
        b"=?iso-8859-1?B?Fr\xf6sche?=",
        b"=?utf-8?B?Fr\xc3\xb6sche?=",
        b"=?utf-8?B?RnLDtnNj\xf6aGU=?=",
        b"=?utf-8?Q?Fr=C3?= =?utf-8?Q?=B6sche?=",
    ],
)
def test_raw_8_bit_octets_inside_an_encoded_word_are_in_its_charset(word: bytes) -> None:
    """In subjects, names and file names, whatever the rest of the line is in."""
    raw = (
        b"From: " + word + b" <a@b.c>\nSubject: F\xc3\xbcnf " + word + b"\nContent-Type: application/pdf\n"
        b'Content-Disposition: attachment; filename="' + word + b'"\n\nx'
    )
    read = parse(raw)
    assert read.subject == "Fünf Frösche"
    assert read.sender == Address("Frösche", "a@b.c")
    assert read.attachments[0].name == "Frösche"


def test_raw_and_encoded_octets_stand_side_by_side_in_a_word() -> None:
    assert parse(b"Subject: =?iso-8859-1?Q?Gr=FC=DFe_\xf6_f\xfcr?= dich\n\nx").subject == "Grüße ö für dich"
    assert parse(b"Subject: =?iso-8859-1?Q?Gr=FC=DFe_\xc3\xb6?=\n\nx").subject == "Grüße ö"
    assert parse(b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_\xf6?=\n\nx").subject == "Grüße ö"
    assert parse(b"Subject: =?iso-8859-1?Q?\xabSpa\xdf\xbb?=\n\nx").subject == "«Spaß»"
    assert parse("Subject: =?gb2312?Q?联通?=\n\nx".encode("gb2312")).subject == "联通"


@pytest.mark.parametrize(
    "charset", ["utf-7", "UTF7", "unicode-1-1-utf-7", "x-unicode-2-0-utf-7", "csUnicode11UTF7"]
)
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_utf_7_is_read_and_what_it_hides_is_inert(charset: str, kind: str) -> None:
    """RFC 2152. A plus sign that begins no encoded character costs nothing but itself. Markup that shows only after decoding is
    cleaned like any other (invariant 11)."""
    written = (
        "1 + 1 = 2, a+b@c.de, +2wA-, 2 +- 2, +2Dzf+g-: Gr+APwA3w-e +ADw-script+AD4-alert(1)+ADw-/script+AD4- +ADw-img src+AD0-x onerror+AD0-y+AD4-"
        " +AFsAWw-Diary+AF0AXQ- +AGAAYABg-dataviewjs +ADwAJQ- tp +ACUAPg-"
    )
    raw = f"Subject: =?{charset}?Q?Gr+APwA3w-e?=\nContent-Type: text/{kind}; charset={charset}\n\n{written}\n"
    message = parse(raw.encode())
    assert message.subject == "Grüße"
    shown = body(message)
    assert shown.startswith(
        "1 + 1 = 2, a+b@c.de, +2wA-, 2 + 2, \U0001f3fa: Grüße <script>alert(1)</script> <img src=x onerror=y> [[Diary]]"
    )
    assert "bytes that are not utf-7" in " ".join(message.defects)
    note = to_note(Mail(message, split(message)), Filing(), Verdict()).note.body
    assert "Grüße" in note
    for live in ("<script", "<img", "[[Diary", "```", "<%"):
        assert live not in note.replace("\\<", "").replace("\\[", "").replace("\\`", ""), live
    assert kind == "plain" or "alert" not in note


def test_sound_utf_7_has_no_defect() -> None:
    raw = b"Message-ID: <1@x>\nFrom: a@b.c\nDate: Fri, 20 Nov 2026 09:15:00 +0100\nContent-Type: text/plain; charset=utf-7\n\nGr+APwA3w-e +- Hi\n"
    assert (body(parse(raw)), parse(raw).defects) == ("Grüße + Hi\n", ())


@pytest.mark.parametrize(
    "line",
    [
        "From a@b.c Fri Nov 20 09:15:00 2026",
        ">From a@b.c Fri Nov 20 09:15:00 2026",
        "From - Fri",
        "From x\n>>From y",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_from_line_before_the_header_hides_no_header(line: str, end: str) -> None:
    """What a server sends is the mail's identity as it is, such a line included."""
    raw = f"{line}\nFrom: Ana <a@b.c>\nSubject: Hello\n\nFrom here on.\n".replace("\n", end).encode()
    read = parse(raw)
    assert (read.subject, read.sender) == ("Hello", Address("Ana", "a@b.c"))
    assert body(read) == "From here on.\n"
    assert (read.sha256, read.size) == (hashlib.sha256(raw).hexdigest(), len(raw))
