"""What operators ask: health, figures, and how both speak of a database that is away."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from basics.figures import Figure
from basics.paths import ROOT
from database import Database
from tests.helpers.databases import opened
from tests.helpers.sessions import UNKNOWN, create
from tests.helpers.waiting import until
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp, error_of, local_client
from web.operator.health import part_states
from web.operator.metrics import Metrics
from web.parts import Parts


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Database]:
    """A database nobody listens at; its URI has a password."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses, and nobody else gets the port
        uri = f"mongodb://operator:s3cret@127.0.0.1:{taken.getsockname()[1]}/?directConnection=true"
        made = Database(uri, "away", tmp_path / "away-spool", timeout_s=0.5, spool_max_mb=64)
        made.start()
        until(lambda: made.health()["state"] == "away")
        yield made
        made.stop(5)


@pytest.fixture
def app_away(make_app: MakeApp, away: Database) -> Flask:
    app: Flask = make_app(database=away)
    return app


def test_a_session_is_acknowledged_in_the_spool_and_reads_say_503(app_away: Flask, student: str) -> None:
    client = local_client(app_away)
    created = create(client, student)
    assert client.get("/api/sessions/active").get_json()["count"] == 1
    for path in ("/api/sessions/stats", "/api/flagged/all", f"/api/session/{created['session_id']}/details", f"/api/video/{UNKNOWN}-0"):
        answer = client.get(path)
        assert error_of(answer, 503)["code"] == "storage"
        assert int(answer.headers["Retry-After"]) > 0
    assert client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"}).status_code == 200


def test_health_says_that_the_database_is_away_and_keeps_its_password(app_away: Flask, student: str) -> None:
    client = local_client(app_away)
    error_of(client.get("/api/sessions/stats"), 503)
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.get_json()["status"] == "degraded"
    database = answer.get_json()["parts"]["database"]
    assert database["reason"]
    assert b"s3cret" not in answer.data
    metrics = {family.name: family for family in text_string_to_metric_families(client.get("/metrics").get_data(as_text=True))}
    assert metrics["proctor_database_up"].samples[0].value == 0


def test_a_write_that_the_database_refuses_is_told_and_counted(make_app: MakeApp, db_name: str, mongo_uri: str, tmp_path: Path) -> None:
    with opened(mongo_uri, db_name, tmp_path / "refusing", timeout_s=5) as database:
        client = local_client(make_app(database=database))
        assert not database.write("checks", "c", {"_id": "another"}).wait(60)
        assert database.write("checks", "d", {"reason": "a\ud800b"}).wait(60)
        told = client.get("/api/health").get_json()
        assert (told["status"], told["parts"]["database"]["state"]) == ("degraded", "degraded")
        assert "checks/d" in told["parts"]["database"]["reason"]
        assert "rejected.jsonl" in told["parts"]["database"]["todo"]
        lines = client.get("/metrics").get_data(as_text=True).splitlines()
        expected = {"proctor_database_up 1.0", "proctor_database_writes_rejected_total 1.0", "proctor_database_writes_in_part_total 1.0"}
        assert expected <= set(lines)


def test_health_shows_each_part(client: FlaskClient, student: str) -> None:
    create(client, student)
    health = client.get("/api/health").get_json()
    assert {"database", "sessions", "analysis", "recorder", "models", "stations", "disk"} <= set(health["parts"])
    assert health["parts"]["database"]["state"] == "ok"
    assert health["parts"]["sessions"]["active"] == 1
    assert health["parts"]["analysis"]["gaze_fps_least"] is None  # it sends no pictures: nothing is read too seldom
    assert health["parts"]["disk"]["free_mb"] > 0
    assert health["uptime_s"] >= 0


def test_health_says_what_an_operator_should_know_of_the_models(client: FlaskClient, parts: Parts) -> None:
    assert client.get("/api/health").get_json()["notes"] == []
    parts.monitor.models.notes.append("The model for phones is missing. Run ./setup.sh again.")
    assert client.get("/api/health").get_json()["notes"] == ["The model for phones is missing. Run ./setup.sh again."]


def test_health_tells_strangers_only_whether_it_serves(make_app: MakeApp) -> None:
    client = local_client(make_app(proctor_password=PASSWORD, api_token=API_TOKEN))
    assert set(client.get("/api/health").get_json()) == {"status"}
    full = client.get("/api/health", headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert "parts" in full.get_json()
    assert PASSWORD.encode() not in full.data
    assert API_TOKEN.encode() not in full.data


def test_metrics_are_prometheus_text_and_each_apps_own(make_app: MakeApp, student: str) -> None:
    app, other = make_app(), make_app(max_sessions=7)
    client = local_client(app)
    create(client, student)
    error_of(client.get("/api/nowhere"), 404)

    def figures(of: Flask) -> dict[str, float]:
        answer = local_client(of).get("/metrics")
        assert answer.mimetype == "text/plain"
        families = text_string_to_metric_families(answer.get_data(as_text=True))
        return {f"{sample.name}{sample.labels.get('endpoint', '')}": sample.value for family in families for sample in family.samples}

    mine = figures(app)
    assert mine["proctor_sessions_active"] == 1
    assert mine["proctor_sessions_created"] == 1
    assert mine["proctor_database_up"] == 1
    assert mine["proctor_sessions_stored"] == 1
    assert mine["proctor_http_requests_totalapi.create_session"] == 1
    assert mine["proctor_http_requests_totalnone"] == 1
    theirs = figures(other)
    assert theirs["proctor_sessions_active"] == 0
    assert "proctor_http_requests_totalapi.create_session" not in theirs


def test_figures_say_of_which_server_they_are_and_parts_add_their_own(parts: Parts) -> None:
    parts.instance = "room-2"
    parts.figures.append(lambda: [Figure("job_takeovers_total", "Taken.", 2, {"job": job}) for job in ("mail", "seals")])
    families = {family.name: family for family in text_string_to_metric_families(Metrics(parts).text().decode())}
    assert {sample.labels["instance"] for family in families.values() for sample in family.samples} == {"room-2"}
    taken = families["proctor_job_takeovers"]
    assert (taken.type, {sample.labels["job"]: sample.value for sample in taken.samples}) == ("counter", {"mail": 2.0, "seals": 2.0})
    for name in ("sessions_running", "capacity_sessions", "students_waiting", "readings_wanted_per_second", "readings_reached_per_second"):
        assert f"proctor_{name}" in families


def test_every_part_of_the_server_has_its_name_on_the_settings_page(parts: Parts) -> None:
    words = (ROOT / "static" / "js" / "proctor" / "texts.js").read_text(encoding="utf-8")
    named = set(re.findall(r"(\w+): _\(", words.split("parts: {")[1].split("},")[0]))
    assert set(part_states(parts)) - named == set()
