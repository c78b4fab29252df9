"""Boxes: how much of one lies in another, moved and mirrored. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from basics.readings import Box
from detectors.networks import Detection


def of_kind(found: Iterable[Detection], *kinds: int) -> list[Box]:
    """The boxes of these COCO classes, in their order."""
    return [detection.box for detection in found if detection.kind in kinds]


def intersection(a: Box, b: Box) -> float:
    """Square pixels that both cover."""
    return max(0.0, min(a.x2, b.x2) - max(a.x1, b.x1)) * max(0.0, min(a.y2, b.y2) - max(a.y1, b.y1))


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    shared = intersection(a, b)
    return shared / max(1e-6, a.width * a.height + b.width * b.height - shared)


def held(box: Box, holder: Box) -> float:
    """Share of `box` that lies in `holder`."""
    return intersection(box, holder) / max(1e-6, box.width * box.height)


def covered(a: Box, b: Box) -> float:
    """Share of the smaller one that lies in the other."""
    return intersection(a, b) / max(1e-6, min(a.width * a.height, b.width * b.height))


def moved(found: Iterable[Detection], left: int, top: int) -> list[Detection]:
    """What was found in a part of a picture, in pixels of the picture: `left`, `top` is where the part begins."""
    return [replace(one, box=Box(one.box.x1 + left, one.box.y1 + top, one.box.x2 + left, one.box.y2 + top, one.box.confidence)) for one in found]


def mirrored(found: Iterable[Detection], width: int) -> list[Detection]:
    """What was found in a picture's mirror image, in pixels of the picture, which is `width` wide."""
    return [replace(one, box=Box(width - one.box.x2, one.box.y1, width - one.box.x1, one.box.y2, one.box.confidence)) for one in found]
