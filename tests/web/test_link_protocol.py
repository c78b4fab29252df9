"""The student's link as bytes and messages."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.errors import InvalidInput
from web.student.page_clock import PageClock
from web.student.protocol import HEADER, Media, pack_media, unpack_acts, unpack_media, unpack_text


@given(
    st.builds(
        Media,
        kind=st.sampled_from(["picture", "sound", "still"]),
        codec=st.sampled_from(["jpeg", "pcm16", "h264", "opus"]),
        sequence=st.integers(0, 2**32 - 1),
        time_ms=st.floats(-1e15, 1e15),
        payload=st.binary(min_size=1),
        key=st.booleans(),
        layer=st.integers(0, 7),
    )
)
def test_media_survive_the_way(media: Media) -> None:
    assert unpack_media(pack_media(media)) == media


def test_the_header_is_as_published() -> None:
    data = pack_media(Media("picture", "h264", 7, 1234.5, b"x", key=True, layer=1))
    assert len(data) == 17
    assert data[:4] == bytes([1, 3, 0b11, 1])
    assert int.from_bytes(data[4:8], "little") == 7


@given(st.binary(max_size=40))
def test_any_bytes_are_media_or_a_clear_error(data: bytes) -> None:
    try:
        unpack_media(data)
    except InvalidInput as error:
        assert error.message


def test_a_time_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidInput):
        unpack_media(HEADER.pack(1, 1, 1, 1, 0, math.nan) + b"x")


@given(st.text(max_size=60))
def test_any_text_is_a_message_or_a_clear_error(text: str) -> None:
    try:
        assert isinstance(unpack_text(text)["type"], str)
    except InvalidInput as error:
        assert error.message


@pytest.mark.parametrize(
    "act",
    [
        None,
        {},
        {"id": "short", "kind": "copy", "page_ms": 1},
        {"id": "x" * 65, "kind": "copy", "page_ms": 1},
        {"id": "a/../../b-c-d", "kind": "copy", "page_ms": 1},
        {"id": "12345678", "kind": "nothing", "page_ms": 1},
        {"id": "12345678", "kind": "copy", "page_ms": "now"},
        {"id": "12345678", "kind": "copy", "page_ms": True},
        {"id": "12345678", "kind": "copy", "page_ms": 1e999},
        {"id": 12345678, "kind": ["copy"], "page_ms": 1},
    ],
)
def test_a_wrong_act_is_named_and_the_others_are_taken(act: object) -> None:
    good = {"id": "abcdefgh", "kind": "copy", "page_ms": 2000}
    acts, problems = unpack_acts({"acts": [act, good]}, PageClock())
    assert [one.id for one in acts] == ["abcdefgh"]
    assert len(problems) == 1
    assert problems[0].message


@pytest.mark.parametrize("acts", [None, "copy", {}, [{}] * 201])
def test_acts_must_be_a_list_of_bounded_length(acts: object) -> None:
    with pytest.raises(InvalidInput):
        unpack_acts({"acts": acts}, PageClock())
