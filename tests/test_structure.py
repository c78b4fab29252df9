"""The house: each package imports from floors below its own only, nothing makes a circle, and no file grows past reading."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.helpers.house import FLOORS

ROOT = Path(__file__).resolve().parent.parent

OUTSIDE: dict[str, set[str]] = {
    # What of others' code belongs to one place only: a pure part has no threads, and only the web speaks to the web.
    "flask": {"web", "app", "commands"},
    "pymongo": {"storage", "database", "cluster", "records", "commands", "test_system"},
    "boto3": {"media.stores.s3"},
    "botocore": {"media.stores.s3"},
    "mediapipe": {"detectors.mediapipe_faces"},
    "onnxruntime": {"detectors.runtime"},
    "ai_edge_litert": {"detectors.runtime"},
}
PURE = {"scoring", "score", "basics.readings"}  # readings in, results out: no threads, no clock of their own
PYTHON_LINES, SCRIPT_LINES = 450, 350
FLOOR = {package: number for number, packages in enumerate(FLOORS, 1) for package in packages}


def files() -> Iterator[Path]:
    """The product's own Python files, without tests."""
    yield from sorted(ROOT.glob("*.py"))
    for package in sorted(FLOOR):
        yield from sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in files()}


@cache
def imports(path: Path, *, at_load: bool = False) -> frozenset[str]:
    """The modules that a file imports, by their whole names, inside functions too, except for type checking only."""
    found: set[str] = set()
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if at_load and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are written whole, not relative"
            found |= {whole if (whole := f"{node.module}.{name.name}") in MODULES else node.module for name in node.names}
        pending.extend(ast.iter_child_nodes(node))
    return frozenset(found)


def top(name: str) -> str:
    return name.partition(".")[0]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_package_imports_from_floors_below_its_own_only(module: str) -> None:
    own = top(module)
    assert own in FLOOR, f"{own} stands on no floor: add it to FLOORS"
    others = {top(name) for name in imports(MODULES[module])} & set(FLOOR) - {own}
    above = {other for other in others if FLOOR[other] >= FLOOR[own]}
    assert not above, f"{module} (floor {FLOOR[own]}) imports from {', '.join(f'{other} (floor {FLOOR[other]})' for other in sorted(above))}"


@pytest.mark.parametrize("library", sorted(OUTSIDE))
def test_a_library_is_used_where_it_belongs_only(library: str) -> None:
    users = {module for module, path in MODULES.items() if any(top(name) == library for name in imports(path))}
    assert {module for module in users if not {module, top(module)} & (OUTSIDE[library] | {"bench"})} == set()


def test_the_rules_know_no_thread_and_no_clock() -> None:
    for module, path in MODULES.items():
        if module in PURE or top(module) in PURE:
            assert not imports(path) & {"threading", "time", "queue"}, module


def test_imports_make_no_circle() -> None:
    arrows = {name: {other for other in imports(path) if other in MODULES and other != name} for name, path in MODULES.items()}
    done: set[str] = set()

    def follow(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join([*way[way.index(name) :], name])
        if name in done:
            return
        for other in sorted(arrows[name]):
            follow(other, (*way, name))
        done.add(name)

    for name in sorted(arrows):
        follow(name, ())


def test_no_test_imports_another() -> None:
    """What several share stands in `tests/helpers`."""
    for path in (ROOT / "tests").rglob("*.py"):
        others = {name for name in imports(path) if name.startswith("tests.") and name.rpartition(".")[2].startswith("test_")}
        assert not others, f"{path.relative_to(ROOT)} imports {', '.join(sorted(others))}"


def test_torch_and_ultralytics_are_never_imported_when_the_server_loads() -> None:
    for module, path in MODULES.items():
        if module != "commands.export_models":
            assert not {top(name) for name in imports(path, at_load=True)} & {"torch", "torchvision", "ultralytics"}, module


def test_every_package_says_in_one_line_what_it_is() -> None:
    for path in MODULES.values():
        if path.name == "__init__.py":
            text = path.read_text(encoding="utf-8")
            assert ast.get_docstring(ast.parse(text)), path
            assert len(text.splitlines()) == 1, f"{path} holds more than its docstring"


def test_no_file_is_longer_than_one_can_read() -> None:
    tests = list((ROOT / "tests").rglob("*.py"))
    scripts = [*(ROOT / "static" / "js").rglob("*.js"), *(ROOT / "tests").rglob("*.js")]
    long = [f"{path.relative_to(ROOT)}: {lines} lines" for path in [*MODULES.values(), *tests] if (lines := _lines(path)) > PYTHON_LINES]
    long += [f"{path.relative_to(ROOT)}: {lines} lines" for path in scripts if (lines := _lines(path)) > SCRIPT_LINES]
    assert not long, "\n".join(long)


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_called_as_a_module_of_pythons_own() -> None:
    """A script run by its path would be given it in that one's place: `commands/token.py` kept torch from being imported beside it."""
    assert {path.name for path in MODULES.values() if path.parent.name == "commands" or path.parent == ROOT} & {
        f"{name}.py" for name in sys.stdlib_module_names
    } == set()
