"""What ends in the account pages ends everywhere: open sockets here, and what edges are told."""

from __future__ import annotations

import json

from twisted.internet.defer import Deferred

from tests.assembly.case import HOST, NOW, NodeCase
from tests.store.support import counting
from wingthing.assembly.login import LoginNode
from wingthing.crypto.digests import digest
from wingthing.relay.peers import Viewer
from wingthing.store import orgs, users
from wingthing.testing import FakePeer, identity
from wingthing.wire.closing import CloseCode
from wingthing.wire.gossip import OrgChanged, Revoked, RevokedKind


class AccountEndsTests(NodeCase):
    def setUp(self) -> None:
        super().setUp()
        self.node: LoginNode = self.login()
        self.start(self.node)
        self.addCleanup(self.stop, self.node)
        now = self.databases[0].now
        for user_id in ("ann", "bob"):
            email = f"{user_id}@example.org"
            now(users.add, user_id, name=user_id.title(), email=email, provider="test", now=NOW)

    def log_in(self, user_id: str = "ann") -> tuple[str, FakePeer]:
        """A browser: its cookie, and a socket that it has open."""
        logging_in = Deferred.fromCoroutine(self.node.authenticator.log_in(user_id))
        cookie = str(self.successResultOf(logging_in))
        peer = FakePeer()
        self.node.router.viewer_connected(Viewer(identity(user_id, login=digest(cookie)), peer, ""))
        return cookie, peer

    def delete(self, cookie: str, path: str, body: object = None) -> int:
        """The status."""
        client, content = self.client(), json.dumps(body).encode() if body is not None else b""
        headers = {
            "Host": HOST,
            "Origin": f"http://{HOST}",
            "Cookie": f"wt_session={cookie}",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
        }
        client.request(path, headers, method="DELETE")
        client.send_raw(content)
        self.reactor.advance(0)
        return client.response()[0]

    def told(self) -> list[object]:
        """What edges hear with the next round."""
        return list(self.node.gossip.log.since(0) or ())

    def test_other_browsers_lose_their_sockets_and_this_one_does_not(self) -> None:
        (cookie, own), (other, theirs), (_his, bobs) = self.log_in(), self.log_in(), self.log_in("bob")
        self.assertEqual(self.delete(cookie, "/api/app/sessions"), 204)
        assert theirs.closed is not None
        self.assertEqual(theirs.closed[0], CloseCode.LOGIN_ENDED)
        self.assertEqual((own.closed, bobs.closed), (None, None))
        (event,) = self.told()
        assert isinstance(event, Revoked)
        self.assertEqual((event.kind, event.subject), (RevokedKind.LOGIN, digest(other)))

    def test_a_deleted_account_is_out_of_everything_on_every_node(self) -> None:
        now = self.databases[0].now
        crew = now(orgs.create, "The crew", "bob", now=NOW, randomness=counting())
        now(orgs.add_member, crew.id, "ann", "member", now=NOW)
        self.node.orgs.look_soon()
        self.assertEqual(self.node.router.roster.role("ann", crew.id), "member")
        before = len(self.told())
        (cookie, own), (_second, other), (_his, bobs) = self.log_in(), self.log_in(), self.log_in("bob")
        self.assertEqual(self.delete(cookie, "/api/app/account", {"confirm": "ann"}), 204)
        for peer in (own, other):
            assert peer.closed is not None
            self.assertEqual(peer.closed[0], CloseCode.LOGIN_ENDED)
        self.assertIsNone(bobs.closed)
        self.assertEqual(self.node.router.roster.role("ann", crew.id), "")
        said = self.told()[before:]
        self.assertIn(RevokedKind.USER, {event.kind for event in said if isinstance(event, Revoked)})
        changed = [event for event in said if isinstance(event, OrgChanged) and event.org_id == crew.id]
        self.assertEqual([dict(e.org.members) for e in changed if e.org], [{"bob": "owner"}])
