"""Safe Exam Browser: what a page must prove and at which address, what lets a link in, and what is kept of it. The client itself is played."""

from __future__ import annotations

import plistlib
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from basics.errors import ConfigError
from basics.times import utc_now
from records.package_contents import Gathered
from records.seb import FILE_MAX_BYTES, config_key, proof, read_seb
from sessions.session import ExamSession
from settings.settings import load_settings
from tests.helpers.http_page import HttpPage
from tests.helpers.sessions import live
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp, error_of, local_client
from web.parts import Parts, parts_of
from web.proctor.package_report import report_of

OWN, OTHER = "c" * 64, "d" * 64
MAC = "SEB_macOS_3.5"


class Taken:
    """A session of an exam that asks for Safe Exam Browser, and its student's page. `at` is the server's address as the page's browser has it."""

    def __init__(self, app: Flask, student: str, *, at: str = "http://localhost", headers: dict[str, str] | None = None, **exam: Any) -> None:
        self.parts: Parts = parts_of(app)
        self.client, self.at = local_client(app), at
        self.client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {API_TOKEN}"
        self.headers = headers or {}
        self.exam_id = f"seb-{student}"
        made = self.client.post("/api/exams", json={"exam_id": self.exam_id, "title": "Algebra", "seb": "required", **exam}, headers=self.headers)
        assert made.status_code == 200, made.data
        self.key: str = made.get_json()["exam"]["exam_key"]
        self.client.post(f"/api/exams/{self.key}/state", json={"state": "open"})
        self.own = self.client.get(f"/api/exams/{self.key}", headers=self.headers).get_json()["exam"]["seb_config_key"]
        created = self.client.post("/api/session/create", json={"user_id": student, "exam_id": self.exam_id, "source": "browser"}).get_json()
        self.session = live(self.parts, created)
        self.bearer = {"Authorization": f"Bearer {self.parts.access.make_student_token(self.session.session_id)}"} | self.headers

    def change(self, **more: Any) -> None:
        fields = {"exam_id": self.exam_id, "title": "Algebra", "seb": "required", **more}
        revision = self.client.get(f"/api/exams/{self.key}").get_json()["exam"]["revision"]
        assert self.client.put(f"/api/exams/{self.key}", json={**fields, "revision": revision}).status_code == 200

    @property
    def terms(self) -> dict[str, str]:
        terms: dict[str, str] = self.client.get("/api/student/session", headers=self.bearer).get_json()["seb"]
        return terms

    @property
    def page(self) -> str:
        """The page's whole address."""
        return self.at + self.terms["page"]

    @property
    def part(self) -> str:
        return self.terms["page"].rpartition("seb=")[2]

    def say(self, *, query: str = "", headers: dict[str, str] | None = None, **body: str) -> dict[str, Any]:
        answer = self.client.post(f"/api/student/seb{query}", json=body, headers=self.bearer | (headers or {}))
        assert answer.status_code == 200, answer.data
        said: dict[str, Any] = answer.get_json()
        return said

    def state(self, **said: Any) -> str:
        return str(self.say(**said)["state"])

    def come_in(self, link_pass: str = "") -> HttpPage:
        def post(address: str, body: bytes) -> tuple[int, dict[str, Any]]:
            answer = self.client.post(f"{address}&seb={link_pass}", data=body, headers=self.bearer)
            return answer.status_code, answer.get_json()

        page = HttpPage(post)
        page.turn()
        return page

    @property
    def shown(self) -> list[dict[str, Any]]:
        path = f"/api/session/{self.session.session_id}/details"
        found: list[dict[str, Any]] = self.client.get(path).get_json()["session"]["seb"]
        return [{name: one[name] for name in ("state", "version")} for one in found]


@pytest.fixture
def taken(app: Flask, student: str) -> Taken:
    return Taken(app, student)


def test_what_the_page_reads_proves_it_at_its_own_address_only(taken: Taken) -> None:
    assert taken.state() == "no"
    assert taken.state(config_key=proof(taken.page, taken.own), version=MAC) == "yes"
    assert taken.state(config_key=proof(f"{taken.page}&lang=de", taken.own), lang="de") == "yes", "where the reader's language stands in it"
    assert taken.state(config_key=proof(taken.page, OTHER), version=MAC) == "unknown", "another configuration"
    for address in (taken.page.replace("/portal", "/exams"), f"{taken.page}&x=1", taken.page.rpartition("&")[0], f"{taken.at}/"):
        assert taken.state(config_key=proof(address, taken.own)) == "unknown", address
    assert taken.state(config_key=proof(f"{taken.page}&lang=x/y", taken.own), lang="x/y") == "unknown", "no language of ours"
    assert taken.state(config_key=taken.own) == "unknown", "the key itself is no proof"
    assert taken.say(version="x" * 200)["state"] == "unknown"
    assert error_of(taken.client.post("/api/student/seb", json={"version": "a\nb"}, headers=taken.bearer), 422)["field"] == "version"
    assert error_of(taken.client.post("/api/student/seb", json={"config_key": "a" * 201}, headers=taken.bearer), 422)["field"] == "config_key"


