"""Detectors and the encoder that raise or are slow. They are broken from outside, by `bench.faults.hooks` in the server's process."""

from __future__ import annotations

import functools
import threading

from basics.paths import ROOT
from bench.faults.ground import Ground
from bench.faults.hooks import environment
from bench.faults.row import Row

BROKEN_S = 10.0
SERVED_S = 60.0  # a busy machine; the seconds are told
SLOW_S = 3.0  # a reading that takes this long: under half of what is wanted, by far


def broken(part: str, order: str, ground: Ground) -> None:
    """`part` does what `order` says for a while."""
    folder = ground.folder / "hooks"
    ground.begin(environment(folder, ROOT), 1)
    ground.rest(2, 4)
    file = folder / part
    file.with_suffix(".new").write_text(order)
    ground.hit()
    file.with_suffix(".new").replace(file)
    ground.served(SERVED_S, f"{part} began to {order}")
    threading.Event().wait(BROKEN_S)
    file.unlink()


ROWS = [
    Row(
        "gaze raises", f"the gaze detector raises for {BROKEN_S:g} s", functools.partial(broken, "gaze", "raise"), "gaze|analysis", "gaze", quick=True
    ),
    Row(
        "persons raise",
        f"the persons detector raises for {BROKEN_S:g} s",
        functools.partial(broken, "persons", "raise"),
        "persons|analysis",
        "persons|faces",
    ),
    Row(
        "sound raises",
        f"the sound detector raises for {BROKEN_S:g} s",
        functools.partial(broken, "sound", "raise"),
        "sound|analysis",
        "sound|microphone",
    ),
    Row(
        "gaze is slow",
        f"each reading takes {SLOW_S:g} s",
        functools.partial(broken, "gaze", f"sleep {SLOW_S:g}"),
        "gaze|analysis",
        "gaze|analysis|read",
    ),
    Row("encoder raises", f"no clip can be made for {BROKEN_S:g} s", functools.partial(broken, "encoder", "raise"), "recorder|clip", "clip"),
]
