"""The check record: what was read since the last check, summed up for people and kept so that a session can be scored again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from basics.readings import AudioReading, Box, GazeReading, PersonsReading, ScreenAct

RATES_AFTER_S = 2.0
FEW = 0.5  # of the readings that the pictures allow; with fewer nobody can say that all was seen
FEW_AFTER_S = 5.0
UNREAD = frozenset({"lost", "error"})

Reading = GazeReading | PersonsReading | AudioReading


class CheckCollector:
    """Collects one session's readings from `start` on; `take` makes them into a record and begins the next."""

    def __init__(self, gaze_fps: float = 0.0) -> None:
        """`gaze_fps`: readings a second that are wanted of pictures, 0: whatever comes."""
        self._gaze_fps = gaze_fps
        self.number = 0
        self.start = 0.0
        self._last_rates: dict[str, float] = {}
        self._spells: set[str] = set()  # why nothing can be told at the moment, beside what the readings say
        self._clear()

    def _clear(self) -> None:
        self._gaze: list[GazeReading] = []
        self._persons: list[PersonsReading] = []
        self._audio: list[AudioReading] = []
        self._acts: list[ScreenAct] = []
        self._frames = 0
        self._spelled = set(self._spells)
        self._unseen: Counter[str] = Counter()

    def unknown_while(self, reason: str, lasts: bool) -> None:
        """From now on nothing can be told for this reason, or no longer for it: each check that it touches says so."""
        if lasts:
            self._spells.add(reason)
            self._spelled.add(reason)
        else:
            self._spells.discard(reason)

    def add_frame(self) -> None:
        """Count a picture that came in, read or not."""
        self._frames += 1

    def add_unseen(self, seconds: Mapping[str, float]) -> None:
        """Count seconds in which there was nothing to read, by why."""
        self._unseen.update(seconds)

    def add(self, reading: Reading) -> None:
        """Keep one reading."""
        if isinstance(reading, GazeReading):
            self._gaze.append(reading)
        elif isinstance(reading, PersonsReading):
            self._persons.append(reading)
        else:
            self._audio.append(reading)

    def add_acts(self, acts: Iterable[ScreenAct]) -> None:
        """Keep acts as they arrive, late ones too."""
        self._acts.extend(acts)

    def rates(self, now: float) -> dict[str, float]:
        """What was read a second, since the last check; the last check's while this one is young."""
        if now - self.start < RATES_AFTER_S:
            return self._last_rates
        return self._rates(now - self.start)

    def _rates(self, seconds: float) -> dict[str, float]:
        return {
            "video_fps": round(self._frames / seconds, 3),
            "gaze_fps": round(sum(reading.reason != "error" for reading in self._gaze) / seconds, 3),
            "gaze_read_fps": round(sum(reading.reason != "error" and "left_out" not in reading.numbers for reading in self._gaze) / seconds, 3),
            "persons_per_s": round(sum(reading.reason != "error" for reading in self._persons) / seconds, 3),
            "audio_s_per_s": round(sum(reading.duration for reading in self._audio if reading.reason not in UNREAD) / seconds, 3),
        }

    def take(self, end: float) -> dict[str, Any]:
        """The record of what was read in `[start, end)`, ready for storage; the next one begins at `end`."""
        record = self.peek(end)
        self._last_rates = record["rates"]
        self.number += 1
        self.start = end
        self._clear()
        return record

    def peek(self, end: float) -> dict[str, Any]:
        """The record so far, which a later one of the same number replaces."""
        seconds = max(end - self.start, 1e-3)
        directions = Counter(reading.direction for reading in self._gaze)
        unknown = Counter(reading.reason or "unknown" for reading in self._gaze if reading.direction == "unknown")
        unknown.update(f"persons: {reading.reason or 'unknown'}" for reading in self._persons if reading.count is None)
        unknown.update(f"sound: {reading.reason}" for reading in self._audio if reading.reason)
        unknown.update(self._spelled)
        allowed = min(self._frames / seconds, self._gaze_fps) * seconds
        if seconds >= FEW_AFTER_S and len(self._gaze) < FEW * allowed - 1:
            unknown["few_readings"] = round(allowed - len(self._gaze))
        counts = [reading.count for reading in self._persons if reading.count is not None]
        voices = [reading.voices for reading in self._audio if reading.voices is not None]
        return {
            "number": self.number,
            "start": self.start,
            "end": end,
            "gaze": {direction: round(count / len(self._gaze), 3) for direction, count in directions.items()},
            "persons": {"least": min(counts), "greatest": max(counts)} if counts else {"least": None, "greatest": None},
            "phone": any(reading.phone for reading in self._persons),
            "speech_s": round(sum(stop - start for reading in self._audio for start, stop in reading.speech), 2),
            "voices": max(voices) if voices else None,
            "sounds": dict(Counter(kind for reading in self._audio for kind in reading.sounds)),
            "acts": dict(Counter(act.kind for act in self._acts)),
            "unknown": dict(unknown) | {why: round(seconds + unknown[why], 1) for why, seconds in self._unseen.items()},
            "rates": self._rates(seconds),
            "readings": pack(self._gaze, self._persons, self._audio, self._acts),
        }


