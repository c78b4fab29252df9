"""Stations: real files, streams and pipes through the real readers; who is told what, when devices open and close."""

from __future__ import annotations

import http.server
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import soundfile

from basics.errors import NotFound
from basics.readings import DeviceName, DeviceStateName, Frame, ScreenAct, Sound
from devices.camera import Pace, encode
from devices.microphone import Resampler, SampleClock
from devices.reader import StartLine, shown
from sessions.sources import Stations
from settings.settings import Settings

WAIT = 20.0  # s for anything to happen on a busy machine
FLASH = 1.0  # s at which the test film turns white and its sound begins


Open = Callable[..., Stations]


class Listener:
    """Keeps what it is told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.arrivals: list[float] = []
        self.sounds: list[Sound] = []
        self.acts: list[ScreenAct] = []
        self.states: list[tuple[str, str, str]] = []
        self._news = threading.Condition()

    def _note(self, where: list[Any], what: Any) -> None:
        with self._news:
            where.append(what)
            self._news.notify_all()

    def take_frame(self, frame: Frame) -> None:
        self.arrivals.append(time.monotonic())
        self._note(self.frames, frame)

    def take_sound(self, sound: Sound) -> None:
        self._note(self.sounds, sound)

    def take_acts(self, acts: list[ScreenAct]) -> None:
        self._note(self.acts, acts)

    def device_state(self, device: DeviceName, state: DeviceStateName, reason: str) -> None:
        self._note(self.states, (device, state, reason))

    def until(self, good: Callable[[], Any]) -> None:
        with self._news:
            assert self._news.wait_for(good, WAIT), f"waited in vain; states {self.states}, {len(self.frames)} frames, {len(self.sounds)} sounds"

    def until_state(self, device: str, state: str) -> str:
        """Wait until `device` is in this state; its reason."""
        self.until(lambda: self.newest(device)[0] == state)
        return self.newest(device)[1]

    def newest(self, device: str) -> tuple[str, str]:
        told = [(state, reason) for name, state, reason in self.states if name == device]
        return told[-1] if told else ("", "")

    def story(self, device: str) -> list[str]:
        return [state for name, state, _ in self.states if name == device]


class Rude(Listener):
    """Raises at every call."""

    def _note(self, where: list[Any], what: Any) -> None:
        super()._note(where, what)
        raise RuntimeError("this listener is broken")


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


def film(path: Path, *, seconds: float = 2.0, fps: int = 25, size: tuple[int, int] = (320, 240)) -> Path:
    """A film that is black until FLASH, then white."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        for number in range(round(seconds * fps)):
            picture = np.full((size[1], size[0], 3), 255 if number >= FLASH * fps else 0, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def recording(path: Path, *, seconds: float = 2.0, rate: int = 44_100, channels: int = 2) -> Path:
    """A sound file that is silent until FLASH, then a tone of 1 kHz."""
    times = np.arange(round(seconds * rate)) / rate
    tone = np.where(times >= FLASH, 0.5 * np.cos(2 * np.pi * 1000 * times), 0.0)
    soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate)
    return path


def brightness(frame: Frame) -> float:
    return float(cv2.imdecode(np.frombuffer(frame.data, np.uint8), cv2.IMREAD_GRAYSCALE).mean())


def joined(sounds: list[Sound]) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.concatenate([sound.samples for sound in sounds])


# --- files


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


def test_a_missing_film_does_not_keep_the_sound_from_starting(opened: Open, tmp_path: Path) -> None:
    stations = opened(camera=tmp_path / "none.mp4", microphone=recording(tmp_path / "sound.wav", seconds=0.3))
    listener = Listener()
    begun = time.monotonic()
    stations.attach("default", listener)
    listener.until_state("microphone", "ended")
    assert listener.sounds[0].at - begun < 4, "the sound would have waited 5 s for a film that had not said it failed"


def test_footage_of_the_development_data_is_played(opened: Open, shared_data: Path) -> None:
    folder = next((shared_data / "scenarios").iterdir())
    stations, listener = opened(camera=folder / "video.mp4", microphone=folder / "audio.flac"), Listener()
    stations.attach("default", listener)
    listener.until(lambda: len(listener.frames) >= 5 and len(listener.sounds) >= 5)
    picture = cv2.imdecode(np.frombuffer(listener.frames[0].data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (480, 640, 3)
    assert listener.sounds[0].samples.dtype == np.int16
    assert [round(frame.at - listener.frames[0].at, 6) for frame in listener.frames[:5]] == [0, 0.1, 0.2, 0.3, 0.4]


# --- streams and pipes


class Streams(http.server.ThreadingHTTPServer):
    """A network camera: MJPEG over HTTP, while `running`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.running = threading.Event()
        self.running.set()
        super().__init__(("127.0.0.1", 0), StreamPage)
        self.url = f"http://operator:secret@127.0.0.1:{self.server_address[1]}/stream"


class StreamPage(http.server.BaseHTTPRequestHandler):
    """Sends pictures of 1280×960, thirty a second."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Streams)
        if not server.running.is_set():
            self.send_error(503)
            return
        picture = cv2.imencode(".jpg", np.full((960, 1280, 3), 90, np.uint8))[1].tobytes()
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            while server.running.is_set():
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(picture), picture))
                threading.Event().wait(1 / 30)
        except OSError:
            pass  # the camera's viewer has left

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def streams() -> Iterator[Streams]:
    with Streams() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.running.clear()
        server.shutdown()
        thread.join()


