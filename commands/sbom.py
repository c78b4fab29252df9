"""Prints the list of what the server is made of, an SBOM in CycloneDX's JSON: `python -m commands.sbom > sbom.json`."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from basics.paths import ROOT

FILES = ("requirements.txt", "requirements-nodeps.txt")
ON_SOME = {"mediapipe": "requirements-mediapipe.txt", "boto3": "requirements-s3.txt"}  # servers only: where the package is


def bill() -> dict[str, Any]:
    """The pinned packages with the versions that are installed here, and the browser libraries of package-lock.json."""
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": [*_python_packages(), *_browser_libraries()]}


def _python_packages() -> list[dict[str, Any]]:
    found = {}
    for file in (*FILES, *(name for package, name in ON_SOME.items() if any(importlib.metadata.distributions(name=package)))):
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
            text = line.partition("#")[0].strip()
            if text and ((wanted := Requirement(text)).marker is None or wanted.marker.evaluate()):
                name = canonicalize_name(wanted.name)
                found[name] = _component("pypi", name, importlib.metadata.version(wanted.name))
    return [found[name] for name in sorted(found)]


def _browser_libraries() -> list[dict[str, Any]]:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    served = {path.rpartition("node_modules/")[2]: entry["version"] for path, entry in packages.items() if path and not entry.get("dev")}
    return [_component("npm", name, version) for name, version in sorted(served.items())]


def _component(kind: str, name: str, version: str) -> dict[str, Any]:
    address = f"pkg:{kind}/{name.replace('@', '%40')}@{version.replace('+', '%2B')}"
    return {"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address}


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=2)
    print()
