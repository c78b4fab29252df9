"""Sessions of an earlier run: what was stored of each is read, and it goes on or is closed as interrupted.

For how long the server was away is told without the wall's clock where that can be; where it can't, the clock is given two hours of doubt.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from basics.errors import Conflict, NotFound, StorageError
from basics.signals import ViolationKind
from basics.texts import _
from basics.times import WALL_DOUBT_S, utc_now
from cluster.owning import epoch_of
from cluster.route import stored_route
from database import Database
from media.clip import NOT_MADE, Clip, ClipJob
from media.clip_reasons import ELSEWHERE, STOPPED
from media.recorder import Recorder
from records.clip_told import clip_fields
from records.keep_times import part_of
from scoring.held import applied_in
from scoring.rules import Rules
from scoring.session_exam import SessionExam
from sessions.clock_mark import seconds_since
from sessions.documents import over
from sessions.ends import End
from sessions.identity import Identity
from sessions.making import Surroundings
from sessions.readable import ACT, BREAK, CALL, CHECK, HELD, INTERVAL, MARK, MESSAGE, readable
from sessions.session import ExamSession
from sessions.within import AHEAD_MAX_S, time_within
from storage.writes import Ticket

log = logging.getLogger(__name__)

PAGE = 1000  # records read at once
KEPT_ROLL_S = 60.0  # after its interval a clip goes on for at most so long (CLIP_POSTROLL_S); what is kept is no longer than it


class MakeSession(Protocol):
    """Makes a session that is not live yet, and that started `ago` seconds ago, at `started_at` in UTC."""

    def __call__(self, identity: Identity, around: Surroundings, *, begun: bool, started_at: datetime, ago: float, epoch: int) -> ExamSession: ...


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session that goes on after the server was `away` so many seconds. `waited` is how long one that nobody has begun has waited.

    `vouched`: a proctor or a script let its student in.
    """

    session: ExamSession
    nonce: str
    waited: float
    away: float
    vouched: bool = False


def make_kept_clips(database: Database, recorder: Recorder, is_live: Callable[[str], bool]) -> None:
    """Make the clips of sessions that run no more from what an earlier run kept of them on disk. Raise `StorageError`."""
    for key in recorder.kept.intervals():
        session_id, _, index = key.rpartition("-")
        if is_live(session_id) or recorder.has(key):
            continue
        try:
            _make_kept_clip(database, recorder, key)
        except StorageError:
            raise
        except Exception:
            log.exception("the clip of interval %s can't be made: its record can't be read", index, extra={"session_id": session_id})


def _make_kept_clip(database: Database, recorder: Recorder, key: str) -> None:
    session_id, _, index = key.rpartition("-")
    try:
        interval = database.interval(key)
    except NotFound:
        recorder.kept.drop(key)
        return
    clip = part_of(interval, "clip")
    misses = clip.get("state") == "ready" and _misses_moment(recorder, interval, clip)
    if not (interval.get("flagged") or interval.get("marked")) or (clip.get("state") in ("ready", "deleted") and not misses):
        recorder.kept.drop(key)
        return
    if misses and _is_sealed(database, session_id):
        log.warning(
            "the clip of interval %s begins after its moment, and is sealed so: what was kept of the moment stays, as %s",
            *(index, recorder.kept.path(key)),
            extra={"session_id": session_id},
        )
        return
    marks = [[violation["kind"], violation["start"], violation["end"]] for violation in interval["violations"]]
    start, end, began = interval["start"], interval["end"] + KEPT_ROLL_S, interval["started_at"]
    job = ClipJob(
        session_id,
        interval["user_id"],
        int(index),
        began,
        interval["score"],
        start,
        end,
        [],
        [],
        marks,
        kept=True,
        flagged=bool(interval.get("flagged")),
    )
    recorder.submit(job, partial(_store_longer, database, recorder, key, clip) if misses else partial(_store_clip, database, key))


def claim_clips(database: Database, recorder: Recorder, session: ExamSession) -> None:
    """Of a session that another server has taken: clips that this one made stand for those that begin behind their moment. Raise `StorageError`."""
    if _is_sealed(database, session.session_id):
        return
    for known in session.intervals():
        clip, key = Clip(**known["clip"]), session.interval_id(known["index"])
        if clip.state == "ready" and clip.on == recorder.server:
            try:
                interval = database.interval(key)
                standing = part_of(interval, "clip")
                if standing.get("state") == "ready" and standing.get("sha256") != clip.sha256 and _begins_behind(recorder, interval, standing):
                    _store_longer(database, recorder, key, standing, clip)
            except StorageError:
                raise
            except Exception:
                log.exception("which clip of interval %s stands can't be told", key, extra={"session_id": session.session_id})


