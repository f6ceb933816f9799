"""From the keystroke to the character on the screen: in the browser app, and in a terminal without one.

A real Chromium types into a terminal of a real `wt roost`. Three times are taken in the page, all from the
time stamp of the key event: when the message with the key is sent, when the message with the echo arrives
(node, wing, terminal and back), and the first animation frame at which the character stands in the terminal's
buffer. Beside it the same way with a bare WebSocket client in place of the browser, which leaves what the
server and the wing take; and the same shell on a bare PTY: what no design can undercut.
"""

from __future__ import annotations

import os
import pty
import random
import select
import signal
import string
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import attrs
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, sync_playwright
from rich.console import Console

from bench import machine
from bench.figures import figure, percentile
from bench.report import Table
from tests.browser import chromium
from tests.browser.conftest import DESKTOP, FLAGS
from tests.integration.peers import FieldBrowser
from tests.integration.program import Server, end_eggs, environment, eventually
from wingthing.wing.agents import login_shell

PROMPT_SECONDS = 1.0
"""How long a shell may take to complete the prompt that it has begun."""

PATIENCE_SECONDS = 30.0
BLOCK = 20
"""Keys in a row before the other terminal has its turn."""

PAUSE_SECONDS = (0.04, 0.09)
"""Between keys; by chance, so that they do not fall in step with the animation frames."""

HOOKS = """
(() => {
  const key = { expected: "", pressed: 0, sent: 0, arrived: 0, tell: null };
  window.__bench = {
    // The next key is to bring `expected` to the screen: `times` is [sent, arrived, seen], ms after the key.
    expect(expected) {
      Object.assign(key, { expected, pressed: 0, sent: 0, arrived: 0 });
      this.times = new Promise((tell) => { key.tell = tell; });
    },
  };
  window.WebSocket = class extends window.WebSocket {
    constructor(...words) {
      super(...words);
      this.addEventListener("message", (event) => {
        if (key.pressed && !key.arrived && String(event.data).includes('"pty.output"')) {
          key.arrived = performance.now();
        }
      });
    }
    send(data) {
      if (key.pressed && !key.sent && String(data).includes('"pty.input"')) key.sent = performance.now();
      super.send(data);
    }
  };
  const look = () => {
    const now = performance.now();
    if (window.__wt.screenText().replace(/\\s/g, "").includes(key.expected)) {
      key.tell([key.sent, key.arrived, now].map((time) => time - key.pressed));
    } else if (now - key.pressed > GIVE_UP) {
      key.tell(null);
    } else {
      requestAnimationFrame(look);
    }
  };
  window.addEventListener("keydown", (event) => {
    key.pressed = event.timeStamp;
    requestAnimationFrame(look);
  }, true);
})();
""".replace("GIVE_UP", f"{PATIENCE_SECONDS * 1000:.0f}")


class NoBrowser(Exception):
    """There is no Chromium, or the browser app is not built."""


@attrs.define
class Samples:
    """Milliseconds of each keystroke."""

    plain: list[float] = attrs.field(factory=list)
    wire: list[float] = attrs.field(factory=list)
    sent: list[float] = attrs.field(factory=list)
    arrived: list[float] = attrs.field(factory=list)
    seen: list[float] = attrs.field(factory=list)


class PlainTerminal:
    """The user's shell on a PTY of this process."""

    def __init__(self, home: Path) -> None:
        shell = login_shell()
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            try:
                os.execve(shell, [f"-{Path(shell).name}"], {**environment(home), **look(home)})
            finally:
                os._exit(127)
        self._read_until(b"")
        while select.select([self._master], [], [], PROMPT_SECONDS)[0]:
            os.read(self._master, 65536)

    def press(self, character: str) -> float:
        """Milliseconds until the shell has echoed it."""
        begin = time.perf_counter()
        os.write(self._master, character.encode())
        self._read_until(character.encode())
        return (time.perf_counter() - begin) * 1000

    def close(self) -> None:
        """End the shell."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._master)

    def _read_until(self, wanted: bytes) -> None:
        seen = b""
        while not seen or wanted not in seen:
            ready, _, _ = select.select([self._master], [], [], PATIENCE_SECONDS)
            if not ready:
                raise TimeoutError(f"the shell did not say {wanted!r}, but {seen!r}")
            seen += os.read(self._master, 65536)


class WireTerminal:
    """A terminal of the same wing, opened by a WebSocket client that is no browser."""

    def __init__(self, server: Server) -> None:
        (wing,) = cast(list[dict[str, str]], server.api("/api/app/wings"))
        self._wing_key = wing["public_key"]
        self._socket = FieldBrowser(
            server.ws, {"Cookie": server.cookie()}, wing["wing_id"], origin=server.url
        )
        self._socket.start()
        self._session_id = self._socket.hear("pty.started")["session_id"]
        self._socket.read(self._wing_key)
        while not self._socket.silent(PROMPT_SECONDS):
            pass

    def press(self, character: str) -> float:
        """Milliseconds until the shell's echo has come and is decrypted."""
        begin = time.perf_counter()
        self._socket.type(self._session_id, self._wing_key, character.encode())
        self._socket.read_until(self._wing_key, character.encode())
        return (time.perf_counter() - begin) * 1000

    def close(self) -> None:
        """End the terminal."""
        self._socket.say("pty.kill", session_id=self._session_id)
        self._socket.hear("pty.exited")
        self._socket.close()


