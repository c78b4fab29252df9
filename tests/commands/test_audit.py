"""Who did what, shown by the command as an operator calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from basics.errors import InvalidInput
from commands import registry
from commands.audit import table
from database import Database
from records.stored_audit import moment
from settings.settings import load_settings
from storage.mongod import EmbeddedMongod

ROOT = Path(__file__).resolve().parent.parent.parent
SESSION = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
DAY = datetime(2024, 10, 5, tzinfo=timezone.utc)
ENTRIES: list[dict[str, Any]] = [
    {"at": DAY, "who": "Ada Byron", "what": "break: begun", "address": "127.0.0.1", "session_id": SESSION, "reason": "fire drill"},
    {"at": DAY + timedelta(hours=1), "who": "Bob", "what": "review: dismissed", "video_id": f"{SESSION}-3", "reason": "glasses"},
    {"at": DAY + timedelta(hours=23.99), "who": "proctor", "what": "accommodation: set", "user_id": "ann", "exam_id": "math"},
    {"at": DAY + timedelta(days=1), "who": "ada", "what": "message: warning", "session_id": OTHER, "text": "Please\nput the \x1b[31mphone away"},
    {"at": DAY + timedelta(days=2), "who": "server", "what": "sessions: deleted", "count": 2, "ended_before": DAY},
]
Run = Callable[..., Result]


def note_all(database: Database) -> None:
    for entry in ENTRIES:
        database.audit(entry)
    assert database.flush(10)


@pytest.fixture
def run(database: Database, mongo_uri: str, db_name: str, tmp_path: Path) -> Run:
    """Runs the command in this process, while this process has the spool as a server has it."""
    app = Flask("commands")
    registry.register(app, load_settings(_env_file=None, mongo_uri=mongo_uri, db_name=db_name, data_dir=tmp_path))
    return lambda *arguments: app.test_cli_runner().invoke(args=["audit", *arguments])


def shown(answer: Result) -> list[str]:
    """What was done, by the lines of JSON."""
    assert answer.exit_code == 0, answer.output
    return [json.loads(line)["what"].partition(":")[0] for line in answer.stdout.splitlines()]


def test_the_audit_is_a_table_in_utc_with_the_newest_last(run: Run, database: Database) -> None:
    note_all(database)
    lines = run().stdout.splitlines()
    assert lines[0].split("  ")[0].strip() == "time (UTC)"
    assert [line[:19] for line in lines[1:]] == [f"{entry['at']:%Y-%m-%d %H:%M:%S}" for entry in ENTRIES]
    assert "Ada Byron" in lines[1]
    assert SESSION in lines[1]
    assert "reason: fire drill" in lines[1]
    assert f"{SESSION}-3" in lines[2]
    assert "ann / math" in lines[3]
    assert "count: 2, ended_before: 2024-10-05T00:00:00.000Z" in lines[5]
    begins = {line.index(entry["what"]) for line, entry in zip(lines[1:], ENTRIES, strict=True)}
    assert len(begins) == 1, "a column stands under its heading"


def test_what_somebody_wrote_stays_on_its_line_and_gives_the_terminal_no_order(run: Run, database: Database) -> None:
    note_all(database)
    answer = run("--what", "message")
    assert len(answer.stdout.splitlines()) == 2
    assert "\x1b" not in answer.stdout
    assert "Please put the" in answer.stdout


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["break", "review", "accommodation", "message", "sessions"]),
        (["--since", "2024-10-06"], ["message", "sessions"]),
        (["--until", "2024-10-05"], ["break", "review", "accommodation"]),
        (["--since", "2024-10-05", "--until", "2024-10-05"], ["break", "review", "accommodation"]),
        (["--since", "2024-10-05 01:00", "--until", "2024-10-06T00:00:00Z"], ["review", "accommodation"]),
        (["--since", "2024-10-05T03:00+02:00", "--until", "2024-10-06"], ["review", "accommodation", "message"]),
        (["--who", "ada"], ["break", "message"]),
        (["--who", "a.a"], []),
        (["--what", "REVIEW"], ["review"]),
        (["--session", SESSION], ["break", "review"]),
        (["--session", SESSION, "--who", "Bob"], ["review"]),
        (["--session", SESSION[:31]], []),
        (["--limit", "2"], ["message", "sessions"]),
    ],
)
def test_the_options_choose(run: Run, database: Database, options: list[str], expected: list[str]) -> None:
    note_all(database)
    answer = run(*options, "--json") if expected else run(*options)
    if not expected:
        assert "Nothing in the audit is as you asked" in answer.stdout
        return
    assert shown(answer) == expected
    assert ("newest 2" in answer.stderr) == ("--limit" in options)


def test_each_line_of_json_is_the_whole_entry(run: Run, database: Database) -> None:
    note_all(database)
    first, *_, last = (json.loads(line) for line in run("--json").stdout.splitlines())
    assert first.items() >= (ENTRIES[0] | {"at": "2024-10-05T00:00:00.000Z"}).items()
    assert (last["count"], last["ended_before"]) == (2, "2024-10-05T00:00:00.000Z")


def test_an_empty_audit_is_said_in_words_and_is_no_line_of_json(run: Run) -> None:
    answer = run()
    assert (answer.exit_code, answer.stdout) == (0, "The audit is empty: nobody has done anything yet.\n")
    assert run("--json").stdout == ""


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--since", "yesterday"], "--since 'yesterday' is no day and no time"),
        (["--until", "2024-13-01"], "--until '2024-13-01'"),
        (["--until", ""], "--until ''"),
        (["--since", "05.10.2024"], "2024-10-05"),
        (["--since", "0001-01-01T00:00+14:00"], "--since"),
        (["--since", "2024-10-06", "--until", "2024-10-05"], "--until 2024-10-05 is not after --since 2024-10-06"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(run: Run, options: list[str], says: str) -> None:
    answer = run(*options)
    assert answer.exit_code != 0
    assert says in answer.output
    assert "Traceback" not in answer.output


def test_a_time_without_an_offset_is_utc_and_a_day_may_be_meant_whole() -> None:
    assert moment("2024-10-05 14:30", "--since") == DAY + timedelta(hours=14.5)
    assert moment("2024-10-05T14:30+02:00", "--since") == DAY + timedelta(hours=12.5)
    assert (moment("2024-10-05", "--until"), moment("2024-10-05", "--until", whole_day=True)) == (DAY, DAY + timedelta(days=1))
    with pytest.raises(InvalidInput):
        moment("9999-12-31", "--until", whole_day=True)


def test_an_entry_of_another_version_is_shown_too() -> None:
    assert "something later" in table([{"_id": "x", "what": "something later", "at": None, "new": ["a", 1]}])


def test_a_database_that_is_away_is_said(tmp_path: Path) -> None:
    app = Flask("commands")
    registry.register(app, load_settings(_env_file=None, mongo_uri="mongodb://127.0.0.1:9/", mongo_timeout_s=0.2, data_dir=tmp_path))
    answer = app.test_cli_runner().invoke(args=["audit"])
    assert answer.exit_code == 1
    assert "Check MONGO_URI" in answer.output


def test_the_embedded_database_is_read_running_or_not(tmp_path: Path) -> None:
    settings = {"MONGO_URI": "embedded", "DB_NAME": "proctoring_db", "DATA_DIR": str(tmp_path / "data"), "LOG_DIR": str(tmp_path / "logs")}
    environment = {name: value for name, value in os.environ.items() if name not in settings} | settings

    def ask() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flask", "--app", "app", "audit", "--json"]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False)

    mongod = EmbeddedMongod(tmp_path / "data")
    database = Database(mongod.start(), "proctoring_db", tmp_path / "data" / "spool")
    database.start()
    try:
        assert database.wait_ready(30)
        note_all(database)
        while_it_runs = ask()
        assert mongod.alive()
    finally:
        database.stop()
        mongod.stop()
    afterwards = ask()
    assert while_it_runs.returncode == 0, while_it_runs.stderr
    assert len(while_it_runs.stdout.splitlines()) == len(ENTRIES)
    assert afterwards.stdout == while_it_runs.stdout
    assert EmbeddedMongod(tmp_path / "data").running_uri() is None
    assert not (tmp_path / "logs").exists()  # no server was started
