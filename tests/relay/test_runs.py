"""Messages that are passed on in runs go where they would go one by one, whatever is in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.errors import PeerError
from wingthing.relay import viewer_side, wing_side
from wingthing.relay.router import refusal
from wingthing.relay.wing_side import PLAIN_BYTES
from wingthing.testing import FakePeer, new_router, open_browser, open_wing
from wingthing.wire import codec

FIRST, SECOND, WATCHED, SPECTATOR = "00000001", "00000002", "00000003", "00000004"
"""Sessions that the small world below has open, and the spectator of the third."""

NAMES = ("type", "session_id", "viewer_id", "request_id", "data", "done", "Type", "Session_ID", "SESSION_ID")
LONG = "A" * (PLAIN_BYTES + 10)


class World:
    """Two browsers with terminals on one wing, a spectator, and somebody else's terminal elsewhere."""

    def __init__(self) -> None:
        self.router = new_router()
        self.wing = open_wing(self.router)
        self.ann, self.other = open_browser(self.router), open_browser(self.router)
        self.ann.start()
        self.ann.start()
        self.other.start()
        self.eve = open_browser(self.router)
        self.eve.attach(WATCHED, spectate=True)
        self.peers: dict[str, FakePeer] = {
            "wing": self.wing.peer,
            "ann": self.ann.peer,
            "other": self.other.peer,
            "eve": self.eve.peer,
        }
        for peer in self.peers.values():
            peer.sent.clear()

    def told(self) -> dict[str, Any]:
        """All that anybody has been sent, and what was counted."""
        return {
            **{name: peer.sent for name, peer in self.peers.items()},
            "out": self.router.meter.to_browsers(),
            "in": self.router.meter.to_wings(),
            "ann bytes": self.router.meter.usage_bytes("ann"),
            "routes": self.router.route_count,
        }


def one_by_one(messages: list[bytes], receive: Callable[[bytes], None], peer: FakePeer) -> None:
    """The careful way."""
    for message in messages:
        try:
            receive(message)
        except PeerError as why:
            peer.send(refusal(message, why))


def in_runs(
    messages: list[bytes], pass_on: Callable[[int], int], receive: Callable[[bytes], None], peer: FakePeer
) -> None:
    """As a socket does it."""
    at = 0
    while at < len(messages):
        taken = pass_on(at)
        if not taken:
            one_by_one([messages[at]], receive, peer)
        at += taken or 1


def said_by_wing(world: World, messages: list[bytes], *, runs: bool) -> None:
    link, peer = world.wing.link, world.wing.peer
    receive = lambda message: wing_side.receive(world.router, link, message)  # noqa: E731
    if runs:
        in_runs(messages, lambda at: wing_side.pass_on(link, messages, at), receive, peer)
    else:
        one_by_one(messages, receive, peer)


def said_by_ann(world: World, messages: list[bytes], *, runs: bool) -> None:
    router, viewer, peer = world.router, world.ann.viewer, world.ann.peer
    receive = lambda message: viewer_side.receive(router, viewer, message)  # noqa: E731
    if runs:
        in_runs(messages, lambda at: viewer_side.pass_on(router, viewer, messages, at), receive, peer)
    else:
        one_by_one(messages, receive, peer)


sessions = st.sampled_from([FIRST, FIRST, SECOND, WATCHED, "ffffffff", ""])
strings = st.sampled_from(["", "eA==", LONG, LONG + "é", "ü", "a b", "\x7f", "<>&/", SPECTATOR]) | st.text(
    st.characters(min_codepoint=32, exclude_characters='"\\', exclude_categories=["Cs"]), max_size=20
)
kinds = st.sampled_from(
    ["pty.output", "pty.output", "pty.output", "pty.input", "pty.input", "pty.preview", "pty.exited", "x", ""]
)


def escaped(text: str) -> str:
    """The same string for a reader of JSON, with its first character written as an escape."""
    return f'"\\u{ord(text[0]):04x}{text[1:]}"' if text and ord(text[0]) < 0x10000 else f'"{text}"'


quoted = strings.map(lambda text: f'"{text}"') | strings.map(escaped) | sessions.map(lambda s: f'"{s}"')
values = quoted | st.sampled_from(
    ["null", "true", "5", "12345678", '["a"]', '{"session_id":"00000002"}', "-"]
)
space = st.sampled_from(["", "", "", " ", "\n", "\t "])
members = st.tuples(
    space, st.sampled_from(NAMES).flatmap(lambda n: st.sampled_from([f'"{n}"', escaped(n)])), values
)


