"""H.264 and Opus over the student's link to the real server, from a client and from a real browser: read, watched, asked for keys, clipped."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Playwright, expect

from basics.readings import SAMPLE_RATE, Frame
from bench.harness.chromium import Chromium, FakeDevices, make_camera, make_microphone
from bench.harness.footage import Scenario, h264_frames
from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient, page_ms
from bench.harness.viewer import Viewer
from bench.load import footage_of
from media.h264 import H264Decoder
from tests.helpers.sent_media import opus_messages, sps_of
from tests.helpers.waiting import until
from web.student.protocol import Media, pack_media

SETTINGS = {"INTERVAL_DURATION": "5", "CHECK_INTERVAL": "2", "CLIP_PREROLL_S": "1", "CLIP_POSTROLL_S": "1", "POINTS_NO_FACE": "0"}
WAIT_S = 60.0
MAX_PIXELS = 1_000_000
JPEG, H264 = 1, 3  # codec numbers of the header
# The graphics card goes away. Gives the times (µs of the page) of the pictures that are to be encoded without it.
BREAK = """() => {
  globalThis.failed = [];
  VideoEncoder.prototype.encode = ({ timestamp }) => {
    globalThis.failed.push(timestamp);
    throw new Error("the graphics card went away");
  };
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, models_dir: Path, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("media"), SETTINGS | in_mongod() | {"MODELS_DIR": str(models_dir)}) as running:
        yield running


def connect(server: Server, user_id: str, footage: Footage) -> tuple[StudentClient, str]:
    session = server.create(user_id, "media")
    client = StudentClient(f"{server.link_url}?token={session['token']}", footage)
    client.start()
    assert client.welcomed.wait(WAIT_S)
    return client, session["session_id"]


def details_of(server: Server, session_id: str) -> dict[str, Any]:
    """What is stored of a session that has ended, its clips made where there are any. Its page is told of the end before that."""

    def found() -> dict[str, Any] | None:
        details = server.details(session_id)
        clips = {one["clip"]["state"] for one in details["intervals"] if one["flagged"]}
        return details if details["session"]["end_reason"] and clips <= {"ready"} else None

    return until(found, what="the end is stored, and clips are made")


def test_pictures_in_h264_are_read_watched_and_copied_into_the_clip(server: Server, shared_data: Path) -> None:
    footage = footage_of(Scenario(shared_data / "scenarios" / "clean-a"), 20, "h264")
    client, session_id = connect(server, "in-h264", Footage(footage.frames, footage.sounds, [], 20))
    heard: dict[str, list[dict[str, Any]]] = {"monitoring_update": [], "clip_ready": []}
    watcher = Viewer()
    for event, messages in heard.items():
        watcher.on(event, messages.append)
    watcher.connect(server.url, transports=["websocket"])
    assert watcher.call("join_session", {"session_id": session_id, "frames": "binary", "fps": 10}) == {"ok": True}
    client.acts("copy", "paste")
    shown = until(lambda: len(found := [one for one in heard["monitoring_update"] if one["frame"]]) > 30 and found)
    assert np.asarray(cv2.imdecode(np.frombuffer(shown[-1]["frame"], np.uint8), cv2.IMREAD_COLOR)).shape == (480, 640, 3)
    assert shown[-1]["frame_at"] - shown[0]["frame_at"] > 0
    until(
        lambda: any(one["gaze"] == "focused" and one["faces"] == 1 for one in list(heard["monitoring_update"])), what="the models are there, and read"
    )
    clip = until(lambda: heard["clip_ready"])[0]["clip"]
    watcher.disconnect()
    client.finish()
    assert clip["state"] == "ready", clip["reason"]
    with av.open(str(server.clips_dir / clip["path"])) as container:
        copied = {bytes(packet)[-40:] for packet in container.demux(video=0) if packet.size}
    assert copied <= {frame.data[-40:] for frame in footage.frames}  # the bytes that the student sent, not others


def with_h264(updates: list[dict[str, Any]], more_than: int) -> list[dict[str, Any]] | None:
    found = [one for one in updates if one.get("h264")]
    return found if len(found) > more_than else None


def test_who_decodes_h264_gets_it_as_it_came_and_no_jpeg_is_made(server: Server, shared_data: Path) -> None:
    footage = footage_of(Scenario(shared_data / "scenarios" / "clean-a"), 8, "h264")
    client, session_id = connect(server, "as-it-came", Footage(footage.frames, footage.sounds, [], 8))
    sent = {frame.data for frame in footage.frames}
    for fps in (10, 2):  # the second viewer comes in the middle
        updates: list[dict[str, Any]] = []
        watcher = Viewer()
        watcher.on("monitoring_update", updates.append)
        watcher.connect(server.url, transports=["websocket"])
        assert watcher.call("join_session", {"session_id": session_id, "frames": "h264", "fps": fps}) == {"ok": True}
        shown = until(partial(with_h264, updates, 2 * fps))
        watcher.disconnect()
        assert not [one for one in updates if one["frame"]]
        assert shown[0]["h264"]["key"]
        decoder, decoded = H264Decoder(MAX_PIXELS), 0
        for one in shown:
            assert len(one["h264"]["data"]) == sum(one["h264"]["sizes"])
            rest = one["h264"]["data"]
            for number, size in enumerate(one["h264"]["sizes"]):
                data, rest = rest[:size], rest[size:]
                assert data in sent
                picture = decoder.decode(Frame(one["frame_at"], data, "h264", bool(one["h264"]["key"]) and number == 0))
                decoded += (picture.width, picture.height) == (640, 480)
        assert decoded >= len(shown)
        assert [one["frame_at"] for one in shown] == sorted({one["frame_at"] for one in shown})
    client.finish()


