"""What the deployment files name is there: settings, commands, files, places in the documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from basics.paths import ROOT
from commands.registry import NAMES
from settings.settings import Settings
from tests.helpers.deployed import COMPOSE, DEPLOY, KUBERNETES, assignments, loaded, resource, resources

SETTINGS = {name.upper() for name in Settings.model_fields}
OTHERS = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "HOME"}
FRONTS = {"SERVER_1", "SERVER_2", "SERVER_3", "HTTP_BIND", "HTTPS_BIND", "TLS_CERT", "SITE", "INSTANCES"}  # of HAProxy and Caddy
COMPOSE_ONLY = {"MONGO_PASSWORD", "MONGO_KEY", "TLS_CERT_FILE", "PROCTOR_IMAGE"}

SERVICE = DEPLOY / "systemd" / "proctor.service"
TEXTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in [*DEPLOY.rglob("*"), ROOT / ".dockerignore"] if path.is_file()}


def given() -> Iterator[tuple[str, str]]:
    """Each environment variable that a deployment file gives to the server, with the file's name."""
    yield from (("Dockerfile", name) for name in re.findall(r"^(?:ENV |    )([A-Z][A-Z0-9_]+)=", TEXTS["deploy/Dockerfile"], re.MULTILINE))
    for path in COMPOSE:
        services = loaded(path)["services"]
        for name, service in services.items():
            if name.startswith("proctor"):
                yield from ((path.name, variable) for variable in service["environment"])
    yield from (("kubernetes", name) for name in resource("ConfigMap", "proctor")["data"])
    yield from (("kubernetes", name) for name in resource("Secret", "proctor")["stringData"])
    (container,) = resource("StatefulSet", "proctor")["spec"]["template"]["spec"]["containers"]
    yield from (("kubernetes", variable["name"]) for variable in container["env"])
    for line in re.findall(r"^Environment=(.*)$", SERVICE.read_text(encoding="utf-8"), re.MULTILINE):
        yield from ((SERVICE.name, word.partition("=")[0]) for word in line.split())
    example = DEPLOY / "systemd" / "proctor.env.example"
    yield from ((example.name, name) for name in assignments(example))


def test_every_variable_that_the_server_is_given_is_a_setting() -> None:
    found = set(given())
    assert {name for name, _ in found} == {
        "Dockerfile",
        "compose.yaml",
        "compose.single.yaml",
        "kubernetes",
        "proctor.service",
        "proctor.env.example",
    }
    assert sorted((file, name) for file, name in found if name not in SETTINGS | OTHERS) == []


def test_settings_that_are_given_are_taken() -> None:
    """Values, not names alone: what the Dockerfile, the config map and the unit give makes valid settings."""
    plain = {
        **dict(re.findall(r"^(?:ENV |    )([A-Z][A-Z0-9_]+)=(\S+)", TEXTS["deploy/Dockerfile"], re.MULTILINE)),
        **resource("ConfigMap", "proctor")["data"],
        **resource("Secret", "proctor")["stringData"],
    }
    fields = {name.lower(): value for name, value in plain.items() if name in SETTINGS and value}
    Settings.model_validate(fields | {"proctor_password": "four words for deploying"})


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_the_example_has_every_variable_that_a_compose_file_asks_for(path: Path) -> None:
    asked = set(re.findall(r"\$\{(\w+)(?::[?-][^}]*)?\}", path.read_text(encoding="utf-8"))) - {"PROCTOR_IMAGE"}
    example = assignments(DEPLOY / "compose.env.example")
    assert asked
    assert asked <= set(example)
    assert {name for name in example if name not in SETTINGS | COMPOSE_ONLY | FRONTS} == set()


@pytest.mark.parametrize("file", sorted(TEXTS))
def test_commands_and_files_that_are_named_are_there(file: str) -> None:
    text = TEXTS[file]
    commands = set(re.findall(r"(?:flask --app app |flask, --app, app, )(\w+)", text))
    assert commands <= NAMES
    for module in re.findall(r"(?:-m |-m, )(commands\.\w+)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
    for name in re.findall(r"\b((?:deploy|docs)/[\w./-]*\w\.\w+)", text):
        assert name == "deploy/.env" or (ROOT / name).is_file(), name


def test_kustomize_takes_every_file_but_the_example() -> None:
    kustomization = loaded(DEPLOY / "kustomization.yaml")
    taken = {DEPLOY / name for name in kustomization["resources"]}
    assert {path for path in KUBERNETES if ".example." not in path.name} == taken
    for generator in kustomization["configMapGenerator"]:
        assert all((DEPLOY / name).is_file() for name in generator["files"])
    assert {one["metadata"].get("namespace", kustomization["namespace"]) for one in resources()} == {"proctor"}
