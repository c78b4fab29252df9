"""The frozen values that pass between the parts: pictures, sounds, screen acts, readings, violations, results.

Every `at` is seconds on the session's clock (0 at its start, monotonic), except where a source says
otherwise. Left and right are the student's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from basics.signals import ViolationKind

SAMPLE_RATE = 16_000  # Hz; all sound in the product is 16 kHz mono

Codec = Literal["jpeg", "h264", "pcm16", "opus"]

Direction = Literal["focused", "left", "right", "down", "closed", "none", "unknown"]
"""`closed`: both lids closed. `none`: the picture is good and shows no face. `unknown`: can't be told, see `reason`."""

ActKind = Literal[
    "tab_switch",  # a switch that is complete in itself (a script's own, replayed footage)
    "alt_tab",  # Alt+Tab or Cmd+Tab, once for each time the modifier is held
    "tab_hidden",
    "tab_visible",
    "window_blur",
    "window_away",  # the focus that went at the window_blur before is still away, and in no controls of the browser's
    "window_focus",
    "copy",
    "cut",
    "paste",
    "clipboard_changed",  # the clipboard's content changed, by whatever program
    "fullscreen_left",
    "fullscreen_entered",
    "share_stopped",
    "second_display",
]

SoundKind = Literal["cough", "sneeze", "laughter", "crying", "music", "animal", "typing", "telephone", "whisper", "loudspeaker"]
SOUND_KINDS: tuple[SoundKind, ...] = get_args(SoundKind)
"""What can be heard beside speech, in the order in which pages name it. `loudspeaker`: a television, a radio."""

DeviceName = Literal["camera", "microphone", "screen", "connection"]
DeviceStateName = Literal["starting", "ok", "missing", "lost", "frozen", "covered", "denied", "ended", "off"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded picture. `data` is what came from the source, undecoded."""

    at: float
    data: bytes
    codec: Codec = "jpeg"
    key: bool = True
    layer: int = 0
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Sound:
    """A stretch of sound. `samples` is int16 of shape [n], mono, 16 kHz; `at` is the time of its first sample."""

    at: float
    samples: npt.NDArray[np.int16]
    sequence: int = 0

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class ScreenAct:
    """One event at the student's screen, keyboard or clipboard. `id` comes from where it was made and is unique in its session.

    `told_by` is whose word it is: `exam_page`, the page of another site that has our snippet; empty, our own page's or this machine's.
    """

    id: str
    at: float
    kind: ActKind
    detail: str = ""
    told_by: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A detection: `x1, y1, x2, y2` in pixels of the picture it was read from, `confidence` 0..1."""

    x1: float
    y1: float
    x2: float
    y2: float
    confidence: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1


@dataclass(frozen=True, slots=True)
class GazeReading:
    """Where the person watched looks in one picture.

    `reason` says why a reading is `unknown` (`dark`, `blurred`, `small`, `hidden`, `frozen`, `error`, …).
    `numbers` holds what it rests on, by name (`yaw_deg`, `pitch_deg`, `iris_x`, `eye_open`, …).
    `width`, `height` are the picture's, in pixels; `box` is the face's.
    """

    at: float
    direction: Direction
    reason: str = ""
    box: Box | None = None
    width: int = 0
    height: int = 0
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PersonsReading:
    """How many persons one picture shows. `count` and `phone` are None where they are unknown, with the `reason`.

    `numbers` holds what they rest on, by name: `bodies` and `faces` seen, the looks' votes for a phone, what spoke against it.
    """

    at: float
    count: int | None
    phone: bool | None
    reason: str = ""
    persons: tuple[Box, ...] = ()
    phones: tuple[Box, ...] = ()
    width: int = 0
    height: int = 0
    backend: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AudioReading:
    """What was heard in `[at, at + duration)`.

    `speech` and `multiple` are stretches `(start, end)` on the session's clock that are news since the last reading and
    never overlap an earlier one; they may lie a few seconds before `at` (a judgement takes time). `multiple` are stretches of speech in
    which more than one voice was told apart. `voices` is the number told apart of late: 0 in silence, None where unknown.
    `reason` (`faint`, `clipped`, `lost`, `error`, …) says why the whole stretch is unknown, else it is empty.
    `sounds` are the other kinds of sound that were told apart since the last reading, where it was loud enough to ask.
    """

    at: float
    duration: float
    speech: tuple[tuple[float, float], ...] = ()
    multiple: tuple[tuple[float, float], ...] = ()
    voices: int | None = 0
    reason: str = ""
    level_dbfs: float = -120.0
    numbers: Mapping[str, float] = field(default_factory=dict)
    sounds: tuple[SoundKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that counts in one interval: from `start` to `end` on the session's clock, `points` in all for `occurrences`.

    `evidence` holds the numbers and words it rests on, ready for JSON.
    """

    kind: ViolationKind
    start: float
    end: float
    points: int
    occurrences: int = 1
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IntervalResult:
    """Interval `index` as it stands: `score` is the sum of its violations' points. `flagged_at` is None while it has no flag.

    `eyes_closed` are stretches in which both eyes were shut for longer than any blink: shown, and worth no points.
    """

    index: int
    start: float
    end: float
    score: int
    flagged: bool
    flagged_at: float | None
    violations: tuple[Violation, ...]
    closed: bool
    revision: int = 0
    eyes_closed: tuple[tuple[float, float], ...] = ()

    @property
    def marked(self) -> bool:
        """Did a proctor mark a moment of it?"""
        return any(violation.kind == "proctor_mark" for violation in self.violations)

    @property
    def noted_at(self) -> float | None:
        """Since when it is for a person to look at: its flag, else its first mark. None where it has neither."""
        marks = [violation.start for violation in self.violations if violation.kind == "proctor_mark"]
        return self.flagged_at if self.flagged_at is not None else min(marks, default=None)

    @property
    def keeps_clip(self) -> bool:
        """Is it for a person to look at, so that its clip is kept?"""
        return self.flagged or self.marked
