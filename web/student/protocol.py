"""The student's link: what a student's page, or anybody's client, and the server say to each other over `/student/link`.

It is one WebSocket without compression, `/student/link`, that offers the subprotocols `proctor.link` and `proctor.token.TOKEN`, of which the server
takes the first; a client that can send headers may bring `Authorization: Bearer TOKEN` instead. (`/student/link?token=TOKEN` is read, too, from
clients that were made before, but addresses are kept in logs.) The address may have `page`, the page's name, a new UUID for each load, and `attempt`,
which counts its attempts to connect: one that the server comes to late replaces no newer one of the same page. Where the exam is taken in Safe Exam
Browser only, `proctor.seb.PASS` stands among the subprotocols, too, with the `link_pass` of `POST /api/student/seb`; each connection needs one of its
own, else it closes with 1013. Text messages are JSON objects with a `type`; binary messages carry pictures, sound and stills of the screen.

1. The server says `clock`, and the page answers at once; three times before the first picture, then every 10 seconds. By these round trips the
   page's times are known on the session's clock. The server's own clock decides: media count as taken at most a minute before they arrive, acts
   that were kept as done while the page was away, and a page whose time can't be true is stamped as it arrives.
2. The server says `welcome`. Media that come before it are dropped; acts may come after the first answer to `clock`.
3. The page sends media, and sends its acts again until each is acknowledged. What is wrong with a message is told once for each thing, and the
   link stays open.
4. `ended` and `replaced` are the server's last word. After any other end the page comes again by itself: the link closes with 1013 when the server
   has just started or all places are taken, or the exam has `moved`, with 1001 when it stops. A page that says nothing for 30 seconds is taken for
   gone.

Text and numbers are checked as a call's body is: right types, ids of 8 to 64 letters, digits and dashes, numbers that are finite and times within
1e15 ms, text of one line without control characters, half pairs or marks that turn its direction; details and reasons are cut at 200 characters. An
act that lies ahead of the session, or so far back that the clock it was noted by must have been set, counts now, and media too; media of before the
session are dropped.

A network may block WebSockets. `POST /api/student/link` then takes the same messages in batches, and answers each with what is to be said; the
rules and bounds are the same, and each call counts as 4 messages more. A page gives each of its connections a new id and numbers its batches from
0: one that comes again is answered as it was, and counts once. It calls again when half a second has passed, and at once where it was asked for its
clock. Before an exam `/student/link/trial`, a WebSocket that begins no session, tells which way is open: it takes one message of at most 8 KB, says
`trial {bytes}`, and ends within five seconds.

No connection makes the server hold more than a message and a read: while it works, or waits to be read, it reads no more. A message has at most 2
MB, a text message 262,144 characters, a picture 64 NAL units. The connections of one session together may send 40 messages a second and two for
each picture that is asked for, pings and parts of messages counted, and 2 MB a second, ten seconds' worth of it at once; another connection counts
as 30 messages, and a session has four at a time (429 to a fifth). Who goes beyond is told by an error and by the reason of the close (1013, 1009
where the message was too large), who reads nothing for 10 seconds is let go; either may come again when the time for it has passed. Acts beyond 4
messages a second, and words about devices beyond one a second, are counted together a little later, the newest word of each device; of sound, no
more than twice the time that passes is heard.

Media stand behind a header of 16 bytes, little endian:

    offset  type  what
    0       u8    kind: 1 picture, 2 sound, 3 still
    1       u8    codec: 1 jpeg, 2 pcm16, 3 h264, 4 opus
    2       u8    flags: bit 0 key, bits 1 to 3 temporal layer
    3       u8    version: 1
    4       u32   sequence number, counted for each kind
    8       f64   time in ms on the page's clock (performance.timeOrigin + performance.now()); for sound, of its first sample

Pictures are jpeg or h264 and sound is pcm16 or opus, changed at will; stills are jpeg.

    jpeg    baseline, at most MAX_PICTURE_KB and 1280×1024 pixels, as pictures in h264 are; stills are taken where SCREEN_CAPTURE asks for them
    h264    Annex B, one picture a message, no B frames. A key picture holds its SPS and PPS, and comes at least every 2 seconds or so and when the
            server asks for one; every second is best, for of who sits still only keys are decoded. A picture that was encoded and not sent leaves
            its number out, so that the server waits for the next key. Where there are two temporal layers the server decodes the base alone, as
            long as nobody watches at full rate
    pcm16   16 kHz, mono, little endian; 100 to 500 ms a message are good, 5 seconds the most
    opus    packets, each behind its length as u16; 5 seconds the most, in 2,000 packets at most

The server says:

    clock {id, server_ms}            to be answered at once
    welcome {session_id, video, elapsed_s}
                                     send media from now on; video is {fps, width, height, quality, codecs, bitrate, still_s}
    received {count}                 so many messages of this connection, of every kind, have arrived; said at most five times a second. What was
                                     sent beyond is under way: send less where it grows
    acts {ids}                       these are stored (or, beyond 5,000 of a session, not taken any more: an error says so): forget them
    quality {notices}                codes of what the student can mend
    message {id, text, level, from, at, asks}
                                     a proctor's words, level message or warning; again on each connection, until it is read. asks is left out with
                                     most: for a picture of the face, the card or the room, which POST /api/student/identity/request answers
    call {call}                      the student's call: {at, text} while nobody has answered, null when it is over; after each welcome where there
                                     is one, and when it changes
    pause {paused, by, reason, seconds_left, breaks_left}
                                     on each connection once, and when it changes; send no media while paused
    different {accommodation, watched, not_asked, breaks_left}
                                     what is different for the student was changed while the exam runs, and holds from now on: accommodation as
                                     GET /api/student/session says it (null: nothing is different any more), the kinds that are watched, the
                                     devices that are not asked for, and how many breaks are left; after each welcome where that was so, and at
                                     each change
    time {left_s}                    seconds until the exam's time is over, null: no time is set any more; after the welcome where one is, and when it
                                     changes. What is done after it counts nothing; the server ends the exam with the code "time"
    slower {fps}, faster {fps}       the pictures a second that the server can read in time
    key {}                           a picture was lost or damaged: send a key picture next
    error {code, message}            what was wrong with a message; with act_id where it was one of several acts, with about "break" or "call"
                                     where it answers one
    ended {reason, code, note}       the exam is over
    replaced {}                      another tab took over
    moved {}                         the exam is at another server, or on its way: come again in a second, with all that is not acknowledged
    seb {}                           the exam is taken in Safe Exam Browser only, and no proof came with this connection: come again with one

The page says:

    clock {id, server_ms, page_ms, page?}
                                     the answer: id and server_ms as they came, page_ms the page's clock. page is a name for this clock: another
                                     one after a reload, and after each time at which the computer slept or was set
    acts {acts, page?, shift_ms?}    what happened on the screen, at most 200 in one message: {id, kind, page_ms, detail?, told_by?}; id is a UUID,
                                     page the clock of them all, shift_ms by how much it is behind the one that runs now, for a server that never met
                                     it; told_by is exam_page where not the page itself saw it but the exam's page of another site says so.
                                     Kinds:
                                     tab_switch, alt_tab, tab_hidden, tab_visible, window_blur, window_away, window_focus, copy, cut, paste,
                                     clipboard_changed, fullscreen_left, fullscreen_entered, share_stopped, second_display.
                                     The detail of window_blur says where the focus went: browser (its own controls, or a dialog of the page),
                                     elsewhere or unclear. It counts once a window_away, said after BLUR_MIN_S where it went elsewhere, or a
                                     window_focus shows that it lasted; without such a detail, at once. A window_focus with the detail unproven
                                     shows nothing: the page could not watch for how long the focus was away, or tells it by window_away.
                                     A tab_hidden with the detail dialog doesn't count: what covers the page may be its own dialog, to choose a file.
                                     A paste with the detail dropped was dragged in
    device {device, state, reason, gives?} camera, microphone or screen is starting, ok, missing, lost, frozen, covered, denied, ended or off. Of the
                                     camera, frozen: not one pixel of it changes; and whether it gives new pictures all the while, as one does that
                                     denoises, and a stuck one doesn't. In such a still picture nobody is found where nobody is seen
    page {hidden, focused?, camera?} every 10 seconds and when it changes: whether the page is out of sight, whether it has the focus, and the name of
                                     its camera; a proctor is shown where it isn't said for half a minute
    break {on}                       the student takes a break, while any are left, or comes back; answered by pause or error
    call {text?}                     the student calls the proctors, with or without a line of at most 500 characters; again, with words to be added.
                                     It is over when a proctor writes. At most 50 in a session, one in 5 seconds, and 10 at once
    uncall {}                        the student takes the call back
    read {id}                        the student has read a message
    end {}                           the student ends the exam
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from basics.errors import InvalidInput, Unsupported
from basics.readings import Codec, DeviceName, DeviceStateName, ScreenAct
from basics.texts import _
from web.student import said as words
from web.student.page_clock import Clock
from web.student.said import MAX_MS, ActSaid, BreakSaid, CallSaid, ClockSaid, DeviceSaid, ReadSaid, check, parse, shown

VERSION: Final = 1
HEADER: Final = struct.Struct("<BBBBId")
KINDS: Final = {1: "picture", 2: "sound", 3: "still"}
CODECS: Final[dict[int, Codec]] = {1: "jpeg", 2: "pcm16", 3: "h264", 4: "opus"}
ACT_KINDS: Final = words.ACT_KINDS
DEVICES: Final = words.DEVICES
STATES: Final = words.STATES
MAX_ACTS_PER_MESSAGE: Final = 200
MAX_ID: Final = 64  # characters of an act's
MAX_SOUND_S: Final = 5.0  # seconds of sound in one message

Message = dict[str, Any]
"""One text message, whoever says it: a JSON object with a `type`."""


# Media


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
    if not abs(time_ms) <= MAX_MS:  # written so that NaN is none
        raise InvalidInput(f"the time {time_ms:g} of a media message is no time of a page's clock in ms")
    return Media(KINDS[kind], CODECS[codec], sequence, time_ms, data[HEADER.size :], bool(flags & 1), flags >> 1 & 7)


# What the page says


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What the page says of one of its devices."""

    device: DeviceName
    state: DeviceStateName
    reason: str
    gives: bool | None = None  # of the camera: whether new pictures come from it


