"""The student's link over HTTP without HTTP: batches in, answers out; what is damaged or comes twice counts nothing."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.errors import InvalidInput, ProctorError, TooLarge
from tests.helpers.exam import Page, PlainExam
from web.student import batches
from web.student.batches import BATCH_MAX_MESSAGES, Exchange, pack_batch, unpack_batch
from web.student.conversation import CLOCK_TRIPS, DEAD_S


class ByHttp:
    """A page that speaks in batches, on the clock of `page`."""

    def __init__(self) -> None:
        self.page = Page()
        self.exam: PlainExam = self.page.exam
        self.exchange = Exchange(self.page.talk)
        self.number = -1

    def send(self, *messages: dict[str, Any]) -> batches.Heard:
        self.number += 1
        assert self.exchange.repeated(self.number) is None
        return self.exchange.take(self.number, [json.dumps(message) for message in messages], self.page.now)

    def clock(self, heard: batches.Heard) -> dict[str, Any]:
        (asked,) = [message for message in heard.messages if message["type"] == "clock"]
        return {"type": "clock", "id": asked["id"], "server_ms": asked["server_ms"], "page_ms": self.page.ms()}

    def come_in(self) -> batches.Heard:
        heard = self.send()
        for _ in range(CLOCK_TRIPS):
            self.page.now += 0.05
            heard = self.send(self.clock(heard))
        assert "welcome" in [message["type"] for message in heard.messages]
        return heard


def act(act_id: str, page: Page) -> dict[str, Any]:
    return {"type": "acts", "acts": [{"id": act_id, "kind": "copy", "page_ms": page.ms()}]}


@given(st.lists(st.one_of(st.text(), st.binary()), max_size=20))
def test_what_is_packed_comes_out_as_it_was(messages: list[str | bytes]) -> None:
    assert unpack_batch(pack_batch(messages)) == messages


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    try:
        messages = unpack_batch(data)
    except ProctorError:
        return
    assert pack_batch(messages) == data


@pytest.mark.parametrize(
    "data",
    [
        b"\x01",
        struct.pack("<BI", 1, 5) + b"{}",
        struct.pack("<BI", 2, 0xFFFFFFFF),
        struct.pack("<BI", 3, 1) + b"x",
        struct.pack("<BI", 1, 2) + b"\xff\xfe",
        pack_batch(["{}"])[:-1],
    ],
)
def test_a_damaged_batch_is_refused_whole(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        unpack_batch(pack_batch(["{}"]) + data)


def test_a_batch_of_too_many_messages_is_refused() -> None:
    with pytest.raises(TooLarge):
        unpack_batch(pack_batch([""] * (BATCH_MAX_MESSAGES + 1)))


def test_a_page_is_welcomed_by_round_trips_and_its_acts_count_at_their_time() -> None:
    here = ByHttp()
    here.come_in()
    here.page.now = 9.0
    noted = act("a-first-act", here.page)
    here.page.now = 9.5
    heard = here.send(noted)
    assert [one.id for one in here.exam.acts] == ["a-first-act"]
    assert here.exam.acts[0].at == pytest.approx(9.0, abs=0.1)
    assert {"type": "acts", "ids": ["a-first-act"]} in heard.messages


def test_a_batch_that_comes_twice_counts_once_and_is_answered_as_it_was() -> None:
    here = ByHttp()
    here.come_in()
    heard = here.send({"type": "break", "on": True})
    assert here.exchange.repeated(here.number) is heard
    assert here.exam.asked_breaks == [True]
    for wrong in (here.number - 1, here.number + 2):
        with pytest.raises(InvalidInput, match="turn"):
            here.exchange.repeated(wrong)


def test_what_others_say_comes_with_the_next_answer_and_ends_it_where_it_is_the_last_word() -> None:
    here = ByHttp()
    here.come_in()
    here.page.talk.say({"type": "quality", "notices": ["dark"]})
    assert {"type": "quality", "notices": ["dark"]} in here.send().messages
    here.page.talk.say({"type": "replaced"})
    heard = here.send(act("too-late-for-this", here.page))
    assert (heard.messages[-1], heard.over) == ({"type": "replaced"}, "replaced")
    after = here.send(act("after-its-end", here.page))
    assert (list(after.messages), after.over) == ([], "replaced")
    assert "after-its-end" not in [one.id for one in here.exam.acts]


def test_calls_that_say_nothing_keep_no_page_here() -> None:
    here = ByHttp()
    here.come_in()
    here.page.now += DEAD_S - 1
    assert here.send().over == ""
    here.page.now += 2
    assert here.send().over == "silent"


def test_errors_that_would_fill_an_answer_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "HEARD_MAX_BYTES", 20_000)
    here = ByHttp()
    here.come_in()
    wrong = {"type": "acts", "acts": [{"id": f"wrong-act-{number}", "kind": "dance", "page_ms": 1} for number in range(200)]}
    heard = here.send(wrong, wrong)
    assert heard.over == "much"
    assert len(json.dumps(list(heard.messages))) < 25_000
