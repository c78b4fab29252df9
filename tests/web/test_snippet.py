"""An exam that pages of another site start: who comes by a signed token, and what those pages are given."""

from __future__ import annotations

import base64
import json
import logging
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from basics.paths import ROOT
from tests.helpers.hooks import HERE
from tests.helpers.nginx import served
from tests.helpers.people import browser_of, someone
from tests.helpers.sessions import live, stop_server
from tests.helpers.waiting import until
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.access.limits import RateLimit
from web.integrations.snippet.entering import MODULES, SCRIPTS
from web.parts import Parts, parts_of

SITE = "https://exams.example"
DOCUMENT = (ROOT / "docs/integrations/snippet.md").read_text(encoding="utf-8")
Enter = Callable[..., Any]


def sample(language: str) -> str:
    """The code by which the documentation signs a token in a language."""
    found = re.search(rf"```{language}\n(.*?start_?token.*?)```", DOCUMENT, re.DOTALL | re.IGNORECASE)
    assert found is not None
    return found[1]


def start_token(secret: str, exam: str, student: str, name: str) -> str:
    """As the documentation signs one in Python."""
    known: dict[str, Any] = {}
    exec(sample("python"), known)
    return str(known["start_token"](secret, exam, student, name))


def signed(secret: str, exam: str, student: str, algorithm: str = "HS256", **more: Any) -> str:
    claims = {"exam": exam, "sub": student, "jti": f"{student}-{time.monotonic_ns()}", "exp": int(time.time()) + 120, **more}
    key = OctKey.import_key(secret)
    return jwt.encode({"alg": algorithm}, {name: value for name, value in claims.items() if value is not None}, key, algorithms=[algorithm])


def unsigned(exam: str, student: str) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part({'exam': exam, 'sub': student, 'jti': 'a' * 20, 'exp': int(time.time()) + 60})}."


@pytest.fixture
def exam(student: str) -> str:
    """The id of an exam of its own."""
    return f"page-{student}"


@pytest.fixture
def key(client: FlaskClient, exam: str) -> str:
    """The exam, open, with the site of its pages."""
    made = client.post("/api/exams", json={"exam_id": exam, "title": "Algebra", "place": "tab", "snippet_origins": [f"{SITE}:443/"]})
    assert made.get_json()["exam"]["snippet_origins"] == [SITE]
    exam_key: str = made.get_json()["exam"]["exam_key"]
    client.post(f"/api/exams/{exam_key}/state", json={"state": "open"})
    return exam_key


@pytest.fixture
def secret(client: FlaskClient, key: str) -> str:
    return str(client.post(f"/api/exams/{key}/snippet/secret").get_json()["secret"])


@pytest.fixture
def enter(client: FlaskClient, key: str) -> Enter:
    """Come from a page with a token."""

    def come(token: str, *, origin: str = SITE, exam_key: str = key) -> Any:
        return client.post("/api/student/enter/page", json={"exam_key": exam_key, "origin": origin, "token": token})

    return come


@pytest.fixture
def ask(client: FlaskClient, key: str) -> Callable[[str], Any]:
    """Ask as the exam's own site does."""
    return lambda token: client.post("/api/snippet/student", json={"exam_key": key, "token": token})


def session_by(client: FlaskClient, answer: Any) -> str:
    """The session into which the student's own link leads."""
    path = answer.get_json()["path"]
    assert path.startswith("/portal?exam=")
    entered = client.post("/api/student/enter", json={"link": path.partition("#r=")[2]}).get_json()
    return str(entered["session_id"])