def test_a_network_camera_is_lost_and_comes_back_and_its_password_stays_secret(
    opened: Open, streams: Streams, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stations, listener = opened(camera=streams.url), Listener()
    before = time.monotonic()
    stations.attach("default", listener)
    listener.until(lambda: len(listener.frames) >= 12)
    picture = cv2.imdecode(np.frombuffer(listener.frames[0].data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (480, 640, 3), "made smaller, aspect ratio kept"
    assert all(before < frame.at <= arrival for frame, arrival in zip(listener.frames, listener.arrivals, strict=False))
    assert listener.frames[-1].at - listener.frames[0].at > 0.8 * (len(listener.frames) - 1) / 10, "thirty a second are sampled down to ten"

    streams.running.clear()
    listener.until_state("camera", "lost")
    streams.running.set()
    frames = len(listener.frames)
    listener.until_state("camera", "ok")
    listener.until(lambda: len(listener.frames) > frames)
    assert "secret" not in str(listener.states) + str(stations.states()) + caplog.text


def test_a_camera_whose_read_hangs_is_noticed_and_recovers(opened: Open, tmp_path: Path) -> None:
    """A pipe is the one camera that makes a read hang for ever without special hardware: no timeout reaches it."""
    pipe = tmp_path / "camera"
    os.mkfifo(pipe)
    # Noise: FFmpeg wants megabytes before it says what a pipe carries.
    picture = cv2.imencode(".jpg", np.random.default_rng(5).integers(0, 256, (480, 640, 3), np.uint8))[1].tobytes()
    stations, listener = opened(camera=pipe), Listener()

    def feed(frames: int, leave: threading.Event) -> None:
        """Send pictures until so many have come through, then fall silent, and end when told."""
        while len(listener.frames) < frames:
            with suppress(BrokenPipeError), pipe.open("wb", buffering=0) as camera:
                while len(listener.frames) < frames:
                    camera.write(picture)
                leave.wait(WAIT)

    leave = threading.Event()
    feeder = threading.Thread(target=feed, args=(3, leave), daemon=True)
    feeder.start()
    stations.attach("default", listener)
    listener.until(lambda: len(listener.frames) >= 3)
    silent = time.monotonic()
    assert "does not answer" in listener.until_state("camera", "lost")
    assert time.monotonic() - silent < 5 + 1  # noticed within 5 s; a second for this busy test

    leave.set()  # the hanging read comes back; its thread was given up and must not speak again
    feeder.join()
    leave.clear()
    again = threading.Thread(target=feed, args=(len(listener.frames) + 3, leave), daemon=True)
    again.start()
    listener.until_state("camera", "ok")
    leave.set()
    again.join()
    assert [state for state, _ in groupby(listener.story("camera"))][:4] == ["starting", "ok", "lost", "ok"]


def test_a_camera_that_is_not_there_is_missing_and_the_reason_says_what_to_do(opened: Open) -> None:
    stations, listener = opened(camera="87"), Listener()
    stations.attach("default", listener)
    reason = listener.until_state("camera", "missing")
    assert "87" in reason
    assert "CAMERA" in reason


def test_a_network_camera_that_refuses_is_missing_with_its_cause_and_without_its_password(opened: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    stations, listener = opened(camera=f"rtsp://operator:secret@127.0.0.1:{port}/live"), Listener()
    stations.attach("default", listener)
    reason = listener.until_state("camera", "missing")
    assert "refused" in reason
    assert f"127.0.0.1:{port}" in reason
    assert "secret" not in reason


# --- who is told


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


def test_attach_does_not_wait_for_a_device(opened: Open, tmp_path: Path) -> None:
    pipe = tmp_path / "camera"
    os.mkfifo(pipe)  # opening it hangs until somebody writes
    stations, listener = opened(camera=pipe), Listener()
    begun = time.monotonic()
    stations.attach("default", listener)
    stations.detach("default", listener)
    stations.attach("default", listener)
    assert time.monotonic() - begun < 2
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


def release_readers(pipe: Path) -> None:
    """Let go the threads that wait for somebody to write into `pipe`."""
    readers = [thread for thread in threading.enumerate() if thread.name.startswith("camera-")]
    end = time.monotonic() + WAIT
    while readers:
        assert time.monotonic() < end, f"still alive: {readers}"
        with suppress(OSError):
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        readers[0].join(0.05)
        readers = [thread for thread in readers if thread.is_alive()]


def test_an_unknown_station_is_named_with_those_there_are(opened: Open) -> None:
    stations = opened()
    with pytest.raises(NotFound, match=r"'room-9'.*default"):
        stations.attach("room-9", Listener())
    stations.detach("default", Listener())  # never attached: nothing happens
    stations.close()
    with pytest.raises(NotFound, match="ending"):
        stations.attach("default", Listener())


# --- parts


@pytest.mark.parametrize(("fps", "camera_fps"), [(10, 30), (10, 25), (10, 10), (7.5, 30), (10, 12)])
def test_pace_keeps_the_rate_whatever_the_camera_has_and_however_it_jitters(fps: float, camera_fps: float) -> None:
    chance = np.random.default_rng(3)
    pace = Pace(fps)
    times = [number / camera_fps + chance.uniform(-0.15, 0.15) / camera_fps for number in range(round(60 * camera_fps))]
    taken = [at for at in times if pace.due(at)]
    assert len(taken) / 60 == pytest.approx(min(fps, camera_fps), rel=0.02)


def test_pace_does_not_catch_up_after_a_pause() -> None:
    pace = Pace(10)
    assert [at for at in (0.0, 0.1, 9.0, 9.01, 9.02, 9.03, 9.1, 9.13) if pace.due(at)] == [0.0, 0.1, 9.0, 9.03, 9.13]


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), (640, 360)), ((480, 640), (360, 480)), ((320, 240), (320, 240)), ((640, 480), (640, 480)), ((5000, 2), (640, 1))],
)
def test_pictures_are_made_smaller_only_and_keep_their_aspect_ratio(size: tuple[int, int], expected: tuple[int, int]) -> None:
    picture = cv2.imdecode(np.frombuffer(encode(np.zeros((size[1], size[0], 3), np.uint8)), np.uint8), cv2.IMREAD_COLOR)
    assert (picture.shape[1], picture.shape[0]) == expected


