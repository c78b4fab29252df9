"""What a page says of itself: whether it is out of sight, and what its camera is called."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.exam import Page
from web.student.presence import LABEL_MAX


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"hidden": False}, (False, "")),
        ({"hidden": True, "camera": "OBS Virtual Camera"}, (True, "OBS Virtual Camera")),
        ({"hidden": True, "camera": "a\x00b\u202ec\ud800 \n d"}, (True, "a b c d")),
        ({"hidden": True, "camera": "x" * 500}, (True, "x" * LABEL_MAX)),
    ],
)
def test_a_page_says_how_it_is(fields: dict[str, Any], said: tuple[bool, str]) -> None:
    page = Page().come_in()
    assert page.say("page", **fields) == []
    assert page.exam.said == [said]


@pytest.mark.parametrize("focused", [True, False, None])
def test_a_page_says_whether_it_has_the_focus_or_nothing_of_it(focused: bool | None) -> None:
    page = Page().come_in()
    page.exam.focused = not focused
    assert page.say("page", hidden=False, **({} if focused is None else {"focused": focused})) == []
    assert page.exam.focused is focused


@pytest.mark.parametrize(
    "fields", [{}, {"hidden": 1}, {"hidden": "yes"}, {"hidden": True, "camera": 5}, {"hidden": None}, {"hidden": True, "focused": 1}]
)
def test_what_is_no_word_of_a_page_is_refused(fields: dict[str, Any]) -> None:
    page = Page().come_in()
    (error,) = page.say("page", **fields)
    assert (error["type"], error["code"]) == ("error", "invalid")
    assert page.exam.said == []
