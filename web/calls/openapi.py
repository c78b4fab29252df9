"""The description of every route as OpenAPI 3.1.

It is made from the route table, the table of who may and the pydantic models, so that it can't differ from them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

import web.student.protocol
from basics.version import VERSION
from web.access.callers import OF_SCOPE, Right
from web.access.rights import RULES, WHO_MAY
from web.calls.errors import ErrorAnswer
from web.integrations.hook_notice import HookNotice
from web.parts import parts_of

REF = "#/components/schemas/{model}"

ERRORS: Mapping[int, str] = {
    400: "The body can't be read: it isn't a JSON object.",
    401: "A login or a token is needed.",
    403: "This caller may not: another machine in protected mode, another site's page, a closed portal.",
    404: "There is nothing under this name.",
    405: "Not a method of this path.",
    409: "It contradicts what is there; the error's further fields say what is in the way.",
    413: "The body is larger than MAX_BODY_KB.",
    415: "The body isn't said to be JSON.",
    416: "The range lies outside the clip.",
    422: "A field is wrong; `field` names it.",
    429: "A limit of sessions or tries is reached; `Retry-After` says when to come again.",
    500: "The server failed; its log says why.",
    503: "The database is away; `Retry-After` says when to come again.",
}
ALWAYS = (403, 405, 500)  # any call can end so
WITH_BODY = (400, 413, 415, 422)

SOCKET_IO = """Proctors' live updates: Socket.IO (protocol 5), default namespace, at `/socket.io/`,
with the proctor's login, the API token or from this machine. Where several servers share a database, `?e=` with the `route` of a session leads to
the server that has it.

Client to server: `join_session {session_id, frames?: "base64"|"binary"|"h264"|"none", fps?}`, `leave_session {session_id}`,
`join_sound {session_id}`, `leave_sound {session_id}`, `join_exam {exam_id?}`, `leave_exam {exam_id?}`;
each is acknowledged with `{ok: true}` or `{ok: false, error: {code, message, instance?}}`; `instance`: the session runs at the server of this name
(empty: it is on its way to one), and a key `e` is to be used by which `GET /api/ready` is answered there.

Server to client:
`monitoring_update {session_id, frame, gaze, faces, interval_score, total_score, violations, timestamp, …}`
(with `frames: "h264"`, where the student's browser sends that, `frame` is null and `h264` is `{sizes, key, data}`: the pictures since the last
update, Annex B, one after the other; `key`: the first stands by itself, else they go on from the last ones),
`interval_flagged {session_id, user_id, exam_id, interval, video_id, score, flagged_intervals, violations, reasons, unseen, timestamp}`,
`clip_ready {session_id, interval, video_id, url, duration, clip}`, `session_started {…}`,
`session_ended {session_id, total_score, flagged_intervals, reason, code, note}`,
`session_moved {session_id, user_id, exam_id, instance, text}` (it goes on at another server; `session_started` with its `instance` follows),
`device_state {session_id, device, state, reason}`,
`break_changed {session_id, on, start, by, reason, seconds_left}`, `interval_reviewed {session_id, interval, video_id, review}`,
`conclusion_changed {session_id, state, conclusion, revision}`, `answer_given {session_id}` (the student has answered a flag),
`moment_marked {session_id, user_id, exam_id, interval, video_id, id, at, by, note}`,
`signed_out {}` (the login has ended: nothing more comes, and the connection ends),
`rights_changed {}` (some of what was joined may not be seen any more and was left; join again what may),
`message_sent {session_id, id, text, level, by, at, delivered, read, from}`, `message_delivered {session_id, id}`, `message_read {session_id, id}`,
`call_changed {session_id, user_id, exam_id, call}` (the student calls: `call` is `{at, text}`, null once it is over),
`flags_seen {session_id, unseen}`, `identity_changed {session_id}` (a picture, a request for one or a decision on who takes the exam is new),
`roster_changed {exam_id, exam_key}` (the exam's list of students is another),
`session_moved {session_id}` (it goes on at another server: connect and join again),
`sound {session_id, at, pcm}` (int16 little endian, 16 kHz, mono) to those who joined it."""

STUDENT_LINK = inspect.cleandoc(web.student.protocol.__doc__ or "")  # described where it is spoken, and nowhere else


@dataclass(frozen=True, slots=True)
class Call:
    """What the route table doesn't tell of a call."""

    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    media_type: str = "application/json"
    takes: str = ""  # the media type of a body that isn't JSON
    description: str = ""


View = TypeVar("View", bound=Callable[..., Any])


def describe(
    answer: type[BaseModel] | None = None,
    *,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    status: int = 200,
    errors: tuple[int, ...] = (),
    media_type: str = "application/json",
    takes: str = "",
    description: str = "",
) -> Callable[[View], View]:
    """Say of a view what it takes and answers. Its docstring's first line is the call's summary."""

    def attach(view: View) -> View:
        view.call = Call(answer, body, query, status, errors, media_type, takes, description)  # type: ignore[attr-defined]
        return view

    return attach


def build(app: Flask) -> dict[str, Any]:
    """The OpenAPI 3.1 document of every route of `app`."""
    schemas = _Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        # A colleague's page needs no `describe`: it answers HTML, and its docstring says what it shows.
        call: Call = getattr(view, "call", None) or Call(media_type="application/octet-stream" if rule.endpoint == "static" else "text/html")
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or {"GET"}) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(rule.endpoint, method, rule.arguments, view, call, rule.websocket, schemas)
    paths["/socket.io/"] = {
        "get": {
            "operationId": "socket_io",
            "tags": ["live"],
            "summary": "Proctors' live updates over Socket.IO.",
            "description": SOCKET_IO,
            "responses": {"101": {"description": "The WebSocket is open."}, "200": {"description": "Long polling."}},
            "security": _security("proctor"),
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Exam proctoring server",
            "version": VERSION,
            "description": "Watches exam sessions, points at what needs a look, and keeps a clip of it. A person decides. "
            "With no password set, requests from this machine need no token.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": f"{parts_of(app).access.prefix}/"}],
        "paths": paths,
        "webhooks": {"notice": {"post": _notice(schemas)}},
        "components": {
            "schemas": schemas.definitions(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A named token with its scopes, or API_TOKEN, which may everything."},
                "login": {"type": "apiKey", "in": "cookie", "name": parts_of(app).access.login_cookie, "description": "A proctor's login."},
                "student": {"type": "http", "scheme": "bearer", "description": "A student's token for one session."},
                "studentLink": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Sec-WebSocket-Protocol",
                    "description": "The same, for the WebSocket: `proctor.link, proctor.token.TOKEN`.",
                },
            },
        },
    }


