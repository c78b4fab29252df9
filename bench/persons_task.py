"""Persons and phones on labelled single pictures, through the product's own detectors. `python -m bench.detectors` runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from basics.readings import PersonsReading
from bench.harness.figures import line
from bench.harness.pictures import Change, rows_of
from detectors.faces import FaceFinder
from face_detector import PersonsModel
from gaze_direction import GazeDetector
from settings.settings import Settings

MANY = 2  # counts from here up are one label: two or more


@dataclass(frozen=True, slots=True)
class Look:
    """One labelled picture and what the product read. `label` is the count, or 1 with a phone and 0 without."""

    file: str
    label: int
    reading: PersonsReading

    @property
    def counted(self) -> int | None:
        """The count as labelled: 0, 1, 2 for two or more, None for unknown."""
        return None if self.reading.count is None else min(MANY, self.reading.count)


def looks(
    data: Path, task: str, column: str, settings: Settings, model: PersonsModel, finder: FaceFinder, change: Change | None = None
) -> list[Look]:
    """Read every picture of `data`/`task`/labels.csv by itself, with the gaze reading of the same picture, as the server does."""
    detector = GazeDetector(settings, still=True, finder=finder, models=finder.models)
    try:
        return [
            Look(row["file"], int(row[column]), model.look(picture, float(number), detector.read(picture, float(number))))
            for number, (row, picture) in enumerate(rows_of(data, task, change))
        ]
    finally:
        detector.close()


def persons_figures(results: Sequence[Look]) -> dict[str, Any]:
    """Shares 0..1; `accuracy` of all pictures, unknown is wrong. `false_extra` of the pictures with fewer than two persons were read as two
    or more, `missed_extra` of those with two or more were not; `false_absent` of those with somebody were read as nobody, `missed_absent`
    of those with nobody were not.
    """
    shares = {name: right / max(n, 1) for name, (right, n) in persons_errors(results).items()}
    return {"n": len(results), "accuracy": sum(look.counted == look.label for look in results) / max(1, len(results)), **shares}


def persons_errors(results: Sequence[Look]) -> dict[str, tuple[int, int]]:
    """Each kind of error: how many of how many."""
    few = [look for look in results if look.label < MANY]
    many = [look for look in results if look.label == MANY]
    some = [look for look in results if look.label > 0]
    none = [look for look in results if look.label == 0]
    return {
        "false_extra": (sum(look.counted == MANY for look in few), len(few)),
        "missed_extra": (sum(look.counted != MANY for look in many), len(many)),
        "false_absent": (sum(look.counted == 0 for look in some), len(some)),
        "missed_absent": (sum(look.counted != 0 for look in none), len(none)),
    }


def phone_counts(results: Sequence[Look]) -> dict[str, tuple[int, int]]:
    """Precision and recall of pictures with a phone, as how many of how many; unknown counts as no phone."""
    said = [look for look in results if look.reading.phone]
    found = sum(look.label == 1 for look in said)
    return {"precision": (found, len(said)), "recall": (found, sum(look.label == 1 for look in results))}


def phone_figures(results: Sequence[Look], model: PersonsModel) -> dict[str, Any]:
    """Precision (1 where no phone was said of any) and recall, 0..1; None for both where the model that sees phones is missing."""
    if not model.sees_objects:
        return {"n": len(results), "precision": None, "recall": None}
    counts = phone_counts(results)
    shares = {name: right / n if n else 1.0 for name, (right, n) in counts.items()}
    return {"n": len(results), **shares}


def persons_table(results: Sequence[Look], model: PersonsModel) -> list[str]:
    """The figures with their intervals, and every wrong file."""
    lines = [f"Persons, single pictures ({model.backend})"]
    if not model.sees_objects:
        lines.append("  the persons model is missing: faces are counted by MediaPipe. Run ./setup.sh to make it.")
    lines.append(line("0, 1, more right", sum(look.counted == look.label for look in results), len(results)))
    for label, name in enumerate(("nobody", "one", "two or more")):
        kind = [look for look in results if look.label == label]
        lines.append(line(f"  {name} right", sum(look.counted == label for look in kind), len(kind)))
    names = {"false_extra": "false 'more'", "missed_extra": "missed 'more'", "false_absent": "false 'nobody'", "missed_absent": "missed 'nobody'"}
    lines += [line(names[name], *count) for name, count in persons_errors(results).items()]
    lines.append(line("unknown", sum(look.counted is None for look in results), len(results)))
    return lines + [_wrong(look) for look in results if look.counted != look.label]


def phone_table(results: Sequence[Look], model: PersonsModel) -> list[str]:
    """The figures with their intervals, and every wrong file."""
    lines = ["Phones, single pictures"]
    if not model.sees_objects:
        return [*lines, "  the persons model is missing: phones aren't seen. Run ./setup.sh to make it."]
    lines += [line(name, *count) for name, count in phone_counts(results).items()]
    return lines + [_wrong(look) for look in results if bool(look.reading.phone) != bool(look.label)]


def _wrong(look: Look) -> str:
    boxes = ", ".join(f"{box.confidence:.2f}" for box in look.reading.persons + look.reading.phones)
    return f"  wrong, {look.file}: {look.label}, read {look.reading.count} persons, phone {look.reading.phone} {look.reading.reason} [{boxes}]"
