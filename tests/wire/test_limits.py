"""The limits that the protocol fixes, and how the others relate."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.wire import limits, wing_limits


class LimitTests(TestCase):
    def test_what_the_protocol_fixes(self) -> None:
        self.assertEqual(limits.MAX_MESSAGE_BYTES, 524288)
        self.assertEqual(limits.REGISTER_TIMEOUT_SECONDS, 10)
        self.assertEqual(limits.DEVICE_CODE_SECONDS, 900)
        self.assertEqual((limits.DEVICE_POLL_SECONDS, limits.DEVICE_POLL_LOCAL_SECONDS), (5, 1))
        self.assertEqual(limits.USER_CODE_ALPHABET, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789")
        self.assertEqual(limits.USER_CODE_LENGTH, 6)
        self.assertEqual(limits.TOKEN_LIFETIME_SECONDS, 31536000)
        self.assertEqual(limits.HEARTBEAT_SECONDS, 30)
        self.assertEqual((limits.RECONNECT_FIRST_SECONDS, limits.RECONNECT_MOST_SECONDS), (1, 10))
        self.assertEqual(limits.MAX_CHUNK_BYTES, 131072)

    def test_a_full_chunk_fits_into_a_message(self) -> None:
        in_base64 = (limits.MAX_CHUNK_BYTES + 28) * 4 // 3 + 4
        self.assertLess(in_base64 + 200, limits.MAX_MESSAGE_BYTES)

    def test_a_tunnel_answer_fits_into_a_message(self) -> None:
        in_base64 = (wing_limits.MAX_TUNNEL_ANSWER_BYTES + 28) * 4 // 3 + 4
        self.assertLess(in_base64 + 200, limits.MAX_MESSAGE_BYTES)

    def test_an_outbox_holds_several_messages_and_resumes_below_its_limit(self) -> None:
        self.assertGreaterEqual(limits.OUTBOX_BYTES, 4 * limits.MAX_MESSAGE_BYTES)
        self.assertLess(limits.OUTBOX_RESUME_BYTES, limits.OUTBOX_BYTES)
