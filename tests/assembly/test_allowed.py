"""A node that starts with a shorter list of who may sign in."""

from __future__ import annotations

import attrs

from tests.assembly.case import NOW, NodeCase
from tests.store.support import counting
from wingthing.assembly.login import LoginNode
from wingthing.assembly.node import Node
from wingthing.assembly.single import SingleNode
from wingthing.crypto.digests import digest
from wingthing.names import ENV_ALLOWED_EMAILS
from wingthing.store import login_sessions, sign_in
from wingthing.store.sign_in import Vouched
from wingthing.web.sign_in_settings import EVERYBODY, Allowed, GitHubApp, SignIn
from wingthing.wire.gossip import Revoked, RevokedKind

GITHUB = GitHubApp("id", "secret", "https://github.example", "https://api.github.example")


class AllowedTests(NodeCase):
    def begin(self, kind: type[Node], *addresses: str) -> Node:
        """A node with that list, started; without one, everybody may."""
        allowed = Allowed(frozenset(addresses)) if addresses else EVERYBODY
        made = self.single() if kind is SingleNode else self.login()
        made.presence.leave()
        config = attrs.evolve(made.config, sign_in=SignIn(github=GITHUB, allowed=allowed))
        node = type(made)(self.reactor, config, self.keys, self.folder, machine="m1", boot="boot-1")
        self.start(node)
        return node

    def log_in(self, user_id: str) -> str:
        """The hash of a new session of a user who came by GitHub."""
        now = self.databases[-1].now
        vouched = Vouched("github", "https://github.example", user_id, f"{user_id}@example.org")
        now(sign_in.enter, vouched, user_id=user_id, method_id=user_id, now=NOW)
        return digest(now(login_sessions.create, user_id, now=NOW, randomness=counting()))

    def counts(self, session: str) -> bool:
        return self.databases[-1].now(login_sessions.find, session, now=NOW) is not None

    def test_who_is_off_the_list_is_out(self) -> None:
        node = self.begin(SingleNode, "ann@example.org", "eve@example.org")
        eve = self.log_in("eve")
        self.stop(node)
        node = self.begin(SingleNode, "ann@example.org")
        self.addCleanup(self.stop, node)
        self.assertFalse(self.counts(eve))
        (said,) = [line for line in self.said() if ENV_ALLOWED_EMAILS in line]
        self.assertIn("1 user", said)
        self.assertNotIn("eve", said)

    def test_without_a_list_everybody_stays(self) -> None:
        node = self.begin(SingleNode, "eve@example.org")
        eve = self.log_in("eve")
        self.stop(node)
        self.addCleanup(self.stop, self.begin(SingleNode))
        self.assertTrue(self.counts(eve))
        self.assertFalse([line for line in self.said() if ENV_ALLOWED_EMAILS in line])

    def test_edges_that_have_gone_on_meanwhile_are_told(self) -> None:
        node = self.begin(LoginNode, "eve@example.org")
        eve = self.log_in("eve")
        self.stop(node)
        again = self.begin(LoginNode, "ann@example.org")
        assert isinstance(again, LoginNode)
        self.addCleanup(self.stop, again)
        self.reactor.advance(5.0)
        told = [event for event in again.gossip.log.since(0) or () if isinstance(event, Revoked)]
        self.assertIn((RevokedKind.LOGIN, eve), [(event.kind, event.subject) for event in told])
