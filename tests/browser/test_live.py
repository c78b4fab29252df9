"""The live page in a real Chromium: each tile says what it is, tiles are found, ordered and hidden, and a flag is told everywhere."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Playwright, Route, WebSocket, WebSocketRoute, expect

from bench.harness.chromium import Chromium
from bench.harness.footage import Scenario
from bench.harness.server import Server
from bench.harness.student import Footage
from bench.load import footage_of
from records.exams import exam_key
from tests.helpers.browser import judge, until
from tests.helpers.room import Room, flag, tile_of

SAME_PICTURE = 8.0  # mean difference of grey values 0..255; one moment's picture differs by less, another's by more
OLD_S = 4.0


def listen(heard: list[str], socket: WebSocket) -> None:
    """Keep what comes through a page's WebSocket."""
    socket.on("framereceived", lambda data: heard.append(str(data)))


def shows_one_of(canvas: Locator, sent: Sequence[Any]) -> bool:
    shown = canvas.evaluate("canvas => canvas.toDataURL('image/png').split(',')[1]")
    picture = np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(shown), np.uint8), cv2.IMREAD_GRAYSCALE))
    return picture.shape == sent[0].shape and min(float(cv2.absdiff(picture, one).mean()) for one in sent) < SAME_PICTURE


def shown_names(page: Page) -> list[str]:
    return page.locator("#grid .tile:visible .tile-link").all_inner_texts()


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
    mute.say({"type": "device", "device": "microphone", "state": "lost", "reason": "unplugged"})
    expect(tile_of(page, "mute").locator(".mark")).to_have_text("No sound")
    server.call("POST", f"/api/session/{resting_id}/break", json={"on": True, "by": "Ada"})
    expect(tile_of(page, "resting").locator(".mark")).to_have_text("On a break")
    flag(copier)
    expect(tile_of(page, "copier").locator(".mark")).to_contain_text("Flagged 0:")
    expect(page.locator("#toasts .toast")).to_contain_text("copier")
    assert judge(page, folder, "live-states") == []
    page.get_by_label("Tiles shown").select_option("30")
    wrong = judge(page, folder, "live-states-30")
    page.get_by_label("Tiles shown").select_option("")
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
    seen = server.details(session_id)["checks"][-1]["end"]
    until(page, lambda: server.details(session_id)["checks"][-1]["end"] >= seen + OLD_S, "the picture has become old")
    for path, place in (("/", ".tile .tile-age"), (f"/session/{session_id}", "#live-age")):
        passed = time.monotonic() - left_at  # before the page is there: what it says may be older than what it is read for
        page.goto(f"{server.url}{path}")
        age = page.locator(place)
        expect(age).to_be_visible()
        minutes, seconds = re.findall(r"(\d+):(\d+)", age.inner_text())[0]
        assert 60 * int(minutes) + int(seconds) >= passed - 2
    page.close()


def test_exams_on_several_servers_have_a_connection_each_and_one_that_fails_touches_no_other(room: Room, server: Server, chromium: Chromium) -> None:
    for name, exam in (("nora", "east"), ("otto", "west")):
        room.seat(name, exam)
    page = chromium.open("about:blank")
    lines: dict[str, list[WebSocketRoute]] = {}

    def connect(line: WebSocketRoute) -> None:
        lines.setdefault(parse_qs(urlsplit(line.url).query).get("e", [""])[0], []).append(line)
        line.connect_to_server()

    def of_several(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "alone": False})

    page.route_web_socket(re.compile("/socket.io/"), connect)
    page.route("**/api/sessions/active", of_several)
    page.goto(server.url)
    for name in ("nora", "otto"):
        expect(tile_of(page, name)).to_be_visible()
        expect(tile_of(page, name).locator(".tile-empty")).to_be_hidden()
    east, west = lines[exam_key("east")], lines[exam_key("west")]
    assert (len(lines[""]), len(east), len(west)) == (1, 1, 1)
    east[0].close()
    until(page, lambda: len(east) == 2, "its connection is made anew")
    tile_of(page, "nora").evaluate("tile => { tile.querySelector('.tile-empty').hidden = false; }")
    expect(tile_of(page, "nora").locator(".tile-empty")).to_be_hidden()
    assert (len(lines[""]), len(west)) == (1, 1)
    page.close()


