"""What the model says its draft rests on, and what of that is true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel

from mailbot.assistant.guard import Allowed, field_text
from mailbot.assistant.support import supports
from mailbot.vault.source import Context, Source

_MOST = 20
"""Claims of a draft, and sources of a claim, that are looked at."""


class Claim(BaseModel):
    """A statement of a draft, and the ids of the sources that it is said to rest on; `mail` is the mail itself."""

    text: str
    """Words of the reply, as they stand in it."""
    sources: list[str] = []


def carried(
    claims: Sequence[Claim], context: Context, mail: str, may: Allowed
) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """((statement, links to what carries it, or ''), the statements that only a source carries which is not to be told). `mail` is
    the text of the mail with its subject."""
    say, know = _by_id(context.sayable), _by_id(context.only_known)
    found: list[tuple[str, str]] = []
    told: list[str] = []
    for claim in claims[:_MOST]:
        if not (text := field_text(claim.text, may)):
            continue
        ids = list(dict.fromkeys(claim.sources))[:_MOST]
        link = _carrier(text, ids, say, mail)
        if not link and (link := _carrier(text, ids, know, "")):
            told.append(text)
        found.append((text, link))
    return tuple(found), told


def _by_id(sources: Iterable[Source]) -> dict[str, tuple[str, str]]:
    """id -> (a link to the note, what stands in it)."""
    return {s.id: (s.wikilink, f"{s.title}\n{s.text}") for s in sources}


def _carrier(statement: str, ids: list[str], sources: Mapping[str, tuple[str, str]], mail: str) -> str:
    """The sources that a statement names, if they were really given and can carry it; `the mail itself` for the mail."""
    found = [sources[i][0] for i in ids if i in sources and supports(statement, [sources[i][1]])]
    if found:
        return ", ".join(dict.fromkeys(found))
    return "the mail itself" if "mail" in ids and supports(statement, [mail]) else ""
