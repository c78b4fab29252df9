"""The calls that serve clips: whole or in ranges, checked by their ETag, and nothing outside the folder of clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, send_file

from basics.errors import Forbidden, NotFound
from web.calls.errors import NotReady
from web.calls.openapi import describe
from web.calls.values import VIDEO_ID
from web.parts import parts

videos = Blueprint("videos", __name__, url_prefix="/api/video")

RETRY_S = 5  # a clip is made within seconds of its interval's end


@videos.get("/<video_id>")
@describe(errors=(404, 416, 503), media_type="video/mp4")
def by_id(video_id: str) -> Response:
    """Serve the clip of a flagged interval, by the interval's id.

    A clip that is still being made: 404 with the code `not_ready`. Ranges and If-None-Match are answered; the ETag is the clip's SHA-256.
    """
    path, clip = clip_of(video_id)
    return _send(path, clip.get("sha256"))


@videos.get("/file/<path:filepath>")
@describe(errors=(404, 416), media_type="video/mp4")
def by_path(filepath: str) -> Response:
    """Serve a clip by its path under flagged_videos/."""
    return _send(_find(filepath, "filepath"), None)


def clip_of(video_id: str) -> tuple[Path, dict[str, Any]]:
    """The file of an interval's clip, and what is stored of it. Raise `NotFound` with the reason, `NotReady`, `Forbidden`, `StorageError`."""
    if not VIDEO_ID.fullmatch(video_id):
        raise NotFound(
            f"There is no clip {video_id[:64]!r}: a clip's id is its session's and the interval's number, with a dash between.", field="video_id"
        )
    clip: dict[str, Any] = parts().database.interval(video_id).get("clip") or {}
    state = clip.get("state", "none")
    if state == "pending":
        raise NotReady(f"The clip {video_id} is still being made. Ask again in {RETRY_S} s.", field="video_id", retry_after_s=RETRY_S)
    if state == "failed":
        raise NotFound(
            f"The clip {video_id} could not be made: {clip.get('reason') or 'the reason is not known'}.", field="video_id", reason=clip.get("reason")
        )
    if state != "ready":
        raise NotFound(f"The interval {video_id} has no clip, because it was not flagged.", field="video_id")
    return _find(str(clip["path"]), "video_id"), clip


def _find(path: str, field: str) -> Path:
    """The clip at `path` under the folder of clips. Raise `Forbidden` where it leads out, by dots or by a link; `NotFound` where there is none."""
    folder = parts().settings.clips_dir.resolve()
    missing = NotFound(f"There is no clip at {path[:200]!r} under flagged_videos/. /api/flagged/all lists the clips there are.", field=field)
    try:
        found = (folder / path).resolve()
        inside = found.is_relative_to(folder)
        is_clip = inside and found.suffix == ".mp4" and found.is_file()
    except (OSError, ValueError):  # a name longer than the file system's, a NUL
        raise missing from None
    if not inside:
        raise Forbidden(f"The path {path[:200]!r} leads out of flagged_videos/. Give a path as /api/flagged/all shows it.", field=field)
    if not is_clip:
        raise missing
    return found


def _send(path: Path, sha256: str | None) -> Response:
    response = send_file(path, mimetype="video/mp4", conditional=True, etag=sha256 or True)
    response.headers["Cache-Control"] = "no-store, private"  # evidence stays on no machine that has only shown it
    return response
