"""What was different from when on, as it is stored, sealed and said."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from records.seals import seal_of
from scoring.accommodations import Accommodation
from scoring.held import Held, history_of, reweighings
from web.proctor.accommodation_words import accommodation_lines, has_note, shown_accommodations

NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
OWN = Accommodation("ann", "e", points={"no_face": 0, "speech": 1}, breaks_allowed=1, extra_percent=12.5, extra_min=10, note="private", set_by="Ada")


def session(**more: Any) -> dict[str, Any]:
    history = [Held(0, NOON, "", None, {"speech": 3}), Held(62.5, NOON, "Ada", OWN, {"speech": 1, "no_face": 0})]
    return {"_id": "s", "accommodation": OWN.to_record(), "accommodations": [held.to_dict() for held in history], **more}


def test_it_comes_back_as_it_was_but_for_the_note() -> None:
    began, changed = history_of(session())
    assert (began.accommodation, changed.at, changed.by) == (None, 62.5, "Ada")
    assert changed.accommodation is not None
    assert changed.accommodation.to_record() == OWN.to_record()
    assert changed.accommodation.note == ""
    (only,) = reweighings(history_of(session()), {"no_face": 5})
    assert (only.at, only.points["no_face"], only.points["speech"]) == (62.5, 5, 1)


def test_what_was_damaged_is_left_out() -> None:
    whole = session()["accommodations"]
    for damaged in (None, "x", {}, {**whole[1], "at_s": float("nan")}, {**whole[1], "points": None}, {**whole[1], "accommodation": 5}):
        assert len(history_of({"accommodations": [*whole, damaged]})) == 2
    assert accommodation_lines({"accommodation": {"words": "of another version"}}) == []


def test_it_is_said_with_its_times() -> None:
    words = "Not counted: Nobody in view, Speech: 1 point, 12.5% extra time, 10 minutes of extra time, 1 break of 5 min"
    assert [str(line) for line in accommodation_lines(session())] == ["From 0:00:00: nothing different", f"From 0:01:02: {words} (set by Ada)"]
    assert [str(line) for line in accommodation_lines(session(accommodations=[]))] == [*words.split(", "), "Set by Ada"]
    assert accommodation_lines({"accommodation": None}) == []


def test_no_note_is_answered_whatever_a_record_holds() -> None:
    older = session(accommodation=OWN.to_dict())
    assert (has_note(older), has_note(session()), has_note({"accommodation": None})) == (True, False, False)
    assert "private" not in str(shown_accommodations(older))
    assert shown_accommodations({}) == {"accommodation": None, "accommodations": []}


def test_what_changed_in_an_exam_is_sealed_with_it_and_other_sessions_are_sealed_as_ever() -> None:
    def seal(**fields: Any) -> str:
        return str(seal_of(session(**fields), {"intervals": (), "checks": (), "acts": ()})["session"])

    plain = {name: value for name, value in session().items() if name != "accommodations"}
    assert seal(accommodations=[]) == seal_of(plain, {"intervals": (), "checks": (), "acts": ()})["session"]
    altered = session()["accommodations"]
    altered[1]["at_s"] = 61.0
    assert len({seal(), seal(accommodations=[]), seal(accommodations=altered)}) == 3


@pytest.mark.parametrize(
    "damage",
    [
        {"points": {"speech": float("inf")}},
        {"from": "noon"},
        {"accommodation": {**OWN.to_record(), "points": "none"}},
        {"accommodation": {**OWN.to_record(), "points": {"speech": "off"}}},
        {"accommodation": {**OWN.to_record(), "extra_percent": "much"}},
        {"accommodation": {**OWN.to_record(), "breaks_allowed": None}},
    ],
)
def test_what_can_not_be_worked_with_is_left_out(damage: dict[str, Any]) -> None:
    whole = session()["accommodations"]
    damaged = session(accommodations=[*whole, {**whole[1], **damage}])
    assert len(history_of(damaged)) == 2
    assert len(accommodation_lines(damaged)) == 2
    assert len(accommodation_lines({"accommodation": damaged["accommodations"][2]["accommodation"]})) in (0, 6)


def test_what_was_changed_holds_still_where_what_was_before_can_not_be_read() -> None:
    began, changed = session()["accommodations"]
    for damaged in ({**began, "at_s": float("nan")}, None):
        (only,) = reweighings(history_of({"accommodations": [damaged, changed]}))
        assert (only.at, only.points["speech"]) == (62.5, 1)


def test_a_history_that_is_no_list_is_none() -> None:
    for damaged in (5, "x", {"at_s": 1}, True):
        assert history_of({"accommodations": damaged}) == ()
        assert shown_accommodations({"accommodations": damaged})["accommodations"] == []
