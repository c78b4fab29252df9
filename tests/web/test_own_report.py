"""A student's own report: opened by its link and no other, answers that reviewers read, and a request for a new look."""

from __future__ import annotations

import csv
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from basics.errors import Conflict
from basics.times import utc_now
from records.conclusions import Person
from records.exams import exam_key
from records.reviews import Reviews
from records.student_answers import LINKS_MAX, OWN_LINKS_MAX, StudentAnswers
from records.verification import verify
from records.verified import Finding
from tests.helpers.callers import token
from tests.helpers.evidence import CLIP, store_exam
from tests.helpers.web import error_of
from web.parts import Parts
from web.student.own_report import GUESSES

SESSION, OTHER = "b" * 32, "c" * 32
FLAG = f"{SESSION}-1"
REPORT = "/api/student/report"


@pytest.fixture
def stored(client: FlaskClient, parts: Parts) -> Parts:
    store_exam(parts.database, parts.settings.clips_dir, SESSION)
    store_exam(parts.database, parts.settings.clips_dir, OTHER, "bob")
    violation = {"kind": "prohibited_object", "start": 31.0, "end": 43.0, "points": 10, "occurrences": 1, "evidence": {"seconds": 12.0}}
    assert parts.database.write("intervals", FLAG, {"violations": [violation], "closed": True}).wait(10)
    assert all(parts.database.write("intervals", f"{SESSION}-{index}", {"closed": True}).wait(10) for index in (0, 2))
    define(client)
    return parts


def define(client: FlaskClient, **more: Any) -> None:
    wanted = {"exam_id": "e", "title": "Algebra", "student_report": "at_once", "student_clips": True, **more}
    before = client.get(f"/api/exams/{exam_key('e')}").get_json()
    if before.get("exam"):
        answer = client.put(f"/api/exams/{exam_key('e')}", json={**wanted, "revision": before["exam"]["revision"]})
    else:
        answer = client.post("/api/exams", json=wanted)
    assert answer.status_code == 200, answer.data


def link_to(client: FlaskClient, session_id: str = SESSION) -> dict[str, str]:
    answer = client.post(f"/api/session/{session_id}/student-report", json={"by": "Ada"})
    assert answer.status_code == 200, answer.data
    return {"Authorization": f"Bearer {answer.get_json()['token']}"}


def conclude(parts: Parts, at: Any = None, **more: Any) -> None:
    made = {"session_id": SESSION, "exam_id": "e", "conclusion": "finding", "reason": "A phone.", "by": "Ada", "at": at or utc_now()}
    assert parts.database.write("conclusions", SESSION, {**made, "state": "concluded", "second": None, **more}).wait(10)


def report(client: FlaskClient, headers: dict[str, str]) -> dict[str, Any]:
    answer = client.get(REPORT, headers=headers)
    assert answer.status_code == 200, answer.data
    told: dict[str, Any] = answer.get_json()
    return told


def test_a_link_opens_the_own_report_and_nothing_else(client: FlaskClient, stored: Parts) -> None:
    headers = link_to(client)
    told = report(client, headers)
    assert (told["user_id"], told["title"], told["conclusion"], told["new_look_until"]) == ("ann", "Algebra", None, None)
    (flag,) = told["flags"]
    assert (flag["video_id"], flag["points"], flag["decision"], flag["may_answer"]) == (FLAG, 10, "confirmed", True)
    assert "phone" in flag["why"][0].lower()
    assert list(told["points"].values()) == [10]
    assert "ben" not in client.get(REPORT, headers=headers).get_data(as_text=True)  # who decided, and who set accommodations
    assert error_of(client.post(f"{REPORT}/answers/{OTHER}-1", json={"text": "no"}, headers=headers), 404)["field"] == "video_id"
    with stored.database.reading():
        (kept,) = stored.database.collection("student_reports").find()
    assert headers["Authorization"].removeprefix("Bearer ") not in str(kept)
    assert kept["opened_at"] is not None


