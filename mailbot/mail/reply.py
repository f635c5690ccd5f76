"""A mail's text -> newest reply, quoted or forwarded history, signature.

The one rule above all: words that the author just wrote are never taken for history. Where a mark is not certain
the line stays in the newest reply.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from typing import Literal

from mailbot.mail.html_lines import Line, lines, normalised
from mailbot.mail.message import Message, Text

Kind = Literal["newest", "quoted", "forwarded", "signature"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of one mail's text: its `kind`, the plain text, and the text or markup it stands in."""

    kind: Kind
    plain: str
    source: Text


@dataclass(frozen=True, slots=True)
class Reply:
    """The segments of a mail in their order."""

    segments: tuple[Segment, ...] = ()

    def plain(self, *kinds: Kind) -> str:
        return "\n\n".join(s.plain for s in self.segments if s.kind in kinds).strip()

    @property
    def newest(self) -> str:
        """What the author wrote last, as plain text; empty for a pure forward."""
        return self.plain("newest")

    @property
    def history(self) -> str:
        return self.plain("quoted", "forwarded")

    @property
    def signature(self) -> str:
        return self.plain("signature")


def split(message: Message) -> Reply:
    """Take a mail's body apart. Every shown line lands in exactly one segment."""
    segments: list[Segment] = []
    for shown in message.body:
        if isinstance(shown, Text):
            segments += split_text(shown)
    return Reply(tuple(segments))


def split_text(text: Text) -> list[Segment]:
    """One body part taken apart; the segments' sources, put together, are the part."""
    if text.html:
        markup = normalised(text.content)
        read = lines(markup)
    else:
        markup, read = text.content, _plain_lines(text.content)
    kinds = classify(read)
    segments: list[Segment] = []
    start = 0
    for index in range(1, len(read) + 1):
        if index < len(read) and kinds[index] == kinds[start]:
            continue
        chunk = read[start:index]
        plain = _joined(chunk)
        end = read[index].start if index < len(read) else len(markup)
        begin = 0 if start == 0 else chunk[0].start
        source = markup[begin:end]
        if plain or "<img" in source:
            segments.append(Segment(kinds[start], plain, Text(source, html=text.html)))
        start = index
    return segments


def _joined(chunk: Iterable[Line]) -> str:
    joined = "\n".join(line.text for line in chunk)
    return re.sub(r"\n{3,}", "\n\n", joined).strip("\n").rstrip()


def _plain_lines(content: str) -> list[Line]:
    texts = content.split("\n")
    # "AR> text": initials are a quote mark where one author's stand on several lines (RFC 1849's "supercite").
    initials = Counter(m[1] for text in texts if (m := _INITIALS.match(text)))
    found, start = [], 0
    for text in texts:
        named = _INITIALS.match(text)
        quoted = bool(_QUOTED.match(text)) or bool(named and initials[named[1]] > 1)
        shown = (
            "-- " if text.rstrip("\r") == "-- " else text.rstrip()
        )  # RFC 3676 4.3: the space is the delimiter
        found.append(Line(shown, start, quoted=quoted))
        start += len(text) + 1
    return found


# --- what marks history, in the words of mail clients --------------------------------------------------------------

