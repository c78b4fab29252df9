"""Scores a stored session again under other weights and rules, and says what would change: `flask --app app rescore --session ID --weights FILE`.

The original stays as it is. What was read of the pictures and the sound is stored, not the pictures: so points, the threshold and least
durations can be tried, and the detectors' own limits can't.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext

from basics.errors import InvalidInput, ProctorError
from basics.readings import ScreenAct
from basics.signals import VIOLATION_KINDS, ViolationKind
from records.stored_session import StoredSession, read_session
from score import Scorer, replay
from scoring.breaks import BreakBook
from scoring.check_records import unpack
from scoring.held import Held, changed, history_of, reweighings
from scoring.marks import Mark
from scoring.rules import Rules
from settings.settings import Settings, load_settings

# The first is the grid that is compared, the second how the session was looked at, the third what its exam allowed.
FIXED = ("interval_duration", "face_interval_s", "looking_down_counts")
RULE_NAMES = tuple(name for name in Rules.__dataclass_fields__ if name != "points" and name not in FIXED)


@dataclass(frozen=True, slots=True)
class Change:
    """One interval as it is stored (`old_…`) and as it would be (`new_…`). `kinds` are the violations gained (+n) and lost (-n)."""

    index: int
    start: float
    end: float
    old_score: int
    new_score: int
    old_flagged: bool
    new_flagged: bool
    kinds: Mapping[str, int]

    @property
    def differs(self) -> bool:
        return bool(self.kinds) or (self.old_score, self.old_flagged) != (self.new_score, self.new_flagged)


def other_rules(stored: Mapping[str, Any], wanted: Any) -> Rules:
    """The `stored` rules with what `wanted` says: kinds of violation with points (alone or under `points`), and rules by name.

    Raise `InvalidInput` that names what is wrong and what is allowed.
    """
    if not isinstance(wanted, dict):
        raise InvalidInput(f'The file must hold a JSON object, such as {{"points": {{"speech": 0}}, "flag_threshold": 12}}; it holds {wanted!r}.')
    given = dict(wanted)
    listed = given.pop("points", {})
    if not isinstance(listed, dict):
        raise InvalidInput(f"points must be an object of kinds and points; it is {listed!r}.", field="points")
    points = {**{kind: given.pop(kind) for kind in VIOLATION_KINDS if kind in given}, **listed}
    for kind, value in points.items():
        if kind not in VIOLATION_KINDS:
            raise InvalidInput(f"points has {kind!r}; allowed are {', '.join(VIOLATION_KINDS)}.", field=f"points.{kind}")
        if not _is_number(value) or not float(value).is_integer() or not 0 <= value <= 100:
            raise InvalidInput(f"{kind}={value!r} must be a whole number of points from 0 to 100.", field=kind)
    for name, value in given.items():
        if name in FIXED:
            raise InvalidInput(f"{name} can't be changed afterwards: the session was read and stored by it.", field=name)
        if name not in RULE_NAMES:
            raise InvalidInput(f"{name!r} is no rule; allowed are points, {', '.join(RULE_NAMES)}.", field=name)
        if not _is_number(value) or value <= 0:
            raise InvalidInput(f"{name}={value!r} must be a number above 0.", field=name)
    return Rules.from_dict({**stored, **given, "points": {**stored.get("points", {}), **points}})


def points_named(wanted: Any) -> frozenset[str]:
    """The kinds to which the file gives points."""
    listed = wanted.get("points") if isinstance(wanted, dict) else None
    given = {*(wanted if isinstance(wanted, dict) else ()), *(listed if isinstance(listed, dict) else ())}
    return frozenset(given & set(VIOLATION_KINDS))


def scored_again(stored: StoredSession, rules: Rules, named: Collection[str] = ()) -> Scorer:
    """The session's readings, breaks and acts under `rules`.

    What an accommodation changed while the exam ran changes here, too, but for the points of kinds that are `named`: these hold all the time.
    """
    if gone := (stored.session.get("gone") or {}).get("readings"):
        raise InvalidInput(f"The readings of this session were deleted at {gone.get('at')} (KEEP_READINGS_DAYS): it can't be scored again.")
    scorer = Scorer(rules)
    over = {kind: points for kind, points in rules.points.items() if kind in named}
    scorer.set_weights(reweighings(history_of(stored.session), over))
    scorer.set_breaks(BreakBook(stored.session.get("breaks") or []).breaks)
    scorer.set_marks([Mark.from_dict(mark) for mark in stored.session.get("marks") or []])
    for check in stored.checks:
        if "readings" not in check:  # the database took the record without them; they are in rejected.jsonl
            continue
        gaze, persons, audio, _ = unpack(check["readings"])
        replay(scorer, gaze, persons, audio, [])
    scorer.take_acts(
        [ScreenAct(act["_id"].partition(":")[2], act["at"], act["kind"], act.get("detail", ""), act.get("told_by", "")) for act in stored.acts]
    )
    return scorer


def changes(stored: StoredSession, scorer: Scorer) -> list[Change]:
    """Every interval as it is stored and as it would be."""
    documents = {document["index"]: document for document in stored.intervals}
    until = max([check["end"] for check in stored.checks] + [document["end"] for document in stored.intervals], default=0.0)
    found = []
    for result in scorer.results(until):
        document = documents.get(result.index, {"score": 0, "flagged": False, "violations": []})
        kinds = Counter({violation.kind: violation.occurrences for violation in result.violations})
        kinds.subtract({violation["kind"]: violation["occurrences"] for violation in document["violations"]})
        differing = {str(kind): count for kind, count in kinds.items() if count}
        old, flagged = document["score"], document["flagged"]
        found.append(Change(result.index, result.start, result.end, old, result.score, flagged, result.flagged, differing))
    return found


def report(stored: StoredSession, rules: Rules, rows: Sequence[Change]) -> str:
    """What would change, in words and a table."""
    old_rules = Rules.from_dict(stored.session["rules"]).to_dict()
    lines = [f"session {stored.session['_id']}, user {stored.session['user_id']}, exam {stored.session['exam_id'] or '–'}"]
    if stored.session["state"] == "running":
        lines.append("The session is running: only what is stored so far is scored.")
    new_rules = rules.to_dict()
    tried = [f"{kind} {old_rules['points'][kind]} → {points} points" for kind, points in rules.points.items() if points != old_rules["points"][kind]]
    tried += [f"{name} {old_rules[name]:g} → {new_rules[name]:g}" for name in RULE_NAMES if new_rules[name] != old_rules[name]]
    lines.append("rules: " + (", ".join(tried) or "as they were"))
    lines += [f"from {timedelta(seconds=int(held.at))} on: an accommodation, {_points_changed(held.points, old_rules)}" for held in _changed(stored)]
    lines.append(f"{'interval':>8}  {'seconds':<13} {'score':<11} {'flag':<13} violations")
    for row in rows:
        if not row.differs:
            continue
        kinds = ", ".join(f"{count:+d} {kind}" for kind, count in sorted(row.kinds.items()))
        flag = _word(row.new_flagged) if row.old_flagged == row.new_flagged else f"{_word(row.old_flagged)} → {_word(row.new_flagged)}"
        lines.append(f"{row.index:>8}  {row.start:>5.0f}–{row.end:<7.0f} {f'{row.old_score} → {row.new_score}':<11} {flag:<13} {kinds}".rstrip())
    same = sum(not row.differs for row in rows)
    lines.append(f"{same} of {len(rows)} intervals stay as they are")
    lines.append(f"total score {sum(row.old_score for row in rows)} → {sum(row.new_score for row in rows)}")
    lines.append(f"flagged intervals {sum(row.old_flagged for row in rows)} → {sum(row.new_flagged for row in rows)}")
    lines.append("Nothing was changed: the stored session stays as it is.")
    return "\n".join(lines)


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` the command. Without `settings` they are read when the command runs."""

    @app.cli.command("rescore", help="Show what a stored session would score under other weights and rules. Nothing is changed.")
    @click.option("--session", "session_id", required=True, help="The session's id.")
    @click.option("--weights", "file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON of points and rules.")
    @click.option("--json", "as_json", is_flag=True, help="Print every interval as JSON.")
    @with_appcontext
    def rescore(session_id: str, file: Path, as_json: bool) -> None:
        try:
            stored = read_session(settings or load_settings(), session_id)
            wanted = _read_json(file)
            rules = other_rules(stored.session["rules"], wanted)
            rows = changes(stored, scored_again(stored, rules, points_named(wanted)))
        except ProctorError as error:
            raise click.ClickException(error.message) from None
        click.echo(json.dumps([_document(row) for row in rows], indent=1) if as_json else report(stored, rules, rows))


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{file} can't be read as JSON: {error}") from None


def _document(row: Change) -> dict[str, Any]:
    return {
        "index": row.index,
        "start": row.start,
        "end": row.end,
        "score": {"old": row.old_score, "new": row.new_score},
        "flagged": {"old": row.old_flagged, "new": row.new_flagged},
        "violations": dict(row.kinds),
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _changed(stored: StoredSession) -> Sequence[Held]:
    return changed(history_of(stored.session))


def _points_changed(points: Mapping[ViolationKind, int], rules: Mapping[str, Any]) -> str:
    other = [f"{kind} {count} points" for kind, count in points.items() if count != rules["points"][kind]]
    return ", ".join(other) or "the points of the beginning"


def _word(flagged: bool) -> str:
    return "flagged" if flagged else "none"
