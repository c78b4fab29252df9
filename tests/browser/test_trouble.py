"""A troubled exam in a real Chromium: the line is cut, the server dies and comes back, the camera is taken away, a second tab takes over.

Nothing is lost or doubled, what was not seen is unknown, and the student is told what is wrong. Most exams here wait more than they work: those
that the chosen tests need run beside each other.
"""

from __future__ import annotations

import itertools
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from bench.harness.chromium import Chromium, FakeDevices, make_camera, make_microphone
from bench.harness.relay import Relay
from bench.harness.server import Server
from bench.harness.stored import stored
from tests.helpers.beside import begun_beside
from tests.helpers.browser import PLUGGED_IN, WAIT_S, until

SETTINGS = {"INTERVAL_DURATION": "10", "CHECK_INTERVAL": "2", "CLIP_PREROLL_S": "1", "CLIP_POSTROLL_S": "1"}
GAP_S = 6.0  # from giving the line up to its mending: twice what nobody in view takes to count
LEAST_KBIT = 150.0
ACT_S = 12.0  # of a line's width at most go before an act: behind what a good line takes in its first seconds it would be a minute's
CONNECTION = "#exam-bar"
CAMERA = "#exam-notices [data-code=camera]"  # the page's own word: the server's of a poor picture may stand beside it


@pytest.fixture(scope="module")
def devices(folder: Path, shared_data: Path) -> FakeDevices:
    """A man who looks at the camera, and quiet."""
    camera = make_camera(shared_data / "webcam.mp4", folder / "man.mjpeg", seconds=6)
    return FakeDevices(camera, make_microphone(shared_data / "scenarios" / "clean-a" / "audio.flac", folder / "quiet.wav", seconds=6))


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    running = Server(folder / "server", SETTINGS | in_mongod() | {"MODELS_DIR": str(models_dir)})
    with running.meanwhile():
        yield running
        print("".join(running.output[-80:]))  # shown where a test failed


@pytest.fixture(scope="module")
def mortal(folder: Path, models_dir: Path) -> Iterator[Server]:
    """One that dies; it is started by the exam that kills it."""
    running = Server(folder / "mortal", SETTINGS | {"MODELS_DIR": str(models_dir), "CHECK_INTERVAL": "1"})
    yield running
    running.stop()
    print("".join(running.output[-80:]))


@pytest.fixture(scope="module")
def begun(request: pytest.FixtureRequest, folder: Path, devices: FakeDevices, server: Server, mortal: Server) -> Iterator[dict[str, Future[Any]]]:
    """The exams by the names of their fixtures, the longest first."""
    works = {
        "exam": lambda playwright: troubled(playwright, folder, devices, mortal),
        "acts": lambda playwright: act_over_a_narrower_line(20.0, "acts", playwright, folder, devices, server),
        "stills": lambda playwright: act_over_a_narrower_line(60.0, "stills", playwright, folder, devices, server),
        "held": lambda playwright: hold_the_camera(playwright, folder, devices, server),
    }
    with begun_beside(request, works) as begun:
        yield begun


@pytest.fixture(scope="module")
def exam(begun: dict[str, Future[Any]]) -> Exam:
    """One exam with every trouble in turn."""
    left: Exam = begun["exam"].result()
    return left


@pytest.fixture
def held(begun: dict[str, Future[Any]]) -> Future[None]:
    return begun["held"]


@pytest.fixture
def stills(begun: dict[str, Future[Any]]) -> Future[None]:
    return begun["stills"]


@pytest.fixture
def acts(begun: dict[str, Future[Any]]) -> Future[None]:
    return begun["acts"]


def begin(chromium: Chromium, url: str) -> Page:
    """By the student's link into the exam."""
    page = chromium.open(url)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="I agree").click()
    expect(page.locator("#check-camera")).to_have_attribute("data-state", "ready")
    page.get_by_role("button", name="Start the exam").click()
    expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
    return page


def end(page: Page) -> None:
    page.get_by_role("button", name="End exam").click()
    page.get_by_role("dialog").get_by_role("button", name="End exam").click()
    expect(page.get_by_role("heading", name="Your exam has ended")).to_be_visible()


@dataclass
class Exam:
    """What is left of it."""

    details: dict[str, Any]
    acts: list[dict[str, Any]]
    audio: list[list[Any]]
    cut: tuple[float, float]  # given up by the page, mended; s of the session's clock
    copied: tuple[float, float]  # between these
    killed_at: float
    notices: dict[str, str]
    other_tab: str
    problems: list[str]


