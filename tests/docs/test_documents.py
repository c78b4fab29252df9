"""What the documents say of the program is so: calls, errors, rooms, files, steps by hand, weights."""

from __future__ import annotations

import inspect
import re
import subprocess
from typing import Any

import pytest
from flask import Flask

from basics.paths import ROOT
from settings.settings import Settings
from tests.helpers.house import FLOORS
from web.calls import api_page
from web.calls.errors import HTTP_CODES
from web.calls.openapi import SOCKET_IO, build
from web.student import protocol

DOCS = {page.name: page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("**/*.md")}
README = (ROOT / "README.md").read_text(encoding="utf-8")
API = DOCS["api.md"]


# The API


def test_the_api_page_is_up_to_date(app: Flask) -> None:
    assert api_page.written(API, build(app)) == API, f"run: venv/bin/{api_page.COMMAND}"


def test_the_command_describes_the_same_calls_as_a_whole_app(app: Flask) -> None:
    assert build(api_page.bare_app()) == build(app)


def test_the_command_tells_a_page_that_is_out_of_date(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "api.md"
    page.write_text(API.replace("- who: `look`", "- who: nobody"), encoding="utf-8")
    monkeypatch.setattr(api_page, "PAGE", page)
    assert api_page.main(["--check"]) == 1
    assert api_page.COMMAND in capsys.readouterr().out
    assert api_page.main([]) == 0
    assert page.read_text(encoding="utf-8") == API
    assert api_page.main(["--check"]) == 0


def test_every_route_is_in_the_api_page(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in (rule.methods or {"GET"}) - {"HEAD", "OPTIONS"}:
            assert f"`{method} {path}`" in API, path


def test_every_error_code_is_in_the_api_page() -> None:
    public = {kind.code for kind in api_page.classes()} | set(HTTP_CODES.values())
    assert "not_ready" in public
    assert sorted(code for code in public if f"| `{code}` |" not in API) == []


def test_every_live_event_is_in_the_api_page() -> None:
    part = API[API.index("## Live updates") : API.index("## The student's link")]
    assert [event for event in re.findall(r"`(\w+) \{", SOCKET_IO) if f"`{event}" not in part] == []


def test_the_student_link_is_described_by_its_module(app: Flask) -> None:
    assert build(app)["paths"]["/student/link"]["get"]["description"] == inspect.cleandoc(protocol.__doc__ or "")
    part = API[API.index("## The student's link") : API.index("### What the portal page does")]
    assert [line for line in (protocol.__doc__ or "").splitlines() if line.strip() not in part] == []
    for kind in protocol.ACT_KINDS:
        assert kind in part, f"the act {kind} is not described in web/student/protocol.py"


# Everything else


def test_every_room_is_in_the_layout() -> None:
    part = DOCS["developers.md"][: DOCS["developers.md"].index("## Adding something")]
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    rooms = {name if name.endswith(".py") else f"{name}/" for name in (path.partition("/")[0] for path in tracked)}
    rooms |= {f"{name}/" if (ROOT / name).is_dir() else f"{name}.py" for floor in FLOORS for name in floor}
    assert sorted(room for room in rooms - {"docs/"} if f"`{room}`" not in part) == []


def test_files_that_the_documents_name_are_there() -> None:
    for name, text in {**DOCS, "README.md": README, "CONTRIBUTING.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")}.items():
        if name != "settings.md":
            named = set(re.findall(r"`([a-z_][\w.]*(?:/[\w.]+)+\.(?:py|js|html|md))`", text))
            assert sorted(path for path in named if not (ROOT / path).is_file()) == [], name


def test_settings_that_the_documents_name_are_there() -> None:
    known = {name.upper() for name in Settings.model_fields} | {"TORCH_INDEX", "PYTHON"}
    for name, text in {**DOCS, "README.md": README}.items():
        named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", text))
        assert sorted(named - known) == [], name


def test_the_readmes_weights_are_the_defaults() -> None:
    rows = dict(re.findall(r"^\|.*\(`(\w+)`\) \| (\d+) \|", README, re.MULTILINE))
    points = {name.removeprefix("points_"): str(field.default) for name, field in Settings.model_fields.items() if name.startswith("points_")}
    assert rows == points


def test_manual_steps_install_the_same_files_as_the_script() -> None:
    script = (ROOT / "setup.sh").read_text(encoding="utf-8")
    operators = DOCS["operators.md"]
    by_hand = operators[operators.index("## Set up by hand") : operators.index("## Licences")]
    named = set(re.findall(r"(requirements[\w-]*)\.txt", script))
    assert len(named) > 2
    for name in named:
        assert f"{name}.lock" in by_hand, "the script installs what the lock file of it has"
    for package in ("libcurl4", "libportaudio2", "pulseaudio-utils", "libasound2-plugins", "espeak-ng"):
        assert package in script
        assert package in by_hand
