"""For how long an exam's records are kept, by their kind."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from settings.everyday import EVERYDAY

Kept = Literal["records", "readings", "clips_confirmed", "clips_dismissed", "clips_open", "stills", "identity", "absences"]
"""The kinds of records of a session, as exams name them."""

LONGEST_DAYS = 36_500


class KeepingSettings(BaseModel):
    """Days after a session's end; an exam may have numbers of its own. A session keeps to the numbers with which it began."""

    model_config = ConfigDict(title="Keeping", frozen=True)

    keep_days: int = Field(
        default=365,
        ge=0,
        le=LONGEST_DAYS,
        description="Days after its end for which a session is kept; then its records and clips are deleted. 0: until somebody deletes them. "
        "This and the times below are those of sessions that begin from now on: `flask --app app retention --apply` gives them to those there are.",
        json_schema_extra=EVERYDAY,
    )
    keep_clips_dismissed_days: int = Field(
        default=0,
        ge=0,
        le=LONGEST_DAYS,
        description="Days after a session's end for which clips of dismissed flags are kept; the flag and its decision stay. "
        "0: as long as the session.",
        json_schema_extra=EVERYDAY,
    )
    keep_clips_confirmed_days: int = Field(
        default=0,
        ge=0,
        le=LONGEST_DAYS,
        description="Days after a session's end for which clips of confirmed flags are kept. 0: as long as the session.",
        json_schema_extra=EVERYDAY,
    )
    keep_clips_open_days: int = Field(
        default=0,
        ge=0,
        le=LONGEST_DAYS,
        description="Days after a session's end for which clips of flags are kept on which nobody decided, or people don't agree. "
        "0: as long as the session.",
        json_schema_extra=EVERYDAY,
    )
    keep_readings_days: int = Field(
        default=0,
        ge=0,
        le=LONGEST_DAYS,
        description="Days after a session's end for which single readings are kept (where the student looked, boxes around faces, what was heard); "
        "scores and violations stay, and can't be worked out again. 0: as long as the session.",
        json_schema_extra=EVERYDAY,
    )
    keep_identity_days: int = Field(
        default=30,
        ge=0,
        le=LONGEST_DAYS,
        description="Days after a session's end for which pictures of a face and a card are kept; what was decided on them stays. "
        "0: as long as the session.",
        json_schema_extra=EVERYDAY,
    )
    keep_stills_days: int = Field(
        default=0,
        ge=0,
        le=LONGEST_DAYS,
        description="Days after a session's end for which pictures are kept that were taken out of its clips to be shown, in `TEMP_DIR`; they "
        "go with their clip at the latest, and are taken again where somebody looks. 0: as long as the session.",
    )
    keep_absences_days: int = Field(
        default=0,
        ge=0,
        le=LONGEST_DAYS,
        description="Days after a session's end for which the two stills of each absence are kept, of before and after it; that somebody was away "
        "stays. 0: as long as the session.",
        json_schema_extra=EVERYDAY,
    )
    keep_audit_days: int = Field(
        default=0,
        ge=0,
        le=LONGEST_DAYS,
        description="Days for which an entry of the audit is kept; what is newer than the oldest entry about a legal hold stays with it. "
        "0: until somebody deletes it.",
        json_schema_extra=EVERYDAY,
    )

    def keep_by_kind(self) -> dict[Kept, int]:
        """The days by kind of record, as an exam names the kinds."""
        return {
            "records": self.keep_days,
            "readings": self.keep_readings_days,
            "clips_confirmed": self.keep_clips_confirmed_days,
            "clips_dismissed": self.keep_clips_dismissed_days,
            "clips_open": self.keep_clips_open_days,
            "stills": self.keep_stills_days,
            "identity": self.keep_identity_days,
            "absences": self.keep_absences_days,
        }
