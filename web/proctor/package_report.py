"""The report that lies in a package: one session for people, the same as a page that needs nothing beside it and as a PDF."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from basics.signals import SIGNALS
from basics.texts import Text, _, joined, ngettext
from basics.times import iso_time
from media.clip_reasons import known
from records.package_contents import Gathered
from records.shapes import ANSWER, CONCLUSION, INTERVAL, read_decisions
from sessions.readable import fitting
from web.languages import said
from web.proctor.accommodation_words import accommodation_lines
from web.proctor.damaged import readable_part
from web.proctor.wording import duration, sentence, sentences

Cell = str
DAMAGED_MAX = 100  # things that are named
DECISIONS: Mapping[str | None, Text] = {"confirmed": _("Confirmed"), "dismissed": _("Dismissed"), None: _("Decision taken back")}
REASONS: Mapping[str, Text] = {
    "other_person_harmless": _("Other person, harmless"),
    "glasses": _("Glasses"),
    "light": _("Light"),
    "reading_aloud": _("Reading aloud"),
    "device": _("Device"),
    "nothing_to_see": _("Nothing to see"),
    "accommodation": _("Allowed by accommodation"),
    "agreed": _("Agreed with the proctor"),
    "connection": _("Connection"),
    "other": _("Other"),
}

FINDINGS: Mapping[Any, Text] = {
    "no_finding": _("No finding"),
    "finding": _("Finding"),
    "passed_on": _("Passed on"),
    "retake": _("To be taken again"),
}
ACTS: Mapping[Any, Text] = {
    "concluded": _("Concluded"),
    "agreed": _("Agreed"),
    "disagreed": _("Did not agree"),
    "settled": _("Settled"),
    "withdrawn": _("Withdrew"),
}

SEB: Mapping[Any, Text] = {"yes": _("Yes: it proved an allowed key."), "no": _("No: another browser."), "unknown": _("It could not be told.")}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head."""

    head: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A still (JPEG), with what it is of and what is said beside it."""

    jpeg: bytes | None
    title: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    lines: Sequence[str] = ()
    table: Table | None = None
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A session's report, in words of the language in which is answered here."""

    title: str
    made: str
    sections: list[Section] = field(default_factory=list)
    unreadable: Sequence[str] = ()  # what is left out as damaged: of which file what, in English


def report_of(gathered: Gathered, made_at: datetime, made_by: str) -> Report:
    """The report of a session. What was damaged of its records is left out and named."""
    session, wrong = readable_part(gathered.session)
    if isinstance(messages := gathered.session.get("messages"), list):  # one that has its text says something
        session["messages"] = fitting(messages, {"text": str})
        if len(session["messages"]) == len(messages):
            wrong = [name for name in wrong if name != "messages"]
    intervals, wrong_intervals = _read(gathered.intervals)
    reviews, wrong_reviews = read_decisions(gathered.reviews)
    conclusion, wrong_conclusion = CONCLUSION.fit(gathered.conclusion or {})
    answers = {name: ANSWER.fit(one)[0] for name, one in gathered.answers.items()}
    damaged = [
        *(f"{name} of session.json" for name in wrong),
        *(f"{name} of intervals.jsonl" for name in wrong_intervals),
        *(f"{name} of decisions.jsonl" for name in wrong_reviews),
        *(f"{name} of conclusion.json" for name in wrong_conclusion if gathered.conclusion is not None),
    ][:DAMAGED_MAX]
    started = session.get("started_at")
    who = joined(", ", [str(session.get(name)) for name in ("user_id", "exam_id") if session.get(name)])
    made = _("Made at %(at)s by %(name)s. Times are in UTC.", at=iso_time(made_at), name=made_by)
    report = Report(said(who), said(made), unreadable=damaged)
    flagged = [one for one in intervals if one.get("flagged") or one.get("marked")]
    facts = [
        (_("Student"), session.get("user_id")),
        (_("Exam"), session.get("exam_id")),
        (_("Began"), started),
        (_("Ended"), session.get("ended_at")),
        (_("Why it ended"), session.get("end_reason")),
        (_("Safe Exam Browser"), _seb(session.get("seb"))),
        (_("Points"), session.get("total_score")),
        (_("Intervals"), len(gathered.intervals)),
        (_("Records of readings"), gathered.checks_of),
        (_("Session ID"), session.get("_id")),
    ]
    _add(report, _("Session"), table=_table((), [(name, value) for name, value in facts if value not in (None, "")]))
    short = [ngettext("%(count)s interval is for a person to look at.", "%(count)s intervals are for a person to look at.", len(flagged))]
    short.append(_("Points mark moments for a person to look at. A decision is a person’s; what could not be told never counts against the student."))
    _add(report, _("In short"), short)
    if damaged:
        left_out = _("It was damaged in the database, and is left out of this report; the package’s files have it as it is stored.")
        _add(report, _("What can’t be read"), [left_out, *damaged])
    acts = [
        (act.get("at"), act.get("by"), ACTS.get(act.get("act")), FINDINGS.get(act.get("conclusion")), act.get("reason"))
        for act in conclusion.get("history") or []
    ]
    done = (_("Time"), _("By"), _("What was done"), _("Conclusion"), _("Reason"))
    _add(report, _("Conclusion"), [] if acts else [_("Nothing is concluded.")], table=_table(done, acts))
    _add(report, _("Accommodation"), accommodation_lines(session) or [_("None was set.")])
    decided: dict[str, list[Mapping[str, Any]]] = {}
    for review in reviews:
        decided.setdefault(str(review.get("video_id")), []).append(review)
    pictures = [
        _flag(one, gathered.stills.get(str(one["_id"])), decided.get(str(one["_id"]), []), answers.get(str(one["_id"])), started) for one in flagged
    ]
    if (nothing := answers.get(str(session.get("_id")))) is not None:
        _add(report, _("The student"), [_("Had nothing to add, said on %(at)s.", at=_written(nothing.get("at")))])
    _add(report, _("Flagged and marked intervals"), [] if pictures else [_("There are none.")], pictures=pictures)
    scored = [
        (int(one.get("index", 0)) + 1, _wall(started, one.get("start")), one.get("score", 0), joined(" ", sentences(one.get("violations") or [])))
        for one in intervals
        if one.get("violations")
    ]
    head = (_("Interval"), _("Time"), _("Points"), _("What was found"))
    _add(report, _("Timeline"), [] if scored else [_("Nothing was found.")], table=_table(head, scored))
    doubts = [(_wall(started, one.get("start")), one.get("text") or one.get("code")) for one in session.get("doubts") or []]
    _add(report, _("What could not be told"), [_("None of it has points.")], table=_table((_("Time"), _("What")), doubts))
    breaks = [
        (_wall(started, one.get("start")), _wall(started, one.get("end")), one.get("by"), one.get("reason")) for one in session.get("breaks") or []
    ]
    _add(report, _("Breaks"), [] if breaks else [_("There were none.")], table=_table((_("From"), _("To"), _("By"), _("Reason")), breaks))
    messages = [(_wall(started, one.get("at")), one.get("by") or one.get("from"), one.get("text")) for one in session.get("messages") or []]
    _add(report, _("Messages"), [] if messages else [_("There were none.")], table=_table((_("Time"), _("By"), _("Message")), messages))
    _add(report, _("Rules in force"), table=_table((_("Rule"), _("Value")), _rules(session.get("rules") or {})))
    return report


