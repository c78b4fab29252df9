"""Stills: the moment asked for out of a clip, kept and served; and the stills of a shared screen that a session keeps."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from basics.errors import NotFound
from basics.readings import Frame, Sound
from media import clip_stills as stills
from media.clip import ClipJob
from media.clip_stills import ClipStills, take_still
from media.recorder import Recorder
from media.screen_stills import ScreenStills
from media.stores.base import LocalFile
from tests.helpers.web import error_of
from web.parts import Parts

SESSION = "0123456789abcdef0123456789abcdef"


def gray(shade: int) -> bytes:
    return cv2.imencode(".jpg", np.full((120, 160, 3), shade, np.uint8))[1].tobytes()


def make_clip(folder: Path, *, frames: bool = True) -> dict[str, Any]:
    """A clip of 12 s whose shade tells its second: 20 × second."""
    pictures = [Frame(step / 10, gray(20 * (step // 10))) for step in range(120)] if frames else []
    sounds = [Sound(0.0, np.zeros(16_000, np.int16))]
    job = ClipJob(SESSION, "ann", 3, datetime(2024, 10, 5, tzinfo=timezone.utc), 10, 0.0, 12.0, pictures, sounds, [["multiple_faces", 7.3, 9.0]])
    folder.mkdir(exist_ok=True)
    (folder / "temp").mkdir(exist_ok=True)
    clip = Recorder(folder, folder / "temp").make(job)
    assert clip.state == "ready", clip.reason
    return clip.to_dict()


def shade_of(jpeg: bytes) -> float:
    return float(np.asarray(Image.open(io.BytesIO(jpeg)).convert("L")).mean())


@pytest.mark.parametrize("at", [0.0, 0.5, 4.99, 5.0, 7.3, 11.5, 11.9])
def test_a_still_shows_the_moment_that_is_asked_for(tmp_path: Path, at: float) -> None:
    clip = make_clip(tmp_path)
    assert abs(shade_of(take_still(LocalFile(tmp_path / clip["path"]), at)) - 20 * int(at)) < 8


def test_a_clip_that_holds_no_picture_says_so(tmp_path: Path) -> None:
    clip = make_clip(tmp_path, frames=False)
    with pytest.raises(NotFound, match="no picture"):
        take_still(LocalFile(tmp_path / clip["path"]), 1.0)
    (tmp_path / "broken.mp4").write_bytes(b"no clip")
    with pytest.raises(NotFound, match="No still"):
        take_still(LocalFile(tmp_path / "broken.mp4"), 1.0)


def test_a_still_is_taken_once_and_old_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = tmp_path / make_clip(tmp_path)["path"]
    kept = ClipStills(tmp_path / "stills")
    first = kept.get(LocalFile(clip), "a", 1.0)
    monkeypatch.setattr(stills, "take_still", lambda *_: b"another")
    assert kept.get(LocalFile(clip), "a", 1.0).read_bytes() == first.read_bytes() != b"another"
    monkeypatch.setattr(stills, "KEPT_MAX", 3)
    for number in range(6):
        kept.get(LocalFile(clip), f"b{number}", 1.0)
    assert len(list((tmp_path / "stills").iterdir())) == 3


def test_the_still_of_a_flagged_interval_is_of_its_first_violation(client: FlaskClient, parts: Parts) -> None:
    clip = make_clip(parts.settings.clips_dir)
    fields = {"session_id": SESSION, "index": 3, "flagged": True, "clip": clip}
    assert parts.database.write("intervals", f"{SESSION}-3", fields).wait(10)
    answer = client.get(f"/api/session/{SESSION}/still/3", buffered=True)
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert abs(shade_of(answer.data) - 140) < 8
    assert client.get(f"/api/session/{SESSION}/still/3", headers={"If-None-Match": answer.headers["ETag"]}, buffered=True).status_code == 304


def test_stills_that_there_are_none_of(client: FlaskClient, parts: Parts) -> None:
    assert parts.database.write("intervals", f"{SESSION}-4", {"flagged": True, "clip": {"state": "pending"}}).wait(10)
    assert error_of(client.get(f"/api/session/{SESSION}/still/4"), 404)["code"] == "not_ready"
    for path in (f"{SESSION}/still/5", f"{SESSION}/still/..", "x/still/1", f"{SESSION}/screen", "x/screen"):
        error_of(client.get(f"/api/session/{path}"), 404)


# Of the screen


def test_the_newest_still_stays_and_old_ones_go_by_time_and_bytes() -> None:
    kept = ScreenStills(keep_s=10, max_bytes=1000)
    for at in range(0, 30, 2):
        kept.add(Frame(at, b"x" * 100))
    assert [still.at for still in kept.between(0, 100)] == [18, 20, 22, 24, 26, 28]
    kept.add(Frame(5, b"late"))
    kept.add(Frame(29, b"y" * 5000))
    assert [still.at for still in kept.between(0, 100)] == [29]
    newest = kept.newest()
    assert newest is not None
    assert newest.at == 29