_QUOTED = re.compile(r"^[ \t]{0,3}>")
_INITIALS = re.compile(r"^[ \t]{0,8}([A-Z][A-Za-z]{0,2})>")
_WROTE = (
    r"wrote|writes|écrit|ecrit|escreveu|escribi[óo]|ha scritto|scrisse|schrieb|schreef|geschreven|skrev|kirjoitti"
    r"|napisał(?:\(a\))?|napisała|pisze|пишет|написал(?:\(а\))?|написала|писал(?:\(а\))?|писав|написав|napsal(?:\(a\))?|napísal"
    r"|yazdı|şunu yazdı|a scris|írta|έγραψε|skrifaði|va escriure|je napisao|napisao|пише|написа|viết|menulis|kirjutas|rašė|raksta"
)
_WROTE_END = re.compile(
    rf"(?:\b(?:{_WROTE})\b|さんは書きました|のメール|が書き込みました|写道|寫道|님이 작성|작성|כתב|كتب)[^\w\n]{{0,40}}[:：]\s*$",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"\b(?:said|says|mentioned|stated|replied|asked|spake|opined|remarked|uttered|typed|sagte|meinte|a dit|dijo)\W*[:：]$",
    re.I,
)
"""Attributions too weak to count without a quoted line right below."""
_SCHRIEB_MIDDLE = re.compile(
    rf"^\W*(?:(?:On|Am|Le|El|Il|Op|Em|Den|Dne|W dniu|Dnia|W|På|Pe|Ons|Tue|Mon|Wed|Thu|Fri|Sat|Sun|\w{{2,3}}[.,]|\d).{{0,200}})"
    rf"\b(?:{_WROTE})\b.{{0,160}}[:：]\s*$",
    re.IGNORECASE | re.DOTALL,
)
_OTHER_ATTRIBUTION = re.compile(
    r"^\W*(?:"
    rf"[^<>]{{1,80}}<[^<>\s]+@[^<>\s]+>\s*(?:{_WROTE})\b.{{4,80}}\d.{{0,20}}[:：]"
    r"|Am\s.{6,80}\bhat\s.{2,120}\bgeschrieben\s*[:：]"
    r"|Wiadomość napisana przez .{4,160}\d.{0,30}[:：]|"
    r"(?=.*(?:(?<![\d.])\d{1,2}[:.]\d\d(?![\d.]*\d)|\b(?:19|20)\d\d\b)).{6,220}<[^<>\s]+@[^<>\s]+\s*>\s*[:：]"
    r"|-*\s*On\s(?=.*(?<![\d.])\d{1,2}[:.]\d\d).{6,220}<[^<>\s]+@[^<>\s]+>\s*wrote\W*"
    r"|\d{4}年\d{1,2}月\d{1,2}日.{0,120}(?:[:：]|>)"
    r"|\d{4}[./-]\d{1,2}[./-]\d{1,2}.{0,80}<[^<>\s]+@[^<>\s]+>\s*[:：]?"
    r"|(?:On|Am|Le|El|Il|Op|Em|Den)\b.{6,160}<[^<>\s]+@[^<>\s]+>\s*[:：]"
    r"|\d{1,2}[./]\d{1,2}[./]\d{2,4},?.{0,30}(?:пользователь|от|from|von|de|da).{0,120}[:：]"
    r"|[^\n]{1,60}<[^<>\s]+@[^<>\s]+>\s*(?:,\s*)?\d{1,2}[ ./-].{4,60}[:：]"
    r"|>?-*\s*(?:In message|In article)\s.{5,120}[:：]"
    r"|Quoting\s.{3,120}[:：]"
    r")\s*$",
    re.IGNORECASE | re.DOTALL,
)
_STARTS = re.compile(
    r"^\W{0,3}(?:(?:On|Am|Le|El|Il|Op|Em|Den|Dne|W dniu|Dnia|På|Pe|Vào|V|A|Tarihinde|In)\s.*\d|\d|\w{2,12}[.,]{0,2}\s*(?:den |le |klo )?\d)",
    re.IGNORECASE,
)
_DATED = re.compile(r"\d{1,4}[./:-]\d|\b(?:19|20)\d\d\b|@|\d年")
_SEPARATOR_WORDS = (
    r"original message|original appointment|reply message|reply above this line|forwarded message|begin forwarded message"
    r"|original-nachricht|originalnachricht|ursprüngliche nachricht|weitergeleitete nachricht|anfang der weitergeleiteten (?:nachricht|e-?mail)"
    r"|message d['’]origine|message original|message transféré|message transmis|début du message (?:réexpédié|transféré)"
    r"|mensaje original|mensaje reenviado|inicio del mensaje reenviado|messaggio originale|messaggio inoltrato|inizio messaggio inoltrato"
    r"|mensagem original|mensagem encaminhada|início da mensagem reencaminhada|oorspronkelijk(?:e)? bericht|origineel bericht|doorgestuurd bericht|begin doorgestuurd bericht"
    r"|wiadomość oryginalna|oryginalna wiadomość|treść przekazanej wiadomości|wiadomość przekazana|исходное сообщение|пересылаемое сообщение|пересланное сообщение"
    r"|перенаправленное сообщение|конец переадресованного сообщения|начало переадресованного сообщения|оригинальное сообщение"
    r"|ursprungligt meddelande|originalmeddelande|vidarebefordrat (?:brev|meddelande)|oprindelig (?:besked|meddelelse)|videresendt (?:besked|meddelelse)"
    r"|opprinnelig melding|videresendt melding|alkuperäinen viesti|välitetty viesti|původní zpráva|přeposlaná zpráva|původní e-mail|eredeti üzenet"
    r"|元のメッセージ|元のメール|転送メッセージ|転送されたメッセージ|原始邮件|原始郵件|原邮件|转发邮件|转发的邮件|轉寄郵件|邮件原件|원본 메시지|원본 메일|전달된 메시지"
    r"|orijinal mesaj|mesaj original|αρχικό μήνυμα"
)
_SEPARATOR = re.compile(
    rf"^[ \t]*(?:>\s*)*(?:[-_=*~+#]{{2,}}\s*(?:{_SEPARATOR_WORDS})\s*[:：]?\s*[-_=*~+#]*|(?:{_SEPARATOR_WORDS})\s*[:：])\s*$",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"forward|weitergeleitet|transf[ée]r|transmis|réexp|reenviad|inoltrat|encaminhad|reencaminhad|doorgestuurd|przekaz|"
    r"пересыл|переслан|перенаправ|переадрес|vidarebefordr|videresend|välitetty|přeposlan|転送|转发|轉寄|전달|FWD?:",
    re.IGNORECASE,
)
_FROM = r"from|von|de|da|van|från|fra|lähettäjä|od|от|от кого|nadawca|feladó|差出人|发件人|寄件者|寄件人|보낸 사람|보낸사람|kimden|od koho|expéditeur|remitente|mittente|afzender|absender|message du"
_SENT = (
    r"sent|date|gesendet|datum|date d['’]envoi|envoyé|envoyé le|enviado|enviado el|enviada|fecha|data|inviato|verzonden|skickat|sendt"
    r"|dato|lähetetty|päiväys|wysłano|дата|отправлено|送信日時|日付|日時|发送时间|日期|寄件日期|보낸 날짜|날짜|odesláno|elküldve|gönderildi|tarih|enviado em|data de envio|wysłane|sent at|message du"
)
_SENT_BY_MAIL = frozenset(
    ("sent", "gesendet", "envoyé", "envoyé le", "enviado", "enviado el", "enviada", "inviato", "verzonden", "skickat", "sendt",
     "lähetetty", "wysłano", "отправлено", "送信日時", "发送时间", "보낸 날짜", "odesláno", "elküldve", "gönderildi", "enviado em")
)  # fmt: skip
"""Names of the date field that only a mail client writes: an itinerary has From, To and Date as well."""
_TO = (
    r"to|an|à|a|para|aan|till|til|vastaanottaja|do|кому|宛先|收件人|받는 사람|받는사람|komu|címzett|kime|pour|destinatario|adresat"
    r"|cc|copie à|copie|kopie|kopia|kopi|копия|抄送|副本|参照|참조|responder a|reply-to|antwort an|répondre à"
)
_TO_NAMES = frozenset(_TO.split("|"))
_SUBJECT = r"subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|aihe|temat|тема|件名|主题|主旨|제목|předmět|tárgy|konu|sujet"
_FROM_NAMES, _SENT_NAMES, _SUBJECT_NAMES = (
    frozenset(words.replace("['’]", "'").split("|")) for words in (_FROM, _SENT, _SUBJECT)
)
_ADDRESSED = re.compile(r"<[^<>\s]*@[^<>\s]*>|\[mailto:|^\s*\"?[^\s\"<>()]+@[^\s<>()]+\"?\s*$")
_CLOCK = re.compile(r"\d{1,2}\W{0,2}[:.]\W{0,2}\d\d")
_FIELD = re.compile(
    rf"^\W{{0,6}}(?P<name>{_FROM}|{_SENT}|{_TO}|{_SUBJECT})\s*[*_]*\s*[:：][*_]*", re.IGNORECASE
)
_SUBJECT_FIELD = re.compile(rf"(?:^|\s)\W{{0,6}}(?:{_SUBJECT})\s*[*_]*\s*[:：]", re.IGNORECASE)
_DEVICE = (
    r"iphone|ipad|ipod|android|galaxy|samsung|huawei|xiaomi|redmi|oppo|oneplus|pixel|blackberry|nokia|motorola|sony|htc|wiko|\blg\b|windows|outlook|yahoo"
    r"|gmail|proton|\baol\b|gmx|web\.de|k-9|fairemail|spark|\bnine\b|mymail|\bmail\b|handy|smartphone|mobil|phone|tablet|\bmac\b|telefon|teléfono|téléphone"
    r"|móvil|cellulare|telefoon|celular|puhelimes|телефон|手机|手機|sparrow|airmail|mailbird|thunderbird|superhuman"
)
_MOBILE = re.compile(
    r"^\W{0,4}(?:sent (?:from|via|using|with|by) |von meinem .{2,40} gesendet|gesendet (?:von|mit|über) |diese nachricht wurde von"
    r"|envoyé (?:de|depuis|à partir) |enviado (?:desde|do|de|pelo|com) |inviato da|verzonden (?:vanaf|vanuit|met|via) "
    r"|verstuurd vanaf|skickat från|sendt fra|lähetetty |wysłan[eo] z |отправлено (?:с|из) |从我的|從我的|發自|发自)"
    rf".{{0,40}}(?:{_DEVICE})|^\W{{0,4}}(?:get outlook for|télécharger outlook|obtenez outlook|outlook (?:für|para|pour|voor) )|^\W{{0,4}}(?:iphone|ipad|android)から送信|^나의 iphone에서|^내 iphone에서",
    re.IGNORECASE,
)
_DELIMITER = re.compile(r"^\s{0,1}(?:-- ?|—|--\s*)$")
_LIST_FOOTER = re.compile(
    r"^\W*(?:.{0,60}mailing list\W*$|to unsubscribe\b|unsubscribe\b|you received this message because|list-unsubscribe"
    r"|https?://\S+/(?:listinfo|mailman)\S*|this e-?mail is (?:sponsored|brought)|this sf\.?net email is)",
    re.IGNORECASE,
)
_RULE = re.compile(r"^\s*[_=~*-]{4,}\s*>?\s*$")