def test_a_proof_that_was_seen_is_worth_nothing_in_another_session(app: Flask, student: str) -> None:
    first, second = Taken(app, student), Taken(app, f"{student}-b", seb_config_keys=[])
    assert first.part != second.part
    seen = proof(first.page, first.own)
    second.change(seb_config_keys=[first.own])
    assert second.state(config_key=seen) == "unknown"
    assert second.state(config_key=proof(second.page, first.own)) == "yes", "the key would do"
    address = f"{first.at}/api/student/seb?seb={first.part}"
    headers = {"X-SafeExamBrowser-ConfigKeyHash": proof(address, first.own)}
    assert first.state(query=f"?seb={first.part}", headers=headers) == "yes"
    assert second.state(query=f"?seb={first.part}", headers=headers) == "unknown"


def test_headers_prove_it_at_the_address_of_the_call(taken: Taken) -> None:
    query = f"?seb={taken.part}&e=1"
    address = f"{taken.at}/api/student/seb{query}"
    for header, said in (("ConfigKeyHash", proof(address, taken.own)), ("ConfigKeyHash", proof(address, taken.own).upper())):
        assert taken.state(query=query, headers={f"X-SafeExamBrowser-{header}": said}) == "yes"
    wrong = {"ConfigKeyHash": proof(address, OTHER), "RequestHash": proof(address, taken.own)}
    for header, said in wrong.items():
        assert taken.state(query=query, headers={f"X-SafeExamBrowser-{header}": said}) == "unknown"
    bare = proof(f"{taken.at}/api/student/seb", taken.own)
    assert taken.state(headers={"X-SafeExamBrowser-ConfigKeyHash": bare}) == "unknown", "an address that is every student's"
    assert taken.state(headers={"User-Agent": "SEB/3.10.1"}) == "unknown", "who says so has proved nothing"
    assert taken.shown[-1]["version"] == "SEB/3.10.1"
    body = {"results": [{"item": "camera", "state": "ready"}], "seb": {}}
    check = f"/api/student/check{query}"
    headers = taken.bearer | {"X-SafeExamBrowser-ConfigKeyHash": proof(taken.at + check, taken.own)}
    assert taken.client.post(check, json=body, headers=headers).status_code == 200
    assert taken.shown[-1]["state"] == "yes", "the check tells it, too"


def test_which_keys_are_allowed(make_app: MakeApp, student: str) -> None:
    default = "e" * 64
    taken = Taken(make_app(seb_config_keys=f" {default.upper()}, "), student, seb_own_file=False, seb_browser_exam_keys=[OTHER.upper()])
    assert taken.own == ""

    def allowed(key: str, name: str = "config_key") -> bool:
        return taken.state(**{name: proof(taken.page, key)}) == "yes"

    assert allowed(default)
    assert allowed(OTHER, "browser_exam_key")
    assert not allowed(OTHER), "a Browser Exam Key is no Config Key"
    taken.change(seb_own_file=False, seb_config_keys=[OWN, OWN])
    assert allowed(OWN)
    assert not allowed(default), "the exam names its own"
    taken.change(seb_own_file=True)
    own = taken.client.get(f"/api/exams/{taken.key}").get_json()["exam"]["seb_config_key"]
    assert allowed(own), "put right while the session waits"
    taken.change(seb="off")
    assert taken.say()["mode"] == "off"


def test_who_must_be_in_it_is_let_in_by_a_proof_and_each_connection_by_its_own(taken: Taken) -> None:
    refused = taken.come_in()
    assert (refused.over, refused.heard, taken.session.begun) == ("again", [{"type": "seb"}], False)
    assert taken.shown == [{"state": "unknown", "version": ""}]
    assert taken.say()["link_pass"] is None
    assert taken.say(config_key=proof(taken.page, OTHER))["link_pass"] is None
    given = taken.say(config_key=proof(taken.page, taken.own), version=MAC)["link_pass"]
    assert taken.come_in("x" * 24).over == "again"
    page = taken.come_in(given)
    assert page.of_type("welcome"), page.heard
    assert taken.session.begun
    assert taken.come_in(given).over == "again", "it is used up"
    assert taken.shown[-1] == {"state": "yes", "version": MAC}
    taken.change(sites=["https://docs.example"])
    assert taken.client.get(f"/api/exams/{taken.key}").get_json()["exam"]["seb_config_key"] != taken.own
    assert taken.state(config_key=proof(taken.page, taken.own), version=MAC) == "yes", "who has begun goes on by the file as it was"
    line = next(one for one in taken.client.get(f"/api/sessions?exam_id={taken.exam_id}").get_json()["sessions"])
    assert line["seb"][-1]["state"] == "yes"
    assert taken.session.status().total_score == 0


