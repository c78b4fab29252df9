"""Gaze on labelled single pictures, and whether all groups of people are treated alike. `python -m bench.detectors` runs it.

Each picture is read by itself, with no track and no learnt rest: what a session would say of its first picture.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from basics.readings import GazeReading
from bench.harness.figures import line, share
from bench.harness.pictures import Change, rows_of
from gaze_direction import GazeDetector, lowered_to_phone
from sessions.models import Models
from settings.settings import Settings

DISTRACTED = ("left", "right", "down")
JUDGED = ("focused", *DISTRACTED)  # the labels the standard speaks of; `closed` is counted beside them
LABELS = (*JUDGED, "closed")


@dataclass(frozen=True, slots=True)
class Judged:
    """One labelled picture as it was read; `label` is empty where the set has none (all its pictures are focused)."""

    row: dict[str, str]
    reading: GazeReading
    label: str = "focused"

    @property
    def distracted(self) -> bool:
        return self.reading.direction in DISTRACTED


def judge(data: Path, task: str, settings: Settings, models: Models, change: Change | None = None, label: Callable[[str], str] = str) -> list[Judged]:
    """Read the pictures of `data`/`task`/labels.csv, each changed by `change` before, and its label by `label` (a mirrored left is a right).

    As in an exam, eyes that look shut are compared with a look for phones in the same picture, where the model for it is there.
    """
    detector = GazeDetector(settings, still=True, finder=models.faces, models=models.face_models)
    judged = []
    try:
        for number, (row, picture) in enumerate(rows_of(data, task, change)):
            reading = detector.read(picture, float(number))
            if reading.direction == "closed" and models.persons is not None:
                reading = lowered_to_phone(reading, models.persons.look(picture, reading.at, reading).phones, settings)
            judged.append(Judged(row, reading, label(row.get("label", "focused"))))
    finally:
        detector.close()
    return judged


def gaze_figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """Shares 0..1. `n` and `accuracy` are of focused, left, right and down (an unknown is not right).

    `false_distracted` is the share of focused and closed pictures read as left, right or down; `missed_distracted` the share of left, right
    and down pictures read as focused, closed or none; `unknown` the share of unknowns in all pictures. `by_label` has `closed` too.
    """
    by_label: dict[str, dict[str, int]] = {label: {"n": 0, "right": 0} for label in LABELS}
    for one in judged:
        by_label[one.label]["n"] += 1
        by_label[one.label]["right"] += one.label == one.reading.direction
    n = sum(by_label[label]["n"] for label in JUDGED)
    return {
        "n": n,
        "accuracy": sum(by_label[label]["right"] for label in JUDGED) / max(n, 1),
        "false_distracted": _ratio(false_distracted(judged)),
        "missed_distracted": _ratio(missed_distracted(judged)),
        "unknown": _ratio(unknown(judged)),
        "by_label": by_label,
    }


def right(judged: Sequence[Judged], labels: Sequence[str] = JUDGED) -> tuple[int, int]:
    """How many of how many pictures with these labels were read rightly."""
    asked = [one for one in judged if one.label in labels]
    return sum(one.label == one.reading.direction for one in asked), len(asked)


def false_distracted(judged: Sequence[Judged]) -> tuple[int, int]:
    """How many of the focused and closed pictures were read as looking away."""
    calm = [one for one in judged if one.label not in DISTRACTED]
    return sum(one.distracted for one in calm), len(calm)


def missed_distracted(judged: Sequence[Judged]) -> tuple[int, int]:
    """How many of the pictures of looking away were read as none; unknown is not among them."""
    away = [one for one in judged if one.label in DISTRACTED]
    return sum(one.reading.direction in ("focused", "closed", "none") for one in away), len(away)


def unknown(judged: Sequence[Judged]) -> tuple[int, int]:
    """How many could not be told."""
    return sum(one.reading.direction == "unknown" for one in judged), len(judged)


def fairness_figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """By group, of focused pictures: the shares of faces found and of false distracted.

    `face_gap_points` is the widest gap between groups of faces found, in percentage points; `distracted_ratio` the highest group's share of
    false distracted over the lowest's (1 where there is none at all; half a picture is added to each group where one has none).
    """
    groups = by_group(judged)
    found = [100 * _ratio(faces_found(group)) for group in groups.values()] or [0.0]
    counts = [false_distracted(group) for group in groups.values()]
    half = 0.5 if any(count for count, _ in counts) and not all(count for count, _ in counts) else 0.0
    shares = [(count + half) / (n + 2 * half) for count, n in counts]
    return {
        "groups": {
            name: {"n": len(group), "face_found": _ratio(faces_found(group)), "false_distracted": _ratio(false_distracted(group))}
            for name, group in groups.items()
        },
        "face_gap_points": max(found) - min(found),
        "distracted_ratio": max(shares) / min(shares) if any(count for count, _ in counts) else 1.0,
    }


def by_group(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """The pictures by the `group` of their rows, by name."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[one.row["group"]].append(one)
    return dict(sorted(groups.items()))


def faces_found(judged: Sequence[Judged]) -> tuple[int, int]:
    """In how many pictures a face was found."""
    return sum(one.reading.box is not None for one in judged), len(judged)


def gaze_table(judged: Sequence[Judged]) -> list[str]:
    """The figures with their intervals, what was read for what, and the wrong pictures by person."""
    lines = ["Gaze, single pictures", line("focused, left, right, down right", *right(judged))]
    lines += [line(f"  {label}", *right(judged, (label,))) for label in LABELS]
    lines += [line("focused, left, right right", *right(judged, ("focused", "left", "right")))]
    lines += [
        line("false distracted", *false_distracted(judged)),
        line("missed distracted", *missed_distracted(judged)),
        line("unknown", *unknown(judged)),
    ]
    for name, group in by_group(judged).items():
        lines.append(f"  {name + ' (' + str(len({one.row['subject'] for one in group})) + ' people)':<36}right {share(*right(group, LABELS))}")
    seen = Counter((one.label, str(one.reading.direction)) for one in judged)
    columns = [*LABELS, "none", "unknown"]
    lines.append("  label \\ read" + "".join(f"{column:>9}" for column in columns))
    lines += [f"  {label:12}" + "".join(f"{seen[label, column]:9}" for column in columns) for label in LABELS]
    people: dict[str, list[str]] = defaultdict(list)
    for one in judged:
        if one.reading.direction != one.label:
            people[one.row["subject"]].append(f"{Path(one.row['file']).stem} → {one.reading.direction} {one.reading.reason}".rstrip())
    return lines + [f"  wrong, {subject}: " + ", ".join(files) for subject, files in sorted(people.items())]


def fairness_table(judged: Sequence[Judged]) -> list[str]:
    """The figures by group with their intervals."""
    figures = fairness_figures(judged)
    lines = ["Groups (apparent skin tone), focused pictures"]
    for name, group in by_group(judged).items():
        people = len({one.row["subject"] for one in group})
        lines.append(f"  {name} ({people} people): face found {share(*faces_found(group))}, false distracted {share(*false_distracted(group))}")
    lines.append(f"  widest gap of faces found {figures['face_gap_points']:.1f} points, ratio of false distracted {figures['distracted_ratio']:.2f}")
    return lines


def _ratio(count: tuple[int, int]) -> float:
    return count[0] / max(count[1], 1)
