"""Log lines reach their files with the session's id and without secrets, and an app that closes leaves nothing behind."""

from __future__ import annotations

import ast
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import logger
from settings.settings import Settings


def settings(folder: Path, **values: Any) -> Settings:
    return Settings(log_dir=folder, **values)


@pytest.fixture(autouse=True)
def _root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    yield
    assert (list(root.handlers), root.level) == before


def test_errors_are_in_both_files_and_the_rest_in_one(tmp_path: Path) -> None:
    handle = logger.configure(settings(tmp_path / "logs"), console=False)
    logging.getLogger("proctor.test").info("camera %s opened", "0")
    logging.getLogger("proctor.test").error("clip lost")
    handle.close()
    everything = (tmp_path / "logs" / "app.log").read_text(encoding="utf-8")
    errors = (tmp_path / "logs" / "app_errors.log").read_text(encoding="utf-8")
    assert "camera 0 opened" in everything
    assert "clip lost" in everything
    assert "clip lost" in errors
    assert "camera" not in errors


def test_a_line_carries_its_sessions_id_and_one_without_a_session_a_dash(tmp_path: Path) -> None:
    handle = logger.configure(settings(tmp_path), console=False)
    logging.getLogger("proctor.test").warning("lost", extra={"session_id": "ab12"})
    logging.getLogger("proctor.test").warning("plain")
    logging.getLogger("proctor.test").warning("none", extra={"session_id": None})
    handle.close()
    lines = (tmp_path / "app.log").read_text(encoding="utf-8").splitlines()
    assert ["[ab12] lost" in lines[0], "[-] plain" in lines[1], "[-] none" in lines[2]] == [True, True, True]


