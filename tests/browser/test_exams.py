"""Exams, report and analytics in a real Chromium: a link, accommodations, sessions found again, a report on paper, days typed half."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from bench.harness.chromium import Chromium
from bench.harness.server import Server
from bench.harness.stored import stored as records_of
from tests.helpers.browser import axe, judge, until

BEGUN = datetime(2024, 7, 1, 8, tzinfo=timezone.utc)
SESSIONS = 45  # of the exam "big": two pages and a part of a third
BARS = (1, 120, 500, 1000)
PAPER_PX = 688  # of A4 at 96 dpi, between the margins of the style sheet
BARS_SHOWN = "() => [...document.querySelectorAll('.report-bar')].map((bar) => bar.getBoundingClientRect()).map(({ right, width }) => [right, width])"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path) -> Iterator[Server]:
    with Server(folder / "server", {"MODELS_DIR": str(models_dir), "KEEP_DAYS": "0"}) as running:
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def stored(server: Server) -> Iterator[Any]:
    """The server's database, for sessions of other days."""
    with records_of(server) as records:
        yield records


def add_session(stored: Any, user_id: str, exam_id: str | None, *, minutes: int = 0, scores: tuple[int, ...] = (), **more: Any) -> str:
    """An ended session with an interval for each of `scores`; return its id."""
    session_id = f"{next(_numbers):032x}"
    begun = BEGUN + timedelta(minutes=minutes)
    flags = [score for score in scores if score >= 10]
    session: dict[str, Any] = {
        "_id": session_id,
        "user_id": user_id,
        "exam_id": exam_id,
        "source": "browser",
        "state": "ended",
        "end_reason": "ended by the student",
    }
    session |= {"started_at": begun, "ended_at": begun + timedelta(seconds=30 * len(scores)), "intervals": len(scores)}
    session |= {"total_score": sum(scores), "flagged_intervals": len(flags), "rules": {"interval_duration": 30, "flag_threshold": 10}} | more
    stored.sessions.insert_one(session)
    intervals = [interval(session, index, score) for index, score in enumerate(scores)]
    if intervals:
        stored.intervals.insert_many(intervals)
    return session_id


def interval(session: dict[str, Any], index: int, score: int) -> dict[str, Any]:
    begun = session["started_at"] + timedelta(seconds=30 * index)
    violation = {"kind": "speech", "start": 30.0 * index, "end": 30.0 * index + 8, "points": score, "occurrences": 1, "evidence": {}}
    return {
        "_id": f"{session['_id']}-{index}",
        **{name: session[name] for name in ("user_id", "exam_id")},
        "session_id": session["_id"],
        "index": index,
        "start": 30.0 * index,
        "end": 30.0 * index + 30,
        "started_at": begun,
        "ended_at": begun + timedelta(seconds=30),
        "score": score,
        "flagged": score >= 10,
        "flagged_at": begun if score >= 10 else None,
        "closed": True,
        "violations": [violation] if score else [],
        "clip": {"state": "none"},
    }


def opinion(decision: str, by: str) -> dict[str, Any]:
    return {"decision": decision, "reason": "", "note": "", "by": by, "at": BEGUN}


