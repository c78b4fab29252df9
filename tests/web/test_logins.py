"""How often a password may be guessed, and that the right one is taken all the while."""

from __future__ import annotations

import threading

import pytest

from basics.errors import ProctorError, TooMany, Unauthorized
from web.access.logins import ATTACK_TRIES, FORGET_S, FREE_TRIES, FREE_UNDER_ATTACK, LONGEST_PAUSE_S, WAITING_AT_ADDRESS, Logins

GUESSER, OTHER = "203.0.113.5", "198.51.100.9"


class Slow:
    """Logins whose clock goes by what they sleep."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, [0.0]
        self.logins = Logins(clock=lambda: self.now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)

    def guess(self, address: str, *, right: bool = False) -> ProctorError | None:
        try:
            self.logins.check(address, lambda: right)
        except ProctorError as error:
            return error
        return None


@pytest.fixture
def world() -> Slow:
    return Slow()


def test_a_guesser_waits_longer_each_time_and_up_to_a_bound(world: Slow) -> None:
    for _ in range(FREE_TRIES - 1):
        assert isinstance(world.guess(GUESSER), Unauthorized)
    assert world.slept == [0.0]
    for _ in range(20):
        error = world.guess(GUESSER)
        assert isinstance(error, TooMany)
        assert error.details["retry_after_s"] >= 1
    assert world.slept == sorted(world.slept)
    assert world.slept[-1] == LONGEST_PAUSE_S


def test_the_right_password_is_taken_after_any_number_of_wrong_ones(world: Slow) -> None:
    for _ in range(200):
        world.guess(GUESSER)
    assert world.guess(OTHER, right=True) is None
    before = world.now
    assert world.guess(GUESSER, right=True) is None
    assert world.now - before <= LONGEST_PAUSE_S
    assert isinstance(world.guess(GUESSER), Unauthorized)  # forgotten with the right one


def test_a_guess_from_many_addresses_leaves_each_fewer_tries_and_a_newcomer_his_first(world: Slow) -> None:
    for number in range(ATTACK_TRIES):
        assert isinstance(world.guess(f"192.0.2.{number}"), Unauthorized)
    outcomes = [type(world.guess(GUESSER)) for _ in range(FREE_UNDER_ATTACK)]
    assert outcomes == [Unauthorized] * (FREE_UNDER_ATTACK - 1) + [TooMany]
    assert world.guess(OTHER, right=True) is None
    world.now += FORGET_S
    assert [type(world.guess(OTHER)) for _ in range(FREE_TRIES - 1)] == [Unauthorized] * (FREE_TRIES - 1)


def test_wrong_tries_are_forgotten_after_a_while(world: Slow) -> None:
    for _ in range(FREE_TRIES + 3):
        world.guess(GUESSER)
    world.now += FORGET_S + 1
    assert isinstance(world.guess(GUESSER), Unauthorized)


def test_few_threads_wait_for_one_address_and_the_rest_are_told_when_to_come() -> None:
    free, waiting = threading.Event(), threading.Semaphore(0)

    def sleep(_seconds: float) -> None:
        waiting.release()
        assert free.wait(20)

    logins = Logins(clock=lambda: 0.0, sleep=sleep)
    outcomes: list[type[Exception]] = []

    def guess() -> None:
        try:
            logins.check(GUESSER, lambda: False)
        except ProctorError as error:
            outcomes.append(type(error))

    for _ in range(FREE_TRIES):
        guess()
    outcomes.clear()
    threads = [threading.Thread(target=guess) for _ in range(WAITING_AT_ADDRESS)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert waiting.acquire(timeout=20)
    guess()  # does not wait
    assert outcomes == [TooMany]
    logins.check(OTHER, lambda: True)
    free.set()
    for thread in threads:
        thread.join()
    logins.check(GUESSER, lambda: True)
