"""Login's end of gossip, without sockets and without a clock: what to say next, and what an answer means.

Login drives. Every round is a request of its own: it may be lost, come twice, or come late, and so may its
answer. So a round says from where to where its events go, an answer says what has been taken, and whatever
does not fit is left out until the other side has said where it stands. After a restart on either side the
boot does not fit, and a snapshot takes the place of events: part by part, each with a round of its own.
wire/gossip.py has the messages.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import msgspec

from wingthing.cluster.directory import Change, LoginDirectory
from wingthing.cluster.log import EventLog
from wingthing.cluster.news import News
from wingthing.cluster.parts import Intake, Telling, cut, taking_of
from wingthing.relay.calls import ATTENTION, Call
from wingthing.wire.gossip import (
    Answer,
    Attention,
    FleetEvent,
    OrgChanged,
    Revoked,
    Round,
    Snapshot,
    Taking,
    WingDown,
    WingUp,
)
from wingthing.wire.limits import EDGE_DEAD_SECONDS, MAX_ROUND_ENTRIES, SUSPECT_ROUNDS
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
    telling: Telling | None = None
    """The snapshot that the edge is being told."""

    told: int = 0
    """How many parts of it the edge has taken."""

    midway: bool = False
    """Whether the edge has some of a snapshot, but not all: it takes no events."""

    intake: Intake | None = None
    """The edge's snapshot, of which login has not heard all."""

    more: bool = False
    """Whether the edge had more to say than its last answer."""

    missed: int = 0
    usage_seq: int = 0
    browsers: int = 0
    sessions: int = 0
    version: str = ""
    started_at: float | None = None
    """When the edge started, by login's clock; None before its first answer."""

    has_answered: bool = False
    """Whether all of its wings have been heard of once."""

    @property
    def alive(self) -> bool:
        """Whether its wings count."""
        return bool(self.boot) or self.intake is not None

    @property
    def suspect(self) -> bool:
        """Whether it has missed several rounds in a row."""
        return self.missed >= SUSPECT_ROUNDS


