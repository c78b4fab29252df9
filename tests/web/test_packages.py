"""A package by REST: whole, signed, noted, one at a time; its report in the asker's language, as a page and as a PDF."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from basics.errors import StorageError
from basics.times import utc_now
from media.clip_stills import ClipStills
from records.package_check import check_package
from tests.helpers.evidence import store_exam
from web.parts import Parts
from web.proctor import packages

SESSION, OTHER = "b" * 32, "c" * 32


@pytest.fixture
def stored(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Parts:
    still = Path(parts.settings.temp_dir) / "still.jpg"
    still.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), "teal").save(still)
    monkeypatch.setattr(ClipStills, "get", lambda *_args: still)
    store_exam(parts.database, parts.settings.clips_dir, SESSION)
    store_exam(parts.database, parts.settings.clips_dir, OTHER, "bob")
    return parts


def test_a_session_is_given_whole_and_signed_and_that_is_noted(client: FlaskClient, stored: Parts, tmp_path: Path) -> None:
    answer = client.get(f"/api/session/{SESSION}/package?lang=de")
    assert (answer.status_code, answer.mimetype, int(answer.headers["Content-Length"])) == (200, "application/zip", len(answer.data))
    key = client.get("/api/packages/key").json
    assert key is not None
    path = tmp_path / "package.zip"
    path.write_bytes(answer.data)
    checked = check_package(path, key["fingerprint"])
    assert (checked.findings, checked.sealed) == ([], [SESSION])
    with zipfile.ZipFile(path) as opened:
        report, pdf = opened.read("report.html").decode(), opened.read("report.pdf")
    assert 'lang="de"' in report
    assert "data:image/jpeg;base64," in report
    assert "<script" not in report
    assert pdf.startswith(b"%PDF-")
    assert stored.database.flush(10)
    (noted,) = stored.database.audit_entries(1)
    assert (noted["what"], noted["session_id"]) == ("package: exported", SESSION)
    assert list(Path(stored.settings.temp_dir).glob("package-*")) == []


def test_an_exam_is_given_with_a_folder_for_each_session(client: FlaskClient, stored: Parts, tmp_path: Path) -> None:
    path = tmp_path / "exam.zip"
    path.write_bytes(client.get("/api/package?exam_id=E").data)  # another spelling
    assert sorted(check_package(path).sealed) == [SESSION, OTHER]
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as opened:
        assert json.loads(opened.read("manifest.json"))["exam_id"] == "e"
        assert f"{OTHER}/report.html" in opened.namelist()


def test_an_exam_is_sent_while_it_is_made_and_breaks_off_where_that_fails(
    client: FlaskClient, stored: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, made, fails = packages._write, list[str](), list[str]()

    def seen(writer: Any, reads: Any, session_id: str, *args: Any) -> None:
        if session_id in fails:
            raise StorageError("the database is away")
        made.append(session_id)
        write(writer, reads, session_id, *args)

    monkeypatch.setattr(packages, "_write", seen)
    answer = client.get("/api/package?exam_id=e")
    assert (answer.status_code, "Content-Length" in answer.headers, len(made)) == (200, False, 1)
    assert client.get("/api/package?exam_id=e").status_code == 429, "that one is still being made"
    assert answer.data.startswith(b"PK")
    assert len(made) == 2
    answer.close()
    fails.append(made[1])
    answer = client.get("/api/package?exam_id=e")
    assert answer.status_code == 200
    with pytest.raises(StorageError):
        assert answer.data
    answer.close()
    fails.append(made[0])
    assert client.get("/api/package?exam_id=e").status_code == 503
    assert list(Path(stored.settings.temp_dir).glob("package-*")) == []


def test_an_exam_needs_no_more_room_than_its_clips_and_a_little(client: FlaskClient, stored: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[int] = []
    monkeypatch.setattr(packages._Room, "_look", lambda _self, room: wanted.append(room))
    which = {"session_id": {"$in": [SESSION, OTHER]}, "clip.state": "ready"}
    with stored.database.reading():
        clips = stored.database.collection("intervals").update_many(which, {"$set": {"clip.size_bytes": 7_000_000}}).matched_count
    assert client.get("/api/package?exam_id=e").data
    assert clips > 1
    assert wanted[0] == clips * 7_000_000 + packages.REST_BYTES


def test_the_report_has_what_the_student_says(client: FlaskClient, stored: Parts) -> None:
    with stored.database.reading():
        (flag,) = stored.database.collection("intervals").find({"session_id": SESSION, "flagged": True})
    said = {"session_id": SESSION, "user_id": "ann", "at": utc_now()}
    assert stored.database.write("student_answers", flag["_id"], said | {"text": "A <b>bus</b> went by."}).wait(10)
    assert stored.database.write("student_answers", SESSION, said | {"nothing": True}).wait(10)
    with zipfile.ZipFile(io.BytesIO(client.get(f"/api/session/{SESSION}/package").data)) as opened:
        report = opened.read("report.html").decode()
    assert "The student says: A &lt;b&gt;bus&lt;/b&gt; went by." in report
    assert "Had nothing to add" in report


def test_what_is_not_there_is_said(client: FlaskClient) -> None:
    assert client.get(f"/api/session/{'d' * 32}/package").status_code == 404
    assert client.get("/api/package?exam_id=none").status_code == 404
    assert client.get("/api/package").status_code == 422


def test_one_is_made_at_a_time_for_a_caller(client: FlaskClient, stored: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    still = ClipStills.get

    def slow(*args: object) -> Path:
        begun.set()
        assert go_on.wait(60)
        return still(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(ClipStills, "get", slow)
    first = threading.Thread(target=lambda: client.application.test_client().get(f"/api/session/{SESSION}/package", base_url="http://localhost"))
    first.start()
    try:
        assert begun.wait(60)
        answer = client.get(f"/api/session/{SESSION}/package")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    finally:
        go_on.set()
        first.join(60)


def test_a_report_says_names_of_any_writing_and_runs_none_of_them(client: FlaskClient, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClipStills, "get", lambda *_args: (_ for _ in ()).throw(AssertionError("no clip is ready")))
    store_exam(parts.database, parts.settings.clips_dir, SESSION)
    name = "<b>Zoë</b> Ελένη Жанна أحمد 李雷\u200d\x00" + "x" * 300
    assert parts.database.write("intervals", f"{SESSION}-1", {"clip": {"state": "failed", "reason": "<i>"}}).wait(10)
    assert parts.database.write("sessions", SESSION, {"messages": [{"at": 1e300, "text": name, "by": None}], "doubts": [{"start": "x"}]}).wait(10)
    for language in ("ar", "en"):
        with zipfile.ZipFile(io.BytesIO(client.get(f"/api/session/{SESSION}/package?lang={language}").data)) as opened:
            report = opened.read("report.html").decode()
            assert opened.read("report.pdf").startswith(b"%PDF-")
        assert "<b>Zoë" not in report
        assert "&lt;b&gt;Zoë" in report
