"""Terminals as browsers see them: keys, order, and a link that comes and goes."""

from __future__ import annotations

from tests.wing.browser import WING_PUBLIC, Browser
from tests.wing.sessions_case import SCREEN, SESSION, SessionsCase
from wingthing.errors import DecryptionFailed, Forbidden, NotFound
from wingthing.wire import codec
from wingthing.wire.limits import MAX_CHUNK_BYTES
from wingthing.wire.wing_limits import MAX_UNSENT_EXITS


class StartTests(SessionsCase):
    def test_a_terminal_starts_under_the_key_of_its_browser(self) -> None:
        (answer,) = self.hear(self.browser.start(SESSION, cwd="/work", user_id="u7", email="u@x"))
        self.assertEqual(answer["type"], "pty.started")
        self.assertEqual(answer["public_key"], WING_PUBLIC)
        self.assertEqual(answer["session_id"], SESSION)
        spec = self.terminals.done[0][1]
        self.assertEqual((spec.cwd, spec.user_id, spec.email), ("/work", "u7", "u@x"))
        (said,) = self.output(b"hello")
        self.assertEqual(self.browser.reads(said), b"hello")
        self.assertNotIn("viewer_id", said)

    def test_input_is_decrypted(self) -> None:
        self.started()
        self.hear(self.browser.typed(SESSION, b"ls\r"))
        self.assertEqual(self.terminals.done[-1], ("write", SESSION, b"ls\r"))

    def test_no_usable_key_is_no_session(self) -> None:
        for key in ("", "AAAA", "not base64!", "A" * 43 + "="):
            (answer,) = self.hear(self.browser.start(SESSION, public_key=key))
            self.assertEqual((answer["type"], answer["exit_code"]), ("pty.exited", -1))
            self.assertIn("public_key", answer["error"])
        self.assertEqual(self.terminals.done, [])

    def test_absurd_or_missing_fields_are_answered(self) -> None:
        for fields in ({"cols": 0}, {"rows": 100_000}, {"cols": "x"}, {"agent": 5}, {"agent": "x" * 300}):
            (answer,) = self.hear(self.browser.start(SESSION, **fields))
            self.assertEqual(answer["exit_code"], -1)
            self.assertIn("invalid message", answer["error"])
        self.assertEqual(self.terminals.done, [])

    def test_what_the_terminals_refuse_is_told(self) -> None:
        self.terminals.refusal = NotFound("the folder /nowhere does not exist")
        (answer,) = self.hear(self.browser.start(SESSION))
        self.assertEqual(answer["error"], "the folder /nowhere does not exist")
        self.terminals.refusal = None
        (answer,) = self.hear(self.browser.start(SESSION))
        self.assertEqual(answer["type"], "pty.started", "the id is free again")

    def test_a_folder_of_somebody_else_is_refused(self) -> None:
        self.rules.refusal = Forbidden("the folder is outside of what this machine offers")
        (answer,) = self.hear(self.browser.start(SESSION))
        self.assertIn("outside", answer["error"])
        self.assertEqual(self.terminals.done, [])

    def test_an_id_is_used_once(self) -> None:
        self.started()
        (answer,) = self.hear(Browser("eve").start(SESSION))
        self.assertEqual(answer["type"], "pty.exited")
        (said,) = self.output(b"x")
        self.assertEqual(self.browser.reads(said), b"x")

    def test_what_is_said_while_it_starts_is_not_lost(self) -> None:
        self.terminals.hold_start = True
        self.assertEqual(self.hear(self.browser.start(SESSION)), [])
        self.hear(codec.write({"type": "pty.resize", "session_id": SESSION, "cols": 99, "rows": 33}))
        self.hear(codec.write({"type": "pty.kill", "session_id": SESSION}))
        self.terminals.starting[0].callback(None)
        self.assertEqual(self.terminals.done[1:], [("resize", SESSION, 99, 33), ("kill", SESSION)])

    def test_without_a_session_id_nothing_starts(self) -> None:
        self.assertEqual(self.hear(self.browser.start("")), [])
        self.assertEqual(self.terminals.done, [])


