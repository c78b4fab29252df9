"""H.264 as students' browsers send it (Annex B, no B frames): what a picture's bytes say of themselves, and decoding them one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
import cv2
import numpy as np
import numpy.typing as npt

from basics.errors import InvalidInput, TooLarge
from basics.readings import Frame

SLICE, IDR, SPS, PPS = 1, 5, 7, 8  # NAL unit types (ITU-T H.264, table 7-1)
BASELINE, MAIN, HIGH = 66, 77, 100  # what browsers encode; others are read by nobody alike, and a size read wrongly is a bomb
PROFILES = frozenset({BASELINE, MAIN, HIGH})
REFERENCES_MAX = 4  # pictures of the largest allowed size that a stream may keep: it bounds a decoder's memory
GOLOMB_BITS_MAX = 32
UNITS_MAX = 64  # NAL units of one picture; encoders make up to a dozen, a slice for each core among them
PARAMETERS_MAX_BYTES = 256  # of an SPS or a PPS; theirs take under 50


@dataclass(frozen=True, slots=True)
class Unit:
    """What one message of H.264 holds. `parameters` are its SPS and PPS as they stand, empty where there are none."""

    key: bool
    parameters: bytes


class _Bits:
    """Reads an SPS bit by bit. Raise `InvalidInput` at its end."""

    def __init__(self, data: bytes) -> None:
        # Emulation prevention: a 3 after two zeros is no data (7.4.1).
        clean = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(clean, "big")
        self._left = len(clean) * 8

    def take(self, count: int) -> int:
        if count > self._left:
            raise InvalidInput("the picture's H.264 parameters end too early; send the encoder's Annex B stream as it is")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        """An unsigned Exp-Golomb number (9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > GOLOMB_BITS_MAX:
                raise InvalidInput("the picture's H.264 parameters hold a number that is too long; send the encoder's stream as it is")
        return (1 << zeros) - 1 + (self.take(zeros) if zeros else 0)

    def signed(self) -> int:
        value = self.golomb()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def nal_units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """`(type, bytes without start code)` of each NAL unit of an Annex B stream."""
    begin = data.find(b"\x00\x00\x01")
    while begin >= 0:
        begin += 3
        following = data.find(b"\x00\x00\x01", begin)
        unit = data[begin : following if following >= 0 else len(data)]
        if unit:
            yield unit[0] & 31, unit
        begin = following


def picture_size(sps: bytes) -> tuple[int, int, int]:
    """Width and height in pixels as they are decoded (before cropping), and how many pictures the stream refers back to. Raise `InvalidInput`."""
    bits = _Bits(sps[1:])
    profile = bits.take(8)
    if profile not in PROFILES:
        raise InvalidInput(f"the picture's H.264 has profile {profile}, and {', '.join(map(str, sorted(PROFILES)))} are read; encode as avc1.42001f")
    bits.take(16)
    bits.golomb()
    if profile == HIGH:  # only its SPS has these fields (7.3.2.1.1)
        _skip_chroma(bits)
    bits.golomb()  # log2_max_frame_num_minus4
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.golomb(), 256)):
            bits.signed()
    references = bits.golomb()
    bits.take(1)
    width, map_height = (bits.golomb() + 1) * 16, (bits.golomb() + 1) * 16
    return width, map_height * (2 - bits.take(1)), references


def _skip_chroma(bits: _Bits) -> None:
    if bits.golomb() > 1 or bits.golomb() or bits.golomb():  # chroma_format_idc, bit depths
        raise InvalidInput("the picture's H.264 isn't 4:2:0 of 8 bits; encode as avc1.42001f")
    bits.take(1)
    if not bits.take(1):
        return
    raise InvalidInput("the picture's H.264 has scaling lists, which aren't read; encode as baseline (avc1.42001f)")


