"""The image, the compose files and the Kubernetes resources: valid by their own schemas, and what they promise of safety is in them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema

from basics.paths import ROOT
from tests.helpers.deployed import COMPOSE, DEPLOY, KUBERNETES, loaded, program, resource, resources
from tests.helpers.house import FLOORS

KUBERNETES_VERSION = "1.37"
DOCKERFILE = DEPLOY / "Dockerfile"
NOT_IN_THE_IMAGE = {"bench", "demo"}
PODS = ("StatefulSet", "proctor"), ("Deployment", "haproxy")


# The image


def test_the_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    found = subprocess.run([program("hadolint"), str(DOCKERFILE)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stdout


def test_the_image_serves_as_an_ordinary_user_one_process_and_says_how_it_is() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    last = text[text.rindex("\nFROM ") :]
    assert "\nUSER 1000:1000\n" in last
    assert '\nCMD ["venv/bin/python", "app.py"]' in last
    assert "/api/health" in last[last.index("\nHEALTHCHECK ") :]
    folders = re.findall(r"([A-Z]+_DIR)=(\S+)", last)
    assert {name for name, _ in folders} == {"DATA_DIR", "CLIPS_DIR", "IDENTITY_DIR", "TEMP_DIR", "LOG_DIR"}
    assert all(folder.startswith("/data/") for _, folder in folders), "the root is read-only"


def test_the_image_is_made_of_the_product_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*", "what nobody named stays outside: settings, keys, records"
    named = {line[1:] for line in lines if line.startswith("!")}
    rooms = {name for floor in FLOORS for name in floor if (ROOT / name).is_dir()} - NOT_IN_THE_IMAGE
    assert rooms <= named
    assert not named & {".env", "data", "flagged_videos", "identity", "temp", "logs", "venv", "node_modules", "tests", *NOT_IN_THE_IMAGE}
    for name in named - {"models"}:
        assert list(ROOT.glob(name)), f"{name} is not there"
    script = (ROOT / "setup.sh").read_text(encoding="utf-8")
    for name in ("package-lock.json", ".env.example", "requirements*.lock"):
        assert name in named
        assert name.partition("*")[0] in script


# Compose


@pytest.fixture(scope="module")
def compose_schema() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(get_builtin_schema("vendor.compose-spec"))


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_a_compose_file_is_valid_and_a_fault_in_it_is_found(path: Path, compose_schema: jsonschema.Draft7Validator) -> None:
    assert [error.message for error in compose_schema.iter_errors(loaded(path))] == []
    wrong = path.read_text(encoding="utf-8").replace("{condition: service_healthy}", "{conditon: service_healthy}", 1)
    assert list(compose_schema.iter_errors(yaml.safe_load(wrong)))


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_compose_services_are_held_short_and_what_they_name_is_there(path: Path) -> None:
    whole = loaded(path)
    services: dict[str, Any] = whole["services"]
    ours = {name: service for name, service in services.items() if name.startswith("proctor")}
    assert ours
    for name, service in ours.items():
        assert (service["user"], service["read_only"], service["cap_drop"]) == ("1000:1000", True, ["ALL"]), name
        assert "ports" not in service, "people come through the proxy"
    volumes = [volume for service in ours.values() for volume in service["volumes"]]
    assert len(volumes) == len(set(volumes)) == len(ours), "each has a folder of its own"
    for service in services.values():
        assert set(service.get("networks", [])) <= set(whole["networks"])
        assert set(service.get("depends_on", [])) <= set(services)
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in whole["volumes"] or (DEPLOY / source).is_file(), source
        for kind in ("secrets", "configs"):
            assert {one["source"] if isinstance(one, dict) else one for one in service.get(kind, [])} <= set(whole.get(kind, {}))
    assert (DEPLOY / (build := next(iter(ours.values()))["build"])["context"] / build["dockerfile"]).resolve() == DOCKERFILE


def test_three_instances_share_a_replica_set_and_haproxy_knows_each() -> None:
    services = loaded(COMPOSE[0])["services"]
    names = [name for name in services if name.startswith("proctor")]
    assert len(names) == 3
    for name in names:
        environment = services[name]["environment"]
        assert environment["INSTANCE_NAME"] == name
        assert environment["INSTANCE_URL"] == f"http://{name}:5000"
    assert [services["haproxy"]["environment"][f"SERVER_{number}"] for number in (1, 2, 3)] == [f"{name}:5000" for name in names]
    members = [word for word in services["replica-set"]["command"] if ":" in word]
    uri = services["proctor-1"]["environment"]["MONGO_URI"]
    assert ",".join(member.removesuffix(":27017") for member in members) in uri
    (replica_set,) = re.findall(r"replicaSet=(\w+)", uri)
    assert f"--replSet {replica_set} " in services["mongo-1"]["entrypoint"][-1]


# Kubernetes


@pytest.mark.parametrize("found", resources(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_a_resource_is_valid(found: dict[str, Any]) -> None:
    kubernetes_validate.validate(found, KUBERNETES_VERSION, strict=True)


def test_a_fault_in_a_resource_is_found() -> None:
    wrong = resource("StatefulSet", "proctor")
    (container,) = wrong["spec"]["template"]["spec"]["containers"]
    container["readynessProbe"] = container.pop("readinessProbe")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES_VERSION, strict=True)


@pytest.mark.parametrize(("kind", "name"), PODS)
def test_a_pod_may_no_more_than_it_needs(kind: str, name: str) -> None:
    """What the namespace's level `restricted` asks for, and a root that can't be written."""
    assert resource("Namespace", "proctor")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = resource(kind, name)["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["livenessProbe"]) & {"tcpSocket", "httpGet", "exec"} == {"tcpSocket"}, "an outage of the database restarts no pod"


def test_an_instance_keeps_its_folder_and_lets_go_before_it_ends() -> None:
    stateful = resource("StatefulSet", "proctor")["spec"]
    pod = stateful["template"]["spec"]
    (container,) = pod["containers"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    (claim,) = stateful["volumeClaimTemplates"]
    assert mounted[claim["metadata"]["name"]] == "/data"
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"], "no two instances share a folder"
    assert set(mounted) == {claim["metadata"]["name"], *(volume["name"] for volume in pod["volumes"])}
    assert container["readinessProbe"]["httpGet"]["path"] == "/api/ready"
    assert container["lifecycle"]["preStop"]["exec"]["command"][-1] == "drain"
    assert pod["terminationGracePeriodSeconds"] >= 180
    assert resource("PodDisruptionBudget", "proctor")["spec"]["maxUnavailable"] == 1


def test_what_selects_pods_finds_them_and_what_names_names_what_is_there() -> None:
    labels = {name: resource(kind, name)["spec"]["template"]["metadata"]["labels"] for kind, name in PODS}
    for found in resources():
        spec = found.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector") if found["kind"] in {"Service", "NetworkPolicy", "PodDisruptionBudget"} else None
        if selector is not None:
            assert selector.get("matchLabels", selector) in labels.values(), found["metadata"]["name"]
    stateful = resource("StatefulSet", "proctor")["spec"]
    service = stateful["serviceName"]
    assert resource("Service", service)["spec"]["clusterIP"] == "None"
    servers = [f"proctor-{number}.{service}:5000" for number in range(stateful["replicas"])]
    (haproxy,) = resource("Deployment", "haproxy")["spec"]["template"]["spec"]["containers"]
    assert [one["value"] for one in haproxy["env"] if one["name"].startswith("SERVER_")] == servers
    (rule,) = resource("Ingress", "proctor")["spec"]["rules"]
    assert rule["http"]["paths"][0]["backend"]["service"]["name"] == resource("Service", "proctor")["metadata"]["name"]
    (container,) = stateful["template"]["spec"]["containers"]
    for source in container["envFrom"]:
        (reference,) = source
        assert resource("ConfigMap" if reference == "configMapRef" else "Secret", source[reference]["name"])
    assert not [path for path in KUBERNETES if "kind: Secret" in path.read_text(encoding="utf-8") and ".example." not in path.name]
