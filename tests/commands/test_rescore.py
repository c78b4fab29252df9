"""A stored session scored again under other rules, by the command as an operator calls it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pymongo
import pytest

from basics.errors import InvalidInput
from basics.readings import AudioReading, Direction, GazeReading, PersonsReading, ScreenAct
from bench.session import FootageClock
from commands.rescore import changes, other_rules, report, scored_again
from database import Database
from media.recorder import Recorder
from records.stored_session import StoredSession
from scoring.breaks import STUDENT
from scoring.rules import Rules
from sessions.analysis import PictureReadings
from sessions.ends import End
from sessions.events import Events
from sessions.identity import Identity
from sessions.models import Models
from sessions.session import ExamSession
from settings.settings import load_settings
from storage.mongod import EmbeddedMongod

ROOT = Path(__file__).resolve().parent.parent.parent
SESSION = "a-session"
STARTED = datetime(2024, 10, 5, 14, 30, tzinfo=timezone.utc)


def sit(database: Database, folder: Path) -> None:
    """A session of 90 s: looks left and speaks in the first interval, copies twice in the second, is away in a break of the third."""
    settings, clock = load_settings(_env_file=None), FootageClock()
    recorder = Recorder(folder / "clips", folder / "temp")
    recorder.start()
    session = ExamSession(
        Identity(SESSION, "student", "exam", "browser"),
        rules=Rules.from_settings(settings),
        settings=settings,
        models=Models(),
        storage=database,
        recorder=recorder,
        events=Events(),
        clock=clock,
        started_at=STARTED,
        start=0.0,
    )
    fields = {"user_id": "student", "exam_id": "exam", "state": "running", "started_at": STARTED, "rules": session.rules, "breaks": []}
    database.write("sessions", SESSION, fields)
    for step in range(90 * 4):
        at = clock.now = step / 4
        direction: Direction = "left" if 5 <= at < 9 else "none" if 65 <= at < 75 else "focused"
        if at == 64.0:
            session.begin_break(STUDENT)
        if at == 78.0:
            session.end_break()
        persons = PersonsReading(at, 0 if direction == "none" else 1, False) if step % 8 == 0 else None
        session.take_readings(PictureReadings(at, GazeReading(at, direction), persons))
        if step % 4 == 0:
            session.take_audio(AudioReading(at, 1.0, speech=((at, at + 1.0),) if 10 <= at < 13 else ()))
        if at == 40.0:
            session.take_acts([ScreenAct("one", at, "copy"), ScreenAct("two", at + 2, "copy")])
        session.tick()
    clock.now = 90.0
    _, ticket = session.end("ended", End("call"))
    session.close()
    recorder.stop(30)
    assert ticket.wait(10)
    assert database.flush(10)


def stored_in(uri: str, db_name: str) -> dict[str, list[dict[str, Any]]]:
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        return {name: list(client[db_name][name].find().sort("_id", 1)) for name in client[db_name].list_collection_names()}


def run(weights: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flask", "--app", "app", "rescore", "--session", SESSION, "--weights", str(weights), "--json"]
    environment = {name: value for name, value in os.environ.items() if name not in settings} | settings
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False)


@pytest.fixture
def stored(database: Database, mongo_uri: str, db_name: str, tmp_path: Path) -> StoredSession:
    sit(database, tmp_path)
    found = stored_in(mongo_uri, db_name)
    checks = sorted(found["checks"], key=lambda check: check["number"])
    return StoredSession(found["sessions"][0], checks, found["acts"], sorted(found["intervals"], key=lambda interval: interval["index"]))


def test_the_same_rules_give_the_same_scores(stored: StoredSession) -> None:
    rows = changes(stored, scored_again(stored, other_rules(stored.session["rules"], {})))
    assert [row.old_score for row in rows] == [5, 10, 0]
    assert not any(row.differs for row in rows)


def test_a_session_whose_readings_were_deleted_is_not_scored_again(stored: StoredSession) -> None:
    thinned = replace(stored, session={**stored.session, "gone": {"readings": {"at": "2026-11-01", "days": 30}}})
    with pytest.raises(InvalidInput, match="KEEP_READINGS_DAYS"):
        scored_again(thinned, other_rules(stored.session["rules"], {}))


def test_other_weights_and_durations_change_what_they_say(stored: StoredSession) -> None:
    rules = other_rules(stored.session["rules"], {"points": {"copy_paste": 3}, "speech": 8, "gaze_min_s": 3.9, "flag_threshold": 8})
    rows = changes(stored, scored_again(stored, rules))
    assert [(row.old_score, row.new_score) for row in rows] == [(5, 8), (10, 6), (0, 0)]
    assert [(row.old_flagged, row.new_flagged) for row in rows] == [(False, True), (True, False), (False, False)]
    assert dict(rows[0].kinds) == {"gaze_distracted": -1}
    text = report(stored, rules, rows)
    assert "copy_paste 5 → 3 points" in text
    assert "gaze_min_s 2 → 3.9" in text
    assert "10 → 6      flagged → none" in text
    assert "1 of 3 intervals stay as they are" in text


def test_the_rules_stored_with_a_session_are_all_that_it_was_scored_by(stored: StoredSession) -> None:
    assert set(stored.session["rules"]) == set(Rules.__dataclass_fields__)
    rules = other_rules(stored.session["rules"] | {"credit_max_s": 0.1}, {})
    assert rules.credit_max_s == 0.1
    rows = changes(stored, scored_again(stored, rules))
    assert dict(rows[0].kinds) == {"gaze_distracted": -1}, "four seconds of looking away are 1.5 s at a tenth for each of 16 pictures"


def test_a_session_stored_by_an_older_version_is_scored_by_what_was_in_force_then(stored: StoredSession) -> None:
    for name in ("gaze_gap_s", "voices_gap_s", "unknown_max_s", "credit_max_s", "looks_min", "looks_end", "looks_speak_for", "act_together_s"):
        del stored.session["rules"][name]
    rules = other_rules(stored.session["rules"], {})
    rows = changes(stored, scored_again(stored, rules))
    assert not any(row.differs for row in rows)
    assert "rules: as they were" in report(stored, rules, rows)
    tried = other_rules(stored.session["rules"], {"gaze_gap_s": 1})
    assert "gaze_gap_s 0.5 → 1" in report(stored, tried, rows)


def test_how_many_looks_must_agree_and_how_close_acts_belong_together_can_be_tried(stored: StoredSession) -> None:
    stored.acts.append(stored.acts[0] | {"_id": f"{SESSION}:three", "at": 41.5, "kind": "clipboard_changed"})
    rows = [changes(stored, scored_again(stored, other_rules(stored.session["rules"], {"act_together_s": seconds}))) for seconds in (1, 0.2)]
    assert [row[1].new_score for row in rows] == [10, 15]
    stored.session["rules"]["looks_min"] = 3
    assert "looks_min 3 → 2" in report(stored, other_rules(stored.session["rules"], {"looks_min": 2}), rows[0])


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"points": {"staring": 3}}, "staring"),
        ({"speech": 2.5}, "speech"),
        ({"points": {"speech": True}}, "speech"),
        ({"speech": math.inf}, "speech"),
        ({"flag_threshold": math.nan}, "flag_threshold"),
        ({"gaze_min": 2}, "gaze_min"),
        ({"gaze_min_s": 0}, "gaze_min_s"),
        ({"interval_duration": 60}, "interval_duration"),
        ([1], "JSON object"),
    ],
)
def test_a_wrong_file_is_refused_by_name(stored: StoredSession, wanted: Any, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        other_rules(stored.session["rules"], wanted)


def test_the_command_shows_the_change_and_leaves_the_original(
    stored: StoredSession, mongo_uri: str, db_name: str, database: Database, tmp_path: Path
) -> None:
    """It runs while another process (this one) has the spool."""
    weights = tmp_path / "weights.json"
    weights.write_text('{"points": {"gaze_distracted": 8, "speech": 0}}')
    before = stored_in(mongo_uri, db_name)
    answer = run(weights, MONGO_URI=mongo_uri, DB_NAME=db_name, DATA_DIR=str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    first, second, third = json.loads(answer.stdout)
    assert (first["score"], first["flagged"], first["violations"]) == ({"old": 5, "new": 8}, {"old": False, "new": False}, {"speech": -1})
    assert (second["score"], third["score"]) == ({"old": 10, "new": 10}, {"old": 0, "new": 0})
    assert stored_in(mongo_uri, db_name) == before


def test_the_command_finds_the_embedded_database_running_or_not(tmp_path: Path) -> None:
    weights = tmp_path / "weights.json"
    weights.write_text('{"copy_paste": 4}')
    settings = {"MONGO_URI": "embedded", "DB_NAME": "proctoring_db", "DATA_DIR": str(tmp_path / "data"), "LOG_DIR": str(tmp_path / "logs")}
    mongod = EmbeddedMongod(tmp_path / "data")
    database = Database(mongod.start(), "proctoring_db", tmp_path / "data" / "spool")
    database.start()
    try:
        assert database.wait_ready(30)
        sit(database, tmp_path)
        while_it_runs = run(weights, **settings)
        assert mongod.alive()
    finally:
        database.stop()
        mongod.stop()
    afterwards = run(weights, **settings)
    assert while_it_runs.returncode == 0, while_it_runs.stderr
    assert json.loads(while_it_runs.stdout)[1]["score"] == {"old": 10, "new": 8}
    assert afterwards.stdout == while_it_runs.stdout
    assert EmbeddedMongod(tmp_path / "data").running_uri() is None
    assert not (tmp_path / "logs").exists()  # no server was started


def test_an_unknown_session_is_named(mongo_uri: str, db_name: str, tmp_path: Path) -> None:
    weights = tmp_path / "weights.json"
    weights.write_text("{}")
    answer = run(weights, MONGO_URI=mongo_uri, DB_NAME=db_name)
    assert answer.returncode == 1
    assert SESSION in answer.stderr
