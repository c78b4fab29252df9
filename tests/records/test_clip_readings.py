"""What was read of the pictures in a clip, as a review shows it over them."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from basics.readings import Box, GazeReading, PersonsReading
from database import Database
from records.clip_readings import clip_readings
from scoring.check_records import CheckCollector, unpack, unpack_persons
from web.parts import Parts

SESSION = "0123456789abcdef0123456789abcdef"
FACE = Box(100.4, 80.0, 180.0, 190.6, 0.9)
BODY = Box(60.0, 40.0, 300.0, 470.0, 0.87)
PHONE = Box(400.0, 300.0, 450.0, 380.0, 0.61)


def store_checks(database: Database, until: int = 120) -> None:
    """A reading of each kind a second, in checks of ten seconds."""
    collector = CheckCollector()
    for second in range(until):
        collector.add(GazeReading(float(second), "left", box=FACE, width=640, height=480, numbers={"yaw_deg": 30.0}))
        collector.add(PersonsReading(float(second), 1, True, persons=(BODY,), phones=(PHONE,), width=640, height=480))
        if second % 10 == 9:
            record = collector.take(second + 1.0)
            assert database.write("checks", f"{SESSION}-{record['number']}", {"session_id": SESSION, **record}).wait(10)


def interval(**clip: Any) -> dict[str, Any]:
    return {"session_id": SESSION, "user_id": "ann", "exam_id": None, "index": 1, "flagged": True, "score": 10, "clip": {"state": "ready", **clip}}


def stored_interval(**clip: Any) -> dict[str, Any]:
    """As it is read from the database."""
    return {"_id": f"{SESSION}-1", **interval(**clip)}


def test_boxes_and_gaze_of_the_clip_alone_by_its_own_time(database: Database) -> None:
    store_checks(database)
    found = clip_readings(database, stored_interval(start=25.0, duration=40.0))
    assert [reading["at"] for reading in found["gaze"]] == [float(second) for second in range(41)]
    assert found["gaze"][0] == {"at": 0.0, "direction": "left", "box": [100, 80, 180, 191], "width": 640, "height": 480}
    assert len(found["persons"]) == 41
    assert found["persons"][0] | {"at": 0} == {
        "at": 0,
        "count": 1,
        "persons": [[60, 40, 300, 470, 0.87]],
        "phones": [[400, 300, 450, 380, 0.61]],
        "width": 640,
        "height": 480,
    }


def test_what_older_versions_stored_and_what_is_damaged_is_read_as_far_as_it_goes(database: Database) -> None:
    gaze: list[Any] = [[3.0, "down", "", {}], [4.0, "down"], "x", [5.0, "down", "", {}, [1, 2]]]
    rows = {"gaze": gaze, "persons": [[3.0, 1, False, "", [[1, 2, 30, 40, 0.5]], []]]}
    assert database.write("checks", f"{SESSION}-0", {"session_id": SESSION, "number": 0, "start": 0.0, "end": 10.0, "readings": rows}).wait(10)
    assert database.write("checks", f"{SESSION}-1", {"session_id": SESSION, "number": 1, "start": 10.0, "end": 20.0}).wait(10)
    found = clip_readings(database, stored_interval(start=0.0, duration=30.0))
    assert [(reading["at"], reading["box"]) for reading in found["gaze"]] == [(3.0, None)]
    assert found["persons"] == [{"at": 3.0, "count": 1, "persons": [[1, 2, 30, 40, 0.5]], "phones": [], "width": 0, "height": 0}]


def test_a_face_without_a_picture_s_size_is_stored_as_before_and_a_stored_one_comes_back() -> None:
    collector = CheckCollector()
    collector.add(GazeReading(1.0, "left", box=FACE))
    collector.add(GazeReading(2.0, "left", box=FACE, width=640, height=480))
    record = collector.take(10.0)
    assert [len(row) for row in record["readings"]["gaze"]] == [4, 5]
    (bare, whole), *_ = unpack(record["readings"])
    assert bare.box is None
    assert (whole.box, whole.width, whole.height) == (Box(100, 80, 180, 191, 1.0), 640, 480)


def test_what_a_look_for_persons_rests_on_is_stored_and_older_looks_have_none() -> None:
    collector = CheckCollector()
    collector.add(PersonsReading(2.0, 1, True, phones=(PHONE,), width=640, height=480, numbers={"phone_vote_1": 0.51239, "at_face": 0.0}))
    row = collector.take(10.0)["readings"]["persons"][0]
    read = unpack_persons(row)
    assert (read.numbers, read.width, read.height) == ({"phone_vote_1": 0.512, "at_face": 0.0}, 640, 480)
    assert unpack_persons(row[:8]).numbers == {}
    assert unpack_persons(row[:6]).width == 0


def test_a_clip_by_rest(client: FlaskClient, parts: Parts) -> None:
    store_checks(parts.database, 30)
    video_id = f"{SESSION}-1"
    assert parts.database.write("intervals", video_id, interval(start=0.0, duration=5.0)).wait(10)
    answer = client.get(f"/api/review/{video_id}/readings").get_json()
    assert (len(answer["gaze"]), len(answer["persons"]), answer["video_id"]) == (6, 6, video_id)
    assert parts.database.write("intervals", f"{SESSION}-2", interval()).wait(10)
    empty = client.get(f"/api/review/{SESSION}-2/readings").get_json()
    assert (empty["gaze"], empty["persons"]) == ([], [])
    assert client.get(f"/api/review/{SESSION}-9/readings").status_code == 404
