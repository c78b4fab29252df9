"""Where the person watched looks: one picture in, one `GazeReading` out, with the state of that one person.

Head pose and irises come from the landmarks of MediaPipe's FaceMesh and are added up to one gaze angle against the camera's ray
to the face; the lids say closed or lowered. Left and right are the student's own: the right side of an unmirrored picture is `left`.
A picture that is too poor to tell is `unknown` with a reason, never a guess.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from basics.errors import DetectorError
from basics.readings import Box, Direction, GazeReading
from detectors.face_backends import open_face_models
from detectors.face_models import FaceModels, Picture, Points
from detectors.faces import FaceFinder, Outline
from detectors.landmarks import Face, measure
from detectors.quality import FaceQuality, PictureQuality, levels_at
from settings.gaze import GazeLimits
from settings.models import ModelSettings

MAX_SIDE = 960  # pixels; a larger picture is made smaller first: the model sees the face at 192x192 in any case
FACE_EYES = 6  # a face is about six eyes wide

# Two irises move as one. Where they lie differently in their eyes by so many eye widths, the landmarks may lie beside the eyes, as on a masked
# face that is turned: the finder is asked for its ears and nose. Of 46 bare faces' looks aside by the eyes alone a third are asked of.
_EYES_APART = 0.15
_EYES_LOST = 0.35  # so far apart no two eyes are, and nobody need be asked: bare faces' looks aside reach 0.25
# Degrees of the finder's rough angle to a side from which it says so; of focused faces nine in ten lie within 6, nineteen in twenty within 9.
_OUTLINE_SAYS_DEG = 10.0
_SPEAKS_FOR_S = 1.0  # for so long before it a reading at rest speaks at most: so far apart the pictures are that are read of a calm student


@dataclass(frozen=True, slots=True)
class _Rest:
    """A person's rest: gaze and pitch in degrees, eye opening in eye widths. The defaults are the medians of focused people.

    `height` is `gaze_y` without its bound upwards: what is above it is looking up, also for who works at a monitor above the camera.
    `own` is the person's own pitch and eye opening, nobody else's in it; None until the lids were seen plainly open for as long as people's
    usual rest weighs.
    """

    gaze_x: float = 0.0
    gaze_y: float = 0.0
    height: float = 0.0
    pitch: float = -7.0
    eye_open: float = 0.26
    own: tuple[float, float] | None = None


class GazeDetector:
    """Read one person's gaze, picture after picture. Not thread-safe: one call at a time.

    `still=True` is for single pictures of anybody: each is read by itself, with no track and no baseline. `models` and a `finder` are to be
    shared by all detectors; without them each makes its own, the finder when it first misses a face.
    """

    def __init__(
        self, limits: GazeLimits | None = None, *, still: bool = False, finder: FaceFinder | None = None, models: FaceModels | None = None
    ) -> None:
        limits = limits or GazeLimits()
        self._limits = limits
        self._still = still
        self._aside_least = math.ceil(limits.gaze_aside_s / limits.gaze_rest_step_s)
        self._seen: deque[tuple[float, float, float]] = deque(maxlen=limits.gaze_rest_window)
        self._open: deque[float] = deque(maxlen=limits.gaze_rest_window)
        self._aside: deque[tuple[float, float]] = deque(maxlen=max(limits.gaze_rest_window, self._aside_least))
        self._aside_at = -math.inf
        self._learnt_at = self._restless_at = -math.inf
        self._up_at = -math.inf
        self._side_at = {"left": -math.inf, "right": -math.inf}
        self._rest = _Rest()
        self._models = models or open_face_models(limits if isinstance(limits, ModelSettings) else None)
        self._mesh = self._models.single(limits.face_confidence) if still else self._models.follow(limits.face_confidence)
        self._finder = finder
        self._own_finder: FaceFinder | None = None
        self._looked_at = -math.inf
        self._look_again = False

    def read(self, image: Picture, at: float) -> GazeReading:
        """Read one picture, uint8 of shape [h, w, 3] in BGR order, taken at `at` (s). Raises DetectorError if it is none or the model fails."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or min(image.shape[:2]) < 16:
            raise DetectorError(f"Gaze needs pictures of uint8 [h, w, 3], at least 16 pixels a side, got {image.dtype} {image.shape}.")
        height, width = image.shape[:2]
        small = _shrink(image, MAX_SIDE)
        low, bright, high = levels_at(small[::8, ::8, 1], 1, 95, 99)  # green is close to luminance
        shown = _stretch(small, low, high) if bright < self._limits.face_stretch_level else small
        try:
            points = self._mesh.read(shown)
            outline: Outline | None = None
            if points is None:
                points, outline = self._second_look(shown, at)
        except DetectorError:
            raise
        except Exception as error:  # LiteRT and MediaPipe raise whatever their C++ side names
            raise DetectorError(f"FaceMesh failed on a picture of {width}x{height}: {error}. It will be tried with the next one.") from error
        scale = width / small.shape[1]
        blank = GazeReading(at, "unknown", width=width, height=height)
        if points is None:
            return self._without_landmarks(blank, small, outline, scale)
        return self._with_landmarks(blank, image, shown, measure(points * scale, self._limits))

    def again(self, reading: GazeReading) -> GazeReading:
        """Judge the reading of a single picture by this detector's limits, for measuring what each does: by its numbers, without the picture.

        What no landmarks were found in, or was too poor to be read, stays as it is: the limits of that are not asked again.
        """
        numbers = reading.numbers
        if "eye_open" not in numbers or reading.direction in ("unknown", "none"):
            return reading
        read: dict[str, Any] = {name: numbers.get(name, numbers.get(f"{name}_deg", 0.0)) for name in Face.__dataclass_fields__}
        return replace(reading, direction=self._judge(Face(**read | {"eyes": (), "box": (0.0, 0.0, 0.0, 0.0)}), reading.at))

    def baseline(self) -> dict[str, float]:
        """The person's rest as learnt so far, for display: degrees, eye widths, and the share of it that is the person's own (0..1)."""
        return {
            "gaze_x_deg": round(self._rest.gaze_x, 2),
            "gaze_y_deg": round(self._rest.gaze_y, 2),
            "pitch_deg": round(self._rest.pitch, 2),
            "eye_open": round(self._rest.eye_open, 3),
            "learnt": round(len(self._seen) / (len(self._seen) + self._limits.gaze_rest_prior), 2),
        }

    def reset(self) -> None:
        """Forget the person, track and rest: the next picture is the first of another one."""
        self._mesh.reset()
        for kept in (self._seen, self._open, self._aside):
            kept.clear()
        self._learnt_at = self._restless_at = self._looked_at = self._up_at = self._aside_at = -math.inf
        self._side_at = {"left": -math.inf, "right": -math.inf}
        self._look_again = False
        self._rest = _Rest()

    def let_go(self) -> None:
        """The face that is followed is none of the person's: look for another, the largest. The rest stays."""
        self._mesh.reset()

    def close(self) -> None:
        """Give the models back. The detector can't read after it."""
        self._mesh.close()
        if self._own_finder is not None:
            self._own_finder.close()

    def _second_look(self, image: Picture, at: float) -> tuple[Points | None, Outline | None]:
        """Look for a small, noisy or turned face; not in every picture while there is none."""
        if not self._still and not self._look_again and 0 <= at - self._looked_at < self._limits.face_second_look_s:
            return None, None
        if self._finder is None:
            self._finder = self._own_finder = FaceFinder(self._limits, self._models)
        points, outline = self._finder.look(image)
        self._looked_at = at
        self._look_again = points is not None or outline is not None
        return points, outline

    def _without_landmarks(self, blank: GazeReading, image: Picture, outline: Outline | None, scale: float) -> GazeReading:
        limits = self._limits
        self._restless(blank.at)
        poor = PictureQuality(image).why_no_face(limits)
        if outline is None:
            return replace(blank, direction="unknown" if poor else "none", reason=poor)
        x1, y1, x2, y2 = (value * scale for value in outline.box)
        seen = replace(blank, box=Box(x1, y1, x2, y2, outline.confidence), numbers={"yaw_deg": round(outline.yaw, 1)})
        if x2 - x1 < FACE_EYES * limits.eye_min_px:
            return replace(seen, reason="small")
        if (
            not poor
            and outline.confidence >= limits.face_outline_confidence
            and abs(outline.yaw) >= limits.face_outline_turn * limits.gaze_turned_deg
        ):
            if self._is_usual(outline.yaw, 0.0, blank.at):
                return replace(seen, reason="aside")
            side: Direction = "left" if outline.yaw > 0 else "right"
            return replace(seen, reason="hidden") if self._is_swapped(side, blank.at) else replace(seen, direction=side)
        return replace(seen, reason=poor or "hidden")

    def _with_landmarks(self, blank: GazeReading, image: Picture, shown: Picture, face: Face) -> GazeReading:
        quality = FaceQuality.of(image, face)
        reason: str = quality.why_unread(self._limits, face.yaw)
        numbers = {
            "yaw_deg": face.yaw,
            "pitch_deg": face.pitch,
            "roll_deg": face.roll,
            "iris_x": face.iris_x,
            "iris_y": face.iris_y,
            "eye_open": face.eye_open,
            "gaze_x_deg": face.gaze_x - self._rest.gaze_x,
            "gaze_y_deg": face.gaze_y - self._rest.gaze_y,
            **self._against_own(face),
            "level": quality.level,
            "sharpness": quality.sharpness,
            "eye_contrast": quality.eye_contrast,
        }
        direction: Direction = "unknown" if reason else self._judge(face, blank.at)
        if reason:
            self._restless(blank.at)
        elif not self._still:
            self._learn(face, blank.at)
        if direction in ("left", "right") and self._is_doubtful(shown, face, direction, blank.at):
            direction, reason = "unknown", "hidden"
        if direction in ("left", "right", "down") and self._is_usual(face.gaze_x, face.gaze_y, blank.at):
            direction, reason = "unknown", "aside"
        box = Box(*face.box, confidence=1.0)
        return replace(blank, direction=direction, reason=reason, box=box, numbers={name: round(value, 3) for name, value in numbers.items()})

    def _judge(self, face: Face, at: float) -> Direction:
        return self._head_says(face) or self._eyes_say(face, at)

    def _head_says(self, face: Face) -> Direction | None:
        """Where a head points that is turned or bowed so far that its eyes are seen badly; None of any other."""
        limits = self._limits
        if abs(face.yaw) >= limits.gaze_turned_deg:
            return "left" if face.yaw > 0 else "right"
        return "down" if face.pitch - max(self._rest.pitch, _Rest().pitch) >= limits.gaze_bowed_deg else None

    def _eyes_say(self, face: Face, at: float) -> Direction:
        rest, usual, limits = self._rest, _Rest(), self._limits
        # A rest excuses and never accuses: who has looked to one side for minutes may look to the other as far as anybody.
        side = min((face.gaze_x - rest.gaze_x) / limits.gaze_side_deg, (face.gaze_x - usual.gaze_x) / limits.gaze_side_deg, key=abs)
        down = min(face.gaze_y - rest.gaze_y, face.gaze_y - usual.gaze_y) / limits.gaze_down_deg
        above = (rest.height - face.gaze_y) / limits.gaze_down_deg
        bowed = max(0.0, face.pitch - rest.pitch - limits.eyes_shut_from_deg)
        if face.eye_open * _Rest().eye_open / rest.eye_open < limits.eyes_shut - limits.eyes_shut_per_deg * bowed:
            return "closed"
        if max(abs(side), down) < 1:
            return "focused"
        # Who thinks looks up, and the rules know no such looking away: a look that is more up than aside is none of left and right.
        aside = 1.0 if at - self._up_at > limits.gaze_up_s else limits.gaze_up_aside
        if above * aside > abs(side):
            self._up_at = -math.inf if self._still else at
            return "focused"
        if down > abs(side):
            return "down"
        return "left" if side > 0 else "right"

    def _is_doubtful(self, shown: Picture, face: Face, direction: Direction, at: float) -> bool:
        """May a look to the side be none, or one to the other side, because the landmarks lie where the face is not?

        They do where a mask hides what they hang on, and in profile: they are drawn as of a head that is turned less, with eyes beside the eyes.
        """
        limits = self._limits
        sign = 1 if direction == "left" else -1
        if self._is_swapped(direction, at) or sign * face.yaw <= -limits.gaze_against_deg:
            return True
        is_profile = abs(face.yaw) >= limits.gaze_profile_deg
        if not is_profile:
            if abs(face.yaw) >= limits.gaze_turned_deg or face.eyes_apart < _EYES_APART:
                return False
            if face.eyes_apart >= _EYES_LOST:
                return True
        outline = self._outline(shown)
        # Of a profile the finder must say the same; of eyes, which it does not see, not the opposite.
        return outline is None or sign * outline.yaw < (_OUTLINE_SAYS_DEG if is_profile else -_OUTLINE_SAYS_DEG)

    def _is_swapped(self, side: Direction, at: float) -> bool:
        """Was a look to the opposite side read just now?"""
        other = self._side_at["right" if side == "left" else "left"]
        self._side_at[side] = at
        return not self._still and 0 <= at - other < self._limits.gaze_swap_s

    def _outline(self, shown: Picture) -> Outline | None:
        """What the finder says of a face whose landmarks are doubted, in the picture that they were drawn in: brightened where it is dark."""
        if self._finder is None:
            self._finder = self._own_finder = FaceFinder(self._limits, self._models)
        try:
            return self._finder.look(shown)[1]
        except DetectorError:
            raise
        except Exception as error:  # it raises whatever its C++ side names
            height, width = shown.shape[:2]
            raise DetectorError(f"The face finder failed on a picture of {width}x{height}: {error}. It will be tried with the next one.") from error

    def _learn(self, face: Face, at: float) -> None:
        """Let the rest follow the person: the median of what may be rest at all, mixed with the population's, within bounds."""
        limits = self._limits
        # Only what counts as focused for anybody may become the rest: who looks away from the very start does not teach it that.
        # Upwards that is whatever can be read: who works at a monitor above the camera looks there all the time, who thinks does not.
        near = abs(face.gaze_x) < limits.gaze_side_deg and -limits.gaze_turned_deg < face.gaze_y < limits.gaze_down_deg
        if not near or abs(face.yaw) >= limits.gaze_turned_deg or face.eye_open < limits.eyes_shut:
            self._restless(at)
            return
        times = self._rest_steps(at)
        if not times:
            return
        self._seen.extend([(face.gaze_x, face.gaze_y, face.pitch)] * times)
        if face.eye_open >= limits.gaze_rest_open * limits.eyes_shut:  # nearly shut lids say where the eyes look, not how far they open
            self._open.extend([face.eye_open] * times)
        own, own_open = (len(kept) / (len(kept) + limits.gaze_rest_prior) for kept in (self._seen, self._open))
        usual = _Rest()
        x, y, pitch = own * np.median(np.array(self._seen), axis=0) + (1 - own) * np.array([usual.gaze_x, usual.gaze_y, usual.pitch])
        eye_open = own_open * float(np.median(self._open)) + (1 - own_open) * usual.eye_open if self._open else usual.eye_open
        self._rest = _Rest(
            gaze_x=float(np.clip(x, -limits.gaze_rest_side_deg, limits.gaze_rest_side_deg)),
            gaze_y=float(np.clip(y, -limits.gaze_rest_up_deg, limits.gaze_rest_down_deg)),
            height=min(float(y), limits.gaze_rest_down_deg),
            pitch=float(pitch),
            eye_open=float(np.clip(eye_open, limits.eyes_rest_least, limits.eyes_rest_most)),
            own=self._own_rest(),
        )

    def _restless(self, at: float) -> None:
        """What was read at `at` is no rest."""
        self._restless_at = max(self._restless_at, at)  # pictures that were left out are read after a later one

    def _rest_steps(self, at: float) -> int:
        """For how many steps a reading at rest speaks: where calm pictures before it were left out, for those as well, as if they had been read."""
        step = self._limits.gaze_rest_step_s
        passed = at - self._learnt_at
        if passed < step:
            return 0
        follows = self._restless_at < self._learnt_at
        times = min(int(passed / step), max(1, round(_SPEAKS_FOR_S / step))) if follows else 1
        # on the beat, for readings come a little late, and a minute of them is to be a minute
        self._learnt_at = at if passed >= (times + 1) * step else self._learnt_at + times * step
        return times

    def _own_rest(self) -> tuple[float, float] | None:
        # Of whose lids rest low nobody can say that shut ones are anything else than that rest.
        if len(self._open) < self._limits.gaze_rest_prior or np.median(self._open) <= self._limits.eyes_rest_least:
            return None
        return float(np.median([pitch for _, _, pitch in self._seen])), float(np.median(self._open))

    def _against_own(self, face: Face) -> dict[str, float]:
        """How much lower the head is than at the person's own rest, and how far the lids are open, as a share of it."""
        return {} if self._rest.own is None else {"bowed_deg": face.pitch - self._rest.own[0], "lids_open": face.eye_open / self._rest.own[1]}

    def _is_usual(self, gaze_x: float, gaze_y: float, at: float) -> bool:
        """Is a look aside this person's only one so far? Of who never looked at the camera's screen nobody knows where the screen stands.

        Whoever was at rest for GAZE_REST_PRIOR readings has shown where it is, and is never excused by this.
        """
        limits = self._limits
        if self._still or len(self._seen) >= limits.gaze_rest_prior:
            return False
        if at - self._aside_at >= limits.gaze_rest_step_s:
            # on the beat, for readings come a little late, and a minute of them is to be a minute
            self._aside_at = at if at - self._aside_at >= 2 * limits.gaze_rest_step_s else self._aside_at + limits.gaze_rest_step_s
            self._aside.append((gaze_x, gaze_y))
        if len(self._aside) < self._aside_least:
            return False
        x, y = np.median(np.array(self._aside), axis=0)
        return bool(abs(gaze_x - x) < limits.gaze_side_deg and abs(gaze_y - y) < limits.gaze_down_deg)


