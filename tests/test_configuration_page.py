"""docs/configuration.md says what the source says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from twisted.trial.unittest import TestCase

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference.py"


class ConfigurationPageTests(TestCase):
    def test_the_page_is_up_to_date(self) -> None:
        spec = importlib.util.spec_from_file_location("reference", REFERENCE)
        assert spec is not None
        assert spec.loader is not None
        reference = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(reference)
        self.assertEqual(reference.PAGE.read_text(), reference.page(), "run 'make docs'")
