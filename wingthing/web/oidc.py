"""Sign-in by OpenID Connect: Google, and any provider that can be discovered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec
from twisted.logger import Logger

from wingthing.errors import InvalidMessage, TemporarilyUnavailable
from wingthing.store.sign_in import Vouched
from wingthing.web import id_token
from wingthing.web.id_token import Claims
from wingthing.web.outbound import Outbound
from wingthing.web.providers import Attempt, SignInFailed, shown_name, shown_picture
from wingthing.web.sign_in_settings import OidcClient
from wingthing.wire.account_limits import PROVIDER_KEYS_AGAIN_SECONDS, PROVIDER_KEYS_SECONDS
from wingthing.wire.email_address import normal

SCOPE: Final = "openid email profile"

S = TypeVar("S", bound=msgspec.Struct)


class Discovered(msgspec.Struct, frozen=True):
    """What a provider says of itself (OpenID Connect Discovery 1.0 section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool = False


class _Keys(msgspec.Struct, frozen=True):
    keys: list[dict[str, object]]


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str | None = None


class _Info(msgspec.Struct, frozen=True):
    sub: str
    email: str | None = None
    email_verified: bool | str | None = None
    name: str | None = None


class OidcProvider:
    """Implements Provider. What the provider says of itself and its keys are kept for an hour."""

    log = Logger()

    def __init__(self, id: str, client: OidcClient, http: Outbound, seconds: Callable[[], float]) -> None:
        self.id = id
        self.name = client.name
        self._client = client
        self._http = http
        self._seconds = seconds
        self._discovered: tuple[Discovered, float] | None = None
        self._keys: tuple[list[dict[str, object]], float] | None = None

    async def location(self, attempt: Attempt) -> str:
        found = await self._discover()
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": SCOPE,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(found.authorization_endpoint).query else "?"
        return f"{found.authorization_endpoint}{joint}{urlencode(asked)}"

    async def person(self, attempt: Attempt, code: str, issuer: str | None) -> Vouched:
        found = await self._discover()
        if issuer is None and found.authorization_response_iss_parameter_supported:
            raise self._refused("it did not say who it is")
        if issuer is not None and issuer != self._client.issuer:
            raise self._refused("the answer comes from another provider")
        tokens = await self._tokens(found, attempt, code)
        claims = await self._claims(found, tokens.id_token, attempt.nonce)
        info = _Info(
            claims.sub, claims.email, claims.email_verified, claims.name or claims.preferred_username
        )
        if info.email is None and found.userinfo_endpoint and tokens.access_token:
            info = await self._info(found.userinfo_endpoint, tokens.access_token, claims)
        if not info.email or info.email_verified not in (True, "true"):
            raise SignInFailed(
                f"{self.name} has not verified an e-mail address of yours, and this server goes by that: "
                "verify it there and try again"
            )
        try:
            email = normal(info.email)
        except InvalidMessage as why:
            raise SignInFailed(str(why)) from why
        return Vouched(
            self.id,
            self._client.issuer,
            claims.sub,
            email,
            shown_name(info.name, email),
            shown_picture(claims.picture),
        )

    async def _tokens(self, found: Discovered, attempt: Attempt, code: str) -> _Tokens:
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
            "client_id": self._client.client_id,
        }
        basic = None
        # client_secret_basic is what holds when nothing is said.
        if "client_secret_basic" in (found.token_endpoint_auth_methods_supported or ["client_secret_basic"]):
            basic = (self._client.client_id, self._client.client_secret)
        else:
            sent["client_secret"] = self._client.client_secret
        status, answer = await self._http.post_form(found.token_endpoint, sent, basic=basic)
        return self._read(status, answer, _Tokens, "the code")

    async def _claims(self, found: Discovered, token: str, nonce: str) -> Claims:
        now = self._seconds()
        for fresh in (False, True):
            keys = await self._known_keys(found, fresh=fresh)
            try:
                return id_token.check(
                    token,
                    keys,
                    issuer=self._client.issuer,
                    client_id=self._client.client_id,
                    nonce=nonce,
                    now=now,
                )
            except id_token.UnknownKey as why:
                # Keys are replaced now and then.
                failed: id_token.Invalid = why
            except id_token.Invalid as why:
                failed = why
                break
        self.log.warn("an identity of {name} does not count: {why}", name=self.name, why=str(failed))
        raise self._refused("its answer is not valid")

    async def _info(self, url: str, token: str, claims: Claims) -> _Info:
        status, answer = await self._http.get(url, bearer=token)
        info = self._read(status, answer, _Info, "the user")
        if info.sub != claims.sub:
            # OpenID Connect Core 1.0 section 5.3.4.
            raise self._refused("its answers are about different people")
        return info

    async def _discover(self) -> Discovered:
        if self._discovered is not None and self._seconds() - self._discovered[1] < PROVIDER_KEYS_SECONDS:
            return self._discovered[0]
        url = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
        status, answer = await self._http.get(url)
        found = self._published(status, answer, Discovered)
        if found.issuer != self._client.issuer:
            self.log.error(
                "{url} is about the issuer {other}: the name must be the same to the letter",
                url=url,
                other=found.issuer,
            )
            raise self._away()
        own = urlsplit(self._client.issuer).scheme
        named = [found.authorization_endpoint, found.token_endpoint, found.jwks_uri]
        for address in named + ([found.userinfo_endpoint] if found.userinfo_endpoint else []):
            if urlsplit(address).scheme not in ("https", own):
                self.log.error("{url} names an address without https", url=url)
                raise self._away()
        self._discovered = (found, self._seconds())
        return found

    async def _known_keys(self, found: Discovered, *, fresh: bool) -> list[dict[str, object]]:
        age = PROVIDER_KEYS_AGAIN_SECONDS if fresh else PROVIDER_KEYS_SECONDS
        if self._keys is not None and self._seconds() - self._keys[1] < age:
            return self._keys[0]
        status, answer = await self._http.get(found.jwks_uri)
        keys = self._published(status, answer, _Keys).keys
        self._keys = (keys, self._seconds())
        return keys

    def _published(self, status: int, answer: object, kind: type[S]) -> S:
        try:
            if status != 200:
                raise self._away()
            return msgspec.convert(answer, kind)
        except msgspec.ValidationError as why:
            self.log.error("{name} publishes what it should not: {why}", name=self.name, why=str(why))
            raise self._away() from why

    def _read(self, status: int, answer: object, kind: type[S], about: str) -> S:
        if status >= 500:
            raise self._away()
        try:
            if status == 200:
                return msgspec.convert(answer, kind)
        except msgspec.ValidationError:
            status = 0
        said = answer.get("error") if isinstance(answer, dict) else None
        self.log.warn(
            "{name} refuses {about}: {status} {said}",
            name=self.name,
            about=about,
            status=status,
            said=str(said)[:100],
        )
        raise self._refused("it does not know this sign-in any more")

    def _refused(self, why: str) -> SignInFailed:
        return SignInFailed(f"{self.name} could not sign you in, {why}: try again")

    def _away(self) -> TemporarilyUnavailable:
        return TemporarilyUnavailable(f"{self.name} does not answer as it should: try again in a minute")
