"""What a proctor does in a real Chromium beside looking: find, order and hide tiles, act in a session, listen, hear of flags everywhere, and review
beside another reviewer. Every state that comes with it reads well."""

from __future__ import annotations

import base64
import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Playwright, expect

from basics.readings import SAMPLE_RATE, Frame, Sound
from bench.harness.chromium import Chromium
from bench.harness.footage import jpegs
from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient, page_ms
from tests.helpers.browser import WAIT_S, judge, leave, until
from web.student.protocol import Media, pack_media

SETTINGS = {"INTERVAL_DURATION": "5", "CHECK_INTERVAL": "1", "CLIP_PREROLL_S": "1", "CLIP_POSTROLL_S": "1", "SCREEN_CAPTURE": "optional"}
FOOTAGE_S = 4.0
TONE_HZ = 440
SAME_PICTURE = 8.0  # mean difference of grey values 0..255; one moment's picture differs by less, another's by more
FLAG_ACTS = 6  # copies at 5 points each: wherever an interval ends, one side has the 10 points of a flag

expect.set_options(timeout=WAIT_S * 1000)

names = (f"student-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path) -> Iterator[Server]:
    running = Server(folder / "server", SETTINGS | {"MODELS_DIR": str(models_dir)})
    with running:
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, folder: Path) -> Iterator[Chromium]:
    """The proctors' browser; sound plays without a click first, as in one that plays on this page often."""
    with Chromium(playwright, folder / "profile", flags=["--autoplay-policy=no-user-gesture-required"]) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def man(shared_data: Path) -> Footage:
    """Four seconds of the man of webcam.mp4, with a tone."""
    frames = [Frame(at, jpeg) for number, (at, jpeg) in enumerate(jpegs(shared_data / "webcam.mp4")) if number % 3 == 0 and at < FOOTAGE_S]
    tone = (3000 * np.sin(2 * np.pi * TONE_HZ * np.arange(SAMPLE_RATE // 5) / SAMPLE_RATE)).astype(np.int16)
    return Footage(frames, [Sound(step / 5, tone) for step in range(round(5 * FOOTAGE_S))], [], FOOTAGE_S)


class Room:
    """Students that were started, each let go at the end of the test."""

    def __init__(self, server: Server, footage: Footage) -> None:
        self.server, self.footage = server, footage
        self._clients: list[StudentClient] = []

    def seat(self, user_id: str, exam_id: str | None = None, *, footage: Footage | None = None) -> tuple[StudentClient, str]:
        """A student who takes part, and the session's id."""
        created = self.server.create(user_id, exam_id)
        client = StudentClient(f"{self.server.link_url}?token={created['token']}", footage or self.footage)
        self._clients.append(client)
        client.start()
        assert client.welcomed.wait(WAIT_S)
        return client, str(created["session_id"])

    def leave(self) -> None:
        for client in self._clients:
            client.close()
        for status in self.server.call("GET", "/api/sessions/active")["sessions"]:
            self.server.call("POST", f"/api/session/{status['session_id']}/end", json={})


@pytest.fixture
def room(server: Server, man: Footage) -> Iterator[Room]:
    seats = Room(server, man)
    yield seats
    seats.leave()


def tile_of(page: Page, name: str) -> Locator:
    return page.locator(".tile", has=page.get_by_role("link", name=name, exact=True))


def flag(client: StudentClient) -> None:
    """Do what flags an interval at once."""
    for _ in range(FLAG_ACTS):
        client.act("copy")


def shown_names(page: Page) -> list[str]:
    return page.locator("#grid .tile:visible .tile-link").all_inner_texts()


# The live page


def test_each_tile_says_what_it_is(room: Room, server: Server, chromium: Chromium, folder: Path) -> None:
    server.create("late", "history")
    gone, _ = room.seat("gone", "history")
    mute, _ = room.seat("mute", "history", footage=replace(room.footage, sounds=[]))
    copier, _ = room.seat("copier", "history")
    server.call("POST", "/api/accommodations", json={"user_id": "resting", "exam_id": "history", "breaks_allowed": 1})
    _, resting_id = room.seat("resting", "history")
    page = chromium.open(server.url)
    expect(tile_of(page, "late").locator(".mark")).to_have_text("Not here yet")
    expect(tile_of(page, "late")).to_contain_text("Hasn’t opened the exam yet")
    gone.close()
    expect(tile_of(page, "gone").locator(".mark")).to_have_text("No connection")
    expect(tile_of(page, "gone").locator(".tile-reading")).to_have_text("Nothing arrives at the moment")
    mute._say({"type": "device", "device": "microphone", "state": "lost", "reason": "unplugged"})
    expect(tile_of(page, "mute").locator(".mark")).to_have_text("No sound")
    server.call("POST", f"/api/session/{resting_id}/break", json={"on": True, "by": "Ada"})
    expect(tile_of(page, "resting").locator(".mark")).to_have_text("On a break")
    flag(copier)
    expect(tile_of(page, "copier").locator(".mark")).to_have_text("Flagged")
    expect(page.locator("#toasts .toast")).to_contain_text("copier")
    assert judge(page, folder, "live-states") == []
    page.get_by_label("On a screen").select_option("30")
    wrong = judge(page, folder, "live-states-30")
    page.get_by_label("On a screen").select_option("")
    page.get_by_label("Search").fill("nobody is called so")
    expect(page.locator("#no-match")).to_be_visible()
    wrong += judge(page, folder, "live-no-match")
    page.route("**/api/sessions/active", lambda route: route.abort())
    page.goto(server.url)
    expect(page.locator("#live-error")).to_contain_text("The server can't be reached")
    wrong += judge(page, folder, "live-error")
    page.close()
    chromium.problems.clear()  # the refused call, in the browser's own words
    assert wrong == []


def test_an_old_picture_is_as_old_to_whoever_opens_the_page_later(room: Room, server: Server, chromium: Chromium) -> None:
    client, session_id = room.seat("left", "history")
    page = chromium.open(server.url)
    until(page, lambda: server.details(session_id)["checks"], "pictures were read")
    client.close()
    left_at = time.monotonic()
    until(page, lambda: server.details(session_id)["session"]["devices"]["connection"]["state"] == "lost", "the connection is lost")
    page.wait_for_timeout(max(0.0, left_at + 4 - time.monotonic()) * 1000)
    for path, place in (("/", ".tile .tile-age"), (f"/session/{session_id}", "#live-age")):
        page.goto(f"{server.url}{path}")
        age = page.locator(place)
        expect(age).to_be_visible()
        passed = time.monotonic() - left_at
        minutes, seconds = re.findall(r"(\d+):(\d+)", age.inner_text())[0]
        assert 60 * int(minutes) + int(seconds) >= passed - 2
    page.close()


def test_what_is_looked_for_is_found_and_stands_in_the_address(room: Room, server: Server, chromium: Chromium) -> None:
    for name, exam in (("anna", "art"), ("anton", "biology"), ("berta", "art")):
        room.seat(name, exam)
    page = chromium.open(server.url)
    expect(page.locator("#grid .tile")).to_have_count(3)
    page.get_by_label("Search").fill("AN")
    expect(page.locator("#grid .tile:visible")).to_have_count(2)
    page.get_by_label("Exam", exact=True).select_option("art")
    expect(page.locator("#grid .tile:visible")).to_have_count(1)
    assert shown_names(page) == ["anna"]
    expect(page.locator("#count")).to_contain_text("1 of 3 shown")
    tile_of(page, "anna").get_by_role("link").click()
    expect(page.locator("#session-title")).to_have_text("anna")
    page.go_back()
    expect(page.locator("#grid .tile:visible")).to_have_count(1)
    expect(page.get_by_label("Search")).to_have_value("AN")
    page.close()


def test_what_is_fine_can_be_hidden_and_comes_back_when_something_happens(room: Room, server: Server, chromium: Chromium) -> None:
    client, _ = room.seat("quiet", "hiding")
    page = chromium.open(f"{server.url}/?exam=hiding")
    expect(tile_of(page, "quiet")).to_have_attribute("data-state", "fine")
    page.get_by_label("Hide those that are fine").check()
    expect(tile_of(page, "quiet")).to_be_hidden()
    client.act("copy")
    expect(tile_of(page, "quiet")).to_be_visible()
    expect(tile_of(page, "quiet").locator(".tile-found")).to_contain_text("Copied or pasted once")
    page.close()


def test_what_needs_a_look_comes_first_and_not_under_a_pointer(room: Room, server: Server, chromium: Chromium) -> None:
    clients = {name: room.seat(name, "order")[0] for name in ("ada", "bob", "cleo")}
    page = chromium.open(f"{server.url}/?exam=order")
    expect(page.locator("#grid .tile:visible")).to_have_count(3)
    assert shown_names(page) == ["ada", "bob", "cleo"]
    tile_of(page, "ada").hover()
    flag(clients["cleo"])
    expect(page.locator("#sort-now")).to_be_visible()
    assert shown_names(page)[0] == "ada"
    page.locator("#sort-now").dispatch_event("click")  # a pointer that goes there has left the tiles, and then they move by themselves
    until(page, lambda: shown_names(page)[0] == "cleo", "it is put first when that is asked for")
    flag(clients["bob"])
    page.mouse.move(5, 5)
    until(page, lambda: set(shown_names(page)[:2]) == {"bob", "cleo"}, "without a pointer it goes there by itself")
    page.close()


def test_an_ended_exams_flag_stays_until_it_is_seen(room: Room, server: Server, chromium: Chromium) -> None:
    client, _ = room.seat("leaver", "ending")
    page = chromium.open(server.url)
    expect(tile_of(page, "leaver")).to_be_visible()
    flag(client)
    expect(tile_of(page, "leaver").get_by_role("button", name="Mark as seen")).to_be_visible()
    client.finish()
    expect(tile_of(page, "leaver")).to_contain_text("The exam has ended")
    tile_of(page, "leaver").get_by_role("button", name="Mark as seen").click()
    expect(tile_of(page, "leaver")).to_have_count(0)
    page.close()


def test_the_dashboard_shows_what_the_camera_saw(room: Room, server: Server, chromium: Chromium, man: Footage) -> None:
    _, session_id = room.seat("seen", "pictures")
    page = chromium.open(f"{server.url}/session/{session_id}")
    page.locator("#live-empty[hidden]").wait_for(state="attached")
    shown = page.locator("#live-picture").evaluate("canvas => canvas.toDataURL('image/png').split(',')[1]")
    page.close()
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(shown), np.uint8), cv2.IMREAD_GRAYSCALE)
    sent = [cv2.imdecode(np.frombuffer(frame.data, np.uint8), cv2.IMREAD_GRAYSCALE) for frame in man.frames]
    assert picture.shape == sent[0].shape
    assert min(float(cv2.absdiff(picture, one).mean()) for one in sent) < SAME_PICTURE


# Flags


PLACES = ("/analytics", "/exams", "/settings", "/review?state=all", "/session/{id}/report")


def test_a_flag_is_told_on_every_page_and_seen_once_for_all(room: Room, server: Server, chromium: Chromium, folder: Path) -> None:
    client, session_id = room.seat("everywhere", "telling")
    pages = [chromium.open(server.url + path.format(id=session_id)) for path in PLACES]
    live = chromium.open(server.url)
    for page in pages:
        expect(page.locator("#server-state")).to_have_attribute("data-state", "open")
    flag(client)
    for page in pages:
        expect(page.locator("#toasts .toast")).to_contain_text("everywhere")
        expect(page.locator("#announcer")).to_contain_text("Flag: everywhere, telling. Copied or pasted")
        expect(page.locator("#review-left")).not_to_be_empty()
    wrong = judge(pages[0], folder, "analytics-flag")
    seen = tile_of(live, "everywhere").get_by_role("button", name="Mark as seen")
    expect(seen).to_be_visible()
    pages[2].bring_to_front()
    pages[2].get_by_role("button", name="Close: everywhere").click()
    expect(seen).to_be_hidden()
    for page in [*pages, live]:
        page.close()
    assert wrong == []


SPIES = """() => {
  window.told = { tones: 0, notes: [] };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...given) {
    window.told.tones += this.context.state === "running" ? 1 : 0;
    return start.apply(this, given);
  };
  const Real = window.Notification;
  window.Notification = class extends Real {
    constructor(title, options) {
      super(title, options);
      window.told.notes.push([title, options.body]);
    }
  };
}"""


def test_a_flag_sounds_and_notifies_where_that_is_switched_on(room: Room, server: Server, chromium: Chromium) -> None:
    client, _ = room.seat("loud", "noise")
    chromium.set_permission("notifications", "granted", server.url)
    page = chromium.open("about:blank")
    page.add_init_script(f"({SPIES})()")
    page.goto(server.url)
    page.get_by_label("Sound").check()
    page.get_by_label("Notification").check()
    page.reload()
    expect(tile_of(page, "loud")).to_be_visible()
    other = chromium.open("about:blank")  # in front: only who does not see the page is notified
    other.bring_to_front()
    until(page, lambda: not page.evaluate("document.hasFocus()"), "another tab is in front")
    flag(client)
    until(page, lambda: page.evaluate("window.told.tones") >= 2 and page.evaluate("window.told.notes.length"), "it sounds and notifies")
    title, body = page.evaluate("window.told.notes[0]")
    assert title == "Flag: loud"
    assert "Copied or pasted" in body
    page.bring_to_front()
    page.get_by_label("Sound").uncheck()
    page.get_by_label("Notification").uncheck()
    other.close()
    page.close()


# One session


def said(client: StudentClient, kind: str) -> list[dict[str, Any]]:
    return [message for message in client.messages if message["type"] == kind]


def test_a_proctor_writes_warns_gives_a_break_and_ends(room: Room, server: Server, chromium: Chromium, folder: Path) -> None:
    server.call("POST", "/api/accommodations", json={"user_id": "acted", "exam_id": "acting", "points": {"speech": 0}, "set_by": "Ada"})
    client, session_id = room.seat("acted", "acting")
    before = len(chromium.problems)
    page = chromium.open(f"{server.url}/session/{session_id}")
    expect(page.locator("#session-accommodation")).to_have_text("Accommodation: Off: Speech")
    expect(page.locator("#fact-rest")).to_contain_text("learnt from this student")
    page.get_by_label("To the student").fill("Ten minutes left.")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_label("To the student").fill("Please stay in view.")
    page.get_by_role("button", name="Send as a warning").click()
    until(page, lambda: len(said(client, "message")) == 2, "both arrive")
    assert [(one["level"], one["text"]) for one in said(client, "message")] == [("message", "Ten minutes left."), ("warning", "Please stay in view.")]
    expect(page.locator("#message-list li")).to_have_count(2)
    client._say({"type": "read", "id": said(client, "message")[0]["id"]})
    expect(page.locator("#message-list li").last).to_contain_text("read")
    page.get_by_role("button", name="New link for the student").click()
    expect(page.locator("#link-address")).to_contain_text("/portal#t=")
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url.rpartition("/")[2]) if request.method == "POST" else None)
    page.get_by_role("button", name="Start a break").click()
    page.get_by_role("button", name="End the break").hover()
    page.mouse.down(click_count=2)  # of a double click whose first click the server has answered already
    page.mouse.up(click_count=2)
    expect(page.locator("#on-break")).to_be_visible()
    expect(page.locator("#fact-gaze")).to_have_text("Can’t tell (on a break)")  # not what was read before it
    until(page, lambda: any(one.get("paused") for one in said(client, "pause")), "the student's page is told of the break")
    wrong = judge(page, folder, "session-break")
    page.get_by_role("button", name="End the break").click()
    expect(page.locator("#on-break")).to_be_hidden()
    page.get_by_role("button", name="End session").click()
    page.get_by_role("dialog").get_by_role("button", name="Go on watching").click()
    page.route("**/end", lambda route: route.fulfill(status=503, json={"success": False, "error": {"code": "storage", "message": "away"}}))
    page.get_by_role("button", name="End session").click()
    page.get_by_role("dialog").get_by_role("button", name="End session").click()
    expect(page.get_by_role("alert").filter(has_text="The session was not ended")).to_be_visible()
    page.unroute("**/end")
    chromium.problems[before:] = []  # the browser's own words about the answer
    page.get_by_role("button", name="End session").click()
    leave(page.locator("#end-dialog"))
    page.get_by_role("button", name="End session").click()
    page.get_by_role("dialog").get_by_role("button", name="End session").click()
    expect(page.locator("#over")).to_be_visible()
    until(page, client.ended.is_set, "the student's page is told of the end")
    assert calls == ["break", "break", "end", "end"]  # of the two ends the first was refused
    page.close()
    assert wrong + chromium.problems[before:] == []


