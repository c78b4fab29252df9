"""Safe Exam Browser's settings: its files read and made, the Config Key that follows from them, and the hashes by which it proves that it has them.

Pure. After https://safeexambrowser.org/developer/seb-config-key.html and seb-file-format.html, with what Moodle's `quizaccess_seb` and the Windows
client's `Json.cs` do where those pages leave something open.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import plistlib
import re
import zlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, Final
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

from basics.errors import InvalidInput, TooLarge
from basics.texts import _

Settings = Mapping[str, Any]  # as plistlib gives them

KEY: Final = re.compile(r"[0-9a-f]{64}")
FILE_MAX_BYTES: Final = 512 << 10  # unpacked; the configuration tool writes 20 to 60 KB, certificates some more
TAGS_MAX: Final = 40_000
DEPTH_MAX: Final = 16
NUMBER_MAX: Final = 1 << 63
GZIP: Final = b"\x1f\x8b"
GZIP_WINDOW: Final = 31  # zlib's for gzip alone
BEGINNINGS: Final = (b"<?xml", b"<!DOCTYPE", b"<plist")
PLAIN: Final = b"plnd"
ENCRYPTED: Final = (b"pswd", b"pwcc", b"pkhs", b"phsk")  # by a password, by one for clients, by a certificate's key, and by that and another
UNREADABLE: Final = (ExpatError, plistlib.InvalidFileException, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
WEB_SOCKET: Final = {"https": "wss", "http": "ws"}
ALLOW: Final = 1


# The Config Key


def seb_json(settings: Settings) -> str:
    """The settings in the one form in which their Config Key is reckoned: no JSON, for nothing in it is escaped."""
    return _object({name: value for name, value in settings.items() if name != "originatorVersion"})


def config_key(settings: Settings) -> str:
    """The Config Key: 64 hexadecimal digits in lower case."""
    return hashlib.sha256(seb_json(settings).encode()).hexdigest()


def _object(settings: Settings) -> str:
    # Of names that differ in their case alone the documentation's own example has the lower one first.
    names = sorted(settings, key=lambda name: (name.lower(), name.swapcase()))
    return "{" + ",".join(f'"{name}":{_value(settings[name])}' for name in names if not _is_empty(settings[name])) + "}"


def _is_empty(value: Any) -> bool:
    """Is it a dictionary with nothing in it, or nothing but such ones?"""
    return isinstance(value, Mapping) and all(_is_empty(one) for one in value.values())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_value, value)) + "]"
    return _text(value) if isinstance(value, bool | int | float) else f'"{_text(value)}"'


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).isoformat()
    return str(value)


def proof(address: str, key: str) -> str:
    """What Safe Exam Browser says at `address` (absolute) of the Config Key or Browser Exam Key that it has."""
    return hashlib.sha256((address.partition("#")[0] + key).encode()).hexdigest()


def proves(said: str | None, addresses: Iterable[str], keys: Collection[str]) -> bool:
    """Does what was said show, at one of the addresses, that one of the keys is had?"""
    given = (said or "").strip().lower().encode("utf-8", "replace")
    return any(hmac.compare_digest(given, proof(address, key).encode()) for address in addresses for key in keys)


# Files


def read_seb(data: bytes) -> dict[str, Any]:
    """The settings of a `.seb` file that is not encrypted: a property list in XML, packed or not. Raise `InvalidInput`, `TooLarge`."""
    data = _unpacked(data)
    kind = data[:4]
    if kind in ENCRYPTED:
        raise InvalidInput(_("This file is encrypted, and can’t be read here. Save it without a password, or paste its Config Key."), field="file")
    if kind == PLAIN:
        data = _unpacked(data[4:])
    if len(data) > FILE_MAX_BYTES or data.count(b"<") > TAGS_MAX:
        raise _too_large()
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not data.startswith(BEGINNINGS):
        raise InvalidInput(_("This is no file of Safe Exam Browser’s that can be read here: it holds no property list in XML (UTF-8)."), field="file")
    if b"<!ENTITY" in data:
        raise InvalidInput(_("This file defines entities, which no file of Safe Exam Browser’s does; it is not read."), field="file")
    try:
        settings = plistlib.loads(data, fmt=plistlib.FMT_XML)
    except UNREADABLE as error:
        raise InvalidInput(_("This file can’t be read as a property list: %(error)s.", error=str(error)[:200]), field="file") from None
    if not isinstance(settings, dict) or not settings:
        raise InvalidInput(_("This file holds no settings."), field="file")
    _check(settings, 0)
    return settings


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(GZIP):
        return data
    packed = zlib.decompressobj(GZIP_WINDOW)
    try:
        whole = packed.decompress(data, FILE_MAX_BYTES + 1)
    except zlib.error:
        raise InvalidInput(_("This file is damaged: it can’t be unpacked."), field="file") from None
    if len(whole) > FILE_MAX_BYTES:
        raise _too_large()
    if not packed.eof:
        raise InvalidInput(_("This file is damaged: its end is missing."), field="file")
    return whole


def _check(value: Any, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise InvalidInput(_("This file’s settings lie deeper in each other than those of Safe Exam Browser do."), field="file")
    if isinstance(value, dict):
        for one in value.values():
            _check(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            _check(one, depth + 1)
    elif (isinstance(value, int) and abs(value) >= NUMBER_MAX) or (isinstance(value, float) and not math.isfinite(value)):
        raise InvalidInput(_("This file holds a number that no setting of Safe Exam Browser’s can be."), field="file")


def _too_large() -> TooLarge:
    return TooLarge(_("A file of Safe Exam Browser’s settings has at most %(kb)s KB and %(tags)s tags.", kb=FILE_MAX_BYTES >> 10, tags=TAGS_MAX))


def write_seb(settings: Settings) -> bytes:
    """The settings as a `.seb` file that every Safe Exam Browser opens: a property list in XML, neither packed nor encrypted."""
    return plistlib.dumps(dict(settings))


# An exam's own


def exam_settings(server: str, exam_key: str, *, addresses: Iterable[str] = (), screen: bool = False, windows: bool = False) -> dict[str, Any]:
    """The settings for one exam.

    `server` is the address of this one. `addresses` are the exam's own and those that may be visited; `screen`: the screen is to be shared;
    `windows`: the exam opens in a window of its own. What is not named here is Safe Exam Browser's own default, which is the safe one. There are no
    dates, reals or empty dictionaries: of those the clients make different keys.
    """
    return {
        "sebConfigPurpose": 0,  # begins an exam; 1 would change the computer's own settings for good
        "startURL": start_address(server, exam_key),
        "startURLAppendQueryParameter": True,  # who the student is comes with the link that opens the file, and so is no part of the key
        "sendBrowserExamKey": True,  # the proof in headers, for clients whose pages can't ask for it
        "browserWindowWebView": 3,  # on a Mac, iPhone or iPad the engine that has the camera; the older one has none
        "browserMediaCaptureCamera": True,  # what an exam here is watched by
        "browserMediaCaptureMicrophone": True,
        "browserMediaCaptureScreen": screen,
        "allowVideoCapture": True,  # the same for clients of before 2021
        "allowAudioCapture": True,
        "mobileAllowInlineMediaPlayback": True,  # an iPhone would show the camera's picture over the whole page
        "URLFilterEnable": True,
        "URLFilterEnableContentFilter": False,  # with it a Mac takes the engine without a camera
        "URLFilterRules": [{"action": ALLOW, "active": True, "expression": expression, "regex": False} for expression in _allowed(server, addresses)],
        "newBrowserWindowByLinkPolicy": 2 if windows else 0,  # 0: none is opened, 2: in a window of its own
        "newBrowserWindowByScriptPolicy": 2 if windows else 0,
        "allowBrowsingBackForward": False,  # back would leave the exam
        "browserWindowAllowReload": True,  # a page that was read again goes on where it was
        "showReloadButton": True,
        "enablePrivateClipboard": True,  # what was copied before the exam stays outside
        "allowQuit": True,  # nobody is locked in; who leaves is seen to be gone
        "quitURL": quit_address(server),
        "quitURLConfirm": True,  # a slip ends nothing
        "examSessionClearCookiesOnStart": True,  # whoever sat there before is not logged in any more
        "examSessionClearCookiesOnEnd": True,
    }


def start_address(server: str, exam_key: str) -> str:
    """Where an exam begins in Safe Exam Browser. It has no query: clients put theirs behind it with a `?`."""
    return f"{server}/seb/{exam_key}"


def quit_address(server: str) -> str:
    """Whoever goes there leaves Safe Exam Browser; nothing else is there."""
    return f"{server}/seb/quit"


def _allowed(server: str, addresses: Iterable[str]) -> list[str]:
    """What may be opened, as expressions of the filter: ours by HTTP and WebSocket, of others the whole host."""
    own = urlsplit(server)
    rest = f"://{own.netloc}{own.path}/*"
    others = [f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/*" for parts in map(urlsplit, addresses) if parts.netloc]
    return list(dict.fromkeys([f"{own.scheme}{rest}", f"{WEB_SOCKET.get(own.scheme, 'wss')}{rest}", *others]))


def as_browsers_write(server: str) -> str:
    """An address as a browser writes it: scheme and host in lower case, without the scheme's own port."""
    parts = urlsplit(server)
    port = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(port)}{parts.path}" if port else server
