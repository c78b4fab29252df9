"""What one client may make a connection hold, send and say: beyond it is told why, and what it says is text and numbers that everybody can keep."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from simple_websocket import ConnectionClosed
from wsproto import ConnectionType, WSConnection
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, Request, TextMessage

from basics.errors import TooLarge
from basics.readings import ScreenAct
from media import h264
from media.h264 import inspect
from tests.helpers.exam import VIDEO, Page, PlainExam, PlainReceipt
from tests.helpers.sent_media import opus_messages, sps_of, tone
from web.student import link_socket
from web.student.budget import ACTS_AT_ONCE, BURST_S, CALLS_AT_ONCE, DEVICES_AT_ONCE, Allowance, Budget, Paces
from web.student.conversation import ACTS_WAITING_MAX
from web.student.intake import SOUND_AT_ONCE_S
from web.student.link_socket import KERNEL_BYTES, MESSAGE_MAX_BYTES, READ_BYTES, LinkSocket, TooMuch
from web.student.page_clock import PageClocks
from web.student.said import MAX_CHARACTERS

START = b"\x00\x00\x01"
WAIT_S = 60.0  # for what must come


class Client:
    """The other end of a link's socket, by hand."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(WAIT_S)
        self.line = ours
        self.talk = WSConnection(ConnectionType.CLIENT)
        request = self.talk.send(Request("here", "/student/link"))
        names = [line.partition(b": ") for line in request.split(b"\r\n")[1:] if line]
        environ = {f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode() for name, _, value in names}
        self.server = LinkSocket({**environ, "gunicorn.socket": theirs})
        self.server.budget = self.budget = Budget(VIDEO, lambda: 0.0)
        self.hear()

    def say(self, *messages: Any) -> None:
        """Send without waiting for anybody to read."""
        data = b"".join(self.talk.send(message) for message in messages)
        threading.Thread(target=self._send, args=(data,), daemon=True).start()

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the server let the line go
            self.line.sendall(data)

    def hear(self) -> list[Any]:
        """What the server has said; its last word comes as `CloseConnection`."""
        self.talk.receive_data(self.line.recv(1 << 16) or None)
        return list(self.talk.events())

    def read_all(self) -> None:
        """Read whatever comes, so that the server need not wait."""
        with contextlib.suppress(OSError):  # the test is over
            while self.line.recv(1 << 16):
                pass

    def close(self) -> None:
        self.line.close()
        self.server.sock.close()


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client()
    yield made
    made.close()


# The socket


def test_messages_come_whole_in_pieces_and_one_by_one(client: Client) -> None:
    client.say(TextMessage("hé", message_finished=False), TextMessage("llo"), BytesMessage(b"x" * 300_000), BytesMessage(b""), TextMessage("last"))
    assert [client.server.receive(WAIT_S) for _ in range(4)] == ["héllo", b"x" * 300_000, b"", "last"]
    assert client.server.receive(0) is None


@pytest.mark.parametrize("crumb", [BytesMessage(b"x", False, False), TextMessage("x", False, False)], ids=["bytes", "text"])
def test_a_message_that_comes_in_crumbs_takes_no_more_than_it_has(client: Client, crumb: BytesMessage | TextMessage) -> None:
    kind: Any = type(crumb)
    tracemalloc.start()
    try:
        for number in range(20_000):
            data = f"{number % 10}" if kind is TextMessage else bytearray(b"%d" % (number % 10))
            client.server._take_part(kind(data, False, False))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 300_000
    client.server._take_part(kind(crumb.data, True, True))
    assert len(client.server.receive(0) or "") == 20_001


def test_a_ping_is_answered_and_a_close_too(client: Client) -> None:
    client.say(Ping(b"here?"), TextMessage("and now?"))
    assert client.server.receive(WAIT_S) == "and now?", "a ping is no message"
    (pong,) = client.hear()
    assert (type(pong), bytes(pong.payload)) == (Pong, b"here?")
    client.say(CloseConnection(1000, "bye"))
    with pytest.raises(ConnectionClosed):
        client.server.receive(WAIT_S)
    assert [type(event) for event in client.hear()] == [CloseConnection]


