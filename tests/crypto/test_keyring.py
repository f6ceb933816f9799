"""The keys of a node, from its environment."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import dump_signing_key, new_signing_key
from wingthing.errors import OperatorError

OLD, NEW = new_signing_key(), new_signing_key()
OLD_TEXT, NEW_TEXT = dump_signing_key(OLD), dump_signing_key(NEW)


class KeyRingTests(TestCase):
    def test_one_key_signs_and_is_accepted(self) -> None:
        ring = KeyRing.of_fleet({"WT_JWT_KEY": OLD_TEXT})
        self.assertEqual(dump_signing_key(ring.signing), OLD_TEXT)
        self.assertEqual(ring.accepted, (OLD.public_key(),))

    def test_a_second_one_is_accepted_and_does_not_sign(self) -> None:
        ring = KeyRing.of_fleet({"WT_JWT_KEY": NEW_TEXT, "WT_JWT_KEY_ALSO": OLD_TEXT})
        self.assertEqual(dump_signing_key(ring.signing), NEW_TEXT)
        self.assertEqual(ring.accepted, (NEW.public_key(), OLD.public_key()))

    def test_a_key_made_here_may_have_a_second_one_too(self) -> None:
        ring = KeyRing.of(NEW, {"WT_JWT_KEY_ALSO": OLD_TEXT, "WT_JWT_KEY": "not looked at"})
        self.assertEqual(ring.accepted, (NEW.public_key(), OLD.public_key()))
        self.assertEqual(KeyRing.of(NEW, {"WT_JWT_KEY_ALSO": ""}).accepted, (NEW.public_key(),))

    def test_a_fleet_without_a_key_is_told_how_to_make_one(self) -> None:
        for environment in ({}, {"WT_JWT_KEY": ""}, {"WT_JWT_KEY_ALSO": OLD_TEXT}):
            why = str(self.assertRaises(OperatorError, KeyRing.of_fleet, environment))
            self.assertIn("WT_JWT_KEY", why)
            self.assertIn("wt keygen", why)

    def test_a_damaged_key_names_its_variable_and_is_not_shown(self) -> None:
        for variable in ("WT_JWT_KEY", "WT_JWT_KEY_ALSO"):
            environment = {"WT_JWT_KEY": OLD_TEXT, variable: "nonsense"}
            why = str(self.assertRaises(OperatorError, KeyRing.of_fleet, environment))
            self.assertIn(f"{variable} ", why)
            self.assertNotIn("nonsense", why)
