"""What a clip is made of, what became of it, and how its file is called."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from basics.readings import Frame, Sound

FOLDER_MAX_BYTES = 120  # a name of 128 letters may take 512 bytes, and file systems end at 255
RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
NAME_SIGNS = frozenset("._@-+,=()")  # beside letters, marks and digits; the others part folders, mean something to a shell, or show nothing


NOT_MADE: Mapping[str, Any] = {"clip.state": {"$nin": ["ready", "deleted"]}}
"""Of which records the clip may be written. One that is made stands: after a take-over two servers may make clips of one interval, each of what it
has, and the file of the first may be on the store alone by the time at which the second is there. Who moves, misses or deletes a file, or has kept
the moment itself where another's clip begins behind it, says so by conditions of its own."""


@dataclass(frozen=True, slots=True)
class ClipJob:
    """What a clip is made of. `start`, `end` are on the session's clock; `interval_started_at` is UTC and names the file."""

    session_id: str
    user_id: str
    index: int
    interval_started_at: datetime
    score: int
    start: float
    end: float
    frames: list[Frame]
    sounds: list[Sound]
    marks: list[list[Any]] = field(default_factory=list)
    kept: bool = False  # its pictures and sound are on disk (`media.kept`) and not in `frames` and `sounds`
    flagged: bool = True  # else a proctor marked a moment of it

    @property
    def key(self) -> str:
        """The id of its interval."""
        return f"{self.session_id}-{self.index}"

    @property
    def nbytes(self) -> int:
        """Bytes of the pictures and the sound."""
        return sum(len(frame.data) for frame in self.frames) + sum(sound.samples.nbytes for sound in self.sounds)


@dataclass(frozen=True, slots=True)
class Clip:
    """What became of a clip, as it stands in its interval's record. `start` is where it begins on the session's clock.

    `on` is the name of the server on whose disk its file is, or, while it is still to be made, what it is made of; empty once it is on the store.
    """

    state: str
    path: str = ""
    sha256: str = ""
    duration: float = 0.0
    size_bytes: int = 0
    reason: str = ""
    start: float = 0.0
    marks: list[list[Any]] = field(default_factory=list)
    on: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For storage and answers."""
        return asdict(self)


def file_name(job: ClipJob, number: int = 1) -> str:
    """The clip's name in its student's folder; `number` tells it from others of the same second and score."""
    name = f"{'flagged' if job.flagged else 'marked'}_{job.interval_started_at:%Y-%m-%dT%H-%M-%S}_score{job.score}"
    return f"{name}.mp4" if number == 1 else f"{name}_{number}.mp4"


def folder_name(user_id: str) -> str:
    """A folder's name for a student's id on any file system: short enough, no path of its own, and no name with a meaning of its own.

    An id of letters, digits and `._@-` alone is its folder's name, as it always was; what can't be said in one ends in a part of its hash.
    """
    name = f"{user_id}_" if RESERVED.match(user_id) or user_id.endswith((".", " ")) else user_id
    plain = "".join(character if _names(character) else "_" for character in name)
    encoded = plain.encode()
    if plain == name and len(encoded) <= FOLDER_MAX_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{encoded[: FOLDER_MAX_BYTES - 13].decode(errors='ignore')}-{digest}"


def _names(character: str) -> bool:
    return character in NAME_SIGNS or unicodedata.category(character)[0] in "LMN"
