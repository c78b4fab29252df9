"""ONNX Runtime as the server uses it: one thread a call, and no word to anybody.

Since 1.32 its wheels for Linux keep an identifier in the temporary folder and look up Microsoft's collector unless ORT_DISABLE_TELEMETRY is set
before they are loaded (`disable_telemetry_events` comes too late for that). So nothing else in the product imports it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["FATAL", "onnxruntime", "open_model"]

WARNINGS, FATAL = 2, 4  # its levels of severity; FATAL: what it would print about a broken file is in the exception


def open_model(path: Path, *, least_said: int = WARNINGS + 1) -> Any:
    """A session with the model in `path`. Raise one of ONNX Runtime's own errors, which share no public base, for an unusable file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the server's workers are the parallelism
    options.inter_op_num_threads = 1
    options.log_severity_level = least_said
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
