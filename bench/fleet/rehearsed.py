"""A rehearsal to measure in: its user, and its nodes as relays that are entered at a region."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs

from bench.client import Relay
from tests.integration.fleet import Rehearsal
from tests.integration.people import People


@attrs.frozen
class Fleet:
    """A rehearsal that is up."""

    rehearsal: Rehearsal
    cookie: str
    token: str

    def at(self, region: str, *, wing: bool = False) -> Relay:
        """The fleet entered at a region, through the public proxy; as a wing, or as a browser."""
        where = urllib.parse.urlsplit(self.rehearsal.url(region))
        assert where.hostname is not None
        assert where.port is not None
        return Relay(
            region,
            where.hostname,
            where.port,
            token=self.token if wing else "",
            cookie="" if wing else self.cookie,
        )

    def straight(self, region: str) -> Relay:
        """The machine of a region itself, as a browser would reach it without the proxy."""
        host, _, port = self.rehearsal.machine(region).address.rpartition(":")
        named = urllib.parse.urlsplit(self.rehearsal.url()).netloc
        return Relay(region, host, int(port), cookie=self.cookie, named=named)


@contextmanager
def fleet(regions: Sequence[str]) -> Iterator[Fleet]:
    """Login in the first region, an edge in each other one. Raises RuntimeError when a node logs an error."""
    with Rehearsal(regions) as rehearsal:
        people = People(rehearsal)
        yield Fleet(rehearsal, people.cookie, people.token())
        logs = rehearsal.tracebacks()
        if logs:
            raise RuntimeError(f"errors were logged: {logs}")
