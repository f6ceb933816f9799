"""Who sees a terminal."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.crypto.box import Box
from wingthing.wing.access import Person
from wingthing.wing.viewing import Audience, Viewing


def viewing(viewer_id: str | None = None) -> Viewing:
    return Viewing(Person(), Box(bytes(32)), viewer_id)


class AudienceTests(TestCase):
    def test_one_controller(self) -> None:
        audience = Audience("s")
        first, second = viewing(), viewing()
        audience.add(first)
        self.assertTrue(audience.has(first))
        audience.add(second)
        self.assertFalse(audience.has(first))
        self.assertEqual(list(audience.everybody()), [second])

    def test_a_spectator_that_comes_again_replaces_itself(self) -> None:
        audience = Audience("s")
        first, again, other = viewing("v"), viewing("v"), viewing("w")
        for each in (first, other, again):
            audience.add(each)
        self.assertFalse(audience.has(first))
        self.assertEqual(list(audience.everybody()), [other, again])
        self.assertIsNone(audience.controller)

    def test_dismissed(self) -> None:
        audience = Audience("s")
        everybody = [viewing(), viewing("v")]
        for each in everybody:
            audience.add(each)
        audience.awaiting.append(everybody[0])
        audience.dismiss()
        self.assertEqual([audience.has(each) for each in everybody], [False, False])
        self.assertEqual((list(audience.everybody()), audience.awaiting), ([], []))