def test_a_link_ends_when_it_is_ended_or_too_old_and_guessing_is_slow(client: FlaskClient, stored: Parts) -> None:
    headers = link_to(client)
    assert client.delete(f"/api/session/{SESSION}/student-report").get_json()["ended"] == 1
    error_of(client.get(REPORT, headers=headers), 401)
    headers = link_to(client)
    with stored.database.reading():
        stored.database.collection("student_reports").update_many({}, {"$set": {"until": utc_now() - timedelta(seconds=1)}})
    error_of(client.get(REPORT, headers=headers), 401)
    error_of(client.get(REPORT), 401)
    for _number in range(GUESSES):
        client.get(REPORT, headers={"Authorization": "Bearer sr_guess"})
    error_of(client.get(REPORT, headers={"Authorization": "Bearer sr_guess"}), 429)


def test_who_reads_again_and_again_fills_no_audit(client: FlaskClient, stored: Parts) -> None:
    headers = link_to(client)
    for number in range(3):
        client.set_cookie("made_up", str(number))
        report(client, headers)
    assert stored.database.flush(10)
    assert [entry["what"] for entry in stored.database.audit_entries()].count("own report: read") == 1


def test_who_marked_a_moment_and_why_is_not_told(client: FlaskClient, stored: Parts) -> None:
    mark = {"kind": "proctor_mark", "start": 61.0, "end": 61.0, "points": 0, "evidence": {"marks": [{"by": "Ben Secret", "note": "that again"}]}}
    assert stored.database.write("intervals", f"{SESSION}-2", {"marked": True, "violations": [mark]}).wait(10)
    headers = link_to(client)
    assert report(client, headers)["flags"][1]["why"] == ["Marked by a proctor"]
    told = client.get(REPORT, headers=headers).get_data(as_text=True)
    assert "Secret" not in told
    assert "that again" not in told


def test_links_are_bounded_and_the_students_own_take_no_proctors_room(client: FlaskClient, stored: Parts) -> None:
    own = {"Authorization": f"Bearer {stored.access.make_student_token(SESSION)}"}
    for _number in range(OWN_LINKS_MAX):
        assert client.post(f"{REPORT}/link", headers=own).status_code == 200
    error_of(client.post(f"{REPORT}/link", headers=own), 409)
    for _number in range(LINKS_MAX - OWN_LINKS_MAX):
        link_to(client)
    error_of(client.post(f"/api/session/{SESSION}/student-report", json={}), 409)


def test_a_whole_exam_gets_its_links_as_a_table(client: FlaskClient, stored: Parts) -> None:
    answer = client.post(f"/api/exams/{exam_key('e')}/student-reports", json={})
    head, *lines = csv.reader(answer.get_data(as_text=True).lstrip("\ufeff").splitlines())
    assert head == ["user_id", "session_id", "started_at", "link", "until", "unreadable"]
    assert sorted(line[0] for line in lines) == ["ann", "bob"]
    tokens = {line[1]: line[3].partition("#t=")[2] for line in lines}
    assert report(client, {"Authorization": f"Bearer {tokens[OTHER]}"})["user_id"] == "bob"
    assert stored.database.write("sessions", OTHER, {"started_at": "x"}).wait(10)
    answer = client.post(f"/api/exams/{exam_key('e')}/student-reports", json={})
    lines = list(csv.reader(answer.get_data(as_text=True).lstrip("\ufeff").splitlines()))
    assert [(line[2], line[5]) for line in lines if line[1] == OTHER] == [("", "started_at")]


def test_the_exam_says_when_the_report_opens(client: FlaskClient, stored: Parts) -> None:
    headers = link_to(client)
    define(client, student_report="off")
    assert error_of(client.get(REPORT, headers=headers), 403)["reason"] == "off"
    error_of(client.post(f"/api/session/{SESSION}/student-report", json={}), 409)
    define(client, student_report="concluded")
    assert error_of(client.get(REPORT, headers=headers), 403)["reason"] == "later"
    conclude(stored, state="proposed")
    error_of(client.get(REPORT, headers=headers), 403)
    conclude(stored)
    assert report(client, headers)["conclusion"]["conclusion"] == "finding"
    assert stored.database.write("sessions", SESSION, {"state": "running"}).wait(10)
    assert error_of(client.get(REPORT, headers=headers), 403)["reason"] == "running"


