"""Several mails of one author in one thread: which of them is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from mailbot.mail.mail import Mail
from mailbot.sync.memory.rows import MailRow
from mailbot.vault.verdict import Verdict

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Wanting:
    """A mail that wants a reply, by the id of its row."""

    mail_id: int
    mail: Mail
    verdict: Verdict

    @property
    def thread(self) -> tuple[str, str]:
        """(the thread, its author): of mails that share it only one is answered."""
        message = self.mail.message
        name = str(message.thread or message.message_id or self.mail_id)
        return name, message.sender.key if message.sender else ""


@dataclass(frozen=True, slots=True)
class OnePerThread:
    """`answered` are the mails to answer, in order, each with all that is asked; `superseded` those whose asks went there."""

    answered: tuple[Wanting, ...]
    superseded: tuple[Wanting, ...]


def one_per_thread(wanting: Sequence[Wanting]) -> OnePerThread:
    """Of several mails of one author in one thread (oldest first) the last is answered, with what the earlier ones ask. Where
    the user has said of each that it wants a reply, each is answered."""
    last: dict[tuple[str, str], int] = {}
    answered: list[Wanting | None] = []
    superseded: list[Wanting] = []
    for each in wanting:
        at = last.get(each.thread)
        earlier = answered[at] if at is not None else None
        if at is not None and earlier and earlier.verdict.decided_by != "user":
            asks = tuple(dict.fromkeys((*earlier.verdict.asks, *each.verdict.asks)))
            each = replace(each, verdict=replace(each.verdict, asks=asks))
            answered[at] = None
            superseded.append(earlier)
        last[each.thread] = len(answered)
        answered.append(each)
    return OnePerThread(tuple(a for a in answered if a), tuple(superseded))


EARLIER = 8
"""Earlier mails that the model is shown beside the last."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """The open mails of one author in one thread: the `last`, which is judged, and all `earlier` ones, for which the verdict counts
    too, oldest first."""

    last: Wanting
    earlier: tuple[Wanting, ...] = ()
    others: tuple[Wanting, ...] = ()
    """Earlier mails of other authors in the thread that have a draft: the last may have answered them."""

    @property
    def shown(self) -> tuple[Wanting, ...]:
        """The earlier mails that the model is shown: the newest."""
        return self.earlier[-EARLIER:]


def conversations(
    undecided: Sequence[Wanting], decided: Sequence[Wanting], drafted: Sequence[Wanting] = ()
) -> list[Conversation]:
    """The mails to be judged, each with the earlier open ones of its author and thread, so that what was taken back meanwhile is
    not asked again. All come oldest first. What the user decided is not judged again. Of those that are `drafted` already, the
    ones of other authors are shown too."""
    threads: dict[tuple[str, str], list[Wanting]] = {}
    for each in undecided:
        threads.setdefault(each.thread, []).append(each)
    found = []
    for thread, mails in threads.items():
        last = mails[-1]
        waiting = (d for d in (*decided, *drafted) if d.thread == thread and d.verdict.decided_by != "user")
        earlier = [*(w for w in waiting if _before(w, last)), *mails[:-1]]
        earlier.sort(key=_sent)
        others = [d for d in drafted if d.thread[0] == thread[0] and d.thread != thread and _before(d, last)]
        found.append(Conversation(last, tuple(earlier), tuple(others)))
    return found


def _sent(one: Wanting) -> tuple[bool, float]:
    date = one.mail.message.date
    return (date is not None, date.timestamp() if date else 0.0)


def _before(one: Wanting, other: Wanting) -> bool:
    dates = one.mail.message.date, other.mail.message.date
    return bool(dates[0] and dates[1] and dates[0] <= dates[1])


def backlog(
    rows: Sequence[MailRow], thread_of: Mapping[str, str], new: Callable[[MailRow], bool] = lambda _: False
) -> tuple[list[MailRow], list[list[MailRow]]]:
    """(the waiting mails of threads in which one is yet undecided or `new`, the other threads with their mails, the newest first).
    Mails of one thread belong together: one answer may do for all. `thread_of` maps a note to its thread."""
    threads: dict[str, list[MailRow]] = {}
    for row in rows:
        threads.setdefault(thread_of.get(row.note) or f"mail {row.id}", []).append(row)
    first = [any(r.stage == "triage" or new(r) for r in some) for some in threads.values()]
    undecided = [row for some, now in zip(threads.values(), first, strict=True) if now for row in some]
    decided = [some for some, now in zip(threads.values(), first, strict=True) if not now]
    decided.sort(key=lambda some: max((r.date, r.id) for r in some), reverse=True)
    return undecided, decided


def newest(wanting: Sequence[Item], most: int) -> list[Item]:
    """Of the mails that want a draft (oldest first), those that get one now: an answer that comes late is worth least."""
    return list(wanting[-most:]) if most else []
