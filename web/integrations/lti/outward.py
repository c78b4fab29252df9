"""Requests to learning platforms: by HTTPS to public addresses only, with an end to everything, and no way on to another address.

What a platform or a registration names as its address is anybody's word: without these rules it could be one inside this server's own network.
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from basics.errors import ProviderAway
from basics.texts import _
from records.lti_registrations import is_platform_url

CONNECT_S, READ_S = 3.0, 5.0  # of one connection, and between two of its bytes
NAME_S = 5.0  # of looking up where a name leads
NAMES_AT_ONCE = 16  # that are looked up: what hangs there can't be ended
WHOLE_S = 15.0  # of one question, from its connection to its answer's last byte, however slowly it comes
ANSWER_MAX = 4 << 20  # bytes; 5,000 people on one page have 2 MB
CHUNK = 64 << 10
_names = threading.Semaphore(NAMES_AT_ONCE)
_NEXT = re.compile(r'<([^<>\s]{1,4000})>\s*;[^<]*?\brel\s*=\s*"?next"?(?=[\s;,]|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `content`: the JSON, None where it is none; `kind` the answer's media type; `next`: the next page's address, empty: none."""

    status: int
    content: Any
    kind: str = ""
    next: str = ""


class Unanswered(Exception):
    """Why nothing came, or nothing that may be believed: its one argument, a part of a sentence."""


class NotTaken(ProviderAway):
    """Nothing can have come of what was asked: it was not sent, or whoever was asked did not know us. All else may have been done, though it was not
    answered.
    """


