"""The networks behind `AudioDetector`. Sound in, numbers out, no rules.

Silero for speech, pyannote's for who speaks, CAM++ for whose voice it is, YAMNet for what else it is.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kaldi_native_fbank
import numpy as np
import numpy.typing as npt

from basics.errors import DetectorError
from basics.readings import SAMPLE_RATE
from basics.texts import _, with_values
from detectors.runtime import open_lite, open_model

Floats = npt.NDArray[np.float32]

SILERO_FILE = "silero_vad_16k_sequence.onnx"
SPEAKER_FILE = "campplus_zh_en_192.onnx"
OVERLAP_FILE = "pyannote_seg3.onnx"
SOUNDS_FILE = "yamnet.tflite"

BLOCK = 512  # samples Silero reads at a time at 16 kHz (32 ms)
PAST = 64  # samples of the block before that it wants in front
FRAME = 270  # samples between two frames of the overlap model (its SincNet's stride)
HOP = 160  # samples between two log-mel frames (10 ms), kaldi's default
MEL_BINS = 80
SECOND = 15_600  # samples that YAMNet judges at once, 0.975 s


class AudioModels:
    """The models all sessions share. `notes` says in words what is missing and what that means."""

    def __init__(self, models_dir: Path, sounds: Path | None = None) -> None:
        """Load what is there, `sounds` from where it is named. Raise `DetectorError` without Silero."""
        self.notes: list[str] = []
        self.vad = open_model(silero_path())
        speaker_path = self._file(
            models_dir / SPEAKER_FILE,
            _("The speaker model %(file)s is not in %(folder)s: how many voices speak is unknown. Run ./setup.sh to make it."),
        )
        overlap_path = self._file(
            models_dir / OVERLAP_FILE,
            _("The overlap model %(file)s is not in %(folder)s: how many voices speak is unknown. Run ./setup.sh to make it."),
        )
        self.speaker = SpeakerModel(speaker_path) if speaker_path and overlap_path else None
        self.overlap = OverlapModel(overlap_path) if overlap_path else None
        self.sounds = self._sounds(sounds or models_dir / SOUNDS_FILE)

    @property
    def tells_voices(self) -> bool:
        """Whether several voices can be told apart."""
        return self.speaker is not None and self.overlap is not None

    def _sounds(self, path: Path) -> SoundModel | None:
        """What tells other sounds from speech; None where there is no file (whoever looks for models says so) or no LiteRT."""
        if not path.is_file():
            return None
        try:
            return SoundModel(path)
        except (ImportError, ValueError, RuntimeError) as error:
            self.notes.append(
                _("The sound model %(file)s can't be used (%(reason)s): coughs may be taken for speech.", file=path.name, reason=str(error)[:200])
            )
            return None

    def _file(self, path: Path, missing: str) -> Path | None:
        if path.is_file():
            return path
        self.notes.append(with_values(missing, file=path.name, folder=path.parent))
        return None


def silero_path() -> Path:
    """Silero's ONNX file inside its wheel: the one that reads many blocks in a call, with the same result as one by one at under half the cost.

    The package itself is not imported: that would need torch.
    """
    spec = importlib.util.find_spec("silero_vad")
    places = list(spec.submodule_search_locations or []) if spec else []
    for place in places:
        path = Path(place) / "data" / SILERO_FILE
        if path.is_file():
            return path
    name, command = f"silero_vad/data/{SILERO_FILE}", "pip install --no-deps silero-vad==6.2.3"
    raise DetectorError(_("Silero's model %(file)s was not found; install it with: %(command)s", file=name, command=command))


@dataclass(slots=True)
class SpeechModel:
    """Silero over one run of sound: what it remembers of the blocks so far is its state."""

    session: Any
    _hidden: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((1, 1, 128), np.float32))
    _cell: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((1, 1, 128), np.float32))

    def read(self, blocks: npt.NDArray[np.float32]) -> list[float]:
        """The probability of speech, 0..1, in each of the next blocks: float32 of shape [n, PAST + BLOCK], -1..1, in order."""
        output, self._hidden, self._cell = self.session.run(None, {"input": blocks, "h": self._hidden, "c": self._cell})
        return [float(probability) for probability in output]


class SpeakerModel:
    """The speaker embedding. Thread-safe: holds the model only."""

    def __init__(self, path: Path) -> None:
        self._session = open_model(path)
        self._options = kaldi_native_fbank.FbankOptions()
        self._options.frame_opts.dither = 0  # the same sound gives the same numbers
        self._options.frame_opts.samp_freq = SAMPLE_RATE
        self._options.mel_opts.num_bins = MEL_BINS

    def features(self, sound: Floats) -> Floats:
        """Log-mel energies `[n, 80]`, a row each 10 ms, of `sound` (float32, -1..1)."""
        bank = kaldi_native_fbank.OnlineFbank(self._options)
        bank.accept_waveform(SAMPLE_RATE, sound.tolist())
        bank.input_finished()
        return np.array([bank.get_frame(row) for row in range(bank.num_frames_ready)], dtype=np.float32).reshape(-1, MEL_BINS)

    def embed(self, features: Floats) -> Floats:
        """The voice's direction, float32 `[192]` of length 1, from log-mel rows `[n, 80]` of speech."""
        centred = features - features.mean(axis=0)  # takes the microphone's and the room's colour out
        vector = np.asarray(self._session.run(None, {"feats": centred[None]})[0][0], dtype=np.float32)
        return np.asarray(vector / np.float32(max(float(np.linalg.norm(vector)), 1e-9)), dtype=np.float32)


class OverlapModel:
    """Which speakers are active in each frame of a window. Thread-safe: holds the model only."""

    def __init__(self, path: Path) -> None:
        self._session = open_model(path)

    def probabilities(self, sound: Floats) -> Floats:
        """Probability of each of the 7 classes, `[frames, 7]`, of `sound` (float32, -1..1, at least 1 s)."""
        logp = np.asarray(self._session.run(None, {"wav": sound[None, None]})[0][0], dtype=np.float32)
        return np.exp(logp)


class SoundModel:
    """YAMNet: how much of each of AudioSet's 521 kinds of sound is in a second. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._model = open_lite(path)

    def scores(self, sound: Floats) -> Floats:
        """The 521 scores, 0..1, of float32 `[SECOND]`, -1..1."""
        (given,) = self._model.inputs  # [1, SECOND], or [SECOND] in other exports
        return np.asarray(self._model(sound.reshape(given.shape))[0], dtype=np.float32).reshape(-1)
