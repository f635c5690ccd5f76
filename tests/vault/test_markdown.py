"""A stranger's text and HTML come out inert, and say the same words (invariant 11)."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.vault.html import html_to_markdown
from mailbot.vault.markdown import inline, quote_note, text_to_markdown
from mailbot.vault.stand_ins import unescape, visible

LIVE = [
    "<script>alert(1)</script>", "<img src=http://evil.example/p.png>", "<%* tp.user.run() %>", "{{title}}", "![[Secrets]]", "[[Secrets]]", "[[Secrets|ok]]",
    "![p](http://evil.example/p.png)", "![ p ][1]\n\n[1]: http://evil.example/p.png", "[x](javascript:alert(1))", "[x](obsidian://open?vault=v)",
    "`= this.file.name`", "`$= dv.pages()`", "```dataviewjs\ndv.pages()\n```", "~~~dataview\nLIST\n~~~", "````\n```dataview\nLIST\n```\n````",
    "key:: value", "[key:: value]", "(key:: value)", "#tag", "text #tag/sub", "- [ ] task 📅 2026-01-01", "* [x] done", "1. [ ] task", "%%hidden%%", "> [!note]- callout",
    "^block-id", "$\\href{javascript:alert(1)}{x}$", "---\ntype: evil\n---", "<!-- c -->", "<iframe src=x>", "[^1]: note", "==mark==", "&lt;script&gt;", "&#60;script&#62;",
    "<details><summary>x</summary>", "</details>", "\t<b>x</b>", "    ```dataview\n    LIST", "\\[[Secrets]]", "\\\\[[Secrets]]", "!\u200b[[Secrets]]", "[\u200b[Secrets]]",
]  # fmt: skip

ALIVE = re.compile(
    r"(?<!\\)<(?!https?:|mailto:)[A-Za-z!/?%]|(?<!\\)!\[|\[\[|(?<!\\)\]\(|<%|%>|%%|(?<!\\)(?<![\w&/])#\w|::|(?<!\\)`|^\s*~~~|^\s*(?:[-*+]|\d+\.) \[|^\s*> ?\[!|"
    r"(?<!\\)\[[^\]]*\]:|(?<!\\)\$|^---|==|(?<!\\)\^|&(?:#|lt|amp)(?<!\\&lt)|\{\{",
    re.MULTILINE,
)  # fmt: skip


def alive(markdown: str) -> list[str]:
    # Escaped pairs are dead; what is left must hold nothing that lives.
    dead = re.sub(r"\\[!-/:-@\[-`{-~]|&lt;(?=\\?[A-Za-z/!?])", "\u25a1", markdown)
    return ALIVE.findall(dead)


@pytest.mark.parametrize("text", LIVE)
def test_text_is_inert(text: str) -> None:
    assert alive(text_to_markdown(f"before {text}\n{text}\n\n{text} after")) == []
    assert alive(inline(text)) == []


@pytest.mark.parametrize("text", LIVE)
def test_text_inside_html_is_inert(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    for tag in ("p", "pre", "code", "li", "h1", "div", "blockquote"):
        assert alive(html_to_markdown(f"<{tag}>{escaped}</{tag}>").markdown) == [], tag


@pytest.mark.parametrize(
    "html",
    [
        "<img src='http://evil.example/p.png' alt='a'>", "<p style=\"background:url(http://evil.example/b.png)\">x</p>", "<svg onload=alert(1)><a href='http://evil.example'>x</a></svg>",
        "<a href='javascript:alert(1)'>x</a>", "<a href='obsidian://open'>x</a>", "<a href='data:text/html,<script>'>x</a>", "<meta http-equiv=refresh content='0;url=http://evil.example'>",
        "<iframe src=http://evil.example></iframe>", "<object data=http://evil.example></object>", "<video poster=http://evil.example/p src=x></video>", "<link rel=stylesheet href=http://evil.example>",
        "<style>@import url(http://evil.example)</style>", "<base href=http://evil.example>", "<input type=image src=http://evil.example/p.png>", "<body background=http://evil.example/b.png>x",
        "<img src='data:image/svg+xml,<svg onload=alert(1)>'>", "<a href=' java\nscript:alert(1)'>x</a>", "<img srcset='http://evil.example/p.png 1x'>", "<noscript><img src=http://evil.example></noscript>",
    ],
)  # fmt: skip
def test_html_loads_and_runs_nothing(html: str) -> None:
    markdown = html_to_markdown(html).markdown
    assert "evil.example" not in markdown
    assert "script" not in markdown
    assert alive(markdown) == []


def test_a_link_shows_where_it_goes() -> None:
    assert html_to_markdown(
        '<a href="http://evil.example/x">http://bank.example/</a>'
    ).markdown == "http\\://bank.example/ <http://evil.example/x>".replace("\\:", ":")
    assert (
        html_to_markdown('<a href="https://a.example/x_(1)">here</a>').markdown
        == "here <https://a.example/x_%281%29>"
    )


def test_tracking_pixels_are_taken_out_and_counted() -> None:
    html = '<img src=http://t.example/o.gif width=1 height=1><img src=http://t.example/o.gif style="display:none"><img src=cid:a>'
    converted = html_to_markdown(html, {"a": "x_files/logo.png"})
    assert converted.pixels == 2
    assert converted.markdown == "![](x_files/logo.png)"


def test_data_becomes_a_table_and_layout_gives_way_to_its_text() -> None:
    data = "<table><tr><th>Option</th><th>Price</th></tr><tr><td>A<br>basic</td><td>4</td></tr><tr><td><p>B</p></td><td>9 | 10</td></tr></table>"
    rows = [line for line in html_to_markdown(data).markdown.split("\n") if line.strip()]
    assert [re.sub(r"\s+", " ", row).strip() for row in rows] == [
        "| Option | Price |",
        "| --- | --- |",
        "| A basic | 4 |",
        "| B | 9 \\| 10 |",
    ]
    layout = "<table><tr><td><table><tr><td>Hello</td></tr></table></td></tr><tr><td><p>there</p></td></tr></table>"
    assert html_to_markdown(layout).markdown.split() == ["Hello", "there"]


def test_hidden_and_reversed_text_is_gone() -> None:
    assert visible("a\u202eb\u200bc\u00ad\ufeff\U000e0041") == "abc"
    assert visible("👩\u200d💻") == "👩\u200d💻"
    assert html_to_markdown("<p>seen<span style='display:none'>unseen</span></p>").markdown == "seen"


def test_plain_text_reads_well() -> None:
    text = (
        "Hi,\n\n- one\n- two\n\nfoo_bar [1] costs 5% of C# (see https://a.example/b_c?d=1#e).\n> quoted\nback"
    )
    assert text_to_markdown(text) == text.replace(
        "https://a.example/b_c?d=1#e", "<https://a.example/b_c?d=1#e>"
    ).replace("quoted\n", "quoted\n\n")


@given(st.text(max_size=300))
def test_what_was_written_can_be_read_back(text: str) -> None:
    """A draft's reply goes into the note and comes back as it was, so that only the user's edits are edits."""
    plain = visible(text).expandtabs(8).replace("\u00a0", " ")
    lines = [line for line in plain.split("\n") if not line.lstrip().startswith(">")]
    plain = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip(" ") for line in lines)).strip("\n")
    if "http" not in plain and "mailto" not in plain:
        assert unescape(text_to_markdown(plain)).strip("\n") == plain


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_every_word_is_kept(text: str) -> None:
    def words(value: str) -> Counter[str]:
        return Counter(re.findall(r"\w+", value))

    assert words(unescape(text_to_markdown(text))) == words(visible(text))


@given(st.text(alphabet="[]()!<>%`#:=-+*_~^$&|{}\\ \nab1.http/", max_size=60))
def test_no_mix_of_marks_comes_alive(text: str) -> None:
    assert alive(text_to_markdown(text)) == []


def test_a_passage_of_the_users_notes_acts_once_only() -> None:
    """The older tool's faults: a cut fence, a dataview block that ran, `</details>` swallowed."""
    passage = "# Head\n- [ ] task #tag\n```dataview\nTABLE\n```\n![[Embed]] [[Link]] key:: v\n````markdown\n```dataview\nLIST\n```\n</details>\n"
    quoted = quote_note(passage)
    assert quoted.count("````") == 4
    assert "dataview" not in re.sub(r"```dataview\nLIST", "", quoted)
    assert "- ☐ task \\#tag" in quoted
    assert "[[Embed]] [[Link]]" in quoted and "![[" not in quoted
    assert "**Head**" in quoted
    assert quoted.endswith("````")