def test_a_token_leads_into_the_exam_as_the_lists_own_link_does(
    client: FlaskClient, parts: Parts, enter: Enter, key: str, exam: str, secret: str, student: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tokens = [
        start_token(secret, exam, student, "Änne Müller"),
        signed(secret, exam.upper(), student),
        signed(secret, exam, student, name="A. Müller"),
    ]
    sessions = {session_by(client, enter(token)) for token in tokens}
    assert len(sessions) == 1, "who comes again goes on"
    (row,) = parts.rosters.rows(key)
    assert (row.user_id, row.name) == (student, "A. Müller")
    assert error_of(enter(tokens[0]), 401)["message"].count("used already") == 1
    assert parts.database.flush(10)
    audit = list(parts.database.collection("audit").find({"exam_id": exam}).sort("seq", 1))
    assert [entry["what"] for entry in audit if "snippet" in entry["what"] or "secret" in entry["what"]] == [
        "exam: start secret made",
        "snippet: student new",
    ]
    told = [client.get(f"/api/exams/{key}").text, client.get(f"/api/exams/{key}/snippet").text, str(audit)]
    told += [str(list(parts.database.collection(name).find())) for name in ("exams", "snippet_secrets", "sessions", "roster")]
    told += [record.getMessage() for record in caplog.records if not record.name.startswith("pymongo")]
    assert [text for text in told if secret in text or any(token in text for token in tokens)] == []


def test_the_documented_lines_for_node_sign_as_those_for_python(enter: Enter, exam: str, secret: str, student: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js")
    program = sample("js") + f"console.log(startToken({secret!r}, {exam!r}, {student!r}, 'Ann'));"
    said = subprocess.run([node, "--input-type=module", "-e", program], capture_output=True, text=True, check=True, timeout=60)
    assert enter(said.stdout.strip()).status_code == 200


def test_a_token_that_can_not_be_believed_lets_nobody_in(
    client: FlaskClient, parts: Parts, enter: Enter, key: str, exam: str, secret: str, student: str
) -> None:
    now = time.time()
    rsa = jwt.encode({"alg": "RS256"}, {"exam": exam, "sub": student}, RSAKey.generate_key(2048))
    refused = {
        "signature is wrong": signed(secret[::-1], exam, student),
        "not signed as it must be": unsigned(exam, student),
        "not signed as it must be ": signed(secret, exam, student, "HS512"),
        "not signed as it must be  ": rsa,
        "another exam": signed(secret, "another", student),
        "another exam ": signed(secret, "", student),
        "another exam  ": start_token(secret, "\ud800", student, "Ann"),
        "not good any more": signed(secret, exam, student, exp=int(now) - 61),
        "longer than five minutes": signed(secret, exam, student, exp=int(now) + 900),
        "until when it is good": signed(secret, exam, student, exp=None),
        "until when it is good ": signed(secret, exam, student, exp=10**400),
        "clock is ahead": signed(secret, exam, student, iat=int(now) + 600),
        "number of its own": signed(secret, exam, student, jti="short"),
        "number of its own ": signed(secret, exam, student, jti=None),
        "name the student": signed(secret, exam, "two words"),
        "name the student ": signed(secret, exam, student, sub=[student]),
        "name the student  ": signed(secret, exam, student, name="two\nlines"),
        "no whole token": "a.b",
        "can’t be read": "a.b.c",
    }
    for why, token in refused.items():
        assert why.strip() in error_of(enter(token), 401)["message"], why
    assert error_of(enter("x" * 5000), 422)["field"] == "token"
    good = signed(secret, exam, student)
    for origin in ("https://evil.example", "http://exams.example", f"{SITE}:8443", "null", ""):
        assert error_of(enter(good, origin=origin), 403)["field"] == "origin"
    assert enter(good, exam_key="0" * 32).status_code == 404
    assert parts.rosters.rows(key) == []
    newer = client.post(f"/api/exams/{key}/snippet/secret").get_json()["secret"]
    assert "signature" in error_of(enter(good), 401)["message"]
    assert enter(signed(newer, exam, student)).status_code == 200


def test_the_lists_word_and_the_exams_hold(client: FlaskClient, parts: Parts, enter: Enter, key: str, exam: str, secret: str, student: str) -> None:
    def link() -> Any:
        path = enter(signed(secret, exam, student)).get_json()["path"]
        return client.post("/api/student/enter", json={"link": path.partition("#r=")[2]})

    assert link().status_code == 200
    parts.rosters.set_links(parts.rosters.rows(key), "revoke")
    assert link().status_code == 401
    parts.rosters.set_links(parts.rosters.rows(key), "restore")
    client.post("/api/session/end", json={"user_id": student, "exam_id": exam})
    client.post(f"/api/exams/{key}/state", json={"state": "closed"})
    assert error_of(link(), 409)["reason"] == "closed"
    found = client.get(f"/api/exams/{key}").get_json()["exam"]
    assert found["rules"]["points"]["tab_switch"] > 0, "its page tells when it is left"
    assert client.put(f"/api/exams/{key}", json={**found, "snippet_origins": []}).status_code == 200
    assert client.get(f"/api/exams/{key}").get_json()["exam"]["rules"]["points"]["tab_switch"] == 0
    assert enter(signed(secret, exam, student)).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"snippet_origins": ["http://exams.example"]},
        {"snippet_origins": ["https://exams.example/path"]},
        {"snippet_origins": ["https://*.example"]},
        {"snippet_origins": ["https://user@exams.example"]},
        {"snippet_origins": ["null"]},
        {"snippet_origins": ["https://exams.example:99999"]},
        {"snippet_origins": [SITE] * 11},
        {"snippet_origins": [SITE], "place": "page"},
    ],
)
def test_a_site_is_named_as_browsers_name_it(client: FlaskClient, fields: dict[str, Any]) -> None:
    wrong = error_of(client.post("/api/exams", json={"exam_id": "never", "title": "Never", "place": "tab", **fields}), 422)
    assert wrong["field"] == "snippet_origins"


