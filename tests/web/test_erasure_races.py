"""What is in the middle of being stored when its student is erased: after the receipt nothing of it comes into being."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from basics.errors import Conflict, NotFound, StorageError
from basics.gone import Gone, of_student
from basics.gone import of_exam as gone_exam
from basics.identifiers import key_of
from media.clip import Clip, ClipJob
from media.identity_pictures import IdentityPictures
from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.conclusions import Person
from records.identity import Whose
from records.retention import Retention
from records.roster_rows import Student
from records.rosters import Rosters
from scoring.accommodations import Accommodation
from sessions.making import SessionMaker
from tests.helpers.databases import START
from tests.helpers.evidence import store_exam
from tests.helpers.identity import jpeg
from tests.helpers.waiting import until
from tests.helpers.web import local_client
from web.parts import Parts

SESSION, STUDENT, EXAM = "b" * 32, "zoë.müller", "e"
KEY = key_of(EXAM)


@pytest.fixture
def recorder(parts: Parts) -> Iterator[Recorder]:
    made = Recorder(parts.settings.clips_dir, parts.settings.temp_dir)
    made.start()
    yield made
    made.stop(10)


@pytest.fixture
def exam(parts: Parts, recorder: Recorder) -> Parts:
    settings = parts.settings
    clips = ClipSweep(parts.database, settings.clips_dir, settings.temp_dir)
    parts.retention = Retention(
        parts.database, settings.clips_dir, parts.stills.folder, 30, clips=clips, recorder=recorder, identity_dir=settings.identity_dir
    )
    store_exam(parts.database, settings.clips_dir, SESSION, STUDENT)
    assert parts.database.flush(10)
    return parts


class Paused:
    """A function that stands still in its middle until it is let go on."""

    def __init__(self, inner: Callable[..., Any]) -> None:
        self.inner, self.reached, self.goes_on = inner, threading.Event(), threading.Event()

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.reached.set()
        assert self.goes_on.wait(30)
        return self.inner(*given, **named)

    def method(self) -> Callable[..., Any]:
        """The same as a method of a class."""

        def call(*given: Any, **named: Any) -> Any:
            return self(*given, **named)

        return call


def erase(client: FlaskClient) -> Any:
    return client.post("/api/students/erase", json={"user_id": STUDENT, "again": STUDENT})


def raced(app: Flask, pool: ThreadPoolExecutor, paused: Paused, act: Callable[[], Any], barred: Callable[[], bool]) -> tuple[Any, Future[Any]]:
    """The erasure's answer, with `act` in the middle of what it does when that begins."""
    acting = pool.submit(act)
    assert paused.reached.wait(30)
    erasing = pool.submit(erase, local_client(app))
    until(lambda: erasing.done() or barred())
    paused.goes_on.set()
    return erasing.result(30), acting


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


IDS_ALONE = {"deleted_sessions"}  # by which late writes of other servers are known; nothing of whose they were


def left(parts: Parts, folder: Path) -> list[str]:
    """What is left of the session: files, documents."""
    assert parts.database.flush(10)
    found = [str(path) for path in folder.rglob("*") if SESSION in path.name or path.name == STUDENT]
    with parts.database.reading():
        database = parts.database.collection("sessions").database
        for name in set(database.list_collection_names()) - IDS_ALONE:
            found += [name for row in database[name].find({"what": {"$ne": "student: erased"}}) if SESSION in str(row) or STUDENT in str(row)]
    return found