def inspect(data: bytes, max_pixels: int) -> Unit:
    """Look at one picture before anything decodes it. Raise `TooLarge` for a size bomb or a crowd of units, `InvalidInput` for what is no picture."""
    has_slice = has_idr = False
    parameters: list[bytes] = []
    kinds = set()
    for number, (kind, unit) in enumerate(nal_units(data)):
        if number >= UNITS_MAX:
            raise TooLarge(f"the picture has more than {UNITS_MAX} NAL units; send each picture by itself, in few slices")
        if kind in {SPS, PPS} and len(unit) > PARAMETERS_MAX_BYTES:
            raise TooLarge(f"the picture's H.264 parameters have more than {PARAMETERS_MAX_BYTES} bytes; send the encoder's stream as it is")
        kinds.add(kind)
        has_slice = has_slice or kind in {SLICE, IDR}
        has_idr = has_idr or kind == IDR
        if kind == SPS:
            width, height, references = picture_size(unit)
            if width * height > max_pixels or width * height * references > REFERENCES_MAX * max_pixels:
                more = f" and refers to {references} earlier ones" if references > REFERENCES_MAX else ""
                raise TooLarge(f"the picture has {width}×{height} pixels{more}, and {max_pixels:,} are allowed; send 640×480")
        if kind in {SPS, PPS}:
            parameters.append(unit.rstrip(b"\x00"))
    if not has_slice:
        raise InvalidInput(f"the message ({len(data):,} bytes) holds no H.264 picture; send each picture whole, as Annex B")
    return Unit(has_idr and {SPS, PPS} <= kinds, b"\x00\x00\x01".join(parameters))


def playable(frames: Sequence[Frame]) -> list[Frame]:
    """`frames` without the H.264 ones that can't be decoded: those before the first key, and from a gap in the numbers to the next key."""
    kept: list[Frame] = []
    whole = False
    last: int | None = None
    for frame in frames:
        if frame.codec != "h264":
            whole = False
            kept.append(frame)
        else:
            whole = frame.key or (whole and last is not None and frame.sequence == follows(last))
            if whole:
                kept.append(frame)
        last = frame.sequence
    return kept


def follows(sequence: int) -> int:
    """The number after `sequence`: u32, it begins again at its end."""
    return (sequence + 1) & 0xFFFF_FFFF


class H264Decoder:
    """Decodes one stream, picture by picture. Not thread-safe; 1.6 MB at 640×480."""

    def __init__(self, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._context: av.VideoCodecContext | None = None

    def decode(self, frame: Frame) -> av.VideoFrame:
        """The picture of `frame`, which must follow the one before it or be a key. Raise `InvalidInput` or `TooLarge`; only a key may come then."""
        unit = inspect(frame.data, self._max_pixels)
        if self._context is None:
            if not unit.key:
                raise InvalidInput("an H.264 picture came without the key picture it rests on; send a key picture first")
            self._context = self._open(self._max_pixels)
        try:
            pictures = self._context.decode(av.Packet(frame.data))
        except av.error.FFmpegError as error:
            self._context = None
            raise InvalidInput(f"the picture's H.264 is damaged and can't be decoded ({error.strerror}); send a key picture") from None
        if not pictures or pictures[-1].is_corrupt:
            self._context = None
            raise InvalidInput("the picture's H.264 is damaged or out of order (B frames aren't read); send a key picture")
        return pictures[-1]

    @staticmethod
    def _open(max_pixels: int) -> av.VideoCodecContext:
        context = av.CodecContext.create("h264", "r")
        assert isinstance(context, av.VideoCodecContext)
        context.thread_count = 1
        context.flags |= av.codec.context.Flags.low_delay
        # Damage is painted over else, and a detector would read the paint. FFmpeg's own bound is the second lock: it may read a size as we don't.
        context.options = {"err_detect": "explode", "max_pixels": str(max_pixels)}
        return context


def to_bgr(picture: av.VideoFrame) -> npt.NDArray[np.uint8]:
    """A decoded picture as uint8 [h, w, 3] BGR."""
    if picture.format.name in {"yuv420p", "yuvj420p"} and picture.width % 2 == 0 and picture.height % 2 == 0:
        # OpenCV takes a third of swscale's time for the same BT.601 matrix.
        return np.asarray(cv2.cvtColor(picture.to_ndarray(), cv2.COLOR_YUV2BGR_I420), np.uint8)
    return np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
