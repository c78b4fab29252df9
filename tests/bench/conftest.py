"""The bench on the labelled data, its figures measured once a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.detectors import Sets
from settings.settings import load_settings

Figures = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def sets(shared_data: Path, models_dir: Path) -> Iterator[Sets]:
    """The labelled sets that are there, the first whole enough for each task; their models are loaded once."""
    there = [folder for folder in (shared_data, shared_data.parent / "data2") if (folder / "gaze" / "labels.csv").is_file()]
    made = Sets.of(there, load_settings(_env_file=None, models_dir=models_dir))
    first = made.benches[0]
    first.every_clip, first.only_exams = 6, frozenset({"exam-b", "clean-a"})
    first.load()
    yield made
    first.close()


@pytest.fixture(scope="session")
def both_sets(sets: Sets) -> Sets:
    """Both of them; what needs people of two sets is skipped where one is missing."""
    if len(sets.benches) < 2:
        pytest.skip("needs the second labelled set in ../shared/data2")
    return sets


@pytest.fixture(scope="session")
def figures(sets: Sets) -> Figures:
    """Each task's figures on the first set, measured when first asked for and kept."""
    known: dict[str, dict[str, Any]] = {}

    def measured(task: str) -> dict[str, Any]:
        if task not in known:
            known[task] = sets.benches[0].run(task).figures
        return known[task]

    return measured


@pytest.fixture(scope="session")
def figures_of_others(both_sets: Sets) -> Figures:
    """The same on the second set, of other people."""
    return lambda task: both_sets.benches[1].run(task).figures


@pytest.fixture(scope="session")
def measured_on_others(request: pytest.FixtureRequest, figures_of_others: Figures) -> dict[str, Any]:
    """As `measured`, on the second set."""
    return figures_of_others(request.param)


@pytest.fixture(scope="session")
def measured(request: pytest.FixtureRequest, figures: Figures) -> dict[str, Any]:
    """The figures of the task that a test names: measured here, for a test's own time is bounded and a slow machine needs minutes for some."""
    return figures(request.param)
