"""The roster: who is in which organisation, whatever has been put and dropped, and who hears of a change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.relay.orgs import Roster, RosterChange
from wingthing.testing import org
from wingthing.wire.records import OrgRecord

USERS = ("ann", "bob", "eve")
IDS = ("org_1", "org_2", "org_3")

members = st.dictionaries(st.sampled_from(USERS), st.sampled_from(["owner", "admin", "member"]))
records = st.builds(
    lambda org_id, slug, who: OrgRecord(id=org_id, slug=slug, name="", members=who),
    st.sampled_from(IDS),
    st.sampled_from(["a", "b"]),
    members,
)


class RosterTests(TestCase):
    def setUp(self) -> None:
        self.roster = Roster()
        self.changes: list[RosterChange] = []
        self.roster.listeners.append(self.changes.append)

    def test_an_empty_one(self) -> None:
        self.assertEqual((self.roster.role("ann", "org_1"), self.roster.find("org_1")), ("", None))
        self.assertEqual((list(self.roster.members("org_1")), self.roster.of_user("ann")), ([], []))
        self.assertEqual((len(self.roster), list(self.roster), self.roster.complete), (0, [], False))

    def test_what_is_put_is_found_by_id_and_by_slug(self) -> None:
        self.assertEqual(self.roster.put(org(ann="owner", bob="member")), {"ann", "bob"})
        self.assertEqual([self.roster.find(name) for name in ("org_1", "acme")], ["org_1", "org_1"])
        for stranger in ("ACME", "", "Acme", "org_2", "acme "):
            self.assertIsNone(self.roster.find(stranger), stranger)
        self.assertEqual(self.roster.role("ann", "org_1"), "owner")
        self.assertEqual(self.roster.role("ann", "acme"), "", "a role is asked for by id")
        self.assertEqual(self.roster.of_user("bob"), ["org_1"])

    def test_a_change_is_heard_once_with_all_whom_it_concerns(self) -> None:
        first, second = org(ann="owner", bob="member"), org(ann="owner", eve="member")
        self.roster.put(first)
        self.assertEqual(self.roster.put(org(bob="member", ann="owner")), frozenset(), "the same")
        self.assertEqual(self.roster.put(second), {"ann", "bob", "eve"})
        self.assertEqual(self.roster.drop("org_1"), {"ann", "eve"})
        self.assertEqual(self.roster.drop("org_1"), frozenset())
        self.assertEqual(
            self.changes,
            [
                RosterChange("org_1", None, first),
                RosterChange("org_1", first, second),
                RosterChange("org_1", second, None),
            ],
        )

    def test_a_listener_finds_the_change_made(self) -> None:
        seen: list[str] = []
        self.roster.listeners.append(lambda change: seen.append(self.roster.role("ann", change.org_id)))
        self.roster.put(org(ann="owner"))
        self.roster.put(org(ann="member"))
        self.roster.drop("org_1")
        self.assertEqual(seen, ["owner", "member", ""])

    def test_all_that_there_are_but_those_of_which_nothing_is_said(self) -> None:
        self.roster.put(org("org_1", "one", ann="owner"))
        self.roster.put(org("org_2", "two", ann="owner"))
        self.roster.put(org("org_3", "three", ann="owner"))
        told = [org("org_1", "one", ann="member"), org("org_3", "three"), org("org_4", "four", bob="owner")]
        self.roster.take(told, but={"org_2", "org_3"})
        self.assertEqual([self.roster.role("ann", org_id) for org_id in IDS], ["member", "owner", "owner"])
        self.assertEqual(self.roster.find("four"), "org_4")
        self.assertTrue(self.roster.complete)
        self.roster.take([])
        self.assertEqual(len(self.roster), 0)

    @given(st.lists(st.one_of(records, st.sampled_from(IDS))))
    def test_its_indexes_say_what_its_records_say(self, steps: list[OrgRecord | str]) -> None:
        roster = Roster()
        model: dict[str, OrgRecord] = {}
        for step in steps:
            if isinstance(step, str):
                roster.drop(step)
                model.pop(step, None)
            else:
                roster.put(step)
                model[step.id] = step
        self.assertEqual(list(roster), [model[org_id] for org_id in sorted(model)])
        for user_id in USERS:
            own = {org_id for org_id, record in model.items() if user_id in record.members}
            self.assertEqual(set(roster.of_user(user_id)), own)
            for org_id in IDS:
                role = model[org_id].members.get(user_id, "") if org_id in model else ""
                self.assertEqual(roster.role(user_id, org_id), role)
        for org_id in IDS:
            found = model[org_id].members if org_id in model else {}
            self.assertEqual(set(roster.members(org_id)), set(found))
        if not model:
            self.assertEqual((roster._by_slug, roster._by_user), ({}, {}))
