"""An accommodation that is set, changed, removed or imported while its student's exam runs."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask.testing import FlaskClient

from basics.readings import AudioReading
from basics.times import utc_now
from records.accommodations import Accommodations
from records.stored_session import StoredSession
from scoring.accommodations import Accommodation
from sessions.changes import CHANGES_MAX
from sessions.session import ExamSession
from storage.writes import Ticket
from tests.helpers.sessions import create, live, stop_server
from tests.helpers.waiting import until
from tests.helpers.web import error_of
from web.parts import Parts
from web.proctor.accommodation_words import accommodation_lines

URL = "/api/accommodations"


def sit(client: FlaskClient, parts: Parts, user_id: str, exam_id: str | None = "exam001") -> ExamSession:
    session = live(parts, create(client, user_id, exam_id, source="browser"))
    parts.monitor.maker.prepare(session)
    session.begin()
    return session


def save(client: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = client.post(URL, json=body)
    assert answer.status_code == 200, answer.data
    content: dict[str, Any] = answer.get_json()
    return content


def of_student(client: FlaskClient, parts: Parts, session: ExamSession) -> dict[str, Any]:
    token = parts.access.make_student_token(session.session_id)
    answer: dict[str, Any] = client.get("/api/student/session", headers={"Authorization": f"Bearer {token}"}).get_json()
    return answer


def test_it_takes_effect_at_once_in_that_exam_alone(client: FlaskClient, parts: Parts, student: str) -> None:
    session, other = sit(client, parts, student), sit(client, parts, student, "exam002")
    saved = save(client, user_id=student, exam_id="exam001", reading_aloud=True, breaks_allowed=2, set_by="Ada")
    assert saved["running"] == 1
    assert (session.changes.points["speech"], other.changes.points["speech"]) == (0, 3)
    shown = of_student(client, parts, session)
    assert (shown["accommodation"]["reading_aloud"], shown["breaks_left"]) == (True, 2)
    assert "speech" not in shown["rules"]["watched"]
    assert of_student(client, parts, other)["accommodation"] is None
    details = client.get(f"/api/session/{session.session_id}/details").get_json()
    assert [held["by"] for held in details["session"]["accommodations"]] == ["", "Ada"]
    assert details["session"]["accommodations"][1]["points"]["speech"] == 0
    assert details["rules"]["points"]["speech"] == 3, "the rules of the beginning"


def test_one_for_every_exam_gives_way_to_the_exams_own_and_comes_back_when_that_goes(client: FlaskClient, parts: Parts, student: str) -> None:
    session, other = sit(client, parts, student), sit(client, parts, student, None)
    own = save(client, user_id=student, exam_id="exam001", points={"no_face": 3})
    assert save(client, user_id=student, reading_aloud=True)["running"] == 1
    assert (session.changes.points["speech"], session.changes.points["no_face"], other.changes.points["speech"]) == (3, 3, 0)
    assert client.delete(f"{URL}/{own['accommodation']['id']}").get_json()["running"] == 1
    assert (session.changes.points["speech"], session.changes.points["no_face"]) == (0, 9)
    (every,) = client.get(f"{URL}?user_id={student}").get_json()["accommodations"]
    assert client.delete(f"{URL}/{every['id']}").get_json()["running"] == 2
    assert session.accommodation is None
    assert dict(session.changes.points) == dict(other.changes.points)


def test_a_list_of_students_brings_it_to_exams_that_run(client: FlaskClient, parts: Parts, student: str) -> None:
    made = client.post("/api/exams", json={"exam_id": f"e-{student}", "title": "E", "length_min": 60}).get_json()
    exam = made["exam"]
    client.post(f"/api/exams/{exam['exam_key']}/state", json={"state": "open"})
    session = sit(client, parts, student, exam["exam_id"])
    roster = f"/api/exams/{exam['exam_key']}/roster"
    assert client.post(roster, json={"text": f"id,extra time,accommodation\n{student},30 min,Reads aloud\n", "by": "Ada"}).status_code == 200
    assert session.changes.points["speech"] == 0
    assert session.limit.ends == 90 * 60
    assert session.changes.history[-1].by == "Ada"
    (row,) = client.get(roster).get_json()["students"]
    assert client.patch(f"{roster}/{row['row_id']}", json={"preset": "", "extra_min": 0}).status_code == 200
    assert (session.changes.points["speech"], session.limit.ends) == (3, 60 * 60)


def test_a_list_says_which_line_an_exam_that_runs_can_not_take_any_more(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = client.post("/api/exams", json={"exam_id": f"e-{student}", "title": "E", "length_min": 60}).get_json()["exam"]
    client.post(f"/api/exams/{exam['exam_key']}/state", json={"state": "open"})
    session = sit(client, parts, student, exam["exam_id"])
    roster = f"/api/exams/{exam['exam_key']}/roster"
    assert client.post(roster, json={"text": f"id,extra time\n{student},1 min", "by": "Ada"}).status_code == 200
    for number in range(CHANGES_MAX - 1):
        session.changes.apply(Accommodation(student, exam["exam_id"], extra_min=number + 2), "Ada")
    text = f"id,extra time\nother-{student},5 min\n{student},99 min"
    (fault,) = client.post(f"{roster}/preview", json={"text": text}).get_json()["faults"]
    assert (fault["line"], fault["column"]) == (3, "extra")
    assert str(CHANGES_MAX) in fault["what"]
    assert error_of(client.post(roster, json={"text": text, "by": "Ada"}), 422)["faults"] == [fault]
    taken = client.post(roster, json={"text": text, "by": "Ada", "skip_faulty": True}).get_json()
    assert (taken["new"], taken["changed"], taken["faults"]) == (1, 0, [fault])
    rows = {row["user_id"]: row for row in client.get(roster).get_json()["students"]}
    assert rows[student]["extra_min"] == 1, "nothing is stored that doesn't hold"
    path = f"{roster}/{rows[student]['row_id']}"
    error_of(client.patch(path, json={"extra_min": 98}), 429)
    assert client.patch(path, json={"extra_min": 1, "note": "by hand"}).status_code == 200
    name_alone = client.post(f"{roster}/preview", json={"text": f"id,name\n{student},Ann"}).get_json()
    assert (name_alone["changed"], name_alone["faults"]) == (1, [])


def test_before_the_student_comes_it_is_as_if_it_had_always_been(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    assert save(client, user_id=student, exam_id="exam001", reading_aloud=True)["running"] == 0
    assert session.rules["points"]["speech"] == 0
    assert session.changes.history == ()


def test_one_that_is_set_while_the_session_is_made_is_not_missed(
    client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Accommodations.find
    raced = threading.Event()

    def find(self: Accommodations, user_id: str, exam_id: str | None, **more: Any) -> Accommodation | None:
        found = read(self, user_id, exam_id, **more)
        if not raced.is_set():
            raced.set()
            save(client, user_id=student, exam_id="exam001", reading_aloud=True)
        return found

    monkeypatch.setattr(Accommodations, "find", find)
    session = live(parts, create(client, student, source="browser"))
    assert session.rules["points"]["speech"] == 0
    client.delete(f"{URL}/{session.accommodation.document_id}")  # type: ignore[union-attr]
    assert session.rules["points"]["speech"] == 3
    raced.clear()
    parts.monitor.maker.prepare(session)
    session.begin()
    assert session.changes.points["speech"] == 0


def test_it_is_kept_over_a_restart_and_one_set_meanwhile_is_brought_then(client: FlaskClient, parts: Parts, student: str) -> None:
    session = sit(client, parts, student)
    save(client, user_id=student, exam_id="exam001", reading_aloud=True, set_by="Ada")
    session.take_audio(AudioReading(0, 1, speech=((0.0, 1.0),)))
    session.checkpoint()
    assert parts.database.flush(10)
    stop_server(parts)
    parts.monitor.resume()
    again = parts.monitor.get(session.session_id)
    assert again is not None
    assert again is not session
    assert (again.changes.points["speech"], len(again.changes.history)) == (0, 2)
    stop_server(parts)
    assert save(client, user_id=student, exam_id="exam001", points={"no_face": 1}, set_by="Bob")["running"] == 0
    parts.monitor.resume()
    again = parts.monitor.get(session.session_id)
    assert again is not None
    assert (again.changes.points["speech"], again.changes.points["no_face"]) == (3, 1)
    assert [held.by for held in again.changes.history] == ["", "Ada", "Bob"]


def test_what_an_exam_can_keep_no_more_of_is_refused_before_it_is_stored(client: FlaskClient, parts: Parts, student: str) -> None:
    sit(client, parts, student)
    for number in range(CHANGES_MAX):
        save(client, user_id=student, exam_id="exam001", breaks_allowed=1 + number % 2)
    error_of(client.post(URL, json={"user_id": student, "exam_id": "exam001", "breaks_allowed": 9}), 429)
    (listed,) = client.get(f"{URL}?user_id={student}").get_json()["accommodations"]
    assert listed["breaks_allowed"] == 2


def test_the_report_says_from_when(client: FlaskClient, parts: Parts, student: str) -> None:
    from commands.rescore import points_named, scored_again
    from scoring.rules import Rules

    session = sit(client, parts, student)
    save(client, user_id=student, exam_id="exam001", reading_aloud=True, note="stutters", set_by="Ada")
    assert parts.database.flush(10)
    document = parts.database.session(session.session_id)
    document["accommodations"][1]["at_s"] = 2530.0
    lines = [str(line) for line in accommodation_lines(document)]
    assert lines == ["From 0:00:00: nothing different", "From 0:42:10: Reading aloud or a screen reader’s voice allowed (set by Ada)"]
    check = {"end": 2600.0, "number": 0}
    scorer = scored_again(StoredSession(document, [check], [], []), Rules.from_dict(document["rules"]))
    scorer.take_sound(AudioReading(2520, 20, speech=((2521.0, 2524.0), (2550.0, 2560.0))))
    assert [scorer.interval(index).score for index in (84, 85)] == [3, 0]
    wanted = {"speech": 4}
    scorer = scored_again(StoredSession(document, [], [], []), Rules.from_dict({"points": wanted}), points_named(wanted))
    scorer.take_sound(AudioReading(2550, 10, speech=((2550.0, 2560.0),)))
    assert scorer.interval(85).score == 4


def test_one_that_waits_in_the_spool_holds_all_the_same(client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the database's disk is full: it reads, and takes no write."""
    session = sit(client, parts, student)
    aloud = save(client, user_id=student, exam_id="exam001", reading_aloud=True)["accommodation"]
    late: list[tuple[str, tuple[Any, ...]]] = []

    def spooled(name: str) -> Any:
        def keep(*args: Any) -> Ticket:
            late.append((name, args))
            ticket = Ticket()
            ticket.resolve()
            return ticket

        return keep

    with monkeypatch.context() as patch:
        patch.setattr(parts.monitor.accommodations, "_database", Spooling(parts.database, spooled))
        assert save(client, user_id=student, exam_id="exam001", extra_min=10, points={"no_face": 2})["running"] == 1
        assert (session.changes.points["speech"], session.changes.points["no_face"]) == (3, 2)
        assert client.delete(f"{URL}/{aloud['id']}").get_json()["running"] == 1
        assert session.accommodation is None
        assert save(client, user_id=student, exam_id="exam001", reading_aloud=True)["running"] == 1
        assert client.delete(f"{URL}/{aloud['id']}").get_json()["running"] == 1
    for name, args in late:
        assert getattr(parts.database, name)(*args).wait(10)
    assert parts.database.flush(10)
    assert save(client, user_id=student, exam_id="exam001", reading_aloud=True)["running"] == 1
    assert session.changes.points["speech"] == 0


