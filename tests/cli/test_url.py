"""`wt url`."""

from __future__ import annotations

import json
import stat

from tests.cli.operator import OperatorCase
from wingthing.assembly.listener import Presence
from wingthing.store.local_key import LocalKey


class UrlTests(OperatorCase):
    def serve(self, url: str = "http://127.0.0.1:8080", *, sign_in: bool = False) -> Presence:
        presence = Presence(self.data_dir)
        presence.take()
        self.addCleanup(presence.leave)
        presence.announce(url, sign_in=sign_in)
        return presence

    def test_the_link_and_nothing_else(self) -> None:
        self.serve()
        outcome = self.wt("url")
        key = (self.data_dir / "local_key").read_text().strip()
        self.assertEqual((outcome.code, outcome.err), (0, ""), outcome)
        self.assertEqual(outcome.out, f"http://127.0.0.1:8080/auth/local?key={key}\n")
        self.assertEqual(stat.S_IMODE((self.data_dir / "local_key").stat().st_mode), 0o600)
        self.assertEqual(self.wt("url").out, outcome.out, "asking spends nothing")

    def test_a_spent_link_is_followed_by_the_next(self) -> None:
        self.serve("https://wt.example.com")
        first = self.wt("url").out
        self.assertTrue(LocalKey(self.data_dir, bytes).spend(first.strip().partition("key=")[2]))
        second = self.wt("url").out
        self.assertNotEqual(first, second)
        self.assertTrue(second.startswith("https://wt.example.com/auth/local?key="))

    def test_a_server_with_sign_in_has_none(self) -> None:
        self.serve("https://wt.example.com", sign_in=True)
        said = self.refused("url")
        self.assertIn("https://wt.example.com", said)
        self.assertIn("sign in", said)
        self.assertFalse((self.data_dir / "local_key").exists())

    def test_a_note_of_a_release_before_sign_in(self) -> None:
        self.serve()
        (self.data_dir / "server.json").write_text('{"url": "http://127.0.0.1:9", "pid": 1}')
        self.assertTrue(self.wt("url").out.startswith("http://127.0.0.1:9/auth/local?key="))

    def test_no_server(self) -> None:
        self.assertIn("wt roost", self.refused("url"))
        self.serve().leave()
        self.assertIn("wt roost", self.refused("url"))
        self.assertFalse((self.data_dir / "local_key").exists())

    def test_a_server_that_was_killed(self) -> None:
        # Its note is still there; its lock went with it.
        (self.data_dir / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": 1}))
        (self.data_dir / "server.lock").touch()
        self.assertIn("No server runs", self.refused("url"))

    def test_a_server_that_is_about_to_listen(self) -> None:
        presence = Presence(self.data_dir)
        presence.take()
        self.addCleanup(presence.leave)
        self.assertIn("No server runs", self.refused("url"))

    def test_notes_that_make_no_sense(self) -> None:
        self.serve()
        for content in ("", "{", "[]", "{}", '"x"', "5", '{"url": 5}'):
            (self.data_dir / "server.json").write_text(content)
            self.assertIn("No server runs", self.refused("url"))
