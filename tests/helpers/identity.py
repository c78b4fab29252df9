"""A student of an exam that asks for pictures of face and card, for tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from PIL import Image

from records.exams import exam_key
from sessions.session import ExamSession
from tests.helpers.sessions import live
from web.parts import Parts

ADA = "Ada Byron"


def jpeg(width: int = 320, height: int = 240) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "JPEG")
    return file.getvalue()


class Student:
    """One student of an exam that asks for pictures, at the page."""

    def __init__(self, client: FlaskClient, parts: Parts, user_id: str, **definition: Any) -> None:
        self.client, self.parts, self.user_id, self.exam_id = client, parts, user_id, f"exam-{user_id}"
        fields = {"exam_id": self.exam_id, "title": "Ethics", "identity_step": True, **definition}
        assert client.post("/api/exams", json=fields).status_code == 200
        self.key = exam_key(self.exam_id)
        assert client.post(f"/api/exams/{self.key}/state", json={"state": "open"}).status_code == 200
        started = client.post("/api/student/start", json={"user_id": user_id, "exam_id": self.exam_id}).get_json()
        self.session_id: str = started["session_id"]
        self.bearer = {"Authorization": f"Bearer {started['token']}"}
        self.session: ExamSession = live(parts, started)

    def begin(self) -> Student:
        self.parts.monitor.maker.prepare(self.session)
        self.session.begin()
        return self

    def send(self, kind: str, data: bytes | None = None, request: str = "") -> Any:
        query = f"?request={request}" if request else ""
        body = jpeg() if data is None else data
        return self.client.post(f"/api/student/identity/{kind}{query}", data=body, headers=self.bearer, content_type="image/jpeg")

    def say(self, path: str = "", **body: Any) -> Any:
        return self.client.post(f"/api/student/identity{path}", json=body, headers=self.bearer)

    def ask(self, what: str) -> Any:
        return self.client.post(f"/api/session/{self.session_id}/identity/ask", json={"what": what, "by": ADA})

    def shown(self) -> dict[str, Any]:
        assert self.parts.database.flush(10)
        answer = self.client.get(f"/api/session/{self.session_id}/identity")
        assert answer.status_code == 200, answer.data
        return dict(answer.get_json()["session"])

    def decide(self, decision: str = "accepted", **body: Any) -> Any:
        return self.client.post(f"/api/session/{self.session_id}/identity", json={"decision": decision, "revision": 0, "by": ADA, **body})

    def listed(self, query: str = "") -> dict[str, Any]:
        assert self.parts.database.flush(10)
        answer = self.client.get(f"/api/exams/{self.key}/identity{query}")
        assert answer.status_code == 200, answer.data
        return dict(answer.get_json())

    def files(self) -> list[Path]:
        return sorted(self.parts.settings.identity_dir.glob(f"identity-{self.session_id}-*"))
