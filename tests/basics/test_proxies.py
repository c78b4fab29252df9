"""Whom a request is from, by what the web servers in front say."""

from __future__ import annotations

import pytest

from basics.proxies import parse_proxies


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "caller"),
    [
        ("", "127.0.0.1", "203.0.113.5", "127.0.0.1"),
        ("0", "127.0.0.1", "203.0.113.5", "127.0.0.1"),
        ("1", "127.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("1", "127.0.0.1", "6.6.6.6, 203.0.113.5", "203.0.113.5"),  # what the client itself sent stands before
        ("2", "127.0.0.1", "6.6.6.6, 203.0.113.5, 10.0.0.2", "203.0.113.5"),
        ("2", "127.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("1", "127.0.0.1", "", "127.0.0.1"),
        ("1", "127.0.0.1", "unknown", "127.0.0.1"),
        ("1", "127.0.0.1", "6.6.6.6, nonsense", "127.0.0.1"),
        ("127.0.0.1, 10.0.0.0/8", "127.0.0.1", "6.6.6.6, 203.0.113.5, 10.0.0.2", "203.0.113.5"),
        ("10.0.0.0/8", "127.0.0.1", "203.0.113.5", "127.0.0.1"),
        ("10.0.0.0/8", "::ffff:10.0.0.2", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.0/8", "10.0.0.2", "[2001:db8::1]:4711", "2001:db8::1"),
        ("1", "::1", "203.0.113.5:4711", "203.0.113.5"),
        ("1", "127.0.0.1", ",".join(["6.6.6.6"] * 5000), "6.6.6.6"),
    ],
)
def test_only_what_a_trusted_proxy_wrote_counts(trusted: str, peer: str, forwarded: str, caller: str) -> None:
    assert parse_proxies(trusted).caller(peer, forwarded) == caller


@pytest.mark.parametrize("wrong", ["nginx", "127.0.0.1:80", "10.0.0.0/33", "-1", "100"])
def test_what_is_no_proxy_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"number|at most"):
        parse_proxies(wrong)
