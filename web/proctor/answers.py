"""Stored documents and live states as the answers of the REST calls."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from flask import has_request_context, request

from basics.texts import _, with_values
from basics.times import utc_now
from media.clip_reasons import ELSEWHERE, known
from records.keep_times import part_of
from sessions.elsewhere import status_of
from sessions.session import ExamSession
from storage.cleaned import clean_value
from web.languages import said
from web.parts import parts
from web.proctor.accommodation_words import shown_accommodations
from web.proctor.interval_schemas import ClipAnswer, FlaggedAnswer, IntervalAnswer, ViolationAnswer
from web.proctor.sessions_schemas import ActiveSession, CheckAnswer, SessionAnswer, SessionLine, UnseenAnswer
from web.proctor.wording import sentences, with_doubts, with_sentences

Document = Mapping[str, Any]
Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


def each(make: Callable[[Document], Answer], documents: Sequence[Document], left_out: list[str] | None = None) -> list[Answer]:
    """The answers of all documents; a damaged one is left out with a word in the log, and its id in `left_out`, so that the others are shown."""
    answers: list[Answer] = []
    for document in documents:
        try:
            answers.append(make(document))
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):  # pydantic's error is a ValueError
            log.exception("the stored record %a can't be read and isn't shown", document.get("_id"))
            if left_out is not None:
                left_out.append(str(document.get("_id")))
    return answers


def violation_answers(violations: Sequence[Document]) -> list[ViolationAnswer]:
    """Violations as stored, each with its sentence."""
    return [ViolationAnswer(**violation) for violation in said(with_sentences(violations))]


def interval_answer(document: Document) -> IntervalAnswer:
    """An interval of a session."""
    return IntervalAnswer(**_interval_fields(document))


def flagged_answer(document: Document) -> FlaggedAnswer:
    """A flagged interval, with whose it is and why."""
    fields = _interval_fields(document)
    return FlaggedAnswer(
        **fields,
        session_id=document["session_id"],
        user_id=document["user_id"],
        student_name=parts().names.of(document["user_id"], document.get("exam_id")),
        exam_id=document.get("exam_id"),
        url=fields["clip"].url,
        reasons=said(sentences(document.get("violations") or [])),
    )


def check_answer(document: Document, *, readings: bool = False) -> CheckAnswer:
    """A check record, with every single reading only where they are asked for."""
    left_out = ("_id", "session_id") if readings else ("_id", "session_id", "readings")
    return CheckAnswer(**{name: value for name, value in document.items() if name not in left_out})


def session_answer(document: Document, session: ExamSession | None) -> SessionAnswer:
    """A session as stored; while it runs, what itself says is newer than what the database has."""
    live = None if session is None else _status(session)
    fields = _only(SessionAnswer.model_fields, document) | {"session_id": document["_id"]}
    fields["student_name"] = parts().names.of(document["user_id"], document.get("exam_id"))
    if live is not None:
        fields |= _only(SessionAnswer.model_fields, live) | {
            "unseen": _unseen_answer(live.get("unseen")),
            "state": "running" if live["is_running"] else fields["state"],
        }
    if session is not None:
        fields["doubts"] = clean_value(session.watch_over.seen_of.doubts.documents())
        fields["seb"] = clean_value(session.watch_over.seb.documents())
    if fields.get("doubts"):
        fields["doubts"] = with_doubts(fields["doubts"])
    fields |= shown_accommodations(fields) | {"instance": parts().monitor.elsewhere.instance(document)}
    return SessionAnswer(**said(fields) | {"is_running": bool(live and live["is_running"])})


def session_line(document: Document, session: ExamSession | None) -> SessionLine:
    """A session in the list of all, likewise."""
    begun = document.get("begun", True) if session is None else session.begun
    answer = session_answer(document, session)
    more = {name: document[name] for name in ("decisions", "unreadable") if name in document}
    runs = answer.is_running or answer.instance is not None
    return SessionLine(**{**answer.model_dump(), "begun": begun, **more, "is_running": runs})


def active_session(session: ExamSession, student_name: str) -> ActiveSession:
    """A running session in the list of them; `student_name` is empty where none is told."""
    status = _status(session)
    violations = violation_answers(status.get("violations") or [])
    return ActiveSession(**{**said(status), "student_name": student_name, "violations": violations, "unseen": _unseen_answer(status.get("unseen"))})


def active_elsewhere(document: Document) -> ActiveSession:
    """A session that runs at another server in the same list, as far as its record tells."""
    name = parts().names.of(document["user_id"], document.get("exam_id"))
    return ActiveSession(**said(_clean(status_of(document, utc_now()))) | {"student_name": name})


def _unseen_answer(unseen: Document | None) -> UnseenAnswer | None:
    return UnseenAnswer(**{**unseen, "violations": violation_answers(unseen["violations"])}) if unseen else None


def with_live(stored: Sequence[Document], live: Sequence[Document], session_id: str, after: str | None) -> list[dict[str, Any]]:
    """A running session's intervals after `after`: as they are in memory, which is newer, with what only the database has (reviews)."""
    first = -1 if after is None else int(after.rpartition("-")[2])
    by_index: dict[int, dict[str, Any]] = {interval["index"]: dict(interval) for interval in stored if isinstance(interval.get("index"), int)}
    for interval in live:
        index = interval["index"]
        if index > first:
            before = by_index.get(index, {})
            made = {"clip": before["clip"]} if part_of(before, "clip").get("state") in ("ready", "deleted") else {}  # by whichever server
            by_index[index] = {**before, **_clean(interval), **made, "_id": f"{session_id}-{index}"}
    return [by_index[index] for index in sorted(by_index)]


def is_away(clip: Document) -> bool:
    """Is a clip, or what it is to be made of, on the disk of a server that is away, and nowhere else?"""
    membership = parts().membership
    return parts().files.is_away(clip, membership.lives if membership is not None else lambda _name: False)


def video_url(interval_id: str) -> str:
    """Where the clip of an interval is served."""
    return f"{request.root_path if has_request_context() else ''}/api/video/{interval_id}"


def _interval_fields(document: Document) -> dict[str, Any]:
    clip = dict(document.get("clip") or {})
    if clip.get("state") in ("ready", "pending") and is_away(clip):
        begun = with_values(ELSEWHERE, server=clip["on"])
        reason = _("it is on the server %(server)s, which is away", server=clip["on"]) if clip["state"] == "ready" else begun
        clip |= {"state": "away", "reason": said(reason)}
    elif clip.get("reason"):
        clip["reason"] = said(known(str(clip["reason"])))
    clip["marks"] = [tuple(mark) for mark in clip.get("marks") or []]
    url = video_url(document["_id"]) if clip.get("state") == "ready" else None
    return _only(IntervalAnswer.model_fields, document) | {
        "video_id": document["_id"],
        "violations": violation_answers(document.get("violations") or []),
        "clip": ClipAnswer(**clip | {"url": url}),
    }


def _status(session: ExamSession) -> Document:
    """A running session as it stands, by the names that answers have."""
    return _clean(session.status().to_dict())


def _only(names: Mapping[str, Any], document: Document) -> dict[str, Any]:
    """The fields that an answer has and the document gives."""
    return {name: document[name] for name in names if document.get(name) is not None}


def _clean(live: Document) -> dict[str, Any]:
    """What is live, without text that UTF-8 can't hold: pydantic refuses it, and the whole answer with it. What is stored was cleaned when read."""
    return {name: clean_value(value) for name, value in live.items()}
