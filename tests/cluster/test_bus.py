"""Notices between servers: by a real change stream, or by looking where there is none; nothing lost, nothing believed, bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pymongo.change_stream import ChangeStream
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, OperationFailure

from basics.times import utc_now
from cluster import bus as bus_module
from cluster.bus import COLLECTION, HEARD_AT_ONCE, WAITING_MAX, Bus
from cluster.notices import KINDS, ExamChanged, Missed, Notice, PeopleChanged, document_of
from database import Database
from tests.helpers.waiting import until


class Ear:
    """A server's bus, and what it heard after its start."""

    def __init__(self, database: Database, **more: Any) -> None:
        self.bus = Bus(database, **more)
        self.heard: list[Notice] = []
        for kind in KINDS.values():
            self.bus.subscribe(kind, self.heard.append)

    def start(self) -> None:
        self.bus.start()
        assert self.bus.wait_hearing(60)
        assert self.heard == [Missed()], "what was read before the start may be old"
        self.heard.clear()

    def counts(self) -> dict[str, float]:
        return {one.labels.get("way", "stream"): one.value for one in self.bus.figures()}


@pytest.fixture
def ear(database: Database) -> Iterator[Callable[[], Ear]]:
    made: list[Ear] = []

    def make() -> Ear:
        made.append(Ear(database))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.bus.stop()


def exam(number: int) -> ExamChanged:
    return ExamChanged(f"{number:032x}")


def test_others_hear_by_a_stream_and_nobody_hears_itself(ear: Callable[[], Ear], database: Database) -> None:
    first, second = ear(), ear()
    rows = database.collection(COLLECTION)
    hostile: list[dict[str, Any]] = [
        {"kind": "ExamChanged", "what": {"exam_key": "$where"}},
        {"kind": "Bus", "what": {}},
        {"what": 1},
        {"kind": 2, "what": {"x": 1}},
    ]
    rows.insert_many([{"_id": str(number), **row} for number, row in enumerate(hostile)])
    for one in (exam(1), exam(2), exam(1), PeopleChanged()):
        first.bus.post(one)
    second.bus.post(exam(3))
    until(lambda: PeopleChanged() in second.heard and first.heard)
    assert first.heard == [exam(3)]
    assert list(dict.fromkeys(second.heard)) == [exam(1), exam(2), PeopleChanged()]
    until(lambda: second.counts()["refused"] == len(hostile))
    assert second.counts()["stream"] == 1
    first.bus.post(ExamChanged("no key"))  # nobody would take it
    first.bus.post(exam(4))
    until(lambda: exam(4) in second.heard)
    assert [one["expireAfterSeconds"] for one in rows.index_information().values() if "expireAfterSeconds" in one] == [60]

    second.heard.clear()
    rows.drop()  # as where a backup is put back
    until(lambda: Missed() in second.heard)
    first.bus.post(exam(5))
    until(lambda: exam(5) in second.heard)


