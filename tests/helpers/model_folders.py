"""Folders with the finished models, or with none, and the settings that name them."""

from __future__ import annotations

from pathlib import Path

from detectors.model_files import MODELS
from settings.settings import Settings

FILES: dict[str, str] = {model.name: model.file for model in MODELS}


def settings(folder: Path, backend: str = "onnx", yolo_weights: str = "") -> Settings:
    return Settings.model_validate({"models_dir": folder, "detector_backend": backend, "yolo_weights": yolo_weights})