def test_after_a_lost_picture_the_page_is_asked_for_a_key_and_reading_goes_on(server: Server) -> None:
    client, _ = connect(server, "lost-picture", Footage([], [], [], 1))
    noise = np.random.default_rng(0).integers(60, 200, (240, 320, 3), np.uint8)
    frames = list(h264_frames((number / 10, noise) for number in range(20)))

    def send(frame: Frame, sequence: int) -> None:
        client.send(pack_media(Media("picture", "h264", sequence, page_ms(), frame.data, frame.key)))

    for number, frame in enumerate(frames[:5]):
        send(frame, number)
    send(frames[6], 6)
    until(lambda: [message for message in client.messages if message["type"] == "key"])
    send(frames[0], 7)
    for number, frame in enumerate(frames[1:5]):
        send(frame, 8 + number)
    client.send(pack_media(Media("picture", "h264", 12, page_ms(), b"\x00\x00\x01" + sps_of(65_520, 65_520) + b"\x00\x00\x01\x65bomb")))
    error = until(lambda: [message for message in client.messages if message["type"] == "error"])[0]
    assert (error["code"], "65520×65520" in error["message"]) == ("too_large", True)
    assert client.connections == 1
    client.finish()


def test_sound_as_opus_is_heard(server: Server, shared_data: Path) -> None:
    samples = np.concatenate([sound.samples for sound in footage_of(Scenario(shared_data / "scenarios" / "exam-a"), 4).sounds])
    client, session_id = connect(server, "in-opus", Footage([], [], [], 1))
    pace = threading.Event()
    begun = page_ms()
    for number, message in enumerate(opus_messages(samples)):
        pace.wait(0.2)  # as it would come from a microphone
        client.send(pack_media(Media("sound", "opus", number, begun + number * 200, message)))
    client.finish()
    heard = sum(check["rates"]["audio_s_per_s"] * (check["end"] - check["start"]) for check in details_of(server, session_id)["checks"])
    assert heard == pytest.approx(len(samples) / SAMPLE_RATE, abs=1.2)
    assert not [message for message in client.messages if message["type"] == "error"]


def test_a_browser_sends_h264_and_goes_over_to_jpeg_without_a_gap_when_its_encoder_fails(
    playwright: Playwright, server: Server, shared_data: Path, tmp_path: Path
) -> None:
    camera = make_camera(shared_data / "webcam.mp4", tmp_path / "camera.mjpeg", seconds=6)
    microphone = make_microphone(shared_data / "scenarios" / "exam-b" / "audio.flac", tmp_path / "voice.wav", start=100, seconds=6)
    sent: list[tuple[int, int, float]] = []  # codec, layer, page time

    def look(data: Any) -> None:
        if isinstance(data, bytes) and data[0] == 1:
            sent.append((data[1], data[2] >> 1 & 7, struct.unpack_from("<d", data, 8)[0]))

    session = server.create("browser", "media")
    with Chromium(playwright, tmp_path / "profile", devices=FakeDevices(camera, microphone), shell=True) as chromium:
        page = chromium.context.new_page()
        chromium.watch(page)
        page.on("websocket", lambda socket: socket.on("framesent", look))
        page.goto(session["portal_url"])
        for button in ("Continue", "I agree", "Start the exam"):
            page.get_by_role("button", name=button).click(timeout=WAIT_S * 1000)
        expect(page.locator("#exam-bar[data-recording]")).to_be_visible(timeout=WAIT_S * 1000)

        def wait_for(count: int, codec: int) -> None:
            for _ in range(600):
                if sum(one[0] == codec for one in sent) >= count:
                    return
                page.wait_for_timeout(100)
            raise AssertionError(f"{count} pictures of codec {codec} were not sent; the page said {chromium.problems}")

        wait_for(20, H264)
        worker = next(one for one in page.workers if "picture-worker" in one.url)
        worker.evaluate(BREAK)
        before = sum(one[0] == JPEG for one in sent)
        wait_for(before + 20, JPEG)
        failed: list[int] = worker.evaluate("globalThis.failed")
        page.get_by_role("button", name="End exam").click()
        page.get_by_role("dialog").get_by_role("button", name="End exam").click()
        expect(page.get_by_role("heading", name="Your exam has ended")).to_be_visible(timeout=WAIT_S * 1000)
    assert {layer for codec, layer, _ in sent if codec == H264} == {0, 1}
    assert failed
    assert {int(1000 * at + 0.5) for codec, _, at in sent if codec == JPEG} >= set(failed), "the picture that failed is sent as it is"
    assert all(sooner[2] < later[2] for sooner, later in pairwise(sent)), "nothing overtakes what the encoder held"
    assert not chromium.problems
    details = details_of(server, session["session_id"])
    assert "error" not in {reason for check in details["checks"] for reason in check["unknown"]}
    assert "unreadable" not in {reason for check in details["checks"] for reason in check["unknown"]}