def _seb(changes: object) -> str:
    """Whether the student was in Safe Exam Browser, each change with what it called itself; empty where the exam did not ask."""
    known = [one for one in changes if isinstance(one, Mapping) and one.get("state") in SEB] if isinstance(changes, list) else []
    return joined(" ", [part for one in known for part in (SEB[one["state"]], str(one.get("version") or "")) if part])


def _read(intervals: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """The intervals that can be read, each without what can't, and the ids of those of which something is left out."""
    read = [(str(one.get("_id")), *INTERVAL.fit(one)) for one in intervals]
    whole = [kept for _name, kept, _wrong in read if all(name in kept for name in INTERVAL.needs)]
    return whole, [name for name, _kept, wrong in read if wrong]


def _flag(
    interval: Mapping[str, Any], jpeg: bytes | None, reviews: Iterable[Mapping[str, Any]], answer: Mapping[str, Any] | None, started: object
) -> Picture:
    title = _(
        "Interval %(number)s, %(time)s, %(points)s points",
        number=int(interval.get("index", 0)) + 1,
        time=_wall(started, interval.get("start")),
        points=interval.get("score", 0),
    )
    lines: list[str] = [sentence(one) for one in interval.get("violations") or []]
    if answer is not None and answer.get("text"):
        lines.append(_("The student says: %(text)s (%(at)s)", text=answer["text"], at=_written(answer.get("at"))))
    for review in reviews:
        words = [
            DECISIONS.get(review.get("decision"), _("Decision taken back")),
            REASONS.get(str(review.get("reason")), ""),
            str(review.get("note") or ""),
        ]
        what = joined("; ", [word for word in words if word])
        lines.append(_("Decision: %(decision)s (%(name)s, %(at)s)", decision=what, name=review.get("by"), at=_written(review.get("at"))))
    if interval.get("flagged") and not any(review.get("decision") for review in reviews):
        lines.append(_("No decision yet."))
    clip = interval.get("clip") or {}
    if clip.get("state") == "deleted":
        lines.append(_("The clip is deleted: %(reason)s.", reason=known(str(clip.get("reason") or ""))))
    elif sha256 := clip.get("sha256"):
        lines.append(_("Clip: %(file)s, SHA-256 %(sha256)s", file=f"clips/{interval['_id']}.mp4", sha256=sha256))
    return Picture(jpeg, said(title), said(lines))


def _rules(rules: Mapping[str, Any]) -> list[tuple[str, Any]]:
    points = [(SIGNALS[kind].name if kind in SIGNALS else kind, value) for kind, value in (rules.get("points") or {}).items()]
    return [*points, *((name, value) for name, value in sorted(rules.items()) if isinstance(value, str | int | float))]


def _add(report: Report, title: str, lines: Sequence[str] = (), *, table: Table | None = None, pictures: Sequence[Picture] = ()) -> None:
    if table is not None and not table.rows:
        table = None
    report.sections.append(Section(said(title), said(list(lines)), table, pictures))


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    return Table([said(name) for name in head], [[_written(value) for value in row] for row in rows])


def _written(value: Any) -> str:
    if value is None:
        return "–"
    return iso_time(value) if isinstance(value, datetime) else str(said(value))


def _wall(started: object, seconds: object) -> str:
    """The time of day, so many seconds after the start."""
    if not isinstance(seconds, int | float):
        return "–"
    if not isinstance(started, datetime) or not -1e8 < seconds < 1e8:
        return said(duration(float(seconds))) if 0 <= seconds < 1e8 else "–"
    return f"{started + timedelta(seconds=float(seconds)):%H:%M:%S}"
