"""Requests to learning platforms: by HTTPS to public addresses only, with an end to everything, and no way on to another address.

What a platform or a registration names as its address is anybody's word: without these rules it could be one inside this server's own network.
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Collection, Mapping
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
WHOLE_S = 15.0  # of one answer, however slowly it comes
ANSWER_MAX = 4 << 20  # bytes; 5,000 people on one page have 2 MB
CHUNK = 64 << 10
_NEXT = re.compile(r'<([^<>\s]{1,4000})>\s*;[^<]*?\brel\s*=\s*"?next"?(?=[\s;,]|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `content`: the JSON, None where it is none; `kind` the answer's media type; `next`: the next page's address, empty: none."""

    status: int
    content: Any
    kind: str = ""
    next: str = ""


class Outward:
    """Asks platforms. `private_hosts`: names of hosts that may have private addresses; only such a one may be asked by plain HTTP, on loopback."""

    def __init__(self, private_hosts: Collection[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._private = frozenset(host.casefold() for host in private_hosts)
        self._clock = clock
        trust = ssl.create_default_context()
        trust.load_verify_locations(certifi.where())
        self._pool = urllib3.PoolManager(ssl_context=trust, retries=False, maxsize=2)
        self._pool.pool_classes_by_scheme = _pool_classes(self._private)

    def ask(self, method: str, address: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Ask once. Raise `ProviderAway` where nothing comes, or nothing that may be believed; any status is an answer."""
        host = urlsplit(address).hostname if is_platform_url(address) else None
        if host is None:
            raise away(_("%(address)s is no address that this server asks: it begins with https://", address=repr(address[:200])))
        if address.startswith("http:") and host.casefold() not in self._private:
            raise away(_("%(host)s is asked by plain HTTP only where LTI_PRIVATE_HOSTS names it", host=host))
        ends = self._clock() + WHOLE_S
        timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
        try:
            response = self._pool.request(
                method, address, headers=dict(headers), body=body, redirect=False, timeout=timeout, preload_content=False, decode_content=False
            )
            try:
                content = self._read(response, ends)
            finally:
                response.close()  # never kept: what else it has to say is nobody's next answer
        except _Refused as refused:
            raise away(refused.args[0]) from None
        except (HTTPError, OSError, ValueError) as error:
            raise away(_("%(host)s can’t be reached (%(error)s)", host=host, error=type(error).__name__)) from error
        if 300 <= response.status < 400:
            raise away(_("%(host)s leads on to another address, which is not followed; register the address itself", host=host))
        kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip().casefold()[:100]
        return Answer(response.status, _json(content), kind, _next_page(address, response.headers.get("Link") or ""))

    def _read(self, response: urllib3.BaseHTTPResponse, ends: float) -> bytes:
        content = bytearray()
        while chunk := response.read1(CHUNK):
            content += chunk
            if len(content) > ANSWER_MAX:
                raise _Refused(_("its answer has more than %(most)s bytes", most=ANSWER_MAX))
            if self._clock() > ends:
                raise _Refused(_("it does not answer within %(seconds)s s", seconds=int(WHOLE_S)))
        return bytes(content)


def wanted(answer: Answer, kind: type[Any] = dict) -> Any:
    """The JSON of an answer that must be good. Raise `ProviderAway` that says what came instead."""
    if not 200 <= answer.status < 300:
        said = answer.content.get("error") if isinstance(answer.content, dict) else None
        more = f": {str(said)[:200]!r}" if said else ""
        raise away(_("it answers with status %(status)s%(more)s", status=answer.status, more=more))
    if not isinstance(answer.content, kind):
        raise away(_("its answer (%(kind)s) is not the JSON that it should be; look whether the address is right", kind=answer.kind or repr("")))
    return answer.content


def away(why: str) -> ProviderAway:
    """The error that tells people why a platform could not be asked."""
    return ProviderAway(_("The learning platform can’t be asked now: %(why)s.", why=why))


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
    except _Refused as refused:
        raise OSError(str(refused.args[0])) from None


class _Refused(Exception):
    """Why an answer or an address is not taken."""


def _connected(host: str, port: int, timeout: Any, private: Collection[str]) -> socket.socket:
    """A connection to an address that was looked at: the very one, whatever the name stands for a moment later."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if host.casefold() not in private and not all(is_public(str(address[0])) for *_more, address in found):
        raise _Refused(_("%(host)s has a private address, which is asked only where LTI_PRIVATE_HOSTS names the host", host=host))
    problem: OSError = OSError("no address")
    for _family, _kind, _protocol, _name, address in found[:4]:
        try:
            return socket.create_connection((str(address[0]), port), timeout)
        except OSError as error:
            problem = error
    raise problem


def _pool_classes(private: Collection[str]) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self.host, self.port, self.timeout, private)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self.host, self.port, self.timeout, private)

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
    return urljoin(address, found[1]) if found else ""
