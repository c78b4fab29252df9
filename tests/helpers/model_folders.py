"""Folders with the finished models, or with none, and the settings that name them."""

from __future__ import annotations

from pathlib import Path

from detectors.model_files import MODELS, packaged
from settings.settings import Settings

FILES: dict[str, str] = {model.name: model.file for model in MODELS}
# Those that no installed package brings: missing where no folder has them
NOWHERE = [model for model in MODELS if not any((folder / model.file).is_file() for folder in packaged(model))]


def settings(folder: Path, backend: str = "onnx", yolo_weights: str = "") -> Settings:
    return Settings.model_validate({"models_dir": folder, "detector_backend": backend, "yolo_weights": yolo_weights})
