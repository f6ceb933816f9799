"""The cap and the rate on whole nodes: login says what holds, and every node keeps it."""

from __future__ import annotations

import attrs
import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.assembly.case import HOST, NOW, NodeCase, place
from wingthing.assembly.caps import CapWatch
from wingthing.assembly.config import Config
from wingthing.assembly.edge import EdgeNode
from wingthing.assembly.login import LoginNode
from wingthing.assembly.node import Node
from wingthing.assembly.roles import Role
from wingthing.assembly.single import SingleNode
from wingthing.cluster.caches import entitlements_body
from wingthing.crypto import tokens
from wingthing.sockets.pace import Paces
from wingthing.store import plans, usage, users
from wingthing.store.plans import Kind, Source
from wingthing.store.usage import Report
from wingthing.testing import WING_ID, FrameClient, new_router, open_browser, open_wing
from wingthing.web.plan_settings import Billing, PlanSettings
from wingthing.web.sign_in_settings import SignIn
from wingthing.wire.closing import CloseCode
from wingthing.wire.gossip import OrgChanged, Round, Snapshot
from wingthing.wire.internal import Entitlements, Terms
from wingthing.wire.limits import ENTITLEMENTS_SECONDS
from wingthing.wire.plans import month_end

CAP = 100_000
END = month_end("2027-01")
SETTINGS = PlanSettings(
    Terms(cap_bytes=CAP, rate_bits=8_000_000), Billing("whsec", "https://buy.example.org/x")
)


class CapCase(NodeCase):
    """Ann and Bob are users of a server with sign-in, and on the free plan."""

    def setUp(self) -> None:
        super().setUp()
        self.ports: dict[Node, int] = {}
        """Which of the reactor's servers is that node's."""

    def begin(self, node: Node) -> None:
        self.start(node)
        self.ports[node] = len(self.reactor.tcpServers) - 1
        self.addCleanup(self.end, node)

    def end(self, node: Node) -> None:
        if node in self.ports:
            del self.ports[node]
            self.stop(node)

    def users(self) -> None:
        for user_id in ("ann", "bob"):
            self.databases[0].now(users.add, user_id, name=user_id.title(), provider="test", now=NOW)

    def settled(self, config: Config) -> Config:
        return attrs.evolve(config, sign_in=SignIn(), plans=SETTINGS)

    def open(self, node: Node, target: str, user_id: str = "ann", jti: str = "j") -> FrameClient:
        token = tokens.mint(self.keys.signing, user_id=user_id, now=self.reactor.seconds(), jti=jti)[0]
        client = FrameClient(self.reactor.tcpServers[self.ports[node]][1])
        client.upgrade(target, {"Host": HOST, "Authorization": f"Bearer {token}"})
        self.assertEqual(client.response()[0], 101)
        return client

    def terminal(
        self, node: Node, wing_id: str = WING_ID, user_id: str = "ann"
    ) -> tuple[FrameClient, FrameClient, str]:
        wing = self.open(node, "/ws/wing", user_id)
        wing.say("wing.register", wing_id=wing_id)
        wing.messages()
        browser = self.open(node, f"/ws/pty?wing_id={wing_id}", user_id)
        browser.say("pty.start", agent="shell", cols=80, rows=24, public_key="cHVi")
        session_id: str = wing.messages()[-1]["session_id"]
        return wing, browser, session_id


