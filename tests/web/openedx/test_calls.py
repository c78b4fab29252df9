"""What an Open edX asks here: its token, exams, attempts, onboarding, and who is erased; and what is refused."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from flask import Flask

from basics.times import utc_now
from records.edx_attempts import ONBOARDED_FOR, student_id_of
from tests.helpers.erasing import retention_of
from tests.helpers.openedx import ANN, BEN, COURSE, Edx
from tests.helpers.people import browser_of
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.integrations.openedx.exams import SLACK_MIN
from web.parts import parts_of


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(proctor_password=PASSWORD)


@pytest.fixture
def edx(app: Flask) -> Edx:
    return Edx(app)


def test_an_exam_is_taken_over_and_what_teachers_set_stays(app: Flask, edx: Edx) -> None:
    assert "calculator" in edx.ask("GET", "config/").get_json()["rules"]
    exam = edx.exam(rules={"calculator": True, "fly": True})
    exams = parts_of(app).exams
    ours = exams.get(parts_of(app).openedx.exams.get(edx.installation.id, exam).exam_id)  # type: ignore[union-attr]
    assert ours is not None
    said = ours.definition
    assert (said.title, said.course, said.place, said.length_min, ours.state) == ("Mid-term", COURSE, "tab", 90 + SLACK_MIN, "open")
    assert (said.allowed.calculator, said.allowed.phone) == (True, False)
    exams.save(ours.key, said.model_copy(update={"title": "By a teacher", "help_contact": "Room 7"}), revision=ours.revision, by="Ada")
    again = edx.ask("POST", f"exam/{exam}/", edx.told(external_id=exam, time_limit_mins=60, rules={"calculator": True}))
    assert again.get_json() == {"id": exam}
    now = exams.by_key(ours.key).definition
    assert (now.title, now.help_contact, now.length_min, now.allowed.calculator) == ("By a teacher", "Room 7", 60 + SLACK_MIN, True)
    assert edx.ask("POST", f"exam/{exam}/", edx.told(exam_name="Final", time_limit_mins=60)).status_code == 200
    assert exams.by_key(ours.key).definition.title == "Final"
    for name in (exam, "1"):
        assert edx.ask("GET", f"exam/{name}/").get_json()["rules"]["calculator"] is True
    assert error_of(edx.ask("GET", "exam/2/"), 404)["field"] == "exam"
    assert error_of(edx.ask("POST", f"exam/{exam}/", edx.told(content_id="another")), 409)["field"] == "content_id"
    assert edx.exam() == exam, "the same exam is the same"
    exams.begin_removal(ours.key)
    assert "being deleted" in error_of(edx.ask("POST", f"exam/{exam}/", edx.told()), 409)["message"]


def test_an_attempt_leads_its_student_in_and_what_open_edx_says_ends_it(app: Flask, edx: Edx) -> None:
    parts = parts_of(app)
    exam = edx.exam()
    first = edx.attempt(exam, time_limit_mins=120, review_policy_exception="Headphones are allowed")
    (row,) = parts.rosters.rows(parts.openedx.exams.get(edx.installation.id, exam).exam_key)  # type: ignore[union-attr]
    assert (row.user_id, row.name, row.email, row.extra_min) == (student_id_of(edx.installation.id, ANN), "Ann Lee", "ann@uni.example", 30)
    assert row.note == "Headphones are allowed"
    entered = edx.enter(exam, first).get_json()
    session = parts.monitor.get(entered["session_id"])
    assert session is not None
    assert edx.says(exam, first, "started").get_json() == {"status": "started"}
    session.begin()
    assert parts.monitor.get(session.session_id) is not None
    assert edx.says(exam, first, "submitted").get_json() == {"status": "submitted"}
    assert parts.monitor.get(session.session_id) is None
    assert edx.says(exam, first, "started").get_json() == {"status": "submitted"}, "what comes late changes nothing"
    assert parts.database.flush(10)
    assert error_of(edx.enter(exam, first), 409)["state"] == "ended"

    second = edx.attempt(exam)
    again = edx.enter(exam, second).get_json()["session_id"]
    assert again not in (None, session.session_id)
    edx.says(exam, first, "error")
    assert parts.monitor.get(again) is not None, "what is said of an attempt ends that one's session"
    link = edx.link(exam, second)
    assert edx.ask("DELETE", f"exam/{exam}/attempt/{second}/").get_json() == {"status": "deleted"}
    assert parts.monitor.get(again) is None
    assert edx.ask("DELETE", f"exam/{exam}/attempt/{second}/").get_json() == {"status": "deleted"}
    assert edx.ask("GET", f"exam/{exam}/attempt/{second}/").status_code == 404
    assert error_of(browser_of(app).post("/api/student/enter", json={"link": link}), 401)
    third = edx.attempt(exam)
    last = edx.enter(exam, third).get_json()["session_id"]
    parts.rosters.set_links(parts.rosters.rows(row.exam_key), "revoke")
    edx.ask("DELETE", f"exam/{exam}/attempt/{third}/")
    assert parts.monitor.get(last) is None
    assert edx.link(exam, edx.attempt(exam)) == "", "what a person here revoked stays so"


def test_two_installations_with_one_course_share_nothing(app: Flask, edx: Edx) -> None:
    other = Edx(app)
    mine, theirs = edx.exam(), other.exam()
    assert mine != theirs
    attempt = edx.attempt(mine)
    for method, path in (
        ("GET", f"exam/{mine}/"),
        ("POST", f"exam/{mine}/attempt/"),
        ("GET", f"exam/{mine}/attempt/{attempt}/"),
        ("GET", f"exam/{theirs}/attempt/{attempt}/"),
        ("PATCH", f"exam/{mine}/attempt/{attempt}/"),
    ):
        body = {"user_id": ANN} if method == "POST" else {"status": "error"} if method == "PATCH" else None
        assert error_of(other.ask(method, path, body), 404)
    other.ask("DELETE", f"exam/{mine}/attempt/{attempt}/")
    assert edx.ask("GET", f"exam/{mine}/attempt/{attempt}/").get_json()["status"] == "created"
    assert other.ask("POST", f"exam/{mine}/", other.told()).get_json() == {"id": theirs}
    assert student_id_of(edx.installation.id, ANN) != student_id_of(other.installation.id, ANN)


def test_what_is_no_token_of_an_installation_opens_nothing(
    app: Flask, edx: Edx, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = Edx(app)
    student = parts_of(app).access.make_student_token("0" * 32)
    for wrong in ("", "x", student, edx.token[:-2], edx.token + "A", "ü", "x" * 100_000, edx.secret, "e30.e30."):
        assert error_of(edx.ask("GET", "config/", token=wrong), 401)["field"] == "token"
    assert edx.client.get("/openedx/api/v1/config/").status_code == 401
    assert caplog.text.count("openedx: a call from") == 10
    assert edx.token[:-2] not in caplog.text
    tokens = parts_of(app).openedx.tokens
    monkeypatch.setattr(tokens, "_wall", lambda: time.time() + 700)
    assert "not good any more" in error_of(edx.ask("GET", "config/"), 401)["message"]
    monkeypatch.setattr(tokens, "_wall", lambda: time.time() - 3600)
    assert edx.ask("GET", "config/").status_code == 200, "the server's clock was set back, and Open edX keeps its token"
    monkeypatch.setattr(tokens, "_wall", time.time)

    installations = parts_of(app).openedx.installations
    _changed, edx.secret = installations.rotate(edx.installation.id)
    assert edx.ask("GET", "config/").status_code == 200, "the secret before is good for a day"
    with parts_of(app).database.reading():
        parts_of(app).database.collection("edx_installations").update_one({"_id": edx.installation.id}, {"$set": {"secrets.1.until": utc_now()}})
    assert error_of(edx.ask("GET", "config/"), 401)
    edx.token = edx.new_token().get_json()["access_token"]
    installations.change(edx.installation.id, enabled=False)
    assert error_of(edx.ask("GET", "config/"), 401)
    assert error_of(edx.new_token(), 401)
    assert other.ask("GET", "config/").status_code == 200


def test_secrets_are_not_guessed(edx: Edx) -> None:
    assert error_of(edx.new_token(grant_type="password"), 422)["field"] == "grant_type"
    for _try in range(20):
        assert error_of(edx.new_token(client_secret="wrong"), 401)["field"] == "client_secret"
    assert error_of(edx.new_token(), 429)


def test_what_is_wrong_is_refused_by_field(edx: Edx) -> None:
    exam = edx.exam()
    attempt = edx.attempt(exam)
    for status in ("verified", "", None, 7):
        assert error_of(edx.ask("PATCH", f"exam/{exam}/attempt/{attempt}/", {"status": status}), 422)["field"] == "status"
    for field, wrong in {"user_id": "../x", "time_limit_mins": -1, "status": "submitted", "full_name": "x" * 20_000}.items():
        assert error_of(edx.ask("POST", f"exam/{exam}/attempt/", {"user_id": ANN, field: wrong}), 422)["field"] == field
    for field, wrong in {"course_id": "", "content_id": "x" * 300, "rules": {str(one): True for one in range(200)}}.items():
        assert error_of(edx.ask("POST", "exam/", edx.told(**{field: wrong})), 422)["field"] == field
    assert error_of(edx.ask("POST", "exam/", edx.told(exam_name="x" * 2_000_000)), 413)
    assert error_of(edx.client.post("/openedx/api/v1/exam/", data=b"{", headers={"Authorization": f"JWT {edx.token}"}), 415)
    assert edx.ask("POST", f"exam/{exam}/", edx.told(is_active=False, is_proctored=False)).status_code == 200
    assert error_of(edx.ask("POST", f"exam/{exam}/attempt/", {"user_id": ANN}), 409)["field"] == "exam"


def test_onboarding_comes_first_where_it_is_asked_for(app: Flask) -> None:
    edx = Edx(app, onboarding=True)
    exam, practice = edx.exam(), edx.exam(id=2, content_id="practice", is_practice_exam=True)

    def begin() -> dict[str, str]:
        found: dict[str, str] = edx.ask("POST", f"exam/{exam}/attempt/", {"user_id": ANN}).get_json()
        return found

    def stands(course: str = COURSE) -> str:
        return str(edx.ask("GET", f"courses/{course}/onboarding_statuses?user_id={ANN}").get_json()["status"])

    assert begin() == {"status": "onboarding_missing"}
    attempt = edx.attempt(practice)
    edx.attempt(practice, sub=BEN)
    assert (begin(), stands()) == ({"status": "onboarding_missing"}, "no-profile")
    edx.says(practice, attempt, "submitted")
    assert (begin(), stands()) == ({"status": "onboarding_pending"}, "pending")
    attempts = parts_of(app).openedx.attempts
    attempts.set_verdict(attempt, "suspicious")
    assert (begin(), stands()) == ({"status": "onboarding_failed"}, "rejected")
    attempts.set_verdict(attempt, "passed")
    assert (stands(), stands("course-v1:Uni+OTHER+2026")) == ("approved-in-course", "approved-in-different-course")
    assert set(begin()) == {"id"}
    page = edx.ask("GET", f"courses/{COURSE}/onboarding_statuses?page_size=1").get_json()
    assert (page["count"], page["num_pages"], page["previous"], len(page["results"])) == (2, 2, None, 1)
    assert page["results"][0]["status"] == "approved-in-course"
    assert page["next"].endswith("page=2&page_size=1")
    assert edx.ask("GET", f"courses/{COURSE}/onboarding_statuses?status=no-profile").get_json()["results"][0]["user_id"] == BEN
    assert edx.ask("GET", f"courses/{COURSE}/onboarding_statuses?page=2&page_size=1").get_json()["results"][0]["user_id"] == BEN
    database = parts_of(app).database
    with database.reading():
        late = utc_now() - ONBOARDED_FOR - timedelta(days=1)
        database.collection("edx_attempts").update_one({"_id": attempt}, {"$set": {"verdict_at": late}})
    assert (begin(), stands()) == ({"status": "onboarding_expired"}, "expired")


def test_a_learners_newest_attempts_say_how_onboarding_stands_and_no_more_are_read(app: Flask, edx: Edx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.edx_attempts.ONBOARDING_MAX", 2)
    parts = parts_of(app)
    attempts, practice = parts.openedx.attempts, edx.exam(is_practice_exam=True)
    first, *others = (edx.attempt(practice) for _ in range(3))
    for verdict, attempt in (("passed", first), *(("suspicious", one) for one in others)):
        attempts.set_status(attempt, "submitted")
        attempts.set_verdict(attempt, verdict)  # type: ignore[arg-type]
    assert attempts.onboarding(edx.installation.id, COURSE, ANN)[0] == "rejected"
    assert [(sub, stands) for sub, stands, _until in attempts.onboardings(edx.installation.id, COURSE)] == [(ANN, "rejected")]
    monkeypatch.setattr("records.edx_attempts.ONBOARDING_MAX", 3)
    assert attempts.onboardings(edx.installation.id, COURSE)[0][1] == "approved-in-course"
    with parts.database.reading():
        kept = parts.database.collection("edx_attempts")
        query = {"installation_id": edx.installation.id, "sub": ANN, "practice": True}
        plan = kept.find(query).sort("made_at", -1).limit(2).explain()["queryPlanner"]["winningPlan"]
    assert "practice" in str(plan)
    assert "'SORT'" not in str(plan), "read in the index's order"


def test_who_is_retired_is_erased_unless_a_session_runs(app: Flask, edx: Edx) -> None:
    parts = parts_of(app)
    parts.retention = retention_of(parts)
    exam = edx.exam()
    attempt = edx.attempt(exam)
    session_id = edx.enter(exam, attempt).get_json()["session_id"]
    parts.monitor.get(session_id).begin()  # type: ignore[union-attr]
    assert edx.ask("DELETE", f"user/{BEN}/").get_json() is True, "there is nothing of Ben"
    assert edx.ask("DELETE", f"user/{ANN}/").get_json() is False
    assert edx.says(exam, attempt, "submitted").status_code == 200
    assert edx.ask("DELETE", f"user/{ANN}/").get_json() is True
    user_id = student_id_of(edx.installation.id, ANN)
    with parts.database.reading():
        left = [name for name in ("sessions", "roster", "edx_attempts") if parts.database.collection(name).find_one({"user_id": user_id})]
    assert left == []
    assert edx.ask("GET", f"exam/{exam}/attempt/{attempt}/").status_code == 404
