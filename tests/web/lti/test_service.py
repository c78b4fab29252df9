"""What is asked of learning platforms: by a token of one registration alone, at addresses that may be asked, and with an end to everything."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from basics.errors import ProviderAway
from database import Database
from records.lti_keys import LtiKeys
from tests.helpers.lti_services import Services, services
from web.integrations.lti import outward
from web.integrations.lti.outward import NotTaken, Outward, is_public, wanted
from web.integrations.lti.service import EARLY_S, LONGEST_S, Platforms

SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lms(database: Database) -> Iterator[Services]:
    with services() as served:
        served.keys = LtiKeys(database, "a secret").public
        yield served


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platforms(database: Database, clock: Clock) -> Platforms:
    return Platforms(Outward(["127.0.0.1"]), LtiKeys(database, "a secret"), clock=clock)


def test_a_token_is_asked_for_by_an_assertion_of_ours_and_kept_until_shortly_before_its_end(
    platforms: Platforms, lms: Services, clock: Clock
) -> None:
    known = lms.known()
    assert platforms.token(known, SCOPE) == platforms.token(known, SCOPE) == "token-c-1-1"
    (said,) = lms.assertions
    assert (said["iss"], said["sub"], said["aud"], said["exp"] - said["iat"]) == ("c-1", "c-1", f"{lms.url}/token", 60)
    assert len(said["jti"]) >= 20
    clock.now += 3600 - EARLY_S
    assert platforms.token(known, SCOPE) == "token-c-1-2"
    assert lms.assertions[1]["jti"] != said["jti"]
    assert platforms.token(lms.known(audience="https://lms.example"), SCOPE) == "token-c-1-3", "for another audience it is another token"
    assert lms.assertions[2]["aud"] == "https://lms.example"


@pytest.mark.parametrize("lasts_s", [20, None, "3600", True, -5])
def test_a_token_that_does_not_last_is_not_kept(platforms: Platforms, lms: Services, lasts_s: object) -> None:
    lms.lasts_s = lasts_s
    assert [platforms.token(lms.known(), SCOPE) for _ in range(2)] == ["token-c-1-1", "token-c-1-2"]


def test_a_token_that_lasts_beyond_all_numbers_is_kept_for_a_day(platforms: Platforms, lms: Services, clock: Clock) -> None:
    lms.lasts_s = 10**400
    assert platforms.token(lms.known(), SCOPE) == platforms.token(lms.known(), SCOPE) == "token-c-1-1"
    clock.now += LONGEST_S
    assert platforms.token(lms.known(), SCOPE) == "token-c-1-2"


def test_one_tenants_token_is_never_another_ones_though_issuer_and_addresses_are_the_same(platforms: Platforms, lms: Services) -> None:
    here, there = lms.known("here", "r-1"), lms.known("there", "r-2")
    lms.pages = [[{"user_id": "u"}]]
    for known in (here, there, here):
        assert (
            platforms.ask(known, SCOPE, "GET", f"{lms.url}/members", accept="application/vnd.ims.lti-nrps.v2.membershipcontainer+json").status == 200
        )
    sent = [headers["Authorization"] for path, headers, _body in lms.asked if path == "/members"]
    assert sent == ["Bearer token-here-1", "Bearer token-there-2", "Bearer token-here-1"]
    assert platforms.token(here, "another scope") == "token-here-3"


def test_a_token_that_is_not_taken_any_more_is_asked_for_anew_once(platforms: Platforms, lms: Services) -> None:
    lms.answers["/members"] = (401, {}, {"error": "unauthorized"})
    assert platforms.ask(lms.known(), SCOPE, "GET", f"{lms.url}/members", accept="*/*").status == 401
    assert len(lms.assertions) == 2


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((200, {"Content-Type": "text/html; charset=utf-8"}, b"<h1>Log in</h1>"), r"\(text/html\) is not the JSON"),
        ((200, {}, b"[1]"), "is not the JSON"),
        ((200, {}, b"{" * 100_000), "is not the JSON"),
        ((200, {}, {"access_token": "a\r\nX-Evil: 1"}), "no access token"),
        ((200, {}, {"access_token": ["a"]}), "no access token"),
        ((400, {}, {"error": "invalid_client"}), "status 400: 'invalid_client'"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "leads on to another address"),
        ((500, {}, b"x" * 5000), "more than 4000 bytes"),
    ],
)
def test_an_answer_that_is_none_is_told_in_a_sentence(
    platforms: Platforms, lms: Services, said: tuple[int, dict[str, str], object], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outward, "ANSWER_MAX", 4000 if said[0] == 500 else 1 << 20)
    lms.answers["/token"] = said
    with pytest.raises(ProviderAway, match=why):
        platforms.token(lms.known(), SCOPE)


def test_what_can_not_have_been_taken_is_told_apart(platforms: Platforms, lms: Services) -> None:
    ask = Outward(["127.0.0.1"]).ask
    for address in ("http://127.0.0.1:1/", lms.url.replace("http:", "https:"), "file:///etc/passwd"):
        with pytest.raises(NotTaken):
            ask("POST", address, {})
    with trickling(b"nonsense\r\n\r\n", b"") as port, pytest.raises(ProviderAway) as lost:
        ask("POST", f"http://127.0.0.1:{port}/", {})
    assert not isinstance(lost.value, NotTaken), "it was there"
    with pytest.raises(NotTaken):
        ask("POST", "http://127.0.0.1:1/", {})

    platforms.token(lms.known(), SCOPE)
    lms.answers |= {"/members": (401, {}, {}), "/token": (503, {}, {})}
    with pytest.raises(NotTaken, match="status 503"):
        platforms.ask(lms.known(), SCOPE, "POST", f"{lms.url}/members", accept="*/*")


def test_a_platform_that_is_away_or_never_ends_is_told_so(lms: Services) -> None:
    with pytest.raises(ProviderAway, match="can’t be reached"):
        Outward(["127.0.0.1"]).ask("GET", "http://127.0.0.1:1/", {})
    times = iter([0.0, 100.0])
    with pytest.raises(ProviderAway, match="does not answer within 15 s"):
        Outward(["127.0.0.1"], clock=lambda: next(times, 100.0)).ask("GET", f"{lms.url}/members", {})


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://127.0.0.1:9/", "private address"),
        ("https://localhost/", "private address"),
        ("https://[::1]/", "private address"),
        ("https://[::ffff:10.0.0.1]/", "private address"),
        ("https://169.254.169.254/latest/meta-data", "private address"),
        ("http://127.0.0.1:9/", "LTI_PRIVATE_HOSTS"),
        ("http://lms.example/", "begins with https"),
        ("https://user@lms.example/", "begins with https"),
        ("file:///etc/passwd", "begins with https"),
        ("https://lms.example/#x", "begins with https"),
    ],
)
def test_no_address_inside_the_own_network_is_asked(address: str, why: str) -> None:
    with pytest.raises(ProviderAway, match=why):
        Outward([]).ask("GET", address, {})


def test_what_an_ip_address_leads_to_is_known_through_its_disguises() -> None:
    inside = [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "2002:7f00:1::",
        "64:ff9b::a00:1",
        "224.0.0.1",
    ]
    assert [one for one in inside if is_public(one)] == []
    assert is_public("93.184.215.14")
    assert is_public("2606:2800:21f:cb07::1")


@pytest.mark.parametrize(
    ("scheme", "first", "more"),
    [
        ("http", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("http", b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        ("http", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        ("https", b"\x16\x03\x03\x40\x00", b"\x00"),  # a record of 16 KB of the handshake
    ],
)
def test_what_trickles_without_end_is_ended(scheme: str, first: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outward, "WHOLE_S", 1.0)
    with trickling(first, more) as port, pytest.raises(ProviderAway, match="does not answer within 1 s"):
        Outward(["127.0.0.1"]).ask("GET", f"{scheme}://127.0.0.1:{port}/", {})


@contextmanager
def trickling(first: bytes, more: bytes) -> Iterator[int]:
    """The port of a server that says `first`, and `more` again and again; after 20 s it ends."""
    stop = threading.Event()

    def serve() -> None:
        connection, _from = listening.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(first)
            for _ in range(400):
                if stop.wait(0.05):
                    return
                connection.sendall(more)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            stop.set()
            with suppress(OSError):  # where its time was over before anybody connected, the thread waits for somebody
                socket.create_connection(listening.getsockname(), 1).close()
            thread.join()


def test_a_name_that_is_never_found_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ends, known = threading.Event(), socket.getaddrinfo

    def hangs(host: str, *given: Any, **named: Any) -> Any:
        return ends.wait(30) and [] if host == "hangs.example" else known(host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    monkeypatch.setattr(outward, "NAME_S", 0.05)
    monkeypatch.setattr(outward, "_names", threading.Semaphore(2))
    asking = Outward([])
    for why in ["is not found within", "is not found within", "too many names"]:
        with pytest.raises(ProviderAway, match=why):
            asking.ask("GET", "https://hangs.example/", {})
    ends.set()


def test_the_next_page_is_found_in_the_links_that_platforms_send(lms: Services) -> None:
    ask = Outward(["127.0.0.1"]).ask
    for link, found in (
        (f'<{lms.url}/members?page=2>; rel="next"', f"{lms.url}/members?page=2"),
        (f"<{lms.url}/a>; rel=first, </members?p=3>; rel=next", f"{lms.url}/members?p=3"),
        (f'<{lms.url}/a>; rel="nextish"', ""),
        ("<" * 5000, ""),
    ):
        lms.answers["/x"] = (200, {"Link": link}, {})
        answer = ask("GET", f"{lms.url}/x", {})
        assert (answer.next, wanted(answer)) == (found, {})