def plain(kind: str, session_id: str, data: str, end: str) -> str:
    return f'{{"type":"{kind}","session_id":"{session_id}","data":"{data}"{end}'


ends = st.sampled_from(
    [
        "}",
        "}",
        "}",
        "} ",
        "}}",
        "",
        ',"compressed":true}',
        f',"viewer_id":"{SPECTATOR}"}}',
        ',"viewer_id":""}',
        ',"session_id":"00000002"}',
        ',"session_id":"00000003","x":"}',
        ',"Session_ID":"00000002"}',
        ',"type":"pty.exited"}',
        ',"\\u0074ype":"pty.exited"}',
        ',"data":"again"}',
        ',"x":{"session_id":"00000002"}}',
        '\\"}',
        '\\\\"}',
        ',"session_id":5}',
        ',"y":"\\"}',
    ]
)
shaped = st.builds(plain, kinds, sessions, strings, ends)
loose = st.builds(
    lambda parts, tail: "{" + ",".join(f"{a}{name}:{a}{value}" for a, name, value in parts) + tail,
    st.lists(members, max_size=5),
    st.sampled_from(["}", "}", "}", " }", "", "},", "} {"]),
)
proper = st.builds(
    lambda kind, session, data, viewer: json.dumps(
        {"type": kind, "session_id": session, "data": data, **({"viewer_id": viewer} if viewer else {})},
        separators=(",", ":"),
    ),
    kinds,
    sessions,
    strings,
    st.sampled_from([None, None, None, SPECTATOR, "ffffffff"]),
)
messages = st.lists(
    (proper | shaped | loose).map(str.encode) | st.binary(max_size=20).filter(bytes.isascii), max_size=8
)


class SameTests(TestCase):
    @settings(max_examples=300, deadline=None)
    @given(messages)
    def test_what_a_wing_says(self, said: list[bytes]) -> None:
        worlds = World(), World()
        said_by_wing(worlds[0], said, runs=False)
        said_by_wing(worlds[1], said, runs=True)
        self.assertEqual(worlds[1].told(), worlds[0].told())

    @settings(max_examples=300, deadline=None)
    @given(messages)
    def test_what_a_browser_says(self, said: list[bytes]) -> None:
        worlds = World(), World()
        said_by_ann(worlds[0], said, runs=False)
        said_by_ann(worlds[1], said, runs=True)
        self.assertEqual(worlds[1].told(), worlds[0].told())

    @settings(max_examples=300, deadline=None)
    @given(shaped.map(str.encode))
    def test_the_shape_tells_what_the_last_of_two_names_and_the_first_would_tell(self, said: bytes) -> None:
        session_id = codec.session_of_plain_output(said)
        if session_id is None:
            return
        pairs: list[list[tuple[str, Any]]] = []
        json.loads(said, object_pairs_hook=lambda found: pairs.append(found))
        (found,) = pairs
        self.assertEqual([name for name, _ in found], ["type", "session_id", "data"])
        self.assertEqual(found[1][1], session_id)
        head = codec.read_head(said)
        self.assertEqual((head.type, head.session_id, head.viewer_id), ("pty.output", session_id, None))


