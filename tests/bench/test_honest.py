"""Recordings of honest people become counts and nothing else; what is rare is bounded, with people as the clusters they are."""

from __future__ import annotations

import itertools
import json
import shutil
import struct
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import soundfile

from basics.errors import InvalidInput
from basics.readings import SAMPLE_RATE
from bench import honest
from bench.harness.clusters import Person, bounds, design_effect, words
from bench.harness.figures import upper_bound
from bench.harness.recordings import Recording, find
from bench.session import Replay
from media.pictures import check_picture
from scoring.rules import Rules
from settings.rules import RuleSettings
from settings.settings import load_settings

# MediaPipe 0.10.21 calls a part of protobuf 4 that is to go: not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

RULES = Rules.from_settings(RuleSettings())


def film(path: Path, seconds: float = 2.0, fps: int = 30, size: tuple[int, int] = (1280, 720), sound_from: float | None = None) -> Path:
    """A film without anybody, whose tone begins `sound_from` seconds after its first picture (before it where that is below 0)."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = container.add_stream("aac", rate=44_100) if sound_from is not None else None
        base = max(0.0, -(sound_from or 0.0))
        for number in range(round(seconds * fps)):
            image = np.full((size[1], size[0], 3), 40 + number % 100, np.uint8)
            picture = av.VideoFrame.from_ndarray(image, format="bgr24")
            picture.pts, picture.time_base = round((base + number / fps) * 90_000), Fraction(1, 90_000)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if audio is not None and sound_from is not None:
            tone = (8000 * np.sin(np.arange(round(seconds * 44_100)) / 10)).astype(np.int16)
            for begin in range(0, len(tone) - 1024, 1024):
                piece = av.AudioFrame.from_ndarray(tone[None, begin : begin + 1024], format="s16", layout="mono")
                piece.sample_rate, piece.pts = 44_100, round((base + sound_from) * 44_100) + begin
                piece.time_base = Fraction(1, 44_100)
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


# Files


def test_a_film_of_any_size_and_rate_is_what_a_page_sends(tmp_path: Path) -> None:
    made = Recording(film(tmp_path / "a.mkv", sound_from=0.5), None, 0, RULES)
    frames = list(made.frames())
    assert len(frames) == pytest.approx(20, abs=1)
    assert min(after.at - before.at for before, after in itertools.pairwise(frames)) >= 0.09
    assert made.duration == pytest.approx(2, abs=0.02)
    assert {check_picture(frame.data, 10**6) for frame in frames} == {(640, 360)}
    sounds = list(made.sounds())
    assert sounds[0].at == pytest.approx(0.5, abs=0.1)
    assert made.sound_s == pytest.approx(2, abs=0.15)
    assert max(int(np.abs(sound.samples).max()) for sound in sounds) > 4000


def test_a_film_of_a_telephone_held_upright_is_turned(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 320, 160, "yuv420p"
        image = np.zeros((160, 320, 3), np.uint8)
        image[:80] = 255
        container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(video.encode(None))
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44  # ISO 14496-12: what turns the track by 90 degrees to the right
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 160 << 16, 0, 1 << 30)
    path.write_bytes(data)
    (frame,) = Recording(path, None, 0, RULES).frames()
    shown = np.asarray(cv2.imdecode(np.frombuffer(frame.data, np.uint8), cv2.IMREAD_GRAYSCALE))
    assert shown.shape == (320, 160)
    assert shown[:, 100:].mean() > 200
    assert shown[:, :60].mean() < 50


def test_sound_from_before_the_first_picture_is_left_out(tmp_path: Path) -> None:
    sounds = list(Recording(film(tmp_path / "a.mkv", sound_from=-0.7), None, 0, RULES).sounds())
    assert sounds[0].at == pytest.approx(0, abs=0.01)
    assert sum(sound.duration for sound in sounds) == pytest.approx(1.3, abs=0.15)


def test_a_sound_file_beside_a_film_is_its_sound_at_any_rate(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", 1)
    soundfile.write(tmp_path / "a.wav", np.zeros((48_000, 2), np.int16), 48_000)
    (found,), _ = find(tmp_path, RULES)
    sounds = list(found.sounds())
    assert sum(len(sound.samples) for sound in sounds) == pytest.approx(SAMPLE_RATE, abs=20)
    shutil.copy(film(tmp_path / "b.mp4", 1), tmp_path / "c.mp4")
    assert list(Recording(tmp_path / "c.mp4", None, 0, RULES).sounds()) == []


def test_what_lies_in_a_folder_is_of_one_person(tmp_path: Path) -> None:
    (tmp_path / "ann" / "deep").mkdir(parents=True)
    for name in ("a.mp4", "b.webm", "ann/c.mov", "ann/deep/d.mkv", "notes.txt", ".hidden.mp4"):
        (tmp_path / name).write_bytes(b"")
    found, left_out = find(tmp_path, RULES)
    assert sorted(Counter(one.person for one in found).values()) == [1, 1, 2]
    assert left_out == []


def test_scenarios_with_violations_are_no_honest_recordings(shared_data: Path) -> None:
    found, left_out = find(shared_data / "scenarios", RULES)
    assert [one.video.parent.name for one in found] == ["clean-a"]
    assert found[0].sound is not None
    assert {video.parent.name for video, _ in left_out} == {"exam-a", "exam-b"}


@pytest.mark.parametrize("content", [b"", b"no film at all", b"\x00" * 4096])
def test_a_file_that_is_no_film_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"a\.mp4"):
        list(Recording(tmp_path / "a.mp4", None, 0, RULES).frames())


# Counts


def test_recordings_become_counts_without_a_name_and_bad_ones_are_skipped(
    shared_data: Path, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = shared_data / "scenarios" / "clean-a"
    folder = tmp_path / "Ann Other"
    folder.mkdir()
    with av.open(str(clean / "video.mp4")) as whole, av.open(str(folder / "exam.mp4"), "w") as cut:
        stream = cut.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.pts is not None and packet.pts * packet.time_base < 31:
                packet.stream = stream
                cut.mux(packet)
    sound, rate = soundfile.read(clean / "audio.flac", dtype="int16")
    soundfile.write(folder / "exam.wav", sound[: 31 * rate], rate)
    (folder / "broken.mp4").write_bytes(b"no film")
    film(folder / "short.mp4", 1, 4, (64, 48))
    monkeypatch.setenv("MODELS_DIR", str(models_dir))
    out = tmp_path / "counts.json"
    assert honest.main([str(tmp_path), "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert {name: found[name] for name in ("recordings", "skipped", "intervals", "flags", "violations", "people", "settings_changed")} == {
        "recordings": 1,
        "skipped": 2,
        "intervals": 1,
        "flags": 0,
        "violations": {},
        "people": [{"intervals": 1, "flags": 0}],
        "settings_changed": [],
    }
    assert found["hours_with_sound"] == pytest.approx(30 / 3600, abs=0.001)
    assert "Ann" not in out.read_text()
    assert str(tmp_path) not in out.read_text()
    said = capsys.readouterr().out
    assert "broken.mp4" in said
    assert "shorter than one interval" in said
    again = tmp_path / "both.json"
    assert honest.main(["--add", str(out), str(out), "--json", str(again)]) == 0
    assert json.loads(again.read_text())["intervals"] == 2


def test_only_whole_intervals_and_checks_count() -> None:
    def record(index: int, kind: str, flagged: bool) -> dict[str, Any]:
        return {"index": index, "violations": [{"kind": kind, "occurrences": 2}], "flagged": flagged}

    checks = [{"end": 10.0 * (number + 1), "unknown": {"dark": 3, "sound: lost": 1} if number else {}} for number in range(8)]
    counts = honest.Counts()
    flags = honest.count(counts, Replay([record(0, "speech", True), record(2, "no_face", True)], 79.0, 1.0, checks), 2, 30.0)
    assert (flags, counts.violations, counts.checks, counts.unknown) == (1, {"speech": 2}, 6, {"dark": 5, "sound: lost": 5})


def test_settings_that_are_not_as_shipped_are_named() -> None:
    assert honest.changed_settings(load_settings(_env_file=None)) == []
    assert honest.changed_settings(load_settings(_env_file=None, gaze_side_deg=20.0, points_speech=0)) == ["points_speech", "gaze_side_deg"]


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"people": [{"intervals": 1, "flags": 2}]},
        {"people": "many"},
        {"recordings": -1},
        {"violations": {"<script>": 1}},
        {"hours_with_sound": True},
        {"unknown": {"x" * 99: 1}},
    ],
)
def test_counts_of_others_are_not_believed(tmp_path: Path, change: dict[str, Any]) -> None:
    whole = honest.document(honest.Counts(1, 30.0, [Person(1, 0)], checks=3), "v", [], 30.0)
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(whole))
    assert honest.read_document(path, 30.0)[0].intervals == 1
    path.write_text(json.dumps(whole | change))
    with pytest.raises(InvalidInput):
        honest.read_document(path, 30.0)


# Bounds


def test_people_who_are_alike_say_as_much_as_their_intervals_and_others_less() -> None:
    alike = [Person(100, 1)] * 20
    assert design_effect(alike) == 1
    assert bounds(alike, 30)["per_interval_clustered"] == pytest.approx(upper_bound(20, 2000))
    one_has_all = [Person(100, 20), *[Person(100, 0)] * 19]
    effect = design_effect(one_has_all)
    assert effect is not None
    assert effect > 10
    found = bounds(one_has_all, 30)
    assert found["per_interval"] == bounds(alike, 30)["per_interval"]
    assert found["per_interval_clustered"] > 2 * found["per_interval"]
    assert (found["people_flagged"], found["people"]) == (1, pytest.approx(upper_bound(1, 20)))


def test_without_a_flag_the_bound_is_the_rule_of_three_and_clusters_are_told_as_unknown() -> None:
    people = [Person(240, 0)] * 10
    found = bounds(people, 30)
    assert found["per_interval"] == pytest.approx(3 / 2400, rel=0.01)
    assert found["per_hour"] == pytest.approx(3 / 20, rel=0.01)
    assert found["design_effect"] is None
    assert found["people"] == pytest.approx(1 - 0.05**0.1)
    assert any("nothing says how alike" in line for line in words(people, found))
    assert any("fewer than 5 people" in line for line in words([Person(9, 1)], bounds([Person(9, 1)], 30)))
