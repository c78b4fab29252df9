"""The bodies, queries and answers of the calls on an exam's list of students."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from basics.plain_text import one_line, printable
from basics.texts import _
from records.roster_file import FILE_BYTES_MAX
from records.roster_rows import EMAIL_MAX, MINUTES_MAX, NAME_MAX, NOTE_MAX, PERCENT_MAX, Column, is_email
from records.roster_states import RosterState
from records.rosters import InCourse, LinkAction
from scoring.accommodation_presets import PresetName
from web.calls.paging import LONGEST_PAGE, PAGE
from web.calls.values import DOCUMENT_ID_PATTERN, Person, Time

BODY_BYTES_MAX = FILE_BYTES_MAX * 4 // 3 + (64 << 10)


def _is_email(text: str) -> str:
    if text and not is_email(text):
        raise ValueError(_("is no address of e-mail"))
    return text


Line = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(printable), AfterValidator(one_line)]
RowKey = Annotated[str, Field(pattern=DOCUMENT_ID_PATTERN)]


class RosterList(BaseModel):
    """A list as it was pasted (`text`), or the bytes of a file in base64 (`file`). CSV with commas, semicolons or tabs, with or without a head."""

    text: str = ""
    file: str = Field(default="", description="Its encoding is found out.")
    by: Person = "proctor"


class TakeRoster(RosterList):
    """The list to be imported."""

    skip_faulty: bool = Field(default=False, description="Import the other lines where some can't be taken; without it nothing is imported then.")
    remove_missing: bool = Field(default=False, description="Take out students that the list does not have; those with sessions stay.")
    missing: int | None = Field(default=None, ge=0, description="As the preview had it: where there are more or fewer by now, nothing is imported.")


class RosterFault(BaseModel):
    """One line that can't be taken."""

    line: int
    column: Column | None
    what: str
    mend: str


class PreviewRow(BaseModel):
    """One student of the list, and what importing it would do."""

    line: int
    user_id: str
    name: str
    email: str
    extra_percent: float | None
    extra_min: float | None
    note: str
    preset: PresetName | None
    change: Literal["new", "changed", "same"]


class RosterPreview(BaseModel):
    """What an import would do. Nothing is stored."""

    success: Literal[True] = True
    encoding: str = Field(description="Of a file; empty for a pasted list.")
    delimiter: str = Field(description="What parts the columns; empty where there is one only.")
    columns: list[Column | None] = Field(description="What each column was taken for; null: left out.")
    has_head: bool
    students: int
    new: int
    changed: int
    same: int
    missing: int = Field(description="Students of the exam that the list does not have.")
    rows: list[PreviewRow] = Field(description="The first 100.")
    faults: list[RosterFault] = Field(description="The first 200.")
    faulty: int


class RosterTaken(BaseModel):
    """The list is imported."""

    success: Literal[True] = True
    new: int
    changed: int
    same: int
    removed: int
    kept: int = Field(description="Students whom the list does not have, and who stay.")
    skipped: int = Field(description="Lines that could not be taken.")
    faults: list[RosterFault] = Field(default=[], description="Why, of the first 200.")


class RosterQuery(BaseModel):
    """Which students, in which order."""

    search: str = Field(default="", max_length=200, description="Part of an id, a name or an address.")
    state: RosterState | Literal["", "not_come"] = ""
    sort: Literal["user_id", "name", "state"] = "user_id"
    down: bool = False
    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE)
    after: str | None = Field(default=None, pattern=DOCUMENT_ID_PATTERN, description="`next_after` of the answer before.")


class RosterStudent(BaseModel):
    """One student of an exam, and how the student stands."""

    row_id: str
    user_id: str
    name: str
    email: str
    extra_percent: float
    extra_min: float
    note: str
    preset: PresetName | None
    revoked: bool = Field(description="Link and code open nothing.")
    invited_at: Time | None = Field(description="When a letter was sent.")
    shown_at: Time | None = Field(description="When link or code were first given out in a table or on paper.")
    mail: str = Field(default="", description="queued, sent or failed; empty: none.")
    mail_error: str = ""
    state: RosterState
    rehearsed_at: Time | None
    failed: list[str] = Field(description="What the last rehearsal found not ready.")
    warned: list[str]
    sessions: list[str] = Field(description="Ids of the student's sessions of this exam, the latest first.")
    started_at: Time | None
    ended_at: Time | None
    in_course: InCourse = Field(default="", description="How the learning platform's course has the student; empty: it did not fill the list.")
    unreadable: list[str] = Field(default=[], description="What of it was damaged in the database, and is left out.")


class RosterAnswer(BaseModel):
    """Students of an exam."""

    students: list[RosterStudent]
    count: int
    total: int = Field(description="Students in the exam.")
    found: int = Field(description="Those that fit the query.")
    states: dict[RosterState, int]
    can_mail: bool = Field(default=False, description="Is a mail server set?")
    next_after: str | None = None


class RosterStudentAnswer(BaseModel):
    """One student."""

    success: Literal[True] = True
    student: RosterStudent


StudentField = Literal["name", "email", "note", "extra_percent", "extra_min", "preset"]


class ChangeStudent(BaseModel):
    """What is to be changed; what is left out stays."""

    name: Annotated[Line, StringConstraints(max_length=NAME_MAX)] | None = None
    email: Annotated[Line, StringConstraints(max_length=EMAIL_MAX), AfterValidator(_is_email)] | None = None
    note: Annotated[Line, StringConstraints(max_length=NOTE_MAX)] | None = None
    extra_percent: float | None = Field(default=None, ge=0, le=PERCENT_MAX)
    extra_min: float | None = Field(default=None, ge=0, le=MINUTES_MAX)
    preset: PresetName | Literal[""] | None = Field(default=None, description="Empty: none.")
    seen: dict[StudentField, str | float] = Field(default={}, description="What is changed, as the caller saw it; 409 where it is another by now.")
    by: Person = "proctor"


class SetLinks(BaseModel):
    """Which links and codes, and what becomes of them."""

    action: LinkAction = Field(description="renew: the old ones end; revoke: they open nothing until they are restored or renewed.")
    rows: list[RowKey] = Field(default=[], max_length=5000, description="Whose; empty: everybody's.")
    by: Person = "proctor"


class LinksSet(BaseModel):
    """So many links and codes were changed."""

    success: Literal[True] = True
    changed: int


class SendMail(BaseModel):
    """A letter, and to whom. Placeholders: {name} {id} {exam} {course} {link} {code} {address} {opens} {closes}."""

    subject: Annotated[Line, StringConstraints(min_length=1, max_length=200)]
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000), AfterValidator(printable)]
    rows: list[RowKey] = Field(default=[], max_length=5000, description="To whom; empty: to everybody.")
    only_new: bool = Field(default=False, description="Leave out those to whom a letter was sent already.")
    by: Person = "proctor"


class MailQueued(BaseModel):
    """So many letters wait to be sent."""

    success: Literal[True] = True
    queued: int
    without_address: int = Field(description="Students who have no address of e-mail.")


class StudentEntry(BaseModel):
    """One student's link and code."""

    success: Literal[True] = True
    user_id: str
    link: str
    code: str
    revoked: bool