def classify(read: list[Line]) -> list[Kind]:
    """The kind of every line. `read` is the whole text; pure, and the heart of this module."""
    read = [line if len(line.text) < 80 else replace(line, text=_looked_at(line.text)) for line in read]
    history, forwarded = _history(read)
    footer = _footers(read, history)
    written = [i for i, line in enumerate(read) if line.text.strip() and not history[i] and not footer[i]]
    kinds: list[Kind] = ["newest"] * len(read)
    for i in range(len(read)):
        if history[i]:
            kinds[i] = "forwarded" if forwarded[i] else "quoted"
        elif footer[i] and (written or not read[i].signature):
            kinds[i] = "signature"
    if written:
        _keep_answered(read, history, written, kinds)
    return _blanks(read, kinds)


def _looked_at(text: str) -> str:
    """What the marks are looked for in: runs of white space closed, nothing beyond the length of any mark."""
    text = text[:1000]
    body = text.lstrip()
    return text[: len(text) - len(body)][-8:] + re.sub(r"\s{2,}", " ", body)[:400]


def _keep_answered(read: list[Line], history: list[bool], written: list[int], kinds: list[Kind]) -> None:
    """Answers between quoted lines keep the lines they answer: from the first quoted line that is followed by an
    answer and then by more quoting and another answer, to the last answer."""
    first = next((i for i, quoted in enumerate(history) if quoted), len(history))
    before = list(accumulate(history, initial=0))  # how many quoted lines stand above each
    runs: list[tuple[int, int]] = []
    for i in written:
        if runs and before[i] == before[runs[-1][1]]:
            runs[-1] = (runs[-1][0], i)
        else:
            runs.append((i, i))
    after = [run for run in runs if run[0] > first]
    if len(after) < 2:
        return
    while (
        first < after[0][0]
        and not _QUOTED.match(read[first].text)
        and not (read[first].quoted or read[first].cite)
    ):
        first += 1
    for i in range(first, after[-1][1] + 1):
        if kinds[i] != "signature":
            kinds[i] = "newest"


