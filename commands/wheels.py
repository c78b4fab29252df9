"""`python -m commands.wheels`: can every pinned package be had, ready made, on each Python and system that the server is for?

It asks the index that `commands.lock` asks, and installs nothing: for each pin that holds there, a wheel that fits, and whether what that wheel says
it needs is pinned with it. The exit status is 1 where something is wanting; `UNSERVED` says what is known not to be there.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from typing import Any
from urllib.parse import urljoin

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from basics.paths import ROOT
from commands.lock import AT_ONCE, INDEX, JSON, TIMEOUT_S, pins, version_of

PYTHONS = ((3, 10), (3, 11), (3, 12), (3, 13), (3, 14))
RESOLVED = ("requirements.txt", "requirements-dev.txt", "requirements-s3.txt")  # what these need must be pinned, too
ALONE = ("requirements-nodeps.txt",)  # these are installed without what they say they need
MEDIAPIPE = "requirements-mediapipe.txt"  # so are these, where MediaPipe's package finds the gaze
GLIBC = 35  # Ubuntu 22.04's


@dataclass(frozen=True, slots=True)
class System:
    """One kind of machine: as markers name it, and the platforms of wheels that it takes, the best first."""

    name: str
    sys_platform: str
    os_name: str
    platform_system: str
    machine: str
    platforms: tuple[str, ...]

    def environment(self, python: tuple[int, int]) -> dict[str, str]:
        """What markers are compared with."""
        version = "{}.{}".format(*python)
        return {
            "python_version": version,
            "python_full_version": f"{version}.9",
            "implementation_name": "cpython",
            "implementation_version": f"{version}.9",
            "platform_python_implementation": "CPython",
            "sys_platform": self.sys_platform,
            "os_name": self.os_name,
            "platform_system": self.platform_system,
            "platform_machine": self.machine,
            "platform_release": "",
            "platform_version": "",
            "extra": "",
        }

    def tags(self, python: tuple[int, int]) -> set[Tag]:
        """The tags of wheels that it takes with that Python."""
        own = cpython_tags(python, platforms=self.platforms)
        return {*own, *compatible_tags(python, "cp{}{}".format(*python), self.platforms)}


def _linux(machine: str) -> System:
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 4, -1)]
    named = [f"{name}_{machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1", "linux")]
    return System(f"Linux {machine}", "linux", "posix", "Linux", machine, (*platforms, *named))


def _mac(machine: str) -> System:
    return System(f"macOS {machine}", "darwin", "posix", "Darwin", machine, tuple(mac_platforms((14, 0), machine)))


SYSTEMS = (
    _linux("x86_64"),
    _linux("aarch64"),
    _mac("arm64"),
    _mac("x86_64"),
    System("Windows AMD64", "win32", "nt", "Windows", "AMD64", ("win_amd64",)),
)
BY_MEDIAPIPE = "macOS x86_64"
UNSERVED = {(BY_MEDIAPIPE, python): "MediaPipe, which finds the gaze there, has wheels up to Python 3.12" for python in ((3, 13), (3, 14))}


class Index:
    """The files of the pinned packages, each package asked for once."""

    def __init__(self, wanted: Iterable[Requirement], address: str = INDEX) -> None:
        names = sorted({canonicalize_name(pin.name) for pin in wanted})
        self._address = address
        self._needs: dict[str, list[Requirement]] = {}
        self.untold: set[str] = set()  # pins of which nobody says what they need
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self._files: dict[str, list[dict[str, Any]]] = dict(zip(names, pool.map(self._listed, names), strict=True))

    def _listed(self, name: str) -> list[dict[str, Any]]:
        request = urllib.request.Request(f"{self._address}/{name}/", headers={"Accept": JSON})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return [entry | {"page": answer.url} for entry in json.load(answer)["files"]]

    def wheel(self, pin: Requirement, system: System, python: tuple[int, int]) -> dict[str, Any] | None:
        """A wheel of the pinned version that this Python takes on this system."""
        tags, version = system.tags(python), version_of(pin)
        for entry in self._files[canonicalize_name(pin.name)]:
            try:
                _, its, _, fits = parse_wheel_filename(entry["filename"])
            except InvalidWheelFilename:
                continue
            if its == version and fits & tags and SpecifierSet(entry.get("requires-python") or "").contains("{}.{}.9".format(*python)):
                return entry
        return None

    def needs(self, pin: Requirement, wheel: dict[str, Any]) -> list[Requirement]:
        """What the wheel says it needs: by its metadata on the index, or where that has none, by what is installed here."""
        name = wheel["filename"]
        if name not in self._needs:
            if wheel.get("core-metadata"):
                with urllib.request.urlopen(urljoin(wheel["page"], wheel["url"]) + ".metadata", timeout=TIMEOUT_S) as answer:
                    lines = BytesHeaderParser().parse(answer).get_all("Requires-Dist", [])
            else:
                lines = self._installed(pin)
            self._needs[name] = [Requirement(line) for line in lines]
        return self._needs[name]

    def _installed(self, pin: Requirement) -> list[str]:
        for one in importlib.metadata.distributions(name=pin.name):
            if Version(one.version) == version_of(pin):
                return one.requires or []
        self.untold.add(f"{pin.name} {pin.specifier}")
        return []


def holding(pinned: Iterable[Requirement], environment: dict[str, str]) -> dict[str, Requirement]:
    """The pins whose markers hold, by name."""
    return {canonicalize_name(pin.name): pin for pin in pinned if pin.marker is None or pin.marker.evaluate(environment)}


def wanting(index: Index, resolved: list[Requirement], alone: list[Requirement], system: System, python: tuple[int, int]) -> Iterator[str]:
    """What can't be had there, or is needed and not pinned."""
    environment = system.environment(python)
    here = holding([*resolved, *alone], environment)
    asked = holding(resolved, environment)
    for name, pin in here.items():
        wheel = index.wheel(pin, system, python)
        if wheel is None:
            yield f"{pin.name} {version_of(pin)} has no wheel"
        elif name in asked:
            yield from _unpinned(name, index.needs(pin, wheel), here, environment)


