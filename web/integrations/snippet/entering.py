"""What pages of an exam's own site load from here, the window that they open, and how a student comes in by it.

The page and the window are of different sites: they tell each other things by messages, each to the other's site by name. The window has the camera,
the session and its link; the page knows nothing of these. Who the student is says the page's own server, by a token that is good once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from typing import Literal

from flask import Blueprint, Response, render_template, request
from pydantic import BaseModel, Field

from basics.errors import Forbidden, NotFound
from basics.paths import ROOT
from basics.texts import _
from records.exams import Exam
from records.roster_rows import Column, Student
from web.calls.audit import note
from web.calls.bodies import read_body, reply
from web.calls.openapi import describe
from web.calls.told import tell_roster
from web.calls.values import DOCUMENT_ID_PATTERN
from web.integrations.snippet.tokens import REMEMBERED_S, TOKEN_MAX, Refused, Start, read_start
from web.integrations.snippet.words import bar_words
from web.parts import parts

log = logging.getLogger(__name__)

snippet = Blueprint("snippet", __name__)

BY = "snippet"  # who puts students into an exam's list
SCRIPTS = ROOT / "static" / "js"
MODULES = frozenset(
    {
        *("snippet/snippet.js", "snippet/watcher.js", "snippet/bar.js"),
        *("sending/acts.js", "sending/focus-cause.js", "sending/watched-time.js", "shared/clock.js"),
    }
)
KEPT_S = 300  # that browsers keep the scripts; an exam's page is loaded many times


class EnterFromPage(BaseModel):
    """Who comes from the exam's own page, and from which."""

    exam_key: str = Field(pattern=DOCUMENT_ID_PATTERN)
    origin: str = Field(max_length=300, description="The site of the page that gave the token, as the browser names it.")
    token: str = Field(max_length=TOKEN_MAX, description="What the site's own server signed with the exam's secret; it is good once.")


class EnteredFromPage(BaseModel):
    """The student is in the exam's list."""

    success: Literal[True] = True
    path: str = Field(description="The student's own link here: the portal, which goes on with the session that there is.")


@snippet.get("/embed/snippet.js")
@describe(media_type="text/javascript", description="Loaded with `?exam=` and the exam's key, and `lang` if a language is wished for.")
def script() -> Response:
    """Give pages of other sites the snippet, with the bar's words in the student's language."""
    exam = parts().exams.shown(request.args.get("exam", ""))
    words = bar_words(exam.definition.help_contact if exam is not None else "")
    told = json.dumps(words).replace("<", "\\u003c")
    return _for_others(f'import {{ start }} from "./js/snippet/snippet.js";\n\nstart(import.meta.url, {told});\n')


@snippet.get("/embed/js/<path:name>")
@describe(errors=(404,), media_type="text/javascript", description="One of the modules that the snippet is made of.")
def module(name: str) -> Response:
    """Give a part of the snippet."""
    if name not in MODULES:
        raise NotFound(_("There is no such part of the snippet."))
    return _for_others((SCRIPTS / name).read_text(encoding="utf-8"))


def _for_others(text: str) -> Response:
    response = Response(text, mimetype="text/javascript")
    response.headers["Access-Control-Allow-Origin"] = "*"  # it is the same for everybody
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = f"public, max-age={KEPT_S}"
    response.vary.add("Accept-Language")
    return response


@snippet.get("/embed/window/<exam_key>")
def window(exam_key: str) -> Response:
    """Show the window that an exam's page has opened while it asks that page who comes."""
    exam = started_by_pages(exam_key)
    page = render_template("from_page.html", exam=exam)
    # Cut from the page that opened it, as our pages are else, the two could tell each other nothing.
    return Response(page, mimetype="text/html", headers={"Cross-Origin-Opener-Policy": "unsafe-none"})


@snippet.post("/api/student/enter/page")
@describe(EnteredFromPage, body=EnterFromPage, errors=(401, 404, 409, 429, 503))
def enter() -> Response:
    """Come in from the exam's page of another site, by what that site's server signed.

    The student is put into the exam's list, where not there yet, and goes on by the link that everybody of the list has: the exam's times, its rules
    and what has ended for the student hold as they do there. 401 for a token that is not believed or was used, 403 for a site that the exam does not
    name.
    """
    wanted = read_body(request, EnterFromPage)
    parts().lti.line.take(parts().lti.launches, request.remote_addr)  # as who comes from a learning platform: an exam begins for all at once
    with parts().lti.place():
        return _entered(wanted)


def _entered(wanted: EnterFromPage) -> Response:
    exam = started_by_pages(wanted.exam_key)
    counted = {"counted_as": f"exam {exam.exam_id}"}  # anybody can ask again and again
    if wanted.origin not in exam.definition.snippet_origins:
        log.warning("snippet: refused from %s, exam %s: the site %.100r", request.remote_addr, exam.exam_id, wanted.origin, extra=counted)
        site = repr(wanted.origin[:100])
        text = _("The exam can’t be started from %(site)s. Whoever runs that page asks whoever set the exam up to allow it.", site=site)
        raise Forbidden(text, field="origin")
    try:
        start = _believed(exam, wanted.token)
    except Refused as refused:
        log.warning("snippet: refused from %s, exam %s: %.200s", request.remote_addr, exam.exam_id, refused.reason, extra=counted)
        raise
    has: set[Column] = {"name"} if start.name else set()
    row, is_new = parts().rosters.admit(exam.key, exam.exam_id, Student(0, start.user_id, start.name), has, by=BY)
    if is_new:
        note("snippet: student new", BY, user_id=row.user_id, exam_id=exam.exam_id, exam_key=exam.key)
        tell_roster(exam)
    return reply(EnteredFromPage(path=parts().rosters.address("", row)))


def started_by_pages(exam_key: str) -> Exam:
    """The exam of a page with the snippet. Raise `NotFound`, `StorageError`."""
    exam = parts().exams.by_key(exam_key) if re.fullmatch(DOCUMENT_ID_PATTERN, exam_key) else None
    if exam is None or exam.deleting or not exam.definition.snippet_origins:
        raise NotFound(_("No page of another site starts this exam. Whoever set it up allows that on its page here."), field="exam_key")
    return exam


def _believed(exam: Exam, token: str) -> Start:
    """Who comes; the token is used up. Raise `Refused`, `StorageError`."""
    secret = parts().snippet_secrets.of(exam.key)
    if not secret:
        raise Refused(_("no secret is set for this exam"), "the exam has no secret")
    start = read_start(token, secret, exam.key, time.time())
    mark = hashlib.sha256(f"{exam.key}\n{start.nonce}".encode("utf-8", "replace")).hexdigest()
    if not parts().lti.used.take("snippet", mark, REMEMBERED_S):
        raise Refused(_("it was used already"), "a token that was used already")
    return start
