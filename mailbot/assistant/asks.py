"""What a text asks of its reader: questions and requests, found without a model.

Rules of language, not of any data set: a sentence asks where it is a question to the reader, a polite or plain
request, or states a need that only the reader can fill. The pitches of advertising ("click", "act now") are no asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailbot.vault.verdict import Ask, AskKind

MAX_ASKS = 12


_ABBREVIATION = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|z\.B|bzw|ca|Nr|No|approx|Inc|Ltd|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec|p\.s)\.$",
    re.IGNORECASE,
)
_BREAK = re.compile(r"(?<=[.!?。！？…])[\"'”’)\]]*\s+|(?<=[。！？])|\n\s*\n")
_BULLET = re.compile(r"^[ \t>]*(?:[-*•·]+|\(?\d{1,2}[.)]|[a-z]\))[ \t]+", re.MULTILINE)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, each on one line; list items and paragraphs end one too."""
    pending = ""
    for piece in _BREAK.split(_BULLET.sub("\n\n", text)):
        line = re.sub(r"\s+", " ", piece).strip()
        if not line:
            continue
        pending = f"{pending} {line}".strip()
        if _ABBREVIATION.search(pending):
            continue
        yield pending
        pending = ""
    if pending:
        yield pending


def asks(text: str) -> list[Ask]:
    """The questions and requests of an unquoted text, in order, each once."""
    found: dict[str, Ask] = {}
    for sentence in sentences(text):
        if kind := _kind(sentence):
            found.setdefault(sentence.casefold(), Ask(kind, sentence))
    return list(found.values())[:MAX_ASKS]


def _kind(sentence: str) -> AskKind | None:
    words = re.findall(r"[^\W_]+(?:['’][^\W_]+)?", sentence)
    if not words or len(sentence) > 1200:
        return None
    if _PITCH.search(sentence) or _COURTESY.match(sentence):
        return None
    if re.search(r"[?？؟;]\W*$" if _GREEK.search(sentence) else r"[?？؟]\W*$", sentence) or re.search(
        r"[?？]\s", sentence
    ):
        if _RHETORICAL.match(sentence):
            return None
        return "request" if _MODAL.match(_LEAD.sub("", sentence)) else "question"
    if _QUESTION_START.match(sentence) or _JAPANESE_QUESTION.search(sentence):
        return "question"
    if _REQUEST.search(sentence) or _OTHER_LANGUAGES.search(sentence):
        return "request"
    start = _LEAD.sub("", sentence)
    if _IMPERATIVE.match(start):
        return "request"
    return None


def pitches(text: str) -> set[str]:
    """The different phrases of advertising in a text."""
    return {m[0].casefold() for m in _PITCH.finditer(text)}


_GREEK = re.compile("[\u0370-\u03ff]")

# --- English -------------------------------------------------------------------------------------------------------

