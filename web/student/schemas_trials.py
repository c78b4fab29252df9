"""The answers of the calls behind the check before an exam."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class SpeedTrial(BaseModel):
    """How much arrived."""

    bytes: int


class LookTrial(BaseModel):
    """What the detectors make of one picture. `loading`: the models aren't there yet."""

    state: Literal["read", "loading"]
    face: bool | None = None
    persons: int | None = Field(default=None, description="Null where it can't be told.")
    reason: str = Field(default="", description="Why the face can't be read: `dark`, `blurred`, `small`, `hidden`, …; empty where it can.")
