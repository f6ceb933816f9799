"""Months (calendar months in UTC), and how limits of a plan are put into words."""

from __future__ import annotations

import datetime


def day_of(unix_seconds: float) -> str:
    """The day of a moment in UTC, YYYY-MM-DD."""
    return _utc(unix_seconds).strftime("%Y-%m-%d")


def month_of(unix_seconds: float) -> str:
    """The month of a moment in UTC, YYYY-MM."""
    return day_of(unix_seconds)[:7]


def month_end(month: str) -> float:
    """When a month (YYYY-MM) is over: the first moment of the next one, in Unix seconds."""
    year, number = int(month[:4]), int(month[5:7])
    first = datetime.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=datetime.UTC)
    return first.timestamp()


def days_until(unix_seconds: float) -> list[str]:
    """The days of the month of a moment, from the first to the one of that moment."""
    today = day_of(unix_seconds)
    return [f"{today[:7]}-{number:02}" for number in range(1, int(today[8:]) + 1)]


def date_in_words(unix_seconds: float) -> str:
    """A date as `1 December 2026 (UTC)`."""
    at = _utc(unix_seconds)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year} (UTC)"


def size_in_words(size: int) -> str:
    """A number of bytes in powers of 1024: `1 GiB`, `1.5 MiB`, `800 bytes`."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if size >= 1024**power:
            return f"{round(size / 1024**power, 1):g} {unit}"
    return f"{size} byte" + ("" if size == 1 else "s")


def cap_reached(cap: int, month: str) -> str:
    """What somebody reads who has used up the cap of the free plan."""
    return (
        f"You have used up this month's {size_in_words(cap)} of the free plan. Your terminals go on running; "
        f"you can open them again on {date_in_words(month_end(month))}, or at once on the pro plan."
    )


def cap_near(cap: int, month: str) -> str:
    """The same for somebody who has come to `notice_at` of it."""
    return (
        f"You have used 80 % of this month's {size_in_words(cap)} of the free plan. When it is used up, your "
        f"terminals go on running, but can be opened again only on {date_in_words(month_end(month))}, or on "
        "the pro plan."
    )


def notice_at(cap: int) -> int:
    """From how many bytes on: 80 % of the cap."""
    return cap * 4 // 5


def _utc(unix_seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(unix_seconds, datetime.UTC)


# Not strftime("%B"): that depends on the locale.
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
