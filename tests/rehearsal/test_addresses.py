"""The loopback addresses of a rehearsal."""

from __future__ import annotations

import sys

from twisted.trial.unittest import TestCase

from wingthing.errors import OperatorError
from wingthing.rehearsal import addresses


class BlockTests(TestCase):
    def test_two_rehearsals_have_nothing_in_common(self) -> None:
        first, second = addresses.claim(), addresses.claim()
        self.addCleanup(first.release)
        self.addCleanup(second.release)
        self.assertNotEqual(first.number, second.number)

    def test_a_block_that_was_let_go_is_free(self) -> None:
        first = addresses.claim()
        first.release()
        again = addresses.claim()
        again.release()
        self.assertEqual(again.number, first.number)

    def test_every_pair_has_its_address(self) -> None:
        block = addresses.claim()
        self.addCleanup(block.release)
        start = f"127.{block.number}"
        self.assertEqual(block.machine(7), f"{start}.0.7")
        self.assertEqual(block.way(1, 2), f"{start}.1.2")
        self.assertEqual(block.way(2, 1), f"{start}.2.1")
        self.assertEqual(block.way(3, 3), block.machine(3))

    def test_when_none_is_free(self) -> None:
        block = addresses.claim()
        self.addCleanup(block.release)
        self.patch(addresses, "BLOCKS", [block.number])
        self.assertIn("8080", str(self.assertRaises(OperatorError, addresses.claim)))

    def test_elsewhere(self) -> None:
        self.patch(sys, "platform", "darwin")
        self.assertIn("Linux", str(self.assertRaises(OperatorError, addresses.claim)))
