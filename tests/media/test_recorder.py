"""Clips: what is in them, how they are named, and what becomes of one that can't be made."""

from __future__ import annotations

import hashlib
import queue
import threading
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath, PureWindowsPath

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.readings import SAMPLE_RATE, Codec, Frame, Sound
from media.clip import FOLDER_MAX_BYTES, Clip, ClipJob, file_name, folder_name
from media.recorder import Recorder
from media.ring import ClipRing, join_sound

BEGUN = datetime(2024, 10, 5, 14, 30, 0, tzinfo=timezone.utc)
WAIT_S = 60.0


def picture(level: int, width: int = 320, height: int = 240) -> bytes:
    return cv2.imencode(".jpg", np.full((height, width, 3), level, np.uint8))[1].tobytes()


def job(frames: list[Frame], sounds: list[Sound], *, user_id: str = "student", score: int = 12, start: float = 0, end: float = 10) -> ClipJob:
    return ClipJob("session", user_id, 0, BEGUN, score, start, end, frames, sounds, [["copy_paste", 4.0, 5.0]])


def frames_at(times: list[float]) -> list[Frame]:
    return [Frame(at, picture(40 + number * 3 % 200)) for number, at in enumerate(times)]


def tone(at: float, seconds: float, hertz: float = 440) -> Sound:
    steps = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return Sound(at, (9000 * np.sin(2 * np.pi * hertz * steps)).astype(np.int16))


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    made = Recorder(tmp_path / "clips", tmp_path / "temp")
    made.start()
    made.stop()
    return made


