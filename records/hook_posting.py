"""One request of a webhook: signed by the Standard Webhooks rules, sent to the machine that was looked at, and bounded in time and size.

No redirect is followed, no proxy of the environment used: either would lead past the look at the address.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

import certifi

from basics.texts import _
from basics.version import VERSION
from records.hook_address import Refused, Target

CONNECT_S = 5.0
ALL_S = 15.0
ANSWER_MAX = 64 << 10  # bytes that are read of an answer,
KEPT_MAX = 300  # and characters that are kept of it
PREFIX = "whsec_"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try. `status` 0: none came, and `reason` says why. `over`: how it ended for good, whatever the status; empty: as that says.
    `waits`: it was not asked, for it is not time yet.
    """

    status: int = 0
    said: str = ""
    reason: str = ""
    retry_after: str = ""
    is_page: bool = False  # a web page answered: probably something in front of what was meant
    took_s: float = 0.0
    over: Literal["", "delivered", "given_up"] = ""
    waits: bool = False

    @property
    def is_success(self) -> bool:
        """Was it taken? Whatever leads elsewhere was not."""
        return self.over == "delivered" or (not self.over and 200 <= self.status < 300)


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, as it stands in the header. The secret is `whsec_` and base64, or the key itself."""
    key = base64.b64decode(secret.removeprefix(PREFIX)) if secret.startswith(PREFIX) else secret.encode()
    signed = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(signed).decode()


def headers_of(message_id: str, body: bytes, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers of a try that is made `now`; while a secret is rotated each signs."""
    timestamp = int(now.timestamp())
    return {
        "content-type": "application/json",
        "user-agent": f"exam-proctor/{VERSION}",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in secrets),
    }


def post(target: Target, headers: dict[str, str], body: bytes, *, connect_s: float = CONNECT_S, all_s: float = ALL_S) -> Answer:
    """Send one. What the name, the machine or its answer is like raises nothing."""
    began = time.monotonic()
    try:
        places = target.places(min(connect_s, all_s))
        left = all_s - (time.monotonic() - began)
        if left <= 0:
            return Answer(reason=_("no answer came in time"), took_s=all_s)
        with _Watched(left) as watch:
            try:
                answer = _send(target, places, headers, body, connect_s, watch)
            except (OSError, http.client.HTTPException, ValueError) as error:
                answer = Answer(reason=_reason(error), took_s=time.monotonic() - began)
            if watch.is_over:  # an answer that was cut off may look whole
                return Answer(reason=_("no answer came in time"), took_s=time.monotonic() - began)
    except Refused as refused:
        return Answer(reason=str(refused), took_s=time.monotonic() - began)
    return answer


def _send(target: Target, places: Sequence[str], headers: dict[str, str], body: bytes, connect_s: float, watch: _Watched) -> Answer:
    began = time.monotonic()
    connection = http.client.HTTPConnection(target.host, target.port)
    try:
        connection.sock = _connected(target, places, connect_s, watch)
        connection.request("POST", target.path, body, {"host": target.host_header, "connection": "close", **headers})
        response = connection.getresponse()
        said = response.read(ANSWER_MAX)
        kind = (response.getheader("content-type") or "").partition(";")[0].strip().lower()
        text = "".join(character if character.isprintable() else " " for character in said.decode("utf-8", "replace"))
        after = (response.getheader("retry-after") or "").strip()[:60]
        return Answer(response.status, " ".join(text.split())[:KEPT_MAX], "", after, kind == "text/html", time.monotonic() - began)
    finally:
        connection.close()


def _connected(target: Target, places: Sequence[str], connect_s: float, watch: _Watched) -> socket.socket:
    """A connection to one of the places; by TLS its certificate is looked at for the host's name."""
    failed: OSError | None = None
    for place in places[:3]:
        try:
            plain = socket.create_connection((place, target.port), timeout=connect_s)
        except OSError as error:
            failed = error
            if watch.is_over:
                break
            continue
        watch.over(plain)
        if watch.is_over:
            plain.close()
            raise TimeoutError
        if not target.secure:
            plain.settimeout(ALL_S)
            return plain
        secured = _tls().wrap_socket(plain, server_hostname=target.host, do_handshake_on_connect=False)
        watch.over(secured)
        secured.settimeout(connect_s)
        try:
            secured.do_handshake()
        except BaseException:
            secured.close()
            raise
        secured.settimeout(ALL_S)
        return secured
    raise failed or OSError(_("there is no machine of that name"))


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()  # the machine's own certificates: a university's too
    context.load_verify_locations(certifi.where())
    return context


class _Watched:
    """Ends a connection that takes longer than its time, however slowly something comes."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._sock: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def over(self, sock: socket.socket) -> None:
        """Watch over this one now."""
        with self._lock:
            self._sock = sock
        if self.is_over:
            self._end()

    def __enter__(self) -> _Watched:
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            if self._sock is not None:
                with contextlib.suppress(OSError):
                    # The socket's own: TLS would first forget that it is there, and what is sent in that moment would go in the clear.
                    socket.socket.shutdown(self._sock, socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _("its certificate is not good for that name: %(error)s", error=error.verify_message)
    if isinstance(error, TimeoutError):
        return _("no answer came in time")
    return " ".join(str(error).split())[:200] or type(error).__name__
