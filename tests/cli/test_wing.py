"""`wt wing start|stop|status`, as far as they need no other process."""

from __future__ import annotations

import os
from typing import Any

from tests.cli.case import CommandCase
from wingthing.cli.wing import living_terminals
from wingthing.wing import egg_home
from wingthing.wing.egg_home import EggMeta
from wingthing.wing.home import DeviceToken
from wingthing.wing.presence import Presence, Status


class WingCase(CommandCase):
    def running(self, **fields: Any) -> None:
        """A wing that holds the directory: this process."""
        presence = Presence(self.directory)
        presence.take()
        self.addCleanup(presence.leave)
        said = {"state": "online", "detail": "", "roost": "http://n", "wing_id": "w", "since": 0.0}
        presence.tell(Status(pid=os.getpid(), **(said | fields)))

    def terminal(self, session_id: str, created_at: float) -> None:
        directory = self.directory / "eggs" / session_id
        egg_home.make_directory(directory)
        meta = EggMeta(
            session_id=session_id,
            agent="shell",
            executable="/bin/sh",
            arguments=[],
            cwd="/tmp",
            user_id="",
            email="",
            created_at=created_at,
            cols=80,
            rows=24,
            audit=False,
        )
        egg_home.write_meta(directory, meta)
        lock = egg_home.lock(directory)
        assert lock is not None
        self.addCleanup(os.close, lock)


class StartTests(WingCase):
    def test_without_a_login(self) -> None:
        self.assertIn("wt login", self.refused("start"))

    def test_when_it_runs_already(self) -> None:
        self.log_in()
        self.running()
        result = self.wt("start")
        self.assertEqual(
            (result.exit_code, result.output), (0, f"The wing runs already (process {os.getpid()}).\n")
        )

    def test_options_are_remembered_and_the_rest_is_kept(self) -> None:
        self.home.config.change(label="Desk", paths=[{"path": "/tmp", "members": ["ann@x"]}])
        self.log_in()
        self.running()
        self.wt(
            "wing", "start", "--roost", "node.example/", "--paths", "/tmp,/usr", "-p", "/etc", "-l", "a, b"
        )
        config = self.home.config.read()
        self.assertEqual([rule.path for rule in config.paths], ["/tmp", "/usr", "/etc"])
        self.assertEqual(config.paths[0].members, ("ann@x",))
        self.assertEqual((config.roost, config.label), ("https://node.example", "Desk"))
        self.assertEqual(config.labels, ("a", "b"))

    def test_an_organisation_is_remembered_until_it_is_taken_back(self) -> None:
        self.log_in()
        self.running()
        said = self.wt("start", "--org", " acme ").output
        self.assertEqual(self.home.config.read().org, "acme")
        self.assertIn("next connection", said)
        self.assertNotIn("saved", self.wt("start", "--org", "acme").output)
        self.wt("start")
        self.assertEqual(self.home.config.read().org, "acme")
        self.wt("start", "--org", "")
        self.assertEqual(self.home.config.read().org, "")

    def test_another_server_than_the_one_logged_in_to(self) -> None:
        self.home.save_token(DeviceToken(device_token="t", roost="https://a.example"))
        self.home.config.change(roost="https://a.example")
        self.assertEqual(
            self.refused("start", "--roost", "b.example"),
            "This machine is not logged in to https://b.example: "
            "run 'wt login --roost https://b.example' first.",
        )
        self.assertEqual(self.home.config.read().roost, "https://a.example", "nothing is remembered")

    def test_nothing_is_remembered_of_a_start_that_fails(self) -> None:
        self.assertIn("wt login", self.refused("start", "--roost", "junk", "--labels", "a", "-p", "/tmp"))
        self.log_in()
        (self.directory / "wing_key").write_text("[damaged")
        self.refused("start", "--roost", "junk")
        self.assertFalse((self.directory / "wing.yaml").exists())

    def test_settings_while_the_wing_runs(self) -> None:
        self.log_in()
        self.running()
        runs = f"The wing runs already (process {os.getpid()}).\nThe settings are saved in wing.yaml.\n"
        for words, more in (
            (["--labels", "gpu"], ""),
            (["--paths", "/tmp"], "The folders hold from now on.\n"),
            (["--roost", "http://n"], ""),
        ):
            self.assertEqual(self.wt("start", *words).output, runs + more)
        self.home.save_token(DeviceToken(device_token="t", roost="http://m"))
        self.assertEqual(
            self.wt("start", "--roost", "http://m").output,
            runs + "The next connection goes to http://m: 'wt stop' and 'wt start' make it now.\n",
        )

    def test_settings_while_the_wing_runs_inside_a_server(self) -> None:
        self.log_in()
        self.running(inside_server=True)
        said = self.wt("start", "--paths", "/tmp", "--roost", "http://m").output
        self.assertIn("unless 'wt roost' was given others", said)
        self.assertIn("end that and run 'wt start'", said)

    def test_a_folder_that_does_not_exist(self) -> None:
        self.log_in()
        self.assertIn("/no/such", self.refused("start", "--paths", "/no/such"))
        self.assertFalse((self.directory / "wing.yaml").exists())

    def test_damaged_files(self) -> None:
        self.log_in()
        for name in ("wing_key", "wing-id", "wing.yaml", "device_token.yaml"):
            (self.directory / name).write_text("[damaged")
            self.assertIn(name, self.refused("start"))
            self.assertEqual((self.directory / name).read_text(), "[damaged")
            (self.directory / name).unlink()
            self.log_in()


