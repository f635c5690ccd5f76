"""`sync` again and again: as soon as a mail arrives, as soon as a draft note is changed, and every few minutes in any case."""

from __future__ import annotations

import gc
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from mailbot import stopping
from mailbot.errors import AuthenticationFailed, MailbotError, ServerUnavailable
from mailbot.mail.server.idle import Listener
from mailbot.settings import Account, Settings
from mailbot.sync.commands.watch_notes import watch_notes
from mailbot.sync.memory.journal import opened_journal
from mailbot.sync.pipeline import sync_all
from mailbot.sync.session.accounts import GRACE
from mailbot.sync.session.login import login
from mailbot.sync.session.opening import check_vault, chosen, utc_time
from mailbot.sync.session.report import Options, Report, bug, in_log, log
from mailbot.sync.session.sd_notify import Notifier
from mailbot.sync.session.state import State

POLL_EVERY = 240.0
"""Seconds after which everything is looked at, also if nobody said anything."""
SETTLE = 3.0
"""Seconds that a note is left alone after it was saved: Obsidian saves every two seconds while somebody types."""
TYPED = 60.0
"""Seconds after which it is looked at all the same."""
BUSY = 3.0
"""Seconds until the next look where another run has the account."""
_WAITS = (1.0, 5.0, 15.0, 60.0, 180.0, POLL_EVERY)
"""Seconds after one failure, two, and so on."""
LOGIN_EVERY = 600.0
"""Seconds between two tries where the login was refused: more, and a provider may lock the account."""
APART = 1.0
"""Seconds between two looks at the least, whatever a server says."""

Told = Callable[[Report], None]


def watch(settings: Settings, names: Sequence[str], told: Told) -> None:
    """Watch the named accounts, or all, until the run is to end. `told` gets each report that says something. Raises ConfigError for an
    unknown name or a vault that is not there."""
    check_vault(settings.vault)
    stopping.await_it()
    watchers = [Watcher(settings, account, told) for account in chosen(settings, names)]
    threads = [threading.Thread(target=w.run, name=w.account.name, daemon=True) for w in watchers]
    threads.append(
        threading.Thread(
            target=watch_notes, args=(settings, [w.wake for w in watchers]), name="vault", daemon=True
        )
    )
    notifier = Notifier()
    for thread in threads:
        thread.start()
    notifier.ready("watching 1 account" if len(watchers) == 1 else f"watching {len(watchers)} accounts")
    try:
        while True:
            stopping.pause(stopping.POLL)
            if all(w.alive() for w in watchers):
                notifier.alive()
    except (KeyboardInterrupt, stopping.Stopped):
        stopping.ask()
        notifier.stopping()
        end = time.monotonic() + GRACE
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))


@dataclass(slots=True)
class Saves:
    """The notes that were saved since the last look, as moments of a clock that only goes forward."""

    first: float = math.inf
    last: float = math.inf

    def add(self, now: float) -> None:
        """One was saved."""
        self.first, self.last = min(self.first, now), now

    def due(self, now: float) -> bool:
        """Whether it is time to look: whoever types has paused, or types for long."""
        return now - self.last >= SETTLE or now - self.first >= TYPED


