"""A person at a browser, for measurements: what they do is counted in clicks and keys, and what they wait for the page is timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Download, Locator, Page

WAIT_MS = 60_000.0
PASTE_KEYS = 2  # Ctrl and V
SLOW_S = 1.0  # a wait that a person notices


@dataclass(slots=True)
class Step:
    """One part of a person's way. `waits` are seconds from an act to the page's answer, with what was waited for."""

    name: str
    clicks: int = 0
    keys: int = 0
    seconds: float = 0.0
    waits: list[tuple[str, float]] = field(default_factory=list)

    @property
    def waited(self) -> float:
        return sum(seconds for _what, seconds in self.waits)

    def as_json(self) -> dict[str, Any]:
        waits = [{"for": what, "s": round(seconds, 2)} for what, seconds in self.waits]
        return {
            "step": self.name,
            "clicks": self.clicks,
            "keys": self.keys,
            "waited_s": round(self.waited, 2),
            "s": round(self.seconds, 2),
            "waits": waits,
        }


class Way:
    """The steps of a way, one after the other."""

    def __init__(self, shots: Path | None = None) -> None:
        self.steps: list[Step] = []
        self.shots = shots

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """What is done within is part of this step."""
        self.steps.append(Step(name))
        begun = time.perf_counter()
        yield self.now
        self.now.seconds = time.perf_counter() - begun

    @property
    def now(self) -> Step:
        return self.steps[-1]

    def table(self) -> str:
        """The steps in lines, with sums, and each wait that a person notices."""
        wide = max((len(step.name) for step in self.steps), default=len("in all"))
        lines = [f"{'step'.ljust(wide)}  clicks  keys  waiting    in all"]
        sums = Step("in all")
        for step in self.steps:
            lines.append(f"{step.name.ljust(wide)}  {step.clicks:6}  {step.keys:4}  {step.waited:5.2f} s  {step.seconds:6.2f} s")
            sums.clicks, sums.keys, sums.seconds = sums.clicks + step.clicks, sums.keys + step.keys, sums.seconds + step.seconds
            sums.waits += step.waits
        lines.append(f"{sums.name.ljust(wide)}  {sums.clicks:6}  {sums.keys:4}  {sums.waited:5.2f} s  {sums.seconds:6.2f} s")
        lines += [f"slow: {step.name}: {what}: {seconds:.2f} s" for step in self.steps for what, seconds in step.waits if seconds > SLOW_S]
        return "\n".join(lines)


class Someone:
    """One person with one page. Each act is counted in the way's step; `sees` waits and is timed from the last act."""

    def __init__(self, page: Page, way: Way) -> None:
        self.page, self.way = page, way
        page.set_default_timeout(WAIT_MS)
        self._acted = time.perf_counter()

    def opens(self, url: str) -> None:
        """Open an address that is at hand: a bookmark or a link in a letter, one click."""
        self._act(clicks=1)
        self.page.goto(url)

    def clicks(self, target: Locator) -> None:
        self._act(clicks=1)
        target.click()

    def types(self, target: Locator, text: str) -> None:
        """Click a field and type, key by key, over what stands in it."""
        target.click()
        stood = target.input_value()
        if stood:
            self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        self._act(clicks=1, keys=len(text) + (2 if stood else 0))

    def sets(self, target: Locator, moment: str) -> None:
        """Set a field for date and time, whose keys are other ones in each language of a browser: counted as a click and a key for each digit."""
        self._act(clicks=1, keys=sum(character.isdigit() for character in moment))
        target.fill(moment)

    def pastes(self, target: Locator, text: str) -> None:
        self._act(clicks=1, keys=PASTE_KEYS)
        target.click()
        self.page.keyboard.insert_text(text)

    def chooses(self, target: Locator, **option: str) -> None:
        """Choose in a list: a click that opens it, and one on the choice."""
        self._act(clicks=2)
        target.select_option(**option)  # type: ignore[arg-type]  # playwright knows its names

    def presses(self, *keys: str) -> None:
        for key in keys:
            self._act(keys=1)
            self.page.keyboard.press(key)

    def sees(self, what: str, shown: Locator) -> Locator:
        """Wait for `shown`, as the answer to the last act."""
        shown.first.wait_for(timeout=WAIT_MS)
        self._answered(what)
        return shown

    def begins(self) -> None:
        """What another person did just now is what this one waits for."""
        self._acted = time.perf_counter()

    def sees_true(self, what: str, expression: str) -> None:
        """Wait until an expression of the page is true, as the answer to the last act."""
        self.sees_when(what, lambda: self.page.evaluate(expression))

    def sees_when(self, what: str, holds: Callable[[], object]) -> None:
        """Wait until `holds`, as the answer to the last act."""
        deadline = time.monotonic() + WAIT_MS / 1000
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"did not come about: {what}")
            self.page.wait_for_timeout(20)
        self._answered(what)

    def downloads(self, what: str, target: Locator, into: Path) -> Path:
        """Click a link to a file; give the file once it is whole."""
        with self.page.expect_download(timeout=WAIT_MS) as coming:
            self.clicks(target)
        download: Download = coming.value
        target_path = into / download.suggested_filename
        download.save_as(target_path)
        self._answered(what)
        return target_path

    def shot(self, name: str, *widths: int) -> None:
        """Keep a picture of the page, as wide as it is or in these widths, where pictures are wanted."""
        if self.way.shots is None:
            return
        before = self.page.viewport_size
        for width in widths or (0,):
            if width:
                self.page.set_viewport_size({"width": width, "height": 844 if width < 600 else 900})
            self.page.wait_for_timeout(150)
            self.page.screenshot(path=self.way.shots / f"{name}{f'-{width}' if width else ''}.png", full_page=True)
        if before:
            self.page.set_viewport_size(before)

    def _act(self, *, clicks: int = 0, keys: int = 0) -> None:
        self.way.now.clicks += clicks
        self.way.now.keys += keys
        self._acted = time.perf_counter()

    def _answered(self, what: str) -> None:
        self.way.now.waits.append((what, time.perf_counter() - self._acted))
        self._acted = time.perf_counter()
