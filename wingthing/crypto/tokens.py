"""Wing tokens: ES256 JWTs that any node can check with the public half of `WT_JWT_KEY` alone.

protocol.md section 2: `sub` user id, `iat`, `exp`, `pub` the wing's X25519 public key (base64), `wing` the
machine id. Ours also carry `jti`, by which one token can be revoked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from wingthing.errors import NotAuthenticated
from wingthing.wire.limits import TOKEN_LIFETIME_SECONDS

ALGORITHM = "ES256"


class WingToken(msgspec.Struct, frozen=True):
    """The claims of a checked token. `pub`, `wing` and `jti` are empty when it does not carry them."""

    user_id: str
    issued_at: int
    expires_at: int
    pub: str = ""
    wing: str = ""
    jti: str = ""


def mint(
    key: ec.EllipticCurvePrivateKey,
    *,
    user_id: str,
    now: float,
    jti: str,
    pub: str = "",
    wing: str = "",
    lifetime: int = TOKEN_LIFETIME_SECONDS,
) -> tuple[str, WingToken]:
    """A new token and its claims. `now` is Unix seconds, `lifetime` seconds, `jti` a random name for it."""
    issued = int(now)
    claims = WingToken(user_id, issued, issued + lifetime, pub, wing, jti)
    payload: dict[str, Any] = {"sub": user_id, "iat": issued, "exp": claims.expires_at, "jti": jti}
    if pub:
        payload["pub"] = pub
    if wing:
        payload["wing"] = wing
    return jwt.encode(payload, key, algorithm=ALGORITHM), claims


def check(token: str, keys: Sequence[ec.EllipticCurvePublicKey], *, now: float) -> WingToken:
    """The claims of `token`, signed with one of `keys`.

    Raises NotAuthenticated when it is malformed, signed otherwise (`alg: none` and HS256 included), expired
    at `now`, or made for another audience (node tokens carry `aud`, wing tokens never).
    """
    payload = decode(token, keys, audience=None, require=["sub", "exp"])
    try:
        claims = msgspec.convert(
            {
                "user_id": payload["sub"],
                "issued_at": payload.get("iat", 0),
                "expires_at": payload["exp"],
                "pub": payload.get("pub") or "",
                "wing": payload.get("wing") or "",
                "jti": payload.get("jti") or "",
            },
            WingToken,
        )
    except msgspec.ValidationError as why:
        raise NotAuthenticated("the token is not valid") from why
    if not claims.user_id:
        raise NotAuthenticated("the token is not valid")
    if claims.expires_at <= now:
        raise NotAuthenticated("the token has expired: log in again")
    return claims


def decode(
    token: str, keys: Sequence[ec.EllipticCurvePublicKey], *, audience: str | None, require: list[str]
) -> dict[str, Any]:
    """The payload of a token that one of `keys` has signed for `audience`; its times are not looked at.

    Raises NotAuthenticated.
    """
    # The library would compare with the machine's clock: time is checked by the caller, against its own.
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": require}
    failed: Exception | None = None
    for key in keys:
        try:
            payload: dict[str, Any] = jwt.decode(
                token, key, algorithms=[ALGORITHM], audience=audience, options=options
            )
            return payload
        except jwt.InvalidSignatureError as why:
            failed = why
        except jwt.PyJWTError as why:
            failed = why
            break
    raise NotAuthenticated("the token is not valid") from failed
