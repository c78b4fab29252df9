"""A course's staff who come from Open edX: signed in once for each way in, as teachers of that course's exams and nothing else."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from flask import Flask

from tests.helpers.lti import said
from tests.helpers.openedx import COURSE, Edx
from tests.helpers.people import administrator, browser_of
from tests.helpers.web import PASSWORD, MakeApp
from web.parts import parts_of


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(proctor_password=PASSWORD)


@pytest.fixture
def edx(app: Flask) -> Edx:
    return Edx(app)


def test_a_teacher_comes_to_the_exam_or_the_attempt_and_to_no_other_course(app: Flask, edx: Edx) -> None:
    exam, other = edx.exam(), edx.exam(id=2, course_id="course-v1:Uni+OTHER+2026")
    key = parts_of(app).openedx.exams.get(edx.installation.id, exam).exam_key  # type: ignore[union-attr]
    other_key = parts_of(app).openedx.exams.get(edx.installation.id, other).exam_key  # type: ignore[union-attr]
    attempt = edx.attempt(exam)
    session_id = edx.enter(exam, attempt).get_json()["session_id"]
    parts_of(app).monitor.get(session_id).begin()  # type: ignore[union-attr]
    assert parts_of(app).database.flush(10)
    browser = browser_of(app)
    came = browser.get(edx.way_in(exam_id=exam, config=True))
    assert (came.status_code, came.headers["Location"]) == (303, f"/exams/{key}"), came.text
    assert browser.get(f"/exams/{key}").status_code == 200
    assert browser.get(f"/exams/{other_key}/results").status_code in (200, 404)
    assert browser.get(f"/api/exams/{other_key}").status_code == 404
    ways: list[tuple[dict[str, Any], str]] = [
        ({"exam_id": exam, "attempt_id": attempt}, f"/session/{session_id}"),
        ({"exam_id": exam}, f"/exams/{key}/results"),
        ({}, "/exams"),
        ({"exam_id": other}, "/exams"),
        ({"exam_id": "\ud800"}, "/exams"),
        ({"exam_id": exam, "attempt_id": ["\ud800"]}, f"/exams/{key}/results"),
    ]
    for number, (more, page) in enumerate(ways):
        assert browser.get(edx.way_in(jti=f"again {number}", **more)).headers["Location"] == page
    account = next(one for one in parts_of(app).people.accounts.listed() if one.registration_id == edx.installation.id)
    assert account.name == "Ada Byron (Open edX)"
    courses = administrator(app).get(f"/api/exams/{key}/courses").get_json()["courses"]
    assert [one["platform"] for one in courses] == ["Open edX"]
    assert administrator(app).delete(f"/api/integrations/openedx/{edx.installation.id}").status_code == 200
    assert browser.get(f"/exams/{key}").status_code in (302, 401)
    assert browser.get(edx.way_in(jti="late")).status_code == 403


def test_what_is_not_signed_for_now_and_once_lets_nobody_in(app: Flask, edx: Edx) -> None:
    exam = edx.exam()
    good = edx.way_in(exam_id=exam)
    unsigned = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "none"}, {"iss": "x"})) + "."
    address = good.partition("jwt=")[0]
    for wrong, status in (
        (good[:-4], 401),
        (f"{address}jwt={unsigned}", 401),
        (address, 401),
        (edx.way_in(secret="x" * 43), 401),
        (edx.way_in(iss="another"), 401),
        (edx.way_in(exp=time.time() - 120), 401),
        (edx.way_in(exp=time.time() + 86_400), 401),
        (edx.way_in(exp="soon"), 401),
        (edx.way_in(jti=None), 403),
        (edx.way_in(user={"id": ""}), 403),
        (edx.way_in(course_id="course-v1:No+Exam+2026", jti="none"), 403),
        (good.replace(edx.installation.id, "0" * 16), 403),
    ):
        browser = browser_of(app)
        answer = browser.get(wrong)
        assert answer.status_code == status, (wrong, said(answer))
        assert "<main" in answer.text
        assert browser.get("/exams").status_code == 302
    assert browser_of(app).get(good).status_code == 303
    assert "used already" in said(browser_of(app).get(good))
    assert COURSE not in browser_of(app).get(good).text
