"""A whole exam in a real Chromium where the network lets no WebSocket through, and the exam's own page refuses to be framed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from playwright.sync_api import Playwright, expect

from bench.harness.chromium import Chromium, FakeDevices, make_camera, make_microphone
from bench.harness.stored import stored
from tests.helpers.browser import until
from tests.helpers.desk import PROTECTED, Desk, details_after_end, end, fill_in, flagged, session_of
from tests.helpers.exam_page import ExamPage, exam_served
from tests.helpers.nginx import nginx

SETTINGS = {"INTERVAL_DURATION": "5", "CHECK_INTERVAL": "1", "CLIP_PREROLL_S": "1", "CLIP_POSTROLL_S": "1", "TRUSTED_PROXIES": "1"}
# As many filters do: a WebSocket's handshake arrives as a plain request.
NO_UPGRADE = 'proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;'
BY_HTTP = re.compile(r"/api/student/link\?")
SLOW_MS, NARROW_KBPS = 400, 500  # as static/js/portal/checks.js has them
COPIES = 4  # at 5 points each; wherever an interval ends, one of the two parts has the 10 points of a flag


class RefusesFrames(ExamPage):
    """As most learning platforms serve theirs."""

    more: ClassVar[dict[str, str]] = {"X-Frame-Options": "SAMEORIGIN"}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        if "Chrom" in self.headers.get("User-Agent", ""):
            self.asked.append(self.path)
        super().do_GET()


@pytest.fixture(scope="module")
def exam_url() -> Iterator[str]:
    with exam_served(RefusesFrames) as address:
        yield address


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path, exam_url: str) -> Iterator[Desk]:
    running = Desk(folder / "server", PROTECTED | SETTINGS | {"MODELS_DIR": str(models_dir), "EXAM_URL": exam_url})
    with running.meanwhile():
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@dataclass
class Exam:
    """What is left of it."""

    details: dict[str, Any] = field(default_factory=dict)
    acts: Counter[str] = field(default_factory=Counter)
    checks: list[dict[str, Any]] = field(default_factory=list)
    flags: list[dict[str, Any]] = field(default_factory=list)
    health: dict[str, Any] = field(default_factory=dict)
    check_row: str = ""
    unrecorded: str = ""  # what stands in the exam's place while nothing is recorded
    connection: str = ""
    device: dict[str, Any] = field(default_factory=dict)
    asked_before: list[str] = field(default_factory=list)
    question: str = ""
    sockets: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def exam(playwright: Playwright, folder: Path, shared_data: Path, server: Desk) -> Exam:
    """A student behind such a network takes the exam in a window of its own, copies there and here, and ends it."""
    camera = make_camera(shared_data / "webcam.mp4", folder / "man.mjpeg", seconds=6)
    microphone = make_microphone(shared_data / "scenarios" / "clean-a" / "audio.flac", folder / "quiet.wav", seconds=6)
    left = Exam()
    sockets: list[str] = []
    calls: list[str] = []
    with (
        nginx(
            folder / "nginx",
            {"blocks": f"location / {{ {NO_UPGRADE.format(port=server.port)} client_max_body_size 3m; client_body_buffer_size 3m; }}"},
        ) as addresses,
        Chromium(playwright, folder / "profile", devices=FakeDevices(camera, microphone), shell=True) as chromium,
    ):
        page = chromium.open("about:blank")
        left.health = until(page, lambda: look if "shown_in" in (look := server.call("GET", "/api/health")["parts"]["exam_page"]) else None, "a look")
        page.goto(f"{addresses['blocks']}/portal")
        page.on("websocket", lambda socket: sockets.append(socket.url))
        fill_in(page, "blocked", "geometry")
        expect(page.locator("#check-network")).to_have_attribute("data-state", "warning")
        left.check_row = page.locator("#check-network .check-text").inner_text()
        expect(page.locator("#check-camera")).to_have_attribute("data-state", "ready")
        left.asked_before = list(RefusesFrames.asked)
        page.on("request", lambda request: calls.append(request.url) if BY_HTTP.search(request.url) else None)
        page.route(BY_HTTP, lambda route: route.abort())  # at first not even that goes
        page.get_by_role("button", name="Start the exam").click()
        until(page, lambda: len(calls) > 1, "it is tried by HTTP at once, and again")
        left.sockets = [url for url in sockets if url.endswith("/student/link")]
        left.unrecorded = page.locator("#exam-page").inner_text()
        page.unroute(BY_HTTP)
        expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
        session_id = session_of(server, "blocked")
        left.connection = page.locator("#exam-connection").inner_text()
        with page.expect_popup() as opened:
            page.get_by_role("button", name="Open the exam").click()
        window = opened.value
        left.question = window.get_by_role("heading").inner_text()
        until(page, lambda: len(server.details(session_id)["checks"]) > 2, "pictures are read")
        left.device = server.details(session_id)["session"]["devices"]["connection"]
        page.bring_to_front()
        for _ in range(COPIES):
            page.keyboard.press("Control+a")
            page.keyboard.press("Control+c")
        until(page, lambda: flagged(server, "blocked"), "the flag")
        end(page)
        left.problems = chromium.problems
        left.details = details_after_end(page, server, session_id)
        left.flags = flagged(server, "blocked")
        with stored(server) as records:
            until(page, lambda: records["acts"].count_documents({"session_id": session_id, "kind": "copy"}) >= COPIES, "the acts are stored")
            left.acts = Counter(act["kind"] for act in records["acts"].find({"session_id": session_id}))
    return left


def test_the_check_opens_the_link_itself_and_says_that_the_network_blocks_it(exam: Exam) -> None:
    (network,) = [row for row in exam.details["session"]["checks_before"]["results"] if row["item"] == "network"]
    *measured, way = network["detail"].split(", ")
    assert (network["state"], way) == ("warning", "HTTP")
    figures = {unit: float(value) for value, unit in map(str.split, measured)}
    is_slow = figures["ms"] > SLOW_MS or figures.get("kbit/s", NARROW_KBPS) < NARROW_KBPS  # as a busy machine is, of which is told first
    assert is_slow or "WebSockets" in exam.check_row


def test_the_exam_goes_by_http_with_pictures_acts_and_a_flag(exam: Exam) -> None:
    assert exam.connection == "Connected, by a slower way"
    assert (exam.device["state"], exam.device["reason"]) == ("ok", "http")
    assert exam.sockets == [], "after the check nothing waits for what is blocked"
    assert len([check for check in exam.details["checks"] if check["gaze"] is not None]) > 1
    assert exam.acts["copy"] == COPIES
    assert exam.flags
    assert exam.details["session"]["end_code"] == "student"


def test_an_exam_that_refuses_frames_opens_in_a_window_of_its_own_once_recording_has_begun(exam: Exam) -> None:
    assert "X-Frame-Options" in exam.health["reason"]
    assert exam.asked_before == []
    assert exam.unrecorded == "Your exam appears here as soon as recording has begun. Stay on this page."
    assert exam.question == "Question 1"


def test_being_in_the_exams_own_window_is_no_leaving(exam: Exam) -> None:
    assert not {kind for kind in exam.acts if kind in {"window_blur", "tab_hidden"}}


def test_nothing_is_refused_but_the_sockets(exam: Exam) -> None:
    assert [problem for problem in exam.problems if "WebSocket" not in problem and "/student/link" not in problem] == []
