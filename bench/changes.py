"""What poor cameras, rooms, lines and microphones do to pictures and sound; the same random numbers each time."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from basics.readings import SAMPLE_RATE
from bench.audio_task import Samples, SoundChange
from bench.harness.pictures import Change, Image

FULL = 32767
TELEPHONE_HZ = (300.0, 3400.0)
REVERBERATION_S = 0.5  # time in which an echo fades by 60 dB: a furnished room has .3 to .6
SNR_DB = 10.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Degradation:
    """One way footage gets worse. `fps` is the rate pictures still come at (None: all), `mirrored` swaps left and right, `jpeg` its quality."""

    name: str
    picture: Change | None = None
    sound: SoundChange | None = None
    fps: float | None = None
    jpeg: int | None = None
    mirrored: bool = False


def dark(image: Image) -> Image:
    """A fifth of the light, with the noise that a sensor then has (2 grey steps)."""
    noise = np.random.default_rng(1).normal(0, 2, image.shape)
    return _clip(image * 0.2 + noise)


def backlight(image: Image) -> Image:
    """A bright window behind: exposed for it, the middle has a third of its light and some glare, and the borders are burnt out."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0 : 1 : height * 1j, -1 : 1 : width * 1j]
    window = np.clip(np.maximum(np.abs(x) - 0.55, 0.15 - y) * 6, 0, 1)[..., None]
    return _clip((image * 0.33 + 14) * (1 - window) + 255 * window)


def jpeg_30(image: Image) -> Image:
    """JPEG of quality 30."""
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR), np.uint8)


def small(image: Image) -> Image:
    """As a camera of 320×240 gives it."""
    scale = min(1.0, 320 / image.shape[1], 240 / image.shape[0])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def motion_blur(image: Image) -> Image:
    """The head or the camera moves sideways while the picture is taken: by 1/50 of its width (13 pixels of 640)."""
    length = max(3, round(image.shape[1] / 50))
    return np.asarray(cv2.filter2D(image, -1, np.full((1, length), 1 / length)), np.uint8)


def mirrored(image: Image) -> Image:
    """As a self-view shows it."""
    return np.ascontiguousarray(image[:, ::-1])


def tilted(image: Image) -> Image:
    """A camera tilted by 12°."""
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 12, 1)
    return np.asarray(cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def noise(samples: Samples) -> Samples:
    """A fan or a street: noise with the spectrum of 1/f, 10 dB under the sound."""
    return _to_samples(_with_noise(samples.astype(np.float64)))


def reverberation(samples: Samples) -> Samples:
    """A bare room: an echo that fades by 60 dB in half a second and is 10 dB under the direct sound."""
    return _to_samples(_with_echo(samples.astype(np.float64)))


def noise_and_reverberation(samples: Samples) -> Samples:
    """Both, each 10 dB under the sound."""
    return _to_samples(_with_noise(_with_echo(samples.astype(np.float64))))


def telephone(samples: Samples) -> Samples:
    """A telephone's band and µ-law with 8 bits."""
    spectrum = np.fft.rfft(samples.astype(np.float64))
    frequency = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    band = np.clip((frequency - TELEPHONE_HZ[0] + 50) / 100, 0, 1) * np.clip((TELEPHONE_HZ[1] + 100 - frequency) / 200, 0, 1)
    narrow = np.clip(np.fft.irfft(spectrum * band, len(samples)) / FULL, -1, 1)
    law = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    return _to_samples(np.sign(law) * np.expm1(np.abs(law) * np.log(256)) / 255 * FULL)


DEGRADATIONS: tuple[Degradation, ...] = (
    Degradation("as recorded"),
    Degradation("dark to 20 %", picture=dark),
    Degradation("backlight", picture=backlight),
    Degradation("JPEG quality 30", picture=jpeg_30, jpeg=30),
    Degradation("320×240", picture=small),
    Degradation("4 pictures a second", fps=4.0),
    Degradation("motion blur", picture=motion_blur),
    Degradation("mirrored", picture=mirrored, mirrored=True),
    Degradation("tilted camera", picture=tilted),
    Degradation("noise, 10 dB", sound=noise),
    Degradation("reverberation, 10 dB", sound=reverberation),
    Degradation("noise and reverberation", sound=noise_and_reverberation),
    Degradation("telephone band", sound=telephone),
)


def _with_echo(sound: Floats) -> Floats:
    length = int(REVERBERATION_S * SAMPLE_RATE)
    random = np.random.default_rng(2)
    tail = random.normal(size=length) * np.power(10.0, -3 * np.arange(length) / length)
    tail[: SAMPLE_RATE // 200] = 0  # the first wall is a metre or so away
    echo = _convolved(sound, tail)
    return sound + echo * _gain(sound, echo)


def _with_noise(sound: Floats) -> Floats:
    spectrum = np.fft.rfft(np.random.default_rng(3).normal(size=len(sound)))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    hiss = np.fft.irfft(spectrum, len(sound))
    return sound + hiss * _gain(sound, hiss)


def _gain(sound: Floats, other: Floats) -> float:
    """By what `other` must be multiplied to lie `SNR_DB` under `sound`, by the power of what is loud in each (pauses don't count)."""
    power = _loud(sound) / max(_loud(other), 1e-9)
    return float(np.sqrt(power / 10 ** (SNR_DB / 10)))


def _loud(sound: Floats) -> float:
    frames = sound[: len(sound) // 800 * 800].reshape(-1, 800)  # 50 ms
    powers = np.square(frames).mean(axis=1) if len(frames) else np.square(sound)
    return float(powers[powers >= np.quantile(powers, 0.5)].mean()) if len(powers) else 0.0


def _convolved(sound: Floats, tail: Floats) -> Floats:
    size = 1 << (len(sound) + len(tail)).bit_length()
    return np.asarray(np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)[: len(sound)])


def _to_samples(sound: Floats) -> Samples:
    return np.clip(np.round(sound), -FULL - 1, FULL).astype(np.int16)


def _clip(image: Floats) -> Image:
    return np.clip(image, 0, 255).astype(np.uint8)
