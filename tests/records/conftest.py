"""What a webhook is tried with: somebody who is told, and who tells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from database import Database
from tests.helpers.hooks import Receiver, Sending, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def sending(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sending]:
    monkeypatch.setattr("random.random", lambda: 1.0)  # the shortest pauses leave room for one try more in three days
    made = Sending(database)
    yield made
    made.sender.stop()
