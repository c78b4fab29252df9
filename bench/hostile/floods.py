"""Clients that send more than anybody can read, or take connections and give nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable

import psutil
import requests

from basics.readings import Codec
from bench.harness.drawn import drawn_footage
from bench.harness.page import CLOSED, HandPage
from bench.harness.student import page_ms
from bench.hostile.arena import Arena, Case
from media.opus import pack
from web.student.protocol import Media, pack_media

HALF_SENT, UNJOINED, IDLE = 400, 400, 1000  # more than there are threads
DESCRIPTORS = 1024  # Debian's soft limit
NAL_MESSAGE = b"\x00\x00\x01\x01" * 250_000  # 1 MB of units that hold nothing
LARGE_BYTES = 16 << 20
PACKETS = pack([b"\x03\x00"] * 250_000)  # 1 MB of packets of no frames, which last no time


def again_and_again(arena: Arena, stop: threading.Event, behave: Callable[[HandPage, threading.Event], None], *, read: bool = True) -> None:
    """Connect and behave so, a page for each hostile session; once the server has closed the link, come again."""
    threads = [threading.Thread(target=_come, args=(arena, link, stop, behave, read), name="hostile", daemon=True) for link in arena.links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _come(arena: Arena, link: str, stop: threading.Event, behave: Callable[[HandPage, threading.Event], None], read: bool) -> None:
    ends: dict[str, int] = {}
    while not stop.is_set():
        page = HandPage(link, read=read)
        with contextlib.suppress(*CLOSED):
            page.connect()
            behave(page, stop)
        page.close()
        told = [message.get("message", "") for message in page.told("error")][-1:]
        ends[(told or [page.closed or "it was let go on"])[0]] = 1 + ends.get((told or [page.closed or "it was let go on"])[0], 0)
        stop.wait(0.5)
    arena.notes += [f"ended {count}× with: {words[:100]}" for words, count in list(ends.items())[:3]]


def never_reads(arena: Arena, stop: threading.Event) -> None:
    """Sends acts, each of which is acknowledged, and pictures, and reads nothing."""

    def behave(page: HandPage, stop: threading.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            page.say({"type": "acts", "acts": [{"id": f"{number:032}-{one:031}", "kind": "copy", "page_ms": page_ms()} for one in range(200)]})
            page.send(bytes(500_000))

    again_and_again(arena, stop, behave, read=False)


def pictures(arena: Arena, stop: threading.Event) -> None:
    """Good pictures, as fast as the line takes them."""
    jpeg = drawn_footage(1).frames[0].data

    def behave(page: HandPage, stop: threading.Event) -> None:
        while not stop.is_set():
            page.picture(jpeg)

    again_and_again(arena, stop, behave)


def nal_units(arena: Arena, stop: threading.Event) -> None:
    """Messages of 250,000 NAL units, each of which is looked at."""
    _media(arena, stop, "picture", "h264", NAL_MESSAGE)


def opus_packets(arena: Arena, stop: threading.Event) -> None:
    """Messages of 250,000 packets of Opus, each of which is looked at."""
    _media(arena, stop, "sound", "opus", PACKETS)


def _media(arena: Arena, stop: threading.Event, kind: str, codec: Codec, data: bytes) -> None:
    def behave(page: HandPage, stop: threading.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            page.send(pack_media(Media(kind, codec, number, page_ms(), data)))

    again_and_again(arena, stop, behave)


def large(arena: Arena, stop: threading.Event) -> None:
    """Messages of 16 MB."""
    message = pack_media(Media("picture", "jpeg", 1, page_ms(), bytes(LARGE_BYTES)))

    def behave(page: HandPage, stop: threading.Event) -> None:
        while not stop.is_set():
            page.send(message)

    again_and_again(arena, stop, behave)


def small(arena: Arena, stop: threading.Event) -> None:
    """Text messages of a few bytes, and acts, as fast as the line takes them."""

    def behave(page: HandPage, stop: threading.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            page.say({"type": "read", "id": str(number)})
            if number % 50 == 0:
                page.send(
                    json.dumps({"type": "acts", "acts": [{"id": f"act-{number}-{one}", "kind": "copy", "page_ms": page_ms()} for one in range(200)]})
                )

    again_and_again(arena, stop, behave)


# Without a login


def half_sent(arena: Arena, stop: threading.Event) -> None:
    """Requests whose headers never end."""
    _hold(arena, stop, HALF_SENT, b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nX-Never: ", b"x")


def idle(arena: Arena, stop: threading.Event) -> None:
    """Connections that say nothing, at Debian's limit of file descriptors."""
    for process in arena.server.processes():
        with contextlib.suppress(psutil.Error):
            process.rlimit(psutil.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    workers = {process.pid for process in arena.server.processes()}
    _hold(arena, stop, IDLE, b"", b"")
    if {process.pid for process in arena.server.processes()} != workers:
        arena.faults.append("the worker died at its limit of file descriptors")


def unjoined(arena: Arena, stop: threading.Event) -> None:
    """Engine.IO's WebSockets from another site's page, which never join."""
    hello = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nOrigin: https://elsewhere.example\r\nUpgrade: websocket\r\n"
    hello += "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    _hold(arena, stop, UNJOINED, hello.encode(), b"")


def starts(arena: Arena, stop: threading.Event) -> None:
    """The open portal: a stranger starts exams for made-up students, until no place is left; a proctor's link must still be made."""
    number = taken = 0
    while not stop.is_set():
        number += 1
        body = {"user_id": f"made-up-{number}", "exam_id": "faked"}
        taken += requests.post(f"{arena.server.url}/api/student/start", json=body, timeout=20).ok
        stop.wait(0.05)
    arena.notes.append(f"{taken} of {number} exams were started")
    answer = requests.post(f"{arena.server.url}/api/session/create", json={"user_id": "late", "source": "browser"}, timeout=20)
    if not answer.ok:
        arena.faults.append(f"a proctor's link could not be made: {answer.status_code} {answer.text[:120]}")


def _hold(arena: Arena, stop: threading.Event, count: int, begin: bytes, drip: bytes) -> None:
    """Hold `count` connections that have sent `begin`, and let `drip` follow each second."""
    lines: list[socket.socket] = []
    try:
        for _ in range(count):
            with contextlib.suppress(OSError):
                line = socket.create_connection(("127.0.0.1", arena.server.port), timeout=2)
                lines.append(line)
                line.sendall(begin)
        while not stop.wait(1):
            for line in lines:
                with contextlib.suppress(OSError):
                    line.sendall(drip)
        still = sum(_is_open(line) for line in lines)
        arena.notes.append(f"{len(lines)} of {count} connected, {still} still open at the end")
    finally:
        for line in lines:
            line.close()


def _is_open(line: socket.socket) -> bool:
    line.setblocking(False)
    try:
        while data := line.recv(65536):
            del data
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


CASES = [
    Case("never reads", "sends and never reads", never_reads),
    Case("pictures flood", "good pictures as fast as they go", pictures),
    Case("NAL units", "1 MB of 250,000 NAL units, again and again", nal_units),
    Case("Opus packets", "1 MB of 250,000 packets, again and again", opus_packets),
    Case("large messages", "messages of 16 MB", large),
    Case("small messages", "small messages and acts as fast as they go", small),
    Case("half-sent requests", f"{HALF_SENT} requests that never end", half_sent, hostile=0),
    Case("unjoined sockets", f"{UNJOINED} Engine.IO sockets without a login", unjoined, hostile=0),
    Case("idle connections", f"{IDLE} idle connections at {DESCRIPTORS} descriptors", idle, hostile=0),
    Case("made-up students", "exams started at the open portal", starts, hostile=0, settings={"MAX_SESSIONS": "10"}),
]
