"""How long it takes to look for a secret says nothing of any: what is looked for is its hash.

Measured times would say that of this machine and this day. So the statements themselves are looked at: what a
client has sent is in none of them, so that nothing can be compared with it byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.store.support import StoreCase, counting
from wingthing.crypto.digests import digest
from wingthing.errors import NotFound
from wingthing.store import device_codes, invites, login_sessions, orgs, sign_ins, users

NOW = 1_800_000_000.0


class LookupTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.randomness = counting()
        self.run_now(users.add, "ann", name="Ann", email="ann@example.org", provider="test", now=NOW)

    def statements(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> list[str]:
        """What a query asks of the database, with the values in it."""
        traced: list[str] = []
        self.direct.connection.set_trace_callback(traced.append)
        try:
            self.run_now(query, *args, **kwargs)
        except NotFound:
            pass
        finally:
            self.direct.connection.set_trace_callback(None)
        return [each for each in traced if each.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "INSERT"))]

    def looked_for_hashed(self, secret: str, query: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        # The right one, one that differs in the last character, and what only begins so.
        for said in (secret, secret[:-1] + ("A" if secret[-1] != "A" else "B"), secret[:20]):
            own = [said if arg is secret else arg for arg in args]
            named = {name: said if value is secret else value for name, value in kwargs.items()}
            statements = self.statements(query, *own, **named)
            self.assertTrue(any(digest(said) in each for each in statements), statements)
            self.assertFalse(any(said in each for each in statements), statements)

    def test_a_login_cookie(self) -> None:
        cookie = self.run_now(login_sessions.create, "ann", now=NOW, randomness=self.randomness)
        for said in (cookie, cookie[:-1]):
            (statement,) = self.statements(login_sessions.find, digest(said), now=NOW)
            self.assertIn(digest(said), statement)

    def test_a_device_code(self) -> None:
        codes = self.run_now(
            device_codes.create, wing_id="w", public_key="", user_id=None, now=NOW, randomness=self.randomness
        )
        self.looked_for_hashed(codes.device_code, device_codes.poll, codes.device_code, now=NOW)

    def test_an_invite(self) -> None:
        org = self.run_now(orgs.create, "Acme", "ann", now=NOW, randomness=self.randomness)
        made = self.run_now(
            invites.create, org.id, "ann", "eve@example.org", "member", now=NOW, randomness=self.randomness
        )
        self.run_now(users.add, "eve", name="Eve", email="eve@example.org", provider="test", now=NOW)
        self.looked_for_hashed(made.token, invites.find, made.token, now=NOW)
        self.looked_for_hashed(made.token, invites.accept, made.token, "eve", now=NOW)

    def test_a_sign_in_link(self) -> None:
        token = "t" * 43
        self.run_now(sign_ins.send_link, token=token, email="ann@example.org", next_path="/app/", now=NOW)
        self.looked_for_hashed(token, sign_ins.link, token, now=NOW)
        self.looked_for_hashed(token, sign_ins.spend_link, token, now=NOW)

    def test_the_state_and_the_browser_of_a_sign_in(self) -> None:
        state, browser = "s" * 43, "b" * 43
        self.run_now(
            sign_ins.start, state=state, browser=browser, provider="github", next_path="/app/", now=NOW
        )
        self.looked_for_hashed(
            state, sign_ins.finish, state=state, browser=browser, provider="github", now=NOW
        )
