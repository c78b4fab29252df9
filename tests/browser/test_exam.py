"""A whole exam in a real Chromium: a student takes it with camera and microphone, a proctor watches, reviews and decides."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, Playwright, Response, expect

from bench.harness.chromium import Chromium, FakeDevices, make_camera, make_microphone
from bench.harness.stored import stored
from scoring.check_records import UNREAD
from tests.helpers.browser import until
from tests.helpers.desk import PROTECTED, Desk, await_changes, begin, end, fill_in, flagged, session_of

VIDEO_FPS = 10
SETTINGS = {"INTERVAL_DURATION": "10", "CHECK_INTERVAL": "1", "CLIP_PREROLL_S": "1", "CLIP_POSTROLL_S": "1"}
CAMERA_FROM = 122.0  # s of exam-b: a second person from 123 to 136 (../shared/data, expected.json)
CAMERA_S = 10.0
AWAY_S = 5.0
AWAY_CHECKS = 3
SAME_PICTURE = 8.0  # mean difference of grey values 0..255; another moment of the footage differs by more than the codecs change


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path) -> Iterator[Desk]:
    running = Desk(folder / "server", PROTECTED | SETTINGS | {"MODELS_DIR": str(models_dir)})
    with running.meanwhile():
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@dataclass
class Exam:
    """What is left of it when it has ended."""

    session_id: str
    details: dict[str, Any]
    documents: dict[str, list[dict[str, Any]]]
    away: tuple[float, float] = (0.0, 0.0)  # from, to, in s of the session's clock
    reloaded_at: float = 0.0
    toast: str = ""
    announced: str = ""
    problems: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def exam(playwright: Playwright, folder: Path, server: Desk, proctors: Chromium, shared_data: Path) -> Exam:
    """A student takes an exam, leaves its tab, copies, pastes and reloads; a proctor has the live page and then the session's page open."""
    footage = shared_data / "scenarios" / "exam-b"
    camera = make_camera(footage / "video.mp4", folder / "two.mjpeg", start=CAMERA_FROM, seconds=CAMERA_S)
    microphone = make_microphone(footage / "audio.flac", folder / "quiet.wav", seconds=CAMERA_S)
    live = proctors.open(server.url)
    with Chromium(playwright, folder / "exam", devices=FakeDevices(camera, microphone)) as chromium:
        page = chromium.open(f"{server.url}/portal")
        fill_in(page, "anna", "history")
        for row in ("camera", "browser"):
            expect(page.locator(f"#check-{row}")).to_have_attribute("data-state", "ready")
        network = page.locator("#check-network")
        expect(network).to_have_attribute("data-state", re.compile("ready|warning"))  # of a busy machine's the page says that it is slow
        expect(network).not_to_contain_text("WebSockets")
        begin(page)
        session_id = session_of(server, "anna")
        begun = datetime.fromisoformat(server.details(session_id)["session"]["started_at"].replace("Z", "+00:00")).timestamp()

        tile = live.locator(".tile", has=live.get_by_role("link", name="anna"))
        expect(tile.locator(".tile-reading")).to_contain_text("2 people in view")
        await_changes(live, ".tile canvas", 2)
        expect(live.locator("#toasts .toast").first).to_contain_text("anna")  # of more than one on a busy machine
        toast, announced = live.locator("#toasts .toast").first.inner_text(), live.locator("#announcer").inner_text()
        live.screenshot(path=folder / "live-flagged.png")

        elsewhere = chromium.open("about:blank")
        elsewhere.bring_to_front()
        until(page, lambda: page.evaluate("document.visibilityState") == "hidden", "the exam is out of sight")
        away_from = time.time() - begun
        tile.get_by_role("link").click()
        expect(live.locator("#fact-people")).to_contain_text("people in view")
        await_changes(live, "#live-picture", 5)
        until(live, lambda: covers(server.details(session_id)["checks"], away_from), "checks of the time away")
        live.screenshot(path=folder / "session-running.png")
        away = (away_from, time.time() - begun)
        elsewhere.close()
        page.bring_to_front()
        until(page, lambda: page.evaluate("document.visibilityState === 'visible' && document.hasFocus()"), "the exam is in front again")

        for keys in ("Control+a", "Control+c", "Control+v"):
            page.keyboard.press(keys)
        until(page, lambda: acts_of(server, session_id)["paste"], "the paste is recorded")
        reloaded_at = time.time() - begun
        page.reload()
        expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
        await_changes(live, "#live-picture", 5)
        page.get_by_role("button", name="End exam").click()
        page.get_by_role("button", name="Go on with the exam").click()
        expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
        end(page)
        expect(live.locator("#over")).to_be_visible()
        problems = [*chromium.problems]
    until(live, lambda: all(one["clip"]["state"] != "pending" for one in flagged(server, "anna")), "the clips are made")
    expect(live.locator("#toasts .toast")).to_have_count(0)  # by itself, so that they never hide faces for long
    live.close()
    return Exam(session_id, server.details(session_id), documents(server), away, reloaded_at, toast, announced, problems)


