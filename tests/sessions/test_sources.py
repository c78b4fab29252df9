"""Stations: real files, streams and pipes through the real readers; who is told what, when devices open and close."""

from __future__ import annotations

import logging
import os
import threading
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from basics.errors import NotFound
from tests.helpers.stations import FLASH, WAIT, Listener, Open, Rude, brightness, film, joined, recording, release_readers


def test_a_film_is_played_by_its_own_times_sampled_down_and_ends(opened: Open, tmp_path: Path) -> None:
    stations, listener = opened(camera=film(tmp_path / "film.mp4"), video_fps=10), Listener()
    stations.attach("default", listener)
    assert listener.until_state("camera", "ended") == "the file has ended"

    assert len(listener.frames) == 20
    start = listener.frames[0].at
    # 25 pictures a second lie on a grid of 0.04 s: ten a second are taken evenly, each with its own time.
    offsets = [round((frame.at - start) * 25, 6) for frame in listener.frames]
    assert offsets == [round(offset) for offset in offsets]
    assert all(abs(frame.at - start - number / 10) <= 0.04 for number, frame in enumerate(listener.frames))
    assert all(arrival >= frame.at for arrival, frame in zip(listener.arrivals, listener.frames, strict=True)), "nothing is shown before its time"
    assert [brightness(frame) > 128 for frame in listener.frames] == [frame.at - start >= FLASH for frame in listener.frames]
    assert [frame.sequence for frame in listener.frames] == list(range(1, 21))
    assert listener.story("camera") == ["starting", "ok", "ended"]


def test_pictures_and_sound_of_one_station_start_together(opened: Open, tmp_path: Path) -> None:
    stations = opened(camera=film(tmp_path / "film.mp4"), microphone=recording(tmp_path / "sound.wav"), video_fps=25)
    listener = Listener()
    stations.attach("default", listener)
    listener.until_state("camera", "ended")
    listener.until_state("microphone", "ended")

    flash = next(frame.at for frame in listener.frames if brightness(frame) > 128)
    heard = listener.sounds[0].at + int(np.argmax(np.abs(joined(listener.sounds)) > 3000)) / 16_000
    assert abs(flash - heard) < 0.05
    assert listener.sounds[0].at == listener.frames[0].at


@pytest.mark.parametrize(("rate", "channels", "suffix"), [(44_100, 2, ".wav"), (16_000, 1, ".flac"), (8_000, 1, ".wav"), (48_000, 6, ".flac")])
def test_a_recording_keeps_its_length_and_times_whatever_its_rate(opened: Open, tmp_path: Path, rate: int, channels: int, suffix: str) -> None:
    path = recording(tmp_path / f"sound{suffix}", seconds=1.5, rate=rate, channels=channels)
    stations, listener = opened(microphone=path), Listener()
    stations.attach("default", listener)
    assert listener.until_state("microphone", "ended") == "the file has ended"

    samples = joined(listener.sounds)
    assert len(samples) == pytest.approx(24_000, abs=16)
    assert all(later.at == pytest.approx(earlier.at + earlier.duration, abs=1e-6) for earlier, later in pairwise(listener.sounds))
    assert all(0.05 < sound.duration < 0.25 for sound in listener.sounds[:-1])
    onset = int(np.argmax(np.abs(samples) > 6000))
    assert onset / 16_000 == pytest.approx(FLASH, abs=0.001)
    spectrum = np.abs(np.fft.rfft(samples[17_000:23_000]))
    assert np.argmax(spectrum) * 16_000 / 6000 == pytest.approx(1000, abs=5)


