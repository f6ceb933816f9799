"""`/ws/pty` and `/ws/relay` over a line: the way of a keystroke and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.sockets.case import SocketTestCase
from wingthing.testing import PUBLIC_KEY, WING_ID, frame


class ViewerTests(SocketTestCase):
    def test_a_terminal_over_either_address(self) -> None:
        laptop = self.wing()
        for path in ("/ws/pty", "/ws/relay"):
            browser = self.browser(path=path)
            session_id = self.terminal(browser, laptop)
            typed = b'{"type":"pty.input","session_id":"%s","data":"bHM="}' % session_id.encode()
            shown = b'{"type":"pty.output","session_id":"%s","data":"Lg=="}' % session_id.encode()
            browser.send_raw(frame(typed))
            laptop.send_raw(frame(shown))
            self.assertEqual(laptop.frames(), [(1, typed)])
            self.assertEqual(browser.frames(), [(1, shown)])

    def test_the_wing_of_the_address(self) -> None:
        self.wing()
        desk = self.wing("d" * 24)
        browser = self.open(f"/ws/pty?wing_id={'d' * 24}", {"Cookie": "wt_session=cookie-of-ann"})
        browser.say("pty.start", agent="shell", cols=80, rows=24, public_key=PUBLIC_KEY)
        self.assertEqual([m["type"] for m in desk.messages()], ["pty.start"])

    def test_another_user(self) -> None:
        laptop = self.wing()
        eve = self.browser("eve")
        eve.say("pty.start", agent="shell", cols=80, rows=24, public_key=PUBLIC_KEY, wing_id=WING_ID)
        eve.say("pty.attach", session_id="00000001", public_key=PUBLIC_KEY, wing_id=WING_ID)
        self.assertEqual([m["message"] for m in eve.messages()], ["no wing connected", "wing not found"])
        self.assertEqual(laptop.messages(), [])

    def test_a_browser_that_leaves(self) -> None:
        laptop, browser = self.wing(), self.browser()
        self.terminal(browser, laptop)
        browser.line.end()
        self.assertEqual((self.router.route_count, self.router.open_sockets), (0, 1))

    @given(st.lists(st.binary(min_size=1, max_size=60), max_size=8))
    def test_any_bytes_on_the_line(self, chunks: list[bytes]) -> None:
        laptop, browser = self.wing(), self.browser()
        other = self.browser()
        session_id = self.terminal(other, laptop)
        for chunk in chunks:
            if browser.line.disconnecting:
                break
            browser.send_raw(chunk)
        browser.line.end()
        other.say("pty.input", session_id=session_id, data="eA==")
        self.assertEqual([m["type"] for m in laptop.messages()], ["pty.input"])
        self.assertEqual(self.flushLoggedErrors(), [])
        laptop.line.end()
        other.line.end()
        self.assertEqual(self.router.open_sockets, 0)

    @given(st.lists(st.binary(max_size=60), max_size=8), st.data())
    def test_any_text_messages_cut_anywhere(self, payloads: list[bytes], data: st.DataObject) -> None:
        browser = self.browser()
        stream = b"".join(frame(payload.decode("latin-1").encode()) for payload in payloads)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            browser.send_raw(stream[start:end])
        self.assertEqual([m["type"] for m in browser.messages()], ["error"] * len(payloads))
        browser.line.end()
