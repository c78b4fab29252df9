"""The proctors' Socket.IO: who watches which session, and one pump that hands every message out.

A viewer has a bounded queue of its own: one that is slow skips pictures, one that is stuck is let go, and nobody else notices.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO, join_room, leave_room

from basics.errors import InvalidInput, NotFound, ProctorError, Unauthorized
from basics.texts import _
from sessions.events import Events, FrameCame, SessionEnded, SessionEvent, SoundCame, Updated
from sessions.session import ExamSession
from web.access.who_may import Access
from web.calls.audit import entry_of, is_new_look
from web.languages import ENGLISH, known_languages, language, said, speaking
from web.proctor.connections import Connections, keep_answers_apart
from web.proctor.messages import MESSAGES, ready_for_json, status_message
from web.proctor.shown import FRAMES, Shown
from web.proctor.sound import LiveSound
from web.proctor.viewers import ALL_EXAMS, EXAM_ID_MAX, Viewer, Watch, exam_room, hears, room_in

log = logging.getLogger(__name__)

BACKLOG_MAX = 4  # messages that wait for one viewer: with more it gets no further picture for now (a picture is two)
STUCK_BACKLOG = 400  # a viewer that lets this many messages wait has stopped reading
MESSAGES_MAX = 10_000  # messages that wait for the pump; beyond it the oldest go
STILL_S = 1.0  # a watched session without new pictures is told of this often
ROOMS_MAX = 2000  # exams and sessions of which one viewer hears
WATCHED_MAX = 200  # sessions that one viewer may watch
LOGINS_LOOK_S = 2.0  # how often it is asked whether each viewer's login still holds
ROOM_KEPT_S = 600.0  # after a session's end, for what is told of it later: its last clips


class Live:
    """Takes what happens in the sessions from any thread, and hands it to the viewers from its one pump."""

    def __init__(
        self,
        app: Flask,
        access: Access,
        events: Events,
        *,
        sessions: Callable[[str], ExamSession | None],
        audit: Callable[[dict[str, Any]], Any],
        async_mode: str,
        fps: float,
    ) -> None:
        """`sessions` gives the live session of an id, `audit` keeps who listened, `fps` is the rate of a viewer who asks for none."""
        self._access = access
        self._get_session = sessions
        self._audit = audit
        self._fps = fps
        self._viewers: dict[str, Viewer] = {}
        self._watchers: dict[str, dict[str, Watch]] = {}
        self._lock = threading.Lock()
        self._sound = LiveSound()
        self._messages: deque[tuple[str, dict[str, Any], list[str]]] = deque(maxlen=MESSAGES_MAX)
        self._over: deque[tuple[float, str]] = deque()  # sessions that have ended, and when
        self._dirty: set[str] = set()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._pump: Any = None
        # No cross-origin headers at all: who may connect is decided by `Access` at the handshake.
        self.socketio = SocketIO(
            app,
            async_mode=async_mode,
            cors_allowed_origins=[],
            async_handlers=False,
            max_http_buffer_size=64 << 10,
            logger=False,
            engineio_logger=False,
        )
        self._green = async_mode == "eventlet"
        self._look_at = 0.0
        self._whole = threading.RLock()
        keep_answers_apart(self.socketio.server, self._whole)
        self.name_of: Callable[[str, str | None], str] = lambda _user, _exam: ""  # what a student is called; told without waiting
        self.where: Callable[[str], tuple[str | None, str] | None] = lambda _id: None  # of a session that is not here, its exam and its server
        self._connections = Connections(self.socketio.server)
        self._register()
        events.subscribe(FrameCame, self._changed)
        events.subscribe(Updated, self._changed)
        events.subscribe(SoundCame, self._heard)
        for kind in MESSAGES:
            events.subscribe(kind, self._tell)

    # From the sessions, any thread; nothing here blocks

    def _changed(self, event: SessionEvent) -> None:
        watches = self._watchers.get(event.session.session_id)
        if watches is None:
            return
        self._dirty.add(event.session.session_id)
        now = time.monotonic()
        if any(watch.is_due(now) for watch in list(watches.values())):  # most pictures come between two of a tile
            self._wake.set()

    def _heard(self, event: SoundCame) -> None:
        if self._sound.put(event.session.session_id, event.sound):
            self._wake.set()

    def _tell(self, event: SessionEvent) -> None:
        session = event.session
        if isinstance(event, SessionEnded):
            self._sound.ended(session.session_id)
        name, payload = MESSAGES[type(event)](event)
        if "url" in payload:
            payload["url"] = self._access.prefix + payload["url"]
        self._dirty.add(session.session_id)
        if "user_id" in payload and (named := self.name_of(session.user_id, session.exam_id)):
            payload["student_name"] = named
        self._queue(name, payload, session.session_id, session.exam_id)

    @property
    def has_viewers(self) -> bool:
        """Is anybody connected?"""
        return bool(self._viewers)

    def announce(self, event: str, payload: dict[str, Any], exam_id: str | None) -> None:
        """Tell the dashboards of something that people did. Never blocks."""
        self._queue(event, payload, payload.get("session_id", ""), exam_id)

    def _queue(self, event: str, payload: dict[str, Any], session_id: str, exam_id: str | None) -> None:
        rooms = [f"session:{session_id}", ALL_EXAMS, *([exam_room(exam_id)] if exam_id is not None else [])]
        self._messages.append((event, payload, rooms))
        self._wake.set()

    # The pump

    def start(self) -> None:
        """Start the pump. Under eventlet it is the one green thread that touches the hub."""
        if self._green:
            self._pump = self.socketio.start_background_task(self._pump_green)
        else:
            self._pump = threading.Thread(target=self._pump_loop, name="live-pump", daemon=True)
            self._pump.start()

    def stop(self) -> None:
        """Stop the pump and let every viewer go."""
        self._stopping.set()
        self._wake.set()
        if isinstance(self._pump, threading.Thread):
            self._pump.join(5)
        self._connections.hang_up_all()
        self.socketio.server.eio.shutdown()

    def _pump_loop(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(STILL_S)
            self._wake.clear()
            self._pump_once()

    def _pump_green(self) -> None:
        # Real threads can't wake a green one: it looks for itself, fifty times a second.
        while not self._stopping.is_set():
            self.socketio.sleep(0.02)
            self._pump_once()

    def _pump_once(self) -> None:
        try:
            self._end_logged_out()  # first: what is sent now goes to nobody who may not see it any more
            while self._messages:
                event, payload, rooms = self._messages.popleft()
                self._emit_in_each_language(event, ready_for_json(payload), rooms)
                if event == "session_ended":
                    self._close_session(payload["session_id"])
            self._sound.hand_out(lambda sid, message: self._emit("sound", message, sid), self._backlog)
            self._hand_out_pictures()
            self._connections.end_silent()
            self._close_rooms()
        except Exception:
            log.exception("a message to the dashboards was lost")

    def _emit_in_each_language(self, event: str, payload: Any, rooms: list[str]) -> None:
        with self._lock:
            viewers = list(self._viewers.items())
        self._emit(event, payload, [*rooms, *hears(viewers, rooms, ENGLISH)])
        for code in sorted({viewer.language for _sid, viewer in viewers} - {ENGLISH}):
            with speaking(code):
                self._emit(event, said(payload), [*(room_in(room, code) for room in rooms), *hears(viewers, rooms, code)])

    def look_again(self) -> None:
        """Somebody's rights or login have changed: look at once who may still see what. From any thread; never blocks."""
        self._look_at = 0.0
        self._wake.set()

    def _end_logged_out(self) -> None:
        """Tell those whose login has lapsed or was logged out, and show them nothing more; at the next look they are hung up.

        Who may see less than before hears nothing more of what it may not.
        """
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOGINS_LOOK_S
        with self._lock:
            viewers = list(self._viewers.items())
        for sid, viewer in viewers:
            if viewer.is_out:
                self._let_go(sid)
                continue
            self._has_room(sid)  # who watches no session, and reads nothing of what all are told, is let go, too
            viewer.look()
            if not viewer.may_watch:
                viewer.is_out = True
                self._emit("signed_out", {}, sid)
                for room in self.socketio.server.rooms(sid):
                    if room != sid:
                        self.socketio.server.leave_room(sid, room)
                self._sound.forget(sid)
                with self._lock:
                    for session_id in list(viewer.watches):
                        self._unwatch(session_id, sid)
                    viewer.watches.clear()
            elif lost := viewer.lost_rooms():
                self._take_away(sid, viewer, lost)

    def _take_away(self, sid: str, viewer: Viewer, lost: list[str]) -> None:
        for room in lost:
            self.socketio.server.leave_room(sid, room_in(room, viewer.language))
            session_id = room.partition(":")[2]
            self._sound.leave(session_id, sid)
            with self._lock:
                if viewer.watches.pop(session_id, None) is not None:
                    self._unwatch(session_id, sid)
        self._emit("rights_changed", {}, sid)

    def _emit(self, event: str, payload: Any, to: str | list[str]) -> None:
        with self._whole:
            self.socketio.server.emit(event, payload, to=to)

    def _hand_out_pictures(self) -> None:
        now = time.monotonic()
        dirty, self._dirty = self._dirty, set()
        with self._lock:
            watched = {session_id: dict(watches) for session_id, watches in self._watchers.items()}
        # Whoever has waited longest goes first: a viewer whose line takes less than it asked for sees all of its tiles, each less often.
        for session_id, watches in sorted(watched.items(), key=lambda one: min((watch.sent_at for watch in one[1].values()), default=0.0)):
            still = [sid for sid, watch in watches.items() if now - watch.sent_at >= STILL_S]
            if still or (session_id in dirty and any(watch.is_due(now) for watch in watches.values())):
                self._send_session(session_id, watches, now)

    def _send_session(self, session_id: str, watches: dict[str, Watch], now: float) -> None:
        session = self._get_session(session_id)
        if session is None:
            return
        status: dict[str, Any] | None = None
        statuses: dict[str, dict[str, Any]] = {}  # by language
        shown = Shown(session)
        session.watch(shown.jpegs_wanted(watches.values()))
        for sid, watch in watches.items():
            if not watch.is_due(now) or not self._has_room(sid):
                continue
            if status is None:
                status = ready_for_json(status_message(session))
                statuses[ENGLISH] = status
            code = self._language_of(sid)
            if code not in statuses:
                with speaking(code):
                    statuses[code] = said(status)
            watch.sent_at = now
            self._emit("monitoring_update", statuses[code] | shown.fields(watch), sid)

    def _has_room(self, sid: str) -> bool:
        waiting = self._backlog(sid)
        if waiting > STUCK_BACKLOG:
            log.warning("a dashboard has stopped reading and is let go")
            self._let_go(sid)
            return False
        return waiting <= BACKLOG_MAX

    def _backlog(self, sid: str) -> int:
        eio_sid = self.socketio.server.manager.eio_sid_from_sid(sid, "/")
        connection = self.socketio.server.eio.sockets.get(eio_sid)
        return connection.queue.qsize() if connection is not None else 0

    def _let_go(self, sid: str) -> None:
        self._forget(sid)
        self._connections.hang_up(self.socketio.server.manager.eio_sid_from_sid(sid, "/"))

    # From the viewers

    def _register(self) -> None:
        on: Any = self.socketio.on
        on("connect")(self._connect)
        on("disconnect")(self._disconnect)
        on("join_session")(lambda data=None: self._answer(self._join_session, data))
        on("leave_session")(lambda data=None: self._answer(self._leave_session, data))
        on("join_sound")(lambda data=None: self._answer(self._join_sound, data))
        on("leave_sound")(lambda data=None: self._answer(self._leave_sound, data))
        on("join_exam")(lambda data=None: self._answer(self._join_exam, data))
        on("leave_exam")(lambda data=None: self._answer(self._leave_exam, data))

    def _connect(self, auth: Any = None) -> bool:
        if not self._access.may_watch(request.environ):
            return False
        viewer = Viewer(caller=self._access.watcher(request.environ), language=language())
        viewer.look()
        with self._lock:
            self._viewers[_sid()] = viewer
        return True

    def _disconnect(self, reason: Any = None) -> None:
        self._forget(_sid())

    def _forget(self, sid: str) -> None:
        self._sound.forget(sid)
        with self._lock:
            viewer = self._viewers.pop(sid, None)
            for session_id in viewer.watches if viewer else ():
                self._unwatch(session_id, sid)

    def _close_session(self, session_id: str) -> None:
        """Nobody watches it any more: a page that is open all day would have its number of sessions full of those that have ended."""
        self._sound.ended(session_id)
        with self._lock:
            for sid in self._watchers.pop(session_id, {}):
                if sid in self._viewers:
                    self._viewers[sid].watches.pop(session_id, None)
        self._over.append((time.monotonic(), session_id))  # the clip of its last interval is told as well, later

    def _close_rooms(self) -> None:
        while self._over and time.monotonic() - self._over[0][0] > ROOM_KEPT_S:
            session_id = self._over.popleft()[1]
            room = f"session:{session_id}"
            with self._lock:
                for viewer in self._viewers.values():
                    viewer.forget(session_id)
            for code in known_languages():
                self.socketio.close_room(room_in(room, code))

    def _unwatch(self, session_id: str, sid: str) -> None:
        watches = self._watchers.get(session_id, {})
        watches.pop(sid, None)
        if not watches:
            self._watchers.pop(session_id, None)

    def _answer(self, handle: Callable[[dict[str, Any]], None], data: Any) -> dict[str, Any]:
        try:
            if data is not None and not isinstance(data, dict):
                raise InvalidInput(_("send an object, such as {session_id}"))
            if (viewer := self._viewers.get(_sid())) is not None and viewer.is_out:
                raise Unauthorized(_("The login has ended. Log in again."))
            handle(data or {})
        except ProctorError as error:
            at = {name: error.details[name] for name in ("instance",) if name in error.details}
            return {"ok": False, "error": {"code": error.code, "message": said(error.message), **at}}
        return {"ok": True}

    def _running(self, session_id: Any) -> ExamSession:
        session = self._get_session(session_id) if isinstance(session_id, str) else None
        missing = _("no session %(session_id)s is running", session_id=repr(str(session_id)[:80]))
        if session is None:
            if (elsewhere := self.where(str(session_id))) is None:
                raise NotFound(missing)
            self._own().check(elsewhere[0], missing)
            raise NotFound(_("This exam is at another server: its pictures come from there."), instance=elsewhere[1])
        self._own().check(session.exam_id, missing)
        return session

    def _own(self) -> Viewer:
        viewer = self._viewers.get(_sid())
        if viewer is None:  # it was let go, and something that it had asked for comes late
            raise Unauthorized(_("The connection has ended."))
        return viewer

    def _join(self, room: str, exam_id: str | None) -> None:
        viewer = self._own()
        if len(viewer.joined) >= ROOMS_MAX and room not in viewer.joined:
            raise InvalidInput(_("one dashboard hears of at most %(rooms_max)s exams and sessions; leave some", rooms_max=ROOMS_MAX))
        viewer.joined[room] = exam_id
        join_room(room_in(room, viewer.language))
        viewer.look()  # what was taken away since it was asked for is left again
        if lost := viewer.lost_rooms():
            self._take_away(_sid(), viewer, lost)

    def _join_sound(self, data: dict[str, Any]) -> None:
        session, viewer = self._running(data.get("session_id")), self._own()
        self._sound.join(session.session_id, _sid())
        viewer.joined[f"sound:{session.session_id}"] = session.exam_id
        self._audit(entry_of(viewer.who, "sound: listened", viewer.who.name, session_id=session.session_id))

    def _leave_sound(self, data: dict[str, Any]) -> None:
        self._own().joined.pop(f"sound:{data.get('session_id')}", None)
        self._sound.leave(str(data.get("session_id")), _sid())

    def _join_session(self, data: dict[str, Any]) -> None:
        session_id, frames, fps = data.get("session_id"), data.get("frames", "base64"), data.get("fps", self._fps)
        session = self._running(session_id)
        if frames not in FRAMES:
            raise InvalidInput(
                _("frames=%(frames)s isn't known; it is one of %(frames2)s", frames=repr(str(frames)[:40]), frames2=", ".join(FRAMES)), field="frames"
            )
        if isinstance(fps, bool) or not isinstance(fps, (int, float)) or not 0 < fps <= 60:
            raise InvalidInput(_("fps=%(fps)s must be a number above 0 and at most 60", fps=repr(str(fps)[:40])), field="fps")
        sid, viewer = _sid(), self._own()
        with self._lock:
            if len(viewer.watches) >= WATCHED_MAX and session_id not in viewer.watches:
                raise InvalidInput(_("one dashboard watches at most %(watched_max)s sessions; leave some", watched_max=WATCHED_MAX))
            watch = Watch(frames, 1 / fps)
            viewer.watches[session.session_id] = watch
            self._watchers.setdefault(session.session_id, {})[sid] = watch
        self._join(f"session:{session.session_id}", session.exam_id)
        if is_new_look(viewer.who, "live: looked at", "proctor"):  # a script sees no page that would note it
            self._audit(entry_of(viewer.who, "live: looked at", "proctor"))
        self._dirty.add(session.session_id)
        self._wake.set()

    def _leave_session(self, data: dict[str, Any]) -> None:
        session_id, viewer = str(data.get("session_id")), self._own()
        viewer.joined.pop(f"session:{session_id}", None)
        with self._lock:
            if viewer.watches.pop(session_id, None) is not None:
                self._unwatch(session_id, _sid())
        leave_room(room_in(f"session:{session_id}", self._language_of(_sid())))

    def _join_exam(self, data: dict[str, Any]) -> None:
        exam_id, viewer = data.get("exam_id"), self._own()
        if exam_id is not None:
            exam_id = str(exam_id)[:EXAM_ID_MAX]
            viewer.check(exam_id, _("there is no exam %(exam_id)s that you may see", exam_id=repr(exam_id)))
            self._join(exam_room(exam_id), exam_id)
        elif viewer.who.everywhere("look"):
            self._join(ALL_EXAMS, None)
        else:
            viewer.hears_all = True

    def _language_of(self, sid: str) -> str:
        viewer = self._viewers.get(sid)
        return viewer.language if viewer is not None else ENGLISH

    def _leave_exam(self, data: dict[str, Any]) -> None:
        room, viewer = exam_room(data.get("exam_id")), self._own()
        viewer.joined.pop(room, None)
        viewer.hears_all = viewer.hears_all and room != ALL_EXAMS
        leave_room(room_in(room, viewer.language))


def _sid() -> str:
    return str(getattr(request, "sid", ""))
