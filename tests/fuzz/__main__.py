"""`python -m tests.fuzz [--seconds 600]`: bytes that nobody thought of, to the quick way and to Autobahn.

Both must hear the same messages and say the same bytes, whatever comes and however it is cut. libFuzzer
chooses the bytes by what they reach in `wingthing.sockets` and in Autobahn; it begins with the conformance
cases. It ends with code 0 after that time, and with another one at the first difference, exception, input
that takes ten seconds, or growth beyond the memory allowed; the input is then in a file that `python -m
tests.fuzz FILE` runs alone. Needs the extra `fuzz` (`pip install -e .[fuzz]`, Linux).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["wingthing.sockets", "wingthing.wire", "autobahn.websocket.protocol"]
):
    import txaio
    from twisted.internet.task import Clock

    from tests.sockets.conformance import CASES
    from tests.sockets.streams import compare, cut

SEED_BYTES = 1000
MOST_BYTES = 4096
HANG_SECONDS = 10
MEMORY_MIB = 1024


def one(data: bytes) -> None:
    """One input: a byte for each cut, after a byte that says how many there are, and then the stream."""
    txaio.config.loop = Clock()
    cuts = data[0] % 32 if data else 0
    sizes = [size + 1 for size in data[1 : 1 + cuts]]
    difference = compare(cut(data[1 + cuts :], sizes))
    if difference:
        raise AssertionError(difference)


def seeds(folder: Path) -> None:
    """The conformance cases, in one piece and cut."""
    for number, case in enumerate(case for case in CASES if len(case.sent) <= SEED_BYTES):
        (folder / f"whole-{number}").write_bytes(b"\0" + case.sent)
        (folder / f"cut-{number}").write_bytes(bytes([8, 0, 0, 0, 3, 0, 6, 1, 40]) + case.sent)


def main() -> None:
    """Fuzz for a while, or run one input."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("file", nargs="?", type=Path, help="run this input alone")
    parser.add_argument("--seconds", type=int, default=600, help="how long (default: 600)")
    given = parser.parse_args()
    if given.file is not None:
        one(given.file.read_bytes())
        return
    with tempfile.TemporaryDirectory(prefix="wt-fuzz-") as corpus:
        seeds(Path(corpus))
        limits = [
            f"-max_total_time={given.seconds}",
            f"-max_len={MOST_BYTES}",
            f"-timeout={HANG_SECONDS}",
            f"-rss_limit_mb={MEMORY_MIB}",
        ]
        atheris.Setup([sys.argv[0], corpus, *limits], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