class SingleTests(CapCase):
    def setUp(self) -> None:
        super().setUp()
        self.node = self.single_node("b1")
        self.users()
        self.begin(self.node)

    def single_node(self, boot: str) -> SingleNode:
        config = Config(
            Role.SINGLE, "tcp:8080:interface=127.0.0.1", False, self.folder, f"http://{HOST}", False
        )
        return SingleNode(
            self.reactor, self.settled(config), self.keys, self.folder, machine="single", boot=boot
        )

    def send(self, wing: FrameClient, session_id: str, size: int) -> None:
        wing.say("pty.output", session_id=session_id, data="A" * size)
        self.reactor.advance(0)

    def test_a_free_user_is_cut_and_an_upgrade_lets_them_go_on(self) -> None:
        wing, browser, session_id = self.terminal(self.node)
        self.send(wing, session_id, CAP)
        self.assertEqual([m["type"] for m in browser.messages()], ["pty.output", "bandwidth.exceeded"])
        browser.say("pty.attach", session_id=session_id, public_key="cHVi")
        self.assertEqual([m["type"] for m in browser.messages()], ["bandwidth.exceeded"])
        self.assertEqual(wing.messages(), [])
        self.databases[0].now(plans.grant, Kind.USER, "ann", Source.OPERATOR, now=NOW)
        self.reactor.advance(ENTITLEMENTS_SECONDS)
        self.assertEqual(browser.close_code(), CloseCode.PLAN_CHANGED)
        back = self.open(self.node, f"/ws/pty?wing_id={WING_ID}")
        back.say("pty.attach", session_id=session_id, public_key="cHVi")
        self.assertEqual([m["type"] for m in wing.messages()], ["pty.attach"])
        self.send(wing, session_id, CAP)
        self.assertNotIn("bandwidth.exceeded", [m["type"] for m in back.messages()])

    def test_an_upgrade_by_the_api_counts_at_once(self) -> None:
        wing, browser, session_id = self.terminal(self.node)
        self.send(wing, session_id, CAP)
        browser.messages()
        self.databases[0].now(plans.grant, Kind.USER, "ann", Source.SELF, now=NOW)
        dashboard = self.open(self.node, "/ws/app")
        self.node._plan_changed(Kind.USER, "ann")
        self.assertEqual(browser.close_code(), CloseCode.PLAN_CHANGED)
        self.assertEqual([m["type"] for m in dashboard.messages()], ["org.changed"])

    def test_it_survives_a_restart(self) -> None:
        wing, browser, session_id = self.terminal(self.node)
        self.send(wing, session_id, CAP)
        browser.messages()
        for client in (wing, browser):
            client.line.end()
        self.end(self.node)
        self.node = self.single_node("b2")
        self.begin(self.node)
        self.assertGreaterEqual(self.node.router.allowance.used("ann"), CAP)
        back = self.open(self.node, "/ws/pty")
        back.say("pty.start", agent="shell", cols=80, rows=24, public_key="cHVi")
        self.assertEqual([m["type"] for m in back.messages()], ["bandwidth.exceeded"])

    def test_what_was_written_down_before_its_start_counts_at_once(self) -> None:
        report = Report("elsewhere", "b", (("bob", CAP),))
        self.databases[0].now(usage.record, [report], day="2027-01-02", now=NOW)
        self.reactor.advance(ENTITLEMENTS_SECONDS)
        wing = self.open(self.node, "/ws/wing", "bob")
        wing.say("wing.register", wing_id="b" * 24)
        browser = self.open(self.node, "/ws/pty", "bob")
        browser.say("pty.start", agent="shell", cols=80, rows=24, public_key="cHVi")
        self.assertEqual([m["type"] for m in browser.messages()], ["bandwidth.exceeded"])
        self.assertEqual([m["type"] for m in wing.messages()], ["registered"])

    def test_the_rate_is_kept(self) -> None:
        self.assertEqual(self.node.factory.paces._rate, 1_000_000)


