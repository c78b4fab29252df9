"""Sends a call on to another server, once: the caller's own login goes with it, and the answer comes back in pieces as that server gives it.

Only servers that are registered and live are asked, at the address that they gave. Nothing is tried twice, no redirect is followed, no proxy of
the environment used. So many calls are on their way at once that threads are left for everybody else.
"""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from flask import Request, Response

from basics.figures import Figure
from cluster.instance import ALSO
from cluster.membership import DEAD_S
from web.hop.seal import Hop, Seals, digest_of
from web.traces import HEADER as TRACE

if TYPE_CHECKING:
    from cluster.instance import Instance
    from cluster.membership import Membership
    from web.traces import Traces

log = logging.getLogger(__name__)

MARK = "X-Proctor-Hop"  # `1` on a call that is sent on; `refused` on the answer of who does not believe it
SEAL = "X-Proctor-Hop-Seal"
CONNECT_S = 1.0
READ_S = 15.0  # between two pieces of an answer
SILENT_S = DEAD_S / 2
AT_ONCE = 16  # of the threads that sockets leave (web.access.gate)
ASKED_MAX = 3  # servers that are asked for one file
PIECE = 64 << 10  # bytes
WITH_IT = (  # a caller's headers that go with the call
    *("Accept", "Accept-Language", "Accept-Encoding", "Authorization", "Content-Type", "Cookie", "User-Agent", "Origin"),
    *("Range", "If-Range", "If-None-Match", "If-Match", "If-Modified-Since", "If-Unmodified-Since"),
    *("Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"),
    *("X-SafeExamBrowser-ConfigKeyHash", "X-SafeExamBrowser-RequestHash"),
)
NOT_BACK = frozenset(  # of an answer: what is of one connection, and what each server says itself
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
) | frozenset(("server", "date"))
QUERY_SAFE = "".join(map(chr, range(0x21, 0x7F)))  # a query is passed on as it came, letters beyond ASCII in percents


class Unreached(Exception):
    """Nothing was done: the server is gone, silent, refuses, or as many calls are on their way as may be (`busy`)."""

    def __init__(self, why: str, *, busy: bool = False) -> None:
        super().__init__(why)
        self.busy = busy


class Unanswered(Exception):
    """It was sent, and no answer came: nobody knows whether it was done."""


