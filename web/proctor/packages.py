"""The calls that give a session, or a whole exam, as a signed package, and the public half of the key that signs them."""

from __future__ import annotations

import base64
import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import BinaryIO, cast

from flask import Blueprint, Response, current_app, render_template, request, stream_with_context
from markupsafe import Markup
from pydantic import BaseModel, Field

from basics.canonical import canonical
from basics.errors import Forbidden, NotFound, StorageError, TooMany
from basics.paths import ROOT
from basics.texts import _
from basics.times import utc_now
from database import Document
from media.stores.base import KeptFile
from records.package_contents import Reads, write_session
from records.package_key import PackageKey, find_package_key, shared_package_key
from records.packages import ALGORITHM, About, PackageWriter
from records.shapes import CLIP, SESSION
from web.access.callers import caller, signature
from web.access.hold import hold
from web.calls.audit import note
from web.calls.bodies import read_query, reply
from web.calls.openapi import describe
from web.calls.spelling import as_sought
from web.calls.values import Identifier, check_session_id
from web.hop.arrival import TAKEN
from web.hop.files import fetched, lives
from web.parts import parts
from web.proctor.accommodation_words import has_note
from web.proctor.package_report import report_of

log = logging.getLogger(__name__)

packages = Blueprint("packages", __name__)

RETRY_S = 10
REST_BYTES = 64 << 20  # free room for what a package has beside clips; more is asked for as it is needed
PART_BYTES = 1 << 18
_EXTENSION = "proctor_packages"


class PackageKeyAnswer(BaseModel):
    """The key that signs this server's packages: publish its fingerprint where those who check them look for it."""

    algorithm: str = ALGORITHM
    public_key: str = Field(description="64 hexadecimal digits.")
    fingerprint: str = Field(description="SHA-256 of the key's 32 bytes, 64 hexadecimal digits.")


class SessionPackageQuery(BaseModel):
    """What else is in it."""

    identity: bool = Field(default=False, description="The pictures of face and card, and what people decided about them, too.")


class PackageQuery(SessionPackageQuery):
    """Of which exam."""

    exam_id: Identifier


@packages.get("/api/packages/key")
@describe(PackageKeyAnswer, errors=(503,))
def key() -> Response:
    """Give the public key by which packages of this server are known. It is for everybody."""
    own = _key()
    return reply(PackageKeyAnswer(public_key=own.public_key, fingerprint=own.fingerprint))


@packages.get("/api/session/<session_id>/package")
@describe(query=SessionPackageQuery, errors=(404, 429, 503), media_type="application/zip")
def of_session(session_id: str) -> Response:
    """Give a session as a signed package: report, records, decisions, the audit's entries, clips and stills. That it was taken is noted.

    Pictures of face and card are in it only with `identity`. One at a time for each caller. `flask --app app verify PACKAGE` and the page `/verify`
    check it.
    """
    check_session_id(session_id)
    wanted = read_query(request, SessionPackageQuery)
    exam_id = SESSION.fit(parts().database.session(session_id))[0].get("exam_id")
    return package((session_id,), exam_id, f"session-{session_id[:8]}.zip", folders=False, identity=wanted.identity)


@packages.get("/api/session/<session_id>/package/<name>")
@describe(errors=(404, 409, 503), media_type="application/mp4")
def file_of_session(session_id: str, name: str) -> Response:
    """Give a file of this server's disk to another server, which makes a package that has it: a clip by its interval's number, or a picture.

    To everybody else there is nothing here: clips are at `/api/video`.
    """
    check_session_id(session_id)
    missing = NotFound(_("There is no such file of this session here."), field="name")
    if TAKEN not in request.environ:
        raise missing
    if not name.isdecimal():
        return Response(parts().identity.picture(session_id, name), mimetype="image/jpeg")
    video_id = f"{session_id}-{name[:9]}"
    clip = CLIP.fit(parts().database.interval(video_id).get("clip"))[0]
    file = parts().files.clip(video_id, clip) if clip.get("state") == "ready" else None
    if file is None:
        raise missing
    response = Response(file.pieces(), mimetype="application/mp4", direct_passthrough=True)
    response.content_length = file.size
    return response


