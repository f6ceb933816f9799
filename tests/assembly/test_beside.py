"""The login that a server leaves for the wing in its directory."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.assembly.beside import provide_login
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import new_signing_key, public_text
from wingthing.crypto.tokens import mint
from wingthing.store.connection import connect, transaction
from wingthing.store.migrate import migrate
from wingthing.store.users import ensure
from wingthing.wing.home import DeviceToken, Home

NOW = 1_900_000_000.0


class ProvideLoginTests(TestCase):
    def setUp(self) -> None:
        directory = Path(self.mktemp()).absolute()
        self.home = Home.find({"WINGTHING_DIR": str(directory)})
        self.database = directory / "wingthing.db"
        migrate(self.database)
        connection = connect(self.database)
        with transaction(connection) as cursor:
            ensure(cursor, "local", name="you", provider="local", now=NOW)
        connection.close()
        self.keys = KeyRing.of(new_signing_key(), {})

    def provide(self, port: int = 1111, public_url: str | None = None) -> str:
        url = f"http://127.0.0.1:{port}"
        return provide_login(self.home.directory, url, public_url or url, self.keys, self.database, NOW).url

    def kept(self) -> DeviceToken:
        token = self.home.token()
        assert token is not None
        return token

    def test_says_which_server_it_is_for(self) -> None:
        self.assertEqual(self.provide(), "http://127.0.0.1:1111")
        self.assertEqual(self.kept().roost, "http://127.0.0.1:1111")

    def test_a_port_that_has_changed_is_put_right(self) -> None:
        self.provide(1111)
        before = self.kept()
        self.assertEqual(self.provide(2222), "http://127.0.0.1:2222")
        self.assertEqual(self.kept().roost, "http://127.0.0.1:2222")
        self.assertEqual(self.kept().device_token, before.device_token, "it is the same login")

    def test_the_file_of_another_program_is_completed(self) -> None:
        self.provide()
        token = self.kept().device_token
        (self.home.directory / "device_token.yaml").write_text(f"device_token: {token}\n")
        self.provide()
        self.assertEqual((self.kept().device_token, self.kept().roost), (token, "http://127.0.0.1:1111"))

    def test_a_server_with_a_public_name(self) -> None:
        self.assertEqual(self.provide(public_url="https://wings.example"), "https://wings.example")
        self.assertEqual(self.kept().roost, "https://wings.example")
        for named in ("https://wings.example/", "http://localhost:1111"):
            self.home.config.change(roost=named)
            known_as = self.provide(public_url="https://wings.example")
            self.assertTrue(self.home.login_is_for(self.kept(), self.home.roost()), named)
            self.assertEqual(self.kept().roost, known_as)

    def test_a_login_of_its_own_under_a_name_that_only_wing_yaml_knows(self) -> None:
        self.provide(public_url="https://wings.example")
        self.home.config.change(roost="https://wings.example")
        before = self.kept()
        # The next time it is started without --base-url.
        self.assertEqual(self.provide(), "https://wings.example")
        self.assertEqual(self.kept(), before)

    def test_a_login_for_another_server_is_left_as_it_is(self) -> None:
        token, _claims = mint(
            new_signing_key(),
            user_id="ann",
            now=int(NOW),
            jti="j",
            pub=public_text(self.home.wing_key()),
            wing=self.home.wing_id(),
        )
        other = DeviceToken(device_token=token, roost="https://a.example")
        self.home.save_token(other)
        self.home.config.change(roost="https://a.example")
        known_as = self.provide()
        self.assertEqual(self.kept(), other)
        self.assertEqual(known_as, "http://127.0.0.1:1111", "which is not for this server")
