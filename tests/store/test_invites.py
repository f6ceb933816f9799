"""Invites: for one address, once, for a week, and never above what the inviter may give."""

from __future__ import annotations

from typing import Any

from tests.store.test_orgs import NOW, OrgCase
from wingthing.crypto.digests import digest
from wingthing.errors import Forbidden, InvalidMessage, NotFound, PeerError
from wingthing.store import invites, orgs, users
from wingthing.wire.limits import INVITE_KEEP_SECONDS, INVITE_SECONDS


class InvitesTests(OrgCase):
    def accept(self, token: str, user_id: str = "eve", now: float = NOW) -> Any:
        return self.run_now(invites.accept, token, user_id, now=now)

    def state(self, token: str, now: float = NOW) -> str | None:
        found = self.run_now(invites.find, token, now=now)
        return found.state if found is not None else None

    def add(self, user_id: str, email: str) -> None:
        self.run_now(users.add, user_id, name=user_id, email=email, provider="test", now=NOW)

    def put_email(self, user_id: str, email: str) -> None:
        """As an account may have it that did not come through `users.add`."""
        self.direct.connection.execute("UPDATE users SET email = ? WHERE id = ?", (email, user_id))

    def test_the_token_is_nowhere_and_its_hash_is(self) -> None:
        token = self.invite()
        dump = "\n".join(self.direct.connection.iterdump())
        self.assertNotIn(token, dump)
        self.assertIn(digest(token), dump)
        self.assertGreaterEqual(len(token), 43)

    def test_accepted_once_by_whom_it_is_for(self) -> None:
        token = self.invite(role="admin")
        found = self.run_now(invites.find, token, now=NOW)
        assert found is not None
        self.assertEqual(
            (found.org_name, found.email, found.role, found.inviter, found.state),
            ("Acme", "eve@example.org", "admin", "Ann", ""),
        )
        self.accept(token)
        self.assertEqual(self.roles()["eve"], "admin")
        self.assertEqual(self.assertRaises(PeerError, self.accept, token).status, 410)
        self.run_now(orgs.remove_member, self.org, "ann", "eve")
        self.assertRaises(PeerError, self.accept, token)
        self.assertEqual((self.state(token), "eve" in self.roles()), ("accepted", False))

    def test_not_by_another_account(self) -> None:
        token = self.invite()
        for user_id in ("ann", "dan", "nobody"):
            self.assertRaises(Forbidden, self.accept, token, user_id)
        self.assertEqual(self.state(token), "")

    def test_the_case_of_an_address_and_the_spaces_around_it_are_no_matter(self) -> None:
        token = self.invite("  EVE@Example.ORG ")
        self.accept(token)
        self.assertEqual(self.roles()["eve"], "member")

    def test_addresses_that_only_look_alike_are_others(self) -> None:
        token = self.invite("kate@example.org")
        for number, email in enumerate(
            (
                "\u212aate@example.org",  # the Kelvin sign, which str.lower makes a k
                "k\u0430te@example.org",  # a Cyrillic a
                "kate@example.org.",
                "kate@ex\u0430mple.org",
                "kate@example.org\u200b",
                "\uff4bate@example.org",  # a wide k
                "kate@example.org\x00",
                "k.ate@example.org",
                "kate+x@example.org",
                " ",
            )
        ):
            self.add(f"thief{number}", "")
            self.put_email(f"thief{number}", email)
            self.assertRaises(Forbidden, self.accept, token, f"thief{number}")
        self.put_email("eve", "KATE@EXAMPLE.ORG")
        self.accept(token)

    def test_an_account_without_an_address_accepts_nothing(self) -> None:
        self.add("ghost", "")
        self.assertRaises(Forbidden, self.accept, self.invite(), "ghost")
        self.assertRaises(InvalidMessage, self.invite, "")

    def test_addresses_that_are_none(self) -> None:
        for email in (
            "x",
            "@",
            "a@",
            "@b",
            "a b@c.org",
            "a@b\r\nBcc: c@d.org",
            "<a@b.org>",
            "a@b.org, c@d.org",
        ):
            self.assertRaises(InvalidMessage, self.invite, email)

    def test_after_a_week_it_has_expired(self) -> None:
        token = self.invite()
        self.assertEqual(self.state(token, NOW + INVITE_SECONDS - 1), "")
        self.assertEqual(self.state(token, NOW + INVITE_SECONDS), "expired")
        self.assertRaises(PeerError, self.accept, token, now=NOW + INVITE_SECONDS)
        self.assertEqual(self.run_now(invites.waiting, self.org, "ann", now=NOW + INVITE_SECONDS), [])

    def test_what_is_long_over_is_forgotten(self) -> None:
        token = self.invite()
        late = NOW + INVITE_SECONDS + INVITE_KEEP_SECONDS + 1
        self.run_now(
            invites.create, self.org, "ann", "x@y.org", "member", now=late, randomness=self.randomness
        )
        self.assertIsNone(self.state(token, late))

    def test_withdrawn_by_token_or_id(self) -> None:
        first = self.invite()
        (waiting,) = self.run_now(invites.waiting, self.org, "bob", now=NOW)
        self.assertEqual(
            (waiting.email, waiting.role, waiting.invited_by), ("eve@example.org", "member", "Ann")
        )
        self.assertEqual(self.run_now(invites.withdraw, self.org, "bob", first), "eve@example.org")
        self.assertRaises(PeerError, self.accept, first)
        second = self.invite()
        (waiting,) = self.run_now(invites.waiting, self.org, "bob", now=NOW)
        self.run_now(invites.withdraw, self.org, "ann", waiting.id)
        self.assertEqual(self.state(second), "withdrawn")
        for name in (first, waiting.id, "nothing"):
            self.assertRaises(NotFound, self.run_now, invites.withdraw, self.org, "ann", name)

    def test_not_through_another_organisation(self) -> None:
        token = self.invite()
        other = self.create("Other", "eve")
        self.assertRaises(NotFound, self.run_now, invites.withdraw, other, "eve", token)
        self.assertEqual(self.state(token), "")

    def test_an_admin_does_not_withdraw_the_invite_of_an_owner(self) -> None:
        token = self.invite(role="owner")
        self.assertRaises(Forbidden, self.run_now, invites.withdraw, self.org, "bob", token)
        self.run_now(invites.withdraw, self.org, "ann", token)

    def test_who_is_invited_again_gets_another_link_and_the_first_ends(self) -> None:
        first, second = self.invite(), self.invite(role="admin", actor="bob")
        self.assertEqual((self.state(first), self.state(second)), ("withdrawn", ""))
        self.accept(second)
        self.assertEqual(self.roles()["eve"], "admin")

    def test_who_is_in_it_is_not_invited(self) -> None:
        self.assertEqual(self.assertRaises(PeerError, self.invite, "CAT@example.org").status, 409)

    def test_who_has_become_a_member_meanwhile_keeps_their_role(self) -> None:
        token = self.invite(role="owner")
        self.run_now(orgs.add_member, self.org, "eve", "member", now=NOW)
        self.accept(token)
        self.assertEqual((self.roles()["eve"], self.state(token)), ("member", "accepted"))

    def test_invites_end_with_the_right_to_give_them(self) -> None:
        """Whoever is about to be removed must not leave a way back."""
        by_admin, by_owner = self.invite("eve@example.org", "admin", "bob"), self.invite("x@y.org", "owner")
        self.run_now(orgs.change_role, self.org, "ann", "dan", "owner")
        self.run_now(orgs.change_role, self.org, "dan", "ann", "admin")
        self.assertEqual((self.state(by_admin), self.state(by_owner)), ("", "withdrawn"))
        self.run_now(orgs.change_role, self.org, "dan", "bob", "member")
        self.assertEqual(self.state(by_admin), "withdrawn")
        by_ann = self.invite("eve@example.org")
        self.run_now(orgs.remove_member, self.org, "dan", "ann")
        self.assertEqual(self.state(by_ann), "withdrawn")

    def test_tokens_that_are_none(self) -> None:
        token = self.invite()
        for wrong in (
            "",
            token[:-1],
            token + "A",
            token.swapcase(),
            digest(token),
            "' OR 1=1 --",
            "x" * 10**6,
        ):
            self.assertIsNone(self.run_now(invites.find, wrong, now=NOW))
            self.assertRaises(NotFound, self.accept, wrong)
