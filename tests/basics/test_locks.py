"""A lock for each key: apart for different ones, one after the other for the same, and none left behind."""

from __future__ import annotations

import threading

import pytest

from basics.locks import KeyedLocks

WAIT_S = 60.0


def test_different_keys_do_not_wait_for_one_another() -> None:
    locks = KeyedLocks()
    with locks.held("a"), locks.held("b"):
        assert len(locks) == 2
    assert len(locks) == 0


def test_the_same_key_is_held_by_one_at_a_time() -> None:
    locks, order = KeyedLocks(), []
    inside, wanted = threading.Event(), threading.Event()

    def second() -> None:
        assert inside.wait(WAIT_S)
        wanted.set()
        with locks.held("a"):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with locks.held("a"):
        inside.set()
        assert wanted.wait(WAIT_S)
        order.append("first")
    thread.join(WAIT_S)
    assert order == ["first", "second"]
    assert len(locks) == 0


def test_a_key_is_free_again_after_an_error() -> None:
    locks = KeyedLocks()
    with pytest.raises(ZeroDivisionError), locks.held("a"):
        print(1 / len([]))
    with locks.held("a"):
        assert len(locks) == 1
