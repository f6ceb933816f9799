"""Which role this process has in which deployment. Decided once, here, at the start."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from wingthing.errors import OperatorError
from wingthing.names import ENV_FLY_MACHINE_ID, ENV_NODE_ROLE


class Role(enum.StrEnum):
    """What a node is in its deployment."""

    SINGLE = "single"
    LOGIN = "login"
    EDGE = "edge"


def decide(environment: Mapping[str, str], *, has_volume: bool) -> Role:
    """The role of this process.

    `has_volume` says whether Fly's volume is mounted. `WT_NODE_ROLE` overrides what is found.
    Raises OperatorError when it names no role.
    """
    named = environment.get(ENV_NODE_ROLE)
    if named:
        try:
            return Role(named)
        except ValueError:
            roles = ", ".join(Role)
            raise OperatorError(
                f"{ENV_NODE_ROLE} is {named!r}: set it to one of {roles}, or unset it."
            ) from None
    if not environment.get(ENV_FLY_MACHINE_ID):
        return Role.SINGLE
    return Role.LOGIN if has_volume else Role.EDGE
