"""What looks like a phone and is none, and who is a second person though the network sees one body; with the second network, on other people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

import face_detector
from basics.errors import DetectorError
from basics.readings import Box, Direction, GazeReading
from bench.phone_clips import counts
from detectors.face_models import FoundFace
from detectors.looks import CLOSE_SIDE, PART_SIDE, SIDE, ZOOM_SIDE, Networks
from detectors.networks import CELL_PHONE, PERSON, Detection, Image
from face_detector import PersonsModel
from gaze_direction import GazeDetector
from settings.persons import PersonsLimits
from tests.helpers.scoring import RULES


def picture(data: Path, file: str) -> Image:
    image = cv2.imread(str(data / file))
    assert image is not None, file
    return np.asarray(image, dtype=np.uint8)


@pytest.fixture(scope="module")
def both(models_dir: Path, second_model: Path) -> Iterator[PersonsModel]:
    """The model as the server has it, with its second network."""
    with closing(PersonsModel(models_dir / "yolov8n.onnx", second=second_model)) as persons:
        yield persons


@pytest.mark.parametrize(
    "file",
    ["no_001", "no_002", "no_009", "no_016", "no_036", "no_030", "b2-no_014", "b2-no_023"],
    ids=["glass", "glass-at-the-mouth", "glass-before-the-face", "drinking", "book", "pen", "clicker", "hands-at-the-glasses"],
)
def test_what_is_drunk_from_read_or_written_with_is_no_phone(both: PersonsModel, more_data: Path, file: str) -> None:
    assert both.look(picture(more_data, f"phone/{file}.jpg"), 0.0).phone is False


@pytest.mark.parametrize("file", ["phone_004", "phone_016", "phone_020", "phone_021", "phone_023"])
def test_phones_are_found_that_one_look_alone_misses(both: PersonsModel, more_data: Path, file: str) -> None:
    reading = both.look(picture(more_data, f"phone/{file}.jpg"), 0.0)
    assert reading.phone is True
    votes = [vote for name, vote in reading.numbers.items() if name.startswith("phone_vote_")]
    assert len(votes) == 7
    assert min(votes) < reading.phones[0].confidence < max(votes)
    assert reading.phones[0].confidence >= reading.numbers["phone_least"]


def test_ten_seconds_of_drinking_count_nothing_and_ten_of_a_phone_do(both: PersonsModel, more_data: Path) -> None:
    with closing(GazeDetector(still=True)) as gaze:
        assert not counts(both, gaze, RULES, picture(more_data, "phone/no_016.jpg"), seed=0)
        assert counts(both, gaze, RULES, picture(more_data, "phone/phone_000.jpg"), seed=0)


class OneWhoHints:
    """Stands for a network: somebody, and what may be a phone at `hint`, in the ordinary look, `near` as much in those near by, else nothing."""

    sees_objects = True

    def __init__(self, hint: Box, near: float = 0.0) -> None:
        self.hint, self.near, self.asked = hint, near, list[int]()

    def find(self, image: Image, side: int, least: float) -> list[Detection]:
        self.asked.append(side)
        if side == ZOOM_SIDE and self.near:
            return [Detection(CELL_PHONE, Box(40, 20, 80, 90, self.near))]
        return [Detection(PERSON, Box(200, 80, 500, 480, 0.9)), Detection(CELL_PHONE, self.hint)] if side == SIDE else []

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize(
    ("hint", "first", "second"),
    [(Box(320, 400, 360, 470, 0.03), [SIDE, PART_SIDE], []), (Box(270, 90, 300, 160, 0.03), [SIDE, PART_SIDE], [CLOSE_SIDE])],
    ids=["in-the-hands", "at-the-ear"],
)
def test_what_may_be_a_phone_in_the_hands_is_none_where_the_look_at_them_sees_nothing(
    both: PersonsModel, hint: Box, first: list[int], second: list[int]
) -> None:
    networks: list[OneWhoHints] = []
    limits = PersonsLimits(phone_near_least=0)
    model = both.under(limits, lambda _: networks.append(OneWhoHints(hint)) or networks[-1])  # type: ignore[func-returns-value]
    reading = model.look(np.full((480, 640, 3), 120, np.uint8), 0.0)
    assert (reading.count, reading.phone) == (1, False)
    assert sorted([network.asked for network in networks], key=len) == sorted([second, first], key=len)


@pytest.mark.parametrize(
    ("near", "direction", "asked"),
    [
        (0.09, "focused", [SIDE, ZOOM_SIDE, ZOOM_SIDE]),
        (0.11, "focused", [SIDE, ZOOM_SIDE, PART_SIDE]),
        (0.09, "down", [SIDE, PART_SIDE, ZOOM_SIDE, ZOOM_SIDE]),
        (0.11, "down", [SIDE, PART_SIDE, ZOOM_SIDE]),  # and the look at the hands votes once
    ],
)
def test_what_is_no_phone_near_by_is_not_looked_into(both: PersonsModel, near: float, direction: Direction, asked: list[int]) -> None:
    networks: list[OneWhoHints] = []
    hint = Box(320, 400, 360, 470, 0.03)
    model = both.under(PersonsLimits(), lambda _: networks.append(OneWhoHints(hint, near)) or networks[-1])  # type: ignore[func-returns-value]
    reading = model.look(np.full((480, 640, 3), 120, np.uint8), 0.0, GazeReading(0.0, direction))
    assert (reading.count, reading.phone) == (1, False)
    assert sorted(network.asked for network in networks) == [[], asked]


@pytest.mark.parametrize("file", ["data/persons/2_011", "data2/persons/b2-2_003"])
def test_two_bodies_that_are_one_to_the_network_are_told_by_their_faces(both: PersonsModel, more_data: Path, file: str) -> None:
    reading = both.look(picture(more_data.parent, f"{file}.jpg"), 0.0)
    assert reading.count == 2
    assert len(reading.persons) == 2
    assert (reading.numbers["bodies"], reading.numbers["faces"]) == (1, 2)


@pytest.mark.parametrize(
    "file",
    ["gaze/focused_zoom-B_01", "fairness/medium_019", "persons/1_022", "persons/1_023", "phone/no_007"],
    ids=["photograph-on-the-wall", "book-and-photograph", "face-on-a-book", "book-and-shelf", "hand-at-the-mouth"],
)
def test_printed_and_photographed_faces_are_nobody(both: PersonsModel, more_data: Path, file: str) -> None:
    assert both.look(picture(more_data, f"{file}.jpg"), 0.0).count == 1


def test_a_second_network_that_is_none_is_refused(models_dir: Path, tmp_path: Path) -> None:
    broken = tmp_path / "yolo11n_int8.tflite"
    broken.write_bytes(b"\0\0\0\0TFL3 and no more")
    with pytest.raises(DetectorError, match="can't be run by LiteRT"):
        PersonsModel(models_dir / "yolov8n.onnx", second=broken)


def test_without_what_finds_faces_bodies_are_counted(models_dir: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise DetectorError("no model of faces")

    monkeypatch.setattr(face_detector, "open_face_models", missing)
    with closing(PersonsModel(models_dir / "yolov8n.onnx")) as model:
        assert model.look(picture(shared_data, "persons/2_025.jpg"), 0.0).count == 2
        assert model.look(picture(shared_data, "persons/2_011.jpg"), 0.0).count == 1


class Bodies:
    """Stands for a network: these persons, in each look."""

    sees_objects = True

    def __init__(self, *boxes: Box) -> None:
        self.boxes = boxes

    def find(self, image: Image, side: int, least: float) -> list[Detection]:
        return [Detection(PERSON, box) for box in self.boxes]

    def close(self) -> None:
        """Nothing is held."""


class TwoFaces:
    """Stands for the finder: the student's face, and a surer one."""

    def __init__(self, own: FoundFace, other: FoundFace) -> None:
        self.faces = [own, other]

    def find(self, rgb: Image) -> list[FoundFace]:
        return self.faces if rgb.shape == (480, 640, 3) else []

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize(
    ("other", "hint", "count"),
    [((320, 260, 390, 350), 0.06, 1), ((320, 260, 390, 350), 0.4, 2), ((210, 130, 290, 230), 0.06, 2)],
    ids=["on-the-shirt", "with-a-body-of-its-own", "over-the-shoulder"],
)
def test_a_face_under_the_chin_is_worn_unless_it_has_a_body(both: PersonsModel, other: tuple[int, int, int, int], hint: float, count: int) -> None:
    x1, y1, x2, _ = other
    bodies = Bodies(Box(200, 80, 500, 480, 0.9), Box(x1 - 20, y1 - 20, x2 + 20, 480, hint))
    points = np.zeros((6, 2))
    faces = TwoFaces(FoundFace((300, 100, 400, 230), points, 0.8), FoundFace(other, points, 0.9))
    model = both.under(PersonsLimits())
    model._networks = Networks(bodies, None, faces)
    assert model.look(np.full((480, 640, 3), 120, np.uint8), 0.0).count == count
