"""The set-up scripts stop with a mend, the pinned packages are those that are used, and `.env.example` has every setting."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

import test_system
from settings.settings import Settings

ROOT = Path(test_system.__file__).resolve().parent
SCRIPTS = [ROOT / "setup.sh", ROOT / "run.sh", ROOT / ".ci" / "run"]
OPTIONAL = {"torch", "ultralytics"}  # imported only where somebody installed them, or inside venv-models
STANDARD = set(sys.stdlib_module_names)
REMOVED = {"asynchat", "asyncore", "distutils", "imp", "smtpd"} | {
    "aifc",
    "audioop",
    "cgi",
    "cgitb",
    "chunk",
    "crypt",
    "imghdr",
    "lib2to3",
    "mailcap",
}
REMOVED |= {"msilib", "nis", "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"}  # from 3.11 to 3.14
README = (ROOT / "README.md").read_text(encoding="utf-8")


# Packages


def _requirements(*names: str) -> dict[str, str]:
    """Package → line, names as pip compares them."""
    found = {}
    for name in names:
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            wanted = line.partition("#")[0].strip()
            if wanted:
                assert re.fullmatch(r"[\w.-]+==[\w.+!-]+(; .+)?", wanted), f"{name}: {wanted!r} is not pinned"
                found[_normal(wanted.partition("==")[0])] = wanted
    return found


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def _imported(paths: list[Path]) -> dict[str, Path]:
    """Top-level modules that the files import, wherever in them."""
    found: dict[str, Path] = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0]: path for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[node.module.partition(".")[0]] = path
    ours = {path.stem for path in ROOT.glob("*.py")} | {path.name for path in ROOT.iterdir() if path.is_dir()} | {path.stem for path in paths}
    return {name: path for name, path in found.items() if name not in STANDARD | ours | OPTIONAL}


@pytest.mark.parametrize(
    ("folders", "files"),
    [
        ((".", "web", "docs"), ("requirements.txt", "requirements-nodeps.txt")),
        (("bench", "tests"), ("requirements.txt", "requirements-nodeps.txt", "requirements-dev.txt")),
    ],
)
def test_everything_imported_is_pinned(folders: tuple[str, ...], files: tuple[str, ...]) -> None:
    pinned = _requirements(*files)
    packages = importlib.metadata.packages_distributions()
    for module, path in _imported([path for folder in folders for path in sorted((ROOT / folder).glob("*.py"))]).items():
        owners = {_normal(owner) for owner in packages.get(module, [module])}
        assert owners & set(pinned), f"{path.name} imports {module} ({', '.join(owners)}), which is in none of {', '.join(files)}"


def test_installed_packages_have_the_pinned_versions() -> None:
    """So that tests speak of what a fresh set-up installs."""
    wanted = {}
    for name in ("requirements.txt", "requirements-nodeps.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            package, _, rest = line.partition("#")[0].strip().partition("==")
            version, _, marker = rest.partition(";")
            if package and _applies(marker.strip()):
                wanted[package] = version.strip()
    assert {package: importlib.metadata.version(package) for package in wanted} == wanted


def test_the_packages_of_the_tests_need_nothing_that_is_not_pinned() -> None:
    """Set-up installs them without asking what they need, and beside the server's, so that none may be in both lists."""
    mine, servers = _requirements("requirements-dev.txt"), _requirements("requirements.txt", "requirements-nodeps.txt", "requirements-s3.txt")
    assert not set(mine) & set(servers)
    systems = [("linux", "posix", "Linux"), ("darwin", "posix", "Darwin")]
    for package in mine:
        for line in importlib.metadata.requires(package) or [] if _is_installed(package) else []:
            need = Requirement(line)
            for python in ("3.10", "3.11", "3.12", "3.13", "3.14"):
                for sys_platform, os_name, system in systems:
                    here = {"python_version": python, "python_full_version": f"{python}.9", "extra": ""}
                    here |= {"sys_platform": sys_platform, "os_name": os_name, "platform_system": system}
                    if need.marker is None or need.marker.evaluate(here):
                        assert _normal(need.name) in mine | servers, f"{package} needs {line}"


def test_nothing_is_imported_that_later_pythons_no_longer_have() -> None:
    paths = [path for path in ROOT.rglob("*.py") if not re.search(r"(^|/)(venv|node_modules|\.\w+)/", path.relative_to(ROOT).as_posix())]
    assert len(paths) > 100
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module] if isinstance(node, ast.ImportFrom) else []
            )
            assert not {str(name).partition(".")[0] for name in names} & REMOVED, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "multiprocessing":
                # how a process is begun without a context of its own: by fork up to 3.13, by a server from 3.14 on
                assert node.attr not in {"Process", "Pool", "Queue", "Pipe", "Manager"}, path


