"""The page of the fleet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser

import msgspec
from twisted.internet.testing import MemoryReactorClock

from tests.web.support import NOW, WebCase, package_file
from wingthing.cluster.overview import DirectoryStatus, FleetStatus, NodeStatus, State, Totals
from wingthing.web import status, world
from wingthing.web.root import Tree
from wingthing.web.site import QuietSite
from wingthing.web.status import STATE_WORDS, WORST_FIRST, StatusPages, arcs, duration, milliseconds, regions

LOGIN = NodeStatus(
    machine="m1",
    region="ewr",
    city="Newark",
    role="login",
    state=State.THIS,
    wings=2,
    browsers=1,
    sessions=1,
    gossip_age=None,
    round_seconds=None,
    uptime=3700.0,
    version="1.2",
    boot="b1",
)
EDGE = NodeStatus(
    machine="m2",
    region="nrt",
    city="Tokyo",
    role="edge",
    state=State.ALIVE,
    wings=14,
    browsers=9,
    sessions=4,
    gossip_age=0.84,
    round_seconds=0.1234,
    uptime=50.0,
    version="1.1",
    boot="b2",
)


def with_(node: NodeStatus, **fields: object) -> NodeStatus:
    """The same node, with something else."""
    return msgspec.structs.replace(node, **fields)


def fleet(*nodes: NodeStatus, whole: bool = True) -> FleetStatus:
    """A fleet of these nodes."""
    totals = Totals(nodes=len(nodes), wings=16, browsers=10, sessions=5)
    return FleetStatus(
        now=NOW, app="my-app", directory=DirectoryStatus(16, whole), totals=totals, nodes=list(nodes)
    )


class Page(HTMLParser):
    """What is on the page: the table as people read it, and the states of the marks."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.marks: dict[str, str] = {}
        self.arcs: dict[str, str] = {}
        self.hidden: list[str] = []
        self._in_cell = False
        self._in_template = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fields = dict(attrs)
        state = fields.get("data-state") or ""
        if tag == "template":
            self._in_template = True
        elif tag == "tr" and not self._in_template:
            self.rows.append([])
        elif tag in ("td", "th") and not self._in_template:
            self._in_cell = True
            self.rows[-1].append("")
        elif mark := fields.get("data-mark"):
            self.marks[mark] = state
        elif arc := fields.get("data-arc"):
            self.arcs[arc] = state
        if fields.get("aria-hidden") == "true":
            self.hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._in_cell and tag in ("td", "th"):
            self._in_cell = False
            self.rows[-1][-1] = " ".join(self.rows[-1][-1].split())
        self._in_template = self._in_template and tag != "template"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


