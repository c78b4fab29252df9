"""Accounts and tokens, made and changed by administrators: names, roles, invitations, and what ends at once when one is taken away."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from basics.errors import Conflict, StorageError
from basics.times import utc_now
from records.accounts import INVITED_FOR
from tests.helpers.people import OWN_PASSWORD, add_person, administrator, browser_of, log_in, someone
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp, error_of
from web.parts import parts_of


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(proctor_password=PASSWORD, api_token=API_TOKEN)


@pytest.fixture
def admin(app: Flask) -> FlaskClient:
    return administrator(app)


def add(admin: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = admin.post("/api/people", json={"login": "ada@uni.example", "name": "Ada Byron", "roles": ["proctor"], **body})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def token_of(url: str) -> str:
    return url.partition("#t=")[2]


def test_an_invited_person_chooses_a_password_once_and_is_logged_in(app: Flask, admin: FlaskClient) -> None:
    made = add(admin)
    assert made["person"]["state"] == "invited"
    assert made["invitation_url"].startswith("http://localhost/invitation#t=")
    token = token_of(made["invitation_url"])
    assert log_in(browser_of(app), "ada@uni.example", "").status_code == 401
    ada = browser_of(app)
    assert ada.get("/invitation").status_code == 200
    assert ada.post("/api/invitation", json={"token": token}).get_json()["name"] == "Ada Byron"
    weak = ada.post("/api/invitation/accept", json={"token": token, "password": "proctor12345"})
    assert error_of(weak, 422)["field"] == "password"
    assert ada.post("/api/invitation/accept", json={"token": token, "password": OWN_PASSWORD}).status_code == 200
    assert ada.get("/api/account").get_json()["name"] == "Ada Byron"
    assert error_of(ada.post("/api/invitation", json={"token": token}), 404)
    assert error_of(ada.post("/api/invitation/accept", json={"token": token, "password": OWN_PASSWORD}), 404)
    assert token not in str(list(parts_of(app).database.collection("users").find()))


def test_an_invitation_is_over_after_seven_days_and_by_a_new_one(app: Flask, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    made = add(admin)
    first = token_of(made["invitation_url"])
    second = token_of(admin.post(f"/api/people/{made['person']['id']}/invite").get_json()["invitation_url"])
    assert browser_of(app).post("/api/invitation", json={"token": first}).status_code == 404
    assert browser_of(app).post("/api/invitation", json={"token": second}).status_code == 200
    monkeypatch.setattr("records.accounts.utc_now", lambda: utc_now() + INVITED_FOR + timedelta(seconds=1))
    assert browser_of(app).post("/api/invitation", json={"token": second}).status_code == 404


@pytest.mark.parametrize(
    ("login", "name"),
    [
        ("ADA@uni.example", "Somebody Else"),  # the same in another case
        ("аda@uni.example".replace("da@uni.example", "dа@uni.example"), "Somebody Else"),  # Cyrillic beside Latin
        ("other@uni.example", "ADA  BYRON"),
        ("proctor", "Somebody Else"),
        ("PROCTOR", "Somebody Else"),
        ("other@uni.example", "student"),
        ("a b", "Somebody Else"),
        ("", "Somebody Else"),
        ("x" * 200, "Somebody Else"),
        ("other@uni.example", "Two\nlines\u202e"),
        ("o\u200b\u3164ther", "Somebody Else"),
    ],
)
def test_names_that_are_taken_or_only_look_so_are_refused(admin: FlaskClient, login: str, name: str) -> None:
    add(admin)
    answer = admin.post("/api/people", json={"login": login, "name": name})
    assert error_of(answer, answer.status_code)["code"] in ("conflict", "invalid")
    assert answer.status_code in (409, 422)
    assert len(admin.get("/api/people").get_json()["people"]) == 1


def test_people_are_listed_searched_and_paged(app: Flask, admin: FlaskClient) -> None:
    for number in range(5):
        add_person(app, f"person{number}@uni.example", "proctor", name=f"Person {number}")
    first = admin.get("/api/people?limit=2").get_json()
    assert [one["name"] for one in first["people"]] == ["Person 0", "Person 1"]
    rest = admin.get(f"/api/people?limit=10&after={first['next_after']}").get_json()
    assert [one["name"] for one in rest["people"]] == ["Person 2", "Person 3", "Person 4"]
    assert [one["login"] for one in admin.get("/api/people?search=PERSON3").get_json()["people"]] == ["person3@uni.example"]
    assert error_of(admin.get("/api/people?after=nobody"), 422)["field"] == "after"


def test_a_disabled_account_is_out_at_once_and_can_be_enabled_again(app: Flask, admin: FlaskClient) -> None:
    ada = someone(app, "ada", "proctor")
    told: list[bool] = []
    parts_of(app).people.on_change(lambda: told.append(True))
    path = f"/api/people/{ada.account.id}"
    assert admin.post(path, json={"disabled": True}).get_json()["person"]["state"] == "disabled"
    assert told, "sockets are looked at now, and not at some later time"
    assert ada.get("/api/account").status_code == 401
    assert log_in(browser_of(app), "ada").status_code == 401
    assert admin.post(f"{path}/invite").status_code == 409
    admin.post(path, json={"disabled": False})
    assert ada.get("/api/account").status_code == 401, "what was ended stays so"
    assert log_in(browser_of(app), "ada").status_code == 302


def test_a_role_that_is_taken_away_opens_nothing_from_the_next_call_on(app: Flask, admin: FlaskClient) -> None:
    ada = someone(app, "ada", "proctor")
    assert ada.get("/api/sessions/active").status_code == 200
    admin.post(f"/api/people/{ada.account.id}", json={"roles": ["auditor"]})
    assert error_of(ada.get("/api/sessions/active"), 403)["code"] == "forbidden"
    assert ada.get("/api/account").status_code == 200, "the login itself goes on"


def test_nobody_locks_out_the_administrator_that_they_are(app: Flask) -> None:
    root = someone(app, "root", "administrator")
    path = f"/api/people/{root.account.id}"
    changes: list[dict[str, Any]] = [{"disabled": True}, {"roles": ["teacher"]}, {"roles": []}]
    for change in changes:
        assert root.post(path, **change).status_code == 409, change
    assert root.post(path, roles=["administrator", "teacher"]).status_code == 200
    assert root.post(path, name="Root of All").get_json()["person"]["name"] == "Root of All"


def test_a_reset_takes_password_and_second_factor_and_all_logins(app: Flask, admin: FlaskClient) -> None:
    ada = someone(app, "ada", "proctor")
    parts_of(app).people.accounts.change(ada.account.id, totp="sealed", recovery=["x"])
    reset = admin.post(f"/api/people/{ada.account.id}/reset").get_json()
    assert (reset["person"]["state"], reset["person"]["second_factor"]) == ("invited", False)
    assert ada.get("/api/account").status_code == 401
    assert log_in(browser_of(app), "ada").status_code == 401
    token = token_of(reset["invitation_url"])
    assert browser_of(app).post("/api/invitation/accept", json={"token": token, "password": OWN_PASSWORD}).status_code == 200


def test_only_administrators_see_people_and_teachers_choose_among_those_who_work_with_exams(app: Flask, admin: FlaskClient) -> None:
    teacher = someone(app, "tess", "teacher", name="Tess")
    add_person(app, "paul", "proctor", name="Paul")
    add_person(app, "audrey", "auditor", name="Audrey")
    assert teacher.get("/api/people").status_code == 403
    assert teacher.get("/people").status_code == 403
    assert [one["name"] for one in teacher.get("/api/people/choices").get_json()["people"]] == ["Paul", "Tess"]
    assert someone(app, "pia", "proctor").get("/api/people/choices").status_code == 403
    assert admin.get("/people").status_code == 200


def test_what_an_account_does_stands_under_its_own_name(app: Flask) -> None:
    officer = someone(app, "olga", "officer", name="Olga Ilina")
    saved = officer.post("/api/accommodations", user_id="student-of-olga", set_by="Somebody Else").get_json()["accommodation"]
    assert saved["set_by"] == "Olga Ilina"
    database = parts_of(app).database
    assert database.flush(30)
    (entry,) = [entry for entry in database.audit_entries() if entry["what"] == "accommodation: set"]
    assert (entry["who"], entry["account"]) == ("Olga Ilina", officer.account.id)


def test_who_signs_in_through_the_institution_gets_no_password_that_would_outlive_its_groups(make_app: MakeApp) -> None:
    app = make_app(proctor_password=PASSWORD, oidc_issuer="https://login.uni.example", oidc_client_id="proctor")
    admin, people = administrator(app), parts_of(app).people
    made = add(admin, single_sign_on=True)
    assert made["invitation_url"] is None
    path = f"/api/people/{made['person']['id']}"
    assert admin.post(f"{path}/invite").status_code == 409
    assert admin.post(f"{path}/reset").status_code == 409
    ada = browser_of(app)
    _login, cookie = people.logins.begin(people.accounts.get(made["person"]["id"]), "oidc", "192.0.2.7", "")
    ada.set_cookie(parts_of(app).access.login_cookie, cookie)
    assert ada.get("/api/account").get_json()["has_password"] is False
    assert ada.post("/api/account/password", json={"password": "", "new_password": OWN_PASSWORD}).status_code == 409
    assert ada.post("/api/account/second-factor", json={}).status_code == 409


# Tokens


def ask(app: Flask, secret: str, path: str, **arguments: Any) -> int:
    return app.test_client().get(path, headers={"Authorization": f"Bearer {secret}"}, **arguments).status_code


def test_a_token_is_shown_once_works_within_its_scope_and_is_revoked(app: Flask, admin: FlaskClient) -> None:
    made = admin.post("/api/tokens", json={"name": "grafana", "scopes": ["read"]}).get_json()
    secret = made["secret"]
    assert (ask(app, secret, "/metrics"), ask(app, secret, "/api/sessions"), ask(app, secret, "/api/people")) == (200, 200, 403)
    assert ask(app, f"{secret}x", "/metrics") == 401
    assert secret not in str(list(parts_of(app).database.collection("tokens").find()))
    parts_of(app).people.tokens.tidy()
    parts_of(app).people.tokens.read()
    listed = admin.get("/api/tokens").get_json()
    assert [(one["name"], one["used_from"]) for one in listed["tokens"]] == [("grafana", "127.0.0.1")]
    assert listed["api_token"] is True
    assert admin.post("/api/tokens", json={"name": "Grafana", "scopes": ["read"]}).status_code == 409
    assert admin.delete(f"/api/tokens/{made['token']['id']}").status_code == 200
    assert ask(app, secret, "/metrics") == 401
    assert admin.delete(f"/api/tokens/{made['token']['id']}").status_code == 404


def test_a_token_for_one_exam_sees_no_other_and_ends_when_it_should(app: Flask, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"name": "one exam", "scopes": ["sessions"], "exams": ["Math 101".replace(" ", "-")], "days": 1}
    secret = admin.post("/api/tokens", json=body).get_json()["secret"]
    script = app.test_client()
    headers = {"Authorization": f"Bearer {secret}"}
    mine = script.post("/api/session/create", json={"user_id": "token-student", "exam_id": "Math-101"}, headers=headers)
    assert mine.status_code == 200
    assert script.post("/api/session/create", json={"user_id": "token-student", "exam_id": "other"}, headers=headers).status_code == 404
    admin.post("/api/session/create", json={"user_id": "token-student", "exam_id": "other"})
    seen = script.get("/api/sessions/active", headers=headers).get_json()["sessions"]
    assert [one["exam_id"] for one in seen] == ["Math-101"]
    assert script.get("/metrics", headers=headers).status_code == 403, "figures are of the whole server"
    monkeypatch.setattr("records.api_tokens.utc_now", lambda: utc_now() + timedelta(days=1, seconds=1))
    assert script.get("/api/sessions/active", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": []}, {"scopes": ["everything"]}, {"days": 0}, {"days": 5000}, {"scopes": ["administer"], "exams": ["math"]}, {"name": ""}],
)
def test_a_token_that_makes_no_sense_is_refused(admin: FlaskClient, wrong: dict[str, Any]) -> None:
    error_of(admin.post("/api/tokens", json={"name": "a script", "scopes": ["read"], **wrong}), 422)


# Exams that name people


def test_people_of_an_exam_see_it_and_a_proctor_taken_off_it_does_not_any_more(app: Flask, admin: FlaskClient) -> None:
    paul, pia = someone(app, "paul", "proctor"), someone(app, "pia", "proctor")
    exams = parts_of(app).database.collection("exams")
    exams.insert_one({"_id": "e" * 32, "exam_id": "chemistry", "teachers": [], "proctors": [paul.account.id]})
    parts_of(app).people.exams_changed()
    session = admin.post("/api/session/create", json={"user_id": "exam-student", "exam_id": "chemistry"}).get_json()["session_id"]
    for who, status in ((paul, 200), (pia, 404)):
        assert who.get(f"/api/session/{session}/details").status_code == status
        assert who.post(f"/api/session/{session}/break", on=True).status_code != 403
    assert [one["session_id"] for one in paul.get("/api/sessions").get_json()["sessions"]] == [session]
    for path in ("/api/sessions", "/api/sessions/active"):
        assert pia.get(path).get_json()["sessions"] == [], path
    assert pia.get("/api/sessions/stats").get_json()["total_sessions"] == 0
    assert pia.get("/api/exams").get_json()["exams"] == []
    assert pia.get("/api/analytics").get_json()["sessions"] == 0
    assert "exam-student" not in pia.get("/api/analytics.csv?table=sessions").text
    assert pia.get("/api/review/queue").get_json()["left"] == 0
    assert pia.get("/api/flagged/all").get_json()["count"] == 0
    exams.update_one({"_id": "e" * 32}, {"$set": {"proctors": []}})
    parts_of(app).people.exams_changed()
    assert paul.get(f"/api/session/{session}/details").status_code == 404


def test_that_a_student_took_another_exam_is_told_to_nobody_who_may_not_see_it(app: Flask, admin: FlaskClient) -> None:
    paul, pia = someone(app, "paul", "proctor"), someone(app, "pia", "proctor")
    exams = parts_of(app).database.collection("exams")
    exams.insert_one({"_id": "f" * 32, "exam_id": "biology", "teachers": [], "proctors": [paul.account.id]})
    parts_of(app).people.exams_changed()
    session = admin.post("/api/session/create", json={"user_id": "biologist", "exam_id": "biology"}).get_json()["session_id"]
    assert admin.post("/api/session/end", json={"user_id": "biologist"}).status_code == 200
    told, of_nobody = (error_of(pia.post("/api/session/end", user_id=one), 404) for one in ("biologist", "nobody-at-all"))
    assert (told["message"].replace("biologist", "nobody-at-all"), told.keys()) == (of_nobody["message"], of_nobody.keys())
    assert error_of(paul.post("/api/session/end", user_id="biologist"), 409)["session_id"] == session


def test_an_exam_that_was_just_made_at_another_server_is_its_own_teachers_alone(app: Flask, admin: FlaskClient) -> None:
    tina, tom = someone(app, "tina", "teacher"), someone(app, "tom", "teacher")
    key = admin.post("/api/exams", json={"exam_id": "just-made", "title": "New"}).get_json()["exam"]["exam_key"]
    with parts_of(app).database.reading():
        parts_of(app).database.collection("exams").update_one({"_id": key}, {"$set": {"teachers": [tina.account.id]}})
    people = parts_of(app).people.exams
    for who, status in ((tom, 404), (tina, 200)):
        people._keys, people._exams = {}, {}  # what this server knew before
        assert who.get(f"/api/exams/{key}").status_code == status


def test_the_last_administrator_is_neither_disabled_nor_loses_the_role(app: Flask, admin: FlaskClient) -> None:
    root = add_person(app, "root", "administrator", "teacher")
    path = f"/api/people/{root.id}"
    refused: tuple[dict[str, Any], ...] = ({"disabled": True}, {"roles": ["teacher"]}, {"roles": []})
    for body in refused:
        error = error_of(admin.post(path, json=body), 409)
        assert (error["code"], error["reason"]) == ("conflict", "last_administrator")
        assert "last administrator" in error["message"]
    assert admin.post(path, json={"roles": ["administrator"], "name": "Root"}).status_code == 200
    invited = add(admin, roles=["administrator"])["person"]
    assert error_of(admin.post(path, json={"disabled": True}), 409)["reason"] == "last_administrator", "who is invited may never come"
    assert admin.post(f"/api/people/{invited['id']}", json={"disabled": True}).status_code == 200
    second = add_person(app, "second", "administrator")
    assert admin.post(path, json={"disabled": True}).status_code == 200
    assert admin.post(f"/api/people/{second.id}", json={"disabled": True}).status_code == 409
    assert admin.post(path, json={"disabled": False}).status_code == 200
    assert admin.post(f"/api/people/{second.id}", json={"roles": []}).status_code == 200


def test_two_administrators_who_disable_each_other_at_the_same_moment_are_not_both_out(app: Flask) -> None:
    accounts = parts_of(app).people.accounts
    two = [add_person(app, name, "administrator") for name in ("ann", "ben")]
    refused: list[Conflict] = []

    def disable(account_id: str) -> None:
        try:
            accounts.edit(account_id, by="the other", disabled=True, ends_logins=True)
        except Conflict as error:
            refused.append(error)

    threads = [threading.Thread(target=disable, args=(one.id,)) for one in two]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert sum(accounts.get(one.id).disabled for one in two) == 1


def test_the_second_of_two_who_change_an_account_is_told(app: Flask, admin: FlaskClient) -> None:
    ada = add_person(app, "ada", "proctor")
    path = f"/api/people/{ada.id}"
    seen = admin.get(path).get_json()["person"]["revision"]
    ben = someone(app, "ben", "administrator", name="Ben")
    assert ben.post(path, roles=["teacher"], revision=seen).get_json()["person"]["revision"] == seen + 1
    error = error_of(admin.post(path, json={"roles": ["proctor"], "name": "Ada", "revision": seen}), 409)
    assert (error["field"], error["revision"], error["changed_by"], error["differs"]) == ("revision", seen + 1, "Ben", ["roles"])
    assert admin.get(path).get_json()["person"]["roles"] == ["teacher"]
    assert log_in(browser_of(app), "ada").status_code == 302
    assert admin.get(path).get_json()["person"]["revision"] == seen + 1, "to log in is no edit"
    assert admin.post(path, json={"roles": ["proctor"], "revision": seen + 1}).status_code == 200
    assert admin.post(path, json={"name": "Ada L."}).status_code == 200, "a script that doesn't say from when changes what there is"


def test_an_account_of_before_there_were_revisions_can_be_changed(app: Flask, admin: FlaskClient) -> None:
    ada = add_person(app, "ada", "proctor")
    with parts_of(app).database.reading():
        parts_of(app).database.collection("users").update_one({"_id": ada.id}, {"$unset": {"revision": "", "edited_by": ""}})
    assert admin.post(f"/api/people/{ada.id}", json={"roles": ["teacher"], "revision": 1}).status_code == 200
    assert error_of(admin.post(f"/api/people/{ada.id}", json={"roles": [], "revision": 1}), 409)["field"] == "revision"


def test_when_a_token_was_used_is_told_at_once_and_after_an_outage(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(proctor_password=PASSWORD)
    admin = administrator(app)
    secret = admin.post("/api/tokens", json={"name": "lms", "scopes": ["read"]}).get_json()["secret"]
    script = browser_of(app, "192.0.2.44")
    assert script.get("/api/exams", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    (token,) = admin.get("/api/tokens").get_json()["tokens"]
    assert (token["used_from"], token["used_at"] is not None) == ("192.0.2.44", True)
    tokens = parts_of(app).people.tokens

    def away() -> None:
        raise StorageError("away")

    with monkeypatch.context() as patch:
        patch.setattr(parts_of(app).database, "reading", away)
        with pytest.raises(StorageError):
            tokens.tidy()
    tokens.tidy()
    assert [one.used_from for one in tokens.listed()] == ["192.0.2.44"], "before it is read again, too"
    tokens.read()
    assert [one.used_from for one in tokens.listed()] == ["192.0.2.44"], "an outage loses no use"
