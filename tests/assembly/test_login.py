"""Login, put together: what is revoked reaches its fleet, and what its edges ask is answered."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred

from tests.assembly.case import NOW, NodeCase
from tests.store.support import counting
from wingthing.assembly.login import FleetWings, LoginDesk, LoginNode
from wingthing.cluster.directory import LoginDirectory
from wingthing.cluster.fly import behind_fly
from wingthing.cluster.trust import Trust
from wingthing.crypto.digests import digest
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import new_signing_key
from wingthing.crypto.node_tokens import Audience
from wingthing.names import LOCAL_USER_ID
from wingthing.relay.client_address import peer_address
from wingthing.relay.orgs import Roster
from wingthing.store import orgs, plans, revocations, users
from wingthing.store.plans import Kind, Source
from wingthing.testing import WING_ID, org
from wingthing.wire.gossip import OrgChanged, Revoked, RevokedKind, WingUp
from wingthing.wire.internal import EDGE_HEADER, Tier
from wingthing.wire.limits import ENTITLEMENTS_AGE_SECONDS, REVOCATION_SECONDS
from wingthing.wire.records import WingRecord


class LoginCase(NodeCase):
    def setUp(self) -> None:
        super().setUp()
        self.node: LoginNode = self.login()
        self.addCleanup(self.node.closed)

    def revoke(self, subject: str = "j", until: float = NOW + 100) -> Revoked:
        """As `wt user` would, beside the server."""
        event = Revoked(kind=RevokedKind.TOKEN, subject=subject, at=NOW, until=until)
        self.databases[0].now(revocations.note, event.kind, subject, at=event.at, until=event.until)
        return event

    def answer(self, question: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(question))


class RevokedTests(LoginCase):
    def snapshot(self, machine: str = "m2") -> list[Revoked]:
        """What an edge would hear that starts now."""
        self.node.gossip.found({machine: "nrt"}, self.reactor.seconds())
        asked = self.node.gossip.next_round(machine, self.reactor.seconds())
        assert asked.snapshot is not None
        return asked.snapshot.revoked

    def test_what_is_revoked_is_told_to_every_edge(self) -> None:
        self.start(self.node)
        event = self.revoke()
        self.reactor.advance(REVOCATION_SECONDS)
        self.assertEqual(self.node.gossip.log.since(0), [event])
        self.assertEqual(self.snapshot(), [event])
        self.reactor.advance(200)
        self.revoke("k", until=NOW + 9999)
        self.reactor.advance(REVOCATION_SECONDS)
        self.assertEqual([each.subject for each in self.snapshot("m3")], ["k"], "as long as it matters")
        self.stop(self.node)

    def test_what_was_revoked_before_its_start_is_in_the_first_snapshot(self) -> None:
        event = self.revoke()
        self.revoke("long ago", until=NOW - 1)
        self.node.closed()
        self.node = self.login()
        self.addCleanup(self.node.closed)
        self.assertEqual((self.snapshot(), self.node.gossip.log.seq), ([event], 0))


class ReachedTests(LoginCase):
    def reached(self, token: str | None) -> str:
        class Asked:
            def getHeader(self, name: bytes) -> bytes | None:
                return token.encode() if token is not None and name == EDGE_HEADER.encode() else None

        return self.node.reached_machine(Asked())  # type: ignore[arg-type]

    def test_the_edge_that_proves_itself_or_this_machine(self) -> None:
        edge = Trust(self.keys, "m2", self.reactor.seconds, lambda: "j")
        self.assertEqual(self.reached(edge.standing_token(Audience.EDGE)), "m2")
        self.assertEqual(self.reached(None), "m1")
        for wrong in ("", "m2", edge.token(Audience.INTERNAL)[0], edge.token(Audience.REPLAY)[0]):
            self.assertEqual(self.reached(wrong), "m1")


class AddressTests(LoginCase):
    """Whose address counts, and whose word on it."""

    def address(self, peer: str, **headers: str) -> str:
        class Asked:
            def getHeader(self, name: bytes) -> bytes | None:
                value = headers.get(name.decode().replace("-", "_"))
                return value.encode() if value is not None else None

            def getClientAddress(self) -> object:
                return (IPv6Address if ":" in peer else IPv4Address)("TCP", peer, 5)

        return self.node.client_address(Asked())  # type: ignore[arg-type]

    def test_through_an_edge_that_proves_itself(self) -> None:
        edge = Trust(self.keys, "m2", self.reactor.seconds, lambda: "j")
        token = edge.standing_token(Audience.EDGE)
        said = {"x_forwarded_for": "198.51.100.4"}
        self.assertEqual(self.address("fdaa::2", wingthing_edge=token, **said), "198.51.100.4")
        self.assertEqual(self.address("fdaa::2", wingthing_edge=token, x_forwarded_for="unknown"), "")
        forged = Trust(KeyRing.of(new_signing_key(), {}), "m2", self.reactor.seconds, lambda: "j")
        for wrong in (
            "",
            "m2",
            edge.token(Audience.INTERNAL)[0],
            forged.standing_token(Audience.EDGE),
        ):
            self.assertEqual(self.address("fdaa::2", wingthing_edge=wrong, **said), "fdaa::2")
        self.reactor.advance(3600)
        self.assertEqual(self.address("fdaa::2", wingthing_edge=token, **said), "fdaa::2", "long over")

    def test_through_flys_proxy(self) -> None:
        said = {"fly_client_ip": "198.51.100.4", "fly_forwarded_port": "443", "x_forwarded_for": "6.6.6.6"}
        self.assertEqual(self.address("172.16.0.1", **said), "198.51.100.4")
        self.assertEqual(self.address("172.16.0.1", wingthing_edge="forged", **said), "198.51.100.4")

    def test_a_machine_of_the_private_network_says_nothing_that_counts(self) -> None:
        said = {"fly_client_ip": "198.51.100.4", "fly_forwarded_port": "443", "x_forwarded_for": "6.6.6.6"}
        self.assertEqual(self.address("fdaa::7", **said), "fdaa::7")

    def test_which_rule_a_node_has(self) -> None:
        edge, single = self.edge(), self.single_site()
        self.start(self.node)
        login_site = self.reactor.tcpServers[-1][1]
        self.start(edge)
        edge_site = self.reactor.tcpServers[-1][1]
        self.assertEqual(login_site.address_of, self.node.client_address)
        self.assertIs(edge_site.address_of, behind_fly)
        self.assertIs(single.address_of, peer_address)
        self.stop(edge)
        self.stop(self.node)

    def single_site(self) -> Any:
        folder = self.folder / "single"
        folder.mkdir()
        self.folder = folder
        node = self.single()
        self.start(node)
        self.addCleanup(node.closed)
        return self.reactor.tcpServers[-1][1]


class DeskTests(LoginCase):
    def setUp(self) -> None:
        super().setUp()
        self.desk = LoginDesk(
            self.reactor,
            self.node.database,
            self.node.authenticator,
            self.node.fleet,
            self.node.router.roster,
            self.node.pusher,
        )

    def test_whose_a_session_is(self) -> None:
        cookie = self.answer(self.node.authenticator.log_in(LOCAL_USER_ID))
        session = self.answer(self.desk.session(digest(cookie)))
        self.assertEqual((session.user_id, session.provider), (LOCAL_USER_ID, "local"))
        self.assertIsNone(self.answer(self.desk.session(cookie)))
        self.answer(self.node.authenticator.log_out(cookie))
        self.assertIsNone(self.answer(self.desk.session(digest(cookie))))

    def test_where_a_wing_is(self) -> None:
        entry = _up("m2")
        self.node.fleet.up(entry)
        self.assertEqual((self.desk.wing(WING_ID), self.desk.wing("nothing")), (entry, None))

    def test_edges_that_ask_at_the_same_time_cost_one_look(self) -> None:
        before = self.answer(self.desk.entitlements()).users
        self.assertEqual([each.user_id for each in before], [LOCAL_USER_ID])
        self.databases[0].now(users.add, "ann", name="Ann", provider="test", now=NOW)
        self.databases[0].now(plans.grant, Kind.USER, "ann", Source.OPERATOR, now=NOW)
        self.reactor.advance(ENTITLEMENTS_AGE_SECONDS - 0.1)
        self.assertIs(self.answer(self.desk.entitlements()).users, before)
        self.reactor.advance(0.1)
        after = {each.user_id: each.tier for each in self.answer(self.desk.entitlements()).users}
        self.assertEqual(after, {LOCAL_USER_ID: Tier.FREE, "ann": Tier.PRO})

    def test_organisations_are_those_of_this_very_moment(self) -> None:
        self.answer(self.desk.entitlements())
        self.node.org_changed("org_1", org(ann="owner"))
        self.assertEqual(self.answer(self.desk.entitlements()).orgs, [org(ann="owner")])
        self.node.org_changed("org_1", None)
        self.assertEqual(self.answer(self.desk.entitlements()).orgs, [])


class OrgTests(LoginCase):
    """What is changed in the database is in force here, and said to every edge."""

    def told(self) -> list[OrgChanged]:
        events = self.node.gossip.log.since(0) or []
        return [event for event in events if isinstance(event, OrgChanged)]

    def test_a_change_is_told_once_with_what_there_is_now(self) -> None:
        database = self.databases[0]
        for user_id in ("ann", "bob"):
            database.now(users.add, user_id, name=user_id, provider="test", now=NOW)
        made = database.now(orgs.create, "Acme", "ann", now=NOW, randomness=counting())
        self.answer(self.node.orgs.look_now())
        self.answer(self.node.orgs.look_now())
        first = org(made.id, ann="owner")
        self.assertEqual(self.told(), [OrgChanged(user_ids=["ann"], org_id=made.id, org=first)])
        self.assertEqual(list(self.node.router.roster), [first])
        database.now(orgs.add_member, made.id, "bob", "member", now=NOW)
        database.now(orgs.forget_user, "ann")
        self.answer(self.node.orgs.look_now())
        last = OrgChanged(user_ids=["ann", "bob"], org_id=made.id, org=org(made.id, bob="owner"))
        self.assertEqual(self.told()[1:], [last])
        database.now(orgs.delete, made.id, "bob", now=NOW)
        self.answer(self.node.orgs.look_now())
        self.assertEqual(self.told()[2:], [OrgChanged(user_ids=["bob"], org_id=made.id, org=None)])
        self.assertEqual(len(self.node.router.roster), 0)

    def test_what_another_program_changes_is_seen_soon(self) -> None:
        self.start(self.node)
        self.databases[0].now(orgs.create, "Acme", LOCAL_USER_ID, now=NOW, randomness=counting())
        self.reactor.advance(REVOCATION_SECONDS)
        self.assertEqual([event.user_ids for event in self.told()], [[LOCAL_USER_ID]])
        self.stop(self.node)

    def test_its_pages_and_its_api_are_served(self) -> None:
        self.start(self.node)
        self.assertEqual(self.ask("/api/orgs")[0], 401)
        status, headers, _body = self.ask("/invite/nothing")
        self.assertEqual((status, headers["content-type"]), (401, "text/html; charset=utf-8"))
        self.stop(self.node)

    def test_a_node_that_starts_knows_what_is_there(self) -> None:
        self.assertTrue(self.node.router.roster.complete)
        self.databases[0].now(orgs.create, "Acme", LOCAL_USER_ID, now=NOW, randomness=counting())
        self.node.closed()
        again = self.login()
        self.assertEqual([each.name for each in again.router.roster], ["Acme"])
        again.closed()


class FleetWingsTests(NodeCase):
    def test_a_users_wings_on_all_nodes(self) -> None:
        directory = LoginDirectory()
        roster = Roster()
        wings = FleetWings(directory, roster)
        directory.up(_up("m2"))
        directory.up(_up("m3", wing_id="other", user_id="eve"))
        self.assertEqual([record.wing_id for record in wings.reachable("ann")], [WING_ID])
        self.assertEqual(wings.reachable("nobody"), [])
        directory.up(_up("m3", wing_id="shared", user_id="eve", org_id="org_1"))
        self.assertEqual(len(wings.reachable("ann")), 1)
        roster.put(org(eve="owner", ann="member"))
        self.assertEqual([record.wing_id for record in wings.reachable("ann")], [WING_ID, "shared"])
        self.assertEqual([record.wing_id for record in wings.reachable("eve")], ["other", "shared"])
        self.assertEqual([record.org_id for record in wings.reachable("eve")], ["", "org_1"])
        roster.drop("org_1")
        self.assertEqual([record.org_id for record in wings.reachable("eve")], ["", ""], "it is in none")
        self.assertEqual([wings.machine_of(each) for each in (WING_ID, "other", "x")], ["m2", "m3", ""])


def _up(machine: str, wing_id: str = WING_ID, user_id: str = "ann", org_id: str = "") -> WingUp:
    record = WingRecord(wing_id=wing_id, connection_id=f"c-{machine}", user_id=user_id, org_id=org_id)
    return WingUp(record=record, machine=machine, version=1, since=NOW)
