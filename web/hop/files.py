"""Files for a package that is made here, from the servers on whose disks they lie: by calls of the package's caller, who may have them there, too."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from time import sleep

from flask import Request, Response, request

from media.stores.base import LocalFile
from web.hop.sending import ASKED_MAX, Unanswered, Unreached
from web.parts import parts

BUSY_S, BUSY_TRIES = 0.5, 20  # a package has time, and who asks for a page has not
LARGEST = 1 << 32  # bytes; no file of a package is so large
OF_A_PART = ("HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE")


@contextmanager
def fetched(session_id: str, name: str, sha256: object, servers: Sequence[str]) -> Iterator[LocalFile | None]:
    """A file of a session for as long as this lasts, as its record's hash says that it is: the clip of the interval of this number, or a picture.

    None where none of the servers can be asked, or has it unchanged.
    """
    with tempfile.NamedTemporaryFile(dir=parts().settings.temp_dir, prefix="fetched-") as file:
        path = Path(file.name)
        for server in parts().hops.living(servers)[:ASKED_MAX]:
            file.seek(0)
            file.truncate()
            found = hashlib.sha256()
            try:
                for piece in _pieces(server, f"/api/session/{session_id}/package/{name}"):
                    file.write(piece)
                    found.update(piece)
            except (Unreached, Unanswered):
                continue
            file.flush()
            if found.hexdigest() == sha256:
                yield LocalFile(path)
                return
        yield None


def _pieces(server: str, path: str) -> Iterator[bytes]:
    environ = {name: value for name, value in request.environ.items() if name not in OF_A_PART and not name.startswith("werkzeug.")}
    environ |= {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "CONTENT_LENGTH": "0", "wsgi.input": io.BytesIO()}
    answer = _answer(server, Request(environ))
    try:
        if answer.status_code != 200:
            raise Unreached(f"{server} answers {answer.status_code}")
        size = 0
        for piece in answer.response:
            size += len(piece)
            if size > LARGEST:
                raise Unreached(f"{server} gives more than a file can have")
            yield piece if isinstance(piece, bytes) else piece.encode()
    except (OSError, HTTPException) as error:  # the other server's: what is done with a piece is not done here
        raise Unanswered(str(error)) from None
    finally:
        answer.close()


def _answer(server: str, asked: Request) -> Response:
    """What a server answers, once a place for the call is free. Raise `Unreached`, `Unanswered`."""
    for _try in range(BUSY_TRIES):
        try:
            return parts().hops.send(server, asked)
        except Unreached as error:
            if not error.busy:
                raise
        sleep(BUSY_S)
    return parts().hops.send(server, asked)


def lives(server: str) -> bool:
    """Can this server be asked, by any name that it has had?"""
    return bool(parts().hops.living([server]))
