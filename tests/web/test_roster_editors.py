"""Two who change the students of one exam: the second is told, and nobody is taken out of the list by mistake."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.helpers.web import error_of


@pytest.fixture
def path(client: FlaskClient, student: str) -> str:
    made = client.post("/api/exams", json={"exam_id": f"two-{student}", "title": "Algebra"}).get_json()["exam"]
    return f"/api/exams/{made['exam_key']}/roster"


def take(client: FlaskClient, path: str, text: str) -> None:
    answer = client.post(path, json={"text": text})
    assert answer.status_code == 200, answer.data


def students(client: FlaskClient, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(path).get_json()["students"]
    return found


def test_nobody_is_taken_out_by_a_list_that_does_not_say_who_is_missing(client: FlaskClient, path: str, student: str) -> None:
    take(client, path, f"{student}\n{student}-b\n")
    text = f"id,e-mail\n{student},\n"
    seen = client.post(f"{path}/preview", json={"text": text}).get_json()
    take(client, path, f"{student}-c\n")  # by another teacher, meanwhile
    wanted = {"text": text, "remove_missing": True, "skip_faulty": True}
    assert error_of(client.post(path, json={**wanted, "missing": seen["missing"]}), 409)["reason"] == "meanwhile"
    faulty = {**wanted, "text": f"{text}{student}-b,no address\n"}
    assert error_of(client.post(path, json=faulty), 422)["field"] == "remove_missing"
    assert len(students(client, path)) == 3
    assert client.post(path, json={**wanted, "missing": 2}).get_json()["removed"] == 2


def test_the_second_of_two_who_change_a_student_is_told_and_changes_nothing(client: FlaskClient, path: str, student: str) -> None:
    take(client, path, f"id,extra time\n{student},25%\n")
    row = f"{path}/{students(client, path)[0]['row_id']}"
    assert client.patch(row, json={"extra_percent": 50, "seen": {"extra_percent": 25}}).status_code == 200
    late = {"extra_percent": 30, "note": "sits apart", "seen": {"extra_percent": 25, "note": ""}}
    assert error_of(client.patch(row, json=late), 409)["differs"] == ["extra_percent"]
    assert [(one["extra_percent"], one["note"]) for one in students(client, path)] == [(50, "")]
    assert client.patch(row, json={"preset": "breaks", "note": "late", "seen": {"preset": "", "note": ""}}).status_code == 200
