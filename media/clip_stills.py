"""A picture out of a clip: the moment that is asked for, as a JPEG, kept in the folder for temporary files."""

from __future__ import annotations

import io
import secrets
import threading
from pathlib import Path

import av
from av.error import FFmpegError
from PIL import Image

from basics.errors import NotFound
from basics.own_files import is_own
from basics.texts import _
from media.stores.base import KeptFile

QUALITY = 80
WIDTH_MAX = 640  # pixels
KEPT_MAX = 2000  # stills in the folder, 40 KB each; beyond it the oldest go
SEEK_MARGIN_S = 0.001  # the clip's times are whole ms


class ClipStills:
    """Takes stills from clips, one at a time, and keeps them. Safe between threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taking = threading.Lock()

    def get(self, clip: KeptFile, key: str, at: float) -> Path:
        """The JPEG of the picture shown at `at` seconds of `clip`; `key` names it, and is another one for another clip.

        Raise `NotFound` for a clip that can't be read, `StorageError` for a store that doesn't give it.
        """
        path = self.folder / f"still-{key}-{round(at * 1000)}.jpg"
        # One at a time: a queue page asks for thirty at once, and decoding must leave the cores to the exams.
        with self._taking:
            if not is_own(path):
                self._keep(path, take_still(clip, at))
        return path

    def _keep(self, path: Path, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}-{secrets.token_hex(4)}.part")
        part.write_bytes(data)
        part.replace(path)
        kept = sorted(self.folder.glob("still-*.jpg"), key=lambda file: file.stat().st_mtime)
        for old in kept[: max(0, len(kept) - KEPT_MAX)]:
            old.unlink(missing_ok=True)


def take_still(clip: KeptFile, at: float) -> bytes:
    """The picture shown at `at` seconds of `clip`, as a JPEG. Raise `NotFound` when it has none or can't be read."""
    try:
        with clip.opened() as file, av.open(file, "r") as container:
            if not container.streams.video:
                raise NotFound(_("The clip has sound and no picture."))
            container.streams.video[0].thread_count = 1
            container.seek(max(0, int(at * 1_000_000)), backward=True)
            shown = None
            for frame in container.decode(video=0):
                if shown is not None and frame.time is not None and frame.time > at + SEEK_MARGIN_S:
                    break
                shown = frame
    except (OSError, FFmpegError) as error:
        raise NotFound(_("No still can be taken from the clip: %(error)s.", error=error)) from error
    if shown is None:
        raise NotFound(_("No still can be taken from the clip: it holds no picture."))
    image = Image.fromarray(shown.to_ndarray(format="rgb24"))
    image.thumbnail((WIDTH_MAX, WIDTH_MAX))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=QUALITY)
    return data.getvalue()
