"""The server's own key and what it signs: a student's token for one session, a proctor's login."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from basics.errors import ConfigError, Unauthorized
from settings.settings import Settings

STUDENT_TOKEN_MAX_AGE = 24 * 3600  # s; longer than any exam, and a link that leaked is dead the next day
LOGIN_MAX_AGE = 12 * 3600  # s; one working day
LEAST_KEY = 16  # characters of SECRET_KEY
SESSION_ID = re.compile(r"[0-9a-f]{32}")
LINK = re.compile(r"[0-9a-f]{32}(\.[0-9]{1,6})?")  # a session and, from the second link on, the link's number


class Signer:
    """Makes and reads signed tokens. Two servers read each other's when they share SECRET_KEY and PROCTOR_PASSWORD."""

    def __init__(self, key: str, password: str) -> None:
        self._student = URLSafeTimedSerializer(key, salt="student")
        self._login = URLSafeTimedSerializer(key, salt="login")
        # A login ends when the password changes: its token carries this mark of the password it was made with.
        self._mark = hmac.new(key.encode(), password.encode(), hashlib.sha256).hexdigest()[:16]

    def student_token(self, session_id: str) -> str:
        """A token for the student of one session: its id, and after a dot the link's number where it isn't the first."""
        return str(self._student.dumps({"s": session_id}))

    def read_student_token(self, token: str) -> str:
        """The session that `token` is for. Raise `Unauthorized` when it isn't ours, or too old."""
        try:
            content = self._student.loads(token, max_age=STUDENT_TOKEN_MAX_AGE)
        except SignatureExpired:
            raise Unauthorized("This exam link is more than a day old. Start again from the portal, or ask for a new link.", field="token") from None
        except (BadData, UnicodeError):
            content = None
        session_id = content.get("s") if isinstance(content, dict) else None
        if not isinstance(session_id, str) or not LINK.fullmatch(session_id):
            raise Unauthorized("This exam link is not valid here. Open the whole link again, or ask for a new one.", field="token")
        return session_id

    def login_token(self) -> str:
        """A token for a proctor who has given the password."""
        return str(self._login.dumps({"p": self._mark}))

    def is_login(self, token: str) -> bool:
        """Was `token` made by `login_token` under the present password, and not too long ago?"""
        try:
            content = self._login.loads(token, max_age=LOGIN_MAX_AGE)
        except (BadData, UnicodeError):
            return False
        mark = content.get("p") if isinstance(content, dict) else None
        return isinstance(mark, str) and hmac.compare_digest(mark.encode(), self._mark.encode())


def find_key(settings: Settings) -> str:
    """SECRET_KEY, or the key in `data_dir/secret_key`, which is made at the first start. Raise `ConfigError`."""
    given = settings.secret_key.get_secret_value()
    if given:
        if len(given) < LEAST_KEY:
            raise ConfigError(
                f"SECRET_KEY has {len(given)} characters and needs at least {LEAST_KEY}; leave it empty and the server makes one.", field="SECRET_KEY"
            )
        return given
    path = settings.data_dir / "secret_key"
    try:
        return _read_key(path) or _make_key(path)
    except OSError as error:
        raise ConfigError(
            f"The server's key {path} can't be read or written: {error}. Make the folder writable, or set SECRET_KEY.", field="DATA_DIR"
        ) from error


def _read_key(path: Path) -> str:
    try:
        key = path.read_text("ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""
    if len(key) < LEAST_KEY:
        raise ConfigError(
            f"The server's key {path} has {len(key)} characters and needs at least {LEAST_KEY}; remove the file and start again.", field="DATA_DIR"
        )
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return key


def _make_key(path: Path) -> str:
    """Write a new key for the owner's eyes only. Two servers that start at once on one folder end with the same key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # unlike a rename, this can't replace the key that another server has just made
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return _read_key(path)
