"""Serves an app: gunicorn's threads where it runs, Werkzeug's where it doesn't, eventlet when asked. One serving process in any case."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from flask import Flask
from werkzeug.wrappers import Request

from basics.errors import ConfigError, ProctorError
from cluster.drain_note import DrainedEnd
from settings.settings import Settings
from storage.erased import ErasedMark
from web.access.gate import is_socket, threads_for
from web.access.local import ARGUMENT
from web.leftovers import end_leftovers, note_worker
from web.listener import listen
from web.open_files import connections_within, raise_open_files_limit, too_few_open_files
from web.parts import parts_of

log = logging.getLogger(__name__)

Create = Callable[[Settings], Flask]
Close = Callable[[Flask], None]

CONNECTIONS = 4000  # open at once, at most
BATCHES = "/api/student/link"
LISTS = ("/roster", "/roster/preview", "/roster/links", "/roster/mail")  # with up to 5,000 rows each
STUCK_WORKER_S = 120
LONGEST_LINE = 8190  # bytes, as many as gunicorn takes: what learning platforms want back, and their tokens, stand in addresses


def serve(settings: Settings, create: Create, close: Close, *, offer_next_port: bool = False) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status. Raise `ConfigError` when the address can't be had (`offer_next_port`: see `listen`).

    The socket is had before anything is loaded, and kept: whoever can't have the port is told at once.
    """
    end_leftovers(settings.data_dir)
    limit = raise_open_files_limit()
    connections = min(CONNECTIONS, connections_within(limit))
    listener = listen(settings, offer_next=offer_next_port)
    _scrub(settings)
    low = too_few_open_files(settings.max_sessions, limit)
    if low:
        print(low, file=sys.stderr, flush=True)
    if settings.socketio_async_mode == "eventlet":
        return _serve_eventlet(settings, listener, create, close)
    try:
        import gunicorn.app.base  # noqa: F401  (needs fork: not there on Windows)
    except ImportError:
        return _serve_werkzeug(settings, listener, create, close)
    return _serve_gunicorn(settings, listener, create, close, connections)


def _scrub(settings: Settings) -> None:
    """Write the database's files anew after an erasure. Not in a worker: it has no minutes for its start, and may begin again while exams run."""
    if ErasedMark.of(settings).since() is not None:
        from records.scrubbing import scrub_at_start  # MongoDB's libraries are the worker's else

        scrub_at_start(settings, partial(print, flush=True))


def _greeting(host: str, port: int, app: Flask) -> str:
    """The addresses to open."""
    access = parts_of(app).access
    base = f"{_base(host, port)}{access.prefix}"
    local = f"?{ARGUMENT}={access.local.token}" if access.local is not None else ""
    return f"\nReady.\n  Proctors:  {base}/{local}\n  Students:  {base}/portal{local}\n  Ctrl+C ends.\n"


