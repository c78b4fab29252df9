"""What happens in the exams as the messages that dashboards receive: an event's name and its payload, not yet ready for JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from basics.times import iso_time
from media.clip_reasons import known
from scoring.documents import violation_document
from sessions.events import (
    BreakChanged,
    CallChanged,
    ClipDone,
    DeviceChanged,
    FlagsSeen,
    IntervalFlagged,
    MessageDelivered,
    MessageRead,
    MessageSent,
    MomentMarked,
    SessionEnded,
    SessionEvent,
    SessionMoved,
    SessionStarted,
)
from sessions.session import ExamSession
from web.proctor.wording import sentences, with_sentences

Event = TypeVar("Event", bound=SessionEvent)
Message = tuple[str, dict[str, Any]]


def status_message(session: ExamSession) -> dict[str, Any]:
    """How a session is, with its violations in words: the pages have no others."""
    status = session.status().to_dict()
    return status | {"violations": with_sentences(status["violations"]), "unseen": _unseen_in_words(status["unseen"])}


def _unseen_of(session: ExamSession) -> dict[str, Any] | None:
    unseen = session.flags_seen.unseen()
    return _unseen_in_words(unseen.to_dict() if unseen is not None else None)


def _unseen_in_words(unseen: dict[str, Any] | None) -> dict[str, Any] | None:
    return unseen and unseen | {"violations": with_sentences(unseen["violations"])}


def _started(event: SessionStarted) -> Message:
    return "session_started", status_message(event.session)


def _device(event: DeviceChanged) -> Message:
    return "device_state", {"session_id": event.session.session_id, "device": event.device, "state": event.state, "reason": event.reason}


def _break(event: BreakChanged) -> Message:
    return "break_changed", {"session_id": event.session.session_id, **event.state.to_dict()}


def _sent(event: MessageSent) -> Message:
    return "message_sent", {"session_id": event.session.session_id, **event.message.to_dict()}


def _delivered(event: MessageDelivered) -> Message:
    return "message_delivered", {"session_id": event.session.session_id, "id": event.message_id}


def _read(event: MessageRead) -> Message:
    return "message_read", {"session_id": event.session.session_id, "id": event.message_id}


def _marked(event: MomentMarked) -> Message:
    session = event.session
    whose = {"session_id": session.session_id, "user_id": session.user_id, "exam_id": session.exam_id}
    return "moment_marked", {**whose, "interval": event.index, "video_id": session.interval_id(event.index), **event.mark.to_dict()}


def _call(event: CallChanged) -> Message:
    session, call = event.session, event.call
    return "call_changed", {**session.identity.to_dict(), "call": call.to_dict() if call else None}


def _flagged(event: IntervalFlagged) -> Message:
    session, result = event.session, event.result
    violations = [violation_document(violation) for violation in result.violations]
    return "interval_flagged", {
        "session_id": session.session_id,
        "user_id": session.user_id,
        "exam_id": session.exam_id,
        "interval": result.index,
        "video_id": session.interval_id(result.index),
        "score": result.score,
        "flagged_intervals": event.flagged_intervals,
        "violations": violations,
        "unseen": _unseen_of(session),
        "timestamp": event.at,
        "reasons": sentences(violations),
    }


def _seen(event: FlagsSeen) -> Message:
    return "flags_seen", {"session_id": event.session.session_id, "unseen": _unseen_of(event.session)}


def _clip(event: ClipDone) -> Message:
    video_id = event.session.interval_id(event.interval)
    return "clip_ready", {
        "session_id": event.session.session_id,
        "interval": event.interval,
        "video_id": video_id,
        "url": f"/api/video/{video_id}",
        "duration": event.clip.duration,
        "clip": {**event.clip.to_dict(), "reason": known(event.clip.reason)},
    }


def _ended(event: SessionEnded) -> Message:
    end = {"reason": event.end.reason, "code": event.end.code, "note": event.end.note, "state": event.state}
    return "session_ended", event.summary.to_dict() | end


def _moved(event: SessionMoved) -> Message:
    return "session_moved", {"session_id": event.session.session_id}


MESSAGES: Mapping[type[SessionEvent], Callable[[Any], Message]] = {
    SessionStarted: _started,
    DeviceChanged: _device,
    BreakChanged: _break,
    MessageSent: _sent,
    MessageDelivered: _delivered,
    MessageRead: _read,
    MomentMarked: _marked,
    CallChanged: _call,
    FlagsSeen: _seen,
    IntervalFlagged: _flagged,
    ClipDone: _clip,
    SessionEnded: _ended,
    SessionMoved: _moved,
}
"""The events that every dashboard of the session or its exam is told of; the others are the student's, or seen in the status."""


def ready_for_json(value: Any) -> Any:
    """`value` with its times as ISO 8601 in UTC."""
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, dict):
        return {name: ready_for_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [ready_for_json(item) for item in value]
    return value
