"""What is known about a mail beside the mail: gathered from Sent, Drafts, the notes and the settings, for `disposition`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailbot.errors import ServerUnavailable
from mailbot.mail.display_name import full_name
from mailbot.mail.message import Message, MessageId
from mailbot.mail.server.account import ImapAccount
from mailbot.settings import Account, Settings
from mailbot.sync.decide.disposition import UNANSWERED, Circumstances
from mailbot.sync.decide.sender_rule import CORRECTIONS, sender_rule
from mailbot.sync.decide.users_word import Word
from mailbot.sync.memory.journal import Journal
from mailbot.sync.session.report import in_log, log
from mailbot.sync.steps.sent import have_exchanged
from mailbot.vault.index import EVERY, Index
from mailbot.vault.people import person

TOUCHED = ("edited", "approved", "conflict", "missing")
"""Drafts of ours that are the user's now."""
BEFORE = timedelta(days=30)
"""How much older than the oldest mail that is drafted a user's own draft may be."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Where the circumstances of an account's mails are looked up. `begun` are the mails that drafts of the user's own answer;
    `model` says whether a model decides what the rules leave open."""

    settings: Settings
    account: str
    journal: Journal
    index: Index
    begun: frozenset[MessageId]
    model: bool
    up_to: int = EVERY
    """The newest note that counts: the mails of a run are decided by what was known before it, in whatever order they come."""

    def of(self, message: Message) -> Circumstances:
        """Everything that is known about a mail, except how it arrived."""
        own = frozenset(self.settings.own_addresses)
        sent = self.journal.sent
        # An answer to a later mail of the thread, sent or begun, was written by somebody who had read this one.
        thread = self._from_here(message)
        sender = message.sender
        knows_sent = self.journal.cursors.any(self.account, "sent")
        return Circumstances(
            own=own,
            own_names=tuple(a.display_name for a in self.settings.accounts if a.display_name),
            said_of_sender=self._word_on_sender(message),
            answered=any(sent.answered(id_) for id_ in thread),
            begun=self._is_begun(message, thread),
            twin=self._is_twin(message),
            written=sent.written_to(sender.key) if sender and knows_sent else None,
            received=len(self.index.mail_with(sender.key, UNANSWERED + 1, self.up_to)) if sender else 0,
            exchanged=have_exchanged(sent, message, own),
            model=self.model,
        )

    def _is_twin(self, message: Message) -> bool:
        """Whether a mail of the same Message-ID was kept before this one. Accounts run side by side: of a mail that went to two of
        the user's addresses, the journal's order says which was first."""
        kept = self.journal.mails.by_message_id(message.message_id or "")
        own = next((m.id for m in kept if (m.account, m.sha256) == (self.account, message.sha256)), None)
        return any(own is None or m.id < own for m in kept)

    def _word_on_sender(self, message: Message) -> Word | None:
        sender = message.sender
        if sender is None or not sender.email:
            return None
        known = person(self.index, sender.email, full_name(sender))
        notes = [(known.draft, known.path) if known else ("", "")]
        notes += [(note.draft, note.path) for note in self.index.with_address(sender.email)]
        corrections = self.journal.corrections.last(sender.key, CORRECTIONS)
        return sender_rule(sender, notes, self.settings.triage, corrections)

    def _from_here(self, message: Message) -> set[str]:
        """The Message-IDs of a mail and of the later ones of its thread."""
        found: set[str] = {message.message_id} if message.message_id else set()
        if message.thread and message.date:
            times = self.index.thread_times(message.thread, self.up_to)
            found |= {id_ for id_, at in times.items() if at and at >= message.date}
        return found

    def _is_begun(self, message: Message, thread: set[str]) -> bool:
        """Whether the user has a draft of their own open on the mail, on a later mail of its thread, or on an earlier one: that
        will say what is to be said."""
        earlier = self.index.thread_times(message.thread, self.up_to) if message.thread else {}
        return not self.begun.isdisjoint({*thread, *earlier, *message.references, *message.in_reply_to})


def begun_by_user(
    server: ImapAccount, account: Account, journal: Journal, newer_than: timedelta, now: datetime
) -> frozenset[MessageId]:
    """The mails that drafts of the user's own answer, looked at as far back as a mail may be that gets a draft; none where
    Drafts cannot be read. A draft of ours that the user has touched, has open just now, or that the journal does not know, is the
    user's too."""
    drafts = journal.drafts
    touched = [d for d in drafts.watched(account.name, now - BEFORE) if d.status in TOUCHED]
    own = {MessageId(journal.mails.get(d.mail_id).message_id) for d in touched} - {MessageId("")}
    try:
        opened = server.examine(server.find("drafts", account.drafts_mailbox))
        since = (now - newer_than - BEFORE).date() - timedelta(days=1)
        found = server.headers(server.search(["SINCE", since]))
        return frozenset(own) | frozenset(
            MessageId(header.parent)
            for uid, header in found
            if header.parent and not drafts.untouched(header.message_id, opened.name, uid)
        )
    except ServerUnavailable as error:
        log.info("account %s: Drafts could not be read for answers begun: %s", account.name, in_log(error))
        return frozenset(own)


KnowledgeOf = Callable[[Message], Circumstances]