ANY_INK = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value)"


def test_boxes_can_be_switched_off_and_go_with_the_picture(room: Room, server: Server, chromium: Chromium) -> None:
    client, session_id = room.seat("boxed", "boxes")
    page = chromium.open(f"{server.url}/session/{session_id}")
    overlay, switch = page.locator("#live-overlay"), page.get_by_label("Show boxes and gaze")
    until(page, lambda: overlay.evaluate(ANY_INK), "a box is drawn")
    expect(page.locator("#fact-people")).to_have_text("1 person in view")
    switch.uncheck()
    until(page, lambda: not overlay.evaluate(ANY_INK), "no box is drawn")
    switch.check()
    until(page, lambda: overlay.evaluate(ANY_INK), "a box is drawn again")
    client.close()
    expect(page.locator("#live-mark")).to_have_text("No connection")
    until(page, lambda: not overlay.evaluate(ANY_INK), "no box over a picture of the past")
    expect(page.locator("#fact-people")).to_have_text("Can’t tell (nothing arrives)")
    page.close()


HEAR = """() => {
  window.heard = { loudest: 0, seconds: 0 };
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (...given) {
    window.heard.seconds += this.buffer.duration;
    window.heard.loudest = Math.max(window.heard.loudest, ...this.buffer.getChannelData(0).map(Math.abs));
    return start.apply(this, given);
  };
}"""


