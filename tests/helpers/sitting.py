"""A student who comes by a link of an exam's list, begins, and ends the exam: what a script waits for."""

from __future__ import annotations

import requests
from flask import Flask

from sessions.ends import End
from tests.helpers.sessions import live
from web.parts import parts_of


def sit(app: Flask, address: str, link: str) -> str:
    """The session's id, once its end is stored."""
    entered = requests.post(f"{address}/api/student/enter", json={"link": link.partition("#r=")[2]}, timeout=60)
    assert entered.status_code == 200, entered.text
    parts = parts_of(app)
    session = live(parts, entered.json())
    session.begin()
    parts.monitor.end_session(session.session_id, End("student"))
    assert parts.database.flush(10)
    return session.session_id
