"""Says what is kept and for how long: `flask --app app retention`; `--now` deletes what is due, `--apply` gives what there is the days in force.

Works beside a running server, which does the deleting, or without one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from flask import Flask
from flask.cli import with_appcontext

from basics.errors import ProctorError, StorageError
from basics.times import utc_now
from cluster.leases import JobLease
from cluster.naming import kept_home, name_of
from cluster.own_names import own_names
from database import Database
from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.command_acts import note_act
from records.holds import holds_of
from records.keep_times import KeepTimes
from records.kept_files import files_of
from records.reader import address, stored
from records.retention import ASKED, REPORT, Retention
from records.retention_report import KindState, Survey, apply_times, survey
from records.stores import PlainStore, Store
from settings.keeping import Kept
from settings.settings import Settings, load_settings

READY_S = 10.0
FLUSH_S = 30.0
NOTICED_WITHIN_S = 30.0  # a running server sees what a command wants,
SWEPT_WITHIN_S = 600.0  # and its sweep has this long
LOOK_S = 0.5
NAMES = {
    "records": "sessions",
    "clips_dismissed": "clips of dismissed flags",
    "clips_confirmed": "clips of confirmed flags",
    "clips_open": "clips of flags without a decision",
    "readings": "readings (sessions)",
    "identity": "pictures of identity",
    "absences": "stills of absences",
    "stills": "pictures out of clips",
    "lists": "students of lists",
    "audit": "entries of the audit",
}


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` the command. Without `settings` they are read when the command runs."""

    @app.cli.command("retention", help="Show what is kept, by kind: for how long, how many, what is due, what the last sweep deleted.")
    @click.option("--now", "at_once", is_flag=True, help="Delete what is due now, and show what is left.")
    @click.option("--apply", "applies", is_flag=True, help="Give sessions that have ended the days in force now, in place of those they began with.")
    @with_appcontext
    def command(at_once: bool, applies: bool) -> None:
        try:
            in_force = settings or load_settings()
            with stored(in_force) as database:
                store = PlainStore(database)
                if applies:
                    changed = apply_times(store, in_force.keep_by_kind())
                    note_act(store, "retention: days given to sessions", count=changed, days=in_force.keep_by_kind())
                    click.echo(f"{changed} sessions were given the days in force.")
                if at_once:
                    _sweep(in_force, store)
                found = survey(store, KeepTimes(in_force.keep_by_kind()), in_force.keep_audit_days, folders_of(in_force), utc_now())
                holds = len(holds_of(store))
        except ProctorError as error:
            raise click.ClickException(error.message) from None
        click.echo(report(found, holds))


def folders_of(settings: Settings) -> dict[Kept, Path]:
    """The folders with pictures, by kind."""
    return {"stills": settings.temp_dir / "stills", "identity": settings.identity_dir}


def report(found: Survey, holds: int) -> str:
    """A table of the kinds, and what else is to be known, in lines."""
    rows = [("kind", "kept for", "kept", "due now", "held", "oldest", ""), *map(_row, found.kinds)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    went = ", ".join(f"{NAMES.get(kind, kind)} {count}" for kind, count in found.deleted.items() if count) or "nothing"
    lines += ["", "Counted is what belongs to sessions that have ended, and the audit."]
    lines += [f"Last sweep: {_at(found.swept_at)}; it deleted: {went}."]
    lines += [f"COULD NOT BE DELETED: {count} of {NAMES.get(kind, kind)}; the log names the files." for kind, count in found.left.items() if count]
    lines += [f"NOT ALL IS DELETED: {found.trouble}"] if found.trouble else []
    lines.append(f"Legal holds: {holds}.")
    if found.audit_held_at:
        lines.append(f"The audit is kept from entry {found.audit_held_at} on, which is about something that a legal hold names.")
    if any(state.other for state in found.kinds):
        lines.append("What has other days keeps to those with which its session began; --apply gives it the server's, where its exam has none.")
    return "\n".join(lines)


def _row(state: KindState) -> Sequence[str]:
    for_ever = "for ever" if state.kind in ("records", "audit") else "as the session"
    days = f"{state.days} days" if state.days else for_ever
    other = f"{state.other} with other days" if state.other else ""
    return NAMES[state.kind], days, str(state.kept), str(state.due), str(state.held), _at(state.oldest), other


def _at(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at is not None else "-"


def _sweep(settings: Settings, store: PlainStore) -> None:
    """Sweep here where no server runs, else let it."""
    with address(settings) as uri:
        try:
            database = Database(uri, settings.db_name, settings.data_dir / "spool", settings.mongo_timeout_s, settings.spool_max_mb)
        except StorageError as error:  # a server has its folder, most likely
            _ask(store, error)
            return
        database.start()
        try:
            if not database.wait_ready(READY_S):
                raise StorageError("The database does not answer; see MONGO_URI.")
            names = own_names(settings.data_dir, name_of(settings.instance_name, kept_home(settings.data_dir)))
            lease = JobLease(database, "retention", names[0])
            if not lease.held():
                _ask(store, StorageError("Another server deletes what is due, and does not answer."))
                return
            retention = _retention(settings, database, names)
            try:
                retention.sweep()
            finally:
                lease.release()
            if not database.flush(FLUSH_S):
                raise StorageError(
                    "What was deleted is not all noted yet: it waits on this machine's disk, and is with the next start of the server."
                )
        finally:
            database.stop()
    if retention.doubt:
        click.echo(retention.doubt, err=True)


def _retention(settings: Settings, database: Database, names: Sequence[str]) -> Retention:
    files = files_of(settings, database)
    return Retention(
        database,
        settings.clips_dir,
        folders_of(settings)["stills"],
        settings.keep_days,
        clips=ClipSweep(database, settings.clips_dir, settings.temp_dir, files),
        recorder=Recorder(settings.clips_dir, settings.temp_dir),
        identity_dir=settings.identity_dir,
        kinds=settings.keep_by_kind(),
        audit_days=settings.keep_audit_days,
        files=files,
        names=names,
    )


def _ask(store: PlainStore, alone: StorageError) -> None:
    """Let the running server sweep, and wait until it has. Raise `alone` where there is none."""
    before = _looked_at(store)
    note_act(store, ASKED)
    begun = time.monotonic()
    while _looked_at(store) == before:
        waited = time.monotonic() - begun
        if waited > NOTICED_WITHIN_S and _take_back(store):
            raise alone
        if waited > SWEPT_WITHIN_S:
            raise StorageError("The running server has not swept within ten minutes; /api/health says what is the matter with `retention`.")
        time.sleep(LOOK_S)


def _take_back(store: PlainStore) -> bool:
    """Is the note there still, for nobody to see? It is not any more."""
    with store.reading():
        return store.collection("command_acts").delete_many({"what": ASKED}).deleted_count > 0


def _looked_at(store: Store) -> object:
    with store.reading():
        return (store.collection("server").find_one({"_id": REPORT}) or {}).get("looked_at")
