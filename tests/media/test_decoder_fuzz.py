"""Damaged pictures, sound and messages: each is read or refused, and soon."""

from __future__ import annotations

import random

import pytest

from basics.errors import InvalidInput
from bench.fuzz.decoders import damaged, fuzz, targets, try_one

SEED = 18  # `python -m bench.fuzz decoders` takes others, and more of them
INPUTS = 3000


def test_whatever_is_damaged_is_read_or_refused() -> None:
    tried: list[tuple[str, int]] = []
    assert list(fuzz(SEED, 10, INPUTS, lambda what, number: tried.append((what, number)))) == []
    assert {what for what, _ in tried} == set(targets())


@pytest.mark.parametrize(("raised", "found"), [(InvalidInput("no"), ""), (ValueError("oh"), "ValueError: oh"), (None, "")])
def test_an_error_that_is_not_ours_is_found(raised: Exception | None, found: str) -> None:
    def read(data: bytes) -> None:
        if raised is not None:
            raise raised

    assert try_one(read, [b"good"], random.Random(1)).startswith(found)
    assert bool(try_one(read, [b"good"], random.Random(1))) == bool(found)


def test_the_same_seed_damages_alike() -> None:
    good = bytes(range(256))
    assert damaged(good, random.Random("18 3")) == damaged(good, random.Random("18 3")) != good
