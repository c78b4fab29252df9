"""The rules: points, and for how long something must last to count."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from basics.signals import VIOLATION_KINDS, ViolationKind
from settings.everyday import EVERYDAY

Points = Annotated[int, Field(ge=0, le=100)]


class RuleSettings(BaseModel):
    """What counts, for how much, and from when (design: the published weights)."""

    model_config = ConfigDict(title="Scoring", frozen=True)

    interval_duration: float = Field(
        default=30,
        ge=5,
        le=600,
        description="Seconds in one scored interval; signs of one event meet in it, and its clip is short enough to be looked at.",
        json_schema_extra=EVERYDAY,
    )
    check_interval: float = Field(
        default=10,
        ge=1,
        le=600,
        description="Seconds between stored check records; what a crash may take of the readings.",
        json_schema_extra=EVERYDAY,
    )
    flag_threshold: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="Points at which an interval is flagged: the published weights are shares of it, set by judgement.",
        json_schema_extra=EVERYDAY,
    )
    points_gaze_distracted: Points = Field(
        default=2,
        description="Points for looking away, once per interval; who thinks does it, so it only adds to others.",
        json_schema_extra=EVERYDAY,
    )
    points_no_face: Points = Field(
        default=9,
        description="Points for nobody in view, once per interval; a pen may have fallen, so one more sign makes a flag.",
        json_schema_extra=EVERYDAY,
    )
    points_multiple_faces: Points = Field(
        default=10,
        description="Points for two or more persons, once per interval; a flag by itself: an exam is taken alone.",
        json_schema_extra=EVERYDAY,
    )
    points_speech: Points = Field(
        default=3,
        description="Points for speech, once per interval; people read aloud, so alone or with looking away it can't flag.",
        json_schema_extra=EVERYDAY,
    )
    points_multiple_voices: Points = Field(
        default=10,
        description="Points for another voice than the student's, once per interval; a flag by itself, as a second person in view is.",
        json_schema_extra=EVERYDAY,
    )
    points_tab_switch: Points = Field(
        default=4,
        description="Points for each time the exam's tab or window is left; two may be slips, a third in an interval flags.",
        json_schema_extra=EVERYDAY,
    )
    points_copy_paste: Points = Field(
        default=5,
        description="Points for each copy, cut or paste; one may move the student's own words, a second in an interval flags.",
        json_schema_extra=EVERYDAY,
    )
    points_prohibited_object: Points = Field(
        default=10,
        description="Points for a phone in view, once per interval; a flag by itself: it has no use in an exam. 0 turns it off.",
        json_schema_extra=EVERYDAY,
    )
    points_proctor_mark: Points = Field(
        default=0,
        description="Points for each moment that a proctor marks. Its clip is kept in any case; with 0 a mark alone raises no flag.",
        json_schema_extra=EVERYDAY,
    )
    gaze_min_s: float = Field(
        default=2, ge=0.2, le=30, description="Seconds of looking away that count; a glance is shorter.", json_schema_extra=EVERYDAY
    )
    absent_min_s: float = Field(
        default=3, ge=0.5, le=60, description="Seconds of nobody in view that count; bending down is shorter.", json_schema_extra=EVERYDAY
    )
    persons_min_s: float = Field(
        default=1,
        ge=0.1,
        le=30,
        description="Seconds from the first to the last look (LOOKS_MIN) that shows two persons; looks at nearly the same moment share mistakes.",
        json_schema_extra=EVERYDAY,
    )
    speech_min_s: float = Field(
        default=1, ge=0.1, le=30, description="Seconds of speech in an interval that count; a word or a cough is shorter.", json_schema_extra=EVERYDAY
    )
    voices_min_s: float = Field(
        default=2,
        ge=0.5,
        le=30,
        description="Seconds of several voices that count; 38 of 43 labelled clips with two have them for so long, of 66 others none.",
        json_schema_extra=EVERYDAY,
    )
    blink_max_s: float = Field(
        default=0.8,
        ge=0.1,
        le=5,
        description="Seconds for which closed eyes are a blink, which neither ends nor lengthens looking away; blinks take up to 0.4 s, and pictures "
        "come 0.25 s apart.",
    )
    eyes_closed_s: float = Field(
        default=5,
        ge=0,
        le=60,
        description="Seconds from which eyes that look shut are no blink, for nobody blinks so long (honest footage: up to 1). Where the head is "
        "lower then than at the person's own rest it is looking down; else the eyes are closed, which is shown and has no points. 0: never.",
    )
    eyes_lowered_deg: float = Field(
        default=6,
        ge=0,
        le=45,
        description="Degrees by which the head is lower then, as the median; heads at rest stay within 3 to 7 in nineteen of twenty pictures.",
    )
    gaze_gap_s: float = Field(
        default=0.5, ge=0.1, le=10, description="Seconds of looking back, or of a face in view, that end looking away or absence; a blink is shorter."
    )
    voices_gap_s: float = Field(
        default=3,
        ge=0.1,
        le=60,
        description="Seconds between turns under which they are one conversation, whose turns together must last VOICES_MIN_S; answers come sooner.",
    )
    unknown_max_s: float = Field(
        default=3,
        ge=0.5,
        le=60,
        description="Seconds unknown or unread that looking away, absence and the like survive; after longer nobody can say it went on.",
    )
    credit_max_s: float = Field(
        default=1,
        ge=0.1,
        le=10,
        description="Seconds for which one picture speaks until the next at most; where they come seldom, time is not made up.",
    )
    face_interval_s: float = Field(
        default=2, ge=0.2, le=60, description="Seconds between looks for persons and phones, the dearest detector.", json_schema_extra=EVERYDAY
    )
    looks_min: int = Field(
        default=2,
        ge=1,
        le=10,
        description="Looks running that must show several persons, a phone or nobody before it counts; one alone may err.",
    )
    looks_end: int = Field(
        default=2,
        ge=1,
        le=10,
        description="Looks running without several persons, or without a phone, that end having them in view; one alone may miss them.",
    )
    looks_speak_for: int = Field(
        default=3,
        ge=1,
        le=20,
        description="Looks due that may all be missing or unable to tell before nobody knows who is in view, and a run is over; a moved head costs "
        "one or two.",
    )
    act_together_s: float = Field(
        default=1,
        ge=0.1,
        le=10,
        description="Seconds within which events of browser, keys and clipboard have one cause and count once; blur, hidden and clipboard come one "
        "after the other.",
    )
    blur_min_s: float = Field(
        default=1,
        ge=0.2,
        le=30,
        description="Seconds without the focus from which a visible exam counts as left for another window; a notification takes it for less.",
    )
    interval_settle_s: float = Field(
        default=7,
        ge=0,
        le=60,
        description="Seconds after its end in which an interval waits for late readings, then closes; speech is told up to 6.7 s after it begins. "
        "What comes later still counts, as a revision.",
    )
    high_risk_flags: int = Field(
        default=3,
        ge=1,
        description="Flagged intervals from which a session is listed as high risk; one or two may be chance, and each is looked at anyway.",
        json_schema_extra=EVERYDAY,
    )

    @model_validator(mode="after")
    def _checks_fit_the_interval(self) -> RuleSettings:
        if self.check_interval > self.interval_duration:
            raise ValueError(f"CHECK_INTERVAL={self.check_interval:g} must not be longer than INTERVAL_DURATION={self.interval_duration:g}")
        return self

    def points(self) -> dict[ViolationKind, int]:
        """The published weights by kind."""
        return {kind: getattr(self, f"points_{kind}") for kind in VIOLATION_KINDS}
