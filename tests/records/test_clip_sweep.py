"""Clips and their records are made to agree: what is there is found again, what is gone is said, and nothing else's file is touched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest

from basics.readings import Frame
from basics.times import utc_now
from database import Database
from media.clip import Clip, ClipJob
from media.clip_reasons import GONE
from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.files_elsewhere import FilesElsewhere
from storage.marks import marks_of
from tests.helpers.sessions import UNKNOWN, store_interval

BEGUN = datetime(2024, 10, 5, 14, 30, 0, tzinfo=timezone.utc)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    made = Recorder(tmp_path / "clips", tmp_path / "temp", min_free_mb=0)
    made.start()
    made.stop()
    return made


@pytest.fixture
def sweep(database: Database, recorder: Recorder) -> ClipSweep:
    return ClipSweep(database, recorder.clips_dir, recorder.temp_dir)


def make(recorder: Recorder, index: int = 0) -> Clip:
    shade = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    clip = recorder.make(ClipJob(UNKNOWN, "student123", index, BEGUN, 10, 0, 1, [Frame(0.0, shade), Frame(0.5, shade)], []))
    assert clip.state == "ready", clip.reason
    return clip


def stored(database: Database, key: str) -> Clip:
    assert database.flush(10)
    return Clip(**database.interval(key)["clip"])


@pytest.mark.parametrize("state", ["pending", "failed"])
def test_a_whole_file_whose_record_does_not_know_it_is_found_again(database: Database, recorder: Recorder, sweep: ClipSweep, state: str) -> None:
    clip = make(recorder)
    key = store_interval(database, UNKNOWN, 0, clip=Clip(state, reason="the server stopped").to_dict())
    assert sweep.sweep(settled_s=0)["found"] == 1
    found = stored(database, key)
    assert (found.state, found.path, found.sha256, found.size_bytes) == ("ready", clip.path, clip.sha256, clip.size_bytes)
    assert sum(sweep.sweep(settled_s=0).values()) == 0


def test_a_file_that_is_gone_is_said_and_one_that_was_renamed_is_found(database: Database, recorder: Recorder, sweep: ClipSweep) -> None:
    database.is_listened_to = True
    lost, renamed = make(recorder, 0), make(recorder, 1)
    keys = [store_interval(database, UNKNOWN, index, clip=clip.to_dict()) for index, clip in enumerate((lost, renamed))]
    (recorder.clips_dir / lost.path).unlink()
    (recorder.clips_dir / renamed.path).rename(recorder.clips_dir / "student123" / "elsewhere.mp4")
    assert sweep.sweep(settled_s=0) == {"found": 1, "gone": 1, "doubled": 0, "nobodys": 0}
    assert (stored(database, keys[0]).state, stored(database, keys[0]).reason) == ("failed", GONE)
    assert stored(database, keys[1]).path == "student123/elsewhere.mp4"
    assert [[mark.kind for mark in marks_of(database.interval(key))] for key in keys] == [["clip.failed"], []], "other systems know the second"


def test_a_second_file_of_one_clip_goes_and_a_strangers_stays(database: Database, recorder: Recorder, sweep: ClipSweep) -> None:
    first = make(recorder)
    second = recorder.clips_dir / "student123" / "the same.mp4"
    shutil.copyfile(recorder.clips_dir / first.path, second)
    key = store_interval(database, UNKNOWN, 0, clip=first.to_dict())
    stranger = recorder.clips_dir / "holiday.mp4"
    stranger.write_bytes(b"no clip")
    of_another_database = recorder.clips_dir / make(recorder, 77).path
    assert sweep.sweep(settled_s=0) == {"found": 0, "gone": 0, "doubled": 1, "nobodys": 2}
    assert stored(database, key).path == first.path
    assert not second.exists()
    assert stranger.exists()
    assert of_another_database.exists()


def test_a_file_that_gets_its_record_while_the_others_are_looked_at_stays(
    database: Database, recorder: Recorder, sweep: ClipSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make(recorder)
    files = sweep._local

    def late(settled_s: float) -> Iterator[Path]:
        store_interval(database, UNKNOWN, 0, clip=clip.to_dict())
        return files(settled_s)

    monkeypatch.setattr(sweep, "_local", late)
    assert sum(sweep.sweep(settled_s=0).values()) == 0
    assert (recorder.clips_dir / clip.path).exists()


def test_a_file_that_was_changed_is_not_taken_for_the_one_that_is_gone(database: Database, recorder: Recorder, sweep: ClipSweep) -> None:
    clip = make(recorder)
    key = store_interval(database, UNKNOWN, 0, clip=clip.to_dict())
    path = recorder.clips_dir / clip.path
    path.write_bytes(path.read_bytes() + b"more")
    path.rename(path.with_name("changed.mp4"))
    assert sweep.sweep(settled_s=0) == {"found": 0, "gone": 1, "doubled": 0, "nobodys": 1}
    assert stored(database, key).state == "failed"


def test_of_two_files_the_one_that_was_recorded_stays(database: Database, recorder: Recorder, sweep: ClipSweep) -> None:
    first = make(recorder)
    recorded, copy = recorder.clips_dir / first.path, recorder.clips_dir / "student123" / "copy.mp4"
    shutil.copyfile(recorded, copy)
    with recorded.open("ab") as file:
        file.write(b"changed")
    key = store_interval(database, UNKNOWN, 0, clip=first.to_dict())
    assert sweep.sweep(settled_s=0)["found"] == 1
    assert copy.exists()
    found = stored(database, key)
    assert (found.path, found.sha256) == ("student123/copy.mp4", first.sha256)


def test_strangers_are_told_once(database: Database, recorder: Recorder, sweep: ClipSweep) -> None:
    (recorder.clips_dir / "holiday.mp4").parent.mkdir(exist_ok=True)
    (recorder.clips_dir / "holiday.mp4").write_bytes(b"no clip")
    for _ in range(3):
        assert sweep.sweep(settled_s=0)["nobodys"] == 1
    assert database.flush(10)
    with database.reading():
        assert database.collection("audit").count_documents({"what": "clips: reconciled"}) == 1


def test_half_clips_go_once_nobody_writes_them(recorder: Recorder, sweep: ClipSweep) -> None:
    half = [folder / f"{UNKNOWN}-0-abcd.part" for folder in (recorder.temp_dir, recorder.clips_dir)]
    others = recorder.temp_dir / "download.part"
    others.write_bytes(b"of another program")
    for part in half:
        part.write_bytes(b"half")
    sweep.sweep()
    assert all(part.exists() for part in half)
    sweep.sweep(settled_s=0)
    assert not any(part.exists() for part in half)
    assert others.exists()


def test_the_clip_of_a_server_that_is_gone_whose_disk_is_here_is_this_servers(database: Database, recorder: Recorder, sweep: ClipSweep) -> None:
    clip = make(recorder)
    key = store_interval(database, UNKNOWN, 0, clip=clip.to_dict() | {"on": "gone"})
    sweep.elsewhere = FilesElsewhere(database, ("here",), recorder.clips_dir, {})
    assert sum(sweep.sweep(settled_s=0).values()) == 0, "that server is there, and sees to it"
    sweep.lives = lambda name: name != "gone"
    assert sweep.sweep(settled_s=0)["found"] == 1
    found = stored(database, key)
    assert (found.state, found.on, found.sha256) == ("ready", "here", clip.sha256)
    assert sum(sweep.sweep(settled_s=0).values()) == 0


def test_a_second_clip_that_no_record_names_goes_once_its_session_is_deleted(database: Database, recorder: Recorder, sweep: ClipSweep) -> None:
    file = recorder.clips_dir / make(recorder).path
    assert database.write("deleted_sessions", UNKNOWN, {"at": utc_now(), "whole": False}).wait(10)
    assert sweep.sweep(settled_s=0)["nobodys"] == 1
    assert file.exists(), "it is being deleted: perhaps it stays"
    assert database.write("deleted_sessions", UNKNOWN, {"whole": True}).wait(10)
    sweep.sweep(settled_s=0)
    assert not file.exists()


def test_a_file_whose_clip_was_deleted_elsewhere_goes(database: Database, recorder: Recorder, sweep: ClipSweep) -> None:
    clip = make(recorder)
    store_interval(database, UNKNOWN, 0, clip=clip.to_dict() | {"state": "deleted"})
    assert sweep.sweep(settled_s=0)["doubled"] == 1
    assert not (recorder.clips_dir / clip.path).exists()
