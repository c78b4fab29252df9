"""Two stills of each absence, the last of somebody before it and the first after it: whether it is the same person is for a person to see.

Nothing is compared here. What is kept is small and bounded, and only where an absence counts at all: an exam in which students may leave keeps none.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from basics.signals import ViolationKind
from media.pictures import Picture
from records.absences import COLLECTION
from records.spellings import looks_of
from scoring.rules import Rules
from sessions.analysis import PictureReadings
from sessions.documents import Storage
from sessions.identity import Identity

KIND: ViolationKind = "no_face"
SIDE = 480  # pixels of a still's longer side: a face is seen in it, and what lies on the desk can't be read
QUALITY = 75  # 15 to 30 KB
MOST = 40  # absences of one session, and half an hour of a minute each
KEEP_EVERY_S = 1.0  # while somebody is there
BETTER_S = 5.0  # after a return, in which a face that can be read is waited for
UNTOLD_S = 10.0  # without anything that says whether somebody is there, after which it might be somebody else, too
LOOKS = 2  # that find nobody, as the rules want them


@dataclass(slots=True)
class _Seen:
    at: float
    image: npt.NDArray[np.uint8]


class AbsenceStills:
    """Of one session. Called by whoever reads its pictures, one thread at a time; what is stored is queued, and nobody waits."""

    def __init__(self, identity: Identity, storage: Storage) -> None:
        self._identity = identity
        self._storage = storage
        self._lock = threading.Lock()  # `close` comes from another thread
        self._kept = 0
        self._before: _Seen | None = None
        self._there_at: float | None = None  # when somebody was last seen, with or without a face
        self._away_from: float | None = None
        self._looks = 0
        self._open: str | None = None  # the id of the absence that lasts, or whose second still is to come
        self._back_at: float | None = None
        self._first: _Seen | None = None  # after it

    def see(self, picture: Picture, readings: PictureReadings, rules: Rules) -> None:
        """A picture was read."""
        if not rules.points.get(KIND):
            return
        gaze, persons, at = readings.gaze, readings.persons, picture.at
        face = gaze.box is not None and gaze.direction != "none"
        with self._lock:
            if face or (persons is not None and persons.count):
                self._present(picture, at, face=face, read=gaze.direction != "unknown")
            elif persons is not None and persons.count == 0 and gaze.direction == "none":
                self._nobody(at, rules.absent_min_s)

    def _present(self, picture: Picture, at: float, *, face: bool, read: bool) -> None:
        gap = 0.0 if self._there_at is None else at - self._there_at
        if self._open is None and self._before is not None and gap >= UNTOLD_S:
            self._begin(self._there_at or 0.0, "untold")
        self._there_at, self._away_from, self._looks = at, None, 0
        if self._open is not None:
            self._back(picture, at, face=face, read=read)
        elif face and (self._before is None or at - self._before.at >= KEEP_EVERY_S):
            self._before = _Seen(at, _small(picture.image))

    def _nobody(self, at: float, least: float) -> None:
        if self._open is not None and self._back_at is not None:
            self._end(None)  # gone again before a face was seen
        self._away_from = at if self._away_from is None else self._away_from
        self._looks += 1
        if self._open is None and self._looks >= LOOKS and at - self._away_from >= least:
            self._begin(self._away_from, "nobody")

    def _begin(self, start: float, why: str) -> None:
        if self._kept >= MOST:
            return
        self._kept += 1
        whose = self._identity
        self._open = f"{whose.session_id}-{round(start * 1000)}"
        named = {"session_id": whose.session_id, "user_id": whose.user_id, "exam_id": whose.exam_id, **looks_of(whose.user_id, whose.exam_id)}
        self._write({**named, "start": round(start, 2), "end": None, "why": why, "pictures": True, "before": _kept(self._before), "after": None})

    def _back(self, picture: Picture, at: float, *, face: bool, read: bool) -> None:
        if self._back_at is None:
            self._back_at = at
            self._write({"end": round(at, 2)})
        if face and (self._first is None or read):
            self._first = _Seen(at, _small(picture.image))
        if (face and read) or at - self._back_at >= BETTER_S:
            self._end(self._first or _Seen(at, _small(picture.image)))

    def _end(self, after: _Seen | None) -> None:
        after = after or self._first
        if after is not None:
            self._write({"after": _kept(after)})
            self._before = after
        self._open = self._back_at = self._first = None

    def _write(self, fields: dict[str, Any]) -> None:
        if self._open is not None:
            self._storage.write(COLLECTION, self._open, fields)

    def close(self) -> None:
        """The session is over: what is in memory is let go."""
        with self._lock:
            if self._open is not None and self._back_at is not None:
                self._end(None)
            self._before = self._first = self._open = None


def _small(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    scale = SIDE / max(image.shape[:2])
    if scale >= 1:
        return image.copy()
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _kept(seen: _Seen | None) -> dict[str, Any] | None:
    """A still as it is stored."""
    if seen is None:
        return None
    data = cv2.imencode(".jpg", seen.image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    height, width = seen.image.shape[:2]
    digest = hashlib.sha256(data).hexdigest()
    return {"at": round(seen.at, 2), "width": width, "height": height, "size": len(data), "sha256": digest, "image": data}
