"""Webhooks that take nothing, late or for ever: who waits for them, who does not, and who is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from basics.errors import InvalidInput
from basics.texts import from_kept
from records.hook_sender import ENDPOINTS_S, HookSender
from tests.helpers.hooks import Receiver, Sending, begun, ended, store

ONE, OTHER = "a" * 32, "b" * 32


def test_one_notice_that_is_never_taken_is_given_up_alone(sending: Sending, receiver: Receiver) -> None:
    endpoint, _secret = sending.add(receiver.url)
    receiver.refuses = "session.started"
    store(sending.database, ONE, begun())
    sending.run()
    store(sending.database, OTHER, ended())
    sending.run(3)
    for _try in range(9):
        sending.run((sending.rows()[0]["due_at"] - sending.at).total_seconds())
    assert [row["state"] for row in sending.rows()] == ["given_up", "delivered"]
    found = sending.hooks.get(endpoint.id)
    assert (found.enabled, found.failing_since) == (True, None)


def test_what_a_person_asked_for_is_tried_thrice_and_keeps_nothing_waiting(sending: Sending, receiver: Receiver) -> None:
    endpoint, _secret = sending.add(receiver.url)
    store(sending.database, ONE, begun())
    sending.run()
    receiver.answer = lambda _path: (400, {}, b"")
    sending.outbox.resend(endpoint, sending.rows()[0]["_id"])
    sending.outbox.test(endpoint, "test-1")
    sending.run()
    receiver.answer, receiver.refuses = lambda _path: (204, {}, b""), "session.started"
    store(sending.database, ONE, ended())
    sending.run()
    assert receiver.kinds[-1] == "session.ended"
    sending.run(6)
    sending.run(400)
    assert [row["state"] for row in sending.rows()] == ["given_up", "delivered", "delivered"]
    assert (receiver.kinds.count("session.started"), receiver.kinds.count("endpoint.test")) == (4, 2)
    found = sending.hooks.get(endpoint.id)
    assert (found.enabled, found.failing_since) == (True, None)
    with pytest.raises(InvalidInput):
        sending.outbox.resend(sending.hooks.change(endpoint.id, enabled=False), sending.rows()[0]["_id"])


def test_a_try_that_was_overtaken_says_nothing(sending: Sending, receiver: Receiver) -> None:
    endpoint, _secret = sending.add(receiver.url)
    store(sending.database, ONE, begun())
    for _turn in range(2):
        sending.outbox.take_up([endpoint])
    (late,) = sending.outbox.due(endpoint.id, 4)
    sending.outbox.resend(endpoint, late["_id"])
    assert sending.outbox.due(endpoint.id, 4) == [], "it is in hand"
    sending.at += timedelta(seconds=61)
    (now,) = sending.outbox.due(endpoint.id, 4)
    assert not sending.outbox.finish(late, "given_up", {})
    assert sending.outbox.finish(now, "delivered", {})
    assert not sending.outbox.finish(late, "waiting", {}, sending.at)
    assert sending.rows()[0]["state"] == "delivered"
    assert not sending.hooks.disable(endpoint.id, "late", tried_at=sending.at - timedelta(hours=1))
    store(sending.database, OTHER, begun())
    for _turn in range(2):
        sending.outbox.take_up([endpoint])
    (other,) = sending.outbox.due(endpoint.id, 4)
    sending.outbox.begin_again(endpoint.id)
    assert not sending.outbox.finish(other, "given_up", {}), "it has its three days anew"


@pytest.mark.parametrize("after", ["Mon, 01 Jan 99999999999 00:00:00 GMT", "x", "-1"])
def test_whatever_goes_wrong_is_a_try_that_failed(sending: Sending, receiver: Receiver, after: str) -> None:
    sending.add(receiver.url)
    receiver.answer = lambda _path: (503, {"Retry-After": after}, b"")
    store(sending.database, ONE, begun())
    sending.run()
    assert sending.rows()[0]["tries"] == 1
    with sending.database.reading():
        sending.database.collection("outbox").update_many({}, {"$unset": {"body": ""}, "$set": {"due_at": sending.at}})
    sending.run(61)
    (row,) = sending.rows()
    assert (row["tries"], "KeyError" in from_kept(row["last"]["reason"])) == (2, True)


def test_health_tells_within_minutes_that_an_endpoint_takes_nothing(sending: Sending, receiver: Receiver) -> None:
    sending.add(receiver.url)
    receiver.answer = lambda _path: (500, {}, b"")
    store(sending.database, ONE, begun())
    sending.run()
    sending.run(1)
    assert sending.sender.health()["state"] == "ok"
    sending.run(330)
    health = sending.sender.health()
    assert (health["state"], "answered 500" in health["reason"], health["waiting"]) == ("degraded", True, 1)
    receiver.answer = lambda _path: (204, {}, b"")
    sending.run(3600)
    sending.run()
    assert sending.sender.health()["state"] == "ok"


def test_a_server_that_does_not_send_tells_what_waits(sending: Sending, receiver: Receiver) -> None:
    sending.add(receiver.url)
    receiver.answer = lambda _path: (500, {}, b"")
    store(sending.database, ONE, begun())
    sending.run()
    sending.run(1)
    other = HookSender(sending.database, sending.hooks, sending.outbox, lambda: False, now=lambda: sending.at)
    assert (other.turn(), other.health()["waiting"], other.health()["oldest_s"] > 0) == (ENDPOINTS_S, 1, True)
    assert {figure.name: figure.value for figure in other.figures()}["hooks_waiting"] == 0, "it is counted once"
    other.stop()
