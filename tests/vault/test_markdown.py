"""A stranger's text and HTML come out inert, and say the same words (invariant 11)."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

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


RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def rendered(markdown: str) -> str:
    """Markdown as a reader of notes shows it, without its line ends."""
    return RENDERER.render(markdown).replace("\n", "")


def shown(html: str, images: dict[str, str] | None = None) -> str:
    return rendered(html_to_markdown(html, images).markdown)


@pytest.mark.parametrize(
    ("html", "reads"),
    [
        ("<ul><li><h3>Title</h3>text `x` <b>y</b></li></ul>", "<ul><li><h3>Title</h3><p>text `x` <strong>y</strong></p></li></ul>"),
        ("<ul><li>a<hr>b c*d*</li></ul>", "<ul><li>a</li></ul><hr /><p>b c*d*</p>"),
        ("<ul><li>a<blockquote>b *x*</blockquote></li></ul>", "<ul><li>a</li></ul><blockquote><p>b *x*</p></blockquote>"),
        ("<blockquote><ul><li>a<blockquote><ul><li>b *x*</ul></blockquote></ul></blockquote>", "<blockquote><ul><li>a</li></ul><blockquote><ul><li>b *x*</li></ul></blockquote></blockquote>"),
        ("<ul><li>a</li></ul><blockquote><ul>b *x*</ul></blockquote>", "<ul><li>a</li></ul><blockquote><p>b *x*</p></blockquote>"),
        ("<ul><li>&shy;<br>text *x*</li></ul>", "<ul><li>text *x*</li></ul>"),
        ("<ul><li><img src='cid:none'><br>text *x*</ul>", "<ul><li>text *x*</li></ul>"),
        ("<ol start=100><li><p>a</p><p>b *c*</p><ul><li>n</ul></ol>", '<ol start="100"><li><p>a</p><p>b *c*</p><ul><li>n</li></ul></li></ol>'),
        ("<ul><li>a<ol start=5><li>x<br><br>y *z*</ol></ul>", '<ul><li><p>a</p><ol start="5"><li><p>x</p><p>y *z*</p></li></ol></li></ul>'),
        ("<ul><ul><li>a<li>b</ul></ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<ul><li>a<ul><li>b</ul>c *x*</ul>", "<ul><li><p>a</p><ul><li>b</li></ul><p>c *x*</p></li></ul>"),
    ],
)  # fmt: skip
def test_no_words_under_an_item_become_code(html: str, reads: str) -> None:
    assert shown(html) == reads


@pytest.mark.parametrize("line", ["-", "- ", "=", "== ", "---", "- -"])
def test_a_line_of_preformatted_text_heads_nothing(line: str) -> None:
    reads = shown(f"<pre>Hello\n{line}\nmore</pre>")
    assert "<h" not in reads
    assert line.strip() in reads or "<li>" in reads


def test_a_picture_makes_no_link_of_the_words_around_it() -> None:
    html = '[Invoice, click <img src="cid:k" alt="a] b">'
    assert shown(html, {"k": "p.png"}) == '<p>[Invoice, click <img src="p.png" alt="a) b" /></p>'


def test_a_table_stays_in_its_quote_and_its_item() -> None:
    data = "<table><tr><th>a<th>b<tr><td>c<td>d</table>"
    table = "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>c</td><td>d</td></tr></tbody></table>"
    assert shown(f"<blockquote>{data}x</blockquote>") == f"<blockquote>{table}<p>x</p></blockquote>"
    assert shown(f"<ul><li>i{data}x</ul>") == f"<ul><li><p>i</p>{table}<p>x</p></li></ul>"


@pytest.mark.parametrize(
    ("html", "reads"),
    [
        ("<b>Name:</b>Ann", "<strong>Name</strong>:Ann"),
        ("<i>Name:</i>Ann", "<em>Name</em>:Ann"),
        ("<s>Name:</s>Ann", "<s>Name</s>:Ann"),
        ("<b>Name:</b> Ann", "<strong>Name:</strong> Ann"),
        ("a<b>(x)</b>", "a(<strong>x)</strong>"),
        ("a<b><s>x</s></b>b", "a<s>x</s>b"),
        ("<b>a</b><i>b</i>", "<strong>a</strong>b"),
        ("<b>c:</b><i>d</i>", "<strong>c</strong>:<em>d</em>"),
        ("x<b>!</b>y", "x!y"),
        ("<b>名称：</b>安", "<strong>名称</strong>：安"),
    ],
)
def test_every_mark_of_dress_counts(html: str, reads: str) -> None:
    assert shown(html) == f"<p>{reads}</p>"


def test_a_hash_at_the_end_of_a_heading_is_kept() -> None:
    assert shown("<h2>Issue #</h2>") == "<h2>Issue #</h2>"
    assert shown("<h2>#</h2>") == "<h2>#</h2>"


@pytest.mark.parametrize("text", ["-     x `y`", "-\tx `y`", "1.      x `y`", "- -      x `y`", "> -      x"])
def test_spaces_behind_a_marker_make_no_code(text: str) -> None:
    assert "<code>" not in rendered(text_to_markdown(text))
    escaped = text.replace(">", "&gt;")
    assert "<code>" not in shown(f"<pre>{escaped}</pre>") + shown(f"<ul><li><pre>{escaped}</pre></ul>")


def test_what_stands_for_nothing_in_front_of_a_line_changes_nothing() -> None:
    nothing = "<img src='cid:none'>"
    assert "<code>" not in shown(f"<pre>{nothing}-     x `y`</pre>") + shown(
        f"<pre>{nothing}     x `y`</pre>"
    )
    assert shown("<p>Hello<br>- &nbsp;</p>") == "<p>Hello-</p>"


def test_empty_cells_behind_a_dash_make_no_code() -> None:
    assert "<code>" not in shown("<table><tr><td>-<td>&#8203;<td>&#8203;<td><td><td><td>x `y`</table>")


def test_no_line_makes_the_one_above_it_the_head_of_a_table() -> None:
    assert "<table>" not in rendered(text_to_markdown("a|b\n:-\nfollowing"))
    assert "<table>" not in shown("a|b<br>:-:<br>following")


def test_a_link_in_preformatted_text_keeps_its_target() -> None:
    assert (
        "<https://x.example/y>"
        in html_to_markdown("<pre>a <a href='https://x.example/y'>b</a></pre>").markdown
    )


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>Your account at mybank.com</p><a href='https://evil.example/'><div>&#8203;</div></a><p>x</p>", "Your account at mybank.com\n\n<https://evil.example/>\nx"),
        ("<p>a</p><a href='https://x.example/'><div>lab</div></a><p>x</p>", "a\n\nlab <https://x.example/>\nx"),
        ("<a href='https://x.example/z'>click<hr></a>", "click <https://x.example/z>\n\n* * *"),
        ("<p>a<a href='https://x.example/'><table><tr><td><a name=q></a>lab</td></tr></table></a>", "a\nlab <https://x.example/>"),
        ("<a href='https://x.example/'>one<table><tr><td><a href='https://y.example/'>two</a></table></a>", "one\ntwo <https://y.example/> <https://x.example/>"),
    ],
)  # fmt: skip
def test_a_target_stands_behind_its_own_label(html: str, markdown: str) -> None:
    assert html_to_markdown(html).markdown == markdown


def test_a_row_of_data_is_one_line_and_its_caption_stands_above() -> None:
    html = "<table><caption>Prices</caption><tr><th>h<th>i<tr><td>a<hr>b</td><td>c<pre>x\ny</pre></td></tr><tr><td><div hidden>no</div>d<td>e</table>"
    assert html_to_markdown(html).markdown == "Prices\n\n| h | i |\n| --- | --- |\n| a b | c x y |\n| d | e |"


def test_a_table_of_data_has_few_columns() -> None:
    wide = "<table><tr>" + "<th>b" * 3000 + "<tr><td>a<td>" * 3000
    assert len(html_to_markdown(wide).markdown) < len(wide)
    late = "<table>" + "<tr><td>a<td>b" * 3000 + "<tr>" + "<td>c" * 3000
    assert len(html_to_markdown(late).markdown) < len(late)


def test_a_head_that_spans_the_columns_is_data() -> None:
    spanned = "<table><tr><th colspan=3>T<tr><td>a<td>b<td>c</table>"
    assert html_to_markdown(spanned).markdown == "| T |  |  |\n| --- | --- | --- |\n| a | b | c |"
    assert "|" not in html_to_markdown("<table><tr><th>T<tr><td>a<td>b<td>c</table>").markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p style='font:14px Arial'>shown</p>", "shown"),
        ("<p style='font:italic 700 1.2em/1.5 Arial, sans-serif'>shown</p>", "shown"),
        ("<p style='font:bold small Arial'>shown</p>", "shown"),
        ("<font size=3>shown</font>", "shown"),
        ("<font size=+1>shown</font>", "shown"),
        ("<p style='font-size:0;font:14px Arial'>shown</p>", "shown"),
        ("<p style='font:14px Arial;font-size:0'>no</p>", ""),
        ("<p style='font:0/0 a'>no</p>", ""),
        ("<p style='font:inherit'>no</p>", ""),
        ("<font color=red>no</font>", ""),
    ],
)
def test_the_size_of_a_font_shows_text_inside_what_has_none(html: str, markdown: str) -> None:
    assert html_to_markdown(f"<div style='font-size:0'>{html}</div>").markdown == markdown


def test_the_short_form_of_a_font_hides_text() -> None:
    assert (
        html_to_markdown("a<span style='font:0/0 a'>b</span><b style='font:700 a'>c</b>").markdown == "a**c**"
    )


def test_items_count_as_their_author_set() -> None:
    assert html_to_markdown("<ol start=0><li>a<li value=5>b<li>c</ol>").markdown == "0. a\n5. b\n6. c"
    assert html_to_markdown("<ol start=-3><li value=x>a</ol><ul><li value=5>b</ul>").markdown == "1. a\n\n- b"


def test_forms_read_as_they_look() -> None:
    form = "<label>lab</label><button>b</button><select><option>x<option>y</select>z"
    assert html_to_markdown(form).markdown == "lab b x y z"
    shut = "<datalist><option>x</datalist><dialog>no</dialog><dialog open>yes</dialog>"
    assert html_to_markdown(shut).markdown == "yes"


PIECES = [
    "<ul>", "</ul>", "<ol>", "<ol start=99>", "</ol>", "<li>", "<li value=1000>", "</li>", "<p>", "<p class=mso>", "</p>", "<blockquote>", "</blockquote>", "<h3>", "</h3>",
    "<pre>", "</pre>", "<b>", "</b>", "<i>", "<s>", "<a href=https://e.example/a>", "</a>", "<a name=x>", "<table>", "</table>", "<tr>", "<td>", "<th>", "<caption>", "<option>",
    "<br>", "<hr>", "<img src=cid:k alt='a] b'>", "<img src=cid:none>", "\n", " ", "&nbsp;", "&#8203;", "&shy;", "word `x` *y*", "- ", "-", "-     z `q`", "1. x", "12. ", "=",
    "- - -", "* * *", "&gt; q", "#", "(p)", ":", ":-", "a|b", "~~", "    in", "[x](http://b.example)", "&lt;script>", " t\n- u\n\n      v",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=16))
def test_no_markup_makes_code_or_links_of_words(pieces: list[str]) -> None:
    markdown = html_to_markdown("".join(pieces), {"k": "p.png"}).markdown
    tokens = [t for token in RENDERER.parse(markdown) for t in (token, *(token.children or ()))]
    kinds = {token.type for token in tokens}
    assert not kinds & {"code_block", "fence", "code_inline", "html_block", "html_inline"}
    assert all(token.info == "auto" for token in tokens if token.type == "link_open")
    assert all(token.markup[0] == "#" for token in tokens if token.type == "heading_open")
    assert sum(token.content.count("word") for token in tokens if token.type == "text") == "".join(
        pieces
    ).count("word")


def test_a_row_of_layout_that_is_a_link_or_several_lines_is_a_paragraph() -> None:
    links = "<table><tr><td><a href='https://x.example/'>Shop</a></td></tr><tr><td>Hello</td></tr></table>"
    assert html_to_markdown(links).markdown == "Shop <https://x.example/>\n\nHello"
    several = "<table><tr><td>one<br>two</td></tr><tr><td>three</td></tr><tr><td>four</td></tr></table>"
    assert html_to_markdown(several).markdown == "one\ntwo\n\nthree\nfour"
