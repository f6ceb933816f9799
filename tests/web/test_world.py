"""The map of the world."""

from __future__ import annotations

import re

from twisted.trial.unittest import TestCase

from wingthing.regions import REGIONS
from wingthing.web import world

GRID = world.LAND.strip("\n").split("\n")


def dot(column: int, row: int) -> bool:
    """Whether there is land in a cell."""
    return 0 <= row < len(GRID) and GRID[row][column : column + 1] == "#"


class LandTests(TestCase):
    def test_the_grid_is_of_one_size(self) -> None:
        self.assertEqual(len(GRID), world.ROWS)
        self.assertEqual(world.ROWS * world.CELL_DEGREES, 135)
        self.assertLessEqual(max(map(len, GRID)), world.COLUMNS)
        self.assertEqual(set("".join(GRID)), {"#", " "})

    def test_the_path_has_each_dot_once(self) -> None:
        dots = set()
        for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)\.1", world.LAND_PATH):
            dots |= {(int(x) + step, int(y)) for step in range(int(length) + 1)}
        self.assertEqual(
            dots, {(x, y) for y, row in enumerate(GRID) for x, cell in enumerate(row) if cell == "#"}
        )
        self.assertRegex(world.LAND_PATH, r"^(M\d+ \d+h\d+\.1)+$")

    def test_each_region_is_on_land_or_at_its_coast(self) -> None:
        for mark in world.MARKS:
            near = [(round(mark.x) + dx, round(mark.y) + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
            self.assertTrue(any(dot(x, y) for x, y in near), mark)

    def test_places_that_everybody_knows(self) -> None:
        for name, latitude, longitude, land in (
            ("Sahara", 23, 10, True),
            ("Siberia", 62, 100, True),
            ("Amazon", -5, -60, True),
            ("Kansas", 38, -98, True),
            ("outback", -25, 133, True),
            ("Atlantic", 30, -45, False),
            ("Pacific", 0, -140, False),
            ("Indian Ocean", -20, 80, False),
            ("Hudson Bay", 60, -86, False),
        ):
            x, y = world.place(latitude, longitude)
            self.assertEqual(dot(round(x), round(y)), land, name)


class MarkTests(TestCase):
    def test_each_region_has_one_inside_the_map(self) -> None:
        self.assertEqual([mark.code for mark in world.MARKS], list(REGIONS))
        for mark in world.MARKS:
            self.assertTrue(0 < mark.x < world.COLUMNS and 0 < mark.y < world.ROWS, mark)

    def test_special_labels_are_of_regions_that_there_are(self) -> None:
        self.assertEqual(set(world.LABEL_AT) - set(REGIONS), set())

    def test_labels_do_not_cover_each_other(self) -> None:
        """With three letters and a number of four digits, as wide as they are drawn."""
        boxes = {}
        for mark in world.MARKS:
            width = 8.8
            left = mark.label_x - {"start": 0, "middle": width / 2, "end": width}[mark.anchor]
            boxes[mark.code] = (left, mark.label_y - 1.5, left + width, mark.label_y + 0.2)
        for one, (left, top, right, bottom) in boxes.items():
            for other, (left2, top2, right2, bottom2) in boxes.items():
                if one < other:
                    apart = right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top
                    self.assertTrue(apart, f"{one} and {other}")

    def test_lines_stay_on_the_map(self) -> None:
        for start in world.MARKS:
            for end in world.MARKS:
                numbers = [float(text) for text in re.findall(r"-?[\d.]+", world.arc(start, end))]
                self.assertEqual(numbers[:2] + numbers[4:], [start.x, start.y, end.x, end.y])
                self.assertGreaterEqual(min(numbers), 0)
