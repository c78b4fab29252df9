"""The load bench counts what it says: who was held, what was found of what the footage shows, memory, threads; and its Opus is a browser's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from basics.errors import InvalidInput
from basics.paths import ROOT
from basics.readings import SAMPLE_RATE, Sound
from bench.harness.footage import Scenario, opus_sounds, scenarios
from bench.harness.thread_times import ThreadTimes, environment, kind
from bench.load import chosen_from, footage_of, played_by, rules_as_settings
from bench.load_figures import Cost, Served, busy_stretches, clip_delays, found, held, rates, table, transport
from media.h264 import H264Decoder, inspect, to_bgr
from media.opus import OpusReader
from media.pictures import decode_jpeg
from settings.settings import load_settings


@pytest.fixture(scope="module")
def exams(shared_data: Path) -> dict[str, Scenario]:
    return {scenario.name: scenario for scenario in scenarios(shared_data)}


def check(start: float, gaze: float, sound: float = 1.0, left_out: bool = False) -> dict[str, Any]:
    times = [start + number / gaze for number in range(round(10 * gaze))]
    return {
        "start": start,
        "end": start + 10,
        "acts": {"copy": 1},
        "rates": {"video_fps": 10.0, "gaze_fps": gaze, "persons_per_s": 0.5, "audio_s_per_s": sound},
        "readings": {"gaze": [[at, "left", "", {"left_out": 1} if left_out else {}] for at in times]},
    }


def details(exam: Scenario, seconds: float, gaze: float = 4.0, sound: float = 1.0, **changed: Any) -> dict[str, Any]:
    expected = exam.expected_intervals()
    intervals = [
        {
            "index": index,
            "flagged": expected[index % len(expected)]["flagged"],
            "violations": [{"kind": kind, "occurrences": 1} for kind in expected[index % len(expected)]["violations"]],
        }
        for index in range(int(seconds // 30))
    ]
    return {"checks": [check(10.0 * number, gaze, sound, **changed) for number in range(int(seconds / 10))], "intervals": intervals}


def test_what_happens_in_the_footage_happens_again_at_each_lap(exams: dict[str, Scenario]) -> None:
    exam = exams["exam-a"]
    once = busy_stretches(exam, exam.duration)
    assert once[0] == (36.0, 44.5)
    assert busy_stretches(exam, 2 * exam.duration)[len(once)] == (36.0 + exam.duration, 44.5 + exam.duration)
    assert busy_stretches(exam, 40.0) == [(36.0, 40.0)]
    assert busy_stretches(exams["clean-a"], 600.0) == []


def test_who_is_held_has_all_sound_and_the_wanted_rate_where_something_happens(exams: dict[str, Scenario]) -> None:
    exam, clean = exams["exam-a"], exams["clean-a"]
    served = [
        details(exam, 180),
        details(exam, 180, gaze=2.0),
        details(exam, 180, sound=0.9),
        details(exam, 180, left_out=True),
        details(clean, 180, gaze=1.0),
        details(clean, 180, gaze=0.5),
    ]
    figures = held(served, [exam, exam, exam, exam, clean, clean], [{"sound_s": 180.0}] * 6, 180, 4.0)
    assert figures["students_held"] == 2
    assert figures["gaze_per_s_where_something_happens_min"] == 0
    assert held(served[:1], [exam], [{"sound_s": 180.0}], 180, 4.0)["gaze_per_s_where_something_happens"] == pytest.approx(4, abs=0.1)


def test_flags_are_compared_lap_by_lap(exams: dict[str, Scenario]) -> None:
    exam = exams["exam-a"]
    two_laps = details(exam, 360)
    once = found([details(exam, 180)], [exam], 180)
    assert once["flags_expected"] == once["flags_caught"] > 0
    assert (once["flags_false"], once["violations_false"], once["violations_right"]) == (0, 0, once["violations_expected"])
    twice = found([two_laps], [exam], 375)
    assert twice == {name: 2 * count for name, count in once.items()}
    two_laps["intervals"][0] |= {"flagged": True, "violations": [{"kind": "no_face", "occurrences": 2}]}
    two_laps["intervals"] = [one for one in two_laps["intervals"] if not one["violations"] or one["index"] != 8]
    wrong = found([two_laps], [exam], 360)
    assert (wrong["flags_false"], wrong["violations_false"], wrong["flags_caught"]) == (1, 2, twice["flags_caught"] - 1)


def test_memory_is_counted_from_the_first_student_on() -> None:
    cost = Cost(6.0, 300.0, 300.0, 340.0, 620.0, 9, {"pictures": 3.0})
    figures = cost.figures(15)
    assert (figures["cpu_ms_per_student_s"], figures["rss_mb_per_further_student"], figures["rss_mb_per_student"]) == (20, 20, 21.3)
    assert figures["cpu_ms_per_student_s_by_thread"] == {"pictures": 10}
    assert Cost(1.0, 10.0, 300.0, None, 340.0, 9).figures(1)["rss_mb_per_further_student"] == 40


def test_all_rows_are_told(exams: dict[str, Scenario], tmp_path: Path) -> None:
    exam = exams["exam-b"]
    all_details = [details(exam, 180)]
    flagged = [{"video_id": "v", "ended_at": "2026-01-01T00:00:30Z", "clip": {"state": "failed"}}]
    served = Served([5.0, 15.0, 70.0], {"v": 1767225639.5, "other": 1.0})
    assert clip_delays(flagged, served) == [9.5]
    sent = [{"frames": 1800, "acts": 18, "sound_s": 180.0, "unacknowledged": 0, "errors": [{"message": "late"}]}]
    figures: dict[str, Any] = {"codec": "mix", "students": 1, "seconds": 180.0} | rates(all_details) | held(all_details, [exam], sent, 180, 4.0)
    figures |= found(all_details, [exam], 180) | transport(sent, all_details, flagged, served, tmp_path)
    figures |= Cost(9.0, 180.0, 300.0, 340.0, 340.0, 9, {"sound": 1.8}).figures(1)
    assert (figures["acts_lost"], figures["frames_dropped"], figures["client_errors"]) == (0, 0, ["late"])
    said = "\n".join(table(figures))
    for words in (
        "1 of 1 for 180 s (mix)",
        "15.0 / 64.5 ms",
        "9.5 / 9.5 s (0 of 1 play)",
        "CPU-ms a student-second             50.0",
        "10.000 CPU-ms",
    ):
        assert words in said


def test_students_play_every_scenario_in_every_codec(shared_data: Path) -> None:
    chosen = chosen_from(shared_data, ["clean-a", "clean-a", "exam-a"])
    played = [(scenario.name, codec) for scenario, codec in played_by(chosen, 8, "mix")]
    assert played[:2] == [("clean-a", "jpeg"), ("clean-a", "h264")]
    assert played[4:] == [("exam-a", "jpeg"), ("exam-a", "h264"), ("clean-a", "jpeg"), ("clean-a", "h264")]
    with pytest.raises(InvalidInput, match="exam-z"):
        chosen_from(shared_data, ["exam-z"])


def test_the_server_scores_as_the_footage_is_labelled(exams: dict[str, Scenario], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in rules_as_settings(exams["exam-a"].rules).items():
        monkeypatch.setenv(name, value)
    settings = load_settings(_env_file=None)
    assert settings.points() == exams["exam-a"].rules.points
    assert settings.points()["prohibited_object"] == 0
    assert (settings.interval_duration, settings.flag_threshold) == (30, 10)


def test_opus_is_heard_as_it_was_sent() -> None:
    wave = np.sin(np.arange(2 * SAMPLE_RATE) * 2 * np.pi * 440 / SAMPLE_RATE) * 8000
    sounds = [Sound(number * 0.2, wave[number * 3200 : (number + 1) * 3200].astype(np.int16)) for number in range(10)]
    encoded = opus_sounds(sounds)
    assert [one.at for one in encoded] == [one.at for one in sounds]
    assert sum(len(one.data) for one in encoded) < 2 * 5000  # a tone; speech takes 3,000 a second
    reader = OpusReader(5.0)
    heard = np.concatenate([reader.read(one.data, one.at, number).samples for number, one in enumerate(encoded)])
    assert len(heard) == pytest.approx(2 * SAMPLE_RATE, rel=0.05)
    assert float(np.abs(heard[SAMPLE_RATE:]).max()) == pytest.approx(8000, rel=0.2)


@pytest.mark.usefixtures("playwright")  # this thread drives a browser already
def test_h264_is_what_the_page_s_own_encoder_makes_and_its_lower_layer_is_decoded_alone(exams: dict[str, Scenario]) -> None:
    footage = footage_of(exams["clean-a"], 1.0, "h264", encoder="page")
    assert [frame.at for frame in footage.frames] == [number / 10 for number in range(10)]
    assert [frame.layer for frame in footage.frames] == [0, 1] * 5
    assert [frame.key for frame in footage.frames] == [True] + [False] * 9
    decoder = H264Decoder(1_000_000)
    for frame, shot in zip(footage.frames, footage_of(exams["clean-a"], 1.0).frames, strict=True):
        assert inspect(frame.data, 1_000_000).key == frame.key
        if not frame.layer:
            seen = to_bgr(decoder.decode(frame)).astype(float)
            assert np.abs(seen - decode_jpeg(shot.data, 1_000_000)).mean() < 12


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux' /proc")
def test_threads_are_told_by_name(tmp_path: Path) -> None:
    script = """if True:
        import threading, time
        def work():
            until = time.thread_time() + 0.3
            while time.thread_time() < until:
                pass
        print(flush=True)
        input()
        threads = [threading.Thread(target=work, name=f"worker-{number}") for number in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        work()
        print(flush=True)
        input()
    """
    settings = environment(tmp_path / "names", ROOT)
    child = subprocess.Popen([sys.executable, "-c", script], env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.readline()
    times = ThreadTimes(lambda: [child.pid])
    times.start()
    child.stdin.write("\n")
    child.stdin.flush()
    child.stdout.readline()
    spent = times.stop()
    child.communicate("\n", timeout=30)
    assert sum(spent.values()) >= 0.3
    assert spent.get("worker", 0) + spent.get("ended", 0) > 0.1


@pytest.mark.parametrize(("name", "expected"), [("pictures-12", "pictures"), ("request_3", "request"), ("sound", "sound"), ("7", "7")])
def test_threads_of_one_kind_are_one(name: str, expected: str) -> None:
    assert kind(name) == expected
