"""The deployment files as tests read them, and the programs that they are for."""

from __future__ import annotations

import copy
import functools
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from basics.paths import ROOT

DEPLOY = ROOT / "deploy"
TOOLS = ROOT / "venv" / "tools"  # where set-up for tests unpacks single programs
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
COMPOSE = (DEPLOY / "compose.yaml", DEPLOY / "compose.single.yaml")
RULES = DEPLOY / "prometheus" / "proctor.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "proctor.json"


def program(name: str) -> str:
    """Where the program is; the test is skipped where there is none."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:{TOOLS}:{Path(sys.executable).parent}")
    if found is None:
        pytest.skip(f"needs {name} (./setup.sh --test brings it where apt can)")
    return found


def loaded(path: Path) -> Any:
    """The one document of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def resources() -> list[dict[str, Any]]:
    """Every resource of the Kubernetes files."""
    return copy.deepcopy(_resources())


@functools.cache
def _resources() -> list[dict[str, Any]]:
    return [found for path in KUBERNETES for found in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def resource(kind: str, name: str) -> Any:
    """The resource of this kind and name. Raise `LookupError`."""
    for found in resources():
        if found["kind"] == kind and found["metadata"]["name"] == name:
            return found
    raise LookupError(f"no {kind} {name} in {DEPLOY / 'kubernetes'}")


def assignments(path: Path) -> dict[str, str]:
    """NAME → value of a file of settings, those behind a number sign too."""
    lines = (line.lstrip("#") for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line.partition("=")[0].isidentifier() and "=" in line)
    return {name: value for name, _, value in pairs if name.isupper()}
