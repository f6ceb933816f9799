"""Where a browser's upgrade is served: here, on another machine, after a wait, or not at all; and that
nothing which a browser can write changes that to its advantage."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.cluster.case import KEYS, NOW, STRANGERS, record, trust, up
from wingthing.cluster import fly
from wingthing.cluster.directory import EdgeDirectory
from wingthing.cluster.placement import SENT_ON_STATUS, Placement, Waiting, session_of
from wingthing.crypto import node_tokens, tokens
from wingthing.crypto.node_tokens import Audience
from wingthing.errors import NotFound, PeerError, TemporarilyUnavailable
from wingthing.relay.orgs import Roster
from wingthing.relay.peers import Identity
from wingthing.testing import OTHER_WING_ID, WING_ID, identity
from wingthing.wire.gossip import WingUp
from wingthing.wire.internal import Session
from wingthing.wire.limits import INTERNAL_TOKEN_SECONDS, REPLAY_TIMEOUT_SECONDS, WING_WAIT_SECONDS

ANN = identity("ann", login="digest-of-cookie", provider="github", passkeys=("k",))
EVE = identity("eve", login="digest-of-another")


class PlacementCase(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.directory = EdgeDirectory("edge-a")
        self.roster = Roster()
        self.trust = trust("edge-a", self.clock)
        self.at_login: dict[str, WingUp] = {}
        self.asked: list[str] = []
        self.login: Deferred[None] | None = None
        """Login answers when this fires; None: at once."""

        self.learned: list[tuple[str, Session]] = []
        self.outcomes: list[str] = []
        self.placement = Placement(
            self.clock,
            self.directory,
            self.roster,
            self.trust,
            self.ask,
            lambda login, session: self.learned.append((login, session)),
            self.outcomes.append,
        )
        self.addCleanup(self.assert_nobody_waits)

    def assert_nobody_waits(self) -> None:
        self.assertEqual((self.placement.waiting.count, self.placement.waiting._waiting), (0, {}))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    async def ask(self, wing_id: str) -> WingUp | None:
        self.asked.append(wing_id)
        if self.login is not None:
            await self.login
        return self.at_login.get(wing_id)

    def place(self, wing_id: str = WING_ID, who: Identity = ANN, **headers: str) -> Deferred[None]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Deferred.fromCoroutine(self.placement.place(wing_id, who, named.get))

    def refused(self, placing: Deferred[None], kind: type[PeerError] = PeerError) -> Any:
        return self.failureResultOf(placing, kind).value

    def sent_to(self, placing: Deferred[None]) -> dict[str, str]:
        """The fields of `fly-replay` in the answer."""
        why = self.refused(placing)
        self.assertEqual((why.status, set(why.headers)), (SENT_ON_STATUS, {"fly-replay"}))
        return fly.fields(why.headers["fly-replay"])

    def assert_not_found(self, placing: Deferred[None]) -> None:
        why = self.refused(placing, NotFound)
        self.assertEqual((str(why), why.headers, why.fields), ("wing not found", {}, {"retry": True}))

    def replayed(self, who: Identity = ANN, machine: str = "edge-b") -> str:
        """`fly-replay-src` of a request that another node has sent here."""
        sender = trust(machine, self.clock)
        passed = {"login": who.login, "session": msgspec.to_builtins(session_of(who))}
        state, _jti = sender.token(Audience.REPLAY, passed=passed)
        return f"instance={machine};region=lhr;t=1;state={state}"


class KnownTests(PlacementCase):
    def test_a_wing_of_this_node(self) -> None:
        self.directory.local_up(record("c1"), NOW)
        self.successResultOf(self.place())
        self.assertEqual((self.outcomes, self.asked), (["here"], []))

    def test_a_wing_of_another_node(self) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        sent = self.sent_to(self.place())
        state = sent.pop("state")
        timeout = f"{REPLAY_TIMEOUT_SECONDS}s"
        self.assertEqual(sent, {"instance": "edge-b", "timeout": timeout, "fallback": "force_self"})
        self.assertEqual((self.outcomes, self.asked), (["sent on"], []))
        there = trust("edge-b", self.clock)
        claims = there.check(state, Audience.REPLAY)
        self.assertEqual(claims.machine, "edge-a")
        self.assertEqual(claims.passed["login"], "digest-of-cookie")

    def test_behind_a_token_nothing_is_passed_on(self) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        sent = self.sent_to(self.place(who=identity("ann", token="j", token_issued_at=1)))
        there = trust("edge-b", self.clock)
        self.assertEqual(there.check(sent["state"], Audience.REPLAY).passed, {})

    def test_a_wing_that_has_left_a_connection_behind_is_where_it_is_now(self) -> None:
        self.directory.local_up(record("c1"), NOW)
        self.directory.remote_up(up("c2", "edge-b", 2))
        self.assertEqual(self.sent_to(self.place())["instance"], "edge-b")

    def test_login_sends_on_too_and_asks_nobody(self) -> None:
        login = Placement(
            self.clock, self.directory, self.roster, self.trust, None, lambda *_: None, self.outcomes.append
        )
        self.directory.remote_up(up("c1", "edge-b"))
        placing = Deferred.fromCoroutine(login.place(WING_ID, ANN, {}.get))
        self.assertEqual(self.sent_to(placing)["instance"], "edge-b")
        placing = Deferred.fromCoroutine(login.place(OTHER_WING_ID, ANN, {}.get))
        self.clock.advance(WING_WAIT_SECONDS)
        self.assert_not_found(placing)


class UnnamedTests(PlacementCase):
    def test_the_only_wing_of_the_user_is_meant(self) -> None:
        self.directory.remote_up(up("c9", "edge-b", wing_id=OTHER_WING_ID, user_id="eve"))
        self.successResultOf(self.place(""))
        self.assertEqual(self.outcomes, [], "none: served here, messages will name one")
        self.directory.remote_up(up("c1", "edge-b"))
        self.assertEqual(self.sent_to(self.place(""))["instance"], "edge-b")
        self.directory.local_up(record("c2", wing_id="second"), NOW)
        self.successResultOf(self.place(""))


class UnknownTests(PlacementCase):
    def test_login_knows(self) -> None:
        self.at_login[WING_ID] = up("c1", "edge-b")
        self.assertEqual(self.sent_to(self.place())["instance"], "edge-b")
        self.assertEqual(self.asked, [WING_ID])

    def test_a_thousand_ask_login_once(self) -> None:
        self.at_login[WING_ID] = up("c1", "edge-b")
        self.login = Deferred()
        placing = [self.place() for _ in range(1000)]
        self.login.callback(None)
        for each in placing:
            self.sent_to(each)
        self.assertEqual(self.asked, [WING_ID])

    def test_it_comes_while_the_browser_waits(self) -> None:
        here, elsewhere = self.place(), self.place(OTHER_WING_ID)
        self.clock.advance(WING_WAIT_SECONDS - 0.1)
        self.assertNoResult(here)
        self.directory.local_up(record("c1"), NOW)
        self.successResultOf(here)
        self.directory.remote_up(up("c2", "edge-b", wing_id=OTHER_WING_ID))
        self.assertEqual(self.sent_to(elsewhere)["instance"], "edge-b")

    def test_it_does_not_come(self) -> None:
        placing = self.place()
        self.clock.advance(WING_WAIT_SECONDS - 0.01)
        self.assertNoResult(placing)
        self.clock.advance(0.01)
        self.assert_not_found(placing)
        self.assertEqual((self.asked, self.outcomes), ([WING_ID], ["not found"]))

    def test_login_away_is_not_the_browsers_fault(self) -> None:
        self.login = Deferred()
        placing = self.place()
        self.login.errback(TemporarilyUnavailable("login is away"))
        self.assertNoResult(placing)
        self.directory.local_up(record("c1"), NOW)
        self.successResultOf(placing)

    def test_login_says_here_and_it_is_not(self) -> None:
        """It has left this machine, and login has not heard of that: there is nowhere to send the browser."""
        self.at_login[WING_ID] = up("c1", "edge-a")
        placing = self.place()
        self.assertNoResult(placing)
        self.clock.advance(WING_WAIT_SECONDS)
        self.assert_not_found(placing)

    def test_the_browser_leaves(self) -> None:
        """While login is asked, and while it waits: nothing is left of it, and the others go on."""
        self.login = Deferred()
        gone, stays = self.place(), self.place()
        gone.cancel()
        self.failureResultOf(gone)
        self.login.callback(None)
        leaves = self.place()
        self.assertEqual(self.placement.waiting.count, 2)
        leaves.cancel()
        self.failureResultOf(leaves)
        self.assertEqual(self.placement.waiting.count, 1)
        self.directory.local_up(record("c1"), NOW)
        self.successResultOf(stays)

    def test_no_more_wait_than_may(self) -> None:
        self.placement.waiting._most = 3
        waiting = [self.place(f"w{number}") for number in range(3)]
        self.assert_not_found(self.place())
        waiting[0].cancel()
        self.failureResultOf(waiting[0])
        late = self.place()
        self.assertNoResult(late)
        self.clock.advance(WING_WAIT_SECONDS)
        for each in [*waiting[1:], late]:
            self.assert_not_found(each)


class OracleTests(PlacementCase):
    """That somebody else has a wing of that id cannot be told from the answer, nor from its time."""

    def time_of(self, wing_id: str, login_seconds: float) -> float:
        """How long Eve waits for "wing not found", when login takes so long to answer an edge."""
        began = self.clock.seconds()
        self.login = Deferred()
        self.clock.callLater(login_seconds, self.login.callback, None)
        placing = self.place(wing_id, EVE)
        while not placing.called:
            self.clock.advance(0.125)
        self.assert_not_found(placing)
        for call in self.clock.getDelayedCalls():
            call.cancel()
        return self.clock.seconds() - began

    def test_the_same_answer_after_the_same_time(self) -> None:
        self.directory.local_up(record("c1", wing_id="here"), NOW)
        self.directory.remote_up(up("c2", "edge-b", wing_id="there"))
        self.at_login["known to login"] = up("c3", "edge-b", wing_id="known to login")
        for login_seconds in (0.0, 0.25, 2.875):
            times = {
                wing_id: self.time_of(wing_id, login_seconds)
                for wing_id in ("here", "there", "known to login", "nowhere")
            }
            self.assertEqual(set(times.values()), {WING_WAIT_SECONDS}, times)

    def test_and_it_is_counted_alike_when_too_many_wait(self) -> None:
        self.directory.remote_up(up("c2", "edge-b", wing_id="there"))
        self.placement.waiting._most = 0
        for wing_id in ("there", "nowhere"):
            self.assert_not_found(self.place(wing_id, EVE))

    def test_it_is_theirs_and_they_get_it(self) -> None:
        placing = self.place("there", EVE)
        self.directory.remote_up(up("c1", "edge-b", wing_id="there"))
        self.assertNoResult(placing)
        self.directory.remote_down("there", "c1")
        self.directory.remote_up(up("c2", "edge-c", wing_id="there", user_id="eve"))
        self.assertEqual(self.sent_to(placing)["instance"], "edge-c")


class SentOnceTests(PlacementCase):
    """A request that was sent on, has come back, or says so, is never sent on again."""

    def assert_try_again(self, placing: Deferred[None]) -> None:
        why = self.refused(placing, TemporarilyUnavailable)
        self.assertEqual((why.fields, why.headers), ({"retry": True}, {"Retry-After": "2"}))
        self.assertEqual(self.outcomes[-1], "out of reach")

    def test_it_has_arrived(self) -> None:
        self.directory.local_up(record("c1"), NOW)
        self.successResultOf(self.place(fly_replay_src=self.replayed()))

    def test_the_wing_has_moved_on_meanwhile(self) -> None:
        self.directory.remote_up(up("c2", "edge-c", 2))
        self.assert_try_again(self.place(fly_replay_src=self.replayed()))

    def test_the_wing_moves_on_as_it_is_looked_for(self) -> None:
        placing = self.place(fly_replay_src=self.replayed())
        self.assertNoResult(placing)
        self.directory.remote_up(up("c2", "edge-c", 2))
        self.assert_try_again(placing)

    def test_its_machine_was_away_and_it_comes_here(self) -> None:
        for failed in ("x", "", "instance=edge-b;app=wingthing;reason=timeout"):
            self.directory.remote_up(up("c1", "edge-b"))
            placing = self.place(fly_replay_failed=failed)
            self.assertNoResult(placing)
            self.directory.local_up(record("c2"), NOW)
            self.successResultOf(placing)
            self.directory.local_down(WING_ID, "c2")

    def test_it_comes_to_yet_another_machine(self) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        placing = self.place(fly_replay_failed="x")
        self.assertNoResult(placing)
        self.directory.remote_up(up("c2", "edge-c", 2))
        self.assert_try_again(placing)
        self.assertEqual(self.sent_to(self.place())["instance"], "edge-c", "and the next try gets there")

    def test_it_was_on_another_machine_before_the_request_came_back(self) -> None:
        self.directory.remote_up(up("c2", "edge-c", 2))
        self.assert_try_again(self.place(fly_replay_failed="instance=edge-b;reason=timeout"))

    def test_its_machine_stays_away(self) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        placing = self.place(fly_replay_failed="instance=edge-b;reason=timeout")
        self.clock.advance(WING_WAIT_SECONDS - 0.1)
        self.assertNoResult(placing)
        self.clock.advance(0.1)
        self.assert_try_again(placing)

    def test_login_may_be_asked_and_is_not_obeyed(self) -> None:
        self.at_login[WING_ID] = up("c1", "edge-b")
        placing = self.place(fly_replay_failed="x")
        self.clock.advance(WING_WAIT_SECONDS)
        self.refused(placing, TemporarilyUnavailable)

    @given(st.dictionaries(st.sampled_from(["fly-replay-src", "fly-replay-failed"]), st.text(), min_size=1))
    def test_whatever_these_headers_say(self, headers: dict[str, str]) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        placing = Deferred.fromCoroutine(self.placement.place(WING_ID, ANN, headers.get))
        self.clock.advance(WING_WAIT_SECONDS)
        self.assertEqual(self.refused(placing, TemporarilyUnavailable).headers, {"Retry-After": "2"})


class WelcomeTests(PlacementCase):
    """What comes with a request that was sent on is believed if a node of the fleet has signed it."""

    def welcome(self, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.placement.welcome(named.get)

    def test_what_the_sender_knows_of_the_login_session(self) -> None:
        self.welcome(fly_replay_src=self.replayed())
        self.assertEqual(
            (self.learned, self.outcomes), ([("digest-of-cookie", session_of(ANN))], ["arrived"])
        )
        self.assertEqual(session_of(ANN).passkeys, ("k",))

    def test_from_the_placement_of_another_node_to_this_one(self) -> None:
        directory = EdgeDirectory("edge-b")
        directory.remote_up(up("c1", "edge-a"))
        there = Placement(
            self.clock,
            directory,
            Roster(),
            trust("edge-b", self.clock),
            self.ask,
            lambda *_: None,
            lambda _: None,
        )
        sent = self.sent_to(Deferred.fromCoroutine(there.place(WING_ID, ANN, {}.get)))
        self.welcome(fly_replay_src=f"instance=edge-b,region=lhr,t=1,state={sent['state']}")
        self.assertEqual(self.learned, [("digest-of-cookie", session_of(ANN))])

    def test_an_ordinary_request_and_one_that_came_back(self) -> None:
        self.welcome()
        self.assertEqual(self.outcomes, [])
        self.welcome(fly_replay_failed="instance=edge-b")
        self.assertEqual((self.outcomes, self.learned), (["came back"], []))

    def test_behind_a_token_there_is_nothing_to_learn(self) -> None:
        state, _jti = trust("edge-b", self.clock).token(Audience.REPLAY)
        self.welcome(fly_replay_src=f"state={state}")
        self.assertEqual((self.outcomes, self.learned), (["arrived"], []))

    def test_forgeries(self) -> None:
        passed = {"login": "digest", "session": {"user_id": "ann"}}
        strange = trust("edge-b", self.clock, STRANGERS)
        sender = trust("edge-b", self.clock)
        of_a_wing, _claims = tokens.mint(KEYS.signing, user_id="ann", now=NOW, jti="j", wing="edge-b")
        old = node_tokens.mint(
            KEYS,
            Audience.REPLAY,
            machine="edge-b",
            now=NOW - 2 * INTERNAL_TOKEN_SECONDS,
            jti="j",
            passed=passed,
        )
        states = [
            "",
            "x",
            of_a_wing,
            old,
            strange.token(Audience.REPLAY, passed=passed)[0],
            sender.token(Audience.ANSWER, passed=passed)[0],
            sender.token(Audience.INTERNAL, passed=passed)[0],
            sender.token(Audience.EDGE, passed=passed)[0],
            sender.token(Audience.REPLAY, passed={"login": 5, "session": {"user_id": "ann"}})[0],
            sender.token(Audience.REPLAY, passed={"login": "digest", "session": "ann"})[0],
        ]
        for number, state in enumerate(states):
            self.outcomes.clear()
            self.welcome(fly_replay_src=f"instance=edge-b;region=lhr;t=1;state={state}")
            self.assertEqual((self.learned, self.outcomes), ([], ["forged"]), number)
        self.welcome(fly_replay_src="")
        self.assertEqual((self.learned, self.outcomes[-1]), ([], "forged"))

    @given(st.text(max_size=100))
    def test_no_text_is_believed(self, text: str) -> None:
        self.welcome(fly_replay_src=text)
        self.welcome(fly_replay_src=f"state={text}")
        self.assertEqual(self.learned, [])


class WaitingTests(TestCase):
    def setUp(self) -> None:
        self.clock, self.directory = Clock(), EdgeDirectory("edge-a")
        self.waiting = Waiting(self.clock, self.directory)

    def until(self, test: Any = lambda entry: True, seconds: float = 5.0) -> Deferred[WingUp | None]:
        return Deferred.fromCoroutine(self.waiting.until(WING_ID, test, seconds))

    def test_a_wing_that_is_there_is_not_waited_for(self) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        self.assertEqual(self.successResultOf(self.until()), up("c1", "edge-b"))
        self.assertEqual(self.waiting.count, 0)

    def test_each_waits_for_what_it_likes(self) -> None:
        here = self.until(lambda entry: entry.machine == "edge-a")
        anywhere = self.until()
        self.directory.remote_up(up("c1", "edge-b"))
        self.successResultOf(anywhere)
        self.assertNoResult(here)
        self.directory.local_up(record("c2"), NOW)
        self.assertEqual(self.successResultOf(here), up("c2", "edge-a", 2))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_that_leaves_as_another_is_found(self) -> None:
        """The answer to one makes another go: neither is answered twice."""
        first, second = self.until(), self.until()
        first.addCallback(lambda _: second.cancel())
        self.directory.local_up(record("c1"), NOW)
        self.successResultOf(first)
        self.failureResultOf(second)
        self.assertEqual((self.waiting.count, self.waiting._waiting), (0, {}))

    def test_it_may_be_found_and_lost_in_one_moment(self) -> None:
        waiting = self.until()
        self.directory.local_up(record("c1"), NOW)
        self.directory.local_down(WING_ID, "c1")
        self.assertEqual(self.successResultOf(waiting), up("c1"))
