"""DraftRequest -> Draft without any language model: greet, take up each ask with room for the answer, point at the vault."""

from __future__ import annotations

import re

from mailbot.assistant.leads import leads
from mailbot.assistant.prompt import one_line
from mailbot.assistant.request import DraftRequest
from mailbot.assistant.style import is_formal
from mailbot.language.detect import language_of
from mailbot.language.lists import entries
from mailbot.mail.display_name import full_name
from mailbot.mail.message import Address
from mailbot.vault.draft import ActionItem, Draft
from mailbot.vault.stand_ins import visible

NAME = "outline (no language model)"


def outline(request: DraftRequest) -> Draft:
    """The outline of a reply. Everything that it says is the mail's own words, a greeting, a closing and blanks."""
    sender, newest = request.mail.message.sender, request.mail.text.newest
    wanted, suspicious = request.asks, request.suspicious
    language, formal = language_of(newest), is_formal(newest)
    polite = entries("manner.formal_outline", language) if formal else ()
    usual = entries("manner.outline", language) or entries("manner.outline", "en")
    greet, greet_nobody, answer, closing = polite or usual
    name = full_name(sender) if sender and polite and sender.name else _first_name(sender)
    blank = f"[…: {answer}]"
    parts = [greet.format(name) if name else greet_nobody]
    parts += [f"> {one_line(ask.text)}\n\n{blank}" for ask in wanted] or [blank]
    parts.append(closing)
    found = leads(wanted, request.context.sayable, request.context.only_known)
    return Draft(
        reply="\n\n".join(parts),
        reasoning=(
            "This is an outline made by rules, without any language model: a greeting, each question and request that was found in the mail,"
            " and room for your answers."
            + (
                " Below are the notes that may answer, each with the sentence that has most of a question's words."
                if found
                else ""
            )
        ),
        lane="needs_you",
        lane_reasons=(
            "an outline leaves every answer to you",
            *(f"the mail looks like an attempt to steer a model: {why}" for why in suspicious),
        ),
        model=NAME,
        prompt_version="outline-1",
        leads=found,
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
