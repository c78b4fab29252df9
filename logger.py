"""Where log lines go: `app.log`, `app_errors.log` (rotated) and the console, each with its session's id and without secrets.

Nothing that a caller sent reaches a file or a terminal but as text that shows, and no session can fill the files: what it says too often
is counted and left out.

Modules log through `logging.getLogger(__name__)`, with `extra={"session_id": …}` where a line concerns one session, and
`extra={"counted_as": …}` where a caller without one can bring it about as often as he likes. An app calls
`configure` once and `close`s what it got back, which leaves the process as it was. Two apps in one process have files of their own, each
closed with its app; while both run, module loggers don't know for which they speak, so both files get the lines.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from pydantic import SecretStr

FILE_BYTES = 10 * 1024 * 1024  # an exam day of 30 sessions writes about 2 MB
FILE_COUNT = 5  # rotated files kept beside the newest
CHATTY = frozenset({"pymongo", "fontTools", "matplotlib", "PIL", "asyncio", "gunicorn", "urllib3"})
SESSION_LINES = 60  # of one session and one module at once, and
SESSION_LINES_A_SECOND = 0.2  # from then on; in an exam of two hours they are some dozens
SESSIONS_COUNTED = 4096
LINE_CHARACTERS = 20_000  # of one entry with its traceback; what a caller sent can be any length
HIDDEN = "[hidden]"
SHORTEST_SECRET = 6  # characters; a shorter one would blank out ordinary words

FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s [%(session_id)s] %(message)s"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"

# What looks like a secret, wherever it comes from: URLs with a password, tokens in queries, fragments, headers, JSON and keyword arguments.
_NAMES = r"password|passwd|token|secret(?:_?key)?|api_?key|api_?token|authorization|cookie|session_?cookie"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?P<head>[a-z][a-z0-9+.-]{0,20}://[^\s:/@]*:)[^\s/]+(?=@)", re.IGNORECASE), rf"\g<head>{HIDDEN}"),
    (re.compile(r"(?P<head>\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}", re.IGNORECASE), rf"\g<head>{HIDDEN}"),
    (re.compile(rf"(?P<head>[?&#](?:t|{_NAMES})=)[^\s&#\"']+", re.IGNORECASE), rf"\g<head>{HIDDEN}"),
    (
        re.compile(
            rf"(?P<head>(?:{_NAMES})['\"]?\s*[:=]\s*)(?!\[hidden\]|bearer\s|basic\s)(?:'[^']*'|\"[^\"]*\"|[^\s,;&}})\]]+)",
            re.IGNORECASE,
        ),
        rf"\g<head>{HIDDEN}",
    ),
    (re.compile(r"(?<![\w-])[\w-]{12,}\.[\w-]{4,8}\.[\w-]{20,}"), HIDDEN),  # a signed token: payload, time, signature
    # A data URL or a long run of base64 is a picture, sound or a token: never of use in a log.
    (re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}"), HIDDEN),
)


class LogSettings(Protocol):
    """The settings that matter here; the server's `Settings` have them."""

    @property
    def log_level(self) -> str: ...
    @property
    def log_dir(self) -> Path: ...
    @property
    def log_format(self) -> str: ...


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with `secrets` and all that looks like one replaced by `[hidden]`."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class SafeFormatter(logging.Formatter):
    """One line an event (a traceback follows it), UTC, with the session's id or `-`, redacted as a whole, so tracebacks too."""

    converter = staticmethod(time.gmtime)

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__(FORMAT, TIME_FORMAT)
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        text = shown(redact(super().format(record), self._secrets), keep="\n\t")
        return text if len(text) <= LINE_CHARACTERS else f"{text[:LINE_CHARACTERS]} … ({len(text) - LINE_CHARACTERS} characters left out)"

    def formatMessage(self, record: logging.LogRecord) -> str:
        # A name with a line break in it must not be able to write a log line of its own.
        text = shown(super().formatMessage(record))
        left_out = getattr(record, "left_out", 0)
        of_whom = "of this session" if getattr(record, "session_id", "-") != "-" else "like this one"
        return f"{text} ({left_out} lines {of_whom} were left out before this one)" if left_out else text


class JsonFormatter(SafeFormatter):
    """One JSON object a line, for whoever collects the logs of several servers: with the session, its exam, and the server's name (`about`)."""

    def __init__(self, secrets: Iterable[str], about: About) -> None:
        super().__init__(secrets)
        self._about = about

    def format(self, record: logging.LogRecord) -> str:
        session_id = str(getattr(record, "session_id", "-"))
        fields = {
            "time": f"{self.formatTime(record, TIME_FORMAT)}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "instance": self._about.instance,
            "session": session_id if session_id != "-" else "",
            "exam": self._about.exam_of(session_id) or "" if session_id != "-" else "",
            "message": record.getMessage(),
            "left_out": getattr(record, "left_out", 0) or "",
            "error": self.formatException(record.exc_info) if record.exc_info else "",
        }
        said = {name: redact(text, self._secrets)[:LINE_CHARACTERS] if isinstance(text, str) else text for name, text in fields.items() if text}
        return json.dumps(said)  # in ASCII: no character of a name ends a line or turns its direction


