"""`python -m commands.lock`: writes beside each requirements file a lock file with the same pins and the SHA-256 of every file of each version.

Set-up installs from the lock files alone (`pip --require-hashes`): what an index or a mirror gives that isn't what was pinned is refused. Every
platform's and Python's files are listed, so that one lock serves all. To change a package: its pin in the requirements file, then this.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from basics.paths import ROOT

FILES = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-nodeps.txt",
    "requirements-mediapipe.txt",
    "requirements-s3.txt",
    "requirements-uv.txt",
)
INDEX = "https://pypi.org/simple"
JSON = "application/vnd.pypi.simple.v1+json"
TIMEOUT_S = 60
AT_ONCE = 8
HEAD = "# Made of {name} by `python -m commands.lock`: the same pins, with what each of their files must be.\n"


def pins(text: str) -> list[Requirement]:
    """The requirements of a file, in its order."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def lock_of(path: Path) -> Path:
    """The lock file of a requirements file."""
    return path.with_suffix(".lock")


def version_of(pin: Requirement) -> Version:
    """The one version that it allows. Raise `ValueError` for a requirement that is no pin."""
    specifiers = list(pin.specifier)
    if len(specifiers) != 1 or specifiers[0].operator != "==" or "*" in specifiers[0].version:
        raise ValueError(f"{pin} is no pin: write NAME==VERSION")
    return Version(specifiers[0].version)


def hashes_of(pin: Requirement, index: str = INDEX) -> list[str]:
    """The SHA-256 of every file of its version, in order. Raise `ValueError` where the index has none, `OSError` where it doesn't answer."""
    request = urllib.request.Request(f"{index}/{canonicalize_name(pin.name)}/", headers={"Accept": JSON})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        listed: list[dict[str, Any]] = json.load(answer)["files"]
    wanted = version_of(pin)
    found = sorted(entry["hashes"]["sha256"] for entry in listed if _version(entry["filename"]) == wanted)
    if not found:
        raise ValueError(f"{index} has no file of {pin.name} {wanted}")
    return found


def _version(filename: str) -> Version | None:
    try:
        return parse_wheel_filename(filename)[1] if filename.endswith(".whl") else parse_sdist_filename(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def lock_text(name: str, text: str, index: str = INDEX) -> str:
    """The lock of a requirements file called `name` with `text`."""
    pinned = pins(text)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        hashes = list(pool.map(lambda pin: hashes_of(pin, index), pinned))
    entries = [f"{pin} \\\n" + " \\\n".join(f"    --hash=sha256:{one}" for one in each) for pin, each in zip(pinned, hashes, strict=True)]
    return HEAD.format(name=name) + "\n".join(entries) + "\n"


def main() -> int:
    """Write the lock files; the exit status is 1 where one can't be made."""
    index = os.environ.get("LOCK_INDEX", INDEX)
    try:
        texts = {name: lock_text(name, (ROOT / name).read_text(encoding="utf-8"), index) for name in FILES}
    except (OSError, ValueError) as error:
        print(f"The lock files stay as they are: {error}.", file=sys.stderr)
        return 1
    for name, text in texts.items():
        lock_of(ROOT / name).write_text(text, encoding="utf-8")
        print(f"{lock_of(Path(name))}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
