"""docs/configuration.md says what the source says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference.py"


def reference() -> Any:
    """The script that writes the page."""
    spec = importlib.util.spec_from_file_location("reference", REFERENCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ConfigurationPageTests(TestCase):
    def test_the_page_is_up_to_date(self) -> None:
        script = reference()
        self.assertEqual(script.PAGE.read_text(), script.page(), "run 'make docs'")

    def test_every_row_says_what_it_is(self) -> None:
        script = reference()
        rows = [
            *script.constants("wingthing/names.py"),
            *(row for module in script.LIMITS for row in script.constants(module)),
            *script.members("wingthing/wire/closing.py", "CloseCode"),
        ]
        self.assertEqual([name for name, _value, text in rows if not text], [])
