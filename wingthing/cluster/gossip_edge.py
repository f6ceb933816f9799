"""An edge's end of gossip, without sockets and without a clock; gossip_login.py says how the two fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wingthing.cluster.directory import EdgeDirectory
from wingthing.cluster.log import EventLog
from wingthing.cluster.news import News
from wingthing.cluster.parts import Intake, cut, taking_of
from wingthing.relay.calls import Call
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
from wingthing.wire.limits import MAX_ROUND_ENTRIES, USAGE_COUNT_SECONDS
from wingthing.wire.records import WingRecord


class UsageTotals:
    """Bytes sent to the browsers of each user since this edge's start, and which of that login has."""

    def __init__(self) -> None:
        self.seq = 0
        self._totals: dict[str, tuple[int, int]] = {}
        self._acknowledged = 0
        self._waiting: dict[str, int] = {}
        """Who has grown since the acknowledged report, and in which report that was first told."""

    def report(self, totals: Iterable[tuple[str, int]], acknowledged: int) -> list[tuple[str, int]]:
        """Note the current totals; those that have grown since the acknowledged report.

        Who is not among `totals` is as they were.
        """
        grown = [(user, total) for user, total in totals if self._totals.get(user, (0, 0))[0] != total]
        if grown:
            self.seq += 1
            for user, total in grown:
                self._totals[user] = (total, self.seq)
                self._waiting[user] = self.seq
        if acknowledged < self._acknowledged:
            # Another login, which has nothing of all this in its books.
            self._waiting = {user: seq for user, (_total, seq) in self._totals.items()}
        self._acknowledged = acknowledged
        self._waiting = {user: seq for user, seq in self._waiting.items() if seq > acknowledged}
        return [(user, self._totals[user][0]) for user in self._waiting]


