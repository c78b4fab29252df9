"""A shared folder's disk that gets full is told beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

from database import Database
from media.stores.folder import SharedFolder
from records.kept_files import KeptFiles
from records.uploads import Uploads


def test_a_store_that_gets_full_is_told_before_it_is(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("clips", "identity", "stills", "shared"):
        (tmp_path / name).mkdir()
    store = SharedFolder(tmp_path / "shared")
    uploads = Uploads(database, KeptFiles(database, tmp_path / "clips", tmp_path / "identity", store), store, tmp_path / "stills")
    for room, state in ((100 << 30, "ok"), (100 << 20, "degraded")):
        monkeypatch.setattr(store, "room", lambda room=room: room)
        uploads.send_waiting()
        assert uploads.health()["state"] == state
    assert "100 MB left" in uploads.health()["reason"]