def test_an_exam_that_is_at_another_server_than_its_key_leads_to_is_seen_by_a_key_that_leads_there(
    room: Room, server: Server, chromium: Chromium
) -> None:
    room.seat("nora", "east")
    page = chromium.open("about:blank")
    joined: list[str] = []  # by which keys

    def connect(line: WebSocketRoute) -> None:
        key, there = parse_qs(urlsplit(line.url).query).get("e", [""])[0], line.connect_to_server()

        def asked(message: str | bytes) -> None:
            number = re.match(r'42(\d+)\["join_session"', message) if isinstance(message, str) else None
            if number is not None:
                joined.append(key)
            if number is None or key != exam_key("east"):
                there.send(message)
            else:
                line.send(f'43{number[1]}[{{"ok":false,"error":{{"code":"not_found","message":"","instance":"b"}}}}]')

        line.on_message(asked)

    def answers(route: Route) -> None:
        probes.append(parse_qs(urlsplit(route.request.url).query)["e"][0])
        route.fulfill(json={"ready": True, "instance": "b" if len(probes) == 3 else "a"})

    probes: list[str] = []
    page.route_web_socket(re.compile("/socket.io/"), connect)
    page.route("**/api/sessions/active", lambda route: route.fulfill(response=(got := route.fetch()), json={**got.json(), "alone": False}))
    page.route("**/api/ready?*", answers)
    page.goto(server.url)
    expect(tile_of(page, "nora")).to_be_visible()
    expect(tile_of(page, "nora").locator(".tile-empty")).to_be_hidden()
    assert len(probes) == 3
    assert (joined[0], joined[-1]) == (exam_key("east"), probes[2])
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
    client, session_id = room.seat("quiet", "hiding")
    page = chromium.open(f"{server.url}/?exam=hiding")
    expect(tile_of(page, "quiet")).to_have_attribute("data-state", "fine")
    page.get_by_label("Hide those that are fine").check()
    expect(tile_of(page, "quiet")).to_be_hidden()
    client.say({"type": "call", "text": "May I have paper?"})
    expect(tile_of(page, "quiet").locator(".mark")).to_have_text("Asks for you")
    expect(page.locator("#announcer")).to_contain_text("quiet asks for you: May I have paper?")
    server.call("POST", f"/api/session/{session_id}/message", json={"text": "It comes.", "by": "Ada"})
    expect(tile_of(page, "quiet")).to_be_hidden()
    flag(client)
    expect(tile_of(page, "quiet")).to_be_visible()
    expect(tile_of(page, "quiet").locator(".tile-found")).to_contain_text("Copied or pasted")
    page.close()


# A pointer that goes on moving where it is: one that rests holds the tiles for five seconds, which a flag may take on a busy machine.
POINTS = "void setInterval(() => document.getElementById('grid').dispatchEvent(new Event('pointermove')), 200)"


def test_what_needs_a_look_comes_first_and_not_under_a_pointer(room: Room, server: Server, chromium: Chromium) -> None:
    clients = {name: room.seat(name, "order")[0] for name in ("ada", "bob", "cleo")}
    page = chromium.open(f"{server.url}/?exam=order")
    expect(page.locator("#grid .tile:visible")).to_have_count(3)
    assert shown_names(page) == ["ada", "bob", "cleo"]
    tile_of(page, "ada").hover()
    page.evaluate(POINTS)
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
    expect(tile_of(page, "leaver").locator(".tile-found")).to_contain_text("Copied or pasted")
    expect(tile_of(page, "leaver").locator(".tile-found .number").first).to_have_text(re.compile(r"^\+\d+$"))
    tile_of(page, "leaver").get_by_role("button", name="Mark as seen").click()
    expect(tile_of(page, "leaver")).to_have_count(0)
    page.close()


TELLS_ABOVE = """async () => {
  document.getElementById("signed-out").hidden = false;
  for (let frames = 0; frames < 2; frames += 1) await new Promise(requestAnimationFrame);
  const fits = document.documentElement.scrollHeight <= innerHeight;
  document.getElementById("signed-out").hidden = true;
  return fits;
}"""


