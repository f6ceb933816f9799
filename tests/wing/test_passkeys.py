"""Challenges, tokens, and who writes down whose passkey."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.authenticator import Authenticator
from tests.store.support import counting
from tests.wing.browser import FakeRules
from wingthing.crypto.passkeys import Assertion
from wingthing.errors import Forbidden, NotAuthenticated, PeerError
from wingthing.wing.access import NOT_ALLOWED, PASSKEY_REQUIRED, Person
from wingthing.wing.config import AllowKey
from wingthing.wing.passkeys import ALL_USERS, Passkeys
from wingthing.wire.wing_limits import MAX_AUTH_TOKENS, MAX_PASSKEY_CHALLENGES, PASSKEY_ANSWER_SECONDS

NOW = 1_800_000_000.0
BOB = Person("bob", "bob@x")
ANN = Person("ann", "ann@x")


class PasskeysCase(TestCase):
    def setUp(self) -> None:
        self.mine, self.other = Authenticator(), Authenticator()
        self.rules = FakeRules(
            locked=True,
            allow_keys=(AllowKey(self.mine.key, "bob"), AllowKey(email="ann@x")),
        )
        self.passkeys = Passkeys(self.rules, counting())

    def answer(self, challenge: bytes, authenticator: Authenticator | None = None) -> Assertion:
        return Assertion(**(authenticator or self.mine).get(challenge))

    def ask(self, person: Person, now: float = NOW) -> bytes:
        """The challenge, which here is the nonce itself."""
        return self.passkeys.ask(person, bytes, now=now)[1]

    def token(self, person: Person = BOB, now: float = NOW) -> str:
        challenge = self.ask(person, now)
        return self.passkeys.redeem(person, self.answer(challenge), now=now)

    def refused(self, person: Person, assertion: Assertion, now: float = NOW) -> str:
        return str(self.assertRaises(PeerError, self.passkeys.redeem, person, assertion, now=now))


class ChallengeTests(PasskeysCase):
    def test_one_gives_a_token_that_opens(self) -> None:
        self.assertEqual(self.passkeys.refusal(BOB, None, now=NOW), PASSKEY_REQUIRED)
        token = self.token()
        self.assertEqual(len(bytes.fromhex(token)), 32)
        self.assertIsNone(self.passkeys.refusal(BOB, token, now=NOW))
        self.assertEqual(self.passkeys.key_of(BOB, token, now=NOW), self.mine.key)

    def test_what_is_made_of_the_nonce_counts_and_the_nonce_does_not(self) -> None:
        nonce, challenge = self.passkeys.ask(BOB, lambda nonce: b"made of " + nonce, now=NOW)
        self.assertEqual((len(nonce), challenge), (32, b"made of " + nonce))
        self.assertIn("has not asked that", self.refused(BOB, self.answer(nonce)))
        self.passkeys.redeem(BOB, self.answer(challenge), now=NOW)

    def test_a_replayed_answer(self) -> None:
        assertion = self.answer(self.ask(BOB))
        self.passkeys.redeem(BOB, assertion, now=NOW)
        self.assertIn("has not asked that", self.refused(BOB, assertion))

    def test_a_wrong_answer_spends_the_challenge(self) -> None:
        challenge = self.ask(BOB)
        self.assertIn("none of the passkeys", self.refused(BOB, self.answer(challenge, self.other)))
        self.assertIn("has not asked that", self.refused(BOB, self.answer(challenge)))

    def test_the_challenge_of_another_user(self) -> None:
        self.rules.change(allow_keys=(AllowKey(self.mine.key, "bob"), AllowKey(self.other.key, "ann")))
        challenge = self.ask(ANN)
        self.assertIn("has not asked that", self.refused(BOB, self.answer(challenge)))
        self.passkeys.redeem(ANN, self.answer(challenge, self.other), now=NOW)

    def test_too_late(self) -> None:
        challenge = self.ask(BOB)
        late = NOW + PASSKEY_ANSWER_SECONDS
        self.assertIn("too long ago", self.refused(BOB, self.answer(challenge), now=late))

    def test_one_that_nobody_has_asked(self) -> None:
        self.assertIn("has not asked that", self.refused(BOB, self.answer(bytes(32))))

    def test_whom_it_asks(self) -> None:
        eve = Person("eve", "e@x", (self.other.key,))
        why = self.assertRaises(Forbidden, self.ask, eve)
        self.assertEqual(str(why), NOT_ALLOWED)
        why = self.assertRaises(PeerError, self.ask, Person("owner"))
        self.assertIn("asks you for no passkey", str(why))
        self.rules.change(locked=False)
        self.assertRaises(PeerError, self.ask, BOB)

    def test_no_more_than_so_many_of_one_user(self) -> None:
        asked = [self.ask(BOB) for _ in range(MAX_PASSKEY_CHALLENGES + 1)]
        self.refused(BOB, self.answer(asked[0]))
        for challenge in asked[1:]:
            self.passkeys.redeem(BOB, self.answer(challenge), now=NOW)

    def test_nor_in_all_whoever_a_node_says_they_are(self) -> None:
        for number in range(MAX_PASSKEY_CHALLENGES * ALL_USERS * 2):
            self.ask(Person(str(number), "ann@x"))
        self.assertEqual(len(self.passkeys._asked), MAX_PASSKEY_CHALLENGES * ALL_USERS)
        self.ask(BOB, NOW + PASSKEY_ANSWER_SECONDS)
        self.assertEqual(len(self.passkeys._asked), 1)


class TokenTests(PasskeysCase):
    def test_of_another_user(self) -> None:
        self.rules.change(allow_keys=(AllowKey(self.mine.key, "bob"), AllowKey(self.mine.key, "ann")))
        token = self.token(BOB)
        self.assertEqual(self.passkeys.refusal(ANN, token, now=NOW), PASSKEY_REQUIRED)
        self.assertEqual(self.passkeys.refusal(Person("eve"), token, now=NOW), NOT_ALLOWED)

    def test_that_is_none(self) -> None:
        self.token()
        for token in ("", None, "0" * 64, "no hex", "0" * 5000):
            self.assertEqual(self.passkeys.refusal(BOB, token, now=NOW), PASSKEY_REQUIRED)

    def test_expires(self) -> None:
        token = self.token()
        self.assertIsNone(self.passkeys.refusal(BOB, token, now=NOW + 1e8))
        self.rules.change(auth_ttl=60.0)
        self.assertIsNone(self.passkeys.refusal(BOB, token, now=NOW + 59))
        self.assertEqual(self.passkeys.refusal(BOB, token, now=NOW + 60), PASSKEY_REQUIRED)

    def test_after_a_restart(self) -> None:
        token = self.token()
        self.passkeys = Passkeys(self.rules, counting())
        self.assertEqual(self.passkeys.refusal(BOB, token, now=NOW), PASSKEY_REQUIRED)

    def test_after_its_passkey_was_revoked(self) -> None:
        token = self.token()
        self.rules.change(allow_keys=(AllowKey(self.other.key, "bob"),))
        self.assertEqual(self.passkeys.refusal(BOB, token, now=NOW), PASSKEY_REQUIRED)
        self.rules.change(allow_keys=())
        self.assertEqual(self.passkeys.refusal(BOB, token, now=NOW), NOT_ALLOWED)
        self.rules.change(allow_keys=(AllowKey(user_id="bob"),))
        self.assertEqual(self.passkeys.refusal(BOB, token, now=NOW), PASSKEY_REQUIRED)

    def test_only_so_many_are_kept(self) -> None:
        tokens = [self.token() for _ in range(MAX_AUTH_TOKENS + 1)]
        self.assertEqual(self.passkeys.refusal(BOB, tokens[0], now=NOW), PASSKEY_REQUIRED)
        for token in tokens[1:]:
            self.assertIsNone(self.passkeys.refusal(BOB, token, now=NOW))

    def test_is_kept_as_a_digest(self) -> None:
        token = self.token()
        self.assertNotIn(token, repr(vars(self.passkeys)))


class FirstUseTests(PasskeysCase):
    def test_the_first_passkey_is_written_down(self) -> None:
        ann = Person("ann", "ann@x", (self.other.key, self.mine.key))
        token = self.token(ann)
        self.assertEqual(self.rules.config.allow_keys[1], AllowKey(self.mine.key, "ann", "ann@x"))
        self.assertEqual(self.passkeys.refusal(Person("bob", "ann@x"), token, now=NOW), PASSKEY_REQUIRED)
        self.assertEqual(self.passkeys.refusal(Person("eve", "ann@x"), token, now=NOW), NOT_ALLOWED)
        self.assertIsNone(self.passkeys.refusal(ann, token, now=NOW))

    def test_a_key_that_the_node_has_swapped(self) -> None:
        self.token(Person("ann", "ann@x", (self.mine.key,)))
        swapped = Person("ann", "ann@x", (self.other.key,))
        challenge = self.ask(swapped)
        self.assertIn("none of the passkeys", self.refused(swapped, self.answer(challenge, self.other)))
        self.assertEqual(self.rules.config.allow_keys[1].key, self.mine.key)

    def test_a_pinned_key_is_not_the_nodes_to_add_to(self) -> None:
        bob = Person("bob", "bob@x", (self.other.key,))
        challenge = self.ask(bob)
        self.assertIn("none of the passkeys", self.refused(bob, self.answer(challenge, self.other)))
        self.assertEqual(len(self.rules.config.allow_keys), 2)

    def test_nothing_opens_that_could_not_be_written_down(self) -> None:
        self.rules.unwritable = True
        ann = Person("ann", "ann@x", (self.mine.key,))
        challenge = self.ask(ann)
        self.assertIn("cannot write down", self.refused(ann, self.answer(challenge)))
        self.assertEqual(self.passkeys._grants, {})

    def test_without_any_key(self) -> None:
        challenge = self.ask(ANN)
        self.assertIn("none of the passkeys", self.refused(ANN, self.answer(challenge)))


class LegacyTests(PasskeysCase):
    """Web apps in the field choose their challenge themselves."""

    def test_only_where_wing_yaml_says_so(self) -> None:
        self.assertIn("has not asked that", self.refused(BOB, self.answer(b"c" * 32)))
        self.rules.change(legacy_passkey=True)
        token = self.passkeys.redeem(BOB, self.answer(b"c" * 32), now=NOW)
        self.assertIsNone(self.passkeys.refusal(BOB, token, now=NOW))

    def test_it_counts_once_too(self) -> None:
        self.rules.change(legacy_passkey=True)
        assertion = self.answer(b"c" * 32)
        self.passkeys.redeem(BOB, assertion, now=NOW)
        self.assertIn("used before", self.refused(BOB, assertion))
        ours = self.answer(self.ask(BOB))
        self.passkeys.redeem(BOB, ours, now=NOW)
        self.assertIn("used before", self.refused(BOB, ours))

    def test_neither_short_nor_of_another_key(self) -> None:
        self.rules.change(legacy_passkey=True)
        self.assertIn("too short", self.refused(BOB, self.answer(b"c" * 15)))
        self.assertRaises(
            NotAuthenticated, self.passkeys.redeem, BOB, self.answer(b"c" * 32, self.other), now=NOW
        )
