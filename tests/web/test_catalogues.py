"""The catalogues: every language says every text, with the placeholders of the English; what is wrong with one is found."""

from __future__ import annotations

from functools import cache

import pytest
from babel.messages.catalog import Catalog

from web.catalogues import LOCALE, as_file, brought_up, catalogue_files, faults, read, said_by_the_program

LANGUAGES = ("ar", "de", "es", "fr", "pt")


@cache
def wanted() -> Catalog:
    return said_by_the_program()


def test_the_languages_are_those_that_the_documents_name() -> None:
    assert tuple(language for language, _path in catalogue_files()) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_says_every_text_and_its_file_is_as_the_command_writes_it(language: str) -> None:
    path = LOCALE / f"{language}.po"
    kept = read(language, path)
    assert faults(language, kept, wanted()) == [], "python -m web.catalogues, then say what is empty"
    assert path.read_bytes() == as_file(brought_up(kept, wanted(), language)), "python -m web.catalogues"


def catalogue(*said: tuple[str | tuple[str, str], str | tuple[str, ...]]) -> Catalog:
    made = Catalog(locale="de")
    for message, string in said:
        made.add(message, string)
    return made


ONE, MANY = ("%(count)s flag of %(user)s", "%(count)s flags of %(user)s"), ("%(count)s Hinweis für %(user)s", "%(count)s Hinweise für %(user)s")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (catalogue(("Hello %(name)s", "")), "isn't said"),
        (catalogue((ONE, MANY)), "isn't said"),
        (catalogue(("Hello %(name)s", "Hallo")), "has []"),
        (catalogue(("Hello %(name)s", "Hallo %(user)s")), "has ['%(user)s']"),
        (catalogue(("Hello %(name)s", "Hallo %(name)s, 50 %")), "neither %% nor a placeholder"),
        (catalogue(("Hello %(name)s", "Hallo %(name)s"), ("Gone", "Weg")), "nothing says 'Gone'"),
    ],
)
def test_what_is_wrong_with_a_language_is_found(said: Catalog, fault: str) -> None:
    found = faults("de", said, catalogue(("Hello %(name)s", ""), *([(ONE, ("", ""))] if said.get(ONE) else [])))
    assert any(fault in one for one in found), found


def test_one_text_that_means_two_things_is_said_twice() -> None:
    wanted = catalogue(("off", ""))
    wanted.add("off", context="device")
    kept = catalogue(("off", "aus"))
    assert faults("de", brought_up(kept, wanted, "de"), wanted) == ["de: 'device: off' isn't said, or not in all its forms"]
    kept.add("off", "ausgeschaltet", context="device")
    made = brought_up(kept, wanted, "de")
    assert [(message.context, message.string) for message in made if message.id] == [(None, "aus"), ("device", "ausgeschaltet")]


def test_a_plural_needs_all_its_forms() -> None:
    plural = catalogue((ONE, ("", "")))
    assert faults("de", catalogue((ONE, MANY)), plural) == []
    assert faults("de", catalogue((ONE, ("Ein Hinweis für %(user)s", MANY[1]))), plural) == []
    assert faults("de", catalogue((ONE, (MANY[0], ""))), plural) != []
    assert faults("de", catalogue((ONE, ("%(count)s Hinweis", MANY[1]))), plural) != []


def test_what_was_said_is_kept_and_what_is_new_is_empty() -> None:
    before = catalogue(("Hello %(name)s", "Hallo %(name)s"), ("Gone", "Weg"))
    made = brought_up(before, catalogue(("Hello %(name)s", ""), ("New", "")), "de")
    assert [(message.id, message.string or "") for message in made if message.id] == [("Hello %(name)s", "Hallo %(name)s"), ("New", "")]
