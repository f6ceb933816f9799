"""The key that signs tokens: made once, kept privately, never replaced when damaged."""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.crypto.keys import dump_signing_key, new_signing_key
from wingthing.errors import OperatorError
from wingthing.store.signing_key import signing_keys


class SigningKeyTests(TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.file = self.folder / "jwt_key"

    def test_made_once_and_private(self) -> None:
        first = dump_signing_key(signing_keys(self.folder, {}).signing)
        self.assertEqual(dump_signing_key(signing_keys(self.folder, {}).signing), first)
        self.assertEqual(self.file.read_text().strip(), first)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)

    def test_the_environment_comes_first_and_writes_nothing(self) -> None:
        given = dump_signing_key(new_signing_key())
        ring = signing_keys(self.folder, {"WT_JWT_KEY": given})
        self.assertEqual(dump_signing_key(ring.signing), given)
        self.assertFalse(self.file.exists())

    def test_a_second_key_is_accepted_and_never_signs(self) -> None:
        also = new_signing_key()
        environment = {"WT_JWT_KEY_ALSO": dump_signing_key(also)}
        ring = signing_keys(self.folder, environment)
        self.assertEqual(dump_signing_key(ring.signing), self.file.read_text().strip())
        self.assertEqual(ring.accepted, (ring.signing.public_key(), also.public_key()))
        why = self.assertRaises(OperatorError, signing_keys, self.folder, {"WT_JWT_KEY_ALSO": "nonsense"})
        self.assertIn("WT_JWT_KEY_ALSO", str(why))

    def test_one_that_others_could_read_is_made_private(self) -> None:
        signing_keys(self.folder, {})
        self.file.chmod(0o640)
        signing_keys(self.folder, {})
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)

    def test_a_damaged_one_is_a_sentence_and_stays(self) -> None:
        for content in ("", "nonsense", "AAAA"):
            self.file.write_text(content)
            why = self.assertRaises(OperatorError, signing_keys, self.folder, {})
            self.assertIn(str(self.file), str(why))
            self.assertIn("delete it", str(why))
            self.assertNotIn("WT_JWT_KEY", str(why))
            self.assertNotIn("set it to", str(why), "a file is not set to a line")
            self.assertEqual(self.file.read_text(), content)

    def test_a_bad_variable_names_the_way_out(self) -> None:
        why = self.assertRaises(OperatorError, signing_keys, self.folder, {"WT_JWT_KEY": "nonsense"})
        self.assertIn("WT_JWT_KEY", str(why))
        self.assertIn("wt keygen", str(why))
        self.assertNotIn("nonsense", str(why))
