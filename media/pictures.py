"""One session's pictures between their arrival and their reading: which still matter, decoding them, and a JPEG of the newest for who watches."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from basics.errors import InvalidInput, ProctorError, TooLarge
from basics.readings import Frame
from media.h264 import H264Decoder, follows, to_bgr

WAITING_MAX = 64  # H.264 pictures that wait to be decoded: pages send a key every 2 s, so more are no page's
WAITING_MAX_BYTES = 4 << 20
ASK_AGAIN_S = 1.0  # a page that was asked for a key is given this long
WATCHED_FOR_S = 3.0  # viewers say at least once a second that they watch
BASELINE, SCAN, END = 0xC0, 0xDA, 0xD9  # JPEG's markers (ITU-T T.81, table B.1)
OTHER_FRAMES = frozenset({*range(0xC1, 0xD0)} - {0xC4, 0xC8, 0xCC})
FRAME_HEADER_BYTES = 6
SCANS_MAX = 4  # one, or one for each colour
SEGMENTS_MAX = 200
SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # a marker that is neither data nor a restart
LEAST_SIDE = 32  # pixels
VIEW_QUALITY = 60  # of the JPEGs that viewers get


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture. `image` is uint8 [h, w, 3] BGR. `key_at` is the time of the key picture that one of H.264 rests on, or is."""

    at: float
    image: npt.NDArray[np.uint8]
    key_at: float | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A picture that came between two that were read. `picture` decodes it, if it must be read after all; raises as decoding does."""

    at: float
    picture: Callable[[], Picture]


def check_picture(data: bytes, max_pixels: int) -> tuple[int, int]:
    """Width and height of a JPEG, read from its headers alone. Raise `InvalidInput` for what isn't a baseline JPEG, `TooLarge` for one too large.

    A progressive JPEG may hold any number of empty scans, each of which costs as much as a picture.
    """
    size, scans = None, 0
    for marker, segment in _segments(data):
        if marker == BASELINE:
            if size is not None or len(segment) < FRAME_HEADER_BYTES:
                raise _no_jpeg(data)
            size = int.from_bytes(segment[3:5], "big"), int.from_bytes(segment[1:3], "big")
        elif marker in OTHER_FRAMES:
            raise InvalidInput("the picture is a progressive JPEG, or of another rare kind; send baseline JPEG, as cameras and browsers make it")
        elif marker == SCAN:
            scans += 1
    if size is None or not scans or 0 in size:
        raise _no_jpeg(data)
    if scans > SCANS_MAX:
        raise InvalidInput(f"the picture has {scans} scans; send baseline JPEG, as cameras and browsers make it")
    if size[0] * size[1] > max_pixels:
        raise TooLarge(f"the picture has {size[0]}×{size[1]} pixels, and {max_pixels:,} are allowed; send 640×480")
    check_least(*size)
    return size


def check_least(width: int, height: int) -> None:
    """Raise `InvalidInput` for a picture on which nobody can be seen."""
    if min(width, height) < LEAST_SIDE:
        raise InvalidInput(f"the picture has {width}×{height} pixels, and {LEAST_SIDE}×{LEAST_SIDE} are the least; send 640×480")


def _no_jpeg(data: bytes) -> InvalidInput:
    return InvalidInput(f"the picture ({len(data):,} bytes) is not a JPEG; send pictures as JPEG")


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """`(marker, content)` of each segment; what a scan's header is followed by is passed over. Ends at the end of the picture, or of the data."""
    if data[:2] != b"\xff\xd8":
        raise _no_jpeg(data)
    position = 2
    for _ in range(SEGMENTS_MAX):
        position = data.find(b"\xff", position)
        if position < 0 or position + 1 >= len(data):
            return
        marker = data[position + 1]
        if marker == 0xFF:  # fill
            position += 1
            continue
        position += 2
        if marker == END:
            return
        if marker in (0, 1) or 0xD0 <= marker <= 0xD8:  # without content; a 0 is data of a scan
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if length < 2:
            raise _no_jpeg(data)
        yield marker, data[position + 2 : position + length]
        position += length
        if marker == SCAN:
            position = _after_scan(data, position)
    raise InvalidInput(f"the picture has more than {SEGMENTS_MAX} parts; send baseline JPEG, as cameras and browsers make it")


def _after_scan(data: bytes, position: int) -> int:
    """Where the next marker is after a scan's data."""
    found = SCAN_END.search(data, position)
    return found.start() if found else len(data)


def decode_jpeg(data: bytes, max_pixels: int) -> npt.NDArray[np.uint8]:
    """A JPEG as uint8 [h, w, 3] BGR. Raise `InvalidInput` or `TooLarge`."""
    check_picture(data, max_pixels)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise InvalidInput("the picture's data is damaged and can't be decoded")
    return np.asarray(image, np.uint8)


