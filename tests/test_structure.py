"""The house rules: who may import whom, and no circles."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

WEB = {"flask", "flask_socketio", "flask_sock", "werkzeug", "simple_websocket", "socketio", "web"}
DATABASE = {"pymongo", "bson", "database", "write_queue", "spool", "mongod"}
DETECTORS = {
    "mediapipe",
    "onnxruntime",
    "gaze_direction",
    "face_finder",
    "face_detector",
    "person_finders",
    "audiodetector",
    "voices",
    "analysis",
    "detector_setup",
}
SCORING = {"score", "stretches", "checks"}
SESSIONS = {"exam_session", "monitor"}
OWN = {path.stem for path in ROOT.glob("*.py")} | {"web", "bench"}

# What each module knows nothing of (the last column of the architecture's table).
KNOWS_NOTHING_OF: dict[str, set[str]] = {
    "readings": OWN | WEB | DATABASE | DETECTORS,
    "errors": OWN | WEB | DATABASE | DETECTORS,
    "times": OWN | WEB | DATABASE | DETECTORS,
    "config": WEB | DETECTORS | DATABASE,
    "gaze_direction": SESSIONS | WEB | DATABASE | SCORING,
    "face_finder": SESSIONS | WEB | DATABASE | SCORING,
    "face_detector": SESSIONS | WEB | DATABASE | SCORING,
    "person_finders": SESSIONS | WEB | DATABASE | SCORING,
    "picture_checks": SESSIONS | WEB | DATABASE | SCORING,
    "thresholds": OWN | WEB | DATABASE | DETECTORS,
    "detector_setup": SESSIONS | WEB | DATABASE | SCORING,
    "rescore": SESSIONS | DETECTORS,
    "stored_session": SESSIONS | WEB | DETECTORS | SCORING,
    "audiodetector": SESSIONS | WEB | DATABASE | SCORING,
    "voices": SESSIONS | WEB | DATABASE | SCORING,
    "breaks": WEB | DATABASE | SESSIONS | DETECTORS | {"threading", "time"},
    "accommodations": WEB | DATABASE | SESSIONS | DETECTORS,
    "accommodation_records": WEB | SESSIONS | DETECTORS,
    "review_records": WEB | SESSIONS | DETECTORS | SCORING,
    "retention": WEB | SESSIONS | DETECTORS | SCORING,
    "analytics_queries": WEB | SESSIONS | DETECTORS | SCORING,
    "stills": OWN - {"errors", "stills"} | WEB | DETECTORS | DATABASE,
    "messages": WEB | DATABASE | SESSIONS | DETECTORS | SCORING,
    "screen_stills": WEB | DATABASE | SESSIONS | DETECTORS | SCORING,
    "indexes": WEB | SESSIONS | DETECTORS | SCORING | OWN - {"indexes"},
    "screenmonitor": SESSIONS | WEB | DATABASE,
    "screenhooks": SESSIONS | WEB | DATABASE | SCORING,
    "score": WEB | DATABASE | SESSIONS | DETECTORS | {"threading", "time"},
    "stretches": WEB | DATABASE | SESSIONS | DETECTORS | {"threading", "time"},
    "checks": WEB | DATABASE | SESSIONS | DETECTORS | {"threading", "time"},
    "sources": SCORING | WEB | DATABASE | SESSIONS,
    "camera": SCORING | WEB | DATABASE | SESSIONS,
    "microphone": SCORING | WEB | DATABASE | SESSIONS,
    "devices": SCORING | WEB | DATABASE | SESSIONS,
    "analysis": SCORING | WEB | DATABASE | SESSIONS,
    "exam_session": WEB | DATABASE,
    "monitor": WEB,
    "clip_ring": SCORING | WEB | DATABASE | SESSIONS,
    "recorder": SCORING | WEB | DATABASE | SESSIONS,
    "remux": SCORING | WEB | DATABASE | SESSIONS,
    "picture_feed": SCORING | WEB | DATABASE | SESSIONS | DETECTORS,
    "h264": SCORING | WEB | DATABASE | SESSIONS | DETECTORS,
    "opus": SCORING | WEB | DATABASE | SESSIONS | DETECTORS,
    "database": WEB | DETECTORS | SCORING | SESSIONS,
    "write_queue": WEB | DETECTORS | SCORING | SESSIONS,
    "spool": WEB | DETECTORS | SCORING | SESSIONS,
    "mongod": (OWN | WEB | DETECTORS) - {"errors", "folder_lock", "mongod"},
    "model_files": (OWN | WEB | DATABASE) - {"errors", "config", "model_files"},
}
WEB_KNOWS_NOTHING_OF = DETECTORS - {"analysis"} | {"cv2", "recorder"}


def imports(path: Path, *, at_load: bool = False) -> set[str]:
    """The modules that a file imports, by their whole names, except for type checking only. With `at_load`, not those inside functions."""
    found: set[str] = set()
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if at_load and isinstance(node, ast.FunctionDef):
            continue
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        pending.extend(ast.iter_child_nodes(node))
    return found


def top(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("module", sorted(KNOWS_NOTHING_OF))
def test_a_module_does_not_import_what_it_knows_nothing_of(module: str) -> None:
    assert not top(imports(ROOT / f"{module}.py")) & (KNOWS_NOTHING_OF[module] - {module})


@pytest.mark.parametrize("path", sorted((ROOT / "web").glob("*.py")), ids=lambda path: path.stem)
def test_the_web_side_knows_no_detector(path: Path) -> None:
    assert not top(imports(path)) & WEB_KNOWS_NOTHING_OF


def test_torch_and_ultralytics_are_never_imported_when_the_server_loads() -> None:
    for path in [*ROOT.glob("*.py"), *(ROOT / "web").glob("*.py")]:
        if path.stem != "export_models":
            assert not top(imports(path, at_load=True)) & {"torch", "torchvision", "ultralytics"}, path


def test_imports_make_no_circle() -> None:
    files = {path.stem: path for path in ROOT.glob("*.py")} | {f"web.{path.stem}": path for path in (ROOT / "web").glob("*.py")}
    arrows = {name: imports(path, at_load=True) & set(files) for name, path in files.items()}
    done: set[str] = set()

    def follow(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join([*way, name])
        if name in done:
            return
        for other in arrows[name]:
            follow(other, (*way, name))
        done.add(name)

    for name in arrows:
        follow(name, ())
