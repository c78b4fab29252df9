"""The student's link by HTTP: as much of it as the line takes, batches out of their turn, two clients with one token."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from typing import Any

import requests

from bench.harness.drawn import drawn_footage
from bench.harness.student import page_ms
from bench.hostile.arena import Arena, Case
from web.student.batches import BATCH_MAX_BYTES, pack_batch
from web.student.conversation import CLOCK_TRIPS
from web.student.protocol import Media, pack_media

CLIENTS = 8  # twice as many as a session has places
REPLAYS = 20
POLL_S = 0.5  # as a page calls


class _Client:
    """Sends batches of one connection, and counts what became of them."""

    def __init__(self, arena: Arena, number: int = 0) -> None:
        self._arena = arena
        self._token = arena.links[number].partition("token=")[2]
        self._line = requests.Session()
        self.became: Counter[str] = Counter()
        self.come()

    def come(self) -> None:
        """Begin a connection of its own."""
        self.connection, self.batch = str(uuid.uuid4()), 0

    def send(self, body: bytes = b"", *, batch: int | None = None, by_address: bool = False) -> tuple[int, dict[str, Any]]:
        """One batch; a refusal for want of room must say when to come again. 0 where the line was cut: its body was refused unread."""
        address = f"{self._arena.server.url}/api/student/link?connection={self.connection}&batch={self.batch if batch is None else batch}"
        headers = {} if by_address else {"Authorization": f"Bearer {self._token}"}
        try:
            answer = self._line.post(address + (f"&token={self._token}" if by_address else ""), data=body, headers=headers, timeout=60)
        except requests.ConnectionError:
            self.became["cut"] += 1
            return 0, {}
        if answer.status_code == 429 and not answer.headers.get("Retry-After"):
            self._arena.faults.append("a 429 did not say when to come again")
        if answer.status_code >= 500 and answer.status_code != 503:
            self._arena.faults.append(f"{answer.status_code}: {answer.text[:120]}")
        content: dict[str, Any] = answer.json()
        self.became[content.get("over") or str(answer.status_code)] += 1
        return answer.status_code, content

    def go_on(self, body: bytes = b"") -> None:
        """The next batch; a new connection where this one is over."""
        status, content = self.send(body)
        if status == 200 and not content["over"]:
            self.batch += 1
        else:
            self.come()


def _until(arena: Arena, stop: threading.Event, bodies: list[bytes]) -> None:
    became: Counter[str] = Counter()

    def flood() -> None:
        client, number = _Client(arena), 0
        while not stop.is_set():
            number += 1
            client.go_on(bodies[number % len(bodies)])
        became.update(client.became)

    threads = [threading.Thread(target=flood, name="hostile", daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    arena.notes.append("batches ended with: " + ", ".join(f"{count}× {what}" for what, count in became.most_common(5)))


def polls(arena: Arena, stop: threading.Event) -> None:
    """Empty batches from eight clients with one token, without a pause."""
    _until(arena, stop, [b""])


def large_batches(arena: Arena, stop: threading.Event) -> None:
    """Batches of as many bytes and messages as one may have, good, odd and broken."""
    jpeg = drawn_footage(1).frames[0].data
    one = pack_media(Media("picture", "jpeg", 1, page_ms(), jpeg))
    full = pack_batch([one] * (BATCH_MAX_BYTES // (len(one) + 5)))
    _until(arena, stop, [full[:BATCH_MAX_BYTES], pack_batch(["["] * 600), pack_batch(["[" * 200_000]), b"\x01" + b"\xff" * 1000, full[:-7]])


def replays(arena: Arena, stop: threading.Event) -> None:
    """The same acts in the same batch again and again, batches out of turn, another client with the token, the token in the address."""
    client, other = _Client(arena), _Client(arena)
    if client.send(by_address=True)[0] != 401:
        arena.faults.append("a token in the address of a call was taken")
    heard: dict[str, Any] = {"messages": []}
    for _ in range(CLOCK_TRIPS + 1):  # until it is welcomed
        status, heard = client.send(_clock_answers(heard["messages"]))
        if status != 200:
            arena.faults.append(f"a page by HTTP was not taken: {status}")
            return
        client.batch += 1
    acts = [{"id": str(uuid.uuid4()), "kind": "paste", "page_ms": page_ms()} for _ in range(5)]
    body = pack_batch([json.dumps({"type": "acts", "acts": acts})])
    client.send(body)
    first = client.send(body)
    for _ in range(REPLAYS):
        if client.send(body) != first:
            arena.faults.append("a batch that came again was answered otherwise")
        for odd in (client.batch + 2, client.batch - 3, 10**9):
            if client.send(body, batch=odd)[0] == 200:
                arena.faults.append(f"batch {odd} was taken out of its turn")
        stop.wait(POLL_S)
    while not stop.is_set():
        other.go_on()
        client.go_on()
        stop.wait(POLL_S)
    time.sleep(1)
    details = arena.server.details(arena.session_ids[0])
    violations = [violation for interval in details["intervals"] for violation in interval["violations"]]
    counted = sum(violation["occurrences"] for violation in violations if violation["kind"] == "copy_paste")
    if counted != len(acts):
        arena.faults.append(f"{len(acts)} acts that came {REPLAYS + 1} times counted as {counted}")


def _clock_answers(heard: list[dict[str, Any]]) -> bytes:
    asked = [message for message in heard if message["type"] == "clock"]
    return pack_batch([json.dumps({"type": "clock", "id": one["id"], "server_ms": one["server_ms"], "page_ms": page_ms()}) for one in asked])


CASES = [
    Case("HTTP polls", f"empty batches from {CLIENTS} clients with one token, without a pause", polls),
    Case("HTTP large batches", "batches as large as one may be, good and broken", large_batches),
    Case("HTTP replays", "batches again and out of turn, two clients, the token in the address", replays, seconds=20.0),
]
