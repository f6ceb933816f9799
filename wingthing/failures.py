"""Connection errors in words."""

from __future__ import annotations

import os


def error_words(why: BaseException | None) -> str:
    """What goes into a sentence for a person: `connection refused`, `no such host`."""
    reasons = getattr(why, "reasons", None)
    if reasons:
        # treq wraps what went wrong on the line.
        return error_words(reasons[0].value)
    number = getattr(why, "osError", None)
    words = os.strerror(number) if isinstance(number, int) else str(why).strip().rstrip(".")
    if not words:
        return type(why).__name__
    # "DNS lookup failed" keeps its capitals.
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]
