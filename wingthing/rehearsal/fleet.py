"""A rehearsal as a whole: its machines, networks, DNS and public side, and the commands that drive it."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.utils import getProcessOutputAndValue
from twisted.logger import Logger

from wingthing.errors import OperatorError
from wingthing.names import (
    ENV_BASE_URL,
    ENV_DIR,
    ENV_DNS,
    ENV_FLY_APP_NAME,
    ENV_FLY_MACHINE_ID,
    ENV_FLY_PRIVATE_IP,
    ENV_FLY_REGION,
    ENV_JWT_KEY,
    ENV_NODE_ROLE,
)
from wingthing.rehearsal.addresses import Block, claim
from wingthing.rehearsal.control import Control
from wingthing.rehearsal.dns import Internal, Resolver, Started
from wingthing.rehearsal.facts import (
    DNS_PORT,
    EDGE,
    ENV_FLY_PROCESS_GROUP,
    ENV_PRIMARY_REGION,
    FOREIGN_VARIABLES,
    LOGIN,
    MOST_MACHINES,
    READY_SECONDS,
)
from wingthing.rehearsal.folder import Folder
from wingthing.rehearsal.health import Probe, Watch
from wingthing.rehearsal.machine import Machine, Place, State
from wingthing.rehearsal.network import Network
from wingthing.rehearsal.plan import SERVE, Plan, check_region
from wingthing.rehearsal.proxy import Proxy
from wingthing.rehearsal.status import FleetStatus, MachineStatus

WINGS, BROWSERS = "wingthing_wings", "wingthing_browsers"
"""The metrics that the status shows."""


def clean_environment() -> dict[str, str]:
    """The caller's environment without what a machine has of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_VARIABLES)}


