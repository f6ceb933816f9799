"""Bytes to messages and back, and what Autobahn needs to be told."""

from __future__ import annotations

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.trial.unittest import TestCase

from tests.sockets.case import SocketTestCase
from wingthing.sockets.datapath import DataPath
from wingthing.sockets.viewer import ViewerSocket
from wingthing.wire.limits import CLOSE_HANDSHAKE_SECONDS, MAX_MESSAGE_BYTES


class DataPathTests(SocketTestCase):
    def test_nagle_is_off(self) -> None:
        """It costs milliseconds on every keystroke."""
        self.browser()
        (viewer,) = self.router._viewers
        assert isinstance(viewer.peer, ViewerSocket)
        self.assertTrue(viewer.peer.tcpNoDelay)

    def test_messages_leave_as_one_unmasked_text_frame(self) -> None:
        browser = self.browser()
        (viewer,) = self.router._viewers
        for size in (0, 1, 125, 126, 65535, 65536, 300_000):
            before = len(browser.line.value())
            viewer.peer.send(b"x" * size)
            written = browser.line.value()[before:]
            head = 2 if size < 126 else 4 if size < 65536 else 10
            self.assertEqual((written[0], len(written)), (0x81, head + size))
            self.assertEqual(browser.frames(), [(1, b"x" * size)])

    def test_no_extension_is_agreed_on(self) -> None:
        """Compression before encryption's ciphertext only costs; and it would hold memory for each peer."""
        client = self.client()
        client.upgrade(
            "/ws/pty",
            {"Cookie": "wt_session=cookie-of-ann", "Sec-WebSocket-Extensions": "permessage-deflate"},
        )
        status, headers, _ = client.response()
        self.assertEqual(status, 101)
        self.assertNotIn("sec-websocket-extensions", headers)


OURS = {
    "maxFramePayloadSize": MAX_MESSAGE_BYTES,
    "maxMessagePayloadSize": MAX_MESSAGE_BYTES,
    "failByDrop": False,
    "openHandshakeTimeout": 0,
    "closeHandshakeTimeout": CLOSE_HANDSHAKE_SECONDS,
    "flashSocketPolicy": "",
}
"""What differs from what Autobahn does by itself."""


class OptionTests(SocketTestCase):
    def test_every_option_that_autobahn_has_is_set_as_it_would_be(self) -> None:
        """A new one, or another default, must be decided on."""
        factory = WebSocketServerFactory()
        for name in WebSocketServerProtocol.CONFIG_ATTRS:
            self.assertIn(name, vars(DataPath))
            ours, theirs = getattr(DataPath, name), OURS.get(name, getattr(factory, name))
            if name == "perMessageCompressionAccept":
                self.assertIsNone(ours([]))
                self.assertIsNone(theirs([]))
            elif name == "allowedOriginsPatterns":
                self.assertTrue(all(each[0].match("http://x:1") for each in (ours, theirs)))
            else:
                self.assertEqual(list(ours) if isinstance(ours, tuple) else ours, theirs, name)

    def test_nothing_of_the_handshake_is_kept(self) -> None:
        self.browser()
        (viewer,) = self.router._viewers
        kept = repr(vars(viewer.peer))
        for secret in ("cookie-of-ann", "wt_session", "Sec-WebSocket", "sec-websocket"):
            self.assertNotIn(secret, kept)

    def test_the_handshake_takes_no_timer(self) -> None:
        self.browser()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1, "the wheel of the pings")


class ShellTests(TestCase):
    def test_without_a_socket_on_top_it_takes_nothing(self) -> None:
        self.assertRaises(TypeError, DataPath().message_received, b"{}")
