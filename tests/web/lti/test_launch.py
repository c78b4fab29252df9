"""Students, teachers and proctors come from a learning platform: where each is led, and what each may there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.retention import Retention
from scoring.exam import ExamDefinition
from tests.helpers.lti import (
    ADMINISTRATOR,
    ASSISTANT,
    HERE,
    INSTRUCTOR,
    LEARNER,
    Platform,
    launch,
    platform_on_loopback,
    portal_link,
    said,
)
from tests.helpers.people import administrator, browser_of
from tests.helpers.web import PASSWORD, MakeApp
from web.integrations.lti.claims import INSTITUTION, MEMBERSHIP, comes_as
from web.parts import Parts, parts_of


@pytest.fixture(scope="module")
def server() -> Iterator[Platform]:
    with platform_on_loopback() as found:
        yield found


@pytest.fixture
def platform(server: Platform) -> Platform:
    server.published, server.answer, server.asked = ["first"], None, 0
    return server


@pytest.fixture
def app(make_app: MakeApp, platform: Platform) -> Flask:
    app = make_app(proctor_password=PASSWORD, public_url=HERE, lti_private_hosts="127.0.0.1")
    platform.register(app)
    return app


@pytest.fixture
def parts(app: Flask) -> Parts:
    return parts_of(app)


def enter(app: Flask, link: str) -> dict[str, Any]:
    """What the portal does with a student's link."""
    answer = browser_of(app).post("/api/student/enter", json={"link": link}, base_url=HERE)
    assert answer.status_code == 200, answer.text
    entered: dict[str, Any] = answer.get_json()
    return entered


def teach(app: Flask, platform: Platform, **claims: Any) -> tuple[FlaskClient, TestResponse]:
    client = browser_of(app)
    return client, launch(app, platform, client, **{"sub": "t-1", "name": "Ada Byron", "roles": [INSTRUCTOR], **claims})


def exam_key(answer: TestResponse) -> str:
    """The exam to whose page a teacher is led."""
    assert answer.status_code == 303, said(answer)
    return answer.headers["Location"].rpartition("/exams/")[2]


def who_am_i(client: FlaskClient) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/api/account", base_url=HERE).get_json()
    return answer


def opened(parts: Parts, key: str) -> str:
    parts.exams.set_state(key, "open", by="a test")
    return parts.exams.by_key(key).exam_id


def noted(parts: Parts, what: str) -> list[dict[str, Any]]:
    assert parts.database.flush(10)
    return [entry for entry in parts.database.audit_entries() if entry["what"] == what]


def test_a_teacher_makes_the_exam_by_coming_first_and_students_come_to_it(app: Flask, parts: Parts, platform: Platform) -> None:
    early = launch(app, platform)
    assert (early.status_code, "No exam is set up here yet" in said(early)) == (403, True)

    client, answer = teach(app, platform)
    key = exam_key(answer)
    exam = parts.exams.by_key(key)
    assert (exam.definition.title, exam.definition.course, exam.state) == ("Mid-term", "ALG1", "draft")
    assert client.get(f"/exams/{key}", base_url=HERE).status_code == 200
    me = who_am_i(client)
    assert (me["name"], me["person"]["roles"], me["person"]["group_roles"]) == ("Ada Byron (Moodle)", [], [])
    assert me["person"]["exam_roles"] == {exam.exam_id: ["teacher"]}
    assert exam_key(teach(app, platform)[1]) == key, "the link leads to it from now on"

    link = portal_link(launch(app, platform, email="ann@uni.example"))
    assert enter(app, link)["refused"] == "draft"
    exam_id = opened(parts, key)
    first = enter(app, link)
    assert (first["user_id"][:4], len(first["user_id"]), first["exam_id"]) == ("lti-", 20, exam_id)
    again = enter(app, portal_link(launch(app, platform)))
    assert again["session_id"] == first["session_id"], "a second launch goes on with the same session"
    (row,) = parts.rosters.rows(key)
    assert (row.user_id, row.name, row.email) == (first["user_id"], "Ann Lee", "ann@uni.example")
    assert parts.names.of(row.user_id, exam_id) == "Ann Lee"
    person = parts.lti.people.by_user_id(row.user_id)
    assert person is not None
    assert person.sub == "u-1"
    assert [entry["user_id"] for entry in noted(parts, "lti: student new")] == [row.user_id]
    assert {entry["role"] for entry in noted(parts, "lti: teacher launched")} == {"teacher"}


