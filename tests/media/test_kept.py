"""What flagged intervals' clips are made of, on disk: it outlives the process, and what can't be made is tried again with its true reason."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from basics.readings import SAMPLE_RATE, Frame, Sound
from media import recorder as recorder_module
from media.clip import Clip, ClipJob
from media.kept import SUFFIX, KeptMedia, pack, unpack
from media.recorder import ENCODER_TRIES, FAILED_AFTER, Recorder
from tests.helpers.waiting import until

KEY = "0123456789abcdef" * 2 + "-7"
BEGUN = datetime(2024, 10, 5, 14, 30, 0, tzinfo=timezone.utc)


def frames(count: int = 10) -> list[Frame]:
    shades = [cv2.imencode(".jpg", np.full((48, 64, 3), 40 + number, np.uint8))[1].tobytes() for number in range(count)]
    return [Frame(number / 10, shade, sequence=number) for number, shade in enumerate(shades)]


def sounds(count: int = 5) -> list[Sound]:
    return [Sound(number / 5, np.full(SAMPLE_RATE // 5, number, np.int16)) for number in range(count)]


def job(*, kept: bool = False) -> ClipJob:
    session_id, _, index = KEY.rpartition("-")
    return ClipJob(session_id, "student", int(index), BEGUN, 12, 0, 1, [] if kept else frames(), [] if kept else sounds(), [], kept)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[KeptMedia]:
    made = KeptMedia(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setattr(recorder_module, "RETRY_AFTER_S", (0.01,))
    made = Recorder(tmp_path / "clips", tmp_path / "temp", min_free_mb=0)
    made.start()
    yield made
    made.stop()


def same(one: tuple[list[Frame], list[Sound]], pictures: list[Frame], heard: list[Sound]) -> bool:
    return one[0] == pictures and [(each.at, each.samples.tolist()) for each in one[1]] == [(each.at, each.samples.tolist()) for each in heard]


def test_what_is_kept_is_read_as_it_came_by_the_next_run_as_well(kept: KeptMedia, tmp_path: Path) -> None:
    kept.add(KEY, [*frames()[:4], *sounds()])
    kept.add(KEY, frames()[3:])  # the fourth came twice
    assert same(kept.read(KEY), frames(), sounds())
    again = KeptMedia(tmp_path)
    again.start()
    assert again.intervals() == [KEY]
    assert again.is_whole(KEY)
    assert same(again.read(KEY), frames(), sounds())
    again.drop(KEY)
    again.stop()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("end", [b"", b"\x00", b"\xff" * 40, pack(frames(1)[0])[:-1], b"\x09" + pack(frames(1)[0])[1:]])
def test_a_file_that_was_broken_off_gives_all_before_that(end: bytes) -> None:
    whole = b"".join(pack(frame) for frame in frames(3))
    assert list(unpack(whole + end)) == frames(3)


def test_what_the_next_run_adds_behind_an_item_that_was_broken_off_is_read(tmp_path: Path) -> None:
    whole = b"".join(pack(frame) for frame in frames(3))
    (tmp_path / f"{KEY}{SUFFIX}").write_bytes(whole + pack(frames(4)[3])[:-5])
    again = KeptMedia(tmp_path)
    again.start()
    again.add(KEY, frames()[4:])
    assert [frame.sequence for frame in again.read(KEY)[0]] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    again.stop()


def test_where_the_disk_takes_nothing_it_is_said_and_the_interval_is_not_whole(tmp_path: Path) -> None:
    gone = KeptMedia(tmp_path / "no such folder")
    gone.start()
    gone.add(KEY, frames())
    gone.seal(KEY)
    gone.stop()
    assert not gone.is_whole(KEY)
    assert gone.last_error.startswith("disk:")


def test_a_disk_below_its_minimum_keeps_nothing_more_and_is_told(tmp_path: Path) -> None:
    kept = KeptMedia(tmp_path, min_free=1 << 60)
    kept.start()
    kept.add(KEY, frames())
    kept.read(KEY)
    assert not kept.is_whole(KEY)
    assert "MIN_FREE_MB" in kept.last_error
    assert not list(tmp_path.iterdir())
    kept.stop()


def test_names_of_others_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / f"notes{SUFFIX}").write_text("mine")
    found = KeptMedia(tmp_path)
    found.start()
    found.stop()
    assert found.intervals() == []


class Told:
    """What is told of one clip."""

    def __init__(self) -> None:
        self.clips: list[Clip] = []
        self._news = threading.Condition()

    def __call__(self, clip: Clip) -> None:
        with self._news:
            self.clips.append(clip)
            self._news.notify_all()

    def wait(self, state: str) -> Clip:
        with self._news:
            assert self._news.wait_for(lambda: self.clips and self.clips[-1].state == state, 60), self.clips
            return self.clips[-1]


def test_an_interval_of_which_nothing_came_has_no_clip_and_the_true_reason(recorder: Recorder) -> None:
    recorder.kept.add(KEY, [])
    told = Told()
    recorder.submit(job(kept=True), told)
    assert told.wait("failed").reason == "no picture and no sound of this time was kept"


def test_a_clip_is_made_of_what_is_kept_and_that_goes_then(recorder: Recorder) -> None:
    recorder.kept.add(KEY, [*frames(), *sounds()])
    told = Told()
    recorder.submit(job(kept=True), told)
    clip = told.wait("ready")
    with av.open(str(recorder.clips_dir / clip.path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 10
        assert KEY in container.metadata["comment"]
    recorder.stop()
    assert not list(recorder.temp_dir.iterdir())


def test_an_encoder_that_fails_is_tried_again_and_what_is_kept_stays_for_the_next_start(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def fails(*_: object, **__: object) -> None:
        tries.append(1)
        raise ValueError("can't start a thread")

    monkeypatch.setattr(recorder_module, "encode", fails)
    recorder.kept.add(KEY, frames())
    told = Told()
    recorder.submit(job(kept=True), told)
    until(lambda: not recorder.has(KEY) and len(told.clips) == 2)
    assert len(tries) == ENCODER_TRIES
    assert [clip.reason.partition(";")[0] for clip in told.clips] == ["encoder: can't start a thread"] * 2
    assert recorder.kept.has(KEY)


class Record:
    """The record of a clip on its way to the database."""

    stored = False

    @property
    def done(self) -> bool:
        return self.stored

    def wait(self, timeout: float | None = None) -> bool:
        return self.stored


def test_what_is_kept_stays_until_the_clips_record_is_safe_and_the_next_start_makes_no_second_file(tmp_path: Path) -> None:
    def made(record: Record, score: int) -> Recorder:
        told: list[Clip] = []
        recorder = Recorder(tmp_path / "clips", tmp_path / "temp", min_free_mb=0)
        recorder.start()
        recorder.kept.add(KEY, frames())
        recorder.submit(replace(job(kept=True), score=score), lambda clip: told.append(clip) or record)  # type: ignore[func-returns-value]
        until(lambda: told and told[0].state == "ready")
        return recorder

    lost, safe = Record(), Record()
    recorder = made(lost, 12)
    recorder.stop()
    again = made(safe, 15)
    assert len(again.kept.read(KEY)[0]) == 10
    safe.stored = True
    until(lambda: not again.kept.has(KEY))
    again.stop()
    assert len(list(again.clips_dir.rglob("*.mp4"))) == 1


def test_a_second_clip_of_an_interval_stands_for_the_first_unless_there_is_nothing_to_make_it_of(recorder: Recorder) -> None:
    recorder.clips_dir.rmdir()
    recorder.clips_dir.write_text("a file where the folder should be")
    first, second, third = Told(), Told(), Told()
    recorder.submit(job(), first)
    first.wait("failed")
    recorder.submit(job(), second)
    second.wait("failed")
    recorder.submit(replace(job(), frames=[], sounds=[]), third)  # a session that was opened again has nothing in memory
    recorder.clips_dir.unlink()  # the recorder makes the folder anew
    third.wait("ready")
    recorder.stop()
    assert [first.clips[-1].state, second.clips[-1].state] == ["failed", "failed"]
    assert len(list(recorder.clips_dir.rglob("*.mp4"))) == 1


@pytest.mark.parametrize("kept", [True, False])
def test_no_clip_is_made_of_a_session_that_was_deleted_while_it_waited(recorder: Recorder, kept: bool) -> None:
    recorder.clips_dir.rmdir()
    recorder.clips_dir.write_text("a file where the folder should be")
    if kept:
        recorder.kept.add(KEY, frames())
    told = Told()
    recorder.submit(job(kept=kept), told)
    told.wait("failed")
    recorder.forget(KEY.partition("-")[0])
    recorder.clips_dir.unlink()
    recorder.clips_dir.mkdir()
    until(lambda: not recorder.has(KEY))
    recorder.stop()
    assert len(told.clips) == 1
    assert not [*recorder.clips_dir.iterdir(), *recorder.temp_dir.iterdir()]


def test_a_disk_that_takes_nothing_is_told_and_the_clip_made_when_it_does(recorder: Recorder) -> None:
    recorder.clips_dir.rmdir()
    recorder.clips_dir.write_text("a file where the folder should be")
    told = Told()
    recorder.submit(job(), told)
    failed = told.wait("failed")
    assert failed.reason.startswith("disk:")
    assert "tried again" in failed.reason
    assert "tried again" in recorder.problem()
    recorder.clips_dir.unlink()
    assert told.wait("ready").path
    assert recorder.problem() == ""


def test_a_disk_below_its_minimum_takes_no_clip(recorder: Recorder) -> None:
    scarce = Recorder(recorder.clips_dir, recorder.temp_dir, min_free_mb=1 << 40)
    assert "MIN_FREE_MB" in scarce.make(job()).reason


def test_an_encoder_that_raises_whatever_is_a_failed_clip(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> tuple[float, float]:
        raise RuntimeError("no such codec")

    monkeypatch.setattr(recorder_module, "encode", broken)
    told = Told()
    recorder.submit(job(), told)
    assert told.wait("failed").reason.startswith("encoder: no such codec")
    monkeypatch.undo()
    told.wait("ready")


def test_what_waits_at_a_stop_is_on_disk_for_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "STUCK_S", 60.0)  # which it is not, however long its thread stands still
    first = Recorder(tmp_path / "clips", tmp_path / "temp", min_free_mb=0)
    first.start()
    busy, held = threading.Event(), threading.Event()

    def slow(_: ClipJob) -> Clip:
        busy.set()
        held.wait(30)
        return Clip("failed", reason="disk: away")

    monkeypatch.setattr(first, "make", slow)
    first.submit(job(), lambda _: None)
    assert busy.wait(30)
    stopping = threading.Thread(target=first.stop, args=(0.05,))
    stopping.start()
    held.set()
    stopping.join(30)
    told: list[Clip] = []
    monkeypatch.undo()
    second = Recorder(tmp_path / "clips", tmp_path / "temp", min_free_mb=0)
    second.start()
    assert second.kept.intervals() == [KEY]
    second.submit(job(kept=True), told.append)
    second.stop()
    assert [clip.state for clip in told] == ["ready"]


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="needs a second disk")
def test_a_temporary_folder_on_another_disk_works(tmp_path: Path) -> None:
    import tempfile

    where = next((folder for folder in ("/dev/shm", "/tmp", "/var/tmp") if os.stat(folder).st_dev != tmp_path.stat().st_dev), "/dev/shm")
    with tempfile.TemporaryDirectory(dir=where) as other:
        if os.stat(other).st_dev == tmp_path.stat().st_dev:
            pytest.skip("both folders are on one disk")
        made = Recorder(tmp_path / "clips", Path(other), min_free_mb=0)
        clip = made.make(job())
        assert clip.state == "ready", clip.reason
        assert not os.listdir(other)
        assert [path.suffix for path in (tmp_path / "clips" / "student").iterdir()] == [".mp4"]


def test_a_clip_is_failed_before_it_is_tried_for_ever() -> None:
    assert len(recorder_module.RETRY_AFTER_S) >= FAILED_AFTER