def _history(read: list[Line]) -> tuple[list[bool], list[bool]]:
    """Which lines are history, and which of it was forwarded."""
    history = [line.quoted for line in read]
    forwarded = [False] * len(read)
    marked = _last_quoted(read)
    prefixes: set[str] = set()
    answered = False
    """Whether the author wrote anything above the line that is looked at."""

    def mark(start: int, end: int, forward: bool = False) -> int:
        history[start:end] = [True] * (end - start)
        forwarded[start:end] = [forward] * (end - start)
        return end

    i = 0
    while i < len(read):
        line = read[i]
        text = line.text.strip()
        if line.quoted and _SEPARATOR.match(line.text) and _FORWARD.search(text) and _separates(read, i):
            i = mark(i, _quote_end(read, i), forward=True)
        elif not text or line.quoted:
            i += 1
        elif line.edge and _edge_holds(read, i):
            i = mark(i, len(read))
        elif _SEPARATOR.match(line.text) and _separates(read, i):
            forward = bool(_FORWARD.search(text))
            quote = _quote_end(read, i + 1)
            if quote > i + 1:  # Apple and others set the forwarded mail in a quote: it ends with the quote
                i = mark(i, quote, forward)
            elif forward or answered or marked <= i:
                i = mark(i, len(read), forward)
            else:  # answers stand below, between the marked lines
                i = mark(i, _header_end(read, i + 1))
        elif length := _attribution(read, i):
            quote = _quote_end(read, i + length)
            if quote > i + length:
                i = mark(i, quote)
            elif own := _own_prefix(read, i + length):
                mark(i, i + length)
                if own not in prefixes:
                    prefixes.add(own)
                    for j in range(i, len(read)):
                        history[j] = history[j] or read[j].text.startswith(own)
                i += length
            elif _quoted_soon(read, i + length) or (
                not answered and (marked > i or _certain(read, i, length))
            ):
                i = mark(i, i + length)  # what stands above nothing of the author's ends nothing of theirs
            elif _certain(read, i, length):
                i = mark(i, len(read))
            else:
                answered, i = True, i + 1
        elif _header_block(read, i):
            above = next((k for k in range(i - 1, -1, -1) if read[k].text.strip()), None)
            start = above if above is not None and _RULE.match(read[above].text) else i
            if answered or start < i or (marked <= i and _only_mail_has(read, i)):
                i = mark(start, len(read))
            elif marked <= i:
                answered, i = True, i + 1  # a form that was filled in, not a mail that was forwarded
            else:
                i = mark(start, _header_end(read, i))
        else:
            answered = answered or not _RULE.match(text)
            i += 1
    _wrapped(read, history)
    return history, forwarded


