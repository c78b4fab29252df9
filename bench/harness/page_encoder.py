"""Footage as H.264 by the student's page itself: its encoder class, in a real Chromium, with the layers and keys that it chooses."""

from __future__ import annotations

import base64
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

from basics.paths import ROOT
from basics.readings import Frame
from bench.harness.chromium import Chromium
from bench.harness.footage import H264_BITRATE

ENCODER = "/static/js/sending/h264-encoder.js"
AT_ONCE = 100  # pictures of one answer of the browser's
ANSWER_MS = 20_000  # an encoder that holds a picture longer has dropped it
OPEN = """async ([encoder, width, height, bitrate, fps]) => {
  const { H264Encoder } = await import(encoder);
  window.made = [];
  window.encoder = new H264Encoder(
    ({ bytes, at, key, layer }) => {
      window.made.push([at / 1000, key, layer, btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))]);
      window.came();
    },
    (_images, reason) => window.failed(new Error(reason)),
  );
  return window.encoder.open({ width, height, bitrate, fps, layers: true });
}"""
ENCODE = """async ([first, times, most]) => {
  window.made = [];
  for (const [number, at] of times.entries()) {
    const picture = await createImageBitmap(await (await fetch(`/${first + number}`)).blob());
    const out = new Promise((resolve, reject) => {
      Object.assign(window, { came: resolve, failed: reject });
      setTimeout(() => reject(new Error(`picture ${first + number} did not come out of the encoder`)), most);
    });
    window.encoder.encode(new VideoFrame(picture, { timestamp: Math.round(at * 1e6) }), at * 1000, false);
    picture.close();
    await out;
  }
  return window.made;
}"""


def h264_of_page(pictures: Sequence[tuple[float, bytes]], width: int, height: int, fps: float = 10.0) -> list[Frame]:
    """Pictures `(time in s, JPEG)` as the page's encoder sends them, at its own beat. Raise `RuntimeError` where this Chromium can't."""
    with ThreadPoolExecutor(1) as thread:  # one thread drives one browser, and the caller's may drive another already
        return thread.submit(_encoded, pictures, width, height, fps).result()


def _encoded(pictures: Sequence[tuple[float, bytes]], width: int, height: int, fps: float) -> list[Frame]:
    frames: list[Frame] = []
    with (
        _served([data for _, data in pictures]) as url,
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        Chromium(playwright, Path(folder) / "profile", shell=True) as chromium,
    ):
        page = chromium.open(url)
        if not page.evaluate(OPEN, [ENCODER, width, height, H264_BITRATE, fps]):
            raise RuntimeError("this Chromium encodes no H.264 in two layers")
        for first in range(0, len(pictures), AT_ONCE):
            made = page.evaluate(ENCODE, [first, [at for at, _ in pictures[first : first + AT_ONCE]], ANSWER_MS])
            frames += [Frame(at, base64.b64decode(data), "h264", key, layer) for at, key, layer, data in made]
    return [replace(frame, sequence=number) for number, frame in enumerate(frames)]


@contextmanager
def _served(pictures: Sequence[bytes]) -> Iterator[str]:
    """The address of a page that holds nothing, with the encoder's code and the pictures beside it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            if self.path == ENCODER:
                kind, body = "text/javascript", (ROOT / name).read_bytes()
            elif name.isdecimal():
                kind, body = "image/jpeg", pictures[int(name)]
            else:
                kind, body = "text/html", b"<!doctype html><title>encoder</title>"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="pictures-served", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
