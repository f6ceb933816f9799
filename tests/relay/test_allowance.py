"""The cap, as one node knows it: never less than the truth allows, found without looking at every message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.errors import CapReached
from wingthing.relay.allowance import Allowance, Changes
from wingthing.relay.meter import Meter
from wingthing.relay.peers import NEVER, Viewer
from wingthing.testing import FakePeer, identity
from wingthing.wire.limits import CAP_LOOK_BYTES, CAP_STEPS

CAP = 100 * 1024 * 1024
MONTH, NEXT = "2027-01", "2027-02"


class AllowanceCase(TestCase):
    def setUp(self) -> None:
        self.meter = Meter()
        self.allowance = Allowance(self.meter)
        self.woken = 0
        self.allowance.wake = self._wake
        self.allowance.begin_month(MONTH)

    def _wake(self) -> None:
        self.woken += 1

    def viewer(self, user_id: str = "ann") -> Viewer:
        viewer = Viewer(identity(user_id), FakePeer())
        self.meter.opened(viewer)
        self.allowance.opened(viewer)
        return viewer

    def close(self, viewer: Viewer) -> None:
        self.meter.closed(viewer)
        self.allowance.closed(viewer)

    def hear(
        self, month: str = MONTH, cap: int | None = CAP, pro: set[str] = frozenset(), **used: int
    ) -> Changes:  # type: ignore[assignment]
        return self.allowance.update(month, cap, pro, used)

    def send(self, viewer: Viewer, size: int, piece: int = 16 * 1024) -> Changes:
        """Messages of that size in all; what is found on the way."""
        found = Changes()
        while size > 0:
            viewer.deliver(bytes(min(piece, size)))
            size -= piece
            if self.allowance._rung:
                now = self.allowance.look()
                found = Changes(found.noticed + now.noticed, found.cut + now.cut, found.freed + now.freed)
        return found


class CountTests(AllowanceCase):
    def test_without_a_cap_nothing_is_looked_at(self) -> None:
        viewer = self.viewer()
        self.assertEqual(viewer.alarm_at, NEVER)
        self.assertEqual(self.send(viewer, 2 * CAP), Changes())
        self.assertEqual(self.woken, 0)
        self.allowance.admit(viewer)

    def test_what_was_written_down_and_what_was_sent_here_since(self) -> None:
        viewer = self.viewer()
        self.hear()
        self.send(viewer, 1000)
        self.assertEqual(self.allowance.used("ann"), 1000)
        self.hear(ann=50_000)
        self.assertEqual(self.allowance.used("ann"), 50_000)
        self.send(viewer, 10)
        self.close(viewer)
        self.assertEqual(self.allowance.used("ann"), 50_010)
        self.assertEqual(self.allowance.used("eve"), 0)

    def test_the_same_answer_again_forgets_nothing(self) -> None:
        """A step is told until the next one: what was sent here since the first time still counts."""
        viewer = self.viewer()
        self.hear(ann=CAP // 2)
        for _ in range(3):
            self.send(viewer, 100)
            self.hear(ann=CAP // 2)
        self.assertEqual(self.allowance.used("ann"), CAP // 2 + 300)

    def test_a_step_below_what_is_known_takes_nothing_away(self) -> None:
        self.hear(ann=CAP // 2 + 1000)
        self.hear(ann=CAP // 2)
        self.hear()
        self.assertEqual(self.allowance.used("ann"), CAP // 2 + 1000)

    def test_what_is_said_of_another_month_does_not_count(self) -> None:
        self.allowance.begin_month(NEXT)
        self.assertEqual(self.hear(month=MONTH, ann=2 * CAP), Changes())
        self.assertEqual(self.allowance.used("ann"), 0)

    @given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=30))
    def test_it_is_never_more_than_the_truth_and_never_shrinks(self, steps: list[tuple[int, bool]]) -> None:
        """Two nodes send; login hears of both, late, and tells it in steps."""
        here, elsewhere = AllowanceCase("setUp"), 0
        here.setUp()
        cap = 4000
        here.hear(cap=cap)
        viewer, before = here.viewer(), 0
        for size, is_here in steps:
            if is_here:
                viewer.deliver(bytes(size))
            else:
                elsewhere += size
                written = (viewer.bytes_sent + elsewhere) * 9 // 10
                told = written * CAP_STEPS // cap * cap // CAP_STEPS
                here.hear(cap=cap, ann=told)
            self.assertLessEqual(here.allowance.used("ann"), viewer.bytes_sent + elsewhere)
            self.assertGreaterEqual(here.allowance.used("ann"), max(before, viewer.bytes_sent))
            before = here.allowance.used("ann")


class CutTests(AllowanceCase):
    def setUp(self) -> None:
        super().setUp()
        self.hear()

    def test_a_notice_at_80_percent_and_the_end_at_100(self) -> None:
        viewer = self.viewer()
        self.assertEqual(self.send(viewer, CAP * 4 // 5 - 1), Changes())
        self.assertEqual(self.send(viewer, 1), Changes(noticed=["ann"]))
        self.assertEqual(self.send(viewer, CAP // 5 - 1), Changes())
        self.allowance.admit(viewer)
        self.assertEqual(self.send(viewer, 1), Changes(cut=["ann"]))
        with self.assertRaises(CapReached) as caught:
            self.allowance.admit(viewer)
        self.assertIn("100 MiB", str(caught.exception))
        self.assertIn("1 February 2027", str(caught.exception))

    def test_each_is_said_once(self) -> None:
        viewer = self.viewer()
        found = self.send(viewer, 3 * CAP)
        self.assertEqual((found.noticed, found.cut, self.allowance.over), (["ann"], ["ann"], 1))
        self.assertEqual(self.hear(ann=CAP), Changes())
        self.assertEqual(viewer.alarm_at, NEVER)

    def test_others_are_not_concerned(self) -> None:
        eve = self.viewer("eve")
        self.send(self.viewer(), 2 * CAP)
        self.allowance.admit(eve)
        self.assertEqual(self.allowance.used("eve"), 0)

    def test_many_browsers_together_pass_it_by_little(self) -> None:
        viewers = [self.viewer() for _ in range(20)]
        cut = False
        while not cut:
            for viewer in viewers:
                cut = cut or bool(self.send(viewer, 1000).cut)
        self.assertLessEqual(self.allowance.used("ann"), CAP + 20 * (CAP_LOOK_BYTES + 16 * 1024))

    def test_it_is_found_with_few_looks(self) -> None:
        """Whoever sends 100 MiB over twenty connections in 6,400 messages rings a few hundred times."""
        viewers = [self.viewer() for _ in range(20)]
        while not self.allowance.over:
            for viewer in viewers:
                self.send(viewer, 16 * 1024)
        self.assertLess(self.woken, 400)

    def test_one_connection_finds_it_at_once_and_exactly(self) -> None:
        viewer = self.viewer()
        self.send(viewer, CAP * 2, piece=1000)
        self.assertLessEqual(self.woken, 2)

    def test_a_small_cap_is_found_closely(self) -> None:
        self.hear(cap=1000)
        viewer = self.viewer()
        while not self.allowance.over:
            self.send(viewer, 10, piece=10)
        self.assertLessEqual(viewer.bytes_sent, 1000 + 1000 // CAP_STEPS + 10)

    def test_what_others_have_sent_is_enough(self) -> None:
        viewer = self.viewer()
        self.assertEqual(self.hear(ann=CAP), Changes(cut=["ann"]))
        self.assertRaises(CapReached, self.allowance.admit, viewer)

    def test_a_look_waits_for_the_turn_after(self) -> None:
        viewer = self.viewer()
        viewer.deliver(bytes(CAP))
        viewer.deliver(b"x")
        self.assertEqual((self.woken, self.allowance.over), (1, 0))
        self.assertEqual(self.allowance.look(), Changes(cut=["ann"]))
        self.assertEqual(self.allowance.look(), Changes())


class FirstWordTests(AllowanceCase):
    def test_a_node_that_has_just_started_repeats_no_notice(self) -> None:
        self.viewer()
        self.assertEqual(self.hear(ann=CAP * 9 // 10), Changes())
        self.assertEqual(self.hear(ann=CAP * 95 // 100), Changes())

    def test_but_whoever_is_over_is_cut(self) -> None:
        self.viewer()
        self.assertEqual(self.hear(ann=CAP), Changes(cut=["ann"]))

    def test_who_comes_to_it_later_is_told(self) -> None:
        self.hear()
        self.viewer()
        self.assertEqual(self.hear(ann=CAP * 85 // 100), Changes(noticed=["ann"]))


class EndTests(AllowanceCase):
    def setUp(self) -> None:
        super().setUp()
        self.hear()
        self.cut, self.refused, self.idle = self.viewer(), self.viewer(), self.viewer()
        self.send(self.cut, CAP + 3 * CAP_LOOK_BYTES)
        self.allowance.bar(self.cut)
        self.assertRaises(CapReached, self.allowance.admit, self.refused)

    def test_an_upgrade_frees_those_who_were_refused(self) -> None:
        found = self.hear(pro={"ann"})
        self.assertEqual(set(found.freed), {self.cut, self.refused})
        self.assertEqual((found.cut, found.noticed, self.allowance.over), ([], [], 0))
        self.allowance.admit(self.refused)
        self.assertEqual(self.hear(pro={"ann"}), Changes())

    def test_a_downgrade_after_it_cuts_again(self) -> None:
        self.hear(pro={"ann"})
        self.assertEqual(self.hear(), Changes(cut=["ann"]))

    def test_a_new_month_does_and_counts_from_nothing(self) -> None:
        self.send(self.idle, 5000)
        found = self.allowance.begin_month(NEXT)
        self.assertEqual(set(found.freed), {self.cut, self.refused})
        self.assertEqual(self.allowance.used("ann"), 0)
        self.assertEqual(self.allowance.begin_month(NEXT), Changes())
        self.assertEqual(self.allowance.begin_month(MONTH), Changes())
        found = self.send(self.idle, CAP + 3 * CAP_LOOK_BYTES)
        self.assertEqual((found.noticed, found.cut), (["ann"], ["ann"]))

    def test_login_may_be_in_the_new_month_first(self) -> None:
        found = self.hear(month=NEXT, ann=7)
        self.assertEqual(set(found.freed), {self.cut, self.refused})
        self.assertEqual(self.allowance.used("ann"), 7)

    def test_a_higher_cap_does(self) -> None:
        self.assertEqual(set(self.hear(cap=10 * CAP).freed), {self.cut, self.refused})

    def test_no_cap_at_all_does(self) -> None:
        self.assertEqual(set(self.hear(cap=None).freed), {self.cut, self.refused})
        self.assertEqual(self.idle.alarm_at, NEVER)

    def test_who_has_left_is_not_freed_and_not_kept(self) -> None:
        self.close(self.cut)
        self.close(self.refused)
        self.assertEqual(self.allowance._barred, {})
        self.assertEqual(self.hear(pro={"ann"}).freed, [])
