"""Terminals of a locked wing: who is asked for a passkey, and what comes of each answer."""

from __future__ import annotations

import base64
from typing import Any

from tests.authenticator import Authenticator, from_base64url
from tests.wing.browser import OWNER, WING_KEY, Browser, FakeRules
from tests.wing.sessions_case import SESSION, SessionsCase
from wingthing.crypto.box import PASSKEY
from wingthing.crypto.keys import public_bytes
from wingthing.crypto.passkeys import bound_challenge
from wingthing.wing.config import AllowKey
from wingthing.wire import codec
from wingthing.wire.wing_limits import MAX_PASSKEY_WAITS, PASSKEY_ANSWER_SECONDS

OTHER = "89abcdef"


class LockedCase(SessionsCase):
    def setUp(self) -> None:
        super().setUp()
        self.passkey = Authenticator()
        self.use(
            FakeRules(
                locked=True,
                spectate=True,
                allow_keys=(AllowKey(self.passkey.key, "bob"), AllowKey(email="ann@x")),
            )
        )
        self.bob = Browser("bob", "bob@x")

    def challenged(self, message: bytes) -> dict[str, Any]:
        (challenge,) = self.hear(message)
        self.assertEqual(challenge["type"], "passkey.challenge")
        return challenge

    def shows(
        self, challenge: dict[str, Any], passkey: Authenticator | None = None, **fields: Any
    ) -> list[dict[str, Any]]:
        shown = (passkey or self.passkey).shows(challenge["challenge"])
        said = {"type": "passkey.response", "session_id": challenge["session_id"], **shown, **fields}
        return self.hear(codec.write(said))

    def token(self, browser: Browser | None = None, session_id: str = OTHER) -> str:
        """A token that was given with another terminal."""
        (started,) = self.shows(self.challenged((browser or self.bob).start(session_id)))
        token: str = started["auth_token"]
        return token

    def errors(self, sent: list[dict[str, Any]]) -> list[str]:
        return [message["error"] for message in sent if message["type"] == "pty.exited"]


