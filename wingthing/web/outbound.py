"""Asks other people's HTTP servers: with a deadline, answers of a bounded length, and nothing in the log that
was said."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
import treq
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from zope.interface import implementer

from wingthing import __version__
from wingthing.errors import TemporarilyUnavailable
from wingthing.failures import error_words
from wingthing.wire.account_limits import MAX_PROVIDER_BYTES, PROVIDER_SECONDS

FORM = "application/x-www-form-urlencoded"


@implementer(IAgent)
class AsItComes:
    """An HTTP client that neither asks for packed answers nor unpacks any: a little of gzip is so much memory
    before anybody has counted it. Treq's own does both."""

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None
    ) -> Deferred[IResponse]:
        if headers is not None:
            headers.removeHeader(b"accept-encoding")
        return self._agent.request(method, uri, headers, bodyProducer).addCallback(_packed)


def _packed(response: IResponse) -> IResponse:
    response.headers.removeHeader(b"content-encoding")
    return response


class Outbound:
    """Every method answers the status and the JSON of the answer, None when it is none.

    Raises TemporarilyUnavailable when no whole answer comes in time. Redirects are not followed.
    """

    log = Logger()

    def __init__(self, clock: Any, agent: IAgent) -> None:
        """`clock` provides IReactorTime."""
        self._clock = clock
        self._agent = agent

    async def get(self, url: str, *, bearer: str = "") -> tuple[int, object]:
        """Ask, as the owner of a token if there is one."""
        return await self._ask("GET", url, {"Authorization": f"Bearer {bearer}"} if bearer else {}, None)

    async def post_form(
        self, url: str, fields: Mapping[str, str], *, basic: tuple[str, str] | None = None
    ) -> tuple[int, object]:
        """Send a form, as a client with that name and secret if one is given (RFC 6749 section 2.3.1)."""
        headers = {"Content-Type": FORM}
        if basic is not None:
            pair = ":".join(urlencode({"": part})[1:] for part in basic)
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return await self._ask("POST", url, headers, urlencode(fields).encode())

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | None
    ) -> tuple[int, object]:
        sent = {"Accept": "application/json", "User-Agent": f"wingthing/{__version__}", **headers}
        host = urlsplit(url).hostname
        asking: Deferred[tuple[int, bytes]] = Deferred.fromCoroutine(self._exchange(method, url, sent, data))
        asking.addTimeout(PROVIDER_SECONDS, self._clock)
        try:
            status, answer = await asking
        except TemporarilyUnavailable:
            raise
        except Exception as why:
            # Whatever goes wrong below HTTP. Not the address: tokens and codes may be in it.
            self.log.warn("{host} cannot be asked: {why}", host=host, why=error_words(why))
            raise TemporarilyUnavailable(f"{host} does not answer just now: try again in a minute") from None
        try:
            return status, msgspec.json.decode(answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return status, None

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | None
    ) -> tuple[int, bytes]:
        given = {name: [value] for name, value in headers.items()}
        # A client of its own for each request: it would carry one person's cookies into the next one's.
        response: IResponse = await HTTPClient(AsItComes(self._agent)).request(
            method, url, headers=Headers(given), data=data, allow_redirects=False, unbuffered=True
        )
        parts: list[bytes] = []
        size = 0

        def take(part: bytes) -> None:
            nonlocal size
            size += len(part)
            if size > MAX_PROVIDER_BYTES:
                raise TemporarilyUnavailable(f"{urlsplit(url).hostname} answers at too great a length")
            parts.append(part)

        await treq.collect(response, take)
        return response.code, b"".join(parts)
