"""The student's link: one plain WebSocket a student, over which pictures, sound and screen acts come and notices go."""

from __future__ import annotations

import contextlib
import json
import logging
from collections import deque
from typing import Any, cast, get_args

import numpy as np
from flask import Blueprint, g, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed

from basics.errors import Conflict, InvalidInput, NotFound, ProctorError, StorageError, TooLarge, TooMany, Unsupported
from basics.readings import SAMPLE_RATE, DeviceName, DeviceStateName, Frame, Sound
from media.h264 import inspect
from media.opus import OpusReader
from media.pictures import check_picture
from sessions.ends import End
from sessions.session import ExamSession
from web.parts import Parts, parts
from web.student.pace import Pace
from web.student.protocol import MAX_TEXT, Media, PageClock, unpack_acts, unpack_media, unpack_text
from web.student.video import student_video

log = logging.getLogger(__name__)

link = Blueprint("link", __name__)
sock = Sock()

RECEIVE_BYTES = 64 << 10  # a picture in one read
MESSAGE_MAX_BYTES = 17 << 20  # above MAX_PICTURE_KB's highest value, which is told with its reason
TRY_AGAIN = 1013  # WebSocket status: the page comes again by itself
IDLE_S = 0.25  # how often a link that hears nothing looks for something to say
RECEIVED_S = 0.2  # least pause between two words of what has arrived
CLOCK_TRIPS = 3  # round trips before the first picture
CLOCK_EVERY_S = 10.0
DEAD_S = 30.0  # a page that answers no clock message for so long is gone, whatever its connection says
FUTURE_S = 0.5  # a picture may seem this much newer than now: the page's clock is known to half a round trip
MAX_SOUND_S = 5.0  # seconds of sound in one message
PROBLEMS_TOLD = 20  # errors told to one client; a client that goes on is not read any better

DEVICES = frozenset(get_args(DeviceName)) - {"connection"}
STATES = frozenset(get_args(DeviceStateName))


