"""Which language a request is answered in, and what the server says in it: by a small catalogue that the test makes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from basics import errors
from basics.paths import ROOT
from basics.texts import _
from detectors.model_files import find_models
from media.clip_reasons import known
from sessions.events import Events, SessionStarted
from sessions.session import ExamSession
from tests.helpers.databases import opened
from tests.helpers.sessions import UNKNOWN, create
from tests.helpers.waiting import until
from tests.helpers.web import MakeApp, error_of, local_client, settings_for
from web import languages
from web.access.who_may import Access
from web.calls.errors import NotReady
from web.languages import language_of, said, speaking
from web.parts import parts_of
from web.proctor.live import Live
from web.proctor.viewers import Viewer
from web.proctor.wording import sentence

GERMAN = {
    "Nobody in view for %(duration)s": "Niemand im Bild, %(duration)s lang",
    "%(seconds)s.%(tenth)s s": "%(seconds)s,%(tenth)s s",
    "%(violation)s (+%(points)s)": "%(violation)s (+%(points)s Punkte)",
    "There is no session %(session_id)s: a session's id has 32 hexadecimal digits.": "Es gibt keine Sitzung %(session_id)s.",
    "is empty.": "ist leer.",
    "The database is away: %(reason)s. What is written waits; try again soon.": "Die Datenbank ist fort: %(reason)s.",
    "the server takes no writes (it is not primary)": "der Server nimmt nichts an",
    "No %(file)s: %(without)s. To make it, run ./setup.sh --models": "Es fehlt %(file)s: %(without)s.",
    "faces are counted by MediaPipe, and phones aren't seen": "Handys werden nicht gesehen",
    "%(record)s was refused: %(reason)s": "%(record)s wurde abgelehnt: %(reason)s",
    "MongoDB refused it (%(code)s): %(error)s": "MongoDB lehnt ab (%(code)s): %(error)s",
    "disk: %(error)s (%(folder)s); free some space or mend the folder's rights": "Platte: %(error)s (%(folder)s)",
    "%(reason)s; it is tried again as long as its pictures are kept": "%(reason)s; es wird wieder versucht",
    "letters of two scripts (%(scripts)s)": "Buchstaben zweier Schriften (%(scripts)s)",
    "has %(odd)s: it looks like another id. Write it as your institution does": "hat %(odd)s",
}
SCRIPTS = {"for the proctor": ("static/js/proctor/texts.js", "für die Aufsicht"), "for the student": ("static/js/portal/texts.js", "für Sie")}


@pytest.fixture(autouse=True)
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made = Catalog(locale="de")
    for english, text in GERMAN.items():
        made.add(english, text, locations=[("web/x.py", 0)])
    for english, (path, text) in SCRIPTS.items():
        made.add(english, text, locations=[(path, 0)])
    made.add("Confirmed", "bestätigt", locations=[("static/js/proctor/texts.js", 0)])
    made.add("Confirmed", "bestätigte", locations=[("static/js/proctor/texts.js", 0)], context="flags")
    with (tmp_path / "de.po").open("wb") as file:
        write_po(file, made)
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    cached = (languages.messages, languages.catalogue_of, languages._texts)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


def accepts(header: str) -> LanguageAccept:
    return parse_accept_header(header, LanguageAccept)


@pytest.mark.parametrize(
    ("asked", "chosen", "header", "default", "wanted"),
    [
        ("de", "fr", "es", "", "de"),
        (None, "fr", "es", "", "fr"),
        ("../../etc/passwd", "x" * 5000, "de", "", "de"),
        (None, None, "pl, fr;q=0.4, de-AT;q=0.8, en;q=0.1", "", "de"),
        (None, None, "de;q=0, fr;q=0.5", "", "fr"),
        (None, None, "pl", "fr", "fr"),
        (None, None, "pl", "", "en"),
        (None, None, "pl", "nowhere", "en"),
        (None, None, "", "fr", "en"),  # a script asks for none
        (None, None, "\x00;q=9, ;;, " + "z" * 5000, "", "en"),
    ],
)
def test_a_requests_language(asked: str | None, chosen: str | None, header: str, default: str, wanted: str) -> None:
    assert language_of(asked, chosen, accepts(header), default) == wanted


def test_a_violation_is_said_whole_with_what_stands_in_it() -> None:
    violation = {"kind": "no_face", "points": 9, "start": 5, "end": 7.5}
    assert sentence(violation) == "Nobody in view for 2.5 s (+9)"
    with speaking("de"):
        assert said([sentence(violation)]) == ["Niemand im Bild, 2,5 s lang (+9 Punkte)"]
    with speaking("nowhere"):
        assert said(sentence(violation)) == "Nobody in view for 2.5 s (+9)"


def test_an_error_is_answered_in_the_readers_language(client: FlaskClient) -> None:
    asked = {"headers": {"Accept-Language": "de"}}
    assert error_of(client.get("/api/session/no-id/details", **asked), 404)["message"] == "Es gibt keine Sitzung 'no-id'."
    assert error_of(client.get("/api/session/no-id/details"), 404)["message"].startswith("There is no session 'no-id'")
    wrong = error_of(client.post("/api/session/create", json={"user_id": ""}, **asked), 422)
    assert wrong["message"].startswith("user_id ist leer. ")


def test_health_is_answered_in_the_readers_language(make_app: MakeApp, db_name: str, mongo_uri: str, tmp_path: Path) -> None:
    asked = {"headers": {"Accept-Language": "de"}}
    with opened(mongo_uri, db_name, tmp_path / "refusing", timeout_s=5) as database:
        app = make_app(database=database)
        client = local_client(app)
        assert not database.write("checks", "c", {"_id": "another"}).wait(60)
        parts_of(app).monitor.models.notes += find_models(settings_for(tmp_path, models_dir=tmp_path), tmp_path).notes
        told, english = client.get("/api/health", **asked).get_json(), client.get("/api/health").get_json()
        assert told["parts"]["database"]["reason"].startswith("checks/c wurde abgelehnt: MongoDB lehnt ab (")
        assert english["parts"]["database"]["reason"].startswith("checks/c was refused: MongoDB refused it (")
        assert told["notes"][0] == "Es fehlt yolov8n.onnx: Handys werden nicht gesehen."
        database._look = lambda: _("the server takes no writes (it is not primary)")  # type: ignore[method-assign]
        database._suspect()
        until(lambda: database.health()["state"] == "away")
        message = error_of(client.get("/api/sessions", **asked), 503)["message"]
        assert message == "Die Datenbank ist fort: der Server nimmt nichts an."


def test_what_is_stored_in_english_of_a_clip_and_what_is_odd_in_an_id_are_said(client: FlaskClient) -> None:
    stored = "disk: No space left on device (/clips); free some space or mend the folder's rights; it is tried again as long as its pictures are kept"
    assert known(stored) == stored
    assert known("what another version wrote") == "what another version wrote"
    with speaking("de"):
        assert said(known(stored)) == "Platte: No space left on device (/clips); es wird wieder versucht"
    wrong = client.post("/api/session/create", json={"user_id": "p\u0430ul"}, headers={"Accept-Language": "de"})
    assert error_of(wrong, 422)["message"].startswith("user_id hat Buchstaben zweier Schriften (cyrillic, latin)")


def test_a_page_says_its_language_and_what_it_depends_on(client: FlaskClient) -> None:
    page = client.get("/portal?lang=de")
    assert page.headers["Content-Language"] == "de"
    assert {"Accept-Language", "Cookie"} <= set(page.vary)
    assert client.get("/portal").headers["Content-Language"] == "de"  # by the cookie


def test_one_english_text_that_means_two_things_is_said_as_each_place_means_it(client: FlaskClient) -> None:
    page = client.get("/exams?lang=de").get_data(as_text=True)
    assert ">bestätigte<" in page, "a column of counts"
    scripts = client.get("/texts/de/proctor.json").get_json()["texts"]
    assert (scripts["Confirmed"], scripts["flags\x04Confirmed"]) == ("bestätigt", "bestätigte")


def test_page_language_is_for_browsers_whose_languages_are_not_there(make_app: MakeApp) -> None:
    client = local_client(make_app(page_language="de"))
    assert client.get("/portal", headers={"Accept-Language": "pl"}).headers["Content-Language"] == "de"
    assert client.get("/portal").headers["Content-Language"] == "en"


def test_a_student_is_given_none_of_the_proctors_texts(client: FlaskClient) -> None:
    assert client.get("/texts/de/student.json").get_json()["texts"] == {"for the student": "für Sie"}
    assert client.get("/texts/de/proctor.json").get_json()["texts"]["for the proctor"] == "für die Aufsicht"
    assert client.get("/texts/nowhere/student.json").status_code == 404


def test_each_dashboard_is_told_in_its_own_language(tmp_path: Path) -> None:
    events = Events()
    nobody: dict[str, Any] = {"sessions": lambda _: None, "audit": lambda _: None, "async_mode": "threading", "fps": 10}
    live = Live(Flask("live"), Access(settings_for(tmp_path)), events, **nobody)
    told: list[tuple[str, Any, Any]] = []
    live._emit = lambda event, payload, to: told.append((event, payload, to))  # type: ignore[method-assign]
    violation = {"kind": "no_face", "points": 9, "start": 5, "end": 7.5}
    status = SimpleNamespace(to_dict=lambda: {"violations": [violation], "unseen": None})
    session = SimpleNamespace(session_id=UNKNOWN, exam_id=None, status=lambda: status)
    for viewers in ({"one": Viewer()}, {"one": Viewer(), "other": Viewer(language="de")}):
        live._viewers = viewers
        events.publish(SessionStarted(cast(ExamSession, session)))
        live._pump_once()
    assert [(payload["violations"][0]["text"], to) for _, payload, to in told] == [
        ("Nobody in view for 2.5 s (+9)", [f"session:{UNKNOWN}", "exams"]),
        ("Nobody in view for 2.5 s (+9)", [f"session:{UNKNOWN}", "exams"]),
        ("Niemand im Bild, 2,5 s lang (+9 Punkte)", [f"de:session:{UNKNOWN}", "de:exams"]),
    ]


def test_a_students_link_names_the_language_of_its_exam(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app(public_url="https://proctor.example.org/proctor"))
    asked = {"user_id": student, "exam_id": "one", "source": "browser", "language": "de"}
    created = client.post("/api/session/create", json=asked).get_json()
    assert created["portal_url"].startswith("https://proctor.example.org/proctor/portal?lang=de#t=")
    link = client.post(f"/api/session/{created['session_id']}/link", json={"language": "fr"}).get_json()
    assert link["portal_url"].startswith("https://proctor.example.org/proctor/portal?lang=fr#t=")
    error = error_of(client.post("/api/session/create", json=asked | {"language": "tlh", "exam_id": "two"}), 422)
    assert error["field"] == "language"
    assert "en, ar, de" in error["message"]
    assert "?lang" not in create(client, student, "three", source="browser")["portal_url"]


def test_students_pages_begin_in_the_exams_language(make_app: MakeApp) -> None:
    client = local_client(make_app())
    made = client.post("/api/exams", json={"exam_id": "one", "title": "One", "language": "de"})
    page = f"/portal?exam={made.get_json()['exam']['exam_key']}"
    begun = client.get(page, headers={"Accept-Language": "fr"})
    assert begun.headers["Content-Language"] == "de"
    assert client.get("/portal").headers["Content-Language"] == "de", "what the page asks for then"
    assert client.get("/portal?lang=en").headers["Content-Language"] == "en"
    assert client.get(page).headers["Content-Language"] == "en", "what a reader chose stays"


# Every error that a page can show is marked

TALK = {  # the students' pages and other programs are told these over the link: nothing shows them
    "act_times", "protocol", "batches", "said", "presence", "intake", "http_link", "http_links", "link",
}  # fmt: skip
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.ProctorError)} | {NotReady.__name__}


def test_every_error_that_a_page_can_show_is_marked() -> None:
    unmarked: list[str] = []
    for package in ("sessions", "records", "devices", "web"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.parent.name == "student" and path.stem in TALK:
                continue
            unmarked += [f"{path.relative_to(ROOT)}:{line}" for line in _unmarked(path)]
    assert not unmarked, "\n".join(unmarked)


def _unmarked(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and name in ERRORS - {"ConfigError"} and node.args:
            text = node.args[0]
            marked = isinstance(text, ast.Call) and getattr(text.func, "id", "") in {"_", "ngettext", "joined"}
            if not marked and not isinstance(text, ast.Name | ast.Attribute | ast.IfExp):
                yield node.lineno