class AttachTests(SessionsCase):
    def test_started_then_the_screen_then_what_follows(self) -> None:
        self.terminals.add(SESSION)
        answers = self.hear(self.browser.attach(SESSION, cols=100, rows=30))
        self.assertEqual([answer["type"] for answer in answers], ["pty.started"])
        self.assertEqual(self.terminals.done, [("resize", SESSION, 100, 30)])
        self.assertEqual(self.output(b"in the snapshot"), [])
        self.painted()
        (screen,) = self.sender.take()
        self.assertTrue(screen["compressed"])
        self.assertEqual(self.browser.reads(screen), SCREEN)
        (live,) = self.output(b"afterwards")
        self.assertEqual(self.browser.reads(live), b"afterwards")

    def test_nothing_is_sent_under_the_old_key(self) -> None:
        self.started()
        second = Browser()
        self.hear(second.attach(SESSION))
        self.output(b"meanwhile")
        self.painted()
        said = self.sender.take() + self.output(b"live")
        self.assertEqual(b"".join(second.reads(message) for message in said), SCREEN + b"live")
        for message in said:
            self.assertRaises(DecryptionFailed, self.browser.reads, message)

    def test_keystrokes_under_the_old_key_are_ignored(self) -> None:
        self.started()
        replayed = self.browser.typed(SESSION, b"rm -rf /\r")
        second = Browser()
        self.hear(second.attach(SESSION))
        self.assertEqual(self.hear(replayed), [])
        self.assertEqual([done for done in self.terminals.done if done[0] == "write"], [])
        self.hear(second.typed(SESSION, b"ls\r"))
        self.assertEqual(self.terminals.done[-1], ("write", SESSION, b"ls\r"))

    def test_an_attach_that_was_overtaken_gets_nothing(self) -> None:
        self.terminals.add(SESSION)
        second = Browser()
        self.hear(self.browser.attach(SESSION))
        self.hear(second.attach(SESSION))
        self.painted(b"first")
        self.assertEqual(self.sender.take(), [])
        self.painted(b"second")
        (said,) = self.sender.take()
        self.assertEqual(second.reads(said), b"second")

    def test_a_flood_of_attaches_asks_for_one_snapshot_at_a_time(self) -> None:
        self.terminals.add(SESSION)
        for _ in range(50):
            self.hear(self.browser.attach(SESSION))
        self.assertEqual(len(self.terminals.snapshots), 1)
        self.painted()
        self.assertEqual(len(self.terminals.snapshots), 1)
        self.painted()
        self.assertEqual(len(self.terminals.snapshots), 0)
        self.assertEqual(len(self.sender.take()), 1)

    def test_a_long_screen_comes_in_whole_characters(self) -> None:
        self.terminals.add(SESSION)
        self.hear(self.browser.attach(SESSION))
        screen = b"x" + "é🪽".encode() * 100_000
        self.painted(screen)
        self.sessions.output(SESSION, b"live")
        while len(self.sender.sent) < 6:
            self.clock.advance(0)
        said = self.sender.take()
        parts = [self.browser.reads(message) for message in said]
        self.assertEqual(b"".join(parts), screen + b"live")
        for part in parts:
            part.decode()
            self.assertLessEqual(len(part), MAX_CHUNK_BYTES)
        self.assertTrue(all(message["compressed"] for message in said[:-1]))

    def test_terminals_wait_while_a_screen_is_sent_and_the_link_is_full(self) -> None:
        self.terminals.add(SESSION)
        self.hear(self.browser.attach(SESSION))
        self.sender.full = True
        self.painted(bytes(3 * MAX_CHUNK_BYTES))
        self.clock.advance(0)
        self.assertEqual(len(self.sender.take()), 1)
        self.assertTrue(self.terminals.paused)
        self.sessions.output(SESSION, b"held")
        self.sender.drain()
        self.clock.advance(0)
        self.assertEqual(len(self.sender.take()), 3)
        self.assertFalse(self.terminals.paused)

    def test_an_unknown_session_is_answered(self) -> None:
        (answer,) = self.hear(self.browser.attach("ffffffff", viewer_id="v1", spectate=True))
        self.assertEqual(
            answer,
            {
                "type": "pty.exited",
                "session_id": "ffffffff",
                "exit_code": -1,
                "error": "session not found",
                "viewer_id": "v1",
            },
        )

    def test_a_terminal_that_ends_before_its_snapshot(self) -> None:
        self.terminals.add(SESSION)
        self.hear(self.browser.attach(SESSION))
        self.sessions.exited(SESSION, 3, None)
        self.terminals.snapshots.pop().errback(NotFound("session not found"))
        (said,) = self.sender.take()
        self.assertEqual((said["type"], said["exit_code"]), ("pty.exited", 3))


