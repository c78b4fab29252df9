"""Whose session it is, and where its pictures and sound come from."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """`source` is `browser` or `local`; `station` names this machine's camera and microphone that a local session watches.

    `route` is the key by which its page and its viewers come to its server, where there are several; empty where there can be one only.
    """

    session_id: str
    user_id: str
    exam_id: str | None
    source: str
    station: str | None = None
    route: str = ""

    def interval_id(self, index: int) -> str:
        """The id of an interval's record, which is also its clip's."""
        return f"{self.session_id}-{index}"

    def to_dict(self) -> dict[str, str | None]:
        """As it is stored and answered."""
        return asdict(self)
