"""What a page of somebody else can make a browser do here: nothing. Every address of a whole node is tried.

A write needs the `Origin` of this server; a read changes nothing. So a form, an image or a script on another
site, with the login cookie of its visitor, gets nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import attrs
from klein import Klein
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.task import Cooperator
from twisted.web.resource import IResource

from tests.assembly.case import HOST, NOW, NodeCase, place
from tests.store.support import counting
from wingthing.assembly.config import Config
from wingthing.assembly.login import LoginNode
from wingthing.assembly.plan_config import plan_settings
from wingthing.assembly.roles import Role
from wingthing.assembly.sign_in_config import sign_in
from wingthing.crypto.digests import digest
from wingthing.crypto.tokens import WingToken
from wingthing.store import invites, login_sessions, orgs, tokens, users
from wingthing.testing import WING_ID
from wingthing.web.api_tree import ApiTree
from wingthing.web.guard import SAFE_METHODS

EVIL: Final = "https://evil.example"
OURS: Final = f"http://{HOST}"
REFUSED: Final = "did not come from a page of this server"

ENVIRONMENT: Final = {
    "WT_GITHUB_CLIENT_ID": "id",
    "WT_GITHUB_CLIENT_SECRET": "secret",
    "WT_GOOGLE_CLIENT_ID": "id",
    "WT_GOOGLE_CLIENT_SECRET": "secret",
    "WT_OIDC_ISSUER": "https://id.example.org",
    "WT_OIDC_CLIENT_ID": "id",
    "WT_OIDC_CLIENT_SECRET": "secret",
    "WT_SMTP_HOST": "localhost",
    "WT_SMTP_FROM": "wingthing@example.org",
    "WT_BILLING_WEBHOOK_SECRET": "whsec_secret",
    "WT_BILLING_CHECKOUT_URL": "https://pay.example.org/checkout",
}
"""All there is to configure, so that all addresses are there."""

NODES_ALONE: Final = "internal"
"""The first segment of what nodes ask each other. The guard lets it through, because nodes name each other by
addresses in the private network: each request must carry a node's token, of which a browser has none."""

MAY_WRITE: Final = {
    "/auth/local": "the one-time link, opened from a terminal: it logs in, once, and nobody else knows it",
    "/auth/github/callback": "providers send the browser back so; only with the state that this browser got",
    "/auth/google/callback": "the same",
    "/auth/oidc/callback": "the same",
}
"""Addresses at which GET may change something, and why. Without what they need they change nothing either."""

ONCE: Final = {"/api/app/push": "makes the key by which push services know this server, for all users"}
"""Addresses at which the first GET ever changes something, and what."""


@attrs.frozen
class Route:
    """An address of an app and what it takes there."""

    rule: str
    methods: frozenset[str]

    @property
    def writes(self) -> list[str]:
        return sorted(self.methods - SAFE_METHODS)


def routes(resource: Any, prefix: str = "") -> Iterator[Route]:
    """Every address below a resource: of the parts of `/api/` and `/auth/`, and of Klein apps."""
    if isinstance(resource, ApiTree):
        for part in {id(each): each for _prefix, each in resource._parts}.values():
            yield from routes(part, prefix)
        yield from routes(resource._rest, prefix)
    elif (app := getattr(resource, "_app", None)) is not None:
        assert isinstance(app, Klein)
        for rule in app.url_map.iter_rules():
            yield Route(prefix + rule.rule, frozenset(rule.methods or ("GET", "POST")))


def every_route(tree: Any) -> list[Route]:
    """Of a whole node; WebSockets, which guard themselves, are not among them."""
    found: list[Route] = []
    for name, resource in tree.children.items():
        if name != b"ws":
            found += routes(resource, f"/{name.decode()}")
    apps: Mapping[int, IResource] = {id(each): each for each in [*tree._whole.values(), tree._pages]}
    for app in apps.values():
        found += routes(app)
    return sorted(set(found), key=lambda route: route.rule)


