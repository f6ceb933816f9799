"""Which command lines of `fly` a make target stands for.

The words (`REGIONS=nrt,lhr COUNT=2`) come in the environment: make puts there what stands on its own command
line, and so no shell has a chance to read them in between. Everything here needs the standard library alone:
it must work on a machine where nothing has been built yet.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Final

from deploy.regions import REGIONS
from wingthing.errors import OperatorError

Words = Mapping[str, str]
Command = list[str]
"""The words of a `fly` command line, without `fly` itself."""

EDGES_EXAMPLE: Final = "make deploy-edge REGIONS=nrt,lhr COUNT=2"
SCALE_EXAMPLE: Final = "make scale LOGIN=1 EDGE=3"


def deploy(words: Words) -> list[Command]:
    """`fly deploy`, with the further options of `ARGS`."""
    return [["deploy", *shlex.split(words.get("ARGS", ""))]]


def deploy_edge(words: Words) -> list[Command]:
    """`COUNT` edges over the regions of `REGIONS`: one command for each region.

    Not one command with all regions: Fly reads its count as the total of the regions that are listed, and
    moves nothing that is there already. Two machines in Tokyo and none in London would pass as "two in Tokyo
    and London". One region at a time is exact, the others are not touched, and a region that has no room does
    not keep the rest from being served. Login is never named.

    Raises OperatorError when a word is missing or wrong.
    """
    regions = _regions(words)
    count = _number(words, "COUNT", EDGES_EXAMPLE, otherwise="1")
    if count == 0:
        raise OperatorError(
            "COUNT=0 puts no edge anywhere: "
            f"'fly scale count edge=0 --region {','.join(regions)}' removes those of a region, "
            "'make scale LOGIN=1 EDGE=0' removes all."
        )
    return [
        ["scale", "count", f"edge={number}", "--region", region, "--yes"]
        for region, number in spread(count, regions).items()
    ]


def spread(count: int, regions: list[str]) -> dict[str, int]:
    """How many edges each region gets: `count` of them in all, and at least one in every region.

    So `2` over two regions is one in each, and `1` over three is one in each as well; what does not divide
    evenly goes to the regions that are named first.
    """
    each, over = divmod(max(count, len(regions)), len(regions))
    return {region: each + (place < over) for place, region in enumerate(regions)}


def scale(words: Words) -> list[Command]:
    """The totals of both groups. Raises OperatorError for a number of login machines that does harm.

    `LOGIN` may be left out: there is exactly one.
    """
    login = _number(words, "LOGIN", SCALE_EXAMPLE, otherwise="1")
    edge = _number(words, "EDGE", SCALE_EXAMPLE)
    if login > 1:
        # Nothing overrides this: there is no state of the fleet in which it is right.
        raise OperatorError(
            f"LOGIN={login} would give each further login machine an empty volume, and with it a second, "
            "blank database: users would find their accounts or not, by chance. Keep LOGIN=1 and add edges."
        )
    if login == 0 and not _forced(words):
        raise OperatorError(
            "LOGIN=0 takes the service down: accounts, pages and the API are on login alone. "
            "Keep LOGIN=1, or add FORCE=1 if that is what you want."
        )
    return [["scale", "count", f"login={login}", f"edge={edge}", "--yes"]]


def status(_words: Words) -> list[Command]:
    """Every machine with its region and state, and how many there are of each kind."""
    return [["machines", "list"], ["scale", "show"]]


def found(_words: Words) -> list[Command]:
    """Nothing: only whether `fly` is there at all, before ten minutes of tests."""
    return []


TARGETS: Final[Mapping[str, Callable[[Words], list[Command]]]] = {
    "deploy": deploy,
    "deploy-edge": deploy_edge,
    "scale": scale,
    "status": status,
    "found": found,
}
"""Name of the make target -> the command lines that it stands for."""


def _regions(words: Words) -> list[str]:
    """The regions that are named, each once, in the order in which they are named."""
    named = list(dict.fromkeys(re.findall(r"[^\s,]+", words.get("REGIONS", "").lower())))
    if not named:
        raise OperatorError(f"REGIONS is missing: say where, as in '{EDGES_EXAMPLE}'.")
    wrong = [code for code in named if not re.fullmatch(r"[a-z]{3}", code)]
    if wrong:
        raise OperatorError(f"{wrong[0]!r} is no region: a region is three letters, as in '{EDGES_EXAMPLE}'.")
    unknown = [code for code in named if code not in REGIONS]
    if unknown and not _forced(words):
        known = ", ".join(f"{code} ({city})" for code, city in REGIONS.items())
        raise OperatorError(
            f"{' and '.join(repr(code) for code in unknown)}: no known region. Known are {known}. "
            "Add FORCE=1 if 'fly platform regions' lists it."
        )
    return named


def _number(words: Words, name: str, example: str, otherwise: str = "") -> int:
    """A count from 0 up. Raises OperatorError when it is missing or is something else."""
    text = words.get(name, "").strip() or otherwise
    if not text:
        raise OperatorError(f"{name} is missing: say how many, as in '{example}'.")
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise OperatorError(f"{name}={text} is no number of machines: say how many, as in '{example}'.")
    return int(text)


def _forced(words: Words) -> bool:
    return words.get("FORCE", "").strip() == "1"
