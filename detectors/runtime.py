"""ONNX Runtime and LiteRT as the server uses them: one thread a call, and no word to anybody.

Since 1.32 ONNX Runtime's wheels for Linux keep an identifier in the temporary folder and look up Microsoft's collector unless
ORT_DISABLE_TELEMETRY is set before they are loaded (`disable_telemetry_events` comes too late for that). So nothing else in the product imports it.
LiteRT (the package ai-edge-litert) keeps and asks nothing; it has no wheel for some machines, so it is loaded by the first who needs it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["FATAL", "LiteModel", "LiteTensor", "is_lite", "lite_missing", "onnxruntime", "open_lite", "open_model"]

WARNINGS, FATAL = 2, 4  # its levels of severity; FATAL: what it would print about a broken file is in the exception
_REMARK = b"XNNPACK delegate"  # in the line that LiteRT writes once when it makes its first interpreter; no setting keeps it from it

Made = TypeVar("Made")

READY = 2  # interpreters made with a model: two calls at once come within minutes, and a server's memory then grows by tens of megabytes

_said_it = threading.Event()
_opening = threading.Lock()


def open_model(path: Path, *, least_said: int = WARNINGS + 1, providers: Sequence[str] = ("CPUExecutionProvider",)) -> Any:
    """A session with the model in `path`, run by the first of `providers` that takes it.

    Raise one of ONNX Runtime's own errors, which share no public base, for an unusable file.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the server's workers are the parallelism
    options.inter_op_num_threads = 1
    options.log_severity_level = least_said
    return onnxruntime.InferenceSession(str(path), options, providers=list(providers))


def open_lite(model: Path | bytes, *, most: int | None = None) -> LiteModel:
    """The model in a .tflite file, or in its bytes, for all threads. ImportError without LiteRT, ValueError or RuntimeError for an unusable file."""
    return LiteModel(model if isinstance(model, bytes) else model.read_bytes(), most or max(2, os.cpu_count() or 1))


def is_lite(path: Path) -> bool:
    """Whether a file is a .tflite model, whatever its name."""
    with path.open("rb") as file:
        return file.read(8)[4:] == b"TFL3"


def lite_missing() -> str:
    """Why LiteRT can't be used on this machine; empty if it can."""
    try:
        _interpreter_class()
    except ImportError as error:
        return str(error)
    return ""


@dataclass(frozen=True, slots=True)
class LiteTensor:
    """An input or output. A number n of a quantised one (`scale` not 0) stands for (n - zero) * scale."""

    name: str
    shape: tuple[int, ...]
    dtype: npt.DTypeLike
    scale: float
    zero: int


class LiteModel:
    """A .tflite model, called with its inputs in the file's order; answers with its outputs. Safe to call from several threads at once.

    An interpreter serves one call at a time: beyond the first `READY` as many are made as calls run at once, `most` at most (further calls wait).
    """

    def __init__(self, content: bytes, most: int) -> None:
        self._content = content  # one for all interpreters, which read the weights where they lie
        first = self._make()
        given, made = first.get_input_details(), first.get_output_details()
        self.inputs, self.outputs = _tensors(given), _tensors(made)
        self._given, self._made = [details["index"] for details in given], [details["index"] for details in made]  # the same in all interpreters
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()
        ready = [first, *(self._make() for _ in range(min(READY, most) - 1))]
        for one in [None] * (most - len(ready)) + ready:  # the last one given back is the next to go: None is taken when all made are at work
            self._free.put(one)

    def __call__(self, *inputs: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Run once. ValueError or RuntimeError for inputs of other shapes or types than `inputs` says, and where LiteRT fails."""
        with self._one() as interpreter:
            for index, values in zip(self._given, inputs, strict=True):
                interpreter.set_tensor(index, values)
            interpreter.invoke()
            return [interpreter.get_tensor(index) for index in self._made]

    def in_place(self, give: Callable[..., object], take: Callable[..., Made]) -> Made:
        """Run once and copy nothing: `give` fills the inputs where they lie, `take` makes something of the outputs where they lie, and keeps none."""
        with self._one() as interpreter:
            give(*(interpreter.tensor(index)() for index in self._given))
            interpreter.invoke()
            return take(*(interpreter.tensor(index)() for index in self._made))

    @contextlib.contextmanager
    def _one(self) -> Iterator[Any]:
        interpreter = self._free.get()
        try:
            if interpreter is None:
                interpreter = self._make()
            yield interpreter
        except BaseException:  # what state it is in nobody says
            interpreter = None
            raise
        finally:
            self._free.put(interpreter)

    def _make(self) -> Any:
        with _opening, contextlib.nullcontext() if _said_it.is_set() else _without_remark():
            interpreter = _interpreter_class()(model_content=self._content, num_threads=1)
            interpreter.allocate_tensors()
            _said_it.set()
        return interpreter


def _interpreter_class() -> Any:
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter


def _tensors(all_details: list[dict[str, Any]]) -> tuple[LiteTensor, ...]:
    return tuple(
        LiteTensor(details["name"], tuple(int(length) for length in details["shape"]), np.dtype(details["dtype"]), *details["quantization"])
        for details in all_details
    )


@contextlib.contextmanager
def _without_remark() -> Iterator[None]:
    """Without LiteRT's first line on stderr, which its C++ writes past Python's; what others write meanwhile comes out a little later."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # a service without stderr
        yield
        return
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            for line in written:
                if _REMARK not in line:
                    os.write(2, line)
