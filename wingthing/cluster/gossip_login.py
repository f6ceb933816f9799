"""Login's end of gossip, without sockets and without a clock: what to say next, and what an answer means.

Login drives. Every round is a request of its own: it may be lost, come twice, or come late, and so may its
answer. So a round says from where to where its events go, an answer says what has been taken, and whatever
does not fit is left out until the other side has said where it stands. After a restart on either side the
boot does not fit, and a snapshot takes the place of events. wire/gossip.py has the messages.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import msgspec

from wingthing.cluster.directory import Change, LoginDirectory
from wingthing.cluster.log import EventLog
from wingthing.cluster.news import News
from wingthing.wire.gossip import (
    Answer,
    Attention,
    FleetEvent,
    OrgChanged,
    Revoked,
    Round,
    Snapshot,
    WingDown,
    WingUp,
)
from wingthing.wire.limits import EDGE_DEAD_SECONDS, SUSPECT_ROUNDS
from wingthing.wire.records import WingRecord


@attrs.define
class Peer:
    """An edge as login knows it."""

    machine: str
    heard_at: float
    """When it last answered, or when login first knew of it."""

    region: str = ""
    boot: str = ""
    """Of the edge; empty before its first answer, and after it was given up."""

    seq: int = 0
    """The edge's events up to here have been taken."""

    login_seq: int = -1
    """What the edge has of login's events; -1 when it has none of this boot."""

    whole: bool = False
    missed: int = 0
    usage_seq: int = 0
    browsers: int = 0
    sessions: int = 0
    version: str = ""
    started_at: float | None = None
    """When the edge started, by login's clock; None before its first answer."""

    has_answered: bool = False

    @property
    def alive(self) -> bool:
        """Whether its wings count."""
        return bool(self.boot)

    @property
    def suspect(self) -> bool:
        """Whether it has missed several rounds in a row."""
        return self.missed >= SUSPECT_ROUNDS