def unpack_text(text: str) -> Message:
    """The JSON message in `text`, an object with a `type`. Raise `InvalidInput` or `TooLarge`."""
    return parse(text)


def unpack_clock(message: Message) -> tuple[float, float]:
    """The id that a `clock` message answers, and the page's clock in ms. Raise `InvalidInput`."""
    said, _wrong = check(ClockSaid, message)
    if said is None:
        raise no_answer()
    return said.id, said.page_ms


def no_answer() -> InvalidInput:
    """The error of a `clock` message that answers none."""
    return InvalidInput("a clock message must repeat the id and server_ms it answers, and add page_ms")


def unpack_device(message: Message) -> DeviceReport:
    """What a `device` message says. Raise `InvalidInput`."""
    said, wrong = check(DeviceSaid, message)
    if said is not None:
        return DeviceReport(said.device, said.state, said.reason or "", said.gives)
    if wrong == "reason":
        raise InvalidInput(f"the reason {shown(message.get('reason'))} of a device's state must be one line of plain text")
    known = f"devices are {', '.join(sorted(DEVICES))}, states {', '.join(sorted(STATES))}"
    raise InvalidInput(f"device {shown(message.get('device'))} in state {shown(message.get('state'))} isn't known; {known}")


def unpack_break(message: Message) -> bool:
    """Whether a `break` message begins a break. Raise `InvalidInput`."""
    said, _wrong = check(BreakSaid, message)
    if said is None:
        raise InvalidInput('a break message must have "on": true or false')
    return said.on