def test_who_teaches_one_course_has_nothing_of_another_and_nobody_is_an_administrator(app: Flask, parts: Parts, platform: Platform) -> None:
    own = parts.exams.by_key(exam_key(teach(app, platform)[1]))
    client, answer = teach(app, platform, sub="t-2", name="Ben Okri", roles=[INSTRUCTOR, ADMINISTRATOR], context={"id": "c-2", "title": "Geometry"})
    other = parts.exams.by_key(exam_key(answer))
    assert other.key != own.key, "a link's id is its course's own"
    assert set(who_am_i(client)["person"]["exam_roles"]) == {other.exam_id}
    assert "people" not in who_am_i(client)["rights"]
    assert client.get(f"/api/exams/{own.key}", base_url=HERE).status_code == 404
    assert client.get("/api/people", base_url=HERE).status_code == 403
    assert client.post("/api/exams", json={"exam_id": "mine", "title": "Mine"}, base_url=HERE).status_code in (403, 404)

    # The same exam named by hand in the other course's link is not had by that, by whoever comes.
    for roles in ([LEARNER], [INSTRUCTOR], [ASSISTANT]):
        stolen = launch(app, platform, roles=roles, context={"id": "c-2"}, custom={"exam_id": own.exam_id})
        missing = launch(app, platform, roles=roles, context={"id": "c-2"}, custom={"exam_id": "there-is-none"})
        assert (stolen.status_code, missing.status_code) == (403, 403)
        assert said(stolen).replace(own.exam_id, "") == said(missing).replace("there-is-none", ""), "nor told that it is there"
    portal_link(launch(app, platform, custom={"exam_id": own.exam_id}))


def test_one_exam_in_two_courses_is_one_for_a_student_of_both(app: Flask, parts: Parts, platform: Platform) -> None:
    exam = parts.exams.make(ExamDefinition(exam_id="shared", title="Shared"), "Ada")
    registration = parts.lti.registrations.all()[0]
    parts.lti.links.add_exam(registration.registration_id, exam.exam_id, "Ada")
    links = {portal_link(launch(app, platform, context={"id": course}, custom={"exam_id": "SHARED"})) for course in ("c-1", "c-2")}
    assert len(links) == 1
    assert len(parts.rosters.rows(exam.key)) == 1
    _client, teacher = teach(app, platform, custom={"exam_id": "shared"})
    assert (teacher.status_code, "students of every course" in said(teacher)) == (403, True)
    parts.lti.links.remove_exam(registration.registration_id, exam.exam_id)
    assert launch(app, platform, custom={"exam_id": "shared"}).status_code == 403


def test_two_tenants_of_one_issuer_share_nothing(app: Flask, parts: Parts, platform: Platform) -> None:
    platform.register(app, "tool-2", name="Moodle of another school")
    keys = [exam_key(launch(app, platform, client_id=client, sub="t-1", roles=[INSTRUCTOR])) for client in ("tool-1", "tool-2")]
    exams = [parts.exams.by_key(key) for key in keys]
    assert len({exam.exam_id for exam in exams}) == 2
    accounts = [one for one in parts.people.accounts.listed() if one.single_sign_on]
    assert sorted(list(one.exam_roles) for one in accounts) == sorted([exam.exam_id] for exam in exams)
    for client in ("tool-1", "tool-2"):
        portal_link(launch(app, platform, client_id=client))
    rows = [parts.rosters.rows(key) for key in keys]
    assert [len(one) for one in rows] == [1, 1]
    assert rows[0][0].user_id != rows[1][0].user_id, "the same subject is somebody else there"
    assert launch(app, platform, client_id="tool-2", custom={"exam_id": exams[0].exam_id}).status_code == 403


def test_a_learner_who_claims_to_teach_by_anything_but_the_roles_is_a_learner(app: Flask, platform: Platform) -> None:
    teach(app, platform)
    portal_link(
        launch(app, platform, custom={"roles": INSTRUCTOR, "role": "Instructor"}, roles=[LEARNER, ADMINISTRATOR, f"{INSTITUTION}#Instructor"])
    )
    nobody = launch(app, platform, roles=[ADMINISTRATOR])
    assert (nobody.status_code, "neither a student nor a teacher" in said(nobody)) == (403, True)