def test_the_sound_is_heard_when_it_is_asked_for(room: Room, server: Server, chromium: Chromium, folder: Path) -> None:
    _, session_id = room.seat("audible", "sound")
    page = chromium.open("about:blank")
    page.add_init_script(f"({HEAR})()")
    page.goto(f"{server.url}/session/{session_id}")
    expect(page.locator("#live-empty")).to_be_hidden()
    assert page.evaluate("window.heard.seconds") == 0
    page.get_by_role("button", name="Listen", exact=True).click()
    expect(page.get_by_role("button", name="Stop listening")).to_have_attribute("aria-pressed", "true")
    until(
        page,
        lambda: page.evaluate("window.heard.seconds") >= 2 and page.evaluate("window.heard.loudest") > 0.05,
        "two seconds of the tone are played",
    )
    wrong = judge(page, folder, "session-listening")
    page.get_by_role("button", name="Stop listening").click()
    expect(page.get_by_role("button", name="Listen", exact=True)).to_have_attribute("aria-pressed", "false")
    page.close()
    assert wrong == []


def test_the_shared_screen_is_shown_beside_the_picture(room: Room, server: Server, chromium: Chromium, folder: Path) -> None:
    client, session_id = room.seat("sharing", "screens")
    page = chromium.open(f"{server.url}/session/{session_id}")
    still = cv2.imencode(".jpg", np.full((360, 640, 3), 180, np.uint8))[1].tobytes()
    client._send(pack_media(Media("still", "jpeg", 1, page_ms(), still)))
    expect(page.locator("#screen img")).to_be_visible()
    expect(page.locator("#screen-age")).to_contain_text("Shared screen")
    wrong = judge(page, folder, "session-screen")
    client.act("fullscreen_left")
    client.act("share_stopped")
    expect(page.locator("#timeline")).to_contain_text("Screen")
    page.goto(f"{server.url}/session/{'0' * 32}")
    expect(page.locator("#session-error")).to_contain_text("There is no session with this address")
    wrong += judge(page, folder, "session-not-found")
    page.close()
    chromium.problems.clear()  # the answer 404, in the browser's own words
    assert wrong == []


