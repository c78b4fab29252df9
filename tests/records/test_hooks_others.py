"""Others than webhooks that the outbox tells, each in its own words."""

from __future__ import annotations

from datetime import datetime, timedelta

from database import Database, Document
from records.hook_posting import Answer
from records.hook_sender import HookSender
from records.hooks import Endpoint
from tests.helpers.hooks import Sending, begun, store

ONE, OTHER = "a" * 32, "b" * 32


class Others:
    """One receiver that is no webhook."""

    most = 1

    def __init__(self) -> None:
        self.answer = Answer(503)
        self.slow: datetime | None = None
        self.lost: list[str] = []
        self.failing = ""

    def all(self) -> list[Endpoint]:
        return [Endpoint("lms", "LMS", "", events=frozenset({"session.started"}), slow_until=self.slow)]

    def tell(self, _endpoint: Endpoint, _row: Document) -> Answer:
        return self.answer

    def slow_down(self, _endpoint_id: str, until: datetime) -> None:
        self.slow = until

    def took(self, _endpoint_id: str, _at: datetime) -> None:
        self.failing = ""

    def failed(self, _endpoint_id: str, _at: datetime, why: str) -> None:
        self.failing = why

    def given_up(self, _endpoint: Endpoint, row: Document, _why: str) -> None:
        self.lost.append(str(row["of"]))


def test_others_are_told_by_the_same_claims_and_nothing_disables_them(database: Database) -> None:
    others, sending = Others(), Sending(database, waiting_max=1)
    sending.sender = HookSender(database, sending.hooks, sending.outbox, now=lambda: sending.at, others=[others])
    sending.sender.look_again()
    for one in (ONE, OTHER):
        store(database, one, begun())
    sending.run()
    sending.outbox.sweep(sending.sender.look_again)
    assert [(row["state"], row["tries"]) for row in sending.rows()] == [("waiting", 1)] * 2
    assert (others.slow is not None, others.failing) == (True, "it answered 503")
    others.answer = Answer(410)
    sending.run(120)
    assert ([row["state"] for row in sending.rows()], sorted(others.lost)) == (["given_up"] * 2, [ONE, OTHER])
    sending.outbox.hurry("lms", [ONE], "session.started")
    (row,) = sending.outbox.due("lms", 4)
    sending.outbox.hurry("lms", [ONE], "session.started")
    assert not sending.outbox.finish(row, "waiting", {}, sending.at + timedelta(hours=1)), "what it saw was before"
    others.answer = Answer(over="delivered")
    sending.run(61)
    assert [row["state"] for row in sending.rows()] == ["delivered", "given_up"]
    assert sending.sender.health()["state"] == "ok"
    sending.sender.stop()
