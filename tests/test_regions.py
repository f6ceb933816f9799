"""The regions of Fly."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.regions import REGIONS


class RegionTests(TestCase):
    def test_each_is_on_earth(self) -> None:
        for code, region in REGIONS.items():
            self.assertRegex(code, r"^[a-z]{3}$")
            self.assertTrue(region.city, code)
            self.assertTrue(-90 < region.latitude < 90 and -180 < region.longitude < 180, code)

    def test_no_place_is_that_of_another(self) -> None:
        self.assertEqual(len(set(REGIONS.values())), len(REGIONS))

    def test_some_that_everybody_can_place(self) -> None:
        west = sorted(
            ("sea", "lax", "ewr", "gru", "lhr", "jnb", "nrt"), key=lambda code: REGIONS[code].longitude
        )
        self.assertEqual(west, ["sea", "lax", "ewr", "gru", "lhr", "jnb", "nrt"])
        south = [code for code, region in REGIONS.items() if region.latitude < 0]
        self.assertEqual(sorted(south), ["gru", "jnb", "syd"])
