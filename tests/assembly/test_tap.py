"""The twistd plugin: its command line, and what it says. That it serves is tested with real processes."""

from __future__ import annotations

import contextlib
import io

from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from wingthing.assembly.tap import Options, _Sentences


class OptionsTests(TestCase):
    def refused(self, *words: str) -> str:
        err = io.StringIO()
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(err):
            end = self.assertRaises(SystemExit, Options().parseOptions, list(words))
        self.assertEqual(end.code, 2)
        self.assertEqual(err.getvalue().count("\n"), 1, err.getvalue())
        return err.getvalue()

    def test_what_is_no_option_is_one_sentence(self) -> None:
        self.assertIn("--nonsense", self.refused("--nonsense"))
        self.assertIn("'extra'", self.refused("extra"))
        self.assertIn("argument", self.refused("--addr"))

    def test_the_rest_is_understood(self) -> None:
        options = Options()
        options.parseOptions(["--addr", "127.0.0.1:0", "--allow-remote"])
        self.assertEqual((options["addr"], options["allow-remote"]), ("127.0.0.1:0", 1))


class StartTests(TestCase):
    def said(self, way_in: str | None) -> list[str]:
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        service = _Sentences(lambda: way_in)
        service.startService()
        self.addCleanup(service.stopService)
        return [text for text in map(formatEvent, events) if "wt url" in text]

    def test_says_how_to_get_the_link(self) -> None:
        self.assertEqual(
            self.said("wt url --data-dir /srv"),
            ["run 'wt url --data-dir /srv' for the link that lets a browser in; it works once"],
        )

    def test_a_node_without_a_link_says_nothing(self) -> None:
        self.assertEqual(self.said(None), [])
