"""The calls behind the check before an exam: bytes are counted, a picture is judged, nothing is kept, strangers are kept out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from bench.harness.footage import Scenario, scenarios
from sessions.events import Events
from sessions.models import Models
from sessions.picture_trial import PictureTrial
from settings.settings import Settings
from tests.helpers.web import PASSWORD, settings_for
from web.access.hold import register_access
from web.access.who_may import Access
from web.calls.errors import register_errors
from web.links import Links
from web.parts import EXTENSION, Parts
from web.student.trials import trials

SESSION = "0123456789abcdef" * 2


def make_settings(folder: Path, **settings: Any) -> Settings:
    return settings_for(folder, **{"proctor_password": PASSWORD, "portal_open": True, **settings})


def make_client(folder: Path, models: Models, running: Sequence[Any] = (), **settings: Any) -> FlaskClient:
    chosen = make_settings(folder, **settings)
    app = Flask("trials")
    app.config["MAX_CONTENT_LENGTH"] = chosen.max_body_kb * 1024
    access = Access(chosen)
    app.extensions[EXTENSION] = Parts(
        chosen,
        cast(Any, None),
        cast(Any, SimpleNamespace(link_number=lambda _: 0, models=models, active=lambda: list(running))),
        access,
        Links(Events()),
    )
    register_errors(app)
    register_access(app, access)
    app.register_blueprint(trials)
    return app.test_client()


@pytest.fixture(scope="module")
def models() -> Iterator[Models]:
    """What a server without a persons model has: the faces are counted all the same."""
    loaded = Models()
    loaded.loaded.set()
    yield loaded
    loaded.close()


@pytest.fixture
def client(tmp_path: Path, models: Models) -> FlaskClient:
    return make_client(tmp_path, models)


def look(client: FlaskClient, jpeg: bytes, **headers: str) -> Any:
    return client.post("/api/student/look", data=jpeg, content_type="image/jpeg", headers=headers)


def jpeg_of(image: Any) -> bytes:
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1])


@pytest.fixture(scope="module")
def face(shared_data: Path) -> bytes:
    scenario: Scenario = next(one for one in scenarios(shared_data) if one.name == "clean-a")
    return next(scenario.frames()).data


def test_bytes_are_counted(client: FlaskClient) -> None:
    answer = client.post("/api/student/speed", data=b"x" * 50_000, content_type="application/octet-stream")
    assert answer.get_json() == {"bytes": 50_000}


def test_more_than_a_body_may_have_is_refused(client: FlaskClient) -> None:
    assert client.post("/api/student/speed", data=b"x" * 70_000).status_code == 413


def test_a_face_in_a_good_picture_is_seen(client: FlaskClient, face: bytes) -> None:
    found = look(client, face).get_json()
    assert found["state"] == "read"
    assert found["face"] is True
    assert found["reason"] == ""


def test_a_dark_picture_is_told_as_dark_and_not_as_nobody(client: FlaskClient, face: bytes) -> None:
    image = cv2.imdecode(np.frombuffer(face, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    found = look(client, jpeg_of((image * 0.06).astype(np.uint8))).get_json()
    assert found["reason"] == "dark"


@pytest.mark.parametrize(("waits", "second"), [(None, 200), (0.3, 200), (2.0, 429)])
def test_while_an_exams_pictures_wait_a_check_leaves_it_the_machine(
    tmp_path: Path, models: Models, monkeypatch: pytest.MonkeyPatch, waits: float | None, second: int
) -> None:
    def judge(*_: object) -> PictureTrial:
        now.append(now[-1] + 0.1)
        return PictureTrial(1, True, "")

    now = [100.0]
    monkeypatch.setattr("web.student.trials.try_picture", judge)
    monkeypatch.setattr("web.student.trials.time", SimpleNamespace(monotonic=lambda: now[-1]))
    client = make_client(tmp_path, models, [SimpleNamespace(picture_waits=lambda: waits)])
    assert look(client, b"jpeg").status_code == 200
    answer = look(client, b"jpeg")
    assert (answer.status_code, "Retry-After" in answer.headers) == (second, second == 429)
    now.append(now[-1] + 1.0)
    assert look(client, b"jpeg").status_code == 200


def test_a_picture_without_a_face_is_told_so(client: FlaskClient) -> None:
    wall = np.random.default_rng(1).integers(100, 160, (480, 640, 3), np.uint8)
    assert look(client, jpeg_of(wall)).get_json()["face"] is False


@pytest.mark.parametrize("body", [b"", b"not a picture"])
def test_what_is_no_picture_is_refused_with_a_reason(client: FlaskClient, body: bytes) -> None:
    answer = look(client, body)
    assert answer.status_code == 400
    assert "JPEG" in answer.get_json()["error"]["message"]


def test_while_the_models_load_it_says_so(tmp_path: Path) -> None:
    loading = cast(Models, SimpleNamespace(loaded=SimpleNamespace(is_set=lambda: False)))
    assert look(make_client(tmp_path, loading), b"x").get_json()["state"] == "loading"


def test_a_closed_portal_lets_only_students_with_a_link_try(tmp_path: Path, models: Models) -> None:
    client = make_client(tmp_path, models, portal_open=False)
    assert client.post("/api/student/speed", data=b"x").status_code == 401
    token = Access(make_settings(tmp_path)).make_student_token(SESSION)
    assert client.post("/api/student/speed", data=b"x", headers={"Authorization": f"Bearer {token}"}).status_code == 200
