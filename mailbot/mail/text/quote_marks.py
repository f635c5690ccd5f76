"""What mail clients mark history, forwards and signatures with, in the languages they speak: the words that `reply` looks
for. Data, in the form of regular expressions; how they are used stands there."""

from __future__ import annotations

import re

QUOTED = re.compile(r"^[ \t]{0,3}>")
INITIALS = re.compile(r"^[ \t]{0,8}([A-Z][A-Za-z]{0,2})>")
WROTE = (
    r"wrote|writes|écrit|ecrit|escreveu|escribi[óo]|ha scritto|scrisse|schrieb|schreef|geschreven|skrev|kirjoitti"
    r"|napisał(?:\(a\))?|napisała|pisze|пишет|написал(?:\(а\))?|написала|писал(?:\(а\))?|писав|написав|napsal(?:\(a\))?|napísal"
    r"|yazdı|şunu yazdı|a scris|írta|έγραψε|skrifaði|va escriure|je napisao|napisao|пише|написа|viết|menulis|kirjutas|rašė|raksta"
)
WROTE_END = re.compile(
    rf"(?:\b(?:{WROTE})\b|さんは書きました|のメール|が書き込みました|写道|寫道|님이 작성|작성|כתב|كتب)[^\w\n]{{0,40}}[:：]\s*$",
    re.IGNORECASE,
)
SAID = re.compile(
    r"\b(?:said|says|mentioned|stated|replied|asked|spake|opined|remarked|uttered|typed|sagte|meinte|a dit|dijo)\W*[:：]$",
    re.I,
)
"""Attributions too weak to count without a quoted line right below."""
SCHRIEB_MIDDLE = re.compile(
    rf"^\W*(?:(?:On|Am|Le|El|Il|Op|Em|Den|Dne|W dniu|Dnia|W|På|Pe|Ons|Tue|Mon|Wed|Thu|Fri|Sat|Sun|\w{{2,3}}[.,]|\d).{{0,200}})"
    rf"\b(?:{WROTE})\b.{{0,160}}[:：]\s*$",
    re.IGNORECASE | re.DOTALL,
)
OTHER_ATTRIBUTION = re.compile(
    r"^\W*(?:"
    rf"[^<>]{{1,80}}<[^<>\s]+@[^<>\s]+>\s*(?:ezt\s)?(?:{WROTE})\b.{{4,80}}\d.{{0,20}}[:：]"
    r"|Am\s.{6,80}\bhat\s.{2,120}\bgeschrieben\s*[:：]"
    r"|\d{1,2}:\d\d(?:\s?[AaPp]\.?[Mm]\.?)?,?\s+[^\W\d]{3,12}\s\d{1,2},?\s\d{4}.{0,120}<[^<>\s]+@[^<>\s]+>\s*[:：]"
    r"|בתאריך\s.{6,160}<[^<>\s]+@[^<>\s]+>\s*[:：]"
    r"|[^\n<>]{1,60}<[^<>\s]+@[^<>\s]+>\s+hat am\s.{6,40}\bgeschrieben\s*[:：]"  # Open-Xchange
    r"|[^\n<>:]{1,60}\b(?:schrieb am|wrote on|a écrit le|ha scritto il|escribió el|schreef op|skrev den|kirjoitti)\s\d{1,2}[./]\d{1,2}[./]\d{2,4}\s.{0,20}\d{1,2}[:.]\d\d.{0,6}[:：]"
    r"|-{2,}\s*(?:On|Am|Le|El|Il|Op|Em|Den)\s.{6,200}\b(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev)\s*-{2,}"  # Zoho
    r"|-{3,}\s*\"?[^\"\n]{1,80}\"?\s<[^<>\s]+@[^<>\s]+>\s(?:wrote|schrieb|a écrit)\s?[:：]\s*-{3,}"  # Notes
    r"|>>>\s[^\n<>]{1,60}<[^<>\s]+@[^<>\s]+>\s\d{1,2}[./]\d{1,2}[./]\d{2,4}\s\d{1,2}:\d\d.{0,6}>>>"  # GroupWise
    r"|(?:Zitat von|Citando a|Quoting|Citazione da|Citaat van|Citando)\s.{3,120}[:：]"  # Horde
    r"|\d{2,4}\.\s?\d{1,2}\.\s?\d{1,2}\.?\s.{0,8}\d{1,2}:\d\d에\s.{1,60}(?:이\(가\)|님이)\s쓴 글\s*[:：]"
    r"|Wiadomość napisana przez .{4,160}\d.{0,30}[:：]|"
    # No word for writing: what stands there begins with a date, after a weekday at most, or with a name and an address.
    r"(?:[^\W\d]{1,12}[.,]{0,2}\s+(?:den\s+)?){0,2}\d{1,4}(?:[./年-]\s?\d|\.?\s+[^\W\d]{2,}).{0,200}<[^<>\s]+@[^<>\s]+\s*>\s*[:：]"
    r"|-*\s*On\s(?=.*(?<![\d.])\d{1,2}[:.]\d\d).{6,220}<[^<>\s]+@[^<>\s]+>\s*wrote\W*"
    r"|\d{4}年\d{1,2}月\d{1,2}日\s*(?:[(（].{1,4}[)）]|[周週星曜]\S{1,2})?[\s,，]*(?:上午|下午|午前|午後|晚上)?\s*\d{1,2}\s*[:：時时点點].{0,120}(?:[:：]|>)"
    r"|\d{4}年\d{1,2}月\d{1,2}日.{0,80}<[^<>\s]+@[^<>\s]+>.{0,12}[:：]?"
    r"|\d{4}[./-]\d{1,2}[./-]\d{1,2}.{0,80}<[^<>\s]+@[^<>\s]+>\s*[:：]?"
    r"|(?:On|Am|Le|El|Il|Op|Em|Den)\s(?:[^\W\d]{2,12}[.,]{0,2}\s+){0,3}\d{1,4}\b(?![:.]\d\d\b(?!\.)).{0,150}<[^<>\s]+@[^<>\s]+>\s*[:：]"
    r"|\d{1,2}[./]\d{1,2}[./]\d{2,4},?[\s\d:.]{0,12}(?:[AaPp][Mm]|г\.)?,?\s*\b(?:пользователь|от|from|von|de|da)\b.{0,120}[:：]"
    r"|[^\n]{1,60}<[^<>\s]+@[^<>\s]+>\s*(?:,\s*)?\d{1,2}[ ./-].{4,60}[:：]"
    r"|>?-*\s*(?:In message|In article)\s.{5,120}[:：]"
    r")\s*$",
    re.IGNORECASE | re.DOTALL,
)
STARTS = re.compile(
    r"^\W{0,3}(?:(?:On|Am|Le|El|Il|Op|Em|Den|Dne|W dniu|Dnia|På|Pe|Vào|V|A|Tarihinde|In)\s.*\d|\d|\w{2,12}[.,]{0,2}\s*(?:den |le |klo )?\d)",
    re.IGNORECASE,
)
DATED = re.compile(r"\d{1,4}[./:-]\d|\b(?:19|20)\d\d\b|@|\d年")
SEPARATOR_WORDS = (
    r"original message|mail original|original appointment|reply message|reply above this line|forwarded message|begin forwarded message"
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
SEPARATOR = re.compile(
    rf"^[ \t]*(?:>\s*)*(?:[-_=*~+#]{{2,}}\s*(?:{SEPARATOR_WORDS})\s*[:：]?\s*[-_=*~+#]*|(?:{SEPARATOR_WORDS})\s*[:：])\s*$",
    re.IGNORECASE,
)
FORWARD = re.compile(
    r"forward|weitergeleitet|transf[ée]r|transmis|réexp|reenviad|inoltrat|encaminhad|reencaminhad|doorgestuurd|przekaz|"
    r"пересыл|переслан|перенаправ|переадрес|vidarebefordr|videresend|välitetty|přeposlan|転送|转发|轉寄|전달|FWD?:",
    re.IGNORECASE,
)
FROM = r"from|von|de|da|van|från|fra|lähettäjä|od|от|от кого|nadawca|feladó|差出人|发件人|寄件者|寄件人|보낸 사람|보낸사람|kimden|od koho|expéditeur|remitente|mittente|afzender|absender|message du"
SENT = (
    r"sent|date|gesendet|datum|date d['’]envoi|envoyé|envoyé le|enviado|enviado el|enviada|fecha|data|inviato|verzonden|skickat|sendt"
    r"|dato|lähetetty|päiväys|wysłano|дата|отправлено|送信日時|日付|日時|发送时间|日期|寄件日期|보낸 날짜|날짜|odesláno|elküldve|gönderildi|tarih|enviado em|enviada em|data de envio|wysłane|sent at|message du"
)
SENT_BY_MAIL = frozenset(
    ("sent", "gesendet", "envoyé", "envoyé le", "enviado", "enviado el", "enviada", "inviato", "verzonden", "skickat", "sendt",
     "lähetetty", "wysłano", "отправлено", "送信日時", "发送时间", "보낸 날짜", "odesláno", "elküldve", "gönderildi", "enviado em", "enviada em")
)  # fmt: skip
"""Names of the date field that only a mail client writes: an itinerary has From, To and Date as well."""
TO = (
    r"to|an|à|a|para|aan|till|til|vastaanottaja|do|кому|宛先|收件人|받는 사람|받는사람|komu|címzett|kime|pour|destinatario|adresat"
    r"|cc|copie à|copie|kopie|kopia|kopi|копия|抄送|副本|参照|참조|responder a|reply-to|antwort an|répondre à"
)
TO_NAMES = frozenset(TO.split("|"))
SUBJECT = r"subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|aihe|temat|тема|件名|主题|主旨|제목|předmět|tárgy|konu|sujet"
FROM_NAMES, SENT_NAMES, SUBJECT_NAMES = (
    frozenset(words.replace("['’]", "'").split("|")) for words in (FROM, SENT, SUBJECT)
)
ADDRESSED = re.compile(r"<[^<>\s]*@[^<>\s]*>|\[mailto:|^\s*\"?[^\s\"<>()]+@[^\s<>()]+\"?\s*$")
CLOCK = re.compile(r"\d{1,2}\W{0,2}[:.]\W{0,2}\d\d")
FIELD = re.compile(rf"^\W{{0,6}}(?P<name>{FROM}|{SENT}|{TO}|{SUBJECT})\s*[*_]*\s*[:：][*_]*", re.IGNORECASE)
SUBJECT_FIELD = re.compile(rf"(?:^|\s)\W{{0,6}}(?:{SUBJECT})\s*[*_]*\s*[:：]", re.IGNORECASE)
DEVICE = (
    r"iphone|ipad|ipod|android|galaxy|samsung|huawei|xiaomi|redmi|oppo|oneplus|pixel|blackberry|nokia|motorola|sony|htc|wiko|\blg\b|windows|outlook|yahoo"
    r"|gmail|proton|\baol\b|gmx|web\.de|k-9|fairemail|spark|\bnine\b|mymail|smartphone|\bmac\b|手机|手機|sparrow|airmail|mailbird|thunderbird|superhuman|mailbox"
)
_OWNED = (
    r"(?:my|mein\w*|mon|ma|mi|mio|mia|mijn|min|mitt|meu|minha|moj\w+|моего|моей)"
    r"\s+(?:\S+\s+){0,3}?(?:mail|handy|\w*mobil\w*|phone|cell|tablet|telefon\w*|teléfono|téléphone|móvil|cellulare|telefoon|celular|puhelimes\w*|device|desk|ti-\d+|телефон\w*)\b"
)
MOBILE = re.compile(
    r"^\W{0,4}(?:sent (?:from|via|using|with|by) |von meinem .{2,40} gesendet|gesendet (?:von|mit|über) |diese nachricht wurde von"
    r"|envoyé (?:de|depuis|à partir) |enviado (?:desde|do|de|pelo|com) |inviato da|verzonden (?:vanaf|vanuit|met|via) "
    r"|verstuurd vanaf|skickat från|sendt fra|lähetetty |wysłan[eo] z |отправлено (?:с|из) |从我的|從我的|發自|发自)"
    rf"(?:.{{0,40}}(?:{DEVICE})|{_OWNED}|(?:mobile|phone|galaxy|puhelimesta)(?: device)?\W*$)|^\W{{0,4}}von meinem .{{0,30}}(?:{DEVICE}|handy|mobil\w*|telefon|tablet).{{0,20}} gesendet\W*$|^\W{{0,4}}(?:get outlook for|télécharger outlook|obtenez outlook|outlook (?:für|para|pour|voor) )|^\W{{0,4}}(?:iphone|ipad|android)から送信|^나의 iphone에서|^내 iphone에서",
    re.IGNORECASE,
)
DELIMITER = re.compile(r"^\s{0,1}(?:-- ?|—|--\s*)$")
LIST_FOOTER = re.compile(
    r"^\W*(?:.{0,60}mailing list\W*$|to unsubscribe\b|unsubscribe\b|you received this message because|list-unsubscribe"
    r"|https?://\S+/(?:listinfo|mailman)\S*|this e-?mail is (?:sponsored|brought)|this sf\.?net email is)",
    re.IGNORECASE,
)
RULE = re.compile(r"^\s*[_=~*-]{4,}\s*>?\s*$")
