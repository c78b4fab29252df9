"""The script of the demo's exams: what happens when, over and over."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from basics.readings import SAMPLE_RATE
from demo.cast import CAST, Script
from demo.sounds import ROOM_S, Microphone, room_noise
from settings.settings import load_settings

HOUR = 3600


def test_there_are_six_students_of_different_names_and_looks() -> None:
    assert len({script.user_id for script in CAST}) == len({script.look for script in CAST}) == 6


@pytest.mark.parametrize("script", CAST, ids=lambda script: script.user_id)
def test_each_act_comes_once_a_period_however_the_time_is_cut(script: Script) -> None:
    steps = [at / 7 for at in range(HOUR * 7 + 1)]
    done = [kind for after, until in itertools.pairwise(steps) for kind in script.acts_between(after, until)]
    expected = [kind for lap in range(HOUR // int(script.period) + 1) for at, kind in script.acts if lap * script.period + at <= HOUR]
    assert done == expected


def test_scenes_and_lost_lines_return_with_the_period() -> None:
    script = next(script for script in CAST if script.lost)
    assert [script.scene(at) for at in (0, 12, 27.9, 28, 102, 118)] == ["working", "covered", "covered", "working", "covered", "working"]
    assert [script.lost_until(at) for at in (39.9, 40, 57.9, 58, 130, 140)] == [None, 58, 58, None, 148, 148]


def test_within_a_minute_the_published_points_flag_three_students() -> None:
    """What the rules give for what the scripts do in the first minute, were every sign seen; that they are seen, the detectors' tests hold."""
    settings = load_settings()
    flagged = set()
    for script in CAST:
        for begin in (0, 30):
            scenes = {script.scene(begin + second) for second in range(30)}
            acts = script.acts_between(begin - 0.001, begin + 30)
            points = acts.count("tab_switch") * settings.points_tab_switch
            points += (acts.count("copy") + acts.count("paste")) * settings.points_copy_paste
            points += settings.points_no_face * ("away" in scenes) + settings.points_multiple_faces * ("visited" in scenes)
            if points >= settings.flag_threshold:
                flagged.add(script.user_id)
    assert flagged == {"alan", "katherine", "emmy"}


def test_speech_begins_again_with_the_period() -> None:
    script = next(script for script in CAST if script.says)
    assert [script.spoken_from(at) for at in (7.9, 8, 100, 128, 200)] == [None, 8, 8, 128, 128]


def test_the_room_is_quiet_but_no_dead_microphone() -> None:
    room = room_noise(1)
    assert room.dtype == np.int16
    assert len(room) == ROOM_S * SAMPLE_RATE
    assert np.array_equal(room, room_noise(1))
    assert not np.array_equal(room, room_noise(2))
    level = 20 * np.log10(np.sqrt(np.mean((room / 32768) ** 2)))
    assert load_settings().sound_faint_dbfs < level < -45


def test_a_stretch_of_sound_is_the_same_in_one_piece_and_in_many() -> None:
    microphone = Microphone(3)
    whole = microphone.sound(ROOM_S * SAMPLE_RATE - 5000, 10_000)  # over the noise's end
    parts = [microphone.sound(ROOM_S * SAMPLE_RATE - 5000 + begin, 2500) for begin in range(0, 10_000, 2500)]
    assert np.array_equal(whole, np.concatenate(parts))
    assert whole.dtype == np.int16


def test_without_espeak_nobody_speaks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    silent = Microphone(3, "Question seven.")
    assert np.array_equal(silent.sound(0, 16_000, spoken_from=0), Microphone(3).sound(0, 16_000))


def test_an_espeak_that_fails_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "espeak-ng"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert np.array_equal(Microphone(3, "Question seven.").sound(0, 16_000, spoken_from=0), Microphone(3).sound(0, 16_000))


def test_speech_is_heard_where_the_script_puts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.sounds.speech", lambda _: np.full(8000, 5000, np.int16))
    microphone = Microphone(3, "anything")
    heard = microphone.sound(0, 16_000, spoken_from=4000).astype(int) - Microphone(3).sound(0, 16_000)
    assert (heard[:4000] == 0).all()
    assert (heard[4000:12_000] == 5000).all()
    assert (heard[12_000:] == 0).all()
