"""`wt doctor`: every finding, and what it says to do."""

from __future__ import annotations

from twisted.internet.task import Clock

from tests.cli.case import CommandCase
from wingthing.cli import _reactor, doctor
from wingthing.cli.doctor import Finding, Mark, examine
from wingthing.errors import NotAuthenticated, OperatorError
from wingthing.wing.device import Who
from wingthing.wing.home import DeviceToken
from wingthing.wing.presence import Presence, Status


class DoctorCase(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.answer: Who | Exception = OperatorError("http://127.0.0.1:8080 cannot be reached")
        self.patch(_reactor, "run", self.ask)

    def ask(self, main: object) -> Who:
        """The server's answer, without a server."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def found(self, name: str) -> list[Finding]:
        return [finding for finding in examine(self.home) if finding.name == name]

    def only(self, name: str) -> Finding:
        (finding,) = self.found(name)
        return finding


class FindingTests(DoctorCase):
    def test_a_machine_that_is_new(self) -> None:
        for name in ("machine", "key", "login", "wing"):
            self.assertIs(self.only(name).mark, Mark.WARN, name)
        self.assertIs(self.only("server").mark, Mark.FAIL)
        for name in ("python", "directory", "agents", "projects", "terminals", "disk"):
            self.assertIs(self.only(name).mark, Mark.OK, name)
        self.assertFalse((self.directory / "wing-id").exists(), "looking makes nothing")

    def test_a_machine_that_is_set_up(self) -> None:
        self.home.wing_key()
        wing_id = self.home.wing_id()
        self.log_in()
        self.answer = Who("ann", "Ann", "a@x")
        presence = Presence(self.directory)
        presence.take()
        self.addCleanup(presence.leave)
        presence.tell(
            Status(
                pid=presence.holder() or 0,
                state="online",
                detail="",
                roost="r",
                wing_id=wing_id,
                since=Clock().seconds(),
            )
        )
        for name in ("machine", "key", "login", "server", "wing"):
            self.assertIs(self.only(name).mark, Mark.OK, name)
        self.assertEqual(self.only("machine").what, wing_id)
        self.assertIn("Ann (a@x), until 2033-05-1", self.only("login").what)

    def test_a_login_that_is_not_accepted_any_more(self) -> None:
        self.log_in()
        self.answer = NotAuthenticated("no")
        self.assertEqual((self.only("login").mark, self.only("login").do), (Mark.FAIL, "wt login"))
        self.assertIs(self.only("server").mark, Mark.OK)

    def test_a_login_for_another_server_is_not_shown_to_this_one(self) -> None:
        self.home.save_token(DeviceToken(device_token="t", roost="https://a.example"))
        self.home.config.change(roost="https://b.example")
        shown: list[str] = []

        class Asked:
            def __init__(self, *_arguments: object) -> None:
                pass

            def check(self, token: str) -> None:
                shown.append(token)
                raise NotAuthenticated("no")

        self.patch(doctor, "DeviceLogin", Asked)
        self.patch(doctor, "http_client", lambda reactor: None)
        self.patch(_reactor, "run", lambda main: main(None))
        self.assertEqual(self.only("login").do, "wt login --roost https://b.example")
        self.assertEqual(shown, [""])

    def test_a_wing_that_waits(self) -> None:
        presence = Presence(self.directory)
        presence.take()
        self.addCleanup(presence.leave)
        self.assertIn("not said", self.only("wing").what)
        presence.tell(
            Status(
                pid=presence.holder() or 0, state="waiting", detail="trying", roost="r", wing_id="w", since=0
            )
        )
        self.assertEqual((self.only("wing").mark, self.only("wing").do), (Mark.WARN, "trying"))

    def test_what_others_could_read(self) -> None:
        self.home.wing_key()
        self.log_in()
        self.directory.chmod(0o755)
        (self.directory / "device_token.yaml").chmod(0o644)
        (self.directory / "wing_key").chmod(0o640)
        self.assertEqual([finding.mark for finding in self.found("secrets")], [Mark.WARN] * 2)
        self.assertEqual(self.found("secrets"), [], "reading a secret makes it private")
        self.assertIn("chmod 700", self.only("directory").do)

    def test_damaged_files_are_findings(self) -> None:
        (self.directory / "wing_key").write_text("x")
        (self.directory / "device_token.yaml").write_text("[")
        failed = [finding.what for finding in examine(self.home) if finding.mark is Mark.FAIL]
        self.assertTrue(any("wing_key" in what for what in failed))
        self.assertTrue(any("device_token" in what for what in failed))
        (self.directory / "wing.yaml").write_text("[")
        self.assertTrue(any("wing.yaml" in finding.what for finding in examine(self.home)))

    def test_folders(self) -> None:
        self.home.config.change(paths=["/no/such/folder"])
        marks = [finding.mark for finding in self.found("paths")]
        self.assertEqual(marks, [Mark.WARN, Mark.FAIL])
        (self.directory / "site" / ".git").mkdir(parents=True)
        self.home.config.change(paths=[str(self.directory)])
        self.assertIs(self.only("paths").mark, Mark.OK)
        self.assertEqual(self.only("projects").what, "1 project")

    def test_a_full_disk(self) -> None:
        self.patch(doctor, "LEAST_FREE_BYTES", 10**18)
        self.assertIs(self.only("disk").mark, Mark.FAIL)


class ScreenTests(DoctorCase):
    def test_exit_codes(self) -> None:
        result = self.wt("doctor")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("cannot be reached", result.output)
        self.answer = Who("ann")
        self.assertEqual(self.wt("doctor").exit_code, 0)

    def test_every_line_says_how_it_is(self) -> None:
        lines = self.wt("doctor").output.splitlines()
        self.assertGreater(len(lines), 12)
        self.assertIn("→ wt login", [line.strip() for line in lines])
