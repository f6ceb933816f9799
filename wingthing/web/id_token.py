"""The identity of OpenID Connect: a JWT that the provider has signed (Core 1.0 section 3.1.3.7)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Final

import jwt
import msgspec

from wingthing.wire.account_limits import PROVIDER_SKEW_SECONDS

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signed with a private key. With HS256 whoever has our client secret could sign, and a library that takes a
public key for such a secret would let everybody."""

KINDS: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""The kind of key that an algorithm goes with, by its first two letters."""


class Claims(msgspec.Struct, frozen=True):
    """What is read of an identity."""

    iss: str
    sub: str
    exp: float
    iat: float
    aud: str | list[str]
    azp: str | None = None
    nbf: float | None = None
    nonce: str | None = None
    email: str | None = None
    email_verified: bool | str | None = None
    name: str | None = None
    preferred_username: str | None = None
    picture: str | None = None


class Invalid(Exception):
    """The token does not count. The text is for the log: it quotes nothing of the token."""


class UnknownKey(Invalid):
    """It is signed with a key that the provider has not published, as far as is known here."""


def check(
    token: str, keys: Iterable[object], *, issuer: str, client_id: str, nonce: str, now: float
) -> Claims:
    """The claims of a token that one of `keys` (the `keys` of a JWKS) has signed.

    Raises UnknownKey when none of them fits it, and Invalid when it is malformed, signed otherwise, for
    another client, by another issuer, for another attempt (`nonce`), expired, or from the future.
    """
    key, algorithm = _key_of(token, keys)
    options: Any = {
        # The library would compare with the machine's clock.
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
        "require": ["iss", "sub", "aud", "exp", "iat", "nonce"],
    }
    try:
        payload = jwt.decode(
            token, key, algorithms=[algorithm], audience=client_id, issuer=issuer, options=options
        )
        claims = msgspec.convert(payload, Claims)
    except (jwt.PyJWTError, msgspec.ValidationError, ValueError, TypeError) as why:
        raise Invalid(type(why).__name__) from why
    if not claims.sub or claims.iss != issuer:
        raise Invalid("subject or issuer")
    if isinstance(claims.aud, list) and len(claims.aud) > 1 and claims.azp is None:
        raise Invalid("several audiences, and none that it was made for")
    if claims.azp is not None and claims.azp != client_id:
        raise Invalid("made for another client")
    if claims.nonce is None or not hmac.compare_digest(claims.nonce.encode(), nonce.encode()):
        raise Invalid("nonce")
    if claims.exp <= now - PROVIDER_SKEW_SECONDS:
        raise Invalid("expired")
    if max(claims.iat, claims.nbf or 0) > now + PROVIDER_SKEW_SECONDS:
        raise Invalid("from the future: compare the clocks")
    return claims


def _key_of(token: str, keys: Iterable[object]) -> tuple[Any, str]:
    """The key that a token names, and the algorithm, which that key must be for."""
    try:
        head = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as why:
        raise Invalid("no JWT") from why
    algorithm, named = head.get("alg"), head.get("kid")
    if algorithm not in ALGORITHMS:
        raise Invalid("algorithm")
    fitting = [
        key
        for key in keys
        if isinstance(key, Mapping)
        and key.get("kty") == KINDS[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (named is None or key.get("kid") == named)
    ]
    if not fitting:
        raise UnknownKey("key")
    if len(fitting) > 1:
        raise Invalid("it fits several keys")
    try:
        return jwt.PyJWK(dict(fitting[0]), algorithm).key, algorithm
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as why:
        raise Invalid("the key is malformed") from why
