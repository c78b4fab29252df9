"""Text that people wrote: in one spelling, without what can't be seen and changes what can."""

from __future__ import annotations

import unicodedata

from basics.texts import _

DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they turn the text around them: a name may show as another


def printable(text: str) -> str:
    """The text in NFC. Raise `ValueError` where it has control characters other than line ends, halves of pairs, or marks that turn the direction."""
    text = unicodedata.normalize("NFC", text)
    wrong = next((character for character in text if _is_control(character) and character not in "\n\t"), None)
    if wrong is not None:
        code = f"U+{ord(wrong):04X}"
        raise ValueError(_("has a control character (%(code)s); send plain text", code=code))
    return text


def one_line(text: str) -> str:
    """The text. Raise `ValueError` where it has more than one line."""
    if any(character in text for character in "\n\t\u2028\u2029"):
        raise ValueError(_("must be one line"))
    return text


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} or character in DIRECTION_MARKS
