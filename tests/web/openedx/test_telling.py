"""What an Open edX is told of attempts: that a student is ready, and what people concluded; nothing else, and in spite of outages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from basics.times import utc_now
from records.conclusions import Finding, Person
from sessions.ends import End
from tests.helpers.hooks import HERE, Answering, Receiver, receiving
from tests.helpers.openedx import Edx, Teller, lms, reviews
from tests.helpers.people import administrator
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.integrations.openedx.telling import CONCLUDED, Telling, wanted_by
from web.parts import Parts, parts_of


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        made.answer = lms
        yield made


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(proctor_password=PASSWORD, lti_private_hosts=HERE)


@pytest.fixture
def parts(app: Flask) -> Parts:
    return parts_of(app)


@pytest.fixture
def edx(app: Flask, receiver: Receiver) -> Edx:
    return Edx(app, receiver.url.removesuffix("/hook"))


@pytest.fixture
def teller(edx: Edx, parts: Parts) -> Teller:
    return Teller(parts)


def take(edx: Edx, parts: Parts, exam: str, attempt: str) -> str:
    """The student enters and begins; the session's id."""
    session_id = str(edx.enter(exam, attempt).get_json()["session_id"])
    session = parts.monitor.get(session_id)
    assert session is not None
    session.begin()
    return session_id


def conclude(parts: Parts, session_id: str, finding: Finding, revision: int = 0, *, four_eyes: bool = False) -> None:
    parts.conclusions.conclude(session_id, finding, person=Person("Ada"), reason="seen", revision=revision, four_eyes=four_eyes)


def test_an_attempt_is_told_as_ready_and_by_what_a_person_concluded_alone(edx: Edx, parts: Parts, teller: Teller, receiver: Receiver) -> None:
    exam = edx.exam()
    attempt = edx.attempt(exam)
    session_id = take(edx, parts, exam, attempt)
    teller.run()
    assert reviews(receiver) == [(f"{attempt}/ready", {"status": "ready"})]
    assert edx.ask("GET", f"exam/{exam}/attempt/{attempt}/").get_json()["status"] == "ready_to_start"
    assert receiver.came[-1][0]["authorization"] == "JWT a-token"
    edx.says(exam, attempt, "started")
    parts.monitor.end_session(session_id, End("student"))
    teller.run()
    conclude(parts, session_id, "no_finding")
    teller.run()
    assert len(reviews(receiver)) == 1, "it was not handed in there yet: as verified it would count as an error"
    edx.says(exam, attempt, "submitted")
    teller.run()
    (path, body) = reviews(receiver)[1]
    assert (path, body["status"], set(body)) == (f"{attempt}/reviewed", "passed", {"status", "comments"})
    assert body["comments"][0]["comment"].endswith(f"https://proctor.example/session/{session_id}")
    parts.conclusions.withdraw(session_id, person=Person("Ben"), reason="too early", revision=1)
    teller.run()
    assert len(reviews(receiver)) == 2, "a withdrawal tells nothing: what comes after it does"
    conclude(parts, session_id, "finding", revision=2)
    teller.run()
    assert reviews(receiver)[2][1]["status"] == "violation"
    assert len([path for path in receiver.paths if path.endswith("/access_token")]) == 1, "the token is kept"


def test_a_verdict_is_of_all_sessions_of_the_attempt_and_waits_for_the_second_person(
    edx: Edx, parts: Parts, teller: Teller, receiver: Receiver
) -> None:
    exam = edx.exam()
    attempt = edx.attempt(exam)
    first = take(edx, parts, exam, attempt)
    parts.monitor.end_session(first, End("away"), "interrupted")
    assert parts.database.flush(10)
    second = take(edx, parts, exam, attempt)
    assert second != first
    edx.says(exam, attempt, "submitted")
    conclude(parts, first, "retake", four_eyes=True)
    conclude(parts, second, "no_finding")
    teller.run()
    assert [path for path, _body in reviews(receiver) if path.endswith("reviewed")] == []
    parts.conclusions.second(first, person=Person("Ben"), agrees=True, revision=1)
    teller.run()
    assert [body["status"] for path, body in reviews(receiver) if path.endswith("reviewed")] == ["suspicious"]


def test_nothing_is_told_of_another_exam_or_of_an_attempt_that_was_deleted(edx: Edx, parts: Parts, teller: Teller, receiver: Receiver) -> None:
    session = parts.monitor.create("zoe", "exam001", "browser")
    session.begin()
    exam = edx.exam()
    attempt = edx.attempt(exam)
    session_id = take(edx, parts, exam, attempt)
    edx.ask("DELETE", f"exam/{exam}/attempt/{attempt}/")
    conclude(parts, session_id, "finding")
    teller.run()
    assert reviews(receiver) == []
    assert parts.monitor.get(session_id) is None


def test_nobody_is_ready_of_whom_nothing_is_recorded(edx: Edx, parts: Parts, teller: Teller, receiver: Receiver) -> None:
    exam = edx.exam()
    parts.monitor.end_session(take(edx, parts, exam, edx.attempt(exam)), End("student"))
    teller.run()
    assert reviews(receiver) == []


