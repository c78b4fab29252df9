"""One connection of a student's page as a pure state: what comes and the time go in, what is to be said comes out.

Nothing here reads a socket, starts a thread or looks at a clock: `web.student.link` stands around it with a loop of a few lines.
`now` is always seconds on the session's clock.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from basics.errors import Conflict, InvalidInput, ProctorError, TooMany
from basics.readings import ScreenAct
from basics.texts import _
from sessions.messages import Call
from web.student.act_times import ActTimes, page_name, shift_of
from web.student.arrivals import Arrivals
from web.student.budget import Paces
from web.student.exam import Exam, Receipt, Terms
from web.student.intake import Intake
from web.student.pace import Pace
from web.student.page_clock import PageClock, PageClocks
from web.student.presence import PageSaid, unpack_page
from web.student.protocol import (
    DeviceReport,
    Media,
    Message,
    no_answer,
    unpack_acts,
    unpack_break,
    unpack_call,
    unpack_clock,
    unpack_device,
    unpack_media,
    unpack_read,
    unpack_text,
)
from web.student.said import shown

log = logging.getLogger(__name__)

END_MOVED_S = 1.0  # by less no end has moved: it is reckoned from the time that is left
RECEIVED_S = 0.2  # least pause between two words of what has arrived
CLOCK_TRIPS = 3  # round trips before the first picture
CLOCK_EVERY_S = 10.0
CLOCK_AT_FIRST_S = 1.0  # until the page is welcomed
CLOCK_KEPT_S = 120.0  # an answer that comes later tells nothing: a narrow line holds it up for most of a minute
DEAD_S = 30.0  # a page that answers no clock message for so long is gone, whatever its connection says
PROBLEMS_TOLD = 20  # errors told to one client; a client that goes on is not read any better
WAITING_MAX = 200  # messages of others that wait to be said
ACTS_WAITING_MAX = 1000  # acts that wait to be counted together

Over = Literal["ended", "replaced", "moved", "silent"]
LAST: dict[str, Over] = {"ended": "ended", "replaced": "replaced", "moved": "moved"}  # types of messages after which nothing is said


class Conversation:
    """What one page and the server have said to each other so far. For one thread, but for `say`.

    `notices` gives the codes of what the student can mend now; `end` ends the exam, as the student asks. The loop says what is `due`, hands in
    what comes with `take`, says its answers, and goes on until `over` tells why it must not.
    """

    def __init__(
        self,
        exam: Exam,
        terms: Terms,
        *,
        now: float,
        notices: Callable[[], list[str]],
        end: Callable[[], object],
        clocks: PageClocks | None = None,
        paces: Paces | None = None,
        away_since: float = 0.0,
    ) -> None:
        """`clocks` and `paces` are those of the session's pages so far; `away_since`: the server has heard none of them since then, until now."""
        self.over: Over | None = None
        self._exam = exam
        self._moves = False  # the exam goes on at another server: what comes now is sent again there
        self._terms = terms
        self._notices = notices
        self._end = end
        self._intake = Intake(exam, terms)
        self._pace = Pace(terms.video_fps)
        self._to_say: deque[Message] = deque(maxlen=WAITING_MAX)
        self._answers: list[Message] = []
        self._clocks = clocks or PageClocks()
        self._clock = PageClock()  # of the page that is here
        self._arrivals = Arrivals(terms.video_fps)
        self._act_times = ActTimes(away_since)
        self._told_unsteady = False
        self._asked_early = now
        self._clock_sent: dict[float, float] = {}
        self._clock_id = 0
        self._clock_due = 0.0
        self._welcomed = False
        self._heard_at = now
        self._received = 0  # messages, of every kind
        self._received_told = (0, -RECEIVED_S)  # how many the page knows of, and when it was told
        self._acts: dict[str, ScreenAct] = {}  # that wait to be counted
        self._paces = paces or Paces()
        self._devices: dict[str, DeviceReport] = {}  # that wait to be told
        self._unacknowledged: dict[str, Receipt] = {}
        self._said: set[str] = set()
        self._read: set[str] = set()
        self._camera = ""  # its name, as it was told
        self._told_ends: float | None = None
        self._told_paused: bool | None = None  # a page that comes back may have missed a break's end
        self._told_call: Call | None = None
        self._told_different: Mapping[str, Any] | None = None
        self._problems: set[str] = set()

    def say(self, message: Message) -> None:
        """Have something said with what is due next. Safe from any thread, never blocks."""
        self._moves = self._moves or message["type"] == "moved"
        self._to_say.append(message)

    # What is said

    def due(self, now: float) -> Iterator[Message]:
        """What is to be said now, in this order. Each is asked for when the one before it has been sent, and so counts as sent only then."""
        yield from self._ask_clock(now)
        yield from self._hand_on_what_waits(now)
        yield from self._acknowledge()
        yield from self._tell_received(now)
        yield from self._deliver_messages()
        yield from self._tell_call()
        yield from self._tell_pause()
        yield from self._tell_different()
        yield from self._tell_time(now)
        yield from self._tell_pace(now)
        while self._to_say:
            message = self._to_say.popleft()
            yield message
            self.over = LAST.get(message["type"])
            if self.over:
                return

    def _ask_clock(self, now: float) -> Iterator[Message]:
        if now < self._clock_due:
            return
        self._clock_id += 1
        self._clock_sent = {number: sent for number, sent in self._clock_sent.items() if now - sent < CLOCK_KEPT_S}
        self._clock_sent[self._clock_id] = now
        self._clock_due = now + (CLOCK_EVERY_S if self._welcomed else CLOCK_AT_FIRST_S)
        yield {"type": "clock", "id": self._clock_id, "server_ms": round(now * 1000, 3)}

    def _hand_on_what_waits(self, now: float) -> Iterator[Message]:
        """Hand on what came faster than it is counted."""
        self._answers = []
        try:
            if self._acts and not self._moves and self._paces.acts.allows(now):
                self._count_acts()
            if self._devices and self._paces.devices.allows(now):
                self._tell_devices()
        except ProctorError as error:
            self._complain(error)
        yield from self._answers

    def _acknowledge(self) -> Iterator[Message]:
        """Acknowledge the acts that are safe; nothing waits here for the database."""
        decided = {act_id: receipt.wait(0) for act_id, receipt in self._unacknowledged.items() if receipt.done}
        for act_id in decided:
            del self._unacknowledged[act_id]
        ids = [act_id for act_id, safe in decided.items() if safe]
        if ids:
            yield {"type": "acts", "ids": ids}

    def _tell_received(self, now: float) -> Iterator[Message]:
        """Tell the page how much has arrived: what fills the network between is seen by nobody else."""
        told, at = self._received_told
        if self._received > told and now - at >= RECEIVED_S:
            self._received_told = (self._received, now)
            yield {"type": "received", "count": self._received}

    def _deliver_messages(self) -> Iterator[Message]:
        """Say what proctors wrote and the student has not read: each page is told once, for the one before may have lost it."""
        for message in self._exam.messages.unread():
            if message.id in self._said:
                continue
            self._said.add(message.id)
            said = {"type": "message", "id": message.id, "text": message.text, "level": message.level, "from": message.by, "at": message.at}
            yield said | ({"asks": message.asks} if message.asks else {})
            if not message.delivered:
                self._exam.message_delivered(message.id)

    def _tell_call(self) -> Iterator[Message]:
        """Tell the page how its student's call stands; a page that comes is told of one that waits."""
        call = self._exam.messages.call
        if not self._welcomed or call == self._told_call:
            return
        self._told_call = call
        yield {"type": "call", "call": call.to_dict() if call else None}

    def _tell_pause(self) -> Iterator[Message]:
        """Tell the page when a break begins or ends, whoever did it, and one that comes or comes back where it stands."""
        paused = self._exam.on_break
        if paused == self._told_paused:
            return
        self._told_paused = paused
        newest = (self._exam.breaks() or [{"by": "", "reason": ""}])[-1]
        left = {"seconds_left": self._exam.break_seconds_left(), "breaks_left": self._exam.breaks_left()}
        yield {"type": "pause", "paused": paused, "by": newest["by"], "reason": newest["reason"], **left}

    def _tell_different(self) -> Iterator[Message]:
        """Tell the page what is different for its student, where that has changed in the exam: each page once, and at each change."""
        different = self._exam.different()
        if not self._welcomed or different is self._told_different:
            return
        self._told_different = different
        yield {"type": "different", **(different or {}), "breaks_left": self._exam.breaks_left()}

    def _tell_time(self, now: float) -> Iterator[Message]:
        """Tell the page how much time is left, after each welcome and when the end is another."""
        left = self._exam.time_left()
        ends = None if left is None else now + left
        if not self._welcomed or ends == self._told_ends or (ends and self._told_ends and abs(ends - self._told_ends) < END_MOVED_S):
            return
        self._told_ends = ends
        yield {"type": "time", "left_s": left if left is None else round(left, 1)}

    def _tell_pace(self, now: float) -> Iterator[Message]:
        """Ask for fewer pictures while the server can't read them in time, and for more afterwards."""
        before = self._pace.fps
        fps = self._pace.look(now, self._exam.picture_waits())
        if fps is not None and self._welcomed:
            yield {"type": "slower" if fps < before else "faster", "fps": fps}

    # What comes

    def take(self, data: str | bytes | None, now: float) -> list[Message]:
        """Take one message, or None where nothing came for a while; return what is to be answered at once."""
        self._answers = []
        if data is None:
            if now - self._heard_at > DEAD_S:
                self.over = "silent"
            return []
        self._heard_at = now
        if self._moves:
            return []
        self._received += 1
        try:
            if isinstance(data, str):
                self._take_text(unpack_text(data), now)
            else:
                self._take_media(unpack_media(data), now)
        except ProctorError as error:
            self._complain(error)
        return self._answers

    def _complain(self, error: ProctorError) -> None:
        """Tell the client what was wrong, once for each thing, and go on. Of each act it is told: the page sends it again until it hears of it."""
        known = error.message in self._problems or len(self._problems) >= PROBLEMS_TOLD
        if known and "act_id" not in error.details:
            return
        if not known:
            self._problems.add(error.message)
            log.warning("student's link: %s", error.message, extra={"session_id": self._exam.session_id})
        self._answers.append({"type": "error", "code": error.code, "message": error.message} | error.details)

    def _take_text(self, message: Message, now: float) -> None:
        kind = message["type"]
        if kind == "clock":
            self._take_clock(message, now)
        elif kind == "acts":
            self._take_acts(message, now)
        elif kind == "device":
            self._take_device(message, now)
        elif kind == "break":
            self._take_break(message)
        elif kind in {"call", "uncall"}:
            self._take_call(message, now)
        elif kind == "read":
            self._take_read(message)
        elif kind == "page":
            self._take_page(unpack_page(message), now)
        elif kind == "end":
            if self._acts:
                self._count_acts()  # what was done before the end counts
            self._end()
        else:
            raise InvalidInput(
                _("messages of type %(kind)s aren't known; known are clock, acts, device, page, break, call, uncall, read and end", kind=shown(kind))
            )

    def _take_clock(self, message: Message, now: float) -> None:
        (number, page_ms), name = unpack_clock(message), page_name(message)
        sent = self._clock_sent.pop(number, None)
        if sent is None:
            raise no_answer()
        self._clock = self._clocks.named(name)
        stepped = self._clock.add(sent, page_ms, now)
        self._arrivals.heard_clock(page_ms / 1000, now, stepped=stepped)
        if self._welcomed:
            if stepped and self._paces.steps.allows(now):
                self._clocks.keep()
                self._clock_due = 0.0  # by how much is known to the round trip only, and this one was long
            return
        if self._clock_id < CLOCK_TRIPS:
            self._clock_due = 0.0
            return
        self._welcomed = True
        self._exam.unknown_while("page_time", False)  # this page's time is steady so far, whatever the one before it did
        self._clocks.keep()
        self._act_times.welcomed(now)
        self._clock_due = now + CLOCK_EVERY_S
        video = dict(self._terms.video)
        self._answers.append({"type": "welcome", "session_id": self._exam.session_id, "video": video, "elapsed_s": round(now, 1)})
        self._answers.append({"type": "quality", "notices": self._notices()})  # a page that was reloaded knows none

    def _take_acts(self, message: Message, now: float) -> None:
        if not self._clock.known:
            raise InvalidInput(_("send acts after the first clock message: their time can't be told yet"))
        met = self._clocks.find(page_name(message))
        times = self._act_times.by(met, now) if met is not None else self._act_times.by(self._clock, now, shift_of(message))
        acts, problems = unpack_acts(message, times)
        for problem in problems:
            self._complain(problem)
        self._acts |= {act.id: replace(act, at=min(act.at, now)) for act in acts if act.id not in self._acts}  # nothing was done after now
        if self._paces.acts.allows(now) or len(self._acts) > ACTS_WAITING_MAX:
            self._count_acts()

    def _count_acts(self) -> None:
        """Hand the acts that wait to the exam, together: counting looks at all of them again."""
        acts = list(self._acts.values())
        self._acts = {}
        try:
            receipts = self._exam.take_acts(acts)
        except TooMany as error:
            # Acknowledged and not kept: a page that is told nothing would send them again without end.
            self._complain(error)
            self._answers.append({"type": "acts", "ids": [act.id for act in acts]})
            return
        self._unacknowledged |= {act.id: receipt for act, receipt in zip(acts, receipts, strict=True)}

    def _take_device(self, message: Message, now: float) -> None:
        report = unpack_device(message)
        self._devices[report.device] = report
        if self._paces.devices.allows(now):
            self._tell_devices()

    def _tell_devices(self) -> None:
        """Tell the exam the newest of each device: a change is stored, and shown to every proctor."""
        reports = list(self._devices.values())
        self._devices = {}
        for report in reports:
            if report.device == "camera":
                self._exam.camera_frozen(report.state == "frozen", gives_new=report.gives)
                if report.state == "frozen":
                    continue  # shown when the next picture is read, until one is read as moving
            self._exam.device_state(report.device, report.state, report.reason)

    def _take_page(self, said: PageSaid, now: float) -> None:
        """Tell the exam how its page is. Another name of the camera too soon is left out: the page says it again."""
        is_told = said.camera == self._camera or self._paces.names.allows(now)
        self._camera = said.camera if is_told else self._camera
        self._exam.page_says(said.hidden, said.camera if is_told else "", said.focused)

    def _take_read(self, message: Message) -> None:
        message_id = unpack_read(message)
        if message_id not in self._read:  # each reading is stored, with all messages
            self._exam.message_read(message_id)
            self._read.add(message_id)

    def _take_break(self, message: Message) -> None:
        on = unpack_break(message)
        try:
            self._exam.student_break(on=on)
        except Conflict as error:  # told each time: a person has pressed a button
            self._answers.append({"type": "error", "code": error.code, "message": error.message, "about": "break"})

    def _take_call(self, message: Message, now: float) -> None:
        try:
            self._hand_on_call(unpack_call(message), now)
        except (Conflict, InvalidInput, TooMany) as error:  # told each time: a person has pressed a button
            self._answers.append({"type": "error", "code": error.code, "message": error.message, "about": "call"})

    def _hand_on_call(self, text: str | None, now: float) -> None:
        if not self._paces.calls.allows(now):
            raise TooMany(_("You have called several times in a short while. Wait a moment, then try again."))
        self._exam.student_call(text)

    def _take_media(self, media: Media, now: float) -> None:
        if not self._welcomed:  # its time can't be told yet
            return
        told = self._clock.now(media.time_ms)
        if self._arrivals.is_odd(told, now):
            self._ask_soon(now)
        at = self._arrivals.stamp(media.kind, media.time_ms / 1000, told, now)
        if self._arrivals.unsteady != self._told_unsteady:
            self._told_unsteady = self._arrivals.unsteady
            self._exam.unknown_while("page_time", self._told_unsteady)
        self._intake.take(media, at, now)

    def _ask_soon(self, now: float) -> None:
        """Ask the page for its clock before its turn, unless it was just asked: it may have slept, or been set."""
        if now - max(self._clock_sent.values(), default=-CLOCK_AT_FIRST_S) >= CLOCK_AT_FIRST_S and now > self._asked_early + CLOCK_AT_FIRST_S:
            self._clock_due, self._asked_early = 0.0, now
