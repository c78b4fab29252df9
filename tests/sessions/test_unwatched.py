"""Since when a session can't be watched, and why: as every page and script is told it."""

from __future__ import annotations

from typing import Any

import pytest

from basics.readings import GazeReading, PersonsReading
from sessions.oversight import Seen
from sessions.unwatched import Unwatched, UnwatchedSince, why

WELL = dict.fromkeys(("connection", "camera", "microphone"), ("ok", ""))
SILENT = ("lost", "nothing_comes")


def seen(gaze: GazeReading | None = None, persons: PersonsReading | None = None, unread: str = "starting") -> Seen:
    return Seen(gaze, persons, None, unread, "")


DARK = seen(GazeReading(1.0, "unknown", "dark"), PersonsReading(1.0, None, None, "dark"))


@pytest.mark.parametrize(
    ("devices", "read", "reason"),
    [
        ({}, seen(GazeReading(1.0, "focused")), ""),
        ({}, DARK, "dark"),
        ({}, seen(GazeReading(1.0, "unknown", "hidden"), PersonsReading(1.0, 1, False)), ""),  # a person is seen
        ({}, seen(GazeReading(1.0, "none"), PersonsReading(1.0, 0, False)), ""),  # that nobody is there, is seen
        ({}, seen(), ""),
        ({}, seen(unread="not_read"), "not_read"),
        ({"connection": ("lost", "page_away")}, DARK, "connection"),
        ({"camera": ("denied", "")}, DARK, "camera_denied"),
        ({"camera": ("covered", "")}, DARK, "covered"),
        ({"camera": SILENT}, seen(unread="lost"), "camera_lost"),
        ({"camera": SILENT, "microphone": SILENT}, seen(unread="lost"), "nothing_comes"),
    ],
)
def test_the_reason_is_the_one_on_which_the_others_hang(devices: dict[str, Any], read: Seen, reason: str) -> None:
    assert why(WELL | devices, read) == reason


def test_it_lasts_from_its_first_second_on_and_one_picture_does_not_end_it() -> None:
    since = UnwatchedSince()

    def after(*taken: tuple[float, str]) -> Unwatched | None:
        for at, reason in taken:
            since.take(reason, at)
        return since.now

    assert after((5.0, "dark"), (20.0, ""), (21.0, "covered")) == Unwatched(5.0, "covered")
    assert after((22.0, ""), (24.0, ""), (25.0, "")) is None
    assert after((30.0, "dark")) == Unwatched(30.0, "dark")
    since.forget()
    assert after() is None
