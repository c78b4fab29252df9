"""The audit is searched by people and scripts, and notes who looked at what."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

from flask.testing import FlaskClient

from basics.paths import ROOT
from records.retention import ASKED
from records.seals import SEALED
from records.verified import CUT, DELETED, DELETED_KINDS, ERASED
from tests.helpers.databases import START
from tests.helpers.people import administrator, someone
from tests.helpers.web import PASSWORD, MakeApp
from web.calls.audit import Looked
from web.calls.paging import PAGE
from web.operator.audit_words import ACTS
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
    assert administrator(app).post("/logout", headers=browser).status_code == 302
    assert ada.client.post("/logout").status_code == 302, "who is out already"
    assert database.flush(10)
    assert [(one["what"], one["who"]) for one in database.audit_entries(2)] == [("signed out", "proctor"), ("signed in", "proctor")]


def test_the_page_shows_what_was_asked_and_what_is_wrong_with_it(client: FlaskClient, parts: Parts) -> None:
    note_some(parts)
    page = client.get("/audit?who=ben").text
    assert "Link for a student made" in page
    assert "review: 0" not in page
    wrong = client.get("/audit?since=<b>")
    assert (wrong.status_code, "&lt;b&gt;" in wrong.text, "<b>" in wrong.text) == (422, True, False)
    assert client.get("/audit?limit=2").text.count("?after=") == 1


def test_the_page_says_acts_and_their_details_in_words_and_one_that_is_not_known_as_it_is(client: FlaskClient, parts: Parts) -> None:
    long = "the lamp behind the student " * 40
    entry = {"who": "Ada", "what": "break: begun", "reason": long, "broken_off": True, "odd": {"one": 1}, "sessions": ["a"] * 21}
    assert parts.database.audit(entry).wait(10)
    assert parts.database.audit({"who": "Ada", "what": "moon: seen"}).wait(10)
    page = client.get("/audit").text
    said = re.sub(r"<[^>]+>", "", page)
    assert "Break begun" in said
    assert "moon: seen" in said
    assert re.search(r"<dt>Reason</dt><dd><details><summary>", page)
    assert said.replace("……", "").count("the lamp behind the student") == 40, "all of it is there"
    for name, text in (("Broken off", "yes"), ("odd", "one 1"), ("Sessions", "21")):
        assert f"<dt>{name}</dt><dd><bdi>{text}</bdi>" in page
    stored = client.get("/api/audit?what=break").json
    assert stored is not None
    assert (stored["entries"][0]["what"], stored["entries"][0]["details"]["reason"]) == ("break: begun", long)


def test_the_page_is_searched_by_its_own_words_and_its_table_too(client: FlaskClient, parts: Parts) -> None:
    for what in ("exam: deletion begun", "exam: open", "moon: seen"):
        assert parts.database.audit({"who": "Ada", "what": what}).wait(10)
    for query, found in (("deletion of", 1), ("exam: d", 1), ("DELETION OF AN EXAM BEGUN", 1), ("moon", 1), ("a student", 0), ("exam", 2)):
        assert client.get(f"/audit?what={query}").text.count('<th scope="row">') == found, query
    table = re.search(r'href="([^"]+)" download', client.get("/audit?what=deletion of").text)
    assert table is not None
    assert [row["what"] for row in csv.DictReader(io.StringIO(client.get(unescape(table[1])).text.lstrip("\ufeff")))] == ["exam: deletion begun"]
    assert client.get("/api/audit?what=deletion of").get_json()["count"] == 0, "the published call goes by what is stored"


def test_every_kind_of_act_that_is_noted_is_said_in_words() -> None:
    said = {*DELETED_KINDS.values(), *noted_kinds()}
    assert len(said) > 80
    assert said - ACTS.keys() == set()
    assert ACTS.keys() - said == set(), "nothing notes these"
    assert len({str(text) for text in ACTS.values()}) == len(ACTS)


def noted_kinds() -> Iterator[str]:
    """Every kind that the program's source notes: the first argument of `note` and its kin, and `what` of an entry."""
    names = {"DELETED": DELETED, "ERASED": ERASED, "CUT": CUT, "SEALED": SEALED, "ASKED": ASKED}
    for path in [*ROOT.glob("*.py"), *(path for folder in ("commands", "records", "web") for path in (ROOT / folder).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Dict):
                given = [value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant) and key.value == "what"]
            elif isinstance(node, ast.Call) and name_of(node.func) in ("note", "_note", "note_look"):
                given = node.args[:1]
            elif isinstance(node, ast.Call) and name_of(node.func) in ("note_act", "_change", "entry_of"):
                given = node.args[1:3]
            else:
                continue
            for one in given:
                for part in ast.walk(one):
                    if isinstance(part, ast.JoinedStr) and ": " in str(getattr(part.values[0], "value", "")):
                        found = [kind for kind in ACTS if kind.startswith(str(getattr(part.values[0], "value", "")))]
                        assert found, ast.unparse(part)
                        yield from found
                    elif (
                        isinstance(part, ast.Constant)
                        and isinstance(part.value, str)
                        and ((": " in part.value and part.value[-1] != " ") or part.value.startswith("signed "))
                    ):
                        yield part.value
                    elif isinstance(part, ast.Name) and part.id in names:
                        yield names[part.id]


