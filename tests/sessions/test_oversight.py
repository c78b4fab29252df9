"""What is known of a student now: readings age, what does not come is told, and what is doubted. None of it is a point."""

from __future__ import annotations

from typing import Any

import pytest

from basics.doubts import DOUBTS
from basics.readings import AudioReading, Frame, GazeReading, PersonsReading, ScreenAct
from sessions.analysis import PictureReadings
from sessions.focus_watch import FocusWatch
from sessions.oversight import Oversight
from settings.settings import load_settings

SETTINGS = load_settings(_env_file=None, gaze_fps=4, face_interval_s=2)


class Seen:
    """An oversight that is told what comes and what is read, ten times a second."""

    def __init__(self) -> None:
        self.of = Oversight(SETTINGS)
        self.now = 0.0
        self.of.begin(0.0, page=True)

    def run(
        self, seconds: float, *, pictures: float = 10, read: float = 4, reason: str = "", sound: bool = True, hidden: bool | None = False
    ) -> None:
        """Let time pass in which so many pictures come and are read a second."""
        for _ in range(round(seconds * 10)):
            step = round(self.now * 10)
            if pictures and step % round(10 / pictures) == 0:
                self.of.picture_came(Frame(self.now, bytes([step % 250, step // 250])), self.now)
            if read and step % round(10 / read) == 0:
                gaze = GazeReading(self.now, "unknown" if reason else "focused", reason)
                self.of.take_picture(PictureReadings(self.now, gaze, PersonsReading(self.now, 1, False)), self.now)
            if sound:
                self.of.sound_came(0.1, self.now)
                self.of.take_sound(AudioReading(self.now, 0.1), self.now)
            if hidden is not None and step % 100 == 0:
                self.of.page_says(hidden, self.now)
            self.now = round(self.now + 0.1, 1)
            self.look()

    def look(self, **more: bool) -> bool:
        return self.of.look(self.now, **{"blind": False, "deaf": False, "unshown": False, "quiet": False, **more})

    def doubts(self) -> dict[str, str]:
        return {one.code: one.detail for one in self.of.doubts.now}


def test_nothing_is_doubted_of_an_exam_that_is_seen_and_heard() -> None:
    seen = Seen()
    seen.run(40)
    assert seen.of.doubts.documents() == []


def test_a_page_that_says_its_camera_stands_still_while_it_moves_is_for_a_person_to_look_at() -> None:
    seen = Seen()
    seen.run(5)
    seen.of.take_picture(PictureReadings(seen.now, GazeReading(seen.now, "focused"), denied=True), seen.now)
    seen.look()
    assert seen.doubts() == {"still_denied": ""}
    assert DOUBTS["still_denied"].weight == "look"
    seen.run(1)
    assert seen.doubts() == {}


def test_a_reading_says_nothing_of_now_after_five_seconds_and_why_is_told() -> None:
    seen = Seen()
    seen.run(10)
    seen.run(4.8, read=0)
    assert seen.of.seen(seen.now, blind=False, deaf=False).gaze is not None
    seen.run(0.4, read=0)
    now = seen.of.seen(seen.now, blind=False, deaf=False)
    assert (now.gaze, now.persons, now.unread) == (None, None, "not_read")
    assert "not_read" in seen.doubts()
    assert seen.of.unread_seconds(seen.now, blind=False, deaf=False, unshown=False) == {"not_read": 5.0, "persons: not_read": 5.0}
    seen.run(0.5)
    assert "not_read" not in seen.doubts()


def test_the_server_is_behind_where_less_than_half_of_what_is_wanted_is_read_of_pictures_that_came() -> None:
    seen = Seen()
    seen.run(12, read=1)
    assert seen.doubts() == {"read_seldom": "1.0 of 4 a second"}
    assert seen.of.reading_rate(seen.now) == (1.0, True)


def test_a_slow_line_is_no_fault_of_the_server() -> None:
    seen = Seen()
    seen.run(12, pictures=1, read=1)
    assert seen.doubts() == {"pictures_seldom": "1.0 a second"}
    assert seen.of.reading_rate(seen.now) == (1.0, False)


def test_a_detector_that_fails_is_named_and_its_readings_are_none() -> None:
    seen = Seen()
    seen.run(12, reason="error")
    assert seen.doubts() == {"detector_failed": "gaze"}
    assert seen.of.reading_rate(seen.now) == (0.0, True)


def test_sound_that_is_not_read_is_told() -> None:
    seen = Seen()
    for _ in range(120):
        seen.of.sound_came(0.1, seen.now)
        seen.run(0.1, sound=False)
    assert seen.doubts() == {"sound_not_read": ""}
    assert seen.of.seen(seen.now, blind=False, deaf=False).unheard == "not_read"


@pytest.mark.parametrize(
    ("hidden", "acts", "doubts"),
    [(None, [], {"focus_unheard"}), (True, [], {"away_untold"}), (True, [1.0], {"out_of_sight"}), (False, [1.0, 2.0], set())],
)
def test_a_page_that_does_not_say_how_it_is_is_shown(hidden: bool | None, acts: list[float], doubts: set[str]) -> None:
    seen = Seen()
    kinds = ("tab_hidden", "tab_visible")
    seen.of.take_acts(ScreenAct(f"act-{at}", at, kinds[number]) for number, at in enumerate(acts))  # type: ignore[arg-type]
    seen.run(65, hidden=hidden)
    assert set(seen.doubts()) == doubts


def test_a_page_in_sight_without_the_focus_is_shown_unless_its_leaving_was_told() -> None:
    focus = FocusWatch()
    focus.begin(0.0)
    for at in (10.0, 20.0):
        focus.say(False, at, False)
    assert focus.doubts(24.0)["unfocused"] is None
    assert focus.doubts(26.0)["unfocused"] == "since 0:10"
    focus.take_acts([ScreenAct("a", 11.0, "window_away")])
    assert focus.doubts(27.0)["unfocused"] is None
    focus.say(False, 30.0, True)
    focus.say(False, 40.0, False)
    assert focus.doubts(56.0)["unfocused"] == "since 0:40"
    for focused in (True, None):  # of a page that knows nothing of it, too
        focus.say(False, 57.0, focused)
        assert focus.doubts(90.0)["unfocused"] is None
    focus.say(False, 90.0, False)
    focus.say(True, 91.0, False)
    assert focus.doubts(120.0)["unfocused"] is None, "out of sight is told apart"


def test_another_address_or_browser_with_the_same_link_is_shown_for_a_while_and_kept() -> None:
    seen = Seen()
    seen.of.came_from("10.0.0.1", "Firefox", 0.0)
    seen.of.came_from("10.0.0.1", "Firefox", 1.0)
    assert not seen.look()
    seen.of.came_from("10.0.0.2", "Firefox", 2.0)
    assert seen.look()
    assert seen.doubts() == {"moved": "10.0.0.1 → 10.0.0.2"}
    seen.now = 700.0
    seen.of.stop(seen.now)
    assert seen.look(quiet=True)
    assert [(one["code"], one["end"]) for one in seen.of.doubts.documents()] == [("moved", 700.0)]


@pytest.mark.parametrize(
    ("label", "is_one"), [("OBS Virtual Camera", True), ("ManyCam Video", True), ("Integrated Webcam (04f2:b6d9)", False), ("", False)]
)
def test_a_camera_that_is_a_program_is_named(label: str, is_one: bool) -> None:
    seen = Seen()
    seen.of.camera_named(label)
    seen.look()
    assert seen.doubts() == ({"virtual_camera": label} if is_one else {})


def test_in_a_break_nothing_is_doubted_and_the_time_before_it_is_forgiven() -> None:
    seen = Seen()
    seen.run(12, read=1)
    seen.of.stop(seen.now)
    assert seen.look(quiet=True)
    assert seen.doubts() == {}
    seen.now += 100
    seen.of.begin(seen.now, page=True)
    seen.look()
    assert seen.doubts() == {}


def test_a_doubt_that_comes_back_at_once_is_one_and_what_was_stored_is_taken_up() -> None:
    seen = Seen()
    for _ in range(3):
        seen.look(unshown=True)
        seen.now += 5
        seen.look()
        seen.now += 5
    (kept,) = seen.of.doubts.documents()
    assert (kept["code"], kept["start"], kept["end"]) == ("screen_unshown", 0.0, 25.0)
    later = Oversight(SETTINGS)
    stored: list[dict[str, Any]] = [{**kept, "end": None}, {**kept, "code": "of a newer version"}]
    later.doubts.take_up(stored, 12.0)
    assert [(one["code"], one["end"]) for one in later.doubts.documents()] == [("screen_unshown", 12.0)]


def test_every_doubt_says_what_helps() -> None:
    for kind in DOUBTS.values():
        assert kind.helps.endswith(".")
        assert kind.says.format(detail="x")


def test_an_exam_that_is_before_the_student_again_in_another_tab_is_not_out_of_sight() -> None:
    focus = FocusWatch()
    focus.begin(0.0)
    focus.take_acts([ScreenAct("a", 5.0, "tab_hidden")])
    focus.say(True, 10.0)
    assert focus.doubts(70.0)["out_of_sight"] is not None
    focus.say(False, 71.0)
    assert focus.doubts(71.0)["out_of_sight"] is None
    focus.take_acts([ScreenAct("late", 6.0, "tab_hidden")])
    assert focus.doubts(200.0)["out_of_sight"] is None
