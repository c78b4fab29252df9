"""Puts the parts together. `python app.py` serves."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from basics.errors import ProctorError
from basics.heap import HeapTrim, settle_heap
from settings.settings import Settings, load_settings

if TYPE_CHECKING:
    from flask import Flask

    from cluster.leases import Leases
    from cluster.membership import Membership
    from database import Database
    from media.recorder import Recorder
    from sessions.events import Events
    from sessions.monitor import Monitor
    from web.parts import Parts

log = logging.getLogger(__name__)

CLOSING = "proctor_closing"  # the parts to be ended, in `app.extensions`
FIRST_LOOK_S = 10.0  # for which a start waits to know whether the database is one that this version can read
RECORDER_STOP_S = 3.0  # clips that wait are made before the end, for at most this long; the others at the next start
Result = TypeVar("Result")


def create_app(settings: Settings | None = None) -> Flask:
    """Make an app with parts of its own, its workers running; `close_app` ends them. Raise `ProctorError` when a part can't start."""
    # Imported here, so that `python app.py` can say what is wrong with a setting before the models' libraries are loaded.
    from flask import Flask

    from commands import registry

    if settings is None and _is_for_a_command():
        return registry.command_app()

    import logger
    from records.kept_files import store_of
    from sessions.events import Events
    from sessions.models import Models
    from sessions.monitor import Monitor
    from sessions.sources import Stations
    from storage.private import make_private
    from web.access.who_may import Access, check_start
    from web.links import Links
    from web.parts import Parts
    from web.proctor.live import Live
    from web.routes import register_web

    settings = settings or load_settings()
    check_start(settings)
    store_of(settings)
    app = Flask(__name__)
    make_private((settings.data_dir, settings.clips_dir, settings.identity_dir, settings.temp_dir, settings.log_dir))
    with ExitStack() as closing:  # in the reverse order, all of them whatever one of them raises
        closing.callback((logs := logger.configure(settings)).close)
        access, events = Access(settings), Events()

        database, membership, leases = _open_database(closing, settings, access.secret_key)
        recorder = _open_recorder(closing, settings, leases.owner)
        stations = Stations(settings)
        _end_with(closing, stations.close)

        workers = settings.analysis_workers or os.cpu_count() or 1
        monitor = Monitor(settings, database, recorder, Models(), stations, events, workers=workers, membership=membership)
        logs.know(recorder.server, lambda session_id: getattr(monitor.get(session_id), "exam_id", None))
        live = Live(app, access, events, sessions=monitor.get, audit=database.audit, async_mode=settings.socketio_async_mode, fps=settings.video_fps)
        links = Links(events)
        _run(closing, monitor.start, monitor.stop)
        _hand_over(closing, settings, database, monitor, membership, leases)
        _run(closing, live.start, live.stop)
        _end_with(closing, links.close_all)

        parts = Parts(settings, database, monitor, access, links, live, membership, instance=recorder.server)
        parts.mailer.is_mine = leases.of("mail").held
        parts.figures.append(leases.figures)
        register_web(app, parts)
        _look_after(closing, app, parts)
        _share(closing, parts, events)
        _keep_stills(closing, parts, events)
        _keep_records(closing, recorder, settings, parts, leases)
        _tell_others(closing, parts, leases)
        registry.register(app, settings)
        trim = HeapTrim()
        _run(closing, trim.start, trim.stop)
        app.extensions[CLOSING] = closing.pop_all()
    return app


def _open_database(closing: ExitStack, settings: Settings, secret_key: str) -> tuple[Database, Membership, Leases]:
    """Open the database, say to the servers that share it that this one is there, and share the jobs that one of them at a time does."""
    from cluster.instance import ALSO, ALSO_MOST
    from cluster.leases import Leases
    from cluster.membership import Membership
    from cluster.own_names import own_names
    from cluster.shared_key import SharedKey
    from database import Database
    from storage.mongod import EmbeddedMongod

    mongod = EmbeddedMongod(settings.data_dir)
    uri = settings.mongo_uri.get_secret_value()
    private = uri == "embedded"
    uri = _run(closing, mongod.start, mongod.stop) if private else uri
    database = Database(uri, settings.db_name, settings.data_dir / "spool", settings.mongo_timeout_s, settings.spool_max_mb)
    database.is_listened_to = True  # by webhooks, until it is known that there are none: nothing that happens before is lost to them
    _run(closing, database.start, database.stop)
    database.check_readable(FIRST_LOOK_S)
    key = SharedKey(database, secret_key, chosen=bool(settings.secret_key.get_secret_value()))
    membership = Membership(database, settings, settings.data_dir, alone=private, key=key)
    _run(closing, membership.start, membership.stop)
    name, *earlier = own_names(settings.data_dir, membership.name)
    membership.tell(**{ALSO: earlier[:ALSO_MOST] or None})
    leases = Leases(database, name)
    _run(closing, leases.start, leases.stop)
    return database, membership, leases


