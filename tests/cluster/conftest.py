"""Fixtures of the tests of several servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.town import Town


@pytest.fixture
def town(mongo_uri: str, db_name: str, tmp_path: Path) -> Iterator[Town]:
    """Servers in this process, on one database; they are closed in the end."""
    made = Town((mongo_uri, db_name), tmp_path)
    yield made
    for house in made.houses:
        house.close()
