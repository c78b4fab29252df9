"""The stills of an absence by REST: listed, shown to who may look, noted, in the package and the export, gone with their time and their student."""

from __future__ import annotations

import hashlib
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from basics.times import utc_now
from media.recorder import Recorder
from records import absences
from records.clip_sweep import ClipSweep
from records.keep_times import KeepTimes
from records.package_check import check_package
from records.retention import Retention
from records.retention_kinds import Swept
from records.retention_report import survey
from settings.keeping import Kept
from tests.helpers.evidence import store_exam
from tests.helpers.web import error_of
from web.parts import Parts

SESSION, OTHER = "b" * 32, "c" * 32


def still(data: bytes, at: float) -> dict[str, Any]:
    return {"at": at, "width": 480, "height": 360, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "image": data}


def add(parts: Parts, session_id: str, user_id: str, start: float = 94.0, **more: Any) -> None:
    fields = {"session_id": session_id, "user_id": user_id, "exam_id": "e", "start": start, "end": start + 14, "why": "nobody", "pictures": True}
    fields |= {"before": still(b"before", start - 1), "after": still(b"after", start + 14)}
    assert parts.database.write("absences", f"{session_id}-{round(start * 1000)}", fields | more).wait(10)


@pytest.fixture
def stored(parts: Parts) -> Parts:
    store_exam(parts.database, parts.settings.clips_dir, SESSION)
    store_exam(parts.database, parts.settings.clips_dir, OTHER, "bob")
    add(parts, SESSION, "ada", 120.5, after=None, end=None)
    add(parts, SESSION, "ada")
    add(parts, OTHER, "bob")
    return parts


def retention(parts: Parts, **days: int) -> Retention:
    settings, database = parts.settings, parts.database
    kinds: dict[Kept, int] = days  # type: ignore[assignment]
    clips = ClipSweep(database, settings.clips_dir, settings.temp_dir)
    return Retention(
        database, settings.clips_dir, parts.stills.folder, 0, clips=clips, recorder=Recorder(settings.clips_dir, settings.temp_dir), kinds=kinds
    )


def test_absences_are_listed_in_order_and_their_stills_shown(client: FlaskClient, stored: Parts) -> None:
    answer = client.get(f"/api/session/{SESSION}/absences").get_json()
    assert [(one["start"], one["end"]) for one in answer["absences"]] == [(94.0, 108.0), (120.5, None)]
    first, second = answer["absences"]
    assert second["after"] is None
    assert "image" not in first["before"]
    for side in ("before", "after"):
        shown = client.get(first[side]["url"])
        assert (shown.mimetype, shown.data, shown.headers["Cache-Control"]) == ("image/jpeg", side.encode(), "no-store, private")
        assert hashlib.sha256(shown.data).hexdigest() == first[side]["sha256"]
    assert stored.database.flush(10)
    assert [one["session_id"] for one in stored.database.audit_entries(9) if one["what"] == "absences: looked at"] == [SESSION]


@pytest.mark.parametrize("name", ["94000-beside", "94001-before", "../x", "120500-after", "94000-before.image", "x" * 300])
def test_what_is_no_still_is_not_found(client: FlaskClient, stored: Parts, name: str) -> None:
    assert client.get(f"/api/session/{SESSION}/absences/{name}").status_code == 404


def test_a_session_that_is_not_there_has_no_absences(client: FlaskClient, stored: Parts) -> None:
    error_of(client.get(f"/api/session/{'d' * 32}/absences"), 404)


def test_a_still_that_was_altered_is_not_shown(client: FlaskClient, stored: Parts) -> None:
    with stored.database.reading():
        stored.database.collection("absences").update_one({"_id": f"{SESSION}-94000"}, {"$set": {"before.image": b"somebody else"}})
    assert "hash" in error_of(client.get(f"/api/session/{SESSION}/absences/94000-before"), 503)["message"]


def test_the_package_has_them_and_names_what_is_gone(client: FlaskClient, stored: Parts, tmp_path: Path) -> None:
    answer = client.get(f"/api/session/{SESSION}/package")
    path = tmp_path / "package.zip"
    path.write_bytes(answer.data)
    assert check_package(path, client.get("/api/packages/key").get_json()["fingerprint"]).findings == []
    with zipfile.ZipFile(path) as opened:
        assert opened.read("absences/94000-after.jpg") == b"after"
        lines = opened.read("absences.jsonl").decode().splitlines()
    assert len(lines) == 2
    assert "image" not in lines[0]


def test_their_time_is_their_own_and_that_somebody_was_away_stays(client: FlaskClient, stored: Parts) -> None:
    now = utc_now() + timedelta(days=40)
    with stored.database.reading():
        stored.database.collection("sessions").update_many({}, {"$set": {"kept_from": utc_now()}})
    sweeper = retention(stored, absences=30)
    assert {row.kind: (row.kept, row.due) for row in survey(stored.database, KeepTimes({"absences": 30}), 0, {}, now).kinds}["absences"] == (5, 5)
    sweeper._kinds.sweep(now, swept := _swept())
    assert swept.counts()["absences"] == 5
    assert stored.database.flush(10)
    (first, _second) = client.get(f"/api/session/{SESSION}/absences").get_json()["absences"]
    assert (first["start"], first["before"]["url"], first["pictures_deleted_at"] is not None) == (94.0, "", True)
    assert client.get(f"/api/session/{SESSION}/absences/94000-before").status_code == 404
    assert stored.database.session(SESSION)["gone"]["absences"]["days"] == 30
    sweeper._kinds.sweep(now, again := _swept())
    assert again.counts() == {}
    assert [one["count"] for one in stored.database.audit_entries(20) if one["what"] == "absences: deleted"] == [5]


def test_they_go_with_their_student(client: FlaskClient, stored: Parts) -> None:
    stored.retention = retention(stored)
    assert client.post("/api/students/erase", json={"user_id": "bob", "again": "bob"}).status_code == 200
    with stored.database.reading():
        assert stored.database.collection("absences").distinct("session_id") == [SESSION]


def _swept() -> Swept:

    return Swept()


def test_the_name_of_a_still_is_of_its_absence() -> None:
    assert absences.name_of({"_id": f"{SESSION}-94000"}, "after") == "94000-after"
