"""The header `fly-replay` and its companions."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.rehearsal import replay
from wingthing.rehearsal.replay import BadReplay, Fallback, Reason, Replay


class ParseTests(TestCase):
    def test_every_field(self) -> None:
        self.assertEqual(
            replay.parse(
                "instance=00bb33ff;prefer_instance=a;region=lhr;app=wingthing;state=a=b, c;elsewhere=true;"
                "timeout=5s;fallback=force_self"
            ),
            Replay(
                instance="00bb33ff",
                prefer_instance="a",
                region="lhr",
                app="wingthing",
                state="a=b, c",
                elsewhere=True,
                timeout=5.0,
                fallback=Fallback.FORCE_SELF,
            ),
        )

    def test_blanks_and_case_of_names_and_empty_parts(self) -> None:
        self.assertEqual(replay.parse(" Region = nrt ;; "), Replay(region="nrt"))

    def test_durations(self) -> None:
        for text, seconds in (("5s", 5.0), ("800ms", 0.8), ("1.5s", 1.5)):
            self.assertEqual(replay.parse(f"region=ewr;timeout={text}").timeout, seconds)

    def test_what_fly_would_not_take(self) -> None:
        for text, why in (
            ("", "empty"),
            (";", "empty"),
            ("instance", "no value"),
            ("instance=", "no value"),
            ("machine=1", "no field 'machine'"),
            ("instance=1;instance=2", "twice"),
            ("instance=1,region=ewr;instance=2", "twice"),
            ("region=ewr;timeout=5", "10s or 800ms"),
            ("region=ewr;timeout=-5s", "10s or 800ms"),
            ("region=ewr;fallback=self", "force_self and prefer_self"),
            ("elsewhere=yes", "neither true nor false"),
        ):
            self.assertIn(why, str(self.assertRaises(BadReplay, replay.parse, text)), text)


class ToldTests(TestCase):
    def test_source(self) -> None:
        fields = {"instance": "ab", "region": "nrt", "now": 1700000000.25}
        told = replay.source(**fields, state="x=1")  # type: ignore[arg-type]
        self.assertEqual(told, "instance=ab;region=nrt;t=1700000000250000;state=x=1")
        self.assertNotIn("state", replay.source(**fields, state=""))  # type: ignore[arg-type]

    def test_failed(self) -> None:
        fields = {"app": "wingthing", "replay_source": "ab", "reason": Reason.NO_CANDIDATE, "elapsed": 0.0126}
        self.assertEqual(
            replay.failed(Replay(instance="cd"), region="lhr", **fields),  # type: ignore[arg-type]
            "instance=cd;app=wingthing;region=lhr;replay_source=ab;reason=no_candidate;elapsed_ms=13",
        )
        self.assertEqual(
            replay.failed(Replay(region="nrt", app="other"), region="", **fields),  # type: ignore[arg-type]
            "app=other;region=nrt;replay_source=ab;reason=no_candidate;elapsed_ms=13",
        )