class StopTests(WingCase):
    def test_when_none_runs(self) -> None:
        self.assertEqual(self.wt("stop").output, "The wing was not running.\n")
        self.terminal("00000001", 1)
        self.assertEqual(self.wt("stop").output, "The wing was not running. 1 terminal lives on.\n")
        self.terminal("00000002", 2)
        self.assertIn("2 terminals live on", self.wt("wing", "stop").output)

    def test_a_wing_inside_a_server_is_left_alone(self) -> None:
        self.running(inside_server=True)
        self.assertIn("wt roost", self.refused("stop"))
        self.assertIsNotNone(Presence(self.directory).holder())


class StatusTests(WingCase):
    def test_when_none_runs(self) -> None:
        result = self.wt("status")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("not running", result.output)
        self.assertFalse((self.directory / "wing-id").exists(), "looking makes nothing")

    def test_when_it_runs(self) -> None:
        self.running(state="waiting", detail="no connection to http://n; trying again.")
        self.home.wing_key()
        self.terminal("00000001", 5)
        self.terminal("00000002", 1)
        result = self.wt("wing", "status")
        self.assertEqual(result.exit_code, 0)
        for words in (f"process {os.getpid()}", "waiting", "no connection", "http://n"):
            self.assertIn(words, result.output)
        self.assertLess(result.output.index("00000002"), result.output.index("00000001"))
        self.assertTrue(all(line == line.rstrip() for line in result.output.splitlines()))

    def test_the_server_is_the_one_that_the_login_is_from(self) -> None:
        self.home.save_token(DeviceToken(device_token="t", roost="http://127.0.0.1:9999"))
        self.assertIn("http://127.0.0.1:9999", self.wt("status").output)

    def test_only_a_log_that_is_there_is_named(self) -> None:
        self.assertNotIn("wing.log", self.wt("status").output)
        (self.directory / "wing.log").touch()
        self.assertIn("wing.log", self.wt("status").output)
        self.running(inside_server=True)
        self.assertNotIn("wing.log", self.wt("status").output)


class TerminalsTests(WingCase):
    def test_the_living_alone(self) -> None:
        self.terminal("00000001", 1)
        dead = self.directory / "eggs" / "00000002"
        egg_home.make_directory(dead)
        (self.directory / "eggs" / "lost+found").mkdir()
        self.assertEqual([meta.session_id for meta in living_terminals(self.home)], ["00000001"])
