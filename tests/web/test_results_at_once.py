"""Concluding and agreeing to all at once, what others do meanwhile, and what is noted of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from basics.times import utc_now
from records import conclusions as conclusions_module
from records.conclusions import Conclusions, Person
from records.results import Results
from scoring.exam import ExamDefinition
from tests.helpers.concluding import ADA, BEN, CY, OTHER, SESSION, Acting, at_once, kept_of, results, set_flags, two_sessions, with_four_eyes
from tests.helpers.web import error_of
from web.parts import Parts


@pytest.fixture
def exam(parts: Parts) -> Parts:
    return two_sessions(parts)


@pytest.fixture
def four_eyes(exam: Parts) -> Parts:
    return with_four_eyes(exam)


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


def test_a_session_of_which_somebody_asks_who_took_it_is_looked_at_by_itself(client: FlaskClient, exam: Parts) -> None:
    set_flags(exam, OTHER, "dismissed")
    assert results(client)["at_once"]["conclude"] == 1
    exam.database.write("identity", OTHER, {"exam_id": "e", "decision": {"decision": "queried"}}).wait(10)
    assert exam.database.flush(10)
    assert results(client)["at_once"]["conclude"] == 0
    assert at_once(client, "conclude").get_json()["done"] == 0
    exam.database.write("identity", OTHER, {"decision": {"decision": "accepted"}}).wait(10)
    assert exam.database.flush(10)
    assert results(client)["at_once"]["conclude"] == 1


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


def test_what_somebody_acts_on_while_many_are_agreed_to_or_concluded_is_left(
    client: FlaskClient, four_eyes: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for session_id in (SESSION, OTHER):
        set_flags(four_eyes, session_id, "dismissed")
    assert at_once(client, "conclude").get_json()["done"] == 2
    conclusions, of_exam = four_eyes.conclusions, Results.of_exam

    def then(act: Callable[[], object]) -> None:
        """Somebody acts in the moment after the many were chosen."""

        def chosen(self: Results, exam_id: str) -> Any:
            rows = of_exam(self, exam_id)
            act()
            return rows

        monkeypatch.setattr(Results, "of_exam", chosen)

    def find() -> None:
        conclusions.withdraw(SESSION, person=Person(CY), reason="a phone", revision=1)
        conclusions.conclude(SESSION, "finding", person=Person(CY), reason="a phone", revision=2, four_eyes=True)

    def contest() -> None:
        set_flags(four_eyes, OTHER, "confirmed")
        conclusions.conclude(SESSION, "no_finding", person=Person(ADA), reason="", revision=4, four_eyes=True)
        conclusions.second(SESSION, person=Person(BEN), agrees=False, reason="a phone", revision=5)

    then(find)
    assert at_once(client, "agree", BEN).get_json() == {"success": True, "done": 1, "left": 1, "not_begun": 0}
    assert (kept_of(four_eyes, SESSION).state, kept_of(four_eyes, OTHER).state) == ("proposed", "concluded"), "a finding that nobody agreed to"
    conclusions.withdraw(SESSION, person=Person(CY), reason="anew", revision=3)
    conclusions.withdraw(OTHER, person=Person(CY), reason="anew", revision=2)
    then(contest)
    assert at_once(client, "conclude", CY).get_json()["done"] == 0, "one is contested, and of the other a flag is confirmed"
    assert (kept_of(four_eyes, SESSION).state, kept_of(four_eyes, OTHER).state) == ("contested", "withdrawn")


def test_an_act_is_noted_as_itself_whoever_acts_in_the_next_moment(client: FlaskClient, four_eyes: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = conclusions_module._changed

    def and_another(*args: Any) -> Any:
        done = changed(*args)
        monkeypatch.setattr(conclusions_module, "_changed", changed)
        four_eyes.conclusions.second(SESSION, person=Person(BEN), agrees=True, revision=1)
        return done

    monkeypatch.setattr(conclusions_module, "_changed", and_another)
    assert Acting(client).conclude().get_json()["conclusion"]["state"] == "proposed"
    assert four_eyes.database.flush(10)
    (noted,) = [entry for entry in four_eyes.database.audit_entries() if entry["what"].startswith("conclusion")]
    assert (noted["what"], noted["who"], noted["revision"]) == ("conclusion: concluded", ADA, 1)
    assert [act["act"] for act in kept_of(four_eyes, SESSION).history] == ["concluded", "agreed"]


def test_what_a_proctor_marked_is_a_flag_to_whoever_concludes(client: FlaskClient, exam: Parts) -> None:
    for session_id in (SESSION, OTHER):
        set_flags(exam, session_id, "dismissed")
    mark = {"session_id": OTHER, "exam_id": "e", "user_id": "bob", "index": 2, "score": 0, "flagged": False, "marked": True, "flagged_at": utc_now()}
    assert exam.database.write("intervals", f"{OTHER}-2", mark).wait(10)
    assert {row["session_id"]: row["flags"]["open"] for row in results(client)["results"]} == {SESSION: 0, OTHER: 1}
    assert at_once(client, "conclude").get_json()["done"] == 1
    assert exam.conclusions.kept(OTHER) is None
    assert error_of(Acting(client, OTHER).conclude("no_finding"), 409)["open_flags"] == 1
    listed = {line["session_id"]: line["decisions"] for line in client.get("/api/sessions").get_json()["sessions"]}
    assert listed[OTHER] == {"dismissed": 1, "open": 1}
    exam.reviews.decide(f"{OTHER}-2", "confirmed", by=BEN)
    (ben,) = [row for row in exam.results.people_of("e") if row["by"] == BEN]
    assert ben["confirmed"] == 1


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
