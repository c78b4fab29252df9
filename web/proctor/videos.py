"""The calls that serve clips: whole or in ranges, checked by their ETag, and nothing outside the folder of clips."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Response, current_app, redirect, request, send_file
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import FileWrapper

from basics.errors import Conflict, Forbidden, NotFound
from basics.texts import _, with_values
from media.clip_reasons import ELSEWHERE, known
from media.stores.base import PIECE, KeptFile, LocalFile, StoredFile, sum_of
from records.files_elsewhere import servers_with
from records.keep_times import part_of
from records.shapes import CLIP
from web.calls.audit import note_look
from web.calls.errors import FileAway, NotHere, NotReady
from web.calls.openapi import describe
from web.calls.values import VIDEO_ID
from web.parts import parts
from web.proctor.answers import is_away

videos = Blueprint("videos", __name__, url_prefix="/api/video")

AWAY_RETRY_S = 30
RETRY_S = 5  # a clip is made within seconds of its interval's end
HASHES_MAX = 10_000  # of clips that were served lately
PRESIGNED_S = 60
EXTENSION = "clip_hashes"  # this module's state in `app.extensions`: each app has its own


@dataclass(slots=True)
class _Hashes:
    """What each clip's file was when it was looked at last: its version and its SHA-256, by its name."""

    known: dict[str, tuple[str, str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, file: KeptFile) -> str:
        """The file's SHA-256: read again only where it is of another version (by time and size, or as its store says)."""
        known = self.known.get(file.name)
        if known is not None and known[0] == file.version:
            return known[1]
        found = (file.version, sum_of(file))
        with self.lock:
            while len(self.known) >= HASHES_MAX:
                del self.known[next(iter(self.known))]
            self.known[file.name] = found
        return found[1]


@videos.record
def _set_up(state: BlueprintSetupState) -> None:
    state.app.extensions[EXTENSION] = _Hashes()


@videos.get("/<video_id>")
@describe(errors=(404, 409, 416, 503), media_type="video/mp4")
def by_id(video_id: str) -> Response:
    """Serve the clip of a flagged interval, by the interval's id.

    A clip that is still being made: 404 with the code `not_ready`; one on a server that is away: 503 with `file_away`. Ranges and If-None-Match are
    answered; the ETag is the clip's SHA-256.
    A file that is no longer what was recorded is no evidence: 409.
    """
    file, clip = clip_of(video_id)
    note_look("clip: watched", "proctor", video_id=video_id)
    return send_clip(file, clip.get("sha256"))


@videos.get("/file/<path:filepath>")
@describe(errors=(404, 409, 416, 503), media_type="video/mp4")
def by_path(filepath: str) -> Response:
    """Serve a clip by its path under flagged_videos/. A file that is no longer what was recorded is no evidence: 409."""
    path = _named(filepath, "filepath")
    interval = parts().database.interval_of_clip(path.relative_to(parts().files.clips_dir).as_posix())
    if interval is None:
        if not path.is_file():
            raise _missing(filepath, "filepath")
        raise NotFound(_("No record names %(filepath)s: it is no evidence of this server's.", filepath=repr(filepath[:200])), field="filepath")
    video_id, clip = str(interval.get("_id", "")), _clip(interval)
    file = _file(video_id, clip, filepath, "filepath")
    _check_unchanged(file, video_id, clip.get("sha256"))
    note_look("clip: watched", "proctor", video_id=video_id)
    return send_clip(file, clip.get("sha256"))


def clip_of(video_id: str) -> tuple[KeptFile, dict[str, Any]]:
    """The file of an interval's clip, and what is stored of it.

    Raise `NotFound` with the reason, `NotReady`, `NotHere`, `Forbidden`, `Conflict` where the file was changed, `StorageError`.
    """
    if not VIDEO_ID.fullmatch(video_id):
        raise NotFound(
            _(
                "There is no clip %(video_id)s: a clip's id is its session's and the interval's number, with a dash between.",
                video_id=repr(video_id[:64]),
            ),
            field="video_id",
        )
    clip = _clip(parts().database.interval(video_id))
    state = clip.get("state", "none")
    if state == "pending" and is_away(clip):
        raise FileAway(
            _("The clip %(video_id)s is not made yet: %(reason)s.", video_id=video_id, reason=with_values(ELSEWHERE, server=clip["on"])),
            field="video_id",
            server=clip["on"],
            retry_after_s=AWAY_RETRY_S,
        )
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
    file = _file(video_id, clip, clip.get("path", ""), "video_id")
    _check_unchanged(file, video_id, clip.get("sha256"))
    return file, clip


def _clip(interval: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of an interval's clip, as far as it can be read; a hash that was damaged is none that any file has."""
    clip, wrong = CLIP.fit(interval.get("clip"))
    return clip | ({"sha256": str(part_of(interval, "clip")["sha256"])} if "sha256" in wrong else {})


def _named(path: str, field: str) -> Path:
    """Where the clip `path` lies under the folder of clips, or would. Raise `Forbidden` where it leads out, by dots or by a link; `NotFound`."""
    folder = parts().files.clips_dir
    try:
        found = (folder / path).resolve()
        inside = found.is_relative_to(folder)
        found.is_file()
    except (OSError, ValueError):  # a name longer than the file system's, a NUL
        raise _missing(path, field) from None
    if not inside:
        raise Forbidden(
            _("The path %(path)s leads out of flagged_videos/. Give a path as /api/flagged/all shows it.", path=repr(path[:200])), field=field
        )
    if found.suffix != ".mp4":
        raise _missing(path, field)
    return found


def _missing(path: str, field: str) -> NotFound:
    return NotFound(
        _("There is no clip at %(path)s under flagged_videos/. /api/flagged/all lists the clips there are.", path=repr(path[:200])), field=field
    )


def _file(video_id: str, clip: Mapping[str, Any], path: str, field: str) -> KeptFile:
    """The clip's file, on this disk or on the store. Raise `Forbidden`, `NotHere`, `StorageError`."""
    _named(path, field)
    file = parts().files.clip(video_id, clip)
    if file is not None:
        return file
    on, missing = clip.get("on"), _missing(path, field)
    if not parts().files.is_others(on):
        raise NotHere(servers_with(parts().database, video_id.partition("-")[0], on), missing)
    away = FileAway(
        _(
            "The clip %(video_id)s is on the server %(server)s, which does not answer. It can be watched again when that server is back, or another "
            "one has its disk.",
            video_id=video_id,
            server=on,
        ),
        field=field,
        server=on,
        retry_after_s=AWAY_RETRY_S,
    )
    raise NotHere(servers_with(parts().database, video_id.partition("-")[0], on), away, missing)


def send_clip(file: KeptFile, sha256: str | None) -> Response:
    """The clip, whole or the range that is asked for; where the settings say so, the address at which its store gives it for a minute."""
    if isinstance(file, LocalFile):
        response = send_file(file.path, mimetype="video/mp4", conditional=True, etag=sha256 or True)
    elif parts().settings.s3_presigned and (address := file.store.address(file.key, PRESIGNED_S)):
        response = cast(Response, redirect(address, 302))
    else:
        response = _from_store(file, sha256)
    response.headers["Cache-Control"] = "no-store, private"  # evidence stays on no machine that has only shown it
    return response


def _from_store(file: StoredFile, sha256: str | None) -> Response:
    reader = file.opened()
    response = Response(FileWrapper(reader, PIECE), mimetype="video/mp4", direct_passthrough=True)
    response.call_on_close(reader.close)
    response.content_length = file.size
    response.set_etag(sha256 or file.version.strip('"'))
    try:
        return cast(Response, response.make_conditional(request, accept_ranges=True, complete_length=file.size))
    except RequestedRangeNotSatisfiable:
        reader.close()
        raise


def _check_unchanged(file: KeptFile, video_id: str, sha256: str | None) -> None:
    """Raise `Conflict` where the file isn't what was recorded when it was made; that is kept in the audit, once for each change."""
    hashes = cast(_Hashes, current_app.extensions[EXTENSION])
    before = hashes.known.get(file.name)
    found = hashes.of(file)
    if not sha256 or found == sha256:
        return
    if hashes.known.get(file.name) != before:
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