class StatusCase(WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.fleet = fleet(LOGIN, EDGE)
        self.looks = 0
        app = StatusPages(self.authenticator, self._look).app
        tree = Tree(
            apps={"auth": self.auth.app},
            whole=dict.fromkeys(status.SEGMENTS, app),
            sockets={},
            pages=self.pages.app,
        )
        self.site = QuietSite(self.guard, tree, reactor=MemoryReactorClock())

    def _look(self) -> FleetStatus:
        self.looks += 1
        return self.fleet

    def page(self, *nodes: NodeStatus, **fields: bool) -> Page:
        if nodes:
            self.fleet = fleet(*nodes, **fields)
        answer = self.get("/status")
        self.assertEqual(answer.status, 200)
        return Page(answer.text)


class WhoTests(StatusCase):
    def test_strangers_are_told_to_log_in(self) -> None:
        page = self.get("/status")
        self.assertEqual(page.status, 401)
        self.assertIn("This page is locked", page.text)
        answer = self.get("/status.json")
        self.assertEqual(answer.status, 401)
        self.assertIn("not logged in", answer.error)
        self.assertEqual(self.looks, 0)

    def test_a_wings_token_does_not_open_it(self) -> None:
        for path in ("/status", "/status.json"):
            self.assertEqual(self.get(path, Authorization=f"Bearer {self.token()}").status, 401, path)

    def test_other_methods_and_addresses(self) -> None:
        self.log_in()
        self.assertEqual(self.post("/status").status, 405)
        self.assertEqual(self.post("/status.json").status, 405)
        for path in ("/status/", "/status/x", "/status.json/", "/statuses"):
            self.assertEqual(self.get(path).status, 404, path)
        self.assertEqual(self.ask("HEAD", "/status").status, 200)


class JsonTests(StatusCase):
    def test_all_of_it(self) -> None:
        self.log_in()
        answer = self.get("/status.json")
        self.assertEqual((answer.status, answer.header("content-type")), (200, "application/json"))
        self.assertEqual(answer.header("cache-control"), "no-store")
        self.assertEqual(msgspec.json.decode(answer.body, type=FleetStatus), self.fleet)
        said = answer.json
        self.assertEqual(said["directory"], {"wings": 16, "whole": True})
        self.assertEqual(said["totals"], {"nodes": 2, "wings": 16, "browsers": 10, "sessions": 5})
        self.assertEqual((said["nodes"][0]["state"], said["nodes"][1]["gossip_age"]), ("this", 0.84))


class PageTests(StatusCase):
    def setUp(self) -> None:
        super().setUp()
        self.log_in()

    def test_the_table_says_everything(self) -> None:
        self.assertEqual(
            ["|".join(row) for row in self.page().rows],
            [
                "Region|Machine|Role|State|Wings|Browsers|Sessions|Heard|Round|Up|Version",
                "ewr Newark|m1|login|this node|2|1|1|\u2013|\u2013|61 min|1.2",
                "nrt Tokyo|m2|edge|alive|14|9|4|0.8 s ago|123 ms|50 s|1.1",
            ],
        )

    def test_totals_and_the_directory(self) -> None:
        text = self.get("/status").text
        for name, number in (("nodes", 2), ("wings", 16), ("browsers", 10), ("sessions", 5)):
            self.assertIn(f'<dd data-total="{name}">{number}</dd>', text)
        self.assertIn('<dd id="whole">whole</dd>', text)
        self.assertIn("my-app", text)
        self.assertIn("08:00:00 UTC", text)
        self.fleet = fleet(LOGIN, whole=False)
        self.assertIn('<dd id="whole">partial</dd>', self.get("/status").text)

    def test_the_map_has_a_mark_for_each_region_and_shows_those_with_nodes(self) -> None:
        page = self.page()
        self.assertEqual(set(page.marks), {mark.code for mark in world.MARKS})
        self.assertEqual({code: s for code, s in page.marks.items() if s}, {"ewr": "this", "nrt": "alive"})
        self.assertEqual({code: s for code, s in page.arcs.items() if s}, {"nrt": "alive"})
        self.assertNotIn("ewr", page.arcs)

    def test_the_map_is_not_read_aloud(self) -> None:
        self.assertEqual(self.page().hidden, ["svg"])

    def test_a_region_that_is_not_in_the_table_is_on_no_map(self) -> None:
        page = self.page(LOGIN, with_(EDGE, region="xyz", city=""))
        self.assertEqual(page.rows[-1][0], "xyz")
        self.assertNotIn("xyz", page.marks)

    def test_login_that_is_nowhere(self) -> None:
        page = self.page(with_(LOGIN, region="", city=""), EDGE)
        self.assertEqual((page.arcs, page.marks["nrt"]), ({}, "alive"))

    def test_what_a_machine_calls_itself_is_text(self) -> None:
        self.fleet = fleet(LOGIN, with_(EDGE, machine="<b>", version='"><script>', region="<i>"))
        text = self.get("/status").text
        for bad in ("<b>", "<i>", '"><script>'):
            self.assertNotIn(bad, text)

    def test_it_keeps_to_the_policy_of_all_pages(self) -> None:
        text = self.get("/status").text
        self.assertEqual(re.findall(r"<script[^>]*>", text), ['<script src="/static/status.js" defer>'])
        self.assertNotRegex(text, r"\sstyle=|<style|\son\w+=|https?://")
        for name in ("status.css", "status.js"):
            source = package_file(f"web/static/{name}").read_text()
            self.assertNotRegex(source, r"url\(|@import|https?://|innerHTML|\beval\b")

    def test_what_it_needs_is_there(self) -> None:
        for path in re.findall(r'(?:src|href)="(/static/[^"]*)"', self.get("/status").text):
            self.assertTrue(package_file(f"web{path}").is_file(), path)


class ScriptTests(WebCase):
    """The script writes what the server writes: the words are in both, and must be the same."""

    def setUp(self) -> None:
        super().setUp()
        self.script = package_file("web/static/status.js").read_text()

    def test_the_same_words(self) -> None:
        words = ", ".join(f'{state}: "{word}"' for state, word in STATE_WORDS.items())
        self.assertIn(f"const STATE_WORDS = {{ {words} }};", self.script)
        order = ", ".join(f'"{state}"' for state in WORST_FIRST)
        self.assertIn(f"const WORST_FIRST = [{order}];", self.script)
        self.assertIn(f'const UNKNOWN = "{status.UNKNOWN}";', self.script)

    def test_the_same_limits_of_units(self) -> None:
        limits = re.findall(r"if \(seconds < (\d+)\)", self.script)
        self.assertEqual(limits, ["10", "120", "7200", "172800"])
        for limit in map(int, limits):
            self.assertNotEqual(_form(duration(limit)), _form(duration(limit - 1)))

    def test_each_field_of_the_table(self) -> None:
        template = package_file("web/templates/status.html").read_text()
        self.assertEqual(tuple(re.findall(r'data-field="(\w+)"', template)), _in_order_of_the_row())


def _form(text: str) -> str:
    """Which unit, and how exact."""
    return re.sub(r"\d+", "n", text)


def _in_order_of_the_row() -> tuple[str, ...]:
    machine, region, city, *others = status.FIELDS
    return (region, city, machine, *others)


class WordTests(WebCase):
    def test_times(self) -> None:
        for seconds, text in (
            (None, "\u2013"),
            (-0.3, "0.0 s"),
            (0.04, "0.0 s"),
            (9.94, "9.9 s"),
            (10, "10 s"),
            (119.9, "119 s"),
            (120, "2 min"),
            (7199, "119 min"),
            (7200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
            (8_640_000, "100 d"),
        ):
            self.assertEqual(duration(seconds), text)
        self.assertEqual([milliseconds(s) for s in (None, 0.0004, 1.5)], ["\u2013", "0 ms", "1500 ms"])


class RegionTests(WebCase):
    def test_the_worst_of_a_region_is_shown(self) -> None:
        nodes = [with_(EDGE, machine=f"m{n}", state=state) for n, state in enumerate(State)]
        for count, shown in ((4, State.AWAY), (3, State.SUSPECT), (2, State.THIS)):
            found: Mapping[str, tuple[State, int, int]] = regions(fleet(*nodes[:count]))
            self.assertEqual(found, {"nrt": (shown, count, 14 * count)})

    def test_lines_go_from_login(self) -> None:
        found = arcs(fleet(LOGIN, EDGE))
        self.assertEqual(set(found), {mark.code for mark in world.MARKS} - {"ewr"})
        home = world.BY_CODE["ewr"]
        self.assertTrue(all(path.startswith(f"M{home.x} {home.y}Q") for path in found.values()))
