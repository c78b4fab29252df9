"""Traces of calls for an OpenTelemetry collector: a span for each call, and one for each that goes on to another server, whose span is within it.

Off without TRACES_URL. A span tells the call's name, status and server, and the id of its session: no address, no student's ID, nothing of a body.
They go by OTLP over HTTP as JSON, in a thread of its own; what can't be sent is dropped and counted, and no call waits for it.
"""

from __future__ import annotations

import http.client
import json
import logging
import re
import secrets
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import certifi
from flask import Flask, Response, g, request

from basics.figures import Figure
from basics.version import VERSION
from basics.worker import Worker
from settings.traces import TraceSettings
from web.access.who_may import is_websocket

log = logging.getLogger(__name__)

HEADER = "Traceparent"
TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
SESSION = re.compile(r"[0-9a-f]{32}")
SERVER: Literal[2] = 2  # kinds of spans, as OTLP has them,
CLIENT: Literal[3] = 3
FAILED = 2  # and the status of one
METHODS = frozenset(("GET", "HEAD", "POST", "OPTIONS"))
KEPT = 2000  # spans that wait
AT_ONCE = 500
EVERY_S, TIMEOUT_S, TOLD_EVERY_S = 5.0, 5.0, 600.0

Value = str | int


@dataclass(slots=True)
class Span:
    """One piece of work; times in ns since 1970."""

    name: str
    kind: Literal[2, 3]
    trace: str
    parent: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    began: int = field(default_factory=time.time_ns)
    ended: int = 0
    failed: bool = False
    said: Mapping[str, Value] = field(default_factory=dict)

    @property
    def header(self) -> str:
        """What leads whoever is asked within it to it."""
        return f"00-{self.trace}-{self.id}-01"


class Traces:
    """Of one server. Safe between threads; nothing here raises or waits but what its own thread does."""

    def __init__(self, settings: TraceSettings, instance: str) -> None:
        """`instance`: this server's name among others. Only where TRACES_URL is set."""
        self._url = urlsplit(settings.traces_url)
        self._below = round(settings.traces_share * (1 << 64))
        self._instance = instance
        self._waiting: deque[Span] = deque()
        self._lock = threading.Lock()  # guards it, and the counts
        self._sent = self._dropped = 0
        self._told_at = -TOLD_EVERY_S
        self._worker = Worker("traces", self._send_some, EVERY_S)
        self.start = self._worker.start

    def stop(self) -> None:
        """End, with a last try to send what waits."""
        self._worker.stop(2 * TIMEOUT_S)
        self._send_some()

    def begin(self, name: str, kind: Literal[2, 3], within: str = "") -> Span | None:
        """A span from now on; None where it is not among those that are traced. `within`: the header of the one to which it belongs."""
        known = TRACEPARENT.fullmatch(within)
        trace, parent = known.groups() if known else (secrets.token_hex(16), "")
        return Span(name, kind, trace, parent) if int(trace[16:], 16) < self._below else None

    def begin_within(self, name: str) -> Span | None:
        """Something that another server is asked within the present call; None where that is not traced."""
        span: Span | None = g.get("span")
        return self.begin(name, CLIENT, span.header) if span is not None else None

    def end(self, span: Span | None, said: Mapping[str, Value], *, failed: bool) -> None:
        """It ends now; `said` are its attributes."""
        if span is None:
            return
        span.ended, span.failed, span.said = time.time_ns(), failed, said
        with self._lock:
            if len(self._waiting) >= KEPT:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(span)
            many = len(self._waiting) == AT_ONCE
        if many:
            self._worker.wake()

    def figures(self) -> Iterator[Figure]:
        """For `/metrics`."""
        about = "Spans of traces that the collector took, and those that were dropped."
        yield from (Figure("trace_spans_total", about, count, {"what": what}) for what, count in (("sent", self._sent), ("dropped", self._dropped)))

    def _send_some(self) -> float:
        with self._lock:
            spans = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        if not spans:
            return EVERY_S
        problem = self._post(json.dumps(document_of(spans, self._instance)).encode())
        with self._lock:
            self._sent += 0 if problem else len(spans)
            self._dropped += len(spans) if problem else 0
        if problem and time.monotonic() - self._told_at > TOLD_EVERY_S:
            self._told_at = time.monotonic()
            log.warning("the collector at %s takes no traces, and they are dropped: %s", self._url.geturl(), problem)
        return EVERY_S if problem or not self._waiting else 0.0

    def _post(self, body: bytes) -> str:
        """Why they are not taken; empty: they are. No redirect is followed, no proxy of the environment used."""
        host, port = self._url.hostname or "", self._url.port
        secure = self._url.scheme == "https"
        connection = (
            http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context(cafile=certifi.where()))
            if secure
            else http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        )
        try:
            query = f"?{self._url.query}" if self._url.query else ""
            connection.request("POST", (self._url.path or "/") + query, body, {"Content-Type": "application/json", "Connection": "close"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException, ValueError) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()
        return "" if 200 <= status < 300 else f"it answers {status}"


def document_of(spans: Sequence[Span], instance: str) -> dict[str, Any]:
    """An `ExportTraceServiceRequest` of OTLP, as JSON has it: ids in hexadecimal digits, 64-bit numbers as text."""
    server = {"service.name": "exam-proctor", "service.version": VERSION, **({"service.instance.id": instance} if instance else {})}
    scope = {"name": "exam-proctor", "version": VERSION}
    return {
        "resourceSpans": [
            {"resource": {"attributes": _attributes(server)}, "scopeSpans": [{"scope": scope, "spans": [_span(span) for span in spans]}]},
        ]
    }


def _span(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace,
        "spanId": span.id,
        **({"parentSpanId": span.parent} if span.parent else {}),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.began),
        "endTimeUnixNano": str(max(span.began, span.ended)),
        "attributes": _attributes(span.said),
        "status": {"code": FAILED} if span.failed else {},
    }


def _attributes(said: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}} for key, value in said.items()]


def register_traces(app: Flask, traces: Traces | None) -> None:
    """Trace every call to `app` but sockets, which last as long as an exam. To be registered before what may answer in place of a view."""
    if traces is None:
        return

    @app.before_request
    def begin_trace() -> None:
        if not is_websocket(request.environ):
            g.span = traces.begin(" ".join(_call()), SERVER, request.headers.get(HEADER, ""))

    @app.after_request
    def end_trace(response: Response) -> Response:
        span: Span | None = g.pop("span", None)
        if span is not None:
            method, rule = _call()
            session_id = str((request.view_args or {}).get("session_id") or g.get("student_session_id") or "")
            said: dict[str, Value] = {"http.request.method": method, "http.route": rule, "http.response.status_code": response.status_code}
            said |= {"session.id": session_id} if SESSION.fullmatch(session_id) else {}
            traces.end(span, said, failed=response.status_code >= 500)
        return response


def _call() -> tuple[str, str]:
    """The present call's method and route: never the path, which strangers choose."""
    return request.method if request.method in METHODS else "other", request.url_rule.rule if request.url_rule is not None else "none"