@packages.get("/api/package")
@describe(query=PackageQuery, errors=(404, 429, 503), media_type="application/zip")
def of_exam() -> Response:
    """Give all sessions of an exam as one signed package, with a folder for each.

    It is sent while it is made, which takes some tenths of a second a session: its length isn't known before.
    """
    wanted = as_sought(read_query(request, PackageQuery))
    exam_id = wanted.exam_id
    hold("results", exam_id)
    sessions = _reads().sessions_of(exam_id)
    if not sessions:
        raise NotFound(_("There is no session of the exam %(exam_id)s.", exam_id=repr(exam_id)), field="exam_id")
    return _package_as_made(tuple(sessions), exam_id, identity=wanted.identity)


def package(
    sessions: tuple[str, ...],
    exam_id: str | None,
    name: str,
    *,
    folders: bool,
    more: Mapping[str, list[Document]] | None = None,
    user_id: str | None = None,
    identity: bool = False,
) -> Response:
    """A package of sessions as an answer, noted in the audit; `more` are further records, each kind as a file of its own.

    `user_id`: the student whose everything it is. `identity`: with the pictures of face and card.

    Raise `NotFound`, `TooMany` where one is made for this caller, `StorageError`.
    """
    _check_notes(sessions, exam_id)
    with _one_at_a_time():
        made_by, (file, making) = signature(), _begun(sessions, exam_id, folders=folders, more=more, identity=identity)
        with _or_closed(file):
            for _part in making:
                pass
            size = file.tell()
            file.seek(0)
    of_student = {"user_id": user_id} if user_id is not None else {}
    named = {"sessions": list(sessions[:1000])} if folders else {"session_id": sessions[0]}
    with_pictures = {"identity": True} if identity else {}
    note("package: exported", made_by, exam_id=exam_id, **of_student, **named, **with_pictures)
    response = Response(_sent(file), mimetype="application/zip")
    response.call_on_close(file.close)
    response.headers["Content-Length"] = str(size)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store, private"
    return response


def _check_notes(sessions: tuple[str, ...], exam_id: str | None) -> None:
    """Raise `Forbidden` where older records hold what is not for the caller."""
    if not caller().may("accommodations", exam_id) and any(has_note(parts().database.session(session_id)) for session_id in sessions):
        raise Forbidden(_("These records hold a note that is for those who set accommodations in this exam. Ask one of them for the package."))


def _package_as_made(sessions: tuple[str, ...], exam_id: str, *, identity: bool) -> Response:
    """As `package`, of an exam; but what is made is sent at once: no web server in between waits minutes for the first byte."""
    _check_notes(sessions, exam_id)
    closing = ExitStack()
    closing.enter_context(_one_at_a_time())
    try:
        file, making = _begun(sessions, exam_id, folders=True, identity=identity)
        closing.callback(file.close)
        with _or_closed(file):
            next(making)  # what goes wrong so far is answered
        with_pictures = {"identity": True} if identity else {}
        note("package: exported", signature(), exam_id=exam_id, sessions=list(sessions[:1000]), **with_pictures)
        response = Response(stream_with_context(_sent_as_made(file, making, closing)), mimetype="application/zip")
    except BaseException:
        closing.close()
        raise
    response.call_on_close(closing.close)
    response.headers["Content-Disposition"] = 'attachment; filename="exam.zip"'
    response.headers["Cache-Control"] = "no-store, private"
    return response


def _begun(
    sessions: tuple[str, ...], exam_id: str | None, *, folders: bool, identity: bool, more: Mapping[str, list[Document]] | None = None
) -> tuple[BinaryIO, Iterator[None]]:
    """A file, and what writes the package into it: whenever that gives way, what is written stays as it is."""
    made_at, made_by, reads = utc_now(), signature(), _reads(identity=identity)
    room = _Room(reads.size_of(sessions) + REST_BYTES)  # what the records need is looked at while they are written
    file = cast(BinaryIO, tempfile.TemporaryFile(dir=parts().settings.temp_dir, prefix="package-"))  # noqa: SIM115 (closed when it is sent; it has no name)

    def making() -> Iterator[None]:
        writer = PackageWriter(file, _key(), check=room.check)
        for session_id in sessions:
            _write(writer, reads, session_id, f"{session_id}/" if folders else "", made_at, made_by)
            yield
        for kind, records in (more or {}).items():
            writer.add(f"student/{kind}.jsonl", [canonical(record) + b"\n" for record in records])
        writer.close(About(sessions, exam_id, made_at, made_by, *reads.chain_end()))
        yield

    return file, making()