def covers(checks: list[dict[str, Any]], away_from: float) -> bool:
    """Are there enough checks of the time since `away_from`? Those of a server that stood still are few and long."""
    is_past: bool = checks[-1]["end"] > away_from + AWAY_S
    return is_past and sum(check["start"] > away_from for check in checks) >= AWAY_CHECKS


def acts_of(server: Desk, session_id: str) -> Counter[str]:
    """The session's acts, as its check records count them."""
    acts: Counter[str] = Counter()
    for check in server.details(session_id)["checks"]:
        acts.update(check["acts"])
    return acts


def documents(server: Desk) -> dict[str, list[dict[str, Any]]]:
    """What the database holds."""
    with stored(server) as database:
        return {name: list(database[name].find()) for name in ("sessions", "checks", "acts")}


def test_pictures_and_sound_go_on_in_a_hidden_tab(exam: Exam) -> None:
    away_from, away_to = exam.away
    hidden = [check["rates"] for check in exam.details["checks"] if away_from < check["start"] and check["end"] < away_to]
    assert len(hidden) >= AWAY_CHECKS
    assert np.mean([rates["video_fps"] for rates in hidden]) >= VIDEO_FPS / 4  # a hidden tab's own timers would send one a second
    rows = [(at, at + duration) for at, duration, _, _, _, reason, *_ in heard_in(exam) if reason not in UNREAD]
    each = [sum(max(0.0, min(end, second + 1) - max(at, second)) for at, end in rows) for second in np.arange(away_from, away_to - 1)]
    assert np.median(each) > 0.8  # of each second, whenever the server came to hear it


def heard_in(exam: Exam) -> list[list[Any]]:
    """What was read of its sound, in order: times, lengths and more, as it is stored."""
    return sorted(row for check in exam.documents["checks"] if check["session_id"] == exam.session_id for row in check["readings"]["audio"])


def test_sound_comes_without_gaps(exam: Exam) -> None:
    rows = [(at, duration, reason) for at, duration, _, _, _, reason, *_ in heard_in(exam) if at + duration < exam.reloaded_at]
    lasted = rows[-1][0] - rows[0][0]
    assert lasted > AWAY_S
    lost = sum(duration for _, duration, reason in rows if reason == "lost")
    between = sum(after[0] - (before[0] + before[1]) for before, after in itertools.pairwise(rows))
    assert lost + between < lasted / 20  # nothing, but where the browser itself had no processor to record with


def test_leaving_copying_and_pasting_are_counted_exactly(exam: Exam) -> None:
    acts = Counter(act["kind"] for act in exam.documents["acts"] if act["session_id"] == exam.session_id)
    assert (acts["tab_hidden"], acts["tab_visible"], acts["copy"], acts["paste"]) == (1, 1, 1, 1)
    counted: Counter[str] = Counter()
    for interval in exam.details["intervals"]:
        counted.update({one["kind"]: one["occurrences"] for one in interval["violations"]})
    assert counted["tab_switch"] == 1
    assert counted["copy_paste"] == 2


