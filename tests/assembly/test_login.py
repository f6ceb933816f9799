"""Login, put together: what is revoked reaches its fleet, and what its edges ask is answered."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.assembly.case import NOW, NodeCase
from wingthing.assembly.login import FleetWings, LoginDesk, LoginNode
from wingthing.cluster.directory import LoginDirectory
from wingthing.cluster.trust import Trust
from wingthing.crypto.digests import digest
from wingthing.crypto.node_tokens import Audience
from wingthing.names import LOCAL_USER_ID
from wingthing.store import entitlements, revocations, users
from wingthing.testing import WING_ID
from wingthing.wire.gossip import Revoked, RevokedKind, WingUp
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


class DeskTests(LoginCase):
    def setUp(self) -> None:
        super().setUp()
        self.desk = LoginDesk(
            self.reactor,
            self.node.database,
            self.node.authenticator,
            self.node.fleet,
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
        before = self.answer(self.desk.entitlements())
        self.assertEqual([each.user_id for each in before], [LOCAL_USER_ID])
        self.databases[0].now(users.add, "ann", name="Ann", provider="test", now=NOW)
        self.databases[0].now(entitlements.grant, "ann", Tier.PRO, now=NOW)
        self.reactor.advance(ENTITLEMENTS_AGE_SECONDS - 0.1)
        self.assertIs(self.answer(self.desk.entitlements()), before)
        self.reactor.advance(0.1)
        after = {each.user_id: each.tier for each in self.answer(self.desk.entitlements())}
        self.assertEqual(after, {LOCAL_USER_ID: Tier.FREE, "ann": Tier.PRO})


class FleetWingsTests(NodeCase):
    def test_a_users_wings_on_all_nodes(self) -> None:
        directory = LoginDirectory()
        wings = FleetWings(directory)
        directory.up(_up("m2"))
        directory.up(_up("m3", wing_id="other", user_id="eve"))
        self.assertEqual([record.wing_id for record in wings.reachable("ann")], [WING_ID])
        self.assertEqual(wings.reachable("nobody"), [])
        self.assertEqual([wings.machine_of(each) for each in (WING_ID, "other", "x")], ["m2", "m3", ""])


def _up(machine: str, wing_id: str = WING_ID, user_id: str = "ann") -> WingUp:
    record = WingRecord(wing_id=wing_id, connection_id=f"c-{machine}", user_id=user_id)
    return WingUp(record=record, machine=machine, version=1, since=NOW)