def wider_than_window(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


# A link


def test_a_link_is_made_on_the_page(page: Page, server: Server, folder: Path) -> None:
    page.goto(f"{server.url}/exams")
    form = page.locator("#link-form")
    form.get_by_role("button", name="Create the link").click()
    expect(page.locator("#link-error")).to_have_text("Enter the student’s ID.")
    expect(form.get_by_label("Student")).to_be_focused()
    wrong = judge(page, folder, "exams-error")
    form.get_by_label("Student").fill("zoe")
    form.get_by_label("Exam").fill("links")
    form.get_by_label("Exam").press("Enter")
    expect(page.locator("#link-address")).to_contain_text(re.compile(rf"^{server.url}/portal\S*#t="))
    wrong += judge(page, folder, "exams-link")
    expect(page.locator("#sessions tbody tr", has_text="zoe")).to_contain_text("Not begun yet")
    expect(page.locator("#exams tbody tr", has_text="links")).to_be_visible()
    portal = page.context.new_page()
    portal.goto(page.locator("#link-address").inner_text())
    expect(portal.get_by_label("User ID")).to_have_value("zoe")
    portal.close()
    assert wrong == []


# Accommodations


def accommodations(server: Server, user_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.call("GET", "/api/accommodations", params={"user_id": user_id})["accommodations"]
    return found


def test_an_accommodation_is_added_changed_and_removed_on_the_page(page: Page, server: Server, folder: Path) -> None:
    page.goto(f"{server.url}/exams")
    form, row = page.locator("#acc-form"), page.locator("#acc tbody tr", has_text="uma")
    page.get_by_text("Add an accommodation").click()
    wrong = judge(page, folder, "exams-form")
    form.get_by_label("Student").fill("uma")
    form.get_by_label("Exam").fill("algebra")
    form.get_by_label("Looking away").select_option("0")
    form.get_by_label("Breaks allowed").fill("2")
    form.get_by_label("Set by").fill("Ada")
    form.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Not counted: Looking away")
    expect(row).to_contain_text("2 breaks of 5 min")
    expect(form).to_be_hidden()

    row.get_by_role("button", name="Change").click()
    expect(form.get_by_label("Student")).to_be_focused()
    expect(form.get_by_label("Student")).to_have_value("uma")
    expect(form.get_by_label("Student")).not_to_be_editable()
    expect(form.get_by_label("Looking away")).to_have_value("0")
    expect(form.get_by_label("Breaks allowed")).to_have_value("2")
    wrong += judge(page, folder, "exams-change")
    form.get_by_role("button", name="Cancel").click()
    expect(row.get_by_role("button", name="Change")).to_be_focused()
    row.get_by_role("button", name="Change").press("Enter")
    form.get_by_label("Breaks allowed").fill("3")
    form.get_by_label("Set by").fill("Bob")
    form.get_by_label("Set by").press("Enter")
    expect(row).to_contain_text("3 breaks of 5 min")
    expect(row).to_contain_text("Bob")
    expect(row.get_by_role("button", name="Change")).to_be_focused()
    (kept,) = accommodations(server, "uma")
    assert (kept["points"], kept["breaks_allowed"], kept["exam_id"], kept["set_by"]) == ({"gaze_distracted": 0}, 3, "algebra", "Bob")

    row.get_by_role("button", name="Remove").click()
    dialog = page.get_by_role("dialog", name="Remove this accommodation?")
    expect(dialog).to_contain_text("uma")
    wrong += judge(page, folder, "exams-remove")
    dialog.get_by_role("button", name="Keep it").click()
    expect(row).to_be_visible()
    row.get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    expect(page.locator("#acc-said")).to_have_text("Removed.")
    assert accommodations(server, "uma") == []
    assert wrong == []


def test_what_would_be_replaced_is_named_before_and_asks_for_a_second_press(page: Page, server: Server, folder: Path) -> None:
    for body in ({"exam_id": "algebra", "reading_aloud": True, "note": "stutters", "set_by": "Ada"}, {"breaks_allowed": 1, "set_by": "Bob"}):
        server.call("POST", "/api/accommodations", json={"user_id": "vic", **body})
    page.goto(f"{server.url}/exams")
    page.get_by_text("Add an accommodation").click()
    form, said = page.locator("#acc-form"), page.locator("#acc-replaces")
    form.get_by_label("Student").fill("vic")
    form.get_by_label("Exam").fill("algebra")
    form.get_by_label("Breaks allowed").fill("4")
    form.get_by_label("Set by").fill("Cem")
    form.get_by_role("button", name="Save").dblclick()
    for words in ("vic", "algebra", "Ada", "Reading aloud or a screen reader’s voice allowed", "stutters"):
        expect(said).to_contain_text(words)
    wrong = judge(page, folder, "exams-replace")
    assert {one["set_by"] for one in accommodations(server, "vic")} == {"Ada", "Bob"}, "nothing is replaced by the first press, nor by a double click"

    form.get_by_label("Exam").fill("")
    expect(said).to_be_hidden()
    form.get_by_role("button", name="Save").click()
    expect(said).to_contain_text("every exam already, set by Bob")
    form.get_by_label("Exam").fill("algebra")
    form.get_by_role("button", name="Save").click()
    expect(said).to_contain_text("Ada")
    server.call("POST", "/api/accommodations", json={"user_id": "vic", "exam_id": "algebra", "breaks_allowed": 7, "set_by": "Dora"})
    form.get_by_role("button", name="Replace").click()
    expect(said).to_contain_text("Dora")
    form.get_by_role("button", name="Replace").click()
    expect(page.locator("#acc-said")).to_contain_text("Saved for vic")
    kept = {one["exam_id"]: (one["set_by"], one["breaks_allowed"]) for one in accommodations(server, "vic")}
    assert kept == {"algebra": ("Cem", 4), None: ("Bob", 1)}
    assert wrong == []


# Sessions


@pytest.fixture(scope="module")
def big(stored: Any) -> str:
    """The id of the exam's latest session; its students are pupil-0 to pupil-44 and one with another name."""
    for number in range(SESSIONS - 1):
        add_session(stored, f"pupil-{number}", "big", minutes=number, scores=(4,))
    unread = {part: {"of_s": 292.0, "unread_s": 292.0, "reasons": {"dark": 292.0}} for part in ("gaze", "people", "sound")}
    return add_session(stored, "Ömer.K", "big", minutes=SESSIONS, scores=(4, 12), unread=unread)


def test_an_ended_session_is_found_from_its_exam_and_leads_to_its_report(page: Page, big: str, server: Server, folder: Path) -> None:
    page.goto(f"{server.url}/exams")
    page.get_by_role("link", name="Sessions big").click()
    expect(page).to_have_url(f"{server.url}/exams?exam_id=big")
    expect(page.get_by_role("heading", name="Sessions")).to_be_focused()
    expect(page.get_by_label("Exam", exact=True)).to_have_value("big")
    rows = page.locator("#sessions tbody tr")
    expect(rows).to_have_count(20)
    expect(rows.first.get_by_role("rowheader")).to_have_text("Ömer.K")
    expect(rows.first.locator(".number")).to_have_text(["16", "1"])
    unread = "The picture could not be read: 4:52 of 4:52 (too dark)"
    expect(rows.first).to_contain_text(unread)
    expect(rows.nth(1).get_by_role("cell").nth(5)).to_have_text("–")  # stored before that was kept
    wrong = judge(page, folder, "exams-sessions")
    more = page.locator("#sessions-more")
    more.click()
    expect(rows).to_have_count(40)
    expect(rows.nth(20).get_by_role("link").first).to_be_focused()
    more.press("Enter")
    expect(rows).to_have_count(SESSIONS)
    expect(more).to_be_hidden()
    expect(page.locator("#sessions-said")).to_have_text(f"{SESSIONS} sessions.")

    page.get_by_label("Student’s ID, or part of it").press_sequentially("ömer")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?exam_id=big&search=%C3%B6mer$"))  # a slow hand's first letters are looked for, too, and find as much
    page.reload()
    expect(rows).to_have_count(1)
    rows.get_by_role("link", name="Ömer.K", exact=True).click()
    expect(page).to_have_url(f"{server.url}/session/{big}")
    expect(page.locator("#session-unread")).to_contain_text(unread)
    page.go_back()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Student’s ID, or part of it")).to_have_value("ömer")
    page.get_by_label("Student’s ID, or part of it").fill("nobody")
    expect(page.locator("#sessions-said")).to_have_text("No session matches this choice.")
    wrong += judge(page, folder, "exams-sessions-none")
    page.get_by_label("Student’s ID, or part of it").fill("")
    expect(rows).to_have_count(20)
    rows.first.get_by_role("link", name="Report").click()
    expect(page).to_have_url(f"{server.url}/session/{big}/report")
    expect(page.locator("#report-unread")).to_contain_text(unread)
    wrong += judge(page, folder, "report-unread")
    assert wrong == []


def test_sessions_without_an_exam_id_are_found_and_back_leads_to_the_choice_before(page: Page, big: str, stored: Any, server: Server) -> None:
    add_session(stored, "lone", None)
    page.goto(f"{server.url}/exams?exam_id=big")
    rows = page.locator("#sessions tbody tr")
    expect(rows).to_have_count(20)
    page.get_by_role("link", name="Sessions No exam ID").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("lone")
    page.go_back()
    expect(rows).to_have_count(20)
    expect(page.get_by_label("Exam", exact=True)).to_have_value("big")


def test_sessions_that_cannot_be_read_are_said_and_read_again_by_the_next_choice(
    page: Page, big: str, server: Server, chromium: Chromium, folder: Path
) -> None:
    away = {"success": False, "error": {"code": "storage", "message": "The database is away."}}
    page.route("**/api/sessions?*", lambda route: route.fulfill(status=503, json=away))
    page.goto(f"{server.url}/exams")
    expect(page.locator("#sessions-error")).to_contain_text("The database is away.")
    expect(page.locator("#sessions-table")).to_be_hidden()
    wrong = judge(page, folder, "exams-sessions-error")
    page.unroute("**/api/sessions?*")
    page.get_by_label("Exam", exact=True).select_option("big")
    expect(page.locator("#sessions tbody tr")).to_have_count(20)
    expect(page.locator("#sessions-error")).to_be_hidden()
    chromium.problems.clear()  # the browser's own words about the 503
    assert wrong == []


# The report


def test_flags_on_which_opinions_differ_are_counted_as_that_and_times_name_their_zone(page: Page, stored: Any, server: Server, folder: Path) -> None:
    session_id = add_session(stored, "rea", "essay", scores=(12, 3, 14, 16, 18))
    reviews = [
        opinion("confirmed", "Ada") | {"second": None, "state": "confirmed"},
        opinion("confirmed", "Ada") | {"second": opinion("dismissed", "Bob"), "state": "disputed"},
        opinion("dismissed", "Ada") | {"second": opinion("dismissed", "Bob"), "state": "dismissed"},
    ]
    for index, review in zip((0, 2, 3), reviews, strict=True):
        stored.intervals.update_one({"_id": f"{session_id}-{index}"}, {"$set": {"review": review}})
    page.context.new_cdp_session(page).send("Emulation.setTimezoneOverride", {"timezoneId": "Europe/Berlin"})
    page.goto(f"{server.url}/session/{session_id}/report")
    expect(page.locator("#report-sum")).to_contain_text("4 flags: 1 confirmed, 1 dismissed, opinions differ on 1, 1 not decided.")
    expect(page.locator(".report-flag").nth(1)).to_contain_text("Opinions differ: Confirmed by Ada")
    expect(page.locator("#report-made")).to_contain_text(re.compile(r"in Europe/Berlin \(UTC\+2( when the session began, UTC\+1 now)?\)\.$"))
    expect(page.locator("#report-bars")).to_contain_text(re.compile(r"10:00:00( AM)? – 10:02:30"))
    page.wait_for_load_state("networkidle")
    assert judge(page, folder, "report-content") == []


@pytest.mark.parametrize("count", BARS)
def test_the_timeline_of_a_report_fits_screen_and_paper(count: int, page: Page, stored: Any, server: Server, folder: Path) -> None:
    scores = tuple(12 if number % 50 == 49 else number % 7 for number in range(count))
    session_id = add_session(stored, f"long-{count}", "long", scores=scores)
    page.goto(f"{server.url}/session/{session_id}/report")
    bars = page.locator(".report-bar")
    expect(bars).to_have_count(count)
    expect(page.locator(".report-row")).to_have_count(-(-count // 120))
    wrong = []
    for width, media in ((1280, "screen"), (390, "screen"), (PAPER_PX, "print")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(media=media)  # type: ignore[arg-type]
        box = page.locator("#report-bars").bounding_box()
        assert box
        ends = page.evaluate(BARS_SHOWN)
        page.locator("#report-bars").screenshot(path=folder / f"report-{count}-{width}.png")
        if wider_than_window(page) > 0 or max(right for right, _ in ends) > box["x"] + box["width"] + 1 or min(wide for _, wide in ends) < 1:
            wrong.append(f"{count} bars at {width} px, {media}")
    assert wrong == []
    page.emulate_media(media="screen")
    pdf = page.pdf(path=folder / f"report-{count}.pdf", prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 1


# The timeline of an ended exam


def test_an_ended_exam_opens_at_the_first_flag_that_waits_and_is_decided_there(page: Page, stored: Any, server: Server, folder: Path) -> None:
    scores = tuple(12 if number in (20, 100, 200) else number % 7 for number in range(240))
    session_id = add_session(stored, "tim", "strip", scores=scores)
    review = opinion("confirmed", "Bob") | {"second": None, "state": "confirmed"}
    stored.intervals.update_one({"_id": f"{session_id}-20"}, {"$set": {"review": review}})
    page.goto(server.url)
    page.evaluate("localStorage.setItem('reviewer', 'Ada')")
    page.goto(f"{server.url}/session/{session_id}")
    chosen, said = page.locator("#chosen-title"), page.locator("#flags-said")
    expect(chosen).to_have_text("Interval 101, 50:00–50:30")
    expect(said).to_have_text("3 flags, 2 to decide")
    assert page.locator("#timeline-picture *").count() < 60  # however long the exam
    page.keyboard.press("k")
    expect(chosen).to_have_text("Interval 21, 10:00–10:30")
    expect(page.locator("#chosen")).to_contain_text("Confirmed by Bob")
    page.keyboard.press("j")
    page.locator("#note").fill("heard it, too")
    page.get_by_role("button", name="Confirm").click()
    expect(chosen).to_have_text("Interval 201, 1:40:00–1:40:30")
    page.keyboard.press("d")
    page.keyboard.press("2")
    expect(said).to_have_text("3 flags, all decided")
    expect(page.locator("#chosen")).to_contain_text("Dismissed (Glasses) by Ada")
    reviews = [stored.intervals.find_one({"_id": f"{session_id}-{index}"})["review"] for index in (100, 200)]
    assert [(one["decision"], one["reason"], one["note"], one["by"]) for one in reviews] == [
        ("confirmed", "", "heard it, too", "Ada"),
        ("dismissed", "glasses", "", "Ada"),
    ]
    strip = page.get_by_role("slider", name="Interval")
    strip.press("Home")
    strip.press("ArrowRight")
    expect(strip).to_have_attribute("aria-valuetext", re.compile(r"Interval 2 of 240, 0:30 to 1:00\. 1 point\. Speech"))
    page.get_by_role("button", name="Look closer").click()
    assert page.locator("#timeline-scroll").evaluate("box => box.scrollWidth > box.clientWidth")
    page.get_by_text("As a table").click()
    expect(page.locator("#timeline-table tbody tr").nth(3)).to_contain_text("Speech for 8 s (+4)")
    assert judge(page, folder, "session-timeline") == []


# Analytics


def test_a_day_is_asked_for_once_it_is_typed_whole(page: Page, big: str, server: Server, folder: Path) -> None:
    asked: list[str] = []

    def heard(request: Request) -> None:
        if "/api/analytics?" in request.url:
            asked.append(request.url)

    page.on("request", heard)
    page.goto(f"{server.url}/analytics")
    expect(page.locator("#sum")).to_contain_text("sessions")
    page.locator("#filter-from").click()
    page.keyboard.type("07012024", delay=500)  # the month first, as this browser has it; slower than the page waits
    expect(page.locator("#filter-from")).to_have_value("2024-07-01")
    until(page, lambda: any("from=2024-07-01" in url for url in asked), "the day is asked for")
    assert [url for url in asked if "from=" in url and "from=2024-07-01" not in url] == []
    expect(page.locator("#analytics-error")).to_be_hidden()
    page.locator("#filter-to").fill("2024-06-01")
    expect(page.locator("#analytics-error")).to_have_text("The last day lies before the first.")
    page.locator("#filter-to").fill("2024-07-31")
    expect(page.locator("#analytics-error")).to_be_hidden()
    page.locator("#filter-from").fill("1999-01-01")
    page.locator("#filter-exam").focus()
    expect(page.locator("#analytics-error")).to_have_text("Choose whole days from the year 2000 on.")
    assert axe(page) == []


def test_the_charts_tables_read_well(page: Page, big: str, server: Server, folder: Path) -> None:
    page.goto(f"{server.url}/analytics")
    expect(page.locator("#chart-days table tbody tr").first).to_be_attached()
    for summary in page.locator(".chart details:visible summary").all():
        summary.click()
    page.wait_for_load_state("networkidle")
    assert judge(page, folder, "analytics-tables") == []
