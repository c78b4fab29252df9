"""Which IDs are one, and which only look alike."""

from __future__ import annotations

import pytest

from basics.looks import folded, look


@pytest.mark.parametrize(("one", "other"), [("victim", "VICTIM"), ("victim", "Victim."), ("ｖictim", "victim"), ("a\u200cb", "ab"), ("٣", "3")])
def test_case_width_and_a_last_dot_make_no_other_id(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("victim", "victіm"), ("coco", "сосо"), ("ANNA", "АNNA"), ("alpha", "αlphα"), ("B7", "Β7")])
def test_letters_of_other_scripts_look_alike_and_are_not_the_same(one: str, other: str) -> None:
    assert folded(one) != folded(other)
    assert look(one) == look(other)


@pytest.mark.parametrize(("one", "other"), [("josé", "jose"), ("a10", "alo"), ("anna.k", "annak"), ("мария", "марина"), ("a.b", "a_b"), ("李", "王")])
def test_what_differs_stays_apart(one: str, other: str) -> None:
    assert look(one) != look(other)
