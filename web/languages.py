"""The languages that people read: which there are, which one a request is answered in, and what a text is in it.

Each language is a file `locale/<language>.po` beside the program; English needs none. A page's language is the address's `lang`, else the cookie
that a reader's choice has left, else on a student's page the exam's own, else what the browser asks for, else `PAGE_LANGUAGE`. Scripts that ask
for no language read English.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Blueprint, Response, g, has_request_context, request, url_for
from flask.sansio.app import App
from werkzeug.datastructures import LanguageAccept

from basics.errors import NotFound
from basics.paths import ROOT
from basics.texts import _, translated
from web.parts import parts

ENGLISH = "en"
FOLDER = ROOT / "locale"
COOKIE = "language"
COOKIE_S = 365 * 24 * 3600
WHOSE: Mapping[str, tuple[str, ...]] = {  # whose scripts say a text: a student's browser is given nothing of the proctors' pages
    "student": ("static/js/shared/", "static/js/sending/", "static/js/portal/"),
    "proctor": ("static/js/",),  # a report has what the check told a student
}
BETWEEN = "\x04"  # a text's context and the text, as gettext keeps them
PLURALS_TOLD = 200  # a number's form depends on its last two figures where it is larger

languages = Blueprint("languages", __name__)
_spoken: ContextVar[str | None] = ContextVar("language", default=None)


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its code, its name in itself, and where its lines begin (`ltr`, `rtl`)."""

    code: str
    name: str
    direction: str


@cache
def known_languages(folder: Path = FOLDER) -> Mapping[str, Language]:
    """Every language that can be shown, by code, English first."""
    codes = [ENGLISH, *sorted(path.stem for path in folder.glob("*.po"))]
    return {code: _language(code) for code in codes}


def _language(code: str) -> Language:
    locale = Locale.parse(code)
    name = locale.get_display_name(code) or code
    return Language(code, name[:1].upper() + name[1:], locale.text_direction)


@cache
def messages(language: str) -> Catalog:
    """The messages of a language as its file has them; none in English."""
    if language == ENGLISH:
        return Catalog(locale=ENGLISH)
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


@cache
def catalogue_of(language: str) -> NullTranslations:
    """What says texts in a language."""
    if language == ENGLISH:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, messages(language))
    compiled.seek(0)
    catalogue = Translations(compiled)
    catalogue.runs_from_right = known_languages()[language].direction == "rtl"  # type: ignore[attr-defined]  # for basics.texts
    return catalogue


# Which language


def language_of(asked: str | None, chosen: str | None, accepted: LanguageAccept, default: str = "") -> str:
    """The language for a request that names `asked` in its address and `chosen` in its cookie, from a browser that accepts `accepted`."""
    known = known_languages()
    for code in (asked, chosen):
        if code in known:
            return str(code)
    if not accepted:
        return ENGLISH
    for code, quality in accepted:
        base = code.replace("_", "-").lower().partition("-")[0]
        if quality > 0 and base in known:
            return base
    return default if default in known else ENGLISH


def language() -> str:
    """The code of the language in which is answered here: the one spoken (`speaking`), else the request's, else English."""
    spoken = _spoken.get()
    if spoken is not None:
        return spoken
    if not has_request_context():
        return ENGLISH
    if "language" not in g:
        g.language = language_of(request.args.get("lang"), request.cookies.get(COOKIE), request.accept_languages, parts().settings.page_language)
    return str(g.language)


def begin_in(code: str | None) -> None:
    """Answer this request, and what its page asks for, in an exam's own language, where neither its address nor its reader's choice says another."""
    known = known_languages()
    if code in known and request.args.get("lang") not in known and request.cookies.get(COOKIE) not in known:
        g.language = g.begun_in = code


@contextmanager
def speaking(code: str) -> Generator[None]:
    """Answer in this language within the block: for what is said without a request."""
    token = _spoken.set(code if code in known_languages() else ENGLISH)
    try:
        yield
    finally:
        _spoken.reset(token)


def said(value: Any) -> Any:
    """A text, or a list or mapping that holds some, in the language in which is answered here."""
    code = language()
    return value if code == ENGLISH else translated(value, catalogue_of(code))


# For pages and scripts


def _gettext(message: str) -> str:
    return catalogue_of(language()).gettext(message)


def _ngettext(one: str, many: str, count: int) -> str:
    return catalogue_of(language()).ngettext(one, many, count)


def _pgettext(context: str, message: str) -> str:
    return str(catalogue_of(language()).pgettext(context, message))


def texts_for(code: str, whose: str) -> bytes:
    """The messages that scripts say, as JSON: `texts` by message (a list where it has plurals), and `forms`, a number's plural form for 0 to 199."""
    told = messages(code)
    texts: dict[str, str | list[str]] = {}
    for message in told:
        said_in = (path for path, _ in message.locations)
        if not message.id or message.fuzzy or not any(path.startswith(WHOSE[whose]) for path in said_in):
            continue
        key = message.id if isinstance(message.id, str) else message.id[0]
        if message.context:
            key = f"{message.context}{BETWEEN}{key}"
        string = list(message.string) if isinstance(message.string, tuple) else message.string
        if string and all(string):
            texts[key] = string
    plural = catalogue_of(code).plural if code != ENGLISH else lambda count: int(count != 1)
    forms = [plural(count) for count in range(PLURALS_TOLD)]
    return json.dumps({"texts": texts, "forms": forms}, ensure_ascii=False, sort_keys=True).encode()


@cache
def _texts(code: str, whose: str) -> tuple[bytes, str]:
    body = texts_for(code, whose)
    return body, hashlib.sha256(body).hexdigest()[:16]


@languages.get("/texts/<code>/<whose>.json")
def texts(code: str, whose: str) -> Response:
    """Give scripts their texts in a language."""
    if code not in known_languages() or whose not in WHOSE:
        raise NotFound(_("There are no such texts."))
    body, made = _texts(code, whose)
    response = Response(body, mimetype="application/json")
    # Its address names what it holds, so that a browser asks for it once.
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if request.args.get("v") == made else "no-cache"
    return response


def _catalogue_address(whose: str) -> str:
    code = language()
    return "" if code == ENGLISH else url_for("languages.texts", code=code, whose=whose, v=_texts(code, whose)[1])


@languages.app_context_processor
def _for_templates() -> dict[str, object]:
    return {
        "language": known_languages()[language()],
        "known_languages": list(known_languages().values()),
        "catalogue_address": _catalogue_address,
        "said": said,
    }


def init_languages(app: App) -> None:
    """Let the app's templates speak."""
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=True, pgettext=_pgettext)  # type: ignore[attr-defined]  # the extension's own
    app.register_blueprint(languages)

    @app.after_request
    def _tell_language(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.headers["Content-Language"] = language()
            response.vary.update(("Accept-Language", "Cookie"))
            asked = request.args.get("lang")
            if asked is not None and asked in known_languages():  # what the page's scripts then ask for is answered in its language, too
                _keep(response, asked, COOKIE_S)
            elif "begun_in" in g:  # until the browser ends: nobody chose it
                _keep(response, g.begun_in, None)
        return response


def _keep(response: Response, code: str, seconds: int | None) -> None:
    response.set_cookie(COOKIE, code, max_age=seconds, samesite="Lax", secure=request.is_secure, path=f"{request.root_path}/")