class PictureDecoder:
    """Decodes pictures in the order of their coming, JPEG and H.264 in any mixture. Not thread-safe."""

    def __init__(self, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._h264: H264Decoder | None = None

    def decode(self, frame: Frame) -> Callable[[], npt.NDArray[np.uint8]]:
        """What gives the picture as uint8 [h, w, 3] BGR. Later ones may rest on one that isn't wanted. Both raise `InvalidInput` or `TooLarge`."""
        if frame.codec == "jpeg":
            self._h264 = None
            return partial(decode_jpeg, frame.data, self._max_pixels)
        if self._h264 is None:
            self._h264 = H264Decoder(self._max_pixels)
        picture = self._h264.decode(frame)
        check_least(picture.width, picture.height)
        return partial(to_bgr, picture)


class _PassedOver:
    """Pictures that a key made needless, in order, with the decoder that has what they rest on: decoded once one of them is asked for."""

    def __init__(self, decoder: PictureDecoder, frames: list[Frame]) -> None:
        self.decoder = decoder
        self._frames = frames
        self._decoded: list[Callable[[], npt.NDArray[np.uint8]]] = []

    def image(self, number: int) -> npt.NDArray[np.uint8]:
        """One of them. Raise `InvalidInput` or `TooLarge`."""
        for frame in self._frames[len(self._decoded) : number + 1]:
            self._decoded.append(self.decoder.decode(frame))
        return self._decoded[number]()


class PictureFeed:
    """Holds what must still be decoded: of JPEG the newest picture, of H.264 those since the last key. Bounded; safe between threads.

    Of two temporal layers only the base is decoded, unless somebody watches at more than `base_fps` pictures a second. Of what comes between
    two readings `base_fps` pictures a second are kept for `span` seconds, to be read after all; those before the newest key are not decoded until
    then.
    """

    def __init__(self, max_pixels: int, base_fps: float, span: float = 0.0) -> None:
        self._max_pixels = max_pixels
        self._step = 1 / base_fps
        self._span = span
        self._beat_at = 0.0
        self._left_out: deque[LeftOut] = deque()
        self._decoder = PictureDecoder(max_pixels)
        self._passed: _PassedOver | None = None
        self._spare: PictureDecoder | None = None  # to open one costs as much as a picture
        self._key_at: float | None = None  # of what was decoded last
        self._base_fps = base_fps
        self._lock = threading.Lock()
        self._since_key: list[Frame] = []  # of H.264, for viewers who decode it themselves
        self._waiting: list[Frame] = []
        self._waiting_bytes = 0
        self._sequence: int | None = None
        self._broken = True  # what comes can't be decoded before the next key
        self._key_wanted = False
        self._asked_at = -ASK_AGAIN_S
        self._watch_fps = 0.0
        self._watched_until = 0.0
        self._newest_jpeg: Frame | None = None  # as it came, or made of `_shown`
        self._shown: Picture | None = None
        self.newest_at = -1.0  # of the newest picture that waits

    # In

    def add(self, frame: Frame) -> None:
        """Take one encoded picture. Never blocks, never raises."""
        with self._lock:
            gap = self._sequence is None or frame.sequence != follows(self._sequence)
            self._sequence = frame.sequence
            if frame.codec == "jpeg":
                self._newest_jpeg, self._shown = frame, None
                self._broken = True  # H.264 that follows begins with a key
                self._since_key = []
            elif frame.key:
                self._broken = False
                self._since_key = [frame]
            elif gap or self._broken:
                self._broken = self._key_wanted = True
                self._since_key = []
                return
            elif self._since_key and self._fits_since_key(frame):
                self._since_key.append(frame)
            else:  # viewers wait for the next key
                self._since_key = []
            if frame.layer > 0 and self._watch_fps <= self._base_fps:  # only H.264 has layers
                return
            if self._waiting and self._waiting[-1].codec == "jpeg":
                self._leave_out(self._waiting[-1].at, partial(decode_jpeg, self._waiting[-1].data, self._max_pixels))
            # What a key makes needless is still kept where it may have to be read, unless reading has fallen behind.
            if frame.codec == "jpeg" or (frame.key and not (self._waiting and frame.at - self._waiting[0].at < self._span)):
                self._waiting, self._waiting_bytes = [], 0
            self._waiting.append(frame)
            self._waiting_bytes += len(frame.data)
            self.newest_at = max(self.newest_at, frame.at)
            if len(self._waiting) > WAITING_MAX or self._waiting_bytes > WAITING_MAX_BYTES:
                self._break_off()

    def _fits_since_key(self, frame: Frame) -> bool:
        kept = self._since_key
        return len(kept) < WAITING_MAX and sum(len(one.data) for one in kept) + len(frame.data) <= WAITING_MAX_BYTES

    def _break_off(self) -> None:
        """Give up what waits, until the next key."""
        self._waiting, self._waiting_bytes, self._since_key = [], 0, []
        self._broken = self._key_wanted = True

    def asks_key(self, now: float) -> bool:
        """Should the page be asked for a key now? True once a second while one is needed."""
        with self._lock:
            if not self._key_wanted or not self._broken or now - self._asked_at < ASK_AGAIN_S:
                return False
            self._key_wanted, self._asked_at = False, now
            return True

    # Out

    def decode(self) -> Picture | None:
        """Decode the newest that waits; None when nothing does. One thread at a time. Raise `InvalidInput` or `TooLarge`."""
        with self._lock:
            frames, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not frames:
            return None
        frames = self._pass_over(frames)
        try:
            for frame in frames[:-1]:
                earlier = self._decoder.decode(frame)
                with self._lock:
                    self._leave_out(frame.at, earlier)
            image = self._decoder.decode(frames[-1])()
        except ProctorError:
            with self._lock:
                if frames[-1].codec == "h264" and not (self._waiting and self._waiting[0].key):
                    self._break_off()
            raise
        picture = Picture(frames[-1].at, image, self._key_at if frames[-1].codec == "h264" else None)
        if frames[-1].codec == "h264":
            with self._lock:
                self._shown = picture if self._watch_fps else None
        return picture

    def _pass_over(self, frames: list[Frame]) -> list[Frame]:
        """Leave out what comes before the newest key; what is decoded next needs nothing of it. Return the rest."""
        key = max((number for number, frame in enumerate(frames) if frame.codec == "h264" and frame.key), default=None)
        if key is None:
            return frames
        self._key_at = frames[key].at
        if key > 0:
            self._passed = passed = _PassedOver(self._decoder, frames[:key])
            self._decoder, self._spare = self._spare or PictureDecoder(self._max_pixels), None
            with self._lock:
                for number, frame in enumerate(frames[:key]):
                    self._leave_out(frame.at, partial(passed.image, number))
        return frames[key:]

    def _leave_out(self, at: float, image: Callable[[], npt.NDArray[np.uint8]]) -> None:
        if self._span and at >= self._beat_at - 1e-3:
            self._beat_at = max(self._beat_at + self._step, at + self._step / 2)
            self._left_out.append(LeftOut(at, lambda: Picture(at, image())))
            while self._left_out[0].at < at - self._span:
                self._left_out.popleft()

    def pass_by(self, picture: Picture) -> None:
        """A picture was decoded for viewers, and wasn't read."""
        with self._lock:
            self._leave_out(picture.at, lambda: picture.image)

    def read(self, at: float) -> list[LeftOut]:
        """The picture of `at` is read: those that were left out before it, a beat apart. They can be decoded until the next `decode`.

        However late it is read, the beat goes on.
        """
        with self._lock:
            left_out = [one for one in self._left_out if one.at < at]
            self._left_out.clear()
            if self._passed is not None:
                self._spare, self._passed = self._passed.decoder, None
            if left_out and left_out[-1].at > at - self._step / 2:
                left_out.pop()  # this one stands in its place
            else:
                self._beat_at = max(self._beat_at + self._step, at + self._step / 2)
            return left_out

    def close(self) -> None:
        """Let go of pictures and decoder: nobody reads them any more, and a session that has ended may be known for minutes yet."""
        with self._lock:
            self._waiting, self._waiting_bytes = [], 0
            self._newest_jpeg = self._shown = None
            self._left_out.clear()
            self._since_key = []
            self._decoder = PictureDecoder(self._max_pixels)
            self._passed = self._spare = None

    # Viewers

    def h264_since(self, at: float, *, base_only: bool) -> list[Frame]:
        """The pictures of H.264 after `at`, for a viewer who has those up to it: they go on from there, or begin with a key."""
        with self._lock:
            return [frame for frame in self._since_key if frame.at > at and not (base_only and frame.layer)]

    def watch(self, fps: float, now: float) -> None:
        """Somebody watches at `fps` pictures a second, for the next seconds; 0 for nobody."""
        with self._lock:
            self._watch_fps, self._watched_until = fps, now + WATCHED_FOR_S

    def viewers_wait_from(self, now: float) -> float | None:
        """The time from which viewers want another picture decoded; None when nobody does, or when pictures come as JPEG already."""
        with self._lock:
            if not self._watch_fps or not self._waiting or self._waiting[-1].codec == "jpeg" or now > self._watched_until:
                return None
            # A tenth early is due: pictures come at their own beat.
            return self._shown.at + 0.9 / self._watch_fps if self._shown is not None else 0.0

    def let_viewers_go(self, now: float) -> None:
        """Forget viewers who have not said for a while that they watch, and what was kept for them."""
        with self._lock:
            if self._watch_fps and now > self._watched_until and self._waiting and self._waiting[-1].codec != "jpeg":
                self._watch_fps, self._shown, self._newest_jpeg = 0.0, None, None

    @property
    def makes_jpegs(self) -> bool:
        """Is somebody shown pictures that had to be decoded first?"""
        return self._shown is not None

    def jpeg(self) -> Frame | None:
        """The newest picture as JPEG: as it came, or made of the newest decoded one while somebody watches."""
        with self._lock:
            shown = self._shown
        if shown is not None and (self._newest_jpeg is None or self._newest_jpeg.at < shown.at):
            encoded = cv2.imencode(".jpg", shown.image, [cv2.IMWRITE_JPEG_QUALITY, VIEW_QUALITY])[1]
            with self._lock:
                if self._newest_jpeg is None or self._newest_jpeg.at < shown.at:
                    self._newest_jpeg = Frame(shown.at, encoded.tobytes())
        return self._newest_jpeg
