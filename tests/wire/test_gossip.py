"""Rounds and answers as they travel: nothing is lost on the way, and a newer node may say more."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import TestCase

from wingthing.wire.gossip import (
    Answer,
    Attention,
    FleetEvent,
    OrgChanged,
    Revoked,
    RevokedKind,
    Round,
    Snapshot,
    WingDown,
    WingUp,
)
from wingthing.wire.records import WingRecord

RECORD = WingRecord(
    wing_id="w", connection_id="c", user_id="ann", owner="Ann", public_key="k", locked=True, allowed_count=3
)
UP = WingUp(record=RECORD, machine="m", version=7, since=1_800_000_000.25)
REVOKED = [Revoked(kind=kind, subject="s", at=1.5, until=2.5) for kind in RevokedKind]
EVENTS: list[FleetEvent] = [
    UP,
    WingDown(wing_id="w", connection_id="c"),
    Attention(wing_id="w", session_id="s", machine="m"),
    OrgChanged(user_ids=["ann", "eve"]),
    *REVOKED,
]
ROUND = Round(
    machine="login",
    boot="b",
    seq=2**40,
    events=EVENTS,
    snapshot=Snapshot(wings=[UP], revoked=REVOKED, whole=True),
    edge_boot="e",
    edge_seq=3,
    usage_seq=4,
)
ANSWER = Answer(
    machine="edge",
    region="nrt",
    boot="e",
    now=1_800_000_000.5,
    login_boot="b",
    login_seq=5,
    whole=True,
    seq=6,
    events=EVENTS,
    snapshot=[UP],
    usage=[("ann", 2**40)],
    usage_seq=7,
    browsers=8,
    sessions=9,
    version="1.2.3",
)


class GossipTests(TestCase):
    def test_what_is_said_is_what_is_heard(self) -> None:
        for said in (ROUND, ANSWER):
            self.assertEqual(msgspec.json.decode(msgspec.json.encode(said), type=type(said)), said)
        for event in EVENTS:
            self.assertEqual(msgspec.json.decode(msgspec.json.encode(event), type=FleetEvent), event)

    def test_events_go_by_name(self) -> None:
        names = [msgspec.to_builtins(event)["event"] for event in EVENTS]
        self.assertEqual(names[:4], ["up", "down", "attention", "org"])
        self.assertEqual(set(names[4:]), {"revoked"})

    def test_who_is_of_a_newer_version_may_say_more(self) -> None:
        """Nodes are replaced one after the other."""
        for said in (ROUND, ANSWER):
            fields = {**msgspec.to_builtins(said), "something_new": [1]}
            fields["events"] = [{**event, "something_new": 1} for event in fields["events"]]
            heard = msgspec.json.decode(msgspec.json.encode(fields), type=type(said))
            self.assertEqual(heard, said)

    def test_a_call_between_nodes_of_two_versions(self) -> None:
        """The old one reads of a new call what it knows, and the new one takes an old one for attention."""

        class Old(msgspec.Struct, tag_field="event", tag="attention", frozen=True, kw_only=True):
            wing_id: str
            session_id: str
            machine: str

        new = Attention(
            wing_id="w",
            session_id="s",
            machine="m",
            kind="exit",
            agent="a",
            cwd="c",
            nonce="n",
            controller="u",
        )
        old = Old(wing_id="w", session_id="s", machine="m")
        self.assertEqual(msgspec.json.decode(msgspec.json.encode(new), type=Old), old)
        heard = msgspec.json.decode(msgspec.json.encode(old), type=Attention)
        self.assertEqual(heard, Attention(wing_id="w", session_id="s", machine="m"))
        self.assertEqual((heard.kind, heard.nonce), ("attention", ""))

    def test_what_cannot_be_missing(self) -> None:
        for said, needed in (
            (ROUND, {"machine", "boot", "seq", "events"}),
            (
                ANSWER,
                {"machine", "region", "boot", "now", "login_boot", "login_seq", "whole", "seq", "events"},
            ),
        ):
            fields = msgspec.to_builtins(said)
            missed = set()
            for name in fields:
                rest = {key: value for key, value in fields.items() if key != name}
                try:
                    msgspec.convert(rest, type(said))
                except msgspec.ValidationError:
                    missed.add(name)
            self.assertEqual(missed, needed)

    def test_nothing_else_is_an_event(self) -> None:
        for wrong in ({}, {"event": "x"}, {"event": "up"}, {"event": "revoked", "kind": "x"}, [], None, 5):
            self.assertRaises(msgspec.ValidationError, msgspec.convert, wrong, FleetEvent)
        unknown = {"event": "revoked", "kind": "everything", "subject": "s", "at": 1.0, "until": 2.0}
        self.assertRaises(msgspec.ValidationError, msgspec.convert, unknown, FleetEvent)
