"""The two families of error, and what each carries for whoever made it."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing import errors
from wingthing.errors import OperatorError, PeerError, WingthingError


class ErrorTests(TestCase):
    def test_a_status_for_every_kind_that_a_peer_can_make(self) -> None:
        found = {
            name: kind.status
            for name, kind in vars(errors).items()
            if isinstance(kind, type) and issubclass(kind, PeerError) and kind is not PeerError
        }
        self.assertEqual(
            found,
            {
                "InvalidMessage": 400,
                "NotAuthenticated": 401,
                "Forbidden": 403,
                "NotFound": 404,
                "CapReached": 402,
                "TemporarilyUnavailable": 503,
                "DecryptionFailed": 400,
            },
        )

    def test_one_error_may_carry_its_own_status_and_headers(self) -> None:
        why = PeerError("no", status=426, headers={"Upgrade": "websocket"})
        self.assertEqual((str(why), why.status, why.headers), ("no", 426, {"Upgrade": "websocket"}))
        self.assertEqual((PeerError("no").status, PeerError("no").headers), (400, {}))

    def test_and_fields_of_its_own(self) -> None:
        self.assertEqual(PeerError("no", fields={"retry": True}).fields, {"retry": True})
        self.assertEqual(PeerError("no").fields, {})

    def test_an_operators_error_ends_a_program_with_2(self) -> None:
        self.assertEqual(OperatorError("free some space").exit_code, 2)

    def test_the_families_do_not_overlap(self) -> None:
        kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
        for kind in kinds:
            if issubclass(kind, Exception):
                self.assertTrue(issubclass(kind, WingthingError))
                self.assertFalse(issubclass(kind, PeerError) and issubclass(kind, OperatorError))
