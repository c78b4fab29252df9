"""What a list's students need otherwise: beside what was set by hand and for every exam, and under whatever spelling they are known."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from basics.errors import StorageError
from basics.times import utc_now
from records.accommodations import Accommodations
from records.roster_states import standings
from records.rosters import Rosters
from scoring.accommodations import Accommodation
from tests.helpers.web import MakeApp, error_of, local_client
from web.access.codes import WRONG, WRONG_IN_EXAM
from web.parts import Parts, parts_of


def define(client: FlaskClient, exam_id: str) -> str:
    key: str = client.post("/api/exams", json={"exam_id": exam_id, "title": "Algebra"}).get_json()["exam"]["exam_key"]
    assert client.post(f"/api/exams/{key}/state", json={"state": "open"}).status_code == 200
    return key


def take(client: FlaskClient, key: str, text: str) -> None:
    answer = client.post(f"/api/exams/{key}/roster", json={"text": text})
    assert answer.status_code == 200, answer.data


def change(client: FlaskClient, key: str, **fields: Any) -> None:
    (row,) = client.get(f"/api/exams/{key}/roster").get_json()["students"]
    answer = client.patch(f"/api/exams/{key}/roster/{row['row_id']}", json=fields)
    assert answer.status_code == 200, answer.data


def in_force(parts: Parts, student: str, exam: str) -> Accommodation:
    found = Accommodations(parts.database).find(student, exam)
    assert found is not None
    return found


def test_a_list_leaves_what_holds_in_every_exam_and_ends_with_its_own(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = f"every-{student}"
    every = {"user_id": student, "points": {"gaze_distracted": 0}, "breaks_allowed": 2, "note": "attest 17"}
    assert client.post("/api/accommodations", json=every).status_code == 200
    key = define(client, exam)
    take(client, key, f"id,extra time\n{student},10 %\n")
    own = in_force(parts, student, exam)
    assert (own.exam_id, own.extra_percent, dict(own.points), own.breaks_allowed, own.note) == (exam, 10, {"gaze_distracted": 0}, 2, "")
    change(client, key, preset="reads_aloud")
    own = in_force(parts, student, exam)
    assert (own.extra_percent, own.reading_aloud, dict(own.points)) == (10, True, {"gaze_distracted": 0})
    change(client, key, preset="", extra_percent=0)
    assert in_force(parts, student, exam).exam_id is None, "it would hide what is set for every exam later"


def test_a_list_changes_nothing_but_what_changed_in_it(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = f"hand-{student}"
    key = define(client, exam)
    take(client, key, f"{student}\n")
    by_hand = {"user_id": student, "exam_id": exam, "extra_percent": 50, "points": {"speech": 1}, "breaks_allowed": 4, "break_minutes": 9}
    assert client.post("/api/accommodations", json=by_hand).status_code == 200
    change(client, key, preset="low_vision")
    own = in_force(parts, student, exam)
    assert (own.extra_percent, own.reading_aloud, own.breaks_allowed, own.break_minutes) == (50, True, 4, 9)
    assert dict(own.points) == {"gaze_distracted": 0, "multiple_voices": 0, "speech": 1}
    change(client, key, preset="")
    own = in_force(parts, student, exam)
    assert (own.extra_percent, own.reading_aloud, dict(own.points), own.breaks_allowed) == (50, False, {"speech": 1}, 4)


def test_extra_time_holds_under_the_spelling_by_which_the_student_is_known(client: FlaskClient, parts: Parts, student: str) -> None:
    known, exam = student.upper(), f"spelled-{student}"
    key = define(client, exam)
    take(client, key, f"{student}\n")
    assert client.post("/api/session/create", json={"user_id": known, "exam_id": f"other-{student}", "source": "browser"}).status_code == 200
    assert parts.database.flush(10)
    change(client, key, extra_percent=25)
    (row,) = parts.rosters.rows(key)
    entered = client.post("/api/student/enter", json={"link": parts.rosters.keys.link(row.row_id, row.number)}).get_json()
    assert entered["user_id"] == known
    session = parts.monitor.get(entered["session_id"])
    assert session is not None
    assert session.accommodation is not None
    assert session.accommodation.extra_percent == 25


def test_whom_somebody_elses_id_looks_like_comes_in_by_the_list(client: FlaskClient, parts: Parts, student: str) -> None:
    number = student.rpartition("-")[2]
    mine, theirs = f"ace-{number}", f"асе-{number}"  # Cyrillic letters
    key = define(client, f"alike-{student}")
    take(client, key, f"{mine}\n")
    assert client.post("/api/session/create", json={"user_id": theirs, "exam_id": f"other-{student}", "source": "browser"}).status_code == 200
    (row,) = parts.rosters.rows(key)
    entered = client.post("/api/student/enter", json={"link": parts.rosters.keys.link(row.row_id, row.number)})
    assert (entered.status_code, entered.get_json()["user_id"]) == (200, mine)


def test_codes_that_nobody_could_look_up_are_not_counted_as_wrong(make_app: MakeApp, student: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app()
    client, parts = local_client(app), parts_of(app)
    key = define(client, f"codes-{student}")
    take(client, key, f"{student}\n")
    (row,) = parts.rosters.rows(key)
    code = parts.rosters.keys.code(row.row_id, row.number)

    def away(*_args: Any, **_more: Any) -> Any:
        raise StorageError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(Rosters, "entering", away)
        for _try in range(WRONG + 1):
            error_of(client.post("/api/student/enter", json={"code": code, "exam_key": key}), 503)
    assert client.post("/api/student/enter", json={"code": code, "exam_key": key}).status_code == 200
    for number in range(WRONG_IN_EXAM):
        parts.codes.begin(f"192.0.2.{number}", key)
    for _try in range(WRONG + 1):
        error_of(client.post("/api/student/enter", json={"code": code, "exam_key": key}), 429)
    assert client.post("/api/student/enter", json={"code": code}).status_code == 200, "no wrong ones of this address"


def test_one_who_ends_in_that_moment_keeps_nobody_from_being_ended(
    client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = f"moment-{student}"
    key = define(client, exam)
    made = [
        client.post("/api/session/create", json={"user_id": f"{student}-{number}", "exam_id": exam, "source": "browser"}).get_json()["session_id"]
        for number in range(3)
    ]
    real = parts.monitor.end_session

    def first_ends(session_id: str, *args: Any, **more: Any) -> Any:
        monkeypatch.setattr(parts.monitor, "end_session", real)
        with suppress(StorageError):  # as long as its record waits
            real(session_id, *args, **more)
        return real(session_id, *args, **more)

    monkeypatch.setattr(parts.monitor, "end_session", first_ends)
    answer = client.post(f"/api/exams/{key}/end", json={"reason": "fire drill"}).get_json()
    assert answer == {"success": True, "ended": 2, "not_begun": 2, "closed": False}
    assert [parts.monitor.get(one) for one in made] == [None] * 3


@pytest.mark.parametrize("by_import", [False, True])
def test_whom_a_list_has_no_more_has_nothing_of_it_either_but_what_was_set_by_hand(
    client: FlaskClient, parts: Parts, student: str, by_import: bool
) -> None:
    exam, other = f"gone-{student}", f"{student}-b"
    assert client.post("/api/accommodations", json={"user_id": student, "extra_percent": 10}).status_code == 200
    key = define(client, exam)
    take(client, key, f"id,extra time,accommodation\n{student},25 %,low_vision\n{other},30 min,reads_aloud\n")
    (mine,) = client.get("/api/accommodations", query_string={"user_id": student, "exam_id": exam}).get_json()["accommodations"]
    by_hand = {"user_id": other, "exam_id": exam, "extra_min": 45, "points": {"speech": 1}, "reading_aloud": True, "note": "attest 9"}
    assert client.post("/api/accommodations", json=by_hand).status_code == 200
    assert mine["extra_percent"] == 25
    if by_import:
        assert client.post(f"/api/exams/{key}/roster", json={"text": f"{student}-c\n", "remove_missing": True}).status_code == 200
    else:
        for row in client.get(f"/api/exams/{key}/roster").get_json()["students"]:
            assert client.delete(f"/api/exams/{key}/roster/{row['row_id']}").status_code == 200
    assert in_force(parts, student, exam).exam_id is None, "what holds in every exam"
    left = in_force(parts, other, exam)
    assert (left.exam_id, left.extra_min, dict(left.points), left.reading_aloud, left.note) == (exam, 45, {"speech": 1}, False, "attest 9")


def test_what_is_removed_by_hand_while_a_list_takes_back_what_it_gave_stays_removed(
    client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = f"removed-{student}"
    key = define(client, exam)
    take(client, key, f"id,extra time\n{student},25 %\n")
    by_hand = {"user_id": student, "exam_id": exam, "extra_percent": 25, "points": {"speech": 1}}
    made = client.post("/api/accommodations", json=by_hand).get_json()["accommodation"]["id"]
    write = Rosters._write

    def meanwhile(self: Rosters, writes: Any, collection: str = "roster") -> None:
        if collection == "accommodations":
            assert client.delete(f"/api/accommodations/{made}").status_code == 200
        write(self, writes, collection)

    monkeypatch.setattr(Rosters, "_write", meanwhile)
    (row,) = client.get(f"/api/exams/{key}/roster").get_json()["students"]
    assert client.delete(f"/api/exams/{key}/roster/{row['row_id']}").status_code == 200
    assert parts.database.flush(10)
    assert Accommodations(parts.database).find(student, exam) is None


def test_whoever_may_still_come_by_what_was_set_by_hand_is_not_absent(client: FlaskClient, parts: Parts, student: str) -> None:
    key = define(client, f"still-{student}")
    take(client, key, f"{student}\n{student}-b\n{student}-c\n")
    by_hand = [{"user_id": f"{student}-b", "exam_id": f"STILL-{student}"}, {"user_id": f"{student}-c".upper()}]
    for one in by_hand:
        assert client.post("/api/accommodations", json={**one, "extra_min": 60}).status_code == 200
    assert parts.database.flush(10)
    exam, now = parts.exams.by_key(key), utc_now()
    closed = replace(exam, definition=exam.definition.model_copy(update={"closes": now - timedelta(minutes=30)}))
    assert [one.state for one in standings(parts.database, closed, parts.rosters.rows(key), now)] == ["absent", "awaited", "awaited"]
