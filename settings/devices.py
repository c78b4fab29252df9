"""The stations of this machine: cameras, microphones, keys and clipboard, and when one of them is lost or stands still."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import NoDecode

from settings.everyday import EVERYDAY


class DeviceSettings(BaseModel):
    """Which devices are watched, and when one is lost or stands still."""

    model_config = ConfigDict(title="Devices", frozen=True)

    camera: str = Field(default="0", description="Camera of the station `default`: an index, a file or a URL; `none`.", json_schema_extra=EVERYDAY)
    microphone: str = Field(
        default="default",
        description="Microphone of the station `default`: a PortAudio device (name or index), a wav or flac file; `default`, `none`.",
        json_schema_extra=EVERYDAY,
    )
    stations: Annotated[dict[str, dict[str, str]], NoDecode] = Field(
        default_factory=dict,
        description='More stations, as JSON: {"room-1": {"camera": "rtsp://…", "microphone": "hw:1"}}.',
        json_schema_extra=EVERYDAY,
    )
    screen_hooks: bool = Field(
        default=True, description="Hear this machine's keys and clipboard for local sessions, where it has a display.", json_schema_extra=EVERYDAY
    )
    device_retry_s: float = Field(default=3, ge=0.2, le=300, description="Seconds until a lost device is tried again; doubles up to ten times this.")
    device_silent_s: float = Field(
        default=4,
        ge=1,
        le=300,
        description="Seconds without anything from a camera or microphone that did send, after which it is lost; stills come each 3 s.",
        json_schema_extra=EVERYDAY,
    )
    still_s: float = Field(
        default=1,
        ge=0.5,
        le=10,
        description="Seconds without one changed pixel (a camera's noise never lets one pass) after which a picture is no new evidence.",
    )
    frozen_s: float = Field(
        default=10,
        ge=2,
        le=300,
        description="Seconds without one changed pixel after which the camera is told to be frozen; what stops for less goes on by itself.",
        json_schema_extra=EVERYDAY,
    )
    page_still_s: float = Field(
        default=1.5,
        ge=0.5,
        le=60,
        description="The same as the student's page sees it, before H.264 changes pixels that the camera didn't; from then on no picture is "
        "evidence. Less than FACE_INTERVAL_S, so that no second look sees the same picture.",
    )

    @field_validator("stations", mode="before")
    @classmethod
    def _parse_stations(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value.strip() else {}
        except json.JSONDecodeError as error:
            raise ValueError(f'is not JSON ({error}); write {{"room-1": {{"camera": "0", "microphone": "none"}}}}') from None

    @field_validator("stations")
    @classmethod
    def _check_stations(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for name, station in value.items():
            unknown = set(station) - {"camera", "microphone"}
            if unknown:
                raise ValueError(f"station {name!r} has {sorted(unknown)}; allowed are camera and microphone")
        return value

    def all_stations(self) -> dict[str, dict[str, str]]:
        """Every station by name, `default` among them."""
        default = {"camera": self.camera, "microphone": self.microphone}
        return {"default": default} | {name: {"camera": "none", "microphone": "none"} | s for name, s in self.stations.items()}