def troubled(playwright: Playwright, folder: Path, devices: FakeDevices, server: Server) -> Exam:
    """One exam with every trouble in turn, on a server that it starts and kills."""
    server.start()
    server.settings["FLASK_PORT"] = str(server.port)  # where it comes back
    created = server.create("gina", "history")
    session_id = created["session_id"]
    notices = {}
    with Relay(server.port) as relay, Chromium(playwright, folder / "exam", devices=devices, allow=False) as chromium:
        for name in ("camera", "microphone"):
            chromium.set_permission(name, "granted", relay.url)
        link = f"{relay.url}/portal#t={created['token']}"
        page = begin(chromium, link)
        begun = datetime.fromisoformat(server.details(session_id)["session"]["started_at"].replace("Z", "+00:00")).timestamp()
        bar, offered, camera = page.locator(CONNECTION), page.locator("#exam-notices"), page.locator(CAMERA)
        until(page, lambda: checks_after(server, session_id, 0.0), "the first checks")

        relay.cut()
        page.keyboard.press("Control+a")
        before = time.time() - begun
        page.keyboard.press("Control+c")
        copied = (before, time.time() - begun)
        with page.expect_event("websocket", timeout=WAIT_S * 1000):  # the next attempt: what waited in the connection before is gone
            expect(bar).to_have_attribute("data-link", re.compile("waiting|connecting"))
            notices["cut"] = offered.inner_text()
        given_up = time.time() - begun
        page.wait_for_timeout(1000 * GAP_S)
        cut = (given_up, time.time() - begun)
        relay.mend()
        expect(bar).to_have_attribute("data-link", "open")
        until(page, lambda: checks_after(server, session_id, cut[1]), "pictures come again")

        server.kill()
        killed_at = time.time() - begun
        expect(bar).to_have_attribute("data-link", re.compile("waiting|connecting"))
        page.keyboard.press("Control+v")
        server.start()
        expect(bar).to_have_attribute("data-link", "open")
        until(page, lambda: checks_after(server, session_id, killed_at), "pictures come again")

        chromium.set_permission("camera", "denied", relay.url)
        until(page, lambda: server.details(session_id)["session"]["devices"]["camera"]["state"] in {"lost", "denied"}, "the camera's loss is told")
        expect(camera).to_be_visible()
        notices["camera"] = camera.inner_text()
        chromium.set_permission("camera", "granted", relay.url)
        page.evaluate(PLUGGED_IN)
        until(page, lambda: server.details(session_id)["session"]["devices"]["camera"]["state"] == "ok", "the camera comes back")

        second = chromium.open(link)
        second.get_by_role("button", name="Continue the exam").click()
        expect(second.locator("#exam-bar[data-recording]")).to_be_visible()
        expect(page.get_by_role("heading", name="Your exam goes on elsewhere")).to_be_attached()
        other_tab = page.locator("#done-text").inner_text()
        end(second)
        until(second, lambda: server.details(session_id)["session"]["end_reason"], "the end is stored")  # it is told before that
        problems = list(chromium.problems)
    with stored(server) as database:
        acts = list(database["acts"].find({"session_id": session_id}))
        audio = sorted(row for check in database["checks"].find({"session_id": session_id}) for row in check["readings"]["audio"])
    return Exam(server.details(session_id), acts, audio, cut, copied, killed_at, notices, other_tab, problems)


def checks_after(server: Server, session_id: str, at: float) -> bool:
    """Has a check that began after `at` seen pictures?"""
    return any(check["start"] > at and check["rates"]["video_fps"] > 0 for check in server.details(session_id)["checks"])


def test_a_cut_line_is_told_and_nothing_is_held_against_the_student(exam: Exam) -> None:
    assert "Everything you do is kept here and sent later" in exam.notices["cut"]
    kinds = {one["kind"] for interval in exam.details["intervals"] for one in interval["violations"]}
    assert not kinds & {"no_face", "gaze_distracted", "multiple_faces", "speech", "multiple_voices"}


def test_what_was_done_without_a_connection_arrives_once_in_its_own_time(exam: Exam) -> None:
    acts = Counter(act["kind"] for act in exam.acts)
    assert (acts["copy"], acts["paste"]) == (1, 1)
    copied = next(act["at"] for act in exam.acts if act["kind"] == "copy")
    assert exam.copied[0] - 1.0 <= copied <= exam.copied[1] + 1.0
    counted = sum(one["occurrences"] for interval in exam.details["intervals"] for one in interval["violations"] if one["kind"] == "copy_paste")
    assert counted == 2


def test_the_gap_is_unknown(exam: Exam) -> None:
    given_up, mended = exam.cut
    heard = sum(max(0.0, min(mended, row[0] + row[1]) - max(given_up, row[0])) for row in exam.audio if row[5] != "lost")
    assert heard < 1.0  # the page looks ten times a second, and what it sent before arrives late


def test_the_session_goes_on_after_the_server_died(exam: Exam) -> None:
    assert exam.details["session"]["end_reason"] == "ended by the student"
    assert exam.details["session"]["ended_after_s"] > exam.killed_at
    starts = [check["start"] for check in exam.details["checks"]]
    assert all(before < after for before, after in itertools.pairwise(starts))


def test_a_lost_camera_is_told(exam: Exam) -> None:
    assert "camera" in exam.notices["camera"]


def test_a_second_tab_takes_over_and_the_first_says_so(exam: Exam) -> None:
    assert "another tab" in exam.other_tab


