"""What the media messages of one connection become: pictures, sound and stills of the exam, or an error that says what is wrong with them."""

from __future__ import annotations

import numpy as np

from basics.errors import TooLarge, TooMany, Unsupported
from basics.readings import SAMPLE_RATE, Frame, Sound
from media.h264 import inspect
from media.opus import OpusReader, packet_s, packets
from media.pictures import check_picture
from web.student.budget import Allowance
from web.student.exam import Exam, Terms
from web.student.protocol import MAX_SOUND_S, Media
from web.student.video import STILL_MAX_PIXELS

SOUND_A_SECOND, SOUND_AT_ONCE_S = 2.0, 60.0  # seconds of sound: a line that stood still brings what was said meanwhile


class Intake:
    """Takes the media of one connection, in the order in which they come. Not thread-safe."""

    def __init__(self, exam: Exam, terms: Terms) -> None:
        self._exam = exam
        self._terms = terms
        self._last_at = -1.0  # of the newest picture: an older one is not taken after it
        self._opus = OpusReader(MAX_SOUND_S)
        self._sound_s = Allowance(SOUND_A_SECOND, SOUND_AT_ONCE_S)

    def take(self, media: Media, at: float, now: float) -> None:
        """Hand a message that comes `now` to the exam, as of `at` on its clock. Raise `InvalidInput`, `TooLarge`, `Unsupported` or `TooMany`."""
        if media.kind == "still":
            self._take_still(media, at)
        elif media.kind == "picture" and media.codec in {"jpeg", "h264"}:
            self._take_picture(media, at)
        elif media.kind == "sound" and media.codec in {"pcm16", "opus"}:
            self._take_sound(media, at, now)
        else:
            raise Unsupported(f"{media.kind}s as {media.codec} aren't taken by this server; send pictures as jpeg or h264, sound as pcm16 or opus")

    def _take_picture(self, media: Media, at: float) -> None:
        self._refuse_too_large("picture", media)
        # What a picture says of itself is looked at before anything keeps it: clips are made of it, and proctors' browsers show a JPEG as it came.
        most = self._terms.max_picture_pixels
        if media.codec == "jpeg":
            check_picture(media.payload, most)
        key = media.codec == "jpeg" or inspect(media.payload, most).key
        if at <= self._last_at or at < 0:
            return
        self._last_at = at
        self._exam.take_frame(Frame(at, media.payload, media.codec, key, media.layer, media.sequence))

    def _take_sound(self, media: Media, at: float, now: float) -> None:
        opus = media.codec == "opus"
        if not opus and len(media.payload) > MAX_SOUND_S * SAMPLE_RATE * 2:
            raise TooLarge(f"a sound message of {len(media.payload)} bytes is too long; send at most {MAX_SOUND_S:g} s in one")
        seconds = sum(map(packet_s, packets(media.payload))) if opus else len(media.payload) / 2 / SAMPLE_RATE
        if seconds <= MAX_SOUND_S and not self._sound_s.allows(now, seconds):
            raise TooMany("more sound came than time has passed; what is too much is not heard")
        if opus:
            sound = self._opus.read(media.payload, at, media.sequence)
        else:
            samples = np.frombuffer(media.payload[: len(media.payload) // 2 * 2], "<i2").astype(np.int16, copy=False)
            sound = Sound(at, samples, media.sequence)
        if sound.at >= 0:
            self._exam.take_sound(sound)

    def _take_still(self, media: Media, at: float) -> None:
        if self._terms.screen_capture == "off":
            raise Unsupported("stills of the screen aren't asked for by this server (SCREEN_CAPTURE is off)")
        if media.codec != "jpeg":
            raise Unsupported("stills of the screen are taken as jpeg")
        self._refuse_too_large("still", media)
        check_picture(media.payload, STILL_MAX_PIXELS)  # a proctor's browser shows it as it came
        if at >= 0:
            self._exam.take_still(Frame(at, media.payload, "jpeg", sequence=media.sequence))

    def _refuse_too_large(self, kind: str, media: Media) -> None:
        most = self._terms.max_picture_kb
        if len(media.payload) > most * 1024:
            raise TooLarge(f"a {kind} of {len(media.payload) // 1024} KB is too large; at most {most} KB are taken")