class EdgeGossip:
    """An edge's end. `usage()` has the totals by user, `counts()` the open browsers and terminals. An answer
    has at most `most` events, or wings."""

    def __init__(
        self,
        directory: EdgeDirectory,
        region: str,
        boot: str,
        news: News,
        usage: Callable[[], Iterable[tuple[str, int]]],
        counts: Callable[[], tuple[int, int]],
        version: str = "",
        uptime: Callable[[], float] = lambda: 0.0,
        most: int = MAX_ROUND_ENTRIES,
    ) -> None:
        self.directory = directory
        self.region = region
        self.boot = boot
        self.log = EventLog()
        self.login_boot = ""
        self.login_seq = -1
        self.whole = False
        self.heard_at: float | None = None
        """When login was last heard; None when never."""

        self.caught_up: Callable[[], None] = lambda: None
        """Called when a snapshot has been taken. What login said of organisations in the events that it
        stands for is not known here."""

        self._acknowledged = 0
        self._news = news
        self._usage = usage
        self._counts = counts
        self._version = version
        self._uptime = uptime
        self._most = most
        self._totals = UsageTotals()
        self._counted_at = 0.0
        self._intake: Intake | None = None
        """Login's snapshot, of which some parts are missing."""

        self._telling: tuple[int, list[list[WingUp]]] | None = None
        """This node's own: as of which event, and its parts."""

    # -- this node's own news ------------------------------------------------------------------------------

    def local_up(self, record: WingRecord, now: float) -> None:
        """A wing has registered here, or its record has changed."""
        self.log.append(self.directory.local_up(record, now))

    def local_down(self, wing_id: str, connection_id: str) -> None:
        """A connection of this node has ended."""
        if self.directory.local_down(wing_id, connection_id):
            self.log.append(WingDown(wing_id=wing_id, connection_id=connection_id))

    def attention(self, wing_id: str, call: Call) -> None:
        """A terminal of a wing of this node asks for its user, or has ended."""
        self.log.append(
            Attention(
                wing_id=wing_id,
                session_id=call.session_id,
                machine=self.directory.machine,
                kind=call.kind,
                agent=call.agent,
                cwd=call.folder,
                nonce=call.nonce,
                controller=call.controller,
            )
        )

    def count_anew(self) -> None:
        """The next answer has the traffic up to then, although it was counted just now."""
        self._counted_at = 0.0

    @property
    def has_news(self) -> bool:
        """Whether login has not acknowledged everything."""
        return self.unacknowledged != 0

    @property
    def unacknowledged(self) -> int:
        """How many events of this node login has not acknowledged."""
        return self.log.seq - self._acknowledged

    # -- rounds ----------------------------------------------------------------------------------------------

    def receive(self, asked: Round, now: float) -> Answer:
        """Take a round and answer it."""
        self.heard_at = now
        if asked.snapshot is not None:
            self._take_part(asked, asked.snapshot)
        elif asked.boot == self.login_boot and self._intake is None:
            # In the middle of a snapshot, events may be older than the parts that are here.
            self._take_events(asked)
        return self._answer(asked, now)

    def _take_part(self, asked: Round, snapshot: Snapshot) -> None:
        intake = self._intake_for(asked, snapshot)
        if intake is None:
            return
        self._news.revoked(snapshot.revoked)
        for entry in snapshot.wings:
            self.directory.remote_up(entry)
            intake.named.add(entry.record.wing_id)
        intake.parts += 1
        if not snapshot.last:
            return
        self._intake = None
        if asked.boot != self.login_boot:
            self.whole = False
        self.login_boot, self.login_seq = asked.boot, asked.seq
        self.whole = self.whole or snapshot.whole
        if snapshot.whole:
            self.directory.keep_remote(intake.named)
        self.caught_up()

    def _intake_for(self, asked: Round, snapshot: Snapshot) -> Intake | None:
        """What this part is a part of; None when it comes late, again, or not in its turn."""
        state = (asked.seq, snapshot.whole)
        if asked.boot == self.login_boot and state <= (self.login_seq, self.whole):
            return None
        intake = self._intake
        under_way = intake if intake is not None and intake.boot == asked.boot else None
        if snapshot.part == 0 and (under_way is None or state > (under_way.seq, under_way.whole)):
            self._intake = Intake(asked.boot, asked.seq, snapshot.whole)
            return self._intake
        if under_way is None or (*state, snapshot.part) != (
            under_way.seq,
            under_way.whole,
            under_way.parts,
        ):
            return None
        return under_way

    def _take_events(self, asked: Round) -> None:
        begin = asked.seq - len(asked.events)
        if not begin <= self.login_seq < asked.seq:
            return
        fresh = asked.events[self.login_seq - begin :]
        self.login_seq = asked.seq
        for event in fresh:
            self._take(event)

    def _take(self, event: FleetEvent) -> None:
        match event:
            case WingUp():
                self.directory.remote_up(event)
            case WingDown():
                self.directory.remote_down(event.wing_id, event.connection_id)
            case Attention():
                if event.machine != self.directory.machine:
                    self._news.attention(event)
            case Revoked():
                self._news.revoked([event])
            case OrgChanged():
                self._news.orgs_changed(event)

    def _answer(self, asked: Round, now: float) -> Answer:
        known = asked.edge_boot == self.boot
        events = self.log.since(asked.edge_seq, self._most) if known and asked.taking is None else None
        if known:
            self._acknowledged = max(self._acknowledged, min(asked.edge_seq, self.log.seq))
            self.log.acknowledged(self._acknowledged)
            if self._telling is not None and asked.edge_seq >= self._telling[0]:
                self._telling = None
        wings, part, last = None, 0, True
        if events is not None:
            seq = asked.edge_seq + len(events)
        else:
            seq, parts, part = self._told_now(asked.taking)
            wings, last = parts[part], part == len(parts) - 1
        counted: Iterable[tuple[str, int]] = ()
        if not 0 <= now - self._counted_at < USAGE_COUNT_SECONDS:
            # With many users this takes milliseconds, and when there is news rounds come one after the other.
            counted, self._counted_at = self._usage(), now
        usage = self._totals.report(counted, asked.usage_seq if known else 0)
        browsers, sessions = self._counts()
        return Answer(
            machine=self.directory.machine,
            region=self.region,
            boot=self.boot,
            now=now,
            login_boot=self.login_boot,
            login_seq=self.login_seq,
            whole=self.whole,
            seq=seq,
            events=events or [],
            snapshot=wings,
            part=part,
            last=last,
            more=seq != self.log.seq or not last,
            taking=taking_of(self._intake),
            usage=usage,
            usage_seq=self._totals.seq,
            browsers=browsers,
            sessions=sessions,
            version=self._version,
            uptime=self._uptime(),
        )

    def _told_now(self, taking: Taking | None) -> tuple[int, list[list[WingUp]], int]:
        """This node's snapshot: as of which event, its parts, and the number of the one to say now."""
        if taking is not None and self._telling is not None:
            seq, parts = self._telling
            same = (taking.boot, taking.seq) == (self.boot, seq)
            if same and taking.parts < len(parts) and self.log.reaches(seq):
                return seq, parts, taking.parts
        self._telling = (self.log.seq, cut(self.directory.local(), self._most))
        return *self._telling, 0
