"""The proctor's pages in a real Chromium: no finding of axe-core, no complaint of the browser, nothing wider than the window."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from basics.readings import ActKind, Frame, ScreenAct, Sound
from bench.harness.chromium import Chromium
from bench.harness.footage import jpegs, pictures
from bench.harness.student import Footage, StudentClient
from tests.helpers.browser import TOO_WIDE, WAIT_S, axe, judge, show, until
from tests.helpers.desk import PROTECTED, Desk, await_changes, flagged
from tests.helpers.room import FLAG_ACTS
from tests.helpers.web import PASSWORD

SETTINGS = {"INTERVAL_DURATION": "5", "CHECK_INTERVAL": "1", "CLIP_PREROLL_S": "1", "CLIP_POSTROLL_S": "1"}


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path) -> Iterator[Desk]:
    running = Desk(folder / "server", PROTECTED | SETTINGS | {"MODELS_DIR": str(models_dir)})
    with running.meanwhile():
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def ended(server: Desk, proctors: Chromium, shared_data: Path) -> str:
    """A session that has ended, flagged for two people in view and for acts, its clips made. Gives its id."""
    two = [np.hstack([image, image]) for _, image in itertools.islice(pictures(shared_data / "webcam.mp4"), 0, 180, 15)]
    frames = [Frame(number / 2, cv2.imencode(".jpg", image)[1].tobytes()) for number, image in enumerate(two)]
    kinds: tuple[ActKind, ...] = ("copy", "paste", "tab_hidden", "tab_visible") * 2
    acts = [ScreenAct(f"anna-{number}", 2.0 + number / 5, kind) for number, kind in enumerate(kinds)]
    created = server.create("anna", "history")
    # again and again: what comes before the models are loaded, or while the machine is busy, is not read
    client = StudentClient(f"{server.link_url}?token={created['token']}", Footage(frames, [], acts, 6.0))
    client.start()
    page = proctors.open("about:blank")

    def kinds_found() -> set[str]:
        return {one["kind"] for interval in server.details(created["session_id"])["intervals"] for one in interval["violations"]}

    until(page, lambda: kinds_found() >= {"multiple_faces", "copy_paste", "tab_switch"}, "everything is found")
    client.finish()
    until(page, lambda: (rows := flagged(server, "anna")) and all(one["clip"]["state"] == "ready" for one in rows), "its clips are made")
    page.close()
    return str(created["session_id"])


@pytest.fixture(scope="module")
def man(server: Desk, shared_data: Path) -> Iterator[str]:
    """A session that runs: the man of webcam.mp4, sent by a small client. Gives its id."""
    taken = itertools.takewhile(lambda one: one[0] < 8, jpegs(shared_data / "webcam.mp4"))
    frames = [Frame(at, jpeg) for at, jpeg in itertools.islice(taken, 0, None, 3)]
    sounds = [Sound(step / 5, np.random.default_rng(step).normal(0, 6, 3200).astype(np.int16)) for step in range(40)]
    session = server.create("erik", "history")
    client = StudentClient(f"{server.link_url}?token={session['token']}", Footage(frames, sounds, [], 8.0))
    client.start()
    assert client.welcomed.wait(WAIT_S)
    yield str(session["session_id"])
    client.finish()


PAGES = {
    "live": ("/", ".tile .tile-reading:not(:empty)"),
    "session-running": ("/session/{running}", "#live-empty[hidden]"),
    "session-ended": ("/session/{ended}#interval-0", "#timeline path"),
    "report": ("/session/{ended}/report", "main h1"),
    "review": ("/review?state=all", "#queue .queue-item"),
    "analytics": ("/analytics", "main h1"),
    "exams": ("/exams", "main h1"),
    "exam-new": ("/exams/new", "#exam-form:not([data-waits])"),
    "settings": ("/settings", "main h1"),
    "help": ("/help", "main h1"),
    "not-found": ("/nowhere", "main h1"),
}
STILL = ("exams", "analytics", "settings")
LAYOUT_SHIFT = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const { value } of list.getEntries()) sum += value; }).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(sum))));
})"""
# A page shows what it has after three seconds without an answer, and may jump then: here it waits on.
PATIENT = "const later = setTimeout; window.setTimeout = (act, ms, ...given) => later(act, ms === 3000 ? 60_000 : ms, ...given);"
LIVE = {"live": ".tile:has-text('erik') canvas", "session-running": "#live-picture"}


@pytest.mark.parametrize("name", PAGES)
def test_a_proctors_page_reads_well(name: str, ended: str, man: str, server: Desk, proctors: Chromium, folder: Path) -> None:
    path, shown = PAGES[name]
    before = len(proctors.problems)
    page = proctors.context.new_page()
    proctors.watch(page)
    if name in STILL:
        page.add_init_script(PATIENT)
    page.goto(server.url + path.format(running=man, ended=ended))
    page.locator(shown).first.wait_for(state="attached")
    page.wait_for_load_state("networkidle")
    if name in LIVE:
        await_changes(page, LIVE[name], 1)
    if name in STILL:
        shift = page.evaluate(LAYOUT_SHIFT)
        assert shift < 0.05, f"{name} jumps while it loads: {shift}"
    wrong = judge(page, folder, name)
    page.close()
    told = [problem for problem in proctors.problems[before:] if name != "not-found" or "404" not in problem]
    assert wrong + told == []


