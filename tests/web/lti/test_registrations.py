"""Administrators' calls, page and commands on learning platforms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from commands import registry
from database import Database
from records.command_acts import take_command_acts
from records.lti_courses import LinkedCourse
from records.lti_links import LtiLinks
from records.lti_registrations import LtiRegistrations
from records.lti_waiting import LtiWaiting
from settings.settings import load_settings
from tests.helpers.web import error_of
from web.parts import Parts

API = "/api/integrations/lti"


def platform(client_id: str) -> dict[str, str]:
    urls = {name: f"https://lms.example/{name}" for name in ("auth_login_url", "auth_token_url", "key_set_url")}
    return {"name": "The LMS", "issuer": "https://lms.example", "client_id": client_id, **urls}


def test_a_platform_is_added_changed_and_removed_and_the_audit_says_so(client: FlaskClient, parts: Parts, student: str) -> None:
    made = client.post(API, json=platform(student)).get_json()["registration"]
    one = f"{API}/{made['registration_id']}"
    assert error_of(client.post(API, json=platform(student)), 409)["field"] == "client_id"
    assert error_of(client.post(API, json={**platform(student), "issuer": "javascript:alert(1)"}), 422)["field"] == "issuer"
    changed = client.patch(one, json={"enabled": False, "deployments": ["1", "2"], "name": "Moodle"}).get_json()["registration"]
    assert (changed["enabled"], changed["deployments"], changed["name"], changed["issuer"]) == (False, ["1", "2"], "Moodle", "https://lms.example")
    listed = client.get(API).get_json()
    assert made["registration_id"] in [row["registration_id"] for row in listed["registrations"]]
    assert listed["addresses"]["launch"] == "http://localhost/lti/launch"
    parts.lti_courses.link(LinkedCourse(student, made["registration_id"], "k", "", "https://lms.example/m"))
    assert client.delete(one).status_code == 200
    assert error_of(client.delete(one), 404)
    assert parts.lti_courses.of_exam(student) == []
    assert parts.database.flush(10)
    acts = parts.database.collection("audit").find({"registration": made["registration_id"]}).sort("at", 1)
    assert [act["what"] for act in acts] == ["lti: registered", "lti: changed", "lti: removed"]


def test_a_platform_that_is_asked_elsewhere_has_keys_of_its_own_at_an_address_of_its_own(client: FlaskClient, student: str) -> None:
    elsewhere = {**platform(student), "auth_token_url": "https://auth.example/token"}
    assert error_of(client.post(API, json=elsewhere), 422)["field"] == "auth_token_url"
    made = client.post(API, json={**elsewhere, "own_keys": True}).get_json()["registration"]
    assert made["own_jwks"] == f"http://localhost/lti/jwks/{made['registration_id']}"
    (own,) = client.get(f"/lti/jwks/{made['registration_id']}").get_json()["keys"]
    assert own["kid"] not in [key["kid"] for key in client.get("/lti/jwks").get_json()["keys"]]
    assert client.get("/lti/jwks/there-is-none").status_code == 404
    client.delete(f"{API}/{made['registration_id']}")
    assert client.get(f"/lti/jwks/{made['registration_id']}").status_code == 404


def test_the_page_has_what_is_to_be_pasted_and_a_button_to_copy_each(client: FlaskClient) -> None:
    text = client.get("/integrations").text
    addresses = client.get(API).get_json()["addresses"]
    assert [name for name, value in addresses.items() if f">{value}</code>" not in text] == []
    assert text.count('data-copy="address-') == len(addresses)


def test_a_key_is_rotated_once_a_day(client: FlaskClient, parts: Parts) -> None:
    parts.database.collection("lti_keys").delete_many({})
    parts.lti.keys._known.clear()
    before = len(parts.lti.keys.public()["keys"])
    assert client.post(f"{API}/key", json={}).status_code == 200
    assert len(parts.lti.keys.public()["keys"]) == before + 1
    assert "published already" in error_of(client.post(f"{API}/key", json={}), 409)["message"]


def test_the_commands_do_the_same_from_the_servers_own_machine(
    database: Database, mongo_uri: str, db_name: str, tmp_path: Path, student: str
) -> None:
    app = Flask("commands")
    registry.register(app, load_settings(_env_file=None, mongo_uri=mongo_uri, db_name=db_name, data_dir=tmp_path, public_url="https://p.example"))

    def run(*arguments: str, answer: str = "") -> str:
        done = app.test_cli_runner().invoke(args=["lti", *arguments], input=answer)
        assert done.exit_code == 0, done.output
        return str(done.output)

    given = platform(student)
    urls = ["--issuer", given["issuer"], "--client-id", student, "--login-url", given["auth_login_url"], "--token-url", given["auth_token_url"]]
    run("add", "Canvas", *urls, "--keys-url", given["key_set_url"])
    made = LtiRegistrations(database).find(given["issuer"], student)
    assert made.accepts_deployments
    assert "/lti/jwks/" in run(
        "add", "Other", *[one.replace(student, f"own-{student}") for one in urls], "--keys-url", given["key_set_url"], "--own-keys"
    )
    assert f"client {student}" in run("list")
    link = re.search(r"https://p\.example/lti/register\?once=(\S+)", run("link"))
    assert link is not None
    waiting = LtiWaiting(database)
    assert waiting.look("choice", link[1]) is None, "a secret of one kind opens no other"
    assert waiting.take("registration", link[1]) is not None
    assert waiting.take("registration", link[1]) is None
    database.collection("lti_keys").delete_many({})
    assert "signs from" in run("rotate")
    assert app.test_cli_runner().invoke(args=["lti", "remove", made.registration_id], input="n\n").exit_code == 1
    of_it = {"registration_id": made.registration_id}
    database.collection("users").insert_one({"_id": student, "made_by": "lti", "exam_roles": [{"exam_id": "e", "roles": ["teacher"]}], **of_it})
    LtiLinks(database).add_exam(made.registration_id, "e", "a test")
    assert "is removed" in run("remove", made.registration_id, answer="y\n")
    person = database.collection("users").find_one({"_id": student})
    assert person is not None
    assert (person["exam_roles"], person["epoch"], "changed_at" in person) == ([], 1, True), "a running server ends the logins when it reads this"
    assert database.collection("lti_exams").count_documents(of_it) == 0
    assert {"lti: registered", "lti: registration link made", "lti: key rotated", "lti: removed"} <= set(take_command_acts(database))
    with pytest.raises(Exception, match="not registered"):
        LtiRegistrations(database).find(given["issuer"], student)
