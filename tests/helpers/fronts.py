"""The real nginx, HAProxy and Caddy by the files in `deploy/`, in front of instances on this machine; tiny instances; a certificate."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.helpers.deployed import DEPLOY, program
from tests.helpers.waiting import free_port, until

Run = Callable[[Path, Sequence[int], Path], contextlib.AbstractContextManager["Front"]]


@dataclass
class Front:
    """A proxy that runs: its addresses (`http` is empty where it has HTTPS or nothing else), and what it has logged so far."""

    url: str
    http: str = ""
    verify: str | bool = True
    log: Callable[[], str] = field(default=lambda: "")

    def get(self, path: str, **more: Any) -> requests.Response:
        """One call."""
        return requests.get(self.url + path, verify=self.verify, timeout=30, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        """One call."""
        return requests.post(self.url + path, verify=self.verify, timeout=30, **more)


def certificate(folder: Path) -> Path:
    """A PEM file with a certificate for `localhost`, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    written = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "localhost.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*written))
    return path


@contextlib.contextmanager
def haproxy(folder: Path, instances: Sequence[int], pem: Path) -> Iterator[Front]:
    """HAProxy with HTTPS; `instances` are three ports."""
    http, https = free_port(), free_port()
    servers = {f"SERVER_{number}": f"127.0.0.1:{port}" for number, port in enumerate(instances, 1)}
    environment = {**servers, "HTTP_BIND": f"127.0.0.1:{http}", "HTTPS_BIND": f"127.0.0.1:{https}", "TLS_CERT": str(pem)}
    command = [program("haproxy"), "-db", "-f", str(DEPLOY / "haproxy" / "haproxy.cfg")]
    with running(command, folder / "haproxy.log", environment) as log:
        yield reached(Front(f"https://localhost:{https}", f"http://localhost:{http}", str(pem), log))


@contextlib.contextmanager
def nginx(folder: Path, instances: Sequence[int], pem: Path) -> Iterator[Front]:
    """nginx with HTTPS."""
    http, https = free_port(), free_port()
    text = (DEPLOY / "nginx" / "proctor.conf").read_text(encoding="utf-8")
    for old, new in {
        **{f"server 127.0.0.1:500{number} ": f"server 127.0.0.1:{port} " for number, port in enumerate(instances, 1)},
        "listen 80;": f"listen 127.0.0.1:{http};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{https} ssl http2;",
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
        "/etc/ssl/proctor/fullchain.pem": str(pem),
        "/etc/ssl/proctor/privkey.pem": str(pem),
        "/var/log/nginx/proctor.log": str(folder / "access.log"),
    }.items():
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in deploy/nginx/proctor.conf"
        text = text.replace(old, new)
    (folder / "proctor.conf").write_text(text, encoding="utf-8")
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    main = folder / "nginx.conf"
    account = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""  # who may write into this folder
    outside = f"{account} pid {folder}/nginx.pid; daemon off; worker_processes 1; events {{ worker_connections 256; }}"
    main.write_text(f"{outside}\nhttp {{ {places} include {folder}/proctor.conf; }}\n", encoding="utf-8")
    command = [program("nginx"), "-c", str(main), "-p", str(folder), "-e", "stderr"]
    with running(command, folder / "nginx.log", {}):
        log = (folder / "access.log").read_text
        yield reached(Front(f"https://localhost:{https}", f"http://localhost:{http}", str(pem), log))


@contextlib.contextmanager
def caddy(folder: Path, instances: Sequence[int], pem: Path) -> Iterator[Front]:
    """Caddy without HTTPS, whose certificates it gets from elsewhere."""
    url = f"http://127.0.0.1:{free_port()}"
    environment = {
        "SITE": url,
        "INSTANCES": " ".join(f"127.0.0.1:{port}" for port in dict.fromkeys(instances)),
        "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    command = [program("caddy"), "run", "--config", str(DEPLOY / "caddy" / "Caddyfile"), "--adapter", "caddyfile"]
    with running(command, folder / "caddy.log", environment) as log:
        yield reached(Front(url, log=log))


FRONTS: dict[str, Run] = {"haproxy": haproxy, "nginx": nginx, "caddy": caddy}


@contextlib.contextmanager
def running(command: list[str], log: Path, environment: Mapping[str, str]) -> Iterator[Callable[[], str]]:
    """A program as long as it is needed; gives what it has said."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment}, cwd=log.parent)
    try:
        yield lambda: log.read_text("utf-8", "replace")
    except AssertionError:
        print(log.read_text("utf-8", "replace"))
        raise
    finally:
        process.kill()  # HAProxy would wait for what is open
        process.wait(20)


def reached(front: Front) -> Front:
    """`front`, once it answers."""

    def answers() -> bool:
        with contextlib.suppress(requests.ConnectionError):
            front.get("/api/health")
            return True
        return False

    until(answers, what=f"an answer of {front.url}")
    return front


@dataclass
class Tiny:
    """An instance that says who it is, and what it was told of who asks."""

    name: str
    server: ThreadingHTTPServer
    asked: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.server.server_port

    def close(self) -> None:
        """Be gone: whoever connects is refused."""
        self.server.shutdown()
        self.server.server_close()


def tiny(name: str) -> Tiny:
    """Begin one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            told = {key.lower(): value for key, value in self.headers.items()}
            body = json.dumps({"instance": name, "headers": told, "bytes": len(self.rfile.read(length))}).encode()
            if self.path not in {"/api/health", "/api/ready"}:
                made.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    made = Tiny(name, ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return made
