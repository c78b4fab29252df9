"""Stations whose footage a test chooses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sessions.sources import Stations
from settings.settings import Settings
from tests.helpers.stations import Open


@pytest.fixture
def opened() -> Iterator[Open]:
    made: list[Stations] = []

    def make(**values: Any) -> Stations:
        settings: dict[str, Any] = {"camera": "none", "microphone": "none", "screen_hooks": False, "device_retry_s": 0.2}
        settings |= {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
        made.append(Stations(Settings(_env_file=None, **settings)))  # type: ignore[call-arg]
        return made[-1]

    yield make
    for stations in made:
        stations.close()
    readers = [t.name for t in threading.enumerate() if t.name.startswith(("camera-", "microphone-", "stations-", "screen-"))]
    assert not readers, f"threads left behind: {readers}"
