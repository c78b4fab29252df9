"""Pictures made to cost: sizes that two readers read differently, scans without end. Each is refused before it is decoded."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from basics.errors import InvalidInput, TooLarge
from basics.readings import Frame
from media.h264 import PROFILES, inspect
from media.pictures import PictureFeed, check_picture
from sessions import picture_line
from sessions.analysis import PictureAnalyst
from sessions.models import Models
from sessions.picture_line import PictureLine
from settings.settings import load_settings
from tests.helpers.sent_media import sps_of

MAX = 1_000_000


def jpeg(width: int = 320, height: int = 240, **options: object) -> bytes:
    out = io.BytesIO()
    shades = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(shades).save(out, "JPEG", **options)
    return out.getvalue()


def again(data: bytes, times: int) -> bytes:
    """`data` with its last scan so many times over."""
    scan = data.rfind(b"\xff\xda")
    return data[:-2] + data[scan:-2] * times + data[-2:]


@pytest.mark.parametrize(
    "options", [{}, {"quality": 20}, {"optimize": True}, {"subsampling": 0}, {"restart_marker_blocks": 4}, {"comment": b"\xff\xda" * 50}]
)
def test_a_baseline_picture_is_read_whoever_made_it(options: dict[str, object]) -> None:
    assert check_picture(jpeg(321, 241, **options), MAX) == (321, 241)


def test_a_cameras_picture_is_read() -> None:
    assert check_picture(cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes(), MAX) == (64, 48)


@pytest.mark.parametrize(
    "data",
    [
        jpeg(progressive=True),
        again(jpeg(progressive=True), 5000),
        again(jpeg(), 5),
        jpeg()[:100],
        b"\xff\xd8" + b"\xff\xfe\x00\x02" * 1000,
        b"\xff\xd8\xff\xc0\x00\x00",
        b"\xff\xd8\xff\xd9",
        b"RIFF",
    ],
)
def test_other_pictures_are_refused_with_the_reason(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="send"):
        check_picture(data, MAX)


@pytest.mark.parametrize("size", [(1, 1), (31, 640), (640, 16)])
def test_a_picture_on_which_nobody_can_be_seen_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidInput, match="are the least; send 640×480"):
        check_picture(jpeg(*size), MAX)


def test_a_picture_that_is_too_large_is_refused() -> None:
    with pytest.raises(TooLarge, match="4000×4000"):
        check_picture(jpeg(4000, 4000, quality=1), MAX)


@pytest.mark.parametrize("profile", [0, 44, 83, 86, 88, 110, 118, 122, 128, 134, 135, 138, 139, 144, 244, 255])
def test_profiles_whose_size_others_read_differently_are_refused(profile: int) -> None:
    sps = bytearray(sps_of(640, 480))
    assert sps[1] in PROFILES
    sps[1] = profile
    with pytest.raises(InvalidInput, match=f"profile {profile}"):
        inspect(b"\x00\x00\x01" + bytes(sps) + b"\x00\x00\x01\x68\x00\x00\x01\x65x", MAX)


def test_a_session_whose_pictures_are_dear_waits_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(_env_file=None)
    feed, analyst = PictureFeed(MAX, settings.gaze_fps), PictureAnalyst(Models(), settings)
    line = PictureLine(feed, analyst, "dear")
    for number, dear in enumerate((False, True)):
        at = 10.0 + number * 5
        line.add(Frame(at, jpeg(), sequence=number), at)
        assert line.waits(at + 1) is not None
        monkeypatch.setattr(picture_line, "DEAR_S", -1.0 if dear else 1e9)
        monkeypatch.setattr(picture_line, "SHARE", 1e-9)
        line.read()
        line.add(Frame(at + 4, jpeg(), sequence=number + 1), at + 4)
        assert (line.waits(at + 4) is None) == dear
    analyst.close()
