"""Words that people give to things, and that others are shown."""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]")
"""Control characters, line breaks, and those that turn the direction of what follows: a name with them can
look like another, or like none. The joiners inside emoji are not among them."""


def is_plain(text: str) -> bool:
    """Whether a name shows what it is."""
    return _HIDDEN.search(text) is None
