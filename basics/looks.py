"""Which IDs are one: those that differ in case, width or a dot at the end. And which look alike: those whose letters other scripts have, too."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Letters that look like Latin ones in most faces, folded: Cyrillic, Greek, Armenian, and Latin's own variants (after UTS 39's table).
_ALIKE = (
    *("aаαɑ", "bвβ", "cсϲ", "dԁ", "eеεҽ", "fғϝ", "gɡց", "hһн", "iіιıɪӏ", "jјϳ", "kкκ", "lⅼ", "mмμ", "nηո", "oоοօ", "pрρ", "qԛզ", "rг"),
    *("sѕ", "tтτ", "uυս", "vνѵ", "wωԝ", "xхχ", "yуγ", "zζ", "3з"),
)
_TO_LATIN = {ord(letter): letters[0] for letters in _ALIKE for letter in letters[1:]}


@lru_cache(4096)
def folded(identifier: str) -> str:
    """The same for all spellings of one ID: case, width, invisible characters and dots at the end don't count."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", identifier).casefold())
    return "".join(_plain(character) for character in text if unicodedata.category(character) != "Cf").rstrip(".")


@lru_cache(4096)
def look(identifier: str) -> str:
    """The same for all IDs that look alike, whatever script their letters are of; a number of any script is its digits."""
    return folded(identifier).translate(_TO_LATIN)


def _plain(character: str) -> str:
    return str(unicodedata.decimal(character)) if character.isdecimal() else character
