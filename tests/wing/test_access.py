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
