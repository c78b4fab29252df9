"""Reads one session's pictures and sound with the detectors: decides what is due, and turns every failure into `unknown`."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from audiodetector import AudioDetector
from basics.errors import ProctorError
from basics.readings import AudioReading, GazeReading, PersonsReading, Sound
from detectors.quality import PictureQuality
from face_detector import PersonsModel
from gaze_direction import GazeDetector, lowered_to_phone
from media.pictures import LeftOut, Picture
from sessions.camera_view import CameraView
from sessions.living import Living, holds
from sessions.models import Models
from sessions.pace import Pace
from sessions.repeats import RepeatedImages
from sessions.still_view import StillView
from settings.settings import Settings

log = logging.getLogger(__name__)

REMAKE_AFTER = 3  # failures one after the other: a MediaPipe graph that failed once fails at every picture after it
# By which a camera's pictures may differ in shape, for their sizes are rounded; another mode of it, or another camera, differs more
SAME_ASPECT = 0.05
POOR = ("blurred", "dark")  # pictures in which somebody may be there who is not found, where nobody was before
WAITING_MAX_S = 120.0  # of sound that waits to be read: models load in seconds, and where there are none nothing will ever read it
WAITING_MAX = 2400  # stretches of it, however short: pages send ten a second at the most


@dataclass(slots=True)
class PictureReadings:
    """What one picture gave. `problem` says why it could not be read at all; `loop_s` how long the loop is that it seems to be of.

    `denied`: the student's page says that its camera stands still, and its pictures move.
    """

    at: float
    gaze: GazeReading
    persons: PersonsReading | None = None
    frozen: bool = False
    problem: str = ""
    loop_s: float | None = None
    denied: bool = False


class PictureAnalyst:
    """Reads one session's pictures, in the order of their times, from one thread at a time."""

    def __init__(self, models: Models, settings: Settings, *, gives_new: bool = False) -> None:
        """`gives_new`: no picture comes twice, however alike two are."""
        self._models = models
        self._settings = settings
        self.pace = Pace(settings)
        self._still_s = settings.still_s
        self._frozen_s = settings.frozen_s
        self._phone_s = settings.eyes_phone_looks * settings.face_interval_s
        self._gaze: GazeDetector | None = None
        self._gaze_failed = 0  # times, one after the other
        self._calm: PictureReadings | None = None  # the newest picture's, where it found nothing
        self._look: PersonsReading | None = None
        self.view = StillView(gives_new=gives_new)
        self._camera = CameraView()
        self._living = Living()
        self._nobody: bool | None = None  # whether a picture that stands still shows an empty chair; None until it was looked at
        self._repeats = RepeatedImages()
        self._failures = models.failures
        self._camera_name = ""
        self._aspect = 0.0  # width by height of the newest picture
        self._is_other = threading.Event()  # pictures come from another camera now

    def camera_named(self, name: str) -> None:
        """What the camera is called whose pictures come from now on. May be called from any thread."""
        if self._camera_name not in ("", name):
            self._is_other.set()
        self._camera_name = name

    def _meet(self, image: npt.NDArray[np.uint8]) -> None:
        """Forget what was learnt of a camera before this one: how it hangs, its border and room, and where the student's rest is seen from it."""
        aspect, before = image.shape[1] / image.shape[0], self._aspect
        self._aspect = aspect
        reshaped = before > 0 and abs(aspect / before - 1) > SAME_ASPECT
        if not reshaped and not self._is_other.is_set():
            return
        self._is_other.clear()
        self._camera, self._living, self._calm = CameraView(), Living(), None
        self.view.forget_room()
        if self._gaze is not None:
            self._gaze.reset()

    @property
    def next_at(self) -> float:
        """The time on the session's clock from which a picture is wanted."""
        return self.pace.next_at

    def unreadable(self, at: float, problem: str) -> PictureReadings:
        """What is said of a picture that can't be decoded."""
        self._begin(at)
        return PictureReadings(at, GazeReading(at, "unknown", "unreadable"), problem=problem)

    def _begin(self, at: float) -> None:
        self._calm = None
        self.pace.wake(at)
        self.pace.beat(at)

    def failed(self, at: float, error: Exception, session_id: str) -> PictureReadings:
        """What is said of a picture whose decoding or reading failed in a way that nobody foresaw."""
        self._begin(at)
        self._failures.note("pictures", error, session_id)
        persons = PersonsReading(at, None, None, "error") if self._models.persons is not None and self.pace.look_is_due(at) else None
        return PictureReadings(at, GazeReading(at, "unknown", "error"), persons)

    def read_since(self, picture: Picture, left_out: Sequence[LeftOut], late: float, session_id: str) -> list[PictureReadings]:
        """Read the newest picture, and where something is found in it those before it that were `left_out`; in the order of their times.

        `late` is for how many seconds it was due. Where nothing is found the pictures left out are said to show what the one before them
        showed; each says so by the number `left_out`.
        """
        before = self._calm
        found = self.read(picture, session_id)
        if not self.pace.adapts:
            return [found]
        self._calm = found if self.pace.is_calm(found.gaze) else None
        if self._calm is not None:
            self.pace.rest(picture.at, late, picture.key_at)
        if before is None:
            return [found]
        if self._calm is not None:
            gaze = before.gaze
            numbers = dict(gaze.numbers) | {"left_out": 1.0}
            earlier = (one.at for one in left_out if one.at > before.at)
            return [*(replace(before, at=at, gaze=replace(gaze, at=at, numbers=numbers), persons=None) for at in earlier), found]
        due = self.pace.next_at
        read_late = [self._read_late(one, session_id) for one in left_out if one.at > before.at]
        self.pace.next_at = due
        return [*read_late, found]

    def _read_late(self, one: LeftOut, session_id: str) -> PictureReadings:
        """Read a picture that was left out after all."""
        try:
            return self.read(one.picture(), session_id)
        except ProctorError as error:
            return self.unreadable(one.at, error.message)
        except Exception as error:
            return self.failed(one.at, error, session_id)

    def read(self, picture: Picture, session_id: str) -> PictureReadings:
        """Read one picture: gaze always, persons when they are due. A detector that raises is `unknown`, and its failure noted."""
        at, image = picture.at, picture.image
        self.pace.beat(at)
        self._meet(image)
        still = self.view.take(image, at, self._still_s)
        if self.view.since is not None:
            return self._still(image, at, still, session_id)
        self._nobody = None
        view = self._camera.of(image, at)
        gaze = self._of_somebody(view, self._read_gaze(view, at, session_id))
        if gaze.box is not None and self.view.is_lifeless(at):  # a picture of somebody, sent again and again
            height, width = image.shape[:2]
            gaze = GazeReading(at, "unknown", "frozen", width=width, height=height)
            return PictureReadings(at, gaze, self._due_look(at, "frozen", width, height), frozen=True)
        if gaze.reason in POOR and gaze.box is None and self.view.is_left(view):
            gaze = replace(gaze, direction="none", reason="")
        persons = None
        if self._models.persons is not None and self.pace.look_is_due(at):
            persons = self._look = self._look_at(self._models.persons, view, gaze, session_id)
            self.view.learn_room(view, persons.persons)
            gaze = self._of_somebody(view, gaze)
        if self._look is not None and at - self._look.at < self._phone_s:
            gaze = lowered_to_phone(gaze, self._look.phones, self._settings)
        gaze, persons = self._camera.told(gaze, persons)
        return PictureReadings(at, gaze, persons, loop_s=self._repeats.take(image, at), denied=self.view.denied)

    def _still(self, image: npt.NDArray[np.uint8], at: float, still: float, session_id: str) -> PictureReadings:
        """What is said of a picture that stands still: the same again is no second look at anything, but an empty chair is one for ever."""
        height, width = image.shape[:2]
        reason = self._why_still(image)
        if reason == "frozen" and self._is_empty(image, at, session_id):
            persons = PersonsReading(at, 0, None, width=width, height=height) if self.pace.look_is_due(at) else None
            return PictureReadings(at, GazeReading(at, "none", width=width, height=height), persons)
        gaze = GazeReading(at, "unknown", reason, width=width, height=height)
        frozen = reason == "frozen" and (self.view.told_frozen or still >= self._frozen_s)
        # The next picture of a slow camera is to be looked at as soon as it comes; of one that stands still nothing comes.
        is_slow = not self.view.told_frozen and still < self._settings.face_interval_s
        return PictureReadings(at, gaze, None if is_slow else self._due_look(at, reason, width, height), frozen=frozen)

    def _why_still(self, image: npt.NDArray[np.uint8]) -> str:
        """Of a covered lens or a dark room, too, one picture is like the other: H.264 leaves the noise out, and some cameras do."""
        why = PictureQuality(image).why_blank(self._settings)
        # The student's page compares what its camera gives, noise and all: of a dark room it knows better.
        return why if why == "covered" or (why == "dark" and not self.view.told_frozen) else "frozen"

    def _is_empty(self, image: npt.NDArray[np.uint8], at: float, session_id: str) -> bool:
        """Is this picture of a known room, of which new ones come all the while, one of nobody? Looked at once, for it stays the same.

        Two looks must agree, as of pictures that move; the second is at its mirror image, since another look at the same would see the same.
        """
        if self._models.persons is None or not self.view.gives_new:
            self._nobody = None
            return False
        if self._nobody is None:
            view = self._camera.of(image, at)
            self._nobody = self.view.is_known_room(view) and all(
                self._shows_nobody(self._models.persons, one, at, session_id) for one in (view, np.ascontiguousarray(view[:, ::-1]))
            )
        return self._nobody

    def _shows_nobody(self, model: PersonsModel, image: npt.NDArray[np.uint8], at: float, session_id: str) -> bool:
        """Blurred is no doubt here: somebody was seen well before this very background."""
        persons = self._read_persons(model, image, GazeReading(at, "none"), session_id)
        if persons.persons or (persons.count is None and persons.reason != "blurred"):
            return False
        try:
            points, outline = self._models.faces.look(image)
        except Exception as error:
            self._failures.note("gaze", error, session_id)
            return False
        return points is None and outline is None

    def _due_look(self, at: float, reason: str, width: int, height: int) -> PersonsReading | None:
        """The look that was due at a picture that stands still: nobody can tell who is there."""
        if self._models.persons is None or not self.pace.look_is_due(at):
            return None
        return PersonsReading(at, None, None, reason, width=width, height=height)

    def _read_gaze(self, image: npt.NDArray[np.uint8], at: float, session_id: str) -> GazeReading:
        try:
            if self._gaze is None:
                self._gaze = GazeDetector(self._settings, finder=self._models.faces, models=self._models.face_models)
            reading = self._gaze.read(image, at)
        except Exception as error:
            self._failures.note("gaze", error, session_id)
            self._gaze_failed += 1
            if self._gaze_failed % REMAKE_AFTER == 0:
                self._close_gaze()
            return GazeReading(at, "unknown", "error")
        self._gaze_failed = 0
        return reading

    def _of_somebody(self, view: npt.NDArray[np.uint8], gaze: GazeReading) -> GazeReading:
        """The reading, where the face that was read is no picture on the wall, which shows no face of the student's."""
        if not self._living.is_of_room(view, gaze):
            return gaze
        if self._gaze is not None and self._look is not None and self._look.count:
            self._gaze.let_go()  # the student is in view, and is to be found again
        return GazeReading(gaze.at, "none", width=gaze.width, height=gaze.height)

    def _look_at(self, model: PersonsModel, view: npt.NDArray[np.uint8], gaze: GazeReading, session_id: str) -> PersonsReading:
        """Look who is in a view, and which way up it is. Of who looks at the screen, and nothing moves, the last look tells."""
        calm = gaze.direction == "focused" and not self._camera.doubtful  # a sign that it is turned is forgotten by further looks alone
        if calm and self._look is not None and self.pace.looks_the_same(view, gaze.at, self._look):
            return replace(self._look, at=gaze.at)
        self.pace.looked(view, gaze.at)
        persons = self._living.look(view, gaze, self._read_persons(model, view, gaze, session_id))
        if persons.reason in POOR and gaze.direction == "none" and self.view.is_left(view):
            persons = replace(persons, count=0, reason="")
        if self._gaze is not None and gaze.box is not None and persons.persons and not any(holds(one, gaze.box) for one in persons.persons):
            self._gaze.let_go()  # it follows the face of nobody who is seen
        try:
            return self._camera.look(view, gaze, persons, self._models.faces)
        except Exception as error:
            self._failures.note("gaze", error, session_id)
            return persons

    def _read_persons(self, model: PersonsModel, image: npt.NDArray[np.uint8], gaze: GazeReading, session_id: str) -> PersonsReading:
        try:
            return model.look(image, gaze.at, gaze)
        except Exception as error:
            self._failures.note("persons", error, session_id)
            return PersonsReading(gaze.at, None, None, "error")

    def baseline(self) -> dict[str, float]:
        """The person's own rest, for the session's details; empty until it is learnt."""
        gaze = self._gaze  # closed by another thread when the session ends
        return dict(gaze.baseline()) if gaze is not None else {}

    def close(self) -> None:
        """Free the face mesh and what was kept of pictures."""
        self._look, self._calm, self._repeats, self._living = None, None, RepeatedImages(), Living()
        self.view.close()
        self._close_gaze()

    def _close_gaze(self) -> None:
        """Free the face mesh. One that failed says so again, and is freed all the same."""
        gaze, self._gaze = self._gaze, None
        if gaze is not None:
            try:
                gaze.close()
            except Exception as error:
                log.debug("a detector that had failed is closed: %s", error)


