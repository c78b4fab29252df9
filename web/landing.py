"""Where people come to after a login: the page that they wanted, or the first that their rights open."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from basics.times import utc_now
from records.accounts import Account
from web.access.callers import Caller


def own_path(address: str) -> str:
    """`address` as a path of this server, safe to go on to after a login; the dashboard where it leads elsewhere."""
    # browsers read a backslash as a slash, and drop tabs and line ends: `/\evil.example` is another server
    plain = address.isprintable() and "\\" not in address and not address.startswith("//")
    split = urlsplit(address) if plain else None
    if split is None or split.scheme or split.netloc or not split.path.startswith("/"):
        return url_for("pages.dashboard")
    path = split.path if split.path.startswith(f"{request.root_path}/") else request.root_path + split.path
    query = f"?{quote(split.query, safe='=&%@-._~')}" if split.query else ""
    place = f"#{quote(split.fragment, safe='=&%@-._~')}" if split.fragment else ""
    return quote(path, safe="/%@-._~") + query + place


def first_page(who: Caller) -> str:
    """The address of the first page that this caller's rights open."""
    rights = who.rights()
    if "look" in rights:
        return url_for("pages.dashboard")
    if "accommodations" in rights:
        return url_for("pages.exams")
    return url_for("audit.page") if "audit" in rights else url_for("people_pages.account")


def landing(wanted: str, account: Account) -> str:
    """Where to go on to after a login: who may not watch has nothing on the dashboard, which is what is wanted where nothing else is."""
    who = Caller("account", account.name, account.id, account.all_roles, exam_roles=account.exam_roles_at(utc_now()))
    return first_page(who) if wanted == url_for("pages.dashboard") else wanted


def redirect_to(address: str) -> BaseResponse:
    """Lead on to a page of this server."""
    return redirect(address)
