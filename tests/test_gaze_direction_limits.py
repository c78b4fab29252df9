"""Each limit of gaze changes what is read, the rest excuses and never accuses, and lids over a phone are lowered to it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
import pytest

import gaze_direction
from basics.readings import Box, Direction, GazeReading
from detectors.faces import FaceFinder, Outline
from detectors.landmarks import Face
from gaze_direction import GazeDetector, _Rest, lowered_to_phone
from settings.gaze import GazeLimits

# MediaPipe 0.10.21 calls a part of protobuf 4 that is to go: not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

Picture = npt.NDArray[np.uint8]


def changed_by(limits: Mapping[str, Any]) -> GazeLimits:
    """The usual limits with these in their place, whatever their bounds."""
    return GazeLimits().model_copy(update=limits)


def picture(path: Path) -> Picture:
    image = cv2.imread(str(path))
    assert image is not None, path
    return np.asarray(image, dtype=np.uint8)


@pytest.mark.parametrize(
    ("limits", "number", "sign"),
    [
        ({"gaze_iris_side_deg": 0.0}, "gaze_x_deg", "iris_x"),
        ({"gaze_iris_down_deg": 0.0}, "gaze_y_deg", ""),
        ({"gaze_lid_deg": 0.0}, "gaze_y_deg", ""),
    ],
)
def test_irises_and_lids_weigh_what_they_are_told(shared_data: Path, limits: dict[str, Any], number: str, sign: str) -> None:
    image = picture(shared_data / "gaze" / "left_vinu-red_02.jpg")
    with closing(GazeDetector(still=True)) as usual, closing(GazeDetector(changed_by(limits), still=True)) as changed:
        before, after = usual.read(image, 0.0).numbers, changed.read(image, 0.0).numbers
    assert before["iris_x"] == after["iris_x"]
    assert abs(before[number] - after[number]) > 0.5
    if sign:
        assert after[number] == pytest.approx(before["yaw_deg"], abs=0.01)
        assert before[number] - after[number] == pytest.approx(160 * before[sign], abs=0.1)


class Outlines:
    """Stands in the finder's place: each look finds the same outline, or none."""

    def __init__(self, outline: Outline | None = None) -> None:
        self.outline = outline
        self.looks = 0

    def look(self, image: Picture) -> tuple[None, Outline | None]:
        self.looks += 1
        return None, self.outline


def without_landmarks(image: Picture, outline: Outline | None = None, **limits: Any) -> GazeReading:
    with closing(GazeDetector(changed_by(limits), still=True, finder=cast(FaceFinder, Outlines(outline)))) as detector:
        return detector.read(image, 0.0)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"picture_dark_level": 256.0}, "dark"), ({"picture_flat_range": 256.0}, "hidden"), ({"picture_sharpness": 9.0}, "blurred")],
)
def test_when_an_empty_picture_is_too_poor_is_a_limit(shared_data: Path, limits: dict[str, Any], reason: str) -> None:
    room = picture(shared_data / "persons" / "0_021.jpg")
    assert without_landmarks(room).direction == "none"
    read = without_landmarks(room, **limits)
    assert (read.direction, read.reason) == ("unknown", reason)


@pytest.mark.parametrize(
    ("limits", "direction"),
    [
        ({}, "left"),
        ({"face_outline_confidence": 0.9}, "unknown"),
        ({"face_outline_turn": 2.0}, "unknown"),
        ({"gaze_turned_deg": 45.0}, "unknown"),
    ],
)
def test_from_where_an_outlines_turn_is_believed_is_a_limit(shared_data: Path, limits: dict[str, Any], direction: str) -> None:
    turned = Outline((250.0, 100.0, 400.0, 250.0), 40.0, 0.8)
    assert without_landmarks(picture(shared_data / "persons" / "0_021.jpg"), turned, **limits).direction == direction


@pytest.mark.parametrize(("limits", "looks"), [({}, 2), ({"face_second_look_s": 0.25}, 5), ({"face_second_look_s": 30.0}, 1)])
def test_how_often_a_small_face_is_looked_for_is_a_limit(limits: dict[str, Any], looks: int) -> None:
    finder = Outlines()
    with closing(GazeDetector(changed_by(limits), finder=cast(FaceFinder, finder))) as detector:
        for quarter in range(5):
            detector.read(np.full((120, 160, 3), 90, np.uint8), quarter / 4)
    assert finder.looks == looks


