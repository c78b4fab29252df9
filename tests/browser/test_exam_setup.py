"""A teacher sets up an exam in a real Chromium: a kind, a title, times, numbers with their sentences; two at once; and what its student reads."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from bench.harness.chromium import Chromium
from bench.harness.server import Server
from records.seb import config_key, read_seb, write_seb
from tests.helpers.browser import judge, show

SERVER: dict[str, str] = {}

SEB = write_seb({"startURL": "https://quiz.example/", "allowQuit": True})


def made(page: Page, server: Server) -> str:
    """Make an exam on its page; give the page's address."""
    page.goto(f"{server.url}/exams")
    page.get_by_role("link", name="New exam").click()
    page.get_by_role("radio", name="On paper", exact=False).first.check()
    expect(page.get_by_label("Notes on paper: looking down counts nothing")).to_be_checked()
    page.get_by_label("Title", exact=True).fill("Linear algebra")
    page.get_by_label("ID", exact=True).fill("lti:7/MA101")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Opens", exact=True).fill("2999-06-01T09:00")
    page.get_by_label("Closes", exact=True).press_sequentially("06")  # half a time is not none
    page.get_by_role("button", name="Make the exam").click()
    expect(page.locator("#exam-closes-error")).to_contain_text("can’t be read")
    page.get_by_label("Closes", exact=True).fill("2999-06-01T08:00")
    page.get_by_label("Minutes for each student").fill("90")
    page.get_by_label("Proctors and reviewers see IDs without names").check()
    page.get_by_label("Instructions").fill("Bring a pen.\nWrite legibly.")
    page.get_by_role("button", name="Make the exam").click()
    expect(page.locator("#exam-closes-error")).to_have_text(re.compile("must be after the exam opens"))
    expect(page.get_by_label("Closes", exact=True)).to_be_focused()
    page.get_by_label("Closes", exact=True).fill("2999-06-01T12:00")
    page.get_by_role("button", name="Make the exam").click()
    expect(page.get_by_role("heading", name="Linear algebra")).to_be_visible()
    return page.url


def test_an_exam_is_set_up_by_one_teacher_and_the_second_is_told(server: Server, chromium: Chromium, folder: Path) -> None:
    before = len(chromium.problems)
    page = chromium.open("about:blank")
    show(page)
    address = made(page, server)
    expect(page.locator("#exam-state")).to_have_text("Draft")
    expect(page.get_by_label("Opens", exact=True)).to_have_value("2999-06-01T09:00")
    expect(page.get_by_label("Proctors and reviewers see IDs without names")).to_be_checked()
    speech = page.get_by_label("Speech", exact=True)
    speech.fill("10")
    expect(page.locator("#exam-points-speech-does")).to_contain_text("Makes a flag by itself.")
    other = chromium.open(address)
    other.get_by_label("Title", exact=True).fill("Linear algebra 1")
    other.get_by_role("button", name="Save", exact=True).click()
    expect(other.locator("#exam-saved")).to_contain_text("Saved.")
    other.close()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#exam-changed")).to_contain_text("It differs in: title, points.")
    wrong = judge(page, folder, "exam-changed")
    page.get_by_role("button", name="Show what is in force").click()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Linear algebra 1")
    page.get_by_label("Students take the exam").select_option("required")
    page.get_by_label("Add the key of a .seb file").set_input_files({"name": "own.seb", "mimeType": "application/seb", "buffer": SEB})
    expect(page.locator("#exam-seb-said")).to_contain_text("the file begins at https://quiz.example/")
    expect(page.get_by_label("Config Keys of other files")).to_have_value(config_key(read_seb(SEB)))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#exam-seb-key")).to_contain_text("Its Config Key:")
    other = chromium.open(address)
    other.get_by_label("Course").fill("MA 101")
    other.get_by_role("button", name="Save", exact=True).click()
    expect(other.locator("#exam-saved")).to_contain_text("Saved.")
    other.close()
    page.get_by_role("button", name="Open the exam").click()
    expect(page.locator("#exam-said")).to_contain_text("has changed this exam since you opened it")
    expect(page.get_by_label("Course")).to_have_value("MA 101")
    page.get_by_role("button", name="Open the exam").click()
    expect(page.locator("#exam-state")).to_contain_text("Opens")
    wrong += judge(page, folder, "exam-open")
    page.get_by_role("button", name="End for everybody").first.click()
    page.get_by_role("dialog").get_by_role("button", name="End for everybody").click()
    expect(page.locator("#exam-state")).to_have_text("Closed")
    expect(page.locator("#exam-said")).to_have_text("0 sessions have ended.")
    page.get_by_role("button", name="Duplicate").click()
    page.get_by_label("ID of the copy").fill("lti:7/MA102")
    page.get_by_label("ID of the copy").press("Enter")
    expect(page.locator("#exam-state")).to_have_text("Draft")
    expect(page.get_by_label("ID", exact=True)).to_have_value("lti:7/MA102")
    page.get_by_role("button", name="Delete").click()
    page.keyboard.press("Enter")  # the button that keeps it has the focus
    expect(page.locator("#exam-delete-dialog")).to_be_hidden()
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Type the exam’s title").fill("Linear algebra 1")
    page.get_by_label("Type the exam’s title").press("Enter")
    expect(page).to_have_url(f"{server.url}/exams")
    expect(page.locator("#exams")).not_to_contain_text("lti:7/MA102")
    expect(page.locator("#exams")).to_contain_text("Linear algebra 1")
    wrong += judge(page, folder, "exams-list")
    page.close()
    assert wrong == []
    # A browser names an answer of 409 and 422 in its console; what else it says is a fault.
    assert [problem for problem in chromium.problems[before:] if "409" not in problem and "422" not in problem] == []


def test_a_student_is_told_of_the_exam_and_when_it_opens(server: Server, chromium: Chromium, folder: Path) -> None:
    exam = {"exam_id": "told", "title": "Physics", "time_zone": "Asia/Tokyo", "opens": "2999-01-02T09:00", "length_min": 60}
    more = {"instructions": "Read all of it first.", "allowed": {"calculator": True}, "help_contact": "Room 7, telephone 12"}
    key = server.call("POST", "/api/exams", json=exam | more)["exam"]["exam_key"]
    server.call("POST", f"/api/exams/{key}/state", json={"state": "open"})
    page = chromium.open(f"{server.url}/portal")
    show(page)
    page.get_by_label("User ID").fill("s.o'brien+exam@uni.example")
    page.get_by_label("Exam ID").fill("TOLD")
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_url(re.compile(f"exam={key}"))
    expect(page.get_by_role("heading", name="Physics")).to_be_visible()
    expect(page.locator("#about-exam")).to_contain_text("60 minutes")
    expect(page.locator("#about-exam")).to_contain_text("Room 7, telephone 12")
    wrong = judge(page, folder, "exam-told")
    page.close()
    assert wrong == []
