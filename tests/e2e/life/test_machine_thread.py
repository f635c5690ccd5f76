"""The same life in a thread that goes on: newer mail of the same author and of a colleague comes at any moment, each with a draft of its
own or none, and the user turns from one draft to another. A real Dovecot, a real SMTP server."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from mailbot.vault import note as notes
from tests.e2e.life.desk import SOURCE
from tests.e2e.life.test_machine import EXAMPLES, STATUSES, DovecotWorld, Life, on_dovecot, play

__all__ = ["on_dovecot"]
AUTHORS = ["Ana Ruiz <ana@acme.example>", "Bo Berg <bo@acme.example>"]


class InThread(Life):
    """Several mails of one thread. `turn` says which draft note the user has in front of them."""

    world_of = DovecotWorld
    turn = 0
    mails = itertools.count(2)

    @property
    def note(self) -> Path | None:
        found = sorted(
            self.world.vault.rglob("*.draft.md"),
            key=lambda p: str(notes.read(p.read_text(encoding="utf-8")).properties.get("message_id")),
        )
        return found[self.turn % len(found)] if found else None

    @rule(author=st.sampled_from(AUTHORS))
    def a_newer_mail_comes(self, author: str) -> None:
        id_ = f"<m{next(self.mails)}@acme.example>"
        world = self.world
        assert isinstance(world, DovecotWorld)
        headers = f"In-Reply-To: {SOURCE}\nReferences: {SOURCE}\n"
        world.desk.mail(
            f"Hi Jo,\n\nand how many disks did you use in {id_[1:-1]}?\n\nThanks",
            sender=author,
            message_id=id_,
            headers=headers,
            subject="Re: Storage",
        )
        self.settled = False

    @precondition(lambda self: len(list(self.world.vault.rglob("*.draft.md"))) > 1)
    @rule()
    def turns_to_another_draft(self) -> None:
        self.turn += 1

    def _settled(self, status: str) -> None:
        world = self.world
        if self.note:
            assert status in STATUSES | {"nonsense"}, status
        mine = [raw for raw in world.mailbox("Drafts") if raw in set(world.appended)]
        assert len(mine) == len(set(mine)) or self.dialog, "one draft twice"
        texts = [path.read_text(encoding="utf-8") for path in world.vault.rglob("*.draft.md")]
        self._quiet(status, runs=3 if any("status: missing" in text for text in texts) else 1)


@pytest.mark.dovecot
def test_lives_in_a_thread(on_dovecot: None) -> None:
    play(InThread, max(3, EXAMPLES // 15), 15)
