"""A student's page without a browser: speaks the student's link, sends footage at its own pace and counts what is acknowledged."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from websocket import ABNF, WebSocket, WebSocketException, create_connection

from basics.readings import Codec, Frame, ScreenAct, Sound
from bench.harness.footage import OpusSound
from web.student.protocol import MAX_ACTS_PER_MESSAGE, Media, pack_media

RECONNECT_S = 0.5
LOOK_S = 0.5
RESEND_S = 2.0
STAMP = b"sent"


def page_ms() -> float:
    """The client's own clock, in ms: unrelated to the server's, as a browser's is."""
    return time.monotonic() * 1000 + 1e12


def stamp(jpeg: bytes, at: float) -> bytes:
    """`jpeg` with the time it was sent in a comment, so that who receives it knows how old it is."""
    comment = STAMP + f"{at:.6f}".encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def read_stamp(jpeg: bytes) -> float | None:
    """The time that `stamp` put into a picture, in s of the monotonic clock."""
    if jpeg[2:4] != b"\xff\xfe" or jpeg[6:10] != STAMP:
        return None
    return float(jpeg[10 : 4 + int.from_bytes(jpeg[4:6], "big")])


@dataclass
class Footage:
    """What a student sends, with times from 0: it begins again at its end."""

    frames: Sequence[Frame]
    sounds: Sequence[Sound]
    acts: Sequence[ScreenAct]
    duration: float


