"""People as the unit: whose each labelled file is, what was read of it, and of how many people all was read rightly.

Neighbouring pictures of one person are alike, so that a share of pictures looks surer than it is; a share of people doesn't.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import audio_task
from bench.gaze_task import Judged
from bench.harness.figures import line
from bench.harness.pictures import labels
from bench.persons_task import Look

TASKS = ("gaze", "persons", "phone", "fairness", "audio")  # of which each row is one labelled file
SPEECH_SLIPS = 5  # tenths of a second of speech too much or too little that are none

_READER = re.compile(r"LibriSpeech (\d+)-[\d-]+(?:\+(\d+)-)?")
_RECORDING = re.compile(r"[\w./-]*:tests/data/(\w+)\.wav@")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One labelled file as it was read. `person` is empty where it is nobody's; files that share one of `keys` show the same people or place."""

    path: Path
    task: str
    person: str
    keys: frozenset[str]
    label: str
    said: str
    right: bool
    numbers: Mapping[str, float] = field(default_factory=dict)


def outcomes(data: Path, task: str, rows: Sequence[Any]) -> list[Outcome]:
    """What `rows` of one of `TASKS`, as the task modules give them, come to, with whose each file is by its labels."""
    listed = {entry["file"]: entry for entry in labels(data, task)}
    return [_outcome(data, task, row, listed[_file(row)]) for row in rows]


def people_right(found: Sequence[Outcome]) -> tuple[int, int]:
    """Of how many people all was read rightly, and of how many there is anything."""
    people: dict[str, bool] = defaultdict(lambda: True)
    for one in found:
        if one.person:
            people[one.person] &= one.right
    return sum(people.values()), len(people)


def people_line(found: Sequence[Outcome]) -> str:
    """That, as a line of a table."""
    return line("people, all of theirs right", *people_right(found))


def groups(keys: Sequence[frozenset[str]]) -> list[int]:
    """A number for each file: the same for files that are joined by a key, directly or through others."""
    root: dict[str, str] = {}

    def top(key: str) -> str:
        while root.setdefault(key, key) != key:
            key = root[key]
        return key

    for some in keys:
        first, *others = sorted(some)
        for other in others:
            root[top(other)] = top(first)
    numbers: dict[str, int] = {}
    return [numbers.setdefault(top(min(some)), len(numbers)) for some in keys]


def _file(row: Any) -> str:
    return str(row.row["file"] if isinstance(row, Judged) else row.file)


def _outcome(data: Path, task: str, row: Any, entry: Mapping[str, str]) -> Outcome:
    path = data / entry["file"]
    if isinstance(row, audio_task.Row):
        source = entry.get("source") or entry["file"]
        speakers = speakers_of(source)
        label, said = f"{row.voices} voices", f"{len(row.multiple)} times several, {sum(b - a for a, b in row.said):.1f} s of speech"
        right = bool(row.multiple) == (row.voices >= 2) and audio_task.slips(row) <= SPEECH_SLIPS
        return Outcome(path, task, speakers[0] if speakers else "", frozenset(speakers or [source]), label, said, right)
    person = entry.get("subject", "")
    keys = frozenset([person or "at: " + entry.get("source", entry["file"])])
    if isinstance(row, Judged):
        reading = row.reading
        said = f"{reading.direction} {reading.reason}".rstrip()
        return Outcome(path, task, person, keys, row.label, said, row.label == reading.direction, dict(reading.numbers))
    assert isinstance(row, Look)
    boxes = {f"{name} {number}": box.confidence for name in ("persons", "phones") for number, box in enumerate(getattr(row.reading, name), 1)}
    if task == "phone":
        return Outcome(
            path, task, person, keys, f"phone {row.label}", f"phone {row.reading.phone}", bool(row.reading.phone) == bool(row.label), boxes
        )
    said = f"{row.reading.count} {row.reading.reason}".rstrip()
    return Outcome(path, task, person, keys, str(row.label), said, row.counted == row.label, boxes)


def speakers_of(source: str) -> list[str]:
    """Who speaks in a clip, the student first, by the place it is from: readers of LibriSpeech, or those of one recorded meeting."""
    reader = _READER.match(source)
    if reader:
        return [f"reader {number}" for number in reader.groups() if number]
    recording = _RECORDING.match(source)
    return [f"meeting {recording[1]}"] if recording else []
