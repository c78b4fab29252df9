"""An exam's results, and what people conclude about its sessions: by whom, when, what stands after it, and that it can be proven."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from basics.times import utc_now
from media.clip_stills import ClipStills
from records import verification_decisions
from records.conclusions import HISTORY_MAX, Conclusions, Person
from records.exams import exam_key
from records.results import Column
from records.verification import verify
from tests.helpers.concluding import ADA, BEN, CY, OTHER, SESSION, Acting, results, two_sessions, with_four_eyes
from tests.helpers.evidence import store_exam
from tests.helpers.people import someone
from tests.helpers.web import MakeApp, error_of
from web.parts import Parts, parts_of

LATER = timedelta(minutes=5)
LONG_AGO = utc_now() - timedelta(days=3)


@pytest.fixture
def exam(parts: Parts) -> Parts:
    return two_sessions(parts)


@pytest.fixture
def four_eyes(exam: Parts) -> Parts:
    return with_four_eyes(exam)


@pytest.fixture
def acting(client: FlaskClient, exam: Parts) -> Acting:
    assert exam
    return Acting(client)


# What stands


def test_one_person_concludes_withdraws_and_concludes_anew(acting: Acting) -> None:
    assert (acting.stands()["conclusion"], acting.stands()["revision"], acting.stands()["may_conclude"]) == (None, 0, True)
    made = acting.conclude().get_json()["conclusion"]
    assert (made["conclusion"], made["reason"], made["by"], made["state"], made["revision"]) == ("finding", "as the clips show", ADA, "concluded", 1)
    assert error_of(acting.conclude("retake"), 409)["reason"] == "in_force"
    error_of(acting.withdraw(reason=" "), 422)
    assert acting.withdraw(by=BEN).get_json()["conclusion"] is None
    assert error_of(acting.withdraw(), 409)["reason"] == "none"
    now = acting.conclude("no_finding", reason="").get_json()
    assert (now["conclusion"]["conclusion"], now["revision"]) == ("no_finding", 3)
    assert [(act["act"], act["conclusion"], act["by"]) for act in now["history"]] == [
        ("concluded", "finding", ADA),
        ("withdrawn", "finding", BEN),
        ("concluded", "no_finding", ADA),
    ]


def test_of_two_at_once_the_second_is_told_what_is_in_force(acting: Acting) -> None:
    acting.conclude()
    error = error_of(acting.conclude("no_finding", by=BEN, revision=0), 409)
    assert (error["reason"], error["conclusion"], error["by"], error["revision"]) == ("meanwhile", "finding", ADA, 1)
    assert ADA in error["message"]


def test_two_who_begin_at_the_same_moment_leave_one_conclusion(exam: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    conclusions = Conclusions(exam.database)
    kept = conclusions.kept

    def both_saw_nothing(session_id: str) -> Any:
        monkeypatch.setattr(conclusions, "kept", kept)
        return None

    conclusions.conclude(SESSION, "finding", person=Person(ADA), reason="one", revision=0, four_eyes=False)
    monkeypatch.setattr(conclusions, "kept", both_saw_nothing)
    with pytest.raises(Exception, match=ADA):
        conclusions.conclude(SESSION, "retake", person=Person(BEN), reason="two", revision=0, four_eyes=False)
    found = kept(SESSION)
    assert found is not None
    assert (found.conclusion, len(found.history)) == ("finding", 1)


def test_a_second_person_agrees_who_is_another_one(client: FlaskClient, four_eyes: Parts) -> None:
    acting = Acting(client)
    assert acting.conclude().get_json()["conclusion"]["state"] == "proposed"
    assert error_of(acting.second(agrees=True, by="ADA BYRON"), 409)["reason"] == "same_person"
    now = acting.second(agrees=True, by=BEN, reason="").get_json()["conclusion"]
    assert (now["state"], now["by"], now["second"]["by"], now["second"]["agrees"]) == ("concluded", ADA, BEN, True)
    assert error_of(acting.second(agrees=True, by=CY), 409)["reason"] == "not_proposed"
    found = four_eyes.conclusions.of_session(SESSION)
    assert found is not None
    assert found.is_final


def test_what_is_contested_a_third_person_settles(client: FlaskClient, four_eyes: Parts) -> None:
    acting = Acting(client)
    acting.conclude()
    error_of(acting.second(agrees=False, by=BEN, reason=""), 422)
    assert acting.second(agrees=False, by=BEN, reason="the glasses").get_json()["conclusion"]["state"] == "contested"
    for took_part in (ADA, BEN):
        assert error_of(acting.conclude("retake", by=took_part), 409)["reason"] == "third_person"
    now = acting.conclude("no_finding", by=CY).get_json()["conclusion"]
    assert (now["state"], now["conclusion"], now["by"]) == ("concluded", "no_finding", CY)
    assert four_eyes.conclusions.of_exam("e")[0].history[-1]["act"] == "settled"


def test_the_same_account_is_no_second_person_under_another_name(four_eyes: Parts) -> None:
    made = four_eyes.conclusions.conclude(SESSION, "finding", person=Person(ADA, "a1"), reason="seen", revision=0, four_eyes=True)
    with pytest.raises(Exception, match="another one"):
        four_eyes.conclusions.second(SESSION, person=Person("A. Lovelace", "a1"), agrees=True, revision=made.revision)


def test_open_flags_are_asked_about_and_may_be_left(acting: Acting, exam: Parts) -> None:
    exam.database.write("intervals", f"{SESSION}-0", {"flagged": True, "flagged_at": utc_now()}).wait(10)
    error = error_of(acting.conclude(), 409)
    assert (error["reason"], error["open_flags"], error["message"]) == ("open_flags", 1, "1 flag is not decided yet. Conclude all the same?")
    assert acting.conclude(despite_open=True).status_code == 200


def test_while_the_student_may_answer_nothing_is_concluded_against_them(exam: Parts) -> None:
    conclusions = Conclusions(exam.database, may_conclude=[lambda _id: None, lambda _id: "Not before Friday."])
    assert conclusions.why_not_yet(SESSION) == "Not before Friday."
    with pytest.raises(Exception, match="Not before Friday"):
        conclusions.conclude(SESSION, "finding", person=Person(ADA), reason="seen", revision=0, four_eyes=False)
    assert conclusions.conclude(SESSION, "no_finding", person=Person(ADA), reason="", revision=0, four_eyes=False).is_final


def test_a_session_that_runs_is_not_concluded(acting: Acting, exam: Parts) -> None:
    exam.database.write("sessions", SESSION, {"state": "running"}).wait(10)
    assert error_of(acting.conclude(), 409)["reason"] == "running"
    assert acting.stands()["may_conclude"] is False


def test_so_many_acts_and_no_more(acting: Acting, exam: Parts) -> None:
    acting.conclude()
    act = {"act": "concluded", "conclusion": "finding", "reason": "", "by": ADA, "at": utc_now()}
    with exam.database.reading():
        exam.database.collection("conclusions").update_one({"_id": SESSION}, {"$set": {"history": [act] * HISTORY_MAX}})
    assert error_of(acting.withdraw(), 409)["reason"] == "too_many"


@pytest.mark.parametrize(
    "body",
    [{}, {"conclusion": "guilty"}, {"conclusion": "finding", "reason": ""}, {"reason": "x" * 2001}, {"revision": -1}, {"by": ""}, {"by": ["a"]}, []],
)
def test_odd_conclusions_are_refused(client: FlaskClient, exam: Parts, body: Any) -> None:
    sent = {"conclusion": "finding", "reason": "seen", "revision": 0, "by": ADA, **body} if body else body
    assert client.post(f"/api/session/{SESSION}/conclusion", json=sent).status_code in (400, 422)
    assert exam.conclusions.kept(SESSION) is None


# Results


def test_results_of_an_exam_that_nobody_defined(client: FlaskClient, acting: Acting) -> None:
    acting.conclude()
    found = results(client)
    assert (found["exam_id"], found["title"], found["defined"], found["four_eyes"]) == ("e", "", False, False)
    assert [row["user_id"] for row in found["results"]] == ["ann", "bob"]
    ann = found["results"][0]
    assert (ann["flags"], ann["total_score"]) == ({"open": 0, "confirmed": 1, "dismissed": 0, "disputed": 0}, 12)
    assert (ann["conclusion"]["conclusion"], ann["conclusion"]["by"]) == ("finding", ADA)
    assert {name: found["sums"][name] for name in ("sessions", "none", "concluded", "finding")} == {
        "sessions": 2,
        "none": 1,
        "concluded": 1,
        "finding": 1,
    }
    assert found["rules"]["flag_threshold"]
    assert client.get(f"/api/exams/{'0' * 32}/results").status_code == 404
    (listed,) = [one for one in client.get("/api/exams").get_json()["exams"] if one["exam_id"] == "e"]
    assert listed["results"] == f"/exams/{exam_key('e')}/results"


def test_every_column_sorts_and_pages_follow_on_one_another(client: FlaskClient, exam: Parts) -> None:
    part = {"of_s": 90, "unread_s": 30, "reasons": {"dark": 30}}
    exam.database.write("sessions", OTHER, {"total_score": 2, "unread": {"gaze": part, "people": part, "sound": part}}).wait(10)
    for column in get_args(Column):
        first = results(client, f"?sort={column}&down=true&limit=1")
        second = results(client, f"?sort={column}&down=true&limit=1&after={first['next_after']}")
        assert (second["next_after"], {row["user_id"] for page in (first, second) for row in page["results"]}) == (None, {"ann", "bob"}), column
        assert first["results"][0]["user_id"] == {"student": "bob", "watched": "bob"}.get(column, "ann"), column


def test_results_by_state_and_as_a_table_that_no_spreadsheet_runs(client: FlaskClient, acting: Acting) -> None:
    acting.conclude(reason="=cmd|' /C calc'!A0")
    assert [row["user_id"] for row in results(client, "?state=none")["results"]] == ["bob"]
    assert [row["user_id"] for row in results(client, "?state=concluded")["results"]] == ["ann"]
    assert results(client, "?state=open")["results"] == []
    table = client.get(f"/api/exams/{exam_key('e')}/results.csv?state=concluded").text.splitlines()
    assert len(table) == 2
    assert "\"'=cmd|" in table[1]
    assert client.get(f"/api/exams/{exam_key('e')}/results?after={'f' * 32}").status_code == 422
    assert client.get(f"/api/exams/{exam_key('e')}/results?sort=colour").status_code == 422


def test_who_decided_what(client: FlaskClient, acting: Acting) -> None:
    acting.conclude()
    acting.withdraw(by=BEN)
    people = {one.pop("by"): one for one in client.get(f"/api/exams/{exam_key('e')}/results/people").get_json()["people"]}
    assert (people["ben"]["confirmed"], people[ADA]["concluded"], people[BEN]["withdrawn"]) == (2, 1, 1)


# What goes with it


def test_it_is_noted_told_packed_and_goes_with_its_session(client: FlaskClient, acting: Acting, exam: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    still = Path(exam.settings.temp_dir) / "still.jpg"
    still.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), "teal").save(still)
    monkeypatch.setattr(ClipStills, "get", lambda *_args: still)
    acting.conclude(reason="a phone in view")
    with zipfile.ZipFile(io.BytesIO(client.get(f"/api/session/{SESSION}/package").data)) as opened:
        assert json.loads(opened.read("conclusion.json"))["reason"] == "a phone in view"
        assert "a phone in view" in opened.read("report.html").decode()
    assert exam.database.flush(10)
    noted = next(entry for entry in exam.database.audit_entries() if str(entry["what"]).startswith("conclusion: "))
    assert (noted["what"], noted["who"], noted["user_id"], noted["session_id"]) == ("conclusion: concluded", ADA, "ann", SESSION)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is so much later that no note is under way."""
    monkeypatch.setattr(verification_decisions, "utc_now", _later)


