"""An exam's results, and what people conclude about its sessions: by whom, when, what stands after it, and that it can be proven."""

from __future__ import annotations

import io
import json
import time
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
from records import verification
from records.conclusions import HISTORY_MAX, Conclusion, Conclusions, Person
from records.exams import exam_key
from records.results import Column
from records.verification import verify
from scoring.exam import ExamDefinition
from tests.helpers.evidence import store_exam
from tests.helpers.people import someone
from tests.helpers.web import MakeApp, error_of
from web.parts import Parts, parts_of

SESSION, OTHER = "b" * 32, "c" * 32
ADA, BEN, CY = "Ada Byron", "Ben Okri", "Cy Young"
LATER = timedelta(minutes=5)


@pytest.fixture
def exam(parts: Parts) -> Parts:
    """Two sessions of the exam `e`, that nobody defined; each has a flag that is confirmed."""
    store_exam(parts.database, parts.settings.clips_dir, SESSION)
    store_exam(parts.database, parts.settings.clips_dir, OTHER, "bob")
    return parts


@pytest.fixture
def four_eyes(exam: Parts) -> Parts:
    """The same, defined, and a conclusion needs a second person."""
    exam.exams.make(ExamDefinition(exam_id="e", title="Ethics", four_eyes=True), "test")
    exam.people.exams_changed()
    return exam


class Acting:
    """Acts on one session's conclusion, each from what stands."""

    def __init__(self, client: FlaskClient, session_id: str = SESSION) -> None:
        self._client, self._path = client, f"/api/session/{session_id}/conclusion"

    def stands(self) -> dict[str, Any]:
        answer = self._client.get(self._path)
        assert answer.status_code == 200, answer.data
        return dict(answer.get_json())

    def act(self, path: str = "", **body: Any) -> Any:
        return self._client.post(self._path + path, json={"by": ADA, "revision": self.stands()["revision"], "reason": "as the clips show", **body})

    def conclude(self, conclusion: str = "finding", **body: Any) -> Any:
        return self.act(conclusion=conclusion, **body)

    def second(self, *, agrees: bool, **body: Any) -> Any:
        return self.act("/second", agrees=agrees, **body)

    def withdraw(self, **body: Any) -> Any:
        return self.act("/withdraw", **body)


@pytest.fixture
def acting(client: FlaskClient, exam: Parts) -> Acting:
    assert exam
    return Acting(client)


