"""For how long things are kept: bounded, by kind as exams name the kinds, and shown to teachers, proctors and students."""

from __future__ import annotations

from typing import get_args

import pytest

from basics.errors import ConfigError
from scoring.exam import ExamDefinition
from settings.keeping import Kept
from settings.settings import load_settings
from tests.helpers.web import MakeApp, local_client
from web.setting_names import settings_in_force

NAMES = [f"keep_{name}days" for name in ("", "clips_dismissed_", "clips_confirmed_", "clips_open_", "readings_", "identity_", "stills_", "audit_")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("days", [-1, 36_501, "soon"])
def test_what_is_no_number_of_days_is_refused_by_name(name: str, days: object) -> None:
    with pytest.raises(ConfigError, match=name.upper()):
        load_settings(_env_file=None, **{name: days})


def test_there_is_a_number_for_each_kind_that_an_exam_may_name() -> None:
    settings = load_settings(_env_file=None, keep_days=9, keep_clips_open_days=3)
    kinds = settings.keep_by_kind()
    assert set(kinds) == set(get_args(Kept))
    assert (kinds["records"], kinds["clips_open"], kinds["identity"], kinds["readings"]) == (9, 3, 30, 0)
    assert ExamDefinition.model_validate({"exam_id": "e", "title": "E", "keep_days": dict.fromkeys(kinds, 5)}).keep_days == dict.fromkeys(kinds, 5)
    shown = {name: value for _, rows in settings_in_force(settings) for _, name, value, *_ in rows}
    assert {name.upper() for name in NAMES} <= set(shown)


def test_pages_say_the_days_in_force_and_the_exams_own_go_before_them(make_app: MakeApp) -> None:
    client = local_client(make_app(keep_days=77, keep_readings_days=44))
    page = client.get("/exams/new").text
    assert 'data-keep="readings" min="1" max="3650" placeholder="44"' in page
    assert 'data-keep="clips_open" min="1" max="3650" placeholder=""' in page
    assert "77 days after the exam" in client.get("/portal").text
    made = client.post("/api/exams", json={"exam_id": "math", "title": "Algebra", "keep_days": {"records": 12}}).get_json()["exam"]
    assert "12 days after the exam" in client.get(f"/portal?exam={made['exam_key']}").text
