"""Where the exam is elsewhere on the computer leaving the page counts nothing, and students, proctors and records say so."""

from __future__ import annotations

import pytest

from basics.errors import ConfigError
from basics.readings import ScreenAct
from scoring.rules import Rules
from sessions.oversight import Oversight
from settings.settings import load_settings
from tests.helpers.web import MakeApp, local_client
from web.setting_names import settings_in_force


@pytest.mark.parametrize(("place", "counts"), [("page", True), ("paper", True), ("tab", False), ("program", False)])
def test_leaving_counts_only_where_the_exam_is_not_elsewhere(make_app: MakeApp, place: str, counts: bool) -> None:
    settings = load_settings(_env_file=None, exam_place=place)
    assert (Rules.from_settings(settings).points["tab_switch"] > 0) is counts
    assert Rules.from_settings(settings).points["copy_paste"] > 0
    shown = {name: value for _, rows in settings_in_force(settings) for _, name, value, *_ in rows}
    assert (shown["EXAM_PLACE"], shown["POINTS_TAB_SWITCH"] != "0") == (place, counts)
    seen = Oversight(settings)
    seen.begin(0.0, page=True)
    seen.take_acts([ScreenAct("a", 5.0, "tab_hidden")])
    for now in range(10, 100, 10):
        seen.page_says(True, float(now))
        seen.look(float(now), blind=False, deaf=False, unshown=False, quiet=False)
    assert ("out_of_sight" in [doubt.code for doubt in seen.doubts.now]) is counts
    for later in (100.0, 120.0):
        seen.page_says(False, later, focused=False)
        seen.look(later, blind=False, deaf=False, unshown=False, quiet=False)
    assert ("unfocused" in [doubt.code for doubt in seen.doubts.now]) is counts
    page = local_client(make_app(exam_place=place)).get("/portal").text
    assert ("Where your exam is" in page) is (place != "page")
    assert ("leaving this page counts nothing" in page) is not counts
    assert ("Leaving it, copying and pasting are noted" in page) is counts


def test_an_exam_is_in_one_place() -> None:
    with pytest.raises(ConfigError, match="EXAM_URL shows it in the page"):
        load_settings(_env_file=None, exam_place="paper", exam_url="https://exam.example.org/")
