"""Obsidian's Bases over mailbot's notes: `.base` files, in Obsidian's documented format (help.obsidian.md/bases/syntax). They are
written once, and are the user's from then on."""

from __future__ import annotations

from typing import Any

import yaml

FOLDER = "Mailbot"
MAIL, DRAFTS = f"{FOLDER}/Mail.base", f"{FOLDER}/Drafts.base"
PERSON_VIEW = "Person"
PERSON_EMBED = f"![[Mail.base#{PERSON_VIEW}]]"
"""In a person note: the mails that link to it."""
OPEN = ("draft", "edited", "approved", "sending", "missing", "conflict", "unknown")
"""What a draft is while it wants something of somebody."""


def bases(email_folder: str) -> dict[str, str]:
    """Path -> text of each base, for the folder of the vault that mail is in."""
    return {MAIL: _text(_mail(email_folder)), DRAFTS: _text(_drafts(email_folder))}


def _mail(folder: str) -> dict[str, Any]:
    newest_first = [{"property": "note.date", "direction": "DESC"}]
    what = ["formula.mail", "note.from", "note.date", "note.disposition", "note.reason"]
    return {
        "filters": {"and": [f'file.inFolder("{folder}")', 'note.type == "email"']},
        "formulas": {"mail": "file.asLink(note.title)"},
        "properties": {
            "formula.mail": {"displayName": "Mail"},
            "note.from": {"displayName": "From"},
            "note.date": {"displayName": "Date"},
            "note.disposition": {"displayName": "What to do"},
            "note.reason": {"displayName": "Why"},
        },
        "views": [
            _table("To answer", [*what, "note.urgency"], newest_first, ['note.disposition == "reply"']),
            {
                **_table("By disposition", what, newest_first),
                "groupBy": {"property": "note.disposition", "direction": "ASC"},
            },
            _table("Newest", what, newest_first) | {"limit": 100},
            _table(
                PERSON_VIEW,
                ["formula.mail", "note.date", "note.disposition", "note.reason"],
                newest_first,
                ["file.hasLink(this.file)"],
            ),
        ],
    }


def _drafts(folder: str) -> dict[str, Any]:
    newest_first = [{"property": "note.created", "direction": "DESC"}]
    what = ["formula.draft", "note.status", "note.to_name", "note.to", "formula.age"]
    wanted = " || ".join(f'note.status == "{status}"' for status in OPEN)
    return {
        "filters": {"and": [f'file.inFolder("{folder}/Drafts")', 'note.type == "email-draft"']},
        "formulas": {"draft": "file.asLink(note.subject)", "age": "date(note.created.toString().slice(0, 19)).relative()"},
        "properties": {
            "formula.draft": {"displayName": "Draft"},
            "formula.age": {"displayName": "Age"},
            "note.status": {"displayName": "Status"},
            "note.to_name": {"displayName": "To"},
            "note.to": {"displayName": "Address"},
            "note.lane": {"displayName": "Lane"},
        },
        "views": [
            {**_table("By lane", what, newest_first, [wanted]), "groupBy": {"property": "note.lane", "direction": "DESC"}},
            _table("Wants a decision", what, newest_first, ['note.status == "conflict" || note.status == "unknown"']),
            {**_table("All", [*what, "note.lane"], newest_first), "groupBy": {"property": "note.status", "direction": "ASC"}},
        ],
    }  # fmt: skip


def _table(
    name: str, order: list[str], sort: list[dict[str, str]], filters: list[str] | None = None
) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "table", "name": name}
    if filters:
        made["filters"] = {"and": filters}
    return {**made, "order": list(order), "sort": [dict(each) for each in sort]}


def _text(base: dict[str, Any]) -> str:
    return yaml.safe_dump(base, sort_keys=False, allow_unicode=True, width=1000)
