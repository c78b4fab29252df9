"""Who concludes sessions in tests, one by one and all at once."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from records.conclusions import Conclusion
from records.exams import exam_key
from scoring.exam import ExamDefinition
from tests.helpers.evidence import store_exam
from web.parts import Parts

SESSION, OTHER = "b" * 32, "c" * 32
ADA, BEN, CY = "Ada Byron", "Ben Okri", "Cy Young"


def two_sessions(parts: Parts) -> Parts:
    """Two sessions of the exam `e`, that nobody defined; each has a flag that is confirmed."""
    store_exam(parts.database, parts.settings.clips_dir, SESSION)
    store_exam(parts.database, parts.settings.clips_dir, OTHER, "bob")
    return parts


def with_four_eyes(parts: Parts) -> Parts:
    """The exam, defined, and a conclusion needs a second person."""
    parts.exams.make(ExamDefinition(exam_id="e", title="Ethics", four_eyes=True), "test")
    parts.people.exams_changed()
    return parts


class Acting:
    """Acts on one session's conclusion, each from what stands."""

    def __init__(self, client: FlaskClient, session_id: str = SESSION) -> None:
        self._client, self._path = client, f"/api/session/{session_id}/conclusion"

    def stands(self) -> dict[str, Any]:
        answer = self._client.get(self._path)
        assert answer.status_code == 200, answer.data
        return dict(answer.get_json())

    def act(self, path: str = "", **body: Any) -> Any:
        return self._client.post(self._path + path, json={"by": ADA, "revision": self.stands()["revision"], "reason": "as the clips show", **body})

    def conclude(self, conclusion: str = "finding", **body: Any) -> Any:
        return self.act(conclusion=conclusion, **body)

    def second(self, *, agrees: bool, **body: Any) -> Any:
        return self.act("/second", agrees=agrees, **body)

    def withdraw(self, **body: Any) -> Any:
        return self.act("/withdraw", **body)


def results(client: FlaskClient, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/api/exams/{exam_key('E')}/results{query}")
    assert answer.status_code == 200, answer.data
    return dict(answer.get_json())


def set_flags(exam: Parts, session_id: str, state: str) -> None:
    with exam.database.reading():
        exam.database.collection("intervals").update_many({"session_id": session_id, "flagged": True}, {"$set": {"review.state": state}})


def at_once(client: FlaskClient, act: str, by: str = ADA, reason: str = "") -> Any:
    return client.post(f"/api/exams/{exam_key('e')}/results/no_finding", json={"act": act, "by": by, "reason": reason})


def kept_of(exam: Parts, session_id: str) -> Conclusion:
    found = exam.conclusions.kept(session_id)
    assert found is not None
    return found
