"""The sample exam of two pages in a real Chromium: its site at 127.0.0.1, the server at localhost, and one session all the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from bench.harness.chromium import Chromium, FakeDevices
from bench.harness.stored import stored
from demo.exam_site import EXAM_ID, ExamSite
from tests.helpers.browser import axe, judge, until
from tests.helpers.desk import PROTECTED, Desk, begin, end


class Site(ExamSite):
    """The sample exam, made by a script that brings the token."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.url)
        self._desk = desk

    def _call(self, path: str, body: dict[str, Any]) -> Any:
        return self._desk.call("POST", f"/api/exams{path}", json=body)


@pytest.fixture(scope="module")
def desk(folder: Path, models_dir: Path, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Desk]:
    running = Desk(folder / "server", PROTECTED | in_mongod() | {"MODELS_DIR": str(models_dir)})
    with running.meanwhile():
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture
def site(desk: Desk) -> Iterator[Site]:
    site = Site(desk)
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, folder: Path, man: FakeDevices) -> Iterator[Chromium]:
    with Chromium(playwright, folder / "browser", devices=man, shell=True) as chromium:
        yield chromium


def pressed(page: Page, button: str) -> Page:
    """The window that opens at a press on the bar, once it has the portal."""
    with page.expect_popup() as opened:
        page.get_by_role("button", name=button).click()
    window = opened.value
    window.wait_for_url("**/portal?*")
    return window


def test_an_exam_of_two_pages_is_walked_while_one_session_goes_on(desk: Desk, site: Site, chromium: Chromium, folder: Path) -> None:
    page = chromium.open(f"{site.address}/")
    said = page.get_by_role("region", name="Exam proctor").get_by_role("status")
    expect(said).to_contain_text("It is not open yet")
    wrong = [f"the bar: {one}" for one in axe(page)]
    window = pressed(page, "Open the window")
    assert window.url.startswith("http://localhost:")
    expect(said).to_contain_text("not watched just now")
    window.get_by_role("button", name="Continue").click()
    expect(window.get_by_text("You may look at this window and go back")).to_be_visible()
    window.get_by_role("button", name="I agree").click()
    begin(window)
    expect(said).to_contain_text("This exam is watched")
    (session,) = desk.call("GET", "/api/sessions/active")["sessions"]
    assert (session["exam_id"], session["user_id"][:8]) == (EXAM_ID, "visitor-")
    begun = window.evaluate("performance.timeOrigin")

    page.bring_to_front()
    page.get_by_label("How fast").fill("90 km/h")
    page.get_by_label("How fast").press("Control+a")
    page.get_by_label("How fast").press("Control+c")
    page.get_by_role("link", name="Next question").click()
    expect(page.get_by_role("heading", name="Question 2")).to_be_visible()
    expect(said).to_contain_text("This exam is watched")
    page.get_by_label("how long").press("Control+v")
    expect(page.get_by_label("how long")).to_have_value("90 km/h")

    def told() -> list[tuple[str, str]]:
        with stored(desk) as database:
            acts = database["acts"].find({"session_id": session["session_id"]}).sort("at", 1)
            return [(act["kind"], act.get("told_by", "")) for act in acts if act["kind"] in ("copy", "paste")]

    assert until(window, lambda: told() if len(told()) > 1 else [], "both are stored") == [("copy", "exam_page"), ("paste", "exam_page")]
    assert window.evaluate("performance.timeOrigin") == begun, "the window was never loaded anew"
    expect(window.locator("#exam-bar[data-recording]")).to_be_visible()
    wrong += judge(window, folder, "portal-site")

    window.close()
    expect(said).to_contain_text("was closed")
    window = pressed(page, "Open it again")
    window.get_by_role("button", name="Continue the exam").click()
    expect(window.locator("#exam-bar[data-recording]")).to_be_visible()
    expect(said).to_contain_text("This exam is watched")
    assert [one["session_id"] for one in desk.call("GET", "/api/sessions/active")["sessions"]] == [session["session_id"]]
    end(window)
    expect(said).to_contain_text("it has ended in the other window")
    assert wrong == []
    window.close()
    page.close()