def test_a_clip_has_the_pictures_own_times_and_its_sound_in_step(recorder: Recorder) -> None:
    times = [0.0, 0.1, 0.35, 2.0, 2.1, 6.0]
    clip = recorder.make(job(frames_at(times), [tone(0, 4.0), tone(5.0, 2.0)]))
    path = recorder.clips_dir / clip.path
    assert clip.state == "ready"
    with av.open(str(path)) as container:
        shown = [round(float((frame.pts or 0) * (frame.time_base or 0)), 2) for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert shown == times
    power = [float(np.abs(heard[int(at * SAMPLE_RATE) : int((at + 0.5) * SAMPLE_RATE)]).mean()) for at in (1.0, 4.3, 5.5)]
    assert power[0] > 10 * power[1]
    assert power[2] > 10 * power[1]


def test_a_page_that_sends_six_times_as_many_pictures_makes_no_clip_six_times_as_dear(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "clips", tmp_path / "temp", min_free_mb=0, fps=10)
    recorder.start()
    recorder.stop()
    shown = []
    for fps in (10, 60):
        clip = recorder.make(job(frames_at([number / fps for number in range(fps)]), []))
        with av.open(str(recorder.clips_dir / clip.path)) as container:
            shown.append(sum(1 for _ in container.decode(video=0)))
    assert shown[0] == 10
    assert 10 <= shown[1] <= 25


def test_the_record_says_what_the_file_is(recorder: Recorder) -> None:
    clip = recorder.make(job(frames_at([1.0, 1.1, 1.2]), [tone(0.9, 3)], start=0.5))
    path = recorder.clips_dir / clip.path
    assert clip.path == "student/flagged_2024-10-05T14-30-00_score12.mp4"
    assert file_name(replace(job([], [], score=0), flagged=False)) == "marked_2024-10-05T14-30-00_score0.mp4", "a proctor marked it: it is no flag"
    assert clip.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert clip.size_bytes == path.stat().st_size
    assert clip.start == 0.9
    assert clip.marks == [["copy_paste", 3.1, 4.1]]
    assert not list(recorder.temp_dir.iterdir())


def test_two_clips_of_one_name_do_not_collide(recorder: Recorder) -> None:
    clips = [recorder.make(replace(job(frames_at([0, 0.1]), []), index=index)) for index in range(3)]
    assert len({clip.path for clip in clips}) == 3
    assert all((recorder.clips_dir / clip.path).stat().st_size == clip.size_bytes for clip in clips)


def test_a_small_picture_before_each_makes_no_small_clip(recorder: Recorder) -> None:
    frames = [
        Frame(at + nudge, picture(90, *size)) for at in (0.1, 0.6, 1.1) for nudge, size in ((0.0, (32, 32)), (0.01, (320, 240)), (0.02, (1, 1)))
    ]
    clip = recorder.make(job(frames, []))
    assert clip.state == "ready", clip.reason
    with av.open(str(recorder.clips_dir / clip.path)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (320, 240)


def test_damaged_pictures_and_a_change_of_size_are_survived(recorder: Recorder) -> None:
    frames = [
        Frame(0.0, b"damaged"),
        Frame(0.1, picture(90)),
        Frame(0.2, picture(120, 641, 479)),
        Frame(0.3, b"\xff\xd8\xff"),
        Frame(0.4, picture(60)),
    ]
    clip = recorder.make(job(frames, []))
    with av.open(str(recorder.clips_dir / clip.path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 3


@pytest.mark.parametrize(("frames", "sounds"), [([], []), ([Frame(0, b"damaged")], [])])
def test_a_clip_of_nothing_says_so(recorder: Recorder, frames: list[Frame], sounds: list[Sound]) -> None:
    clip = recorder.make(job(frames, sounds))
    assert clip.state == "failed"
    assert clip.reason
    assert not list(recorder.clips_dir.rglob("*"))


def test_sound_alone_makes_a_clip(recorder: Recorder) -> None:
    assert recorder.make(job([], [tone(0, 2)])).state == "ready"


def test_a_disk_that_takes_nothing_is_named_and_tried_again_later(recorder: Recorder) -> None:
    work = job(frames_at([0, 0.1]), [])
    recorder.temp_dir.rmdir()
    clip = recorder.make(work)
    assert (clip.state, clip.reason[:5]) == ("failed", "disk:")
    recorder.temp_dir.mkdir()
    assert recorder.make(work).state == "ready"


def test_half_clips_of_an_earlier_run_are_removed_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    half = tmp_path / "temp" / f"{'0' * 32}-3-abcd.part"
    half.write_bytes(b"half")
    recorder = Recorder(tmp_path / "clips", tmp_path / "temp")
    recorder.start()
    recorder.stop()
    assert not half.exists()


def test_half_clips_of_another_server_in_the_same_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    own, others = (tmp_path / "temp" / f"{'0' * 32}-3-{mark}-0123abcd.part" for mark in ("aaaaaaaa", "bbbbbbbb"))
    for half in (own, others):
        half.write_bytes(b"half")
    recorder = Recorder(tmp_path / "clips", tmp_path / "temp", own="aaaaaaaa")
    recorder.start()
    recorder.stop()
    assert (own.exists(), others.exists()) == (False, True)


def test_what_waits_is_made_before_the_end(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "clips", tmp_path / "temp")
    recorder.start()
    done: list[Clip] = []
    for index in range(3):
        recorder.submit(replace(job(frames_at([0, 0.1, 0.2]), []), index=index), done.append)
    recorder.stop(WAIT_S)
    assert [clip.state for clip in done] == ["ready"] * 3


def test_while_others_wait_a_clip_is_made_quickly_and_shows_the_same(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "clips", tmp_path / "temp")
    done: list[Clip] = []
    for student in ("first", "last"):
        recorder.submit(replace(job(frames_at([0.0, 0.1, 0.2]), []), user_id=student, session_id=student), done.append)
    recorder.start()
    recorder.stop(WAIT_S)
    files = {clip.path.split("/")[0]: recorder.clips_dir / clip.path for clip in done}
    assert [b"subme=0" in files[student].read_bytes() for student in ("first", "last")] == [True, False]  # x264 writes down how it was asked to work
    shown = []
    for path in files.values():
        with av.open(str(path)) as container:
            shown.append([float(picture.to_ndarray(format="gray").mean()) for picture in container.decode(video=0)])
    assert shown[0] == pytest.approx(shown[1], abs=2)
    assert np.diff(shown[0]) == pytest.approx([3, 3], abs=1.5)


def test_an_encoder_that_falls_behind_gives_clips_up_and_says_so(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "clips", tmp_path / "temp", max_waiting_bytes=1)
    done: list[Clip] = []
    recorder.submit(job(frames_at([0]), []), done.append)
    assert done[0].state == "failed"
    assert "CLIP_QUEUE_MB" in done[0].reason


def test_a_listener_that_raises_does_not_end_the_encoder(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "clips", tmp_path / "temp")
    recorder.start()
    made = threading.Event()

    def fail(clip: Clip) -> None:
        raise RuntimeError("a listener's own fault")

    recorder.submit(job(frames_at([0]), []), fail)
    recorder.submit(replace(job(frames_at([0]), []), index=1), lambda clip: made.set())  # of another interval: it doesn't stand for the first
    assert made.wait(WAIT_S)
    recorder.stop()


@pytest.mark.parametrize(
    ("user_id", "expected"),
    [("anna", "anna"), ("con", "con_"), ("NUL.txt", "NUL.txt_"), ("a.", "a._"), ("Ünï-çode@x.org", "Ünï-çode@x.org"), ("е́_б", "е́_б")],
)
def test_folders_have_safe_names(user_id: str, expected: str) -> None:
    assert folder_name(user_id) == expected


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "Cf", "Cc"]), min_size=1, max_size=128))
def test_folder_names_fit_every_file_system(user_id: str) -> None:
    name = folder_name(user_id)
    assert 0 < len(name.encode()) <= FOLDER_MAX_BYTES + 1
    assert PurePosixPath(name).parts == (name,), "it is one folder, and no other's"
    assert PureWindowsPath(name).parts == (name,)
    assert not set(name) & set('/\\:*?"<>|\0')


