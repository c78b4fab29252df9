"""`python -m web.catalogues`: brings the catalogues in `locale/` up to what the program says (`--check` only compares); `add pl` begins a language.

A text is found where it is marked: `_("…")` and `ngettext("…", "…", n)` in Python and JavaScript, `{% trans %}` in templates. Where one English text
means two things a context tells them apart: `pgettext("device", "off")` in JavaScript, `{% trans "flags" %}` in templates. What a text was said as
before is kept; one that is new is empty until somebody says it, and one that is not said any more goes.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.pofile import read_po, write_po

from basics.paths import ROOT
from settings.settings import Settings
from web.setting_names import SHOWN_SETTINGS

LOCALE = ROOT / "locale"
PACKAGES = ("basics", "settings", "storage", "devices", "media", "detectors", "scoring", "cluster", "records", "sessions", "web")
METHODS = [
    *[(f"{package}/**.py", "python") for package in PACKAGES],
    ("templates/**.html", "jinja2"),
    ("static/js/**.js", "javascript"),
]
OPTIONS = {"static/js/**.js": {"parse_template_string": "no"}, "templates/**.html": {"trimmed": "no", "silent": "no"}}
KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
PLACEHOLDER = re.compile(r"%\(\w+\)s")
NOTE = """\
Texts of the exam proctor. Brought up to date by `python -m web.catalogues`; docs/languages.md says how to add a language.
"""


def said_by_the_program(root: Path = ROOT) -> Catalog:
    """Every text that the program says to people, with the files that say it."""
    catalog = Catalog(project="Exam proctor", charset="utf-8")
    folders = (*PACKAGES, "templates", "static/js")
    for folder in folders:
        for path, _line, message, _comments, context in extract_from_dir(
            root / folder,
            [(pattern.removeprefix(f"{folder}/"), method) for pattern, method in METHODS if pattern.startswith(f"{folder}/")],
            options_map={pattern.removeprefix(f"{folder}/"): options for pattern, options in OPTIONS.items() if pattern.startswith(f"{folder}/")},
            keywords=KEYWORDS,
        ):
            catalog.add(message, locations=[(f"{folder}/{path}", 0)], context=context)
    for module in sorted(root.glob("*.py")):
        for _line, message, _comments, context in extract_from_file("python", module, keywords=KEYWORDS):
            catalog.add(message, locations=[(module.name, 0)], context=context)
    for names in SHOWN_SETTINGS.values():
        for name in names:
            if described := Settings.model_fields[name].description if name in Settings.model_fields else "":
                catalog.add(described, locations=[("settings", 0)])
    return catalog


def catalogue_files() -> Iterator[tuple[str, Path]]:
    """Each language that there is, with its file."""
    for path in sorted(LOCALE.glob("*.po")):
        yield path.stem, path


def read(language: str, path: Path) -> Catalog:
    """A language's catalogue as it is kept."""
    with path.open("rb") as file:
        return read_po(file, locale=language)


def brought_up(kept: Catalog, wanted: Catalog, language: str) -> Catalog:
    """What the program says now, as it was said so far in this language."""
    made = Catalog(locale=language, project="Exam proctor", charset="utf-8", header_comment=NOTE)
    for message in wanted:
        if not message.id:
            continue
        before = kept.get(message.id, message.context)
        same = before is not None and before.pluralizable == message.pluralizable
        made.add(message.id, before.string if same and before is not None else None, message.locations, message.flags, context=message.context)
    return made


def as_file(catalog: Catalog) -> bytes:
    """The catalogue as its file has it: no dates, no lines' numbers, no wrapping, so that only what changed differs."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=0, include_lineno=False, omit_header=True)
    head = [
        f"# {NOTE.strip()}",
        'msgid ""',
        'msgstr ""',
        f'"Language: {catalog.locale}\\n"',
        '"Content-Type: text/plain; charset=utf-8\\n"',
        f'"Plural-Forms: nplurals={catalog.num_plurals}; plural={catalog.plural_expr};\\n"',
    ]
    return "\n".join([*head, "", ""]).encode() + buffer.getvalue()


def faults(language: str, kept: Catalog, wanted: Catalog) -> list[str]:
    """What is wrong with a language: a text that it lacks, one that nobody says, a placeholder that differs."""
    ids = {_key(message) for message in wanted if message.id}
    found = [f"{language}: nothing says {_key(message)!r} any more" for message in kept if message.id and _key(message) not in ids]
    for message in wanted:
        if message.id:
            found += [f"{language}: {fault}" for fault in _faults_of(message, kept.get(message.id, message.context))]
    return found


def _key(message: Message) -> str:
    said = message.id if isinstance(message.id, str) else str(message.id[0])
    return f"{message.context}: {said}" if message.context else said


def _faults_of(wanted: Message, kept: Message | None) -> Iterator[str]:
    sources = [wanted.id] if isinstance(wanted.id, str) else list(wanted.id)
    strings = [] if kept is None or kept.string is None else [kept.string] if isinstance(kept.string, str) else list(kept.string)
    if kept is None or kept.fuzzy or not strings or not all(strings) or kept.pluralizable != wanted.pluralizable:
        yield f"{_key(wanted)!r} isn't said, or not in all its forms"
        return
    allowed = {placeholder for source in sources for placeholder in PLACEHOLDER.findall(source)}
    needed = allowed - {"%(count)s"} if wanted.pluralizable else allowed  # "one flag" may say its number in a word
    for string in strings:
        has = set(PLACEHOLDER.findall(string))
        if not needed <= has <= allowed:
            yield f"{string!r} has {sorted(has)}, where {sources[0]!r} has {sorted(allowed)}"
        if allowed and "%" in PLACEHOLDER.sub("", string).replace("%%", ""):
            yield f"{string!r} has a % that is neither %% nor a placeholder"


def main(arguments: list[str]) -> int:
    """Bring the catalogues up to date, or say what is wrong with them."""
    wanted = said_by_the_program()
    if arguments[:1] == ["add"] and len(arguments) == 2:
        Locale.parse(arguments[1])
        path = LOCALE / f"{arguments[1]}.po"
        path.write_bytes(as_file(brought_up(Catalog(), wanted, arguments[1])))
        print(f"{path.name}: {len(wanted)} texts to say")
        return 0
    if arguments == ["--check"]:
        found = [fault for language, path in catalogue_files() for fault in faults(language, read(language, path), wanted)]
        print("\n".join(found) or f"{len(wanted)} texts, said in every language")
        return 1 if found else 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    for language, path in catalogue_files():
        made = brought_up(read(language, path), wanted, language)
        path.write_bytes(as_file(made))
        left = sum(1 for message in made if message.id and not (message.string and all(message.string)))
        print(f"{path.name}: {len(made)} texts{f', {left} to say' if left else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
