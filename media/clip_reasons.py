"""Why a clip could not be made. Records hold it in English; `known` finds again what it was made of, so that it can be said in any language."""

from __future__ import annotations

import re
from functools import lru_cache

from basics.texts import _, with_values

BEHIND = _("the encoder is behind (%(waiting)s MB wait); raise CLIP_QUEUE_MB or free a core")
NOTHING_KEPT = _("no picture and no sound of this time was kept")
NOTHING_TO_SHOW = _("the pictures of this time can't be decoded, and no sound came")
UNKEPT = _("disk: %(error)s (%(folder)s)")
DISK = _("disk: %(error)s (%(folder)s); free some space or mend the folder's rights")
ENCODING = _("encoder: %(error)s")
AGAIN = _("%(reason)s; it is tried again as long as its pictures are kept")
STOPPED = _("the server stopped before the clip was made")
ELSEWHERE = _("what it is made of is on the server %(server)s, which makes it when it is back")
GONE = _("the file is no longer on the disk")
OF_DISMISSED = _("it was kept as long as clips of dismissed flags are (days: %(days)s)")
OF_CONFIRMED = _("it was kept as long as clips of confirmed flags are (days: %(days)s)")
OF_OPEN = _("it was kept as long as clips of flags without a decision are (days: %(days)s)")
UNREADABLE = _("its record can't be read")

_LONGEST = 1000  # characters that are looked at
_KNOWN = (
    AGAIN,
    BEHIND,
    NOTHING_KEPT,
    NOTHING_TO_SHOW,
    DISK,
    UNKEPT,
    ENCODING,
    STOPPED,
    ELSEWHERE,
    GONE,
    OF_DISMISSED,
    OF_CONFIRMED,
    OF_OPEN,
    UNREADABLE,
)


@lru_cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    made = []
    for text in _KNOWN:
        parts = re.split(r"%\((\w+)\)s", text)
        pattern = "".join(f"(?P<{part}>.*)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
        made.append((text, re.compile(pattern, re.DOTALL)))
    return tuple(made)


def known(reason: str) -> str:
    """A reason as it was stored, as a text that other languages can say; one that isn't known stays as it is."""
    if len(reason) > _LONGEST:
        return reason
    for text, pattern in _patterns():
        if found := pattern.fullmatch(reason):
            values = {name: known(value) if name == "reason" else value for name, value in found.groupdict().items()}
            return with_values(text, **values) if values else text
    return reason