@pytest.mark.parametrize(("limits", "stretched"), [({"face_stretch_level": 0.0}, 0), ({"face_stretch_level": 255.0}, 1)])
def test_from_where_contrast_is_stretched_is_a_limit(monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any], stretched: int) -> None:
    calls: list[float] = []

    def stretch(image: Picture, low: float, high: float) -> Picture:
        calls.append(high)
        return image

    monkeypatch.setattr(gaze_direction, "_stretch", stretch)
    without_landmarks(np.full((120, 160, 3), 90, np.uint8), **limits)
    assert len(calls) == stretched


CALM = Face(0, 0, 0, -7, 0, 0, -0.062, -0.174, 0.26, ((240, 160, 30), (310, 160, 30)), (200, 100, 350, 280))


def judged(faces: list[tuple[float, Face]], **limits: Any) -> str:
    """The last direction of what was measured at these times."""
    with closing(GazeDetector(changed_by(limits), finder=cast(FaceFinder, Outlines()))) as detector:
        return [detector._judge(face, at) for at, face in faces][-1]


@pytest.mark.parametrize(("limits", "direction"), [({}, "focused"), ({"eyes_shut_per_deg": 0.0}, "closed"), ({"eyes_shut_from_deg": 40.0}, "closed")])
def test_how_far_a_bowed_heads_lids_may_fall_is_a_limit(limits: dict[str, Any], direction: str) -> None:
    assert judged([(0.0, replace(CALM, pitch=8.0, eye_open=0.1))], **limits) == direction


@pytest.mark.parametrize(("limits", "direction"), [({}, "focused"), ({"gaze_up_s": 0.1}, "right"), ({"gaze_up_aside": 1.0}, "right")])
def test_how_long_looking_up_lasts_is_a_limit(limits: dict[str, Any], direction: str) -> None:
    up, corner = replace(CALM, gaze_x=-12.0, gaze_y=-30.0), replace(CALM, gaze_x=-23.0, gaze_y=-20.0)
    assert judged([(0.0, up), (0.25, corner)], **limits) == direction


def learnt(faces: list[Face], **limits: Any) -> dict[str, float]:
    """What the rest is after these, one each half second."""
    with closing(GazeDetector(changed_by(limits), finder=cast(FaceFinder, Outlines()))) as detector:
        for number, face in enumerate(faces):
            detector._learn(face, number / 2)
        return detector.baseline()


@pytest.mark.parametrize(
    ("limits", "share", "side"),
    [
        ({}, 0.6, 2.4),
        ({"gaze_rest_prior": 20}, 0.75, 3.0),
        ({"gaze_rest_step_s": 1.0}, 0.43, 1.71),
        ({"gaze_rest_window": 10}, 0.2, 0.8),
    ],
)
def test_how_fast_the_rest_is_learnt_is_a_limit(limits: dict[str, Any], share: float, side: float) -> None:
    rest = learnt([replace(CALM, gaze_x=4.0)] * 60, **limits)
    assert (rest["learnt"], rest["gaze_x_deg"]) == (share, side)


@pytest.mark.parametrize(("limits", "opening"), [({}, 0.248), ({"gaze_rest_open": 2.0}, _Rest().eye_open)])
def test_from_which_lids_the_opening_is_learnt_is_a_limit(limits: dict[str, Any], opening: float) -> None:
    rest = learnt([replace(CALM, gaze_x=4.0, eye_open=0.24)] * 60, **limits)
    assert rest["eye_open"] == pytest.approx(opening, abs=0.002)
    assert rest["gaze_x_deg"] == 2.4  # where the eyes look is learnt of narrow ones, too


SHARP = np.random.default_rng(1).integers(0, 255, (480, 640, 3), np.uint8)


def read_in_turn(looks: list[tuple[float, float]], step: float = 0.25, **limits: Any) -> list[tuple[str, str]]:
    """Direction and reason of looks of (seconds, degrees aside), read every `step` seconds; of each the last."""
    said: list[tuple[str, str]] = []
    with closing(GazeDetector(changed_by(limits), finder=cast(FaceFinder, Outlines()))) as detector:
        at = 0.0
        for seconds, aside in looks:
            for _ in range(round(seconds / step)):
                reading = detector._with_landmarks(GazeReading(at, "unknown"), SHARP, SHARP, replace(CALM, gaze_x=aside))
                at += step
            said.append((reading.direction, reading.reason))
    return said


def test_a_rest_excuses_and_never_accuses() -> None:
    """Who sat to one side for two minutes may look to the other as far as anybody."""
    assert read_in_turn([(120, 8.0), (60, -8.0), (3, -14.0)]) == [("focused", ""), ("focused", ""), ("right", "")]


