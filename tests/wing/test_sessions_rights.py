"""Terminals as browsers see them: who may do what, and what nobody may."""

from __future__ import annotations

from typing import Any

from tests.wing.browser import Browser, FakeRules
from tests.wing.sessions_case import SCREEN, SESSION, SessionsCase
from wingthing.errors import DecryptionFailed
from wingthing.wire import codec
from wingthing.wire.limits import MAX_SPECTATORS_PER_SESSION


class RightsTests(SessionsCase):
    def test_another_user_cannot_attach(self) -> None:
        self.terminals.add(SESSION, user_id="alice")
        (answer,) = self.hear(Browser("eve").attach(SESSION))
        self.assertIn("somebody else", answer["error"])
        self.assertEqual(self.terminals.snapshots, [])
        self.hear(codec.write({"type": "pty.kill", "session_id": SESSION}))
        self.hear(Browser("eve").typed(SESSION, b"x"))
        self.assertEqual(self.terminals.done, [])

    def test_a_refused_attach_leaves_the_controller_alone(self) -> None:
        self.started()
        self.hear(Browser("eve").attach(SESSION))
        (said,) = self.output(b"on")
        self.assertEqual(self.browser.reads(said), b"on")

    def test_its_user_and_the_owner_of_the_wing_can(self) -> None:
        self.terminals.add(SESSION, user_id="alice")
        for user in ("alice", "owner"):
            (answer,) = self.hear(Browser(user).attach(SESSION))
            self.assertEqual(answer["type"], "pty.started")

    def test_a_session_without_a_user_is_the_owners(self) -> None:
        self.terminals.add(SESSION, user_id="")
        for user in ("", "alice"):
            (answer,) = self.hear(Browser(user).attach(SESSION))
            self.assertEqual(answer["type"], "pty.exited")
        (answer,) = self.hear(Browser("owner").attach(SESSION))
        self.assertEqual(answer["type"], "pty.started")


class SpectatorTests(SessionsCase):
    def setUp(self) -> None:
        super().setUp()
        self.use(FakeRules(spectate=True))
        self.watcher = Browser("eve")

    def watch(self, viewer_id: str = "v1", watcher: Browser | None = None) -> list[dict[str, Any]]:
        return self.hear((watcher or self.watcher).attach(SESSION, spectate=True, viewer_id=viewer_id))

    def test_a_spectator_sees_under_a_key_of_its_own(self) -> None:
        self.started()
        (answer,) = self.watch()
        self.assertEqual((answer["type"], answer["viewer_id"]), ("pty.started", "v1"))
        (live,) = self.output(b"x")
        self.assertNotIn("viewer_id", live)
        self.painted()
        (screen,) = self.sender.take()
        self.assertEqual((screen["viewer_id"], self.watcher.reads(screen)), ("v1", SCREEN))
        first, second = self.output(b"both")
        self.assertEqual(self.browser.reads(first), b"both")
        self.assertEqual(self.watcher.reads(second), b"both")
        self.assertRaises(DecryptionFailed, self.watcher.reads, first)

    def test_it_neither_types_nor_resizes(self) -> None:
        self.terminals.add(SESSION)
        self.watch()
        self.hear(self.watcher.attach(SESSION, spectate=True, viewer_id="v2", cols=10, rows=5))
        self.hear(self.watcher.typed(SESSION, b"x"))
        for kind in ("pty.kill", "pty.attention_ack"):
            self.hear(codec.write({"type": kind, "session_id": SESSION}))
        self.hear(codec.write({"type": "pty.resize", "session_id": SESSION, "cols": 9, "rows": 9}))
        self.assertEqual(self.terminals.done, [])

    def test_its_keystrokes_do_not_open_under_the_controllers_key(self) -> None:
        self.started()
        self.watch()
        self.hear(self.watcher.typed(SESSION, b"x"))
        self.assertEqual([done for done in self.terminals.done if done[0] == "write"], [])

    def test_it_leaves(self) -> None:
        self.started()
        self.watch()
        self.painted()
        self.sender.take()
        self.hear(
            codec.write({"type": "pty.detached", "session_id": SESSION, "viewer_id": "v1", "reason": "left"})
        )
        self.assertEqual(len(self.output(b"x")), 1)

    def test_the_oldest_of_too_many_is_let_go(self) -> None:
        self.started()
        for number in range(MAX_SPECTATORS_PER_SESSION + 5):
            self.watch(f"v{number}")
        self.painted()
        self.painted()
        self.sender.take()
        self.assertEqual(len(self.output(b"x")), 1 + MAX_SPECTATORS_PER_SESSION)

    def test_switched_off(self) -> None:
        self.use(FakeRules(spectate=False))
        self.terminals.add(SESSION)
        (answer,) = self.watch()
        self.assertEqual((answer["type"], answer["viewer_id"]), ("pty.exited", "v1"))
        self.assertIn("spectate", answer["error"])

    def test_without_a_viewer_id_it_does_not_become_the_controller(self) -> None:
        self.terminals.add(SESSION)
        (answer,) = self.hear(self.watcher.attach(SESSION, spectate=True))
        self.assertEqual(answer["type"], "pty.exited")
        self.hear(self.watcher.typed(SESSION, b"x"))
        self.assertEqual(self.terminals.done, [])


class BadInputTests(SessionsCase):
    def test_what_does_not_decrypt_is_ignored(self) -> None:
        self.started()
        for data in ("", "AAAA", "not base64!", "A" * 400, self.browser.box().seal(b"x")[:-4] + "AAAA"):
            message = codec.write({"type": "pty.input", "session_id": SESSION, "data": data})
            self.assertEqual(self.hear(message), [])
        ((session, why),) = self.sender.complaints
        self.assertEqual(session, SESSION)
        self.assertIn("what you type is ignored", why)
        self.hear(self.browser.typed(SESSION, b"on"))
        self.assertEqual(self.terminals.done[1:], [("write", SESSION, b"on")])

    def test_ten_thousand_unknown_sessions_leave_nothing_behind(self) -> None:
        for number in range(10_000):
            session = f"{number:08x}"
            self.hear(self.browser.typed(session, b"x"))
            self.hear(codec.write({"type": "pty.resize", "session_id": session, "cols": 9, "rows": 9}))
        self.assertEqual(self.terminals.done, [])
        self.assertEqual(self.sessions._audiences, {})

    def test_absurd_sizes_and_missing_fields(self) -> None:
        self.started()
        for message in (
            {"type": "pty.resize", "session_id": SESSION, "cols": 0, "rows": 5},
            {"type": "pty.resize", "session_id": SESSION, "cols": 10**9, "rows": 5},
            {"type": "pty.resize", "session_id": SESSION},
            {"type": "pty.input", "session_id": SESSION},
            {"type": "pty.input", "session_id": SESSION, "data": 5},
            {"type": "pty.kill"},
            {"type": "pty.detached", "session_id": SESSION},
        ):
            self.assertEqual(self.hear(codec.write(message)), [])
        self.assertEqual(len(self.terminals.done), 1)
        self.assertEqual([session for session, _why in self.sender.complaints], [SESSION] * 6)

    def test_types_that_are_not_for_it(self) -> None:
        self.assertFalse(self.sessions.received("pty.migrate", b'{"type": "pty.migrate"}'))

    def test_a_fault_of_ours_is_logged_and_ends_nothing(self) -> None:
        self.started()

        def break_down(session_id: str, data: bytes) -> None:
            raise RuntimeError("broken")

        self.terminals.write = break_down  # type: ignore[method-assign]
        self.hear(self.browser.typed(SESSION, b"x"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(len(self.output(b"still")), 1)
