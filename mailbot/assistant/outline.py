"""DraftRequest -> Draft without any language model: greet, take up each ask with room for the answer, point at the vault."""

from __future__ import annotations

import re

from mailbot.assistant.prompt import one_line
from mailbot.assistant.request import DraftRequest
from mailbot.assistant.style import is_formal
from mailbot.language.lists import entries
from mailbot.mail.display_name import full_name
from mailbot.mail.message import Address
from mailbot.vault.draft import ActionItem, Draft
from mailbot.vault.markdown import visible
from mailbot.vault.words import tongue

NAME = "outline (no language model)"

def outline(request: DraftRequest) -> Draft:
    """The outline of a reply. Everything that it says is the mail's own words, a greeting, a closing and blanks."""
    sender, newest = request.mail.message.sender, request.mail.text.newest
    wanted, suspicious = request.asks, request.suspicious
    language, formal = tongue(newest), is_formal(newest)
    polite = entries("manner.formal_outline", language) if formal else ()
    usual = entries("manner.outline", language) or entries("manner.outline", "en")
    greet, greet_nobody, answer, closing = polite or usual
    name = full_name(sender) if sender and polite and sender.name else _first_name(sender)
    blank = f"[…: {answer}]"
    parts = [greet.format(name) if name else greet_nobody]
    parts += [f"> {one_line(ask.text)}\n\n{blank}" for ask in wanted] or [blank]
    parts.append(closing)
    supports = tuple(
        (f"For “{a.text}”", link)
        for a in wanted
        for link in dict.fromkeys(s.wikilink for s in request.context.sources if a.text in s.asks)
    )
    return Draft(
        reply="\n\n".join(parts),
        reasoning=(
            "This is an outline made by rules, without any language model: a greeting, each question and request that was found in the mail,"
            " and room for your answers. The notes listed below are what the vault has on each."
        ),
        lane="needs_you",
        lane_reasons=(
            "an outline has only blanks",
            *(f"the mail looks like an attempt to steer a model: {why}" for why in suspicious),
        ),
        model=NAME,
        prompt_version="outline-1",
        supports=supports,
        # What a mail like that asks for is no task of the user's.
        action_items=()
        if suspicious
        else tuple(ActionItem(a.text, "me") for a in wanted if a.kind == "request"),
    )


def _first_name(sender: Address | None) -> str:
    """How to greet: the first name where the display name is plainly a person's."""
    name = re.sub(r"\s+", " ", visible(sender.name)).strip(" \"'") if sender else ""
    if not name or "@" in name or re.search(r"\bvia\b|[\d<>\[\]{}()|/\\:;]", name):
        return ""
    if match := re.fullmatch(r"[^,]+, ?([^,]+)", name):
        name = match[1]
    first = name.split(" ")[0]
    return first if re.fullmatch(r"[^\W\d_][\w'’.-]{0,30}", first) else ""
