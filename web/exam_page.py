"""The exam's own page (EXAM_URL): may a browser show it in a frame of the students' page? Most learning platforms refuse that.

It is asked once at the start and then from time to time, in a thread of its own: headers alone count, and another site's address is never
followed. An exam's address is the word of whoever teaches it, and may come from a learning platform: only EXAM_URL, and hosts that LTI_PRIVATE_HOSTS
names, may lie within one's own network. What can't be told is no refusal.
"""

from __future__ import annotations

import http.client
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import SplitResult, urljoin, urlsplit

from basics.texts import _
from settings.settings import Settings
from web.integrations.lti.outward import connection_to

log = logging.getLogger(__name__)

Opens = Literal["auto", "frame", "window"]
Shown = Literal["frame", "window", "either"]  # either: in a frame, with a way out where it stays empty

CONNECT_S, ASK_S = 3.0, 10.0  # for each connection, and between two bytes of an answer
WHOLE_S = 20.0  # for all of one look, however slowly its answers come
REDIRECTS = 5
ADDRESSES_MAX = 200
AGAIN_S, AGAIN_SOON_S = 3600.0, 300.0  # where it could be told, and where it couldn't
PORTS = {"http": 80, "https": 443}
HEADERS = {"User-Agent": "Mozilla/5.0 (exam proctor; looks whether this page may be framed)", "Accept": "text/html,*/*;q=0.5", "Connection": "close"}
SOURCE = re.compile(r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[a-z0-9.-]+)(?::(?P<port>\d+|\*))?(?:/.*)?")


@dataclass(frozen=True, slots=True)
class Look:
    """What the page said of frames. `elsewhere` is the site that it leads to, empty where it stays; `problem` why it could not be looked at."""

    address: str
    frame_options: Sequence[str] = ()
    policies: Sequence[str] = ()
    elsewhere: str = ""
    problem: str = ""


def why_not_framed(look: Look, portal: str) -> str:
    """Why a page of the site `portal` (scheme, host and port) may not show what was looked at in a frame; empty where it may."""
    if look.elsewhere:
        return f"it leads to {look.elsewhere}"
    ours, theirs = _origin(urlsplit(portal)), _origin(urlsplit(look.address))
    ancestors = [listed for policy in look.policies if (listed := _ancestors(policy)) is not None]
    for listed in ancestors:
        if not any(_allows(source, ours, theirs) for source in listed):
            return f"Content-Security-Policy: frame-ancestors {' '.join(listed)[:100]}"
    if ancestors:
        return ""  # X-Frame-Options is not looked at then
    options = {option.strip().lower() for header in look.frame_options for option in header.split(",")}
    if "deny" in options or ("sameorigin" in options and ours != theirs):
        return f"X-Frame-Options: {', '.join(look.frame_options)[:100]}"
    return ""


def look_at(address: str, private: Collection[str] = (), whole_s: float = WHOLE_S) -> Look:
    """Ask for the page as a browser does. `private` are the hosts that may have private addresses. Never raises: what is wrong is the look's
    `problem`.
    """
    first = urlsplit(address)
    here, ends = first, time.monotonic() + whole_s
    try:
        for _step in range(REDIRECTS):
            answer = _ask(here, private, ends)
            target = urlsplit(urljoin(here.geturl(), answer.location)) if answer.location else None
            if target is None:
                return Look(here.geturl(), answer.frame_options, answer.policies)
            if not _same_site(first, target):
                return Look(here.geturl(), elsewhere=f"{target.scheme}://{target.netloc}"[:200])
            here = target
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Look(address, problem=str(error)[:200] or type(error).__name__)
    return Look(address, problem=f"it leads on more than {REDIRECTS} times")


