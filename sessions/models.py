"""The detectors' models, loaded once for all sessions, behind the server's start."""

from __future__ import annotations

import logging
import threading

import cv2

from audiodetector import AudioDetector
from basics.errors import DetectorError
from basics.texts import _, joined
from detectors.face_backends import open_face_models
from detectors.face_models import FaceModels
from detectors.faces import FaceFinder
from detectors.model_files import find_models
from detectors.sound_models import AudioModels
from face_detector import PersonsModel
from sessions.failures import Failures
from settings.settings import Settings

log = logging.getLogger(__name__)


class Models:
    """The models that all sessions share. They load behind the server's start; `persons` and `audio` are None until then."""

    def __init__(self) -> None:
        self.persons: PersonsModel | None = None
        self.audio: AudioModels | None = None
        self._settings: Settings | None = None
        self._face_models: FaceModels | None = None
        self._faces: FaceFinder | None = None
        self._lock = threading.Lock()
        self.notes: list[str] = []
        self.loaded = threading.Event()
        self.failed = False  # to load
        self.failures = Failures()

    @property
    def face_models(self) -> FaceModels:
        """The models of faces that all sessions share, opened when the first one needs them. DetectorError where there are none."""
        with self._lock:
            if self._face_models is None:
                self._face_models = open_face_models(self._settings)
            return self._face_models

    def _faces_for(self, backend: str) -> FaceModels | None:
        """The models of faces where they can be had; DetectorError without them only where faces are all that is counted."""
        try:
            return self.face_models
        except DetectorError:
            if backend == "facemesh":
                raise
            return None

    @property
    def faces(self) -> FaceFinder:
        """The face finder that all sessions share, made when the first session needs it."""
        models = self.face_models
        with self._lock:
            if self._faces is None:
                self._faces = FaceFinder(self._settings, models)
            return self._faces

    def close(self) -> None:
        """Free what has threads of its own."""
        with self._lock:
            if self._faces is not None:
                self._faces.close()
            self._faces = self._face_models = None
        if self.persons is not None:
            self.persons.close()

    def load(self, settings: Settings) -> None:
        """Load what there is. What is missing is said in `notes`, and the rest goes on without it."""
        cv2.setNumThreads(1)
        self._settings = settings
        files = find_models(settings)
        self.notes = list(files.notes)
        try:
            backend = settings.detector_backend if files.yolo or settings.detector_backend != "onnx" else "facemesh"
            self.persons = PersonsModel(files.yolo, backend, settings, self._faces_for(backend), files.second)
        except DetectorError as error:
            self.notes.append(joined(" ", [error.message, _("Faces are counted by MediaPipe until then.")]))
            log.exception("persons model")
            self.persons = PersonsModel(None, "facemesh", settings, self.face_models)
        try:
            folder = files.speaker.parent if files.speaker else settings.models_dir
            self.audio = AudioModels(folder)
            self.notes.extend(note for note in self.audio.notes if note not in self.notes)
        except DetectorError as error:
            self.notes.append(error.message)
            log.exception("sound models")
        for note in self.notes:
            log.warning("%s", note)
        self.loaded.set()

    def audio_detector(self) -> AudioDetector | None:
        """A sound detector for one session; None while or where there are no models for it."""
        if self.audio is None or self._settings is None:
            return None
        return AudioDetector(self.audio, self._settings)
