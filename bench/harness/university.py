"""The records of a university: many sessions of many exams with their intervals, decisions, conclusions and audit, in the shapes of real ones."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pymongo.database import Database as MongoDatabase
from pymongo.write_concern import WriteConcern

from basics.readings import SAMPLE_RATE, Box, Frame, GazeReading, IntervalResult, PersonsReading, Sound
from basics.signals import VIOLATION_KINDS
from basics.times import utc_now
from media.clip import Clip, ClipJob
from media.encode import encode
from scoring.check_records import CheckCollector
from scoring.rules import Rules
from sessions.documents import interval_document, new_session_document
from sessions.identity import Identity
from settings.keeping import KeepingSettings
from settings.settings import Settings
from storage.marks import without_marks

Document = dict[str, Any]

BIG, LONG = "big", "two-hours"  # the exam that thousands take, and that of the one long session
NOW = "now"  # the exam that many take at this moment
LONG_SESSION = "f" * 32
INTERVAL_S = 30
FLAGS, SCORED = 4, 8  # intervals of a session that are flagged, and those that have points and no flag
KINDS = tuple(kind for kind in VIOLATION_KINDS if kind != "proctor_mark")
STATES = (None, None, "confirmed", "dismissed", "dismissed", "disputed")  # of flags; None: nobody has looked
PEOPLE = ("Ada", "Grace", "Emmy")
OTHERS_EACH = 100  # students of each of the other exams
BATCH = 5000
CLIP_S, CLIPS = 40, 40  # the long session's
LONG_INTERVALS, LONG_CHECKS, CHECK_S, GAZE_FPS, LOOK_S = 240, 720, 10, 4, 2
FACE = Box(200, 100, 400, 350, 0.9)
CRF = 18  # about 4 MB a clip of pictures as restless as these


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many there are of each."""

    sessions: int
    students: int  # of the exam that most take
    intervals: int = 120  # of each session

    @classmethod
    def scaled(cls, scale: float) -> Sizes:
        """50,000 sessions, 6 million intervals and 5,000 students in an exam, times `scale`; a session is as long at every scale."""
        return cls(max(20, round(50_000 * scale)), max(10, round(5_000 * scale)))