class ExamPage:
    """What is known of EXAM_URL now, and of the addresses of exams that somebody defined. Safe between threads."""

    def __init__(self, settings: Settings) -> None:
        self._address = settings.exam_url
        self._opens: Opens = settings.exam_opens
        self._portal = settings.public_url
        self._private = frozenset(host.casefold() for host in (*settings.lti_hosts, urlsplit(settings.exam_url).hostname or "") if host)
        self._looks: dict[str, tuple[Look | None, float]] = {}  # of each address what was seen, and when to look again, on the monotonic clock
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look, where there is an address and it matters."""
        self.look_soon(self._address, self._opens)

    def stop(self) -> None:
        """End it; a look under way is not waited for."""
        self._stopping.set()
        self._wake.set()

    def look_soon(self, address: str, opens: Opens) -> None:
        """Look at an address that is used from now on; of many the one that was asked for last goes first, and the oldest is forgotten."""
        if not address or opens != "auto" or self._stopping.is_set():
            return
        with self._lock:
            before = self._looks.pop(address, (None, 0.0))[0]
            self._looks[address] = (before, 0.0)
            while len(self._looks) > ADDRESSES_MAX:
                del self._looks[next(one for one in self._looks if one != self._address)]
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="exam-page", daemon=True)
                self._thread.start()
        self._wake.set()

    def look_at_new(self, address: str, opens: Opens) -> None:
        """Look at an address that nobody has looked at since the server's start."""
        if address not in self._looks:
            self.look_soon(address, opens)

    @property
    def _look(self) -> Look | None:
        return self._looks.get(self._address, (None, 0.0))[0]

    def shown_in(self, portal: str, address: str | None = None, opens: Opens | None = None) -> Shown:
        """How a portal page of the site `portal` is to show an exam's address, None: EXAM_URL."""
        opens = opens or self._opens
        if opens != "auto":
            return opens
        look = self._look if address is None else self._looks.get(address, (None, 0.0))[0]
        if look is None or look.problem:
            return "either"
        return "window" if why_not_framed(look, portal) else "frame"

    def health(self) -> dict[str, Any]:
        """For operators."""
        look = self._look
        if not self._address or self._opens != "auto":
            return {"state": "off" if not self._address else "ok", **({"shown_in": self._opens} if self._address else {})}
        if look is None:
            return {"state": "starting"}
        if look.problem:
            reason = _(
                "EXAM_URL could not be looked at (%(problem)s): students see it in a frame, with a button that opens it in a window",
                problem=look.problem,
            )
            return {"state": "idle", "shown_in": "either", "reason": reason}
        why = why_not_framed(look, self._portal)
        if not why:
            return {"state": "ok", "shown_in": "frame"}
        return {
            "state": "ok",
            "shown_in": "window",
            "reason": _("EXAM_URL refuses to be shown in a frame (%(why)s): students open it in a window of its own", why=why),
        }

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            with self._lock:
                due = [address for address, (_look, at) in self._looks.items() if at <= time.monotonic()]
            for address in reversed(due):
                if self._stopping.is_set():
                    return
                self._look_at(address)
            with self._lock:
                pause = min((at for _look, at in self._looks.values()), default=0.0) - time.monotonic()
            self._wake.wait(max(0.0, pause))

    def _look_at(self, address: str) -> None:
        look = look_at(address, self._private)
        with self._lock:
            if address not in self._looks:
                return
            before = self._looks[address][0]
            self._looks[address] = (look, time.monotonic() + (AGAIN_SOON_S if look.problem else AGAIN_S))
        if look != before and address == self._address:
            log.info("the exam's page: %s", self.health().get("reason") or "it may be shown in a frame")


@dataclass(frozen=True, slots=True)
class _Answer:
    location: str
    frame_options: Sequence[str]
    policies: Sequence[str]


def _ask(address: SplitResult, private: Collection[str], ends: float) -> _Answer:
    """One request, whose body is left unread. Raise `OSError`, `ValueError` or `HTTPException`."""
    host, port = address.hostname or "", address.port or PORTS[address.scheme]
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("it takes too long")
    connected = connection_to(host, port, min(CONNECT_S, left), private)
    connected.settimeout(min(ASK_S, left))
    if address.scheme == "https":
        connected = ssl.create_default_context().wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)
    connection = (http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection)(host, port)
    connection.sock = connected
    end = threading.Timer(ends - time.monotonic(), _shut, (connected,))
    end.daemon = True
    end.start()
    try:
        if isinstance(connected, ssl.SSLSocket):
            connected.do_handshake()
        path = address.path or "/"
        connection.request("GET", f"{path}?{address.query}" if address.query else path, headers=HEADERS)
        answer = connection.getresponse()
        if time.monotonic() >= ends:  # cut off, which reads as the headers' end
            raise TimeoutError("it takes too long")
        location = (answer.getheader("Location") or "") if 300 <= answer.status < 400 else ""
        headers = answer.msg
        found = _Answer(location, headers.get_all("X-Frame-Options") or [], headers.get_all("Content-Security-Policy") or [])
        if answer.status >= 400:  # an error, whose page is not the exam
            raise ValueError(f"it answers {answer.status}")
        return found
    finally:
        end.cancel()
        connection.close()


def _shut(connected: socket.socket) -> None:
    """Whoever reads from it reads its end."""
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _origin(address: SplitResult) -> tuple[str, str, int]:
    try:
        port = address.port or PORTS.get(address.scheme, 0)
    except ValueError:
        port = 0
    return address.scheme, (address.hostname or "").lower(), port


def _same_site(first: SplitResult, target: SplitResult) -> bool:
    """Is it the same host and port, or its default one by HTTPS? Our own policy lets a frame show no other."""
    here, there = _origin(first), _origin(target)
    return there == here or (here[1] == there[1] and (here[0], here[2], there[0], there[2]) == ("http", 80, "https", 443))


def _ancestors(policy: str) -> list[str] | None:
    """The sources of the first `frame-ancestors` in one policy; None where there is none."""
    for directive in policy.split(";"):
        words = directive.lower().split()
        if words[:1] == ["frame-ancestors"]:
            return words[1:]
    return None


def _allows(source: str, ours: tuple[str, str, int], theirs: tuple[str, str, int]) -> bool:
    """Does one source of `frame-ancestors` allow our site?"""
    scheme, host, port = ours
    if source in {"'self'", "*"}:
        return source == "*" or ours == theirs
    if source in {"http:", "https:"}:
        return scheme in {source[:-1], "https"}
    found = SOURCE.fullmatch(source)
    if found is None:
        return False
    name, wanted = found["host"], found["scheme"] or theirs[0]
    is_scheme = scheme == wanted or (wanted, scheme) == ("http", "https")
    is_host = name in {"*", host} or (name.startswith("*.") and host.endswith(name[1:]))
    return is_scheme and is_host and (found["port"] == "*" or port == int(found["port"] or PORTS.get(scheme, 0)))
