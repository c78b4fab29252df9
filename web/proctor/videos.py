"""The calls that serve clips: whole or in ranges, checked by their ETag, and nothing outside the folder of clips."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Response, current_app, send_file
from flask.sansio.blueprints import BlueprintSetupState

from basics.errors import Conflict, Forbidden, NotFound
from basics.texts import _
from media.clip_reasons import known
from media.recorder import hash_of
from web.calls.audit import note_look
from web.calls.errors import NotReady
from web.calls.openapi import describe
from web.calls.values import VIDEO_ID
from web.parts import parts

videos = Blueprint("videos", __name__, url_prefix="/api/video")

RETRY_S = 5  # a clip is made within seconds of its interval's end
HASHES_MAX = 10_000  # of clips that were served lately
EXTENSION = "clip_hashes"  # this module's state in `app.extensions`: each app has its own


@dataclass(slots=True)
class _Hashes:
    """What each clip's file was when it was looked at last."""

    known: dict[Path, tuple[int, int, str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, path: Path) -> str:
        """The file's SHA-256: read again only where its time or size has changed."""
        status = path.stat()
        known = self.known.get(path)
        if known is not None and known[:2] == (max(status.st_mtime_ns, status.st_ctime_ns), status.st_size):
            return known[2]
        found = (max(status.st_mtime_ns, status.st_ctime_ns), status.st_size, hash_of(path))
        with self.lock:
            while len(self.known) >= HASHES_MAX:
                del self.known[next(iter(self.known))]
            self.known[path] = found
        return found[2]


@videos.record
def _set_up(state: BlueprintSetupState) -> None:
    state.app.extensions[EXTENSION] = _Hashes()


@videos.get("/<video_id>")
@describe(errors=(404, 409, 416, 503), media_type="video/mp4")
def by_id(video_id: str) -> Response:
    """Serve the clip of a flagged interval, by the interval's id.

    A clip that is still being made: 404 with the code `not_ready`. Ranges and If-None-Match are answered; the ETag is the clip's SHA-256.
    A file that is no longer what was recorded is no evidence: 409.
    """
    path, clip = clip_of(video_id)
    note_look("clip: watched", "proctor", video_id=video_id)
    return send_clip(path, clip.get("sha256"))


@videos.get("/file/<path:filepath>")
@describe(errors=(404, 409, 416, 503), media_type="video/mp4")
def by_path(filepath: str) -> Response:
    """Serve a clip by its path under flagged_videos/. A file that is no longer what was recorded is no evidence: 409."""
    path = _find(filepath, "filepath")
    interval = parts().database.interval_of_clip(path.relative_to(parts().settings.clips_dir.resolve()).as_posix())
    if interval is None:
        raise NotFound(_("No record names %(filepath)s: it is no evidence of this server's.", filepath=repr(filepath[:200])), field="filepath")
    _check_unchanged(path, str(interval.get("_id", "")), interval.get("clip", {}).get("sha256"))
    note_look("clip: watched", "proctor", video_id=str(interval.get("_id", "")))
    return send_clip(path, interval.get("clip", {}).get("sha256"))


def clip_of(video_id: str) -> tuple[Path, dict[str, Any]]:
    """The file of an interval's clip, and what is stored of it.

    Raise `NotFound` with the reason, `NotReady`, `Forbidden`, `Conflict` where the file was changed, `StorageError`.
    """
    if not VIDEO_ID.fullmatch(video_id):
        raise NotFound(
            _(
                "There is no clip %(video_id)s: a clip's id is its session's and the interval's number, with a dash between.",
                video_id=repr(video_id[:64]),
            ),
            field="video_id",
        )
    clip: dict[str, Any] = parts().database.interval(video_id).get("clip") or {}
    state = clip.get("state", "none")
    if state == "pending":
        raise NotReady(
            _("The clip %(video_id)s is still being made. Ask again in %(retry_s)s s.", video_id=video_id, retry_s=RETRY_S),
            field="video_id",
            retry_after_s=RETRY_S,
        )
    if state == "failed":
        why = known(str(clip["reason"])) if clip.get("reason") else _("the reason is not known")
        raise NotFound(
            _("The clip %(video_id)s could not be made: %(reason)s.", video_id=video_id, reason=why),
            field="video_id",
            reason=clip.get("reason"),
        )
    if state == "deleted":
        raise NotFound(
            _("The clip %(video_id)s is deleted: %(reason)s.", video_id=video_id, reason=known(str(clip.get("reason") or ""))),
            field="video_id",
            reason=clip.get("reason"),
        )
    if state != "ready":
        raise NotFound(_("The interval %(video_id)s has no clip, because it was not flagged.", video_id=video_id), field="video_id")
    path = _find(str(clip["path"]), "video_id")
    _check_unchanged(path, video_id, clip.get("sha256"))
    return path, clip


def _find(path: str, field: str) -> Path:
    """The clip at `path` under the folder of clips. Raise `Forbidden` where it leads out, by dots or by a link; `NotFound` where there is none."""
    folder = parts().settings.clips_dir.resolve()
    missing = NotFound(
        _("There is no clip at %(path)s under flagged_videos/. /api/flagged/all lists the clips there are.", path=repr(path[:200])), field=field
    )
    try:
        found = (folder / path).resolve()
        inside = found.is_relative_to(folder)
        is_clip = inside and found.suffix == ".mp4" and found.is_file()
    except (OSError, ValueError):  # a name longer than the file system's, a NUL
        raise missing from None
    if not inside:
        raise Forbidden(
            _("The path %(path)s leads out of flagged_videos/. Give a path as /api/flagged/all shows it.", path=repr(path[:200])), field=field
        )
    if not is_clip:
        raise missing
    return found


def send_clip(path: Path, sha256: str | None) -> Response:
    """The clip, whole or the range that is asked for."""
    response = send_file(path, mimetype="video/mp4", conditional=True, etag=sha256 or True)
    response.headers["Cache-Control"] = "no-store, private"  # evidence stays on no machine that has only shown it
    return response


def _check_unchanged(path: Path, video_id: str, sha256: str | None) -> None:
    """Raise `Conflict` where the file isn't what was recorded when it was made; that is kept in the audit, once for each change."""
    hashes = cast(_Hashes, current_app.extensions[EXTENSION])
    before = hashes.known.get(path)
    found = hashes.of(path)
    if not sha256 or found == sha256:
        return
    if hashes.known.get(path) != before:
        parts().database.audit({"who": "server", "what": "clip: changed", "video_id": video_id, "sha256": found, "recorded": sha256})
    raise Conflict(
        _(
            "The clip %(video_id)s was changed on the disk after it was made: its SHA-256 is %(found)s…, and %(sha256)s… was recorded. "
            "It is not served as evidence. Restore the file from a backup.",
            video_id=video_id,
            found=found[:12],
            sha256=sha256[:12],
        ),
        field="video_id",
        reason="changed",
    )
