"""Texts for people, marked for translation where they are written and put into a language where they are shown.

`_("No session %(id)s.", id=session_id)` is a text as any other, in English; it keeps what it was made of, so that whoever shows it can say it in
the language of the person who reads it. Logs and records keep the English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

_RUNS_FROM_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


class Catalogue(Protocol):
    """The texts of one language, as gettext has them."""

    def gettext(self, message: str, /) -> str: ...

    def ngettext(self, one: str, many: str, count: int, /) -> str: ...


class Text(str):
    """A text in English that knows how it is said in other languages. Whatever is made of it by joining or formatting is a plain `str` again."""

    __slots__ = ("_count", "_messages", "_own", "_values")

    _messages: tuple[str, ...]  # the message; with its plural; or none, for a text that others make up
    _values: Mapping[str, Any]
    _count: int
    _own: bool  # English says it in words of its own

    def __new__(cls, english: str, messages: tuple[str, ...] = (), values: Mapping[str, Any] | None = None, count: int = 0) -> Self:
        text = super().__new__(cls, english)
        text._messages, text._values, text._count, text._own = messages, values or {}, count, False
        return text

    def said_by(self, catalogue: Catalogue) -> str:
        """The text in the catalogue's language; in English where it has none, or one whose placeholders are wrong."""
        values = {name: translated(value, catalogue) for name, value in self._values.items()}
        if not self._messages:
            return "".join(str(value) for value in values.values())
        if getattr(catalogue, "runs_from_right", False):
            values = {name: _set_apart(value) for name, value in values.items()}
        if not self._messages[0]:  # what a catalogue says of itself stands under this
            return ""
        one, *many = self._messages
        found = catalogue.ngettext(one, many[0], self._count) if many else catalogue.gettext(one)
        if self._own and found in self._messages:  # not said in that language
            return str(self)
        try:
            return found % values if values else found
        except (KeyError, TypeError, ValueError):
            return str(self)


def _set_apart(value: Any) -> Any:
    """A name or an ID that keeps its direction within a sentence that runs the other way (static/js/shared/translate.js does the same)."""
    written = value if isinstance(value, int | float) else str(value)
    return f"\u2068{written}\u2069" if isinstance(written, str) and written and not _RUNS_FROM_RIGHT.search(written) else value


def _(message: str, /, **values: Any) -> Text:
    """Mark a text. It may have placeholders (`%(name)s`) for `values`, which may be marked texts themselves; only with values `%` is written `%%`."""
    return Text(message % values if values else message, (message,), values)


def ngettext(one: str, many: str, count: int, /, **values: Any) -> Text:
    """Mark a text that depends on a whole number, which stands in it as `%(count)s`."""
    values = {"count": count, **values}
    return Text((one if count == 1 else many) % values, (one, many), values, count)


def in_english(text: Text, english: str) -> Text:
    """The same text, which English alone says as `english`, as "two people" for "2 people"."""
    own = Text(english, text._messages, text._values, text._count)
    own._own = True
    return own


def with_values(text: str, **values: Any) -> Text:
    """A text that was marked where its values were not known yet."""
    return Text(text % values, (str(text),), values)


def decimal(value: float, digits: int | None = None) -> str:
    """A number with its decimals, so many or as many as it has: a language may write them after a comma."""
    written = f"{value:g}" if digits is None else f"{value:.{digits}f}"
    whole, point, part = written.partition(".")
    return _("%(whole)s.%(part)s", whole=whole, part=part) if point else written


def joined(separator: str, texts: Iterable[str]) -> Text:
    """Several texts in a row. Only what is punctuation in any language separates them: sentences by a space, items by `; `."""
    parts: list[str] = []
    for text in texts:
        parts += [separator, text] if parts else [text]
    return Text("".join(parts), (), {str(place): part for place, part in enumerate(parts)})


def kept(text: str) -> Any:
    """A text as it is stored where it is to be said in the reader's language later, by `from_kept`. Its values are texts and numbers."""
    if not isinstance(text, Text):
        return str(text)
    values = {name: value if isinstance(value, int | float) else kept(_as_text(value)) for name, value in text._values.items()}
    return {"english": str(text), "messages": list(text._messages), "values": values, "count": text._count}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def from_kept(stored: object) -> str:
    """The text that was stored by `kept`, or as a plain one; empty where it is neither."""
    if not isinstance(stored, Mapping):
        return stored if isinstance(stored, str) else ""
    english, messages, values, count = (stored.get(name) for name in ("english", "messages", "values", "count"))
    if not isinstance(english, str):
        return ""
    if not isinstance(messages, list) or len(messages) > 2 or not isinstance(values, Mapping) or not isinstance(count, int):
        return english
    if not all(isinstance(one, str) for one in messages):
        return english
    read = {name: value if isinstance(value, int | float) else from_kept(value) for name, value in values.items()}
    return Text(english, tuple(messages), read, count)


def cut(text: str, most: int) -> str:
    """The text; where it has more than `most` characters, so many of its English."""
    return text if len(text) <= most else text[:most]


def translated(value: Any, catalogue: Catalogue) -> Any:
    """A value with every marked text in it said by the catalogue: in lists, tuples and mappings too, of which it makes new ones."""
    if isinstance(value, Text):
        return value.said_by(catalogue)
    if isinstance(value, Mapping):
        return {name: translated(one, catalogue) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [translated(one, catalogue) for one in value]
    return value
