"""`wt serve` and `wt roost`: what is refused before anything listens."""

from __future__ import annotations

from tests.cli.case import CommandCase


class RoostTests(CommandCase):
    def test_a_folder_that_does_not_exist(self) -> None:
        sentence = self.refused("roost", "--paths", "/tmp, /no/such")
        self.assertEqual(sentence, "There is no folder /no/such: name one that exists with --paths.")
        self.assertEqual(self.refused("start", "--paths", "/tmp, /no/such"), sentence)
        self.assertEqual(list(self.directory.iterdir()), [])
