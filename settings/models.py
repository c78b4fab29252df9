"""The detectors' networks: where their files are, and which one counts persons."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from settings.everyday import EVERYDAY

GazeBackend = Literal["litert", "mediapipe"]


class ModelSettings(BaseModel):
    """Where the networks come from."""

    model_config = ConfigDict(title="Models", frozen=True)

    models_dir: Path = Field(default=Path("models"), description="Folder of the models (.onnx and .tflite).", json_schema_extra=EVERYDAY)
    yolo_weights: str = Field(
        default="", description="A YOLOv8n `.pt` file to make the persons model from; empty: ultralytics' own download.", json_schema_extra=EVERYDAY
    )
    detector_backend: Literal["onnx", "ultralytics", "facemesh"] = Field(
        default="onnx", description="What counts persons; `facemesh` counts faces only and sees no phones.", json_schema_extra=EVERYDAY
    )
    gaze_backend: GazeBackend = Field(
        default="litert",
        description="What runs the models of faces: LiteRT, or the graph of the package mediapipe, which gives the same directions and takes "
        "more memory for each student.",
    )
