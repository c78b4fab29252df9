"""The institution's own exam, at an address of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


class ExamPage(BaseHTTPRequestHandler):
    """One page, whatever is asked for."""

    text: ClassVar[bytes] = b'<!doctype html><html lang="en"><title>Exam</title><h1>Question 1</h1><input aria-label="Answer"></html>'
    more: ClassVar[Mapping[str, str]] = {}  # headers

    def do_GET(self) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(self.text)), **self.more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.text)

    def log_message(self, format: str, *args: Any) -> None:
        """It says nothing."""


@contextmanager
def exam_served(page: type[ExamPage] = ExamPage) -> Iterator[str]:
    """Serve the exam; gives its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), page) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}/exam"
        serving.shutdown()
        thread.join()
