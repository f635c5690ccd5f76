from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeSettings
from tests.e2e.life.desk import Desk
from tests.servers.dovecot import Dovecot


@pytest.fixture
def desk(dovecot: Dovecot, user: str, make_settings: MakeSettings, vault: Path) -> Iterator[Desk]:
    made = Desk(dovecot, user, make_settings(dovecot.port, user), vault)
    yield made
    made.close()
