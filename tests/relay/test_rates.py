"""How often somebody may do something, whoever else does what."""

from __future__ import annotations

import sys

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.errors import PeerError
from wingthing.relay.rates import CELLS, LIMITS, LOCAL, NEIGHBOURS, Limiter, Limits, Rate
from wingthing.wire.account_limits import (
    CLAIM_ATTEMPTS,
    CLAIM_ATTEMPTS_PER_ADDRESS,
    CLAIM_WINDOW_SECONDS,
    MAX_LIMITED_KEYS,
    SIGN_INS_PER_ADDRESS,
)
from wingthing.wire.limits import (
    DEVICE_CODE_SECONDS,
    MAX_WAITING_DEVICE_CODES,
    USER_CODE_ALPHABET,
    USER_CODE_LENGTH,
)

NOW = 1_800_000_000.0


class LimiterCase(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.limiter = self.of(3, 60.0)

    def of(self, most: int, window: float, keys: int = MAX_LIMITED_KEYS, shared: int = 1) -> Limiter:
        return Limiter(self.clock.seconds, Rate(most, window), keys, shared)

    def taken(self, key: str = "ann", tries: int = 100, network: str = "") -> int:
        """How many of so many tries are let through, at once."""
        return sum(self.limiter.take(key, network) for _ in range(tries))


class RateTests(LimiterCase):
    def test_so_many_at_once_and_then_one_after_the_other(self) -> None:
        self.assertEqual(self.taken(), 3)
        self.assertAlmostEqual(self.limiter.wait("ann"), 20, places=3)
        self.clock.advance(19)
        self.assertEqual(self.taken(), 0)
        self.clock.advance(1.01)
        self.assertEqual(self.taken(), 1)
        self.clock.advance(40)
        self.assertEqual(self.taken(), 2)

    def test_nobody_else_waits(self) -> None:
        self.taken()
        self.assertEqual(self.taken("bob"), 3)

    def test_what_is_refused_costs_nothing(self) -> None:
        self.taken(tries=1000)
        self.clock.advance(60.01)
        self.assertEqual(self.taken(), 3)

    def test_the_whole_burst_whatever_rounding_does(self) -> None:
        for most, window in ((1, 1.0), (7, 60.0), (120, 60.0), (1200, 60.0), (30, 900.0)):
            self.limiter = self.of(most, window)
            self.assertEqual(self.taken(tries=2 * most), most, (most, window))

    def test_never_more_than_two_bursts_in_any_window(self) -> None:
        let_through = []
        for second in range(600):
            self.clock.advance(1)
            let_through += [second] * self.taken(tries=5)
        for begin in range(600 - 60):
            self.assertLess(sum(begin <= at < begin + 60 for at in let_through), 2 * 3)

    def test_several_at_a_time_are_all_let_through_or_none(self) -> None:
        self.assertEqual(self.limiter.wait("ann", times=3), 0)
        self.limiter.count("ann", times=2)
        self.assertAlmostEqual(self.limiter.wait("ann", times=2), 20, places=3)
        self.assertEqual(self.limiter.wait("ann", times=1), 0)
        self.assertEqual(self.limiter.wait("bob", times=1000), 0, "as many as there can be")

    def test_given_back(self) -> None:
        self.taken()
        self.limiter.give_back("ann")
        self.assertEqual(self.taken(), 1)
        self.limiter.give_back("nobody")
        self.assertEqual(self.taken("nobody"), 3)

    def test_a_clock_that_is_set_back_forgives_nothing(self) -> None:
        self.taken()
        self.clock.rightNow -= 3600
        self.assertEqual(self.taken(), 0)


class MemoryTests(LimiterCase):
    def test_a_million_addresses(self) -> None:
        """Memory stays, and nobody's count is forgotten: neither a victim's nor the attacker's own."""
        self.limiter = self.of(3, 900.0, shared=NEIGHBOURS)
        self.assertEqual(self.taken("attacker", network="net"), 3)
        self.limiter.take("victim", "home")
        for number in range(1_000_000):
            self.limiter.take(str(number), f"net-{number % 4096}")
        self.assertEqual(len(self.limiter), MAX_LIMITED_KEYS)
        cells = self.limiter._cells
        assert cells is not None
        self.assertEqual(len(cells), CELLS)
        self.assertLess(sys.getsizeof(self.limiter._free_at) + sys.getsizeof(cells), 1024 * 1024)
        self.assertEqual(self.taken("attacker", network="net"), 0)
        self.assertEqual(self.taken("victim", network="home"), 2, "as much as was left, and no less")

    def test_while_the_table_is_full_neighbours_share(self) -> None:
        self.limiter = self.of(3, 60.0, keys=2, shared=4)
        self.limiter.take("a", "net")
        self.limiter.take("b", "net")
        through = sum(self.taken(f"new-{number}", 1, "net") for number in range(100))
        self.assertEqual(through, 3 * 4)
        self.assertEqual(self.taken("far", network="elsewhere"), 3 * 4)

    def test_and_nobody_is_new_as_long_as_the_network_has_a_count(self) -> None:
        """Else whoever finds the table full once would begin again as soon as it has room."""
        self.limiter = self.of(3, 60.0, keys=1, shared=1)
        self.limiter.take("a", "home")
        self.assertEqual(self.taken("b", network="net"), 3)
        self.clock.advance(21)
        self.assertEqual(self.taken("c", network="other"), 3, "there is room for c again")
        self.assertEqual(self.taken("b", network="net"), 1)
        self.clock.advance(61)
        self.assertEqual(self.taken("b", network="net"), 3)

    def test_what_is_over_makes_room(self) -> None:
        self.limiter = self.of(3, 60.0, keys=10)
        for number in range(100):
            self.limiter.take(str(number))
            self.clock.advance(30)
            self.assertLessEqual(len(self.limiter), 10)
        self.assertIsNone(self.limiter._cells, "it never came to that")


class LimitsTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.limits = Limits(self.clock.seconds)

    def refusal(self, name: str, **of: str) -> PeerError:
        for _ in range(10_000):
            try:
                self.limits.check(name, **of)  # type: ignore[arg-type]
            except PeerError as why:
                return why
        raise AssertionError(f"{name} is never refused")

    def test_the_answer_names_the_limit_and_the_time(self) -> None:
        for name, of, words in (
            (
                "sign-in",
                {"address": "192.0.2.1"},
                "too many sign-in attempts from this address: try again in 9 s",
            ),
            ("claim", {"account": "ann"}, "too many wrong codes by this account: try again in 90 s"),
            (
                "magic-link",
                {"subject": "a@b.c"},
                "too many sign-in links to this mailbox: try again in 12 min",
            ),
            ("invite", {"subject": "org"}, "too many invites of this organisation: try again in 36 s"),
            ("write", {"account": "ann"}, "too many changes by this account: try again in 1 s"),
            ("upgrade", {"address": "::1"}, "too many connections from this address: try again in 1 s"),
        ):
            why = self.refusal(name, **of)
            self.assertEqual((why.status, str(why)), (429, words))
            self.assertEqual(list(why.headers), ["Retry-After"])
            self.assertGreater(int(why.headers["Retry-After"]), 0)

    def test_after_that_time_it_goes(self) -> None:
        for name in LIMITS:
            why = self.refusal(name, address="192.0.2.1", account="ann", subject="s")
            self.clock.advance(int(why.headers["Retry-After"]))
            self.limits.check(name, address="192.0.2.1", account="ann", subject="s")

    def test_each_counts_for_itself(self) -> None:
        self.refusal("claim", account="ann")
        self.assertRaises(PeerError, self.limits.check, "claim", address="192.0.2.1", account="ann")
        self.limits.check("claim", address="192.0.2.1", account="bob")
        self.limits.check("write", account="ann")

    def test_what_one_refuses_is_not_counted_by_the_other(self) -> None:
        self.refusal("claim", account="ann")
        for _ in range(1000):
            self.assertRaises(PeerError, self.limits.check, "claim", address="192.0.2.1", account="ann")
        for number in range(CLAIM_ATTEMPTS_PER_ADDRESS):
            self.limits.check("claim", address="192.0.2.1", account=str(number))

    def test_a_line_with_many_ipv6_addresses_is_one_client(self) -> None:
        for number in range(SIGN_INS_PER_ADDRESS):
            self.limits.check("sign-in", address=f"2001:db8:1:2::{number:x}")
        self.assertRaises(PeerError, self.limits.check, "sign-in", address="2001:db8:1:2:ffff::")
        self.limits.check("sign-in", address="2001:db8:1:3::")
        self.refusal("sign-in", address="192.0.2.1")
        self.limits.check("sign-in", address="192.0.2.2")

    def test_peers_without_an_address_are_one(self) -> None:
        self.refusal("sign-in", address="")
        self.limits.check("sign-in")

    def test_a_right_code_is_given_back(self) -> None:
        of = {"address": "192.0.2.1", "account": "ann"}
        for _ in range(10 * CLAIM_ATTEMPTS):
            self.limits.check("claim", **of)  # type: ignore[arg-type]
            self.limits.give_back("claim", **of)  # type: ignore[arg-type]

    def test_without_sign_in_its_one_user_is_not_limited(self) -> None:
        local = Limits(self.clock.seconds, LOCAL)
        for name in ("write", "upgrade", "invite", "sign-in"):
            for _ in range(5000):
                local.check(name, address="127.0.0.1", account="local")
        for name in sorted(LOCAL):
            with self.assertRaises(PeerError):
                for _ in range(5000):
                    local.check(name, address="127.0.0.1", account="local")

    def test_a_limit_that_does_not_exist(self) -> None:
        self.assertRaises(KeyError, self.limits.check, "writes", account="ann")


class GuessingTests(TestCase):
    """What a user code is worth: the odds of finding one that waits, as the constants are."""

    codes = len(USER_CODE_ALPHABET) ** USER_CODE_LENGTH
    day = 24 * 3600

    def tries(self, most: int, seconds: float) -> float:
        return most + most * seconds / CLAIM_WINDOW_SECONDS

    def test_the_code_of_one_machine(self) -> None:
        """Somebody waits for a particular login, with a hundred accounts at as many addresses."""
        tries = 100 * self.tries(CLAIM_ATTEMPTS, DEVICE_CODE_SECONDS)
        self.assertLess(tries / self.codes, 1 / 500_000)

    def test_any_code_on_the_busiest_day(self) -> None:
        """As many logins wait at every moment as can; one account tries all day."""
        tries = self.tries(CLAIM_ATTEMPTS, self.day)
        self.assertLess(tries * MAX_WAITING_DEVICE_CODES / self.codes, 1 / 1000)

    def test_one_address_with_any_number_of_accounts(self) -> None:
        tries = self.tries(CLAIM_ATTEMPTS_PER_ADDRESS, self.day)
        self.assertLess(tries * MAX_WAITING_DEVICE_CODES / self.codes, 1 / 350)

    def test_the_limits_hold_what_is_reckoned_with(self) -> None:
        clock = Clock()
        clock.advance(NOW)
        limits = Limits(clock.seconds)
        through = 0
        for _ in range(int(self.day / 30)):
            clock.advance(30)
            for _ in range(3):
                try:
                    limits.check("claim", account="eve")
                except PeerError:
                    break
                through += 1
        self.assertLessEqual(through, self.tries(CLAIM_ATTEMPTS, self.day))
