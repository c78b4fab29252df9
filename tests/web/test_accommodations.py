"""What is different for one student: set by REST, applied when a session starts, shown to the student, kept over a restart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from basics.errors import StorageError
from basics.readings import AudioReading, GazeReading, PersonsReading, ScreenAct
from records.accommodations import Accommodations
from score import Scorer
from scoring.accommodations import Accommodation
from scoring.rules import Rules
from settings.settings import load_settings
from tests.helpers.web import error_of
from web.parts import Parts

RULES = Rules.from_settings(load_settings(_env_file=None))


def save(client: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/accommodations", json=body)
    assert answer.status_code == 200, answer.data
    stored: dict[str, Any] = answer.get_json()["accommodation"]
    return stored


def start(client: FlaskClient, parts: Parts, user_id: str, exam_id: str | None = "exam001") -> Any:
    created = client.post("/api/session/create", json={"user_id": user_id, "exam_id": exam_id, "source": "browser"}).get_json()
    session = parts.monitor.get(created["session_id"])
    assert session is not None
    return session


def own(client: FlaskClient, parts: Parts, session_id: str) -> dict[str, Any]:
    token = parts.access.make_student_token(session_id)
    answer: dict[str, Any] = client.get("/api/student/session", headers={"Authorization": f"Bearer {token}"}).get_json()
    return answer


# The rules under it


def test_reading_aloud_takes_the_points_from_speech_and_from_a_screen_readers_voice() -> None:
    scorer = Scorer(Accommodation("ann", reading_aloud=True).apply(RULES))
    scorer.take_sound(AudioReading(0, 10, speech=((0.0, 10.0),), multiple=((0.0, 10.0),), voices=2))
    assert (scorer.total(), scorer.interval(0).violations) == (0, ())


def test_several_voices_count_beside_reading_aloud_where_they_have_points_of_their_own() -> None:
    points = Accommodation("ann", points={"multiple_voices": 6, "speech": 3}, reading_aloud=True).apply(RULES).points
    assert (points["speech"], points["multiple_voices"]) == (0, 6)


def test_a_signal_that_is_off_counts_nothing_and_others_count_as_ever() -> None:
    rules = Accommodation("ann", points={"gaze_distracted": 0, "copy_paste": 1}).apply(RULES)
    scorer = Scorer(rules)
    for step in range(80):
        scorer.take_picture(GazeReading(step / 4, "left"), PersonsReading(step / 4, 1, False) if step % 8 == 0 else None)
    assert scorer.total() == 0
    scorer.take_acts([ScreenAct("a", 1, "copy"), ScreenAct("b", 5, "tab_switch")])
    assert scorer.total() == 1 + RULES.points["tab_switch"]
    assert rules == replace(RULES, points={**RULES.points, "gaze_distracted": 0, "copy_paste": 1})


def test_the_student_is_told_no_points() -> None:
    words = Accommodation(
        "ann", points={"gaze_distracted": 0, "speech": 5}, reading_aloud=True, breaks_allowed=2, break_minutes=10, extra_percent=25, set_by="Ada"
    ).words()
    off = {"signals_off": ["gaze_distracted"], "signals_weighed": ["speech"]}
    extra = {"extra_percent": 25, "extra_min": 0}
    assert words == off | extra | {"reading_aloud": True, "breaks_allowed": 2, "break_minutes": 10, "set_by": "Ada"}


# As a script sets it


def test_it_is_applied_to_the_session_that_starts_and_shown_to_its_student(client: FlaskClient, parts: Parts, student: str) -> None:
    save(client, user_id=student, exam_id="exam001", points={"gaze_distracted": 0}, breaks_allowed=1, break_minutes=10, set_by="Ada")
    session = start(client, parts, student)
    assert session.rules["points"]["gaze_distracted"] == 0
    assert session.rules["points"]["tab_switch"] == 4
    shown = own(client, parts, session.session_id)
    off = {"signals_off": ["gaze_distracted"], "signals_weighed": [], "extra_percent": 0, "extra_min": 0}
    assert shown["accommodation"] == off | {"reading_aloud": False, "breaks_allowed": 1, "break_minutes": 10, "set_by": "Ada"}
    assert (shown["breaks_left"], shown["on_break"]) == (1, False)
    assert "gaze_distracted" not in shown["rules"]["watched"]
    details = client.get(f"/api/session/{session.session_id}/details").get_json()
    assert details["rules"]["points"]["gaze_distracted"] == 0
    assert details["session"]["accommodation"]["set_by"] == "Ada"
    other = start(client, parts, student, "exam002")
    assert other.rules["points"]["gaze_distracted"] == 2
    assert own(client, parts, other.session_id)["accommodation"] is None


def test_one_for_the_exam_goes_before_one_for_every_exam(client: FlaskClient, parts: Parts, student: str) -> None:
    save(client, user_id=student, reading_aloud=True)
    save(client, user_id=student, exam_id="exam001", points={"no_face": 3})
    points = start(client, parts, student).rules["points"]
    assert (points["speech"], points["no_face"]) == (3, 3)
    points = start(client, parts, student, "exam002").rules["points"]
    assert (points["speech"], points["no_face"]) == (0, 9)


def test_setting_it_again_replaces_it_and_removing_it_ends_it(client: FlaskClient, parts: Parts, student: str) -> None:
    first = save(client, user_id=student, exam_id="exam001", points={"speech": 0}, note="stutters")
    second = save(client, user_id=student, exam_id="exam001", breaks_allowed=2, set_by="Bob")
    assert second["id"] == first["id"]
    (listed,) = client.get(f"/api/accommodations?user_id={student}").get_json()["accommodations"]
    assert (listed["points"], listed["breaks_allowed"], listed["note"], listed["set_by"]) == ({}, 2, "", "Bob")
    assert client.delete(f"/api/accommodations/{first['id']}").get_json() == {"success": True, "running": 0}
    assert client.get(f"/api/accommodations?user_id={student}").get_json() == {"accommodations": [], "count": 0, "next_after": None}
    assert start(client, parts, student).accommodation is None
    assert error_of(client.delete(f"/api/accommodations/{first['id']}"), 404)["field"] == "accommodation_id"
    assert parts.database.flush(10)
    noted = [what for entry in parts.database.audit_entries() if (what := entry["what"]).startswith("accommodation: ")]
    assert noted == ["accommodation: removed", "accommodation: set", "accommodation: set"]


def test_they_are_listed_newest_first_in_pages(client: FlaskClient) -> None:
    for number in range(5):
        save(client, user_id=f"s{number}", exam_id=f"e{number % 2}")
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        answer = client.get("/api/accommodations", query_string={"limit": 2} | ({"after": after} if after else {})).get_json()
        found += [one["user_id"] for one in answer["accommodations"]]
        after = answer["next_after"]
    assert found == ["s4", "s3", "s2", "s1", "s0"]
    of_exam = client.get("/api/accommodations?exam_id=e1").get_json()
    assert [one["user_id"] for one in of_exam["accommodations"]] == ["s3", "s1"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "user_id"),
        ({"user_id": "a\\b"}, "user_id"),
        ({"user_id": "a", "points": {"smile": 1}}, "points"),
        ({"user_id": "a", "points": {"speech": -1}}, "points"),
        ({"user_id": "a", "points": {"speech": 101}}, "points"),
        ({"user_id": "a", "breaks_allowed": -1}, "breaks_allowed"),
        ({"user_id": "a", "break_minutes": 0}, "break_minutes"),
        ({"user_id": "a", "note": "\x1b[31m"}, "note"),
        ({"user_id": "a", "set_by": ""}, "set_by"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    assert error_of(client.post("/api/accommodations", json=body), 422)["field"] == field


def test_those_known_hold_while_the_database_is_away(client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch) -> None:
    save(client, user_id=student, exam_id="exam001", reading_aloud=True)

    def away() -> None:
        raise StorageError("The database is away")

    monkeypatch.setattr(parts.database, "reading", away)
    found = parts.monitor.accommodations.find(student, "exam001")
    assert found is not None
    assert found.reading_aloud
    assert parts.monitor.accommodations.find("somebody-else", "exam001") is None


def test_those_not_among_the_newest_are_known_still_when_all_are_read_again(parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise StorageError("The database is away")

    monkeypatch.setattr("records.accommodations.LOADED_AT_ONCE", 1)
    known, names = Accommodations(parts.database), [f"{student}-a", f"{student}-b", student]
    for name in names:
        known.set(Accommodation(name, extra_min=5))
    assert parts.database.flush(10)
    for name in names:
        known.find(name, None)  # seen in the database: nothing waits any more
    known.read_all_again()
    monkeypatch.setattr(parts.database, "reading", away)
    assert [known.find(name, None) is not None for name in names] == [True] * 3