def lowered_to_phone(gaze: GazeReading, phones: Sequence[Box], limits: GazeLimits) -> GazeReading:
    """The same reading, `down` instead of `closed` where one of `phones` lies below the eyes: lids that look shut are lowered to it.

    Of somebody who reads a phone at a level head the camera sees no pupil, and the landmarks of the lids are those of closed eyes; what
    is in the hands tells the two apart. Boxes are in pixels of the same view.
    `numbers` gets the phone's confidence as `phone`.
    """
    if gaze.direction != "closed" or gaze.box is None:
        return gaze
    eyes = gaze.box.y1 + limits.eyes_in_box * gaze.box.height
    phone = max((box.confidence for box in phones if (box.y1 + box.y2) / 2 > eyes), default=0.0)
    return replace(gaze, direction="down", numbers=dict(gaze.numbers) | {"phone": round(phone, 3)}) if phone else gaze


def _shrink(image: Picture, max_side: int) -> Picture:
    scale = max_side / max(image.shape[:2])
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _stretch(image: Picture, low: float, high: float) -> Picture:
    """Spread the levels from low to high of a dark or flat picture over the range, the same for all colours."""
    gain = 230.0 / max(high - low, 8.0)
    return np.asarray(cv2.convertScaleAbs(cv2.subtract(image, (low, low, low, 0)), alpha=gain), dtype=np.uint8)
