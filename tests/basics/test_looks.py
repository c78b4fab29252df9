"""Which IDs are one, and which only look alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.identifiers import SIGNS, key_of
from basics.looks import folded, look, same_id, unseen_or_mixed
from web.calls.values import normal_id

SPELLINGS = [
    ("victim", "VICTIM"),
    ("victim", "Victim."),
    ("ｖictim", "victim"),
    ("a\u200cb", "ab"),
    ("٣", "3"),
    ("O’Brien", "o'brien"),
    ("علی\u200cرضا", "علیرضا"),
]


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_case_width_and_a_last_dot_make_no_other_id(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("victim", "victіm"), ("coco", "сосо"), ("ANNA", "АNNA"), ("alpha", "αlphα"), ("B7", "Β7")])
def test_letters_of_other_scripts_look_alike_and_are_not_the_same(one: str, other: str) -> None:
    assert folded(one) != folded(other)
    assert look(one) == look(other)


@pytest.mark.parametrize(("one", "other"), [("josé", "jose"), ("a10", "alo"), ("anna.k", "annak"), ("мария", "марина"), ("a.b", "a_b"), ("李", "王")])
def test_what_differs_stays_apart(one: str, other: str) -> None:
    assert look(one) != look(other)


UNSEEN = ["alice\ufe0f", "alice\U000e0100", "alice\u3164", "al\u034fice"]
MIXED = ["\u13aalice", "\ua4eelice", "b\u1d0fb", "b\u2c9fb", "p\u0430ul"]
PLAIN = ["alice", "M\u00fcller-7", "\u5c71\u7530taro", "\u0438\u0432\u0430\u043d", "\u03b1\u03bb\u03af\u03ba\u03b7", "a.b@c_9"]


@pytest.mark.parametrize("odd", UNSEEN + MIXED)
def test_letters_that_nobody_sees_or_tells_apart_are_found(odd: str) -> None:
    assert unseen_or_mixed(odd)
    with pytest.raises(ValueError, match="looks like another id"):
        normal_id(odd)


@pytest.mark.parametrize("plain", PLAIN)
def test_ids_of_one_script_are_as_they_are(plain: str) -> None:
    assert unseen_or_mixed(plain) == ""


ids = st.text(st.one_of(st.characters(categories=["L", "N"]), st.sampled_from(SIGNS)), min_size=1, max_size=60)


def as_id(text: str) -> str | None:
    try:
        return normal_id(text)
    except ValueError:
        return None


@given(ids)
def test_an_id_stays_itself_and_its_case_makes_no_other(text: str) -> None:
    known = as_id(text)
    if known is None:
        return
    assert normal_id(known) == known
    assert same_id(known, text)
    for other in (text.upper(), text.lower(), text.casefold()):
        if folded(other) == folded(text):  # a few letters have no way back, such as the dotless i
            assert key_of(other) == key_of(known)
    assert len(key_of(known)) == 32


@given(st.integers(min_value=0, max_value=10**40))
def test_a_number_is_its_digits(number: int) -> None:
    assert normal_id(number) == str(number)


@given(ids, ids)
def test_what_is_no_same_id_has_another_key(one: str, other: str) -> None:
    assert (key_of(one) == key_of(other)) == same_id(one, other)
