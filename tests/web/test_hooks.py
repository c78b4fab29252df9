"""Webhooks by REST: who may, what is kept and shown, and a whole exam that is told to a receiver."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from standardwebhooks import Webhook

from basics.paths import ROOT
from basics.times import utc_now
from records.conclusions import Person
from records.hook_events import body_of
from records.hook_marks import SOURCES
from records.hook_posting import headers_of
from records.hook_sender import HookSender
from records.hooks import new_secret
from sessions.ends import End
from storage.marks import mark_names
from tests.helpers.erasing import retention_of
from tests.helpers.hooks import HERE, Receiver, receiving
from tests.helpers.people import administrator, someone
from tests.helpers.sessions import create, leave_tab, live
from tests.helpers.waiting import until
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.integrations.hook_notice import HookNotice, HookNoticeData
from web.parts import parts_of


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def app(make_app: MakeApp) -> Iterator[Flask]:
    app = make_app(proctor_password=PASSWORD, hooks_private_hosts=HERE)
    parts = parts_of(app)
    parts.hook_sender = HookSender(parts.database, parts.hooks, parts.outbox)
    parts.hook_sender.start()
    yield app
    parts.hook_sender.stop()


@pytest.fixture
def admin(app: Flask) -> FlaskClient:
    return administrator(app)


def add(admin: FlaskClient, url: str, **body: Any) -> tuple[str, str]:
    answer = admin.post("/api/hooks", json={"name": "Exam office", "url": url, **body})
    assert answer.status_code == 200, answer.text
    return answer.get_json()["hook"]["id"], answer.get_json()["secret"]


def sent(admin: FlaskClient, hook: str, count: int) -> list[dict[str, Any]]:
    """The deliveries, once so many are over."""

    def over() -> list[dict[str, Any]] | None:
        rows: list[dict[str, Any]] = admin.get(f"/api/hooks/{hook}/deliveries").get_json()["deliveries"]
        return rows if sum(row["state"] == "delivered" for row in rows) >= count else None

    return until(over, what=f"{count} deliveries")


def test_a_webhook_is_added_changed_tested_and_removed(app: Flask, admin: FlaskClient, receiver: Receiver) -> None:
    hook, secret = add(admin, receiver.url, events=["session.ended"])
    assert secret.startswith("whsec_")
    assert admin.post(f"/api/hooks/{hook}/test").get_json()["delivery"]["state"] == "waiting"
    (row,) = sent(admin, hook, 1)
    assert (row["type"], row["status"], row["tries"], row["session_id"]) == ("endpoint.test", 204, 1, None)
    headers, body = receiver.came[0]
    assert Webhook(secret).verify(body, headers)["type"] == "endpoint.test"
    assert admin.post(f"/api/hooks/{hook}/deliveries/{row['id']}/resend").status_code == 200
    until(lambda: len(receiver.came) == 2, what="the second")
    assert receiver.came[1][0]["webhook-id"] == headers["webhook-id"] == row["event_id"]
    change = {"name": "Office", "url": f"{receiver.url}?token=xyz", "courses": ["Law, part 1", "x" * 150], "exams": ["e1"], "enabled": False}
    changed = admin.patch(f"/api/hooks/{hook}", json=change).get_json()["hook"]
    assert (changed["name"], changed["exams"], changed["enabled"], changed["events"]) == ("Office", ["e1"], False, ["session.ended"])
    assert changed["courses"] == change["courses"]
    assert error_of(admin.post(f"/api/hooks/{hook}/deliveries/{row['id']}/resend"), 422)["field"] == "enabled"
    assert error_of(admin.post(f"/api/hooks/{hook}/test"), 422)["field"] == "enabled"
    made = admin.post(f"/api/hooks/{hook}/secret").get_json()
    assert made["secret"] != secret
    assert made["hook"]["old_secret_until"]
    listed = admin.get("/api/hooks").get_json()
    assert [one["name"] for one in listed["hooks"]] == ["Office"]
    assert listed["private_hosts"] == [HERE]
    assert secret not in str(listed) + admin.get(f"/api/hooks/{hook}").text
    assert admin.delete(f"/api/hooks/{hook}").status_code == 200
    assert error_of(admin.get(f"/api/hooks/{hook}"), 404)["field"] == "endpoint_id"
    parts = parts_of(app)
    assert parts.database.flush(10)
    entries = list(parts.database.audit_entries())
    assert not re.findall(r"xyz|/hook\b", str(entries)), "whoever has the whole address may often send there"
    said = [entry["what"] for entry in entries]
    acts = {"added", "tested", "sent again", "changed", "secret made", "removed"}
    assert {f"webhook: {act}" for act in acts} <= set(said)
    with parts.database.reading():
        assert parts.database.collection("outbox").count_documents({}) == 0


def test_what_is_wrong_is_told_by_field(admin: FlaskClient) -> None:
    for field, wrong in {"url": "http://10.0.0.5/", "name": "", "events": ["session.flown"], "exams": ["a b"], "courses": [""]}.items():
        body = {"name": "x", "url": "https://hooks.example/", field: wrong}
        assert error_of(admin.post("/api/hooks", json=body), 422)["field"] == field
    for call in ("", "/deliveries"):
        assert admin.get(f"/api/hooks/nobody{call}").status_code == 404
    hook, _secret = add(admin, "https://hooks.example/")
    assert error_of(admin.patch(f"/api/hooks/{hook}", json={"url": "https://[::ffff:10.0.0.1]/"}), 422)["field"] == "url"
    assert error_of(admin.get(f"/api/hooks/{hook}/deliveries?after=x"), 422)["field"] == "after"
    assert error_of(admin.post(f"/api/hooks/{hook}/deliveries/x/resend"), 404)["field"] == "delivery_id"


def test_webhooks_are_for_administrators(app: Flask, admin: FlaskClient) -> None:
    teacher = someone(app, "tea@uni.example", "teacher")
    for path in ("/hooks", "/api/hooks"):
        assert (teacher.get(path).status_code, admin.get(path).status_code) == (403, 200)
    assert teacher.post("/api/hooks", name="x", url="https://hooks.example/").status_code == 403
    assert 'href="/hooks"' in admin.get("/people").text
    assert 'href="/hooks"' not in teacher.get("/exams").text


def test_a_whole_exam_is_told_in_order_and_nothing_of_an_erased_student_is_left(
    app: Flask, admin: FlaskClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook, _secret = add(admin, receiver.url)
    parts = parts_of(app)
    created = create(admin, "zoe", "e1")
    session = live(parts, created)
    session.begin()
    parts.monitor.recorder.start()
    leave_tab(session, 1.0, 2.0, 3.0)
    parts.monitor.end_session(session.session_id, End("student"))
    video_id = f"{session.session_id}-0"
    until(lambda: parts.database.flush(10) and parts.database.interval(video_id)["clip"]["state"] in ("ready", "failed"), what="the clip's end")
    parts.reviews.decide(video_id, "confirmed", by="Ada")
    person = Person("Ada")
    parts.conclusions.conclude(session.session_id, "finding", person=person, reason="seen", revision=0, four_eyes=False)
    rows = sent(admin, hook, 7)
    kinds = [told["type"] for told in receiver.told]
    assert kinds[:3] == ["session.created", "session.started", "interval.flagged"]
    assert set(kinds[3:-2]) <= {"session.ended", "clip.ready", "clip.failed", "interval.revised"}
    assert kinds[-2:] == ["review.decided", "conclusion.made"]
    assert [told["data"]["sequence"] for told in receiver.told] == list(range(1, len(kinds) + 1))
    by_kind = {told["type"]: told["data"] for told in receiver.told}
    assert {name for data in by_kind.values() for name in data} <= HookNoticeData.__annotations__.keys()
    assert [HookNotice.model_validate(told).type for told in receiver.told] == kinds
    assert (by_kind["session.ended"]["reason"], by_kind["session.ended"]["flags"]) == ("student", 1)
    assert by_kind["session.ended"]["score"] == by_kind["interval.flagged"]["score"]
    assert (by_kind["review.decided"]["state"], by_kind["conclusion.made"]["conclusion"]) == ("confirmed", "finding")
    decided = by_kind["review.decided"]
    assert (decided["exam_id"], decided["user_id"], decided["interval_id"], decided["index"]) == ("e1", "zoe", video_id, 0)
    assert "Ada" not in str(receiver.told)
    assert rows[0]["type"] == "conclusion.made"

    def marked() -> list[Any]:
        with parts.database.reading():
            return [row for name in SOURCES for row in parts.database.collection(name).find() if mark_names(row)]

    until(lambda: not marked(), what="the end of the marks")  # a notice may have gone a moment before its mark goes

    parts.monitor.recorder.stop(5)
    parts.retention = retention_of(parts)
    stored, erasing, delete_session = parts.database.collection, threading.current_thread(), parts.retention.delete_session

    def told_meanwhile(name: str) -> Any:
        if name == "seals" and threading.current_thread() is erasing:  # by another server, which still found the session
            stored("outbox").update_one({"_id": "late"}, {"$set": {"session_id": session.session_id}}, upsert=True)
        return stored(name)

    def deleted(session_id: str, *, erased: bool = False) -> bool:  # not later: from then on no server finds the session
        with monkeypatch.context() as patch:
            patch.setattr(parts.database, "collection", told_meanwhile)
            return delete_session(session_id, erased=erased)

    monkeypatch.setattr(parts.retention, "delete_session", deleted)
    assert admin.post("/api/students/erase", json={"user_id": "zoe", "again": "zoe"}).status_code == 200
    monkeypatch.undo()
    until(lambda: receiver.told[-1]["type"] == "session.erased", what="that it is erased")
    assert receiver.told[-1]["data"] == {"session_id": session.session_id, "exam_id": "e1", "sequence": len(kinds) + 1}
    with parts.database.reading():
        rows = list(parts.database.collection("outbox").find())
    assert "zoe" not in str(rows)
    assert [row["type"] for row in rows] == ["session.erased"]


def test_the_receiver_in_the_documents_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```python\n(.*?)```", (ROOT / "docs/integrations/webhooks.md").read_text("utf-8"), re.DOTALL)
    assert found is not None
    secret = new_secret()
    names: dict[str, Any] = {"__name__": "__main__"}
    monkeypatch.setenv("PROCTOR_HOOK_SECRET", secret)
    exec(found[1], names)
    body = body_of("session.ended", utc_now(), {"sequence": 1}).encode()
    headers = headers_of("a-1", body, [secret], utc_now())
    receiver = names["app"].test_client()
    assert [receiver.post("/hooks/proctor", data=sent, headers=headers).status_code for sent in (body, body, body + b" ")] == [204, 204, 401]
    assert names["seen"] == {"a-1"}
