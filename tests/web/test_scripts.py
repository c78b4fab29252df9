"""The scripts: what a page loads is there, students load nothing of proctors', and folders import from those below them only."""

from __future__ import annotations

import re
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient

from basics.paths import ROOT
from tests.helpers.pages import PAGE_OF_SCRIPT, Page, make_app
from tests.helpers.web import PASSWORD

SCRIPTS = ROOT / "static" / "js"
STUDENTS_PAGES = ("/portal", "/report")
STUDENTS_TEMPLATES = ("from_page", "lti_assessment")  # of pages that are come to from elsewhere
MAY_IMPORT = {
    "shared": {"shared"},
    "sending": {"sending", "shared"},
    "portal": {"portal", "sending", "shared"},
    "proctor": {"proctor", "shared"},
    "operator": {"operator", "proctor", "shared"},
    "snippet": {"snippet", "sending", "shared"},  # it runs on pages of other sites
}
LONGEST = 350  # lines
NEEDED = re.compile(
    r"""\b(?:import|export)\s*(?:[\w$*\s{},]*?\bfrom\s*)?["']([^"']+)["']"""  # import … from "x", import "x", export … from "x"
    r"""|\bimport\(\s*["']([^"']+)["']"""
    r"""|\b(?:new URL|addModule|importScripts|new (?:Shared)?Worker)\(\s*["']([^"']+)["']"""
)


def needs(text: str) -> list[str]:
    """What a script imports, starts as a worker or worklet, or otherwise names by an address from its own, as it is written there."""
    return [next(filter(None, found)) for found in NEEDED.findall(text)]


def imports(script: Path) -> list[Path]:
    """The scripts of ours that one needs."""
    found = [(script.parent / name).resolve() for name in needs(script.read_text(encoding="utf-8")) if name.startswith(".")]
    return [path for path in found if path.suffix == ".js" and "vendor" not in path.parts]


def loaded_by(client: FlaskClient, page: str) -> set[str]:
    """The address of every script that a browser loads with `page`, and with what that loads; each must be there."""
    scripts = Page(client.get(page).text).all("script", "link")
    named = [script.get(name) for script in scripts for name in ("src", "data-script", "href")]
    return followed(client, [urljoin(page, name) for name in named if name and name.endswith(".js") and "/vendor/" not in name])


def followed(client: FlaskClient, waiting: list[str]) -> set[str]:
    """These scripts and all that they load; each must be there."""
    loaded: set[str] = set()
    while waiting:
        address = waiting.pop()
        if address in loaded:
            continue
        loaded.add(address)
        with client.get(address) as answer:
            assert answer.status_code == 200, address
            assert answer.mimetype == "text/javascript", address
            waiting += [
                urlsplit(urljoin(address, name)).path
                for name in needs(answer.get_data(as_text=True))
                if name.endswith(".js") and "/vendor/" not in name
            ]
    return loaded


def test_the_ways_to_load_a_script_are_all_found() -> None:
    text = """
import "./a.js";
import { b, c as d } from "./b.js";
import {
  long,
} from './c.js';
export { e } from "./d.js";
const later = await import("./e.js");
new Worker(new URL("./f.js", import.meta.url), { type: "module" });
await context.audioWorklet.addModule(new URL("./g.js", import.meta.url));
new Worker("./h.js");
export const said = "./no.js";
call("./no.js");
"""
    assert needs(text) == [f"./{letter}.js" for letter in "abcdefgh"]


@pytest.mark.parametrize("page", ["/portal", "/portal?rehearsal", "/report", "/login", "/nowhere"])
def test_a_student_loads_no_script_and_no_text_of_a_proctor(tmp_path: Path, page: str) -> None:
    client = make_app(tmp_path, proctor_password=PASSWORD).test_client()
    folders = Counter(address.split("/")[3] for address in loaded_by(client, page))
    assert set(folders) <= {"portal", "sending", "shared"}
    if page.startswith("/portal"):
        assert all(folders[name] >= 5 for name in ("portal", "sending", "shared"))  # they were followed


def test_everything_of_the_students_pages_is_loaded_by_them(tmp_path: Path) -> None:
    client = make_app(tmp_path).test_client()
    loaded = {address for page in STUDENTS_PAGES for address in loaded_by(client, page)}
    for template in STUDENTS_TEMPLATES:
        text = (ROOT / "templates" / f"{template}.html").read_text(encoding="utf-8")
        loaded |= followed(client, [f"/static/js/{name}.js" for name in re.findall(r"""['"](?:js/)?(portal/[\w-]+)(?:\.js)?['"]""", text)])
    for folder in ("portal", "sending"):
        assert {f"/static/js/{folder}/{script.name}" for script in (SCRIPTS / folder).glob("*.js")} <= loaded


@pytest.mark.parametrize("page", [page for page in PAGE_OF_SCRIPT.values() if page not in STUDENTS_PAGES])
def test_a_proctors_page_loads_nothing_of_the_students(tmp_path: Path, page: str) -> None:
    client = make_app(tmp_path).test_client()
    assert {address.split("/")[3] for address in loaded_by(client, page)} <= {"operator", "proctor", "shared"}


def test_scripts_import_from_the_folders_below_them_only() -> None:
    assert {path.name for path in SCRIPTS.iterdir() if path.is_dir()} == set(MAY_IMPORT)
    assert list(SCRIPTS.glob("*.js")) == []
    for folder, allowed in MAY_IMPORT.items():
        scripts = sorted((SCRIPTS / folder).glob("*.js"))
        assert len(scripts) >= 3
        for script in scripts:
            for imported in imports(script):
                assert imported.is_file(), f"{script.name} imports {imported.name}, which is not there"
                assert imported.parent.name in allowed, f"{folder}/{script.name} imports {imported.parent.name}/{imported.name}"


def test_no_script_imports_itself_by_way_of_others() -> None:
    graph = {script: imports(script) for script in SCRIPTS.glob("*/*.js")}
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)  # raises CycleError with the way round


def test_only_the_start_of_a_page_imports_what_its_page_names() -> None:
    """An address that is put together can't be followed by the tests above."""
    unknown = re.compile(r"\b(?:import|new URL|addModule|new Worker)\((?!\s*[\"'])")
    found = {
        script.name for script in SCRIPTS.glob("*/*.js") if unknown.search(re.sub(r"\((?=new URL\(\")", '("', script.read_text(encoding="utf-8")))
    }
    assert found == {"start.js", "snippet.js", "watcher.js"}  # the last two make addresses of pages


def test_no_script_is_too_long_to_be_one_subject() -> None:
    for script in SCRIPTS.glob("*/*.js"):
        assert len(script.read_text(encoding="utf-8").splitlines()) <= LONGEST, script.name
