"""How often a password may be guessed. The right one is taken at any time: who guesses waits for each answer, longer each time."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from basics.errors import TooMany, Unauthorized
from basics.texts import _
from web.access.limits import KEPT_ADDRESSES, network_of

log = logging.getLogger(__name__)

FREE_TRIES = 10  # wrong passwords from one address that are answered at once; a forgotten password takes fewer, a guessed one millions
FREE_UNDER_ATTACK = 3  # the same while the account is guessed at from many addresses
ATTACK_TRIES = 100  # wrong passwords from all addresses in FORGET_S
FORGET_S = 300.0  # what is older doesn't count
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 2.0  # for a person with the right password behind the address of one who guesses; and 43,000 guesses a day at most
WAITING_AT_ADDRESS = 4
WAITING_IN_ALL = 16  # each holds a thread of the server


@dataclass(slots=True)
class _Tries:
    wrong: int = 0
    last: float = 0.0
    next_turn: float = 0.0
    waiting: int = 0


class Logins:
    """Counts wrong passwords by address and in all. Safe to use from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._by_address: OrderedDict[str, _Tries] = OrderedDict()
        self._wrong_in_all = 0.0  # fades over FORGET_S
        self._faded_at = 0.0
        self._waiting = 0

    def check(self, address: str | None, is_right: Callable[[], bool]) -> None:
        """Ask `is_right` when it is this address's turn. Raise `Unauthorized` where it isn't, `TooMany` where that was once too often."""
        network = network_of(address)
        wait = self._begin(network)
        try:
            if wait:
                self._sleep(wait)
            right = is_right()
        finally:
            self._end(network, held=wait > 0)
        if right:
            with self._lock:
                self._by_address.pop(network, None)
            return
        pause = self._count(network)
        if pause:
            raise _too_many(pause)
        raise Unauthorized(_("Name or password is wrong. Whoever has no account of their own is `proctor`."))

    def _begin(self, network: str) -> float:
        """How long to wait for one's turn, taken herewith. Raise `TooMany` where too many wait already."""
        now = self._clock()
        with self._lock:
            tries = self._by_address.get(network)
            if tries is not None and tries.last + FORGET_S < now and not tries.waiting:
                del self._by_address[network]
                tries = None
            pause = self._pause(tries, now)
            if tries is None or not pause:
                return 0.0
            wait = max(0.0, tries.next_turn - now)
            if tries.waiting >= WAITING_AT_ADDRESS or self._waiting >= WAITING_IN_ALL:
                raise _too_many(wait + pause)
            tries.next_turn = now + wait + pause
            if wait:
                tries.waiting += 1
                self._waiting += 1
            return wait

    def _end(self, network: str, *, held: bool) -> None:
        with self._lock:
            if held:
                self._waiting -= 1
                tries = self._by_address.get(network)
                if tries is not None:
                    tries.waiting = max(0, tries.waiting - 1)

    def _count(self, network: str) -> float:
        """Count one wrong try; return how long the next waits."""
        now = self._clock()
        with self._lock:
            tries = self._by_address.setdefault(network, _Tries())
            self._by_address.move_to_end(network)
            tries.wrong, tries.last = tries.wrong + 1, now
            self._wrong_in_all = self._faded(now) + 1
            self._faded_at = now
            pause = self._pause(tries, now)
            tries.next_turn = max(tries.next_turn, now + pause)
            while len(self._by_address) > KEPT_ADDRESSES:
                self._by_address.popitem(last=False)
        if tries.wrong == FREE_TRIES:
            log.warning("%d wrong passwords from %s: further ones are answered slowly", FREE_TRIES, network)
        return pause

    def _pause(self, tries: _Tries | None, now: float) -> float:
        if tries is None:
            return 0.0
        beyond = tries.wrong - (FREE_TRIES if self._faded(now) < ATTACK_TRIES else FREE_UNDER_ATTACK)
        return 0.0 if beyond < 0 else min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(beyond, 8))

    def _faded(self, now: float) -> float:
        return self._wrong_in_all * max(0.0, 1 - (now - self._faded_at) / FORGET_S)


def _too_many(wait: float) -> TooMany:
    seconds = max(1, math.ceil(wait))
    return TooMany(
        _("Too many wrong passwords from this address. Try again in %(seconds)s s; the right one is taken when its turn comes.", seconds=seconds),
        retry_after_s=seconds,
    )