# Review


def as_reviewer(page: Page, name: str) -> None:
    page.evaluate("name => localStorage.setItem('reviewer', name)", name)


@pytest.fixture
def queue(room: Room, server: Server, chromium: Chromium) -> Callable[[str], list[dict[str, Any]]]:
    """Flags three students in an exam; gives the queue when their clips are made."""

    def make(exam: str) -> list[dict[str, Any]]:
        page = chromium.open("about:blank")
        clients = [room.seat(f"{exam}-{number}", exam)[0] for number in range(3)]
        page.wait_for_timeout(1000)  # for a clip there must be pictures before the flag
        for client in clients:
            flag(client)

        def read() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = server.call("GET", "/api/review/queue", params={"exam_id": exam})["items"]
            return items if len({item["user_id"] for item in items}) == 3 and all(item["clip"]["state"] == "ready" for item in items) else []

        found: list[dict[str, Any]] = until(page, read, "three flags with their clips")
        for client in clients:
            client.finish()
        page.close()
        return found

    return make


def test_two_reviewers_see_each_others_decisions(
    queue: Callable[[str], list[dict[str, Any]]], server: Server, chromium: Chromium, folder: Path
) -> None:
    flags = queue("seminar")
    before = len(chromium.problems)
    ada = chromium.open(f"{server.url}/review?exam_id=seminar")
    as_reviewer(ada, "Ada")
    expect(ada.locator("#queue .queue-item")).to_have_count(len(flags))
    grace = chromium.open(f"{server.url}/review?exam_id=seminar&state=all")
    expect(grace.locator("#item-title")).to_have_text(flags[0]["user_id"])
    ada.bring_to_front()
    ada.get_by_role("button", name="Confirm").dblclick()  # decides on one, not on the next one too
    expect(ada.locator("#item-title")).to_have_text(flags[1]["user_id"])
    expect(grace.locator("#item-decided")).to_contain_text("Confirmed by Ada")
    as_reviewer(grace, "Grace")
    grace.bring_to_front()
    expect(grace.locator("#left")).to_have_text(re.compile("^\\d flags? left"))
    grace.keyboard.press("n")
    grace.keyboard.type("he reads to himself")
    grace.keyboard.press("Escape")
    grace.keyboard.press("d")
    grace.keyboard.press("4")
    expect(grace.locator("#item-title")).to_have_text(flags[1]["user_id"])  # in every view of the queue a decision leads on
    expect(grace.locator("#disputed")).to_have_text("1 flag with opinions that differ")
    ada.bring_to_front()
    ada.locator("#queue .queue-item").first.click()
    expect(ada.locator("#item-decided")).to_contain_text("Second opinion: Dismissed (Reading aloud) by Grace")
    expect(ada.locator("#item-decided")).to_contain_text("he reads to himself")
    expect(ada.locator("#disputed")).to_be_visible()
    ada.locator("#history summary").click()
    expect(ada.locator("#history-list li")).to_have_count(2)
    wrong = judge(ada, folder, "review-second")
    grace.bring_to_front()
    grace.locator("#disputed").click()
    expect(grace.locator("#queue .queue-item")).to_have_count(1)
    expect(grace.locator("#note")).to_have_value("he reads to himself")
    grace.close()
    ada.close()
    assert wrong + chromium.problems[before:] == []


