"""Pictures that cost far more than they weigh."""

from __future__ import annotations

import struct
import threading

import cv2
import numpy as np

from bench.harness.page import HandPage
from bench.hostile.arena import Arena, Case
from bench.hostile.floods import again_and_again

SIDE = 1448  # pixels: 181 × 181 blocks, which one run of empty blocks covers
BLOCKS = (SIDE // 8) ** 2
SCANS = 14_000
EVERY_S = 0.1
LARGE_SIDE = 7000  # pixels

# An SPS of 8176×8176 that readers of profiles 134, 135 and 139 with chroma fields take for 4080×32, then a PPS and a slice.
BOMB = "00000001 67{profile:02x}001ff3c03fe01ffc80 00000001 68ce3880 00000001 6588840d" + "5ab56ad5" * 8
PROFILES = (134, 135, 139, 144)


def empty_scans(scans: int = SCANS) -> bytes:
    """A progressive JPEG of some 170 KB: each of its scans says "no coefficient" for all blocks, and is gone through all the same."""

    def segment(marker: int, data: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    quantities = segment(0xDB, b"\x00" + b"\x01" * 64)
    frame = segment(0xC2, struct.pack(">BHHB", 8, SIDE, SIDE, 1) + b"\x01\x11\x00")
    one_code = b"\x01" + b"\x00" * 15  # a table with one code, of one bit
    tables = segment(0xC4, b"\x00" + one_code + b"\x00") + segment(0xC4, b"\x10" + one_code + b"\xe0")
    first = segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + b"\x00" * (BLOCKS // 8 + 1)
    run = f"0{BLOCKS - 2**14:014b}".ljust(16, "1")  # EOB14, and how many blocks more than 2^14
    data = int(run, 2).to_bytes(2, "big").replace(b"\xff", b"\xff\x00")
    scan = segment(0xDA, b"\x01\x01\x00\x01\x3f\x00") + data
    return b"\xff\xd8" + quantities + frame + tables + first + scan * scans + b"\xff\xd9"


def bombs() -> list[bytes]:
    """One key picture of each profile."""
    return [bytes.fromhex(BOMB.format(profile=profile).replace(" ", "")) for profile in PROFILES]


def progressive(arena: Arena, stop: threading.Event) -> None:
    """A JPEG of thousands of empty scans, ten times a second."""
    jpeg = empty_scans()

    def behave(page: HandPage, stop: threading.Event) -> None:
        while not stop.wait(EVERY_S):  # two of them: there is a worker for each core
            page.picture(jpeg)

    again_and_again(arena, stop, behave)


def large_jpeg() -> bytes:
    """A JPEG of 49 megapixels, all alike, that weighs some 200 KB."""
    shades = np.full((LARGE_SIDE, LARGE_SIDE), 90, np.uint8)
    return cv2.imencode(".jpg", shades, [cv2.IMWRITE_JPEG_QUALITY, 1, cv2.IMWRITE_JPEG_OPTIMIZE, 1])[1].tobytes()


def large(arena: Arena, stop: threading.Event) -> None:
    """Such a JPEG ten times a second, in an interval that is flagged: a clip would be made of them, and a proctor's browser show them."""
    jpeg = large_jpeg()

    def behave(page: HandPage, stop: threading.Event) -> None:
        for _ in range(5):
            page.act("copy")
        while not stop.wait(EVERY_S):
            page.picture(jpeg)

    again_and_again(arena, stop, behave)


def profiles(arena: Arena, stop: threading.Event) -> None:
    """H.264 that is small to who looks at it and 67 megapixels to who decodes it."""
    pictures = bombs()

    def behave(page: HandPage, stop: threading.Event) -> None:
        number = 0
        while not stop.wait(EVERY_S):
            page.picture(pictures[number % len(pictures)], "h264")
            number += 1

    again_and_again(arena, stop, behave)


CASES = [
    Case("empty scans", "a progressive JPEG of 14,000 empty scans", progressive, hostile=2),
    Case("large pictures", "JPEGs of 49 megapixels in a flagged interval", large),
    Case("profiles", "H.264 whose size is read in two ways", profiles, hostile=2),
]
