"""Connections to eventlet's server, in a process of its own as it is: who asks nothing is hung up on, no body is waited for that is too large or
does not come, and without file descriptors it goes on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from basics.paths import ROOT

SERVE = """
import resource, signal, socket, sys, threading, time, warnings
warnings.simplefilter("ignore")
from web import green
green.HEAD_S = green.BODY_S = green.LINGER_S = 60.0  # less only where that is waited for: a slow machine may stand still for seconds
green.LOOK_S, green.WAITING_PER_ADDRESS = 0.05, 6
BODY_MAX = 1000
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
port = listener.getsockname()[1]

def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"%05d" % len(environ["wsgi.input"].read())]

def connect(said=b""):
    one = socket.create_connection(("127.0.0.1", port), 60)
    one.sendall(said)
    return one

def answered():
    with connect(b"GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n") as one:
        return one.recv(15) == b"HTTP/1.1 200 OK"

def sized(length, sent, more=b""):
    # how much of a body the app was given; empty: it was not asked
    with connect(b"POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: %d\\r\\n%s\\r\\n" % (length, more)) as one:
        one.sendall(b"a" * sent)
        said = b""
        while length > BODY_MAX or not sent or b"\\r\\n\\r\\n" not in said:
            part = one.recv(65536)
            if not part:
                break
            said += part
        return said[-5:]

def bodies():
    assert sized(1000, 1000) == b"01000"
    assert sized(3_000_000, 3_000_000) == b"00000"  # answered, and closed
    assert sized(10_000_000, 10) == b"00000"  # before the rest is there
    assert sized(1001, 0, b"Expect: 100-continue\\r\\n") == b"00000"
    green.BODY_S = 0.3
    assert sized(1000, 0) == b""  # hung up on
    green.BODY_S = 60.0
    assert sized(3000, 3000, b"X-Batch-Of: one\\r\\nConnection: close\\r\\n") == b"03000"
    assert sized(3000, 3000) == b"00000"
    assert sized(9000, 9000, b"X-Batch-Of: one\\r\\n") == b"00000"
    head = b"POST / HTTP/1.1\\r\\nHost: a\\r\\nX-Batch-Of: two\\r\\nContent-Length: 3000\\r\\n\\r\\n"
    half = [connect(head) for _ in range(green.PLACES + 1)]
    while getattr(front._turns.get("two"), "balance", 0) >= 0:  # the last waits for its turn
        time.sleep(0.01)
    half[0].close()
    for one in half[1:]:
        one.sendall(b"a" * 3000)
        assert one.recv(15) == b"HTTP/1.1 200 OK"

def crowd():
    head = b"POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 9\\r\\n\\r\\n"
    half = [connect(head) for _ in range(8)]
    assert ended(half[0]) and ended(half[1])  # as if they had not asked
    for one in half[2:]:
        one.sendall(b"123456789")
        assert one.recv(15) == b"HTTP/1.1 200 OK"

def ended(one):
    try:
        return one.recv(1) == b""
    except ConnectionError:
        return True

def clients():
    bodies()
    crowd()
    half = [connect(b"GET / HT") for _ in range(8)]
    assert ended(half[0]) and ended(half[1])  # the address has its six
    assert answered()
    green.HEAD_S = 0.3
    assert ended(connect(b"GET / HT"))  # it has had its time
    green.HEAD_S = 60.0
    for one in half:
        one.close()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = connect(b"GET / HT")
    green.WAITING_PER_ADDRESS = 100
    others = [socket.socket() for _ in range(40)]
    with socket.socket() as last:
        resource.setrlimit(resource.RLIMIT_NOFILE, (last.fileno() + 1, hard))
    for one in others:
        one.connect(("127.0.0.1", port))  # more than can be accepted
    assert ended(held)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert answered()
    kept = connect(b"GET / HT")
    front.end()
    assert ended(kept)
    print("done", flush=True)
    import os
    os._exit(0)

front = green.Front()
import eventlet.patcher
eventlet.patcher.original("threading").Thread(target=clients, daemon=True).start()
green.serve_green(listener, app, front, green.BodyLimits(BODY_MAX, 5000, lambda environ: environ.get("HTTP_X_BATCH_OF", "")))
"""


def test_who_asks_nothing_is_hung_up_on_and_everybody_else_is_answered() -> None:
    done = subprocess.run([sys.executable, "-c", SERVE], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout == "done\n", done.stderr[-2000:]


def test_where_eventlet_cannot_be_loaded_the_start_says_so_and_what_to_set(tmp_path: Path) -> None:
    environment = os.environ | {
        "SOCKETIO_ASYNC_MODE": "eventlet",
        "DATA_DIR": str(tmp_path),
        "LOG_DIR": str(tmp_path),
        "FLASK_PORT": "0",
    }
    start = "import sys; sys.modules['eventlet'] = None; import app; sys.exit(app.main())"
    done = subprocess.run([sys.executable, "-c", start], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert "SOCKETIO_ASYNC_MODE=eventlet can't be used here" in done.stderr
    assert "set SOCKETIO_ASYNC_MODE=threading" in done.stderr
