"""Is a region of a picture a framed picture itself: a painting, a poster or a photograph on the wall. Pure."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import numpy.typing as npt

from basics.readings import Box
from settings.persons import PersonsLimits

Image = npt.NDArray[np.uint8]

FRAME_SIDE = 150  # pixels of a region's longer side at which frames are looked for
MARGIN = 0.9  # box sizes around in which a frame is looked for
INSIDE = 0.85  # share of the box that an outline must hold


def is_framed(image: Image, box: Box, limits: PersonsLimits) -> bool:
    """Tell whether `box` lies in a rectangle that stands out from its surroundings on all sides: a painting, poster or photograph.

    Looks around for an outline that holds the box, is at most five times as large and fills its upright or tilted rectangle; else for four
    straight edges that meet. A living person breaks such an outline: of 1,360 boxes of persons in the development data none fills more
    than .67 and none has four edges; posters reach .95 to 1.
    """
    height, width = image.shape[:2]
    left, top = int(max(0, box.x1 - MARGIN * box.width)), int(max(0, box.y1 - MARGIN * box.height))
    right, bottom = int(min(width, box.x2 + MARGIN * box.width)), int(min(height, box.y2 + MARGIN * box.height))
    scale = min(1.0, FRAME_SIDE / max(box.width, box.height, 1.0))
    if min(right - left, bottom - top) * scale < 16:
        return False
    region = cv2.resize(image[top:bottom, left:right], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    placed = Box((box.x1 - left) * scale, (box.y1 - top) * scale, (box.x2 - left) * scale, (box.y2 - top) * scale, box.confidence)
    return _has_outline(region, placed, limits) or _has_four_edges(region, placed, limits)


def _has_outline(region: Image, box: Box, limits: PersonsLimits) -> bool:
    area = box.width * box.height
    for mask in _masks(cv2.GaussianBlur(region, (3, 3), 0)):
        for outline in cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]:
            x, y, w, h = cv2.boundingRect(outline)
            if not 0.8 * area < w * h < 5 * area or x <= 1 or y <= 1 or x + w >= mask.shape[1] - 1 or y + h >= mask.shape[0] - 1:
                continue
            held = max(0.0, min(box.x2, x + w) - max(box.x1, x)) * max(0.0, min(box.y2, y + h) - max(box.y1, y))
            if held < INSIDE * area:
                continue
            (_, _), (w, h), _ = cv2.minAreaRect(outline)
            if cv2.contourArea(outline) >= limits.poster_fill * w * h:
                return True
    return False


def _masks(region: Image) -> list[Image]:
    """Black and white readings of a region in which a frame may close: edges of any channel, and levels of grey."""
    masks = []
    for low, high in ((20, 60), (50, 120)):
        edges = np.max([cv2.Canny(np.ascontiguousarray(region[:, :, channel]), low, high) for channel in range(3)], axis=0)
        masks.append(cv2.dilate(edges, np.ones((3, 3), np.uint8)))  # closes gaps of a pixel or two
    grey = cv2.cvtColor(region, cv2.COLOR_BGR2GRAY)
    masks += [((grey > level) * np.uint8(255)).astype(np.uint8) for level in range(40, 230, 30)]
    return masks


Stroke = tuple[float, float, float]  # a straight edge: its place across, and where it begins and ends along


def _has_four_edges(region: Image, box: Box, limits: PersonsLimits) -> bool:
    """Find four straight edges around `box` that make a rectangle; works where clutter touches the frame and outlines run together."""
    upright, level = _strokes(region, 0.08 * max(box.width, box.height))
    reach_x, reach_y = 0.6 * box.width, 0.6 * box.height
    lefts = _places(upright, box.x1 - reach_x, box.x1 + 0.1 * box.width)
    rights = _places(upright, box.x2 - 0.1 * box.width, box.x2 + reach_x)
    tops = _places(level, box.y1 - reach_y, box.y1 + 0.1 * box.height)
    bottoms = _places(level, box.y2 - 0.1 * box.height, box.y2 + reach_y)
    for top, bottom in itertools.product(tops, bottoms):
        if bottom - top < 0.8 * box.height:
            continue
        tall_lefts = [x for x in lefts if _drawn(upright, x, top, bottom) >= 0.6]
        tall_rights = [x for x in rights if _drawn(upright, x, top, bottom) >= 0.6]
        for left, right in itertools.product(tall_lefts, tall_rights):
            sides = [(upright, left, top, bottom), (upright, right, top, bottom), (level, top, left, right), (level, bottom, left, right)]
            drawn = sorted(_drawn(*side) for side in sides)
            # Walls, doors and tables have long edges too, but those run on past the corners.
            running_on = sum(_runs_on(*side) for side in sides)
            if drawn[0] >= 0.5 and (drawn[0] + drawn[1]) / 2 >= limits.poster_straight and running_on <= 2:
                return True
    return False


def _strokes(region: Image, least: float) -> tuple[list[Stroke], list[Stroke]]:
    """Straight edges of `region` of at least `least` pixels, tilted by up to seven degrees: the upright ones and the level ones."""
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(cv2.cvtColor(region, cv2.COLOR_BGR2GRAY))[0]
    upright: list[Stroke] = []
    level: list[Stroke] = []
    for x1, y1, x2, y2 in [] if found is None else found[:, 0].tolist():
        length = float(np.hypot(x2 - x1, y2 - y1))
        if length < least:
            continue
        if abs(x2 - x1) < 0.12 * length + 1:
            upright.append(((x1 + x2) / 2, min(y1, y2), max(y1, y2)))
        elif abs(y2 - y1) < 0.12 * length + 1:
            level.append(((y1 + y2) / 2, min(x1, x2), max(x1, x2)))
    return upright, level


def _places(strokes: list[Stroke], low: float, high: float, most: int = 8) -> list[int]:
    """Whole pixels across, within `low` and `high`, where edges are; the `most` longest, so that a bookshelf doesn't cost a second."""
    lengths: dict[int, float] = {}
    for place, begin, end in strokes:
        if low <= place <= high:
            lengths[round(place)] = lengths.get(round(place), 0.0) + end - begin
    return sorted(lengths, key=lambda place: -lengths[place])[:most]


def _drawn(strokes: list[Stroke], place: float, begin: float, end: float, tolerance: float = 2.5) -> float:
    """Share of `[begin, end]` along `place` that edges cover."""
    covered = np.zeros(max(1, int(end - begin) + 1), dtype=bool)
    for across, first, last in strokes:
        if abs(across - place) <= tolerance and last > begin and first < end:
            covered[int(max(0.0, first - begin)) : int(last - begin) + 1] = True
    return float(covered.mean())


def _runs_on(strokes: list[Stroke], place: float, begin: float, end: float) -> bool:
    """Whether an edge goes on past a corner, over more than a fifth of the next third of its length."""
    length = end - begin
    before = _drawn(strokes, place, begin - 0.35 * length, begin - 0.06 * length)
    after = _drawn(strokes, place, end + 0.06 * length, end + 0.35 * length)
    return max(before, after) > 0.2
