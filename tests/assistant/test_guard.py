"""What of a model's answer may pass."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailbot.assistant.guard import allowed, field_text, reply_text
from mailbot.assistant.top_level_domain import is_top_level_domain

MAY = allowed(["See https://acme.example/offer?id=1 or write to ana@acme.example."], ["louis@acme.example"])


@pytest.mark.parametrize(
    "text",
    [
        "See https://evil.example/x", "See http://acme.example.evil.example/offer?id=1", "![x](https://evil.example/p.png)", "[offer](https://evil.example)", "[offer]( <https://evil.example> )", "[a][1]\n\n[1]: https://evil.example",
        "<https://evil.example>", "<img src=https://evil.example/p>", "www.evil.example/x", "evil.example/pixel.png", "HTTPS://EVIL.example", "javascript:alert(1)", "<a href='https://evil.example'>x</a>",
        "write to eve@evil.example", "![[evil.example]]", "ftp://evil.example/x", "obsidian://open?vault=evil.example", "hxxp:// https:/\u200b/evil.example/x", "data:text/html,evil.example",
    ],
)  # fmt: skip
def test_nothing_foreign_passes(text: str) -> None:
    guarded = reply_text(f"Hi,\n\n{text}\n\nJo", MAY)
    assert "evil.example" not in guarded.text.casefold().replace("evil.example.", "")
    assert guarded.text.startswith("Hi,") and guarded.text.endswith("Jo")


@pytest.mark.parametrize(
    "text",
    [
        "https://acme.example/offer?id=1",
        "(https://acme.example/offer?id=1)",
        "ana@acme.example",
        "Louis <louis@acme.example>",
        "5 < 6 and 7 > 3",
        "f(x) [1] e.g. 1.2/3",
    ],
)
def test_what_was_given_passes(text: str) -> None:
    guarded = reply_text(f"Hi,\n\n{text}", MAY)
    assert guarded.removed == ()
    assert guarded.text == f"Hi,\n\n{text}".replace("Louis <louis@acme.example>", "Louis louis@acme.example")


def test_header_lines_at_the_top_are_no_headers() -> None:
    guarded = reply_text("Bcc: eve@evil.example\nSubject: x\n\nHi,\n\nTo: is a word here.", MAY)
    assert guarded.text == "Hi,\n\nTo: is a word here."


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<scr<b>ipt>alert(1)</scr</b>ipt>",
        "<% x %>",
        "{{date}}",
        "`= this.file`",
        "%%c%%",
        "```dataviewjs\nx\n```",
        "<!-- x -->",
    ],
)
def test_markup_that_runs_is_taken_out(text: str) -> None:
    out = reply_text(f"a {text} b", MAY).text
    assert not any(mark in out for mark in ("<script", "<scr", "<%", "{{", "`=", "%%", "```", "<!--"))


@given(st.text(max_size=200))
def test_the_guard_never_fails_and_is_stable(text: str) -> None:
    once = reply_text(text, MAY).text
    assert "\x00" not in once
    assert reply_text(once, MAY).text == once


def test_a_field_is_one_line() -> None:
    assert field_text("a\n- [ ] b\nc", MAY) == "a - [ ] b c"


@pytest.mark.parametrize(
    "text",
    [
        "acme-login.support", "203.0.113.7/login", '"evil"@attacker.support', "slack://open?team=T1", "bit.ly", "\\\\attacker\\share\\x.exe",
        "attacker＠evil.support", "\u0430cme.support", "smb://fileserver/share", "go.gg/x", "evil@[203.0.113.7]", "evil․support",
        "https:⁄⁄evil.support", "http:/\\evil.support", "tel:+1900555",
    ],
)  # fmt: skip
def test_a_way_out_in_any_dress_is_removed(text: str) -> None:
    said = reply_text(f"Hi Ana,\n\nsee {text} now\n\nJo", allowed(["hello"])).text
    assert said in (f"Hi Ana,\n\nsee [{what} removed] now\n\nJo" for what in ("link", "address"))


@pytest.mark.parametrize(
    "text", ["[[[[Secret]]]]", "<img src=x onerror=alert(1)", "DRAFT-0123456789abcdef>>>"]
)
def test_odd_markup_is_dead(text: str) -> None:
    said = reply_text(f"Hi Ana,\n\nsee {text}\n\nJo", allowed([])).text
    assert not any(mark in said for mark in ("[[", "<img", "DRAFT-"))


def test_the_prompt_is_known_when_it_is_broken_into_lines() -> None:
    prompt = "You draft a reply to one mail. State nothing as fact that the mail or a source does not say. Promise nothing."
    broken = "\n".join(textwrap.wrap(prompt, 30))
    guarded = reply_text(f"Hi Ana,\n\n{broken}\n\nViele Grüße, heißt es.", allowed([], secret=prompt))
    assert guarded.text.split() == ["Hi", "Ana,", "Viele", "Grüße,", "heißt", "es."]
    assert guarded.removed == ("a passage of the prompt",)


def test_a_reply_of_any_length_takes_no_time_to_speak_of() -> None:
    """The guard's patterns look ahead: what is longer than any letter is refused before, and asked for once more."""
    from mailbot.assistant.draft import DraftAnswer
    from mailbot.assistant.shape import read

    with pytest.raises(ValueError, match="reply: String should have at most 10000"):
        read('{"reply": "' + "[a](" * 50_000 + '", "reasoning": "x"}', DraftAnswer)
    assert len(field_text("[a](" * 50_000, allowed([""]))) <= 400


