"""The proctor's desk in a real Chromium: a review by keys alone, a break, a message, an accommodation, the exam in its frame, thirty live tiles."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import pytest
from playwright.sync_api import Page, Playwright, WebSocket, expect

from basics.readings import ActKind, Frame, ScreenAct
from bench.harness.chromium import Chromium, FakeDevices
from bench.harness.footage import JPEG_QUALITY, jpegs, pictures
from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient
from tests.helpers.browser import WAIT_S, until
from tests.helpers.desk import details_after_end
from tests.helpers.exam_page import exam_served
from tests.helpers.room import all_at_once

SETTINGS = {"INTERVAL_DURATION": "5", "CHECK_INTERVAL": "1", "CLIP_PREROLL_S": "1", "CLIP_POSTROLL_S": "1"}
ACTS_OF_STUDENTS = (8, 7, 6, 5, 4)  # at 5 points each; wherever an interval ends, one of the two parts has the 10 points of a flag
LOOKS_AWAY_FROM, LOOKS_AWAY_TO = 32.0, 50.0  # s of exam-a: eyes away from 36 s on
AWAY_CHECKS = 5  # of a second each: wherever an interval ends, enough lies on one side for a violation
QUIET_S = 1.5  # for which a page that sends ten pictures a second must send none
RESTED = re.compile(r"9:(5[0-7]|[0-4]\d)")  # what ten minutes of break have left when at least two seconds have passed
TILES = 30
WATCHED_PICTURES = 5 * TILES
LEAST_DRAWN = 1 / 3  # of a frame for each picture, at whatever speed: a page that stands still shows them in lumps


@pytest.fixture(scope="module")
def exam_url() -> Iterator[str]:
    with exam_served() as address:
        yield address


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path, exam_url: str, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    running = Server(folder / "server", SETTINGS | in_mongod() | {"MODELS_DIR": str(models_dir), "EXAM_URL": exam_url})
    with running.meanwhile():
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, folder: Path, man: FakeDevices) -> Iterator[Chromium]:
    """One browser for proctors and students; its camera shows a man who looks at it."""
    with Chromium(playwright, folder / "profile", devices=man, shell=True) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def small_pictures(shared_data: Path) -> list[bytes]:
    """Pictures of webcam.mp4 of 160×120, half a second apart."""
    found = [image for _, image in itertools.islice(pictures(shared_data / "webcam.mp4"), 0, 180, 15)]
    return [cv2.imencode(".jpg", cv2.resize(image, (160, 120)), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes() for image in found]


def student(server: Server, created: dict[str, Any], footage: Footage) -> StudentClient:
    return StudentClient(f"{server.link_url}?token={created['token']}", footage)


def copy_paste_acts(count: int) -> list[ScreenAct]:
    kinds: tuple[ActKind, ...] = ("copy", "paste")
    return [ScreenAct(f"act-{number}", 1.0 + number / 10, kinds[number % 2]) for number in range(count)]


# A review by keyboard alone


@pytest.fixture(scope="module")
def flags(server: Server, chromium: Chromium, small_pictures: list[bytes]) -> list[dict[str, Any]]:
    """The queue of an exam in which every student copied and pasted, in its order."""
    frames = [Frame(number / 2, jpeg) for number, jpeg in enumerate(small_pictures[:6])]
    clients = [
        student(server, server.create(f"copier-{count}", "copying"), Footage(frames, [], copy_paste_acts(count), 1000.0))
        for count in ACTS_OF_STUDENTS
    ]
    for client in clients:
        client.start()
    page = chromium.open("about:blank")
    wanted = [*zip(clients, ACTS_OF_STUDENTS, strict=True)]
    until(page, lambda: all(len(client.acknowledged) == count for client, count in wanted), "the acts are taken")
    all_at_once([client.finish for client in clients])

    def queue() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = server.call("GET", "/api/review/queue", params={"exam_id": "copying"})["items"]
        done = {item["user_id"] for item in items} == {f"copier-{count}" for count in ACTS_OF_STUDENTS}
        return items if done and all(item["clip"]["state"] != "pending" for item in items) else []

    found: list[dict[str, Any]] = until(page, queue, "every student is flagged, and the clips are made")
    page.close()
    return found


def left_words(count: int) -> str:
    return f"{count} flag{'' if count == 1 else 's'} left"


def stored(server: Server, state: str) -> dict[str, dict[str, Any]]:
    """The reviews of the flags in this state, by video id."""
    items = server.call("GET", "/api/review/queue", params={"exam_id": "copying", "state": state})["items"]
    return {item["video_id"]: item["review"] for item in items}


def test_a_review_session_by_keyboard_alone(flags: list[dict[str, Any]], server: Server, chromium: Chromium) -> None:
    first, second, third, fourth = flags[:4]
    before = len(chromium.problems)
    page = chromium.open(f"{server.url}/review?exam_id=copying")
    title, left, press = page.locator("#item-title"), page.locator("#left"), page.keyboard.press
    expect(title).to_have_text(first["user_id"])
    expect(left).to_have_text(left_words(len(flags)))

    press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()

    press("c")
    expect(page.get_by_label("Your name")).to_be_focused()
    page.keyboard.type("Ada")
    press("Enter")
    expect(title).to_have_text(second["user_id"])
    expect(left).to_have_text(left_words(len(flags) - 1))

    press("j")
    expect(title).to_have_text(third["user_id"])
    press("k")
    expect(title).to_have_text(second["user_id"])
    press("n")
    expect(page.locator("#note")).to_be_focused()
    page.keyboard.type("reads the question to himself")
    press("Escape")
    press("d")
    expect(page.locator("#dismiss-reasons")).to_be_visible()
    press("4")
    expect(title).to_have_text(third["user_id"])

    press("d")
    press("Escape")
    expect(page.locator("#dismiss-reasons")).to_be_hidden()
    press("d")
    press("2")
    expect(title).to_have_text(fourth["user_id"])
    expect(left).to_have_text(left_words(len(flags) - 3))
    press("u")
    expect(title).to_have_text(third["user_id"])
    expect(left).to_have_text(left_words(len(flags) - 2))
    press("c")
    expect(title).to_have_text(fourth["user_id"])

    until(page, lambda: third["video_id"] in stored(server, "confirmed"), "the last decision is stored")
    confirmed, dismissed = stored(server, "confirmed"), stored(server, "dismissed")
    assert confirmed.keys() == {first["video_id"], third["video_id"]}
    assert dismissed.keys() == {second["video_id"]}
    assert {review["by"] for review in [*confirmed.values(), *dismissed.values()]} == {"Ada"}
    assert (dismissed[second["video_id"]]["reason"], dismissed[second["video_id"]]["note"]) == ("reading_aloud", "reads the question to himself")
    history = server.call("GET", f"/api/review/{third['video_id']}/history")["history"]
    assert [(one["decision"], one["reason"]) for one in history] == [("dismissed", "glasses"), (None, ""), ("confirmed", "")]
    assert list(stored(server, "open")) == [flag["video_id"] for flag in flags[3:]]
    assert server.call("GET", "/api/review/queue", params={"exam_id": "copying"})["left"] == len(flags) - 3
    expect(left).to_have_text(left_words(len(flags) - 3))
    assert chromium.problems[before:] == []
    page.close()


# An accommodation that turns gaze off


def test_gaze_is_off_for_the_one_student_and_he_is_told(server: Server, chromium: Chromium, shared_data: Path) -> None:
    server.call("POST", "/api/accommodations", json={"user_id": "gazer", "exam_id": "looking", "points": {"gaze_distracted": 0}, "set_by": "Ada"})
    created, other = server.create("gazer", "looking"), server.create("other", "looking")
    page = chromium.open(created["portal_url"])
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="What is different for you")).to_be_visible()
    expect(page.locator("#watched-accommodation li")).to_have_text(["Not counted: Looking away", "Set by Ada"])

    video = shared_data / "scenarios" / "exam-a" / "video.mp4"
    taken = itertools.takewhile(lambda one: one[0] < LOOKS_AWAY_TO, jpegs(video))
    frames = [Frame(at - LOOKS_AWAY_FROM, jpeg) for at, jpeg in taken if at >= LOOKS_AWAY_FROM]
    footage = Footage(frames, [], [], LOOKS_AWAY_TO - LOOKS_AWAY_FROM)
    clients = [student(server, one, footage) for one in (created, other)]
    for client in clients:
        client.start()
    until(page, lambda: kinds_of(server, other)["gaze_distracted"], "looking away counts for the other student")
    until(page, lambda: away_checks(server, created) >= AWAY_CHECKS, "the same footage is read for him")
    all_at_once([client.finish for client in clients])
    page.close()
    assert kinds_of(server, created)["gaze_distracted"] == 0
    assert server.details(created["session_id"])["session"]["accommodation"]["set_by"] == "Ada"


def kinds_of(server: Server, created: dict[str, Any]) -> Counter[str]:
    """The violations of a session so far, by kind."""
    found: Counter[str] = Counter()
    for interval in server.details(created["session_id"])["intervals"]:
        found.update({one["kind"]: one["occurrences"] for one in interval["violations"]})
    return found


def away_checks(server: Server, created: dict[str, Any]) -> int:
    """Check records in most of whose pictures the student looked away."""
    gazes = [check["gaze"] for check in server.details(created["session_id"])["checks"]]
    return sum(sum(gaze.get(name, 0) for name in ("left", "right", "down")) > 0.5 for gaze in gazes)


# A break, a message, the exam in its frame


@dataclass
class Exam:
    """What is left of an exam with a break in it."""

    created: dict[str, Any]
    details: dict[str, Any]
    question: str
    message: str
    told: str
    copied: int
    sent_in_break: int
    sent_after: int
    button_after: bool
    problems: list[str]


@pytest.fixture(scope="module")
def exam(server: Server, chromium: Chromium) -> Exam:
    """A student copies before, in and after the one break that is allowed; a proctor writes."""
    server.call("POST", "/api/accommodations", json={"user_id": "resting", "exam_id": "long", "breaks_allowed": 1, "break_minutes": 10})
    created = server.create("resting", "long")
    session = f"/api/session/{created['session_id']}"
    before = len(chromium.problems)
    page = chromium.open(created["portal_url"])
    page.evaluate("() => { window.copied = 0; addEventListener('copy', () => { window.copied += 1; }); }")
    sent_media = Counter[str]()
    page.on("websocket", lambda socket: count_media(socket, sent_media))
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="I agree").click()
    expect(page.locator("#check-camera")).to_have_attribute("data-state", "ready")
    page.get_by_role("button", name="Start the exam").click()
    recording = page.locator("#exam-bar[data-recording]")
    expect(recording).to_be_visible()
    question = page.frame_locator("#exam-frame").get_by_role("heading").inner_text()
    until(page, lambda: server.details(created["session_id"])["checks"], "the first check")
    server.call("POST", f"{session}/message", json={"text": "Ten minutes left.", "level": "message", "by": "Ada"})
    expect(page.locator("#exam-messages .message")).to_have_count(1)
    message = page.locator("#exam-messages .message").inner_text()
    copy(page)
    until(page, lambda: copies(server, created) == 1, "the copy before the break")

    page.get_by_role("button", name="Take a break").click()
    expect(page.locator("#exam-pause")).to_be_visible()
    expect(recording).to_have_count(0)
    told = page.locator("#exam-pause").inner_text()
    at_rest = sent_media["sent"]
    copy(page)
    expect(page.locator("#exam-pause")).to_contain_text(RESTED)
    sent_in_break = sent_media["sent"] - at_rest
    page.get_by_role("button", name="End the break").click()
    expect(recording).to_be_visible()
    button_after = page.get_by_role("button", name="Take a break").is_visible()
    at_work = sent_media["sent"]
    copy(page)
    until(page, lambda: copies(server, created) == 2 and sent_media["sent"] > at_work + 10, "the copy after the break, and pictures")
    sent_after = sent_media["sent"] - at_work
    copied = page.evaluate("window.copied")
    page.get_by_role("button", name="End exam").click()
    page.get_by_role("dialog").get_by_role("button", name="End exam").click()
    expect(page.get_by_role("heading", name="Your exam has ended")).to_be_visible()
    problems = chromium.problems[before:]
    details = details_after_end(page, server, created["session_id"])
    page.close()
    return Exam(created, details, question, message, told, copied, sent_in_break, sent_after, button_after, problems)


def count_media(socket: WebSocket, media: Counter[str]) -> None:
    """Count the binary messages, pictures and sound, that the page sends on `socket`."""
    socket.on("framesent", lambda payload: media.update(["sent"] if isinstance(payload, bytes) else []))


def copy(page: Page) -> None:
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")


def copies(server: Server, created: dict[str, Any]) -> int:
    """The copies that the check records hold."""
    return sum(check["acts"].get("copy", 0) for check in server.details(created["session_id"])["checks"])


def test_a_break_stops_pictures_and_the_page_goes_on_after_it(exam: Exam) -> None:
    assert exam.sent_in_break <= 3  # those that were on their way
    assert exam.sent_after > 10
    assert "nothing is recorded" in exam.told
    assert not exam.button_after, "one break was allowed"


def test_what_is_done_in_a_break_does_not_count(exam: Exam) -> None:
    counted = sum(one["occurrences"] for interval in exam.details["intervals"] for one in interval["violations"] if one["kind"] == "copy_paste")
    assert (exam.copied, counted) == (3, 2)


def test_the_break_is_in_the_record_and_on_the_timeline(exam: Exam, server: Server, chromium: Chromium) -> None:
    (taken,) = exam.details["session"]["breaks"]
    assert taken["by"] == "student"
    assert QUIET_S <= taken["end"] - taken["start"] < WAIT_S
    page = chromium.open(f"{server.url}/session/{exam.created['session_id']}")
    expect(page.locator("#timeline")).to_contain_text("Breaks")
    page.close()


def test_a_message_of_the_proctor_arrives(exam: Exam) -> None:
    assert "Ten minutes left." in exam.message
    assert "Ada" in exam.message
    (kept,) = exam.details["session"]["messages"]
    assert kept["delivered"]


def test_the_exam_runs_in_its_frame_and_the_page_complains_of_nothing(exam: Exam) -> None:
    assert exam.question == "Question 1"
    assert exam.problems == []


# Thirty live tiles

MEASURE = """async (wanted) => {
  let drawn = 0;
  let pictures = 0;
  let enough;
  const watched = new Promise((done) => { enough = done; });
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...given) {
    pictures += 1;
    if (pictures >= wanted) enough();
    return draw.apply(this, given);
  };
  let going = true;
  const tasks = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration)));
  observer.observe({ type: "longtask" });
  const count = () => { drawn += 1; if (going) requestAnimationFrame(count); };
  const begun = performance.now();
  requestAnimationFrame(count);
  await watched;
  going = false;
  observer.disconnect();
  return { seconds: (performance.now() - begun) / 1000, drawn, pictures, tasks };
}"""


def test_thirty_live_tiles_keep_the_page_drawing(server: Server, chromium: Chromium, small_pictures: list[bytes]) -> None:
    sessions = all_at_once([partial(server.create, f"seat-{number:02}", "room") for number in range(TILES)])
    clients = []
    for number, created in enumerate(sessions):
        frames = [Frame(at + number / TILES, jpeg) for at, jpeg in enumerate(small_pictures)]
        clients.append(student(server, created, Footage(frames, [], [], len(frames))))
    before = len(chromium.problems)
    page = chromium.open(f"{server.url}/?exam=room")
    page.get_by_label("Tiles shown").select_option("30")
    tiles = page.locator(".tile[data-session]:visible")
    expect(tiles).to_have_count(TILES)
    for client in clients:
        client.start()
    try:
        expect(page.locator(".tile[data-session] .tile-empty[hidden]")).to_have_count(TILES)
        measured = page.evaluate(MEASURE, WATCHED_PICTURES)
        expect(tiles).to_have_count(TILES)
    finally:
        all_at_once([client.close for client in clients])
    page.close()
    fps, tasks = measured["drawn"] / measured["seconds"], measured["tasks"]
    told = [f"{fps:.1f} frames/s drawn", f"{measured['pictures'] / measured['seconds']:.1f} pictures/s shown"]
    told.append(f"{len(tasks)} long tasks of {sum(tasks):.0f} ms in all, the longest {max(tasks, default=0):.0f} ms")
    print(f"\n{TILES} live tiles, {measured['seconds']:.1f} s: {', '.join(told)}")
    assert measured["pictures"] > TILES
    assert measured["drawn"] > LEAST_DRAWN * measured["pictures"]
    assert chromium.problems[before:] == []
