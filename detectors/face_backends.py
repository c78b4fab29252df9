"""Opens what reads faces: LiteRT or MediaPipe's graph, as GAZE_BACKEND says and as the machine can."""

from __future__ import annotations

from basics.errors import DetectorError
from basics.texts import joined
from detectors.face_models import FaceModels
from detectors.model_files import MODELS, face_backend, find_model
from settings.models import ModelSettings


def open_face_models(settings: ModelSettings | None = None) -> FaceModels:
    """The models that GAZE_BACKEND names, or that this machine can run. DetectorError that says what is missing and how to mend it."""
    settings = settings or ModelSettings()
    backend, note = face_backend(settings)
    if backend is None:
        raise DetectorError(note, field="gaze_backend")
    if backend == "mediapipe":
        from detectors.mediapipe_faces import MediaPipeFaces

        return MediaPipeFaces()
    from detectors.mesh import LiteFaces

    found = {model.name: find_model(model, settings) for model in MODELS if model.packaged}
    paths = {name: path for name, (path, _note) in found.items() if path}
    if len(paths) < len(found):
        raise DetectorError(joined(" ", [note for _path, note in found.values() if note]), field="models_dir")
    try:
        return LiteFaces(paths["mesh"], paths["face_near"], paths["face_far"])
    except (OSError, ValueError, RuntimeError) as error:  # LiteRT's own
        raise DetectorError(f"LiteRT can't run the models of faces in {paths['mesh'].parent}: {error}. Set GAZE_BACKEND=mediapipe.") from error