def test_ids_with_signs_of_paths_have_folders_of_their_own() -> None:
    ids = ["lti:7/abc", "lti/7:abc", "lti_7_abc", "12:345", "12/345", "s.o'brien+exam@uni.example", "a/../b", "~root", "علی\u200cرضا", "علیرضا"]
    names = [folder_name(user_id) for user_id in ids]
    assert len(set(names)) == len(ids)
    assert names[2] == "lti_7_abc", "what was a folder's name before is one still"


def test_the_ring_keeps_its_time_and_its_bytes() -> None:
    ring = ClipRing(keep_s=10, max_bytes=1500)
    for step in range(300):
        ring.add_frame(Frame(step / 10, bytes(10)))
    frames, _ = ring.cut(0, 100)
    assert (frames[0].at, frames[-1].at) == (19.9, 29.9)
    for step in range(300, 310):
        ring.add_frame(Frame(step / 10, bytes(300)))
    assert ring.nbytes <= 1500
    assert ring.cut(0, 100)[0][-1].at == 30.9


def test_a_cut_takes_what_lies_in_it() -> None:
    ring = ClipRing(keep_s=100, max_bytes=1 << 20)
    for step in range(10):
        ring.add_frame(Frame(step, bytes(1)))
        ring.add_sound(Sound(step, np.zeros(SAMPLE_RATE, np.int16)))
    frames, sounds = ring.cut(2.5, 5)
    assert [frame.at for frame in frames] == [3, 4]
    assert [sound.at for sound in sounds] == [2, 3, 4]


@given(st.lists(st.floats(-0.1, 0.1), min_size=5, max_size=5))
def test_jitter_makes_no_gap_in_the_sound(jitter: list[float]) -> None:
    sounds = [Sound(step * 0.2 + shift, np.full(3200, 100, np.int16)) for step, shift in enumerate(jitter)]
    track = join_sound(sounds, -0.2, 1.4)
    heard = np.flatnonzero(track)
    assert len(heard) == 5 * 3200
    assert heard[-1] - heard[0] == len(heard) - 1


def test_lost_sound_is_silence_of_its_length() -> None:
    track = join_sound([Sound(0, np.full(1600, 5, np.int16)), Sound(1.0, np.full(1600, 5, np.int16))], 0, 1.1)
    assert np.count_nonzero(track[1600 : SAMPLE_RATE - 1]) == 0
    assert np.count_nonzero(track) == 3200


def odd_h264() -> bytes:
    """A key picture of 640×480 by its own parameters, which FFmpeg refuses: no frame number is as long as its SPS says."""

    def golomb(number: int) -> str:
        return format(number + 1, "b").zfill(2 * (number + 1).bit_length() - 1)

    bits = f"{66:08b}{0:08b}{30:08b}" + "".join(map(golomb, (0, 30, 2, 1))) + "0" + golomb(39) + golomb(29) + "1" + "11001"
    bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
    sps = b"\x67" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in (sps, b"\x68\xce\x3c\x80", b"\x65" + bytes(range(1, 200))))


def broken_jpeg() -> bytes:
    whole = picture(40)
    return whole[: whole.index(b"\xff\xda")] + b"\xff\xda\x00\x02\xff\xd9"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ([], "no picture and no sound of this time was kept"),
        ([("jpeg", broken_jpeg())], "the pictures of this time can't be decoded, and no sound came"),
        ([("h264", odd_h264())], "the pictures of this time can't be decoded, and no sound came"),
    ],
)
def test_a_clip_of_which_nothing_can_be_shown_is_no_fault_of_the_recorders_and_not_tried_again(
    tmp_path: Path, sent: list[tuple[Codec, bytes]], reason: str
) -> None:
    recorder = Recorder(tmp_path / "clips", tmp_path / "temp")
    recorder.start()
    told: queue.Queue[Clip] = queue.Queue()
    recorder.submit(job([Frame(at, data, codec) for at, (codec, data) in enumerate(sent)], []), told.put)
    clip = told.get(timeout=WAIT_S)
    assert (clip.state, clip.reason) == ("failed", reason)
    assert not recorder.problem()
    assert not recorder.waiting()
    recorder.stop()


def test_pictures_that_cannot_be_copied_are_left_out_and_the_rest_makes_the_clip(recorder: Recorder) -> None:
    assert recorder.make(job([Frame(0.0, odd_h264(), "h264")], [tone(0, 2.0)])).state == "ready"
