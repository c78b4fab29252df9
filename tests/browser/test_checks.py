"""The portal's check in a real Chromium: what it says of devices and of a script that is late; each step reads well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, Playwright, Route, expect

from bench.harness.chromium import Chromium, FakeDevices, make_camera, make_microphone
from tests.helpers.browser import judge, until
from tests.helpers.desk import PROTECTED, SCRIPT, Desk, begin, end, fill_in, session_of

SETTINGS = {"INTERVAL_DURATION": "10", "CHECK_INTERVAL": "2"}


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path) -> Iterator[Desk]:
    running = Desk(folder / "server", PROTECTED | SETTINGS | {"MODELS_DIR": str(models_dir)})
    with running.meanwhile():
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def students(playwright: Playwright, folder: Path, server: Desk, shared_data: Path) -> Iterator[Chromium]:
    """A student's browser with a camera that shows the man of webcam.mp4; what the page may use, its user is asked."""
    camera = make_camera(shared_data / "webcam.mp4", folder / "man.mjpeg", seconds=6)
    microphone = make_microphone(shared_data / "scenarios" / "exam-b" / "audio.flac", folder / "voice.wav", start=138, seconds=6)
    with Chromium(playwright, folder / "student", devices=FakeDevices(camera, microphone), allow=False) as chromium:
        yield chromium


def check_row(page: Page, row: str, state: str, words: str) -> None:
    expect(page.locator(f"#check-{row}")).to_have_attribute("data-state", state)
    expect(page.locator(f"#check-{row} .check-text")).to_contain_text(words)


def test_a_refused_permission_is_told_apart_and_mended(server: Desk, students: Chromium) -> None:
    for name in ("camera", "microphone"):
        students.set_permission(name, "denied", server.url)
    page = students.open(f"{server.url}/portal")
    fill_in(page, "ben", "history")
    check_row(page, "camera", "not_ready", "Permission was refused")
    check_row(page, "microphone", "not_ready", "Permission was refused")
    how = page.get_by_role("region", name="Allow camera and microphone")  # in this browser, and what to do then comes first
    expect(how).to_contain_text("two small sliders")
    assert how.locator("svg:visible").count() == 1
    expect(page.get_by_role("button", name="Check again")).to_have_class("primary")
    page.set_viewport_size({"width": 1440, "height": 900})
    button, row = page.get_by_role("button", name="Check again").bounding_box(), page.locator("#check-browser").bounding_box()
    assert button is not None
    assert row is not None
    assert button["y"] + button["height"] < row["y"], "right below what is to be done"
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="Start").click(force=True)  # Playwright waits for one that is not aria-disabled
    expect(page.get_by_role("heading", name="Check", exact=True)).to_be_visible()
    students.set_permission("camera", "granted", server.url)  # and the check goes on by itself
    check_row(page, "camera", "ready", "")
    begin(page, "Start without a microphone")
    until(page, lambda: server.details(session_of(server, "ben"))["session"]["devices"]["microphone"]["state"] == "denied", "the server is told")
    expect(page.locator("#exam-notices")).to_contain_text("microphone")
    students.set_permission("microphone", "granted", server.url)
    until(page, lambda: server.details(session_of(server, "ben"))["session"]["devices"]["microphone"]["state"] == "ok", "it is opened when allowed")
    expect(page.locator("#exam-notices")).not_to_contain_text("microphone")
    end(page)
    page.close()


def test_a_missing_camera_is_told_apart(server: Desk, proctors: Chromium) -> None:
    page = proctors.open(f"{server.url}/portal")
    fill_in(page, "cleo", "history")
    check_row(page, "camera", "not_ready", "No camera was found")
    check_row(page, "microphone", "not_ready", "No microphone was found")
    page.close()


def test_a_browser_that_scrambles_pictures_is_told_apart_and_no_lamp_is_asked_for(server: Desk, students: Chromium) -> None:
    students.set_permission("camera", "granted", server.url)
    page = students.open("about:blank")
    page.add_init_script("""
      OffscreenCanvasRenderingContext2D.prototype.getImageData = (x, y, width, height) =>
        new ImageData(Uint8ClampedArray.from({ length: 4 * width * height }, () => 256 * Math.random()), width, height);
    """)
    page.goto(f"{server.url}/portal")
    fill_in(page, "eve", "history")
    check_row(page, "camera", "ready", "")
    check_row(page, "browser", "warning", "scrambles your camera’s picture")
    for row in ("light", "face"):
        check_row(page, row, "waiting", "while the browser scrambles the picture")
    page.close()


