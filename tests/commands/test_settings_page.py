"""`.env.example` and docs/settings.md say what the code says: every setting is documented, and the everyday ones stand in `.env.example`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from commands.settings_page import ENV_EXAMPLE, PAGE, README, default, env_example, is_everyday, main, page, sections
from settings.settings import Settings, load_settings

MEND = "run: venv/bin/python -m commands.settings_page"


def test_all_files_are_up_to_date() -> None:
    assert ENV_EXAMPLE.read_text(encoding="utf-8") == env_example(), MEND
    assert PAGE.read_text(encoding="utf-8") == page(), MEND
    assert main(["--check"]) == 0


def test_every_setting_has_one_subject_a_description_and_a_row() -> None:
    assert sorted(name for _, fields in sections() for name in fields) == sorted(Settings.model_fields)
    rows = {match.group(1): match.group(0) for match in re.finditer(r"^\| \**`([A-Z][A-Z0-9_]+)`\** \|.*$", page(), re.MULTILINE)}
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        assert field.description, f"{name} has no description"
        assert str(field.description).replace("|", "\\|").replace("<", "\\<") in rows[name.upper()]


def test_everyday_settings_stand_in_env_example_with_default_and_comment() -> None:
    lines = ENV_EXAMPLE.read_text(encoding="utf-8").splitlines()
    names = {line.partition("=")[0]: number for number, line in enumerate(lines) if line and not line.startswith("#")}
    assert set(names) == {name.upper() for name, field in Settings.model_fields.items() if is_everyday(field)}
    for name, number in names.items():
        assert lines[number - 1].startswith("# "), f"{name} has no comment above it"
        assert lines[number].partition("=")[2] == default(Settings.model_fields[name.lower()])


def test_env_example_as_it_stands_gives_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    defaults = load_settings().model_dump()
    shutil.copyfile(ENV_EXAMPLE, tmp_path / ".env")
    assert load_settings().model_dump() == defaults
    (tmp_path / ".env").write_text("FLASK_PORT=5001\n", encoding="utf-8")
    assert load_settings().model_dump() == defaults | {"flask_port": 5001}


def test_a_file_that_is_out_of_date_is_named_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, path in (("ENV_EXAMPLE", ENV_EXAMPLE), ("PAGE", PAGE), ("README", README)):
        shutil.copyfile(path, tmp_path / path.name)
        monkeypatch.setattr(f"commands.settings_page.{name}", tmp_path / path.name)
    (tmp_path / PAGE.name).write_text("old", encoding="utf-8")
    assert main(["--check"]) == 1
    assert "settings.md: out of date" in capsys.readouterr().out
    assert main([]) == 0
    assert (tmp_path / PAGE.name).read_text(encoding="utf-8") == page()