def test_the_browsers_pictures_are_read_as_the_footage_is(exam: Exam) -> None:
    kinds = {one["kind"] for interval in exam.details["intervals"] for one in interval["violations"]}
    assert kinds == {"multiple_faces", "tab_switch", "copy_paste"}


def test_a_reload_goes_on_with_the_same_session(exam: Exam) -> None:
    assert [one["_id"] for one in exam.documents["sessions"] if one["user_id"] == "anna"] == [exam.session_id]
    assert exam.details["session"]["end_reason"] == "ended by the student"
    assert exam.details["session"]["ended_after_s"] > exam.reloaded_at
    # The proctor's picture went on changing after the reload (awaited in the exam); the records of that time say so too.
    after = [check["rates"]["video_fps"] for check in exam.details["checks"] if check["end"] > exam.reloaded_at]
    assert max(after) > 0


def test_a_flag_is_announced_with_its_reason(exam: Exam) -> None:
    assert "people in view" in exam.toast
    assert "Flag: anna, history." in exam.announced
    assert "people in view" in exam.announced


def test_the_clip_shows_what_the_camera_saw(exam: Exam, server: Desk, folder: Path) -> None:
    with av.open(str(folder / "two.mjpeg"), format="mjpeg") as camera:
        source = [small(picture.to_ndarray(format="bgr24")) for picture in camera.decode(video=0)]
    clip = server.clips_dir / flagged(server, "anna")[0]["clip"]["path"]
    with av.open(str(clip)) as container:
        pictures = [picture.to_ndarray(format="bgr24") for picture in container.decode(video=0)]
    for picture in pictures[:: max(1, len(pictures) // 5)]:
        shown = small(picture)
        assert min(float(np.abs(shown - one).mean()) for one in source) < SAME_PICTURE


def small(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A picture as float32 [48, 64] of grey values, to be compared."""
    return np.asarray(cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (64, 48), interpolation=cv2.INTER_AREA), np.float32)


def test_the_students_page_complains_of_nothing(exam: Exam) -> None:
    assert exam.problems == []


# The proctor's pages after it


def await_playing(page: Page, video: str, beyond: float = 0.0) -> None:
    """Wait until the time of the video advances past `beyond`."""
    until(page, lambda: page.locator(video).evaluate(f"video => video.currentTime > {beyond} + 0.3 && !video.error"), "the clip plays")


def test_the_clip_plays_and_seeks_on_the_sessions_page(exam: Exam, server: Desk, proctors: Chromium) -> None:
    index = flagged(server, "anna")[-1]["index"]
    answers: list[Response] = []
    page = proctors.context.new_page()
    proctors.watch(page)
    page.on("response", lambda answer: answers.append(answer) if "/api/video/" in answer.url else None)
    page.goto(f"{server.url}/session/{exam.session_id}#interval-{index}")
    video = page.locator("#chosen video")
    video.evaluate("video => { video.muted = true; return video.play(); }")
    await_playing(page, "#chosen video")
    length = float(video.evaluate("video => video.duration"))
    assert length > 3
    video.evaluate("video => { video.currentTime = video.duration - 1.5; }")
    await_playing(page, "#chosen video", length - 1.5)
    assert {answer.status for answer in answers} == {206}
    page.close()


def test_a_decision_by_keyboard_is_stored(exam: Exam, server: Desk, proctors: Chromium) -> None:
    before = server.call("GET", "/api/review/queue", params={"user_id": "anna"})["left"]
    page = proctors.open(f"{server.url}/review?user_id=anna")
    expect(page.locator("#item-title")).to_have_text("anna")
    await_playing(page, "#stage video")
    page.keyboard.press("c")
    page.get_by_label("Your name").fill("Reviewer")
    page.keyboard.press("Enter")
    until(page, lambda: server.call("GET", "/api/review/queue", params={"user_id": "anna"})["left"] == before - 1, "the decision is stored")
    decided = server.call("GET", "/api/review/queue", params={"user_id": "anna", "state": "confirmed"})["items"]
    assert [(one["review"]["decision"], one["review"]["by"]) for one in decided] == [("confirmed", "Reviewer")]
    expect(page.locator("#left")).to_contain_text(str(before - 1) if before > 1 else "None")
    page.close()
