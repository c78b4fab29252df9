"""The bodies, queries and answers of the calls on an exam's results and on what people conclude about sessions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from basics.plain_text import printable
from records.conclusions import REASON_MAX, Act, ConclusionState, Finding
from records.results import Column, Stage
from web.calls.paging import LONGEST_PAGE, PAGE
from web.calls.values import DOCUMENT_ID_PATTERN, Person, Time
from web.proctor.sessions_schemas import Unread

Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=REASON_MAX), AfterValidator(printable)]
Revision = Annotated[int, Field(ge=0, description="The conclusion's `revision` that its maker saw; 0: there was none.")]


class Conclude(BaseModel):
    """One person's conclusion about a session."""

    conclusion: Finding
    reason: Reason = Field(default="", description="Needed with all but `no_finding`.")
    revision: Revision
    by: Person = Field(description="Who concludes; of an account that is signed in its own name stands there.", examples=["Ada Byron"])
    despite_open: bool = Field(default=False, description="Conclude although flags are not decided yet; without it that is 409 `open_flags`.")


class SecondConclusion(BaseModel):
    """What the second person says of a conclusion that is proposed."""

    agrees: bool
    reason: Reason = Field(default="", description="Needed where the person does not agree.")
    revision: Revision
    by: Person


class WithdrawConclusion(BaseModel):
    """Take back what is in force."""

    reason: Reason
    revision: Revision
    by: Person


class WithoutFinding(BaseModel):
    """Conclude all at once that nobody has to look at by itself, or agree to what others propose of those."""

    act: Literal["conclude", "agree"]
    reason: Reason = Field(default="", description="Kept with each.")
    by: Person


class WithoutFindingDone(BaseModel):
    """How many were concluded, or agreed to. Call again while any are `left` and some were `done`."""

    success: Literal[True] = True
    done: int
    left: int
    not_begun: int = Field(description="Left out of the act, as their student never came.")


class SecondAnswer(BaseModel):
    """What the second person said."""

    by: str
    at: Time
    agrees: bool
    reason: str = ""


class ConclusionAnswer(BaseModel):
    """What stands about a session. With `four_eyes` it is `proposed` until a second person agreed (`concluded`) or did not (`contested`)."""

    conclusion: Finding
    reason: str
    by: str
    at: Time
    state: ConclusionState
    revision: int
    four_eyes: bool = False
    second: SecondAnswer | None = None


class ActAnswer(BaseModel):
    """One act about a session's conclusion."""

    act: Act
    conclusion: Finding | None = None
    reason: str = ""
    by: str
    at: Time


class SessionConclusion(BaseModel):
    """What is in force of a session, null: nothing is; with every act, oldest first."""

    success: Literal[True] = True
    session_id: str
    conclusion: ConclusionAnswer | None
    revision: int = Field(description="To be sent with the next act.")
    history: list[ActAnswer]
    unreadable: list[str] = Field(default=[], description="What of it was damaged in the database, and is left out.")
    open_flags: int = Field(description="Flags that are not decided, or about which opinions differ.")
    four_eyes: bool = Field(description="A conclusion needs a second person.")
    not_yet: str | None = Field(description="Why nothing but `no_finding` may be concluded yet; null: it may.")
    may_conclude: bool = Field(description="The caller may conclude.")
    results: str | None = Field(default=None, description="The path of the page with the results of its exam, for who may see them.")


class ResultsQuery(BaseModel):
    """Which sessions of the exam, in which order."""

    state: Stage = Field(
        default="all",
        description="`open`, `disputed`: with such flags; `none`: without a conclusion; the others: whose conclusion stands so.",
    )
    sort: Column = "student"
    down: bool = False
    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE, description="Most rows in the answer.")
    after: Annotated[str, Field(pattern=DOCUMENT_ID_PATTERN)] | None = Field(default=None, description="`next_after` of the answer before.")


class FlagCounts(BaseModel):
    """How many of a session's flags stand in each state."""

    open: int
    confirmed: int
    dismissed: int
    disputed: int


class ResultLine(BaseModel):
    """The results of one session."""

    session_id: str
    user_id: str
    name: str = Field(description="The student's, where it is known.")
    state: str
    begun: bool
    started_at: Time | None = Field(description="Null: it can't be read.")
    ended_at: Time | None
    total_score: int
    unread: Unread | None
    flags: FlagCounts
    conclusion: ConclusionAnswer | None
    unreadable: list[str] = Field(default=[], description="What of it was damaged in the database, and is left out.")


class ResultSums(BaseModel):
    """Of the whole exam: sessions, those with flags that are open or disputed, those at each stage, and those with each conclusion that stands."""

    sessions: int
    open: int
    disputed: int
    none: int
    proposed: int
    contested: int
    concluded: int
    no_finding: int
    finding: int
    passed_on: int
    retake: int


class AtOnce(BaseModel):
    """How many sessions the caller can conclude without a finding in one act, or agree to as the second person."""

    conclude: int = 0
    agree: int = 0
    unwatched: int = Field(default=0, description="More that have no flag to look at, but could be watched for less than half of their time.")
    not_begun: int = Field(default=0, description="More that have ended before their student came: there is nothing to conclude.")


class ExamResults(BaseModel):
    """The results of an exam, by session."""

    exam_id: str
    title: str
    defined: bool = Field(description="Somebody defined it; else the server's settings hold.")
    four_eyes: bool
    sums: ResultSums
    at_once: AtOnce
    rules: dict[str, Any] = Field(description="The rules that a session has which starts now; each session keeps those it began with.")
    results: list[ResultLine]
    count: int
    next_after: str | None = Field(default=None, description="`after` for the next ones; null: there are no more.")


class PersonActs(BaseModel):
    """What one person decided and concluded in an exam: flags by how their opinion of each stands now, and acts about conclusions."""

    by: str
    confirmed: int
    dismissed: int
    concluded: int
    agreed: int
    disagreed: int
    settled: int
    withdrawn: int


class ExamPeopleActs(BaseModel):
    """Who decided what in an exam."""

    people: list[PersonActs]