def test_neither_a_huge_notice_nor_a_place_that_is_not_known_any_more_deafens_anybody(
    ear: Callable[[], Ear], monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    first, second = ear(), ear()
    database.collection(COLLECTION).insert_one({"_id": "huge", "by": "somebody", "x": b"x" * ((16 << 20) - 100)})
    first.bus.post(exam(1))
    until(lambda: exam(1) in second.heard)
    assert second.counts()["refused"] == 1
    watch, broken = Collection.watch, set[int]()

    def refuses(of: Any, *given: Any, resume_after: Any = None, **named: Any) -> Any:
        if resume_after is not None:
            raise OperationFailure("the database was put back from a backup", 9999)
        return watch(of, *given, **named)

    def breaks(_stream: Any) -> Any:
        broken.add(threading.get_ident())
        raise AutoReconnect("the database is away")

    monkeypatch.setattr(Collection, "watch", refuses)
    with monkeypatch.context() as patch:
        patch.setattr(ChangeStream, "try_next", breaks)
        until(lambda: len(broken) == 2)
    until(lambda: Missed() in second.heard, what="it begins anew, and what was lost is read anew")

    def is_heard() -> bool:
        first.bus.post(exam(2))
        return exam(2) in second.heard

    until(is_heard)


def test_what_is_told_while_a_server_can_not_hear_is_heard_once_it_can(
    ear: Callable[[], Ear], monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    first, second = ear(), ear()
    first.bus.post(exam(1))
    until(lambda: exam(1) in second.heard)
    broken, original = threading.Event(), ChangeStream.try_next

    def breaks(stream: Any) -> Any:
        broken.set()
        raise AutoReconnect("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(ChangeStream, "try_next", breaks)
        assert broken.wait(60)
        first.bus.post(exam(2))
        until(lambda: first.counts()["told"] == 2)
        assert database.flush(10)
    assert ChangeStream.try_next is original
    until(lambda: exam(2) in second.heard)
    assert Missed() not in second.heard, "the stream goes on where it was"


def _no_streams(*_given: Any, **_named: Any) -> Any:
    raise OperationFailure("The $changeStream stage is only supported on replica sets", 40573)


def test_without_change_streams_it_looks(ear: Callable[[], Ear], monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    monkeypatch.setattr(Collection, "watch", _no_streams)
    monkeypatch.setattr(bus_module, "LOOK_S", 0.05)
    before = {"_id": "before", "by": "somebody", "at": bus_module.EPOCH, **document_of(exam(9))}
    database.collection(COLLECTION).insert_one(before)
    first, second = ear(), ear()
    for number in range(3):
        first.bus.post(exam(number))
    until(lambda: len(second.heard) >= 3)
    second.bus.post(exam(3))
    until(lambda: first.heard)
    assert ({*second.heard}, len(second.heard), first.heard) == ({exam(0), exam(1), exam(2)}, 3, [exam(3)])
    assert second.counts()["stream"] == 0


def test_a_look_that_meets_more_than_it_reads_hears_the_newest_and_says_that_some_were_missed(
    monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.setattr(bus_module, "LOOK_MOST", 5)
    now, other = utc_now(), Ear(database)
    rows = [{"_id": str(one), "by": "somebody", "at": now - timedelta(seconds=20 - one), **document_of(exam(one))} for one in range(12)]
    database.collection(COLLECTION).insert_many(rows)
    for _look in range(2):
        for row in other.bus._new_rows():
            other.bus._take(row)
        other.bus._say_what_was_skipped()
    assert other.heard == [*map(exam, range(7, 12)), Missed()]


def test_everything_is_read_anew_once_a_second_at_most_whatever_is_told(database: Database) -> None:
    now = [0.0]
    other = Ear(database, clock=lambda: now[0])
    for number in range(100):
        other.bus._take({"_id": str(number), "by": "other", **document_of(Missed())})
        other.bus._say_what_was_skipped()
        now[0] += 0.05
    assert other.heard == [Missed()] * 5


def test_more_than_is_borne_is_told_as_everything(ear: Callable[[], Ear], database: Database) -> None:
    other, flooded = ear(), Bus(database)
    for number in range(WAITING_MAX + 1):
        flooded.post(exam(number))
    flooded.start()
    try:
        until(lambda: exam(WAITING_MAX) in other.heard)
    finally:
        flooded.stop()
    assert other.heard == [Missed(), exam(WAITING_MAX)]

    now = [0.0]
    deaf = Ear(database, clock=lambda: now[0])
    for number in range(int(HEARD_AT_ONCE) + 50):
        deaf.bus._take({"_id": str(number), "by": "other", **document_of(exam(number))})
    assert len(deaf.heard) == HEARD_AT_ONCE
    deaf.bus._say_what_was_skipped()
    assert Missed() not in deaf.heard
    now[0] += 1
    deaf.bus._say_what_was_skipped()
    assert deaf.heard[-1] == Missed()
