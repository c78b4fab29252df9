"""How errors are told: JSON in one form for calls, a small page for people."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

from flask import Flask, redirect, render_template, request
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from basics import errors
from basics.errors import ProctorError
from basics.texts import _
from web.access.who_may import is_websocket
from web.languages import said

logger = logging.getLogger(__name__)


class Problem(BaseModel):
    """What went wrong. Some codes bring more fields, such as `session_id` of the session that is in the way."""

    model_config = ConfigDict(extra="allow")
    code: str = Field(examples=["not_found"])
    message: str = Field(description="What was wrong, with which value, and what to do.")
    field: str | None = Field(default=None, description="The field of the body or the query at fault.")


class ErrorAnswer(BaseModel):
    """The one form of every error."""

    success: Literal[False] = False
    error: Problem


class NotReady(errors.NotFound):
    """The clip is still being made. Ask again after `retry_after_s`."""

    code = "not_ready"


class FileAway(errors.StorageError):
    """The file lies on the disk of another server (`server`), which is away. Ask again when that is back."""

    code = "file_away"


class NotHere(Exception):
    """A file that is asked for is not on this disk: `servers` may have it. `otherwise` is said where none of them can be asked, `missing` where those
    that were asked have none."""

    def __init__(self, servers: Sequence[str], otherwise: ProctorError, missing: ProctorError | None = None) -> None:
        super().__init__(otherwise.message)
        self.servers = servers
        self.otherwise = otherwise
        self.missing = missing or otherwise


class Unready(errors.StorageError):
    """Nobody new is to be sent to this server now. Ask again after `retry_after_s`."""

    code = "unready"


STATUS: dict[type[ProctorError], int] = {
    errors.ConfigError: 500,
    errors.DeviceError: 503,
    errors.DetectorError: 503,
    errors.StorageError: 503,
    errors.TooLarge: 413,
    errors.Unsupported: 415,
    errors.Unauthorized: 401,
    errors.ProviderAway: 503,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooMany: 429,
}

# What the web server itself refuses, before a view is asked.
HTTP_CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported",
    416: "range",
    429: "too_many",
    500: "internal",
}

# What people read on a page; callers are told more.
_NOTHING_HERE = _("This address leads nowhere. Look whether it was copied whole.")
_NO_PAGE = _("This address is no page. Choose below where you want to go.")
_FAILED = _("The server could not answer this. Nothing that was kept is lost. Try again; if it goes on, tell whoever runs the exam.")
API_PATHS = ("/api/", "/metrics", "/student/", "/socket.io", "/openedx/")
STORAGE_RETRY_S = 5  # by then the writer has tried the database again
FULL_RETRY_S = 30  # a limit that time alone doesn't lift: somebody must end something first


def status_of(error: ProctorError) -> int:
    """The HTTP status of an error: 422 where a field is wrong, 400 where the whole can't be read, else its class's own."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    if isinstance(error, errors.InvalidInput):
        return 422 if error.field else 400
    return 500


def retry_after(error: ProctorError) -> int | None:
    """After how many seconds to come again, where that can help."""
    default = STORAGE_RETRY_S if isinstance(error, errors.StorageError) else FULL_RETRY_S if status_of(error) == 429 else None
    wait: int | None = error.details.get("retry_after_s", default)
    return wait


def tell_when(response: Response, error: ProctorError) -> None:
    """Let an answer say after how many seconds to come again, where that can help."""
    wait = retry_after(error)
    if wait is not None:
        response.headers["Retry-After"] = str(wait)


def register_errors(app: Flask) -> None:
    """Answer every error of `app` in its form."""
    app.register_error_handler(ProctorError, answer_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def answer_error(error: ProctorError) -> Response:
    """The answer to the present request."""
    status = status_of(error)
    if status >= 500 and not isinstance(error, Unready):  # which is asked for each second
        logger.warning("%s %s: %s", request.method, request.path, error.message, extra={"counted_as": _page()})
    if status == 401 and not _wants_json() and request.method == "GET":
        return redirect(f"{request.root_path}/login?next={quote(request.root_path + request.full_path.rstrip('?'))}")
    response = _answer(status, error.code, error.message, error.field, error.details)
    tell_when(response, error)
    if status == 401 and _wants_json():
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _page() -> str:
    """As what the log counts what went wrong here: whoever asks again and again while the database is away must not roll the log away."""
    return f"page {request.endpoint}"


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # a redirect by routing
        return error.get_response()
    message = _http_message(status, error)
    response = _answer(status, HTTP_CODES.get(status, error.name.lower().replace(" ", "_")), message, None, {})
    for name, value in error.get_headers():
        if name.lower() in ("allow", "content-range", "retry-after"):
            response.headers[name] = value
    return response


def _http_message(status: int, error: HTTPException) -> str:
    path = request.path[:200]
    if status == 404:
        return _("There is nothing at %(path)s. The calls are listed at /api/openapi.json.", path=repr(path)) if _wants_json() else _NOTHING_HERE
    if status == 405 and not _wants_json():
        return _NO_PAGE
    if status == 405:
        methods = ", ".join(sorted(getattr(error, "valid_methods", None) or []))
        return _("%(method)s is not for %(path)s; use %(methods)s.", method=request.method, path=repr(path), methods=methods)
    if status == 413:
        return _("The body is larger than the %(limit)s KB allowed (MAX_BODY_KB).", limit=(request.max_content_length or 0) // 1024)
    return error.description or error.name


def _unexpected(error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.path, exc_info=error, extra={"counted_as": _page()})
    return _answer(
        500,
        "internal",
        _("The server failed to answer this. What happened is in its log, app_errors.log; nothing that was acknowledged is lost.")
        if _wants_json()
        else _FAILED,
        None,
        {},
    )


def _answer(status: int, code: str, message: str, field: str | None, details: dict[str, Any]) -> Response:
    message, details = said(message), said(details)
    if not _wants_json():
        return Response(render_template("error.html", status=status, code=code, message=message), status=status, mimetype="text/html")
    named = {"field": field} if field else {}
    answer = ErrorAnswer(success=False, error=Problem(**details | named | {"code": code, "message": message}))
    return Response(answer.model_dump_json(exclude_unset=True), status=status, mimetype="application/json")


def _wants_json() -> bool:
    """Calls are answered in JSON, pages to people; a caller of a page that asks for JSON and not for HTML gets it too."""
    if request.path.startswith(API_PATHS) or is_websocket(request.environ):
        return True
    return request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html") == "application/json"
