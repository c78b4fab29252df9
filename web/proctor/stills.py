"""The calls that show single pictures: the student's shared screen as it is now, and the moment for which an interval was flagged."""

from __future__ import annotations

from flask import Blueprint, Response, send_file

from basics.errors import NotFound
from basics.texts import _
from records.package_contents import still_at
from web.calls.audit import note_look
from web.calls.openapi import describe
from web.calls.values import check_session_id
from web.parts import parts
from web.proctor.videos import clip_of

stills = Blueprint("stills", __name__, url_prefix="/api/session/<session_id>")


@stills.get("/screen")
@describe(errors=(404, 503), media_type="image/jpeg")
def screen(session_id: str) -> Response:
    """Show the newest still of a student's shared screen, while the session runs.

    `screen_at` in the live updates says of when it is.
    """
    check_session_id(session_id)
    session = parts().monitor.get(session_id)
    if session is None:
        raise NotFound(_("This session doesn't run now; stills of the screen are shown live only."), field="session_id")
    still = session.screen.newest()
    if still is None:
        raise NotFound(_("There is no still of this student's screen: it isn't shared (SCREEN_CAPTURE), or none has come yet."), field="session_id")
    note_look("screen: looked at", "proctor", session_id=session_id)
    response = Response(still.data, mimetype="image/jpeg")
    response.headers["X-Screen-At"] = f"{still.at:.2f}"
    return response


@stills.get("/still/<index>")
@describe(errors=(404, 409, 503), media_type="image/jpeg")
def of_interval(session_id: str, index: str) -> Response:
    """Show the moment of a flagged interval at which its first violation begins, from its clip.

    While the clip is being made: 404 with the code `not_ready`.
    """
    file, clip = clip_of(f"{session_id}-{index}")
    note_look("flags: looked at", "proctor")
    with parts().database.gone.writing(session_id):
        still = parts().stills.get(file, f"{session_id}-{index}-{clip.get('sha256', '')[:12]}", still_at(clip))
    response = send_file(still, mimetype="image/jpeg", conditional=True)
    response.headers["Cache-Control"] = "no-store, private"
    return response
