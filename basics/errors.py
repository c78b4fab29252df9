"""The family of public errors; each message says what was wrong, with which value, and what to do.

ProctorError
├── ConfigError        a setting is wrong; the start stops
├── DeviceError        a camera, microphone, display or stream can't be used now
├── DetectorError      a model or a detector can't be used
├── StorageError       the database, the spool or the disk can't take or give something
├── InvalidInput       what a caller sent is wrong
│   ├── TooLarge       it is larger than allowed
│   └── Unsupported    it is of a kind we don't read
├── Unauthorized       nobody has said who is calling
├── ProviderAway       the institution's sign-in provider does not answer as it should
├── Forbidden          the caller may not do this
├── NotFound           no such session, clip, page
├── Conflict           it contradicts what is already there (a running session, a second end)
└── TooMany            a limit of sessions or calls is reached
"""

from __future__ import annotations

from typing import Any


class ProctorError(Exception):
    """Any error a user is told of. `code` names the kind in answers, `field` the input at fault."""

    code = "error"

    def __init__(self, message: str, *, field: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.details = details


class ConfigError(ProctorError):
    """A setting has a value that is not allowed. Catch it at the start only."""

    code = "config"


class DeviceError(ProctorError):
    """A camera, microphone, display or stream can't be opened or was lost. It will be tried again."""

    code = "device"


class DetectorError(ProctorError):
    """A model is missing or a detector failed. The reading is unknown, the session goes on."""

    code = "detector"


class StorageError(ProctorError):
    """The database, the spool or the disk failed. What was acknowledged is still safe."""

    code = "storage"


class InvalidInput(ProctorError):
    """What a caller sent can't be used as it is."""

    code = "invalid"


class TooLarge(InvalidInput):
    """What a caller sent is larger than allowed."""

    code = "too_large"


class Unsupported(InvalidInput):
    """What a caller sent is of a kind that isn't read (not JSON, not a JPEG)."""

    code = "unsupported"


class Unauthorized(ProctorError):
    """The call needs a login or a token, and brought none that is valid."""

    code = "unauthorized"


class ProviderAway(ProctorError):
    """The institution's sign-in provider does not answer, or not as it should. Other ways to sign in go on."""

    code = "provider_away"


class Forbidden(ProctorError):
    """The caller is known (or local) and still may not do this."""

    code = "forbidden"


class NotFound(ProctorError):
    """Nothing is stored or running under this name."""

    code = "not_found"


class Conflict(ProctorError):
    """The call contradicts the present state. `details` carries what is in the way."""

    code = "conflict"


class TooMany(ProctorError):
    """A limit of sessions or calls is reached; try later."""

    code = "too_many"