class RunTests(TestCase):
    def setUp(self) -> None:
        self.world = World()

    def output(self, session_id: str = FIRST, data: str = "eA==", **fields: Any) -> bytes:
        return codec.write({"type": "pty.output", "session_id": session_id, "data": data, **fields})

    def pass_on(self, *said: bytes) -> int:
        return wing_side.pass_on(self.world.wing.link, list(said), 0)

    def test_a_run_ends_where_another_viewer_begins(self) -> None:
        a, b = self.output(FIRST), self.output(SECOND)
        self.assertEqual(self.pass_on(a, a, a, b, a), 3)
        self.assertEqual(self.world.ann.peer.sent, [a, a, a])
        self.assertEqual(self.world.ann.viewer.messages_sent, 3)
        self.assertEqual(self.world.ann.viewer.bytes_sent, 3 * len(a))

    def test_a_long_message_is_known_by_its_shape(self) -> None:
        long = self.output(data=LONG)
        self.assertEqual(codec.session_of_plain_output(long), FIRST)
        self.assertEqual(self.pass_on(long, self.output(), long), 3)

    def test_a_long_message_of_any_other_shape_is_read(self) -> None:
        """Whatever it ends in, a reader of JSON may find another session, or none."""
        begin = plain("pty.output", FIRST, LONG, "")[:-1]
        for end in (
            '\\"}',
            '\\\\"}',
            '"',
            "}",
            '"} ',
            '"}}',
            '"]',
            '","session_id":"00000002"}',
            '","Session_ID":"00000002"}',
            '","type":"pty.exited"}',
            '","viewer_id":"00000004"}',
            '","compressed":true}',
        ):
            self.assertIsNone(codec.session_of_plain_output((begin + end).encode()), end)
        for wrong in (
            plain("pty.outputs", FIRST, LONG, "}"),
            plain("pty_output", FIRST, LONG, "}"),
            plain("pty.output", "0000000", LONG, "}"),
            plain("pty.output", "0000000G", LONG, "}"),
            plain("pty.output", FIRST, LONG, "}").replace(":", ": ", 1),
            " " + plain("pty.output", FIRST, LONG, "}"),
        ):
            self.assertIsNone(codec.session_of_plain_output(wrong.encode()), wrong[:60])

    def test_a_spectators_copy_goes_to_the_spectator(self) -> None:
        copy = self.output(WATCHED, viewer_id=SPECTATOR)
        self.assertEqual(self.pass_on(copy, copy, self.output(WATCHED)), 2)
        self.assertEqual(self.world.eve.peer.sent, [copy, copy])
        self.assertEqual(self.world.other.peer.sent, [])

    def test_what_is_not_passed_on(self) -> None:
        for said in (
            b"",
            b"[]",
            self.output("ffffffff"),
            self.output(viewer_id="ffffffff"),
            codec.write({"type": "pty.exited", "session_id": FIRST}),
            codec.write({"type": "pty.output"}),
            codec.write({"type": "wing.heartbeat", "wing_id": "x"}),
        ):
            self.assertEqual(self.pass_on(said, self.output()), 0, said)

    def test_an_old_connection_passes_nothing_on(self) -> None:
        old = self.world.wing.link
        open_wing(self.world.router)
        self.assertEqual(wing_side.pass_on(old, [self.output()], 0), 0)

    def test_the_alarm_rings(self) -> None:
        rung: list[int] = []
        viewer = self.world.ann.viewer
        viewer.alarm = lambda viewer: rung.append(viewer.bytes_sent)
        viewer.alarm_at = 2 * len(self.output())
        self.pass_on(*[self.output()] * 3)
        self.assertEqual(rung, [3 * len(self.output())])

    def test_a_browser_that_fills_the_wings_outbox_is_held(self) -> None:
        self.world.wing.peer.full = True
        typed = codec.write({"type": "pty.input", "session_id": FIRST, "data": "eA=="})
        viewer = self.world.ann.viewer
        self.assertEqual(viewer_side.pass_on(self.world.router, viewer, [typed, typed], 0), 2)
        self.assertEqual(self.world.wing.peer.sent, [typed, typed])
        self.assertFalse(self.world.ann.peer.reading)

    def test_keystrokes_without_a_wing_or_a_terminal_are_for_the_careful_way(self) -> None:
        router, viewer = self.world.router, self.world.ann.viewer
        for session_id in ("ffffffff", WATCHED):
            typed = codec.write({"type": "pty.input", "session_id": session_id, "data": "eA=="})
            self.assertEqual(viewer_side.pass_on(router, viewer, [typed], 0), 0)
        self.world.wing.leave()
        typed = codec.write({"type": "pty.input", "session_id": FIRST, "data": "eA=="})
        self.assertEqual(viewer_side.pass_on(router, viewer, [typed], 0), 0)

    def test_a_control_character_in_long_output_is_left_to_the_browser(self) -> None:
        """The one thing that is not looked at, and only on the way to a browser."""
        for size, taken in ((10, 0), (PLAIN_BYTES, 1)):
            said = b'{"type":"pty.output","session_id":"%s","data":"%s\x01"}' % (FIRST.encode(), b"A" * size)
            self.assertEqual(self.pass_on(said), taken)
            typed = said.replace(b"output", b"input")
            self.assertEqual(viewer_side.pass_on(self.world.router, self.world.ann.viewer, [typed], 0), 0)