def _misses_moment(recorder: Recorder, interval: Mapping[str, Any], clip: Mapping[str, Any]) -> bool:
    """Does a clip that another server made begin after what it is about, and what is kept here before the clip?"""
    if not _begins_behind(recorder, interval, clip):
        return False
    frames, sounds = recorder.kept.read(interval["_id"])
    return bool(min([*(frame.at for frame in frames), *(sound.at for sound in sounds)], default=clip["start"]) < clip["start"])


def _begins_behind(recorder: Recorder, interval: Mapping[str, Any], clip: Mapping[str, Any]) -> bool:
    """Was a clip made by another server, and begins after what it is about?"""
    on, start = clip.get("on"), clip.get("start")
    if not recorder.server or not isinstance(on, str) or not isinstance(start, int | float) or not (on == "" or recorder.is_others(on)):
        return False
    return bool(start > min([violation["start"] for violation in interval["violations"]], default=interval["start"]))


def _store_longer(database: Database, recorder: Recorder, key: str, standing: Mapping[str, Any], clip: Clip) -> Ticket | None:
    """In place of one that begins after its moment. Raise `Conflict` where that was sealed meanwhile, `StorageError`: what is kept stays."""
    if clip.state != "ready":
        return None
    try:
        _check_not_sealed(database, key.partition("-")[0])
        if clip.start < standing["start"]:
            return database.change("intervals", key, clip_fields(clip), {"clip.state": "ready", "clip.sha256": standing.get("sha256")})
    except (Conflict, StorageError):
        (recorder.clips_dir / clip.path).unlink(missing_ok=True)
        raise
    (recorder.clips_dir / clip.path).unlink(missing_ok=True)
    return None


def _check_not_sealed(database: Database, session_id: str) -> None:
    if _is_sealed(database, session_id):
        raise Conflict(_("The session has ended."), reason="sealed")  # with another server's clip


def _is_sealed(database: Database, session_id: str) -> bool:
    try:
        return database.session(session_id).get("sealed_at") is not None
    except NotFound:  # it is being deleted
        return False


def _store_clip(database: Database, key: str, clip: Clip) -> Ticket:
    return database.change("intervals", key, clip_fields(clip), NOT_MADE)


def give_up_clips(database: Database, recorder: Recorder, is_live: Callable[[str], bool]) -> None:
    """Clips that waited when the server died and of which nothing is on disk are lost with its memory, and their records say so."""
    for interval in database.pending_clips():
        key = interval["_id"]
        if is_live(interval["session_id"]) or recorder.has(key) or recorder.kept.has(key):
            continue
        on = str(part_of(interval, "clip").get("on") or "")
        other = on if recorder.is_others(on) else ""
        clip = Clip("failed", reason=str(ELSEWHERE) % {"server": other} if other else str(STOPPED), on=other)
        database.change("intervals", key, clip_fields(clip), NOT_MADE)


def reopened(database: Database, make: MakeSession, now: float, document: dict[str, Any]) -> Resumed:
    """A session that broke off, with all that is stored of it, as it goes on at `now` on the monotonic clock. Raise `StorageError`, `Conflict`."""
    try:
        session, last, ago = _read(database, make, now, document)
    except StorageError:
        raise
    except Exception as error:
        log.exception("session can't be reopened", extra={"session_id": document["_id"]})
        raise Conflict(_("The session's records can't be read any more. Create a new one.")) from error
    return _goes_on(session, document, now, ago - last, why="interrupted")


def resumed_from(database: Database, make: MakeSession, now: float, document: dict[str, Any], longest: float, skew_s: float = 0.0) -> Resumed | None:
    """A session as it goes on at `now` on the monotonic clock. None where it was away for more than `longest` seconds: it is closed as interrupted.

    `skew_s`: by so much the wall clock that told its start is ahead of this machine's.
    Raise `StorageError` when the database doesn't answer, and whatever a record that can't be read at all raises.
    """
    session, last, ago = _read(database, make, now, document, skew_s)
    away = ago - last
    if session.begun and away > longest + WALL_DOUBT_S:
        session.end_at(last, "interrupted", End("outage", str(timedelta(seconds=round(away)))))
        session.close()
        return None
    return _goes_on(session, document, now, away)


def close_abandoned(database: Database, make: MakeSession, now: float, document: dict[str, Any]) -> None:
    """Close a session as interrupted, as of its last record. Raise `StorageError`."""
    try:
        session, last, ago = _read(database, make, now, document)
    except StorageError:
        raise
    except Exception:
        log.exception("session can't be read; it is closed as interrupted", extra={"session_id": document["_id"]})
        close_unreadable(database, document)
        return
    why = End("outage", str(timedelta(seconds=round(ago - last)))) if session.begun else End("unused")
    session.end_at(last, "interrupted", why)
    session.close()


def close_unreadable(database: Database, document: dict[str, Any]) -> None:
    """Close a session as interrupted of which nothing can be read."""
    database.write("sessions", document["_id"], over("interrupted", End("unreadable"), utc_now()), epoch=epoch_of(document))


