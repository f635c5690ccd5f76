"""What becomes of a mail: one ordered list of rules. It is the only place that answers "why was no draft made?"."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from mailbot.assistant.detector import asks_of, detected
from mailbot.mail.mail import Mail
from mailbot.mail.message import addressed
from mailbot.sync.decide import automatic
from mailbot.sync.decide.users_word import Word
from mailbot.vault.verdict import BEGUN, UNDECIDED, Disposition, Verdict, disposition_of

LATER = "A later mail in the thread is answered instead"
SETTLED = "Its author has settled it in a later mail"
UNANSWERED = 10
"""After this many mails from a sender whom the user never answers, no draft is made."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known about a mail beside the mail itself."""

    own: frozenset[str] = frozenset()
    """The user's own addresses, case-folded."""
    said_of_mail: Word | None = None
    said_of_sender: Word | None = None
    answered: bool = False
    """The user has answered this mail, or a later one of its thread."""
    begun: bool = False
    """A draft of the user's own answers it."""
    superseded: bool = False
    """A later mail of the same thread and author is answered, and this one's asks with it."""
    settled: bool = False
    """Its author has taken it back, or settled it, in a later mail of the thread."""
    twin: bool = False
    """Another mail with the same Message-ID is kept already."""
    too_large: bool = False
    imported: bool = False
    age: timedelta | None = None
    """Since the mail arrived."""
    newer_than: timedelta | None = None
    """Only mail younger than this gets a draft; None for no limit."""
    written: int | None = None
    """How many mails the user wrote to the sender; None where Sent was never read."""
    received: int = 0
    """How many mails of the sender are kept, counted as far as it matters."""
    exchanged: bool = False
    """Whether the user and the sender have written with each other."""
    model: bool = False
    """Whether a model decides what the rules leave open."""
    own_names: tuple[str, ...] = ()
    """What the user is called."""


Rule = Callable[[Mail, Circumstances], Verdict | None]


def disposition(mail: Mail, known: Circumstances) -> Verdict:
    """What becomes of a mail, and why: the first rule that speaks decides. UNDECIDED where the model is to be asked.

    Headers are a stranger's claims: they may withhold a draft, they never earn one (RFC 3834 2, RFC 2369, RFC 3464).
    """
    for rule in RULES:
        if verdict := rule(mail, known):
            return verdict
    return UNDECIDED


def _users_word(mail: Mail, known: Circumstances) -> Verdict | None:
    said = known.said_of_mail
    decided = disposition_of(said.word) if said else None
    if not said or not decided:
        return None
    return Verdict(decided, "user", said.where, asks=asks_of(mail) if decided == "reply" else ())


def _superseded(_: Mail, known: Circumstances) -> Verdict | None:
    return _fact("read", LATER) if known.superseded else None


def _settled(_: Mail, known: Circumstances) -> Verdict | None:
    return _fact("read", SETTLED) if known.settled else None


def _own_mail(mail: Mail, known: Circumstances) -> Verdict | None:
    sender = mail.message.sender
    return _fact("ignore", "You sent it yourself") if sender and sender.key in known.own else None


_STANDING: dict[str, Disposition] = {"never": "read", "always": "reply"}


def _sender_rule(known: Circumstances) -> Verdict | None:
    """What the user has laid down for this sender."""
    said = known.said_of_sender
    decided = (_STANDING.get(said.word) or disposition_of(said.word)) if said else None
    return Verdict(decided, "rule", said.where) if said and decided else None


def _never(_: Mail, known: Circumstances) -> Verdict | None:
    rule = _sender_rule(known)
    return rule if rule and rule.disposition != "reply" else None


def _always(mail: Mail, known: Circumstances) -> Verdict | None:
    rule = _sender_rule(known)
    return replace(rule, asks=asks_of(mail)) if rule else None


def _answered(_: Mail, known: Circumstances) -> Verdict | None:
    if known.answered:
        return _fact("read", "You have answered it already")
    return _fact("read", BEGUN) if known.begun else None


def _sent_by_a_program(mail: Mail, _: Circumstances) -> Verdict | None:
    reason = automatic.report(mail.message) or automatic.sent_by_program(mail)
    return _fact("read", reason) if reason else None


