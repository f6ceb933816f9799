"""Sign-in with GitHub: OAuth with PKCE, and the API for who it is."""

from __future__ import annotations

from typing import Final, TypeVar
from urllib.parse import urlencode

import msgspec
from twisted.logger import Logger

from wingthing.errors import InvalidMessage, TemporarilyUnavailable
from wingthing.store.sign_in import Vouched
from wingthing.web.outbound import Outbound
from wingthing.web.providers import Attempt, SignInFailed, shown_name, shown_picture
from wingthing.web.sign_in_settings import GitHubApp
from wingthing.wire.email_address import normal

SCOPE: Final = "user:email"

T = TypeVar("T")


class _Token(msgspec.Struct, frozen=True):
    access_token: str


class _User(msgspec.Struct, frozen=True):
    id: int
    login: str
    name: str | None = None
    avatar_url: str | None = None


class _Email(msgspec.Struct, frozen=True):
    email: str
    primary: bool
    verified: bool


class GitHubProvider:
    """Implements Provider. The number of an account names it: names there change hands."""

    log = Logger()
    id = "github"
    name = "GitHub"

    def __init__(self, app: GitHubApp, http: Outbound) -> None:
        self._app = app
        self._http = http

    async def location(self, attempt: Attempt) -> str:
        asked = {
            "client_id": self._app.client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": SCOPE,
            "state": attempt.state,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._app.url}/login/oauth/authorize?{urlencode(asked)}"

    async def person(self, attempt: Attempt, code: str, issuer: str | None) -> Vouched:
        if issuer is not None and issuer not in (self._app.url, f"{self._app.url}/login/oauth"):
            raise self._refused("the answer comes from another provider")
        sent = {
            "client_id": self._app.client_id,
            "client_secret": self._app.client_secret,
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        # Errors come with status 200 here.
        answer = await self._http.post_form(f"{self._app.url}/login/oauth/access_token", sent)
        token = self._read(answer, _Token).access_token
        user = self._read(await self._http.get(f"{self._app.api_url}/user", bearer=token), _User)
        emails = self._read(
            await self._http.get(f"{self._app.api_url}/user/emails", bearer=token), list[_Email]
        )
        verified = next((entry.email for entry in emails if entry.primary and entry.verified), "")
        if not verified:
            raise SignInFailed(
                "GitHub has not verified your primary e-mail address, and this server goes by that: verify "
                "it there and try again"
            )
        try:
            email = normal(verified)
        except InvalidMessage as why:
            raise SignInFailed(str(why)) from why
        return Vouched(
            self.id,
            self._app.url,
            str(user.id),
            email,
            shown_name(user.name or user.login, email),
            shown_picture(user.avatar_url),
        )

    def _read(self, answered: tuple[int, object], kind: type[T]) -> T:
        status, answer = answered
        if status >= 500 or status == 429:
            raise TemporarilyUnavailable("GitHub does not answer as it should: try again in a minute")
        try:
            if status == 200:
                return msgspec.convert(answer, kind)
        except msgspec.ValidationError:
            status = 0
        said = answer.get("error") if isinstance(answer, dict) else None
        self.log.warn("GitHub refuses a sign-in: {status} {said}", status=status, said=str(said)[:100])
        raise self._refused("it does not know this sign-in any more")

    def _refused(self, why: str) -> SignInFailed:
        return SignInFailed(f"GitHub could not sign you in, {why}: try again")
