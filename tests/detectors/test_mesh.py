"""FaceMesh in LiteRT: the landmarks of MediaPipe's graph, a student who is followed, lost and found, and what may be wrong with files."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from basics.errors import DetectorError
from bench.harness.footage import pictures, scenarios
from bench.harness.pictures import rows_of
from detectors import face_backends, model_files
from detectors.face_backends import open_face_models
from detectors.face_models import FaceModels, Points
from detectors.mesh import LiteFaces, _Square
from detectors.model_files import MODELS, find_models
from detectors.runtime import lite_missing
from face_detector import PersonsModel
from settings.models import ModelSettings

# MediaPipe 0.10.21 calls a part of protobuf 4 that is to go: not ours to mend.
pytestmark = [
    pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning"),
    pytest.mark.skipif(bool(lite_missing()), reason="needs LiteRT"),
]

Picture = npt.NDArray[np.uint8]
SURE = 0.5
LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409, 78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308,
    191, 80, 81, 82, 13, 312, 311, 310, 415, 76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408, 62, 96,
    89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
)  # fmt: skip
"""Landmarks that the graph draws anew and we don't."""


@pytest.fixture(scope="module")
def lite(models_dir: Path) -> FaceModels:
    return open_face_models(ModelSettings(models_dir=models_dir))


@pytest.fixture(scope="module")
def graph() -> FaceModels:
    pytest.importorskip("mediapipe")
    return open_face_models(ModelSettings(gaze_backend="mediapipe"))


@pytest.fixture(scope="module")
def people(shared_data: Path) -> dict[str, Picture]:
    """One picture of each labelled person, 640x480."""
    found: dict[str, Picture] = {}
    for row, picture in rows_of(shared_data, "gaze"):
        if row["label"] == "focused" and row["subject"] not in found:
            found[row["subject"]] = resized(picture, 640, 480)
    return found


@pytest.fixture(scope="module")
def films(shared_data: Path) -> list[list[Picture]]:
    """The first pictures of each exam."""
    return [[image for _, (_, image) in zip(range(30), pictures(one.folder / "video.mp4"), strict=False)] for one in scenarios(shared_data)]


def resized(image: Picture, width: int, height: int) -> Picture:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def apart(one: Points | None, other: Points | None) -> float:
    """Mean distance of the landmarks but those of the lips, depth too, in eye widths; infinite where only one has a face."""
    if one is None or other is None:
        return 0.0 if one is other else float("inf")
    distances = np.delete(np.linalg.norm(one - other, axis=1), LIPS)
    return float(distances.mean() / np.linalg.norm(other[33, :2] - other[133, :2]))


def middle(points: Points | None) -> float:
    assert points is not None
    return float(points[:, 0].mean())


def test_single_pictures_have_the_landmarks_of_the_graph(lite: FaceModels, graph: FaceModels, people: dict[str, Picture]) -> None:
    ours, theirs = lite.single(SURE), graph.single(SURE)
    off = [apart(ours.read(picture), theirs.read(picture)) for picture in people.values()]
    assert len(off) >= 15
    assert np.median(off) < 0.001
    assert max(off) < 0.02


