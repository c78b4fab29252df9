"""How a call reads its body or its query, and how it answers: JSON on both sides, checked by pydantic models."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeVar

from flask import Request, Response
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from basics.errors import InvalidInput, TooLarge, Unsupported
from basics.texts import _, joined
from storage.cleaned import clean_value
from web.access.callers import caller
from web.calls.values import json_type

Model = TypeVar("Model", bound=BaseModel)

SIGNED = ("by", "set_by")  # a body's fields that say who does it: whoever has an account signs with its name


class Done(BaseModel):
    """It is done."""

    success: Literal[True] = True


def read_body(request: Request, model: type[Model]) -> Model:
    """The body of `request` as a `model`. Raise `TooLarge`, `Unsupported`, or `InvalidInput`, which names the field."""
    raw = request.get_data(cache=True)  # it may go on to another server
    limit = request.max_content_length or 0
    if request.content_length is None and limit and len(raw) >= limit:  # a chunked body is cut there without a word
        raise TooLarge(_("The body is larger than the %(limit)s KB allowed (MAX_BODY_KB).", limit=limit // 1024))
    if not request.is_json:
        if not raw and not request.mimetype:
            raise InvalidInput(_('The body is missing. Send JSON such as {"user_id": "student123"} with the header Content-Type: application/json.'))
        given = request.mimetype[:100] or "no Content-Type"
        mend = _("Send the header Content-Type: application/json (curl: -H 'Content-Type: application/json').")
        raise Unsupported(joined(" ", [_("The body must be JSON, and this one is said to be %(given)s.", given=given), mend]))
    try:
        content = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(_('The body isn\'t JSON: %(error)s. Send an object such as {"user_id": "student123"}.', error=str(error)[:200])) from None
    if not isinstance(content, dict):
        raise InvalidInput(_('The body must be a JSON object such as {"user_id": "student123"}, not %(content)s.', content=json_type(content)))
    if caller().signs:
        content |= {name: caller().name for name in SIGNED if name in model.model_fields}
    return _validate(model, content)


def given_id(request: Request, name: str) -> object:
    """An ID in the body as `read_body` will read it: a whole number is its digits. None where there is none, or no body that could be read."""
    try:
        content = json.loads(request.get_data(cache=True))
    except (ValueError, RecursionError):
        return None
    value: object = content.get(name) if isinstance(content, dict) else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def read_query(request: Request, model: type[Model]) -> Model:
    """The query of `request` as a `model`. Raise `InvalidInput`, which names the field."""
    return _validate(model, request.args.to_dict())


def reply(answer: BaseModel, status: int = 200) -> Response:
    """`answer` as JSON."""
    try:
        text = answer.model_dump_json(by_alias=True)
    except PydanticSerializationError:  # a text that UTF-8 can't hold, such as an older version stored or took from a page
        text = to_json(clean_value(answer.model_dump(by_alias=True))).decode()
    return Response(text, status=status, mimetype="application/json")


def _validate(model: type[Model], content: dict[str, Any]) -> Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
    message = _message(problem)
    name = str(problem["loc"][0])
    at = ".".join(str(part) for part in problem["loc"] if part != "[key]")  # which of several, as `points.speech`
    if problem["type"] == "missing":
        message = _("is missing")
    elif problem["type"] in ("too_short", "string_too_short") and problem["ctx"].get("min_length") == 1:
        message = _("must not be empty")
    elif not message.startswith(("is ", "has ", "must ", "begins ")):
        message = _("is wrong: %(problem)s", problem=message)  # in pydantic's own words
    raise InvalidInput(joined("", [at, " ", message, "" if message.endswith(".") else "."]), field=name)


def _message(problem: Any) -> str:
    """What is wrong, as the model's own check says it where it does."""
    cause = problem.get("ctx", {}).get("error")
    own = cause.args[0] if isinstance(cause, ValueError) and cause.args else None
    return own if isinstance(own, str) else str(problem["msg"]).removeprefix("Value error, ")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")
