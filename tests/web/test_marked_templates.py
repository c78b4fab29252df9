"""The templates' texts: each is marked for translation, and a marked text is a whole one."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from basics.paths import ROOT

TEMPLATES = sorted((ROOT / "templates").glob("*.html"))
READ_OUT = ("alt", "aria-description", "aria-label", "aria-placeholder", "aria-roledescription", "aria-valuetext", "label", "placeholder", "title")
MARKED = r"{%-? trans\b.*?{%-? endtrans -?%}"
CALLED = r"\b(?:_|n?gettext)\((?:\s*(?:'[^']*'|\"[^\"]*\"),?)+"  # a text that is marked within a tag
KEYS = {"Esc"}  # printed so on every keyboard, as the letters are


class Said(HTMLParser):
    """What a template says to people outside its marks."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        given = dict(attrs)
        named = READ_OUT + (("content",) if tag == "meta" and given.get("name") in ("description", "title") else ())
        named += ("value",) if tag == "input" and given.get("type") in ("button", "reset", "submit") else ()
        self.texts += [value for name in named if (value := given.get(name)) and re.search(r"\w", value)]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        text = data.strip()
        tag = self._inside[-1] if self._inside else ""
        is_key = tag == "kbd" and (len(text) == 1 or text in KEYS)
        is_figure = not re.search(r"[^\W\d_]", text)
        if not (is_key or is_figure or tag == "code"):
            self.texts.append(text)


def unmarked(source: str) -> list[str]:
    """The texts in a template that nobody can translate."""
    source = re.sub(r"{#.*?#}", "", source, flags=re.DOTALL)
    source = re.sub(MARKED, "", source, flags=re.DOTALL)
    source = re.sub(r"{% block body_(?:class|data) %}.*?{% endblock %}", "", source, flags=re.DOTALL)
    tags = "".join(re.findall(r"{%.*?%}|{{.*?}}", source, flags=re.DOTALL))
    literals = re.findall(r"""["']([A-Z][^"']*[a-z ][^"']*)["']""", re.sub(CALLED, "", tags))
    return Said(re.sub(r"{%.*?%}|{{.*?}}", "", source, flags=re.DOTALL)).texts + literals


def glued(source: str) -> list[str]:
    """Sentences that are made of several marked pieces, whose order another language can't choose."""
    piece = r"{% endtrans %}[ ]*(?:{%[^%]*%}[ ]*)*(?:<(a|b|code|em|kbd|strong)\b[^>]*>.*?</\1>|{{.*?}})[ .,;:]*(?:{%[^%]*%}[ ]*)*{% trans"
    begun = r"{% trans[^%]*%}[\s,;.:)].*?{% endtrans %}"
    return [found.group() for pattern in (piece, begun) for found in re.finditer(pattern, source)]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_every_text_of_a_page_is_marked_and_whole(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    assert unmarked(source) == []
    assert glued(source) == []
    assert re.findall(r"\b(?:_|gettext)\((?![\"']).*?\)", source) == [], "a name is said where it is given; here only what stands here is marked"
    for opened, said in re.findall(r"({% trans[^%]*%})(.*?){% endtrans %}", source, flags=re.DOTALL):
        assert ("count=" in opened) == ("{% pluralize %}" in said), said


@pytest.mark.parametrize(
    "source",
    [
        "<p>Not marked</p>",
        "<p>{% trans %}Marked{% endtrans %} and not</p>",
        '<nav aria-label="Main">{% trans %}Marked{% endtrans %}</nav>',
        '<img alt="A clip of {{ name }}">',
        '<input placeholder="Name or exam">',
        "<option>All exams</option>",
        '<optgroup label="Warnings"></optgroup>',
        '<kbd>Space</kbd><meta name="description" content="For proctors">',
        '{% call list(field, "Ready-made messages") %}{% endcall %}',
        "{% for name, title in [('days', 'How many flags?')] %}{{ title }}{% endfor %}",
    ],
)
def test_a_text_that_is_not_marked_is_found(source: str) -> None:
    assert len(unmarked(source)) == (2 if "kbd" in source else 1)


@pytest.mark.parametrize(
    "source",
    [
        '{% trans %}Students use{% endtrans %} <a href="/portal">{% trans %}the portal{% endtrans %}</a> {% trans %}here.{% endtrans %}',
        "{% trans %}Write a note;{% endtrans %} <kbd>Esc</kbd> {% trans %}leaves it{% endtrans %}",
        "{% trans %}Your screen{% endtrans %}{% if optional %}{% trans %}, if you share it{% endtrans %}{% endif %}",
        "{% trans %}There are{% endtrans %} {{ count }} {% trans %}flags{% endtrans %}",
    ],
)
def test_a_sentence_of_pieces_is_found(source: str) -> None:
    assert glued(source)
