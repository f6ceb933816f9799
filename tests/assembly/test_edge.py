"""An edge, put together: what login says is felt by its sockets, and what they do is in the answer."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.assembly.case import HOST, NOW, NodeCase
from wingthing.assembly.edge import EdgeNode
from wingthing.cluster import fly
from wingthing.cluster.trust import Trust
from wingthing.crypto import tokens
from wingthing.crypto.node_tokens import Audience
from wingthing.testing import WING_ID, FrameClient, org
from wingthing.wire.closing import CloseCode
from wingthing.wire.gossip import (
    Answer,
    FleetEvent,
    OrgChanged,
    Revoked,
    RevokedKind,
    Round,
    Snapshot,
    WingUp,
)
from wingthing.wire.limits import LAST_WORD_SECONDS, USAGE_COUNT_SECONDS, WING_WAIT_SECONDS
from wingthing.wire.records import WingRecord


class EdgeCase(NodeCase):
    def setUp(self) -> None:
        super().setUp()
        self.node: EdgeNode = self.edge()
        self.start(self.node)
        self.seq = 0
        self.say(snapshot=Snapshot(wings=[], revoked=[], whole=True))

    def say(self, *events: FleetEvent, snapshot: Snapshot | None = None) -> Answer:
        """A round of login."""
        self.seq += len(events)
        return self.node._receive(
            Round(machine="m1", boot="b", seq=self.seq, events=list(events), snapshot=snapshot)
        )

    def open(self, target: str, user_id: str = "ann", jti: str = "j", **headers: str) -> FrameClient:
        token = tokens.mint(self.keys.signing, user_id=user_id, now=NOW, jti=jti)[0]
        client = self.client()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client.upgrade(target, {"Host": HOST, "Authorization": f"Bearer {token}", **named})
        return client

    def wing(self) -> FrameClient:
        client = self.open("/ws/wing")
        self.assertEqual(client.response()[0], 101)
        client.say("wing.register", wing_id=WING_ID)
        self.assertEqual([message["type"] for message in client.messages()], ["registered"])
        return client


class RoundTests(EdgeCase):
    def test_a_wing_that_comes_is_in_the_next_answer(self) -> None:
        self.wing()
        answer = self.say()
        assert answer.snapshot is not None
        (entry,) = answer.snapshot
        self.assertEqual((entry.machine, entry.record.wing_id, entry.record.user_id), ("m2", WING_ID, "ann"))
        self.assertEqual((answer.machine, answer.region), ("m2", "nrt"))

    def test_what_its_browsers_are_sent_is_in_it_too(self) -> None:
        wing = self.wing()
        browser = self.open(f"/ws/pty?wing_id={WING_ID}")
        self.assertEqual(browser.response()[0], 101)
        browser.say("pty.start", agent="shell", cols=80, rows=24, public_key="cHVi")
        session_id = wing.messages()[-1]["session_id"]
        wing.say("pty.output", session_id=session_id, data="eA==")
        sent = sum(len(payload) for _opcode, payload in browser.frames())
        self.reactor.advance(USAGE_COUNT_SECONDS)
        answer = self.say()
        self.assertEqual((answer.usage, answer.browsers, answer.sessions), ([("ann", sent)], 1, 1))

    def test_a_token_that_is_revoked_closes_its_sockets_and_opens_none(self) -> None:
        wing = self.wing()
        self.say(Revoked(kind=RevokedKind.TOKEN, subject="j", at=NOW, until=NOW + 9999))
        self.assertEqual(wing.close_code(), CloseCode.LOGIN_ENDED)
        self.assertEqual(self.open("/ws/wing").response()[0], 401)
        self.assertEqual(self.open("/ws/wing", jti="k").response()[0], 101)

    def test_a_browser_of_a_wing_elsewhere_is_sent_there_and_proves_whom_it_comes_from(self) -> None:
        record = WingRecord(wing_id=WING_ID, connection_id="c", user_id="ann")
        self.say(WingUp(record=record, machine="m3", version=1, since=NOW))
        status, headers, _body = self.open(f"/ws/pty?wing_id={WING_ID}").response()
        sent = fly.fields(headers["fly-replay"])
        self.assertEqual((status, sent["instance"]), (409, "m3"))
        there = Trust(self.keys, "m3", self.reactor.seconds, lambda: "j")
        self.assertEqual(there.check(sent["state"], Audience.REPLAY).machine, "m2")

    def test_and_is_not_sent_on_a_second_time(self) -> None:
        record = WingRecord(wing_id=WING_ID, connection_id="c", user_id="ann")
        self.say(WingUp(record=record, machine="m3", version=1, since=NOW))
        for headers in ({"Fly_Replay_Src": "instance=m4"}, {"Fly_Replay_Failed": "instance=m3"}):
            client = self.open(f"/ws/pty?wing_id={WING_ID}", **headers)
            self.reactor.advance(WING_WAIT_SECONDS)
            status, answered, _body = client.response()
            self.assertEqual((status, "fly-replay" in answered), (503, False), headers)


class FirstRoundTests(NodeCase):
    def test_the_first_word_of_login_makes_it_ask_for_its_users(self) -> None:
        node = self.edge()
        self.start(node)
        polls: list[float] = []
        self.patch(node.entitlements, "poll_now", lambda: polls.append(self.reactor.seconds()))
        for _ in range(3):
            node._receive(Round(machine="m1", boot="b", seq=0, events=[]))
        self.assertEqual(len(polls), 1)


class OrgTests(EdgeCase):
    """What login says of organisations is in force here."""

    def member(self, there: bool) -> OrgChanged:
        record = org(ann="owner", bob="member") if there else org(ann="owner")
        return OrgChanged(user_ids=["ann", "bob"], org_id="org_1", org=record)

    def test_a_member_opens_a_terminal_until_removed(self) -> None:
        self.say(self.member(True))
        wing = self.open("/ws/wing")
        wing.response()
        wing.say("wing.register", wing_id=WING_ID, org_slug="acme")
        self.assertEqual([message["type"] for message in wing.messages()], ["registered"])
        browser = self.open(f"/ws/pty?wing_id={WING_ID}", "bob")
        self.assertEqual(browser.response()[0], 101)
        browser.say("pty.start", agent="shell", cols=80, rows=24, public_key="cHVi")
        self.assertEqual(wing.messages()[-1]["org_role"], "member")
        self.say(self.member(False))
        (ended,) = browser.messages()
        self.assertEqual((ended["type"], ended["exit_code"]), ("pty.exited", -1))
        again = self.open(f"/ws/pty?wing_id={WING_ID}", "bob")
        self.reactor.advance(WING_WAIT_SECONDS)
        self.assertEqual(again.response()[0], 404)

    def test_what_events_say_goes_before_an_answer_that_was_on_its_way(self) -> None:
        self.node.entitlements._said.clear()
        self.say(self.member(True))
        self.assertEqual(self.node.entitlements._said, {"org_1"})

    def test_after_a_snapshot_it_asks_for_all_of_them(self) -> None:
        node = self.edge()
        self.start(node)
        self.assertEqual(node.gossip.caught_up, node.entitlements.poll_now)


class LastWordTests(EdgeCase):
    def drain(self) -> Deferred[None]:
        self.reactor.advance(1)
        return Deferred.fromCoroutine(self.node.drained())

    def test_login_is_given_the_time_to_fetch_the_last_news(self) -> None:
        draining = self.drain()
        self.reactor.advance(0.1)
        self.assertNoResult(draining)
        self.say()
        self.reactor.advance(0.1)
        self.successResultOf(draining)

    def test_and_hears_of_the_traffic_though_it_was_counted_just_now(self) -> None:
        wing = self.wing()
        browser = self.open(f"/ws/pty?wing_id={WING_ID}")
        browser.response()
        browser.say("pty.start", agent="shell", cols=80, rows=24, public_key="cHVi")
        session_id = wing.messages()[-1]["session_id"]
        self.drain()
        self.say()
        before = self.node.router.meter.usage_bytes("ann")
        wing.say("pty.output", session_id=session_id, data="eA==")
        Deferred.fromCoroutine(self.node.drained())
        ((user, total),) = self.say().usage
        self.assertEqual((user, total), ("ann", self.node.router.meter.usage_bytes("ann")))
        self.assertGreater(total, before)

    def test_and_no_more_than_that(self) -> None:
        draining = self.drain()
        for _ in range(round(LAST_WORD_SECONDS / 0.05)):
            self.assertNoResult(draining)
            self.reactor.advance(0.05)
        self.reactor.advance(0.05)
        self.successResultOf(draining)
