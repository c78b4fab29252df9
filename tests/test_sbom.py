"""The SBOM names every package that is pinned and installed, once."""

from __future__ import annotations

import importlib.metadata
import json

from basics.paths import ROOT
from commands.sbom import bill


def test_the_sbom_has_each_served_package_with_its_installed_version_once() -> None:
    made = bill()
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.5")
    refs = [component["bom-ref"] for component in made["components"]]
    assert len(refs) == len(set(refs))
    for package in ("flask", "ai-edge-litert", "numpy"):
        assert f"pkg:pypi/{package}@{importlib.metadata.version(package)}" in refs
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert f"pkg:npm/chart.js@{lock['node_modules/chart.js']['version']}" in refs
    assert not [ref for ref in refs if "axe-core" in ref or "pytest" in ref]
