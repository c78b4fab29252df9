"""The floors of the house, from the ground up."""

from __future__ import annotations

FLOORS: tuple[set[str], ...] = (
    {"basics", "logger"},
    {"settings", "storage", "devices", "media"},
    {"detectors", "scoring", "database", "screenmonitor"},
    {"cluster"},
    {"gaze_direction", "face_detector", "audiodetector", "score", "records"},
    {"sessions", "commands"},
    {"web"},
    {"app", "bench", "demo", "test_system"},
)
"""From the ground up. A package, or a file at the top, imports only from floors below its own."""
