"""What a launch says, once it is believed: who comes, from which course, by which link, as what."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from basics.plain_text import DIRECTION_MARKS
from records.lti_links import Course
from records.lti_registrations import Registration
from records.roster_rows import EMAIL_MAX, NAME_MAX, is_email

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
VERSION = "1.3.0"
PROCTORING = "https://purl.imsglobal.org/spec/lti-ap/claim/"
RESOURCE_LINK, START_PROCTORING, END_ASSESSMENT = "LtiResourceLinkRequest", "LtiStartProctoring", "LtiEndAssessment"
LONGEST_ID = 255  # characters of a platform's ids
ROLES_MAX = 100
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person"

ComesAs = Literal["", "learner", "proctor", "teacher"]


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch that was checked. `claims` are all that the platform signed."""

    registration: Registration
    claims: Mapping[str, Any]

    @property
    def sub(self) -> str:
        """Who comes, as the platform names its people: 1 to 255 characters."""
        return str(self.claims["sub"])

    @property
    def message_type(self) -> str:
        return str(self.claims[f"{LTI}message_type"])

    @property
    def deployment_id(self) -> str:
        return str(self.claims[f"{LTI}deployment_id"])

    @property
    def link_id(self) -> str:
        """The resource link's; empty where the message has none."""
        return id_in(self._part("resource_link"))

    @property
    def link_title(self) -> str:
        return told(self._part("resource_link").get("title"), NAME_MAX)

    @property
    def course(self) -> Course:
        """The course from which is launched."""
        return Course(self.registration.registration_id, self.deployment_id, id_in(self._part("context")), self.link_id)

    @property
    def course_name(self) -> str:
        """What the course is called: its label, else its title; behind the registration's `course_pattern`."""
        context = self._part("context")
        name = told(context.get("label"), NAME_MAX) or told(context.get("title"), NAME_MAX)
        return f"{self.registration.course_pattern}{name}"[:NAME_MAX] if name else ""

    @property
    def course_title(self) -> str:
        return told(self._part("context").get("title"), NAME_MAX)

    @property
    def exam_id(self) -> str:
        """The exam that the link itself names (`custom.exam_id`), as it stands there; empty where it names none."""
        return told(self._part("custom").get("exam_id"), LONGEST_ID)

    @property
    def name(self) -> str:
        """The person's; empty where the platform keeps it."""
        parts = (told(self.claims.get(part), NAME_MAX) for part in ("given_name", "family_name"))
        return told(self.claims.get("name"), NAME_MAX) or " ".join(part for part in parts if part)[:NAME_MAX]

    @property
    def email(self) -> str:
        email = told(self.claims.get("email"), EMAIL_MAX + 1)
        return email if email and is_email(email) else ""

    @property
    def is_framed(self) -> bool:
        """Does the platform say that it shows us inside its page?"""
        return self._part("launch_presentation").get("document_target") in ("iframe", "frame")

    @property
    def comes_as(self) -> ComesAs:
        """What the person is here, by the roles claim alone."""
        roles = self.claims.get(f"{LTI}roles")
        return comes_as([role for role in roles[:ROLES_MAX] if isinstance(role, str)] if isinstance(roles, list) else [])

    def _part(self, name: str) -> Mapping[str, Any]:
        part = self.claims.get(f"{LTI}{name}")
        return part if isinstance(part, dict) else {}


def comes_as(roles: list[str]) -> ComesAs:
    """What somebody with these roles is in the course, the least of what they may mean.

    What counts is the membership of the course; to administer the platform, or to teach elsewhere, counts nothing. An assistant proctors; a learner
    who also assists is a learner. Open EdX of before 2026 told no membership: there an institution's student is a learner.
    """
    lower = [role.lower() for role in roles]
    of_course = {role.removeprefix(MEMBERSHIP) for role in lower if role.startswith(MEMBERSHIP)}
    teaches = bool(of_course & {"#instructor", "#contentdeveloper"})
    assists = any(role.startswith("/instructor#teachingassistant") for role in of_course)
    learns = "#learner" in of_course or any(role.startswith("/learner#") for role in of_course)
    if assists and (teaches or not learns):
        return "proctor"
    if teaches:
        return "teacher"
    elsewhere = not of_course and any(role in (f"{INSTITUTION}#student", f"{INSTITUTION}#learner") for role in lower)
    return "learner" if learns or elsewhere else ""


def is_id(value: Any) -> bool:
    """Can this be an id of the platform's? It is taken as it is: two that look alike are two."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable()


def id_in(part: Mapping[str, Any]) -> str:
    """The id of a claim; empty where it has none that can be one."""
    return str(part["id"]) if is_id(part.get("id")) else ""


def told(value: Any, most: int) -> str:
    """A text of a claim on one line, without what can't be seen; cut at `most` characters. Empty for what is no text."""
    if not isinstance(value, str):
        return ""
    text = unicodedata.normalize("NFC", value[: 4 * most])
    seen = "".join(one for one in text if one.isspace() or (one.isprintable() and one not in DIRECTION_MARKS))
    return " ".join(seen.split())[:most].strip()


def fits(part: Mapping[str, Any] | str, most: int) -> bool:
    """Has it so many bytes at most as JSON, and can it go back as it came? Half of a pair of UTF-16 can't be written."""
    try:
        return len(json.dumps(part, ensure_ascii=False).encode()) <= most
    except UnicodeEncodeError:
        return False
