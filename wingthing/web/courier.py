"""Sends one request and wants to know its status: with a deadline, and without reading a long answer."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

import treq
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse

from wingthing import __version__
from wingthing.errors import TemporarilyUnavailable
from wingthing.failures import error_words
from wingthing.web.outbound import AsItComes
from wingthing.wire.account_limits import NOTIFICATION_SECONDS

MAX_ANSWER_BYTES: Final = 4096


class _Enough(Exception):
    """The status has come, and more words than anybody wants to read."""


class Courier:
    """Posts what it is given. Redirects are not followed, and no cookies are kept."""

    def __init__(self, clock: Any, agent: IAgent) -> None:
        """`clock` provides IReactorTime."""
        self._clock = clock
        self._agent = agent

    async def post(self, url: str, headers: Mapping[str, str], data: bytes) -> int:
        """The status of the answer. Raises TemporarilyUnavailable when none comes in time."""
        sending: Deferred[int] = Deferred.fromCoroutine(self._exchange(url, headers, data))
        sending.addTimeout(NOTIFICATION_SECONDS, self._clock)
        try:
            return await sending
        except CancelledError:
            raise
        except Exception as why:
            # Whatever goes wrong below HTTP. Without the address: it can be as good as a password.
            raise TemporarilyUnavailable(f"it cannot be reached: {error_words(why)}") from None

    async def _exchange(self, url: str, headers: Mapping[str, str], data: bytes) -> int:
        given = {name: [value] for name, value in headers.items()}
        given["User-Agent"] = [f"wingthing/{__version__}"]
        # A client of its own for each request: it would carry one user's cookies into the next one's.
        response: IResponse = await HTTPClient(AsItComes(self._agent)).post(
            url, headers=Headers(given), data=data, allow_redirects=False, unbuffered=True
        )
        size = 0

        def take(part: bytes) -> None:
            nonlocal size
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise _Enough

        # Who leaves an answer unread keeps its connection.
        with contextlib.suppress(_Enough):
            await treq.collect(response, take)
        return response.code
