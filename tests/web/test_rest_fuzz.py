"""Every call that the server describes, with values that nobody would send: never a 5xx, always the one form of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask.testing import FlaskClient

from bench.fuzz.rest import Answer, calls, fuzz

SEED = 18  # `python -m bench.fuzz rest` takes others, and more of them
EACH = 7


def test_no_call_fails_whatever_it_is_given(client: FlaskClient) -> None:
    def send(method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        answer = client.open(path, method=method, data=body, headers=dict(headers))
        return answer.status_code, answer.headers.get("Content-Type", ""), answer.data

    document = client.get("/api/openapi.json").get_json()
    listed = calls(document)
    assert len(listed) > 30
    assert list(fuzz(send, document, SEED, 60, len(listed) * EACH)) == []


def test_what_is_wrong_is_found() -> None:
    document: dict[str, Any] = {"paths": {"/api/a/{b}": {"get": {}}}}
    answers: list[Answer] = [(500, "text/html", b""), (400, "text/html", b"no"), (404, "application/json", b'{"error": {"message": "none"}}')]
    found = [list(fuzz(lambda *_, answer=answer: answer, document, SEED, 5, 1)) for answer in answers]
    assert [len(one) for one in found] == [1, 1, 0]
    assert f"seed {SEED}, number 0" in str(found[0][0])
