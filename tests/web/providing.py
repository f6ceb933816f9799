"""A stand-in for the HTTP of providers: answers by address, and what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from wingthing.web.outbound import Outbound
from wingthing.web.providers import Attempt

ATTEMPT = Attempt(
    "https://wt.example/auth/x/callback", "the-state", "the-nonce", "the-verifier", "the-challenge"
)

Answer = tuple[int, object]


class FakeOutbound:
    """Answers what `answers` says; an address that is not there is a bug of the test."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        self.asked: list[tuple[str, dict[str, str], object]] = []

    @property
    def it(self) -> Outbound:
        return cast(Outbound, self)

    def times(self, url: str) -> int:
        return sum(1 for asked, _fields, _secret in self.asked if asked == url)

    async def get(self, url: str, *, bearer: str = "") -> Answer:
        return self._answer(url, {}, bearer)

    async def post_form(
        self, url: str, fields: Mapping[str, str], *, basic: tuple[str, str] | None = None
    ) -> Answer:
        return self._answer(url, dict(fields), basic)

    def _answer(self, url: str, fields: dict[str, str], secret: object) -> Answer:
        self.asked.append((url, fields, secret))
        answer = self.answers[url]
        return answer() if callable(answer) else answer
