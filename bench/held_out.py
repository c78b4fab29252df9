"""What the detectors give on people whom no limit was chosen on: `python -m bench.detectors --data A --data B --task held-out`.

Limits are chosen on half of the people of all sets and looked at on the others (`bench.harness.folds`), by the product's own judging: gaze from the
numbers of its readings, persons, phones and sound from the answers of their networks, which are asked once. What is not a limit of these
(the weights of the networks, the rules around them) was made with the first set in view: on footage of neither set expect a little less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from basics.errors import InvalidInput
from basics.readings import Box
from bench import audio_task, gaze_task, persons_task
from bench.gaze_task import LABELS, Judged
from bench.harness.folds import Case, Counts, Topic, Values, figures, splits, table
from bench.harness.people import SPEECH_SLIPS
from bench.harness.pictures import picture_of, rows_of
from gaze_direction import GazeDetector, lowered_to_phone

if TYPE_CHECKING:
    from bench.detectors import Bench

FALSE_MORE = 5  # missed second persons that a false one weighs: its goal is so much stricter
FALSE_VOICES = 3  # the same of several voices
PRECISION = 0.95  # of phones, below which recall is worth nothing

TRIED: dict[str, dict[str, tuple[float, ...]]] = {
    "gaze": {
        "gaze_side_deg": (9.0, 10.0, 10.75, 11.5, 12.25, 13.0, 14.0, 15.0),
        "gaze_down_deg": (8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0),
        "eyes_shut": (0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18),
    },
    "phone": {"phone_confidence": (0.1, 0.15, 0.175, 0.2, 0.225, 0.25, 0.3, 0.4)},
    "persons": {"persons_confidence": (0.35, 0.4, 0.45, 0.5, 0.55, 0.6), "person_confidence": (0.2, 0.25, 0.3, 0.35, 0.4, 0.45)},
    "speech": {"speech_threshold": (0.3, 0.4, 0.5, 0.6, 0.7), "speech_confirm": (0.3, 0.4, 0.5, 0.6, 0.7)},
    "voices": {
        "voices_threshold": (0.41, 0.45, 0.49, 0.53, 0.57),
        "voice_change_threshold": (0.42, 0.46, 0.50, 0.54),
        "stranger_threshold": (0.39, 0.43, 0.47, 0.51),
    },
}


def run(benches: Sequence[Bench], names: Sequence[str] = tuple(TRIED)) -> dict[str, Any]:
    """Choose, look and print, topic by topic; the figures by topic. Raise `InvalidInput` where no set has footage for any."""
    found: dict[str, Any] = {}
    for name in names:
        topic = topic_of(name, benches)
        if topic is not None:
            found[name] = figures(topic, splits(topic))
            print("\n" + "\n".join(table(topic, found[name])), flush=True)
    if not found:
        raise InvalidInput("None of the sets has labels to choose limits by. Give folders laid out as the README of the labelled data says.")
    return found


def topic_of(name: str, benches: Sequence[Bench], tried: Mapping[str, Sequence[float]] | None = None) -> Topic | None:
    """One of `TRIED`, over all sets that have footage for it; None where none has. `tried`: fewer values, for a quick look."""
    task = {"speech": "audio", "voices": "audio"}.get(name, name)
    there = [bench for bench in benches if bench.has(task)]
    if not there:
        return None
    seen = [(bench, one) for bench in there for one in bench.outcomes(task)]
    read, score, counts, is_right = {"gaze": _gaze, "phone": _phone, "persons": _persons, "speech": _speech, "voices": _voices}[name](there)
    settings, values = there[0].settings, tried or TRIED[name]
    return Topic(
        name,
        [Case(bench.name, one.person, one.keys) for bench, one in seen],
        values,
        {limit: float(getattr(settings, limit)) for limit in values},
        read,
        score,
        counts,
        is_right,
    )


Judging = tuple[
    Callable[[Values], Sequence[Any]],
    Callable[[Sequence[Any]], Any],
    Callable[[Sequence[Any]], Counts],
    Callable[[Any], bool],
]


def _gaze(benches: Sequence[Bench]) -> Judging:
    rows = [(bench, row) for bench in benches for row in bench.rows("gaze")]
    phones: dict[tuple[str, str], tuple[Box, ...]] = {}

    def in_hands(bench: Bench, row: Judged) -> tuple[Box, ...]:
        key = (bench.name, row.row["file"])
        if key not in phones:
            phones[key] = (
                bench.persons_model().look(picture_of(bench.data / row.row["file"]), row.reading.at, replace(row.reading, direction="closed")).phones
            )
        return phones[key]

    def read(values: Values) -> list[Judged]:
        limits = benches[0].settings.model_copy(update=values)
        detector = GazeDetector(limits, still=True, finder=benches[0].models.faces, models=benches[0].models.face_models)
        try:
            judged = []
            for bench, row in rows:
                reading = detector.again(row.reading)
                if reading.direction == "closed":
                    reading = lowered_to_phone(reading, in_hands(bench, row), limits)
                judged.append(replace(row, reading=reading))
            return judged
        finally:
            detector.close()

    def score(judged: Sequence[Judged]) -> int:
        return gaze_task.right(judged, LABELS)[0] - 2 * gaze_task.false_distracted(judged)[0]

    def counts(judged: Sequence[Judged]) -> Counts:
        labelled = {f"{label}_right": gaze_task.right(judged, (label,)) for label in ("down", "closed")}
        return {"four_directions_right": gaze_task.right(judged), **labelled, "false_distracted": gaze_task.false_distracted(judged)}

    return read, score, counts, lambda one: one.label == one.reading.direction


def _looks(benches: Sequence[Bench], task: str, column: str) -> Callable[[Values], list[persons_task.Look]]:
    """Looks of all pictures of a task under other limits, with the gaze readings that come with them; the network is asked once."""
    readings: dict[tuple[str, str], Any] = {}

    def read(values: Values) -> list[persons_task.Look]:
        judging = benches[0].judging(benches[0].settings.model_copy(update=values))
        looks = []
        for bench in benches:
            detector = GazeDetector(bench.settings, still=True, finder=bench.models.faces, models=bench.models.face_models)
            try:
                for number, (row, picture) in enumerate(rows_of(bench.data, task)):
                    key = (bench.name, row["file"])
                    if key not in readings:
                        readings[key] = detector.read(picture, float(number))
                    looks.append(persons_task.Look(row["file"], int(row[column]), judging.look(picture, float(number), readings[key])))
            finally:
                detector.close()
        return looks

    return read


def _phone(benches: Sequence[Bench]) -> Judging:
    def score(looks: Sequence[persons_task.Look]) -> tuple[bool, float]:
        found = persons_task.phone_counts(looks)
        right, said = found["precision"]
        precise = right >= PRECISION * said
        return precise, float(found["recall"][0]) if precise else right / said

    return _looks(benches, "phone", "phone"), score, persons_task.phone_counts, lambda one: bool(one.reading.phone) == bool(one.label)


def _persons(benches: Sequence[Bench]) -> Judging:
    def right(looks: Sequence[persons_task.Look]) -> tuple[int, int]:
        return sum(look.counted == look.label for look in looks), len(looks)

    def score(looks: Sequence[persons_task.Look]) -> int:
        return right(looks)[0] - FALSE_MORE * persons_task.persons_errors(looks)["false_extra"][0]

    def counts(looks: Sequence[persons_task.Look]) -> Counts:
        return {"right": right(looks), **persons_task.persons_errors(looks)}

    return _looks(benches, "persons", "count"), score, counts, lambda one: one.counted == one.label


def _heard(benches: Sequence[Bench]) -> Callable[[Values], list[audio_task.Row]]:
    """All clips as they are heard under other limits; the networks are asked once."""

    def read(values: Values) -> list[audio_task.Row]:
        make = benches[0].hearing(benches[0].settings.model_copy(update=values))
        return [row for bench in benches for row in audio_task.judge(bench.data, make, every=bench.every_clip)]

    return read


def _speech(benches: Sequence[Bench]) -> Judging:
    def score(rows: Sequence[audio_task.Row]) -> float:
        (right, said), (_, spoken) = audio_task.speech_counts(rows).values()
        return 2 * right / max(1, said + spoken)

    return _heard(benches), score, audio_task.speech_counts, lambda row: audio_task.slips(row) <= SPEECH_SLIPS


def _voices(benches: Sequence[Bench]) -> Judging:
    def score(rows: Sequence[audio_task.Row]) -> int:
        found = audio_task.voices_counts(rows)
        return found["recall"][0] - FALSE_VOICES * found["false_alarm"][0]

    def counts(rows: Sequence[audio_task.Row]) -> Counts:
        meetings = audio_task.voices_counts([row for row in rows if row.meeting])
        return audio_task.voices_counts(rows) | {"recall_in_meetings": meetings["recall"]}

    return _heard(benches), score, counts, lambda row: bool(row.multiple) == (row.voices >= 2)
