"""Who may reach a wing, and who hears of it: its owner."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.relay.access import audience, may_reach
from wingthing.wire.records import WingRecord


class AccessTests(TestCase):
    def test_the_owner_and_nobody_else(self) -> None:
        record = WingRecord(wing_id="w", connection_id="c", user_id="ann", owner="eve", public_key="bob")
        self.assertTrue(may_reach("ann", record))
        for user_id in ("eve", "bob", "", "ANN", "ann "):
            self.assertFalse(may_reach(user_id, record), user_id)
        self.assertEqual(audience(record), ("ann",))
