"""A node knows of a wing what its record holds, and nothing else."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import TestCase

from wingthing.wire.records import WingRecord


class WingRecordTests(TestCase):
    def test_nothing_else_about_a_wing_is_known(self) -> None:
        names = {field.name for field in msgspec.structs.fields(WingRecord)}
        self.assertEqual(
            names,
            {
                "wing_id",
                "connection_id",
                "user_id",
                "owner",
                "org_id",
                "public_key",
                "locked",
                "allowed_count",
            },
        )

    def test_a_record_cannot_be_changed_in_place(self) -> None:
        record = WingRecord(wing_id="w", connection_id="c", user_id="u")
        self.assertRaises(AttributeError, setattr, record, "user_id", "other")
