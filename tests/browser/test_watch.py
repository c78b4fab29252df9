"""One session before a proctor in a real Chromium: write, warn, give a break, end it, see its boxes and screen, listen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import expect

from bench.harness.chromium import Chromium
from bench.harness.server import Server
from bench.harness.student import StudentClient, page_ms
from tests.helpers.browser import judge, leave, until
from tests.helpers.room import Room
from web.student.protocol import Media, pack_media


def said(client: StudentClient, kind: str) -> list[dict[str, Any]]:
    return [message for message in client.messages if message["type"] == kind]


def test_a_proctor_writes_warns_gives_a_break_and_ends(room: Room, server: Server, chromium: Chromium, folder: Path) -> None:
    server.call("POST", "/api/accommodations", json={"user_id": "acted", "exam_id": "acting", "points": {"speech": 0}, "set_by": "Ada"})
    client, session_id = room.seat("acted", "acting")
    before = len(chromium.problems)
    page = chromium.open(f"{server.url}/session/{session_id}")
    expect(page.locator("#session-accommodation")).to_have_text("Accommodation: Not counted: Speech")
    expect(page.locator("#fact-rest")).to_have_text(re.compile(r"\((a first guess|it is becoming clear|well known by now)\)$"))
    client.say({"type": "call", "text": "My mouse is broken."})
    expect(page.locator("#student-calls")).to_have_text("The student calls: “My mouse is broken.” Writing answers it.")
    page.get_by_label("To the student").fill("Ten minutes left.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#student-calls")).to_be_hidden()
    page.get_by_label("To the student").fill("Grace:")
    page.get_by_label("Ready-made messages").select_option("Please stay in view of the camera.")
    page.get_by_role("button", name="Send as a warning").click()
    until(page, lambda: len(said(client, "message")) == 2, "both arrive")
    heard = [(one["level"], one["text"]) for one in said(client, "message")]
    assert heard == [("message", "Ten minutes left."), ("warning", "Grace: Please stay in view of the camera.")]
    expect(page.locator("#message-list li")).to_have_count(3)
    client.say({"type": "read", "id": said(client, "message")[0]["id"]})
    expect(page.locator("#message-list li").nth(1)).to_contain_text("read")
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url.partition("?")[0].rpartition("/")[2]) if request.method == "POST" else None)
    page.get_by_role("button", name="Start a break").click()
    page.get_by_role("dialog").get_by_label("Ready-made reasons").select_option("You asked for a break.")
    page.get_by_role("dialog").get_by_role("button", name="Start the break").click()
    page.get_by_role("button", name="End the break").hover()
    page.mouse.down(click_count=2)  # of a double click whose first click the server has answered already
    page.mouse.up(click_count=2)
    expect(page.locator("#on-break")).to_be_visible()
    expect(page.locator("#fact-gaze")).to_have_text("Can’t tell (on a break)")  # not what was read before it
    until(page, lambda: any(one.get("paused") for one in said(client, "pause")), "the student's page is told of the break")
    assert said(client, "pause")[-1]["reason"] == "You asked for a break."
    wrong = judge(page, folder, "session-break")
    page.get_by_role("button", name="End the break").click()
    expect(page.locator("#on-break")).to_be_hidden()
    page.get_by_role("button", name="End session").click()
    page.get_by_role("dialog").get_by_role("button", name="Go on watching").click()
    page.route("**/end*", lambda route: route.fulfill(status=503, json={"success": False, "error": {"code": "storage", "message": "away"}}))
    page.get_by_role("button", name="End session").click()
    page.get_by_role("dialog").get_by_role("button", name="End session").click()
    expect(page.get_by_role("alert").filter(has_text="The session was not ended")).to_be_visible()
    page.unroute("**/end*")
    chromium.problems[before:] = []  # the browser's own words about the answer
    page.get_by_role("button", name="End session").click()
    leave(page.locator("#end-dialog"))
    page.get_by_role("button", name="End session").click()
    page.get_by_role("dialog").get_by_label("Ready-made reasons").select_option("The exam’s time is over.")
    page.get_by_role("dialog").get_by_role("button", name="End session").click()
    expect(page.locator("#over")).to_contain_text("ended by the proctor: The exam’s time is over.")
    until(page, client.ended.is_set, "the student's page is told of the end")
    assert said(client, "ended")[-1]["note"] == "The exam’s time is over."
    assert calls == ["break", "break", "end", "end"]  # of the two ends the first was refused
    page.close()
    assert wrong + chromium.problems[before:] == []


def test_a_new_link_is_made_on_the_page_and_ends_the_one_before(room: Room, server: Server, chromium: Chromium) -> None:
    _, session_id = room.seat("linked", "linking")
    page = chromium.open(f"{server.url}/session/{session_id}")
    page.get_by_role("button", name="New link for the student").click()
    expect(page.locator("#link-address")).to_contain_text("#t=")
    until(page, lambda: server.details(session_id)["session"]["devices"]["connection"]["state"] != "ok", "the page by the old link is let go")
    page.close()


def test_a_moment_is_marked_the_next_student_is_a_key_away_and_all_are_written_to(
    room: Room, server: Server, chromium: Chromium, folder: Path
) -> None:
    seats = [room.seat(name, "marking") for name in ("mark-b", "mark-a")]
    (other, _), (client, session_id) = seats
    before = len(chromium.problems)
    page = chromium.open(f"{server.url}/session/{session_id}")
    expect(page.locator("#student-place")).to_have_text("1 of 2")
    page.keyboard.press("m")
    expect(page.get_by_role("dialog", name="Mark this moment")).to_be_visible()
    wrong = judge(page, folder, "session-mark")
    page.keyboard.type("looks down again and again")
    page.get_by_role("dialog").get_by_role("button", name="Mark", exact=True).click()
    expect(page.locator("#act-said")).to_have_text("Marked. The clip of this interval is kept.")
    expect(page.locator("#timeline")).to_contain_text("Marked by a proctor")
    expect(page.locator("#flags-said")).to_have_text("1 marked moment, 1 to decide")
    (queued,) = until(page, lambda: server.call("GET", "/api/review/queue", params={"user_id": "mark-a"})["items"], "it is in the queue")
    assert (queued["score"], queued["reasons"]) == (0, ["Marked by proctor: looks down again and again"])
    page.keyboard.press("Shift+J")
    expect(page.locator("#session-title")).to_have_text("mark-b")
    page.goto(server.url)
    page.get_by_role("button", name="Message to all").click()
    page.get_by_role("dialog").get_by_label("Which exam").select_option("marking")
    page.get_by_label("Ready-made messages").select_option("Ten minutes are left.")
    wrong += judge(page, folder, "live-message-to-all")
    page.get_by_role("dialog").get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#to-exam-said")).to_contain_text("Sent to 2 students.")
    until(page, lambda: all(said(one, "message") for one in (client, other)), "both pages are told")
    until(
        page,
        lambda: server.call("GET", "/api/review/queue", params={"user_id": "mark-a"})["items"][0]["clip"]["state"] == "ready",
        "its clip is made",
    )
    page.goto(f"{server.url}/review?user_id=mark-a")
    expect(page.locator("#item-reasons")).to_contain_text("looks down again and again")
    page.goto(f"{server.url}/session/{session_id}/report")
    expect(page.locator(".report-flag")).to_contain_text("Marked by proctor: looks down again and again")
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
    client.send(pack_media(Media("still", "jpeg", 1, page_ms(), still)))
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
