"""Where a webhook may be sent: which addresses are taken, and to which machine each leads at this moment.

Whoever may add a webhook must not thereby reach what only this server can: its own ports, machines of the inner network, a cloud's metadata.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from basics.errors import InvalidInput
from basics.texts import _

LONGEST = 500  # characters
FIND_S = 5.0  # for which a name server may think
PORTS = {"https": 443, "http": 80}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(Exception):
    """Nothing is sent there; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address in its parts. `path` has the query."""

    secure: bool
    host: str
    port: int
    path: str
    private: bool  # may it lie within the own network?

    @property
    def host_header(self) -> str:
        """As it stands in the request."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS["https" if self.secure else "http"] else f"{host}:{self.port}"

    def places(self, within_s: float = FIND_S) -> list[str]:
        """The IP addresses to which it leads now, one of each family in turn. Raise `Refused` where one of them is not for it."""
        places = list(dict.fromkeys(str(each[4][0]) for each in self._found(within_s)))
        inner = [place for place in places if not is_public(place)]
        if inner and not self.private:
            raise Refused(
                _(
                    "%(host)s leads to %(place)s, which is no public address; name the host in HOOKS_PRIVATE_HOSTS where that is right",
                    host=self.host,
                    place=inner[0],
                )
            )
        return _in_turn(places)

    def _found(self, within_s: float) -> Sequence[Any]:
        """What the system says of the name. It knows no limit of its own, so a thread that nobody waits for asks it."""
        answers: list[Sequence[Any] | Exception] = []

        def ask() -> None:
            try:
                answers.append(socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                answers.append(error)

        asking = threading.Thread(target=ask, name="webhook's name", daemon=True)
        asking.start()
        asking.join(within_s)
        found = answers[0] if answers else TimeoutError(_("no answer came in time"))
        if isinstance(found, Exception):
            raise Refused(_("the name %(host)s is not known here (%(error)s)", host=self.host, error=str(found)[:100]))
        return found


def _in_turn(places: Sequence[str]) -> list[str]:
    """In the system's order, but of one family after the other: where one's way is broken the other's is tried soon."""
    first = [place for place in places if (":" in place) == (":" in places[0])]
    others = [place for place in places if place not in first]
    return [place for at in range(len(places)) for place in (*first[at : at + 1], *others[at : at + 1])]


def target_of(url: str, private_hosts: Collection[str]) -> Target:
    """The parts of an address. Raise `InvalidInput` where nothing may be sent to such a one; to where its name leads is looked at when it is used."""
    if len(url) > LONGEST or not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise _wrong(_("must be an address of at most %(most)s characters, without spaces and letters that are not ASCII", most=LONGEST))
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise _wrong(_("is no address")) from None
    if parts.scheme not in PORTS or not host or port == 0:
        raise _wrong(_("must begin with https:// and the name of a host"))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _wrong(_("must have no user, password or fragment in it: the signature says who sends"))
    private = host in private_hosts
    if parts.scheme == "http" and not private:
        raise _wrong(_("must begin with https://; http:// is for hosts that HOOKS_PRIVATE_HOSTS names"))
    if not private and _is_inner(host):
        raise _wrong(_("leads to this machine or into its own network; name the host in HOOKS_PRIVATE_HOSTS where that is right"))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", host, port or PORTS[parts.scheme], path, private)


def place_of(url: str) -> str:
    """Where an address leads, for records that more may read: whoever knows the rest of it may often send there, so that is left out."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/…"


def is_public(place: str) -> bool:
    """Is an IP address one of the whole world's? What another address is wrapped in (IPv4-mapped, 6to4, NAT64) is as public as that."""
    address = ipaddress.ip_address(place.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_inner(host: str) -> bool:
    """Can that be told from the name alone?"""
    try:
        return not is_public(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _wrong(why: str) -> InvalidInput:
    return InvalidInput(_("url %(why)s.", why=why), field="url")
