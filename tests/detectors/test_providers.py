"""What runs the networks. No graphics card is here: the processor stands for one, behind the same interface."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors import networks, providers
from detectors.networks import OnnxFinder
from detectors.providers import CPU, TOGETHER_MOST, Floats, Together, providers_for
from detectors.runtime import onnxruntime
from sessions.models import Models
from settings.models import DetectorDevice
from settings.persons import PersonsLimits
from settings.settings import load_settings


@pytest.mark.parametrize("device", ["cuda", "coreml", "openvino"])
def test_what_is_not_there_is_told_and_the_processor_reads(device: DetectorDevice, models_dir: Path) -> None:
    assert providers.PROVIDERS[device] not in onnxruntime.get_available_providers()
    models = Models()
    models.load(load_settings(_env_file=None, models_dir=models_dir, detector_device=device))
    told = [note for note in models.notes if f"DETECTOR_DEVICE={device}" in note]
    assert len(told) == 1
    assert providers.PROVIDERS[device] in told[0]
    assert models.persons is not None
    assert models.persons.look(np.full((480, 640, 3), 120, np.uint8), 0.0).backend == "onnx"
    models.close()


def test_auto_takes_what_is_there_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert providers_for("auto") == ([CPU], "")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["TensorrtExecutionProvider", "CUDAExecutionProvider", CPU])
    assert providers_for("auto") == (["CUDAExecutionProvider", CPU], "")
    assert providers_for("cuda") == (["CUDAExecutionProvider", CPU], "")
    assert providers_for("cpu") == ([CPU], "")


@pytest.mark.parametrize("fails", [True, False])
def test_a_card_that_can_not_be_used_after_all_is_told(models_dir: Path, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    """ONNX Runtime raises for some faults, and quietly takes the processor for others."""
    monkeypatch.setattr(networks, "providers_for", lambda _: (["CUDAExecutionProvider", CPU], ""))
    whole = onnxruntime.InferenceSession

    def session(path: str, options: object, providers: list[str]) -> object:
        if fails and providers != [CPU]:
            raise RuntimeError("CUDA failure 35: the driver is too old")
        return whole(path, options, providers=[CPU])

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    finder = OnnxFinder(models_dir / "yolov8n.onnx", PersonsLimits(), "cuda")
    assert ("the driver is too old" if fails else "libraries") in finder.note
    assert finder.find(np.full((480, 640, 3), 120, np.uint8), 320, 0.5) == []


def test_looks_at_several_pictures_go_together_and_each_gets_its_own(models_dir: Path, shared_data: Path) -> None:
    finder = OnnxFinder(models_dir / "yolov8n.onnx", PersonsLimits())
    files = sorted((shared_data / "persons").glob("*.jpg"))[:6]
    images = [cv2.resize(np.asarray(cv2.imread(str(file)), np.uint8), (640, 480)) for file in files]
    alone = [finder.find(image, 320, 0.1) for image in images]
    sizes: list[int] = []
    run = finder._run

    def counted(tensor: Floats) -> Floats:
        sizes.append(len(tensor))
        return run(tensor)

    together = Together(counted)
    begin = threading.Barrier(len(images))
    finder._run = together

    def look(image: np.ndarray) -> object:
        begin.wait()
        return finder.find(image, 320, 0.1)

    with ThreadPoolExecutor(len(images)) as pool:
        found = list(pool.map(look, images))
    assert sum(sizes) == len(images)
    assert [[(one.kind, round(one.box.x1), round(one.box.confidence, 3)) for one in boxes] for boxes in found] == [  # type: ignore[attr-defined]
        [(one.kind, round(one.box.x1), round(one.box.confidence, 3)) for one in boxes] for boxes in alone
    ]


def test_a_run_is_of_one_shape_of_so_many_at_most_and_its_failure_is_everybodys() -> None:
    sizes: list[tuple[int, ...]] = []

    def run(tensor: Floats) -> Floats:
        sizes.append(tensor.shape)
        if tensor.shape[2] == 1:
            raise ValueError("out of memory")
        return np.asarray(tensor.sum(axis=(1, 2, 3)))

    together = Together(run)
    providers.TOGETHER_S, kept = 60.0, providers.TOGETHER_S  # however long it takes until all are there
    try:
        with ThreadPoolExecutor(TOGETHER_MOST) as pool:
            tensors = [np.full((1, 3, 2, 2), number, np.float32) for number in range(TOGETHER_MOST)]
            assert [float(row[0]) for row in pool.map(together, tensors)] == [12.0 * number for number in range(TOGETHER_MOST)]
    finally:
        providers.TOGETHER_S = kept
    assert sizes == [(TOGETHER_MOST, 3, 2, 2)]
    with ThreadPoolExecutor(3) as pool:
        for failed in [pool.submit(together, np.zeros((1, 3, 1, 1), np.float32)) for _ in range(3)]:
            with pytest.raises(ValueError, match="out of memory"):
                failed.result()
