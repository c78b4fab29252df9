"""A language that a call names."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from basics.texts import _
from web.languages import known_languages


def known(code: str) -> str:
    """The code of a language that there is. Raise `ValueError` with those there are."""
    if code not in known_languages():
        raise ValueError(_("is none of the languages there are: %(codes)s", codes=", ".join(known_languages())))
    return code


SpokenLanguage = Annotated[str, Field(max_length=20), AfterValidator(known)]
SPOKEN = "The language in which the student's page begins, such as `de`: the address then has `?lang=`. Left out, the browser's own."
