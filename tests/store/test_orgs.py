"""Organisations: who may do what, that there is always an owner, and what is left when somebody goes."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.store.support import StoreCase, counting
from wingthing.errors import Forbidden, InvalidMessage, NotFound, PeerError
from wingthing.store import invites, org_names, orgs, plans, rosters, users
from wingthing.store.plans import Kind, Source
from wingthing.wire.limits import MAX_ORG_NAME_CHARS, MAX_ORGS_PER_USER
from wingthing.wire.records import OrgRecord

NOW = 1000.0
USERS = ("ann", "bob", "cat", "dan", "eve")


class OrgCase(StoreCase):
    """Acme: Ann owns it, Bob is an admin, Cat and Dan are members, and Eve is not in it."""

    def setUp(self) -> None:
        super().setUp()
        self.randomness = counting()
        for user_id in USERS:
            self.run_now(
                users.add,
                user_id,
                name=user_id.title(),
                email=f"{user_id}@example.org",
                provider="test",
                now=NOW,
            )
        self.org = self.create("Acme")
        for number, (user_id, role) in enumerate([("bob", "admin"), ("cat", "member"), ("dan", "member")]):
            self.run_now(orgs.add_member, self.org, user_id, role, now=NOW + number)

    def create(self, name: str, actor: str = "ann") -> str:
        made = self.run_now(orgs.create, name, actor, now=NOW, randomness=self.randomness)
        return made.id

    def roles(self, org_id: str | None = None) -> dict[str, str]:
        record = self.run_now(rosters.record, org_id or self.org)
        return dict(record.members) if record is not None else {}

    def invite(self, email: str = "eve@example.org", role: str = "member", actor: str = "ann") -> str:
        made = self.run_now(invites.create, self.org, actor, email, role, now=NOW, randomness=self.randomness)
        return made.token


class OrgsTests(OrgCase):
    def test_who_makes_one_owns_it(self) -> None:
        made = self.run_now(orgs.create, " New  Lab ", "eve", now=NOW, randomness=self.randomness)
        self.assertEqual(
            made, orgs.Org(made.id, "new-lab", "New Lab", NOW, role="owner", members=1, invites=0)
        )
        self.assertTrue(made.id.startswith("org_"))
        self.assertEqual(self.roles(made.id), {"eve": "owner"})

    def test_each_member_finds_it_by_id_or_slug_and_nobody_else(self) -> None:
        for user_id in ("ann", "bob", "cat"):
            for name in (self.org, "acme"):
                found = self.run_now(orgs.find, name, user_id, now=NOW)
                self.assertEqual((found.id, found.role, found.members), (self.org, self.roles()[user_id], 4))
        for name in (self.org, "acme", "nothing", "' OR 1=1 --"):
            self.assertRaises(NotFound, self.run_now, orgs.find, name, "eve", now=NOW)
        self.assertEqual(self.run_now(orgs.of_user, "eve", now=NOW), [])
        self.assertEqual([org.id for org in self.run_now(orgs.of_user, "bob", now=NOW)], [self.org])

    def test_a_new_name_leaves_the_slug(self) -> None:
        self.run_now(orgs.rename, self.org, "bob", "Umbrella")
        found = self.run_now(orgs.find, "acme", "ann", now=NOW)
        self.assertEqual((found.name, found.slug), ("Umbrella", "acme"))

    def test_deleting_leaves_nothing_of_it(self) -> None:
        self.invite()
        self.run_now(plans.grant, Kind.ORG, self.org, Source.SELF, now=NOW)
        self.run_now(orgs.delete, self.org, "ann", now=NOW)
        self.assertRaises(NotFound, self.run_now, orgs.find, self.org, "ann", now=NOW)
        for table in ("orgs", "org_members", "org_invites", "subscriptions"):
            count = self.direct.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            self.assertEqual(count, (0,), table)

    def test_one_that_is_paid_for_is_not_deleted(self) -> None:
        self.direct.connection.execute(
            "INSERT INTO subscriptions (kind, holder, source, reference, status, seats, created_at, "
            "changed_at) VALUES ('org', ?, 'payment', 'sub_1', 'active', 3, 1, 1)",
            (self.org,),
        )
        why = self.assertRaises(PeerError, self.run_now, orgs.delete, self.org, "ann", now=NOW)
        self.assertEqual(why.status, 409)
        self.assertIn("cancel", str(why))
        self.direct.connection.execute("UPDATE subscriptions SET cancel_at_end = 1, period_end = 9999")
        self.run_now(orgs.delete, self.org, "ann", now=NOW)

    def test_nobody_is_in_more_than_so_many(self) -> None:
        for number in range(MAX_ORGS_PER_USER - 1):
            self.create(f"Lab {number}")
        why = self.assertRaises(PeerError, self.create, "One more")
        self.assertEqual(why.status, 409)
        self.create("One more", "bob")


class RightsTests(OrgCase):
    """Every act x every role. What may not be done changes nothing."""

    def attempt(self, query: Any, actor: str, *args: Any, **kwargs: Any) -> str:
        before = self.roles()
        try:
            self.run_now(query, self.org, actor, *args, **kwargs)
        except PeerError as why:
            self.assertEqual(self.roles(), before)
            return {Forbidden: "forbidden", NotFound: "not found", PeerError: "conflict"}[type(why)]
        finally:
            self.direct.connection.execute("DELETE FROM org_members")
            for user_id, role in before.items():
                self.direct.connection.execute(
                    "INSERT INTO org_members VALUES (?, ?, ?, 1)", (self.org, user_id, role)
                )
        return "done"

    def expect(self, query: Any, *args: Any, owner: str, admin: str, member: str, **kwargs: Any) -> None:
        found = [self.attempt(query, actor, *args, **kwargs) for actor in ("ann", "bob", "cat", "eve")]
        self.assertEqual(found, [owner, admin, member, "not found"], (query.__name__, args))

    def test_the_table(self) -> None:
        no, done, gone, last = "forbidden", "done", "not found", "conflict"
        self.expect(orgs.members, owner=done, admin=done, member=done)
        self.expect(orgs.rename, "New", owner=done, admin=done, member=no)
        self.expect(orgs.transfer, "dan", owner=done, admin=no, member=no)
        self.expect(orgs.transfer, "eve", owner=gone, admin=no, member=no)
        self.expect(orgs.remove_member, "dan", owner=done, admin=done, member=no)
        self.expect(orgs.remove_member, "ann", owner=last, admin=no, member=no)
        self.expect(orgs.remove_member, "eve", owner=gone, admin=gone, member=gone)
        self.expect(orgs.change_role, "dan", "admin", owner=done, admin=done, member=no)
        self.expect(orgs.change_role, "dan", "owner", owner=done, admin=no, member=no)
        self.expect(orgs.change_role, "ann", "member", owner=last, admin=no, member=no)
        self.expect(orgs.change_role, "eve", "member", owner=gone, admin=gone, member=no)
        self.expect(invites.waiting, owner=done, admin=done, member=no, now=NOW)
        for role, admin in (("member", done), ("admin", done), ("owner", no)):
            self.expect(
                invites.create,
                "new@example.org",
                role,
                now=NOW,
                randomness=self.randomness,
                owner=done,
                admin=admin,
                member=no,
            )

    def test_among_admins_and_owners(self) -> None:
        self.run_now(orgs.change_role, self.org, "ann", "dan", "admin")
        self.assertEqual(self.attempt(orgs.remove_member, "bob", "dan"), "forbidden")
        self.assertEqual(self.attempt(orgs.change_role, "bob", "dan", "member"), "forbidden")
        self.assertEqual(self.attempt(orgs.change_role, "bob", "bob", "owner"), "forbidden")
        self.assertEqual(self.attempt(orgs.change_role, "cat", "cat", "admin"), "forbidden")
        self.assertEqual(self.attempt(orgs.remove_member, "bob", "bob"), "done", "leaving")
        self.assertEqual(self.attempt(orgs.remove_member, "cat", "cat"), "done", "leaving")
        self.run_now(orgs.change_role, self.org, "ann", "dan", "owner")
        self.assertEqual(self.attempt(orgs.remove_member, "dan", "ann"), "done", "another owner is left")
        self.assertEqual(self.attempt(orgs.remove_member, "ann", "ann"), "done")

    def test_deleting_is_the_owners(self) -> None:
        for actor in ("bob", "cat"):
            self.assertRaises(Forbidden, self.run_now, orgs.delete, self.org, actor, now=NOW)
        self.assertRaises(NotFound, self.run_now, orgs.delete, self.org, "eve", now=NOW)

    def test_what_is_no_role(self) -> None:
        for role in ("", "Owner", "root", "owner "):
            self.assertRaises(InvalidMessage, self.run_now, orgs.change_role, self.org, "ann", "cat", role)

    def test_giving_it_away_makes_an_admin_of_the_owner(self) -> None:
        self.run_now(orgs.transfer, self.org, "ann", "cat")
        self.assertEqual(self.roles(), {"ann": "admin", "bob": "admin", "cat": "owner", "dan": "member"})
        self.assertRaises(Forbidden, self.run_now, orgs.transfer, self.org, "ann", "ann")
        self.assertRaises(InvalidMessage, self.run_now, orgs.transfer, self.org, "cat", "cat")

    def test_members_in_the_order_of_their_rank(self) -> None:
        found = self.run_now(orgs.members, self.org, "cat")
        self.assertEqual([each.user_id for each in found], ["ann", "bob", "cat", "dan"])
        self.assertEqual(found[1], orgs.Member("bob", "Bob", "bob@example.org", "admin", NOW))


class GoingTests(OrgCase):
    def fate(self, user_id: str) -> orgs.Fate:
        return self.run_now(orgs.fate, user_id, now=NOW)

    def test_what_would_become_of_organisations(self) -> None:
        alone = self.create("Alone")
        self.assertEqual(self.fate("ann"), orgs.Fate(((alone, "Alone"),), ((self.org, "Acme"),)))
        self.assertEqual(self.fate("bob"), orgs.Fate((), ()))
        self.run_now(orgs.change_role, self.org, "ann", "cat", "owner")
        self.assertEqual(self.fate("ann"), orgs.Fate(((alone, "Alone"),), ()))

    def test_who_is_removed_leaves_an_heir(self) -> None:
        alone = self.create("Alone")
        self.run_now(users.remove, "ann", now=NOW)
        self.assertEqual(self.roles(), {"bob": "owner", "cat": "member", "dan": "member"})
        self.assertEqual(self.roles(alone), {})
        self.run_now(users.remove, "bob", now=NOW)
        self.assertEqual(self.roles(), {"cat": "owner", "dan": "member"}, "who came first")
        self.run_now(users.remove, "dan", now=NOW)
        self.run_now(users.remove, "cat", now=NOW)
        self.assertEqual(self.direct.connection.execute("SELECT count(*) FROM orgs").fetchone(), (0,))

    def test_the_invites_of_who_is_removed_are_void(self) -> None:
        token = self.invite(actor="bob")
        self.run_now(users.remove, "bob", now=NOW)
        self.assertIsNone(self.run_now(invites.find, token, now=NOW))


class RosterTests(OrgCase):
    def test_each_change_is_told_once_with_how_it_is_now(self) -> None:
        seen, changed = self.run_now(rosters.since, 0)
        self.assertEqual(list(changed), [self.org])
        self.assertEqual(seen, self.run_now(rosters.latest))
        self.assertEqual(self.run_now(rosters.since, seen), (seen, {}))
        other = self.create("Other", "eve")
        self.run_now(orgs.remove_member, self.org, "ann", "cat")
        latest, changed = self.run_now(rosters.since, seen)
        record = OrgRecord(
            id=self.org, slug="acme", name="Acme", members={"ann": "owner", "bob": "admin", "dan": "member"}
        )
        theirs = OrgRecord(id=other, slug="other", name="Other", members={"eve": "owner"})
        self.assertEqual(changed, {other: theirs, self.org: record})
        self.assertEqual(self.run_now(rosters.every), sorted([record, theirs], key=lambda each: each.id))
        self.run_now(orgs.delete, other, "eve", now=NOW)
        self.assertEqual(self.run_now(rosters.since, latest)[1], {other: None})

    def test_what_does_not_concern_the_roster_is_not_told(self) -> None:
        seen = self.run_now(rosters.latest)
        self.invite()
        self.run_now(orgs.change_role, self.org, "ann", "cat", "member")
        self.assertEqual(self.run_now(rosters.since, seen), (seen, {}))


class NamesTests(OrgCase):
    def test_slugs(self) -> None:
        for name, slug in (
            ("Acme", "acme"),
            ("  Ünïcode & Söhne GmbH ", "unicode-sohne-gmbh"),
            ("a/../b?c#d", "a-b-c-d"),
            ("日本語", "team"),
            ("ﬃ", "ffi"),
            ("--x--", "x"),
            ("ORG_1", "org-1"),
            ("x" * MAX_ORG_NAME_CHARS, "x" * 40),
        ):
            self.assertEqual(org_names.slug_of(name), slug, name)

    def test_reserved_words_however_they_are_written(self) -> None:
        for name in ("admin", " API ", "\uff41dmin", "Wing", "wingthing", "invite!"):
            self.assertRaises(InvalidMessage, org_names.slug_of, name)

    def test_names_that_cannot_be_used(self) -> None:
        for name in ("", "   ", "x" * (MAX_ORG_NAME_CHARS + 1), "a\x00b", "evil\u202egnp"):
            self.assertRaises(InvalidMessage, self.create, name)

    def test_the_same_name_again_gets_a_number(self) -> None:
        for slug in ("acme-2", "acme-3"):
            found = self.run_now(orgs.find, self.create("ACME"), "ann", now=NOW)
            self.assertEqual(found.slug, slug)
        long = [self.create("y" * 60) for _ in range(11)]
        slugs = [self.run_now(orgs.find, org_id, "ann", now=NOW).slug for org_id in long]
        self.assertEqual((len(set(slugs)), max(map(len, slugs))), (11, 40))


class Life(RuleBasedStateMachine):
    """Anybody tries anything in any order; what is refused changes nothing, and there is always an owner."""

    case: OrgCase

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.case.direct.connection
        self.connection.execute("SAVEPOINT life")
        self.cursor = self.connection.cursor()
        self.tokens: list[str] = []

    def attempt(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        self.connection.execute("SAVEPOINT attempt")
        try:
            return query(self.cursor, *args, **kwargs)
        except PeerError:
            self.connection.execute("ROLLBACK TO attempt")
            return None

    who = st.sampled_from(USERS)
    role = st.sampled_from(["owner", "admin", "member"])

    @rule(actor=who, whom=who, role=role)
    def invite(self, actor: str, whom: str, role: str) -> None:
        made = self.attempt(
            invites.create,
            self.case.org,
            actor,
            f"{whom}@example.org",
            role,
            now=NOW,
            randomness=self.case.randomness,
        )
        if made is not None:
            self.tokens.append(made.token)

    @rule(actor=who, pick=st.integers(0, 20))
    @precondition(lambda self: self.tokens)
    def accept(self, actor: str, pick: int) -> None:
        self.attempt(invites.accept, self.tokens[pick % len(self.tokens)], actor, now=NOW)

    @rule(actor=who, whom=who, role=role)
    def change_role(self, actor: str, whom: str, role: str) -> None:
        before = orgs._role(self.cursor, self.case.org, actor)
        rank = orgs._role(self.cursor, self.case.org, whom)
        self.attempt(orgs.change_role, self.case.org, actor, whom, role)
        after = orgs._role(self.cursor, self.case.org, whom)
        if after != rank:
            assert after == role
            assert before in ("owner", "admin")
            assert orgs.RANK[role] <= orgs.RANK[before]

    @rule(actor=who, whom=who)
    def remove(self, actor: str, whom: str) -> None:
        self.attempt(orgs.remove_member, self.case.org, actor, whom)

    @rule(actor=who, whom=who)
    def transfer(self, actor: str, whom: str) -> None:
        self.attempt(orgs.transfer, self.case.org, actor, whom)

    @rule(actor=st.sampled_from(["bob", "cat", "dan", "eve"]))
    def gone(self, actor: str) -> None:
        self.attempt(users.remove, actor, now=NOW)

    def check_invariants(self, *args: Any, **kwargs: Any) -> None:
        super().check_invariants(*args, **kwargs)
        record = rosters.record(self.cursor, self.case.org)
        if record is not None:
            assert "owner" in record.members.values(), record
        for state, inviter, role in self.cursor.execute(
            "SELECT ended, invited_by, role FROM org_invites"
        ).fetchall():
            held = orgs._role(self.cursor, self.case.org, inviter)
            if state == "":
                assert held is not None and orgs.RANK[held] >= orgs.RANK[role], (inviter, held, role)
                assert held != "member"

    def teardown(self) -> None:
        self.connection.execute("ROLLBACK TO life")
        self.connection.execute("RELEASE life")


class LifeTests(OrgCase):
    def test_whatever_is_tried_there_is_an_owner(self) -> None:
        world = type("World", (Life,), {"case": self})
        run_state_machine_as_test(
            world,
            settings=settings(
                max_examples=60,
                stateful_step_count=30,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