def test_a_note_survives_a_look_aside_and_undo_survives_a_new_reading(
    queue: Callable[[str], list[dict[str, Any]]], room: Room, server: Server, chromium: Chromium, folder: Path
) -> None:
    flags = queue("notes")
    page = chromium.open(f"{server.url}/review?exam_id=notes")
    as_reviewer(page, "Ada")
    expect(page.locator("#item-title")).to_have_text(flags[0]["user_id"])
    page.locator("#note").fill("half a th")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("#note")).to_have_value("")
    page.keyboard.press("k")
    expect(page.locator("#note")).to_have_value("half a th")
    page.keyboard.press("c")
    expect(page.locator("#item-title")).to_have_text(flags[1]["user_id"])
    client, _ = room.seat("notes-late", "notes")
    flag(client)
    page.locator("#fresh").click()
    expect(page.locator("#queue .queue-item", has_text="notes-late")).to_have_count(1)
    page.keyboard.press("u")
    expect(page.locator("#item-title")).to_have_text(flags[0]["user_id"])
    until(page, lambda: server.call("GET", "/api/review/queue", params={"exam_id": "notes"})["left"] >= 4, "the decision is taken back")
    page.get_by_label("Student").fill("NOTES-l")
    expect(page.locator("#item-title")).to_have_text("notes-late")
    page.close()


