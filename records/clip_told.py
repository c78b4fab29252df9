"""What is stored of a clip that was made or could not be, with the mark by which other systems are told."""

from __future__ import annotations

from typing import Any

from basics.times import utc_now
from media.clip import Clip
from storage.marks import Mark

KINDS = {"ready": "clip.ready", "failed": "clip.failed"}


def clip_fields(clip: Clip) -> dict[str, Any]:
    """The fields of its interval's record."""
    fields: dict[str, Any] = {"clip": clip.to_dict()}
    if (kind := KINDS.get(clip.state)) is None:
        return fields
    at = utc_now()
    made = {"duration_s": clip.duration, "size_bytes": clip.size_bytes} if clip.state == "ready" else {}
    return fields | Mark(f"clip_{clip.state}_{int(at.timestamp() * 1000)}", kind, at, made).fields()