class StudentLink:
    """One student's connection, served by one thread: it reads what comes and sends what waits to be said."""

    def __init__(self, socket: Any, session: ExamSession, owner: Parts) -> None:
        self.session = session
        self._socket = socket
        self._parts = owner
        self._clock = PageClock()
        self._heard_at = session.clock()
        self._to_say: deque[dict[str, Any]] = deque(maxlen=200)
        self._unacknowledged: deque[tuple[str, Any]] = deque()
        self._clock_sent: dict[int, float] = {}
        self._clock_id = 0
        self._clock_due = 0.0
        self._welcomed = False
        self._last_at = -1.0
        self._problems: set[str] = set()
        self._told_paused: bool | None = None  # a page that comes back may have missed a break's end
        self._said: set[str] = set()
        self._opus = OpusReader(MAX_SOUND_S)
        self._pace = Pace(owner.settings.video_fps)
        self._received = 0  # messages, of every kind
        self._received_told = (0, -RECEIVED_S)  # how many the page knows of, and when it was told
        self._closing = False

    def say(self, message: dict[str, Any]) -> None:
        """Queue a message. Safe from any thread, never blocks."""
        self._to_say.append(message)

    def close(self) -> None:
        """End the link from another thread."""
        self._closing = True
        with contextlib.suppress(ConnectionClosed, OSError):
            self._socket.close(1001, "the server stops; the page tries again")

    def serve(self) -> None:
        """Read and answer until the connection or the session ends."""
        while not self._closing:
            self._keep_clock()
            self._acknowledge()
            self._tell_received()
            self._deliver_messages()
            self._tell_pause()
            self._tell_pace()
            while self._to_say:
                message = self._to_say.popleft()
                self._send(message)
                if message["type"] in {"ended", "replaced"}:
                    return
            data = self._socket.receive(timeout=IDLE_S)
            if data is None:
                if self.session.clock() - self._heard_at > DEAD_S:
                    return
                continue
            self._heard_at = self.session.clock()
            self._received += 1
            try:
                if isinstance(data, str):
                    self._take_text(unpack_text(data))
                else:
                    self._take_media(unpack_media(data))
            except ProctorError as error:
                self._complain(error)

    def _send(self, message: dict[str, Any]) -> None:
        self._socket.send(json.dumps(message))

    def _complain(self, error: ProctorError) -> None:
        """Tell the client what was wrong, once for each thing, and go on."""
        if error.message in self._problems or len(self._problems) >= PROBLEMS_TOLD:
            return
        self._problems.add(error.message)
        log.warning("student's link: %s", error.message, extra={"session_id": self.session.session_id})
        self._send({"type": "error", "code": error.code, "message": error.message} | error.details)

    def _deliver_messages(self) -> None:
        """Send what proctors wrote and the student has not read: each page is told once, for the one before may have lost it."""
        for message in self.session.messages.unread():
            if message.id in self._said:
                continue
            self._said.add(message.id)
            words = {"id": message.id, "text": message.text, "level": message.level, "from": message.by, "at": message.at}
            self._send({"type": "message", **words})
            if not message.delivered:
                self.session.message_delivered(message.id)

    def _tell_pause(self) -> None:
        """Tell the page when a break begins or ends, whoever did it, and one that comes or comes back where it stands."""
        paused = self.session.on_break
        if paused == self._told_paused:
            return
        self._told_paused = paused
        newest = (self.session.breaks() or [{"by": "", "reason": ""}])[-1]
        left = {"seconds_left": self.session.break_seconds_left(), "breaks_left": self.session.breaks_left()}
        self._send({"type": "pause", "paused": paused, "by": newest["by"], "reason": newest["reason"], **left})

    def _tell_received(self) -> None:
        """Tell the page how much has arrived: what fills the network between is seen by nobody else."""
        told, at = self._received_told
        now = self.session.clock()
        if self._received > told and now - at >= RECEIVED_S:
            self._received_told = (self._received, now)
            self._send({"type": "received", "count": self._received})

    def _tell_pace(self) -> None:
        """Ask for fewer pictures while the server can't read them in time, and for more afterwards."""
        before = self._pace.fps
        fps = self._pace.look(self.session.clock(), self.session.picture_waits())
        if fps is not None and self._welcomed:
            self._send({"type": "slower" if fps < before else "faster", "fps": fps})

    # The clock

    def _keep_clock(self) -> None:
        now = self.session.clock()
        if now < self._clock_due:
            return
        self._clock_id += 1
        self._clock_sent = {number: sent for number, sent in self._clock_sent.items() if now - sent < CLOCK_EVERY_S * 3}
        self._clock_sent[self._clock_id] = now
        self._clock_due = now + (CLOCK_EVERY_S if self._welcomed else 1.0)
        self._send({"type": "clock", "id": self._clock_id, "server_ms": round(now * 1000, 3)})

    def _take_clock(self, message: dict[str, Any]) -> None:
        sent, page_ms = self._clock_sent.pop(message.get("id", 0), None), message.get("page_ms")
        if sent is None or isinstance(page_ms, bool) or not isinstance(page_ms, (int, float)):
            raise InvalidInput("a clock message must repeat the id and server_ms it answers, and add page_ms")
        self._clock.add(sent, float(page_ms), self.session.clock())
        if self._welcomed:
            return
        if self._clock_id < CLOCK_TRIPS:
            self._clock_due = 0.0
            return
        self._welcomed = True
        self._clock_due = self.session.clock() + CLOCK_EVERY_S
        video = student_video(self._parts.settings).model_dump()
        self._send({"type": "welcome", "session_id": self.session.session_id, "video": video, "elapsed_s": round(self.session.clock(), 1)})
        self._send({"type": "quality", "notices": self.session.status()["notices"]})  # a page that was reloaded knows none

    # What comes

    def _take_text(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "clock":
            self._take_clock(message)
        elif kind == "acts":
            self._take_acts(message)
        elif kind == "device":
            self._take_device(message)
        elif kind == "break":
            self._take_break(message)
        elif kind == "read":
            self.session.message_read(str(message.get("id")))
        elif kind == "end":
            self._parts.monitor.end_session(self.session.session_id, End("student"))
        else:
            raise InvalidInput(f"messages of type {kind[:40]!r} aren't known; known are clock, acts, device, break, read and end")

    def _take_acts(self, message: dict[str, Any]) -> None:
        if not self._clock.known:
            raise InvalidInput("send acts after the first clock message: their time can't be told yet")
        acts, problems = unpack_acts(message, self._clock)
        for problem in problems:
            self._complain(problem)
        try:
            tickets = self.session.take_acts(acts)
        except TooMany as error:
            # Acknowledged and not kept: a page that is told nothing would send them again without end.
            self._complain(error)
            self._send({"type": "acts", "ids": [act.id for act in acts]})
            return
        for act, ticket in zip(acts, tickets, strict=True):
            self._unacknowledged.append((act.id, ticket))

    def _acknowledge(self) -> None:
        """Acknowledge the acts that are safe; nothing waits here for the database."""
        ids = []
        for _ in range(len(self._unacknowledged)):
            act_id, ticket = self._unacknowledged.popleft()
            if ticket.wait(0):
                ids.append(act_id)
            elif not ticket.done:
                self._unacknowledged.append((act_id, ticket))
        if ids:
            self._send({"type": "acts", "ids": ids})

    def _take_device(self, message: dict[str, Any]) -> None:
        device, state = message.get("device"), message.get("state")
        if device not in DEVICES or state not in STATES:
            known = f"devices are {', '.join(sorted(DEVICES))}, states {', '.join(sorted(STATES))}"
            raise InvalidInput(f"device {str(device)[:40]!r} in state {str(state)[:40]!r} isn't known; {known}")
        if device == "camera":
            self.session.camera_frozen(state == "frozen")
            if state == "frozen":
                return  # shown when the next picture is read, until one is read as moving
        self.session.device_state(cast(DeviceName, device), cast(DeviceStateName, state), str(message.get("reason") or "")[:MAX_TEXT])

    def _take_break(self, message: dict[str, Any]) -> None:
        if not isinstance(message.get("on"), bool):
            raise InvalidInput('a break message must have "on": true or false')
        try:
            self.session.student_break(on=message["on"])
        except Conflict as error:  # told each time: a person has pressed a button
            self._send({"type": "error", "code": error.code, "message": error.message, "about": "break"})

    def _take_media(self, media: Media) -> None:
        if not self._welcomed:
            return  # its time can't be told yet
        at = min(self._clock.at(media.time_ms), self.session.clock() + FUTURE_S)
        if media.kind == "still":
            self._take_still(media, at)
            return
        if media.kind == "picture" and media.codec in {"jpeg", "h264"}:
            self._take_picture(media, at)
        elif media.kind == "sound" and media.codec in {"pcm16", "opus"}:
            self._take_sound(media, at)
        else:
            raise Unsupported(f"{media.kind}s as {media.codec} aren't taken by this server; send pictures as jpeg or h264, sound as pcm16 or opus")

    def _take_picture(self, media: Media, at: float) -> None:
        settings = self._parts.settings
        if len(media.payload) > settings.max_picture_kb * 1024:
            raise TooLarge(f"a picture of {len(media.payload) // 1024} KB is too large; at most {settings.max_picture_kb} KB are taken")
        # What an H.264 picture says of itself is looked at before anything keeps it; a page's own word is not taken for it.
        key = media.codec == "jpeg" or inspect(media.payload, settings.max_picture_pixels).key
        if at <= self._last_at or at < 0:
            return
        self._last_at = at
        self.session.take_frame(Frame(at, media.payload, media.codec, key, media.layer, media.sequence))

    def _take_sound(self, media: Media, at: float) -> None:
        if media.codec == "opus":
            sound = self._opus.read(media.payload, at, media.sequence)
        else:
            if len(media.payload) > MAX_SOUND_S * SAMPLE_RATE * 2:
                raise TooLarge(f"a sound message of {len(media.payload)} bytes is too long; send at most {MAX_SOUND_S:g} s in one")
            samples = np.frombuffer(media.payload[: len(media.payload) // 2 * 2], "<i2").astype(np.int16, copy=False)
            sound = Sound(at, samples, media.sequence)
        if sound.at >= 0:
            self.session.take_sound(sound)

    def _take_still(self, media: Media, at: float) -> None:
        settings = self._parts.settings
        if settings.screen_capture == "off":
            raise Unsupported("stills of the screen aren't asked for by this server (SCREEN_CAPTURE is off)")
        if media.codec != "jpeg":
            raise Unsupported("stills of the screen are taken as jpeg")
        if len(media.payload) > settings.max_picture_kb * 1024:
            raise TooLarge(f"a still of {len(media.payload) // 1024} KB is too large; at most {settings.max_picture_kb} KB are taken")
        check_picture(media.payload, settings.max_picture_pixels)  # a proctor's browser shows it as it came
        if at >= 0:
            self.session.take_still(Frame(at, media.payload, "jpeg", sequence=media.sequence))


@sock.route("/student/link", bp=link)  # type: ignore[untyped-decorator]
def student_link(socket: Any) -> None:
    """Serve one student's page, until it goes or the exam ends. The token has been read by `web.access`."""
    owner = parts()
    session_id: str = g.student_session_id
    session = owner.monitor.get(session_id)
    if session is None and not owner.monitor.resumed.is_set():
        socket.close(TRY_AGAIN, "the server has just started and takes up its sessions")
        return
    if session is None:
        with contextlib.suppress(ConnectionClosed, OSError):
            socket.send(json.dumps({"type": "ended", **_end_of(owner, session_id)}))
        return
    if not session.begun and owner.monitor.is_full():
        socket.close(TRY_AGAIN, "as many exams run as the server takes; the page comes again by itself")
        return
    session.begin()
    connection = StudentLink(socket, session, owner)
    replaced = owner.links.enter(connection)
    if replaced is not None:
        replaced.say({"type": "replaced"})
    owner.monitor.student_connected(session_id, True)
    try:
        connection.serve()
    except (ConnectionClosed, OSError):
        log.debug("student's link closed", extra={"session_id": session_id})
    except Exception:
        log.exception("student's link failed", extra={"session_id": session_id})
    finally:
        if owner.links.leave(connection) and owner.monitor.get(session_id) is not None:
            owner.monitor.student_connected(session_id, False)


def _end_of(owner: Parts, session_id: str) -> dict[str, str]:
    try:
        stored = owner.database.session(session_id)
    except (NotFound, StorageError):
        stored = {}
    return {name: stored.get(f"end_{name}") or "" for name in ("reason", "code", "note")}


@link.before_app_request
def refuse_compression() -> None:
    """simple-websocket accepts permessage-deflate whenever it is offered; JPEG doesn't shrink, and it costs five times the send."""
    if request.environ.get("PATH_INFO") == "/student/link":
        request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
