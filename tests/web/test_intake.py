"""What a page's pictures, sound and stills become in its exam, and what of them is refused, without a server."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from basics.readings import SAMPLE_RATE, Frame
from bench.harness.footage import h264_frames
from media.opus import pack
from tests.helpers.exam import Page
from tests.helpers.sent_media import PICTURE, opus_messages, sps_of, tone
from web.student.protocol import MAX_SOUND_S


def jpeg(width: int = 64, height: int = 48, **options: Any) -> bytes:
    data = io.BytesIO()
    Image.new("L", (width, height), 90).save(data, "JPEG", quality=1, optimize=True, **options)
    return data.getvalue()


@pytest.fixture
def page() -> Page:
    return Page(now=100).come_in()


@pytest.fixture(scope="module")
def stream() -> list[Frame]:
    noise = np.random.default_rng(0).integers(60, 200, (240, 320, 3), np.uint8)
    return list(h264_frames((number / 10, noise) for number in range(5)))


def errors(messages: list[dict[str, Any]]) -> list[str]:
    return [message["code"] for message in messages if message["type"] == "error"]


# Pictures


def test_a_jpeg_is_handed_on_as_it_came(page: Page) -> None:
    assert page.send("picture", "jpeg", PICTURE, at=99, sequence=7, key=False, layer=1) == []
    (frame,) = page.exam.frames
    assert frame.at == pytest.approx(99)
    assert (frame.data, frame.codec, frame.layer, frame.sequence) == (PICTURE, "jpeg", 1, 7)
    assert frame.key, "a JPEG rests on no other picture, whatever its flag says"


def test_whether_a_picture_of_h264_is_a_key_is_read_from_itself(page: Page, stream: list[Frame]) -> None:
    for number, frame in enumerate(stream):
        page.send("picture", "h264", frame.data, at=99 + number / 10, sequence=number, key=not frame.key)
    assert [frame.key for frame in page.exam.frames] == [True, False, False, False, False]
    assert [frame.sequence for frame in page.exam.frames] == list(range(5))
    assert [frame.data for frame in page.exam.frames] == [frame.data for frame in stream]


def test_a_picture_that_says_it_is_huge_is_refused_before_anything_keeps_it(page: Page) -> None:
    (error,) = page.send("picture", "h264", b"\x00\x00\x01" + sps_of(65_520, 65_520) + b"\x00\x00\x01\x65bomb")
    assert (error["code"], "65520×65520" in error["message"]) == ("too_large", True)
    assert not page.exam.frames


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (jpeg(3000, 3000), "too_large"),
        (jpeg(640, 480, progressive=True), "invalid"),
        (cv2.imencode(".png", np.zeros((480, 640, 3), np.uint8))[1].tobytes(), "invalid"),
        (b"not a jpeg", "invalid"),
    ],
)
def test_no_picture_is_kept_that_would_be_dear_to_make_a_clip_of_or_to_show(page: Page, payload: bytes, code: str) -> None:
    assert len(payload) < 64 << 10
    assert errors(page.send("picture", "jpeg", payload)) == [code]
    assert not page.exam.frames


def test_a_picture_of_too_many_bytes_is_refused_with_the_limit(page: Page) -> None:
    assert page.send("picture", "jpeg", PICTURE.ljust(64 << 10, b"\0"), at=99.9) == []
    (error,) = page.send("picture", "jpeg", PICTURE.ljust((64 << 10) + 1, b"\0"))
    assert (error["code"], error["message"]) == ("too_large", "a picture of 64 KB is too large; at most 64 KB are taken")
    assert len(page.exam.frames) == 1


def test_pictures_are_taken_forward_in_time_only(page: Page) -> None:
    for at in (90, 91, 91, 90.5, 92):
        assert page.send("picture", "jpeg", PICTURE, at=at) == []
    assert [round(frame.at, 3) for frame in page.exam.frames] == [90, 91, 92]


def test_a_picture_from_before_the_exam_is_dropped() -> None:
    page = Page(now=0.2).come_in()
    page.send("picture", "jpeg", PICTURE, at=-0.5)
    page.send("picture", "jpeg", PICTURE, at=0.1)
    assert [round(frame.at, 3) for frame in page.exam.frames] == [0.1]


@pytest.mark.parametrize(("kind", "codec"), [("picture", "pcm16"), ("picture", "opus"), ("sound", "jpeg"), ("sound", "h264")])
def test_a_kind_in_a_codec_of_another_is_refused(page: Page, kind: str, codec: str) -> None:
    (error,) = page.send(kind, codec, b"media")
    assert error["code"] == "unsupported"
    assert f"{kind}s as {codec} aren't taken" in error["message"]
    assert not page.exam.frames + page.exam.stills
    assert not page.exam.sounds


# Sound


def test_sound_as_pcm_is_heard_to_the_sample(page: Page) -> None:
    samples = np.arange(-800, 800, dtype=np.int16)
    assert page.send("sound", "pcm16", samples.astype("<i2").tobytes(), at=99, sequence=3) == []
    (sound,) = page.exam.sounds
    assert sound.at == pytest.approx(99)
    assert sound.sequence == 3
    assert sound.samples.dtype == np.int16
    assert np.array_equal(sound.samples, samples)


def test_half_a_sample_at_the_end_is_left_out(page: Page) -> None:
    page.send("sound", "pcm16", b"\x01\x00\x02\x00\x03")
    assert page.exam.sounds[0].samples.tolist() == [1, 2]


def test_sound_as_opus_is_heard_at_its_time_in_its_length(page: Page) -> None:
    samples = tone(1)
    for number, message in enumerate(opus_messages(samples)):
        assert page.send("sound", "opus", message, at=90 + number * 0.2, sequence=number) == []
    heard = page.exam.sounds
    assert sum(len(sound.samples) for sound in heard) == pytest.approx(len(samples), abs=0.1 * SAMPLE_RATE)
    assert all(later.at == pytest.approx(sooner.at + sooner.duration, abs=0.002) for sooner, later in pairwise(heard))
    assert np.abs(np.concatenate([sound.samples for sound in heard])).max() > 4000


@pytest.mark.parametrize(
    ("codec", "payload", "code"),
    [
        ("pcm16", bytes(int(MAX_SOUND_S * SAMPLE_RATE) * 2 + 2), "too_large"),
        ("opus", pack([b"\x1b\x06" + bytes(8)] * 50), "too_large"),  # 120 ms each
        ("opus", b"\xff\xff12", "invalid"),
        ("opus", pack([b"\x03"]), "invalid"),
    ],
)
def test_sound_that_is_too_long_or_damaged_is_refused(page: Page, codec: str, payload: bytes, code: str) -> None:
    assert errors(page.send("sound", codec, payload)) == [code]
    assert not page.exam.sounds


def test_five_seconds_of_sound_are_taken_in_one_message(page: Page) -> None:
    assert page.send("sound", "pcm16", bytes(int(MAX_SOUND_S * SAMPLE_RATE) * 2), at=90) == []
    assert page.exam.sounds[0].duration == MAX_SOUND_S


def test_sound_from_before_the_exam_is_dropped() -> None:
    page = Page(now=0.2).come_in()
    assert page.send("sound", "pcm16", bytes(320), at=-0.1) == []
    assert not page.exam.sounds


# Stills


def test_a_still_is_handed_on_as_it_came(page: Page) -> None:
    data = jpeg()
    assert page.send("still", "jpeg", data, at=99, sequence=4) == []
    assert page.send("still", "jpeg", data, at=98, sequence=5) == [], "stills have no order to keep"
    assert [(still.data, still.sequence, still.codec) for still in page.exam.stills] == [(data, 4, "jpeg"), (data, 5, "jpeg")]
    assert not page.exam.frames


@pytest.mark.parametrize(
    ("codec", "payload", "code"),
    [
        ("h264", jpeg(), "unsupported"),
        ("jpeg", b"not a jpeg", "invalid"),
        ("jpeg", jpeg(3000, 2000), "too_large"),
        ("jpeg", bytes(65 << 10), "too_large"),
    ],
)
def test_a_still_that_a_browser_should_not_show_is_refused(page: Page, codec: str, payload: bytes, code: str) -> None:
    assert errors(page.send("still", codec, payload)) == [code]
    assert not page.exam.stills


def test_stills_that_nobody_asked_for_are_refused() -> None:
    page = Page(now=100, screen_capture="off").come_in()
    (error,) = page.send("still", "jpeg", jpeg())
    assert (error["code"], "SCREEN_CAPTURE is off" in error["message"]) == ("unsupported", True)
    assert not page.exam.stills


def test_a_still_from_before_the_exam_is_dropped() -> None:
    page = Page(now=0.2).come_in()
    assert page.send("still", "jpeg", jpeg(), at=-0.1) == []
    assert not page.exam.stills
