"""How many files the process may have open."""

from __future__ import annotations

import resource

from twisted.trial.unittest import TestCase

from wingthing.assembly import open_files


class OpenFilesTests(TestCase):
    def setUp(self) -> None:
        self.limits = (1024, 65536)
        self.refusing = False
        self.said: list[str] = []
        self.patch(resource, "getrlimit", lambda _which: self.limits)
        self.patch(resource, "setrlimit", self._set)
        self.patch(open_files, "log", self)

    def _set(self, which: int, limits: tuple[int, int]) -> None:
        self.assertEqual(which, resource.RLIMIT_NOFILE)
        if self.refusing:
            raise ValueError("current limit exceeds maximum limit")
        self.limits = limits

    def warn(self, words: str, **fields: object) -> None:
        self.said.append(words.format(**fields))

    def test_the_soft_limit_becomes_the_hard_one(self) -> None:
        self.assertEqual(open_files.allow_many_files(), 65536)
        self.assertEqual((self.limits, self.said), ((65536, 65536), []))

    def test_few_are_worth_a_line(self) -> None:
        self.limits = (256, 4095)
        self.assertEqual(open_files.allow_many_files(), 4095)
        (line,) = self.said
        self.assertIn("only 4095 files", line)

    def test_a_system_that_refuses(self) -> None:
        self.refusing = True
        self.assertEqual(open_files.allow_many_files(), 1024)
        self.assertEqual(len(self.said), 1)

    def test_no_limit_is_not_few(self) -> None:
        self.limits = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        open_files.allow_many_files()
        self.assertEqual(self.said, [])
