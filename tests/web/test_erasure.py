"""Everything of one student goes by one call, and nothing of it is found afterwards; what is held or runs stays."""

from __future__ import annotations

import json
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from basics.errors import StorageError
from basics.times import utc_now
from media.clip_stills import ClipStills
from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.erasure import Erasure
from records.exams import exam_key
from records.package_check import check_package
from records.reader import Document
from records.retention import Retention
from records.retention_kinds import ended_sessions
from records.spellings import looks_of
from records.verification import verify
from scoring.accommodations import Accommodation
from tests.helpers.databases import START
from tests.helpers.evidence import store_exam
from web.parts import Parts

SESSION, OTHER = "b" * 32, "c" * 32
STUDENT = "zoë.müller"
WORDS = "reads aloud"


@pytest.fixture
def exam(parts: Parts) -> Parts:
    """Two students' sessions, logs that name both, and a record that the database refused."""
    settings = parts.settings
    clips = ClipSweep(parts.database, settings.clips_dir, settings.temp_dir)
    recorder = Recorder(settings.clips_dir, settings.temp_dir)
    parts.retention = Retention(parts.database, settings.clips_dir, parts.stills.folder, 30, clips=clips, recorder=recorder)
    store_exam(parts.database, settings.clips_dir, SESSION, STUDENT)
    store_exam(parts.database, settings.clips_dir, OTHER, "bob")
    for folder in (settings.log_dir, parts.stills.folder):
        folder.mkdir(parents=True, exist_ok=True)
    lines = [f"a line of {STUDENT}", f"a line of [{SESSION}]", "a line of bob", f"{STUDENT}s are others"]
    (settings.log_dir / "app.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (parts.database.set_aside_in / "rejected.jsonl").write_text(json.dumps({"user_id": STUDENT}) + "\n")
    (parts.stills.folder / f"still-{SESSION}-1-abc-100.jpg").write_bytes(b"a still")
    rehearsal = {"user_id": STUDENT, "exam_id": "e", "at": utc_now()}
    assert parts.database.write("rehearsals", "z", rehearsal).wait(10)
    listed = {"exam_key": exam_key("e"), "exam_id": "e", "user_id": STUDENT, **looks_of(STUDENT, "e")}
    for name in ("roster", "letters"):  # not by the server's writer: a list is imported as a whole
        with parts.database.reading():
            parts.database.collection(name).insert_one({"_id": "1" * 32, **listed})
    for name, own in (("student_answers", f"{SESSION}-1"), ("new_looks", SESSION), ("student_reports", "f" * 64)):
        said = {"session_id": SESSION, "user_id": STUDENT, "at": utc_now(), "made_at": utc_now(), "text": f"I am {STUDENT}"}
        assert parts.database.write(name, own, said).wait(10)
    return parts


def where_found(parts: Parts, folder: Path, *texts: str) -> list[str]:
    """The files and the stored documents that have one of the texts, in any of the ways to write it."""
    written = {way for text in texts for way in (text, json.dumps(text)[1:-1])}
    found = []
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        found += [str(path) for one in written if one in path.name or re.search(re.escape(one.encode()) + rb"(?!s are)", data)]
    with parts.database.reading():
        database = parts.database.collection("sessions").database
        for name in database.list_collection_names():
            found += [f"{name} {one}" for row in database[name].find() for one in written if one in str(row)]
    return found


def _raise(error: Exception) -> None:
    raise error


def erased(client: FlaskClient, **more: str) -> tuple[int, Document]:
    answer = client.post("/api/students/erase", json={"user_id": STUDENT, "again": STUDENT, **more})
    return answer.status_code, answer.json or {}


def test_nothing_of_an_erased_student_is_found_and_the_chain_holds(client: FlaskClient, exam: Parts, stored: Any, tmp_path: Path) -> None:
    assert where_found(exam, tmp_path, STUDENT)
    status, receipt = erased(client)
    assert status == 200, receipt
    counts = {"sessions": 1, "intervals": 3, "checks": 3, "acts": 1, "reviews": 1, "seals": 1, "clips": 1, "rehearsals": 1, "accommodations": 0}
    counts |= {"student_answers": 1, "new_looks": 1, "student_reports": 1, "roster": 1, "letters": 1}
    assert counts.items() <= receipt["counts"].items()
    assert receipt["counts"]["audit"] == 3  # the decision, the accommodation and the seal
    assert receipt["counts"]["lines"] == 3
    assert exam.database.flush(10)
    assert where_found(exam, tmp_path, STUDENT, f"{STUDENT} {WORDS}", f"Hello {STUDENT}") == []
    assert "a line of bob" in (exam.settings.log_dir / "app.log").read_text("utf-8")
    assert list(exam.stills.folder.iterdir()) == []
    verified = verify(stored, exam.settings.clips_dir)
    assert (verified.findings, verified.erased, verified.sessions) == ([], 3, 1)  # bob's is whole
    assert sum(entry["erased"] for entry in client.get("/api/audit?limit=500").get_json()["entries"]) == 3
    assert erased(client)[0] == 404


def test_the_lines_of_a_student_go_though_the_records_went_at_another_server(
    client: FlaskClient, exam: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert erased(client)[0] == 200
    log = exam.settings.log_dir / "app.log"
    log.write_text(f"a line of {STUDENT}\na line of bob\n", encoding="utf-8")
    assert erased(client)[0] == 404, "there is no other: it may be an ID that nobody has"
    monkeypatch.setattr(exam.retention, "other_servers", lambda: ["room-2"])
    status, receipt = erased(client)
    assert (status, receipt["counts"]["lines"], receipt["counts"]["sessions"]) == (200, 1, 0)
    assert log.read_text("utf-8").split() == ["a", "line", "of", "bob"]
    assert erased(client)[0] == 404


def test_lines_that_name_a_student_otherwise_go_too_but_none_for_what_may_be_anything_else(client: FlaskClient, exam: Parts, stored: Any) -> None:
    called = {"email": "zoe@uni.example", "sub": "7f3c-a-subject-of-a-platform"}
    stored.roster.update_one({"user_id": STUDENT}, {"$set": {"email": called["email"]}})
    for number, one in enumerate((called["sub"], "2", OTHER)):
        stored.lti_attempts.insert_one({"_id": str(number), "user_id": STUDENT, "sub": one})
    log = exam.settings.log_dir / "app.log"
    kept = ["number 2", f"[{OTHER}]", "to anzoe@uni.example"]
    log.write_text("\n".join([*(f"of {one}" for one in called.values()), *kept]) + "\n")
    assert erased(client)[0] == 200
    assert [line for line in log.read_text().splitlines() if line.strip()] == kept


def test_an_id_is_typed_twice(client: FlaskClient, exam: Parts) -> None:
    assert erased(client, again="bob")[0] == 422
    assert client.get(f"/api/session/{SESSION}/details").status_code == 200


def test_what_is_held_stays_until_the_hold_is_lifted(client: FlaskClient, exam: Parts) -> None:
    assert exam.retention is not None
    far = utc_now() + timedelta(days=400)
    for held in ({"user_id": STUDENT.upper()}, {"session_id": SESSION}):
        assert client.post("/api/holds", json={**held, "note": "appeal", "by": "Ada"}).status_code == 200
        listed = (client.get("/api/holds").json or {})["holds"]
        assert [(one["by"], one["note"]) for one in listed] == [("Ada", "appeal")]
        assert (erased(client)[0], client.delete(f"/api/session/{SESSION}").status_code) == (409, 409)
        exam.retention._stamp(far)
        assert [row["_id"] for page in ended_sessions(exam.database, far + timedelta(days=400)) for row in page] == [OTHER]
        assert client.post("/api/holds", json={**held, "on": False}).status_code == 200
    assert client.post("/api/holds", json={"session_id": SESSION, "user_id": "bob"}).status_code == 422
    assert client.post("/api/holds", json={"session_id": "d" * 32}).status_code == 404
    assert client.delete(f"/api/session/{SESSION}").status_code == 200


def test_one_session_is_deleted_and_none_that_runs(client: FlaskClient, exam: Parts, stored: Any) -> None:
    assert exam.database.write("sessions", OTHER, {"state": "running"}).wait(10)
    assert client.delete(f"/api/session/{OTHER}").status_code == 409
    assert client.delete(f"/api/session/{SESSION}").status_code == 200
    assert client.delete(f"/api/session/{SESSION}").status_code == 404
    assert exam.database.flush(10)
    assert [finding.which for finding in verify(stored, exam.settings.clips_dir).findings] == []
    (noted,) = exam.database.audit_entries(1)
    assert (noted["what"], noted["session_id"], noted["sessions"]) == ("sessions: deleted", SESSION, [SESSION])
    assert {"address", "browser"} <= set(noted)
    assert exam.database.audit({"who": STUDENT, "what": "sessions: deleted", "sessions": [SESSION]}).wait(10)  # a student of this name works here
    assert erased(client)[0] == 200
    assert verify(stored, exam.settings.clips_dir).findings == []


def accommodate(parts: Parts, *user_ids: str) -> None:
    for number, user_id in enumerate(user_ids):
        parts.monitor.accommodations.set(Accommodation(user_id, f"e{number}", reading_aloud=True))


def test_accommodations_go_with_the_rest_by_any_spelling_and_are_forgotten(client: FlaskClient, exam: Parts, stored: Any) -> None:
    accommodate(exam, STUDENT, STUDENT.upper(), f"{STUDENT}.", "bob", *[STUDENT] * 120)
    stored.accommodations.update_one({"user_id": STUDENT.upper()}, {"$unset": {"user_look": ""}})  # one of an older version
    status, receipt = erased(client)
    assert (status, receipt["counts"]["accommodations"]) == (200, 123)
    assert [row["user_id"] for row in stored.accommodations.find()] == ["bob"]
    assert {one.user_id for one in exam.monitor.accommodations._known.values()} == {"bob"}
    accommodate(exam, STUDENT)
    status, receipt = erased(client)  # who has nothing else
    assert (status, receipt["counts"]["accommodations"], receipt["counts"]["sessions"]) == (200, 1, 0)


def test_what_is_refused_or_fails_takes_no_accommodations(client: FlaskClient, exam: Parts, stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    accommodate(exam, STUDENT)
    assert exam.database.write("sessions", SESSION, {"state": "running"}).wait(10)
    assert erased(client)[0] == 409
    assert exam.database.write("sessions", SESSION, {"state": "ended"}).wait(10)
    with monkeypatch.context() as patched:
        patched.setattr(Retention, "delete_session", lambda *_args, **_more: False)
        assert erased(client)[0] == 503
    assert stored.accommodations.count_documents({}) == 1
    assert exam.monitor.accommodations.find(STUDENT, "e0") is not None


def test_a_session_that_went_before_the_rest_failed_is_no_alteration(
    client: FlaskClient, exam: Parts, stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    third, delete = "d" * 32, Retention.delete_session
    store_exam(exam.database, exam.settings.clips_dir, third, STUDENT)
    with monkeypatch.context() as patched:
        patched.setattr(Retention, "delete_session", lambda retention, one, **more: one != third and delete(retention, one, **more))
        assert erased(client)[0] == 503
    assert exam.database.flush(10)
    assert stored.sessions.count_documents({"_id": {"$in": [SESSION, third]}}) == 1
    assert verify(stored, exam.settings.clips_dir).findings == []
    assert erased(client)[1]["sessions"] == [third]
    assert verify(stored, exam.settings.clips_dir).findings == []


def test_an_erasure_is_noted_with_who_asked_and_without_the_student(client: FlaskClient, exam: Parts) -> None:
    receipt = erased(client, by="Ada")[1]
    assert exam.database.flush(10)
    (noted,) = exam.database.audit_entries(1)
    assert (noted["who"], noted["what"], noted["address"]) == ("Ada", "student: erased", "127.0.0.1")
    assert (noted["id_sha256"], noted["counts"]) == (receipt["id_sha256"], receipt["counts"])
    assert "browser" in noted
    assert receipt["salt"] not in str(noted)


@pytest.mark.parametrize("away", [False, True])
def test_the_receipt_names_the_servers_whose_disks_have_lines_of_the_student(
    client: FlaskClient, exam: Parts, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    settings = exam.settings
    clips, recorder = ClipSweep(exam.database, settings.clips_dir, settings.temp_dir), Recorder(settings.clips_dir, settings.temp_dir)
    exam.retention = Retention(exam.database, settings.clips_dir, exam.stills.folder, 30, clips=clips, recorder=recorder, names=("here", "before"))
    with exam.database.reading():
        exam.database.collection("server").insert_many([{"_id": f"files {name}", "looked_at": utc_now()} for name in ("here", "before", "room-2")])
    if away:
        monkeypatch.setattr(exam.retention, "other_servers", lambda: _raise(StorageError("away")))
    status, receipt = erased(client)
    assert (status, receipt["counts"]["sessions"]) == (200, 1), "what went is told, whatever comes behind it"
    assert any(f"({'?' if away else 'room-2'})" in one for one in receipt["remains"])


def older(number: int, user_id: str) -> Document:
    return {"_id": f"old{number}", "at": START, "who": "ben", "what": "accommodation: set", "user_id": user_id}


@pytest.fixture
def old_audit(parts: Parts, stored: Any) -> Parts:
    """A server that noted six things before its audit was a chain."""
    stored.audit.insert_many([older(number, user_id) for number, user_id in enumerate([STUDENT, "bob", "eve", STUDENT, "eve", "bob"])])
    settings = parts.settings
    clips, recorder = ClipSweep(parts.database, settings.clips_dir, settings.temp_dir), Recorder(settings.clips_dir, settings.temp_dir)
    parts.retention = Retention(parts.database, settings.clips_dir, parts.stills.folder, 30, clips=clips, recorder=recorder)
    assert parts.database.audit({"who": "ben", "what": "now"}).wait(10)
    return parts


def test_entries_from_before_the_chain_are_erased_lawfully(client: FlaskClient, old_audit: Parts, stored: Any) -> None:
    def checked() -> list[str]:
        return [finding.which for finding in verify(stored, old_audit.settings.clips_dir).findings]

    before = stored.audit.find_one({"_id": "old0"})
    assert erased(client)[1]["counts"]["audit"] == 2
    assert "user_id" not in stored.audit.find_one({"_id": "old3"})
    assert checked() == []
    assert client.post("/api/students/erase", json={"user_id": "eve", "again": "eve"}).status_code == 200
    assert checked() == []
    for change in ({"who": "nobody"}, {"what": "nothing"}):
        stored.audit.update_one({"_id": "old1"}, {"$set": change})
        assert checked() == ["before the chain"]
        stored.audit.replace_one({"_id": "old1"}, older(1, "bob"))
        assert checked() == []
    stored.audit.replace_one({"_id": "old0"}, before)
    assert checked() == ["before the chain"]


def test_an_erasure_that_breaks_off_at_the_old_entries_is_no_alteration(
    client: FlaskClient, old_audit: Parts, stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_erasure: Erasure, entries: Document) -> None:
        if entries:
            raise StorageError("away")

    with monkeypatch.context() as patched:
        patched.setattr(Erasure, "_replace", away)
        assert erased(client)[0] == 503
    assert verify(stored, old_audit.settings.clips_dir).findings == []
    assert erased(client)[1]["counts"]["audit"] == 2
    assert verify(stored, old_audit.settings.clips_dir).findings == []


def test_who_alters_old_entries_is_told_after_an_erasure_too(client: FlaskClient, old_audit: Parts, stored: Any) -> None:
    stored.audit.update_one({"_id": "old1"}, {"$set": {"who": "nobody"}})
    assert erased(client)[0] == 200
    assert [finding.which for finding in verify(stored, old_audit.settings.clips_dir).findings] == ["before the chain"]


def test_everything_of_a_student_is_given_and_nothing_of_another(
    client: FlaskClient, exam: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = tmp_path / "still.jpg"
    Image.new("RGB", (64, 48), "teal").save(still)
    monkeypatch.setattr(ClipStills, "get", lambda *_args: still)
    for about in ({"what": "hold: set", "user_id": STUDENT}, {"what": "review: dismissed", "video_id": f"{OTHER}-1"}):
        assert exam.database.audit({"who": "eve", **about, "note": f"an enquiry into {STUDENT}"}).wait(10)
    path = tmp_path / "student.zip"
    path.write_bytes(client.post("/api/students/export", json={"user_id": STUDENT}).data)
    assert (check_package(path).findings, check_package(path).sealed) == ([], [SESSION])
    assert exam.database.flush(10)
    (noted,) = exam.database.audit_entries(1)
    assert (noted["what"], noted["user_id"], noted["sessions"], noted["address"]) == ("package: exported", STUDENT, [SESSION], "127.0.0.1")
    with zipfile.ZipFile(path) as opened:
        assert {name for name in opened.namelist() if name.startswith("student/")} == {
            "student/audit.jsonl",
            "student/letters.jsonl",
            "student/roster.jsonl",
            "student/rehearsals.jsonl",
            "student/student_reports.jsonl",
        }
        assert all(b"bob" not in opened.read(name) and b"enquiry" not in opened.read(name) for name in opened.namelist())
    assert client.post("/api/students/export", json={"user_id": "nobody"}).status_code == 404
