"""What a flagged interval's clip will be made of goes to the disk whole, whatever comes while it begins to."""

from __future__ import annotations

from pathlib import Path

import pytest

from basics.readings import Frame
from media.recorder import Recorder
from sessions.due_clips import DueClips
from sessions.identity import Identity
from settings.settings import load_settings


def test_pictures_of_before_the_flag_are_kept_though_another_comes_in_that_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path / "clips", tmp_path / "temp", min_free_mb=0)
    recorder.start()
    identity = Identity("0" * 32, "student", None, "browser")
    clips = DueClips(identity, load_settings(_env_file=None), 30.0, recorder)
    for number in range(5):
        clips.add_frame(Frame(float(number), b"before", sequence=number), float(number))
    set_ = clips.set

    def meanwhile(index: int, clip: object) -> None:
        set_(index, clip)  # type: ignore[arg-type]
        clips.add_frame(Frame(5.0, b"meanwhile", sequence=5), 5.0)

    monkeypatch.setattr(clips, "set", meanwhile)
    clips.want(0)
    frames, _ = recorder.kept.read(identity.interval_id(0))
    recorder.stop()
    assert [frame.at for frame in frames] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