def test_an_exam_that_was_defined_after_its_session_is_entered_with_a_proof_and_one_that_had_begun_goes_on(app: Flask, student: str) -> None:
    parts, client = parts_of(app), local_client(app)

    def waiting(name: str) -> ExamSession:
        return live(parts, client.post("/api/session/create", json={"user_id": name, "exam_id": f"seb-{student}", "source": "browser"}).get_json())

    begun, waits = waiting(f"{student}-b"), waiting(f"{student}-c")
    begun.begin()
    taken = Taken(app, student)
    for session, mode, may in ((waits, "required", True), (begun, "off", False)):
        taken.session = session
        taken.bearer["Authorization"] = f"Bearer {parts.access.make_student_token(session.session_id)}"
        if not may:
            assert taken.client.get("/api/student/session", headers=taken.bearer).get_json()["seb"] is None
            assert taken.say()["mode"] == mode
            assert taken.come_in().of_type("welcome"), "nobody could prove it"
            continue
        assert taken.come_in().over == "again"
        given = taken.say(config_key=proof(taken.page, taken.own))
        assert (given["mode"], given["state"]) == (mode, "yes")
        assert taken.come_in(given["link_pass"]).of_type("welcome")


def test_where_it_is_noted_everybody_begins_and_it_is_said(app: Flask, student: str) -> None:
    taken = Taken(app, student, seb="noted")
    assert taken.come_in().of_type("welcome")
    assert taken.shown == [{"state": "unknown", "version": ""}]
    given = taken.say(config_key=proof(taken.page, taken.own))["link_pass"]
    assert taken.come_in(given).of_type("welcome")
    assert taken.shown[-1]["state"] == "yes"
    assert taken.come_in().of_type("welcome")
    assert taken.shown[-1]["state"] == "unknown", "another page came, and proved nothing"
    assert taken.state() == "no"
    assert taken.parts.database.flush(10)
    stored = taken.parts.database.session(taken.session.session_id)
    states = ["unknown", "yes", "unknown", "no"]
    assert [one["state"] for one in stored["seb"]] == states
    taken.session.watch_over.seb.take_up({"seb": [*stored["seb"], "x", {"state": 5}]})
    assert [one["state"] for one in taken.session.watch_over.seb.documents()] == states, "after the server's restart"


def test_where_it_is_not_asked_for_nothing_is_said(client: FlaskClient, parts: Parts, student: str) -> None:
    created = client.post("/api/session/create", json={"user_id": student, "source": "browser"}).get_json()
    bearer = {"Authorization": f"Bearer {parts.access.make_student_token(created['session_id'])}"}
    assert client.get("/api/student/session", headers=bearer).get_json()["seb"] is None
    assert client.post("/api/student/seb", json={}, headers=bearer).get_json()["mode"] == "off"
    assert live(parts, created).watch_over.seb.documents() == []


def test_the_address_is_the_one_at_which_students_reach_the_server(make_app: MakeApp, student: str) -> None:
    safe = {"proctor_password": PASSWORD, "api_token": API_TOKEN}
    public = make_app(public_url="https://Uni.Example:443/proctor", trusted_proxies="1", **safe)
    taken = Taken(public, student, at="https://uni.example/proctor")
    assert taken.state(config_key=proof(taken.page, taken.own)) == "yes"
    assert taken.state(config_key=proof(f"http://localhost/proctor{taken.terms['page']}", taken.own)) == "unknown"
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.9", "Host": "exams.example"}
    behind = Taken(make_app(trusted_proxies="1", **safe), f"{student}-b", at="https://exams.example", headers=proxied)
    assert behind.state(config_key=proof(behind.page, behind.own)) == "yes"
    query = f"?seb={behind.part}"
    header = {"X-SafeExamBrowser-ConfigKeyHash": proof(f"https://exams.example/api/student/seb{query}", behind.own)}
    assert behind.state(query=query, headers=header) == "yes"
    alone = Taken(make_app(**safe), f"{student}-c", at="http://exams.example", headers=proxied)
    assert alone.state(config_key=proof(alone.page, alone.own)) == "yes", "nobody's word of the scheme is taken without TRUSTED_PROXIES"


