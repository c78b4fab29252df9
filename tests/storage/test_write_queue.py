"""The queue's own rules, with a destination that fails as a test wants it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from basics.errors import Conflict, StorageError
from storage import write_queue
from storage.spool import Spool
from storage.write_queue import WriteQueue
from storage.writes import DatabaseAway, Ticket, Write
from tests.helpers.waiting import until


class Destination:
    """Remembers what arrived; `trouble` is asked about each batch, and raises."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.sizes: list[int] = []
        self.trouble: Callable[[Sequence[Write]], None] = lambda batch: None

    def send(self, batch: Sequence[Write]) -> None:
        self.sizes.append(len(batch))
        self.trouble(batch)
        self.arrived += [write.document_id for write in batch]


def write(name: str) -> Write:
    return Write("acts", name, "insert", frozenset({"at"}), {"at": 1}, name.encode())


@pytest.fixture
def destination() -> Destination:
    return Destination()


@pytest.fixture
def queue(destination: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WriteQueue]:
    monkeypatch.setattr(write_queue, "RETRY_S", (0.01,))
    monkeypatch.setattr(write_queue, "DISK_RETRY_S", 0.01)
    made = WriteQueue(destination.send, lambda record: write(record.decode()), Spool(tmp_path / "spool", 1 << 20), tmp_path / "rejected.jsonl")
    yield made
    made.stop(10)


def put(queue: WriteQueue, count: int) -> list[Ticket]:
    return [queue.put(write(f"w{number:03d}")) for number in range(count)]


def names(count: int) -> list[str]:
    return [f"w{number:03d}" for number in range(count)]


def test_nothing_is_decided_before_somebody_looked_at_the_database(queue: WriteQueue) -> None:
    queue.start()
    ticket = queue.put(write("w000"))
    assert not ticket.wait(0.05)
    assert not ticket.done
    queue.set_reachable(False)
    assert ticket.wait(10)
    assert queue.health()["spooled"] == 1


def test_a_write_that_fails_for_unforeseen_reasons_is_set_aside_in_the_end(queue: WriteQueue, destination: Destination, tmp_path: Path) -> None:
    def trouble(batch: Sequence[Write]) -> None:
        if any(each.document_id == "w003" for each in batch):
            raise RuntimeError("nobody knows")

    destination.trouble = trouble
    tickets = put(queue, 8)
    queue.start()
    queue.set_reachable(True)
    assert queue.flush(20)
    assert all(ticket.wait(10) for number, ticket in enumerate(tickets) if number != 3)
    assert sorted(set(destination.arrived)) == [name for name in names(8) if name != "w003"]
    line = json.loads((tmp_path / "rejected.jsonl").read_text("utf-8"))
    assert line["id"] == "w003"
    assert "nobody knows" in line["reason"]


def test_several_that_fail_for_unforeseen_reasons_are_set_aside_and_the_rest_goes_on(
    queue: WriteQueue, destination: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.write_queue.DOUBT_TRIES", 3)

    def trouble(batch: Sequence[Write]) -> None:
        if any(each.document_id in {"w001", "w003", "w004"} for each in batch):
            raise RuntimeError("nobody knows")

    destination.trouble = trouble
    put(queue, 8)
    queue.start()
    queue.set_reachable(True)
    assert queue.flush(60)
    assert sorted(set(destination.arrived)) == [name for name in names(8) if name not in {"w001", "w003", "w004"}]
    lines = [json.loads(line)["id"] for line in (tmp_path / "rejected.jsonl").read_text("utf-8").splitlines()]
    assert sorted(set(lines)) == ["w001", "w003", "w004"]


def test_an_unforeseen_failure_that_passes_loses_nothing(queue: WriteQueue, destination: Destination, tmp_path: Path) -> None:
    left = [30]

    def trouble(batch: Sequence[Write]) -> None:
        if left[0]:
            left[0] -= 1
            raise RuntimeError("full for a moment") if left[0] % 7 else DatabaseAway("away for a moment")

    destination.trouble = trouble
    put(queue, 8)
    queue.start()
    queue.set_reachable(True)
    assert queue.flush(20)
    assert list(dict.fromkeys(destination.arrived)) == names(8)
    assert not (tmp_path / "rejected.jsonl").exists()


def test_batches_shrink_for_a_slow_database_and_grow_again(queue: WriteQueue, destination: Destination) -> None:
    def trouble(batch: Sequence[Write]) -> None:
        if len(batch) > 3:
            raise DatabaseAway("out of time", slow=True)

    destination.trouble = trouble
    put(queue, 100)
    queue.start()
    queue.set_reachable(True)
    assert queue.flush(20)
    assert list(dict.fromkeys(destination.arrived)) == names(100)
    destination.trouble = lambda batch: None
    destination.sizes.clear()
    for _ in range(12):
        for ticket in put(queue, 50):
            assert ticket.wait(10)
    assert queue.flush(20)
    assert max(destination.sizes) > 3


def test_acknowledged_writes_that_are_refused_later_stay_until_they_can_be_set_aside(
    queue: WriteQueue, destination: Destination, tmp_path: Path
) -> None:
    def trouble(batch: Sequence[Write]) -> None:
        for each in batch:
            if each.document_id == "w001":
                each.error = StorageError("refused")

    queue.start()
    queue.set_reachable(False)
    assert all(ticket.wait(10) for ticket in put(queue, 3))
    (tmp_path / "rejected.jsonl").mkdir()  # the file can't be written
    destination.trouble = trouble
    queue.set_reachable(True)
    until(lambda: "can't be written" in queue.health()["trouble"])
    assert not queue.flush(0)
    assert queue.health()["spooled"] == 3
    (tmp_path / "rejected.jsonl").rmdir()
    assert queue.flush(10)
    assert json.loads((tmp_path / "rejected.jsonl").read_text("utf-8"))["id"] == "w001"


def test_what_neither_disk_nor_database_took_is_told_when_the_server_ends(
    destination: Destination, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path / "spool", 10)  # takes nothing
    queue = WriteQueue(destination.send, lambda record: write(record.decode()), spool, tmp_path / "rejected.jsonl")
    queue.start()
    queue.set_reachable(False)
    ticket = queue.put(write("w000"))
    queue.stop(10)
    assert ticket.done
    assert not ticket.wait(0)
    assert isinstance(ticket.error, StorageError)
    assert "lost" in caplog.text


def test_refused_writes_of_an_earlier_run_are_told_until_their_file_is_moved_away(destination: Destination, tmp_path: Path) -> None:
    def made(name: str) -> WriteQueue:
        return WriteQueue(destination.send, lambda record: write(record.decode()), Spool(tmp_path / name, 1 << 20), tmp_path / "rejected.jsonl")

    def refuse(error: StorageError | Conflict) -> None:
        def trouble(batch: Sequence[Write]) -> None:
            batch[0].error = error

        destination.trouble = trouble
        queue = made("one")
        queue.start()
        queue.set_reachable(True)
        assert not queue.put(write("w000")).wait(10)
        queue.stop(10)

    refuse(Conflict("somebody else was first"))  # whoever wrote it was told
    queue = made("two")
    assert queue.health()["refusal"] == ""
    refuse(StorageError("too large"))
    queue = made("three")
    assert "an earlier run" in queue.health()["refusal"]
    (tmp_path / "rejected.jsonl").rename(tmp_path / "seen.jsonl")
    assert queue.health()["refusal"] == ""
