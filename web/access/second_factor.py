"""The second factor of a local account: six digits that change every 30 s (TOTP, RFC 6238), and recovery codes for when the telephone is lost."""

from __future__ import annotations

import hmac
import io
import secrets
import time

import pyotp
import segno

STEP_S = 30
EARLY_OR_LATE = 1  # steps: a telephone's clock may be half a minute wrong
CODES = 10
ALPHABET = "abcdefghjkmnpqrstvwxyz23456789"  # no i, l, o, u, 0, 1: they are read out and copied by hand
GROUPS, OF = 4, 4  # characters of a recovery code: 78 bits
ISSUER = "Exam proctor"


def new_secret() -> str:
    """A secret for a telephone's app, in base 32."""
    return pyotp.random_base32()


def address_of(secret: str, login: str) -> str:
    """What the app reads from the picture: `otpauth://…`."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def picture_of(address: str) -> str:
    """The address as a QR code: an SVG without a style of its own."""
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False, svgclass=None, lineclass=None)
    return out.getvalue().decode()


def step_of(secret: str, code: str, now: float | None = None) -> int | None:
    """The time step whose code this is, None where it is none of those of the moment."""
    code = "".join(code.split())
    if not secret or not is_of_moment(code):
        return None
    step = int((time.time() if now is None else now) // STEP_S)
    totp = pyotp.TOTP(secret)
    for each in range(step - EARLY_OR_LATE, step + EARLY_OR_LATE + 1):
        if hmac.compare_digest(totp.generate_otp(each).encode(), code.encode()):
            return each
    return None


def is_of_moment(code: str) -> bool:
    """Has this the form of a code of the moment? A recovery code has another."""
    code = "".join(code.split())
    return len(code) == 6 and code.isascii() and code.isdigit()


def new_recovery_codes() -> list[str]:
    """Codes of which each lets its owner in once without the telephone."""
    return ["-".join("".join(secrets.choice(ALPHABET) for _ in range(OF)) for _ in range(GROUPS)) for _ in range(CODES)]


def plain_recovery_code(given: str) -> str:
    """A recovery code as it is kept, however it was typed."""
    letters = "".join(character for character in given.lower() if character in ALPHABET)
    return "-".join(letters[at : at + OF] for at in range(0, len(letters), OF))
