"""The audit is searched by people and scripts, and notes who looked at what."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from flask.testing import FlaskClient

from tests.helpers.databases import START
from tests.helpers.people import someone
from tests.helpers.web import PASSWORD, MakeApp
from web.calls.audit import Looked
from web.calls.paging import PAGE
from web.parts import Parts, parts_of


def note_some(parts: Parts) -> None:
    for number in range(5):
        entry = {"at": START.replace(minute=number), "who": "Ada", "what": f"review: {number}", "user_id": "zoe", "address": "::1", "note": "=1+1"}
        assert parts.database.audit(entry).wait(10)
    assert parts.database.audit({"at": START.replace(day=9), "who": "Ben", "what": "link: made", "session_id": "a" * 32, "exam_id": "e"}).wait(10)


def test_the_audit_is_paged_and_filtered(client: FlaskClient, parts: Parts) -> None:
    note_some(parts)
    first = client.get("/api/audit?limit=4&who=ada").json
    assert first is not None
    assert [entry["what"] for entry in first["entries"]] == ["review: 4", "review: 3", "review: 2", "review: 1"]
    assert first["entries"][0]["details"] == {"note": "=1+1"}
    assert len(first["entries"][0]["hash"]) == 64
    rest = client.get(f"/api/audit?limit=4&who=ada&after={first['next_after']}").json
    assert rest is not None
    assert ([entry["what"] for entry in rest["entries"]], rest["next_after"]) == (["review: 0"], None)
    for query, count in (
        ("session_id=" + "A" * 32, 1),
        ("exam_id=e", 1),
        ("user_id=zoe", 5),
        ("since=2024-10-09", 1),
        ("until=2024-10-05", 5),
        ("what=link", 1),
    ):
        answer = client.get(f"/api/audit?{query}").json
        assert answer is not None
        assert answer["count"] == count, query
    assert client.get("/api/audit?since=yesterday").status_code == 422
    assert client.get("/api/audit?after=nothing").status_code == 422


def test_the_table_runs_in_no_spreadsheet_and_that_it_was_taken_is_noted(client: FlaskClient, parts: Parts) -> None:
    note_some(parts)
    rows = list(csv.DictReader(io.StringIO(client.get("/api/audit.csv?who=Ada").text.lstrip("\ufeff"))))
    assert [row["what"] for row in rows] == [f"review: {number}" for number in (4, 3, 2, 1, 0)]
    assert rows[0]["details"] == "note: =1+1"
    assert client.get("/api/audit.csv?since=2024-10-05&until=2024-10-04").status_code == 422
    assert parts.database.flush(10)
    assert [entry["what"] for entry in parts.database.audit_entries(1)] == ["audit: exported"]


def test_a_long_table_is_whole_and_every_entry_is_in_it_once(client: FlaskClient, parts: Parts) -> None:
    for number in range(2 * PAGE + 1):
        noted = parts.database.audit({"at": START + timedelta(seconds=number), "who": "Zoe", "what": f"clip: {number}"})
    assert noted.wait(10)
    rows = list(csv.DictReader(io.StringIO(client.get("/api/audit.csv?who=Zoe").text.lstrip("\ufeff"))))
    assert [row["what"] for row in rows] == [f"clip: {number}" for number in reversed(range(2 * PAGE + 1))]


def test_who_logs_out_and_who_is_not_let_in_are_noted_with_the_browser(make_app: MakeApp) -> None:
    app = make_app(proctor_password=PASSWORD)
    ada = someone(app, "ada", "teacher")
    browser = {"User-Agent": "Mozilla/5.0 a browser"}
    assert ada.client.post("/logout", headers=browser).status_code == 302
    assert ada.client.post("/login", data={"username": "ada", "password": "wrong"}, headers=browser).status_code == 401
    database = parts_of(app).database
    assert database.flush(10)
    noted = {one["what"]: (one["who"], one["browser"]) for one in database.audit_entries(2)}
    assert noted == {"signed out": ("Ada", browser["User-Agent"]), "sign-in: failed": ("ada", browser["User-Agent"])}


def test_the_page_shows_what_was_asked_and_what_is_wrong_with_it(client: FlaskClient, parts: Parts) -> None:
    note_some(parts)
    page = client.get("/audit?who=ben").text
    assert "link: made" in page
    assert "review: 0" not in page
    wrong = client.get("/audit?since=<b>")
    assert (wrong.status_code, "&lt;b&gt;" in wrong.text, "<b>" in wrong.text) == (422, True, False)
    assert client.get("/audit?limit=2").text.count("?after=") == 1


def test_who_looks_at_the_same_again_is_noted_once() -> None:
    looked = Looked()
    assert [looked.is_new(key) for key in ("a", "b", "a")] == [True, True, False]


def test_a_look_at_a_live_wall_is_noted_with_its_browser(client: FlaskClient, parts: Parts) -> None:
    for _again in range(2):
        client.get("/api/sessions/active", headers={"User-Agent": "Browser\x01/1 " + "x" * 1000})
    assert parts.database.flush(10)
    (entry,) = parts.database.audit_entries()
    assert (entry["what"], entry["browser"][:9], len(entry["browser"]) <= 200) == ("live: looked at", "Browser/1", True)
