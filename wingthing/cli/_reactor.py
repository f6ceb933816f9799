"""Runs one coroutine on the reactor to its end: for commands that talk to a server and are done."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def run(main: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
    """The result of `main(reactor)`, or what it raises. Ctrl-C raises click's Abort. Once per process."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    results: list[T] = []
    failures: list[Failure] = []

    def begin() -> None:
        running: Deferred[T] = Deferred.fromCoroutine(main(reactor))
        running.addCallbacks(results.append, failures.append)
        running.addCallback(lambda _none: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if failures:
        failures[0].raiseException()
    if not results:
        raise click.Abort
    return results[0]
