"""Which web servers in front are believed when they say who asked: a number of them, or their addresses. And whom they name."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HOPS_MAX = 16  # proxies in a row; no real way has more, and a forged header may have thousands


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies that are trusted: the last `count` before this server, or those in `networks`. Neither: nobody."""

    count: int = 0
    networks: tuple[Network, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.count or self.networks)

    def trusts(self, address: str) -> bool:
        """Is `address`, from which a connection comes, one of them? A number trusts whoever connects."""
        parsed = parse_address(address)
        return self.count > 0 or (parsed is not None and any(parsed in network for network in self.networks))

    def caller(self, peer: str, forwarded: str) -> str:
        """Who asked: `peer` is the connection's other end, `forwarded` the X-Forwarded-For that it sent. Only what a trusted one wrote counts."""
        if not self.trusts(peer):
            return peer
        caller = peer
        for number, written in enumerate(reversed(forwarded.split(",")[-HOPS_MAX:]), 1):
            address = parse_address(written)
            if address is None:  # `unknown`, or no address: who wrote it is the last that is known
                break
            caller = str(address)
            if number >= self.count if self.count else not any(address in network for network in self.networks):
                break
        return caller


def parse_proxies(text: str) -> Proxies:
    """TRUSTED_PROXIES: `1`, or addresses and networks with commas between. Raise `ValueError` that says what is wrong."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        if int(text) > HOPS_MAX:
            raise ValueError(f"must be at most {HOPS_MAX}, the proxies in a row")
        return Proxies(count=int(text))
    return Proxies(networks=tuple(_network(part.strip()) for part in text.split(",") if part.strip()))


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no address or network; give a number (1) or addresses (127.0.0.1, 10.0.0.0/8)") from None


def parse_address(text: str) -> Address | None:
    """An address as headers have it, with a port or in brackets too; IPv4 within IPv6 as IPv4. None where it is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
