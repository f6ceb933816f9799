"""Tokens that nodes of a fleet make for each other: ES256 JWTs signed with the key that they share.

`iss` is the machine, `aud` what the token is for, `jti` its name, `exp` a minute ahead. A wing's token has no
`aud`, and a node's no `sub`: neither stands in for the other.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.tokens import ALGORITHM, decode
from wingthing.errors import NotAuthenticated
from wingthing.wire.limits import CLOCK_SKEW_SECONDS, INTERNAL_TOKEN_SECONDS


class Audience(enum.StrEnum):
    """What a node's token is for."""

    INTERNAL = "internal"
    """A request to `/internal/`; counts once."""

    ANSWER = "answer"
    """The answer to such a request; `nonce` is the request's `jti`."""

    EDGE = "edge"
    """Requests of browsers that an edge passes on to login."""

    REPLAY = "replay"
    """The `state` of a request that Fly's proxy sends to another machine."""


class NodeToken(msgspec.Struct, frozen=True):
    """The claims of a checked token. Times are Unix seconds."""

    machine: str
    jti: str
    expires_at: int
    nonce: str = ""
    passed: dict[str, Any] = {}
    """What the node passes on to the one that reads the token."""


def mint(
    ring: KeyRing,
    audience: Audience,
    *,
    machine: str,
    now: float,
    jti: str,
    nonce: str = "",
    passed: dict[str, Any] | None = None,
) -> str:
    """A new token of `machine`. `jti` is a random name for it; `passed` must be JSON."""
    payload: dict[str, Any] = {
        "iss": machine,
        "aud": str(audience),
        "iat": int(now),
        "exp": int(now) + INTERNAL_TOKEN_SECONDS,
        "jti": jti,
    }
    if nonce:
        payload["nonce"] = nonce
    if passed:
        payload["passed"] = passed
    return jwt.encode(payload, ring.signing, algorithm=ALGORITHM)


def check(
    token: str, keys: Sequence[ec.EllipticCurvePublicKey], audience: Audience, *, now: float
) -> NodeToken:
    """The claims of `token`.

    Raises NotAuthenticated when it is malformed, signed otherwise, made for another audience, expired, or
    valid for longer than a node's token may be; clocks may differ by CLOCK_SKEW_SECONDS.
    """
    payload = decode(token, keys, audience=str(audience), require=["iss", "exp", "iat", "jti"])
    try:
        claims = msgspec.convert(
            {
                "machine": payload["iss"],
                "jti": payload["jti"],
                "expires_at": payload["exp"],
                "nonce": payload.get("nonce", ""),
                "passed": payload.get("passed", {}),
            },
            NodeToken,
        )
    except msgspec.ValidationError as why:
        raise NotAuthenticated("the token is not valid") from why
    left = claims.expires_at - now
    if not -CLOCK_SKEW_SECONDS < left <= INTERNAL_TOKEN_SECONDS + CLOCK_SKEW_SECONDS:
        raise NotAuthenticated("the token has expired")
    if not claims.machine or not claims.jti:
        raise NotAuthenticated("the token is not valid")
    return claims
