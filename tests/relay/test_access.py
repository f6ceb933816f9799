"""Who may reach a wing, and who hears of it: its owner, and the members of the organisation that it is in."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.relay.access import as_it_is, audience, audience_in, may_reach, org_of, role_at
from wingthing.relay.orgs import Roster
from wingthing.testing import org
from wingthing.wire.records import WingRecord

ALONE = WingRecord(wing_id="w", connection_id="c", user_id="ann", owner="eve", public_key="bob")
SHARED = WingRecord(wing_id="w", connection_id="c", user_id="ann", org_id="org_1")


class AccessTests(TestCase):
    def setUp(self) -> None:
        self.roster = Roster()

    def test_the_owner_and_nobody_else(self) -> None:
        self.roster.put(org(ann="owner", bob="admin"))
        self.assertTrue(may_reach(self.roster, "ann", ALONE))
        for user_id in ("eve", "bob", "", "ANN", "ann "):
            self.assertFalse(may_reach(self.roster, user_id, ALONE), user_id)
        self.assertEqual(audience(self.roster, ALONE), {"ann"})
        self.assertEqual([role_at(self.roster, user_id, ALONE) for user_id in ("ann", "bob")], ["", ""])

    def test_the_members_of_its_organisation_each_as_what_they_are(self) -> None:
        self.roster.put(org(ann="member", bob="admin", cat="owner", dan="member"))
        self.roster.put(org("org_2", "other", eve="owner", ann="owner"))
        for user_id, role in (("ann", "member"), ("bob", "admin"), ("cat", "owner"), ("dan", "member")):
            self.assertTrue(may_reach(self.roster, user_id, SHARED))
            self.assertEqual(role_at(self.roster, user_id, SHARED), role)
        for user_id in ("eve", "", "DAN"):
            self.assertFalse(may_reach(self.roster, user_id, SHARED), user_id)
            self.assertEqual(role_at(self.roster, user_id, SHARED), "")
        self.assertEqual(audience(self.roster, SHARED), {"ann", "bob", "cat", "dan"})
        self.assertEqual(org_of(self.roster, SHARED), "org_1")
        self.assertIs(as_it_is(self.roster, SHARED), SHARED)

    def test_a_wing_whose_owner_is_not_in_the_organisation_is_not_in_it_either(self) -> None:
        for roster in ([org(bob="owner")], [], [org("org_2", "acme", ann="owner", bob="member")]):
            self.roster.take(roster)
            self.assertTrue(may_reach(self.roster, "ann", SHARED))
            self.assertFalse(may_reach(self.roster, "bob", SHARED))
            self.assertEqual(role_at(self.roster, "bob", SHARED), "")
            self.assertEqual(role_at(self.roster, "ann", SHARED), "")
            self.assertEqual(audience(self.roster, SHARED), {"ann"})
            self.assertEqual(as_it_is(self.roster, SHARED).org_id, "")

    def test_who_would_hear_were_the_organisation_another(self) -> None:
        self.assertEqual(audience_in(None, SHARED), {"ann"})
        self.assertEqual(audience_in(org(bob="owner"), SHARED), {"ann"})
        self.assertEqual(audience_in(org(bob="owner", ann="member"), SHARED), {"ann", "bob"})