_LEAD = re.compile(
    r"^(?:(?:hi|hello|hey|dear)\b[^,:]{0,30}[,:]\s*|(?:and|but|so|also|then|ok|okay|well|now|again|first|second|next|finally|lastly|yes|no|thanks|thank you"
    r"|in the meantime|in addition|when you (?:get|have)[^,]{0,30}|if (?:you|so|not|possible|this|that|it|there)[^,]{0,80}|once [^,]{0,60}"
    r"|as (?:soon as|discussed|mentioned)[^,]{0,50}|before [^,]{0,40}|after [^,]{0,40}|otherwise|therefore|for now|[A-Z][a-z]+)\b[,:;\-– ]*\s*)+",
)
_VERBS = (
    r"send|forward|call|e-?mail|ring|phone|text|reply|respond|answer|advise|confirm|check|review|read|look|see|find|prepare|draft|write|rewrite|revise|edit|fix|correct|update"
    r"|provide|supply|submit|complete|fill|sign|return|bring|take|pick|drop|print|copy|attach|upload|add|include|remove|delete|change|move|put|set|schedule|reschedule"
    r"|arrange|organi[sz]e|plan|book|reserve|coordinate|follow|ensure|make|let|tell|ask|inform|notify|remind|remember|note|keep|hold|wait|meet|join|come|go|work|discuss|talk|speak"
    r"|contact|get|give|show|explain|describe|clarify|consider|think|try|test|verify|validate|compare|research|investigate|identify|list|pay|process|approve|reject|sort|finish|start|begin|stop"
    r"|do|don't|do not|be|have|help|share|use|refer|pass|mark|block|save|assign|handle|cancel|create|run|pull|track|touch|circle|distribute|publish|post|present|report|collect|gather|deliver|ship|leave"
)
_IMPERATIVE = re.compile(
    rf"^(?:please|pls|plz|kindly|just|also|then|always|never)?\s*(?:{_VERBS})\b(?!\s*(?:is|was|are|were|has|will|would|of)\b|['’]s\b|\s*[-/:=])",
    re.IGNORECASE,
)
_MEETING = (
    r"\b(?:we|you and i|let[’']?s|i|perhaps|maybe)(?:'ll| can| could| will| shall| should| might| need to| have to| must| ought to)?(?: all| both| then| also)? (?:meet\b|discuss|talk about|get together|catch up"
    r"|go (?:over|through|out)\b|sit down|have (?:a )?(?:dinner|lunch|coffee|breakfast|drinks?|call|chat|meeting|few drinks|beer)|grab (?:a )?(?:dinner|lunch|coffee|drink|beer))"
    r"|\b(?:give|drop) (?:me |us |him |her |them )?a (?:call|ring|shout|line|buzz|note)\b|\b(?:call|word|note|line|answer|decision|feedback) from you\b"
    r"|\b(?:i|we)(?:'ll| will) (?:call|ring|phone|contact|meet|see) you (?:on|at|tomorrow|tonight|next|this|in the|around|after|before|then|there)\b"
    r"|\b(?:time|free|available|around|chance|opportunity) (?:for|to) (?:a |an |some |quick |short |brief )*(?:meet|call|chat|discuss|talk|lunch|dinner|coffee|visit|drink)"
    r"|\b(?:set|setting) up (?:a |an |some |another )?(?:meeting|call|time|conference|appointment|interview|lunch|visit)|\bfor you to (?:review|discuss|sign|approve|complete|look|see|read|decide|consider|comment)\b"
)
"""A proposal to meet or to talk waits for a yes."""
_REQUEST = re.compile(
    r"(?<!\bto )(?<!\bwill )\b(?:please|pls|plz|kindly)\b(?!\s*(?:note that this|do not reply|don't reply|be advised|find (?:attached|below|enclosed)|see (?:attached|below)|accept (?:my|our)|disregard|ignore))"
    r"|\b(?:can|could|would|will|may|might) (?:you|u|someone|somebody|anyone|we|i)\b(?! (?:believe|not))"
    r"|\bif you (?:can|could|would|are able|have (?:time|a minute|a chance)|don't mind|get a chance)\b"
    r"|\blet(?: me|'s| us)(?: please)? (?:know|have|see|discuss|talk|meet|set|schedule|plan|get|try|touch|do|make)\b"
    r"|\b(?:i|we)(?:'d| would| should)? (?:really |also |just |still |urgently )?(?:need|want|like|love|appreciate|prefer|require|ask|request|expect|suggest|propose|invite|urge|encourage)(?: (?:that|to have|for))? (?:you|your|u|everyone|all of you)\b"
    r"|\b(?:i|we)(?:'d| would) (?:really |also |just |greatly |much )?(?:appreciate|be grateful|be interested|(?:like|love|prefer)(?! to (?:see|start|work|share|get|have|be|think|thank|say|congratulate|welcome|add|point)\b(?!.{0,40}\byour?\b)))\b"
    r"|\b(?:i|we)(?: just| only)? want(?:ed)? to (?:know|ask|check|see if|see whether|hear|discuss|talk|meet|schedule|set up)\b"
    r"|\b(?:would be|be) (?:great|good|nice|helpful|wonderful|ideal|perfect|appreciated|grateful|useful|best)\b.{0,12}\bif\b"
    r"|\b(?:your|any) (?:thoughts?|feedback|comments?|input|approval|opinion|advice|response|reply|confirmation|assistance|help|suggestions?|views?|sign-?off|decision|ok|okay|guidance|availability)\b(?=.{0,50}(?:\?|appreciat|welcome|need|would|by |asap|before|on (?:this|the)|$))"
    r"|\b(?:i|we) (?:still |will |also |do |really )?need (?:to (?:know|hear|have|get|see|receive|discuss|meet|talk)|an? |the |some |this |that |these |it |your |by )"
    r"|\b(?:you (?:need|have|ought) to|you (?:should|must|will want to|may want to|might want to))\b(?! (?:have (?:received|been|got)|receive|see|be able))"
    r"|\b(?:was|am|were|are) (?:just |also )?(?:wondering|curious|hoping|looking for|asking|trying to (?:find|figure|get|understand)) "
    r"|\b(?:wonder(?:ing)? (?:if|whether|what|when|how|why))\b|\b(?:not|n't) sure (?:if|whether|what|how|when|where|which|who)\b"
    r"|\b(?:get back to|reply to|respond to|call|e-?mail|write to|contact|text|send|tell|give|show|remind|bring|ask|help|meet|join|forward|copy|keep) (?:me|us)\b(?!.{0,20}\bto unsubscribe)"
    r"|\b(?:asap|a\.s\.a\.p|rsvp|at your earliest convenience|as soon as (?:you can|possible)|look(?:ing)? forward to (?:your|hearing|receiving))\b"
    rf"|{_MEETING}"
    r"|\b(?:make|be) sure (?:to|that|you|we|it|the|all)\b|\b(?:don't|do not) (?:forget|hesitate to (?:let|tell|send|ask)|send|call|use|let|worry about .{0,20}until)\b"
    r"|\b(?:remember|try|feel free) to (?!unsub)(?:send|bring|call|ask|add|include|check|forward|change|edit|make|let|share|sign)\b"
    r"|\b(?:need|want|like|ask|expect|require)s? (?:you|everyone|someone|all|each of you)\b.{0,12}\bto\b"
    r"|\b(?:is|are) (?:there|it) (?:any|a|possible|ok|okay|some)\b.{3,}|\bany (?:idea|chance|news|update|word|progress|luck|interest|objections?|ideas|updates|questions for)\b",
    re.IGNORECASE,
)
_MODAL = re.compile(r"^(?:could|can|would|will) (?:you|u)\b(?! (?:tell|say|explain|believe))", re.IGNORECASE)
"""Asks for an act in the form of a question."""
_QUESTION_START = re.compile(
    r"^(?:(?:and|but|so|also|ok|hi|hey|hello|ps|p\.s\.)[,\s:]+)*(?:who|what|when|where|why|which|whose|how)(?:'s|'d|'re)? (?:is|are|was|were|do|does|did|can|could|should|would|will|about|come|much|many|long|soon|far|often|time|day|date|have|has)\b.{0,120}$"
    r"|^(?:do|does|did|have|has|are|is|will|would|could|can|should|shall|may|any)(?:n't)? (?:you|we|i|they|he|she|it|there|this|that|anyone|someone|the|your)\b",
    re.IGNORECASE,
)
_RHETORICAL = re.compile(
    r"^\W*(?:(?:really|right|ok|okay|yes|no|huh|eh|what|so|who knows|who cares|why not|guess what|you know what|how are you(?: doing)?(?: today)?|how('s| is) it going|how have you been|what's up|sound(?:s)? familiar"
    r"|remember me|can you believe (?:it|that))\W*\?"
    r"|(?:want|need|tired of|looking (?:for|to)|ready (?:to|for)|interested in|would you like (?:to|a|more)|do you (?:want|need|have) (?:to|more|a)|are you (?:tired|sick|ready|looking|paying|in debt|still paying|over|interested)"
    r"|have you ever|did you know|having trouble (?:viewing|reading)|can'?t (?:see|read|view) this|trouble viewing|no longer (?:want|wish)|don'?t (?:want|wish) to receive)\b.{0,160}\?)\W*$",
    re.IGNORECASE,
)
_PITCH = re.compile(
    r"\b(?:click (?:here|below|above|on|the|this|to)|unsubscribe|opt[- ]?out|act now|order (?:now|today)|shop now|buy now|sign up (?:now|today|here|for (?:free|our))|subscribe|limited time|special offer|free (?:trial|shipping|gift|quote)|risk[- ]free"
    r"|money[- ]back|% off|save (?:up to|over|\$|\d)|earn (?:up to|\$|money)|no obligation|call (?:now|today|toll)|visit (?:us|our|the (?:web ?site|link))|to be removed|remove (?:me|yourself)|removed from|stop receiving|receive (?:no )?(?:further|future|these)"
    r"|this (?:message|e-?mail|mail|transmission|communication) (?:is|was|may|has|contains|and any)|intended recipient|do not reply|privacy policy|all rights reserved|view (?:this|it|the) (?:e-?mail|message|newsletter|online|in (?:a|your))|read more|learn more|find out (?:more|how)|download (?:now|your|the|it)"
    r"|add us to your|forward (?:this )?to a friend|terms (?:and|&) conditions|manage your|update your (?:preferences|profile|subscription|e-?mail)|verify your (?:account|identity|e-?mail)|confirm your (?:account|subscription|e-?mail|registration)|you (?:have|'ve) (?:won|been selected)|viagra|casino|mortgage rates?|lowest (?:price|rate)s?)\b",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"^\W*(?:(?:(?:do|have) you (?:have |got )?|got |have )?(?:any |an? |more |further |other )*questions?\W*$|will do\W*$|(?:just |simply )?reply(?: to this (?:e-?mail|message|mail))?\W*$"
    r"|to (?:ensure|make sure|guarantee)\b.{0,80}\b(?:deliver|inbox|e-?mails?|receive)|(?:if|should) you.{0,60}\b(?:stop|discontinue|no longer|taken off|be removed|not wish|any more (?:messages|mail))|(?:please|kindly) (?:find|see|note|be advised|accept|disregard|ignore|do not reply|excuse|consider the environment)\b(?!.{0,60}\band (?:let|send|confirm|sign|return|advise|comment))|"
    r"(?:please )?(?:let me know|feel free|don'?t hesitate|do not hesitate|contact (?:me|us)|call (?:me|us))\b.{0,60}\b(?:any|further|additional|more) (?:questions?|queries|concerns?|problems?|information)\b|if you have any (?:further |other )?(?:questions?|queries|concerns?)\b"
    r"|see (?:you|attached|below|above)\b|thank(?:s| you)\b(?!.{0,40}\b(?:if|advance)\b)|have a (?:good|great|nice|lovely|wonderful)|take care\b|keep (?:up the good|in touch)|looking forward to (?:it|seeing you)\W*$)",
    re.IGNORECASE,
)

