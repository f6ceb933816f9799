"""How often: limits by address and by account, in bounded memory, on a clock that is given.

Each count is one number, the time at which it will be nothing again (GCRA, the generic cell rate algorithm of
ITU-T I.371): `most` may come at once, and then one each `window / most` seconds.

A count is forgotten only when it is nothing. While a table is full of counts that are something, newcomers
are counted together with their neighbours, in cells whose number is fixed. So a million addresses take
neither more memory nor anybody's count away; and who has a million, has them in a few networks, which wait.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection, Mapping
from typing import Final

import attrs

from wingthing.errors import PeerError
from wingthing.relay.client_address import client_of, neighbours_of
from wingthing.wire import account_limits as limits

CELLS: Final = 16_384
"""Cells for the newcomers to a full table; several networks may share one, and then wait for each other."""

NEIGHBOURS: Final = 16
"""A network of addresses may do so many times what one address may."""

SWEEP_SECONDS: Final = 1.0
"""How often a full table is searched for counts that are nothing, at most."""

ROUNDING_SECONDS: Final = 0.001
"""Unix time as a float has steps of a quarter of a microsecond, and hundreds of them add up."""

NO_ADDRESS: Final = "no address"
"""Peers that have none are one client."""


@attrs.frozen
class Rate:
    """`most` at once, and as many again, evenly, within `window` seconds."""

    most: int
    window: float

    @property
    def interval(self) -> float:
        """From one to the next."""
        return self.window / self.most


class Limiter:
    """Counts by key. `seconds` tells the time; at most `keys` are counted one by one."""

    def __init__(
        self, seconds: Callable[[], float], rate: Rate, keys: int = limits.MAX_LIMITED_KEYS, shared: int = 1
    ) -> None:
        """`shared`: what a network of keys may do together, as a multiple of the rate."""
        self._seconds = seconds
        self._rate = rate
        self._keys = keys
        self._shared = Rate(rate.most * shared, rate.window)
        self._free_at: dict[str, float] = {}
        self._cells: array[float] | None = None
        self._swept_at = -math.inf

    def __len__(self) -> int:
        return len(self._free_at)

    def wait(self, key: str, network: str = "", times: int = 1) -> float:
        """Seconds until `key` may do it so many times more; 0 for now. `network` is what it is a part of."""
        free_at, rate, _cell = self._find(key, network)
        ahead = free_at - self._seconds() + min(times, rate.most) * rate.interval
        return ahead - rate.window if ahead - rate.window > ROUNDING_SECONDS else 0.0

    def count(self, key: str, network: str = "", times: int = 1) -> None:
        """It does it now."""
        free_at, rate, cell = self._find(key, network)
        after = free_at + min(times, rate.most) * rate.interval
        if cell is None:
            self._free_at[key] = after
        else:
            if self._cells is None:
                self._cells = array("d", bytes(8 * CELLS))
            self._cells[cell] = after

    def take(self, key: str, network: str = "") -> bool:
        """Count it if it may be done; whether it may."""
        if self.wait(key, network) > 0:
            return False
        self.count(key, network)
        return True

    def give_back(self, key: str) -> None:
        """One of those that were counted was none. What is counted together stays so."""
        if key in self._free_at:
            self._free_at[key] -= self._rate.interval

    def _find(self, key: str, network: str) -> tuple[float, Rate, int | None]:
        """When the count will be nothing, at which rate, and the cell if it is in one."""
        now = self._seconds()
        free_at = self._free_at.get(key)
        if free_at is not None and free_at > now:
            return free_at, self._rate, None
        cell = hash(network or key) % CELLS
        shared = self._cells[cell] if self._cells is not None else 0.0
        # As long as its network has a count that it may have a part in, a newcomer is not new.
        if shared > now or (free_at is None and not self._has_room(now)):
            return max(shared, now), self._shared, cell
        return now, self._rate, None

    def _has_room(self, now: float) -> bool:
        if len(self._free_at) >= self._keys and now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            self._free_at = {key: at for key, at in self._free_at.items() if at > now}
        return len(self._free_at) < self._keys


@attrs.frozen
class Limit:
    """What is limited, in words, and by what it is counted. `of_whom` is who a `subject` is."""

    words: str
    address: Rate | None = None
    account: Rate | None = None
    subject: Rate | None = None
    of_whom: str = ""


def _table() -> dict[str, Limit]:
    claim, invite, write = (
        limits.CLAIM_WINDOW_SECONDS,
        limits.INVITE_WINDOW_SECONDS,
        limits.WRITE_WINDOW_SECONDS,
    )
    link, upgrade = limits.LINK_WINDOW_SECONDS, limits.UPGRADE_WINDOW_SECONDS
    return {
        "sign-in": Limit(
            "sign-in attempts", address=Rate(limits.SIGN_INS_PER_ADDRESS, limits.SIGN_IN_WINDOW_SECONDS)
        ),
        "magic-link": Limit(
            "sign-in links",
            address=Rate(limits.LINKS_PER_CLIENT, link),
            subject=Rate(limits.LINKS_PER_MAILBOX, link),
            of_whom="to this mailbox",
        ),
        "one-time-link": Limit(
            "wrong links",
            address=Rate(limits.ONE_TIME_LINKS_PER_ADDRESS, limits.ONE_TIME_LINK_WINDOW_SECONDS),
        ),
        "device-code": Limit(
            "device logins", address=Rate(limits.DEVICE_CODES_PER_ADDRESS, limits.DEVICE_CODE_WINDOW_SECONDS)
        ),
        "device-poll": Limit(
            "questions for a token",
            address=Rate(limits.DEVICE_POLLS_PER_ADDRESS, limits.DEVICE_POLL_WINDOW_SECONDS),
        ),
        "claim": Limit(
            "wrong codes",
            address=Rate(limits.CLAIM_ATTEMPTS_PER_ADDRESS, claim),
            account=Rate(limits.CLAIM_ATTEMPTS, claim),
        ),
        "invite": Limit(
            "invites",
            account=Rate(limits.INVITES_PER_ACCOUNT, invite),
            subject=Rate(limits.INVITES_PER_ORG, invite),
            of_whom="of this organisation",
        ),
        "test-notification": Limit(
            "test notifications",
            account=Rate(limits.TEST_NOTIFICATIONS_PER_ACCOUNT, limits.NOTIFICATION_WINDOW_SECONDS),
        ),
        "write": Limit(
            "changes",
            address=Rate(limits.WRITES_PER_ADDRESS, write),
            account=Rate(limits.WRITES_PER_ACCOUNT, write),
        ),
        "lookup": Limit(
            "questions for addresses",
            account=Rate(limits.LOOKUPS_PER_ACCOUNT, limits.LOOKUP_WINDOW_SECONDS),
        ),
        "download": Limit(
            "downloads", account=Rate(limits.DOWNLOADS_PER_ACCOUNT, limits.DOWNLOAD_WINDOW_SECONDS)
        ),
        "upgrade": Limit(
            "connections",
            address=Rate(limits.UPGRADES_PER_ADDRESS, upgrade),
            account=Rate(limits.UPGRADES_PER_ACCOUNT, upgrade),
        ),
    }


LIMITS: Final[Mapping[str, Limit]] = _table()

LOCAL: Final = frozenset({"one-time-link", "device-code", "device-poll", "claim"})
"""Those of a server without sign-in, whose one user is who runs it: what others could guess at, or fill."""


class Limits:
    """The counts of one node. Of the limits that are not `enforced` nothing is counted."""

    def __init__(self, seconds: Callable[[], float], enforced: Collection[str] = frozenset(LIMITS)) -> None:
        self._enforced = frozenset(enforced)
        self._limiters: dict[tuple[str, str], Limiter] = {}
        for name in self._enforced:
            limit = LIMITS[name]
            for kind, rate in (
                ("address", limit.address),
                ("account", limit.account),
                ("subject", limit.subject),
            ):
                if rate is not None:
                    shared = NEIGHBOURS if kind == "address" else 1
                    self._limiters[name, kind] = Limiter(seconds, rate, shared=shared)

    def check(
        self, name: str, *, address: str | None = None, account: str = "", subject: str = "", times: int = 1
    ) -> None:
        """Count it, by each of what is given; `address` is the client's, empty for a peer without one.

        Raises PeerError (429) when it has been too often by one of them; then nothing is counted.
        """
        counted = self._counted(name, address, account, subject)
        waits = [(limiter.wait(key, network, times), kind) for kind, limiter, key, network in counted]
        longest, kind = max(waits, default=(0.0, ""))
        if longest > 0:
            raise too_many(LIMITS[name], kind, longest)
        for _kind, limiter, key, network in counted:
            limiter.count(key, network, times)

    def give_back(
        self, name: str, *, address: str | None = None, account: str = "", subject: str = ""
    ) -> None:
        """What was counted was none after all: the code was right."""
        for _kind, limiter, key, _network in self._counted(name, address, account, subject):
            limiter.give_back(key)

    def _counted(
        self, name: str, address: str | None, account: str, subject: str
    ) -> list[tuple[str, Limiter, str, str]]:
        if name not in LIMITS:
            raise KeyError(name)
        found = []
        if address is not None and (limiter := self._limiters.get((name, "address"))) is not None:
            where = address or NO_ADDRESS
            found.append(("address", limiter, client_of(where), neighbours_of(where)))
        for kind, key in (("account", account), ("subject", subject)):
            if key and (limiter := self._limiters.get((name, kind))) is not None:
                found.append((kind, limiter, key, ""))
        return found


def too_many(limit: Limit, kind: str, wait: float) -> PeerError:
    """The answer to who has to wait."""
    seconds = max(1, math.ceil(wait - ROUNDING_SECONDS))
    whose = {"address": "from this address", "account": "by this account", "subject": limit.of_whom}[kind]
    when = f"{seconds} s" if seconds < 120 else f"{math.ceil(seconds / 60)} min"
    return PeerError(
        f"too many {limit.words} {whose}: try again in {when}",
        status=429,
        headers={"Retry-After": str(seconds)},
    )
