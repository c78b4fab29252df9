"""The socket the server listens on: its own port, or the next free one where nobody chose a port and that is offered.

A port counts as taken where it can't be bound, and also where somebody answers on it: macOS lets a second program bind 127.0.0.1:5000
beside AirPlay's *:5000, and a browser that asks for `localhost` may then reach either.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Mapping

from basics.errors import ConfigError
from settings.settings import Settings

BACKLOG = 256
PROBE_S = 0.5  # a listener on this machine answers in far less
NEXT_PORTS = 50
EVERYWHERE = frozenset({"0.0.0.0", "::", ""})
LOOPBACK = ("127.0.0.1", "::1")  # `localhost` is either
AIRPLAY_PORTS = frozenset({5000, 7000})


def listen(settings: Settings, *, offer_next: bool = False) -> socket.socket:
    """Listen where the settings say. Raise `ConfigError` when that can't be had.

    With `offer_next`, where the port is taken and nobody chose it: at the next free one, after asking whoever sits at a terminal.
    """
    host, port = settings.flask_host, settings.flask_port
    try:
        return _bind(host, port)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        if not taken or not offer_next or is_chosen(settings):
            raise _refusal(host, port, error) from None
    listener = _next_free(host, port)
    if listener is None or not _agreed(port, listener.getsockname()[1]):
        if listener is not None:
            listener.close()
        raise _refusal(host, port, OSError(errno.EADDRINUSE, ""))
    return listener


def is_chosen(settings: Settings, environment: Mapping[str, str] | None = None) -> bool:
    """Whether somebody chose the port: in the environment, or in `.env`, which set-up makes with the default in it."""
    environment = os.environ if environment is None else environment
    given = any(name.upper() == "FLASK_PORT" and value for name, value in environment.items())
    return given or settings.flask_port != type(settings).model_fields["flask_port"].default


def _bind(host: str, port: int) -> socket.socket:
    """Listen at `host:port`. Raise `OSError`, of `EADDRINUSE` also where another program answers there already."""
    if port and any(_answers(address, port) for address in _reached_at(host)):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()  # everywhere is IPv4, too
    return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)


def _reached_at(host: str) -> tuple[str, ...]:
    """The addresses under which a browser on this machine would look for a server at `host`."""
    if host in EVERYWHERE or host == "localhost" or host in LOOPBACK:
        return LOOPBACK
    return (host,)


def _answers(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family) as probe:
        probe.settimeout(PROBE_S)
        probe.connect((address, port))
        # A connection from a port to itself is nobody's: TCP allows it where the kernel happens to choose that port.
        return bool(probe.getsockname() != probe.getpeername())
    return False


def _next_free(host: str, port: int) -> socket.socket | None:
    for candidate in range(port + 1, min(port + 1 + NEXT_PORTS, 65536)):
        with contextlib.suppress(OSError):
            return _bind(host, candidate)
    return None


def _agreed(port: int, other: int) -> bool:
    """Whether to go on at `other`: whoever sits at a terminal is asked, everybody else is told."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(f"Port {port} is taken: starting at {other} instead.", flush=True)
        return True
    try:
        answer = input(f"Port {port} is taken. Start at {other} instead? [Y/n] ")
    except (EOFError, KeyboardInterrupt):
        print()
        return False
    return answer.strip().lower() in {"", "y", "yes"}


def _refusal(host: str, port: int, error: OSError) -> ConfigError:
    if error.errno != errno.EADDRINUSE:
        return ConfigError(
            f"FLASK_HOST={host} FLASK_PORT={port} can't be listened on: {error.strerror or error}. Set another FLASK_HOST or FLASK_PORT.",
            field="FLASK_PORT",
        )
    lines = [f"Port {port} is taken: another program listens there already (FLASK_HOST={host} FLASK_PORT={port})."]
    if sys.platform == "darwin" and port in AIRPLAY_PORTS:
        lines.append("On macOS that is usually AirPlay Receiver: System Settings → General → AirDrop & Handoff → AirPlay Receiver switches it off.")
    other = port + 1 if port < 65535 else port - 1
    lines.append(f"End that program, or choose another port: FLASK_PORT={other} ./run.sh, or FLASK_PORT={other} in .env.")
    return ConfigError("\n".join(lines), field="FLASK_PORT")
