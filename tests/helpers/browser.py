"""What the browser tests share: waiting for what pages and server do, views of a page, and axe-core's judgement."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Page

from basics.paths import ROOT
from bench.harness.chromium import chromium_program
from bench.harness.server import ServerError

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
VIEWS: list[tuple[int, Literal["light", "dark"]]] = [(1280, "light"), (390, "dark")]  # each width and each scheme once: colours know no width
OF_A_VIEW = ("color-contrast", "target-size", "link-in-text-block", "scrollable-region-focusable")  # what another width or scheme may change
DIRECTION = "document.documentElement.dir"
OF_A_DIRECTION = ("target-size", "scrollable-region-focusable")  # what the other direction may change
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PLUGGED_IN = "navigator.mediaDevices.dispatchEvent(new Event('devicechange'))"  # the exam's page opens what was lost at once, not seconds later
WAIT_S = 60.0  # for anything that a page or the server does; nothing waits that long when all is well


def needs_chromium() -> str:
    """The path of an installed Chromium; the test is skipped where there is none."""
    program = chromium_program()
    if program is None:
        pytest.skip("needs Chromium (apt: chromium)")
    return program


def until(page: Page, holds: Callable[[], Any], what: str) -> Any:
    """Wait for what another process does, while `page` goes on hearing its browser. Fail with `what` when it does not come about.

    A busy server that can't answer once is asked again.
    """
    deadline, refused = time.monotonic() + WAIT_S, ""
    while (asked := time.monotonic()) < deadline:
        try:
            if found := holds():
                return found
            refused = ""
        except ServerError as error:
            refused = f"; {error}"
        page.wait_for_timeout(max(100, 1000 * (time.monotonic() - asked)))  # on a busy machine asking takes at most half of it
    raise AssertionError(f"did not come about within {WAIT_S:g} s: {what}{refused}")


def show(page: Page, *, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> None:
    """Show `page` in a window of `width` pixels, to somebody whose system is light or dark."""
    page.set_viewport_size({"width": width, "height": 844 if width < 600 else 900})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")


def axe(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA, or these of its rules, on `page` as it stands: rule, element and why. It must be there."""
    if not page.evaluate("'axe' in window"):  # reading its half megabyte takes a page as long as a judgement
        assert AXE.is_file(), "axe-core is missing: run ./setup.sh --test"
        page.evaluate(AXE.read_text(encoding="utf-8") + "; null")
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": WCAG}
    found = page.evaluate("only => axe.run(document, { runOnly: only, resultTypes: ['violations'] })", only)
    return [f"{rule['id']}: {node['html'][:160]}: {node['failureSummary']}" for rule in found["violations"] for node in rule["nodes"]]


def judge(page: Page, folder: Path, name: str) -> list[str]:
    """What is wrong with `page` in any view, and from right to left; its screenshots go to `folder`."""
    wrong = []
    for number, (width, scheme) in enumerate(VIEWS):
        show(page, width=width, scheme=scheme)
        page.screenshot(path=folder / f"{name}-{width}-{scheme}.jpg", quality=80)  # draws a page behind others, too: charts follow their window then
        wrong += [f"{name} at {width} px, {scheme}: {finding}" for finding in _judged(page, OF_A_VIEW if number else ())]
    page.evaluate(f"[window.writtenTo, {DIRECTION}] = [{DIRECTION}, {DIRECTION} === 'rtl' ? 'ltr' : 'rtl']")
    wrong += [f"{name} at {width} px, mirrored: {finding}" for finding in _judged(page, OF_A_DIRECTION)]
    page.evaluate(f"{DIRECTION} = window.writtenTo")
    show(page)
    return wrong


def _judged(page: Page, rules: Sequence[str]) -> list[str]:
    wide = page.evaluate(TOO_WIDE)
    return axe(page, rules) + ([f"{wide} px wider than the window"] if wide > 0 else [])


def leave(dialog: Locator) -> None:
    """Leave `dialog` as Esc does in a browser that keeps its last answer; Chromium's own Esc forgets it."""
    dialog.evaluate("dialog => new Promise((done) => { dialog.addEventListener('close', () => setTimeout(done)); dialog.close(); })")
