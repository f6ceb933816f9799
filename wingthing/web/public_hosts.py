"""Connections to hosts that users name, but to public ones only: nobody has this server ask its neighbours.

The name is resolved once, and what is connected to is the address that was looked at: a name that answers
with another address the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from wingthing.wire.account_limits import NOTIFICATION_SECONDS

NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Stands for IPv4 addresses (RFC 6052), private ones too."""


def is_public(host: str) -> bool:
    """Whether an address is one of the public internet's."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        # Others that stand for an IPv4 address.
        if address.sixtofour is not None or address.teredo is not None or address in NAT64:
            return False
    return address.is_global and not address.is_multicast


def is_public_or_loopback(host: str) -> bool:
    """The same on a server whose users own it."""
    try:
        return ipaddress.ip_address(host).is_loopback or is_public(host)
    except ValueError:
        return False


@implementer(IResolutionReceiver)
class _Sieve:
    """Passes on the addresses that are allowed."""

    def __init__(self, receiver: IResolutionReceiver, allowed: Callable[[str], bool]) -> None:
        self._receiver = receiver
        self._allowed = allowed

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        self._receiver.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: IAddress) -> None:
        if self._allowed(str(getattr(address, "host", ""))):
            self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:
        self._receiver.resolutionComplete()


@implementer(IHostnameResolver)
class _Resolver:
    def __init__(self, resolver: IHostnameResolver, allowed: Callable[[str], bool]) -> None:
        self._resolver = resolver
        self._allowed = allowed

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        sieve = _Sieve(resolutionReceiver, self._allowed)
        return self._resolver.resolveHostName(sieve, hostName, portNumber, addressTypes, transportSemantics)


@implementer(IReactorPluggableNameResolver)
class _Reactor:
    """The reactor with another resolver: what HostnameEndpoint asks of one."""

    def __init__(self, reactor: Any, allowed: Callable[[str], bool]) -> None:
        self._reactor = reactor
        self.nameResolver = _Resolver(reactor.nameResolver, allowed)

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        raise TypeError("this resolver stays")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


@implementer(IAgentEndpointFactory)
class _Endpoints:
    def __init__(self, reactor: Any, allowed: Callable[[str], bool]) -> None:
        self._reactor = _Reactor(reactor, allowed)
        self._policy = BrowserLikePolicyForHTTPS()

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        host: IStreamClientEndpoint = HostnameEndpoint(
            self._reactor, uri.host, uri.port, timeout=NOTIFICATION_SECONDS
        )
        if uri.scheme != b"https":
            return host
        return wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), host)


def agent(reactor: Any, allowed: Callable[[str], bool] = is_public) -> IAgent:
    """An HTTP client for them. A name without an `allowed` address is like one that does not exist."""
    made: IAgent = Agent.usingEndpointFactory(reactor, _Endpoints(reactor, allowed))
    return made
