"""Every command line that operators were promised, as it is printed, and the handbook that prints them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from deploy.regions import REGIONS
from tests.deploy.case import ROOT, FleetCase
from wingthing.crypto.keys import load_signing_key
from wingthing.wire.limits import DRAIN_SECONDS

PROMISED: dict[str, list[str]] = {
    "make deploy": ["fly deploy"],
    "make deploy-edge REGIONS=nrt COUNT=1      # 1 edge in Tokyo": [
        "fly scale count edge=1 --region nrt --yes",
    ],
    "make deploy-edge REGIONS=lhr COUNT=1      # 1 edge in London": [
        "fly scale count edge=1 --region lhr --yes",
    ],
    "make deploy-edge REGIONS=nrt,lhr COUNT=2  # 2 edges split across Tokyo + London": [
        "fly scale count edge=1 --region nrt --yes",
        "fly scale count edge=1 --region lhr --yes",
    ],
    "make scale LOGIN=1 EDGE=3": ["fly scale count login=1 edge=3 --yes"],
    "make status": ["fly machines list", "fly scale show"],
    "make deploy-edge REGIONS=nrt,lhr,cdg COUNT=1": [
        "fly scale count edge=1 --region nrt --yes",
        "fly scale count edge=1 --region lhr --yes",
        "fly scale count edge=1 --region cdg --yes",
    ],
    "fly scale count edge=0 --region nrt    # remove Tokyo edges": ["fly scale count edge=0 --region nrt"],
    "make scale LOGIN=1 EDGE=0": ["fly scale count login=1 edge=0 --yes"],
    "fly platform regions": ["fly platform regions"],
}
"""Line -> what reaches Fly."""

PROMISED_REGIONS = {"ewr", "nrt", "lhr", "cdg", "sin", "syd", "gru", "sea", "ord", "iad"}
REGIONS_OF_FLY = {
    *("ams", "arn", "bom", "cdg", "dfw", "ewr", "fra", "gru", "iad"),
    *("jnb", "lax", "lhr", "nrt", "ord", "sin", "sjc", "syd", "yyz"),
}


class GuideTests(FleetCase):
    def setUp(self) -> None:
        super().setUp()
        # `make deploy` as it is printed, without ten minutes of tests; test_fleet.py sees to their being run.
        self.environment["CHECK"] = ""

    def test_each_line_as_printed(self) -> None:
        for line, expected in PROMISED.items():
            self.assertEqual(self.ran(line), expected, line)

    def test_the_key_is_one_word_to_fly(self) -> None:
        wt = Path(sys.executable).with_name("wt")
        (Path(self.environment["PATH"]) / "wt").symlink_to(wt)
        (call,) = self.ran("fly secrets set WT_JWT_KEY=$(wt keygen)")
        prefix = "fly secrets set WT_JWT_KEY="
        self.assertTrue(call.startswith(prefix), call)
        load_signing_key(call.removeprefix(prefix), source="the command line")

    def test_the_key_of_the_target_is_one_word_too(self) -> None:
        (call,) = self.ran("fly secrets set WT_JWT_KEY=$(make keygen)")
        load_signing_key(call.rpartition("WT_JWT_KEY=")[2], source="the command line")

    def test_the_regions(self) -> None:
        self.assertEqual(set(REGIONS), PROMISED_REGIONS | REGIONS_OF_FLY)


class HandbookTests(FleetCase):
    def setUp(self) -> None:
        super().setUp()
        self.environment["CHECK"] = ""
        self.page = (ROOT / "docs" / "operations.md").read_text()
        blocks = re.findall(r"^```\n(.*?)^```$", self.page, flags=re.MULTILINE | re.DOTALL)
        self.lines = [line for block in blocks for line in block.splitlines()]

    def test_it_has_every_promised_line(self) -> None:
        for line in PROMISED:
            self.assertTrue(line in self.lines or f"`{line}`" in self.page, line)

    def test_every_make_line_works(self) -> None:
        targets = [line for line in self.lines if line.startswith("make ")]
        self.assertGreater(len(targets), 7)
        for line in targets:
            self.assertNotEqual(self.ran(line), [], line)

    def test_its_regions_are_those_that_are_known(self) -> None:
        table = dict(
            re.findall(r"^\| ([a-z]{3}) \| ([^|]*?)(?: \(login node\))? \|$", self.page, re.MULTILINE)
        )
        self.assertEqual(table, REGIONS)

    def test_its_links_lead_somewhere(self) -> None:
        headings = {
            re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", self.page, re.MULTILINE)
        }
        for anchor in re.findall(r"\]\(#([^)]*)\)", self.page):
            self.assertIn(anchor, headings)
        for file in re.findall(r"\]\(([a-z-]+\.md)\)", self.page):
            self.assertTrue((ROOT / "docs" / file).exists(), file)
        self.assertIn("docs/operations.md", (ROOT / "README.md").read_text())

    def test_its_numbers_are_those_of_fly_toml(self) -> None:
        fly = (ROOT / "fly.toml").read_text()
        for key, text in {
            "kill_timeout": "SIGTERM, {} s",
            "soft_limit": "connections, {} soft",
            "hard_limit": "{} hard",
            "snapshot_retention": "keeps them {} days",
        }.items():
            value = re.search(rf"^\s*{key} = (\d+)", fly, re.MULTILINE)
            assert value is not None
            self.assertIn(text.format(value[1]), self.page)
        self.assertIn(f"at most {DRAIN_SECONDS:g} s to say goodbye", self.page)