class LoginGossip:
    """Login's end. `boot` names this run of the program, `revoked()` all that is revoked now."""

    def __init__(
        self,
        machine: str,
        boot: str,
        directory: LoginDirectory,
        news: News,
        revoked: Callable[[], list[Revoked]],
        now: float,
    ) -> None:
        self.machine = machine
        self.boot = boot
        self.directory = directory
        self.log = EventLog()
        self.peers: dict[str, Peer] = {}
        self._news = news
        self._revoked = revoked
        self._started = now
        self._found = False
        self._whole = False
        self._taken: tuple[int, Snapshot] | None = None
        directory.listeners.append(self._changed)

    # -- this node's own news ------------------------------------------------------------------------------

    def local_up(self, record: WingRecord, now: float) -> None:
        """A wing has registered here, or its record has changed."""
        known = self.directory.at(self.machine, record.wing_id)
        same = known is not None and known.record.connection_id == record.connection_id
        version = known.version if same and known else self.directory.next_version(record.wing_id)
        self.directory.up(WingUp(record=record, machine=self.machine, version=version, since=now))

    def local_down(self, wing_id: str, connection_id: str) -> None:
        """A connection of this node has ended."""
        self.directory.down(self.machine, wing_id, connection_id)

    def attention(self, wing_id: str, session_id: str) -> None:
        """A terminal of a wing of this node asks for its user."""
        self.say(Attention(wing_id=wing_id, session_id=session_id, machine=self.machine))

    def say(self, event: Attention | Revoked | OrgChanged) -> None:
        """Tell every edge."""
        self.log.append(event)

    def _changed(self, change: Change) -> None:
        if change.after is not None:
            self.log.append(change.after)
        elif change.before is not None:
            record = change.before.record
            self.log.append(WingDown(wing_id=record.wing_id, connection_id=record.connection_id))

    def usage_written(self, machine: str, boot: str, seq: int) -> None:
        """An edge's usage report is written down: it need not be told again."""
        peer = self.peers.get(machine)
        if peer is not None and peer.boot == boot:
            peer.usage_seq = max(peer.usage_seq, seq)

    # -- edges come and go -----------------------------------------------------------------------------------

    def found(self, machines: dict[str, str], now: float) -> None:
        """The edges that are there by DNS: machine -> region. One that is not there any more is forgotten
        when it has been given up as well."""
        self._found = True
        for machine, region in machines.items():
            peer = self.peers.setdefault(machine, Peer(machine, heard_at=now))
            peer.region = region or peer.region
        for machine in [name for name, peer in self.peers.items() if name not in machines and not peer.alive]:
            del self.peers[machine]

    def tick(self, now: float) -> list[Peer]:
        """Give up the edges that have been silent for too long: their wings are offline. Answers these."""
        silent = [
            peer for peer in self.peers.values() if peer.alive and now - peer.heard_at >= EDGE_DEAD_SECONDS
        ]
        for peer in silent:
            peer.boot = ""
            self.directory.drop_machine(peer.machine)
        return silent

    def whole(self, now: float) -> bool:
        """Whether every edge has been heard since this node's start, or had its time: until then the
        directory may lack wings that are online."""
        if not self._whole:
            heard = self._found and all(peer.has_answered for peer in self.peers.values())
            self._whole = heard or now - self._started >= EDGE_DEAD_SECONDS
        return self._whole

    # -- rounds ----------------------------------------------------------------------------------------------

    def has_news_for(self, machine: str) -> bool:
        """Whether there is more to tell that edge than it has acknowledged."""
        return self.peers[machine].login_seq != self.log.seq

    def next_round(self, machine: str, now: float) -> Round:
        """What to tell an edge now."""
        peer = self.peers[machine]
        events = self.log.since(peer.login_seq) if peer.login_seq >= 0 else None
        snapshot = None
        if events is None or (not peer.whole and self.whole(now)):
            events = []
            snapshot = self._snapshot(now)
        return Round(
            machine=self.machine,
            boot=self.boot,
            seq=self.log.seq,
            events=events,
            snapshot=snapshot,
            edge_boot=peer.boot,
            edge_seq=peer.seq,
            usage_seq=peer.usage_seq,
        )

    def _snapshot(self, now: float) -> Snapshot:
        """All that is known now: the same object for every edge, as long as nothing has changed."""
        whole = self.whole(now)
        if self._taken is None or (self._taken[0], self._taken[1].whole) != (self.log.seq, whole):
            taken = Snapshot(wings=list(self.directory), revoked=self._revoked(), whole=whole)
            self._taken = (self.log.seq, taken)
        return self._taken[1]

    def missed(self, machine: str) -> None:
        """An edge has not answered a round."""
        self.peers[machine].missed += 1

    def answered(self, asked: Round, answer: Answer, now: float) -> bool:
        """Take an edge's answer to the round `asked`. False when it says nothing that can be used: the next
        round then asks for what is missing.

        Its machine has been proved by the caller: an edge speaks for its own connections alone, whatever
        its events name.
        """
        peer = self.peers.get(answer.machine)
        if peer is None or (asked.edge_boot, asked.edge_seq) != (peer.boot, peer.seq):
            # Another answer has been taken since that round was made.
            return False
        if answer.snapshot is None and (answer.boot != peer.boot or answer.seq < peer.seq):
            return False
        peer.heard_at, peer.missed, peer.has_answered = now, 0, True
        peer.region = answer.region or peer.region
        ours = answer.login_boot == self.boot
        peer.login_seq = answer.login_seq if ours else -1
        peer.whole = ours and answer.whole
        peer.browsers, peer.sessions, peer.version = answer.browsers, answer.sessions, answer.version
        peer.started_at = now - answer.uptime
        if answer.boot != peer.boot:
            peer.usage_seq = 0
        peer.boot, peer.seq = answer.boot, answer.seq
        ahead = now - answer.now
        if answer.snapshot is not None:
            entries = [self._placed(peer, event, ahead) for event in answer.snapshot]
            self.directory.replace_machine(peer.machine, entries)
        for event in answer.events:
            self._take(peer, event, ahead)
        return True

    def _take(self, peer: Peer, event: FleetEvent, ahead: float) -> None:
        match event:
            case WingUp():
                self.directory.up(self._placed(peer, event, ahead))
            case WingDown():
                self.directory.down(peer.machine, event.wing_id, event.connection_id)
            case Attention():
                known = self.directory.current(event.wing_id)
                if known is not None and known.machine == peer.machine:
                    proven = msgspec.structs.replace(event, machine=peer.machine)
                    self._news.attention(proven)
                    self.log.append(proven)
            case Revoked() | OrgChanged():
                # Only login revokes and knows organisations.
                pass

    def _placed(self, peer: Peer, event: WingUp, ahead: float) -> WingUp:
        """The entry with the machine that has proved itself, and its age put into this node's clock."""
        return msgspec.structs.replace(event, machine=peer.machine, since=event.since + ahead)
