"""How much of an exam could not be told, and why."""

from __future__ import annotations

import json

from basics.readings import AudioReading, GazeReading, PersonsReading
from scoring.unread import REASONS_KEPT, Unread


def test_a_dark_exam_could_not_be_told_from_its_first_picture_to_its_last() -> None:
    unread = Unread()
    for step in range(2921):
        unread.take(GazeReading(step / 10, "unknown", "dark"))
        if step % 10 == 0:
            unread.take(PersonsReading(step / 10, None, None, "dark"))
            unread.take(AudioReading(step / 10, 1.0))
    document = unread.document()
    assert document["gaze"] == {"of_s": 292.0, "unread_s": 292.0, "reasons": {"dark": 292.0}}
    assert document["people"] == document["gaze"]
    assert document["sound"] == {"of_s": 293.0, "unread_s": 0.0, "reasons": {}}


def test_a_break_counts_for_nothing_and_what_never_came_for_all_of_it() -> None:
    unread = Unread()
    for at in (1.0, 2.0, 302.0, 303.0):  # five minutes of a break between them
        unread.take(GazeReading(at, "focused"))
    unread.take_unseen({"lost": 30.0, "persons: lost": 30.0, "sound: not_read": 4.0, "screen: lost": 9.0})
    document = unread.document()
    assert document["gaze"] == {"of_s": 34.0, "unread_s": 30.0, "reasons": {"lost": 30.0}}
    assert document["sound"] == {"of_s": 4.0, "unread_s": 4.0, "reasons": {"not_read": 4.0}}


def test_sums_go_on_over_a_restart_and_stay_few() -> None:
    first = Unread()
    first.take_unseen({f"reason{number}": 1.0 + number for number in range(30)})
    stored = json.loads(json.dumps(first.document()))
    assert len(stored["gaze"]["reasons"]) == REASONS_KEPT + 1
    again = Unread()
    again.take_up(stored)
    again.take_unseen({"dark": 5.0})
    assert again.document()["gaze"]["unread_s"] == stored["gaze"]["unread_s"] + 5
    again.take_up({"gaze": {"of_s": "many"}, "people": None})
    assert again.document()["gaze"]["unread_s"] == stored["gaze"]["unread_s"] + 5