class Spooling:
    """A database that reads, and whose accommodations wait in the spool."""

    def __init__(self, database: Any, spooled: Any) -> None:
        self.gone = database.gone
        self.write, self.delete, self.reading, self.collection = spooled("write"), spooled("delete"), database.reading, database.collection


def test_a_running_exam_that_can_not_change_any_more_is_said_before_one_is_removed(client: FlaskClient, parts: Parts, student: str) -> None:
    session = sit(client, parts, student)
    for number in range(CHANGES_MAX):
        saved = save(client, user_id=student, exam_id="exam001", reading_aloud=number % 2 == 0, breaks_allowed=number % 20)["accommodation"]
    error_of(client.delete(f"{URL}/{saved['id']}"), 429)
    assert session.accommodation is not None
    assert len(client.get(f"{URL}?user_id={student}").get_json()["accommodations"]) == 1, "what holds is what is stored"


def test_an_accommodation_that_was_damaged_ends_no_exam(client: FlaskClient, parts: Parts, student: str) -> None:
    session = sit(client, parts, student)
    save(client, user_id=student, exam_id="exam001", reading_aloud=True)
    assert parts.database.flush(10)
    stop_server(parts)
    stored = parts.database.session(session.session_id)
    parts.database.write("sessions", session.session_id, {"accommodation": {**stored["accommodation"], "points": "none"}})
    assert parts.database.flush(10)
    parts.monitor.resume()
    again = parts.monitor.get(session.session_id)
    assert again is not None
    assert (again.is_running, again.changes.points["speech"]) == (True, 0)
    assert of_student(client, parts, again)["accommodation"]["reading_aloud"]
    parts.monitor.end(student, "exam001")
    parts.database.write("sessions", session.session_id, {"accommodation": "none"})
    assert parts.database.flush(10)
    assert of_student(client, parts, again)["accommodation"]["reading_aloud"], "as its changes have it"
    assert client.get(f"/api/session/{session.session_id}/details").status_code == 200


def test_of_two_who_set_it_at_once_the_later_is_stored_and_holds(
    client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, known = sit(client, parts, student), parts.monitor.accommodations
    first_is_in, second_is_done = threading.Event(), threading.Event()

    def second_waits() -> bool:
        return any(users > 1 for _lock, users in list(known._changing._known.values()))

    def slow() -> Any:
        at = utc_now()
        if not first_is_in.is_set():
            first_is_in.set()
            until(lambda: second_is_done.is_set() or second_waits())
        return at

    monkeypatch.setattr("records.accommodations.utc_now", slow)
    first = threading.Thread(target=known.set, args=(Accommodation(student, "exam001", breaks_allowed=1),))
    first.start()
    assert first_is_in.wait(30)
    known.set(Accommodation(student, "exam001", breaks_allowed=2))
    second_is_done.set()
    first.join()
    parts.monitor.taking_effect.changed(student, "exam001", "Ada")
    (stored,) = known.listed(student)
    assert (stored["breaks_allowed"], session.accommodation and session.accommodation.breaks_allowed) == (2, 2)
