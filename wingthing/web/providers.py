"""Who vouches for people: what every provider has in common."""

from __future__ import annotations

from typing import Final, Protocol

import attrs

from wingthing.errors import PeerError
from wingthing.store.sign_in import Vouched
from wingthing.wire.account_limits import MAX_NAME_CHARS
from wingthing.wire.text import is_plain

MAX_URL_CHARS: Final = 2048


@attrs.frozen
class Attempt:
    """One way to a provider and back: what it is told, and must know on the way back."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str = attrs.field(repr=False)
    """Of PKCE (RFC 7636)."""

    challenge: str


class SignInFailed(PeerError):
    """The provider did not vouch, or not in a way that counts. The sentence is for the person."""

    status = 403


class Provider(Protocol):
    """A provider. Its methods raise SignInFailed, and TemporarilyUnavailable when it does not answer."""

    id: str
    """As in addresses: `github`, `google`, `oidc`."""

    name: str
    """As on buttons."""

    async def location(self, attempt: Attempt) -> str:
        """Where the browser goes."""

    async def person(self, attempt: Attempt, code: str, issuer: str | None) -> Vouched:
        """Who has come back with `code`; `issuer` is the parameter `iss` of RFC 9207 if there was one."""


def shown_name(given: str | None, email: str) -> str:
    """What a person is called at first: as the provider says, else what their address begins with. People see
    it on others' pages, so nothing is in it that could not be shown."""
    name = " ".join("".join(c if is_plain(c) else " " for c in given or "").split())
    return (name or email.rpartition("@")[0])[:MAX_NAME_CHARS]


def shown_picture(given: str | None) -> str:
    """The address of a person's picture, if it may stand in a page."""
    if not given or not given.startswith("https://") or len(given) > MAX_URL_CHARS or not given.isprintable():
        return ""
    return given
