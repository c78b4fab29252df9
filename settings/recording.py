"""Clips of flagged intervals."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from settings.everyday import EVERYDAY


class RecordingSettings(BaseModel):
    """How clips are made."""

    model_config = ConfigDict(title="Clips", frozen=True)

    clip_preroll_s: float = Field(
        default=5, ge=0, le=60, description="Seconds kept before a flagged interval; enough to see how it began.", json_schema_extra=EVERYDAY
    )
    clip_postroll_s: float = Field(
        default=5, ge=0, le=60, description="Seconds kept after a flagged interval; enough to see how it ended.", json_schema_extra=EVERYDAY
    )
    clip_settle_s: float = Field(
        default=1,
        ge=0,
        le=30,
        description="Seconds that a clip waits for late pictures and sound of its end; what a network holds up for longer is not in it.",
    )
    clip_crf: int = Field(
        default=28,
        ge=10,
        le=45,
        description="H.264 quality of clips, lower is better; 28 keeps faces readable at about 90 KB a second.",
        json_schema_extra=EVERYDAY,
    )
    ring_max_mb: int = Field(
        default=24,
        ge=1,
        le=1024,
        description="MB of pictures and sound kept in memory per session, from which clips are made; 40 s of JPEG take 10.",
        json_schema_extra=EVERYDAY,
    )
    clip_queue_mb: int = Field(
        default=512,
        ge=16,
        description="MB of pictures that may wait to be encoded; beyond it a clip is given up, and its record says so.",
        json_schema_extra=EVERYDAY,
    )
    min_free_mb: int = Field(
        default=256,
        ge=0,
        description="MB that stay free on the disks of clips and TEMP_DIR: clips wait until there is more, and the database, which may share them, "
        "goes on.",
        json_schema_extra=EVERYDAY,
    )
