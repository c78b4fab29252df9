"""What the server writes is for its own system user."""

from __future__ import annotations

from pathlib import Path

from bench.harness.server import Server
from storage.private import make_private
from tests.helpers.exams import QUICK, student
from tests.helpers.platform import posix_only
from tests.helpers.waiting import until

pytestmark = posix_only


def test_folders_that_were_open_are_closed_and_those_of_all_left_alone(tmp_path: Path) -> None:
    before, shared, new = tmp_path / "before", tmp_path / "shared", tmp_path / "new" / "folder"
    before.mkdir()
    before.chmod(0o755)
    shared.mkdir()
    shared.chmod(0o1777)
    make_private([before, shared, new, Path("/dev/null/no folder")])
    assert [path.stat().st_mode & 0o7777 for path in (before, shared, new)] == [0o700, 0o1777, 0o700]


def test_all_that_an_exam_leaves_is_for_one_user(tmp_path: Path) -> None:
    with Server(tmp_path, QUICK) as running:
        client, session_id = student(running, "private")
        act = client.act("copy", times=2)
        until(lambda: act in client.acknowledged)
        until(lambda: [one for one in running.details(session_id)["intervals"] if one["clip"]["state"] == "ready"])
        client.finish()
        running.stop()
    kinds = {"data": 0, "flagged_videos": 0, "identity": 0, "temp": 0, "logs": 0}
    for path in tmp_path.rglob("*"):
        if path.is_symlink() or path.is_socket() or path.name == "mongod.pid":  # mongod gives that one rights of its own, in a folder of ours
            continue
        assert path.stat().st_mode & 0o077 == 0, path
        kinds[path.relative_to(tmp_path).parts[0]] += 1
    assert all(kinds.values()), kinds