class CalendarTests(TestCase):
    """A CapWatch on a clock, and browsers without sockets."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.router = new_router()
        self.watch = CapWatch(self.clock, self.router, Paces(self.clock))
        self.watch.startService()
        self.watch.update(SETTINGS.terms, "2027-01", set(), {"ann": CAP})
        self.laptop = open_wing(self.router)
        self.browser = open_browser(self.router)

    def test_at_midnight_in_utc_of_the_next_month_everybody_begins_anew(self) -> None:
        self.browser.start()
        self.assertEqual(self.browser.peer.take_types(), ["bandwidth.exceeded"])
        self.clock.advance(END - NOW - 1)
        self.assertIsNone(self.browser.peer.closed)
        self.clock.advance(1)
        assert self.browser.peer.closed is not None
        self.assertEqual(self.browser.peer.closed[0], CloseCode.PLAN_CHANGED)
        # What login has said before it had come there itself does not count any more.
        self.watch.update(SETTINGS.terms, "2027-01", set(), {"ann": CAP})
        back = open_browser(self.router)
        back.start()
        self.assertEqual((back.peer.sent, self.laptop.peer.take_types()), ([], ["pty.start"]))

    def test_and_so_every_month(self) -> None:
        for month in ("2027-02", "2027-03", "2027-12", "2028-01"):
            self.clock.advance(month_end(month) - 1 - self.clock.seconds())
            self.assertEqual(self.router.allowance.month, month)

    def test_who_has_rung_is_looked_at_in_the_next_turn(self) -> None:
        bob = open_browser(self.router, "bob")
        bob.viewer.deliver(b"x" * CAP)
        bob.viewer.deliver(b"x")
        self.assertEqual((self.router.allowance.over, len(bob.peer.sent)), (1, 2))
        self.clock.advance(0)
        self.assertEqual(self.router.allowance.over, 2)

    def test_it_stops(self) -> None:
        bob = open_browser(self.router, "bob")
        bob.viewer.deliver(b"x" * CAP)
        self.watch.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        eve = open_browser(self.router, "eve")
        eve.viewer.deliver(b"x" * CAP)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class LocalTests(CapCase):
    def test_a_server_without_sign_in_has_neither(self) -> None:
        config = Config(
            Role.SINGLE, "tcp:8080:interface=127.0.0.1", False, self.folder, None, False, plans=SETTINGS
        )
        node = SingleNode(self.reactor, config, self.keys, self.folder, machine="single", boot="b")
        self.begin(node)
        self.reactor.advance(2 * ENTITLEMENTS_SECONDS)
        self.assertIsNone(node.router.allowance.cap)
        self.assertIsNone(node.factory.paces._rate)
        self.assertEqual(node.accounts().get("billing"), None)


class FleetTests(CapCase):
    """Login and two edges. What they say to each other is carried by hand."""

    def setUp(self) -> None:
        super().setUp()
        config = Config(
            Role.LOGIN, "tcp:8080", True, self.folder, f"http://{HOST}", False, fleet=place("m1", "ewr")
        )
        self.login_node = LoginNode(
            self.reactor, self.settled(config), self.keys, self.folder, machine="m1", boot="boot-1"
        )
        self.users()
        self.begin(self.login_node)
        self.edges = []
        for number in (2, 3):
            config = Config(
                Role.EDGE, "tcp:8080", True, None, f"http://{HOST}", False, fleet=place(f"m{number}", "nrt")
            )
            edge = EdgeNode(self.reactor, config, self.keys, f"boot-{number}")
            self.begin(edge)
            edge._receive(
                Round(
                    machine="m1",
                    boot="b",
                    seq=0,
                    events=[],
                    snapshot=Snapshot(wings=[], revoked=[], whole=True),
                )
            )
            self.edges.append(edge)
        self.poll()

    def poll(self) -> str:
        """Each edge asks login; the ETag of the answer."""
        self.reactor.advance(5)
        told = self.successResultOf(Deferred.fromCoroutine(self.login_node.desk.entitlements()))
        body, etag = entitlements_body(told)
        for edge in self.edges:
            edge.caps.heard(msgspec.json.decode(body, type=Entitlements))
        return etag

    def report(self) -> None:
        """Login hears what each edge has sent, and writes it down."""
        self.reactor.advance(1)
        for edge in self.edges:
            self.login_node.usage.reported(
                edge.machine, edge._receive(Round(machine="m1", boot="b", seq=0, events=[]))
            )
        self.successResultOf(Deferred.fromCoroutine(self.login_node.usage.flush()))

    def send(self, wing: FrameClient, session_id: str, size: int) -> None:
        wing.say("pty.output", session_id=session_id, data="A" * size)
        self.reactor.advance(0)

    def test_edges_need_no_configuration_of_their_own(self) -> None:
        for edge in self.edges:
            self.assertEqual((edge.router.allowance.cap, edge.factory.paces._rate), (CAP, 1_000_000))

    def test_what_two_nodes_have_sent_counts_together(self) -> None:
        terminals = [
            self.terminal(edge, wing_id)
            for edge, wing_id in zip(self.edges, ("a" * 24, "b" * 24), strict=True)
        ]
        for wing, browser, session_id in terminals:
            self.send(wing, session_id, CAP * 6 // 10)
            self.assertNotIn("bandwidth.exceeded", [m["type"] for m in browser.messages()])
        self.report()
        self.poll()
        for wing, browser, _session_id in terminals:
            self.assertEqual([m["type"] for m in browser.messages()], ["bandwidth.exceeded"])
            self.assertEqual(wing.messages(), [])
        self.assertEqual(self.edges[0].router.terminal_count, 0)

    def test_a_busy_user_changes_the_answer_by_steps(self) -> None:
        wing, browser, session_id = self.terminal(self.edges[0])
        etags = []
        for _ in range(16):
            self.send(wing, session_id, 1000)
            self.report()
            etags.append(self.poll())
        self.assertEqual(len(set(etags)), 1, "below half of the cap nothing is told")
        for _ in range(60):
            self.send(wing, session_id, 1000)
            self.report()
            etags.append(self.poll())
        self.assertLessEqual(len(set(etags)), 14)
        browser.messages()

    def test_whoever_waits_for_an_upgrade_gets_it_without_waiting_for_the_poll(self) -> None:
        wing, browser, session_id = self.terminal(self.edges[0])
        self.send(wing, session_id, CAP)
        self.report()
        self.poll()
        self.login_node.plan_watch.look_now()
        browser.messages()
        database = self.databases[0]
        database.now(plans.grant, Kind.USER, "ann", Source.SELF, now=NOW)
        database.now(plans.grant, Kind.USER, "bob", Source.SELF, now=NOW)
        before = self.login_node.gossip.log.seq
        self.login_node._plan_changed(Kind.USER, "bob")
        self.assertEqual(self.login_node.gossip.log.seq, before, "he waits for nothing")
        self.login_node._plan_changed(Kind.USER, "ann")
        self.assertEqual(self.login_node.gossip.log.since(before), [OrgChanged(user_ids=["ann"])])
        asked: list[float] = []
        self.patch(self.edges[0].entitlements, "poll_now", lambda: asked.append(1))
        self.edges[0].gossip._news.orgs_changed(OrgChanged(user_ids=["ann"]))
        self.assertEqual(len(asked), 1)
        told = self.successResultOf(Deferred.fromCoroutine(self.login_node.desk.entitlements()))
        self.edges[0].caps.heard(told)
        self.assertEqual(browser.close_code(), CloseCode.PLAN_CHANGED)

    def test_the_webhook_is_there_on_login(self) -> None:
        self.assertIn("billing", self.login_node.accounts())
