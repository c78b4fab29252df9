"""Calls are traced over the servers that they reach, by a collector of OTLP over HTTP; none of it where nobody asked for traces."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from basics.errors import ConfigError
from settings.settings import load_settings
from tests.helpers.town import Town
from tests.helpers.waiting import free_port
from tests.helpers.web import API_TOKEN, PASSWORD
from web.traces import CLIENT, KEPT, SERVER, Traces


class Collector:
    """Takes traces on loopback."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        taken = self.taken

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/json"
                taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def spans(self) -> list[dict[str, Any]]:
        return [span for one in self.taken for resource in one["resourceSpans"] for scope in resource["scopeSpans"] for span in scope["spans"]]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def said(span: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def test_a_call_that_goes_on_is_one_trace_over_both_servers(town: Town, collector: Collector) -> None:
    shared = {"proctor_password": PASSWORD, "api_token": API_TOKEN, "traces_url": collector.url, "traces_share": 1.0}
    a, b = (town.house(name, **shared) for name in ("a", "b"))
    a.serve()
    town.pass_time(2, a, b)
    session = a.begin("ann")
    for house in (a, b):
        assert house.parts.traces is not None
        house.parts.traces.start()
    script = b.app.test_client()
    script.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {API_TOKEN}"
    assert script.get(f"/api/session/{session.session_id}/details").get_json()["session"]["is_running"], "it went on to a"
    assert script.get("/nowhere/at/all").status_code == 404
    for house in (a, b):
        assert house.parts.traces is not None
        house.parts.traces.stop()
    spans = collector.spans()
    sent_on = next(span for span in spans if span["kind"] == CLIENT)
    first = next(span for span in spans if span["spanId"] == sent_on["parentSpanId"])
    there = next(span for span in spans if span.get("parentSpanId") == sent_on["spanId"])
    assert first["traceId"] == sent_on["traceId"] == there["traceId"]
    assert {first["kind"], there["kind"]} == {SERVER}
    assert "parentSpanId" not in first
    assert said(there) == {
        "http.request.method": "GET",
        "http.route": "/api/session/<session_id>/details",
        "http.response.status_code": "200",
        "session.id": session.session_id,
    }
    assert int(there["startTimeUnixNano"]) <= int(there["endTimeUnixNano"])
    resources = {said(resource["resource"])["service.instance.id"] for one in collector.taken for resource in one["resourceSpans"]}
    assert resources == {"a", "b"}
    assert "ann" not in json.dumps(collector.taken)
    assert "nowhere/at" not in json.dumps(collector.taken), "strangers choose no names"


def test_what_the_collector_does_not_take_is_dropped_and_counted_and_a_share_is_the_same_everywhere(collector: Collector) -> None:
    away = Traces(load_settings(_env_file=None, traces_url=f"http://127.0.0.1:{free_port()}/v1/traces", traces_share=1.0), "a")
    for number in range(KEPT + 1):
        away.end(away.begin(f"call {number}", SERVER), {}, failed=False)
    assert away._send_some() > 0
    assert [figure.value for figure in away.figures()] == [0, 501], "one had no room"
    some = Traces(load_settings(_env_file=None, traces_url=collector.url, traces_share=0.5), "a")
    low, high = (f"00-{'a' * 16}{digit * 16}-{'b' * 16}-01" for digit in "0f")
    assert some.begin("call", SERVER, low) is not None
    assert some.begin("call", SERVER, high) is None
    wrong = some.begin("call", SERVER, f"00-{'0' * 32}-{'b' * 16}-01")
    assert wrong is None or wrong.parent == ""


def test_without_an_address_nothing_is_traced_and_a_wrong_one_is_refused(town: Town) -> None:
    assert town.house("a").parts.traces is None
    for wrong in ("collector:4318", "ftp://collector/v1", "http://", "http://a:x/"):
        with pytest.raises(ConfigError, match="TRACES_URL"):
            load_settings(_env_file=None, traces_url=wrong)
