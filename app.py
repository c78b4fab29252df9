"""Puts the parts together. `python app.py` serves."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from basics.errors import ProctorError
from settings.settings import Settings, load_settings

if TYPE_CHECKING:
    from flask import Flask

RECORDER_STOP_S = 30.0  # clips that wait are made before the end, for at most this long


def create_app(settings: Settings | None = None) -> Flask:  # noqa: PLR0915 (one line for each part)
    """Make an app with parts of its own, its workers running; `close_app` ends them. Raise `ProctorError` when a part can't start."""
    # Imported here, so that `python app.py` can say what is wrong with a setting before the models' libraries are loaded.
    from flask import Flask

    from commands import registry

    if settings is None and _is_for_a_command():
        return registry.command_app()

    import logger
    from database import Database
    from media.recorder import Recorder
    from records.retention import Retention
    from sessions.analysis import Models
    from sessions.monitor import Monitor
    from sessions.sources import Stations
    from storage.mongod import EmbeddedMongod
    from web.access.who_may import Access, check_start
    from web.links import Links
    from web.parts import Parts
    from web.proctor.live import Live
    from web.routes import register_web

    settings = settings or load_settings()
    check_start(settings)
    app = Flask(__name__)
    logs = logger.configure(settings)
    closing = [logs.close]
    try:
        access = Access(settings)
        uri = settings.mongo_uri.get_secret_value()
        if uri == "embedded":
            mongod = EmbeddedMongod(settings.data_dir)
            uri = mongod.start()
            closing.append(mongod.stop)
        database = Database(uri, settings.db_name, settings.data_dir / "spool", settings.mongo_timeout_s, settings.spool_max_mb)
        database.start()
        closing.append(database.stop)
        recorder = Recorder(settings.clips_dir, settings.temp_dir, crf=settings.clip_crf, max_waiting_bytes=settings.clip_queue_mb << 20)
        recorder.start()
        closing.append(lambda: recorder.stop(RECORDER_STOP_S))
        stations = Stations(settings)
        closing.append(stations.close)
        workers = settings.analysis_workers or os.cpu_count() or 1
        models = Models()
        live = Live(app, access, async_mode=settings.socketio_async_mode, fps=settings.video_fps)
        monitor = Monitor(settings, database, recorder, models, stations, tell=live.tell, workers=workers)
        live.get_session = monitor.get
        live.audit = database.audit
        monitor.start()
        closing.append(monitor.stop)
        live.start()
        closing.append(live.stop)
        links = Links()
        live.on_event.append(links.tell)
        closing.append(links.close_all)
        parts = Parts(settings, database, monitor, access, live, links, started=time.monotonic())
        register_web(app, parts)
        retention = Retention(database, settings.clips_dir, parts.stills.folder, settings.keep_days)
        retention.start()
        closing.append(retention.stop)
    except BaseException:
        _close(closing)
        raise
    registry.register(app, settings)
    app.extensions["proctor_closing"] = closing
    return app


def _is_for_a_command() -> bool:
    """Whether `flask --app app …` makes the app for a command of its own: that needs no server, and one may be running beside it."""
    return os.environ.get("FLASK_RUN_FROM_CLI") == "true" and not {"run", "routes", "shell"} & set(sys.argv[1:])


def close_app(app: Flask) -> None:
    """End the app's parts in the reverse order of their start. Running sessions are taken up again at the next start."""
    _close(app.extensions["proctor_closing"])


def _close(closing: list) -> None:  # type: ignore[type-arg]
    while closing:
        closing.pop()()


def main() -> int:
    """Serve until told to end. The exit status is 1 when the server can't start, with the reason on standard error."""
    try:
        settings = load_settings()
        from web.access.who_may import check_start
        from web.serving import serve

        check_start(settings)
        return serve(settings, create_app, close_app)
    except ProctorError as error:
        print(f"The server can't start.\n{error.message}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