def _read(database: Database, make: MakeSession, now: float, document: dict[str, Any], skew_s: float = 0.0) -> tuple[ExamSession, float, float]:
    """The session as it was stored, how far its records reach on its clock, and what its clock shows."""
    session_id, begun = document["_id"], document.get("begun", True)
    checks = readable(_all_pages(lambda after: database.checks(session_id, after, PAGE)), CHECK, session_id)
    intervals = readable(_all_pages(lambda after: database.intervals(session_id, after, PAGE)), INTERVAL, session_id)
    last = max([check["end"] for check in checks], default=0.0)
    wall = utc_now() + timedelta(seconds=skew_s)
    ago = seconds_since(document.get("clock"), document["started_at"], now=now, wall=wall, least=last) if begun else 0.0
    rules, wrong = Rules.from_stored(document.get("rules"))
    if wrong:
        log.error("the session's rules can't all be read, and hold without: %s", ", ".join(wrong), extra={"session_id": session_id})
    around = Surroundings(rules, applied_in(document), exam_of(document), _usual(document))
    identity = Identity(session_id, document["user_id"], document["exam_id"], document["source"], document["station"], stored_route(document))
    session = make(identity, around, begun=begun, started_at=document["started_at"], ago=ago, epoch=epoch_of(document))
    acts = readable(_all_pages(lambda after: database.acts(session_id, after, PAGE)), ACT, session_id)
    intervals = _put_within(database, document, rules, acts, intervals, max(ago, last))
    breaks = readable(document.get("breaks") or [], BREAK, session_id)
    messages = readable(document.get("messages") or [], MESSAGE, session_id)
    marks = readable(document.get("marks") or [], MARK, session_id)
    changes = readable(document.get("accommodations") or [], HELD, session_id)
    call = next(iter(readable([document["call"]] if document.get("call") else [], CALL, session_id)), None)
    session.take_up(rules, checks, intervals, acts, breaks=breaks, messages=messages, marks=marks, changes=changes, call=call)
    try:
        session.flags_seen.take_up(document)
        session.watch_over.take_up(document, acts, last)
    except Exception:  # it is shown, and nothing counts by it
        log.exception("the stored doubts, devices and connections can't all be read", extra={"session_id": session_id})
    return session, last, ago


def exam_of(document: Mapping[str, Any]) -> SessionExam | None:
    """What the session had of its exam. One that can't be read any more leaves its session without an end."""
    try:
        return SessionExam.from_dict(document["exam"]) if document.get("exam") else None
    except Exception:
        log.exception("the session's exam can't be read; it goes on without an end", extra={"session_id": document["_id"]})
        return None


def _usual(document: Mapping[str, Any]) -> Mapping[ViolationKind, int] | None:
    """The points without an accommodation; None where an older version kept none."""
    usual = document.get("usual_points")
    return Rules.from_stored({"points": usual})[0].points if isinstance(usual, Mapping) and usual else None


def _goes_on(session: ExamSession, document: dict[str, Any], now: float, away: float, *, why: str = "server_away") -> Resumed:
    waited = 0.0
    if session.begun:
        session.unknown_while(why, True)
        session.tick()  # what nobody saw since the last record is closed, and says why
        session.unknown_while(why, False)
        log.info("session goes on after %.0f s", away, extra={"session_id": session.session_id})
    else:
        since = document.get("link_made_at") or document["started_at"]
        waited = seconds_since(document.get("clock"), since, now=now, wall=utc_now())
    vouched = bool(document.get("vouched") or document.get("link_made_at"))
    return Resumed(session, document.get("nonce") or "", waited, away, vouched)


def _put_within(
    database: Database,
    document: dict[str, Any],
    rules: Rules,
    acts: list[dict[str, Any]],
    intervals: list[dict[str, Any]],
    now: float,
) -> list[dict[str, Any]]:
    """Mend what an older version took from a page as it came: acts dated far after the session, and the intervals that they made.

    Such an act counts where the session ends, and its record says so; the records of intervals that never were are deleted.
    """
    mended = [act for act in acts if time_within(act["at"], now) != act["at"]]
    for act in mended:
        act["at"] = time_within(act["at"], now)
        database.write("acts", act["_id"], {"at": act["at"], "wall": document["started_at"] + timedelta(seconds=act["at"])})
    last = rules.index(now + AHEAD_MAX_S)
    beyond = [interval["_id"] for interval in intervals if interval["index"] > last]
    for interval_id in beyond:
        database.delete("intervals", interval_id, epoch=epoch_of(document))
    if mended or beyond:
        counts = (len(mended), len(beyond))
        log.warning(
            "%d acts dated after the session count at its end; %d intervals after it are deleted", *counts, extra={"session_id": document["_id"]}
        )
    return [interval for interval in intervals if interval["index"] <= last]


def _all_pages(read: Callable[[str | None], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    while page := read(documents[-1]["_id"] if documents else None):
        documents += page
        if len(page) < PAGE:
            break
    return documents
