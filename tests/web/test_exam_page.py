"""What the exam's own page says of frames: read as browsers read it, asked for without following it elsewhere, told to operators and portal."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.helpers.waiting import free_port, until
from tests.helpers.web import settings_for
from web.exam_page import REDIRECTS, ExamPage, Look, look_at, why_not_framed

EXAM = "https://moodle.uni.example/course?id=1"
PORTAL = "https://proctor.uni.example"
HERE = ("127.0.0.1",)


def allowed(portal: str = PORTAL, address: str = EXAM, options: Sequence[str] = (), policies: Sequence[str] = ()) -> bool:
    return not why_not_framed(Look(address, options, policies), portal)


@pytest.mark.parametrize(
    ("options", "policies", "framed"),
    [
        ([], [], True),
        (["DENY"], [], False),
        (["sameorigin"], [], False),
        (["SAMEORIGIN, SAMEORIGIN"], [], False),
        (["ALLOW-FROM https://proctor.uni.example"], [], True),  # no browser of today knows it
        ([], ["default-src 'self'"], True),
        ([], ["frame-ancestors 'none'"], False),
        ([], ["default-src 'self'; FRAME-ANCESTORS 'self'"], False),
        ([], ["frame-ancestors 'self' https://proctor.uni.example"], True),
        ([], ["frame-ancestors proctor.uni.example"], True),
        ([], ["frame-ancestors *.uni.example"], True),
        ([], ["frame-ancestors *.example.org"], False),
        ([], ["frame-ancestors https://proctor.uni.example:8443"], False),
        ([], ["frame-ancestors https://proctor.uni.example:*"], True),
        ([], ["frame-ancestors http://proctor.uni.example"], True),  # and what is safer
        ([], ["frame-ancestors http://proctor.uni.example:*"], True),
        ([], ["frame-ancestors *"], True),
        ([], ["frame-ancestors https:"], True),
        ([], ["frame-ancestors"], False),
        ([], ["frame-ancestors (odd) ://"], False),
        (["DENY"], ["frame-ancestors *"], True),  # the older header is not looked at where there is the newer one
        ([], ["frame-ancestors *", "frame-ancestors 'none'"], False),
    ],
)
def test_a_frame_is_refused_as_browsers_refuse_it(options: list[str], policies: list[str], framed: bool) -> None:
    assert allowed(options=options, policies=policies) is framed


def test_a_page_of_the_portals_own_site_may_be_framed_by_it() -> None:
    for headers in ({"options": ["SAMEORIGIN"]}, {"policies": ["frame-ancestors 'self'"]}):
        assert allowed("https://uni.example/proctor", "https://uni.example:443/exam", **headers)
        assert not allowed("https://uni.example/proctor", "https://uni.example:8443/exam", **headers)
    assert not allowed(options=["deny"], portal=EXAM)


class Platform(BaseHTTPRequestHandler):
    """A learning platform: what each of its paths answers."""

    answers: ClassVar[dict[str, tuple[int, dict[str, str]]]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, headers = self.answers.get(self.path, (200, {}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"x" * 200_000 if self.path == "/long" else b"exam")

    def log_message(self, format: str, *args: Any) -> None:
        """It says nothing."""


@pytest.fixture
def platform() -> Iterator[str]:
    Platform.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Platform) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_the_page_that_a_login_leads_to_decides(platform: str) -> None:
    Platform.answers = {"/exam?id=1": (303, {"Location": "/login"}), "/login": (200, {"X-Frame-Options": "SAMEORIGIN"})}
    look = look_at(f"{platform}/exam?id=1#top", HERE)
    assert (look.frame_options, look.problem, Platform.asked) == (["SAMEORIGIN"], "", ["/exam?id=1", "/login"])


def test_another_site_is_never_asked_and_no_frame_of_ours_may_show_it(platform: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Platform) as other:
        Platform.answers = {"/exam": (302, {"Location": f"http://127.0.0.1:{other.server_port}/inner"})}
        look = look_at(f"{platform}/exam", HERE)
        assert look.elsewhere == f"http://127.0.0.1:{other.server_port}"
    assert Platform.asked == ["/exam"]
    assert "it leads to" in why_not_framed(look, PORTAL)


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({"/exam": (302, {"Location": "/exam"})}, f"more than {REDIRECTS} times"),
        ({"/exam": (503, {})}, "503"),
        ({"/exam": (404, {"X-Frame-Options": "DENY"})}, "404"),
        ({"/exam": (302, {"Location": "http://[broken"})}, "IPv6"),
    ],
)
def test_what_can_not_be_told_is_a_problem_and_no_refusal(platform: str, answers: dict[str, Any], problem: str) -> None:
    Platform.answers = answers
    assert problem in look_at(f"{platform}/exam", HERE).problem
    assert len(Platform.asked) <= REDIRECTS


def test_a_page_that_is_away_or_long_is_looked_at_by_its_headers_alone(platform: str) -> None:
    assert look_at(f"http://127.0.0.1:{free_port()}/exam", HERE).problem
    assert look_at(f"{platform}/long", HERE).problem == ""


def test_an_address_within_ones_own_network_is_asked_only_where_the_operator_names_it(platform: str, tmp_path: Path) -> None:
    for address in (platform, platform.replace("127.0.0.1", "localhost")):
        assert "private address" in look_at(f"{address}/exam").problem
    assert Platform.asked == []
    port = platform.rpartition(":")[2]
    for settings in ({"exam_url": f"{platform}/exam"}, {"lti_private_hosts": "127.0.0.1"}):
        page = ExamPage(settings_for(tmp_path, **settings))
        page.look_soon(f"http://127.0.0.1:{port}/of-an-exam", "auto")
        until(lambda page=page: page.shown_in(PORTAL, f"http://127.0.0.1:{port}/of-an-exam", "auto") == "frame")  # type: ignore[misc]
        page.stop()


def test_a_page_that_trickles_is_looked_at_no_longer_than_a_whole_look_takes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            taken, _address = server.accept()
            with taken, suppress(OSError):
                taken.sendall(b"HTTP/1.1 200 OK\r\n")
                while not done.wait(0.02):
                    taken.sendall(b"X")

        done = threading.Event()
        thread = threading.Thread(target=trickle)
        thread.start()
        look = look_at(f"http://127.0.0.1:{server.getsockname()[1]}/exam", HERE, whole_s=0.3)
        done.set()
        thread.join()
    assert look.problem


def test_the_server_looks_at_its_start_and_says_what_it_found(platform: str, tmp_path: Path) -> None:
    Platform.answers = {"/exam": (200, {"X-Frame-Options": "DENY"})}
    page = ExamPage(settings_for(tmp_path, exam_url=f"{platform}/exam"))
    assert (page.shown_in(PORTAL), page.health()["state"]) == ("either", "starting")
    page.start()
    until(lambda: page.shown_in(PORTAL) == "window")
    page.stop()
    assert "X-Frame-Options: DENY" in page.health()["reason"]


@pytest.mark.parametrize("opens", ["frame", "window"])
def test_who_chose_how_it_opens_is_not_asked(platform: str, tmp_path: Path, opens: str) -> None:
    page = ExamPage(settings_for(tmp_path, exam_url=f"{platform}/exam", exam_opens=opens))
    page.start()
    page.stop()
    assert (page.shown_in(PORTAL), page.health(), Platform.asked) == (opens, {"state": "ok", "shown_in": opens}, [])
    assert ExamPage(settings_for(tmp_path)).health() == {"state": "off"}