def test_a_recording_of_our_own_rate_arrives_sample_for_sample(opened: Open, tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(-32768, 32768, 8_050).astype(np.int16)
    soundfile.write(tmp_path / "noise.flac", samples, 16_000)
    stations, listener = opened(microphone=tmp_path / "noise.flac"), Listener()
    stations.attach("default", listener)
    listener.until_state("microphone", "ended")
    assert np.array_equal(joined(listener.sounds), samples)


def test_an_ended_film_is_not_started_again_for_another_listener(opened: Open, tmp_path: Path) -> None:
    stations, first, second = opened(camera=film(tmp_path / "film.mp4", seconds=0.4)), Listener(), Listener()
    stations.attach("default", first)
    first.until_state("camera", "ended")
    frames = len(first.frames)
    stations.attach("default", second)
    assert second.newest("camera") == ("ended", "the file has ended")
    assert not second.frames
    assert len(first.frames) == frames

    stations.detach("default", first)
    stations.detach("default", second)
    stations.attach("default", second)  # opened anew: played anew
    second.until_state("camera", "ended")
    assert len(second.frames) == frames


@pytest.mark.parametrize("content", [None, b"", b"this is a letter, not a film" * 50])
def test_a_file_that_is_no_video_is_missing_and_found_when_it_becomes_one(opened: Open, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "exam.mp4"
    if content is not None:
        path.write_bytes(content)
    stations, listener = opened(camera=path), Listener()
    stations.attach("default", listener)
    assert str(path) in listener.until_state("camera", "missing")
    film(tmp_path / "made.mp4", seconds=0.4).replace(path)
    listener.until_state("camera", "ended")
    assert len(listener.frames) == 4


@pytest.mark.parametrize("content", [None, b"RIFF, or so"])
def test_a_file_that_is_no_sound_is_missing_and_found_when_it_becomes_one(opened: Open, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "exam.wav"
    if content is not None:
        path.write_bytes(content)
    stations, listener = opened(microphone=path), Listener()
    stations.attach("default", listener)
    assert str(path) in listener.until_state("microphone", "missing")
    recording(tmp_path / "made.wav", seconds=0.3).replace(path)
    listener.until_state("microphone", "ended")
    assert len(joined(listener.sounds)) == pytest.approx(4800, abs=16)


def test_a_missing_film_does_not_keep_the_sound_from_starting(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.reader.START_WAIT", WAIT)
    stations = opened(camera=tmp_path / "none.mp4", microphone=recording(tmp_path / "sound.wav", seconds=0.3))
    listener = Listener()
    begun = time.monotonic()
    stations.attach("default", listener)
    listener.until_state("microphone", "ended")
    assert listener.sounds[0].at - begun < WAIT / 2, "the sound would have waited for a film that had not said it failed"


def test_footage_of_the_development_data_is_played(opened: Open, shared_data: Path) -> None:
    folder = next((shared_data / "scenarios").iterdir())
    stations, listener = opened(camera=folder / "video.mp4", microphone=folder / "audio.flac"), Listener()
    stations.attach("default", listener)
    listener.until(lambda: len(listener.frames) >= 5 and len(listener.sounds) >= 5)
    picture = np.asarray(cv2.imdecode(np.frombuffer(listener.frames[0].data, np.uint8), cv2.IMREAD_COLOR))
    assert picture.shape == (480, 640, 3)
    assert listener.sounds[0].samples.dtype == np.int16
    assert [round(frame.at - listener.frames[0].at, 6) for frame in listener.frames[:5]] == [0, 0.1, 0.2, 0.3, 0.4]


def test_one_station_is_opened_once_for_all_its_listeners_and_closed_with_the_last(opened: Open, tmp_path: Path) -> None:
    stations = opened(camera=film(tmp_path / "film.mp4", seconds=20))
    assert stations.states()["default"]["camera"]["state"] == "off"
    first, second = Listener(), Listener()
    stations.attach("default", first)
    stations.attach("default", first)  # twice is once
    first.until(lambda: first.frames)
    stations.attach("default", second)
    assert second.newest("camera") == ("ok", "")
    assert len([t for t in threading.enumerate() if t.name.startswith("camera-")]) == 1
    second.until(lambda: len(second.frames) >= 2)
    assert all(any(frame is known for known in first.frames) for frame in second.frames), "the same picture, encoded once"
    assert len({frame.sequence for frame in first.frames}) == len(first.frames)

    stations.detach("default", first)
    frames = len(first.frames)
    seen = len(second.frames)
    second.until(lambda: len(second.frames) >= seen + 3)
    assert len(first.frames) <= frames + 1, "one call may have been under way"
    stations.detach("default", second)
    assert stations.states()["default"]["camera"] == stations.states()["default"]["camera"] | {"state": "off", "reason": "not in use"}
    for thread in threading.enumerate():
        if thread.name.startswith("camera-"):
            thread.join(WAIT)
            assert not thread.is_alive(), "the camera's light would still be on"


def test_a_listener_that_raises_harms_nobody_and_is_logged_once(opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stations = opened(camera=film(tmp_path / "film.mp4", seconds=1), microphone=recording(tmp_path / "sound.wav", seconds=1))
    rude, polite = Rude(), Listener()
    stations.attach("default", rude)
    stations.attach("default", polite)
    polite.until_state("camera", "ended")
    polite.until_state("microphone", "ended")
    assert len(polite.frames) >= 9
    assert len(rude.frames) == 10
    failures = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert sorted(str(record.args[1]) for record in failures if isinstance(record.args, tuple)) == ["device_state", "take_frame", "take_sound"]


def test_states_are_told_at_attach_and_shown_for_health(opened: Open, tmp_path: Path) -> None:
    stations = opened(camera=film(tmp_path / "film.mp4", seconds=5), stations={"room-1": {"microphone": str(tmp_path / "no.wav")}})
    assert stations.names() == ["default", "room-1"]
    listener = Listener()
    stations.attach("room-1", listener)
    assert listener.newest("camera") == ("off", "the station has no camera")
    assert listener.newest("screen")[0] == "off"
    assert "default" in listener.newest("screen")[1]
    assert listener.story("microphone")[0] == "starting"
    listener.until_state("microphone", "missing")
    shown_state = stations.states()["room-1"]["microphone"]
    assert shown_state["state"] == "missing"
    assert "no.wav" in shown_state["reason"]
    assert shown_state["since"].endswith("Z")
    assert stations.states()["default"]["camera"]["state"] == "off", "nobody is at the other station: its camera stays dark"


def test_attach_does_not_wait_for_a_device(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.reader.PREDECESSOR_WAIT", WAIT)
    pipe = tmp_path / "camera"
    os.mkfifo(pipe)  # opening it hangs until somebody writes
    stations, listener = opened(camera=pipe), Listener()
    begun = time.monotonic()
    stations.attach("default", listener)
    stations.detach("default", listener)
    stations.attach("default", listener)
    assert time.monotonic() - begun < WAIT / 2
    assert listener.newest("camera")[0] == "starting"
    stations.detach("default", listener)
    release_readers(pipe)


def test_a_camera_that_hangs_while_it_is_opened_keeps_no_other_from_opening(opened: Open, tmp_path: Path) -> None:
    pipe = tmp_path / "camera"
    os.mkfifo(pipe)
    stations = opened(camera=film(tmp_path / "film.mp4", seconds=0.4), stations={"room-1": {"camera": str(pipe)}})
    stuck, listener = Listener(), Listener()
    stations.attach("room-1", stuck)
    stations.attach("default", listener)
    listener.until_state("camera", "ended")
    assert len(listener.frames) == 4
    assert stuck.newest("camera")[0] == "starting"
    stations.detach("room-1", stuck)
    stations.detach("default", listener)
    release_readers(pipe)


def test_an_unknown_station_is_named_with_those_there_are(opened: Open) -> None:
    stations = opened()
    with pytest.raises(NotFound, match=r"'room-9'.*default"):
        stations.attach("room-9", Listener())
    stations.detach("default", Listener())  # never attached: nothing happens
    stations.close()
    with pytest.raises(NotFound, match="ending"):
        stations.attach("default", Listener())
