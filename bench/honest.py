"""Runs recordings of consenting people through the whole product and writes counts alone, which anybody may add to a public table.

venv/bin/python -m bench.honest FOLDER [FOLDER …] [--json FILE] [--add FILE …]

A recording is a video with sound, a video with a sound file of its name beside it, or a scenario's folder. What lies directly in FOLDER is of one
person each, what lies in a folder of it is of the same person. No picture, sound, name or path is written; docs/honest-hours.md says how to take
part. `--add` adds the counts of others, or of earlier runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2

from basics.errors import InvalidInput, ProctorError
from basics.paths import ROOT
from basics.signals import VIOLATION_KINDS
from bench.harness.clusters import Person, bounds, words
from bench.harness.recordings import Recording, find
from bench.session import Replay, found_kinds, replay
from scoring.rules import Rules
from sessions.models import Models
from settings.gaze import GazeLimits
from settings.models import ModelSettings
from settings.persons import PersonsLimits
from settings.rules import RuleSettings
from settings.settings import Settings, load_settings
from settings.sound import SoundLimits

FORMAT = 1
MOST_PEOPLE = 100_000
MOST = 10**9  # of anything that is counted
FILE_BYTES = 16 << 20
ROUNDING_S = 0.05  # by which the last interval of a recording may be shorter and still be whole
OF_DETECTION = (RuleSettings, GazeLimits, PersonsLimits, SoundLimits)


@dataclass
class Counts:
    """What was counted. `checks` are stretches of CHECK_INTERVAL seconds, `unknown` those in which something could not be told, by reason."""

    recordings: int = 0
    sound_s: float = 0.0
    people: list[Person] = field(default_factory=list)
    violations: Counter[str] = field(default_factory=Counter)
    checks: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    skipped: int = 0

    @property
    def intervals(self) -> int:
        return sum(one.intervals for one in self.people)

    @property
    def flags(self) -> int:
        return sum(one.flags for one in self.people)

    def add(self, other: Counts) -> None:
        """Add other people's counts."""
        for name in ("recordings", "sound_s", "checks", "skipped"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.people += other.people
        self.violations += other.violations
        self.unknown += other.unknown


def run(recordings: Sequence[Recording], settings: Settings, models: Models, tell: Any = print) -> Counts:
    """Run all of them. What can't be read is told, skipped whole, and counted as skipped."""
    counts = Counts()
    people: dict[int, Person] = {}
    for number, recording in enumerate(recordings, 1):
        begun = time.perf_counter()
        try:
            with tempfile.TemporaryDirectory() as folder:
                replayed = replay(recording, settings, models, Path(folder), clips=False)
        except (ProctorError, av.error.FFmpegError, OSError, ValueError, cv2.error) as error:
            counts.skipped += 1
            tell(f"skipped, {recording.video}: {getattr(error, 'message', error)}")
            continue
        whole = int((replayed.seconds + ROUNDING_S) // settings.interval_duration)
        if not whole:
            counts.skipped += 1
            tell(f"skipped, {recording.video}: it lasts {replayed.seconds:.0f} s, shorter than one interval of {settings.interval_duration:g} s")
            continue
        flags = count(counts, replayed, whole, settings.interval_duration)
        counts.recordings += 1
        counts.sound_s += min(recording.sound_s, whole * settings.interval_duration)
        before = people.get(recording.person, Person(0, 0))
        people[recording.person] = Person(before.intervals + whole, before.flags + flags)
        took = time.perf_counter() - begun
        tell(f"{number} of {len(recordings)}: {whole} intervals, {flags} flagged, {replayed.seconds / max(took, 1e-9):.1f} times real time")
    counts.people = sorted(people.values(), key=lambda one: (-one.intervals, -one.flags))  # in no order of names
    return counts


def count(counts: Counts, replayed: Replay, whole: int, interval_s: float) -> int:
    """Add the whole intervals of one recording to `counts`; return how many of them were flagged."""
    records = [record for record in replayed.intervals if record["index"] < whole]
    for record in records:
        counts.violations.update(found_kinds(record))
    checks = [check for check in replayed.checks if check["end"] <= whole * interval_s + 1e-6]
    counts.checks += len(checks)
    for check in checks:
        counts.unknown.update(check["unknown"].keys())
    return sum(record["flagged"] for record in records)


def document(counts: Counts, version: str, changed: Sequence[str], interval_s: float) -> dict[str, Any]:
    """What is written: counts and bounds, and nothing of any person or machine."""
    return {
        "format": FORMAT,
        "version": version,
        "settings_changed": sorted(changed),
        "interval_s": interval_s,
        "recordings": counts.recordings,
        "skipped": counts.skipped,
        "hours": round(counts.intervals * interval_s / 3600, 4),
        "hours_with_sound": round(counts.sound_s / 3600, 4),
        "intervals": counts.intervals,
        "flags": counts.flags,
        "violations": dict(sorted(counts.violations.items())),
        "checks": counts.checks,
        "unknown": dict(sorted(counts.unknown.items())),
        "people": [one.to_dict() for one in counts.people],
        "bounds": bounds(counts.people, interval_s),
    }


def read_document(path: Path, interval_s: float) -> tuple[Counts, str]:
    """Somebody's counts and the version they are of; what follows from them is not believed but computed anew. Raise `InvalidInput`."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES + 1)
        if len(raw) > FILE_BYTES:
            raise InvalidInput(f"{path.name} is larger than {FILE_BYTES >> 20} MB: these are no counts.")
        given = json.loads(raw)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path.name} can't be read as counts of bench.honest ({error}).") from error
    if not isinstance(given, dict) or given.get("format") != FORMAT or given.get("interval_s") != interval_s:
        raise InvalidInput(f"{path.name} holds no counts of this format ({FORMAT}) in intervals of {interval_s:g} s.")
    people = given.get("people")
    if not isinstance(people, list) or len(people) > MOST_PEOPLE or not all(isinstance(one, dict) for one in people):
        raise InvalidInput(f"{path.name}: people must be a list of at most {MOST_PEOPLE} objects.", field="people")
    counts = Counts(
        recordings=_whole(given, "recordings", path),
        sound_s=_number(given, "hours_with_sound", path) * 3600,
        people=[Person(_whole(one, "intervals", path), _whole(one, "flags", path)) for one in people],
        violations=_tally(given, "violations", path, VIOLATION_KINDS),
        checks=_whole(given, "checks", path),
        unknown=_tally(given, "unknown", path),
        skipped=_whole(given, "skipped", path),
    )
    if any(one.flags > one.intervals for one in counts.people):
        raise InvalidInput(f"{path.name}: somebody has more flags than intervals.", field="people")
    return counts, str(given.get("version"))[:40]


def _whole(given: Mapping[str, Any], name: str, path: Path) -> int:
    value = given.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise InvalidInput(f"{path.name}: {name}={value!r} must be a whole number from 0 to {MOST}.", field=name)
    return value


def _number(given: Mapping[str, Any], name: str, path: Path) -> float:
    value = given.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise InvalidInput(f"{path.name}: {name}={value!r} must be a number from 0 to {MOST}.", field=name)
    return float(value)


def _tally(given: Mapping[str, Any], name: str, path: Path, allowed: Sequence[str] | None = None) -> Counter[str]:
    value = given.get(name)
    if not isinstance(value, dict) or len(value) > 200 or not all(len(key) <= 60 and (allowed is None or key in allowed) for key in value):
        raise InvalidInput(f"{path.name}: {name} must be an object of known names with counts.", field=name)
    return Counter({key: _whole(value, key, path) for key in value})


def version_here() -> str:
    """Which version of the product this is: the commit, `+` where files differ from it."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "no repository"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True, timeout=30).stdout.strip()


def changed_settings(settings: Settings) -> list[str]:
    """The names of the settings of rules and detection that are not as shipped."""
    names = [name for kind in (*OF_DETECTION, ModelSettings) for name in kind.model_fields if name != "models_dir"]
    return [name for name in names if getattr(settings, name) != Settings.model_fields[name].get_default(call_default_factory=True)]


def table_line(found: Mapping[str, Any]) -> str:
    """A line for the public table."""
    limits = found["bounds"]
    violations = ", ".join(f"{kind} {n}" for kind, n in found["violations"].items()) or "none"
    clustered = "–" if limits["per_interval_clustered"] is None else f"{100 * limits['per_interval_clustered']:.3g} %"
    independent, people = (f"{100 * limits[name]:.3g} %" for name in ("per_interval", "people"))
    version = found["version"] + (" (settings changed)" if found["settings_changed"] else "")
    cells = [version, len(found["people"]), f"{found['hours']:.2f}", found["intervals"], found["flags"], independent, clustered, people, violations]
    return "| " + " | ".join(map(str, cells)) + " |"


HEAD = """| version | people | hours | intervals | flags | bound, independent | bound, clustered | bound, people | false violations |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def told(counts: Counts, found: Mapping[str, Any]) -> list[str]:
    """The counts for whoever ran it."""
    unknown = ", ".join(f"{reason} {n}" for reason, n in counts.unknown.most_common()) or "nothing"
    return [
        f"\n{counts.recordings} recordings, {found['hours']:.3f} hours in whole intervals ({found['hours_with_sound']:.3f} with sound), "
        f"{counts.skipped} skipped",
        *words(counts.people, found["bounds"]),
        f"  violations: {', '.join(f'{kind} {n}' for kind, n in counts.violations.items()) or 'none'}",
        f"  what could not be told, in checks of {counts.checks}: {unknown}",
        "",
        HEAD,
        table_line(found),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and write the counts; the exit status is 2 where nothing could be counted."""
    parser = argparse.ArgumentParser(prog="python -m bench.honest", description="Count what honest people's recordings give, and nothing else.")
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER", help="folders with recordings of consenting people")
    parser.add_argument("--add", type=Path, nargs="+", default=[], metavar="FILE", help="counts of others, or of earlier runs")
    parser.add_argument("--json", type=Path, help="write the counts here")
    given = parser.parse_args(arguments)
    settings, models, counts = load_settings(_env_file=None), Models(), Counts()
    version, versions = version_here(), set[str]()
    try:
        if not given.folders and not given.add:
            raise InvalidInput("Give a folder with recordings, or counts with --add.")
        for path in given.add:
            added, of = read_document(path, settings.interval_duration)
            versions.add(of)
            counts.add(added)
        if given.folders:
            versions.add(version)
            models.load(settings)
            for note in models.notes:
                print(f"note: {note}")
        for folder in given.folders:
            recordings, left_out = find(folder, Rules.from_settings(settings))
            for video, why in left_out:
                print(f"left out, {video}: {why}")
            own = run(recordings, settings, models, lambda line: print(line, flush=True))
            own.skipped += len(left_out)
            counts.add(own)
        if not counts.intervals:
            raise InvalidInput("Nothing could be counted: no recording has a whole interval. docs/honest-hours.md says what is read.")
    except ProctorError as error:
        print(error.message, file=sys.stderr)
        return 2
    finally:
        models.close()
    found = document(counts, " and ".join(sorted(versions)), changed_settings(settings), settings.interval_duration)
    print("\n".join(told(counts, found)))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
