"""Questions of an edge and login's answers, as they travel."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import TestCase

from wingthing.wire import internal
from wingthing.wire.gossip import WingUp
from wingthing.wire.internal import (
    Entitlement,
    Entitlements,
    Hello,
    Session,
    SessionQuestion,
    Tier,
    WingPlace,
    WingQuestion,
)
from wingthing.wire.records import WingRecord

UP = WingUp(
    record=WingRecord(wing_id="w", connection_id="c", user_id="ann"), machine="m", version=1, since=2.5
)


class InternalTests(TestCase):
    def test_what_is_said_is_what_is_heard(self) -> None:
        for said in (
            Hello(boot="b"),
            SessionQuestion("digest"),
            Session(
                user_id="ann", display_name="Ann", email="a@b", provider="p", avatar_url="u", passkeys=("k",)
            ),
            WingQuestion("w"),
            WingPlace(UP),
            WingPlace(None),
            Entitlements([Entitlement(user_id="ann", tier=Tier.PRO, email="a@b")]),
        ):
            self.assertEqual(msgspec.json.decode(msgspec.json.encode(said), type=type(said)), said)

    def test_users_without_a_name_cost_few_bytes(self) -> None:
        """An edge has all of them, and login sends all of them to each."""
        body = msgspec.json.encode(Entitlements([Entitlement(user_id="ann", tier=Tier.FREE)]))
        self.assertEqual(body, b'{"users":[{"user_id":"ann","tier":"free"}]}')

    def test_every_address_is_below_internal(self) -> None:
        paths = [value for name, value in vars(internal).items() if name.endswith("_PATH")]
        self.assertEqual(len(set(paths)), 5)
        for path in paths:
            self.assertRegex(path, r"\A/internal/[a-z]+\Z")

    def test_a_question_has_no_room_for_the_cookie_itself(self) -> None:
        self.assertEqual([field.name for field in msgspec.structs.fields(SessionQuestion)], ["login"])
