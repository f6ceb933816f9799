"""Tables and their places in docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase

from bench.__main__ import TABLES
from bench.report import PAGE, Table, write

TABLE = Table("Title", ["what", "ms"], rows=[["key", "1.5"]], notes=["One key."])


class ReportTests(TestCase):
    """Markdown, and only in its place."""

    def test_markdown(self) -> None:
        self.assertEqual(TABLE.markdown(), "| what | ms |\n|---|---:|\n| key | 1.5 |\n\n- One key.\n")

    def test_write_replaces_its_own_place_only(self) -> None:
        page = Path(self.mktemp())
        page.write_text(
            "a\n<!-- echo -->\nold\n<!-- end of echo -->\nz\n<!-- relay -->\nkept\n<!-- end of relay -->\n"
        )
        for _ in range(2):
            write("echo", TABLE, page)
            text = page.read_text()
            self.assertNotIn("old", text)
            self.assertTrue(text.startswith("a\n<!-- echo -->\n"))
            self.assertTrue(
                text.endswith("<!-- end of echo -->\nz\n<!-- relay -->\nkept\n<!-- end of relay -->\n")
            )
            self.assertEqual(text.count("| key | 1.5 |"), 1)

    def test_a_page_without_the_place(self) -> None:
        page = Path(self.mktemp())
        page.write_text("nothing\n")
        with self.assertRaises(ValueError):
            write("echo", TABLE, page)
        self.assertEqual(page.read_text(), "nothing\n")

    def test_the_page_has_a_place_for_each_benchmark(self) -> None:
        text = PAGE.read_text()
        for name in TABLES:
            self.assertIn(f"<!-- {name} -->\n", text)
            self.assertIn(f"<!-- end of {name} -->", text)