@dataclass(slots=True)
class SoundAnalyst:
    """Reads one session's sound in the order of its times. Sound waits here until the models are loaded, within `WAITING_MAX_S` and `WAITING_MAX`."""

    models: Models
    _waiting: deque[Sound] = field(default_factory=deque)
    _waiting_s: float = 0.0
    _detector: AudioDetector | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, sound: Sound) -> None:
        """Queue sound to be read. Where nothing reads it, the oldest goes: it stays unknown."""
        self._waiting.append(sound)
        self._waiting_s += sound.duration
        while (self._waiting_s > WAITING_MAX_S or len(self._waiting) > WAITING_MAX) and len(self._waiting) > 1:
            with contextlib.suppress(IndexError):  # it is being read just now
                self._waiting_s -= self._waiting.popleft().duration

    @property
    def waiting(self) -> int:
        """How many stretches of sound wait."""
        return len(self._waiting)

    def read(self, session_id: str, *, finish: bool = False) -> list[AudioReading]:
        """Read all that waits; with `finish`, also what the detector still held back."""
        readings: list[AudioReading] = []
        with self._lock:
            try:
                self._detector = self._detector or self.models.audio_detector()
            except Exception as error:
                self.models.failures.note("sound", error, session_id)
            if self._detector is None:
                return readings
            while self._waiting:
                try:
                    sound = self._waiting.popleft()
                except IndexError:
                    break  # it waited for too long, and went in that moment
                self._waiting_s -= sound.duration
                try:
                    readings.extend(self._detector.take(sound))
                except Exception as error:
                    self.models.failures.note("sound", error, session_id)
                    readings.append(AudioReading(sound.at, sound.duration, voices=None, reason="error"))
                    self._detector = self.models.audio_detector() or self._detector
            if finish:
                try:
                    readings.extend(self._detector.finish())
                except Exception as error:
                    self.models.failures.note("sound", error, session_id)
        return readings

    def close(self) -> None:
        """Forget what was heard and whose voice it was: nothing of it outlives the session."""
        with self._lock:
            self._waiting.clear()
            self._detector = None
