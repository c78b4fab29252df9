"""People in a real Chromium: invited, with a second factor, watching, and out at once when an administrator says so."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, expect

from bench.harness.server import Server
from tests.helpers.browser import judge, needs_chromium
from tests.helpers.hooks import HERE, receiving
from tests.helpers.people import OWN_PASSWORD
from tests.helpers.web import PASSWORD

LOOK_S = 8.0  # within the patience of the server
BY_ANOTHER = """async () => {
  const { people: [ada] } = await (await fetch("/api/people")).json();
  const body = JSON.stringify({ roles: ["proctor", "teacher"], revision: ada.revision });
  await fetch(`/api/people/${ada.id}`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
}"""  # as somebody else's page would do it
TRIED_TWICE = """async () => {
  const { hooks: [hook] } = await (await fetch("/api/hooks")).json();
  const tries = async () => (await (await fetch(`/api/hooks/${hook.id}/deliveries`)).json()).deliveries[0].tries;
  while ((await tries()) < 2) await new Promise((done) => setTimeout(done, 200));
}"""
SEND = """async ([path, body]) =>
  (await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body })).json()"""


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    with Server(
        folder / "server", in_mongod() | {"MODELS_DIR": str(models_dir), "PROCTOR_PASSWORD": PASSWORD, "HOOKS_PRIVATE_HOSTS": HERE}
    ).meanwhile() as running:
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=needs_chromium(), args=["--no-sandbox"])
    yield browser
    browser.close()


def log_in(page: Page, server: Server, name: str, password: str) -> None:
    page.goto(f"{server.url}/login")
    page.get_by_label("User").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_person_is_invited_sets_a_second_factor_and_is_out_at_once_when_disabled(server: Server, browser: Browser, folder: Path) -> None:
    admin, ada = browser.new_context().new_page(), browser.new_context().new_page()
    broken: list[str] = []
    for page in (admin, ada):
        page.on("pageerror", lambda error: broken.append(str(error)))
    log_in(admin, server, "proctor", PASSWORD)
    admin.get_by_role("link", name="People").click()
    admin.get_by_label("Login name").fill("ada@uni.example")
    admin.locator("#add-name").fill("Ada Byron")
    admin.locator("#add-form").get_by_label("Proctor").check()
    admin.get_by_role("button", name="Add and make the invitation").click()
    expect(admin.locator("#secret")).to_be_visible()
    link = admin.locator("#secret").text_content() or ""
    admin.get_by_role("button", name="Done").click()
    expect(admin.get_by_role("rowheader", name="Ada Byron")).to_be_visible()
    wrong = judge(admin, folder, "people")

    ada.goto(link)
    expect(ada.get_by_label("User")).to_have_value("ada@uni.example")
    assert "#" not in ada.url, "the invitation stays in no history"
    ada.get_by_label("Password").fill(OWN_PASSWORD)
    ada.get_by_role("button", name="Set the password and log in").click()
    ada.get_by_role("link", name="Ada Byron").click()
    expect(ada.get_by_text("This login")).to_be_visible()
    expect(ada.get_by_role("link", name="People")).to_have_count(0)
    wrong += judge(ada, folder, "account")
    ada.locator("#factor-password").fill(OWN_PASSWORD)
    ada.get_by_role("button", name="Set up an authenticator app").click()
    expect(ada.locator("#offer-secret")).to_be_visible()
    secret = (ada.locator("#offer-secret").text_content() or "").replace(" ", "")
    ada.wait_for_function("document.getElementById('offer-picture').naturalWidth > 100")
    ada.get_by_label("Six digits").fill(pyotp.TOTP(secret).now())
    ada.get_by_role("button", name="Confirm").click()
    expect(ada.locator("#codes li").first).to_be_visible()
    code = ada.locator("#codes li").first.text_content() or ""
    ada.get_by_role("button", name="I have kept them").click()
    ada.get_by_role("button", name="Log out", exact=True).click()
    log_in(ada, server, "ADA@uni.example", OWN_PASSWORD)
    ada.get_by_label("Six digits of your authenticator app").fill(code.upper())
    ada.get_by_role("button", name="Log in").click()
    expect(ada).to_have_url(re.compile(r":\d+/$"))
    expect(ada.locator("#server-state")).to_have_text("Live")
    ada.get_by_role("link", name="Settings").click()
    expect(ada.get_by_label("Your name, kept with each decision")).to_have_value("Ada Byron")

    admin.goto(f"{server.url}/exams/new")
    admin.get_by_label("Title", exact=True).fill("Ethics")
    admin.get_by_label("ID", exact=True).fill("people")
    proctors = admin.get_by_role("combobox", name="Proctors")
    proctors.fill("nobody")
    admin.get_by_role("button", name="Make the exam").click()
    expect(admin.locator("#exam-proctors-error")).to_contain_text("is called “nobody”")
    proctors.fill("byr")
    proctors.press("Enter")
    expect(admin.get_by_role("button", name="Remove Ada Byron")).to_be_visible()
    wrong += judge(admin, folder, "exam-people")
    admin.get_by_role("button", name="Make the exam").click()
    expect(admin.get_by_role("heading", name="Ethics")).to_be_visible()
    expect(admin.get_by_role("button", name="Remove Ada Byron")).to_be_visible()
    ada.get_by_role("link", name="Live", exact=True).click()  # as its proctor: it watches no other exam
    admin.goto(f"{server.url}/people")

    admin.get_by_role("button", name="Change Ada Byron").click()
    admin.evaluate(BY_ANOTHER)
    admin.locator("#person-form").get_by_role("button", name="Save").click()
    expect(admin.locator("#person-error")).to_contain_text("has changed this account since you opened it")
    asked: list[Route] = []
    listed = re.compile(r"/api/people\?")
    admin.route(listed, lambda route: asked.append(route))  # noqa: PLW0108  (the library can mark no built-in method)
    with admin.expect_request(listed):
        admin.locator("#person-form").get_by_role("button", name="Save").click()
    expect(admin.locator("#person-dialog")).to_be_visible()  # until the list shows what was saved: from what it showed before nothing could be done
    asked[0].continue_()
    expect(admin.locator("#person-dialog")).to_be_hidden()
    admin.unroute(listed)

    admin.get_by_role("button", name="Change Ada Byron").click()
    admin.get_by_role("button", name="Disable the account").click()
    admin.get_by_role("button", name="Disable", exact=True).click()
    expect(ada.get_by_text("You are logged out")).to_be_visible()
    expect(admin.get_by_role("cell", name="Disabled")).to_be_visible()
    assert wrong == []
    assert broken == []


def test_who_may_less_is_shown_what_they_may_and_nothing_that_is_refused(server: Server, browser: Browser) -> None:
    admin = browser.new_context().new_page()
    log_in(admin, server, "proctor", PASSWORD)
    admin.goto(f"{server.url}/people")

    def made(path: str, **body: object) -> dict[str, Any]:
        send = (
            "([path, body]) => fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }).then((answer) => answer.json())"
        )
        answer: dict[str, Any] = admin.evaluate(send, [path, json.dumps(body)])
        return answer

    links, ids = {}, {}
    for login, role in (("pia", "proctor"), ("olga", "officer")):
        answer = made("/api/people", login=login, name=login.title(), roles=[role])
        links[login], ids[login] = answer["invitation_url"], answer["person"]["id"]
    made("/api/exams", exam_id="maths", title="Mathematics", proctors=[ids["pia"]])
    session_id = made("/api/session/create", user_id="student-1", source="browser", exam_id="maths")["session_id"]

    refused: list[str] = []
    pages = {}
    for login, link in links.items():
        page = pages[login] = browser.new_context().new_page()
        page.on("pageerror", lambda error: refused.append(str(error)))
        page.on("response", lambda answer: refused.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
        page.goto(link)
        page.get_by_label("Password").fill(OWN_PASSWORD)
        page.get_by_role("button", name="Set the password and log in").click()
        page.wait_for_url(lambda url: "invitation" not in url)
        page.goto(f"{server.url}/exams")
    pia, olga = pages["pia"], pages["olga"]
    row = pia.locator("#exams tbody tr")
    expect(row).to_contain_text("Mathematics")
    expect(row.get_by_role("link", name="Mathematics", exact=True)).to_have_count(0)  # how it is set up is not theirs
    expect(row.get_by_role("link", name="Students")).to_have_count(0)
    expect(pia.get_by_role("link", name="New exam")).to_have_count(0)
    expect(pia.get_by_role("heading", name="Accommodations")).to_have_count(0)
    pia.goto(f"{server.url}/session/{session_id}")
    expect(pia.get_by_role("button", name="End session")).to_be_visible()
    expect(pia.get_by_role("link", name="Report")).to_be_visible()
    expect(pia.get_by_role("link", name="Package")).to_have_count(0)
    expect(olga.get_by_role("heading", name="Accommodations")).to_be_visible()
    expect(olga.locator("#acc-none")).to_be_visible()
    expect(olga.get_by_role("heading", name="Sessions")).to_have_count(0)
    assert not refused


def test_a_learning_platform_is_registered_and_a_quizs_password_set_by_who_may(server: Server, browser: Browser, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 1400})
    log_in(page, server, "proctor", PASSWORD)
    page.goto(f"{server.url}/integrations")
    expect(page.locator("#platforms-none")).to_be_visible()
    page.get_by_role("button", name="Register one by hand").click()
    given = {"Name": "Moodle", "Client ID": "c-1", "Platform ID": "https://lms.example", "Authentication": "https://lms.example/a"}
    for label, value in {**given, "Access token": "https://lms.example/t", "Public keyset": "javascript:x"}.items():
        page.get_by_label(re.compile(f"^{label}")).fill(value)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#platform-error")).to_contain_text("no address of a learning platform")
    page.get_by_label(re.compile("^Public keyset")).fill("https://lms.example/k")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#platforms")).to_contain_text("https://lms.example")
    wrong = judge(page, folder, "integrations")
    page.get_by_role("button", name="Make a registration link").click()
    expect(page.locator("#secret")).to_contain_text("/lti/register?once=")
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Remove Moodle").click()
    page.locator("#sure-yes").click()
    expect(page.locator("#platforms-none")).to_be_visible()
    made = page.evaluate(SEND, ["/api/exams", json.dumps({"exam_id": "quiz-1", "title": "Quiz"})])
    asked: list[Route] = []
    page.route("**/password", lambda route: asked.append(route))  # noqa: PLW0108  (the library can mark no built-in method)
    with page.expect_request("**/password"):
        page.goto(f"{server.url}/exams/{made['exam']['exam_key']}")
    page.locator("#exam-password-word").fill("correct horse")
    with page.expect_response("**/password"):
        asked[0].continue_()  # a slow answer undoes nothing that was typed before it came
    page.unroute("**/password")
    page.get_by_role("button", name="Save the password").click()
    expect(page.locator("#exam-password-said")).to_contain_text("Saved")
    page.reload()
    expect(page.locator("#exam-password-word")).to_have_value("correct horse")
    assert wrong == []
    page.close()


def test_a_webhook_is_added_tested_sent_again_and_disabled(server: Server, browser: Browser, folder: Path) -> None:
    admin = browser.new_context().new_page()
    broken: list[str] = []
    admin.on("pageerror", lambda error: broken.append(str(error)))
    log_in(admin, server, "proctor", PASSWORD)
    admin.get_by_role("link", name="Webhooks").click()
    expect(admin.get_by_text("No other program is told yet")).to_be_visible()
    form, deliveries = admin.locator("#hook-add-form"), admin.locator("#deliveries")
    listed, looked = threading.Event(), threading.Event()
    with receiving() as receiver:
        # the second try, a few seconds later, is not over before the first was listed
        receiver.answer = lambda _path: (500, {}, b"no room" if len(receiver.came) == 1 or listed.wait(LOOK_S) else b"too late")
        form.get_by_label("Name", exact=True).fill("Exam office")
        form.get_by_label("Address").fill("http://10.0.0.5/")
        form.get_by_label("An exam has ended").check()
        form.get_by_label("And for exams of these courses").fill("Law, part 1\nArt")
        form.get_by_role("button").click()
        expect(admin.locator("#hook-add-error")).to_contain_text("HOOKS_PRIVATE_HOSTS")
        form.get_by_label("Address").fill(receiver.url)
        form.get_by_role("button").click()
        expect(admin.locator("#secret")).to_contain_text("whsec_")
        admin.get_by_role("button", name="Done").click()
        admin.get_by_role("button", name="Send a test to Exam office").click()
        expect(deliveries).to_contain_text("1 try")
        listed.set()
        expect(deliveries).to_contain_text("no room")
        wrong = judge(admin, folder, "webhooks")
        admin.evaluate(TRIED_TWICE)  # by itself, after a pause; the page lists the first try
        expect(deliveries).to_contain_text("1 try")
        receiver.answer = lambda _path: (204 if looked.wait(LOOK_S) else 500, {}, b"too late")
        with admin.expect_response(lambda answer: answer.url.endswith("/deliveries?limit=20")):
            deliveries.get_by_role("button", name="Send again: endpoint.test").click()
        expect(deliveries).to_contain_text("2 tries")
        looked.set()
        expect(deliveries).to_contain_text("Delivered")
        assert len({headers["webhook-id"] for headers, _body in receiver.came}) == 1
        admin.get_by_role("button", name="Change Exam office").click()
        expect(admin.locator("#hook-form").get_by_label("An exam has ended")).to_be_checked()
        wrong += judge(admin, folder, "webhook")
        expect(admin.locator("#hook-courses")).to_have_value("Law, part 1\nArt")
        admin.get_by_role("button", name="New secret").click()
        admin.get_by_role("button", name="Make it").click()
        admin.get_by_role("button", name="Done").click()
        expect(admin.locator("#hooks")).to_contain_text("The old secret signs until")
        admin.get_by_role("button", name="Change Exam office").click()
        admin.locator("#hook-disable").click()
        admin.get_by_role("button", name="Disable", exact=True).last.click()
        expect(admin.locator("#hooks")).to_contain_text("Disabled")
    assert wrong == []
    assert broken == []