def _base(host: str, port: int) -> str:
    if host in {"127.0.0.1", "localhost", "0.0.0.0", "::", "::1"}:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(greeting: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more: a terminal that was closed ends no worker that begins after it
        print(greeting, flush=True)


def _serve_gunicorn(settings: Settings, listener: socket.socket, create: Create, close: Close, connections: int) -> int:
    from gunicorn.app.base import BaseApplication

    from web.master import Master
    from web.worker import APP_CANT_START, PatientWorker

    port = listener.getsockname()[1]
    descriptor = listener.detach()  # gunicorn owns it from here on

    class Server(BaseApplication):  # type: ignore[misc]
        """Gunicorn with our settings; the app is made in its one worker."""

        app: Flask | None = None
        closing = threading.Lock()

        def load_config(self) -> None:
            options = {
                "bind": f"fd://{descriptor}",
                "workers": 1,
                "worker_class": PatientWorker,
                "threads": threads_for(settings.max_sessions),
                "worker_connections": connections,
                "timeout": STUCK_WORKER_S,
                "limit_request_line": LONGEST_LINE,
                "umask": 0o077,
                "graceful_timeout": 45,
                "loglevel": "warning",
                "control_socket_disable": True,
                "post_worker_init": self.started,
                "worker_exit": self.ended,
            }
            for name, value in options.items():
                self.cfg.set(name, value)

        def run(self) -> None:
            Master(self, _drained_end(settings)).run()

        def load(self) -> Flask:
            try:
                self.app = create(settings)
            except Exception as error:
                print(f"The server can't start.\n{error}", file=sys.stderr, flush=True)
                log.debug("start", exc_info=error)
                os._exit(APP_CANT_START)
            return self.app

        def started(self, worker: Any) -> None:
            # A worker that is told to end waits for its open sockets; they end at once when the parts close.
            note_worker(settings.data_dir)
            threading.Thread(target=self._close_when_told, args=(worker,), name="end-watch", daemon=True).start()
            if self.app is not None:
                _announce(_greeting(settings.flask_host, port, self.app))

        def _close_when_told(self, worker: Any) -> None:
            told = threading.Event()
            while worker.alive:
                told.wait(0.2)
            self.close_parts()
            worker.parts_closed()

        def close_parts(self) -> None:
            with self.closing:
                app, self.app = self.app, None
                if app is not None:
                    close(app)

        def ended(self, server: Any, worker: Any) -> None:
            self.close_parts()
            # Engine.IO leaves a thread a connection that sleeps until its next ping, and Python would wait 25 s for it.
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(0)

    try:
        Server().run()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _serve_werkzeug(settings: Settings, listener: socket.socket, create: Create, close: Close) -> int:
    from werkzeug.serving import make_server

    app = create(settings)
    log.info("gunicorn does not run on this system: served by Werkzeug, which is slower with many viewers")
    server = make_server(settings.flask_host, listener.getsockname()[1], app, threaded=True, fd=listener.fileno())
    _at_term(settings, lambda: threading.Thread(target=server.shutdown).start())
    _announce(_greeting(settings.flask_host, listener.getsockname()[1], app))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        log.info("ended by the keyboard")
    finally:
        close(app)
    return 0


def _serve_eventlet(settings: Settings, listener: socket.socket, create: Create, close: Close) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # eventlet says at import that it is deprecated; the README does too

        try:
            from web.green import BodyLimits, Front, serve_green
        except Exception as error:  # it reaches into Python's own modules, and names whatever it misses in a Python it doesn't know
            mend = "set SOCKETIO_ASYNC_MODE=threading, or use Python 3.10 to 3.14"
            raise ConfigError(f"SOCKETIO_ASYNC_MODE=eventlet can't be used here, for eventlet can't be loaded ({error}): {mend}.") from error
    from web.student.batches import BATCH_MAX_BYTES

    app = create(settings)
    app.wsgi_app = _in_threads(app.wsgi_app)  # type: ignore[method-assign]
    front = Front()

    def stop() -> None:
        front.end()
        sys.exit(0)

    _at_term(settings, stop)
    if hasattr(signal, "SIGHUP"):  # a terminal that is closed ends no exam; Windows has none
        signal.signal(signal.SIGHUP, lambda *_: None)
    _announce(_greeting(settings.flask_host, listener.getsockname()[1], app))
    try:
        serve_green(listener, app, front, BodyLimits(settings.max_body_kb << 10, BATCH_MAX_BYTES, _batch_of(app)))
    except (KeyboardInterrupt, SystemExit):
        log.info("told to end")
    finally:
        close(app)
    return 0


def _drained_end(settings: Settings) -> DrainedEnd | None:
    return DrainedEnd(settings.data_dir, settings.drain_s) if settings.drain else None


def _at_term(settings: Settings, end: Callable[[], object]) -> None:
    """Do `end` at SIGTERM, in the main thread; where DRAIN is set after the server has drained, or at a second one."""
    drained = _drained_end(settings)

    def told(*_: object) -> None:
        if drained is None or drained.begun:
            end()
            return
        drained.begin()
        threading.Thread(target=wait, name="drained", daemon=True).start()

    def wait() -> None:
        if drained is not None:
            drained.wait()
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, told)


def _batch_of(app: Flask) -> Callable[[dict[str, Any]], str]:
    access = parts_of(app).access

    def of(environ: dict[str, Any]) -> str:
        if environ["REQUEST_METHOD"] != "POST" or not environ["PATH_INFO"].endswith((BATCHES, *LISTS)):
            return ""
        if not environ["PATH_INFO"].endswith(BATCHES):  # an exam's students
            return "a list" if access.is_proctor(Request(environ)) else ""
        try:
            return access.student_session(Request(environ))
        except ProctorError:
            return ""

    return of


def _in_threads(app: Any) -> Any:
    """Answer requests in real threads, so that a database that is slow does not stop the hub. WebSockets and Socket.IO stay green."""
    from eventlet import tpool

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if is_socket(environ) or not ("/api/" in path or "/login" in path):  # behind PUBLIC_URL's path, where there is one
            return app(environ, start_response)  # type: ignore[no-any-return]
        return tpool.execute(app, environ, start_response)  # type: ignore[no-any-return]

    return answer