def _later() -> datetime:
    return utc_now() + LATER


@pytest.mark.usefixtures("later")
def test_a_conclusion_that_was_altered_is_named(acting: Acting, exam: Parts, stored: Any) -> None:
    acting.conclude()
    acting.withdraw()
    acting.conclude("retake")
    assert exam.database.flush(10)

    def found() -> list[str]:
        return [f"{one.kind}: {one.wrong}" for one in verify(stored, exam.settings.clips_dir).findings if one.kind == "conclusion"]

    assert found() == []
    conclusions = stored["conclusions"]
    conclusions.update_one({"_id": SESSION}, {"$set": {"conclusion": "no_finding"}})
    assert found() == ["conclusion: altered: what stands is not what its last act says"]
    conclusions.update_one({"_id": SESSION}, {"$set": {"history.0.by": BEN}})
    assert found() == ["conclusion: altered"]
    conclusions.delete_one({"_id": SESSION})
    assert found() == ["conclusion: 3 acts are noted in the audit, 0 are stored"]


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("change", [{"second.by": CY}, {"second.agrees": False}, {"second": None}, {"at": LONG_AGO}, {"second.at": LONG_AGO}])
def test_who_agreed_and_when_it_was_concluded_are_what_the_acts_say(
    client: FlaskClient, four_eyes: Parts, stored: Any, change: dict[str, Any]
) -> None:
    acting = Acting(client)
    assert (acting.conclude().status_code, acting.second(agrees=True, by=BEN).status_code) == (200, 200)
    assert four_eyes.database.flush(10)

    def found() -> list[str]:
        return [one.wrong for one in verify(stored, four_eyes.settings.clips_dir).findings if one.kind == "conclusion"]

    assert found() == []
    stored["conclusions"].update_one({"_id": SESSION}, {"$set": change})
    assert found() == ["altered: what stands is not what its last act says"]


# Who may


def test_proctors_read_it_and_teachers_conclude_under_their_own_name(make_app: MakeApp) -> None:
    app: Flask = make_app(proctor_password="correct horse battery staple")
    parts = parts_of(app)
    store_exam(parts.database, parts.settings.clips_dir, SESSION)
    proctor, teacher = someone(app, "pat@uni.example", "proctor"), someone(app, "tea@uni.example", "teacher", name="Tea Cher")
    path, body = f"/api/session/{SESSION}/conclusion", {"conclusion": "no_finding", "revision": 0, "by": "somebody else"}
    assert proctor.get(path).get_json()["may_conclude"] is False
    assert proctor.post(path, **body).status_code == 403
    assert proctor.get(f"/api/exams/{exam_key('e')}/results").status_code == 403
    assert proctor.post(f"/api/exams/{exam_key('e')}/results/no_finding", act="conclude", by="x").status_code == 403
    answer = teacher.post(path, **body)
    assert (answer.status_code, answer.get_json()["conclusion"]["by"]) == (200, "Tea Cher")
    assert teacher.get(f"/api/exams/{exam_key('e')}/results").status_code == 200