def pack(
    gaze: Iterable[GazeReading], persons: Iterable[PersonsReading], audio: Iterable[AudioReading], acts: Iterable[ScreenAct]
) -> dict[str, list[list[Any]]]:
    """Readings as short lists for storage: all that the rules look at, and the numbers and boxes shown as evidence."""
    return {
        "gaze": [[r.at, r.direction, r.reason, _rounded(r.numbers), *_face(r)] for r in gaze],
        "persons": [
            [r.at, r.count, r.phone, r.reason, [_box(b) for b in r.persons], [_box(b) for b in r.phones], r.width, r.height, _rounded(r.numbers)]
            for r in persons
        ],
        "audio": [
            [r.at, r.duration, _lists(r.speech), _lists(r.multiple), r.voices, r.reason, round(r.level_dbfs, 1), dict(r.numbers), list(r.sounds)]
            for r in audio
        ],
        "acts": [[a.id, a.at, a.kind, a.detail, *([a.told_by] if a.told_by else [])] for a in acts],
    }


def unpack(
    readings: Mapping[str, list[list[Any]]],
) -> tuple[list[GazeReading], list[PersonsReading], list[AudioReading], list[ScreenAct]]:
    """The readings of a stored check, as `pack` took them."""
    gaze = [unpack_gaze(row) for row in readings.get("gaze", [])]
    persons = [unpack_persons(row) for row in readings.get("persons", [])]
    audio = [
        AudioReading(at, duration, _pairs(speech), _pairs(multiple), voices, reason, level, numbers, *map(tuple, sounds))
        for at, duration, speech, multiple, voices, reason, level, numbers, *sounds in readings.get("audio", [])  # older versions stored no sounds
    ]
    acts = [ScreenAct(*act) for act in readings.get("acts", [])]
    return gaze, persons, audio, acts


def unpack_gaze(row: list[Any]) -> GazeReading:
    """One gaze reading as stored; older versions stored no face's box, and none has its confidence. Raise `ValueError`, `TypeError`."""
    at, direction, reason, numbers, *face = row
    if not face:
        return GazeReading(at, direction, reason, numbers=numbers)
    x1, y1, x2, y2, width, height = face[0]
    return GazeReading(at, direction, reason, Box(x1, y1, x2, y2, 1.0), width, height, numbers)


def unpack_persons(row: list[Any]) -> PersonsReading:
    """One look for persons as stored; older versions stored no numbers, still older ones no size. Raise `ValueError`, `TypeError`."""
    at, count, phone, reason, boxes, phones, *rest = row
    width, height = rest[:2] if rest else (0, 0)
    numbers: dict[str, float] = rest[2] if len(rest) > 2 else {}
    return PersonsReading(at, count, phone, reason, tuple(Box(*b) for b in boxes), tuple(Box(*b) for b in phones), width, height, numbers=numbers)


def _rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in numbers.items()}


def _face(reading: GazeReading) -> list[list[int]]:
    """The box of the face and the picture's size, where there are both."""
    box = reading.box
    if box is None or not reading.width:
        return []
    return [[*map(round, (box.x1, box.y1, box.x2, box.y2)), reading.width, reading.height]]


def _box(box: Box) -> list[float]:
    return [round(box.x1, 1), round(box.y1, 1), round(box.x2, 1), round(box.y2, 1), round(box.confidence, 3)]


def _lists(stretches: Iterable[tuple[float, float]]) -> list[list[float]]:
    return [list(stretch) for stretch in stretches]


def _pairs(stretches: Iterable[Iterable[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((start, end) for start, end in stretches)
