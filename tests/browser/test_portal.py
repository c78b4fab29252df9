"""The portal's check and exam in a real Chromium, where only a browser shows it: the end, the exam's frame, devices, screen, messages, breaks.

The exam asks for the whole screen and has a page of its own in the frame; both are the tests'.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, WebSocket, expect

from bench.harness.chromium import Chromium, FakeDevices, make_camera, make_microphone
from bench.harness.relay import Relay
from bench.harness.server import Server
from tests.helpers.browser import PLUGGED_IN, judge, leave, until
from tests.helpers.waiting import free_port

EXAM = "<!doctype html><title>Exam</title><h1>Question 1</h1><p>What came before?</p>"
# What the browser's own picker and devices do is the test's to say: `surface` is what gets shared, `media` what opening a device comes to.
WORLD = """
  window.surface = "monitor";
  window.media = null;
  const mediaDevices = navigator.mediaDevices ?? { getUserMedia() {} }; // about:blank has none
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wanted) => (window.media ? window.media(() => open(wanted)) : open(wanted));
  mediaDevices.getDisplayMedia = async () => {
    const canvas = document.createElement("canvas");
    canvas.getContext("2d").fillRect(0, 0, 300, 150);
    const stream = canvas.captureStream(), [track] = stream.getVideoTracks();
    track.getSettings = () => ({ displaySurface: window.surface });
    return (window.screenTrack = track) && stream;
  };
