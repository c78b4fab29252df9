"""A call that is for all who take an exam is done at each server that has some of them, once it is done here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request

from cluster.owning import owner_of
from database import Document
from web.hop.arrival import TAKEN
from web.hop.sending import Unanswered, Unreached
from web.parts import parts


def done_elsewhere(sessions: Sequence[Document]) -> tuple[list[dict[str, Any]], list[Document]]:
    """Let the present call be done for `sessions`, which run at other servers: what those answered, and the sessions for which none could be asked.

    A call that came from another server goes no further: that one asks all of them.
    """
    if TAKEN in request.environ:
        return [], []
    at: dict[str, list[Document]] = {}
    for one in sessions:
        owner = owner_of(one)
        at.setdefault(next(iter(parts().hops.living([owner] if owner else [])), ""), []).append(one)
    answers: list[dict[str, Any]] = []
    missed = at.pop("", [])
    for server, theirs in at.items():
        try:
            answer = parts().hops.send(server, request)
        except (Unreached, Unanswered):
            missed += theirs
            continue
        content = answer.get_json(silent=True) if answer.status_code == 200 else None
        answer.close()
        if isinstance(content, dict):
            answers.append(content)
        elif answer.status_code != 404:  # they have ended meanwhile
            missed += theirs
    return answers, missed