def _is_installed(package: str) -> bool:
    return any(importlib.metadata.distributions(name=package))


def _applies(marker: str) -> bool:
    return not marker or Marker(marker).evaluate()


def test_the_lock_file_fits_package_json_and_names_no_download_address() -> None:
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    lock = json.loads(text)
    assert lock["packages"][""]["dependencies"] == package["dependencies"]
    assert "://" not in text
    assert all("integrity" in entry for name, entry in lock["packages"].items() if name)


# Scripts


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
def test_shellcheck_has_nothing_to_say() -> None:
    result = subprocess.run(["shellcheck", *map(str, SCRIPTS)], capture_output=True, text=True, check=False, timeout=60)
    assert result.stdout == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)


def test_an_unknown_option_is_named() -> None:
    for script in ("setup.sh", "run.sh"):
        result = subprocess.run([str(ROOT / script), "--nonsense"], capture_output=True, text=True, check=False, timeout=30)
        assert result.returncode == 2
        assert "--test" in result.stderr or "usage" in result.stderr


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A copy of the set-up in an empty folder, on a machine whose only Python is too old: `bin` is its whole PATH."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "env", "dirname", "sed", "uname", "ldconfig", "grep", "cat", "cut", "mktemp", "rm", "id", "tail", "sha256sum"):
        found = shutil.which(tool) or shutil.which(tool, path="/sbin:/usr/sbin")
        if found:
            (tools / tool).symlink_to(found)
    old = tools / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.18 && exit 0\nexit 1\n', encoding="utf-8")
    old.chmod(0o755)
    folder = tmp_path / "tree"
    folder.mkdir()
    for name in ("setup.sh", *(path.name for path in ROOT.glob("requirements*.lock")), "package-lock.json", ".env.example"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_without_a_fitting_python_set_up_names_what_it_found_and_the_mend(bare: Path) -> None:
    result = _set_up(bare)
    assert result.returncode != 0
    assert "Python 3.10 to 3.14" in result.stderr
    assert "3.9.18" in result.stderr
    assert "To mend it: install one" in result.stderr
    assert not (bare / "venv").exists()


def _stand_in(path: Path, minor: int) -> Path:
    """A Python that takes itself for 3.`minor`, and can't make an environment."""
    code = f"import sys; sys.version_info = (3, {minor}, 0); exec(sys.argv.pop(1))"
    path.write_text(f'#!/bin/bash\n[ "$1" = -c ] && exec {sys.executable} -c "{code}" "${{@:2}}"\n[ "$1" = --version ]\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def _set_up(bare: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(bare.parent / "bin")}
    return subprocess.run(["/bin/bash", "./setup.sh", *options], cwd=bare, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_without_a_fitting_python_one_of_uvs_is_fetched(bare: Path) -> None:
    """uv's own downloads come from where tests don't go: what stands in for it does what `uv python` does, with a Python that is here."""
    uv, fetched = bare.parent / "bin" / "uv", bare.parent / "fetched"
    python = _stand_in(bare.parent / "fetched-python", 13)
    cases = f"install) : >{fetched} ;; dir) echo {bare.parent} ;; find) [ -e {fetched} ] && echo {python} ;;"
    uv.write_text(f'#!/bin/bash\ncase "$2" in {cases} esac\n', encoding="utf-8")
    uv.chmod(0o755)
    result = _set_up(bare)
    assert "Fetching Python 3.13 with uv" in result.stderr, result.stderr
    assert f"Making venv/ with Python 3.13 ({python})" in result.stdout
    assert "Set-up stopped at: making venv/" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
@pytest.mark.parametrize(
    ("minor", "options", "fits"), [(13, [], True), (14, [], True), (15, [], False), (9, [], False), (13, ["--mediapipe"], False)]
)
def test_pythons_from_3_10_to_3_14_fit_and_with_mediapipe_to_3_12(bare: Path, minor: int, options: list[str], fits: bool) -> None:
    _stand_in(bare.parent / "bin" / "python3", minor)
    result = _set_up(bare, *options)
    assert result.returncode != 0
    assert ("Set-up stopped at: making venv/" in result.stderr) is fits, result.stderr
    assert ("Set-up stopped at: looking for Python 3.10 to" in result.stderr) is not fits


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_when_pip_fails_set_up_says_so_and_the_next_one_tries_again(bare: Path) -> None:
    (bare.parent / "bin" / "python3.11").symlink_to(sys.executable)
    (bare / "requirements.lock").write_text("./no-such-package.whl\n", encoding="utf-8")
    environment = {"PATH": str(bare.parent / "bin"), "PYTHON": sys.executable, "HOME": str(bare)}
    for _ in range(2):
        result = subprocess.run(["/bin/bash", "./setup.sh"], cwd=bare, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert result.returncode != 0
        assert "installing Python packages of requirements.txt" in result.stderr
        assert "To mend it" in result.stderr
    assert not (bare / "venv" / ".setup-server").exists()
    (bare / "requirements.lock").write_text("", encoding="utf-8")
    (bare / "requirements-nodeps.lock").write_text("", encoding="utf-8")
    (bare / "requirements-dev.lock").write_text("./no-such-package.whl\n", encoding="utf-8")
    result = subprocess.run(
        ["/bin/bash", "./setup.sh", "--test"], cwd=bare, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert "installing the tests' Python packages" in result.stderr, result.stderr
    assert not (bare / "venv" / ".setup-test").exists()
    (bare / "requirements.lock").write_text("./no-such-package.whl\n", encoding="utf-8")
    shutil.rmtree(next((bare / "venv" / "lib").glob("python3*")) / "site-packages" / "pip")  # as a Ctrl+C in the midst of it leaves it
    result = subprocess.run(["/bin/bash", "./setup.sh"], cwd=bare, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert "making it anew" in result.stdout
    assert "installing Python packages of requirements.txt" in result.stderr


# test_system.py


def _run_test_system(tmp_path: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    folders = {name: str(tmp_path / name.lower()) for name in ("DATA_DIR", "CLIPS_DIR", "TEMP_DIR", "LOG_DIR")}
    quiet = {"CAMERA": "none", "MICROPHONE": "none", "SCREEN_HOOKS": "false", "STATIONS": ""}
    environment = os.environ | folders | quiet | changes
    environment.pop("DISPLAY", None)
    return subprocess.run(
        [sys.executable, str(ROOT / "test_system.py")], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def _states(output: str) -> dict[str, str]:
    """Part → state of the printed table."""
    return {match.group(1): match.group(2) for match in re.finditer(r"^(\S.*?)  +(ok|missing|off)\b", output, re.MULTILINE)}


def test_system_table_shows_what_really_works(tmp_path: Path) -> None:
    result = _run_test_system(tmp_path)
    states = _states(result.stdout)
    assert result.stderr == ""
    for part in ("Python", "library onnxruntime", "settings", "gaze (FaceMesh)", "speech (Silero)", "video encoder (H.264, AAC)"):
        assert states[part] == "ok"
    assert "by LiteRT (GAZE_BACKEND=litert)" in _line(result.stdout, "gaze (FaceMesh)")
    assert states["database (embedded mongod)"] == "ok"
    assert states["camera (default)"] == "off"
    missing = [part for part, state in states.items() if state == "missing" and "not required" not in _line(result.stdout, part)]
    assert result.returncode == (1 if missing else 0)


def _line(output: str, part: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(part))


def test_system_fails_with_the_mend_when_the_database_is_away_and_a_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    result = _run_test_system(
        tmp_path, MONGO_URI="mongodb://127.0.0.1:9/", MONGO_TIMEOUT_S="0.3", CLIPS_DIR=str(tmp_path / "file"), CAMERA=str(tmp_path / "no.mp4")
    )
    states = _states(result.stdout)
    assert result.returncode == 1
    assert states["database (MONGO_URI)"] == "missing"
    assert "check MONGO_URI" in result.stdout
    assert states["folder CLIPS_DIR"] == "missing"
    assert "not required" in _line(result.stdout, "camera (default)")
    assert "Missing and required: " in result.stdout
    assert "camera" not in result.stdout[result.stdout.index("Missing and required") :]


def test_system_names_a_wrong_setting(tmp_path: Path) -> None:
    result = _run_test_system(tmp_path, FLASK_PORT="banana")
    assert result.returncode == 1
    assert "FLASK_PORT='banana'" in _line(result.stdout, "settings")


def test_system_counts_devices_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Settings.model_validate({"camera": str(tmp_path / "no.mp4"), "microphone": "none", "screen_hooks": False})
    for required in (False, True):
        rows = {row.part: row for row in test_system.check_devices(chosen, required)}
        assert rows["camera (default)"].state == "missing"
        assert rows["camera (default)"].required is required
        assert rows["camera (default)"].mend
        assert rows["microphone (default)"].state == "off"
