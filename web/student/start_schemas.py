"""The bodies and answers of the calls of a student's page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from scoring.exam import Allowed, SebMode
from web.calls.values import Identifier, StudentExam, Time, printable
from web.proctor.sessions_schemas import SessionCreated
from web.student.check_items import ItemName
from web.student.seb_said import SebSaid
from web.student.video import Video


class StudentStart(StudentExam):
    """A student's exam to be started by its page."""

    nonce: str | None = Field(
        default=None,
        pattern=r"^[0-9A-Za-z-]{16,64}$",
        description="A secret of the browser's own: with it, it gets the token of the exam that it started again, where answer or page were lost.",
    )


class StudentContinue(StudentExam):
    """A student's exam that was begun in this browser, and may still run."""

    nonce: str = Field(pattern=r"^[0-9A-Za-z-]{16,64}$", description="What the browser brought when it started the exam.")


class StudentStarted(SessionCreated):
    """The student's exam runs. `token` is for the student's link and `GET /api/student/session`."""

    token: str
    portal_url: str


class StudentExamShown(BaseModel):
    """What a student is told of the exam."""

    exam_key: str
    title: str
    course: str
    instructions: str
    place: str
    sites: list[str] = Field(description="Addresses that may be visited.")
    allowed: Allowed
    help_contact: str
    language: str | None
    time_zone: str
    opens: Time | None
    closes: Time | None = Field(description="With this student's extra time.")
    length_s: float | None = Field(description="With the extra time, without what was used in a session that broke off.")
    extra_s: float
    identity_step: bool = Field(description="Is the student to take pictures of the face and of a card before the exam?")
    seb: SebMode = Field(description="Is the exam taken in Safe Exam Browser?")
    room_view: bool = Field(description="May a proctor ask for pictures of the room?")
    may_begin: bool = Field(description="May it be begun now? One that runs was.")
    refused: Literal["", "draft", "early", "closed"] = Field(description="Why not.")


class AskExam(BaseModel):
    """An exam by its id, as a student knows it."""

    exam_id: Identifier


class ExamFound(BaseModel):
    """What a student may know of an exam before it is begun; `exam` null: nobody defined it."""

    success: Literal[True] = True
    exam: StudentExamShown | None
    not_asked: list[Literal["camera", "microphone"]] = Field(default_factory=list, description="Devices without which it can be begun.")


class SebTerms(BaseModel):
    """What a student's page must know where its exam asks for Safe Exam Browser."""

    mode: Literal["noted", "required"]
    page: str = Field(description="Path and query at which the page must be open for its proof to be this session's, and no other's.")
    ticket: str = Field(description="Behind `??t=` of a link to the exam's `.seb` file: Safe Exam Browser opens this student's exam then.")


class StudentSession(BaseModel):
    """What a student's page needs to know of its session; nothing about scores."""

    session_id: str
    user_id: str
    exam_id: str | None
    state: Literal["running", "ended", "interrupted"]
    end_reason: str = Field(default="", description="Why it ended, as `ended` on the link says it.")
    end_code: str = Field(default="", description="The same as a code; empty while it runs.")
    end_note: str = Field(default="", description="What the proctor wrote with it, or how long the server was away.")
    begun: bool = Field(default=True, description="False until the student's page was connected for the first time: the clock stands.")
    connected: bool = Field(default=False, description="Is a page connected, here or elsewhere? One that comes now takes its place.")
    rules: dict[str, Any] = Field(description="`watched`: the kinds looked for; `clip_preroll_s`, `clip_postroll_s`: seconds kept around a flag.")
    video: Video
    interval_s: float
    elapsed_s: float | None
    started_at: Time | None = Field(default=None, description="When the student began; null before that.")
    ended_at: Time | None = Field(default=None, description="Null while it runs.")
    accommodation: dict[str, Any] | None = Field(
        default=None,
        description="What is different for this student: `signals_off`, `signals_weighed`, `reading_aloud`, `breaks_allowed`, "
        "`break_minutes`, `extra_percent`, `extra_min`, `set_by`.",
    )
    not_asked: list[Literal["camera", "microphone"]] = Field(
        default_factory=list, description="Devices without which the exam can be begun and goes on: none of their signals counts."
    )
    breaks_left: int = 0
    on_break: bool = False
    screen_capture: Literal["off", "optional", "required"] = Field(default="off", description="Whether stills of the shared screen are asked for.")
    exam_url: str = Field(default="", description="The exam's own page, to be shown in a frame; empty: none.")
    at: Literal["", "platform"] = Field(
        default="", description="`platform`: a learning platform waits for the check, and `exam_url`, in a window, has it start the exam."
    )
    ends_at: Time | None = Field(default=None, description="When the exam's time is over for this student; null: no time is set, or none runs yet.")
    time_left_s: float | None = Field(default=None, description="Seconds until then.")
    exam: StudentExamShown | None = Field(default=None, description="The exam, where somebody defined it.")
    seb: SebTerms | None = Field(default=None, description="While it runs, where the exam asks for Safe Exam Browser.")
    report_open: bool = Field(default=False, description="May the student read the own report now?")
    route: str = Field(default="", description="Where several servers share a database: `e` in the query of its link and calls leads to its own.")


class CheckResult(BaseModel):
    """What the check before the exam found of one thing."""

    item: ItemName
    state: Literal["ready", "warning", "not_ready"]
    reason: Annotated[str, StringConstraints(max_length=200), AfterValidator(printable)] = ""
    detail: Annotated[str, StringConstraints(max_length=200), AfterValidator(printable)] = ""


class StudentCheck(BaseModel):
    """The check on the student's machine."""

    results: list[CheckResult] = Field(min_length=1, max_length=20)
    user_agent: Annotated[str, StringConstraints(max_length=300), AfterValidator(printable)] = ""
    seb: SebSaid | None = Field(default=None, description="Where the exam asks for Safe Exam Browser, as `POST /api/student/seb` takes it.")


class Rehearsal(StudentCheck):
    """The same without a session, days before."""

    user_id: Identifier
    exam_id: Identifier | None = None
