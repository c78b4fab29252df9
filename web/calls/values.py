"""The values that calls take and give: ids, times, names and words, each with its rule and its place in the OpenAPI page."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timezone
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema

from basics.errors import NotFound
from basics.looks import unseen_or_mixed
from basics.texts import _, joined, ngettext
from basics.times import iso_time
from web.access.signing import SESSION_ID

LONGEST_ID = 128  # characters, after NFC
LONGEST_TEXT = 500  # characters of a message or a note
ID_RULE = _("An id has 1 to 128 characters: letters and digits of any script, `.`, `_`, `@`, `-`, no leading dot.")
ID_PATTERN = r"^[^.\s/\\][^\s/\\]*$"  # what JSON Schema's portable expressions can say of the rule
DOCUMENT_ID_PATTERN = r"^[0-9a-f]{32}$"
# An interval or a check: its session and its number, of as many digits as a number of an interval before the year 10,000 can have, so that
# whatever was ever stored can be named in every call.
ROW_ID_PATTERN = r"^[0-9a-f]{32}-[0-9]{1,12}$"
VIDEO_ID = re.compile(ROW_ID_PATTERN.strip("^$"))  # of an interval and of its clip
DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they turn the text around them: a name may show as another


def normal_id(value: object) -> str:
    """The id in NFC. Raise `ValueError` that says what is wrong with it."""
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
        if unicodedata.category(character)[0] not in "LMN" and character not in "._@-":
            raise ValueError(joined(" ", [_("has %(character)s at position %(position)s.", character=_name(character), position=position), ID_RULE]))
    if value[0] == ".":
        raise ValueError(joined(" ", [_("begins with a dot."), ID_RULE]))
    if odd := unseen_or_mixed(value):
        raise ValueError(_("has %(odd)s: it looks like another id. Write it as your institution does", odd=odd))
    return value


def printable(text: str) -> str:
    """The text in NFC. Raise `ValueError` where it has control characters other than line ends, halves of pairs, or marks that turn the direction."""
    text = unicodedata.normalize("NFC", text)
    wrong = next((character for character in text if _is_control(character) and character not in "\n\t"), None)
    if wrong is not None:
        code = f"U+{ord(wrong):04X}"
        raise ValueError(_("has a control character (%(code)s); send plain text", code=code))
    return text


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} or character in DIRECTION_MARKS


def one_line(text: str) -> str:
    """The text. Raise `ValueError` where it has more than one line."""
    if any(character in text for character in "\n\t\u2028\u2029"):
        raise ValueError(_("must be one line"))
    return text


def _utc(value: object) -> object:
    """MongoDB keeps UTC; a driver may give it without its zone."""
    return value.replace(tzinfo=timezone.utc) if isinstance(value, datetime) and value.tzinfo is None else value


_ID_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": ID_PATTERN, "description": ID_RULE})
Identifier = Annotated[str, BeforeValidator(normal_id), _ID_SCHEMA]
_TIME_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})
Time = Annotated[datetime, BeforeValidator(_utc), PlainSerializer(iso_time, when_used="json"), _TIME_SCHEMA]
RowId = Annotated[str, Field(pattern=ROW_ID_PATTERN)]  # an interval or a check: its session and its number
Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128), AfterValidator(printable), AfterValidator(one_line)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TEXT), AfterValidator(printable)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT), AfterValidator(printable)]


class StudentExam(BaseModel):
    """Which student, in which exam."""

    user_id: Identifier = Field(examples=["student123"])
    exam_id: Identifier | None = Field(default=None, examples=["exam001"])


def check_session_id(session_id: str) -> None:
    """Raise `NotFound` for what can't be a session's id, before anybody is asked for it."""
    if not SESSION_ID.fullmatch(session_id):
        raise NotFound(
            _("There is no session %(session_id)s: a session's id has 32 hexadecimal digits.", session_id=repr(session_id[:64])), field="session_id"
        )


def check_video_id(video_id: str) -> None:
    """Raise `NotFound` for what can't be an interval's id, before anybody is asked for it."""
    if not VIDEO_ID.fullmatch(video_id):
        raise NotFound(
            _("There is no interval %(video_id)s: its id is its session's and its number, with a dash between.", video_id=repr(video_id[:64])),
            field="video_id",
        )


def json_type(value: object) -> str:
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


def _name(character: str) -> str:
    """A character for a message: itself where it shows, else its number (a control character or half a pair would spoil the message)."""
    code = f"U+{ord(character):04X}"
    if character == " ":
        return _("a space (%(code)s)", code=code)
    return f"{character!r} ({code})" if character.isprintable() else f"({code})"
