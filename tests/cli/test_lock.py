"""`wt wing lock|unlock|allow|revoke|allowed`."""

from __future__ import annotations

import yaml

from tests.authenticator import Authenticator
from tests.cli.case import CommandCase
from wingthing.crypto.keys import new_signing_key
from wingthing.crypto.tokens import mint
from wingthing.wing.config import AllowKey


class LockTests(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.home.config.change(label="Desk", note="kept")
        token, _claims = mint(new_signing_key(), user_id="owner", now=0, jti="j")
        self.log_in(token)
        self.key = Authenticator().key

    def said(self, *words: str) -> str:
        result = self.wt("wing", *words)
        self.assertEqual(result.exit_code, 0, result.output)
        return result.output

    def keys(self) -> tuple[AllowKey, ...]:
        return self.home.config.read().allow_keys

    def test_locking_and_unlocking(self) -> None:
        said = self.said("lock")
        self.assertIn("The wing is locked.", said)
        self.assertIn("Nobody is on the list", said)
        self.assertIn("once you are on it: 'wt wing allow --user owner'", said)
        self.assertIs(self.home.config.read().locked, True)
        self.said("allow", "--user", "owner")
        self.assertIn("because you are on it", self.said("lock"))
        self.assertIn("The list stays", self.said("unlock"))
        config = self.home.config.read()
        self.assertEqual((config.locked, config.label, len(config.allow_keys)), (False, "Desk", 1))
        self.assertIn("note: kept", self.home.config.path.read_text())

    def test_before_a_login(self) -> None:
        self.home.forget_token()
        self.assertIn("--user ID", self.said("lock"))

    def test_allowing(self) -> None:
        said = self.said("allow", "--email", "ann@x")
        self.assertIn("ann@x may come in.", said)
        self.assertIn("wt wing lock", said)
        self.said("lock")
        self.assertEqual(self.said("allow", "--email", "ANN@X"), "ANN@X is on the list already.\n")
        self.said("allow", "--email", "ann@x", "--key", self.key)
        self.said("allow", "--user", "bob", "--key", self.key)
        self.said("allow", "--key", self.key)
        expected = (AllowKey(self.key, "", "ann@x"), AllowKey(self.key, "bob"), AllowKey(self.key))
        self.assertEqual(self.keys(), expected)

    def test_what_cannot_be_allowed(self) -> None:
        self.assertEqual(self.wt("wing", "allow").exit_code, 2)
        self.assertIn("no e-mail address", self.refused("wing", "allow", "--email", "ann"))
        self.assertIn("no e-mail address", self.refused("wing", "allow", "--email", "a@\u202ex"))
        self.assertIn("--key is not", self.refused("wing", "allow", "--user", "a", "--key", "AAAA"))
        self.assertEqual(self.keys(), ())

    def test_revoking(self) -> None:
        for user in ("ann", "bob", "carol"):
            self.said("allow", "--user", user, "--key", self.key)
        self.assertIn("1 entry taken off. On the list: 2 entries.", self.said("revoke", "--user", "bob"))
        self.assertIn("Nobody on the list", self.refused("wing", "revoke", "--user", "bob"))
        self.assertIn("Nobody on the list", self.refused("wing", "revoke", "--user", "ann", "--key", "x"))
        self.assertEqual(self.wt("wing", "revoke").exit_code, 2)
        self.assertIn("2 entries taken off. Nobody", self.said("revoke", "--key", self.key))
        self.assertEqual(self.keys(), ())

    def test_a_damaged_key_can_be_taken_off(self) -> None:
        self.home.config.change(allow_keys=[{"key": "damaged"}])
        self.said("revoke", "--key", "damaged")
        self.assertEqual(self.keys(), ())

    def test_the_list(self) -> None:
        self.assertEqual(self.said("allowed"), "The wing is not locked.\nNobody is on the list.\n")
        self.said("allow", "--email", "ann@x")
        self.said("allow", "--user", "bob", "--key", self.key)
        self.home.config.change(allow_keys=lambda entries: [*entries, {"key": "??"}], locked=True)
        said = self.said("allowed")
        self.assertTrue(said.startswith("The wing is locked.\n"))
        for words in ("ann@x", "the first that", "bob", "anybody with it", "damaged"):
            self.assertIn(words, said)

    def test_a_damaged_file_is_left_alone(self) -> None:
        self.home.config.path.write_text("[")
        for words in (
            ("lock",),
            ("unlock",),
            ("allow", "--user", "a"),
            ("revoke", "--user", "a"),
            ("allowed",),
        ):
            self.assertIn("correct it", self.refused("wing", *words))
        self.assertEqual(self.home.config.path.read_text(), "[")

    def test_the_form_of_the_file(self) -> None:
        self.said("lock")
        self.said("allow", "--email", "ann@x")
        said = yaml.safe_load(self.home.config.path.read_text())
        self.assertEqual((said["locked"], said["allow_keys"]), (True, [{"email": "ann@x"}]))