# Chromium's own camera can't be held by another program; the error is the one that it names such a camera with.
HELD = """
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.held = true;
  navigator.mediaDevices.getUserMedia = (wanted) =>
    window.held && wanted.video ? Promise.reject(new DOMException("Could not start video source", "NotReadableError")) : open(wanted);
"""


def hold_the_camera(playwright: Playwright, folder: Path, devices: FakeDevices, server: Server) -> None:
    created = server.create("ivan", "history")
    with Chromium(playwright, folder / "held", devices=devices, allow=False) as chromium:
        for name in ("camera", "microphone"):
            chromium.set_permission(name, "granted", server.url)
        page = chromium.context.new_page()
        page.add_init_script(HELD)
        page.goto(f"{server.url}/portal#t={created['token']}")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="I agree").click()
        row = page.locator("#check-camera")
        expect(row).to_have_attribute("data-state", "not_ready")
        expect(row).to_contain_text("Another program holds the camera")
        page.evaluate("window.held = false")
        page.get_by_role("button", name="Check again").click()
        expect(row).to_have_attribute("data-state", "ready")
        page.get_by_role("button", name="Start the exam").click()
        expect(page.locator("#exam-bar[data-recording]")).to_be_visible()

        page.evaluate("window.held = true")
        chromium.set_permission("camera", "denied", server.url)
        camera = page.locator(CAMERA)
        expect(camera).to_be_visible()
        chromium.set_permission("camera", "granted", server.url)
        expect(camera).to_contain_text("another program holds it")
        until(page, lambda: server.details(created["session_id"])["session"]["devices"]["camera"]["reason"] == "busy", "the server knows why")
        page.evaluate("window.held = false")
        expect(camera).to_have_count(0)
        until(page, lambda: server.details(created["session_id"])["session"]["devices"]["camera"]["state"] == "ok", "the camera comes back")
        end(page)


def test_a_camera_held_by_another_program_is_told_and_comes_back(held: Future[None]) -> None:
    held.result()


def act_over_a_narrower_line(kbit: float, step: str, playwright: Playwright, folder: Path, devices: FakeDevices, server: Server) -> None:
    created = server.create(f"over-{kbit:g}", "history")
    session_id = created["session_id"]
    copies = {"session_id": session_id, "kind": "copy"}
    with (
        stored(server) as database,
        Relay(server.port, kbit) as relay,
        Chromium(playwright, folder / f"over-{kbit:g}", devices=devices, shell=True) as chromium,
    ):
        page = begin(chromium, f"{relay.url}/portal#t={created['token']}")
        for number in range(1, 4):
            seen = server.details(session_id)["checks"][-1:]
            until(page, lambda seen=seen: server.details(session_id)["checks"][-1:] != seen, "media go on before the copy")  # type: ignore[misc]
            page.keyboard.press("Control+c")
            passed = relay.up_bytes
            until(page, lambda number=number: database["acts"].count_documents(copies) == number, f"copy {number} arrives")  # type: ignore[misc]
            assert relay.up_bytes - passed < kbit * 1000 / 8 * ACT_S
        expect(page.locator("#exam-notices")).to_contain_text(re.compile("very slow" if step == "stills" else "almost gone"))

        def flows() -> bool:
            checks = [check["rates"] for check in server.details(session_id)["checks"][-5:]]  # over such a line it comes in bursts
            return any(rates["video_fps"] > 0 for rates in checks) and statistics.fmean(rates["audio_s_per_s"] for rates in checks) > 0.8

        if step == "stills":
            until(page, flows, "pictures and sound come")
        end(page)
        until(page, lambda: server.details(session_id)["session"]["end_reason"], "the end is stored")
    kinds = {one["kind"] for interval in server.details(session_id)["intervals"] for one in interval["violations"]}
    assert kinds == {"copy_paste"}


def test_over_a_line_that_is_narrower_still_acts_come_within_seconds_and_stills(stills: Future[None]) -> None:
    stills.result()


def test_over_a_line_that_carries_nothing_else_acts_come_within_seconds(acts: Future[None]) -> None:
    acts.result()


def test_a_narrow_line_carries_pictures_and_sound(playwright: Playwright, folder: Path, devices: FakeDevices, server: Server) -> None:
    created = server.create("hana", "history")
    with Relay(server.port, LEAST_KBIT) as relay, Chromium(playwright, folder / "narrow", devices=devices, shell=True) as chromium:
        page = begin(chromium, f"{relay.url}/portal#t={created['token']}")
        checks: list[dict[str, Any]] = []

        def flows() -> bool:
            checks[:] = [check["rates"] for check in server.details(created["session_id"])["checks"][-3:]]
            return len(checks) == 3 and all(rates["video_fps"] >= 1 and rates["audio_s_per_s"] > 0.8 for rates in checks)

        until(page, flows, f"pictures and sound come over {LEAST_KBIT:g} kbit/s")
        end(page)
