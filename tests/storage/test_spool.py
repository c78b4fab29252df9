"""The spool keeps what it promised, in order, through crashes and full disks."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from basics.errors import StorageError
from storage.spool import MAGIC, Spool

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@contextlib.contextmanager
def opened(folder: Path, max_bytes: int = 1 << 20, segment_bytes: int = 16 << 20) -> Iterator[Spool]:
    spool = Spool(folder, max_bytes, segment_bytes)
    yield spool
    spool.close()


def everything(spool: Spool, step: int = 7) -> list[bytes]:
    seen = []
    while len(spool):
        records = spool.peek(step)
        seen += records
        spool.drop(len(records))
    return seen


def records(count: int, start: int = 0) -> list[bytes]:
    return [f"record {number} ".encode() * (number % 5 + 1) for number in range(start, start + count)]


@contextlib.contextmanager
def disk_that_takes(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes: the kernel refuses in the middle of a write, as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_records_come_out_in_order_over_many_files_and_files_are_deleted(folder: Path) -> None:
    with opened(folder, segment_bytes=200) as spool:
        for start in range(0, 100, 10):
            spool.append(records(10, start))
        assert len(list(folder.glob("*.spool"))) > 3
        assert len(spool) == 100
        assert everything(spool) == records(100)
        assert not list(folder.glob("*.spool"))
        assert spool.size_bytes == 0


def test_records_may_be_added_while_others_are_read(folder: Path) -> None:
    with opened(folder, segment_bytes=100) as spool:
        spool.append(records(10))
        assert spool.peek(4) == records(4)
        spool.append(records(10, 10))
        spool.drop(4)
        assert everything(spool) == records(16, 4)
        spool.append(records(3, 20))
        assert everything(spool) == records(3, 20)


def test_peek_changes_nothing_and_is_bounded_by_bytes_but_gives_one_at_least(folder: Path) -> None:
    with opened(folder) as spool:
        spool.append([b"x" * 1000, b"y" * 10])
        assert spool.peek(10, max_bytes=500) == [b"x" * 1000]
        assert spool.peek(10, max_bytes=1010) == [b"x" * 1000, b"y" * 10]


def test_reopening_goes_on_behind_what_was_dropped(folder: Path) -> None:
    with opened(folder, segment_bytes=300) as spool:
        spool.append(records(20))
        spool.peek(13)
        spool.drop(13)
    with opened(folder, segment_bytes=300) as spool:
        assert len(spool) == 7
        spool.append(records(5, 20))
        assert everything(spool) == records(12, 13)
    with opened(folder) as spool:
        assert len(spool) == 0


def test_a_lost_position_repeats_records_but_loses_none(folder: Path) -> None:
    with opened(folder) as spool:
        spool.append(records(20))
        spool.peek(13)
        spool.drop(13)
    (folder / "position").write_bytes(b"\x00" * 20)
    with opened(folder) as spool:
        assert everything(spool) == records(20)


@pytest.mark.parametrize("cut", [1, 5, 8, 9, 20])
def test_a_torn_tail_is_cut_and_the_whole_records_stay(folder: Path, cut: int) -> None:
    with opened(folder) as spool:
        spool.append([*records(5), b"the last one, 20 byte"])
    path = next(folder.glob("*.spool"))
    os.truncate(path, path.stat().st_size - cut)
    with opened(folder) as spool:
        assert len(spool) == 5
        spool.append(records(2, 5))
    with opened(folder) as spool:
        assert everything(spool) == records(7)


def test_zeros_that_a_power_cut_left_are_no_record(folder: Path) -> None:
    with opened(folder) as spool:
        spool.append(records(5))
    path = next(folder.glob("*.spool"))
    with path.open("ab") as file:
        file.write(b"\x00\x01" * 4096)
    with opened(folder) as spool:
        assert everything(spool) == records(5)


def test_a_file_without_its_first_word_is_no_hindrance(folder: Path) -> None:
    folder.mkdir()
    (folder / "000000000001.spool").write_bytes(MAGIC[:3])
    with opened(folder) as spool:
        spool.append(records(3))
        assert everything(spool) == records(3)


def test_damage_in_the_middle_is_kept_aside_and_later_files_go_on(folder: Path) -> None:
    with opened(folder, segment_bytes=100) as spool:
        spool.append(records(10))
        spool.append(records(10, 10))
    path = min(folder.glob("*.spool"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 0xFF
    path.write_bytes(data)
    with opened(folder) as spool:
        assert everything(spool) == records(9) + records(10, 10)
    assert list(folder.glob("*.damaged"))


def test_damage_while_the_server_runs_does_not_stop_the_rest(folder: Path) -> None:
    with opened(folder, segment_bytes=100) as spool:
        spool.append(records(10))
        spool.append(records(10, 10))
        path = min(folder.glob("*.spool"))
        data = bytearray(path.read_bytes())
        data[-1] ^= 0xFF
        path.write_bytes(data)
        assert everything(spool) == records(9) + records(10, 10)
        assert not list(folder.glob("*.spool"))
    assert list(folder.glob("*.damaged"))


def test_a_full_spool_refuses_and_takes_again_when_there_is_room(folder: Path) -> None:
    with opened(folder, max_bytes=2000, segment_bytes=500) as spool:
        spool.append([b"x" * 900])
        with pytest.raises(StorageError, match="SPOOL_MAX_MB"):
            spool.append([b"y" * 1200])
        assert everything(spool) == [b"x" * 900]
        spool.append([b"y" * 1200])
        assert everything(spool) == [b"y" * 1200]


def test_a_full_disk_leaves_nothing_half_written(folder: Path) -> None:
    with opened(folder) as spool:
        spool.append(records(5))
        with disk_that_takes(4096), pytest.raises(StorageError, match="takes no more"):
            spool.append([*records(1, 5), b"z" * 8000])
        assert len(spool) == 5
        spool.append(records(2, 5))
        assert everything(spool) == records(7)


def test_a_full_disk_leaves_nothing_half_written_for_the_next_run(folder: Path) -> None:
    with opened(folder) as spool:
        spool.append(records(5))
        with disk_that_takes(4096), pytest.raises(StorageError):
            spool.append([b"z" * 8000])
    with opened(folder) as spool:
        assert everything(spool) == records(5)


def test_a_full_disk_is_not_filled_with_empty_files(folder: Path) -> None:
    with opened(folder) as spool:
        for _ in range(20):
            with disk_that_takes(4096), pytest.raises(StorageError, match="takes no more"):
                spool.append([b"z" * 8000])
        assert list(folder.glob("*.spool")) == []
        spool.append(records(5))
        assert everything(spool) == records(5)


def test_what_was_read_is_forgotten_though_the_disk_notes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(descriptor: int, *rest: object) -> int:
        raise OSError(28, "No space left on device")

    with opened(folder, segment_bytes=100) as spool:
        spool.append(records(10))
        spool.append(records(10, 10))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", failing)
            patch.setattr(os, "fsync", failing)
            assert everything(spool) == records(20)
        assert len(spool) == 0
        spool.append(records(2))
        assert everything(spool) == records(2)


def test_a_file_that_can_not_be_removed_does_not_come_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(path: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    with opened(folder, segment_bytes=100) as spool:
        spool.append(records(10))
        spool.append(records(10, 10))
        assert spool.peek(10) == records(10)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", failing)
            with pytest.raises(StorageError, match="can't be emptied"):
                spool.drop(10)
        assert len(spool) == 10
        assert spool.peek(3) == records(3, 10)
        spool.drop(3)
    with opened(folder, segment_bytes=100) as spool:
        assert everything(spool) == records(7, 13)


def test_what_stands_before_damage_waits_as_long_as_it_is_not_taken(folder: Path) -> None:
    with opened(folder) as spool:
        spool.append(records(10))
        path = min(folder.glob("*.spool"))
        data = bytearray(path.read_bytes())
        data[-1] ^= 0xFF
        path.write_bytes(data)
        assert spool.peek(20) == spool.peek(20) == records(9)
        assert spool.damaged == []
        assert everything(spool) == records(9)
        assert len(spool.damaged) == 1


def test_nothing_counts_as_stored_before_the_disk_said_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with opened(folder) as spool:
        spool.append(records(2))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            with pytest.raises(StorageError, match="Input/output error"):
                spool.append(records(2, 2))
        assert len(spool) == 2
        spool.append(records(2, 2))
        assert everything(spool) == records(4)


def test_what_append_took_survives_a_kill(folder: Path) -> None:
    program = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from storage.spool import Spool
spool = Spool(Path({str(folder)!r}), 1 << 20)
spool.append([b"one", b"two"])
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    with opened(folder) as spool:
        assert everything(spool) == [b"one", b"two"]


def test_a_folder_that_can_not_be_made_is_said_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="file"):
        Spool(tmp_path / "file" / "spool", 1 << 20)
