"""The newest reply, apart from history and signature."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from mailbot.mail.message import Text
from mailbot.mail.text.html_lines import lines
from mailbot.mail.text.markup import tree
from mailbot.mail.text.split import MailText, split_text
from tests.conftest import ROOT

CORPUS = Path(os.environ.get("MAILBOT_CORPUS", ROOT.parent / "shared" / "corpus"))


def of(text: str, html: bool = False) -> MailText:
    return split_text(Text(text, html))


ATTRIBUTIONS = [
    "On Fri, 20 Nov 2026 at 09:15, Ana Ruiz <ana@acme.example> wrote:",
    "Am 20.11.2026 um 09:15 schrieb Ana Ruiz:",
    "Le ven. 20 nov. 2026 à 09:15, Ana Ruiz <ana@acme.example> a écrit :",
    "El vie, 20 nov 2026 a las 9:15, Ana Ruiz (<ana@acme.example>) escribió:",
    "Il giorno ven 20 nov 2026 alle ore 09:15 Ana Ruiz <ana@acme.example> ha scritto:",
    "Em sex., 20 de nov. de 2026 às 09:15, Ana Ruiz <ana@acme.example> escreveu:",
    "Op vr 20 nov 2026 om 09:15 schreef Ana Ruiz <ana@acme.example>:",
    "pt., 20 lis 2026 o 09:15 Ana Ruiz <ana@acme.example> napisał(a):",
    "пт, 20 нояб. 2026 г. в 09:15, Ana Ruiz <ana@acme.example>:",
    "Den fre 20 nov. 2026 kl 09:15 skrev Ana Ruiz <ana@acme.example>:",
    "Ana Ruiz <ana@acme.example> ezt írta (időpont: 2026. nov. 20., P, 9:15):",
    "pe 20. marrask. 2026 klo 9.15 Ana Ruiz <ana@acme.example> kirjoitti:",
    "2026年11月20日(金) 9:15 Ana Ruiz <ana@acme.example>:",
    "Ana Ruiz <ana@acme.example> 于2026年11月20日周五 09:15写道：",
    "2026년 11월 20일 (금) 오전 9:15, Ana Ruiz <ana@acme.example>님이 작성:",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("mark", ["> ", ""])
def test_history_under_an_attribution_is_set_apart(attribution: str, mark: str) -> None:
    reply = of(f"My answer.\n\n{attribution}\n\n{mark}Their question?\n{mark}Ana\n")
    assert reply.newest == "My answer."
    assert reply.history.startswith(attribution)


@pytest.mark.parametrize(
    ("first", "sent", "to", "subject"),
    [("From", "Sent", "To", "Subject"), ("Von", "Gesendet", "An", "Betreff"), ("De", "Envoyé", "À", "Objet"), ("Van", "Verzonden", "Aan", "Onderwerp"),
     ("Od", "Wysłano", "Do", "Temat"), ("От", "Отправлено", "Кому", "Тема"), ("差出人", "送信日時", "宛先", "件名"), ("发件人", "发送时间", "收件人", "主题")],
)  # fmt: skip
def test_outlooks_header_block_begins_history(first: str, sent: str, to: str, subject: str) -> None:
    reply = of(
        f"My answer.\n\n________________________________\n{first}: Ana\n{sent}: 20.11.2026 09:15\n{to}: jo@example.com\n{subject}: Storage\n\nTheir question?"
    )
    assert reply.newest == "My answer."


def test_answers_below_the_quote_are_the_newest_reply() -> None:
    assert of("On Fri, 20 Nov 2026, Ana wrote:\n> When?\n\nOn Monday.\n").newest == "On Monday."


def test_interleaved_answers_keep_what_they_answer() -> None:
    text = "On Fri, 20 Nov 2026, Ana wrote:\n> When?\nMonday.\n> Where?\nGhent.\n> Best, Ana"
    assert of(text).newest == "> When?\nMonday.\n> Where?\nGhent."


@pytest.mark.parametrize(
    "text",
    [
        "On Monday I told Louis what you wrote:\nthat we start in May.\n\nIs that right?",
        "The trip:\nFrom: Ghent\nTo: Paris\nDate: 3 May\n\nShall I book?",
        "Sent from my iPhone is what every mail of his says. Funny?",
        "Please forward the message:\n\nthe original message was lost.\nCan you send it again?",
        "Thanks.\n\nBest\nJo",
        "Your trip:\n\nFrom: London\nTo: Berlin\nDate: 15 January 2024\nSubject: change\n\nPlease check in early.",
        "From: John Doe <john@doe.example>\nSubject: Offer\nTo: us@x.example\n\nI would like to buy ten chairs.",
        "From: Berlin Hbf (info@bahn.de)\nTo: Hamburg\nDate: 15.01.2024\n\nHave a good trip!",
        "On Monday 15 January 2024 my boss wrote:\n\nWe close in May.",
        "On 15 Jan at 10:00 please join. Contact Anna Smith (anna@example.com):\n\nshe knows.",
        "Quoting the contract of 2023:\n\nArticle 5 holds.",
        "2024年1月15日の予定：\n\n会議があります。",
        "Yes.\n\nPS: bring the keys, please!\n\nSent using DHL, tracking number 12345",
        "It failed:\n\n  a@b.example\n    host b.example [203.0.113.22]\n    error after MAIL FROM:<a@b.example>:\n    550 No such domain.",
        "Message from the board:\n\nWe close in May.",
        "Options:\n--\nfirst option is red\nsecond is blue\nWhich do you want?",
        "=====================\nOur new mailing list\n=====================\nPlease join us.",
        "Unsubscribe rates fell:\n\n----------\nUnsubscribe rates fell to 2 percent.\nPlease update the page.",
        "I wrote on 3 May 2026:\n\nThe terms are fine with me, and they still are.",
    ],
)
def test_words_that_only_look_like_history_are_kept(text: str) -> None:
    """The worst error: losing what the author just wrote."""
    kept = set(of(text).newest.split())
    assert set(text.split()) <= kept


def test_signatures_and_list_footers_are_set_apart() -> None:
    reply = of("Yes.\n\n-- \nAna Ruiz\nAcme\n")
    assert (reply.newest, reply.signature) == ("Yes.", "-- \nAna Ruiz\nAcme")
    footer = of(
        "Yes.\n\n_______________________________________________\nX mailing list\nhttp://x.example/mailman/listinfo/x\n"
    )
    assert footer.newest == "Yes."


def test_a_pure_forward_has_no_newest_reply() -> None:
    reply = of(
        "---------- Forwarded message ---------\nFrom: Ana <ana@acme.example>\nDate: Fri, 20 Nov 2026\nSubject: x\n\nwords\n"
    )
    assert reply.newest == ""
    assert "words" in reply.history


@pytest.mark.parametrize(
    "html",
    [
        '<div>My answer.</div><div class="gmail_quote"><div>On Fri, Ana wrote:<br></div><blockquote class="gmail_quote">When?</blockquote></div>',
        '<div>My answer.</div><div id="divRplyFwdMsg"><b>From:</b> Ana<br><b>Sent:</b> Friday<br><b>To:</b> Jo<br><b>Subject:</b> x</div><div>When?</div>',
        '<p>My answer.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Ana<br><b>Sent:</b> Fri<br><b>To:</b> Jo</p></div><p>When?</p>',
        '<div>My answer.</div><blockquote type="cite"><div>On 20 Nov 2026, at 09:15, Ana wrote:</div><div>When?</div></blockquote>',
        '<div>My answer.</div><div class="yahoo_quoted"><div>On Friday, Ana wrote:</div>When?</div>',
        '<div>My answer.</div><div class="protonmail_quote">On Friday, Ana wrote:<blockquote>When?</blockquote></div>',
        '<p>My answer.</p><div class="moz-cite-prefix">On 20/11/2026 09:15, Ana wrote:</div><blockquote type="cite">When?</blockquote>',
    ],
)
def test_html_replies_of_many_clients(html: str) -> None:
    reply = of(html, html=True)
    assert reply.newest == "My answer."
    assert "When?" in reply.history


@pytest.mark.parametrize(
    ("html", "newest"),
    [
        ('<div class=gmail_quote><div class=gmail_attr>On Fri, 20 Nov 2026 at 09:15, Ana &lt;a@b.c&gt; wrote:<br></div><blockquote class=gmail_quote>Does Tuesday work?</blockquote><div>Yes, see you at ten.</div></div>', "Yes, see you at ten."),
        ("<p>as Goethe said:</p><blockquote>more light</blockquote><p>so let us start.</p>", "as Goethe said:\n\nmore light\n\nso let us start."),
        ('<p>Please read:</p><blockquote style="border-left:3px solid #ccc">The deadline is Friday.</blockquote>', "Please read:\n\nThe deadline is Friday."),
        ('<div style="border-top:solid #ccc 1px">From: 5 EUR</div><div>Best price.</div>', "From: 5 EUR\nBest price."),
        ("<div class=gmail_signature>Thanks for the offer, we accept it.</div>", "Thanks for the offer, we accept it."),
        ('<table><tr><td style="font-size:0px;padding:10px"><div style="font-size:13px">MJML text</div></td></tr></table>', "MJML text"),
        ('<a href="http://x.example" style="color:#fff;mso-hide:all">Show button</a>', "Show button"),
    ],
)  # fmt: skip
def test_what_only_looks_quoted_or_hidden_in_html_is_kept(html: str, newest: str) -> None:
    assert of(html, html=True).newest.split() == newest.split()


def test_hidden_html_is_in_no_segment() -> None:
    reply = of(
        '<div>Hi</div><div style="display:none">secret order</div><span style="font-size:0px">more</span>',
        html=True,
    )
    assert reply.newest == "Hi"


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus is not at {CORPUS}; set MAILBOT_CORPUS")
def test_the_labelled_replies_are_met() -> None:
    """At least .80 match exactly: a floor, so that no change makes it worse unnoticed."""
    rows = [
        json.loads(line)
        for line in (CORPUS / "replies" / "newest_reply.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    met = sum(" ".join(of(r["text"]).newest.split()) == " ".join(r["newest_reply"].split()) for r in rows)
    assert met / len(rows) >= 0.85


GMAIL = "\n\nOn Sat, 3 May 2025 at 10:00, Bob <bob@x.example> wrote:\n> Did you send it?\n"
KEPT = [
    "Hi Bob,\n\nPlease forward these by 17:00 to Ana Ruiz <ana@acme.example>:\n\n- the contract\n\nCan you also call her?",
    "Hi,\n\nOn Friday at 10:30 please send the following to Ana <ana@acme.example>:\n\n- the plan",
    'Dear Ms Ruiz,\n\nOn 12 March 2025 at 14:30 the landlord wrote:\n\n"No pets."\n\nCan we fight this?',
    "Please set it up like this:\n\nFrom: Reports <reports@acme.example>\nTo: sales@acme.example\nSubject: Weekly\n\nEvery Monday. Can you?",
    "Please answer this customer:\n\nName: Eva\nFrom: eva@x.example\nTo: us\nSubject: refund\n\nI would give it back.",
    "Date: 3 May 2025 10:00\nFrom: Ana <ana@acme.example>\nTo: info@x.example\nSubject: Offer\n\nPlease send me an offer.",
    "The summary.\n\n—\n\nPlease send me the signed contract by Friday.\nThe price stays at 400 euros for us.\n\nAna",
    "Run this:\n\nSQL> select 1\nSQL> select 2", "Sent by registered mail this morning.", "sent via mobile banking today, reference 4711",
    "Gesendet mit der Hauspost, das Handy liegt bei.", "Inviato da Maria via mail ieri sera.", "Enviado pelo correio com o telefone novo.",
]  # fmt: skip
ABOVE_A_QUOTE = [
    "12/05/2025 is the delivery date, as you said:", "2025年5月10日下午可以开会，具体安排如下：", "田中様\n\n2025年5月10日の会議は下記の通りでお願いします：",
    "12.05.2025 ждём ответа от поставщика, см. ниже:", "I don't think the meeting at 10:30 works for us.", "The release 3.5 is late.\nI will not sign.",
]  # fmt: skip


@pytest.mark.parametrize("text", KEPT)
def test_the_authors_words_that_look_like_history_or_a_signature_stay(text: str) -> None:
    assert of(text).newest == text
    assert of(text + GMAIL).newest == text


@pytest.mark.parametrize("text", [*ABOVE_A_QUOTE, *(t for t in KEPT if "\n" not in t)])
@pytest.mark.parametrize(
    "attribution", ["You wrote:", "On Sat, 3 May 2025 at 10:00, Bob <bob@x.example> wrote:"]
)
def test_words_right_above_an_attribution_stay(text: str, attribution: str) -> None:
    assert of(f"{text}\n{attribution}\n> let's meet\n").newest.split() == text.split()


def test_a_line_that_an_mbox_file_escaped_and_a_postscript() -> None:
    assert of("Hi,\n\n>From my side it is fine.\n\nAna").newest == "Hi,\n\nFrom my side it is fine.\n\nAna"
    assert of("Hi\n-- \nAna\nAcme\n\nP.S. Bring the key!").newest == "Hi\n\nP.S. Bring the key!"


@pytest.mark.parametrize(
    "attribution",
    [
        "Ana Ruiz <ana@acme.example> hat am 03.05.2025 10:00 CEST geschrieben:", "---- Am Sa, 03 Mai 2025 10:00:00 +0200 Ana <a@x.example> schrieb ----",
        '-----"Ana Ruiz" <ana@acme.example> wrote: -----', "Ana Ruiz schrieb am 03.05.2025 um 10:00:", "Ana a écrit le 03/05/2025 à 10:00 :",
        "25. 5. 3. 10:00에 Ana Ruiz 이(가) 쓴 글:", "11:00 AM, November 17, 2021, Ana <ana@acme.example>:",
    ],
)  # fmt: skip
def test_attributions_of_less_common_clients(attribution: str) -> None:
    assert of(f"Fine.\n\n{attribution}\n\nOld text.\nMore of it.\n").newest == "Fine."


def test_answers_inside_a_clients_container_and_below_its_mark() -> None:
    quote = '<blockquote class="protonmail_quote" type="cite">Can you?</blockquote><div>Yes, at noon.</div>'
    container = f'<div class="protonmail_quote">On Saturday, May 3rd, 2025 at 10:00, Ana &lt;a@x.example&gt; wrote:<br>{quote}{quote}</div>'
    assert of(container, html=True).newest.count("Yes, at noon.") == 2
    apple = '<br id="lineBreakAtBeginningOfMessage"><div>Go ahead.</div><blockquote type="cite">On 3 May 2025, at 10:00, Ana wrote:<br>Shall we?</blockquote>'
    assert of(apple, html=True).newest == "Go ahead."


def test_the_lists_that_word_puts_into_comments_hide_nothing() -> None:
    word = (
        "<!--[if gte mso 9]><xml>" + '<w:LsdException Locked="false" Name="x"/>' * 376 + "</xml><![endif]-->"
    )
    mail = f'<div>{word}Yes, I come.</div><div class="gmail_quote">On Sat, 3 May 2025 at 10:00, Bob &lt;b@x.example&gt; wrote:<blockquote class="gmail_quote">Will you?</blockquote></div>'
    assert of(mail, html=True).newest == "Yes, I come."


BANNERS = [
    "---------------------- Forwarded by Ana Ruiz/BCN/ACME on 11/20/2026 09:15 AM ---------------------------",
    "---------------------- Forwarded by Ana Ruiz/BCN/ACME on 11/20/2026 \n09:15 AM ---------------------------",
    "----- Forwarded by Ana Ruiz on 20.11.2026 09:15 -----",
    "----------------- Weitergeleitet von Ana Ruiz/BCN/ACME am 20.11.2026 09:15 -----------------",
    "----- Transféré par Ana Ruiz/BCN/ACME le 20/11/2026 09:15 -----",
    "----- Reenviado por Ana Ruiz/BCN/ACME con fecha 20/11/2026 09:15 -----",
]


@pytest.mark.parametrize("banner", BANNERS)
def test_what_notes_forwards_is_set_apart(banner: str) -> None:
    forward = of(
        f"Please have a look.\n\nJo\n{banner}\n\n\nLouis Roe\n11/19/2026 04:00 PM\nTo: Ana Ruiz/BCN/ACME@ACME\ncc:\nSubject: Disks\n\nHow many?"
    )
    assert (forward.newest, forward.plain("forwarded").split("\n")[0]) == (
        "Please have a look.\n\nJo",
        banner.split("\n")[0].rstrip(),
    )
    assert of(f"{banner}\n\nHow many?").newest == ""


NOTES_HEADERS = {
    "a name, a date, the fields": "Ana Ruiz\n11/20/2026 09:15 AM\nTo: Jo Vermeer/AMS/ACME@ACME\ncc:\nSubject: Disks",
    "an organisation behind the name": "Ana Ruiz/BCN/ACME\n11/20/2026 09:15 AM\nTo: Jo Vermeer\nSubject: Disks",
    "a domain behind the name": "Ana Ruiz@ACME\n11/20/2026 09:15 AM\nTo: Jo Vermeer/AMS/ACME@ACME\ncc: Louis Roe/AMS/ACME@ACME \n\nSubject: Re: Disks  ",
    "no subject was given": "Ana Ruiz\n20.11.2026 09:15\nTo: Jo Vermeer/AMS/ACME@ACME\ncc: \nSubject:",
    "indented": "\t\t\t\tAna Ruiz\n\t\t\t\t11/20/2026 09:15 AM\n\t\t\t\t\n\t\t\t\t To: Jo Vermeer/AMS/ACME@ACME\n\t\t\t\t cc: \n\t\t\t\t Subject: Disks",
    "on one line": "Ana Ruiz on 11/20/2026 09:15:22 AM\n To: Jo Vermeer/AMS/ACME@ACME\n cc:\n Subject: Disks",
    "on one line, with an address": '"Ruiz, Ana" <ana@acme.example> on 11/20/2026 09:15:22 AM\nPlease respond to <ana@acme.example>\nTo: jo@example.com\ncc:\n\nSubject: Disks',
    "far apart": "   Ana Ruiz                11/20/2026 09:15 AM\n\nTo: Jo Vermeer/AMS/ACME@ACME\ncc:\nSubject: Disks",
    "with From": "From:\tAna Ruiz on 11/20/2026 09:15 AM\nTo:\tJo Vermeer/AMS/ACME@ACME\ncc:\t\nSubject:\tDisks",
    "under a letterhead": "\tAcme Storage Corp.\n\t\n\tFrom:  Ana Ruiz                           20/11/26 09:15\n\t\n\nTo: Jo Vermeer/AMS/ACME@ACME\ncc: Louis Roe/AMS/ACME@ACME \nSubject: Disks",
    "many recipients": "Ana Ruiz\n11/20/2026 09:15 AM\nTo: Jo Vermeer/AMS/ACME@ACME, Louis \nRoe/AMS/ACME@ACME, Mia Berg/AMS/Acme Storage@Acme \nStorage\ncc: Kim Lee/AMS/ACME@ACME, Pat \nPoe/AMS/ACME@ACME\nSubject: Disks",
    "sent by somebody else": "Ana Ruiz\nSent by: Mia Berg\n11/20/2026 09:15 AM\nTo: Jo Vermeer/AMS/ACME@ACME\ncc:\nSubject: Disks",
    "names alone, values below": "Ana Ruiz/BCN/ACME\n11/20/2026 09:15 AM\n\nTo\nJo Vermeer/AMS/ACME@ACME\ncc\n\nSubject\nDisks",
    "Notes 8": "Ana Ruiz ---11/20/2026 09:15:22 AM---Hi Jo, how many disks\n\nFrom:\tAna Ruiz/BCN/ACME\nTo:\tJo Vermeer/AMS/ACME@ACME\nCc:\t\nDate:\t11/20/2026 09:15 AM\nSubject:\tDisks",
    "German": "Ana Ruiz/BCN/ACME\n20.11.2026 09:15\nAn: Jo Vermeer/AMS/ACME@ACME\nKopie: Louis Roe/AMS/ACME@ACME\nThema: Platten",
    "French": "Ana Ruiz/BCN/ACME\n20/11/2026 09:15\nPour : Jo Vermeer/AMS/ACME@ACME\ncc :\nObjet : Disques",
    "Spanish": "Ana Ruiz/BCN/ACME\n20/11/2026 09:15\nPara: Jo Vermeer/AMS/ACME@ACME\ncc:\nAsunto: Discos",
}  # fmt: skip


@pytest.mark.parametrize("header", NOTES_HEADERS.values(), ids=NOTES_HEADERS)
def test_the_header_that_notes_prints_begins_history(header: str) -> None:
    """It has no field From, and no word that only mail has."""
    reply = of(f"Twelve.\n\nJo\n\n\n\n{header}\n\nHow many disks?\n\nAna\n")
    assert reply.newest == "Twelve.\n\nJo"
    assert reply.history.startswith(header.split("\n")[0].strip())
    assert of(f"{header}\n\nHow many disks?").newest == ""


def test_the_header_that_notes_prints_into_html_begins_history() -> None:
    reply = of(
        "<div>Twelve.</div><br><br><font size=1><b>Ana Ruiz/BCN/ACME</b></font><br><font size=1>11/20/2026 09:15 AM</font>"
        "<table><tr><td>To</td><td>Jo Vermeer/AMS/ACME@ACME</td></tr><tr><td>cc</td><td></td></tr><tr><td>Subject</td><td>Disks</td></tr></table>"
        "<br><div>How many disks?</div>",
        html=True,
    )
    assert (reply.newest, "How many disks?" in reply.history) == ("Twelve.", True)


@pytest.mark.parametrize("header", NOTES_HEADERS.values(), ids=NOTES_HEADERS)
def test_answers_between_the_lines_under_it_stay(header: str) -> None:
    reply = of(f"See below.\n\n{header}\n\n> How many disks?\n\nTwelve.\n\n> How large?\n\nOne TB.\n")
    assert "Twelve." in reply.newest and "One TB." in reply.newest


@pytest.mark.parametrize(
    "written",
    [
        "Jane Doe\n01/15/2027 09:12 AM\nTo: all staff\nSubject: Holidays\n\nThe office is closed.",  # a memo
        "The next dates:\n\nWorkshop\n01/15/2027 09:12 AM\nTo: be held in Room 3/B\nSubject to change.",
        "Workshop\n01/15/2027 09:12 AM\nRoom 3/B\nTo: Jo\ncc: Louis\nSubject: Workshop",
        "Please write it so:\n\nTo: Bob Roe/AMS/ACME\ncc: Jo\nSubject: Disks\n\nThank you.",
        "Call Ana Ruiz on 01/15/2027 09:12 AM\nTo: ask about disks.\nShe knows more.",
        "Ana Ruiz\n01/15/2027 09:12 AM\nSubject: Disks\nTo: Jo/AMS/ACME\nis what the form wants.",
        "Ana Ruiz\n01/15/2027\nTo: Jo/AMS/ACME\ncc:\nSubject: Disks",  # no time: Notes prints one
        "It says Forwarded by Ana Ruiz/BCN/ACME on 01/15/2027 in the first line.",
        "---- Forwarded by ----\nis what Notes draws.",
    ],
)
def test_what_only_looks_like_notes_stays(written: str) -> None:
    assert of(f"Hello,\n\n{written}" if written[0] == "T" else written).history == ""


def nodes(html: str) -> int:
    """How many nodes the tree of a text has."""
    root = tree(html)
    return sum(1 for _ in root.traverse(include_text=True)) if root else 0


@pytest.mark.parametrize(
    "html",
    [
        "".join(f"<p><font color={n}>x</p>" for n in range(5000)),
        "".join(f"<b id={n}><p>x</p>" for n in range(5000)),
        "".join(f"<p><font color={n}><i id={n}>x</i></p>" for n in range(3000)),
        "</font>" * 5000 + "".join(f"<p><font color={n}>x</p>" for n in range(5000)),
    ],
    ids=["unclosed", "around", "mixed", "closed before"],
)
def test_formatting_that_is_never_closed_grows_into_no_forest(html: str) -> None:
    """HTML opens it anew in every paragraph: 70 KB became gigabytes."""
    assert nodes(html) < 100 * html.count("<")
    assert split_text(Text(html, html=True)).newest.count("x") == html.count("x<")


def test_elements_are_nested_no_deeper_than_takes_no_time() -> None:
    html = "<div>" * 20_000 + "deep" + "</div>" * 20_000 + "<p>after</p>"
    assert nodes(html) < 1000
    assert split_text(Text(html, html=True)).newest.split() == ["deep", "after"]


@pytest.mark.parametrize(
    "around",
    ["<a href='https://x.example/'><table><tr><td>", "<table><tr><td>"],
    ids=["links", "rows"],
)
def test_what_stands_around_long_text_is_not_paid_for_by_its_length(around: str) -> None:
    text = f"<pre>{'x' * 300_000}{chr(10) * 300_000}y"

    def taken(html: str) -> float:
        began = time.process_time()
        assert len(lines(html).lines) >= 300_000
        return time.process_time() - began

    assert taken(around * 450 + text) < 2 * taken(text) + 0.2
