"""The secret of the one-time link."""

from __future__ import annotations

import stat
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from tests.store.support import counting
from wingthing.errors import OperatorError
from wingthing.store.local_key import LocalKey, link


class LocalKeyTests(TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.file = self.folder / "local_key"
        self.randomness = counting()
        self.key = LocalKey(self.folder, self.randomness)

    def test_it_is_made_once_and_private(self) -> None:
        first = self.key.current()
        self.assertEqual(len(first), 43)
        self.assertEqual(self.key.current(), first)
        self.assertEqual(LocalKey(self.folder, self.randomness).current(), first)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)

    def test_it_opens_once_and_the_next_is_there_at_once(self) -> None:
        first = self.key.current()
        self.assertTrue(self.key.spend(first))
        self.assertFalse(self.key.spend(first))
        second = self.file.read_text().strip()
        self.assertNotEqual(second, first)
        self.assertTrue(self.key.spend(second))

    def test_a_wrong_key_spends_nothing(self) -> None:
        first = self.key.current()
        for wrong in ("", "x", first + "x", first[:-1], first.swapcase()):
            self.assertFalse(self.key.spend(wrong), wrong)
        self.assertEqual(self.key.current(), first)

    def test_before_there_is_one_nothing_opens(self) -> None:
        self.assertFalse(self.key.spend(""))
        self.file.write_text("\n")
        self.assertFalse(self.key.spend(""))

    def test_deleting_the_file_revokes_the_link(self) -> None:
        first = self.key.current()
        self.file.unlink()
        self.assertFalse(self.key.spend(first))
        self.assertNotEqual(self.key.current(), first)

    def test_a_file_that_others_could_read_is_made_private(self) -> None:
        self.key.current()
        self.file.chmod(0o644)
        self.key.current()
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)

    def test_a_damaged_file_is_a_sentence(self) -> None:
        self.file.write_bytes(b"\xff\xfe\x00")
        self.assertRaises(OperatorError, self.key.current)

    @given(st.text(max_size=60))
    def test_guessing(self, guess: str) -> None:
        self.assertFalse(self.key.spend(guess))

    def test_the_link(self) -> None:
        self.assertEqual(link("http://127.0.0.1:8080", "k"), "http://127.0.0.1:8080/auth/local?key=k")
