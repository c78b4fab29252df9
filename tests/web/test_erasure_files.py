"""After an erasure and a start nothing of the student is in any file that the server keeps: its database's own files too."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr

from basics.identifiers import key_of
from basics.looks import look
from commands import registry
from database import Database
from media.recorder import Recorder
from records import scrubbing
from records.clip_sweep import ClipSweep
from records.exams import exam_key
from records.retention import Retention
from records.scrubbing import RUNS, _running, scrub_at_start
from records.spellings import looks_of
from records.verification import verify
from settings.settings import Settings
from storage.erased import ErasedMark
from storage.mongod import EmbeddedMongod
from tests.helpers.evidence import store_exam
from tests.helpers.web import MakeApp, local_client, settings_for
from web import serving
from web.parts import Parts, parts_of

SESSION, OTHER = "b" * 32, "c" * 32
STUDENT, NAME, MAIL, SAID = "кенгуру.4711", "Zora Wombatova", "zora@marsupial.example", "bandicoot"
MORE = ("student_answers", "new_looks", "student_reports", "identity", "absences", "conclusions", "roster", "letters", "rehearsals", "accommodations")


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """MongoDB writes its files as they are, not compressed, so that a text in them can be found."""
    plain = EmbeddedMongod._arguments
    options = [
        "--wiredTigerCollectionBlockCompressor",
        "none",
        "--wiredTigerJournalCompressor",
        "none",
        "--wiredTigerIndexPrefixCompression",
        "false",
    ]
    monkeypatch.setattr(EmbeddedMongod, "_arguments", lambda self: [*plain(self), *options])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path, mongo_uri="embedded")


@contextmanager
def served(settings: Settings) -> Iterator[Database]:
    """A server's database in an embedded mongod of its own."""
    server = EmbeddedMongod(settings.data_dir)
    try:
        made = Database(server.start(), settings.db_name, settings.data_dir / "spool")
        made.start()
        try:
            assert made.wait_ready(120)
            yield made
        finally:
            made.stop()
    finally:
        server.stop()


def parts_on(make_app: MakeApp, database: Database) -> tuple[Parts, FlaskClient]:
    app = make_app(database=database, mongo_uri="embedded")
    parts, settings = parts_of(app), parts_of(app).settings
    clips, recorder = ClipSweep(database, settings.clips_dir, settings.temp_dir), Recorder(settings.clips_dir, settings.temp_dir)
    parts.retention = Retention(
        database, settings.clips_dir, parts.stills.folder, 30, clips=clips, recorder=recorder, identity_dir=settings.identity_dir
    )
    return parts, local_client(app)


def store_all(database: Database, settings: Settings) -> None:
    """A record of each kind, each with a text, and files that name the student."""
    store_exam(database, settings.clips_dir, SESSION, STUDENT)
    store_exam(database, settings.clips_dir, OTHER, "bob")
    whose = {"session_id": SESSION, "user_id": STUDENT, "exam_id": "e", "exam_key": exam_key("e"), **looks_of(STUDENT, "e")}
    with database.reading():
        for name in MORE:
            record = {"_id": f"{name}-{SESSION}", **whose, "name": NAME, "email": MAIL, "said": f"{SAID} {name}", "picture": SAID.encode() * 1000}
            database.collection(name).insert_one(record)
        for name in ("sessions", "intervals", "checks", "acts", "reviews"):
            of_student = {"_id": SESSION} if name == "sessions" else {"session_id": SESSION}
            assert database.collection(name).update_many(of_student, {"$set": {"said": f"{SAID} {name}"}}).modified_count
    assert database.audit({"who": "ben", "what": "student: looked up", "user_id": STUDENT, "words": f"{NAME} {SAID} audit"}).wait(10)
    for folder in (settings.log_dir, settings.identity_dir, settings.temp_dir / "stills"):
        folder.mkdir(parents=True, exist_ok=True)
    (settings.log_dir / "app.log").write_text(f'{STUDENT} came\nslow: {{"user_look":"{look(STUDENT)}"}}\nbob came\n', "utf-8")
    (settings.identity_dir / f"identity-{SESSION}-face-0123456789abcdef.jpg").write_bytes(SAID.encode())
    (settings.temp_dir / "stills" / f"still-{SESSION}-1-abc-100.jpg").write_bytes(SAID.encode())
    (database.set_aside_in / "rejected.jsonl").write_text(f'{{"user_id": "{STUDENT}", "said": "{SAID}"}}\n', "utf-8")


