"""The review in a real Chromium: two reviewers beside each other, a note kept, a decision undone, and its other states."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymongo
import pytest
from playwright.sync_api import Page, Route, expect

from bench.harness.chromium import Chromium
from bench.harness.server import Server
from bench.harness.student import Footage
from tests.helpers.browser import judge, show, until
from tests.helpers.room import Room, all_at_once, flag

HAS_DRAWN = """canvas => canvas.width > 0
  && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value, index) => index % 4 === 3 && value > 0)"""
EXAMS = ("seminar", "notes", "states")
SERVER = {
    "INTERVAL_DURATION": "20",  # long enough that a busy machine reads a picture in each
    "INTERVAL_SETTLE_S": "1",
    "CHECK_INTERVAL": "1",
    "CLIP_PREROLL_S": "1",
    "CLIP_POSTROLL_S": "1",
}


def as_reviewer(page: Page, name: str) -> None:
    page.evaluate("name => localStorage.setItem('reviewer', name)", name)


@pytest.fixture(scope="module")
def queues(server: Server, chromium: Chromium, footage: Footage) -> dict[str, list[dict[str, Any]]]:
    """Flags three students in each of `EXAMS`, all at once; gives each exam's queue when its clips are made."""
    seats = Room(server, replace(footage, frames=footage.frames[::5], sounds=[]))
    page = chromium.open("about:blank")
    students = [seats.seat(f"{exam}-{number}", exam) for exam in EXAMS for number in range(3)]

    def has_pictures(session_id: str) -> bool:
        return any(check["rates"]["video_fps"] > 0 for check in server.details(session_id)["checks"])

    until(page, lambda: all(has_pictures(session_id) for _, session_id in students), "pictures before the flags, for the clips")
    for client, _ in students:
        flag(client)

    def shows_somebody(session_id: str) -> bool:
        details = server.details(session_id)
        flagged = [interval for interval in details["intervals"] if interval["flagged"]]
        seen = [check for check in details["checks"] if check["persons"].get("least") is not None]
        return any(interval["start"] <= check["start"] < interval["end"] for interval in flagged for check in seen)

    until(page, lambda: all(shows_somebody(session_id) for _, session_id in students), "pictures read in each flagged interval, for the boxes")
    all_at_once([client.finish for client, _ in students])  # with the exam's end its clips are due

    def read() -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {exam: server.call("GET", "/api/review/queue", params={"exam_id": exam})["items"] for exam in EXAMS}
        whole = all(len({item["user_id"] for item in items}) == 3 for items in found.values())
        return found if whole and all(item["clip"]["state"] == "ready" for items in found.values() for item in items) else {}

    found: dict[str, list[dict[str, Any]]] = until(page, read, "three flags with their clips in each exam")
    page.close()
    return found


def test_two_reviewers_see_each_others_decisions(queues: dict[str, list[dict[str, Any]]], server: Server, chromium: Chromium, folder: Path) -> None:
    flags = queues["seminar"]
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
    expect(ada.locator("#item-decided")).to_contain_text("One more person’s decision settles it")
    as_reviewer(ada, "Eve")  # a third person at the same desk
    ada.bring_to_front()
    ada.reload()
    expect(ada.locator("#item-title")).not_to_be_empty()
    ada.goto(f"{server.url}/review?exam_id=seminar&state=disputed")
    expect(ada.locator("#item-decided")).to_contain_text("Your decision settles it")

    def drawn_on() -> Any:  # a busy machine reads few pictures: some moment of the clip has one that was
        return ada.locator(".clip-boxes").evaluate(HAS_DRAWN) or ada.locator("#stage video").evaluate(
            "video => void (video.currentTime = (video.currentTime + 1.3) % (video.duration || 1))"
        )

    until(ada, drawn_on, "boxes are drawn over the clip")
    ada.keyboard.press("b")
    assert not ada.locator(".clip-boxes").evaluate(HAS_DRAWN)
    ada.keyboard.press("s")
    assert ada.locator("#stage video").evaluate("video => video.playbackRate") == 1.5
    ada.keyboard.press("d")
    ada.keyboard.press("6")
    expect(ada.locator("#item-decided")).to_contain_text("Third opinion: Dismissed (Nothing to see) by Eve")
    expect(ada.locator("#item-decided")).to_contain_text("Most dismiss it")
    expect(ada.locator("#disputed")).to_be_hidden()
    ada.close()
    assert wrong + chromium.problems[before:] == []


def test_a_note_survives_a_look_aside_and_undo_survives_a_new_reading(
    queues: dict[str, list[dict[str, Any]]], room: Room, server: Server, chromium: Chromium, folder: Path
) -> None:
    flags = queues["notes"]
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


