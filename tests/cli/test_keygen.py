"""`wt keygen`."""

from __future__ import annotations

import base64
import contextlib
import io

from cryptography.hazmat.primitives import serialization
from twisted.trial.unittest import TestCase

from wingthing.cli import main
from wingthing.crypto.keys import dump_signing_public, load_signing_key


class KeygenTests(TestCase):
    def run_once(self) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            ended = self.assertRaises(SystemExit, main, ["keygen"])
        self.assertIn(ended.code, (None, 0))
        return out.getvalue(), err.getvalue()

    def test_the_private_key_alone_on_stdout_the_public_key_on_stderr(self) -> None:
        out, err = self.run_once()
        self.assertEqual(out.count("\n"), 1)
        key = load_signing_key(out, source="the test")
        # SEC1, not PKCS 8: an older program reads nothing else.
        sec1 = key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        self.assertEqual(base64.b64decode(out.strip(), validate=True), sec1)
        self.assertEqual(err.count("\n"), 1)
        public = err.strip()
        self.assertEqual(public, dump_signing_public(key.public_key()))
        spki = serialization.load_der_public_key(base64.b64decode(public, validate=True))
        self.assertEqual(spki, key.public_key())
        self.assertNotIn(out.strip(), err)

    def test_a_new_one_every_time(self) -> None:
        self.assertNotEqual(self.run_once()[0], self.run_once()[0])
