"""Stored records that can be taken up again: a damaged one is left out with a word in the log, and never takes its session with it."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

log = logging.getLogger(__name__)

CHECK: Mapping[str, type] = {"number": int, "end": float}
ACT: Mapping[str, type] = {"_id": str, "at": float, "kind": str, "detail": object}
INTERVAL: Mapping[str, type] = {"index": int, "closed": bool, "revision": int, "clip": Mapping}
BREAK: Mapping[str, type] = {"start": float, "end": object, "by": str}
HELD: Mapping[str, type] = {"at_s": float, "from": datetime, "by": str, "accommodation": object, "points": Mapping}
MARK: Mapping[str, type] = {"id": str, "at": float, "by": str}
CALL: Mapping[str, type] = {"at": float, "text": str}
MESSAGE: Mapping[str, type] = {"id": str, "text": str, "level": str, "by": str, "at": float}


def readable(documents: Any, needs: Mapping[str, type], session_id: str) -> list[dict[str, Any]]:
    """The documents that have the fields of `needs`, each of its kind. `documents` should be a list of them."""
    documents = documents if isinstance(documents, Sequence) else [documents]
    kept = fitting(documents, needs)
    if len(kept) < len(documents):
        damaged = [document.get("_id") if isinstance(document, Mapping) else document for document in documents if document not in kept]
        log.error("%d stored records can't be read and are left out, the first is %.200a", len(damaged), damaged[0], extra={"session_id": session_id})
    return kept


def fitting(documents: Sequence[Any], needs: Mapping[str, type]) -> list[dict[str, Any]]:
    """The same, without a word in the log."""
    return [document for document in documents if _fits(document, needs)]


def _fits(document: Any, needs: Mapping[str, type]) -> bool:
    return isinstance(document, Mapping) and all(name in document and _is(document[name], kind) for name, kind in needs.items())


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return isinstance(value, kind)
