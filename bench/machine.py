"""The machine that the figures come from: its processors, and how much of them a process uses."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cores() -> tuple[set[int], set[int]]:
    """The processors for the relay and for the load generator: one for each where there are two."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        return set(available), set(available)
    return {available[0]}, {available[1]}


@contextmanager
def on_cores(chosen: set[int]) -> Iterator[None]:
    """Run on these processors alone; processes that are started here stay on them."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def allow_many_files() -> int:
    """Raise the limit of open files to what may be had; processes started later inherit it. The limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def description() -> str:
    """One line about this machine and its load."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    count = len(os.sched_getaffinity(0))
    return (
        f"{count} core{'s' if count != 1 else ''} of {model}, Linux {platform.release()}, "
        f"Python {platform.python_version()}; load average before the run {os.getloadavg()[0]:.2f}"
    )