def test_a_page_that_could_not_load_what_makes_its_pictures_says_so_and_goes_on_once_it_can(server: Desk, students: Chromium) -> None:
    for name in ("camera", "microphone"):
        students.set_permission(name, "granted", server.url)
    page = students.open("about:blank")
    page.add_init_script("""
      window.lost = true;
      window.Worker = class extends Worker {
        constructor(url, ...more) {
          super(window.lost && String(url).includes("picture-worker") ? "/static/not-come.js" : url, ...more);
        }
      };
    """)
    page.goto(f"{server.url}/portal")
    fill_in(page, "ines", "history")
    check_row(page, "browser", "not_ready", "a part of this page did not load")
    page.evaluate("window.lost = false")
    page.get_by_role("button", name="Check again").click()
    check_row(page, "browser", "ready", "")
    check_row(page, "camera", "ready", "")
    page.evaluate("window.lost = true")
    begin(page)
    notice = page.locator("#exam-notices [data-code=pictures]")
    expect(notice).to_contain_text("reload this page")
    expect(page.locator("#exam-bar")).to_contain_text("Recording sound only")
    page.evaluate("window.lost = false")
    expect(notice).to_have_count(0)
    end(page)
    page.close()


def test_an_insecure_address_is_told_apart(server: Desk, proctors: Chromium) -> None:
    page = proctors.open(f"http://plain.test:{server.port}/portal")
    fill_in(page, "dora", "history")
    check_row(page, "camera", "not_ready", "insecure address")
    check_row(page, "browser", "not_ready", "insecure address")
    page.close()


# A page whose script is late, or never comes


@pytest.mark.parametrize(("path", "script"), [("/portal", "portal/portal"), ("/exams", "proctor/exams")])
def test_no_button_is_dead_while_the_script_is_on_its_way(server: Desk, proctors: Chromium, path: str, script: str) -> None:
    page = proctors.open("about:blank")
    held: list[Route] = []
    page.route(f"**/js/{script}.js", lambda route: held.append(route))  # noqa: PLW0108 - Playwright cannot wrap a builtin
    page.goto(server.url + path, wait_until="commit")
    until(page, lambda: held, "the script is asked for")
    expect(page.locator("main button").first).to_be_attached()
    page.keyboard.press("Tab")
    assert page.evaluate("[document.getElementById('main').inert, document.activeElement.closest('main')]") == [True, None]
    for route in held:
        route.continue_()
    expect(page.locator("main")).not_to_have_attribute("inert", "")
    expect(page.locator("#page-failed")).to_be_hidden()
    page.close()


def test_a_script_that_never_comes_is_said(server: Desk, proctors: Chromium, folder: Path) -> None:
    page = proctors.open("about:blank")
    page.route("**/js/portal/checks.js", lambda route: route.abort())
    page.goto(f"{server.url}/portal")
    expect(page.get_by_role("alert")).to_contain_text("did not load whole")
    wrong = judge(page, folder, "portal-failed")
    page.close()
    proctors.problems.clear()  # the browser's own words about it
    assert wrong == []


# Each step


def test_the_login_reads_well(server: Desk, students: Chromium, folder: Path) -> None:
    page = students.open(f"{server.url}/review")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    wrong = judge(page, folder, "login")
    page.close()
    assert wrong == []


def test_every_step_of_the_portal_reads_well(server: Desk, students: Chromium, folder: Path) -> None:
    for name in ("camera", "microphone"):
        students.set_permission(name, "granted", server.url)
    before = len(students.problems)
    created = server.create("frida", "history")
    page = students.open(created["portal_url"])
    expect(page.get_by_label("User ID")).to_have_value("frida")
    wrong = judge(page, folder, "portal-who")
    page.get_by_role("button", name="Continue").click()
    wrong += judge(page, folder, "portal-watched")
    page.get_by_role("button", name="I agree").click()
    check_row(page, "microphone", "ready", "We can hear you")
    check_row(page, "light", "ready", "")
    wrong += judge(page, folder, "portal-check")
    begin(page)
    requests.post(
        f"{server.url}/api/session/{created['session_id']}/message", json={"text": "Ten minutes left."}, headers=SCRIPT, timeout=30
    ).raise_for_status()
    expect(page.locator("#exam-messages")).to_contain_text("Ten minutes left.")
    wrong += judge(page, folder, "portal-exam")
    page.get_by_role("button", name="End exam").click()
    wrong += judge(page, folder, "portal-end")
    page.get_by_role("dialog").get_by_role("button", name="End exam").click()
    expect(page.get_by_role("heading", name="Your exam has ended")).to_be_visible()
    wrong += judge(page, folder, "portal-done")
    page.close()
    assert wrong + students.problems[before:] == []
