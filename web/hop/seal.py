"""What one server says to another of a call that it sends on, and the signature by which the other knows that it is true.

The key is of SECRET_KEY, which servers of one database share, and for this purpose alone. Times are the database's, by which machines agree whose
clocks do not; a server that doesn't know it bears with two hours. No call is taken twice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from basics.times import WALL_DOUBT_S

AGE_S = 60.0
BEFORE_S = 5.0  # by which a call may seem to be older than this server: what either knows of the database's clock isn't exact
REMEMBERED = 20_000  # calls that came of late; one takes about 150 bytes
LONGEST = 4096  # characters of a seal


class Forged(Exception):
    """It is no call that another server sent on; the text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A call on its way: what is asked (`digest_of`), who sends it on to whom, who asked there, and by which scheme and prefix of the path."""

    asked: str
    sender: str
    to: str
    address: str
    scheme: str
    prefix: str
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))


def digest_of(environ: Mapping[str, Any], query: str, body: bytes) -> str:
    """What stands for a call: method, path (without the part of PUBLIC_URL), `query`, host and body."""
    named = [str(environ.get(name, "")) for name in ("REQUEST_METHOD", "PATH_INFO", "HTTP_HOST")]
    return hashlib.sha256(json.dumps([*named, query]).encode() + b"\0" + body).hexdigest()


class Seals:
    """Makes and reads them. Safe between threads."""

    def __init__(
        self,
        secret_key: str,
        ahead_s: Callable[[], float | None] = lambda: None,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ahead_s` says by how much the database's clock is before `wall`, None where that is not known; `clock` is one that nobody sets."""
        self._key = hmac.new(secret_key.encode(), b"call sent on by another server", hashlib.sha256).digest()
        self._ahead_s, self._wall, self._clock = ahead_s, wall, clock
        self._began = clock()
        self._came: OrderedDict[str, float] = OrderedDict()  # by nonce when it may be forgotten
        self._lock = threading.Lock()

    def sealed(self, hop: Hop) -> str:
        """The call and the time, signed, in printable ASCII."""
        content = base64.urlsafe_b64encode(json.dumps({**asdict(hop), "at": self._wall() + (self._ahead_s() or 0.0)}).encode())
        return f"{content.decode()}.{self._signature(content)}"

    def opened(self, seal: str) -> Hop:
        """The call of a seal. Raise `Forged`; where it came before only `take` does."""
        content, _dot, signature = seal.encode("ascii", "replace").partition(b".")
        if len(seal) > LONGEST or not hmac.compare_digest(signature, self._signature(content).encode()):
            raise Forged("the signature is wrong; servers of one database need the same SECRET_KEY")
        try:
            said = json.loads(base64.b64decode(content, b"-_", validate=True))
            at = float(said["at"])
            hop = Hop(**{one.name: str(said[one.name]) for one in fields(Hop)})
        except (ValueError, KeyError, TypeError, binascii.Error):
            raise Forged("it can't be read; the other server is of another version") from None
        age = self._wall() + (self._ahead_s() or 0.0) - at
        if abs(age) > self._longest():
            raise Forged(f"it is {age:.0f} s old; look at both machines' clocks")
        if self._ahead_s() is not None and age > self._clock() - self._began + BEFORE_S:  # whether it came before nobody remembers
            raise Forged("it was sent before this server began")
        return hop

    def take(self, hop: Hop) -> None:
        """Note that a call has come. Raise `Forged` where it did so before."""
        now = self._clock()
        with self._lock:
            while self._came and (len(self._came) >= REMEMBERED or next(iter(self._came.values())) <= now):
                self._came.popitem(last=False)
            if hop.nonce in self._came:
                raise Forged("it came before")
            self._came[hop.nonce] = now + 2 * self._longest()

    def _longest(self) -> float:
        return AGE_S + (WALL_DOUBT_S if self._ahead_s() is None else 0.0)

    def _signature(self, content: bytes) -> str:
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()
