"""The documents build into a site without one broken link, and every link, anchor and picture of the repository's own texts leads somewhere."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from basics.paths import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "bench" / "NOTES.md", *sorted(DOCS.glob("**/*.md"))]
README_BYTES = 12 * 1024  # what somebody with a minute reads


def without_code(text: str) -> str:
    """The text without its code, in which brackets are no links and number signs no headings."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as repositories and the site make them alike."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(path: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text(encoding="utf-8")))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with what the site is made of, and no more."""
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    return tmp_path


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "zensical", "build", "--strict"]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False, timeout=100)


def test_the_site_builds_and_fetches_nothing_from_elsewhere(site: Path) -> None:
    result = build(site)
    assert result.returncode == 0, result.stdout + result.stderr
    for page in DOCS.glob("**/*.md"):
        assert (site / "site" / page.relative_to(DOCS).with_suffix(".html")).is_file(), f"{page.name} is not in the site"
    for page in (site / "site").glob("**/*.html"):
        fetched = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"?([^\s\">]+)", page.read_text(encoding="utf-8"))
        assert [address for address in map(html.unescape, fetched) if re.match(r"(https?:)?//", address)] == [], page.name


@pytest.mark.parametrize("link", ["nowhere.md", "privacy.md#nowhere", "#nowhere"])
def test_a_broken_link_stops_the_build(site: Path, link: str) -> None:
    with (site / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[broken]({link})\n")
    assert build(site).returncode != 0


def test_every_page_is_in_the_sites_navigation() -> None:
    listed = set(re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8")))
    assert listed == {page.relative_to(DOCS).as_posix() for page in DOCS.glob("**/*.md")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


def test_the_readme_can_be_read_in_a_minute_or_two_and_leads_to_every_page() -> None:
    readme = ROOT / "README.md"
    assert readme.stat().st_size <= README_BYTES
    assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} - {"docs/index.md"} <= {link.partition("#")[0] for link in links(readme)}
    assert "curl" not in readme.read_text(encoding="utf-8")
