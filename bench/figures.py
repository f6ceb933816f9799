"""From samples to the figures in a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values do not exceed (nearest rank).

    Raises ValueError when there are no values or `percent` is not within 0-100.
    """
    if not values:
        raise ValueError("a percentile of nothing")
    if not 0 <= percent <= 100:
        raise ValueError(f"{percent} is no percentage")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> float:
    """How far the farthest value is from the median, as a part of the median (0.1 is 10 %).

    Raises ValueError when there are no values.
    """
    if not values:
        raise ValueError("a spread of nothing")
    centre = median(values)
    return max(abs(value - centre) for value in values) / centre if centre else 0.0


def figure(value: float) -> str:
    """A number with as many digits as mean something: three, and all that stand before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