def test_an_answer_is_read_before_the_decision_and_one_that_came_after_is_told(client: FlaskClient, stored: Parts) -> None:
    headers = link_to(client)
    assert client.post(f"{REPORT}/answers/{FLAG}", json={"text": "  <b>My calculator</b>\nlay there. "}, headers=headers).status_code == 200
    (item,) = client.get("/api/review/queue?state=answered").get_json()["items"]  # it was confirmed before
    assert (item["video_id"], item["answer"]["text"], item["review"]["answered_since"]) == (FLAG, "<b>My calculator</b>\nlay there.", True)
    intervals = client.get(f"/api/session/{SESSION}/details").get_json()["intervals"]
    assert [one["answer"] and one["answer"]["text"][:3] for one in intervals] == [None, "<b>", None]
    assert client.post(f"{REPORT}/answers/{FLAG}", json={"text": "My calculator."}, headers=headers).status_code == 200  # nobody has read it yet
    assert client.post(f"/api/review/{FLAG}", json={"decision": "dismissed", "reason": "device", "by": "Ada"}).status_code == 200
    assert client.get("/api/review/queue?state=answered").get_json()["items"] == []
    assert report(client, headers)["flags"][0]["may_answer"] is False
    assert error_of(client.post(f"{REPORT}/answers/{FLAG}", json={"text": "Or was it?"}, headers=headers), 409)["reason"] == "decided"
    error_of(client.post(f"{REPORT}/answers/{FLAG}", json={"text": "x" * 2001}, headers=headers), 422)
    error_of(client.post(f"{REPORT}/answers/{FLAG}", json={"text": " "}, headers=headers), 422)


def test_a_flag_is_decided_with_the_answer_before_the_eyes_or_not_at_all(client: FlaskClient, stored: Parts) -> None:
    headers = link_to(client)
    told: list[tuple[str, Any]] = []

    def give(text: str) -> None:
        assert client.post(f"{REPORT}/answers/{FLAG}", json={"text": text}, headers=headers).status_code == 200

    def decide(decision: str | None = "confirmed", **more: Any) -> Any:
        return client.post(f"/api/review/{FLAG}", json={"decision": decision, "by": "Ada", **more})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "live", SimpleNamespace(announce=lambda event, payload, _exam_id: told.append((event, payload))))
        give("My calculator.")
    assert told == [("answer_given", {"session_id": SESSION})]
    error = error_of(decide(answered_at=None), 409)
    assert (error["reason"], error["answer"]["text"]) == ("answered", "My calculator.")
    give("My calculator, which is allowed.")
    error = error_of(decide(answered_at=error["answer"]["at"]), 409)
    assert error["answer"]["text"] == "My calculator, which is allowed."
    assert len(client.get(f"/api/review/{FLAG}/history").get_json()["history"]) == 1
    assert report(client, headers)["flags"][0]["may_answer"] is True
    assert decide(answered_at=error["answer"]["at"]).status_code == 200
    assert report(client, headers)["flags"][0]["may_answer"] is False
    assert decide(None).status_code == 200, "what is taken back needs no answer"