def test_a_flag_is_told_where_another_student_is_watched_and_stays_until_it_is_seen(man: str, server: Desk, proctors: Chromium) -> None:
    page = proctors.open(f"{server.url}/session/{man}")
    expect(page.locator("#server-state")).to_have_attribute("data-state", "open")
    created = server.create("gina", "geography")
    # wherever an interval ends, one side has the 10 points of a flag, and one alone
    acts = [ScreenAct(f"gina-{number}", 0.5 + number / 5, "copy") for number in range(FLAG_ACTS)]
    client = StudentClient(f"{server.link_url}?token={created['token']}", Footage([], [], acts, 3600.0))
    client.start()
    expect(page.locator("#toasts .toast")).to_contain_text("gina")
    page.goto(server.url)
    tile = page.locator(".tile", has=page.get_by_role("link", name="gina"))
    expect(tile).to_have_attribute("data-state", "flagged")
    tile.get_by_role("button", name="Mark as seen").click()
    expect(tile.get_by_role("button", name="Mark as seen")).to_be_hidden()
    page.reload()
    expect(tile).to_be_visible()
    expect(tile.get_by_role("button", name="Mark as seen")).to_be_hidden()
    page.close()
    client.finish()


@pytest.mark.parametrize("tiles", ["4", "9", "16", "30"])
def test_a_wall_of_pictures_is_pictures(tiles: str, man: str, server: Desk, proctors: Chromium, folder: Path) -> None:
    page = proctors.open(server.url)
    page.get_by_label("Tiles shown").select_option(tiles)
    tile = page.locator(".tile", has=page.get_by_role("link", name="erik"))
    await_changes(page, ".tile:has-text('erik') canvas", 1)
    whole, picture, said = (tile.locator(part).first.bounding_box() for part in ("xpath=.", ".tile-picture", ".tile-text"))
    assert whole
    assert picture
    assert said
    assert picture["height"] >= 0.95 * whole["height"]
    assert said["height"] <= 0.3 * whole["height"]
    wrong = judge(page, folder, f"live-{tiles}")
    page.get_by_label("Tiles shown").select_option("")
    page.close()
    assert wrong == []


def test_dialogs_read_well(ended: str, man: str, server: Desk, proctors: Chromium, folder: Path) -> None:
    page = proctors.open(f"{server.url}/review?state=all")
    expect(page.locator("#item-title")).not_to_be_empty()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    wrong = judge(page, folder, "review-keys")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(page.locator("#dismiss-reasons")).to_be_visible()
    wrong += judge(page, folder, "review-dismiss")
    page.goto(f"{server.url}/session/{man}")
    page.get_by_role("button", name="End session").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    wrong += judge(page, folder, "session-end")
    page.goto(f"{server.url}/exams")
    expect(page.locator("#sessions tbody tr")).not_to_have_count(0)
    page.get_by_label("Student’s ID").press("?")  # here it is a letter
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("heading", name="Exams").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help for this page")).to_contain_text("Every exam and every session")
    wrong += judge(page, folder, "help-exams")
    page.get_by_role("link", name="Glossary and all help").click()
    expect(page.locator("#glossary")).to_contain_text("proves nothing")
    page.close()
    assert wrong == []


def test_figures_lead_to_the_sessions_they_count_and_tables_are_sorted_by_their_heads(ended: str, man: str, server: Desk, proctors: Chromium) -> None:
    page = proctors.open(f"{server.url}/analytics")
    page.locator("#chart-days summary").click()
    page.locator("#chart-days tbody a").first.click()
    expect(page).to_have_url(re.compile(r"/exams\?from=(\d{4}-\d\d-\d\d)&to=\1"))
    expect(page.locator("#sessions tbody tr")).not_to_have_count(0)
    expect(page.locator("#sessions tbody tr", has_text="anna")).to_contain_text("to decide")
    assert "from=" in str(page.locator("#sessions-csv").get_attribute("href"))
    names = page.locator("#sessions tbody th")
    before = names.all_inner_texts()
    page.locator("#sessions").get_by_role("button", name="Student").click()
    assert names.all_inner_texts() == sorted(before)
    page.locator("#sessions").get_by_role("button", name="Student").click()
    expect(page.get_by_role("columnheader", name="Student").first).to_have_attribute("aria-sort", "descending")
    assert names.all_inner_texts() == sorted(before, reverse=True)
    page.close()


