"""Whether a text is written to many to sell or to defraud: by the phrases of the trade, in the whole of it."""

from __future__ import annotations

import re

from mailbot.assistant.asks import pitches

_REMOVAL = re.compile(
    r"\b(?:leave this (?:mailing )?list|(?:be|get|been) (?:removed?|excluded|taken off)|(?:our|this|the|any) (?:mailing |opt[- ]?in )?list\b.{0,60}\b(?:remov|unsub|leave)"
    r"|not (?:wish|want|like) to (?:be|receive|get)|not (?:to )?receiv(?:e|ed|ing)? (?:any )?(?:more|further|future)|further (?:e-?mail|mailing|notice|message)s?"
    r"|opt(?:ed)?[- ]?(?:in|out)|one[- ]time mailing|removal (?:instructions|service|request)|newsletter abbestellen|abmelden|se désabonner|désinscri\w+|darse de baja|cancellarti|descadastrar)\b"
    r"|수신\s?거부|\(광고\)|退订|退訂|配信停止|配信解除",
    re.IGNORECASE,
)
_SELLS = re.compile(
    r"\b(?:mortgage|refinanc\w+|loan programs?|(?:out of|too much|consolidat\w+|eliminate|your) debt|debt consolidation|weight loss|lose (?:up to )?\d+[- ]?\d* ?(?:lbs|pounds|kg|kilos)|slim(?:ming)? (?:down|pill)"
    r"|business opportunity|work (?:from|at) home|home[- ]based business|extra income|residual income|financial(?:ly)? (?:freedom|independen\w+)|get rich|make money|multi[- ]level|mlm"
    r"|guaranteed|100 ?% (?:free|legal|guaranteed)|absolutely free|free of charge|no cost to you|low(?:est)? (?:cost|price|rate)s?|best prices?|discounts?|bargain|cheap(?:est)?|wholesale|bulk e-?mail"
    r"|life insurance|insurance (?:quote|polic)\w*|credit card debt|(?:you(?:'| a)re|you have been|pre-?)[- ]?approved|approved amount|cash (?:bonus|prize)|lottery|jackpot|sweepstakes"
    r"|cigarettes?|smokes|tobacco|viagra|cialis|pharmac\w+|herbal|enlarge\w*|casino|poker|gambling|singles|dating|adult (?:site|content|photos?)|webcam|xxx|hot (?:girls|teens)"
    r"|sign up (?:is )?free|join (?:now|free|today)|members? (?:only|area)|toll[- ]free|1-?8(?:00|66|77|88)[- ]\d{3}|satisfaction|testimonials?|limited (?:offer|supply)|while supplies last|order form"
    r"|don'?t miss (?:out|this)|amazing (?:business|offer|product|opportunity|new)|miracle|secrets? (?:of|to)|as seen on|what are you waiting for|call (?:us )?(?:now|today)|why pay more|pay too much"
    r"|leading (?:provider|supplier|manufacturer)|consulting services|our (?:products? and services|expertise)|(?:web ?site|seo) (?:design|ranking|traffic)|search engine|increase your (?:sales|traffic|revenue)"
    r"|companies like yours|book(?:s|ed|ing)? (?:\d+ ?% )?more (?:meetings|demos|calls)|quick call (?:this|next) week|book a demo|schedule a demo|boost your|grow your business|our clients include|case stud(?:y|ies)|reaching out because|came across your (?:profile|website|company))\b",
    re.IGNORECASE,
)
_FRAUD = re.compile(
    r"\b(?:next[- ]of[- ]kin|beneficiar(?:y|ies)|late (?:president|husband|father|general|head of state|client|engineer|mr|dr)|widow|(?:transfer|remit\w*|move|release|claim) (?:of )?(?:the |this |these |out )?(?:said )?(?:fund|money|sum|amount)s?"
    r"|foreign (?:account|partner|contract|bank|beneficiary)|ministry of finance|central bank|federal (?:government|ministry)|security company|consignment|over-?invoiced?|contract (?:payment|sum)"
    r"|utmost (?:confiden\w+|secre\w+)|strict(?:ly|est)? confiden\w+|mutual(?:ly)? benefi\w+|modalit(?:y|ies)|assist(?:ance)? (?:us |me )?in (?:receiving|transferring)|(?:us\$|usd|\$|dollars?)[\d ,.]{0,24}(?:million|m\b)"
    r"|million (?:united states |u\.?s\.? )?dollars|bank account (?:number|details|particulars)|dear (?:friend|beloved|sir/madam|sir or madam|good friend)|complements? of the season|nigeria|lagos|abuja|sierra leone|ivory coast|abidjan"
    r"|inheritance|dormant account|business proposal|proposition|percent of the|% of the (?:total|money|sum|fund))\b",
    re.IGNORECASE,
)


def is_solicitation(subject: str, text: str, *, known: bool = False) -> bool:
    """Whether a mail reads like advertising or fraud: a way off a list that one never joined, or several different phrases
    of selling, or of advance fees; fewer suffice where its author is not `known`. `text` is what its author wrote; the first
    20,000 characters are looked at."""
    text = f"{subject}\n{text[:20_000]}"
    if _REMOVAL.search(text):
        return True
    selling = {m[0].casefold() for m in _SELLS.finditer(text)} | pitches(text)
    fraud = {m[0].casefold() for m in _FRAUD.finditer(text)}
    if len(selling) >= 2 or len(fraud) >= 3 or (selling and _shouts(subject, text)):
        return True
    return not known and (bool(selling) or len(fraud) >= 2)


def _shouts(subject: str, text: str) -> bool:
    """Capitals and exclamation marks beyond any conversation."""
    letters = [c for c in text if c.isalpha()]
    capitals = sum(c.isupper() for c in letters) / len(letters) if letters else 0.0
    return capitals > 0.4 or text.count("!") >= 4 or bool(re.search(r"!{2,}|\${1,}\d|\?{3,}", subject))
