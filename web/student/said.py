"""What a student's page says in text, checked as strictly as a call's body: right types, numbers that are numbers, text that shows as it is."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, StringConstraints, ValidationError

from basics.errors import InvalidInput, TooLarge
from basics.readings import ActKind, DeviceName, DeviceStateName
from web.calls.values import json_type, one_line, printable

MAX_TEXT: Final = 200  # characters of a detail or a reason; longer ones are cut
MAX_NAME: Final = 64  # characters of a clock's name; longer ones are cut
MAX_CALL: Final = 500  # characters of a person's words
MAX_CHARACTERS: Final = 256 << 10  # of one text message: 200 acts with all that they may hold
MAX_DIGITS: Final = 19  # of a whole number
MAX_MS: Final = 1e15  # of a page's clock, either way: 30,000 years
SHOWN: Final = 40  # characters of a wrong value in an error

ACT_KINDS: Final = frozenset(get_args(ActKind))
DEVICES: Final = frozenset(get_args(DeviceName)) - {"connection"}
STATES: Final = frozenset(get_args(DeviceStateName))

Known = TypeVar("Known", bound="Said")


def _cut(value: object) -> object:
    return value[:MAX_TEXT] if isinstance(value, str) else value


def _cut_name(value: object) -> object:
    return value[:MAX_NAME] if isinstance(value, str) else value


def _page_device(name: DeviceName) -> DeviceName:
    if name not in DEVICES:
        raise ValueError("is none of a page's")
    return name


PageMs = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-MAX_MS, le=MAX_MS)]
Line = Annotated[StrictStr, BeforeValidator(_cut), AfterValidator(printable), AfterValidator(one_line)]
Name = Annotated[StrictStr, BeforeValidator(_cut_name), AfterValidator(printable), AfterValidator(one_line)]
OwnWords = Annotated[StrictStr, StringConstraints(strip_whitespace=True, max_length=MAX_CALL), AfterValidator(printable), AfterValidator(one_line)]


class Said(BaseModel):
    """One message, or a part of one. What it holds besides is ignored: a newer page may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ClockSaid(Said):
    """The answer to a `clock` message."""

    id: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=2**53)]
    page_ms: PageMs


class PageNamed(Said):
    """By which of the page's clocks a message tells its times."""

    page: Name | None = None


class ActSaid(Said):
    """One act of an `acts` message."""

    id: Annotated[StrictStr, StringConstraints(pattern=r"^[0-9A-Za-z-]{8,64}$")]
    kind: ActKind
    page_ms: PageMs
    detail: Line | None = None
    told_by: Literal["exam_page"] | None = None


class DeviceSaid(Said):
    """The state of a device."""

    device: Annotated[DeviceName, AfterValidator(_page_device)]
    state: DeviceStateName
    reason: Line | None = None
    gives: StrictBool | None = None


class BreakSaid(Said):
    """A break begins, or is over."""

    on: StrictBool


class ReadSaid(Said):
    """A message was read."""

    id: Annotated[StrictStr, StringConstraints(min_length=1, max_length=64), AfterValidator(printable), AfterValidator(one_line)]


class CallSaid(Said):
    """The student calls the proctors."""

    text: OwnWords = ""


def parse(text: str) -> dict[str, Any]:
    """The JSON message in `text`, an object with a `type`. Raise `InvalidInput` or `TooLarge`."""
    if len(text) > MAX_CHARACTERS:
        raise TooLarge(f"a text message of {len(text):,} characters is too long; send at most {MAX_CHARACTERS:,} in one")
    try:
        message = json.loads(text, parse_constant=_refuse, parse_int=_whole)
    except (ValueError, RecursionError):
        raise InvalidInput("a text message is not JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise InvalidInput('a text message must be a JSON object with a "type"')
    return message


def check(model: type[Known], message: object) -> tuple[Known | None, str]:
    """The message as a `model`; or None, and the name of the field that is wrong ("" for the whole)."""
    try:
        return model.model_validate(message), ""
    except ValidationError as error:
        where = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        return None, str(where[0]) if where else ""


def shown(value: object) -> str:
    """A value as an error may say it: short, and nothing in it that a terminal would obey."""
    if isinstance(value, str):
        return repr(value[:SHOWN])
    if isinstance(value, float | int | None):
        return json.dumps(value)[:SHOWN]
    return json_type(value)


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("a whole number is too long")
    return int(digits)
