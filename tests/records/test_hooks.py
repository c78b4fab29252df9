"""Where webhooks may be sent, how one request is bounded, and what the endpoints' records take."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from basics.errors import Conflict, InvalidInput
from basics.times import utc_now
from database import Database
from records import hook_posting
from records.hook_address import Refused, is_public, target_of
from records.hook_events import BODY_MAX, body_of, with_names
from records.hook_posting import headers_of, post
from records.hooks import ENDPOINTS_MAX, OLD_MAX, Hooks, endpoint_of
from settings.settings import load_settings
from tests.helpers.hooks import HERE, KEY, receiving


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "https://localhost/x",
        "https://a.localhost./x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[::ffff:7f00:1]/x",
        "https://[2002:7f00:1::]/x",
        "https://[64:ff9b::a00:1]/x",
        "https://10.0.0.5/x",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/x",
        "https://224.0.0.1/x",
        "https://[fe80::1]/x",
        "https://0.0.0.0/x",
        "https://user:pw@hooks.example/x",
        "https://hooks.example/x#y",
        "https://hooks.example:0/x",
        "https://hooks.example:99999/x",
        "https:///x",
        "ftp://hooks.example/x",
        "https://hooks.example/a b",
        "https://hooks.exämple/",
        "https://hooks.example/" + "x" * 500,
        "https://[::1/x",
    ],
)
def test_addresses_to_which_nothing_is_sent(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        target_of(url, {"lms.uni.example"})
    assert refused.value.field == "url"


def test_hosts_that_are_named_may_lie_within_the_own_network() -> None:
    target = target_of("http://LMS.uni.example:8080/in?x=1", {"lms.uni.example"})
    assert (target.host, target.port, target.path, target.host_header) == ("lms.uni.example", 8080, "/in?x=1", "lms.uni.example:8080")
    assert target_of("https://hooks.example", ()).path == "/"
    assert target_of("https://[::1]/x", {"::1"}).host_header == "[::1]"
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1::1")


@pytest.mark.parametrize("place", ["127.0.0.1", "::ffff:127.0.0.1", "10.1.2.3", "fe80::1%lo"])
def test_a_name_that_leads_inside_is_refused_when_it_is_used(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    family = socket.AF_INET6 if ":" in place else socket.AF_INET
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443)), (family, socket.SOCK_STREAM, 6, "", (place, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    target = target_of("https://rebound.example/x", ())
    with pytest.raises(Refused):
        target.places()
    answer = post(target, {}, b"{}")
    assert (answer.status, answer.is_success) == (0, False)
    assert "HOOKS_PRIVATE_HOSTS" in answer.reason


def test_the_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def once(host: str, port: int, *_args: object, **_more: object) -> list[tuple[object, ...]]:
        asked.append(host)
        place = HERE if len(asked) == 1 or host == HERE else "192.0.2.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port))]

    with receiving() as receiver:
        monkeypatch.setattr(socket, "getaddrinfo", once)
        target = target_of(receiver.url.replace(HERE, "lms.uni.example"), {"lms.uni.example"})
        assert post(target, headers_of("m", b"{}", ["whsec_MDEyMzQ1Njc4OWFiY2RlZg=="], utc_now()), b"{}").status == 204
        assert receiver.came[0][0]["host"].startswith("lms.uni.example:")
    assert asked.count("lms.uni.example") == 1


def test_a_name_server_that_hangs_is_left_and_each_family_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: over.wait(60))
    answer = post(target_of("https://hooks.example/", ()), {}, b"{}", all_s=0.2)
    over.set()
    assert "in time" in answer.reason
    places = ["2606:2800::1", "2606:2800::2", "2606:2800::3", "93.184.216.34"]
    found = [(socket.AF_UNSPEC, socket.SOCK_STREAM, 6, "", (place, 443)) for place in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    assert target_of("https://hooks.example/", ()).places() == [places[0], places[3], places[1], places[2]]


def test_time_that_is_over_before_there_is_a_connection_ends_the_try() -> None:
    watch = hook_posting._Watched(60)
    watch.is_over = True
    with receiving() as receiver, pytest.raises(TimeoutError):
        hook_posting._connected(target_of(receiver.url.replace("http:", "https:"), {HERE}), [HERE], 5.0, watch)


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with receiving() as receiver:
        assert post(target_of(receiver.url, {HERE}), {}, b"{}").status == 204


@contextmanager
def dripping(*pieces: bytes) -> Iterator[int]:
    """A server that answers with these pieces and then neither ends nor says more."""
    listener = socket.create_server((HERE, 0))
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):  # nobody came, or went at once
            connection, _address = listener.accept()
            with connection:
                for piece in pieces:
                    connection.sendall(piece)
                over.wait(60)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # where nobody came in time it would be waited for without end
        thread.join(10)
        listener.close()


@pytest.mark.parametrize("pieces", [(), (b"HTTP/1.1 200 OK\r\n",), (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b"x")])
def test_an_endpoint_that_hangs_is_left_after_its_time(pieces: tuple[bytes, ...]) -> None:
    with dripping(*pieces) as port:
        answer = post(target_of(f"http://{HERE}:{port}/", {HERE}), {}, b"{}", all_s=0.3)
    assert not answer.is_success
    assert "in time" in answer.reason


def test_what_is_no_http_and_nobody_at_all_are_told() -> None:
    with dripping(b"SSH-2.0-OpenSSH\r\n") as port:
        assert post(target_of(f"http://{HERE}:{port}/", {HERE}), {}, b"{}").reason
        closed = port
    assert "refused" in post(target_of(f"http://{HERE}:{closed}/", {HERE}), {}, b"{}").reason


def test_an_endless_answer_is_read_in_part() -> None:
    with receiving() as receiver:
        receiver.answer = lambda _path: (200, {}, b"x" * (1 << 20))
        assert len(post(target_of(receiver.url, {HERE}), {}, b"{}").said) == 300


def test_a_body_is_never_long() -> None:
    data = {"session_id": "a" * 32, "sequence": 4, "exam_id": "x" * 50_000}
    body = body_of("session.ended", utc_now(), data)
    assert len(body) < BODY_MAX
    assert '"sequence": 4' in body
    assert with_names(body_of("x", utc_now(), {"by": "Ada"}), by="", student="").endswith('"data":{}}')


def test_endpoints_are_few_and_their_fields_bounded(database: Database) -> None:
    hooks = Hooks(database, KEY, ())
    for number in range(ENDPOINTS_MAX):
        hooks.add(f"Hook {number}", "https://hooks.example/", by="Ada")
    with pytest.raises(Conflict):
        hooks.add("One more", "https://hooks.example/", by="Ada")
    one = hooks.all()[0]
    for wrong in ({"name": ""}, {"name": "a\nb" * 99}, {"url": "https://10.0.0.1/"}, {"events": ["session.ended", "x"]}, {"exams": ["e"] * 201}):
        with pytest.raises(InvalidInput):
            hooks.change(one.id, **wrong)
    assert hooks.get(one.id) == one


def test_secrets_sign_for_their_day_and_of_two_who_make_one_at_once_one_is_told_so(database: Database) -> None:
    hooks = Hooks(database, KEY)
    endpoint, first = hooks.add("Registry", "https://hooks.example/", by="Ada")
    made = [hooks.rotate(endpoint.id)[1] for _time in range(2)]
    assert hooks.secrets_of(hooks.get(endpoint.id), utc_now()) == [made[1], made[0], first]
    assert hooks.secrets_of(hooks.get(endpoint.id), utc_now() + timedelta(hours=25)) == [made[1]]
    others = [hooks]

    def meanwhile() -> datetime:
        others.pop().rotate(endpoint.id)
        return utc_now()

    with pytest.raises(Conflict):
        Hooks(database, KEY, now=meanwhile).rotate(endpoint.id)
    assert len(hooks.rotate(endpoint.id)[0].secrets) == OLD_MAX + 1


def test_a_damaged_endpoint_is_told_nothing() -> None:
    for wrong in ({"events": 3}, {"exams": "e"}, {"url": None}, {"enabled": 1}):
        document: dict[str, Any] = {"_id": "x", "url": "https://hooks.example/", "events": [], "exams": [], "courses": [], "enabled": True, **wrong}
        assert not endpoint_of(document).wants("session.ended", utc_now(), "e", "")


def test_the_hosts_of_the_own_network_are_named_without_scheme_and_port() -> None:
    settings = load_settings(_env_file=None, hooks_private_hosts=" LMS.uni.example, 10.0.0.5,fd00::5,")
    assert settings.private_hosts == {"lms.uni.example", "10.0.0.5", "fd00::5"}
    for wrong in ("https://lms.uni.example", "lms.uni.example:443", "a b", "*"):
        with pytest.raises(Exception, match="no host"):
            load_settings(_env_file=None, hooks_private_hosts=wrong)


def test_a_certificate_is_looked_at_for_the_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), utc_now()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lms.uni.example")])
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.DNSName("lms.uni.example")])
    made = built.add_extension(names, critical=False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    (tmp_path / "cert").write_bytes(made)
    (tmp_path / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    trusting = ssl.create_default_context(cadata=made.decode())
    found = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: found(HERE if "example" in host else host, *more, **named))
    with receiving(serving) as receiver:
        port = receiver.url.split(":")[2]
        of = {host: target_of(f"https://{host}:{port}", {host}) for host in ("lms.uni.example", "other.example")}
        assert "certificate" in post(of["lms.uni.example"], {}, b"{}").reason, "nobody vouches for it"
        monkeypatch.setattr(hook_posting, "_tls", lambda: trusting)
        assert post(of["lms.uni.example"], {}, b"{}").status == 204
        assert "certificate" in post(of["other.example"], {}, b"{}").reason
        assert len(receiver.came) == 1
