"""A student at a desktop with a window manager, with real keys and a real mouse: what is leaving the exam, and what only looks like it to a page."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from playwright.sync_api import Page, Playwright, expect

from bench.harness.chromium import Chromium, FakeDevices, make_camera, make_microphone
from bench.harness.server import Server
from bench.harness.stored import stored
from tests.helpers.browser import until
from tests.helpers.display import Display, needs, stopped
from tests.helpers.exam_page import ExamPage, exam_served

LEAST_S = 0.4  # without the focus, that count
SETTINGS = {"INTERVAL_DURATION": "600", "CHECK_INTERVAL": "600", "BLUR_MIN_S": f"{LEAST_S}", "ACT_TOGETHER_S": "0.2"}
FEW_PICTURES = {"GAZE_FPS": "1", "FACE_INTERVAL_S": "60", "VIDEO_FPS": "2"}
WINDOW = ["--window-size=1200,900", "--window-position=20,40"]
BESIDE = (1400, 200)  # on the screen: in the window that stands beside the exam
CORNER = """() => {
  const edge = (outerWidth - innerWidth) / 2;
  return [screenX + edge, screenY + outerHeight - innerHeight - edge];
}"""
LAST = "fullscreen_left"  # what counts nothing, and comes behind what was told before
TELLS_LAST = "() => { dispatchEvent(new Event('focus')); document.dispatchEvent(new Event('fullscreenchange')); }"
HEAD, FRAME, ADDRESS = (8, 4), (300, 420), (300, -86)  # in the page, and above it


class LongPage(ExamPage):
    """One with room to click beside the answer, and with what opens dialogs."""

    text: ClassVar[bytes] = (
        b'<!doctype html><html lang="en"><title>Exam</title><h1>Question 1</h1><input aria-label="Answer"><p><input type="file" aria-label="File">'
        b'<p><button aria-label="Print" onclick="print()">Print</button><p style="height: 30em"></html>'
    )


@dataclass
class Student:
    """The exam's page in its window, and the hands of who takes it."""

    page: Page
    display: Display
    server: Server
    session_id: str
    window: str

    def keys(self, *keys: str) -> None:
        self.display.press("key", "--delay", "60", *keys)

    def keys_at_once(self, *keys: str) -> None:
        self.display.press("key", "--delay", "12", *keys)

    def point(self, at: tuple[int, int]) -> None:
        """Bring the pointer to a place in the page."""
        left, top = self.page.evaluate(CORNER)
        self.display.press("mousemove", str(round(left) + at[0]), str(round(top) + at[1]))

    def click(self, at: tuple[int, int], button: str = "1") -> None:
        self.point(at)
        self.display.press("click", button)

    def click_in_frame(self, label: str) -> None:
        """Click what is called so in the exam itself."""
        box = self.page.frame_locator("#exam-frame").get_by_label(label).bounding_box()
        assert box
        self.click((round(box["x"]) + 20, round(box["y"] + box["height"] / 2)))

    def click_beside(self) -> None:
        self.display.press("mousemove", *map(str, BESIDE), "click", "1")

    def told(self) -> list[tuple[float, str, str]]:
        """What the page told, in order: when, kind and detail."""
        with stored(self.server) as database:
            return sorted((act["at"], act["kind"], act["detail"]) for act in database["acts"].find({"session_id": self.session_id}))

    def judged(self, left: int, told: int) -> bool:
        """Wait until the exam was left more than `left` times, or an act after the first `told` says that it can't be known: then False."""

        def is_unclear() -> bool:
            return any(act[1:] == ("window_blur", "unclear") for act in self.told()[told:])

        try:
            until(self.page, lambda: self.left() > left or is_unclear(), "it counts, or can't be known")
        except AssertionError as error:
            raise AssertionError(f"{error}; told: {self.told()[told:]}") from None
        return not is_unclear()

    def acts(self) -> Counter[str]:
        return Counter(kind for _, kind, _ in self.told())

    def left(self) -> int:
        """How often the exam was left, as it counts."""
        found = (one for interval in self.server.details(self.session_id)["intervals"] for one in interval["violations"])
        return sum(one["occurrences"] for one in found if one["kind"] == "tab_switch")

    def focus(self, wanted: bool) -> None:
        until(self.page, lambda: self.page.evaluate("document.hasFocus()") is wanted, f"focus: {wanted}")

    def back(self) -> None:
        """Come back to the exam, and see that the server knows of it, and of all that was before."""
        self.display.press("windowactivate", self.window)
        self.keys("Escape")
        self.click(HEAD)
        self.focus(True)
        before = self.acts()[LAST]
        self.page.evaluate(TELLS_LAST)
        until(self.page, lambda: self.acts()[LAST] > before, "what the page tells last is stored")


