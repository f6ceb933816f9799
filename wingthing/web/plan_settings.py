"""What the operator has said of plans."""

from __future__ import annotations

from typing import Final

import attrs

from wingthing.wire.internal import Terms
from wingthing.wire.limits import FREE_CAP_BYTES, RATE_BITS

USUAL_TERMS: Final = Terms(cap_bytes=FREE_CAP_BYTES, rate_bits=RATE_BITS)
"""What the free plan allows where people sign in, and the rate for everybody there."""


@attrs.frozen
class Billing:
    """A payment provider that speaks Stripe's webhooks."""

    webhook_secret: str = attrs.field(repr=False)
    checkout_url: str
    """A payment link; whom it is for is added to it."""

    portal_url: str = ""
    """Where people see and cancel what they pay for; empty when they have to ask the operator."""


@attrs.frozen
class PlanSettings:
    """What users may have, and how plans are paid."""

    terms: Terms = USUAL_TERMS
    billing: Billing | None = None
    """None: whoever wants the pro plan has it."""


USUAL: Final = PlanSettings()
