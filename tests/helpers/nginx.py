"""A real nginx in front of a server, with the settings that people find and copy."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from tests.helpers.waiting import free_port

WAIT_S = 60.0
HEAD = """worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off;
events {{ worker_connections 64; }}
http {{ access_log off;
client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
{servers}
}}
"""
SERVER = "server {{ listen 127.0.0.1:{port}; {body} }}"


def program() -> str:
    """nginx's path; the test is skipped where there is none."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("needs nginx (apt: nginx-light)")
    return found


@contextlib.contextmanager
def served(app: Flask) -> Iterator[int]:
    """`app` on a port of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(WAIT_S)


@contextlib.contextmanager
def nginx(folder: Path, bodies: dict[str, str]) -> Iterator[dict[str, str]]:
    """An nginx with a server for each of `bodies` (by name, the text of its block); their addresses by name."""
    path, ports = program(), {name: free_port() for name in bodies}
    folder.mkdir(parents=True, exist_ok=True)
    servers = "\n".join(SERVER.format(port=ports[name], body=body) for name, body in bodies.items())
    config = folder / "nginx.conf"
    config.write_text(HEAD.format(folder=folder, servers=servers))
    with subprocess.Popen(
        [path, "-c", str(config), "-p", str(folder), "-e", str(folder / "error.log")], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            for port in ports.values():
                _await(process, port)
            yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        finally:
            process.terminate()
            process.wait(WAIT_S)


def _await(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"nginx did not start: {process.stderr.read() if process.stderr else ''}")
