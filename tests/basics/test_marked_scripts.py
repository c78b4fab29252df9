"""What pages' scripts say to people is marked for translation, in words that a language can say its own way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract

from basics.paths import ROOT
from web.catalogues import KEYWORDS, OPTIONS

SCRIPTS = ROOT / "static" / "js"
MODULES = sorted(SCRIPTS.rglob("*.js"))
TEXTS = [path for path in MODULES if path.name.startswith("texts")]
OTHERS = [path for path in MODULES if path not in TEXTS]

# What looks like words, but is not said to people: by module.
ALLOWED: dict[str, set[str]] = {
    "operator/browser-name.js": {  # names, as a browser says them of itself and as people do
        *(
            [
                "Edg/",
                "Edge",
                "OPR/",
                "Opera",
                "Firefox/",
                "Firefox",
                "Chrome/",
                "Chrome",
                "Safari/",
                "Safari",
                "Android",
                "iPhone",
                "iPad",
                "Windows",
                "macOS",
                "CrOS",
                "ChromeOS",
                "Linux",
            ]
        ),
        "Mac OS X",
    },
    "portal/checks.js": {"Worker", "not shared", "\0 ms", "\0 kbit/s", ", "},  # what a browser has; figures for the record
    "portal/outside.js": {"nothing selected", "at the start"},  # an act's detail, for the record
    "portal/seb.js": {"/exams/\0.seb"},  # an address
    "portal/started.js": {"\0 \0 "},  # what the browser remembers
    "proctor/exam-seb.js": {"/exams/\0.seb"},  # an address
    "proctor/exam-snippet.js": {'<script type="module" src="\0" data-token-url="/proctor-token"></script>'},  # a line of code
    "sending/acts.js": {"nothing selected", "at the start"},  # an act's detail, for the record
    "sending/h264-encoder.js": {  # why a browser's encoder is not used, for its console
        "\0 of \0 pictures came out",
        "pictures came out in another order",
        "the first picture is no key with its parameters in Annex B",
        "a chunk holds no picture",
        "pictures come out as something else",
    },
    "shared/language.js": {"; "},  # between cookies
    "proctor/timeline-rows.js": {"sound: lost"},  # a cause, as the record has it
    "shared/translate.js": {", "},  # the comma of lists, by language
    "sending/picture-worker.js": {"the browser says that it can't"},
}


# Tokens


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is name, string, template (each `${…}` is a NUL in it), regex or mark; `calls`: the calls it stands in, the innermost last."""

    kind: str
    text: str
    line: int
    calls: tuple[str, ...] = ()


TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<name>[#\w$]+)
    |(?P<mark>=>|\?\?=?|\?\.|===|!==|[=!<>]=|.)""",
    re.VERBOSE | re.DOTALL,
)
REGEX = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
AFTER_VALUE = re.compile(r"[\w$#)\]}\"'`]$")
WORDS_BEFORE_REGEX = {"return", "case", "typeof", "in", "of"}


@dataclass(slots=True)
class Reader:
    """Reads a script's tokens, those within templates too."""

    source: str
    at: int = 0
    found: list[Token] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def read(self, *, inside: bool = False) -> list[Token]:
        """All tokens; `inside` a template's `${…}` those up to its end."""
        depth = 0
        while self.at < len(self.source):
            if self.source[self.at] == "`":
                self._template()
                continue
            regex = REGEX.match(self.source, self.at) if self.source[self.at] == "/" and not self._follows_value() else None
            match = regex if regex and self.source[self.at + 1] not in "/*" else TOKEN.match(self.source, self.at)
            assert match is not None
            kind, text = ("regex", match[0]) if match is regex else (match.lastgroup or "", match[0])
            if inside and depth == 0 and text == "}":
                self.at = match.end()
                return self.found
            depth += {"{": 1, "}": -1}.get(text, 0)
            if kind != "skip":
                self._take(kind, text)
            self.at = match.end()
        return self.found

    def _take(self, kind: str, text: str) -> None:
        if text in (")", "]", "}") and kind == "mark" and self.open:
            self.open.pop()
        value = text[1:-1] if kind == "string" else text
        self.found.append(Token(kind, value, self.source.count("\n", 0, self.at) + 1, tuple(self.open)))
        if text in ("(", "[", "{") and kind == "mark":
            self.open.append(self._callee() if text == "(" else "")

    def _callee(self) -> str:
        before = self.found[-5:-1]
        if before and before[-1].text == "?.":
            before.pop()
        if not before or before[-1].kind != "name":
            return ""
        names = [token.text for token in before[-3:]]
        return f"{names[0]}.{names[2]}" if len(names) == 3 and names[1] in (".", "?.") else names[-1]

    def _follows_value(self) -> bool:
        if not self.found:
            return False
        last = self.found[-1]
        if last.kind == "mark":
            return last.text in (")", "]", "}")
        return last.text not in WORDS_BEFORE_REGEX

    def _template(self) -> None:
        place, line, calls = len(self.found), self.source.count("\n", 0, self.at) + 1, tuple(self.open)
        self.found.append(Token("template", "", line, calls))
        self.at += 1
        text = ""
        while self.source[self.at] != "`":
            if self.source.startswith("${", self.at):
                self.at += 2
                self.found.append(Token("mark", "${", line, calls))
                self.read(inside=True)
                text += "\0"
            elif self.source[self.at] == "\\":
                text += self.source[self.at + 1]
                self.at += 2
            else:
                text += self.source[self.at]
                self.at += 1
        self.at += 1
        self.found[place] = Token("template", text, line, calls)


@cache
def _tokens(path: Path) -> list[Token]:
    return Reader(path.read_text(encoding="utf-8")).read()


# What is asked of them

LETTER = re.compile(r"[^\W\d_]")
CODE = re.compile(r"[a-z][a-z0-9_]*$|\.{1,2}/[\w./-]+\.js$")  # a key, a state; a module
WORD = r"[^\W\d_]{2,}"
WORDS = re.compile(
    rf"{WORD}[,.:;!?…]* {WORD}"  # two of them
    rf"|^[A-Z][a-z]+(?:['’][a-z]+)?[.:…?!]*$"  # one that begins a sentence
    rf"|\0[,.:;%]? ?(?!px){WORD}$|\0 {WORD}|{WORD}[,.:;]? \0"  # one beside a value
    rf"|\0[.,:;]+ \0|^[,.:;] $"  # values that are put in a row
)
OF_DEVELOPERS = re.compile(r"console\.|^(?:Range|Type)?Error$|^Symbol$")
OF_STYLE = re.compile(
    r"\.(?:querySelector(?:All)?|closest|matches|toggleAttribute|getElementById|setProperty|getContext|getItem|setItem|removeItem)$"
    r"|^(?:import|matchMedia)$"
)
STYLES = re.compile(r"\s*[.:\w][^{}]*\{[^{}]*:[^{}]*;\s*\}")  # rules of a style sheet
KEYS_OF_THE_BROWSER = re.compile(r"(?:Tab|Enter|Escape|Alt|Meta|Control|Shift|Home|End|Delete|Backspace|Process)$")
NOT_SAID_AS = {"class", "role", "type", "for", "href", "src", "d", "font", "transform", "Authorization"}


def _argument(tokens: list[Token], at: int) -> bool:
    """Is the string at `at` what a mark says?"""
    before = [token.text if token.kind != "string" else '"' for token in tokens[max(0, at - 4) : at]]
    return before[-2:] in (["_", "("], ["ngettext", "("]) or before in (["ngettext", "(", '"', ","], ["pgettext", "(", '"', ","])


def _compared(tokens: list[Token], at: int) -> bool:
    """Is it only compared with, or the name of something?"""
    before = tokens[at - 1].text if at else ""
    after = tokens[at + 1].text if at + 1 < len(tokens) else ""
    named = before in (":", "=") and tokens[at - 2].text in NOT_SAID_AS
    return before in ("===", "!==", "case", "from", "import") or after in ("===", "!==", "in") or named


def _unmarked(path: Path) -> Iterator[str]:
    tokens = _tokens(path)
    for at, token in enumerate(tokens):
        if token.kind == "template":
            wrong = bool(LETTER.search(token.text) or WORDS.search(token.text))
        elif token.kind == "string":
            is_text = LETTER.search(token.text) and not CODE.match(token.text)
            wrong = bool(is_text) and not _argument(tokens, at) and not _compared(tokens, at)
        else:
            wrong = token.text in ("join", "toFixed", "plural") and tokens[at + 1].text == "("
        if wrong:
            yield f"line {token.line}: {token.text!r}"


def _said_elsewhere(path: Path) -> Iterator[str]:
    tokens = _tokens(path)
    allowed = ALLOWED.get(str(path.relative_to(SCRIPTS)), set())
    for at, token in enumerate(tokens):
        if token.kind not in ("string", "template") or not WORDS.search(token.text) or token.text in allowed:
            continue
        if _argument(tokens, at) or _compared(tokens, at) or STYLES.match(token.text) or KEYS_OF_THE_BROWSER.match(token.text):
            continue
        if any(OF_DEVELOPERS.search(call) for call in token.calls) or OF_STYLE.search("".join(token.calls[-1:])):
            continue
        yield f"line {token.line}: {token.text!r}"


def _of(path: Path) -> str:
    return str(path.relative_to(SCRIPTS))


@pytest.mark.parametrize("path", TEXTS, ids=_of)
def test_each_text_is_marked(path: Path) -> None:
    assert list(_unmarked(path)) == []


@pytest.mark.parametrize("path", OTHERS, ids=_of)
def test_no_other_module_says_something_unmarked(path: Path) -> None:
    assert list(_said_elsewhere(path)) == []


def test_what_is_allowed_to_look_like_words_is_there() -> None:
    for name, texts in ALLOWED.items():
        assert texts <= {token.text for token in _tokens(SCRIPTS / name)}, name


@pytest.mark.parametrize("path", MODULES, ids=_of)
def test_each_mark_has_a_plain_text_that_is_found(path: Path) -> None:
    tokens = _tokens(path)
    marked: set[str] = set()
    for at, token in enumerate(tokens[:-3]):
        if token.kind != "name" or token.text not in ("_", "ngettext", "pgettext") or tokens[at + 1].text != "(" or tokens[at - 1].text == "function":
            continue
        first, after = tokens[at + 2], tokens[at + 3]
        assert first.kind == "string", f"line {first.line}: no plain text"
        assert after.text in (",", ")"), f"line {first.line}: no plain text"
        if token.text == "ngettext":
            assert [tokens[at + 4].kind, tokens[at + 5].text] == ["string", ","], f"line {first.line}: no plain plural"
        if token.text == "pgettext":
            assert [tokens[at + 4].kind, tokens[at + 5].text] == ["string", ")"], f"line {first.line}: no plain text after its context"
            first = tokens[at + 4]
        marked.add(first.text.replace('\\"', '"'))
    source = BytesIO(path.read_bytes())
    found = extract("javascript", source, KEYWORDS, (), OPTIONS["static/js/**.js"])  # as python -m web.catalogues does
    assert {message if isinstance(message, str) else message[0] for _line, message, _comments, _context in found} == marked


@pytest.mark.parametrize("path", MODULES, ids=_of)
def test_dates_and_numbers_are_written_as_the_page_s_language_writes_them(path: Path) -> None:
    tokens = [token.text for token in _tokens(path)]
    for at, text in enumerate(tokens):
        assert not re.match(r"toLocale\w*String$", text), "Intl with `locale`"
        if text == "Intl" and path.name != "translate.js":
            assert tokens[at + 3 : at + 5] == ["(", "locale"], "Intl with `locale`"


@pytest.mark.parametrize(
    "line",
    [
        'a: "Camera found",',
        'a: "it is gone",',
        "a: (n) => `${n} flags`,",
        'a: (x) => `${x}: ${x ? `${x} min` : ""}`,',
        'a: _("Found") + "Not found",',
        'a: ngettext("%(count)s flag", "%(count)s flags", n, { b: "A word" }),',
        'a: [x, y].join(", "),',
        'a: plural(n, "flag", "flags"),',
        'a: (x) => x.replace(/["`/]/g, "a mark"),',
    ],
)
def test_an_unmarked_text_is_seen(line: str, tmp_path: Path) -> None:
    script = tmp_path / "texts.js"
    script.write_text(f"export const texts = {{\n  {line}\n}};\n", encoding="utf-8")
    assert list(_unmarked(script)) != []


@pytest.mark.parametrize(
    "line",
    [
        'setText(place, "Not ready");',
        'setText(place, "Ready");',
        "setText(place, `${count} left`);",
        "setText(place, `${name}: ${text}`);",
        'make("p", { "aria-label": "Close" });',
        'words.join(", ");',
        'const share = a / b; setText(place, "The share"); // c / d',
    ],
)
def test_words_in_another_module_are_seen(line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(f"{__name__}.SCRIPTS", tmp_path)
    script = tmp_path / "page.js"
    script.write_text(f"{line}\n", encoding="utf-8")
    assert list(_said_elsewhere(script)) != []
