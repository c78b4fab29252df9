"""Keeps secrets unreadable in the database: only the server's own key opens them."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken


class Seal:
    """Seals secrets of one kind (`purpose`): those of another can't be opened by it."""

    def __init__(self, key: str, purpose: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"{purpose}\0{key}".encode()).digest()))

    def seal(self, secret: str) -> str:
        """As it is stored."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """The secret; empty where another key sealed it."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return ""
