"""ONNX Runtime keeps to itself: no identifier on this machine, no word to its maker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from basics.paths import ROOT

READ = "from detectors.runtime import open_model; from detectors.sound_models import silero_path; open_model(silero_path())"


def test_a_model_that_is_read_leaves_no_identifier_behind(tmp_path: Path) -> None:
    """With its telemetry on it writes one as soon as a session is made, and looks its collector up."""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", READ], cwd=ROOT, env=environment, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []
