"""The wing's directory: files that others could have written, made once, never replaced when damaged."""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.crypto.keys import dump_wing_key, new_wing_key, public_text
from wingthing.errors import OperatorError
from wingthing.wing.home import DeviceToken, Home, unix_seconds
from wingthing.wing.roost import Roost


class HomeTests(TestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.home = Home.find({"WINGTHING_DIR": str(self.directory)})

    def mode(self, name: str) -> int:
        return stat.S_IMODE((self.directory / name).stat().st_mode)

    def test_the_directory_is_private(self) -> None:
        self.assertEqual(stat.S_IMODE(self.directory.stat().st_mode), 0o700)

    def test_a_directory_that_cannot_be(self) -> None:
        (self.directory / "file").write_text("")
        self.assertRaises(OperatorError, Home.find, {"WINGTHING_DIR": str(self.directory / "file")})
        self.assertRaises(OperatorError, Home.find, {"WINGTHING_DIR": str(self.directory / "file" / "x")})

    def test_the_id_is_made_once(self) -> None:
        self.assertIsNone(self.home.known_wing_id())
        made = self.home.wing_id()
        self.assertRegex(made, r"\A[0-9a-f]{24}\Z")
        self.assertEqual((self.directory / "wing-id").read_text(), made + "\n")
        self.assertEqual(self.home.wing_id(), made)
        self.assertEqual(self.mode("wing-id"), 0o600)

    def test_the_id_of_another_program(self) -> None:
        (self.directory / "wing-id").write_text("A" * 32)
        self.assertEqual(self.home.wing_id(), "A" * 32)
        (self.directory / "wing.yaml").write_text("wing_id: " + "b" * 24)
        self.assertEqual(self.home.wing_id(), "b" * 24)

    def test_a_damaged_id_stays_as_it_is(self) -> None:
        for text in ("", "short", "g" * 24, "a" * 33, "../../etc/passwd"):
            (self.directory / "wing-id").write_text(text)
            self.assertRaises(OperatorError, self.home.wing_id)
            self.assertEqual((self.directory / "wing-id").read_text(), text)

    def test_the_key_is_made_once(self) -> None:
        self.assertIsNone(self.home.known_wing_key())
        made = public_text(self.home.wing_key())
        self.assertEqual(public_text(self.home.wing_key()), made)
        self.assertEqual(self.mode("wing_key"), 0o600)

    def test_the_key_of_another_program_is_made_private(self) -> None:
        key = new_wing_key()
        (self.directory / "wing_key").write_text(dump_wing_key(key))
        (self.directory / "wing_key").chmod(0o644)
        self.assertEqual(public_text(self.home.wing_key()), public_text(key))
        self.assertEqual(self.mode("wing_key"), 0o600)

    def test_a_damaged_key_is_never_replaced(self) -> None:
        for data in (b"", b"AAAA", b"not base64", b"\xff" * 32):
            (self.directory / "wing_key").write_bytes(data)
            why = self.assertRaises(OperatorError, self.home.wing_key)
            self.assertIn(str(self.directory / "wing_key"), str(why))
            self.assertEqual((self.directory / "wing_key").read_bytes(), data)

    def test_a_login_comes_back(self) -> None:
        self.assertIsNone(self.home.token())
        token = DeviceToken(
            device_token="t",
            expires_at=2_000_000_000,
            issued_at=1_900_000_000,
            device_id="d",
            public_key="k",
            roost="https://wings.example",
        )
        self.home.save_token(token)
        self.assertEqual(self.home.token(), token)
        self.assertEqual(self.mode("device_token.yaml"), 0o600)
        self.assertTrue(self.home.forget_token())
        self.assertFalse(self.home.forget_token())
        self.assertIsNone(self.home.token())

    def test_a_login_of_another_program(self) -> None:
        path = self.directory / "device_token.yaml"
        path.write_text('device_token: abc\nexpires_at: 2033-05-18T03:33:20Z\nissued_at: "1900000000"\n')
        self.assertEqual(
            self.home.token(),
            DeviceToken(device_token="abc", expires_at=2_000_000_000, issued_at=1_900_000_000),
        )
        path.write_text("device_token: abc\nexpires_at: 0001-01-01T00:00:00Z\n")
        self.assertEqual(self.home.token(), DeviceToken(device_token="abc"))

    def test_a_damaged_login_is_named_and_can_be_forgotten(self) -> None:
        for text in (
            "",
            "[",
            "device_token: 5",
            "device_token: ''",
            "device_token: a\nexpires_at: soon",
            "device_token: a\nroost: a b",
        ):
            (self.directory / "device_token.yaml").write_text(text)
            why = self.assertRaises(OperatorError, self.home.token)
            self.assertIn("wt login", str(why))
        self.assertTrue(self.home.forget_token())

    def test_which_server(self) -> None:
        self.assertEqual(self.home.roost().url, "http://127.0.0.1:8080")
        (self.directory / "server.json").write_text('{"url": "http://127.0.0.1:9000", "pid": 1}')
        self.assertEqual(self.home.roost().url, "http://127.0.0.1:9000")
        (self.directory / "wing.yaml").write_text("roost: https://wings.example/\n")
        self.assertEqual(self.home.roost().url, "https://wings.example")
        self.assertEqual(self.home.roost("http://other:1").url, "http://other:1")
        (self.directory / "wing.yaml").unlink()
        (self.directory / "server.json").write_text("half a no")
        self.assertEqual(self.home.roost().url, "http://127.0.0.1:8080")

    def test_without_a_server_beside_it_is_the_one_that_the_login_is_from(self) -> None:
        self.home.save_token(DeviceToken(device_token="t", roost="http://127.0.0.1:9999"))
        self.assertEqual(self.home.roost().url, "http://127.0.0.1:9999")
        (self.directory / "server.json").write_text('{"url": "http://127.0.0.1:9000", "pid": 1}')
        self.assertEqual(self.home.roost().url, "http://127.0.0.1:9000")
        (self.directory / "server.json").unlink()
        (self.directory / "device_token.yaml").write_text("[damaged")
        self.assertEqual(self.home.roost().url, "http://127.0.0.1:8080", "`wt login` mends it")

    def test_a_login_is_for_the_server_that_gave_it(self) -> None:
        token = DeviceToken(device_token="t", roost="http://127.0.0.1:9999")
        self.home.save_token(token)
        for url in ("http://127.0.0.1:9999", "http://localhost:9999", "http://[::1]:9999"):
            self.assertEqual(self.home.login_at(Roost.parse(url)), token)
        for url in ("http://127.0.0.1:8080", "https://wings.example"):
            why = self.assertRaises(OperatorError, self.home.login_at, Roost.parse(url))
            self.assertEqual(
                str(why), f"This machine is not logged in to {url}: run 'wt login --roost {url}' first."
            )
        self.home.forget_token()
        self.assertRaises(OperatorError, self.home.login_at, Roost.parse("http://127.0.0.1:9999"))

    def test_a_login_that_does_not_say_is_for_the_server_of_wing_yaml(self) -> None:
        self.home.save_token(DeviceToken(device_token="t"))
        a, b = Roost.parse("https://a.example"), Roost.parse("https://b.example")
        self.assertEqual(self.home.login_at(b).device_token, "t", "nothing says which")
        self.home.config.change(roost="https://a.example")
        self.assertEqual(self.home.login_at(a).device_token, "t")
        self.assertRaises(OperatorError, self.home.login_at, b)


class TimeTests(TestCase):
    def test_forms(self) -> None:
        for value, seconds in (
            (None, 0),
            ("", 0),
            (5, 5),
            (5.9, 5),
            ("7", 7),
            ("1970-01-01T00:01:00Z", 60),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1970-01-02", 86400),
            ("0001-01-01T00:00:00Z", 0),
        ):
            self.assertEqual(unix_seconds(value), seconds, value)
        for value in (True, [], "soon", {}):
            self.assertRaises(ValueError, unix_seconds, value)