def test_a_login_that_ends_while_a_page_is_open_is_told_and_the_way_back_leads_where_one_was(
    ended: str, server: Desk, proctors: Chromium, folder: Path
) -> None:
    page = proctors.open(f"{server.url}/session/{ended}#interval-0")
    expect(page.locator("#server-state")).to_have_attribute("data-state", "open")
    other = proctors.open(server.url)
    other.get_by_role("button", name="Log out").click()
    expect(other.get_by_role("heading", name="Log in")).to_be_visible()
    page.bring_to_front()
    expect(page.get_by_role("alert").filter(has_text="You are logged out")).to_be_visible()  # its socket was ended, and nothing had to be asked for
    expect(page.locator("#server-state")).to_have_attribute("data-state", "refused")
    assert "header" not in page.locator("main").inner_text()
    wrong = judge(page, folder, "signed-out")
    page.get_by_role("link", name="Log in again").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{server.url}/session/{ended}#interval-0")
    expect(page.locator("#server-state")).to_have_attribute("data-state", "open")
    other.close()
    page.close()
    proctors.problems.clear()  # the refused calls, in the browser's own words
    assert wrong == []


@pytest.fixture
def spoken(proctors: Chromium) -> Iterator[Page]:
    """A page of the proctors' browser, which forgets afterwards what language it was shown in."""
    page = proctors.context.new_page()
    show(page)
    yield page
    page.close()
    proctors.context.clear_cookies(name="language")


AS_IN_ENGLISH = {"session-ended": (".timeline-scroll", "#timeline-picture"), "review": (".seek", ".player-row"), "live": (".recent", ".tile canvas")}


@pytest.mark.parametrize("name", ["live", "session-ended", "review", "portal"])
def test_in_arabic_a_page_is_mirrored_and_what_runs_with_time_is_not(name: str, ended: str, man: str, server: Desk, spoken: Page) -> None:
    path, shown = PAGES.get(name, ("/portal", "#who-form"))
    before, _, place = path.format(running=man, ended=ended).partition("#")
    spoken.goto(f"{server.url}{before}{'&' if '?' in before else '?'}lang=ar{place and f'#{place}'}")
    spoken.locator(shown).first.wait_for(state="attached")
    expect(spoken.locator("html")).to_have_attribute("dir", "rtl")
    side, main = (spoken.locator(wanted).first.bounding_box() for wanted in (".side" if name != "portal" else ".brand", "main h1:visible"))
    assert side is not None
    assert main is not None
    assert side["x"] + side["width"] >= main["x"] + main["width"], "lines begin at the right"
    for wanted in AS_IN_ENGLISH.get(name, ()):
        assert spoken.locator(wanted).first.evaluate("element => getComputedStyle(element).direction") == "ltr", wanted
    assert axe(spoken) == []
    show(spoken, width=390)
    assert spoken.evaluate(TOO_WIDE) <= 0


@pytest.mark.parametrize("name", ["live", "session-running", "review", "exams", "settings"])
def test_german_fits_a_narrow_window(name: str, ended: str, man: str, server: Desk, spoken: Page) -> None:
    path, shown = PAGES[name]
    server_path, _, place = path.format(running=man, ended=ended).partition("#")
    show(spoken, width=390)
    spoken.goto(f"{server.url}{server_path}{'&' if '?' in server_path else '?'}lang=de{place and f'#{place}'}")
    spoken.locator(shown).first.wait_for(state="attached")
    expect(spoken.locator("html")).to_have_attribute("lang", "de")
    assert spoken.evaluate(TOO_WIDE) <= 0
    for here in spoken.locator(".side nav [aria-current]").all():
        expect(here).to_be_in_viewport(ratio=1)


def test_a_student_chooses_a_language_and_keeps_the_link(server: Desk, spoken: Page) -> None:
    created = server.create("12-lang", "history")
    spoken.goto(f"{server.url}/portal?lang=en#t={created['token']}")
    expect(spoken.get_by_label("User ID")).to_have_value("12-lang")
    choice = spoken.get_by_label("Language")
    assert choice.locator("option:checked").text_content() == "English"
    with spoken.expect_navigation():
        choice.select_option("Deutsch")
    expect(spoken.locator("html")).to_have_attribute("lang", "de")
    expect(spoken.locator("#who-user")).to_have_value("12-lang")  # the link is still this page's
    assert "lang" not in spoken.url
    kept = next(one for one in spoken.context.cookies() if one["name"] == "language")
    assert (kept["value"], kept["sameSite"], kept["path"]) == ("de", "Lax", "/")


def test_a_key_passes_over_languages_until_one_is_entered(server: Desk, spoken: Page) -> None:
    spoken.goto(f"{server.url}/help?lang=en")
    choice = spoken.locator("#language")
    choice.focus()
    spoken.keyboard.press("ArrowDown")
    passed = choice.input_value()
    assert passed != "en"
    expect(spoken.locator("html")).to_have_attribute("lang", "en")
    with spoken.expect_navigation():
        spoken.keyboard.press("Enter")
    expect(spoken.locator("html")).to_have_attribute("lang", passed)