class StartTests(LockedCase):
    def test_who_is_asked(self) -> None:
        for user, email, expected in (
            ("eve", "e@x", ("pty.exited", "not_allowed")),
            ("bob", "", ("passkey.challenge", None)),
            ("x", "Ann@x", ("passkey.challenge", None)),
            (OWNER, "", ("pty.started", None)),
        ):
            (answer,) = self.hear(Browser(user, email).start(user + "00000"))
            self.assertEqual((answer["type"], answer.get("error")), expected, user)

    def test_the_challenge_and_the_token(self) -> None:
        challenge = self.challenged(self.bob.start(SESSION))
        self.assertEqual(set(challenge), {"type", "session_id", "challenge", "keys"})
        self.assertEqual((challenge["session_id"], challenge["keys"]), (SESSION, [self.passkey.key]))
        self.assertEqual(len(from_base64url(challenge["challenge"])), 32)
        self.assertEqual(self.terminals.done, [], "nothing is started before")
        (started,) = self.shows(challenge)
        self.assertEqual((started["type"], len(bytes.fromhex(started["auth_token"]))), ("pty.started", 32))
        self.assertNotIn("sealed_token", started)
        (again,) = self.hear(self.bob.start(OTHER, auth_token=started["auth_token"]))
        self.assertEqual(again["type"], "pty.started")
        self.assertNotIn("auth_token", again)

    def test_the_passkey_that_the_node_tells_of_is_written_down(self) -> None:
        ann = Browser("ann", "ann@x", (self.passkey.key,))
        self.shows(self.challenged(ann.start(SESSION)))
        self.assertEqual(self.rules.config.allow_keys[1], AllowKey(self.passkey.key, "ann", "ann@x"))

    def test_tokens_that_do_not_count(self) -> None:
        token = self.token()
        self.rules.change(allow_keys=(AllowKey(self.passkey.key, "bob"), AllowKey(self.passkey.key, "ann")))
        for browser, tried in ((Browser("ann"), token), (self.bob, "0" * 64), (self.bob, "")):
            self.challenged(browser.start(SESSION, auth_token=tried))
            self.hear(codec.write({"type": "pty.kill", "session_id": SESSION}))

    def test_wrong_answers(self) -> None:
        replayed = None
        for attack in ("another passkey", "another challenge", "damaged", "replayed"):
            challenge = self.challenged(self.bob.start(SESSION))
            if attack == "another passkey":
                sent = self.shows(challenge, Authenticator())
            elif attack == "another challenge":
                sent = self.shows(challenge, **self.passkey.shows("AAAA"))
            elif attack == "damaged":
                sent = self.shows(challenge, authenticator_data="AAAA")
            else:
                assert replayed is not None
                sent = self.shows(challenge, **replayed)
            replayed = self.passkey.shows(challenge["challenge"])
            (error,) = self.errors(sent)
            self.assertTrue(error.startswith("the passkey was not accepted: "), (attack, error))
            self.assertEqual(
                self.hear(codec.write({"type": "passkey.response", "session_id": SESSION, **replayed})),
                [],
                "one answer is all",
            )
        self.assertEqual(self.terminals.done, [])

    def test_an_answer_that_cannot_be_read_is_no_answer(self) -> None:
        challenge = self.challenged(self.bob.start(SESSION))
        self.assertEqual(self.hear(codec.write({"type": "passkey.response", "session_id": SESSION})), [])
        self.assertEqual(self.shows(challenge)[0]["type"], "pty.started")

    def test_nobody_answers(self) -> None:
        self.challenged(self.bob.start(SESSION))
        self.clock.advance(PASSKEY_ANSWER_SECONDS - 1)
        self.assertEqual(self.sender.take(), [])
        self.clock.advance(1)
        self.assertEqual(self.errors(self.sender.take()), ["passkey_required"])

    def test_giving_up(self) -> None:
        challenge = self.challenged(self.bob.start(SESSION))
        self.assertEqual(self.errors(self.shows(challenge, signature="")), ["passkey_required"])
        self.challenged(self.bob.start(SESSION))
        killed = self.hear(codec.write({"type": "pty.kill", "session_id": SESSION}))
        self.assertEqual(self.errors(killed), ["passkey_required"])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.terminals.done, [])

    def test_the_link_is_lost_meanwhile(self) -> None:
        challenge = self.challenged(self.bob.start(SESSION))
        self.sessions.disconnected()
        self.sender.take()
        self.assertEqual(self.shows(challenge), [])
        self.assertEqual(self.terminals.done, [])

    def test_the_lock_is_opened_meanwhile(self) -> None:
        challenge = self.challenged(self.bob.start(SESSION))
        self.rules.change(locked=False)
        (started,) = self.shows(challenge, Authenticator())
        self.assertEqual(started["type"], "pty.started")
        self.assertNotIn("auth_token", started)

    def test_a_window_that_is_made_smaller_meanwhile(self) -> None:
        challenge = self.challenged(self.bob.start(SESSION))
        self.hear(codec.write({"type": "pty.resize", "session_id": SESSION, "cols": 90, "rows": 20}))
        self.shows(challenge)
        self.assertEqual(self.terminals.done[-1], ("resize", SESSION, 90, 20))

    def test_only_so_many_are_waited_for(self) -> None:
        for number in range(MAX_PASSKEY_WAITS):
            self.challenged(self.bob.start(f"{number:08x}"))
        (error,) = self.errors(self.hear(self.bob.start(SESSION)))
        self.assertIn("too many", error)


class SealedTests(LockedCase):
    """A browser of ours: no node sees its tokens, or can have its question answered by somebody else."""

    def seal(self, browser: Browser, token: str) -> str:
        return browser.box(PASSKEY).seal(token.encode())

    def test_the_token_is_for_this_browser_alone(self) -> None:
        challenge = self.challenged(self.bob.start(SESSION, sealed_token=""))
        (started,) = self.shows(challenge)
        self.assertNotIn("auth_token", started)
        token = self.bob.box(PASSKEY).open(started["sealed_token"]).decode()
        (again,) = self.hear(self.bob.start(OTHER, sealed_token=self.seal(self.bob, token)))
        self.assertEqual(again["type"], "pty.started")
        self.assertNotIn(token, str(again))

    def test_the_question_names_whom_it_is_for(self) -> None:
        challenge = self.challenged(self.bob.start(SESSION, sealed_token=""))
        nonce = from_base64url(challenge["nonce"])
        expected = bound_challenge(nonce, public_bytes(self.bob.key), public_bytes(WING_KEY), SESSION)
        self.assertEqual(from_base64url(challenge["challenge"]), expected)

    def test_a_node_that_plays_it_back_with_a_key_of_its_own(self) -> None:
        token = self.token()
        sealed = self.seal(self.bob, token)
        node = Browser("bob", "bob@x")
        for tried in (sealed, base64.b64encode(token.encode()).decode(), token, "AAAA", "!"):
            self.challenged(node.start(SESSION, sealed_token=tried))
            self.hear(codec.write({"type": "pty.kill", "session_id": SESSION}))

    def test_a_token_in_the_clear_beside_it_does_not_count(self) -> None:
        self.challenged(self.bob.start(SESSION, sealed_token="", auth_token=self.token()))

    def test_nor_can_it_be_played_back_as_input(self) -> None:
        self.hear(self.bob.start(SESSION, auth_token=self.token()))
        sealed = self.seal(self.bob, "f" * 64)
        self.hear(codec.write({"type": "pty.input", "session_id": SESSION, "data": sealed}))
        self.assertNotIn("write", [done[0] for done in self.terminals.done])


class AttachTests(LockedCase):
    def setUp(self) -> None:
        super().setUp()
        self.terminals.add(SESSION, user_id="bob")

    def test_with_a_passkey_and_with_a_token(self) -> None:
        challenge = self.challenged(self.bob.attach(SESSION))
        self.assertEqual(self.terminals.snapshots, [])
        started, *_ = self.shows(challenge)
        self.assertEqual(started["type"], "pty.started")
        (again, *_) = self.hear(Browser("bob").attach(SESSION, auth_token=started["auth_token"]))
        self.assertEqual(again["type"], "pty.started")

    def test_who_may_not_control_it_is_not_asked(self) -> None:
        self.rules.change(allow_keys=(*self.rules.config.allow_keys, AllowKey(self.passkey.key, "carol")))
        (answer,) = self.hear(Browser("carol").attach(SESSION))
        self.assertIn("somebody else", answer["error"])

    def test_the_controller_goes_on_until_the_passkey_is_shown(self) -> None:
        self.hear(self.bob.attach(SESSION, auth_token=self.token()))
        self.painted()
        self.sender.take()
        challenge = self.challenged(Browser("bob").attach(SESSION))
        (said,) = self.output(b"on")
        self.assertEqual(self.bob.reads(said), b"on")
        self.hear(self.bob.typed(SESSION, b"typed"))
        self.assertIn(("write", SESSION, b"typed"), self.terminals.done)
        self.shows(challenge)
        self.hear(self.bob.typed(SESSION, b"no more"))
        self.assertNotIn(("write", SESSION, b"no more"), self.terminals.done)

    def test_answers_come_in_the_order_of_the_questions(self) -> None:
        """A node tells by nothing else whose they are."""
        first = self.challenged(self.bob.attach(SESSION))
        self.assertEqual(self.hear(Browser("eve").attach(SESSION)), [])
        self.assertEqual(self.hear(self.bob.attach(SESSION, public_key="AAAA")), [])
        started, *rest = self.shows(first)
        self.assertEqual(started["type"], "pty.started")
        self.assertEqual(len(self.errors(rest)), 2)
        self.assertEqual(self.errors(rest)[0], "not_allowed")

    def test_another_window_of_theirs_takes_over(self) -> None:
        token = self.token()
        self.challenged(self.bob.attach(SESSION))
        refused, challenge = self.hear(Browser("bob").attach(SESSION))
        self.assertEqual((refused["error"], challenge["type"]), ("passkey_required", "passkey.challenge"))
        refused, started, *_ = self.hear(Browser("bob").attach(SESSION, auth_token=token))
        self.assertEqual((refused["error"], started["type"]), ("passkey_required", "pty.started"))

    def test_the_terminal_ends_meanwhile(self) -> None:
        challenge = self.challenged(self.bob.attach(SESSION))
        del self.terminals.infos[SESSION]
        self.sessions.exited(SESSION, 0, None)
        self.assertEqual([m["type"] for m in self.sender.take()], ["pty.exited", "pty.exited"])
        self.assertEqual(self.shows(challenge), [])

    def test_a_spectator_needs_a_token(self) -> None:
        token = self.token()
        (refused,) = self.hear(self.bob.attach(SESSION, spectate=True, viewer_id="v1"))
        self.assertEqual((refused["error"], refused["viewer_id"]), ("passkey_required", "v1"))
        (refused,) = self.hear(Browser("eve").attach(SESSION, spectate=True, viewer_id="v1"))
        self.assertEqual(refused["error"], "not_allowed")
        (started,) = self.hear(self.bob.attach(SESSION, spectate=True, viewer_id="v1", auth_token=token))
        self.assertEqual((started["type"], started["viewer_id"]), ("pty.started", "v1"))


