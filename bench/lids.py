"""Lowered lids and closed eyes as time tells them apart: clips made of labelled single pictures, and the honest parts of whole exams.

venv/bin/python -m bench.lids --data DIR [--data DIR] [--json FILE]

Of each person with focused pictures an exam is made: their own focused pictures for a minute, then each of their pictures of looking down and of
closed eyes for 5.5 to 12 s, with focused ones before and between. Pictures move, turn and change light a little, and have a camera's noise.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from basics.errors import ProctorError
from basics.readings import GazeReading, PersonsReading
from bench.harness.figures import line
from bench.harness.footage import pictures, scenarios
from bench.harness.pictures import Image, rows_of
from detectors.faces import FaceFinder
from gaze_direction import GazeDetector
from score import Scorer
from scoring.rules import Rules
from settings.settings import Settings, load_settings

REST_S, BETWEEN_S, STEP_S = 60.0, 4.0, 0.25
REST_STEP_S = 0.5  # what the rest learns from
SHOTS = 6  # of each picture
TOLD = ("looking away", "eyes closed", "nothing")


Labelled = dict[str, list[tuple[str, int, Image]]]
"""Of one person, by label: each picture's file, a number of its own, and the picture."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip and what was made of it."""

    file: str
    subject: str
    label: str
    told: str
    single: str  # what its single readings say for the most part


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.lids", description="Measure lowered lids and closed eyes on clips.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="a folder laid out as its README says; may be given again")
    parser.add_argument("--json", type=Path, help="write every clip to this file")
    options = parser.parse_args(arguments)
    settings = load_settings()
    try:
        clips = [clip for data in options.data for clip in clips_of(data, settings)]
        print("\n".join(table(clips)))
        for data in options.data:
            if (data / "scenarios").is_dir():
                print("\n".join(honest(data, settings)))
        if options.json:
            options.json.write_text(json.dumps([{name: getattr(clip, name) for name in Clip.__dataclass_fields__} for clip in clips], indent=1))
    except ProctorError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def clips_of(data: Path, settings: Settings) -> Iterator[Clip]:
    """Each picture of looking down and of closed eyes of whom there are focused ones, as a clip."""
    people: dict[str, Labelled] = defaultdict(lambda: defaultdict(list))
    for task in ("gaze", "fairness"):
        for number, (row, picture) in enumerate(rows_of(data, task)):
            label = row.get("label", "focused")
            if label in ("focused", "down", "closed"):
                people[row["subject"]][label].append((row["file"], number, picture))
    finder = FaceFinder(settings)
    try:
        for subject, labelled in people.items():
            if labelled["focused"] and (labelled["down"] or labelled["closed"]):
                yield from _exam(subject, labelled, settings, finder)
    finally:
        finder.close()


def _exam(subject: str, labelled: Labelled, settings: Settings, finder: FaceFinder) -> Iterator[Clip]:
    detector, rules = GazeDetector(settings, finder=finder), Rules.from_settings(settings)
    rest = [shot for _, seed, picture in labelled["focused"] for shot in _shots(picture, seed)]
    at = 0.0
    try:
        for step in range(round(REST_S / REST_STEP_S)):
            detector.read(rest[step * 7 % len(rest)], at)
            at += REST_STEP_S
        for number, (label, file, seed, picture) in enumerate((name, *one) for name in ("down", "closed") for one in labelled[name]):
            shots = list(_shots(picture, seed))
            scorer = Scorer(replace(rules, interval_duration=10_000))
            lasts = 5.5 + number * 1.7 % 6.5
            shown = [rest[step * 7 % len(rest)] for step in range(round(BETWEEN_S / STEP_S))]
            begin = at + BETWEEN_S
            shown += [shots[step * 5 % len(shots)] for step in range(round(lasts / STEP_S))]
            readings = []
            for shot in shown:
                readings.append(detector.read(shot, at))
                scorer.take_picture(readings[-1], PersonsReading(at, 1, False))
                at += STEP_S
            yield Clip(file, subject, label, _told(scorer, begin), _mostly(readings[-round(lasts / STEP_S) :]))
    finally:
        detector.close()


def _told(scorer: Scorer, begin: float) -> str:
    result = scorer.interval(0)
    if any(violation.kind == "gaze_distracted" and violation.end >= begin for violation in result.violations):
        return TOLD[0]
    return TOLD[1] if any(end >= begin for _, end in result.eyes_closed) else TOLD[2]


def _mostly(readings: Sequence[GazeReading]) -> str:
    directions = [str(reading.direction) for reading in readings]
    return max(sorted(set(directions)), key=directions.count)


def _shots(picture: Image, seed: int) -> Iterator[Image]:
    """The picture as a camera takes it again and again of somebody who keeps nearly still."""
    random = np.random.default_rng(seed)
    height, width = picture.shape[:2]
    for _ in range(SHOTS):
        move = cv2.getRotationMatrix2D((width / 2, height / 2), random.normal(0, 0.8), 1 + random.normal(0, 0.012))
        move[:, 2] += random.normal(0, 0.008 * width, 2)
        moved = cv2.warpAffine(picture, move, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        yield np.clip(moved * (1 + random.normal(0, 0.03)) + random.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def table(clips: Sequence[Clip]) -> list[str]:
    """What was told of clips of looking down and of closed eyes; of those that single readings call closed by themselves, too."""
    lines = ["Lids, clips of 5.5 to 12 s"]
    for label in ("down", "closed"):
        for name, some in (("", clips), (", read as closed", [clip for clip in clips if clip.single == "closed"])):
            of = [clip for clip in some if clip.label == label]
            lines += [line(f"{label}{name}: {told}", sum(clip.told == told for clip in of), len(of)) for told in TOLD]
    people = {clip.subject for clip in clips if clip.label == "closed"}
    wrong = {clip.subject for clip in clips if clip.label == "closed" and clip.told == TOLD[0]}
    lines.append(line("people whose closed eyes look away", len(wrong), len(people)))
    expected = {"down": TOLD[0], "closed": TOLD[1]}
    return lines + [f"  {clip.file} ({clip.single}) → {clip.told}" for clip in clips if clip.told != expected[clip.label]]


def honest(data: Path, settings: Settings) -> list[str]:
    """For how long eyes look shut, and are judged to, in the honest parts of the exams."""
    lines = ["Lids, honest parts of exams"]
    for scenario in scenarios(data):
        detector, scorer = GazeDetector(settings), Scorer(Rules.from_settings(settings))
        longest, due, judged = 0.0, 0.0, 0
        since: float | None = None
        try:
            for at, image in pictures(scenario.folder / "video.mp4"):
                if at < due - 1e-6:
                    continue
                due += STEP_S
                if not any(start <= at < end for start, end in scenario.honest_stretches()):
                    since = None
                    continue
                gaze = detector.read(image, at)
                scorer.take_picture(gaze)
                judged += scorer.shut is not None
                since = (since if since is not None else gaze.at) if gaze.direction == "closed" else None
                longest = max(longest, gaze.at + STEP_S - since if since is not None else 0.0)
        finally:
            detector.close()
        lines.append(
            f"  {scenario.name}: eyes look shut for {longest:.2f} s at most; {judged} readings in which they were judged to be shut or lowered"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
