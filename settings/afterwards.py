"""What comes after an exam: how long a student's own report can be read, and until when its student may answer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AfterwardsSettings(BaseModel):
    """What comes after an exam."""

    model_config = ConfigDict(title="After the exam", frozen=True)

    report_link_days: int = Field(
        default=60, ge=1, le=731, description="Days for which the link to a student's own report is good; it can be ended before."
    )
    answer_days: int = Field(
        default=7,
        ge=1,
        le=365,
        description="Days from the first link to a student's own report after which a finding may be concluded without the student's answers, in "
        "exams in which the student may answer first.",
    )
    new_look_days: int = Field(default=14, ge=1, le=365, description="Days from a conclusion in which its student may ask for a new look at it.")
