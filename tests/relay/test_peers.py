"""The relay's view of peers."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.relay.peers import Identity, Viewer, parse_features
from wingthing.testing import FakePeer, identity


class PeerTests(TestCase):
    def test_a_user_is_called_by_the_best_name_there_is(self) -> None:
        self.assertEqual(Identity("u1", "Ann", "ann@example.org").name, "Ann")
        self.assertEqual(Identity("u1", "", "ann@example.org").name, "ann@example.org")
        self.assertEqual(Identity("u1").name, "u1")

    def test_an_identity_cannot_be_changed(self) -> None:
        self.assertRaises(AttributeError, setattr, identity(), "user_id", "root")

    def test_what_is_delivered_is_counted(self) -> None:
        peer = FakePeer()
        viewer = Viewer(identity(), peer)
        viewer.deliver(b"12345")
        self.assertEqual((peer.sent, viewer.bytes_sent), ([b"12345"], 5))

    def test_features_are_separated_by_commas(self) -> None:
        self.assertEqual(parse_features("a,b,,a"), {"a", "b"})
        self.assertEqual((parse_features(""), parse_features(None)), (frozenset(), frozenset()))