"""
# From now on everything that is said in what `wanted` selects, as screen readers hear it.
HEAR = """wanted => {
  window.spoken = [];
  const placeOf = (node) => (node.closest ? node : node.parentElement)?.closest(wanted);
  new MutationObserver((records) => {
    const changed = records.flatMap(({ target, addedNodes }) => [target, ...addedNodes]).map(placeOf);
    for (const place of new Set(changed.filter((one) => one?.isConnected))) window.spoken.push(place.textContent);
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""
CAMERA_TRACK = "document.getElementById('exam-video').srcObject.getVideoTracks()[0]"
BY_HTTP = re.compile(r"/api/student/link\?connection=([^&]+)")


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    port = free_port()
    settings = {"MODELS_DIR": str(models_dir), "FLASK_PORT": str(port), "EXAM_URL": f"http://127.0.0.1:{port}/own-exam", "SCREEN_CAPTURE": "required"}
    settings |= in_mongod() | {"EXAM_OPENS": "frame"}  # at its address the server itself has nothing
    running = Server(folder / "server", settings)
    with running.meanwhile():
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, folder: Path, server: Server, shared_data: Path) -> Iterator[Chromium]:
    """A student's browser: a man who looks at the camera, and quiet."""
    camera = make_camera(shared_data / "webcam.mp4", folder / "man.mjpeg", seconds=6)
    microphone = make_microphone(shared_data / "scenarios" / "clean-a" / "audio.flac", folder / "quiet.wav", seconds=6)
    with Chromium(playwright, folder / "student", devices=FakeDevices(camera, microphone), shell=True) as chromium:
        chromium.context.route("**/own-exam", lambda route: route.fulfill(body=EXAM, content_type="text/html"))
        yield chromium


class Student:
    """A page with a link's student in it, what it asks the server for and says over its link."""

    def __init__(self, chromium: Chromium, server: Server, user_id: str, url: str | None = None) -> None:
        created = server.create(user_id, "history")
        self.session_id = str(created["session_id"])
        self.requests: list[str] = []
        self.links: list[WebSocket] = []
        self.said: list[dict[str, Any]] = []
        self.page = chromium.context.new_page()
        chromium.watch(self.page)
        self.page.add_init_script(WORLD)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", self._watch)
        self.page.goto(f"{url or server.url}/portal#t={created['token']}")

    def _watch(self, link: WebSocket) -> None:
        if link.url.endswith("/trial"):
            return  # the check's own
        self.links.append(link)
        link.on("framesent", lambda data: self.said.append(json.loads(data)) if isinstance(data, str) else None)

    @property
    def attempts(self) -> int:
        """Connections of the link so far, by WebSocket and by HTTP."""
        return len(self.links) + len({BY_HTTP.findall(url)[0] for url in self.requests if BY_HTTP.search(url)})

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.said if message["type"] == kind]

    def acts(self) -> list[str]:
        return [act["kind"] for message in self.told("acts") for act in message["acts"]]

    def check(self) -> None:
        """Up to the check's step."""
        self.page.get_by_role("button", name="Continue").click()
        self.page.get_by_role("button", name="I agree").click()
        expect(self.page.locator("#check-screen")).to_have_attribute("data-state", "not_ready")

    def begin(self) -> Page:
        """Into the exam, its screen shared."""
        self.check()
        self.page.get_by_role("button", name="Share my screen").click()
        expect(self.page.locator("#check-camera")).to_have_attribute("data-state", "ready")
        self.page.get_by_role("button", name="Start the exam").click()
        expect(self.page.locator("#exam-bar[data-recording]")).to_be_visible()
        return self.page

    def end(self) -> None:
        ask_end(self.page)
        expect(self.page.get_by_role("heading", name="Your exam has ended")).to_be_visible()
        self.page.close()


def ask_end(page: Page) -> None:
    page.get_by_role("button", name="End exam").click()
    page.get_by_role("dialog").get_by_role("button", name="End exam").click()


# The end


def test_an_end_on_a_line_that_carries_nothing_is_shown_kept_and_done_when_the_line_is_back(chromium: Chromium, server: Server) -> None:
    with Relay(server.port) as relay:
        student = Student(chromium, server, "anna", relay.url)
        page = student.begin()
        notices = page.locator("#exam-notices")
        page.evaluate("document.getElementById('end-dialog').returnValue = 'end'")  # as if chosen once
        page.get_by_role("button", name="End exam").click()
        leave(page.locator("#end-dialog"))
        expect(notices.locator("[data-code=ending]")).to_have_count(0)
        page.evaluate(HEAR, "[data-code=ending]")
        page.get_by_role("button", name="End exam").click()
        relay.cut()
        page.locator("#end-dialog").get_by_role("button", name="End exam").evaluate("button => button.click()")  # before the page finds out
        expect(page.locator("#exam-bar")).to_have_attribute("data-link", "waiting")  # it has
        expect(notices).to_contain_text("Your exam ends as soon as it is back")
        assert "Ending your exam" in page.evaluate("window.spoken[0]")
        assert "goes on" not in notices.inner_text()
        relay.mend()
        expect(page.get_by_role("heading", name="Your exam has ended")).to_be_visible()
        until(page, lambda: server.details(student.session_id)["session"]["end_reason"] == "ended by the student", "the end is stored")
        page.close()


def test_the_wish_to_end_outlives_a_reload(chromium: Chromium, server: Server) -> None:
    student = Student(chromium, server, "ben")
    page = student.begin()
    page.evaluate("id => sessionStorage.setItem('portal.ending', id)", student.session_id)
    page.reload()
    page.get_by_role("button", name="Share my screen").click()
    page.get_by_role("button", name="Continue the exam").click()
    expect(page.get_by_role("heading", name="Your exam has ended")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('portal.ending')") is None
    page.close()


# The line


def test_a_lost_line_is_told_once_however_often_it_is_tried_again_and_moves_nothing(chromium: Chromium, server: Server, folder: Path) -> None:
    with Relay(server.port) as relay:
        student = Student(chromium, server, "cleo", relay.url)
        page = student.begin()
        before = page.locator("#exam-frame").bounding_box()
        linked = len(student.links)
        relay.cut()  # nothing ends and nothing comes: the socket itself would find out half a minute later
        expect(page.locator("#exam-notices")).to_contain_text("Everything you do is kept here and sent later")
        expect(page.locator("#exam-recording")).to_have_text("Not recording")
        assert len(student.links) == linked, "the page knows while the connection still seems open"
        relay.mend()
        expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
        page.evaluate(HEAR, "#exam-notices [data-code=offline], #exam-connection")  # what is said of a slow line may change beside them
    tried = student.attempts
    until(page, lambda: student.attempts >= tried + 4, "four attempts")
    spoken = page.evaluate("window.spoken")
    assert len(spoken) == len(set(spoken)) == 2
    assert page.locator("#exam-frame").bounding_box() == before
    wrong = judge(page, folder, "portal-away")
    server.call("POST", f"/api/session/{student.session_id}/end", json={})
    page.close()
    assert wrong == []


# The exam's own page


def test_the_exams_page_is_asked_for_when_the_exam_runs_and_heard_from_its_first_moment(chromium: Chromium, server: Server) -> None:
    student = Student(chromium, server, "dora")
    student.check()
    assert not [url for url in student.requests if "own-exam" in url]
    student.page.goto("about:blank")
    student.page.goto(server.create("dora", "geography")["portal_url"])
    page = student.begin()
    frame = page.frame_locator("#exam-frame")
    frame.get_by_text("What came before?").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    until(page, lambda: student.acts().count("copy") == 1, "the copy in the frame is told")
    ask_end(page)
    expect(page.get_by_role("heading", name="Your exam has ended")).to_be_visible()
    assert page.locator("#exam-frame").count() == 0
    page.close()


def test_a_rehearsal_never_asks_for_the_exams_page(chromium: Chromium, server: Server) -> None:
    asked: list[str] = []
    page = chromium.context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/portal?rehearsal=1")
    page.get_by_label("User ID").fill("dora")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="I agree").click()
    expect(page.locator("#check-camera")).to_have_attribute("data-state", "ready")
    page.get_by_role("button", name="Finish the rehearsal").click()
    expect(page.locator("#step-done")).to_be_visible()
    assert not [url for url in asked if "own-exam" in url]
    page.close()


# Devices


def test_a_camera_that_comes_back_after_the_end_is_let_go(chromium: Chromium, server: Server) -> None:
    student = Student(chromium, server, "emil")
    page = student.begin()
    page.evaluate("""() => {
      window.media = async (open) => {
        window.asked = true;
        await new Promise((resolve) => { window.answer = resolve; });
        window.late = await open();
        return window.late;
      };
    }""")
    page.evaluate(f"{CAMERA_TRACK}.dispatchEvent(new Event('ended')); {PLUGGED_IN}")
    until(page, lambda: page.evaluate("window.asked"), "the camera is asked for again")
    ask_end(page)
    expect(page.get_by_role("heading", name="Your exam has ended")).to_be_visible()
    page.evaluate("window.answer()")
    until(page, lambda: page.evaluate("window.late?.getTracks().every((track) => track.readyState === 'ended')"), "the camera is let go")
    page.close()


def test_a_check_that_is_begun_anew_lets_the_devices_of_the_one_before_go(chromium: Chromium, server: Server) -> None:
    student = Student(chromium, server, "fay")
    student.check()
    page = student.page
    page.evaluate("""() => {
      window.streams = [];
      window.answers = [];
      window.media = async (open) => {
        await new Promise((resolve) => window.answers.push(resolve));
        const stream = await open();
        window.streams.push(stream);
        return stream;
      };
    }""")
    page.get_by_role("button", name="Check again").click()
    page.get_by_role("button", name="Check again").click()
    page.evaluate("window.answers.forEach((answer) => answer())")
    expect(page.locator("#check-camera")).to_have_attribute("data-state", "ready")
    until(page, lambda: sorted(page.evaluate("window.streams.map(({ active }) => active)")) == [False, True], "one camera is left")
    page.close()


def test_an_exam_that_could_not_be_opened_leaves_no_device_on(chromium: Chromium, server: Server) -> None:
    student = Student(chromium, server, "finn")
    page = student.page
    page.evaluate("""() => {
      window.streams = [];
      window.media = async (open) => {
        const stream = await open();
        window.streams.push(stream);
        return stream;
      };
      window.Worker = class extends Worker {
        constructor(url, ...more) {
          super(String(url).includes("worker-timer") ? "/static/not-come.js" : url, ...more);
        }
      };
    }""")
    student.check()
    page.get_by_role("button", name="Share my screen").click()
    expect(page.locator("#check-camera")).to_have_attribute("data-state", "ready")
    page.get_by_role("button", name="Start the exam").click()
    until(page, lambda: page.evaluate("window.streams.length && !window.streams[0].active"), "the devices are let go")
    chromium.problems.clear()  # the page's own words about it
    page.close()


def test_what_is_wrong_with_a_camera_in_mid_exam_can_be_mended_there(chromium: Chromium, server: Server, folder: Path) -> None:
    student = Student(chromium, server, "gus")
    page = student.begin()
    notice = page.locator("#exam-notices [data-code=camera]")
    page.evaluate(f"{CAMERA_TRACK}.dispatchEvent(new Event('mute'))")
    expect(notice).to_contain_text("Your camera is switched off")
    page.evaluate(f"{CAMERA_TRACK}.dispatchEvent(new Event('unmute'))")
    expect(notice).to_have_count(0)
    page.evaluate("window.media = () => Promise.reject(new DOMException('Permission denied by system', 'NotAllowedError')); null")
    page.evaluate(f"{CAMERA_TRACK}.dispatchEvent(new Event('ended')); {PLUGGED_IN}")
    again = notice.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    expect(notice).to_contain_text("privacy settings")
    wrong = judge(page, folder, "portal-notice")
    # the last picture does not pass for what the camera sees
    until(page, lambda: server.details(student.session_id)["session"]["devices"]["camera"]["state"] in {"denied", "lost"}, "the server knows")
    page.evaluate("window.media = null")
    again.click()
    expect(notice).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "exam-title"
    assert wrong == []
    student.end()


def test_an_old_browser_is_told_what_it_lacks(chromium: Chromium, server: Server, folder: Path) -> None:
    page = chromium.context.new_page()
    page.add_init_script("delete window.OffscreenCanvas")
    page.goto(f"{server.url}/portal?rehearsal=1")
    page.get_by_label("User ID").fill("hal")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="I agree").click()
    expect(page.locator("#check-browser .check-text")).to_contain_text("too old for the exam (no OffscreenCanvas)")
    expect(page.locator("#page-failed")).to_be_hidden()
    wrong = judge(page, folder, "portal-not-ready")
    page.close()
    assert wrong == []