class Fleet:
    """`await start()`, the commands, `await close()`. `notice(line)` is told of what happens unasked.

    Commands name a machine by its id, the beginning of it, `login`, `edge` or a region, if only one answers
    to that. They raise OperatorError.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, plan: Plan, notice: Callable[[str], object] = lambda _line: None
    ) -> None:
        self._reactor = reactor
        self._plan = plan
        self._notice = notice
        self.folder = Folder(plan.directory)
        self.machines: list[Machine] = []
        self._resolvers: dict[str, Resolver] = {}
        self._block: Block | None = None
        self._network: Network | None = None
        self._probe = Probe(reactor)
        self._watch = Watch(reactor, self._probe, lambda: self.machines)
        self.proxy = Proxy(reactor, plan.app, lambda: self.machines)
        self._control = Control(
            reactor,
            self.folder,
            {
                "status": self.status,
                "kill": self.kill,
                "stop": self.stop,
                "start": self.start_machine,
                "restart": self.restart,
                "partition": self.partition,
                "slow": self.slow,
                "heal": self.heal,
                "add": self.add,
                "link": self.login_link,
            },
        )
        self._closing = False

    # -- its life --------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Take the folder and the addresses. Raises OperatorError when another has them."""
        self.folder.take()
        try:
            self._block = claim()
        except BaseException:
            self.folder.leave()
            raise
        self._network = Network(self._reactor, self._block)

    async def start(self) -> None:
        """Start everything and wait until every machine answers its health check. `prepare` goes before.

        Raises OperatorError when that fails; `close` is needed all the same.
        """
        for index, region in enumerate(self._plan.regions):
            self.proxy.listen(region, self._plan.port_of(index))
        for region, group in [
            (self._plan.regions[0], LOGIN),
            *((region, EDGE) for region in self._plan.edges),
        ]:
            self._new_machine(region, group)
        self._watch.start()
        for machine in self.machines:
            machine.start()
        await self._all([self._watch.until_passing(machine, READY_SECONDS) for machine in self.machines])
        self._control.listen()

    async def close(self) -> None:
        """Stop all machines in good order, and then everything else."""
        self._closing = True
        await self._control.close()
        self._watch.stop()
        await self._all([self._end(machine) for machine in self.machines])
        await self.proxy.close()
        await gatherResults([resolver.close() for resolver in self._resolvers.values()])
        if self._network is not None:
            await self._network.close()
        if self._block is not None:
            self._block.release()
        self.folder.leave()

    def kill_all(self) -> None:
        """End every machine at once, for those who do not want to wait for `close`."""
        for machine in self.machines:
            if machine.alive:
                Deferred.fromCoroutine(machine.kill())

    # -- commands --------------------------------------------------------------------------------------

    async def kill(self, machine: str) -> str:
        """SIGKILL; the machine stays dead until it is started. The answer is its id, here and below."""
        chosen = self.find(machine)
        await chosen.kill()
        return chosen.place.id

    async def stop(self, machine: str) -> str:
        """SIGINT, and SIGTERM when that does not help, as `fly machine stop`."""
        chosen = self.find(machine)
        await chosen.stop()
        return chosen.place.id

    async def start_machine(self, machine: str) -> str:
        """Start it again and wait for its health check."""
        chosen = self.find(machine)
        chosen.start()
        await self._watch.until_passing(chosen, READY_SECONDS)
        return chosen.place.id

    async def restart(self, machine: str) -> str:
        """`stop`, if it runs, and `start_machine`."""
        chosen = self.find(machine)
        if chosen.alive:
            await chosen.stop()
        return await self.start_machine(chosen.place.id)

    async def partition(self, machine: str, public: bool = False) -> str:
        """Cut it off from the other machines; with `public` from the public proxy instead."""
        chosen = self.find(machine)
        self.log.info("{id} is cut off, public side: {public}", id=chosen.place.id, public=public)
        if public:
            self.proxy.cut(chosen.place.id)
        else:
            self._net.partition(chosen.place.number)
        return chosen.place.id

    async def slow(self, machine: str, milliseconds: int) -> str:
        """Delay everything between it and the other machines by that, each way."""
        chosen = self.find(machine)
        if milliseconds < 0:
            raise OperatorError("A delay cannot be negative.")
        self.log.info("{id} is slowed by {ms} ms", id=chosen.place.id, ms=milliseconds)
        self._net.slow(chosen.place.number, milliseconds / 1000)
        return chosen.place.id

    async def heal(self, machine: str | None = None) -> list[str]:
        """Undo `partition` and `slow`, of one machine or of all."""
        chosen = self.machines if machine is None else [self.find(machine)]
        for each in chosen:
            self.log.info("{id} is healed", id=each.place.id)
            self._net.heal(each.place.number)
            self.proxy.heal(each.place.id)
        return [each.place.id for each in chosen]

    async def add(self, region: str) -> str:
        """One more edge; a new region gets a URL, too."""
        check_region(region)
        if len(self.machines) >= MOST_MACHINES:
            raise OperatorError(f"A rehearsal has at most {MOST_MACHINES} machines.")
        if region not in self.proxy.ports:
            self.proxy.listen(region, self._plan.port_of(len(self.proxy.ports)))
        machine = self._new_machine(region, EDGE)
        machine.start()
        await self._watch.until_passing(machine, READY_SECONDS)
        return machine.place.id

    async def login_link(self) -> str:
        """The one-time link that lets the next browser in: what `wt url` says on login's machine."""
        out, err, code = await getProcessOutputAndValue(
            SERVE[0],
            [*SERVE[1:-1], "url", "--data-dir", str(self.folder.volume)],
            env=clean_environment(),
            reactor=self._reactor,
        )
        if code != 0:
            said = err.decode("utf-8", "replace").strip().removeprefix("wt: ")
            raise OperatorError(said.splitlines()[-1] if said else "'wt url' gives no link.")
        return str(out.decode().strip())

    async def status(self) -> FleetStatus:
        """Everything that there is to see."""
        return FleetStatus(
            app=self._plan.app,
            pid=os.getpid(),
            directory=str(self.folder.path),
            log=str(self.folder.log),
            volume=str(self.folder.volume),
            urls={region: self.proxy.url(region) for region in self.proxy.ports},
            machines=await self._all([self._machine_status(machine) for machine in self.machines]),
        )

    def find(self, word: str) -> Machine:
        """The machine that a word names. Raises OperatorError when it is none, or more than one."""
        exact = [machine for machine in self.machines if machine.place.id == word]
        found = exact or [
            machine
            for machine in self.machines
            if word in (machine.place.group, machine.place.region)
            or (word and machine.place.id.startswith(word))
        ]
        if len(found) == 1:
            return found[0]
        among = ", ".join(f"{m.place.id} ({m.place.group}, {m.place.region})" for m in found or self.machines)
        if found:
            raise OperatorError(f"{word!r} may be any of {among}: write more of its id.")
        raise OperatorError(f"There is no machine {word!r}. There are {among}.")

    # -- inside ----------------------------------------------------------------------------------------

    @property
    def _net(self) -> Network:
        assert self._network is not None
        return self._network

    def _new_machine(self, region: str, group: str) -> Machine:
        assert self._block is not None
        number = len(self.machines) + 1
        place = Place(
            number=number,
            id=secrets.token_hex(7),
            region=region,
            group=group,
            address=self._block.machine(number),
        )
        resolver = Resolver(
            self._reactor,
            place.address,
            DNS_PORT,
            Internal(self._plan.app, lambda: self._started(number)),
        )
        resolver.listen()
        self._resolvers[place.id] = resolver
        machine = Machine(
            self._reactor,
            place,
            command=self._plan.command,
            environment=self._environment(place, resolver),
            folder=self.folder.machines / f"{group}-{region}-{place.id}",
            changed=self._changed,
        )
        self._net.add(place)
        self.machines.append(machine)
        return machine

    def _environment(self, place: Place, resolver: Resolver) -> dict[str, str]:
        own = {
            "PYTHONUNBUFFERED": "1",
            ENV_FLY_APP_NAME: self._plan.app,
            ENV_FLY_MACHINE_ID: place.id,
            ENV_FLY_REGION: place.region,
            ENV_FLY_PRIVATE_IP: place.address,
            ENV_FLY_PROCESS_GROUP: place.group,
            ENV_PRIMARY_REGION: self._plan.regions[0],
            ENV_NODE_ROLE: place.group,
            ENV_JWT_KEY: self.folder.signing_key(),
            ENV_BASE_URL: self.proxy.url(self._plan.regions[0]),
            ENV_DNS: f"{resolver.host}:{resolver.port}",
        }
        if place.group == LOGIN:
            own[ENV_DIR] = str(self.folder.volume)
        return {**clean_environment(), **own, **self._plan.environment}

    def _started(self, asking: int) -> list[Started]:
        return [
            Started(
                id=machine.place.id,
                region=machine.place.region,
                group=machine.place.group,
                address=self._net.address(asking, machine.place.number),
            )
            for machine in self.machines
            if machine.alive
        ]

    def _changed(self, machine: Machine) -> None:
        place = machine.place
        unasked = not machine.alive and not self._closing and not machine.expected
        if unasked:
            self._notice(
                f"Machine {place.id} ({place.group}, {place.region}) has ended: {machine.last_exit}. "
                f"Its log is {machine.log_path}."
            )
        try:
            self._net.set_alive(place.number, machine.alive)
        except OperatorError as why:
            self._notice(str(why))

    async def _machine_status(self, machine: Machine) -> MachineStatus:
        place, resolver = machine.place, self._resolvers[machine.place.id]
        numbers: dict[str, int | None] = {}
        if machine.state is State.RUNNING:
            numbers = await self._probe.numbers(place, (WINGS, BROWSERS))
        faults = self._net.faults(place.number)
        return MachineStatus(
            id=place.id,
            region=place.region,
            role=place.group,
            address=f"{place.address}:{place.port}",
            dns=f"{resolver.host}:{resolver.port}",
            state=str(machine.state),
            ready=machine.ready,
            pid=machine.pid,
            starts=machine.starts,
            last_exit=machine.last_exit,
            partitioned=faults.cut,
            public_cut=self.proxy.is_cut(place.id),
            slow_ms=round(faults.delay * 1000),
            wings=numbers.get(WINGS),
            browsers=numbers.get(BROWSERS),
            log=str(machine.log_path),
        )

    async def _end(self, machine: Machine) -> None:
        # It may be in the middle of a `stop` or `kill` of somebody else's, and end meanwhile.
        with contextlib.suppress(OperatorError):
            await machine.stop()

    async def _all(self, coroutines: list[Any]) -> list[Any]:
        """What coroutines that run at the same time give. At the first error the others are cancelled."""
        running = [Deferred.fromCoroutine(each) for each in coroutines]
        try:
            return await gatherResults(running, consumeErrors=True)
        except FirstError as why:
            for each in running:
                each.cancel()
            why.subFailure.raiseException()
            raise
