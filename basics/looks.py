"""Which IDs are one: those that differ in case, width or a dot at the end. And which look alike: those whose letters other scripts have, too."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from basics.texts import _

# Letters that look like Latin ones in most faces, folded: Cyrillic, Greek, Armenian, and Latin's own variants (after UTS 39's table).
_ALIKE = (
    *("aаαɑ", "bвβ", "cсϲ", "dԁ", "eеεҽ", "fғϝ", "gɡց", "hһн", "iіιıɪӏ", "jјϳ", "kкκ", "lⅼ", "mмμ", "nηո", "oоοօ", "pрρ", "qԛզ", "rг"),
    *("sѕ", "tтτ", "uυս", "vνѵ", "wωԝ", "xхχ", "yуγ", "zζ", "3з"),
)
_TO_LATIN = {ord(letter): letters[0] for letters in _ALIKE for letter in letters[1:]}

# Unicode's Default_Ignorable, as far as they are letters or marks.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]")
_LIKE_LATIN = frozenset({"CYRILLIC", "GREEK", "COPTIC", "CHEROKEE", "LISU", "ARMENIAN", "GEORGIAN", "DESERET"})  # have letters that look Latin


# Scripts whose words are written with joiners that show nothing by themselves, as the one in the midst of Persian names.
_JOINING = frozenset(
    "ARABIC SYRIAC MONGOLIAN DEVANAGARI BENGALI GURMUKHI GUJARATI ORIYA TAMIL TELUGU KANNADA MALAYALAM SINHALA KHMER".split()  # noqa: SIM905 (a list to be read)
)
_JOINERS = "\u200c\u200d"
REMEMBERED = 32_768  # IDs: an exam has 5,000 students, and who goes through them again must find them all
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼ", "'"))


def joins(identifier: str, at: int) -> bool:
    """Is the character at `at` a joiner (ZWNJ, ZWJ) between two letters of a script that is written with them?"""
    return identifier[at] in _JOINERS and 0 < at < len(identifier) - 1 and all(_script(identifier[beside]) in _JOINING for beside in (at - 1, at + 1))


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0] if unicodedata.category(character)[0] in "LM" else ""


def unseen_or_mixed(identifier: str) -> str:
    """What in an ID nobody can see or tell apart: letters that show nothing, or Latin among those of a script like it. Empty for none."""
    if _UNSEEN.search(identifier):
        return _("a character that shows nothing")
    names = [unicodedata.name(character, "") for character in identifier if unicodedata.category(character)[0] == "L"]
    scripts = {name.partition(" ")[0] for name in names}
    if any("LETTER SMALL CAPITAL" in name for name in names):
        return _("small capitals")
    named = ", ".join(sorted(scripts)).lower()
    return _("letters of two scripts (%(scripts)s)", scripts=named) if "LATIN" in scripts and scripts & _LIKE_LATIN else ""


@lru_cache(REMEMBERED)
def folded(identifier: str) -> str:
    """The same for all spellings of one ID: case, width, the kind of apostrophe, invisible characters and dots at the end don't count."""
    if identifier.isascii():
        return identifier.lower().rstrip(".")
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", identifier).casefold()).translate(_APOSTROPHES)
    return "".join(_plain(character) for character in text if unicodedata.category(character) != "Cf").rstrip(".")


def same_id(one: str | None, other: str | None) -> bool:
    """Are two IDs one? None, no ID, is itself alone."""
    return one == other if one is None or other is None else folded(one) == folded(other)


@lru_cache(REMEMBERED)
def look(identifier: str) -> str:
    """The same for all IDs that look alike, whatever script their letters are of; a number of any script is its digits."""
    return folded(identifier).translate(_TO_LATIN)


def _plain(character: str) -> str:
    return str(unicodedata.decimal(character)) if character.isdecimal() else character
