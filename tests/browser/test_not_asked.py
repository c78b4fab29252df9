"""A student without a camera in a real Chromium: where no signal of it counts the exam begins, and what changes in mid-exam is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, expect

from bench.harness.chromium import Chromium, FakeDevices
from bench.harness.server import Server
from scoring.asked import SIGNALS_OF
from tests.helpers.browser import judge, until

SERVER: dict[str, str] = {}
NONE = dict.fromkeys(SIGNALS_OF["camera"], 0)


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, folder: Path, man: FakeDevices) -> Iterator[Chromium]:
    with Chromium(playwright, folder / "browser", devices=man, allow=False) as chromium:
        yield chromium


def test_who_has_no_camera_and_needs_none_begins_and_is_missed_by_nobody(server: Server, chromium: Chromium, folder: Path) -> None:
    server.call("POST", "/api/accommodations", json={"user_id": "nora", "exam_id": "logic", "points": NONE, "set_by": "Ada"})
    made = server.create("nora", "logic")
    for device, setting in (("camera", "denied"), ("microphone", "granted")):
        chromium.set_permission(device, setting, server.url)
    page = chromium.open(f"{server.url}/portal#t={made['token']}")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="I agree").click()
    for row in ("camera", "light", "face"):
        expect(page.locator(f"#check-{row}")).to_have_attribute("data-state", "ready")
        expect(page.locator(f"#check-{row}")).to_contain_text("Not needed in this exam")
    wrong = judge(page, folder, "check-no-camera")
    page.get_by_role("button", name="Start the exam").click()
    expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
    expect(page.locator("#exam-recording")).to_have_text("Recording sound only")
    wall = chromium.open(server.url)
    tile = wall.locator(".tile", has_text="nora")
    expect(tile).to_have_attribute("data-state", "fine")
    expect(tile.locator(".tile-empty")).to_have_text("Camera not asked")
    body = {"user_id": "nora", "exam_id": "logic", "points": NONE, "breaks_allowed": 2, "set_by": "Ada"}
    assert server.call("POST", "/api/accommodations", json=body)["running"] == 1
    said = page.locator("#exam-notices [data-code=different]")
    expect(said).to_contain_text("What is different for you was changed")
    expect(said).to_contain_text("2 breaks of 5 min")
    expect(page.locator("#exam-break")).to_be_visible()
    wrong += judge(page, folder, "exam-different")
    page.bring_to_front()
    said.get_by_role("button", name="Understood").click()
    expect(said).to_have_count(0)
    page.wait_for_timeout(9000)  # longer than a silent device is given
    expect(tile).to_have_attribute("data-state", "fine")
    expect(page.locator("#exam-notices [data-code=camera]")).to_have_count(0)
    server.call("POST", "/api/accommodations", json={**body, "points": {}})
    until(wall, lambda: tile.get_attribute("data-state") == "lost", "the camera is asked for again, and missed")
    expect(page.locator("#exam-notices [data-code=camera]")).to_be_visible()
    record = chromium.open(f"{server.url}/session/{made['session_id']}")
    expect(record.locator("#session-accommodation")).to_contain_text("From 0:00")
    wrong += judge(record, folder, "session-held")
    for tab in (record, wall, page):
        tab.close()
    assert wrong == []