class Outward:
    """Asks platforms. `private_hosts`: names of hosts that may have private addresses; only such a one may be asked by plain HTTP, on loopback."""

    def __init__(self, private_hosts: Collection[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._private = frozenset(host.casefold() for host in private_hosts)
        self._clock = clock
        trust = ssl.create_default_context()
        trust.load_verify_locations(certifi.where())
        self._pool = urllib3.PoolManager(ssl_context=trust, retries=False, maxsize=2)
        self._pool.pool_classes_by_scheme = _pool_classes(
            lambda host, port, timeout: _connected(host, port, timeout, self._private, self._asking.end), self._sends
        )
        self._asking = threading.local()  # `.end`: of the question that this thread asks; `.sent`: a byte of it may be there

    def ask(self, method: str, address: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Ask once. Any status is an answer. Raise `ProviderAway` where none comes that may be believed, `NotTaken` where nothing was sent."""
        try:
            return self.answer(method, address, headers, body)
        except Unanswered as none:
            raise away(none.args[0], ProviderAway if self._asking.sent else NotTaken) from none

    def answer(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        most: int | None = None,
        within_s: float | None = None,
    ) -> Answer:
        """The same, of at most `most` bytes (default: 4 MB), `within_s` seconds (default: 15) in all. Raise `Unanswered`."""
        self._asking.sent = False
        host = urlsplit(address).hostname if is_platform_url(address) else None
        if host is None:
            raise Unanswered(_("%(address)s is no address that this server asks: it begins with https://", address=repr(address[:200])))
        if address.startswith("http:") and host.casefold() not in self._private:
            raise Unanswered(_("%(host)s is asked by plain HTTP only where LTI_PRIVATE_HOSTS names it", host=host))
        most, within_s = ANSWER_MAX if most is None else most, WHOLE_S if within_s is None else within_s
        late = _("it does not answer within %(seconds)s s", seconds=int(within_s))
        timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
        end = self._asking.end = _End(within_s, self._clock)
        try:
            response = self._pool.request(
                method, address, headers=dict(headers), body=body, redirect=False, timeout=timeout, preload_content=False, decode_content=False
            )
            try:
                content = _read(response, end, most)
            finally:
                response.close()  # never kept: what else it has to say is nobody's next answer
        except (HTTPError, OSError, ValueError) as error:
            why = _("%(host)s can’t be reached (%(error)s)", host=host, error=type(error).__name__)
            raise Unanswered(late if end.is_over else why) from error
        finally:
            end.cancel()
        if end.is_over:  # what came of it may be cut off
            raise Unanswered(late)
        if 300 <= response.status < 400:
            raise Unanswered(_("%(host)s leads on to another address, which is not followed; register the address itself", host=host))
        kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip().casefold()[:100]
        return Answer(response.status, _json(content), kind, _next_page(address, response.headers.get("Link") or ""))

    def _sends(self) -> None:
        self._asking.sent = True


def wanted(answer: Answer, kind: type[Any] = dict) -> Any:
    """The JSON of an answer that must be good. Raise `ProviderAway` that says what came instead."""
    if not 200 <= answer.status < 300:
        said = answer.content.get("error") if isinstance(answer.content, dict) else None
        more = f": {str(said)[:200]!r}" if said else ""
        raise away(_("it answers with status %(status)s%(more)s", status=answer.status, more=more))
    if not isinstance(answer.content, kind):
        raise away(_("its answer (%(kind)s) is not the JSON that it should be; look whether the address is right", kind=answer.kind or repr("")))
    return answer.content


def away(why: str, kind: type[ProviderAway] = ProviderAway) -> ProviderAway:
    """The error that tells people why a platform could not be asked."""
    return kind(_("The learning platform can’t be asked now: %(why)s.", why=why))


def is_public(address: str) -> bool:
    """Is this IP address one of the internet's, and none inside anybody's network?"""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if ip in ipaddress.ip_network("64:ff9b::/96"):  # leads to an IPv4 address behind a translator
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip.is_global and not ip.is_multicast


def connection_to(host: str, port: int, timeout: float, private: Collection[str]) -> socket.socket:
    """A connection to a host that has public addresses only, or is among these. Raise `OSError`."""
    try:
        return _connected(host, port, timeout, private)
    except Unanswered as refused:
        raise OSError(str(refused.args[0])) from None


class _End:
    """The end of one question: then its connection is shut, wherever it hangs. Timeouts alone bound the wait for a byte, not for all of them:
    a handshake, the lines of a head or of chunks, and one "100 Continue" after another may trickle for ever.
    """

    def __init__(self, after_s: float, clock: Callable[[], float]) -> None:
        self._clock, self._at = clock, clock() + after_s
        self._lock = threading.Lock()
        self._held: socket.socket | None = None
        self._shut = False
        self._timer = threading.Timer(after_s, self._shut_down)
        self._timer.name, self._timer.daemon = "lti-end", True
        self._timer.start()

    @property
    def is_over(self) -> bool:
        return self._shut or self._clock() > self._at

    def hold(self, connection: socket.socket) -> None:
        """Shut this one at the end. A duplicate is kept: encryption takes the socket itself over."""
        with self._lock:
            self._let_go()
            self._held = connection.dup()
        if self._shut:
            self._shut_down()

    def cancel(self) -> None:
        """The question is answered, or was given up."""
        self._timer.cancel()
        with self._lock:
            self._let_go()

    def _shut_down(self) -> None:
        with self._lock:
            self._shut = True
            if self._held is not None:
                with suppress(OSError):
                    self._held.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


def _connected(host: str, port: int, timeout: float, private: Collection[str], end: _End | None = None) -> socket.socket:
    """A connection to an address that was looked at: the very one, whatever the name stands for a moment later. Raise `Unanswered`, `OSError`."""
    found = _looked_up(host, port)
    if host.casefold() not in private and not all(is_public(address) for address in found):
        raise Unanswered(_("%(host)s has a private address, which is asked only where LTI_PRIVATE_HOSTS names the host", host=host))
    problem: OSError = OSError("no address")
    for address in found[:4]:
        if end is not None and end.is_over:
            break
        try:
            connection = socket.create_connection((address, port), timeout)
        except OSError as error:
            problem = error
        else:
            if end is not None:
                end.hold(connection)
            return connection
    raise problem


def _looked_up(host: str, port: int) -> list[str]:
    """The IP addresses of a name; a thread of its own looks, since nothing bounds how long that takes. Raise `Unanswered`, `OSError`."""
    names, found = _names, Future[list[str]]()
    if not names.acquire(blocking=False):
        raise Unanswered(_("too many names are being looked up"))

    def look() -> None:
        try:
            found.set_result([str(address[0]) for *_more, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
        except Exception as error:  # whoever waits is told
            found.set_exception(error)
        finally:
            names.release()

    threading.Thread(target=look, name="lti-name", daemon=True).start()
    wait_for([found], NAME_S)
    if not found.done():
        raise Unanswered(_("%(host)s is not found within %(seconds)s s", host=host, seconds=int(NAME_S)))
    return found.result()


def _read(response: urllib3.BaseHTTPResponse, end: _End, most: int) -> bytes:
    content = bytearray()
    while not end.is_over and (chunk := response.read1(CHUNK)):
        content += chunk
        if len(content) > most:
            raise Unanswered(_("its answer has more than %(most)s bytes", most=most))
    return bytes(content)


def _pool_classes(connected: Callable[[str, int, Any], socket.socket], sends: Callable[[], None]) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connected(self.host, self.port, self.timeout)

        def send(self, data: Any) -> None:
            if self.sock is None:  # as `send` itself would: a connection that fails has sent nothing
                self.connect()
            sends()
            super().send(data)

    class Secure(Plain, HTTPSConnection):
        """The same, encrypted."""

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _next_page(address: str, link: str) -> str:
    found = _NEXT.search(link[:20_000])
    try:
        return urljoin(address, found[1]) if found else ""
    except ValueError:
        raise Unanswered(_("the address of its next page can’t be read")) from None
