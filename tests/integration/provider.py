"""GitHub, Google and an OpenID Connect provider on loopback, over real HTTP.

    with Provider() as provider:
        provider.sign_in_as("ann@example.org", name="Ann")
        server = Server(home, "serve", "--base-url", ..., **provider.variables())

Whoever comes to one of its authorize pages next is that person, at each of the three. With `asks = True` the
page has a link for everybody whom `knows` has been told of, and sends the browser on when one is clicked.

It checks what a real one would: the client and its secret, the redirect URI, PKCE, and that a code is used
once.
`tamper` lets a test change what it signs, and `sign` how.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import attrs
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

GITHUB, GOOGLE, OIDC = "github", "google", "oidc"
CLIENT_ID, CLIENT_SECRET = "wingthing-test", "s3cret+with/odd=characters"
KEY_ID = "key-1"


@attrs.frozen
class Persona:
    """Somebody with an account at each of the three."""

    email: str
    name: str = ""
    verified: bool = True
    number: int = 0
    """Names the account: as GitHub's `id` and as the `sub` of the others."""


@attrs.define
class Grant:
    """A code that has been given out."""

    kind: str
    persona: Persona
    asked: dict[str, str]
    used: bool = False


class Provider:
    """To be closed, or used in a `with` statement."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = KEY_ID
        self.people: dict[str, Persona] = {}
        self.current: Persona | None = None
        self.asks = False
        self.denies = False
        """Everybody clicks on "No"."""

        self.down = False
        self.sends_iss: str | None = None
        """The `iss` that comes with a code (RFC 9207); None for none."""

        self.email_in_token = True
        """Else it is at the userinfo endpoint alone."""

        self.tamper: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.sign: Callable[[dict[str, Any]], str] = self._sign
        self.asked: list[str] = []
        """The paths of all requests."""

        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, Grant] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def __enter__(self) -> Provider:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def issuer(self, kind: str) -> str:
        return f"{self.url}/{kind}"

    def variables(self, *kinds: str) -> dict[str, str]:
        """What configures a server for these of its three sides, or for all."""
        own = {
            GITHUB: {
                "WT_GITHUB_CLIENT_ID": CLIENT_ID,
                "WT_GITHUB_CLIENT_SECRET": CLIENT_SECRET,
                "WT_GITHUB_URL": self.issuer(GITHUB),
                "WT_GITHUB_API_URL": f"{self.issuer(GITHUB)}/api",
            },
            GOOGLE: {
                "WT_GOOGLE_CLIENT_ID": CLIENT_ID,
                "WT_GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
                "WT_GOOGLE_ISSUER": self.issuer(GOOGLE),
            },
            OIDC: {
                "WT_OIDC_ISSUER": self.issuer(OIDC),
                "WT_OIDC_CLIENT_ID": CLIENT_ID,
                "WT_OIDC_CLIENT_SECRET": CLIENT_SECRET,
                "WT_OIDC_NAME": "Example",
            },
        }
        chosen: dict[str, str] = {}
        for kind in kinds or (GITHUB, GOOGLE, OIDC):
            chosen |= own[kind]
        return chosen

    def knows(self, email: str, name: str = "", *, verified: bool = True, number: int = 0) -> Persona:
        """An account; one with the same number is the same, with another address."""
        number = number or 1000 + len(self.people)
        persona = Persona(email, name or email.partition("@")[0].title(), verified, number)
        self.people[email] = persona
        return persona

    def sign_in_as(self, email: str, name: str = "", *, verified: bool = True, number: int = 0) -> Persona:
        """Whoever comes next is this person."""
        known = self.people.get(email)
        if known is None or name or number or known.verified != verified:
            known = self.knows(
                email, name, verified=verified, number=number or (known.number if known else 0)
            )
        self.current = known
        return known

    # -- what the handler asks -------------------------------------------------------------------------------

    def claims(self, grant: Grant) -> dict[str, Any]:
        persona, now = grant.persona, int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer(grant.kind),
            "sub": str(persona.number),
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 600,
            "nonce": grant.asked.get("nonce"),
        }
        return claims | self.profile(persona) if self.email_in_token else claims

    def profile(self, persona: Persona) -> dict[str, Any]:
        return {"email": persona.email, "email_verified": persona.verified, "name": persona.name}

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.key_id})

    def jwks(self) -> dict[str, Any]:
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "RS256"}]}

    def code(self, kind: str, persona: Persona, asked: Mapping[str, str]) -> str:
        code = secrets.token_urlsafe(16)
        self.grants[code] = Grant(kind, persona, dict(asked))
        return code

    def spend(self, kind: str, sent: Mapping[str, str], client: tuple[str, str]) -> Grant | None:
        """The grant of a code, once, for who may have it."""
        grant = self.grants.get(sent.get("code", ""))
        if grant is None or grant.used or grant.kind != kind or client != (CLIENT_ID, CLIENT_SECRET):
            return None
        grant.used = True
        made = base64.urlsafe_b64encode(hashlib.sha256(sent.get("code_verifier", "").encode()).digest())
        fits = made.decode().rstrip("=") == grant.asked.get("code_challenge")
        return grant if fits and sent.get("redirect_uri") == grant.asked.get("redirect_uri") else None


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: tests read what comes of it."""

        def do_GET(self) -> None:
            self._answer(self._get)

        def do_POST(self) -> None:
            self._answer(self._post)

        def _answer(self, how: Callable[[str, str, dict[str, str]], None]) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            if provider.down:
                self._json({"error": "down"}, 503)
                return
            kind, _, rest = parts.path[1:].partition("/")
            if self.command == "POST":
                data = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            else:
                data = parts.query
            how(kind, rest, {name: values[0] for name, values in parse_qs(data).items()})

        def _get(self, kind: str, rest: str, asked: dict[str, str]) -> None:
            issuer = provider.issuer(kind)
            if rest in ("authorize", "login/oauth/authorize"):
                self._authorize(kind, rest, asked)
            elif rest == ".well-known/openid-configuration" and kind != GITHUB:
                self._json(
                    {
                        "issuer": issuer,
                        "authorization_endpoint": f"{issuer}/authorize",
                        "token_endpoint": f"{issuer}/token",
                        "jwks_uri": f"{issuer}/keys",
                        "userinfo_endpoint": f"{issuer}/userinfo",
                        "authorization_response_iss_parameter_supported": provider.sends_iss is not None,
                        "token_endpoint_auth_methods_supported": (
                            ["client_secret_post"] if kind == GOOGLE else ["client_secret_basic"]
                        ),
                    }
                )
            elif rest == "keys" and kind != GITHUB:
                self._json(provider.jwks())
            elif (grant := self._bearer()) is None or grant.kind != kind:
                self._json({"error": "invalid_token"}, 401)
            elif rest == "userinfo":
                self._json({"sub": str(grant.persona.number), **provider.profile(grant.persona)})
            elif rest == "api/user":
                self._json({"id": grant.persona.number, "login": "octo", "name": grant.persona.name})
            elif rest == "api/user/emails":
                persona = grant.persona
                self._json(
                    [
                        {"email": "other@example.org", "primary": False, "verified": True},
                        {"email": persona.email, "primary": True, "verified": persona.verified},
                    ]
                )
            else:
                self._json({"error": "not_found"}, 404)

        def _authorize(self, kind: str, rest: str, asked: dict[str, str]) -> None:
            assert asked["client_id"] == CLIENT_ID, asked
            assert asked["code_challenge_method"] == "S256", asked
            chosen = provider.people.get(asked.pop("as", ""))
            if chosen is None and provider.asks:
                links = "".join(
                    f'<p><a href="/{kind}/{rest}?{html.escape(urlencode({**asked, "as": email}))}">'
                    f"{html.escape(email)}</a></p>"
                    for email in provider.people
                )
                page = f'<!doctype html><link rel="icon" href="data:,"><title>Who are you?</title>{links}'
                self._send(200, page.encode(), "text/html")
                return
            back = {"state": asked["state"]}
            if provider.sends_iss is not None:
                back["iss"] = provider.sends_iss
            if provider.denies:
                back["error"] = "access_denied"
            else:
                persona = chosen or provider.current
                assert persona is not None, "nobody has been told to sign in"
                back["code"] = provider.code(kind, persona, asked)
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{urlencode(back)}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _post(self, kind: str, rest: str, sent: dict[str, str]) -> None:
            if rest not in ("token", "login/oauth/access_token"):
                self._json({"error": "not_found"}, 404)
                return
            grant = provider.spend(kind, sent, self._client(sent))
            if grant is None:
                # GitHub answers errors with 200.
                self._json({"error": "invalid_grant"}, 200 if kind == GITHUB else 400)
                return
            token = secrets.token_urlsafe(16)
            provider.tokens[token] = grant
            answer = {"access_token": token, "token_type": "bearer"}
            if kind != GITHUB:
                answer["id_token"] = provider.sign(provider.tamper(provider.claims(grant)))
            self._json(answer)

        def _client(self, sent: dict[str, str]) -> tuple[str, str]:
            scheme, _, value = self.headers.get("Authorization", "").partition(" ")
            if scheme == "Basic":
                id, _, secret = base64.b64decode(value).decode().partition(":")
                return unquote_plus(id), unquote_plus(secret)
            return sent.get("client_id", ""), sent.get("client_secret", "")

        def _bearer(self) -> Grant | None:
            return provider.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))

        def _json(self, value: object, status: int = 200) -> None:
            self._send(status, json.dumps(value).encode(), "application/json")

        def _send(self, status: int, data: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler
