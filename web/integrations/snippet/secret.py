"""The secret by which an exam's own site says who comes: whoever may change the exam makes it and is shown it once."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field

from basics.errors import Conflict
from basics.texts import _
from web.access.callers import signature
from web.calls.addresses import server_address
from web.calls.audit import note
from web.calls.bodies import reply
from web.calls.openapi import describe
from web.calls.values import Time
from web.parts import parts

snippet_secret = Blueprint("snippet_secret", __name__, url_prefix="/api/exams/<exam_key>/snippet")


class Snippet(BaseModel):
    """How an exam stands with pages of other sites."""

    success: Literal[True] = True
    origins: list[str] = Field(description="The sites whose pages start it, as the exam names them.")
    script: str = Field(description="The address that these pages load, with `data-token-url` beside it.")
    secret_made_at: Time | None = Field(description="Since when it has its secret; null: it has none, and no page can start it.")


class SnippetSecret(BaseModel):
    """A new secret."""

    success: Literal[True] = True
    secret: str = Field(description="It is shown now and never again. The site's server signs with it (HS256), as it stands here, in ASCII.")


@snippet_secret.get("")
@describe(Snippet, errors=(404, 503))
def shown(exam_key: str) -> Response:
    """Show what an exam's own site includes, and whether the exam has a secret."""
    exam = parts().exams.by_key(exam_key)
    address = f"{server_address(request)}/embed/snippet.js?exam={exam.key}"
    return reply(Snippet(origins=exam.definition.snippet_origins, script=address, secret_made_at=parts().snippet_secrets.made_at(exam.key)))


@snippet_secret.post("/secret")
@describe(SnippetSecret, errors=(404, 409, 503))
def renew(exam_key: str) -> Response:
    """Make the exam's secret, or a new one: what is signed with the one before is refused from now on. Students who are in the exam stay in it."""
    exam = parts().exams.by_key(exam_key)
    if exam.deleting:
        raise Conflict(_("The exam is being deleted."))
    secret = parts().snippet_secrets.renew(exam.key, signature())
    note("exam: start secret made", signature(), exam_id=exam.exam_id, exam_key=exam.key)
    return reply(SnippetSecret(secret=secret))
