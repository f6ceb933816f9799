"""Which tokens were given out, and which of them count no more."""

from __future__ import annotations

import sqlite3

from tests.store.support import StoreCase
from wingthing.crypto.tokens import WingToken
from wingthing.store import tokens


class TokensTests(StoreCase):
    def test_one_is_revoked_and_the_others_go_on(self) -> None:
        for jti in ("one", "two"):
            self.run_now(tokens.issued, WingToken("ann", 1, 2, jti=jti))
        self.run_now(tokens.revoke, "one", now=3.0)
        self.assertTrue(self.run_now(tokens.revoked, "one"))
        self.assertFalse(self.run_now(tokens.revoked, "two"))

    def test_one_that_this_server_has_not_given_out_is_not_revoked(self) -> None:
        for jti in ("unknown", "", "' OR '1'='1"):
            self.assertFalse(self.run_now(tokens.revoked, jti))

    def test_the_first_revocation_stands(self) -> None:
        self.run_now(tokens.issued, WingToken("ann", 1, 2, jti="one"))
        for now in (3.0, 4.0):
            self.run_now(tokens.revoke, "one", now=now)
        rows = self.direct.connection.execute("SELECT revoked_at FROM tokens").fetchall()
        self.assertEqual(rows, [(3.0,)])

    def test_a_name_is_given_once(self) -> None:
        self.run_now(tokens.issued, WingToken("ann", 1, 2, jti="one"))
        self.assertRaises(
            sqlite3.IntegrityError, self.run_now, tokens.issued, WingToken("eve", 1, 2, jti="one")
        )

    def test_a_user_of_another_node_may_have_one(self) -> None:
        self.run_now(tokens.issued, WingToken("somebody-elsewhere", 1, 2, jti="one"))
        self.assertFalse(self.run_now(tokens.revoked, "one"))
