"""What the tests of a fleet have in common: records, entries, and a node's news as it comes in."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.task import Clock

from wingthing.cluster.directory import EdgeDirectory, LoginDirectory
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.cluster.gossip_login import LoginGossip
from wingthing.cluster.trust import Trust
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import new_signing_key
from wingthing.testing import WING_ID, counted
from wingthing.wire.gossip import Answer, Attention, OrgChanged, Revoked, RevokedKind, Round, WingUp
from wingthing.wire.limits import MAX_ROUND_ENTRIES
from wingthing.wire.records import WingRecord

NOW = 1_800_000_000.0
KEYS = KeyRing.of(new_signing_key(), {})
STRANGERS = KeyRing.of(new_signing_key(), {})
"""A key that is none of the fleet's."""


def record(
    connection_id: str = "c1",
    *,
    wing_id: str = WING_ID,
    user_id: str = "ann",
    org_id: str = "",
    locked: bool = False,
) -> WingRecord:
    return WingRecord(
        wing_id=wing_id, connection_id=connection_id, user_id=user_id, org_id=org_id, locked=locked
    )


def up(
    connection_id: str = "c1",
    machine: str = "edge-a",
    version: int = 1,
    *,
    wing_id: str = WING_ID,
    user_id: str = "ann",
    org_id: str = "",
    since: float = NOW,
) -> WingUp:
    """Where a wing is, as nodes tell each other."""
    what = record(connection_id, wing_id=wing_id, user_id=user_id, org_id=org_id)
    return WingUp(record=what, machine=machine, version=version, since=since)


def revoked(
    subject: str, kind: RevokedKind = RevokedKind.TOKEN, *, at: float = NOW, until: float = NOW + 1000
) -> Revoked:
    return Revoked(kind=kind, subject=subject, at=at, until=until)


def place(entry: WingUp | None) -> tuple[str, str] | None:
    """Machine and connection of an entry."""
    return None if entry is None else (entry.machine, entry.record.connection_id)


class FakeNews:
    """News that is kept."""

    def __init__(self) -> None:
        self.attentions: list[Attention] = []
        self.revoked_subjects: list[str] = []
        self.orgs: list[OrgChanged] = []

    def attention(self, event: Attention) -> None:
        self.attentions.append(event)

    def revoked(self, events: Iterable[Revoked]) -> None:
        self.revoked_subjects += [event.subject for event in events]

    def orgs_changed(self, event: OrgChanged) -> None:
        self.orgs.append(event)


class Watch:
    """A time that the test sets; `seconds` is what a node is given."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def seconds(self) -> float:
        return self.now


def trust(machine: str, watch: Watch | Clock, keys: KeyRing = KEYS) -> Trust:
    """A node's trust, with token names that can be foretold."""
    return Trust(keys, machine, watch.seconds, counted(f"{machine}-%d"))


class Fleet:
    """A login and its edges, with a network between them that does what the test says."""

    def __init__(self, *edges: str, most: int = MAX_ROUND_ENTRIES) -> None:
        """`most` events, or wings, are in one round."""
        self.most = most
        self.watch = Watch()
        self.boots = counted("boot-%d")
        self.revoked_now: list[Revoked] = []
        self.used: dict[str, int] = {}
        """What every edge has sent to each user's browsers; one edge is enough for the tests of it."""

        self.edges: dict[str, EdgeGossip] = {}
        self.news: dict[str, FakeNews] = {}
        self.login = self.start_login(*edges)
        for edge in edges:
            self.start_edge(edge)

    def start_login(self, *edges: str) -> LoginGossip:
        """Login starts, for the first time or anew; it finds `edges` in DNS."""
        self.news["login"] = FakeNews()
        self.login = LoginGossip(
            "login",
            self.boots(),
            LoginDirectory(),
            self.news["login"],
            lambda: list(self.revoked_now),
            self.watch.now,
            self.most,
        )
        self.login.found(dict.fromkeys(edges, "xyz"), self.watch.now)
        return self.login

    def start_edge(self, machine: str) -> EdgeGossip:
        """An edge starts, for the first time or anew."""
        self.news[machine] = FakeNews()
        self.edges[machine] = EdgeGossip(
            EdgeDirectory(machine),
            "nrt",
            self.boots(),
            self.news[machine],
            usage=lambda: list(self.used.items()),
            counts=lambda: (7, 3),
            version="1.2.3",
            most=self.most,
        )
        return self.edges[machine]

    def ask(self, machine: str) -> Round:
        """What login would say now."""
        return self.login.next_round(machine, self.watch.now)

    def deliver(self, asked: Round, machine: str) -> Answer:
        """It comes to the edge."""
        return self.edges[machine].receive(asked, self.watch.now)

    def take(self, asked: Round, answer: Answer) -> bool:
        """The answer comes to login."""
        return self.login.answered(asked, answer, self.watch.now)

    def round(self, *machines: str) -> None:
        """Whole rounds, one after the other."""
        for machine in machines or self.edges:
            asked = self.ask(machine)
            assert self.take(asked, self.deliver(asked, machine))

    def settle(self) -> None:
        """As many rounds as it takes until everybody knows everything."""
        for _ in range(3):
            self.round()
        assert not any(self.login.has_news_for(machine) for machine in self.edges)
        assert not any(edge.has_news for edge in self.edges.values())

    def places(self, wing_id: str = WING_ID) -> dict[str, tuple[str, str] | None]:
        """Where each node says that a wing is."""
        nodes = {"login": self.login.directory} | {m: e.directory for m, e in self.edges.items()}
        return {machine: place(directory.current(wing_id)) for machine, directory in nodes.items()}

    def place(self, wing_id: str = WING_ID) -> tuple[str, str] | None:
        """Where all nodes say that a wing is."""
        (agreed,) = set(self.places(wing_id).values())
        return agreed
