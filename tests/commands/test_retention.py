"""What is kept is shown and swept by a command, beside a running server, which does it, and without one."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from basics.times import utc_now
from commands import registry
from commands.retention import folders_of
from database import Database
from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.command_acts import take_command_acts
from records.holds import Holds
from records.retention import ASKED, Retention
from settings.settings import Settings, load_settings
from tests.helpers.databases import PATIENT_S, all_stored, opened

SESSION = "a" * 32
ENDED = utc_now() - timedelta(days=20)
Run = Callable[..., Result]


@pytest.fixture
def settings(mongo_uri: str, db_name: str, tmp_path: Path) -> Settings:
    folders = {"data_dir": tmp_path, "clips_dir": tmp_path / "clips", "temp_dir": tmp_path / "temp"}
    days = {"keep_clips_dismissed_days": 7, "keep_audit_days": 90}
    return load_settings(_env_file=None, mongo_uri=mongo_uri, db_name=db_name, **folders, **days)


@pytest.fixture
def run(settings: Settings) -> Run:
    app = Flask("commands")
    registry.register(app, settings)
    return lambda *arguments: app.test_cli_runner().invoke(args=["retention", *arguments])


def ok(answer: Result) -> str:
    assert answer.exit_code == 0, answer.output
    return str(answer.stdout)


def row_of(said: str, kind: str) -> list[str]:
    return re.split(r"  +", next(line for line in said.splitlines() if line.startswith(kind)).strip())


def add(database: Database, settings: Settings, session_id: str = SESSION, **more: Any) -> None:
    settings.clips_dir.mkdir(exist_ok=True)
    folders_of(settings)["stills"].mkdir(parents=True, exist_ok=True)
    session = {"user_id": session_id[:3], "state": "ended", "ended_at": ENDED, **more}
    writes = [database.write("sessions", session_id, session)]
    for index, state in enumerate(("dismissed", "confirmed", None)):
        name = f"{session_id[0]}{index}.mp4"
        (settings.clips_dir / name).write_bytes(b"a clip")
        fields = {"session_id": session_id, "flagged": True, "clip": {"state": "ready", "path": name}}
        writes.append(database.write("intervals", f"{session_id}-{index}", fields | ({"review": {"state": state}} if state else {})))
    assert all_stored(writes)


def test_each_kind_is_shown_with_its_days_what_is_kept_and_what_is_due(run: Run, database: Database, settings: Settings) -> None:
    add(database, settings)
    add(database, settings, "b" * 32, keep_days={"clips_dismissed": 30})
    add(database, settings, "c" * 32)
    Holds(database).set(by="ben", note="a lawsuit", session_id="c" * 32)
    assert database.audit({"who": "ben", "what": "looked", "at": utc_now() - timedelta(days=100)}).wait(10)
    assert database.audit({"who": "ben", "what": "looked"}).wait(10)
    said = ok(run())
    since = f"{ENDED:%Y-%m-%d %H:%M} UTC"
    assert row_of(said, "sessions") == ["sessions", "365 days", "3", "0", "1", since]
    assert row_of(said, "clips of dismissed") == ["clips of dismissed flags", "7 days", "3", "1", "1", since, "1 with other days"]
    assert row_of(said, "clips of confirmed") == ["clips of confirmed flags", "as the session", "3", "0", "1", since]
    assert row_of(said, "clips of flags without") == ["clips of flags without a decision", "as the session", "3", "0", "1", since]
    assert row_of(said, "readings")[2] == "3"
    assert row_of(said, "pictures of identity")[1:] == ["30 days", "0", "0", "0", "-"]
    assert row_of(said, "entries of the audit")[1:5] == ["90 days", "2", "1", "0"]
    assert "Counted is what belongs to sessions that have ended" in said
    assert "Last sweep: -; it deleted: nothing." in said
    assert "Legal holds: 1." in said


def test_without_a_server_the_command_sweeps_itself(run: Run, mongo_uri: str, db_name: str, settings: Settings, tmp_path: Path) -> None:
    with opened(mongo_uri, db_name, tmp_path / "server", PATIENT_S) as database:
        add(database, settings)
    said = ok(run("--now"))
    assert "it deleted: clips of dismissed flags 1." in said
    assert row_of(said, "clips of dismissed")[2:4] == ["0", "0"]
    assert sorted(path.name for path in settings.clips_dir.iterdir()) == ["a1.mp4", "a2.mp4"]


def test_a_running_server_sweeps_when_it_is_asked(run: Run, database: Database, settings: Settings) -> None:
    add(database, settings)
    clips = ClipSweep(database, settings.clips_dir, settings.temp_dir)
    recorder = Recorder(settings.clips_dir, settings.temp_dir)
    kinds = settings.keep_by_kind()
    server = Retention(database, settings.clips_dir, folders_of(settings)["stills"], 365, clips=clips, recorder=recorder, kinds=kinds)
    server.start()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            if ASKED in take_command_acts(database):
                server.wake()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        said = ok(run("--now"))
    finally:
        ended.set()
        watching.join()
        server.stop()
    assert "it deleted: clips of dismissed flags 1." in said
    assert "retention: asked" in {entry["what"] for entry in database.audit_entries()}


def test_a_folder_that_can_not_be_used_is_said_where_no_server_answers(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.retention.NOTICED_WITHIN_S", 0)
    answer = run("--now")
    assert (answer.exit_code, "in use by another server" in answer.output) == (1, True)
    with database.reading():
        assert database.collection("command_acts").count_documents({}) == 0


def test_sessions_that_there_are_are_given_the_days_in_force(run: Run, database: Database, settings: Settings) -> None:
    add(database, settings, keep_days={"records": 365, "clips_dismissed": 300})
    add(database, settings, "b" * 32, keep_days={"clips_dismissed": 300}, exam={"keep_days": {"clips_dismissed": 60}})
    assert row_of(ok(run()), "clips of dismissed")[3] == "0"
    said = ok(run("--apply"))
    assert "2 sessions were given the days in force." in said
    assert row_of(said, "clips of dismissed")[3] == "1", "what an exam says goes before it still"
    take_command_acts(database)
    assert database.flush(10)
    assert "retention: days given to sessions" in {entry["what"] for entry in database.audit_entries()}
