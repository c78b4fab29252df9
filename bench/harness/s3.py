"""An S3 server of its own on loopback, as a process; and a relay in front of it, which can be switched off."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import urllib.request
import uuid
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Any

from bench.harness.server import ServerError
from bench.harness.waiting import comes, free_port
from media.stores.s3 import S3Place, S3Store

START_S = 60.0
ACCESS_KEY, SECRET_KEY = "AKIAEXAMPLE000000000", "a secret of no store"


class Relay:
    """Passes on what comes to `port`, until it is switched off; then nobody answers there."""

    def __init__(self, to: int) -> None:
        self.port = free_port()
        self._to = to
        self._listening: socket.socket | None = None
        self.on()

    def on(self) -> None:
        """Answer again."""
        listening = socket.create_server(("127.0.0.1", self.port), backlog=50, reuse_port=False)
        self._listening = listening
        threading.Thread(target=self._take, args=(listening,), daemon=True).start()

    def off(self) -> None:
        """Answer nobody, and hang up on who is there."""
        if self._listening is not None:
            with suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None

    def _take(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _address = listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(one, other, listening), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, listening: socket.socket) -> None:
        with closing(one), closing(other), suppress(OSError):
            while (data := one.recv(1 << 16)) and self._listening is listening:
                other.sendall(data)


class S3Server:
    """moto's S3 in a process of its own. It keeps what it has in memory, and believes every key until it is told not to."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self._log = log.open("wb")
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        environment = {**os.environ, "MOTO_ALLOW_NONEXISTENT_REGION": "true"}
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, env=environment)
        if not comes(self._answers, START_S):
            self.stop()
            raise ServerError(f"the S3 server did not start: {log.read_text(errors='replace')}")

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def bucket(self) -> S3Place:
        """A new bucket."""
        name = f"clips-{uuid.uuid4().hex[:12]}"
        client_of(self.place(name)).create_bucket(Bucket=name)
        return self.place(name)

    def place(self, bucket: str, port: int | None = None) -> S3Place:
        """Where `bucket` is reached: at `port`, a relay's, or at the server's own."""
        endpoint = f"http://127.0.0.1:{port}" if port else self.endpoint
        return S3Place(bucket, endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, prefix="exams/here")

    def looks_at_keys(self, looks: bool) -> None:
        """Whether only keys are believed that it gave; it gave none."""
        request = urllib.request.Request(
            f"{self.endpoint}/moto-api/reset-auth", data=b"0" if looks else b"inf", headers={"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(request, timeout=30).close()

    def stop(self) -> None:
        """End it; what it had is gone."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.endpoint}/moto-api/data.json", timeout=5).close()
        except OSError:
            return False
        return True


def client_of(place: S3Place) -> Any:
    """boto3's own client, by which one does to a bucket what our store does not."""
    return _client_at(place.endpoint)


@cache
def _client_at(endpoint: str) -> Any:
    return S3Store(S3Place("any", endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY))._client
