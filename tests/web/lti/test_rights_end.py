"""What a learning platform gave ends: with the role, its term, the course's link, the exam, the platform; and none takes all the room there is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from basics.times import utc_now
from media.recorder import Recorder
from records.accounts import Accounts
from records.clip_sweep import ClipSweep
from records.retention import Retention
from tests.helpers.lti import ADMINISTRATOR, ASSISTANT, HERE, INSTRUCTOR, Platform, launch, platform_on_loopback, said
from tests.helpers.people import administrator, browser_of, someone
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.integrations.lti import bounds
from web.integrations.lti.tool import COUNTED_S, REFUSALS_KEPT, Refusals
from web.parts import Parts, parts_of


@pytest.fixture(scope="module")
def server() -> Iterator[Platform]:
    with platform_on_loopback() as found:
        yield found


@pytest.fixture
def app(make_app: MakeApp, server: Platform) -> Flask:
    app = make_app(proctor_password=PASSWORD, public_url=HERE, lti_private_hosts="127.0.0.1")
    server.register(app)
    return app


@pytest.fixture
def parts(app: Flask) -> Parts:
    return parts_of(app)


def teach(app: Flask, server: Platform, **claims: Any) -> tuple[FlaskClient, TestResponse]:
    client = browser_of(app)
    return client, launch(app, server, client, **{"sub": "t-1", "name": "Ada Byron", "roles": [INSTRUCTOR], **claims})


def key_of(answer: TestResponse) -> str:
    assert answer.status_code == 303, said(answer)
    return answer.headers["Location"].rpartition("/exams/")[2]


def status(client: FlaskClient, key: str) -> int:
    return client.get(f"/api/exams/{key}", base_url=HERE).status_code


def registration_id(parts: Parts) -> str:
    return parts.lti.registrations.find(parts.lti.registrations.all()[0].issuer, "tool-1").registration_id


def test_a_role_is_over_at_its_term_in_a_login_that_goes_on(app: Flask, parts: Parts, server: Platform) -> None:
    client, answer = teach(app, server)
    key = key_of(answer)
    assert status(client, key) == 200
    (account,) = parts.people.accounts.of_registration(registration_id(parts))
    (until,) = account.exam_until.values()
    assert until <= utc_now() + timedelta(hours=parts.settings.login_max_h)
    over = utc_now() - timedelta(seconds=1)
    rows = [{"exam_id": exam, "roles": ["teacher"], "until": over} for exam in account.exam_roles]
    parts.people.accounts.change(account.id, exam_roles=rows)
    assert status(client, key) in (403, 404)
    assert client.get("/api/account", base_url=HERE).get_json()["person"]["exam_roles"] == {}
    assert parts.people.accounts.has_ended(over - timedelta(minutes=1), utc_now()), "who watches is told"
    assert not parts.people.accounts.has_ended(utc_now(), utc_now())


@pytest.mark.parametrize("roles", [[ADMINISTRATOR], [ASSISTANT]])
def test_who_comes_as_less_teaches_no_more_though_nothing_lets_them_in(app: Flask, server: Platform, roles: list[str]) -> None:
    client, answer = teach(app, server)
    key = key_of(answer)
    refused = launch(app, server, sub="t-1", roles=roles, resource_link={"id": "another", "title": "Nothing yet"})
    assert refused.status_code == 403
    assert client.put(f"/api/exams/{key}/password", json={"password": "x"}, base_url=HERE).status_code in (403, 404)
    assert (status(client, key) == 200) is (roles == [ASSISTANT])


def test_an_exam_that_is_unlinked_from_a_course_is_lost_to_its_teachers_and_no_launch_brings_it_back(
    app: Flask, parts: Parts, server: Platform
) -> None:
    client, answer = teach(app, server)
    key = key_of(answer)
    exam = parts.exams.by_key(key)
    chief, stranger = administrator(app), someone(app, "tom", "teacher")
    (course,) = chief.get(f"/api/exams/{key}/courses").get_json()["courses"]
    assert (course["platform"], course["whole_platform"]) == ("Moodle", False)
    assert stranger.client.delete(f"/api/exams/{key}/courses/{course['course']}").status_code == 404
    assert chief.delete(f"/api/exams/{key}/courses/none").status_code == 404
    assert chief.delete(f"/api/exams/{key}/courses/{course['course']}").status_code == 200
    assert chief.get(f"/api/exams/{key}/courses").get_json()["courses"] == []
    assert status(client, key) in (403, 404)
    assert launch(app, server, custom={"exam_id": exam.exam_id}, roles=[INSTRUCTOR], sub="t-1").status_code == 403
    assert key_of(teach(app, server)[1]) != key, "the link has another exam from now on"


def test_an_exam_that_is_deleted_is_in_nobodys_account(app: Flask, parts: Parts, server: Platform) -> None:
    settings = parts.settings
    clips = ClipSweep(parts.database, settings.clips_dir, settings.temp_dir)
    recorder = Recorder(settings.clips_dir, settings.temp_dir)
    parts.retention = Retention(parts.database, settings.clips_dir, parts.stills.folder, 30, clips=clips, recorder=recorder)
    client, answer = teach(app, server)
    key = key_of(answer)
    exam = parts.exams.by_key(key)
    chief = administrator(app)
    done = chief.delete(f"/api/exams/{key}", json={"title": exam.definition.title})
    assert (done.status_code, done.get_json()["done"]) == (200, True), done.text
    made = chief.post("/api/exams", json={"exam_id": exam.exam_id, "title": "Another of its id"})
    assert made.status_code == 200, made.text
    assert status(client, key) in (403, 404)
    assert parts.database.collection("users").count_documents({"exam_roles.exam_id": exam.exam_id}) == 0


@pytest.mark.parametrize("how", ["disabled", "removed"])
def test_a_platform_that_is_switched_off_or_removed_signs_its_people_out(app: Flask, parts: Parts, server: Platform, how: str) -> None:
    client, answer = teach(app, server)
    key_of(answer)
    platform = registration_id(parts)
    path, chief = f"/api/integrations/lti/{platform}", administrator(app)
    done = chief.patch(path, json={"enabled": False}) if how == "disabled" else chief.delete(path)
    assert done.status_code == 200, done.text
    assert client.get("/api/account", base_url=HERE).status_code == 401
    (account,) = parts.people.accounts.of_registration(platform)
    assert account.exam_roles == {}
    left = [parts.database.collection(name).count_documents({"registration_id": platform}) for name in ("lti_exams", "lti_links")]
    assert left == ([1, 1] if how == "disabled" else [0, 0]), "of one that is removed no link is kept"


def test_one_platform_makes_so_many_accounts_and_exams_and_no_more(
    app: Flask, parts: Parts, server: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_of(teach(app, server)[1])
    for name in ("ACCOUNTS_MAX", "ACCOUNTS_A_DAY"):
        with monkeypatch.context() as full:
            full.setattr(bounds, name, 1)
            assert "as many accounts or exams" in said(teach(app, server, sub="t-2")[1])
            key_of(teach(app, server)[1])
    for name in ("EXAMS_MAX", "EXAMS_A_DAY"):
        with monkeypatch.context() as full:
            full.setattr(bounds, name, 1)
            assert "as many accounts or exams" in said(teach(app, server, context={"id": "c-2"})[1])
    server.register(app, "tool-2", name="Another")
    monkeypatch.setattr(bounds, "EXAMS_MAX", 1)
    key_of(launch(app, server, client_id="tool-2", sub="t-1", roles=[INSTRUCTOR]))
    assert {exam.registration_id for exam in parts.exams.listed()} == {one.registration_id for one in parts.lti.registrations.all()}


def test_an_account_that_only_a_platform_made_can_be_deleted_and_other_servers_notice(app: Flask, parts: Parts, server: Platform) -> None:
    client, answer = teach(app, server)
    key_of(answer)
    (account,) = parts.people.accounts.of_registration(registration_id(parts))
    chief, tom = administrator(app), someone(app, "tom", "teacher")
    there = Accounts(parts.database)
    there.read()
    assert there.by_id(account.id) is not None
    error_of(chief.delete(f"/api/people/{tom.account.id}"), 409)
    assert tom.client.delete(f"/api/people/{account.id}").status_code == 403
    assert chief.delete(f"/api/people/{account.id}").status_code == 200
    assert client.get("/api/account", base_url=HERE).status_code == 401
    error_of(chief.get(f"/api/people/{account.id}"), 404)
    assert there.read()
    assert (there.by_id(account.id), there.by_login(account.login)) == (None, None)
    assert there.by_id(tom.account.id) is not None
    key_of(teach(app, server)[1])


def test_people_of_another_tenant_are_nobodys_choice(app: Flask, server: Platform) -> None:
    server.register(app, "tool-2", name="Another")
    client, answer = teach(app, server)
    key_of(answer)
    key_of(teach(app, server, sub="t-2", name="Ben Okri")[1])
    key_of(launch(app, server, client_id="tool-2", sub="t-9", name="Zoe Far", roles=[INSTRUCTOR]))
    tom = someone(app, "tom", "teacher", name="Tom")

    def choices(of: FlaskClient) -> set[str]:
        return {one["name"] for one in of.get("/api/people/choices", base_url=HERE).get_json()["people"]}

    assert choices(client) == {"Ada Byron (Moodle)", "Ben Okri (Moodle)", "Tom"}
    assert {one["name"] for one in tom.get("/api/people/choices").get_json()["people"]} == {"Tom"}
    assert len(administrator(app).get("/api/people/choices").get_json()["people"]) == 4


def test_a_copy_of_an_exam_takes_no_sessions_that_are_somebody_elses(app: Flask, parts: Parts, server: Platform) -> None:
    client, answer = teach(app, server)
    path = f"/api/exams/{key_of(answer)}/duplicate"
    assert client.post(path, json={"exam_id": "nobody-defined-it"}, base_url=HERE).status_code == 404
    assert parts.exams.get("nobody-defined-it") is None
    assert administrator(app).post(path, json={"exam_id": "nobody-defined-it"}).status_code == 200


def test_outsiders_who_are_refused_do_not_fill_the_audit(app: Flask, parts: Parts, server: Platform) -> None:
    for number in range(5):
        given = {"iss": f"https://{number}.example", "login_hint": "h"}
        assert browser_of(app).get("/lti/login", query_string=given, base_url=HERE).status_code == 404
    assert launch(app, server, iss="https://elsewhere.example").status_code == 403
    assert parts.database.flush(10)
    acts = [act for act in parts.database.audit_entries() if act["what"] in ("lti: refused", "lti: many refused")]
    assert sorted((act["what"], act.get("count")) for act in acts) == [("lti: many refused", 1), ("lti: refused", None)]


def test_each_platform_has_its_own_room_in_the_audit_and_the_rest_is_counted_by_the_hour() -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    refusals = Refusals(clock)
    assert [refusals.is_kept("r-1") for _ in range(REFUSALS_KEPT + 1)] == [True] * REFUSALS_KEPT + [False]
    assert (refusals.is_kept("r-2"), refusals.is_kept("")) == (True, False)
    assert [refusals.count() for _ in range(4)] == [1, 0, 0, 0]
    clock.now = COUNTED_S
    assert refusals.count() == 4
