"""The bodies and answers of the calls that an Open edX makes, as edx-proctoring's `BaseRestProctoringProvider` sends and reads them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from basics.plain_text import one_line, printable
from records.edx_attempts import Onboarding
from records.edx_exams import LONGEST
from web.calls.paging import LONGEST_PAGE
from web.calls.values import Time

MINUTES_MAX = 100_000
RULES_MAX = 100

Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST), AfterValidator(printable), AfterValidator(one_line)]
Sub = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,128}$")]
Minutes = Annotated[int, Field(ge=0, le=MINUTES_MAX)]
Words = Annotated[str, Field(max_length=10_000)]


class TokenGiven(BaseModel):
    """A token for the header `Authorization: JWT …` of the other calls."""

    access_token: str
    token_type: Literal["JWT"] = "JWT"
    expires_in: int = Field(description="Seconds.")


class EdxConfig(BaseModel):
    """What is offered: rules that a course's team may set, and what students are told to do."""

    name: str
    rules: dict[str, str]
    instructions: list[str]
    download_url: str


class SaveExam(BaseModel):
    """An exam as Open edX has it; what else it says is not read."""

    id: int = Field(default=0, ge=0, le=2**53)
    course_id: Name
    content_id: Name
    exam_name: Words = ""
    time_limit_mins: Minutes | None = None
    is_proctored: bool = True
    is_practice_exam: bool = False
    is_active: bool = True
    rules: Annotated[dict[str, Any], Field(max_length=RULES_MAX)] | None = None


class ExamSaved(BaseModel):
    """The exam here."""

    id: str


class ExamRules(BaseModel):
    """What of the offered rules holds in an exam."""

    rules: dict[str, bool]


class MakeAttempt(BaseModel):
    """Who is about to take an exam."""

    user_id: Sub
    full_name: Words | None = None
    email: Words | None = None
    time_limit_mins: Minutes | None = Field(default=None, description="With what this student has more than others.")
    review_policy_exception: Words | None = Field(default=None, description="What is allowed to this student: becomes the list's note.")
    status: Literal["created"] = "created"


class AttemptMade(BaseModel):
    """The attempt, or why there is none: the student has to pass an onboarding exam first."""

    id: str | None = None
    status: Literal["onboarding_missing", "onboarding_pending", "onboarding_failed", "onboarding_expired"] | None = None


class SetStatus(BaseModel):
    """How far an attempt is in Open edX."""

    status: Literal["started", "submitted", "error"]


class StatusAnswer(BaseModel):
    """How far it is here."""

    status: str


class AttemptShown(StatusAnswer):
    """An attempt: how far it is, and what its student is to do."""

    instructions: list[str]
    download_url: str = Field(description="The student's own link; empty where it was revoked here.")


class OnboardingQuery(BaseModel):
    """Whose onboarding: one person's, or a page of the course's."""

    user_id: Sub | None = None
    status: Onboarding | None = None
    page: int = Field(default=1, ge=1, le=5000)
    page_size: int = Field(default=25, ge=1, le=LONGEST_PAGE)


class OnboardingShown(BaseModel):
    """How one person's onboarding stands."""

    user_id: str
    status: Onboarding
    expiration_date: Time | None


class OnboardingPage(BaseModel):
    """Those of a course; with `user_id` in the query only the one is answered (`OnboardingShown`)."""

    results: list[OnboardingShown]
    count: int
    num_pages: int
    next: str | None
    previous: str | None
