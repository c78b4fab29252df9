"""Serves an app: gunicorn's threads where it runs, Werkzeug's where it doesn't, eventlet when asked. One serving process in any case."""

from __future__ import annotations

import io
import logging
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from settings.settings import Settings
from web.listener import listen

log = logging.getLogger(__name__)

Create = Callable[[Settings], Flask]
Close = Callable[[Flask], None]

SPARE_THREADS = 64  # an open WebSocket holds a thread: what is left answers HTTP
VIEWER_THREADS = 200
STUCK_WORKER_S = 120


def serve(settings: Settings, create: Create, close: Close, *, offer_next_port: bool = False) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status. Raise `ConfigError` when the address can't be had (`offer_next_port`: see `listen`).

    The socket is had before anything is loaded, and kept: whoever can't have the port is told at once.
    """
    listener = listen(settings, offer_next=offer_next_port)
    if settings.socketio_async_mode == "eventlet":
        return _serve_eventlet(settings, listener, create, close)
    try:
        import gunicorn.app.base  # noqa: F401  (needs fork: not there on Windows)
    except ImportError:
        return _serve_werkzeug(settings, listener, create, close)
    return _serve_gunicorn(settings, listener, create, close)


def _announce(host: str, port: int) -> None:
    shown = "localhost" if host in {"127.0.0.1", "localhost", "0.0.0.0", "::", "::1"} else host
    print(f"\nReady.\n  Proctors:  http://{shown}:{port}/\n  Students:  http://{shown}:{port}/portal\n  Ctrl+C ends.\n", flush=True)


def _serve_gunicorn(settings: Settings, listener: socket.socket, create: Create, close: Close) -> int:
    from gunicorn.app.base import BaseApplication

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
                "worker_class": "gthread",
                "threads": settings.max_sessions + VIEWER_THREADS + SPARE_THREADS,
                "worker_connections": 4000,
                "timeout": STUCK_WORKER_S,
                "graceful_timeout": 45,
                "loglevel": "warning",
                "control_socket_disable": True,
                "post_worker_init": self.started,
                "worker_exit": self.ended,
            }
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Flask:
            try:
                self.app = create(settings)
            except Exception as error:
                print(f"The server can't start.\n{error}", file=sys.stderr, flush=True)
                log.debug("start", exc_info=error)
                # gunicorn takes this status as: the app can't be made, do not try again.
                os._exit(4)
            return self.app

        def started(self, worker: Any) -> None:
            # A worker that is told to end waits for its open sockets; they end at once when the parts close.
            threading.Thread(target=self._close_when_told, args=(worker,), name="end-watch", daemon=True).start()
            _announce(settings.flask_host, port)

        def _close_when_told(self, worker: Any) -> None:
            told = threading.Event()
            while worker.alive:
                told.wait(0.2)
            self.close_parts()

        def close_parts(self) -> None:
            with self.closing:
                app, self.app = self.app, None
                if app is not None:
                    close(app)

        def ended(self, server: Any, worker: Any) -> None:
            self.close_parts()
            # Engine.IO leaves a thread a connection that sleeps until its next ping, and Python would wait 25 s for it.
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
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    _announce(settings.flask_host, listener.getsockname()[1])
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
        import eventlet
        import eventlet.wsgi
        from eventlet.greenio import GreenSocket

    class Protocol(eventlet.wsgi.HttpProtocol):  # type: ignore[misc]
        """Says which HTTP was spoken: eventlet always says 1.0, which `Access` takes for a proxy's."""

        def get_environ(self) -> dict[str, Any]:
            return dict(super().get_environ()) | {"SERVER_PROTOCOL": self.request_version}

    app = create(settings)
    app.wsgi_app = _in_threads(app.wsgi_app)  # type: ignore[method-assign]
    stop = lambda *_: sys.exit(0)  # noqa: E731
    signal.signal(signal.SIGTERM, stop)
    _announce(settings.flask_host, listener.getsockname()[1])
    try:
        eventlet.wsgi.server(GreenSocket(listener), app, log_output=False, socket_timeout=60, protocol=Protocol)
    except (KeyboardInterrupt, SystemExit):
        log.info("told to end")
    finally:
        close(app)
    return 0


def _in_threads(app: Any) -> Any:
    """Answer requests in real threads, so that a database that is slow does not stop the hub. WebSockets and Socket.IO stay green."""
    from eventlet import tpool

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("HTTP_UPGRADE") or not environ.get("PATH_INFO", "").startswith("/api/"):
            return app(environ, start_response)  # type: ignore[no-any-return]
        length = environ.get("CONTENT_LENGTH") or "0"
        # The hub reads the body: a real thread can't wait for a green socket. A body that is too large is refused by the app unread.
        limit = int(length) if length.isdigit() else 0
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(min(limit, 11 << 20)))
        return tpool.execute(app, environ, start_response)  # type: ignore[no-any-return]

    return answer