@dataclass
class StudentClient:
    """One student. `start` begins to send in a thread of its own; `finish` waits for what is unacknowledged and ends the exam."""

    url: str  # ws://host:port/student/link?token=…
    footage: Footage
    fps: float | None = None
    sent_frames: int = 0
    sent_sound_s: float = 0.0
    sent_acts: dict[str, str] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    messages: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self.welcomed = threading.Event()
        self.ended = threading.Event()
        self._acts: dict[str, dict[str, Any]] = {}
        self._socket: WebSocket | None = None
        self._send_lock = threading.Lock()
        self._needs_key = True  # of H.264: what follows a loss rests on what the server doesn't have
        self._threads = [
            threading.Thread(target=self._read, name="student-read", daemon=True),
            threading.Thread(target=self._play, name="student-play", daemon=True),
        ]

    def start(self) -> None:
        """Connect and send."""
        for thread in self._threads:
            thread.start()

    def finish(self, timeout: float = 60.0) -> None:
        """Stop the media, wait until every act is acknowledged, and end the exam."""
        deadline = time.monotonic() + timeout
        self._stop.set()
        while self.unacknowledged() and time.monotonic() < deadline and not self.ended.is_set():
            self.ended.wait(0.05)
        self.say({"type": "end"})
        self.ended.wait(max(0.1, deadline - time.monotonic()))
        self.close()

    def close(self) -> None:
        """Leave without a word."""
        self._stop.set()
        self.ended.set()
        self.drop_connection()  # who reads closes it
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(5)

    def drop_connection(self) -> None:
        """Lose the connection, as a network does; the client comes again by itself."""
        line = self._socket.sock if self._socket is not None else None
        if line is not None:
            with contextlib.suppress(OSError):  # it is lost already
                line.shutdown(socket.SHUT_RDWR)

    def unacknowledged(self) -> set[str]:
        """Ids of acts that the server has not acknowledged."""
        return set(self._acts)

    def act(self, kind: str, detail: str = "", at_ms: float | None = None) -> str:
        """Do something on screen, now or at a time of the page's own clock; return its id."""
        return self.acts(kind, detail=detail, at_ms=at_ms)[0]

    def acts(self, *kinds: str, detail: str = "", at_ms: float | None = None) -> list[str]:
        """Do these things at one moment, so that no interval ends between them; return their ids."""
        at = page_ms() if at_ms is None else at_ms
        items: list[dict[str, Any]] = [{"id": str(uuid.uuid4()), "kind": kind, "page_ms": at, "detail": detail} for kind in kinds]
        self._acts |= {item["id"]: item for item in items}
        self.sent_acts |= {item["id"]: item["kind"] for item in items}
        self.say({"type": "acts", "acts": items})
        return [item["id"] for item in items]

    def send_frame(self, frame: Frame, sequence: int) -> None:
        """Send one picture, taken now. H.264 that rests on a lost picture is left out, as a page would encode none."""
        if frame.codec == "h264" and self._needs_key and not frame.key:
            return
        self._needs_key = False
        data = stamp(frame.data, time.monotonic()) if frame.codec == "jpeg" else frame.data
        self.send(pack_media(Media("picture", frame.codec, sequence, page_ms(), data, frame.key, frame.layer)))
        self.sent_frames += 1

    def send_sound(self, sound: Sound, sequence: int) -> None:
        """Send sound that ends now."""
        codec: Codec = "opus" if isinstance(sound, OpusSound) else "pcm16"
        data = sound.data if isinstance(sound, OpusSound) else sound.samples.astype("<i2", copy=False).tobytes()
        self.send(pack_media(Media("sound", codec, sequence, page_ms() - sound.duration * 1000, data)))
        self.sent_sound_s += sound.duration

    # Threads

    def _read(self) -> None:
        while not self.ended.is_set():
            try:
                self._socket = create_connection(self.url, timeout=20, skip_utf8_validation=True)
                self.connections += 1
                if self.ended.is_set():  # it was let go while it came again
                    return
                while True:
                    text = self._socket.recv()
                    if not text:
                        break
                    self._take(json.loads(text))
            except (OSError, WebSocketException, ValueError):
                pass
            finally:
                self.welcomed.clear()
                if self._socket is not None:
                    self._socket.shutdown()
            if self.ended.wait(RECONNECT_S):
                return

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "clock":
            self.say({"type": "clock", "id": message["id"], "server_ms": message["server_ms"], "page_ms": page_ms()})
            self.say({"type": "page", "hidden": False})
            return
        self.messages.append(message)
        if kind == "welcome":
            self._needs_key = True
            self.welcomed.set()
            waiting = list(self._acts.values())
            for begin in range(0, len(waiting), MAX_ACTS_PER_MESSAGE):
                self.say({"type": "acts", "acts": waiting[begin : begin + MAX_ACTS_PER_MESSAGE]})
        elif kind == "acts":
            self.acknowledged.update(message["ids"])
            for act_id in message["ids"]:
                self._acts.pop(act_id, None)
        elif kind == "key":
            self._needs_key = True
        elif kind in {"ended", "replaced"}:
            self.ended.set()

    def _play(self) -> None:
        """Send everything at its time, as a page would: the pictures of `fps` a second, sound when it has been heard."""
        while not self.welcomed.wait(LOOK_S):
            if self._stop.is_set():
                return
        begun = time.monotonic()
        numbers = (itertools.count(), itertools.count())
        events: list[tuple[float, int, Any]] = [(frame.at, 0, frame) for frame in self.footage.frames]
        if self.fps is not None:
            events = [event for number, event in enumerate(events) if number % max(1, round(10 / self.fps)) == 0]
        events += [(sound.at + sound.duration, 1, sound) for sound in self.footage.sounds]
        events += [(act.at, 2, act) for act in self.footage.acts]
        events.sort(key=lambda event: (event[0], event[1]))
        for lap in itertools.count() if events else ():
            for at, kind, item in events:
                wait = begun + lap * self.footage.duration + at - time.monotonic()
                if self._stop.wait(max(0.0, wait)):
                    return
                if kind == 2:
                    self.act(item.kind, item.detail)
                elif not self.welcomed.is_set():
                    next(numbers[kind])
                elif kind == 0:
                    self.send_frame(item, next(numbers[0]))
                else:
                    self.send_sound(item, next(numbers[1]))

    def say(self, message: dict[str, Any]) -> None:
        """Say anything; nothing where there is no connection."""
        self._write(json.dumps(message).encode(), ABNF.OPCODE_TEXT)

    def send(self, data: bytes) -> None:
        """Send any binary message, likewise."""
        self._write(data, ABNF.OPCODE_BINARY)

    def _write(self, data: bytes, opcode: int) -> None:
        with self._send_lock:
            try:
                if self._socket is not None and self._socket.connected:
                    self._socket.send(data, opcode)
            except (OSError, WebSocketException):
                self.welcomed.clear()
