"""Signatures of a payment provider's events: Stripe's scheme (docs.stripe.com/webhooks, "Verify manually").

The header `Stripe-Signature` has `t=<unix seconds>,v1=<hex>[,v1=<hex>...]`; while the secret is replaced
there are several v1. Each is the HMAC-SHA256 of `<t>.<body>` with the endpoint's secret. Any other scheme
(`v0` is for the provider's own tests) counts for nothing.
"""

from __future__ import annotations

import hashlib
import hmac

from wingthing.errors import InvalidMessage

SCHEME = "v1"
MOST_PARTS = 16
"""Of a header; what comes after that is not looked at."""


def verify(header: str, body: bytes, secret: str, *, now: float, tolerance: float) -> None:
    """Whether `body` is as the holder of the secret has signed it, at most `tolerance` seconds ago.

    Raises InvalidMessage when it is not.
    """
    stamps, signatures = _parts(header)
    if len(stamps) != 1 or not (stamps[0].isascii() and stamps[0].isdecimal() and len(stamps[0]) <= 12):
        raise InvalidMessage("the signature names no time")
    expected = signature(stamps[0], body, secret).encode()
    # All of them, and each in constant time: how long it takes says nothing of how much was right.
    matches = [hmac.compare_digest(expected, each.encode()) for each in signatures]
    if not any(matches):
        raise InvalidMessage("the signature is not that of this endpoint's secret")
    if abs(now - int(stamps[0])) > tolerance:
        raise InvalidMessage("the signature is too old, or the clocks differ")


def signature(stamp: str, body: bytes, secret: str) -> str:
    """The signature of a body at a time, in hex."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _parts(header: str) -> tuple[list[str], list[str]]:
    """The times and the v1 signatures in a header."""
    pairs = [part.strip().partition("=") for part in header.split(",")[:MOST_PARTS]]
    stamps = [value for name, _, value in pairs if name == "t"]
    return stamps, [value for name, _, value in pairs if name == SCHEME]
