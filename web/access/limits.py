"""How often somebody may try: a bounded count of tries by address, in memory."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from basics.errors import TooMany
from basics.texts import _, joined

KEPT_ADDRESSES = 10_000  # about 2 MB; beyond it the address that was quiet longest is forgotten


class RateLimit:
    """At most `most` tries in any `window` seconds from one address. Safe to use from many threads."""

    def __init__(self, most: int, window: float, message: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._window = window
        self._message = message
        self._clock = clock
        self._lock = threading.Lock()
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, address: str | None) -> None:
        """Count one try from `address`. Raise `TooMany` with `retry_after_s` when it has none left; that try isn't counted."""
        now = self._clock()
        with self._lock:
            tries = self._tries.setdefault(network_of(address), deque())
            self._tries.move_to_end(network_of(address))
            while tries and tries[0] <= now - self._window:
                tries.popleft()
            wait = tries[0] + self._window - now if len(tries) >= self._most else 0.0
            if not wait:
                tries.append(now)
            while len(self._tries) > KEPT_ADDRESSES:
                self._tries.popitem(last=False)
        if wait:
            raise too_many(self._message, math.ceil(wait))

    def give_back(self, address: str | None) -> None:
        """The last try from `address` is not to count."""
        with self._lock:
            if tries := self._tries.get(network_of(address)):
                tries.pop()

    def forgive(self, address: str | None) -> None:
        """Forget the tries from `address`, because one was right."""
        with self._lock:
            self._tries.pop(network_of(address), None)


def too_many(message: str, seconds: int) -> TooMany:
    """The refusal of who comes too early, with when to come again."""
    return TooMany(joined(" ", [message, _("Try again in %(seconds)s s.", seconds=seconds)]), retry_after_s=seconds)


def network_of(address: str | None) -> str:
    """What counts as one caller: an IPv4 address, or the /64 that one IPv6 customer has to choose from."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or ""
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