def found(folder: Path) -> set[Path]:
    """The files below that have any of the student's texts, in their bytes or their name."""
    texts = [text.encode() for text in (STUDENT, look(STUDENT), NAME, MAIL, SAID)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path for path in files if any(text in path.read_bytes() + bytes(path) for text in texts)}


def test_nothing_of_an_erased_student_is_in_any_file_after_the_next_start(
    make_app: MakeApp, readable: None, settings: Settings, tmp_path: Path
) -> None:
    with served(settings) as database:
        parts, client = parts_on(make_app, database)
        store_all(database, settings)
        assert client.get("/api/health").get_json()["parts"]["erased"] == {"state": "ok"}
        answer = client.post("/api/students/erase", json={"user_id": STUDENT, "again": STUDENT})
        assert answer.status_code == 200, answer.data
        assert "next start" in answer.get_json()["remains"][0]
        health = client.get("/api/health").get_json()["parts"]["erased"]
        assert (health["state"], "next start" in health["reason"]) == ("ok", True)
    left = found(tmp_path)
    assert left, "without the rest of this the test would show nothing"
    assert {path.relative_to(settings.data_dir).parts[:2] for path in left} == {("mongo", "db")}
    said: list[str] = []
    scrub_at_start(settings, said.append)
    assert found(tmp_path) == set(), said
    assert parts.erased.since() is None
    with served(settings) as database, database.reading():
        verified = verify(database.collection("sessions").database, settings.clips_dir)
        assert (verified.findings, verified.erased, verified.sessions) == ([], 4, 1)  # bob's is whole


def test_a_session_and_an_exam_that_are_deleted_leave_the_mark_too(make_app: MakeApp, database: Database, settings: Settings) -> None:
    (settings.data_dir / "mongo").mkdir(parents=True)
    parts, client = parts_on(make_app, database)
    store_exam(database, settings.clips_dir, SESSION, STUDENT)
    assert client.delete(f"/api/session/{SESSION}").status_code == 200
    assert parts.erased.since() is not None
    parts.erased.clear()
    assert client.post("/api/exams", json={"exam_id": "e", "title": "E"}).status_code == 200
    assert client.delete(f"/api/exams/{key_of('e')}", json={"title": "E"}).status_code == 200
    assert parts.erased.since() is not None


def test_a_start_leaves_what_is_too_large_or_has_exams_that_run(settings: Settings, stored: Any) -> None:
    mark = ErasedMark.of(settings)
    (mark.folder / "db").mkdir(parents=True)
    (mark.folder / "db" / "collection-1.wt").write_bytes(b"x" * (2 << 20))
    said: list[str] = []
    scrub_at_start(settings, said.append)
    assert said == []
    mark.set()
    scrub_at_start(settings.model_copy(update={"scrub_at_start_mb": 1}), said.append)
    assert "flask --app app scrub" in said[-1]
    assert mark.since() is not None
    stored.sessions.insert_one({"_id": SESSION, "state": "running"})
    assert _running(stored.client, stored.name) == RUNS
    assert _running(stored.client, "another") == ""


def test_the_server_does_it_when_it_has_its_port_and_serves_nobody_yet(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ErasedMark.of(settings).folder.mkdir(parents=True)
    ErasedMark.of(settings).set()
    done: list[str] = []

    def served_by(_settings: Settings, listener: socket.socket, *_rest: object) -> int:
        listener.close()
        done.append("served")
        return 0

    monkeypatch.setattr(scrubbing, "scrub_at_start", lambda *_given: done.append("scrubbed"))
    for way in ("_serve_gunicorn", "_serve_werkzeug"):
        monkeypatch.setattr(serving, way, served_by)
    assert serving.serve(settings.model_copy(update={"flask_port": 0}), lambda _settings: Flask(__name__), lambda _app: None) == 0
    assert done == ["scrubbed", "served"]


def test_the_command_says_what_it_can_not_do(settings: Settings, mongo_uri: str) -> None:
    app = Flask(__name__)
    registry.register(app, settings.model_copy(update={"mongo_uri": SecretStr(mongo_uri)}))
    result = app.test_cli_runner().invoke(args=["scrub"])
    assert result.exit_code == 1
    assert "docs/privacy.md" in result.output
