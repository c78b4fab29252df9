"""A server with a password, a student's way through the portal, and what the proctor's pages show of it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from bench.harness.server import Server
from tests.helpers.browser import until
from tests.helpers.web import API_TOKEN, PASSWORD

SCRIPT = {"Authorization": f"Bearer {API_TOKEN}"}
PROTECTED = {"PROCTOR_PASSWORD": PASSWORD, "API_TOKEN": API_TOKEN, "PORTAL_OPEN": "true"}


class Desk(Server):
    """The server with a password; scripts bring the token."""

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        return super().call(method, path, headers=SCRIPT, **arguments)


def fill_in(page: Page, user_id: str, exam_id: str) -> None:
    """The portal's first two steps."""
    page.get_by_label("User ID").fill(user_id)
    page.get_by_label("Exam ID").fill(exam_id)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="What is watched")).to_be_focused()
    page.get_by_role("button", name="I agree").click()
    expect(page.get_by_role("heading", name="Check", exact=True)).to_be_focused()


def begin(page: Page, button: str = "Start the exam") -> None:
    """From the check into the exam."""
    page.get_by_role("button", name=button).click()
    expect(page.locator("#exam-bar[data-recording]")).to_be_visible()


def end(page: Page) -> None:
    page.get_by_role("button", name="End exam").click()
    page.get_by_role("dialog").get_by_role("button", name="End exam").click()
    expect(page.get_by_role("heading", name="Your exam has ended")).to_be_visible()


def session_of(server: Desk, user_id: str) -> str:
    active = server.call("GET", "/api/sessions/active")["sessions"]
    return next(str(one["session_id"]) for one in active if one["user_id"] == user_id)


def flagged(server: Desk, user_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = server.call("GET", "/api/flagged/all", params={"user_id": user_id, "limit": 100})["flagged"]
    return [row for row in rows if row["user_id"] == user_id]


def await_changes(page: Page, canvas: str, times: int = 3) -> None:
    """Wait until the picture in `canvas` has changed so often."""
    seen: set[str] = set()

    def changed() -> bool:
        seen.add(page.locator(canvas).evaluate("canvas => canvas.toDataURL('image/jpeg', 0.3)"))
        return len(seen) > times

    until(page, changed, f"the picture in {canvas} changes")


def details_after_end(page: Page, server: Server, session_id: str) -> dict[str, Any]:
    """A session's details once all of them are stored: its student's page hears of the end a moment before."""

    def whole() -> dict[str, Any] | None:
        found = server.details(session_id)
        scores = sum(interval["score"] for interval in found["intervals"])
        return found if found["session"]["ended_at"] and scores == found["session"]["total_score"] else None

    found: dict[str, Any] = until(page, whole, "the end is stored")
    return found
