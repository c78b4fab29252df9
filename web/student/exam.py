"""What the student's link needs of the exam it serves, and of the settings: little enough that a test can play both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from basics.readings import DeviceName, DeviceStateName, Frame, ScreenAct, Sound
from sessions.messages import MessageBook


class Receipt(Protocol):
    """Tells when an act is safe."""

    @property
    def done(self) -> bool:
        """Is it decided?"""

    def wait(self, timeout: float | None = None) -> bool:
        """Is it safe, after at most `timeout` seconds?"""


class Exam(Protocol):
    """A running exam, as its student's link knows it. Nothing here waits."""

    session_id: str

    @property
    def messages(self) -> MessageBook: ...

    @property
    def on_break(self) -> bool: ...

    def take_frame(self, frame: Frame) -> None: ...

    def take_sound(self, sound: Sound) -> None: ...

    def take_still(self, still: Frame) -> None: ...

    def take_acts(self, acts: Sequence[ScreenAct]) -> Sequence[Receipt]: ...

    def device_state(self, device: DeviceName, state: DeviceStateName, reason: str = "") -> None: ...

    def page_says(self, hidden: bool, camera: str, focused: bool | None = None) -> None: ...

    def camera_frozen(self, frozen: bool, *, gives_new: bool | None = None) -> None: ...

    @property
    def unknown_while(self) -> Callable[[str, bool], None]: ...

    def picture_waits(self) -> float | None: ...

    def breaks(self) -> list[dict[str, Any]]: ...

    def break_seconds_left(self) -> float | None: ...

    def breaks_left(self) -> int: ...

    def student_break(self, *, on: bool) -> None: ...

    def time_left(self) -> float | None: ...

    def different(self) -> Mapping[str, Any] | None:
        """What is different for the student, since that changed in the exam: another object after each change, None before the first."""

    def message_delivered(self, message_id: str) -> None: ...

    def student_call(self, text: str | None) -> None: ...

    def message_read(self, message_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What the server asks of a page, and what it takes from one."""

    video: Mapping[str, Any]  # as `welcome` says it
    video_fps: float
    max_picture_kb: int
    max_picture_pixels: int
    screen_capture: str
