"""Whatever comes over the student's link, and whenever: nothing is raised, and no connection holds more and more."""

from __future__ import annotations

import json
from collections.abc import Sized
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basics.errors import Conflict, StorageError, TooMany
from tests.helpers.exam import AHEAD_MS, Page, PlainExam
from tests.helpers.sent_media import PICTURE, opus_messages, sps_of, tone
from web.student.conversation import PROBLEMS_TOLD, WAITING_MAX
from web.student.protocol import HEADER, MAX_ACTS_PER_MESSAGE

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([10**400, -(10**400)]) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
ACT = {"id": "abcdefgh", "kind": "copy", "page_ms": 1e12, "detail": "here"}
MESSAGES: list[dict[str, Any]] = [
    {"type": "clock", "id": 1, "server_ms": 0, "page_ms": 1e12},
    {"type": "device", "device": "camera", "state": "ok", "reason": "none"},
    {"type": "break", "on": True},
    {"type": "read", "id": "abcdefgh"},
    {"type": "page", "hidden": False, "focused": True, "camera": "in the lid"},
    {"type": "call", "text": "Please come"},
    {"type": "uncall"},
    {"type": "end"},
    {"type": "acts", "acts": [ACT]},
]


def spoiled(good: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """`good` with one or two of its fields changed."""
    changes = st.dictionaries(st.sampled_from(sorted(good)), values, min_size=1, max_size=2)
    return changes.map(lambda changed: {**good, **changed})


texts = st.sampled_from(MESSAGES).flatmap(spoiled) | st.lists(spoiled(ACT), max_size=3).map(lambda listed: {"type": "acts", "acts": listed})
beginnings = st.sampled_from(
    [
        *(b"", b"\x00\x00\x01\x67", b"\x00\x00\x01\x65", b"\xff\xd8\xff\xe0", b"\xff\xd8"),
        *(PICTURE, b"\x00\x00\x01" + sps_of(320, 240), opus_messages(tone(0.2))[0]),
    ]
)
times = st.floats() | st.floats(-1e5, 1e5).map(lambda away: AHEAD_MS + away)
media = st.builds(
    lambda header, begin, rest: HEADER.pack(*header) + begin + rest,
    st.tuples(
        st.sampled_from([1, 2, 3] * 3 + [0, 4]),
        st.sampled_from([1, 2, 3, 4] * 3 + [0, 5]),
        st.integers(0, 255),
        st.sampled_from([1] * 9 + [0]),
        st.integers(0, 3),
        times,
    ),
    beginnings,
    st.binary(max_size=200),
)
anything = st.none() | texts.map(json.dumps) | media | st.text(max_size=60) | st.binary(max_size=60)
refusals = st.sampled_from([None, None, Conflict("no"), TooMany("no more"), StorageError("full")])


def held(page: Page) -> int:
    """How many things a connection holds."""
    return sum(len(value) for value in vars(page.talk).values() if isinstance(value, Sized))


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.lists(st.tuples(anything, st.floats(0, 20), refusals, st.sampled_from([None, True, False])), max_size=20))
def test_whatever_comes_is_taken_or_answered(welcomed: bool, told: list[tuple[str | bytes | None, float, Any, bool | None]]) -> None:
    page = Page(now=50).come_in() if welcomed else Page(now=50)
    for data, seconds, refusal, safe in told:
        page.exam.refuses, page.exam.safe = refusal, safe
        page.turn(seconds)
        page.heard += page.talk.take(data, page.now)
        assert page.talk.over in {None, "silent"}
    page.turn()
    assert len(page.of_type("error")) <= PROBLEMS_TOLD + len(told)  # each refused break is told
    for message in page.heard:
        assert json.loads(json.dumps(message))["type"]


@pytest.mark.parametrize(("message", "field"), [(message["type"], field) for message in MESSAGES for field in message])
@settings(max_examples=40, deadline=None)
@given(values)
def test_any_value_in_any_field_is_taken_or_answered(message: str, field: str, value: Any) -> None:
    page = Page()
    page.answer_clock()
    page.turn(1)
    (good,) = (good for good in MESSAGES if good["type"] == message)
    page.hand_in(json.dumps({**good, "id": 2, field: value} if message == "clock" else {**good, field: value}))
    page.turn(1)
    assert page.talk.over is None


@pytest.mark.parametrize("field", sorted(ACT))
@settings(max_examples=40, deadline=None)
@given(values)
def test_any_value_in_any_field_of_an_act_is_taken_or_answered(field: str, value: Any) -> None:
    page = Page().come_in()
    answers = page.say("acts", acts=[{**ACT, field: value}])
    assert (len(page.exam.acts), len(answers)) in {(1, 0), (0, 1)}


@settings(max_examples=100, deadline=None)
@given(st.lists(media, min_size=1, max_size=10), st.floats(0, 100))
def test_what_reaches_the_exam_has_a_time_it_can_use(sent: list[bytes], now: float) -> None:
    page = Page(now=now).come_in()
    for data in sent:
        page.heard += page.talk.take(data, page.now)
    times = [frame.at for frame in page.exam.frames]
    assert times == sorted(set(times))
    times += [still.at for still in page.exam.stills] + [sound.at for sound in page.exam.sounds]
    assert all(0 <= at <= now + 1 for at in times)


NOISE: dict[str, Any] = {
    "texts": lambda number: f"no JSON {number}",
    "types": lambda number: json.dumps({"type": f"type {number}"}),
    "clocks": lambda number: json.dumps({"type": "clock", "id": number, "page_ms": 1}),
    "devices": lambda number: json.dumps({"type": "device", "device": str(number), "state": str(number)}),
    "reads": lambda number: json.dumps({"type": "read", "id": str(number)}),
    "versions": lambda number: HEADER.pack(1, 1, 1, number % 256, number, 0.0) + b"x",
    "pictures": lambda number: HEADER.pack(1, 1, 1, 1, number, 1e12 + number) + PICTURE,
    "no pictures": lambda number: HEADER.pack(1, 1, 1, 1, number, 1e12 + number) + bytes(number % 500 + 1),
    "pages": lambda number: json.dumps({"type": "page", "hidden": number % 2 == 0, "camera": f"camera {number}"}),
    "calls": lambda number: json.dumps({"type": "call", "text": f"call {number}"}),
    "opus": lambda number: HEADER.pack(2, 4, 1, 1, number, 1e12 + number) + b"x",
    "acts": lambda number: json.dumps({"type": "acts", "acts": [{"id": f"act-{number:06}", "kind": "copy", "page_ms": 1e12}]}),
    "wrong acts": lambda number: json.dumps({"type": "acts", "acts": [{"id": f"{number}"}] * MAX_ACTS_PER_MESSAGE}),
    "deep": lambda number: "[" * number * 100,
}


@pytest.mark.parametrize("noise", sorted(NOISE))
def test_a_client_that_never_stops_makes_a_connection_hold_no_more(noise: str) -> None:
    page = Page().come_in()
    for number in range(3000):
        page.talk.take(NOISE[noise](number), page.now)
        page.talk.say({"type": "key"})
        if number % 10 == 0:
            page.heard = page.turn(1)
    assert held(page) < WAITING_MAX + PROBLEMS_TOLD + 50


def test_acts_whose_writes_are_decided_are_held_no_longer() -> None:
    page = Page(exam := PlainExam()).come_in()
    exam.safe = None
    page.act(*(f"act-{number:06}" for number in range(100)))
    waiting = held(page)
    for number, receipt in enumerate(exam.receipts):
        receipt.safe = bool(number % 2)
    page.turn(1)
    assert held(page) <= waiting - 100
