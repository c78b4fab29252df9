"""A page with every picture that was read wrongly, and what was read of it: for finding causes, and never for a repository.

The pictures are inside the page, so it shows people: it is refused inside any Git repository, and its owner alone may read it.
"""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Sequence
from pathlib import Path

import cv2

from basics.errors import InvalidInput
from basics.paths import ROOT
from bench.harness.people import Outcome

SIDE = 480  # pixels along a picture's longer side
QUALITY = 80
PICTURES_MAX = 2000

STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(20em, 1fr)); gap: 1.5em; }
figure { margin: 0; } img { max-width: 100%; } figcaption { overflow-wrap: anywhere; }
"""


def refuse_inside_repository(path: Path) -> None:
    """Raise `InvalidInput` where `path` lies in this repository or in any other: pictures of people may never be committed."""
    place = path.resolve()
    for folder in place.parents:
        if folder == ROOT.resolve() or (folder / ".git").exists():
            raise InvalidInput(f"{path} lies in the repository {folder}, and pictures of people may never be committed. Give a place outside it.")
    if not place.parent.is_dir():
        raise InvalidInput(f"There is no folder {place.parent} for {path.name}. Make it, or give another place.")


def write(path: Path, found: Sequence[tuple[str, Outcome]]) -> int:
    """Write the wrong ones of `found` (set's name, file as read) to `path`, and return how many. Raise `InvalidInput` where that may not be."""
    refuse_inside_repository(path)
    wrong = [(name, one) for name, one in found if not one.right]
    shown = wrong[:PICTURES_MAX]
    title = f"{len(wrong)} of {len(found)} files were read wrongly" + (f"; the first {len(shown)}" if len(shown) < len(wrong) else "")
    parts = [f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>"]
    for task in dict.fromkeys(one.task for _, one in shown):
        these = [(name, one) for name, one in shown if one.task == task]
        parts.append(f"<h2>{html.escape(task)}: {len(these)}</h2><main>{''.join(_figure(name, one) for name, one in these)}</main>")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as page:
        page.write("".join(parts) + "</html>\n")
    return len(wrong)


def _figure(name: str, one: Outcome) -> str:
    numbers = ", ".join(f"{key} {value:.3g}" for key, value in one.numbers.items())
    words = [f"{name}/{one.path.parent.name}/{one.path.name}", f"labelled {one.label}, read {one.said}", one.person, numbers]
    caption = "<br>".join(html.escape(word) for word in words if word)
    return f"<figure>{_picture(one.path)}<figcaption>{caption}</figcaption></figure>"


def _picture(path: Path) -> str:
    image = cv2.imread(str(path))
    if image is None:  # sound
        return ""
    scale = min(1.0, SIDE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    data = base64.b64encode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{data}" alt="">'
