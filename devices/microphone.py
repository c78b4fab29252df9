"""One local microphone: a PortAudio device, or a sound file played in real time; 16 kHz mono sound out, in chunks of 100 ms."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soundfile

from basics.errors import DeviceError
from basics.readings import SAMPLE_RATE, DeviceStateName, Sound
from basics.texts import _
from devices.reader import OPEN_LIMIT, READ_LIMIT, Clock, DeviceReader, OnState, Run, StartLine, shown

CHUNKS_A_SECOND = 10
QUEUE_CHUNKS = 600  # 60 s of sound may wait for a stalled reader; beyond it the newest is dropped, and its time shows the gap
FILE_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".w64", ".caf")
LOST_SOUND = 0.1  # s by which all arrivals of a second must be late to mean that samples were lost
DRIFT = 0.02  # s of disagreement with the clock that are left alone
SLEW = 0.001  # s a chunk's time is moved by, while the sound card's clock drifts from ours

Samples = npt.NDArray[np.int16]


class Resampler:
    """Mono int16 of any rate in, 16 kHz out, as one running stream: no clicks at the borders, output sample n is of time n / 16000."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._resampler = None if rate == SAMPLE_RATE else av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)

    def take(self, samples: Samples) -> Samples:
        """What is ready after these samples; a few ms stay inside."""
        if self._resampler is None:
            return samples
        if not len(samples):
            return np.empty(0, np.int16)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None, :], format="s16", layout="mono")
        frame.sample_rate = self._rate
        return _joined(self._resampler.resample(frame))

    def finish(self) -> Samples:
        """The rest, at the end of the stream."""
        return np.empty(0, np.int16) if self._resampler is None else _joined(self._resampler.resample(None))


class SampleClock:
    """Gives chunks their time by counting samples, so that time and count agree; arrival times only correct it.

    A late arrival alone means a busy machine. When every arrival of a second is late, samples were lost and the time jumps ahead; a slow
    drift is followed by a millisecond a chunk. Time never jumps back.
    """

    def __init__(self) -> None:
        self._next: float | None = None
        self._late: deque[float] = deque(maxlen=CHUNKS_A_SECOND)

    def stamp(self, measured: float, count: int) -> float:
        """Time of the first of `count` samples whose arrival says `measured`."""
        if self._next is None:
            self._next = measured
        self._late.append(measured - self._next)
        at = self._next
        if len(self._late) == self._late.maxlen:
            least = min(self._late)
            if least > LOST_SOUND:
                at += least
                self._late.clear()
            elif abs(least) > DRIFT:
                step = SLEW if least > 0 else -SLEW
                at += step
                self._late = deque((late - step for late in self._late), maxlen=self._late.maxlen)
        self._next = at + count / SAMPLE_RATE
        return at