def unpack_call(message: Message) -> str | None:
    """The words of a `call` message, None of an `uncall`. Raise `InvalidInput`."""
    if message["type"] == "uncall":
        return None
    said, _wrong = check(CallSaid, message)
    if said is None:
        raise InvalidInput(_("The text of a call must be one line of plain text, of at most %(most)s characters.", most=words.MAX_CALL))
    return said.text


def unpack_read(message: Message) -> str:
    """The id of the message that was read. Raise `InvalidInput`."""
    said, _wrong = check(ReadSaid, message)
    if said is None:
        raise InvalidInput("a read message must have the id of the message that was read")
    return said.id


def unpack_acts(message: Message, clock: Clock) -> tuple[list[ScreenAct], list[InvalidInput]]:
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


def _unpack_act(item: Any, clock: Clock) -> ScreenAct:
    said, wrong = check(ActSaid, item)
    if said is not None:
        return ScreenAct(said.id, max(0.0, clock.at(said.page_ms)), said.kind, said.detail or "", said.told_by or "")
    if not isinstance(item, dict):
        raise InvalidInput("an act must be an object {id, kind, page_ms}")
    rules = {
        "id": "must be 8 to 64 letters, digits and dashes; use a UUID",
        "kind": f"is none of {', '.join(sorted(ACT_KINDS))}",
        "page_ms": "must be ms on the page's clock",
        "detail": "must be one line of plain text",
        "told_by": "must be exam_page, or left out",
    }
    raise InvalidInput(f"the act's {wrong} {shown(item.get(wrong))} {rules[wrong]}", **_named(item.get("id")))


def _named(act_id: object) -> dict[str, str]:
    """By which id the page knows an act that is refused; nothing where what it calls one can't be said again."""
    return {"act_id": act_id} if isinstance(act_id, str) and len(act_id) <= MAX_ID and act_id.isascii() and act_id.isprintable() else {}
