"""An exam as a teacher defines it: when, where, what is allowed, what counts, and what is kept. Data and its bounds; nothing here asks a clock."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from basics.identifiers import normal_id
from basics.plain_text import one_line, printable
from basics.signals import ViolationKind
from basics.texts import _
from scoring.zones import in_utc, known_zone
from settings.keeping import Kept
from settings.rules import RuleSettings
from settings.server import CONFIG_KEYS_MAX, EXAM_ADDRESS

State = Literal["draft", "open", "closed", "archived"]
Preset = Literal["standard", "open_book", "on_paper", "spoken", "strict"]
Place = Literal["page", "tab", "program", "paper"]
Limit = Literal["interval_duration", "flag_threshold", "gaze_min_s", "absent_min_s", "persons_min_s", "speech_min_s", "voices_min_s"]
LIMITS: tuple[Limit, ...] = Limit.__args__  # type: ignore[attr-defined]

LONGEST_MIN = 24 * 60
PEOPLE_MAX = 200
SITES_MAX = 50
DAYS_MAX = 3650
FIRST_YEAR, LAST_YEAR = 2000, 2999
TITLE_MAX, INSTRUCTIONS_MAX = 200, 10_000
BROWSER_EXAM_KEYS_MAX = 100
ORIGINS_MAX = 10
ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(?P<port>[1-9]\d{0,4}))?/?")
USUAL_PORTS: Mapping[str, str] = MappingProxyType({"http": "80", "https": "443"})
THIS_MACHINE = frozenset({"localhost", "127.0.0.1"})  # what comes from there is secure to a browser without HTTPS

# From which state to which; what time alone does (`scoring.exam_times`) isn't here.
CHANGES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        "draft": frozenset({"open", "archived"}),
        "open": frozenset({"draft", "closed"}),
        "closed": frozenset({"open", "archived"}),
        "archived": frozenset({"closed"}),
    }
)

Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=TITLE_MAX), AfterValidator(printable), AfterValidator(one_line)]
AccountId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_.@-]+$")]
Points = Annotated[int, Field(ge=0, le=100)]
SebMode = Literal["off", "noted", "required"]
SebKey = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[0-9A-Fa-f]{64}$")]


def bounds_of(limit: Limit) -> tuple[float, float]:
    """The least and the most that a limit may be: those of the setting of its name."""
    found: dict[str, float] = {}
    for rule in RuleSettings.model_fields[limit].metadata:
        found |= {name: float(getattr(rule, name)) for name in ("ge", "le") if hasattr(rule, name)}
    return found["ge"], found["le"]


class Allowed(BaseModel):
    """What students may have and do. What is allowed counts nothing."""

    model_config = ConfigDict(frozen=True)

    notes_on_paper: bool = Field(default=False, description="Looking down counts nothing.")
    speaking_aloud: bool = Field(default=False, description="Speech counts nothing; several voices still do.")
    calculator: bool = Field(default=False, description="Told to students and proctors; nothing looks for one.")
    phone: bool = Field(default=False, description="A phone in view counts nothing.")
    other_tabs: bool = Field(default=False, description="Leaving the exam's tab or window counts nothing.")


class ExamDefinition(BaseModel):
    """What a teacher says of an exam. `points` and `limits` are in place of the preset's own."""

    model_config = ConfigDict(frozen=True)

    exam_id: Annotated[str, BeforeValidator(normal_id)] = Field(description="As calls and links name it.", examples=["exam001"])
    title: Annotated[Line, StringConstraints(min_length=1)] = Field(examples=["Linear algebra 1"])
    course: Line = ""
    time_zone: str = Field(default="UTC", max_length=64, description="IANA's name of the zone of its times.", examples=["Europe/Berlin"])
    opens: datetime | None = Field(
        default=None, description="When students may begin; without an offset it is a time of `time_zone`. Null: once it is open."
    )
    closes: datetime | None = Field(
        default=None, description="When nobody may begin any more, and every session ends; null: when somebody closes it."
    )
    length_min: int | None = Field(default=None, ge=1, le=LONGEST_MIN, description="Minutes that each student has; null: until it closes.")
    instructions: Annotated[str, StringConstraints(strip_whitespace=True, max_length=INSTRUCTIONS_MAX), AfterValidator(printable)] = ""
    place: Place = Field(default="page", description="Where it is taken; `page`: in a frame, or where students were told.")
    address: str = Field(default="", max_length=2000, description="For `page`: the exam's address, shown in a frame; for `tab`: where students go.")
    opens_in: Literal["auto", "frame", "window"] = Field(default="auto", description="Where `address` opens, as EXAM_OPENS has it.")
    sites: list[Annotated[str, Field(max_length=2000)]] = Field(default=[], max_length=SITES_MAX, description="Addresses that students may visit.")
    snippet_origins: list[Annotated[str, Field(max_length=300)]] = Field(
        default=[],
        max_length=ORIGINS_MAX,
        description="For `tab`: the sites (`https://exams.example.org`) whose pages start the exam by the snippet and tell what is done there; "
        "empty: none may.",
    )
    allowed: Allowed = Allowed()
    preset: Preset = "standard"
    points: dict[ViolationKind, Points] = Field(default={}, description="Points by kind, where they differ from the preset's; 0 turns one off.")
    limits: dict[Limit, float] = Field(
        default={}, description="Limits, where they differ from the preset's, in the bounds of the settings of their names."
    )
    screen_capture: Literal["off", "optional", "required"] = Field(default="off", description="Stills of the shared screen.")
    breaks_allowed: int = Field(default=0, ge=0, le=20, description="Breaks that each student may take without asking.")
    break_minutes: float = Field(default=5, gt=0, le=240, description="Minutes after which a student's break ends by itself.")
    identity_step: bool = Field(default=False, description="Ask for a picture of the face and of a card at the start, for a person to compare.")
    room_view: bool = Field(default=False, description="Proctors may ask for pictures of the room; each student may decline.")
    seb: SebMode = Field(
        default="off", description="Safe Exam Browser: `noted`: it is said whether a student is in it; `required`: nobody begins in another browser."
    )
    seb_own_file: bool = Field(default=True, description="The settings that this server makes for the exam (`/exams/<exam_key>.seb`) are allowed.")
    seb_config_keys: list[SebKey] = Field(
        default=[], max_length=CONFIG_KEYS_MAX, description="Config Keys of other settings that are allowed. Empty: SEB_CONFIG_KEYS."
    )
    seb_browser_exam_keys: list[SebKey] = Field(
        default=[], max_length=BROWSER_EXAM_KEYS_MAX, description="Browser Exam Keys that are allowed, one for each of its versions and systems."
    )
    language: str | None = Field(default=None, max_length=20, description="The language in which students' pages begin; null: their browser's.")
    help_contact: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(printable)] = Field(
        default="", description="Whom students call for help, and how."
    )
    teachers: list[AccountId] = Field(default=[], max_length=PEOPLE_MAX, description="Ids of the accounts that may change it.")
    proctors: list[AccountId] = Field(default=[], max_length=PEOPLE_MAX, description="Ids of the accounts that watch and review it.")
    keep_days: dict[Kept, Annotated[int, Field(strict=True, ge=1, le=DAYS_MAX)]] = Field(
        default={}, description="Days after a session's end by kind of record; others as this server keeps things (KEEP_DAYS and its kin)."
    )
    four_eyes: bool = Field(default=False, description="A conclusion needs a second person.")
    student_report: Literal["off", "concluded", "at_once"] = Field(default="off", description="When students may read their own report.")
    anonymous_review: bool = Field(default=False, description="Proctors and reviewers see ids without names.")
    answer_first: bool = Field(default=False, description="No flag is concluded before its student could answer.")
    student_clips: bool = Field(default=False, description="Students watch their own clips in their report.")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return known_zone(name)

    @field_validator("opens", "closes")
    @classmethod
    def _is_moment(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        if value is None or "time_zone" not in info.data:  # the zone is told to be wrong
            return value
        is_end = info.field_name == "closes"
        moment = in_utc(value, info.data["time_zone"], later=is_end).replace(microsecond=0)
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise ValueError(_("must be in a year from %(first)s to %(last)s", first=FIRST_YEAR, last=LAST_YEAR))
        opens = info.data.get("opens") if is_end else None
        if opens is not None and moment <= opens:
            raise ValueError(_("must be after the exam opens"))
        return moment

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str, info: ValidationInfo) -> str:
        value = value.strip()
        if value and not EXAM_ADDRESS.fullmatch(value):
            raise ValueError(_("must begin with https:// or http:// and a host's name"))
        if value and info.data.get("place", "page") not in {"page", "tab"}:
            raise ValueError(_("must be empty for an exam that is taken on paper or in another program"))
        return value

    @field_validator("sites")
    @classmethod
    def _are_sites(cls, values: list[str]) -> list[str]:
        sites = []
        for value in (one.strip() for one in values):
            site = value if "://" in value else f"https://{value}"
            if not EXAM_ADDRESS.fullmatch(site) or urlsplit(site).username is not None:
                raise ValueError(_("has %(site)s, which is no address of a site such as https://docs.example.org", site=repr(value[:100])))
            sites.append(site)
        return list(dict.fromkeys(sites))

    @field_validator("snippet_origins")
    @classmethod
    def _are_origins(cls, values: list[str], info: ValidationInfo) -> list[str]:
        origins = [_origin(value.strip()) for value in values]
        if origins and info.data.get("place", "tab") != "tab":
            raise ValueError(_("must be empty for an exam that is not taken in another tab or window"))
        return list(dict.fromkeys(origins))

    @field_validator("teachers", "proctors", "seb_config_keys", "seb_browser_exam_keys")
    @classmethod
    def _each_once(cls, people: list[str]) -> list[str]:
        return list(dict.fromkeys(people))

    @field_validator("limits")
    @classmethod
    def _within_bounds(cls, limits: dict[Limit, float]) -> dict[Limit, float]:
        for name, value in limits.items():
            least, most = bounds_of(name)
            if not least <= value <= most:
                values = {"name": name, "value": f"{value:g}", "least": f"{least:g}", "most": f"{most:g}"}
                raise ValueError(_("has %(name)s=%(value)s, which must be from %(least)s to %(most)s", **values))
            if name == "flag_threshold" and value != int(value):
                raise ValueError(_("has %(name)s=%(value)s, which must be a whole number", name=name, value=f"{value:g}"))
        return limits


