"""Runs whole exams through the product's detectors, scorer and recorder, on the footage's own clock, and compares with what is expected.

venv/bin/python -m bench.session --data ../shared/data [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from basics.readings import Frame, ScreenAct, Sound
from basics.times import utc_now
from bench.harness.footage import Scenario, scenarios
from media.clip import Clip, ClipJob
from media.recorder import Done, Recorder
from scoring.rules import Rules
from sessions.ends import End
from sessions.events import Events
from sessions.identity import Identity
from sessions.models import Models
from sessions.session import ExamSession
from settings.settings import Settings, load_settings
from storage.writes import NONE, Fields

TICK_S = 0.5


class Stored:
    """A ticket of a record that is kept in memory."""

    done = True

    def wait(self, timeout: float | None = None) -> bool:
        return True


@dataclass
class Memory:
    """Keeps a session's records in memory, by collection and id."""

    documents: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def write(self, collection: str, document_id: str, fields: dict[str, Any], *, insert_only: bool = False, new: Fields = NONE) -> Stored:
        """As the database does."""
        document = self.documents.setdefault(collection, {}).setdefault(document_id, dict(new))
        document |= {name: value for name, value in fields.items() if not insert_only or name not in document}
        return Stored()

    def change(self, collection: str, document_id: str, fields: dict[str, Any], where: Fields = NONE) -> Stored:
        """As the database does, of clips."""
        document = self.documents.get(collection, {}).get(document_id)
        if document is not None and not (where and document.get("clip", {}).get("state") in ("ready", "deleted")):
            document |= fields
        return Stored()


@dataclass
class FootageClock:
    """A clock that is where the footage is."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Exam(Protocol):
    """What is replayed: pictures, sound and acts with times from 0, in order. `duration` is asked for when all was taken."""

    @property
    def name(self) -> str: ...
    @property
    def rules(self) -> Rules: ...
    @property
    def duration(self) -> float: ...
    def frames(self) -> Iterator[Frame]: ...
    def sounds(self) -> Iterator[Sound]: ...
    def acts(self) -> list[ScreenAct]: ...


class NoClips(Recorder):
    """Makes no clip and writes nothing, for footage of which nothing may stay."""

    def start(self) -> None:
        """Nothing is started, and so nothing is written."""

    def submit(self, job: ClipJob, done: Done) -> None:
        """Say that there is none."""
        done(Clip("failed", reason="no clips are made of this footage", start=job.start))


@dataclass(frozen=True)
class Replay:
    """What a scenario gave: each interval's record and each check's, and how fast it went."""

    intervals: list[dict[str, Any]]
    seconds: float
    took: float
    checks: list[dict[str, Any]]


def replay(scenario: Exam, settings: Settings, models: Models, folder: Path, *, clips: bool = True) -> Replay:
    """Run one scenario as the server would have: newest picture when due, all sound, acts at their time. Without `clips` nothing is written."""
    clock, memory = FootageClock(), Memory()
    recorder = (Recorder if clips else NoClips)(folder / "clips", folder / "temp", crf=settings.clip_crf)
    recorder.start()
    begun = time.perf_counter()
    session = ExamSession(
        Identity(scenario.name, scenario.name, None, "local", "footage"),
        rules=scenario.rules,
        settings=settings,
        models=models,
        storage=memory,
        recorder=recorder,
        events=Events(),
        clock=clock,
        started_at=utc_now(),
        start=0.0,
    )
    sounds, acts = scenario.sounds(), sorted(scenario.acts(), key=lambda act: act.at)
    sound = next(sounds, None)
    next_tick = 0.0
    for frame in scenario.frames():
        clock.now = frame.at
        session.take_frame(frame)
        while sound is not None and sound.at + sound.duration <= frame.at:
            session.take_sound(sound)
            sound = next(sounds, None)
        session.read_sound()
        if session.picture_waits() is not None:
            session.read_picture()
        while acts and acts[0].at <= frame.at:
            session.take_acts([acts.pop(0)])
        if frame.at >= next_tick:
            session.tick()
            next_tick += TICK_S
    while sound is not None:
        session.take_sound(sound)
        sound = next(sounds, None)
    duration = scenario.duration
    clock.now = duration
    session.take_acts(acts)
    session.end("ended", End("call"))
    session.close()
    recorder.stop(600)
    took = time.perf_counter() - begun
    records = sorted(memory.documents.get("intervals", {}).values(), key=lambda record: record["index"])
    return Replay(records, duration, took, sorted(memory.documents.get("checks", {}).values(), key=lambda check: check["number"]))


def found_kinds(record: dict[str, Any]) -> list[str]:
    """A record's violations as kinds, one for each occurrence."""
    return sorted(one["kind"] for one in record["violations"] for _ in range(one["occurrences"]))


