"""A student takes pictures of face and card before an exam, by keys alone; a proctor compares them, queries, accepts, and asks for the room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from bench.harness.chromium import Chromium, FakeDevices, make_camera, make_microphone
from bench.harness.server import Server
from records.exams import exam_key
from tests.helpers.browser import judge, show, until
from tests.helpers.desk import begin, end, fill_in

EXAM = "ethics-2"


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    with Server(folder / "server", in_mongod() | {"MODELS_DIR": str(models_dir)}) as running:
        running.call("POST", "/api/exams", json={"exam_id": EXAM, "title": "Ethics", "identity_step": True, "room_view": True})
        running.call("POST", f"/api/exams/{exam_key(EXAM)}/state", json={"state": "open"})
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def students(playwright: Playwright, folder: Path, shared_data: Path) -> Iterator[Chromium]:
    camera = make_camera(shared_data / "webcam.mp4", folder / "man.mjpeg", seconds=6)
    microphone = make_microphone(shared_data / "scenarios" / "exam-b" / "audio.flac", folder / "voice.wav", start=138, seconds=6)
    with Chromium(playwright, folder / "student", devices=FakeDevices(camera, microphone)) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def proctors(playwright: Playwright, folder: Path) -> Iterator[Chromium]:
    with Chromium(playwright, folder / "proctor", shell=True) as chromium:
        yield chromium


def take(page: Page, part: str) -> None:
    """Take a picture and send it, without a mouse."""
    taker = page.locator(part)
    taker.get_by_role("button", name="Take the picture").press("Enter")
    send = taker.get_by_role("button", name="Send this picture")
    expect(send).to_be_focused()
    send.press("Enter")
    expect(taker.locator("[data-said]")).to_contain_text("Sent.")


def kept(server: Server, user_id: str) -> dict[str, Any]:
    found = server.call("GET", f"/api/exams/{exam_key(EXAM)}/identity")["sessions"]
    return next((one for one in found if one["user_id"] == user_id), {"pictures": [], "asked": []})


def test_pictures_are_taken_compared_and_decided_on(server: Server, students: Chromium, proctors: Chromium, folder: Path) -> None:
    nobody = proctors.open(f"{server.url}/exams/{exam_key(EXAM)}/identity")
    expect(nobody.locator("#identity-none")).to_have_text("Nobody has begun this exam yet.")
    nobody.close()
    page = students.open(f"{server.url}/portal")
    show(page)
    fill_in(page, "ann", EXAM)
    page.get_by_role("button", name="Go on to the pictures").click()
    expect(page.get_by_role("heading", name="Your face and your card")).to_be_focused()
    start = page.get_by_role("button", name="Start the exam")
    expect(start).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#identity-hint")).to_have_text("Take and send the picture of your face.")
    page.locator("#identity-face").get_by_role("button", name="Take the picture").press("Enter")
    page.locator("#identity-face").get_by_role("button", name="Take it again").press("Enter")
    take(page, "#identity-face")
    expect(page.locator("#identity-hint")).to_contain_text("say that you have none")
    wrong = judge(page, folder, "identity-step")
    take(page, "#identity-card")
    page.get_by_role("button", name="Start the exam").press("Enter")
    expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
    desk = proctors.open(f"{server.url}/exams/{exam_key(EXAM)}/identity")
    show(desk)
    student = desk.locator("article").filter(has_text="ann")
    expect(student.locator("figure")).to_have_count(2)
    until(desk, lambda: student.locator("img").first.evaluate("image => image.naturalWidth") > 0, "the card is shown")
    wrong += judge(desk, folder, "identity-page")
    desk.locator("h1").press("j")
    desk.keyboard.press("q")
    student.get_by_label("What is not clear?").fill("The card can’t be read.")
    student.locator("form").get_by_role("button", name="Query").click()
    desk.get_by_label("Your name").fill("Ada Byron")
    desk.get_by_role("button", name="Go on").click()
    expect(student).to_have_attribute("data-stands", "queried")
    expect(student).to_contain_text("Ada Byron queried: The card can’t be read.")
    student.get_by_role("button", name="Ask for the room").click()
    answer_for_the_room(page, folder, wrong)
    expect(student.locator("figure[data-kind=room]")).to_have_count(1)
    expect(student).to_contain_text("and it was sent")
    until(desk, lambda: any(one["kind"] == "still" for one in kept(server, "ann")["pictures"]), "a still of the face is kept in the exam")
    expect(student.locator("figure[data-kind=still]")).to_have_count(1)  # told by the server, without a press
    with desk.expect_response(lambda answer: answer.request.method == "GET" and answer.url.endswith("/identity")) as told:
        student.focus()
        desk.keyboard.press("a")
        expect(student).to_have_attribute("data-stands", "accepted")
        drawn = student.element_handle()
    told.value.finished()
    expect(student).to_contain_text("Ada Byron queried")
    assert drawn.evaluate("part => part.isConnected"), "what the server tells of one's own act is drawn once"
    wrong += judge(desk, folder, "identity-decided")
    end(page)
    page.close()
    desk.close()
    assert wrong == []
    assert students.problems == []
    assert proctors.problems == []


def answer_for_the_room(page: Page, folder: Path, wrong: list[str]) -> None:
    """The student reads that the room is asked for, and shows it."""
    message = page.locator("#exam-messages li")
    expect(message).to_contain_text("You may decline")
    message.get_by_role("button", name="Answer").click()
    dialog = page.locator("#picture-dialog")
    expect(dialog).to_contain_text("Pictures of your room")
    wrong += judge(page, folder, "identity-asked")
    take(page, "#asked-picture")
    dialog.get_by_role("button", name="Done").click()
    expect(message).to_have_count(0)


def test_who_has_no_card_goes_on_and_declines_what_is_asked_in_mid_exam(server: Server, students: Chromium, folder: Path) -> None:
    page = students.open(f"{server.url}/portal?lang=ar")
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#who-user").fill("bob")
    page.locator("#who-exam").fill(EXAM)
    page.locator("#who-next").click()
    page.locator("#watched-agree").click()
    page.locator("#check-start:not([aria-disabled])").click()
    take_in_any_language(page)
    page.locator("#identity-no-card").fill("It was stolen.")
    assert judge(page, folder, "identity-step-rtl") == []
    page.locator("#identity-start").click()
    expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
    found = kept(server, "bob")
    assert (found["said"]["card"], found["said"]["words"], [one["kind"] for one in found["pictures"]]) == ("none", "It was stolen.", ["face"])
    server.call("POST", f"/api/session/{found['session_id']}/identity/ask", json={"what": "card"})
    page.locator("#exam-messages button").click()
    page.locator("#picture-decline").click()
    until(page, lambda: [one["answer"] for one in kept(server, "bob")["asked"]] == ["declined"], "the answer is kept")
    server.call("POST", "/api/session/end", json={"user_id": "bob", "exam_id": EXAM})
    expect(page.locator("#step-done")).to_be_visible()
    page.evaluate("localStorage.clear()")
    students.context.clear_cookies(name="language")
    page.close()


def take_in_any_language(page: Page) -> None:
    page.locator("#identity-face [data-take]").click()
    page.locator("#identity-face [data-send]").click()
    expect(page.locator("#identity-face")).to_have_attribute("data-state", "sent")


def test_without_a_camera_the_exam_goes_on_and_it_is_told_as_unknown(server: Server, students: Chromium) -> None:
    page = students.open(f"{server.url}/portal")
    fill_in(page, "cy", EXAM)
    expect(page.locator("#check-camera")).to_have_attribute("data-state", "ready")
    page.get_by_role("button", name="Go on to the pictures").click()
    expect(page.locator("#identity-without")).to_be_hidden()
    page.evaluate("document.getElementById('check-video').srcObject.getVideoTracks()[0].stop()")  # as where it is pulled out
    expect(page.locator("#identity-without")).to_be_visible()
    begin(page)
    found = kept(server, "cy")
    assert (found["said"]["face"], found["said"]["card"], found["pictures"], found["stands"]) == ("unknown", "unknown", [], "open")
    page.close()
