"""Stations whose footage a test chooses, on a machine that may stand still for seconds: no picture is skipped for that, and no device given up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sessions.sources import Stations
from settings.settings import Settings
from tests.helpers.stations import WAIT, Open


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    made: list[Stations] = []
    for limit in ("devices.camera.LATE_MOST", "devices.camera.READ_LIMIT", "devices.reader.OPEN_LIMIT"):
        monkeypatch.setattr(limit, WAIT)

    def make(**values: Any) -> Stations:
        settings: dict[str, Any] = {"camera": "none", "microphone": "none", "screen_hooks": False, "device_retry_s": 0.2}
        settings |= {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
        made.append(Stations(Settings(_env_file=None, **settings)))  # type: ignore[call-arg]
        return made[-1]

    yield make
    for stations in made:
        stations.close()
    readers = [thread for thread in threading.enumerate() if thread.name.startswith(("camera-", "microphone-", "stations-", "screen-"))]
    for reader in readers:
        reader.join(WAIT)
    left = [reader.name for reader in readers if reader.is_alive()]
    assert not left, f"threads left behind: {left}"
