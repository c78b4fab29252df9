"""What students enter an exam by: a link and a short code, made from the server's key: they can be shown again, and are stored nowhere. Pure.

A code has 40 bits in Crockford's base 32, whose letters can't be taken for each other (`O` is read as 0, `I` and `L` as 1). Of each the database
has a keyed hash, by which it is found.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from base64 import urlsafe_b64encode

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8  # of 5 bits each
LINK = re.compile(r"(?P<row>[0-9a-f]{32})\.(?P<number>\d{1,6})\.(?P<proof>[0-9A-Za-z_-]{32})")
_READ_AS = str.maketrans("OIL", "011")


class EntryKeys:
    """Makes and checks links and codes with the server's key. They end with that key."""

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(f"roster entry\n{key}".encode()).digest()

    def code(self, row_id: str, number: int) -> str:
        """The code of a student's row, of its `number`th renewal, as it is stored and compared: eight letters and digits."""
        value = int.from_bytes(self._mac("code", f"{row_id}.{number}")[:5], "big")
        return "".join(ALPHABET[value >> 5 * place & 31] for place in reversed(range(LENGTH)))

    def code_hash(self, code: str) -> str:
        """What is kept of a code: nobody who reads the database can enter by it."""
        return self._mac("kept", code).hex()[:32]

    def link(self, row_id: str, number: int) -> str:
        """The secret part of a student's link."""
        proof = urlsafe_b64encode(self._mac("link", f"{row_id}.{number}")[:24]).decode()
        return f"{row_id}.{number}.{proof}"

    def read_link(self, secret: str) -> tuple[str, int] | None:
        """The row and number of a link; None for what this server did not make."""
        found = LINK.fullmatch(secret)
        if found is None:
            return None
        row_id, number = found["row"], int(found["number"])
        return (row_id, number) if hmac.compare_digest(self.link(row_id, number), secret) else None

    def _mac(self, what: str, text: str) -> bytes:
        return hmac.new(self._key, f"{what}\n{text}".encode(), hashlib.sha256).digest()


def shown(code: str) -> str:
    """A code as people read it: two groups of four."""
    return f"{code[:4]}-{code[4:]}"


def read_code(typed: str) -> str | None:
    """The code that somebody typed, whatever stands between its letters; None where it can be none."""
    if len(typed) > 100:
        return None
    plain = unicodedata.normalize("NFKC", typed).upper()
    plain = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in plain)
    plain = re.sub(r"[\s\-–—_.·]", "", plain).translate(_READ_AS)
    return plain if len(plain) == LENGTH and set(plain) <= set(ALPHABET) else None