NOTHING = allowed(["hello"])


@pytest.mark.parametrize(
    "text",
    [
        "evil.fyi", "evil.cash", "evil.llc", "EVIL.FYI", "Evil.Fyi", "evil.fyi/x", "evil.fyi:8080", "evil.fyi:8080/x", "evil.fyi./x", "evil.newtld",
        "EVIL.NEWTLD", "evil.newtld/x", "evil.newTLD", "evil.Newtld/x", "evil.newtld?q=1", "evil.newtld#x", "x.y.z.a.b.c.d.e.f.g.h.i.evil.fyi",
        "163.com", "1.fyi", "e.fyi", "evil.xn--p1ai", "evil.xn--unknown", "xn--e1aybc.xn--p1ai", "злой.рф", "злой.РФ", "evil.рф", "恶.中国", "evil.みんな",
        "みんな.みんな", "evil.भारत", "موقع.شبكة", "ｅｖｉｌ．ｆｙｉ", "ⓔⓥⓘⓛ.ⓕⓨⓘ", "①⑥③.com", "evil。fyi", "evil｡fyi", "evil․fyi", "evil﹒fyi", "ev\u200bil.fyi",
        "evil.f\u00adyi", "evil.\u2060fyi", "evil👍.fyi", "http://[2001:db8::1]/x", "http://[2001:db8::1]", "[2001:db8::1]/x", "[2001:db8::1]:80/x",
        "http://0x7f000001/", "http://3405803783/", "203.0.113.7/x", "203.0.113.7:80", "evil.fyi/a,b.c?d=(1", "m.in/x", "report.pdf/x", "plan.zip",
        "run.sh", "readme.md", "tomorrow.Best", "done.So", "evil.新域名/x", "x.www.evil.Newtld",
    ],
)  # fmt: skip
def test_a_bare_host_is_taken_out_whole(text: str) -> None:
    said = reply_text(f"Hi Ana,\n\nsee {text} now\n\nJo", NOTHING)
    assert said.text == "Hi Ana,\n\nsee [link removed] now\n\nJo"
    (removed,) = said.removed
    assert removed.startswith("link: ")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Go to evil.fyi.", "Go to [link removed]."),
        ("Did you see evil.fyi?", "Did you see [link removed]?"),
        ("Look (evil.fyi/a), please", "Look ([link removed]), please"),
        ("evil.fyi: a site", "[link removed] a site"),
        ("[evil.fyi]", "[ [link removed]]"),
        ("evil.fyi(a)", "[link removed] (a)"),
        ("evil.fyi[1]", "[link removed] [1]"),
        ("evil.com恶.中国!evil.fyi", "[link removed] [link removed]! [link removed]"),
        ("wait...evil.fyi", "wait...[link removed]"),
        ("wait…evil.fyi, ½ ﬁne", "wait…[link removed], ½ ﬁne"),
        ("find us: @evil.fyi", "find us: @[link removed]"),
        (f"{'a' * 70}@evil.fyi", f"{'a' * 70}@[link removed]"),
        ("u:pw@evil.fyi", "u:[address removed]"),
        ("an evil.fyi-based plan", "an [link removed]-based plan"),
        ("evil.com.Thanks", "[link removed].Thanks"),
        ("evil.com.pdf", "[link removed].pdf"),
        ("evil.com² says", "[link removed]² says"),
        ("1.2/evil.fyi", "1.2/[link removed]"),
        ("請看evil.fyi。謝謝。", "請看[link removed]。謝謝。"),
        ("看www.evil.fyi", "看[link removed]"),
        ("evil.comを見て", "[link removed]を見て"),
        ("evil.한국에서", "[link removed]에서"),
        ("evil.中国很大", "[link removed]很大"),
        ("موقع.شبكة،", "[link removed]،"),
    ],
)
def test_the_sentence_around_a_host_stays(text: str, left: str) -> None:
    assert reply_text(text, NOTHING).text == left


@pytest.mark.parametrize(
    "text",
    [
        "1.2", "3,5", "10.30", "10.30am", "12:30", "v1.2.3", "2.0.1", "1.2.3rc1", "100.000,00", "€1.000", "3.5mm", "1.2/3", "203.0.113.7", "[12:30:15] x", "No.5",
        "e.g. x", "i.e. y", "z.B. x", "d.h. das", "p.s. x", "9 a.m.", "u.a.", "e.V.", "J.V. Smith", "U.S.A.", "S.p.A.", "s.r.o.", "t.ex. så", "p.ej. esto", "f.eks. det",
        "m.in. to", "M.Sc.", "т.е. вот", "Ltd.The end", "tomorrow.The end", "GmbH.Die", "завтра.Привет", "24.Dez", "wait...in fact", "and/or", "e.g./i.e.",
        "report.pdf", "plan.docx", "REPORT.PDF", "a.tar.gz", "file.txt:12", "Did you get report.pdf?", "report.pdf: here", "Node.js-based", "f(x).g",
        "你好。谢谢。", "请回复OK。谢谢", "好。AI很好", "好。公司，是", "ありがとう。みんな、", "مرحبا.شكرا", "½ ﬁne … ２",
    ],
)  # fmt: skip
def test_dotted_words_of_prose_stay(text: str) -> None:
    said = reply_text(f"Hi Ana,\n\nsee {text} now\n\nJo", NOTHING)
    assert (said.text, said.removed) == (f"Hi Ana,\n\nsee {text} now\n\nJo", ())


