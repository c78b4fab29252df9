"""The call by which students are sent their links and codes."""

from __future__ import annotations

from flask import Blueprint, Response, request

from basics.errors import Conflict
from basics.texts import _
from records.letters import check_text
from web.calls.addresses import server_address
from web.calls.audit import note
from web.calls.bodies import read_body, reply
from web.calls.openapi import describe
from web.calls.told import tell_roster
from web.parts import parts
from web.proctor.roster_calls import API
from web.proctor.roster_links import BODY_BYTES_MAX
from web.proctor.roster_schemas import MailQueued, SendMail

roster_mail = Blueprint("roster_mail", __name__)


@roster_mail.post(f"{API}/mail")
@describe(MailQueued, body=SendMail, errors=(404, 409, 503))
def send(exam_key: str) -> Response:
    """Send each student their link and code by e-mail. The letters wait in a queue; `mail` of each student says what became of theirs.

    409 where SMTP_URL is not set. Those whose link is revoked get none; a letter that still waits is replaced.
    """
    request.max_content_length = BODY_BYTES_MAX
    exam = parts().exams.by_key(exam_key)
    wanted = read_body(request, SendMail)
    check_text(wanted.subject, wanted.text)
    if not parts().mailer.is_on:
        raise Conflict(_("No mail server is set (SMTP_URL). Give the links out as CSV or on paper."), field="text")
    chosen = set(wanted.rows)
    rows = [row for row in parts().rosters.rows(exam.key) if not row.revoked and (not chosen or row.row_id in chosen)]
    rows = [row for row in rows if not (wanted.only_new and row.invited_at)]
    to = [row for row in rows if row.email]
    queued = parts().mailer.letters.queue(to, wanted.subject, wanted.text, server_address(request))
    parts().mailer.look_now()
    note("roster: letters", wanted.by, exam_id=exam.exam_id, exam_key=exam.key, students=queued, subject=wanted.subject)
    tell_roster(exam)
    return reply(MailQueued(queued=queued, without_address=len(rows) - queued))
