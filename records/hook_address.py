"""Where a webhook may be sent: which addresses are taken, and to which machine each leads at this moment.

Whoever may add a webhook must not thereby reach what only this server can: its own ports, machines of the inner network, a cloud's metadata.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from basics.errors import InvalidInput
from basics.texts import _

LONGEST = 500  # characters
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

    def places(self) -> list[str]:
        """The IP addresses to which it leads now. Raise `Refused` where one of them is not for it."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Refused(_("the name %(host)s is not known here (%(error)s)", host=self.host, error=str(error)[:100])) from None
        places = list(dict.fromkeys(str(each[4][0]) for each in found))
        inner = [place for place in places if not is_public(place)]
        if inner and not self.private:
            raise Refused(
                _(
                    "%(host)s leads to %(place)s, which is no public address; name the host in HOOKS_PRIVATE_HOSTS where that is right",
                    host=self.host,
                    place=inner[0],
                )
            )
        return places


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
