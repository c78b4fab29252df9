"""A proctor who decides about every flagged interval that comes, by numbered notes, and keeps what the server acknowledged."""

from __future__ import annotations

import threading

import requests

from bench.harness.server import Server

LOOK_S = 0.5
TIMEOUT_S = 15.0


class Deciding:
    """Decides in a thread of its own until it is stopped. `acknowledged` and `sent` are intervals' ids by the note of the decision."""

    def __init__(self, server: Server) -> None:
        self.acknowledged: dict[str, str] = {}
        self.sent: dict[str, str] = {}
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deciding", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Decide nothing more."""
        self._stop.set()
        self._thread.join(TIMEOUT_S * 2)

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(LOOK_S):
            try:
                url = self._server.url
                answer = requests.get(f"{url}/api/review/queue", params={"limit": "5", "rank": "newest"}, timeout=TIMEOUT_S)
                for item in answer.json().get("items", ()) if answer.ok else ():
                    number += 1
                    note, video_id = f"decision {number}", item["video_id"]
                    self.sent[note] = video_id
                    body = {"decision": ("confirmed", "dismissed")[number % 2], "reason": "other", "note": note, "by": "the bench"}
                    if requests.post(f"{url}/api/review/{video_id}", json=body, timeout=TIMEOUT_S).ok:
                        self.acknowledged[note] = video_id
            except (requests.RequestException, ValueError):
                continue  # the server is away: what it did not acknowledge it has not promised
