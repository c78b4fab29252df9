"""Every sixth clip of the labelled sound, against floors a little under today's figures: a change that detects worse fails here."""

from __future__ import annotations

from typing import Any

import pytest

# MediaPipe 0.10.21 calls a part of protobuf 4 that is to go: not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")


@pytest.mark.parametrize("measured", ["audio"], indirect=True)
def test_speech_and_voices(measured: dict[str, Any]) -> None:
    audio = measured
    assert set(audio) == {"n", "speech", "voices", "meetings"}
    assert audio["speech"]["precision"] >= 0.99
    assert audio["speech"]["recall"] >= 0.97
    assert audio["voices"]["recall"] >= 0.90
    assert audio["voices"]["false_alarm"] == 0
    assert audio["meetings"]["recall"] >= 0.70
    assert audio["meetings"]["false_alarm"] == 0
