"""Plans, from the environment: the cap, the rate, and the payment provider."""

from __future__ import annotations

from collections.abc import Mapping

import hyperlink

from wingthing.errors import OperatorError
from wingthing.names import (
    ENV_BILLING_CHECKOUT_URL,
    ENV_BILLING_PORTAL_URL,
    ENV_BILLING_WEBHOOK_SECRET,
    ENV_FREE_CAP_BYTES,
    ENV_RATE_BITS,
)
from wingthing.web.plan_settings import Billing, PlanSettings
from wingthing.wire.internal import Terms
from wingthing.wire.limits import FREE_CAP_BYTES, RATE_BITS


def plan_settings(environment: Mapping[str, str], *, with_sign_in: bool) -> PlanSettings:
    """What the environment says. Raises OperatorError for what cannot be right, and half a configuration."""
    terms = Terms(
        cap_bytes=_number(environment, ENV_FREE_CAP_BYTES, FREE_CAP_BYTES),
        rate_bits=_number(environment, ENV_RATE_BITS, RATE_BITS),
    )
    billing = _billing(environment)
    if billing is not None and not with_sign_in:
        raise OperatorError(
            f"{ENV_BILLING_CHECKOUT_URL} is set, but no way to sign in is: there is nobody who could pay. "
            "Configure sign-in, or unset it."
        )
    return PlanSettings(terms, billing)


def _number(environment: Mapping[str, str], name: str, usual: int) -> int | None:
    """0 stands for none."""
    given = environment.get(name, "").strip()
    if not given:
        return usual
    if not (given.isascii() and given.isdecimal() and len(given) <= 18):
        raise OperatorError(f"{name} is {given!r}: write a whole number, or 0 for no limit.")
    return int(given) or None


def _billing(environment: Mapping[str, str]) -> Billing | None:
    secret = environment.get(ENV_BILLING_WEBHOOK_SECRET, "").strip()
    checkout = _url(environment, ENV_BILLING_CHECKOUT_URL)
    portal = _url(environment, ENV_BILLING_PORTAL_URL)
    if not secret and not checkout and not portal:
        return None
    for name, value, why in (
        (ENV_BILLING_WEBHOOK_SECRET, secret, "nobody would get the plan that they have paid for"),
        (ENV_BILLING_CHECKOUT_URL, checkout, "nobody could pay for a plan"),
    ):
        if not value:
            raise OperatorError(f"{name} is not set, and other WT_BILLING_ variables are: {why}. Set it too.")
    return Billing(secret, checkout, portal)


def _url(environment: Mapping[str, str], name: str) -> str:
    given = environment.get(name, "").strip()
    if not given:
        return ""
    try:
        url = hyperlink.parse(given)
    except (hyperlink.URLParseError, ValueError) as why:
        raise OperatorError(f"{name} is {given!r}, which is not a URL.") from why
    if url.scheme not in ("http", "https") or not url.host:
        raise OperatorError(f"{name} is {given!r}: write the whole address, beginning with https://.")
    return given