def _open_recorder(closing: ExitStack, settings: Settings, server: str) -> Recorder:
    """Start what makes the clips; `server` is this one's name among those that share the database."""
    from basics.instances import mark_of
    from cluster.own_names import known_names
    from media.recorder import Recorder

    recorder = Recorder(
        settings.clips_dir,
        settings.temp_dir,
        crf=settings.clip_crf,
        max_waiting_bytes=settings.clip_queue_mb << 20,
        min_free_mb=settings.min_free_mb,
        fps=settings.video_fps,
        own=mark_of(settings.data_dir),
        server=server,
        earlier=known_names(settings.data_dir),
    )
    _run(closing, recorder.start, lambda: recorder.stop(RECORDER_STOP_S))
    return recorder


def _hand_over(closing: ExitStack, settings: Settings, database: Database, monitor: Monitor, membership: Membership, leases: Leases) -> None:
    """Let exams go on at another server when this one ends, and see to those that a dead one left."""
    from sessions.draining import Draining
    from sessions.reaping import Reaper

    draining = Draining(monitor, membership, settings.data_dir)
    _run(closing, draining.start, draining.stop)
    reaper = Reaper(monitor.taking, database, membership, abandoned_s=settings.abandoned_s, may_reap=leases.of("reaper").held)
    _run(closing, reaper.start, reaper.stop)


def _keep_records(closing: ExitStack, recorder: Recorder, settings: Settings, parts: Parts, leases: Leases) -> None:
    """Delete what was kept for long enough, seal what an exam left, and send the audit on: each on one of the servers that share the database."""
    from cluster.own_names import own_names
    from records.audit_export import AuditExport
    from records.clip_sweep import ClipSweep
    from records.figure_store import FigureKeeper
    from records.retention import ASKED, Retention
    from records.seals import Seals
    from records.uploads import Uploads
    from web.calls.told import tell_review

    database = parts.database
    clips = ClipSweep(database, settings.clips_dir, settings.temp_dir, parts.files)
    if (membership := parts.membership) is not None:
        clips.lives = membership.lives
    parts.retention = Retention(
        database,
        settings.clips_dir,
        parts.stills.folder,
        settings.keep_days,
        clips=clips,
        recorder=recorder,
        identity_dir=settings.identity_dir,
        kinds=settings.keep_by_kind(),
        audit_days=settings.keep_audit_days,
        files=parts.files,
        names=own_names(settings.data_dir, leases.owner),
        is_mine=leases.of("retention").held,
    )
    parts.retention.lists_deleted = parts.lists_deleted
    parts.people.on_act(ASKED, parts.retention.wake)
    parts.audit_export = AuditExport(database, settings, leases.of("audit").held)
    if parts.files.store is not None:
        parts.uploads = Uploads(database, parts.files, parts.files.store, parts.stills.folder)
        _run(closing, parts.uploads.start, parts.uploads.stop)
    seals = Seals(database, leases.of("seals").held)

    def finish(session_id: str) -> None:
        for interval, review in parts.reviews.settle(session_id):
            tell_review(interval, review, parts)

    figures = FigureKeeper(database, leases.of("figures").held, finish=finish)
    for part in (parts.retention, seals, figures, parts.audit_export):
        _run(closing, part.start, part.stop)


