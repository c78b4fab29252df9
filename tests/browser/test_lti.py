"""A launch in a real Chromium: from a platform of another site that shows us in a frame, into a window of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.helpers.browser import judge, needs_chromium, until
from tests.helpers.lti import INSTRUCTOR, launch, named_localhost, on_loopback
from tests.helpers.lti_proctoring import Proctored, Sitting, sit
from tests.helpers.web import PASSWORD, MakeApp
from web.parts import parts_of


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=needs_chromium(), args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture
def platform() -> Iterator[Proctored]:
    with on_loopback(Proctored) as found:
        yield found


@pytest.fixture
def app(make_app: MakeApp, platform: Proctored) -> Iterator[Flask]:
    def made(here: str) -> Flask:
        platform.tool = here
        app = make_app(proctor_password=PASSWORD, public_url=here, lti_private_hosts="127.0.0.1")
        platform.register(app)
        return app

    with named_localhost(made) as app:
        yield app


def opened_from_course(page: Page, platform: Proctored) -> Page:
    """The window that the one button in the course's frame opens."""
    page.goto(f"{platform.issuer}/course")
    button = page.frame_locator("iframe").get_by_role("link", name="Open in a new window")
    expect(button).to_be_visible()
    with page.expect_popup() as opened:
        button.click()
    return opened.value


def test_teacher_and_student_come_out_of_a_frame_into_a_window(app: Flask, platform: Proctored, browser: Browser, folder: Path) -> None:
    platform.says = {"sub": "t-1", "name": "Ada Byron", "roles": [INSTRUCTOR]}
    page = browser.new_context().new_page()
    teacher = opened_from_course(page, platform)
    expect(teacher.get_by_role("link", name="Ada Byron (Moodle)")).to_be_visible()
    assert "/exams/" in teacher.url, "the login's cookie came along to the exam's page"
    key = teacher.url.rpartition("/exams/")[2]
    parts_of(app).exams.set_state(key, "open", by="a test")

    platform.says = {}
    course = browser.new_context().new_page()
    student = opened_from_course(course, platform)
    student.wait_for_url("**/portal?*")
    (row,) = parts_of(app).rosters.rows(key)
    assert row.name == "Ann Lee"
    until(student, lambda: parts_of(app).monitor.find(row.user_id, row.exam_id), "the portal has taken the student in")
    course.goto(f"{platform.tool}/lti/login?iss=https://nobody.example&login_hint=h")
    expect(course.get_by_role("alert")).to_contain_text("not registered here")
    assert judge(course, folder, "lti") == []

    part = teacher.locator("#exam-platforms")
    expect(part.get_by_role("row", name="Moodle")).to_contain_text("A course without a known title")
    expect(part.get_by_label("Let a whole platform launch it")).to_have_count(0)
    part.get_by_role("button", name="Unlink A course without a known title (Moodle)").click()
    teacher.get_by_role("button", name="Unlink", exact=True).click()
    expect(part).to_contain_text("A course without a known title (Moodle) is unlinked.")
    expect(part.get_by_role("row", name="Moodle")).to_have_count(0)
    assert parts_of(app).lti.links.owners_of(key) == []


def proctored(app: Flask, platform: Proctored) -> Sitting:
    """A student who came to be proctored, in an exam that a teacher opened."""
    opened = launch(app, platform, sub="t-1", roles=[INSTRUCTOR])
    parts_of(app).exams.set_state(opened.headers["Location"].rpartition("/exams/")[2], "open", by="a test")
    return sit(app, platform)


def test_an_exam_opens_at_its_platform_and_its_end_comes_back(app: Flask, platform: Proctored, browser: Browser, folder: Path) -> None:
    parts, sitting = parts_of(app), proctored(app, platform)
    platform.says = platform.ends(errormsg="The timer stood still")
    page = browser.new_context().new_page()
    page.goto(sitting.shown()["exam_url"])
    expect(page.get_by_role("status")).to_contain_text("Leave this window open")
    assert judge(page, folder, "lti-waits") == []
    sitting.begin()
    until(page, lambda: sitting.look() and platform.forms, "the page goes on by itself")
    platform.believed(app, platform.forms[0])
    expect(page.get_by_role("heading", name="Question 1")).to_be_visible()
    assert sitting.session.is_running
    page.get_by_role("link", name="Submit").click()
    expect(page.get_by_role("heading", name="Your exam has ended")).to_be_visible()
    expect(page.locator("main")).to_contain_text("The timer stood still")
    assert judge(page, folder, "lti-over") == []
    assert parts.monitor.get(sitting.session_id) is None


def test_a_proctor_asks_the_platform_on_the_sessions_page(app: Flask, platform: Proctored, browser: Browser, folder: Path) -> None:
    sitting = proctored(app, platform)
    desk = browser.new_context().new_page()
    desk.goto(f"{platform.tool}/login?next=/session/{sitting.session_id}")
    desk.locator("[name=username]").fill("proctor")
    desk.locator("[name=password]").fill(PASSWORD)
    desk.locator("[name=password]").press("Enter")
    part = desk.locator("#platform")
    expect(part).to_contain_text("Moodle has this session proctored: attempt 1.")
    part.get_by_role("button", name="Give more time there").click()
    dialog = desk.locator("#platform-dialog")
    assert judge(desk, folder, "platform-dialog") == []
    dialog.get_by_label("Minutes more").fill("5")
    dialog.get_by_role("button", name="Give more time there").click()
    acts = part.locator("#platform-acts")
    expect(acts).to_contain_text("More time: being sent")
    withdraw = acts.get_by_role("button", name="Withdraw")
    withdraw.evaluate("button => { button.dataset.same = 'yes'; }")
    with desk.expect_response("**/platform"):  # it is asked again how the act stands
        assert judge(desk, folder, "platform-part") == []
    expect(withdraw).to_have_attribute("data-same", "yes")
    withdraw.click()
    expect(acts).to_contain_text("Withdrawn by a person")

    made = parts_of(app).exams.get(sitting.session.exam_id or "")
    assert made is not None
    desk.goto(f"{platform.tool}/exams/{made.key}")
    part = desk.locator("#exam-platforms")
    part.get_by_label("Let a whole platform launch it").select_option(f"Moodle ({platform.issuer})")
    part.get_by_role("button", name="Let the platform launch it").click()
    expect(desk.get_by_role("dialog")).to_contain_text("Let every course of Moodle launch this exam?")
    desk.get_by_role("dialog").get_by_role("button", name="Allow").click()
    expect(part.get_by_role("row", name="Moodle Every course of the platform")).to_be_visible()
    expect(part.get_by_label("Let a whole platform launch it")).to_be_hidden()
    assert judge(desk, folder, "exam-platforms") == []
