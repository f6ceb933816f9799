"""Whom a node believes: who has the fleet's key, in time, for this very request, and once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from tests.cluster.case import KEYS, NOW, STRANGERS, Watch, trust
from wingthing.cluster import trust as trust_module
from wingthing.crypto import node_tokens, tokens
from wingthing.crypto.node_tokens import Audience
from wingthing.errors import NotAuthenticated, TemporarilyUnavailable
from wingthing.wire.limits import CLOCK_SKEW_SECONDS, INTERNAL_TOKEN_SECONDS


class TrustTests(TestCase):
    def setUp(self) -> None:
        self.watch = Watch()
        self.login, self.edge = trust("login", self.watch), trust("edge-a", self.watch)

    def refused(self, token: str) -> None:
        self.assertRaises(NotAuthenticated, self.login.check_once, token)

    def test_a_request_counts_once(self) -> None:
        token, jti = self.edge.token(Audience.INTERNAL)
        claims = self.login.check_once(token)
        self.assertEqual((claims.machine, claims.jti), ("edge-a", jti))
        for seconds in (0, 1, INTERNAL_TOKEN_SECONDS, CLOCK_SKEW_SECONDS, CLOCK_SKEW_SECONDS):
            self.watch.now += seconds
            self.refused(token)

    def test_it_counts_once_with_clocks_apart_too(self) -> None:
        """The longest that a token can be valid at the one who remembers it: made by a fast clock."""
        self.watch.now = NOW + CLOCK_SKEW_SECONDS
        token, _jti = self.edge.token(Audience.INTERNAL)
        self.watch.now = NOW
        self.login.check_once(token)
        for seconds in range(200):
            self.watch.now = NOW + seconds
            # Others that come in between make room for what is new.
            self.login.check_once(self.edge.token(Audience.INTERNAL)[0])
            self.refused(token)

    def test_what_is_remembered_is_forgotten_again(self) -> None:
        for _ in range(1000):
            self.login.check_once(self.edge.token(Audience.INTERNAL)[0])
            self.watch.now += 1
        lifetime = INTERNAL_TOKEN_SECONDS + 2 * CLOCK_SKEW_SECONDS
        self.assertLessEqual(len(self.login._seen), lifetime + 1)

    def test_more_than_can_be_remembered_is_no_reason_to_let_one_count_twice(self) -> None:
        self.patch(trust_module, "MAX_SEEN", 3)
        made = [self.edge.token(Audience.INTERNAL)[0] for _ in range(5)]
        for token in made[:3]:
            self.login.check_once(token)
        self.assertRaises(TemporarilyUnavailable, self.login.check_once, made[3])
        self.refused(made[0])
        self.watch.now += INTERNAL_TOKEN_SECONDS + 2 * CLOCK_SKEW_SECONDS
        self.login.check_once(self.edge.token(Audience.INTERNAL)[0])

    def test_nobody_else_may_ask(self) -> None:
        of_a_wing, _claims = tokens.mint(KEYS.signing, user_id="edge-a", now=NOW, jti="j", wing="edge-a")
        strange, _jti = trust("edge-a", self.watch, STRANGERS).token(Audience.INTERNAL)
        others = [self.edge.token(audience)[0] for audience in set(Audience) - {Audience.INTERNAL}]
        old = node_tokens.mint(
            KEYS, Audience.INTERNAL, machine="edge-a", now=NOW - INTERNAL_TOKEN_SECONDS - 31, jti="old"
        )
        for token in ("", "x", of_a_wing, strange, old, *others):
            self.refused(token)
        self.assertEqual(self.login._seen, {}, "what is refused is not remembered")

    def test_an_answer_is_for_its_request(self) -> None:
        _asked, jti = self.edge.token(Audience.INTERNAL)
        _other, another = self.edge.token(Audience.INTERNAL)
        proof, _name = self.login.token(Audience.ANSWER, nonce=jti)
        self.assertEqual(self.edge.check_answer(proof, jti).machine, "login")
        for wrong in (another, "", jti + "x"):
            self.assertRaises(NotAuthenticated, self.edge.check_answer, proof, wrong)
        without, _name = self.login.token(Audience.ANSWER)
        question, _name = self.login.token(Audience.INTERNAL, nonce=jti)
        strange, _name = trust("login", self.watch, STRANGERS).token(Audience.ANSWER, nonce=jti)
        for token in (without, question, strange, "", "x"):
            self.assertRaises(NotAuthenticated, self.edge.check_answer, token, jti)

    def test_a_standing_token_is_replaced_long_before_it_ends(self) -> None:
        before = ""
        made = set()
        for _ in range(300):
            token = self.edge.standing_token(Audience.EDGE)
            claims = self.login.check(token, Audience.EDGE)
            self.assertGreater(claims.expires_at - self.watch.now, INTERNAL_TOKEN_SECONDS / 2 - 1.5)
            self.assertEqual(claims.machine, "edge-a")
            made.add(token)
            before = token
            self.watch.now += 1
        self.assertEqual(len(made), 10, "one for each half minute")
        self.assertNotEqual(self.edge.standing_token(Audience.REPLAY), before)

    @given(st.text(max_size=100))
    def test_no_text_is_more_than_refused(self, text: str) -> None:
        self.refused(text)