class LinkTests(SessionsCase):
    def test_output_without_a_link_is_dropped_and_the_screen_painted_anew(self) -> None:
        self.started()
        self.sender.online = False
        self.sessions.disconnected()
        for _ in range(1000):
            self.sessions.output(SESSION, b"x" * 60_000)
        self.sender.online = True
        self.sessions.registered()
        self.assertEqual(self.sender.take(), [])
        self.painted()
        (screen,) = self.sender.take()
        self.assertEqual(self.browser.reads(screen), SCREEN)
        self.hear(self.browser.typed(SESSION, b"on"))
        self.assertEqual(self.terminals.done[-1], ("write", SESSION, b"on"))

    def test_a_link_lost_in_the_middle_of_a_screen(self) -> None:
        self.terminals.add(SESSION)
        self.hear(self.browser.attach(SESSION))
        self.painted(bytes(3 * MAX_CHUNK_BYTES))
        self.sender.take()
        self.sender.epoch = 2
        self.sessions.disconnected()
        self.clock.advance(0)
        self.assertEqual(self.sender.take(), [])
        self.painted(b"anew")
        (screen,) = self.sender.take()
        self.assertEqual(self.browser.reads(screen), b"anew")
        self.assertFalse(self.terminals.paused)

    def test_the_end_of_a_terminal_is_told_later(self) -> None:
        self.started()
        self.sender.online = False
        self.sessions.disconnected()
        self.sessions.exited(SESSION, 7, None)
        for number in range(2 * MAX_UNSENT_EXITS):
            self.sessions.exited(f"{number:08x}", 0, None)
        self.sender.online = True
        self.sessions.registered()
        self.assertEqual(len(self.sender.take()), MAX_UNSENT_EXITS)
        self.sessions.registered()
        self.assertEqual(self.sender.take(), [])

    def test_exit_and_attention(self) -> None:
        self.started()
        self.sessions.attention(SESSION, "n1")
        self.sessions.exited(SESSION, 3, None)
        self.assertEqual(
            self.sender.take(),
            [
                {"type": "session.attention", "session_id": SESSION, "nonce": "n1"},
                {"type": "pty.exited", "session_id": SESSION, "exit_code": 3},
            ],
        )
        self.assertEqual(self.output(b"late"), [])

    def test_attention_without_a_link_is_told_later_unless_the_terminal_has_ended(self) -> None:
        self.terminals.add(SESSION)
        self.sender.online = False
        self.sessions.attention(SESSION, "n1")
        self.sessions.attention("ffffffff", "n2")
        self.sessions.exited("ffffffff", 0, None)
        self.sender.online = True
        self.sessions.registered()
        self.assertEqual([said["type"] for said in self.sender.take()], ["pty.exited", "session.attention"])

    def test_a_congested_link_pauses_the_terminals(self) -> None:
        self.sessions.set_congested(True)
        self.assertTrue(self.terminals.paused and self.sessions.paused())
        self.sessions.disconnected()
        self.assertFalse(self.terminals.paused or self.sessions.paused())

    def test_long_output_is_compressed_where_that_helps(self) -> None:
        self.started()
        (said,) = self.output(b"y\n" * 30_000)
        self.assertTrue(said["compressed"])
        self.assertLess(len(said["data"]), 1000)
        self.assertEqual(self.browser.reads(said), b"y\n" * 30_000)
        (short,) = self.output(b"$ ")
        self.assertNotIn("compressed", short)
