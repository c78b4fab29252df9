"""The student's link, as bytes and messages: what a page (or any other client) and the server say to each other over `/student/link`.

Binary messages carry media behind a header of 16 bytes, little endian:

    offset  type  what
    0       u8    kind: 1 picture, 2 sound, 3 screen still
    1       u8    codec: 1 jpeg, 2 pcm16 (16 kHz mono, little endian), 3 h264 (Annex B, one picture a message, no B frames; key pictures
                  with their SPS and PPS), 4 opus (packets, each behind its length as u16)
    2       u8    flags: bit 0 key, bits 1 to 3 temporal layer
    3       u8    version: 1
    4       u32   sequence number, counted for each kind
    8       f64   time in ms on the page's clock (performance.timeOrigin + performance.now()); for sound, of its first sample

Text messages are JSON objects with a `type`.

    server → page                                              page → server
    clock {id, server_ms}                                      clock {id, server_ms, page_ms}: the answer, at once
    welcome {session_id, video {fps, width, height, quality,   acts {acts: [{id, kind, page_ms, detail?}]}: sent again until acknowledged
      codecs, bitrate, still_s}, elapsed_s}: send media only after it   device {device, state, reason}: camera, microphone or screen
    acts {ids}: done with these                                end {}: the student ends the exam
    quality {notices: [code]}: what the student can mend       break {on}: the student takes a break, or comes back
    message {id, text, level, from, at}: again to each page,   read {id}: the student has read a message
      until it is read
    pause {paused, by, reason, seconds_left, breaks_left}: said to each page once; send no media while paused
    slower {fps} · faster {fps}: what the server can read
    key {}: a picture was lost; send a key picture next
    received {count}: so many messages of this connection have arrived; said a few times a second
    ended {reason, code, note} · replaced {} · error {code, message}
"""

from __future__ import annotations

import json
import math
import struct
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from basics.errors import InvalidInput, Unsupported
from basics.readings import ActKind, Codec, ScreenAct

VERSION: Final = 1
HEADER: Final = struct.Struct("<BBBBId")
KINDS: Final = {1: "picture", 2: "sound", 3: "still"}
CODECS: Final[dict[int, Codec]] = {1: "jpeg", 2: "pcm16", 3: "h264", 4: "opus"}
ACT_KINDS: Final = frozenset(get_args(ActKind))
MAX_ACTS_PER_MESSAGE: Final = 200
MAX_TEXT: Final = 200  # characters of a detail or a reason; longer ones are cut


@dataclass(frozen=True, slots=True)
class Media:
    """One media message. `time_ms` is on the page's clock."""

    kind: str
    codec: Codec
    sequence: int
    time_ms: float
    payload: bytes
    key: bool = True
    layer: int = 0


def pack_media(media: Media) -> bytes:
    """The message's bytes."""
    kind = next(number for number, name in KINDS.items() if name == media.kind)
    codec = next(number for number, name in CODECS.items() if name == media.codec)
    flags = int(media.key) | media.layer << 1
    return HEADER.pack(kind, codec, flags, VERSION, media.sequence, media.time_ms) + media.payload


def unpack_media(data: bytes) -> Media:
    """The message in `data`. Raise `InvalidInput` or `Unsupported` that says what is wrong with it."""
    if len(data) <= HEADER.size:
        raise InvalidInput(f"a binary message of {len(data)} bytes is no media: the header takes {HEADER.size} and media follow it")
    kind, codec, flags, version, sequence, time_ms = HEADER.unpack_from(data)
    if version != VERSION:
        raise Unsupported(f"media of version {version} aren't read; send version {VERSION}, or reload the page")
    if kind not in KINDS or codec not in CODECS:
        raise Unsupported(f"media of kind {kind} and codec {codec} aren't read; kinds are {KINDS}, codecs {CODECS}")
    if not math.isfinite(time_ms):
        raise InvalidInput(f"the time {time_ms} of a media message is no number of ms")
    return Media(KINDS[kind], CODECS[codec], sequence, time_ms, data[HEADER.size :], bool(flags & 1), flags >> 1 & 7)


def unpack_text(text: str) -> dict[str, Any]:
    """The JSON message in `text`, an object with a `type`. Raise `InvalidInput`."""
    try:
        message = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise InvalidInput("a text message is not JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise InvalidInput('a text message must be a JSON object with a "type"')
    return message


def unpack_acts(message: dict[str, Any], clock: PageClock) -> tuple[list[ScreenAct], list[InvalidInput]]:
    """The acts of an `acts` message on the session's clock, and what is wrong with those that can't be read."""
    listed = message.get("acts")
    if not isinstance(listed, list) or len(listed) > MAX_ACTS_PER_MESSAGE:
        raise InvalidInput(f'"acts" must be a list of at most {MAX_ACTS_PER_MESSAGE}')
    acts, problems = [], []
    for item in listed:
        try:
            acts.append(_unpack_act(item, clock))
        except InvalidInput as error:
            problems.append(error)
    return acts, problems


def _unpack_act(item: Any, clock: PageClock) -> ScreenAct:
    if not isinstance(item, dict):
        raise InvalidInput("an act must be an object {id, kind, page_ms}")
    act_id, kind, page_ms = item.get("id"), item.get("kind"), item.get("page_ms")
    if not isinstance(act_id, str) or not 8 <= len(act_id) <= 64 or not act_id.isascii() or not act_id.replace("-", "").isalnum():
        raise InvalidInput(f"the act's id {str(act_id)[:80]!r} must be 8 to 64 letters, digits and dashes; use a UUID", act_id=act_id)
    if kind not in ACT_KINDS:
        raise InvalidInput(f"the act's kind {str(kind)[:40]!r} is none of {', '.join(sorted(ACT_KINDS))}", act_id=act_id)
    if isinstance(page_ms, bool) or not isinstance(page_ms, (int, float)) or not math.isfinite(page_ms):
        raise InvalidInput(f"the act's page_ms {str(page_ms)[:40]!r} must be ms on the page's clock", act_id=act_id)
    return ScreenAct(act_id, max(0.0, clock.at(page_ms)), cast(ActKind, kind), str(item.get("detail") or "")[:MAX_TEXT])


class PageClock:
    """Maps the page's clock to the session's, by the round trip with the smallest delay among the newest ones.

    The method is Cristian's (Probabilistic clock synchronization, 1989): the error is at most half the round trip.
    """

    def __init__(self, newest: int = 20) -> None:
        self._trips: deque[tuple[float, float]] = deque(maxlen=newest)  # (round trip, page − session) in s
        self._offset = 0.0

    @property
    def known(self) -> bool:
        """Has there been a round trip?"""
        return bool(self._trips)

    @property
    def round_trip(self) -> float:
        """The smallest round trip among the newest, in s."""
        return min(self._trips)[0] if self._trips else math.inf

    def add(self, sent: float, page_ms: float, received: float) -> None:
        """Take one round trip: `sent` and `received` in s on the session's clock, the page's answer in ms on its own."""
        self._trips.append((received - sent, page_ms / 1000 - (sent + received) / 2))
        self._offset = min(self._trips)[1]

    def at(self, page_ms: float) -> float:
        """A time of the page in seconds on the session's clock."""
        return page_ms / 1000 - self._offset
