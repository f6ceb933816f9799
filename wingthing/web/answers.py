"""How answers look: JSON for programs, a page for people, and one mapping from errors to both."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from klein import Klein
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.resource import Resource
from werkzeug.exceptions import HTTPException

from wingthing.errors import InvalidMessage, NotAuthenticated, NotFound, PeerError
from wingthing.relay.credentials import NotSignedIn, header
from wingthing.web.next_path import login_path
from wingthing.wire.codec import in_words

log = Logger()

templates = Environment(
    loader=PackageLoader("wingthing.web"), autoescape=select_autoescape(), undefined=StrictUndefined
)

TITLES = {
    401: "This page is locked",
    403: "Not allowed",
    404: "There is nothing here",
    405: "Not like this",
    413: "Too large",
    421: "Wrong address",
    429: "Not so fast",
    500: "Something went wrong here",
    502: "No proper answer",
    503: "Not just now",
    504: "It takes too long",
}

PEOPLES_AUTH = re.compile(rb"/auth/(local|claim|login|email|email/link|[a-z]+/start|[a-z]+/callback)\Z")
"""The addresses under `/auth/` that people see; the others are for programs."""

FOR_PROGRAMS = (b"/api/", b"/auth/", b"/ws/", b"/internal/", b"/billing/")
PROGRAMS_PAGES = (b"/api", b"/health", b"/ready", b"/metrics", b"/status.json")

S = TypeVar("S", bound=msgspec.Struct)


def json(request: Request, value: object, status: int = 200) -> bytes:
    """The body of a JSON answer."""
    request.setResponseCode(status)
    request.setHeader("Content-Type", "application/json")
    return msgspec.json.encode(value)


def page(request: Request, template: str, status: int = 200, **fields: object) -> bytes:
    """The body of a page."""
    request.setResponseCode(status)
    request.setHeader("Content-Type", "text/html; charset=utf-8")
    return templates.get_template(template).render(**fields).encode()


def body(request: Any, kind: type[S]) -> S:
    """The JSON body of a request with a cookie.

    Raises InvalidMessage when it is not what it should be, PeerError (415) when it does not say that it is
    JSON: a foreign page can send a form without asking, JSON it cannot.
    """
    if not says_json(request):
        raise PeerError("send the body as application/json", status=415)
    return plain_body(request, kind)


def says_json(request: Any) -> bool:
    """Whether a request calls its body JSON."""
    return (header(request, "content-type") or "").partition(";")[0].strip().lower() == "application/json"


def plain_body(request: Any, kind: type[S]) -> S:
    """The JSON body of a request without a cookie, whatever it calls itself: there is nothing to abuse, and
    wings of others may not name the type. Raises InvalidMessage."""
    try:
        return msgspec.json.decode(request.content.read(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        words = in_words(why) if isinstance(why, msgspec.ValidationError) else why
        raise InvalidMessage(f"invalid body: {words}") from why


def is_for_people(request: Request) -> bool:
    """Whether an error is shown as a page: everything but the APIs."""
    path = request.path
    if PEOPLES_AUTH.match(path):
        return True
    return not path.startswith(FOR_PROGRAMS) and path not in PROGRAMS_PAGES


def refuse(request: Request, why: PeerError) -> bytes:
    """The answer to a request that is refused."""
    for name, value in why.headers.items():
        request.setHeader(name, value)
    if not is_for_people(request):
        return json(request, {"error": str(why), **why.fields}, why.status)
    if isinstance(why, NotSignedIn):
        # What was sent with a form is not there when they come back; the page is.
        asked = request.uri if request.method in (b"GET", b"HEAD") else request.path
        request.setResponseCode(303)
        request.setHeader("Location", login_path(asked.decode("latin-1")))
        return b""
    if isinstance(why, NotAuthenticated):
        # Asked by path: whoever opens the app without a login has no link that could be spent.
        spent = request.path == b"/auth/local"
        return page(request, "locked.html", why.status, title=TITLES[401], spent=spent)
    title = TITLES.get(why.status, "This did not work")
    return page(request, "error.html", why.status, title=title, message=str(why))


class Refusal(Resource):
    """Answers any request with one refusal."""

    isLeaf = True

    def __init__(self, why: PeerError) -> None:
        super().__init__()
        self._why = why

    def render(self, request: Request) -> bytes:
        return refuse(request, self._why)


def map_errors(app: Klein) -> None:
    """Give a Klein app the one mapping: our errors with their status, all others as a bug."""
    # An address with doubled slashes is not ours; the router would send a redirect that is no error.
    app.url_map.merge_slashes = False

    @app.handle_errors(PeerError)  # type: ignore[arg-type]
    def peer_error(_self: object, request: Request, failure: Any) -> bytes:
        return refuse(request, failure.value)

    @app.handle_errors(HTTPException)  # type: ignore[arg-type]
    def routing(_self: object, request: Request, failure: Any) -> bytes:
        status = failure.value.code or 404
        if status == 404:
            return refuse(request, NotFound("not found"))
        allowed = getattr(failure.value, "valid_methods", None) or ()
        headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
        return refuse(
            request, PeerError("this address does not take that method", status=status, headers=headers)
        )

    @app.handle_errors(Exception)  # type: ignore[arg-type]
    def bug(_self: object, request: Request, failure: Failure) -> bytes:
        log.failure("{path} failed", failure=failure, path=request.path.decode("ascii", "replace"))
        return refuse(request, PeerError("internal error", status=500))