def _separates(read: list[Line], i: int) -> bool:
    """Whether words such as "Original message" part the mail here: drawn as a rule, or with a header or quote below."""
    if re.match(r"^[ \t>]*[-_=*~+#]{4,}", read[i].text):
        return True
    below = [line for line in read[i + 1 : i + 6] if line.text.strip()][:2]
    return any(_field(line.text)[0] or line.quoted or line.cite for line in below)


def _last_quoted(read: list[Line]) -> int:
    """The last line with a quote mark, -1 for none."""
    return next((j for j in range(len(read) - 1, -1, -1) if read[j].quoted or read[j].cite), -1)


def _header_end(read: list[Line], i: int) -> int:
    """The first line after the printed header of an earlier mail: its fields, up to the first blank or quoted line."""
    while i < len(read) and read[i].text.strip() and not read[i].quoted:
        i += 1
    return i


_SNIP = re.compile(r"^\W*(?:\.{2,}|…|snip\w*|schnipp?|cut|\[.{0,20}\]|<.{0,20}>)\W*$", re.IGNORECASE)


def _quoted_soon(read: list[Line], i: int) -> bool:
    """Whether marked lines follow, with at most an omission mark or two lines before them."""
    seen = 0
    for line in read[i : i + 12]:
        if line.quoted or line.cite:
            return True
        seen += bool(line.text.strip()) and not _SNIP.match(line.text)
        if seen > 2:
            return False
    return False


def _own_prefix(read: list[Line], i: int) -> str:
    """A quote mark of the author's own making ("--]", "|"): what the two lines below an attribution begin with."""
    below = [line.text for line in read[i : i + 6] if line.text.strip()][:2]
    prefixes = [re.match(r"[^\w\s]{1,4}", text) for text in below]
    if len(prefixes) == 2 and prefixes[0] and prefixes[1] and prefixes[0][0] == prefixes[1][0]:
        return "" if prefixes[0][0] in ("-", "*", "•", "+", "--", '"', "(", "[") else prefixes[0][0]
    return ""