def _unpinned(name: str, needs: list[Requirement], here: dict[str, Requirement], environment: dict[str, str]) -> Iterator[str]:
    for need in needs:
        if need.marker is None or need.marker.evaluate(environment):
            pin = here.get(canonicalize_name(need.name))
            if pin is None:
                yield f"{name} needs {need.name}, which is not pinned"
            elif not need.specifier.contains(version_of(pin), prereleases=True):
                yield f"{name} needs {need.name} {need.specifier}, and {version_of(pin)} is pinned"


def _pins(*names: str) -> list[Requirement]:
    return [pin for name in names for pin in pins((ROOT / name).read_text(encoding="utf-8"))]


def main() -> int:
    """Print a line for each Python on each system."""
    resolved, alone, mediapipe = (_pins(*names) for names in (RESOLVED, ALONE, (MEDIAPIPE,)))
    try:
        index = Index([*resolved, *alone, *mediapipe], os.environ.get("LOCK_INDEX", INDEX))
        found = {
            (system, python): sorted(set(wanting(index, resolved, alone + mediapipe * (system.name == BY_MEDIAPIPE), system, python)))
            for system in SYSTEMS
            for python in PYTHONS
        }
    except (OSError, ValueError) as error:
        print(f"It can't be told: {error}.", file=sys.stderr)
        return 1
    status = 0
    for (system, python), words in found.items():
        known = UNSERVED.get((system.name, python))
        status |= bool(words) and not known
        said = f"WANTING: {'; '.join(words)}" if words else "every package has its wheel"
        print(f"{system.name}, Python {'{}.{}'.format(*python)}: {f'not served: {known}' if known else said}")
    if index.untold:
        print(f"What these need isn't known here: {', '.join(sorted(index.untold))}")
    return status


if __name__ == "__main__":
    sys.exit(main())