def test_resampling_in_chunks_is_the_same_as_at_once() -> None:
    samples = np.rint(10_000 * np.sin(np.arange(44_100) / 7)).astype(np.int16)
    whole, parts = Resampler(44_100), Resampler(44_100)
    at_once = np.concatenate([whole.take(samples), whole.finish()])
    in_chunks = np.concatenate([*(parts.take(chunk) for chunk in np.array_split(samples, 37)), parts.take(samples[:0]), parts.finish()])
    assert len(at_once) == pytest.approx(16_000, abs=16)
    assert np.array_equal(at_once, in_chunks)


CHUNK = 1600


def test_time_and_count_of_samples_agree_although_arrivals_jitter() -> None:
    times, chance = SampleClock(), np.random.default_rng(4)
    stamps = [times.stamp(100 + number / 10 + float(chance.uniform(0, 0.09)), CHUNK) for number in range(600)]
    assert max(abs(later - earlier - 0.1) for earlier, later in pairwise(stamps)) <= 0.00101
    assert stamps[-1] == pytest.approx(100 + 59.9, abs=0.05)


def test_a_stall_of_the_machine_is_not_taken_for_lost_sound() -> None:
    times = SampleClock()
    stamps = [times.stamp(max(number / 10, 2.5) if 18 <= number < 25 else number / 10, CHUNK) for number in range(60)]
    assert stamps == pytest.approx([number / 10 for number in range(60)])


def test_lost_samples_make_a_gap_of_their_length() -> None:
    times = SampleClock()
    stamps = [times.stamp(number / 10 + (1.3 if number >= 20 else 0), CHUNK) for number in range(60)]
    assert stamps[:20] == pytest.approx([number / 10 for number in range(20)])
    assert stamps[-1] == pytest.approx(5.9 + 1.3)
    assert sum(later - earlier > 0.2 for earlier, later in pairwise(stamps)) == 1


def test_a_slow_drift_of_the_sound_card_is_followed() -> None:
    times = SampleClock()
    stamps = [times.stamp(number / 10 * 1.0002, CHUNK) for number in range(36_000)]  # an hour, 200 ppm
    assert stamps[-1] == pytest.approx(3599.9 * 1.0002, abs=0.05)


def test_start_line_gives_every_file_the_same_zero_after_the_last_has_come() -> None:
    now = [5.0]
    line = StartLine(2, lambda: now[0])
    line.arrive()
    now[0] = 7.0
    line.arrive()
    now[0] = 9.0
    assert (line.zero(), line.zero()) == (7.0, 7.0)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("rtsp://user:pass@cam.local:554/live?token=1", "rtsp://cam.local:554/live"),
        ("http://cam/stream", "http://cam/stream"),
        ("0", "0"),
        ("exam.mp4", "exam.mp4"),
        ("rtsp://user:p[ss@cam/live", "rtsp://…"),
    ],
)
def test_addresses_are_shown_without_their_secrets(spec: str, expected: str) -> None:
    assert shown(spec) == expected
