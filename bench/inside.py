"""`python -m bench.inside FILE ...`: `wt ...` that tells FILE what it holds, part by part, at each SIGUSR1.

Only what Python allocates, and with the cost of being watched left out: for a difference between two moments.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

PARTS = {
    "socket and transport (Twisted, Python)": ("/twisted/", "/socket.py", "/selectors.py"),
    "WebSocket (Autobahn and wingthing.sockets)": ("/autobahn/", "/txaio/", "/wingthing/sockets/", "/cffi/"),
    "relay (who is connected, and what is open)": ("/wingthing/relay/", "/wingthing/wire/", "<attrs"),
    "identity (token, user)": ("/wingthing/", "/jwt/", "/json/", "/attr/", "/cryptography/"),
}
"""A part -> what is in the paths of its files. The first that fits counts."""

OTHER = "everything else"


def part_of(filename: str) -> str:
    """The part that a file belongs to."""
    for name, marks in PARTS.items():
        if any(mark in filename for mark in marks):
            return name
    return OTHER


def held() -> dict[str, int]:
    """Bytes that are held now, by part."""
    gc.collect()
    sizes: Counter[str] = Counter()
    for statistic in tracemalloc.take_snapshot().statistics("filename"):
        filename = statistic.traceback[0].filename
        if filename not in (__file__, tracemalloc.__file__):
            sizes[part_of(filename)] += statistic.size
    return dict(sizes)


def main() -> None:
    """Run `wt` and answer signals."""
    target = Path(sys.argv.pop(1))

    def tell(*_signal: object) -> None:
        line = json.dumps(held())
        with target.open("a") as sink:
            sink.write(line + "\n")

    signal.signal(signal.SIGUSR1, tell)
    tracemalloc.start()
    from wingthing.cli import main as wt

    wt()


if __name__ == "__main__":
    main()
