"""What a rehearsal is to consist of."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path

import attrs

from wingthing.errors import OperatorError
from wingthing.rehearsal.facts import APP_NAME, FIRST_PORT, MOST_MACHINES

REGION = re.compile(r"[a-z]{3}")
MOST_PORT = 65535

SERVE = (sys.executable, "-P", "-m", "wingthing.cli", "serve")
"""What runs on every machine, in every role."""


@attrs.frozen
class Plan:
    """See `make_plan` for the checked way to one."""

    regions: tuple[str, ...]
    """The first one has login."""

    edges: tuple[str, ...]
    """The region of each edge."""

    directory: Path | None = None
    """The work folder; None for the usual one."""

    port: int = FIRST_PORT
    """Of the first region's URL; the next regions have the next ports. 0: any free ones."""

    command: Sequence[str] = SERVE
    environment: Mapping[str, str] = {}
    """More variables for every machine."""

    app: str = APP_NAME

    def port_of(self, index: int) -> int:
        """The port of the region with that index. Raises OperatorError when there is no such port."""
        port = self.port + index if self.port else 0
        if port > MOST_PORT:
            raise OperatorError(f"There is no port {port}: choose a lower first port with --port.")
        return port


def make_plan(
    regions: Sequence[str],
    edges: int | None = None,
    *,
    directory: Path | None = None,
    port: int = FIRST_PORT,
    command: Sequence[str] = SERVE,
    environment: Mapping[str, str] | None = None,
) -> Plan:
    """Login in the first region, and edges: `edges` in all, in turn from the second region on; when None, one
    in each region but the first.

    Raises OperatorError when that cannot be.
    """
    if not regions:
        raise OperatorError("A fleet needs a region: name at least one with --regions.")
    for region in regions:
        check_region(region)
    if len(set(regions)) != len(regions):
        raise OperatorError("A region is named twice: --edges says how many machines there are.")
    number = len(regions) - 1 if edges is None else edges
    if not 0 <= number < MOST_MACHINES:
        raise OperatorError(f"--edges {number}: a rehearsal has 0 to {MOST_MACHINES - 1} edges.")
    in_turn = cycle([*regions[1:], regions[0]])
    return Plan(
        regions=tuple(regions),
        edges=tuple(islice(in_turn, number)),
        directory=directory,
        port=port,
        command=command,
        environment=environment or {},
    )


def check_region(region: str) -> str:
    """A region's code, as it is. Raises OperatorError when it cannot be one."""
    if not REGION.fullmatch(region):
        raise OperatorError(f"{region!r} is no region: Fly's have three small letters, like ewr, nrt or lhr.")
    return region
