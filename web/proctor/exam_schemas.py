"""The bodies, queries and answers of the calls on exams that somebody defines."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from basics.signals import ViolationKind
from scoring.exam import Allowed, ExamDefinition, Limit, Preset, SebMode, State
from web.calls.paging import LONGEST_PAGE
from web.calls.spoken import known
from web.calls.values import Identifier, Person, Text, Time
from web.proctor.analytics_schemas import ExamAnswer


def _known_language(code: str | None) -> str | None:
    return None if not code else known(code)


class DefineExam(ExamDefinition):
    """An exam to be made, as a draft."""

    language: Annotated[str | None, AfterValidator(_known_language)] = Field(
        default=None, max_length=20, description="The language in which students' pages begin."
    )
    by: Person = "proctor"

    def definition(self) -> ExamDefinition:
        """Without what belongs to the call."""
        return ExamDefinition.model_construct(**{name: getattr(self, name) for name in ExamDefinition.model_fields})


class ChangeExam(DefineExam):
    """An exam as it is to be from now on; the whole of it. Sessions that run keep what they began with."""

    revision: int = Field(ge=0, description="The `revision` from which the change was made; 0: of a damaged record.")


class DuplicateExam(BaseModel):
    """The copy's own id and title; its times are left out, and it is a draft."""

    exam_id: Identifier
    title: str | None = Field(default=None, max_length=200, description="Left out: as the first's.")
    by: Person = "proctor"


class PutInState(BaseModel):
    """Another state: open (from `opens` on), closed, archived, or a draft again."""

    state: State
    revision: int | None = Field(
        default=None, ge=0, description="The `revision` that the caller saw: 409 (`reason`: `meanwhile`) where it is another."
    )
    by: Person = "proctor"


class EndExam(BaseModel):
    """End every session of an exam that runs."""

    reason: Text = Field(default="", description="The students are told it.")
    close: bool = Field(default=False, description="Close it first, so that nobody begins it any more; for those who may change it.")
    by: Person = "proctor"


class DeleteExam(BaseModel):
    """Delete an exam with everything of it."""

    title: str = Field(max_length=200, description="Its title, typed again: what is deleted can't be had back.")
    by: Person = "proctor"


class DefinedExam(BaseModel):
    """An exam as it is kept, and as it stands."""

    exam_key: str = Field(description="Its name in addresses, made from its id.")
    exam_id: str
    title: str
    course: str
    time_zone: str
    opens: Time | None
    closes: Time | None
    length_min: int | None
    instructions: str
    place: str
    address: str
    opens_in: str
    sites: list[str]
    snippet_origins: list[str]
    allowed: Allowed
    preset: Preset
    points: dict[ViolationKind, int]
    limits: dict[Limit, float]
    screen_capture: str
    breaks_allowed: int
    break_minutes: float
    identity_step: bool
    room_view: bool
    seb: SebMode
    seb_own_file: bool
    seb_config_keys: list[str]
    seb_browser_exam_keys: list[str]
    seb_config_key: str = Field(default="", description="The Config Key of the settings that this server makes for the exam, as it is reached now.")
    language: str | None
    help_contact: str
    teachers: list[str]
    proctors: list[str]
    keep_days: dict[str, int]
    four_eyes: bool
    student_report: str
    answer_first: bool
    anonymous_review: bool
    student_clips: bool
    state: State = Field(description="As it is now: an open exam is closed once `closes` has passed.")
    is_open: bool = Field(description="May students begin now?")
    revision: int
    made_at: Time
    made_by: str
    changed_at: Time
    changed_by: str
    rules: dict[str, Any] = Field(description="The rules that a session would have which starts now, as they are stored with it.")
    notes: list[str] = Field(default=[], description="What its times or its page need to be known of, in sentences.")
    framed: Literal["frame", "window", "either", ""] = Field(default="", description="How `address` will open, as far as that is known; empty: none.")


class DefinedExamAnswer(BaseModel):
    """One exam."""

    success: Literal[True] = True
    exam: DefinedExam
    running: int = Field(default=0, description="Its sessions that run now, which keep what they began with.")


class ExamLine(ExamAnswer):
    """An exam in a list, with its sessions in numbers. Those that nobody defined have no `exam_key`."""

    exam_key: str | None = None
    definition: str | None = Field(default=None, description="The path of the page on which it is set up, for who may change it.")
    roster: str | None = Field(default=None, description="The path of the page of its students, for who may see them.")
    results: str | None = Field(default=None, description="The path of the page with its results, for who may see them.")
    identity: str | None = Field(default=None, description="The path of the page on which its students are compared with their cards, where it asks.")
    title: str = ""
    course: str = ""
    state: State | None = None
    is_open: bool = False
    opens: Time | None = None
    closes: Time | None = None
    time_zone: str = ""


class ExamsQuery(BaseModel):
    """Which part of the list."""

    limit: int = Field(LONGEST_PAGE, ge=1, le=LONGEST_PAGE)
    after: str | None = Field(default=None, pattern=r"^([0-9a-f]{32}|none)$", description="`next_after` of the answer before.")


class ExamList(BaseModel):
    """Exams: first those that are defined and had no session yet, changed last first; then those that had one, the latest first."""

    exams: list[ExamLine]
    count: int
    next_after: str | None = None


class ExamEnded(BaseModel):
    """What ran has ended."""

    success: Literal[True] = True
    ended: int
    not_begun: int = Field(description="Sessions among them whose student had not come.")
    closed: bool = Field(default=False, description="It was to be closed, and nobody begins it any more.")


class ExamDeleted(BaseModel):
    """So much is deleted by this call; it is made again until `done`."""

    success: Literal[True] = True
    sessions: int = Field(description="Sessions that this call deleted, with their clips and all records.")
    left: int = Field(description="Sessions that are still to be deleted.")
    done: bool


class PresetAnswer(BaseModel):
    """What a preset allows at first, and its numbers: the server's own with the preset's changes."""

    allowed: Allowed
    points: dict[ViolationKind, int]
    limits: dict[Limit, float]


class Presets(BaseModel):
    """The presets by name, and the bounds of each limit."""

    presets: dict[Preset, PresetAnswer]
    bounds: dict[Limit, tuple[float, float]]
    time_zones: list[str]
