"""The relay against a simple model, in any order of events that hypothesis can think of."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.trial.unittest import TestCase

from wingthing.relay import wing_side
from wingthing.relay.peers import FEATURE_DETACHED
from wingthing.testing import FakeBrowser, FakeWing, connect_wing, new_router, open_browser, registration

OWNERS = {"a" * 24: "ann", "b" * 24: "ann", "e" * 24: "eve"}
WINGS = st.sampled_from(sorted(OWNERS))
USERS = st.sampled_from(["ann", "eve"])
SLOTS = st.integers(0, 3)
SESSIONS = st.integers(1, 6).map(lambda number: f"{number:08x}")
REQUESTS = st.sampled_from(["r1", "r2", "r3"])


class RelayMachine(RuleBasedStateMachine):
    """The model: who controls and who watches each session of each wing, who waits for which answer.

    Sessions are named (wing, session_id); the same session_id may exist on several wings.
    """

    def __init__(self) -> None:
        super().__init__()
        self.router = new_router()
        self.browsers: dict[int, FakeBrowser] = {}
        self.lines: dict[str, list[FakeWing]] = {wing_id: [] for wing_id in OWNERS}
        """Open connections of each wing, oldest first; the one in `speaks` is the wing."""

        self.speaks: dict[str, FakeWing] = {}
        self.controls: dict[tuple[str, str], FakeBrowser] = {}
        self.watches: dict[tuple[str, str], dict[str, FakeBrowser]] = {}
        self.waits: dict[tuple[str, str], FakeBrowser] = {}
        self.held: set[tuple[str, FakeBrowser]] = set()

    # -- helpers ---------------------------------------------------------------------------------------------

    def user(self, browser: FakeBrowser) -> str:
        return browser.viewer.identity.user_id

    def reaches(self, browser: FakeBrowser, wing_id: str) -> bool:
        return wing_id in self.speaks and OWNERS[wing_id] == self.user(browser)

    def watchers(self, key: tuple[str, str]) -> dict[str, FakeBrowser]:
        return self.watches.get(key, {})

    def bound(self, browser: FakeBrowser, session_id: str) -> tuple[str, str] | None:
        """The session of that id which this browser has open, on whichever wing."""
        for key in {*self.controls, *self.watches}:
            if key[1] != session_id:
                continue
            if self.controls.get(key) is browser or browser in self.watchers(key).values():
                return key
        return None

    def unbind(self, browser: FakeBrowser, key: tuple[str, str]) -> None:
        if self.controls.get(key) is browser:
            del self.controls[key]
        left = {name: who for name, who in self.watchers(key).items() if who is not browser}
        self.watches.pop(key, None)
        if left:
            self.watches[key] = left

    def everybody(self) -> list[Any]:
        lines = [line for lines in self.lines.values() for line in lines]
        return [*self.browsers.values(), *lines]

    def heard(self, *expected: tuple[Any, str]) -> None:
        """Exactly these peers were sent exactly these types since the last step."""
        wanted: dict[int, Counter[str]] = {id(peer): Counter() for peer in self.everybody()}
        for peer, kind in expected:
            wanted.setdefault(id(peer), Counter())[kind] += 1
        for peer in self.everybody():
            assert Counter(peer.peer.take_types()) == wanted[id(peer)], wanted

    def to_wing(self, wing_id: str, browser: FakeBrowser) -> FakeWing:
        line = self.speaks[wing_id]
        if line.peer.full:
            self.held.add((wing_id, browser))
        return line

    def release(self, wing_id: str) -> None:
        self.held = {pair for pair in self.held if pair[0] != wing_id}

    # -- connections -----------------------------------------------------------------------------------------

    @rule(slot=SLOTS, user=USERS)
    def browser_comes(self, slot: int, user: str) -> None:
        if slot not in self.browsers:
            self.browsers[slot] = open_browser(self.router, user, features=frozenset({FEATURE_DETACHED}))
            self.heard()

    @rule(slot=SLOTS)
    def browser_goes(self, slot: int) -> None:
        browser = self.browsers.pop(slot, None)
        if browser is None:
            return
        for key in {*self.controls, *self.watches}:
            self.unbind(browser, key)
        self.waits = {key: who for key, who in self.waits.items() if who is not browser}
        self.held = {pair for pair in self.held if pair[1] is not browser}
        browser.leave()
        self.heard()

    @rule(wing_id=WINGS, user=USERS)
    def wing_comes(self, wing_id: str, user: str) -> None:
        line = connect_wing(self.router, user)
        if user != OWNERS[wing_id]:
            # Only while nobody of that id is known: then whoever comes first has it, which is not modelled.
            if self.router.wings._by_id.get(wing_id) is not None and wing_id in self.speaks:
                line.say(registration(wing_id))
                self.router.wing_gone(line.link)
                assert line.peer.take_types() == ["error"]
                self.heard()
            else:
                line.leave()
            return
        wing_side.register(self.router, line.link, registration(wing_id))
        assert line.peer.take_types() == ["registered"]
        self.lines[wing_id].append(line)
        self.speaks[wing_id] = line
        self.release(wing_id)
        self.heard()

    @rule(wing_id=WINGS, which=st.integers(0, 3))
    def wing_goes(self, wing_id: str, which: int) -> None:
        if which >= len(self.lines[wing_id]):
            return
        line = self.lines[wing_id].pop(which)
        line.leave()
        assert line.peer.take() == []
        if self.speaks.get(wing_id) is not line:
            self.heard()
            return
        del self.speaks[wing_id]
        self.release(wing_id)
        told = {id(who): who for key, who in self.controls.items() if key[0] == wing_id}
        for key in self.watches:
            if key[0] == wing_id:
                told |= {id(who): who for who in self.watches[key].values()}
        lost = [who for key, who in self.waits.items() if key[0] == wing_id]
        self.waits = {key: who for key, who in self.waits.items() if key[0] != wing_id}
        self.heard(*((who, "wing.offline") for who in told.values()), *((who, "error") for who in lost))

    @rule(wing_id=WINGS, full=st.booleans())
    def wing_reads_or_not(self, wing_id: str, full: bool) -> None:
        if wing_id in self.speaks:
            line = self.speaks[wing_id]
            line.peer.full = full
            if not full:
                self.router.wing_has_room(line.link)
                self.release(wing_id)

    # -- browsers --------------------------------------------------------------------------------------------

    @rule(slot=SLOTS, wing_id=WINGS)
    def start(self, slot: int, wing_id: str) -> None:
        browser = self.browsers.get(slot)
        if browser is None:
            return
        browser.start(wing_id=wing_id)
        if not self.reaches(browser, wing_id):
            self.heard((browser, "error"))
            return
        line = self.to_wing(wing_id, browser)
        started = line.peer.take()
        assert [message["type"] for message in started] == ["pty.start"]
        assert started[0]["user_id"] == self.user(browser)
        key = (wing_id, started[0]["session_id"])
        assert key not in self.controls
        assert key not in self.watches
        self.controls[key] = browser
        self.heard()

    @rule(slot=SLOTS, wing_id=WINGS, session_id=SESSIONS, spectate=st.booleans(), refused=st.booleans())
    def attach(self, slot: int, wing_id: str, session_id: str, spectate: bool, refused: bool) -> None:
        browser = self.browsers.get(slot)
        if browser is None:
            return
        browser.attach(session_id, wing_id=wing_id, spectate=spectate)
        here = self.bound(browser, session_id)
        if not self.reaches(browser, wing_id) or (here is not None and here[0] != wing_id):
            self.heard((browser, "error"))
            return
        line = self.to_wing(wing_id, browser)
        key = (wing_id, session_id)
        attached = line.peer.take()
        assert [message["type"] for message in attached] == ["pty.attach"]
        if spectate:
            self.unbind(browser, key)
            self.watches.setdefault(key, {})[attached[0]["viewer_id"]] = browser
            self.heard()
            return
        assert "viewer_id" not in attached[0]
        displaced = self.controls.get(key)
        if refused:
            line.say("pty.exited", session_id=session_id, exit_code=-1, error="no")
            if displaced is None:
                # It was let in at once, as nobody was there to take the session from.
                self.unbind(browser, key)
            self.heard((browser, "pty.exited"))
            return
        line.let_in(session_id)
        self.unbind(browser, key)
        self.controls[key] = browser
        if displaced in (None, browser):
            self.heard((browser, "pty.started"))
        else:
            self.heard((browser, "pty.started"), (displaced, "pty.detached"))

    @rule(slot=SLOTS, session_id=SESSIONS, kind=st.sampled_from(["pty.input", "pty.kill", "pty.resize"]))
    def act(self, slot: int, session_id: str, kind: str) -> None:
        browser = self.browsers.get(slot)
        if browser is None:
            return
        key = self.bound(browser, session_id)
        silent = session_id in browser.viewer.ended
        browser.say(kind, session_id=session_id, data="eA==", cols=80, rows=24)
        if key is not None and self.controls.get(key) is browser:
            if key[0] in self.speaks:
                self.heard((self.to_wing(key[0], browser), kind))
            else:
                self.heard((browser, "wing.offline"))
        elif key is None and silent:
            self.heard()
        else:
            self.heard((browser, "error"))

    @rule(slot=SLOTS, session_id=SESSIONS)
    def detach(self, slot: int, session_id: str) -> None:
        browser = self.browsers.get(slot)
        if browser is None:
            return
        key = self.bound(browser, session_id)
        if key is not None:
            self.unbind(browser, key)
        browser.say("pty.detach", session_id=session_id)
        self.heard()

    @rule(slot=SLOTS, wing_id=WINGS, request_id=REQUESTS)
    def ask(self, slot: int, wing_id: str, request_id: str) -> None:
        browser = self.browsers.get(slot)
        if browser is None:
            return
        browser.ask(request_id, wing_id)
        key = (wing_id, request_id)
        elsewhere = any(
            who is browser and other[1] == request_id and other != key for other, who in self.waits.items()
        )
        if not self.reaches(browser, wing_id) or self.waits.get(key, browser) is not browser or elsewhere:
            self.heard((browser, "error"))
            return
        self.waits[key] = browser
        self.heard((self.to_wing(wing_id, browser), "tunnel.req"))

    # -- wings -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.speaks)
    @rule(data=st.data(), session_id=SESSIONS, to_spectator=st.booleans())
    def output(self, data: st.DataObject, session_id: str, to_spectator: bool) -> None:
        wing_id = data.draw(st.sampled_from(sorted(self.speaks)))
        line = data.draw(st.sampled_from(self.lines[wing_id]))
        key = (wing_id, session_id)
        fields: dict[str, Any] = {}
        whom = self.controls.get(key)
        if to_spectator:
            known = sorted(name for views in self.watches.values() for name in views)
            viewer_id = data.draw(st.sampled_from([*known, "ffffffff"]))
            fields["viewer_id"] = viewer_id
            whom = self.watchers(key).get(viewer_id)
        line.say("pty.output", session_id=session_id, data="eA==", **fields)
        if whom is None or line is not self.speaks[wing_id]:
            self.heard()
        else:
            self.heard((whom, "pty.output"))

    @precondition(lambda self: self.speaks)
    @rule(data=st.data(), session_id=SESSIONS)
    def exited(self, data: st.DataObject, session_id: str) -> None:
        wing_id = data.draw(st.sampled_from(sorted(self.speaks)))
        line = data.draw(st.sampled_from(self.lines[wing_id]))
        key = (wing_id, session_id)
        line.say("pty.exited", session_id=session_id, exit_code=0)
        if line is not self.speaks[wing_id]:
            self.heard()
            return
        told = list(self.watches.pop(key, {}).values())
        controller = self.controls.pop(key, None)
        if controller is not None:
            told.append(controller)
        self.heard(*((who, "pty.exited") for who in told))

    @precondition(lambda self: self.speaks)
    @rule(data=st.data(), request_id=REQUESTS, part=st.booleans())
    def answer(self, data: st.DataObject, request_id: str, part: bool) -> None:
        wing_id = data.draw(st.sampled_from(sorted(self.speaks)))
        line = data.draw(st.sampled_from(self.lines[wing_id]))
        kind = "tunnel.stream" if part else "tunnel.res"
        line.say(kind, request_id=request_id, payload="eA==")
        whom = self.waits.get((wing_id, request_id))
        if not part:
            self.waits.pop((wing_id, request_id), None)
        if whom is None:
            self.heard()
        else:
            self.heard((whom, kind))

    # -- what always holds -----------------------------------------------------------------------------------

    @invariant()
    def the_tables_are_those_of_the_model(self) -> None:
        controls: dict[tuple[str, str], object] = {}
        watches: dict[tuple[str, str], dict[str, object]] = {}
        waits: dict[tuple[str, str], object] = {}
        for wing_id, wing in self.router.wings._by_id.items():
            assert (wing.link is self.speaks[wing_id].link) if wing_id in self.speaks else wing.link is None
            for session_id, terminal in wing.terminals.items():
                assert terminal.controller is not None or terminal.spectators
                if terminal.controller is not None:
                    controls[wing_id, session_id] = terminal.controller
                    assert terminal.controller.controls[session_id] is terminal
                if terminal.spectators:
                    watches[wing_id, session_id] = dict(terminal.spectators)
                for viewer_id, viewer in terminal.spectators.items():
                    assert viewer.watches[session_id] == (terminal, viewer_id)
            for request_id, viewer in wing.pending.items():
                waits[wing_id, request_id] = viewer
                assert viewer.pending[request_id] is wing
        assert controls == {key: who.viewer for key, who in self.controls.items()}
        assert watches == {
            key: {name: who.viewer for name, who in views.items()} for key, views in self.watches.items()
        }
        assert waits == {key: who.viewer for key, who in self.waits.items()}
        routes = len(controls) + sum(map(len, watches.values())) + len(waits)
        assert self.router.route_count == routes

    @invariant()
    def who_fills_a_wing_is_held_and_nobody_else(self) -> None:
        for browser in self.browsers.values():
            held = {pair[0] for pair in self.held if pair[1] is browser}
            assert browser.peer.reading is not bool(held), held
            assert {wing.record.wing_id for wing in browser.viewer.held_by} == held

    @invariant()
    def an_offline_wing_is_kept_only_for_its_routes(self) -> None:
        for wing_id, wing in self.router.wings._by_id.items():
            assert wing_id in self.speaks or wing.terminals

    def teardown(self) -> None:
        for browser in self.browsers.values():
            browser.leave()
        for lines in self.lines.values():
            for line in lines:
                line.leave()
        assert self.router.wings._by_id == {}
        assert self.router.route_count == self.router.open_sockets == 0


RelayMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


class StateTests(TestCase):
    def test_the_relay_does_what_the_model_does(self) -> None:
        case = RelayMachine.TestCase("runTest")
        case.runTest()
