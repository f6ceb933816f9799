"""The passkeys that users have registered."""

from __future__ import annotations

from tests.store.support import StoreCase
from wingthing.errors import NotFound, PeerError
from wingthing.store import entitlements, passkeys, users
from wingthing.store.passkeys import Passkey
from wingthing.wire.account_limits import MAX_PASSKEYS


def passkey(name: str, at: float = 1.0) -> Passkey:
    return Passkey(name, f"c-{name}", f"k-{name}", name.title(), "internal", at)


class PasskeysTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        for user_id in ("ann", "bob"):
            self.run_now(users.ensure, user_id, name=user_id, provider="test", now=1.0)

    def add(self, user_id: str, name: str, at: float = 1.0) -> None:
        self.run_now(passkeys.add, user_id, passkey(name, at))

    def test_each_user_has_their_own_in_the_order_of_age(self) -> None:
        self.add("ann", "a", 2.0)
        self.add("ann", "b", 1.0)
        self.add("bob", "c")
        self.assertEqual(self.run_now(passkeys.of_user, "ann"), [passkey("b", 1.0), passkey("a", 2.0)])
        self.assertEqual(self.run_now(passkeys.keys_of, "ann"), ("k-b", "k-a"))
        self.assertEqual(self.run_now(passkeys.keys_of, "eve"), ())
        self.assertEqual(self.run_now(passkeys.keys_of_all), {"ann": ("k-b", "k-a"), "bob": ("k-c",)})

    def test_edges_hear_of_them(self) -> None:
        self.add("ann", "a")
        told = self.run_now(entitlements.every, now=1.0)
        self.assertEqual([(user.user_id, user.passkeys) for user in told], [("ann", ("k-a",)), ("bob", ())])

    def test_one_is_registered_once_whosever_it_is(self) -> None:
        self.add("ann", "a")
        for user_id in ("ann", "bob"):
            again = Passkey("other", "c-a", "k", "Other", "", 2.0)
            why = self.assertRaises(PeerError, self.run_now, passkeys.add, user_id, again)
            self.assertEqual(why.status, 409)
        self.assertEqual(self.run_now(passkeys.of_user, "bob"), [])

    def test_no_more_than_so_many(self) -> None:
        for number in range(MAX_PASSKEYS):
            self.add("ann", str(number))
        why = self.assertRaises(PeerError, self.add, "ann", "one more")
        self.assertEqual(why.status, 409)
        self.add("bob", "b")

    def test_somebody_elses_is_not_there(self) -> None:
        self.add("ann", "a")
        self.assertRaises(NotFound, self.run_now, passkeys.remove, "bob", "a")
        self.assertRaises(NotFound, self.run_now, passkeys.rename, "bob", "a", "mine")
        self.assertRaises(NotFound, self.run_now, passkeys.remove, "ann", "' OR 1=1 --")
        self.assertEqual(self.run_now(passkeys.of_user, "ann"), [passkey("a")])

    def test_renaming_and_removing(self) -> None:
        self.add("ann", "a")
        self.run_now(passkeys.rename, "ann", "a", "'; DROP TABLE passkeys; --")
        (renamed,) = self.run_now(passkeys.of_user, "ann")
        self.assertEqual(renamed.label, "'; DROP TABLE passkeys; --")
        self.run_now(passkeys.remove, "ann", "a")
        self.assertRaises(NotFound, self.run_now, passkeys.remove, "ann", "a")

    def test_they_go_with_their_user(self) -> None:
        self.add("ann", "a")
        self.add("bob", "b")
        self.run_now(users.remove, "ann", now=2.0)
        self.assertEqual(self.run_now(passkeys.keys_of_all), {"bob": ("k-b",)})
