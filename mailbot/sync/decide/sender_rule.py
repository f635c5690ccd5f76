"""The user's standing word on a sender."""

from __future__ import annotations

from collections.abc import Sequence

from mailbot.mail.message import Address
from mailbot.settings import TriageRules
from mailbot.sync.decide.users_word import Word

CORRECTIONS = 3
"""Corrections of one kind in a row that are taken for a rule."""


def sender_rule(
    sender: Address, notes: Sequence[tuple[str, str]], rules: TriageRules, corrections: Sequence[str]
) -> Word | None:
    """The word on a sender, None if there is none: a person note, then accounts.yaml, then what the user has corrected.

    `notes` are (the `draft` property, path) of the person notes that may be the sender's, the likeliest first; a `never` in
    any of them counts. `corrections` are the dispositions that the user last gave to the sender's mails, newest first.
    """
    never = [note for note in notes if note[0] == "never"]
    for word, path in [*never, *notes[:1]]:
        if word in ("never", "always"):
            return Word(word, f"draft: {word} is set in {path}")
    if word := rules.word_on(sender.key):
        return Word(word, f"The sender is listed under triage.{word} in accounts.yaml")
    if len(corrections) == CORRECTIONS and len(set(corrections)) == 1:
        return Word(
            corrections[0], f"You set the last {CORRECTIONS} mails from this sender to {corrections[0]}"
        )
    return None
