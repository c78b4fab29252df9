"""An exam's definition: its bounds, its times over changes of the clock, and the rules that follow from it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from basics.readings import GazeReading
from basics.signals import VIOLATION_KINDS
from score import Scorer
from scoring.accommodations import Accommodation
from scoring.exam import LIMITS, ExamDefinition, Preset, bounds_of
from scoring.exam_rules import PRESETS, rules_for
from scoring.exam_times import ExamTimes, may_change, state_at, times_of
from scoring.rules import Rules
from scoring.session_exam import SessionExam
from settings.rules import RuleSettings

DEFAULTS = Rules.from_settings(RuleSettings())
NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)


def exam(**more: Any) -> ExamDefinition:
    return ExamDefinition.model_validate({"exam_id": "lti:7/abc", "title": "Algebra", **more})


ODD: list[tuple[dict[str, Any], str, str]] = [
    ({"title": " "}, "title", "at least 1"),
    ({"title": "x\ny"}, "title", "one line"),
    ({"title": "x" * 20_000}, "title", "at most 200"),
    ({"title": "\u202egebra"}, "title", "control character"),
    ({"time_zone": "Mars/Olympus"}, "time_zone", "no time zone"),
    ({"opens": "2026-06-01T12:00Z", "closes": "2026-06-01T12:00Z"}, "closes", "after the exam opens"),
    ({"time_zone": "Europe/Berlin", "opens": "2026-03-29T02:30"}, "opens", "put forward"),
    ({"opens": "0001-01-01T00:00", "time_zone": "Asia/Tokyo"}, "opens", "can't be told"),
    ({"closes": "9998-01-01T00:00Z"}, "closes", "from 2000 to 2999"),
    ({"length_min": 0}, "length_min", "greater"),
    ({"instructions": "x" * 10_001}, "instructions", "at most"),
    ({"address": "javascript:alert(1)"}, "address", "https://"),
    ({"place": "paper", "address": "https://exam.example"}, "address", "must be empty"),
    ({"sites": ["https://a b"]}, "sites", "no address"),
    ({"sites": ["https://x.example"] * 51}, "sites", "at most 50"),
    ({"points": {"speech": 101}}, "points", "less than"),
    ({"points": {"charm": 1}}, "points", "gaze_distracted"),
    ({"limits": {"gaze_min_s": 31}}, "limits", "from 0.2 to 30"),
    ({"limits": {"flag_threshold": 9.5}}, "limits", "whole number"),
    ({"limits": {"looks_min": 1}}, "limits", "interval_duration"),
    ({"keep_days": {"identity": 0}}, "keep_days", "greater"),
    ({"keep_days": {"records": True}}, "keep_days", "integer"),
    ({"teachers": ["a b"]}, "teachers", "match"),
    ({"breaks_allowed": 21}, "breaks_allowed", "less than"),
]


@pytest.mark.parametrize(("given_odd", "field", "says"), ODD)
def test_what_an_exam_cannot_be_is_refused_at_its_field(given_odd: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        exam(**given_odd)
    (problem, *_more) = refused.value.errors()
    assert problem["loc"][0] == field
    assert says in problem["msg"]


def test_times_are_those_of_the_exams_zone_and_of_two_alike_the_longer_exam_is_meant() -> None:
    night = exam(time_zone="Europe/Berlin", opens="2026-10-25T02:30", closes="2026-10-25T02:30")
    assert night.opens == datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc)
    assert night.closes == datetime(2026, 10, 25, 1, 30, tzinfo=timezone.utc)
    assert exam(time_zone="Asia/Kathmandu", opens="2026-06-01T12:00").opens == datetime(2026, 6, 1, 6, 15, tzinfo=timezone.utc)
    assert exam(time_zone="Asia/Kathmandu", opens="2026-06-01T12:00+02:00").opens == datetime(2026, 6, 1, 10, tzinfo=timezone.utc)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_within_the_bounds_and_its_numbers_can_be_changed(preset: Preset) -> None:
    rules = rules_for(exam(preset=preset), DEFAULTS)
    for limit in LIMITS:
        least, most = bounds_of(limit)
        assert least <= getattr(rules, limit) <= most
    other = rules_for(exam(preset=preset, points={"no_face": 7}, limits={"flag_threshold": 12}), DEFAULTS)
    assert (other.points["no_face"], other.flag_threshold) == (7, 12)
    assert set(other.points) == set(VIOLATION_KINDS)


def test_the_standard_preset_is_the_servers_own_rules() -> None:
    assert rules_for(exam(), DEFAULTS) == DEFAULTS


@pytest.mark.parametrize(
    ("allowed", "kind"), [({"speaking_aloud": True}, "speech"), ({"phone": True}, "prohibited_object"), ({"other_tabs": True}, "tab_switch")]
)
def test_what_is_allowed_counts_nothing_whatever_the_numbers_say(allowed: dict[str, bool], kind: Any) -> None:
    assert rules_for(exam(allowed=allowed, points={kind: 9}), DEFAULTS).points[kind] == 0


def test_with_notes_on_paper_looking_down_counts_nothing_and_looking_aside_does() -> None:
    def points(direction: Any) -> int:
        scorer = Scorer(rules_for(exam(allowed={"notes_on_paper": True}), DEFAULTS))
        for step in range(40):
            scorer.take_picture(GazeReading(at=step / 4, direction=direction))
        return scorer.total()

    assert points("down") == 0
    assert points("left") == DEFAULTS.points["gaze_distracted"]


def test_an_accommodation_applies_on_top_of_the_exams_rules() -> None:
    rules = Accommodation("anna", points={"no_face": 0}).apply(rules_for(exam(points={"no_face": 10, "speech": 4}), DEFAULTS))
    assert (rules.points["no_face"], rules.points["speech"]) == (0, 4)


def test_rules_of_before_there_were_exams_are_read_as_they_were() -> None:
    stored = DEFAULTS.to_dict()
    del stored["looking_down_counts"]
    assert Rules.from_dict(stored) == DEFAULTS


# Times

spans = st.floats(min_value=0, max_value=600)


@given(spans, st.one_of(st.none(), st.integers(1, 300)), st.integers(0, 200), spans)
def test_nobody_has_less_time_than_is_left_nor_more_than_the_own(opened_min: float, length: int | None, extra: int, begins_min: float) -> None:
    closes = NOON + timedelta(minutes=opened_min)
    times = times_of(exam(closes=closes, length_min=length), extra_percent=extra)
    begun = NOON + timedelta(minutes=begins_min)
    seconds = times.seconds_from(begun)
    assert seconds is not None
    assert seconds >= 0
    assert times.last is not None
    assert seconds <= max(0.0, (times.last - begun).total_seconds())
    if length is not None:
        assert seconds <= length * 60 * (1 + extra / 100) + 1e-6
    assert (seconds == 0) == times.is_late(begun)


def test_extra_time_lengthens_the_exam_and_moves_its_end() -> None:
    times = times_of(exam(opens=NOON, closes=NOON + timedelta(hours=1), length_min=60), extra_percent=25, extra_min=5)
    assert times.extra_s == 20 * 60
    assert times.seconds_from(NOON) == 80 * 60
    assert not times.is_late(NOON + timedelta(minutes=79))
    assert times_of(exam(opens=NOON, closes=NOON + timedelta(hours=2)), extra_percent=50).extra_s == 3600, "without a length, of the whole time"
    assert ExamTimes().seconds_from(NOON) is None


def test_an_open_exam_closes_by_itself_and_its_states_follow_on_each_other() -> None:
    assert state_at("open", NOON, NOON) == "closed"
    assert state_at("open", NOON, NOON - timedelta(seconds=1)) == "open"
    assert state_at("draft", NOON, NOON) == "draft"
    assert may_change("draft", "open")
    assert not may_change("draft", "closed")
    assert not may_change("archived", "open")


def test_what_a_session_keeps_of_its_exam_is_read_as_it_was_stored() -> None:
    definition = exam(opens=NOON, length_min=60, allowed={"phone": True}, teachers=["anna"], breaks_allowed=2)
    kept = SessionExam.of("0" * 32, 3, definition, extra_min=10)
    again = SessionExam.from_dict(kept.to_dict())
    assert again.times == kept.times
    assert (again.definition.allowed.phone, again.definition.breaks_allowed, again.revision) == (True, 2, 3)
    assert "teachers" not in kept.to_dict()
