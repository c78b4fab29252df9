"""What may be an ID: of a student, or of an exam, as institutions write them."""

from __future__ import annotations

import hashlib
import unicodedata
from functools import lru_cache

from basics.looks import folded, joins, unseen_or_mixed
from basics.texts import _, joined, ngettext

LONGEST_ID = 128  # characters, after NFC
# Beside letters, marks and digits: what addresses of e-mail, course codes and the IDs of learning platforms (`lti:7/abc`, `12:345`) are written with.
SIGNS = "._@-+'’·:/~=&#%!,;()"
ID_RULE = _("An id has 1 to 128 characters: letters and digits of any script and %(signs)s, no space, no leading dot.", signs=SIGNS)


def normal_id(value: object) -> str:
    """The id in NFC; a whole number is its digits. Raise `ValueError` that says what is wrong with it."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(_("must be a text, not %(kind)s", kind=json_type(value)))  # noqa: TRY004 (pydantic wants ValueError)
    if not value:
        raise ValueError(joined(" ", [_("is empty."), ID_RULE]))
    if len(value) > 4 * LONGEST_ID:  # NFC shortens a text to a fourth at most; don't spend time on a longer one
        raise ValueError(joined(" ", [ngettext("has %(count)s character.", "has %(count)s characters.", len(value)), ID_RULE]))
    value = unicodedata.normalize("NFC", value)
    if len(value) > LONGEST_ID:
        raise ValueError(joined(" ", [ngettext("has %(count)s character.", "has %(count)s characters.", len(value)), ID_RULE]))
    for position, character in enumerate(value, 1):
        if not _may_stand(value, position - 1):
            raise ValueError(joined(" ", [_("has %(character)s at position %(position)s.", character=_name(character), position=position), ID_RULE]))
    if value[0] == ".":
        raise ValueError(joined(" ", [_("begins with a dot."), ID_RULE]))
    if odd := unseen_or_mixed(value):
        raise ValueError(_("has %(odd)s: it looks like another id. Write it as your institution does", odd=odd))
    return value


@lru_cache(4096)
def key_of(identifier: str) -> str:
    """32 hexadecimal digits for an ID, the same for all its spellings: for addresses and file names, which an ID as such doesn't fit into."""
    return hashlib.sha256(folded(identifier).encode()).hexdigest()[:32]


def json_type(value: object) -> str:
    """What kind of thing a value of JSON is, in words."""
    names = {
        bool: _("true or false"),
        int: _("a number"),
        float: _("a number"),
        str: _("a text"),
        list: _("a list"),
        dict: _("an object"),
        type(None): "null",
    }
    return names.get(type(value), type(value).__name__)


def _may_stand(value: str, at: int) -> bool:
    character = value[at]
    return unicodedata.category(character)[0] in "LMN" or character in SIGNS or joins(value, at)


def _name(character: str) -> str:
    """A character for a message: itself where it shows, else its number (a control character or half a pair would spoil the message)."""
    code = f"U+{ord(character):04X}"
    if character == " ":
        return _("a space (%(code)s)", code=code)
    return f"{character!r} ({code})" if character.isprintable() else f"({code})"