def test_who_teaches_no_more_loses_it_at_the_next_launch_and_who_is_disabled_stays_out(app: Flask, parts: Parts, platform: Platform) -> None:
    client, answer = teach(app, platform)
    key = exam_key(answer)
    second = exam_key(teach(app, platform, context={"id": "c-2"})[1])
    assert len(who_am_i(client)["person"]["exam_roles"]) == 2
    portal_link(launch(app, platform, sub="t-1", roles=[LEARNER]))
    assert list(who_am_i(client)["person"]["exam_roles"]) == [parts.exams.by_key(second).exam_id]
    assert client.get(f"/api/exams/{key}", base_url=HERE).status_code == 404

    assistant, answer = teach(app, platform, sub="a-1", name="", roles=[INSTRUCTOR, ASSISTANT])
    assert answer.headers["Location"] == "/"
    assert "exams" not in who_am_i(assistant)["rights"]
    assert {"look", "desk"} <= set(who_am_i(assistant)["rights"])

    account = next(one for one in parts.people.accounts.listed() if one.name == "Ada Byron (Moodle)")
    parts.people.accounts.edit(account.id, by="a test", disabled=True)
    assert "disabled" in said(teach(app, platform)[1])
    parts.people.accounts.edit(account.id, by="a test", disabled=False, roles=frozenset({"administrator"}))
    assert "roles on the whole server" in said(teach(app, platform)[1])
    parts.people.accounts.change(account.id, roles=frozenset({"auditor"}))
    assert "roles on the whole server" in said(teach(app, platform)[1])


def test_a_name_that_somebody_has_here_is_taken_from_nobody(app: Flask, parts: Parts, platform: Platform) -> None:
    parts.people.accounts.add("ada@uni.example", "Ada Byron (Moodle)", frozenset({"administrator"}), by="a test")
    client, answer = teach(app, platform, email="ada@uni.example")
    exam_key(answer)
    me = who_am_i(client)
    assert me["name"].startswith("Ada Byron (lti-")
    assert (me["person"]["login"][:4], me["person"]["roles"]) == ("lti-", [])


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ([LEARNER], "learner"),
        ([INSTRUCTOR], "teacher"),
        ([f"{MEMBERSHIP}#ContentDeveloper"], "teacher"),
        ([f"{MEMBERSHIP}#Administrator", INSTRUCTOR], "teacher"),
        ([ASSISTANT], "proctor"),
        ([f"{MEMBERSHIP}/instructor#TeachingAssistant", INSTRUCTOR], "proctor"),  # as Canvas writes it
        ([LEARNER, ASSISTANT], "learner"),  # as Open edX has who helps in the forum
        ([f"{INSTITUTION}#Student"], "learner"),
        ([f"{INSTITUTION}#Instructor"], ""),
        ([f"{MEMBERSHIP}#Mentor", f"{INSTITUTION}#Student"], ""),
        ([f"{MEMBERSHIP}#Administrator"], ""),
        (["Instructor", "http://evil.example/membership#Instructor", f"{MEMBERSHIP}#Instructors"], ""),
        ([], ""),
    ],
)
def test_what_somebody_is_says_the_membership_of_the_course(roles: list[str], expected: str) -> None:
    assert comes_as(roles) == expected


def test_what_is_kept_of_a_student_goes_with_the_student(app: Flask, parts: Parts, platform: Platform) -> None:
    settings = parts.settings
    clips = ClipSweep(parts.database, settings.clips_dir, settings.temp_dir)
    recorder = Recorder(settings.clips_dir, settings.temp_dir)
    parts.retention = Retention(parts.database, settings.clips_dir, parts.stills.folder, 30, clips=clips, recorder=recorder)
    key = exam_key(teach(app, platform)[1])
    portal_link(launch(app, platform))
    (row,) = parts.rosters.rows(key)
    body = {"user_id": row.user_id, "again": row.user_id}
    answer = administrator(app).post("/api/students/erase", json=body)
    assert (answer.status_code, answer.get_json()["counts"]["lti_people"]) == (200, 1), answer.text
    assert parts.lti.people.by_user_id(row.user_id) is None
    assert parts.rosters.rows(key) == []
