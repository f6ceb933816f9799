"""`/ws/wing` over a line: the registration and its deadline, the close codes."""

from __future__ import annotations

from tests.sockets.case import SocketTestCase
from wingthing.testing import OP_CLOSE, OTHER_WING_ID, WING_ID, FrameClient, frame, registration
from wingthing.wire.closing import CloseCode
from wingthing.wire.limits import REGISTER_TIMEOUT_SECONDS


class RegistrationTests(SocketTestCase):
    def refused(self, wing: FrameClient, code: int = CloseCode.NOT_REGISTERED) -> None:
        """One `error` message, then the close frame."""
        found = wing.frames()
        self.assertEqual([opcode for opcode, _ in found], [1, 8])
        self.assertIn(b'"type":"error"', found[0][1])
        self.assertEqual(int.from_bytes(found[1][1][:2], "big"), code)
        self.assertEqual(len(self.router.wings), 0)

    def test_the_ack(self) -> None:
        wing = self.wing(register=False)
        wing.send_raw(frame(registration()))
        self.assertEqual(
            wing.messages(),
            [
                {
                    "type": "registered",
                    "wing_id": "connection-1",
                    "relay_pub_key": "c3BraQ==",
                    "features": ["error"],
                }
            ],
        )

    def test_no_registration_in_time(self) -> None:
        wing = self.wing(register=False)
        self.clock.advance(REGISTER_TIMEOUT_SECONDS - 0.01)
        self.assertEqual(wing.frames(), [])
        self.clock.advance(0.02)
        self.refused(wing)

    def test_half_a_registration_in_time(self) -> None:
        wing = self.wing(register=False)
        wing.send_raw(frame(registration())[:-1])
        self.clock.advance(REGISTER_TIMEOUT_SECONDS + 1)
        self.refused(wing)

    def test_a_registration_in_time_ends_the_deadline(self) -> None:
        wing = self.wing()
        self.clock.advance(REGISTER_TIMEOUT_SECONDS * 2)
        self.assertEqual(wing.messages(), [])
        self.assertEqual(len(self.router.wings), 1)

    def test_another_first_message(self) -> None:
        for message in (
            b'{"type":"wing.heartbeat","wing_id":"%s"}' % WING_ID.encode(),
            b'{"type":"pty.output","session_id":"00000001","data":""}',
            b'{"type":"no.such.type"}',
            b"not json",
            b"",
            registration("short"),
        ):
            wing = self.wing(register=False)
            wing.send_raw(frame(message))
            self.refused(wing)
            wing.line.end()
        self.assertEqual(self.router.open_sockets, 0)

    def test_an_organisation_that_the_user_is_not_in(self) -> None:
        wing = self.wing(register=False)
        wing.send_raw(frame(registration(org_slug="acme")))
        self.assertEqual(wing.close_code(), CloseCode.POLICY)

    def test_a_node_that_does_not_know_the_organisations_yet_has_it_come_again(self) -> None:
        """Without an `error`: after one, wings give up."""
        self.router.roster.complete = False
        wing = self.wing(register=False)
        wing.send_raw(frame(registration(org_slug="acme")))
        ((opcode, payload),) = wing.frames()
        self.assertEqual((opcode, payload[:2]), (OP_CLOSE, CloseCode.GOING_AWAY.to_bytes(2, "big")))
        wing.line.end()
        self.assertEqual((self.router.open_sockets, len(self.router.wings)), (0, 0))

    def test_after_a_refusal_nothing_more_is_taken(self) -> None:
        wing = self.wing(register=False)
        wing.send_raw(frame(b"{}") + frame(registration()))
        self.refused(wing)

    def test_a_line_that_ends_before_the_registration(self) -> None:
        self.wing(register=False).line.end()
        self.assertEqual(self.router.open_sockets, 0)
        self.clock.advance(REGISTER_TIMEOUT_SECONDS * 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_token_decides_the_key_and_the_wing_id(self) -> None:
        token = self.authenticator.token(pub="ZnJvbSB0b2tlbg==", wing=WING_ID)
        wing = self.open("/ws/wing", {"Authorization": f"Bearer {token}"})
        wing.send_raw(frame(registration(OTHER_WING_ID)))
        self.assertEqual(wing.close_code(), CloseCode.POLICY)
        wing = self.open("/ws/wing", {"Authorization": f"Bearer {token}"})
        wing.send_raw(frame(registration(WING_ID, public_key="b3RoZXI=")))
        self.assertEqual(wing.messages()[0]["type"], "registered")
        self.assertEqual(self.router.wings.reachable("ann")[0].public_key, "ZnJvbSB0b2tlbg==")

    def test_an_id_that_another_account_has_connected(self) -> None:
        self.wing(user_id="eve")
        wing = self.wing(register=False)
        wing.send_raw(frame(registration()))
        self.assertEqual(wing.close_code(), CloseCode.POLICY)
        self.assertEqual([record.user_id for record in self.router.wings.reachable("eve")], ["eve"])

    def test_two_lines_of_one_wing(self) -> None:
        old, browser = self.wing(), self.browser()
        session_id = self.terminal(browser, old)
        new = self.wing()
        old.line.end()
        self.assertEqual(browser.messages(), [])
        browser.say("pty.input", session_id=session_id, data="eA==")
        self.assertEqual([m["type"] for m in new.messages()], ["pty.input"])

    def test_an_unknown_message_later_is_answered_and_the_line_stays(self) -> None:
        wing = self.wing()
        wing.say("no.such.type", session_id="s")
        self.assertEqual([m["type"] for m in wing.messages()], ["error"])
        wing.say("wing.heartbeat", wing_id=WING_ID)
        self.assertEqual(wing.messages(), [])
