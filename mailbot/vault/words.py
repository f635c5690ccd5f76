"""Text -> the words that a search compares."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_CJK_CHARACTER = re.compile(f"([{_CJK}])")
_WORD = re.compile(f"[{_CJK}]+|[^\\W_{_CJK}]+(?:['’][^\\W_{_CJK}]+)?")

# The commonest words of each language, those that stand in any question whatever it is about.
STOP_WORDS: dict[str, frozenset[str]] = {
    "en": frozenset(
        "a about after again all also am an and any are as at be because been before being both but by can could did do does doing down"
        " during each few for from further had has have having he her here hers him his how i if in into is it its itself just let me"
        " might more most must my no nor not now of off on once only or other our ours out over own please re same shall she should so"
        " some such than that the their them then there these they this those through to too under until up us very was we were what"
        " when where which while who whom why will with would you your yours d ll m s t ve don doesn didn isn aren wasn weren won can't"
        " couldn hasn haven shouldn wouldn hi hello dear thanks thank regards best".split()
    ),
    "de": frozenset(
        "aber alle als also am an auch auf aus bei bin bis bist da damit dann das dass dein dem den denn der des dich die dies diese dieser"
        " dir doch dort du durch ein eine einem einen einer eines er es euch euer für hab habe haben hat hatte hier hin ich ihm ihn ihnen"
        " ihr ihre im in ist ja jede kann kein können man mein mich mir mit nach nicht noch nun nur ob oder ohne sehr sein seine sich sie"
        " sind so soll sollen über um und uns unser unter vom von vor war waren was weil welche wenn wer werden wie wieder will wir wird wo"
        " würde zu zum zur bitte danke hallo liebe lieber grüße gruß".split()
    ),
    "fr": frozenset(
        "à ai as au aux avec avez avons bien bonjour c ça car ce cela ces cet cette comme d dans de des dont du elle en es est et être eu"
        " fait il ils j je l la le les leur leurs lui m ma mais me mes moi mon n ne nos notre nous on ont ou où par pas plus pour qu que"
        " quel quelle qui quoi s sa sans se ses si son sont sur ta te tes toi ton tu un une vos votre vous y était merci cordialement".split()
    ),
    "es": frozenset(
        "a al algo ante antes como con contra cual cuál cuando de del desde donde dónde dos el él ella ellos en entre era es esa ese eso esta"
        " está estaba estamos están este esto fue ha han has hasta hay he hola la las le les lo los más me mi mis muy nada ni no nos nosotros"
        " o os otra otro para pero por porque que qué quien se sea ser si sí sin sobre son su sus también te tiene tu tus un una uno unos"
        " usted y ya yo gracias saludos".split()
    ),
    "it": frozenset(
        "a ad ai al alla alle anche c che chi ci ciao come con cosa cui da dal dalla dei del della delle di dove e è ed era gli ha hai hanno"
        " ho i il in io l la le lei lo loro lui ma mi mia mio ne nei nel nella no noi non nostro o per perché più quale quando quello questa"
        " questo se sei si sia sono su sua sul sulla suo te ti tra tu un una uno vi voi grazie saluti".split()
    ),
    "pt": frozenset(
        "a ao aos as às até com como da das de dele dela do dos e é ela ele eles em entre era essa esse esta este eu foi há isso isto já la"
        " lhe mais mas me mesmo meu minha muito na não nas nem no nos nós o os ou para pela pelo por qual quando que quem se sem ser seu sua"
        " são só também te tem um uma você vocês obrigado obrigada olá".split()
    ),
    "nl": frozenset(
        "aan al als bij dan dat de deze die dit doen door dus een en er ge geen had heb hebben heeft het hier hij hoe hun ik in is ja je jij"
        " kan kunnen maar me men met mij mijn naar niet nog nu of om onder ons ook op over te tegen toen tot u uit uw van veel voor waar was"
        " wat we weer wel werd wie wij wil worden zal ze zelf zich zij zijn zo zonder zou bedankt groeten hallo".split()
    ),
}  # fmt: skip


def fold(text: str) -> str:
    """What the index holds: characters of scripts without spaces set apart, so that each is a word of its own."""
    return text if text.isascii() else _CJK_CHARACTER.sub(r" \1 ", unicodedata.normalize("NFC", text))


def language(text: str) -> str:
    """The language whose stop words `text` uses most, as an ISO 639-1 code; English in doubt."""
    tokens = [t.casefold() for t in re.findall(r"[^\W\d_]+", text)]
    counts = {code: sum(t in words for t in tokens) for code, words in STOP_WORDS.items()}
    best = max(counts, key=lambda code: (counts[code], code == "en"))
    return best if counts[best] > counts["en"] else "en"


def query_terms(text: str) -> list[str]:
    """The words of a question worth searching for, in order, each once, without the stop words of its language.

    A run of Chinese, Japanese or Korean characters gives its pairs of neighbours, as nothing says where a word ends; a
    question of nothing but stop words keeps them.
    """
    tokens: Iterable[str] = (
        m[0].replace("’", "'").casefold() for m in _WORD.finditer(unicodedata.normalize("NFC", text))
    )
    every = list(dict.fromkeys(term for t in tokens for term in _terms(t)))
    stop = STOP_WORDS[language(text)] | STOP_WORDS["en"]
    kept = [t for t in every if t not in stop and not set(t.split("'")) <= stop]
    return kept or every


def _terms(token: str) -> list[str]:
    if len(token) > 2 and _CJK_CHARACTER.fullmatch(token[0]):
        return [token[i : i + 2] for i in range(len(token) - 1)]
    return [token.removesuffix("'s")]


def proper_names(text: str) -> frozenset[str]:
    """The terms of a question that are names or addresses: written with a capital where no sentence begins, or with an @."""
    found: set[str] = set()
    for piece in re.split(r"(?<=[.!?:\n])\s+", unicodedata.normalize("NFC", text)):
        for number, match in enumerate(_WORD.finditer(piece)):
            beside = piece[max(0, match.start() - 1) : match.start()] + piece[match.end() : match.end() + 1]
            if (number and match[0][:1].isupper()) or "@" in beside:
                found.update(_terms(match[0].replace("’", "'").casefold()))
    return frozenset(found)


def tongue(text: str) -> str:
    """The language of a text as an ISO 639-1 code: by its script, else by its stop words; English in doubt."""
    scripts = {
        "ja": r"[\u3040-\u30ff]", "ko": r"[\uac00-\ud7af]", "zh": r"[\u4e00-\u9fff]", "ru": r"[\u0400-\u04ff]",
    }  # fmt: skip
    letters = len(re.findall(r"[^\W\d_]", text)) or 1
    for code, pattern in scripts.items():
        if len(re.findall(pattern, text)) / letters > (0.15 if code == "ja" else 0.3):
            return code
    return language(text)
