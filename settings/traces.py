"""Whether calls are traced, and where traces go."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from settings.everyday import EVERYDAY


class TraceSettings(BaseModel):
    """Traces for an OpenTelemetry collector."""

    model_config = ConfigDict(title="Traces", frozen=True)

    traces_url: str = Field(
        default="",
        max_length=300,
        description="Address of an OpenTelemetry collector that takes traces by OTLP over HTTP as JSON (http://127.0.0.1:4318/v1/traces). "
        "Empty: no call is traced.",
        json_schema_extra=EVERYDAY,
    )
    traces_share: float = Field(default=0.1, gt=0, le=1, description="Of all calls the share that is traced, the same calls at every server.")

    @field_validator("traces_url")
    @classmethod
    def _check_traces_url(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is none
            right = False
        if value and not right:
            raise ValueError("must be http:// or https://, a host's name and the path of the collector's traces")
        return value