def test_what_waits_to_be_taken_stays_with_the_client(client: Client) -> None:
    client.say(*[BytesMessage(b"x" * 1000)] * 20_000)
    assert client.server.receive(WAIT_S) == b"x" * 1000
    assert sum(map(len, client.server._ready)) <= READ_BYTES, "one read and no more, however much was sent"
    system = [client.server.sock.getsockopt(socket.SOL_SOCKET, option) for option in (socket.SO_RCVBUF, socket.SO_SNDBUF)]
    assert max(system) <= 2 * KERNEL_BYTES  # Linux tells twice what was asked for


@pytest.mark.parametrize("pieces", [1, 40])
def test_a_message_that_is_too_large_ends_the_connection_with_the_reason(client: Client, pieces: int) -> None:
    part = b"x" * (MESSAGE_MAX_BYTES // pieces + 1)
    client.say(*(Message(part, message_finished=number == pieces - 1) for number in range(pieces)))
    with pytest.raises(TooMuch, match="2,097,152 bytes") as raised:
        client.server.receive(WAIT_S)
    assert raised.value.status == 1009


FLOODS: dict[str, Callable[[], list[Any]]] = {
    "messages": lambda: [TextMessage("{}")] * 5000,
    "pings": lambda: [Ping(b"x")] * 5000,
    "empty parts": lambda: [TextMessage("", message_finished=False)] * 5000,
    "bytes": lambda: [BytesMessage(b"x" * 1_000_000)] * 40,
}


def take_all(server: LinkSocket) -> None:
    """Take what comes until it is too much."""
    for _ in range(5000):
        server.receive(0.5)


def speak(server: LinkSocket) -> None:
    """Speak to a client that reads nothing."""
    for _ in range(1000):
        server.send("x" * 100_000)


@pytest.mark.parametrize("flood", sorted(FLOODS))
def test_a_flood_ends_the_connection_with_the_reason(client: Client, flood: str) -> None:
    client.say(*FLOODS[flood]())
    threading.Thread(target=client.read_all, daemon=True).start()
    with pytest.raises(TooMuch, match="a second were sent") as raised:
        take_all(client.server)
    assert raised.value.status == 1013


def test_a_client_that_reads_nothing_is_let_go_at_the_deadline(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_socket, "SEND_S", 0.2)
    with pytest.raises(ConnectionClosed, match="does not read"):
        speak(client.server)
    with pytest.raises(ConnectionClosed):
        client.server.send("more")


def test_who_stops_the_server_need_not_wait_for_a_client_that_reads_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_socket, "SEND_S", 100 * WAIT_S)
    ended = threading.Event()

    def serve() -> None:
        with pytest.raises(ConnectionClosed):
            speak(client.server)
        ended.set()

    threading.Thread(target=serve, daemon=True).start()
    client.server.hurry()
    assert ended.wait(WAIT_S)


def test_the_last_word_arrives_though_more_is_sent(client: Client) -> None:
    client.say(*[BytesMessage(b"x" * 100_000)] * 20)
    assert client.server.receive(WAIT_S)
    client.server.close(1013, "too much " * 40)
    over = threading.Thread(target=client.server.hang_up)
    over.start()
    heard: list[Any] = []
    while not any(isinstance(event, CloseConnection) for event in heard):
        heard += client.hear()
    client.line.close()
    over.join(WAIT_S)
    assert (heard[-1].code, str(heard[-1].reason)[:9]) == (1013, "too much ")


# The budget


def test_an_allowance_fills_with_time_and_not_beyond_its_most() -> None:
    allowance = Allowance(2.0, 4.0)
    assert [allowance.allows(0.0) for _ in range(5)] == [True] * 4 + [False]
    assert [allowance.allows(0.5), allowance.allows(0.5), allowance.allows(0.4)] == [True, False, False]
    assert [allowance.allows(100.0) for _ in range(5)] == [True] * 4 + [False]


def test_a_page_that_sends_what_it_is_asked_for_stays_within_its_budget() -> None:
    now = 0.0
    budget = Budget(VIDEO, lambda: now)
    for second in range(600):
        now = second - second % 8 if second > 300 else second  # then a line that lets all through every eight seconds
        assert all(budget.frame() and budget.bytes(30_000) for _ in range(10))  # pictures as JPEG
        assert all(budget.frame() and budget.bytes(3_300) for _ in range(10))  # sound
        assert budget.frame()


def test_who_comes_again_and_again_has_no_more_than_who_stays() -> None:
    budget = Budget(VIDEO, lambda: 0.0)
    came = next(number for number in range(1000) if not budget.connection())
    assert 10 <= came <= budget.frames_a_second * BURST_S / 20