def look(home: Path) -> dict[str, str]:
    """Variables that make a shell the same on every machine."""
    return {"HOME": str(home), "PS1": "$ ", "TERM": "xterm-256color"}


@contextmanager
def browser_terminal(folder: Path) -> Iterator[tuple[Page, Server]]:
    """A page with a terminal in front that shows its prompt, and its server. Raises NoBrowser."""
    path = chromium.find()
    if path is None:
        raise NoBrowser("Chromium is not installed (sudo apt-get install chromium)")
    home = folder / "home"
    home.mkdir()
    server = Server(home, "roost", "--paths", str(folder), **look(folder))
    try:
        with sync_playwright() as playwright:
            running = playwright.chromium.launch(executable_path=path, args=FLAGS)
            page = running.new_context(viewport=DESKTOP).new_page()  # type: ignore[arg-type]
            page.set_default_timeout(PATIENCE_SECONDS * 1000)
            page.add_init_script(HOOKS)
            page.goto(server.link())
            try:
                page.get_by_test_id("new-terminal").click()
                page.get_by_test_id("open-terminal").click()
                page.wait_for_selector('[data-testid="terminal"][data-phase="live"]')
                eventually(lambda: page.evaluate("window.__wt.screenText().trim()"), "the shell's prompt")
            except PlaywrightError as why:
                shown = page.inner_text("body")
                raise NoBrowser(f"the browser app opened no terminal; it shows: {shown[:300]!r}") from why
            time.sleep(PROMPT_SECONDS)
            yield page, server
            running.close()
    finally:
        server.stop()
        # Terminals outlive their server by design.
        end_eggs(home)


def prompt_in(page: Page) -> str:
    """The last line of the screen, without spaces."""
    shown: str = page.evaluate("window.__wt.screenText()")
    return "".join(shown.rstrip().splitlines()[-1].split())


def type_in_browser(page: Page, text: str, before: str, samples: Samples) -> None:
    """Type `text` after `before` (without spaces), key by key, each when the one before is on the screen."""
    for position, character in enumerate(text, start=1):
        expected = before + text[:position]
        page.evaluate("(expected) => window.__bench.expect(expected)", expected)
        page.keyboard.press(character)
        times = page.evaluate("window.__bench.times")
        if times is None:
            raise TimeoutError(f"{expected!r} did not come to the screen: {prompt_in(page)!r} is there")
        for values, time_taken in zip((samples.sent, samples.arrived, samples.seen), times, strict=True):
            values.append(time_taken)
        time.sleep(random.uniform(*PAUSE_SECONDS))


def run(console: Console, *, keys: int) -> Table:
    """Measure and make the table. Raises NoBrowser when there is nothing to type into."""
    about = machine.description()
    samples = Samples()
    text = "".join(random.choices(string.ascii_lowercase, k=keys))
    with tempfile.TemporaryDirectory(prefix="wt-bench-") as name:
        folder = Path(name)
        with browser_terminal(folder) as (page, server):
            prompt = prompt_in(page)
            with ExitStack() as closing:
                plain = PlainTerminal(folder)
                closing.callback(plain.close)
                wire = WireTerminal(server)
                closing.callback(wire.close)
                for begin in range(0, keys, BLOCK):
                    block = text[begin : begin + BLOCK]
                    console.print(f"keys {begin + 1} to {begin + len(block)}", style="dim")
                    type_in_browser(page, block, prompt + text[:begin], samples)
                    for terminal, values in ((wire, samples.wire), (plain, samples.plain)):
                        for character in block:
                            values.append(terminal.press(character))
                            time.sleep(random.uniform(*PAUSE_SECONDS))
    table = Table("Echo: from key to character", ["what", "p50 ms", "p95 ms", "worst ms"])
    for what, values in (
        ("the shell on a bare PTY, no browser, no network", samples.plain),
        ("bare WebSocket client: key sent to echo decrypted", samples.wire),
        ("browser app: key event to its message being sent", samples.sent),
        ("browser app: key event to the echo's arrival in the page", samples.arrived),
        ("browser app: key event to the character on the screen", samples.seen),
    ):
        table.rows.append([what, *(figure(percentile(values, part)) for part in (50, 95, 100))])
    bare, direct, arrived, seen = (
        percentile(values, 50) for values in (samples.plain, samples.wire, samples.arrived, samples.seen)
    )
    shortest, longest = (seconds * 1000 for seconds in PAUSE_SECONDS)
    table.notes += [
        f"{keys} keys, in turns of {BLOCK}, {shortest:.0f} to {longest:.0f} ms apart.",
        f"Server, wing and terminal process: {direct - bare:.1f} ms more than the bare PTY (medians), "
        "encryption included.",
        f"The browser app's median is {seen - bare:.1f} ms more than the bare PTY's: {arrived - bare:.1f} "
        f"ms until the echo is in the page, {seen - arrived:.1f} ms to decrypt it and to wait for the frames "
        "(16.7 ms each at 60 Hz) on which it is written and drawn.",
        "Chromium, `wt roost`, the terminal's process and the measuring program share the processors.",
        f"Machine: {about}.",
    ]
    return table
