"""A student's page and its exam without a server: the link's conversation between them, on a clock that the test moves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from basics.errors import ProctorError
from basics.readings import DeviceName, DeviceStateName, Frame, ScreenAct, Sound
from sessions.messages import MessageBook
from web.student.budget import Paces
from web.student.conversation import CLOCK_TRIPS, Conversation
from web.student.exam import Exam, Terms
from web.student.page_clock import PageClocks
from web.student.protocol import Media, Message, pack_media

AHEAD_MS = 1e12  # the page's clock is not the session's
VIDEO = {"fps": 10.0, "width": 640, "height": 480, "quality": 0.6, "codecs": ["h264", "jpeg"], "bitrate": 350_000, "still_s": 4.0}


class PlainReceipt:
    """Decided by the test: `safe` is None until then."""

    def __init__(self, safe: bool | None = True) -> None:
        self.safe = safe

    @property
    def done(self) -> bool:
        return self.safe is not None

    def wait(self, timeout: float | None = None) -> bool:
        return bool(self.safe)


class PlainExam:
    """An exam that keeps what it is given. `refuses` is raised by whatever it is asked to do."""

    def __init__(self) -> None:
        self.session_id = "plain-exam"
        self.messages = MessageBook()
        self.frames: list[Frame] = []
        self.sounds: list[Sound] = []
        self.stills: list[Frame] = []
        self.acts: list[ScreenAct] = []
        self.receipts: list[PlainReceipt] = []
        self.safe: bool | None = True  # of the acts that come
        self.devices: list[tuple[str, str, str]] = []
        self.told_frozen: list[bool] = []
        self.gives_new: bool | None = None
        self.unknown: set[str] = set()  # why nothing can be told
        self.said: list[tuple[bool, str]] = []
        self.focused: bool | None = None
        self.behind: float | None = None
        self.pauses: list[dict[str, Any]] = []
        self.on_break = False
        self.asked_breaks: list[bool] = []
        self.ends: float | None = None
        self.differs: dict[str, Any] | None = None
        self.now = 0.0
        self.refuses: ProctorError | None = None
        self.ended = 0

    def take_frame(self, frame: Frame) -> None:
        self.frames.append(frame)

    def take_sound(self, sound: Sound) -> None:
        self.sounds.append(sound)

    def take_still(self, still: Frame) -> None:
        self.stills.append(still)

    def take_acts(self, acts: Sequence[ScreenAct]) -> list[PlainReceipt]:
        self._refuse()
        self.acts += acts
        new = [PlainReceipt(self.safe) for _ in acts]
        self.receipts += new
        return new

    def device_state(self, device: DeviceName, state: DeviceStateName, reason: str = "") -> None:
        self.devices.append((device, state, reason))

    def page_says(self, hidden: bool, camera: str, focused: bool | None = None) -> None:
        self.said.append((hidden, camera))
        self.focused = focused

    def camera_frozen(self, frozen: bool, *, gives_new: bool | None = None) -> None:
        self.told_frozen.append(frozen)
        self.gives_new = gives_new

    def unknown_while(self, reason: str, lasts: bool) -> None:
        (self.unknown.add if lasts else self.unknown.discard)(reason)

    def picture_waits(self) -> float | None:
        return self.behind

    def pause(self, by: str, reason: str = "") -> None:
        """A proctor pauses the exam."""
        self.pauses.append({"by": by, "reason": reason})
        self.on_break = True

    def breaks(self) -> list[dict[str, Any]]:
        return self.pauses

    def break_seconds_left(self) -> float | None:
        return None

    def breaks_left(self) -> int:
        return 2

    def student_break(self, *, on: bool) -> None:
        self._refuse()
        self.asked_breaks.append(on)

    def time_left(self) -> float | None:
        return None if self.ends is None else self.ends - self.now

    def different(self) -> dict[str, Any] | None:
        return self.differs

    def message_delivered(self, message_id: str) -> None:
        self.messages.delivered(message_id)

    def student_call(self, text: str | None) -> None:
        self._refuse()
        if text is None:
            self.messages.end_call()
        else:
            self.messages.begin_call(text, "student", 1.0)

    def message_read(self, message_id: str) -> None:
        self.messages.read(message_id)

    def end(self) -> None:
        """The student ends it."""
        self._refuse()
        self.ended += 1

    def _refuse(self) -> None:
        if self.refuses is not None:
            raise self.refuses


class Page:
    """A student's page in one connection: `heard` is all it was told. Its clock is the exam's with another beginning."""

    def __init__(
        self,
        exam: PlainExam | None = None,
        *,
        now: float = 0.0,
        notices: Sequence[str] = (),
        clocks: PageClocks | None = None,
        paces: Paces | None = None,
        away_since: float = 0.0,
        **terms: Any,
    ) -> None:
        self.exam = exam or PlainExam()
        self.now = now
        self.ahead_ms = AHEAD_MS
        self.name: str | None = None  # of its clock
        self.heard: list[Message] = []
        like_most = {"video": VIDEO, "video_fps": 10.0, "max_picture_kb": 64, "max_picture_pixels": 1_000_000, "screen_capture": "optional"}
        serves: Exam = self.exam
        wanted = Terms(**{**like_most, **terms})
        self.talk = Conversation(
            serves, wanted, now=now, notices=lambda: list(notices), end=self.exam.end, clocks=clocks, paces=paces, away_since=away_since
        )

    def ms(self, at: float | None = None) -> float:
        """The page's clock now, or at a time of the session."""
        return self.ahead_ms + (self.now if at is None else at) * 1000

    def turn(self, seconds: float = 0.0) -> list[Message]:
        """Let time pass; return what is said then."""
        self.now = self.exam.now = self.now + seconds
        said = list(self.talk.due(self.now))
        self.heard += said
        return said

    def wait(self, seconds: float, step: float = 0.25) -> list[Message]:
        """Let time pass as the link's loop does, where nothing comes; return what is said meanwhile."""
        said = []
        for _ in range(round(seconds / step)):
            said += self.turn(step)
            self.heard += self.talk.take(None, self.now)
        return said

    def hand_in(self, data: str | bytes) -> list[Message]:
        """Say anything; return the answers."""
        answers = self.talk.take(data, self.now)
        self.heard += answers
        return answers

    def say(self, kind: str, **fields: Any) -> list[Message]:
        return self.hand_in(json.dumps({"type": kind, **fields}))

    def send(self, kind: str, codec: Any, payload: bytes, *, at: float | None = None, sequence: int = 0, **media: Any) -> list[Message]:
        return self.hand_in(pack_media(Media(kind, codec, sequence, self.ms(at), payload, **media)))

    def act(self, *ids: str, kind: str = "copy", page_ms: float | None = None, by: str | None = None) -> list[Message]:
        noted = self.ms() if page_ms is None else page_ms
        return self.say("acts", acts=[{"id": act_id, "kind": kind, "page_ms": noted} for act_id in ids], **_named(by or self.name))

    def answer_clock(self) -> list[Message]:
        """Answer the clock that is asked for now, at once."""
        (asked,) = [message for message in self.turn() if message["type"] == "clock"]
        return self.answer(asked)

    def answer(self, asked: Message) -> list[Message]:
        return self.say("clock", id=asked["id"], server_ms=asked["server_ms"], page_ms=self.ms(), **_named(self.name))

    def come_in(self) -> Page:
        """Be welcomed."""
        for _ in range(CLOCK_TRIPS):
            self.answer_clock()
        assert self.of_type("welcome")
        return self

    def of_type(self, kind: str) -> list[Message]:
        return [message for message in self.heard if message["type"] == kind]


def _named(clock: str | None) -> dict[str, str]:
    return {} if clock is None else {"page": clock}
