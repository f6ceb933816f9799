"""The limits of `rates` for a request: the node's site has them, and a site without them limits nothing."""

from __future__ import annotations

from typing import Any

from wingthing.relay.client_address import client_address
from wingthing.relay.rates import Limits


def check(request: Any, name: str, *, account: str = "", subject: str = "", times: int = 1) -> None:
    """Count `name` for the client's address, and for the account and the subject if there are any.

    Raises PeerError (429) when it has been too often by one of them; then nothing is counted.
    """
    limits = limits_of(request)
    if limits is not None:
        limits.check(name, address=client_address(request), account=account, subject=subject, times=times)


def check_account(request: Any, name: str, account: str) -> None:
    """The same for the account alone: its address has been counted before anybody knew whose it is."""
    limits = limits_of(request)
    if limits is not None:
        limits.check(name, account=account)


def give_back(request: Any, name: str, *, account: str = "", subject: str = "") -> None:
    """What `check` has counted was no such thing after all."""
    limits = limits_of(request)
    if limits is not None:
        limits.give_back(name, address=client_address(request), account=account, subject=subject)


def limits_of(request: Any) -> Limits | None:
    """The limits of the node that has got a request."""
    found: Limits | None = getattr(getattr(request, "site", None), "limits", None)
    return found