class LoginGossip:
    """Login's end. `boot` names this run of the program, `revoked()` all that is revoked now. A round has at
    most `most` events, or wings."""

    def __init__(
        self,
        machine: str,
        boot: str,
        directory: LoginDirectory,
        news: News,
        revoked: Callable[[], list[Revoked]],
        now: float,
        most: int = MAX_ROUND_ENTRIES,
    ) -> None:
        self.machine = machine
        self.boot = boot
        self.directory = directory
        self.log = EventLog()
        self.peers: dict[str, Peer] = {}
        self._news = news
        self._revoked = revoked
        self._started = now
        self._most = most
        self._found = False
        self._whole = False
        self._taken: Telling | None = None
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

    def attention(self, wing_id: str, call: Call) -> None:
        """A terminal of a wing of this node asks for its user, or has ended."""
        self._pass_on(wing_id, call.session_id, self.machine, call.kind)

    def _pass_on(self, wing_id: str, session_id: str, machine: str, kind: str) -> None:
        # Dashboards are told nothing but which terminal asks, and notifications are sent from here.
        if kind == ATTENTION:
            self.say(Attention(wing_id=wing_id, session_id=session_id, machine=machine))

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
            peer.boot, peer.intake, peer.more = "", None, False
            peer.telling = None
            self.directory.drop_machine(peer.machine)
        if not any(peer.telling is self._taken for peer in self.peers.values()):
            self._taken = None
        return silent

    def whole(self, now: float) -> bool:
        """Whether every edge has been heard since this node's start, or had its time: until then the
        directory may lack wings that are online."""
        if not self._whole:
            late = now - self._started >= EDGE_DEAD_SECONDS
            heard = all(peer.has_answered or (late and peer.intake is None) for peer in self.peers.values())
            self._whole = heard and (self._found or late)
        return self._whole

    # -- rounds ----------------------------------------------------------------------------------------------

    def has_news_for(self, machine: str) -> bool:
        """Whether there is more to tell that edge than it has acknowledged."""
        return self.peers[machine].login_seq != self.log.seq

    def is_midway(self, machine: str) -> bool:
        """Whether the next round with that edge goes on with what the last one began."""
        peer = self.peers[machine]
        return peer.midway or peer.more

    def next_round(self, machine: str, now: float) -> Round:
        """What to tell an edge now."""
        peer = self.peers[machine]
        events = self.log.since(peer.login_seq, self._most) if peer.login_seq >= 0 else None
        if events is None or peer.midway or (not peer.whole and self.whole(now)):
            telling = peer.telling = self._told_now(peer, self.whole(now))
            events, seq, snapshot = [], telling.seq, telling.parts[peer.told]
        else:
            peer.telling = None
            seq, snapshot = peer.login_seq + len(events), None
        return Round(
            machine=self.machine,
            boot=self.boot,
            seq=seq,
            events=events,
            snapshot=snapshot,
            edge_boot=peer.boot,
            edge_seq=peer.seq,
            usage_seq=peer.usage_seq,
            taking=taking_of(peer.intake),
        )

    def _told_now(self, peer: Peer, whole: bool) -> Telling:
        """The snapshot to go on with, or to begin with: what some edge is being told already, if events can
        follow it, so that it is made and written once."""
        telling = peer.telling
        if telling is not None and peer.told and self._serves(telling, peer, whole):
            return telling
        peer.told = 0
        taken = self._taken
        if taken is not None and self._serves(taken, peer, whole):
            shared = any(other.told and other.telling is taken for other in self.peers.values())
            if taken.seq == self.log.seq or (shared and self.log.seq - taken.seq <= self._most):
                return taken
        # As long as the edges are still telling their wings, what is known of them grows by the thousand, and
        # what is said of it now would all have to be said once more. An edge has what it knew, and can ask.
        parts = cut(self.directory if whole else (), self._most)
        self._taken = Telling(
            self.log.seq,
            [
                Snapshot(
                    wings=wings,
                    revoked=self._revoked() if number == 0 else [],
                    whole=whole,
                    part=number,
                    last=number == len(parts) - 1,
                )
                for number, wings in enumerate(parts)
            ],
        )
        return self._taken

    def _serves(self, telling: Telling, peer: Peer, whole: bool) -> bool:
        return telling.whole == whole and telling.seq >= peer.login_seq and self.log.reaches(telling.seq)

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
        if peer is None or (asked.edge_boot, asked.edge_seq, asked.taking) != (
            peer.boot,
            peer.seq,
            taking_of(peer.intake),
        ):
            # Another answer has been taken since that round was made.
            return False
        if answer.snapshot is None:
            if answer.boot != peer.boot or answer.seq < peer.seq:
                return False
        elif answer.part and taking_of(peer.intake) != Taking(
            boot=answer.boot, seq=answer.seq, parts=answer.part
        ):
            return False
        peer.heard_at, peer.missed = now, 0
        peer.region = answer.region or peer.region
        self._acknowledged(peer, answer)
        peer.browsers, peer.sessions, peer.version = answer.browsers, answer.sessions, answer.version
        peer.started_at = now - answer.uptime
        peer.more = answer.more
        ahead = now - answer.now
        if answer.snapshot is not None and not self._take_part(peer, answer, answer.snapshot, ahead):
            return True
        if answer.boot != peer.boot:
            peer.usage_seq = 0
        peer.boot, peer.seq = answer.boot, answer.seq
        peer.intake, peer.has_answered = None, True
        for event in answer.events:
            self._take(peer, event, ahead)
        return True

    def _acknowledged(self, peer: Peer, answer: Answer) -> None:
        """What the edge has of this node's."""
        ours = answer.login_boot == self.boot
        peer.login_seq = answer.login_seq if ours else -1
        peer.whole = ours and answer.whole
        telling, taking = peer.telling, answer.taking
        peer.midway, peer.told = taking is not None, 0
        if telling is None:
            return
        if taking is None:
            if ours and peer.login_seq >= telling.seq:
                peer.telling = None
        elif taking == Taking(boot=self.boot, seq=telling.seq, whole=telling.whole, parts=taking.parts):
            peer.told = taking.parts if taking.parts < len(telling.parts) else 0

    def _take_part(self, peer: Peer, answer: Answer, wings: list[WingUp], ahead: float) -> bool:
        """Take a part of an edge's snapshot; whether that was the last."""
        if answer.part == 0:
            peer.intake = Intake(answer.boot, answer.seq)
        intake = peer.intake
        assert intake is not None
        for event in wings:
            self.directory.up(self._placed(peer, event, ahead))
            intake.named.add(event.record.wing_id)
        intake.parts += 1
        if answer.last:
            self.directory.keep(peer.machine, intake.named)
        return answer.last

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
                    self._pass_on(event.wing_id, event.session_id, peer.machine, event.kind)
            case Revoked() | OrgChanged():
                # Only login revokes and knows organisations.
                pass

    def _placed(self, peer: Peer, event: WingUp, ahead: float) -> WingUp:
        """The entry with the machine that has proved itself, and its age put into this node's clock."""
        return msgspec.structs.replace(event, machine=peer.machine, since=event.since + ahead)
