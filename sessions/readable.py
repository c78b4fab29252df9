"""Stored records that can be taken up again: a damaged one is left out with a word in the log, and never takes its session with it."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

log = logging.getLogger(__name__)

CHECK: Mapping[str, type] = {"number": int, "end": float}
ACT: Mapping[str, type] = {"_id": str, "at": float, "kind": str, "detail": object}
INTERVAL: Mapping[str, type] = {"index": int, "closed": bool, "revision": int, "clip": Mapping}


def readable(documents: Sequence[dict[str, Any]], needs: Mapping[str, type], session_id: str) -> list[dict[str, Any]]:
    """The documents that have the fields of `needs`, each of its kind."""
    kept = [document for document in documents if all(name in document and _is(document[name], kind) for name, kind in needs.items())]
    if len(kept) < len(documents):
        damaged = [document.get("_id") for document in documents if document not in kept]
        log.error("%d stored records can't be read and are left out, the first is %a", len(damaged), damaged[0], extra={"session_id": session_id})
    return kept


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return isinstance(value, kind)
