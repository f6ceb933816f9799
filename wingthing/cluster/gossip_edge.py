"""An edge's end of gossip, without sockets and without a clock; gossip_login.py says how the two fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wingthing.cluster.directory import EdgeDirectory
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
from wingthing.wire.records import WingRecord


class UsageTotals:
    """Bytes sent to the browsers of each user since this edge's start, and which of that login has."""

    def __init__(self) -> None:
        self.seq = 0
        self._totals: dict[str, tuple[int, int]] = {}

    def report(self, totals: Iterable[tuple[str, int]], acknowledged: int) -> list[tuple[str, int]]:
        """Note the current totals; those that have grown since the acknowledged report."""
        grown = [(user, total) for user, total in totals if self._totals.get(user, (0, 0))[0] != total]
        if grown:
            self.seq += 1
            for user, total in grown:
                self._totals[user] = (total, self.seq)
        return [(user, total) for user, (total, seq) in self._totals.items() if seq > acknowledged]


class EdgeGossip:
    """An edge's end. `usage()` has the totals by user, `counts()` the open browsers and terminals."""

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

        self._acknowledged = 0
        self._news = news
        self._usage = usage
        self._counts = counts
        self._version = version
        self._uptime = uptime
        self._totals = UsageTotals()

    # -- this node's own news ------------------------------------------------------------------------------

    def local_up(self, record: WingRecord, now: float) -> None:
        """A wing has registered here, or its record has changed."""
        self.log.append(self.directory.local_up(record, now))

    def local_down(self, wing_id: str, connection_id: str) -> None:
        """A connection of this node has ended."""
        if self.directory.local_down(wing_id, connection_id):
            self.log.append(WingDown(wing_id=wing_id, connection_id=connection_id))

    def attention(self, wing_id: str, session_id: str) -> None:
        """A terminal of a wing of this node asks for its user."""
        self.log.append(Attention(wing_id=wing_id, session_id=session_id, machine=self.directory.machine))

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
            if asked.boot != self.login_boot or asked.seq >= self.login_seq:
                self._take_snapshot(asked, asked.snapshot)
        elif asked.boot == self.login_boot:
            self._take_events(asked)
        return self._answer(asked, now)

    def _take_snapshot(self, asked: Round, snapshot: Snapshot) -> None:
        if asked.boot != self.login_boot:
            self.whole = False
        self.login_boot, self.login_seq = asked.boot, asked.seq
        self.whole = self.whole or snapshot.whole
        self._news.revoked(snapshot.revoked)
        self.directory.replace_remote(snapshot.wings, whole=snapshot.whole)

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
        events = self.log.since(asked.edge_seq) if known else None
        if known:
            self._acknowledged = max(self._acknowledged, min(asked.edge_seq, self.log.seq))
            self.log.acknowledged(self._acknowledged)
        usage = self._totals.report(self._usage(), asked.usage_seq if known else 0)
        browsers, sessions = self._counts()
        return Answer(
            machine=self.directory.machine,
            region=self.region,
            boot=self.boot,
            now=now,
            login_boot=self.login_boot,
            login_seq=self.login_seq,
            whole=self.whole,
            seq=self.log.seq,
            events=events or [],
            snapshot=self.directory.local() if events is None else None,
            usage=usage,
            usage_seq=self._totals.seq,
            browsers=browsers,
            sessions=sessions,
            version=self._version,
            uptime=self._uptime(),
        )
