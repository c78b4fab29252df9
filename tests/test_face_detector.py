"""Persons and phones on real pictures with the real models, and what is said of pictures and models that can't be used."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from basics.errors import DetectorError
from basics.readings import Box, GazeReading
from bench.changes import backlight, dark
from detectors.networks import Image, OnnxFinder, input_size
from detectors.posters import is_framed
from detectors.quality import PictureQuality
from face_detector import PersonsModel, _hands_zone
from settings.persons import PersonsLimits


@pytest.fixture(scope="module")
def model(models_dir: Path) -> Iterator[PersonsModel]:
    cv2.setNumThreads(1)
    persons = PersonsModel(models_dir / "yolov8n.onnx")
    yield persons
    persons.close()


def picture(data: Path, file: str) -> Image:
    image = cv2.imread(str(data / file))
    assert image is not None, file
    return np.asarray(image, dtype=np.uint8)


def why_nobody(image: Image) -> str:
    return PictureQuality(image).why_nobody(PersonsLimits())


def moment(data: Path, scenario: str, at: float) -> Image:
    with av.open(str(data / "scenarios" / scenario / "video.mp4")) as video:
        video.seek(int(at * av.time_base))
        for frame in video.decode(video=0):
            if float(frame.time or 0) >= at:
                return frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
    raise AssertionError(f"{scenario} is shorter than {at} s")


@pytest.mark.parametrize(
    ("file", "count"),
    [
        ("0_003", 0),  # a plain wall is good enough to say nobody
        ("0_021", 0),
        ("0_030", 0),  # a cat
        ("1_000", 1),
        ("1_002", 1),  # face behind a bottle
        ("1_011", 1),  # a raised hand is no second person
        ("1_014", 1),  # head on the desk, seen from above
        ("1_015", 1),
        ("1_032", 1),  # far
        ("2_004", 2),
        ("2_010", 2),  # one partly behind the other
        ("2_021", 2),
        ("2_025", 2),
    ],
)
def test_persons_are_counted(model: PersonsModel, shared_data: Path, file: str, count: int) -> None:
    reading = model.look(picture(shared_data, f"persons/{file}.jpg"), 3.5)
    assert reading.count == count
    assert (reading.at, reading.backend, reading.reason) == (3.5, "onnx", "")
    assert len(reading.persons) == count


@pytest.mark.parametrize("file", ["0_031", "0_032", "0_033"])
def test_a_painted_face_on_the_wall_is_no_person(model: PersonsModel, shared_data: Path, file: str) -> None:
    image = picture(shared_data, f"persons/{file}.jpg")
    assert model.look(image, 0.0).count == 0
    face_in_the_painting = GazeReading(0.0, "focused", box=Box(385, 85, 425, 130, 1.0), width=image.shape[1], height=image.shape[0])
    if file != "0_031":
        told, small = (model.look(image, 0.0, replace(face_in_the_painting, direction=one)) for one in ("focused", "unknown"))
        assert (told.count, small.count) == (0, 0)
        assert (told.numbers["face_pictured"], small.numbers["face_pictured"]) == (1, 1), "whose gaze it was is no student"


def test_a_painting_behind_the_student_is_no_second_person(model: PersonsModel, shared_data: Path) -> None:
    image = picture(shared_data, "gaze/focused_lp-d0_01.jpg")
    painting = picture(shared_data, "persons/0_031.jpg")[35:245, 318:440]  # with some of its wall
    image[10 : 10 + painting.shape[0], 4 : 4 + painting.shape[1]] = painting
    assert model.look(image, 0.0).count == 1


@pytest.mark.parametrize("file", ["left_xhy-3_01", "right_xhy-3_06_m"])
def test_a_coarse_picture_of_a_person_is_not_said_to_show_nobody(model: PersonsModel, shared_data: Path, file: str) -> None:
    assert model.look(picture(shared_data, f"gaze/{file}.jpg"), 0.0).count == 1


def test_a_face_that_gaze_found_is_a_person(model: PersonsModel, shared_data: Path) -> None:
    image = picture(shared_data, "gaze/focused_nht-2_01.jpg")  # a masked face that fills the picture; YOLOv8n finds no person
    face = Box(120, 40, 560, 470, 1.0)
    reading = model.look(image, 0.0, GazeReading(0.0, "focused", box=face, width=640, height=480))
    assert reading.count == 1
    assert reading.persons == (face,)


def test_a_small_doubtful_face_that_only_gaze_found_is_no_person(model: PersonsModel, shared_data: Path) -> None:
    image = picture(shared_data, "persons/0_010.jpg")  # FaceMesh sees a face in a bottle, and can't tell its gaze
    face = Box(136, 347, 187, 398, 0.64)
    assert model.look(image, 0.0, GazeReading(0.0, "unknown", "hidden", face, image.shape[1], image.shape[0])).count == 0


@pytest.mark.parametrize(
    ("file", "phone"), [("phone_000", True), ("phone_016", True), ("phone_030", True), ("no_001", False), ("no_012", False), ("no_029", False)]
)
def test_phones_are_told_from_mugs_and_books(model: PersonsModel, shared_data: Path, file: str, phone: bool) -> None:
    reading = model.look(picture(shared_data, f"phone/{file}.jpg"), 0.0)
    assert reading.phone is phone
    assert len(reading.phones) == int(phone)


def test_the_phone_box_lies_on_the_phone(model: PersonsModel, shared_data: Path) -> None:
    (box,) = model.look(picture(shared_data, "phone/phone_031.jpg"), 0.0).phones
    assert 195 < (box.x1 + box.x2) / 2 < 215
    assert 190 < (box.y1 + box.y2) / 2 < 215


def test_the_second_person_the_empty_chair_and_the_phone_of_an_exam_are_found(model: PersonsModel, shared_data: Path) -> None:
    assert model.look(moment(shared_data, "exam-b", 20), 20.0).count == 1
    assert model.look(moment(shared_data, "exam-b", 42), 42.0).phone is True
    assert model.look(moment(shared_data, "exam-b", 100), 100.0).count == 0
    assert model.look(moment(shared_data, "exam-b", 128), 128.0).count == 2


def test_boxes_are_in_pixels_of_the_picture_given(model: PersonsModel, shared_data: Path) -> None:
    image = picture(shared_data, "persons/1_000.jpg")
    large = np.asarray(cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    small_box, large_box = model.look(image, 0.0).persons[0], model.look(large, 0.0).persons[0]
    for name in ("x1", "y1", "x2", "y2"):
        assert getattr(large_box, name) == pytest.approx(2 * getattr(small_box, name), abs=20)
    assert large_box.x2 <= large.shape[1]
    assert large_box.y2 <= large.shape[0]


def noisy(image: npt.NDArray[Any]) -> Image:
    noise = np.random.default_rng(0).normal(0, 3, image.shape)
    return np.asarray(np.clip(image + noise, 0, 255), dtype=np.uint8)


def test_nobody_is_not_said_of_a_picture_too_poor_to_show_anybody(model: PersonsModel, shared_data: Path) -> None:
    room = picture(shared_data, "persons/0_021.jpg")
    finger = np.dstack([np.tile(np.linspace(low, high, 640), (480, 1)) for low, high in ((30, 50), (40, 60), (120, 180))])
    poor = {
        "dark": noisy(room * 0.08),
        "covered": noisy(finger),
        "blurred": noisy(cv2.GaussianBlur(room, (0, 0), 14)),
    }
    for reason, image in poor.items():
        reading = model.look(image, 0.0)
        assert (reading.count, reading.phone, reading.reason) == (None, None, reason)


def test_a_person_seen_in_poor_light_is_counted(model: PersonsModel, shared_data: Path) -> None:
    reading = model.look(noisy(picture(shared_data, "persons/1_003.jpg") * 0.2), 0.0)
    assert reading.count == 1


def test_nobody_is_not_said_of_a_room_against_the_light(shared_data: Path) -> None:
    room = picture(shared_data, "persons/0_021.jpg")
    assert why_nobody(room) == ""
    window = (room * 0.3).astype(np.uint8)
    window[: room.shape[0] // 3] = 255
    assert why_nobody(window) == "dark"


def test_no_labelled_picture_of_an_empty_room_is_too_poor(shared_data: Path) -> None:
    with (shared_data / "persons" / "labels.csv").open(newline="") as file:
        empty = [row["file"] for row in csv.DictReader(file) if row["count"] == "0"]
    assert {name: reason for name in empty if (reason := why_nobody(picture(shared_data, name)))} == {}


def test_a_living_person_is_not_framed(shared_data: Path) -> None:
    assert is_framed(picture(shared_data, "persons/0_032.jpg"), Box(372, 72, 462, 223, 0.6), PersonsLimits())
    assert not is_framed(picture(shared_data, "persons/1_032.jpg"), Box(250, 125, 415, 427, 0.8), PersonsLimits())
    assert not is_framed(picture(shared_data, "persons/2_001.jpg"), Box(93, 6, 247, 474, 0.8), PersonsLimits())


Limits = dict[str, Any]


def limited(path: Path, limits: Limits) -> PersonsModel:
    """The model with these limits in the place of the usual ones, whatever their bounds."""
    return PersonsModel(path, limits=PersonsLimits().model_copy(update=limits))


@pytest.mark.parametrize(
    ("usual", "changed", "file"),
    [
        ({}, {"person_far_confidence": 0.95}, "gaze/left_xhy-3_01"),
        ({}, {"persons_hint": 0.9}, "persons/1_002"),
        ({}, {"persons_same_overlap": 0.95}, "persons/2_001"),
        ({}, {"box_confidence": 0.4}, "persons/1_002"),
        ({}, {"box_overlap": 0.95}, "persons/1_002"),
        ({}, {"screen_share": 0.2}, "persons/2_024"),
        ({}, {"phone_hint": 0.9}, "phone/phone_000"),
        ({}, {"phone_votes_least": 1.5}, "phone/phone_000"),
        ({}, {"phone_near_least": 1.0}, "phone/phone_000"),
        ({}, {"faces_hint": 0.5}, "persons/2_011"),
        ({}, {"faces_confidence": 0.95}, "persons/2_011"),
        ({}, {"faces_size_share": 1.0}, "persons/2_011"),
        ({}, {"phone_instead_overlap": 0.9}, "phone/phone_000"),
        ({"phone_coarse_px": 10_000}, {"phone_coarse_px": 10_000, "phone_coarse_factor": 3.0}, "phone/phone_001"),
        ({"phone_coarse_factor": 3.0}, {"phone_coarse_factor": 3.0, "phone_coarse_px": 10_000}, "phone/phone_001"),
        ({}, {"room_dark_level": 250.0}, "persons/0_003"),
        ({}, {"room_flat_slope": 50.0}, "persons/0_003"),
        ({"room_blur_share": 1.0}, {"room_blur_share": 1.0, "room_blur_edge": 100.0}, "persons/0_003"),
        ({"room_blur_edge": 100.0}, {"room_blur_edge": 100.0, "room_blur_share": 1.0}, "persons/0_003"),
        ({}, {"poster_fill": 1.1}, "persons/0_033"),
        ({}, {"poster_edge_share": 0.4}, "persons/0_033"),
        ({}, {"hands_below": 0.9}, "phone/phone_000"),
        ({}, {"hands_beside": 1.0}, "phone/phone_000"),
        ({}, {"hands_person_confidence": 1.0}, "phone/phone_000"),
        ({"poster_fill": 1.1}, {"poster_fill": 1.1, "poster_straight": 1.1}, "persons/0_031"),
    ],
    ids=lambda value: "-".join(f"{name}={limit}" for name, limit in value.items()) if isinstance(value, dict) else value,
)
def test_every_limit_changes_what_is_seen(models_dir: Path, shared_data: Path, usual: Limits, changed: Limits, file: str) -> None:
    image = picture(shared_data, f"{file}.jpg")
    path = models_dir / "yolov8n.onnx"
    assert limited(path, changed).look(image, 0.0) != limited(path, usual).look(image, 0.0)


@pytest.mark.parametrize(
    ("limits", "zone"),
    [
        ({}, (150, 200, 450, 480)),
        ({"hands_face_below": 1.0}, (150, 300, 450, 480)),
        ({"hands_face_beside": 0.5}, (200, 200, 400, 480)),
    ],
)
def test_where_hands_are_looked_for_under_a_face_is_a_limit(limits: Limits, zone: tuple[int, int, int, int]) -> None:
    """Left, top, right and lower edge in pixels, where no person is found but the face is."""
    usual = {"hands_face_beside": 1.0}
    made = PersonsLimits().model_copy(update=usual | limits)
    assert _hands_zone(np.zeros((480, 640, 3), np.uint8), [], Box(250, 100, 350, 300, 1.0), made) == zone


@pytest.mark.parametrize(("limits", "count"), [({}, 0), ({"face_pictured_share": 0.7}, 1)])
def test_how_much_of_a_face_in_a_painting_is_the_paintings_is_a_limit(models_dir: Path, shared_data: Path, limits: Limits, count: int) -> None:
    half_in = GazeReading(0.0, "focused", box=Box(400, 100, 500, 180, 1.0), width=640, height=480)
    model = limited(models_dir / "yolov8n.onnx", limits)
    assert model.look(picture(shared_data, "persons/0_032.jpg"), 0.0, half_in).count == count


def test_how_large_a_doubtful_face_must_be_is_a_limit(models_dir: Path, shared_data: Path) -> None:
    image = picture(shared_data, "persons/0_010.jpg")
    doubtful = GazeReading(0.0, "unknown", "hidden", Box(136, 347, 187, 398, 0.64), image.shape[1], image.shape[0])
    assert limited(models_dir / "yolov8n.onnx", {"face_large_share": 0.05}).look(image, 0.0, doubtful).count == 1


def test_how_much_must_be_burnt_out_is_a_limit(models_dir: Path, shared_data: Path) -> None:
    window = (picture(shared_data, "persons/0_021.jpg") * 0.3).astype(np.uint8)
    window[: window.shape[0] // 3] = 255
    path = models_dir / "yolov8n.onnx"
    assert PersonsModel(path).look(window, 0.0).reason == "dark"
    assert limited(path, {"room_burnt_share": 0.9}).look(window, 0.0).reason == ""


@pytest.mark.parametrize(
    "image",
    [
        None,
        "picture.jpg",
        np.zeros((480, 640), np.uint8),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((480, 640, 3), np.float32),
        np.zeros((0, 640, 3), np.uint8),
        np.zeros((8, 8, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused_with_what_was_given(model: PersonsModel, image: object) -> None:
    with pytest.raises(DetectorError, match=r"uint8 \[height, width, 3\].*got"):
        model.look(image, 0.0)  # type: ignore[arg-type]


def test_odd_shapes_are_read(model: PersonsModel, shared_data: Path) -> None:
    image = picture(shared_data, "persons/1_000.jpg")
    for odd in (image[:, :17], image[:16], np.ascontiguousarray(image[::-1, :, :]), image[::2, ::2]):
        reading = model.look(odd, 0.0)
        assert (reading.width, reading.height) == (odd.shape[1], odd.shape[0])


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((640, 480), (320, 256)), ((1280, 720), (320, 192)), ((480, 640), (256, 320)), ((3000, 20), (320, 192)), ((500, 500), (320, 256))],
)
def test_pictures_of_any_shape_share_three_inputs(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert input_size(*size, 320) == wanted


def test_threads_get_what_one_alone_gets(models_dir: Path, shared_data: Path) -> None:
    model = PersonsModel(models_dir / "yolov8n.onnx")
    images = [picture(shared_data, name) for name in ("persons/0_021.jpg", "persons/1_000.jpg", "persons/2_025.jpg", "phone/phone_000.jpg")] * 3
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: model.look(image, 1.0), images))
    assert together == [model.look(image, 1.0) for image in images]


def test_a_missing_model_is_named_with_the_mend(tmp_path: Path) -> None:
    for path in (None, tmp_path / "yolov8n.onnx"):
        with pytest.raises(DetectorError, match=r"setup\.sh"):
            PersonsModel(path)


def test_a_broken_or_foreign_model_is_refused_at_the_start(tmp_path: Path, models_dir: Path) -> None:
    broken = tmp_path / "yolov8n.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(DetectorError, match="not a usable ONNX model"):
        PersonsModel(broken)
    foreign = models_dir / "campplus_zh_en_192.onnx"
    if foreign.is_file():
        with pytest.raises(DetectorError, match="not YOLOv8 for COCO"):
            OnnxFinder(foreign, PersonsLimits())


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(DetectorError, match="onnx, ultralytics or facemesh"):
        PersonsModel(None, "tensorflow")  # type: ignore[arg-type]


def test_ultralytics_not_installed_is_said_with_the_mend(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)  # what import makes of a package that isn't there
    with pytest.raises(DetectorError, match="pip install ultralytics"):
        PersonsModel(models_dir / "yolov8n.onnx", "ultralytics")


def test_facemesh_counts_faces_without_a_model_and_knows_nothing_of_phones(shared_data: Path) -> None:
    model = PersonsModel(None, "facemesh")
    for file, count in (("persons/0_021.jpg", 0), ("gaze/focused_lp-d0_01.jpg", 1), ("persons/2_025.jpg", 2)):
        reading = model.look(picture(shared_data, file), 0.0)
        assert (reading.count, reading.phone, reading.backend) == (count, None, "facemesh")
    model.close()


@pytest.mark.parametrize(("change", "file"), [(dark, "no_001"), (backlight, "no_001"), (backlight, "no_012"), (backlight, "no_013")])
def test_a_thing_in_a_picture_that_is_too_poor_is_no_phone(
    model: PersonsModel, shared_data: Path, change: Callable[[Image], Image], file: str
) -> None:
    """A mug in the dark is a phone to the network; where nobody could be seen, nothing else can be told either."""
    image = change(picture(shared_data, f"phone/{file}.jpg"))
    assert why_nobody(image)
    seen = model.look(image, 0.0)
    assert (seen.phone, seen.phones) == (None, ())


def test_how_sure_a_phone_must_be_in_the_dark_is_a_limit(models_dir: Path, shared_data: Path) -> None:
    image = dark(picture(shared_data, "phone/phone_003.jpg"))
    assert why_nobody(image)
    for factor, phone in ((1.0, True), (9.0, None)):
        with closing(limited(models_dir / "yolov8n.onnx", {"phone_poor_factor": factor})) as model:
            assert model.look(image, 0.0).phone is phone


def test_an_upright_picture_is_as_coarse_as_its_longer_side(models_dir: Path, shared_data: Path) -> None:
    """A phone as camera stands: 360 x 480 shows a phone in the hand no coarser than 480 x 360 does."""
    upright = np.ascontiguousarray(picture(shared_data, "phone/phone_001.jpg")[:, 140:500])
    path = models_dir / "yolov8n.onnx"
    fine, usual, coarse = (limited(path, {"phone_coarse_px": px}).look(upright, 0.0).numbers["phone_least"] for px in (0, 480, 481))
    assert fine == usual < coarse
