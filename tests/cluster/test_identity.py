"""Who is behind a socket of an edge: by the fleet's key, by login's word, and not by what is revoked."""

from __future__ import annotations

import jwt
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.cluster.case import KEYS, NOW, STRANGERS, Watch, revoked, trust
from tests.cluster.test_caches import FakeLogin
from wingthing.cluster.caches import SessionCache
from wingthing.cluster.identity import EdgeAuthenticator, Revocations
from wingthing.crypto import tokens
from wingthing.crypto.digests import digest
from wingthing.crypto.node_tokens import Audience
from wingthing.crypto.tokens import WingToken
from wingthing.errors import NotAuthenticated, TemporarilyUnavailable
from wingthing.relay.credentials import MAX_CREDENTIAL_CHARS
from wingthing.relay.peers import Identity
from wingthing.wire.gossip import RevokedKind
from wingthing.wire.internal import Entitlement, Session, Tier
from wingthing.wire.limits import TOKEN_LIFETIME_SECONDS

ANN = Entitlement(
    user_id="ann",
    tier=Tier.PRO,
    display_name="Ann",
    email="ann@example.org",
    provider="github",
    passkeys=("k",),
)


class FakeUsers:
    def __init__(self) -> None:
        self.known: dict[str, Entitlement] = {}

    def find(self, user_id: str) -> Entitlement | None:
        return self.known.get(user_id)


class RevocationsTests(TestCase):
    def setUp(self) -> None:
        self.watch = Watch()
        self.revocations = Revocations(self.watch.seconds)

    def covers(self, jti: str = "j", issued: float = NOW - 10, user_id: str = "ann") -> bool:
        return self.revocations.covers(WingToken(user_id, int(issued), int(NOW) + 1000, jti=jti))

    def test_one_token(self) -> None:
        for subject in ("j", ""):
            self.revocations.add(revoked(subject))
        self.assertEqual((self.covers(), self.covers("other"), self.covers("")), (True, False, False))

    def test_all_tokens_of_a_user_until_then(self) -> None:
        self.revocations.add(revoked("ann", RevokedKind.TOKENS, at=NOW))
        self.assertEqual([self.covers(issued=NOW + age) for age in (-1, 0, 1)], [True, True, False])
        self.assertFalse(self.covers(user_id="eve"))

    def test_a_user(self) -> None:
        self.revocations.add(revoked("ann", RevokedKind.USER))
        self.assertTrue(self.covers(issued=NOW + 50))
        self.assertTrue(self.revocations.covers_user("ann"))
        self.assertFalse(self.revocations.covers_user("eve"))

    def test_a_name_is_of_one_kind(self) -> None:
        for kind in RevokedKind:
            self.revocations.add(revoked("x", kind))
        self.assertTrue(self.revocations.covers_login("x"))
        self.assertFalse(self.covers("y", user_id="y"))
        self.assertFalse(self.revocations.covers_login("ann"))

    def test_what_is_known_is_not_new_and_what_is_later_is(self) -> None:
        event = revoked("ann", RevokedKind.TOKENS, at=NOW)
        self.assertEqual([self.revocations.add(event) for _ in range(2)], [True, False])
        earlier = revoked("ann", RevokedKind.TOKENS, at=NOW - 100)
        later = revoked("ann", RevokedKind.TOKENS, at=NOW + 100, until=NOW + 9999)
        self.assertEqual([self.revocations.add(each) for each in (earlier, later)], [False, True])
        self.assertTrue(self.covers(issued=NOW + 50))

    def test_it_is_forgotten_when_nobody_needs_it(self) -> None:
        self.revocations.add(revoked("j", until=NOW + 10))
        self.revocations.add(revoked("k", until=NOW + 20))
        self.watch.now += 10
        self.revocations.forget_old()
        self.assertTrue(self.covers())
        self.watch.now += 1
        self.revocations.forget_old()
        self.assertEqual((len(self.revocations), self.covers(), self.covers("k")), (1, False, True))