def _edge_holds(read: list[Line], i: int) -> bool:
    """A client's mark for the start of history counts where a printed header or an attribution follows it closely."""
    near = [j for j in range(i, min(i + 8, len(read))) if read[j].text.strip()]
    fields = [name for j in near if (name := _field(read[j].text)[0])]
    header = len(fields) >= 3 and any(name in _FROM_NAMES for name in fields)
    return header or any(_attribution(read, j) or _SEPARATOR.match(read[j].text) for j in near[:3])


def _attribution(read: list[Line], i: int) -> int:
    """How many lines an attribution ("On ..., X wrote:") takes that starts at line `i`; 0 for none."""
    joined = ""
    for length in range(1, 5):
        if i + length > len(read):
            return 0
        text = read[i + length - 1].text.strip()
        if not text or (length > 1 and _QUOTED.match(text) and text not in (">:", "> wrote:")):
            return 0
        joined = f"{joined} {text}".strip()
        if len(joined) > 400:
            return 0
        if text.endswith((":", "：", ">", "*", "_", "-", "wrote")):
            if _says_who_wrote(joined):
                # Only the attribution itself, not the line of the author's that may stand right above it.
                shorter = [read[k : i + length] for k in range(i + 1, i + length)]
                told = [part for part in shorter if _says_who_wrote(" ".join(x.text.strip() for x in part))]
                if any(_STARTS.match(part[0].text) for part in told) or (
                    told and not _STARTS.match(read[i].text)
                ):
                    return 0
                return length
            if length == 1 and len(joined) < 120 and _quoted_next(read, i + 1):
                candidate = joined.strip("*_ ")
                if _WROTE_END.search(candidate) or _SAID.search(candidate):
                    return 1
    return 0


def _quoted_next(read: list[Line], i: int) -> bool:
    """Whether the next line with text is marked as quoted. (A bare blockquote is not enough: people quote Goethe.)"""
    return next((line.quoted for line in read[i : i + 4] if line.text.strip()), False)


def _says_who_wrote(text: str) -> bool:
    candidate = text.strip("*_ ")
    if len(candidate) > 320 or not _DATED.search(candidate):
        return False
    return bool(
        _WROTE_END.search(candidate)
        or _SCHRIEB_MIDDLE.match(candidate)
        or _OTHER_ATTRIBUTION.match(candidate)
    )


def _certain(read: list[Line], i: int, length: int) -> bool:
    """Whether an attribution with no quote mark below it still ends what the author wrote: only where it is written as
    a client writes it, with a time and an address, or a time, a date and a word for writing."""
    text = " ".join(line.text.strip() for line in read[i : i + length]).strip("*_ ")
    if re.search(r"\w{3,}[.!?]\s+[A-ZÀ-ÞА-Я]", text) or re.search(r"\bas\s+\w", text):
        return False  # that is prose
    time = re.search(
        r"(?<![\d.])\d{1,2}[:.h]\d\d(?![\d.]*\d\.)", re.sub(r"\d{1,2}\.\d{1,2}\.\d{2,4}", "", text)
    )
    dated = re.search(r"\b(?:19|20)\d\d\b|\d年|\d{1,2}[./]\d{1,2}", text)
    address = re.search(r"<[^<>\s]+@[^<>\s]+\s*>|\([^()\s]+@[^()\s]+\)", text)
    wrote = re.search(rf"\b(?:{_WROTE})\b|写道|寫道|書きました|작성", text, re.IGNORECASE)
    ends = text.endswith((":", "：")) or bool(wrote)
    return bool(ends and ((address and (time or (wrote and dated))) or (wrote and time and dated)))


def _quote_end(read: list[Line], i: int) -> int:
    """The first line after the quoted lines that start at or just below line `i` (blank lines between allowed)."""
    end = i
    for j in range(i, len(read)):
        if _QUOTED.match(read[j].text) or read[j].quoted or read[j].cite:
            end = j + 1
        elif read[j].text.strip() and not _SNIP.match(read[j].text):
            break
    return end


@lru_cache(maxsize=4096)
def _field(text: str) -> tuple[str, str]:
    """(name in lower case, value) of a printed header field, ("", "") for any other line."""
    match = _FIELD.match(text)
    return (match["name"].casefold(), text[match.end() :]) if match else ("", "")


