"""What runs the networks of pictures: ONNX Runtime's execution provider that DETECTOR_DEVICE asks for, and looks at several pictures in one run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from basics.texts import _
from settings.models import DetectorDevice

CPU = "CPUExecutionProvider"
PROVIDERS = {"cuda": "CUDAExecutionProvider", "coreml": "CoreMLExecutionProvider", "openvino": "OpenVINOExecutionProvider"}
PACKAGES = {"cuda": "onnxruntime-gpu", "coreml": "onnxruntime", "openvino": "onnxruntime-openvino"}
TOGETHER_MOST = 8  # pictures in one run
TOGETHER_S = 0.002  # for so long the first one waits for others: a look takes a graphics card about as long

Floats = npt.NDArray[np.float32]


def providers_for(device: DetectorDevice) -> tuple[list[str], str]:
    """The providers to ask for, the processor always last, and what people should know: that the one they named isn't there."""
    from detectors.runtime import onnxruntime

    there = set(onnxruntime.get_available_providers())
    if device == "cpu":
        return [CPU], ""
    if device == "auto":
        return [*[provider for provider in PROVIDERS.values() if provider in there][:1], CPU], ""
    wanted = PROVIDERS[device]
    if wanted in there:
        return [wanted, CPU], ""
    return [CPU], not_used(device, _("this ONNX Runtime has no %(provider)s", provider=wanted))


def not_used(device: DetectorDevice, reason: str) -> str:
    """What people should know where the device can't be used."""
    return _(
        "DETECTOR_DEVICE=%(device)s can't be used (%(reason)s): the processor reads the pictures. Install %(package)s in place of onnxruntime, "
        "or set DETECTOR_DEVICE=cpu",
        device=device,
        reason=reason,
        package=PACKAGES.get(device, "onnxruntime"),
    )


@dataclass(slots=True)
class _Group:
    """Inputs of one shape that go together."""

    tensors: list[Floats] = field(default_factory=list)
    full: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    rows: Floats | None = None
    error: Exception | None = None


class Together:
    """Runs what several threads ask for at nearly the same time as one batch: a graphics card takes hardly longer for it than for one.

    `run` takes float32 `[n, 3, height, width]` and gives `[n, …]`. Whoever asks first waits a moment for others, and runs it for all.
    """

    def __init__(self, run: Callable[[Floats], Floats]) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._open: dict[tuple[int, ...], _Group] = {}

    def __call__(self, tensor: Floats) -> Floats:
        """Run one input `[1, 3, height, width]`; the answer is its own `[1, …]`. Raises what `run` raises."""
        with self._lock:
            group = self._open.get(tensor.shape)
            leads = group is None
            if group is None:
                group = self._open[tensor.shape] = _Group()
            place = len(group.tensors)
            group.tensors.append(tensor)
            if len(group.tensors) == TOGETHER_MOST:
                del self._open[tensor.shape]
                group.full.set()
        if leads:
            group.full.wait(TOGETHER_S)
            self._run_all(group, tensor.shape)
        group.done.wait()
        if group.error is not None:
            raise group.error
        assert group.rows is not None
        return group.rows[place : place + 1]

    def _run_all(self, group: _Group, shape: tuple[int, ...]) -> None:
        with self._lock:
            if self._open.get(shape) is group:
                del self._open[shape]
        try:
            group.rows = self._run(np.concatenate(group.tensors))
        except Exception as error:
            group.error = error
        finally:
            group.done.set()
