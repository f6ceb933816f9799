"""Machines that are connected are in use, whichever node they are connected to."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from tests.assembly.case import NodeCase
from tests.store.support import StoreCase
from wingthing.assembly import device_book
from wingthing.assembly.device_book import DeviceBook
from wingthing.crypto.tokens import WingToken
from wingthing.store import tokens
from wingthing.testing import WING_ID
from wingthing.wire.gossip import WingUp
from wingthing.wire.limits import DEVICE_TOUCH_SECONDS
from wingthing.wire.records import WingRecord

NOW = 1_800_000_000.0


def record(user_id: str, wing_id: str) -> WingRecord:
    return WingRecord(wing_id=wing_id, connection_id="c", user_id=user_id, owner="", public_key="key")


class DeviceBookTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.clock.advance(NOW)
        self.online: list[WingRecord] = []
        self.book = DeviceBook(self.clock, self.database, lambda: self.online)
        self.book.startService()
        self.addCleanup(self.book.stopService)
        for jti, wing in (("one", "w1"), ("two", "w2")):
            self.run_now(tokens.issued, WingToken("ann", int(NOW), int(NOW) + 10**8, jti=jti, wing=wing))

    def used_at(self) -> dict[str, float]:
        found = self.run_now(tokens.of_user, "ann", now=self.clock.seconds())
        return {each.jti: each.used_at for each in found}

    def test_who_is_connected_is_noted_once_in_a_while(self) -> None:
        self.online = [record("ann", "w1"), record("eve", "w2")]
        self.clock.advance(DEVICE_TOUCH_SECONDS - 1)
        self.assertEqual(self.used_at(), {"one": 0, "two": 0})
        self.clock.advance(1)
        self.assertEqual(self.used_at(), {"one": NOW + DEVICE_TOUCH_SECONDS, "two": 0})
        self.online = [record("ann", "w2")]
        self.clock.advance(DEVICE_TOUCH_SECONDS)
        self.assertEqual(
            self.used_at(), {"one": NOW + DEVICE_TOUCH_SECONDS, "two": NOW + 2 * DEVICE_TOUCH_SECONDS}
        )

    def test_many_are_noted_in_parts(self) -> None:
        self.patch(device_book, "TOGETHER", 3)
        sizes: list[int] = []
        write = self.direct.write

        async def counting_write(query: Any, some: Any, **more: Any) -> Any:
            sizes.append(len(some))
            return await write(query, some, **more)

        self.patch(self.direct, "write", counting_write)
        self.online = [record("ann", f"w{number}") for number in range(1, 8)]
        self.clock.advance(DEVICE_TOUCH_SECONDS)
        self.assertEqual(sizes, [3, 3, 1])
        self.assertEqual(set(self.used_at().values()), {NOW + DEVICE_TOUCH_SECONDS})

    def test_a_busy_database_is_tried_again_the_next_time(self) -> None:
        self.online = [record("ann", "w1")]
        self.direct.refusing = True
        self.clock.advance(DEVICE_TOUCH_SECONDS)
        self.direct.refusing = False
        self.assertEqual(self.used_at()["one"], 0)
        self.clock.advance(DEVICE_TOUCH_SECONDS)
        self.assertEqual(self.used_at()["one"], NOW + 2 * DEVICE_TOUCH_SECONDS)

    def test_a_fault_does_not_end_it(self) -> None:
        def fault() -> list[WingRecord]:
            raise RuntimeError("a bug")

        self.patch(self.book, "_online", fault)
        self.clock.advance(DEVICE_TOUCH_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.patch(self.book, "_online", lambda: [record("ann", "w1")])
        self.clock.advance(DEVICE_TOUCH_SECONDS)
        self.assertEqual(self.used_at()["one"], NOW + 2 * DEVICE_TOUCH_SECONDS)


class LoginTests(NodeCase):
    def test_login_knows_of_those_at_its_edges(self) -> None:
        node = self.login()
        self.addCleanup(node.closed)
        node.fleet.up(WingUp(record=record("ann", WING_ID), machine="m2", version=1, since=NOW))
        self.assertEqual([each.wing_id for each in node.online()], [WING_ID])
