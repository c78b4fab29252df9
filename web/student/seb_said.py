"""What a student's page says of Safe Exam Browser, and what is answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from basics.plain_text import one_line, printable

Hash = Annotated[str, StringConstraints(max_length=200)]


class SebSaid(BaseModel):
    """What the page could read from Safe Exam Browser's own interface; nothing in another browser. Only a key's proof is believed."""

    config_key: Hash = Field(default="", description="`SafeExamBrowser.security.configKey`: the Config Key, hashed with the page's address.")
    browser_exam_key: Hash = Field(default="", description="`SafeExamBrowser.security.browserExamKey`, likewise.")
    version: Annotated[str, StringConstraints(max_length=200), AfterValidator(printable), AfterValidator(one_line)] = Field(
        default="", description="`SafeExamBrowser.version`."
    )
    lang: str = Field(default="", max_length=20, description="`lang` at the end of the page's address, where it has one.")


class SebChecked(BaseModel):
    """Whether the page is in Safe Exam Browser."""

    success: Literal[True] = True
    mode: Literal["off", "noted", "required"]
    state: Literal["yes", "no", "unknown"] = Field(description="`unknown`: it says so, and proved no key that is allowed.")
    link_pass: str | None = Field(
        default=None,
        description="Where it is `yes`: lets one connection of the student's link in that begins within a minute, as the subprotocol "
        "`proctor.seb.PASS` or as `seb` in the query of the link by HTTP.",
    )
