"""The pages: each renders, holds to the strict policy, leads nowhere dead, and its scripts' own tests pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from basics.paths import ROOT
from settings.settings import Settings
from tests.helpers.pages import PAGE_OF_SCRIPT, SESSION, Page, make_app
from tests.helpers.web import PASSWORD
from web.landing import own_path
from web.languages import known_languages
from web.setting_names import SHOWN_SETTINGS, settings_in_force

TEMPLATES = sorted((ROOT / "templates").glob("*.html"))
SCRIPTS = sorted((ROOT / "static" / "js").glob("*/*.js"))
PAGES = [
    "/",
    "/review",
    "/analytics",
    "/exams",
    "/exams/new",
    f"/exams/{SESSION}",
    "/settings",
    "/hooks",
    "/help",
    "/integrations",
    "/integrations/openedx",
    f"/session/{SESSION}",
    f"/session/{SESSION}/report",
    "/portal",
    "/login",
]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    """A caller on this machine, in protected mode: no login needed."""
    with make_app(tmp_path).test_client() as client:
        yield client


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[FlaskClient]:
    """A caller of a server with a password."""
    with make_app(tmp_path, proctor_password=PASSWORD).test_client() as client:
        yield client


def login_page(tmp_path: Path) -> str:
    return make_app(tmp_path, proctor_password=PASSWORD).test_client().get("/login").text


def html_of(client: FlaskClient, path: str, tmp_path: Path) -> str:
    return login_page(tmp_path) if path == "/login" else client.get(path).text


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_whole_and_holds_to_the_policy(client: FlaskClient, path: str, tmp_path: Path) -> None:
    page = Page(html_of(client, path, tmp_path))
    assert page.inline == []
    assert len(page.all("main")) == 1
    assert len(page.all("h1")) >= 1
    assert len(page.ids) == len(set(page.ids))
    assert page.all("html")[0]["lang"] == "en"
    for address in [*(a.get("src") for a in page.all("script", "img")), *(a.get("href") for a in page.all("link"))]:
        assert address is not None
        with client.get(address) as answer:
            assert answer.status_code == 200, address


@pytest.mark.parametrize("code", known_languages())
def test_each_page_is_shown_in_every_language(client: FlaskClient, code: str) -> None:
    for path in [one for one in PAGES if one != "/login"]:
        answer = client.get(f"{path}?lang={code}")
        page = Page(answer.text)
        assert (answer.status_code, answer.headers["Content-Language"], page.all("html")[0]["lang"]) == (200, code, code), path
        offered = {option["value"] for option in page.all("option") if option.get("lang")}
        assert offered == set(known_languages()), path


@pytest.mark.parametrize("path", PAGES)
def test_every_reference_to_an_element_finds_one(client: FlaskClient, path: str, tmp_path: Path) -> None:
    page = Page(html_of(client, path, tmp_path))
    for _, attributes in page.elements:
        for name in ("for", "aria-describedby", "aria-labelledby", "aria-controls", "data-copy"):
            for wanted in (attributes.get(name) or "").split():
                assert wanted in page.ids, f'{name}="{wanted}"'


@pytest.mark.parametrize("path", PAGES)
def test_every_field_has_a_label_and_every_icon_exists(client: FlaskClient, path: str, tmp_path: Path) -> None:
    html = html_of(client, path, tmp_path)
    page = Page(html)
    labelled = {attributes.get("for") for attributes in page.all("label")}
    for field in page.all("input", "select", "textarea"):
        wrapped = field.get("type") in ("checkbox", "radio")  # stands inside its label
        wrapped = wrapped or bool(field.get("aria-label"))
        assert field.get("type") == "hidden" or wrapped or field.get("id") in labelled
    symbols = set(re.findall(r'<symbol id="([a-z]+)"', (ROOT / "static" / "img" / "icons.svg").read_text()))
    assert set(re.findall(r"icons\.svg#([a-z]+)", html)) <= symbols


def test_icons_are_asked_for_once_and_pages_each_time(client: FlaskClient) -> None:
    """A browser that may not keep them asks for each icon that is drawn: on a review ten times a decision."""
    for path, held in (("/static/img/icons.svg", "public, max-age=3600"), ("/static/css/app.css", "no-cache"), ("/review", "no-store")):
        with client.get(path) as answer:
            assert answer.headers["Cache-Control"] == held


@pytest.mark.parametrize("script", PAGE_OF_SCRIPT)
def test_every_element_that_a_script_needs_is_on_its_page(client: FlaskClient, script: str) -> None:
    ids = Page(client.get(PAGE_OF_SCRIPT[script]).text).ids
    seen: set[Path] = set()
    waiting = [ROOT / "static" / "js" / f"{script}.js"]
    while waiting:
        source = waiting.pop()
        if source in seen or not source.is_file() or "vendor" in source.parts:
            continue
        seen.add(source)
        text = source.read_text()
        waiting += [(source.parent / imported).resolve() for imported in re.findall(r'from "(\.[^"]+)"', text)]
        for wanted in re.findall(r'byId\("([^"]+)"\)', text):
            assert wanted in ids, f"{source.name} needs #{wanted}"
    assert len(seen) > 3


def test_every_module_that_is_imported_is_there() -> None:
    for script in SCRIPTS:
        for imported in re.findall(r'(?:from |URL\()"(\.[^"]+)"', script.read_text()):
            if "vendor/" not in imported:  # brought by set-up from npm
                assert (script.parent / imported).resolve().is_file(), f"{script.name} imports {imported}"


def test_what_a_page_says_is_said_in_one_place() -> None:
    """Labels of a few words may be the same; a sentence that stood in a template and in the scripts would be two when one is changed."""
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "static/js").glob("*/texts*.js"))
    for template in TEMPLATES:
        for text in re.findall(r"{% trans.*?%}(.*?){% (?:endtrans|pluralize)", template.read_text(encoding="utf-8")):
            assert len(text.split()) < 5 or f'"{text.strip()}"' not in scripts, f"{template.name}: {text}"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_inline_script_or_style(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=|javascript:", text)


def test_scripts_and_styles_need_nothing_that_the_policy_refuses() -> None:
    for script in SCRIPTS:
        text = script.read_text()
        assert not re.search(r"\beval\(|new Function\(|innerHTML|outerHTML|insertAdjacentHTML|setAttribute\(\"style\"", text), script.name
        if script.name.startswith("texts"):
            text = re.sub(r"https?://[.”]?", "", text)
        assert not re.search(r"https?://(?!www\.w3\.org/)", text), script.name
    assert not re.search(r"url\(|@import", (ROOT / "static" / "css" / "app.css").read_text())


def test_the_students_page_names_no_score_and_needs_no_login(guarded: FlaskClient) -> None:
    answer = guarded.get("/portal")
    assert answer.status_code == 200
    assert not re.search(r"\bscore|\bpoints\b|flag", re.sub(r"<[^>]+>", " ", answer.text), re.IGNORECASE)


def test_no_page_accuses() -> None:
    for template in TEMPLATES:
        words = re.sub(r"{[{%#].*?[}%#]}|<[^>]+>", " ", template.read_text())
        assert not re.search(r"cheat|suspicious|offend|violat|!(?!doctype)", words, re.IGNORECASE), template.name


def test_the_dashboard_shows_where_students_start(tmp_path: Path) -> None:
    html = make_app(tmp_path, public_url="https://exam.example.org").test_client().get("/").text
    assert "https://exam.example.org/portal" in html
    assert "https://exam.example.org/api/session/create" in html
    closed = make_app(tmp_path, portal_open=False).test_client().get("/").text
    assert "/portal<" not in closed


def test_pages_carry_the_rules_that_their_scripts_need(tmp_path: Path) -> None:
    client = make_app(tmp_path, flag_threshold=14, update_silent_s=7).test_client()
    body = Page(client.get("/").text).all("body")[0]
    assert (body["data-flag-threshold"], body["data-silent-s"]) == ("14", "7.0")
    assert Page(client.get(f"/session/{'0' * 32}").text).all("body")[0]["data-silent-s"] == "7.0"


def test_an_old_bookmark_of_the_flagged_page_leads_to_the_review(client: FlaskClient) -> None:
    answer = client.get("/flagged")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/review?state=all&rank=newest"


def test_every_page_of_a_proctor_leads_to_the_others(client: FlaskClient) -> None:
    wanted = {"/", "/review", "/analytics", "/exams", "/settings"}
    for path in wanted | {f"/session/{SESSION}"}:
        page = Page(client.get(path).text)
        assert wanted <= {str(link.get("href")) for link in page.all("a")}, path
        current = [link.get("href") for link in page.all("a") if link.get("aria-current") == "page"]
        assert current == ([path] if path in wanted else []), path


def test_the_settings_page_shows_what_is_in_force_and_no_secret(tmp_path: Path) -> None:
    secrets = {"secret_key": "s" * 40, "api_token": "t" * 40, "mongo_uri": "mongodb://user:pass4711@db.example"}
    html = make_app(tmp_path, points_speech=7, flag_threshold=14, **secrets).test_client().get("/settings").text
    for name, value in [("POINTS_SPEECH", "7"), ("FLAG_THRESHOLD", "14")]:
        assert re.search(rf"{name}</code></th><td[^>]*>{value}</td>", html), name
    for secret in (*secrets.values(), "pass4711", str(tmp_path)):
        assert secret not in html


def test_what_a_setting_can_be_stands_as_code_and_no_backtick_is_left(tmp_path: Path) -> None:
    html = make_app(tmp_path).test_client().get("/settings").text
    assert "<code>auto</code>" in html
    assert "`" not in html


def test_the_portal_asks_for_the_screen_only_where_the_exam_does(tmp_path: Path) -> None:
    plain = make_app(tmp_path).test_client().get("/portal").text
    assert 'id="check-share"' not in plain
    asked = make_app(tmp_path, screen_capture="required").test_client().get("/portal").text
    assert 'id="check-share"' in asked
    assert Page(asked).all("body")[0]["data-screen-capture"] == "required"


def test_the_portal_asks_for_ids_only_where_it_is_open(tmp_path: Path) -> None:
    for is_open, told in ((True, "true"), (False, "false")):
        html = make_app(tmp_path, portal_open=is_open).test_client().get("/portal").text
        assert Page(html).all("body")[0]["data-portal-open"] == told


@pytest.mark.parametrize(
    ("days", "said"),
    [(365, "deletes records and clips 365 days after the exam"), (1, "clips 1 day after"), (0, "Until your institution deletes them")],
)
def test_the_portal_says_for_how_long_things_are_kept(tmp_path: Path, days: int, said: str) -> None:
    assert said in make_app(tmp_path, keep_days=days).test_client().get("/portal").text


def test_the_exams_own_page_is_framed_where_one_is_set(tmp_path: Path) -> None:
    html = make_app(tmp_path, exam_url="https://exam.example.org/start").test_client().get("/portal").text
    (place,) = [element for element in Page(html).all("div") if element.get("id") == "exam-page"]
    frames = [(place["data-src"], frame.get("src"), "hidden" in frame) for frame in Page(html).all("iframe")]
    assert frames == [("https://exam.example.org/start", None, True)]  # asked for by the script once recording has begun
    assert Page(make_app(tmp_path).test_client().get("/portal").text).all("iframe") == []


@pytest.mark.parametrize(("opens", "frames", "cut"), [("frame", 1, "same-origin"), ("window", 0, "same-origin-allow-popups")])
def test_the_exam_opens_where_it_is_told_to_and_the_page_keeps_hold_of_its_window(tmp_path: Path, opens: str, frames: int, cut: str) -> None:
    answer = make_app(tmp_path, exam_url="https://exam.example.org/start", exam_opens=opens).test_client().get("/portal")
    assert len(Page(answer.text).all("iframe")) == frames
    assert ("exam-open" in Page(answer.text).ids) == (opens == "window")
    assert answer.headers["Cross-Origin-Opener-Policy"] == cut


def test_a_session_id_that_is_none_gets_a_page_that_says_so(client: FlaskClient) -> None:
    for wrong in ("nope", "0" * 31, "<script>", "A" * 32):
        answer = client.get(f"/session/{wrong}")
        assert answer.status_code == 404
        assert "<script>" not in answer.text.replace('<script src="/static/js/shared/theme.js"></script>', "")
        assert "There is nothing here" in answer.text


def test_a_page_for_proctors_asks_for_the_login_and_comes_back(guarded: FlaskClient) -> None:
    answer = guarded.get(f"/session/{SESSION}")
    assert answer.status_code == 302
    form = guarded.get(answer.headers["Location"])
    assert form.status_code == 200
    wanted = next(field["value"] for field in Page(form.text).all("input") if field.get("name") == "next")
    assert wanted == f"/session/{SESSION}"

    wrong = guarded.post("/login", data={"username": "proctor", "password": "guess", "next": wanted})
    assert wrong.status_code == 401
    assert "Name or password is wrong" in wrong.text
    assert guarded.get("/").status_code == 302

    right = guarded.post("/login", data={"username": "proctor", "password": PASSWORD, "next": wanted})
    assert (right.status_code, right.headers["Location"]) == (302, wanted)
    assert guarded.get(wanted).status_code == 200
    assert guarded.get("/login").status_code == 302

    assert guarded.post("/logout").status_code == 302
    assert guarded.get("/").status_code == 302


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("/review", "/review"),
        ("/review?after=1-2&x=y", "/review?after=1-2&x=y"),
        (f"/session/{SESSION}", f"/session/{SESSION}"),
        (f"/session/{SESSION}#interval-3", f"/session/{SESSION}#interval-3"),
        ("/review#<script>", "/review#%3Cscript%3E"),
        ("", "/"),
        ("flagged", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("///evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example/", "/"),
        ("/\n/evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
    ],
)
def test_a_login_leads_only_to_pages_of_this_server(tmp_path: Path, given: str, taken: str) -> None:
    with make_app(tmp_path).test_request_context():
        assert own_path(given) == taken


def test_the_portal_lists_only_what_is_watched(tmp_path: Path) -> None:
    assert "Where you look." in make_app(tmp_path).test_client().get("/portal").text
    html = make_app(tmp_path, points_gaze_distracted=0, points_copy_paste=0).test_client().get("/portal").text
    assert "Where you look." not in html
    assert "copied or pasted, never what" not in html
    assert "Whether somebody speaks." in html


def test_each_setting_that_is_shown_is_said_in_words_and_exists(client: FlaskClient) -> None:
    shown = [name for names in SHOWN_SETTINGS.values() for name in names]
    assert set(shown) <= set(Settings.model_fields)
    page = client.get("/settings").text
    for words, name, *_ in (row for _, rows in settings_in_force(Settings()) for row in rows):
        assert words in page
        assert page.index(words) < page.index(f">{name}<"), "the name is second"