def test_a_line_break_in_a_value_does_not_make_a_second_line(tmp_path: Path) -> None:
    handle = logger.configure(settings(tmp_path), console=False)
    logging.getLogger("proctor.test").warning("no user %s", "x\n2024-01-01T00:00:00 ERROR forged\r\nline")
    handle.close()
    assert len((tmp_path / "app.log").read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("GET /student/link?token=eyJz.Zx1.abc HTTP/1.1", "eyJz"),
        ("portal http://localhost:5000/portal#t=S3CR3T-token", "S3CR3T"),
        ("Authorization: Bearer S3CR3T-of-the-script", "S3CR3T"),
        ("mongodb+srv://exam:S3CR3T@cluster.example.org/db is away", "S3CR3T"),
        ('body {"user_id": "a", "password": "S3CR3T x"}', "S3CR3T"),
        ("PROCTOR_PASSWORD='S3CR3T x'", "S3CR3T"),
        ("API_TOKEN=S3CR3T", "S3CR3T"),
        ("token: S3CR3T", "S3CR3T"),
        ("{'secret_key': 'S3CR3T'}", "S3CR3T"),
        ("signed eyJzZXNzaW9uIjoiYSJ9.aQ1xYg.S3CR3T_S3CR3T_S3CR3T_S3 given", "S3CR3T"),
        ("data:image/jpeg;base64," + "/9j/S3CR3T" * 40, "S3CR3T"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(line: str, secret: str, tmp_path: Path) -> None:
    handle = logger.configure(settings(tmp_path), console=False)
    logging.getLogger("proctor.test").error("%s", line)
    handle.close()
    for name in ("app.log", "app_errors.log"):
        written = (tmp_path / name).read_text(encoding="utf-8")
        assert secret not in written
        assert logger.HIDDEN in written


def test_the_settings_own_secrets_are_hidden_wherever_they_turn_up(tmp_path: Path) -> None:
    secret = "correct horse battery"
    handle = logger.configure(settings(tmp_path, proctor_password=SecretStr(secret)), console=False)
    log = logging.getLogger("proctor.test")
    try:
        os.environ[f"tried {secret}"]
    except KeyError:
        log.exception("login failed for %s", secret)
    handle.close()
    written = (tmp_path / "app.log").read_text(encoding="utf-8")
    assert "Traceback" in written
    assert secret not in written


@pytest.mark.parametrize("line", ["session ended: 4 flags, score 12", "no token given", "GET /api/video/5f3a-7 206", "user müller_1 at 0:42"])
def test_ordinary_lines_stay_as_they_are(line: str) -> None:
    assert logger.redact(line) == line


@pytest.mark.timeout(60)  # a pattern that is quadratic in its text takes minutes here
@pytest.mark.parametrize("value", ["ä" * 100_000, "a-" * 50_000, "http" * 25_000, "token" * 20_000, "a." * 50_000])
def test_a_huge_value_is_cut_short(value: str, tmp_path: Path) -> None:
    handle = logger.configure(settings(tmp_path), console=False)
    logging.getLogger("proctor.test").warning("user_id=%s refused", value)
    handle.close()
    written = (tmp_path / "app.log").read_text(encoding="utf-8")
    assert len(written) < 2 * logger.LINE_CHARACTERS
    assert "left out" in written or logger.HIDDEN in written


def test_level_is_respected_and_other_packages_debug_lines_are_left_out(tmp_path: Path) -> None:
    handle = logger.configure(settings(tmp_path, log_level="DEBUG"), console=False)
    logging.getLogger("proctor.test").debug("ours")
    logging.getLogger("pymongo.command").debug("theirs")
    handle.close()
    handle = logger.configure(settings(tmp_path, log_level="WARNING"), console=False)
    logging.getLogger("proctor.test").info("quiet")
    handle.close()
    written = (tmp_path / "app.log").read_text(encoding="utf-8")
    assert "ours" in written
    assert "theirs" not in written
    assert "quiet" not in written


def test_configuring_twice_writes_each_line_once_until_the_last_one_closes(tmp_path: Path) -> None:
    first = logger.configure(settings(tmp_path), console=False)
    second = logger.configure(settings(tmp_path), console=False)
    logging.getLogger("proctor.test").warning("one")
    first.close()
    first.close()
    logging.getLogger("proctor.test").warning("two")
    second.close()
    logging.getLogger("proctor.test").warning("three")
    lines = (tmp_path / "app.log").read_text(encoding="utf-8").splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["one", "two"]


def test_two_apps_keep_files_of_their_own_and_closing_one_leaves_the_other(tmp_path: Path) -> None:
    first = logger.configure(settings(tmp_path / "a"), console=False)
    second = logger.configure(settings(tmp_path / "b", log_level="ERROR"), console=False)
    first.close()
    logging.getLogger("proctor.test").error("after")
    second.close()
    assert "after" not in (tmp_path / "a" / "app.log").read_text(encoding="utf-8")
    assert "after" in (tmp_path / "b" / "app.log").read_text(encoding="utf-8")


def test_console_says_each_line_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = logger.configure(settings(tmp_path / "a"))
    second = logger.configure(settings(tmp_path / "b"))
    logging.getLogger("proctor.test").warning("heard")
    first.close()
    second.close()
    assert capsys.readouterr().err.count("heard") == 1


def test_logs_are_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger, "FILE_BYTES", 2000)
    handle = logger.configure(settings(tmp_path), console=False)
    for number in range(200):
        logging.getLogger("proctor.test").warning("line %d", number)
    handle.close()
    assert len(list(tmp_path.glob("app.log.*"))) == logger.FILE_COUNT


@pytest.mark.parametrize("hostile", ["\x1b[2J\x1b]0;title\x07", "\x9b31m", "\u202eevil", "\ud800", "\u2028forged", "\x00", "\x7f", "\r\n"], ids=ascii)
def test_what_a_terminal_would_obey_is_written_out(
    tmp_path: Path, hostile: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(
        root, "handlers", [one for one in root.handlers if type(one).__module__ != "_pytest.logging"]
    )  # its reports can't hold them all
    handle = logger.configure(settings(tmp_path))
    logging.getLogger("proctor.test").warning("lost (%s)", hostile)
    logging.getLogger("proctor.test").error("failed", exc_info=ValueError(hostile))
    handle.close()
    told = capfd.readouterr().err
    written = (tmp_path / "app.log").read_text(encoding="utf-8")
    assert written == told
    assert "ValueError: " in written
    assert all(line.isprintable() for line in written.split("\n"))
    assert "lost (\\" in written


def test_one_session_cannot_roll_the_log_away(tmp_path: Path) -> None:
    handle = logger.configure(settings(tmp_path), console=False)
    link, others = logging.getLogger("proctor.link"), logging.getLogger("proctor.session")
    for number in range(5000):
        link.warning("no JSON %d", number, extra={"session_id": "loud"})
    others.info("flagged", extra={"session_id": "loud"})
    link.warning("calm", extra={"session_id": "calm"})
    late = logging.LogRecord("proctor.link", logging.WARNING, __file__, 1, "an hour later", (), None)
    late.created += 3600
    late.session_id = "loud"
    link.handle(late)
    for number in range(5000):
        logging.getLogger("proctor.link").warning("another session", extra={"session_id": f"session {number}"})
    assert (
        max(len(each._rooms) for handler in logging.getLogger().handlers for each in handler.filters if isinstance(each, logger._LineFilter)) < 5000
    )
    handle.close()
    lines = (tmp_path / "app.log").read_text(encoding="utf-8").splitlines()
    assert sum("no JSON" in line for line in lines) in range(logger.SESSION_LINES, logger.SESSION_LINES + 10)
    assert sum(line.endswith(("flagged", "calm")) for line in lines) == 2, "neither its own others nor another's are hidden by it"
    (told,) = [line for line in lines if "an hour later" in line]
    assert "lines of this session were left out before this one" in told


def test_nobody_without_a_session_can_roll_the_log_away_by_one_page_and_the_servers_own_lines_are_all_kept(tmp_path: Path) -> None:
    handle = logger.configure(settings(tmp_path), console=False)
    pages, own = logging.getLogger("proctor.errors"), logging.getLogger("proctor.storage")
    for number in range(5000):
        pages.error("GET /api/sessions failed %d", number, extra={"counted_as": "page sessions"})
    pages.error("GET /api/exams failed", extra={"counted_as": "page exams"})
    for number in range(2 * logger.SESSION_LINES):
        own.error("of the server's own %d", number)
    late = logging.LogRecord("proctor.errors", logging.ERROR, __file__, 1, "an hour later", (), None)
    late.created += 3600
    late.counted_as = "page sessions"
    pages.handle(late)
    handle.close()
    for name in ("app.log", "app_errors.log"):
        lines = (tmp_path / name).read_text(encoding="utf-8").splitlines()
        assert sum("sessions failed" in line for line in lines) in range(logger.SESSION_LINES, logger.SESSION_LINES + 10), name
        assert sum("exams failed" in line for line in lines) == 1, "another page's are not hidden by it"
        assert sum("server's own" in line for line in lines) == 2 * logger.SESSION_LINES, name
        (told,) = [line for line in lines if "an hour later" in line]
        assert "lines like this one were left out before this one" in told


def test_lines_of_json_have_session_exam_and_server_and_no_secret(tmp_path: Path) -> None:
    handle = logger.configure(settings(tmp_path, log_format="json", proctor_password=SecretStr("a secret of the server")), console=False)
    handle.know("room-2", {"ab12": "algebra"}.get)
    writer = logging.getLogger("proctor.test")
    writer.warning("lost by a\nb: a secret of the server", extra={"session_id": "ab12"})
    writer.info("plain \u2028")
    try:
        int("token=abcdefgh")
    except ValueError:
        writer.exception("failed")
    handle.close()
    lines = (tmp_path / "app.log").read_bytes().splitlines()
    first, second, third = (json.loads(line) for line in lines)
    assert {name: first[name] for name in ("level", "logger", "instance", "session", "exam")} == {
        "level": "WARNING",
        "logger": "proctor.test",
        "instance": "room-2",
        "session": "ab12",
        "exam": "algebra",
    }
    assert first["message"] == "lost by a\nb: [hidden]"
    assert first["time"].endswith("Z")
    assert not {"session", "exam", "error"} & second.keys()
    assert "ValueError" in third["error"]
    assert "abcdefgh" not in third["error"]


# Modules whose callers need not have proved anything: a line of theirs without a session must be counted as something.
OPEN_TO_STRANGERS = (
    "web/calls/errors.py",
    "web/access/oidc.py",
    "web/integrations/lti/assessment.py",
    "web/integrations/lti/deep_linking.py",
    "web/integrations/lti/dynamic.py",
    "web/integrations/lti/refusals.py",
    "web/integrations/openedx/calls.py",
    "web/integrations/snippet/asking.py",
    "web/integrations/snippet/entering.py",
    "web/student/start.py",
)


@pytest.mark.parametrize("path", OPEN_TO_STRANGERS)
def test_each_line_that_a_stranger_can_bring_about_is_counted(path: str) -> None:
    tree = ast.parse((Path(__file__).parents[1] / path).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    lines = [call for call in calls if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in ("log", "logger", "LOG")]
    assert lines, "the module logs nothing: take it out of the list"
    assert not [call.lineno for call in lines if "extra" not in {word.arg for word in call.keywords}]
