"""Texts that know how they are said: what they are in English, and in a language whose catalogue the test makes."""

from __future__ import annotations

import gettext
import io
import json

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from basics.doubts import sentence as doubt
from basics.signals import SIGNALS
from basics.texts import _, decimal, from_kept, in_english, joined, kept, ngettext, translated


def german(*messages: tuple[str | tuple[str, str], str | tuple[str, str]]) -> gettext.GNUTranslations:
    made = Catalog(locale="de")
    for english, said in messages:
        made.add(english, said)
    file = io.BytesIO()
    write_mo(file, made)
    file.seek(0)
    return gettext.GNUTranslations(file)


def test_a_text_is_english_and_is_said_in_a_language_where_it_is_shown() -> None:
    text = _("No session %(id)s.", id="a%b")
    assert text == "No session a%b."
    assert json.dumps({"text": text}) == '{"text": "No session a%b."}'
    assert translated(text, german(("No session %(id)s.", "Keine Sitzung %(id)s."))) == "Keine Sitzung a%b."


def test_texts_within_texts_and_within_what_is_answered_are_said() -> None:
    catalogue = german(("Marked: %(what)s", "Markiert: %(what)s"), ("two", "zwei"))
    told = {"one": [_("Marked: %(what)s", what=joined("; ", [_("two"), "x"]))], "number": 3, "plain": "two"}
    assert translated(told, catalogue) == {"one": ["Markiert: zwei; x"], "number": 3, "plain": "two"}
    assert told["one"] == ["Marked: two; x"]


def test_wrong_placeholders_and_what_is_not_said_fall_back_to_english() -> None:
    text = _("%(count)s of %(all)s", count=1, all=2)
    for wrong in ("%(nobody)s von %(all)s", "%(count)d% von", "%(count"):
        assert translated(text, german(("%(count)s of %(all)s", wrong))) == "1 of 2"
    assert translated(text, german()) == "1 of 2"
    assert translated(_(""), german(("x", "y"))) == ""


def test_a_count_takes_the_languages_own_form() -> None:
    catalogue = german((("%(count)s flag", "%(count)s flags"), ("%(count)s Markierung", "%(count)s Markierungen")))
    told = [translated(ngettext("%(count)s flag", "%(count)s flags", count), catalogue) for count in (0, 1, 2)]
    assert told == ["0 Markierungen", "1 Markierung", "2 Markierungen"]


def test_what_english_says_in_words_of_its_own_is_said_by_the_message_elsewhere() -> None:
    text = in_english(ngettext("%(count)s person", "%(count)s people", 2), "Two people")
    assert (text, translated(text, german())) == ("Two people", "Two people")
    assert translated(text, german((("%(count)s person", "%(count)s people"), ("%(count)s Person", "%(count)s Personen")))) == "2 Personen"


def test_every_signal_and_doubt_is_a_text() -> None:
    shown = [signal.say({}, lasting, 2) for signal in SIGNALS.values() for lasting in ("", "12 s")]
    assert all(hasattr(text, "said_by") for text in shown)
    catalogue = german(
        ("Pictures are read less than half as often as wanted (%(detail)s)", "Zu selten gelesen (%(detail)s)"),
        ("%(read)s of %(wanted)s a second", "%(read)s von %(wanted)s je Sekunde"),
        ("The exam's page has been out of sight since %(detail)s", "Seit %(detail)s nicht zu sehen"),
    )
    assert translated(doubt("read_seldom", "1.2 of 5 a second"), catalogue) == "Zu selten gelesen (1.2 von 5 je Sekunde)"
    assert translated(doubt("out_of_sight", "since 12:05"), catalogue) == "Seit 12:05 nicht zu sehen"
    assert doubt("virtual_camera", "3 a second") == "The camera is a program: 3 a second"


def test_a_name_keeps_its_own_direction_in_a_sentence_that_runs_from_the_right() -> None:
    catalogue = german(("No session %(id)s.", "لا جلسة %(id)s."))
    catalogue.runs_from_right = True  # type: ignore[attr-defined]  # as web.languages tells of each catalogue
    assert translated(_("No session %(id)s.", id="123-abc"), catalogue) == "لا جلسة \u2068123-abc\u2069."
    assert translated(_("No session %(id)s.", id="علي"), catalogue) == "لا جلسة علي."


def test_a_decimal_is_written_as_a_language_has_it() -> None:
    catalogue = german(("%(whole)s.%(part)s", "%(whole)s,%(part)s"))
    assert [translated(decimal(1.6), catalogue), translated(decimal(2), catalogue), decimal(0.25, 1)] == ["1,6", "2", "0.2"]


def test_a_text_that_was_stored_is_said_in_the_readers_language() -> None:
    catalogue = german(("Marked: %(what)s", "Markiert: %(what)s"), ("two", "zwei"))
    text = _("Marked: %(what)s", what=joined("; ", [_("two"), "x"]))
    stored = json.loads(json.dumps(kept(text)))
    assert from_kept(stored) == text
    assert translated(from_kept(stored), catalogue) == "Markiert: zwei; x"
    assert from_kept(kept(ngettext("%(count)s try", "%(count)s tries", 2))) == "2 tries"
    damaged = {"english": "E", "messages": [1], "values": {}, "count": 0}
    assert [from_kept(one) for one in ("plain", None, 7, {"english": "E"}, damaged)] == ["plain", "", "", "E", "E"]