@pytest.mark.parametrize("spoil", [lambda image: image // 5, lambda image: resized(image, 160, 120)], ids=["dark", "160x120"])
def test_a_followed_student_has_the_landmarks_of_the_graph(
    lite: FaceModels, graph: FaceModels, films: list[list[Picture]], spoil: Callable[[Picture], Picture]
) -> None:
    for film in films:
        ours, theirs = lite.follow(SURE), graph.follow(SURE)
        off = [apart(ours.read(picture), theirs.read(picture)) for picture in map(spoil, film)]
        theirs.close()
        # a square follows the landmarks of the last picture, and what is apart by rounding stays so
        assert np.median(off) < 0.01
        assert max(off) < 0.05


def test_the_same_faces_are_found_far_away(lite: FaceModels, graph: FaceModels, shared_data: Path) -> None:
    ours, theirs = lite.faces(), graph.faces()
    found = 0
    for _, image in list(rows_of(shared_data, "persons"))[::4]:
        one, other = ours.find(image), theirs.find(image)
        assert len(one) == len(other)
        for face, same in zip(one, other, strict=True):
            assert face.confidence == pytest.approx(same.confidence, abs=0.01)
            assert np.abs(np.subtract(face.box, same.box)).max() < 0.02 * image.shape[1]
            assert np.abs(face.points - same.points).max() < 0.02 * image.shape[1]
        found += len(one)
    assert found >= 15


def test_the_face_that_is_followed_stays_the_one_beside_a_second(lite: FaceModels, people: dict[str, Picture]) -> None:
    one, other = (resized(picture, 320, 240) for picture in list(people.values())[:2])
    nobody = np.full_like(one, 110)
    both = np.hstack([one, other])
    left, right = lite.follow(SURE), lite.follow(SURE)
    assert middle(left.read(np.hstack([one, nobody]))) < 320
    assert middle(right.read(np.hstack([nobody, other]))) > 320
    for _ in range(3):
        assert middle(left.read(both)) < 320
        assert middle(right.read(both)) > 320


def test_a_face_that_was_lost_is_found_in_the_next_picture_wherever_it_is(lite: FaceModels, people: dict[str, Picture]) -> None:
    person = resized(next(iter(people.values())), 320, 240)
    nobody = np.full_like(person, 110)
    at_left, at_right = np.hstack([person, nobody]), np.hstack([nobody, person])
    mesh = lite.follow(SURE)
    assert middle(mesh.read(at_left)) < 320
    assert mesh.read(at_right) is None  # it is looked for where it was
    again = mesh.read(at_right)
    assert middle(again) > 320
    assert apart(again, lite.single(SURE).read(at_right)) < 1e-6
    assert mesh.read(np.zeros_like(at_left)) is None


def test_a_face_is_followed_into_pictures_of_another_size(lite: FaceModels, films: list[list[Picture]]) -> None:
    mesh = lite.follow(SURE)
    large = [mesh.read(picture) for picture in films[0][:3]][-1]
    small = mesh.read(resized(films[0][2], 320, 240))
    assert large is not None
    assert small is not None
    assert apart(small * 2, large) < 0.1


def test_after_a_reset_the_next_picture_is_the_first(lite: FaceModels, people: dict[str, Picture]) -> None:
    person = resized(next(iter(people.values())), 320, 240)
    nobody = np.full_like(person, 110)
    at_left, at_right = np.hstack([person, nobody]), np.hstack([nobody, person])
    mesh = lite.follow(SURE)
    mesh.read(at_left)
    mesh.reset()
    assert apart(mesh.read(at_right), lite.follow(SURE).read(at_right)) == 0


def test_a_closed_mesh_reads_no_more(lite: FaceModels) -> None:
    mesh = lite.follow(SURE)
    mesh.close()
    with pytest.raises(RuntimeError, match="closed"):
        mesh.read(np.zeros((48, 64, 3), np.uint8))


def test_students_read_at_once_in_threads_are_read_as_alone(lite: FaceModels, films: list[list[Picture]]) -> None:
    def read(film: list[Picture]) -> list[Points | None]:
        mesh = lite.follow(SURE)
        return [mesh.read(picture) for picture in film]

    alone = [read(film) for film in films]
    together: dict[int, list[Points | None]] = {}
    start = threading.Barrier(2 * len(films))

    def work(number: int) -> None:
        start.wait(60)
        together[number] = read(films[number % len(films)])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2 * len(films))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for number in range(2 * len(films)):
        assert all(apart(one, other) == 0 for one, other in zip(alone[number % len(films)], together[number], strict=True))


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.zeros((16, 16, 3), np.uint8), id="smallest"),
        pytest.param(np.full((16, 2000, 3), 255, np.uint8), id="a line"),
        pytest.param(np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8), id="noise"),
        pytest.param(np.zeros((960, 720, 3), np.uint8)[:, ::-1], id="not in one piece"),
    ],
)
def test_pictures_of_nothing_show_nobody_and_do_no_harm(lite: FaceModels, people: dict[str, Picture], picture: Picture) -> None:
    mesh, person = lite.follow(SURE), next(iter(people.values()))
    before = [mesh.read(person) for _ in range(2)][1]
    assert mesh.read(picture) is None
    assert lite.faces().find(picture) == []
    after = [mesh.read(person) for _ in range(2)][1]
    assert apart(after, before) < 0.001


def test_faces_are_counted_without_yolo_and_without_mediapipe(lite: FaceModels, people: dict[str, Picture]) -> None:
    model = PersonsModel(None, "facemesh", faces=lite)
    one, other = list(people.values())[:2]
    assert model.look(one, 0.0).count == 1
    assert model.look(np.hstack([one, other]), 0.0).count == 2
    assert model.look(np.full((480, 640, 3), 110, np.uint8), 0.0).count in (0, None)
    assert model.look(one, 0.0).phone is None
    model.close()


