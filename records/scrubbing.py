"""When the embedded database's files are written anew after an erasure: at a start, before anybody is served, or by a command."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pymongo

import logger
from basics.errors import Conflict, ProctorError
from basics.texts import _
from settings.settings import Settings
from storage.erased import ErasedMark
from storage.scrub import write_anew

log = logging.getLogger(__name__)

RUNS = _("exams run, whose students wait for the server: start it, and do this when they have ended")


def scrub_at_start(settings: Settings, say: Callable[[str], None]) -> None:
    """Write the files anew where something was erased, no exam runs, and it takes no long time. Whatever keeps it from that keeps no start."""
    mark = ErasedMark.of(settings)
    if mark.since() is None:
        return
    try:
        with closing(logger.configure(settings, console=False)):
            _scrub_if_it_may(mark, settings.db_name, say)
    except OSError as error:
        say(f"What was erased is still in the database's files: {error}")


def _scrub_if_it_may(mark: ErasedMark, db_name: str, say: Callable[[str], None]) -> None:
    if kept := mark.why_not_at_start():
        say(f"What was erased is still in the database's files: {kept}. With the server stopped: flask --app app scrub")
        return
    say("Something was erased: the database's files are written anew, before the server starts. Ctrl+C leaves them as they are.")
    try:
        write_anew(mark, lambda text: say(f"  {text}"), lambda client: _running(client, db_name))
    except Conflict as busy:
        say(f"That waits for another start: {busy.message}.")
    except ProctorError as error:
        log.warning("what was erased is still in the database's files: %s", error.message)
        say(f"That can't be done now, and all is as it was: {error.message}")
        mark.note_failure(error.message)


def scrub(settings: Settings, say: Callable[[str], None]) -> None:
    """Write the files anew, however large they are. Raise `Conflict` where exams run, `StorageError` where a server does, or it can't be done."""
    mark = ErasedMark.of(settings)
    if not mark.embedded:
        raise Conflict(_("MONGO_URI names a MongoDB of its own: docs/privacy.md says how what was erased goes from its files."))
    write_anew(mark, say, lambda client: _running(client, settings.db_name))


def _running(client: pymongo.MongoClient[dict[str, Any]], db_name: str) -> str:
    return RUNS if client[db_name].sessions.find_one({"state": "running"}, {"_id": 1}) else ""
