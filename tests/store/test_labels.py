"""Labels belong to a user and a wing."""

from __future__ import annotations

from tests.store.support import StoreCase
from wingthing.store import labels, users


class LabelsTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        for user_id in ("ann", "bob"):
            self.run_now(users.ensure, user_id, name=user_id, provider="test", now=1.0)

    def test_each_user_has_names_of_their_own(self) -> None:
        self.run_now(labels.put, "ann", "w1", "desk")
        self.run_now(labels.put, "bob", "w1", "the big one")
        self.assertEqual(self.run_now(labels.of_user, "ann"), {"w1": "desk"})
        self.assertEqual(self.run_now(labels.of_user, "bob"), {"w1": "the big one"})

    def test_a_new_name_replaces_the_old(self) -> None:
        for label in ("desk", "'; DELETE FROM labels; --", "🪽"):
            self.run_now(labels.put, "ann", "w1", label)
            self.assertEqual(self.run_now(labels.of_user, "ann"), {"w1": label})

    def test_forgetting_one(self) -> None:
        for wing_id in ("w1", "w2"):
            self.run_now(labels.put, "ann", wing_id, wing_id)
        self.run_now(labels.delete, "ann", "w1")
        self.run_now(labels.delete, "bob", "w2")
        self.assertEqual(self.run_now(labels.of_user, "ann"), {"w2": "w2"})
