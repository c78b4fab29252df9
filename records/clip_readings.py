"""What was read of the pictures that a clip shows: who and what stood where, and where the student looked, at each time of the clip."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pymongo import ASCENDING

from database import Database, Document
from records.keep_times import part_of
from records.shapes import CLIP
from scoring.check_records import unpack_gaze, unpack_persons
from scoring.documents import box_document

log = logging.getLogger(__name__)

LONGEST_CHECK_S = 600.0  # a check record's length, as CHECK_INTERVAL may be
CHECKS_MAX = 100  # records read for one clip
READINGS_MAX = 2000  # of a kind in one clip: 45 s at ten a second are 450

Made = TypeVar("Made")


def clip_readings(database: Database, interval: Mapping[str, Any]) -> Document:
    """`gaze` and `persons` of an interval's clip, each in order and with `at` in seconds of the clip; empty where it has no clip.

    Boxes are lists `x1, y1, x2, y2` and, of persons and phones, `confidence`, in pixels of a picture of the reading's `width` and `height`.
    """
    clip = CLIP.fit(interval.get("clip"))[0]
    start, duration = clip.get("start"), clip.get("duration")
    if not isinstance(start, int | float) or not isinstance(duration, int | float):
        return {"gaze": [], "persons": []}
    end = start + duration
    within = {"session_id": str(interval["_id"]).partition("-")[0], "end": {"$gt": start, "$lt": end + LONGEST_CHECK_S}, "start": {"$lt": end}}
    checks = database.page("checks", within, [("end", ASCENDING), ("start", ASCENDING)], None, CHECKS_MAX, ["readings.gaze", "readings.persons"])
    readings = [part_of(check, "readings") for check in checks]

    def taken(kind: str, make: Callable[[list[Any]], Made]) -> list[Made]:
        rows = (row for reading in readings if isinstance(found := reading.get(kind), list) for row in found)
        return list(_each(make, (row for row in rows if _lies(row, start, end))))[:READINGS_MAX]

    def gaze(row: list[Any]) -> Document:
        read = unpack_gaze(row)
        box = None if read.box is None else box_document(read.box)[:4]
        return {"at": round(read.at - start, 3), "direction": read.direction, "box": box, "width": read.width, "height": read.height}

    def persons(row: list[Any]) -> Document:
        read = unpack_persons(row)
        return {
            "at": round(read.at - start, 3),
            "count": read.count,
            "persons": [box_document(box) for box in read.persons],
            "phones": [box_document(box) for box in read.phones],
            "width": read.width,
            "height": read.height,
        }

    return {"gaze": taken("gaze", gaze), "persons": taken("persons", persons)}


def _lies(row: Any, start: float, end: float) -> bool:
    return isinstance(row, list) and bool(row) and isinstance(row[0], int | float) and start <= row[0] <= end


def _each(make: Callable[[list[Any]], Made], rows: Iterable[list[Any]]) -> Iterable[Made]:
    """Those that can be read; a damaged one is no reason to show none."""
    for row in rows:
        try:
            yield make(row)
        except (ValueError, TypeError, LookupError, ArithmeticError):
            log.warning("a stored reading can't be read and isn't shown")
