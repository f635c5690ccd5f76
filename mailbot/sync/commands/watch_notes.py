"""Wakes those who watch when the note of a draft is saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mailbot import stopping
from mailbot.settings import Settings
from mailbot.sync.session.report import log


def watch_notes(settings: Settings, wake: Sequence[Callable[[], None]]) -> None:
    """Wake the accounts when a note of a draft is saved. Where the system cannot tell, the poll does."""
    from watchfiles import Change, DefaultFilter, watch

    class Markdown(DefaultFilter):
        def __call__(self, change: Change, path: str) -> bool:
            return path.endswith(".md") and super().__call__(change, path)

    folder, polling = settings.vault / settings.email_folder / "Drafts", False
    while not stopping.asked():
        try:
            if not folder.is_dir():
                stopping.pause(stopping.POLL)
                continue
            watched = folder.stat().st_ino
            for each in wake:  # what was saved before the watching began
                each()
            for changes in watch(
                folder,
                watch_filter=Markdown(),
                yield_on_timeout=True,
                debounce=400,
                rust_timeout=250,
                step=50,
                raise_interrupt=False,
                force_polling=polling,
                poll_delay_ms=1000,
            ):
                if stopping.asked() or not folder.is_dir() or folder.stat().st_ino != watched:
                    break  # it is gone, or another of its name is there: a sync program, another disk
                if changes:
                    for each in wake:
                        each()
        except stopping.Stopped:
            return
        except (OSError, RuntimeError) as error:
            if not folder.is_dir():
                continue  # it went away in this moment
            # The system may have no more watches to give (inotify): then the files are looked at.
            log.warning("the notes of drafts cannot be watched: %s", type(error).__name__)
            polling = True
            time.sleep(stopping.POLL)