# The shared screen


def test_a_window_does_not_stand_for_the_screen_when_it_is_shared_anew(chromium: Chromium, server: Server) -> None:
    student = Student(chromium, server, "ida")
    page = student.begin()
    notice, share = page.locator("#exam-notices [data-code=screen]"), page.locator("#exam-share")
    expect(share).to_be_hidden()
    page.evaluate("window.screenTrack.stop(); window.screenTrack.dispatchEvent(new Event('ended'))")
    expect(notice).to_contain_text("no longer shared")
    page.evaluate("window.surface = 'window'")
    share.click()
    expect(notice).to_contain_text("Only a window or a tab is shared")
    expect(share).to_be_visible()
    page.evaluate("window.surface = 'monitor'")
    share.click()
    expect(share).to_be_hidden()
    expect(notice).to_have_count(0)
    states = [message["state"] for message in student.told("device") if message["device"] == "screen"]
    assert states == ["ok", "ended", "ended", "ok"]
    assert student.acts().count("share_stopped") == 1
    student.end()


# Messages and breaks


def test_the_proctor_is_called_and_the_answer_ends_the_call(chromium: Chromium, server: Server, folder: Path) -> None:
    student = Student(chromium, server, "zoe")
    page = student.begin()
    expect(page.locator("#exam-shared")).to_be_visible()
    page.get_by_role("button", name="Call the proctor").click()
    page.get_by_label("What is it about?").fill("My mouse is broken")
    page.keyboard.press("Enter")
    expect(page.locator("#exam-called")).to_contain_text("“My mouse is broken”")
    wrong = judge(page, folder, "portal-called")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#exam-name-below")).to_have_text("history")
    rows = page.evaluate(  # with breaks, and in a language that has long words
        "document.getElementById('exam-break').hidden = false, document.getElementById('exam-share').hidden = false,"
        "document.getElementById('exam-end').textContent = 'Prüfung beenden',"
        "new Set([...document.querySelectorAll('#exam-bar :is(p, button)')].filter((e) => e.offsetParent && e.offsetWidth > 1)"
        ".map((e) => Math.round((e.getBoundingClientRect().top + e.getBoundingClientRect().bottom) / 2 / 24))).size"
    )
    assert rows <= 2, "the bar of a phone"
    page.evaluate("document.getElementById('exam-end').textContent = 'End exam'")
    page.set_viewport_size({"width": 1280, "height": 900})
    (session,) = [one for one in server.call("GET", "/api/sessions/active")["sessions"] if one["session_id"] == student.session_id]
    assert session["call"]["text"] == "My mouse is broken"
    server.call("POST", f"/api/session/{student.session_id}/message", json={"text": "I come to you", "by": "Ada"})
    expect(page.locator("#exam-messages")).to_contain_text("Message from Ada")
    expect(page.locator("#exam-called")).to_be_hidden()
    page.get_by_role("button", name="Call the proctor").click()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Take the call back").click()
    expect(page.locator("#exam-called")).to_be_hidden()
    expect(page.get_by_role("button", name="Call the proctor")).to_be_focused()
    student.end()
    assert wrong == []


