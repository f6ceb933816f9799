"""The public proxy: one port of 127.0.0.1 for each region, as if a client were near it.

It does what Fly's does as far as this program depends on it: balances over the machines of the region that a
request came in at, else of any other; adds Fly's headers and takes nothing away; follows `fly-replay`; and is
out of the way once a WebSocket is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import h11
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory

from wingthing.errors import OperatorError
from wingthing.rehearsal.balance import Backend, Balance
from wingthing.rehearsal.client_side import ClientSide
from wingthing.rehearsal.dialer import Dialer
from wingthing.rehearsal.exchange import Exchange

HOST = "127.0.0.1"


class Proxy:
    """`machines()` are all that there are; see Backend for which of them get requests."""

    def __init__(self, reactor: Any, app: str, machines: Callable[[], Sequence[Backend]]) -> None:
        self._reactor = reactor
        self._app = app
        self._balance = Balance(app, machines)
        self._dialer = Dialer(reactor, self._balance)
        self._ports: dict[str, IListeningPort] = {}
        self._clients: set[ClientSide] = set()
        self.ports: dict[str, int] = {}
        """The port of each region."""

    def listen(self, region: str, port: int) -> None:
        """Serve a region; at a free port for 0. Raises OperatorError when the port is taken."""
        try:
            listening = self._reactor.listenTCP(port, _Region(self._client, region), interface=HOST)
        except CannotListenError as why:
            raise OperatorError(
                f"Port {port} at {HOST}, for region {region}, is taken: stop what uses it, or choose another "
                "first port with --port."
            ) from why
        self._ports[region] = listening
        self.ports[region] = listening.getHost().port

    def url(self, region: str) -> str:
        """Where a client near that region finds the app."""
        return f"http://{HOST}:{self.ports[region]}"

    def cut(self, machine_id: str) -> None:
        """Cut a machine off from the public side."""
        self._dialer.cut(machine_id)

    def heal(self, machine_id: str) -> None:
        """Undo it."""
        self._dialer.heal(machine_id)

    def is_cut(self, machine_id: str) -> bool:
        """Whether a machine is cut off from the public side."""
        return self._dialer.is_cut(machine_id)

    def close(self) -> Deferred[Any]:
        """Listen no more and cut every connection; fires when the ports are free."""
        for client in tuple(self._clients):
            client.transport.abortConnection()
        self._dialer.close()
        ports = [port.stopListening() for port in self._ports.values()]
        return gatherResults([done for done in ports if isinstance(done, Deferred)])

    def _client(self, region: str) -> ClientSide:
        client = ClientSide(self._reactor, region, self._exchange, self._clients.discard)
        self._clients.add(client)
        return client

    def _exchange(self, client: ClientSide, request: h11.Request) -> Exchange:
        return Exchange(self._reactor, self._app, self._balance, self._dialer, client, request)


class _Region(Factory):
    noisy = False

    def __init__(self, client: Callable[[str], ClientSide], region: str) -> None:
        self._client = client
        self._region = region

    def buildProtocol(self, addr: IAddress | None) -> ClientSide:
        return self._client(self._region)
