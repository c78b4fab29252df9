"""Accommodations in a real Chromium: the form that sets one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from bench.harness.server import Server
from tests.helpers.browser import judge

SERVER: dict[str, str] = {"KEEP_DAYS": "0"}


def accommodations(server: Server, user_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.call("GET", "/api/accommodations", params={"user_id": user_id})["accommodations"]
    return found


def test_a_ready_made_choice_fills_the_form_and_extra_time_is_set_beside_it(page: Page, server: Server, folder: Path) -> None:
    page.goto(f"{server.url}/exams")
    page.get_by_text("Add an accommodation").click()
    form = page.locator("#acc-form")
    form.get_by_label("Student").fill("wim")
    form.get_by_label("Ready-made choice").select_option("low_vision")
    expect(form.get_by_label("Looking away")).to_have_value("0")
    expect(form.locator("#acc-says")).to_contain_text("Reading aloud or a screen reader’s voice allowed")
    form.get_by_label("Another voice", exact=True).select_option("")
    form.get_by_label("Extra time in per cent").fill("25")
    form.get_by_label("Extra time in minutes").press_sequentially("e")
    form.get_by_role("button", name="Save").click()
    expect(page.locator("#acc-form-error")).to_contain_text("can’t be read")
    form.get_by_label("Extra time in minutes").fill("10")
    for words in ("25% extra time", "10 minutes of extra time"):
        expect(form.locator("#acc-says")).to_contain_text(words)
    wrong = judge(page, folder, "exams-preset")
    form.get_by_role("button", name="Save").click()
    expect(page.locator("#acc-said")).to_have_text("Saved for wim.")
    (kept,) = accommodations(server, "wim")
    assert (kept["points"], kept["reading_aloud"], kept["extra_percent"], kept["extra_min"]) == ({"gaze_distracted": 0}, True, 25, 10)
    row = page.locator("#acc tbody tr", has_text="wim")
    row.get_by_role("button", name="Change").click()
    expect(form.get_by_label("Extra time in per cent")).to_have_value("25")
    expect(form.get_by_label("Looking away")).to_have_value("0")
    form.get_by_label("Extra time in minutes").fill("0")
    form.get_by_role("button", name="Save").click()
    expect(row).not_to_contain_text("10 minutes")
    (kept,) = accommodations(server, "wim")
    assert (kept["extra_percent"], kept["extra_min"], kept["reading_aloud"]) == (25, 0, True)
    assert wrong == []


def test_an_address_opens_the_form_for_a_student_with_what_is_set_and_saving_makes_it_the_exams_own(page: Page, server: Server) -> None:
    server.call("POST", "/api/accommodations", json={"user_id": "noa", "points": {"gaze_distracted": 0}, "extra_percent": 25})
    page.goto(f"{server.url}/exams?accommodate=noa&in=ethics")
    form = page.locator("#acc-form")
    expect(form.get_by_label("Student")).to_be_focused()
    expect(form.get_by_label("Exam")).to_have_value("ethics")
    expect(form.get_by_label("Looking away")).to_have_value("0")
    expect(form.get_by_label("Extra time in per cent")).to_have_value("25")
    form.get_by_label("Extra time in minutes").fill("15")
    form.get_by_role("button", name="Save").click()
    expect(page.locator("#acc-said")).to_have_text("Saved for noa.")
    kept = {one["exam_id"]: (one["points"], one["extra_percent"], one["extra_min"]) for one in accommodations(server, "noa")}
    assert kept == {None: ({"gaze_distracted": 0}, 25, 0), "ethics": ({"gaze_distracted": 0}, 25, 15)}
    expect(page.locator("#acc tbody tr", has_text="ethics")).not_to_contain_text("by proctor")  # nobody gave a name


def test_the_way_from_a_student_of_a_list_loses_nothing_that_was_typed(page: Page, server: Server) -> None:
    exam = server.call("POST", "/api/exams", json={"exam_id": "lists", "title": "Lists"})["exam"]
    server.call("POST", f"/api/exams/{exam['exam_key']}/roster", json={"text": "id,name\nbea,Bea"})
    page.goto(f"{server.url}/exams/{exam['exam_key']}/roster")
    page.get_by_role("button", name="Bea").click()
    page.get_by_label("Name", exact=True).fill("Bea Lund")
    page.get_by_role("link", name="Single signals and breaks").click()
    page.get_by_role("button", name="Leave it").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Bea Lund")
    percent = page.get_by_label("Extra time, per cent")
    percent.press_sequentially("e")
    page.locator("#student-save").click()
    expect(page.locator("#student-error")).to_contain_text("can’t be read")
    percent.fill("25")
    page.get_by_role("link", name="Single signals and breaks").click()
    page.get_by_role("button", name="Save and go on").click()
    expect(page.locator("#acc-user")).to_have_value("bea")
    (row,) = server.call("GET", f"/api/exams/{exam['exam_key']}/roster")["students"]
    assert (row["name"], row["extra_percent"]) == ("Bea Lund", 25)


def test_in_arabic_a_students_id_stands_below_its_head(page: Page, server: Server) -> None:
    server.call("POST", "/api/accommodations", json={"user_id": "noa", "points": {"gaze_distracted": 0}})
    page.goto(f"{server.url}/exams?lang=ar")
    row = page.locator("#acc tbody tr", has_text="noa").first
    expect(row).to_be_visible()
    ends = row.evaluate("""row => [row.closest('table').querySelector('thead th'), row.cells[0]].map(cell => {
        const range = document.createRange(); range.selectNodeContents(cell); return Math.round(range.getBoundingClientRect().right);
    })""")
    assert abs(ends[0] - ends[1]) <= 1
    page.context.clear_cookies(name="language")
