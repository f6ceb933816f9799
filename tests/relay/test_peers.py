"""The relay's view of peers."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.relay.peers import Identity, Viewer, parse_features
from wingthing.testing import (
    OTHER_WING_ID,
    WING_ID,
    FakePeer,
    identity,
    new_router,
    open_browser,
    open_wing,
)
from wingthing.wire.gossip import Revoked, RevokedKind


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

    def test_what_an_identity_stands_on(self) -> None:
        behind_cookie = Identity("ann", login="digest")
        behind_token = Identity("ann", token="j", token_issued_at=100)
        nameless = Identity("ann", token_issued_at=100)
        everybody = (behind_cookie, behind_token, nameless)

        def fallen(kind: RevokedKind, subject: str, at: float = 100.0) -> list[bool]:
            event = Revoked(kind=kind, subject=subject, at=at, until=at + 9)
            return [who.stands_on(event) for who in everybody]

        self.assertEqual(fallen(RevokedKind.USER, "ann"), [True, True, True])
        self.assertEqual(fallen(RevokedKind.LOGIN, "digest"), [True, False, False])
        self.assertEqual(fallen(RevokedKind.TOKEN, "j"), [False, True, False])
        self.assertEqual(fallen(RevokedKind.TOKENS, "ann"), [False, True, True])
        self.assertEqual(fallen(RevokedKind.TOKENS, "ann", 99.0), [False, False, False], "made since")
        for kind in RevokedKind:
            self.assertEqual(fallen(kind, "somebody else"), [False, False, False], kind)

    def test_what_is_empty_is_no_name(self) -> None:
        for kind in (RevokedKind.LOGIN, RevokedKind.TOKEN):
            event = Revoked(kind=kind, subject="", at=1.0, until=2.0)
            self.assertFalse(Identity("ann", token_issued_at=1).stands_on(event), kind)

    def test_what_a_browser_is_there_for(self) -> None:
        router = new_router()
        open_wing(router), open_wing(router, OTHER_WING_ID)
        named, loose = open_browser(router, wing_id=WING_ID), open_browser(router)
        self.assertEqual([named.viewer.concerns(each) for each in (WING_ID, OTHER_WING_ID)], [True, False])
        self.assertFalse(loose.viewer.concerns(WING_ID))
        loose.start(wing_id=WING_ID)
        loose.ask("r", OTHER_WING_ID)
        self.assertEqual([loose.viewer.concerns(each) for each in (WING_ID, OTHER_WING_ID)], [True, True])
        watcher = open_browser(router)
        watcher.attach("00000001", wing_id=WING_ID, spectate=True)
        self.assertTrue(watcher.viewer.concerns(WING_ID))
        named.start(wing_id=OTHER_WING_ID)
        self.assertTrue(named.viewer.concerns(OTHER_WING_ID), "opened for one, and has something on another")

    def test_features_are_separated_by_commas(self) -> None:
        self.assertEqual(parse_features("a,b,,a"), {"a", "b"})
        self.assertEqual((parse_features(""), parse_features(None)), (frozenset(), frozenset()))