class _Schemas:
    """Collects the models that the calls use."""

    def __init__(self) -> None:
        self._models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}

    def ref(self, model: type[BaseModel], mode: JsonSchemaMode = "serialization") -> dict[str, str]:
        self._models[model, mode] = None
        return {"$ref": REF.format(model=model.__name__)}

    def definitions(self) -> dict[str, Any]:
        _, document = models_json_schema(list(self._models), ref_template=REF)
        return dict(document.get("$defs", {}))


def _operation(endpoint: str, method: str, arguments: set[str], view: Any, call: Call, websocket: bool, schemas: _Schemas) -> dict[str, Any]:
    who, rights = WHO_MAY.get(endpoint, "proctor"), RULES[endpoint].rights if endpoint in RULES else ()
    summary, _, rest = (view.__doc__ or "Serve a file of the pages: a style sheet, a script, a picture.").strip().partition("\n")
    text = call.description or (STUDENT_LINK if websocket else " ".join(rest.split()))
    codes = {*call.errors, *ALWAYS, *(WITH_BODY if call.body else ()), *((422,) if call.query else ()), *((401,) if who != "open" else ())}
    operation: dict[str, Any] = {
        "operationId": f"{endpoint}_{method}".replace(".", "_").lower(),
        "tags": [endpoint.partition(".")[0]],
        "summary": summary,
        "responses": {"101": {"description": "The WebSocket is open."}} if websocket else {str(call.status): _answered(call, schemas)},
        "security": _security(who, websocket, rights),
    }
    if rights:
        operation["x-rights"] = list(rights)  # one of them is needed
    if text:
        operation["description"] = text
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in sorted(arguments)]
    if call.query:
        parameters += _query_parameters(call.query)
    if parameters:
        operation["parameters"] = parameters
    if call.body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schemas.ref(call.body, "validation")}}}
    elif call.takes:
        operation["requestBody"] = {"required": True, "content": {call.takes: {"schema": _raw(call.takes)}}}
    if call.media_type == "video/mp4":
        operation["responses"]["206"] = {
            "description": "The part that the Range header asks for.",
            "content": {call.media_type: {"schema": _raw(call.media_type)}},
        }
        operation["responses"]["304"] = {"description": "Not changed since the ETag that If-None-Match names."}
    error_type = "text/html" if call.media_type == "text/html" and not websocket else "application/json"
    for code in sorted(codes):
        schema = schemas.ref(ErrorAnswer) if error_type == "application/json" else _raw(error_type)
        operation["responses"][str(code)] = {"description": ERRORS[code], "content": {error_type: {"schema": schema}}}
    return operation


def _answered(call: Call, schemas: _Schemas) -> dict[str, Any]:
    description = (call.answer.__doc__ or "").strip().partition("\n")[0] if call.answer else "As the summary says."
    return {"description": description, "content": {call.media_type: {"schema": schemas.ref(call.answer) if call.answer else _raw(call.media_type)}}}


def _raw(media_type: str) -> dict[str, str]:
    """The schema of a body that no model describes: an object, a text or, as most generators of clients read it, a file."""
    if media_type == "application/json":
        return {"type": "object"}
    return {"type": "string"} if media_type.startswith("text/") else {"type": "string", "format": "binary"}


def _notice(schemas: _Schemas) -> dict[str, Any]:
    """What this server posts to a webhook, and what it takes for an answer."""
    headers = {
        "webhook-id": "The notice's id, the same with every try: one that comes twice is one.",
        "webhook-timestamp": "When it was sent, in seconds since 1970.",
        "webhook-signature": "Signatures with a space between, one or more, each `v1,` and the base64 of HMAC-SHA256 over id, timestamp and body.",
    }
    return {
        "operationId": "hook_notice",
        "tags": ["hooks"],
        "summary": "A notice of what happened, signed by the rules of Standard Webhooks.",
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}} for name, text in headers.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schemas.ref(HookNotice)}}},
        "responses": {
            "2XX": {"description": "It was taken."},
            "410": {"description": "The webhook is disabled."},
            "default": {"description": "It is sent again later."},
        },
    }


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    required = schema.get("required", ())
    return [{"name": name, "in": "query", "required": name in required, "schema": field} for name, field in schema["properties"].items()]


def _security(who: str, websocket: bool = False, rights: Sequence[Right] = ()) -> list[dict[str, list[str]]]:
    if who == "open":
        return []
    if who == "student":
        return [{"studentLink": []}] if websocket else [{"student": []}]
    scopes = [scope for scope in OF_SCOPE if OF_SCOPE[scope] & set(rights)]
    return [*({"token": [scope]} for scope in scopes), {"login": []}] if scopes else [{"token": []}, {"login": []}]
