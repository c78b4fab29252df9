"""An exam's list of students, filled from its course at a learning platform: again and again, and never from another one's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from basics.errors import ProviderAway
from records.exams import exam_key
from records.lti_courses import LinkedCourse
from records.lti_people import user_id_of
from records.lti_registrations import Registration
from tests.helpers.lti_services import Services, services
from tests.helpers.web import MakeApp, error_of, local_client
from web.integrations.lti import names_roles
from web.integrations.lti.names_roles import members
from web.parts import parts_of

ROLE = "http://purl.imsglobal.org/vocab/lis/v2/membership#"


@pytest.fixture
def lms() -> Iterator[Services]:
    with services() as served:
        yield served


@pytest.fixture
def app(make_app: MakeApp, lms: Services) -> Flask:
    made = make_app(lti_private_hosts="127.0.0.1")
    lms.keys = parts_of(made).lti.keys.public
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return local_client(app)


@pytest.fixture
def registration(app: Flask, lms: Services, student: str) -> Registration:
    return parts_of(app).lti.registrations.add(**lms.registration(f"c-{student}"))


def linked(client: FlaskClient, app: Flask, registration: Registration, exam_id: str, lms: Services, course: str = "k-1") -> str:
    key: str = client.post("/api/exams", json={"exam_id": exam_id, "title": "Algebra"}).get_json()["exam"]["exam_key"]
    parts_of(app).lti_courses.link(LinkedCourse(key, registration.registration_id, course, "Algebra 1", f"{lms.url}/members"))
    return key


def person(sub: str, name: str = "", *, role: str = f"{ROLE}Learner", **more: Any) -> dict[str, Any]:
    return {"user_id": sub, "name": name, "roles": [role], "status": "Active", **more}


def listed(client: FlaskClient, key: str) -> dict[str, tuple[str, str, str]]:
    students = client.get(f"/api/exams/{key}/roster").get_json()["students"]
    return {one["user_id"]: (one["name"], one["email"], one["in_course"]) for one in students}


def test_the_list_is_filled_over_pages_and_filling_it_again_updates_and_doubles_nobody(
    client: FlaskClient, app: Flask, registration: Registration, lms: Services, student: str
) -> None:
    key = linked(client, app, registration, f"n-{student}", lms)

    def mine(sub: str) -> str:
        return user_id_of(registration.registration_id, sub)

    lms.pages = [
        [person("ann", "Ann Lee", email="ann@uni.example"), person("tom", "Tom", role=f"{ROLE}Instructor"), person("gone", status="Inactive")],
        [person("ben", given_name="Ben", family_name="Ray", role="Learner"), "nonsense", {"roles": [f"{ROLE}Learner"]}],
    ]
    done = client.post(f"/api/exams/{key}/roster/lti", json={}).get_json()
    assert {name: done[name] for name in ("courses", "new", "changed", "inactive", "left_out")} == {
        "courses": 1, "new": 2, "changed": 0, "inactive": 0, "left_out": 1,
    }  # fmt: skip
    assert listed(client, key) == {mine("ann"): ("Ann Lee", "ann@uni.example", "active"), mine("ben"): ("Ben Ray", "", "active")}
    lms.pages = [[person("ann", "Ann Lee-Kim"), person("ben", "Ben Ray", status="Inactive")]]
    done = client.post(f"/api/exams/{key}/roster/lti", json={}).get_json()
    assert (done["new"], done["changed"], done["inactive"]) == (0, 1, 1)
    assert listed(client, key) == {mine("ann"): ("Ann Lee-Kim", "ann@uni.example", "active"), mine("ben"): ("Ben Ray", "", "inactive")}
    lms.pages = [[person("ben", "Ben Ray")]]
    client.post(f"/api/exams/{key}/roster/lti", json={})
    assert (listed(client, key)[mine("ann")][2], listed(client, key)[mine("ben")][2]) == ("inactive", "active")


def test_names_that_would_show_as_others_are_tidied_and_wrong_addresses_left_out(
    client: FlaskClient, app: Flask, registration: Registration, lms: Services, student: str
) -> None:
    key = linked(client, app, registration, f"h-{student}", lms)
    lms.pages = [[person("a", "\u202eeiL nnA\x00\n<script>", email="a@b\r\nBcc: c@d"), person("b", "x" * 5000, email=["a@b.example"])]]
    assert client.post(f"/api/exams/{key}/roster/lti", json={}).get_json()["new"] == 2
    assert sorted((name[:20], email) for name, email, _state in listed(client, key).values()) == [("eiL nnA <script>", ""), ("x" * 20, "")]


def test_where_the_platform_does_not_answer_as_it_should_nothing_is_changed(
    client: FlaskClient, app: Flask, registration: Registration, lms: Services, student: str
) -> None:
    key = linked(client, app, registration, f"w-{student}", lms)
    assert error_of(client.post(f"/api/exams/{exam_key(student)}/roster/lti", json={}), 404)
    lms.pages = [[person("ann", "Ann Lee")], [person("ben", "Ben Ray")]]
    link = {"Link": '<http://127.0.0.2:9/more>; rel="next"'}
    for said, why in (
        ((200, {"Content-Type": "text/html"}, b"<p>maintenance"), "text/html"),
        ((200, {}, {"members": "many"}), "no members"),
        ((200, link, {"members": []}), "another host"),
        ((200, {"Link": f'<{lms.url}/members>; rel="next"'}, {"members": []}), "more than"),
        ((200, {"Link": '<https://[>; rel="next"'}, {"members": []}), "next page"),
        ((503, {}, b""), "status 503"),
    ):
        lms.answers["/members"] = said
        error = error_of(client.post(f"/api/exams/{key}/roster/lti", json={}), 503)
        assert why in error["message"]
    assert listed(client, key) == {}
    assert client.get(f"/exams/{key}/roster").text.count("course-fill") == 1


def test_an_exam_that_no_course_has_and_a_platform_that_is_off_give_no_list(
    client: FlaskClient, app: Flask, registration: Registration, lms: Services, student: str
) -> None:
    key = linked(client, app, registration, f"o-{student}", lms)
    parts_of(app).lti.registrations.change(registration.registration_id, enabled=False)
    assert "No course" in error_of(client.post(f"/api/exams/{key}/roster/lti", json={}), 409)["message"]
    assert lms.asked == []


def test_of_one_platform_one_list_is_read_at_a_time_and_of_all_a_few(
    client: FlaskClient, app: Flask, registration: Registration, lms: Services, student: str
) -> None:
    key, tool = linked(client, app, registration, f"m-{student}", lms), parts_of(app).lti
    with tool.listing([registration.registration_id]):
        assert error_of(client.post(f"/api/exams/{key}/roster/lti", json={}), 429)
    with tool.listing(["a"]), tool.listing(["b"]), tool.listing(["c"]), tool.listing(["d"]):
        assert error_of(client.post(f"/api/exams/{key}/roster/lti", json={}), 429)
    assert lms.asked == []
    assert client.post(f"/api/exams/{key}/roster/lti", json={}).status_code == 200


def test_a_list_without_end_ends(lms: Services, app: Flask, registration: Registration, monkeypatch: pytest.MonkeyPatch) -> None:
    platforms = parts_of(app).platforms
    monkeypatch.setattr(names_roles, "PAGES_MAX", 3)
    lms.pages = [[person(str(page))] for page in range(5)]
    with pytest.raises(ProviderAway, match="more than 3 pages"):
        members(platforms, registration, f"{lms.url}/members")
    lms.pages = lms.pages[:3]
    assert [one.sub for one in members(platforms, registration, f"{lms.url}/members")] == ["0", "1", "2"]
    times = iter([0.0, 0.0, 100.0])
    with pytest.raises(ProviderAway, match="within 60 s"):
        members(platforms, registration, f"{lms.url}/members", clock=lambda: next(times))