@dataclass
class Watcher:
    """One account, watched in a thread of its own."""

    settings: Settings
    account: Account
    told: Told
    _saves: Saves = field(default_factory=Saves)
    _failures: int = 0
    _error: str = ""
    _said: frozenset[str] = frozenset()
    """What failed at the last look: said once."""
    _beat: float = field(default_factory=time.monotonic)

    def wake(self) -> None:
        """A note was saved: look soon."""
        self._saves.add(time.monotonic())

    def alive(self) -> bool:
        """Whether the thread is at work, or waits for no longer than it should."""
        return time.monotonic() - self._beat < 2 * max(3600.0, self.account.time_limit.total_seconds())

    def run(self) -> None:
        """Watch until the run is to end, whatever happens in between."""
        listener = Listener(login(self.account))
        try:
            with self._whatever():
                self._wait_as_before()
            while True:
                stopping.check()
                self._beat = time.monotonic()
                try:
                    self._turn(listener)
                except MailbotError as error:
                    self._again(listener, error)
                except Exception as error:  # noqa: BLE001 - a watch never ends by itself
                    log.exception("account %s", self.account.name)
                    self._again(listener, bug(error))
        except stopping.Stopped:
            listener.close()

    def _again(self, listener: Listener, error: MailbotError) -> None:
        with self._whatever():
            listener.close()
        self._failed(error)

    @contextmanager
    def _whatever(self) -> Iterator[None]:
        """What fails inside is logged, and that is all: the disk may be full, or nobody reads what is told."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - see above
            log.error("account %s: %s", self.account.name, type(error).__name__)

    def _turn(self, listener: Listener) -> None:
        """Open the mailbox, look at everything, and wait for news: what comes while we look is told when the waiting begins."""
        if pause := self._paused():  # its server has asked for patience
            self._sleep(pause)
            return
        begun = time.monotonic()
        name = self._opened(listener)
        self._saves = Saves()
        if not self._sync():
            stopping.pause(BUSY)
            return
        end = time.monotonic() + min(POLL_EVERY, self._until_due())
        while not listener.wait(name, end - time.monotonic(), lambda: not self._saves.due(time.monotonic())):
            self._well()
            if time.monotonic() >= end or self._saves.due(time.monotonic()):
                return
        self._well()
        stopping.pause(max(0.0, begun + APART - time.monotonic()))

    def _opened(self, listener: Listener) -> str:
        """The first of the account's mailboxes that can be opened; empty if none can, which `sync` says."""
        listener.ensure()
        for name in self.account.mailboxes or ("INBOX",):
            try:
                listener.examine(name)
                return name
            except ServerUnavailable:
                listener.ensure()
        return ""

    def _paused(self) -> float:
        """Seconds for which the account is left alone, because its server has asked for that."""
        state = State(self.settings.vault)
        if not state.journal.exists():
            return 0.0
        with opened_journal(state.journal) as journal:
            pause = journal.pauses.active(self.account.name, utc_time())
        return max(0.0, (pause.until - utc_time()).total_seconds()) if pause else 0.0

    def _well(self) -> None:
        """The line holds, and the account was looked at."""
        if self._failures:
            self._failures, self._error = 0, ""
            with self._whatever():
                self._remember(0.0)

    def _sync(self) -> bool:
        """Look at everything; False where another run has the account."""
        (report,) = sync_all(self.settings, Options(), [self.account.name])
        gc.collect()  # a run leaves circles that hold what Python does not see: TLS, HTTP, SQLite
        stopping.check()
        if report.busy:
            return False
        if report.error:
            raise _as_error(report)
        report.failed, self._said = (
            [each for each in report.failed if each not in self._said],
            frozenset(report.failed),
        )
        if report.notes or report.drafts or report.noticed or report.sent or report.failed:
            with self._whatever():
                self.told(report)
        return True

    def _until_due(self) -> float:
        """Seconds until an approved draft may be sent; no end where none is."""
        rules = self.settings.send
        if not rules.allow:
            return math.inf
        now = utc_time()
        with opened_journal(State(self.settings.vault).journal) as journal:
            every = journal.drafts.watched(self.account.name, now)
        due = [d.approved_at + rules.after - now for d in every if d.status == "approved" and d.approved_at]
        later = [wait.total_seconds() for wait in due if wait.total_seconds() > 0]
        return min(later, default=math.inf) + 1

    def _failed(self, error: MailbotError) -> None:
        """Wait after a failure, longer each time, and with a part of chance: a server that comes back is not met by all at once."""
        lasting = error.exit_code == AuthenticationFailed.exit_code
        wait = LOGIN_EVERY if lasting else _WAITS[min(self._failures, len(_WAITS) - 1)]
        wait *= random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        wait = max(wait, getattr(error, "retry_after", None) or 0.0)
        self._failures += 1
        log.warning("account %s: %s; again in %.0f s", self.account.name, in_log(error), wait)
        # A line that is lost once is nothing to speak of; what lasts is said once, not at every try.
        if str(error) != self._error and (lasting or self._failures > 1):
            self._error = str(error)
            with self._whatever():
                self.told(Report(self.account.name, error=str(error), exit_code=error.exit_code))
        with self._whatever():
            # Who starts a watch anew after a refused login has corrected something.
            self._remember(0.0 if lasting else wait)
        self._sleep(wait)

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._beat = time.monotonic()
            stopping.pause(min(1.0, seconds))

    def _remember(self, wait: float) -> None:
        """When the next try is due: a watch that is started anew waits as long."""
        state = State(self.settings.vault)
        with opened_journal(state.journal) as journal:
            journal.pauses.set(self._key, utc_time() + timedelta(seconds=wait), self._error or "none")

    def _wait_as_before(self) -> None:
        state = State(self.settings.vault)
        if not state.journal.exists():
            return
        with opened_journal(state.journal) as journal:
            pause = journal.pauses.active(self._key, utc_time())
        if pause:
            left = (pause.until - utc_time()).total_seconds()
            self._failures = 1 + next((n for n, wait in enumerate(_WAITS) if wait >= left), len(_WAITS) - 1)
            self._sleep(min(left, POLL_EVERY))

    @property
    def _key(self) -> str:
        return f"watch {self.account.name}"


def _as_error(report: Report) -> MailbotError:
    error = MailbotError(report.error)
    error.exit_code = report.exit_code
    return error