def test_the_exams_file_opens_it_and_has_the_key_that_is_shown(app: Flask, student: str) -> None:
    taken = Taken(app, student, address="https://quiz.example/start", sites=["docs.example"])
    answer = taken.client.get(f"/exams/{taken.key}.seb", headers={"Authorization": ""})
    assert (answer.status_code, answer.mimetype) == (200, "application/seb")
    settings = read_seb(answer.data)
    assert config_key(settings) == taken.own
    assert settings["startURL"] == f"http://localhost/seb/{taken.key}"
    expressions = [rule["expression"] for rule in settings["URLFilterRules"]]
    assert expressions == ["http://localhost/*", "ws://localhost/*", "https://quiz.example/*", "https://docs.example/*"]
    taken.change(seb="off")
    error_of(taken.client.get(f"/exams/{taken.key}.seb", headers={"Accept": "application/json"}), 404)
    error_of(taken.client.get(f"/exams/{'0' * 32}.seb", headers={"Accept": "application/json"}), 404)
    assert taken.client.get("/seb/quit").status_code == 200


def test_a_students_own_link_leads_into_it_for_a_quarter_of_an_hour(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    def led(ticket: str) -> str:
        answer = taken.client.get(f"/seb/{taken.key}?t={ticket}", headers={"Authorization": ""})
        assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "no-store")
        return answer.headers["Location"]

    bare = f"http://localhost/portal?exam={taken.key}"
    ticket = taken.terms["ticket"]
    address, _, token = led(ticket).partition("#t=")
    assert address == bare
    assert taken.parts.access.read_student_token(token) == taken.session.session_id
    forged = URLSafeTimedSerializer("another key", salt="seb").dumps([taken.session.session_id, 0])
    odd = URLSafeTimedSerializer(taken.parts.access.secret_key, salt="seb").dumps("odd")
    for wrong in ("", "x", forged, odd, token, "%ff"):
        assert led(wrong) == bare
    taken.session.watch_over.end_links()
    assert led(ticket) == bare, "another link was made since"
    taken.bearer["Authorization"] = f"Bearer {taken.parts.access.make_student_token(taken.session.session_id)}"
    fresh = taken.terms["ticket"]
    assert led(fresh) != bare
    monkeypatch.setattr("web.student.seb.TICKET_S", -1)
    assert led(fresh) == bare


def test_the_key_of_an_uploaded_file_is_told_and_nothing_else_is_taken(client: FlaskClient) -> None:
    settings = {"startURL": "https://quiz.example/", "allowQuit": False}
    answer = client.post("/api/seb/config-key", data=plistlib.dumps(settings)).get_json()
    assert answer == {"config_key": config_key(settings), "start_url": "https://quiz.example/"}
    assert client.post("/api/seb/config-key", data=plistlib.dumps({"startURL": 5})).get_json()["start_url"] == ""
    assert error_of(client.post("/api/seb/config-key", data=b"pswd" + b"\x00" * 99), 422)["field"] == "file"
    error_of(client.post("/api/seb/config-key", data=b" " * (FILE_MAX_BYTES + 1)), 413)


def test_keys_are_bounded_and_copied_with_the_exam(taken: Taken) -> None:
    make = {"exam_id": f"{taken.exam_id}-b", "title": "B", "seb": "required", "seb_own_file": False}
    for field, wrong in (("seb_config_keys", ["xyz"]), ("seb_config_keys", [OWN[:-1]]), ("seb_browser_exam_keys", [f"{n:064x}" for n in range(101)])):
        assert error_of(taken.client.post("/api/exams", json={**make, field: wrong}), 422)["field"] == field
    made = taken.client.post("/api/exams", json=make).get_json()["exam"]
    assert any("no key is allowed" in note for note in made["notes"])
    taken.change(seb_config_keys=[OWN.upper()], seb="noted")
    copied = taken.client.post(f"/api/exams/{taken.key}/duplicate", json={"exam_id": f"{taken.exam_id}-c"}).get_json()["exam"]
    assert (copied["seb"], copied["seb_config_keys"]) == ("noted", [OWN])
    assert copied["seb_config_key"] != taken.own, "its own file begins at another exam"


def test_a_packages_report_says_it() -> None:
    changes = [{"at": 0.0, "state": "no", "version": ""}, {"at": 9.0, "state": "yes", "version": MAC}, {"at": 9.5, "state": 5}]
    for seb, words in ((changes, f"No: another browser. Yes: it proved an allowed key. {MAC}"), ([], None)):
        session = {"_id": "a" * 32, "user_id": "s", "state": "ended", "started_at": utc_now(), "seb": seb}
        report = report_of(Gathered(session, [], [], 0, {}), utc_now(), "proctor")
        facts = {row[0]: row[1] for section in report.sections if section.table for row in section.table.rows if len(row) == 2}
        assert facts.get("Safe Exam Browser") == words


@pytest.mark.parametrize("wrong", ["x" * 64, "a" * 63, ",".join(f"{n:064x}" for n in range(21))])
def test_a_setting_that_is_no_key_stops_the_start(wrong: str) -> None:
    with pytest.raises(ConfigError, match="SEB_CONFIG_KEYS"):
        load_settings(_env_file=None, seb_config_keys=wrong)