def _header_block(read: list[Line], i: int) -> bool:
    """Whether the header of an earlier mail, as clients print it, starts at line `i`: a From line, and a date and a
    subject or recipient near it, in any order."""
    if not _field(read[i].text)[0]:
        return False
    fields: list[tuple[str, str]] = []
    blanks = 0
    for line in read[i : i + 10]:
        name, value = _field(line.text)
        if name:
            fields.append((name, value))
            blanks = 0
            if _SUBJECT_FIELD.search(value):  # phones print two fields on one line
                fields.append(("subject", ""))
        elif not line.text.strip():
            blanks += 1
            if blanks > 1:
                break
    names = {name for name, _ in fields}
    recipient, subject = bool(names & _TO_NAMES), bool(names & _SUBJECT_NAMES)
    if (
        len(fields) < 3
        or not names & _FROM_NAMES
        or not (subject or names & _SENT_NAMES)
        or not (subject or recipient)
    ):
        return False
    # An itinerary and a contact form have such fields too: what a mail client prints has an address in the sender's
    # own line, or a field that only mail has ("Sent") with a time.
    address = any(name in _FROM_NAMES and _ADDRESSED.search(value) for name, value in fields)
    timed = any(name in _SENT_NAMES and _CLOCK.search(value) for name, value in fields)
    by_mail = bool(names & _SENT_BY_MAIL)
    return (address and recipient) or (by_mail and (timed or (recipient and subject)))


def _only_mail_has(read: list[Line], i: int) -> bool:
    """Whether a printed header has a field that only a mail client prints ("Sent")."""
    return any(_field(line.text)[0] in _SENT_BY_MAIL for line in read[i : i + 8])


def _wrapped(read: list[Line], history: list[bool]) -> None:
    """A quoted line that a mailer broke leaves its tail without a mark: one lower-case scrap between two quoted lines."""
    for i in range(1, len(read) - 1):
        if history[i] or not (_QUOTED.match(read[i - 1].text) and _QUOTED.match(read[i + 1].text)):
            continue
        above, text = read[i - 1].text.rstrip(), read[i].text.strip()
        scrap = len(text.split()) > 1 and text[:1].islower() and "," not in text
        if scrap and 65 <= len(above) <= 82 and above[-1] not in ".?!:":
            history[i] = True


def _footers(read: list[Line], history: list[bool]) -> list[bool]:
    """Signatures and list footers: from their delimiter to the next quoted line or the end."""
    footer = [line.signature and not history[i] for i, line in enumerate(read)]
    ends = [len(read)] * (len(read) + 1)
    for i in range(len(read) - 1, -1, -1):
        ends[i] = i if history[i] else ends[i + 1]
    i = 0
    while i < len(read):
        text = read[i].text
        if not history[i] and not footer[i] and text.strip():
            end = ends[i]
            delimited = _DELIMITER.match(text) and (
                (text == "-- " and end - i <= 40) or (i > 0 and _short_lines(read[i + 1 : end]))
            )
            rule = _RULE.match(text) and _list_footer([line.text for line in read[i + 1 : min(i + 14, end)]])
            mobile = _MOBILE.match(text) and len(text) <= 80 and not re.search(r"[.!?]\s+\w|\?", text)
            if delimited or rule:
                footer[i:end] = [True] * (end - i)
            elif mobile:
                footer[i] = True
        i += 1
    return footer


def _short_lines(rest: list[Line]) -> bool:
    """Whether what follows could be a signature without the space that marks one: a few short lines that ask nothing."""
    texts = [line.text.strip() for line in rest[:40] if line.text.strip()]
    return len(texts) <= 8 and len(rest) <= 40 and not any(len(text) > 80 or "?" in text for text in texts)


def _list_footer(below: list[str]) -> bool:
    """Whether the lines below a rule are those that a mailing list adds: its words, with an address or URL beside them."""
    near = [n for n, line in enumerate(below) if _LIST_FOOTER.match(line)]
    return any(re.search(r"https?://|\S@\S", " ".join(below[max(0, n - 1) : n + 4])) for n in near)


def _blanks(read: list[Line], kinds: list[Kind]) -> list[Kind]:
    """Blank lines go with what stands above them, so that a segment is not broken by them."""
    for i, line in enumerate(read):
        if i and not line.text.strip():
            kinds[i] = kinds[i - 1]
    return kinds