def _origin(value: str) -> str:
    """A site as a browser names it: scheme, host and port alone. Raise `ValueError`."""
    found = ORIGIN.fullmatch(value.lower())
    if found is None or int(found["port"] or 1) > 65_535:
        raise ValueError(_("has %(site)s, which is no site such as https://exams.example.org, without a path", site=repr(value[:100])))
    scheme, host, port = found["scheme"], found["host"], found["port"]
    if scheme == "http" and host not in THIS_MACHINE:
        raise ValueError(_("has %(site)s, which must be reached by https://", site=repr(value[:100])))
    return f"{scheme}://{host}" + (f":{port}" if port and port != USUAL_PORTS[scheme] else "")


def stored_definition(document: Mapping[str, Any]) -> tuple[ExamDefinition, tuple[str, ...]]:
    """The definition as `to_document` gave it, and the names of what in it can't be read.

    That has its default, as what is missing has; what is unknown is ignored. Raise `ValidationError` where it doesn't say which exam it is.
    """
    known = {name: document[name] for name in ExamDefinition.model_fields if name in document}
    wrong = [name for name in ("opens", "closes") if not isinstance(known.get(name), (datetime, type(None)))]
    known |= {name: None if name in wrong else aware(known.get(name)) for name in ("opens", "closes")}
    while True:
        try:
            return ExamDefinition.model_validate(known), tuple(dict.fromkeys(wrong))
        except ValidationError as error:
            places = [place for one in error.errors() if (place := one["loc"]) and place[0] in known and place[0] != "exam_id"]
            if not places:
                raise
            for name, *within in places:
                wrong.append(str(name))
                known = _without(known, str(name), within)


def _without(known: Mapping[str, Any], name: str, within: Sequence[Any]) -> dict[str, Any]:
    """The fields without that one, or without what is wrong `within` it. An exam without a title is called by its id."""
    rest = {other: value for other, value in known.items() if other != name}
    whole = known.get(name)
    if within and isinstance(whole, Mapping) and within[0] in whole:
        return {**rest, name: {key: value for key, value in whole.items() if key != within[0]}}
    return {**rest, name: known.get("exam_id")} if name == "title" else rest


def aware(moment: datetime | None) -> datetime | None:
    """In UTC, which is meant where a stored time has no zone."""
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
