"""The calls on an exam's results, and those by which people conclude sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

from flask import Blueprint, Response, request

from basics.errors import Conflict, NotFound
from basics.texts import ngettext
from database import Document
from records.conclusions import Conclusion, Person
from records.exams import Exam, exam_key
from records.identity import stands
from records.results import chosen, ordered, page_of, summed, to_agree, without_finding
from scoring.exam_rules import rules_for
from scoring.rules import Rules
from web.access.callers import caller, signature
from web.access.hold import hold
from web.calls.audit import note, note_look
from web.calls.bodies import read_body, read_query, reply
from web.calls.openapi import describe
from web.calls.paging import next_after
from web.calls.told import tell_session
from web.calls.values import check_session_id
from web.parts import parts
from web.proctor.answers import each
from web.proctor.results_schemas import (
    AtOnce,
    Conclude,
    ConclusionAnswer,
    ExamPeopleActs,
    ExamResults,
    ResultLine,
    ResultsQuery,
    ResultSums,
    SecondConclusion,
    SessionConclusion,
    WithdrawConclusion,
    WithoutFinding,
    WithoutFindingDone,
)
from web.proctor.tables import RESULTS, csv_text

results = Blueprint("results", __name__)

AT_ONCE = 200  # sessions in one call
ROWS_AT_ONCE = 500  # of a table: its first line need not wait for its last


@results.get("/api/exams/<exam_key>/results")
@describe(ExamResults, query=ResultsQuery, errors=(404, 503))
def listed(exam_key: str) -> Response:
    """List an exam's sessions with what could be watched, points, flags by what people decided, and the conclusion.

    Also of an exam that nobody defined, under the key of its id, once it had a session.
    """
    query = read_query(request, ResultsQuery)
    exam_id, exam = exam_of(exam_key)
    note_look("results: looked at", "proctor", exam_id=exam_id)
    rows = parts().results.of_exam(exam_id)
    found = page_of(ordered(chosen(rows, query.state), query.sort, down=query.down), query.limit, query.after)
    lines = each(_line, parts().results.filled(found[: query.limit]))
    answer = ExamResults(
        exam_id=exam_id,
        title=exam.definition.title if exam else "",
        defined=exam is not None,
        four_eyes=exam is not None and exam.definition.four_eyes,
        sums=ResultSums.model_validate(summed(rows)),
        at_once=_at_once(rows, exam_id),
        rules=_rules(exam).to_dict(),
        results=lines,
        count=len(lines),
        next_after=next_after(found, query.limit),
    )
    return reply(answer)


@results.get("/api/exams/<exam_key>/results.csv")
@describe(query=ResultsQuery, errors=(404, 503), media_type="text/csv")
def table(exam_key: str) -> Response:
    """Give all results of an exam as CSV, in the query's order; `limit` and `after` bound nothing here.

    What of a row was damaged in the database is left out, and named in its last column, `unreadable`.
    """
    query = read_query(request, ResultsQuery)
    exam_id, _exam = exam_of(exam_key)
    rows = ordered(chosen(parts().results.of_exam(exam_id), query.state), query.sort, down=query.down)
    filled = chain.from_iterable(map(parts().results.filled, _some(rows)))
    first = list(islice(filled, 1))  # a database that is away is an error of the whole answer, not a table that breaks off
    note("table: exported", "proctor", table="results", exam_id=exam_id)
    response = Response(csv_text(RESULTS, chain(first, filled)), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="results.csv"'
    return response


@results.get("/api/exams/<exam_key>/results/people")
@describe(ExamPeopleActs, errors=(404, 503))
def people(exam_key: str) -> Response:
    """Show who decided what in an exam: flags confirmed and dismissed, and acts about conclusions."""
    exam_id, _exam = exam_of(exam_key)
    return reply(ExamPeopleActs.model_validate({"people": parts().results.people_of(exam_id)}))


@results.post("/api/exams/<exam_key>/results/no_finding")
@describe(WithoutFindingDone, body=WithoutFinding, errors=(403, 404, 503))
def conclude_without_finding(exam_key: str) -> Response:
    """Conclude as `no_finding` all sessions that nobody has to look at by themselves, or agree to it as the second person.

    Those are the ones that have begun and ended, are not concluded, have no flag but dismissed ones, could be watched for half of their time, and
    of which nobody queries who took them. At most 200 in a call. Those about which somebody else acts meanwhile are left as they are, and those
    whose student never came: `not_begun` counts these.
    """
    wanted = read_body(request, WithoutFinding)
    exam_id, _exam = exam_of(exam_key)
    hold("decide", exam_id)
    person = _person(wanted.by)
    found = parts().results.of_exam(exam_id)
    clear = without_finding(found)
    rows = to_agree(found, person) if wanted.act == "agree" else clear.rows
    done = 0
    for row in rows[:AT_ONCE]:
        with suppress(Conflict, NotFound):  # another's act, or the session was deleted
            kept = _without_finding(str(row["_id"]), exam_id, wanted, person)
            if kept is not None:
                _tell(kept)
                done += 1
    not_begun = 0 if wanted.act == "agree" else clear.not_begun
    return reply(WithoutFindingDone(done=done, left=len(rows) - done, not_begun=not_begun))


def _without_finding(session_id: str, exam_id: str, wanted: WithoutFinding, person: Person) -> Conclusion | None:
    """The conclusion of one of many; None where it is no longer as it was chosen: others act while the many are gone through."""
    conclusions = parts().conclusions
    seen = conclusions.kept(session_id)
    if any(count for state, count in _flags(session_id).items() if state != "dismissed"):
        return None
    if stands(parts().identity.of_session(session_id)) == "queried":
        return None
    if wanted.act == "agree":
        if seen is None or seen.conclusion != "no_finding":
            return None
        return conclusions.second(session_id, person=person, agrees=True, reason=wanted.reason, revision=seen.revision)
    if seen is not None and seen.state != "withdrawn":
        return None
    revision, four_eyes = seen.revision if seen is not None else 0, _four_eyes(exam_id)
    return conclusions.conclude(session_id, "no_finding", person=person, reason=wanted.reason, revision=revision, four_eyes=four_eyes)


@results.get("/api/session/<session_id>/conclusion")
@describe(SessionConclusion, errors=(404, 503))
def shown(session_id: str) -> Response:
    """Show what is concluded about a session, and every act about it."""
    check_session_id(session_id)
    return reply(_answer(parts().database.session(session_id), parts().conclusions.kept(session_id)))


@results.post("/api/session/<session_id>/conclusion")
@describe(SessionConclusion, body=Conclude, errors=(404, 409, 503))
def conclude(session_id: str) -> Response:
    """Conclude a session, or settle as a third person what is contested.

    409 with `reason`: `running`; `open_flags` (with `open_flags`; again with `despite_open` it is taken); `not_yet`, while the student may still
    answer; `in_force`, where a conclusion must be withdrawn first; `meanwhile`, where somebody acted since `revision`; `third_person`. The last
    three come with what is in force.
    """
    check_session_id(session_id)
    wanted = read_body(request, Conclude)
    session = _to_act_on(session_id)
    if not wanted.despite_open and (count := _undecided(session_id)):
        text = "%(count)s flag is not decided yet. Conclude all the same?"
        raise Conflict(ngettext(text, "%(count)s flags are not decided yet. Conclude all the same?", count), reason="open_flags", open_flags=count)
    kept = parts().conclusions.conclude(
        session_id,
        wanted.conclusion,
        person=_person(wanted.by),
        reason=wanted.reason,
        revision=wanted.revision,
        four_eyes=_four_eyes(session.get("exam_id")),
    )
    return _acted(session, kept)


@results.post("/api/session/<session_id>/conclusion/second")
@describe(SessionConclusion, body=SecondConclusion, errors=(404, 409, 503))
def second(session_id: str) -> Response:
    """Agree as the second person with a conclusion that is proposed, or contest it.

    409 with `reason`: `same_person`, where the caller proposed it; `not_proposed`; `not_yet`; `meanwhile`.
    """
    check_session_id(session_id)
    wanted = read_body(request, SecondConclusion)
    session = _to_act_on(session_id)
    person = _person(wanted.by)
    kept = parts().conclusions.second(session_id, person=person, agrees=wanted.agrees, reason=wanted.reason, revision=wanted.revision)
    return _acted(session, kept)


@results.post("/api/session/<session_id>/conclusion/withdraw")
@describe(SessionConclusion, body=WithdrawConclusion, errors=(404, 409, 503))
def withdraw(session_id: str) -> Response:
    """Take back what is in force, with a reason; it stays in the history. 409 with `reason`: `none`, `meanwhile`."""
    check_session_id(session_id)
    wanted = read_body(request, WithdrawConclusion)
    session = _to_act_on(session_id)
    kept = parts().conclusions.withdraw(session_id, person=_person(wanted.by), reason=wanted.reason, revision=wanted.revision)
    return _acted(session, kept)


def _to_act_on(session_id: str) -> Document:
    """The session, where the caller may decide there, too: the right to results alone is had by tokens that only read. Raise as `hold` does."""
    session = parts().database.session(session_id)
    hold("decide", session.get("exam_id"))
    return session


def exam_of(key: str) -> tuple[str, Exam | None]:
    """The id of the exam of this key, and the exam where somebody defined it. Raise `NotFound`, `StorageError`.

    One that nobody defined is in no table of rights by its key: the caller is held to it here.
    """
    try:
        exam = parts().exams.by_key(key)
    except NotFound:
        exam_id = parts().results.exam_of_key(key)
        if exam_id is None:
            raise
        hold("results", exam_id)
        return exam_id, None
    return exam.exam_id, exam


def _rules(exam: Exam | None) -> Rules:
    defaults = Rules.from_settings(parts().settings)
    return rules_for(exam.definition, defaults) if exam is not None else defaults


def _at_once(rows: Sequence[Document], exam_id: str) -> AtOnce:
    if not caller().may("decide", exam_id):
        return AtOnce()
    clear = without_finding(rows)
    return AtOnce(conclude=len(clear.rows), agree=len(to_agree(rows, _person(""))), unwatched=clear.unwatched, not_begun=clear.not_begun)


def _acted(session: Document, kept: Conclusion) -> Response:
    """Tell of the newest act, and answer with what is in force now."""
    _tell(kept)
    return reply(_answer(session, kept))


def _tell(kept: Conclusion) -> None:
    """Note the newest act, and tell those who watch."""
    last = kept.history[-1]
    named = {"session_id": kept.session_id, "exam_id": kept.exam_id, "user_id": kept.user_id}
    note(f"conclusion: {last['act']}", last["by"], **named, conclusion=last["conclusion"], reason=last["reason"], revision=kept.revision)
    told = {"session_id": kept.session_id, "state": kept.state, "conclusion": kept.conclusion, "revision": kept.revision}
    tell_session("conclusion_changed", told, kept.exam_id)


def _answer(session: Document, kept: Conclusion | None) -> SessionConclusion:
    session_id, stored = str(session["_id"]), session.get("exam_id")
    exam_id = stored if isinstance(stored, str) else None  # none, or one that was damaged
    in_force = kept if kept is not None and kept.state != "withdrawn" else None
    may = caller().may("results", exam_id)
    acts = may and caller().may("decide", exam_id)
    return SessionConclusion.model_validate(
        {
            "session_id": session_id,
            "conclusion": conclusion_answer(asdict(in_force)) if in_force else None,
            "revision": kept.revision if kept else 0,
            "history": list(kept.history) if kept else [],
            "unreadable": list(kept.unreadable) if kept else [],
            "open_flags": _undecided(session_id),
            "four_eyes": _four_eyes(exam_id),
            "not_yet": parts().conclusions.why_not_yet(session_id),
            "may_conclude": acts and session.get("state") != "running",
            "results": f"/exams/{exam_key(exam_id)}/results" if may and exam_id is not None else None,
        }
    )


def conclusion_answer(document: Mapping[str, Any]) -> ConclusionAnswer:
    """A conclusion as it is stored, for an answer."""
    return ConclusionAnswer.model_validate({name: document.get(name) for name in ConclusionAnswer.model_fields if document.get(name) is not None})


def _some(rows: Sequence[Document]) -> Iterator[Sequence[Document]]:
    """Some rows at a time."""
    return (rows[begin : begin + ROWS_AT_ONCE] for begin in range(0, len(rows), ROWS_AT_ONCE))


def _line(row: Mapping[str, Any]) -> ResultLine:
    concluded = conclusion_answer(row["concluded"]) if row["concluded"] else None
    names = ("user_id", "name", "state", "started_at", "ended_at", "unread", "flags", "unreadable")
    fields: dict[str, Any] = {name: row.get(name) for name in names}
    points = row.get("total_score") or 0
    return ResultLine.model_validate({**fields, "session_id": row["_id"], "begun": row["begun"], "total_score": points, "conclusion": concluded})


def _person(by: str) -> Person:
    return Person(signature(by), caller().account_id)


def _flags(session_id: str) -> Mapping[str, int]:
    """How many of a session's flags, and of the moments that a proctor marked, stand in each state."""
    return parts().reviews.counts_of_sessions([session_id]).get(session_id, {})


def _undecided(session_id: str) -> int:
    counts = _flags(session_id)
    return counts.get("open", 0) + counts.get("disputed", 0)


def _four_eyes(exam_id: str | None) -> bool:
    exam = parts().exams.get(exam_id)
    return exam is not None and exam.definition.four_eyes
