"""What a fleet is to consist of."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.errors import OperatorError
from wingthing.rehearsal.plan import make_plan


class PlanTests(TestCase):
    def refused(self, *regions: str, edges: int | None = None) -> str:
        return str(self.assertRaises(OperatorError, make_plan, regions, edges))

    def test_one_edge_in_each_further_region(self) -> None:
        self.assertEqual(make_plan(["ewr", "nrt", "lhr"]).edges, ("nrt", "lhr"))
        self.assertEqual(make_plan(["ewr"]).edges, ())

    def test_edges_in_turn(self) -> None:
        self.assertEqual(make_plan(["ewr", "nrt", "lhr"], 4).edges, ("nrt", "lhr", "ewr", "nrt"))
        self.assertEqual(make_plan(["ewr"], 2).edges, ("ewr", "ewr"))
        self.assertEqual(make_plan(["ewr", "nrt"], 0).edges, ())

    def test_what_cannot_be(self) -> None:
        self.assertIn("--regions", self.refused())
        self.assertIn("'tokyo' is no region", self.refused("ewr", "tokyo"))
        self.assertIn("'NRT' is no region", self.refused("NRT"))
        self.assertIn("twice", self.refused("ewr", "ewr"))
        for edges in (-1, 1000):
            self.assertIn("0 to 29", self.refused("ewr", edges=edges))

    def test_ports(self) -> None:
        self.assertEqual(
            [make_plan(["ewr"], port=9000).port_of(index) for index in range(3)], [9000, 9001, 9002]
        )
        self.assertEqual(make_plan(["ewr"], port=0).port_of(5), 0)
        self.assertIn(
            "--port", str(self.assertRaises(OperatorError, make_plan(["ewr"], port=65535).port_of, 1))
        )
