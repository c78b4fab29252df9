"""Pictures of face, card and room by REST: when a student may send them, what people see and decide, and that looking is noted."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from basics.readings import Box, GazeReading
from basics.times import utc_now
from media.pictures import Picture
from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.holds import Holds
from records.retention import Retention
from sessions.analysis import PictureReadings
from sessions.events import FaceSeen
from sessions.face_moments import FIRST_S
from sessions.still_keeper import StillKeeper
from tests.helpers.identity import ADA, Student, jpeg
from tests.helpers.people import administrator, someone
from tests.helpers.sessions import stop_server
from tests.helpers.waiting import until
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.parts import Parts, parts_of
from web.student.identity import PICTURE_BYTES_MAX, TRIES

BEN = "Ben Okri"


@pytest.fixture
def taking(client: FlaskClient, parts: Parts, student: str) -> Student:
    return Student(client, parts, student, room_view=True)


# Before the exam


def test_the_page_is_told_that_pictures_are_asked_for(taking: Student) -> None:
    exam = taking.client.get("/api/student/session", headers=taking.bearer).get_json()["exam"]
    assert (exam["identity_step"], exam["room_view"]) == (True, True)


def test_a_face_and_a_card_come_before_the_exam_and_are_shown_to_people(taking: Student) -> None:
    answer = taking.send("face")
    assert answer.get_json() == {"success": True, "width": 320, "height": 240, "bytes": taking.files()[0].stat().st_size}
    assert taking.send("card", jpeg(640, 400)).status_code == 200
    assert taking.say(face="given", card="given").get_json() == {"success": True}
    found = taking.shown()
    assert [(one["kind"], one["width"], one["at_s"]) for one in found["pictures"]] == [("face", 320, None), ("card", 640, None)]
    assert (found["said"]["face"], found["stands"], found["user_id"]) == ("given", "open", taking.user_id)
    got = taking.client.get(found["pictures"][0]["url"])
    assert (got.status_code, got.mimetype, got.data) == (200, "image/jpeg", taking.files()[-1].read_bytes())
    assert "no-store" in got.headers["Cache-Control"]


def test_who_has_sent_a_picture_is_not_told_to_have_opened_nothing(client: FlaskClient, taking: Student) -> None:
    def connection() -> dict[str, Any]:
        (shown,) = [one for one in client.get("/api/sessions/active").get_json()["sessions"] if one["session_id"] == taking.session_id]
        return dict(shown["devices"]["connection"])

    assert (connection()["state"], connection()["reason"]) == ("starting", "not_come")
    assert taking.send("face").status_code == 200
    assert (connection()["state"], connection()["reason"]) == ("starting", "getting_ready")
    taking.begin()
    taking.session.device_state("connection", "ok")
    assert client.get("/api/student/session", headers=taking.bearer).status_code == 200
    assert connection()["state"] == "ok"


def test_the_list_of_exams_leads_to_the_page_where_students_are_compared(client: FlaskClient, taking: Student) -> None:
    assert client.post("/api/exams", json={"exam_id": f"plain-{taking.user_id}", "title": "Plain"}).status_code == 200
    lines = {one["exam_id"]: one["identity"] for one in client.get("/api/exams").get_json()["exams"]}
    assert lines[taking.exam_id] == f"/exams/{taking.key}/identity"
    assert lines[f"plain-{taking.user_id}"] is None


def test_who_has_no_card_says_so_in_a_sentence(taking: Student) -> None:
    assert error_of(taking.say(face="given", card="none", words=" "), 422)["field"] == "words"
    assert taking.say(face="given", card="none", words="It was stolen last week").status_code == 200
    assert taking.shown()["said"]["words"] == "It was stolen last week"


def test_without_a_camera_it_is_told_as_unknown_and_counts_nothing(taking: Student) -> None:
    assert taking.say(face="unknown", card="unknown").status_code == 200
    taking.begin()
    found = taking.shown()
    assert (found["said"]["face"], found["pictures"], found["stands"]) == ("unknown", [], "open")
    assert taking.session.summary().total_score == 0


def test_once_the_exam_has_begun_nothing_comes_unasked(taking: Student) -> None:
    taking.begin()
    assert error_of(taking.send("face"), 409)["reason"] == "begun"
    assert error_of(taking.say(face="given", card="given"), 409)["reason"] == "begun"
    assert taking.files() == []


def test_an_exam_that_asks_for_none_takes_none(client: FlaskClient, parts: Parts, student: str) -> None:
    other = Student(client, parts, student, identity_step=False)
    assert error_of(other.send("face"), 409)["reason"] == "not_asked"
    assert error_of(other.say(face="given", card="given"), 409)["reason"] == "not_asked"
    assert other.listed()["sessions"] == []


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("face", b"", 400),
        ("face", b"no picture at all", 400),
        ("face", jpeg(8, 8), 400),
        ("face", jpeg(2400, 1600), 413),
        ("face", jpeg() + b"\0" * PICTURE_BYTES_MAX, 413),
        ("still", jpeg(), 404),
        ("room", jpeg(), 409),
        ("..", jpeg(), 404),
    ],
)
def test_what_is_no_picture_or_too_large_is_refused(taking: Student, kind: str, data: bytes, status: int) -> None:
    error_of(taking.send(kind, data), status)
    assert taking.files() == []


def test_pictures_need_the_students_own_token(taking: Student) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = taking.client.post("/api/student/identity/face", data=jpeg(), headers=headers)
        error_of(answer, 401)


def test_a_page_that_sends_again_and_again_is_told_when_to_come_again(taking: Student) -> None:
    answers = [taking.say(face="given", card="given") for _ in range(TRIES + 1)]
    assert [answer.status_code for answer in answers] == [200] * TRIES + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_an_ended_exam_takes_no_picture(taking: Student) -> None:
    taking.client.post("/api/session/end", json={"user_id": taking.user_id})
    error_of(taking.send("face"), 409)


# On request


def test_a_proctor_asks_for_the_room_and_the_student_may_decline(taking: Student) -> None:
    taking.begin()
    asked = taking.ask("room").get_json()["session"]["asked"]
    assert [(one["what"], one["by"], one["answer"]) for one in asked] == [("room", ADA, "")]
    (message,) = taking.session.messages.unread()
    assert (message.asks, message.id) == ("room", asked[0]["id"])
    assert error_of(taking.ask("room"), 409)["reason"] == "asked"
    declined = {"request": message.id, "answer": "declined", "words": "My child sleeps here"}
    assert taking.say("/request", **declined).get_json() == {"success": True}
    (one,) = taking.shown()["asked"]
    assert (one["answer"], one["words"]) == ("declined", "My child sleeps here")
    assert error_of(taking.say("/request", **declined), 409)["reason"] == "not_asked"
    assert error_of(taking.send("room", request=message.id), 409)["reason"] == "not_asked"
    assert taking.session.summary().total_score == 0


def test_what_is_asked_for_is_taken_in_mid_exam_and_nothing_else(taking: Student) -> None:
    taking.begin()
    request = taking.ask("room").get_json()["session"]["asked"][0]["id"]
    error_of(taking.send("face", request=request), 409)
    for _ in range(2):
        assert taking.send("room", request=request).status_code == 200
    assert taking.say("/request", request=request, answer="given").status_code == 200
    found = taking.shown()
    assert [(one["kind"], one["asked"]) for one in found["pictures"]] == [("room", request)] * 2
    assert found["pictures"][0]["at_s"] is not None
    assert taking.session.messages.unread() == [], "what is answered is not said again"


def test_a_room_view_is_off_unless_the_exam_allows_it(client: FlaskClient, parts: Parts, student: str) -> None:
    other = Student(client, parts, student).begin()
    assert error_of(other.ask("room"), 409)["reason"] == "not_allowed"
    assert other.shown()["may_ask"] == ["face", "card"]


def test_a_request_outlives_the_server(taking: Student) -> None:
    taking.begin()
    request = taking.ask("card").get_json()["session"]["asked"][0]["id"]
    assert taking.parts.database.flush(10)
    stop_server(taking.parts)
    taking.parts.monitor.resume()
    assert taking.send("card", request=request).status_code == 200


# What people decide


def test_people_accept_and_query_and_both_stay(taking: Student) -> None:
    taking.send("face")
    assert error_of(taking.decide("queried"), 422)["field"] == "text"
    first = taking.decide("queried", text="The card is missing").get_json()["session"]
    assert (first["stands"], first["revision"], first["decision"]["by"]) == ("queried", 1, ADA)
    error = error_of(taking.decide(by=BEN), 409)
    assert (error["reason"], error["revision"]) == ("meanwhile", 1)
    now = taking.decide(by=BEN, revision=1).get_json()["session"]
    assert (now["stands"], [(act["decision"], act["by"]) for act in now["history"]]) == ("accepted", [("queried", ADA), ("accepted", BEN)])


def test_an_exam_lists_its_students_by_what_is_decided(taking: Student) -> None:
    taking.send("face")
    found = taking.listed("?state=open")
    assert [one["session_id"] for one in found["sessions"]] == [taking.session_id]
    assert (found["sums"], found["asks"], found["keep_days"]) == ({"all": 1, "open": 1, "accepted": 0, "queried": 0}, True, 30)
    taking.decide()
    assert taking.listed("?state=open")["sessions"] == []
    assert taking.listed("?state=accepted")["sums"]["accepted"] == 1
    error_of(taking.client.get(f"/api/exams/{taking.key}/identity?after={'f' * 32}"), 422)


def test_decisions_and_looks_stand_in_the_audit(taking: Student) -> None:
    taking.send("face")
    picture = taking.shown()["pictures"][0]
    for _ in range(2):
        taking.client.get(picture["url"])
    taking.decide("queried", text="Not the same person?")
    assert taking.parts.database.flush(10)
    entries = [one for one in taking.parts.database.audit_entries(200) if one.get("session_id") == taking.session_id]
    looks = [one for one in entries if one["what"] == "identity: picture looked at"]
    assert [one["picture"] for one in looks] == [picture["name"]], "once in ten minutes"
    (decided,) = [one for one in entries if one["what"] == "identity: queried"]
    assert (decided["who"], decided["text"], decided["user_id"]) == (ADA, "Not the same person?", taking.user_id)


def test_a_picture_that_was_changed_is_no_evidence_and_that_is_noted(taking: Student) -> None:
    taking.send("face")
    (picture,), (file,) = taking.shown()["pictures"], taking.files()
    file.write_bytes(jpeg(100, 100))
    for _ in range(2):
        assert error_of(taking.client.get(picture["url"]), 409)["reason"] == "changed"
    assert taking.parts.database.flush(10)
    noted = [one for one in taking.parts.database.audit_entries(200) if one.get("session_id") == taking.session_id]
    assert [(one["what"], one["picture"]) for one in noted if "picture" in one] == [("identity: picture changed", picture["name"])]


def test_pictures_whose_time_is_over_are_said_to_be_gone_and_the_decision_stays(taking: Student) -> None:
    taking.send("face")
    url = taking.shown()["pictures"][0]["url"]
    taking.decide()
    for path in taking.files():
        path.unlink()
    assert taking.parts.database.write("identity", taking.session_id, {"pictures_deleted_at": utc_now()}).wait(10)
    found = taking.shown()
    assert (found["pictures"], found["stands"], found["pictures_deleted_at"] is not None) == ([], "accepted", True)
    error_of(taking.client.get(url), 404)


def test_an_exam_without_names_shows_none_and_says_so(client: FlaskClient, parts: Parts, student: str) -> None:
    other = Student(client, parts, student, anonymous_review=True)
    other.send("face")
    rows = {"text": f"id,name\n{student},Ann Lee"}
    assert client.post(f"/api/exams/{other.key}/roster", json=rows).status_code == 200
    found = other.listed()
    assert (found["anonymous"], found["sessions"][0]["name"]) == (True, "")


def test_an_exam_of_others_is_nobodys_business(make_app: MakeApp, student: str) -> None:
    app = make_app(proctor_password=PASSWORD, portal_open=True)
    parts = parts_of(app)
    parts.monitor.resumed.set()  # as some seconds after its start
    reader = someone(app, "ann@example.org", "teacher")
    taking = Student(administrator(app), parts, student)
    assert reader.get(f"/api/session/{taking.session_id}/identity").status_code == 404, "an exam of others"
    assert reader.get(f"/api/exams/{taking.key}/identity").status_code == 404
    assert reader.get(f"/exams/{taking.key}/identity").status_code == 404
    assert reader.post(f"/api/session/{taking.session_id}/identity", decision="accepted", revision=0).status_code == 404


# In mid-exam


def face(at: float, *, seen: bool = True) -> tuple[Picture, PictureReadings]:
    gaze = GazeReading(at, "focused", box=Box(1, 1, 20, 20, 0.9) if seen else None)
    return Picture(at, np.full((48, 64, 3), 90, np.uint8)), PictureReadings(at, gaze)


def test_a_few_stills_of_the_face_are_kept_in_an_exam_that_asks(taking: Student) -> None:
    taking.begin()
    told: list[FaceSeen] = []
    taking.session._events.subscribe(FaceSeen, told.append)
    keeper = StillKeeper(taking.parts.identity, taking.session._events)
    keeper.start()
    for at in (1.0, FIRST_S - 0.1):
        taking.session._stills._faces.see(*face(at))
    assert told == []
    taking.session._stills._faces.see(*face(FIRST_S + 1, seen=False))
    for at in (FIRST_S + 2, FIRST_S + 3):
        taking.session._stills._faces.see(*face(at))
    assert [event.picture.at for event in told] == [FIRST_S + 2]
    until(lambda: taking.files() != [])
    keeper.stop()
    (still,) = taking.shown()["pictures"]
    assert (still["kind"], still["at_s"]) == ("still", FIRST_S + 2)


def test_an_exam_that_asks_for_none_keeps_no_still(client: FlaskClient, parts: Parts, student: str) -> None:
    other = Student(client, parts, student, identity_step=False).begin()
    told: list[FaceSeen] = []
    other.session._events.subscribe(FaceSeen, told.append)
    other.session._stills._faces.see(*face(FIRST_S + 1))
    assert told == []


# What goes, and what is given


@pytest.fixture
def deleting(taking: Student) -> Student:
    """A student whose session has ended, on a server that deletes."""
    parts, settings = taking.parts, taking.parts.settings
    clips, recorder = ClipSweep(parts.database, settings.clips_dir, settings.temp_dir), Recorder(settings.clips_dir, settings.temp_dir)
    kept: dict[str, Any] = {"clips": clips, "recorder": recorder, "identity_dir": settings.identity_dir}
    parts.retention = Retention(parts.database, settings.clips_dir, parts.stills.folder, 30, **kept)
    taking.send("face")
    taking.client.post("/api/session/end", json={"user_id": taking.user_id})
    assert parts.database.flush(10)
    return taking


def test_pictures_go_with_the_session_and_with_the_student(deleting: Student) -> None:
    assert len(deleting.files()) == 1
    answer = deleting.client.post("/api/students/erase", json={"user_id": deleting.user_id, "again": deleting.user_id})
    assert answer.get_json()["counts"]["identity"] == 1
    assert deleting.files() == []
    assert deleting.parts.identity.of_session(deleting.session_id) is None


def test_a_legal_hold_spares_them(deleting: Student) -> None:
    Holds(deleting.parts.database).set(by=ADA, note="a court asks", session_id=deleting.session_id)
    error_of(deleting.client.delete(f"/api/session/{deleting.session_id}"), 409)
    assert len(deleting.files()) == 1


def test_a_package_has_them_only_where_they_are_asked_for(deleting: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.proctor.package_pdf.pdf_of", lambda _report: b"%PDF-")
    path = f"/api/session/{deleting.session_id}/package"
    (file,) = deleting.files()
    for query, there in (("", False), ("?identity=true", True)):
        with zipfile.ZipFile(io.BytesIO(deleting.client.get(path + query).data)) as opened:
            names = [name for name in opened.namelist() if name.startswith("identity")]
            assert bool(names) is there
            if there:
                (picture,) = [name for name in names if name.endswith(".jpg")]
                assert opened.read(picture) == file.read_bytes()
                assert json.loads(opened.read("identity.json"))["user_id"] == deleting.user_id
    file.write_bytes(jpeg(100, 100))
    with zipfile.ZipFile(io.BytesIO(deleting.client.get(f"{path}?identity=true").data)) as opened:
        missing = {one["path"]: one["why"] for one in json.loads(opened.read("manifest.json"))["missing"] if one.get("lacking")}
    assert missing == {picture: "the file was changed after it was made"}


def test_the_page_is_there_and_a_strangers_address_is_not(taking: Student) -> None:
    page = taking.client.get(f"/exams/{taking.key}/identity")
    assert page.status_code == 200
    assert f'data-exam-key="{taking.key}"' in page.text
    assert taking.client.get("/exams/nowhere/identity").status_code == 404
    assert taking.client.get(f"/api/exams/{'0' * 32}/identity").status_code == 404


def test_pages_lead_to_it_where_the_exam_asks_and_nowhere_else(client: FlaskClient, parts: Parts, student: str) -> None:
    asks, other = Student(client, parts, student), Student(client, parts, f"{student}-2", identity_step=False)
    for one, there in ((asks, True), (other, False)):
        path = f"/exams/{one.key}/identity"
        for page in (f"/exams/{one.key}", f"/exams/{one.key}/results", f"/session/{one.session_id}"):
            assert (f'href="{path}' in client.get(page).text) is there, page


def test_the_law_stands_beside_the_switch_of_the_room_view(client: FlaskClient, parts: Parts, student: str) -> None:
    made = client.get(f"/api/exams/{Student(client, parts, student).key}").get_json()["exam"]
    assert made["room_view"] is False, "off by default"
    page = client.get("/exams/new").text
    assert 'data-field="room_view" data-kind="yes" aria-describedby="exam-room-law"' in page
    note = page[page.index('id="exam-room-law"') :].partition("</p>")[0]
    assert all(part in note for part in ("Ogletree v. Cleveland State University", "N.D. Ohio", "22 August 2022", "1:21-cv-00500"))


def test_the_portal_says_why_who_how_long_and_that_no_program_compares(taking: Student) -> None:
    page = taking.client.get(f"/portal?exam={taking.key}").text
    step = page[page.index('id="step-identity"') :].partition("</section>\n  \n")[0]
    for words in ("takes the exam", "The proctors of this exam see them", "deleted 30 days after the exam", "No program compares"):
        assert words in step
    assert 'id="step-identity"' not in taking.client.get("/portal").text
