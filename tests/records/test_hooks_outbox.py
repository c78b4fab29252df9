"""What is stored is told: once, in order, signed, again where it fails, and by another server where the first one died."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from basics.times import utc_now
from database import Database
from records import hook_marks, outbox
from records.hook_marks import marked_of, unmark
from records.hook_sender import LONGEST, RETRY_S, pause_s
from records.outbox import announce_erasure
from storage.marks import Mark, mark_names, marks_of, without_marks
from tests.helpers.databases import PATIENT_S, opened
from tests.helpers.hooks import Receiver, Sending, begun, ended, store

ONE, OTHER = "a" * 32, "b" * 32


def test_what_is_stored_is_told_in_its_order_and_its_signature_holds(sending: Sending, receiver: Receiver) -> None:
    _endpoint, secret = sending.add(receiver.url)
    store(sending.database, ONE, begun())
    interval = Mark("flagged_1", "interval.flagged", utc_now(), {"index": 3, "score": 11, "by": "Ada"})
    assert sending.database.write("intervals", f"{ONE}-3", {"session_id": ONE, "user_id": "ann", "exam_id": "e1", **interval.fields()}).wait(10)
    store(sending.database, ONE, ended())
    sending.run()
    assert receiver.kinds == ["session.started", "interval.flagged", "session.ended"]
    assert [told["data"]["sequence"] for told in receiver.told] == [1, 2, 3]
    flagged, over = (told["data"] for told in receiver.told[1:])
    assert flagged == {"session_id": ONE, "exam_id": "e1", "user_id": "ann", "sequence": 2, "interval_id": f"{ONE}-3", "index": 3, "score": 11}
    assert (over["score"], over["flags"], over["state"], over["reason"]) == (12, 1, "ended", "student")
    for headers, body in receiver.came:
        assert Webhook(secret).verify(body, headers) == json.loads(body)
        assert "." not in headers["webhook-id"]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"12", b"99"), headers)
    with sending.database.reading():
        left = [row for name in ("sessions", "intervals") for row in sending.database.collection(name).find() if mark_names(row)]
    assert left == []
    sending.run(3600)
    assert len(receiver.came) == 3


def test_nothing_is_marked_where_nobody_listens(sending: Sending) -> None:
    assert sending.sender.look_again() == []
    store(sending.database, ONE, begun())
    assert mark_names(sending.database.session(ONE)) == []
    assert sending.sender.turn() > 1
    assert sending.sender.health() == {"state": "off"}


def test_a_rotated_secret_signs_beside_the_new_one_for_a_day(sending: Sending, receiver: Receiver) -> None:
    endpoint, old = sending.add(receiver.url)
    new = sending.hooks.rotate(endpoint.id)[1]
    assert old != new
    sending.outbox.test(sending.hooks.get(endpoint.id), "test-1")
    sending.run()
    headers, body = receiver.came[0]
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers)
    sending.outbox.test(endpoint, "test-2")
    sending.run(25 * 3600)
    assert len(receiver.came[1][0]["webhook-signature"].split()) == 1
    with sending.database.reading():
        assert old not in str(list(sending.database.collection("hooks").find()))


@pytest.mark.parametrize(("tries", "usual"), [*enumerate(RETRY_S), (100, RETRY_S[-1])])
def test_a_pause_is_a_tenth_shorter_or_longer_at_most(tries: int, usual: float) -> None:
    assert [pause_s(tries, chance) for chance in (0.0, 0.5, 1.0)] == pytest.approx([0.9 * usual, usual, 1.1 * usual])


def test_what_fails_is_tried_again_for_three_days_and_then_the_endpoint_is_disabled(sending: Sending, receiver: Receiver) -> None:
    endpoint, _secret = sending.add(receiver.url)
    receiver.answer = lambda _path: (500, {}, b"no room")
    first = sending.at
    store(sending.database, ONE, begun())
    sending.run()
    pauses = []
    while sending.hooks.get(endpoint.id).enabled:
        due = sending.rows()[0]["due_at"]
        pauses.append((due - sending.at).total_seconds())
        sending.run(pauses[-1] - 1)
        before = len(receiver.came)
        sending.run(1)
        assert len(receiver.came) == before + 1
    assert len(receiver.came) == 10
    assert pauses[:-1] == pytest.approx([1.1 * usual for usual in RETRY_S[:-1]], abs=1)
    assert abs((sending.at - first) - LONGEST) < timedelta(seconds=1)
    assert {headers["webhook-id"] for headers, _body in receiver.came} == {f"{ONE}-started_0"}
    (row,) = sending.rows()
    assert (row["state"], row["tries"], row["last"]["status"], row["last"]["said"]) == ("given_up", 10, 500, "no room")
    sending.sender.look_again()
    health = sending.sender.health()
    assert health["state"] == "degraded"
    assert "Registry" in str(health["reason"])
    sending.run(3600)
    assert len(receiver.came) == 10
    receiver.answer = lambda _path: (200, {}, b"")
    sending.hooks.change(endpoint.id, enabled=True)
    sending.outbox.resend(sending.hooks.get(endpoint.id), row["_id"])
    sending.run()
    assert sending.rows()[0]["state"] == "delivered"
    assert sending.sender.health()["state"] == "ok"


def test_a_notice_waits_for_the_one_before_it_of_its_session_alone(sending: Sending, receiver: Receiver) -> None:
    endpoint, _secret = sending.add(receiver.url)
    receiver.refuses = "session.started"
    store(sending.database, ONE, begun())
    store(sending.database, ONE, ended())
    store(sending.database, OTHER, ended())
    sending.run()
    assert sorted(receiver.kinds) == ["session.ended", "session.started"]
    assert [told["data"]["session_id"] for told in receiver.told if told["type"] == "session.ended"] == [OTHER]
    sending.run(7)
    assert len(receiver.came) == 3
    receiver.refuses = ""
    sending.run(600)
    assert receiver.kinds[3:] == ["session.started", "session.ended"]
    assert {row["state"] for row in sending.rows()} == {"delivered"}
    assert sending.outbox.counts(endpoint.id) == (0, None)


@pytest.mark.parametrize(
    ("answer", "state", "enabled"),
    [
        ((302, {"Location": "/elsewhere"}, b""), "waiting", True),
        ((410, {}, b""), "given_up", False),
        ((200, {"Content-Type": "text/html"}, b"<h1>Log in</h1>"), "delivered", True),
        ((404, {}, "café ".encode() * 100_000), "waiting", True),
        ((204, {}, b""), "delivered", True),
    ],
)
def test_only_what_is_between_200_and_299_is_success(
    sending: Sending, receiver: Receiver, answer: tuple[int, dict[str, str], bytes], state: str, enabled: bool
) -> None:
    endpoint, _secret = sending.add(receiver.url)
    receiver.answer = lambda _path: answer
    store(sending.database, ONE, begun())
    sending.run()
    (row,) = sending.rows()
    assert (row["state"], row["last"]["status"], row["last"]["is_page"]) == (state, answer[0], "Content-Type" in answer[1])
    assert sending.hooks.get(endpoint.id).enabled is enabled
    assert receiver.paths == ["/hook"]
    assert len(row["last"]["said"]) <= 300


def test_an_endpoint_that_asks_to_be_left_alone_is(sending: Sending, receiver: Receiver) -> None:
    sending.add(receiver.url)
    receiver.answer = lambda _path: (429, {"Retry-After": "120"}, b"")
    store(sending.database, ONE, begun())
    sending.run()
    receiver.answer = lambda _path: (204, {}, b"")
    store(sending.database, OTHER, begun())
    sending.run(100)
    assert len(receiver.came) == 1
    sending.run(25)
    assert len(receiver.came) == 3
    receiver.answer = lambda _path: (503, {"Retry-After": "99999999"}, b"")
    store(sending.database, "c" * 32, begun())
    sending.run()
    sending.run(3601)
    assert len(receiver.came) == 5


def test_what_a_server_had_in_hand_when_it_died_is_sent_by_another_under_the_same_id(
    sending: Sending, receiver: Receiver, mongo_uri: str, db_name: str, tmp_path: Path
) -> None:
    endpoint, _secret = sending.add(receiver.url)
    store(sending.database, ONE, begun())
    for _turn in range(2):
        sending.outbox.take_up([endpoint])
    (taken,) = sending.outbox.due(endpoint.id, 4)  # and it sends nothing any more
    store(sending.database, OTHER, begun())  # nor does it come to see this
    with opened(mongo_uri, db_name, tmp_path / "other", PATIENT_S) as there:
        assert there.wait_ready(30)
        other = Sending(there)
        other.run()
        assert [told["data"]["session_id"] for told in receiver.told] == [OTHER]
        other.run(61)
        assert [headers["webhook-id"] for headers, _body in receiver.came] == [f"{OTHER}-started_0", taken["event_id"]]
        sending.outbox.take_up([endpoint])
        store(sending.database, ONE, *marks_of({"tells": "x", **begun().fields()}))  # a spool is played back a second time
        other.run()
        assert [headers["webhook-id"] for headers, _body in receiver.came].count(taken["event_id"]) == 1
        other.sender.stop()


def test_what_waited_in_the_spool_is_told_too(sending: Sending, receiver: Receiver, mongo_uri: str, db_name: str, tmp_path: Path) -> None:
    sending.add(receiver.url)
    with opened("mongodb://127.0.0.1:9/", db_name, tmp_path / "away") as away:  # nobody is there
        away.is_listened_to = True
        fields = {"state": "ended", "user_id": "ann", "exam_id": "e1", **begun().fields()}
        assert away.write("sessions", ONE, fields).wait(30)
    with opened(mongo_uri, db_name, tmp_path / "away", PATIENT_S) as back:
        assert back.wait_ready(30)
        assert back.flush(30)
    sending.run()
    assert receiver.kinds == ["session.started"]


def test_a_mark_that_comes_while_others_are_taken_away_stays(sending: Sending, receiver: Receiver) -> None:
    endpoint, _secret = sending.add(receiver.url)
    store(sending.database, ONE, begun())
    sending.outbox.take_up([endpoint])
    stale = marked_of(sending.database, [ONE])[ONE]
    store(sending.database, ONE, ended())
    assert unmark(sending.database, stale) == set()
    assert [mark.kind for mark in marks_of(sending.database.session(ONE))] == ["session.started", "session.ended"]
    sending.run()
    assert receiver.kinds == ["session.started", "session.ended"]


def test_an_endpoint_is_told_what_it_wants_and_nothing_from_before_it_was_there(sending: Sending, receiver: Receiver) -> None:
    store(sending.database, ONE, begun(utc_now() - timedelta(seconds=5)))
    sending.add(f"{receiver.url}?all")
    sending.add(f"{receiver.url}?ended", events=["session.ended"])
    sending.add(f"{receiver.url}?exam", exams=["E2"])
    sending.outbox._course_of = lambda exam_id: "Law" if exam_id == "e1" else ""
    sending.add(f"{receiver.url}?course", courses=["law"], names=True)
    sending.outbox._name_of = lambda *_whose: "Ann Lee"
    store(sending.database, ONE, begun(number=1), ended(by="Ada"))
    store(sending.database, OTHER, begun(), exam_id="e2")
    sending.run()
    told = [(path.partition("?")[2], one["type"], one["data"]) for path, _headers, body in receiver.requests for one in [json.loads(body)]]
    started, over = "session.started", "session.ended"
    expected = [("all", over, "a"), ("all", started, "a"), ("all", started, "b"), ("course", over, "a"), ("course", started, "a")]
    assert sorted((to, kind, data["session_id"][0]) for to, kind, data in told) == [*expected, ("ended", over, "a"), ("exam", started, "b")]
    assert {to for to, _kind, data in told if {"student_name", "by"} & set(data)} == {"course"}
    assert {data.get("by") for to, _kind, data in told if to == "course" and data["student_name"] == "Ann Lee"} == {None, "Ada"}
    assert all(len(body) < 20_000 for _headers, body in receiver.came)


def test_of_what_is_erased_only_that_is_told(sending: Sending, receiver: Receiver) -> None:
    sending.add(receiver.url)
    store(sending.database, ONE, begun())
    sending.run()
    announce_erasure(sending.database, ONE)
    sending.run()
    assert receiver.kinds == ["session.started"]
    with sending.database.reading():
        sending.database.collection("outbox").delete_many({"session_id": ONE})
        sending.database.collection("sessions").delete_one({"_id": ONE})
    sending.run()
    assert receiver.kinds == ["session.started", "session.erased"]
    assert receiver.told[1]["data"] == {"session_id": ONE, "exam_id": "e1", "sequence": 2}
    assert "ann" not in str(sending.rows())


def test_what_is_over_has_a_bound_and_so_has_what_waits_for_one_endpoint(database: Database, receiver: Receiver) -> None:
    sending = Sending(database, over_max=4, waiting_max=5)
    healthy = sending.add(receiver.url)[0]
    for number in range(5):
        store(database, f"{number:032x}", begun())
    sending.run()
    sending.run()
    assert (len(receiver.came), sending.outbox.dropped, len(sending.rows())) == (5, 2, 3)
    receiver.answer = lambda path: (500 if "dead" in path else 204, {}, b"")
    dead = sending.add(f"{receiver.url}?dead")[0]
    for first in (10, 20):
        for number in range(first, first + 4):
            store(database, f"{number:032x}", begun())
        sending.run()
    sending.run()
    assert "more than 5" in sending.hooks.get(dead.id).disabled_why
    assert sending.sender.health()["waiting"] == 0, "what waits for one that is disabled is none of it"
    store(database, OTHER, begun())
    sending.run()
    assert sum("dead" not in path for path in receiver.paths) == 14
    sending.outbox.sweep(sending.hooks.all)
    waiting = [row for row in sending.rows() if row["state"] == "waiting"]
    assert {(row["endpoint_id"], "expires_at" in row) for row in waiting} == {(dead.id, True)}
    sending.hooks.change(dead.id, enabled=True)
    sending.outbox.begin_again(dead.id)
    assert all(("expires_at" in row) == (row["state"] != "waiting") for row in sending.rows())
    sending.hooks.remove(healthy.id)
    with database.reading():
        database.collection("outbox").update_one({"_id": waiting[0]["_id"]}, {"$set": {"endpoint_id": healthy.id}})
    sending.outbox.sweep(sending.hooks.all)
    assert {row["endpoint_id"] for row in sending.rows()} == {dead.id}, "of one that is removed nothing is left"
    sending.sender.stop()


def test_names_are_those_that_may_be_told_at_the_try(sending: Sending, receiver: Receiver) -> None:
    endpoint, _secret = sending.add(receiver.url, names=True)
    sending.outbox._name_of = lambda *_whose: "Ann Lee"
    receiver.answer = lambda _path: (500, {}, b"")
    store(sending.database, ONE, ended(by="Ada"))
    sending.run()
    sending.outbox._is_anonymous = lambda exam_id: exam_id == "e1"
    sending.run(6)
    sending.outbox._is_anonymous = lambda _exam: False
    sending.hooks.change(endpoint.id, names=False)
    sending.run(400)
    assert [("Ada" in str(told), "Ann Lee" in str(told)) for told in receiver.told] == [(True, True), (False, False), (False, False)]


def test_order_holds_however_many_are_marked(sending: Sending, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_marks, "LOOKED_AT", 2)
    monkeypatch.setattr(outbox, "SESSIONS_AT_ONCE", 1)
    endpoint, _secret = sending.add(receiver.url)
    sending.database.is_listened_to = True
    for one in ("c" * 32, OTHER, ONE):
        store(sending.database, one, begun())
    flagged = Mark("flagged_1", "interval.flagged", utc_now(), {"index": 3})
    assert sending.database.write("intervals", f"{ONE}-3", {"session_id": ONE, **flagged.fields()}).wait(10)
    assert [sending.outbox.take_up([endpoint]) for _time in range(4)] == [False, True, True, False]
    told = [(row["type"], row["sequence"]) for row in sending.rows() if row["of"] == ONE]
    assert told == [("session.started", 1), ("interval.flagged", 2)]
    assert marked_of(sending.database, [ONE, OTHER, "c" * 32]) == {}


def test_marks_of_which_nobody_is_to_be_told_are_taken_away(sending: Sending) -> None:
    sending.database.is_listened_to = True
    store(sending.database, ONE, begun())
    sending.run()
    assert mark_names(sending.database.session(ONE)) == []


def test_a_session_that_cannot_go_yet_hides_no_other(sending: Sending, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "ANNOUNCED_AT_ONCE", 1)
    sending.add(receiver.url)
    for one in (ONE, OTHER):
        store(sending.database, one)
        announce_erasure(sending.database, one)
    announce_erasure(sending.database, ONE)
    assert [row["sequence"] for row in sending.rows()] == [2, 1]
    with sending.database.reading():
        sending.database.collection("sessions").delete_one({"_id": OTHER})
    sending.run()
    sending.run()
    assert [told["data"]["session_id"] for told in receiver.told] == [OTHER]


def test_damaged_marks_keep_no_other_from_being_told(sending: Sending, receiver: Receiver) -> None:
    sending.add(receiver.url)
    store(sending.database, ONE, begun(), tell_x=7, tell_y={"type": 3}, told="no number")
    sending.run()
    assert receiver.kinds == ["session.started"]
    assert without_marks(sending.database.session(ONE)) == sending.database.session(ONE)
