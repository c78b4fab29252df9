"""Results of an exam in a real Chromium: two people conclude a session between them, and its page and the exam's report say so."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from playwright.sync_api import expect

from bench.harness.chromium import Chromium
from bench.harness.server import Server
from records.exams import exam_key
from tests.helpers.browser import judge, show, until
from tests.helpers.room import Room, all_at_once

EXAM = "ethics-1"
SERVER: dict[str, str] = {}


def is_watched(server: Server, session_id: str) -> bool:
    """Could the student be seen for so much of the time so far that it is most of it whatever the last moments bring?"""
    gaze = (server.details(session_id)["session"]["unread"] or {}).get("gaze") or {"of_s": 0, "unread_s": 0}
    return bool(gaze["of_s"] > 3 * gaze["unread_s"])


def test_all_without_a_finding_are_concluded_and_agreed_to_in_one_act_each(server: Server, room: Room, chromium: Chromium, folder: Path) -> None:
    server.call("POST", "/api/exams", json={"exam_id": "many", "title": "Many", "four_eyes": True})
    server.call("POST", f"/api/exams/{exam_key('many')}/state", json={"state": "open"})
    seats = [room.seat(user, "many") for user in ("cy", "dan")]
    page = chromium.open(f"{server.url}/exams/{exam_key('many')}/results")
    until(page, lambda: all(is_watched(server, session_id) for _client, session_id in seats), "both are seen")
    # while pictures come: without them a moment more is one that could not be watched
    all_at_once([partial(server.call, "POST", f"/api/session/{session_id}/end", json={}) for _client, session_id in seats])
    server.create("eva", "many")
    server.call("POST", "/api/session/end", json={"user_id": "eva", "exam_id": "many"})
    page.reload()
    show(page)
    for name, button, yes, sums, left_out in (
        ("Ada Byron", "Conclude 2 without a finding", "No finding for 2", "2 waiting for a second person", "1 ended before its student came"),
        ("Ben Okri", "Agree to 2 without a finding", "Agree to 2", "2 concluded", ""),
    ):
        page.evaluate("name => localStorage.setItem('reviewer', name)", name)
        page.get_by_role("button", name=button).click()
        expect(page.locator("#at-once-left-out")).to_contain_text(left_out)
        wrong = judge(page, folder, f"at-once-{name[:3]}")
        page.get_by_role("button", name=yes, exact=True).click()
        expect(page.locator("#results-sums")).to_contain_text(sums)
        assert wrong == []
    expect(page.locator("#results-at-once")).to_be_hidden()
    page.wait_for_timeout(1000)  # what the server tells of it is read, and
    expect(page.locator("#results-said")).to_have_text("You agreed to 2 sessions.")
    page.evaluate("localStorage.clear()")
    page.close()


def test_two_people_conclude_a_session_between_them(server: Server, chromium: Chromium, folder: Path) -> None:
    server.call("POST", "/api/exams", json={"exam_id": EXAM, "title": "Ethics", "four_eyes": True})
    sessions = [server.create(user, EXAM)["session_id"] for user in ("ann", "bob")]
    for user in ("ann", "bob"):
        server.call("POST", "/api/session/end", json={"user_id": user, "exam_id": EXAM})
    page = chromium.open(f"{server.url}/exams/{exam_key(EXAM)}/results")
    show(page)
    expect(page.get_by_role("heading", name="Results: Ethics")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="ann")
    page.get_by_role("button", name="Conclude the session of ann").press("Enter")
    dialog = page.locator("#conclude-dialog")
    dialog.get_by_role("button", name="Conclude").click()
    expect(dialog.locator("#conclude-error")).to_have_text("Choose one of the four.")
    dialog.get_by_role("radio", name="Finding", exact=True).check()
    wrong = judge(page, folder, "conclude")
    dialog.get_by_role("button", name="Conclude").click()
    page.get_by_label("Your name").fill("Ada Byron")
    page.get_by_role("button", name="Go on").click()
    expect(dialog.locator("#conclude-error")).to_contain_text("reason is missing")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    dialog.get_by_label("Reason").fill("A second person speaks the answers.")
    dialog.get_by_role("button", name="Conclude").click()
    expect(row).to_contain_text("Finding (waits for a second person)")
    change = page.get_by_role("button", name="Conclusion: ann")
    change.evaluate("button => { button.dataset.same = 'yes'; }")
    with page.expect_response(re.compile(r"/results\?")) as answered:
        page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")  # the page reads its rows anew, as it does when it hears of something
    answered.value.finished()
    page.evaluate("() => new Promise((done) => setTimeout(done))")
    expect(change).to_have_attribute("data-same", "yes")
    change.click()
    dialog.get_by_role("button", name="I agree").click()
    expect(dialog.locator("#conclude-error")).to_contain_text("The second person must be another one")
    dialog.get_by_role("button", name="Close").click()
    page.evaluate("localStorage.clear()")
    other = chromium.open(f"{server.url}/session/{sessions[0]}")
    show(other)
    other.locator("#conclude").click()
    other.locator("#conclude-dialog").get_by_role("button", name="I agree").click()
    other.get_by_label("Your name").fill("Ben Okri")
    other.get_by_role("button", name="Go on").click()
    expect(other.locator("#conclusion-stands")).to_contain_text("Ben Okri agreed")
    wrong += judge(other, folder, "session-concluded")
    expect(row).to_contain_text("Ben Okri agreed")  # told by the server, without a press
    page.get_by_label("State").select_option(label="Not concluded")
    expect(row).to_have_count(0)
    page.get_by_label("State").select_option(label="All")
    page.locator("[data-sort=student] button").click()
    expect(page.locator("tbody tr").first).to_contain_text("bob")
    wrong += judge(page, folder, "results")
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.locator("#report-people")).to_contain_text("Ben Okri")
    expect(page.locator("#report-students")).to_contain_text(re.compile("Finding.*Ada Byron.*speaks the answers"))
    wrong += judge(page, folder, "exam-report")
    assert wrong == []
    assert [problem for problem in chromium.problems if "422" not in problem and "409" not in problem] == []
