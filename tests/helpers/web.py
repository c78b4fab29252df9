"""What the web tests share besides fixtures: settings without devices, a client on this machine, a password."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from settings.settings import Settings, load_settings

PASSWORD = "correct horse battery staple"
API_TOKEN = "a-token-of-24-characters-or-more"
MakeApp = Callable[..., Flask]


def settings_for(folder: Path, **overrides: Any) -> Settings:
    """Settings with all folders in `folder`, no devices, and nothing of this machine's `.env`."""
    folders = {"data_dir": folder / "data", "clips_dir": folder / "flagged_videos", "temp_dir": folder / "temp", "log_dir": folder / "logs"}
    folders["identity_dir"] = folder / "identity"
    quiet = {"camera": "none", "microphone": "none", "screen_hooks": False}
    return load_settings(_env_file=None, **{**folders, **quiet, **overrides})


def local_client(app: Flask) -> FlaskClient:
    """A client on this machine, at http://localhost, that speaks as curl does."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = "127.0.0.1"
    return client


def error_of(answer: TestResponse, status: int) -> dict[str, Any]:
    """The error of an answer, which must have the one form of errors."""
    assert answer.status_code == status, answer.data
    content = answer.get_json()
    assert content["success"] is False
    assert set(content) == {"success", "error"}
    error: dict[str, Any] = content["error"]
    assert error["code"]
    assert error["message"]
    return error
