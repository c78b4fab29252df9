"""A stored exam with records, a clip and decisions, sealed, for the tests of packages and of what goes."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

from basics.times import utc_now
from database import Database
from records.seals import Seals
from records.spellings import looks_of
from tests.helpers.databases import START, all_stored

CLIP = b"moving pictures" * 1000


def store_exam(database: Database, clips_dir: Path, session_id: str, user_id: str = "ann", exam_id: str | None = "e", *, intervals: int = 3) -> None:
    """A session that has ended, its second interval flagged and confirmed, with a clip; sealed."""
    path = clips_dir / user_id / f"{session_id}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CLIP)
    clip = {"state": "ready", "path": f"{user_id}/{session_id}.mp4", "sha256": hashlib.sha256(CLIP).hexdigest(), "duration": 30.0}
    session = {
        "user_id": user_id,
        "exam_id": exam_id,
        **looks_of(user_id, exam_id),
        "state": "ended",
        "source": "browser",
        "started_at": START,
        "ended_at": START + timedelta(seconds=30 * intervals),
        "total_score": 12,
        "flagged_intervals": 1,
        "intervals": intervals,
        "rules": {"interval_duration": 30, "flag_threshold": 10, "points": {"phone": 10}},
        "messages": [{"id": "m", "at": 4.0, "level": "info", "text": f"Hello {user_id}", "by": "ben"}],
        "accommodation": {"user_id": user_id, "words": "reads aloud", "set_by": "ben", "at": START},
    }
    writes = [database.write("sessions", session_id, session)]
    violation = {"kind": "phone", "start": 31.0, "end": 43.0, "points": 10, "occurrences": 1, "evidence": {"seconds": 12.0}}
    earlier = utc_now() - timedelta(minutes=5)
    for index in range(intervals):
        flagged = index == 1
        fields = {
            "session_id": session_id,
            "user_id": user_id,
            "exam_id": exam_id,
            "index": index,
            "start": 30.0 * index,
            "end": 30.0 * (index + 1),
            "started_at": START + timedelta(seconds=30 * index),
            "score": 10 if flagged else 1,
            "flagged": flagged,
            "violations": [violation] if flagged else [],
            "clip": clip if flagged else {"state": "none"},
            **(
                {"flagged_at": START + timedelta(seconds=45), "review": {"state": "confirmed", "decision": "confirmed", "by": "ben"}}
                if flagged
                else {}
            ),
        }
        writes.append(database.write("intervals", f"{session_id}-{index}", fields))
        writes.append(database.write("checks", f"{session_id}-{index}", {"session_id": session_id, "number": index, "readings": [1.5, 2]}))
    writes.append(database.write("acts", f"{session_id}:a", {"session_id": session_id, "kind": "copy", "at": 3.0}, insert_only=True))
    video_id = f"{session_id}-1"
    decision = {"video_id": video_id, "session_id": session_id, "decision": "confirmed", "reason": "", "note": "seen", "by": "ben", "at": earlier}
    writes.append(database.write("reviews", f"r{session_id}", decision))
    noted = {"at": earlier, "who": "ben", "what": "review: confirmed", "video_id": video_id, "reason": "", "note": "seen"}
    writes.append(database.audit(noted))
    writes.append(
        database.audit({"who": "ben", "what": "accommodation: set", "user_id": user_id, "exam_id": exam_id, "words": f"{user_id} reads aloud"})
    )
    assert all_stored(writes)
    assert Seals(database).seal_due() == 1
    assert database.flush(10)
