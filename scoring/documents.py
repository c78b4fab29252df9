"""Readings and violations as they are stored and answered: plain values, ready for JSON and BSON."""

from __future__ import annotations

from typing import Any

from basics.readings import AudioReading, Box, GazeReading, PersonsReading, Violation


def violation_document(violation: Violation) -> dict[str, Any]:
    """A violation as it is stored and answered."""
    return {
        "kind": violation.kind,
        "start": round(violation.start, 2),
        "end": round(violation.end, 2),
        "points": violation.points,
        "occurrences": violation.occurrences,
        "evidence": dict(violation.evidence),
    }


def readings_document(
    gaze: GazeReading | None, persons: PersonsReading | None, audio: AudioReading | None, *, unread: str = "starting", unheard: str = ""
) -> dict[str, Any]:
    """The newest readings, in words and as boxes to draw over the picture; None stands for what can't be read now, `unread` and `unheard` say why."""
    box = gaze.box if gaze else None
    return {
        "gaze": gaze.direction if gaze else "unknown",
        "gaze_reason": gaze.reason if gaze else unread,
        "faces": persons.count if persons else None,
        "faces_reason": persons.reason if persons else unread,
        "phone": persons.phone if persons else None,
        "voices": audio.voices if audio else None,
        "sounds": list(audio.sounds) if audio else [],
        "sound_reason": audio.reason if audio else unheard,
        "level_dbfs": round(audio.level_dbfs, 1) if audio else None,
        "overlay": {
            "gaze_box": [round(box.x1), round(box.y1), round(box.x2), round(box.y2)] if box else None,
            "persons": [box_document(one) for one in persons.persons] if persons else [],
            "phones": [box_document(one) for one in persons.phones] if persons else [],
            "width": gaze.width if gaze else 0,
            "height": gaze.height if gaze else 0,
        },
    }


def box_document(box: Box) -> list[float]:
    """A box as `[x1, y1, x2, y2, confidence]`, in whole pixels."""
    return [round(box.x1), round(box.y1), round(box.x2), round(box.y2), round(box.confidence, 2)]


def seen_document(persons: PersonsReading) -> dict[str, Any]:
    """When boxes were seen, in a picture of which size, so that they can be drawn again, and the numbers that they rest on."""
    numbers = {name: round(value, 2) for name, value in persons.numbers.items()}
    return {"at": round(persons.at, 2), "size": [persons.width, persons.height], **({"numbers": numbers} if numbers else {})}