def test_whoever_may_change_the_exam_makes_its_secret_and_nobody_else(make_app: MakeApp, student: str) -> None:
    app = make_app(proctor_password=PASSWORD)
    teacher, proctor = (someone(app, f"{role}-{student}@uni.example", role) for role in ("teacher", "proctor"))
    made = teacher.post("/api/exams", exam_id=f"own-{student}", title="A", place="tab", snippet_origins=[SITE], proctors=[proctor.account.id])
    key = made.get_json()["exam"]["exam_key"]
    path = f"/api/exams/{key}/snippet"
    assert teacher.get(path).get_json()["secret_made_at"] is None
    assert made.get_json()["exam"]["notes"], "without a secret nobody comes"
    assert [who.post(f"{path}/secret").status_code for who in (proctor.client, browser_of(app))] == [403, 401]
    secret = teacher.post(f"{path}/secret").get_json()["secret"]
    answer = teacher.get(path)
    assert secret not in answer.text
    assert answer.get_json()["secret_made_at"]
    assert answer.get_json()["script"].endswith(f"/embed/snippet.js?exam={key}")
    assert parts_of(app).snippet_secrets.of(key) == secret


def test_pages_of_other_sites_load_the_snippet_and_nothing_else_of_this_server(make_app: MakeApp, student: str) -> None:
    app = make_app(proctor_password=PASSWORD)
    teacher = someone(app, f"t-{student}@uni.example", "teacher")
    made = teacher.post("/api/exams", exam_id=f"l-{student}", title="A", place="tab", snippet_origins=[SITE], help_contact="Room <7>")
    key = made.get_json()["exam"]["exam_key"]
    page = browser_of(app)
    loads = {"Origin": SITE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "script"}
    script = page.get(f"/embed/snippet.js?exam={key}&lang=ar", headers=loads)
    assert (script.status_code, script.mimetype) == (200, "text/javascript")
    assert script.headers["Access-Control-Allow-Origin"] == "*"
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert '"direction": "rtl"' in script.text
    assert "Room \\u003c7>" in script.text
    waiting, seen = ["snippet/snippet.js"], set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        answer = page.get(f"/embed/js/{name}", headers=loads)
        assert (answer.status_code, answer.mimetype) == (200, "text/javascript"), name
        imported = re.findall(r'from "(\.[^"]+)"', answer.text)
        waiting += [found for one in imported if (found := str(((SCRIPTS / name).parent / one).resolve().relative_to(SCRIPTS))) not in seen]
    assert seen == MODULES
    assert [page.get(f"/embed/js/{name}", headers=loads).status_code for name in ("portal/portal.js", "../../app.py")] == [404, 404]
    assert page.get("/static/js/portal/portal.js", headers=loads).status_code == 403
    body = {"exam_key": key, "origin": SITE, "token": "a.b.c"}
    error_of(page.post("/api/student/enter/page", json=body, headers=loads), 403)
    opens = {**loads, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    del opens["Origin"]
    for path in (f"/embed/window/{key}", f"/portal?exam={key}"):
        shown = page.get(path, headers=opens)
        assert shown.status_code == 200
        assert shown.headers["Cross-Origin-Opener-Policy"] == "unsafe-none", "cut from the page that opened it, it would hear nothing"
        assert f'data-sites="{SITE}"' in shown.text
        assert "frame-ancestors 'none'" in shown.headers["Content-Security-Policy"]
    assert page.get("/portal").headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page.get("/embed/window/nothing").status_code == 404


def test_the_exams_site_is_told_how_a_student_stands(
    client: FlaskClient, parts: Parts, enter: Enter, ask: Callable[[str], Any], exam: str, secret: str, student: str
) -> None:
    token = signed(secret, exam, student, use="ask", jti=None)

    def stands() -> Any:
        answer = ask(token)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    assert (stands()["state"], stands()["session_id"]) == ("none", None), "it may be asked again"
    session = live(parts, {"session_id": session_by(client, enter(signed(secret, exam, student)))})
    assert (stands()["state"], stands()["session_id"]) == ("check", session.session_id)
    session.begin()
    assert stands()["state"] == "offline"
    parts.monitor.student_connected(session.session_id, True)
    session.device_state("camera", "lost")
    told = stands()
    assert (told["state"], told["devices"]["camera"], told["page_away"]) == ("watched", "lost", False)
    assert "connection" not in told["devices"]

    def away() -> bool:
        session.watch_over.seen_of.doubts.set("away_untold", True, session.clock(), "")
        return bool(stands()["page_away"])

    until(away, what="that its page is away")
    session.begin_break("proctor")
    assert stands()["state"] == "paused"
    session.end_break()
    assert stands()["state"] == "watched"
    client.post("/api/session/end", json={"user_id": student, "exam_id": exam})
    assert parts.database.flush(10)
    assert (stands()["state"], stands()["session_id"]) == ("over", session.session_id)


def test_of_a_session_that_no_server_has_nobody_says_that_it_is_watched(
    client: FlaskClient, parts: Parts, enter: Enter, ask: Callable[[str], Any], exam: str, secret: str, student: str
) -> None:
    session = live(parts, {"session_id": session_by(client, enter(signed(secret, exam, student)))})
    session.begin()
    parts.monitor.student_connected(session.session_id, True)
    assert parts.database.flush(10)
    stop_server(parts)
    told = ask(signed(secret, exam, student, use="ask")).get_json()
    assert (told["state"], told["devices"], told["page_away"], told["session_id"]) == ("offline", {}, None, session.session_id)
    kept = parts.database.collection("sessions")
    for damage in ({"$unset": {"started_at": "", "devices": ""}}, {"$set": {"breaks": [3], "devices": {"camera": 3}}}, {"$set": {"breaks": 3}}):
        kept.update_one({"_id": session.session_id}, damage)
        told = ask(signed(secret, exam, student, use="ask"))
        assert (told.status_code, told.get_json()["state"]) == (200, "offline"), damage


def test_only_the_exams_site_asks_and_what_asks_starts_nothing(
    parts: Parts, enter: Enter, ask: Callable[[str], Any], key: str, exam: str, secret: str, student: str
) -> None:
    asks = signed(secret, exam, student, use="ask")
    assert "not for starting" in error_of(enter(asks), 401)["message"]
    assert parts.rosters.rows(key) == []
    parts.snippet_asks = RateLimit(6, 60.0, "Many tokens were not believed.")
    assert {ask(asks).status_code for _ in range(8)} == {200}, "what is believed is not counted"
    refused = {
        "not for asking": signed(secret, exam, student),
        "not for asking ": signed(secret, exam, student, use="start"),
        "signature": signed("another secret" * 3, exam, student, use="ask"),
        "another exam": signed(secret, "another", student, use="ask"),
        "not good any more": signed(secret, exam, student, use="ask", exp=int(time.time()) - 120),
        "not signed": unsigned(exam, student),
    }
    for why, token in refused.items():
        assert why.strip() in error_of(ask(token), 401)["message"], why
    assert error_of(ask(asks), 429)["retry_after_s"] > 0


def test_the_documented_lines_ask_how_a_student_stands(make_app: MakeApp, student: str) -> None:
    app = make_app(proctor_password=PASSWORD)
    teacher = someone(app, f"d-{student}@uni.example", "teacher")
    made = teacher.post("/api/exams", exam_id=f"d-{student}", title="A", place="tab", snippet_origins=[SITE])
    key = made.get_json()["exam"]["exam_key"]
    secret = teacher.post(f"/api/exams/{key}/snippet/secret").get_json()["secret"]
    part = DOCUMENT[DOCUMENT.index("### Ask whether") :]
    shown = json.loads(part.partition("```json\n")[2].partition("```")[0])
    known: dict[str, Any] = {}
    exec(sample("python") + part.partition("```python\n")[2].partition("```")[0], known)
    with served(app) as port:
        told = known["student_state"](f"http://{HERE}:{port}", key, secret, f"d-{student}", student)
    assert (told["state"], told.keys()) == ("none", shown.keys())
    assert [known["may_go_on"](state) for state in (shown, told, {**shown, "state": "offline"}, {**shown, "page_away": True})] == [
        *(True, False, False, False)
    ]
