from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeSettings
from tests.e2e.life.desk import Desk, sending
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer
from tests.servers.smtp import SmtpServer


@pytest.fixture
def desk(dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path) -> Iterator[Desk]:
    made = Desk(dovecot, user, make_settings(dovecot.port, user), vault)
    yield made
    made.close()


@pytest.fixture
def smtp(desk: Desk, make_settings: MakeSettings) -> Iterator[SmtpServer]:
    with sending(desk, make_settings, SmtpServer()) as server:
        yield server


@pytest.fixture
def modelled(desk: Desk, make_settings: MakeSettings, model: ModelServer) -> Desk:
    """A desk with a model."""
    desk.settings = make_settings(desk.dovecot.port, desk.user, llm=model.url)
    return desk
