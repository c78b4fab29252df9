"""Pictures of a student's face, card and room as files of a folder of their own. They are encoded anew, so that nothing but the picture is kept."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from basics.errors import StorageError, TooMany
from basics.locks import KeyedLocks
from basics.own_files import is_own, open_own
from basics.texts import _
from media.pictures import decode_jpeg

Kind = Literal["face", "card", "room", "still"]
"""`still`: of the face, from the camera in mid-exam."""

KINDS: tuple[Kind, ...] = get_args(Kind)
MOST: Mapping[Kind, int] = MappingProxyType({"face": 6, "card": 6, "room": 12, "still": 6})  # of one session
NAME = re.compile(rf"({'|'.join(KINDS)})-[0-9a-f]{{16}}")
FILE = re.compile(rf"identity-[0-9a-f]{{32}}-({'|'.join(KINDS)})-[0-9a-f]{{16}}\.jpg")
PIXELS_MAX = 3_000_000  # of one that comes in
SIDE_MAX = 1600  # pixels, of one that is kept; a card fills a third of it and can be read
QUALITY = 88


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that is kept. `name` is its kind and a random number; with the session it makes the name of its file."""

    name: str
    kind: Kind
    size: int
    width: int
    height: int
    sha256: str


class IdentityPictures:
    """The folder of such pictures. Safe between threads."""

    def __init__(self, folder: Path, stored: Callable[[str, Kind], int] = lambda _session_id, _kind: 0) -> None:
        """`stored` says how many of a kind a session has elsewhere, which count as well."""
        self.folder = folder
        self._stored = stored
        self._keeping = KeyedLocks()

    def keep_jpeg(self, session_id: str, kind: Kind, jpeg: bytes) -> Kept:
        """Keep a picture that somebody sent. Raise `InvalidInput` or `TooLarge` for what is no usable picture, `TooMany`, `StorageError`."""
        return self.keep(session_id, kind, decode_jpeg(jpeg, PIXELS_MAX))

    def keep(self, session_id: str, kind: Kind, image: npt.NDArray[np.uint8]) -> Kept:
        """Keep a picture, uint8 [h, w, 3] BGR. Raise `TooMany` where the session has as many of this kind as one may, `StorageError`."""
        image = _fitted(image)
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        name = f"{kind}-{secrets.token_hex(8)}"
        with self._keeping.held(session_id):
            here = len(list(self.folder.glob(f"{_file(session_id, kind)}-*.jpg")))
            if here >= MOST[kind] or here + self._stored(session_id, kind) >= MOST[kind]:
                raise TooMany(_("There are %(most)s such pictures already, as many as are kept. The last of them counts.", most=MOST[kind]))
            try:
                self._write(self.folder / f"{_file(session_id, name)}.jpg", data)
            except OSError as error:
                raise StorageError(_("The picture can't be stored now: %(error)s.", error=error.strerror or error)) from error
        return Kept(name, kind, len(data), image.shape[1], image.shape[0], hashlib.sha256(data).hexdigest())

    def path(self, session_id: str, name: str) -> Path | None:
        """The file of a picture; None for what is no picture's name, where it is gone, or a link stands in its place."""
        path = self.folder / f"{_file(session_id, name)}.jpg"
        return path if NAME.fullmatch(name) and is_own(path) else None

    def read(self, session_id: str, name: str) -> bytes | None:
        """A picture as JPEG; None as `path`."""
        if (path := self.path(session_id, name)) is None:
            return None
        try:
            with open_own(path) as file:
                return file.read()
        except OSError:  # its time was over just now
            return None

    def delete(self, session_id: str, name: str) -> None:
        """Delete one picture; harmless where there is none."""
        if (path := self.path(session_id, name)) is not None:
            path.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(f"{path.name}.part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise


def _file(session_id: str, name: str) -> str:
    return f"identity-{session_id}-{name}"


def _fitted(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The picture, no larger than is kept."""
    height, width = image.shape[:2]
    scale = SIDE_MAX / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