def test_who_enters_again_behind_the_end_holds_no_verdict_up(edx: Edx, parts: Parts, teller: Teller, receiver: Receiver) -> None:
    exam = edx.exam()
    attempt = edx.attempt(exam)
    session_id = take(edx, parts, exam, attempt)
    parts.monitor.end_session(session_id, End("away"), "interrupted")
    edx.says(exam, attempt, "submitted")
    assert parts.database.flush(10)
    assert take(edx, parts, exam, attempt) != session_id
    conclude(parts, session_id, "no_finding")
    over_at = parts.openedx.attempts.known(attempt).over_at  # type: ignore[union-attr]
    early = Telling(parts.openedx, parts.database, parts.conclusions, "", now=lambda: over_at)  # type: ignore[arg-type,return-value]
    answer = early.tell(wanted_by(edx.installation), {"of": session_id, "type": CONCLUDED})
    assert "not said yet" in answer.reason, "Open edX may not have stored what it said"
    teller.run()
    assert [body["status"] for _path, body in reviews(receiver)] == ["passed"]


def test_a_conclusion_that_is_overtaken_while_it_is_told_is_told_anew(app: Flask, edx: Edx, parts: Parts, teller: Teller, receiver: Receiver) -> None:
    exam = edx.exam()
    attempt = edx.attempt(exam)
    session_id = take(edx, parts, exam, attempt)
    edx.says(exam, attempt, "submitted")
    conclude(parts, session_id, "finding")

    def overtaken(path: str) -> Answering:
        kept = parts.conclusions.of_session(session_id)
        if path.endswith("/reviewed") and kept is not None and kept.revision == 1:
            parts.conclusions.withdraw(session_id, person=Person("Ben"), reason="too early", revision=1)
            conclude(parts, session_id, "no_finding", revision=2)
        return lms(path)

    receiver.answer = overtaken
    teller.run()
    rows = administrator(app).get(f"/api/integrations/openedx/{edx.installation.id}/deliveries").get_json()["deliveries"]
    assert [(row["state"], row["reason"]) for row in rows if row["type"] == CONCLUDED][-1] == ("waiting", "another conclusion was made meanwhile")


def test_an_outage_is_waited_out_and_what_is_final_is_not_tried_again(app: Flask, edx: Edx, parts: Parts, teller: Teller, receiver: Receiver) -> None:
    exam = edx.exam()
    attempt = edx.attempt(exam)
    wrong: list[Answering] = [(200, {"Content-Type": "text/html"}, b"<h1>Log in</h1>"), (302, {"Location": "/x"}, b""), (500, {}, b"")]
    receiver.answer = lambda path: lms(path) if path.endswith("/access_token") else wrong[0]
    session_id = take(edx, parts, exam, attempt)
    admin, told = administrator(app), f"/api/integrations/openedx/{edx.installation.id}/deliveries"
    for count in range(len(wrong)):
        teller.run()
        (row,) = admin.get(told).get_json()["deliveries"]
        assert (row["state"], row["tries"], row["type"], row["session_id"]) == ("waiting", count + 1, "session.started", session_id)
        assert row["is_page"] is (count == 0)
        wrong.pop(0)
        with parts.database.reading():
            parts.database.collection("outbox").update_one({"_id": row["id"]}, {"$set": {"due_at": utc_now()}})
        wrong = wrong or [(404, {"Content-Type": "application/json"}, b'"unknown"')]
    assert parts.openedx.installations.get(edx.installation.id).failing_why == "it answered 500"
    teller.run()
    (row,) = admin.get(told).get_json()["deliveries"]
    assert (row["state"], row["status"], row["said"]) == ("given_up", 404, '"unknown"')
    assert parts.database.flush(10)
    assert "openedx: given up" in [entry["what"] for entry in parts.database.audit_entries()]
    receiver.answer = lms
    assert admin.post(f"{told}/{row['id']}/resend").status_code == 200
    teller.run()
    assert admin.get(told).get_json()["deliveries"][0]["state"] == "delivered"
    assert parts.openedx.installations.get(edx.installation.id).failing_since is None
    assert parts.openedx.installations.get(edx.installation.id).enabled, "what is given up disables nobody"
    assert error_of(admin.get(told.replace(edx.installation.id, "x")), 404)["field"] == "installation_id"
    parts.openedx.installations.change(edx.installation.id, enabled=False)
    assert error_of(admin.post(f"{told}/{row['id']}/resend"), 422)["field"] == "enabled"


def test_an_lms_that_gives_no_token_or_lies_in_an_inner_network_is_not_told(app: Flask, edx: Edx, parts: Parts, receiver: Receiver) -> None:
    lost = (401, {"Content-Type": "application/json"}, b'{"error": "invalid_client"}')
    receiver.answer = lambda path: lost if path.endswith("/access_token") else lms(path)
    answer = parts.openedx.lms.tell(edx.installation, "a1", "ready", {"status": "ready"})
    assert (answer.status, answer.is_success) == (0, False)
    assert "status 401" in answer.reason
    inner, _secret = parts.openedx.installations.add("Inner", "https://localhost:1", "x", "y", by="a test")
    assert "LTI_PRIVATE_HOSTS" in parts.openedx.lms.tell(inner, "a1", "ready", {}).reason
    assert not receiver.paths or all(path.endswith("/access_token") for path in receiver.paths)