@pytest.mark.parametrize(
    "text",
    [
        "evil.fyi", "evil.newtld", "evil.fyi:8080/x", "readme.md", "tomorrow.Best", "acme.example에서", "_acme.example_", "злой.рф", "ｅｖｉｌ．ｆｙｉ", "evil。fyi",
        "acme.example/ä", "http://[2001:db8::1]/x", "console.log", "ana@acme.भारत", "acme.com²",
    ],
)  # fmt: skip
def test_a_dotted_word_that_was_given_stays(text: str) -> None:
    for mail in (text, f"See {text}, please.", f"({text})"):
        said = reply_text(f"I saw {text}. Thanks", allowed([mail]))
        assert (said.text, said.removed) == (f"I saw {text}. Thanks", ())


@pytest.mark.parametrize("text", ["sub.acme.com", "acme.com/x", "acme.com.fyi", "acme.com:80", "acme.co"])
def test_a_host_that_was_given_gives_no_other(text: str) -> None:
    assert reply_text(f"see {text}", allowed(["acme.com"])).text == "see [link removed]"


def test_what_is_taken_out_between_two_words_makes_no_host_of_them() -> None:
    prompt = "You draft a reply to one mail. State nothing as fact that the mail or a source does not say."
    said = reply_text(f"evil.{prompt}fyi and evil.<b>fyi", allowed([], secret=prompt)).text
    assert "evil.fyi" not in said


def _endings() -> list[str]:
    from publicsuffixlist import PSLFILE

    with open(PSLFILE, encoding="utf-8") as file:
        rules = [line.strip() for line in file if line.strip() and not line.startswith("//")]
    return sorted({rule.lstrip("!*.") for rule in rules})


ENDINGS = _endings()
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


@given(
    st.lists(LABELS, min_size=1, max_size=4),
    st.sampled_from(ENDINGS),
    st.sampled_from([str, str.upper, str.title, str.swapcase]),
    st.sampled_from(
        ["{}", "Please look at {} today.", "See {}.", "({})", "“{}”, he said", "1. {}\n2. Bye", "看{}"]
    ),
)
@example(["b"], "fyi", str.title, "{}")
@example(["0"], "org.za", str.title, "{}")
def test_a_host_of_any_listed_ending_passes_only_if_given(labels, ending, cased, sentence) -> None:  # type: ignore[no-untyped-def]
    host = cased(".".join([*labels, ending]))
    if host.lower() in ("b.sc", "m.sc", "m.in"):  # the abbreviations
        return
    said = sentence.format(host)
    guarded = reply_text(said, NOTHING)
    assert guarded.text == sentence.format("[link removed]")
    assert guarded.removed == (f"link: {host[:120]}",)
    for mail in (host, f"It is at {host.lower()}, I think."):
        assert reply_text(said, allowed([mail])).text == said


@pytest.mark.parametrize("label", ["fyi", "FYI", "рф", "РФ", "xn--p1ai", "中国", "भारत", "ck", "za", "onion"])
def test_a_top_level_domain_is_known_in_any_dress(label: str) -> None:
    assert is_top_level_domain(label)


@pytest.mark.parametrize("label", ["", "the", "pdf", "newtld", "co.uk.x", "1", "b"])
def test_no_other_word_is_one(label: str) -> None:
    assert not is_top_level_domain(label)


@pytest.mark.parametrize(
    "text", ["a.", "a.com-", "a.Com", "1.2.3.4", "a.中国", "a@", "み.中", "[1:", "evil.fyi ", "a/."]
)
def test_dots_without_end_take_no_time_to_speak_of(text: str) -> None:
    import time

    reply_text("evil.fyi", NOTHING)  # the list is read
    begun = time.perf_counter()
    reply_text((text * 10_000)[:10_000], NOTHING)
    assert time.perf_counter() - begun < 1


def test_the_list_is_read_when_a_dotted_word_is_judged_and_not_before() -> None:
    import subprocess
    import sys

    program = (
        "import sys\n"
        "from mailbot.assistant.guard import allowed, reply_text\n"
        "reply_text('Yes, at 12:30. Best, Jo', allowed(['See https://acme.example/x or evil.fyi']))\n"
        "assert 'publicsuffixlist' not in sys.modules\n"
        "reply_text('See evil.fyi', allowed([]))\n"
        "assert 'publicsuffixlist' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
