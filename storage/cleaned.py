"""What can be stored of a document that BSON can't hold as it is: its text cleaned, its numbers within bounds, the rest left out and named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bson

NOT_STORED = "not_stored"  # the field of a document that names what is missing or changed in it
NAMES_MAX = 50
_DEPTH_MAX = 90  # MongoDB takes documents nested 100 deep
_INT64 = 1 << 63


def clean_text(text: str) -> str:
    """`text` as UTF-8 can hold it: each lone surrogate becomes a replacement character."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if not _is_utf8(text) else text


def clean_value(value: Any) -> Any:
    """An answer's value with all its text cleaned, names too."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_value(name): clean_value(inner) for name, inner in value.items()}
    return [clean_value(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def storable(fields: Mapping[str, Any], max_bytes: int) -> dict[str, Any]:
    """The fields as BSON can hold them within `max_bytes`; the names of those changed or left out are in the field `not_stored`."""
    changed: list[str] = []
    kept = _mapping(fields, "", 0, changed)
    sizes = {name: len(bson.encode({name: value})) for name, value in kept.items()}
    total = sum(sizes.values())
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if total <= max_bytes - 10_000:
            break
        total -= sizes[name]
        del kept[name]
        changed.append(name)
    return {**kept, NOT_STORED: [name[:200] for name in changed[:NAMES_MAX]]}


def _mapping(fields: Mapping[Any, Any], path: str, depth: int, changed: list[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        clean = clean_text(str(name)).replace("\0", "\ufffd")
        place = f"{path}.{clean}" if path else clean
        if clean != name:
            changed.append(place)
        try:
            kept[clean] = _value(value, place, depth + 1, changed)
        except (ValueError, TypeError):
            changed.append(place)
    return kept


def _value(value: Any, path: str, depth: int, changed: list[str]) -> Any:
    """What BSON can hold of it. Raise `ValueError` where that is nothing."""
    if depth > _DEPTH_MAX:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        clean = clean_text(value)
        if clean != value:
            changed.append(path)
        return clean
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise ValueError("too large")
    if isinstance(value, Mapping):
        return _mapping(value, path, depth, changed)
    if isinstance(value, (list, tuple)):
        return [_item(inner, f"{path}.{number}", depth + 1, changed) for number, inner in enumerate(value)]
    try:
        bson.encode({"value": value})
    except Exception as error:  # bson raises errors of a dozen kinds, down to those of a value's own methods
        raise ValueError(str(error)) from error
    return value


def _item(value: Any, path: str, depth: int, changed: list[str]) -> Any:
    """An item of a list keeps its place: None stands for one that can't be stored."""
    try:
        return _value(value, path, depth, changed)
    except ValueError:
        changed.append(path)
        return None


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
