"""A name -> the forms that it goes by: a company's without its legal form, a person's first and last."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from mailbot.assistant.disclosure.naming import Name, folded
from mailbot.language.phrases import Phrases
from mailbot.vault.whom import plain

Kind = Literal["person", "organisation"]

_LEGAL = Phrases(r"(?:[\s,]+(?:{{vault.legal_form}}))+\.?$", re.IGNORECASE)
"""What stands behind a company's name: `GmbH`, `Ltd`."""
_PARTICLES = frozenset(
    "family familie fam famille familia famiglia mr mrs ms dr drs ir prof herr herrn frau mme mlle m sir el al le la les de du di da do ter ten van"
    " von vom zu zum zur der den het"
    " bin ben ibn san des del los las dos das y e af av".split()
)
"""What stands in a name and is none: `van`, `Dr`."""
_GIVEN = frozenset({"ben", "bin", "al", "les", "del", "di"})
"""Of these, what is a first name too where a name begins with it: `Ben Okoro`, `Al Haddad`."""


TELLING = 4
"""Letters of the first word of a firm's name by which it may go alone."""
_GENERIC = Phrases(r"(?:{{vault.organisation_type}}|{{words.stop}}|{{vault.generic}})$")
"""First words that many organisations share."""


def forms(number: int, kind: Kind, name: str) -> Iterable[Name]:
    """A name and the shorter ones that it goes by: a company's without its legal form, a person's first and last."""
    name = re.sub(r"\s*\([^()]*\)\s*$", "", name).strip() or name
    if kind == "organisation":
        yield Name(number, name)
        short = _LEGAL.sub("", name)
        if short and short != name:
            yield Name(number, short)
        first, *others = short.split() or [""]
        if others and len(first) >= TELLING and not _GENERIC.match(first.casefold()):
            yield Name(number, first, part=True)
        return
    if found := re.fullmatch(r"([^,]+), ?([^,]+)", name):
        name = f"{found[2]} {found[1]}"
    yield Name(number, name, person=True)
    every_part = re.findall(r"[^\W\d_][\w'’.-]*", name)
    parts = [
        p
        for n, p in enumerate(every_part)
        if len(p) > 1 and not p.endswith(".") and not _is_particle(p, n == 0, n == len(every_part) - 1)
    ]
    if len(every_part) > 1 and parts:
        # A first name, if it stands first: `Le Bris` and `van Aalst` have none.
        if parts[0] == every_part[0] and len(parts) > 1:
            yield Name(number, parts[0], part=True, person=True)
        for last in dict.fromkeys((parts[-1], *parts[-1].split("-"))):
            yield Name(number, last, part=True, person=True)


def _is_particle(part: str, first: bool, last: bool) -> bool:
    """Whether a word of a person's name is none of its names. What stands last with a capital is the last name: `Priya Das`."""
    word = part.casefold()
    if last and part[:1].isupper() and not first:
        return False
    return word in _PARTICLES and not (first and part[:1].isupper() and word in _GIVEN)


def firm_key(name: str) -> str:
    """An organisation's name in the form that two notes of it share."""
    shown = plain(name)
    return folded(_LEGAL.sub("", shown) or shown)