def _tell_others(closing: ExitStack, parts: Parts, leases: Leases) -> None:
    """Tell other systems what happens here: one of the servers that share the database does."""
    from records.hook_sender import HookSender
    from web.integrations.lti.act_sender import ActSender
    from web.integrations.openedx.telling import Telling

    telling = Telling(parts.openedx, parts.database, parts.conclusions, parts.settings.public_url)
    parts.hook_sender = HookSender(parts.database, parts.hooks, parts.outbox, leases.of("webhooks").held, others=[telling])
    parts.figures.append(parts.hook_sender.figures)
    _run(closing, parts.hook_sender.start, parts.hook_sender.stop)
    tool, owned = parts.lti, leases.of("platforms").held
    parts.act_sender = ActSender(parts.platform_acts, parts.outbox, tool.registrations, parts.lti_attempts, parts.platforms, owned)
    parts.figures.append(parts.act_sender.figures)
    _run(closing, parts.act_sender.start, parts.act_sender.stop)


def _share(closing: ExitStack, parts: Parts, events: Events) -> None:
    """Tell the other servers on the database of what changes here, and hear them, where there may be any."""
    from cluster.bus import Bus
    from web.heard import share

    if parts.membership is None or parts.membership.alone:
        return
    membership = parts.membership
    bus = Bus(parts.database, ahead=lambda: membership.database_ahead_s)
    share(parts, bus, events)
    parts.figures.append(bus.figures)
    _run(closing, bus.start, bus.stop)


def _keep_stills(closing: ExitStack, parts: Parts, events: Events) -> None:
    """Keep the stills of faces that exams ask for."""
    from sessions.still_keeper import StillKeeper
    from web.calls.told import tell_session

    def tell(session_id: str, exam_id: str | None) -> None:
        tell_session("identity_changed", {"session_id": session_id}, exam_id, parts)

    keeper = StillKeeper(parts.identity, events, tell)
    _run(closing, keeper.start, keeper.stop)


def _look_after(closing: ExitStack, app: Flask, parts: Parts) -> None:
    """Keep threads from waiting for slow clients, an eye on the disks, and strangers out."""
    from web.access.patience import Patience
    from web.student.http_link import let_go

    patience = Patience(app.wsgi_app)
    app.wsgi_app = patience  # type: ignore[method-assign]
    _run(closing, patience.start, patience.stop)
    if parts.live is not None:
        parts.people.on_change(parts.live.look_again)
    _run(closing, parts.people.start, parts.people.stop)
    _run(closing, parts.disks.start, parts.disks.stop)
    if parts.traces is not None:
        _run(closing, parts.traces.start, parts.traces.stop)
    _run(closing, parts.exam_page.start, parts.exam_page.stop)
    _run(closing, parts.mailer.start, parts.mailer.stop)
    _run(closing, lambda: parts.by_http.start(partial(let_go, parts)), parts.by_http.stop)
    if parts.access.local is not None:
        parts.access.local.write_token()


def _run(closing: ExitStack, start: Callable[[], Result], stop: Callable[[], object]) -> Result:
    """Start a part, and let `closing` end it."""
    started = start()
    _end_with(closing, stop)
    return started


def _end_with(closing: ExitStack, stop: Callable[[], object]) -> None:
    """Let `closing` end a part: one that fails at that is logged, and keeps no other back."""

    def end() -> None:
        try:
            stop()
        except Exception:
            log.exception("a part of the server did not end as it should")

    closing.callback(end)


def _is_for_a_command() -> bool:
    """Whether `flask --app app …` makes the app for a command of its own: that needs no server, and one may be running beside it."""
    from commands.registry import NAMES

    serving = {"run", "routes", "shell"}
    asked = next((word for word in sys.argv[1:] if word in NAMES | serving), "")  # a later word may be an option's
    return os.environ.get("FLASK_RUN_FROM_CLI") == "true" and asked not in serving


def close_app(app: Flask) -> None:
    """End the app's parts in the reverse order of their start. Running sessions are taken up again at the next start."""
    closing: ExitStack = app.extensions[CLOSING]
    closing.close()


def main() -> int:
    """Serve until told to end. The exit status is 1 when the server can't start, with the reason on standard error.

    `--next-free-port`, which `./run.sh` gives, allows another port than the default where that is taken.
    """
    os.umask(0o077)  # what is written of students is for this system user alone
    settle_heap()
    try:
        settings = load_settings()
        from web.access.who_may import check_start
        from web.serving import serve

        check_start(settings)
        return serve(settings, create_app, close_app, offer_next_port="--next-free-port" in sys.argv[1:])
    except ProctorError as error:
        print(f"The server can't start.\n{error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before it served
        return 130


if __name__ == "__main__":
    sys.exit(main())
