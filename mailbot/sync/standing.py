"""What is known of a mail's sender before anybody judges the mail: the user's standing word, and what went to and fro."""

from __future__ import annotations

from mailbot.assistant.triage import UNANSWERED
from mailbot.mail.display_name import full_name
from mailbot.mail.message import Message
from mailbot.sync.run import Run
from mailbot.vault.index import Index
from mailbot.vault.people import person

TIMES = 3
"""Corrections of one kind after which they are taken for a rule."""


def word_on(run: Run, index: Index, message: Message) -> tuple[str, str]:
    """(the user's word on the sender, where it was said): a person note's `draft`, then accounts.yaml, then what the user
    has corrected three times running. Empty texts for no word."""
    sender = message.sender
    if sender is None or not sender.email:
        return "", ""
    known = person(index, sender.email, full_name(sender))
    for note in index.with_address(sender.email):  # whose ever of them it is: never is never
        if note.draft == "never":
            known = note
    if known and known.draft in ("never", "always"):
        return known.draft, f"draft: {known.draft} stands in {known.path}"
    if word := run.settings.triage.word_on(sender.key):
        return word, f"triage.{word} in accounts.yaml names the sender"
    last = run.journal.correspondence.corrections(sender.key, TIMES)
    if len(last) == TIMES and len(set(last)) == 1:
        return last[0], f"You have said {last[0]} of the last {TIMES} mails from there"
    return "", ""


def traffic(run: Run, index: Index, message: Message) -> tuple[int | None, int]:
    """(how many mails the user wrote to the sender, how many notes there are of mail with them, counted as far as matters);
    None for the first where Sent was never read."""
    if message.sender is None:
        return None, 0
    written = (
        run.journal.correspondence.written_to(message.sender.key)
        if run.journal.correspondence.knows_sent(run.account.name)
        else None
    )
    return written, len(index.mail_with(message.sender.key, UNANSWERED + 1))
