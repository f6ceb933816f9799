"""The one service of this node, by its role. Decided here, once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wingthing.assembly.config import Config
from wingthing.assembly.roles import Role

if TYPE_CHECKING:
    from wingthing.assembly.node import Node


def make_server(reactor: Any, config: Config, environment: Mapping[str, str] = os.environ) -> Node:
    """The service of this node. Raises OperatorError with what must be put right.

    Each role's module is loaded for that role alone: a node that is alone has no part of a fleet in it.
    """
    boot = secrets.token_hex(8)
    if config.role is Role.EDGE:
        from wingthing.assembly.edge import EdgeNode
        from wingthing.crypto.keyring import KeyRing

        return EdgeNode(reactor, config, KeyRing.of_fleet(environment), boot)
    from wingthing.store.signing_key import signing_keys

    assert config.data_dir is not None
    if config.role is Role.LOGIN:
        from wingthing.assembly.login import LoginNode
        from wingthing.crypto.keyring import KeyRing

        assert config.fleet is not None
        keys = KeyRing.of_fleet(environment)
        return LoginNode(reactor, config, keys, config.data_dir, machine=config.fleet.machine, boot=boot)
    from wingthing.assembly.single import SingleNode

    keys = signing_keys(config.data_dir, environment)
    return SingleNode(reactor, config, keys, config.data_dir, machine=ALONE, boot=boot)


ALONE = "single"
"""The machine of a node without a fleet, in its own books."""