class LockTests(LockedCase):
    """The lock, or the list, changes while terminals are open."""

    def setUp(self) -> None:
        super().setUp()
        self.rules.change(locked=False)
        self.watcher = Browser("eve")
        self.hear(self.bob.start(SESSION))
        self.hear(self.watcher.attach(SESSION, spectate=True, viewer_id="v1"))
        self.painted()
        self.sender.take()

    def enforced(self) -> list[dict[str, Any]]:
        self.sessions.enforce_lock()
        return self.sender.take()

    def test_nothing_changes_for_who_may_stay(self) -> None:
        self.assertEqual(self.enforced(), [])
        self.assertEqual(len(self.output(b"x")), 2)

    def test_who_came_without_a_passkey_is_sent_away(self) -> None:
        self.rules.change(locked=True)
        (sent,) = self.enforced()
        self.assertEqual((sent["error"], sent.get("viewer_id")), ("passkey_required", None))
        self.assertEqual(self.output(b"secret"), [], "nor does anybody watch: the node has ended that")
        done = list(self.terminals.done)
        for message in (
            self.bob.typed(SESSION, b"rm -rf ~\r"),
            codec.write({"type": "pty.kill", "session_id": SESSION}),
            codec.write({"type": "pty.resize", "session_id": SESSION, "cols": 9, "rows": 9}),
        ):
            self.hear(message)
        self.assertEqual(self.terminals.done, done, "the terminal is theirs no longer, and goes on")
        started, *_ = self.shows(self.challenged(self.bob.attach(SESSION)))
        self.assertEqual(started["type"], "pty.started")
        self.assertEqual(self.enforced(), [])

    def test_a_spectator_alone(self) -> None:
        self.rules.change(locked=True)
        self.shows(self.challenged(self.bob.attach(SESSION)))
        self.painted()
        self.sender.take()
        (sent,) = self.enforced()
        self.assertEqual((sent["error"], sent["viewer_id"]), ("not_allowed", "v1"))
        (live,) = self.output(b"x")
        self.assertEqual(self.bob.reads(live), b"x")

    def test_who_was_taken_off_the_list(self) -> None:
        self.rules.change(locked=True)
        self.enforced()
        self.shows(self.challenged(self.bob.attach(SESSION)))
        self.rules.change(allow_keys=())
        self.assertEqual(self.errors(self.enforced()), ["not_allowed"])

    def test_who_waits_is_answered_before(self) -> None:
        """A node would take the one's dismissal for the answer to the other."""
        self.rules.change(locked=True)
        self.challenged(self.bob.attach(SESSION))
        self.assertEqual(self.errors(self.enforced()), ["passkey_required", "passkey_required"])

    def test_while_a_terminal_is_being_started(self) -> None:
        self.terminals.hold_start = True
        self.hear(self.bob.start(OTHER))
        self.rules.change(locked=True)
        self.enforced()
        self.terminals.starting.pop().callback(None)
        self.assertEqual(self.errors(self.sender.take()), ["passkey_required"])