# What is dear is done at its pace


class CountingExam(PlainExam):
    """Counts how often it is asked."""

    countings = 0
    readings = 0

    def take_acts(self, acts: Sequence[ScreenAct]) -> list[PlainReceipt]:
        self.countings += 1
        return super().take_acts(acts)

    def message_read(self, message_id: str) -> None:
        self.readings += 1


def test_acts_beyond_the_pace_are_counted_together_and_none_is_lost() -> None:
    page = Page(exam := CountingExam()).come_in()
    ids = [f"act-{number:06}" for number in range(200)]
    for act_id in ids:
        page.act(act_id)
        page.act(act_id)
    page.wait(2)
    assert [act.id for act in page.exam.acts if act.id in ids][-1] == ids[-1]
    assert {act.id for act in page.exam.acts} == set(ids)
    assert exam.countings <= ACTS_AT_ONCE + 2 * 4 + 1, "each counting looks at all acts again"
    assert {one for message in page.of_type("acts") for one in message["ids"]} == set(ids)


def test_acts_that_wait_are_bounded_and_counted_before_the_end() -> None:
    page = Page().come_in()
    for number in range(40):
        page.act(*(f"act-{number:03}-{one:03}" for one in range(200)))
        assert len(page.talk._acts) <= ACTS_WAITING_MAX
    page.act("at-the-end")
    page.say("end")
    assert page.exam.ended == 1
    assert page.exam.acts[-1].id == "at-the-end"


def test_of_too_many_words_about_a_device_the_newest_is_told() -> None:
    page = Page().come_in()
    for number in range(500):
        page.say("device", device="microphone", state=("lost", "ok")[number % 2], reason=str(number))
    assert len(page.exam.devices) <= DEVICES_AT_ONCE
    page.wait(3)
    assert page.exam.devices[-1] == ("microphone", "ok", "499")
    assert len(page.exam.devices) <= DEVICES_AT_ONCE + 4


def test_who_comes_again_and_again_is_counted_shown_and_heard_no_more_often_than_who_stays() -> None:
    exam, paces = CountingExam(), Paces()
    for connection in range(30):
        page = Page(exam, paces=paces, now=1.0 + connection / 10).come_in()
        for number in range(25):
            page.act(f"act-{connection:03}-{number:03}")
            page.say("device", device="microphone", state=("lost", "ok")[number % 2], reason=f"{connection} {number}")
            page.say("call", text=f"{connection} {number}")
    assert exam.countings <= ACTS_AT_ONCE + 4 * 4
    assert len(exam.devices) <= DEVICES_AT_ONCE + 4
    assert len(exam.messages.documents()) <= CALLS_AT_ONCE + 1


def test_names_of_a_camera_and_steps_of_a_clock_that_follow_one_another_are_not_all_stored() -> None:
    stored: list[Any] = []
    page = Page(clocks=PageClocks(store=stored.append), paces=(paces := Paces()))
    page.come_in()
    for number in range(300):
        page.say("page", hidden=False, camera=f"camera {number}")
        page.ahead_ms += 3_600_000
        for asked in [message for message in page.turn(0.05) if message["type"] == "clock"]:
            page.answer(asked)
    assert len({camera for _hidden, camera in page.exam.said if camera}) <= 10 + 4
    assert len(stored) <= 1 + 10 + 4
    page.wait(30)
    page.say("page", hidden=False, camera="at last")
    assert page.exam.said[-1] == (False, "at last")
    assert paces.names.allows(page.now)


def test_a_message_is_read_once_however_often_it_is_said() -> None:
    page = Page(exam := CountingExam())
    for _ in range(3):
        page.say("read", id="abcdefgh")
    assert exam.readings == 1


@pytest.mark.parametrize("codec", ["opus", "pcm16"])
def test_more_sound_than_time_is_not_heard(codec: str) -> None:
    page = Page().come_in()
    messages = [np.zeros(16_000, "<i2").tobytes()] if codec == "pcm16" else opus_messages(tone(1.0), 50)
    for number in range(round(SOUND_AT_ONCE_S * 3)):
        page.send("sound", codec, messages[number % len(messages)], sequence=number)
    assert sum(sound.duration for sound in page.exam.sounds) <= SOUND_AT_ONCE_S
    assert [message["code"] for message in page.of_type("error")] == ["too_many"]


# What a picture may hold


