"""H.264 on the server: decoded in order, gaps waited out until the next key, sizes refused before decoding, clips copied with their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from basics.errors import InvalidInput, ProctorError, TooLarge
from basics.readings import SAMPLE_RATE, Frame, Sound
from bench.harness.footage import h264_frames
from media.clip import Clip, ClipJob
from media.encode import can_copy
from media.h264 import H264Decoder, inspect, nal_units, picture_size, playable
from media.pictures import LeftOut, PictureFeed
from media.recorder import Recorder
from media.ring import ClipRing
from sessions.analysis import PictureAnalyst
from sessions.models import Models
from settings.settings import load_settings
from tests.helpers.sent_media import decoded_at, sps_of

PIXELS = 4_000_000
FPS = 10


def image(number: int, width: int = 320, height: int = 240) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A picture whose brightness tells its number, modulo 20."""
    picture = np.full((height, width, 3), 20 + number % 20 * 10, np.uint8)
    picture[: height // 4, : width // 4] = 128
    return picture


def number_of(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    """The number that `image` put into a picture."""
    return round((float(picture[picture.shape[0] // 2 :].mean()) - 20) / 10)


def stream(count: int, *, width: int = 320, height: int = 240, first: int = 0) -> list[Frame]:
    """`count` pictures of H.264, ten a second, a key every 2 s; number and sequence go together."""
    made = h264_frames(((number / FPS, image(number, width, height)) for number in range(first, first + count)), key_s=2.0)
    return [Frame(frame.at, frame.data, frame.codec, frame.key, frame.layer, first + number) for number, frame in enumerate(made)]


def jpeg(number: int, width: int = 320, height: int = 240) -> Frame:
    return Frame(number / FPS, cv2.imencode(".jpg", image(number, width, height))[1].tobytes(), sequence=number)


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return stream(100)


# What a picture says of itself


def test_a_key_is_what_holds_a_key_whatever_its_sender_says(frames: list[Frame]) -> None:
    assert [inspect(frame.data, PIXELS).key for frame in frames[:21]] == [True] + [False] * 19 + [True]
    without_parameters = frames[0].data[frames[0].data.rindex(b"\x00\x00\x01") :]
    assert not inspect(without_parameters, PIXELS).key


@pytest.mark.parametrize(("width", "height"), [(320, 240), (640, 480), (1280, 720), (1920, 1088)])
def test_the_size_is_read_from_the_stream_s_own_parameters(width: int, height: int) -> None:
    key = stream(1, width=width, height=height)[0]
    sps = next(unit for kind, unit in nal_units(key.data) if kind == 7)
    assert picture_size(sps)[:2] == (width, height)


@pytest.mark.parametrize(("width", "height", "references"), [(65_520, 65_520, 1), (2016, 2016, 1), (2000, 1600, 16)])
def test_a_size_bomb_is_refused_before_it_is_decoded(frames: list[Frame], width: int, height: int, references: int) -> None:
    bomb = b"\x00\x00\x00\x01" + sps_of(width, height, references) + b"\x00\x00\x01" + b"\x65rest"
    with pytest.raises(TooLarge, match=f"{width}×{height}"):
        inspect(bomb, PIXELS)
    decoder = H264Decoder(PIXELS)
    decoder.decode(frames[0])
    with pytest.raises(TooLarge):  # in mid-stream too, where a decoder would change its size
        decoder.decode(Frame(1, bomb + frames[1].data, "h264", False))


@pytest.mark.parametrize("data", [b"", b"no stream", b"\x00\x00\x01", b"\x00\x00\x01\x67", b"\x00\x00\x01\x67\x42\x00\x1f", b"\xff\xd8\xff\xe0jpeg"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        inspect(data, PIXELS)


def test_any_bytes_are_refused_or_read_and_nothing_else(frames: list[Frame]) -> None:
    random = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(frames[0].data if random.random() < 0.5 else frames[1].data)
        for _ in range(8):
            data[random.integers(len(data))] = random.integers(256)
        feed = PictureFeed(PIXELS, 4)
        feed.add(frames[0])
        feed.add(Frame(1, bytes(data), "h264", bool(random.random() < 0.5), 0, 1))
        try:
            picture = feed.decode()
            assert picture is not None
        except ProctorError:
            feed.add(frames[20])
            assert feed.decode() is not None


# The order of decoding


def decoded(feed: PictureFeed) -> int | None:
    picture = feed.decode()
    return None if picture is None else number_of(picture.image)


def test_the_newest_picture_is_read_and_all_it_rests_on_are_decoded(frames: list[Frame]) -> None:
    feed = PictureFeed(PIXELS, 4)
    for number, frame in enumerate(frames[:50]):
        feed.add(frame)
        if number % 7 == 6:
            assert decoded(feed) == number % 20
    assert decoded(feed) == 49 % 20
    assert feed.decode() is None


def test_a_worker_that_comes_late_begins_at_the_newest_key(frames: list[Frame]) -> None:
    feed = PictureFeed(PIXELS, 4)
    for frame in frames[:90]:
        feed.add(frame)
    assert decoded(feed) == 89 % 20


def test_after_a_gap_nothing_is_read_until_the_next_key_and_one_is_asked_for(frames: list[Frame]) -> None:
    feed = PictureFeed(PIXELS, 4)
    for frame in frames[:25]:
        feed.add(frame)
    assert decoded(feed) == 24 % 20
    assert not feed.asks_key(2.4)
    for frame in frames[26:40]:
        feed.add(frame)
    assert feed.decode() is None
    assert feed.asks_key(2.6)
    assert not feed.asks_key(2.7)  # the page is given its time
    feed.add(frames[40])
    assert decoded(feed) == 0
    assert not feed.asks_key(9)


def test_a_damaged_picture_is_told_and_costs_the_pictures_up_to_the_next_key(frames: list[Frame]) -> None:
    feed = PictureFeed(PIXELS, 4)
    feed.add(frames[0])
    feed.add(Frame(0.1, frames[1].data[:40], "h264", False, 0, 1))
    with pytest.raises(InvalidInput, match="key picture"):
        feed.decode()
    feed.add(frames[2])
    assert feed.decode() is None
    assert feed.asks_key(1)
    feed.add(frames[20])
    assert decoded(feed) == 0


def passed_over(frames: list[Frame]) -> tuple[PictureFeed, list[LeftOut]]:
    """A feed that has read the key of 2 s, and what it left out since 1.4 s."""
    feed = PictureFeed(PIXELS, FPS, span=1.0)
    for frame in frames[:15]:
        feed.add(frame)
    assert decoded(feed) == 14
    feed.read(1.4)
    for frame in frames[15:21]:
        feed.add(frame)
    picture = feed.decode()
    assert picture is not None
    assert (number_of(picture.image), picture.at, picture.key_at) == (0, 2.0, 2.0)
    return feed, feed.read(2.0)


def test_what_a_key_makes_needless_is_decoded_only_where_it_is_read_after_all(frames: list[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    at = decoded_at(monkeypatch)
    feed, left_out = passed_over(frames)
    assert at == [*(number / FPS for number in range(15)), 2.0]
    assert [one.at for one in left_out] == pytest.approx([1.5, 1.6, 1.7, 1.8, 1.9])
    assert [number_of(one.picture().image) for one in (left_out[1], left_out[4], left_out[0])] == [16, 19, 15]
    assert at[16:] == [1.5, 1.6, 1.7, 1.8, 1.9]
    for frame in frames[21:36]:
        feed.add(frame)
    assert decoded(feed) == 15
    feed.read(3.5)
    for frame in frames[36:42]:  # the decoder that was left behind takes this key
        feed.add(frame)
    assert decoded(feed) == 1
    assert [number_of(one.picture().image) for one in feed.read(4.1)] == [16, 17, 18, 19, 0]
    assert len(at) == len(set(at))


def test_damage_before_a_key_costs_what_is_before_it_alone(frames: list[Frame]) -> None:
    damaged = [*frames[:17], replace(frames[17], data=frames[17].data[:40]), *frames[18:]]
    feed, left_out = passed_over(damaged)
    assert number_of(left_out[1].picture().image) == 16
    for one in left_out[2:]:
        with pytest.raises(InvalidInput):
            one.picture()
    assert not feed.asks_key(2.0)
    feed.add(frames[21])
    assert decoded(feed) == 1


def test_jpeg_and_h264_may_follow_one_another(frames: list[Frame]) -> None:
    feed = PictureFeed(PIXELS, 4)
    seen = []
    for frame in [*frames[:25], *(jpeg(number) for number in range(25, 30)), *stream(15, first=30), jpeg(45)]:
        feed.add(frame)
        seen.append(decoded(feed))
    assert seen == [number % 20 for number in range(46)]


def test_what_waits_is_bounded(frames: list[Frame]) -> None:
    feed = PictureFeed(PIXELS, 4)
    feed.add(frames[0])
    for number in range(1, 1000):  # a page that never sends a key again
        feed.add(Frame(number / FPS, frames[1].data, "h264", False, 0, number))
    assert len(feed._waiting) <= 64
    assert feed.asks_key(100)


def test_of_two_layers_the_base_alone_is_decoded_until_somebody_watches_at_full_rate(frames: list[Frame]) -> None:
    feed = PictureFeed(PIXELS, 4)
    feed.add(frames[0])
    feed.add(Frame(0.1, b"an upper layer", "h264", False, 1, 1))
    assert decoded(feed) == 0
    feed.watch(1, 0.1)
    feed.add(Frame(0.2, b"an upper layer", "h264", False, 1, 2))
    assert feed.decode() is None
    feed.watch(10, 0.2)
    feed.add(Frame(0.3, b"an upper layer", "h264", False, 1, 3))
    with pytest.raises(InvalidInput):
        feed.decode()


def test_who_decodes_for_himself_goes_on_from_what_he_has_or_begins_with_a_key(frames: list[Frame]) -> None:
    feed = PictureFeed(PIXELS, 4)
    for frame in frames[:15]:
        feed.add(frame)
    assert feed.h264_since(-1, base_only=False) == frames[:15]
    assert feed.h264_since(frames[11].at, base_only=False) == frames[12:15]
    feed.add(Frame(1.5, b"an upper layer", "h264", False, 1, 15))
    assert len(feed.h264_since(frames[11].at, base_only=False)) == 4
    assert feed.h264_since(frames[11].at, base_only=True) == frames[12:15]
    for frame in frames[16:24]:  # the one of a higher layer stood for the 15th
        feed.add(frame)
    assert feed.h264_since(frames[11].at, base_only=False) == frames[20:24]
    feed.add(frames[30])  # some were lost on the way
    assert feed.h264_since(-1, base_only=False) == []
    feed.add(frames[40])
    assert feed.h264_since(frames[11].at, base_only=False) == [frames[40]]
    feed.add(jpeg(41))
    assert feed.h264_since(-1, base_only=False) == []


def test_what_is_kept_for_who_decodes_for_himself_is_bounded(frames: list[Frame]) -> None:
    feed = PictureFeed(PIXELS, 4)
    feed.add(frames[0])
    for number in range(1, 20):  # a page that sends the largest messages, and no key
        feed.add(Frame(number / FPS, bytes(1 << 20), "h264", False, 0, number))
        assert sum(len(one.data) for one in feed.h264_since(-1, base_only=False)) <= 4 << 20
    assert feed.h264_since(-1, base_only=False) == []
    feed.add(frames[40])
    damaged = PictureFeed(PIXELS, 4)
    damaged.add(frames[0])
    damaged.add(Frame(0.1, frames[1].data[:40], "h264", False, 0, 1))
    with pytest.raises(InvalidInput):
        damaged.decode()
    assert damaged.h264_since(-1, base_only=False) == [], "what can't be decoded here is sent to no viewer that comes"


def test_viewers_get_jpegs_at_their_rate_and_none_are_made_for_nobody(frames: list[Frame]) -> None:
    feed = PictureFeed(PIXELS, 4)
    feed.add(frames[0])
    feed.decode()
    assert feed.viewers_wait_from(0) is None
    assert feed.jpeg() is None
    feed.watch(1, 0.1)
    made = []
    for frame in frames[1:31]:
        feed.add(frame)
        due = feed.viewers_wait_from(frame.at)
        if due is not None and frame.at >= due:
            feed.decode()
        if feed.makes_jpegs:
            shown = feed.jpeg()
            assert shown is not None
            assert shown.codec == "jpeg"
            made.append(shown.at)
    assert sorted(set(made)) == [0.1, 1.0, 1.9, 2.8]
    feed.add(frames[31])
    assert feed.viewers_wait_from(60) is None  # they have gone; asking changes nothing, and what comes next finds it out
    before = feed.makes_jpegs
    feed.let_viewers_go(60)
    assert (before, feed.makes_jpegs) == (True, False)
    assert feed.jpeg() is None


def test_a_camera_that_its_page_sees_standing_still_is_frozen_though_h264_moves_its_pixels(frames: list[Frame]) -> None:
    analyst = PictureAnalyst(Models(), load_settings(_env_file=None))
    feed = PictureFeed(PIXELS, 4)
    feed.add(frames[0])
    analyst.view.told_frozen = True
    picture = feed.decode()
    assert picture is not None
    readings = analyst.read(picture, "s")
    assert (readings.frozen, readings.gaze.direction, readings.gaze.reason) == (True, "unknown", "frozen")
    analyst.close()


# Clips


def tone(seconds: float, at: float = 0.0) -> list[Sound]:
    samples = (3000 * np.sin(np.arange(3200) * 0.17)).astype(np.int16)
    return [Sound(at + step / 5, samples) for step in range(round(seconds * 5))]


def make(tmp_path: Path, frames: Sequence[Frame], sounds: list[Sound], start: float = 0, end: float = 10) -> tuple[Clip, Path]:
    recorder = Recorder(tmp_path / "clips", tmp_path)
    clip = recorder.make(ClipJob("s", "u", 0, datetime.now(timezone.utc), 10, start, end, list(frames), sounds))
    assert clip.state == "ready", clip.reason
    return clip, recorder.clips_dir / clip.path


def times_and_numbers(path: Path) -> list[tuple[float, int]]:
    with av.open(str(path)) as container:
        return [
            (round(float(picture.time), 2), number_of(np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)))
            for picture in container.decode(video=0)
        ]


def sound_s(path: Path) -> float:
    with av.open(str(path)) as container:
        return sum(frame.samples for frame in container.decode(audio=0)) / SAMPLE_RATE


def test_a_clip_of_h264_is_copied_with_its_own_times_and_sound(tmp_path: Path, frames: list[Frame]) -> None:
    clip, path = make(tmp_path, frames, tone(10))
    assert times_and_numbers(path) == [(round(number / FPS, 2), number % 20) for number in range(100)]
    assert clip.duration == pytest.approx(10)
    assert sound_s(path) == pytest.approx(10, abs=0.1)
    with av.open(str(path)) as container:
        copied = b"".join(bytes(packet) for packet in container.demux(video=0))
        assert float(container.duration or 0) / 1e6 == pytest.approx(10, abs=0.1)
    # Copied: the pictures' own bytes, but for start codes, which MP4 writes as lengths.
    assert all(unit in copied for frame in frames for kind, unit in nal_units(frame.data) if kind in {1, 5})
    whole = path.read_bytes()
    assert whole.index(b"moov") < whole.index(b"mdat")


def test_pictures_after_a_gap_are_left_out_of_the_clip(tmp_path: Path, frames: list[Frame]) -> None:
    lost = [frame for frame in frames if frame.sequence != 45]
    _, path = make(tmp_path, lost, tone(10))
    assert times_and_numbers(path) == [(round(number / FPS, 2), number % 20) for number in range(100) if not 45 <= number < 60]


def test_pictures_without_their_key_make_no_clip_but_the_sound_does(tmp_path: Path, frames: list[Frame]) -> None:
    assert playable(frames[1:20]) == []
    _, path = make(tmp_path, frames[1:20], tone(2), end=2)
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["audio"]
    nothing = Recorder(tmp_path / "clips", tmp_path).make(ClipJob("s", "u", 0, datetime.now(timezone.utc), 1, 0, 2, frames[1:20], []))
    assert (nothing.state, "decoded" in nothing.reason) == ("failed", True)


@pytest.mark.parametrize("change", ["to jpeg and back", "size"])
def test_a_page_that_changed_in_mid_clip_gives_a_clip_of_all(tmp_path: Path, frames: list[Frame], change: str) -> None:
    if change == "size":
        mixed = frames[:40] + stream(60, width=160, height=128, first=40)
    else:
        mixed = [*frames[:40], *(jpeg(number) for number in range(40, 60)), *frames[60:]]
    assert not can_copy(mixed)
    clip, path = make(tmp_path, mixed, tone(10))
    found = times_and_numbers(path)
    assert [at for at, _ in found] == [round(number / FPS, 2) for number in range(100)]
    assert all(abs(number - expected % 20) <= 1 for expected, (_, number) in enumerate(found))  # encoded anew: a step brighter or darker
    assert sound_s(path) == pytest.approx(clip.duration, abs=0.1)


def test_a_cut_begins_at_the_key_before_it_and_so_does_its_sound(frames: list[Frame]) -> None:
    ring = ClipRing(100, 1 << 20)
    for frame in frames:
        ring.add_frame(frame)
    for sound in tone(10):
        ring.add_sound(sound)
    cut, sounds = ring.cut(3.05, 6)
    assert (cut[0].at, cut[0].key, cut[-1].at) == (2.0, True, 5.9)
    assert sounds[0].at <= 2.0
    assert ring.cut(4.0, 6)[0][0].at == 4.0
    jpegs = ClipRing(100, 1 << 20)
    for number in range(100):
        jpegs.add_frame(jpeg(number))
    assert jpegs.cut(3.05, 6)[0][0].at == 3.1
