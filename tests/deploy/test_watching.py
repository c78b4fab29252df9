"""The rules for Prometheus and the dashboard for Grafana ask for figures that the server gives, and each alert leads to what to do."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from basics.paths import ROOT
from cluster.membership import Membership
from records.uploads import Uploads
from tests.helpers.deployed import DASHBOARD, DEPLOY, RULES, loaded, program
from tests.helpers.web import MakeApp, local_client
from web.parts import parts_of

FIGURE = re.compile(r"\b(?:proctor|process)_[a-z_]+\b")
PROMETHEUS = DEPLOY / "prometheus"


def alerts() -> list[dict[str, Any]]:
    return [rule for group in loaded(RULES)["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Each expression with the name of what asks it."""
    yield from ((rule["alert"], rule["expr"]) for rule in alerts())
    yield from ((panel["title"], target["expr"]) for panel in panels() for target in panel["targets"])


@pytest.fixture
def figures(make_app: MakeApp, tmp_path: Path) -> set[str]:
    """The names of all that `/metrics` gives of a server among others with a store of clips, after a call."""
    app = make_app(clip_store="shared", clip_store_dir=tmp_path / "store")
    parts = parts_of(app)
    assert parts.files.store is not None
    parts.uploads = Uploads(parts.database, parts.files, parts.files.store)
    among_others = Membership(parts.database, parts.settings, tmp_path)
    among_others.database_ahead_s = 0.0
    parts.figures.append(among_others.figures)
    client = local_client(app)
    client.get("/api/health")
    families = text_string_to_metric_families(client.get("/metrics").get_data(as_text=True))
    return {sample.name for family in families for sample in family.samples}


def test_every_figure_that_is_asked_for_is_one_that_the_server_gives(figures: set[str]) -> None:
    asked = [(who, name) for who, expression in expressions() for name in FIGURE.findall(_without_labels(expression))]
    assert len(asked) > 20
    assert sorted({f"{name}, asked for by {who}" for who, name in asked if name not in figures}) == []


def _without_labels(expression: str) -> str:
    return re.sub(r"\{[^}]*\}", "", expression)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("promtool"), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False, timeout=60)


def test_prometheus_takes_its_configuration_with_the_rules() -> None:
    found = promtool("check", "config", "--syntax-only", "prometheus.yml")
    assert found.returncode == 0, found.stderr
    found = promtool("check", "rules", RULES.name)
    assert found.returncode == 0, found.stdout + found.stderr


def test_each_alert_comes_where_it_should_and_not_where_all_is_well() -> None:
    tests = PROMETHEUS / "proctor.rules.test.yml"
    found = promtool("test", "rules", tests.name)
    assert found.returncode == 0, found.stdout + found.stderr
    told = {case["alertname"] for test in loaded(tests)["tests"] for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert told == {rule["alert"] for rule in alerts()}


def test_each_alert_says_how_urgent_it_is_and_leads_to_what_to_do() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        titles = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {title.lower().replace(" ", "-") for title in titles}, rule["alert"]


def test_prometheus_could_answer_every_panel(tmp_path: Path) -> None:
    asked = [re.sub(r"\$__rate_interval", "1m", expression) for _, expression in expressions()]
    rules = [{"record": f"panel_{number}", "expr": expression} for number, expression in enumerate(asked)]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    found = promtool("check", "rules", "--lint=none", str(path))
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_dashboards_panels_have_names_and_places_of_their_own() -> None:
    assert len({panel["id"] for panel in panels()}) == len({panel["title"] for panel in panels()}) == len(panels())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {(place["x"] + column, place["y"] + row) for column in range(place["w"]) for row in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert all(column < 24 for column, _ in cells)
        taken |= cells
