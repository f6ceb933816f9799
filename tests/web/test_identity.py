"""Who is behind a cookie or a token; and everything that is nobody."""

from __future__ import annotations

import base64
import json

import jwt
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from tests.web.support import NOW, WING, WebCase
from wingthing.crypto.digests import digest
from wingthing.crypto.keys import new_signing_key
from wingthing.crypto.tokens import mint
from wingthing.errors import NotAuthenticated, TemporarilyUnavailable
from wingthing.store import tokens, users
from wingthing.wire.limits import LOGIN_SESSION_SECONDS, LOGIN_TOUCH_SECONDS, TOKEN_LIFETIME_SECONDS


def unsigned(claims: dict[str, object], alg: str = "none") -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": alg, "typ": "JWT"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), ""])


class TokenTests(WebCase):
    async def refused(self, token: str) -> None:
        with self.assertRaises(NotAuthenticated):
            await self.authenticator.wing(token)
        with self.assertRaises(NotAuthenticated):
            await self.authenticator.viewer(cookie=None, token=token)

    async def test_a_token_of_this_server(self) -> None:
        token, made = await self.authenticator.new_token("local", pub="key", wing=WING)
        claims, identity = await self.authenticator.wing(token)
        self.assertEqual(claims, made)
        self.assertEqual((claims.pub, claims.wing), ("key", WING))
        self.assertEqual((identity.user_id, identity.display_name, identity.login), ("local", "Robin", ""))
        self.assertEqual(await self.authenticator.viewer(cookie=None, token=token), identity)

    async def test_a_user_of_another_node_is_known_by_the_signature(self) -> None:
        token, _claims = mint(self.key, user_id="elsewhere", now=NOW, jti="unknown")
        claims, identity = await self.authenticator.wing(token)
        self.assertEqual((claims.user_id, identity.name), ("elsewhere", "elsewhere"))

    async def test_it_expires(self) -> None:
        token = self.token()
        self.clock.advance(TOKEN_LIFETIME_SECONDS - 1)
        await self.authenticator.wing(token)
        self.clock.advance(1)
        await self.refused(token)

    async def test_it_can_be_revoked(self) -> None:
        token, claims = await self.authenticator.new_token("local")
        other = self.token()
        self.run_now(tokens.revoke, "local", claims.jti, now=NOW)
        await self.refused(token)
        await self.authenticator.wing(other)

    async def test_a_removed_user_has_none_that_counts(self) -> None:
        self.run_now(users.ensure, "ann", name="Ann", provider="operator", now=NOW)
        noted = self.token("ann")
        from_elsewhere, _claims = mint(self.key, user_id="ann", now=NOW, jti="unknown")
        nameless, _claims = mint(self.key, user_id="ann", now=NOW, jti="")
        self.run_now(users.remove, "ann", now=NOW)
        for token in (noted, from_elsewhere, nameless):
            await self.refused(token)

    async def test_forgeries(self) -> None:
        claims: dict[str, object] = {"sub": "local", "iat": int(NOW), "exp": int(NOW) + 1000}
        public = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        good = self.token()
        head, body, signature = good.split(".")
        for token in (
            "",
            "x",
            "a.b.c",
            unsigned(claims),
            unsigned(claims, "None"),
            unsigned(claims, "ES256"),
            jwt.encode(claims, public * 2, algorithm="HS256"),
            mint(new_signing_key(), user_id="local", now=NOW, jti="x")[0],
            f"{head}.{body}.",
            f"{head}.{body}.{signature[:-4]}AAAA",
            jwt.encode({**claims, "aud": "internal"}, self.key, algorithm="ES256"),
            jwt.encode({"iat": int(NOW), "exp": int(NOW) + 9}, self.key, algorithm="ES256"),
            jwt.encode({"sub": "local"}, self.key, algorithm="ES256"),
            good + "x" * 10_000,
        ):
            await self.refused(token)

    @given(st.text(max_size=200))
    def test_no_text_is_more_than_refused(self, token: str) -> None:
        coroutine = self.authenticator.wing(token)
        self.assertRaises(NotAuthenticated, coroutine.send, None)

    async def test_a_busy_database_is_never_a_refusal(self) -> None:
        class Busy:
            async def read(self, *_args: object, **_kwargs: object) -> None:
                raise TemporarilyUnavailable("busy")

        token = self.token()
        self.use_database(Busy())
        for credentials in ({"cookie": None, "token": token}, {"cookie": "x", "token": None}):
            with self.assertRaises(TemporarilyUnavailable):
                await self.authenticator.viewer(**credentials)


class CookieTests(WebCase):
    async def test_the_user_of_a_cookie(self) -> None:
        cookie = await self.authenticator.log_in("local")
        identity = await self.authenticator.viewer(cookie=cookie, token=None)
        self.assertEqual((identity.user_id, identity.display_name), ("local", "Robin"))
        self.assertEqual(identity.login, digest(cookie))

    async def test_nobody(self) -> None:
        await self.authenticator.log_in("local")
        for cookie in (None, "", "x", "' OR '1'='1", "x" * 100_000):
            with self.assertRaises(NotAuthenticated):
                await self.authenticator.viewer(cookie=cookie, token=None)

    async def test_a_wrong_token_is_not_made_good_by_a_cookie(self) -> None:
        cookie = await self.authenticator.log_in("local")
        with self.assertRaises(NotAuthenticated):
            await self.authenticator.viewer(cookie=cookie, token="wrong")

    async def test_use_makes_it_last(self) -> None:
        cookie = await self.authenticator.log_in("local")
        for _ in range(5):
            self.clock.advance(LOGIN_SESSION_SECONDS - 1)
            await self.authenticator.viewer(cookie=cookie, token=None)
        self.clock.advance(LOGIN_SESSION_SECONDS + 1)
        with self.assertRaises(NotAuthenticated):
            await self.authenticator.viewer(cookie=cookie, token=None)

    async def test_a_database_that_takes_no_writes_turns_nobody_away(self) -> None:
        cookie = await self.authenticator.log_in("local")
        self.clock.advance(LOGIN_TOUCH_SECONDS)
        self.direct.refusing = True
        await self.authenticator.viewer(cookie=cookie, token=None)
        self.direct.refusing = False
        await self.authenticator.viewer(cookie=cookie, token=None)
        self.assertEqual(
            self.direct.connection.execute("SELECT used_at FROM login_sessions").fetchall(),
            [(NOW + LOGIN_TOUCH_SECONDS,)],
        )

    async def test_logging_out(self) -> None:
        cookie = await self.authenticator.log_in("local")
        await self.authenticator.log_out(cookie)
        with self.assertRaises(NotAuthenticated):
            await self.authenticator.viewer(cookie=cookie, token=None)

    async def test_a_removed_user(self) -> None:
        self.run_now(users.ensure, "ann", name="Ann", provider="operator", now=NOW)
        cookie = await self.authenticator.log_in("ann")
        # As another process might: the row of the session is still there.
        self.direct.connection.execute("UPDATE users SET removed_at = 1 WHERE id = 'ann'")
        with self.assertRaises(NotAuthenticated):
            await self.authenticator.viewer(cookie=cookie, token=None)
