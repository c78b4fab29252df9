"""What every test module with a browser has: Playwright, attached to a Chromium that is installed, and a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, expect, sync_playwright

from tests.helpers.browser import WAIT_S, needs_chromium

expect.set_options(timeout=WAIT_S * 1000)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright; the tests are skipped where no Chromium is installed."""
    needs_chromium()
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Footage, profiles, the server's data and the screenshots of one module."""
    return tmp_path_factory.mktemp(request.module.__name__.removeprefix("test_"))
