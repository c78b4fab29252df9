"""Administrators' calls, page and commands on Open edX installations."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from commands import registry
from database import Database
from records.command_acts import take_command_acts
from records.edx_installations import Installations
from records.server_key import find_key
from settings.settings import load_settings
from tests.helpers.people import administrator, someone
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.parts import Parts, parts_of

API = "/api/integrations/openedx"
GIVEN = {"name": "Open edX", "lms_url": "https://courses.uni.example/", "lms_client_id": "proctor", "lms_client_secret": "their-secret"}


def test_an_installation_is_added_changed_and_removed_and_shows_no_secret_twice(client: FlaskClient, parts: Parts) -> None:
    made = client.post(API, json=GIVEN).get_json()
    one, secret = made["installation"]["installation_id"], made["secret"]
    assert made["installation"]["lms_url"] == "https://courses.uni.example"
    for field, wrong in {"lms_url": "http://10.0.0.5", "name": "", "lms_client_secret": " "}.items():
        assert error_of(client.post(API, json={**GIVEN, field: wrong}), 422)["field"] == field
    changed = client.patch(f"{API}/{one}", json={"name": "MOOC", "enabled": False}).get_json()["installation"]
    assert (changed["name"], changed["enabled"], changed["lms_client_id"]) == ("MOOC", False, "proctor")
    again = client.post(f"{API}/{one}/secret").get_json()
    assert again["secret"] != secret
    assert again["installation"]["old_secret_until"]
    client.post(f"{API}/{one}/secret")
    assert parts.openedx.installations.known_by(one, again["secret"]) is None, "it is disabled"
    client.patch(f"{API}/{one}", json={"enabled": True})
    assert all(parts.openedx.installations.known_by(one, old) for old in (secret, again["secret"])), "each is good for its day"
    listed = client.get(API).get_json()
    assert listed["base_url"] == "http://localhost/openedx"
    with parts.database.reading():
        kept = str(list(parts.database.collection("edx_installations").find()))
    for hidden in (secret, again["secret"], "their-secret"):
        assert hidden not in str(listed) + kept
    assert "http://localhost/openedx</code>" in client.get("/integrations/openedx").text
    assert client.delete(f"{API}/{one}").status_code == 200
    assert error_of(client.delete(f"{API}/{one}"), 404)["field"] == "installation_id"
    assert parts.database.flush(10)
    acts = parts.database.collection("audit").find({"installation": one}).sort("at", 1)
    said = ("registered", "changed", "secret made", "secret made", "changed", "removed")
    assert [act["what"] for act in acts] == [f"openedx: {what}" for what in said]


def test_they_are_for_administrators(make_app: MakeApp) -> None:
    app = make_app(proctor_password=PASSWORD)
    admin, teacher = administrator(app), someone(app, "tea@uni.example", "teacher")
    for path in (API, "/integrations/openedx"):
        assert (teacher.get(path).status_code, admin.get(path).status_code) == (403, 200)
    assert parts_of(app).openedx.installations.all() == []


def test_the_commands_do_the_same_from_the_servers_own_machine(database: Database, mongo_uri: str, db_name: str, tmp_path: Path) -> None:
    app = Flask("commands")
    settings = load_settings(_env_file=None, mongo_uri=mongo_uri, db_name=db_name, data_dir=tmp_path, public_url="https://p.example")
    registry.register(app, settings)

    def run(*arguments: str, answer: str = "") -> str:
        done = app.test_cli_runner().invoke(args=["openedx", *arguments], input=answer)
        assert done.exit_code == 0, done.output
        return str(done.output)

    assert "No Open edX" in run("list")
    said = run("add", "MOOC", "--lms-url", "https://lms.example", "--lms-client-id", "us", "--onboarding", answer="theirs\n")
    found = re.search(r"base_url: https://p\.example/openedx\s+client_id: (\w+)\s+client_secret: (\S+)", said)
    assert found is not None, said
    installations = Installations(database, find_key(settings))
    known = installations.known_by(found[1], found[2])
    assert known is not None
    assert (known[0].onboarding, installations.lms_secret_of(known[0])) == (True, "theirs")
    assert "onboarding comes first" in run("list")
    new = run("secret", found[1]).rpartition(" ")[2].strip()
    assert installations.known_by(found[1], new) is not None
    assert app.test_cli_runner().invoke(args=["openedx", "remove", found[1]], input="n\n").exit_code == 1
    assert "is removed" in run("remove", found[1], answer="y\n")
    assert installations.all() == []
    assert {"openedx: registered", "openedx: secret made", "openedx: removed"} <= set(take_command_acts(database))
