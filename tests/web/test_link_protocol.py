"""The student's link as bytes and messages."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.errors import InvalidInput
from media.h264 import UNITS_MAX
from media.opus import PACKETS_MAX
from sessions.messages import CALLS_MAX
from sessions.score_book import MAX_ACTS
from tests.helpers.exam import Page
from web.student import protocol
from web.student.budget import (
    ACTS_A_SECOND,
    BURST_S,
    BYTES_A_SECOND,
    CALLS_A_SECOND,
    CALLS_AT_ONCE,
    DEVICES_A_SECOND,
    FRAMES_A_CONNECTION,
    FRAMES_A_PICTURE,
    FRAMES_A_SECOND,
)
from web.student.conversation import CLOCK_EVERY_S, DEAD_S
from web.student.intake import SOUND_A_SECOND
from web.student.link_socket import MESSAGE_MAX_BYTES, SEND_S, TRY_AGAIN
from web.student.page_clock import PageClock
from web.student.protocol import HEADER, Media, pack_media, unpack_acts, unpack_media, unpack_text
from web.student.said import MAX_CALL, MAX_CHARACTERS, MAX_TEXT


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
        {"id": "12345678", "kind": "copy", "page_ms": 1, "told_by": "anybody"},
    ],
)
def test_a_wrong_act_is_named_and_the_others_are_taken(act: object) -> None:
    good = {"id": "abcdefgh", "kind": "copy", "page_ms": 2000, "told_by": "exam_page"}
    acts, problems = unpack_acts({"acts": [act, good]}, PageClock())
    assert [(one.id, one.told_by) for one in acts] == [("abcdefgh", "exam_page")]
    assert len(problems) == 1
    assert problems[0].message


@pytest.mark.parametrize("acts", [None, "copy", {}, [{}] * 201])
def test_acts_must_be_a_list_of_bounded_length(acts: object) -> None:
    with pytest.raises(InvalidInput):
        unpack_acts({"acts": acts}, PageClock())


# Its description


DESCRIPTION = protocol.__doc__ or ""
SAID = re.compile(r"([a-z]+) \{([^}]*)\}")


def described(heading: str) -> dict[str, set[str]]:
    """The messages that the description lists under a heading, with their fields."""
    listed = DESCRIPTION.split(f"{heading}:\n\n")[1].split("\n\n")[0]
    entries = [line for line in listed.splitlines() if re.match(r" {4}\S", line)]
    return {kind: set(filter(None, fields.split(", "))) for line in entries for kind, fields in SAID.findall(line)}


def test_the_header_is_as_described() -> None:
    rows = re.findall(r"^    (\d+) +(u8|u32|f64) ", DESCRIPTION, re.MULTILINE)
    size = {"u8": 1, "u32": 4, "f64": 8}
    assert [int(offset) for offset, _ in rows] == [sum(size[kind] for _, kind in rows[:number]) for number in range(len(rows))]
    assert "<" + "".join({"u8": "B", "u32": "I", "f64": "d"}[kind] for _, kind in rows) == HEADER.format
    assert f"header of {HEADER.size} bytes, little endian" in DESCRIPTION
    assert "kind: " + ", ".join(f"{number} {name}" for number, name in protocol.KINDS.items()) in DESCRIPTION
    assert "codec: " + ", ".join(f"{number} {name}" for number, name in protocol.CODECS.items()) in DESCRIPTION
    assert f"version: {protocol.VERSION}\n" in DESCRIPTION


def test_every_message_of_the_server_is_described_with_its_fields() -> None:
    page = Page().come_in()
    page.exam.messages.add("Light, please", "message", "Ada", 3.0, "room")
    page.exam.behind, page.exam.ends = 2.0, 600.0
    page.exam.differs = {"accommodation": None, "watched": ["no_face"], "not_asked": ["microphone"]}
    page.act("abcdefgh")
    page.say("call", text="My mouse")
    page.say("nonsense")
    page.wait(10)
    page.exam.behind = None
    page.wait(40)
    said = {message["type"]: set(message) - {"type"} for message in page.heard}
    by_others = {"key": set(), "ended": {"reason", "code", "note"}, "replaced": set(), "moved": set(), "seb": set()}  # of `web.links`, and of no page
    assert said | by_others == described("The server says")
    (welcome,) = page.of_type("welcome")
    assert "{" + ", ".join(welcome["video"]) + "}" in DESCRIPTION


def test_every_message_of_the_page_is_described_and_read() -> None:
    fields = described("The page says")
    assert set(fields) == {"clock", "acts", "device", "page", "break", "call", "uncall", "read", "end"}
    for kind in fields:
        assert not [answer for answer in Page().say(kind) if "aren't known" in answer.get("message", "")], kind


def test_what_may_stand_in_them_is_described() -> None:
    words = set(re.findall(r"[a-z_]+", DESCRIPTION.split("The page says:")[1]))
    assert words >= protocol.ACT_KINDS | protocol.DEVICES | protocol.STATES
    assert f"at most {protocol.MAX_ACTS_PER_MESSAGE} in one message" in DESCRIPTION
    assert f"beyond {MAX_ACTS:,} of a session" in DESCRIPTION
    assert f"every {CLOCK_EVERY_S:g} seconds" in DESCRIPTION
    assert f"says nothing for {DEAD_S:g} seconds" in DESCRIPTION
    assert f"closes with {TRY_AGAIN} when" in DESCRIPTION


def test_the_limits_are_described() -> None:
    limits = " ".join(DESCRIPTION.split("No connection makes")[1].split("Media stand")[0].split())
    assert f"at most {MESSAGE_MAX_BYTES >> 20} MB, a text message {MAX_CHARACTERS:,} characters, a picture {UNITS_MAX} NAL units" in limits
    assert f"send {FRAMES_A_SECOND} messages a second" in limits
    assert f"and {BYTES_A_SECOND >> 20} MB a second" in limits
    assert f"counts as {FRAMES_A_CONNECTION} messages" in limits
    assert f"reads nothing for {SEND_S:g} seconds" in limits
    assert f"beyond {ACTS_A_SECOND} messages a second" in limits
    assert (BURST_S, FRAMES_A_PICTURE, DEVICES_A_SECOND, SOUND_A_SECOND) == (10, 2, 1, 2), "said in words"
    assert f"cut at {MAX_TEXT} characters" in DESCRIPTION
    assert f"a line of at most {MAX_CALL} characters" in DESCRIPTION
    assert f"At most {CALLS_MAX} in a session, one in {1 / CALLS_A_SECOND:g} seconds, and {CALLS_AT_ONCE} at once" in DESCRIPTION
    assert DESCRIPTION.count(f"{protocol.MAX_SOUND_S:g} seconds the most") == 2
    assert f"in {PACKETS_MAX:,} packets at most" in DESCRIPTION
