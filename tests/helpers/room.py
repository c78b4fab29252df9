"""Students without a browser, for tests of what a proctor sees of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from playwright.sync_api import Locator, Page

from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient
from tests.helpers.browser import WAIT_S

T = TypeVar("T")

FLAG_ACTS = 3  # copies at 5 points each: wherever an interval ends, one side has the 10 points of a flag, and the other has not


def all_at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all `calls` at once; what each gives, in their order. Raise what the first that failed has raised."""
    with ThreadPoolExecutor(len(calls) or 1) as pool:
        return [call.result() for call in [pool.submit(call) for call in calls]]


class Room:
    """Students that were started, each let go at the end of the test."""

    def __init__(self, server: Server, footage: Footage) -> None:
        self.server, self.footage = server, footage
        self._clients: list[StudentClient] = []

    def seat(self, user_id: str, exam_id: str | None = None, *, footage: Footage | None = None) -> tuple[StudentClient, str]:
        """A student who takes part, and the session's id."""
        created = self.server.create(user_id, exam_id)
        client = StudentClient(f"{self.server.link_url}?token={created['token']}", footage or self.footage)
        self._clients.append(client)
        client.start()
        assert client.welcomed.wait(WAIT_S)
        return client, str(created["session_id"])

    def leave(self) -> None:
        all_at_once([client.close for client in self._clients])
        running = [status["session_id"] for status in self.server.call("GET", "/api/sessions/active")["sessions"]]
        all_at_once([partial(self.server.call, "POST", f"/api/session/{session_id}/end", json={}) for session_id in running])


def tile_of(page: Page, name: str) -> Locator:
    return page.locator(".tile", has=page.get_by_role("link", name=name, exact=True))


def flag(client: StudentClient) -> None:
    """Do what flags an interval at once, and no other."""
    for _ in range(FLAG_ACTS):
        client.act("copy")
