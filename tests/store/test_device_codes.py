"""Device codes: one token each, after an approval, in time, and not for the asking too often."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.store.support import StoreCase, counting
from wingthing.errors import TemporarilyUnavailable
from wingthing.store import device_codes, users
from wingthing.store.device_codes import Approved, Codes
from wingthing.wire.limits import (
    DEVICE_CODE_SECONDS,
    DEVICE_POLL_SECONDS,
    MAX_WAITING_DEVICE_CODES,
    USER_CODE_ALPHABET,
)

NOW = 1_800_000_000.0
WING = "a1b2c3d4e5f6a1b2c3d4e5f6"


class DeviceCodesTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        for user_id in ("ann", "eve"):
            self.run_now(users.ensure, user_id, name=user_id, provider="test", now=NOW)
        self.randomness = counting()

    def create(self, user_id: str | None = None, now: float = NOW) -> Codes:
        return self.run_now(
            device_codes.create,
            wing_id=WING,
            public_key="key",
            user_id=user_id,
            now=now,
            randomness=self.randomness,
        )

    def poll(self, codes: Codes, now: float) -> Approved | str:
        return self.run_now(device_codes.poll, codes.device_code, now=now)

    def test_the_form_of_the_codes(self) -> None:
        codes = self.create()
        self.assertTrue(re.fullmatch(f"[{USER_CODE_ALPHABET}]{{6}}", codes.user_code))
        self.assertEqual(len(codes.device_code), 43)

    def test_the_device_code_is_stored_nowhere(self) -> None:
        codes = self.create()
        self.direct.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for file in self.folder.iterdir():
            self.assertNotIn(codes.device_code.encode(), file.read_bytes(), file.name)

    def test_every_letter_is_as_likely_as_any_other(self) -> None:
        seen = "".join(
            device_codes._user_code(lambda size, first=first: bytes([first]) * size)[0]
            for first in range(256)
        )
        self.assertEqual({seen.count(letter) for letter in USER_CODE_ALPHABET}, {8})

    def test_from_pending_through_approval_to_one_token(self) -> None:
        codes = self.create()
        self.assertEqual(self.poll(codes, NOW), "authorization_pending")
        self.assertEqual(self.run_now(device_codes.waiting, codes.user_code, now=NOW), WING)
        self.assertEqual(self.run_now(device_codes.approve, codes.user_code, "ann", now=NOW), WING)
        self.assertEqual(self.poll(codes, NOW + 5), Approved("ann", WING, "key"))
        self.assertEqual(self.poll(codes, NOW + 10), "invalid_code")

    def test_one_that_is_approved_from_the_start_yields_once_too(self) -> None:
        codes = self.create("ann")
        self.assertEqual(self.poll(codes, NOW), Approved("ann", WING, "key"))
        self.assertEqual(self.poll(codes, NOW), "invalid_code")

    def test_asking_too_often(self) -> None:
        codes = self.create()
        self.assertEqual(self.poll(codes, NOW), "authorization_pending")
        self.assertEqual(self.poll(codes, NOW + 1), "slow_down")
        self.assertEqual(self.poll(codes, NOW + 1 + DEVICE_POLL_SECONDS), "authorization_pending")

    def test_impatience_does_not_cost_the_token(self) -> None:
        codes = self.create()
        self.poll(codes, NOW)
        self.poll(codes, NOW + 1)
        self.run_now(device_codes.approve, codes.user_code, "ann", now=NOW + 1)
        self.assertIsInstance(self.poll(codes, NOW + 1.1), Approved)

    def test_an_expired_code_says_so_and_can_neither_be_approved_nor_used(self) -> None:
        pending, approved = self.create(), self.create("ann")
        late = NOW + DEVICE_CODE_SECONDS
        self.create(now=late)
        self.assertEqual(self.poll(pending, late), "expired_code")
        self.assertEqual(self.poll(approved, late), "expired_code")
        self.assertIsNone(self.run_now(device_codes.approve, pending.user_code, "ann", now=late))
        self.assertIsNone(self.run_now(device_codes.waiting, pending.user_code, now=late))

    def test_and_is_forgotten_in_the_end(self) -> None:
        codes = self.create()
        later = NOW + 2 * DEVICE_CODE_SECONDS
        self.create(now=later)
        self.assertEqual(self.poll(codes, later), "invalid_code")

    def test_an_approval_cannot_be_taken_over(self) -> None:
        codes = self.create()
        self.run_now(device_codes.approve, codes.user_code, "ann", now=NOW)
        self.assertIsNone(self.run_now(device_codes.approve, codes.user_code, "eve", now=NOW))
        answer = self.poll(codes, NOW)
        assert isinstance(answer, Approved)
        self.assertEqual(answer.user_id, "ann")

    def test_a_code_as_people_type_it(self) -> None:
        codes = self.create()
        typed = f" {codes.user_code[:3].lower()}-{codes.user_code[3:].lower()} "
        self.assertEqual(self.run_now(device_codes.waiting, typed, now=NOW), WING)

    def test_two_devices_never_share_a_user_code(self) -> None:
        letters = iter(
            [b"same-device-code-1".ljust(32), b"\x01" * 6, b"2".ljust(32), b"\x01" * 6, b"\x02" * 6]
        )
        made = [
            self.run_now(
                device_codes.create,
                wing_id=WING,
                public_key="",
                user_id=None,
                now=NOW,
                randomness=lambda _size: next(letters),
            ).user_code
            for _ in range(2)
        ]
        self.assertEqual(len(set(made)), 2)

    def test_those_that_wait_are_bounded_and_those_that_need_not_wait_go_on(self) -> None:
        cursor = self.direct.connection.cursor()
        cursor.execute("BEGIN")
        for _ in range(MAX_WAITING_DEVICE_CODES):
            device_codes.create(
                cursor, wing_id=WING, public_key="", user_id=None, now=NOW, randomness=self.randomness
            )
        cursor.execute("COMMIT")
        self.assertRaises(TemporarilyUnavailable, self.create)
        self.create("ann")
        self.create(now=NOW + DEVICE_CODE_SECONDS)

    @given(st.text(max_size=60))
    def test_nothing_else_is_a_code(self, guess: str) -> None:
        self.create()
        for attempt in (guess, f"{guess}' OR '1'='1", "%", "______"):
            self.assertEqual(self.run_now(device_codes.poll, attempt, now=NOW), "invalid_code")
            if device_codes.normal(attempt) != "AAAAAA":
                self.run_now(device_codes.waiting, attempt, now=NOW)
        self.assertIsNone(self.run_now(device_codes.waiting, "' OR 1=1", now=NOW))