def found_stretches(record: dict[str, Any]) -> list[tuple[str, float, float]]:
    """When a record's violations were read: kind, start and end on the session's clock; acts are left out."""
    return [(one["kind"], start, end) for one in record["violations"] for start, end in one["evidence"].get("stretches", ())]


def compare(scenario: Scenario, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Expected and found, interval by interval."""
    by_index = {record["index"]: record for record in records}
    rows = []
    for index, expected in enumerate(scenario.expected_intervals()):
        record = by_index.get(index, {"flagged": False, "score": 0, "violations": []})
        found = {"flagged": record["flagged"], "score": record["score"], "violations": found_kinds(record), "stretches": found_stretches(record)}
        rows.append({"index": index, "expected": expected, "found": found})
    return rows


def summarise(results: list[dict[str, Any]], seconds: float, took: float) -> dict[str, Any]:
    """The totals over all scenarios. A violation is right when its kind is expected in its interval, occurrence by occurrence."""
    rows = [row for result in results for row in result["intervals"]]
    right = sum(sum((Counter(row["expected"]["violations"]) & Counter(row["found"]["violations"])).values()) for row in rows)
    expected = sum(len(row["expected"]["violations"]) for row in rows)
    found = sum(len(row["found"]["violations"]) for row in rows)
    flags = Counter((row["expected"]["flagged"], row["found"]["flagged"]) for row in rows)
    return {
        "scenarios": results,
        "intervals": len(rows),
        "flags_right": flags[True, True],
        "flags_missed": flags[True, False],
        "false_flags": flags[False, True],
        "violations": {"precision": right / found if found else 1.0, "recall": right / expected if expected else 1.0},
        "times_real_time": round(seconds / took, 2) if took else 0.0,
    }


def run(data: Path) -> dict[str, Any]:
    """Run every scenario of `data` and return the summary, its clips checked too."""
    settings = load_settings(_env_file=None)
    models = Models()
    models.load(settings)
    for note in models.notes:
        print(f"note: {note}")
    results, seconds, took = [], 0.0, 0.0
    for scenario in scenarios(data):
        with tempfile.TemporaryDirectory() as folder:
            replayed = replay(scenario, settings, models, Path(folder))
        seconds += replayed.seconds
        took += replayed.took
        rows = compare(scenario, replayed.intervals)
        results.append({"name": scenario.name, "intervals": rows})
        _print(scenario, rows, replayed)
    return summarise(results, seconds, took)


def _print(scenario: Scenario, rows: list[dict[str, Any]], replayed: Replay) -> None:
    print(f"\n{scenario.name} ({replayed.seconds:.0f} s in {replayed.took:.1f} s)")
    clips = {record["index"]: record["clip"]["state"] for record in replayed.intervals}
    for row in rows:
        expected, found = row["expected"], row["found"]
        same = expected["violations"] == found["violations"] and expected["flagged"] == found["flagged"]
        print(
            f"  {row['index']:3}  {'  ' if same else '≠ '} expected {_shown(expected)}"
            f"\n         found    {_shown(found)}"
            f"  {found['score']} points, clip {clips.get(row['index'], 'none')}"
        )


def _shown(row: dict[str, Any]) -> str:
    return (", ".join(row["violations"]) or "–") + (" [flag]" if row["flagged"] else "")


def main() -> int:
    """Print the comparison; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.session", description="Run whole exams through the product and compare.")
    parser.add_argument("--data", type=Path, required=True, help="a folder with scenarios/NAME/{video.mp4,audio.flac,events.json,expected.json}")
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    if not scenarios(arguments.data):
        print(f"{arguments.data} has no scenarios/NAME/expected.json", file=sys.stderr)
        return 2
    result = run(arguments.data)
    print(
        f"\n{result['intervals']} intervals: {result['flags_right']} flags right, {result['flags_missed']} missed, {result['false_flags']} false; "
        f"violations precision {result['violations']['precision']:.3f}, recall {result['violations']['recall']:.3f}; "
        f"{result['times_real_time']} times real time"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
