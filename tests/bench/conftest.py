"""The bench on the labelled data, its figures measured once a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.detectors import Bench

Figures = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def figures(shared_data: Path, models_dir: Path) -> Iterator[Figures]:
    """Each task's figures, measured when first asked for and kept."""
    bench = Bench(shared_data, every_clip=6, only_exams=frozenset({"exam-b", "clean-a"}))
    bench.settings = bench.settings.model_copy(update={"models_dir": models_dir})
    bench.load()
    known: dict[str, dict[str, Any]] = {}

    def measured(task: str) -> dict[str, Any]:
        if task not in known:
            known[task] = bench.run(task).figures
        return known[task]

    yield measured
    bench.close()


@pytest.fixture(scope="session")
def figures_of_others(more_data: Path, models_dir: Path) -> Iterator[Figures]:
    """The same on the second set, of other people."""
    bench = Bench(more_data)
    bench.settings = bench.settings.model_copy(update={"models_dir": models_dir})
    bench.load()
    yield lambda task: bench.run(task).figures
    bench.close()


@pytest.fixture(scope="session")
def measured_on_others(request: pytest.FixtureRequest, figures_of_others: Figures) -> dict[str, Any]:
    """As `measured`, on the second set."""
    return figures_of_others(request.param)


@pytest.fixture(scope="session")
def measured(request: pytest.FixtureRequest, figures: Figures) -> dict[str, Any]:
    """The figures of the task that a test names: measured here, for a test's own time is bounded and a slow machine needs minutes for some."""
    return figures(request.param)
