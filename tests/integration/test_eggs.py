"""Terminals as real processes: programs, sockets, signals, files."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from twisted.internet import reactor
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from wingthing.errors import Forbidden, InvalidMessage, NotFound, TemporarilyUnavailable
from wingthing.names import EGG_META_FILE, EGG_SOCKET_FILE, EGGS_DIR, HISTORY_DIR, PTY_RECORDING_FILE
from wingthing.wing.egg_wire import FrameReader, Hello, Kill, Replaced, ToWing, encode
from wingthing.wing.screen import Screen
from wingthing.wing.terminals import TerminalInfo, Terminals, TerminalSpec

SESSION = "0a1b2c3d"

WING_PROGRAM = """
from pathlib import Path
from typing import Any
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from tests.integration.test_eggs import SESSION, Wing

async def main():
    wing = await Wing(Path({home!r})).start()
{script}
    print("ready", flush=True)

Deferred.fromCoroutine(main()).addErrback(lambda why: (why.printTraceback(), reactor.stop()))
reactor.run()
"""


class Wing:
    """Terminals, and what they told."""

    def __init__(
        self, home: Path, *, audit: bool = False, idle_timeout: float | None = None, **options: Any
    ) -> None:
        settings: dict[str, Any] = {"allowed_paths": lambda: [Path("/")], **options}
        self.terminals = Terminals(
            reactor, home, reactor, audit=lambda: audit, idle_timeout=lambda: idle_timeout, **settings
        )
        self.terminals.events = self
        self.said: dict[str, bytearray] = {}
        self.ended: dict[str, tuple[int, str | None]] = {}
        self.rung: list[str] = []
        self.keep = True
        self.count = 0

    async def start(self) -> Wing:
        self.terminals.startService()
        await self.terminals.when_ready()
        return self

    def output(self, session_id: str, data: bytes) -> None:
        data.decode()  # a character is never cut
        self.count += len(data)
        if self.keep:
            self.said.setdefault(session_id, bytearray()).extend(data)

    def exited(self, session_id: str, exit_code: int, error: str | None) -> None:
        self.ended[session_id] = (exit_code, error)

    def attention(self, session_id: str, nonce: str) -> None:
        self.rung.append(nonce)

    def paused(self) -> bool:
        return False

    async def shell(self, session_id: str = SESSION, cols: int = 80, rows: int = 24) -> TerminalInfo:
        """A terminal whose shell is at its prompt, and says nothing that a test does not ask for."""
        info = await self.terminals.start_terminal(
            TerminalSpec(session_id=session_id, agent="shell", cols=cols, rows=rows, cwd="/tmp", user_id="u")
        )
        self.type("exec env -i PATH=$PATH TERM=$TERM LANG=C.UTF-8 PS1='> ' sh\r", session_id)
        self.type("echo rea''dy\r", session_id)
        await self.hear("ready\r\n", session_id)
        return info

    async def count_up(self) -> None:
        """Make the terminal print n1, n2, ... until Ctrl-C. One process: a loop of the shell's own would be
        deaf to a Ctrl-C that comes between two of its commands."""
        program = (
            "import itertools, signal, time; signal.signal(signal.SIGINT, signal.SIG_DFL); "
            "any(print(f'n{n}', flush=True) or time.sleep(0.01) for n in itertools.count(1))"
        )
        self.type(f"{sys.executable} -c {shlex.quote(program)}\r")

    def type(self, text: str, session_id: str = SESSION) -> None:
        self.terminals.write(session_id, text.encode())

    async def hear(self, text: str, session_id: str = SESSION, seconds: float = 20) -> None:
        await until(lambda: text.encode() in self.said.get(session_id, b""), seconds, text)

    async def end(self, session_id: str = SESSION) -> tuple[int, str | None]:
        await until(lambda: session_id in self.ended, 20, "the end")
        return self.ended[session_id]

    async def screen(self, session_id: str = SESSION) -> Screen:
        info = self.terminals.get(session_id)
        assert info is not None
        screen = Screen(info.cols, info.rows)
        screen.feed(await self.terminals.snapshot(session_id))
        return screen


async def until(true: Callable[[], object], seconds: float = 20, what: str = "") -> None:
    deadline = reactor.seconds() + seconds
    while not true():
        if reactor.seconds() > deadline:
            raise AssertionError(f"waited in vain for {what!r}")
        await deferLater(reactor, 0.01)


def eggs_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if any(argument.startswith(str(home)) for argument in process.cmdline()[1:]):
                found.append(process)
        except psutil.Error:
            continue
    return found


def files_of(process: psutil.Process) -> set[str]:
    return {link.name for link in Path(f"/proc/{process.pid}/fd").iterdir()}


def inodes_of(process: psutil.Process) -> set[int]:
    files = (Path(f"/proc/{process.pid}/fd/{name}") for name in files_of(process))
    return {file.stat().st_ino for file in files if file.exists()}


def open_files() -> int:
    return len(files_of(psutil.Process()))


class EggTests(TestCase):
    timeout = 90

    def setUp(self) -> None:
        self.root = self.home = Path(os.path.realpath(tempfile.mkdtemp(prefix="wt-")))
        self.wings: list[Wing] = []
        self.addCleanup(self.clear)

    async def wing(self, **options: Any) -> Wing:
        wing = await Wing(self.home, **options).start()
        self.wings.append(wing)
        return wing

    async def clear(self) -> None:
        for wing in self.wings:
            for info in wing.terminals.list():
                wing.terminals.kill(info.session_id)
            wing.terminals.resume_output()
            await until(lambda wing=wing: not wing.terminals.list(), 20, "no terminals")
            wing.terminals.stopService()
        await until(lambda: not eggs_of(self.home), 20, "no eggs")
        shutil.rmtree(self.root)

    def directory(self, session_id: str = SESSION) -> Path:
        return self.home / EGGS_DIR / session_id

    # -- the ordinary life

    async def test_type_and_read(self) -> None:
        wing = await self.wing()
        info = await wing.shell(cols=91, rows=17)
        self.assertEqual((info.session_id, info.agent, info.cwd), (SESSION, "shell", "/tmp"))
        self.assertEqual((info.cols, info.rows), (91, 17))
        self.assertEqual(wing.terminals.list(), [info])
        wing.type("stty size; pwd; echo $TERM; printf 'h\\303\\244u%s\\n' schen\r")
        await wing.hear("häuschen\r\n")
        for text in (b"\n17 91\r\n", b"\n/tmp\r\n", b"\nxterm-256color\r\n"):
            self.assertIn(text, wing.said[SESSION])
        self.assertEqual(oct(self.directory().stat().st_mode & 0o777), "0o700")
        self.assertEqual(oct((self.directory() / EGG_SOCKET_FILE).stat().st_mode & 0o777), "0o600")

    async def test_it_is_a_login_shell_of_its_own_session(self) -> None:
        wing = await self.wing()
        spec = TerminalSpec(session_id=SESSION, agent="shell", cols=80, rows=24)
        await wing.terminals.start_terminal(spec)
        wing.type("echo [$0] $(ps -o tty= -p $$ 2>/dev/null || tty)\r")
        await wing.hear("[-")
        egg = next(process for process in eggs_of(self.home))
        self.assertEqual(os.getsid(egg.pid), egg.pid)
        self.assertNotEqual(os.getsid(egg.pid), os.getsid(0))

    async def test_resize(self) -> None:
        wing = await self.wing()
        await wing.shell()
        wing.type("trap 'stty size' WINCH; echo se''t; read x\r")
        await wing.hear("set\r\n")
        wing.terminals.resize(SESSION, 123, 45)
        await wing.hear("45 123")
        info = wing.terminals.get(SESSION)
        assert info is not None
        self.assertEqual((info.cols, info.rows), (123, 45))
        self.assertEqual((await wing.screen()).size, (123, 45))

    async def test_snapshot_after_much_output(self) -> None:
        wing = await self.wing()
        await wing.shell()
        wing.type("seq 1 20000; echo do''ne\r")
        await wing.hear("done\r\n> ")
        screen = await wing.screen()
        self.assertEqual(screen.text().splitlines()[-4:], ["19999", "20000", "done", ">"])
        lines = screen._terminal.contents().splitlines()
        self.assertIn("11000", lines)
        self.assertEqual(screen.cursor, (2, 23))

    async def test_snapshot_in_the_midst_of_output(self) -> None:
        wing = await self.wing()
        await wing.shell()
        wing.type("seq 1 300000; echo do''ne\r")
        await wing.hear("\n1000\r")
        screen = Screen(80, 24)
        before = await wing.terminals.snapshot(SESSION)
        at = len(wing.said[SESSION])
        await wing.hear("done\r\n> ")
        screen.feed(before + bytes(wing.said[SESSION][at:]))
        true = await wing.screen()
        self.assertEqual(screen.text(), true.text())
        lines = screen._terminal.contents().splitlines()[-5000:]
        numbers = [int(line) for line in lines if line.isdigit()]
        self.assertEqual(numbers, list(range(numbers[0], 300_001)), "nothing twice, nothing missing")

    async def test_alternate_screen(self) -> None:
        wing = await self.wing()
        await wing.shell()
        wing.type("echo before; printf '\\033[?1049h\\033[2J\\033[5;10H\\033[7medit\\033[0m'; read x;")
        wing.type(" printf '\\033[?1049l'\r")
        await wing.hear("edit")
        screen = await wing.screen()
        self.assertEqual(screen.text().strip(), "edit")
        at = len(wing.said[SESSION])
        wing.type("\r")
        await until(lambda: wing.said[SESSION].endswith(b"> "), what="the prompt")
        screen.feed(bytes(wing.said[SESSION][at:]))
        self.assertIn("before", screen.text())
        self.assertEqual(screen.text(), (await wing.screen()).text())

    async def test_characters_at_the_edges_of_reads(self) -> None:
        wing = await self.wing()
        await wing.shell()
        wing.type("i=0; while [ $i -lt 3000 ]; do printf 'a\\346\\274\\242\\360\\237\\221\\215';")
        wing.type(" i=$((i+1)); done; echo en''d\r")
        await wing.hear("end\r\n")
        self.assertEqual(wing.said[SESSION].decode().count("a漢👍"), 3000)

    async def test_exit_code(self) -> None:
        wing = await self.wing()
        await wing.shell()
        wing.type("exit 7\r")
        self.assertEqual(await wing.end(), (7, None))
        self.assertIsNone(wing.terminals.get(SESSION))
        self.assertRaises(NotFound, await_now, wing.terminals.snapshot(SESSION))
        await until(lambda: not eggs_of(self.home), 5, "no process")
        self.assertFalse(self.directory().exists())
        entries, total = wing.terminals.history.page(0, 10)
        self.assertEqual((total, entries[0].session_id, entries[0].exit_code), (1, SESSION, 7))
        wing.type("to nobody")
        wing.terminals.kill(SESSION)
        wing.terminals.resize(SESSION, 1, 1)

    async def test_kill(self) -> None:
        wing = await self.wing()
        await wing.shell()
        wing.type("trap '' HUP; sleep 1000 & sleep 1000\r")
        await until(lambda: len(self.family()) >= 4, what="the sleepers")
        family = self.family()
        wing.terminals.kill(SESSION)
        self.assertEqual(await wing.end(), (128 + signal.SIGKILL, None))
        await until(lambda: not any(process.is_running() for process in family), 10, "an empty session")

    def family(self) -> list[psutil.Process]:
        egg = eggs_of(self.home)[0]
        return [egg, *egg.children(recursive=True)]

    async def test_a_child_left_behind_does_not_keep_the_terminal(self) -> None:
        wing = await self.wing()
        await wing.shell()
        wing.type("trap '' HUP; (sleep 5; echo late) & echo bye; exit 3\r")
        began = reactor.seconds()
        self.assertEqual(await wing.end(), (3, None))
        self.assertLess(reactor.seconds() - began, 4)
        self.assertIn(b"bye", wing.said[SESSION])

    async def test_idle_timeout(self) -> None:
        wing = await self.wing(idle_timeout=1.0)
        spec = TerminalSpec(session_id=SESSION, agent="shell", cols=80, rows=24)
        await wing.terminals.start_terminal(spec)
        code, error = await wing.end()
        self.assertEqual((code, error), (129, "ended after 1 seconds without input or output"))

    async def test_attention_and_title(self) -> None:
        wing = await self.wing()
        await wing.shell()
        wing.type("printf '\\033]2;work\\007\\a\\a'\r")
        await until(lambda: wing.rung, what="a bell")
        info = wing.terminals.get(SESSION)
        assert info is not None
        self.assertEqual((info.title, info.needs_attention), ("work", True))
        wing.terminals.attention_ack(SESSION)
        info = wing.terminals.get(SESSION)
        assert info is not None
        self.assertFalse(info.needs_attention)
        wing.type("printf '\\a\\a'\r")
        await until(lambda: len(wing.rung) == 2, what="the second episode")
        self.assertEqual(len(set(wing.rung)), 2)

    # -- a wing dies, another comes

    def wing_process(self, script: str) -> subprocess.Popen[str]:
        """Another wing, in a process of its own, that runs `script` with `wing` at hand."""
        program = WING_PROGRAM.format(
            home=str(self.home), script=textwrap.indent(textwrap.dedent(script).strip(), "    ")
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self.addCleanup(process.stdout.close)  # type: ignore[union-attr]
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    async def test_takeover_after_kill_9(self) -> None:
        process = self.wing_process("""
            await wing.shell()
            await wing.count_up()
            await wing.hear("n20\\r")
        """)
        process.kill()
        process.wait()
        wing = await self.wing()
        info = wing.terminals.get(SESSION)
        assert info is not None
        self.assertEqual((info.agent, info.user_id, info.cols), ("shell", "u", 80))
        self.assertIn("n20", (await wing.screen())._terminal.contents().splitlines())
        at = len(wing.said.get(SESSION, b""))
        await until(lambda: len(wing.said.get(SESSION, b"")) > at, what="live output")
        wing.type("\x03")
        wing.type("echo al''ive\r")
        await wing.hear("alive\r\n")
        contents = (await wing.screen())._terminal.contents()
        counted = [line[1:] for line in contents.splitlines() if line.startswith("n")]
        numbers = [int(number) for number in counted if number.isdigit()]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)), "nothing was lost meanwhile")

    async def test_what_ended_while_no_wing_was_there(self) -> None:
        process = self.wing_process("""
            await wing.shell()
            wing.type("sleep 1; exit 5\\r")
            await wing.hear("exit 5")
        """)
        process.kill()
        process.wait()
        meta = self.directory() / EGG_META_FILE
        await until(lambda: b'"exit_code":5' in meta.read_bytes(), 10, "the end")
        wing = await self.wing()
        self.assertEqual(await wing.end(), (5, None))
        self.assertEqual(wing.terminals.list(), [])

    async def test_a_second_reader_displaces_the_first(self) -> None:
        first = await self.wing()
        await first.shell()
        second = await self.wing()
        self.assertEqual(await first.end(), (-1, "another wing on this machine has taken over this terminal"))
        self.assertEqual(first.terminals.list(), [])
        second.type("echo he''re\r")
        await second.hear("here\r\n")
        self.assertNotIn(b"here\r\n", first.said[SESSION])

    async def test_a_dead_egg_is_cleared_away(self) -> None:
        wing = await self.wing()
        await wing.shell()
        eggs_of(self.home)[0].kill()
        self.assertEqual(await wing.end(), (-1, "the terminal's process was lost"))
        self.assertFalse(self.directory().exists())
        self.assertTrue((self.home / HISTORY_DIR / SESSION / EGG_META_FILE).is_file())

    async def test_dead_eggs_are_cleared_away_at_the_start(self) -> None:
        process = self.wing_process("await wing.shell()")
        process.kill()
        process.wait()
        egg = eggs_of(self.home)[0]
        egg.kill()
        await until(lambda: not eggs_of(self.home), what="its end")
        (self.home / EGGS_DIR / "00000001").mkdir()
        (self.home / EGGS_DIR / "not-a-session").mkdir()
        wing = await self.wing()
        self.assertEqual(wing.terminals.list(), [])
        self.assertEqual([entry.session_id for entry in wing.terminals.history.page(0, 9)[0]], [SESSION])
        self.assertEqual([left.name for left in (self.home / EGGS_DIR).iterdir()], ["not-a-session"])

    async def test_a_directory_too_long_for_a_socket(self) -> None:
        self.home = self.root / ("d" * 60) / ("e" * 60)
        self.home.mkdir(parents=True)
        wing = await self.wing()
        await wing.shell()
        again = await self.wing()
        again.type("echo he''re\r")
        await again.hear("here\r\n")

    # -- load

    async def test_full_speed_without_a_reader(self) -> None:
        wing = await self.wing()
        await wing.shell()
        done = self.home / "done"
        wing.type(f"yes | head -n 2000000; echo done > {done}\r")
        await deferLater(reactor, 0.2)
        wing.terminals.stopService()
        self.wings.remove(wing)
        egg = eggs_of(self.home)[0]
        await until(done.exists, 60, "the end of yes")
        self.assertLess(egg.memory_info().rss, 120 * 2**20)
        wing = await self.wing()
        self.assertEqual((await wing.screen()).text().splitlines()[-2:], ["y", ">"])

    async def test_a_reader_that_stalls(self) -> None:
        wing = await self.wing()
        await wing.shell()
        egg = eggs_of(self.home)[0]
        at = egg.memory_info().rss
        wing.keep = False
        wing.terminals.pause_output()
        wing.type("yes | head -n 2000000; echo do''ne\r")
        most = 0
        for _ in range(20):
            await deferLater(reactor, 0.1)
            most = max(most, egg.memory_info().rss)
        self.assertLess(most - at, 30 * 2**20)
        self.assertEqual(wing.count < 2**20, True)
        wing.terminals.resume_output()
        await until(lambda: wing.count >= 6_000_000, 60, "all of it")

    async def test_input_that_nobody_reads(self) -> None:
        wing = await self.wing()
        await wing.shell()
        wing.type("stty raw -echo; sleep 1000\r")
        await deferLater(reactor, 0.3)
        egg = eggs_of(self.home)[0]
        at = egg.memory_info().rss
        for _ in range(100):
            wing.terminals.write(SESSION, b"x" * 2**19)
            await deferLater(reactor, 0)
        await wing.terminals.snapshot(SESSION)
        self.assertLess(egg.memory_info().rss - at, 30 * 2**20)

    async def test_nothing_is_left_open(self) -> None:
        wing = await self.wing()
        await wing.shell()
        files, children = open_files(), len(psutil.Process().children())
        for number in range(1, 4):
            session_id = f"{number:08x}"
            await wing.shell(session_id)
            await wing.terminals.snapshot(session_id)
            wing.type("exit\r", session_id)
            await wing.end(session_id)
        await until(lambda: len(eggs_of(self.home)) == 1, 10, "one egg")
        await until(lambda: open_files() == files, 5, "as many open files as before")
        await until(lambda: len(psutil.Process().children()) == children, 5, "as many processes as before")

    async def test_an_egg_has_nothing_of_the_wing_open(self) -> None:
        secret = tempfile.TemporaryFile()  # noqa: SIM115 - open while the egg is started
        os.set_inheritable(secret.fileno(), True)
        self.addCleanup(secret.close)
        wing = await self.wing()
        await wing.shell()
        egg = eggs_of(self.home)[0]
        inode = os.fstat(secret.fileno()).st_ino
        for process in (egg, *egg.children(recursive=True)):
            self.assertNotIn(inode, inodes_of(process))
        self.assertLessEqual(files_of(egg.children()[0]), {"0", "1", "2", "10", "255"})

    # -- what goes wrong

    async def test_bad_requests(self) -> None:
        allowed = self.home / "allowed"
        allowed.mkdir()
        (allowed / "file").write_text("")
        wing = await self.wing(allowed_paths=lambda: [allowed], environment={"PATH": str(allowed)})
        good = {"session_id": SESSION, "agent": "shell", "cols": 80, "rows": 24}
        for wrong, kind, sentence in (
            ({"agent": "claude"}, NotFound, "claude is not installed on this machine"),
            ({"agent": "rm"}, InvalidMessage, "there is no agent called 'rm'"),
            ({"cwd": "gone"}, NotFound, f"the folder {allowed}/gone does not exist"),
            ({"cwd": "file"}, InvalidMessage, f"{allowed}/file is not a folder"),
            (
                {"cwd": "/etc"},
                Forbidden,
                f"the folder /etc is outside of what this machine offers: {allowed}",
            ),
            ({"cols": 0}, InvalidMessage, "a terminal has 1 to 1000 columns and 1 to 1000 rows"),
            ({"rows": 10**9}, InvalidMessage, "a terminal has 1 to 1000 columns and 1 to 1000 rows"),
            ({"session_id": "../../aa"}, InvalidMessage, "a session id is 8 hex characters"),
        ):
            with self.assertRaises(kind) as caught:
                await wing.terminals.start_terminal(TerminalSpec(**{**good, **wrong}))  # type: ignore[arg-type]
            self.assertIn(sentence, str(caught.exception))
        self.assertFalse((self.home / EGGS_DIR).exists())
        self.assertEqual(eggs_of(self.home), [])

    async def test_a_session_id_is_used_once(self) -> None:
        wing = await self.wing()
        await wing.shell()
        with self.assertRaises(InvalidMessage):
            await wing.shell()
        wing.type("echo un''harmed\r")
        await wing.hear("unharmed\r\n")

    async def test_a_directory_that_cannot_be_written(self) -> None:
        (self.home / EGGS_DIR).write_text("in the way")
        wing = Wing(self.home)
        wing.terminals.startService()
        with self.assertRaises(TemporarilyUnavailable) as caught:
            await wing.shell()
        self.assertIn("the terminal could not be started", str(caught.exception))
        wing.terminals.stopService()

    async def test_an_egg_that_cannot_start(self) -> None:
        wing = await self.wing()
        self.patch(sys, "executable", "/bin/false")
        with self.assertRaises(TemporarilyUnavailable) as caught:
            await wing.shell()
        self.assertIn("its process ended at once", str(caught.exception))
        self.assertFalse(self.directory().exists())

    async def test_recording(self) -> None:
        wing = await self.wing(audit=True)
        await wing.shell()
        wing.type("echo reco''rded\r")
        await wing.hear("recorded\r\n")
        live = "".join(wing.terminals.history.read_recording(SESSION, "pty"))
        self.assertIn("recorded", live)
        wing.type("exit\r")
        await wing.end()
        keys = "".join(wing.terminals.history.read_recording(SESSION, "keylog"))
        self.assertIn("echo reco''rded\\r", keys)
        entries, _ = wing.terminals.history.page(0, 1)
        self.assertTrue(entries[0].audit)

    async def test_recording_on_a_full_disk(self) -> None:
        wing = await self.wing(audit=True)
        await wing.shell()
        egg = eggs_of(self.home)[0]
        recording = self.directory() / PTY_RECORDING_FILE
        limit = recording.stat().st_size + 2000
        resource.prlimit(egg.pid, resource.RLIMIT_FSIZE, (limit, limit))
        wing.type("seq 1 5000; echo on''ward\r")
        await wing.hear("onward\r\n")
        info = wing.terminals.get(SESSION)
        assert info is not None
        self.assertEqual(info.recording_error, "the recording has stopped: File too large")
        self.assertTrue(recording.read_bytes().endswith(b"]\n"), "it ends with a whole line")
        wing.type("exit\r")
        await wing.end()
        (entry,) = wing.terminals.history.page(0, 1)[0]
        self.assertEqual(entry.recording_error, info.recording_error)
        self.flushLoggedErrors()

    async def test_nonsense_on_the_socket(self) -> None:
        wing = await self.wing()
        await wing.shell()

        class Stranger(Protocol):
            got = b""
            gone = False

            def dataReceived(self, data: bytes) -> None:
                self.got += data

            def connectionLost(self, reason: object = None) -> None:
                self.gone = True

        async def connect() -> Stranger:
            endpoint = UNIXClientEndpoint(reactor, str(self.directory() / EGG_SOCKET_FILE))
            stranger = await endpoint.connect(Factory.forProtocol(Stranger))
            assert isinstance(stranger, Stranger)
            return stranger

        for data in (b"\xff" * 100, b"\0\0\0\1\xc1"):
            stranger = await connect()
            stranger.transport.write(data)  # type: ignore[union-attr]
            await until(lambda stranger=stranger: stranger.gone, what="its dismissal")
        silent = await connect()
        silent.transport.write(encode(Kill()))  # type: ignore[union-attr]
        wing.type("echo un''harmed\r")
        await wing.hear("unharmed\r\n")
        silent.transport.write(encode(Hello()))  # type: ignore[union-attr]
        await wing.end()
        last = await connect()
        last.transport.write(encode(Hello()))  # type: ignore[union-attr]
        await until(lambda: silent.gone, what="its replacement")
        frames: FrameReader[object] = FrameReader(ToWing)
        self.assertEqual(frames.feed(silent.got)[-1], Replaced())
        last.transport.write(encode(Kill()))  # type: ignore[union-attr]
        await until(lambda: b"Exited" in last.got, what="the end")
        last.transport.loseConnection()  # type: ignore[union-attr]
        eggs_of(self.home)[0].terminate()


def await_now(coroutine: object) -> None:
    """Run a coroutine that does not wait."""
    try:
        coroutine.send(None)  # type: ignore[attr-defined]
    except StopIteration:
        return