def test_a_message_that_was_read_is_told_and_the_focus_goes_on(chromium: Chromium, server: Server, folder: Path) -> None:
    student = Student(chromium, server, "jo")
    page = student.begin()
    for text, level in (("Ten minutes left.", "message"), ("Please stay in view.", "warning")):
        server.call("POST", f"/api/session/{student.session_id}/message", json={"text": text, "level": level})
    expect(page.locator("#exam-messages li")).to_have_count(2)
    wrong = judge(page, folder, "portal-messages")
    ids = [page.locator("#exam-messages li").nth(number).get_attribute("data-id") for number in range(2)]
    page.get_by_role("button", name="I have read it").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="I have read it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Exam", exact=True)).to_be_focused()
    until(page, lambda: [message["id"] for message in student.told("read")] == ids, "the server is told")
    student.end()
    assert wrong == []


def test_a_break_is_asked_for_once_and_announced_without_its_countdown(chromium: Chromium, server: Server, folder: Path) -> None:
    server.call("POST", "/api/accommodations", json={"user_id": "kim", "breaks_allowed": 2, "break_minutes": 5, "set_by": "Ada"})
    student = Student(chromium, server, "kim")
    page = student.begin()
    box = page.get_by_role("button", name="Take a break (2 left)").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#exam-pause")).to_contain_text(re.compile(r"4:\d\d"))  # it counts down
    page.mouse.down(click_count=2)  # of a double click whose first click the server has answered already
    page.mouse.up(click_count=2)
    said = page.locator("#exam-pause-said")
    expect(said).to_have_text("Your break: nothing is recorded.")
    wrong = judge(page, folder, "portal-break")
    page.get_by_role("button", name="End the break").focus()
    page.keyboard.down("Enter")
    expect(page.get_by_role("button", name="Take a break (1 left)")).to_be_focused()
    page.keyboard.down("Enter")  # still held: its repetition asks for no second break
    page.keyboard.up("Enter")
    expect(said).to_have_text("")
    assert [message["on"] for message in student.told("break")] == [True, False]
    expect(page.locator("#exam-notices [data-code=break]")).to_have_count(0)

    server.call("POST", f"/api/session/{student.session_id}/break", json={"on": True, "reason": "The fire alarm is tested."})
    expect(said).to_contain_text("The fire alarm is tested.")
    student.end()
    assert wrong == []


def test_the_page_complains_of_nothing(chromium: Chromium) -> None:
    of_the_tests = re.compile("ERR_|WebSocket")  # lines that were cut
    assert [problem for problem in chromium.problems if not of_the_tests.search(problem)] == []
