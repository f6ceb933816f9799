"""Tokens between nodes: what they say, for how long, and everything that stands in for none."""

from __future__ import annotations

import json
from typing import Any

import jwt
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.crypto import node_tokens, tokens
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import new_signing_key
from wingthing.crypto.node_tokens import Audience, NodeToken
from wingthing.errors import NotAuthenticated
from wingthing.wire.limits import CLOCK_SKEW_SECONDS, INTERNAL_TOKEN_SECONDS

NOW = 1_800_000_000.5
KEY = new_signing_key()
RING = KeyRing.of(KEY, {})
PAYLOAD = {"iss": "machine-1", "aud": "internal", "iat": int(NOW), "exp": int(NOW) + 60, "jti": "j"}


def signed(**changes: Any) -> str:
    """A token as a node would sign it; what is changed to None is left out."""
    payload = {name: value for name, value in (PAYLOAD | changes).items() if value is not None}
    return jwt.encode(payload, KEY, algorithm="ES256")


class NodeTokenTests(TestCase):
    def check(self, token: str, audience: Audience = Audience.INTERNAL, now: float = NOW) -> NodeToken:
        return node_tokens.check(token, RING.accepted, audience, now=now)

    def refused(self, token: str, audience: Audience = Audience.INTERNAL, now: float = NOW) -> None:
        why = self.assertRaises(NotAuthenticated, self.check, token, audience, now)
        self.assertNotIn(token or "no token", str(why))

    def test_what_goes_in_comes_out(self) -> None:
        for audience in Audience:
            token = node_tokens.mint(
                RING, audience, machine="machine-1", now=NOW, jti="j", nonce="n", passed={"a": [1]}
            )
            self.assertEqual(
                self.check(token, audience), NodeToken("machine-1", "j", int(NOW) + 60, "n", {"a": [1]})
            )

    def test_for_one_audience_and_no_other(self) -> None:
        for made_for in Audience:
            token = node_tokens.mint(RING, made_for, machine="m", now=NOW, jti="j")
            for audience in set(Audience) - {made_for}:
                self.refused(token, audience)
        self.refused(signed(aud=None))
        self.refused(signed(aud=""))
        self.refused(signed(aud="INTERNAL"))

    def test_a_wings_token_is_no_nodes_and_the_other_way_round(self) -> None:
        of_a_wing, _claims = tokens.mint(KEY, user_id="ann", now=NOW, jti="j", wing="machine-1")
        for audience in Audience:
            self.refused(of_a_wing, audience)
            of_a_node = node_tokens.mint(RING, audience, machine="m", now=NOW, jti="j")
            self.assertRaises(NotAuthenticated, tokens.check, of_a_node, RING.accepted, now=NOW)
        both = jwt.encode(PAYLOAD | {"sub": "ann"}, KEY, algorithm="ES256")
        self.assertRaises(NotAuthenticated, tokens.check, both, RING.accepted, now=NOW)

    def test_a_minute_and_the_difference_of_two_clocks(self) -> None:
        token = node_tokens.mint(RING, Audience.INTERNAL, machine="m", now=NOW, jti="j")
        last = int(NOW) + INTERNAL_TOKEN_SECONDS + CLOCK_SKEW_SECONDS
        for now in (int(NOW) - CLOCK_SKEW_SECONDS, NOW, last - 0.01):
            self.check(token, now=now)
        for now in (int(NOW) - CLOCK_SKEW_SECONDS - 1, last, last + 1000):
            self.refused(token, now=now)

    def test_none_is_made_to_last(self) -> None:
        self.refused(signed(exp=int(NOW) + 365 * 24 * 3600))
        self.refused(signed(exp=2**62, iat=0))

    def test_nothing_may_be_missing_or_of_another_kind(self) -> None:
        for name in ("iss", "exp", "iat", "jti"):
            self.refused(signed(**{name: None}))
        wrong: dict[str, list[Any]] = {
            "iss": ["", 5, ["m"]],
            "jti": ["", 5],
            "exp": ["soon", 1.5e300, True, [int(NOW) + 60]],
            "nonce": [5, ["n"]],
            "passed": ["text", [1], 5],
        }
        for name, values in wrong.items():
            for value in values:
                payload = PAYLOAD | {name: value}
                # The library itself would not make some of these.
                self.refused(jwt.PyJWS().encode(json.dumps(payload).encode(), KEY, algorithm="ES256"))

    def test_forgeries(self) -> None:
        good = signed()
        head, body, signature = good.split(".")
        unsigned = jwt.encode(PAYLOAD, None, algorithm="none")
        for token in (
            "",
            "x",
            "a.b.c",
            unsigned,
            unsigned + signature,
            f"{head}.{body}.",
            f"{head}.{body}.{signature[:-4]}AAAA",
            f"{head}.{signed(iss='machine-2').split('.')[1]}.{signature}",
            jwt.encode(PAYLOAD, new_signing_key(), algorithm="ES256"),
            jwt.encode(PAYLOAD, "secret" * 10, algorithm="HS256"),
        ):
            self.refused(token)

    def test_a_key_that_is_being_replaced_counts_until_it_is_taken_away(self) -> None:
        new = new_signing_key()
        both = KeyRing(new, (new.public_key(), KEY.public_key()))
        old = node_tokens.mint(RING, Audience.INTERNAL, machine="m", now=NOW, jti="j")
        node_tokens.check(old, both.accepted, Audience.INTERNAL, now=NOW)
        alone = (new.public_key(),)
        self.assertRaises(NotAuthenticated, node_tokens.check, old, alone, Audience.INTERNAL, now=NOW)

    @given(st.text(max_size=200) | st.text("abcAZ09-_.", max_size=200))
    def test_no_text_is_more_than_refused(self, text: str) -> None:
        self.assertRaises(NotAuthenticated, self.check, text)