# --- other languages -----------------------------------------------------------------------------------------------

_OTHER_LANGUAGES = re.compile(
    r"\b(?:bitte(?! sehr)|könn(?:t|te|ten|test|tet)(?:e|en)? (?:sie|du|ihr|wir)|kannst du|können sie|würde(?:n|st|t) (?:sie|du|ihr)|gib(?:t)? (?:mir|uns)|(?:sag|lass|schick|melde)(?:en sie)? (?:mir|uns|dich|bescheid)|bräuchte|ich brauche|wir brauchen|um rückmeldung|bescheid)\b"
    r"|\b(?:s['’]il (?:vous|te) plaît|svp|merci de (?:me|nous|bien|votre|confirmer|répondre|envoyer)|pourr(?:iez|ais|ions)[- ](?:vous|tu|nous)|pouvez[- ]vous|peux[- ]tu|veuillez|j['’]aurais besoin|j['’]ai besoin|nous avons besoin|dites[- ]moi|tenez[- ]moi|faites[- ]moi savoir)\b"
    r"|\b(?:por favor|podr[íi]as?|puedes?|pueden|me gustaría|necesito|necesitamos|quisiera|hága(?:me|nos)|agradecer[íi]a|d[íi]game|env[íi]e(?:me|nos|n)?|av[íi]same|confirm(?:a|e|en)me)\b"
    r"|\b(?:per favore|per cortesia|potr(?:esti|ebbe|este)|puoi|può|potete|avrei bisogno|ho bisogno|fammi sapere|mi faccia sapere|vorrei|attendo (?:un|una|tua|sua|vostra)|si prega di)\b"
    r"|\b(?:por gentileza|poderia|você pode|pode me|preciso|precisamos|gostaria|me avise|aguardo|favor (?:enviar|confirmar|responder))\b"
    r"|\b(?:alstublieft|alsjeblieft|graag(?! gedaan)|kunt u|kun je|zou (?:je|u|jij)|wilt u|wil je|laat (?:me|het|mij) (?:even )?weten|ik heb .{0,20} nodig)\b"
    r"|\b(?:proszę|prosimy|czy (?:może|mógłby|mogłaby|możesz|mogę)|potrzebuję|daj znać|kan du|kunne du|vill du|skulle du|vær så snill|venligst|snälla|vänligen|voisitko|voitko|voisitteko|ystävällisesti)\b"
    r"|(?:пожалуйста|не могли бы|могли бы|можете ли|прошу|просим|нужно|сообщите|пришлите|подскажите|дайте знать)"
    r"|(?:お願い(?:し|いた|申)|ください|下さい|いただけ|頂け|教えて|ご確認|ご連絡|ご返信|请|請|麻烦|麻煩|能否|可否|是否可以|告诉我|부탁|주세요|주십시오|바랍니다|알려\s?주)",
    re.IGNORECASE,
)
_JAPANESE_QUESTION = re.compile(
    r"(?:ですか|ますか|でしょうか|ませんか|吗|嗎|呢|까요|습니까|나요)[。.!！]?\s*$"
)