@pytest.fixture(scope="module")
def display() -> Iterator[Display]:
    needs("Xvfb", "xdotool", "openbox", "xmessage")
    screen = Display("1680x1000")
    manager = subprocess.Popen(["openbox", "--sm-disable"], env=screen.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield screen
    stopped(manager)
    screen.stop()


@pytest.fixture(scope="module")
def student(
    playwright: Playwright, folder: Path, models_dir: Path, shared_data: Path, display: Display, in_mongod: Callable[[], dict[str, str]]
) -> Iterator[Student]:
    camera = make_camera(shared_data / "webcam.mp4", folder / "man.mjpeg", seconds=2)
    microphone = make_microphone(shared_data / "scenarios" / "clean-a" / "audio.flac", folder / "quiet.wav", seconds=2)
    with exam_served(LongPage) as address:
        another_site = address.replace("127.0.0.1", "localhost")  # whose frame has a process of its own, as an institution's has
        settings = SETTINGS | FEW_PICTURES | in_mongod() | {"MODELS_DIR": str(models_dir), "EXAM_URL": another_site}
        with (
            Server(folder / "server", settings) as server,
            Chromium(playwright, folder / "profile", devices=FakeDevices(camera, microphone), flags=WINDOW, desk=display.environment) as chromium,
        ):
            created = server.create("keyboard", "desk")
            window = display.find("--class", "chromium")
            beside = subprocess.Popen(["xmessage", "-geometry", "240x200+1340+140", "Notes"], env=display.environment)
            display.find("--name", "xmessage")  # it has the focus when the exam begins: what is lost then is nobody's leaving
            page = chromium.context.pages[0]
            page.goto(created["portal_url"])
            page.get_by_role("button", name="Continue").click()
            page.get_by_role("button", name="I agree").click()
            expect(page.locator("#check-camera")).to_have_attribute("data-state", "ready")
            page.get_by_role("button", name="Start the exam").click()
            expect(page.locator("#exam-bar[data-recording]")).to_be_visible()
            student = Student(page, display, server, created["session_id"], window)
            student.back()
            yield student
            stopped(beside)


def tab_through(student: Student) -> None:
    student.keys(*["Tab"] * 30)


def search(student: Student) -> None:
    student.keys("ctrl+f")
    student.focus(False)


def print_it(student: Student) -> None:
    student.keys("ctrl+p")
    student.focus(False)


def address(student: Student) -> None:
    student.click(ADDRESS)
    student.focus(False)


def address_from_frame(student: Student) -> None:
    student.click(FRAME)
    address(student)


def frame_and_its_menu(student: Student) -> None:
    student.click(FRAME)
    student.click(FRAME, "3")


def search_from_frame(student: Student) -> None:
    student.click(FRAME)
    search(student)


def print_in_frame(student: Student) -> None:
    student.click_in_frame("Print")
    student.focus(False)


def file_in_frame(student: Student) -> None:
    student.click_in_frame("File")
    student.display.find("--name", "Open File")  # a smaller window it would cover, which right after other work in the frame looks like another tab
    student.focus(False)
    student.page.wait_for_timeout(1000 * LEAST_S * 2)
    student.keys("Escape")
    student.focus(True)


def permission(student: Student) -> None:
    student.click(HEAD)
    student.page.evaluate("() => void navigator.clipboard.readText().catch(() => {})")
    student.focus(False)


TRIES = 3  # a computer that stood still just then tells the page of a loss so late that it can have any cause
CONTROLS = [
    tab_through,
    search,
    print_it,
    address,
    address_from_frame,
    frame_and_its_menu,
    search_from_frame,
    print_in_frame,
    file_in_frame,
    permission,
]


@pytest.mark.parametrize("does", CONTROLS)
def test_the_browsers_own_controls_are_not_leaving(student: Student, does: Callable[[Student], None]) -> None:
    for _ in range(TRIES):
        before, told = student.left(), len(student.told())
        does(student)
        student.page.wait_for_timeout(1000 * LEAST_S * 2)
        student.back()
        if student.left() == before:
            return
    pytest.fail(f"it counts each time: {student.told()[told:]}")


def test_keys_that_a_slow_page_hears_late_are_not_leaving(student: Student) -> None:
    before = student.left()
    slowness = student.page.context.new_cdp_session(student.page)
    slowness.send("Emulation.setCPUThrottlingRate", {"rate": 20})
    student.keys_at_once(*["Tab"] * 30)
    student.page.wait_for_timeout(1000 * LEAST_S * 2)
    slowness.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    slowness.detach()
    student.back()
    assert student.left() == before, student.told()


def test_a_window_that_takes_the_focus_for_a_moment_is_not_leaving(student: Student) -> None:
    beside = student.display.find("--name", "xmessage")
    counted = []
    for _ in range(20):
        before, lost, told = student.left(), student.acts()["window_blur"], len(student.told())
        began = time.monotonic()
        student.display.press("windowactivate", beside, "sleep", "0.1", "windowactivate", student.window)
        took = time.monotonic() - began
        student.back()
        if took >= LEAST_S or student.acts()["window_blur"] == lost:
            continue  # this computer was so slow that it was no moment, or that the page saw none
        if student.left() == before:
            return
        counted.append(student.told()[told:])  # the window manager does later what it is asked: it need have been no moment either
        assert len(counted) < TRIES, f"it counts each time: {counted}"
    pytest.skip(f"no window takes the focus for less than {LEAST_S} s here")


def by_mouse(student: Student) -> None:
    student.click_beside()


def by_mouse_from_the_frame(student: Student) -> None:
    student.click(FRAME)
    student.page.wait_for_timeout(200)
    student.click_beside()


def by_keys(student: Student) -> None:
    student.keys("alt+Tab")


def minimise(student: Student) -> None:
    student.display.press("windowminimize", student.window)


def other_tab(student: Student) -> None:
    student.keys("ctrl+t")


def other_desktop(student: Student) -> None:
    student.keys("ctrl+alt+Right")


@pytest.mark.parametrize("does", [by_mouse, by_mouse_from_the_frame, by_keys, minimise, other_tab, other_desktop])
def test_leaving_counts_once(student: Student, does: Callable[[Student], None]) -> None:
    for _ in range(6):
        before, told = student.left(), len(student.told())
        does(student)
        is_clear = student.judged(before, told)
        if does is other_tab:
            student.keys("ctrl+w")
        student.back()
        if is_clear:
            break  # else this computer was so slow that nothing may count
    assert student.left() == before + 1, student.told()


def test_by_keys_from_a_frame_that_keeps_them_to_itself_is_unknown(student: Student) -> None:
    """To the page it is the same as a search in it: a proctor is told that the exam has lost the focus, and nothing counts."""
    before, told = student.left(), student.acts()["window_blur"]
    student.click(FRAME)
    until(student.page, lambda: student.page.evaluate("document.activeElement.id") == "exam-frame", "the frame has the focus")
    by_keys(student)
    until(student.page, lambda: student.acts()["window_blur"] > told, "the loss is stored")
    assert student.told()[-1][1:] == ("window_blur", "unclear")
    student.back()
    assert student.left() == before, student.told()
