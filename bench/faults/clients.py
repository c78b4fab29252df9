"""Students' pages that break off in every way a network knows, and one that sends without reading: the others must not notice."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable

from websocket import ABNF, WebSocket, WebSocketException, create_connection

from bench.faults.ground import Ground
from bench.faults.row import Row
from bench.harness.drawn import drawn_footage
from bench.harness.relay import Relay
from bench.harness.student import StudentClient, page_ms
from bench.harness.waiting import comes
from web.student.protocol import Media, pack_media

LASTS_S = 12.0
MANY = 20
CUT_S = 40.0  # longer than the 30 s after which a page is taken for gone
WARM_FRAMES = 20
MEMORY_MB = 60.0  # what a client that floods may cost while it does


def half_open(ground: Ground) -> None:
    """A student's line is cut and nobody is told, as a lost Wi-Fi does; then it is back."""
    ground.begin()
    relay = ground.closing.enter_context(Relay(ground.server.port))
    student = ground.students[0]
    student.url = student.url.replace(f":{ground.server.port}/", f":{relay.port}/")
    student.drop_connection()
    ground.hit()
    ground.served(20, "the student came through the other line")
    relay.cut()
    threading.Event().wait(CUT_S)
    ground.hit()
    relay.mend()
    never_came = (ground.hit_at or 0.0) - CUT_S, ground.hit_at or 0.0
    student.pictures_at = [at for at in student.pictures_at if not never_came[0] <= at <= never_came[1]]
    ground.served(40, f"a line that was cut for {CUT_S:g} s")


def frozen(ground: Ground) -> None:
    """A page stands still with its connection open, as a suspended tab does: it neither sends nor reads. The others go on."""
    _others(ground, 3, _frozen)


def stuck(ground: Ground) -> None:
    """Pages that send and never read."""
    _others(ground, 3, _stuck)


def flooding(ground: Ground) -> None:
    """Pages that send as fast as they can, pictures and text."""
    _others(ground, 2, _flooding)


def half_sent(ground: Ground) -> None:
    """Connections that begin a request and never end it."""
    _others(ground, MANY, _half_sent, sessions=False)


def _others(ground: Ground, count: int, behave: Callable[[Ground, str, threading.Event], None], *, sessions: bool = True) -> None:
    """`count` clients behave so for a while, beside the honest students; then they are gone, and the server's memory is looked at."""
    ground.begin()
    ground.rest(2, 4)
    links = (
        [f"{ground.server.link_url}?token={ground.server.create(f'other-{number}')['token']}" for number in range(count)]
        if sessions
        else [""] * count
    )
    # Ordinary pages first: what a session of its own costs is no fault of what its page does then.
    ordinary = [StudentClient(link, drawn_footage(2)) for link in links if link]
    for client in ordinary:
        client.start()
    comes(lambda: all(client.sent_frames > WARM_FRAMES for client in ordinary), 30)
    for client in ordinary:
        client.close()
    before = _rss_mb(ground)
    most, stop = before, threading.Event()
    threads = [threading.Thread(target=_run, args=(behave, ground, link, stop), name="client", daemon=True) for link in links]
    ground.hit()
    for thread in threads:
        thread.start()
    until = time.monotonic() + LASTS_S
    while time.monotonic() < until:
        most = max(most, _rss_mb(ground))
        threading.Event().wait(0.25)
    stop.set()
    ground.served(10, "others began")
    ground.notes.append(f"memory {before:.0f} MB before, at most {most:.0f} MB")
    if most - before > MEMORY_MB:
        ground.faults.append(f"memory grew by {most - before:.0f} MB")
    for thread in threads:
        thread.join(10)
    for number in range(count if sessions else 0):
        ground.server.call("POST", "/api/session/end", json={"user_id": f"other-{number}"})


def _run(behave: Callable[[Ground, str, threading.Event], None], ground: Ground, link: str, stop: threading.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(OSError, WebSocketException):
            behave(ground, link, stop)
        stop.wait(0.5)  # it was put off, and comes again


def _rss_mb(ground: Ground) -> float:
    return float(sum(process.memory_info().rss for process in ground.server.processes())) / 2**20


def welcomed(link: str) -> WebSocket:
    """A connection that has answered the clock and was welcomed. Raise `WebSocketException` or `OSError`."""
    page = create_connection(link, timeout=10, skip_utf8_validation=True)
    while True:
        message = json.loads(page.recv() or "{}")
        if message.get("type") == "clock":
            page.send(json.dumps({"type": "clock", "id": message["id"], "server_ms": message["server_ms"], "page_ms": page_ms()}))
        elif message.get("type") == "welcome":
            return page
        elif not message:
            raise WebSocketException("closed before the welcome")


def _frozen(ground: Ground, link: str, stop: threading.Event) -> None:
    client = StudentClient(link, drawn_footage(2))
    client.start()
    try:
        comes(lambda: client.sent_frames > 3 or stop.is_set(), 20)
        with client._send_lock:  # it neither writes nor answers what it reads
            stop.wait()
    finally:
        client.close()


def _stuck(ground: Ground, link: str, stop: threading.Event) -> None:
    page = welcomed(link)
    page.settimeout(2)
    text = json.dumps({"type": "device", "device": "camera", "state": "nonsense"})
    try:
        while not stop.is_set():
            page.send(text)
            page.send(bytes(100_000), ABNF.OPCODE_BINARY)
    finally:
        page.shutdown()


def _flooding(ground: Ground, link: str, stop: threading.Event) -> None:
    page = welcomed(link)
    page.settimeout(2)
    jpeg = drawn_footage(1).frames[0].data
    reader = threading.Thread(target=_read_all, args=(page,), daemon=True)
    reader.start()
    try:
        number = 0
        while not stop.is_set():
            number += 1
            page.send(pack_media(Media("picture", "jpeg", number, page_ms(), jpeg)), ABNF.OPCODE_BINARY)
            page.send(json.dumps({"type": f"nonsense {number}"}))
    finally:
        page.shutdown()
        reader.join(5)


def _read_all(page: WebSocket) -> None:
    with contextlib.suppress(OSError, WebSocketException):
        while page.recv():
            pass


def _half_sent(ground: Ground, link: str, stop: threading.Event) -> None:
    with socket.create_connection(("127.0.0.1", ground.server.port), timeout=5) as line:
        line.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nX-Never: ")
        while not stop.wait(1):
            line.sendall(b"x")


ROWS = [
    Row("client half-open", f"a student's line is cut for {CUT_S:g} s", half_open, wall="connection|camera"),
    Row("client frozen", "three pages stand still with their connections open", frozen),
    Row("client stuck", "three pages send and never read", stuck),
    Row("client flooding", "two pages send as fast as they can", flooding),
    Row("requests half-sent", f"{MANY} requests that never end", half_sent),
]