def test_an_answer_of_the_very_moment_of_a_decision_is_not_passed_over(client: FlaskClient, stored: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = link_to(client)
    stand = Reviews._stand
    with stored.database.reading():
        stored.database.collection("reviews").delete_many({})
        stored.database.collection("intervals").update_one({"_id": FLAG}, {"$unset": {"review": 1}})

    def then_an_answer(self: Reviews, *args: Any) -> None:
        monkeypatch.setattr(Reviews, "_stand", stand)
        assert client.post(f"{REPORT}/answers/{FLAG}", json={"text": "My calculator."}, headers=headers).status_code == 200
        stand(self, *args)

    monkeypatch.setattr(Reviews, "_stand", then_an_answer)
    assert stored.reviews.decide(FLAG, "confirmed", by="Ada", answer_seen=None)["answered_since"] is True
    assert report(client, headers)["flags"][0]["may_answer"] is True
    stored.reviews.decide(FLAG, "confirmed", by="Ben")  # who says nothing of what was seen has seen it
    assert client.post(f"{REPORT}/answers/{FLAG}", json={"text": "A calculator."}, headers=headers).status_code == 409
    stored.reviews.answered(FLAG)
    assert stored.reviews.decide(FLAG, None, by="Ben")["answered_since"] is True, "nobody has read it by taking something back"


def test_answers_change_no_sealed_record(client: FlaskClient, stored: Parts) -> None:
    def altered() -> list[Finding]:
        assert stored.database.flush(10)
        with stored.database.reading():
            return verify(stored.database.collection("audit").database, stored.settings.clips_dir).findings

    before = altered()
    assert client.post(f"{REPORT}/answers/{FLAG}", json={"text": "A calculator."}, headers=link_to(client)).status_code == 200
    assert altered() == before


def test_an_answer_or_a_request_that_was_altered_is_named(client: FlaskClient, stored: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = link_to(client)
    for text in ("A pen.", "A calculator."):
        assert client.post(f"{REPORT}/answers/{FLAG}", json={"text": text}, headers=headers).status_code == 200
    conclude(stored)
    assert client.post(f"{REPORT}/new-look", json={"reason": "Look again."}, headers=headers).status_code == 200
    assert client.post(f"/api/session/{SESSION}/new-look", json={"text": "It stays.", "by": "Ada"}).status_code == 200
    assert stored.database.flush(10)
    monkeypatch.setattr("records.verification_answers.YOUNG", timedelta(0))
    with stored.database.reading():
        database = stored.database.collection("audit").database

    def altered() -> list[str]:
        return [one.which for one in verify(database, stored.settings.clips_dir).findings if one.kind == "answer"]

    assert altered() == []
    changes = (("new_looks", "reason", SESSION), ("new_looks", "done.text", SESSION), ("student_answers", "text", FLAG))
    for collection, name, which in changes:
        before = database[collection].find_one()
        assert before is not None
        database[collection].update_one({}, {"$set": {name: "A pen."}})
        assert altered() == [which], name
        database[collection].replace_one({"_id": before["_id"]}, before)
    database.student_answers.delete_many({})
    assert altered() == [FLAG]


def test_no_finding_is_concluded_before_the_student_could_answer(client: FlaskClient, stored: Parts) -> None:
    may = stored.answers.may_conclude
    assert may(SESSION) is None
    define(client, student_report="off", answer_first=True)
    assert "link" in (may(SESSION) or "")
    headers = link_to(client)
    assert "until" in (may(SESSION) or "")
    with stored.database.reading():
        before = utc_now() - timedelta(days=stored.settings.answer_days, seconds=1)
        stored.database.collection("student_reports").update_many({}, {"$set": {"made_at": before}})
    assert may(SESSION) is None
    headers = link_to(client)
    with stored.database.reading():
        stored.database.collection("student_reports").update_many({}, {"$set": {"made_at": utc_now()}})
    assert may(SESSION) is not None
    assert client.post(f"{REPORT}/nothing", headers=headers).status_code == 200
    assert may(SESSION) is None
    assert report(client, headers)["nothing_to_add"] is True
    assert stored.database.delete("student_answers", SESSION).wait(10)
    assert may(SESSION) is not None
    client.post(f"{REPORT}/answers/{FLAG}", json={"text": "A calculator."}, headers=headers)
    assert may(SESSION) is None


def test_nothing_to_add_is_said_of_what_is_flagged_and_of_nothing_later(client: FlaskClient, stored: Parts) -> None:
    define(client, answer_first=True)
    headers, may = link_to(client), stored.answers.may_conclude
    with stored.database.reading():
        before = utc_now() - timedelta(days=stored.settings.answer_days, seconds=1)
        stored.database.collection("student_reports").update_many({}, {"$set": {"made_at": before}})
    assert client.post(f"{REPORT}/nothing", headers=headers).status_code == 200
    assert (report(client, headers)["nothing_to_add"], report(client, headers)["may_say_nothing"]) == (True, False)
    later = {"flagged": True, "flagged_at": utc_now() - timedelta(hours=1)}  # the session went on
    assert stored.database.write("intervals", f"{SESSION}-2", later).wait(10)
    assert "until" in (may(SESSION) or ""), "the days count from what is flagged last, whenever the first link was made"
    assert (report(client, headers)["nothing_to_add"], report(client, headers)["may_say_nothing"]) == (False, True)
    side = client.get(f"/api/session/{SESSION}/student-side").get_json()
    assert (side["nothing_to_add"], side["flags"]) == (False, 2)
    assert client.post(f"{REPORT}/nothing", headers=headers).status_code == 200
    assert may(SESSION) is None


def test_a_finding_waits_and_no_finding_does_not(client: FlaskClient, stored: Parts) -> None:
    define(client, answer_first=True)
    ada = Person("Ada")
    with pytest.raises(Conflict) as caught:
        stored.conclusions.conclude(SESSION, "finding", person=ada, reason="A phone.", revision=0, four_eyes=False)
    assert caught.value.details["reason"] == "not_yet"
    client.post(f"{REPORT}/nothing", headers=link_to(client))
    made = stored.conclusions.conclude(SESSION, "finding", person=ada, reason="A phone.", revision=0, four_eyes=False)
    told = report(client, link_to(client))
    assert (told["conclusion"]["conclusion"], told["conclusion"]["reason"], told["may_ask_new_look"]) == ("finding", "A phone.", True)
    assert "Ada" not in str(told)
    stored.conclusions.withdraw(SESSION, person=ada, reason="Not so.", revision=made.revision)
    assert report(client, link_to(client))["conclusion"] is None


def test_a_new_look_is_asked_for_once_and_in_time(client: FlaskClient, stored: Parts) -> None:
    headers = link_to(client)
    ask = {"json": {"reason": "It was my calculator."}, "headers": headers}
    assert error_of(client.post(f"{REPORT}/new-look", **ask), 409)["reason"] == "open"
    conclude(stored, at=utc_now() - timedelta(days=stored.settings.new_look_days, seconds=1))
    assert error_of(client.post(f"{REPORT}/new-look", **ask), 409)["reason"] == "late"
    conclude(stored)
    assert report(client, headers)["may_ask_new_look"] is True
    assert client.post(f"{REPORT}/new-look", **ask).status_code == 200
    assert error_of(client.post(f"{REPORT}/new-look", **ask), 409)["reason"] == "asked"
    assert error_of(client.post(f"{REPORT}/answers/{FLAG}", json={"text": "late"}, headers=headers), 409)["reason"] == "concluded"
    (line,) = client.get("/api/new-looks").get_json()["new_looks"]
    assert (line["session_id"], line["user_id"], line["reason"]) == (SESSION, "ann", "It was my calculator.")
    answered = client.post(f"/api/session/{SESSION}/new-look", json={"text": "We looked again.", "by": "Ada"}).get_json()
    assert answered["new_look"]["answered_by"] == "Ada"
    error_of(client.post(f"/api/session/{SESSION}/new-look", json={"text": "Again.", "by": "Ada"}), 409)
    told = report(client, headers)["new_look"]
    assert (told["state"], told["answer"]) == ("done", "We looked again.")
    assert client.get("/api/new-looks").get_json()["count"] == 0


def test_a_new_conclusion_may_be_looked_at_anew_and_what_was_asked_before_stays(client: FlaskClient, stored: Parts) -> None:
    headers = link_to(client)

    def ask() -> int:
        return client.post(f"{REPORT}/new-look", json={"reason": "Look again."}, headers=headers).status_code

    def say(text: str) -> Any:
        return client.post(f"/api/session/{SESSION}/new-look", json={"text": text, "by": "Ada"})

    conclude(stored)
    assert ask() == 200
    another = StudentAnswers(stored.database, stored.reviews, lambda _exam_id: None, stored.settings)
    looked = StudentAnswers.new_look

    def then_another_server(self: StudentAnswers, session_id: str) -> Any:
        found = looked(self, session_id)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(StudentAnswers, "new_look", looked)
            another.close_new_look(SESSION, "A phone all the same.", "Ben")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StudentAnswers, "new_look", then_another_server)
        with pytest.raises(Conflict, match="answered this request already"):
            stored.answers.close_new_look(SESSION, "Nothing.", "Ada")
    assert report(client, headers)["new_look"]["answer"] == "A phone all the same."
    assert (ask(), report(client, headers)["may_ask_new_look"]) == (409, False)
    conclude(stored, conclusion="retake")
    assert report(client, headers)["may_ask_new_look"] is True
    assert (ask(), ask()) == (200, 409)
    assert [one["session_id"] for one in client.get("/api/new-looks").get_json()["new_looks"]] == [SESSION]
    assert say("We looked.").status_code == 200
    done = client.get("/api/new-looks?state=done&limit=1").get_json()
    (first,) = client.get(f"/api/new-looks?state=done&after={done['next_after']}").get_json()["new_looks"]
    assert (done["new_looks"][0]["answer"], first["answer"]) == ("We looked.", "A phone all the same.")


def test_a_token_that_only_reads_answers_no_request_and_makes_no_link(client: FlaskClient, stored: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = link_to(client)
    conclude(stored)
    client.post(f"{REPORT}/new-look", json={"reason": "Look again."}, headers=headers)
    monkeypatch.setattr(stored.access, "caller_of", lambda _request: token("read"))
    assert client.get("/api/new-looks").get_json()["count"] == 1
    error_of(client.post(f"/api/session/{SESSION}/new-look", json={"text": "Done.", "by": "A script"}), 403)
    error_of(client.post(f"/api/session/{SESSION}/student-report", json={}), 403)
    error_of(client.post(f"/api/exams/{exam_key('e')}/student-reports", json={}), 403)


def test_own_clips_are_watched_in_ranges_where_the_exam_allows(client: FlaskClient, stored: Parts) -> None:
    headers = link_to(client)
    address = report(client, headers)["flags"][0]["clip_url"]
    with client.get(address, headers={"Range": "bytes=0-9"}) as answer:
        assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (206, CLIP[:10], "no-store, private")
    error_of(client.get(address[:-3] + "abc"), 404)
    client.delete(f"/api/session/{SESSION}/student-report")
    error_of(client.get(address), 401)
    define(client, student_clips=False)
    assert report(client, link_to(client))["flags"][0]["clip_url"] is None


def test_the_students_own_session_leads_to_the_report(client: FlaskClient, stored: Parts) -> None:
    own = {"Authorization": f"Bearer {stored.access.make_student_token(SESSION)}"}
    assert client.get("/api/student/session", headers=own).get_json()["report_open"] is True
    made = client.post(f"{REPORT}/link", headers=own).get_json()
    assert made["url"].partition("/report#t=")[2] == made["token"]
    assert report(client, {"Authorization": f"Bearer {made['token']}"})["session_id"] == SESSION
    assert report(client, own)["session_id"] == SESSION


def test_everything_goes_with_the_session_and_into_the_package(client: FlaskClient, stored: Parts) -> None:
    from records.package_contents import Reads

    headers = link_to(client)
    client.post(f"{REPORT}/answers/{FLAG}", json={"text": "A calculator."}, headers=headers)
    conclude(stored)
    client.post(f"{REPORT}/new-look", json={"reason": "Look again."}, headers=headers)
    reads = Reads(stored.database, stored.files, lambda *_args: b"")
    assert [row["text"] for row in reads.records("student_answers", SESSION)] == ["A calculator."]
    assert [row["reason"] for row in reads.records("new_looks", SESSION)] == ["Look again."]