@contextmanager
def _or_closed(file: BinaryIO) -> Iterator[None]:
    """Close the file where the package can't be made. Raise `StorageError` for what the system says of it."""
    try:
        yield
    except BaseException as error:
        file.close()
        if isinstance(error, OSError):
            raise StorageError(_("The package can't be made: %(error)s.", error=error.strerror or error)) from error
        raise


def _sent_as_made(file: BinaryIO, making: Iterator[None], closing: ExitStack) -> Iterator[bytes]:
    """What is written already, and each further piece; where one can't be made the answer breaks off, which its reader sees."""
    sent = 0
    with closing:
        while True:
            end = file.tell()
            file.seek(sent)
            while sent < end:
                part = file.read(min(PART_BYTES, end - sent))
                sent += len(part)
                yield part
            try:
                next(making)
            except StopIteration:
                return
            except Exception as error:
                log.warning("a package broke off while it was sent: %s", error)
                raise


def _write(package: PackageWriter, reads: Reads, session_id: str, folder: str, made_at: datetime, made_by: str) -> None:
    from web.proctor.package_pdf import pdf_of  # takes a fifth of a second to load, which no start of the server should wait for

    report = report_of(write_session(package, reads, session_id, folder), made_at, made_by)
    package.missing.extend({"path": f"{folder}report.html: {one}", "why": "damaged in the database"} for one in report.unreadable)
    style = (ROOT / "static" / "css" / "package.css").read_text(encoding="utf-8")
    page = render_template(
        "package_report.html",
        report=report,
        sheet=Markup("<style>{}</style>").format(Markup(style)),
        as_base64=lambda data: base64.b64encode(data).decode(),
    )
    package.add(f"{folder}report.html", page.encode("utf-8", "replace"))
    package.add(f"{folder}report.pdf", pdf_of(report))


class _Room:
    """Looks that the disk of temporary files keeps the room that exams need."""

    def __init__(self, wanted: int) -> None:
        self._folder = parts().settings.temp_dir
        self._least = parts().settings.min_free_mb << 20
        self._folder.mkdir(parents=True, exist_ok=True)
        self._parts = 0
        self._look(wanted)

    def check(self) -> None:
        self._parts += 1
        if self._parts % 64 == 0:
            self._look(0)

    def _look(self, wanted: int) -> None:
        if shutil.disk_usage(self._folder).free - wanted < self._least:
            raise StorageError(_("The disk of TEMP_DIR has too little room for this package. Free some, or take fewer sessions at once."))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Raise `TooMany` where this caller has one made already."""
    caller = f"{request.remote_addr}\n{request.headers.get('Cookie', '')}\n{request.headers.get('Authorization', '')}"
    busy, lock = current_app.extensions.setdefault(_EXTENSION, (set(), threading.Lock()))
    with lock:
        if caller in busy:
            raise TooMany(_("A package is being made for you already: wait until it is there."), retry_after_s=RETRY_S)
        busy.add(caller)
    try:
        yield
    finally:
        with lock:
            busy.discard(caller)


def _sent(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while part := file.read(PART_BYTES):
            yield part


def _reads(*, identity: bool = False) -> Reads:
    stills, gone = parts().stills, parts().database.gone

    def still(clip: KeptFile, name: str, at: float) -> bytes:
        with gone.writing(name.partition("-")[0]):
            return stills.get(clip, name, at).read_bytes()

    return Reads(parts().database, parts().files, still, identity, fetched, lives)


def _key() -> PackageKey:
    own = find_package_key(parts().settings.data_dir)
    return shared_package_key(parts().database, own, parts().access.secret_key) if parts().hops.has_others else own