def name_of(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def test_who_looks_at_the_same_again_is_noted_once() -> None:
    looked = Looked()
    assert [looked.is_new(key) for key in ("a", "b", "a")] == [True, True, False]


def test_looks_of_two_tokens_behind_one_address_are_both_noted(make_app: MakeApp) -> None:
    app = make_app(proctor_password=PASSWORD)
    parts = parts_of(app)
    for name in ("one", "two"):
        _kept, secret = parts.people.tokens.add(name, frozenset({"read"}), by="a test")
        for _again in range(2):
            assert app.test_client().get("/api/sessions/active", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert parts.database.flush(10)
    assert sorted(entry["token"] for entry in parts.database.audit_entries() if entry["what"] == "live: looked at") == ["one", "two"]


def test_who_starts_and_ends_a_session_by_the_published_calls_is_noted(client: FlaskClient, parts: Parts, student: str) -> None:
    session_id = client.post("/api/session/create", json={"user_id": student, "source": "browser"}).get_json()["session_id"]
    assert client.post("/api/session/end", json={"user_id": student}).status_code == 200
    assert parts.database.flush(10)
    noted = [(entry["what"], entry["session_id"]) for entry in parts.database.audit_entries()]
    assert sorted(noted) == [("session: created", session_id), ("session: ended", session_id)]


def test_looks_at_flags_lists_and_accommodations_are_noted(client: FlaskClient, parts: Parts) -> None:
    key = client.post("/api/exams", json={"exam_id": "looked-at", "title": "Looks"}).get_json()["exam"]["exam_key"]
    for path in ("/api/review/queue", "/api/flagged/all", "/api/accommodations", f"/api/exams/{key}/roster"):
        assert client.get(path).status_code == 200, path
    assert parts.database.flush(10)
    noted = sorted(what for entry in parts.database.audit_entries() if (what := entry["what"]).endswith("looked at"))
    assert noted == ["accommodations: looked at", "flags: looked at", "roster: looked at"]


def test_a_look_at_a_live_wall_is_noted_with_its_browser(client: FlaskClient, parts: Parts) -> None:
    for _again in range(2):
        client.get("/api/sessions/active", headers={"User-Agent": "Browser\x01/1 " + "x" * 1000})
    assert parts.database.flush(10)
    (entry,) = parts.database.audit_entries()
    assert (entry["what"], entry["browser"][:9], len(entry["browser"]) <= 200) == ("live: looked at", "Browser/1", True)