class _PortAudio:
    """The library's own state, which is one per process whatever we do: opening, closing and listing devices take turns here.

    PortAudio lists devices when it is initialised, so a microphone plugged in later is seen only after a new initialisation, and that would
    close every open stream: it is done before an opening when no stream is open.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams = 0
        self._fresh = True  # importing sounddevice has initialised PortAudio just now

    def open(self, spec: str, callback: Callable[..., None]) -> tuple[Any, int]:
        """An open, not yet started stream for `spec` and its rate in Hz."""
        sounddevice = _sounddevice()
        if not self._lock.acquire(timeout=OPEN_LIMIT / 2):
            raise DeviceError(_("PortAudio is busy with another microphone that does not answer; unplug that one, or restart the server"))
        try:
            if not self._streams and not self._fresh:
                sounddevice._terminate()
                sounddevice._initialize()
            self._fresh = False
            opened = _open_stream(sounddevice, _find_device(sounddevice, spec), callback)
            self._streams += 1
        except sounddevice.PortAudioError as error:
            raise DeviceError(
                _("microphone %(spec)s can't be opened: %(error)s; another program may be using it", spec=repr(spec), error=_cause(error))
            ) from None
        finally:
            self._lock.release()
        return opened

    def close(self, stream: Any) -> None:
        with self._lock:
            try:
                stream.abort(ignore_errors=True)
                stream.close(ignore_errors=True)
            finally:
                self._streams -= 1


_portaudio = _PortAudio()


class Live:
    """An open PortAudio stream: `chunks` are `(arrival on the clock, int16 [n])`.

    The driver's own time of a buffer (`inputBufferAdcTime`) is not used: PulseAudio's swings by 0.2 s while the sound flows evenly.
    """

    def __init__(self, spec: str, clock: Clock) -> None:
        self.chunks: queue.Queue[tuple[float, Samples]] = queue.Queue(QUEUE_CHUNKS)
        self._clock = clock
        self._stream, self.rate = _portaudio.open(spec, self._arrived)
        try:
            self._stream.start()
        except Exception as error:
            self.close()
            raise DeviceError(
                _("microphone %(spec)s can't be started: %(error)s; another program may be using it", spec=repr(spec), error=_cause(error))
            ) from None

    def _arrived(self, data: Any, frames: int, time: Any, status: Any) -> None:
        samples = data[:, 0].copy() if data.shape[1] == 1 else np.rint(data.mean(axis=1)).astype(np.int16)
        try:
            self.chunks.put_nowait((self._clock(), samples))
        except queue.Full:
            return  # the gap shows in the next chunk's time

    @property
    def active(self) -> bool:
        return bool(self._stream.active)

    def close(self) -> None:
        _portaudio.close(self._stream)


class Recording:
    """An open sound file of any rate and number of channels."""

    def __init__(self, path: Path, label: str) -> None:
        if not path.is_file():
            raise DeviceError(_("there is no sound file %(label)s; correct the path, or name a microphone", label=label))
        try:
            self._file = soundfile.SoundFile(str(path))
        except (soundfile.LibsndfileError, OSError) as error:
            raise DeviceError(
                _("%(label)s is not a sound file that can be read (%(error)s); name a wav or flac file", label=label, error=_cause(error))
            ) from None
        self.rate: int = self._file.samplerate

    def read(self, frames: int) -> Samples:
        """The next samples as mono; empty at the end."""
        data: npt.NDArray[np.float32] = self._file.read(frames, dtype="float32", always_2d=True).mean(axis=1)
        samples: Samples = np.clip(np.rint(data * 32768), -32768, 32767).astype(np.int16)
        return samples

    def close(self) -> None:
        self._file.close()


class MicrophoneReader(DeviceReader[Live | Recording]):
    """Reads one microphone and hands on `Sound` with `at`, the time of its first sample on the clock. Files start at `start_line`."""

    device = "microphone"

    def __init__(
        self,
        spec: str,
        *,
        retry_s: float,
        clock: Clock,
        start_line: StartLine,
        on_sound: Callable[[Sound], None],
        on_state: OnState,
    ) -> None:
        super().__init__(label=shown(spec), retry_s=retry_s, on_state=on_state, clock=clock)
        self._spec = spec
        self._start_line: StartLine | None = start_line if is_file(spec) else None
        self._on_sound = on_sound
        self._sequence = 0

    def _open(self, run: Run) -> Live | Recording:
        if not is_file(self._spec):
            return Live(self._spec, self._clock)
        try:
            return Recording(Path(self._spec), self.label)
        except DeviceError:
            if self._start_line:
                self._start_line.arrive()
                self._start_line = None
            raise

    def _read(self, run: Run, source: Live | Recording) -> tuple[DeviceStateName, str]:
        if isinstance(source, Recording):
            return self._play(run, source)
        return self._follow(run, source)

    def _follow(self, run: Run, live: Live) -> tuple[DeviceStateName, str]:
        resampler, times = Resampler(live.rate), SampleClock()
        taken = given = 0  # samples into and out of the resampler
        heard = self._clock()
        while not run.stop.is_set():
            try:
                arrival, samples = live.chunks.get(timeout=0.25)
            except queue.Empty:
                if not live.active:
                    raise DeviceError(_("microphone %(label)s was unplugged or its driver stopped; plug it in again", label=self.label)) from None
                if self._clock() - heard > READ_LIMIT:
                    limit = f"{READ_LIMIT:g}"
                    raise DeviceError(
                        _("microphone %(label)s has sent nothing for %(read_limit)s s; check its cable", label=self.label, read_limit=limit)
                    ) from None
                continue
            heard = self._clock()
            # The newest sample is of now; what the resampler still holds is older, and comes out first.
            taken += len(samples)
            measured = arrival - (taken / live.rate - given / SAMPLE_RATE)
            ready = resampler.take(samples)
            given += len(ready)
            if len(ready):
                self._hand_on(run, times.stamp(measured, len(ready)), ready)
        return "off", ""

    def _play(self, run: Run, recording: Recording) -> tuple[DeviceStateName, str]:
        """Play a recording. `at` is exactly the start plus the count of samples; a chunk is handed on when its last sample is due."""
        resampler, given = Resampler(recording.rate), 0
        zero = self._common_start()
        ended = False
        while not ended and not run.stop.is_set():
            samples = recording.read(max(1, recording.rate // CHUNKS_A_SECOND))
            ended = not len(samples)
            ready = resampler.finish() if ended else resampler.take(samples)
            if not len(ready):
                continue
            if not run.sleep_until(zero + (given + len(ready)) / SAMPLE_RATE):
                break
            self._hand_on(run, zero + given / SAMPLE_RATE, ready)
            given += len(ready)
        return "ended", "the file has ended"

    def _common_start(self) -> float:
        line, self._start_line = self._start_line, None
        if line is None:
            return self._clock()
        line.arrive()
        return line.zero()

    def _hand_on(self, run: Run, at: float, samples: Samples) -> None:
        if run.stop.is_set():
            return
        self._works(run)
        self._sequence += 1
        self._on_sound(Sound(at=at, samples=samples, sequence=self._sequence))


def is_file(spec: str) -> bool:
    """Whether `spec` names a sound file (there or not), not a PortAudio device."""
    return Path(spec).suffix.lower() in FILE_SUFFIXES or Path(spec).is_file()


def _sounddevice() -> Any:
    try:
        import sounddevice  # late: it needs the PortAudio library, and initialises it
    except OSError as error:
        raise DeviceError(
            _("PortAudio can't be loaded (%(error)s); install it (apt install libportaudio2) and restart the server", error=error)
        ) from None
    return sounddevice


def _find_device(sounddevice: Any, spec: str) -> int:
    """The index of the input device that `spec` names: its index, its name, or a part of its name; `default`."""
    devices = list(sounddevice.query_devices())
    inputs = [index for index, device in enumerate(devices) if device["max_input_channels"] > 0]
    if not inputs:
        raise DeviceError(_("no microphone is connected; plug one in, or set MICROPHONE to a sound file or none"))
    if spec == "default":
        default = int(sounddevice.default.device[0])
        return default if default in inputs else inputs[0]
    if spec.isdecimal() and int(spec) in inputs:
        return int(spec)
    wanted = spec.casefold()
    named = [index for index in inputs if devices[index]["name"].casefold() == wanted]
    named += [index for index in inputs if wanted in devices[index]["name"].casefold()]
    if not named or spec.isdecimal():
        known = ", ".join(f"{index} {devices[index]['name']!r}" for index in inputs)
        raise DeviceError(_("there is no microphone %(spec)s; there are %(known)s", spec=repr(spec), known=known))
    return named[0]


def _open_stream(sounddevice: Any, device: int, callback: Callable[..., None]) -> tuple[Any, int]:
    """Open at 16 kHz mono where the device can, else at its own rate, to be resampled, and with its own channels."""
    info = sounddevice.query_devices(device)
    own = round(info["default_samplerate"])
    ways = [(SAMPLE_RATE, 1), (own, 1), (own, min(2, int(info["max_input_channels"])))]
    for rate, channels in ways[:-1]:
        with suppress(sounddevice.PortAudioError):
            return _input_stream(sounddevice, device, rate, channels, callback), rate
    rate, channels = ways[-1]
    return _input_stream(sounddevice, device, rate, channels, callback), rate


def _input_stream(sounddevice: Any, device: int, rate: int, channels: int, callback: Callable[..., None]) -> Any:
    return sounddevice.InputStream(
        device=device, samplerate=rate, channels=channels, dtype="int16", blocksize=rate // CHUNKS_A_SECOND, callback=callback
    )


def _joined(frames: list[Any]) -> Samples:
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]) if frames else np.empty(0, np.int16)


def _cause(error: Exception) -> str:
    """The library's own words, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
