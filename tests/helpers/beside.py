"""What waits more than it works, such as an exam at its own pace, begun beside the others of its module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Playwright, sync_playwright

from tests.helpers.browser import needs_chromium

T = TypeVar("T")

AT_ONCE = 3


@contextmanager
def begun_beside(request: pytest.FixtureRequest, works: Mapping[str, Callable[[Playwright], Any]]) -> Iterator[dict[str, Future[Any]]]:
    """Begin each of `works` that a chosen test of the module names as its fixture, in their order, each in a thread with a Playwright of its own."""
    needs_chromium()

    def run(work: Callable[[Playwright], T]) -> T:
        with sync_playwright() as playwright:  # one serves a single thread
            return work(playwright)

    asked = {name for item in request.session.items if item.path == request.path for name in getattr(item, "fixturenames", ())}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run, work) for name, work in works.items() if name in asked}
