"""Writes what the code knows into `docs/api.md`: `python -m web.calls.api_page` (`--check` only compares).

The calls come from the OpenAPI document, the errors from their classes, the student's link from its module's docstring. Each stands between two
marks; the text around them is written by hand.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast

from flask import Flask

from basics.errors import ProctorError
from basics.paths import ROOT
from settings.settings import load_settings
from web.access.who_may import Access
from web.calls.errors import HTTP_CODES, STATUS
from web.calls.openapi import ERRORS, STUDENT_LINK, build
from web.hop.sending import Hops
from web.parts import Parts
from web.routes import register_web

PAGE = ROOT / "docs" / "api.md"
COMMAND = "python -m web.calls.api_page"
START = "<!-- {part}: written by " + COMMAND + " -->"
END = "<!-- end of {part} -->"

GROUPS = {
    "api": "Sessions",
    "desk": "A running session",
    "exam_desk": "A running exam",
    "videos": "Clips",
    "stills": "Stills",
    "reviews": "Reviews",
    "accommodations": "Accommodations",
    "analytics": "Analytics",
    "students": "A student's page",
    "trials": "The check before an exam",
    "people": "People",
    "tokens": "Tokens",
    "account": "One's own account",
    "hooks": "Webhooks",
    "sign_in": "Signing in",
    "lti_registrations": "Learning platforms",
    "lti_names": "Learning platforms",
    "lti_acts": "Learning platforms",
    "lti_courses": "Learning platforms",
    "lti": "Learning platforms (LTI)",
    "snippet": "The snippet",
    "snippet_asking": "The snippet",
    "snippet_secret": "The snippet",
    "health": "The server",
    "live": "Live",
    "link": "Live",
}
"""The calls' tags with the titles under which they stand; a tag that is new stands last, under its own name."""
EXPECTED = {"401", "403", "405", "500"}  # any call can end so; said once, above the calls
DEEP_BODY, DEEP_ANSWER = 3, 2  # levels of fields that are spelt out


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` say whether it is out of date."""
    present = PAGE.read_text(encoding="utf-8")
    wanted = written(present, build(bare_app()))
    if wanted != present:
        if "--check" not in arguments:
            PAGE.write_text(wanted, encoding="utf-8")
        print(f"{PAGE.name}: {f'out of date; run {COMMAND}' if '--check' in arguments else 'written'}")
    return 1 if wanted != present and "--check" in arguments else 0


def bare_app() -> Flask:
    """An app with every route and nothing behind them: enough to be described, no call can be answered."""
    settings = load_settings(_env_file=None, secret_key="of an app that is described and never served")
    app = Flask("app", root_path=str(ROOT))
    access = Access(settings)
    register_web(app, cast(Parts, SimpleNamespace(settings=settings, access=access, hops=Hops(access.secret_key, None))))
    return app


def written(page: str, document: dict[str, Any]) -> str:
    """`page` with what stands between its marks made new from the OpenAPI `document`. Raise `ValueError` where a mark is missing."""
    for part, text in (("calls", calls(document)), ("errors", errors()), ("link", STUDENT_LINK)):
        start, end = START.format(part=part), END.format(part=part)
        begin, stop = page.index(start) + len(start), page.index(end)
        page = f"{page[:begin]}\n\n{text.strip()}\n\n{page[stop:]}"
    return page


# Calls


def calls(document: dict[str, Any]) -> str:
    """Every call under its group's title, then the pages as a table."""
    groups: dict[str, list[str]] = {title: [] for title in GROUPS.values()}
    pages = ["| page | who | what it shows |", "| --- | --- | --- |"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            if _is_page(operation):
                pages.append(f"| `{name}` | {_who(operation)} | {operation['summary']} |")
            else:
                tag = operation["tags"][0]
                groups.setdefault(GROUPS.get(tag, tag.capitalize()), []).append(_call(name, operation, document["components"]["schemas"]))
    parts = [f"### {title}\n\n" + "\n\n".join(texts) for title, texts in groups.items() if texts]
    return "\n\n".join([*parts, "### Pages\n\n" + "\n".join(pages)])


def _is_page(operation: dict[str, Any]) -> bool:
    answered = operation["responses"].get("200", {}).get("content", {})
    return not {"text/html", "application/octet-stream"}.isdisjoint(answered)


def _call(name: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    # What a WebSocket's messages are has a section of its own.
    more = "" if "101" in operation["responses"] else " ".join(operation.get("description", "").split())
    lines = [f"#### `{name}`", "", f"{operation['summary']} {more}".strip(), "", f"- who: {_who(operation)}"]
    queries = [parameter for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
    if queries:
        lines.append("- query: " + ", ".join(_field(query["name"], query["schema"], query["required"], schemas, 1) for query in queries))
    if "requestBody" in operation:
        (media_type,) = operation["requestBody"]["content"]
        lines.append(f"- body: `{_shape(_content(operation['requestBody']), schemas, DEEP_BODY, body=True) or media_type}`")
    for status, response in operation["responses"].items():
        if status.startswith("2") and status != "206" and response.get("content"):
            (media_type,) = response["content"]
            shape = _shape(_content(response), schemas, DEEP_ANSWER)
            lines.append(f"- {status}: " + (f"`{shape}`" if shape else f"`{media_type}`"))
    refused = [status for status in operation["responses"] if status >= "400" and status not in EXPECTED]
    if refused:
        lines.append(f"- errors: {', '.join(refused)}")
    return "\n".join(lines)


def _content(holder: dict[str, Any]) -> dict[str, Any]:
    (content,) = holder["content"].values()
    return cast(dict[str, Any], content.get("schema", {}))


def _who(operation: dict[str, Any]) -> str:
    schemes = {name for need in operation["security"] for name in need}
    if not schemes:
        return "anybody"
    if schemes <= {"student", "studentLink"}:
        return "the session's student"
    rights = operation.get("x-rights")
    return " or ".join(f"`{right}`" for right in rights) if rights else "who is logged in"


def _field(name: str, schema: dict[str, Any], required: bool, schemas: dict[str, Any], deep: int) -> str:
    shape = _shape(schema, schemas, deep)
    return f"`{name}{'' if required else '?'}{f': {shape}' if shape else ''}`"


def _shape(schema: dict[str, Any], schemas: dict[str, Any], deep: int, *, body: bool = False) -> str:
    """A schema as a line of JSON with names only; empty where there is nothing to tell but a type."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema or "oneOf" in schema:
        shapes = [_shape(option, schemas, deep, body=body) for option in schema.get("anyOf") or schema["oneOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(shape for shape in shapes if shape))
    if "enum" in schema or "const" in schema:
        choices = schema.get("enum") or [schema["const"]]
        return " or ".join(f'"{choice}"' for choice in choices) if all(isinstance(choice, str) for choice in choices) else ""
    if schema.get("type") == "array":
        return f"[{_shape(schema.get('items', {}), schemas, deep, body=body) or '…'}]"
    properties = schema.get("properties")
    if not properties:
        return ""
    if not deep:
        return "{…}"
    required = set(schema.get("required", ())) if body else set(properties)
    named = {f"{name}{'' if name in required else '?'}": _shape(field, schemas, deep - 1, body=body) for name, field in properties.items()}
    return "{" + ", ".join(f"{name}: {shape}" if shape else name for name, shape in named.items()) + "}"


# Errors


def errors() -> str:
    """Every error's status and code, and when it comes: the class's own first sentence where several share a status."""
    known = {status: {code: ""} for status, code in HTTP_CODES.items()}
    for kind in classes():
        for status in _statuses(kind):
            known.setdefault(status, {})[kind.code] = _first_sentence(kind)
    lines = ["| status | code | when |", "| --- | --- | --- |"]
    for status, codes in sorted(known.items()):
        general = ERRORS.get(status) or f"{HTTPStatus(status).description}."
        lines += [f"| {status} | `{code}` | {own if len(codes) > 1 and own else general} |" for code, own in codes.items()]
    return "\n".join(lines)


def _first_sentence(kind: type[ProctorError]) -> str:
    """When such an error comes; what else its docstring says is for the code that catches it. The family's own says nothing of when."""
    return "" if kind is ProctorError else inspect.cleandoc(kind.__doc__ or "").partition(". ")[0].rstrip(".") + "."


def _statuses(kind: type[ProctorError]) -> list[int]:
    """A class's status: its own or its parent's; what a caller sent is 400, or 422 where one field is wrong; anything else is the server's."""
    for parent in kind.__mro__:
        if parent in STATUS:
            return [STATUS[parent]]
    return [400, 422] if kind.code == "invalid" else [500]


def classes(kind: type[ProctorError] = ProctorError) -> Iterator[type[ProctorError]]:
    """A class and all below it that belong to the product: a test may make its own."""
    if re.match(r"basics\.|web\.", kind.__module__):
        yield kind
    for child in kind.__subclasses__():
        yield from classes(child)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
