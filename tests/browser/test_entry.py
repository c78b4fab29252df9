"""The way into an exam in a real Chromium: by link and by IDs, while the server is away, at another computer; and what its end says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, Route, expect

from bench.harness.chromium import Chromium, FakeDevices, make_camera, make_microphone
from bench.harness.server import Server
from bench.harness.stored import stored
from records.seb import proof
from tests.helpers.browser import judge, until
from tests.helpers.desk import fill_in


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    """Where students may come by ID alone."""
    with Server(folder / "open", in_mongod() | {"MODELS_DIR": str(models_dir)}).meanwhile() as running:
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def closed(folder: Path, models_dir: Path, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    """Where they need a link, and the exam is in another tab."""
    settings = in_mongod() | {"MODELS_DIR": str(models_dir), "PORTAL_OPEN": "false", "EXAM_PLACE": "tab"}
    with Server(folder / "closed", settings).meanwhile() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, folder: Path, shared_data: Path) -> Iterator[Chromium]:
    camera = make_camera(shared_data / "webcam.mp4", folder / "man.mjpeg", seconds=6)
    microphone = make_microphone(shared_data / "scenarios" / "clean-a" / "audio.flac", folder / "quiet.wav", seconds=6)
    with Chromium(playwright, folder / "browser", devices=FakeDevices(camera, microphone), shell=True) as chromium:
        yield chromium


def go_on(page: Page) -> None:
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="I agree").click()
    expect(page.locator("#check-camera")).to_have_attribute("data-state", "ready")


def begin(page: Page) -> None:
    go_on(page)
    page.get_by_role("button", name="Start the exam").click()
    expect(page.locator("#exam-bar[data-recording]")).to_be_visible()


def go_back_in(page: Page) -> None:
    """Into an exam that runs already: what is watched was agreed to before."""
    page.get_by_role("button", name="Continue the exam").click()
    expect(page.locator("#exam-bar[data-recording]")).to_be_visible()


def end(page: Page) -> None:
    page.get_by_role("button", name="End exam").click()
    page.get_by_role("dialog").get_by_role("button", name="End exam").click()
    expect(page.get_by_role("heading", name="Your exam has ended")).to_be_visible()


def sessions_of(server: Server, user_id: str) -> list[str]:
    """The running ones."""
    return [one["session_id"] for one in server.call("GET", "/api/sessions/active")["sessions"] if one["user_id"] == user_id]


def test_while_the_server_is_away_the_link_waits_and_goes_on_by_itself(server: Server, chromium: Chromium, folder: Path) -> None:
    created = server.create("waits", "entry")
    page = chromium.open("about:blank")
    trouble = ["aborted", "503", "502"]
    judged = False

    def answer(route: Route) -> None:
        match trouble.pop(0) if trouble else "" if judged else "503":
            case "aborted":
                route.abort()
            case "503":
                route.fulfill(status=503, json={"success": False, "error": {"code": "storage", "message": "away"}})
            case "502":
                route.fulfill(status=502, body="Bad gateway")
            case _:
                route.continue_()

    page.route("**/api/student/session*", answer)
    page.goto(created["portal_url"])
    expect(page.get_by_text("it tries again by itself")).to_be_visible()
    expect(page.get_by_label("User ID")).to_be_hidden()  # IDs would be ignored: the link decides
    wrong = judge(page, folder, "portal-waiting")
    judged = True
    expect(page.get_by_label("User ID")).to_have_value("waits")
    expect(page.get_by_label("User ID")).to_be_visible()
    expect(page.get_by_text("it tries again by itself")).to_be_hidden()
    page.close()
    chromium.problems.clear()  # the browser's own words about the answers
    assert wrong == []


def test_an_exam_that_broke_off_is_reopened_by_a_proctor_and_goes_on_where_it_stands(server: Server, chromium: Chromium, folder: Path) -> None:
    created = server.create("broken-off", "entry")
    session_id = created["session_id"]
    page = chromium.open(created["portal_url"])
    begin(page)
    page.goto("about:blank")
    server.call("POST", f"/api/session/{session_id}/end", json={})
    with stored(server) as database:  # as one whose page stayed away for an hour
        database["sessions"].update_one({"_id": session_id}, {"$set": {"state": "interrupted", "end_code": "away"}})
    page.goto(f"{server.url}/portal")
    expect(page.locator("#done-text")).to_contain_text("ask your proctor to open it again")
    expect(page.get_by_text("You can close this page.")).to_be_hidden()
    wrong = judge(page, folder, "portal-broken-off")

    proctor = chromium.open(f"{server.url}/session/{session_id}")
    expect(proctor.locator("#over")).to_contain_text("the student’s page was away for too long")
    wrong += judge(proctor, folder, "session-broken-off")
    proctor.get_by_role("button", name="Reopen").click()
    expect(proctor.get_by_role("button", name="Reopen")).to_be_hidden()
    expect(proctor.get_by_role("button", name="End session")).to_be_visible()
    expect(proctor.locator("#link-words")).to_contain_text("Go on with my exam")
    wrong += judge(proctor, folder, "session-reopened")
    page.bring_to_front()
    page.get_by_role("button", name="Go on with my exam").click()
    expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
    assert sessions_of(server, "broken-off") == [session_id]
    end(page)
    page.close()
    proctor.close()
    assert wrong == []


def test_after_a_crash_who_came_by_id_alone_goes_on_in_the_same_browser(server: Server, chromium: Chromium) -> None:
    lost = chromium.open(f"{server.url}/portal")
    lost.get_by_label("User ID").fill("crashes")
    lost.get_by_label("Exam ID").fill("entry")
    begin(lost)
    before = sessions_of(server, "crashes")
    elsewhere = chromium.open(f"{server.url}/portal")
    expect(elsewhere.locator("#who-elsewhere")).to_contain_text("another tab")  # while the tab is there, it has the exam
    elsewhere.get_by_role("button", name="This is not my exam").click()
    expect(elsewhere.get_by_label("User ID")).to_be_editable()
    expect(elsewhere.get_by_label("User ID")).to_have_value("")
    elsewhere.close()
    lost.bring_to_front()
    with lost.expect_event("crash"):
        chromium.renderer(lost).kill()
    back = chromium.open(f"{server.url}/portal")  # and learns it before anything is asked
    expect(back.locator("#who-runs")).to_contain_text("crashes")
    go_back_in(back)
    assert sessions_of(server, "crashes") == before
    assert len(before) == 1
    back.get_by_role("button", name="Camera and microphone").click()
    microphone = back.locator("#exam-microphone-choice")
    other = microphone.locator("option:not(:checked)").first.get_attribute("value")
    microphone.select_option(other)
    until(back, lambda: server.details(before[0])["session"]["devices"]["microphone"]["state"] == "ok", "the other one is heard")
    expect(microphone).to_have_value(str(other))
    assert back.evaluate("localStorage.getItem('portal.microphone')") == other
    back.get_by_role("button", name="Done").click()
    end(back)
    expect(back.locator("#receipt")).to_contain_text(before[0])
    assert back.evaluate("localStorage.getItem('portal.nonce')") == ""
    back.close()
    lost.close()


def test_a_duplicated_tab_asks_and_a_reload_does_not(server: Server, chromium: Chromium, folder: Path) -> None:
    first = chromium.open(server.create("twice", "entry")["portal_url"])
    begin(first)
    first.reload()
    expect(first.locator("#exam-bar[data-recording]")).to_be_visible()
    with first.expect_popup() as opened:
        first.evaluate("window.open(location.href)")  # with a copy of the tab's storage, as "Duplicate tab" makes one
    second = opened.value
    expect(second.locator("#who-elsewhere")).to_contain_text("in another tab")
    assert second.evaluate("sessionStorage.getItem('portal.token')")
    assert first.evaluate("document.body.dataset.step") == "exam"
    go_back_in(second)
    expect(first.get_by_role("heading", name="Your exam goes on elsewhere")).to_be_attached()
    first.bring_to_front()
    wrong = judge(first, folder, "portal-replaced")
    first.get_by_role("button", name="Continue here instead").click()
    expect(first.locator("#exam-bar[data-recording]")).to_be_visible()
    expect(second.get_by_role("heading", name="Your exam goes on elsewhere")).to_be_attached()
    second.close()
    end(first)
    first.close()
    assert wrong == []


def test_a_link_that_the_server_refuses_is_said_and_forgotten(server: Server, chromium: Chromium) -> None:
    page = chromium.open(f"{server.url}/portal#t=nonsense")
    expect(page.get_by_role("alert")).to_contain_text("not valid any more")
    expect(page.locator("#who-lost")).to_be_hidden()
    expect(page.get_by_label("User ID")).to_be_editable()
    page.reload()
    expect(page.get_by_label("User ID")).to_be_editable()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.close()
    chromium.problems.clear()


def test_an_exam_whose_answer_was_lost_is_found_again_and_not_started_twice(server: Server, chromium: Chromium, folder: Path) -> None:
    page = chromium.open(f"{server.url}/portal")
    page.get_by_label("User ID").fill("unheard")
    page.get_by_label("Exam ID").fill("entry")
    go_on(page)
    lost: list[int] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().status)
            route.abort()

    page.route("**/api/student/start", lose)
    page.get_by_role("button", name="Start the exam").click()
    expect(page.get_by_role("alert")).to_contain_text("can’t be reached")
    assert lost == [200]
    page.get_by_role("button", name="Start the exam").click()
    expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
    end(page)
    expect(page.locator("#done-text")).to_contain_text("You ended it")
    expect(page.get_by_role("heading", name="What happens now")).to_be_visible()
    wrong = judge(page, folder, "portal-done")

    page.goto(f"{server.url}/portal")
    page.get_by_label("User ID").fill("unheard")
    page.get_by_label("Exam ID").fill("entry")
    go_on(page)
    page.get_by_role("button", name="Start the exam").click()
    expect(page.get_by_role("alert")).to_contain_text("ended for you already")
    page.close()
    chromium.problems.clear()
    assert wrong == []


def test_a_proctors_new_link_goes_on_elsewhere_and_says_so_first(server: Server, chromium: Chromium, playwright: Playwright, folder: Path) -> None:
    created = server.create("moves", "entry")
    first = chromium.open(created["portal_url"])
    begin(first)
    desk = chromium.open(f"{server.url}/exams")
    desk.locator("#link-user").fill("moves")
    desk.locator("#link-exam").fill("entry")
    desk.get_by_role("button", name="Create the link").click()
    expect(desk.get_by_role("alert")).to_contain_text("runs already")
    wrong = judge(desk, folder, "exams-link-again")
    desk.get_by_role("button", name="Make a new link").click()
    expect(desk.locator("#link-address")).to_contain_text("#t=")
    address = desk.locator("#link-address").inner_text()
    with Chromium(playwright, folder / "other", devices=FakeDevices(folder / "man.mjpeg", folder / "quiet.wav"), shell=True) as other:
        second = other.open(address)
        expect(second.locator("#who-elsewhere")).to_contain_text("on another computer")
        go_back_in(second)
        expect(first.get_by_role("heading", name="Your exam goes on elsewhere")).to_be_attached()
        server.call("POST", f"/api/session/{created['session_id']}/end", json={"reason": "The fire alarm rang", "by": "Ada"})
        expect(second.locator("#done-text")).to_contain_text("Your proctor ended it: The fire alarm rang.")
        assert other.problems == []
    desk.close()
    first.close()
    chromium.problems.clear()  # the 409
    assert wrong == []


def test_a_closed_portal_asks_for_the_link_and_lets_its_student_rehearse(closed: Server, chromium: Chromium, folder: Path) -> None:
    page = chromium.open(f"{closed.url}/portal")
    expect(page.get_by_text("You need the link that you were sent")).to_be_visible()
    expect(page.get_by_label("User ID")).to_be_hidden()
    expect(page.get_by_role("link", name="Rehearse")).to_be_hidden()
    wrong = judge(page, folder, "portal-closed")

    created = closed.create("rehearses", "entry")
    page.goto("about:blank")
    page.goto(created["portal_url"])
    page.get_by_role("link", name="Rehearse").click()
    expect(page.get_by_label("User ID")).to_have_value("rehearses")
    go_on(page)
    page.get_by_role("button", name="Finish the rehearsal").click()
    expect(page.locator("#step-done").get_by_role("heading").first).to_be_focused()
    expect(page.get_by_text("was not stored")).to_have_count(0)
    expect(page.locator("#receipt")).to_contain_text("can see that you rehearsed")
    details = closed.details(created["session_id"])
    assert details["session"]["rehearsal"]["results"]
    assert (details["session"]["state"], details["checks"]) == ("running", [])
    page.get_by_role("link", name="Go to the exam").click()
    begin(page)
    small = "documentPictureInPicture.window?.document.body"
    page.get_by_role("button", name="Keep a small window in view").click()
    closed.call("POST", f"/api/session/{created['session_id']}/message", json={"text": "Ten minutes left", "by": "Ada"})
    until(page, lambda: "Message from Ada: Ten minutes left" in page.evaluate(f"{small}?.innerText ?? ''"), "the message is in the small window")
    page.evaluate(f"{small}.querySelector('li button').click()")
    expect(page.locator("#exam-messages li")).to_have_count(0)
    end(page)
    gone = "!documentPictureInPicture.window || documentPictureInPicture.window.closed"
    until(page, lambda: page.evaluate(gone), "the small window goes with the exam")
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="Whom to ask")).to_be_visible()
    expect(page.get_by_text("You can close this page")).to_be_hidden()
    page.close()
    assert wrong == []


def test_an_accommodation_is_told_before_anything_is_recorded_also_without_a_link(server: Server, chromium: Chromium, folder: Path) -> None:
    server.call("POST", "/api/accommodations", json={"user_id": "eva", "reading_aloud": True, "breaks_allowed": 2, "set_by": "Ada"})
    page = chromium.open(f"{server.url}/portal")
    fill_in(page, "eva", "history")
    page.get_by_role("button", name="Start the exam").click()
    told = page.get_by_role("group", name="What is different for you")
    expect(told).to_be_focused()
    expect(told.get_by_role("listitem")).to_have_text(["Reading aloud or a screen reader’s voice allowed", "2 breaks of 5 min", "Set by Ada"])
    expect(page.locator("#exam-bar")).to_be_hidden()
    wrong = judge(page, folder, "portal-different")
    page.get_by_role("button", name="Start the exam").click()
    expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
    end(page)
    page.close()
    assert wrong == []


def test_a_teacher_pastes_a_list_and_a_student_enters_by_the_code(server: Server, chromium: Chromium, folder: Path) -> None:
    page = chromium.open(server.url)
    page.goto(f"{server.url}/exams")
    ask = """async ([path, body]) => {
        const headers = { "Content-Type": "application/json" };
        return (await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
    }"""
    key = page.evaluate(ask, ["/api/exams", {"exam_id": "pasted", "title": "Algebra"}])["exam"]["exam_key"]
    page.evaluate(ask, [f"/api/exams/{key}/state", {"state": "open"}])
    page.reload()
    page.get_by_role("link", name="Students of pasted").click()
    lines = [f"p{number:02}\tStudent {number}\tp{number}@uni.example" for number in range(30)]
    text = page.locator("#import-text")  # a slow machine would lay millions of lines out for minutes
    text.evaluate("box => Object.defineProperty(box, 'value', { value: 'a\\n'.repeat(2_000_000), configurable: true })")
    page.get_by_role("button", name="Look at the list").click()
    expect(page.locator("#import-error")).to_contain_text("more than 3 MB")
    text.evaluate("box => delete box.value")
    page.get_by_label("List of students").fill("\n".join(["ID\tName\tE-mail", *lines, "p01\tTwice\t"]))
    page.get_by_role("button", name="Look at the list").click()
    expect(page.locator("#preview-faults tbody tr")).to_contain_text("This is the student of line 3 again.")
    wrong = judge(page, folder, "roster-preview")
    page.get_by_role("button", name="Import 30 students").click()
    expect(page.locator("#take-error")).to_be_visible()
    page.get_by_label("Leave these lines out").check()
    page.get_by_role("button", name="Import 30 students").click()
    expect(page.locator("#roster tbody tr")).to_have_count(30)
    wrong += judge(page, folder, "roster")
    expect(page.locator("#roster-said")).to_have_text("The list is imported: 30 new, 0 changed, 0 taken out.")  # also once the list was read again
    page.locator("#roster tbody tr", has_text="p07").get_by_role("button").click()
    code = page.locator("#student-code")
    expect(code).to_have_text(re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{4}$"))
    typed = code.inner_text().lower()
    page.goto(f"{server.url}/portal")
    page.get_by_label("Your code").fill(typed)
    page.get_by_label("Your code").press("Enter")
    expect(page.locator("#who-user")).to_have_value("p07")
    expect(page).to_have_url(f"{server.url}/portal?exam={key}")
    assert wrong == []
    page.close()


def test_who_finds_no_room_waits_and_goes_on_by_itself(
    chromium: Chromium, folder: Path, models_dir: Path, in_mongod: Callable[[], dict[str, str]]
) -> None:
    """In a browser that the server doesn't know, as students' are."""
    settings = in_mongod() | {"MODELS_DIR": str(models_dir), "CAPACITY": "1"}
    with Server(folder / "full", settings).meanwhile() as full:
        first, second = chromium.context.new_page(), chromium.context.new_page()
        for page, name in ((first, "ines"), (second, "otto")):  # both before one begins, which this browser would offer to go on with
            page.goto(f"{full.url}/portal")
            fill_in(page, name, "algebra")
        first.get_by_role("button", name="Start the exam").click()
        expect(first.locator("#exam-bar[data-recording]")).to_be_visible()
        second.get_by_role("button", name="Start the exam").click()
        expect(second.locator("#waiting-place")).to_have_text("You are next.")
        expect(second.locator("#step-waiting h1")).to_be_focused()
        wrong = judge(second, folder, "portal-in-line")
        assert full.call("GET", "/api/health")["parts"]["sessions"]["waiting"] == 1
        second.reload()
        expect(second.locator("#waiting-place")).to_have_text("You are next.")
        end(first)
        expect(second.locator("#exam-bar[data-recording]")).to_be_visible()
        end(second)
        first.close()
        second.close()
        assert wrong == []


# Chromium plays Safe Exam Browser: the test puts its interface into the page, or its headers onto the calls.
BY_INTERFACE = """key => window.SafeExamBrowser = { version: "SEB_macOS_3.0", security: { updateKeys(done) {
  crypto.subtle.digest("SHA-256", new TextEncoder().encode(location.href.split("#")[0] + key)).then((hash) => {
    this.configKey = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    window[done.name]();
  });
} } }"""


def test_an_exam_in_safe_exam_browser_only_is_begun_there_and_nowhere_else(server: Server, chromium: Chromium, folder: Path) -> None:
    made = server.call("POST", "/api/exams", json={"exam_id": "locked", "title": "Locked", "seb": "required"})["exam"]
    server.call("POST", f"/api/exams/{made['exam_key']}/state", json={"state": "open"})
    own = server.call("GET", f"/api/exams/{made['exam_key']}")["exam"]["seb_config_key"]

    def seen(session_id: str) -> list[tuple[str, str]]:
        changes = server.call("GET", f"/api/session/{session_id}/details")["session"]["seb"]
        return [(change["state"], change["version"]) for change in changes]

    created = server.create("locked-in", "locked")
    page = chromium.open(created["portal_url"])
    expect(page.get_by_text("In this browser you can’t begin it")).to_be_visible()
    link = page.get_by_role("link", name="Open in Safe Exam Browser").get_attribute("href")
    assert link is not None
    assert link.startswith(f"{server.url.replace('http', 'seb', 1)}/exams/{made['exam_key']}.seb??t=")
    wrong = judge(page, folder, "portal-seb")
    assert seen(created["session_id"]) == [("no", "")]
    page.close()

    page = chromium.open("about:blank")
    page.add_init_script(f"({BY_INTERFACE})({'0' * 64!r})")
    page.goto(created["portal_url"])
    expect(page.get_by_text("it has not opened this exam’s own file")).to_be_visible()
    page.close()

    page = chromium.open("about:blank")
    page.add_init_script(f"({BY_INTERFACE})({own!r})")
    page.goto(f"{server.url}/seb/{made['exam_key']}?t={link.partition('??t=')[2]}")  # as the file begins, with the link's query behind it
    begin(page)
    assert "seb=" in page.url
    assert seen(created["session_id"])[-1] == ("yes", "SEB_macOS_3.0")
    end(page)
    expect(page.get_by_role("link", name="Leave Safe Exam Browser")).to_be_visible()
    page.close()

    other = server.create("locked-by-header", "locked")
    page = chromium.open("about:blank")
    page.add_init_script('window.SafeExamBrowser = { version: "SEB_Windows_3.3.1" }')

    def with_header(route: Route) -> None:
        route.continue_(headers=route.request.headers | {"X-SafeExamBrowser-ConfigKeyHash": proof(route.request.url, own)})

    page.route("**/api/student/*", with_header)
    page.goto(other["portal_url"])
    begin(page)
    assert seen(other["session_id"])[-1] == ("yes", "SEB_Windows_3.3.1")
    end(page)
    page.close()
    assert wrong == []
