"""Which passwords are refused."""

from __future__ import annotations

import pytest

from basics.passwords import why_too_weak


@pytest.mark.parametrize(
    "weak",
    [
        *(
            "",
            "short",
            "elevenchars",
            "123456789012",
            "198503121985",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "password1234",
            "P@ssw0rd2024!",
            "Passw0rd!Passw0rd!",
        ),
        *("administrator", "proctor-2026-exam", "qwertyuiop12", "1q2w3e4r5t6y", "letmein123456", "zaq1xsw2cde3", "motherfucker", "poiuytrewq123"),
    ],
)
def test_what_everybody_tries_first_is_refused(weak: str) -> None:
    assert why_too_weak(weak)


@pytest.mark.parametrize(
    "good", ["a long enough password", "correct horse battery staple", "lighthouse under purple sky", "9dYfkQz2+Lw7vBnT", "пчела над тихой рекой"]
)
def test_what_nobody_else_would_think_of_is_taken(good: str) -> None:
    assert not why_too_weak(good)
