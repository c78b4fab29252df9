"""What `bench.load` says of a run: how each student was served, what that cost, and what was found of what the footage shows."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import av

from bench.harness.footage import Scenario
from bench.session import found_kinds

WARM_S = 10.0  # the first check of a session is left out of the rates: models may still load
SOUND_HELD = 0.98  # of a student's sound that is read, for it to be all
SOUND_UNDER_WAY_S = 0.5  # of what was sent when the exam ended
GAZE_HELD = 0.9  # of the wanted rate
CALM_FPS = 1.0  # wanted of whoever sits still and looks at the screen
COUNTED = ("intervals", "flags_expected", "flags_caught", "flags_false", "violations_expected", "violations_right", "violations_false")
RATES = {
    "video_fps": "fps_in",
    "gaze_fps": "gaze_per_s",
    "gaze_read_fps": "gaze_read_per_s",
    "persons_per_s": "persons_per_s",
    "audio_s_per_s": "audio_s_per_s",
}


@dataclass
class Served:
    """What the dashboards of a run saw."""

    latencies_ms: list[float] = field(default_factory=list)
    clips: dict[str, float] = field(default_factory=dict)  # when each was told to be ready, the first time


@dataclass(frozen=True)
class Cost:
    """What the server took: seconds of all processors while it lasted, and its memory before, with one student, and in the end."""

    cpu_s: float
    student_s: float
    rss_before_mb: float
    rss_one_mb: float | None
    rss_mb: float
    threads: int
    by_thread_s: Mapping[str, float] = field(default_factory=dict)

    def figures(self, students: int) -> dict[str, Any]:
        """In milliseconds a student-second, and MB for each student further than the first."""
        one = self.rss_before_mb if self.rss_one_mb is None else self.rss_one_mb
        further = students if self.rss_one_mb is None else students - 1
        return {
            "cpu_ms_per_student_s": round(self.cpu_s * 1000 / self.student_s, 2),
            "rss_mb": round(self.rss_mb, 1),
            "rss_mb_per_student": round((self.rss_mb - self.rss_before_mb) / students, 1),
            "rss_mb_per_further_student": round((self.rss_mb - one) / further, 1) if further else None,
            "threads": self.threads,
            "cpu_ms_per_student_s_by_thread": {name: round(spent * 1000 / self.student_s, 3) for name, spent in self.by_thread_s.items()},
        }


def percentiles(values: Sequence[float], shares: Sequence[int]) -> dict[str, float | None]:
    """The values below which these shares (in percent) lie."""
    if len(values) < 2:
        return {f"p{share}": (round(values[0], 1) if values else None) for share in shares}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {f"p{share}": round(cuts[share - 1], 1) for share in shares}


def is_playable(path: Path) -> bool:
    """Can every picture and all sound of a clip be decoded?"""
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode()) > 0
    except (OSError, av.error.FFmpegError):
        return False


def rates(details: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What was read a second, on average and of the worst served student."""
    values: dict[str, list[float]] = {name: [] for name in RATES}
    for detail in details:
        checks = detail["checks"]
        from_s = min(WARM_S, checks[0]["end"]) if checks else 0.0
        warm = [check for check in checks if check["start"] >= from_s and check["end"] - check["start"] > 5] or checks
        span = sum(check["end"] - check["start"] for check in warm)
        for name, each in values.items():
            each.append(sum(check["rates"].get(name, 0.0) * (check["end"] - check["start"]) for check in warm) / span if span else 0.0)
    figures: dict[str, Any] = {}
    for name, each in values.items():
        if name != "gaze_read_fps" or any(each):  # of a server that reads where something happens
            figures[RATES[name]] = round(statistics.fmean(each), 3)
            figures[RATES[name] + "_min"] = round(min(each), 3)
    return figures


def held(
    details: Sequence[Mapping[str, Any]], played: Sequence[Scenario], sent: Sequence[Mapping[str, Any]], seconds: float, wanted_fps: float
) -> dict[str, Any]:
    """Students of whom all sound that was sent was read, and gaze at the wanted rate wherever the footage shows that something happens; once a
    second elsewhere.

    `details` have their readings. Readings that stand for pictures that were not read (`left_out`) don't count where something happens.
    """
    where: list[float] = []
    held = 0
    for detail, scenario, one in zip(details, played, sent, strict=True):
        checks = detail["checks"]
        sound = sum(check["rates"]["audio_s_per_s"] * (check["end"] - check["start"]) for check in checks)
        readings = [row for check in checks for row in check["readings"]["gaze"] if row[2] != "error"]
        times = [row[0] for row in readings if "left_out" not in row[3]]
        busy = [(start, end) for start, end in busy_stretches(scenario, seconds) if start >= WARM_S]
        length = sum(end - start for start, end in busy)
        rate = sum(any(start <= at < end for start, end in busy) for at in times) / length if length else None
        if rate is not None:
            where.append(rate)
        heard = sound >= SOUND_HELD * one["sound_s"] - SOUND_UNDER_WAY_S
        held += heard and (rate is None or rate >= GAZE_HELD * wanted_fps) and len(readings) >= GAZE_HELD * CALM_FPS * seconds - 1
    return {
        "students_held": held,
        "gaze_per_s_where_something_happens": round(statistics.fmean(where), 3) if where else None,
        "gaze_per_s_where_something_happens_min": round(min(where), 3) if where else None,
    }