def test_one_decision_for_all_flags_of_a_student_and_none_before_the_clip_by_a_slip(
    queues: dict[str, list[dict[str, Any]]], server: Server, chromium: Chromium
) -> None:
    """Runs behind the test of notes: its flags are open again. They are shown as one student's, the first with its clip still being made."""
    page = chromium.open("about:blank")
    pending: list[str] = []

    def as_one_student(route: Route) -> None:
        answer = route.fetch(url=re.sub("[&?]user_id=[^&]*", "", route.request.url).replace("queue&", "queue?")).json()
        pending.extend(item["video_id"] for item in answer["items"][:1] if not pending)
        for item in answer["items"]:
            item |= {"user_id": "ann", "clip": item["clip"] | {"state": "pending" if item["video_id"] in pending else "ready"}}
        route.fulfill(json=answer)

    page.route("**/api/review/queue*exam_id=notes*", as_one_student)
    page.goto(f"{server.url}/review?exam_id=notes&rank=student")
    as_reviewer(page, "Ada")
    expect(page.locator(".queue-group")).to_have_text("ann · notes")
    left = server.call("GET", "/api/review/queue", params={"exam_id": "notes"})["left"]
    show(page, width=390)
    for button in (page.locator("#confirm"), page.locator("#dismiss")):
        box = button.bounding_box()
        assert box is not None
        assert 0 <= box["y"] <= 844 - box["height"], "it decides without scrolling"
    show(page)
    page.keyboard.press("c")
    expect(page.locator("#decide-wait")).to_contain_text("press once more")
    page.keyboard.press("a")
    expect(page.locator("#same-said")).to_contain_text(f"each of the {left}")
    assert server.call("GET", "/api/review/queue", params={"exam_id": "notes"})["left"] == left
    page.keyboard.press("c")
    until(page, lambda: server.call("GET", "/api/review/queue", params={"exam_id": "notes"})["left"] == 0, "all of them are decided")
    page.keyboard.press("u")
    until(page, lambda: server.call("GET", "/api/review/queue", params={"exam_id": "notes"})["left"] == left, "all of them are taken back")
    page.close()
    chromium.problems.clear()


def test_the_reviews_other_states_read_well(queues: dict[str, list[dict[str, Any]]], server: Server, chromium: Chromium, folder: Path) -> None:
    flags = queues["states"]
    page = chromium.open(f"{server.url}/review?exam_id=nothing")
    expect(page.locator("#empty-title")).to_have_text("No flag matches these filters")
    wrong = judge(page, folder, "review-empty")
    page.goto(f"{server.url}/review?exam_id=states")
    page.evaluate("localStorage.removeItem('reviewer')")
    expect(page.locator("#item-title")).to_have_text(flags[0]["user_id"])
    page.route("**/api/review/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.keyboard.press("c")
    expect(page.get_by_role("dialog", name="Who reviews?")).to_be_visible()
    wrong += judge(page, folder, "review-name")
    page.keyboard.type("Ada")
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


def test_who_was_there_before_and_after_an_absence_stands_side_by_side(room: Room, server: Server, chromium: Chromium, folder: Path) -> None:
    client, session_id = room.seat("absent-1", "absences")
    flag(client)
    page = chromium.open(f"{server.url}/review?exam_id=absences")
    (item,) = until(page, lambda: server.call("GET", "/api/review/queue", params={"exam_id": "absences"})["items"], "the flag")
    data = room.footage.frames[0].data
    taken = {"width": 640, "height": 480, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "image": data}
    named = {"session_id": session_id, "user_id": "absent-1", "exam_id": "absences", "why": "nobody", "pictures": True}
    with pymongo.MongoClient[dict[str, Any]](server.settings["MONGO_URI"]) as mongod:
        away = mongod[server.settings["DB_NAME"]]["absences"]
        for start, after in ((item["start"] + 0.5, {**taken, "at": item["start"] + 4}), (item["end"] + 60, None)):
            end = start + 3 if after else None
            fields = {"start": start, "end": end, "before": {**taken, "at": start - 1}, "after": after}
            away.insert_one({"_id": f"{session_id}-{round(start * 1000)}", **named, **fields})
    page.reload()
    stills = page.locator("#item-absences li")
    expect(stills).to_have_count(1)
    expect(stills.locator("img")).to_have_count(2)
    expect(stills.locator("p").first).to_have_text(re.compile("^Nobody in view from 0:.. to 0:..$"))
    assert page.evaluate("() => Promise.all([...document.querySelectorAll('#item-absences img')].map((image) => image.decode())).then(() => true)")
    left, right = stills.locator("figure").evaluate_all("figures => figures.map((one) => one.getBoundingClientRect().toJSON())")  # of one moment
    assert (left["y"], left["width"]) == (right["y"], right["width"])
    assert left["x"] + left["width"] <= right["x"]
    wrong = judge(page, folder, "review-absences")
    page.goto(f"{server.url}/session/{session_id}")
    everything = page.locator("#absences li")
    expect(everything).to_have_count(2)
    expect(everything.nth(1)).to_contain_text("After: nobody has been seen")
    wrong += judge(page, folder, "session-absences")
    assert wrong == []