def _spam(mail: Mail, _: Circumstances) -> Verdict | None:
    marked = mail.message.header("x-spam-flag").strip().casefold() == "yes"
    return _fact("ignore", "Marked as spam by your mail server") if marked else None


_EVENTS = {
    "CANCEL": "A cancelled event: check your calendar",
    "REPLY": "An answer to an invitation: check your calendar",
}


def _invitation(mail: Mail, _: Circumstances) -> Verdict | None:
    if not mail.message.calendars:
        return None
    invitation = "An invitation: answer it in your calendar"
    return _fact("read", _EVENTS.get(mail.message.calendars[0].method, invitation))


def _nobody_to_answer(mail: Mail, _: Circumstances) -> Verdict | None:
    sender = mail.message.sender
    if sender is None or "@" not in sender.email:
        return _fact("read", "It has no sender address to reply to")
    robot = automatic.unread_address(sender)
    return _fact("ignore", f"From {robot}@: nobody reads answers there") if robot else None


def _bulk(mail: Mail, known: Circumstances) -> Verdict | None:
    if not any(a.key in known.own for a in mail.message.to) and (why := automatic.list_or_bulk(mail.message)):
        return _fact("read", why)
    why = automatic.newsletter(mail.message)
    return _fact("ignore", why) if why else None


def _encrypted(mail: Mail, _: Circumstances) -> Verdict | None:
    closed = mail.message.protected == "encrypted"
    return _fact("read", "It is encrypted: open it in a mail client") if closed else None


def _twin(_: Mail, known: Circumstances) -> Verdict | None:
    return _fact("read", "Another mail with this Message-ID has already been saved") if known.twin else None


def _too_large(_: Mail, known: Circumstances) -> Verdict | None:
    reason = "Too large: only its header is kept (max_mail_size)"
    return Verdict("read", "rule", reason) if known.too_large else None


def _imported(_: Mail, known: Circumstances) -> Verdict | None:
    return Verdict("read", "rule", "Imported: no draft is made for it") if known.imported else None


def _old(_: Mail, known: Circumstances) -> Verdict | None:
    if known.age is None or known.newer_than is None or known.age <= known.newer_than:
        return None
    hours, rest = divmod(known.newer_than, timedelta(hours=1))
    limit = f"{hours // 24} days" if hours % 24 == 0 else f"{hours} hours"
    limit = f"{known.newer_than // timedelta(minutes=1)} minutes" if rest else limit
    reason = f"Older than {limit}: no draft is made for it (drafts.newer_than)"
    return Verdict("read", "rule", reason)


def _never_written_to(mail: Mail, known: Circumstances) -> Verdict | None:
    if known.written != 0:
        return None
    if known.received >= UNANSWERED:
        return _fact("read", f"{known.received} mails from this sender, and you have never written to them")
    if (
        known.own
        and addressed(mail.message, known.own) == "neither To nor Cc"
        and not names_user(mail.text.newest, known.own_names)
    ):
        return _fact("read", "It is not addressed to you, and you have never written to its sender")
    return None


def names_user(text: str, names: Collection[str]) -> bool:
    """Whether a text speaks to the user by name: in full, or by the first or last name with a capital."""
    said = text.casefold()
    for name in names:
        if name and re.search(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", said):
            return True
        parts = [p for p in re.findall(r"[^\W\d_][\w'’-]+", name) if len(p) > 1 and p[0].isupper()]
        if any(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) for part in parts):
            return True
    return False


def _detected(mail: Mail, known: Circumstances) -> Verdict | None:
    """Without a model, a mail that asks something is answered, unless the user is only in Cc."""
    if known.model:
        return None
    found = detected(mail, known=known.exchanged)
    copied = found.disposition == "reply" and addressed(mail.message, known.own) == "Cc"
    return Verdict("read", "detector", "You are only in Cc") if copied else found


RULES: tuple[Rule, ...] = (
    _users_word,
    _superseded,
    _settled,
    _own_mail,
    _never,
    _answered,
    _sent_by_a_program,
    _spam,
    _invitation,
    _nobody_to_answer,
    _bulk,
    _encrypted,
    _twin,
    _too_large,
    _imported,
    _old,
    _always,
    _never_written_to,
    _detected,
)


def _fact(disposition: Disposition, reason: str) -> Verdict:
    return Verdict(disposition, "fact", reason)
