"""Ids and bodies that calls take, and those they refuse by name."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.helpers.sessions import create
from tests.helpers.web import error_of
from web.calls.bodies import reply
from web.operator.health import Health
from web.parts import Parts

JSON = {"Content-Type": "application/json"}


def test_the_same_name_written_in_two_ways_is_one_student(client: FlaskClient, student: str) -> None:
    composed, decomposed = f"{student}-Zo\u00eb", f"{student}-Zoe\u0308"
    assert create(client, decomposed)["user_id"] == composed
    error_of(client.post("/api/session/create", json={"user_id": composed, "exam_id": "exam001"}), 409)


OF_UNIVERSITIES = ["s.o'brien+exam@uni.example", "12:345", "lti:7/abc", "urn:x#1=2&3,4;5!6~7%8(9)", "علی\u200cرضا", "col·legi", 123]


def test_ids_of_any_script_are_taken(client: FlaskClient) -> None:
    for good in ["a", "0", "x" * 128, "李雷", "محمد", "अनिल_कुमार", "o.k@uni-x.edu", "-", "_", "a..b", "e\u0301" * 128, *OF_UNIVERSITIES]:
        answer = client.post("/api/session/create", json={"user_id": good})
        assert answer.status_code == 200, answer.data
        assert client.post("/api/session/end", json={"user_id": good}).status_code == 200


BAD_IDS: list[tuple[object, str]] = [
    ("", "is empty"),
    ("x" * 129, "has 129 characters"),
    ("x" * 10_000, "has 10000 characters"),
    ("../../etc/passwd", "begins with a dot"),
    ("ab\u200ccd", "(U+200C) at position 3"),
    ("علی\u200c", "(U+200C) at position 4"),
    ("a?b", "'?' (U+003F) at position 2"),
    ("a\\b", "(U+005C)"),
    ("a b", "a space (U+0020) at position 2"),
    ("a\x00b", "(U+0000) at position 2"),
    ("a\nb", "(U+000A)"),
    ("a\u202eb", "(U+202E)"),
    ("\ud800", "(U+D800)"),
    ("😀", "(U+1F600)"),
    ("<script>", "'<' (U+003C) at position 1"),
    ("$ne", "'$' (U+0024)"),
    (".hidden", "begins with a dot"),
    (1.5, "must be a text, not a number"),
    (10**200, "has 201 characters"),
    (True, "must be a text, not true or false"),
    ({"$ne": ""}, "must be a text, not an object"),
    (["a"], "must be a text, not a list"),
]


@pytest.mark.parametrize("path", ["/api/session/create", "/api/session/end", "/api/student/start"])
def test_ids_that_cannot_be_used_are_refused_by_name(client: FlaskClient, parts: Parts, path: str) -> None:
    for bad, says in BAD_IDS:
        for field in ("user_id", "exam_id"):
            error = error_of(client.post(path, json={"user_id": "fine", "exam_id": "fine"} | {field: bad}), 422)
            assert error["field"] == field
            assert error["message"].startswith(f"{field} ")
            assert says in error["message"]
    assert parts.monitor.active() == []


BAD_BODIES: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"", {}, 400, "body is missing"),
    (b"", JSON, 400, "isn't JSON"),
    (b"user_id=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "-H 'Content-Type: application/json'"),
    (b'{"user_id": "x"}', {}, 415, "no Content-Type"),
    (b"{", JSON, 400, "isn't JSON"),
    (b"'{user_id: x}'", JSON, 400, "isn't JSON"),
    (b"\xff\xfe\xfd", JSON, 400, "isn't JSON"),
    (b"[" * 20_000, JSON, 400, "isn't JSON"),
    (b'{"user_id": NaN}', JSON, 400, "NaN"),
    (b'{"user_id": ' + b"9" * 5000 + b"}", JSON, 400, "isn't JSON"),
    (b"[]", JSON, 400, "must be a JSON object"),
    (b"null", JSON, 400, "must be a JSON object"),
    (b'"x"', JSON, 400, "must be a JSON object"),
    (b"{}", JSON, 422, "user_id is missing"),
    (b'{"user_id": null}', JSON, 422, "user_id must be a text, not null"),
    (b'{"user_id": "x", "source": "satellite"}', JSON, 422, "source is wrong"),
    (b'{"user_id": "x", "station": 5}', JSON, 422, "station is wrong"),
    (b'{"user_id": "x", "source": "browser", "station": "default"}', JSON, 422, "station is for source `local` only"),
    (b'{"user_id": "x", "station": "nowhere"}', JSON, 404, "nowhere"),
    (b'{"user_id": "' + b"x" * 70_000 + b'"}', JSON, 413, "MAX_BODY_KB"),
]


def test_bodies_that_cannot_be_used_get_a_clear_error(client: FlaskClient, parts: Parts) -> None:
    for body, headers, status, says in BAD_BODIES:
        error = error_of(client.post("/api/session/create", data=body, headers=headers), status)
        assert says in error["message"]
    assert parts.monitor.active() == []


def test_a_body_without_a_length_is_refused_unread(client: FlaskClient) -> None:
    class Stream:
        def read(self, _: int = -1) -> bytes:
            raise AssertionError("it was read")

    chunked = {"wsgi.input": Stream(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client.post("/api/session/create", headers=JSON, environ_overrides=chunked)
    assert "Content-Length" in error_of(answer, 400)["message"]


def test_json_is_taken_with_a_charset_and_a_byte_order_mark(client: FlaskClient, student: str) -> None:
    body = b"\xef\xbb\xbf" + f'{{"user_id": "{student}", "a field of a later version": 1}}'.encode()
    answer = client.post("/api/session/create", data=body, headers={"Content-Type": "application/json; charset=utf-8"})
    assert answer.status_code == 200


def test_an_answer_with_text_that_utf8_can_not_hold_is_an_answer() -> None:
    answer = reply(Health(status="degraded", parts={"stations": {"reason": "a\ud800b", "\udfff": [1]}}))
    assert answer.get_json()["parts"] == {"stations": {"reason": "a\ufffd\ufffd\ufffdb", "\ufffd\ufffd\ufffd": [1]}}
