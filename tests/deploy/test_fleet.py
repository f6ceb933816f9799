"""The make targets of the fleet: the exact command lines of `fly`, and what is refused."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from deploy.__main__ import main
from deploy.fleet import spread
from deploy.regions import REGIONS
from tests.deploy.case import FAILS_ON, FleetCase
from wingthing.crypto.keys import load_signing_key


class SpreadTests(TestCase):
    def test_the_count_is_the_total(self) -> None:
        self.assertEqual(spread(2, ["nrt", "lhr"]), {"nrt": 1, "lhr": 1})
        self.assertEqual(spread(4, ["nrt", "lhr"]), {"nrt": 2, "lhr": 2})
        self.assertEqual(spread(3, ["nrt"]), {"nrt": 3})

    def test_every_region_gets_one(self) -> None:
        self.assertEqual(spread(1, ["nrt", "lhr", "cdg"]), {"nrt": 1, "lhr": 1, "cdg": 1})
        self.assertEqual(spread(2, ["nrt", "lhr", "cdg"]), {"nrt": 1, "lhr": 1, "cdg": 1})

    def test_the_first_named_get_what_is_over(self) -> None:
        self.assertEqual(spread(5, ["nrt", "lhr", "cdg"]), {"nrt": 2, "lhr": 2, "cdg": 1})


class EdgeTests(FleetCase):
    def test_one_region(self) -> None:
        self.assertEqual(
            self.ran("make deploy-edge REGIONS=nrt COUNT=2"),
            ["fly scale count edge=2 --region nrt --yes"],
        )

    def test_the_count_may_be_left_out(self) -> None:
        self.assertEqual(
            self.ran("make deploy-edge REGIONS=nrt,lhr"),
            ["fly scale count edge=1 --region nrt --yes", "fly scale count edge=1 --region lhr --yes"],
        )

    def test_more_than_one_in_a_region(self) -> None:
        self.assertEqual(
            self.ran("make deploy-edge REGIONS=syd,gru COUNT=3"),
            ["fly scale count edge=2 --region syd --yes", "fly scale count edge=1 --region gru --yes"],
        )

    def test_regions_as_people_write_them(self) -> None:
        expected = ["fly scale count edge=1 --region nrt --yes", "fly scale count edge=1 --region lhr --yes"]
        for words in ('"nrt, lhr"', "NRT,LHR", "nrt,lhr,nrt", '" nrt lhr,"'):
            self.assertEqual(self.ran(f"make deploy-edge REGIONS={words} COUNT=2"), expected, words)

    def test_login_is_never_named(self) -> None:
        for region in REGIONS:
            for call in self.ran(f"make deploy-edge REGIONS={region} COUNT=1"):
                self.assertNotIn("login", call)

    def test_an_unknown_region_is_refused_and_the_known_ones_are_named(self) -> None:
        sentence = self.refused("make deploy-edge REGIONS=nrt,xyz COUNT=2")
        self.assertEqual(
            sentence,
            "deploy-edge: 'xyz': no known region. Known are ams (Amsterdam), arn (Stockholm), bom (Mumbai), "
            "cdg (Paris), dfw (Dallas), ewr (Newark), fra (Frankfurt), gru (São Paulo), iad (Ashburn), "
            "jnb (Johannesburg), lax (Los Angeles), lhr (London), nrt (Tokyo), ord (Chicago), sea (Seattle), "
            "sin (Singapore), sjc (San Jose), syd (Sydney), yyz (Toronto). "
            "Add FORCE=1 if 'fly platform regions' lists it.",
        )

    def test_force_lets_it_pass(self) -> None:
        self.assertEqual(
            self.ran("make deploy-edge REGIONS=xyz COUNT=1 FORCE=1"),
            ["fly scale count edge=1 --region xyz --yes"],
        )
        self.refused("make deploy-edge REGIONS=xyz COUNT=1 FORCE=0")

    def test_what_is_no_region_is_refused_even_so(self) -> None:
        for words in ("tokyo", "--help", "n1t", "'$$(id)'"):
            sentence = self.refused(f"make deploy-edge REGIONS={words} COUNT=1 FORCE=1")
            self.assertIn("a region is three letters, as in 'make deploy-edge", sentence)

    def test_a_missing_region(self) -> None:
        for line in ("make deploy-edge", "make deploy-edge COUNT=1", "make deploy-edge REGIONS=, COUNT=1"):
            self.assertEqual(
                self.refused(line),
                "deploy-edge: REGIONS is missing: say where, as in "
                "'make deploy-edge REGIONS=nrt,lhr COUNT=2'.",
            )

    def test_a_count_that_is_none(self) -> None:
        for word in ("two", "-1", "1.5", "99999"):
            self.assertEqual(
                self.refused(f"make deploy-edge REGIONS=nrt COUNT={word}"),
                f"deploy-edge: COUNT={word} is no number of machines: say how many, as in "
                "'make deploy-edge REGIONS=nrt,lhr COUNT=2'.",
            )

    def test_none_at_all_is_another_command(self) -> None:
        self.assertEqual(
            self.refused("make deploy-edge REGIONS=nrt,lhr COUNT=0"),
            "deploy-edge: COUNT=0 puts no edge anywhere: 'fly scale count edge=0 --region nrt,lhr' removes "
            "those of a region, 'make scale LOGIN=1 EDGE=0' removes all.",
        )

    def test_a_region_without_room_does_not_keep_the_others_waiting(self) -> None:
        done = self.run_line("make deploy-edge REGIONS=nrt,lhr COUNT=2", **{FAILS_ON: "nrt"})
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(
            self.noted(),
            ["fly scale count edge=1 --region nrt --yes", "fly scale count edge=1 --region lhr --yes"],
        )
        self.assertEqual(
            done.stdout.splitlines()[-1], "FAILED: fly scale count edge=1 --region nrt --yes", done.stdout
        )

    def test_what_is_run_is_shown_first(self) -> None:
        done = self.run_line("make deploy-edge REGIONS=nrt COUNT=1")
        self.assertEqual(done.stdout.strip(), "$ fly scale count edge=1 --region nrt --yes")


class ScaleTests(FleetCase):
    def test_the_totals(self) -> None:
        self.assertEqual(self.ran("make scale LOGIN=1 EDGE=3"), ["fly scale count login=1 edge=3 --yes"])
        self.assertEqual(self.ran("make scale LOGIN=1 EDGE=0"), ["fly scale count login=1 edge=0 --yes"])

    def test_there_is_one_login_unless_something_else_is_said(self) -> None:
        self.assertEqual(self.ran("make scale EDGE=2"), ["fly scale count login=1 edge=2 --yes"])

    def test_a_second_login_is_refused_whatever_is_said(self) -> None:
        for force in ("", " FORCE=1"):
            self.assertEqual(
                self.refused(f"make scale LOGIN=2 EDGE=3{force}"),
                "scale: LOGIN=2 would give each further login machine an empty volume, and with it a second, "
                "blank database: users would find their accounts or not, by chance. "
                "Keep LOGIN=1 and add edges.",
            )

    def test_no_login_must_be_meant(self) -> None:
        self.assertEqual(
            self.refused("make scale LOGIN=0 EDGE=0"),
            "scale: LOGIN=0 takes the service down: accounts, pages and the API are on login alone. "
            "Keep LOGIN=1, or add FORCE=1 if that is what you want.",
        )
        self.assertEqual(
            self.ran("make scale LOGIN=0 EDGE=0 FORCE=1"), ["fly scale count login=0 edge=0 --yes"]
        )

    def test_a_missing_number_of_edges(self) -> None:
        for line in ("make scale", "make scale LOGIN=1", "make scale LOGIN=1 EDGES=3"):
            self.assertEqual(
                self.refused(line),
                "scale: EDGE is missing: say how many, as in 'make scale LOGIN=1 EDGE=3'.",
            )

    def test_what_is_no_number(self) -> None:
        self.assertIn("LOGIN=one is no number", self.refused("make scale LOGIN=one EDGE=3"))
        self.assertIn("EDGE=-3 is no number", self.refused("make scale LOGIN=1 EDGE=-3"))


class DeployTests(FleetCase):
    def test_it_is_checked_first(self) -> None:
        done = self.run_line("make --dry-run deploy")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        places = [
            next(place for place, line in enumerate(lines) if words in line)
            for words in (
                "-m deploy found",
                "ruff check",
                "/mypy",
                "-m pytest",
                "pip wheel",
                "-m deploy deploy",
            )
        ]
        self.assertEqual(places, sorted(places), done.stdout)
        self.assertEqual(places[-1], len(lines) - 1)
        self.assertEqual(self.noted(), [])

    def test_the_command_line(self) -> None:
        self.assertEqual(self.ran("make deploy CHECK="), ["fly deploy"])

    def test_further_options(self) -> None:
        self.assertEqual(
            self.ran("make deploy CHECK= ARGS='--update-only --app other'"),
            ["fly deploy --update-only --app other"],
        )

    def test_nothing_is_deployed_when_the_check_fails(self) -> None:
        done = self.run_line("make deploy CHECK=no-such-target")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.noted(), [])


class OtherTests(FleetCase):
    def test_status(self) -> None:
        self.assertEqual(self.ran("make status"), ["fly machines list", "fly scale show"])

    def test_the_failure_of_fly_is_a_failure(self) -> None:
        self.assertNotEqual(self.run_line("make status", **{FAILS_ON: "show"}).returncode, 0)

    def test_keygen(self) -> None:
        done = self.run_line("make keygen")
        self.assertEqual(done.returncode, 0, done.stderr)
        load_signing_key(done.stdout, source="make keygen")
        self.assertEqual(done.stdout.count("\n"), 1)
        self.assertEqual(self.noted(), [])


class WithoutFlyTests(FleetCase):
    program = None

    def test_one_sentence_says_what_to_install(self) -> None:
        for target in ("status", "scale EDGE=1", "deploy-edge REGIONS=nrt COUNT=1", "deploy"):
            self.assertEqual(
                self.refused(f"make {target}").partition(": ")[2],
                "Fly's command line is not on PATH: install flyctl (https://fly.io/docs/flyctl/install/), "
                "then 'fly auth login'.",
            )

    def test_the_sentence_comes_before_the_tests(self) -> None:
        self.assertNotIn("ruff", self.run_line("make deploy").stdout)


class FlyctlTests(FleetCase):
    program = "flyctl"

    def test_its_other_name_will_do(self) -> None:
        self.assertEqual(self.ran("make scale EDGE=1"), ["flyctl scale count login=1 edge=1 --yes"])


class WordsTests(TestCase):
    def test_a_target_that_there_is_not(self) -> None:
        for words in ([], ["destroy"], ["scale", "up"]):
            self.assertEqual(main(words, {}), 2)
