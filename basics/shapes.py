"""Stored documents by their shape: what isn't what it should be is left out and named, so that the rest can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from basics.stored_fields import Check


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a document: each by a check, as a part with a shape of its own, or as a list of such. What isn't named here stays as it is.

    A part or a row without what it `needs` can't be read.
    """

    fields: Mapping[str, Check | Shape | Rows]
    needs: tuple[str, ...] = ()

    def fit(self, document: Any) -> tuple[dict[str, Any], list[str]]:
        """The document without what can't be read or is null, and the names of the fields that can't, or are missing though it needs them."""
        kept = {name: value for name, value in document.items() if value is not None} if isinstance(document, Mapping) else {}
        wrong: list[str] = []
        for name in [name for name in self.fields if name in kept]:
            wanted = self.fields[name]
            if isinstance(wanted, Shape):
                part, odd = wanted.fit(kept[name])
                kept[name], there = part, all(need in part for need in wanted.needs) and isinstance(kept[name], Mapping)
                whole = there and not odd
            elif isinstance(wanted, Rows):
                kept[name], whole = wanted.fit(kept[name])
                there = True
            else:
                there = whole = wanted(kept[name])
            if not there:
                del kept[name]
            if not whole:
                wrong.append(name)
        return kept, [*wrong, *(name for name in self.needs if name not in kept and name not in wrong)]

    def whole(self, document: Any) -> dict[str, Any] | None:
        """The same, None where it has not all that it needs."""
        kept, _wrong = self.fit(document)
        return kept if all(name in kept for name in self.needs) else None


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of documents of one shape; those without what it needs are left out."""

    of: Shape

    def fit(self, rows: Any) -> tuple[list[dict[str, Any]], bool]:
        """The rows that can be read, each without what can't; and whether nothing is left out."""
        if not isinstance(rows, list | tuple):
            return [], False
        found = [self.of.fit(row) for row in rows]
        kept = [row for row, _odd in found if all(name in row for name in self.of.needs)]
        return kept, len(kept) == len(rows) and not any(odd for _row, odd in found)