class University:
    """Fills an empty database that has no indexes yet: making them afterwards takes a fraction of the time."""

    def __init__(self, database: MongoDatabase[Document], sizes: Sizes) -> None:
        self._database = database
        self._sizes = sizes
        self._chance = random.Random(1)
        self._now = utc_now()
        self._rows: dict[str, list[Document]] = {}
        self._made: dict[str, int] = {}
        self._rules = Rules.from_settings(Settings.model_validate({})).to_dict()

    def fill(self, tell: Callable[[int], None]) -> dict[str, int]:
        """Write all records; `tell` is called with the number of sessions now and then. Return how many there are of each kind."""
        for number in range(self._sizes.sessions):
            self._session(number)
            if number % 1000 == 999:
                tell(number + 1)
        for number in range(50):
            held = {"session_id": f"{number * 7:032x}", "user_id": None, "by": "Ada", "note": "A court asks.", "at": self._now}
            self._put("holds", {"_id": f"hold-{number}", **held})
        self._flush(0)
        return dict(self._made)

    def running(self, sessions: int) -> None:
        """Sessions of one exam that go on, since as many intervals as those of others have."""
        start = utc_now() - timedelta(seconds=INTERVAL_S * self._sizes.intervals)
        for number in range(sessions):
            identity = Identity(f"{number:030x}aa", f"student-{number:05d}", NOW, "browser")
            total = self._intervals(identity, start - timedelta(seconds=self._chance.randrange(INTERVAL_S)))
            ends = {"state": "running", **dict.fromkeys(("ended_at", "end_reason", "ended_after_s", "sealed_at"))}
            document = self._document(identity, start, self._sizes.intervals, FLAGS, total)
            self._put("sessions", {"_id": identity.session_id, **document, **ends})
        self._flush(0)

    def _intervals(self, identity: Identity, start: datetime) -> int:
        total = 0
        chosen = self._chance.sample(range(self._sizes.intervals), FLAGS + SCORED)
        for index in range(self._sizes.intervals):
            place = chosen.index(index) if index in chosen else None
            flagged = place is not None and place < FLAGS
            name = f"{identity.user_id}/{identity.session_id}-{index}.mp4"
            clip = Clip("failed", name, "0" * 64, 40.0, 3_600_000, "gone") if flagged else Clip("none")
            total += self._interval(identity, index, start, flagged=flagged, scored=place is not None, clip=clip)
        return total

    def long_session(self, clips_dir: Path) -> None:
        """One session of two hours, with checks, and clips that are real films."""
        clip, size = make_clip(clips_dir / "long.mp4")
        named = Identity(LONG_SESSION, "long", LONG, "browser")
        start = self._now - timedelta(days=2)
        document = self._document(named, start, LONG_INTERVALS, CLIPS, 400)
        self._put("sessions", {"_id": LONG_SESSION, **document})
        for index in range(LONG_INTERVALS):
            flagged = index % (LONG_INTERVALS // CLIPS) == 1
            kept = Clip("none")
            if flagged:
                path = clips_dir / "long" / f"{index}.mp4"
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(clip, path)
                digest = hashlib.sha256(clip.read_bytes()).hexdigest()
                kept = Clip("ready", f"long/{index}.mp4", digest, float(CLIP_S), size, start=INTERVAL_S * index - 10.0)
            self._interval(named, index, start, flagged=flagged, scored=False, clip=kept)
        collector = CheckCollector()
        for number in range(LONG_CHECKS):
            at = CHECK_S * number
            for step in range(CHECK_S * GAZE_FPS):
                collector.add(GazeReading(at + step / GAZE_FPS, "focused", "", FACE, 640, 480, {"yaw_deg": 9 * self._chance.random()}))
            for step in range(CHECK_S // LOOK_S):
                collector.add(PersonsReading(float(at + step * LOOK_S), 1, False, "", (FACE,), (), 640, 480))
            check = {"session_id": LONG_SESSION, "started_at": start + timedelta(seconds=at), **collector.take(float(at + CHECK_S))}
            self._put("checks", {"_id": f"{LONG_SESSION}-{number}", **check})
        self._flush(0)
        clip.unlink()

    def _session(self, number: int) -> None:
        mine, others = number < self._sizes.students, number - self._sizes.students
        exam = 0 if mine else 1 + others // OTHERS_EACH
        user_id = f"student-{number:05d}" if mine else f"student-{others % self._sizes.students:05d}"
        identity = Identity(f"{number:032x}", user_id, BIG if mine else f"exam-{exam:04d}", "browser")
        start = self._now - timedelta(days=1 + exam % 180, hours=exam % 7, seconds=self._chance.randrange(900))
        total = self._intervals(identity, start)
        self._put("sessions", {"_id": identity.session_id, **self._document(identity, start, self._sizes.intervals, FLAGS, total)})
        self._audit(identity, start)
        if number % 2:
            self._conclusion(identity, start)

    def _document(self, identity: Identity, start: datetime, intervals: int, flags: int, total: int) -> Document:
        seconds = INTERVAL_S * intervals
        unread = {"of_s": seconds, "unread_s": self._chance.random() * 200, "reasons": {"dark": 60.0, "blurred": 30.0}}
        message = {"id": "m", "at": 4.0, "level": "info", "text": "Ten minutes are left.", "by": "Ada"}
        usual, days = self._rules["points"], KeepingSettings().keep_by_kind()
        around: dict[str, Any] = {"rules": self._rules, "accommodation": None, "usual_points": usual, "keep_days": days}
        made = without_marks(new_session_document(identity, started_at=start, clock={"at": 0.0}, begun=True, nonce="0" * 32, **around))
        ended = {"state": "ended", "ended_at": start + timedelta(seconds=seconds), "end_reason": "The exam is over.", "ended_after_s": seconds}
        counts = {"total_score": total, "flagged_intervals": flags, "intervals": intervals, "sealed_at": self._now}
        return {**made, **ended, **counts, "unread": {"gaze": unread, "people": unread, "sound": unread}, "messages": [message] * 5}

    def _interval(self, identity: Identity, index: int, start: datetime, *, flagged: bool, scored: bool, clip: Clip) -> int:
        at, video_id = start + timedelta(seconds=INTERVAL_S * index), identity.interval_id(index)
        score = self._chance.randrange(10, 36) if flagged else self._chance.randrange(1, 10) if scored else 0
        flagged_at = at + timedelta(seconds=self._chance.randrange(INTERVAL_S)) if flagged else None
        result = IntervalResult(index, float(INTERVAL_S * index), float(INTERVAL_S * (index + 1)), score, flagged, None, (), True, 3)
        end_at = at + timedelta(seconds=INTERVAL_S)
        fields = interval_document(identity, result, clip, ended=result.end, started_at=at, ended_at=end_at, flagged_at=flagged_at)
        if score:
            kinds = self._chance.sample(KINDS, 2 if flagged else 1)
            points = {"start": result.start + 1, "end": result.start + 9, "points": score, "occurrences": 1, "evidence": {"seconds": 8.0}}
            fields["violations"] = [{"kind": kind, **points} for kind in kinds]
        state = self._chance.choice(STATES) if flagged else None
        if flagged and state:
            said = {"reason": "light" if state == "dismissed" else "", "note": "", "by": self._chance.choice(PEOPLE), "at": end_at}
            opinion = {"decision": "dismissed" if state == "dismissed" else "confirmed", **said}
            second = {**opinion, "decision": "dismissed", "by": "Joan"} if state == "disputed" else None
            fields["review"] = {**opinion, "second": second, "third": None, "state": state}
            self._put("reviews", {"_id": f"r{video_id}", "video_id": video_id, "session_id": identity.session_id, **opinion})
        self._put("intervals", {"_id": video_id, **fields})
        return score

    def _audit(self, identity: Identity, start: datetime) -> None:
        for what in ("session: looked at", "review: confirmed", "session: sealed"):
            place = self._made.get("audit", 0) + len(self._rows.get("audit", ())) + 1
            said = {"at": start + timedelta(hours=2), "who": "Ada", "what": what, "session_id": identity.session_id, "user_id": identity.user_id}
            self._put(
                "audit",
                {"_id": f"{place:032x}", **said, "exam_id": identity.exam_id, "seq": place, **dict.fromkeys(("prev", "body", "hash"), "0" * 64)},
            )

    def _conclusion(self, identity: Identity, start: datetime) -> None:
        named = {"session_id": identity.session_id, "exam_id": identity.exam_id, "user_id": identity.user_id}
        done = {"conclusion": "no_finding", "reason": "as the clips show", "by": self._chance.choice(PEOPLE), "at": start, "account_id": None}
        kept = {"state": "concluded", "four_eyes": False, "second": None, "revision": 1, "history": [{"act": "concluded", **done}]}
        self._put("conclusions", {"_id": identity.session_id, **named, **done, **kept})

    def _put(self, kind: str, row: Document) -> None:
        self._rows.setdefault(kind, []).append(row)
        if len(self._rows[kind]) >= BATCH:
            self._flush(BATCH)

    def _flush(self, least: int) -> None:
        unsafe = WriteConcern(1, j=False)  # a bench's records may be lost
        for kind, rows in self._rows.items():
            if rows and len(rows) >= least:
                self._database.get_collection(kind, write_concern=unsafe).insert_many(rows, ordered=False)
                self._made[kind] = self._made.get(kind, 0) + len(rows)
                rows.clear()


def make_clip(path: Path) -> tuple[Path, int]:
    """A clip as the recorder makes one, of pictures that move; with its size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sounds = [Sound(0.2 * step, np.zeros(SAMPLE_RATE // 5, np.int16)) for step in range(5 * CLIP_S)]
    job = ClipJob("0" * 32, "long", 0, utc_now(), 10, 0.0, float(CLIP_S), list(_frames()), sounds)
    encode(job, path, CRF)
    return path, path.stat().st_size


def _frames() -> Iterator[Frame]:
    noise = np.random.default_rng(1)
    ground = cv2.resize(noise.integers(60, 190, (60, 80, 3), np.uint8), (640, 480))
    for number in range(10 * CLIP_S):
        image = np.roll(ground, 5 * number, 1)
        image = cv2.add(image, noise.integers(0, 14, image.shape, np.uint8))
        yield Frame(number / 10, cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())
