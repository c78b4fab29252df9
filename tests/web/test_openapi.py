"""The OpenAPI page describes every route, its errors and its fields, and every route keeps what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from basics.paths import ROOT
from records.hook_events import EVENTS, TEST
from web.access.rights import WHO_MAY
from web.calls.errors import HTTP_CODES, STATUS
from web.calls.openapi import ERRORS, Call

PUBLISHED = [
    ("post", "/api/session/create"),
    ("post", "/api/session/end"),
    ("get", "/api/sessions"),
    ("get", "/api/sessions/active"),
    ("get", "/api/sessions/stats"),
    ("get", "/api/session/{session_id}/details"),
    ("get", "/api/flagged/all"),
    ("get", "/api/video/{video_id}"),
    ("get", "/api/video/file/{filepath}"),
    ("get", "/api/health"),
    ("get", "/metrics"),
    ("get", "/api/openapi.json"),
    ("get", "/api/session/{session_id}/screen"),
    ("get", "/api/session/{session_id}/still/{index}"),
    ("post", "/api/session/{session_id}/break"),
    ("post", "/api/session/{session_id}/message"),
    ("post", "/api/session/{session_id}/end"),
    ("get", "/api/review/queue"),
    ("post", "/api/review/{video_id}"),
    ("get", "/api/review/{video_id}/history"),
    ("post", "/api/accommodations"),
    ("get", "/api/accommodations"),
    ("delete", "/api/accommodations/{accommodation_id}"),
    ("get", "/api/analytics"),
    ("get", "/api/analytics.csv"),
    ("get", "/api/exams"),
    ("post", "/api/student/check"),
    ("post", "/api/student/rehearsal"),
    ("post", "/api/student/speed"),
    ("post", "/api/student/look"),
    ("post", "/api/student/start"),
    ("get", "/api/student/session"),
    ("get", "/student/link"),
    ("get", "/socket.io/"),
]


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200
    content: dict[str, Any] = answer.get_json()
    return content


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def nodes(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        yield content
        for value in content.values():
            yield from nodes(value)
    elif isinstance(content, list):
        for value in content:
            yield from nodes(value)


def test_the_published_calls_are_described(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    described = {(method, path) for path, method, _ in operations(document)}
    assert set(PUBLISHED) <= described


def test_every_route_is_described(app: Flask, document: dict[str, Any]) -> None:
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for method in (rule.methods or {"GET"}) - {"HEAD", "OPTIONS"}:
            assert method.lower() in document["paths"][path], path


def test_operations_are_whole(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, _, operation in operations(document):
        assert operation["summary"].endswith("."), path
        assert operation["responses"], path
        for code, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d", code), path
            assert response["description"], path
        named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = {node["$ref"] for node in nodes(document) if "$ref" in node}
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references <= schemas
    assert "#/components/schemas/ErrorAnswer" in references
    schemes = {name for _, _, operation in operations(document) for need in operation["security"] for name in need}
    assert schemes <= set(document["components"]["securitySchemes"])


def test_bodies_and_answers_have_the_published_fields(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    def answer(method: str, path: str) -> dict[str, Any]:
        reference: str = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        found: dict[str, Any] = schemas[reference.rsplit("/", 1)[1]]
        return found

    body = schemas["CreateSession"]
    assert body["required"] == ["user_id"]
    assert set(body["properties"]) == {"user_id", "exam_id", "source", "station", "language"}
    assert {"success", "session_id", "user_id", "exam_id", "portal_url"} <= set(answer("post", "/api/session/create")["properties"])
    assert {"success", "session_id", "total_score", "flagged_intervals"} == set(answer("post", "/api/session/end")["properties"])
    assert {"total_sessions", "active_sessions", "flagged_intervals", "high_risk"} == set(answer("get", "/api/sessions/stats")["properties"])
    assert {"sessions", "count", "note", "alone"} == set(answer("get", "/api/sessions/active")["properties"])
    assert {"flagged", "count"} <= set(answer("get", "/api/flagged/all")["properties"])
    queries = {parameter["name"] for parameter in document["paths"]["/api/flagged/all"]["get"]["parameters"]}
    assert queries == {"limit", "after", "exam_id", "user_id"}
    pattern = re.compile(body["properties"]["user_id"]["pattern"])
    assert all(pattern.search(good) for good in ("student123", "李雷", "o.k@uni-x.edu"))
    assert not any(pattern.search(bad) for bad in ("", ".hidden", "a\\b", "a b"))


def test_bodies_that_are_no_json_are_described(document: dict[str, Any]) -> None:
    file, text = {"type": "string", "format": "binary"}, {"type": "string"}
    paths = document["paths"]
    taken = {path: paths[path]["post"]["requestBody"]["content"] for path in ("/api/student/look", "/api/seb/config-key")}
    assert taken == {"/api/student/look": {"image/jpeg": {"schema": file}}, "/api/seb/config-key": {"application/seb": {"schema": file}}}
    given = {path: paths[path]["get"]["responses"]["200"]["content"] for path in ("/api/package", "/api/video/{video_id}", "/api/analytics.csv")}
    assert given == {
        "/api/package": {"application/zip": {"schema": file}},
        "/api/video/{video_id}": {"video/mp4": {"schema": file}},
        "/api/analytics.csv": {"text/csv": {"schema": text}},
    }
    for path, _method, operation in operations(document):
        for holder in [*operation["responses"].values(), operation.get("requestBody", {})]:
            assert all("schema" in content for content in holder.get("content", {}).values()), path


def test_what_webhooks_are_sent_is_described(document: dict[str, Any]) -> None:
    sent = document["webhooks"]["notice"]["post"]
    assert {one["name"] for one in sent["parameters"]} == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    notice = document["components"]["schemas"]["HookNotice"]
    assert set(notice["properties"]["type"]["enum"]) == {*EVENTS, TEST}
    page = (ROOT / "docs" / "integrations" / "webhooks.md").read_text("utf-8")
    told = page[page.index("## What is sent") : page.index("## What can be relied on")]
    fields = set(document["components"]["schemas"]["HookNoticeData"]["properties"])
    assert {name for name in fields if f"`{name}`" not in told and f'"{name}"' not in told} == set()


def test_who_may_is_told_as_it_is_held(app: Flask, document: dict[str, Any]) -> None:
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for operation in document["paths"][path].values():
            assert bool(operation["security"]) == (WHO_MAY[rule.endpoint] != "open"), path
            of_secrets = ("entering.", "own_report.", "snippet.enter", "snippet_asking.", "openedx.")  # a link, code or token of its own
            by_secret = rule.endpoint.startswith(of_secrets) and rule.endpoint != "own_report.page"
            assert ("401" in operation["responses"]) == (by_secret or WHO_MAY[rule.endpoint] != "open"), path


def test_every_error_a_call_can_give_has_its_words() -> None:
    assert set(STATUS.values()) <= set(ERRORS)
    assert {code for code in HTTP_CODES if code != 408} <= set(ERRORS)


def test_calls_answer_no_error_that_is_not_described(app: Flask, client: FlaskClient, document: dict[str, Any]) -> None:
    """Every described JSON call, asked in a dozen wrong ways."""
    values = {
        "session_id": "x",
        "video_id": "x",
        "filepath": "x.mp4",
        "filename": "x.css",
        "index": "x",
        "accommodation_id": "x",
        "account_id": "x",
        "login_id": "x",
    }
    values |= {"token_id": "x", "exam_key": "x", "row_id": "x", "ticket": "x", "name": "x", "kind": "x", "endpoint_id": "x", "delivery_id": "x"}
    values |= {"registration_id": "x", "course": "x", "act_id": "x", "installation_id": "x"}
    headers = {"Content-Type": "application/json"}
    asked = 0
    for path, method, operation in operations(document):
        if not path.startswith("/api/"):
            continue
        url = re.sub(r"{(\w+)}", lambda match: values[match[1]], path)
        attempts: list[dict[str, Any]] = [{}, {"query_string": "limit=x&after=x"}, {"environ_overrides": {"HTTP_X_FORWARDED_FOR": "192.0.2.1"}}]
        if method == "post":
            attempts += [{"data": data, "headers": headers} for data in (b"{", b"[]", b"{}", b'{"user_id": 1}', b'{"user_id": "nobody-here"}')]
            attempts += [{"data": b"x"}, {"data": b"x" * 100_000, "headers": headers}]
        for attempt in attempts:
            answer = client.open(url, method=method, **attempt)
            assert str(answer.status_code) in operation["responses"], (path, attempt, answer.data)
            asked += 1
    assert asked > 40


def test_calls_name_the_models_they_answer_with(app: Flask) -> None:
    for endpoint, view in app.view_functions.items():
        blueprint = endpoint.partition(".")[0]
        if blueprint in ("api", "students", "health", "videos", "reviews", "accommodations", "desk", "stills", "analytics"):
            call = getattr(view, "call", None)
            assert isinstance(call, Call), f"{endpoint} lacks @describe"
            assert call.answer or call.media_type != "application/json" or endpoint == "health.openapi", endpoint