def busy_stretches(scenario: Scenario, seconds: float) -> list[tuple[float, float]]:
    """When the footage, which begins again at its end, shows more than one person at work in silence."""
    stretches: list[tuple[float, float]] = []
    lap = 0.0
    while lap < seconds:
        at = 0.0
        for start, end in [*scenario.honest_stretches(), (scenario.duration, scenario.duration)]:
            if start > at:
                stretches.append((lap + at, min(lap + start, seconds)))
            at = end
        lap += scenario.duration
    return [(start, end) for start, end in stretches if start < end]


def found(details: Sequence[Mapping[str, Any]], played: Sequence[Scenario], seconds: float) -> dict[str, int]:
    """Flags and violations of the whole intervals that were played, against what the footage shows."""
    counts = dict.fromkeys(
        ("intervals", "flags_expected", "flags_caught", "flags_false", "violations_expected", "violations_right", "violations_false"), 0
    )
    for detail, scenario in zip(details, played, strict=True):
        expected, rules = scenario.expected_intervals(), scenario.rules
        if scenario.duration % rules.interval_duration:
            expected = expected[: int(scenario.duration // rules.interval_duration)]
        by_index = {record["index"]: record for record in detail["intervals"]}
        again = scenario.duration % rules.interval_duration == 0  # else a second lap's intervals are not the first's
        for index in range(int(seconds // rules.interval_duration)):
            if index >= len(expected) and not again:
                break
            wanted, record = expected[index % len(expected)], by_index.get(index)
            kinds = found_kinds(dict(record)) if record else []
            right = sum(min(kinds.count(kind), wanted["violations"].count(kind)) for kind in set(kinds))
            flagged = bool(record and record["flagged"])
            counts["intervals"] += 1
            counts["flags_expected"] += wanted["flagged"]
            counts["flags_caught"] += wanted["flagged"] and flagged
            counts["flags_false"] += flagged and not wanted["flagged"]
            counts["violations_expected"] += len(wanted["violations"])
            counts["violations_right"] += right
            counts["violations_false"] += len(kinds) - right
    return counts


def transport(
    sent: Sequence[Mapping[str, Any]], details: Sequence[Mapping[str, Any]], flagged: Sequence[Mapping[str, Any]], served: Served, clips_dir: Path
) -> dict[str, Any]:
    """What was lost on the way, how late pictures and clips were, and whether clips play."""
    checks = [check for detail in details for check in detail["checks"]]
    taken = sum(check["rates"]["video_fps"] * (check["end"] - check["start"]) for check in checks)
    counted = sum(sum(check["acts"].values()) for check in checks)
    acts = sum(one["acts"] for one in sent)
    ready = [one for one in flagged if one["clip"]["state"] == "ready"]
    return {
        "latency_ms": percentiles(served.latencies_ms, (50, 95, 99)),
        "frames_dropped": max(0, round(sum(one["frames"] for one in sent) - taken)),
        "acts_sent": acts,
        "acts_lost": max(0, acts - counted) + sum(one["unacknowledged"] for one in sent),
        "acts_doubled": max(0, counted - acts),
        "clips_expected": len(flagged),
        "clips_playable": sum(is_playable(clips_dir / one["clip"]["path"]) for one in ready),
        "clip_delay_s": percentiles(clip_delays(flagged, served), (50, 95)),
        "client_errors": sorted({error["message"] for one in sent for error in one["errors"]}),
    }


def clip_delays(flagged: Sequence[Mapping[str, Any]], served: Served) -> list[float]:
    """Seconds from the end of a flagged interval to the message that its clip is ready (the post-roll is in it)."""
    ends = {one["video_id"]: datetime.fromisoformat(one["ended_at"].replace("Z", "+00:00")).timestamp() for one in flagged}
    return [max(0.0, served.clips[video_id] - end) for video_id, end in ends.items() if video_id in served.clips]


def table(figures: Mapping[str, Any]) -> list[str]:
    """The rows by which goals are set, and the threads where they were asked for."""
    latency, clips = figures["latency_ms"], figures["clip_delay_s"]
    mean, least = figures["gaze_per_s_where_something_happens"], figures["gaze_per_s_where_something_happens_min"]
    lines = [
        f"students held                       {figures['students_held']} of {figures['students']} for {figures['seconds']:g} s ({figures['codec']})",
        f"gaze a second                       {figures['gaze_per_s']} (worst {figures['gaze_per_s_min']})",
        f"  where something happens           {mean} (worst {least})",
        f"sound read                          {figures['audio_s_per_s']} (worst {figures['audio_s_per_s_min']})",
        f"CPU-ms a student-second             {figures['cpu_ms_per_student_s']}",
        f"MB for each further student         {figures['rss_mb_per_further_student']} (in all {figures['rss_mb']} MB, {figures['threads']} threads)",
        f"picture to dashboard, p50 / p95     {latency['p50']} / {latency['p95']} ms",
        f"clip ready, p50 / p95               {clips['p50']} / {clips['p95']} s ({figures['clips_playable']} of {figures['clips_expected']} play)",
        f"flags caught; false                 {figures['flags_caught']} of {figures['flags_expected']}; {figures['flags_false']} "
        f"in {figures['intervals']} intervals",
        f"violations right; false             {figures['violations_right']} of {figures['violations_expected']}; {figures['violations_false']}",
    ]
    threads = figures["cpu_ms_per_student_s_by_thread"]
    return lines + [f"  {name:34}{spent:8.3f} CPU-ms a student-second" for name, spent in threads.items()]