def test_who_only_ever_looked_to_one_place_is_unknown_there_and_nowhere_else() -> None:
    """A screen beside the camera: for a minute nobody can know that; then where this person's screen stands is what is unknown."""
    assert read_in_turn([(55, 20.0), (60, 20.0), (3, -20.0), (3, 20.0)]) == [("left", ""), ("unknown", "aside"), ("right", ""), ("unknown", "aside")]
    assert read_in_turn([(25, 20.0)], gaze_aside_s=20.0) == [("unknown", "aside")]
    assert read_in_turn([(55, 20.0), (10, 20.0)], step=0.28) == [("left", ""), ("unknown", "aside")]  # a little behind, as a browser's pictures are


def test_who_has_looked_at_the_screen_is_never_excused_for_a_long_look_aside() -> None:
    assert read_in_turn([(25, 0.0), (300, 20.0)]) == [("focused", ""), ("left", "")]


def test_who_works_at_a_monitor_above_the_camera_has_a_rest_and_looks_aside_from_it() -> None:
    """A laptop below the monitor films: all that is read lies above the camera, and is no looking up for this person."""
    above, aside, thinks = replace(CALM, gaze_y=-16.0), replace(CALM, gaze_y=-16.0, gaze_x=14.0), replace(CALM, gaze_y=-38.0, gaze_x=14.0)
    directions: list[Direction] = []
    with closing(GazeDetector(finder=cast(FaceFinder, Outlines()))) as detector:
        for face, until in ((above, 120), (aside, 123), (thinks, 126)):
            for at in range((until - 3) * 4 if directions else 0, until * 4):
                reading = detector._with_landmarks(GazeReading(at / 4, "unknown"), SHARP, SHARP, face)
            directions.append(reading.direction)
        assert detector._rest.own == (CALM.pitch, CALM.eye_open)
    assert directions == ["focused", "left", "focused"]


@pytest.mark.parametrize("step", [0.25, 0.5, 0.28, 0.9, 1.0])
def test_a_rest_is_learnt_by_time_and_not_by_how_many_pictures_are_read(step: float) -> None:
    """Of a calm student one picture a second is read, and those between are known to show the same."""
    rests = []
    for blinks in (False, True):
        with closing(GazeDetector(finder=cast(FaceFinder, Outlines()))) as detector:
            for number in range(round(20 / step)):
                detector._learn(CALM, number * step)
                if blinks:
                    detector._restless(number * step + 0.01)
            rests.append(len(detector._seen))
    assert rests[0] == pytest.approx(39, abs=1)
    assert rests[1] <= 40, "what was read between speaks for itself"
    assert rests[1] < 30 or step < 0.9


@pytest.mark.parametrize(
    ("direction", "phones", "expected"),
    [
        pytest.param("closed", [Box(250, 300, 400, 470, 0.6)], "down", id="a phone below the face"),
        pytest.param("closed", [Box(330, 190, 380, 260, 0.6)], "down", id="before the chin"),
        pytest.param("closed", [Box(20, 20, 90, 100, 0.6)], "closed", id="above the eyes"),
        pytest.param("closed", [], "closed", id="no phone"),
        pytest.param("focused", [Box(250, 300, 400, 470, 0.6)], "focused", id="open eyes"),
    ],
)
def test_shut_lids_over_a_phone_are_lowered_to_it(direction: Direction, phones: list[Box], expected: Direction) -> None:
    shut = GazeReading(1.0, direction, box=Box(250, 80, 400, 270, 1.0), width=640, height=480, numbers={"eye_open": 0.03})
    read = lowered_to_phone(shut, phones, GazeLimits())
    assert read.direction == expected
    assert read.numbers.get("phone") == (0.6 if expected == "down" else None)
    assert read.numbers["eye_open"] == 0.03


@pytest.mark.parametrize(("eyes_in_box", "expected"), [(0.4, "down"), (0.8, "closed")])
def test_how_far_down_the_face_the_eyes_are_is_a_limit(eyes_in_box: float, expected: str) -> None:
    shut = GazeReading(1.0, "closed", box=Box(250, 80, 400, 270, 1.0), width=640, height=480)
    assert lowered_to_phone(shut, [Box(330, 190, 380, 260, 0.6)], GazeLimits(eyes_in_box=eyes_in_box)).direction == expected


@pytest.mark.parametrize(
    ("eye_open", "limits", "opening"),
    [(0.6, {}, 0.35), (0.6, {"eyes_rest_most": 0.3}, 0.3), (0.19, {}, 0.218), (0.19, {"eyes_rest_least": 0.24}, 0.24)],
)
def test_how_far_open_a_rest_may_be_is_a_limit(eye_open: float, limits: dict[str, Any], opening: float) -> None:
    rest = learnt([replace(CALM, eye_open=eye_open)] * 60, **limits)
    assert rest["eye_open"] == pytest.approx(opening, abs=0.002)