# Files and libraries


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, finished: Path, nothing: Path) -> Path:
    """A folder with all models, and no others anywhere: no package mediapipe."""
    monkeypatch.setattr(model_files, "packaged", lambda _model: ())
    monkeypatch.setattr(face_backends, "find_model", partial(model_files.find_model, shared=nothing))
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "mediapipe" else found(name, *rest))
    return finished


def test_a_damaged_model_is_named_with_the_mend(alone: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(alone, own)
    assert open_face_models(ModelSettings(models_dir=own)).backend == "litert"
    path = own / "face_detection_short_range.tflite"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DetectorError, match=r"face_detection_short_range\.tflite can't be used .*SHA-256.* run \./setup\.sh"):
        open_face_models(ModelSettings(models_dir=own))


@pytest.mark.usefixtures("alone")
def test_without_models_the_server_is_told_which_and_gaze_says_why(nothing: Path) -> None:
    with pytest.raises(DetectorError) as raised:
        open_face_models(ModelSettings(models_dir=nothing))
    assert all(model.file in raised.value.message for model in MODELS if model.packaged)


@pytest.mark.parametrize("cut", [0, 8, 1000, 2_000_000])
def test_a_mesh_cut_short_is_refused_before_it_is_run(finished: Path, tmp_path: Path, cut: int) -> None:
    files = find_models(ModelSettings(models_dir=finished))
    assert files.mesh
    assert files.face_near
    assert files.face_far
    short = tmp_path / "short.tflite"
    short.write_bytes(files.mesh.read_bytes()[:cut])
    with pytest.raises((ValueError, RuntimeError)):
        LiteFaces(short, files.face_near, files.face_far)


def test_mediapipe_that_is_named_and_not_there_is_said(alone: Path) -> None:
    settings = ModelSettings(models_dir=alone, gaze_backend="mediapipe")
    with pytest.raises(DetectorError, match="GAZE_BACKEND=mediapipe needs the package mediapipe"):
        open_face_models(settings)
    assert any("GAZE_BACKEND=mediapipe" in note for note in find_models(settings).notes)


def test_a_mediapipe_that_calls_its_maker_is_not_loaded(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mediapipe")
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.2.3" if name == "mediapipe" else version(name))
    with pytest.raises(DetectorError, match="needs the package mediapipe"):
        open_face_models(ModelSettings(models_dir=finished, gaze_backend="mediapipe"))
    monkeypatch.setattr("detectors.runtime.lite_missing", lambda: "no wheel for this machine")
    with pytest.raises(DetectorError, match="ai-edge-litert"):
        open_face_models(ModelSettings(models_dir=finished))


def test_where_litert_cannot_be_had_mediapipe_reads_and_a_note_says_so(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mediapipe")
    monkeypatch.setattr("detectors.runtime.lite_missing", lambda: "no wheel for this machine")
    settings = ModelSettings(models_dir=finished)
    assert open_face_models(settings).backend == "mediapipe"
    assert any("no wheel for this machine" in note and "MediaPipe" in note for note in find_models(settings).notes)


def test_where_neither_can_be_had_gaze_says_which_package_it_needs(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.runtime.lite_missing", lambda: "no wheel for this machine")
    with pytest.raises(DetectorError, match=r"ai-edge-litert \(no wheel for this machine\)"):
        open_face_models(ModelSettings(models_dir=alone))


def test_who_was_lost_is_looked_for_where_that_was_and_else_the_largest_face(lite: FaceModels, people: dict[str, Picture]) -> None:
    """Not the surest one: that may be a photograph's."""
    assert isinstance(lite, LiteFaces)
    first, second = list(people.values())[:2]
    wide = np.ascontiguousarray(np.hstack([resized(first, 480, 480), resized(second, 480, 480)]))
    sides = [_Square(240, 240, 300, 0.0), _Square(720, 240, 300, 0.0)]
    found = [lite.square_of_lost(wide, SURE, one) for one in sides]
    assert [one is not None and one.x < 480 for one in found] == [True, False]
    small = np.zeros_like(wide)
    small[:, :480], small[120:360, 600:840] = wide[:, :480], resized(second, 240, 240)
    for lost in (None, _Square(720, 240, 900, 0.0)):
        largest = lite.square_of_lost(small, SURE, lost)
        assert largest is not None
        assert largest.x < 480
