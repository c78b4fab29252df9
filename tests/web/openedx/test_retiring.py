"""Who is retired in Open edX is found nowhere afterwards: in no collection and no line of a log, by no ID, name, address or note."""

from __future__ import annotations

import pytest
from flask import Flask

from records.edx_attempts import student_id_of
from records.lti_people import user_id_of
from tests.helpers.erasing import retention_of
from tests.helpers.hooks import receiving
from tests.helpers.openedx import ANN, BEN, Edx, Teller, lms
from tests.helpers.web import PASSWORD, MakeApp
from web.parts import Parts, parts_of

ADA = "c" * 40


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = make_app(proctor_password=PASSWORD, lti_private_hosts="127.0.0.1")
    parts_of(app).retention = retention_of(parts_of(app))
    return app


def where_found(parts: Parts, *texts: str) -> set[tuple[str, str]]:
    """The collections and the logs that have one of the texts, each with the text."""
    assert parts.database.flush(10)
    with parts.database.reading():
        stored = parts.database.collection("sessions").database
        rows = [(name, str(row)) for name in stored.list_collection_names() for row in stored[name].find()]
    rows += [(path.name, path.read_text("utf-8", "replace")) for path in parts.settings.log_dir.rglob("*") if path.is_file()]
    return {(name, one) for name, row in rows for one in texts if one in row}


def test_nothing_of_a_retired_student_is_found(app: Flask) -> None:
    parts = parts_of(app)
    with receiving() as receiver:
        receiver.answer = lms
        edx = Edx(app, receiver.url.rpartition("/")[0])
        teller = Teller(parts)
        exam = edx.exam()
        attempt = edx.attempt(exam, review_policy_exception="Ann needs rest")
        session = parts.monitor.get(edx.enter(exam, attempt).get_json()["session_id"])
        assert session is not None
        session.begin()
        teller.run()
        assert edx.says(exam, attempt, "submitted").status_code == 200
        edx.attempt(exam, BEN, full_name="Ben Ray", email="ben@uni.example")
        log = parts.settings.log_dir / "app.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"one of {ANN}\na letter to ann@uni.example\none of {BEN}\n")
        known = [ANN, "Ann Lee", "ann@uni.example", "Ann needs rest", student_id_of(edx.installation.id, ANN), attempt]
        assert {name for name, _text in where_found(parts, *known)} >= {"sessions", "roster", "edx_attempts", "outbox", "audit", "app.log"}
        assert edx.ask("DELETE", f"user/{ANN}/").get_json() is True
        assert where_found(parts, *known) == set()
        assert {name for name, _text in where_found(parts, BEN, "Ben Ray")} == {"roster", "edx_attempts", "app.log"}
        log.write_text(f"another of {ANN}\n")
        assert edx.ask("DELETE", f"user/{ANN}/").get_json() is True, "nothing is stored"
        assert where_found(parts, ANN) == set()


def test_who_was_staff_is_retired_with_the_account_that_was_made_for_it(app: Flask) -> None:
    parts, edx = parts_of(app), Edx(app)
    edx.exam()
    assert edx.client.get(edx.way_in()).status_code == 303
    (account,) = parts.people.accounts.of_registration(edx.installation.id)
    known = [ADA, "Ada Byron", "ada@uni.example", user_id_of(edx.installation.id, ADA)]
    assert {name for name, _text in where_found(parts, *known)} == {"lti_people", "users", "audit"}
    assert edx.ask("DELETE", f"user/{ADA}/").get_json() is True
    assert where_found(parts, *known) == {("audit", "Ada Byron")}, "who did what stays"
    assert parts.people.accounts.by_id(account.id) is None

    assert edx.client.get(edx.way_in(jti="another")).status_code == 303
    (account,) = parts.people.accounts.of_registration(edx.installation.id)
    parts.people.accounts.edit(account.id, by="a test", roles=frozenset({"teacher"}))
    assert edx.ask("DELETE", f"user/{ADA}/").get_json() is True
    assert {name for name, _text in where_found(parts, *known)} == {"users", "audit"}, "somebody here gave it a role"
    assert "openedx: account stays" in [entry["what"] for entry in parts.database.audit_entries(5)]
