"""Times as scripts and pages get them: as texts they stand in the order that they have."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from pydantic import BaseModel

from basics.times import iso_time
from web.calls.values import Time
from web.proctor.messages import ready_for_json

SECOND = datetime(2026, 11, 26, 3, 37, 36, tzinfo=timezone.utc)


class Answer(BaseModel):
    at: Time
    ended_at: Time | None = None


@pytest.mark.parametrize(
    "at",
    [SECOND, SECOND.replace(tzinfo=None), SECOND.astimezone(timezone(timedelta(hours=5, minutes=30))), SECOND + timedelta(microseconds=999)],
    ids=["utc", "of a database without zone", "another zone", "less than a millisecond later"],
)
def test_a_time_is_utc_to_the_millisecond(at: datetime) -> None:
    assert iso_time(at) == "2026-11-26T03:37:36.000Z"


def test_a_full_second_stands_before_what_follows_it_in_rest_and_events_alike() -> None:
    times = [SECOND + timedelta(milliseconds=step) for step in (0, 29, 999, 1000)]
    of_rest = [Answer.model_validate({"at": at}).model_dump(mode="json") for at in times]
    assert [answer["at"] for answer in of_rest] == sorted(answer["at"] for answer in of_rest)
    assert [ready_for_json({"at": at})["at"] for at in times] == [answer["at"] for answer in of_rest]
    assert of_rest[0]["ended_at"] is None


def test_the_schema_still_says_that_it_is_a_time() -> None:
    for mode in ("validation", "serialization"):
        assert Answer.model_json_schema(mode=mode)["properties"]["at"] == {"title": "At", "type": "string", "format": "date-time"}