def test_eight_tiles_are_all_seen_one_is_large_and_keys_reach_each(room: Room, server: Server, chromium: Chromium, folder: Path) -> None:
    for number in range(8):
        server.create(f"student{number}", "wall")

    page = chromium.open("about:blank")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.route("**/api/health", lambda route: route.abort())  # how busy this machine is takes no room from the tiles
    page.goto(f"{server.url}/?exam=wall")
    tiles = page.locator("#grid .tile:visible")
    expect(tiles).to_have_count(8)
    expect(page.locator("#count")).to_have_text(re.compile("^8 not begun yet"))
    expect(page.locator("#grid")).to_have_attribute("data-auto", "")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "all are seen without scrolling"
    assert page.evaluate(TELLS_ABOVE), "what is told above them takes its room from the pictures, at once"
    wrong = judge(page, folder, "live-eight")
    tile_of(page, "student0").get_by_role("link").focus()
    page.keyboard.press("End")
    expect(tiles.last.get_by_role("link")).to_be_focused()
    page.keyboard.press("Home")
    expect(tiles.first.get_by_role("link")).to_be_focused()
    page.get_by_label("Search").fill("student7")
    expect(tiles).to_have_count(1)
    until(page, lambda: (tiles.first.locator(".tile-picture").bounding_box() or {"height": 0})["height"] > 450, "one alone is large")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    page.close()
    assert wrong == []


def test_the_dashboard_shows_what_the_camera_saw(room: Room, server: Server, chromium: Chromium, footage: Footage) -> None:
    _, session_id = room.seat("seen", "pictures")
    sent = [cv2.imdecode(np.frombuffer(frame.data, np.uint8), cv2.IMREAD_GRAYSCALE) for frame in footage.frames]
    page = chromium.open(f"{server.url}/session/{session_id}")
    page.locator("#live-empty[hidden]").wait_for(state="attached")
    until(page, partial(shows_one_of, page.locator("#live-picture"), sent), "a picture as it was sent")
    page.close()


def test_h264_is_shown_as_it_came_and_as_jpeg_where_a_browser_fails_at_it(room: Room, server: Server, chromium: Chromium, shared_data: Path) -> None:
    exam = Scenario(shared_data / "scenarios" / "clean-a")
    footage = footage_of(exam, 20, "h264")
    _, session_id = room.seat("as-it-came", "pictures", footage=Footage(footage.frames, [], [], 20))
    sent = [cv2.imdecode(np.frombuffer(frame.data, np.uint8), cv2.IMREAD_GRAYSCALE) for frame in footage_of(exam, 20).frames]
    for path, canvas in ((f"/session/{session_id}", "#live-picture"), ("/", ".tile canvas")):
        heard: list[str] = []
        page = chromium.open("about:blank")
        page.on("websocket", partial(listen, heard))
        page.goto(f"{server.url}{path}")
        until(page, partial(shows_one_of, page.locator(canvas).first, sent), "a picture as it was sent")
        page.close()
        assert any('"h264":{' in one for one in heard)
        assert not any('"frame":{' in one for one in heard)
    for path, canvas in ((f"/session/{session_id}", "#live-picture"), ("/", ".tile canvas")):
        page = chromium.open("about:blank")
        page.add_init_script("VideoDecoder.prototype.decode = () => { throw new Error('this stream is beyond this decoder'); }")
        page.goto(f"{server.url}{path}")
        until(page, partial(shows_one_of, page.locator(canvas).first, sent), "a picture that the server made a JPEG of")
        page.close()


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
        page.get_by_role("button", name="Close: everywhere").focus()  # so it stays, however long a slow machine takes to look at all of them
    for page in pages:
        expect(page.locator("#toasts .toast")).to_contain_text("everywhere")
        (main, toast) = (page.locator(place).bounding_box() for place in ("#main", "#toasts .toast"))
        assert main
        assert toast
        assert toast["x"] + toast["width"] <= main["x"], "it covers nothing of the page"
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
  const heard = (context) => {
    if (context.state === "running") window.told.tones += 1;
    else context.addEventListener("statechange", () => heard(context), { once: true });
  };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...given) {
    heard(this.context); // at once, or as soon as the loudspeaker is ready
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


@pytest.fixture
def chromium_with_tabs(playwright: Playwright, tmp_path: Path) -> Iterator[Chromium]:
    """A whole browser, in which one tab covers another."""
    with Chromium(playwright, tmp_path) as chromium:
        yield chromium


def test_a_flag_sounds_and_notifies_where_that_is_switched_on(room: Room, server: Server, chromium_with_tabs: Chromium) -> None:
    chromium = chromium_with_tabs
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