def shown(text: str, keep: str = "") -> str:
    """The text with all that a terminal would obey, or an editor would not show, written out; but for the characters of `keep`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else one.encode("unicode_escape").decode("ascii") for one in text)


class _LineFilter(logging.Filter):
    """Fills in the session's id, drops other packages' debug lines (pymongo's hold whole documents) and what a session says too often."""

    def __init__(self) -> None:
        super().__init__()
        self._rooms: dict[tuple[str, str], _Room] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.INFO and record.name.partition(".")[0] in CHATTY:
            return False
        session_id = getattr(record, "session_id", None) or "-"
        record.session_id, record.left_out = session_id, 0
        counted_as = str(getattr(record, "counted_as", session_id))
        if counted_as == "-":  # also where another handler's filter has filled it in
            return True
        with self._lock:
            return self._has_room(record, counted_as)

    def _has_room(self, record: logging.LogRecord, counted_as: str) -> bool:
        """Is there room for another line of this session (or page) and module? Each has its own, so that what one floods does not hide another."""
        key = (counted_as, record.name)
        room = self._rooms.pop(key, None) or _Room(record.created)
        self._rooms[key] = room  # the last of all: the first is the one that said nothing for longest
        if len(self._rooms) > SESSIONS_COUNTED:
            del self._rooms[next(iter(self._rooms))]
        room.lines = min(SESSION_LINES, room.lines + max(0.0, record.created - room.at) * SESSION_LINES_A_SECOND)
        room.at = record.created
        if room.lines < 1:
            room.left_out += 1
            return False
        room.lines -= 1
        record.left_out, room.left_out = room.left_out, 0
        return True


class _Room:
    """How many lines may follow, as of `at`, and how many were left out."""

    __slots__ = ("at", "left_out", "lines")

    def __init__(self, at: float) -> None:
        self.at = at
        self.lines: float = SESSION_LINES
        self.left_out = 0


@dataclass(slots=True)
class About:
    """What lines say beside what their writers do: the server's name, and the exam of a session that runs."""

    instance: str = ""
    exam_of: Callable[[str], str | None] = lambda _session_id: None


class Logging:
    """The handlers of one app, on the root logger until `close`."""

    def __init__(self, handlers: tuple[logging.Handler, ...], level: int, about: About) -> None:
        self.about = about
        self.handlers = handlers
        self.level = level
        self.users = 1


_lock = threading.Lock()
_open: dict[Path, Logging] = {}
_root_level_before: int | None = None


class LogHandle:
    """What `configure` gives: `close` it once when the app ends. A second `close` does nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._closed = False

    def know(self, instance: str, exam_of: Callable[[str], str | None]) -> None:
        """From now on lines of JSON say the server's name and each session's exam. `exam_of` is called by any thread, and must not log."""
        with _lock:
            _open[self.folder].about.instance = instance
            _open[self.folder].about.exam_of = exam_of

    def close(self) -> None:
        """Take this app's handlers away and close its files, unless another app logs to the same folder."""
        with _lock:
            if self._closed:
                return
            self._closed = True
            _leave(self.folder)


def configure(settings: LogSettings, *, console: bool = True) -> LogHandle:
    """Log to `settings.log_dir` and, with `console`, to stderr, from `settings.log_level` up.

    A second call for the same folder shares its files. Raise `OSError` if the folder can't be written.
    """
    folder = settings.log_dir.resolve()
    with _lock:
        shared = _open.get(folder)
        if shared is not None:
            shared.users += 1
        else:
            _enter(folder, settings, console)
    return LogHandle(folder)


def _enter(folder: Path, settings: LogSettings, console: bool) -> None:
    global _root_level_before  # noqa: PLW0603 - the root logger is one for the process, and so is its level
    folder.mkdir(parents=True, exist_ok=True)
    about, secrets = About(), _secrets_of(settings)
    formatter = JsonFormatter(secrets, about) if settings.log_format == "json" else SafeFormatter(secrets)
    level: int = getattr(logging, settings.log_level)
    handlers: list[logging.Handler] = [_file(folder / "app.log", level), _file(folder / "app_errors.log", max(level, logging.ERROR))]
    if console and not any(_has_console(other) for other in _open.values()):  # two apps on one console would say all twice
        stream = logging.StreamHandler(sys.stderr)
        stream.setLevel(level)
        handlers.append(stream)
    root = logging.getLogger()
    if not _open:
        _root_level_before = root.level
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(_LineFilter())
        root.addHandler(handler)
    _open[folder] = Logging(tuple(handlers), level, about)
    root.setLevel(min(opened.level for opened in _open.values()))


def _leave(folder: Path) -> None:
    opened = _open[folder]
    opened.users -= 1
    if opened.users:
        return
    del _open[folder]
    root = logging.getLogger()
    for handler in opened.handlers:
        root.removeHandler(handler)
        handler.close()
    if _open:
        root.setLevel(min(other.level for other in _open.values()))
    else:
        root.setLevel(logging.WARNING if _root_level_before is None else _root_level_before)


def _file(path: Path, level: int) -> logging.Handler:
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=FILE_BYTES, backupCount=FILE_COUNT, encoding="utf-8")
    handler.setLevel(level)
    return handler


def _has_console(opened: Logging) -> bool:
    return any(type(handler) is logging.StreamHandler for handler in opened.handlers)


def _secrets_of(settings: Any) -> set[str]:
    """Each secret setting's value, as it stands and as a URL has it, whatever line it turns up in."""
    fields = getattr(type(settings), "model_fields", {})
    values = [getattr(settings, name) for name in fields]
    plain = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    found = {secret for secret in plain if len(secret) >= SHORTEST_SECRET and secret != "embedded"}
    return found | {unquote(secret) for secret in found}
