"""How often a code of an exam's list may be guessed: wrong ones are counted by address and by exam, right ones are not."""

from __future__ import annotations

from basics.errors import TooMany
from basics.texts import _
from web.access.limits import RateLimit

WRONG, WRONG_WINDOW = 20, 60.0  # wrong codes from one address; an exam room behind one address makes some slips
WRONG_IN_EXAM = 200  # wrong codes for one exam from all addresses in that time: 2^40 codes last for ten thousand years


class Codes:
    """How many wrong codes came, by address and by exam. In memory."""

    def __init__(self) -> None:
        text = _("Too many wrong codes came from here.")
        self._by_address = RateLimit(WRONG, WRONG_WINDOW, text)
        self._by_exam = RateLimit(WRONG_IN_EXAM, WRONG_WINDOW, _("Too many wrong codes came for this exam. Use your link."))

    def begin(self, address: str | None, exam_key: str) -> None:
        """Count a code as wrong, before it is looked at. Raise `TooMany`."""
        self._by_address.take(address)
        try:
            self._by_exam.take(exam_key or "any")
        except TooMany:
            self._by_address.give_back(address)
            raise

    def was_right(self, address: str | None, exam_key: str) -> None:
        """It was not."""
        self._by_address.give_back(address)
        self._by_exam.give_back(exam_key or "any")
