"""Students who are seated before a proctor's eyes, and what these tests look at."""

from __future__ import annotations

import itertools

from playwright.sync_api import Locator, Page

from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient
from tests.helpers.browser import WAIT_S

SETTINGS = {"INTERVAL_DURATION": "5", "CHECK_INTERVAL": "1", "CLIP_PREROLL_S": "1", "CLIP_POSTROLL_S": "1", "SCREEN_CAPTURE": "optional"}
FOOTAGE_S = 4.0
TONE_HZ = 440
SAME_PICTURE = 8.0  # mean difference of grey values 0..255; one moment's picture differs by less, another's by more
FLAG_ACTS = 6  # copies at 5 points each: wherever an interval ends, one side has the 10 points of a flag


names = (f"student-{number}" for number in itertools.count())


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
        for client in self._clients:
            client.close()
        for status in self.server.call("GET", "/api/sessions/active")["sessions"]:
            self.server.call("POST", f"/api/session/{status['session_id']}/end", json={})


def tile_of(page: Page, name: str) -> Locator:
    return page.locator(".tile", has=page.get_by_role("link", name=name, exact=True))


def flag(client: StudentClient) -> None:
    """Do what flags an interval at once."""
    for _ in range(FLAG_ACTS):
        client.act("copy")


def shown_names(page: Page) -> list[str]:
    return page.locator("#grid .tile:visible .tile-link").all_inner_texts()
