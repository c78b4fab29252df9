"""What counts as one screen act: tables of real event sequences, properties of the rules, and the key logic."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.readings import ActKind, ScreenAct
from devices.keys import KeyActs, key_name
from scoring.check_records import pack, unpack
from scoring.occurrences import Occurrence, occurrences

Event = tuple[float, ActKind]


def acts_of(*events: Event) -> list[ScreenAct]:
    return [ScreenAct(id=f"act-{number:04}", at=at, kind=kind) for number, (at, kind) in enumerate(events)]


def told(*events: Event) -> list[tuple[str, float, tuple[int, ...]]]:
    """Occurrences as kind, time and the places of their acts in `events`."""
    return [(found.kind, found.at, tuple(int(id_[4:]) for id_ in found.ids)) for found in occurrences(acts_of(*events))]


LEAVINGS: dict[str, tuple[list[Event], list[tuple[float, tuple[int, ...]]]]] = {
    "nothing": ([], []),
    "another tab and back": ([(10, "window_blur"), (10.02, "tab_hidden"), (20, "tab_visible"), (20.01, "window_focus")], [(10, (0, 1))]),
    "another tab, hidden first": ([(10, "tab_hidden"), (10.3, "window_blur"), (20, "window_focus"), (20.2, "tab_visible")], [(10, (0, 1))]),
    "a window beside, never hidden": ([(10, "window_blur"), (40, "window_focus")], [(10, (0,))]),
    "a window that covers the exam later": ([(10, "window_blur"), (15, "tab_hidden"), (30, "tab_visible"), (30.1, "window_focus")], [(10, (0, 1))]),
    "twice, with a return between": (
        [(10, "window_blur"), (12, "window_focus"), (20, "window_blur"), (22, "window_focus")],
        [(10, (0,)), (20, (2,))],
    ),
    "twice, the return unnoticed": ([(10, "tab_hidden"), (25, "tab_hidden")], [(10, (0,)), (25, (1,))]),
    "away, never back": ([(10, "tab_hidden")], [(10, (0,))]),
    "back, never away": ([(10, "tab_visible"), (10.1, "window_focus")], []),
    "a focus that flickers": ([(10, "window_blur"), (10.2, "window_focus"), (10.4, "window_blur"), (15, "window_focus")], [(10, (0, 2))]),
    "after a flicker the stretch goes on": (
        [(10, "window_blur"), (10.2, "window_focus"), (10.4, "window_blur"), (15, "tab_hidden"), (20, "window_blur")],
        [(10, (0, 2, 3)), (20, (4,))],
    ),
    "a stretch ends at visible already": ([(10, "tab_hidden"), (20, "tab_visible"), (22, "window_blur")], [(10, (0,)), (22, (2,))]),
    "alt+tab alone": ([(10, "alt_tab")], [(10, (0,))]),
    "two alt+tabs within a second": ([(10, "alt_tab"), (10.5, "alt_tab")], [(10, (0,)), (10.5, (1,))]),
    "two switches told by a script": ([(10, "tab_switch"), (10.5, "tab_switch")], [(10, (0,)), (10.5, (1,))]),
    "alt+tab with what the browser says": (
        [(10, "alt_tab"), (10.1, "window_blur"), (10.9, "tab_hidden"), (15, "tab_visible"), (15, "window_focus")],
        [(10, (0, 1, 2))],
    ),
    "alt+tab, the browser's word came first": ([(10, "window_blur"), (10.3, "alt_tab"), (12, "window_focus")], [(10, (0, 1))]),
    "alt+tab, blur and focus came first": ([(10, "window_blur"), (10.2, "window_focus"), (10.6, "alt_tab")], [(10, (0, 2))]),
    "alt+tab is no stretch of its own": ([(10, "alt_tab"), (15, "tab_hidden")], [(10, (0,)), (15, (1,))]),
    "the stretch that an alt+tab started": ([(10, "alt_tab"), (10.2, "window_blur"), (16, "tab_hidden")], [(10, (0, 1, 2))]),
    "alt+tab back to the exam": ([(10, "window_blur"), (20, "alt_tab"), (20.1, "window_focus")], [(10, (0, 1))]),
    "alt+tab twice while away": (
        [(10, "alt_tab"), (10.1, "window_blur"), (20, "alt_tab"), (25, "tab_hidden"), (30, "window_focus")],
        [(10, (0, 1)), (20, (2, 3))],
    ),
    "exactly a second apart": ([(10.1, "alt_tab"), (11.1, "window_blur")], [(10.1, (0, 1))]),
    "shown, not scored": ([(1, "fullscreen_left"), (2, "share_stopped"), (3, "second_display"), (4, "fullscreen_entered")], []),
}


@pytest.mark.parametrize("name", LEAVINGS)
def test_leaving_the_exam_is_one_occurrence_for_one_stretch_away(name: str) -> None:
    events, expected = LEAVINGS[name]
    assert told(*events) == [("tab_switch", at, ids) for at, ids in expected]


Detailed = tuple[float, ActKind, str]


def detailed(events: list[Detailed]) -> list[ScreenAct]:
    return [ScreenAct(f"act-{number:04}", at, kind, detail) for number, (at, kind, detail) in enumerate(events)]


def blur(at: float, detail: str = "elsewhere") -> Detailed:
    return at, "window_blur", detail


def then(at: float, kind: ActKind, detail: str = "") -> Detailed:
    return at, kind, detail


FOCUS: dict[str, tuple[list[Detailed], list[tuple[float, tuple[int, ...]]]]] = {
    "just gone": ([blur(10)], []),
    "gone for a second": ([blur(10), then(11, "window_away")], [(10, (0,))]),
    "back within a second": ([blur(10), then(10.9, "window_focus")], []),
    "back after a second, told late": ([blur(10), then(11.1, "window_focus")], [(10, (0,))]),
    "back after a while that nobody watched": ([blur(10), then(16, "window_focus", "unproven")], []),
    "away for a second, and back": ([blur(10), then(11, "window_away"), then(16, "window_focus", "unproven")], [(10, (0,))]),
    "covered by a file dialog": (
        [blur(10, "unclear"), then(10.3, "tab_hidden", "dialog"), then(60, "tab_visible"), then(60.1, "window_focus", "unproven")],
        [],
    ),
    "in the toolbar for a minute": ([blur(10, "browser"), then(70, "window_focus")], []),
    "nobody knows where, for a minute": ([blur(10, "unclear"), then(70, "window_focus")], []),
    "known later": ([blur(10, "unclear"), then(14, "window_away"), then(70, "window_focus")], [(10, (0,))]),
    "another tab": ([blur(10), then(10.1, "tab_hidden"), then(10.2, "window_focus")], [(10, (0, 1))]),
    "another tab out of the toolbar": (
        [blur(10, "browser"), then(60, "tab_hidden"), then(70, "tab_visible"), then(70, "window_focus")],
        [(60, (1,))],
    ),
    "another tab, nobody knows how": ([blur(10, "unclear"), then(10.1, "tab_hidden")], [(10, (0, 1))]),
    "another tab, long after nobody knows what": ([blur(10, "unclear"), then(60, "tab_hidden")], [(60, (1,))]),
    "a window that is minimised flickers": (
        [blur(10), then(10.01, "window_focus"), blur(10.02), then(10.03, "window_focus"), blur(10.04), then(10.05, "tab_hidden")],
        [(10.04, (4, 5))],
    ),
    "thirty times Tab": ([event for at in range(0, 60, 2) for event in (blur(at, "browser"), then(at + 1.5, "window_focus"))], []),
    "twice": (
        [blur(10), then(11, "window_away"), then(15, "window_focus"), blur(20), then(21, "window_away"), then(25, "window_focus")],
        [(10, (0,)), (20, (3,))],
    ),
    "in sight again, and away until the focus follows": (
        [then(10, "tab_hidden"), blur(10.1), then(20, "tab_visible"), then(20.1, "window_away"), then(20.2, "window_focus")],
        [(10, (0, 1))],
    ),
    "away, though nothing was lost": ([then(10, "window_away")], []),
    "a page that knows no details": ([blur(10, ""), then(10.2, "window_focus")], [(10, (0,))]),
    "alt+tab, heard by a station too": ([blur(10), then(10.2, "alt_tab"), then(11, "window_away")], [(10, (0, 1))]),
}


@pytest.mark.parametrize("name", FOCUS)
def test_the_lost_focus_is_leaving_once_it_lasts_and_went_to_no_controls_of_the_browsers(name: str) -> None:
    events, expected = FOCUS[name]
    found = occurrences(detailed(events))
    assert [(one.kind, one.at, tuple(int(id_[4:]) for id_ in one.ids)) for one in found] == [("tab_switch", at, ids) for at, ids in expected]


def test_for_how_long_the_focus_must_be_away_is_a_limit() -> None:
    acts = detailed([blur(10), then(11, "window_away"), then(13, "window_focus")])
    assert [len(occurrences(acts, blur_least=least)) for least in (1.0, 2.5, 3.5)] == [1, 1, 0]


PAGES_KINDS: list[ActKind] = ["window_blur", "window_away", "window_focus", "tab_hidden", "tab_visible"]
PAGES_ACTS = st.lists(
    st.tuples(
        st.integers(0, 120).map(lambda tenths: tenths / 10), st.sampled_from(PAGES_KINDS), st.sampled_from(["browser", "elsewhere", "unclear"])
    ),
    max_size=30,
).map(lambda events: detailed(sorted(events)))


@given(PAGES_ACTS, st.integers(0, 30))
def test_what_counts_stays_counted_whatever_the_page_tells_next(acts: list[ScreenAct], told_so_far: int) -> None:
    assert {one.at for one in occurrences(acts[:told_so_far])} <= {one.at for one in occurrences(acts)}


def test_what_the_exams_own_page_tells_counts_as_told_by_it_and_is_kept_so() -> None:
    acts = [replace(act, told_by="exam_page") for act in detailed([(1, "copy", ""), (2, "paste", "dropped"), (5, "tab_hidden", "")])]
    found = [one.detail for one in occurrences([*acts, ScreenAct("own", 8, "cut")])]
    assert found == ["the exam's page says: " + what for what in ("copy", "text dragged in", "its tab was hidden")] + ["cut"]
    assert unpack(pack([], [], [], acts))[3] == acts


def test_text_that_was_dragged_in_is_a_paste_and_says_so() -> None:
    found = occurrences(detailed([(1, "paste", "dropped"), (1.5, "paste", "")]))
    assert [(one.kind, one.detail) for one in found] == [("copy_paste", "text dragged in"), ("copy_paste", "paste")]


COPIES: dict[str, tuple[list[Event], list[tuple[float, tuple[int, ...], str]]]] = {
    "each by itself": (
        [(1, "copy"), (1.1, "cut"), (1.2, "paste"), (1.3, "paste")],
        [(1, (0,), "copy"), (1.1, (1,), "cut"), (1.2, (2,), "paste"), (1.3, (3,), "paste")],
    ),
    "the clipboard changes after a copy": ([(1, "copy"), (1.4, "clipboard_changed")], [(1, (0, 1), "copy")]),
    "the clipboard changes before the key is told": ([(1, "clipboard_changed"), (1.4, "cut")], [(1.4, (0, 1), "cut")]),
    "the clipboard changed from outside": ([(1, "clipboard_changed")], [(1, (0,), "clipboard changed")]),
    "a paste changes no clipboard": ([(1, "clipboard_changed"), (1.2, "paste")], [(1, (0,), "clipboard changed"), (1.2, (1,), "paste")]),
    "a program that writes it three times": (
        [(1, "clipboard_changed"), (1.8, "clipboard_changed"), (2.6, "clipboard_changed")],
        [(1, (0, 1, 2), "clipboard changed")],
    ),
    "changes far apart": ([(1, "clipboard_changed"), (2.5, "clipboard_changed")], [(1, (0,), "clipboard changed"), (2.5, (1,), "clipboard changed")]),
    "a copy that is written twice": ([(1, "copy"), (1.5, "clipboard_changed"), (2.3, "clipboard_changed")], [(1, (0, 1, 2), "copy")]),
    "each change belongs to the nearest copy": (
        [(1, "copy"), (1.1, "clipboard_changed"), (1.8, "copy"), (1.9, "clipboard_changed")],
        [(1, (0, 1), "copy"), (1.8, (2, 3), "copy")],
    ),
}


@pytest.mark.parametrize("name", COPIES)
def test_copying_is_one_occurrence_for_each_copy_and_each_change_from_outside(name: str) -> None:
    events, expected = COPIES[name]
    found = [(one.at, tuple(int(id_[4:]) for id_ in one.ids), one.detail) for one in occurrences(acts_of(*events))]
    assert found == expected


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([(1, "window_blur"), (1.5, "window_focus"), (3, "tab_hidden")], id="a focus that flickers"),
        pytest.param([(1, "alt_tab"), (3, "window_blur")], id="a shortcut and what it does"),
        pytest.param([(1, "clipboard_changed"), (3, "clipboard_changed")], id="two changes"),
        pytest.param([(1, "copy"), (3, "clipboard_changed")], id="a copy and its change"),
    ],
)
def test_how_close_events_of_one_cause_come_is_a_limit(events: list[Event]) -> None:
    assert [len(occurrences(acts_of(*events), together)) for together in (1.0, 2.0)] == [2, 1]


def test_detail_says_how_the_exam_was_left() -> None:
    assert [one.detail for one in occurrences(acts_of((1, "window_blur"), (1.1, "tab_hidden"), (9, "alt_tab")))] == ["Alt+Tab"]
    assert [one.detail for one in occurrences(acts_of((1, "window_blur"), (1.1, "tab_hidden")))] == ["the exam's tab was hidden"]
    assert [one.detail for one in occurrences(acts_of((1, "window_blur")))] == ["the exam's window lost the focus"]


KINDS: tuple[ActKind, ...] = (
    "tab_switch",
    "alt_tab",
    "tab_hidden",
    "tab_visible",
    "window_blur",
    "window_focus",
    "copy",
    "cut",
    "paste",
    "clipboard_changed",
    "fullscreen_left",
)
# Few distinct times, so that ties, seconds exactly apart and long gaps all come up.
TIMES = st.integers(0, 120).map(lambda tenths: tenths / 10)
MANY_ACTS = st.lists(st.tuples(TIMES, st.sampled_from(KINDS)), max_size=40).map(lambda events: acts_of(*events))


@given(MANY_ACTS, st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(acts: list[ScreenAct], order: random.Random) -> None:
    shuffled = list(acts)
    order.shuffle(shuffled)
    assert occurrences(shuffled) == occurrences(acts)


@given(MANY_ACTS)
def test_an_act_sent_twice_counts_once(acts: list[ScreenAct]) -> None:
    assert occurrences([*acts, *acts]) == occurrences(acts)


@given(MANY_ACTS, TIMES)
def test_one_more_paste_is_exactly_one_more(acts: list[ScreenAct], at: float) -> None:
    paste = ScreenAct(id="one-more", at=at, kind="paste")
    after = occurrences([*acts, paste])
    assert [one for one in after if one.ids != ("one-more",)] == occurrences(acts)
    assert len(after) == len(occurrences(acts)) + 1


@given(MANY_ACTS)
def test_each_act_belongs_to_at_most_one_occurrence_and_none_that_scores_is_lost(acts: list[ScreenAct]) -> None:
    used = [id_ for one in occurrences(acts) for id_ in one.ids]
    assert len(used) == len(set(used))
    assert set(used) == {act.id for act in acts if act.kind not in ("tab_visible", "window_focus", "fullscreen_left")}


@given(MANY_ACTS)
def test_each_whole_switch_is_an_occurrence_of_its_own(acts: list[ScreenAct]) -> None:
    whole = {act.id for act in acts if act.kind in ("alt_tab", "tab_switch")}
    assert all(len(whole.intersection(one.ids)) <= 1 for one in occurrences(acts))


@given(MANY_ACTS)
def test_time_is_that_of_the_first_act_that_shows_a_leaving(acts: list[ScreenAct]) -> None:
    at = {act.id: act.at for act in acts}
    found = occurrences(acts)
    assert all(one.at == at[one.ids[0]] for one in found if one.kind == "tab_switch")
    assert found == sorted(found, key=lambda one: one.at)


def test_thousands_of_acts_are_read_in_well_under_a_second() -> None:
    chance = random.Random(1)
    acts = acts_of(*((chance.uniform(0, 7200), chance.choice(KINDS)) for _ in range(5000)))
    start = time.process_time()
    found: list[Occurrence] = occurrences(acts)
    assert found
    assert time.process_time() - start < 0.5  # measured: 0.02


Keys = list[tuple[str, str, float]]


def heard(keys: Keys) -> list[tuple[float, ActKind]]:
    logic, acts = KeyActs(), []
    for what, key, at in keys:
        if what == "press":
            act = logic.press(key, at)
            if act:
                acts.append((at, act))
        else:
            logic.release(key, at)
    return acts


def typed(*keys: str, start: float = 0.0) -> Keys:
    """Keys pressed one after the other and released in the other order, 0.1 s apart."""
    down = [("press", key, start + 0.1 * place) for place, key in enumerate(keys)]
    return down + [("release", key, start + 0.1 * (len(keys) + place)) for place, key in enumerate(reversed(keys))]


@pytest.mark.parametrize(
    ("keys", "kinds"),
    [
        (typed("ctrl", "c"), ["copy"]),
        (typed("ctrl", "x"), ["cut"]),
        (typed("ctrl", "v"), ["paste"]),
        (typed("cmd", "v"), ["paste"]),
        (typed("ctrl", "shift", "c"), ["copy"]),
        (typed("ctrl", "insert"), ["copy"]),
        (typed("shift", "insert"), ["paste"]),
        (typed("insert"), []),
        (typed("c"), []),
        (typed("ctrl", "alt", "c"), []),
        (typed("alt", "tab"), ["alt_tab"]),
        (typed("cmd", "tab"), ["alt_tab"]),
        (typed("alt", "shift", "tab"), ["alt_tab"]),
        (typed("tab"), []),
        (typed("ctrl", "tab"), []),
    ],
)
def test_shortcuts_make_acts(keys: Keys, kinds: list[ActKind]) -> None:
    assert [kind for _, kind in heard(keys)] == kinds


def test_one_hold_of_the_modifier_is_one_switch_however_often_tab_is_pressed() -> None:
    keys: Keys = [("press", "alt", 0.0)]
    for step in range(4):
        keys += [("press", "tab", 0.2 + step), ("release", "tab", 0.4 + step)]
    keys += [("release", "alt", 5.0), *typed("alt", "tab", start=6.0)]
    assert heard(keys) == [(0.2, "alt_tab"), (6.1, "alt_tab")]


def test_a_held_key_is_one_copy_whether_repeats_come_with_releases_or_without() -> None:
    keys: Keys = [("press", "ctrl", 0.0), ("press", "v", 0.5)]
    for step in range(20):
        at = 1.0 + step / 25
        keys += [("release", "v", at), ("press", "v", at + 0.0005)] if step % 2 else [("press", "v", at)]
    keys += [("release", "v", 2.0), ("press", "v", 2.2)]
    assert heard(keys) == [(0.5, "paste"), (2.2, "paste")]


def test_a_modifier_whose_release_went_elsewhere_is_not_held_for_ever() -> None:
    assert heard([("press", "alt", 0.0), *typed("tab", start=30.0)]) == []
    assert heard([("press", "ctrl", 0.0), *typed("c", start=30.0)]) == []


class PynputKey:
    """The shape of pynput's keys: `name` for special ones, `char` and `vk` for others."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (PynputKey(name="alt_l"), "alt"),
        (PynputKey(name="alt_gr"), None),
        (PynputKey(name="cmd_r"), "cmd"),
        (PynputKey(name="esc"), None),
        (PynputKey(char="c", vk=99), "c"),
        (PynputKey(char="C", vk=67), "c"),
        (PynputKey(char="\u043c", vk=0x6CD), "v"),
        (PynputKey(char="\x16", vk=86), "v"),
        (PynputKey(char="q", vk=113), None),
        (PynputKey(char=None, vk=0xFE20), "tab"),
        (PynputKey(char=None, vk=None), None),
        (None, None),
    ],
)
def test_keys_are_known_by_their_place_and_no_other_is_looked_at(key: Any, name: str | None) -> None:
    assert key_name(key) == name