class CsrfCase(NodeCase):
    """A login node with everything configured, and Ann's browser, which is logged in."""

    def setUp(self) -> None:
        super().setUp()
        cooperator = Cooperator(scheduler=lambda call: self.reactor.callLater(0, call))
        # Files are sent in turns of the reactor.
        self.patch(task, "_theCooperator", cooperator)
        config = Config(
            Role.LOGIN,
            "tcp:8080",
            True,
            self.folder,
            OURS,
            False,
            fleet=place("m1", "ewr"),
            sign_in=sign_in(ENVIRONMENT),
            plans=plan_settings(ENVIRONMENT, with_sign_in=True),
        )
        node = LoginNode(self.reactor, config, self.keys, self.folder, machine="m1", boot="boot-1")
        self.start(node)
        self.addCleanup(self.stop, node)
        site: Any = self.reactor.tcpServers[-1][1]
        # How often is another test's question.
        site.limits = None
        self.routes = every_route(site.resource._tree)
        self.samples = self._make_samples()
        self.cookie = str(self.successResultOf(Deferred.fromCoroutine(node.authenticator.log_in("ann"))))
        for target in ONCE:
            self.say("GET", target, self.with_cookie())

    def _make_samples(self) -> dict[str, str]:
        """What stands for each variable of an address: something that is there, and that Ann may change."""
        now, randomness = self.databases[0].now, counting()
        now(users.add, "ann", name="Ann", email="ann@example.org", provider="test", now=NOW)
        now(users.add, "bob", name="Bob", email="bob@example.org", provider="test", now=NOW)
        org = now(orgs.create, "The crew", "ann", now=NOW, randomness=randomness)
        now(orgs.add_member, org.id, "bob", "member", now=NOW)
        other = now(orgs.create, "The band", "bob", now=NOW, randomness=randomness)
        invited = now(
            invites.create, other.id, "bob", "ann@example.org", "member", now=NOW, randomness=randomness
        )
        second = now(login_sessions.create, "ann", now=NOW, randomness=randomness)
        now(tokens.issued, WingToken("ann", int(NOW), int(NOW) + 1000, jti="token-1", wing=WING_ID))
        return {
            "org_id": org.id,
            "user_id": "bob",
            "token": invited.token,
            "session_id": login_sessions.public_id(digest(second)),
            "jti": "token-1",
            "wing_id": WING_ID,
            "provider": "github",
            "method_id": "method-1",
            "passkey_id": "passkey-1",
            "subscription_id": "subscription-1",
            "name": "index.html",
            "_name": "anything",
        }

    def address(self, rule: str) -> str:
        """An address of a route."""

        def sample(match: re.Match[str]) -> str:
            name = match[1].rpartition(":")[2]
            self.assertIn(name, self.samples, f"{rule} has a variable that this test does not know")
            return quote(self.samples[name])

        return re.sub(r"<([^>]*)>", sample, rule)

    def say(self, method: str, target: str, headers: dict[str, str]) -> tuple[int, str]:
        """Status and body."""
        known = {"Host": HOST, **({"Content-Length": "0"} if method not in SAFE_METHODS else {})}
        status, _headers, body = self.answer(method, target, known | headers)
        return status, body.decode("utf-8", "replace")

    def answer(self, method: str, target: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """The same with the headers of the answer."""
        client = self.client()
        client.request(target, headers, method=method)
        for _ in range(5):
            self.reactor.advance(0)
        return client.response()

    def with_cookie(self, **more: str) -> dict[str, str]:
        return {"Cookie": f"wt_session={self.cookie}", **more}

    def state(self) -> tuple[int, str]:
        """How many rows have been changed ever, and all that is stored."""
        connection = self.databases[0].connection
        return connection.total_changes, "\n".join(connection.iterdump())


class WriteTests(CsrfCase):
    def test_the_whole_node_is_looked_at(self) -> None:
        known = {route.rule for route in self.routes}
        for rule in (
            "/auth/logout",
            "/auth/email",
            "/auth/email/link",
            "/api/app/account",
            "/api/app/me",
            "/api/orgs/<org_id>",
            "/api/app/passkey/register/finish",
            "/api/app/upgrade",
            "/api/app/push",
            "/invite/<token>",
            "/billing/webhook",
            "/internal/session",
            "/status",
            "/app/",
        ):
            self.assertIn(rule, known)

    def test_a_write_with_the_cookie_needs_our_origin(self) -> None:
        before = self.state()
        tried = 0
        for route in self.routes:
            if route.rule.startswith(f"/{NODES_ALONE}/"):
                continue
            for method in route.writes:
                target = self.address(route.rule)
                for origin in (EVIL, "null", f"{OURS}.evil.example", "", f"https://{HOST}", None):
                    headers = self.with_cookie(**({} if origin is None else {"Origin": origin}))
                    status, body = self.say(method, target, headers)
                    self.assertEqual(status, 403, f"{method} {route.rule} from {origin}")
                    self.assertIn(REFUSED, body)
                    tried += 1
        self.assertGreater(tried, 200)
        self.assertEqual(self.state(), before)

    def test_neither_is_a_foreign_page_let_in_without_the_cookie(self) -> None:
        """It could log a visitor in as somebody else (login CSRF)."""
        before = self.state()
        for route in self.routes:
            if route.rule.startswith(f"/{NODES_ALONE}/"):
                continue
            for method in route.writes:
                status, body = self.say(method, self.address(route.rule), {"Origin": EVIL})
                self.assertEqual((status, REFUSED in body), (403, True), f"{method} {route.rule}")
        self.assertEqual(self.state(), before)

    def test_it_is_the_origin_that_is_refused(self) -> None:
        """With ours, each of them gets as far as the app: this test could not fail otherwise."""
        for route in self.routes:
            if route.rule.startswith(f"/{NODES_ALONE}/"):
                continue
            for method in route.writes:
                status, body = self.say(
                    method, self.address(route.rule), {"Origin": OURS, "Cookie": "wt_session=nobody"}
                )
                self.assertNotIn(REFUSED, body, f"{method} {route.rule}")
                self.assertNotEqual(status, 405, f"{method} {route.rule}")

    def test_what_nodes_ask_each_other_is_not_for_browsers(self) -> None:
        tried = 0
        for route in self.routes:
            if route.rule.startswith(f"/{NODES_ALONE}/"):
                for method in sorted(route.methods - {"HEAD", "OPTIONS"}):
                    for origin in (EVIL, OURS):
                        headers = self.with_cookie(Origin=origin)
                        status, _body = self.say(method, self.address(route.rule), headers)
                        self.assertIn(status, (401, 404), f"{method} {route.rule}")
                        tried += 1
        self.assertGreater(tried, 0)


class ReadTests(CsrfCase):
    def test_reading_changes_nothing(self) -> None:
        tried = 0
        for route in self.routes:
            if "GET" not in route.methods or route.rule in MAY_WRITE:
                continue
            target = self.address(route.rule)
            for query in ("", "?code=ABCDEF&token=x&email=ann@example.org&before=5&next=/app/"):
                for method in ("GET", "HEAD"):
                    before = self.state()
                    status, _body = self.say(method, target + query, self.with_cookie(Origin=EVIL))
                    self.assertLess(status, 500, f"{method} {route.rule}")
                    self.assertEqual(self.state(), before, f"{method} {route.rule}")
                    tried += 1
        self.assertGreater(tried, 80)
        self.assertEqual(self.say("GET", "/api/app/me", self.with_cookie())[0], 200, "the cookie counts")

    def test_what_may_change_something_does_not_without_what_it_needs(self) -> None:
        known = {route.rule for route in self.routes}
        for target in MAY_WRITE:
            before = self.state()
            for query in ("", "?code=x&state=x", "?key=x"):
                self.say("GET", target + query, self.with_cookie())
            self.assertEqual(self.state(), before, target)
        self.assertIn("/auth/local", known)

    def test_nothing_is_shown_to_other_sites(self) -> None:
        for route in self.routes:
            if "GET" not in route.methods:
                continue
            asked = self.with_cookie(Host=HOST, Origin=EVIL)
            _status, headers, _body = self.answer("GET", self.address(route.rule), asked)
            self.assertFalse([h for h in headers if h.startswith("access-control-")], route.rule)
            self.assertEqual(headers.get("cross-origin-resource-policy"), "same-origin", route.rule)
            self.assertIn("frame-ancestors 'none'", headers.get("content-security-policy", ""), route.rule)
