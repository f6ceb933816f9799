"""Who may do what."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.wing.access import NOT_ALLOWED, PASSKEY_REQUIRED, Access, Person
from wingthing.wing.config import AllowKey, PathRule, WingConfig

OWNER = Person("owner", "o@x")
ALICE = Person("alice", "Alice@X")
NOBODY = Person()


class AccessTests(TestCase):
    def test_a_session_is_its_users_and_the_owners(self) -> None:
        access = Access(WingConfig(admins=("alice@x",)), "owner")
        for person, user, expected in (
            (OWNER, "alice", True),
            (ALICE, "alice", True),
            (ALICE, "owner", False),
            (ALICE, "", False),
            (OWNER, "", True),
            (NOBODY, "", False),
            (NOBODY, "alice", False),
        ):
            self.assertIs(access.controls(person, user), expected, (person, user))

    def test_admins_see_what_they_may_not_type_into(self) -> None:
        access = Access(WingConfig(admins=("alice@x",)), "owner")
        self.assertTrue(access.sees(ALICE, "bob"))
        self.assertFalse(access.controls(ALICE, "bob"))
        self.assertFalse(access.sees(Person("eve", "e@x"), "bob"))
        self.assertFalse(access.manages(NOBODY))

    def test_the_lock(self) -> None:
        keys = (AllowKey(email="alice@x"), AllowKey(user_id="bob"), AllowKey(key="AAAA"))
        locked = Access(WingConfig(locked=True, allow_keys=keys), "owner")
        self.assertIsNone(locked.refusal(OWNER))
        self.assertEqual(locked.refusal(ALICE), PASSKEY_REQUIRED)
        self.assertEqual(locked.refusal(Person("bob")), PASSKEY_REQUIRED)
        self.assertEqual(locked.refusal(Person("eve", "e@x")), NOT_ALLOWED)
        self.assertEqual(locked.refusal(NOBODY), NOT_ALLOWED)
        self.assertIsNone(Access(WingConfig(allow_keys=keys), "owner").refusal(Person("eve")))

    def test_an_address_that_only_folds_to_another_is_somebody_else(self) -> None:
        """The server tells them apart (wire/email_address.py), so they may be two people."""
        config = WingConfig(
            locked=True,
            allow_keys=(AllowKey(email="strasse@x.org"),),
            admins=("strasse@x.org",),
        )
        access = Access(config, "owner")
        rules = (PathRule("/a", ("strasse@x.org",)),)
        for email, own in (
            ("Strasse@X.org", True),
            ("stra\u00dfe@x.org", False),
            ("stra\u1e9ee@x.org", False),
        ):
            person = Person("somebody", email)
            self.assertEqual(access.refusal(person), PASSKEY_REQUIRED if own else NOT_ALLOWED, email)
            self.assertIs(access.manages(person), own, email)
            self.assertEqual(bool(access.open_to(person, rules)), own, email)

    def test_a_domain_may_be_written_as_people_write_it(self) -> None:
        access = Access(WingConfig(admins=("ann@b\u00fccher.example",)), "owner")
        self.assertTrue(access.manages(Person("ann", "ann@xn--bcher-kva.example")))

    def test_the_owner_needs_a_passkey_once_on_the_list(self) -> None:
        """Who the owner is, a node says: one that lies must not come in where a passkey is written down."""
        for entry in (AllowKey("k", user_id="owner"), AllowKey("k", email="O@X"), AllowKey(user_id="owner")):
            locked = Access(WingConfig(locked=True, allow_keys=(entry,)), "owner")
            self.assertEqual(locked.refusal(OWNER), PASSKEY_REQUIRED)
            if entry.key:
                self.assertIsNone(locked.refusal(OWNER, "k"))

    def test_a_passkey_that_counts(self) -> None:
        keys = (AllowKey("one", "alice"), AllowKey("two", email="alice@x"), AllowKey("three", "bob"))
        locked = Access(WingConfig(locked=True, allow_keys=keys), "owner")
        self.assertIsNone(locked.refusal(ALICE, "one"))
        self.assertIsNone(locked.refusal(ALICE, "two"))
        for key in ("", "three", "four"):
            self.assertEqual(locked.refusal(ALICE, key), PASSKEY_REQUIRED)
        self.assertEqual(locked.refusal(Person("eve"), "one"), NOT_ALLOWED)
        self.assertEqual(locked.keys_of(ALICE), ("one", "two"))
        self.assertTrue(locked.has_pinned(ALICE))

    def test_what_the_node_says_counts_only_where_nothing_is_written_down(self) -> None:
        said = Person("alice", "alice@x", ("said",))
        first = Access(WingConfig(locked=True, allow_keys=(AllowKey(user_id="alice"),)), "owner")
        self.assertEqual(first.keys_of(said), ("said",))
        self.assertFalse(first.has_pinned(said))
        self.assertEqual(first.refusal(said, "said"), PASSKEY_REQUIRED, "not before it is written down")
        keys = (AllowKey(user_id="alice"), AllowKey("one", email="alice@x"))
        later = Access(WingConfig(locked=True, allow_keys=keys), "owner")
        self.assertEqual(later.keys_of(said), ("one",))
        self.assertEqual(first.keys_of(Person("eve", "e@x", ("said",))), (), "not on the list")

    def test_a_node_cannot_mix_people_up_where_ids_are_written_down(self) -> None:
        keys = (AllowKey("one", "alice", "alice@x"), AllowKey("two", "bob", "bob@x"))
        locked = Access(WingConfig(locked=True, allow_keys=keys), "owner")
        self.assertEqual(locked.refusal(Person("alice", "bob@x"), "two"), PASSKEY_REQUIRED)
        self.assertEqual(locked.refusal(Person("eve", "bob@x"), "two"), NOT_ALLOWED)

    def test_an_entry_for_whoever_has_a_passkey(self) -> None:
        locked = Access(WingConfig(locked=True, allow_keys=(AllowKey("one"),)), "owner")
        holder = Person("x", "x@x", ("none", "one"))
        self.assertEqual(locked.refusal(holder), PASSKEY_REQUIRED)
        self.assertIsNone(locked.refusal(holder, "one"))
        self.assertEqual(locked.keys_of(holder), ("one",))
        self.assertEqual(locked.refusal(Person("y", "y@x", ("none",))), NOT_ALLOWED)

    def test_folders_with_members(self) -> None:
        rules = (PathRule("/open"), PathRule("/a", ("ALICE@x",)), PathRule("/b", ("bob",)))
        access = Access(WingConfig(admins=("carol",)), "owner")

        def paths(person: Person) -> list[str]:
            return [rule.path for rule in access.open_to(person, rules)]

        self.assertEqual(paths(OWNER), ["/open", "/a", "/b"])
        self.assertEqual(paths(Person("carol")), ["/open", "/a", "/b"])
        self.assertEqual(paths(ALICE), ["/open", "/a"])
        self.assertEqual(paths(Person("bob")), ["/open", "/b"])
        self.assertEqual(paths(NOBODY), ["/open"])