class AuthenticatorCase(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.login, self.users = FakeLogin(), FakeUsers()
        self.users.known = {"ann": ANN}
        self.login.sessions = {digest("cookie"): Session(user_id="ann", display_name="Ann", passkeys=("k",))}
        self.sessions = SessionCache(self.clock, self.login.session)
        self.revocations = Revocations(self.clock.seconds)
        self.authenticator = EdgeAuthenticator(
            KEYS,
            self.clock.seconds,
            self.sessions,
            self.users,
            self.revocations,  # type: ignore[arg-type]
        )

    def token(self, user_id: str = "ann", jti: str = "j", **claims: str) -> str:
        return tokens.mint(KEYS.signing, user_id=user_id, now=self.clock.seconds(), jti=jti, **claims)[0]

    def begin(self, cookie: str | None = None, token: str | None = None) -> Deferred[Identity]:
        return Deferred.fromCoroutine(self.authenticator.viewer(cookie=cookie, token=token))

    def viewer(self, cookie: str | None = None, token: str | None = None) -> Identity:
        return self.successResultOf(self.begin(cookie, token))

    def refused(self, cookie: str | None = None, token: str | None = None) -> None:
        self.failureResultOf(self.begin(cookie, token), NotAuthenticated)


class TokenTests(AuthenticatorCase):
    def test_a_wing_and_its_user(self) -> None:
        checking = Deferred.fromCoroutine(self.authenticator.wing(self.token(pub="key", wing="w")))
        claims, identity = self.successResultOf(checking)
        self.assertEqual((claims.pub, claims.wing), ("key", "w"))
        self.assertEqual(
            identity,
            Identity(
                "ann",
                display_name="Ann",
                email="ann@example.org",
                provider="github",
                token="j",
                token_issued_at=int(NOW),
                passkeys=("k",),
            ),
        )
        self.assertEqual(self.viewer(token=self.token(pub="key", wing="w")), identity)
        self.assertEqual(self.login.asked, [], "and login may be away")

    def test_a_user_of_whom_login_has_not_told_yet(self) -> None:
        self.assertEqual(self.viewer(token=self.token("new")).name, "new")

    def test_what_is_revoked_does_not_count(self) -> None:
        token, other = self.token(), self.token(jti="k")
        self.authenticator.revoked([revoked("j")])
        self.refused(token=token)
        self.viewer(token=other)
        self.authenticator.revoked([revoked("ann", RevokedKind.USER)])
        self.refused(token=other)

    def test_what_is_no_token(self) -> None:
        expired = self.token()
        watch = Watch()
        claims = {"sub": "ann", "iat": int(NOW), "exp": int(NOW) + 60}
        of_nodes = [trust("m", watch).token(audience)[0] for audience in Audience]
        strange = tokens.mint(STRANGERS.signing, user_id="ann", now=NOW, jti="j")[0]
        audience = jwt.encode({**claims, "aud": "internal"}, KEYS.signing, algorithm="ES256")
        for token in (
            "",
            "x",
            "a.b.c",
            strange,
            audience,
            "x" * 10_000,
            self.token() + "x" * 9000,
            *of_nodes,
        ):
            self.refused(token=token)
            self.refused(cookie="cookie", token=token)
        self.clock.advance(TOKEN_LIFETIME_SECONDS)
        self.refused(token=expired)

    def test_not_even_a_good_one_may_be_of_any_length(self) -> None:
        for size in (100, 2 * MAX_CREDENTIAL_CHARS):
            token = self.token(wing="x" * size)
            if len(token) > MAX_CREDENTIAL_CHARS:
                self.refused(token=token)
            else:
                self.viewer(token=token)

    @given(st.text(max_size=100))
    def test_no_text_is_more_than_refused(self, text: str) -> None:
        self.failureResultOf(Deferred.fromCoroutine(self.authenticator.wing(text)), NotAuthenticated)


class CookieTests(AuthenticatorCase):
    def test_as_login_says(self) -> None:
        identity = self.viewer("cookie")
        self.assertEqual(
            identity, Identity("ann", display_name="Ann", login=digest("cookie"), passkeys=("k",))
        )
        self.assertEqual(self.login.asked, [digest("cookie")], "the cookie itself stays here")

    def test_nobody(self) -> None:
        for cookie in (None, "", "other", digest("cookie"), "x" * MAX_CREDENTIAL_CHARS):
            self.refused(cookie)
        asked = len(self.login.asked)
        self.assertEqual(asked, 3)
        self.refused("x" * (MAX_CREDENTIAL_CHARS + 1))
        self.assertEqual(len(self.login.asked), asked, "that is none of ours")

    def test_login_away(self) -> None:
        self.viewer("cookie")
        self.login.away = True
        self.viewer("cookie")
        self.failureResultOf(self.begin("other"), TemporarilyUnavailable)

    def test_a_session_that_has_ended(self) -> None:
        self.viewer("cookie")
        fresh = self.authenticator.revoked([revoked(digest("cookie"), RevokedKind.LOGIN)])
        self.assertEqual([event.subject for event in fresh], [digest("cookie")])
        self.assertEqual(len(self.sessions), 0, "nothing is kept of it")
        self.refused("cookie")
        self.assertEqual(len(self.login.asked), 1, "nor is login asked")
        # Login itself may not have noticed, and another node may vouch for it.
        self.sessions.learn(digest("cookie"), Session(user_id="ann"))
        self.refused("cookie")

    def test_a_user_who_has_been_removed(self) -> None:
        self.authenticator.revoked([revoked("ann", RevokedKind.USER)])
        self.refused("cookie")

    def test_what_ends_while_login_is_asked(self) -> None:
        """Login has answered before it was told; what was revoked has reached this edge meanwhile."""
        for kind, subject in ((RevokedKind.LOGIN, digest("cookie")), (RevokedKind.USER, "ann")):
            self.setUp()
            self.login.hold()
            asking = self.begin("cookie")
            self.authenticator.revoked([revoked(subject, kind)])
            self.login.answer()
            self.failureResultOf(asking, NotAuthenticated)

    def test_what_is_told_twice_is_told_once(self) -> None:
        event = revoked("j")
        self.assertEqual(self.authenticator.revoked([event, event]), [event])
        self.assertEqual(self.authenticator.revoked([event]), [])

    def test_old_ones_are_dropped_when_others_come(self) -> None:
        self.authenticator.revoked([revoked("j", until=NOW + 10)])
        self.clock.advance(11)
        self.authenticator.revoked([revoked("k")])
        self.assertEqual(len(self.revocations), 1)
