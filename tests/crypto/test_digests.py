"""What stands in for a secret."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.crypto.digests import digest

secrets = st.text(st.characters(exclude_categories=["Cs"]))


class DigestTests(TestCase):
    def test_it_is_the_sha256_that_everybody_computes(self) -> None:
        self.assertEqual(
            digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )  # FIPS 180-2, B.1

    @given(secrets, secrets)
    def test_equal_for_equal_secrets_alone(self, one: str, other: str) -> None:
        self.assertEqual(digest(one) == digest(other), one == other)
