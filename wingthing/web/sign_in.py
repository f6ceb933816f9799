"""`/auth/login`, and the way to a provider and back.

OAuth 2.0 as RFC 9700 asks for it: a state that counts once and in one browser only, PKCE (RFC 7636), a
redirect URI for each provider, and the provider's `iss` where it is sent (RFC 9207).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from klein import Klein
from twisted.logger import Logger
from twisted.web.http import Request

from wingthing.errors import NotAuthenticated, NotFound, PeerError
from wingthing.names import SIGN_IN_COOKIE
from wingthing.relay import limiting
from wingthing.relay.credentials import argument, cookie_of
from wingthing.relay.peers import Identity
from wingthing.store import sign_ins
from wingthing.store.sign_ins import Started
from wingthing.web.answers import map_errors, page
from wingthing.web.auth import redirect
from wingthing.web.entrance import Entrance
from wingthing.web.next_path import safe_next
from wingthing.web.providers import Attempt, Provider, SignInFailed
from wingthing.wire.account_limits import SIGN_IN_SECONDS

SECRET_BYTES = 32
MAX_CODE_CHARS = 4096
AFTER_LINKING = "/app/#account/sign-in"
"""Where a browser goes that has linked one more way to sign in."""

TOO_LATE = "This sign-in was begun in another browser, or too long ago, or is over: begin again."


class Ways:
    """The ways to sign in that are configured, and the way to a provider."""

    def __init__(self, entrance: Entrance, providers: Mapping[str, Provider], *, by_mail: bool) -> None:
        self.entrance = entrance
        self.providers = providers
        self.by_mail = by_mail

    def provider(self, id: str) -> Provider:
        """Raises NotFound when it is not configured."""
        found = self.providers.get(id)
        if found is None:
            raise NotFound("this server has no such way to sign in")
        return found

    async def start(self, request: Request, provider: Provider, next_path: str, link_login: str = "") -> str:
        """Begin a sign-in; where the browser has to go. It gets a cookie to come back with.

        Raises TemporarilyUnavailable when the provider does not answer.
        """
        limiting.check(request, "sign-in")
        state, browser = self._secret(), self._secret()
        location = await provider.location(self.attempt(provider, state, browser))
        await self.entrance.database.write(
            sign_ins.start,
            state=state,
            browser=browser,
            provider=provider.id,
            next_path=next_path,
            link_login=link_login,
            now=self.entrance.seconds(),
        )
        self._set_cookie(request, browser, SIGN_IN_SECONDS)
        return location

    async def come_back(self, request: Request, provider: Provider) -> tuple[Started, Attempt] | None:
        """What the browser that asks had begun; None when it had not, or it is over. The cookie ends."""
        limiting.check(request, "sign-in")
        state = (argument(request, "state") or "")[:MAX_CODE_CHARS]
        browser = (request.getCookie(SIGN_IN_COOKIE.encode()) or b"").decode("latin-1")
        self._set_cookie(request, "", 0)
        if not state or not browser:
            return None
        started = await self.entrance.database.write(
            sign_ins.finish, state=state, browser=browser, provider=provider.id, now=self.entrance.seconds()
        )
        return (started, self.attempt(provider, state, browser)) if started is not None else None

    def attempt(self, provider: Provider, state: str, browser: str) -> Attempt:
        """What the provider is told. The secrets of one attempt are made of what only its browser holds, so
        that none is kept here."""
        verifier = _derived(browser, "verifier", state)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        return Attempt(
            redirect_uri=f"{self.entrance.base_url()}/auth/{provider.id}/callback",
            state=state,
            nonce=_derived(browser, "nonce", state),
            verifier=verifier,
            challenge=challenge,
        )

    def _secret(self) -> str:
        secret = self.entrance.randomness(SECRET_BYTES)
        return base64.urlsafe_b64encode(secret).decode().rstrip("=")

    def _set_cookie(self, request: Request, value: str, seconds: int) -> None:
        # Lax: it must come along when the provider sends the browser back.
        request.addCookie(
            SIGN_IN_COOKIE,
            value,
            path="/auth",
            max_age=str(seconds),
            httpOnly=True,
            sameSite="lax",
            secure=self.entrance.secure,
        )


def _derived(browser: str, purpose: str, state: str) -> str:
    made = hmac.digest(browser.encode("latin-1"), f"{purpose} {state}".encode(), "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


class SignInPages:
    """Klein app for the login page and the providers, below `/auth/`."""

    log = Logger()
    app = Klein()
    map_errors(app)

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._entrance = ways.entrance

    @app.route("/login", methods=["GET"])
    async def login(self, request: Request) -> bytes:
        """The login page; who is logged in goes on."""
        next_path = safe_next(argument(request, "next"))
        if await self._identity(request) is not None:
            return redirect(request, next_path)
        return login_page(request, self._ways, next_path)

    @app.route("/<provider>/start", methods=["POST"])
    async def start(self, request: Request, provider: str) -> bytes:
        """To the provider. By a page and not by a redirect: browsers hold `form-action` against where a form
        is redirected to, and providers redirect on to names that nobody can list."""
        chosen = self._ways.provider(provider)
        location = await self._ways.start(request, chosen, safe_next(argument(request, "next")))
        return page(
            request, "leaving.html", title=f"On to {chosen.name}", name=chosen.name, location=location
        )

    @app.route("/<provider>/callback", methods=["GET"])
    async def callback(self, request: Request, provider: str) -> bytes:
        """Back from the provider."""
        chosen = self._ways.provider(provider)
        if request.method == b"HEAD":
            # Whatever looks at links before people do must not spend them.
            return b""
        begun = await self._ways.come_back(request, chosen)
        if begun is None:
            return login_page(request, self._ways, safe_next(None), problem=TOO_LATE, status=400)
        started, attempt = begun
        try:
            vouched = await chosen.person(attempt, self._code(request, chosen), argument(request, "iss"))
            if started.link_login:
                await self._entrance.link(request, await self._linking(request, started), vouched)
                return redirect(request, AFTER_LINKING)
            await self._entrance.enter(request, vouched)
        except PeerError as why:
            if started.link_login:
                raise
            problem = f"{str(why)[:1].upper()}{str(why)[1:]}."
            return login_page(request, self._ways, started.next, problem=problem, status=why.status)
        return redirect(request, started.next)

    def _code(self, request: Request, provider: Provider) -> str:
        """Raises SignInFailed when the provider has sent an error in its place (RFC 6749 section 4.1.2.1)."""
        error, code = argument(request, "error"), argument(request, "code") or ""
        if error == "access_denied":
            raise SignInFailed(f"you have not agreed at {provider.name}, so nothing was told about you")
        if error or not code or len(code) > MAX_CODE_CHARS:
            self.log.warn("{name} sends the error {error}", name=provider.name, error=(error or "")[:60])
            raise SignInFailed(f"{provider.name} could not sign you in: try again")
        return code

    async def _linking(self, request: Request, started: Started) -> Identity:
        """The user in whose session the linking was begun. Raises NotAuthenticated when that has ended."""
        identity = await self._identity(request)
        if identity is None or not hmac.compare_digest(identity.login, started.link_login):
            raise NotAuthenticated("the login in which this was begun has ended")
        return identity

    async def _identity(self, request: Request) -> Identity | None:
        try:
            return await self._entrance.authenticator.viewer(cookie=cookie_of(request), token=None)
        except NotAuthenticated:
            return None


def login_page(
    request: Request, ways: Ways, next_path: str, *, problem: str = "", status: int = 200
) -> bytes:
    """The page that shows what is configured."""
    for_forms(request)
    return page(
        request,
        "login.html",
        status,
        title="Sign in",
        providers=list(ways.providers.values()),
        by_mail=ways.by_mail,
        next=next_path,
        problem=problem,
        host=ways.entrance.base_url().partition("://")[2],
        invited=next_path.startswith("/invite/"),
    )


def for_forms(request: Request) -> None:
    """Under `no-referrer` browsers send a form with `Origin: null`, which the guard takes for a stranger.
    This one tells no address either, not even to this server: it may have a link's secret in it."""
    request.setHeader("Referrer-Policy", "strict-origin")
