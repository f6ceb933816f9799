"""The key that signs tokens: made once, kept privately, never replaced when damaged."""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.crypto.keys import dump_signing_key, new_signing_key
from wingthing.errors import OperatorError
from wingthing.store.signing_key import signing_key


class SigningKeyTests(TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.file = self.folder / "jwt_key"

    def test_made_once_and_private(self) -> None:
        first = dump_signing_key(signing_key(self.folder, {}))
        self.assertEqual(dump_signing_key(signing_key(self.folder, {})), first)
        self.assertEqual(self.file.read_text().strip(), first)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)

    def test_the_environment_comes_first_and_writes_nothing(self) -> None:
        given = dump_signing_key(new_signing_key())
        self.assertEqual(dump_signing_key(signing_key(self.folder, {"WT_JWT_KEY": given})), given)
        self.assertFalse(self.file.exists())

    def test_one_that_others_could_read_is_made_private(self) -> None:
        signing_key(self.folder, {})
        self.file.chmod(0o640)
        signing_key(self.folder, {})
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)

    def test_a_damaged_one_is_a_sentence_and_stays(self) -> None:
        for content in ("", "nonsense", "AAAA"):
            self.file.write_text(content)
            why = self.assertRaises(OperatorError, signing_key, self.folder, {})
            self.assertIn("jwt_key", str(why))
            self.assertEqual(self.file.read_text(), content)

    def test_a_bad_variable_names_the_way_out(self) -> None:
        why = self.assertRaises(OperatorError, signing_key, self.folder, {"WT_JWT_KEY": "nonsense"})
        self.assertIn("WT_JWT_KEY", str(why))
        self.assertIn("wt keygen", str(why))
        self.assertNotIn("nonsense", str(why))