def test_a_picture_of_identity_that_is_coming_in(
    app: Flask, exam: Parts, pool: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused = Paused(IdentityPictures._write)
    monkeypatch.setattr(IdentityPictures, "_write", paused.method())
    keep = partial(exam.identity.keep_jpeg, Whose(SESSION, STUDENT, EXAM), "face", jpeg())
    answer, coming = raced(app, pool, paused, keep, lambda: SESSION in exam.database.gone._barred)
    assert answer.status_code == 200, answer.data
    coming.exception(30)
    assert left(exam, tmp_path) == []
    with exam.database.reading():
        deleted = exam.database.collection("deleted_sessions").find_one({"_id": SESSION})
    assert deleted is not None
    assert (deleted["whole"], deleted["erased"]) == (True, True), "what the audit said of it comes back from no other server's spool, either"
    with pytest.raises(Conflict):
        keep()
    assert left(exam, tmp_path) == []


def test_a_clip_that_is_being_made(app: Flask, exam: Parts, recorder: Recorder, pool: ThreadPoolExecutor, tmp_path: Path) -> None:
    def make(job: ClipJob) -> Clip:
        path = recorder.clips_dir / STUDENT / f"{job.session_id}-late.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"a clip")
        return Clip("ready", f"{STUDENT}/{path.name}")

    recorder.make = make  # type: ignore[method-assign]
    paused = Paused(lambda clip: exam.database.write("intervals", f"{SESSION}-0", {"clip": clip.to_dict()}))
    job = ClipJob(SESSION, STUDENT, 0, START, 12, 0.0, 30.0, [], [], [])
    waits: Any = recorder._over
    answer, _acting = raced(app, pool, paused, lambda: recorder.submit(job, paused), lambda: bool(waits._waiters))
    assert answer.status_code == 200, answer.data
    assert left(exam, tmp_path) == []


def test_records_that_come_late(client: FlaskClient, exam: Parts, tmp_path: Path) -> None:
    assert erase(client).status_code == 200
    for collection, name, fields in (
        ("intervals", f"{SESSION}-1", {"clip": {"state": "ready"}}),
        ("sessions", SESSION, {"state": "running"}),
        ("acts", "an-act", {"session_id": SESSION, "at": 1.0}),
        ("audit", "an-entry", {"what": "session: looked at", "session_id": SESSION}),
    ):
        ticket = exam.database.write(collection, name, fields)
        assert (ticket.wait(10), type(ticket.error)) == (False, Conflict)
    with pytest.raises(Conflict):
        exam.conclusions._act(None, SESSION, "concluded", Person("Ada", None), {"state": "concluded"}, reason="")
    assert left(exam, tmp_path) == []
    assert exam.database.write("rehearsals", "anew", {"user_id": STUDENT}).wait(10), "the student may come again"


def test_a_letter_and_a_change_of_a_row_that_was_read_before(client: FlaskClient, exam: Parts, tmp_path: Path) -> None:
    assert client.post("/api/exams", json={"exam_id": EXAM, "title": "E"}).status_code == 200
    assert client.post(f"/api/exams/{KEY}/roster", json={"text": f"id,email\n{STUDENT},zoe@example.org"}).status_code == 200
    (row,) = exam.rosters.rows(KEY)
    assert erase(client).status_code == 200
    assert exam.mailer.letters.queue([row], "Exam", "{link}", "https://exams.example.org") == 0
    with pytest.raises(NotFound):
        exam.rosters.change(row, {"extra_min": 10.0}, "Ada")
    assert left(exam, tmp_path) == []


def test_a_session_that_is_being_made_is_not_begun_with_what_is_erased(
    app: Flask, exam: Parts, pool: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam.monitor.accommodations.set(Accommodation(STUDENT, EXAM, reading_aloud=True))
    paused = Paused(SessionMaker.surroundings)
    monkeypatch.setattr(SessionMaker, "surroundings", paused.method())
    create = partial(exam.monitor.create, STUDENT, EXAM, "browser")
    answer, creating = raced(app, pool, paused, create, lambda: of_student(STUDENT) in exam.database.gone._barred)
    assert answer.status_code == 200, answer.data
    assert isinstance(creating.exception(30), StorageError), "its student is told to try again"
    assert left(exam, tmp_path) == []
    assert create().accommodation is None
    assert erase(local_client(app)).get_json()["error"]["reason"] == "running"
    assert exam.database.write("sessions", "d" * 32, {"user_id": STUDENT}).wait(10), "what is not erased is not gone"


def test_what_is_stored_now_is_waited_for_and_what_does_not_end_is_told() -> None:
    gone = Gone()
    with gone.writing("a"):
        with pytest.raises(Exception, match="being stored now"):
            gone.bar({"a", "b"}, timeout=0.0)
        with gone.writing("a", "b"):
            pass
    gone.bar({"a"})
    with pytest.raises(Conflict), gone.writing("a"):
        pass
    gone.lift({"a"})
    with gone.writing("a"):
        pass
    assert not gone._writing


# A whole exam


def delete_exam(client: FlaskClient) -> Any:
    return client.delete(f"/api/exams/{KEY}", json={"title": "E", "by": "Ada"})


@pytest.fixture
def defined(client: FlaskClient, exam: Parts) -> Parts:
    """The same, of an exam that somebody defined."""
    assert client.post("/api/exams", json={"exam_id": EXAM, "title": "E"}).status_code == 200
    return exam


def kept(parts: Parts) -> list[str]:
    """What the database has of the exam's sessions, students and letters, beside the audit."""
    assert parts.database.flush(10)
    with parts.database.reading():
        database = parts.database.collection("sessions").database
        names = set(database.list_collection_names()) - {"audit", "server"} - IDS_ALONE
        return [name for name in names for row in database[name].find() if SESSION in str(row) or KEY in str(row) or row.get("exam_id") == EXAM]


def test_an_exam_is_deleted_with_a_picture_that_is_coming_in(
    app: Flask, defined: Parts, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused = Paused(IdentityPictures._write)
    monkeypatch.setattr(IdentityPictures, "_write", paused.method())
    coming = pool.submit(defined.identity.keep_jpeg, Whose(SESSION, STUDENT, EXAM), "face", jpeg())
    assert paused.reached.wait(30)
    deleting = pool.submit(delete_exam, local_client(app))
    until(lambda: deleting.done() or SESSION in defined.database.gone._barred)
    paused.goes_on.set()
    assert deleting.result(30).get_json() == {"success": True, "sessions": 1, "left": 0, "done": True}
    coming.exception(30)
    assert kept(defined) == []
    assert [path for path in defined.settings.identity_dir.rglob("*") if SESSION in path.name] == []
    ticket = defined.database.write("intervals", f"{SESSION}-1", {"clip": {"state": "ready"}})
    assert (ticket.wait(10), type(ticket.error)) == (False, Conflict)


def test_an_exam_is_deleted_with_a_list_that_is_being_imported_and_one_of_its_id_can_be_made_anew(
    app: Flask, client: FlaskClient, defined: Parts, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    roster = {"text": "id,extra time\nada,25\nben,0"}
    paused = Paused(Rosters._take)
    monkeypatch.setattr(Rosters, "_take", paused.method())
    importing = pool.submit(local_client(app).post, f"/api/exams/{KEY}/roster", json=roster)
    assert paused.reached.wait(30)
    deleting = pool.submit(delete_exam, local_client(app))
    until(lambda: deleting.done() or gone_exam(KEY) in defined.database.gone._barred)
    paused.goes_on.set()
    assert deleting.result(30).get_json()["done"] is True
    assert importing.result(30).status_code in (200, 404), "it came in before, and went with the rest"
    assert kept(defined) == []
    with pytest.raises(Conflict):
        defined.rosters.take(KEY, EXAM, [Student(1, "ada")], {"id"}, by="Ada", remove_missing=False, with_sessions=set())
    assert client.post("/api/exams", json={"exam_id": EXAM, "title": "E"}).status_code == 200
    assert client.post(f"/api/exams/{KEY}/roster", json=roster).get_json()["new"] == 2


def test_a_legal_hold_keeps_an_exam(client: FlaskClient, defined: Parts) -> None:
    for which in ({"session_id": SESSION}, {"user_id": STUDENT.upper()}):
        assert client.post("/api/holds", json={**which, "on": True, "by": "Ada"}).status_code == 200
        answer = delete_exam(client)
        assert (answer.status_code, answer.get_json()["error"]["reason"]) == (409, "held")
        assert client.get(f"/api/exams/{KEY}").get_json()["exam"]["state"] == "draft", "nothing was begun"
        assert client.post("/api/holds", json={**which, "on": False, "by": "Ada"}).status_code == 200
    assert client.post("/api/holds", json={"user_id": "somebody-else", "on": True, "by": "Ada"}).status_code == 200
    assert delete_exam(client).get_json()["done"] is True


def test_what_went_before_an_exams_deletion_broke_off_is_in_the_audit(client: FlaskClient, defined: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "c" * 32
    store_exam(defined.database, defined.settings.clips_dir, other, "bob")
    delete = Retention.delete_session

    def away(retention: Retention, session_id: str, **more: bool) -> bool:
        if session_id == other:
            raise StorageError("The database is away.")
        return delete(retention, session_id, **more)

    monkeypatch.setattr(Retention, "delete_session", away)
    assert delete_exam(client).status_code == 503
    assert defined.database.flush(10)
    noted = [entry.get("sessions") for entry in defined.database.audit_entries() if entry["what"] == "sessions: deleted"]
    assert noted == [[SESSION]]
    assert defined.database.write("sessions", other, {"note": "x"}).wait(10), "what is left goes on as it was"