def test_the_reviews_other_states_read_well(queue: Callable[[str], list[dict[str, Any]]], server: Server, chromium: Chromium, folder: Path) -> None:
    flags = queue("states")
    page = chromium.open(f"{server.url}/review?exam_id=nothing")
    expect(page.locator("#empty-title")).to_have_text("No flag matches these filters")
    wrong = judge(page, folder, "review-empty")
    page.goto(f"{server.url}/review?exam_id=states")
    page.evaluate("localStorage.removeItem('reviewer')")
    expect(page.locator("#item-title")).to_have_text(flags[0]["user_id"])
    page.keyboard.press("c")
    expect(page.get_by_role("dialog", name="Who reviews?")).to_be_visible()
    wrong += judge(page, folder, "review-name")
    page.keyboard.type("Ada")
    page.route("**/api/review/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.keyboard.press("Enter")
    expect(page.locator("#review-error")).to_contain_text(f"The decision on {flags[0]['user_id']} was not saved")
    page.unroute("**/api/review/*")
    page.keyboard.press("c")
    expect(page.locator("#item-title")).not_to_have_text(flags[1]["user_id"])
    expect(page.locator("#review-error")).to_contain_text(flags[0]["user_id"])  # for it is still not saved
    wrong += judge(page, folder, "review-error")
    page.close()
    chromium.problems.clear()  # the refused call, in the browser's own words
    assert wrong == []