def results(client: FlaskClient, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/api/exams/{exam_key('E')}/results{query}")
    assert answer.status_code == 200, answer.data
    return dict(answer.get_json())


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


# All at once


def set_flags(exam: Parts, session_id: str, state: str) -> None:
    with exam.database.reading():
        exam.database.collection("intervals").update_many({"session_id": session_id, "flagged": True}, {"$set": {"review.state": state}})


def at_once(client: FlaskClient, act: str, by: str = ADA, reason: str = "") -> Any:
    return client.post(f"/api/exams/{exam_key('e')}/results/no_finding", json={"act": act, "by": by, "reason": reason})


def test_all_that_nobody_has_to_look_at_are_concluded_in_one_act(client: FlaskClient, exam: Parts) -> None:
    assert results(client)["at_once"] == {"conclude": 0, "agree": 0, "unwatched": 0, "not_begun": 0}, "their flags are confirmed"
    set_flags(exam, OTHER, "dismissed")
    part = {"of_s": 90, "unread_s": 60, "reasons": {"dark": 60}}
    exam.database.write("sessions", OTHER, {"unread": {"gaze": part, "people": part, "sound": part}}).wait(10)
    assert results(client)["at_once"] == {"conclude": 0, "agree": 0, "unwatched": 1, "not_begun": 0}
    exam.database.write("sessions", OTHER, {"unread": None, "state": "running"}).wait(10)
    assert results(client)["at_once"]["conclude"] == 0
    exam.database.write("sessions", OTHER, {"state": "ended"}).wait(10)
    assert results(client)["at_once"]["conclude"] == 1
    assert at_once(client, "conclude", reason="nothing was flagged").get_json() == {"success": True, "done": 1, "left": 0, "not_begun": 0}
    assert at_once(client, "conclude").get_json()["done"] == 0
    made = kept_of(exam, OTHER)
    assert (made.conclusion, made.state, made.by, made.reason) == ("no_finding", "concluded", ADA, "nothing was flagged")
    assert exam.conclusions.kept(SESSION) is None, "a confirmed flag is thought about by itself"
    assert exam.database.flush(10)
    assert [entry["session_id"] for entry in exam.database.audit_entries() if entry["what"] == "conclusion: concluded"] == [OTHER]


def test_a_session_whose_student_never_came_is_not_concluded_with_the_others(client: FlaskClient, four_eyes: Parts) -> None:
    for session_id in (SESSION, OTHER):
        set_flags(four_eyes, session_id, "dismissed")
    four_eyes.database.write("sessions", OTHER, {"begun": False}).wait(10)
    assert results(client)["at_once"] == {"conclude": 1, "agree": 0, "unwatched": 0, "not_begun": 1}
    assert {row["session_id"]: row["begun"] for row in results(client)["results"]} == {SESSION: True, OTHER: False}
    assert at_once(client, "conclude").get_json() == {"success": True, "done": 1, "left": 0, "not_begun": 1}
    assert four_eyes.conclusions.kept(OTHER) is None
    assert Acting(client, OTHER).conclude("no_finding").status_code == 200, "one by one it can be"
    assert at_once(client, "agree", BEN).get_json() == {"success": True, "done": 1, "left": 0, "not_begun": 0}
    assert (kept_of(four_eyes, SESSION).state, kept_of(four_eyes, OTHER).state) == ("concluded", "proposed")


def test_a_second_person_agrees_to_all_in_one_act_and_the_first_does_not(client: FlaskClient, four_eyes: Parts) -> None:
    for session_id in (SESSION, OTHER):
        set_flags(four_eyes, session_id, "dismissed")
    Acting(client).conclude("finding")
    assert at_once(client, "conclude").get_json()["done"] == 1
    assert at_once(client, "agree").get_json()["done"] == 0, "one's own"
    assert results(client)["at_once"]["agree"] == 1
    assert at_once(client, "agree", BEN).get_json() == {"success": True, "done": 1, "left": 0, "not_begun": 0}
    made = kept_of(four_eyes, OTHER)
    assert (made.state, made.second and made.second.by) == ("concluded", BEN)
    assert kept_of(four_eyes, SESSION).state == "proposed", "a finding is agreed to by itself"


def test_many_are_concluded_in_several_calls_and_one_that_changed_is_left(client: FlaskClient, exam: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    for session_id in (SESSION, OTHER):
        set_flags(exam, session_id, "dismissed")
    monkeypatch.setattr("web.proctor.results.AT_ONCE", 1)
    assert at_once(client, "conclude").get_json() == {"success": True, "done": 1, "left": 1, "not_begun": 0}
    conclude = Conclusions.conclude

    def too_late(self: Conclusions, session_id: str, *args: Any, **more: Any) -> Any:
        conclude(self, session_id, "retake", person=Person(BEN), reason="by another", revision=0, four_eyes=False)
        return conclude(self, session_id, *args, **more)

    monkeypatch.setattr(Conclusions, "conclude", too_late)
    assert at_once(client, "conclude").get_json() == {"success": True, "done": 0, "left": 1, "not_begun": 0}
    assert sorted(kept_of(exam, one).conclusion for one in (SESSION, OTHER)) == ["no_finding", "retake"]


def test_three_hundred_sessions_are_concluded_and_agreed_to_in_seconds(client: FlaskClient, parts: Parts) -> None:
    parts.exams.make(ExamDefinition(exam_id="e", title="Ethics", four_eyes=True), "test")
    ended = {"exam_id": "e", "state": "ended", "begun": True, "started_at": utc_now(), "ended_at": utc_now(), "total_score": 0}
    with parts.database.reading():
        parts.database.collection("sessions").insert_many([{"_id": f"{number:032x}", "user_id": f"s{number}", **ended} for number in range(300)])
    for act, by in (("conclude", ADA), ("agree", BEN)):
        began = time.monotonic()
        assert [at_once(client, act, by).get_json()["left"] for _call in range(2)] == [100, 0]
        print(f"{act}: {time.monotonic() - began:.1f} s")
    assert results(client)["sums"]["no_finding"] == 300


def kept_of(exam: Parts, session_id: str) -> Conclusion:
    found = exam.conclusions.kept(session_id)
    assert found is not None
    return found


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
    monkeypatch.setattr(verification, "utc_now", _later)


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