def test_a_picture_of_many_units_is_refused_unread() -> None:
    picture = START + sps_of(640, 480) + START + b"\x68\x00" + (START + b"\x65\x80") * 8
    assert inspect(picture, 1_000_000).key
    with pytest.raises(TooLarge, match="64 NAL units"):
        inspect(picture + (START + b"\x41") * 260_000, 1_000_000)
    with pytest.raises(TooLarge, match="parameters"):
        inspect(START + sps_of(640, 480) + b"\xff" * h264.PARAMETERS_MAX_BYTES + picture, 1_000_000)


# Text and numbers


def device(reason: str) -> str:
    return '{"type": "device", "device": "microphone", "state": "lost", "reason": ' + reason + "}"


def clock(number: str, page_ms: str) -> str:
    return '{"type": "clock", "id": ' + number + ', "page_ms": ' + page_ms + "}"


def acts(**fields: str) -> str:
    act = {"id": '"abcdefgh"', "kind": '"copy"', "page_ms": "1e12", **fields}
    return '{"type": "acts", "acts": [{' + ", ".join(f'"{name}": {value}' for name, value in act.items()) + "}]}"


TEXTS = [r'"\ud800"', r'"\u0000"', r'"\u001b[2J"', r'"\u202e"', r'"\u2066"', r'"two\nlines"', r'"two\u2028lines"', "5", "true", "[]", '{"$set": 1}']
NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, "1" * 5000, "1e16", "-1e300", '"1"', "true", "null", "[1]"]
WRONG = [device(text) for text in TEXTS] + [acts(detail=text) for text in TEXTS]
WRONG += [clock("4", number) for number in NUMBERS] + [clock(number, "1e12") for number in NUMBERS] + [acts(page_ms=number) for number in NUMBERS]
WRONG += [acts(id=text) for text in [*TEXTS, '"short"', '"' + "x" * 70 + '"', '"abcdefg\\n"']] + [acts(kind=text) for text in [*TEXTS, '"copy\\n"']]
WRONG += ['{"type": "read", "id": ' + text + "}" for text in [*TEXTS, '""', '"' + "x" * 100_000 + '"']]
WRONG += ['{"type": "break", "on": ' + text + "}" for text in [*TEXTS, "1", "null"] if text != "true"]
WRONG += ['{"type": ' + text + "}" for text in TEXTS] + ["[" * 100_000, "{}", "[]", "null", '"' + "x" * (MAX_CHARACTERS + 1) + '"']
WRONG += ['{"type": "acts", "acts": ' + text + "}" for text in [*TEXTS, "[1]", "[[]]", "[null]"] if text != "[]"]


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:80].encode("unicode_escape").decode())
def test_what_is_no_plain_text_or_number_is_refused_in_few_words(text: str, caplog: pytest.LogCaptureFixture) -> None:
    page = Page().come_in()
    page.turn(11)  # a fourth clock is asked for
    with caplog.at_level(logging.WARNING):
        (error,) = page.hand_in(text)
    assert error["type"] == "error"
    assert error["code"] in {"invalid", "too_large"}
    page.wait(1)
    assert (page.exam.acts, page.exam.devices, page.exam.asked_breaks, page.talk.over) == ([], [], [], None)
    for said in (json.dumps(error, ensure_ascii=False), *(record.getMessage() for record in caplog.records)):
        assert said.isprintable()
        assert len(said) < 500
    assert page.act("abcdefgh") == [], "and the link goes on"


def test_an_error_names_an_act_by_a_short_id_alone() -> None:
    page = Page().come_in()
    for wrong, named in (("short", "short"), ("x" * 65, None), ("\u202e", None), ({"a": ["x" * 1000]}, None), (10**18, None)):
        (error,) = page.say("acts", acts=[{"id": wrong, "kind": "copy", "page_ms": 1}])
        assert error.get("act_id") == named


@pytest.mark.parametrize("ahead", [0.001, 86_400.0, 1e9, 9.9e11])
def test_no_act_lies_after_now_or_before_the_start(ahead: float) -> None:
    page = Page(now=100).come_in()
    page.say("acts", acts=[{"id": f"act-number-{sign}", "kind": "copy", "page_ms": page.ms(100 + sign * ahead)} for sign in (1, -1)])
    assert [act.at for act in page.exam.acts] == pytest.approx([100, 100 - ahead if ahead < 1 else 100])