class Hops:
    """The calls that this server sends on, and those that it takes. Safe between threads."""

    def __init__(self, secret_key: str, membership: Membership | None) -> None:
        """Without `membership`, or where there can be no other server, nothing is sent on or taken."""
        self._membership = membership if membership is not None and not membership.alone else None
        self.seals = Seals(secret_key, lambda: self._membership.database_ahead_s if self._membership is not None else None)
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self.traces: Traces | None = None  # where calls are traced
        self._counts = {"sent": 0, "failed": 0, "taken": 0, "refused": 0}

    @property
    def has_others(self) -> bool:
        """May there be other servers?"""
        return self._membership is not None

    @property
    def name(self) -> str:
        """This server's, by which others send to it; empty where none does."""
        return self._membership.name if self._membership is not None else ""

    def living(self, names: Iterable[str]) -> list[str]:
        """Which of these servers can be asked, by the names that they have now, in this order. One that was taken for dead goes on as `NAME#2`, and
        one that was given another name, or the disk of another server, says which it has had (`own_names`)."""
        others = self._reachable()
        found: dict[str, None] = {}
        for name in names:
            exact = [other for other in others if other == name]
            named = exact or [other for other in others if _base(other) == _base(name)]
            found |= dict.fromkeys(named or [other.name for other in others.values() if name in (other.facts.get(ALSO) or ())])
        return list(found)

    def _reachable(self) -> dict[str, Instance]:
        """The others by name, but for those that are silent: they may hang, and hold each call until its time is over."""
        others = self._membership.others() if self._membership is not None else []
        return {one.name: one for one in others if one.lives and one.url and one.still_s < SILENT_S}

    def figures(self) -> Iterator[Figure]:
        """For `/metrics`; none where there can be no other server."""
        if self.has_others:
            about = "Calls that came to the wrong server: sent on to another, failed at that, taken from another, or refused as forged."
            yield from (Figure("calls_sent_on_total", about, count, {"what": what}) for what, count in self._counts.items())

    def count(self, what: str) -> None:
        """Count one call that was `sent`, `failed`, `taken` or `refused`."""
        with self._lock:
            self._counts[what] += 1

    def send(self, to: str, request: Request) -> Response:
        """The answer of the server `to` to the present request. Raise `Unreached`, `Unanswered`, and werkzeug's own for a body that is too large."""
        body = request.get_data(cache=True)
        reachable = self._reachable().get(to)
        if reachable is None:
            raise Unreached(f"the server {to!r} is gone or silent, or has no INSTANCE_URL")
        if not self._slots.acquire(blocking=False):
            raise Unreached("as many calls are on their way to other servers as may be", busy=True)
        span = self.traces.begin_within(f"send on to {to}") if self.traces is not None else None
        failed = True
        try:
            answer = self._asked(reachable.url, to, request, body, span.header if span is not None else "")
            failed = False
        except BaseException:
            self._slots.release()
            self.count("failed")
            raise
        finally:
            if self.traces is not None:
                self.traces.end(span, {"server.address": reachable.url}, failed=failed)
        self.count("sent")
        return answer

    def _asked(self, url: str, to: str, request: Request, body: bytes, within: str) -> Response:
        environ = request.environ
        path, query = environ.get("PATH_INFO", ""), quote(environ.get("QUERY_STRING", "").encode("latin-1"), safe=QUERY_SAFE)
        hop = Hop(
            asked=digest_of(environ, query, body),
            sender=self.name,
            to=to,
            address=request.remote_addr or "",
            scheme=request.scheme,
            prefix=request.root_path,
        )
        headers = {name: value for name in WITH_IT if (value := request.headers.get(name)) is not None}
        headers |= {"Host": environ.get("HTTP_HOST", ""), MARK: "1", SEAL: self.seals.sealed(hop), "Connection": "close"}
        headers |= {TRACE: within} if within else {}
        if body or request.method not in ("GET", "HEAD"):
            headers["Content-Length"] = str(len(body))
        connection = _connected(url)
        try:
            connection.putrequest(
                request.method, quote(path.encode("latin-1")) + ("?" if query else "") + query, skip_host=True, skip_accept_encoding=True
            )
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            whole = answer.read() if answer.length is not None and answer.length <= PIECE else None
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            log.warning("%s gave no answer to a call that was sent on to it: %s", to, error or type(error).__name__)
            raise Unanswered(str(error)) from None
        if answer.headers.get(MARK) == "refused":
            connection.close()
            log.error("%s refuses what this server sends on to it: do both have the same SECRET_KEY, and is it the server at %s?", to, url)
            raise Unreached(f"{to} refuses it")
        given = [(name, value) for name, value in answer.headers.items() if name.lower() not in NOT_BACK]
        pieces = _Pieces(connection, answer, self._slots.release)
        if whole is None:
            return Response(pieces, answer.status, given, direct_passthrough=True)
        pieces.close()
        return Response([whole], answer.status, given)  # a list: of HEAD the length that was said stands


class _Pieces:
    """An answer's body as it comes."""

    def __init__(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, over: Callable[[], object]) -> None:
        self._connection, self._answer, self._over = connection, answer, over
        self._open = True

    def __iter__(self) -> _Pieces:
        return self

    def __next__(self) -> bytes:
        piece = self._answer.read(PIECE)
        if piece:
            return piece
        if self._answer.length:  # who takes it must not take a part for the whole
            raise ConnectionAbortedError(f"the other server ended {self._answer.length} bytes before its answer's end")
        self.close()
        raise StopIteration

    def close(self) -> None:
        """Whether it was taken whole or not."""
        if self._open:
            self._open = False
            self._answer.close()
            self._connection.close()
            self._over()


def _connected(url: str) -> http.client.HTTPConnection:
    """A connection to a server. Raise `Unreached`."""
    try:
        parts = urlsplit(url)
        kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}[parts.scheme]
        connection: http.client.HTTPConnection = kind(parts.hostname or "", parts.port, timeout=CONNECT_S)
        connection.connect()
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        log.info("the server at %s can't be reached: %s", url, error)
        raise Unreached(str(error)) from None
    connection.sock.settimeout(READ_S)
    return connection


def _base(name: str) -> str:
    return name.partition("#")[0]
